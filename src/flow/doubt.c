/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/entry.h"
#include "net/checksum.h"

/*
 * Segments that their receiver may well drop: the means by which Ptacek and Newsham (1998) insert bytes into
 * what a sensor sees. Such a segment waits until the receiver has acknowledged it, or an undoubted one takes
 * its place.
 *
 * Checksums, of the segment and of an IPv4 header: where a card fills them in after the capture, or somebody
 * rewrote addresses, they are wrong and mean nothing. An end whose SYN (or, where that was missed, whose
 * first segment with data) has a wrong one is not asked for its checksums again; nor is one after
 * SUMS_UNSOUND segments with wrong checksums were acknowledged.
 */

enum { SUMS_UNSOUND = 2 };

bool tcp_sum_good(const struct packet_tcp *tcp, const struct packet_layer *l)
{
	size_t n = (size_t)tcp->head + l->payload_length;
	if (l->bad_sum)
		return false;
	if (l->payload_captured < l->payload_length || n > UINT16_MAX || tcp->head == 0)
		return true; /* can't be told */
	return net_checksum_good(l->src, l->dst, PACKET_TCP, l->payload - tcp->head, n);
}

bool tcp_control_good(
    struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, const struct packet_layer *l)
{
	struct tcp_side *s = &e->tcp[dir];
	bool good = tcp_sum_good(tcp, l);
	if (tcp->flags & PACKET_TCP_SYN) {
		/* a forged one before the true one must neither switch the checks off nor lower what is usual
		 */
		if (l->ttl > s->ttl && (good || s->sums == TCP_SUMS_UNKNOWN))
			s->ttl = l->ttl;
		if (!s->syn || s->sums != TCP_SUMS_SOUND) {
			s->sums = good ? TCP_SUMS_SOUND : TCP_SUMS_UNSOUND;
			return true;
		}
	}
	return good || s->sums != TCP_SUMS_SOUND;
}

static bool sums_up(struct tcp_side *s, const struct packet_tcp *tcp, const struct packet_layer *l)
{
	if (s->sums == TCP_SUMS_UNSOUND || tcp_sum_good(tcp, l)) {
		if (s->sums == TCP_SUMS_UNKNOWN)
			s->sums = TCP_SUMS_SOUND;
		return true;
	}
	if (s->sums == TCP_SUMS_SOUND)
		return false;
	s->sums = TCP_SUMS_UNSOUND;
	return true;
}

/* RFC 7323, 5.3: what is older than the last segment in order is dropped. */
static bool outdated(struct tcp_side *s, const struct packet_tcp *tcp, bool in_order)
{
	if (!tcp->has_timestamp)
		return false;
	if (s->stamped && (int32_t)(tcp->ts_value - s->stamp) < 0)
		return true;
	if (in_order) {
		s->stamped = true;
		s->stamp = tcp->ts_value;
	}
	return false;
}

uint8_t tcp_doubts(struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp,
    const struct packet_layer *l, uint64_t at)
{
	struct tcp_side *s = &e->tcp[dir];
	const struct tcp_side *receiver = &e->tcp[!dir];
	bool in_order = at <= e->tcp[dir].handed;
	unsigned doubts = 0;
	if (e->tcp[dir].depth >= TCP_WATCH_DEPTH && !e->watched)
		return 0;
	if (s->ttl == 0)
		s->ttl = l->ttl;
	if (l->ttl < s->ttl)
		doubts |= FLOW_DOUBT_TTL;
	if (!(tcp->flags & PACKET_TCP_ACK))
		doubts |= FLOW_DOUBT_NO_ACK;
	if (tcp->flags & PACKET_TCP_SYN)
		doubts |= FLOW_DOUBT_SYN;
	if (outdated(s, tcp, in_order))
		doubts |= FLOW_DOUBT_TIMESTAMP;
	if (!in_order && receiver->scale != TCP_SCALE_UNKNOWN && receiver->window &&
	    at + l->payload_length > s->acked + receiver->window)
		doubts |= FLOW_DOUBT_WINDOW;
	if (!sums_up(s, tcp, l))
		doubts |= FLOW_DOUBT_CHECKSUM;
	e->watched |= doubts != 0;
	return (uint8_t)doubts;
}

void tcp_doubts_cleared(struct flow_entry *e, enum flow_dir dir, uint8_t doubts, uint8_t ttl)
{
	struct tcp_side *s = &e->tcp[dir];
	if (doubts & FLOW_DOUBT_TTL && ttl < s->ttl)
		s->ttl = ttl; /* another way through the network */
	if (doubts & FLOW_DOUBT_CHECKSUM && ++s->unsound >= SUMS_UNSOUND)
		s->sums = TCP_SUMS_UNSOUND;
}

enum net_overlap tcp_overlap_policy(const struct flow_table *t, const struct flow_entry *e, enum flow_dir dir)
{
	struct net_addr receiver = dir == FLOW_FORWARD ? e->f.responder : e->f.initiator;
	enum net_overlap how = NET_OVERLAP_AUTO;
	if (t->config.overlap)
		how = t->config.overlap(t->config.context, receiver);
	if (how != NET_OVERLAP_AUTO)
		return how;
	/* systems begin at 64, 128 or 255 hops; few are more than 32 away */
	uint8_t ttl = e->tcp[!dir].ttl;
	return ttl > 32 && ttl <= 64    ? NET_OVERLAP_LINUX
	       : ttl > 96 && ttl <= 128 ? NET_OVERLAP_WINDOWS
	                                : NET_OVERLAP_FIRST;
}
