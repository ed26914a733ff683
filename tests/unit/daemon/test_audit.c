/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Archives that were tampered with in every way that their form allows: an audit names what doesn't fit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../ledger/folder.h"
#include "base/err.h"
#include "daemon/audit.h"
#include "ledger/history.h"
#include "ledger/key.h"
#include "ledger/ledger.h"

/* Three sealed runs of FLOWS, of which the second was entered at EARLY too, and a journal of LATE. */
enum { FLOWS = 1100, EARLY = 400, LATE = 20, RUNS = 3 };

static struct ledger_key *key_a, *key_b;

static int make_keys(void **state)
{
	(void)state;
	assert_int_equal(ledger_key_generate(&key_a, LEDGER_KEY_SIGNER, TEXT("test.example/a")), 0);
	assert_int_equal(ledger_key_generate(&key_b, LEDGER_KEY_SIGNER, TEXT("test.example/b")), 0);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	ledger_key_free(key_a);
	ledger_key_free(key_b);
	return 0;
}

/* The flow of that id; `wrong`: the id of the one that was tampered with. */
static void append(struct archive *a, uint64_t id, uint64_t wrong)
{
	struct msg_flow f = {.id = id,
	    .protocol = 6,
	    .initiator = net_addr_v4((const uint8_t[]){10, 0, 0, (uint8_t)id}),
	    .responder = net_addr_v4((const uint8_t[]){192, 0, 2, (uint8_t)(id >> 3)}),
	    .first = (int64_t)id * 1000000,
	    .last = (int64_t)id * 1000000 + 5,
	    .payload_out = id * 7 + (id == wrong)};
	assert_int_equal(archive_append_flow(a, &f), 0);
}

static struct archive *reopen(const struct folder *f, const struct ledger_key *const *key)
{
	struct archive *a;
	assert_int_equal(archive_open(&a, f->path, true), 0);
	archive_use_keys(a, key, key && *key ? 1 : 0);
	return a;
}

/* Another archive of the same name, made in the same way, so that its files can take the place of the
 * others'. */
static struct folder make_archive(const struct ledger_key *key, uint64_t wrong)
{
	struct folder f = folder_make();
	struct ledger *l;
	struct archive *a;
	uint64_t id = 0;
	assert_int_equal(ledger_open(&l, f.fd, true, "test.example/log"), 0);
	ledger_close(l);
	assert_int_equal(archive_create(&a, f.path), 0);
	archive_use_keys(a, &key, key ? 1 : 0);
	for (unsigned run = 1; run <= RUNS; run++) {
		for (unsigned i = 0; i < FLOWS; i++) {
			if (run == 2 && i == EARLY)
				assert_int_equal(archive_sign(a), 0);
			append(a, ++id, wrong);
		}
		assert_int_equal(archive_close(a), 0);
		a = reopen(&f, &key);
	}
	for (unsigned i = 0; i < LATE; i++)
		append(a, ++id, wrong);
	assert_int_equal(archive_close(a), 0);
	return f;
}

static void copy_file(const struct folder *from, const char *name, const struct folder *to, const char *as)
{
	struct dynbuf b = folder_read(from, name);
	assert_true(b.n > 0);
	folder_write(to, as, dynbuf_view(&b));
	dynbuf_free(&b);
}

static struct audit_result *audit_with(
    const struct folder *f, const struct ledger_key *key, struct text held, bool files_only)
{
	struct ledger_trust trust = {.keys = key ? ledger_key_verifier(key) : NULL, .n_keys = key != NULL};
	struct audit_options o = {.trust = &trust, .held = held, .files_only = files_only, .threads = 2};
	struct audit_result *r = NULL;
	assert_int_equal(audit_archive(&r, f->path, &o), 0);
	return r;
}

static struct audit_result *audit(const struct folder *f, const struct ledger_key *key)
{
	return audit_with(f, key, (struct text){0}, false);
}

static size_t count(const struct audit_result *r, enum audit_what what)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_findings; i++)
		n += r->findings[i].what == what;
	return n;
}

static void sealed_name(unsigned run, char *buf)
{
	snprintf(buf, 64, "flow-%010u.seg", run);
}

static void an_archive_as_it_was_written_fits(void **state)
{
	struct folder f = make_archive(key_a, 0);
	(void)state;
	struct audit_result *r = audit(&f, key_a);
	if (r->found)
		print_error("%s\n", r->findings[0].sentence);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->counts.runs, RUNS + 1);
	assert_int_equal(r->counts.records, RUNS * FLOWS + LATE);
	assert_int_equal(r->there, r->counts.records);
	assert_int_equal(r->counts.files, RUNS);
	assert_int_equal(r->unsealed, 0);
	assert_int_equal(r->sealed_entries, r->entries);
	assert_true(text_equal(r->origin, TEXT("test.example/log")));
	assert_string_equal(r->key.name, "test.example/a");
	audit_free(r);
	r = audit_with(&f, key_a, (struct text){0}, true);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->counts.records, LATE); /* the journal has no digest */
	assert_int_equal(r->counts.files, RUNS);
	assert_int_equal(r->there, RUNS * FLOWS + LATE);
	audit_free(r);
	folder_remove(&f);
}

static void a_changed_record_is_found_within_what_was_entered_around_it(void **state)
{
	static const struct {
		uint64_t id; /* of the record that was changed */
		uint64_t run, first, last;
	} cases[] = {
	    {1, 1, 0, FLOWS - 1},
	    {FLOWS, 1, 0, FLOWS - 1},
	    {FLOWS + 1, 2, 0, EARLY - 1},
	    {FLOWS + EARLY, 2, 0, EARLY - 1},
	    {FLOWS + EARLY + 1, 2, EARLY, FLOWS - 1},
	    {2 * FLOWS, 2, EARLY, FLOWS - 1},
	    {2 * FLOWS + 500, 3, 0, FLOWS - 1},
	};
	struct folder f = make_archive(key_a, 0);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct folder forged = make_archive(key_b, cases[i].id);
		char name[64];
		sealed_name((unsigned)cases[i].run, name);
		copy_file(&f, name, &forged, "kept");
		copy_file(&forged, name, &f, name);
		struct audit_result *r = audit(&f, key_a);
		assert_int_equal(r->found, 2);
		const struct audit_finding *found = &r->findings[0];
		assert_int_equal(found->what, AUDIT_RECORDS);
		assert_int_equal(found->record, MSG_FLOW);
		assert_int_equal(found->run, cases[i].run);
		assert_int_equal(found->first, cases[i].first);
		assert_int_equal(found->last, cases[i].last);
		assert_in_range(cases[i].id, found->first_id, found->last_id);
		assert_int_equal(found->last_id - found->first_id, found->last - found->first);
		assert_int_equal(r->findings[1].what, AUDIT_FILE);
		audit_free(r);
		/* the digests alone tell that much */
		r = audit_with(&f, key_a, (struct text){0}, true);
		assert_int_equal(r->found, 1);
		assert_int_equal(r->findings[0].what, AUDIT_FILE);
		assert_int_equal(r->findings[0].run, cases[i].run);
		audit_free(r);
		copy_file(&forged, "kept", &f, name);
		folder_remove(&forged);
	}
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 0);
	audit_free(r);
	folder_remove(&f);
}

static void a_changed_record_of_a_journal_is_found(void **state)
{
	struct folder f = make_archive(key_a, 0), forged = make_archive(key_b, RUNS * FLOWS + 3);
	(void)state;
	copy_file(&forged, "flow-0000000004.journal", &f, "flow-0000000004.journal");
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_RECORDS);
	assert_int_equal(r->findings[0].run, 4);
	assert_int_equal(r->findings[0].last, LATE - 1);
	audit_free(r);
	folder_remove(&f);
	folder_remove(&forged);
}

/* Every so many bytes one is flipped: none of them goes unseen. */
static void a_flipped_byte_of_a_segment_is_found(void **state)
{
	struct folder f = make_archive(key_a, 0);
	char name[64];
	(void)state;
	sealed_name(2, name);
	struct dynbuf b = folder_read(&f, name);
	assert_true(b.n > 1000);
	for (size_t at = 0; at < b.n; at += b.n / 37 + 1) {
		b.p[at] ^= 0x10;
		folder_write(&f, name, dynbuf_view(&b));
		b.p[at] ^= 0x10;
		struct audit_result *r = audit(&f, key_a);
		assert_true(r->found > 0);
		assert_int_equal(r->findings[0].run, 2);
		assert_int_equal(
		    count(r, AUDIT_FILE) + count(r, AUDIT_UNREADABLE) + count(r, AUDIT_RECORDS), r->found);
		audit_free(r);
	}
	dynbuf_free(&b);
	folder_remove(&f);
}

static void a_segment_that_is_gone_is_missed_also_the_last_one(void **state)
{
	(void)state;
	for (unsigned run = 1; run <= RUNS; run++) {
		struct folder f = make_archive(key_a, 0);
		char name[64];
		sealed_name(run, name);
		assert_int_equal(unlinkat(f.fd, name, 0), 0);
		struct audit_result *r = audit(&f, key_a);
		assert_int_equal(r->found, 1);
		assert_int_equal(r->findings[0].what, AUDIT_MISSING);
		assert_int_equal(r->findings[0].run, run);
		audit_free(r);
		folder_remove(&f);
	}
}

static void a_journal_that_is_gone_or_cut_is_missed(void **state)
{
	struct folder f = make_archive(key_a, 0);
	(void)state;
	struct dynbuf b = folder_read(&f, "flow-0000000004.journal");
	folder_write(&f, "flow-0000000004.journal", text_bytes(b.p, b.n - 1));
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(count(r, AUDIT_MISSING), 1);
	assert_int_equal(r->findings[0].run, 4);
	assert_true(r->archive_torn > 0);
	audit_free(r);
	assert_int_equal(unlinkat(f.fd, "flow-0000000004.journal", 0), 0);
	r = audit(&f, key_a);
	assert_int_equal(count(r, AUDIT_MISSING), 1);
	audit_free(r);
	dynbuf_free(&b);
	folder_remove(&f);
}

static void runs_that_changed_places_are_found(void **state)
{
	struct folder f = make_archive(key_a, 0);
	(void)state;
	assert_int_equal(renameat(f.fd, "flow-0000000001.seg", f.fd, "kept"), 0);
	assert_int_equal(renameat(f.fd, "flow-0000000003.seg", f.fd, "flow-0000000001.seg"), 0);
	assert_int_equal(renameat(f.fd, "kept", f.fd, "flow-0000000003.seg"), 0);
	struct audit_result *r = audit(&f, key_a);
	assert_true(r->found >= 2);
	assert_int_equal(r->findings[0].run, 1);
	assert_int_equal(r->findings[r->n_findings - 1].run, 3);
	audit_free(r);
	folder_remove(&f);
}

static void what_was_dropped_on_purpose_is_not_missed(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct archive *a = reopen(&f, (const struct ledger_key *const *)&key_a);
	uint64_t records;
	(void)state;
	assert_int_equal(
	    archive_expire(a, (int64_t)(FLOWS + 1) * 1000000, 1 << MSG_FLOW, 1700000000000000000, &records),
	    0);
	assert_int_equal(records, FLOWS);
	assert_int_equal(archive_close(a), 0);
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->expired, 1);
	assert_int_equal(r->expired_records, FLOWS);
	assert_int_equal(r->counts.runs, RUNS);
	assert_int_equal(r->n_drops, 1);
	assert_int_equal(r->drops[0].record, MSG_FLOW);
	assert_int_equal(r->drops[0].run, 1);
	assert_int_equal(r->drops[0].run_last, 1);
	assert_int_equal(r->drops[0].records, FLOWS);
	assert_int_equal(r->drops[0].time, 1700000000000000000);
	audit_free(r);
	/* what else goes is missed all the same */
	assert_int_equal(unlinkat(f.fd, "flow-0000000002.seg", 0), 0);
	r = audit(&f, key_a);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_MISSING);
	assert_int_equal(r->findings[0].run, 2);
	assert_int_equal(r->expired, 1);
	audit_free(r);
	folder_remove(&f);
}

/* Whoever has the box but no key can write lines too. */
static void a_line_that_nobody_signed_excuses_nothing_that_was(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct archive *a = reopen(&f, NULL);
	uint64_t records;
	(void)state;
	assert_int_equal(
	    archive_expire(a, (int64_t)(FLOWS + 1) * 1000000, 1 << MSG_FLOW, 1700000000000000000, &records),
	    0);
	assert_int_equal(archive_close(a), 0);
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_MISSING);
	assert_int_equal(r->findings[0].run, 1);
	assert_non_null(strstr(r->findings[0].sentence, "under no checkpoint"));
	assert_int_equal(r->expired, 0);
	audit_free(r);
	a = reopen(&f, (const struct ledger_key *const *)&key_a);
	assert_int_equal(archive_sign(a), 0);
	assert_int_equal(archive_close(a), 0);
	r = audit(&f, key_a);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->expired, 1);
	audit_free(r);
	folder_remove(&f);
}

/* Lines as anybody may write them: ranges in, over and beside each other. */
static void drops_that_overlap_count_each_run_once(void **state)
{
	static const struct {
		unsigned first, last;
	} lines[] = {{2, 2}, {1, 3}, {1, 1}, {3, 3}, {1, 3}};
	struct folder f = make_archive(NULL, 0);
	struct dynbuf log = folder_read(&f, LEDGER_LOG);
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		dynbuf_printf(&log, "expire flow %u %u 2026-11-23T00:00:0%zu.000000000Z\n", lines[i].first,
		    lines[i].last, i);
	folder_write(&f, LEDGER_LOG, dynbuf_view(&log));
	for (int i = 1; i <= RUNS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "flow-%010d.seg", i);
		assert_int_equal(unlinkat(f.fd, name, 0), 0);
	}
	struct audit_result *r = audit(&f, NULL);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->expired, RUNS);
	assert_int_equal(r->expired_records, RUNS * FLOWS);
	assert_int_equal(r->n_drops, 1);
	assert_int_equal(r->drops[0].run_last, RUNS);
	audit_free(r);
	dynbuf_free(&log);
	folder_remove(&f);
}

static void compacted_files_fit_as_the_runs_that_they_hold(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct archive *a = reopen(&f, (const struct ledger_key *const *)&key_a);
	struct archive_compaction c;
	(void)state;
	assert_int_equal(archive_compact(a, INT64_MAX, &c), 0);
	assert_int_equal(archive_close(a), 0);
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->counts.runs, RUNS + 1);
	assert_int_equal(r->counts.records, RUNS * FLOWS + LATE);
	assert_true(r->counts.files < RUNS);
	audit_free(r);
	folder_remove(&f);
}

/* --- the ledger itself --- */

static void a_log_that_was_rolled_back_leaves_records_without_entries(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct dynbuf history = folder_read(&f, LEDGER_HISTORY), log = folder_read(&f, LEDGER_LOG);
	struct dynbuf latest = folder_read(&f, LEDGER_CHECKPOINT);
	struct text first;
	struct history *notes;
	struct note note;
	struct checkpoint c;
	size_t end = 0;
	(void)state;
	assert_int_equal(history_open(&notes, f.fd), 0);
	assert_int_equal(history_next(notes, &first), 0);
	assert_int_equal(checkpoint_parse_note(first, &note, &c, NULL), 0);
	for (uint64_t i = 0; i < c.size; i++)
		end += text_find(text_bytes(log.p + end, log.n - end), '\n') + 1;
	folder_write(&f, LEDGER_LOG, text_bytes(log.p, end));
	folder_write(&f, LEDGER_CHECKPOINT, first);
	folder_write(&f, LEDGER_HISTORY, first);
	history_close(notes);
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 0); /* by itself it is a log that the key signed */
	assert_int_equal(r->unentered, (RUNS - 1) * FLOWS + LATE);
	assert_int_equal(r->unlisted_files, RUNS - 1);
	audit_free(r);
	r = audit_with(&f, key_a, dynbuf_view(&latest), false);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_HELD);
	audit_free(r);
	/* rolled back half: the log contradicts its checkpoints */
	folder_write(&f, LEDGER_HISTORY, dynbuf_view(&history));
	r = audit(&f, key_a);
	assert_true(count(r, AUDIT_CHECKPOINT) > 0);
	audit_free(r);
	dynbuf_free(&history);
	dynbuf_free(&log);
	dynbuf_free(&latest);
	folder_remove(&f);
}

static void another_keys_ledger_is_not_signed_as_is_wanted(void **state)
{
	struct folder f = make_archive(key_b, 7);
	(void)state;
	struct audit_result *r = audit(&f, key_a);
	assert_true(count(r, AUDIT_SIGNATURE) > 0);
	assert_int_equal(r->sealed_entries, 0);
	assert_int_equal(r->unsealed, RUNS * FLOWS + LATE);
	audit_free(r);
	r = audit(&f, key_b);
	assert_int_equal(r->found, 0);
	audit_free(r);
	r = audit(&f, NULL);
	assert_int_equal(r->found, 0);
	assert_false(r->key_given);
	audit_free(r);
	folder_remove(&f);
}

/* Whoever has the key can write the past anew, and only what others hold contradicts it. */
static void a_stolen_keys_rewrite_contradicts_what_was_held_elsewhere(void **state)
{
	struct folder f = make_archive(key_a, 0), forged = make_archive(key_a, 7);
	struct dynbuf held = folder_read(&f, LEDGER_CHECKPOINT);
	(void)state;
	struct audit_result *r = audit(&forged, key_a);
	assert_int_equal(r->found, 0);
	audit_free(r);
	r = audit_with(&forged, key_a, dynbuf_view(&held), false);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_HELD);
	assert_int_equal(r->held_entries, 0);
	audit_free(r);
	r = audit_with(&f, key_a, dynbuf_view(&held), false);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->held_entries, r->entries);
	audit_free(r);
	r = audit_with(&f, key_a, TEXT("no checkpoint\n"), false);
	assert_int_equal(r->findings[0].what, AUDIT_HELD);
	audit_free(r);
	dynbuf_free(&held);
	folder_remove(&f);
	folder_remove(&forged);
}

static void every_changed_line_of_the_log_is_found(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct dynbuf log = folder_read(&f, LEDGER_LOG);
	size_t lines = 0;
	(void)state;
	for (size_t at = 0; at < log.n; at++) {
		if (log.p[at] != '\n')
			continue;
		/* the last digit or letter of each line */
		log.p[at - 1] ^= 1;
		folder_write(&f, LEDGER_LOG, dynbuf_view(&log));
		log.p[at - 1] ^= 1;
		struct audit_result *r = audit(&f, key_a);
		assert_true(count(r, AUDIT_LOG) + count(r, AUDIT_CHECKPOINT) > 0);
		audit_free(r);
		lines++;
	}
	assert_true(lines > 2 * RUNS);
	dynbuf_free(&log);
	folder_remove(&f);
}

static void an_archive_without_a_ledger_says_so(void **state)
{
	struct folder f = make_archive(NULL, 0);
	(void)state;
	struct audit_result *r = audit(&f, NULL);
	assert_int_equal(r->found, 0);
	assert_int_equal(r->checkpoints, 0);
	assert_int_equal(r->unsealed, RUNS * FLOWS + LATE);
	assert_int_equal(r->unentered, 0);
	audit_free(r);
	r = audit(&f, key_a);
	assert_true(count(r, AUDIT_CHECKPOINT) + count(r, AUDIT_SIGNATURE) > 0);
	audit_free(r);
	assert_int_equal(unlinkat(f.fd, LEDGER_LOG, 0), 0);
	r = audit(&f, NULL);
	assert_int_equal(r->found, 1);
	assert_int_equal(r->findings[0].what, AUDIT_LOG);
	assert_false(r->has_log);
	audit_free(r);
	folder_remove(&f);
}

static void a_key_that_was_handed_over_to_counts(void **state)
{
	struct folder f = make_archive(key_a, 0);
	struct archive *a = reopen(&f, (const struct ledger_key *const *)&key_a);
	(void)state;
	assert_int_equal(
	    ledger_rotate(archive_ledger(a), (const struct ledger_key *const *)&key_a, 1, key_b), 0);
	archive_use_keys(a, (const struct ledger_key *const *)&key_b, 1);
	append(a, 9999, 0);
	assert_int_equal(archive_close(a), 0);
	struct audit_result *r = audit(&f, key_a);
	assert_int_equal(r->found, 0);
	assert_true(r->key_rotated);
	assert_string_equal(r->key.name, "test.example/b");
	audit_free(r);
	/* the new one alone covers the old one's past, too */
	r = audit(&f, key_b);
	assert_int_equal(r->found, 0);
	assert_false(r->key_rotated);
	assert_true(r->older_keys > 0);
	assert_int_equal(r->unsealed, 0);
	audit_free(r);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_archive_as_it_was_written_fits),
	    cmocka_unit_test(a_changed_record_is_found_within_what_was_entered_around_it),
	    cmocka_unit_test(a_changed_record_of_a_journal_is_found),
	    cmocka_unit_test(a_flipped_byte_of_a_segment_is_found),
	    cmocka_unit_test(a_segment_that_is_gone_is_missed_also_the_last_one),
	    cmocka_unit_test(a_journal_that_is_gone_or_cut_is_missed),
	    cmocka_unit_test(runs_that_changed_places_are_found),
	    cmocka_unit_test(what_was_dropped_on_purpose_is_not_missed),
	    cmocka_unit_test(a_line_that_nobody_signed_excuses_nothing_that_was),
	    cmocka_unit_test(drops_that_overlap_count_each_run_once),
	    cmocka_unit_test(compacted_files_fit_as_the_runs_that_they_hold),
	    cmocka_unit_test(a_log_that_was_rolled_back_leaves_records_without_entries),
	    cmocka_unit_test(another_keys_ledger_is_not_signed_as_is_wanted),
	    cmocka_unit_test(a_stolen_keys_rewrite_contradicts_what_was_held_elsewhere),
	    cmocka_unit_test(every_changed_line_of_the_log_is_found),
	    cmocka_unit_test(an_archive_without_a_ledger_says_so),
	    cmocka_unit_test(a_key_that_was_handed_over_to_counts),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
