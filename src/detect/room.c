/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Room for evidence. Whoever can make one kind of finding without end (attempts from ever new addresses, say)
 * must not keep others from being told: so half of the room is kept for names, a share for each, and what
 * fills the other half can't take it. There the least worthy gives way to what is worth more.
 */

#include "base/timefmt.h"
#include "detect/behaviour.h"

enum { LOOKS = 8, DAYS_MAX = 32 };

static size_t share_of_name(const struct detector *d)
{
	return d->evidence->max / 2 / EVIDENCE_NAMES_MAX;
}

/* How many there are of a name; NULL: of none of those that have a share. */
static uint32_t *count_of(const struct detector *d, uint64_t name)
{
	return table_get(d->names, &name);
}

/* Whether it stands in the half that is anybody's. */
static bool is_beyond_share(const struct detector *d, uint64_t name)
{
	const uint32_t *n = count_of(d, name);
	return !n || *n > share_of_name(d);
}

/* What an entry is worth by now: half as much with each day in which nothing came to it. */
static uint32_t worth(const struct evidence *e, int64_t now)
{
	int64_t days = (now - e->use.last) / DETECT_DAY_NS;
	return days <= 0 ? e->use.weight : days < DAYS_MAX ? e->use.weight >> days : 0;
}

void evidence_came(struct detector *d, uint64_t name)
{
	uint32_t *n = table_put(d->names, &name, NULL);
	if (n)
		++*n;
	d->beyond_share += is_beyond_share(d, name);
}

void evidence_remove(struct detector *d, const struct evidence_key *k)
{
	const struct evidence_key old = *k;
	d->beyond_share -= is_beyond_share(d, old.name);
	uint32_t *n = count_of(d, old.name);
	if (n)
		--*n;
	table_remove(d->evidence->t, &old);
}

bool evidence_room(struct detector *d, uint64_t name, uint32_t weight, int64_t now)
{
	struct detect_table *t = d->evidence;
	const struct evidence *worst = NULL;
	const struct evidence_key *worst_key = NULL;
	const uint32_t *n = count_of(d, name);
	bool has_share = n ? *n < share_of_name(d)
	                   : table_count(d->names) < EVIDENCE_NAMES_MAX && share_of_name(d);
	if (has_share || d->beyond_share < t->max - share_of_name(d) * EVIDENCE_NAMES_MAX)
		return true;
	for (unsigned looks = 0; looks < LOOKS; looks++) {
		const void *key;
		const struct evidence *e = table_next(t->t, &t->hand, &key);
		if (!e) {
			t->hand = 0;
			continue;
		}
		const struct evidence_key *k = key;
		if (is_beyond_share(d, k->name) && (!worst || worth(e, now) < worth(worst, now))) {
			worst = e;
			worst_key = k;
		}
	}
	if (!worst || worth(worst, now) >= weight) {
		d->stats.untold++;
		return false;
	}
	d->stats.forgotten++;
	evidence_remove(d, worst_key);
	return true;
}
