/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The detector itself: turns records into observations, hands them to each behaviour, keeps the bounded
 * tables. */

#include "detect/behaviour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "flow/flow.h"

enum { MEMORY_DEFAULT = 256 << 20, TABLE_SMALLEST = 64, HAND_LOOKS = 8 };
#define LEARNING_DEFAULT (10 * 60 * NS_PER_S)

/* The payload of a flow that earlier records of it told. */
struct partial {
	struct detect_use use;
	uint64_t out, in;
};

int detect_table_new(struct detector *d, struct detect_table **ret_table, size_t key_size, size_t value_size,
    unsigned per_mille)
{
	if (d->n_tables == DETECT_TABLES_MAX)
		return -ENOMEM;
	struct detect_table *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	/* key and value are padded, the index costs up to 24 bytes an entry at its worst fill */
	t->entry_size = ((key_size + 15) & ~(size_t)15) + ((value_size + 16) & ~(size_t)15) + 24;
	t->max = d->config.memory_max / 1000 * per_mille / t->entry_size;
	if (t->max < TABLE_SMALLEST)
		t->max = TABLE_SMALLEST;
	int error = table_new(&t->t, key_size, value_size, t->max, d->config.seed);
	if (error < 0) {
		free(t);
		return error;
	}
	d->tables[d->n_tables++] = t;
	*ret_table = t;
	return 0;
}

/* Removes the least worthy of the next few entries that the hand points to. */
static void table_make_room(struct detector *d, struct detect_table *t)
{
	const struct detect_use *worst = NULL;
	const void *worst_key = NULL;
	for (unsigned looks = 0; looks < HAND_LOOKS; looks++) {
		const void *key;
		const struct detect_use *use = table_next(t->t, &t->hand, &key);
		if (!use) {
			t->hand = 0;
			continue;
		}
		if (!worst || use->weight < worst->weight ||
		    (use->weight == worst->weight && use->last < worst->last)) {
			worst = use;
			worst_key = key;
		}
	}
	if (worst) {
		table_remove(t->t, worst_key);
		d->stats.forgotten++;
	}
}

void *detect_table_put(
    struct detector *d, struct detect_table *t, const void *key, int64_t now, int *ret_fresh)
{
	int fresh;
	if (table_count(t->t) >= t->max && !table_get(t->t, key))
		table_make_room(d, t);
	struct detect_use *use = table_put(t->t, key, &fresh);
	if (!use) {
		d->stats.forgotten++;
		return NULL;
	}
	if (fresh || now > use->last)
		use->last = now;
	if (ret_fresh)
		*ret_fresh = fresh;
	return use;
}

void flow_sample_add(struct flow_sample *s, uint64_t flow)
{
	for (uint8_t i = 0; i < s->n; i++)
		if (s->id[i] == flow)
			return;
	if (s->n < FLOW_SAMPLE_MAX)
		s->id[s->n++] = flow;
}

static int behaviours_start(struct detector *d)
{
	for (size_t i = 0; behaviours[i]; i++) {
		if (!behaviours[i]->start)
			continue;
		int error = behaviours[i]->start(d, &d->state[i]);
		if (error < 0)
			return error;
	}
	return 0;
}

static int detector_start(struct detector *d)
{
	int error = detect_table_new(
	    d, &d->evidence, sizeof(struct evidence_key), sizeof(struct evidence), 70);
	if (error == 0)
		error = detect_table_new(d, &d->partial, sizeof(uint64_t), sizeof(struct partial), 40);
	if (error == 0)
		error = history_start(d);
	return error < 0 ? error : behaviours_start(d);
}

int detector_new(struct detector **ret_detector, const struct detect_config *config)
{
	if (!config->zones || !config->next_id || !config->emit)
		return -EINVAL;
	struct detector *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->config = *config;
	if (d->config.memory_max == 0)
		d->config.memory_max = MEMORY_DEFAULT;
	if (d->config.tuning.learning_ns <= 0)
		d->config.tuning.learning_ns = LEARNING_DEFAULT;
	d->first = INT64_MIN;
	d->last = INT64_MIN;
	int error = detector_start(d);
	if (error < 0) {
		detector_free(d);
		return error;
	}
	*ret_detector = d;
	return 0;
}

void detector_free(struct detector *d)
{
	if (!d)
		return;
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->stop && d->state[i])
			behaviours[i]->stop(d->state[i]);
	for (size_t i = 0; i < d->n_tables; i++) {
		table_free(d->tables[i]->t);
		free(d->tables[i]);
	}
	free(d);
}

void detector_change(
    struct detector *d, const struct net_zone_map *zones, const struct indicator_set *indicators)
{
	d->config.zones = zones;
	d->config.indicators = indicators;
}

static void clock_take(struct detector *d, int64_t first, int64_t last)
{
	if (d->first == INT64_MIN || first < d->first)
		d->first = first;
	if (last > d->last)
		d->last = last;
}

/* Fills in what the record adds to those of the same flow before it. */
static void observation_progress(struct detector *d, struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct partial *p = table_count(d->partial->t) ? detect_table_get(d->partial, &f->id) : NULL;
	o->fresh = p == NULL;
	o->over = f->end != FLOW_END_NONE;
	uint64_t out = p ? p->out : 0, in = p ? p->in : 0;
	o->out = f->payload_out > out ? f->payload_out - out : 0;
	o->in = f->payload_in > in ? f->payload_in - in : 0;
	if (o->over) {
		if (p)
			table_remove(d->partial->t, &f->id);
		return;
	}
	p = detect_table_put(d, d->partial, &f->id, f->last, NULL);
	if (p) {
		p->out = f->payload_out > out ? f->payload_out : out;
		p->in = f->payload_in > in ? f->payload_in : in;
	}
}

void detector_transaction(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	if (f->duplicate_of)
		return;
	d->stats.transactions++;
	clock_take(d, f->first < t->time ? f->first : t->time, t->time);
	struct text host = field_get(t->fields.v, t->fields.n, FIELD_DNS_QUERY);
	if (host.n && detect_inside(d, f->initiator))
		history_name(d, host, f->initiator, t->time);
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->transaction)
			behaviours[i]->transaction(d, d->state[i], f, t);
}

void detector_flow(struct detector *d, const struct msg_flow *f)
{
	if (f->duplicate_of)
		return;
	d->stats.flows++;
	clock_take(d, f->first, f->last);
	struct observation o = {
	    .f = f,
	    .from_inside = detect_inside(d, f->initiator),
	    .to_inside = detect_inside(d, f->responder),
	};
	observation_progress(d, &o);
	history_flow(d, &o);
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->flow)
			behaviours[i]->flow(d, d->state[i], &o);
}

void detector_finish(struct detector *d, int64_t now)
{
	if (d->first == INT64_MIN)
		return;
	if (now > d->last)
		d->last = now;
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->finish)
			behaviours[i]->finish(d, d->state[i], now);
	detect_suspicion_finish(d);
	detect_report_finish(d);
	size_t memory = sizeof(*d);
	for (size_t i = 0; i < d->n_tables; i++)
		memory += table_count(d->tables[i]->t) * d->tables[i]->entry_size;
	d->stats.memory = memory;
}

const struct detect_stats *detector_stats(const struct detector *d)
{
	return &d->stats;
}
