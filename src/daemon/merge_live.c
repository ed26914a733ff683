/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Telling of flows while they go on. */

#include "daemon/merge_parts.h"

/*
 * Whether this flow tells. Who saw it first does, until its record is let go: others may lag behind it. A new
 * connection between the same ports is told of by the same vantage.
 */
static bool tells(struct merge *m, const struct msg_flow *f)
{
	struct merge_tuple key = merge_tuple_of(f);
	int fresh;
	struct teller *t = table_put(m->tellers, &key, &fresh);
	if (!t) {
		m->stats.snapshots_untold++;
		return false;
	}
	bool over = t->ended && f->first > t->last + MERGE_SKEW_NS;
	if (fresh || over || (t->vantage == f->vantage && t->id != f->id))
		*t = (struct teller){.id = f->id, .vantage = f->vantage};
	if (t->id == f->id)
		return true;
	m->stats.snapshots_held++;
	return false;
}

bool merge_teller_ends(struct merge *m, const struct msg_flow *f)
{
	struct merge_tuple key = merge_tuple_of(f);
	struct teller *t = table_get(m->tellers, &key);
	if (!t || t->id != f->id)
		return false;
	t->ended = true;
	t->last = f->last;
	return true;
}

void merge_teller_forget(struct merge *m, const struct held *h)
{
	if (!h->told)
		return;
	struct merge_tuple key = merge_tuple_of(&h->flow);
	const struct teller *t = table_get(m->tellers, &key);
	if (t && t->ended && t->vantage == h->flow.vantage)
		table_remove(m->tellers, &key);
}

/* What was read since the last record, given with this one. */
static int give_fresh(struct merge *m, struct msg_flow *f)
{
	struct log *log = table_get(m->logs, &f->id);
	bool is_fresh = m->fresh.n && m->fresh_flow == f->id;
	if (!is_fresh && !log)
		return m->config.flow(m->config.context, f);
	if (is_fresh && log && log->bytes.n) {
		int r = merge_fresh_keep(m);
		if (r < 0)
			return r;
		is_fresh = false;
	}
	if (!log)
		log = table_put(m->logs, &f->id, NULL); /* without room the name is told only once */
	if (log)
		f->name = dynbuf_view(&log->name);
	int r = merge_give(m, dynbuf_view(is_fresh ? &m->fresh : &log->bytes), f);
	if (r == 0)
		r = merge_keep_name(m, log, f->name);
	arena_reset(&m->arena);
	if (is_fresh)
		dynbuf_reset(&m->fresh);
	if (!log)
		return r;
	log->gave |= is_fresh || log->bytes.n;
	m->memory -= log->bytes.cap;
	dynbuf_free(&log->bytes);
	return r;
}

int merge_snapshot(struct merge *m, const struct msg_flow *f, size_t vantages)
{
	if (vantages > 1 && !tells(m, f)) {
		return m->fresh.n && m->fresh_flow == f->id ? merge_fresh_keep(m) : 0;
	}
	struct msg_flow told = *f;
	m->stats.snapshots++;
	return give_fresh(m, &told);
}
