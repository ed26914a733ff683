/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs: the records that are or were one journal, as the ledger speaks of them. */

#include <errno.h>
#include <stdlib.h>

#include "archive/store.h"
#include "base/cursor.h"

/* The open segment is a run once something of it is there. */
size_t archive_runs(const struct archive *a, enum msg_record record)
{
	const struct archive_kind *k = &a->kinds[record];
	return k->n_segments + (k->open.records > 0);
}

void archive_run_at(const struct archive *a, enum msg_record record, size_t i, struct archive_run *ret_run)
{
	const struct archive_kind *k = &a->kinds[record];
	const struct archive_span *span = i < k->n_segments ? &k->segments[i].span : &k->open.span;
	struct archive_run run = {.records = span->records,
	    .id_min = span->id_min,
	    .id_max = span->id_max,
	    .first = span->first,
	    .last = span->last};
	run.number = i < k->n_segments ? k->segments[i].number : k->open.number;
	run.file_first = run.file_last = run.number;
	run.sealed = i < k->n_segments;
	run.error = run.sealed ? k->segments[i].error : k->open.damage;
	*ret_run = run;
}

/* The place of a run's segment, or n_segments. */
static size_t segment_of(const struct archive_kind *k, uint64_t number)
{
	size_t i = 0;
	while (i < k->n_segments && k->segments[i].number != number)
		i++;
	return i;
}

static int read_open(const struct archive_open_segment *o, archive_leaf_fn each, void *context)
{
	struct cursor c = cursor_of(o->bytes.p, o->bytes.n);
	int r = 0;
	while (r == 0 && cursor_left(&c)) {
		uint16_t kind;
		size_t length = 0, left = cursor_left(&c);
		r = msg_peek(cursor_peek(&c, left), left, &kind, &length);
		if (r == 0)
			r = each(context, cursor_text(&c, length));
	}
	return r ? r : o->damage;
}

static int read_block(
    struct archive_block *b, const struct archive_segment *s, archive_leaf_fn each, void *context)
{
	union archive_record record;
	struct dynbuf out = {.max = MSG_RECORD_MAX + MSG_HEADER_SIZE};
	int r = 0;
	for (uint32_t row = 0; r == 0 && row < b->rows; row++) {
		dynbuf_reset(&out);
		r = archive_block_fill(b, &row, 1, &record);
		if (r == 0)
			r = s->layout->encode(&out, &record);
		if (r == 0)
			r = each(context, dynbuf_view(&out));
	}
	dynbuf_free(&out);
	return r;
}

int archive_read_run(
    struct archive *a, enum msg_record record, uint64_t number, archive_leaf_fn each, void *context)
{
	struct archive_kind *k = &a->kinds[record];
	struct archive_segment s;
	struct archive_block b = {0};
	size_t i = segment_of(k, number);
	int r;
	if (i == k->n_segments) {
		if (number != k->open.number || k->open.records == 0)
			return -ENOENT;
		k->open.scans++;
		r = read_open(&k->open, each, context);
		k->open.scans--;
		return r;
	}
	if (k->segments[i].error)
		return k->segments[i].error;
	r = archive_store_segment(a, k, i, &s);
	if (r < 0)
		return r;
	for (size_t n = 0; r == 0 && n < s.n_blocks; n++) {
		archive_block_open(&b, &s, n);
		r = read_block(&b, &s, each, context);
	}
	archive_block_free(&b);
	archive_segment_close(&s);
	return r;
}

struct search {
	uint64_t id, at, found;
	bool any;
};

/* The id is a record's first field. */
static int look_for(void *context, struct text encoded)
{
	struct search *s = context;
	if (load_le64((const uint8_t *)encoded.p + MSG_HEADER_SIZE) == s->id) {
		s->found = s->at;
		s->any = true;
	}
	s->at++;
	return 0;
}

int archive_locate(
    struct archive *a, enum msg_record record, uint64_t id, uint64_t *ret_run, uint64_t *ret_index)
{
	int bad = 0;
	for (size_t i = archive_runs(a, record); i-- > 0;) {
		struct archive_run run;
		struct search s = {.id = id};
		archive_run_at(a, record, i, &run);
		bad = run.error ? run.error : bad;
		if (run.error || id < run.id_min || id > run.id_max)
			continue;
		int r = archive_read_run(a, record, run.number, look_for, &s);
		if (r < 0)
			return r;
		if (s.any) {
			*ret_run = run.number;
			*ret_index = s.found;
			return 0;
		}
	}
	/* where a run can't be read, "not there" would be more than we know */
	return bad ? bad : -ENOENT;
}

int archive_run_file(const struct archive *a, enum msg_record record, uint64_t number, char *buf)
{
	const struct archive_kind *k = &a->kinds[record];
	struct archive_file f = {.record = k->layout->record, .number = number};
	bool sealed = segment_of(k, number) < k->n_segments;
	if (!sealed && (number != k->open.number || k->open.records == 0))
		return -ENOENT;
	f.type = sealed ? ARCHIVE_FILE_SEGMENT : ARCHIVE_FILE_JOURNAL;
	archive_file_name(f, buf);
	return 0;
}

int archive_folder_fd(const struct archive *a)
{
	return a->folder;
}
