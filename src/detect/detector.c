/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The detector itself: turns records into observations, hands them to each behaviour, keeps the bounded
 * tables. */

#include "detect/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "detect/indicator.h"
#include "detect/names.h"
#include "flow/flow.h"

enum { MEMORY_DEFAULT = 256 << 20, TABLE_SMALLEST = 64, HAND_LOOKS = 8, LOOK_BUDGET = 1024 };
#define LEARNING_DEFAULT (10 * 60 * NS_PER_S)

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
	struct detect_use *use = table_put(t->t, key, &fresh);
	if (!use && table_count(t->t) >= t->max) {
		table_make_room(d, t);
		use = table_put(t->t, key, &fresh);
	}
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

static void field_set_add(struct field_set *s, unsigned field)
{
	if (field < FIELD_COUNT)
		s->bits[field / 64] |= UINT64_C(1) << field % 64;
}

static bool field_sets_meet(const struct field_set *a, const struct field_set *b)
{
	uint64_t both = 0;
	for (size_t i = 0; i < sizeof(a->bits) / sizeof(*a->bits); i++)
		both |= a->bits[i] & b->bits[i];
	return both != 0;
}

static void listener_add(struct detector *d, const struct behaviour *b, void *state)
{
	struct detect_listener *l = &d->listeners[d->n_listeners++];
	*l = (struct detect_listener){.behaviour = b, .state = state};
	for (const enum field *field = b->fields; field && *field; field++)
		field_set_add(&l->fields, *field);
	if (!b->fields)
		memset(&l->fields, 0xff, sizeof(l->fields));
}

/* A behaviour's state with its tables. */
static int state_new(struct detector *d, const struct behaviour *b, void **ret_state)
{
	unsigned char *state = calloc(1, b->state_size);
	if (!state)
		return -ENOMEM;
	for (size_t i = 0; i < BEHAVIOUR_TABLES_MAX && b->tables[i].per_mille; i++) {
		const struct behaviour_table *t = &b->tables[i];
		struct detect_table *table;
		int error = detect_table_new(d, &table, t->key_size, t->value_size, t->per_mille);
		if (error < 0) {
			free(state);
			return error;
		}
		memcpy(state + t->at, &table, sizeof(table));
	}
	if (b->begin)
		b->begin(state);
	*ret_state = state;
	return 0;
}

static int behaviours_start(struct detector *d)
{
	for (size_t i = 0; behaviours[i]; i++) {
		const struct behaviour *b = behaviours[i];
		int error = b->state_size ? state_new(d, b, &d->state[i]) : 0;
		if (error < 0)
			return error;
		if (b->transaction)
			listener_add(d, b, d->state[i]);
	}
	return 0;
}

static int detector_start(struct detector *d)
{
	d->sides = calloc(DETECT_SIDES, sizeof(*d->sides));
	if (!d->sides)
		return -ENOMEM;
	int error = detect_table_new(
	    d, &d->evidence, sizeof(struct evidence_key), sizeof(struct evidence), 70);
	if (error == 0)
		error = table_new(
		    &d->names, sizeof(uint64_t), sizeof(uint32_t), EVIDENCE_NAMES_MAX, d->config.seed);
	if (error == 0)
		error = progress_new(&d->progress, d);
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
	for (size_t i = 0; behaviours[i]; i++) {
		if (behaviours[i]->end && d->state[i])
			behaviours[i]->end(d->state[i]);
		free(d->state[i]);
	}
	for (size_t i = 0; i < d->n_tables; i++) {
		table_free(d->tables[i]->t);
		free(d->tables[i]);
	}
	progress_free(d->progress);
	table_free(d->suspects);
	table_free(d->names);
	free(d->sides);
	free(d);
}

void detector_change(
    struct detector *d, const struct net_zone_map *zones, const struct indicator_set *indicators)
{
	d->config.zones = zones;
	d->config.indicators = indicators;
	memset(d->sides, 0, DETECT_SIDES * sizeof(*d->sides));
}

static void clock_take(struct detector *d, int64_t first, int64_t last)
{
	if (d->first == INT64_MIN || first < d->first)
		d->first = first;
	if (last > d->last)
		d->last = last;
}

/* What a DNS question asks for, and who asks. */
static void question_take(struct detector *d, struct exchange *x)
{
	x->query = exchange_field(x, FIELD_DNS_QUERY);
	if (x->query.n == 0)
		return;
	x->domain = name_registered(x->query);
	x->domain_key = name_hash(x->domain, d->config.seed);
	history_expect_name(d, x->domain_key);
}

/* Which fields it has. Addresses among them are indicators or not: that is asked soon. */
static struct field_set fields_of(const struct detector *d, const struct msg_transaction *t)
{
	struct field_set has = {{0}};
	struct net_addr a;
	for (uint32_t i = 0; i < t->fields.n; i++) {
		const struct field_value *v = &t->fields.v[i];
		field_set_add(&has, v->field);
		if (d->config.indicators && v->field == FIELD_DNS_ANSWER_ADDR && v->value.n == sizeof(a)) {
			memcpy(&a, v->value.p, sizeof(a));
			indicator_expect(d->config.indicators, a);
		}
	}
	return has;
}

void detector_transaction(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	if (f->duplicate_of)
		return;
	d->stats.transactions++;
	clock_take(d, f->first < t->time ? f->first : t->time, t->time);
	struct exchange x = {.f = f,
	    .t = t,
	    .from_inside = detect_inside(d, f->initiator),
	    .to_inside = detect_inside(d, f->responder)};
	if (x.from_inside)
		question_take(d, &x);
	struct field_set has = fields_of(d, t);
	if (x.query.n)
		x.named = history_name(d, x.domain_key, f->initiator, t->time);
	for (size_t i = 0; i < d->n_listeners; i++) {
		const struct detect_listener *l = &d->listeners[i];
		if (field_sets_meet(&l->fields, &has))
			l->behaviour->transaction(d, l->state, &x);
	}
}

void detector_flow(struct detector *d, const struct msg_flow *f)
{
	if (f->duplicate_of)
		return;
	d->stats.flows += f->end != FLOW_END_NONE;
	d->live = d->live || f->end == FLOW_END_NONE;
	clock_take(d, f->first, f->last);
	struct observation o = {.f = f};
	observe_ends(d, &o);
	history_expect(d, &o);
	if (d->config.indicators) {
		indicator_expect(d->config.indicators, f->initiator);
		indicator_expect(d->config.indicators, f->responder);
	}
	progress_observe(d, &o);
	history_flow(d, &o);
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->flow)
			behaviours[i]->flow(d, d->state[i], &o);
	progress_keep(d, &o);
	progress_settle(d);
}

static void memory_count(struct detector *d)
{
	size_t memory = sizeof(*d);
	for (size_t i = 0; i < d->n_tables; i++)
		memory += table_count(d->tables[i]->t) * d->tables[i]->entry_size;
	d->stats.memory = memory;
}

/* Goes on with the round where it stands. True: the round is over. */
static bool look_round(struct detector *d, bool all)
{
	for (; behaviours[d->looking]; d->looking++) {
		const struct behaviour *b = behaviours[d->looking];
		if (b->look && !b->look(d, d->state[d->looking], &d->look))
			return false;
		d->look.at = 0;
	}
	if (d->look.at == 0)
		detect_suspicion_look(d);
	if (!detect_report_look(d, &d->look, all))
		return false;
	d->looking = 0;
	d->look.at = 0;
	memory_count(d);
	return true;
}

static bool clock_advance(struct detector *d, int64_t now)
{
	if (d->first == INT64_MIN)
		return false;
	if (now > d->last)
		d->last = now;
	progress_settle(d);
	return true;
}

void detector_missed(struct detector *d)
{
	progress_forget_waiting(d);
}

bool detector_look(struct detector *d, int64_t now)
{
	if (!clock_advance(d, now))
		return true;
	d->look.budget = LOOK_BUDGET;
	d->look.whole = false;
	return look_round(d, false);
}

void detector_finish(struct detector *d, int64_t now)
{
	if (!clock_advance(d, now))
		return;
	d->looking = 0;
	d->look = (struct look){.budget = SIZE_MAX, .whole = true};
	(void)look_round(d, true);
}

const struct detect_stats *detector_stats(const struct detector *d)
{
	return &d->stats;
}
