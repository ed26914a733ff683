/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From a fragment in a packet to the fragment table and back. */

#include <errno.h>

#include "decode/decoder.h"

enum {
	TCP_LEAST_IN_FIRST = 16, /* RFC 1858, 3: up to the flags and a little more */
	SECOND_UNIT = 8,
};

static void mark_fragment(struct packet_layer *l, uint8_t protocol)
{
	l->protocol = protocol;
	l->fragment = true;
	l->payload = NULL;
	l->payload_length = l->payload_captured = 0;
}

/* RFC 1858 and 3128: fragments cut so that a filter can't see the TCP header in one piece. */
static bool is_tiny(const struct walk *w, const struct fragment *f)
{
	if (w->protocol != PACKET_TCP)
		return false;
	return f->offset == 0 ? w->length < TCP_LEAST_IN_FIRST : f->offset == SECOND_UNIT;
}

/* Whether the fragment can belong to any datagram; mends what a receiver would. */
static bool fragment_fits(struct walk *w, const struct fragment *f, uint32_t header)
{
	if (w->length == 0 || (f->more && w->length % SECOND_UNIT)) {
		walk_event(w, DECODE_EVENT_FRAGMENT_MALFORMED);
		if (f->v6 || w->length < SECOND_UNIT)
			return false;                           /* RFC 8200, 4.5 */
		walk_limit(w, w->length & ~(SECOND_UNIT - 1u)); /* as Linux does */
	}
	if (f->offset + w->length > DEFRAG_DATAGRAM_MAX - header || w->length > DEFRAG_DATAGRAM_MAX) {
		walk_event(w, DECODE_EVENT_FRAGMENT_TOO_LARGE);
		return false;
	}
	return true;
}

/* The walk goes on over what was joined. */
static bool enter_joined(
    struct walk *w, struct packet_layer *l, const struct defrag_joined *joined, uint32_t header)
{
	struct decoder *d = w->decoder;
	d->joined[d->n_joined++] = joined->memory;
	d->stats.reassembled++;
	w->c = cursor_of(joined->p, joined->captured);
	w->length = joined->length;
	w->protocol = joined->protocol;
	l->wire_bytes = header + joined->length;
	return true;
}

/* Datagrams given up are events of the decoder, not of the packet that was there at the time. */
static void count_given_up(struct decoder *d)
{
	const struct defrag_counters *c = defrag_counters(d->defrag);
	d->stats.events[DECODE_EVENT_FRAGMENT_LIMIT] += c->limit - d->counted.limit;
	d->stats.events[DECODE_EVENT_FRAGMENT_TIMEOUT] += c->timeout - d->counted.timeout;
	d->counted = *c;
}

/* What the piece contradicted goes with the packet. */
static void take_conflict(struct walk *w, enum net_overlap how, enum defrag_result r)
{
	const struct defrag_conflict *c = defrag_conflict(w->decoder->defrag);
	struct packet_conflict *into = &w->decoder->conflict;
	if (!c->n)
		return;
	*into = (struct packet_conflict){.offset = c->offset,
	    .n = c->n,
	    .policy = how == NET_OVERLAP_AUTO ? NET_OVERLAP_FIRST : how,
	    .dropped = r == DEFRAG_OVERLAP &&
	               (how == NET_OVERLAP_LINUX || !net_addr_is_v4(walk_layer(w)->dst)),
	    .kept = c->kept,
	    .other = c->other};
	w->packet->conflict = into;
}

bool decode_fragment(struct walk *w, const struct fragment *f)
{
	struct decoder *d = w->decoder;
	struct packet_layer *l = walk_layer(w);
	/* an IPv6 header does not count for the limit on the datagram; extension headers before the
	 * fragment's do */
	uint32_t header = l->wire_bytes - w->length;
	mark_fragment(l, w->protocol);
	d->stats.fragments++;
	if (is_tiny(w, f))
		walk_event(w, DECODE_EVENT_FRAGMENT_TINY);
	if (!fragment_fits(w, f, f->v6 ? 0 : header)) {
		if (d->lost)
			d->lost(d->context, w->packet->vantage, 1);
		return false;
	}
	if (d->n_joined == DECODER_JOINED_MAX) {
		walk_event(w, DECODE_EVENT_TUNNEL_TOO_DEEP);
		return false;
	}
	const struct defrag_key key = {
	    .src = l->src,
	    .dst = l->dst,
	    .id = f->id,
	    .vantage = w->packet->vantage,
	    .protocol = f->v6 ? 0 : w->protocol,
	    .version = f->v6 ? 6 : 4,
	};
	const struct defrag_piece piece = {
	    .p = w->c.base + w->c.pos,
	    .captured = (uint32_t)cursor_left(&w->c),
	    .length = w->length,
	    .offset = f->offset,
	    .more = f->more,
	    .protocol = w->protocol,
	    .how = d->overlap ? d->overlap(d->context, l->dst) : NET_OVERLAP_AUTO,
	};
	struct defrag_joined joined;
	enum defrag_result r = defrag_add(d->defrag, &key, &piece, w->packet->time_ns, &joined);
	count_given_up(d);
	if (r == DEFRAG_OVERLAP || r == DEFRAG_JOINED_OVERLAP || r == DEFRAG_REFUSED)
		walk_event(w, DECODE_EVENT_FRAGMENT_OVERLAP);
	take_conflict(w, piece.how, r);
	if (r == DEFRAG_NO_MEMORY)
		w->error = -ENOMEM;
	if (r != DEFRAG_JOINED && r != DEFRAG_JOINED_OVERLAP)
		return false;
	l->fragment = false;
	return enter_joined(w, l, &joined, header);
}
