/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * HTTP/1.x by libhtp: a transaction for each request and its response once both are complete, what is there
 * of it when the flow ends. Bodies are counted and go nowhere: nothing is decompressed, stored or parsed.
 * After bytes that are missing outside a body it begins anew at the next request.
 *
 * Bounds of a flow: HTTP_OPEN_MAX requests without a response, HTTP_HEADERS_MAX bytes of header of those,
 * HTTP_FIELD_MAX of one line, HTTP_FIELDS_MAX headers of a message, PROTO_TRANSACTIONS_MAX transactions.
 */

#include <stdlib.h>
#include <string.h>

#include "proto/http.h"
#include "proto/parsers.h"

enum {
	HTTP_OPEN_MAX = 128,
	HTTP_HEADERS_MAX = 256 << 10,
	HTTP_FIELD_MAX = 16 << 10,
	HTTP_FIELDS_MAX = 256,
	HTTP_HOLD_MAX = 4096,         /* of a response that comes before its request */
	HTTP_TRANSACTION_COST = 2048, /* what libhtp allocates beside the header bytes, about */
	HTTP_CONNECTION_COST = 6 << 10,
	HTTP_METHOD_MAX = 32, /* of one that isn't known */
};

struct http_state {
	htp_connp_t *connp;
	struct proto_context *c; /* while libhtp is at work */
	uint32_t open, total;
	size_t headers;          /* bytes of the open transactions' headers */
	bool oriented, reversed; /* the initiator was guessed wrong: it answers */
	bool lost;               /* bytes were missing: waits for a request */
	bool over;               /* a bound was reached */
	bool stopped;            /* by us or by an error: libhtp is not called again */
	bool tunnel;
	size_t tunnel_at; /* where in the segment it begins */
};

/* Whether p begins like one of the methods that are in use; *ret_length is then its length, n + 1 while that
 * isn't known. */
static bool method_known(const uint8_t *p, size_t n, size_t *ret_length)
{
	static const struct text methods[] = {TEXT("GET"), TEXT("POST"), TEXT("HEAD"), TEXT("PUT"),
	    TEXT("CONNECT"), TEXT("OPTIONS"), TEXT("DELETE"), TEXT("PATCH"), TEXT("TRACE"), TEXT("PROPFIND"),
	    TEXT("PROPPATCH"), TEXT("MKCOL"), TEXT("COPY"), TEXT("MOVE"), TEXT("LOCK"), TEXT("UNLOCK"),
	    TEXT("REPORT"), TEXT("SEARCH"), TEXT("CHECKOUT"), TEXT("CHECKIN"), TEXT("MERGE"),
	    TEXT("MKACTIVITY"), TEXT("VERSION-CONTROL"), TEXT("BPROPFIND"), TEXT("SUBSCRIBE"), TEXT("NOTIFY"),
	    TEXT("RPC_IN_DATA"), TEXT("RPC_OUT_DATA"), TEXT("RDG_IN_DATA"), TEXT("RDG_OUT_DATA")};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t known = methods[i].n < n ? methods[i].n : n;
		if (memcmp(p, methods[i].p, known) != 0)
			continue;
		if (n <= methods[i].n || p[methods[i].n] == ' ') {
			*ret_length = n <= methods[i].n ? n + 1 : methods[i].n;
			return true;
		}
	}
	return false;
}

/* The length of a method at p that a request line may begin with, 0 for none; n + 1 where it may still become
 * one. A method may be any word (RFC 9110, 9.1): servers answer those that they don't know, too. */
static size_t method_length(const uint8_t *p, size_t n, bool *ret_known)
{
	size_t length = 0;
	*ret_known = method_known(p, n, &length);
	if (*ret_known)
		return length;
	while (length < n && ((p[length] >= 'A' && p[length] <= 'Z') || p[length] == '-' || p[length] == '_'))
		length++;
	if (length > HTTP_METHOD_MAX || (length < n && p[length] != ' '))
		return 0;
	return length == n ? n + 1 : length;
}

/* A request line ends in " HTTP/1.x" (RFC 9112, 3), or in nothing where it is of HTTP/0.9. SIP and RTSP look
 * alike. */
static enum proto_match request_probe(const uint8_t *p, size_t n)
{
	bool known;
	size_t method = method_length(p, n, &known);
	struct text line = text_bytes(p, n);
	if (method == 0 || method > n)
		return method ? PROTO_MAYBE : PROTO_NO;
	size_t end = text_find(line, '\n');
	for (size_t i = 0; i < end; i++)
		if (p[i] < 0x20 && p[i] != '\r' && p[i] != '\t')
			return PROTO_NO;
	struct text target = text_sub(line, method + 1, end - method - 1);
	if (end == n) {
		bool plausible = target.n == 0 || target.p[0] == '/' || target.p[0] == '*' ||
		                 text_starts_nocase(target, TEXT("http")) || (known && p[0] == 'C');
		return !plausible ? PROTO_NO : n >= PROTO_PROBE_BYTES ? PROTO_YES : PROTO_MAYBE;
	}
	target = text_trim(target);
	size_t space = target.n;
	while (space && target.p[space - 1] != ' ')
		space--;
	struct text version = text_sub(target, space, target.n);
	if (text_starts_nocase(version, TEXT("HTTP/1.")) || text_starts_nocase(version, TEXT("HTTP/0.")))
		return PROTO_YES;
	return space == 0 && method == 3 && p[0] == 'G' && target.n && target.p[0] == '/' ? PROTO_YES
	                                                                                  : PROTO_NO;
}

static enum proto_match response_probe(const uint8_t *p, size_t n)
{
	const struct text start = TEXT("HTTP/1.");
	struct text line = text_bytes(p, n);
	if (n < start.n)
		return text_equal(line, text_sub(start, 0, n)) ? PROTO_MAYBE : PROTO_NO;
	return text_equal(text_sub(line, 0, start.n), start) ? PROTO_YES : PROTO_NO;
}

static enum proto_match http_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	(void)f;
	enum proto_match request = request_probe(p, n);
	return request != PROTO_NO ? request : response_probe(p, n);
}

static struct http_state *state_of(const htp_tx_t *tx)
{
	return htp_connp_get_user_data(tx->connp);
}

static int on_request_start(htp_tx_t *tx)
{
	struct http_state *s = state_of(tx);
	s->open++;
	s->total++;
	if (s->open > HTTP_OPEN_MAX || s->total > PROTO_TRANSACTIONS_MAX)
		s->over = true;
	return HTP_OK; /* libhtp 0.5.42 goes round for ever where this hook stops it: the next one does */
}

static int on_request_line(htp_tx_t *tx)
{
	return state_of(tx)->over ? HTP_STOP : HTP_OK;
}

static int on_request_headers(htp_tx_t *tx)
{
	struct http_state *s = state_of(tx);
	if (http_is_winrm(tx))
		proto_rename(s->c, APP_WINRM);
	return HTP_OK;
}

/*
 * A proxy that opens a tunnel, or a change of protocol (RFC 9110, 9.3.6 and 15.2.2): what follows the headers
 * isn't HTTP. libhtp would try it as HTTP first, so it is stopped here.
 */
static int on_response_headers(htp_tx_t *tx)
{
	struct http_state *s = state_of(tx);
	int status = tx->response_status_number;
	if (status != 101 && !(tx->request_method_number == HTP_M_CONNECT && status >= 200 && status <= 299))
		return HTP_OK;
	s->tunnel = true;
	s->tunnel_at = htp_connp_res_data_consumed(tx->connp);
	return HTP_STOP;
}

static int on_header_bytes(htp_tx_data_t *d)
{
	struct http_state *s = state_of(d->tx);
	s->headers += d->len;
	if (s->headers > HTTP_HEADERS_MAX)
		s->over = true;
	return HTP_OK;
}

static int on_complete(htp_tx_t *tx)
{
	struct http_state *s = state_of(tx);
	http_fields(s->c, tx);
	proto_emit(s->c);
	s->open -= s->open > 0;
	if (s->open == 0)
		s->headers = 0;
	return HTP_OK;
}

static void *http_shared_new(void)
{
	htp_cfg_t *cfg = htp_config_create();
	if (!cfg || htp_config_set_server_personality(cfg, HTP_SERVER_GENERIC) != HTP_OK) {
		htp_config_destroy(cfg);
		return NULL;
	}
	htp_config_set_log_level(cfg, HTP_LOG_NONE);
	htp_config_set_tx_auto_destroy(cfg, 1);
	htp_config_set_field_limits(cfg, HTTP_FIELD_MAX, HTTP_FIELD_MAX);
	htp_config_set_number_headers_limit(cfg, HTTP_FIELDS_MAX);
	htp_config_set_response_decompression(cfg, 0);
	htp_config_set_request_decompression(cfg, 0);
	htp_config_set_parse_request_cookies(cfg, 0);
	htp_config_set_parse_request_auth(cfg, 0);
	htp_config_register_request_start(cfg, on_request_start);
	htp_config_register_request_line(cfg, on_request_line);
	htp_config_register_request_headers(cfg, on_request_headers);
	htp_config_register_request_header_data(cfg, on_header_bytes);
	htp_config_register_request_trailer_data(cfg, on_header_bytes);
	htp_config_register_response_header_data(cfg, on_header_bytes);
	htp_config_register_response_headers(cfg, on_response_headers);
	htp_config_register_response_trailer_data(cfg, on_header_bytes);
	htp_config_register_transaction_complete(cfg, on_complete);
	return cfg;
}

static void http_shared_free(void *shared)
{
	htp_config_destroy(shared);
}

static void account(struct proto_context *c, const struct http_state *s)
{
	proto_account(
	    c, s->connp ? HTTP_CONNECTION_COST + s->open * HTTP_TRANSACTION_COST + 2 * s->headers : 0);
}

/* Ends libhtp's part; transactions that it holds incomplete come out as they are. */
static void connection_end(struct proto_context *c, struct http_state *s)
{
	if (!s->connp)
		return;
	s->c = c;
	if (!s->stopped)
		htp_connp_close(s->connp, NULL);
	htp_conn_t *conn = htp_connp_get_connection(s->connp);
	size_t n = htp_list_size(conn->transactions);
	for (size_t i = 0; i < n; i++) {
		htp_tx_t *tx = htp_list_get(conn->transactions, i);
		if (tx &&
		    (tx->request_progress != HTP_REQUEST_NOT_STARTED || tx->response_status_number > 0)) {
			http_fields(c, tx);
			proto_emit(c);
		}
	}
	htp_connp_destroy_all(s->connp);
	s->connp = NULL;
	s->stopped = false;
	s->open = 0;
	s->headers = 0;
	account(c, s);
}

static bool connection_begin(struct proto_context *c, struct http_state *s)
{
	s->connp = htp_connp_create(proto_shared(c));
	if (!s->connp)
		return false;
	htp_connp_set_user_data(s->connp, s);
	htp_connp_open(s->connp, NULL, 0, NULL, 0, NULL);
	return true;
}

/* Makes of what libhtp answered what the framework is told. */
static struct proto_progress progress(struct http_state *s, int answer, bool request, size_t n)
{
	struct proto_progress r = {.used = n, .verdict = PROTO_MORE};
	size_t consumed = request ? htp_connp_req_data_consumed(s->connp)
	                          : htp_connp_res_data_consumed(s->connp);
	if (consumed > n)
		consumed = n;
	s->stopped = s->over || s->tunnel || answer == HTP_STREAM_ERROR || answer == HTP_STREAM_STOP;
	if (s->over) {
		r.verdict = PROTO_DONE_BOTH;
		return r;
	}
	if (s->tunnel) {
		r.used = s->tunnel_at < n ? s->tunnel_at : n;
		r.verdict = PROTO_SWITCH;
		return r;
	}
	switch (answer) {
	case HTP_STREAM_TUNNEL:
		r.used = consumed;
		r.verdict = PROTO_SWITCH;
		break;
	case HTP_STREAM_DATA_OTHER:
		/* goes on once the other direction has spoken: a CONNECT waits for its answer */
		r.used = consumed;
		r.wake_other = true;
		break;
	case HTP_STREAM_ERROR:
	case HTP_STREAM_STOP:
	case HTP_STREAM_CLOSED: r.verdict = PROTO_BROKEN; break;
	default: r.wake_other = true; break;
	}
	return r;
}

/* Where the initiator was guessed, the first bytes tell who asks and who answers. */
static void orient(struct http_state *s, const struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n)
{
	if (s->oriented)
		return;
	s->oriented = true;
	if (!(f->flags & FLOW_GUESSED_INITIATOR))
		return;
	if (response_probe(p, n) == PROTO_YES)
		s->reversed = dir == FLOW_FORWARD;
	else if (request_probe(p, n) == PROTO_YES)
		s->reversed = dir == FLOW_REVERSE;
}

static struct proto_progress http_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct http_state *s = state;
	if (n == 0)
		return (struct proto_progress){.verdict = PROTO_MORE};
	orient(s, proto_flow(c), dir, p, n);
	bool request = (dir == FLOW_FORWARD) != s->reversed;
	if (s->lost) {
		if (!request || request_probe(p, n) == PROTO_NO)
			return (struct proto_progress){.used = n, .verdict = PROTO_MORE};
		s->lost = false;
	}
	if (!s->connp && !connection_begin(c, s))
		return (struct proto_progress){.used = n, .verdict = PROTO_BROKEN};
	if (!request && s->total == 0 && n <= HTTP_HOLD_MAX && !end &&
	    !(proto_flow(c)->flags & FLOW_MIDSTREAM))
		return (struct proto_progress){.verdict = PROTO_MORE};
	s->c = c;
	int answer = request ? htp_connp_req_data(s->connp, NULL, p, n)
	                     : htp_connp_res_data(s->connp, NULL, p, n);
	account(c, s);
	return progress(s, answer, request, n);
}

/* How many bytes of the body that is under way are to come; 0 where none is, or where it comes in chunks. */
static uint64_t body_left(const struct http_state *s, bool request)
{
	const htp_tx_t *tx = request ? htp_connp_get_in_tx(s->connp) : htp_connp_get_out_tx(s->connp);
	if (!tx)
		return 0;
	bool body = request ? tx->request_progress == HTP_REQUEST_BODY &&
	                          tx->request_transfer_coding == HTP_CODING_IDENTITY
	                    : tx->response_progress == HTP_RESPONSE_BODY &&
	                          tx->response_transfer_coding == HTP_CODING_IDENTITY;
	int64_t length = request ? tx->request_content_length : tx->response_content_length;
	int64_t seen = request ? tx->request_message_len : tx->response_message_len;
	if (!body)
		return 0;
	if (length < 0)
		return request ? 0 : UINT64_MAX; /* until the stream ends */
	return length > seen ? (uint64_t)(length - seen) : 0;
}

static bool http_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	struct http_state *s = state;
	bool request = (dir == FLOW_FORWARD) != s->reversed;
	if (!s->connp || s->lost)
		return true;
	s->c = c;
	uint64_t left = body_left(s, request), within = left < length ? left : length;
	if (within && within <= SIZE_MAX / 2) {
		/* libhtp takes NULL for bytes of a body that are missing */
		int answer = request ? htp_connp_req_data(s->connp, NULL, NULL, (size_t)within)
		                     : htp_connp_res_data(s->connp, NULL, NULL, (size_t)within);
		s->stopped = answer == HTP_STREAM_ERROR || answer == HTP_STREAM_STOP;
		if (within == length && (answer == HTP_STREAM_DATA || answer == HTP_STREAM_OPEN))
			return true;
	}
	connection_end(c, s);
	s->lost = true;
	return true;
}

static void http_close(struct proto_context *c, void *state)
{
	connection_end(c, state);
}

const struct proto_parser proto_http = {
    .app = APP_HTTP,
    .tcp = true,
    .state_size = sizeof(struct http_state),
    .buffer_max = 16 << 10,
    .probe = http_probe,
    .parse = http_parse,
    .gap = http_gap,
    .close = http_close,
    .shared_new = http_shared_new,
    .shared_free = http_shared_free,
};
