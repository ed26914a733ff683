/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "acts.h"

static struct world world;

/* A column each; analyze's is the last. */
static const enum sandbox_profile profiles[] = {SANDBOX_SENSOR, SANDBOX_ENGINE, SANDBOX_ARCHIVIST,
    SANDBOX_PLANNER, SANDBOX_ENFORCER, SANDBOX_GATEWAY, SANDBOX_COURIER, SANDBOX_LINK, SANDBOX_ANALYZE};
enum { COLUMNS = sizeof(profiles) / sizeof(*profiles) };

/*
 * What happens to whom: A let through, R refused, D killed (SIGSYS), X killed at its limit (SIGXFSZ), '-' not
 * tried, since it hangs on the machine or is nobody's business. `root`: means something only where the user
 * was given up; `abi`: and the Landlock that refuses it, where it isn't killed.
 */
struct row {
	const char *what;
	act_fn act;
	const char *all, *no_landlock, *no_seccomp;
	bool root;
	int abi;
};

/* clang-format off */
static const struct row rows[] = {
    /*                                                     SEAPFGCLa */
    {"a file outside, to read", act_read_outside,         "DRRRDDRDR", "DAAADDADA", "RRRRRRRRR", false, 1},
    {"a file outside, to write", act_write_outside,       "DRRDDDDDR", "DAADDDDDA", "RRRRRRRRR", false, 1},
    {"the archive, to write", act_write_archive,          "DRADDDDDR", "DAADDDDDA", "RRARRRRRR", false, 1},
    {"the archive, cut short", act_cut_archive,           "DRADDDDDR", "DAADDDDDA", "RRARRRRRR", false, 3},
    {"the archive's lock", act_lock_archived,             "DRADDDRDR", "DAADDDDDA", "RRAARRRRR", false, 1},
    {"the archive, a file removed", act_remove_archived,  "DR-DDDDDR", "D--DDDDD-", "RR-RRRRRR", false, 1},
    {"its own memory as a file", act_own_memory,          "DRRDDDDDR", "DRRDDDDD-", "RRRRRRRRR", true, 1},
    {"another owner of a file", act_chown,                "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"a file written to", act_write_beyond_limit,         "XAAXXXXXA", "XAAXXXXXA", "XAAXXXXXA", false, 0},
    {"more descriptors", act_more_descriptors,            "RRRRRRRRD", "RRRRRRRRD", "RRRRRRRR-", false, 0},

    {"TCP", act_socket_inet,                              "DDDDDDAAD", "DDDDDDAAD", "AAAAAAAAA", false, 0},
    {"UDP", act_socket_udp,                               "DDDDDDADD", "DDDDDDADD", "AAAAAAAAA", false, 0},
    {"raw IP", act_socket_raw,                            "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"a local socket", act_socket_unix,                   "DDDDDDRDD", "DDDDDDRDD", "AAAAAAAAA", false, 0},
    {"a packet socket", act_socket_packet,                "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"routes and links", act_socket_route,                "DDDDDDRDD", "DDDDDDRDD", "AAAAAAAAA", false, 0},
    {"netfilter", act_socket_netfilter,                   "DDDDADRDD", "DDDDADRDD", "AAAAAAAAA", false, 0},
    {"a connection that it is given", act_connect_given,  "DDDDDDAAD", "DDDDDDAAD", "RRRRRRAAR", false, 4},
    {"another connection", act_connect_other,             "DDDDDDRRD", "DDDDDDAAD", "RRRRRRRRR", false, 4},
    {"a port of its own", act_bind,                       "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 4},

    {"the ring's filter", act_ring_filter,                "D--------", "D--------", "R--------", true, 0},
    {"another membership of the ring", act_ring_member,   "D--------", "D--------", "---------", true, 0},
    {"a frame sent", act_ring_send,                       "D--------", "D--------", "A--------", true, 0},
    {"a frame written", act_ring_write,                   "D--------", "D--------", "---------", true, 0},
    {"the ring by another number", act_ring_elsewhere,    "D--------", "D--------", "---------", true, 0},

    {"another process", act_fork,                         "DDDDDDDDD", "DDDDDDDDD", "RRRRRRAR-", true, 0},
    {"another program", act_exec,                         "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 1},
    {"tracing the parent", act_ptrace_parent,             "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 1},
    {"the parent's memory", act_read_parent,              "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 1},
    {"a signal to the parent", act_kill_parent,           "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 6},
    {"a signal to a sibling", act_kill_sibling,           "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 6},
    {"one to its thread", act_thread_kill_sibling,        "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 6},
    {"one sent by the kernel", act_own_signals,           "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"a sibling's limits", act_limits_of_sibling,         "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"user 0", act_user_back,                             "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"another group", act_group_back,                     "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"higher limits", act_higher_limit,                   "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"being dumped", act_dumpable,                        "DDDDDDDDD", "DDDDDDDDD", "AAAAAAAAA", false, 0},
    {"outliving the parent", act_outlive_parent,          "DDDDDDDDD", "DDDDDDDDD", "AAAAAAAAA", false, 0},

    {"memory that can be executed", act_map_executable,   "DDDDDDDDD", "DDDDDDDDD", "AAAAAAAAA", false, 0},
    {"memory made so", act_make_executable,               "DDDDDDDDD", "DDDDDDDDD", "AAAAAAAAA", false, 0},
    {"a file of memory", act_memory_file,                 "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"io_uring", act_io_uring,                            "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"a BPF map", act_bpf,                                "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"userfaultfd", act_userfaultfd,                      "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"keys", act_keyctl,                                  "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"a mount", act_mount,                                "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRRR", false, 1},
    {"a namespace", act_unshare,                          "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"a kernel module", act_module,                       "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"the machine's clock", act_set_clock,                "DDDDDDDDD", "DDDDDDDDD", "RRRRRRRR-", true, 0},
    {"typing into the terminal", act_type_into_terminal,  "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
    {"another architecture's call", act_foreign_call,     "DDDDDDDDD", "DDDDDDDDD", "---------", false, 0},
};
/* clang-format on */

static void try_row(const struct row *row, const char *expected, enum sandbox_level level, int *wrong)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		struct inside in;
		struct sandbox_result result = {0};
		if (expected[i] == '-' || (row->root && !world.root))
			continue;
		inside_of(&in, &world, profiles[i], level);
		enum outcome got = inside_try(&in, &world, row->act, &result);
		if (got == (enum outcome)expected[i])
			continue;
		if (expected[i] == REFUSED && result.landlock_abi < row->abi) {
			print_message("%s, %s: Landlock is older than ABI %d, not judged\n",
			    sandbox_profile_name(profiles[i]), row->what, row->abi);
			continue;
		}
		print_error("%s at level %s, %s: outcome %c, expected %c\n",
		    sandbox_profile_name(profiles[i]), sandbox_level_name(level), row->what, (char)got,
		    expected[i]);
		++*wrong;
	}
}

static void test_each_forbidden_act_dies_or_is_refused(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		try_row(&rows[i], rows[i].all, SANDBOX_LEVEL_ALL, &wrong);
	assert_int_equal(wrong, 0);
}

static void test_without_landlock_system_calls_still_kill(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		try_row(&rows[i], rows[i].no_landlock, SANDBOX_LEVEL_NO_LANDLOCK, &wrong);
	assert_int_equal(wrong, 0);
}

static void test_without_seccomp_files_user_and_limits_still_hold(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		try_row(&rows[i], rows[i].no_seccomp, SANDBOX_LEVEL_NO_SECCOMP, &wrong);
	assert_int_equal(wrong, 0);
}

static void test_an_enforcer_can_do_what_its_backend_takes_and_no_more(void **state)
{
	static const struct {
		const char *what;
		act_fn act;
		char none, netfilter, xdp, bgp;
	} acts[] = {
	    {"netfilter", act_socket_netfilter, 'D', 'A', 'D', 'D'},
	    {"routes and links", act_socket_route, 'D', 'D', 'R', 'D'},
	    {"a file outside, to write", act_write_outside, 'D', 'D', 'D', 'D'},
	    {"a file outside, to read", act_read_outside, 'D', 'D', 'R', 'D'},
	    {"the archive, a file removed", act_remove_archived, 'D', 'D', 'D', 'D'},
	    {"an entry of a map", act_bpf_entry, 'D', 'D', 'A', 'D'},
	    {"a map of its own", act_bpf, 'D', 'D', 'D', 'D'},
	    {"TCP to the router", act_connect_given, 'D', 'D', 'D', 'A'},
	    {"TCP elsewhere", act_connect_other, 'D', 'D', 'D', 'R'},
	    {"UDP", act_socket_udp, 'D', 'D', 'D', 'D'},
	};
	static const unsigned options[] = {0, SANDBOX_NETFILTER, SANDBOX_XDP, SANDBOX_BGP};
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		for (size_t o = 0; o < sizeof(options) / sizeof(*options); o++) {
			const char expected[] = {acts[i].none, acts[i].netfilter, acts[i].xdp, acts[i].bgp};
			struct sandbox_result result = {0};
			struct inside in;
			if (acts[i].act == act_bpf_entry && world.map < 0)
				continue;
			inside_of(&in, &world, SANDBOX_ENFORCER, SANDBOX_LEVEL_ALL);
			in.request.options = options[o];
			in.request.keep_fds = true;
			enum outcome got = inside_try(&in, &world, acts[i].act, &result);
			if (got != (enum outcome)expected[o] &&
			    !(expected[o] == 'R' && result.landlock_abi < 4))
				fail_msg("%s with options %u: outcome %c, expected %c", acts[i].what,
				    options[o], (char)got, expected[o]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_forbidden_act_dies_or_is_refused),
	    cmocka_unit_test(test_without_landlock_system_calls_still_kill),
	    cmocka_unit_test(test_without_seccomp_files_user_and_limits_still_hold),
	    cmocka_unit_test(test_an_enforcer_can_do_what_its_backend_takes_and_no_more),
	};
	if (!world_make(&world)) {
		fprintf(stderr, "the world around can't be made\n");
		return 1;
	}
	if (!world.root)
		print_message("not root: what needs another user, a ring or namespaces is left out\n");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_free(&world);
	return failed;
}
