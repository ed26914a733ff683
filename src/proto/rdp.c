/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Remote Desktop: the X.224 connection (MS-RDPBCGR 2.2.1.1, 2.2.1.2) with the client's cookie, and the
 * security protocol that the server selects. All but the oldest goes on as TLS.
 */

#include "base/cursor.h"
#include "proto/parsers.h"

#include <string.h>

enum {
	TPKT_HEADER = 4,
	TPKT_VERSION = 3,
	X224_HEADER = 7, /* length, code, destination, source, class */
	X224_REQUEST = 0xe0,
	X224_CONFIRM = 0xd0,
	RDP_CONNECTION_MAX = 1024,
	RDP_NEG_REQUEST = 1,
	RDP_NEG_RESPONSE = 2,
	RDP_NEG_FAILURE = 3,
	RDP_NEG_LENGTH = 8,
};

struct rdp_state {
	bool asked;
	bool told;
	uint16_t cookie_n;
	char cookie[128];
	uint32_t requested;
};

/* MS-RDPBCGR 2.2.1.1.1 requestedProtocols, strongest first. */
static const char *security_name(uint32_t protocols)
{
	return protocols & 8    ? "hybrid_ex"
	       : protocols & 4  ? "rdstls"
	       : protocols & 2  ? "hybrid"
	       : protocols & 1  ? "ssl"
	       : protocols & 16 ? "rdsaad"
	                        : "rdp";
}

static const char *failure_name(uint32_t code)
{
	static const char *const names[] = {
	    [1] = "ssl required by server",
	    [2] = "ssl not allowed by server",
	    [3] = "ssl certificate not on server",
	    [4] = "inconsistent flags",
	    [5] = "hybrid required by server",
	    [6] = "ssl with user authentication required by server",
	};
	return code < sizeof(names) / sizeof(names[0]) && names[code] ? names[code] : "negotiation failure";
}

/* The cookie or routing token: a line before the negotiation request. What follows "mstshash=" is a user
 * name. */
static void cookie_read(struct rdp_state *s, struct cursor *c)
{
	static const char prefix[] = "Cookie: mstshash=";
	struct text left = {.p = (const char *)c->base + c->pos, .n = cursor_left(c)};
	size_t n = text_find(left, '\r');
	if (left.n == 0 || n + 2 > left.n || left.p[n + 1] != '\n' || left.p[0] == RDP_NEG_REQUEST)
		return;
	struct text line = text_sub(left, 0, n);
	if (text_starts_nocase(line, TEXT(prefix)))
		line = text_sub(line, sizeof(prefix) - 1, line.n);
	line = text_sub(line, 0, sizeof(s->cookie));
	memcpy(s->cookie, line.p, line.n);
	s->cookie_n = (uint16_t)line.n;
	cursor_skip(c, n + 2);
}

static void fields(struct proto_context *c, struct rdp_state *s)
{
	if (s->asked)
		proto_field_bytes(c, FIELD_RDP_COOKIE, s->cookie, s->cookie_n);
	s->told = true;
}

static void request_read(struct rdp_state *s, struct cursor c)
{
	cookie_read(s, &c);
	s->asked = true;
	uint8_t type = cursor_u8(&c);
	cursor_skip(&c, 3);
	uint32_t protocols = cursor_le32(&c);
	s->requested = cursor_ok(&c) && type == RDP_NEG_REQUEST ? protocols : 0;
}

/* Returns the verdict: without negotiation the classic encryption follows, of which nothing can be read. */
static int confirm_read(struct proto_context *c, struct rdp_state *s, struct cursor body)
{
	uint8_t type = cursor_u8(&body);
	cursor_skip(&body, 3);
	uint32_t value = cursor_le32(&body);
	bool negotiated = cursor_ok(&body);
	fields(c, s);
	if (negotiated && type == RDP_NEG_FAILURE) {
		proto_field_str(c, FIELD_RDP_SECURITY, failure_name(value));
		proto_emit(c);
		return PROTO_DONE_BOTH;
	}
	uint32_t selected = negotiated && type == RDP_NEG_RESPONSE ? value : 0;
	proto_field_str(c, FIELD_RDP_SECURITY, security_name(selected));
	proto_emit(c);
	return selected ? PROTO_SWITCH : PROTO_DONE_BOTH;
}

/* Whether TPKT (RFC 1006) and X.224 (13.3, 13.4) headers stand there and agree; the code of the X.224 PDU, or
 * -1. */
static int connection_code(const uint8_t *p, size_t n)
{
	if (n < TPKT_HEADER + X224_HEADER || p[0] != TPKT_VERSION || p[1] != 0)
		return -1;
	size_t length = load_be16(p + 2);
	uint8_t code = p[5] & 0xf0;
	if (length < TPKT_HEADER + X224_HEADER || length > RDP_CONNECTION_MAX ||
	    p[4] != length - TPKT_HEADER - 1)
		return -1;
	if ((code != X224_REQUEST && code != X224_CONFIRM) || p[10] != 0)
		return -1;
	return code;
}

static struct proto_progress rdp_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct rdp_state *s = state;
	(void)end;
	/* After its request the client waits, or sends TLS: the server's answer says. */
	if (n < TPKT_HEADER + X224_HEADER || (dir == FLOW_FORWARD && s->asked))
		return (struct proto_progress){.used = 0};
	int code = connection_code(p, n);
	size_t length = load_be16(p + 2);
	if (code < 0)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (n < length)
		return (struct proto_progress){.used = 0};
	struct cursor body = cursor_of(p, length);
	cursor_skip(&body, TPKT_HEADER + X224_HEADER);
	struct proto_progress r = {.used = length};
	if (code == X224_REQUEST)
		request_read(s, body);
	else
		r.verdict = confirm_read(c, s, body);
	return r;
}

/* A request without an answer: a scan, or a server that hung up. */
static void rdp_close(struct proto_context *c, void *state)
{
	struct rdp_state *s = state;
	if (!s->asked || s->told)
		return;
	fields(c, s);
	proto_field_str(c, FIELD_RDP_SECURITY, security_name(s->requested));
	proto_emit(c);
}

static enum proto_match rdp_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	static const uint8_t tpkt[] = {TPKT_VERSION, 0};
	(void)f;
	if (n < TPKT_HEADER + X224_HEADER)
		return memcmp(p, tpkt, n < sizeof(tpkt) ? n : sizeof(tpkt)) == 0 ? PROTO_MAYBE : PROTO_NO;
	int code = connection_code(p, n);
	if (code != (to_responder ? X224_REQUEST : X224_CONFIRM))
		return PROTO_NO;
	/* ISO transports other than RDP (S7, MMS) begin with parameters, not with a cookie or a negotiation.
	 */
	size_t length = load_be16(p + 2), at = TPKT_HEADER + X224_HEADER;
	if (length == at)
		return PROTO_YES;
	if (n <= at)
		return PROTO_MAYBE;
	bool text = memcmp(p + at, "Cookie: ", n - at < 8 ? n - at : 8) == 0 ||
	            memcmp(p + at, "tsv:", n - at < 4 ? n - at : 4) == 0;
	bool negotiation = p[at] >= RDP_NEG_REQUEST && p[at] <= RDP_NEG_FAILURE &&
	                   (n < at + 4 || (p[at + 2] == RDP_NEG_LENGTH && p[at + 3] == 0));
	return text || negotiation ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_rdp = {
    .app = APP_RDP,
    .tcp = true,
    .state_size = sizeof(struct rdp_state),
    .buffer_max = 16384,
    .probe = rdp_probe,
    .parse = rdp_parse,
    .close = rdp_close,
};
