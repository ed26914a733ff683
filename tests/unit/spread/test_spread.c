/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../incident/timeline.h"

#include "base/err.h"
#include "flow/flow.h"
#include "spread/spread.h"

static struct timeline t;
static struct spread spread;
static struct spread_input in;
static struct spread_seed seeds[8];

#define A "10.2.0.1"
#define B "10.2.0.2"
#define C "10.2.0.3"
#define D "10.2.0.4"
#define E "10.2.0.5"

static int setup(void **state)
{
	(void)state;
	timeline_open(&t);
	in = (struct spread_input){.zones = t.zones, .seeds = seeds};
	/* everybody has spoken, unanswered, long before */
	const char *all[] = {A, B, C, D, E};
	for (size_t i = 0; i < 5; i++)
		timeline_flow(&t, all[i], "10.2.255.1", 0, 0.001, 1, 0, APP_UNKNOWN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timeline_close(&t);
	return 0;
}

static void seed(const char *addr, double time, bool confirmed)
{
	seeds[in.n_seeds++] = (struct spread_seed){
	    .asset = asset_of(t.assets, ip(addr)), .time = at(time), .confirmed = confirmed};
}

static int try_spread(void)
{
	in.assets = t.assets;
	in.archive = t.archive;
	in.detections = t.detections;
	in.n_detections = t.n_detections;
	return spread_compute(&in, &t.arena, &spread);
}

static void run(const char *addr, double time)
{
	timeline_ready(&t);
	if (addr)
		seed(addr, time, true);
	assert_int_equal(try_spread(), 0);
}

static const struct spread_asset *result(const char *addr)
{
	uint32_t asset = timeline_asset(&t, addr);
	for (size_t i = 0; i < spread.n_assets; i++)
		if (spread.assets[i].asset == asset)
			return &spread.assets[i];
	fail_msg("%s is not in the spread", addr);
	return NULL;
}

static void assert_reached(const char *addr, enum spread_grade grade, double arrival)
{
	const struct spread_asset *a = result(addr);
	if (a->grade != grade)
		fail_msg("%s is %s, not %s", addr, spread_grade_name(a->grade), spread_grade_name(grade));
	if (grade <= SPREAD_POSSIBLE && a->arrival != at(arrival))
		fail_msg("%s: %f s, not %f", addr, (double)(a->arrival - at(0)) / 1e9, arrival);
}

static void test_control_passes_forward_in_time(void **state)
{
	(void)state;
	uint64_t ab = timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	uint64_t bc = timeline_flow(&t, B, C, 30, 40, 5, 5, APP_SSH);
	timeline_flow(&t, C, D, 15, 25, 5, 5, APP_SSH); /* over before C was reached */
	run(A, 5);
	assert_reached(A, SPREAD_CONFIRMED, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
	assert_reached(C, SPREAD_LIKELY, 30);
	assert_reached(D, SPREAD_CLEARED, 0);
	const struct spread_asset *c = result(C);
	assert_int_equal(c->n_path, 2);
	assert_int_equal(c->path[0].flow, ab);
	assert_int_equal(c->path[1].flow, bc);
	assert_int_equal(c->path[0].from, timeline_asset(&t, A));
	assert_int_equal(c->path[1].to, timeline_asset(&t, C));
	assert_int_equal(c->path[1].time, at(30));
	assert_null(result(A)->path);
	assert_int_equal(spread.by_grade[SPREAD_CONFIRMED], 1);
	assert_int_equal(spread.by_grade[SPREAD_LIKELY], 2);
}

static void test_a_flow_that_lasts_beyond_the_arrival_passes_control_at_the_arrival(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	run(A, 19);
	assert_reached(B, SPREAD_LIKELY, 19);
}

static void test_a_last_packet_at_the_arrival_itself_passes_nothing(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	run(A, 20);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_control_runs_from_initiator_to_responder(void **state)
{
	(void)state;
	timeline_flow(&t, B, A, 10, 20, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_backflow_adds_the_clients_of_a_server_as_possible(void **state)
{
	(void)state;
	timeline_flow(&t, B, A, 10, 20, 5, 5, APP_SSH);
	in.config.backflow = true;
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
}

static void test_payload_must_have_gone_both_ways(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 0, APP_SSH);
	timeline_flow(&t, A, C, 10, 20, 0, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_a_flow_seen_from_one_side_only_counts_as_answered(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 5, 0, APP_SSH);
	f.flags = FLOW_ONE_WAY_VIEW;
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
}

static void test_duplicates_are_no_hops(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 5, 5, APP_SSH);
	f.duplicate_of = 999;
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_an_initiator_guessed_against_the_ports_counts_both_ways(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(B, A, 10, 20, 5, 5, APP_UNKNOWN);
	f.flags = FLOW_GUESSED_INITIATOR;
	f.responder_port = 50001;
	timeline_add(&t, f);
	f = flow_of(C, A, 10, 20, 5, 5, APP_HTTP);
	f.flags = FLOW_GUESSED_INITIATOR;
	f.responder_port = 80; /* this guess the port settles */
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_the_protocol_decides_the_grade(void **state)
{
	(void)state;
	const struct {
		uint16_t app, port;
		enum spread_grade grade;
	} cases[] = {
	    {APP_SMB, 445, SPREAD_LIKELY},
	    {APP_RDP, 3389, SPREAD_LIKELY},
	    {APP_POSTGRESQL, 5432, SPREAD_LIKELY},
	    {APP_DNS, 53, SPREAD_POSSIBLE},
	    {APP_KERBEROS, 88, SPREAD_POSSIBLE},
	    {APP_HTTP, 80, SPREAD_POSSIBLE},
	    {APP_TLS, 443, SPREAD_POSSIBLE},
	    {APP_TLS, 3389, SPREAD_LIKELY},   /* RDP within TLS */
	    {APP_HTTP, 5985, SPREAD_LIKELY},  /* WinRM within HTTP */
	    {APP_UNKNOWN, 22, SPREAD_LIKELY}, /* no content seen: by its port */
	    {APP_DNS, 22, SPREAD_POSSIBLE},   /* known for what it is */
	    {APP_UNKNOWN, 50000, SPREAD_POSSIBLE},
	};
	char addr[24];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(addr, sizeof(addr), "10.4.0.%zu", i + 1);
		struct msg_flow f = flow_of(A, addr, 10, 20, 5, 5, cases[i].app);
		f.responder_port = cases[i].port;
		timeline_add(&t, f);
	}
	run(A, 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(addr, sizeof(addr), "10.4.0.%zu", i + 1);
		assert_reached(addr, cases[i].grade, 10);
	}
}

static void test_a_path_is_as_sure_as_its_weakest_hop(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_HTTP);
	timeline_flow(&t, B, C, 30, 40, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(C, SPREAD_POSSIBLE, 30);
}

static void test_a_surer_but_later_way_gives_the_grade_and_the_earlier_one_the_bound(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_HTTP);
	uint64_t sure = timeline_flow(&t, A, B, 50, 60, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 30, 40, 5, 5, APP_SSH); /* between the two */
	timeline_flow(&t, B, D, 70, 80, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_LIKELY, 50);
	assert_int_equal(result(B)->earliest, at(10));
	assert_int_equal(result(B)->path[0].flow, sure);
	assert_reached(C, SPREAD_POSSIBLE, 30);
	assert_reached(D, SPREAD_LIKELY, 70);
	assert_int_equal(result(D)->earliest, at(70));
}

static void test_a_hub_passes_on_what_it_began_itself_and_as_possible(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 11, 50, 50, APP_DNS); /* B is the resolver of all */
	timeline_flow(&t, C, B, 12, 13, 50, 50, APP_DNS);
	timeline_flow(&t, B, D, 14, 15, 50, 50, APP_DNS); /* which asks D */
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
	assert_reached(C, SPREAD_CLEARED, 0);
	assert_reached(D, SPREAD_POSSIBLE, 14);
}

static void test_icmp_hands_nothing_on_unless_a_detection_rests_on_it(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 56, 56, APP_ICMP);
	f.protocol = 1;
	timeline_add(&t, f);
	f = flow_of(A, C, 10, 20, 56, 56, APP_ICMP);
	f.protocol = 1;
	uint64_t tunnel = timeline_add(&t, f);
	timeline_cite(&t,
	    timeline_detect(&t, 10, "icmp tunnel", "T1095", 0.9, C, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER),
	    tunnel);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_reached(C, SPREAD_CONFIRMED, 10);
}

static void test_a_detection_on_the_hop_confirms_it(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, A, C, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, A, D, 10, 20, 5, 5, APP_SSH);
	uint64_t e = timeline_flow(&t, A, E, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, A, MSG_ROLE_ACTOR, C, MSG_ROLE_VICTIM);
	timeline_detect(
	    &t, 25, "lateral", "T1021", 0.9, D, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER); /* too late */
	timeline_cite(
	    &t, timeline_detect(&t, 99, "rule", "T1021", 0.9, E, MSG_ROLE_VICTIM, NULL, MSG_ROLE_NONE), e);
	run(A, 5);
	assert_reached(B, SPREAD_CONFIRMED, 10);
	assert_reached(C, SPREAD_CONFIRMED, 10);
	assert_reached(D, SPREAD_LIKELY, 10);
	assert_reached(E, SPREAD_CONFIRMED, 10);
}

static void login(uint64_t flow, const char *result)
{
	struct field_value fields[] = {{FIELD_AUTH_RESULT, text_of(result)}};
	struct msg_transaction x = {
	    .id = t.next_id++, .flow = flow, .app = APP_SSH, .time = at(11), .fields = {fields, 1}};
	assert_int_equal(archive_append_transaction(t.archive, &x), 0);
}

static void test_a_login_that_failed_hands_over_nothing_by_its_protocol(void **state)
{
	(void)state;
	uint64_t failed = timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	uint64_t at_last = timeline_flow(&t, A, C, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, A, D, 10, 20, 5, 5, APP_SSH); /* nothing is known of a login */
	login(failed, "failure");
	login(failed, "failure");
	login(at_last, "failure");
	login(at_last, "success");
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
	assert_reached(C, SPREAD_LIKELY, 10);
	assert_reached(D, SPREAD_LIKELY, 10);
}

static void proof_of(double confidence, enum spread_grade grade)
{
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_HTTP);
	timeline_detect(&t, 15, "lateral", "T1021", confidence, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	run(A, 5);
	assert_reached(B, grade, 10);
}

static void test_a_detection_too_weak_to_suspect_anybody_confirms_nothing(void **state)
{
	(void)state;
	proof_of(0.49, SPREAD_POSSIBLE);
}

static void test_a_detection_strong_enough_to_suspect_confirms(void **state)
{
	(void)state;
	proof_of(0.5, SPREAD_CONFIRMED);
}

static void test_a_scan_that_rests_on_flows_confirms_none_of_them(void **state)
{
	(void)state;
	uint64_t f = timeline_flow(&t, A, B, 10, 20, 5, 5, APP_HTTP);
	timeline_cite(
	    &t, timeline_detect(&t, 10, "scan", "T1046", 0.9, A, MSG_ROLE_ACTOR, NULL, MSG_ROLE_NONE), f);
	timeline_cite(
	    &t, timeline_detect(&t, 10, "scan", "T1046", 0.9, A, MSG_ROLE_ACTOR, B, MSG_ROLE_TARGET), f);
	timeline_cite(
	    &t, timeline_detect(&t, 10, "scan", "T1046", 0.9, B, MSG_ROLE_TARGET, A, MSG_ROLE_SCANNER), f);
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
}

static void test_a_suspect_seed_gives_likely_at_best(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	timeline_ready(&t);
	seed(A, 5, false);
	assert_int_equal(try_spread(), 0);
	assert_reached(A, SPREAD_LIKELY, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
}

static void test_the_earliest_of_several_seeds_counts(void **state)
{
	(void)state;
	timeline_flow(&t, A, C, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 8, 20, 5, 5, APP_SSH);
	timeline_flow(&t, C, B, 21, 30, 5, 5, APP_SSH);
	timeline_ready(&t);
	seed(A, 15, true);
	seed(A, 5, true);
	seed(B, 12, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(A, SPREAD_CONFIRMED, 5);
	assert_reached(B, SPREAD_CONFIRMED, 12);
	assert_reached(C, SPREAD_LIKELY, 10);
}

static void test_a_seed_that_was_reached_before_its_own_time_says_how(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	timeline_ready(&t);
	seed(A, 5, true);
	seed(B, 50, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(B, SPREAD_CONFIRMED, 10);
	assert_int_equal(result(B)->n_path, 1);
}

static void test_of_equal_ways_the_shorter_and_then_the_first_record_is_cited(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 1, 50, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 1, 50, 5, 5, APP_SSH); /* C at 5 over B too */
	uint64_t first = timeline_flow(&t, A, C, 1, 50, 5, 5, APP_SSH);
	timeline_flow(&t, A, C, 2, 60, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(C, SPREAD_LIKELY, 5);
	assert_int_equal(result(C)->n_path, 1);
	assert_int_equal(result(C)->path[0].flow, first);
}

static void test_what_no_sensor_covered_is_unseen_not_cleared(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_ready(&t);
	uint8_t covered[8] = {1, 0, 0, 1, 1, 1};
	in.covered = covered;
	seed(A, 5, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(B, SPREAD_LIKELY, 10); /* reached: covered or not */
	assert_reached(C, SPREAD_UNSEEN, 0);
	assert_reached(D, SPREAD_CLEARED, 0);
	assert_int_equal(result(C)->arrival, 0);
	assert_int_equal(spread.assets[0].asset, timeline_asset(&t, A)); /* worst first */
	assert_int_equal(spread.assets[2].asset, timeline_asset(&t, C));
}

static void test_what_began_after_the_end_does_not_count(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, A, C, 15, 20, 5, 5, APP_SSH);
	in.config.until = at(15);
	run(A, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_outside_ends_are_no_hops(void **state)
{
	(void)state;
	timeline_flow(&t, A, "198.51.100.1", 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, "198.51.100.1", B, 30, 40, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_int_equal(spread.edges, 0);
}

/* n flows A -> B and one B -> C, with room for 16 edges. */
static void edges_of(int n, bool coarse)
{
	for (int i = 0; i < n; i++)
		timeline_flow(&t, A, B, 10 + 10 * i, 15 + 10 * i, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 1000, 1001, 5, 5, APP_SSH);
	in.config.edges_max = 16;
	/* after the first flow's end, in the gap before the second */
	run(A, 17);
	assert_int_equal(spread.coarse, coarse);
	assert_reached(B, SPREAD_LIKELY, coarse ? 17 : 20); /* merged: one flow without gaps */
	assert_reached(C, SPREAD_LIKELY, 1000);
}

static void test_one_edge_less_than_the_bound_is_exact(void **state)
{
	(void)state;
	edges_of(14, false);
}

static void test_as_many_edges_as_the_bound_are_exact(void **state)
{
	(void)state;
	edges_of(15, false);
}

static void test_one_edge_more_than_the_bound_is_coarse_and_only_wider(void **state)
{
	(void)state;
	edges_of(16, true);
}

static void test_protocols_of_a_pair_merge_when_kinds_are_too_many(void **state)
{
	(void)state;
	for (int app = 1; app <= 40; app++)
		timeline_flow(&t, A, B, 10 + app, 100, 5, 5, (uint16_t)app);
	in.config.edges_max = 16;
	run(A, 5);
	assert_true(spread.coarse);
	assert_reached(B, SPREAD_LIKELY, 11); /* of all the earliest, and of all the worst */
}

static void test_more_pairs_than_room_is_an_error_not_a_clearing(void **state)
{
	(void)state;
	char addr[24];
	for (int i = 1; i <= 17; i++) {
		snprintf(addr, sizeof(addr), "10.4.1.%d", i);
		timeline_flow(&t, A, addr, 10, 20, 5, 5, APP_SSH);
	}
	in.config.edges_max = 16;
	timeline_ready(&t);
	seed(A, 5, true);
	assert_int_equal(try_spread(), -ERR_LIMIT);
}

static void test_a_path_beyond_the_bound_keeps_its_last_hops(void **state)
{
	(void)state;
	char from[24], to[24];
	enum { HOPS = SPREAD_PATH_MAX + 5 };
	for (int i = 0; i < HOPS; i++) {
		snprintf(from, sizeof(from), "10.4.2.%d", i + 1);
		snprintf(to, sizeof(to), "10.4.2.%d", i + 2);
		timeline_flow(&t, from, to, 10 + i, 11 + i, 5, 5, APP_SSH);
	}
	run("10.4.2.1", 5);
	assert_true(spread.paths_cut);
	const struct spread_asset *last = result(to);
	assert_int_equal(last->n_path, SPREAD_PATH_MAX);
	assert_int_equal(last->path[SPREAD_PATH_MAX - 1].to, timeline_asset(&t, to));
	assert_int_equal(last->path[0].from, timeline_asset(&t, "10.4.2.6"));
	for (size_t i = 1; i < last->n_path; i++)
		assert_int_equal(last->path[i].from, last->path[i - 1].to);
}

static struct spread_entry *entries;
static size_t n_entries;

static void find_entries(const char *addr, double time, size_t max)
{
	timeline_ready(&t);
	in.assets = t.assets;
	in.archive = t.archive;
	in.detections = t.detections;
	in.n_detections = t.n_detections;
	assert_int_equal(
	    spread_entries(&in, timeline_asset(&t, addr), at(time), max, &t.arena, &entries, &n_entries), 0);
}

static const struct spread_entry *entry_at(const char *addr, const char *peer)
{
	struct net_addr none = {0};
	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].asset == timeline_asset(&t, addr) &&
		    net_addr_equal(entries[i].peer, peer ? ip(peer) : none))
			return &entries[i];
	return NULL;
}

static void test_entries_are_who_can_have_reached_it_in_time(void **state)
{
	(void)state;
	uint64_t in_flow = timeline_flow(&t, "203.0.113.1", A, 5, 9, 50, 50, APP_SSH);
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	uint64_t bc = timeline_flow(&t, B, C, 15, 40, 5, 5, APP_SSH);
	timeline_flow(&t, D, C, 60, 70, 5, 5, APP_SSH);               /* after */
	timeline_flow(&t, E, A, 19.5, 30, 5, 5, APP_SSH);             /* too late to go on over A */
	timeline_flow(&t, "203.0.113.2", B, 45, 50, 50, 50, APP_SSH); /* after B mattered */
	timeline_flow(&t, "203.0.113.3", B, 12, 13, 50, 50, APP_HTTP);
	find_entries(C, 50, 100);
	assert_non_null(entry_at(B, NULL));
	assert_int_equal(entry_at(B, NULL)->flow, bc);
	assert_non_null(entry_at(A, NULL));
	assert_int_equal(entry_at(A, "203.0.113.1")->flow, in_flow);
	assert_int_equal(entry_at(A, "203.0.113.1")->time, at(5));
	assert_null(entry_at(D, NULL));
	assert_non_null(entry_at(E, NULL)); /* at 19.5, before A's flow ended at 20 */
	assert_null(entry_at(B, "203.0.113.2"));
	assert_non_null(entry_at(B, "203.0.113.3"));
	/* an administrative login from outside says more than a web request */
	assert_true(entry_at(A, "203.0.113.1")->rank < 1);
	for (size_t i = 1; i < n_entries; i++)
		assert_true(entries[i - 1].rank >= entries[i].rank);
}

static void test_a_flow_that_began_after_the_next_hop_was_over_is_no_way_in(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, E, A, 20, 30, 5, 5, APP_SSH);
	find_entries(B, 50, 100);
	assert_non_null(entry_at(A, NULL));
	assert_null(entry_at(E, NULL));
}

static void test_a_detection_makes_an_entry_first(void **state)
{
	(void)state;
	timeline_flow(&t, "203.0.113.1", A, 5, 9, 50, 50, APP_SSH);
	timeline_flow(&t, "203.0.113.7", A, 6, 9, 50, 50, APP_HTTP);
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 6, "exploit", "T1190", 0.9, A, MSG_ROLE_VICTIM, "203.0.113.7", MSG_ROLE_ATTACKER);
	find_entries(B, 50, 100);
	assert_int_equal(entries[0].asset, timeline_asset(&t, A));
	assert_true(net_addr_equal(entries[0].peer, ip("203.0.113.7")));
	assert_true(entries[0].rank == 1);
	assert_true(entry_at(A, "203.0.113.1")->rank < 1);
	struct spread_entry best = entries[0];
	assert_int_equal(
	    spread_entries(&in, timeline_asset(&t, B), at(50), 1, &t.arena, &entries, &n_entries), 0);
	assert_int_equal(n_entries, 1);
	assert_memory_equal(&entries[0], &best, sizeof(best));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_control_passes_forward_in_time),
	    T(test_a_flow_that_lasts_beyond_the_arrival_passes_control_at_the_arrival),
	    T(test_a_last_packet_at_the_arrival_itself_passes_nothing),
	    T(test_control_runs_from_initiator_to_responder),
	    T(test_backflow_adds_the_clients_of_a_server_as_possible),
	    T(test_payload_must_have_gone_both_ways),
	    T(test_a_flow_seen_from_one_side_only_counts_as_answered),
	    T(test_duplicates_are_no_hops),
	    T(test_an_initiator_guessed_against_the_ports_counts_both_ways),
	    T(test_the_protocol_decides_the_grade),
	    T(test_a_path_is_as_sure_as_its_weakest_hop),
	    T(test_a_surer_but_later_way_gives_the_grade_and_the_earlier_one_the_bound),
	    T(test_a_hub_passes_on_what_it_began_itself_and_as_possible),
	    T(test_icmp_hands_nothing_on_unless_a_detection_rests_on_it),
	    T(test_a_detection_on_the_hop_confirms_it),
	    T(test_a_login_that_failed_hands_over_nothing_by_its_protocol),
	    T(test_a_detection_too_weak_to_suspect_anybody_confirms_nothing),
	    T(test_a_detection_strong_enough_to_suspect_confirms),
	    T(test_a_scan_that_rests_on_flows_confirms_none_of_them),
	    T(test_a_suspect_seed_gives_likely_at_best),
	    T(test_the_earliest_of_several_seeds_counts),
	    T(test_a_seed_that_was_reached_before_its_own_time_says_how),
	    T(test_of_equal_ways_the_shorter_and_then_the_first_record_is_cited),
	    T(test_what_no_sensor_covered_is_unseen_not_cleared),
	    T(test_what_began_after_the_end_does_not_count),
	    T(test_outside_ends_are_no_hops),
	    T(test_one_edge_less_than_the_bound_is_exact),
	    T(test_as_many_edges_as_the_bound_are_exact),
	    T(test_one_edge_more_than_the_bound_is_coarse_and_only_wider),
	    T(test_protocols_of_a_pair_merge_when_kinds_are_too_many),
	    T(test_more_pairs_than_room_is_an_error_not_a_clearing),
	    T(test_a_path_beyond_the_bound_keeps_its_last_hops),
	    T(test_entries_are_who_can_have_reached_it_in_time),
	    T(test_a_flow_that_began_after_the_next_hop_was_over_is_no_way_in),
	    T(test_a_detection_makes_an_entry_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
