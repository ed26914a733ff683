/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lost packets, full packets, and what is said of what was not seen. */
#include "ground.h"

static void test_lost_packets_count_as_full_ones(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 100000);
	push(X, OUT, 30, 40, 2000);
	ready();
	struct msg_coverage links[] = {
	    {.vantage = 1, .name = TEXT("core"), .from = at(0), .to = at(40), .dropped = 10, .unreadable = 2},
	    {.vantage = 2, .name = TEXT("edge"), .from = at(0), .to = at(20), .dropped = UINT64_MAX},
	    {.vantage = 3, .name = TEXT("old"), .from = at(-100), .to = at(-50), .dropped = 1000},
	};
	in.coverage = links;
	in.n_coverage = 3;
	in.from = at(0);
	compute();
	assert_int_equal(exposure.coverage.n_links, 2);
	assert_int_equal(exposure.coverage.lost_packets, 12);
	assert_true(exposure.coverage.losses_unknown);
	assert_int_equal(exposure.coverage.lost_bytes_bound, 12 * 1480);
	assert_int_equal(exposure.direct_bytes, 100000 + 12 * 1480);
	assert_int_equal(exposure.direct_external_bytes, 12 * 1480);
	assert_int_equal(exposure.chained_any_bytes, 2000 + 12 * 1480);
	bool gap = false, silent = false;
	for (size_t i = 0; i < exposure.coverage.n_not_seen; i++) {
		gap |= strstr(exposure.coverage.not_seen[i], "Link edge was not observed from") != NULL;
		silent |= strstr(exposure.coverage.not_seen[i], "1 of 2 sources don't say") != NULL;
		assert_null(strstr(exposure.coverage.not_seen[i], "Link core was not"));
	}
	assert_true(gap);
	assert_true(silent);
}

static bool clocks_said(const char *second_origin)
{
	struct msg_coverage links[] = {
	    {.vantage = 1, .name = TEXT("core"), .origin = TEXT("a.pcap"), .to = at(20)},
	    {.vantage = 2, .name = TEXT("edge"), .origin = text_of(second_origin), .to = at(20)},
	};
	in.coverage = links;
	in.n_coverage = 2;
	compute();
	for (size_t i = 0; i < exposure.coverage.n_not_seen; i++)
		if (strstr(exposure.coverage.not_seen[i], "clocks are taken to be in step"))
			return true;
	return false;
}

static void test_clocks_of_several_sources_are_said_to_be_taken_on_trust(void **state)
{
	(void)state;
	ready();
	assert_false(clocks_said("a.pcap"));
	assert_true(clocks_said("b.pcap"));
}

static void full_packet(uint64_t mean, uint64_t expected)
{
	struct msg_flow f = flow_of(Z1, OUT, 10, 20, 10, 0, APP_TLS);
	f.packets_out = 10;
	f.wire_out = 10 * mean;
	timeline_add(&t, f);
	ready();
	struct msg_coverage link = {.from = at(0), .to = at(20), .dropped = 1};
	in.coverage = &link;
	in.n_coverage = 1;
	compute();
	assert_int_equal(exposure.coverage.lost_bytes_bound, expected);
}

static void test_a_full_packet_is_ethernets_where_nothing_larger_shows(void **state)
{
	(void)state;
	full_packet(1500, 1480);
}

static void test_a_full_packet_is_a_jumbo_frame_where_such_show(void **state)
{
	(void)state;
	full_packet(1501, 8980);
}

static void test_a_full_packet_is_a_whole_datagram_where_offload_shows(void **state)
{
	(void)state;
	full_packet(9001, 65515);
}

static void test_without_coverage_that_is_said(void **state)
{
	(void)state;
	ready();
	compute();
	bool said = false;
	for (size_t i = 0; i < exposure.coverage.n_not_seen; i++)
		said |= strstr(exposure.coverage.not_seen[i], "No sensor says") != NULL;
	assert_true(said);
	assert_int_equal(exposure.direct_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_lost_packets_count_as_full_ones),
	    T(test_clocks_of_several_sources_are_said_to_be_taken_on_trust),
	    T(test_a_full_packet_is_ethernets_where_nothing_larger_shows),
	    T(test_a_full_packet_is_a_jumbo_frame_where_such_show),
	    T(test_a_full_packet_is_a_whole_datagram_where_offload_shows),
	    T(test_without_coverage_that_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
