/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "ledger/history.h"
#include "ledger/ledger.h"

#define SIGNATURE "\xe2\x80\x94 example.org AAAAAAAA\n"

/* A note of n bytes, whose text is lines of one letter. */
static void note_made(struct dynbuf *out, char letter, size_t n)
{
	size_t text = n - strlen(SIGNATURE) - 1;
	for (size_t i = 0; i < text; i++)
		dynbuf_u8(out, i % 100 == 99 || i + 1 == text ? '\n' : (uint8_t)letter);
	dynbuf_str(out, "\n" SIGNATURE);
}

struct step {
	size_t n;
	uint64_t line;
};

/* What the reader gives of these bytes; the last return. */
static int read_all(struct text bytes, struct step *steps, size_t max, size_t *ret_n, uint64_t *ret_torn)
{
	struct folder f = folder_make();
	struct history *h;
	struct text note;
	size_t n = 0;
	uint64_t at = 0;
	int r;
	folder_write(&f, LEDGER_HISTORY, bytes);
	assert_int_equal(history_open(&h, f.fd), 0);
	while ((r = history_next(h, &note)) == 0) {
		assert_true(n < max);
		assert_true(text_equal(note, text_sub(bytes, (size_t)at, note.n)));
		steps[n++] = (struct step){.n = note.n, .line = history_line(h)};
		at += note.n;
	}
	*ret_torn = history_torn(h);
	assert_int_equal(at + *ret_torn, bytes.n);
	*ret_n = n;
	history_close(h);
	folder_remove(&f);
	return r;
}

static void test_none_are_none(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct history *h;
	struct text note;
	struct dynbuf out = {0};
	assert_int_equal(history_open(&h, f.fd), 0);
	assert_int_equal(history_next(h, &note), -ENOENT);
	assert_int_equal(history_torn(h), 0);
	history_close(h);
	assert_int_equal(history_find(f.fd, 1, &out), -ENOENT);
	folder_remove(&f);
}

/* More than the window holds, in notes of many sizes, so that every part of one falls on a step's edge. */
static void test_notes_are_found_however_many_there_are(void **state)
{
	(void)state;
	static struct step steps[4096];
	struct dynbuf all = {0};
	size_t sizes[4096], count = 0, n;
	uint64_t torn, line = 1;
	for (size_t size = 60; all.n < 3 * (size_t)HISTORY_WINDOW; size = size % 1900 + 61) {
		note_made(&all, 'a', size);
		sizes[count++] = size;
	}
	assert_int_equal(read_all(dynbuf_view(&all), steps, 4096, &n, &torn), -ENOENT);
	assert_int_equal(n, count);
	assert_int_equal(torn, 0);
	for (size_t i = 0; i < n; i++) {
		size_t text = sizes[i] - strlen(SIGNATURE) - 1;
		assert_int_equal(steps[i].n, sizes[i]);
		assert_int_equal(steps[i].line, line);
		line += (text + 99) / 100 + 2;
	}
	dynbuf_free(&all);
}

static void test_a_note_of_several_signatures_at_every_edge(void **state)
{
	(void)state;
	/* the second note begins behind a step of 64 KiB, less some bytes */
	for (size_t less = 0; less < 2 * strlen(SIGNATURE) + 4; less++) {
		struct dynbuf all = {0};
		struct step steps[4];
		size_t n;
		uint64_t torn;
		note_made(&all, 'a', (1 << 16) - less);
		dynbuf_str(&all, SIGNATURE);
		note_made(&all, 'b', 90);
		dynbuf_str(&all, SIGNATURE);
		assert_int_equal(read_all(dynbuf_view(&all), steps, 4, &n, &torn), -ENOENT);
		assert_int_equal(n, 2);
		assert_int_equal(steps[0].n, (1 << 16) - less + strlen(SIGNATURE));
		assert_int_equal(steps[1].n, 90 + strlen(SIGNATURE));
		dynbuf_free(&all);
	}
}

static void test_a_torn_note_is_told_at_every_byte(void **state)
{
	(void)state;
	struct dynbuf all = {0};
	struct step steps[2];
	size_t n;
	uint64_t torn;
	note_made(&all, 'a', 100);
	note_made(&all, 'b', 100);
	for (size_t cut = 101; cut < 200; cut++) {
		int r = read_all(text_sub(dynbuf_view(&all), 0, cut), steps, 2, &n, &torn);
		assert_int_equal(r, -ERR_TRUNCATED);
		/* a dash behind a note may be one of its own signatures, and then that note is the torn one
		 */
		assert_int_equal(n, 1);
		assert_int_equal(torn, cut - 100);
	}
	dynbuf_free(&all);
}

static void test_what_is_longer_than_any_note_hides_none_behind_it(void **state)
{
	(void)state;
	struct dynbuf all = {0};
	struct step steps[8];
	size_t n;
	uint64_t torn;
	note_made(&all, 'a', NOTE_SIZE_MAX);
	assert_int_equal(read_all(dynbuf_view(&all), steps, 8, &n, &torn), -ENOENT);
	assert_int_equal(n, 1);
	assert_int_equal(steps[0].n, NOTE_SIZE_MAX);
	note_made(&all, 'b', 2 * NOTE_SIZE_MAX + 100);
	note_made(&all, 'c', 100);
	assert_int_equal(read_all(dynbuf_view(&all), steps, 8, &n, &torn), -ENOENT);
	assert_int_equal(n, 5);
	assert_int_equal(steps[0].n, NOTE_SIZE_MAX);
	assert_int_equal(steps[1].n, HISTORY_WINDOW);
	assert_int_equal(steps[2].n, HISTORY_WINDOW);
	assert_int_equal(steps[3].n, 2 * NOTE_SIZE_MAX + 100 - 2 * HISTORY_WINDOW);
	assert_int_equal(steps[4].n, 100);
	dynbuf_free(&all);
}

/* What a writer appends after a reader came is for later readers: the log that this one reads may lack it. */
static void test_a_reader_sees_what_was_there_when_it_came(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct dynbuf one = {0}, two = {0};
	struct history *h;
	struct text note;
	uint64_t size = UINT64_MAX;
	note_made(&one, 'a', 100);
	note_made(&two, 'b', 100);
	assert_int_equal(history_store(f.fd, dynbuf_view(&one), true, &size), 0);
	assert_int_equal(history_open(&h, f.fd), 0);
	assert_int_equal(history_store(f.fd, dynbuf_view(&two), true, &size), 0);
	assert_int_equal(history_next(h, &note), 0);
	assert_true(text_equal(note, dynbuf_view(&one)));
	assert_int_equal(history_next(h, &note), -ENOENT);
	history_close(h);
	/* and one that was cut meanwhile ends there */
	assert_int_equal(history_open(&h, f.fd), 0);
	assert_int_equal(truncate(folder_path(&f, LEDGER_HISTORY), 150), 0);
	assert_int_equal(history_next(h, &note), 0);
	assert_int_equal(history_next(h, &note), -ERR_TRUNCATED);
	assert_int_equal(history_torn(h), 50);
	history_close(h);
	dynbuf_free(&one);
	dynbuf_free(&two);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none_are_none),
	    cmocka_unit_test(test_notes_are_found_however_many_there_are),
	    cmocka_unit_test(test_a_note_of_several_signatures_at_every_edge),
	    cmocka_unit_test(test_a_torn_note_is_told_at_every_byte),
	    cmocka_unit_test(test_what_is_longer_than_any_note_hides_none_behind_it),
	    cmocka_unit_test(test_a_reader_sees_what_was_there_when_it_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
