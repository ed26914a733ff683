/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network.h"

#include "contain/parts.h"

static struct network w;

#define MANAGER "10.4.0.9" /* a machine of management that isn't held */
#define VAULT   "10.1.0.5" /* a machine of mission */

static int setup(void **state)
{
	(void)state;
	network_open(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	network_close(&w);
	return 0;
}

static void assert_lost(enum plan_name name, double flows)
{
	assert_float_equal(w.plans[name].legitimate_flows_lost_per_day, flows, 1e-9);
	assert_float_equal(w.plans[name].legitimate_flows_per_day, w.flows, 1e-9);
}

static void test_a_zone_is_parted_where_parting_the_machine_from_it_costs_more(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	network_hold(&w, HELD);
	network_plan(&w);
	assert_false(network_blocks(&w, PLAN_SURGICAL, HELD, MANAGER));
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, VAULT));
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, "198.51.100.1"));
	assert_true(network_blocks(&w, PLAN_SURGICAL, MANAGER, VAULT));
	assert_true(network_blocks(&w, PLAN_SURGICAL, MANAGER, "198.51.100.1"));
	assert_false(network_blocks(&w, PLAN_SURGICAL, "10.3.0.1", VAULT));
	assert_lost(PLAN_SURGICAL, 3);
	assert_int_equal(w.plans[PLAN_SURGICAL].attack_paths_left, 0);
}

static void test_a_machine_is_cut_whole_where_that_costs_less(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 3);
	network_use(&w, MANAGER, VAULT, 22, 20);
	network_hold(&w, HELD);
	network_plan(&w);
	const struct plan *p = &w.plans[PLAN_SURGICAL];
	assert_int_equal(p->n_cuts, 1);
	assert_int_equal(p->cuts[0].kind, PLAN_CUT_HOST);
	assert_int_equal(p->cuts[0].n_from, 1);
	assert_true(net_addr_equal(p->cuts[0].from[0].addr, ip(HELD)));
	assert_int_equal(p->cuts[0].direction, PLAN_BOTH);
	assert_int_equal(p->cuts[0].lease_ns, 3600 * NS_PER_S);
	assert_string_equal(p->cuts[0].enforcement, "core");
	assert_float_equal(p->cuts[0].cost, 3, 1e-9);
	assert_false(network_blocks(&w, PLAN_SURGICAL, MANAGER, VAULT));
	assert_lost(PLAN_SURGICAL, 3);
	/* the vault's zone and the outside, before; neither after */
	assert_int_equal(p->attack_paths_before, 2);
	assert_int_equal(p->attack_paths_left, 0);
}

static void test_criticality_weighs_what_a_cut_costs(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	network_service(&w, "vault access", VAULT "/32", 22, 9); /* 27, more than 20 */
	network_hold(&w, HELD);
	network_plan(&w);
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, MANAGER));
	assert_false(network_blocks(&w, PLAN_SURGICAL, MANAGER, VAULT));
	assert_lost(PLAN_SURGICAL, 20);
}

static void test_what_may_never_be_cut_is_left_and_named(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 1);
	network_never(&w, HELD "/32");
	network_hold(&w, HELD);
	network_plan(&w);
	for (int i = 0; i < PLAN_COUNT; i++) {
		const struct plan *p = &w.plans[i];
		for (size_t k = 0; k < p->n_cuts; k++)
			assert_int_equal(p->cuts[k].n_from, 0);
		assert_false(network_blocks(&w, (enum plan_name)i, HELD, VAULT));
		assert_false(network_blocks(&w, (enum plan_name)i, VAULT, HELD));
	}
	assert_true(lines_have(w.plans[0].guardrails, w.plans[0].n_guardrails, HELD));
	assert_true(w.plans[PLAN_SURGICAL].attack_paths_left > 0);
}

static void test_only_so_many_cuts_as_policy_allows(void **state)
{
	(void)state;
	const char *held[] = {"10.2.0.1", "10.2.0.2", "10.2.0.3"};
	for (size_t i = 0; i < 3; i++) {
		network_use(&w, held[i], MANAGER, 161, 1);
		network_hold(&w, held[i]);
	}
	network_use(&w, MANAGER, VAULT, 22, 20);
	w.in.max_cuts = 4;
	network_plan(&w);
	assert_int_equal(w.plans[PLAN_SURGICAL].n_cuts, 3);
	assert_int_equal(w.plans[PLAN_SURGICAL].n_guardrails, 0);
	w.in.max_cuts = 3;
	assert_int_equal(plan_compute(&w.in, &w.t.arena, w.plans), 0);
	assert_int_equal(w.plans[PLAN_SURGICAL].n_cuts, 3);
	assert_int_equal(w.plans[PLAN_SURGICAL].n_guardrails, 0);
	w.in.max_cuts = 2;
	assert_int_equal(plan_compute(&w.in, &w.t.arena, w.plans), 0);
	const struct plan *p = &w.plans[PLAN_SURGICAL];
	assert_int_equal(p->n_cuts, 2);
	assert_int_equal(p->n_guardrails, 1);
	assert_non_null(strstr(p->guardrails[0], "policy allows 2 cuts"));
	assert_true(p->attack_paths_left > 0);
}

static void test_zones_wider_than_policy_allows_are_not_cut(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	network_hold(&w, HELD);
	w.in.widest_prefix_v4 = 17; /* the zones are /16 */
	network_plan(&w);
	for (int i = 0; i < PLAN_COUNT; i++) {
		assert_null(network_cut(&w, (enum plan_name)i, PLAN_CUT_ZONE_ZONE));
		assert_true(lines_have(w.plans[i].guardrails, w.plans[i].n_guardrails, "/16"));
		assert_true(w.plans[i].attack_paths_left > 0);
	}
	assert_non_null(network_cut(&w, PLAN_SURGICAL, PLAN_CUT_HOST_ZONE));
	w.in.widest_prefix_v4 = 16;
	assert_int_equal(plan_compute(&w.in, &w.t.arena, w.plans), 0);
	assert_non_null(network_cut(&w, PLAN_SHUTDOWN, PLAN_CUT_ZONE_ZONE));
}

static void test_machines_of_one_segment_are_parted_by_hand(void **state)
{
	(void)state;
	network_use(&w, "10.2.0.7", HELD, 445, 1);
	network_use(&w, "10.2.0.8", HELD, 445, 1);
	network_hold(&w, HELD);
	network_plan(&w);
	const struct plan *p = &w.plans[PLAN_SURGICAL];
	assert_int_equal(p->n_manual_steps, 1);
	assert_non_null(strstr(p->manual_steps[0], HELD));
	assert_non_null(strstr(p->manual_steps[0], "2 other machines of office"));
	assert_false(network_blocks(&w, PLAN_SHUTDOWN, "10.2.0.7", HELD));
}

static void test_more_lines_than_a_list_holds_are_counted(void **state)
{
	static const struct {
		size_t lines, kept;
		const char *last;
	} cases[] = {{PLAN_LINES_MAX - 1, PLAN_LINES_MAX - 1, "step 4095"},
	    {PLAN_LINES_MAX, PLAN_LINES_MAX, "step 4096"},
	    {PLAN_LINES_MAX + 1, PLAN_LINES_MAX, "and 2 more like these"},
	    {PLAN_LINES_MAX + 1000, PLAN_LINES_MAX, "and 1001 more like these"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan plan = {.name = PLAN_SURGICAL};
		struct plan_work work = {.arena = &w.t.arena, .plan = &plan};
		for (size_t k = 1; k <= cases[i].lines; k++) {
			assert_int_equal(plan_add_step(&work, "step %zu", k), 0);
			assert_int_equal(plan_add_guardrail(&work, "step %zu", k), 0);
		}
		assert_int_equal(plan_close_lists(&work), 0);
		assert_int_equal(plan.n_manual_steps, cases[i].kept);
		assert_string_equal(plan.manual_steps[plan.n_manual_steps - 1], cases[i].last);
		assert_string_equal(plan.guardrails[plan.n_guardrails - 1], cases[i].last);
	}
}

static void test_without_an_enforcement_point_everything_is_by_hand(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 3);
	network_hold(&w, HELD);
	w.in.n_enforcement = 0;
	network_plan(&w);
	for (int i = 0; i < PLAN_COUNT; i++) {
		const struct plan *p = &w.plans[i];
		assert_int_equal(p->n_cuts, 0);
		assert_true(lines_have(p->manual_steps, p->n_manual_steps, "office from the outside"));
		assert_true(lines_have(p->manual_steps, p->n_manual_steps, "office from mission"));
		assert_true(lines_have(p->manual_steps, p->n_manual_steps, "office from management"));
	}
	assert_lost(PLAN_SURGICAL, 0);
}

static void test_a_point_cuts_only_between_its_own_zones(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 3);
	network_hold(&w, HELD);
	w.point_zones[0] = w.t.office;
	w.point_zones[1] = w.internet;
	w.point.n_zones = 2;
	network_plan(&w);
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, "198.51.100.1"));
	assert_true(lines_have(w.plans[0].manual_steps, w.plans[0].n_manual_steps, "office from mission"));
	assert_false(lines_have(w.plans[0].manual_steps, w.plans[0].n_manual_steps, "from the outside"));
}

static void test_where_an_intruder_was_seen_to_act_is_cut_whatever_it_costs(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	uint64_t flow = network_attack(&w, HELD, MANAGER);
	network_hold(&w, HELD);
	network_plan(&w);
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, MANAGER));
	const struct plan_cut *c = &w.plans[PLAN_SURGICAL].cuts[0];
	assert_int_equal(c->n_flows, 1);
	assert_int_equal(c->flows[0], flow);
	assert_non_null(strstr(c->why, HELD));
	assert_lost(PLAN_SURGICAL, 20); /* the flow that the detection rests on is none of the legitimate */
}

static void test_a_destination_is_cut_from_everybody_only_where_nobody_else_uses_it(void **state)
{
	(void)state;
	network_use(&w, HELD, "203.0.113.1", 443, 1);
	network_use(&w, HELD, "203.0.113.2", 443, 1);
	network_use(&w, "10.2.0.7", "203.0.113.2", 443, 1);
	w.flows -= 2; /* those of the held machine with the intruder's places are his */
	network_peer(&w, "203.0.113.1", MSG_ROLE_C2);
	network_peer(&w, "203.0.113.2", MSG_ROLE_DELIVERY);
	network_hold(&w, HELD);
	network_plan(&w);
	assert_true(network_blocks(&w, PLAN_SURGICAL, "10.2.0.7", "203.0.113.1"));
	assert_true(network_blocks(&w, PLAN_SURGICAL, "203.0.113.1", VAULT));
	assert_false(network_blocks(&w, PLAN_SURGICAL, "10.2.0.7", "203.0.113.2"));
	assert_true(network_blocks(&w, PLAN_SURGICAL, HELD, "203.0.113.2")); /* the held machine is off it */
	const struct plan_cut *c = network_cut(&w, PLAN_SURGICAL, PLAN_CUT_DESTINATION);
	assert_non_null(c);
	assert_int_equal(c->n_to, 1);
	assert_true(net_addr_equal(c->to[0].addr, ip("203.0.113.1")));
	assert_lost(PLAN_SURGICAL, 0);
}

static void test_guarded_takes_the_unseen_for_held(void **state)
{
	(void)state;
	network_use(&w, "10.3.0.2", VAULT, 22, 5); /* so that nobody parts the whole of dmz from it */
	network_use(&w, MANAGER, "10.2.0.7", 22, 1);
	network_use(&w, HELD, "10.2.0.7", 22, 1);
	network_hold(&w, HELD);
	network_grade(&w, "10.3.0.1", SPREAD_UNSEEN);
	network_grade(&w, "10.3.0.2", SPREAD_POSSIBLE);
	network_grade(&w, MANAGER, SPREAD_LIKELY);
	network_plan(&w);
	assert_false(network_blocks(&w, PLAN_SURGICAL, "10.3.0.1", VAULT));
	assert_true(network_blocks(&w, PLAN_GUARDED, "10.3.0.1", VAULT));
	for (int i = PLAN_SURGICAL; i <= PLAN_GUARDED; i++) {
		assert_false(network_blocks(&w, (enum plan_name)i, "10.3.0.2", VAULT));
		assert_true(network_blocks(&w, (enum plan_name)i, MANAGER, VAULT));
	}
}

static void test_shutdown_parts_the_held_machines_zone_from_everything(void **state)
{
	(void)state;
	network_use(&w, "10.2.0.7", MANAGER, 161, 5);
	network_use(&w, MANAGER, "10.2.0.7", 22, 4);
	network_use(&w, VAULT, MANAGER, 514, 2);
	network_use(&w, HELD, "10.2.0.7", 445, 1);
	network_hold(&w, HELD);
	network_plan(&w);
	assert_true(network_blocks(&w, PLAN_SHUTDOWN, "10.2.0.7", MANAGER));
	assert_true(network_blocks(&w, PLAN_SHUTDOWN, MANAGER, "10.2.0.7"));
	assert_true(network_blocks(&w, PLAN_SHUTDOWN, "198.51.100.1", "10.2.0.7"));
	assert_false(network_blocks(&w, PLAN_SHUTDOWN, VAULT, MANAGER));
	assert_lost(PLAN_SHUTDOWN, 9);
	assert_int_equal(w.plans[PLAN_SHUTDOWN].attack_paths_left, 0);
	/* the outside, and office from mission, dmz and management, each once */
	assert_int_equal(w.plans[PLAN_SHUTDOWN].n_cuts, 4);
}

static void test_services_lost_are_named_with_who_loses_them(void **state)
{
	(void)state;
	network_service(&w, "monitoring", MANAGER "/32", 161, 2);
	network_use(&w, "10.2.0.7", MANAGER, 161, 3);
	network_use(&w, "10.2.0.8", MANAGER, 161, 4);
	network_use(&w, "10.2.0.8", "10.4.0.10", 22, 2);
	network_use(&w, HELD, "10.2.0.7", 445, 1);
	network_hold(&w, HELD);
	network_plan(&w);
	const struct plan *p = &w.plans[PLAN_SHUTDOWN];
	assert_int_equal(p->n_services_lost, 2);
	assert_string_equal(p->services_lost[0].name, "monitoring");
	assert_int_equal(p->services_lost[0].clients, 2);
	assert_int_equal(p->services_lost[0].criticality, 2);
	assert_float_equal(p->services_lost[0].flows_per_day, 7, 1e-9);
	assert_string_equal(p->services_lost[1].name, "tcp to 10.4.0.10 port 22");
	assert_int_equal(p->services_lost[1].clients, 1);
	assert_int_equal(w.plans[PLAN_SURGICAL].n_services_lost, 0);
}

static void test_a_cut_between_zones_cites_what_crosses_it_and_nothing_else(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 20);
	network_use(&w, MANAGER, VAULT, 22, 3);
	uint64_t outwards = network_attack(&w, HELD, "203.0.113.1");
	uint64_t managing = network_attack(&w, "10.2.0.7", MANAGER);
	network_hold(&w, HELD);
	network_plan(&w);
	size_t seen = 0;
	for (int i = 0; i < PLAN_COUNT; i++)
		for (size_t k = 0; k < w.plans[i].n_cuts; k++) {
			const struct plan_cut *c = &w.plans[i].cuts[k];
			if (c->kind != PLAN_CUT_ZONE_ZONE)
				continue;
			bool office = c->from_zone == w.t.office || c->to_zone == w.t.office;
			bool management = c->from_zone == w.t.management || c->to_zone == w.t.management;
			uint64_t wanted = office && c->to_external ? outwards
			                  : office && management   ? managing
			                                           : 0;
			assert_int_equal(c->n_flows, wanted ? 1 : 0);
			if (wanted)
				assert_int_equal(c->flows[0], wanted);
			seen++;
		}
	assert_true(seen > 5);
}

static void test_unanswered_and_duplicate_flows_are_no_use(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(HELD, MANAGER, 100, 101, 100, 0, APP_UNKNOWN);
	f.packets_in = 0;
	timeline_add(&w.t, f);
	f = flow_of(HELD, MANAGER, 100, 101, 100, 100, APP_UNKNOWN);
	f.duplicate_of = 1;
	timeline_add(&w.t, f);
	network_use(&w, HELD, MANAGER, 161, 1);
	network_hold(&w, HELD);
	network_plan(&w);
	assert_float_equal(w.plans[0].legitimate_flows_per_day, w.flows, 1e-9);
}

static void test_nobody_held_needs_no_cut(void **state)
{
	(void)state;
	network_use(&w, HELD, MANAGER, 161, 1);
	network_plan(&w);
	for (int i = 0; i < PLAN_COUNT; i++) {
		assert_int_equal(w.plans[i].n_cuts, 0);
		assert_int_equal(w.plans[i].attack_paths_before, 0);
		assert_int_equal(w.plans[i].name, i);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_zone_is_parted_where_parting_the_machine_from_it_costs_more),
	    T(test_a_machine_is_cut_whole_where_that_costs_less),
	    T(test_criticality_weighs_what_a_cut_costs),
	    T(test_what_may_never_be_cut_is_left_and_named),
	    T(test_only_so_many_cuts_as_policy_allows),
	    T(test_more_lines_than_a_list_holds_are_counted),
	    T(test_zones_wider_than_policy_allows_are_not_cut),
	    T(test_machines_of_one_segment_are_parted_by_hand),
	    T(test_without_an_enforcement_point_everything_is_by_hand),
	    T(test_a_point_cuts_only_between_its_own_zones),
	    T(test_where_an_intruder_was_seen_to_act_is_cut_whatever_it_costs),
	    T(test_a_destination_is_cut_from_everybody_only_where_nobody_else_uses_it),
	    T(test_guarded_takes_the_unseen_for_held),
	    T(test_shutdown_parts_the_held_machines_zone_from_everything),
	    T(test_services_lost_are_named_with_who_loses_them),
	    T(test_a_cut_between_zones_cites_what_crosses_it_and_nothing_else),
	    T(test_unanswered_and_duplicate_flows_are_no_use),
	    T(test_nobody_held_needs_no_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
