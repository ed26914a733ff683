/* SPDX-License-Identifier: GPL-2.0-or-later */

/* TCP, RFC 9293; the options of RFC 7323. Checksums are not looked at here: flow/doubt.c says when
 * they are. */

#include "decode/walk.h"

enum {
	TCP_HEAD = 20,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WINDOW_SCALE = 3,
	OPTION_TIMESTAMP = 8,
	OPTION_MSS_LENGTH = 4,
	OPTION_WINDOW_SCALE_LENGTH = 3,
	OPTION_TIMESTAMP_LENGTH = 10,
	ALIGNED_TIMESTAMP_LENGTH = 12,
	TCP_FLAGS = 0x3f,
	WINDOW_SCALE_ABSENT = 255,
	WINDOW_SCALE_MAX = 14, /* RFC 7323, 2.3: larger means this */
};
#define ALIGNED_TIMESTAMP                                                                                    \
	UINT32_C(0x0101080a) /* two no-operations and the option's head, as everybody sends it */

static void set_timestamp(struct packet_tcp *t, const uint8_t *p)
{
	t->has_timestamp = true;
	t->ts_value = load_be32(p);
	t->ts_echo = load_be32(p + 4);
}

static void tcp_option(struct packet_tcp *t, uint8_t kind, uint8_t length, const uint8_t *p)
{
	bool syn = t->flags & PACKET_TCP_SYN;
	if (kind == OPTION_TIMESTAMP && length == OPTION_TIMESTAMP_LENGTH)
		set_timestamp(t, p);
	else if (kind == OPTION_MSS && length == OPTION_MSS_LENGTH && syn)
		t->mss = load_be16(p);
	else if (kind == OPTION_WINDOW_SCALE && length == OPTION_WINDOW_SCALE_LENGTH && syn)
		t->window_scale = p[0] > WINDOW_SCALE_MAX ? WINDOW_SCALE_MAX : p[0];
}

/* Options of which `captured` bytes are at p; those that run past the header are an event, those cut off are
 * not. */
static void tcp_options(struct walk *w, const uint8_t *p, size_t length, size_t captured)
{
	struct packet_tcp *t = &w->packet->tcp;
	if (length == ALIGNED_TIMESTAMP_LENGTH && captured == length && load_be32(p) == ALIGNED_TIMESTAMP) {
		set_timestamp(t, p + 4);
		return;
	}
	struct cursor c = cursor_of(p, captured);
	while (cursor_left(&c)) {
		uint8_t kind = cursor_u8(&c);
		if (kind == OPTION_END)
			return;
		if (kind == OPTION_NOP)
			continue;
		if (cursor_left(&c) == 0 && captured < length)
			return;
		uint8_t n = cursor_u8(&c);
		if (n < 2 || n - 2u > length - c.pos) {
			walk_event(w, DECODE_EVENT_TCP_OPTIONS);
			return;
		}
		const uint8_t *value = cursor_take(&c, n - 2u);
		if (!value)
			return;
		tcp_option(t, kind, n, value);
	}
}

/* No TCP sends these: SYN with FIN or RST, or a segment with none of SYN, RST and ACK (RFC 9293, 3.10.7). */
static bool flags_impossible(uint8_t flags)
{
	if ((flags & PACKET_TCP_SYN) && (flags & (PACKET_TCP_FIN | PACKET_TCP_RST)))
		return true;
	return !(flags & (PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_ACK));
}

enum decode_step decode_tcp(struct walk *w)
{
	const uint8_t *p = walk_peek(w, TCP_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_TCP_TRUNCATED);
	uint32_t head = (p[12] >> 4) * 4u;
	if (head < TCP_HEAD || head > w->length)
		return walk_stop(w, DECODE_EVENT_TCP_HEADER_LENGTH);
	struct packet_layer *l = walk_layer(w);
	l->src_port = load_be16(p);
	l->dst_port = load_be16(p + 2);
	l->has_ports = true;
	w->packet->tcp = (struct packet_tcp){
	    .seq = load_be32(p + 4),
	    .ack = load_be32(p + 8),
	    .window = load_be16(p + 14),
	    .flags = p[13] & TCP_FLAGS,
	    .window_scale = WINDOW_SCALE_ABSENT,
	    .head = (uint8_t)head,
	};
	if (flags_impossible(w->packet->tcp.flags))
		walk_event(w, DECODE_EVENT_TCP_FLAGS_IMPOSSIBLE);
	size_t captured = cursor_left(&w->c) < head ? cursor_left(&w->c) : head;
	if (head > TCP_HEAD)
		tcp_options(w, p + TCP_HEAD, head - TCP_HEAD, captured - TCP_HEAD);
	/* a snapshot length may cut inside the header: the payload's length is known all the same */
	(void)walk_take(w, captured);
	w->length -= (uint32_t)(head - captured);
	walk_set_payload(w, l);
	return DECODE_DONE;
}
