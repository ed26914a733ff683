/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ledger/base64.h"
#include "ledger/checkpoint.h"

#define DASH "\xe2\x80\x94 "

/* A key and a note that golang.org/x/mod/sumdb/note publishes; the second signature is of another of its
 * keys. */
static const char neumann[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char enoch[] = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
#define NOTE_TEXT                                                                                            \
	"If you think cryptography is the answer to your problem,\n"                                         \
	"then you don't know what your problem is.\n"
#define NEUMANN_LINE                                                                                         \
	DASH                                                                                                 \
	    "PeterNeumann "                                                                                  \
	    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define ENOCH_LINE                                                                                           \
	DASH                                                                                                 \
	    "EnochRoot "                                                                                     \
	    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

static struct ledger_verifier verifier(const char *t)
{
	struct ledger_verifier v;
	assert_int_equal(ledger_verifier_parse(text_of(t), &v), 0);
	return v;
}

static void test_published_note_verifies(void **state)
{
	(void)state;
	const struct ledger_verifier keys[] = {verifier(enoch), verifier(neumann)};
	struct note n;
	struct note_verdict v;
	assert_int_equal(note_parse(TEXT(NOTE_TEXT "\n" NEUMANN_LINE ENOCH_LINE), &n, NULL), 0);
	assert_int_equal(n.n, 2);
	assert_true(text_equal(n.text, TEXT(NOTE_TEXT)));
	assert_int_equal(note_verify(&n, keys, 2, &v), 0);
	assert_int_equal(v.signers, 3);
	assert_int_equal(note_verify(&n, keys + 1, 1, &v), 0);
	assert_int_equal(v.signers, 1);
	/* Nobody whom we know. */
	assert_int_equal(note_verify(&n, keys, 0, &v), 0);
	assert_int_equal(v.signers, 0);
	/* The same signatures under another text. */
	assert_int_equal(note_parse(TEXT("x" NOTE_TEXT "\n" NEUMANN_LINE), &n, NULL), 0);
	assert_int_equal(note_verify(&n, keys, 2, &v), -ERR_CHECKSUM);
	assert_int_equal(note_verify(&n, keys, 1, &v), 0);
	assert_int_equal(v.signers, 0);
}

static void test_a_known_key_is_known_by_name_and_id_together(void **state)
{
	(void)state;
	const struct ledger_verifier key = verifier(neumann);
	struct note n;
	struct note_verdict v = {0};
	/* Enoch's bytes under Neumann's name: another id, so not Neumann's. */
	assert_int_equal(note_parse(TEXT(NOTE_TEXT "\n" DASH "PeterNeumann "
	                                           "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"
	                                           "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"),
	                     &n, NULL),
	    0);
	assert_int_equal(note_verify(&n, &key, 1, &v), 0);
	assert_int_equal(v.signers, 0);
	/* Neumann's id, and fewer bytes than a signature has. */
	assert_int_equal(note_parse(TEXT(NOTE_TEXT "\n" DASH "PeterNeumann x08go/ZJkuA=\n"), &n, NULL), 0);
	assert_int_equal(note_verify(&n, &key, 1, &v), -ERR_CHECKSUM);
}

static void test_the_form_of_a_note(void **state)
{
	(void)state;
	struct note n;
	const struct {
		struct text t;
		int r;
	} cases[] = {
	    {TEXT("a\n\n" DASH "n AAAAAAAA\n"), 0},
	    {TEXT("a\n\nb\n\n" DASH "n AAAAAAAA\n"), 0}, /* the text may hold empty lines */
	    {TEXT("\xc3\xa8 subito sera\n\n" DASH "\xc3\xa8 AAAAAAAA\n"), 0},
	    {TEXT(""), -ERR_MALFORMED},
	    {TEXT("a\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n"), -ERR_MALFORMED},
	    {TEXT("\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n" DASH "n AAAAAAAA"), -ERR_MALFORMED},
	    {TEXT("a\n\n" DASH "n AAAAAAAA\nb\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n- n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n" DASH " AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n" DASH "n+ AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\n\n" DASH "n\xc2\xa0m AAAAAAAA\n"), -ERR_MALFORMED}, /* a blank of Unicode's */
	    {TEXT("a\n\n" DASH "n AAAA\n"), -ERR_MALFORMED},              /* not even an id */
	    {TEXT("a\n\n" DASH "n A AAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\r\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("a\0\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("\xc3\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	    {TEXT("\xc0\x8a\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},     /* overlong */
	    {TEXT("\xed\xa0\x80\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED}, /* a surrogate */
	    {TEXT("\xf4\x90\x80\x80\n\n" DASH "n AAAAAAAA\n"), -ERR_MALFORMED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *why = NULL;
		assert_int_equal(note_parse(cases[i].t, &n, &why), cases[i].r);
		assert_true((why != NULL) == (cases[i].r < 0));
	}
}

static void test_a_note_at_its_bounds(void **state)
{
	(void)state;
	struct note n;
	struct dynbuf b = {0};
	dynbuf_str(&b, "a\n\n");
	for (size_t i = 0; i < NOTE_SIGNATURES_MAX; i++)
		dynbuf_str(&b, DASH "n AAAAAAAA\n");
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), 0);
	assert_int_equal(n.n, NOTE_SIGNATURES_MAX);
	dynbuf_str(&b, DASH "n AAAAAAAA\n");
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), -ERR_LIMIT);
	dynbuf_reset(&b);
	static const char end[] = "\n\n" DASH "n AAAAAAAA\n";
	while (b.n + strlen(end) < NOTE_SIZE_MAX)
		dynbuf_u8(&b, 'a');
	dynbuf_str(&b, end);
	assert_int_equal(b.n, NOTE_SIZE_MAX);
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), 0);
	dynbuf_reset(&b);
	while (b.n + strlen(end) < NOTE_SIZE_MAX + 1)
		dynbuf_u8(&b, 'a');
	dynbuf_str(&b, end);
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), -ERR_LIMIT);
	dynbuf_free(&b);
}

static void test_the_form_of_a_checkpoint(void **state)
{
	(void)state;
	/* The example of C2SP's tlog-checkpoint. */
	static const char good[] = "example.com/behind-the-sofa\n20852163\n"
	                           "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	struct checkpoint c;
	struct dynbuf b = {0};
	assert_int_equal(checkpoint_parse(text_of(good), &c, NULL), 0);
	assert_true(text_equal(c.origin, TEXT("example.com/behind-the-sofa")));
	assert_int_equal(c.size, 20852163);
	assert_int_equal(c.root.b[0], 0x0a);
	assert_int_equal(c.root.b[31], 0x62);
	assert_int_equal(c.extensions.n, 0);
	checkpoint_print(&b, c.origin, c.size, &c.root);
	assert_true(text_equal(dynbuf_view(&b), text_of(good)));
	dynbuf_free(&b);
	assert_int_equal(
	    checkpoint_parse(TEXT("o\n0\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nmore\n"), &c, NULL),
	    0);
	assert_true(text_equal(c.extensions, TEXT("more\n")));
	static const char *const bad[] = {
	    "",
	    "o\n1\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
	    "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n9223372036854775808\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", /* bits beyond the last byte */
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(checkpoint_parse(text_of(bad[i]), &c, NULL), -ERR_MALFORMED);
}

static struct ledger_key *made(enum ledger_key_type type, const char *name)
{
	struct ledger_key *k = NULL;
	assert_int_equal(ledger_key_generate(&k, type, text_of(name)), 0);
	return k;
}

/* A cosignature by hand: what tlog-cosignature says is signed, and where the time stands. */
static void test_a_cosignature_is_over_its_time_and_the_text(void **state)
{
	(void)state;
	static const char text[] = "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	struct ledger_key *k = made(LEDGER_KEY_WITNESS, "witness.example.org/w1");
	const struct ledger_verifier *v = ledger_key_verifier(k);
	struct dynbuf b = {0}, message = {0};
	struct note_signature s;
	uint8_t bytes[76];
	static const uint8_t time[8] = {0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb}; /* 1679315147 */
	assert_int_equal(note_sign(&b, text_of(text), k, 1679315147), 0);
	assert_int_equal(note_parse_signature(dynbuf_view(&b), &s), 0);
	assert_int_equal(base64_parse(s.base64, bytes, sizeof(bytes)), 0);
	assert_memory_equal(bytes, v->id, 4);
	assert_memory_equal(bytes + 4, time, 8);
	dynbuf_printf(&message, "cosignature/v1\ntime 1679315147\n%s", text);
	assert_int_equal(ledger_verifier_check(v, message.p, message.n, bytes + 12), 0);
	/* Another time under the same signature. */
	struct note n = {.text = text_of(text), .n = 1};
	struct note_verdict verdict;
	n.signatures[0] = s;
	assert_int_equal(note_verify(&n, v, 1, &verdict), 0);
	assert_int_equal(verdict.time_s[0], 1679315147);
	struct dynbuf changed = {0};
	bytes[11] ^= 1;
	base64_append(&changed, bytes, sizeof(bytes));
	n.signatures[0].base64 = dynbuf_view(&changed);
	assert_int_equal(note_verify(&n, v, 1, &verdict), -ERR_CHECKSUM);
	dynbuf_free(&b);
	dynbuf_free(&message);
	dynbuf_free(&changed);
	ledger_key_free(k);
}

static void test_a_quorum_counts_each_witness_once_and_nobody_else(void **state)
{
	(void)state;
	static const char text[] = "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	struct ledger_key *log = made(LEDGER_KEY_SIGNER, "o"), *w1 = made(LEDGER_KEY_WITNESS, "w1"),
	                  *w2 = made(LEDGER_KEY_WITNESS, "w2");
	const struct ledger_verifier key = *ledger_key_verifier(log), one = *ledger_key_verifier(w1),
	                             two = *ledger_key_verifier(w2);
	struct ledger_verifier witnesses[] = {one, one, key, two};
	struct ledger_trust trust = {
	    .keys = &key, .n_keys = 1, .witnesses = witnesses, .n_witnesses = 4, .quorum = 2};
	struct dynbuf b = {0};
	struct note n;
	struct checkpoint_verdict v;
	dynbuf_printf(&b, "%s\n", text);
	assert_int_equal(note_sign(&b, text_of(text), log, 0), 0);
	assert_int_equal(note_sign(&b, text_of(text), w1, 5), 0);
	assert_int_equal(note_sign(&b, text_of(text), w1, 9), 0);
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), 0);
	assert_int_equal(checkpoint_verify(&n, &trust, &v), -EACCES);
	assert_int_equal(v.n_cosigners, 1);
	assert_int_equal(v.cosigned_s[0], 9);
	trust.quorum = 1;
	assert_int_equal(checkpoint_verify(&n, &trust, &v), 0);
	trust.quorum = 2;
	assert_int_equal(note_sign(&b, text_of(text), w2, 7), 0);
	assert_int_equal(note_parse(dynbuf_view(&b), &n, NULL), 0);
	assert_int_equal(checkpoint_verify(&n, &trust, &v), 0);
	assert_int_equal(v.n_cosigners, 2);
	assert_int_equal(v.signers, 1);
	/* Cosigned by all, signed by none of the log's keys; a witness's key is none of them. */
	trust.keys = witnesses;
	assert_int_equal(checkpoint_verify(&n, &trust, &v), -EACCES);
	trust.n_keys = 0;
	assert_int_equal(checkpoint_verify(&n, &trust, &v), -EACCES);
	dynbuf_free(&b);
	ledger_key_free(log);
	ledger_key_free(w1);
	ledger_key_free(w2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published_note_verifies),
	    cmocka_unit_test(test_a_known_key_is_known_by_name_and_id_together),
	    cmocka_unit_test(test_the_form_of_a_note),
	    cmocka_unit_test(test_a_note_at_its_bounds),
	    cmocka_unit_test(test_the_form_of_a_checkpoint),
	    cmocka_unit_test(test_a_cosignature_is_over_its_time_and_the_text),
	    cmocka_unit_test(test_a_quorum_counts_each_witness_once_and_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
