/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

static const char *host_at(char *buf, const char *format, int i)
{
	snprintf(buf, 48, format, i);
	return buf;
}

static void try_hosts(
    struct timeline *t, const char *from, const char *format, int n, uint16_t port, bool refused)
{
	char to[48];
	for (int i = 1; i <= n; i++) {
		struct msg_flow f = flow_failed(from, host_at(to, format, i), port, i, refused);
		timeline_flow(t, &f);
	}
}

static void inside_source_that_fails_at_many_machines_is_a_scanner(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	try_hosts(t, "10.1.0.9", "10.2.0.%d", 40, 445, false);
	const struct seen *early = timeline_find(t, "scan.horizontal", "10.1.0.9");
	assert_non_null(early); /* said before the end */
	timeline_finish(t, 60);
	const struct seen *s = timeline_find(t, "scan.horizontal", "10.1.0.9");
	assert_string_equal(s->technique, "T1046");
	assert_int_equal(s->asset_role, MSG_ROLE_ACTOR);
	assert_true(s->count >= 38 && s->count <= 42);
	assert_true(s->confidence > 0.7);
	assert_true(s->n_flows >= 10);
	timeline_free(t);
}

/* Four failures would do for the walk (4^4 > 99); one dead file server is tried at three ports: five it must
 * be. */
static void the_fifth_failure_makes_the_scan(void **state)
{
	(void)state;
	for (int n = 4; n <= 6; n++) {
		struct timeline *t = timeline_new();
		try_hosts(t, "10.1.0.9", "10.2.0.%d", n, 445, true);
		timeline_finish(t, 60);
		assert_int_equal(timeline_find(t, "scan.horizontal", "10.1.0.9") != NULL, n >= 5);
		timeline_free(t);
	}
}

static void many_ports_of_one_machine_are_a_vertical_scan(void **state)
{
	(void)state;
	static const uint16_t ports[] = {21, 22, 23, 25, 80, 110, 135, 139, 143, 443};
	struct timeline *t = timeline_new();
	for (size_t i = 0; i < 10; i++) {
		struct msg_flow f = flow_failed("10.1.0.9", "10.2.0.1", ports[i], (double)i * 0.00002, false);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 1);
	const struct seen *s = timeline_find(t, "scan.vertical", "10.1.0.9");
	assert_non_null(s);
	assert_true(net_addr_equal(s->peer, addr_of("10.2.0.1")));
	assert_null(timeline_find(t, "scan.horizontal", NULL));
	timeline_free(t);
}

static void outside_scanner_is_named_as_peer_of_its_targets(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	try_hosts(t, "203.0.113.7", "10.1.0.%d", 9, 445, false);
	timeline_finish(t, 60);
	const struct seen *s = timeline_find(t, "scan.horizontal", NULL);
	assert_non_null(s);
	assert_int_equal(s->asset_role, MSG_ROLE_TARGET);
	assert_int_equal(s->peer_role, MSG_ROLE_SCANNER);
	assert_true(net_addr_equal(s->peer, addr_of("203.0.113.7")));
	assert_true(s->confidence < 0.5); /* everybody is scanned */
	timeline_free(t);
}

/* NULL, FIN and XMAS segments, and handshakes torn down half-way, at services that answer others. */
static void stealthy_probes_are_failures_even_of_services_that_answer(void **state)
{
	(void)state;
	static const uint8_t flags[] = {0x00, 0x01, 0x29, 0x06};
	for (size_t kind = 0; kind < 4; kind++) {
		struct timeline *t = timeline_new();
		for (int i = 1; i <= 8; i++) {
			char to[48];
			host_at(to, "10.2.0.%d", i);
			struct msg_flow good = flow_between("10.1.0.5", to, 22, APP_SSH, 0);
			timeline_flow(t, &good);
			struct msg_flow f = flow_failed("10.1.0.9", to, 22, i, false);
			f.tcp_flags_out = flags[kind];
			f.tcp_state = flags[kind] == 0x06 ? FLOW_TCP_RESET : FLOW_TCP_MIDSTREAM;
			f.packets_in = flags[kind] == 0x06;
			timeline_flow(t, &f);
		}
		timeline_finish(t, 60);
		assert_non_null(timeline_find(t, "scan.horizontal", "10.1.0.9"));
		assert_null(timeline_find(t, "scan.horizontal", "10.1.0.5"));
		timeline_free(t);
	}
}

static void udp_and_echo_sweeps_are_scans(void **state)
{
	(void)state;
	for (int protocol = 0; protocol < 2; protocol++) {
		struct timeline *t = timeline_new();
		for (int i = 1; i <= 12; i++) {
			char to[48];
			struct msg_flow f = flow_failed(
			    "10.1.0.9", host_at(to, "10.2.0.%d", i), 161, i, false);
			f.protocol = protocol ? 1 : 17;
			f.initiator_port = protocol ? 8 : 40000;
			f.responder_port = protocol ? 0 : 161;
			f.tcp_flags_out = 0;
			f.tcp_state = FLOW_TCP_NONE;
			timeline_flow(t, &f);
		}
		timeline_finish(t, 60);
		assert_non_null(timeline_find(t, "scan.horizontal", "10.1.0.9"));
		timeline_free(t);
	}
}

/* A client of a dead server: hundreds of failures, one destination, the three ports of file sharing. */
static void retries_at_one_dead_server_are_no_scan(void **state)
{
	(void)state;
	static const uint16_t ports[] = {445, 139, 80};
	struct timeline *t = timeline_new();
	for (int i = 0; i < 300; i++) {
		struct msg_flow f = flow_failed("10.1.0.9", "10.2.0.1", ports[i % 3], i, i % 2);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 400);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

/* Servers that answered before are down: all their clients fail, nobody scans. */
static void outage_of_known_services_is_no_scan(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char to[48];
	for (int i = 1; i <= 10; i++) {
		struct msg_flow f = flow_between("10.1.0.5", host_at(to, "10.2.0.%d", i), 443, APP_TLS, i);
		timeline_flow(t, &f);
	}
	try_hosts(t, "10.1.0.9", "10.2.0.%d", 10, 443, false);
	timeline_finish(t, 60);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

static void clients_that_mostly_succeed_are_no_scanners(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char to[48];
	for (int i = 1; i <= 100; i++) {
		host_at(to, "10.2.0.%d", i);
		struct msg_flow f = i % 10 ? flow_between("10.1.0.9", to, 443, APP_TLS, i)
		                           : flow_failed("10.1.0.9", to, 443, i, false);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 400);
	assert_null(timeline_find(t, "scan.horizontal", NULL));
	timeline_free(t);
}

/* Peer-to-peer clients fail at many ports of many machines outside, mail servers at many dead exchangers. */
static void peer_to_peer_and_mail_are_no_scans(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char to[48];
	for (int i = 1; i <= 200; i++) {
		host_at(to, "198.51.100.%d", i);
		struct msg_flow f = flow_failed("10.1.0.9", to, (uint16_t)(20000 + 17 * i), i, i % 2);
		timeline_flow(t, &f);
		f = flow_failed("10.3.0.25", to, 25, i, false);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 400);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

/* A worm tries one port of many machines outside; a few sites that are down are no worm. */
static void only_many_failures_at_one_port_outside_are_a_scan(void **state)
{
	(void)state;
	for (int n = 19; n <= 21; n++) {
		struct timeline *t = timeline_new();
		try_hosts(t, "10.1.0.9", "198.51.100.%d", n, 445, false);
		timeline_finish(t, 60);
		assert_int_equal(timeline_find(t, "scan.horizontal", "10.1.0.9") != NULL, n >= 20);
		timeline_free(t);
	}
}

static void results_depend_neither_on_seed_nor_on_order_of_ends(void **state)
{
	(void)state;
	double confidence[3];
	uint64_t count[3];
	for (int run = 0; run < 3; run++) {
		struct timeline *t = timeline_new_with(NULL, 16 << 20, run == 1 ? 99 : 7);
		for (int i = 1; i <= 60; i++) {
			char to[48];
			int n = run == 2 ? 61 - i : i;
			struct msg_flow f = flow_failed(
			    "10.1.0.9", host_at(to, "10.2.0.%d", n), 445, n, false);
			timeline_flow(t, &f);
		}
		timeline_finish(t, 100);
		confidence[run] = timeline_find(t, "scan.horizontal", "10.1.0.9")->confidence;
		count[run] = timeline_find(t, "scan.horizontal", "10.1.0.9")->count;
		timeline_free(t);
	}
	assert_true(confidence[0] == confidence[1] && count[0] == count[1]);
	assert_true(confidence[0] == confidence[2] && count[0] == count[2]);
}

/* A flood of spoofed sources costs old state, never memory, and never hides the one who goes on scanning. */
static void flood_of_sources_neither_grows_nor_blinds(void **state)
{
	(void)state;
	struct timeline *t = timeline_new_with(NULL, 4 << 20, 7);
	char to[48];
	for (int i = 0; i < 60000; i++) {
		struct msg_flow f = flow_failed("198.51.100.1", "10.2.0.1", 80, i, false);
		f.initiator.b[13] = (uint8_t)(i >> 16);
		f.initiator.b[14] = (uint8_t)(i >> 8);
		f.initiator.b[15] = (uint8_t)i;
		timeline_flow(t, &f);
		if (i % 1000 == 0) {
			struct msg_flow scan = flow_failed(
			    "10.1.0.9", host_at(to, "10.2.1.%d", i / 1000), 22, i, false);
			timeline_flow(t, &scan);
		}
	}
	timeline_finish(t, 60000);
	assert_true(detector_stats(t->detector)->memory < 8 << 20);
	assert_true(detector_stats(t->detector)->forgotten > 0);
	assert_non_null(timeline_find(t, "scan.horizontal", "10.1.0.9"));
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(inside_source_that_fails_at_many_machines_is_a_scanner),
	    cmocka_unit_test(the_fifth_failure_makes_the_scan),
	    cmocka_unit_test(many_ports_of_one_machine_are_a_vertical_scan),
	    cmocka_unit_test(outside_scanner_is_named_as_peer_of_its_targets),
	    cmocka_unit_test(stealthy_probes_are_failures_even_of_services_that_answer),
	    cmocka_unit_test(udp_and_echo_sweeps_are_scans),
	    cmocka_unit_test(retries_at_one_dead_server_are_no_scan),
	    cmocka_unit_test(outage_of_known_services_is_no_scan),
	    cmocka_unit_test(clients_that_mostly_succeed_are_no_scanners),
	    cmocka_unit_test(peer_to_peer_and_mail_are_no_scans),
	    cmocka_unit_test(only_many_failures_at_one_port_outside_are_a_scan),
	    cmocka_unit_test(results_depend_neither_on_seed_nor_on_order_of_ends),
	    cmocka_unit_test(flood_of_sources_neither_grows_nor_blinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
