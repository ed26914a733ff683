/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "enforce/netfilter_backend.h"
#include "enforce/netfilter_elements.h"

/* What a step does to one set. A cut stands in one of two sets, so it can do something to both. */
struct act {
	uint32_t step;
	uint8_t set; /* of the model's shapes */
	bool put;
};

/* The steps of one change, on their way to messages. */
struct plan {
	struct netfilter *n;
	const struct backend_step *steps;
	size_t n_steps;
	uint32_t *order; /* steps sorted by cut; of each cut only the last one */
	size_t n_order;
	struct act *acts; /* grouped by set and kind */
	size_t n_acts;
	int64_t now;
};

static bool is_put(const struct plan *p, const struct backend_step *s)
{
	return s->act != BACKEND_REMOVE && s->until > p->now;
}

/* A step that is sorted; its place settles which of two is the later. */
struct sorted {
	const struct backend_step *step;
	uint32_t place;
};

static int compare_sorted(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = cut_compare(&x->step->cut, &y->step->cut);
	return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Of several steps about one cut the last holds: it is what would be there in the end. */
static int order_steps(struct plan *p)
{
	struct sorted *all = malloc((p->n_steps + 1) * sizeof(*all));
	bool in_order = true;
	p->order = malloc((p->n_steps + 1) * sizeof(*p->order));
	if (!all || !p->order) {
		free(all);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_steps; i++) {
		all[i] = (struct sorted){.step = &p->steps[i], .place = (uint32_t)i};
		in_order &= i == 0 || compare_sorted(&all[i - 1], &all[i]) < 0;
	}
	if (!in_order)
		qsort(all, p->n_steps, sizeof(*all), compare_sorted);
	for (size_t i = 0; i < p->n_steps; i++)
		if (i + 1 == p->n_steps || cut_compare(&all[i].step->cut, &all[i + 1].step->cut) != 0)
			p->order[p->n_order++] = all[i].place;
	free(all);
	return 0;
}

/* Sees to it that there is a shape for each step that puts something. */
static int add_shapes(struct plan *p, size_t *ret_at)
{
	struct netfilter_shape s;
	for (size_t i = 0; i < p->n_order; i++) {
		const struct backend_step *step = &p->steps[p->order[i]];
		*ret_at = p->order[i];
		if (netfilter_shape_of(&step->cut, step->fail_closed, &s))
			return -EOPNOTSUPP;
		if (!is_put(p, step))
			continue;
		if (netfilter_model_cannot(&p->n->m, &s))
			return -EOPNOTSUPP;
		int r = netfilter_model_add(&p->n->m, &s);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Counts (where acts is NULL) or writes what the steps do, grouped: two passes of a counting sort. */
static void group_acts(struct plan *p, size_t places[2 * NETFILTER_SHAPES_MAX], bool write)
{
	struct netfilter_shape s;
	for (size_t i = 0; i < p->n_order; i++) {
		const struct backend_step *step = &p->steps[p->order[i]];
		for (unsigned closed = 0; closed < 2; closed++) {
			bool put = is_put(p, step) && step->fail_closed == (closed == 1);
			size_t set;
			if (netfilter_shape_of(&step->cut, closed == 1, &s))
				continue;
			set = netfilter_model_find(&p->n->m, &s);
			if (set == SIZE_MAX)
				continue;
			size_t place = places[2 * set + put]++;
			if (write)
				p->acts[place] = (struct act){p->order[i], (uint8_t)set, put};
		}
	}
}

static int plan_acts(struct plan *p)
{
	size_t places[2 * NETFILTER_SHAPES_MAX] = {0};
	group_acts(p, places, false);
	for (size_t i = 0; i < 2 * NETFILTER_SHAPES_MAX; i++) {
		size_t n = places[i];
		places[i] = p->n_acts;
		p->n_acts += n;
	}
	p->acts = malloc((p->n_acts + 1) * sizeof(*p->acts));
	if (!p->acts)
		return -ENOMEM;
	group_acts(p, places, true);
	return 0;
}

/* Writes the acts [from, to) on one set in one family's table as a list of one kind. */
static void put_list(
    struct plan *p, const struct netfilter_family *f, uint16_t type, size_t from, size_t to, bool timeouts)
{
	const struct netfilter_shape *s = &p->n->m.shapes[p->acts[from].set];
	char name[NETFILTER_NAME_SIZE];
	uint8_t key[NETFILTER_KEY_SIZE];
	struct netfilter_elements l;
	netfilter_elements_begin(&l, &p->n->m, f, &p->n->batch, type, netfilter_shape_name(s, name), from);
	for (size_t i = from; i < to; i++) {
		const struct backend_step *step = &p->steps[p->acts[i].step];
		size_t size = netfilter_shape_key(s, &step->cut, key);
		uint64_t timeout = timeouts ? netfilter_timeout(step->until, p->now) : 0;
		netfilter_elements_add(&l, key, size, timeout, p->n->renews, i);
	}
	netfilter_elements_end(&l);
}

/*
 * Whether an element is there isn't known: the kernel may have ended it a moment ago. Later kernels take away
 * what isn't there without an error, and give what is there another timeout. For those before it is put
 * first, which is no error where it is, and then taken away, all in the same transaction.
 */
static void put_removal(struct plan *p, const struct netfilter_family *f, size_t from, size_t to)
{
	if (p->n->destroys) {
		put_list(p, f, NETFILTER_MSG_DESTROYSETELEM, from, to, false);
		return;
	}
	put_list(p, f, NFT_MSG_NEWSETELEM, from, to, false);
	put_list(p, f, NFT_MSG_DELSETELEM, from, to, false);
}

static void put_acts(struct plan *p)
{
	for (size_t from = 0, to; from < p->n_acts; from = to) {
		const struct act *a = &p->acts[from];
		for (to = from + 1; to < p->n_acts && p->acts[to].set == a->set && p->acts[to].put == a->put;)
			to++;
		for (size_t i = 0; i < p->n->m.n_families; i++) {
			const struct netfilter_family *f = p->n->m.families[i];
			if (!netfilter_model_holds(&p->n->m, f, &p->n->m.shapes[a->set]))
				continue;
			if (!a->put || !p->n->renews)
				put_removal(p, f, from, to);
			if (a->put)
				put_list(p, f, NFT_MSG_NEWSETELEM, from, to, true);
		}
	}
}

/* Puts the sets of shapes that `before` lacks and takes those away that were read as empty and stay so. */
static void put_shapes(struct netfilter *n, const struct netfilter_model *before)
{
	for (size_t i = 0; i < n->m.n_shapes; i++) {
		const struct netfilter_shape *s = &n->m.shapes[i];
		if (netfilter_model_find(before, s) != SIZE_MAX)
			continue;
		for (size_t t = 0; t < n->m.n_families; t++)
			if (netfilter_model_holds(&n->m, n->m.families[t], s))
				netfilter_put_shape_set(
				    &n->m, n->m.families[t], s, &n->batch, NETFILTER_NO_MARK);
	}
}

/* Shapes that change: their rules first, for a set that rules look up can't go. */
static void put_dropped(struct netfilter *n, const struct netfilter_model *before)
{
	char name[NETFILTER_NAME_SIZE];
	for (size_t i = 0; i < before->n_shapes; i++) {
		const struct netfilter_shape *s = &before->shapes[i];
		if (netfilter_model_find(&n->m, s) != SIZE_MAX)
			continue;
		for (size_t t = 0; t < n->m.n_families; t++) {
			if (!netfilter_model_holds(&n->m, n->m.families[t], s))
				continue;
			struct nlmsghdr *h = netfilter_message(
			    &n->m, n->m.families[t], &n->batch, NFT_MSG_DELSET, 0, NETFILTER_NO_MARK);
			mnl_attr_put_strz(h, NFTA_SET_NAME, netfilter_shape_name(s, name));
		}
	}
}

static bool same_shapes(const struct netfilter_model *a, const struct netfilter_model *b)
{
	return a->n_shapes == b->n_shapes &&
	       memcmp(a->shapes, b->shapes, a->n_shapes * sizeof(a->shapes[0])) == 0;
}

/* Leaves shapes out that were read as empty, before new ones are counted. */
static void leave_empty(struct netfilter *n)
{
	for (size_t i = 0; i < n->n_empty; i++)
		netfilter_model_remove(&n->m, &n->empty[i]);
}

/* Writes and carries the transaction out; *ret_act is the act that an error is about. */
static int carry_out(struct plan *p, const struct netfilter_model *before, size_t *ret_act)
{
	struct netfilter *n = p->n;
	int r = netfilter_begin(n);
	if (r < 0)
		return r;
	put_shapes(n, before);
	put_acts(p);
	if (!same_shapes(&n->m, before)) {
		netfilter_put_all_rules(n);
		put_dropped(n, before);
	}
	return netfilter_commit(n, ret_act);
}

static int try_change(struct plan *p, size_t *ret_at)
{
	struct netfilter *n = p->n;
	const struct netfilter_model before = n->m;
	size_t act = NETFILTER_NO_MARK, at = p->n_steps;
	p->now = netfilter_now();
	p->n_order = p->n_acts = 0;
	leave_empty(n);
	int r = order_steps(p);
	if (r == 0) {
		r = add_shapes(p, &at);
		if (r == 0) {
			at = p->n_steps;
			r = plan_acts(p);
		}
	}
	if (r == 0)
		r = carry_out(p, &before, &act);
	if (r == 0) {
		n->n_empty = 0;
		n->changes++;
	} else {
		n->m = before;
		*ret_at = act < p->n_acts ? p->acts[act].step : at;
	}
	free(p->order);
	free(p->acts);
	p->order = NULL;
	p->acts = NULL;
	return r;
}

int netfilter_change(struct netfilter *n, const struct backend_step *steps, size_t n_steps, size_t *ret_at)
{
	struct plan p = {.n = n, .steps = steps, .n_steps = n_steps};
	size_t at = n_steps;
	if (n_steps > NETFILTER_STEPS_MAX) {
		if (ret_at)
			*ret_at = NETFILTER_STEPS_MAX;
		return -E2BIG;
	}
	int r = try_change(&p, &at);
	/* somebody took a table or set of ours away, and we didn't hear of it yet */
	if (r == -ENOENT && netfilter_build(n, true) == 0)
		r = try_change(&p, &at);
	if (r < 0 && ret_at)
		*ret_at = at;
	return r;
}

int netfilter_sweep(struct netfilter *n)
{
	size_t at;
	struct plan p = {.n = n};
	return n->n_empty ? try_change(&p, &at) : 0;
}
