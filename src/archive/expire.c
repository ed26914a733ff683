/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Retention: whole segment files go, oldest or not. Their runs' roots stay in the ledger, and an entry that
 * says that they were dropped is durable before the first of them is: so nobody takes them for lost.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "archive/file.h"
#include "archive/store.h"
#include "base/err.h"
#include "ledger/ledger.h"

/* Records without a time go with those that they stand among; by themselves they never end. */
static bool is_over(const struct archive_segment_entry *e, int64_t before)
{
	const struct archive_span *s = &e->segment.trailer.span;
	return e->error == 0 && e->entered && s->records > s->untimed && s->last < before;
}

static int drop(struct archive *a, struct archive_kind *k, size_t at, int64_t now, uint64_t *records)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment_entry *e = &k->segments[at];
	struct ledger_entry entry = {.type = LEDGER_EXPIRE,
	    .kind = text_of(k->layout->name),
	    .first = e->first,
	    .last = e->last,
	    .time = now};
	/* a crash may have come between the entry and the removal */
	int r = archive_evidence_expired(a, k, e->first, e->last) ? 0 : ledger_append(a->ledger, &entry);
	if (r == 0 && unlinkat(a->folder, archive_entry_name(k, e, name), 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0)
		return r;
	*records += e->segment.trailer.span.records;
	memmove(e, e + 1, (k->n_segments - at - 1) * sizeof(*e));
	k->n_segments--;
	return 0;
}

int archive_expire(struct archive *a, int64_t before, uint64_t kinds, int64_t now, uint64_t *ret_records)
{
	uint64_t records = 0;
	int r = archive_store_idle(a);
	if (r < 0)
		return r;
	r = archive_evidence_enter(a);
	archive_find_forget(a);
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		for (size_t n = 0; r == 0 && k->layout && kinds >> i & 1 && n < k->n_segments;)
			if (is_over(&k->segments[n], before))
				r = drop(a, k, n, now, &records);
			else
				n++;
	}
	int synced = records ? archive_folder_sync(a->folder) : 0;
	r = r ? r : synced;
	if (r == 0)
		r = archive_evidence_sign(a);
	if (r == 0)
		*ret_records = records;
	return r;
}
