/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UNIT_LIVE_FAKE_KERNEL_H
#define UNIT_LIVE_FAKE_KERNEL_H

/* A backend whose kernel is an array: it holds what it was told, ends what is over, and can be told to fail,
 * to be slow and to lose things. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "enforce/backend.h"

struct fake_kernel {
	struct backend backend; /* first */
	struct backend_element *v;
	size_t n, cap;
	/* what the next calls return instead, so many times */
	int change_error, read_error, lease_error, repair_error;
	unsigned change_fails, read_fails, lease_fails, repair_fails;
	unsigned slow; /* so many steps a reading takes */
	bool flushed;  /* not intact until repaired */
	/* NULL, or why no cut can be carried out */
	const char *cannot;
	int64_t lease_until;
	size_t changes, leases, repairs, ends, ended_cuts, closes;
	unsigned step; /* of the reading that is under way */
};

static inline struct fake_kernel *fake_kernel_of(const struct backend *b)
{
	return (struct fake_kernel *)(void *)b;
}

static inline bool fake_fails(unsigned *times)
{
	if (*times == 0)
		return false;
	--*times;
	return true;
}

static inline struct backend_element *fake_kernel_find(struct fake_kernel *k, const struct cut *c)
{
	for (size_t i = 0; i < k->n; i++)
		if (cut_compare(&k->v[i].cut, c) == 0)
			return &k->v[i];
	return NULL;
}

static inline void fake_kernel_put(
    struct fake_kernel *k, const struct cut *c, int64_t until, bool fail_closed)
{
	struct backend_element *e = fake_kernel_find(k, c);
	if (!e) {
		if (VEC_RESERVE(k->v, &k->cap, k->n, SIZE_MAX / 2) < 0)
			abort();
		e = &k->v[k->n++];
	}
	*e = (struct backend_element){.cut = *c, .until = until, .fail_closed = fail_closed};
}

static inline void fake_kernel_take(struct fake_kernel *k, const struct cut *c)
{
	struct backend_element *e = fake_kernel_find(k, c);
	if (e)
		*e = k->v[--k->n];
}

/* Somebody flushes the table. */
static inline void fake_kernel_flush(struct fake_kernel *k)
{
	k->n = 0;
	k->flushed = true;
}

static inline const char *fake_cannot(const struct backend *b, const struct cut *c, bool fail_closed)
{
	(void)c;
	(void)fail_closed;
	return fake_kernel_of(b)->cannot;
}

static inline int fake_change(struct backend *b, const struct backend_step *steps, size_t n, size_t *ret_at)
{
	struct fake_kernel *k = fake_kernel_of(b);
	k->changes++;
	if (fake_fails(&k->change_fails)) {
		if (ret_at)
			*ret_at = n - 1;
		return k->change_error;
	}
	for (size_t i = 0; i < n; i++)
		if (steps[i].act == BACKEND_REMOVE)
			fake_kernel_take(k, &steps[i].cut);
		else
			fake_kernel_put(k, &steps[i].cut, steps[i].until, steps[i].fail_closed);
	return 0;
}

static inline int fake_lease(struct backend *b, int64_t until)
{
	struct fake_kernel *k = fake_kernel_of(b);
	if (fake_fails(&k->lease_fails))
		return k->lease_error;
	k->lease_until = until;
	k->leases++;
	return 0;
}

static inline int fake_end_connections(struct backend *b, const struct cut *cuts, size_t n, size_t *ret_ended)
{
	struct fake_kernel *k = fake_kernel_of(b);
	(void)cuts;
	k->ends++;
	k->ended_cuts += n;
	*ret_ended = n;
	return 0;
}

static inline int fake_read_begin(struct backend *b)
{
	struct fake_kernel *k = fake_kernel_of(b);
	k->step = 0;
	return fake_fails(&k->read_fails) ? k->read_error : 0;
}

static inline int fake_by_cut(const void *a, const void *b)
{
	const struct backend_element *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

static inline int fake_read_more(
    struct backend *b, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact)
{
	struct fake_kernel *k = fake_kernel_of(b);
	if (k->step++ < k->slow)
		return 1;
	struct backend_element *v = calloc(k->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (k->n)
		memcpy(v, k->v, k->n * sizeof(*v));
	qsort(v, k->n, sizeof(*v), fake_by_cut);
	*ret_elements = v;
	*ret_n = k->n;
	*ret_intact = !k->flushed;
	return 0;
}

static inline int fake_repair(struct backend *b)
{
	struct fake_kernel *k = fake_kernel_of(b);
	if (fake_fails(&k->repair_fails))
		return k->repair_error;
	k->repairs++;
	k->flushed = false;
	return 0;
}

static inline int fake_clear(struct backend *b)
{
	fake_kernel_of(b)->n = 0;
	return 0;
}

static inline void fake_close(struct backend *b)
{
	fake_kernel_of(b)->closes++;
}

static inline void fake_kernel_open(struct fake_kernel *k)
{
	static const struct backend_ops ops = {.name = "fake",
	    .cannot = fake_cannot,
	    .change = fake_change,
	    .lease = fake_lease,
	    .end_connections = fake_end_connections,
	    .read_begin = fake_read_begin,
	    .read_more = fake_read_more,
	    .repair = fake_repair,
	    .clear = fake_clear,
	    .close = fake_close};
	*k = (struct fake_kernel){.backend = {.ops = &ops}};
}

static inline void fake_kernel_free(struct fake_kernel *k)
{
	free(k->v);
}

#endif
