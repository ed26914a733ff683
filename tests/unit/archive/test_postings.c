/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lists of blocks: which form is taken, that all come back, that what is out of bounds is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/postings.h"
#include "records.h"

enum { BLOCKS_MAX = 200 };

struct form {
	size_t blocks, n;
	uint32_t numbers[8];
	size_t bytes;
	uint8_t expected[12];
};

/* By hand, after doc/archive-format.md. */
static const struct form forms[] = {
    {1, 1, {0}, 1, {0}},
    {20, 1, {5}, 1, {5}},
    {200, 1, {130}, 2, {0x82, 0x01}},
    {40, 2, {3, 4}, 3, {40, 3, 0}},
    {40, 3, {3, 4, 12}, 4, {41, 3, 0, 7}},
    /* five bytes either way: a bit a block is taken */
    {40, 5, {0, 8, 16, 24, 39}, 6, {80, 1, 1, 1, 1, 0x80}},
    {20, 2, {0, 19}, 3, {20, 0, 18}},
    {16, 2, {0, 15}, 3, {32, 1, 0x80}},
    {2, 2, {0, 1}, 2, {4, 3}},
    /* of an entry that no block holds */
    {1, 0, {0}, 2, {2, 0}},
    {9, 0, {0}, 3, {18, 0, 0}},
};

static bool has(const uint64_t *bits, size_t block)
{
	return bits[block / 64] >> block % 64 & 1;
}

static void expect_back(const struct dynbuf *out, const uint32_t *numbers, size_t n, size_t blocks)
{
	uint64_t bits[BLOCKS_MAX / 64 + 1] = {0};
	struct cursor c = cursor_of(out->p, out->n);
	size_t at = 0;
	assert_true(archive_postings_get(&c, blocks, bits));
	assert_int_equal(cursor_left(&c), 0);
	for (size_t block = 0; block < blocks; block++) {
		bool mine = at < n && numbers[at] == block;
		assert_int_equal(has(bits, block), mine);
		at += mine;
	}
	/* passed over, and with a byte missing */
	c = cursor_of(out->p, out->n);
	assert_true(archive_postings_get(&c, blocks, NULL));
	assert_int_equal(cursor_left(&c), 0);
	c = cursor_of(out->p, out->n - 1);
	assert_false(archive_postings_get(&c, blocks, bits));
}

static void the_shortest_form_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];
		struct dynbuf out = {0};
		archive_postings_put(&out, f->numbers, f->n, f->blocks);
		assert_int_equal(out.error, 0);
		assert_int_equal(out.n, f->bytes);
		assert_memory_equal(out.p, f->expected, f->bytes);
		expect_back(&out, f->numbers, f->n, f->blocks);
		dynbuf_free(&out);
	}
}

static void any_set_of_blocks_comes_back(void **state)
{
	uint64_t random = 5;
	(void)state;
	for (size_t turn = 0; turn < 20000; turn++) {
		size_t blocks = 1 + record_random(&random) % BLOCKS_MAX, n = 0;
		uint64_t sparse = 1 + record_random(&random) % 40;
		uint32_t numbers[BLOCKS_MAX];
		struct dynbuf out = {0};
		for (uint32_t block = 0; block < blocks; block++)
			if (record_random(&random) % sparse == 0)
				numbers[n++] = block;
		archive_postings_put(&out, numbers, n, blocks);
		assert_true(out.n <= 2 + (blocks + 7) / 8);
		expect_back(&out, numbers, n, blocks);
		dynbuf_free(&out);
	}
}

static void blocks_beyond_the_last_are_refused(void **state)
{
	static const struct {
		size_t blocks, n;
		uint8_t bytes[12];
		bool good;
	} cases[] = {
	    {20, 1, {19}, true},
	    {20, 1, {20}, false},           /* a list of two without its blocks */
	    {20, 1, {41}, false},           /* beyond the bitmap's form */
	    {20, 3, {20, 0, 18}, true},     /* 0, 19 */
	    {20, 3, {20, 0, 19}, false},    /* 0, 20 */
	    {20, 3, {20, 20, 0}, false},    /* 20, 21 */
	    {20, 3, {39, 0, 0}, false},     /* 21 blocks, of which two are there */
	    {3, 4, {5, 0, 0, 0, 0}, false}, /* more than there are: 0 to 3 */
	    {3, 11, {3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, false},
	    {3, 12, {3, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, false},
	    {20, 4, {40, 1, 0, 8}, true},
	    {20, 3, {40, 1, 0}, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bits[1] = {0};
		struct cursor c = cursor_of(cases[i].bytes, cases[i].n);
		if (archive_postings_get(&c, cases[i].blocks, bits) != cases[i].good)
			fail_msg("case %zu", i);
		assert_int_equal(bits[0] >> cases[i].blocks, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_shortest_form_is_taken),
	    cmocka_unit_test(any_set_of_blocks_comes_back),
	    cmocka_unit_test(blocks_beyond_the_last_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
