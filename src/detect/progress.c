/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/progress.h"

#include <errno.h>
#include <stdlib.h>

#include "base/timefmt.h"

enum { PARTIAL_PER_MILLE = 40, WAITING_PER_MILLE = 80, WAITING_LEAST = 64 };

/* A flow that goes on. */
struct partial {
	struct detect_use use;
	uint64_t out, in; /* payload that was counted */
	uint32_t told;
	uint32_t place; /* among those that wait, 0: it doesn't; else one more */
};

/* A flow that has not settled, with its last record; without its name, which is borrowed. */
struct waiting {
	int64_t until;
	struct msg_flow f; /* id 0: it waits no more */
};

struct progress {
	struct detect_table *partial; /* flow id -> struct partial */
	struct waiting *waiting;      /* a ring, in the order in which they came */
	size_t max, head, n;
	uint32_t whole; /* what was told of a flow that nothing is kept of */
};

int progress_new(struct progress **ret_progress, struct detector *d)
{
	struct progress *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->max = d->config.memory_max / 1000 * WAITING_PER_MILLE / sizeof(*p->waiting);
	if (p->max < WAITING_LEAST)
		p->max = WAITING_LEAST;
	int error = detect_table_new(
	    d, &p->partial, sizeof(uint64_t), sizeof(struct partial), PARTIAL_PER_MILLE);
	if (error < 0) {
		free(p);
		return error;
	}
	*ret_progress = p;
	return 0;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	free(p->waiting);
	free(p);
}

static struct partial *partial_of(const struct progress *p, uint64_t flow)
{
	return table_count(p->partial->t) ? detect_table_get(p->partial, &flow) : NULL;
}

uint32_t *progress_told(const struct detector *d, uint64_t flow)
{
	struct partial *p = partial_of(d->progress, flow);
	return p ? &p->told : NULL;
}

/* Where the flow waits; NULL: nowhere, or the place was given to another. */
static struct waiting *waiting_of(const struct progress *p, const struct partial *known, uint64_t flow)
{
	struct waiting *w = known && known->place ? &p->waiting[known->place - 1] : NULL;
	return w && w->f.id == flow ? w : NULL;
}

void progress_observe(struct detector *d, struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct partial *known = partial_of(d->progress, f->id);
	d->progress->whole = 0;
	o->told = known ? &known->told : &d->progress->whole;
	o->fresh = known == NULL;
	o->over = f->end != 0;
	o->settled = o->over || (*o->told & TOLD_SETTLED) != 0;
	o->ripe = o->over || (detect_answered(f) && (f->app != 0 || o->settled));
	uint64_t out = known ? known->out : 0, in = known ? known->in : 0;
	o->out = o->ripe && f->payload_out > out ? f->payload_out - out : 0;
	o->in = o->ripe && f->payload_in > in ? f->payload_in - in : 0;
}

/* The ring and its memory are there only where somebody watches live. */
static struct waiting *waiting_add(struct progress *p, uint32_t *ret_place)
{
	if (!p->waiting)
		p->waiting = calloc(p->max, sizeof(*p->waiting));
	if (!p->waiting)
		return NULL;
	if (p->n == p->max) {
		p->head = (p->head + 1) % p->max;
		p->n--;
	}
	size_t at = (p->head + p->n++) % p->max;
	*ret_place = (uint32_t)at + 1;
	return &p->waiting[at];
}

static void wait_on(struct progress *p, struct partial *known, const struct observation *o)
{
	struct waiting *w = waiting_of(p, known, o->f->id);
	if (o->ripe || o->settled) {
		if (w)
			w->f.id = 0;
		known->place = 0;
		return;
	}
	if (!w && o->fresh) {
		w = waiting_add(p, &known->place);
		if (w)
			w->until = o->f->last + SETTLE_NS;
	}
	if (!w)
		return;
	w->f = *o->f;
	w->f.name = text_of(NULL);
	w->f.also = (struct msg_u64s){NULL, 0};
}

void progress_keep(struct detector *d, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct progress *p = d->progress;
	uint32_t told = *o->told;
	if (o->over) {
		struct partial *known = o->fresh ? NULL : partial_of(p, f->id);
		struct waiting *w = waiting_of(p, known, f->id);
		if (w)
			w->f.id = 0;
		if (known)
			table_remove(p->partial->t, &f->id);
		return;
	}
	struct partial *known = detect_table_put(d, p->partial, &f->id, f->last, NULL);
	if (!known)
		return;
	known->told = told;
	known->use.weight = detect_answered(f);
	known->out += o->out;
	known->in += o->in;
	wait_on(p, known, o);
}

void progress_forget_waiting(struct detector *d)
{
	struct progress *p = d->progress;
	for (; p->n > 0; p->n--) {
		p->waiting[p->head].f.id = 0;
		p->head = (p->head + 1) % p->max;
	}
}

static void settle_one(struct detector *d, struct waiting *w)
{
	struct msg_flow f = w->f;
	struct partial *known = partial_of(d->progress, f.id);
	w->f.id = 0;
	if (!known)
		return;
	known->place = 0;
	known->told |= TOLD_SETTLED;
	struct observation o = {.f = &f,
	    .settled = true,
	    .ripe = detect_answered(&f),
	    .told = &known->told,
	    .initiator = history_host(d, f.initiator),
	    .responder = history_host(d, f.responder)};
	observe_ends(d, &o);
	for (size_t i = 0; behaviours[i]; i++)
		if (behaviours[i]->settle)
			behaviours[i]->settle(d, d->state[i], &o);
}

void progress_settle(struct detector *d)
{
	struct progress *p = d->progress;
	while (p->n > 0) {
		struct waiting *w = &p->waiting[p->head];
		if (w->f.id && w->until > d->last)
			return;
		p->head = (p->head + 1) % p->max;
		p->n--;
		if (w->f.id)
			settle_one(d, w);
	}
}
