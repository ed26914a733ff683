/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "incident/incident.h"
#include "timeline.h"

#define DAY (24 * 3600.0)

static struct timeline t;
static struct incident *incidents;
static size_t n_incidents;

static int setup(void **state)
{
	(void)state;
	timeline_open(&t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timeline_close(&t);
	return 0;
}

/* Every machine that a test speaks of has spoken to a neighbour once. */
static void machines(const char *first, ...)
{
	va_list args;
	va_start(args, first);
	for (const char *a = first; a; a = va_arg(args, const char *))
		timeline_flow(&t, a, "10.2.255.1", 0, 0.001, 1, 0, APP_UNKNOWN);
	va_end(args);
}

static void correlate(void)
{
	if (asset_count(t.assets) == 0)
		timeline_ready(&t);
	struct incident_input in = {.assets = t.assets,
	    .zones = t.zones,
	    .detections = t.detections,
	    .n_detections = t.n_detections,
	    .archive = t.archive};
	assert_int_equal(incident_correlate(&in, &t.arena, &incidents, &n_incidents), 0);
}

static const struct incident_asset *asset_in(const struct incident *i, const char *addr)
{
	uint32_t asset = timeline_asset(&t, addr);
	for (size_t k = 0; k < i->n_assets; k++)
		if (i->assets[k].asset == asset)
			return &i->assets[k];
	return NULL;
}

static void assert_near(double got, double expected)
{
	if (fabs(got - expected) > 1e-9)
		fail_msg("%.12f is not %.12f", got, expected);
}

#define ACTOR  MSG_ROLE_ACTOR
#define VICTIM MSG_ROLE_VICTIM
#define TARGET MSG_ROLE_TARGET
#define C2     MSG_ROLE_C2

static void test_the_strongest_of_each_technique_counts_once(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	timeline_detect(&t, 10, "scan", "T1046", 0.5, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	timeline_detect(&t, 20, "beacon", "T1071.001", 0.6, "10.2.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 30, "tunnel", "T1071.004", 0.4, "10.2.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(
	    &t, 5, "attempt", "T1110", 0.9, "10.2.0.1", TARGET, "198.51.100.1", MSG_ROLE_ATTACKER);
	correlate();
	assert_int_equal(n_incidents, 1);
	const struct incident_asset *a = asset_in(&incidents[0], "10.2.0.1");
	assert_near(a->confidence, 1 - 0.5 * 0.4); /* the sub-techniques are one, the attempt is nothing */
	assert_int_equal(a->since, at(10));
	assert_int_equal(a->n_detections, 4);
	assert_near(incidents[0].confidence, 0.8);
	assert_int_equal(incidents[0].first, at(5));
	assert_int_equal(incidents[0].last, at(30));
}

static void state_at(double confidence, enum incident_asset_state expected, bool incident)
{
	machines("10.2.0.1", NULL);
	timeline_detect(&t, 10, "x", "T1046", confidence, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	correlate();
	assert_int_equal(n_incidents, incident);
	if (incident)
		assert_int_equal(incidents[0].assets[0].state, expected);
}

static void test_below_the_suspect_level_there_is_no_incident(void **state)
{
	(void)state;
	state_at(0.49, INCIDENT_ASSET_TARGET, false);
}

static void test_at_the_suspect_level_it_is_suspect(void **state)
{
	(void)state;
	state_at(0.5, INCIDENT_ASSET_SUSPECT, true);
}

static void test_just_below_the_compromised_level_it_is_suspect(void **state)
{
	(void)state;
	state_at(0.79, INCIDENT_ASSET_SUSPECT, true);
}

static void test_at_the_compromised_level_it_is_compromised(void **state)
{
	(void)state;
	state_at(0.8, INCIDENT_ASSET_COMPROMISED, true);
}

static void test_a_confidence_that_is_no_number_counts_nothing(void **state)
{
	(void)state;
	state_at(NAN, INCIDENT_ASSET_TARGET, false);
}

static void test_targets_alone_are_no_incident(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	for (int i = 0; i < 20; i++)
		timeline_detect(
		    &t, i, "scan", "T1595", 0.9, "10.2.0.1", TARGET, "198.51.100.1", MSG_ROLE_SCANNER);
	correlate();
	assert_int_equal(n_incidents, 0);
}

static void test_a_scanner_of_everybody_does_not_glue_and_is_no_peer(void **state)
{
	(void)state;
	machines("10.2.0.1", "10.2.0.2", NULL);
	for (int i = 1; i <= 2; i++) {
		char addr[16], c2[24];
		snprintf(addr, sizeof(addr), "10.2.0.%d", i);
		snprintf(c2, sizeof(c2), "198.51.100.%d", i);
		timeline_detect(&t, 10, "beacon", "T1071", 0.9, addr, ACTOR, c2, C2);
		timeline_detect(&t, 9, "scan", "T1595", 0.9, addr, TARGET, "203.0.113.66", MSG_ROLE_SCANNER);
	}
	correlate();
	assert_int_equal(n_incidents, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(incidents[i].n_assets, 1);
		assert_int_equal(incidents[i].n_peers, 1);
		assert_int_equal(incidents[i].peers[0].role, C2);
	}
}

static void test_a_shared_c2_and_a_shared_indicator_join(void **state)
{
	(void)state;
	machines("10.2.0.1", "10.2.0.2", "10.2.0.3", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.2.0.1", ACTOR, "198.51.100.1", C2)->indicator =
	    TEXT("evil.example");
	timeline_detect(&t, 20, "beacon", "T1071", 0.9, "10.2.0.2", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 20, "indicator", "T1568", 0.9, "10.2.0.3", ACTOR, "198.51.100.9", C2)->indicator =
	    TEXT("evil.example");
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_int_equal(incidents[0].n_assets, 3);
	assert_int_equal(incidents[0].n_peers, 2);
}

static void test_a_shared_flow_joins(void **state)
{
	(void)state;
	machines("10.2.0.1", "10.2.0.2", NULL);
	uint64_t f = timeline_flow(&t, "10.2.0.1", "10.2.0.2", 1, 2, 10, 10, APP_HTTP);
	timeline_cite(
	    &t, timeline_detect(&t, 1, "a", "T1105", 0.9, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE), f);
	timeline_cite(
	    &t, timeline_detect(&t, 1, "b", "T1203", 0.9, "10.2.0.2", VICTIM, NULL, MSG_ROLE_NONE), f);
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_int_equal(incidents[0].n_assets, 2);
}

static void gap_of(double days, size_t expected)
{
	machines("10.2.0.1", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	timeline_detect(&t, 10 + days * DAY, "scan", "T1046", 0.9, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	correlate();
	assert_int_equal(n_incidents, expected);
}

static void test_one_asset_inside_the_window_is_one_incident(void **state)
{
	(void)state;
	gap_of(7, 1);
}

static void test_one_asset_beyond_the_window_is_two_incidents(void **state)
{
	(void)state;
	gap_of(7.01, 2);
}

/* A commands, logs in to B, B to C; only A's own evidence is strong. */
static void chain(double confidence)
{
	machines("10.3.0.1", "10.2.0.2", "10.1.0.3", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(
	    &t, 20, "lateral", "T1021.004", confidence, "10.2.0.2", VICTIM, "10.3.0.1", MSG_ROLE_ATTACKER);
	timeline_detect(&t, 20, "lateral", "T1021.004", confidence, "10.3.0.1", ACTOR, "10.2.0.2", VICTIM);
	timeline_detect(
	    &t, 30, "lateral", "T1021.002", confidence, "10.1.0.3", VICTIM, "10.2.0.2", MSG_ROLE_ATTACKER);
	timeline_detect(&t, 30, "lateral", "T1021.002", confidence, "10.2.0.2", ACTOR, "10.1.0.3", VICTIM);
}

static void test_control_is_handed_on_along_logins(void **state)
{
	(void)state;
	chain(0.7);
	correlate();
	assert_int_equal(n_incidents, 1);
	const struct incident *i = &incidents[0];
	double a = 1 - 0.1 * 0.3, b = 1 - 0.3 * (1 - 0.7 * a), c = 1 - 0.3 * (1 - 0.7 * b);
	assert_near(asset_in(i, "10.3.0.1")->confidence, a);
	assert_near(asset_in(i, "10.2.0.2")->confidence, b);
	assert_near(asset_in(i, "10.1.0.3")->confidence, c);
	assert_int_equal(asset_in(i, "10.2.0.2")->state, INCIDENT_ASSET_COMPROMISED);
	assert_int_equal(asset_in(i, "10.1.0.3")->state, INCIDENT_ASSET_COMPROMISED);
	assert_int_equal(asset_in(i, "10.2.0.2")->since, at(20));
	assert_int_equal(i->severity, INCIDENT_CRITICAL); /* the protected zone, three machines */
	assert_true(i->has_entry);
	assert_int_equal(i->entry_asset, timeline_asset(&t, "10.3.0.1"));
	assert_true(net_addr_equal(i->entry_peer, ip("198.51.100.1")));
	assert_int_equal(i->entry_time, at(10));
	assert_non_null(strstr(i->entry_why, "198.51.100.1"));
}

static void test_a_suspect_hands_nothing_on(void **state)
{
	(void)state;
	machines("10.3.0.1", "10.2.0.2", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.7, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 20, "lateral", "T1021", 0.6, "10.2.0.2", VICTIM, "10.3.0.1", MSG_ROLE_ATTACKER);
	correlate();
	assert_near(asset_in(&incidents[0], "10.2.0.2")->confidence, 0.6);
}

static void test_nothing_is_handed_on_before_the_actor_was_held(void **state)
{
	(void)state;
	machines("10.3.0.1", "10.2.0.2", NULL);
	timeline_detect(&t, 30, "beacon", "T1071", 0.9, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 20, "lateral", "T1021", 0.6, "10.2.0.2", VICTIM, "10.3.0.1", MSG_ROLE_ATTACKER);
	correlate();
	assert_near(asset_in(&incidents[0], "10.2.0.2")->confidence, 0.6);
}

static void test_control_does_not_come_back_and_raise_its_source(void **state)
{
	(void)state;
	machines("10.3.0.1", "10.2.0.2", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 20, "lateral", "T1021", 0.7, "10.2.0.2", VICTIM, "10.3.0.1", MSG_ROLE_ATTACKER);
	timeline_detect(&t, 30, "lateral", "T1021", 0.7, "10.3.0.1", VICTIM, "10.2.0.2", MSG_ROLE_ATTACKER);
	correlate();
	assert_near(asset_in(&incidents[0], "10.3.0.1")->confidence, 1 - 0.1 * 0.3);
}

/* A guessed password is a take-over only if a flow of a remote console shows that the login stood. */
static void guess(uint64_t answer, uint16_t app, double expected)
{
	machines("10.3.0.1", "10.2.0.2", NULL);
	uint64_t f = timeline_flow(&t, "10.3.0.1", "10.2.0.2", 20, 25, 500, answer, app);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_cite(&t,
	    timeline_detect(
	        &t, 20, "bruteforce", "T1110", 0.6, "10.2.0.2", VICTIM, "10.3.0.1", MSG_ROLE_ATTACKER),
	    f);
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_near(asset_in(&incidents[0], "10.2.0.2")->confidence, expected);
}

static void test_an_answered_console_flow_proves_the_take_over(void **state)
{
	(void)state;
	guess(500, APP_SSH, 1 - 0.4 * (1 - 0.6 * 0.9));
}

static void test_an_unanswered_console_flow_proves_nothing(void **state)
{
	(void)state;
	guess(0, APP_SSH, 0.6);
}

static void test_another_protocol_proves_no_take_over(void **state)
{
	(void)state;
	guess(500, APP_HTTP, 0.6);
}

static void test_attempts_of_an_actor_belong_to_his_incident_as_targets(void **state)
{
	(void)state;
	machines("10.3.0.1", "10.2.0.2", NULL);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.3.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(
	    &t, 20, "bruteforce", "T1110", 0.9, "10.2.0.2", TARGET, "10.3.0.1", MSG_ROLE_ATTACKER);
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_int_equal(asset_in(&incidents[0], "10.2.0.2")->state, INCIDENT_ASSET_TARGET);
	assert_near(asset_in(&incidents[0], "10.2.0.2")->confidence, 0);
	assert_int_equal(incidents[0].assets[1].state, INCIDENT_ASSET_TARGET); /* compromised first */
}

static void test_the_entry_is_the_machine_that_was_attacked_from_outside(void **state)
{
	(void)state;
	chain(0.7);
	/* a weak, earlier sign on the last machine of the chain must not make it the entry */
	timeline_detect(&t, 1, "odd", "T1057", 0.1, "10.1.0.3", ACTOR, NULL, MSG_ROLE_NONE);
	timeline_detect(
	    &t, 5, "bruteforce", "T1110", 0.8, "10.3.0.1", TARGET, "203.0.113.5", MSG_ROLE_ATTACKER);
	timeline_detect(
	    &t, 8, "bruteforce", "T1110", 0.8, "10.3.0.1", VICTIM, "203.0.113.5", MSG_ROLE_ATTACKER);
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_int_equal(incidents[0].entry_asset, timeline_asset(&t, "10.3.0.1"));
	assert_true(net_addr_equal(incidents[0].entry_peer, ip("203.0.113.5")));
	assert_int_equal(incidents[0].entry_time, at(8));
}

static void test_an_entry_without_an_outside_end_says_so(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	timeline_detect(&t, 10, "scan", "T1046", 0.9, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	correlate();
	assert_true(incidents[0].has_entry);
	assert_true(net_addr_is_none(incidents[0].entry_peer));
	assert_non_null(strstr(incidents[0].entry_why, "nothing seen ties"));
}

static void test_the_entry_is_told_whatever_a_tool_wrote(void **state)
{
	(void)state;
	static char flood[MSG_TEXT_MAX];
	memset(flood, 0x1b, sizeof(flood)); /* each becomes four printable bytes */
	machines("10.2.0.1", NULL);
	struct msg_detection *d = timeline_detect(
	    &t, 10, "tool", "T1190", 0.9, "10.2.0.1", VICTIM, "198.51.100.1", MSG_ROLE_ATTACKER);
	d->why = d->technique = d->name = text_bytes(flood, sizeof(flood));
	correlate();
	assert_int_equal(n_incidents, 1);
	assert_true(net_addr_equal(incidents[0].entry_peer, ip("198.51.100.1")));
	assert_null(strchr(incidents[0].entry_why, 0x1b));
	assert_non_null(
	    strstr(incidents[0].entry_why, "no machine of this incident took control of it before"));
}

static void test_a_faint_sign_does_not_date_what_a_stronger_one_does(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	timeline_detect(&t, 5, "odd", "T1057", 0.2, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	timeline_detect(&t, 30, "beacon", "T1071", 0.9, "10.2.0.1", ACTOR, "198.51.100.1", C2);
	timeline_detect(&t, 20, "scan", "T1046", 0.25, "10.2.0.1", ACTOR, NULL, MSG_ROLE_NONE);
	correlate();
	assert_int_equal(asset_in(&incidents[0], "10.2.0.1")->since, at(20));
}

static void test_bytes_of_a_peer_count_each_flow_once(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	const char *c2 = "198.51.100.1";
	struct msg_flow f = flow_of("10.2.0.1", c2, 10, 20, 1000, 50, APP_TLS);
	f.name = TEXT("c2.example");
	uint64_t counted = timeline_add(&t, f);
	f.duplicate_of = counted; /* another vantage */
	timeline_add(&t, f);
	timeline_flow(&t, c2, "10.2.0.1", 30, 40, 7, 300, APP_SSH);        /* the peer's own */
	timeline_flow(&t, c2, "203.0.113.9", 30, 40, 9999, 9999, APP_SSH); /* not ours */
	struct msg_flow snap = flow_of("10.2.0.1", c2, 50, 60, 5, 5, APP_TLS);
	snap.id = t.next_id++;
	snap.end = 0;
	timeline_add(&t, snap);
	snap.last = at(70);
	snap.payload_out = 20;
	snap.packets_out++;
	snap.end = 1;
	timeline_add(&t, snap);
	snap.id = t.next_id++; /* this one is still running: its latest snapshot counts */
	snap.end = 0;
	snap.payload_out = 30;
	timeline_add(&t, snap);
	snap.payload_out = 40;
	snap.packets_out++;
	timeline_add(&t, snap);
	struct msg_flow tunnel = flow_of("10.2.0.1", c2, 80, 90, 600, 600, APP_GRE);
	uint64_t parent = timeline_add(&t, tunnel);
	struct msg_flow inner = flow_of("10.2.0.1", c2, 80, 90, 500, 500, APP_HTTP);
	inner.parent = parent;
	timeline_add(&t, inner);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.2.0.1", ACTOR, c2, C2);
	timeline_detect(&t, 11, "outflow", "T1041", 0.9, "10.2.0.1", ACTOR, c2, MSG_ROLE_EXFILTRATION);
	correlate();
	assert_int_equal(incidents[0].n_peers, 1);
	const struct incident_peer *p = &incidents[0].peers[0];
	assert_int_equal(p->role, MSG_ROLE_EXFILTRATION);
	assert_string_equal(p->name, "c2.example");
	assert_int_equal(p->bytes_out, 1000 + 300 + 20 + 40 + 600);
	assert_int_equal(p->bytes_in, 50 + 7 + 5 + 5 + 600);
	assert_int_equal(p->flows[0], counted);
}

static void test_a_peer_without_a_name_takes_the_one_of_a_dns_answer(void **state)
{
	(void)state;
	machines("10.2.0.1", NULL);
	struct net_addr c2 = ip("198.51.100.1");
	struct field_value fields[] = {
	    {FIELD_DNS_QUERY, TEXT("update.evil.example")},
	    {FIELD_DNS_ANSWER_ADDR, text_bytes(c2.b, sizeof(c2.b))},
	};
	struct msg_transaction x = {.id = t.next_id++, .app = APP_DNS, .time = at(1), .fields = {fields, 2}};
	assert_int_equal(archive_append_transaction(t.archive, &x), 0);
	timeline_detect(&t, 10, "beacon", "T1071", 0.9, "10.2.0.1", ACTOR, "198.51.100.1", C2);
	correlate();
	assert_string_equal(incidents[0].peers[0].name, "update.evil.example");
}

static void test_severity_follows_what_was_held_and_taken(void **state)
{
	(void)state;
	machines("10.2.0.1", "10.2.0.2", "10.1.0.1", "10.1.0.2", NULL);
	timeline_detect(&t, 10, "a", "T1071", 0.6, "10.2.0.1", ACTOR, "198.51.100.1", C2); /* a suspect */
	timeline_detect(&t, 10, "a", "T1071", 0.9, "10.2.0.2", ACTOR, "198.51.100.2", C2); /* one held */
	timeline_detect(&t, 10, "a", "T1071", 0.9, "10.1.0.1", ACTOR, "198.51.100.3", C2); /* one protected */
	timeline_detect(&t, 10, "a", "T1048", 0.9, "10.1.0.2", ACTOR, "198.51.100.4", MSG_ROLE_EXFILTRATION);
	correlate();
	assert_int_equal(n_incidents, 4);
	assert_int_equal(incidents[0].severity, INCIDENT_CRITICAL);
	assert_int_equal(incidents[0].assets[0].asset, timeline_asset(&t, "10.1.0.2"));
	assert_int_equal(incidents[1].severity, INCIDENT_HIGH);
	assert_int_equal(incidents[1].assets[0].asset, timeline_asset(&t, "10.1.0.1"));
	assert_int_equal(incidents[2].severity, INCIDENT_MEDIUM);
	assert_int_equal(incidents[3].severity, INCIDENT_LOW);
}

static void test_ids_do_not_hang_on_order_or_record_numbers(void **state)
{
	(void)state;
	chain(0.6);
	correlate();
	char id[48];
	memcpy(id, incidents[0].id, sizeof(id));
	assert_int_equal(strlen(id), strlen("incident-") + 16);
	for (size_t i = 0; i < t.n_detections / 2; i++) {
		struct msg_detection d = t.detections[i];
		t.detections[i] = t.detections[t.n_detections - 1 - i];
		t.detections[t.n_detections - 1 - i] = d;
	}
	for (size_t i = 0; i < t.n_detections; i++)
		t.detections[i].id = 9000 - i;
	correlate();
	assert_string_equal(incidents[0].id, id);
	t.detections[0].time += 1; /* the last of all: not the earliest */
	correlate();
	assert_string_equal(incidents[0].id, id);
}

static void test_no_detections_are_no_incidents(void **state)
{
	(void)state;
	correlate();
	assert_int_equal(n_incidents, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_the_strongest_of_each_technique_counts_once),
	    T(test_below_the_suspect_level_there_is_no_incident),
	    T(test_at_the_suspect_level_it_is_suspect),
	    T(test_just_below_the_compromised_level_it_is_suspect),
	    T(test_at_the_compromised_level_it_is_compromised),
	    T(test_a_confidence_that_is_no_number_counts_nothing),
	    T(test_targets_alone_are_no_incident),
	    T(test_a_scanner_of_everybody_does_not_glue_and_is_no_peer),
	    T(test_a_shared_c2_and_a_shared_indicator_join),
	    T(test_a_shared_flow_joins),
	    T(test_one_asset_inside_the_window_is_one_incident),
	    T(test_one_asset_beyond_the_window_is_two_incidents),
	    T(test_control_is_handed_on_along_logins),
	    T(test_a_suspect_hands_nothing_on),
	    T(test_nothing_is_handed_on_before_the_actor_was_held),
	    T(test_control_does_not_come_back_and_raise_its_source),
	    T(test_an_answered_console_flow_proves_the_take_over),
	    T(test_an_unanswered_console_flow_proves_nothing),
	    T(test_another_protocol_proves_no_take_over),
	    T(test_attempts_of_an_actor_belong_to_his_incident_as_targets),
	    T(test_the_entry_is_the_machine_that_was_attacked_from_outside),
	    T(test_an_entry_without_an_outside_end_says_so),
	    T(test_the_entry_is_told_whatever_a_tool_wrote),
	    T(test_a_faint_sign_does_not_date_what_a_stronger_one_does),
	    T(test_bytes_of_a_peer_count_each_flow_once),
	    T(test_a_peer_without_a_name_takes_the_one_of_a_dns_answer),
	    T(test_severity_follows_what_was_held_and_taken),
	    T(test_ids_do_not_hang_on_order_or_record_numbers),
	    T(test_no_detections_are_no_incidents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
