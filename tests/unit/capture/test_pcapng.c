/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#define SECOND INT64_C(1000000000)

static void reads_interfaces_in_either_byte_order(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct writer w = {.big = big};
		ng_section(&w);
		ng_interface(&w, 1, "eth0");
		ng_interface(&w, 113, "any");
		ng_packet(&w, 1, 1700000000000001, 7, 60);
		ng_packet(&w, 0, 1700000000000002, 8, 8);
		struct capture_set *s = set_of(&w);
		struct capture_frame f = next_frame(s);
		assert_int_equal(f.time_ns, 1700000000000001000);
		assert_int_equal(f.linktype, 113);
		assert_int_equal(f.vantage, 1);
		assert_int_equal(f.caplen, 7);
		assert_int_equal(f.wirelen, 60);
		f = next_frame(s);
		assert_int_equal(f.linktype, 1);
		assert_int_equal(f.vantage, 0);
		assert_int_equal(capture_set_next(s, &f), 0);
		assert_int_equal(capture_set_vantages(s), 2);
		assert_string_equal(capture_set_vantage(s, 0)->name, "eth0");
		assert_string_equal(capture_set_vantage(s, 1)->name, "any");
		assert_int_equal(capture_set_vantage(s, 1)->cut, 1);
		assert_true(capture_set_vantage(s, 0)->dropped == UINT64_MAX);
		capture_set_free(s);
	}
}

/* if_tsresol and if_tsoffset; expected values by hand. */
static void converts_every_time_resolution(void **state)
{
	(void)state;
	static const struct {
		int resolution; /* -1: not told */
		int64_t offset_s;
		uint64_t units;
		int64_t ns;
	} rows[] = {
	    {-1, 0, 1700000000123456, 1700000000123456000},
	    {6, 0, 1700000000123456, 1700000000123456000},
	    {0, 0, 1700000000, 1700000000 * SECOND},
	    {3, 0, 1700000000123, 1700000000123000000},
	    {9, 0, 1700000000123456789, 1700000000123456789},
	    {12, 0, 1700000000123, 1700000000},
	    {28, 0, UINT64_MAX, 1},
	    {29, 0, UINT64_MAX, 0},
	    {127, 0, UINT64_MAX, 0},
	    {0x80, 0, 17, 17 * SECOND},
	    {0x80 | 10, 0, 5 * 1024 + 512, 5500000000},
	    {0x80 | 32, 0, (UINT64_C(3) << 32) + (UINT64_C(1) << 30), 3250000000},
	    {0x80 | 93, 0, UINT64_MAX, 1},
	    {0x80 | 94, 0, UINT64_MAX, 0},
	    {6, 100, 5000000, 105 * SECOND},
	    {6, -3, 5000000, 2 * SECOND},
	    {6, -6, 5000000, 0},
	    {6, INT64_MIN, 5000000, 0},
	    {6, INT64_MAX, 5000000, CAPTURE_TIME_MAX},
	    {0, 0, UINT64_MAX, CAPTURE_TIME_MAX},
	    {9, 0, (uint64_t)CAPTURE_TIME_MAX, CAPTURE_TIME_MAX},
	    {9, 0, (uint64_t)CAPTURE_TIME_MAX + 1, CAPTURE_TIME_MAX},
	    {9, 0, (uint64_t)CAPTURE_TIME_MAX - 1, CAPTURE_TIME_MAX - 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct writer w = {.big = i % 2};
		ng_section(&w);
		size_t at = ng_interface_begin(&w, 1, 0);
		if (rows[i].resolution >= 0)
			ng_option_number(&w, 9, (uint64_t)rows[i].resolution, 1);
		if (rows[i].offset_s)
			ng_option_number(&w, 14, (uint64_t)rows[i].offset_s, 8);
		put(&w, 0, 4);
		ng_end(&w, at);
		ng_packet(&w, 0, rows[i].units, 1, 1);
		struct capture_set *s = set_of(&w);
		int64_t got = next_frame(s).time_ns;
		if (got != rows[i].ns)
			fail_msg("row %zu: %lld", i, (long long)got);
		capture_set_free(s);
	}
}

/* A section begins its own list of interfaces; one that is described again goes on as the same vantage. */
static void sections_have_their_own_byte_order_and_interfaces(void **state)
{
	(void)state;
	struct writer w = {0};
	ng_section(&w);
	ng_interface(&w, 1, "eth0");
	ng_interface(&w, 1, "eth1");
	ng_packet(&w, 1, 1, 4, 4);
	w.big = true;
	ng_section(&w);
	ng_interface(&w, 1, "eth0");
	ng_interface(&w, 101, "tun0");
	ng_packet(&w, 0, 2, 4, 4);
	ng_packet(&w, 1, 3, 4, 4);
	struct capture_set *s = set_of(&w);
	assert_int_equal(next_frame(s).vantage, 1);
	assert_int_equal(next_frame(s).vantage, 0);
	struct capture_frame f = next_frame(s);
	assert_int_equal(f.vantage, 2);
	assert_int_equal(f.linktype, 101);
	assert_int_equal(capture_set_vantages(s), 3);
	assert_string_equal(capture_set_vantage(s, 2)->name, "tun0");
	capture_set_free(s);
}

static void simple_packets_are_cut_at_the_snapshot_length_and_as_old_as_the_one_before(void **state)
{
	(void)state;
	struct writer w = {0};
	ng_section(&w);
	ng_end(&w, ng_interface_begin(&w, 1, 10));
	ng_packet(&w, 0, 7000000, 4, 4);
	for (uint32_t wirelen = 9; wirelen <= 11; wirelen++) {
		size_t at = ng_begin(&w, 3);
		put(&w, wirelen, 4);
		put_fill(&w, 12, 1);
		ng_end(&w, at);
	}
	struct capture_set *s = set_of(&w);
	next_frame(s);
	for (uint32_t wirelen = 9; wirelen <= 11; wirelen++) {
		struct capture_frame f = next_frame(s);
		assert_int_equal(f.time_ns, 7 * SECOND);
		assert_int_equal(f.caplen, wirelen < 10 ? wirelen : 10);
		assert_int_equal(f.wirelen, wirelen);
	}
	capture_set_free(s);
}

static void put_obsolete(struct writer *w, unsigned interface, unsigned drops, uint64_t units)
{
	size_t at = ng_begin(w, 2);
	put(w, interface, 2);
	put(w, drops, 2);
	put(w, units >> 32, 4);
	put(w, units & UINT32_MAX, 4);
	put(w, 4, 4);
	put(w, 9, 4);
	put_fill(w, 4, 1);
	ng_end(w, at);
}

static void obsolete_packets_tell_how_many_were_lost_before_them(void **state)
{
	(void)state;
	struct writer w = {0};
	ng_section(&w);
	ng_interface(&w, 1, NULL);
	put_obsolete(&w, 0, 0xffff, 1000000);
	struct writer first = {0};
	dynbuf_append(&first.b, w.b.p, w.b.n);
	struct capture_set *s = set_of(&first);
	assert_int_equal(drain(s), 1);
	assert_true(capture_set_vantage(s, 0)->dropped == UINT64_MAX);
	capture_set_free(s);

	put_obsolete(&w, 0, 3, 2000000);
	put_obsolete(&w, 0, 4, 3000000);
	s = set_of(&w);
	next_frame(s);
	struct capture_frame f = next_frame(s);
	assert_int_equal(f.time_ns, 2 * SECOND);
	assert_int_equal(f.wirelen, 9);
	assert_int_equal(drain(s), 1);
	assert_int_equal(capture_set_vantage(s, 0)->dropped, 7);
	capture_set_free(s);
}

static void put_statistics(
    struct writer *w, uint32_t interface, uint64_t start, int64_t ifdrop, int64_t osdrop)
{
	size_t at = ng_begin(w, 5);
	put(w, interface, 4);
	put(w, 0, 8);
	ng_option_number(w, 4, 1000, 8);
	if (start)
		ng_option_number(w, 2, start, 8);
	if (ifdrop >= 0)
		ng_option_number(w, 5, (uint64_t)ifdrop, 8);
	if (osdrop >= 0)
		ng_option_number(w, 7, (uint64_t)osdrop, 8);
	put(w, 0, 4);
	ng_end(w, at);
}

/* The counters go up over a capture: the last is good, until another capture begins. */
static void interface_statistics_tell_what_was_dropped(void **state)
{
	(void)state;
	static const struct {
		struct {
			uint64_t start;
			int64_t ifdrop, osdrop;
		} blocks[3];
		uint64_t dropped;
	} rows[] = {
	    {{{0, -1, -1}, {0, -1, -1}, {0, -1, -1}}, UINT64_MAX},
	    {{{0, 0, -1}, {0, -1, -1}, {0, -1, -1}}, 0},
	    {{{1, 5, 2}, {1, 6, 3}, {1, 6, 3}}, 9},
	    {{{1, 5, -1}, {2, 6, -1}, {2, 7, -1}}, 12},
	    {{{0, 5, -1}, {0, 2, -1}, {0, 3, -1}}, 8},
	    {{{0, INT64_MAX, INT64_MAX}, {0, 1, -1}, {0, 2, -1}}, UINT64_MAX - 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct writer w = {0};
		ng_section(&w);
		ng_interface(&w, 1, NULL);
		ng_packet(&w, 0, 1, 4, 4);
		for (size_t k = 0; k < 3; k++)
			put_statistics(&w, 0, rows[i].blocks[k].start, rows[i].blocks[k].ifdrop,
			    rows[i].blocks[k].osdrop);
		struct capture_set *s = set_of(&w);
		drain(s);
		uint64_t dropped = capture_set_vantage(s, 0)->dropped;
		if (dropped != rows[i].dropped)
			fail_msg("row %zu: %llu", i, (unsigned long long)dropped);
		capture_set_free(s);
	}
}

static void of_two_counts_of_the_same_loss_the_larger_is_taken(void **state)
{
	(void)state;
	struct writer w = {0};
	ng_section(&w);
	ng_interface(&w, 1, NULL);
	for (uint64_t i = 1; i <= 3; i++) {
		size_t at = ng_packet_begin(&w, 0, i, 5, 5);
		ng_option_number(&w, 2, 0, 4); /* flags */
		ng_option_number(&w, 4, 10 * i, 8);
		put(&w, 0, 4);
		ng_end(&w, at);
	}
	put_statistics(&w, 0, 0, 50, -1);
	struct capture_set *s = set_of(&w);
	assert_int_equal(drain(s), 3);
	assert_int_equal(capture_set_vantage(s, 0)->dropped, 60);
	capture_set_free(s);
}

static void unknown_blocks_of_any_size_are_skipped(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 4, 65524, 65536, 3 << 20};
	struct writer w = {0};
	ng_section(&w);
	ng_interface(&w, 1, NULL);
	for (uint32_t i = 0; i < 5; i++) {
		size_t at = ng_begin(&w, 0x80000001 + i);
		put_zero(&w, sizes[i]);
		ng_end(&w, at);
		ng_packet(&w, 0, i, 9, 9);
	}
	struct capture_set *s = set_of(&w);
	assert_int_equal(drain(s), 5);
	assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_CLEAN);
	capture_set_free(s);
}

static void cut_at_any_byte_gives_the_complete_blocks(void **state)
{
	(void)state;
	struct writer w = {0};
	size_t ends[8], n_ends = 0;
	size_t packets_at[8] = {0, 0, 1, 1, 1, 1, 2, 2};
	ng_section(&w);
	ends[n_ends++] = w.b.n;
	ng_interface(&w, 1, "eth0");
	ends[n_ends++] = w.b.n;
	ng_packet(&w, 0, 1, 7, 7);
	ends[n_ends++] = w.b.n;
	size_t at = ng_begin(&w, 4);
	put_zero(&w, 8);
	ng_end(&w, at);
	ends[n_ends++] = w.b.n;
	w.big = true;
	ng_section(&w);
	ends[n_ends++] = w.b.n;
	ng_interface(&w, 1, "eth0");
	ends[n_ends++] = w.b.n;
	ng_packet(&w, 0, 2, 8, 8);
	ends[n_ends++] = w.b.n;
	put_statistics(&w, 0, 0, 1, 1);
	ends[n_ends++] = w.b.n;
	for (size_t n = 0; n <= w.b.n; n++) {
		struct capture_set *s = set_new();
		char why[160] = "";
		int r = add_bytes(s, w.b.p, n, "cut.pcapng", why);
		if (n < ends[0]) {
			assert_int_equal(r, -ERR_TRUNCATED);
		} else {
			size_t whole = 0;
			while (whole + 1 < n_ends && ends[whole + 1] <= n)
				whole++;
			assert_int_equal(r, 0);
			assert_int_equal(drain(s), packets_at[whole]);
			assert_int_equal(capture_set_file(s, 0)->end,
			    ends[whole] == n ? CAPTURE_END_CLEAN : CAPTURE_END_TRUNCATED);
		}
		capture_set_free(s);
	}
	dynbuf_free(&w.b);
}

/* What is wrong, and that the packet before it was given. */
static void a_block_that_breaks_the_format_ends_the_file(void **state)
{
	(void)state;
	enum {
		BREAK_NO_INTERFACE,
		BREAK_BAD_LENGTH,
		BREAK_SHORT_LENGTH,
		BREAK_LENGTHS_DIFFER,
		BREAK_SKIPPED_DIFFER,
		BREAK_CAPLEN,
		BREAK_BYTE_ORDER,
		BREAK_VERSION,
		BREAK_STATISTICS
	};
	static const char *const why[] = {
	    [BREAK_NO_INTERFACE] = "byte 88: a packet of interface 1, but the section has 1",
	    [BREAK_BAD_LENGTH] = "byte 88: a block claims 34 bytes",
	    [BREAK_SHORT_LENGTH] = "byte 88: a block claims 8 bytes",
	    [BREAK_LENGTHS_DIFFER] = "byte 88: a block has two lengths that differ",
	    [BREAK_SKIPPED_DIFFER] = "byte 100: a block has two lengths that differ",
	    [BREAK_CAPLEN] = "byte 88: the packet claims 5 captured bytes, more than its block has or 262144",
	    [BREAK_BYTE_ORDER] = "byte 88: the section's byte-order magic is none",
	    [BREAK_VERSION] = "byte 88: the section is of version 2: expected 1",
	    [BREAK_STATISTICS] = "byte 88: statistics of an interface that the section doesn't have",
	};
	for (int i = 0; i <= BREAK_STATISTICS; i++) {
		struct writer w = {0};
		ng_section(&w);
		ng_end(&w, ng_interface_begin(&w, 1, 0));
		ng_packet(&w, 0, 1, 7, 7);
		size_t at = w.b.n;
		assert_int_equal(at, 88);
		if (i == BREAK_STATISTICS) {
			put_statistics(&w, 1, 0, 1, 1);
		} else if (i == BREAK_BYTE_ORDER || i == BREAK_VERSION) {
			ng_section(&w);
		} else if (i == BREAK_SKIPPED_DIFFER) {
			ng_end(&w, ng_begin(&w, 77));
			put_zero(&w, 4);
		} else {
			ng_packet(&w, i == BREAK_NO_INTERFACE ? 1 : 0, 2, 4, 4);
		}
		if (i == BREAK_BAD_LENGTH)
			w.b.p[at + 4] = 34;
		if (i == BREAK_SHORT_LENGTH)
			w.b.p[at + 4] = 8;
		if (i == BREAK_LENGTHS_DIFFER)
			w.b.p[w.b.n - 4] ^= 4;
		if (i == BREAK_SKIPPED_DIFFER)
			w.b.p[at + 4] += 4;
		if (i == BREAK_CAPLEN)
			w.b.p[at + 20] = 5;
		if (i == BREAK_BYTE_ORDER)
			w.b.p[at + 8] = 0;
		if (i == BREAK_VERSION)
			w.b.p[at + 12] = 2;
		ng_packet(&w, 0, 3, 7, 7);
		struct capture_set *s = set_of(&w);
		assert_int_equal(drain(s), 1);
		assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_MALFORMED);
		assert_string_equal(capture_set_file(s, 0)->why, why[i]);
		capture_set_free(s);
	}
}

static void interfaces_are_bounded(void **state)
{
	(void)state;
	for (int more = -1; more <= 1; more++) {
		struct writer w = {0};
		ng_section(&w);
		for (int i = 0; i < CAPTURE_VANTAGES_MAX + more; i++)
			ng_end(&w, ng_interface_begin(&w, 1, 0));
		ng_packet(&w, (uint32_t)(CAPTURE_VANTAGES_MAX + more - 1), 1, 4, 4);
		struct capture_set *s = set_of(&w);
		assert_int_equal(drain(s), more <= 0);
		assert_int_equal(
		    capture_set_file(s, 0)->end, more <= 0 ? CAPTURE_END_CLEAN : CAPTURE_END_MALFORMED);
		assert_true(capture_set_vantages(s) <= CAPTURE_VANTAGES_MAX);
		capture_set_free(s);
	}
}

/* Options that lie about their length cost the packet nothing. */
static void broken_options_are_ignored(void **state)
{
	(void)state;
	struct writer w = {0};
	ng_section(&w);
	size_t at = ng_interface_begin(&w, 1, 0);
	put(&w, 2, 2);
	put(&w, 5000, 2);
	put(&w, 0x41414141, 4);
	ng_end(&w, at);
	at = ng_packet_begin(&w, 0, 1, 7, 7);
	put(&w, 4, 2);
	put(&w, 0xffff, 2);
	ng_end(&w, at);
	struct capture_set *s = set_of(&w);
	assert_int_equal(drain(s), 1);
	assert_int_equal(capture_set_file(s, 0)->end, CAPTURE_END_CLEAN);
	assert_string_equal(capture_set_vantage(s, 0)->name, "one.pcap");
	capture_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_interfaces_in_either_byte_order),
	    cmocka_unit_test(converts_every_time_resolution),
	    cmocka_unit_test(sections_have_their_own_byte_order_and_interfaces),
	    cmocka_unit_test(simple_packets_are_cut_at_the_snapshot_length_and_as_old_as_the_one_before),
	    cmocka_unit_test(obsolete_packets_tell_how_many_were_lost_before_them),
	    cmocka_unit_test(interface_statistics_tell_what_was_dropped),
	    cmocka_unit_test(of_two_counts_of_the_same_loss_the_larger_is_taken),
	    cmocka_unit_test(unknown_blocks_of_any_size_are_skipped),
	    cmocka_unit_test(cut_at_any_byte_gives_the_complete_blocks),
	    cmocka_unit_test(a_block_that_breaks_the_format_ends_the_file),
	    cmocka_unit_test(interfaces_are_bounded),
	    cmocka_unit_test(broken_options_are_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
