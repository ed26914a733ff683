/* SPDX-License-Identifier: GPL-2.0-or-later */

/* IPv4, RFC 791. */

#include "decode/walk.h"

enum {
	IPV4_HEAD = 20,
	IPV4_MORE_FRAGMENTS = 0x2000,
	IPV4_OFFSET_MASK = 0x1fff,
	OPTION_END = 0,
	OPTION_NOP = 1,
};

static bool ipv4_options_good(const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n);
	while (cursor_left(&c)) {
		uint8_t option = cursor_u8(&c);
		if (option == OPTION_END)
			return true;
		if (option == OPTION_NOP)
			continue;
		uint8_t length = cursor_u8(&c);
		if (length < 2)
			return false;
		cursor_skip(&c, length - 2u);
	}
	return cursor_ok(&c);
}

enum decode_step decode_ipv4(struct walk *w)
{
	const uint8_t *p = walk_peek(w, IPV4_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_IPV4_TRUNCATED);
	size_t head = (p[0] & 0x0fu) * 4;
	if (p[0] >> 4 != 4)
		return walk_stop(w, DECODE_EVENT_IPV4_VERSION);
	if (head < IPV4_HEAD)
		return walk_stop(w, DECODE_EVENT_IPV4_HEADER_LENGTH);
	uint32_t claim = load_be16(p + 2);
	if (claim != 0 && claim < head)
		return walk_stop(w, DECODE_EVENT_IPV4_TOTAL_LENGTH);
	uint32_t total = decode_datagram_length(w, claim);
	walk_limit(w, total);
	if (!walk_take(w, head))
		return walk_stop(w, DECODE_EVENT_IPV4_TRUNCATED);
	bool bad_sum = !sane_ipv4_checksum(p, head);
	if (bad_sum)
		walk_event(w, DECODE_EVENT_IPV4_CHECKSUM);
	if (head > IPV4_HEAD && !ipv4_options_good(p + IPV4_HEAD, head - IPV4_HEAD))
		walk_event(w, DECODE_EVENT_IPV4_OPTIONS);

	struct packet_layer *l = decode_layer_push(w);
	if (!l)
		return DECODE_DONE;
	l->src = net_addr_v4(p + 12);
	l->dst = net_addr_v4(p + 16);
	l->ttl = p[8];
	l->bad_sum = bad_sum;
	l->wire_bytes = total;
	w->protocol = p[9];
	uint16_t offset = load_be16(p + 6);
	if (!(offset & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)))
		return DECODE_TRANSPORT;
	const struct fragment f = {
	    .id = load_be16(p + 4),
	    .offset = (offset & IPV4_OFFSET_MASK) * 8u,
	    .more = offset & IPV4_MORE_FRAGMENTS,
	};
	return decode_fragment(w, &f) ? DECODE_TRANSPORT : DECODE_DONE;
}
