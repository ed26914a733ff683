/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../incident/timeline.h"

#include "exposure/exposure.h"

static struct timeline t;
static struct exposure exposure;
static struct exposure_input in;
static struct spread spread;

#define Z1   "10.1.0.1" /* of the protected zone */
#define Z2   "10.1.0.2"
#define X    "10.2.0.1"
#define Y    "10.2.0.2"
#define W    "10.2.0.3"
#define OUT  "198.51.100.1"
#define OUT2 "198.51.100.2"

static int setup(void **state)
{
	(void)state;
	timeline_open(&t);
	in = (struct exposure_input){.zones = t.zones, .zone = t.mission};
	spread = (struct spread){0};
	/* everybody has spoken to somebody of the zone before: nothing that leaves it */
	const char *all[] = {Z1, Z2, X, Y, W};
	for (size_t i = 0; i < 5; i++)
		timeline_flow(&t, all[i], "10.1.255.1", 0, 0.001, 1, 0, APP_UNKNOWN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timeline_close(&t);
	return 0;
}

/* One-way payload, from the initiator or to him. */
static uint64_t push(const char *from, const char *to, double first, double last, uint64_t bytes)
{
	return timeline_flow(&t, from, to, first, last, bytes, 0, APP_TLS);
}
static uint64_t pull(const char *by, const char *from, double first, double last, uint64_t bytes)
{
	return timeline_flow(&t, by, from, first, last, 0, bytes, APP_SMB);
}

static void ready(void)
{
	timeline_ready(&t);
	in.assets = t.assets;
	in.archive = t.archive;
}

/* Everybody cleared; after ready. */
static void spread_none(void)
{
	spread.n_assets = asset_count(t.assets);
	spread.assets = arena_array(&t.arena, spread.n_assets, sizeof(*spread.assets));
	for (uint32_t i = 0; i < spread.n_assets; i++)
		spread.assets[i] = (struct spread_asset){.asset = i, .grade = SPREAD_CLEARED};
	in.spread = &spread;
}

static void reached(const char *addr, enum spread_grade grade, double arrival)
{
	struct spread_asset *a = &spread.assets[timeline_asset(&t, addr)];
	a->grade = grade;
	a->arrival = a->earliest = at(arrival);
}

static void compute(void)
{
	assert_int_equal(exposure_compute(&in, &t.arena, &exposure), 0);
}

static void test_staged_theft_is_bound_by_the_upload(void **state)
{
	(void)state;
	uint64_t copy = pull(X, Z1, 10, 20, 3000000);
	uint64_t upload = push(X, OUT, 30, 40, 2000000);
	ready();
	spread_none();
	reached(X, SPREAD_CONFIRMED, 5);
	compute();
	assert_int_equal(exposure.direct_bytes, 3000000);
	assert_int_equal(exposure.direct_external_bytes, 0);
	assert_int_equal(exposure.chained_bytes, 2000000);
	assert_int_equal(exposure.chained_any_bytes, 2000000);
	assert_false(exposure.coarse);
	assert_int_equal(exposure.n_transfers, 2);
	assert_int_equal(exposure.transfers[0].flow, copy);
	assert_int_equal(exposure.transfers[0].capacity, 3000000);
	assert_int_equal(exposure.transfers[0].used, 2000000);
	assert_true(net_addr_equal(exposure.transfers[0].from, ip(Z1)));
	assert_int_equal(exposure.transfers[1].flow, upload);
	assert_true(net_addr_equal(exposure.transfers[1].to, ip(OUT)));
}

static void test_an_upload_before_the_copy_took_nothing(void **state)
{
	(void)state;
	push(X, OUT, 10, 20, 2000000);
	pull(X, Z1, 30, 40, 3000000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0);
	assert_int_equal(exposure.chained_bytes, 0);
	assert_int_equal(exposure.direct_bytes, 3000000);
	assert_int_equal(exposure.n_transfers, 0);
}

static void test_transfers_that_touch_in_time_pass_data_on(void **state)
{
	(void)state;
	pull(X, Z1, 20, 30, 700);
	push(X, OUT, 10, 20, 500); /* its last byte can be the other's first */
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 500);
}

static void test_parallel_chains_add_up_to_what_the_narrowest_cut_lets_through(void **state)
{
	(void)state;
	pull(X, Z1, 10, 11, 5000);
	pull(Y, Z1, 10, 11, 5000);
	push(X, W, 20, 21, 3000);
	push(Y, W, 20, 21, 4000);
	push(W, OUT, 30, 31, 6000);  /* less than the 7000 that W got */
	push(X, OUT2, 30, 31, 1500); /* X still has 5000 - 3000 of its own */
	push(Z2, OUT, 5, 6, 10);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 6000 + 1500 + 10);
	assert_int_equal(exposure.direct_external_bytes, 10);
	assert_int_equal(exposure.direct_bytes, 10010);
}

static void test_data_that_goes_round_counts_once(void **state)
{
	(void)state;
	pull(X, Z1, 10, 11, 1000);
	push(X, Y, 20, 21, 1000);
	push(Y, X, 30, 31, 1000);
	push(X, Y, 40, 41, 1000);
	push(X, OUT, 50, 51, 9000);
	push(Y, OUT, 50, 51, 9000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 1000);
}

static void test_a_long_flow_does_not_carry_data_back_in_time(void **state)
{
	(void)state;
	pull(X, Z1, 90, 91, 1000);
	push(X, Y, 0, 100, 1000); /* open all the time */
	push(Y, OUT, 10, 11, 1000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0);
}

static void test_a_long_flow_carries_data_forward(void **state)
{
	(void)state;
	pull(X, Z1, 40, 41, 1000);
	push(X, Y, 0, 100, 800);
	push(Y, OUT, 90, 91, 1000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 800);
}

static void test_questions_through_a_resolver_are_a_chain(void **state)
{
	(void)state;
	timeline_flow(&t, Z1, X, 10, 10.1, 300, 400, APP_DNS);
	timeline_flow(&t, X, OUT, 10.05, 10.08, 200, 900, APP_DNS);
	ready();
	spread_none();
	reached(X, SPREAD_POSSIBLE, 1);
	compute();
	assert_int_equal(exposure.chained_bytes, 200);
	spread_none();
	compute();
	assert_int_equal(exposure.chained_bytes, 0); /* a cleared one passes nothing on for the intruder */
	assert_int_equal(exposure.chained_any_bytes, 200);
}

static void test_what_a_machine_sent_before_it_was_reached_is_not_the_intruders(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 40.001);
	compute();
	assert_int_equal(exposure.chained_bytes, 0);
	assert_int_equal(exposure.chained_any_bytes, 2000);
	reached(X, SPREAD_LIKELY, 40);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_what_had_been_copied_before_the_machine_was_reached_is_his(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 60, 70, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 50);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_the_earliest_arrival_counts_not_that_of_the_grade(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 50);
	spread.assets[timeline_asset(&t, X)].earliest = at(5);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_a_machine_that_no_sensor_covered_may_pass_data_on(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	spread.assets[timeline_asset(&t, X)].grade = SPREAD_UNSEEN;
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_a_cleared_machine_of_the_zone_counts_towards_a_bad_peer_only(void **state)
{
	(void)state;
	push(Z1, OUT, 10, 20, 100);
	push(Z1, OUT2, 10, 20, 1000);
	ready();
	spread_none();
	struct net_addr bad = ip(OUT);
	in.bad_peers = &bad;
	in.n_bad_peers = 1;
	compute();
	assert_int_equal(exposure.chained_bytes, 100);
	assert_int_equal(exposure.chained_any_bytes, 1100);
	reached(Z1, SPREAD_POSSIBLE, 15);
	compute();
	assert_int_equal(exposure.chained_bytes, 1100);
}

static void test_answers_to_outside_questions_leave_too(void **state)
{
	(void)state;
	timeline_flow(&t, OUT, Z1, 10, 20, 70, 5000, APP_HTTP);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 5000);
	assert_int_equal(exposure.direct_external_bytes, 5000);
	assert_int_equal(exposure.chained_any_bytes, 5000);
}

static void test_duplicates_and_snapshots_count_once(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(Z1, OUT, 10, 20, 1000, 0, APP_TLS);
	uint64_t id = timeline_add(&t, f);
	f.duplicate_of = id;
	timeline_add(&t, f);
	f = flow_of(Z1, OUT, 10, 30, 50, 0, APP_TLS);
	f.id = t.next_id++;
	f.end = 0;
	timeline_add(&t, f);
	f.last = at(50);
	f.payload_out = 60;
	f.packets_out++;
	f.end = 2;
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1060);
	assert_int_equal(exposure.chained_any_bytes, 1060);
}

static void test_a_flow_in_a_tunnel_over_the_same_border_is_not_counted_again(void **state)
{
	(void)state;
	uint64_t tunnel = timeline_flow(&t, Z1, OUT, 10, 20, 1200, 0, APP_GRE);
	struct msg_flow f = flow_of(Z2, OUT2, 10, 20, 1000, 0, APP_HTTP);
	f.parent = tunnel;
	uint64_t inner = timeline_add(&t, f);
	f = flow_of(Z2, OUT2, 10, 20, 900, 0, APP_HTTP);
	f.parent = inner; /* a tunnel in the tunnel */
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1200);
	assert_int_equal(exposure.chained_any_bytes, 1200);
	assert_int_equal(exposure.n_destinations, 1);
}

static void test_a_flow_in_a_tunnel_elsewhere_counts(void **state)
{
	(void)state;
	uint64_t tunnel = timeline_flow(&t, X, OUT, 10, 20, 1200, 0, APP_GRE); /* begins outside the zone */
	struct msg_flow f = flow_of(Z2, OUT2, 10, 20, 1000, 0, APP_HTTP);
	f.parent = tunnel;
	timeline_add(&t, f);
	f = flow_of(Z2, OUT2, 10, 20, 300, 0, APP_HTTP);
	f.parent = 4242; /* of a tunnel that no record tells of */
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1300);
	assert_int_equal(exposure.chained_any_bytes, 1300);
}

static void test_only_the_window_counts(void **state)
{
	(void)state;
	push(Z1, OUT, 10, 20, 1);
	push(Z1, OUT, 15, 30, 20);  /* reaches in: in whole */
	push(Z1, OUT, 40, 60, 300); /* begins in it */
	push(Z1, OUT, 50, 60, 4000);
	ready();
	in.from = at(25);
	in.to = at(50);
	compute();
	assert_int_equal(exposure.direct_bytes, 320);
	assert_int_equal(exposure.chained_any_bytes, 320);
	assert_int_equal(exposure.from, at(25));
	assert_int_equal(exposure.to, at(50));
	assert_int_equal(exposure.destinations[0].payload_bytes, 320);
	assert_int_equal(exposure.destinations[0].n_flows, 2);
}

static void test_a_chain_must_fit_into_the_window(void **state)
{
	(void)state;
	pull(X, Z1, 10, 100, 500);
	push(X, OUT, 10, 40, 500);
	ready();
	in.from = at(50);
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0); /* the upload was over when the window began */
}

static void test_a_machine_with_an_address_in_the_zone_belongs_to_it(void **state)
{
	(void)state;
	struct net_addr addrs[] = {ip(Z1), ip("10.2.0.77")};
	assert_int_equal(
	    asset_map_hint(t.assets, &(struct asset_hint){.name = "dual", .addrs = addrs, .n_addrs = 2}), 0);
	push("10.2.0.77", OUT, 10, 20, 600);
	push("10.2.0.77", Z2, 10, 20, 50); /* within the zone */
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 600);
	assert_int_equal(exposure.chained_any_bytes, 600);
}

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

static void test_multicast_that_stays_on_the_link_did_not_leave(void **state)
{
	(void)state;
	push(Z1, "224.0.0.251", 10, 20, 100);
	push(Z1, "ff02::fb", 10, 20, 100);
	push(Z1, "255.255.255.255", 10, 20, 100);
	push(Z1, "239.1.1.1", 10, 20, 7);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 7);
	assert_int_equal(exposure.chained_any_bytes, 0);
	bool said = false;
	for (size_t i = 0; i < exposure.coverage.n_not_seen; i++)
		said |= strstr(exposure.coverage.not_seen[i], "7 bytes went from the zone to multicast") !=
		        NULL;
	assert_true(said);
}

static void test_destinations_have_classes_names_and_their_largest_flows(void **state)
{
	(void)state;
	push(Z1, "203.0.113.1", 5, 6, 10); /* known before the window */
	push(Z1, "203.0.113.1", 15, 16, 5000);
	struct msg_flow f = flow_of(Z1, "203.0.113.2", 15, 16, 10, 0, APP_TLS);
	f.name = TEXT("new.example");
	timeline_add(&t, f);
	uint64_t large = push(Z1, "203.0.113.2", 17, 18, 500);
	push(Z1, "203.0.113.3", 17, 18, 20);
	push(Z1, X, 17, 18, 30);
	push(Z1, Y, 17, 18, 40);
	struct net_addr bad[] = {ip("203.0.113.3")};
	struct field_value fields[] = {{FIELD_DNS_QUERY, TEXT("bad.example")},
	    {FIELD_DNS_ANSWER_ADDR, text_bytes(bad[0].b, sizeof(bad[0].b))}};
	struct msg_transaction x = {.id = t.next_id++, .app = APP_DNS, .time = at(1), .fields = {fields, 2}};
	assert_int_equal(archive_append_transaction(t.archive, &x), 0);
	ready();
	uint8_t compromised[16] = {0};
	compromised[timeline_asset(&t, X)] = 1;
	in.compromised = compromised;
	in.bad_peers = bad;
	in.n_bad_peers = 1;
	in.from = at(10);
	compute();
	assert_int_equal(exposure.n_destinations, 5);
	const struct exposure_destination *d = exposure.destinations;
	assert_int_equal(d[0].class, EXPOSURE_COMPROMISED);
	assert_true(net_addr_equal(d[0].addr, ip(X)));
	assert_int_equal(d[0].zone, t.office);
	assert_int_equal(d[1].class, EXPOSURE_INDICATOR);
	assert_string_equal(d[1].name, "bad.example");
	assert_int_equal(d[1].zone, NET_ZONE_NONE);
	assert_int_equal(d[2].class, EXPOSURE_FIRST_SEEN);
	assert_int_equal(d[2].payload_bytes, 510);
	assert_string_equal(d[2].name, "new.example");
	assert_int_equal(d[2].flows[0], large);
	assert_int_equal(d[3].class, EXPOSURE_BASELINE);
	assert_int_equal(d[3].payload_bytes, 5000);
	assert_string_equal(d[3].name, "");
	assert_int_equal(d[4].class, EXPOSURE_BASELINE); /* Y had spoken to the zone before */
	assert_int_equal(d[4].payload_bytes, 40);
	uint64_t sum = 0;
	for (size_t i = 0; i < exposure.n_destinations; i++)
		sum += d[i].payload_bytes;
	assert_int_equal(sum, exposure.direct_bytes);
}

static void flows_listed(uint64_t n, size_t listed)
{
	for (uint64_t i = 1; i <= n; i++)
		push(Z1, OUT, 10, 20, i);
	ready();
	compute();
	assert_int_equal(exposure.destinations[0].n_flows, listed);
	assert_int_equal(exposure.destinations[0].flows_total, n);
	assert_int_equal(exposure.destinations[0].payload_bytes, n * (n + 1) / 2);
	struct msg_flow f;
	for (size_t i = 0; i < listed; i++) {
		assert_int_equal(
		    archive_find_flow(t.archive, exposure.destinations[0].flows[i], &t.arena, &f), 0);
		assert_int_equal(f.payload_out, n - i); /* the largest first */
	}
}

static void test_one_flow_less_than_the_bound_is_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX - 1, EXPOSURE_FLOWS_MAX - 1);
}

static void test_as_many_flows_as_the_bound_are_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX, EXPOSURE_FLOWS_MAX);
}

static void test_beyond_the_bound_the_smallest_flow_is_not_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX + 1, EXPOSURE_FLOWS_MAX);
}

static void destinations_listed(unsigned n)
{
	char addr[32];
	for (unsigned i = 0; i < n; i++) {
		snprintf(addr, sizeof(addr), "100.%u.%u.1", i / 256, i % 256);
		push(Z1, addr, 10, 20, 10 + (i > 0));
	}
	ready();
	compute();
	bool over = n > EXPOSURE_DESTINATIONS_MAX;
	assert_int_equal(exposure.n_destinations, over ? EXPOSURE_DESTINATIONS_MAX : n);
	assert_int_equal(exposure.destinations_total, n);
	assert_int_equal(exposure.destinations_unlisted_bytes, over ? 10 : 0); /* the smallest */
	assert_int_equal(exposure.direct_bytes, n * 11 - 1);
}

static void test_one_destination_less_than_the_bound_has_its_row(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX - 1);
}

static void test_as_many_destinations_as_the_bound_have_their_rows(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX);
}

static void test_beyond_the_bound_the_smallest_destination_has_no_row_but_counts(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX + 1);
}

/* n uploads after as many copies, one after the other: 2n edges in the graph, of which 20 are allowed. */
static void alternating(int n, bool coarse)
{
	for (int i = 0; i < n; i++) {
		push(X, OUT, 100 + 10 * i, 101 + 10 * i, 100);
		pull(X, Z1, 105 + 10 * i, 106 + 10 * i, 100);
	}
	push(X, OUT, 100 + 10 * n, 101 + 10 * n, 100);
	ready();
	in.transfers_max = 20;
	compute();
	/* each copy leaves with the upload after it */
	uint64_t exact = 100 * (uint64_t)n;
	assert_int_equal(exposure.coarse, coarse);
	assert_true(exposure.chained_any_bytes >= exact);
	if (!coarse)
		assert_int_equal(exposure.chained_any_bytes, exact);
	assert_true(exposure.chained_any_bytes <= exposure.direct_bytes);
}

static void test_one_edge_less_than_the_bound_is_exact(void **state)
{
	(void)state;
	alternating(9, false);
}

static void test_as_many_edges_as_the_bound_are_exact(void **state)
{
	(void)state;
	alternating(10, false);
}

static void test_more_edges_than_the_bound_only_raise_it(void **state)
{
	(void)state;
	alternating(11, true);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_staged_theft_is_bound_by_the_upload),
	    T(test_an_upload_before_the_copy_took_nothing),
	    T(test_transfers_that_touch_in_time_pass_data_on),
	    T(test_parallel_chains_add_up_to_what_the_narrowest_cut_lets_through),
	    T(test_data_that_goes_round_counts_once),
	    T(test_a_long_flow_does_not_carry_data_back_in_time),
	    T(test_a_long_flow_carries_data_forward),
	    T(test_questions_through_a_resolver_are_a_chain),
	    T(test_what_a_machine_sent_before_it_was_reached_is_not_the_intruders),
	    T(test_what_had_been_copied_before_the_machine_was_reached_is_his),
	    T(test_the_earliest_arrival_counts_not_that_of_the_grade),
	    T(test_a_machine_that_no_sensor_covered_may_pass_data_on),
	    T(test_a_cleared_machine_of_the_zone_counts_towards_a_bad_peer_only),
	    T(test_answers_to_outside_questions_leave_too),
	    T(test_duplicates_and_snapshots_count_once),
	    T(test_a_flow_in_a_tunnel_over_the_same_border_is_not_counted_again),
	    T(test_a_flow_in_a_tunnel_elsewhere_counts),
	    T(test_only_the_window_counts),
	    T(test_a_chain_must_fit_into_the_window),
	    T(test_a_machine_with_an_address_in_the_zone_belongs_to_it),
	    T(test_lost_packets_count_as_full_ones),
	    T(test_clocks_of_several_sources_are_said_to_be_taken_on_trust),
	    T(test_a_full_packet_is_ethernets_where_nothing_larger_shows),
	    T(test_a_full_packet_is_a_jumbo_frame_where_such_show),
	    T(test_a_full_packet_is_a_whole_datagram_where_offload_shows),
	    T(test_without_coverage_that_is_said),
	    T(test_multicast_that_stays_on_the_link_did_not_leave),
	    T(test_destinations_have_classes_names_and_their_largest_flows),
	    T(test_one_flow_less_than_the_bound_is_listed),
	    T(test_as_many_flows_as_the_bound_are_listed),
	    T(test_beyond_the_bound_the_smallest_flow_is_not_listed),
	    T(test_one_destination_less_than_the_bound_has_its_row),
	    T(test_as_many_destinations_as_the_bound_have_their_rows),
	    T(test_beyond_the_bound_the_smallest_destination_has_no_row_but_counts),
	    T(test_one_edge_less_than_the_bound_is_exact),
	    T(test_as_many_edges_as_the_bound_are_exact),
	    T(test_more_edges_than_the_bound_only_raise_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
