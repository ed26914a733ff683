/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/table.h"
#include "bench/draw.h"
#include "bench/history_out.h"

enum { ADDRS_MAX = 1 << 25, SELDOM = 3, HEAD = 1000 };

enum kind { FEED, HEAD_OF, EVERY, KINDS };

static const char *const kind_names[KINDS] = {"feed", "head", "every"};

struct history_lists {
	const struct world *world;
	struct table *addrs; /* uint32_t to uint32_t: how often */
	uint32_t *names;     /* by rank: how often */
	uint64_t n_names;
};

/* What was seen of one sort, for drawing. */
struct seen {
	uint32_t (*items)[2]; /* what, how often; the most frequent first */
	size_t n, n_seldom;   /* the last ones */
};

int history_lists_new(struct history_lists **ret_lists, const struct world *w)
{
	struct history_lists *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->world = w;
	l->names = calloc(w->n_names, sizeof(*l->names));
	int r = l->names ? table_new(&l->addrs, 4, 4, ADDRS_MAX, w->seed) : -ENOMEM;
	if (r < 0) {
		history_lists_free(l);
		return r;
	}
	*ret_lists = l;
	return 0;
}

void history_lists_free(struct history_lists *l)
{
	if (!l)
		return;
	table_free(l->addrs);
	free(l->names);
	free(l);
}

void history_lists_count(const struct history_lists *l, uint64_t *ret_addrs, uint64_t *ret_names)
{
	*ret_addrs = table_count(l->addrs);
	*ret_names = l->n_names;
}

static int count_addr(struct history_lists *l, struct net_addr a)
{
	uint32_t addr = load_be32(a.b + 12);
	if (!world_is_public(addr))
		return 0;
	uint32_t *n = table_put(l->addrs, &addr, NULL);
	if (!n)
		return -ENOMEM;
	++*n;
	return 0;
}

int history_lists_flow(struct history_lists *l, const struct msg_flow *f)
{
	if (f->duplicate_of)
		return 0;
	uint32_t rank = world_rank(l->world, f->name);
	if (rank != UINT32_MAX && l->names[rank]++ == 0)
		l->n_names++;
	int r = count_addr(l, f->initiator);
	return r < 0 ? r : count_addr(l, f->responder);
}

static int more_first(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return x[1] != y[1] ? (x[1] < y[1]) - (x[1] > y[1]) : (x[0] > y[0]) - (x[0] < y[0]);
}

static int collect(struct seen *s, const struct history_lists *l, bool names)
{
	const void *key;
	const uint32_t *count;
	size_t n = names ? l->n_names : table_count(l->addrs), at = 0;
	*s = (struct seen){.items = calloc(n + 1, sizeof(*s->items))};
	if (!s->items)
		return -ENOMEM;
	if (names) {
		for (uint32_t rank = 0; rank < l->world->n_names; rank++)
			if (l->names[rank]) {
				s->items[s->n][0] = rank;
				s->items[s->n++][1] = l->names[rank];
			}
	} else {
		while ((count = table_next(l->addrs, &at, &key))) {
			s->items[s->n][0] = *(const uint32_t *)key;
			s->items[s->n++][1] = *count;
		}
	}
	qsort(s->items, s->n, sizeof(*s->items), more_first);
	while (s->n_seldom < s->n && s->items[s->n - 1 - s->n_seldom][1] <= SELDOM)
		s->n_seldom++;
	return 0;
}

static void write_one(FILE *out, const struct world *w, bool name, uint64_t what)
{
	char buf[WORLD_NAME_SIZE];
	struct text t;
	if (name) {
		t = world_write_name(w, what, buf);
		fprintf(out, "%.*s\n", (int)t.n, t.p);
	} else {
		fprintf(out, "%u.%u.%u.%u\n", (unsigned)(what >> 24), (unsigned)(what >> 16 & 255),
		    (unsigned)(what >> 8 & 255), (unsigned)(what & 255));
	}
}

static uint64_t draw_unseen(const struct history_lists *l, bool names, uint64_t *state)
{
	if (names)
		return l->world->n_names + draw_next(state) % (UINT64_C(1) << 30);
	for (;;) {
		uint32_t addr = world_outside(l->world, draw_next(state));
		if (!table_get(l->addrs, &addr))
			return addr;
	}
}

/* The place in `seen` of the i-th indicator; seen->n: one that never occurred. */
static size_t draw_place(const struct seen *s, enum kind kind, size_t i, uint64_t *state)
{
	uint64_t r = draw_next(state);
	size_t head = s->n < HEAD ? s->n : HEAD;
	switch (kind) {
	case FEED: return i % 50 == 0 && s->n_seldom ? s->n - 1 - r % s->n_seldom : s->n;
	case HEAD_OF:
		if (i % 100 == 0 && head)
			return r % head;
		return i % 10 == 5 && s->n ? r % s->n : s->n;
	case EVERY: return s->n ? r % s->n : s->n;
	case KINDS: break;
	}
	return s->n;
}

/* Doubles may occur where few were seen: who reads a list drops them. */
static int write_list(const struct history_lists *l, const struct seen *s, const char *folder, bool names,
    enum kind kind, size_t n)
{
	char path[4096];
	uint64_t state = draw_hash(l->world->seed ^ 31, n * KINDS + kind);
	snprintf(
	    path, sizeof(path), "%s/%s-%s-%zu.txt", folder, names ? "domains" : "addrs", kind_names[kind], n);
	FILE *out = fopen(path, "we");
	if (!out)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		size_t place = draw_place(s, kind, i, &state);
		write_one(
		    out, l->world, names, place < s->n ? s->items[place][0] : draw_unseen(l, names, &state));
	}
	return fclose(out) == 0 ? 0 : -errno;
}

int history_lists_write(struct history_lists *l, const char *folder)
{
	static const size_t sizes[] = {10, 1000, 100000};
	int r = 0;
	for (int names = 0; r == 0 && names < 2; names++) {
		struct seen s;
		r = collect(&s, l, names);
		for (size_t i = 0; i < 3 * KINDS && r == 0; i++)
			r = write_list(l, &s, folder, names, (enum kind)(i % KINDS), sizes[i / KINDS]);
		free(s.items);
	}
	return r;
}
