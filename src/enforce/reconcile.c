/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/reconcile.h"

#include <errno.h>
#include <stdlib.h>

struct steps {
	struct backend_step *v;
	size_t n;
};

static void step(struct steps *s, enum backend_act act, const struct cut *c, int64_t until, bool fail_closed)
{
	s->v[s->n++] = (struct backend_step){.cut = *c,
	    .until = act == BACKEND_REMOVE ? 0 : until,
	    .act = (uint8_t)act,
	    .fail_closed = fail_closed};
}

static bool differs(int64_t there, int64_t wanted)
{
	int64_t late;
	return __builtin_sub_overflow(there, wanted, &late) || late >= RECONCILE_LATE_NS ||
	       late < -RECONCILE_EARLY_NS;
}

/* The elements of one cut, against what is wanted of it (NULL: nothing). */
static void settle(
    struct steps *s, const struct wanted_cut *w, const struct backend_element *elements, size_t n)
{
	bool there = false;
	for (size_t i = 0; i < n; i++) {
		const struct backend_element *e = &elements[i];
		if (!w || e->fail_closed != w->fail_closed || there) {
			step(s, BACKEND_REMOVE, &e->cut, 0, e->fail_closed);
			continue;
		}
		there = true;
		if (differs(e->until, w->until))
			step(s, BACKEND_RENEW, &w->cut, w->until, w->fail_closed);
	}
	if (w && !there)
		step(s, BACKEND_ADD, &w->cut, w->until, w->fail_closed);
}

int reconcile(const struct wanted_cut *wanted, size_t n_wanted, const struct backend_element *elements,
    size_t n_elements, int64_t now, struct backend_step **ret_steps, size_t *ret_n)
{
	struct steps s = {.v = calloc(n_wanted + n_elements + 1, sizeof(*s.v))};
	size_t w = 0, e = 0;
	if (!s.v)
		return -ENOMEM;
	while (w < n_wanted || e < n_elements) {
		int order = w == n_wanted     ? 1
		            : e == n_elements ? -1
		                              : cut_compare(&wanted[w].cut, &elements[e].cut);
		const struct wanted_cut *want = order <= 0 ? &wanted[w++] : NULL;
		size_t from = e;
		while (
		    order >= 0 && e < n_elements && cut_compare(&elements[e].cut, &elements[from].cut) == 0)
			e++;
		/* where there are none, there is no first one to point at either */
		settle(
		    &s, want && want->until > now ? want : NULL, e > from ? &elements[from] : NULL, e - from);
	}
	*ret_steps = s.v;
	*ret_n = s.n;
	return 0;
}
