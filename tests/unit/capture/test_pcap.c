/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#define SECOND INT64_C(1000000000)

static void reads_every_magic_in_either_byte_order(void **state)
{
	(void)state;
	static const struct {
		uint32_t magic;
		int64_t fraction_ns; /* of 123456 ticks */
		size_t more_head;
	} rows[] = {{0xa1b2c3d4, 123456000, 0}, {0xa1b23c4d, 123456, 0}, {0xa1b2cd34, 123456000, 8}};
	for (size_t i = 0; i < 6; i++) {
		struct writer w = {.big = i % 2};
		pcap_head_version(&w, rows[i / 2].magic, 4, 1);
		put(&w, 1700000000, 4);
		put(&w, 123456, 4);
		put(&w, 5, 4);
		put(&w, 60, 4);
		put_zero(&w, rows[i / 2].more_head);
		put_fill(&w, 5, 40);
		struct capture_set *s = set_of(&w);
		struct capture_frame f = next_frame(s);
		assert_int_equal(f.time_ns, 1700000000 * SECOND + rows[i / 2].fraction_ns);
		assert_int_equal(f.caplen, 5);
		assert_int_equal(f.wirelen, 60);
		assert_int_equal(f.linktype, 1);
		assert_int_equal(f.data[4], 44);
		assert_int_equal(capture_set_next(s, &f), 0);
		assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_CLEAN);
		capture_set_free(s);
	}
}

/* Before 2.3 the two lengths stand the other way round; in 2.3 some writers did that. */
static void takes_the_lengths_of_old_versions_the_right_way_round(void **state)
{
	(void)state;
	static const struct {
		unsigned minor;
		uint32_t first, second;
	} rows[] = {{2, 60, 6}, {3, 60, 6}, {3, 6, 60}, {4, 6, 60}};
	for (size_t i = 0; i < 4; i++) {
		struct writer w = {0};
		pcap_head_version(&w, 0xa1b2c3d4, rows[i].minor, 1);
		put(&w, 1, 4);
		put(&w, 0, 4);
		put(&w, rows[i].first, 4);
		put(&w, rows[i].second, 4);
		put_fill(&w, 6, 0);
		struct capture_set *s = set_of(&w);
		struct capture_frame f = next_frame(s);
		assert_int_equal(f.caplen, 6);
		assert_int_equal(f.wirelen, 60);
		capture_set_free(s);
	}
}

static void ignores_the_frame_check_length_above_the_link_type(void **state)
{
	(void)state;
	struct writer w = {0};
	pcap_head(&w, 0x34000071);
	pcap_record(&w, 1, 0, 4, 4);
	struct capture_set *s = set_of(&w);
	assert_int_equal(next_frame(s).linktype, 113);
	capture_set_free(s);
}

/* What a file has up to the cut is given, and its status says how it ends. */
static void cut_at_any_byte_gives_the_complete_records(void **state)
{
	(void)state;
	struct writer w = {0};
	size_t ends[4];
	pcap_head(&w, 1);
	ends[0] = w.b.n;
	for (uint32_t i = 1; i < 4; i++) {
		pcap_record(&w, i, 0, 10 * i, 100);
		ends[i] = w.b.n;
	}
	for (size_t n = 0; n <= w.b.n; n++) {
		struct capture_set *s = set_new();
		char why[160] = "";
		int r = add_bytes(s, w.b.p, n, "cut.pcap", why);
		if (n < ends[0]) {
			assert_int_equal(r, -ERR_TRUNCATED);
			assert_true(why[0]);
			assert_int_equal(capture_set_files(s), 0);
		} else {
			size_t whole = 0;
			while (whole < 3 && ends[whole + 1] <= n)
				whole++;
			assert_int_equal(r, 0);
			assert_int_equal(drain(s), whole);
			const struct capture_file_status *status = capture_set_file(s, 0);
			assert_int_equal(
			    status->end, ends[whole] == n ? CAPTURE_END_CLEAN : CAPTURE_END_TRUNCATED);
			assert_int_equal(status->why[0] != 0, ends[whole] != n);
			assert_int_equal(status->bytes, n);
			assert_int_equal(status->bytes_read, n);
			assert_int_equal(status->packets, whole);
		}
		capture_set_free(s);
	}
	dynbuf_free(&w.b);
}

static void a_record_above_the_bound_ends_the_file(void **state)
{
	(void)state;
	for (int more = -1; more <= 1; more++) {
		uint32_t caplen = (uint32_t)(CAPTURE_RECORD_MAX + more);
		struct writer w = {0};
		pcap_head(&w, 1);
		pcap_record(&w, 1, 0, caplen, caplen);
		pcap_record(&w, 2, 0, 4, 4);
		struct capture_set *s = set_of(&w);
		assert_int_equal(drain(s), more <= 0 ? 2 : 0);
		assert_int_equal(
		    capture_set_file(s, 0)->end, more <= 0 ? CAPTURE_END_CLEAN : CAPTURE_END_MALFORMED);
		if (more > 0)
			assert_string_equal(capture_set_file(s, 0)->why,
			    "byte 24: the record claims 262145 captured bytes, more than 262144");
		capture_set_free(s);
	}
}

static void wire_lengths_are_at_least_what_was_captured_and_else_as_claimed(void **state)
{
	(void)state;
	static const struct {
		uint32_t claimed, given;
	} rows[] = {{0, 20}, {19, 20}, {20, 20}, {21, 21}, {UINT32_MAX, UINT32_MAX}};
	struct writer w = {0};
	pcap_head(&w, 1);
	for (uint32_t i = 0; i < 5; i++)
		pcap_record(&w, i, 0, 20, rows[i].claimed);
	struct capture_set *s = set_of(&w);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(next_frame(s).wirelen, rows[i].given);
	/* the absurd one counts with its captured bytes */
	assert_int_equal(capture_set_vantage(s, 0)->bytes, 20 + 20 + 20 + 21 + 20);
	assert_int_equal(capture_set_vantage(s, 0)->cut, 2);
	capture_set_free(s);
}

static void says_what_a_foreign_file_is(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		int error;
		const char *why;
	} rows[] = {
	    {"", 0, -ERR_TRUNCATED, "the file is empty: expected a pcap or pcapng capture"},
	    {"\xd4\xc3", 2, -ERR_TRUNCATED, "the file ends after 2 bytes, inside its head"},
	    {"hello, world", 12, -ERR_UNSUPPORTED,
	        "it begins with 68656c6c: expected a pcap or pcapng capture"},
	    {"\xfd"
	     "7zXZ\0\0\0",
	        8, -ERR_UNSUPPORTED, "it is packed by xz: unpack it with xz -d first"},
	    {"snoop\0\0\0\0\0\0\2", 12, -ERR_UNSUPPORTED,
	        "it is a snoop capture: convert it with editcap -F pcapng"},
	    {"\xd4\xc3\xb2\xa1\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24, -ERR_UNSUPPORTED,
	        "it is pcap version 3.0: expected 2.4 or older"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture_set *s = set_new();
		char why[160] = "";
		assert_int_equal(add_bytes(s, rows[i].bytes, rows[i].n, "x", why), rows[i].error);
		assert_string_equal(why, rows[i].why);
		capture_set_free(s);
	}
}

static void a_missing_file_is_an_error_with_its_reason(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	char why[160] = "";
	assert_int_equal(capture_set_add(s, -1, "/nonexistent/capture.pcap", why), -2);
	assert_string_equal(why, "No such file or directory");
	assert_int_equal(capture_set_add(s, -1, "/", why), -21);
	capture_set_free(s);
}

static void reads_from_a_pipe(void **state)
{
	(void)state;
	struct writer w = {0};
	int fds[2];
	char why[160] = "";
	pcap_head(&w, 1);
	for (uint32_t i = 0; i < 100; i++)
		pcap_record(&w, i, 0, 200, 200);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], w.b.p, w.b.n), (ssize_t)w.b.n); /* fits the pipe */
	close(fds[1]);
	struct capture_set *s = set_new();
	assert_int_equal(capture_set_add(s, fds[0], "-", why), 0);
	assert_int_equal(drain(s), 100);
	assert_int_equal(capture_set_file(s, 0)->bytes, w.b.n);
	dynbuf_free(&w.b);
	capture_set_free(s);
}

static void counts_packets_older_than_the_one_before(void **state)
{
	(void)state;
	static const uint32_t seconds[] = {5, 3, 4, 9, 8};
	struct writer w = {0};
	pcap_head(&w, 1);
	for (size_t i = 0; i < 5; i++)
		pcap_record(&w, seconds[i], 0, 4, 4);
	struct capture_set *s = set_of(&w);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(next_frame(s).time_ns, seconds[i] * SECOND);
	const struct capture_file_status *status = capture_set_file(s, 0);
	assert_int_equal(status->unordered, 2);
	assert_int_equal(status->first_ns, 3 * SECOND);
	assert_int_equal(status->last_ns, 9 * SECOND);
	capture_set_free(s);
}

/* Records of every size, so that each place of the window's end is met. */
static void records_are_whole_wherever_the_window_ends(void **state)
{
	(void)state;
	struct writer w = {0};
	pcap_head(&w, 1);
	for (uint32_t i = 0; i < 3000; i++)
		pcap_record(&w, i, 0, i * 7 % 9000, 9000);
	pcap_record(&w, 3000, 0, 200000, 200000);
	pcap_record(&w, 3001, 0, 3, 3);
	struct capture_set *s = set_of(&w);
	assert_int_equal(drain(s), 3002);
	assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_CLEAN);
	capture_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_magic_in_either_byte_order),
	    cmocka_unit_test(takes_the_lengths_of_old_versions_the_right_way_round),
	    cmocka_unit_test(ignores_the_frame_check_length_above_the_link_type),
	    cmocka_unit_test(cut_at_any_byte_gives_the_complete_records),
	    cmocka_unit_test(a_record_above_the_bound_ends_the_file),
	    cmocka_unit_test(wire_lengths_are_at_least_what_was_captured_and_else_as_claimed),
	    cmocka_unit_test(says_what_a_foreign_file_is),
	    cmocka_unit_test(a_missing_file_is_an_error_with_its_reason),
	    cmocka_unit_test(reads_from_a_pipe),
	    cmocka_unit_test(counts_packets_older_than_the_one_before),
	    cmocka_unit_test(records_are_whole_wherever_the_window_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
