/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "ledger/key.h"
#include "ledger/note.h"

/* The keys and the note that golang.org/x/mod/sumdb/note publishes as its examples. */
static const char neumann[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char neumann_private[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char note_text[] = "If you think cryptography is the answer to your problem,\n"
                                "then you don't know what your problem is.\n";
static const char note_line[] =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static void test_published_keys_and_signature(void **state)
{
	(void)state;
	struct ledger_key *k;
	struct ledger_verifier v;
	struct dynbuf out = {0};
	char text[LEDGER_KEY_TEXT_SIZE];
	assert_int_equal(ledger_verifier_parse(text_of(neumann), &v), 0);
	assert_string_equal(v.name, "PeterNeumann");
	assert_string_equal(ledger_verifier_print(&v, text), neumann);
	assert_int_equal(ledger_key_parse(text_of(neumann_private), &k), 0);
	assert_true(ledger_verifier_equal(&v, ledger_key_verifier(k)));
	assert_int_equal(ledger_key_print(k, text), 0);
	assert_string_equal(text, neumann_private);
	/* Ed25519 signs the same text with the same bytes, always. */
	assert_int_equal(note_sign(&out, text_of(note_text), k, 0), 0);
	assert_true(text_equal(dynbuf_view(&out), text_of(note_line)));
	dynbuf_free(&out);
	ledger_key_free(k);
}

static void test_a_text_that_is_no_key_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "PeterNeumann",
	    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* another name */
	    "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* another id */
	    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T=",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW ",
	    "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* type 2 */
	    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
	};
	struct ledger_verifier v;
	struct ledger_key *k = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ledger_verifier_parse(text_of(bad[i]), &v), -EINVAL);
	assert_int_equal(ledger_key_parse(text_of(neumann), &k), -EINVAL);
	assert_int_equal(
	    ledger_key_parse(
	        TEXT("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDF0"), &k),
	    -EINVAL);
	assert_null(k);
}

static void test_names_at_their_bound(void **state)
{
	(void)state;
	char name[LEDGER_KEY_NAME_MAX + 1];
	struct ledger_key *k;
	struct ledger_verifier v;
	char text[LEDGER_KEY_TEXT_SIZE];
	memset(name, 'n', sizeof(name));
	for (size_t n = LEDGER_KEY_NAME_MAX - 1; n <= LEDGER_KEY_NAME_MAX; n++) {
		assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_WITNESS, text_bytes(name, n)), 0);
		ledger_verifier_print(ledger_key_verifier(k), text);
		assert_int_equal(ledger_verifier_parse(text_of(text), &v), 0);
		assert_int_equal(v.type, LEDGER_KEY_WITNESS);
		assert_int_equal(strlen(v.name), n);
		ledger_key_free(k);
	}
	assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_SIGNER, text_bytes(name, sizeof(name))), -EINVAL);
	assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_SIGNER, TEXT("")), -EINVAL);
	assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_SIGNER, TEXT("a+b")), -EINVAL);
	assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_SIGNER, TEXT("a b")), -EINVAL);
}

static void test_a_key_file_is_private_and_never_overwritten(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger_key *k, *again;
	struct stat st;
	const char *path = folder_path(&f, "log.key");
	assert_int_equal(ledger_key_generate(&k, LEDGER_KEY_SIGNER, TEXT("example.org/log")), 0);
	assert_int_equal(ledger_key_write(k, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ledger_key_write(k, path), -EEXIST);
	assert_int_equal(ledger_key_read(path, &again), 0);
	assert_true(ledger_verifier_equal(ledger_key_verifier(k), ledger_key_verifier(again)));
	ledger_key_free(again);
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(*open_modes); i++) {
		assert_int_equal(chmod(path, open_modes[i]), 0);
		assert_int_equal(ledger_key_read(path, &again), -EPERM);
	}
	assert_non_null(strstr(ledger_key_error(-EPERM), "0600"));
	assert_int_equal(ledger_key_read(f.path, &again), -EINVAL);
	assert_int_equal(ledger_key_read(folder_path(&f, "none"), &again), -ENOENT);
	ledger_key_free(k);
	folder_remove(&f);
}

static void test_a_file_of_verifier_keys(void **state)
{
	(void)state;
	struct folder f = folder_make();
	struct ledger_verifier keys[LEDGER_KEYS_MAX];
	struct dynbuf b = {0};
	size_t n = 0, line = 0;
	dynbuf_printf(&b, "# ours\n\n%s\n  %s\r\n", neumann, neumann);
	folder_write(&f, "keys", dynbuf_view(&b));
	assert_int_equal(ledger_verifiers_read(folder_path(&f, "keys"), keys, &n, &line), 0);
	assert_int_equal(n, 2);
	dynbuf_printf(&b, "nonsense\n");
	folder_write(&f, "keys", dynbuf_view(&b));
	assert_int_equal(ledger_verifiers_read(folder_path(&f, "keys"), keys, &n, &line), -EINVAL);
	assert_int_equal(line, 5);
	dynbuf_reset(&b);
	n = 0;
	for (size_t i = 0; i < LEDGER_KEYS_MAX; i++)
		dynbuf_printf(&b, "%s\n", neumann);
	folder_write(&f, "keys", dynbuf_view(&b));
	assert_int_equal(ledger_verifiers_read(folder_path(&f, "keys"), keys, &n, NULL), 0);
	assert_int_equal(n, LEDGER_KEYS_MAX);
	assert_int_equal(ledger_verifiers_read(folder_path(&f, "keys"), keys, &n, &line), -ERR_LIMIT);
	dynbuf_free(&b);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published_keys_and_signature),
	    cmocka_unit_test(test_a_text_that_is_no_key_is_refused),
	    cmocka_unit_test(test_names_at_their_bound),
	    cmocka_unit_test(test_a_key_file_is_private_and_never_overwritten),
	    cmocka_unit_test(test_a_file_of_verifier_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
