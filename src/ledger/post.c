/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/post.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

#include "base/err.h"

enum { HEADER_SIZE = 128, HTTP_OK = 200 };

struct answer {
	struct dynbuf *out;
	size_t left;
	bool longer;
};

static size_t take(char *p, size_t size, size_t n, void *context)
{
	struct answer *a = context;
	if (size != 1 || n > a->left) {
		a->longer = true;
		return 0;
	}
	a->left -= n;
	dynbuf_append(a->out, p, n);
	return a->out->error ? 0 : n;
}

static int error_of(CURLcode code, const struct answer *a, long status)
{
	if (a->longer)
		return -ERR_LIMIT;
	if (a->out->error)
		return a->out->error;
	switch ((int)code) {
	case CURLE_OK: return status == HTTP_OK ? 0 : -EPROTO;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return -EINVAL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT: return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY: return -ENOMEM;
	default: return -EPROTO;
	}
}

static CURLcode set_up(CURL *c, const char *url, const char *tls_ca, struct curl_slist *headers,
    struct text body, struct answer *a, char *message)
{
	CURLcode codes[] = {
	    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, message),
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https"),
	    curl_easy_setopt(c, CURLOPT_URL, url),
	    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L),
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L),
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)POST_CONNECT_S),
	    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)POST_TOTAL_S),
	    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers),
	    curl_easy_setopt(c, CURLOPT_POST, 1L),
	    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n),
	    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.n ? body.p : ""),
	    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take),
	    curl_easy_setopt(c, CURLOPT_WRITEDATA, a),
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] != CURLE_OK)
			return codes[i];
	if (!tls_ca)
		return CURLE_OK;
	/* the system's would count beside it: curl is built with their folder */
	CURLcode code = curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	return code == CURLE_OK ? curl_easy_setopt(c, CURLOPT_CAINFO, tls_ca) : code;
}

int post(const char *url, const char *tls_ca, const char *content_type, struct text body, size_t max,
    struct dynbuf *out, long *ret_status, char *error)
{
	char header[HEADER_SIZE], message[CURL_ERROR_SIZE] = "";
	struct answer a = {.out = out, .left = max};
	long status = 0;
	snprintf(header, sizeof(header), "Content-Type: %s", content_type);
	CURL *c = curl_easy_init();
	/* Without it curl asks first whether it may send more than a kilobyte, and waits. */
	struct curl_slist *first = curl_slist_append(NULL, "Expect:");
	struct curl_slist *headers = first ? curl_slist_append(first, header) : NULL;
	CURLcode code = c && headers ? set_up(c, url, tls_ca, headers, body, &a, message)
	                             : CURLE_OUT_OF_MEMORY;
	if (code == CURLE_OK)
		code = curl_easy_perform(c);
	if (code == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	int r = error_of(code, &a, status);
	if (r == -ERR_LIMIT)
		snprintf(error, POST_ERROR_SIZE, "the answer is longer than %zu bytes", max);
	else if (code == CURLE_OK && r < 0)
		snprintf(error, POST_ERROR_SIZE, "it answered with status %ld", status);
	else if (r < 0)
		snprintf(error, POST_ERROR_SIZE, "%s", message[0] ? message : curl_easy_strerror(code));
	if (ret_status)
		*ret_status = status;
	curl_slist_free_all(headers ? headers : first);
	if (c)
		curl_easy_cleanup(c);
	return r;
}
