/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

/* Ordinary traffic that makes the timeline long enough to have learned. */
static void ordinary(struct timeline *t, double until)
{
	for (double at = 0; at <= until; at += 60) {
		struct msg_flow f = flow_between("10.1.0.50", "198.51.100.80", 443, APP_TLS, at);
		f.payload_in += (uint64_t)at % 700;
		timeline_flow(t, &f);
	}
}

static void login(struct timeline *t, const char *from, const char *to, uint16_t port, uint16_t app,
    const char *user, const char *result, double at)
{
	struct msg_flow f = flow_between(from, to, port, app, at);
	timeline_transaction(t, &f, at + 0.5, FIELD_AUTH_USER, user, FIELD_AUTH_RESULT, result, FIELD_NONE);
	timeline_flow(t, &f);
}

static void guessing_in_seconds_is_brute_force_and_success_makes_a_victim(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 30; i++)
		login(t, "10.1.0.9", "10.2.0.1", 22, APP_SSH, "root", "failure", i * 0.5);
	const struct seen *early = timeline_find(t, "bruteforce", "10.1.0.9");
	assert_non_null(early);
	login(t, "10.1.0.9", "10.2.0.1", 22, APP_SSH, "root", "success", 16);
	timeline_finish(t, 20);
	const struct seen *victim = timeline_find(t, "bruteforce", "10.2.0.1");
	assert_non_null(victim);
	assert_int_equal(victim->asset_role, MSG_ROLE_VICTIM);
	assert_true(victim->confidence >= 0.8);
	assert_string_equal(victim->technique, "T1110");
	assert_true(timeline_find(t, "bruteforce", "10.1.0.9")->confidence >= 0.8);
	timeline_free(t);
}

/* Parallel tries end in any order: the success may be told before the failures are. */
static void success_that_ends_before_the_failures_is_the_same(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	login(t, "203.0.113.5", "10.3.0.1", 22, APP_SSH, "root", "failure", 0);
	login(t, "203.0.113.5", "10.3.0.1", 22, APP_SSH, "root", "success", 9);
	for (int i = 1; i < 12; i++)
		login(t, "203.0.113.5", "10.3.0.1", 22, APP_SSH, "root", "failure", i * 0.5);
	timeline_finish(t, 20);
	const struct seen *victim = timeline_find(t, "bruteforce", "10.3.0.1");
	assert_non_null(victim);
	assert_int_equal(victim->asset_role, MSG_ROLE_VICTIM);
	timeline_free(t);
}

static void the_tenth_failure_makes_the_attack(void **state)
{
	(void)state;
	for (int n = 9; n <= 11; n++) {
		struct timeline *t = timeline_new();
		for (int i = 0; i < n; i++)
			login(t, "203.0.113.5", "10.3.0.1", 21, APP_FTP, "ann", "failure", i);
		timeline_finish(t, 60);
		assert_int_equal(timeline_find(t, "bruteforce", "10.3.0.1") != NULL, n >= 10);
		timeline_free(t);
	}
}

/* Somebody mistypes a password three times a morning, all days of a month. */
static void mistyped_passwords_are_no_brute_force(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	for (int day = 0; day < 30; day++)
		for (int i = 0; i < 4; i++)
			login(t, "10.1.0.9", "10.2.0.1", 22, APP_SSH, "ann", i < 3 ? "failure" : "success",
			    day * 86400.0 + i * 10);
	timeline_finish(t, 30 * 86400.0);
	assert_null(timeline_find(t, "bruteforce", NULL));
	timeline_free(t);
}

/* A service whose stored password is outdated fails every 30 seconds for a day. */
static void outdated_password_of_a_service_stays_weak(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 2880; i++)
		login(t, "10.1.0.9", "10.2.0.1", 445, APP_SMB, "svc-backup", "failure", i * 30.0);
	login(t, "10.1.0.9", "10.2.0.1", 445, APP_SMB, "svc-backup", "success", 2880 * 30.0);
	timeline_finish(t, 90000);
	assert_true(timeline_suspicion(t, "10.1.0.9") < 0.5);
	assert_true(timeline_suspicion(t, "10.2.0.1") < 0.5);
	timeline_free(t);
}

static void one_source_and_many_users_is_spraying(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char user[16], host[32];
	for (int i = 0; i < 20; i++) {
		snprintf(user, sizeof(user), "user%d", i);
		snprintf(host, sizeof(host), "10.2.0.%d", 1 + i % 7);
		login(t, "10.1.0.9", host, 445, APP_SMB, user, "failure", i * 2);
	}
	timeline_finish(t, 60);
	const struct seen *s = timeline_find(t, "bruteforce.spray", "10.1.0.9");
	assert_non_null(s);
	assert_string_equal(s->technique, "T1110.003");
	assert_true(s->confidence > 0.5);
	timeline_free(t);
}

/* Where nothing tells of logins: equal connections of a guessing tool's library, against those of a user's
 * scripts. */
static void equal_short_connections_count_by_what_makes_them(void **state)
{
	(void)state;
	for (int tool = 0; tool < 2; tool++) {
		struct timeline *t = timeline_new();
		for (int i = 0; i < 40; i++) {
			struct msg_flow f = flow_between("10.1.0.9", "10.2.0.1", 22, APP_SSH, i * 2);
			f.payload_out = 2300 + (uint64_t)i % 40;
			f.payload_in = 2900;
			timeline_transaction(t, &f, i * 2 + 0.2, FIELD_SSH_CLIENT,
			    tool ? "SSH-2.0-libssh_0.10.4" : "SSH-2.0-OpenSSH_9.2", FIELD_NONE);
			timeline_flow(t, &f);
		}
		timeline_finish(t, 100);
		const struct seen *s = timeline_find(t, "bruteforce", "10.1.0.9");
		assert_non_null(s);
		assert_int_equal(s->confidence > 0.6, tool);
		assert_int_equal(s->confidence < 0.5, !tool);
		timeline_free(t);
	}
}

static void call(
    struct timeline *t, const char *from, const char *to, const char *uuid, const char *opnum, double at)
{
	struct msg_flow f = flow_between(from, to, 135, APP_DCERPC, at);
	timeline_transaction(t, &f, at, FIELD_RPC_INTERFACE, uuid, FIELD_RPC_OPNUM, opnum, FIELD_NONE);
	timeline_flow(t, &f);
}

/* Interfaces and opnums from MS-SCMR 3.1.4, MS-TSCH 3.2.5.4, MS-DRSR 4.1.10, MS-EFSR 3.1.4.2. */
static void remote_execution_is_told_of_both_ends(void **state)
{
	(void)state;
	static const struct {
		const char *uuid, *opnum, *name, *technique;
	} rows[] = {
	    {"367abb81-9844-35f1-ad32-98f038001003", "12", "lateral.service", "T1569.002"},
	    {"86d35949-83c9-4044-b424-db363231fd0c", "1", "lateral.task", "T1053.005"},
	    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "3", "lateral.dcsync", "T1003.006"},
	    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "0", "coercion.efsrpc", "T1187"},
	    {"9556dc99-828c-11cf-a37e-00aa003240c7", "24", "lateral.wmi", "T1047"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct timeline *t = timeline_new();
		call(t, "10.1.0.9", "10.2.0.1", rows[i].uuid, rows[i].opnum, 1);
		const struct seen *actor = timeline_find(t, rows[i].name, "10.1.0.9");
		const struct seen *victim = timeline_find(t, rows[i].name, "10.2.0.1");
		assert_non_null(actor);
		assert_non_null(victim);
		assert_string_equal(actor->technique, rows[i].technique);
		assert_int_equal(actor->asset_role, MSG_ROLE_ACTOR);
		assert_int_equal(victim->asset_role, MSG_ROLE_VICTIM);
		timeline_free(t);
	}
}

static void replication_between_directory_servers_is_ordinary(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	struct msg_flow f = flow_between("10.1.0.5", "10.1.0.9", 88, APP_KERBEROS, 0);
	timeline_flow(t, &f);
	call(t, "10.1.0.9", "10.2.0.1", "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "3", 1);
	timeline_finish(t, 2);
	assert_null(timeline_find(t, "lateral.dcsync", NULL));
	timeline_free(t);
}

static void program_on_an_admin_share_and_a_service_make_a_compromise(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	struct msg_flow f = flow_between("10.1.0.9", "10.2.0.1", 445, APP_SMB, 1);
	timeline_transaction(t, &f, 1, FIELD_SMB_TREE, "\\\\10.2.0.1\\ADMIN$", FIELD_SMB_FILE, "Temp\\x.EXE",
	    FIELD_SMB_DIRECTION, "write", FIELD_NONE);
	timeline_transaction(t, &f, 2, FIELD_RPC_INTERFACE, "367abb81-9844-35f1-ad32-98f038001003",
	    FIELD_RPC_OPNUM, "12", FIELD_NONE);
	timeline_flow(t, &f);
	assert_non_null(timeline_find(t, "lateral.program-copy", "10.2.0.1"));
	assert_true(timeline_suspicion(t, "10.2.0.1") >= 0.8);
	assert_true(timeline_suspicion(t, "10.1.0.9") >= 0.8);
	timeline_free(t);
}

static void users_files_on_ordinary_shares_are_nothing(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	struct msg_flow f = flow_between("10.1.0.9", "10.2.0.1", 445, APP_SMB, 1);
	timeline_transaction(t, &f, 1, FIELD_SMB_TREE, "\\\\files\\projects", FIELD_SMB_FILE, "setup.exe",
	    FIELD_SMB_DIRECTION, "write", FIELD_NONE);
	timeline_transaction(t, &f, 1, FIELD_SMB_TREE, "\\\\files\\IPC$", FIELD_NONE);
	timeline_flow(t, &f);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

/* An administrator's ordinary day: ssh to twenty servers, from the management net and from a workstation. */
static void administrators_stay_below_an_incident(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	char to[32];
	ordinary(t, 8 * 3600);
	for (int i = 0; i < 20; i++) {
		snprintf(to, sizeof(to), "10.2.0.%d", i + 1);
		login(t, "10.4.0.2", to, 22, APP_SSH, "adm", "success", 3600 + i * 200);
		if (i % 5 == 0)
			login(t, "10.1.0.7", to, 22, APP_SSH, "dev", "success", 3600 + i * 300);
	}
	timeline_finish(t, 8 * 3600);
	assert_non_null(timeline_find(t, "lateral.first-edge", "10.1.0.7"));
	assert_true(timeline_suspicion(t, "10.4.0.2") < 0.5);
	assert_true(timeline_suspicion(t, "10.1.0.7") < 0.5);
	assert_true(timeline_suspicion(t, "10.2.0.1") < 0.5);
	timeline_free(t);
}

static void edges_of_the_learning_time_are_not_new(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	ordinary(t, 8 * 3600);
	login(t, "10.1.0.7", "10.2.0.1", 22, APP_SSH, "dev", "success", 300);
	login(t, "10.1.0.7", "10.2.0.1", 22, APP_SSH, "dev", "success", 20000);
	timeline_finish(t, 8 * 3600);
	assert_null(timeline_find(t, "lateral.first-edge", NULL));
	timeline_free(t);
}

/* The intruder guesses a password at the edge, goes on to an office machine and from there to the vault. */
static void movement_out_of_a_victim_is_followed(void **state)
{
	(void)state;
	struct timeline *t = timeline_new();
	ordinary(t, 8 * 3600);
	for (int i = 0; i < 30; i++)
		login(t, "203.0.113.5", "10.3.0.1", 22, APP_SSH, "root", "failure", 7200 + i * 0.5);
	login(t, "203.0.113.5", "10.3.0.1", 22, APP_SSH, "root", "success", 7220);
	login(t, "10.3.0.1", "10.1.0.20", 22, APP_SSH, "root", "success", 7900);
	login(t, "10.1.0.20", "10.2.0.3", 445, APP_SMB, "ann", "success", 8600);
	login(t, "10.1.0.30", "10.2.0.3", 445, APP_SMB, "bob", "success", 8700);
	timeline_finish(t, 8 * 3600);
	const struct seen *first = timeline_find(t, "lateral.pivot", "10.1.0.20");
	const struct seen *second = timeline_find(t, "lateral.pivot", "10.2.0.3");
	assert_non_null(first);
	assert_int_equal(first->asset_role, MSG_ROLE_VICTIM);
	assert_true(first->confidence > 0.65);
	assert_non_null(second);
	assert_true(second->confidence > 0.5 && second->confidence <= first->confidence);
	assert_true(timeline_suspicion(t, "10.1.0.30") < 0.5);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guessing_in_seconds_is_brute_force_and_success_makes_a_victim),
	    cmocka_unit_test(success_that_ends_before_the_failures_is_the_same),
	    cmocka_unit_test(the_tenth_failure_makes_the_attack),
	    cmocka_unit_test(mistyped_passwords_are_no_brute_force),
	    cmocka_unit_test(outdated_password_of_a_service_stays_weak),
	    cmocka_unit_test(one_source_and_many_users_is_spraying),
	    cmocka_unit_test(equal_short_connections_count_by_what_makes_them),
	    cmocka_unit_test(remote_execution_is_told_of_both_ends),
	    cmocka_unit_test(replication_between_directory_servers_is_ordinary),
	    cmocka_unit_test(program_on_an_admin_share_and_a_service_make_a_compromise),
	    cmocka_unit_test(users_files_on_ordinary_shares_are_nothing),
	    cmocka_unit_test(administrators_stay_below_an_incident),
	    cmocka_unit_test(edges_of_the_learning_time_are_not_new),
	    cmocka_unit_test(movement_out_of_a_victim_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
