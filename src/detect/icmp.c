/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ICMP as a channel (T1095). RFC 792 has the reply return the request's data, and hosts send the same padding
 * in each request: different payloads of high entropy, or replies that differ from their request, are
 * somebody's data (Daemon9, "LOKI2", Phrack 51, 1997; Singh et al., "Malicious ICMP Tunneling", 2003). A few
 * echoes of one odd size may be a signal to an implant (Pingback, Trustwave 2021) or somebody who tries out a
 * size: said, but weak.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "base/num.h"
#include "net/app.h"

enum {
	ICMP = 1,
	ICMPV6 = 58,
	DISTINCT_MIN = 8,
	MISMATCH_MIN = 3,
	ENTROPY_MIN = 4500,
	ODD_MIN = 128,
	ODD_MAX = 1400
};

static uint64_t number_of(const struct msg_transaction *t, enum field field)
{
	uint64_t v;
	return num_parse_u64(field_get(t->fields.v, t->fields.n, field), UINT64_MAX, &v) == 0 ? v : 0;
}

static void channel_report(struct detector *d, const struct msg_flow *f, const char *name, double confidence,
    uint64_t count, const char *why)
{
	bool from = detect_inside(d, f->initiator);
	struct finding g = {
	    .name = name,
	    .technique = "T1095",
	    .confidence = confidence,
	    .asset = from ? f->initiator : f->responder,
	    .peer = from ? f->responder : f->initiator,
	    .asset_role = from ? MSG_ROLE_ACTOR : MSG_ROLE_TARGET,
	    .peer_role = from ? MSG_ROLE_C2 : MSG_ROLE_ATTACKER,
	    .first = f->first,
	    .last = f->last,
	    .count = count,
	    .flows = &f->id,
	    .n_flows = 1,
	    .why = why,
	};
	detect_report(d, &g);
}

static void icmp_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	uint64_t distinct = number_of(t, FIELD_ICMP_ECHO_DISTINCT),
	         bytes = number_of(t, FIELD_ICMP_ECHO_BYTES);
	uint64_t mismatch = number_of(t, FIELD_ICMP_ECHO_MISMATCH),
	         entropy = number_of(t, FIELD_ICMP_ECHO_ENTROPY);
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE];
	(void)state;
	bool carries = distinct >= DISTINCT_MIN && entropy >= ENTROPY_MIN && bytes / distinct >= 32;
	if (!carries && mismatch < MISMATCH_MIN)
		return;
	snprintf(why, sizeof(why),
	    "echoes between %s and %s carried %llu bytes in %llu different payloads, %.1f bits of entropy a "
	    "byte, %llu replies unlike their request",
	    detect_addr(f->initiator, from), detect_addr(f->responder, to), (unsigned long long)bytes,
	    (unsigned long long)distinct, (double)entropy / 1000, (unsigned long long)mismatch);
	double c = carries ? detect_saturate((double)distinct, 8, 0.75) : 0.45;
	if (carries && mismatch >= MISMATCH_MIN)
		c = 0.5 + c / 2;
	channel_report(d, f, "icmp.tunnel", c, distinct > mismatch ? distinct : mismatch, why);
}

/* Sizes that ping programs and probes of the path's largest packet use by themselves stand below and above.
 */
static void icmp_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	bool echo = (f->protocol == ICMP && f->initiator_port == 8) ||
	            (f->protocol == ICMPV6 && f->initiator_port == 128);
	(void)state;
	if (!echo || !o->over || f->packets_out == 0 || !o->to_host)
		return;
	uint64_t size = f->payload_out / f->packets_out;
	if (size < ODD_MIN || size > ODD_MAX)
		return;
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why), "%s sent %llu echo requests of %llu bytes each to %s; hosts send 32 to 64",
	    detect_addr(f->initiator, from), (unsigned long long)f->packets_out, (unsigned long long)size,
	    detect_addr(f->responder, to));
	channel_report(
	    d, f, "icmp.odd-echo", o->from_inside && o->to_inside ? 0.2 : 0.25, f->packets_out, why);
}

const struct behaviour behaviour_icmp = {
    .name = "ICMP channel",
    .transaction = icmp_transaction,
    .fields = (const enum field[]){FIELD_ICMP_ECHO_DISTINCT, FIELD_ICMP_ECHO_MISMATCH, FIELD_NONE},
    .flow = icmp_flow,
};
