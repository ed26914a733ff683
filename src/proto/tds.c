/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Microsoft SQL Server (MS-TDS): the login where it is in the clear: user by LOGIN7 or by NTLM, and the
 * server's verdict. Where the pre-login agrees on encryption, TLS runs inside TDS packets and nothing more
 * can be read.
 */

#include "base/cursor.h"
#include "proto/gss.h"
#include "proto/parsers.h"
#include "proto/utf16.h"

#include <string.h>

enum {
	TDS_HEADER = 8,
	TDS_PACKET_MAX = 32767,
	TDS_RESPONSE = 0x04,
	TDS_LOGIN7 = 0x10,
	TDS_SSPI = 0x11,
	TDS_PRELOGIN = 0x12,
	TDS_END_OF_MESSAGE = 1,
	LOGIN7_USER_AT = 40,
	LOGIN7_SSPI_AT = 78,
	TOKEN_ERROR = 0xaa,
	TOKEN_INFO = 0xab,
	TOKEN_LOGIN_ACK = 0xad,
	TOKEN_ENV_CHANGE = 0xe3,
	TOKEN_SSPI = 0xed,
	ERROR_LOGIN_FAILED = 18456,
};

struct tds_state {
	bool login, told;
	uint16_t user_n;
	char user[256];
	struct gss_auth auth;
};

static void emit(struct proto_context *c, struct tds_state *s, const char *result)
{
	s->told = true;
	if (s->auth.mechanism != GSS_NONE) {
		gss_auth_fields(c, &s->auth);
	} else {
		proto_field_bytes(c, FIELD_AUTH_USER, s->user, s->user_n);
		proto_field_str(c, FIELD_AUTH_METHOD, "password");
	}
	if (result)
		proto_field_str(c, FIELD_AUTH_RESULT, result);
	proto_emit(c);
}

/* MS-TDS 2.2.6.4: offsets in bytes from the start of the message, lengths in characters. */
static void login_read(struct tds_state *s, const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n);
	cursor_seek(&c, LOGIN7_USER_AT);
	size_t at = cursor_le16(&c), characters = cursor_le16(&c);
	cursor_seek(&c, LOGIN7_SSPI_AT);
	size_t sspi_at = cursor_le16(&c), sspi_n = cursor_le16(&c);
	if (!cursor_ok(&c))
		return;
	s->login = true;
	if (at <= n && characters * 2 <= n - at)
		s->user_n = (uint16_t)utf16le_text(p + at, characters * 2, s->user, sizeof(s->user)).n;
	if (sspi_n > 0 && sspi_at <= n && sspi_n <= n - sspi_at)
		gss_auth_update(&s->auth, p + sspi_at, sspi_n);
}

/* The tokens of a login's answer (MS-TDS 2.2.7). Returns whether the login is over. */
static bool response_read(struct proto_context *c, struct tds_state *s, struct cursor body)
{
	while (cursor_left(&body) > 0) {
		uint8_t token = cursor_u8(&body);
		if (token != TOKEN_ERROR && token != TOKEN_INFO && token != TOKEN_LOGIN_ACK &&
		    token != TOKEN_ENV_CHANGE && token != TOKEN_SSPI)
			return false;
		struct cursor value = cursor_sub(&body, cursor_le16(&body));
		if (!cursor_ok(&value))
			return false;
		if (token == TOKEN_LOGIN_ACK) {
			emit(c, s, "success");
			return true;
		}
		if (token == TOKEN_ERROR) {
			emit(c, s, cursor_le32(&value) == ERROR_LOGIN_FAILED ? "failure" : NULL);
			return true;
		}
	}
	return false;
}

static struct proto_progress tds_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct tds_state *s = state;
	(void)end;
	if (n < TDS_HEADER)
		return (struct proto_progress){.used = 0};
	size_t length = load_be16(p + 2);
	bool known = p[0] == TDS_PRELOGIN || p[0] == TDS_LOGIN7 || p[0] == TDS_SSPI || p[0] == TDS_RESPONSE;
	/* TLS records without a TDS header: the encrypted session that follows the login. */
	if (!known || length < TDS_HEADER || length > TDS_PACKET_MAX)
		return (struct proto_progress){.verdict = PROTO_DONE_BOTH};
	if (n < length)
		return (struct proto_progress){.used = 0};
	struct proto_progress r = {.used = length};
	const uint8_t *body = p + TDS_HEADER;
	size_t body_n = length - TDS_HEADER;
	if (dir == FLOW_FORWARD && p[0] == TDS_LOGIN7)
		login_read(s, body, body_n);
	else if (dir == FLOW_FORWARD && p[0] == TDS_SSPI)
		gss_auth_update(&s->auth, body, body_n);
	else if (dir == FLOW_REVERSE && p[0] == TDS_RESPONSE && s->login &&
	         response_read(c, s, cursor_of(body, body_n)))
		r.verdict = PROTO_DONE_BOTH;
	return r;
}

static void tds_close(struct proto_context *c, void *state)
{
	struct tds_state *s = state;
	if (s->login && !s->told)
		emit(c, s, NULL);
}

/* PRELOGIN (MS-TDS 2.2.6.5): options of token, offset and length in rising order, the first is VERSION; then
 * 0xff. */
static bool prelogin_ok(const uint8_t *p, size_t n, size_t length)
{
	struct cursor c = cursor_of(p, n);
	size_t body = length - TDS_HEADER;
	cursor_skip(&c, TDS_HEADER);
	if (cursor_u8(&c) != 0)
		return false;
	size_t first = cursor_be16(&c), version_n = cursor_be16(&c);
	if (!cursor_ok(&c) || version_n != 6 || first < 6 || (first - 1) % 5 != 0 || first + 6 > body)
		return false;
	const uint8_t *terminator = n >= TDS_HEADER + first ? p + TDS_HEADER + first - 1 : NULL;
	return terminator && *terminator == 0xff;
}

static enum proto_match tds_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)f;
	if (n < TDS_HEADER)
		return n == 0 || p[0] == (to_responder ? TDS_PRELOGIN : TDS_RESPONSE) || p[0] == TDS_LOGIN7
		           ? PROTO_MAYBE
		           : PROTO_NO;
	size_t length = load_be16(p + 2);
	if ((p[1] & ~TDS_END_OF_MESSAGE) != 0 || length < TDS_HEADER || p[7] != 0)
		return PROTO_NO;
	if (!to_responder)
		return p[0] == TDS_RESPONSE ? PROTO_MAYBE : PROTO_NO;
	if (p[0] == TDS_PRELOGIN) {
		if (n < length && n < 64)
			return PROTO_MAYBE;
		return prelogin_ok(p, n, length) ? PROTO_YES : PROTO_NO;
	}
	/* LOGIN7 first, from the oldest clients: its length and a TDS version 7.x. */
	if (p[0] != TDS_LOGIN7)
		return PROTO_NO;
	if (n < TDS_HEADER + 8)
		return PROTO_MAYBE;
	uint32_t version = load_le32(p + 12);
	return load_le32(p + 8) == length - TDS_HEADER && version >> 28 == 7 ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_tds = {
    .app = APP_MSSQL,
    .tcp = true,
    .state_size = sizeof(struct tds_state),
    .buffer_max = TDS_PACKET_MAX,
    .probe = tds_probe,
    .parse = tds_parse,
    .close = tds_close,
};
