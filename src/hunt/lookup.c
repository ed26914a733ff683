/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/lookup.h"

#include <errno.h>
#include <stdlib.h>

enum { FIND_MAX = 2048, DUPLICATES_DEEP = 4, THREADS_MAX = 64 };

void hunt_lookup_free(struct hunt_lookup *l)
{
	table_free(l->table);
	arena_free(&l->names);
	l->table = NULL;
}

const struct hunt_flow *hunt_lookup_get(const struct hunt_lookup *l, uint64_t id)
{
	return table_get(l->table, &id);
}

/* Keeps the latest record of the id. */
static int flow_keep(struct hunt_lookup *l, uint64_t id, const struct hunt_flow *f)
{
	int fresh;
	struct hunt_flow *there = table_put(l->table, &id, &fresh);
	if (!there)
		return -ENOMEM;
	if (!fresh && !hunt_flow_is_later(there, f))
		return 0;
	struct text name = f->name.n ? arena_text(&l->names, f->name) : text_of(NULL);
	if (f->name.n && !name.p)
		return -ENOMEM;
	*there = *f;
	there->name = name;
	return 0;
}

/* The record that counts for the id. */
static int find_one(struct hunt_lookup *l, struct archive *archive, uint64_t id)
{
	struct arena arena = {0};
	struct msg_flow f;
	int error = archive_find_flow(archive, id, &arena, &f);
	for (int deep = 0; error == 0 && f.duplicate_of && deep < DUPLICATES_DEEP; deep++)
		if (archive_find_flow(archive, f.duplicate_of, &arena, &f) < 0)
			break;
	if (error == 0) {
		struct hunt_flow flow = hunt_flow_of(&f);
		error = flow_keep(l, id, &flow);
	} else if (error != -ENOMEM) {
		error = 0; /* not there any more, or unreadable, which the hunt tells as a gap */
	}
	arena_free(&arena);
	return error;
}

/* A thread's share of running through all flows. */
struct picker {
	const struct table *wanted;
	struct hunt_lookup found;
};

static bool pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct picker *p = context;
	(void)common;
	return table_get(p->wanted, &f->id) != NULL;
}

static int keep_picked(void *context, const struct msg_flow *f)
{
	struct picker *p = context;
	if (!pick(p, f, 0))
		return 0;
	struct hunt_flow flow = hunt_flow_of(f);
	return flow_keep(&p->found, f->id, &flow);
}

static int lookup_new(struct hunt_lookup *l, size_t n, uint64_t seed)
{
	*l = (struct hunt_lookup){.table = NULL};
	return table_new(&l->table, sizeof(uint64_t), sizeof(struct hunt_flow), n + 1, seed);
}

static int pick_all(struct hunt_lookup *l, const struct hunt_scene *scene, const struct table *wanted)
{
	unsigned threads = scene->in->threads ? scene->in->threads : 1;
	struct picker pickers[THREADS_MAX] = {{.wanted = NULL}};
	void *contexts[THREADS_MAX];
	const struct archive_hints hints = {.pick = pick, .pick_columns = UINT64_C(1) << MSG_FLOW_FIELD_ID};
	const struct archive_filter filter = {
	    .duplicates = true, .columns = hunt_flow_columns(true), .hints = &hints};
	struct archive_hunt_stat stat;
	int error = 0;
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	for (unsigned i = 0; i < threads && error == 0; i++) {
		pickers[i].wanted = wanted;
		contexts[i] = &pickers[i];
		error = lookup_new(&pickers[i].found, table_count(wanted), scene->in->seed);
	}
	if (error == 0)
		error = archive_hunt_flows(
		    scene->in->archive, &filter, threads, keep_picked, contexts, &stat);
	for (unsigned i = 0; i < threads && error == 0; i++) {
		const void *id;
		size_t pos = 0;
		for (const struct hunt_flow *f;
		     error == 0 && (f = table_next(pickers[i].found.table, &pos, &id));)
			error = flow_keep(l, f->id, f);
	}
	for (unsigned i = 0; i < threads; i++)
		hunt_lookup_free(&pickers[i].found);
	return error;
}

static int lookup_many(struct hunt_lookup *l, const struct hunt_scene *scene, const uint64_t *ids, size_t n)
{
	struct table *wanted;
	size_t pos = 0;
	int error = table_new(&wanted, sizeof(uint64_t), 1, n, scene->in->seed);
	if (error < 0)
		return error;
	for (size_t i = 0; i < n && error == 0; i++)
		error = table_put(wanted, &ids[i], NULL) ? 0 : -ENOMEM;
	if (error == 0)
		error = pick_all(l, scene, wanted);
	table_free(wanted);
	/* duplicates lead on to the record that counts */
	for (struct hunt_flow *f; error == 0 && (f = table_next(l->table, &pos, NULL));) {
		struct arena arena = {0};
		struct msg_flow counts;
		uint64_t to = f->duplicate_of;
		if (to && archive_find_flow(scene->in->archive, to, &arena, &counts) == 0) {
			struct text name = f->name; /* the same flow's */
			*f = hunt_flow_of(&counts);
			f->name = name;
		}
		arena_free(&arena);
	}
	return error;
}

int hunt_lookup_make(struct hunt_lookup *l, const struct hunt_scene *scene, const uint64_t *ids, size_t n)
{
	int error = lookup_new(l, n, scene->in->seed);
	if (error == 0 && n > FIND_MAX)
		return lookup_many(l, scene, ids, n);
	for (size_t i = 0; i < n && error == 0; i++)
		error = find_one(l, scene->in->archive, ids[i]);
	return error;
}
