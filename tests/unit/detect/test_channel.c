/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

static uint32_t rng;

/* Uniform in [0, 1), the same in every run. */
static double drawn(void)
{
	rng = rng * 1664525u + 1013904223u;
	return (double)(rng >> 8) / (1 << 24);
}

static void beat(struct timeline *t, const char *from, const char *to, const char *name, uint16_t port,
    uint16_t app, double at, uint64_t out)
{
	struct msg_flow f = flow_between(from, to, port, app, at);
	f.payload_out = out;
	f.name = text_of(name);
	timeline_flow(t, &f);
}

static void background(struct timeline *t, double until)
{
	char name[32];
	for (double at = 0; at <= until; at += 47) {
		snprintf(name, sizeof(name), "site%d.example", (int)(drawn() * 50));
		beat(t, "10.1.0.50", "198.51.100.80", name, 443, APP_TLS, at + drawn() * 40,
		    300 + (uint64_t)(drawn() * 4000));
	}
}

/* Jitter is uniform around the interval, as published frameworks draw it. */
static double beacon_of(double jitter, int n, double start, const char **ret_why)
{
	static char why[320];
	struct timeline *t = timeline_new();
	rng = 5;
	background(t, 8 * 3600);
	double at = start;
	for (int i = 0; i < n; i++) {
		beat(t, "10.1.0.9", "203.0.113.66", NULL, 443, APP_TLS, at, 420 + (uint64_t)(i % 3));
		at += 60 * (1 - jitter + 2 * jitter * drawn());
	}
	timeline_finish(t, 8 * 3600);
	const struct seen *s = timeline_find(t, "beacon", "10.1.0.9");
	double c = s ? s->confidence : 0;
	snprintf(why, sizeof(why), "%s", s ? s->why : "");
	*ret_why = why;
	timeline_free(t);
	return c;
}

static void beacons_are_found_through_half_their_interval_of_jitter(void **state)
{
	(void)state;
	const char *why;
	assert_true(beacon_of(0, 60, 3600, &why) > 0.65);
	assert_non_null(strstr(why, "every"));
	assert_true(beacon_of(0.2, 60, 3600, &why) > 0.5);
	assert_true(beacon_of(0.5, 100, 3600, &why) > 0.4);
}

static void few_beats_say_less_and_nine_nothing(void **state)
{
	(void)state;
	const char *why;
	double nine = beacon_of(0, 9, 3600, &why), ten = beacon_of(0, 10, 3600, &why),
	       eleven = beacon_of(0, 11, 3600, &why), many = beacon_of(0, 30, 3600, &why);
	assert_true(nine == 0);
	assert_true(ten > 0 && ten < eleven && eleven < many);
}

static void polling_since_before_learning_stays_below_an_incident(void **state)
{
	(void)state;
	const char *why;
	assert_true(beacon_of(0, 400, 30, &why) < 0.5);
}

static void what_many_machines_poll_is_no_beacon(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char from[32];
	rng = 5;
	background(t, 8 * 3600);
	for (int host = 1; host <= 8; host++) {
		snprintf(from, sizeof(from), "10.1.0.%d", host);
		for (int i = 0; i < 60; i++)
			beat(t, from, "198.51.100.9", "updates.vendor.example", 443, APP_TLS,
			    3600 + host + i * 300, 600);
	}
	for (int i = 0; i < 200; i++) {
		struct msg_flow f = flow_between("10.1.0.3", "198.51.100.123", 123, APP_NTP, 3600 + i * 64);
		f.protocol = 17;
		timeline_flow(t, &f);
		f = flow_between("10.1.0.3", "198.51.100.25", 143, APP_IMAP, 3600 + i * 60);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 8 * 3600);
	for (int host = 1; host <= 8; host++) {
		snprintf(from, sizeof(from), "10.1.0.%d", host);
		assert_true(timeline_suspicion(t, from) < 0.2);
	}
	timeline_free(t);
}

static void people_who_browse_do_not_beat(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	rng = 11;
	double at = 3600;
	for (int i = 0; i < 300; i++) {
		beat(t, "10.1.0.9", "198.51.100.77", "news.example", 443, APP_TLS, at,
		    300 + (uint64_t)(drawn() * 9000));
		double u = drawn();
		at += u < 0.7 ? 1 + 20 * drawn() : 300 * drawn() + 3000 * drawn() * drawn();
	}
	timeline_finish(t, at);
	const struct seen *s = timeline_find(t, "beacon", "10.1.0.9");
	assert_true(!s || s->confidence < 0.3);
	timeline_free(t);
}

static void theft_stands_out_of_what_is_sent_elsewhere(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	rng = 5;
	background(t, 8 * 3600);
	for (int i = 0; i < 20; i++)
		beat(t, "10.1.0.9", "203.0.113.66", NULL, 22, APP_SSH, 20000 + i * 130 + 90 * drawn(),
		    2000000);
	timeline_finish(t, 8 * 3600);
	const struct seen *s = timeline_find(t, "outflow.bulk", "10.1.0.9");
	assert_non_null(s);
	assert_string_equal(s->technique, "T1048");
	assert_int_equal(s->peer_role, MSG_ROLE_EXFILTRATION);
	assert_non_null(strstr(s->why, "40.0 MB"));
	assert_true(s->confidence > 0.2 && s->confidence < 0.5); /* a backup looks the same */
	timeline_free(t);
}

static void snapshots_and_the_final_record_count_once(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	rng = 5;
	background(t, 8 * 3600);
	struct msg_flow f = flow_between("10.1.0.9", "203.0.113.66", 443, APP_TLS, 20000);
	for (int i = 1; i <= 4; i++) {
		f.payload_out = (uint64_t)i * 10000000;
		f.last = AT(20000 + i * 300);
		f.end = i < 4 ? FLOW_END_NONE : FLOW_END_FIN;
		timeline_flow(t, &f);
	}
	timeline_finish(t, 8 * 3600);
	const struct seen *s = timeline_find(t, "outflow.bulk", "10.1.0.9");
	assert_non_null(s);
	assert_non_null(strstr(s->why, "sent 40.0 MB"));
	timeline_free(t);
}

static void downloads_and_small_forms_are_no_outflow(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	rng = 5;
	background(t, 8 * 3600);
	struct msg_flow f = flow_between("10.1.0.9", "198.51.100.1", 443, APP_TLS, 20000);
	f.payload_out = 3000000;
	f.payload_in = 900000000;
	timeline_flow(t, &f);
	f = flow_between("10.1.0.9", "198.51.100.2", 443, APP_TLS, 20000);
	f.payload_out = 200000;
	timeline_flow(t, &f);
	timeline_finish(t, 8 * 3600);
	assert_null(timeline_find(t, "outflow.bulk", NULL));
	timeline_free(t);
}

static void tunnel(struct timeline *t, const char *from, int n, const char *type)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char name[128];
	for (int i = 0; i < n; i++) {
		size_t at = 0;
		for (; at < 48; at++)
			name[at] = alphabet[(int)(drawn() * 32)];
		snprintf(name + at, sizeof(name) - at, ".t.evil.example");
		timeline_dns(t, from, name, type, "NOERROR", 100 + i * 0.3);
	}
}

static void data_in_names_is_a_tunnel_also_through_a_resolver(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	rng = 3;
	/* 10.4.0.53 answers names, and asks on for its client */
	tunnel(t, "10.1.0.9", 200, "TXT");
	for (int i = 0; i < 10; i++)
		timeline_dns(t, "10.1.0.8", "www.example.org", "A", "NOERROR", i);
	rng = 3;
	tunnel(t, "10.4.0.53", 200, "TXT");
	timeline_finish(t, 400);
	const struct seen *s = timeline_find(t, "dns.tunnel", "10.1.0.9");
	assert_non_null(s);
	assert_string_equal(s->technique, "T1071.004");
	assert_true(s->confidence > 0.6);
	const struct seen *resolver = timeline_find(t, "dns.tunnel", "10.4.0.53");
	assert_true(resolver && resolver->confidence < 0.25);
	assert_int_equal(resolver->asset_role, MSG_ROLE_NONE);
	timeline_free(t);
}

static void ordinary_names_are_no_tunnel(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char name[160];
	rng = 3;
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "%d.%d.168.192.in-addr.arpa", i % 256, i / 256);
		timeline_dns(t, "10.1.0.9", name, "PTR", "NOERROR", i);
		snprintf(name, sizeof(name), "%d.%d.113.203.bl.example", i % 256, i / 256);
		timeline_dns(t, "10.1.0.9", name, "A", "NXDOMAIN", i);
		snprintf(name, sizeof(name), "e%d.g.cdn.example", i);
		timeline_dns(t, "10.1.0.9", name, "A", "NOERROR", i);
		snprintf(name, sizeof(name),
		    "_ldap._tcp.site%d-with-a-rather-long-name-of-a-city._sites.ad.example", i);
		timeline_dns(t, "10.1.0.9", name, "SRV", "NOERROR", i);
		timeline_dns(t, "10.1.0.9",
		    "a-very-long-name-that-never-changes-at-all-0123456789.app.vendor.example", "A",
		    "NOERROR", i);
	}
	timeline_finish(t, 500);
	assert_null(timeline_find(t, "dns.tunnel", NULL));
	assert_null(timeline_find(t, "dns.dga", NULL));
	timeline_free(t);
}

/* Names as published for Conficker.C, Cryptolocker and Necurs look: letters drawn evenly. */
static void bursts_of_made_up_names_are_generated(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char name[64];
	rng = 9;
	for (int i = 0; i < 40; i++) {
		size_t at = 0;
		for (; at < 14; at++)
			name[at] = (char)('a' + (int)(drawn() * 26));
		snprintf(name + at, sizeof(name) - at, ".%s", i % 2 ? "com" : "net");
		timeline_dns(t, "10.1.0.9", name, "A", "NXDOMAIN", 100 + i);
	}
	const struct seen *s = timeline_find(t, "dns.dga", "10.1.0.9");
	assert_non_null(s);
	assert_string_equal(s->technique, "T1568.002");
	assert_true(s->confidence > 0.5);
	timeline_free(t);
}

static void misspelt_names_and_browser_probes_are_not_generated(void **state)
{
	(void)state;
	static const char *const words[] = {"googel", "facebok", "wikipeda", "microsfot", "amazn", "yutube",
	    "gihtub", "linkdin", "netflx", "paypl", "newspaper", "weatherr", "universty", "telephon",
	    "internett"};
	struct timeline *t = timeline_new();
	char name[64];
	rng = 4;
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%s.com", words[i]);
		timeline_dns(t, "10.1.0.9", name, "A", "NXDOMAIN", i);
		for (int j = 0; j < 10; j++)
			name[j] = (char)('a' + (int)(drawn() * 26));
		snprintf(name + 10, sizeof(name) - 10, "%s", i % 2 ? "" : ".office.example");
		timeline_dns(t, "10.1.0.9", name, "A", "NXDOMAIN", i);
	}
	timeline_finish(t, 60);
	assert_null(timeline_find(t, "dns.dga", NULL));
	timeline_free(t);
}

static void echoes_that_carry_data_are_a_tunnel_and_pings_are_not(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	struct msg_flow f = flow_between("10.1.0.9", "203.0.113.9", 0, APP_ICMP, 1);
	f.protocol = 1;
	f.initiator_port = 8;
	f.packets_out = f.packets_in = 500;
	f.payload_out = f.payload_in = 500 * 900;
	timeline_transaction(t, &f, 1, FIELD_ICMP_ECHO_ENTROPY, "7400", FIELD_ICMP_ECHO_DISTINCT, "480",
	    FIELD_ICMP_ECHO_BYTES, "432000", FIELD_ICMP_ECHO_MISMATCH, "450", FIELD_NONE);
	timeline_flow(t, &f);
	f = flow_between("10.1.0.8", "203.0.113.9", 0, APP_ICMP, 1);
	f.protocol = 1;
	f.initiator_port = 8;
	f.packets_out = f.packets_in = 1000;
	f.payload_out = f.payload_in = 1000 * 56;
	timeline_transaction(t, &f, 1, FIELD_ICMP_ECHO_ENTROPY, "5200", FIELD_ICMP_ECHO_DISTINCT, "1",
	    FIELD_ICMP_ECHO_BYTES, "56000", FIELD_ICMP_ECHO_MISMATCH, "0", FIELD_NONE);
	timeline_flow(t, &f);
	timeline_finish(t, 600);
	assert_true(timeline_find(t, "icmp.tunnel", "10.1.0.9")->confidence > 0.7);
	assert_true(timeline_suspicion(t, "10.1.0.8") == 0);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(beacons_are_found_through_half_their_interval_of_jitter),
	    cmocka_unit_test(few_beats_say_less_and_nine_nothing),
	    cmocka_unit_test(polling_since_before_learning_stays_below_an_incident),
	    cmocka_unit_test(what_many_machines_poll_is_no_beacon),
	    cmocka_unit_test(people_who_browse_do_not_beat),
	    cmocka_unit_test(theft_stands_out_of_what_is_sent_elsewhere),
	    cmocka_unit_test(snapshots_and_the_final_record_count_once),
	    cmocka_unit_test(downloads_and_small_forms_are_no_outflow),
	    cmocka_unit_test(data_in_names_is_a_tunnel_also_through_a_resolver),
	    cmocka_unit_test(ordinary_names_are_no_tunnel),
	    cmocka_unit_test(bursts_of_made_up_names_are_generated),
	    cmocka_unit_test(misspelt_names_and_browser_probes_are_not_generated),
	    cmocka_unit_test(echoes_that_carry_data_are_a_tunnel_and_pings_are_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
