/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "writer.h"

#define SECOND INT64_C(1000000000)

/* A pcap file of Ethernet frames at these seconds, 0 after the last. */
static void add_seconds(struct capture_set *s, const char *path, uint32_t linktype, const uint32_t *seconds)
{
	struct writer w = {0};
	pcap_head(&w, linktype);
	for (; *seconds; seconds++)
		pcap_record(&w, *seconds, 0, 4, 4);
	add_good(s, &w, path);
}
#define SECONDS(...) ((const uint32_t[]){__VA_ARGS__, 0})
#define NO_SECONDS   ((const uint32_t[]){0})

/* Reads all and gives the vantage of each frame, in order, as digits. */
static void vantages_in_order(struct capture_set *s, char *out, size_t size)
{
	struct capture_frame f;
	size_t n = 0;
	while (capture_set_next(s, &f) == 1 && n + 1 < size)
		out[n++] = (char)('0' + f.vantage);
	out[n] = 0;
}

static void merges_files_by_time(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	add_seconds(s, "a", 1, SECONDS(1, 4, 7, 10));
	add_seconds(s, "b", 1, SECONDS(2, 5, 8));
	add_seconds(s, "c", 1, SECONDS(3, 6, 9, 11, 12));
	for (int64_t t = 1; t <= 12; t++)
		assert_int_equal(next_frame(s).time_ns, t * SECOND);
	struct capture_frame f;
	assert_int_equal(capture_set_next(s, &f), 0);
	assert_int_equal(capture_set_next(s, &f), 0);
	assert_int_equal(capture_set_vantages(s), 3);
	uint64_t done, total;
	capture_set_progress(s, &done, &total);
	assert_int_equal(total, 3 * 24 + 12 * 20);
	assert_int_equal(done, total);
	capture_set_free(s);
}

static void many_files_come_in_order(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	for (uint32_t i = 0; i < 60; i++)
		add_seconds(s, "x", 1, SECONDS(1 + i * 37 % 60, 100 + i * 11 % 60, 200 + i * 23 % 60));
	int64_t before = 0;
	for (int i = 0; i < 180; i++) {
		int64_t now = next_frame(s).time_ns;
		assert_true(now >= before);
		before = now;
	}
	capture_set_free(s);
}

static void a_file_may_be_added_while_another_is_read(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	add_seconds(s, "a", 1, SECONDS(5, 6, 9));
	assert_int_equal(next_frame(s).time_ns, 5 * SECOND);
	add_seconds(s, "b", 1, SECONDS(1, 7));
	assert_int_equal(next_frame(s).time_ns, 1 * SECOND);
	assert_int_equal(next_frame(s).time_ns, 6 * SECOND);
	assert_int_equal(next_frame(s).time_ns, 7 * SECOND);
	assert_int_equal(next_frame(s).time_ns, 9 * SECOND);
	capture_set_free(s);
}

/* Which file goes on with whose vantage; each row gives the vantage of every frame in time order. */
static void a_rotated_file_takes_over_the_vantage(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct {
			const char *path;
			uint32_t linktype;
			uint32_t seconds[4];
		} files[4];
		const char *expected;
		size_t vantages;
	} rows[] = {
	    {"one after another", {{"r1", 1, {1, 2}}, {"r2", 1, {3, 4}}, {"r3", 1, {5}}}, "00000", 1},
	    {"at the very same time", {{"r1", 1, {1, 2}}, {"r2", 1, {2, 3}}}, "0000", 1},
	    {"given in the wrong order", {{"r2", 1, {3, 4}}, {"r1", 1, {1, 2}}}, "0000", 1},
	    {"overlapping", {{"a", 1, {1, 5}}, {"b", 1, {2, 3}}}, "0110", 2},
	    {"another link type", {{"a", 1, {1, 2}}, {"b", 101, {3}}}, "001", 2},
	    {"handed over once only", {{"a", 1, {1, 2}}, {"b", 1, {3, 5}}, {"c", 1, {4, 6}}}, "000101", 2},
	    {"two sensors by their names",
	        {{"office-1", 1, {1, 4}}, {"mission-1", 1, {2, 3}}, {"mission-2", 1, {5, 7}},
	            {"office-2", 1, {6, 8}}},
	        "01101010", 2},
	    {"an empty one joins", {{"a", 1, {1, 2}}, {"b", 1, {0}}, {"c", 1, {3}}}, "000", 1},
	    {"all empty", {{"a", 1, {0}}, {"b", 1, {0}}}, "", 2},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture_set *s = set_new();
		char got[64];
		for (size_t k = 0; k < 4 && rows[i].files[k].path; k++) {
			uint32_t seconds[5] = {0};
			memcpy(seconds, rows[i].files[k].seconds, sizeof(rows[i].files[k].seconds));
			add_seconds(s, rows[i].files[k].path, rows[i].files[k].linktype, seconds);
		}
		vantages_in_order(s, got, sizeof(got));
		if (strcmp(got, rows[i].expected) != 0 || capture_set_vantages(s) != rows[i].vantages)
			fail_msg("%s: %s, %zu vantages", rows[i].what, got, capture_set_vantages(s));
		capture_set_free(s);
	}
}

static void pcapng_rotation_asks_for_the_same_interface_names(void **state)
{
	(void)state;
	static const char *const second[] = {"eth1", "eth2", NULL};
	static const size_t vantages[] = {2, 4, 4};
	for (size_t i = 0; i < 3; i++) {
		struct capture_set *s = set_new();
		for (int k = 0; k < 2; k++) {
			struct writer w = {0};
			ng_section(&w);
			ng_interface(&w, 1, "eth0");
			ng_interface(&w, 1, k == 0 ? "eth1" : second[i]);
			ng_packet(&w, 1, (uint64_t)(1 + k), 4, 4);
			add_good(s, &w, k == 0 ? "r1" : "r2");
		}
		assert_int_equal(next_frame(s).vantage, 1);
		assert_int_equal(next_frame(s).vantage, i == 0 ? 1 : 3);
		assert_int_equal(capture_set_vantages(s), vantages[i]);
		capture_set_free(s);
	}
}

/* Linux cooked v2: the interface index stands in bytes 4 to 7 of the frame. */
static void put_cooked(struct writer *w, uint32_t s, uint32_t ifindex)
{
	put(w, s, 4);
	put(w, 0, 4);
	put(w, 20, 4);
	put(w, 20, 4);
	put_zero(w, 4);
	for (int i = 3; i >= 0; i--)
		dynbuf_u8(&w->b, (uint8_t)(ifindex >> 8 * i));
	put_zero(w, 12);
}

static void cooked_captures_have_a_vantage_for_each_interface_index(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	struct writer w = {0};
	pcap_head(&w, 276);
	put_cooked(&w, 1, 2);
	put_cooked(&w, 2, 3);
	put_cooked(&w, 3, 2);
	add_good(s, &w, "dir/any.pcap");
	w = (struct writer){0};
	pcap_head(&w, 276);
	put_cooked(&w, 4, 3);
	put_cooked(&w, 5, 9);
	add_good(s, &w, "dir/any.pcap1");
	char got[16];
	vantages_in_order(s, got, sizeof(got));
	assert_string_equal(got, "01012");
	assert_string_equal(capture_set_vantage(s, 0)->name, "any.pcap/if2");
	assert_string_equal(capture_set_vantage(s, 1)->name, "any.pcap/if3");
	assert_string_equal(capture_set_vantage(s, 2)->name, "any.pcap1/if9");
	assert_int_equal(capture_set_vantage(s, 1)->packets, 2);
	assert_int_equal(capture_set_vantage(s, 1)->first_ns, 2 * SECOND);
	assert_int_equal(capture_set_vantage(s, 1)->last_ns, 4 * SECOND);
	capture_set_free(s);
}

static void vantages_are_bounded_and_the_last_takes_the_rest(void **state)
{
	(void)state;
	for (int more = -1; more <= 1; more++) {
		struct writer w = {0};
		pcap_head(&w, 276);
		for (int i = 0; i < CAPTURE_VANTAGES_MAX + more; i++)
			put_cooked(&w, 1, (uint32_t)(1000 + i));
		struct capture_set *s = set_of(&w);
		struct capture_frame f;
		uint16_t last = 0;
		while (capture_set_next(s, &f) == 1)
			last = f.vantage;
		size_t n = capture_set_vantages(s);
		assert_int_equal(n, more < 0 ? CAPTURE_VANTAGES_MAX - 1 : CAPTURE_VANTAGES_MAX);
		assert_int_equal(last, n - 1);
		assert_int_equal(capture_set_vantage(s, n - 1)->packets, more > 0 ? 2 : 1);
		if (more >= 0)
			assert_string_equal(capture_set_vantage(s, n - 1)->name, "(all further interfaces)");
		capture_set_free(s);
	}
}

static void files_are_bounded(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	struct writer w = {0};
	char why[160] = "";
	pcap_head(&w, 1);
	for (int i = 0; i < CAPTURE_FILES_MAX; i++)
		assert_int_equal(add_bytes(s, w.b.p, w.b.n, "x", why), 0);
	assert_int_equal(add_bytes(s, w.b.p, w.b.n, "x", why), -ERR_LIMIT);
	assert_string_equal(why, "more than 1024 files");
	assert_int_equal(capture_set_files(s), CAPTURE_FILES_MAX);
	assert_int_equal(drain(s), 0);
	dynbuf_free(&w.b);
	capture_set_free(s);
}

static void drops_of_a_rotated_capture_are_not_counted_twice(void **state)
{
	(void)state;
	struct capture_set *s = set_new();
	for (uint64_t k = 1; k <= 2; k++) {
		struct writer w = {0};
		ng_section(&w);
		ng_interface(&w, 1, "eth0");
		ng_packet(&w, 0, k, 4, 4);
		size_t at = ng_begin(&w, 5);
		put(&w, 0, 4);
		put(&w, 0, 8);
		ng_option_number(&w, 2, 77, 8); /* the capture's start: one capture, whose counter goes on */
		ng_option_number(&w, 5, 10 * k, 8);
		ng_end(&w, at);
		add_good(s, &w, "r");
	}
	assert_int_equal(drain(s), 2);
	assert_int_equal(capture_set_vantages(s), 1);
	assert_int_equal(capture_set_vantage(s, 0)->dropped, 20);
	capture_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merges_files_by_time),
	    cmocka_unit_test(many_files_come_in_order),
	    cmocka_unit_test(a_file_may_be_added_while_another_is_read),
	    cmocka_unit_test(a_rotated_file_takes_over_the_vantage),
	    cmocka_unit_test(pcapng_rotation_asks_for_the_same_interface_names),
	    cmocka_unit_test(cooked_captures_have_a_vantage_for_each_interface_index),
	    cmocka_unit_test(vantages_are_bounded_and_the_last_takes_the_rest),
	    cmocka_unit_test(files_are_bounded),
	    cmocka_unit_test(drops_of_a_rotated_capture_are_not_counted_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
