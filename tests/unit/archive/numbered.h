/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_ARCHIVE_NUMBERED_H
#define TESTS_ARCHIVE_NUMBERED_H

/*
 * Records of two kinds with ids 1, 2, 3 ..., whose members follow from their ids, and what must be true of an
 * archive of them, in whatever state a crash left it. Include after cmocka.h.
 */

#include "archive/archive.h"
#include "evidence_check.h"
#include "records.h"

enum { NUMBERED_STEP = 1000, NUMBERED_KINDS = 2 }; /* ns from one record's beginning to the next one's */

static const enum msg_record numbered_kinds[NUMBERED_KINDS] = {MSG_FLOW, MSG_DETECTION};

/* What a writer did and promised. */
struct numbered_said {
	uint64_t attempted[NUMBERED_KINDS], acknowledged[NUMBERED_KINDS]; /* up to these ids */
	uint64_t may_go; /* records with ids below may have been dropped */
	uint64_t signed_entries;
};

static inline void numbered_make(
    unsigned kind, uint64_t id, struct record_room *room, union archive_record *record)
{
	const struct archive_layout *l = archive_layout_of(numbered_kinds[kind]);
	int64_t first = (int64_t)id * NUMBERED_STEP, last = first + NUMBERED_STEP / 2;
	record_make(l, id, id * NUMBERED_KINDS + kind, room, record);
	memcpy((uint8_t *)record + l->first, &first, sizeof(first));
	memcpy((uint8_t *)record + l->last, &last, sizeof(last));
}

static inline int numbered_append(struct archive *a, unsigned kind, uint64_t id)
{
	struct record_room room;
	union archive_record record;
	numbered_make(kind, id, &room, &record);
	return numbered_kinds[kind] == MSG_FLOW ? archive_append_flow(a, &record.flow)
	                                        : archive_append_detection(a, &record.detection);
}

/* The id behind the last one of a kind. */
static inline uint64_t numbered_next(struct archive *a, unsigned kind)
{
	struct archive_run run = {.id_max = 0};
	size_t n = archive_runs(a, numbered_kinds[kind]);
	if (n)
		archive_run_at(a, numbered_kinds[kind], n - 1, &run);
	return run.id_max + 1;
}

struct numbered_expected {
	unsigned kind;
	uint64_t first, next; /* 0: none came yet */
};

static inline int numbered_check(struct numbered_expected *e, const void *record)
{
	union archive_record made;
	struct record_room room;
	uint64_t id;
	memcpy(&id, record, sizeof(id));
	if (e->first == 0)
		e->first = e->next = id;
	assert_int_equal(id, e->next);
	numbered_make(e->kind, id, &room, &made);
	assert_true(record_same(archive_layout_of(numbered_kinds[e->kind]), record, &made));
	e->next++;
	return 0;
}

static inline int numbered_check_flow(void *context, const struct msg_flow *f)
{
	return numbered_check(context, f);
}

static inline int numbered_check_detection(void *context, const struct msg_detection *d)
{
	return numbered_check(context, d);
}

/* What was found of each kind. */
struct numbered_seen {
	uint64_t first[NUMBERED_KINDS], last[NUMBERED_KINDS];
};

/*
 * Every record that was acknowledged and not dropped is there, each once and as it was; none that was never
 * appended; what *seen says was there still is, what was gone still is; and the ledger fits.
 */
static inline void numbered_check_archive(struct archive *a, const struct numbered_said *said,
    const struct ledger_verifier *key, struct numbered_seen *seen)
{
	struct archive_filter all = {.duplicates = true};
	for (unsigned k = 0; k < NUMBERED_KINDS; k++) {
		struct numbered_expected e = {.kind = k};
		int r = numbered_kinds[k] == MSG_FLOW
		            ? archive_scan_flows(a, &all, numbered_check_flow, &e)
		            : archive_scan_detections(a, numbered_check_detection, &e);
		assert_int_equal(r, 0);
		uint64_t last = e.first ? e.next - 1 : 0;
		assert_in_range(last, said->acknowledged[k], said->attempted[k]);
		assert_true(last >= seen->last[k]);
		if (e.first) {
			assert_true(e.first >= seen->first[k]);
			assert_true(e.first == 1 || e.first <= said->may_go);
			seen->first[k] = e.first;
		}
		seen->last[k] = last;
	}
	assert_true(evidence_check_log(a, key) >= said->signed_entries);
	for (unsigned k = 0; archive_ledger(a) && k < NUMBERED_KINDS; k++)
		evidence_check_runs(a, archive_ledger(a), numbered_kinds[k]);
}

#endif
