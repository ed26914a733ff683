/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bulk outflow. What an asset sends outside in a minute has a robust baseline: the median of its active
 * minutes and the MAD about it (Iglewicz & Hoaglin 1993); an asset with fewer than WINDOWS_MIN of them is
 * held against all of the organization's. A destination stands out when its busiest minute does, when it got
 * FLOOR_BYTES and more, and when the producer/consumer ratio, (sent - received) / (sent + received), is that
 * of a producer (Bullard & Gerth, "PCR: a new flow metric", FloCon 2014). A destination that several use
 * weighs less, one known from the beginning too.
 *
 * A flow counts in the minute in which it ends, as its record tells it. While it goes on it stands out as
 * soon as what it sent so far does by itself, held against the minutes that are over.
 *
 * Backups and uploads look just so. Alone it never says more than MOST; together with what speaks for an
 * intruder it does.
 */

#include "detect/behaviour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "detect/names.h"
#include "net/app.h"

enum { OUTFLOW_PER_MILLE = 50, BASELINE_PER_MILLE = 15, WINDOWS_MIN = 8, BINS = 96, NAME_SHOWN = 80 };
/* Active minutes of a week; of all assets together, of a thousand of them. */
enum { WINDOWS_KEPT = 7 * 24 * 60, ALL_WINDOWS_KEPT = 1000 * WINDOWS_KEPT };
#define WINDOW       (60 * NS_PER_S)
#define FLOOR_BYTES  (256u << 10) /* less fits into anybody's forms and mails */
#define SPREAD_MIN   4096.0       /* of a baseline: who sends the same each minute has no MAD */
#define Z_MIN        3.5          /* Iglewicz & Hoaglin's */
#define PRODUCER_MIN 0.5
#define MOST         0.35
#define MAD_TO_SIGMA 1.4826

struct destination_key {
	struct net_addr asset;
	struct net_addr peer; /* none where the name stands for it */
	uint64_t name;
};

/* The minute that is being summed up. */
struct window {
	int64_t number;
	uint64_t bytes;
};

struct destination {
	struct detect_use use;
	int64_t first;
	struct net_addr peer;
	uint64_t out, in;
	uint32_t n; /* flows */
	struct window window;
	uint64_t peak;    /* bytes of its busiest minute */
	int64_t begun;    /* the minute in which what made that size began */
	uint16_t app;     /* of the flow that made it */
	const char *said; /* the technique by which it was, NULL: it wasn't */
	char name[NAME_SHOWN];
	struct flow_sample flows;
};

/* The active minutes of an asset, by size: bin i holds those of 2^(i/2) bytes and more. */
struct baseline {
	struct detect_use use;
	struct window window;
	uint32_t windows;
	uint32_t bins[BINS];
};

struct outflow_state {
	struct detect_table *destinations, *baselines;
	struct baseline all;
};

/* What is usual changes: where there are enough minutes, all of them count half from then on. */
static void baseline_add(struct baseline *b, size_t bin, uint32_t kept)
{
	if (b->windows >= kept) {
		b->windows = 0;
		for (size_t i = 0; i < BINS; i++) {
			b->bins[i] /= 2;
			b->windows += b->bins[i];
		}
	}
	b->bins[bin]++;
	b->windows++;
}

/* The minute goes among those of the asset, and among those of all assets. */
static void window_close(struct baseline *b, struct baseline *all)
{
	if (b->window.bytes == 0)
		return;
	double bits = 2 * log2((double)b->window.bytes);
	size_t bin = bits < BINS - 1 ? (size_t)bits : BINS - 1;
	baseline_add(b, bin, WINDOWS_KEPT);
	baseline_add(all, bin, ALL_WINDOWS_KEPT);
	b->window.bytes = 0;
}

/* Bytes sent in the minute of `time`; a minute told of late counts by itself. */
static void baseline_take(struct baseline *b, struct baseline *all, int64_t time, uint64_t bytes)
{
	if (b->window.number != time / WINDOW)
		window_close(b, all);
	b->window.number = time / WINDOW;
	b->window.bytes += bytes;
}

static double bin_bytes(size_t bin)
{
	return exp2((double)bin / 2 + 0.25);
}

struct usual {
	double median, spread;
};

/* Median of the minutes and scaled MAD, both to the width of a bin. */
static struct usual baseline_measure(const struct baseline *b)
{
	struct usual u = {.median = 0, .spread = SPREAD_MIN};
	uint64_t seen = 0;
	size_t bin = 0;
	if (b->windows == 0)
		return u;
	for (; bin < BINS && (seen += b->bins[bin]) * 2 < b->windows; bin++)
		;
	u.median = bin_bytes(bin);
	/* Grow an interval about the median until it holds half of the minutes. */
	size_t low = bin, high = bin;
	uint64_t held = b->bins[bin];
	double reach = 0;
	while (held * 2 < b->windows) {
		double below = low > 0 ? u.median - bin_bytes(low - 1) : HUGE_VAL;
		double above = high + 1 < BINS ? bin_bytes(high + 1) - u.median : HUGE_VAL;
		reach = below < above ? below : above;
		held += b->bins[below < above ? --low : ++high];
	}
	if (MAD_TO_SIGMA * reach > u.spread)
		u.spread = MAD_TO_SIGMA * reach;
	return u;
}

static double producer_ratio(uint64_t out, uint64_t in)
{
	double sum = (double)out + (double)in;
	return sum > 0 ? ((double)out - (double)in) / sum : 0;
}

static const char *outflow_technique(uint16_t app)
{
	switch (app) {
	case APP_HTTP:
	case APP_TLS:
	case APP_QUIC: return "T1567";
	default: return "T1048";
	}
}

static void destination_report(struct detector *d, const struct destination_key *k,
    const struct destination *t, double z, const struct usual *u)
{
	char why[DETECT_WHY_SIZE], asset[NET_ADDR_TEXT_SIZE], peer[NET_ADDR_TEXT_SIZE], out[16], in[16],
	    peak[16], other[16], name[NAME_SHOWN];
	unsigned users = history_peer_users(d, t->peer);
	if (t->name[0]) {
		unsigned by_name = history_name_users(d, text_of(t->name));
		users = by_name > users ? by_name : users;
	}
	bool new_peer = t->first > detect_learned_at(d);
	snprintf(why, sizeof(why),
	    "%s sent %s to %s%s%s and took %s (producer ratio %.2f), its busiest minute %s against %s usual "
	    "(z %.1f); "
	    "%u machine(s) use it, %s",
	    detect_addr(k->asset, asset), num_bytes_human(t->out, out, sizeof(out)),
	    detect_addr(t->peer, peer), t->name[0] ? " " : "",
	    detect_text(text_of(t->name), name, sizeof(name)), num_bytes_human(t->in, in, sizeof(in)),
	    producer_ratio(t->out, t->in), num_bytes_human(t->peak, peak, sizeof(peak)),
	    num_bytes_human((uint64_t)u->median, other, sizeof(other)), z, users,
	    new_peer ? "first seen after learning" : "known from the beginning");
	/* A shared destination weighs less but does not vanish. */
	double rarity = 0.3 + 0.7 * history_rarity(users);
	struct finding f = {
	    .name = "outflow.bulk",
	    .technique = outflow_technique(t->app),
	    .confidence = detect_saturate(log2(z / Z_MIN) + 1, 1, MOST) * rarity * (new_peer ? 1 : 0.5),
	    .asset = k->asset,
	    .peer = t->peer,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_EXFILTRATION,
	    .subject = k->name,
	    .first = t->begun > t->first ? t->begun : t->first,
	    .last = t->use.last,
	    .count = t->n,
	    .flows = t->flows.id,
	    .n_flows = t->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void destination_judge(
    struct detector *d, const struct outflow_state *s, const struct destination_key *k, struct destination *t)
{
	if (t->out < FLOOR_BYTES)
		return;
	const struct baseline *b = detect_table_get(s->baselines, &k->asset);
	struct usual u = baseline_measure(b && b->windows >= WINDOWS_MIN ? b : &s->all);
	double z = ((double)t->peak - u.median) / u.spread;
	bool stands_out = z >= Z_MIN && producer_ratio(t->out, t->in) >= PRODUCER_MIN;
	const char *technique = stands_out ? outflow_technique(t->app) : NULL;
	if (t->said && t->said != technique)
		detect_take_back(d, &(struct finding){.name = "outflow.bulk",
		                        .technique = t->said,
		                        .asset = k->asset,
		                        .peer = t->peer,
		                        .subject = k->name,
		                        .why = "what was sent since makes it usual, or another thing"});
	t->said = technique;
	if (stands_out)
		destination_report(d, k, t, z, &u);
}

/* The busiest minute, with one more record of a flow. Whether it has doubled. */
static bool destination_size(struct destination *t, const struct msg_flow *f, uint64_t sent, bool over)
{
	uint64_t size = sent;
	if (over) {
		if (t->window.number != f->last / WINDOW)
			t->window = (struct window){.number = f->last / WINDOW};
		size = t->window.bytes += sent;
	}
	/* It began when a minute first stood out of those before; contact may be much older. */
	bool doubled = size > 2 * t->peak;
	if (doubled)
		t->begun = f->first / WINDOW * WINDOW;
	if (size > t->peak) {
		t->peak = size;
		t->app = f->app;
	}
	return doubled;
}

/* The flow's name is known now: what was counted under its address goes with it. */
static void destination_leave(const struct outflow_state *s, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct destination_key k;
	memset(&k, 0, sizeof(k));
	k.asset = f->initiator;
	k.peer = f->responder;
	struct destination *t = detect_table_get(s->destinations, &k);
	uint64_t out = f->payload_out - o->out, in = f->payload_in - o->in;
	if (!t || t->out < out || t->in < in || t->n == 0)
		return;
	t->out -= out;
	t->in -= in;
	if (--t->n == 0 && !t->said)
		table_remove(s->destinations->t, &k);
}

static void outflow_flow(struct detector *d, void *state, const struct observation *o)
{
	struct outflow_state *s = state;
	const struct msg_flow *f = o->f;
	/* Like with like: questions to name and time servers, and what nobody took, are no measure of what is
	 * sent. */
	if (o->from_inside == o->to_inside || !o->ripe || !detect_answered(f) || f->app == APP_ICMP ||
	    (app_class_of(f->app) == APP_CLASS_SERVICE && f->app != APP_SMTP))
		return;
	bool begun = o->from_inside;
	struct destination_key k;
	memset(&k, 0, sizeof(k));
	k.asset = begun ? f->initiator : f->responder;
	if (begun && f->name.n)
		k.name = name_hash(f->name, d->config.seed);
	else
		k.peer = begun ? f->responder : f->initiator;
	uint64_t out = begun ? o->out : o->in, in = begun ? o->in : o->out;
	uint64_t sent = begun ? f->payload_out : f->payload_in;
	/* A server that answers the outside sends by nature; there, only what is asked for by those who are
	 * new counts. */
	if (!(begun ? o->to_host : o->from_host) || (!begun && sent < FLOOR_BYTES))
		return;
	bool once = observe_once(o, TOLD_DESTINATION);
	if (k.name && observe_once(o, TOLD_NAMED) && !once) {
		destination_leave(s, o);
		once = true;
		out = f->payload_out;
		in = f->payload_in;
	}
	if (!begun && once) {
		out = sent; /* what it sent before it was enough */
		in = f->payload_out;
	}
	int fresh;
	struct destination *t = detect_table_put(d, s->destinations, &k, f->last, &fresh);
	if (!t)
		return;
	if (fresh) {
		t->peer = begun ? f->responder : f->initiator;
		if (k.name)
			text_printable(f->name, t->name, sizeof(t->name));
	}
	if (fresh || f->first < t->first)
		t->first = f->first;
	t->n += once;
	t->out += out;
	t->in += in;
	t->use.weight = (uint32_t)(t->out >> 10 < UINT32_MAX ? t->out >> 10 : UINT32_MAX);
	bool doubled = destination_size(t, f, sent, o->over);
	struct baseline *b = o->over ? detect_table_put(d, s->baselines, &k.asset, f->last, NULL) : NULL;
	if (b)
		baseline_take(b, &s->all, f->last, sent);
	if (sent >= 4096 || (o->over && t->flows.n == 0))
		flow_sample_add(&t->flows, f->id);
	if (doubled && !o->over && detect_has_learned(d))
		destination_judge(d, s, &k, t);
}

static bool outflow_look(struct detector *d, void *state, struct look *l)
{
	struct outflow_state *s = state;
	const void *key;
	bool judges = !d->live || detect_has_learned(d);
	for (struct destination *t; judges && (t = table_next(s->destinations->t, &l->at, &key));) {
		destination_judge(d, s, key, t);
		if (!look_on(l, t->out < FLOOR_BYTES ? 1 : 4))
			return false;
	}
	return true;
}

const struct behaviour behaviour_outflow = {
    .name = "outflow",
    .state_size = sizeof(struct outflow_state),
    .tables = {BEHAVIOUR_TABLE(struct outflow_state, destinations, sizeof(struct destination_key),
                   sizeof(struct destination), OUTFLOW_PER_MILLE),
        BEHAVIOUR_TABLE(struct outflow_state, baselines, sizeof(struct net_addr), sizeof(struct baseline),
            BASELINE_PER_MILLE)},
    .flow = outflow_flow,
    .look = outflow_look,
};
