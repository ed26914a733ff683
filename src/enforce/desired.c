/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/desired.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "enforce/reconcile.h"

enum phase { PHASE_NONE, PHASE_BEGUN, PHASE_CHECKED };

/* A cut that stands, or that what was begun puts, or both. */
struct entry {
	int64_t until, next_until;
	bool stands, fail_closed;
	bool touched, next, next_closed; /* what was begun says of it: put, or else dropped */
};

struct desired {
	struct table *cuts; /* struct entry under struct cut */
	size_t max, count;
	uint64_t generation;
	struct guardrails rules;
	struct guardrail_pace pace;
	/* what was begun */
	enum phase phase;
	bool whole;
	uint64_t next_generation;
	struct cut *touched; /* what it speaks of, each once */
	size_t n_touched, cap_touched;
};

/* A copy that asks its own sorted lists alone. */
static int rules_copy(struct guardrails *ret_rules, const struct guardrails *rules)
{
	struct guardrails copy = *rules;
	copy.prepared = false;
	copy.prepared_never_cut = copy.prepared_control = (struct guardrail_prefixes){0};
	int r = guardrails_prepare(&copy);
	if (r < 0)
		return r;
	copy.never_cut = copy.control = NULL;
	copy.n_never_cut = copy.n_control = 0;
	*ret_rules = copy;
	return 0;
}

int desired_new(struct desired **ret_desired, const struct guardrails *rules, size_t max, uint64_t seed)
{
	struct desired *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->max = max;
	int r = rules_copy(&d->rules, rules);
	if (r == 0)
		r = table_new(&d->cuts, sizeof(struct cut), sizeof(struct entry), max, seed);
	if (r < 0) {
		desired_free(d);
		return r;
	}
	*ret_desired = d;
	return 0;
}

void desired_free(struct desired *d)
{
	if (!d)
		return;
	guardrails_free(&d->rules);
	table_free(d->cuts);
	free(d->touched);
	free(d);
}

uint64_t desired_generation(const struct desired *d)
{
	return d->generation;
}

size_t desired_count(const struct desired *d)
{
	return d->count;
}

void desired_abandon(struct desired *d)
{
	for (size_t i = 0; i < d->n_touched; i++) {
		struct entry *e = table_get(d->cuts, &d->touched[i]);
		if (e->stands)
			e->touched = false;
		else
			(void)table_remove(d->cuts, &d->touched[i]);
	}
	d->n_touched = 0;
	d->phase = PHASE_NONE;
}

int desired_rules(struct desired *d, const struct guardrails *rules)
{
	struct guardrails copy;
	int r = rules_copy(&copy, rules);
	if (r < 0)
		return r;
	desired_abandon(d);
	guardrails_free(&d->rules);
	d->rules = copy;
	return 0;
}

bool desired_stands(const struct desired *d, const struct cut *c)
{
	const struct entry *e = table_get(d->cuts, c);
	return e && e->stands;
}

int desired_begin(struct desired *d, uint64_t base, uint64_t generation)
{
	desired_abandon(d);
	if (base && base != d->generation)
		return -ESTALE;
	if (generation == 0 || (base && generation <= base))
		return -EINVAL;
	d->phase = PHASE_BEGUN;
	d->whole = base == 0;
	d->next_generation = generation;
	return 0;
}

/* The entry of a cut that what was begun speaks of. NULL with *ret_error. */
static struct entry *touch(struct desired *d, const struct cut *c, bool make, int *ret_error)
{
	struct entry *e = table_get(d->cuts, c);
	if (e && e->touched)
		return e;
	*ret_error = VEC_RESERVE(d->touched, &d->cap_touched, d->n_touched, d->max);
	if (*ret_error < 0)
		return NULL;
	if (!e && make) {
		*ret_error = table_count(d->cuts) == d->max ? -ERR_LIMIT : -ENOMEM;
		e = table_put(d->cuts, c, NULL);
	}
	if (!e)
		return NULL;
	e->touched = true;
	d->touched[d->n_touched++] = *c;
	return e;
}

static int fail(struct desired *d, int error)
{
	desired_abandon(d);
	return error;
}

int desired_put(struct desired *d, const struct wanted_cut *w)
{
	int error = 0;
	if (d->phase != PHASE_BEGUN)
		return fail(d, -ESTALE);
	if (!cut_is_sound(&w->cut))
		return fail(d, -EINVAL);
	struct entry *e = touch(d, &w->cut, true, &error);
	if (!e)
		return fail(d, error);
	e->next = true;
	e->next_until = w->until;
	e->next_closed = w->fail_closed;
	return 0;
}

int desired_drop(struct desired *d, const struct cut *c)
{
	int error = 0;
	if (d->phase != PHASE_BEGUN)
		return fail(d, -ESTALE);
	if (!cut_is_sound(c))
		return fail(d, -EINVAL);
	struct entry *e = touch(d, c, false, &error);
	if (e)
		e->next = false;
	return error < 0 ? fail(d, error) : 0;
}

/* Of the whole, what it doesn't name goes. */
static int drop_the_rest(struct desired *d)
{
	size_t pos = 0;
	const void *key;
	struct entry *e;
	while ((e = table_next(d->cuts, &pos, &key))) {
		if (e->touched)
			continue;
		int r = VEC_RESERVE(d->touched, &d->cap_touched, d->n_touched, d->max);
		if (r < 0)
			return r;
		e->touched = true;
		e->next = false;
		d->touched[d->n_touched++] = *(const struct cut *)key;
	}
	return 0;
}

static enum guardrail rule_of(const struct guardrails *g, const struct cut *c, int64_t until, int64_t now)
{
	enum guardrail rule = guardrail_of_cut(g, c);
	if (rule == GUARDRAIL_NONE && g->longest_lease_ns && until > now && until - now > g->longest_lease_ns)
		rule = GUARDRAIL_LEASE;
	return rule;
}

static struct desired_refusal judge(struct desired *d, int64_t now)
{
	size_t added = 0, dropped = 0;
	for (size_t i = 0; i < d->n_touched; i++) {
		const struct entry *e = table_get(d->cuts, &d->touched[i]);
		enum guardrail rule = e->next ? rule_of(&d->rules, &d->touched[i], e->next_until, now)
		                              : GUARDRAIL_NONE;
		if (rule != GUARDRAIL_NONE)
			return (struct desired_refusal){.rule = rule, .has_cut = true, .cut = d->touched[i]};
		added += e->next && !e->stands;
		dropped += !e->next && e->stands;
	}
	if (added && d->rules.most_cuts && d->count + added - dropped > d->rules.most_cuts)
		return (struct desired_refusal){.rule = GUARDRAIL_MOST_CUTS};
	/* the last, so that what another rule refuses takes nobody's place */
	if (added && !guardrail_pace_take(&d->pace, &d->rules, now))
		return (struct desired_refusal){.rule = GUARDRAIL_MOST_ORDERS};
	return (struct desired_refusal){.rule = GUARDRAIL_NONE};
}

static void step(struct backend_step *steps, size_t *n, enum backend_act act, const struct cut *c,
    int64_t until, bool fail_closed)
{
	steps[(*n)++] = (struct backend_step){
	    .cut = *c, .until = until, .act = (uint8_t)act, .fail_closed = fail_closed};
}

/* One that the kernel has ended or is about to is removed and added: what is renewed must be there. */
static void steps_of(
    const struct entry *e, const struct cut *c, int64_t now, struct backend_step *steps, size_t *n)
{
	bool wanted = e->next && e->next_until > now;
	bool same = e->stands && wanted && e->fail_closed == e->next_closed && e->until > now &&
	            e->until - now > RECONCILE_EARLY_NS;
	if (same) {
		if (e->until != e->next_until)
			step(steps, n, BACKEND_RENEW, c, e->next_until, e->next_closed);
		return;
	}
	if (e->stands)
		step(steps, n, BACKEND_REMOVE, c, 0, e->fail_closed);
	if (wanted)
		step(steps, n, BACKEND_ADD, c, e->next_until, e->next_closed);
}

int desired_check(struct desired *d, int64_t now, struct desired_refusal *ret_refusal,
    struct backend_step **ret_steps, size_t *ret_n)
{
	if (d->phase != PHASE_BEGUN)
		return fail(d, -ESTALE);
	int r = d->whole ? drop_the_rest(d) : 0;
	struct backend_step *steps = r == 0 ? calloc(2 * d->n_touched + 1, sizeof(*steps)) : NULL;
	if (!steps)
		return fail(d, r < 0 ? r : -ENOMEM);
	struct desired_refusal refusal = judge(d, now);
	if (refusal.rule != GUARDRAIL_NONE) {
		free(steps);
		*ret_refusal = refusal;
		return fail(d, -EPERM);
	}
	size_t n = 0;
	for (size_t i = 0; i < d->n_touched; i++)
		steps_of(table_get(d->cuts, &d->touched[i]), &d->touched[i], now, steps, &n);
	d->phase = PHASE_CHECKED;
	*ret_steps = steps;
	*ret_n = n;
	return 0;
}

void desired_commit(struct desired *d)
{
	assert(d->phase == PHASE_CHECKED);
	for (size_t i = 0; i < d->n_touched; i++) {
		struct entry *e = table_get(d->cuts, &d->touched[i]);
		d->count += (size_t)e->next - (size_t)e->stands;
		if (!e->next) {
			(void)table_remove(d->cuts, &d->touched[i]);
			continue;
		}
		e->stands = true;
		e->until = e->next_until;
		e->fail_closed = e->next_closed;
		e->touched = false;
	}
	d->n_touched = 0;
	d->generation = d->next_generation;
	d->phase = PHASE_NONE;
}

static int compare(const void *a, const void *b)
{
	const struct wanted_cut *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

int desired_list(const struct desired *d, int64_t now, struct wanted_cut **ret_cuts, size_t *ret_n)
{
	struct wanted_cut *v = calloc(d->count + 1, sizeof(*v));
	size_t n = 0, pos = 0;
	const struct entry *e;
	const void *key;
	if (!v)
		return -ENOMEM;
	while ((e = table_next(d->cuts, &pos, &key)))
		if (e->stands && e->until > now)
			v[n++] = (struct wanted_cut){.cut = *(const struct cut *)key,
			    .until = e->until,
			    .fail_closed = e->fail_closed};
	qsort(v, n, sizeof(*v), compare);
	*ret_cuts = v;
	*ret_n = n;
	return 0;
}

int desired_reconcile(const struct desired *d, const struct backend_element *elements, size_t n_elements,
    int64_t now, struct backend_step **ret_steps, size_t *ret_n)
{
	struct wanted_cut *wanted;
	size_t n;
	int r = desired_list(d, now, &wanted, &n);
	if (r < 0)
		return r;
	r = reconcile(wanted, n, elements, n_elements, now, ret_steps, ret_n);
	free(wanted);
	return r;
}
