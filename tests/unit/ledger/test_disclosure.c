/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ledger/disclosure.h"
#include "ledger/proof.h"
#include "signed_log.h"

static const char origin[] = "example.org/log";

enum { RUNS = 3, RECORDS = 11, SHOWN = 3 };

/* A log of three runs, signed by `first`, handed over to `key`, cosigned by `witness`; and a disclosure of
 * some. */
struct scene {
	struct folder f;
	struct ledger *l;
	struct ledger_key *first, *key, *witness;
	struct ledger_verifier witness_key;
	struct arena arena;
	struct dynbuf checkpoint, handover;
	struct disclosure d;
	struct dynbuf text; /* the disclosure's */
};

static struct disclosure_path kept(struct arena *a, const struct merkle_hash *path, size_t n)
{
	struct merkle_hash *hashes = arena_array(a, n ? n : 1, sizeof(*hashes));
	memcpy(hashes, path, n * sizeof(*hashes));
	return (struct disclosure_path){.hashes = hashes, .n = n};
}

static struct text line_of(struct scene *s, uint64_t index)
{
	char line[LEDGER_LINE_MAX];
	size_t n;
	assert_int_equal(ledger_line_at(s->l, index, line, &n), 0);
	return arena_text(&s->arena, text_bytes(line, n));
}

static struct disclosure_path log_path(struct scene *s, uint64_t size, uint64_t index)
{
	struct merkle_hash path[PROOF_PATH_MAX];
	struct proof_tree *t;
	size_t n;
	assert_int_equal(proof_tree_new(&t, ledger_leaves(s->l), size), 0);
	assert_int_equal(proof_inclusion(t, index, path, &n), 0);
	proof_tree_free(t);
	return kept(&s->arena, path, n);
}

static void show_run(struct scene *s, struct disclosure_run *to, uint64_t number)
{
	static const uint64_t shown[SHOWN] = {0, 6, RECORDS - 1};
	struct merkle_hash leaves[RECORDS], path[PROOF_PATH_MAX];
	struct proof_tree *t;
	struct disclosure_record *records = arena_array(&s->arena, SHOWN, sizeof(*records));
	assert_int_equal(ledger_find_run(s->l, TEXT("flow"), number, &to->index), 0);
	to->line = line_of(s, to->index);
	to->path = log_path(s, ledger_entries(s->l), to->index);
	for (uint64_t i = 0; i < RECORDS; i++)
		leaves[i] = leaf_made(number, i);
	assert_int_equal(proof_tree_new(&t, leaves, RECORDS), 0);
	for (size_t i = 0; i < SHOWN; i++) {
		char bytes[RECORD_SIZE];
		size_t n;
		record_made(number, shown[i], bytes);
		assert_int_equal(proof_inclusion(t, shown[i], path, &n), 0);
		records[i] = (struct disclosure_record){.index = shown[i],
		    .encoded = arena_text(&s->arena, text_bytes(bytes, sizeof(bytes))),
		    .path = kept(&s->arena, path, n)};
	}
	proof_tree_free(t);
	to->records = records;
	to->n = SHOWN;
}

static int scene_make(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	s->f = folder_make();
	s->first = key_made(LEDGER_KEY_SIGNER, origin);
	s->key = key_made(LEDGER_KEY_SIGNER, origin);
	s->witness = key_made(LEDGER_KEY_WITNESS, "witness.example");
	s->witness_key = *ledger_key_verifier(s->witness);
	const struct ledger_key *before[] = {s->first}, *after[] = {s->key};
	assert_int_equal(ledger_open(&s->l, s->f.fd, true, origin), 0);
	run_append(s->l, 1, RECORDS);
	assert_int_equal(ledger_rotate(s->l, before, 1, s->key), 0);
	s->handover = latest_note(&s->f);
	uint64_t handed = ledger_entries(s->l) - 1;
	run_append(s->l, 2, RECORDS);
	run_append(s->l, 3, RECORDS);
	assert_int_equal(ledger_sign(s->l, after, 1), 0);
	struct dynbuf note = latest_note(&s->f), line = {0};
	struct note parsed;
	assert_int_equal(note_parse(dynbuf_view(&note), &parsed, NULL), 0);
	assert_int_equal(note_sign(&line, parsed.text, s->witness, 1700000000), 0);
	assert_int_equal(ledger_cosign(s->l, 0, dynbuf_view(&line), &s->witness_key, 1), 0);
	dynbuf_free(&note);
	dynbuf_free(&line);
	s->checkpoint = latest_note(&s->f);
	struct disclosure_run *runs = arena_array(&s->arena, 2, sizeof(*runs));
	struct disclosure_rotation *rotation = arena_array(&s->arena, 1, sizeof(*rotation));
	show_run(s, &runs[0], 1);
	show_run(s, &runs[1], 3);
	*rotation = (struct disclosure_rotation){.line = line_of(s, handed),
	    .index = handed,
	    .path = log_path(s, handed + 1, handed),
	    .checkpoint = dynbuf_view(&s->handover)};
	s->d = (struct disclosure){.checkpoint = dynbuf_view(&s->checkpoint),
	    .timestamp = TEXT("\x30\x00\xff"),
	    .rotations = rotation,
	    .n_rotations = 1,
	    .runs = runs,
	    .n_runs = 2};
	assert_int_equal(disclosure_print(&s->d, &s->text), 0);
	*state = s;
	return 0;
}

static int scene_free(void **state)
{
	struct scene *s = *state;
	ledger_close(s->l);
	ledger_key_free(s->first);
	ledger_key_free(s->key);
	ledger_key_free(s->witness);
	arena_free(&s->arena);
	dynbuf_free(&s->checkpoint);
	dynbuf_free(&s->handover);
	dynbuf_free(&s->text);
	folder_remove(&s->f);
	free(s);
	return 0;
}

static struct ledger_trust trust_of(const struct scene *s, const struct ledger_key *key, size_t quorum)
{
	return (struct ledger_trust){.keys = ledger_key_verifier(key),
	    .n_keys = 1,
	    .witnesses = &s->witness_key,
	    .n_witnesses = 1,
	    .quorum = quorum};
}

static void test_a_disclosure_comes_back_and_holds(void **state)
{
	struct scene *s = *state;
	struct arena arena = {0};
	struct disclosure d;
	struct disclosure_fault fault = {0};
	struct disclosure_verdict v;
	struct dynbuf again = {0};
	assert_int_equal(disclosure_parse(dynbuf_view(&s->text), &arena, &d, &fault), 0);
	assert_true(text_equal(d.timestamp, s->d.timestamp));
	assert_int_equal(d.n_runs, 2);
	assert_int_equal(d.runs[1].entry.first, 3);
	assert_int_equal(d.runs[1].entry.records, RECORDS);
	assert_true(text_equal(d.runs[0].records[1].encoded, s->d.runs[0].records[1].encoded));
	assert_int_equal(disclosure_print(&d, &again), 0);
	assert_true(text_equal(dynbuf_view(&again), dynbuf_view(&s->text)));
	/* With the first key alone, which handed over, and with the one that signed. */
	struct ledger_trust trust = trust_of(s, s->first, 1);
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), 0);
	assert_int_equal(v.n_records, 2 * SHOWN);
	assert_int_equal(v.checkpoint.size, 5);
	assert_int_equal(v.seal.n_cosigners, 1);
	assert_int_equal(v.seal.cosigned_s[0], 1700000000);
	assert_true(ledger_verifier_equal(&v.signer, ledger_key_verifier(s->key)));
	trust = trust_of(s, s->key, 0);
	/* It trusts the new key and doesn't know the old one, so the handover is not signed by anyone it
	 * knows, but by the new key itself. */
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), 0);
	dynbuf_free(&again);
	arena_free(&arena);
}

static void test_who_is_not_trusted(void **state)
{
	struct scene *s = *state;
	struct disclosure d = s->d;
	struct disclosure_fault fault = {0};
	struct disclosure_verdict v;
	struct ledger_key *stranger = key_made(LEDGER_KEY_SIGNER, origin);
	struct ledger_trust trust = trust_of(s, stranger, 0);
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), -EACCES);
	trust = trust_of(s, s->first, 0);
	d.n_rotations = 0;
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), -EACCES);
	assert_string_equal(fault.where, "checkpoint");
	/* One witness more is wanted than has cosigned. */
	d = s->d;
	trust = trust_of(s, s->key, 2);
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), -EACCES);
	assert_non_null(strstr(fault.why, "cosignatures"));
	trust.n_keys = 0;
	assert_int_equal(disclosure_check(&d, &trust, &v, &fault), -EACCES);
	ledger_key_free(stranger);
}

/* What an adversary might change, each a way to pass off something else. */
enum change {
	RECORD_BYTE,
	RECORD_PLACE,
	RECORD_SWAPPED,
	RECORD_PATH,
	RECORD_PATH_CUT,
	RUN_ROOT,
	RUN_COUNT,
	RUN_KIND,
	RUN_PLACE,
	RUN_PATH,
	ROTATION_PLACE,
	NO_RECORDS,
	NO_RUNS,
	CHANGES
};

static void test_whatever_is_changed_is_found(void **state)
{
	struct scene *s = *state;
	static const char *const where[] = {
	    [RECORD_BYTE] = "runs[1].records[2].path",
	    [RECORD_PLACE] = "runs[1].records[2].path",
	    [RECORD_SWAPPED] = "runs[1].records[2].path",
	    [RECORD_PATH] = "runs[1].records[2].path",
	    [RECORD_PATH_CUT] = "runs[1].records[2].path",
	    [RUN_ROOT] = "runs[1].path",
	    [RUN_COUNT] = "runs[1].path",
	    [RUN_KIND] = "runs[1].path",
	    [RUN_PLACE] = "runs[1].path",
	    [RUN_PATH] = "runs[1].path",
	    [ROTATION_PLACE] = "rotations[0].path",
	    [NO_RECORDS] = "runs[1].records",
	    [NO_RUNS] = "runs",
	};
	struct ledger_trust trust = trust_of(s, s->first, 1);
	for (enum change c = 0; c < CHANGES; c++) {
		struct disclosure d;
		struct arena a = {0};
		struct disclosure_fault fault = {0};
		struct disclosure_verdict v;
		assert_int_equal(disclosure_parse(dynbuf_view(&s->text), &a, &d, &fault), 0);
		struct disclosure_run *run = (struct disclosure_run *)&d.runs[1];
		struct disclosure_record *record = (struct disclosure_record *)&run->records[2];
		struct merkle_hash *hash = (struct merkle_hash *)record->path.hashes;
		char *line = (char *)run->line.p;
		switch (c) {
		case RECORD_BYTE: *(char *)record->encoded.p ^= 1; break;
		case RECORD_PLACE: record->index--; break;
		case RECORD_SWAPPED: record->encoded = run->records[1].encoded; break;
		case RECORD_PATH: hash[0].b[5] ^= 4; break;
		case RECORD_PATH_CUT: record->path.n--; break;
		case RUN_ROOT: line[run->line.n - 1] = line[run->line.n - 1] == '0' ? '1' : '0'; break;
		case RUN_COUNT: line[strlen("run flow 3 1")] = '2'; break;
		case RUN_KIND: line[strlen("run f")] = 'k'; break;
		case RUN_PLACE: run->index--; break;
		case RUN_PATH: ((struct merkle_hash *)run->path.hashes)[0].b[31] ^= 1; break;
		case ROTATION_PLACE: ((struct disclosure_rotation *)d.rotations)->index--; break;
		case NO_RECORDS: run->n = 0; break;
		case NO_RUNS: d.n_runs = 0; break;
		case CHANGES: break;
		}
		int r = disclosure_check(&d, &trust, &v, &fault);
		assert_true(r == -ERR_CHECKSUM || ((c == NO_RECORDS || c == NO_RUNS) && r == -ERR_MALFORMED));
		assert_string_equal(fault.where, where[c]);
		arena_free(&a);
	}
}

static void test_every_flipped_byte_of_a_file_is_found_or_without_meaning(void **state)
{
	struct scene *s = *state;
	struct ledger_trust trust = trust_of(s, s->first, 1);
	/* Of the handover the signature by the key that was known then: the other one is nobody's yet, and
	 * ignored. */
	struct note note;
	struct dynbuf handover = {0};
	struct disclosure shown = s->d;
	struct disclosure_rotation rotation = s->d.rotations[0];
	assert_int_equal(note_parse(rotation.checkpoint, &note, NULL), 0);
	dynbuf_text(&handover, note.text);
	dynbuf_str(&handover, "\n");
	dynbuf_text(&handover, note.signatures[0].line);
	rotation.checkpoint = dynbuf_view(&handover);
	shown.rotations = &rotation;
	dynbuf_reset(&s->text);
	assert_int_equal(disclosure_print(&shown, &s->text), 0);
	dynbuf_u8(&s->text, 0);
	s->text.n--;
	dynbuf_free(&handover);
	/* JSON's blanks and the stamp, which is not checked here, may change; nothing else. */
	const char *stamp = strstr((char *)s->text.p, "\"timestamp\"");
	size_t stamp_at = stamp ? (size_t)(stamp - (char *)s->text.p) : 0;
	for (size_t i = 0; i < s->text.n; i++) {
		struct arena a = {0};
		struct disclosure d;
		struct disclosure_verdict v;
		uint8_t was = s->text.p[i];
		s->text.p[i] ^= 1;
		int r = disclosure_parse(dynbuf_view(&s->text), &a, &d, NULL);
		if (r == 0)
			r = disclosure_check(&d, &trust, &v, NULL);
		bool blank = was == ' ' || was == '\n';
		if (r == 0 && !blank)
			assert_true(i >= stamp_at && i < stamp_at + 24);
		s->text.p[i] = was;
		arena_free(&a);
	}
}

static void test_a_file_out_of_form_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		const char *where;
	} cases[] = {
	    {"", -ERR_MALFORMED, "line 1"},
	    {"[]", -ERR_MALFORMED, ""},
	    {"{}", -ERR_MALFORMED, "format"},
	    {"{\"format\":\"other\"}", -ERR_MALFORMED, "format"},
	    {"{\"format\":\"bulkhead-disclosure\"}", -ERR_MALFORMED, "version"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":2}", -ERR_UNSUPPORTED, "version"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1.0}", -ERR_MALFORMED, "version"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"version\":1}", -ERR_MALFORMED, "line 1"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"extra\":1}", -ERR_MALFORMED, ""},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"checkpoint\":\"x\",\"runs\":{}}",
	        -ERR_MALFORMED, "runs"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"checkpoint\":\"x\",\"runs\":[1]}",
	        -ERR_MALFORMED, "runs[0]"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"checkpoint\":\"x\",\"runs\":[{\"line\":"
	     "\"key\"}]}",
	        -ERR_MALFORMED, "runs[0].line"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"checkpoint\":\"x\",\"timestamp\":\"*\","
	     "\"runs\":[]}",
	        -ERR_MALFORMED, "timestamp"},
	    {"{\"format\":\"bulkhead-disclosure\",\"version\":1,\"checkpoint\":\"x\",\"runs\":[]} x",
	        -ERR_MALFORMED, "line 1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena a = {0};
		struct disclosure d;
		struct disclosure_fault fault = {0};
		assert_int_equal(disclosure_parse(text_of(cases[i].text), &a, &d, &fault), cases[i].r);
		assert_string_equal(fault.where, cases[i].where);
		assert_non_null(fault.why);
		arena_free(&a);
	}
}

static void test_a_file_at_its_bounds(void **state)
{
	(void)state;
	struct dynbuf b = {0};
	struct arena a = {0};
	struct disclosure d;
	/* As many elements as there may be, and one more: the bound speaks before the form does. */
	dynbuf_u8(&b, '[');
	for (size_t i = 0; i < DISCLOSURE_ELEMENTS_MAX - 1; i++)
		dynbuf_str(&b, i ? ",0" : "0,0");
	dynbuf_u8(&b, ']');
	assert_int_equal(disclosure_parse(dynbuf_view(&b), &a, &d, NULL), -ERR_MALFORMED);
	b.p[b.n - 1] = ',';
	dynbuf_str(&b, "0]");
	assert_int_equal(disclosure_parse(dynbuf_view(&b), &a, &d, NULL), -ERR_LIMIT);
	dynbuf_reset(&b);
	memset(dynbuf_grow(&b, DISCLOSURE_SIZE_MAX), ' ', DISCLOSURE_SIZE_MAX);
	assert_int_equal(disclosure_parse(dynbuf_view(&b), &a, &d, NULL), -ERR_MALFORMED);
	dynbuf_u8(&b, ' ');
	assert_int_equal(disclosure_parse(dynbuf_view(&b), &a, &d, NULL), -ERR_LIMIT);
	dynbuf_free(&b);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_disclosure_comes_back_and_holds, scene_make, scene_free),
	    cmocka_unit_test_setup_teardown(test_who_is_not_trusted, scene_make, scene_free),
	    cmocka_unit_test_setup_teardown(test_whatever_is_changed_is_found, scene_make, scene_free),
	    cmocka_unit_test_setup_teardown(
	        test_every_flipped_byte_of_a_file_is_found_or_without_meaning, scene_make, scene_free),
	    cmocka_unit_test(test_a_file_out_of_form_is_refused),
	    cmocka_unit_test(test_a_file_at_its_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
