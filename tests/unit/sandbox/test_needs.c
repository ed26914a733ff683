/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "needs.h"
#include "servers.h"

static struct world world;
struct servers needs_servers;

enum { NOBODY_ASKS = -1 };

static const struct {
	const char *what;
	enum sandbox_profile profile;
	act_fn need;
	int client; /* enum client */
	bool root;
} rows[] = {
    {"a packet of its ring", SANDBOX_SENSOR, need_ring, CLIENT_DATAGRAM, true},
    {"the orders' database", SANDBOX_ENGINE, need_database, NOBODY_ASKS, false},
    {"records appended, synced, sealed", SANDBOX_ARCHIVIST, need_archive_written, NOBODY_ASKS, false},
    {"records read", SANDBOX_PLANNER, need_archive_read, NOBODY_ASKS, false},
    {"a transaction of nftables", SANDBOX_ENFORCER, need_nftables, NOBODY_ASKS, true},
    {"the table of connections", SANDBOX_ENFORCER, need_conntrack, NOBODY_ASKS, true},
    {"who asks at the control socket", SANDBOX_GATEWAY, need_control_socket, CLIENT_CONTROL, false},
    {"metrics", SANDBOX_GATEWAY, need_metrics, CLIENT_METRICS, false},
    {"a webhook by name", SANDBOX_COURIER, need_webhook, NOBODY_ASKS, false},
    {"TLS outwards", SANDBOX_LINK, need_tls_out, NOBODY_ASKS, false},
    {"TLS inwards", SANDBOX_LINK, need_tls_in, CLIENT_TLS, false},
};

static enum outcome try_need(enum sandbox_profile profile, enum sandbox_level level, act_fn need, int client)
{
	struct inside in;
	int status = 0;
	inside_of(&in, &world, profile, level);
	/* webhooks and links go to the TLS server */
	in.ports[0] = needs_servers.tls_port;
	pid_t pid = client == NOBODY_ASKS ? 0 : client_start(&needs_servers, &world, (enum client)client);
	enum outcome got = inside_try(&in, &world, need, NULL);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0) && got == LET_THROUGH)
		return FAILED;
	return got;
}

static void test_what_each_process_needs_works_at_each_level(void **state)
{
	int wrong = 0;
	(void)state;
	/* at the last one files are made as user 0, and nobody else could read them after that */
	for (unsigned level = 0; level < SANDBOX_LEVELS; level++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			if (rows[i].root && !world.root)
				continue;
			enum outcome got = try_need(
			    rows[i].profile, (enum sandbox_level)level, rows[i].need, rows[i].client);
			if (got == LET_THROUGH)
				continue;
			print_error("%s at level %s, %s: outcome %c\n", sandbox_profile_name(rows[i].profile),
			    sandbox_level_name((enum sandbox_level)level), rows[i].what, (char)got);
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

static void test_memory_loop_and_channels_work_everywhere(void **state)
{
	static const struct {
		const char *what;
		act_fn need;
	} all[] = {{"memory and time", need_memory_and_time}, {"a loop", need_loop},
	    {"passed descriptors", need_passed_descriptors}};
	int wrong = 0;
	(void)state;
	for (unsigned p = SANDBOX_SENSOR; p < SANDBOX_PROFILES; p++)
		for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
			for (unsigned level = 0; level < SANDBOX_LEVELS; level++) {
				enum outcome got = try_need((enum sandbox_profile)p,
				    (enum sandbox_level)level, all[i].need, NOBODY_ASKS);
				if (got == LET_THROUGH)
					continue;
				print_error("%s at level %s, %s: outcome %c\n",
				    sandbox_profile_name((enum sandbox_profile)p),
				    sandbox_level_name((enum sandbox_level)level), all[i].what, (char)got);
				wrong++;
			}
	assert_int_equal(wrong, 0);
}

/* As the user whom the processes become. */
static bool archive_made(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (world.root &&
		    (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(1);
		_exit(!needs_make_archive(&world));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_memory_loop_and_channels_work_everywhere),
	    cmocka_unit_test(test_what_each_process_needs_works_at_each_level),
	};
	int failed = 1;
	if (!world_make(&world) || !archive_made() || !servers_start(&needs_servers, &world) ||
	    !needs_load(&world))
		fprintf(stderr, "the world around can't be made\n");
	else
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (!world.root)
		print_message("not root: rings and netfilter were left out\n");
	servers_stop(&needs_servers);
	world_free(&world);
	return failed;
}
