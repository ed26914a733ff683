/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "flow/entry.h"

/*
 * Sequence accounting. Numbers are unwrapped to 64 bits, starting high enough that nothing runs below zero. A
 * packet that lies further ahead than any window, or than a line could have carried since the last packet,
 * isn't believed until a second one stands at the same place.
 */
#define UNWRAP_BASE  (UINT64_C(1) << 40)
#define WINDOW_LEAST (UINT64_C(1) << 22) /* what is always believed: a burst lost by the capture */
#define BYTES_PER_NS 12                  /* 100 Gbit/s: no link carries more */

static uint64_t unwrap(uint64_t near, uint32_t seq)
{
	return near + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)near);
}

static uint64_t plausible_ahead(const struct flow_entry *e, enum flow_dir dir, bool twice, int64_t time)
{
	const struct tcp_side *receiver = &e->tcp[!dir];
	uint64_t window = receiver->window * 2;
	int64_t idle = time - e->f.last_ns;
	uint64_t carried = idle > 0 ? (uint64_t)idle * BYTES_PER_NS : 0;
	if (window < WINDOW_LEAST)
		window = WINDOW_LEAST;
	if (twice && carried > window)
		window = carried;
	return window < (UINT64_C(1) << 30) ? window : UINT64_C(1) << 30;
}

/*
 * Whether position `at` of the side's sequence space is believed. A jump ahead needs a second packet near the
 * first; one far behind is never believed.
 */
static bool believe(struct flow_entry *e, enum flow_dir dir, uint64_t at, int64_t time)
{
	struct tcp_side *s = &e->tcp[dir];
	if (at <= s->next)
		return s->next - at <= (UINT64_C(1) << 30);
	if (at - s->next <= plausible_ahead(e, dir, false, time)) {
		s->jump = 0;
		return true;
	}
	e->f.flags |= FLOW_SEQUENCE_ANOMALY;
	bool again = s->jump && at >= s->jump && at - s->jump <= WINDOW_LEAST &&
	             at - s->next <= plausible_ahead(e, dir, true, time);
	s->jump = again ? 0 : at;
	return again;
}

static void side_start(struct flow_entry *e, enum flow_dir dir, uint32_t seq)
{
	struct tcp_side *s = &e->tcp[dir];
	s->known = true;
	s->next = UNWRAP_BASE + seq;
	s->acked = s->next;
	e->handed[dir] = s->next;
}

/* A hole [from, to) of what was never seen. At the bound the oldest two become one, with what lies between:
 * bytes that were seen then count once as seen and once as missing, which can only raise the bound. */
static void hole_add(struct tcp_side *s, uint64_t from, uint64_t to)
{
	if (!s->holes)
		s->holes = calloc(1, sizeof(*s->holes));
	struct tcp_holes *h = s->holes;
	if (!h)
		return;
	if (h->n == TCP_HOLES_MAX) {
		h->v[0].to = h->v[1].to;
		memmove(&h->v[1], &h->v[2], (h->n - 2) * sizeof(h->v[0]));
		h->n--;
	}
	h->v[h->n].from = from;
	h->v[h->n].to = to;
	h->n++;
}

/* How many bytes of [from, to) lie in holes; they are filled now. */
static uint64_t holes_fill(struct tcp_side *s, uint64_t from, uint64_t to)
{
	struct tcp_holes *h = s->holes;
	uint64_t filled = 0;
	for (size_t i = 0; h && i < h->n;) {
		uint64_t a = h->v[i].from > from ? h->v[i].from : from, b = h->v[i].to < to ? h->v[i].to : to;
		if (a >= b) {
			i++;
			continue;
		}
		filled += b - a;
		bool before = h->v[i].from < a, after = b < h->v[i].to;
		if (before && after && h->n < TCP_HOLES_MAX) {
			memmove(&h->v[i + 1], &h->v[i], (h->n - i) * sizeof(h->v[0]));
			h->n++;
			h->v[i].to = a;
			h->v[i + 1].from = b;
			i += 2;
		} else if (before) {
			/* no room to split: what lies after stays seen as filled only where it was */
			if (!after)
				h->v[i].to = a;
			i++;
		} else if (after) {
			h->v[i].from = b;
			i++;
		} else {
			memmove(&h->v[i], &h->v[i + 1], (h->n - i - 1) * sizeof(h->v[0]));
			h->n--;
		}
	}
	return filled;
}

/* Payload bytes [at, at + n): what is new counts, the rest was sent again. */
static void count_payload(struct flow_entry *e, enum flow_dir dir, uint64_t at, uint64_t n)
{
	struct tcp_side *s = &e->tcp[dir];
	struct flow_side *side = &e->f.side[dir];
	uint64_t end = at + n, fresh = 0, known_end = end < s->next ? end : s->next;
	if (at < known_end)
		fresh += holes_fill(s, at, known_end);
	if (end > s->next) {
		uint64_t from = at > s->next ? at : s->next;
		if (at > s->next)
			hole_add(s, s->next, at);
		fresh += end - from;
		s->next = end;
	}
	side->payload += fresh;
	side->retransmitted += n - fresh;
}

void tcp_settle(struct flow_entry *e)
{
	for (int dir = 0; dir < 2; dir++) {
		struct tcp_side *s = &e->tcp[dir];
		uint64_t missing = 0;
		for (size_t i = 0; s->holes && i < s->holes->n; i++) {
			uint64_t to = s->holes->v[i].to < s->acked ? s->holes->v[i].to : s->acked;
			if (s->holes->v[i].from < to)
				missing += to - s->holes->v[i].from;
		}
		/* the FIN takes one sequence number and may be acknowledged without being seen */
		uint64_t end = s->fin && s->fin < s->acked ? s->fin : s->acked;
		if (s->known && end > s->next) {
			bool maybe_fin = !s->fin && (e->f.side[!dir].tcp_flags & PACKET_TCP_FIN);
			missing += end - s->next - (maybe_fin && end - s->next == 1);
		}
		if (s->known && e->f.side[dir].packets == 0 && missing)
			e->f.flags |= FLOW_ONE_WAY_VIEW;
		e->f.side[dir].missing += missing;
		e->f.side[dir].payload += missing;
		if (s->holes)
			s->holes->n = 0;
		if (s->next < end)
			s->next = end;
	}
}

void tcp_free(struct flow_table *t, struct flow_entry *e)
{
	for (int dir = 0; dir < 2; dir++) {
		stream_free(t, e, (enum flow_dir)dir);
		free(e->tcp[dir].holes);
		e->tcp[dir].holes = NULL;
	}
}

bool tcp_begins_anew(const struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, int64_t now)
{
	const struct tcp_side *s = &e->tcp[dir];
	if ((tcp->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST)) != PACKET_TCP_SYN)
		return false;
	if (s->syn && s->isn == tcp->seq)
		return false; /* the same SYN again */
	switch (e->f.tcp) {
	case FLOW_TCP_NONE:
	case FLOW_TCP_SYN_SENT: return false; /* tried again with another number: still the same attempt */
	case FLOW_TCP_SYN_RECEIVED:
	case FLOW_TCP_ESTABLISHED:
	case FLOW_TCP_MIDSTREAM:
		/* an end that lost its state begins anew; a forged SYN in a live connection doesn't */
		return now - e->f.last_ns > 60 * NS_PER_S;
	case FLOW_TCP_CLOSING:
	case FLOW_TCP_CLOSED:
	case FLOW_TCP_RESET:
	case FLOW_TCP_REFUSED: return true;
	}
	return false;
}

static void take_window(struct tcp_side *s, const struct packet_tcp *tcp)
{
	bool syn = tcp->flags & PACKET_TCP_SYN;
	if (syn)
		s->scale = tcp->window_scale == TCP_SCALE_UNKNOWN ? 0
		           : tcp->window_scale > 14               ? 14
		                                                  : tcp->window_scale;
	/* whoever missed the SYN can't know the scale: the largest that is allowed (RFC 7323, 2.3) misses
	 * nothing */
	uint64_t window = (uint64_t)tcp->window << (syn ? 0 : s->scale == TCP_SCALE_UNKNOWN ? 14 : s->scale);
	if (window > s->window)
		s->window = window;
}

/* The acknowledgement of the other side's bytes. */
static void take_ack(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, int64_t time)
{
	enum flow_dir other = !dir;
	struct tcp_side *s = &e->tcp[other];
	if (!(tcp->flags & PACKET_TCP_ACK) || (tcp->flags & PACKET_TCP_RST))
		return;
	if (!s->known) {
		side_start(e, other, tcp->ack);
		return;
	}
	uint64_t ack = unwrap(s->next, tcp->ack);
	if (ack <= s->acked || !believe(e, other, ack, time))
		return;
	s->acked = ack;
	if (e->wanted[other])
		stream_acked(t, e, other, ack, time);
}

static void establish(struct flow_entry *e, int64_t time)
{
	if (!e->f.established_ns)
		e->f.established_ns = time;
}

static void take_syn(struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp)
{
	struct tcp_side *s = &e->tcp[dir];
	bool data_seen = e->f.side[dir].payload > 0;
	if (s->syn && s->isn != tcp->seq && data_seen)
		return;
	if (!s->syn || s->isn != tcp->seq) {
		if (!data_seen)
			side_start(e, dir, tcp->seq + 1);
		s->isn = tcp->seq;
		s->syn = true;
	}
	bool answer = tcp->flags & PACKET_TCP_ACK;
	if (!answer && e->f.tcp == FLOW_TCP_NONE)
		e->f.tcp = FLOW_TCP_SYN_SENT;
	else if (answer && (e->f.tcp == FLOW_TCP_NONE || e->f.tcp == FLOW_TCP_SYN_SENT))
		e->f.tcp = FLOW_TCP_SYN_RECEIVED;
	else if (!answer && e->f.tcp == FLOW_TCP_SYN_SENT && e->tcp[!dir].syn)
		e->f.tcp = FLOW_TCP_SYN_RECEIVED; /* both began at once (RFC 9293, 3.5) */
}

/* Whether a RST is one that the receiver would take (RFC 5961, roughly: inside what is open). */
static bool take_rst(struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, int64_t time)
{
	struct tcp_side *s = &e->tcp[dir];
	if (e->f.tcp == FLOW_TCP_SYN_SENT && e->tcp[!dir].syn && !s->syn) {
		if ((tcp->flags & PACKET_TCP_ACK) && tcp->ack != (uint32_t)e->tcp[!dir].next &&
		    tcp->ack != e->tcp[!dir].isn + 1)
			return false;
		e->f.tcp = FLOW_TCP_REFUSED;
		return true;
	}
	if (s->known) {
		uint64_t at = unwrap(s->next, tcp->seq);
		uint64_t far = at > s->next ? at - s->next : s->next - at;
		if (far > plausible_ahead(e, dir, false, time)) {
			e->f.flags |= FLOW_SEQUENCE_ANOMALY;
			return false;
		}
	}
	e->f.tcp = FLOW_TCP_RESET;
	return true;
}

static void take_fin(struct flow_entry *e, enum flow_dir dir, uint64_t end)
{
	struct tcp_side *s = &e->tcp[dir];
	if (!s->fin)
		s->fin = end;
	if (e->f.tcp == FLOW_TCP_RESET || e->f.tcp == FLOW_TCP_REFUSED)
		return;
	e->f.tcp = e->tcp[!dir].fin ? FLOW_TCP_CLOSED : FLOW_TCP_CLOSING;
}

static void take_payload(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t at,
    const struct packet_layer *l, int64_t time)
{
	const struct tcp_side *s = &e->tcp[dir];
	/* a keep-alive probe repeats one byte that was acknowledged before (RFC 9293, 3.8.4) */
	if (l->payload_length == 1 && at + 1 == s->next && at < s->acked) {
		e->f.side[dir].retransmitted += 1;
		return;
	}
	count_payload(e, dir, at, l->payload_length);
	if (e->f.side[!dir].payload)
		establish(e, time);
	if (e->wanted[dir])
		stream_segment(t, e, dir, at, l->payload, l->payload_captured, l->payload_length, time);
}

/* States that packets without SYN, FIN and RST bring about. */
static void advance(
    struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, uint32_t length, int64_t time)
{
	if (e->f.tcp == FLOW_TCP_SYN_RECEIVED && dir == FLOW_FORWARD && (tcp->flags & PACKET_TCP_ACK) &&
	    !(tcp->flags & PACKET_TCP_SYN)) {
		e->f.tcp = FLOW_TCP_ESTABLISHED;
		establish(e, time);
	} else if (e->f.tcp == FLOW_TCP_NONE && ((tcp->flags & PACKET_TCP_ACK) || length)) {
		e->f.tcp = FLOW_TCP_MIDSTREAM;
		e->f.flags |= FLOW_MIDSTREAM;
	} else if (e->f.tcp == FLOW_TCP_SYN_SENT && dir == FLOW_FORWARD && (tcp->flags & PACKET_TCP_ACK) &&
	           !(tcp->flags & PACKET_TCP_SYN)) {
		/* the SYN-ACK went by unseen: the initiator wouldn't acknowledge nothing */
		e->f.tcp = FLOW_TCP_ESTABLISHED;
		establish(e, time);
	}
}

void tcp_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp,
    const struct packet_layer *l)
{
	struct tcp_side *s = &e->tcp[dir];
	int64_t time = t->now;
	uint32_t length = l->payload_length;
	bool syn = tcp->flags & PACKET_TCP_SYN;
	if (tcp->flags & PACKET_TCP_RST) {
		take_rst(e, dir, tcp, time);
		return; /* what a RST carries is a reason, not data (RFC 9293, 3.10.7) */
	}
	if (syn)
		take_syn(e, dir, tcp);
	else if (!s->known)
		side_start(e, dir, tcp->seq);
	uint64_t at = unwrap(s->next, tcp->seq + (syn ? 1 : 0));
	take_window(s, tcp);
	if (!believe(e, dir, at, time))
		return;
	take_ack(t, e, dir, tcp, time);
	advance(e, dir, tcp, length, time);
	if (length)
		take_payload(t, e, dir, at, l, time);
	if (tcp->flags & PACKET_TCP_FIN)
		take_fin(e, dir, at + length);
}
