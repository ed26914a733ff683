/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs: the records that are or were one journal, as the ledger speaks of them. A segment holds one or, once
 * it was merged of several, some that follow each other; what is open is one as soon as something is there.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/store.h"
#include "base/cursor.h"
#include "base/err.h"

static uint64_t runs_of(const struct archive_segment_entry *e)
{
	return e->last - e->first + 1;
}

size_t archive_runs(const struct archive *a, enum msg_record record)
{
	const struct archive_kind *k = &a->kinds[record];
	size_t n = k->open.records > 0;
	for (size_t i = 0; i < k->n_segments; i++)
		n += (size_t)runs_of(&k->segments[i]);
	return n;
}

/* What the runs of a merged segment span stands in its file. */
static int span_of(const struct archive *a, const struct archive_kind *k, size_t entry, uint64_t run,
    struct archive_span *ret_span)
{
	const struct archive_segment_entry *e = &k->segments[entry];
	struct archive_reader r;
	if (e->error)
		return e->error;
	if (e->first == e->last) {
		*ret_span = e->segment.trailer.span;
		return 0;
	}
	archive_reader_init(&r);
	int error = archive_store_reader(a, k, entry, &r);
	if (error == 0)
		error = archive_segment_load_runs(&r.segment);
	if (error == 0)
		*ret_span = r.segment.runs[run - e->first];
	archive_reader_free(&r);
	return error;
}

void archive_run_at(const struct archive *a, enum msg_record record, size_t i, struct archive_run *ret_run)
{
	const struct archive_kind *k = &a->kinds[record];
	struct archive_span span = k->open.span;
	struct archive_run run = {.number = k->open.number, .error = k->open.damage};
	size_t entry = 0;
	for (; entry < k->n_segments && i >= runs_of(&k->segments[entry]); entry++)
		i -= (size_t)runs_of(&k->segments[entry]);
	run.file_first = run.file_last = run.number;
	run.sealed = entry < k->n_segments;
	if (run.sealed) {
		const struct archive_segment_entry *e = &k->segments[entry];
		run.number = e->first + i;
		run.file_first = e->first;
		run.file_last = e->last;
		span = (struct archive_span){0};
		run.error = span_of(a, k, entry, run.number, &span);
	}
	run.records = span.records;
	run.id_min = span.id_min;
	run.id_max = span.id_max;
	run.first = span.first;
	run.last = span.last;
	*ret_run = run;
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

/* Gives the records of rows [from, to) of a block, as they were encoded. */
static int read_rows(
    struct archive_reader *r, uint32_t from, uint32_t to, archive_leaf_fn each, void *context)
{
	struct archive_records some = {0};
	int error = 0;
	while (error == 0 && from < to) {
		error = archive_block_records(&r->block, from, to - from, r->segment.is.n_columns, &some);
		for (size_t i = 0; error == 0 && i < some.n; i++)
			error = each(context, some.records[i]);
		from += (uint32_t)some.n;
	}
	dynbuf_free(&some.bytes);
	return error;
}

/* The rows of a run within its segment. */
static int rows_of(struct archive_segment *s, uint64_t run, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from = 0;
	int r = archive_segment_load_runs(s);
	if (r < 0)
		return r;
	for (uint64_t i = s->is.first; i < run; i++)
		from += s->runs[i - s->is.first].records;
	*ret_from = from;
	*ret_to = from + s->runs[run - s->is.first].records;
	return 0;
}

int archive_store_read_run(struct archive_reader *r, uint64_t run, archive_leaf_fn each, void *context)
{
	struct archive_segment *s = &r->segment;
	uint64_t from = 0, to = 0, row = 0;
	/* a newer program's fields, which we don't know, are in its leaves */
	if (s->is.n_columns > s->is.layout->n_columns)
		return -ERR_UNSUPPORTED;
	int error = rows_of(s, run, &from, &to);
	if (error == 0)
		error = archive_segment_load(s);
	for (size_t i = 0; error == 0 && i < s->trailer.n_blocks && row < to; i++) {
		uint64_t rows = s->blocks[i].span.records, end = row + rows < to ? rows : to - row;
		if (row + rows > from) {
			error = archive_reader_block(r, i);
			if (error == 0)
				error = read_rows(
				    r, (uint32_t)(row < from ? from - row : 0), (uint32_t)end, each, context);
		}
		row += rows;
	}
	return error;
}

int archive_read_run(
    struct archive *a, enum msg_record record, uint64_t number, archive_leaf_fn each, void *context)
{
	struct archive_kind *k = &a->kinds[record];
	struct archive_reader reader;
	size_t i = archive_store_find(k, number);
	int r;
	if (i == k->n_segments) {
		if (number != k->open.number || k->open.records == 0)
			return -ENOENT;
		k->open.scans++;
		r = read_open(&k->open, each, context);
		k->open.scans--;
		return r;
	}
	archive_reader_init(&reader);
	r = archive_store_reader(a, k, i, &reader);
	if (r == 0)
		r = archive_store_read_run(&reader, number, each, context);
	archive_reader_free(&reader);
	return r;
}

/* The last row of a segment that has the id. -ENOENT. */
static int locate_sealed(struct archive_reader *r, uint64_t id, uint64_t *ret_row)
{
	struct archive_segment *s = &r->segment;
	int error = archive_segment_load(s);
	uint64_t row = s->trailer.span.records;
	for (size_t i = s->trailer.n_blocks; error == 0 && i-- > 0;) {
		const struct archive_column_data *ids = NULL;
		row -= s->blocks[i].span.records;
		if (!archive_span_has_id(&s->blocks[i].span, id))
			continue;
		error = archive_reader_block(r, i);
		if (error == 0)
			error = archive_block_column(&r->block, ARCHIVE_COLUMN_ID, &ids);
		for (size_t at = r->block.rows; error == 0 && at-- > 0;)
			if ((ids->absent ? 0 : archive_stream_at(&ids->numbers, at)) == id) {
				*ret_row = row + at;
				return 0;
			}
	}
	return error ? error : -ENOENT;
}

/* From a row of a segment to its run and its index there. */
static int to_run(struct archive_segment *s, uint64_t row, uint64_t *ret_run, uint64_t *ret_index)
{
	int r = archive_segment_load_runs(s);
	uint64_t run = s->is.first;
	if (r < 0)
		return r;
	while (run < s->is.last && row >= s->runs[run - s->is.first].records)
		row -= s->runs[run++ - s->is.first].records;
	*ret_run = run;
	*ret_index = row;
	return 0;
}

struct search {
	uint64_t id, at, found;
	bool any;
};

/* The id is a record's first field. */
static int look_for(void *context, struct text encoded)
{
	struct search *s = context;
	if (!encoded.p || encoded.n < MSG_HEADER_SIZE + sizeof(s->id))
		return -ERR_MALFORMED;
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
	const struct archive_kind *k = &a->kinds[record];
	struct search s = {.id = id};
	struct archive_reader reader;
	uint64_t row = 0;
	int bad = read_open(&k->open, look_for, &s), r = -ENOENT;
	if (s.any) {
		*ret_run = k->open.number;
		*ret_index = s.found;
		return 0;
	}
	archive_reader_init(&reader);
	for (size_t i = k->n_segments; r == -ENOENT && i-- > 0;) {
		bad = k->segments[i].error ? k->segments[i].error : bad;
		if (k->segments[i].error || !archive_span_has_id(&k->segments[i].segment.trailer.span, id))
			continue;
		r = archive_store_reader(a, k, i, &reader);
		if (r == 0)
			r = locate_sealed(&reader, id, &row);
		if (r == 0)
			r = to_run(&reader.segment, row, ret_run, ret_index);
	}
	archive_reader_free(&reader);
	/* where a run can't be read, "not there" would be more than we know */
	return r == -ENOENT && bad ? bad : r;
}

int archive_run_file(const struct archive *a, enum msg_record record, uint64_t number, char *buf)
{
	const struct archive_kind *k = &a->kinds[record];
	struct archive_file f = {.record = k->layout->record, .type = ARCHIVE_FILE_JOURNAL, .number = number};
	size_t i = archive_store_find(k, number);
	if (i < k->n_segments)
		archive_entry_name(k, &k->segments[i], buf);
	else if (number == k->open.number && k->open.records)
		archive_file_name(f, buf);
	else
		return -ENOENT;
	return 0;
}

int archive_folder_fd(const struct archive *a)
{
	return a->folder;
}
