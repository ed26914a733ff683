/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an audit reads of a segment is, byte by byte, what the codec makes of the records that were appended:
 * of every kind, with every field empty and full, of any size. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/archive.h"
#include "archive/block.h"
#include "base/err.h"
#include "records.h"

enum { ROWS = ARCHIVE_BLOCK_ROWS + 3 * ARCHIVE_RECORDS + 1, SMALL = 1100, LARGE = 64 };

static int append(struct archive *a, const union archive_record *m, unsigned record)
{
	switch (record) {
	case MSG_FLOW: return archive_append_flow(a, &m->flow);
	case MSG_TRANSACTION: return archive_append_transaction(a, &m->transaction);
	case MSG_DETECTION: return archive_append_detection(a, &m->detection);
	case MSG_BINDING: return archive_append_binding(a, &m->binding);
	default: return archive_append_coverage(a, &m->coverage);
	}
}

/* A record by its number; room is for what it leads into. */
typedef void (*make_fn)(uint64_t i, struct record_room *room, unsigned record, union archive_record *m);

struct expected {
	make_fn make;
	unsigned record;
	uint64_t next;
};

static int check_leaf(void *context, struct text encoded)
{
	struct expected *e = context;
	struct record_room room;
	union archive_record m;
	struct dynbuf out = {0};
	e->make(e->next, &room, e->record, &m);
	assert_int_equal(archive_layout_of(e->record)->encode(&out, &m), 0);
	if (!text_equal(encoded, dynbuf_view(&out)))
		fail_msg("%s %d of %zu bytes, wanted are %zu", archive_layout_of(e->record)->name,
		    (int)e->next, encoded.n, out.n);
	e->next++;
	dynbuf_free(&out);
	return 0;
}

/* n records of a kind, through a segment and back. */
static void check(unsigned record, size_t n, make_fn make)
{
	struct expected e = {.make = make, .record = record};
	char *path = folder_make();
	struct archive *a;
	struct record_room room;
	struct archive_run run;
	union archive_record m;
	assert_int_equal(archive_create(&a, path), 0);
	for (size_t i = 0; i < n; i++) {
		make(i, &room, record, &m);
		assert_int_equal(append(a, &m, record), 0);
	}
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	for (size_t i = 0; i < archive_runs(a, (enum msg_record)record); i++) {
		archive_run_at(a, (enum msg_record)record, i, &run);
		assert_true(run.sealed);
		assert_int_equal(archive_read_run(a, (enum msg_record)record, run.number, check_leaf, &e), 0);
	}
	assert_int_equal(e.next, n);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void make_any(uint64_t i, struct record_room *room, unsigned record, union archive_record *m)
{
	record_make(archive_layout_of(record), i, 31 * i + record, room, m);
}

static void make_empty(uint64_t i, struct record_room *room, unsigned record, union archive_record *m)
{
	(void)room;
	memset(m, 0, archive_layout_of(record)->size);
	memcpy(m, &i, sizeof(i));
}

/* Blocks in which only the later rows have anything. */
static void make_late(uint64_t i, struct record_room *room, unsigned record, union archive_record *m)
{
	if (i < ARCHIVE_BLOCK_ROWS / 2)
		make_empty(i, room, record, m);
	else
		make_any(i, room, record, m);
}

static void any_record_of_any_kind_is_as_it_was_encoded(void **state)
{
	static const make_fn made[] = {make_any, make_empty, make_late};
	(void)state;
	for (unsigned record = 0; record < ARCHIVE_KINDS; record++)
		for (size_t i = 0; archive_layout_of(record) && i < sizeof(made) / sizeof(*made); i++)
			check(record, ROWS, made[i]);
}

/* --- at their bounds --- */

static char letters[MSG_TEXT_MAX];
static uint64_t many_ids[MSG_LIST_MAX];

/* Fields whose values are together so many bytes. */
static void fields_of(size_t bytes, struct field_value *fields, struct msg_fields *ret_fields)
{
	uint32_t n = 0;
	for (size_t left = bytes; n < MSG_FIELDS_MAX && (left || n == 0); n++) {
		size_t part = left < MSG_TEXT_MAX ? left : MSG_TEXT_MAX;
		fields[n] = (struct field_value){.field = (enum field)n, .value = text_bytes(letters, part)};
		left -= part;
	}
	*ret_fields = (struct msg_fields){.v = fields, .n = n};
}

/* Transactions from small ones, enough for a segment, to the largest that there can be, so that fewer and
 * fewer stand together. */
static void make_large(uint64_t i, struct record_room *room, unsigned record, union archive_record *m)
{
	static struct field_value fields[MSG_FIELDS_MAX];
	/* number, length; id, flow, application, time, count; sixteen fields' numbers and lengths */
	const size_t most = MSG_RECORD_MAX - (2 + 4) - (8 + 8 + 2 + 8 + 4) - (size_t)16 * (2 + 4);
	size_t parts[] = {0, 1, 1000, 40000, MSG_TEXT_MAX, 600000, most - 1, most};
	(void)room;
	memset(m, 0, archive_layout_of(record)->size);
	m->transaction.id = i + 1;
	m->transaction.time = 1;
	fields_of(parts[i < SMALL ? 0 : (i - SMALL) * 8 / LARGE % 8], fields, &m->transaction.fields);
}

static void make_long_lists(uint64_t i, struct record_room *room, unsigned record, union archive_record *m)
{
	make_any(i, room, record, m);
	if (i % 30 == 0)
		m->flow.also = (struct msg_u64s){.v = many_ids, .n = MSG_LIST_MAX - (uint32_t)(i / 30 % 2)};
	if (i % 50 == 0)
		m->flow.name = text_bytes(letters, MSG_TEXT_MAX - (size_t)(i / 50 % 2));
}

static void the_largest_records_are_as_they_were_encoded(void **state)
{
	struct record_room room;
	union archive_record m;
	struct dynbuf out = {0};
	(void)state;
	for (size_t i = 0; i < MSG_LIST_MAX; i++)
		many_ids[i] = i * i;
	for (size_t i = 0; i < MSG_TEXT_MAX; i++)
		letters[i] = (char)('a' + i % 26);
	make_large(SMALL + LARGE - 1, &room, MSG_TRANSACTION, &m);
	assert_int_equal(msg_transaction_encode(&out, &m.transaction), 0);
	assert_int_equal(out.n, MSG_RECORD_MAX);
	dynbuf_free(&out);
	check(MSG_TRANSACTION, SMALL + LARGE, make_large);
	check(MSG_FLOW, ROWS, make_long_lists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_record_of_any_kind_is_as_it_was_encoded),
	    cmocka_unit_test(the_largest_records_are_as_they_were_encoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
