/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_DESIRED_H
#define ENFORCE_DESIRED_H

/*
 * The enforcer's side of a generation: what it was told shall be in force, held against guardrails that are
 * its own. The engine tells the difference to the generation before; one that breaks a rule, or that the
 * kernel refuses, changes nothing, and the old one stands.
 *
 *   desired_begin, desired_put and desired_drop for each cut, desired_check (which gives the steps), the
 *   backend's change, then desired_commit, or desired_abandon where the backend refused.
 *
 * It owns its table and a copy of the guardrails. Each of these costs as much as the difference (O(log n) a
 * cut in the number of guardrail prefixes), however many cuts stand; but the whole costs the whole. Bound:
 * `max` cuts, standing and put together. Nothing that the engine says can make it fail an assertion.
 */

#include "contain/guardrail.h"
#include "contain/orders.h"
#include "enforce/backend.h"

struct desired;

/* Why a generation was not taken. */
struct desired_refusal {
	enum guardrail rule;
	bool has_cut; /* else the rule is about the generation as a whole */
	struct cut cut;
};

/* Copies the guardrails with their lists. 0, -EINVAL or -ENOMEM. */
int desired_new(struct desired **ret_desired, const struct guardrails *rules, size_t max, uint64_t seed);
void desired_free(struct desired *d);
/* Other guardrails from now on, copied. What stands under the old ones stands until it is told again; what
 * was begun is abandoned, and the pace goes on. 0 or -ENOMEM (the old ones hold). */
int desired_rules(struct desired *d, const struct guardrails *rules);

/* The generation that stands; 0: none was ever told. */
uint64_t desired_generation(const struct desired *d);
/* Cuts of it. */
size_t desired_count(const struct desired *d);

/* Whether it stands. */
bool desired_stands(const struct desired *d, const struct cut *c);

/*
 * Begins generation `generation`, told as the difference to `base`; base 0: what follows is the whole of it.
 * One that was begun and not finished is abandoned. -ESTALE: base isn't what stands, so the whole is to be
 * asked for; -EINVAL: a difference to a later one. What follows is refused with -ESTALE until the next begin.
 */
int desired_begin(struct desired *d, uint64_t base, uint64_t generation);
/* The last word on a cut holds. 0; -EINVAL: the cut isn't sound; -ERR_LIMIT; -ENOMEM; -ESTALE. Any error
 * ends what was begun: nothing of it is taken. */
int desired_put(struct desired *d, const struct wanted_cut *w);
int desired_drop(struct desired *d, const struct cut *c);
/*
 * Holds what was begun against the guardrails. *ret_steps (the caller frees it) is what the backend is to do,
 * in this order. 0; -EPERM: a guardrail, with *ret_refusal; -ESTALE; -ENOMEM. After an error nothing is
 * begun.
 */
int desired_check(struct desired *d, int64_t now, struct desired_refusal *ret_refusal,
    struct backend_step **ret_steps, size_t *ret_n);
/* The backend did it: the new generation stands. Only after desired_check. */
void desired_commit(struct desired *d);
/* It didn't: the old one stands. */
void desired_abandon(struct desired *d);

/* All that stands, sorted by cut, without what is past its end; the caller frees it. 0 or -ENOMEM. */
int desired_list(const struct desired *d, int64_t now, struct wanted_cut **ret_cuts, size_t *ret_n);
/* As reconcile, of what stands. */
int desired_reconcile(const struct desired *d, const struct backend_element *elements, size_t n_elements,
    int64_t now, struct backend_step **ret_steps, size_t *ret_n);

#endif
