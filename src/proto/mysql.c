/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * MySQL and MariaDB: the connection phase (client/server protocol, "Protocol::HandshakeV10" and
 * "HandshakeResponse41"): who logs on, with which method, and whether it was let in. Statements are not read.
 */

#include "base/cursor.h"
#include "proto/parsers.h"

#include <string.h>

enum {
	MYSQL_HEADER = 4,
	MYSQL_PACKET_MAX = 8192, /* of the connection phase */
	MYSQL_NAME_MAX = 96,
	CLIENT_SSL = 0x800,
	CLIENT_PROTOCOL_41 = 0x200,
	SSL_REQUEST_BYTES = 32,
	MYSQL_OK = 0x00,
	MYSQL_ERR = 0xff,
};

struct mysql_state {
	bool greeted, answered, asked_tls;
	uint16_t user_n, method_n;
	char user[MYSQL_NAME_MAX];
	char method[MYSQL_NAME_MAX];
};

/* A NUL-terminated string; what lies behind it. */
static struct text string_nul(struct cursor *c)
{
	struct text left = {.p = (const char *)c->base + c->pos, .n = cursor_left(c)};
	if (left.n == 0)
		return (struct text){0};
	size_t n = text_find(left, '\0');
	cursor_skip(c, n < left.n ? n + 1 : n);
	return text_sub(left, 0, n);
}

static uint16_t keep(struct text t, char *out)
{
	t = text_sub(t, 0, MYSQL_NAME_MAX);
	if (t.n > 0)
		memcpy(out, t.p, t.n);
	return (uint16_t)t.n;
}

/* Protocol::HandshakeV10: version 10, server version, thread id, eight bytes of challenge, a zero byte. */
static bool greeting_ok(struct cursor c)
{
	if (cursor_u8(&c) != 10)
		return false;
	struct text version = string_nul(&c);
	if (version.n < 3 || version.n > 64 || version.p[0] < '0' || version.p[0] > '9')
		return false;
	for (size_t i = 0; i < version.n; i++)
		if (version.p[i] < 0x20 || version.p[i] > 0x7e)
			return false;
	cursor_skip(&c, 12);
	return cursor_u8(&c) == 0 && cursor_ok(&c);
}

static void emit(struct proto_context *c, const struct mysql_state *s, const char *result)
{
	proto_field_bytes(c, FIELD_AUTH_USER, s->user, s->user_n);
	proto_field_bytes(c, FIELD_AUTH_METHOD, s->method, s->method_n);
	if (result)
		proto_field_str(c, FIELD_AUTH_RESULT, result);
	proto_emit(c);
}

/* Protocol::HandshakeResponse41, or the SSL request that is its first 32 bytes alone. */
static bool client_read(struct mysql_state *s, struct cursor c)
{
	size_t size = cursor_left(&c);
	uint32_t capabilities = cursor_le32(&c);
	s->answered = true;
	if (!(capabilities & CLIENT_PROTOCOL_41))
		return false;
	cursor_skip(&c, SSL_REQUEST_BYTES - 4);
	if (size == SSL_REQUEST_BYTES)
		return capabilities & CLIENT_SSL;
	s->user_n = keep(string_nul(&c), s->user);
	return false;
}

/* Returns the verdict on what follows. */
static int server_read(struct proto_context *c, struct mysql_state *s, struct cursor packet)
{
	enum { ER_ACCESS_DENIED = 1045, ER_DBACCESS_DENIED = 1044, ER_ACCESS_DENIED_NO_PASSWORD = 1698 };
	if (!s->greeted) {
		s->greeted = true;
		if (cursor_peek(&packet, 1) && *cursor_peek(&packet, 1) == MYSQL_ERR) {
			emit(c, s, NULL); /* this host may not connect */
			return PROTO_DONE_BOTH;
		}
		return greeting_ok(packet) ? PROTO_MORE : PROTO_BROKEN;
	}
	if (!s->answered)
		return PROTO_MORE;
	uint8_t kind = cursor_u8(&packet);
	if (kind == MYSQL_OK) {
		emit(c, s, "success");
		return PROTO_DONE_BOTH;
	}
	if (kind == MYSQL_ERR) {
		uint16_t code = cursor_le16(&packet);
		bool denied = code == ER_ACCESS_DENIED || code == ER_DBACCESS_DENIED ||
		              code == ER_ACCESS_DENIED_NO_PASSWORD;
		emit(c, s, denied ? "failure" : NULL);
		return PROTO_DONE_BOTH;
	}
	if (kind == 0xfe) /* AuthSwitchRequest names the method */
		s->method_n = keep(string_nul(&packet), s->method);
	return PROTO_MORE;
}

static struct proto_progress mysql_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct mysql_state *s = state;
	(void)end;
	/* After an SSL request TLS begins at once; the client's own bytes are the first of it. */
	if (s->asked_tls && dir == FLOW_FORWARD && n > 0)
		return (struct proto_progress){.verdict = PROTO_SWITCH};
	if (n < MYSQL_HEADER)
		return (struct proto_progress){.used = 0};
	size_t length = load_le32(p) & 0xffffff;
	if (length == 0 || length > MYSQL_PACKET_MAX)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (n - MYSQL_HEADER < length)
		return (struct proto_progress){.used = 0};
	struct cursor packet = cursor_of(p + MYSQL_HEADER, length);
	struct proto_progress r = {.used = MYSQL_HEADER + length};
	if (dir == FLOW_REVERSE)
		r.verdict = server_read(c, s, packet);
	else if (!s->answered)
		s->asked_tls = client_read(s, packet);
	return r;
}

static enum proto_match mysql_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)f;
	if (to_responder) {
		/* The server speaks first. Of the client's answer only the sequence number is sure. */
		if (n < MYSQL_HEADER)
			return PROTO_MAYBE;
		size_t length = load_le32(p) & 0xffffff;
		return p[3] == 1 && length >= SSL_REQUEST_BYTES && length < MYSQL_PACKET_MAX ? PROTO_MAYBE
		                                                                             : PROTO_NO;
	}
	if (n < MYSQL_HEADER + 1)
		return n < 4 || p[3] == 0 ? PROTO_MAYBE : PROTO_NO;
	size_t length = load_le32(p) & 0xffffff;
	if (p[3] != 0 || length < 24 || length > 512 || p[4] != 10)
		return PROTO_NO;
	if (n < MYSQL_HEADER + length)
		return PROTO_MAYBE;
	return greeting_ok(cursor_of(p + MYSQL_HEADER, length)) ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_mysql = {
    .app = APP_MYSQL,
    .tcp = true,
    .state_size = sizeof(struct mysql_state),
    .buffer_max = MYSQL_PACKET_MAX + MYSQL_HEADER,
    .probe = mysql_probe,
    .parse = mysql_parse,
};
