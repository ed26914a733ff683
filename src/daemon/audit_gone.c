/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The part of an audit that is about what isn't there: runs that were dropped on purpose, and those that are
 * gone. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/err.h"
#include "daemon/audit_parts.h"

enum { FILE_NAME_SIZE = 64, SENTENCE_SIZE = 512 };

static const char *kind_name(uint16_t record)
{
	return archive_layout_of(record)->name;
}

static struct audit_finding missing(uint16_t record, uint64_t run, uint64_t run_last)
{
	return (struct audit_finding){.what = AUDIT_MISSING,
	    .record = record,
	    .run = run,
	    .run_last = run_last,
	    .first = AUDIT_UNKNOWN,
	    .last = AUDIT_UNKNOWN,
	    .entry = AUDIT_UNKNOWN};
}

/* A run of some records that is gone. expiry: the line that says that it was dropped, which no checkpoint
 * covers; NULL: none does. */
static void find_gone(struct audit *a, const struct audit_entry *e, const struct audit_entry *expiry)
{
	struct audit_finding f = missing(e->record, e->first, e->first);
	char sentence[SENTENCE_SIZE];
	f.entry = e->entry;
	f.first = 0;
	f.last = e->records - 1;
	int n = snprintf(sentence, sizeof(sentence),
	    "%s run %" PRIu64 ": its %" PRIu64 " records are gone, and ", kind_name(e->record), e->first,
	    e->records);
	if (expiry)
		snprintf(sentence + n, sizeof(sentence) - (size_t)n,
		    "line %" PRIu64
		    " of the ledger, which says that they were dropped, is under no checkpoint: anybody "
		    "may have put it there. If it is right, it has to be signed",
		    expiry->entry + 1);
	else
		snprintf(sentence + n, sizeof(sentence) - (size_t)n,
		    "nothing says that they were dropped (line %" PRIu64 " of the ledger)", e->entry + 1);
	audit_find(a, &f, sentence);
}

/* A run that was dropped on purpose, by that line. */
static void add_drop(struct audit *a, const struct audit_entry *e, const struct audit_entry *expiry)
{
	struct audit_result *r = a->result;
	assert(r->drops);
	struct audit_drop *last = r->n_drops ? &r->drops[r->n_drops - 1] : NULL;
	int64_t time = book_at(&a->book, expiry->entry).time;
	r->expired++;
	r->expired_records += e->records;
	if (last && last->record == e->record && last->run_last + 1 == e->first) {
		last->run_last = e->first;
		last->records += e->records;
		last->entry = expiry->entry < last->entry ? expiry->entry : last->entry;
		last->entry_last = expiry->entry > last->entry_last ? expiry->entry : last->entry_last;
		last->time = time > last->time ? time : last->time;
	} else if (r->n_drops < AUDIT_DROPS_MAX) {
		r->drops[r->n_drops++] = (struct audit_drop){.record = e->record,
		    .run = e->first,
		    .run_last = e->first,
		    .records = e->records,
		    .entry = expiry->entry,
		    .entry_last = expiry->entry,
		    .time = time};
	}
}

/* Whether a checkpoint covers one of the lines about a run. */
static bool is_sealed(const struct audit *a, uint16_t record, uint64_t run)
{
	size_t n;
	const struct audit_entry *e = audit_entries_of(&a->runs, record, run, &n);
	for (size_t i = 0; i < n; i++)
		if (e[i].entry < a->result->sealed_entries)
			return true;
	return false;
}

/* A run of which the log has lines and the archive nothing; e: the one that counts most. A line that says it
 * was dropped excuses only if it is as well covered as what it excuses. */
static void judge_gone(struct audit *a, const struct audit_entry *e)
{
	const struct audit_entry *expired = audit_expiry_of(&a->expired, e->record, e->first);
	const struct audit_entry *expiring = audit_expiry_of(&a->expiring, e->record, e->first);
	if (!expired && expiring && !is_sealed(a, e->record, e->first))
		expired = expiring;
	if (expired)
		add_drop(a, e, expired);
	else if (e->records)
		find_gone(a, e, expiring);
}

size_t audit_missing(struct audit *a, uint16_t record, uint64_t from, uint64_t to)
{
	size_t n = 0;
	for (size_t i = audit_entries_from(&a->runs, record, from); i < a->runs.n; i++) {
		const struct audit_entry *e = &a->runs.v[i];
		if (e->record != record || e->first >= to)
			break;
		if (i + 1 < a->runs.n && e[1].record == record && e[1].first == e->first)
			continue; /* of several lines about a run the last, which counts most */
		n++;
		judge_gone(a, e);
	}
	return n;
}

void audit_lost(struct audit *a, uint16_t record, uint64_t first, uint64_t last, int error)
{
	struct audit_finding f = missing(record, first, last);
	char sentence[SENTENCE_SIZE], name[FILE_NAME_SIZE];
	int fd = archive_run_file(a->archive, (enum msg_record)record, first, name);
	if (fd == 0)
		fd = archive_file_open(archive_folder_fd(a->archive), name);
	if (fd >= 0)
		close(fd);
	if (fd != -ENOENT) {
		f.what = AUDIT_UNREADABLE;
		snprintf(sentence, sizeof(sentence),
		    "%s runs %" PRIu64 " to %" PRIu64 ": %s can't be read: %s", kind_name(record), first,
		    last, name, err_text(error));
	} else {
		if (audit_missing(a, record, first, last + 1))
			return;
		snprintf(sentence, sizeof(sentence),
		    "%s runs %" PRIu64 " to %" PRIu64 " are gone, and the ledger never had them",
		    kind_name(record), first, last);
	}
	audit_find(a, &f, sentence);
}
