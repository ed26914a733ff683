/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The archive's columns are the schema's fields: names, order and types are compared with msg/records.schema
 * itself. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/gather.h"
#include "archive/layout.h"

static const struct {
	const char *schema;
	enum archive_column_type type;
	size_t size;
} types[] = {
    {"u8", ARCHIVE_COLUMN_UINT, 1},
    {"u16", ARCHIVE_COLUMN_UINT, 2},
    {"u32", ARCHIVE_COLUMN_UINT, 4},
    {"u64", ARCHIVE_COLUMN_UINT, 8},
    {"time", ARCHIVE_COLUMN_UINT, 8},
    {"real", ARCHIVE_COLUMN_REAL, 8},
    {"addr", ARCHIVE_COLUMN_ADDR, 16},
    {"mac", ARCHIVE_COLUMN_MAC, 6},
    {"text", ARCHIVE_COLUMN_TEXT, sizeof(struct text)},
    {"u64s", ARCHIVE_COLUMN_U64S, sizeof(struct msg_u64s)},
    {"fields", ARCHIVE_COLUMN_FIELDS, sizeof(struct msg_fields)},
};

static void check_column(const struct archive_layout *l, unsigned at, const char *type, const char *name)
{
	assert_in_range(at, 0, l->n_columns - 1u);
	const struct archive_column *c = &l->columns[at];
	assert_string_equal(c->name, name);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].schema, type) == 0) {
			assert_int_equal(c->type, types[i].type);
			assert_int_equal(c->size, types[i].size);
			return;
		}
	fail_msg("type %s of %s isn't known to the archive", type, name);
}

static void columns_are_the_fields_of_the_schema(void **state)
{
	char path[1024], line[512], first[64], second[64];
	const char *source = getenv("BULKHEAD_SOURCE");
	const struct archive_layout *l = NULL;
	unsigned at = 0, kinds = 0, number;
	(void)state;
	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/src/msg/records.schema", source);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "#\n")] = '\0';
		if (sscanf(line, "record %63s %u", first, &number) == 2) {
			if (l)
				assert_int_equal(at, l->n_columns);
			l = archive_layout_of(number);
			assert_non_null(l);
			assert_string_equal(l->name, first);
			assert_int_equal(l->record, number);
			at = 0;
			kinds++;
		} else if (sscanf(line, "%63s %63s", first, second) == 2) {
			assert_non_null(l);
			check_column(l, at++, first, second);
		}
	}
	assert_non_null(l);
	assert_int_equal(at, l->n_columns);
	fclose(f);
	for (number = 0; number < ARCHIVE_KINDS; number++)
		kinds -= archive_layout_of(number) != NULL;
	assert_int_equal(kinds, 0);
}

static int column_named(const struct archive_layout *layout, const char *name)
{
	for (int i = 0; i < layout->n_columns; i++)
		if (strcmp(layout->columns[i].name, name) == 0)
			return i;
	return -1;
}

static void every_record_begins_with_its_id(void **state)
{
	(void)state;
	for (unsigned number = 0; number < ARCHIVE_KINDS; number++) {
		const struct archive_layout *l = archive_layout_of(number);
		if (!l)
			continue;
		assert_int_equal(column_named(l, "id"), ARCHIVE_COLUMN_ID);
		assert_int_equal(l->columns[ARCHIVE_COLUMN_ID].offset, 0);
	}
}

/* Columns are decoded after their base and their leader: a circle would never end. */
static void check_depth(const struct archive_layout *l, unsigned at, unsigned depth)
{
	const struct archive_column *c = &l->columns[at];
	assert_in_range(depth, 0, 3);
	if (c->base)
		check_depth(l, c->base, depth + 1);
	if (c->leader && c->leader != at)
		check_depth(l, c->leader, depth + 1);
}

static void columns_hang_on_others_without_circles(void **state)
{
	(void)state;
	for (unsigned number = 0; number < ARCHIVE_KINDS; number++) {
		const struct archive_layout *l = archive_layout_of(number);
		for (unsigned i = 0; l && i < l->n_columns; i++) {
			const struct archive_column *c = &l->columns[i], *base = &l->columns[c->base];
			check_depth(l, i, 0);
			/* differences are made of whole words */
			if (c->base) {
				assert_int_equal(c->type, ARCHIVE_COLUMN_UINT);
				assert_int_equal(base->type, ARCHIVE_COLUMN_UINT);
				assert_int_equal(c->size, 8);
				assert_int_equal(base->size, 8);
			}
			/* a leader leads itself, so no other leads it */
			if (c->leader) {
				assert_int_equal(l->columns[c->leader].leader, c->leader);
				assert_true(archive_column_is_number(c));
			}
		}
	}
}

static void named_columns_stand_where_they_are_said_to(void **state)
{
	static const struct {
		unsigned record, number;
		const char *name;
	} rows[] = {
	    {MSG_FLOW, 1, "duplicate_of"},
	    {MSG_FLOW, 6, "protocol"},
	    {MSG_FLOW, 7, "initiator"},
	    {MSG_FLOW, 8, "responder"},
	    {MSG_FLOW, 14, "first"},
	    {MSG_FLOW, 15, "last"},
	    {MSG_FLOW, 17, "packets_out"},
	    {MSG_FLOW, 18, "packets_in"},
	    {MSG_FLOW, 21, "payload_out"},
	    {MSG_FLOW, 22, "payload_in"},
	    {MSG_FLOW, 34, "name"},
	    {MSG_TRANSACTION, 1, "flow"},
	    {MSG_TRANSACTION, 3, "time"},
	    {MSG_TRANSACTION, 4, "fields"},
	    {MSG_DETECTION, 1, "time"},
	    {MSG_DETECTION, 6, "confidence"},
	    {MSG_BINDING, 1, "first"},
	    {MSG_COVERAGE, 4, "from"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    column_named(archive_layout_of(rows[i].record), rows[i].name), rows[i].number);
}

static void spans_leave_records_without_a_time_out(void **state)
{
	const struct archive_layout *l = archive_layout_of(MSG_COVERAGE);
	struct archive_span s = {0};
	(void)state;
	archive_span_add(&s, l, &(struct msg_coverage){.id = 7});
	assert_int_equal(s.untimed, 1);
	archive_span_add(&s, l, &(struct msg_coverage){.id = 9, .from = 50, .to = 90});
	archive_span_add(&s, l, &(struct msg_coverage){.id = 3, .from = 60, .to = 20});
	assert_int_equal(s.records, 3);
	assert_int_equal(s.untimed, 1);
	assert_int_equal(s.id_min, 3);
	assert_int_equal(s.id_max, 9);
	assert_int_equal(s.first, 50);
	assert_int_equal(s.last, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_the_fields_of_the_schema),
	    cmocka_unit_test(every_record_begins_with_its_id),
	    cmocka_unit_test(columns_hang_on_others_without_circles),
	    cmocka_unit_test(named_columns_stand_where_they_are_said_to),
	    cmocka_unit_test(spans_leave_records_without_a_time_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
