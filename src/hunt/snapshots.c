/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/snapshots.h"

#include <stdlib.h>

#include "base/vec.h"

enum { ENDED_MAX = 1 << 22, NAMES_MEMORY = 64 << 20 };

int hunt_snapshots_new(struct hunt_snapshots *s, size_t max, uint64_t seed)
{
	*s = (struct hunt_snapshots){.names = {.max = NAMES_MEMORY}};
	return table_new(&s->last, sizeof(uint64_t), sizeof(struct hunt_flow), max, seed);
}

void hunt_snapshots_free(struct hunt_snapshots *s)
{
	table_free(s->last);
	arena_free(&s->names);
	free(s->ended);
	*s = (struct hunt_snapshots){.last = NULL};
}

static bool snapshot_keep(struct hunt_snapshots *s, const struct hunt_flow *f)
{
	int fresh;
	struct hunt_flow *last = table_put(s->last, &f->id, &fresh);
	if (!last)
		return false;
	if (!fresh && !hunt_flow_is_later(last, f))
		return true;
	struct text name = last->name;
	if (f->name.n && !text_equal(name, f->name))
		name = arena_text(&s->names, f->name);
	*last = *f;
	last->name = name;
	return true;
}

bool hunt_snapshots_take(struct hunt_snapshots *s, const struct hunt_flow *f)
{
	if (f->end == 0) {
		bool kept = snapshot_keep(s, f);
		s->left_out += !kept;
		return kept;
	}
	if (!s->forgot && VEC_RESERVE(s->ended, &s->cap_ended, s->n_ended, ENDED_MAX) == 0)
		s->ended[s->n_ended++] = f->id;
	else
		s->forgot = true;
	return false;
}

/* Whether the archive's last record of the flow is a finished one, which was counted by itself. */
static bool ended_elsewhere(const struct hunt_scene *scene, uint64_t id)
{
	struct arena arena = {0};
	struct msg_flow f;
	int error = archive_find_flow(scene->in->archive, id, &arena, &f);
	arena_free(&arena);
	return error == 0 && f.end != 0;
}

static void merge(struct hunt_snapshots *to, const struct hunt_snapshots *from,
    const struct hunt_scene *scene, struct hunt_groups *groups)
{
	size_t pos = 0;
	for (const struct hunt_flow *f; (f = table_next(from->last, &pos, NULL));) {
		if (snapshot_keep(to, f))
			continue;
		to->left_out++;
		hunt_sight_flow(scene, f, groups);
	}
	to->left_out += from->left_out;
}

void hunt_snapshots_settle(
    struct hunt_snapshots *v, size_t n, const struct hunt_scene *scene, struct hunt_groups *groups)
{
	bool forgot = false;
	size_t pos = 0;
	for (size_t i = 1; i < n; i++)
		merge(v, &v[i], scene, groups);
	for (size_t i = 0; i < n; i++) {
		forgot |= v[i].forgot;
		for (size_t k = 0; k < v[i].n_ended && table_count(v->last); k++)
			(void)table_remove(v->last, &v[i].ended[k]);
	}
	for (const struct hunt_flow *f; (f = table_next(v->last, &pos, NULL));)
		if (!forgot || !ended_elsewhere(scene, f->id))
			hunt_sight_flow(scene, f, groups);
}
