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
#include <string.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

enum { PACKETS_MIN = 12, SMALL_OUT = 600, SMALL_IN = 100, SERVED_MIN = 1, CONSOLE_PER_MILLE = 10 };
#define LASTS_MIN (5 * NS_PER_S)

struct console_key {
	struct net_addr from, to;
	uint16_t port;
	uint16_t zero[3];
};

struct console {
	struct detect_use use;
	int64_t first;
	uint64_t packets_out, packets_in, payload_out, payload_in; /* of the largest */
	uint64_t flow;                                             /* that one */
	bool withdrawn; /* it was typed for a while, then it carried something else */
	struct flow_sample flows;
};

struct console_state {
	struct detect_table *consoles;
};

/* The one who types sends little at a time and is answered each time; here the responder types. */
static bool is_typed(const struct msg_flow *f)
{
	return f->packets_out >= PACKETS_MIN && f->packets_in >= PACKETS_MIN &&
	       f->payload_in / f->packets_in <= SMALL_IN && f->payload_out / f->packets_out <= SMALL_OUT &&
	       f->payload_out >= f->payload_in / 2 && f->packets_out <= 4 * f->packets_in &&
	       f->packets_in <= 4 * f->packets_out;
}

static void console_report(struct detector *d, const struct console_key *k, const struct console *x)
{
	/* Whom it served is known only when those flows have ended: this is asked again at finish. */
	const struct host *h = history_host(d, k->from);
	bool server = h && h->served >= SERVED_MIN && h->served_first <= x->first;
	bool to_inside = detect_inside(d, k->to);
	double c = server ? (to_inside ? 0.35 : 0.5) : (to_inside ? 0.1 : 0.2);
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(x->use.last - x->first, span, sizeof(span));
	snprintf(why, sizeof(why),
	    "%s%s held a connection of no known protocol to %s port %u for %s: %llu packets out and %llu in, "
	    "%llu and %llu bytes each",
	    detect_addr(k->from, from), server ? ", which serves others," : "", detect_addr(k->to, to),
	    k->port, span, (unsigned long long)x->packets_out, (unsigned long long)x->packets_in,
	    (unsigned long long)(x->payload_out / x->packets_out),
	    (unsigned long long)(x->payload_in / x->packets_in));
	struct finding g = {
	    .name = "interactive",
	    .technique = "T1059",
	    .confidence = to_inside ? c : c * history_rarity(history_peer_users(d, k->to)),
	    .asset = k->from,
	    .peer = k->to,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = to_inside ? MSG_ROLE_NONE : MSG_ROLE_C2,
	    .subject = k->port,
	    .first = x->first,
	    .last = x->use.last,
	    .count = x->packets_out + x->packets_in,
	    .flows = x->flows.id,
	    .n_flows = x->flows.n,
	    .why = why,
	};
	detect_report(d, &g);
}

/* It looked like a console for as long as it was short. */
static void console_take_back(
    struct detector *d, struct console_state *s, const struct console_key *k, const struct msg_flow *f)
{
	struct console *x = table_count(s->consoles->t) ? detect_table_get(s->consoles, k) : NULL;
	if (!x || x->flow != f->id || x->withdrawn)
		return;
	x->withdrawn = true;
	x->packets_out = x->packets_in = 0;
	detect_take_back(d, &(struct finding){.name = "interactive",
	                        .technique = "T1059",
	                        .asset = k->from,
	                        .peer = k->to,
	                        .subject = k->port,
	                        .why = "the connection went on as nobody types"});
}

static void interactive_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct console_state *s = state;
	if (f->protocol != 6 || !detect_answered(f) || f->established == 0 || (f->flags & FLOW_MIDSTREAM) ||
	    f->last - f->first < LASTS_MIN || !o->from_inside)
		return;
	struct console_key k;
	memset(&k, 0, sizeof(k));
	k.from = f->initiator;
	k.to = f->responder;
	k.port = f->responder_port;
	if (f->app != APP_UNKNOWN || !is_typed(f)) {
		if (!o->fresh)
			console_take_back(d, s, &k, f);
		return;
	}
	int fresh;
	struct console *x = detect_table_put(d, s->consoles, &k, f->last, &fresh);
	if (!x)
		return;
	if (fresh || f->first < x->first)
		x->first = f->first;
	if (f->packets_out + f->packets_in > x->packets_out + x->packets_in) {
		x->packets_out = f->packets_out;
		x->packets_in = f->packets_in;
		x->payload_out = f->payload_out;
		x->payload_in = f->payload_in;
		x->flow = f->id;
		x->withdrawn = false;
	}
	flow_sample_add(&x->flows, f->id);
	console_report(d, &k, x);
}

static bool interactive_look(struct detector *d, void *state, struct look *l)
{
	struct console_state *s = state;
	const void *key;
	for (struct console *x; (x = table_next(s->consoles->t, &l->at, &key));) {
		if (!x->withdrawn)
			console_report(d, key, x);
		if (!look_on(l, 4))
			return false;
	}
	return true;
}

const struct behaviour behaviour_interactive = {
    .name = "interactive",
    .state_size = sizeof(struct console_state),
    .tables = {BEHAVIOUR_TABLE(struct console_state, consoles, sizeof(struct console_key),
        sizeof(struct console), CONSOLE_PER_MILLE)},
    .flow = interactive_flow,
    .look = interactive_look,
};
