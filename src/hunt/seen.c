/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/seen.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "hunt/lookup.h"

enum { ITEMS_MAX = 1 << 22 };

#define PLACES_LOOKUP (1u << INDICATOR_AT_DNS_QUERY | 1u << INDICATOR_AT_DNS_ANSWER)
#define PLACES_CONNECT                                                                                       \
	(1u << INDICATOR_AT_TLS_SNI | 1u << INDICATOR_AT_HTTP_HOST | 1u << INDICATOR_AT_HTTP_URL)

int hunt_seen_new(struct hunt_seen_set *s, const struct hunt_scene *scene, size_t max, uint64_t seed)
{
	*s = (struct hunt_seen_set){.scene = scene};
	return table_new(&s->table, sizeof(struct hunt_seen_key), sizeof(struct hunt_seen), max, seed);
}

void hunt_seen_free(struct hunt_seen_set *s)
{
	table_free(s->table);
	s->table = NULL;
}

static void seen_add(struct hunt_seen_set *s, const struct hunt_seen_key *key, const struct hunt_seen *what)
{
	int fresh;
	struct hunt_seen *seen = table_put(s->table, key, &fresh);
	if (!seen) {
		s->left_out++;
		return;
	}
	seen->places |= what->places;
	if (fresh || what->first < seen->first)
		seen->first = what->first;
	if (fresh || what->last > seen->last)
		seen->last = what->last;
}

int hunt_seen_transaction(void *context, const struct msg_transaction *t)
{
	struct hunt_seen_set *s = context;
	struct indicator_query queries[INDICATOR_QUERIES_MAX];
	uint32_t firsts[INDICATOR_FOUND_MAX];
	size_t n = indicator_queries_of(t, 0, queries);
	for (size_t i = 0; i < n; i++) {
		uint32_t place = 1u << queries[i].place;
		size_t met = hunt_targets_keys(s->scene->targets, &queries[i], firsts);
		for (size_t k = 0; k < met; k++) {
			const struct hunt_seen_key key = {.flow = t->flow,
			    .first = firsts[k],
			    .port = queries[i].port,
			    .of_flow = (place & PLACES_CONNECT) && queries[i].port == 0};
			seen_add(
			    s, &key, &(struct hunt_seen){.places = place, .first = t->time, .last = t->time});
		}
	}
	return 0;
}

void hunt_seen_merge(struct hunt_seen_set *s, const struct hunt_seen_set *from)
{
	const void *key;
	size_t pos = 0;
	for (const struct hunt_seen *seen; (seen = table_next(from->table, &pos, &key));)
		seen_add(s, key, seen);
	s->left_out += from->left_out;
}

/* One target of one flow. */
struct item {
	uint32_t target;
	struct hunt_seen seen;
};

/* All items of the flow at hand. */
struct settling {
	struct hunt_seen_set *set;
	struct hunt_groups *groups;
	struct item *items;
	size_t n, cap;
	struct hunt_seen now; /* what the targets being found were seen by */
	int error;
};

static void item_add(void *context, uint32_t target)
{
	struct settling *s = context;
	int error = VEC_RESERVE(s->items, &s->cap, s->n, ITEMS_MAX);
	if (error < 0)
		s->error = error;
	else
		s->items[s->n++] = (struct item){.target = target, .seen = s->now};
}

/* Whether the flow was counted for what its own record says; *ret_initiator: by that end alone. */
static bool flow_is_counted(
    const struct hunt_targets *targets, const struct hunt_flow *f, uint32_t target, bool *ret_initiator)
{
	struct indicator_query queries[3];
	size_t n = hunt_flow_queries(f, queries);
	bool met = false, initiator = true;
	for (size_t i = 0; i < n; i++) {
		if (!hunt_target_meets(targets, &queries[i], target))
			continue;
		met = true;
		initiator &= queries[i].place == INDICATOR_AT_INITIATOR;
	}
	*ret_initiator = met && initiator;
	return met;
}

/* The flow's record is gone or unreadable: whoever it was, it was seen. */
static void add_unknown(struct settling *s, uint64_t flow, const struct item *item)
{
	const struct hunt_target *t = &s->set->scene->targets->v[item->target];
	if (s->set->scene->in->zone != NET_ZONE_NONE)
		return;
	hunt_groups_add(
	    s->groups, &(struct hunt_sighting){.target = item->target,
	                   .places = item->seen.places,
	                   .lookup = !(item->seen.places & ~PLACES_LOOKUP),
	                   .valid = item->seen.first >= t->valid_from && item->seen.first < t->valid_until,
	                   .first = item->seen.first,
	                   .last = item->seen.last,
	                   .id = flow});
}

static void item_settle(struct settling *s, const struct hunt_flow *f, const struct item *item)
{
	const struct hunt_scene *scene = s->set->scene;
	const struct hunt_target *t = &scene->targets->v[item->target];
	struct hunt_sighting sighting;
	bool initiator;
	bool counted = flow_is_counted(scene->targets, f, item->target, &initiator);
	if (!hunt_sight(scene, f, item->target, initiator, &sighting))
		return;
	sighting.places = item->seen.places;
	if (counted && hunt_groups_place(s->groups, &sighting))
		return;
	if (!(item->seen.places & ~PLACES_LOOKUP)) {
		sighting.lookup = true;
		sighting.relation = 0; /* the name server's end says nothing */
		sighting.first = item->seen.first;
		sighting.last = item->seen.last;
		sighting.valid = sighting.first >= t->valid_from && sighting.first < t->valid_until;
	}
	hunt_groups_add(s->groups, &sighting);
}

static int by_target(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	return (a->target > b->target) - (a->target < b->target);
}

static void flow_settle(struct settling *s, uint64_t id, const struct hunt_flow *f)
{
	if (s->n)
		qsort(s->items, s->n, sizeof(*s->items), by_target);
	for (size_t i = 0; i < s->n;) {
		struct item whole = s->items[i];
		for (i++; i < s->n && s->items[i].target == whole.target; i++) {
			const struct hunt_seen *more = &s->items[i].seen;
			whole.seen.places |= more->places;
			whole.seen.first = more->first < whole.seen.first ? more->first : whole.seen.first;
			whole.seen.last = more->last > whole.seen.last ? more->last : whole.seen.last;
		}
		if (f)
			item_settle(s, f, &whole);
		else
			add_unknown(s, id, &whole);
	}
	s->n = 0;
}

struct seen_row {
	struct hunt_seen_key key;
	const struct hunt_seen *seen;
};

static int by_flow(const void *left, const void *right)
{
	const struct seen_row *a = left, *b = right;
	return (a->key.flow > b->key.flow) - (a->key.flow < b->key.flow);
}

static void rows_settle(
    struct settling *s, const struct seen_row *rows, size_t n, const struct hunt_lookup *flows)
{
	for (size_t i = 0; i < n && s->error == 0;) {
		uint64_t id = rows[i].key.flow;
		const struct hunt_flow *f = hunt_lookup_get(flows, id);
		for (; i < n && rows[i].key.flow == id; i++) {
			uint16_t of_flow = f ? f->responder_port : 0;
			s->now = *rows[i].seen;
			hunt_targets_of_key(s->set->scene->targets, rows[i].key.first,
			    rows[i].key.of_flow ? of_flow : rows[i].key.port, item_add, s);
		}
		flow_settle(s, id, f);
	}
}

int hunt_seen_settle(struct hunt_seen_set *set, struct hunt_groups *groups)
{
	size_t n = table_count(set->table), pos = 0, kept = 0;
	if (n == 0)
		return 0;
	struct seen_row *rows = reallocarray(NULL, n, sizeof(*rows));
	uint64_t *ids = reallocarray(NULL, n, sizeof(*ids));
	struct settling s = {.set = set, .groups = groups};
	struct hunt_lookup flows = {.table = NULL};
	int error = rows && ids ? 0 : -ENOMEM;
	const void *key;
	for (const struct hunt_seen *seen; error == 0 && (seen = table_next(set->table, &pos, &key));) {
		const struct hunt_seen_key *k = key;
		rows[kept++] = (struct seen_row){.key = *k, .seen = seen};
	}
	if (error == 0) {
		qsort(rows, n, sizeof(*rows), by_flow);
		size_t flows_n = 0;
		for (size_t i = 0; i < n; i++)
			if (i == 0 || rows[i].key.flow != rows[i - 1].key.flow)
				ids[flows_n++] = rows[i].key.flow;
		error = hunt_lookup_make(&flows, set->scene, ids, flows_n);
		if (error == 0) {
			rows_settle(&s, rows, n, &flows);
			error = s.error;
		}
	}
	hunt_lookup_free(&flows);
	free(s.items);
	free(rows);
	free(ids);
	return error;
}
