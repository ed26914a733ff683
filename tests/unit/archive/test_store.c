/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What goes into an archive comes out of it: by scans, filters and look-ups, from memory, journals and
 * segments. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "base/err.h"
#include "records.h"

static int append(struct archive *a, unsigned kind, const void *record)
{
	switch (kind) {
	case MSG_FLOW: return archive_append_flow(a, record);
	case MSG_TRANSACTION: return archive_append_transaction(a, record);
	case MSG_DETECTION: return archive_append_detection(a, record);
	case MSG_BINDING: return archive_append_binding(a, record);
	default: return archive_append_coverage(a, record);
	}
}

/* Records of one kind come back one by one, as they were made: record number i has id i + 1 and seed i. */
struct expect {
	const struct archive_layout *layout;
	uint64_t next;
};

static int compare(struct expect *e, const void *record)
{
	struct record_room room;
	union archive_record made;
	record_make(e->layout, e->next + 1, e->next, &room, &made);
	assert_true(record_same(e->layout, &made, record));
	e->next++;
	return 0;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	return compare(context, f);
}
static int on_transaction(void *context, const struct msg_transaction *t)
{
	return compare(context, t);
}
static int on_detection(void *context, const struct msg_detection *d)
{
	return compare(context, d);
}
static int on_binding(void *context, const struct msg_binding *b)
{
	return compare(context, b);
}
static int on_coverage(void *context, const struct msg_coverage *c)
{
	return compare(context, c);
}

static void expect_all(struct archive *a, uint64_t n)
{
	struct archive_filter all = {.duplicates = true};
	for (unsigned kind = MSG_FLOW; kind <= MSG_COVERAGE; kind++) {
		struct expect e = {.layout = archive_layout_of(kind)};
		int r = -1;
		switch (kind) {
		case MSG_FLOW: r = archive_scan_flows(a, &all, on_flow, &e); break;
		case MSG_TRANSACTION: r = archive_scan_transactions(a, NULL, 0, on_transaction, &e); break;
		case MSG_DETECTION: r = archive_scan_detections(a, on_detection, &e); break;
		case MSG_BINDING: r = archive_scan_bindings(a, on_binding, &e); break;
		case MSG_COVERAGE: r = archive_scan_coverage(a, on_coverage, &e); break;
		}
		assert_int_equal(r, 0);
		assert_int_equal(e.next, n);
	}
}

static void append_some(struct archive *a, uint64_t from, uint64_t to)
{
	struct record_room room;
	union archive_record record;
	for (unsigned kind = MSG_FLOW; kind <= MSG_COVERAGE; kind++)
		for (uint64_t i = from; i < to; i++) {
			record_make(archive_layout_of(kind), i + 1, i, &room, &record);
			assert_int_equal(append(a, kind, &record), 0);
		}
}

static void every_kind_comes_back_as_it_was(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct archive_stat stat;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	append_some(a, 0, 700);
	expect_all(a, 700); /* from memory */
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 0);
	assert_int_equal(stat.records[MSG_FLOW], 700);
	assert_int_equal(stat.next_id, 701);
	expect_all(a, 700); /* from the journal */
	append_some(a, 700, 2500);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 5);
	assert_int_equal(stat.records[MSG_DETECTION], 2500);
	assert_int_equal(stat.torn_bytes, 0);
	assert_int_equal(stat.next_id, 2501);
	expect_all(a, 2500); /* from segments */
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	append_some(a, 2500, 2600);
	expect_all(a, 2600); /* from both */
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void blocks_and_segments_end_at_their_bounds(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct archive_stat stat;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	struct msg_binding b = {.name = TEXT("host")};
	for (uint64_t i = 1; i <= ARCHIVE_SEGMENT_RECORDS; i++) {
		b.id = i;
		assert_int_equal(archive_append_binding(a, &b), 0);
	}
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 0);
	b.id++;
	assert_int_equal(archive_append_binding(a, &b), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(stat.records[MSG_BINDING], ARCHIVE_SEGMENT_RECORDS + 1);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(stat.records[MSG_BINDING], ARCHIVE_SEGMENT_RECORDS + 1);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

/* Large records close segments by bytes: 16 fields of 64 KiB make just over a MiB, which is too large for a
 * record. */
static void large_records_are_kept_or_refused_whole(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct archive_stat stat;
	static char big[MSG_TEXT_MAX];
	struct field_value fields[16];
	struct msg_transaction t = {.id = 1, .fields = {.v = fields, .n = 16}};
	(void)state;
	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < 16; i++)
		fields[i] = (struct field_value){
		    .field = FIELD_HTTP_URI, .value = text_bytes(big, sizeof(big))};
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_append_transaction(a, &t), -ERR_LIMIT);
	t.fields.n = 15;
	for (; t.id <= 100; t.id++)
		assert_int_equal(archive_append_transaction(a, &t), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.records[MSG_TRANSACTION], 100);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void opening_says_what_is_there(void **state)
{
	char *path = folder_make(), file[600];
	struct archive *a, *b;
	(void)state;
	assert_int_equal(archive_open(&a, "/nonexistent/archive", false), -ENOENT);
	assert_int_equal(archive_open(&a, path, false), -ENOENT);
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_create(&b, path), -EBUSY);
	assert_int_equal(archive_open(&b, path, true), -EBUSY);
	assert_int_equal(archive_open(&b, path, false), 0);
	assert_int_equal(archive_append_flow(b, &(struct msg_flow){.id = 1}), -EROFS);
	assert_int_equal(archive_sync(b), -EROFS);
	assert_int_equal(archive_close(b), 0);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_create(&b, path), -EEXIST);
	snprintf(file, sizeof(file), "%s/FORMAT", path);
	static const struct {
		const char *text;
		int error;
	} rows[] = {{"bulkhead-archive 2\n", 0}, {"bulkhead-archive 3\n", -ERR_UNSUPPORTED},
	    {"bulkhead-archive x\n", -ERR_MALFORMED}, {"bulkhead-archive 2", -ERR_MALFORMED},
	    {"", -ERR_MALFORMED}, {"something else\n", -ERR_MALFORMED}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *f = fopen(file, "w");
		fputs(rows[i].text, f);
		fclose(f);
		assert_int_equal(archive_open(&a, path, false), rows[i].error);
		if (rows[i].error == 0)
			archive_close(a);
	}
	folder_drop(path);
}

static struct net_addr v4(uint8_t last)
{
	return net_addr_v4((const uint8_t[]){10, 0, 0, last});
}

/* Flow i runs over [i * 10, i * 10 + 5], from host i % 20 to host 100 + i % 7; every 5th is a duplicate,
 * every 3rd has no answer. */
static struct msg_flow numbered_flow(uint64_t i)
{
	return (struct msg_flow){.id = i,
	    .duplicate_of = i % 5 ? 0 : 1,
	    .initiator = v4((uint8_t)(i % 20)),
	    .responder = v4((uint8_t)(100 + i % 7)),
	    .first = (int64_t)i * 10,
	    .last = (int64_t)i * 10 + 5,
	    .payload_out = 10,
	    .payload_in = i % 3 ? 20 : 0};
}

struct wanted {
	const struct archive_filter *filter;
	uint64_t next; /* id that is looked at next */
	uint64_t count;
};

static bool is_wanted(const struct archive_filter *f, const struct msg_flow *m)
{
	bool addr = f->addrs == NULL;
	for (size_t i = 0; i < f->n_addrs; i++)
		addr |= net_addr_equal(f->addrs[i], m->initiator) ||
		        net_addr_equal(f->addrs[i], m->responder);
	return addr && (f->duplicates || !m->duplicate_of) && (!f->established_only || m->payload_in) &&
	       (!f->to || m->first < f->to) && (!f->from || m->last >= f->from);
}

static int check_wanted(void *context, const struct msg_flow *f)
{
	struct wanted *w = context;
	for (;; w->next++) {
		struct msg_flow m = numbered_flow(w->next);
		if (is_wanted(w->filter, &m))
			break;
	}
	assert_int_equal(f->id, w->next);
	w->next++;
	w->count++;
	return 0;
}

static void filters_give_the_flows_asked_for(void **state)
{
	enum { FLOWS = 40000 };
	char *path = folder_make();
	struct archive *a;
	struct net_addr some[] = {v4(3), v4(102), v4(200)}, none[] = {v4(250)}, many[256];
	for (unsigned i = 0; i < 256; i++)
		many[i] = v4((uint8_t)i);
	const struct archive_filter filters[] = {
	    {0},
	    {.duplicates = true},
	    {.established_only = true},
	    {.addrs = some, .n_addrs = 3},
	    {.addrs = none, .n_addrs = 1},
	    {.addrs = none, .n_addrs = 0},
	    {.addrs = many, .n_addrs = 256, .duplicates = true},
	    {.from = 1000},
	    {.to = 1000},
	    {.from = 1005, .to = 1006},
	    {.from = 1006, .to = 1010},
	    {.from = 1006, .to = 1011, .duplicates = true},
	    {.from = 200000, .to = 300000, .addrs = some, .n_addrs = 3, .established_only = true},
	    {.from = FLOWS * 10 + 100},
	};
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	/* some in a segment of several blocks, some in the journal */
	for (uint64_t i = 1; i <= FLOWS; i++) {
		struct msg_flow f = numbered_flow(i);
		assert_int_equal(archive_append_flow(a, &f), 0);
		if (i == FLOWS - 100) {
			assert_int_equal(archive_close(a), 0);
			assert_int_equal(archive_open(&a, path, true), 0);
		}
	}
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct wanted w = {.filter = &filters[i], .next = 1};
		uint64_t expected = 0;
		for (uint64_t n = 1; n <= FLOWS; n++) {
			struct msg_flow m = numbered_flow(n);
			expected += is_wanted(&filters[i], &m);
		}
		assert_int_equal(archive_scan_flows(a, &filters[i], check_wanted, &w), 0);
		assert_int_equal(w.count, expected);
	}
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static int stop_at_third(void *context, const struct msg_flow *f)
{
	return f->id < 3 ? 0 : *(int *)context;
}

static int append_while_scanning(void *context, const struct msg_flow *f)
{
	struct archive *a = context;
	assert_int_equal(archive_append_flow(a, f), -EBUSY);
	return archive_append_detection(a, &(struct msg_detection){.id = f->id + 100});
}

static void scans_stop_when_told(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct archive_stat stat;
	int answer;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = i}), 0);
	answer = 1;
	assert_int_equal(archive_scan_flows(a, NULL, stop_at_third, &answer), 1);
	answer = -EPIPE;
	assert_int_equal(archive_scan_flows(a, NULL, stop_at_third, &answer), -EPIPE);
	assert_int_equal(archive_scan_flows(a, NULL, append_while_scanning, a), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.records[MSG_FLOW], 4);
	assert_int_equal(stat.records[MSG_DETECTION], 4);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 5}), 0);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static int count_transaction(void *context, const struct msg_transaction *t)
{
	uint64_t *counts = context;
	counts[t->flow]++;
	return 0;
}

static void transactions_are_found_by_their_flows(void **state)
{
	char *path = folder_make();
	struct archive *a;
	const uint64_t flows[] = {2, 5, 9};
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 2000; i++) {
			struct msg_transaction t = {.id = i, .flow = i % 10};
			assert_int_equal(archive_append_transaction(a, &t), 0);
		}
		uint64_t counts[10] = {0};
		assert_int_equal(archive_scan_transactions(a, flows, 3, count_transaction, counts), 0);
		for (uint64_t i = 0; i < 10; i++)
			assert_int_equal(counts[i], i == 2 || i == 5 || i == 9 ? 200 * (round + 1) : 0);
		assert_int_equal(archive_scan_transactions(a, flows, 0, count_transaction, NULL), 0);
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(archive_open(&a, path, true), 0);
	}
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void a_flow_is_found_by_its_id_and_the_last_record_stands(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct arena arena = {0};
	struct msg_flow f;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_find_flow(a, 1, &arena, &f), -ENOENT);
	for (uint64_t i = 1; i <= 30000; i++) {
		uint64_t also[] = {i, i + 1};
		f = numbered_flow(i * 2);
		f.name = TEXT("server.example");
		f.also = (struct msg_u64s){.v = also, .n = 2};
		assert_int_equal(archive_append_flow(a, &f), 0);
		if (i % 1000 == 0) {
			/* a snapshot's successor */
			f.packets_in = 77;
			assert_int_equal(archive_append_flow(a, &f), 0);
		}
		if (i == 20000) {
			assert_int_equal(archive_close(a), 0);
			assert_int_equal(archive_open(&a, path, true), 0);
		}
	}
	for (uint64_t i = 1; i <= 30000; i += i % 1000 == 0 ? 1 : 37 - i % 37) {
		assert_int_equal(archive_find_flow(a, i * 2, &arena, &f), 0);
		assert_int_equal(f.id, i * 2);
		assert_int_equal(f.first, (int64_t)i * 20);
		assert_true(text_equal(f.name, TEXT("server.example")));
		assert_int_equal(f.also.n, 2);
		assert_int_equal(f.also.v[1], i + 1);
		assert_int_equal(f.packets_in, i % 1000 ? 0 : 77);
		assert_int_equal(archive_find_flow(a, i * 2 + 1, &arena, &f), -ENOENT);
	}
	arena_free(&arena);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static int count_flow(void *context, const struct msg_flow *f)
{
	(void)f;
	++*(uint64_t *)context;
	return 0;
}

static void readers_see_what_was_synced_when_they_opened(void **state)
{
	char *path = folder_make();
	struct archive *a, *before, *after;
	uint64_t count = 0;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	/* enough for frames that are written but not acknowledged */
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = i}), 0);
	assert_int_equal(archive_open(&before, path, false), 0);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(archive_open(&after, path, false), 0);
	assert_int_equal(archive_scan_flows(before, NULL, count_flow, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(archive_scan_flows(after, NULL, count_flow, &count), 0);
	assert_int_equal(count, 5000);
	/* the journal becomes a segment under the reader */
	assert_int_equal(archive_close(a), 0);
	count = 0;
	assert_int_equal(archive_scan_flows(after, NULL, count_flow, &count), 0);
	assert_int_equal(count, 5000);
	archive_close(before);
	archive_close(after);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_comes_back_as_it_was),
	    cmocka_unit_test(blocks_and_segments_end_at_their_bounds),
	    cmocka_unit_test(large_records_are_kept_or_refused_whole),
	    cmocka_unit_test(opening_says_what_is_there),
	    cmocka_unit_test(filters_give_the_flows_asked_for),
	    cmocka_unit_test(scans_stop_when_told),
	    cmocka_unit_test(transactions_are_found_by_their_flows),
	    cmocka_unit_test(a_flow_is_found_by_its_id_and_the_last_record_stands),
	    cmocka_unit_test(readers_see_what_was_synced_when_they_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
