/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs and the ledger: records come back byte by byte as they were appended, in whatever file they are, and
 * the ledger has the root of every run and the digest of every file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/journal.h"
#include "archive/reader.h"
#include "base/cursor.h"
#include "base/err.h"
#include "ledger/key.h"
#include "ledger/ledger.h"
#include "records.h"

/* Detection number i; every other kind of field is in one. */
static void make(uint64_t i, struct record_room *room, struct msg_detection *d)
{
	record_make(archive_layout_of(MSG_DETECTION), i, i, room, d);
}

/* The same as a program knew it that had only the first fields. */
static void make_old(uint64_t i, unsigned n_columns, struct record_room *room, struct msg_detection *d)
{
	const struct archive_layout *l = archive_layout_of(MSG_DETECTION);
	make(i, room, d);
	for (unsigned k = n_columns; k < l->n_columns; k++)
		memset((uint8_t *)d + l->columns[k].offset, 0, l->columns[k].size);
}

/* Appends the record as that program encoded it: fields follow each other in the schema's order, so it is the
 * beginning of ours, without the zeroes that the others are. */
static int encode_old(
    const struct archive_layout *l, struct dynbuf *out, const void *record, unsigned n_columns)
{
	size_t at = out->n;
	int r = l->encode(out, record);
	for (unsigned i = n_columns; r == 0 && i < l->n_columns; i++) {
		enum archive_column_type type = l->columns[i].type;
		bool counted = type == ARCHIVE_COLUMN_TEXT || type == ARCHIVE_COLUMN_U64S ||
		               type == ARCHIVE_COLUMN_FIELDS;
		out->n -= counted ? sizeof(uint32_t) : l->columns[i].size;
	}
	if (r == 0)
		store_le32(out->p + at + 2, (uint32_t)(out->n - at - MSG_HEADER_SIZE));
	return r;
}

static void append(struct archive *a, uint64_t from, uint64_t to)
{
	struct record_room room;
	struct msg_detection d;
	for (uint64_t i = from; i < to; i++) {
		make(i, &room, &d);
		assert_int_equal(archive_append_detection(a, &d), 0);
	}
}

/* Leaves that are the encodings of records next, next + 1 ... */
struct leaves {
	uint64_t next;
	unsigned n_columns; /* as a program wrote them that knew so many fields */
	struct merkle_tree tree;
};

static int check_leaf(void *context, struct text encoded)
{
	const struct archive_layout *l = archive_layout_of(MSG_DETECTION);
	struct leaves *s = context;
	struct record_room room;
	struct msg_detection d;
	struct dynbuf out = {0};
	make_old(s->next++, s->n_columns, &room, &d);
	if (s->n_columns == l->n_columns)
		assert_int_equal(msg_detection_encode(&out, &d), 0);
	else
		assert_int_equal(encode_old(l, &out, &d, s->n_columns), 0);
	assert_true(text_equal(dynbuf_view(&out), encoded));
	struct merkle_hash leaf = merkle_leaf(encoded.p, encoded.n);
	merkle_add(&s->tree, &leaf);
	dynbuf_free(&out);
	return 0;
}

/* The last entry of the type about a run or the file that holds it. */
static bool find_entry(
    struct archive *a, enum ledger_entry_type type, uint64_t run, struct ledger_entry *ret_entry)
{
	struct ledger *l = archive_ledger(a);
	bool found = false;
	assert_non_null(l);
	for (uint64_t i = 0; i < ledger_entries(l); i++) {
		struct ledger_entry e;
		assert_int_equal(ledger_entry_at(l, i, &e), 0);
		if (e.type != type || !text_equal(e.kind, TEXT("detection")) || run < e.first || run > e.last)
			continue;
		*ret_entry = e;
		found = true;
	}
	return found;
}

static void check_digest(const char *path, const char *name, const struct merkle_hash *expected)
{
	char file[600];
	struct merkle_hash digest;
	struct sha256_ctx sha;
	uint8_t bytes[4096];
	ssize_t n;
	snprintf(file, sizeof(file), "%s/%s", path, name);
	int fd = open(file, O_RDONLY);
	assert_true(fd >= 0);
	sha256_init(&sha);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		sha256_update(&sha, (size_t)n, bytes);
	close(fd);
	sha256_digest(&sha, sizeof(digest.b), digest.b);
	assert_true(merkle_equal(&digest, expected));
}

/* Run `number` holds records [from, to), and the ledger says so. */
static void check_run(
    struct archive *a, const char *path, uint64_t number, uint64_t from, uint64_t to, bool sealed)
{
	struct leaves s = {.next = from, .n_columns = archive_layout_of(MSG_DETECTION)->n_columns};
	struct ledger_entry e;
	char name[64];
	uint64_t run, at;
	assert_int_equal(archive_read_run(a, MSG_DETECTION, number, check_leaf, &s), 0);
	assert_int_equal(s.next, to);
	assert_true(find_entry(a, LEDGER_RUN, number, &e));
	assert_int_equal(e.records, to - from);
	struct merkle_hash root = merkle_root(&s.tree);
	assert_true(merkle_equal(&root, &e.hash));
	assert_int_equal(archive_run_file(a, MSG_DETECTION, number, name), 0);
	assert_int_equal(find_entry(a, LEDGER_FILE, number, &e), sealed);
	if (sealed)
		check_digest(path, name, &e.hash);
	for (uint64_t id = from; id < to; id += 1 + (to - from) / 7) {
		assert_int_equal(archive_locate(a, MSG_DETECTION, id, &run, &at), 0);
		assert_int_equal(run, number);
		assert_int_equal(at, id - from);
	}
}

/* Runs 1 (records 1 to 2,999) and 2 (to 4,999) in segments, run 3 (to 5,099) in a journal. */
static char *make_archive(void)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	append(a, 1, 3000);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	append(a, 3000, 5000);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	append(a, 5000, 5100);
	assert_int_equal(archive_close(a), 0);
	return path;
}

static void check_all(struct archive *a, const char *path)
{
	assert_int_equal(archive_runs(a, MSG_DETECTION), 3);
	check_run(a, path, 1, 1, 3000, true);
	check_run(a, path, 2, 3000, 5000, true);
	check_run(a, path, 3, 5000, 5100, false);
}

static void the_ledger_has_every_run_and_file(void **state)
{
	char *path = make_archive(), name[64];
	struct archive *a;
	struct archive_run run;
	struct leaves s = {.next = 1};
	uint64_t at;
	(void)state;
	for (int writable = 0; writable <= 1; writable++) {
		assert_int_equal(archive_open(&a, path, writable), 0);
		check_all(a, path);
		archive_run_at(a, MSG_DETECTION, 1, &run);
		assert_int_equal(run.number, 2);
		assert_int_equal(run.records, 2000);
		assert_int_equal(run.id_min, 3000);
		assert_int_equal(run.id_max, 4999);
		assert_true(run.sealed);
		assert_int_equal(run.error, 0);
		archive_run_at(a, MSG_DETECTION, 2, &run);
		assert_int_equal(run.number, 3);
		assert_int_equal(run.records, 100);
		assert_false(run.sealed);
		assert_int_equal(archive_read_run(a, MSG_DETECTION, 4, check_leaf, &s), -ENOENT);
		assert_int_equal(archive_run_file(a, MSG_DETECTION, 4, name), -ENOENT);
		assert_int_equal(archive_locate(a, MSG_DETECTION, 9999, &at, &at), -ENOENT);
		assert_int_equal(archive_runs(a, MSG_FLOW), 0);
		assert_int_equal(archive_close(a), 0);
	}
	folder_drop(path);
}

/* A run that grows is entered again when it is signed, and only then. */
static void signing_enters_what_is_open(void **state)
{
	char *path = make_archive();
	struct ledger_key *key;
	const struct ledger_key *keys[1];
	struct archive *a;
	struct stat st;
	char file[600];
	(void)state;
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	keys[0] = key;
	snprintf(file, sizeof(file), "%s/%s", path, LEDGER_CHECKPOINT);
	assert_int_equal(archive_open(&a, path, true), 0);
	archive_use_keys(a, keys, 1);
	uint64_t before = ledger_entries(archive_ledger(a));
	append(a, 5100, 5200);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(ledger_entries(archive_ledger(a)), before);
	assert_int_equal(stat(file, &st), -1);
	assert_int_equal(archive_sign(a), 0);
	assert_int_equal(ledger_entries(archive_ledger(a)), before + 1);
	assert_int_equal(stat(file, &st), 0);
	check_run(a, path, 3, 5000, 5200, false);
	assert_int_equal(archive_sign(a), 0);
	assert_int_equal(ledger_entries(archive_ledger(a)), before + 1);
	assert_int_equal(archive_close(a), 0);
	ledger_key_free(key);
	folder_drop(path);
}

static void copy_file(const char *path, const char *from, const char *to)
{
	char name[600];
	uint8_t bytes[4096];
	ssize_t n;
	snprintf(name, sizeof(name), "%s/%s", path, from);
	int in = open(name, O_RDONLY);
	snprintf(name, sizeof(name), "%s/%s", path, to);
	int out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static bool there(const char *path, const char *name)
{
	char file[600];
	snprintf(file, sizeof(file), "%s/%s", path, name);
	return access(file, F_OK) == 0;
}

/* The writer dies when the segment is there and the ledger doesn't know. */
static void what_a_crash_kept_from_the_ledger_is_entered(void **state)
{
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	append(a, 1, 3000);
	copy_file(path, LEDGER_LOG, "before");
	assert_int_equal(archive_close(a), 0);
	copy_file(path, "before", LEDGER_LOG);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(ledger_entries(archive_ledger(a)), 1);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	check_run(a, path, 1, 1, 3000, true);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

/* A journal as an older program left it, whose records had fewer fields. */
static void put_old_journal(const char *path, unsigned n_columns, uint64_t from, uint64_t to)
{
	const struct archive_layout *l = archive_layout_of(MSG_DETECTION);
	uint8_t header[ARCHIVE_JOURNAL_HEADER_SIZE];
	struct dynbuf records = {0};
	struct record_room room;
	struct msg_detection d;
	char name[600];
	snprintf(name, sizeof(name), "%s/detection-0000000001.journal", path);
	for (uint64_t i = from; i < to; i++) {
		make_old(i, n_columns, &room, &d);
		assert_int_equal(encode_old(l, &records, &d, n_columns), 0);
	}
	struct archive_journal j = {.fd = open(name, O_RDWR | O_CREAT, 0600), .size = sizeof(header)};
	assert_true(j.fd >= 0);
	j.header_checksum = archive_journal_header(l, 1, (uint16_t)n_columns, header);
	assert_int_equal(write(j.fd, header, sizeof(header)), sizeof(header));
	assert_int_equal(archive_journal_write(&j, dynbuf_view(&records), (uint32_t)(to - from), true), 0);
	archive_journal_close(&j);
	dynbuf_free(&records);
}

static void records_of_an_older_schema_keep_their_bytes(void **state)
{
	const struct archive_layout *l = archive_layout_of(MSG_DETECTION);
	(void)state;
	for (unsigned n_columns = l->n_columns - 5u; n_columns < l->n_columns; n_columns++) {
		char *path = folder_make();
		struct archive *a;
		struct ledger_entry e;
		assert_int_equal(archive_create(&a, path), 0);
		assert_int_equal(archive_close(a), 0);
		put_old_journal(path, n_columns, 1, 40);
		for (int round = 0; round < 3; round++) {
			/* a reader reads the journal; a writer makes a segment of it at once */
			struct leaves s = {.next = 1, .n_columns = n_columns};
			assert_int_equal(archive_open(&a, path, round == 1), 0);
			assert_int_equal(archive_read_run(a, MSG_DETECTION, 1, check_leaf, &s), 0);
			assert_int_equal(s.next, 40);
			struct merkle_hash root = merkle_root(&s.tree);
			assert_int_equal(there(path, "detection-0000000001.seg"), round > 0);
			assert_int_equal(there(path, "detection-0000000001.journal"), round == 0);
			if (round) {
				assert_true(find_entry(a, LEDGER_RUN, 1, &e));
				assert_true(merkle_equal(&root, &e.hash));
			}
			if (round == 1)
				append(a, 40, 50);
			assert_int_equal(archive_close(a), 0);
		}
		assert_int_equal(archive_open(&a, path, false), 0);
		check_run(a, path, 2, 40, 50, false);
		assert_int_equal(archive_close(a), 0);
		folder_drop(path);
	}
}

static void a_newer_schema_is_refused(void **state)
{
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_close(a), 0);
	put_old_journal(path, archive_layout_of(MSG_DETECTION)->n_columns + 1u, 1, 40);
	for (int writable = 0; writable <= 1; writable++)
		assert_int_equal(archive_open(&a, path, writable), -ERR_UNSUPPORTED);
	folder_drop(path);
}

static int add_record(void *context, struct text encoded)
{
	struct arena arena = {0};
	struct msg_detection d;
	assert_int_equal(msg_detection_decode(encoded.p, encoded.n, &arena, &d), 0);
	assert_int_equal(archive_segment_writer_add(context, &d, encoded.n), 0);
	arena_free(&arena);
	return 0;
}

/* One file of runs 1 and 2, as compaction leaves it before it removes what it was made of. */
static void merge(const char *path, const char *name)
{
	const struct archive_layout *l = archive_layout_of(MSG_DETECTION);
	struct archive_identity is = {.layout = l, .first = 1, .last = 2, .n_columns = l->n_columns};
	struct archive_segment_writer *w;
	struct merkle_hash digest;
	struct archive *a;
	uint64_t size;
	char file[600];
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_segment_writer_new(&w, l, 1), 0);
	for (uint64_t run = 1; run <= 2; run++) {
		assert_int_equal(archive_read_run(a, MSG_DETECTION, run, add_record, w), 0);
		assert_int_equal(archive_segment_writer_end_run(w), 0);
	}
	snprintf(file, sizeof(file), "%s/%s", path, name);
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(archive_segment_writer_finish(w, fd, &is, &digest, &size), 0);
	close(fd);
	check_digest(path, name, &digest);
	archive_segment_writer_free(w);
	assert_int_equal(archive_close(a), 0);
}

static void flip(const char *path, const char *name, off_t at)
{
	char file[600];
	uint8_t byte;
	snprintf(file, sizeof(file), "%s/%s", path, name);
	int fd = open(file, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static int count(void *context, const struct msg_detection *d)
{
	uint64_t *next = context;
	assert_int_equal(d->id, *next);
	++*next;
	return 0;
}

static void check_once(struct archive *a, const char *path)
{
	uint64_t next = 1;
	assert_int_equal(archive_scan_detections(a, count, &next), 0);
	assert_int_equal(next, 5100);
	check_all(a, path);
}

static const char part1[] = "detection-0000000001.seg", part2[] = "detection-0000000002.seg",
                  merged[] = "detection-0000000001-0000000002.seg";

/* A crash between the merged file's name and the end of its parts. */
static void a_merged_file_stands_in_for_its_parts(void **state)
{
	char *path = make_archive();
	struct archive *a;
	struct archive_run run;
	(void)state;
	merge(path, merged);
	assert_int_equal(archive_open(&a, path, false), 0);
	uint64_t next = 1;
	assert_int_equal(archive_scan_detections(a, count, &next), 0);
	assert_int_equal(next, 5100);
	assert_int_equal(archive_close(a), 0);
	assert_true(there(path, part1));
	assert_int_equal(archive_open(&a, path, true), 0);
	check_once(a, path);
	assert_false(there(path, part1));
	assert_false(there(path, part2));
	archive_run_at(a, MSG_DETECTION, 1, &run);
	assert_int_equal(run.number, 2);
	assert_int_equal(run.records, 2000);
	assert_int_equal(run.id_min, 3000);
	assert_int_equal(run.file_first, 1);
	assert_int_equal(run.file_last, 2);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void a_bad_merged_file_gives_way_to_its_parts(void **state)
{
	(void)state;
	for (off_t at = 5; at < 60000; at += 7001) {
		char *path = make_archive();
		struct archive *a;
		merge(path, merged);
		flip(path, merged, at);
		for (int writable = 0; writable <= 1; writable++) {
			assert_int_equal(archive_open(&a, path, writable), 0);
			check_once(a, path);
			assert_int_equal(archive_close(a), 0);
		}
		assert_true(there(path, part1));
		assert_true(there(path, part2));
		folder_drop(path);
	}
}

/* With the parts gone, what is bad is told for all of its runs. */
static void a_bad_merged_file_alone_is_a_loss(void **state)
{
	char *path = make_archive(), file[600];
	struct archive *a;
	struct archive_run run;
	uint64_t next = 1;
	(void)state;
	merge(path, merged);
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(archive_close(a), 0);
	snprintf(file, sizeof(file), "%s/%s", path, merged);
	assert_int_equal(truncate(file, 5000), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_runs(a, MSG_DETECTION), 3);
	archive_run_at(a, MSG_DETECTION, 0, &run);
	assert_int_equal(run.number, 1);
	assert_true(run.error < 0);
	assert_true(archive_scan_detections(a, count, &next) < 0);
	assert_int_equal(next, 1);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

/* The ledger remembers runs whose files are gone: their numbers aren't given again, and the loss is told. */
static void a_lost_last_run_is_known_to_the_ledger(void **state)
{
	char *path = make_archive(), file[600];
	struct archive *a;
	struct archive_run run;
	(void)state;
	snprintf(file, sizeof(file), "%s/%s", path, "detection-0000000003.journal");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(archive_runs(a, MSG_DETECTION), 3);
	archive_run_at(a, MSG_DETECTION, 2, &run);
	assert_int_equal(run.number, 3);
	assert_int_equal(run.error, -ERR_MALFORMED);
	append(a, 6000, 6010);
	assert_int_equal(archive_sign(a), 0);
	check_run(a, path, 4, 6000, 6010, false);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

/* The ledger says that runs were dropped on purpose. */
static void expired_runs_are_no_loss(void **state)
{
	char *path = make_archive(), file[600];
	struct archive *a;
	uint64_t next = 3000;
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	struct ledger_entry e = {
	    .type = LEDGER_EXPIRE, .kind = TEXT("detection"), .first = 1, .last = 1, .time = 5};
	assert_int_equal(ledger_append(archive_ledger(a), &e), 0);
	assert_int_equal(archive_close(a), 0);
	snprintf(file, sizeof(file), "%s/%s", path, part1);
	assert_int_equal(unlink(file), 0);
	for (int writable = 0; writable <= 1; writable++) {
		assert_int_equal(archive_open(&a, path, writable), 0);
		next = 3000;
		assert_int_equal(archive_scan_detections(a, count, &next), 0);
		assert_int_equal(next, 5100);
		assert_int_equal(archive_runs(a, MSG_DETECTION), 2);
		assert_int_equal(archive_close(a), 0);
	}
	folder_drop(path);
}

static void a_number_that_is_none_is_stored_as_zero(void **state)
{
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	for (int i = 0; i < 1100; i++)
		assert_int_equal(
		    archive_append_detection(a, &(struct msg_detection){.id = 1, .confidence = 0.0 / 0.0}),
		    0);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	struct ledger_entry e;
	struct merkle_tree tree = {0};
	struct dynbuf out = {0};
	assert_int_equal(msg_detection_encode(&out, &(struct msg_detection){.id = 1}), 0);
	struct merkle_hash leaf = merkle_leaf(out.p, out.n);
	for (int i = 0; i < 1100; i++)
		merkle_add(&tree, &leaf);
	struct merkle_hash root = merkle_root(&tree);
	assert_true(find_entry(a, LEDGER_RUN, 1, &e));
	assert_true(merkle_equal(&root, &e.hash));
	dynbuf_free(&out);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ledger_has_every_run_and_file),
	    cmocka_unit_test(signing_enters_what_is_open),
	    cmocka_unit_test(what_a_crash_kept_from_the_ledger_is_entered),
	    cmocka_unit_test(records_of_an_older_schema_keep_their_bytes),
	    cmocka_unit_test(a_newer_schema_is_refused),
	    cmocka_unit_test(a_merged_file_stands_in_for_its_parts),
	    cmocka_unit_test(a_bad_merged_file_gives_way_to_its_parts),
	    cmocka_unit_test(a_bad_merged_file_alone_is_a_loss),
	    cmocka_unit_test(a_lost_last_run_is_known_to_the_ledger),
	    cmocka_unit_test(expired_runs_are_no_loss),
	    cmocka_unit_test(a_number_that_is_none_is_stored_as_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
