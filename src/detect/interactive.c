/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A console that was carried out (T1059 over T1571): a connection that one of our machines began, of a
 * protocol that has no name, with many small packets both ways, as somebody types and reads (Zhang & Paxson,
 * "Detecting Backdoors", USENIX Security 2000: keystrokes are packets of at most 20 bytes, a fifth and more
 * of all). From a machine that mostly answers others it says more than from a workstation, where games and
 * chats do the same.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

enum { PACKETS_MIN = 12, SMALL_OUT = 600, SMALL_IN = 100, SERVED_MIN = 1 };
#define LASTS_MIN (5 * NS_PER_S)

static void interactive_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	(void)state;
	if (f->protocol != 6 || f->app != APP_UNKNOWN || !detect_answered(f) || f->established == 0 ||
	    (f->flags & FLOW_MIDSTREAM) || f->last - f->first < LASTS_MIN || !o->from_inside)
		return;
	/* The one who types sends little at a time and is answered each time; here the responder types. */
	if (f->packets_out < PACKETS_MIN || f->packets_in < PACKETS_MIN ||
	    f->payload_in / f->packets_in > SMALL_IN || f->payload_out / f->packets_out > SMALL_OUT ||
	    f->payload_out < f->payload_in / 2 || f->packets_out > 4 * f->packets_in ||
	    f->packets_in > 4 * f->packets_out)
		return;
	const struct host *h = o->initiator;
	bool server = h && h->served >= SERVED_MIN && h->served_first < f->first;
	double c = server ? (o->to_inside ? 0.35 : 0.5) : (o->to_inside ? 0.1 : 0.2);
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(f->last - f->first, span, sizeof(span));
	snprintf(why, sizeof(why),
	    "%s%s held a connection of no known protocol to %s port %u for %s: %llu packets out and %llu in, "
	    "%llu and %llu bytes each",
	    detect_addr(f->initiator, from), server ? ", which serves others," : "",
	    detect_addr(f->responder, to), f->responder_port, span, (unsigned long long)f->packets_out,
	    (unsigned long long)f->packets_in, (unsigned long long)(f->payload_out / f->packets_out),
	    (unsigned long long)(f->payload_in / f->packets_in));
	struct finding g = {
	    .name = "interactive",
	    .technique = "T1059",
	    .confidence = o->to_inside ? c : c * history_rarity(history_peer_users(d, f->responder)),
	    .asset = f->initiator,
	    .peer = f->responder,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = o->to_inside ? MSG_ROLE_NONE : MSG_ROLE_C2,
	    .subject = f->responder_port,
	    .first = f->first,
	    .last = f->last,
	    .count = f->packets_out + f->packets_in,
	    .flows = &f->id,
	    .n_flows = 1,
	    .why = why,
	};
	detect_report(d, &g);
}

const struct behaviour behaviour_interactive = {
    .name = "interactive",
    .flow = interactive_flow,
};
