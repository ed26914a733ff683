/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How sure a hop and a path are. */
#include "ground.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_the_protocol_decides_the_grade),
	    T(test_a_path_is_as_sure_as_its_weakest_hop),
	    T(test_a_surer_but_later_way_gives_the_grade_and_the_earlier_one_the_bound),
	    T(test_a_hub_passes_on_what_it_began_itself_and_as_possible),
	    T(test_a_detection_on_the_hop_confirms_it),
	    T(test_a_login_that_failed_hands_over_nothing_by_its_protocol),
	    T(test_a_detection_too_weak_to_suspect_anybody_confirms_nothing),
	    T(test_a_detection_strong_enough_to_suspect_confirms),
	    T(test_a_scan_that_rests_on_flows_confirms_none_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
