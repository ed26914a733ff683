/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <zlib.h>
#include <zstd.h>

#include "writer.h"

enum { PACKETS = 2000 };

enum packing { GZIP, ZSTD, PACKINGS };

static struct writer plain_file(void)
{
	struct writer w = {0};
	pcap_head(&w, 1);
	for (uint32_t i = 0; i < PACKETS; i++)
		pcap_record(&w, i, i * 17, 60 + i % 900, 1500);
	return w;
}

static void pack(enum packing packing, struct writer *out, const uint8_t *p, size_t n)
{
	size_t room = packing == GZIP ? n + n / 100 + 1000 : ZSTD_compressBound(n);
	uint8_t *to = malloc(room);
	assert_non_null(to);
	if (packing == ZSTD) {
		size_t got = ZSTD_compress(to, room, p, n, 3);
		assert_false(ZSTD_isError(got));
		dynbuf_append(&out->b, to, got);
	} else {
		z_stream z = {
		    .next_in = (uint8_t *)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};
		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		dynbuf_append(&out->b, to, z.total_out);
		deflateEnd(&z);
	}
	free(to);
}

/* In one piece, or as two members or frames that split a record. */
static struct writer packed_file(enum packing packing, bool in_two)
{
	struct writer plain = plain_file(), packed = {0};
	size_t split = in_two ? plain.b.n / 2 : plain.b.n;
	pack(packing, &packed, plain.b.p, split);
	if (in_two)
		pack(packing, &packed, plain.b.p + split, plain.b.n - split);
	dynbuf_free(&plain.b);
	return packed;
}

static void reads_packed_files_of_one_and_of_several_pieces(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * PACKINGS; i++) {
		struct writer w = packed_file(i / 2, i % 2);
		size_t stored = w.b.n;
		struct capture_set *s = set_of(&w);
		assert_int_equal(drain(s), PACKETS);
		assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_CLEAN);
		assert_int_equal(capture_set_file(s, 0)->bytes, stored);
		assert_int_equal(capture_set_file(s, 0)->bytes_read, stored);
		capture_set_free(s);
	}
}

/* A cut anywhere never reads as a clean end, but at the seam of two pieces. */
static void a_packed_file_that_is_cut_says_so(void **state)
{
	(void)state;
	for (int i = 0; i < PACKINGS; i++) {
		struct writer w = packed_file(i, false);
		for (size_t n = 1; n < w.b.n; n += n < 100 || n + 20 > w.b.n ? 1 : 997) {
			struct capture_set *s = set_new();
			char why[160] = "";
			int r = add_bytes(s, w.b.p, n, "x", why);
			if (r == 0) {
				assert_true(drain(s) <= PACKETS);
				assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_TRUNCATED);
			} else {
				assert_true(r == -ERR_TRUNCATED || (r == -ERR_UNSUPPORTED && n < 4));
			}
			assert_true(r == 0 || why[0]);
			capture_set_free(s);
		}
		dynbuf_free(&w.b);
	}
}

static void damaged_data_gives_what_came_before_it(void **state)
{
	(void)state;
	for (int i = 0; i < PACKINGS; i++) {
		struct writer w = packed_file(i, true);
		/* the second piece's head */
		struct writer first = {0}, plain = plain_file();
		pack(i, &first, plain.b.p, plain.b.n / 2);
		w.b.p[first.b.n + 2] ^= 0xff;
		dynbuf_free(&first.b);
		dynbuf_free(&plain.b);
		struct capture_set *s = set_of(&w);
		size_t n = drain(s);
		assert_true(n > PACKETS / 3 && n < PACKETS);
		assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_UNREADABLE);
		assert_true(capture_set_file(s, 0)->why[0]);
		capture_set_free(s);
	}
}

static void bytes_after_the_gzip_data_are_told_but_for_zeros(void **state)
{
	(void)state;
	for (int garbage = 0; garbage < 2; garbage++) {
		struct writer w = packed_file(GZIP, false);
		put_zero(&w, 512);
		if (garbage)
			put_fill(&w, 10, 1);
		struct capture_set *s = set_of(&w);
		assert_int_equal(drain(s), PACKETS);
		assert_int_equal(
		    capture_set_file(s, 0)->end, garbage ? CAPTURE_END_UNREADABLE : CAPTURE_END_CLEAN);
		capture_set_free(s);
	}
}

static void a_packed_file_of_something_else_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < PACKINGS; i++) {
		struct writer w = {0};
		char why[160] = "";
		pack(i, &w, (const uint8_t *)"no capture at all", 17);
		struct capture_set *s = set_new();
		assert_int_equal(add_bytes(s, w.b.p, w.b.n, "x", why), -ERR_UNSUPPORTED);
		assert_string_equal(why, "it begins with 6e6f2063: expected a pcap or pcapng capture");
		dynbuf_free(&w.b);
		capture_set_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_packed_files_of_one_and_of_several_pieces),
	    cmocka_unit_test(a_packed_file_that_is_cut_says_so),
	    cmocka_unit_test(damaged_data_gives_what_came_before_it),
	    cmocka_unit_test(bytes_after_the_gzip_data_are_told_but_for_zeros),
	    cmocka_unit_test(a_packed_file_of_something_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
