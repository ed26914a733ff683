/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a plan would have cut of flows that are told one by one. */

#include "network.h"

#include <errno.h>

#include "contain/simulate.h"

static struct network w;
static struct plan_cut cuts[8];
static struct plan plan;
static struct msg_coverage links[4];
static struct simulation s;
static bool ready;

#define OTHER   "10.2.0.7" /* a machine of office that is not cut off */
#define MANAGER "10.4.0.9"
#define VAULT   "10.1.0.5"
#define PLACE   "198.51.100.7"

static int setup(void **state)
{
	(void)state;
	network_open(&w);
	ready = false;
	memset(links, 0, sizeof(links));
	plan = (struct plan){.name = PLAN_SURGICAL, .cuts = cuts};
	w.in.assets = w.t.assets;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	network_close(&w);
	return 0;
}

static void cut_host(const char *addr)
{
	cuts[plan.n_cuts++] = (struct plan_cut){.kind = PLAN_CUT_HOST,
	    .from = {{.addr = ip(addr), .bits = 128}},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .lease_ns = 3600 * NS_PER_S};
}

static void cut_zones(uint16_t from, uint16_t to, enum plan_direction direction)
{
	cuts[plan.n_cuts++] = (struct plan_cut){.kind = PLAN_CUT_ZONE_ZONE,
	    .from_zone = from,
	    .to_zone = to,
	    .direction = direction,
	    .lease_ns = 3600 * NS_PER_S};
}

static struct msg_flow used(const char *from, const char *to, double first, uint16_t port)
{
	struct msg_flow f = flow_of(from, to, first, first + 1, 60, 40, APP_UNKNOWN);
	f.responder_port = port;
	return f;
}

static void run(double from, double to)
{
	struct resolution r;
	if (!ready)
		timeline_ready(&w.t);
	ready = true;
	for (size_t i = 0; i < w.incident.n_assets; i++)
		w.held[i] = (struct incident_asset){
		    .asset = timeline_asset(&w.t, w.held_addrs[i]), .state = INCIDENT_ASSET_COMPROMISED};
	w.incident.assets = w.held;
	w.incident.peers = w.peers;
	w.incident.detections = w.detections;
	const struct resolve_input in = {.plan = &plan, .zones = w.t.zones};
	assert_int_equal(resolve_plan(&in, &w.t.arena, &r), 0);
	size_t n_links = 0;
	while (n_links < 4 && links[n_links].to)
		n_links++;
	const struct simulate_input ask = {.network = &w.in,
	    .plan = &plan,
	    .cuts = &r,
	    .from = at(from),
	    .to = at(to),
	    .coverage = links,
	    .n_coverage = n_links};
	assert_int_equal(simulate(&ask, &w.t.arena, &s), 0);
}

static void watched(size_t i, const char *name, double from, double to, uint64_t dropped)
{
	links[i] = (struct msg_coverage){
	    .name = text_of(name), .from = at(from), .to = at(to), .packets = 100, .dropped = dropped};
}

static void test_what_is_lost_is_told_by_service_and_machine(void **state)
{
	(void)state;
	network_service(&w, "vault access", VAULT "/32", 22, 9);
	cut_host(HELD);
	cut_zones(w.t.management, w.t.mission, PLAN_FROM_ONLY);
	timeline_add(&w.t, used(MANAGER, VAULT, 100, 22));
	uint64_t last = timeline_add(&w.t, used(MANAGER, VAULT, 7300, 22));
	uint64_t first = timeline_add(&w.t, used("10.4.0.8", VAULT, 50, 22));
	struct msg_flow f = used(HELD, PLACE, 200, 443);
	f.app = APP_TLS;
	f.name = TEXT("cloud.example");
	for (int i = 0; i < 4; i++)
		timeline_add(&w.t, f);
	timeline_add(&w.t, used(VAULT, MANAGER, 300, 22)); /* the other way: goes on */
	timeline_add(&w.t, used(OTHER, PLACE, 300, 443));  /* nobody cuts it */
	timeline_add(&w.t, used(HELD, OTHER, 300, 445));   /* meets no enforcement point */
	watched(0, "core", 0, DAY_S / 2, 0);
	run(0, DAY_S);
	assert_int_equal(s.legitimate.flows, 7);
	assert_int_equal(s.legitimate.payload_bytes, 700);
	assert_int_equal(s.stopped.flows, 7);
	assert_int_equal(s.within_zones.flows, 1);
	assert_int_equal(s.n_services, 2);
	assert_string_equal(s.services[0].name, "vault access"); /* 3 times 9 is more than 4 */
	assert_true(s.services[0].of_site);
	assert_int_equal(s.services[0].loss.sum.flows, 3);
	assert_int_equal(s.services[0].machines, 2);
	assert_int_equal(s.services[0].loss.first_flow, first);
	assert_int_equal(s.services[0].loss.last_flow, last);
	assert_true(s.services[0].loss.first == at(50) && s.services[0].loss.last == at(7300));
	assert_string_equal(s.services[1].name, "tls to 198.51.100.7 port 443 (cloud.example)");
	assert_int_equal(s.n_machines, 3);
	assert_int_equal(s.n_bystanders, 2);
	assert_int_equal(s.machines[0].asset, timeline_asset(&w.t, MANAGER));
	assert_int_equal(s.machines[0].loss.sum.flows, 2);
	assert_int_equal(s.machines[0].n_uses, 1);
	assert_int_equal(s.machines[0].uses[0].service, 0);
	assert_true(s.machines[2].held);
	assert_int_equal(s.of_held.flows, 4);
	assert_float_equal(s.others_flows_per_day, 6, 1e-9);
	assert_int_equal(s.machines[2].uses[0].service, 1);
	assert_int_equal(s.machines[2].uses[0].loss.sum.payload_bytes, 400);
	assert_int_equal(s.by_cut[0].legitimate.flows, 4);
	assert_int_equal(s.by_cut[1].legitimate.flows, 3);
	/* half a day was watched; what the cut machine begins weighs without criticality */
	assert_float_equal(s.legitimate_flows_per_day, 14, 1e-9);
	assert_float_equal(s.weighted_flows_per_day, 2 * (3 * 9 + 4), 1e-9);
	assert_false(s.coarse);
}

static void test_the_intruders_flows_are_no_loss(void **state)
{
	(void)state;
	cut_host(HELD);
	network_hold(&w, HELD);
	network_peer(&w, "203.0.113.1", MSG_ROLE_C2);
	network_attack(&w, HELD, VAULT);                         /* a detection rests on it */
	timeline_add(&w.t, used(HELD, "203.0.113.1", 100, 443)); /* with his peer */
	timeline_add(&w.t, used(HELD, VAULT, 100, 22));
	struct msg_flow f = used(HELD, VAULT, 100, 22);
	f.packets_in = f.payload_in = 0; /* nobody answers */
	timeline_add(&w.t, f);
	run(0, 2 * DAY_S);
	assert_int_equal(s.stopped.flows, 4);
	assert_int_equal(s.attack.flows, 2);
	assert_int_equal(s.unanswered.flows, 1);
	assert_int_equal(s.legitimate.flows, 1);
	assert_int_equal(s.by_cut[0].attack.flows, 2);
}

static void test_what_others_do_with_the_intruders_places_is_doubtful(void **state)
{
	(void)state;
	cuts[plan.n_cuts++] = (struct plan_cut){.kind = PLAN_CUT_DESTINATION,
	    .to = {{.addr = ip("203.0.113.1"), .bits = 128}},
	    .n_to = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE};
	network_hold(&w, HELD);
	network_peer(&w, "203.0.113.1", MSG_ROLE_C2);
	timeline_add(&w.t, used(HELD, "203.0.113.1", 100, 443));
	timeline_add(&w.t, used(OTHER, "203.0.113.1", 100, 53));
	timeline_add(&w.t, used(OTHER, "203.0.113.1", 200, 53));
	run(0, DAY_S);
	assert_int_equal(s.attack.flows, 1);
	assert_int_equal(s.doubtful.flows, 2);
	assert_int_equal(s.legitimate.flows, 0);
	assert_int_equal(s.by_cut[0].doubtful.flows, 2);
	assert_int_equal(s.n_machines, 0);
	assert_int_equal(s.n_doubtful_machines, 1);
	assert_int_equal(s.doubtful_machines[0].asset, timeline_asset(&w.t, OTHER));
}

static void test_a_flow_counts_once_however_often_it_was_written(void **state)
{
	(void)state;
	cut_host(HELD);
	struct msg_flow f = used(HELD, VAULT, 100, 22);
	f.id = 7000;
	f.end = 0; /* a snapshot */
	timeline_add(&w.t, f);
	f.payload_out = 1000;
	f.last = at(150);
	timeline_add(&w.t, f);
	f.payload_out = 3000;
	f.end = 1;
	timeline_add(&w.t, f);
	f.id = 7001;
	f.end = 0;
	f.payload_out = 10;
	timeline_add(&w.t, f);
	f.payload_out = 20; /* the last of one that has not ended */
	timeline_add(&w.t, f);
	f.id = 7002;
	f.duplicate_of = 7000;
	timeline_add(&w.t, f);
	run(0, DAY_S);
	assert_int_equal(s.legitimate.flows, 2);
	assert_int_equal(s.legitimate.payload_bytes, 3000 + 40 + 20 + 40);
}

static void test_only_what_the_window_touches_counts(void **state)
{
	(void)state;
	cut_host(HELD);
	struct msg_flow f = used(HELD, VAULT, 100, 22); /* ends at 101 */
	timeline_add(&w.t, f);
	static const struct {
		double from, to;
		unsigned flows;
	} cases[] = {
	    {0, 100, 0}, {0, 100.000000001, 1}, {100.5, 200, 1}, {101, 200, 1}, {101.000000001, 200, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(cases[i].from, cases[i].to);
		if (s.legitimate.flows != cases[i].flows)
			fail_msg("case %zu: %u flows", i, (unsigned)s.legitimate.flows);
	}
}

static void test_a_weekly_use_stands_out(void **state)
{
	(void)state;
	cut_host(HELD);
	for (int day = 0; day < 7; day++)
		timeline_add(&w.t, used(HELD, MANAGER, day * DAY_S + 3600, 161));
	timeline_add(&w.t, used(HELD, VAULT, 5 * DAY_S + 7200, 873));
	timeline_add(&w.t, used(HELD, VAULT, 5 * DAY_S + 7300, 873));
	watched(0, "core", 0, 7 * DAY_S, 0);
	run(0, 7 * DAY_S);
	assert_int_equal(s.n_services, 2);
	assert_int_equal(s.services[0].days, 7);
	assert_false(s.services[0].rare);
	assert_int_equal(s.services[1].days, 1);
	assert_true(s.services[1].rare);
	assert_true(s.services[1].loss.last == at(5 * DAY_S + 7300));
}

static void test_hours_are_those_of_the_day(void **state)
{
	(void)state;
	cut_host(HELD);
	/* the epoch of the timeline is 22:13:20 */
	timeline_add(&w.t, used(HELD, VAULT, 0, 22));
	timeline_add(&w.t, used(HELD, VAULT, 3600, 22));
	timeline_add(&w.t, used(HELD, VAULT, 3600 + DAY_S, 22));
	run(0, 2 * DAY_S);
	assert_int_equal(s.by_hour[22], 1);
	assert_int_equal(s.by_hour[23], 2);
	assert_int_equal(s.busiest_hour, 23);
}

static void test_coverage_is_told_link_by_link(void **state)
{
	(void)state;
	cut_host(HELD);
	watched(0, "b", 3600, 7200, 5);
	watched(1, "a", 1800, 5400, UINT64_MAX);
	watched(2, "b", 9000, 10800, 2);
	run(0, 14400);
	assert_int_equal(s.coverage.n_links, 2);
	assert_true(text_equal(s.coverage.links[0].name, TEXT("a")));
	assert_int_equal(s.coverage.links[0].covered_ns, 3600 * NS_PER_S);
	assert_true(s.coverage.links[0].dropped == UINT64_MAX);
	assert_int_equal(s.coverage.links[1].covered_ns, 5400 * NS_PER_S);
	assert_int_equal(s.coverage.links[1].dropped, 7);
	assert_int_equal(s.coverage.covered_ns, (7200 - 1800 + 1800) * NS_PER_S);
	assert_true(
	    lines_have(s.coverage.lines, s.coverage.n_lines, "before 2023-11-14 22:43:20 UTC: 30 min"));
	assert_true(
	    lines_have(s.coverage.lines, s.coverage.n_lines, "after 2023-11-15 01:13:20 UTC: 1 h 00 min"));
	assert_true(lines_have(s.coverage.lines, s.coverage.n_lines, "watched for 30 min"));
	assert_true(lines_have(s.coverage.lines, s.coverage.n_lines, "7 packets were lost"));
	assert_true(lines_have(s.coverage.lines, s.coverage.n_lines, "1 links don't report losses"));
}

static void test_it_agrees_with_the_plans_own_estimate(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	network_use(&w, "10.3.0.1", VAULT, 443, 11);
	network_use(&w, "203.0.113.4", "10.3.0.1", 443, 5);
	network_attack(&w, HELD, MANAGER);
	network_hold(&w, HELD);
	network_plan(&w);
	for (int i = 0; i < PLAN_COUNT; i++) {
		struct resolution r;
		const struct resolve_input in = {.plan = &w.plans[i], .zones = w.t.zones};
		assert_int_equal(resolve_plan(&in, &w.t.arena, &r), 0);
		const struct simulate_input ask = {.network = &w.in,
		    .plan = &w.plans[i],
		    .cuts = &r,
		    .from = at(0),
		    .to = at(DAY_S + 0.5)}; /* the baseline, of a day */
		assert_int_equal(simulate(&ask, &w.t.arena, &s), 0);
		assert_float_equal(
		    (double)s.legitimate.flows, w.plans[i].legitimate_flows_lost_per_day, 1e-6);
		assert_int_equal(s.n_services, w.plans[i].n_services_lost);
		for (size_t k = 0; k < s.n_services; k++)
			assert_float_equal((double)s.services[k].loss.sum.flows,
			    w.plans[i].services_lost[k].flows_per_day, 1e-6);
	}
}

static void test_a_window_that_is_none_is_refused(void **state)
{
	(void)state;
	struct resolution r = {.n = 0};
	struct simulate_input ask = {.network = &w.in, .plan = &plan, .cuts = &r, .from = at(0), .to = at(0)};
	timeline_ready(&w.t);
	assert_int_equal(simulate(&ask, &w.t.arena, &s), -EINVAL);
	ask.to = at(SIMULATE_DAYS_MAX * DAY_S);
	assert_int_equal(simulate(&ask, &w.t.arena, &s), 0);
	ask.to++;
	assert_int_equal(simulate(&ask, &w.t.arena, &s), -EINVAL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_what_is_lost_is_told_by_service_and_machine),
	    T(test_the_intruders_flows_are_no_loss),
	    T(test_what_others_do_with_the_intruders_places_is_doubtful),
	    T(test_a_flow_counts_once_however_often_it_was_written),
	    T(test_only_what_the_window_touches_counts),
	    T(test_a_weekly_use_stands_out),
	    T(test_hours_are_those_of_the_day),
	    T(test_coverage_is_told_link_by_link),
	    T(test_it_agrees_with_the_plans_own_estimate),
	    T(test_a_window_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
