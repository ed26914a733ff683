/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/gss.h"
#include "proto/http.h"

enum { HTTP_TOKEN_MAX = 16384 };

struct credentials {
	struct text scheme, value;
};

static struct credentials credentials_of(const htp_tx_t *tx)
{
	struct text header = http_header(tx->request_headers, "authorization");
	if (!header.n)
		header = http_header(tx->request_headers, "proxy-authorization");
	header = text_trim(header);
	size_t n = text_find(header, ' ');
	return (struct credentials){
	    .scheme = text_sub(header, 0, n),
	    .value = text_trim(text_sub(header, n, header.n)),
	};
}

/* base64 of "user:password"; the password goes nowhere. */
static void basic_user(struct proto_context *c, struct text value)
{
	bstr *plain = value.n && value.n <= HTTP_TOKEN_MAX ? htp_base64_decode_mem(value.p, value.n) : NULL;
	struct text pair = http_text(plain);
	proto_field(c, FIELD_AUTH_USER, text_sub(pair, 0, text_find(pair, ':')));
	bstr_free(plain);
}

/* username="..." among the parameters, which commas part. */
static void digest_user(struct proto_context *c, struct text value)
{
	const struct text key = TEXT("username=");
	for (size_t at = 0; at + key.n < value.n; at++) {
		if ((at && value.p[at - 1] != ' ' && value.p[at - 1] != ',') ||
		    !text_starts_nocase(text_sub(value, at, key.n), key))
			continue;
		struct text user = text_sub(value, at + key.n, value.n);
		char close = user.n && user.p[0] == '"' ? '"' : ',';
		if (close == '"')
			user = text_sub(user, 1, user.n);
		proto_field(c, FIELD_AUTH_USER, text_sub(user, 0, text_find(user, close)));
		return;
	}
}

/* NTLM or SPNEGO (RFC 4559). Whether this token names somebody: an opening of NTLM doesn't yet. */
static bool negotiate_user(struct proto_context *c, struct text value)
{
	struct gss_auth auth = {0};
	bstr *token = value.n && value.n <= HTTP_TOKEN_MAX ? htp_base64_decode_mem(value.p, value.n) : NULL;
	if (!token)
		return false;
	gss_auth_update(&auth, bstr_ptr(token), bstr_len(token));
	bstr_free(token);
	if (auth.named)
		gss_auth_fields(c, &auth);
	return auth.named;
}

void http_auth_fields(struct proto_context *c, const htp_tx_t *tx)
{
	struct credentials sent = credentials_of(tx);
	int status = tx->response_status_number;
	if (!sent.scheme.n)
		return;
	if (text_equal_nocase(sent.scheme, TEXT("NTLM")) ||
	    text_equal_nocase(sent.scheme, TEXT("Negotiate"))) {
		if (!negotiate_user(c, sent.value))
			return;
	} else {
		if (text_equal_nocase(sent.scheme, TEXT("Basic")))
			basic_user(c, sent.value);
		else if (text_equal_nocase(sent.scheme, TEXT("Digest")))
			digest_user(c, sent.value);
		proto_field(c, FIELD_AUTH_METHOD, sent.scheme);
	}
	if (status == 401 || status == 403 || status == 407)
		proto_field_str(c, FIELD_AUTH_RESULT, "failure");
	else if (status >= 200 && status <= 399)
		proto_field_str(c, FIELD_AUTH_RESULT, "success");
}
