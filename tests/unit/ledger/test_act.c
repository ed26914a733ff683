/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Acts in the log: one line each, whatever was said, and the same words back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "ledger/act.h"
#include "ledger/entry.h"

static const struct ledger_act approval = {.time = INT64_C(1795415104000000000),
    .order = 17,
    .what = TEXT("approve"),
    .who = TEXT("alice"),
    .why = TEXT("beacon to 203.0.113.9, confirmed by phone: 100 %")};

static struct text line_of(const struct ledger_act *a, char *line)
{
	char text[LEDGER_LINE_MAX];
	struct ledger_entry e;
	size_t n;
	assert_int_equal(ledger_act_print(a, text, &e), 0);
	assert_int_equal(ledger_entry_print(&e, line, &n), 0);
	return text_bytes(line, n);
}

static void the_line_is_these_words(void **state)
{
	char line[LEDGER_LINE_MAX];
	(void)state;
	struct text t = line_of(&approval, line);
	/* worked out by hand from doc/evidence.md */
	const char *expected = "act 2026-11-23T06:25:04.000000000Z 17 approve alice "
	                       "beacon%20to%20203.0.113.9%2C%20confirmed%20by%20phone%3A%20100%20%25";
	assert_int_equal(t.n, strlen(expected));
	assert_memory_equal(t.p, expected, t.n);
}

static void what_was_said_comes_back(void **state)
{
	static const char *const words[] = {
	    "", "-", "--", "a b", "line\nbreak", "100%", "%41", "\xc3\xa9t\xc3\xa9", "a,b;c"};
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct ledger_act a = approval, back;
		struct ledger_entry e;
		char line[LEDGER_LINE_MAX], buf[LEDGER_LINE_MAX];
		a.who = text_of(words[i]);
		a.why = text_of(words[i]);
		assert_int_equal(ledger_entry_parse(line_of(&a, line), &e, NULL), 0);
		assert_int_equal(ledger_act_parse(&e, buf, &back), 0);
		assert_true(text_equal(back.who, a.who) && text_equal(back.why, a.why));
		assert_true(text_equal(back.what, a.what) && back.order == 17 && back.time == a.time);
	}
}

static void a_long_reason_is_cut_and_the_line_stays_a_line(void **state)
{
	char long_text[2000], line[LEDGER_LINE_MAX], buf[LEDGER_LINE_MAX];
	struct ledger_act a = approval, back;
	struct ledger_entry e;
	(void)state;
	memset(long_text, ' ', sizeof(long_text));
	a.who = a.why = text_bytes(long_text, sizeof(long_text));
	struct text t = line_of(&a, line);
	assert_true(t.n < LEDGER_LINE_MAX);
	assert_int_equal(ledger_entry_parse(t, &e, NULL), 0);
	assert_int_equal(ledger_act_parse(&e, buf, &back), 0);
	assert_true(back.who.n > 20 && back.why.n > 20);
}

static void other_lines_are_no_acts(void **state)
{
	static const char *const lines[] = {
	    "act 2026-11-23T06:25:04.000000000Z 17 approve alice",         /* a word too few */
	    "act 2026-11-23T06:25:04.000000000Z 17 approve alice why not", /* one too many */
	    "act 2026-11-23T06:25:04.000000000Z x approve alice -",
	    "act 2026-11-23T06:25:04.000000000Z 17  alice -",
	    "act 2026-11-23T06:25:04Z 17 approve alice -",
	    "act 2026-11-23T06:25:04.000000000Z 17 approve alice \x01",
	};
	struct ledger_entry e;
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(ledger_entry_parse(text_of(lines[i]), &e, NULL), -ERR_MALFORMED);
}

static void what_is_no_word_is_refused(void **state)
{
	struct ledger_act a = approval;
	struct ledger_entry e;
	char text[LEDGER_LINE_MAX];
	(void)state;
	a.what = TEXT("approve now");
	assert_int_equal(ledger_act_print(&a, text, &e), -EINVAL);
	a.what = TEXT("");
	assert_int_equal(ledger_act_print(&a, text, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_line_is_these_words),
	    cmocka_unit_test(what_was_said_comes_back),
	    cmocka_unit_test(a_long_reason_is_cut_and_the_line_stays_a_line),
	    cmocka_unit_test(other_lines_are_no_acts),
	    cmocka_unit_test(what_is_no_word_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
