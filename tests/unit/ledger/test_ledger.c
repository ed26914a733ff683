/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "ledger/key.h"
#include "ledger/ledger.h"

static struct ledger_entry run(const char *kind, uint64_t number, uint64_t records, uint8_t root)
{
	struct ledger_entry e = {
	    .type = LEDGER_RUN, .kind = text_of(kind), .first = number, .last = number, .records = records};
	memset(e.hash.b, root, sizeof(e.hash.b));
	return e;
}

static struct ledger_entry about(enum ledger_entry_type type, const char *kind, uint64_t first, uint64_t last)
{
	return (struct ledger_entry){.type = type, .kind = text_of(kind), .first = first, .last = last};
}

static struct ledger *opened(const struct folder *f, bool writable)
{
	struct ledger *l = NULL;
	assert_int_equal(ledger_open(&l, f->fd, writable, "example.org/log"), 0);
	return l;
}

static void test_entries_come_back_as_they_were_appended(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = NULL;
	struct ledger_entry e;
	char line[LEDGER_LINE_MAX];
	size_t n;
	assert_int_equal(ledger_open(&l, f.fd, false, NULL), -ENOENT);
	l = opened(&f, true);
	const struct ledger_entry entries[] = {run("flow", 1, 262144, 0xab), run("transaction", 1, 7, 1),
	    run("flow", 2, 5, 2), run("flow", 2, 6, 3), about(LEDGER_FILE, "flow", 1, 2),
	    about(LEDGER_EXPIRE, "flow", 1, 1)};
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		assert_int_equal(ledger_append(l, &entries[i]), 0);
	ledger_close(l);
	l = opened(&f, false);
	assert_int_equal(ledger_entries(l), 7);
	assert_string_equal(ledger_origin(l), "example.org/log");
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		const struct ledger_entry *was = &entries[i];
		assert_int_equal(ledger_entry_at(l, i + 1, &e), 0);
		assert_int_equal(e.type, was->type);
		assert_true(text_equal(e.kind, was->kind));
		assert_int_equal(e.first, was->first);
		assert_int_equal(e.last, was->last);
		assert_int_equal(e.records, was->records);
		assert_int_equal(e.time, was->time);
		assert_true(merkle_equal(&e.hash, &was->hash));
	}
	assert_int_equal(ledger_line_at(l, 1, line, &n), 0);
	assert_true(text_equal(text_bytes(line, n),
	    TEXT("run flow 1 262144 abababababababababababababababababababababababababababababababab")));
	assert_int_equal(ledger_line_at(l, 6, line, &n), 0);
	assert_true(text_equal(text_bytes(line, n), TEXT("expire flow 1 1 1970-01-01T00:00:00.000000000Z")));
	assert_int_equal(ledger_entry_at(l, 7, &e), -EINVAL);
	uint64_t index;
	assert_int_equal(ledger_find_run(l, TEXT("flow"), 2, &index), 0);
	assert_int_equal(index, 4);
	assert_int_equal(ledger_find_run(l, TEXT("flow"), 3, &index), -ENOENT);
	assert_int_equal(ledger_find_run(l, TEXT("binding"), 1, &index), -ENOENT);
	assert_int_equal(ledger_append(l, &entries[0]), -EROFS);
	ledger_close(l);
	folder_remove(&f);
}

static void test_an_entry_that_breaks_the_order_is_not_entered(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = opened(&f, true);
	struct ledger_entry good = run("flow", 7, 10, 1);
	assert_int_equal(ledger_append(l, &good), 0);
	const struct ledger_entry bad[] = {
	    {.type = LEDGER_BEGIN, .text = TEXT("another")},
	    {.type = LEDGER_KEY, .text = TEXT("nonsense")},
	    run("flow", 7, 9, 1),
	    run("flow", 7, 10, 2),
	    run("Flow", 8, 1, 1),
	    run("", 8, 1, 1),
	    run("seventeenletterss", 8, 1, 1),
	    run("flow", (uint64_t)INT64_MAX + 1, 1, 1),
	    about(LEDGER_FILE, "flow", 7, 8),
	    about(LEDGER_FILE, "flow", 6, 7),
	    about(LEDGER_FILE, "flow", 8, 7),
	    about(LEDGER_FILE, "binding", 7, 7),
	    about(LEDGER_EXPIRE, "flow", 6, 6),
	};
	struct dynbuf before = folder_read(&f, LEDGER_LOG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ledger_append(l, &bad[i]), -EINVAL);
		/* Of a batch nothing stays either. */
		const struct ledger_entry batch[] = {
		    run("detection", 1, 1, 1), run("flow", 7, 11, 3), bad[i]};
		if (i == 3)
			continue; /* after the batch's second entry it would be the third of the table */
		assert_int_equal(ledger_append_all(l, batch, 3), -EINVAL);
	}
	struct dynbuf after = folder_read(&f, LEDGER_LOG);
	assert_true(text_equal(dynbuf_view(&before), dynbuf_view(&after)));
	assert_int_equal(ledger_entries(l), 2);
	uint64_t index;
	assert_int_equal(ledger_find_run(l, TEXT("flow"), 7, &index), 0);
	assert_int_equal(index, 1);
	assert_int_equal(ledger_find_run(l, TEXT("detection"), 1, &index), -ENOENT);
	/* The same once more is no harm, and the run may grow from where it was. */
	assert_int_equal(ledger_append(l, &good), 0);
	struct ledger_entry grown = run("flow", 7, 11, 9);
	assert_int_equal(ledger_append(l, &grown), 0);
	ledger_close(l);
	l = opened(&f, true);
	assert_int_equal(ledger_entries(l), 4);
	ledger_close(l);
	dynbuf_free(&before);
	dynbuf_free(&after);
	folder_remove(&f);
}

static void test_a_torn_tail_is_cut_at_every_byte(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = opened(&f, true);
	struct ledger_entry e = run("flow", 1, 5, 1), next = run("flow", 2, 5, 1);
	assert_int_equal(ledger_append(l, &e), 0);
	struct dynbuf whole = folder_read(&f, LEDGER_LOG);
	assert_int_equal(ledger_append(l, &next), 0);
	ledger_close(l);
	struct dynbuf all = folder_read(&f, LEDGER_LOG);
	for (size_t n = whole.n; n < all.n; n++) {
		folder_write(&f, LEDGER_LOG, text_bytes(all.p, n));
		l = opened(&f, false);
		assert_int_equal(ledger_entries(l), 2);
		assert_int_equal(ledger_torn_bytes(l), n - whole.n);
		ledger_close(l);
		l = opened(&f, true);
		assert_int_equal(ledger_entries(l), 2);
		assert_int_equal(ledger_append(l, &next), 0);
		ledger_close(l);
		struct dynbuf now = folder_read(&f, LEDGER_LOG);
		assert_true(text_equal(dynbuf_view(&now), dynbuf_view(&all)));
		dynbuf_free(&now);
	}
	/* The length reached the disk and the bytes did not, or not all. */
	for (size_t n = whole.n; n < all.n; n++) {
		struct dynbuf holed = {0};
		dynbuf_text(&holed, dynbuf_view(&all));
		memset(holed.p + n, 0, 1);
		folder_write(&f, LEDGER_LOG, dynbuf_view(&holed));
		l = opened(&f, true);
		assert_int_equal(ledger_entries(l), 2);
		assert_int_equal(ledger_torn_bytes(l), all.n - whole.n);
		ledger_close(l);
		dynbuf_free(&holed);
	}
	dynbuf_free(&whole);
	dynbuf_free(&all);
	folder_remove(&f);
}

static void test_a_full_disk_leaves_the_log_as_it_was(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = opened(&f, true);
	struct ledger_entry e = run("flow", 1, 5, 1);
	assert_int_equal(ledger_append(l, &e), 0);
	struct dynbuf before = folder_read(&f, LEDGER_LOG);
	struct rlimit was, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	/* The limit on a file's size stands for a disk that fills up within the line. */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t room = 0; room < 12; room++) {
		small = (struct rlimit){.rlim_cur = before.n + room, .rlim_max = was.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		e = run("flow", 2, 5, 1);
		int r = ledger_append(l, &e);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(r, -EFBIG);
		assert_int_equal(ledger_entries(l), 2);
		struct dynbuf after = folder_read(&f, LEDGER_LOG);
		assert_true(text_equal(dynbuf_view(&before), dynbuf_view(&after)));
		dynbuf_free(&after);
	}
	assert_int_equal(ledger_append(l, &e), 0);
	ledger_close(l);
	l = opened(&f, false);
	assert_int_equal(ledger_entries(l), 3);
	ledger_close(l);
	dynbuf_free(&before);
	folder_remove(&f);
}

static void test_a_line_out_of_form_is_refused(void **state)
{
	(void)state;
	static const char begin[] = "begin example.org/log 2026-11-23T06:25:11.000000000Z\n";
	static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *before, *after;
	} bad[] = {
	    {"run flow 01 1 ", "\n"},
	    {"run flow 1 1  ", "\n"},
	    {"run flow 1 1 ", " \n"},
	    {" run flow 1 1 ", "\n"},
	    {"run flow 1 1 ", "\r\n"},
	    {"run flow 1 1 ", "0\n"},
	    {"run flow -1 1 ", "\n"},
	    {"run flow 9223372036854775808 1 ", "\n"},
	    {"ran flow 1 1 ", "\n"},
	    {"file flow 1 1 ", "\n"},
	    {"begin example.org/log 2026-11-23T06:25:11.000000000Z\nrun flow 1 1 ", "\n"},
	    {"\nrun flow 1 1 ", "\n"},
	    {"run flow 1 1 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\nrun flow 1 1 ",
	        "\n"},
	};
	struct folder f = folder_make();
	struct dynbuf b = {0};
	struct ledger *l = NULL;
	dynbuf_printf(&b, "%srun flow 1 1 %s\n", begin, hash);
	folder_write(&f, LEDGER_LOG, dynbuf_view(&b));
	assert_int_equal(ledger_open(&l, f.fd, false, NULL), 0);
	assert_int_equal(ledger_entries(l), 2);
	ledger_close(l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		dynbuf_reset(&b);
		dynbuf_printf(&b, "%s%s%s%s", begin, bad[i].before, hash, bad[i].after);
		folder_write(&f, LEDGER_LOG, dynbuf_view(&b));
		assert_int_equal(ledger_open(&l, f.fd, false, NULL), -ERR_MALFORMED);
		assert_int_equal(ledger_open(&l, f.fd, true, NULL), -ERR_MALFORMED);
	}
	/* Without its begin, and a line longer than any. */
	folder_write(&f, LEDGER_LOG, text_bytes(b.p + strlen(begin), b.n - strlen(begin)));
	assert_int_equal(ledger_open(&l, f.fd, false, NULL), -ERR_MALFORMED);
	dynbuf_reset(&b);
	dynbuf_str(&b, begin);
	for (size_t i = 0; i < LEDGER_LINE_MAX; i++)
		dynbuf_str(&b, "x");
	folder_write(&f, LEDGER_LOG, dynbuf_view(&b));
	assert_int_equal(ledger_open(&l, f.fd, false, NULL), -ERR_MALFORMED);
	dynbuf_free(&b);
	folder_remove(&f);
}

static void test_a_log_names_itself_when_nobody_does(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = NULL;
	char origin[256];
	assert_int_equal(ledger_open(&l, f.fd, true, "with blank "), -EINVAL);
	assert_int_equal(ledger_open(&l, f.fd, true, NULL), 0);
	snprintf(origin, sizeof(origin), "%s", ledger_origin(l));
	assert_int_equal(strlen(origin), strlen("bulkhead/") + 32);
	ledger_close(l);
	assert_int_equal(ledger_open(&l, f.fd, true, "another"), 0);
	assert_string_equal(ledger_origin(l), origin);
	ledger_close(l);
	folder_remove(&f);
}

static void test_a_link_in_place_of_the_log_is_refused(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger *l = NULL;
	assert_int_equal(symlinkat("/etc/passwd", f.fd, LEDGER_LOG), 0);
	assert_int_equal(ledger_open(&l, f.fd, false, NULL), -ELOOP);
	assert_int_equal(ledger_open(&l, f.fd, true, NULL), -ELOOP);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_entries_come_back_as_they_were_appended),
	    cmocka_unit_test(test_an_entry_that_breaks_the_order_is_not_entered),
	    cmocka_unit_test(test_a_torn_tail_is_cut_at_every_byte),
	    cmocka_unit_test(test_a_full_disk_leaves_the_log_as_it_was),
	    cmocka_unit_test(test_a_line_out_of_form_is_refused),
	    cmocka_unit_test(test_a_log_names_itself_when_nobody_does),
	    cmocka_unit_test(test_a_link_in_place_of_the_log_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
