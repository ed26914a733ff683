/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the evidence says of each asset: the noisy-or of its independent techniques (the strongest detection
 * of each), and what compromised machines hand on. The intruder who holds A and takes control of B by an
 * administrative login holds B as surely as he holds A and the login happened: the confidence of both
 * multiplied, by noisy-or with B's own. It passes forward in time only and only onto what he did not hold
 * yet, so that it can't come back to A and raise it.
 */

#include <errno.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "base/vec.h"
#include "incident/correlate.h"
#include "net/app.h"

#define SINCE_LEAST 0.25

enum { CONTROL_FLOWS_MAX = 1 << 20, CITED_SIEVE = 1 << 18 };

struct cited {
	const uint64_t *ids; /* sorted */
	size_t n;
	uint8_t
	    sieve[CITED_SIEVE / 8]; /* a bit for the low end of each id: most flows fall through at once */
	struct correlation *c;
};

static int id_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static int control_compare(const void *a, const void *b)
{
	const struct control_flow *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static bool cited_has(const struct cited *cited, uint64_t id)
{
	if (!(cited->sieve[id % CITED_SIEVE / 8] >> id % 8 & 1))
		return false;
	return bsearch(&id, cited->ids, cited->n, sizeof(id), id_compare);
}

static bool control_flow_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	(void)common;
	return cited_has(context, f->id);
}

static int control_flow_take(void *context, const struct msg_flow *f)
{
	const struct cited *cited = context;
	struct correlation *c = cited->c;
	if (f->payload_out == 0 || f->payload_in == 0 || !cited_has(cited, f->id))
		return 0;
	unsigned app = f->app == APP_UNKNOWN ? app_of_port(f->protocol, f->responder_port) : f->app;
	uint32_t from = asset_of(c->in->assets, f->initiator), to = asset_of(c->in->assets, f->responder);
	if (!app_is_admin(app) || from == ASSET_NONE || to == ASSET_NONE)
		return 0;
	int error = VEC_RESERVE(c->control, &c->cap_control, c->n_control, CONTROL_FLOWS_MAX);
	if (error < 0)
		return error == -ENOMEM ? error
		                        : 0; /* beyond the bound a login counts by its technique alone */
	c->control[c->n_control++] = (struct control_flow){.id = f->id, .from = from, .to = to};
	return 0;
}

static int control_flows_scan(struct cited *cited, struct incident_flows *flows)
{
	static const struct archive_hints hints = {
	    .pick = control_flow_pick, .pick_columns = UINT64_C(1) << MSG_FLOW_FIELD_ID};
	static const struct archive_filter filter = {.hints = &hints};
	for (size_t i = 0; i < cited->n; i++)
		cited->sieve[cited->ids[i] % CITED_SIEVE / 8] |= (uint8_t)(1u << cited->ids[i] % 8);
	return incident_flows_scan(flows, &filter, control_flow_take, cited);
}

int correlation_control_flows(struct correlation *c, struct incident_flows *flows)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_evidence; i++)
		if (c->evidence[i].speaks && c->evidence[i].peer != ASSET_NONE)
			n += c->evidence[i].d->flows.n;
	if (n == 0)
		return 0;
	struct cited *cited = calloc(1, sizeof(*cited));
	uint64_t *ids = calloc(n, sizeof(*ids));
	int error = cited && ids ? 0 : -ENOMEM;
	n = 0;
	for (size_t i = 0; i < c->n_evidence && error == 0; i++) {
		const struct evidence *e = &c->evidence[i];
		for (uint32_t k = 0; e->speaks && e->peer != ASSET_NONE && k < e->d->flows.n; k++)
			ids[n++] = e->d->flows.v[k];
	}
	if (error == 0) {
		qsort(ids, n, sizeof(*ids), id_compare);
		cited->ids = ids;
		cited->n = n;
		cited->c = c;
		error = control_flows_scan(cited, flows);
	}
	free(ids);
	free(cited);
	if (c->n_control)
		qsort(c->control, c->n_control, sizeof(*c->control), control_compare);
	return error < 0 ? error : 0;
}

/* Whether one of the flows that e rests on is an answered administrative one from `from` to `to`. */
static bool control_flow_cited(
    const struct correlation *c, const struct evidence *e, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; c->n_control && i < e->d->flows.n; i++) {
		struct control_flow key = {.id = e->d->flows.v[i]};
		const struct control_flow *f = bsearch(
		    &key, c->control, c->n_control, sizeof(key), control_compare);
		if (f && f->from == from && f->to == to)
			return true;
	}
	return false;
}

bool evidence_hands_over(
    const struct correlation *c, const struct evidence *e, uint32_t *ret_actor, uint32_t *ret_victim)
{
	uint32_t actor, victim;
	if (!e->speaks || e->peer == ASSET_NONE || e->peer == e->asset)
		return false;
	if (e->d->asset_role == MSG_ROLE_VICTIM) {
		actor = e->peer;
		victim = e->asset;
	} else if (e->d->peer_role == MSG_ROLE_VICTIM) {
		actor = e->asset;
		victim = e->peer;
	} else {
		return false;
	}
	if (!technique_controls(e->d->technique) && !control_flow_cited(c, e, actor, victim))
		return false;
	*ret_actor = actor;
	*ret_victim = victim;
	return true;
}

double suspect_confidence(const struct suspect *s)
{
	return 1 - (1 - s->own) * (1 - s->handed);
}

enum incident_asset_state suspect_state(const struct correlation *c, const struct suspect *s)
{
	/* a product of rounded numbers may miss a level that it stands for by its last digit */
	double confidence = suspect_confidence(s) + 1e-9;
	if (!s->has_since || confidence < c->config.suspect_at)
		return INCIDENT_ASSET_TARGET;
	return confidence < c->config.compromised_at ? INCIDENT_ASSET_SUSPECT : INCIDENT_ASSET_COMPROMISED;
}

static int by_asset_compare(const void *a, const void *b)
{
	const struct evidence *x = *(const struct evidence *const *)a,
	                      *y = *(const struct evidence *const *)b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->asset != y->asset)
		return x->asset < y->asset ? -1 : 1;
	return x < y ? -1 : x > y; /* the array is in order of time */
}

static int by_technique_compare(const void *a, const void *b)
{
	const struct evidence *x = *(const struct evidence *const *)a,
	                      *y = *(const struct evidence *const *)b;
	int order = text_compare(technique_parent(x->d->technique), technique_parent(y->d->technique));
	if (order == 0 && x->d->technique.n == 0)
		order = text_compare(x->d->name, y->d->name);
	if (order == 0 && x->confidence != y->confidence)
		order = x->confidence > y->confidence ? -1 : 1;
	return order ? order : x < y ? -1 : x > y;
}

static bool same_technique(const struct evidence *x, const struct evidence *y)
{
	return text_equal(technique_parent(x->d->technique), technique_parent(y->d->technique)) &&
	       (x->d->technique.n || text_equal(x->d->name, y->d->name));
}

/* Noisy-or over techniques of the evidence v[0..n), which is of one asset; `scratch` has room for n. */
static void suspect_weigh(
    struct suspect *s, const struct evidence **v, size_t n, const struct evidence **scratch)
{
	size_t speaking = 0;
	bool strong = false;
	for (size_t i = 0; i < n; i++) {
		if (!v[i]->speaks)
			continue;
		scratch[speaking++] = v[i];
		/* a faint sign doesn't date an intrusion where a stronger one does */
		bool dates = v[i]->confidence >= SINCE_LEAST;
		if (!s->has_since || (dates && !strong) || (dates == strong && v[i]->d->time < s->since))
			s->since = v[i]->d->time;
		strong |= dates;
		s->has_since = true;
	}
	qsort(scratch, speaking, sizeof(*scratch), by_technique_compare);
	double not_held = 1;
	for (size_t i = 0; i < speaking; i++)
		if (i == 0 || !same_technique(scratch[i - 1], scratch[i]))
			not_held *= 1 - scratch[i]->confidence;
	s->own = 1 - not_held;
}

static struct suspect *suspect_find(const struct correlation *c, uint32_t group, uint32_t asset)
{
	size_t low = 0, high = c->n_suspects;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct suspect *s = &c->suspects[mid];
		if (s->group < group || (s->group == group && s->asset < asset))
			low = mid + 1;
		else
			high = mid;
	}
	bool found = low < c->n_suspects && c->suspects[low].group == group &&
	             c->suspects[low].asset == asset;
	return found ? &c->suspects[low] : NULL;
}

/* In order of time: who is compromised by then hands on what he holds. */
static void control_hand_on(struct correlation *c)
{
	for (size_t i = 0; i < c->n_evidence; i++) {
		const struct evidence *e = &c->evidence[i];
		uint32_t actor_asset, victim_asset;
		if (e->group == GROUP_NONE || !evidence_hands_over(c, e, &actor_asset, &victim_asset))
			continue;
		struct suspect *actor = suspect_find(c, e->group, actor_asset);
		struct suspect *victim = suspect_find(c, e->group, victim_asset);
		if (!actor || !victim || suspect_state(c, actor) != INCIDENT_ASSET_COMPROMISED ||
		    actor->since > e->d->time)
			continue;
		if (suspect_state(c, victim) == INCIDENT_ASSET_COMPROMISED && victim->since < e->d->time)
			continue;
		double handed = e->confidence * suspect_confidence(actor);
		if (handed > victim->handed)
			victim->handed = handed;
		if (!victim->has_since || e->d->time < victim->since)
			victim->since = e->d->time;
		victim->has_since = true;
	}
}

/* Marks who was handed over by a machine that was held no later. */
static void control_mark(struct correlation *c)
{
	for (size_t i = 0; i < c->n_evidence; i++) {
		const struct evidence *e = &c->evidence[i];
		uint32_t actor_asset, victim_asset;
		if (e->group == GROUP_NONE || !evidence_hands_over(c, e, &actor_asset, &victim_asset))
			continue;
		const struct suspect *actor = suspect_find(c, e->group, actor_asset);
		struct suspect *victim = suspect_find(c, e->group, victim_asset);
		if (actor && victim && suspect_state(c, actor) != INCIDENT_ASSET_TARGET &&
		    actor->since <= victim->since && e->d->time <= victim->since)
			victim->from_inside = true;
	}
}

/* One suspect for each asset that a group's evidence speaks about or that it says was taken control of. */
static int suspects_make(struct correlation *c)
{
	size_t n = 0;
	struct suspect *all = calloc(c->n_evidence * 2 + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_evidence; i++) {
		const struct evidence *e = &c->evidence[i];
		uint32_t actor, victim;
		if (e->group == GROUP_NONE)
			continue;
		if (e->asset != ASSET_NONE)
			all[n++] = (struct suspect){.group = e->group, .asset = e->asset};
		if (evidence_hands_over(c, e, &actor, &victim) && victim != e->asset)
			all[n++] = (struct suspect){.group = e->group, .asset = victim};
	}
	c->suspects = all;
	c->n_suspects = n;
	return 0;
}

static int suspect_compare(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->asset < y->asset ? -1 : x->asset > y->asset;
}

static void suspects_unique(struct correlation *c)
{
	size_t n = 0;
	qsort(c->suspects, c->n_suspects, sizeof(*c->suspects), suspect_compare);
	for (size_t i = 0; i < c->n_suspects; i++)
		if (n == 0 || suspect_compare(&c->suspects[n - 1], &c->suspects[i]) != 0)
			c->suspects[n++] = c->suspects[i];
	c->n_suspects = n;
}

int correlation_weigh(struct correlation *c)
{
	c->by_asset = calloc(c->n_evidence + 1, sizeof(*c->by_asset));
	const struct evidence **scratch = calloc(c->n_evidence + 1, sizeof(*scratch));
	int error = c->by_asset && scratch ? suspects_make(c) : -ENOMEM;
	if (error < 0) {
		free(scratch);
		return error;
	}
	suspects_unique(c);
	for (size_t i = 0; i < c->n_evidence; i++)
		if (c->evidence[i].group != GROUP_NONE && c->evidence[i].asset != ASSET_NONE)
			c->by_asset[c->n_by_asset++] = &c->evidence[i];
	qsort(c->by_asset, c->n_by_asset, sizeof(*c->by_asset), by_asset_compare);
	size_t at = 0;
	for (size_t i = 0; i < c->n_suspects; i++) {
		struct suspect *s = &c->suspects[i];
		s->first = at;
		while (at < c->n_by_asset && c->by_asset[at]->group == s->group &&
		       c->by_asset[at]->asset == s->asset)
			at++;
		s->n = at - s->first;
		suspect_weigh(s, c->by_asset + s->first, s->n, scratch);
	}
	free(scratch);
	control_hand_on(c);
	control_mark(c);
	return 0;
}
