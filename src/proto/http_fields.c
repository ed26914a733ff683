/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/http.h"

/* What libhtp puts in place of a request that it hasn't seen. */
#define HTTP_NO_REQUEST TEXT("/libhtp::request_uri_not_seen")

struct text http_text(const bstr *b)
{
	return b ? text_bytes(bstr_ptr(b), bstr_len(b)) : (struct text){0};
}

struct text http_header(const htp_table_t *headers, const char *name)
{
	const htp_header_t *h = headers ? htp_table_get_c(headers, name) : NULL;
	return h ? http_text(h->value) : (struct text){0};
}

bool http_is_winrm(const htp_tx_t *tx)
{
	struct text uri = http_text(tx->request_uri), type = http_text(tx->request_content_type);
	struct text rest = text_sub(uri, TEXT("/wsman").n, uri.n);
	if (tx->request_method_number != HTP_M_POST || !text_starts_nocase(uri, TEXT("/wsman")))
		return false;
	if (rest.n && rest.p[0] != '?' && rest.p[0] != '/' && rest.p[0] != '-')
		return false;
	/* encrypted messages come as multipart/encrypted (MS-WSMV 2.2.9.1) */
	return text_starts_nocase(type, TEXT("application/soap+xml")) ||
	       text_starts_nocase(type, TEXT("multipart/encrypted")) ||
	       text_starts_nocase(type, TEXT("multipart/x-multi-encrypted"));
}

static bool is_success(const htp_tx_t *tx)
{
	return tx->response_status_number >= 200 && tx->response_status_number <= 299;
}

/* The next parameter of a header value, "; name=value" with or without quotes, from *at on. False at the end.
 */
static bool next_parameter(struct text value, size_t *at, struct text *ret_name, struct text *ret_value)
{
	*at += text_find(text_sub(value, *at, value.n), ';');
	if (*at >= value.n)
		return false;
	struct text rest = text_sub(value, *at + 1, value.n);
	size_t end = 0;
	bool quoted = false;
	for (; end < rest.n && (quoted || rest.p[end] != ';'); end++) {
		if (quoted && rest.p[end] == '\\')
			end++;
		else if (rest.p[end] == '"')
			quoted = !quoted;
	}
	*at += 1 + (end < rest.n ? end : rest.n);
	rest = text_sub(rest, 0, end);
	size_t equals = text_find(rest, '=');
	*ret_name = text_trim(text_sub(rest, 0, equals));
	*ret_value = text_trim(text_sub(rest, equals + 1, rest.n));
	if (ret_value->n >= 2 && ret_value->p[0] == '"' && ret_value->p[ret_value->n - 1] == '"')
		*ret_value = text_sub(*ret_value, 1, ret_value->n - 2);
	return true;
}

/* RFC 6266: filename*, as it is encoded, goes before filename. */
static struct text disposition_name(struct text value)
{
	struct text name, v, plain = {0}, extended = {0};
	for (size_t at = 0; next_parameter(value, &at, &name, &v);) {
		if (text_equal_nocase(name, TEXT("filename")) && !plain.n)
			plain = v;
		else if (text_equal_nocase(name, TEXT("filename*")) && !extended.n)
			extended = v;
	}
	for (int quotes = 0; quotes < 2 && extended.n; quotes++)
		extended = text_sub(extended, text_find(extended, '\'') + 1, extended.n);
	return extended.n ? extended : plain;
}

/* The last segment of a URI's path. */
static struct text last_segment(struct text uri)
{
	size_t end = text_find(uri, '?'), fragment = text_find(uri, '#');
	uri = text_sub(uri, 0, end < fragment ? end : fragment);
	size_t start = uri.n;
	while (start && uri.p[start - 1] != '/')
		start--;
	return text_sub(uri, start, uri.n);
}

/* What browsers fetch to show a page isn't told as a file. */
static bool is_page_part(struct text type)
{
	static const char *const parts[] = {"text/html", "text/css", "text/javascript",
	    "application/javascript", "application/x-javascript", "application/json", "application/xhtml",
	    "image/", "font/", "application/font", "application/soap+xml", "multipart/"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (text_starts_nocase(type, text_of(parts[i])))
			return true;
	return false;
}

/* The size of a response's body: what was seen of it; what its header says where the flow was cut off on
 * purpose. */
static uint64_t response_size(const struct flow *f, const htp_tx_t *tx)
{
	bool cut = tx->response_progress != HTP_RESPONSE_COMPLETE &&
	           f->flags & (FLOW_DEPTH_REACHED | FLOW_MEMORY_REACHED);
	int64_t n = cut && tx->response_content_length > tx->response_entity_len ? tx->response_content_length
	                                                                         : tx->response_entity_len;
	return n > 0 ? (uint64_t)n : 0;
}

static void file_fields(struct proto_context *c, const htp_tx_t *tx)
{
	if (!is_success(tx))
		return;
	struct text uri_name = last_segment(http_text(tx->request_uri));
	struct text name = disposition_name(http_header(tx->response_headers, "content-disposition"));
	if (tx->request_method_number == HTP_M_PUT && tx->request_entity_len > 0) {
		proto_field(c, FIELD_FILE_NAME, uri_name);
		proto_field_num(c, FIELD_FILE_BYTES, (uint64_t)tx->request_entity_len);
		return;
	}
	if (!name.n && tx->request_method_number == HTP_M_GET && text_find(uri_name, '.') < uri_name.n &&
	    !is_page_part(http_text(tx->response_content_type)))
		name = uri_name;
	if (name.n && response_size(proto_flow(c), tx)) {
		proto_field(c, FIELD_FILE_NAME, name);
		proto_field_num(c, FIELD_FILE_BYTES, response_size(proto_flow(c), tx));
	}
}

/*
 * Whom the request names. libhtp says so once the headers are whole; where it refused one of them, or the
 * capture ended within them, the Host header may stand there all the same. It also takes anything behind
 * CONNECT for a host.
 */
static struct text host_of(const htp_tx_t *tx)
{
	struct text host = http_text(tx->request_hostname);
	if (!host.n) {
		host = http_header(tx->request_headers, "host");
		size_t colon = host.n;
		while (colon && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9')
			colon--;
		if (colon && host.p[colon - 1] == ':')
			host = text_sub(host, 0, colon - 1);
	}
	return text_find(host, '/') < host.n ? (struct text){0} : host;
}

/* Host names in lower case, for whoever compares them (RFC 9110, 4.2.3). */
static void host_field(struct proto_context *c, struct text host)
{
	char lower[PROTO_VALUE_MAX];
	size_t n = host.n < sizeof(lower) ? host.n : sizeof(lower);
	for (size_t i = 0; i < n; i++)
		lower[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] + ('a' - 'A')) : host.p[i];
	proto_field(c, FIELD_HTTP_HOST, text_bytes(lower, n));
}

void http_fields(struct proto_context *c, const htp_tx_t *tx)
{
	struct text uri = http_text(tx->request_uri);
	if (!text_equal(uri, HTTP_NO_REQUEST)) {
		proto_field(c, FIELD_HTTP_METHOD, http_text(tx->request_method));
		host_field(c, host_of(tx));
		proto_field(c, FIELD_HTTP_URI, uri);
		proto_field(c, FIELD_HTTP_USER_AGENT, http_header(tx->request_headers, "user-agent"));
		proto_field(c, FIELD_HTTP_REFERER, http_header(tx->request_headers, "referer"));
		proto_field(c, FIELD_HTTP_REQUEST_TYPE, http_text(tx->request_content_type));
		if (tx->request_entity_len > 0)
			proto_field_num(c, FIELD_HTTP_REQUEST_BYTES, (uint64_t)tx->request_entity_len);
	}
	if (tx->response_status_number > 0) {
		proto_field_num(c, FIELD_HTTP_STATUS, (uint64_t)tx->response_status_number);
		proto_field(c, FIELD_HTTP_RESPONSE_TYPE, http_text(tx->response_content_type));
		proto_field_num(c, FIELD_HTTP_RESPONSE_BYTES,
		    tx->response_entity_len > 0 ? (uint64_t)tx->response_entity_len : 0);
		proto_field(c, FIELD_HTTP_SERVER, http_header(tx->response_headers, "server"));
		file_fields(c, tx);
	}
	http_auth_fields(c, tx);
}
