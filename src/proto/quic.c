/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * QUIC up to the client's hello: SNI, ALPN, JA3 and JA4. The hello may be spread over several Initial
 * packets, its parts in any order. Bounds of a flow: QUIC_HELLO_MAX bytes of hello, QUIC_OPENINGS_MAX packets
 * that are tried to open, QUIC_FRAMES_MAX frames of one. Then, or once the hello is there, nothing more is
 * read.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/parsers.h"
#include "proto/quic_packet.h"
#include "proto/tls.h"

enum {
	QUIC_HELLO_MAX = 8192,
	QUIC_OPENINGS_MAX = 24,
	QUIC_FRAMES_MAX = 512,
	QUIC_HANDSHAKE_HEAD = 4,
	QUIC_CLIENT_HELLO = 1,
};

enum quic_frame {
	QUIC_FRAME_PADDING = 0,
	QUIC_FRAME_PING = 1,
	QUIC_FRAME_ACK = 2,
	QUIC_FRAME_ACK_ECN = 3,
	QUIC_FRAME_CRYPTO = 6,
};

/* The client's CRYPTO stream as far as it is there. */
struct quic_hello {
	uint8_t bytes[QUIC_HELLO_MAX];
	uint8_t have[QUIC_HELLO_MAX / 8]; /* bit i: byte i is there */
};

struct quic_state {
	uint32_t version;
	bool keyed, emitted;
	uint8_t openings;
	uint16_t whole; /* bytes from the start on without a hole */
	struct quic_keys keys;
	struct quic_hello *hello;
};

/* The version of Google's QUIC, 0 where it isn't that: before Q046 after flags and a connection id of eight
 * bytes, then after the first byte of a long header whose ids have lengths of half a byte. */
static uint32_t gquic_version(const uint8_t *p, size_t n)
{
	size_t at = n && p[0] & 0x80 ? 1 : 9;
	if (n < 14 || (at == 9 && (p[0] & 0x09) != 0x09) || (at == 1 && !(p[0] & 0x40)))
		return 0;
	const uint8_t *v = p + at;
	bool google = v[0] == 'Q' && v[1] == '0' && v[2] >= '1' && v[2] <= '5' && v[3] >= '0' && v[3] <= '9';
	return google ? load_be32(v) : 0;
}

static enum proto_match quic_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	(void)f;
	if (gquic_version(p, n))
		return PROTO_YES;
	struct cursor c = cursor_of(p, n);
	uint8_t first = cursor_u8(&c);
	uint32_t version = cursor_be32(&c);
	uint8_t dcid_n = cursor_u8(&c);
	cursor_skip(&c, dcid_n);
	uint8_t scid_n = cursor_u8(&c);
	cursor_skip(&c, scid_n);
	if (!cursor_ok(&c) || (first & 0xc0) != 0xc0 || dcid_n > QUIC_CID_MAX || scid_n > QUIC_CID_MAX)
		return PROTO_NO;
	return quic_version_known(version) || version >> 8 == 0xff0000 ? PROTO_YES : PROTO_NO;
}

static void emit(struct proto_context *c, struct quic_state *s)
{
	char buf[QUIC_VERSION_TEXT_SIZE];
	struct tls_client_hello hello;
	if (s->emitted || !s->version)
		return;
	s->emitted = true;
	proto_field_str(c, FIELD_QUIC_VERSION, quic_version_text(s->version, buf));
	if (s->whole > QUIC_HANDSHAKE_HEAD && tls_client_hello_parse(s->hello->bytes + QUIC_HANDSHAKE_HEAD,
	                                          s->whole - QUIC_HANDSHAKE_HEAD, &hello) == 0)
		tls_client_hello_fields(c, &hello, TLS_OVER_QUIC);
	proto_emit(c);
}

/* Whether the stream holds the whole hello; then `whole` is just its size. */
static bool hello_complete(struct quic_state *s)
{
	const struct quic_hello *h = s->hello;
	while (s->whole < QUIC_HELLO_MAX && h->have[s->whole / 8] >> (s->whole % 8) & 1)
		s->whole++;
	if (s->whole < QUIC_HANDSHAKE_HEAD || h->bytes[0] != QUIC_CLIENT_HELLO)
		return false;
	size_t size = QUIC_HANDSHAKE_HEAD + (size_t)h->bytes[1] * 65536 + load_be16(h->bytes + 2);
	if (size > s->whole)
		return false;
	s->whole = (uint16_t)size;
	return true;
}

/* What is there first stays: a later packet can't rewrite it. */
static void crypto_frame(struct quic_state *s, struct cursor *in)
{
	struct quic_hello *h = s->hello;
	uint64_t offset = quic_varint(in), length = quic_varint(in);
	if (length > cursor_left(in)) {
		in->failed = true;
		return;
	}
	const uint8_t *p = cursor_take(in, (size_t)length);
	for (uint64_t i = 0; i < length && offset + i < QUIC_HELLO_MAX; i++) {
		size_t at = (size_t)(offset + i);
		uint8_t bit = (uint8_t)(1 << at % 8);
		if (!(h->have[at / 8] & bit)) {
			h->bytes[at] = p[i];
			h->have[at / 8] |= bit;
		}
	}
}

/* RFC 9000, 19.3: its ranges are only read over. */
static void ack_frame(struct cursor *in, bool ecn)
{
	quic_varint(in);
	quic_varint(in);
	uint64_t ranges = quic_varint(in);
	quic_varint(in);
	for (uint64_t i = 0; i < ranges && cursor_ok(in); i++) {
		quic_varint(in);
		quic_varint(in);
	}
	for (int i = 0; ecn && i < 3; i++)
		quic_varint(in);
}

static void frames_read(struct quic_state *s, const uint8_t *p, size_t n)
{
	struct cursor in = cursor_of(p, n);
	for (int i = 0; i < QUIC_FRAMES_MAX && cursor_left(&in); i++) {
		uint64_t type = quic_varint(&in);
		switch (type) {
		case QUIC_FRAME_PADDING:
			while (cursor_left(&in) && *cursor_peek(&in, 1) == 0)
				cursor_skip(&in, 1);
			break;
		case QUIC_FRAME_PING: break;
		case QUIC_FRAME_ACK:
		case QUIC_FRAME_ACK_ECN: ack_frame(&in, type == QUIC_FRAME_ACK_ECN); break;
		case QUIC_FRAME_CRYPTO: crypto_frame(s, &in); break;
		default: return; /* CONNECTION_CLOSE: no other is allowed here (RFC 9000, 12.5) */
		}
	}
}

/* Opens with the keys that are there; or, for the first and after a Retry, with those of its own connection
 * id. */
static bool initial_read(struct quic_state *s, const struct quic_header *h)
{
	uint8_t *frames = malloc(h->size);
	struct quic_keys keys;
	size_t n = 0;
	if (!frames)
		return false;
	bool opened = s->keyed && quic_initial_open(&s->keys, h, frames, &n) == 0;
	if (!opened && quic_client_keys(h->version, h->dcid, &keys) == 0 &&
	    quic_initial_open(&keys, h, frames, &n) == 0) {
		opened = true;
		s->keyed = true;
		s->keys = keys;
	}
	if (opened)
		frames_read(s, frames, n);
	free(frames);
	return opened;
}

static struct proto_progress quic_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct quic_state *s = state;
	struct cursor in = cursor_of(p, n);
	struct quic_header h;
	struct proto_progress r = {.used = n, .verdict = PROTO_MORE};
	(void)dir;
	(void)end;
	if (gquic_version(p, n)) {
		s->version = gquic_version(p, n);
		emit(c, s);
		r.verdict = PROTO_DONE_BOTH;
		return r;
	}
	while (cursor_left(&in) && r.verdict == PROTO_MORE) {
		int error = quic_header_read(&in, &h);
		if (error == -ERR_UNSUPPORTED && h.version != QUIC_VERSION_NEGOTIATION && !s->version)
			s->version = h.version;
		if (error < 0)
			break;
		if (h.type != QUIC_INITIAL)
			continue;
		s->version = h.version;
		if (!s->hello) {
			s->hello = calloc(1, sizeof(*s->hello));
			if (!s->hello)
				break;
			proto_account(c, sizeof(*s->hello));
		}
		bool complete = initial_read(s, &h) && hello_complete(s);
		if (complete || ++s->openings >= QUIC_OPENINGS_MAX) {
			emit(c, s);
			r.verdict = PROTO_DONE_BOTH;
		}
	}
	return r;
}

static void quic_close(struct proto_context *c, void *state)
{
	struct quic_state *s = state;
	emit(c, s);
	free(s->hello);
}

const struct proto_parser proto_quic = {
    .app = APP_QUIC,
    .udp = true,
    .state_size = sizeof(struct quic_state),
    .probe = quic_probe,
    .parse = quic_parse,
    .close = quic_close,
};
