/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Torn and rotten files: whatever is cut or flipped, a scan gives right records or an error, and the loss is
 * told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/journal.h"
#include "archive/segment.h"
#include "base/err.h"
#include "records.h"

/* Flow number i, all of it made from i. */
static void make(uint64_t i, struct record_room *room, struct msg_flow *f)
{
	record_make(archive_layout_of(MSG_FLOW), i, i, room, f);
	f->duplicate_of = 0;
}

static void append(struct archive *a, uint64_t from, uint64_t to)
{
	struct record_room room;
	struct msg_flow f;
	for (uint64_t i = from; i < to; i++) {
		make(i, &room, &f);
		assert_int_equal(archive_append_flow(a, &f), 0);
	}
}

struct seen {
	uint64_t count, last;
	bool ids[4096];
};

static int check(void *context, const struct msg_flow *f)
{
	struct seen *s = context;
	struct record_room room;
	struct msg_flow made;
	assert_in_range(f->id, s->last + 1, 4095); /* in order, none twice */
	make(f->id, &room, &made);
	assert_true(record_same(archive_layout_of(MSG_FLOW), f, &made));
	s->last = f->id;
	s->ids[f->id] = true;
	s->count++;
	return 0;
}

static int scan(struct archive *a, struct seen *ret_seen)
{
	*ret_seen = (struct seen){0};
	return archive_scan_flows(a, NULL, check, ret_seen);
}

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes slurp(const char *folder, const char *name)
{
	char path[600];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	struct bytes b = {.p = malloc((size_t)st.st_size + 1), .n = (size_t)st.st_size};
	assert_int_equal(read(fd, b.p, b.n), b.n);
	close(fd);
	return b;
}

static void put(const char *folder, const char *name, const uint8_t *p, size_t n)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static bool there(const char *folder, const char *name)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static const char journal[] = "flow-0000000001.journal";
static const char segment[] = "flow-0000000001.seg";
static const char damaged[] = "flow-0000000001.damaged";

/* Three acknowledged syncs of 2 flows each; ends[i] is the journal's size after sync i. */
static char *journaled_archive(size_t *ends)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	for (uint64_t i = 0; i < 3; i++) {
		append(a, 1 + i * 2, 3 + i * 2);
		assert_int_equal(archive_sync(a), 0);
		struct bytes b = slurp(path, journal);
		ends[i] = b.n;
		free(b.p);
	}
	assert_int_equal(archive_close(a), 0);
	return path;
}

static void restore(const char *path, struct bytes b)
{
	char name[600];
	snprintf(name, sizeof(name), "%s/%s", path, segment);
	unlink(name);
	snprintf(name, sizeof(name), "%s/%s", path, damaged);
	unlink(name);
	put(path, journal, b.p, b.n);
}

static void a_journal_cut_anywhere_keeps_its_whole_frames(void **state)
{
	size_t ends[3];
	char *path = journaled_archive(ends);
	struct bytes whole = slurp(path, journal);
	struct archive *a;
	struct archive_stat stat;
	struct seen seen;
	(void)state;
	for (size_t cut = 0; cut <= whole.n; cut++) {
		uint64_t kept = cut < ends[0] ? 0 : cut < ends[1] ? 2 : cut < ends[2] ? 4 : 6;
		size_t end = cut < ARCHIVE_JOURNAL_HEADER_SIZE ? 0
		             : kept                            ? ends[kept / 2 - 1]
		                                               : ARCHIVE_JOURNAL_HEADER_SIZE;
		put(path, journal, whole.p, cut);
		/* a reader tells and leaves it */
		assert_int_equal(archive_open(&a, path, false), 0);
		archive_get_stat(a, &stat);
		assert_int_equal(stat.torn_bytes, cut - end);
		assert_int_equal(scan(a, &seen), 0);
		assert_int_equal(seen.count, kept);
		archive_close(a);
		/* a writer cuts, and goes on */
		assert_int_equal(archive_open(&a, path, true), 0);
		archive_get_stat(a, &stat);
		assert_int_equal(stat.torn_bytes, cut - end);
		assert_int_equal(stat.damaged_bytes, 0);
		append(a, 100, 103);
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(archive_open(&a, path, false), 0);
		archive_get_stat(a, &stat);
		assert_int_equal(stat.torn_bytes, 0);
		assert_int_equal(scan(a, &seen), 0);
		assert_int_equal(seen.count, kept + 3);
		archive_close(a);
	}
	free(whole.p);
	folder_drop(path);
}

static void a_flipped_journal_byte_costs_one_frame_and_is_told(void **state)
{
	size_t ends[3];
	char *path = journaled_archive(ends);
	struct bytes whole = slurp(path, journal);
	struct archive *a;
	struct archive_stat stat;
	struct seen seen;
	(void)state;
	for (size_t at = 0; at < whole.n; at++) {
		/* the frame that is hit: -1 is the header, which is known and costs nothing */
		int frame = at < ARCHIVE_JOURNAL_HEADER_SIZE ? -1 : at < ends[0] ? 0 : at < ends[1] ? 1 : 2;
		whole.p[at] ^= (uint8_t)(1 << at % 8);
		restore(path, whole);
		assert_int_equal(archive_open(&a, path, false), 0);
		assert_int_equal(scan(a, &seen), frame == 2 ? 0 : -ERR_CHECKSUM);
		assert_int_equal(seen.count, frame < 0 ? 6 : 4);
		archive_close(a);
		assert_int_equal(archive_open(&a, path, true), 0);
		archive_get_stat(a, &stat);
		assert_int_equal(scan(a, &seen), 0);
		assert_int_equal(seen.count, frame < 0 ? 6 : 4);
		for (uint64_t i = 1; i <= 6; i++)
			assert_int_equal(seen.ids[i], (int)(i - 1) / 2 != frame);
		if (frame == 2) {
			/* nothing stands behind it, so it can't be told from a torn tail */
			assert_int_equal(stat.torn_bytes, ends[2] - ends[1]);
		} else {
			size_t size = frame < 0 ? ARCHIVE_JOURNAL_HEADER_SIZE
			                        : ends[frame] -
			                              (frame ? ends[frame - 1] : ARCHIVE_JOURNAL_HEADER_SIZE);
			assert_int_equal(stat.torn_bytes, 0);
			assert_int_equal(stat.damaged_bytes, size);
			assert_false(there(path, journal));
			struct bytes aside = slurp(path, damaged);
			assert_int_equal(aside.n, size);
			free(aside.p);
		}
		assert_int_equal(archive_close(a), 0);
		/* the loss goes on being told */
		assert_int_equal(archive_open(&a, path, false), 0);
		archive_get_stat(a, &stat);
		assert_int_equal(stat.damaged_bytes > 0, frame != 2);
		assert_int_equal(scan(a, &seen), 0);
		archive_close(a);
		whole.p[at] ^= (uint8_t)(1 << at % 8);
	}
	free(whole.p);
	folder_drop(path);
}

/* 1,100 flows in one segment, 3 more in the journal of the next. */
static char *sealed_archive(void)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	append(a, 1, 1101);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	append(a, 1101, 1104);
	assert_int_equal(archive_close(a), 0);
	return path;
}

/* A scan reads what it needs: its records are right, and it gives all of them or an error. Reading the whole
 * file finds any byte. */
static void check_bad_segment(const char *path)
{
	char name[600];
	struct archive *a;
	struct archive_segment s;
	struct seen seen;
	assert_int_equal(archive_open(&a, path, false), 0);
	int r = scan(a, &seen);
	assert_in_range(seen.count, 0, 1103);
	assert_true(r < 0 || seen.count == 1103);
	archive_close(a);
	snprintf(name, sizeof(name), "%s/%s", path, segment);
	int fd = open(name, O_RDONLY);
	assert_true(fd >= 0);
	r = archive_segment_open(&s, fd, archive_layout_of(MSG_FLOW), 1, 1);
	if (r == 0) {
		r = archive_segment_verify(&s);
		archive_segment_close(&s);
	}
	assert_true(r < 0);
}

/* Of a file: every byte of both ends, and a sample of the middle. */
static size_t next_place(size_t at, size_t n)
{
	return at < 400 || at + 900 > n ? at + 1 : at + 97;
}

static void a_segment_cut_or_flipped_anywhere_is_found(void **state)
{
	char *path = sealed_archive();
	struct bytes whole = slurp(path, segment);
	struct archive *a;
	struct seen seen;
	(void)state;
	for (size_t at = 0; at < whole.n; at = next_place(at, whole.n)) {
		put(path, segment, whole.p, at);
		check_bad_segment(path);
		whole.p[at] ^= (uint8_t)(1 << at % 8);
		put(path, segment, whole.p, whole.n);
		check_bad_segment(path);
		whole.p[at] ^= (uint8_t)(1 << at % 8);
	}
	put(path, segment, whole.p, whole.n);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(scan(a, &seen), 0);
	assert_int_equal(seen.count, 1103);
	archive_close(a);
	free(whole.p);
	folder_drop(path);
}

static void a_missing_segment_is_told(void **state)
{
	char *path = sealed_archive(), name[600];
	struct archive *a;
	struct seen seen;
	struct arena arena = {0};
	struct msg_flow f;
	(void)state;
	snprintf(name, sizeof(name), "%s/%s", path, segment);
	unlink(name);
	for (int writable = 0; writable <= 1; writable++) {
		assert_int_equal(archive_open(&a, path, writable), 0);
		assert_int_equal(scan(a, &seen), -ERR_MALFORMED);
		/* "not there" would be more than is known */
		assert_int_equal(archive_find_flow(a, 5, &arena, &f), -ERR_MALFORMED);
		assert_int_equal(archive_find_flow(a, 1102, &arena, &f), 0);
		archive_close(a);
	}
	arena_free(&arena);
	folder_drop(path);
}

static void a_segment_under_another_name_is_refused(void **state)
{
	char *path = sealed_archive();
	struct bytes b = slurp(path, segment);
	struct archive *a;
	struct seen seen;
	(void)state;
	put(path, "flow-0000000003.seg", b.p, b.n);
	for (int writable = 0; writable <= 1; writable++) {
		assert_int_equal(archive_open(&a, path, writable), 0);
		assert_int_equal(scan(a, &seen), -ERR_MALFORMED);
		assert_int_equal(seen.count, 1100);
		archive_close(a);
	}
	/* a journal without its segment isn't void, whatever comes after it */
	assert_true(there(path, "flow-0000000002.journal"));
	put(path, "binding-0000000001.seg", b.p, b.n);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_scan_bindings(a, NULL, NULL), -ERR_CHECKSUM);
	archive_close(a);
	free(b.p);
	folder_drop(path);
}

/* A crash between the segment's name and the journal's end, and one while the segment was being written. */
static void leftovers_of_a_crash_are_tidied(void **state)
{
	size_t ends[3];
	char *path = journaled_archive(ends);
	struct bytes kept = slurp(path, journal);
	struct archive *a;
	struct archive_stat stat;
	struct seen seen;
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	append(a, 7, 1201);
	assert_int_equal(archive_close(a), 0);
	assert_true(there(path, segment));
	put(path, journal, kept.p, kept.n);
	put(path, "flow-0000000002.tmp", kept.p, 100);
	put(path, "unrelated", kept.p, 1);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(scan(a, &seen), 0);
	assert_int_equal(seen.count, 1200);
	archive_close(a);
	assert_true(there(path, journal));
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(scan(a, &seen), 0);
	assert_int_equal(seen.count, 1200);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	archive_close(a);
	assert_false(there(path, journal));
	assert_false(there(path, "flow-0000000002.tmp"));
	assert_true(there(path, "unrelated"));
	free(kept.p);
	folder_drop(path);
}

/* The segment is no good, but the journal that it was made from is still there. */
static void a_bad_segment_gives_way_to_its_journal(void **state)
{
	size_t ends[3];
	char *path = journaled_archive(ends);
	struct archive *a;
	struct seen seen;
	(void)state;
	put(path, segment, (const uint8_t *)"rubbish", 7);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(archive_open(&a, path, round), 0);
		assert_int_equal(scan(a, &seen), 0);
		assert_int_equal(seen.count, 6);
		if (round)
			append(a, 7, 1201);
		assert_int_equal(archive_close(a), 0);
	}
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(scan(a, &seen), 0);
	assert_int_equal(seen.count, 1200);
	archive_close(a);
	folder_drop(path);
}

/* A frame at its own place in its own journal passes; the same bytes elsewhere don't. */
static void stale_frames_of_another_place_do_not_pass(void **state)
{
	size_t ends[3];
	char *path = journaled_archive(ends);
	struct bytes b = slurp(path, journal);
	struct archive *a;
	struct archive_stat stat;
	struct seen seen;
	(void)state;
	/* the second frame again, behind the third, as blocks of an older file might stand */
	size_t size = ends[1] - ends[0];
	uint8_t *more = malloc(b.n + size);
	memcpy(more, b.p, b.n);
	memcpy(more + b.n, b.p + ends[0], size);
	put(path, journal, more, b.n + size);
	assert_int_equal(archive_open(&a, path, false), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.torn_bytes, size);
	assert_int_equal(scan(a, &seen), 0);
	assert_int_equal(seen.count, 6);
	archive_close(a);
	/* the journal as that of segment 1 of another number */
	put(path, "flow-0000000002.journal", b.p, b.n);
	char name[600];
	snprintf(name, sizeof(name), "%s/%s", path, journal);
	unlink(name);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_true(scan(a, &seen) < 0);
	assert_int_equal(seen.count, 0);
	archive_close(a);
	free(more);
	free(b.p);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_journal_cut_anywhere_keeps_its_whole_frames),
	    cmocka_unit_test(a_flipped_journal_byte_costs_one_frame_and_is_told),
	    cmocka_unit_test(a_segment_cut_or_flipped_anywhere_is_found),
	    cmocka_unit_test(a_missing_segment_is_told),
	    cmocka_unit_test(a_segment_under_another_name_is_refused),
	    cmocka_unit_test(leftovers_of_a_crash_are_tidied),
	    cmocka_unit_test(a_bad_segment_gives_way_to_its_journal),
	    cmocka_unit_test(stale_frames_of_another_place_do_not_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
