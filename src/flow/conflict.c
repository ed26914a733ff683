/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/entry.h"

/* Bytes that came twice and differ: evidence that somebody wants to be read in two ways. */

void stream_conflict(
    struct flow_table *t, struct flow_entry *e, uint64_t seq, size_t n, struct flow_conflict c)
{
	size_t at = 0;
	e->f.flags |= FLOW_OVERLAP_CONFLICT;
	e->watched = true;
	t->stats.conflicts++;
	t->stats.conflicts_untold += e->conflicts == FLOW_CONFLICTS_MAX;
	if (!t->config.conflict || e->conflicts == FLOW_CONFLICTS_MAX)
		return;
	e->conflicts++;
	while (at + 1 < n && c.kept[at] == c.other[at])
		at++;
	c.kept += at;
	c.other += at;
	c.n = n - at < FLOW_CONFLICT_BYTES ? n - at : FLOW_CONFLICT_BYTES;
	c.offset = seq + at > e->tcp[c.dir].first ? seq + at - e->tcp[c.dir].first : 0;
	t->config.conflict(t->config.context, &e->f, &c);
}

void stream_compare(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct stream_piece *s)
{
	uint64_t next = e->tcp[dir].handed, end = s->seq + s->captured;
	size_t n = end < next ? s->captured : (size_t)(next - s->seq);
	struct recent_found found = recent_compare(
	    t->recent, e->f.id, e->tcp[dir].recent, (struct recent_bytes){s->seq, s->p, n});
	t->stats.unchecked += n - found.compared;
	if (found.differs)
		stream_conflict(t, e, found.first.seq, found.first.n,
		    (struct flow_conflict){.dir = dir,
		        .kept = found.first.p,
		        .other = s->p + (found.first.seq - s->seq),
		        .late = true,
		        .doubts = s->doubts,
		        .policy = NET_OVERLAP_FIRST});
}
