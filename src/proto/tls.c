/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * TLS 1.0 to 1.3, SSL 3 and the hello of SSL 2, in streams. One transaction a handshake, as soon as
 * everything that stands in the clear was seen, or when the flow ends. Of the client only its first hello is
 * read, of the server what it says up to ServerHelloDone or the first encrypted byte; then the flow costs
 * nothing more. Handshake messages may span records and segments; at most TLS_HELLO_MAX and
 * TLS_CERTIFICATE_MAX bytes of one are kept.
 */

#include <stdlib.h>
#include <string.h>

#include "proto/parsers.h"
#include "proto/tls.h"
#include "proto/x509.h"

enum {
	TLS_RECORD_HEADER = 5,
	TLS_RECORD_MAX = 16384 + 2048, /* RFC 5246, 6.2.3 */
	TLS_HELLO_MAX = 16384,
	TLS_CERTIFICATE_MAX = 32768, /* enough for the server's own, which stands first */
	TLS_SSL2_HELLO_MIN = 9 + 3 + 16,
};

enum tls_content {
	TLS_CONTENT_CIPHER_CHANGE = 20,
	TLS_CONTENT_ALERT = 21,
	TLS_CONTENT_HANDSHAKE = 22,
	TLS_CONTENT_DATA = 23,
	TLS_CONTENT_HEARTBEAT = 24,
};

enum tls_handshake {
	TLS_HANDSHAKE_CLIENT_HELLO = 1,
	TLS_HANDSHAKE_SERVER_HELLO = 2,
	TLS_HANDSHAKE_CERTIFICATE = 11,
	TLS_HANDSHAKE_SERVER_DONE = 14,
};

struct tls_bytes {
	uint8_t *p;
	size_t n;
};

/* One direction: where it stands in a record and in a handshake message. */
struct tls_side {
	uint8_t content;          /* type of the record */
	uint16_t record_left;     /* bytes of it to come */
	uint8_t head[4], head_n;  /* of the message: type, length */
	uint32_t message_left;    /* bytes of it to come */
	struct tls_bytes message; /* the part of it that is kept */
	size_t message_max;
	bool done;
};

struct tls_state {
	struct tls_side side[2];
	struct tls_bytes client_hello, server_hello, certificate; /* bodies, each the first of its kind */
	bool ssl2, server_done, emitted;
};

static void tls_account(struct proto_context *c, const struct tls_state *s)
{
	proto_account(c, s->client_hello.n + s->server_hello.n + s->certificate.n + s->side[0].message_max +
	                     s->side[1].message_max);
}

/* A record's header: RFC 8446, 5.1. */
static bool record_plausible(const uint8_t *p)
{
	uint16_t length = load_be16(p + 3);
	return p[0] >= TLS_CONTENT_CIPHER_CHANGE && p[0] <= TLS_CONTENT_HEARTBEAT && p[1] == 3 && p[2] <= 4 &&
	       length && length <= TLS_RECORD_MAX;
}

/* A hello of SSL 2 (RFC 5246, appendix E.2): its three lengths make up its own. */
static bool ssl2_hello(const uint8_t *p, size_t n)
{
	if (n < 11 || !(p[0] & 0x80) || p[2] != 1)
		return false;
	size_t length = (size_t)(load_be16(p) & 0x7fff), ciphers = load_be16(p + 5),
	       session = load_be16(p + 7), challenge = load_be16(p + 9);
	uint16_t version = load_be16(p + 3);
	return (version == TLS_VERSION_SSL2 || (version >= TLS_VERSION_SSL3 && version <= TLS_VERSION_12)) &&
	       ciphers && ciphers % 3 == 0 && (session == 0 || session == 16) && challenge >= 16 &&
	       challenge <= 32 && length == 9 + ciphers + session + challenge &&
	       length >= TLS_SSL2_HELLO_MIN - 3;
}

static enum proto_match tls_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	if (ssl2_hello(p, n))
		return PROTO_YES;
	if (n >= 1 && p[0] & 0x80 && n < 11)
		return n < 3 || p[2] == 1 ? PROTO_MAYBE : PROTO_NO;
	if (n && p[0] != TLS_CONTENT_HANDSHAKE && p[0] != TLS_CONTENT_ALERT && p[0] != TLS_CONTENT_DATA)
		return PROTO_NO;
	if (n < 6)
		return n < 2 || (p[1] == 3 && (n < 3 || p[2] <= 4)) ? PROTO_MAYBE : PROTO_NO;
	if (!record_plausible(p))
		return PROTO_NO;
	switch (p[0]) {
	case TLS_CONTENT_HANDSHAKE:
		return p[5] == TLS_HANDSHAKE_CLIENT_HELLO || p[5] == TLS_HANDSHAKE_SERVER_HELLO ? PROTO_YES
		                                                                                : PROTO_NO;
	case TLS_CONTENT_ALERT:
		/* a server that refuses at once: level and description (RFC 8446, 6) */
		return !to_responder && load_be16(p + 3) == 2 && (p[5] == 1 || p[5] == 2) ? PROTO_YES
		                                                                          : PROTO_NO;
	case TLS_CONTENT_DATA:
		/* only where the start was missed, which leaves nothing to read but the name */
		return f->flags & FLOW_MIDSTREAM ? PROTO_YES : PROTO_NO;
	default: return PROTO_NO;
	}
}

static void emit(struct proto_context *c, struct tls_state *s)
{
	struct tls_client_hello client;
	struct tls_server_hello server;
	struct cursor list = cursor_of(s->certificate.p, s->certificate.n);
	if (s->emitted)
		return;
	s->emitted = true;
	if (s->client_hello.n && tls_client_hello_parse(s->client_hello.p, s->client_hello.n, &client) == 0)
		tls_client_hello_fields(c, &client, TLS_OVER_TCP);
	if (s->server_hello.n && tls_server_hello_parse(s->server_hello.p, s->server_hello.n, &server) == 0)
		tls_server_hello_fields(c, &server);
	else if (s->ssl2)
		proto_field_str(c, FIELD_TLS_VERSION, "SSL 2.0");
	/* RFC 5246, 7.4.2: a list of certificates, the server's own first */
	cursor_skip(&list, 3);
	size_t length = cursor_be24(&list);
	const uint8_t *der = cursor_take(&list, length);
	if (der && length)
		x509_fields(c, proto_shared(c), der, length);
	proto_emit(c);
}

static void keep_first(struct tls_bytes *to, struct tls_bytes *from)
{
	if (to->n == 0) {
		*to = *from;
		*from = (struct tls_bytes){0};
	}
}

/* What a whole handshake message changes. */
static void message_done(struct proto_context *c, struct tls_state *s, struct tls_side *side)
{
	struct tls_server_hello hello;
	switch (side->head[0]) {
	case TLS_HANDSHAKE_CLIENT_HELLO:
		keep_first(&s->client_hello, &side->message);
		side->done = true;
		break;
	case TLS_HANDSHAKE_SERVER_HELLO:
		if (tls_server_hello_parse(side->message.p, side->message.n, &hello) == 0) {
			if (hello.retry)
				break;
			s->server_done = hello.version_agreed >= TLS_VERSION_13;
			keep_first(&s->server_hello, &side->message);
		}
		break;
	case TLS_HANDSHAKE_CERTIFICATE: keep_first(&s->certificate, &side->message); break;
	case TLS_HANDSHAKE_SERVER_DONE: s->server_done = true; break;
	default: break;
	}
	free(side->message.p);
	side->message = (struct tls_bytes){0};
	side->message_max = 0;
	side->head_n = 0;
	if (s->server_done && s->server_hello.n)
		side->done = true;
	tls_account(c, s);
}

/* A message begins: what of it is worth keeping. */
static void message_begin(struct proto_context *c, struct tls_state *s, struct tls_side *side)
{
	size_t length = (size_t)side->head[1] * 65536 + load_be16(side->head + 2), max = 0;
	switch (side->head[0]) {
	case TLS_HANDSHAKE_CLIENT_HELLO:
	case TLS_HANDSHAKE_SERVER_HELLO: max = TLS_HELLO_MAX; break;
	case TLS_HANDSHAKE_CERTIFICATE: max = s->server_hello.n ? TLS_CERTIFICATE_MAX : 0; break;
	default: break;
	}
	side->message_left = (uint32_t)length;
	side->message_max = length < max ? length : max;
	side->message = (struct tls_bytes){.p = side->message_max ? malloc(side->message_max) : NULL};
	if (!side->message.p)
		side->message_max = 0;
	tls_account(c, s);
}

/* Bytes of a handshake record: parts of messages, or several. */
static void handshake_bytes(
    struct proto_context *c, struct tls_state *s, struct tls_side *side, const uint8_t *p, size_t n)
{
	while (n && !side->done) {
		if (side->head_n < sizeof(side->head)) {
			side->head[side->head_n++] = *p++;
			n--;
			if (side->head_n == sizeof(side->head))
				message_begin(c, s, side);
		} else {
			size_t take = n < side->message_left ? n : side->message_left;
			size_t room = side->message_max - side->message.n;
			size_t keep = take < room ? take : room;
			if (keep)
				memcpy(side->message.p + side->message.n, p, keep);
			side->message.n += keep;
			side->message_left -= (uint32_t)take;
			p += take;
			n -= take;
		}
		if (side->head_n == sizeof(side->head) && side->message_left == 0)
			message_done(c, s, side);
	}
}

/* A record begins in this direction. */
static void record_begin(struct tls_state *s, struct tls_side *side, struct cursor *in)
{
	const uint8_t *p = cursor_take(in, TLS_RECORD_HEADER);
	side->content = p[0];
	side->record_left = load_be16(p + 3);
	/* After a change of cipher all is encrypted (TLS 1.2), but for a hello after a retry (1.3), whose
	 * first was read. */
	if (p[0] == TLS_CONTENT_DATA || (p[0] == TLS_CONTENT_CIPHER_CHANGE && s->server_hello.n)) {
		side->done = true;
		if (side->head_n == 0 && s->server_hello.n)
			s->server_done = true;
	}
}

static struct proto_progress progress(struct proto_context *c, struct tls_state *s, size_t used, bool done)
{
	struct proto_progress r = {.used = used, .verdict = done ? PROTO_DONE : PROTO_MORE};
	if (s->server_done && s->server_hello.n && s->client_hello.n) {
		emit(c, s);
		r.verdict = PROTO_DONE_BOTH;
	}
	return r;
}

/* SSL 2: the hello tells nothing but that it is one; a server of SSL 3 or later answers in records. */
static struct proto_progress ssl2_parse(
    struct proto_context *c, struct tls_state *s, const uint8_t *p, size_t n)
{
	size_t length = 2 + (size_t)(load_be16(p) & 0x7fff);
	if (load_be16(p + 3) == TLS_VERSION_SSL2) {
		s->ssl2 = true;
		emit(c, s);
		return (struct proto_progress){.used = n, .verdict = PROTO_DONE_BOTH};
	}
	return (struct proto_progress){.used = n < length ? n : length, .verdict = PROTO_DONE};
}

static struct proto_progress tls_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct tls_state *s = state;
	struct tls_side *side = &s->side[dir];
	struct cursor in = cursor_of(p, n);
	(void)end;
	if (side->content == 0 && ssl2_hello(p, n))
		return ssl2_parse(c, s, p, n);
	while (cursor_left(&in) && !side->done) {
		if (side->record_left == 0) {
			const uint8_t *header = cursor_peek(&in, TLS_RECORD_HEADER);
			if (!header)
				break;
			if (!record_plausible(header))
				return (struct proto_progress){.used = in.pos, .verdict = PROTO_BROKEN};
			record_begin(s, side, &in);
			continue;
		}
		size_t take = cursor_left(&in) < side->record_left ? cursor_left(&in) : side->record_left;
		const uint8_t *bytes = cursor_take(&in, take);
		side->record_left -= (uint16_t)take;
		if (side->content == TLS_CONTENT_HANDSHAKE)
			handshake_bytes(c, s, side, bytes, take);
	}
	return progress(c, s, in.pos, side->done);
}

static void tls_close(struct proto_context *c, void *state)
{
	struct tls_state *s = state;
	emit(c, s);
	free(s->client_hello.p);
	free(s->server_hello.p);
	free(s->certificate.p);
	free(s->side[0].message.p);
	free(s->side[1].message.p);
}

const struct proto_parser proto_tls = {
    .app = APP_TLS,
    .tcp = true,
    .state_size = sizeof(struct tls_state),
    .buffer_max = 64, /* a record's header, or the head of an SSL 2 hello */
    .probe = tls_probe,
    .parse = tls_parse,
    .close = tls_close,
    .shared_new = x509_cache_new,
    .shared_free = x509_cache_free,
};
