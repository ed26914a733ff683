/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bulk outflow. What an asset sends outside in a minute has a robust baseline: the median of its active
 * minutes and the MAD about it (Iglewicz & Hoaglin 1993); an asset with fewer than WINDOWS_MIN of them is
 * held against all of the organization's. A destination stands out when its busiest minute does, when it got
 * FLOOR_BYTES and more, and when the producer/consumer ratio, (sent - received) / (sent + received), is that
 * of a producer (Bullard & Gerth, "PCR: a new flow metric", FloCon 2014). A destination that several use
 * weighs less, one known from the beginning too.
 *
 * Backups and uploads look just so. Alone it never says more than MOST; together with what speaks for an
 * intruder it does.
 */

#include "detect/behaviour.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "detect/names.h"
#include "net/app.h"

enum { OUTFLOW_PER_MILLE = 50, BASELINE_PER_MILLE = 15, WINDOWS_MIN = 8, BINS = 96, NAME_SHOWN = 80 };
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
	struct window window;
	uint64_t peak; /* bytes of its busiest minute */
	int64_t begun; /* the minute in which that size was first seen */
	uint16_t app;
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

static int outflow_start(struct detector *d, void **ret_state)
{
	struct outflow_state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int error = detect_table_new(d, &s->destinations, sizeof(struct destination_key),
	    sizeof(struct destination), OUTFLOW_PER_MILLE);
	if (error == 0)
		error = detect_table_new(
		    d, &s->baselines, sizeof(struct net_addr), sizeof(struct baseline), BASELINE_PER_MILLE);
	if (error < 0)
		free(s);
	else
		*ret_state = s;
	return error;
}

static void outflow_stop(void *state)
{
	free(state);
}

/* The minute goes among those of the asset, and among those of all assets. */
static void window_close(struct baseline *b, struct baseline *all)
{
	if (b->window.bytes == 0)
		return;
	double bits = 2 * log2((double)b->window.bytes);
	size_t bin = bits < BINS - 1 ? (size_t)bits : BINS - 1;
	b->bins[bin]++;
	b->windows++;
	all->bins[bin]++;
	all->windows++;
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
	    .count = t->flows.n,
	    .flows = t->flows.id,
	    .n_flows = t->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void outflow_flow(struct detector *d, void *state, const struct observation *o)
{
	struct outflow_state *s = state;
	const struct msg_flow *f = o->f;
	/* Like with like: questions to name and time servers, and what nobody took, are no measure of what is
	 * sent. */
	if (o->from_inside == o->to_inside || !detect_answered(f) || f->app == APP_ICMP ||
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
	/* A server that answers the outside sends by nature; there, only what is asked for by those who are
	 * new counts. */
	if (!detect_is_host(begun ? f->responder : f->initiator) || (!begun && out < FLOOR_BYTES))
		return;
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
	t->app = f->app;
	t->out += out;
	t->in += in;
	t->use.weight = (uint32_t)(t->out >> 10 < UINT32_MAX ? t->out >> 10 : UINT32_MAX);
	if (t->window.number != f->last / WINDOW)
		t->window = (struct window){.number = f->last / WINDOW};
	t->window.bytes += out;
	/* It began when a minute first stood out of those before; contact may be much older. */
	if (t->window.bytes > 2 * t->peak)
		t->begun = t->window.number * WINDOW;
	t->peak = t->window.bytes > t->peak ? t->window.bytes : t->peak;
	struct baseline *b = detect_table_put(d, s->baselines, &k.asset, f->last, NULL);
	if (b)
		baseline_take(b, &s->all, f->last, out);
	if (out >= 4096 || t->flows.n == 0)
		flow_sample_add(&t->flows, f->id);
}

static void outflow_finish(struct detector *d, void *state, int64_t now)
{
	struct outflow_state *s = state;
	const void *key;
	size_t at = 0;
	(void)now;
	for (const struct destination *t; (t = table_next(s->destinations->t, &at, &key));) {
		const struct destination_key *k = key;
		if (t->out < FLOOR_BYTES || producer_ratio(t->out, t->in) < PRODUCER_MIN)
			continue;
		const struct baseline *b = detect_table_get(s->baselines, &k->asset);
		struct usual u = baseline_measure(b && b->windows >= WINDOWS_MIN ? b : &s->all);
		double z = ((double)t->peak - u.median) / u.spread;
		if (z >= Z_MIN)
			destination_report(d, k, t, z, &u);
	}
}

const struct behaviour behaviour_outflow = {
    .name = "outflow",
    .start = outflow_start,
    .stop = outflow_stop,
    .flow = outflow_flow,
    .finish = outflow_finish,
};
