/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ledger/audit.h"
#include "ledger/checkpoint.h"
#include "ledger/witness.h"
#include "signed_log.h"

static const char origin[] = "example.org/log";

struct log {
	struct folder f;
	struct ledger *l;
	struct ledger_key *key;
};

static struct log log_made(void)
{
	struct log g = {.f = folder_make(), .key = key_made(LEDGER_KEY_SIGNER, origin)};
	assert_int_equal(ledger_open(&g.l, g.f.fd, true, origin), 0);
	return g;
}

static void log_free(struct log *g)
{
	ledger_close(g->l);
	ledger_key_free(g->key);
	folder_remove(&g->f);
}

static int log_sign(const struct log *g)
{
	const struct ledger_key *keys[] = {g->key};
	return ledger_sign(g->l, keys, 1);
}

static void keep(void *context, const struct ledger_audit_fault *fault)
{
	*(struct ledger_audit_fault *)context = *fault;
}

static struct ledger_audit audit_of(
    const struct log *g, const struct ledger_trust *trust, struct ledger_audit_fault *last)
{
	struct ledger_audit a = {0};
	*last = (struct ledger_audit_fault){0};
	assert_int_equal(ledger_audit(g->f.fd, trust, keep, last, &a), 0);
	return a;
}

static void test_a_checkpoint_is_of_all_entries_and_made_once(void **state)
{
	(void)state;
	struct log g = log_made();
	struct note n;
	struct checkpoint c;
	struct merkle_tree t = {0};
	assert_int_equal(log_sign(&g), 0);
	run_append(g.l, 1, 100);
	run_append(g.l, 2, 7);
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf first = latest_note(&g.f), history = folder_read(&g.f, LEDGER_HISTORY);
	assert_int_equal(checkpoint_parse_note(dynbuf_view(&first), &n, &c, NULL), 0);
	assert_int_equal(c.size, 3);
	assert_true(text_equal(c.origin, text_of(origin)));
	/* The root is that of the file's lines, whoever wrote them. */
	struct dynbuf log = folder_read(&g.f, LEDGER_LOG);
	for (struct text left = dynbuf_view(&log); left.n;) {
		size_t end = text_find(left, '\n');
		struct merkle_hash leaf = merkle_leaf(left.p, end);
		merkle_add(&t, &leaf);
		left = text_sub(left, end + 1, left.n);
	}
	struct merkle_hash root = merkle_root(&t);
	assert_true(merkle_equal(&root, &c.root));
	/* Signed again: nothing new. */
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf again = folder_read(&g.f, LEDGER_HISTORY);
	assert_true(text_equal(dynbuf_view(&history), dynbuf_view(&again)));
	/* A second key adds its signature to the same checkpoint. */
	struct ledger_key *other = key_made(LEDGER_KEY_SIGNER, "second");
	const struct ledger_key *both[] = {g.key, other};
	assert_int_equal(ledger_sign(g.l, both, 2), 0);
	struct dynbuf signed_twice = latest_note(&g.f);
	assert_int_equal(note_parse(dynbuf_view(&signed_twice), &n, NULL), 0);
	assert_int_equal(n.n, 2);
	assert_true(text_equal(text_sub(dynbuf_view(&signed_twice), 0, first.n), dynbuf_view(&first)));
	ledger_key_free(other);
	dynbuf_free(&first);
	dynbuf_free(&history);
	dynbuf_free(&log);
	dynbuf_free(&again);
	dynbuf_free(&signed_twice);
	log_free(&g);
}

static void test_what_may_not_sign(void **state)
{
	(void)state;
	struct log g = log_made();
	struct ledger_key *witness = key_made(LEDGER_KEY_WITNESS, "w");
	const struct ledger_key *keys[] = {witness};
	assert_int_equal(ledger_sign(g.l, keys, 1), -EINVAL);
	assert_int_equal(ledger_sign(g.l, keys, 0), -EINVAL);
	ledger_close(g.l);
	assert_int_equal(ledger_open(&g.l, g.f.fd, false, NULL), 0);
	assert_int_equal(log_sign(&g), -EROFS);
	ledger_key_free(witness);
	log_free(&g);
}

static void test_nothing_is_signed_on_top_of_a_changed_log(void **state)
{
	(void)state;
	struct log g = log_made();
	run_append(g.l, 1, 10);
	run_append(g.l, 2, 10);
	assert_int_equal(log_sign(&g), 0);
	ledger_close(g.l);
	struct dynbuf log = folder_read(&g.f, LEDGER_LOG);
	struct text all = dynbuf_view(&log);
	/* Shorter by its last line. */
	size_t n = all.n - 1;
	while (all.p[n - 1] != '\n')
		n--;
	folder_write(&g.f, LEDGER_LOG, text_sub(all, 0, n));
	assert_int_equal(ledger_open(&g.l, g.f.fd, true, NULL), -ERR_CHECKSUM);
	/* A reader may still look. */
	assert_int_equal(ledger_open(&g.l, g.f.fd, false, NULL), 0);
	ledger_close(g.l);
	/* A digit of a root changed. */
	folder_write(&g.f, LEDGER_LOG, all);
	log.p[all.n - 2] = log.p[all.n - 2] == '0' ? '1' : '0';
	folder_write(&g.f, LEDGER_LOG, all);
	assert_int_equal(ledger_open(&g.l, g.f.fd, true, NULL), -ERR_CHECKSUM);
	assert_int_equal(ledger_open(&g.l, g.f.fd, false, NULL), 0);
	const struct ledger_trust trust = {.keys = ledger_key_verifier(g.key), .n_keys = 1};
	struct ledger_audit_fault fault;
	struct ledger_audit a = audit_of(&g, &trust, &fault);
	assert_int_equal(a.faults, 2); /* in the history, and in the latest */
	assert_int_equal(fault.error, -ERR_CHECKSUM);
	assert_int_equal(fault.size, 3);
	assert_int_equal(a.signed_entries, 0);
	dynbuf_free(&log);
	log_free(&g);
}

static void test_a_torn_history_is_mended(void **state)
{
	(void)state;
	struct log g = log_made();
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf one = folder_read(&g.f, LEDGER_HISTORY);
	run_append(g.l, 1, 10);
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf two = folder_read(&g.f, LEDGER_HISTORY), old = {0};
	ledger_close(g.l);
	assert_int_equal(history_find(g.f.fd, 1, &old), 0);
	const struct ledger_trust trust = {.keys = ledger_key_verifier(g.key), .n_keys = 1};
	struct ledger_audit_fault fault;
	for (size_t n = one.n; n < two.n; n++) {
		/* What a crash between the two files leaves. */
		folder_write(&g.f, LEDGER_HISTORY, text_bytes(two.p, n));
		folder_write(&g.f, LEDGER_CHECKPOINT, dynbuf_view(&old));
		struct ledger_audit a = audit_of(&g, &trust, &fault);
		assert_int_equal(a.faults, 0);
		assert_int_equal(a.torn_checkpoints, n - one.n);
		assert_int_equal(a.signed_entries, 1);
		assert_int_equal(ledger_open(&g.l, g.f.fd, true, NULL), 0);
		assert_int_equal(log_sign(&g), 0);
		ledger_close(g.l);
		struct dynbuf now = folder_read(&g.f, LEDGER_HISTORY);
		assert_true(text_equal(dynbuf_view(&now), dynbuf_view(&two)));
		dynbuf_free(&now);
	}
	assert_int_equal(ledger_open(&g.l, g.f.fd, true, NULL), 0);
	dynbuf_free(&one);
	dynbuf_free(&two);
	dynbuf_free(&old);
	log_free(&g);
}

static void test_rotation_hands_trust_over_and_nothing_else_does(void **state)
{
	(void)state;
	struct log g = log_made();
	struct ledger_key *next = key_made(LEDGER_KEY_SIGNER, origin),
	                  *stranger = key_made(LEDGER_KEY_SIGNER, origin);
	const struct ledger_key *now[] = {g.key}, *then[] = {next}, *bad[] = {stranger};
	const struct ledger_trust first = {.keys = ledger_key_verifier(g.key), .n_keys = 1};
	const struct ledger_trust later = {.keys = ledger_key_verifier(next), .n_keys = 1};
	struct ledger_audit_fault fault;
	run_append(g.l, 1, 10);
	assert_int_equal(log_sign(&g), 0);
	assert_int_equal(ledger_rotate(g.l, now, 1, next), 0);
	run_append(g.l, 2, 10);
	assert_int_equal(ledger_sign(g.l, then, 1), 0);
	struct ledger_audit a = audit_of(&g, &first, &fault);
	assert_int_equal(a.faults, 0);
	assert_int_equal(a.n_keys, 2);
	assert_true(ledger_verifier_equal(&a.keys[1], ledger_key_verifier(next)));
	assert_int_equal(a.signed_entries, 4);
	/* Who trusts the new key alone can't judge what is older. */
	a = audit_of(&g, &later, &fault);
	assert_int_equal(a.faults, 1);
	assert_int_equal(fault.error, -EACCES);
	assert_int_equal(fault.line, 1);
	assert_int_equal(a.signed_entries, 4);
	/* A key that is entered and signed by itself alone. */
	char text[LEDGER_KEY_TEXT_SIZE];
	struct ledger_entry e = {
	    .type = LEDGER_KEY, .text = text_of(ledger_verifier_print(ledger_key_verifier(stranger), text))};
	assert_int_equal(ledger_append(g.l, &e), 0);
	assert_int_equal(ledger_sign(g.l, bad, 1), 0);
	a = audit_of(&g, &first, &fault);
	assert_int_equal(a.faults, 2);
	assert_int_equal(fault.error, -EACCES);
	assert_int_equal(fault.file, LEDGER_AUDIT_CHECKPOINT);
	assert_int_equal(a.n_keys, 2);
	assert_int_equal(a.signed_entries, 4);
	ledger_key_free(next);
	ledger_key_free(stranger);
	log_free(&g);
}

static struct dynbuf request_of(const struct log *g, uint64_t old)
{
	struct dynbuf note = latest_note(&g->f), request = {0};
	assert_int_equal(
	    witness_request(&request, ledger_leaves(g->l), ledger_entries(g->l), old, dynbuf_view(&note)), 0);
	dynbuf_free(&note);
	return request;
}

static void test_witnesses_follow_the_log_and_reach_a_quorum(void **state)
{
	(void)state;
	struct log g = log_made();
	struct ledger_key *w[2] = {
	    key_made(LEDGER_KEY_WITNESS, "w1.example"), key_made(LEDGER_KEY_WITNESS, "w2.example")};
	const struct ledger_verifier witnesses[] = {*ledger_key_verifier(w[0]), *ledger_key_verifier(w[1])};
	const struct ledger_trust trust = {.keys = ledger_key_verifier(g.key),
	    .n_keys = 1,
	    .witnesses = witnesses,
	    .n_witnesses = 2,
	    .quorum = 2};
	struct dynbuf last = {0};
	struct ledger_audit_fault fault;
	uint64_t old = 0;
	for (uint64_t round = 1; round <= 5; round++) {
		struct dynbuf lines = {0};
		struct text note;
		for (uint64_t i = 0; i < round; i++)
			run_append(g.l, round * 10 + i, 3);
		assert_int_equal(log_sign(&g), 0);
		struct dynbuf request = request_of(&g, old);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(
			    witness_cosign(w[i], trust.keys, 1, text_of(origin), dynbuf_view(&last),
			        dynbuf_view(&request), 1000 + round, &lines, &note),
			    0);
		assert_int_equal(ledger_cosign(g.l, 0, dynbuf_view(&lines), witnesses, 2), 0);
		dynbuf_reset(&last);
		dynbuf_text(&last, note);
		old = ledger_entries(g.l);
		dynbuf_free(&lines);
		dynbuf_free(&request);
	}
	struct ledger_audit a = audit_of(&g, &trust, &fault);
	assert_int_equal(a.faults, 0);
	assert_int_equal(a.cosigned_entries, ledger_entries(g.l));
	assert_int_equal(a.checkpoints, 10); /* each signed, and again with its cosignatures */
	dynbuf_free(&last);
	ledger_key_free(w[0]);
	ledger_key_free(w[1]);
	log_free(&g);
}

static void test_a_witness_refuses_what_it_must(void **state)
{
	(void)state;
	struct log g = log_made(), forked = log_made();
	struct ledger_key *w = key_made(LEDGER_KEY_WITNESS, "w.example"),
	                  *stranger = key_made(LEDGER_KEY_SIGNER, origin);
	const struct ledger_verifier *key = ledger_key_verifier(g.key);
	struct dynbuf out = {0};
	struct text note;
	run_append(g.l, 1, 3);
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf first = latest_note(&g.f);
	run_append(g.l, 2, 3);
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf request = request_of(&g, 2), from_start = request_of(&g, 0);
	const struct text o = text_of(origin), last = dynbuf_view(&first);
	assert_int_equal(witness_cosign(w, ledger_key_verifier(stranger), 1, o, last, dynbuf_view(&request),
	                     1, &out, &note),
	    -EACCES);
	assert_int_equal(
	    witness_cosign(w, key, 1, TEXT("another"), last, dynbuf_view(&request), 1, &out, &note), -EACCES);
	assert_int_equal(
	    witness_cosign(w, key, 1, o, last, dynbuf_view(&from_start), 1, &out, &note), -EAGAIN);
	assert_int_equal(
	    witness_cosign(w, key, 1, o, (struct text){0}, dynbuf_view(&request), 1, &out, &note), -EAGAIN);
	assert_int_equal(
	    witness_cosign(w, key, 1, o, last, TEXT("old 2\n\nnonsense"), 1, &out, &note), -ERR_MALFORMED);
	assert_int_equal(
	    witness_cosign(g.key, key, 1, o, last, dynbuf_view(&request), 1, &out, &note), -EINVAL);
	/* The same key signs a log with another past. */
	run_append(forked.l, 7, 4);
	run_append(forked.l, 8, 4);
	const struct ledger_key *keys[] = {g.key};
	assert_int_equal(ledger_sign(forked.l, keys, 1), 0);
	struct dynbuf rewritten = request_of(&forked, 2);
	assert_int_equal(
	    witness_cosign(w, key, 1, o, last, dynbuf_view(&rewritten), 1, &out, &note), -ERR_CHECKSUM);
	assert_int_equal(out.n, 0);
	assert_int_equal(witness_cosign(w, key, 1, o, last, dynbuf_view(&request), 1, &out, &note), 0);
	dynbuf_free(&out);
	dynbuf_free(&first);
	dynbuf_free(&request);
	dynbuf_free(&from_start);
	dynbuf_free(&rewritten);
	ledger_key_free(w);
	ledger_key_free(stranger);
	log_free(&g);
	log_free(&forked);
}

static void test_only_good_cosignatures_are_merged(void **state)
{
	(void)state;
	struct log g = log_made();
	struct ledger_key *w = key_made(LEDGER_KEY_WITNESS, "w"),
	                  *stranger = key_made(LEDGER_KEY_WITNESS, "w");
	const struct ledger_verifier *witness = ledger_key_verifier(w);
	struct dynbuf good = {0}, unknown = {0}, other = {0}, later = {0};
	struct note n;
	struct checkpoint c;
	assert_int_equal(ledger_cosign(g.l, 0, TEXT("x"), witness, 1), -ENOENT);
	assert_int_equal(log_sign(&g), 0);
	run_append(g.l, 1, 3);
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf note = latest_note(&g.f);
	assert_int_equal(note_parse(dynbuf_view(&note), &n, NULL), 0);
	assert_int_equal(note_sign(&good, n.text, w, 10), 0);
	assert_int_equal(note_sign(&later, n.text, w, 20), 0);
	assert_int_equal(note_sign(&unknown, n.text, stranger, 10), 0);
	assert_int_equal(note_sign(&other, TEXT("x\n"), w, 10), 0);
	assert_int_equal(ledger_cosign(g.l, 0, dynbuf_view(&unknown), witness, 1), -EACCES);
	assert_int_equal(ledger_cosign(g.l, 0, dynbuf_view(&other), witness, 1), -ERR_CHECKSUM);
	assert_int_equal(ledger_cosign(g.l, 0, (struct text){0}, witness, 1), -ERR_MALFORMED);
	assert_int_equal(
	    ledger_cosign(g.l, 0, text_sub(dynbuf_view(&good), 0, good.n - 1), witness, 1), -ERR_MALFORMED);
	assert_int_equal(ledger_cosign(g.l, 7, dynbuf_view(&good), witness, 1), -ENOENT);
	struct dynbuf same = latest_note(&g.f);
	assert_true(text_equal(dynbuf_view(&same), dynbuf_view(&note)));
	assert_int_equal(ledger_cosign(g.l, 2, dynbuf_view(&good), witness, 1), 0);
	assert_int_equal(ledger_cosign(g.l, 2, dynbuf_view(&later), witness, 1), 0);
	dynbuf_reset(&same);
	assert_int_equal(history_latest(g.f.fd, &same), 0);
	assert_int_equal(checkpoint_parse_note(dynbuf_view(&same), &n, &c, NULL), 0);
	assert_int_equal(n.n, 2); /* the later one took the former's place */
	/* and keeps it, whatever comes late; both at once are one too */
	struct dynbuf both = {0};
	struct note_verdict v;
	dynbuf_text(&both, dynbuf_view(&later));
	dynbuf_text(&both, dynbuf_view(&good));
	assert_int_equal(ledger_cosign(g.l, 2, dynbuf_view(&good), witness, 1), 0);
	assert_int_equal(ledger_cosign(g.l, 2, dynbuf_view(&both), witness, 1), 0);
	struct dynbuf kept = latest_note(&g.f);
	assert_true(text_equal(dynbuf_view(&kept), dynbuf_view(&same)));
	assert_int_equal(note_parse(dynbuf_view(&kept), &n, NULL), 0);
	assert_int_equal(note_verify(&n, witness, 1, &v), 0);
	assert_int_equal(v.time_s[0], 20);
	dynbuf_free(&both);
	dynbuf_free(&kept);
	dynbuf_free(&good);
	dynbuf_free(&later);
	dynbuf_free(&unknown);
	dynbuf_free(&other);
	dynbuf_free(&note);
	dynbuf_free(&same);
	ledger_key_free(w);
	ledger_key_free(stranger);
	log_free(&g);
}

static void test_a_late_cosignature_finds_its_checkpoint(void **state)
{
	(void)state;
	struct log g = log_made();
	struct ledger_key *w = key_made(LEDGER_KEY_WITNESS, "w");
	const struct ledger_verifier *witness = ledger_key_verifier(w);
	struct dynbuf line = {0};
	struct note n;
	struct checkpoint c;
	assert_int_equal(log_sign(&g), 0);
	struct dynbuf first = latest_note(&g.f);
	run_append(g.l, 1, 3);
	assert_int_equal(log_sign(&g), 0);
	assert_int_equal(note_parse(dynbuf_view(&first), &n, NULL), 0);
	assert_int_equal(note_sign(&line, n.text, w, 30), 0);
	assert_int_equal(ledger_cosign(g.l, 0, dynbuf_view(&line), witness, 1), -ERR_CHECKSUM);
	assert_int_equal(ledger_cosign(g.l, 1, dynbuf_view(&line), witness, 1), 0);
	struct dynbuf found = {0}, latest = latest_note(&g.f);
	assert_int_equal(history_find(g.f.fd, 1, &found), 0);
	assert_int_equal(checkpoint_parse_note(dynbuf_view(&found), &n, &c, NULL), 0);
	assert_int_equal(n.n, 2);
	assert_int_equal(checkpoint_parse_note(dynbuf_view(&latest), &n, &c, NULL), 0);
	assert_int_equal(c.size, 2);
	/* The audit takes an older one behind a newer one for what it is. */
	const struct ledger_trust trust = {.keys = ledger_key_verifier(g.key),
	    .n_keys = 1,
	    .witnesses = witness,
	    .n_witnesses = 1,
	    .quorum = 1};
	struct ledger_audit_fault fault;
	struct ledger_audit a = audit_of(&g, &trust, &fault);
	assert_int_equal(a.faults, 0);
	assert_int_equal(a.signed_entries, 2);
	assert_int_equal(a.cosigned_entries, 1);
	dynbuf_free(&line);
	dynbuf_free(&first);
	dynbuf_free(&found);
	dynbuf_free(&latest);
	ledger_key_free(w);
	log_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_checkpoint_is_of_all_entries_and_made_once),
	    cmocka_unit_test(test_what_may_not_sign),
	    cmocka_unit_test(test_nothing_is_signed_on_top_of_a_changed_log),
	    cmocka_unit_test(test_a_torn_history_is_mended),
	    cmocka_unit_test(test_rotation_hands_trust_over_and_nothing_else_does),
	    cmocka_unit_test(test_witnesses_follow_the_log_and_reach_a_quorum),
	    cmocka_unit_test(test_a_witness_refuses_what_it_must),
	    cmocka_unit_test(test_only_good_cosignatures_are_merged),
	    cmocka_unit_test(test_a_late_cosignature_finds_its_checkpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
