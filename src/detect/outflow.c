/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bulk outflow. For each destination outside, what an asset sent there is held against what it sends
 * anywhere: the modified z-score of the logarithm (median and MAD; Iglewicz & Hoaglin 1993) over its
 * destinations, or over all of the organization's where the asset has fewer than SAMPLE_MIN (the MAD of a
 * handful is noise). The producer/consumer ratio (Bullard & Gerth, "PCR: a new flow metric", FloCon 2014),
 * (sent - received) / (sent + received), must be that of a producer. A destination that several use weighs
 * less, one that was there from the beginning too.
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
#include "detect/measure.h"
#include "detect/names.h"
#include "net/app.h"

enum {
	OUTFLOW_PER_MILLE = 60,
	SAMPLE_MAX = 64,
	SAMPLE_MIN = 10,
	ORGANIZATION_MAX = 4096,
	ASSETS_MAX = 1 << 16,
	LOG_SCALE = 1000,
	NAME_SHOWN = 80
};
#define FLOOR_BYTES  (256u << 10) /* less fits into anybody's forms and mails */
#define Z_MIN        3.5          /* Iglewicz & Hoaglin's */
#define PRODUCER_MIN 0.5
#define MOST         0.35
#define MAD_TO_SIGMA 1.4826

struct destination_key {
	struct net_addr asset;
	struct net_addr peer; /* none where the name stands for it */
	uint64_t name;
};

struct destination {
	struct detect_use use;
	int64_t first;
	struct net_addr peer;
	uint64_t out, in;
	uint16_t app;
	char name[NAME_SHOWN];
	struct flow_sample flows;
};

/* The logarithms of what an asset sent to each of its destinations. */
struct baseline {
	uint32_t n;
	int64_t sample[SAMPLE_MAX];
};

struct outflow_state {
	struct detect_table *destinations;
};

static int outflow_start(struct detector *d, void **ret_state)
{
	struct outflow_state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int error = detect_table_new(d, &s->destinations, sizeof(struct destination_key),
	    sizeof(struct destination), OUTFLOW_PER_MILLE);
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

static int64_t log_of(uint64_t bytes)
{
	return (int64_t)(LOG_SCALE * log2(1 + (double)bytes));
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

static void destination_report(
    struct detector *d, const struct destination_key *k, const struct destination *t, double z, double usual)
{
	char why[DETECT_WHY_SIZE], asset[NET_ADDR_TEXT_SIZE], peer[NET_ADDR_TEXT_SIZE], out[16], in[16],
	    other[16], name[NAME_SHOWN];
	unsigned users = history_peer_users(d, t->peer);
	if (t->name[0]) {
		unsigned by_name = history_name_users(d, text_of(t->name));
		users = by_name > users ? by_name : users;
	}
	bool new_peer = t->first > detect_learned_at(d);
	snprintf(why, sizeof(why),
	    "%s sent %s to %s%s%s and took %s (producer ratio %.2f), usual for a destination is %s (z %.1f); "
	    "%u machine(s) use it, %s",
	    detect_addr(k->asset, asset), num_bytes_human(t->out, out, sizeof(out)),
	    detect_addr(t->peer, peer), t->name[0] ? " " : "",
	    detect_text(text_of(t->name), name, sizeof(name)), num_bytes_human(t->in, in, sizeof(in)),
	    producer_ratio(t->out, t->in), num_bytes_human((uint64_t)usual, other, sizeof(other)), z, users,
	    new_peer ? "first seen after learning" : "known from the beginning");
	/* A shared destination weighs less but does not vanish. */
	double rarity = 0.3 + 0.7 * history_rarity(users);
	struct finding f = {
	    .name = "outflow.bulk",
	    .technique = outflow_technique(t->app),
	    .confidence = detect_saturate(z - Z_MIN + 2, 1.5, MOST) * rarity * (new_peer ? 1 : 0.5),
	    .asset = k->asset,
	    .peer = t->peer,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_EXFILTRATION,
	    .subject = k->name,
	    .first = t->first,
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
	if (o->from_inside == o->to_inside)
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
	t->use.weight = (uint32_t)(log_of(t->out) / LOG_SCALE);
	if (out >= 4096 || t->flows.n == 0)
		flow_sample_add(&t->flows, f->id);
}

/* The median and the scaled MAD of logarithms, the latter at least one (a factor of two). */
static struct measure baseline_measure(int64_t *v, size_t n)
{
	struct measure m = measure_of(v, n);
	m.mad *= MAD_TO_SIGMA;
	if (m.mad < LOG_SCALE)
		m.mad = LOG_SCALE;
	return m;
}

static int baselines_collect(
    struct detector *d, const struct outflow_state *s, struct table **ret_assets, struct measure *ret_all)
{
	struct table *assets;
	int64_t all[ORGANIZATION_MAX];
	size_t n = 0, at = 0, seen = 0;
	int error = table_new(
	    &assets, sizeof(struct net_addr), sizeof(struct baseline), ASSETS_MAX, d->config.seed);
	if (error < 0)
		return error;
	const void *key;
	for (const struct destination *t; (t = table_next(s->destinations->t, &at, &key));) {
		const struct destination_key *k = key;
		struct baseline *b = table_put(assets, &k->asset, NULL);
		if (b)
			b->sample[b->n++ % SAMPLE_MAX] = log_of(t->out);
		all[seen++ % ORGANIZATION_MAX] = log_of(t->out);
		n = seen < ORGANIZATION_MAX ? seen : ORGANIZATION_MAX;
	}
	*ret_all = baseline_measure(all, n);
	*ret_assets = assets;
	return 0;
}

static void outflow_finish(struct detector *d, void *state, int64_t now)
{
	struct outflow_state *s = state;
	struct table *assets;
	struct measure all;
	(void)now;
	if (baselines_collect(d, s, &assets, &all) < 0)
		return;
	const void *key;
	size_t at = 0;
	for (const struct destination *t; (t = table_next(s->destinations->t, &at, &key));) {
		const struct destination_key *k = key;
		if (t->out < FLOOR_BYTES || producer_ratio(t->out, t->in) < PRODUCER_MIN)
			continue;
		struct baseline *b = table_get(assets, &k->asset);
		struct measure m = all;
		if (b && b->n >= SAMPLE_MIN) {
			struct baseline copy = *b;
			m = baseline_measure(copy.sample, copy.n < SAMPLE_MAX ? copy.n : SAMPLE_MAX);
		}
		double z = ((double)log_of(t->out) - m.median) / m.mad;
		if (z >= Z_MIN)
			destination_report(d, k, t, z, exp2(m.median / LOG_SCALE));
	}
	table_free(assets);
}

const struct behaviour behaviour_outflow = {
    .name = "outflow",
    .start = outflow_start,
    .stop = outflow_stop,
    .flow = outflow_flow,
    .finish = outflow_finish,
};
