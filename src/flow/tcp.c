/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "flow/entry.h"

/*
 * Sequence accounting. Numbers are unwrapped to 64 bits, starting high enough that nothing runs below zero.
 *
 * A packet further off than a window isn't believed until a second one stands at the same place. What lies
 * between is then a hole like any other, to be filled late; but where no line could have carried it in the
 * time, acknowledging it doesn't make it data. Two packets far behind begin the count anew. So whoever forges
 * numbers can add no more than what went over the wire, and hide nothing behind them.
 */
#define UNWRAP_BASE  (UINT64_C(1) << 40)
#define WINDOW_LEAST (UINT64_C(1) << 22) /* what is always believed: a burst lost by the capture */
#define WINDOW_MOST  (UINT64_C(1) << 26)
#define CARRIED_MOST (UINT64_C(1) << 31) /* beyond it unwrapping is a guess */
#define BYTES_PER_NS 12                  /* 100 Gbit/s: no link carries more */

static uint64_t unwrap(uint64_t near, uint32_t seq)
{
	return near + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)near);
}

/* The furthest that is known of a side: seen, or acknowledged by the other. */
static uint64_t front(const struct tcp_side *s)
{
	return s->acked > s->next ? s->acked : s->next;
}

static uint64_t plausible_ahead(const struct flow_entry *e, enum flow_dir dir)
{
	uint64_t window = (uint64_t)e->tcp[!dir].window * 2;
	return window < WINDOW_LEAST ? WINDOW_LEAST : window > WINDOW_MOST ? WINDOW_MOST : window;
}

/* What a line can have carried since the side was last heard of. */
static uint64_t plausible_lost(const struct tcp_side *s, int64_t time)
{
	int64_t idle = time - s->heard_ns;
	return idle < (int64_t)(CARRIED_MOST / BYTES_PER_NS) ? (uint64_t)idle * BYTES_PER_NS : CARRIED_MOST;
}

static bool plausible(const struct flow_entry *e, enum flow_dir dir, uint64_t at)
{
	const struct tcp_side *s = &e->tcp[dir];
	uint64_t known = front(s);
	if (at >= known)
		return at - known <= plausible_ahead(e, dir);
	return known - at <= plausible_ahead(e, dir) ||
	       (s->holes && s->holes->n && at >= s->holes->v[0].from);
}

static bool stands_at_jump(const struct tcp_side *s, uint64_t at)
{
	return s->jump && (at > s->jump ? at - s->jump : s->jump - at) <= WINDOW_LEAST;
}

static void side_start(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t at)
{
	struct tcp_side *s = &e->tcp[dir];
	s->known = true;
	s->first = at;
	s->next = at;
	s->acked = at;
	s->heard_ns = t->now;
	e->tcp[dir].handed = at;
}

/* Payload bytes [at, at + n): what is new counts, the rest was sent again. */
static void count_payload(struct flow_entry *e, enum flow_dir dir, uint64_t at, uint64_t n)
{
	struct tcp_side *s = &e->tcp[dir];
	struct flow_side *side = &e->f.side[dir];
	uint64_t end = at + n, fresh = 0, known_end = end < s->next ? end : s->next;
	if (at < s->first && !s->syn) {
		/* the capture began with a later packet, or with the acknowledgement of this one */
		uint64_t to = end < s->first ? end : s->first;
		fresh += to - at;
		s->first = at;
	}
	if (at < known_end)
		fresh += tcp_holes_fill(s, at, known_end);
	if (end > s->next) {
		uint64_t from = at > s->next ? at : s->next;
		if (at > s->next)
			tcp_holes_add(s, s->next, at);
		fresh += end - from;
		s->next = end;
	}
	side->payload += fresh;
	side->retransmitted += n - fresh;
}

static void settle_side(struct flow_entry *e, enum flow_dir dir)
{
	struct tcp_side *s = &e->tcp[dir];
	if (e->f.side[!dir].packets == 0 && s->next > s->acked)
		s->acked =
		    s->next; /* nobody could be heard acknowledging: what was skipped may have arrived */
	uint64_t missing = tcp_holes_settle(s);
	/* the FIN takes one sequence number, and may be acknowledged without being seen */
	uint64_t end = s->fin && s->acked == s->fin + 1 ? s->fin : s->acked;
	bool fin_unseen = !s->fin && (e->f.tcp_flags[!dir] & PACKET_TCP_FIN) && e->f.side[dir].packets;
	if (s->known && end > s->next) {
		missing += end - s->next - (fin_unseen && end - s->next == 1);
		s->next = end;
	}
	if (missing && e->f.side[dir].packets == 0)
		e->f.flags |= FLOW_ONE_WAY_VIEW;
	e->f.side[dir].missing += missing;
	e->f.side[dir].payload += missing;
}

void tcp_settle(struct flow_table *t, struct flow_entry *e)
{
	if (e->is_embryo || !e->tcp)
		return;
	for (int dir = 0; dir < 2; dir++)
		t->stats.holes_joined += e->tcp[dir].holes ? e->tcp[dir].holes->joined : 0;
	settle_side(e, FLOW_FORWARD);
	settle_side(e, FLOW_REVERSE);
}

/* Begins the count anew at `start`, far behind; returns by how much all numbers are raised. */
static uint64_t move_back(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t start)
{
	struct tcp_side *s = &e->tcp[dir];
	uint64_t left = front(s), up = start < UNWRAP_BASE / 2 ? UNWRAP_BASE : 0; /* never below zero */
	settle_side(e, dir);
	if (e->tcp[dir].stream)
		stream_finish(t, e, dir, t->now);
	side_start(t, e, dir, start + up);
	s->fin = 0;
	s->floor = 0;
	s->jump = left + up; /* where a forged move came from is believed at once */
	s->jump_bytes = 0;
	return up;
}

/* Goes on ahead; `at` is where the second packet stands. */
static void move_ahead(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t at)
{
	struct tcp_side *s = &e->tcp[dir];
	uint64_t start = s->jump < at ? s->jump : at;
	if (at - front(s) > plausible_lost(s, t->now)) {
		settle_side(e, dir);
		s->floor = start;
	}
	if (s->jump_bytes)
		count_payload(e, dir, s->jump, s->jump_bytes);
	s->jump = 0;
}

/* Whether a packet of n bytes at *at is believed; *at may read otherwise afterwards. */
static bool believe_data(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t *at, uint32_t n)
{
	struct tcp_side *s = &e->tcp[dir];
	if (!plausible(e, dir, *at)) {
		e->f.flags |= FLOW_SEQUENCE_ANOMALY;
		if (!stands_at_jump(s, *at)) {
			s->jump = *at;
			s->jump_bytes = n;
			return false;
		}
		if (*at > front(s)) {
			move_ahead(t, e, dir, *at);
		} else {
			uint64_t jump = s->jump, jump_bytes = s->jump_bytes;
			uint64_t up = move_back(t, e, dir, jump < *at ? jump : *at);
			if (jump_bytes)
				count_payload(e, dir, jump + up, jump_bytes);
			*at += up;
		}
	}
	s->heard_ns = t->now;
	return true;
}

/* The same of an acknowledgement, which alone never moves us. */
static bool believe_ack(struct flow_table *t, struct flow_entry *e, enum flow_dir side, uint64_t ack)
{
	struct tcp_side *s = &e->tcp[side];
	if (!plausible(e, side, ack)) {
		e->f.flags |= FLOW_SEQUENCE_ANOMALY;
		bool again = stands_at_jump(s, ack);
		if (!s->jump) {
			s->jump = ack;
			s->jump_bytes = 0;
		}
		if (!again || ack < front(s) || ack - front(s) > plausible_lost(s, t->now))
			return false;
	}
	s->heard_ns = t->now;
	return true;
}

void tcp_finish(struct flow_table *t, struct flow_entry *e)
{
	if (e->is_embryo || !e->tcp)
		return;
	for (int dir = 0; dir < 2; dir++)
		if (e->tcp[dir].stream)
			stream_finish(t, e, (enum flow_dir)dir, e->f.last_ns);
}

void tcp_free(struct flow_table *t, struct flow_entry *e)
{
	if (e->is_embryo || !e->tcp)
		return;
	for (int dir = 0; dir < 2; dir++) {
		stream_free(t, e, (enum flow_dir)dir);
		free(e->tcp[dir].holes);
	}
	pool_give(&t->tcp, e->tcp);
	e->tcp = NULL;
}

bool tcp_begins_anew(const struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, int64_t now)
{
	if ((tcp->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST)) != PACKET_TCP_SYN ||
	    e->is_embryo || !e->tcp)
		return false;
	const struct tcp_side *s = &e->tcp[dir];
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

/* What a SYN says of it: RFC 7323, 2.3. */
static uint8_t scale_of(const struct packet_tcp *tcp)
{
	return tcp->window_scale == TCP_SCALE_UNKNOWN ? 0 : tcp->window_scale > 14 ? 14 : tcp->window_scale;
}

static void take_window(struct tcp_side *s, const struct packet_tcp *tcp)
{
	bool syn = tcp->flags & PACKET_TCP_SYN;
	if (syn)
		s->scale = scale_of(tcp);
	/* whoever missed the SYN can't know the scale: what is always believed must do */
	uint32_t window = (uint32_t)tcp->window << (syn || s->scale == TCP_SCALE_UNKNOWN ? 0 : s->scale);
	if (window > s->window)
		s->window = window;
}

/* The acknowledgement of the other side's bytes. */
static void take_ack(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp)
{
	enum flow_dir other = !dir;
	struct tcp_side *s = &e->tcp[other];
	if (!(tcp->flags & PACKET_TCP_ACK))
		return;
	if (!s->known) {
		side_start(t, e, other, UNWRAP_BASE + tcp->ack);
		return;
	}
	uint64_t ack = unwrap(front(s), tcp->ack);
	if (ack <= s->acked || !believe_ack(t, e, other, ack))
		return;
	s->acked = ack;
	if (flow_wanted(e, other))
		stream_acked(t, e, other, ack, t->now);
}

static void establish(struct flow_entry *e, int64_t time)
{
	if (!e->f.established_ns)
		e->f.established_ns = time;
}

/* Whether a SYN-ACK answers the SYN that we saw; its sender's data may be acknowledged too (RFC 7413). */
static bool answers_syn(const struct tcp_side *opener, const struct packet_tcp *tcp)
{
	uint32_t ahead = tcp->ack - (opener->isn + 1);
	return !opener->syn || ahead <= (uint32_t)opener->next - (opener->isn + 1);
}

/* The first SYN of a side stands; until it is answered, another one may take its place. */
static void take_syn(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp)
{
	struct tcp_side *s = &e->tcp[dir];
	bool answer = tcp->flags & PACKET_TCP_ACK, first = !s->syn;
	bool again = s->syn && s->isn != tcp->seq && e->f.tcp == FLOW_TCP_SYN_SENT;
	if ((first || again) && e->f.side[dir].payload == 0) {
		side_start(t, e, dir, UNWRAP_BASE + (uint32_t)(tcp->seq + 1));
		s->isn = tcp->seq;
		s->syn = true;
	}
	if (!s->syn || s->isn != tcp->seq)
		return;
	if (!answer && e->f.tcp == FLOW_TCP_NONE)
		e->f.tcp = FLOW_TCP_SYN_SENT;
	else if (answer && (e->f.tcp == FLOW_TCP_NONE || e->f.tcp == FLOW_TCP_SYN_SENT))
		e->f.tcp = FLOW_TCP_SYN_RECEIVED;
	else if (!answer && e->f.tcp == FLOW_TCP_SYN_SENT && e->tcp[!dir].syn)
		e->f.tcp = FLOW_TCP_SYN_RECEIVED; /* both began at once (RFC 9293, 3.5) */
}

/* A RST ends the flow if its receiver could take it (RFC 9293, 3.10.7; roughly RFC 5961: inside a window). */
static void take_rst(struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp)
{
	struct tcp_side *s = &e->tcp[dir];
	switch (e->f.tcp) {
	case FLOW_TCP_CLOSED:
	case FLOW_TCP_RESET:
	case FLOW_TCP_REFUSED: return;
	case FLOW_TCP_SYN_SENT:
		if (s->syn)
			break;
		if ((tcp->flags & PACKET_TCP_ACK) && answers_syn(&e->tcp[!dir], tcp))
			e->f.tcp = FLOW_TCP_REFUSED;
		else
			e->f.flags |= FLOW_SEQUENCE_ANOMALY;
		return;
	case FLOW_TCP_NONE:
	case FLOW_TCP_SYN_RECEIVED:
	case FLOW_TCP_ESTABLISHED:
	case FLOW_TCP_CLOSING:
	case FLOW_TCP_MIDSTREAM: break;
	}
	uint64_t at = unwrap(front(s), tcp->seq);
	uint64_t far = at > front(s) ? at - front(s) : front(s) - at;
	if (s->known && far > plausible_ahead(e, dir))
		e->f.flags |= FLOW_SEQUENCE_ANOMALY;
	else
		e->f.tcp = FLOW_TCP_RESET;
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

/* What nobody who keeps to the protocol sends: the FIN or RST, or this, is forged. */
static bool after_end(const struct flow_entry *e, enum flow_dir dir, uint64_t end)
{
	const struct tcp_side *s = &e->tcp[dir];
	return (s->fin && end > s->fin) ||
	       (e->f.tcp == FLOW_TCP_RESET && (e->f.tcp_flags[dir] & PACKET_TCP_RST));
}

static void take_payload(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t at,
    const struct packet_tcp *tcp, const struct packet_layer *l)
{
	const struct tcp_side *s = &e->tcp[dir];
	/* a keep-alive probe repeats one byte that was acknowledged before (RFC 9293, 3.8.4) */
	if (l->payload_length == 1 && at + 1 == s->next && at < s->acked) {
		e->f.side[dir].retransmitted += 1;
		return;
	}
	count_payload(e, dir, at, l->payload_length);
	if (e->f.side[!dir].payload)
		establish(e, t->now);
	if (e->f.tcp > FLOW_TCP_ESTABLISHED && after_end(e, dir, at + l->payload_length))
		e->f.flags |= FLOW_AFTER_END;
	if (flow_wanted(e, dir)) {
		const struct stream_piece piece = {.seq = at,
		    .p = l->payload,
		    .captured = l->payload_captured,
		    .length = l->payload_length,
		    .doubts = tcp_doubts(e, dir, tcp, l, at),
		    .ttl = l->ttl};
		stream_segment(t, e, dir, &piece, t->now);
	}
}

/* A SYN, FIN or RST whose receiver doesn't even look at it: no state comes of it, but its payload counts. */
static void take_forged(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct packet_tcp *tcp, const struct packet_layer *l)
{
	uint64_t at = unwrap(front(&e->tcp[dir]), tcp->seq);
	e->f.flags |= FLOW_DOUBTFUL;
	if (l->payload_length && e->tcp[dir].known && believe_data(t, e, dir, &at, l->payload_length))
		take_payload(t, e, dir, at, tcp, l);
}

/* States that packets without SYN and RST bring about. */
static void advance(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, bool ack, uint32_t length)
{
	switch (e->f.tcp) {
	case FLOW_TCP_NONE:
		if (!ack && !length)
			return;
		e->f.tcp = FLOW_TCP_MIDSTREAM;
		e->f.flags |= FLOW_MIDSTREAM;
		return;
	case FLOW_TCP_SYN_SENT:
	case FLOW_TCP_SYN_RECEIVED:
		/* the handshake's last step; also where parts of it went by unseen: the initiator wouldn't
		 * acknowledge nothing, the responder wouldn't send to nobody */
		if (ack && (dir == FLOW_FORWARD || length)) {
			e->f.tcp = FLOW_TCP_ESTABLISHED;
			establish(e, t->now);
		}
		return;
	case FLOW_TCP_ESTABLISHED:
	case FLOW_TCP_CLOSING:
	case FLOW_TCP_CLOSED:
	case FLOW_TCP_RESET:
	case FLOW_TCP_REFUSED:
	case FLOW_TCP_MIDSTREAM: return;
	}
}

/* Whether the flow stays as small as it is: its first packet is a plain SYN, or this is the same once more.
 */
static bool stays_embryo(
    struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, const struct packet_layer *l)
{
	const struct tcp_embryo embryo = {
	    .isn = tcp->seq, .window = tcp->window, .scale = scale_of(tcp), .ttl = l->ttl};
	const struct tcp_embryo *known = &e->embryo;
	const unsigned control = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN | PACKET_TCP_RST;
	if (dir != FLOW_FORWARD || (tcp->flags & control) != PACKET_TCP_SYN || l->payload_length ||
	    !tcp_sum_good(tcp, l))
		return false;
	if (e->is_embryo)
		return known->isn == embryo.isn && known->window == embryo.window &&
		       known->scale == embryo.scale && known->ttl == embryo.ttl;
	if (e->tcp || e->f.side[FLOW_FORWARD].packets > 1 || e->f.side[FLOW_REVERSE].packets)
		return false;
	e->is_embryo = true;
	e->embryo = embryo;
	e->f.tcp = FLOW_TCP_SYN_SENT;
	return true;
}

/* Both sides as they are when all packets before this one were the embryo's SYN. */
static void hatch(struct flow_table *t, struct flow_entry *e)
{
	struct tcp_side *both = pool_take(&t->tcp);
	assert(both); /* there are as many as flows */
	both[0].scale = both[1].scale = TCP_SCALE_UNKNOWN;
	if (e->is_embryo) {
		const struct tcp_embryo known = e->embryo;
		uint64_t at = UNWRAP_BASE + (uint32_t)(known.isn + 1);
		both[FLOW_FORWARD] = (struct tcp_side){.first = at,
		    .next = at,
		    .acked = at,
		    .handed = at,
		    .heard_ns = e->f.last_ns,
		    .isn = known.isn,
		    .window = known.window,
		    .scale = known.scale,
		    .ttl = known.ttl,
		    .sums = TCP_SUMS_SOUND,
		    .known = true,
		    .syn = true};
	}
	e->is_embryo = false;
	e->tcp = both;
}

void tcp_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp,
    const struct packet_layer *l)
{
	if (stays_embryo(e, dir, tcp, l))
		return;
	if (e->is_embryo || !e->tcp)
		hatch(t, e);
	struct tcp_side *s = &e->tcp[dir];
	uint32_t length = l->payload_length;
	bool syn = tcp->flags & PACKET_TCP_SYN, ack = tcp->flags & PACKET_TCP_ACK;
	if ((tcp->flags & (PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_RST)) &&
	    !tcp_control_good(e, dir, tcp, l)) {
		take_forged(t, e, dir, tcp, l);
		return;
	}
	if (tcp->flags & PACKET_TCP_RST) {
		take_rst(e, dir, tcp);
		return; /* what a RST carries is a reason, not data (RFC 9293, 3.10.7) */
	}
	if (syn && ack && !answers_syn(&e->tcp[!dir], tcp)) {
		e->f.flags |= FLOW_SEQUENCE_ANOMALY;
		return;
	}
	if (syn)
		take_syn(t, e, dir, tcp);
	if (!s->known)
		side_start(t, e, dir, UNWRAP_BASE + tcp->seq);
	uint64_t at = unwrap(front(s), tcp->seq + (syn ? 1 : 0));
	if (!believe_data(t, e, dir, &at, length))
		return;
	take_window(s, tcp);
	take_ack(t, e, dir, tcp);
	if (!syn)
		advance(t, e, dir, ack, length);
	if (length)
		take_payload(t, e, dir, at, tcp, l);
	if (tcp->flags & PACKET_TCP_FIN)
		take_fin(e, dir, at + length);
}
