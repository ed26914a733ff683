/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "exchange/csv.h"

/* Bytes that are handed over in pieces of a size. */
struct source {
	struct text t;
	size_t at, step;
};

static int64_t read_source(void *context, void *p, size_t n)
{
	struct source *s = context;
	size_t left = s->t.n - s->at, take = left < s->step ? left : s->step;
	if (take > n)
		take = n;
	memcpy(p, s->t.p + s->at, take);
	s->at += take;
	return (int64_t)take;
}

/* Cells joined by '|', rows by a newline; a mistake as !LINE:COLUMN. */
static void read_all(struct text t, size_t step, char separator, char *out, size_t size)
{
	struct source s = {.t = t, .step = step};
	struct csv_reader r;
	struct exchange_problem problem;
	size_t n = 0;
	assert_int_equal(csv_reader_begin(&r, separator, read_source, &s), 0);
	for (int got; (got = csv_reader_next(&r, &problem)) != 0;) {
		if (got == -ERR_MALFORMED) {
			n += (size_t)snprintf(
			    out + n, size - n, "!%d:%d\n", (int)problem.line, (int)problem.column);
			continue;
		}
		assert_int_equal(got, 1);
		for (size_t i = 0; i < r.n_cells; i++) {
			if (i)
				out[n++] = '|';
			assert_true(n + r.cells[i].text.n + 2 < size);
			memcpy(out + n, r.cells[i].text.p, r.cells[i].text.n);
			n += r.cells[i].text.n;
		}
		out[n++] = '\n';
	}
	out[n] = '\0';
	csv_reader_free(&r);
}

static const struct {
	const char *name, *in, *wanted;
} cases[] = {
    {"rows and cells", "a,b,c\n1,2,3\n", "a|b|c\n1|2|3\n"},
    {"no newline at the end", "a,b\n1,2", "a|b\n1|2\n"},
    {"CRLF (RFC 4180, 2.1)", "a,b\r\n1,2\r\n", "a|b\n1|2\n"},
    {"empty cells", ",,\n", "||\n"},
    {"empty lines are passed over", "\n\na\n\r\nb\n", "a\nb\n"},
    {"a lone CR is a byte of the cell", "a\rb,c\n", "a\rb|c\n"},
    {"quoted (2.5)", "\"a\",\"b\"\n", "a|b\n"},
    {"quoted with separator and line end (2.6)", "\"a,b\",\"c\r\nd\"\ne,f\n", "a,b|c\r\nd\ne|f\n"},
    {"doubled quotes (2.7)", "\"a\"\"b\"\"\",c\n", "a\"b\"|c\n"},
    {"an empty quoted cell", "\"\",\"\"\n", "|\n"},
    {"only doubled quotes", "\"\"\"\"\"\"\n", "\"\"\n"},
    {"quoted at the end without newline", "a,\"b\"", "a|b\n"},
    {"quoted before CRLF", "\"a\"\r\n\"b\"\r\n", "a\nb\n"},
    {"a byte order mark",
        "\xef\xbb\xbf"
        "a,b\n",
        "a|b\n"},
    {"a quote within a plain cell", "a,b\"c,d\n1,2\n", "!1:4\n1|2\n"},
    {"something behind a closing quote", "a,\"b\"c\n1,2\n", "!1:6\n1|2\n"},
    {"a quote that is never closed", "a\n1,\"b\n2,c\n", "a\n!2:3\n2|c\n"},
    {"the place counts lines within cells", "\"a\nb\",c\"d\n1\n", "!2:5\n1\n"},
    {"doubled quotes before one that is never closed stay", "\"a\n\"\"b\n\"\"c\n", "!1:1\n!2:3\n!3:3\n"},
    {"nothing", "", ""},
};

static void test_cells_are_those_of_rfc_4180_in_pieces_of_any_size(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 2, 3, 7, 4096};
	char out[512];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(*steps); k++) {
			read_all(text_of(cases[i].in), steps[k], ',', out, sizeof(out));
			if (strcmp(out, cases[i].wanted) != 0)
				fail_msg("%s, in pieces of %zu: got [%s]", cases[i].name, steps[k], out);
		}
}

static void test_nul_and_bytes_that_are_no_utf8_are_kept(void **state)
{
	(void)state;
	static const char in[] = "a\0b,\"\xff\0\"\n";
	struct source s = {.t = text_bytes(in, sizeof(in) - 1), .step = 3};
	struct csv_reader r;
	struct exchange_problem problem;
	assert_int_equal(csv_reader_begin(&r, ',', read_source, &s), 0);
	assert_int_equal(csv_reader_next(&r, &problem), 1);
	assert_int_equal(r.n_cells, 2);
	assert_true(text_equal(r.cells[0].text, text_bytes("a\0b", 3)));
	assert_true(text_equal(r.cells[1].text, text_bytes("\xff\0", 2)));
	csv_reader_free(&r);
}

static void test_another_separator_leaves_commas_alone(void **state)
{
	(void)state;
	char out[64];
	read_all(TEXT("a;b,c\n\"d;e\";f\n"), 4096, ';', out, sizeof(out));
	assert_string_equal(out, "a|b,c\nd;e|f\n");
}

static void test_a_row_has_at_most_1024_cells(void **state)
{
	(void)state;
	for (size_t n = CSV_CELLS_MAX - 1; n <= CSV_CELLS_MAX + 1; n++) {
		char in[2 * CSV_CELLS_MAX + 16];
		memset(in, ',', n - 1);
		memcpy(in + n - 1, "\nb\n", 3);
		struct source s = {.t = text_bytes(in, n + 2), .step = 4096};
		struct csv_reader r;
		struct exchange_problem problem;
		assert_int_equal(csv_reader_begin(&r, ',', read_source, &s), 0);
		int got = csv_reader_next(&r, &problem);
		assert_int_equal(got, n <= CSV_CELLS_MAX ? 1 : -ERR_MALFORMED);
		assert_int_equal(csv_reader_next(&r, &problem), 1);
		assert_true(text_equal(r.cells[0].text, TEXT("b")));
		csv_reader_free(&r);
	}
}

static void test_a_row_beyond_the_bound_is_refused_and_the_next_one_read(void **state)
{
	(void)state;
	size_t n = EXCHANGE_LINE_MAX + 2 * EXCHANGE_INPUT_STEP + 2;
	char *in = malloc(n);
	assert_non_null(in);
	memset(in, 'a', n);
	memcpy(in + n - 3, "\nb\n", 3);
	struct source s = {.t = text_bytes(in, n), .step = SIZE_MAX};
	struct csv_reader r;
	struct exchange_problem problem;
	assert_int_equal(csv_reader_begin(&r, ',', read_source, &s), 0);
	assert_int_equal(csv_reader_next(&r, &problem), -ERR_LIMIT);
	assert_int_equal(problem.line, 1);
	assert_int_equal(csv_reader_next(&r, &problem), 1);
	assert_true(text_equal(r.cells[0].text, TEXT("b")));
	assert_int_equal(r.line, 2);
	csv_reader_free(&r);
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cells_are_those_of_rfc_4180_in_pieces_of_any_size),
	    cmocka_unit_test(test_nul_and_bytes_that_are_no_utf8_are_kept),
	    cmocka_unit_test(test_another_separator_leaves_commas_alone),
	    cmocka_unit_test(test_a_row_has_at_most_1024_cells),
	    cmocka_unit_test(test_a_row_beyond_the_bound_is_refused_and_the_next_one_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
