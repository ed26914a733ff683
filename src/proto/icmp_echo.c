/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ICMP echo as data: what a detector of tunnels needs, at the end of the flow. An honest reply carries the
 * data of its request (RFC 792, RFC 4443 4.2), and honest requests carry the same data each time, but for the
 * time of sending that iputils and BSD put into the first 16 bytes: so these don't count where more follows.
 * Datagrams come without their ICMP header; the flow's type tells what they are.
 */

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "proto/parsers.h"

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMP_TIME_BYTES = 16,
	ICMP_REQUESTS_KEPT = 8,        /* that a reply may answer */
	ICMP_ENTROPY_BYTES = 32 << 10, /* of a flow that the entropy is taken over */
};

struct icmp_state {
	uint64_t bytes;
	uint32_t packets, distinct, mismatches;
	uint64_t last[2]; /* hash of the payload before, without its time */
	bool seen[2];
	uint64_t requests[ICMP_REQUESTS_KEPT]; /* hashes of whole payloads */
	uint32_t n_requests;
	uint32_t counted;
	uint16_t counts[256]; /* of byte values; `counted` in all */
};

static bool is_echo(uint16_t type, uint8_t protocol)
{
	return protocol == PACKET_ICMP ? type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY
	                               : type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
}

/* Whether that direction asks: a flow whose first packet was a reply runs the other way. */
static bool is_request(const struct flow *f, enum flow_dir dir)
{
	bool begun_by_request = f->initiator_port == ICMP_ECHO_REQUEST ||
	                        f->initiator_port == ICMPV6_ECHO_REQUEST;
	return (dir == FLOW_FORWARD) == begun_by_request;
}

static void count_bytes(struct icmp_state *s, const uint8_t *p, size_t n)
{
	size_t room = ICMP_ENTROPY_BYTES - s->counted;
	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		s->counts[p[i]]++;
	s->counted += (uint32_t)n;
}

/* A reply must repeat one of the last requests; those that the capture missed aren't held against it. */
static void match_reply(struct icmp_state *s, uint64_t hash)
{
	uint32_t kept = s->n_requests < ICMP_REQUESTS_KEPT ? s->n_requests : ICMP_REQUESTS_KEPT;
	for (uint32_t i = 0; i < kept; i++)
		if (s->requests[i] == hash)
			return;
	s->mismatches += kept > 0;
}

static struct proto_progress icmp_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct icmp_state *s = state;
	const struct flow *f = proto_flow(c);
	(void)end;
	if (!is_echo(f->initiator_port, f->protocol))
		return (struct proto_progress){.used = n, .verdict = PROTO_DONE_BOTH};
	uint64_t whole = hash_bytes(p, n, 0);
	if (is_request(f, dir))
		s->requests[s->n_requests++ % ICMP_REQUESTS_KEPT] = whole;
	else
		match_reply(s, whole);
	s->bytes += n;
	s->packets++;
	size_t time = n >= 2 * ICMP_TIME_BYTES ? ICMP_TIME_BYTES : 0;
	uint64_t hash = hash_bytes(p + time, n - time, 0);
	if (!s->seen[dir] || hash != s->last[dir])
		s->distinct++;
	s->seen[dir] = true;
	s->last[dir] = hash;
	count_bytes(s, p + time, n - time);
	return (struct proto_progress){.used = n, .verdict = PROTO_MORE};
}

/* Shannon entropy in bits a byte, times 1000. */
static uint64_t entropy(const struct icmp_state *s)
{
	double bits = 0;
	for (size_t i = 0; i < 256; i++) {
		double share = s->counted ? (double)s->counts[i] / s->counted : 0;
		if (share > 0)
			bits -= share * log2(share);
	}
	return (uint64_t)(bits * 1000 + 0.5);
}

static void icmp_close(struct proto_context *c, void *state)
{
	const struct icmp_state *s = state;
	if (s->packets == 0)
		return;
	proto_field_num(c, FIELD_ICMP_ECHO_ENTROPY, entropy(s));
	proto_field_num(c, FIELD_ICMP_ECHO_DISTINCT, s->distinct);
	proto_field_num(c, FIELD_ICMP_ECHO_BYTES, s->bytes);
	proto_field_num(c, FIELD_ICMP_ECHO_MISMATCH, s->mismatches);
	proto_emit(c);
}

const struct proto_parser proto_icmp = {
    .app = APP_ICMP,
    .state_size = sizeof(struct icmp_state),
    .parse = icmp_parse,
    .close = icmp_close,
};
