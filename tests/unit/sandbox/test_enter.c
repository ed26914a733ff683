/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "inside.h"

static struct world world;

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What the act of the running row is to find. */
static uint64_t expected_capabilities;
static int expected_fd, other_fd;
static rlim_t expected_limit;

static int act_capabilities(const struct world *w)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	(void)w;
	if (syscall(SYS_capget, &head, sets) < 0)
		return 1;
	uint64_t permitted = (uint64_t)sets[1].permitted << 32 | sets[0].permitted;
	uint64_t effective = (uint64_t)sets[1].effective << 32 | sets[0].effective;
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 0)
			return 1;
	return permitted != expected_capabilities || effective != expected_capabilities ||
	       sets[0].inheritable != 0 || getuid() != NOBODY || getegid() != NOBODY ||
	       getgroups(0, NULL) != 0;
}

/* Read where calls aren't killed. */
static void test_each_keeps_only_its_capabilities_and_becomes_its_user(void **state)
{
	static const struct {
		enum sandbox_profile profile;
		unsigned options;
		uint64_t capabilities;
	} rows[] = {
	    {SANDBOX_SENSOR, 0, 0},
	    {SANDBOX_ENGINE, 0, 0},
	    {SANDBOX_ARCHIVIST, 0, 0},
	    {SANDBOX_PLANNER, 0, 0},
	    {SANDBOX_GATEWAY, 0, 0},
	    {SANDBOX_COURIER, 0, 0},
	    {SANDBOX_LINK, 0, 0},
	    {SANDBOX_ENFORCER, SANDBOX_BGP, 0},
	    {SANDBOX_ENFORCER, SANDBOX_NETFILTER, CAP(NET_ADMIN)},
	    {SANDBOX_ENFORCER, SANDBOX_XDP, CAP(NET_ADMIN) | CAP(BPF)},
	    /* another process's options add nothing */
	    {SANDBOX_SENSOR, SANDBOX_NETFILTER | SANDBOX_XDP | SANDBOX_BGP, 0},
	};
	(void)state;
	if (!world.root) {
		print_message("not root: there is nothing to give up\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct inside in;
		inside_of(&in, &world, rows[i].profile, SANDBOX_LEVEL_NO_SECCOMP);
		in.request.options = rows[i].options;
		expected_capabilities = rows[i].capabilities;
		if (inside_try(&in, &world, act_capabilities, NULL) != LET_THROUGH)
			fail_msg("row %zu: %s", i, sandbox_profile_name(rows[i].profile));
	}
}

static int act_descriptors(const struct world *w)
{
	(void)w;
	return fcntl(expected_fd, F_GETFD) < 0 || fcntl(other_fd, F_GETFD) >= 0 || fcntl(0, F_GETFD) < 0;
}

static void test_descriptors_that_are_not_listed_are_closed_at_every_level(void **state)
{
	(void)state;
	expected_fd = world.file;
	/* one in a gap and one far above */
	int others[] = {world.other_listening, fcntl(world.file, F_DUPFD, 900)};
	for (unsigned level = 0; level < SANDBOX_LEVELS; level++)
		for (size_t i = 0; i < 2; i++) {
			struct inside in;
			inside_of(&in, &world, SANDBOX_ENGINE, (enum sandbox_level)level);
			other_fd = others[i];
			assert_true(other_fd >= 0);
			assert_int_equal(inside_try(&in, &world, act_descriptors, NULL), LET_THROUGH);
			in.request.keep_fds = true;
			assert_int_equal(inside_try(&in, &world, act_descriptors, NULL), REFUSED);
		}
	close(others[1]);
}

static int act_limits(const struct world *w)
{
	struct rlimit files, core, locked;
	(void)w;
	return getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_CORE, &core) < 0 ||
	       getrlimit(RLIMIT_MEMLOCK, &locked) < 0 || files.rlim_max != expected_limit ||
	       core.rlim_max != 0 || locked.rlim_max != 0;
}

static void test_limits_are_those_of_the_profile_and_never_higher_than_before(void **state)
{
	static const struct {
		enum sandbox_profile profile;
		rlim_t before, after;
	} rows[] = {
	    {SANDBOX_SENSOR, 1024, 256},
	    {SANDBOX_LINK, 1024, 64},
	    {SANDBOX_LINK, 64, 64},
	    {SANDBOX_LINK, 63, 63},
	    {SANDBOX_ARCHIVIST, 1024, 1024},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rlimit l = {.rlim_cur = rows[i].before, .rlim_max = rows[i].before};
		int status;
		expected_limit = rows[i].after;
		pid_t pid = fork();
		if (pid == 0) {
			struct inside in;
			inside_of(&in, &world, rows[i].profile, SANDBOX_LEVEL_ALL);
			if (setrlimit(RLIMIT_NOFILE, &l) < 0)
				_exit(2);
			_exit(inside_try(&in, &world, act_limits, NULL) != LET_THROUGH);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static int act_nothing(const struct world *w)
{
	(void)w;
	return 0;
}

static void test_what_could_not_be_applied_is_told(void **state)
{
	static const struct {
		enum sandbox_level level;
		bool landlock, seccomp;
	} rows[] = {
	    {SANDBOX_LEVEL_ALL, true, true},
	    {SANDBOX_LEVEL_NO_LANDLOCK, false, true},
	    {SANDBOX_LEVEL_NO_SECCOMP, true, false},
	    {SANDBOX_LEVEL_NONE, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sandbox_result r;
		struct inside in;
		inside_of(&in, &world, SANDBOX_PLANNER, rows[i].level);
		assert_int_equal(inside_try(&in, &world, act_nothing, &r), LET_THROUGH);
		bool landlock = rows[i].landlock &&
		                (r.landlock_abi > 0 || rows[i].level == SANDBOX_LEVEL_NONE);
		assert_int_equal(r.seccomp, rows[i].seccomp);
		assert_int_equal(r.landlock, landlock);
		assert_int_equal(r.missing >> SANDBOX_MISSING_SECCOMP & 1, !rows[i].seccomp);
		assert_int_equal(r.missing >> SANDBOX_MISSING_LANDLOCK & 1, !landlock);
		assert_int_equal(r.missing >> SANDBOX_MISSING_SCOPES & 1, landlock && r.landlock_abi < 6);
		assert_int_equal(r.missing >> SANDBOX_MISSING_USER & 1, rows[i].level == SANDBOX_LEVEL_NONE);
	}
	for (unsigned i = 0; i < SANDBOX_MISSING_COUNT; i++)
		assert_true(strlen(sandbox_missing_text((enum sandbox_missing)i)) > 10);
}

static int enter(struct sandbox_request request)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct sandbox_result r;
		_exit(-sandbox_enter(&request, &r) & 0xff);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_what_is_asked_wrongly_or_too_late_fails(void **state)
{
	const struct sandbox_path gone = {"/nonexistent/bulkhead", SANDBOX_READ, false},
	                          perhaps = {"/nonexistent/bulkhead", SANDBOX_READ, true};
	struct sandbox_request r = {.profile = SANDBOX_PLANNER, .paths = &gone, .n_paths = 1};
	struct sandbox_result result;
	(void)state;
	struct inside in;
	inside_of(&in, &world, SANDBOX_PLANNER, SANDBOX_LEVEL_ALL);
	assert_int_equal(inside_try(&in, &world, act_nothing, &result), LET_THROUGH);
	if (result.landlock)
		assert_int_equal(enter(r), -ENOENT);
	r.paths = &perhaps;
	assert_int_equal(enter(r), 0);
	/* a parent that isn't there any more */
	r.parent = 1;
	if (getpid() != 1)
		assert_int_equal(enter(r), -ESRCH);
}

static int sent_from(int fd)
{
	return write(fd, "x", 1) != 1;
}

static int act_send_below(const struct world *w)
{
	(void)w;
	return sent_from(SANDBOX_RINGS_FROM - 1);
}

static int act_send_at(const struct world *w)
{
	(void)w;
	return sent_from(SANDBOX_RINGS_FROM);
}

static void test_a_sensor_sends_below_its_rings_and_not_on_them(void **state)
{
	struct inside in;
	(void)state;
	/* a ring has the first number; without one anything may have it */
	int below = dup2(world.channel[0], SANDBOX_RINGS_FROM - 1);
	int at = world.root ? world.ring : dup2(world.channel[0], SANDBOX_RINGS_FROM);
	assert_int_equal(below, SANDBOX_RINGS_FROM - 1);
	assert_int_equal(at, SANDBOX_RINGS_FROM);
	inside_of(&in, &world, SANDBOX_SENSOR, SANDBOX_LEVEL_ALL);
	in.request.keep_fds = true;
	assert_int_equal(inside_try(&in, &world, act_send_below, NULL), LET_THROUGH);
	assert_int_equal(inside_try(&in, &world, act_send_at, NULL), DIES);
	close(below);
	if (!world.root)
		close(at);
}

static void test_a_ring_among_the_first_descriptors_is_refused(void **state)
{
	struct sandbox_request r = {.profile = SANDBOX_SENSOR, .keep_fds = true};
	(void)state;
	if (!world.root) {
		print_message("not root: there are no rings\n");
		skip();
	}
	assert_true(world.ring >= SANDBOX_RINGS_FROM);
	assert_int_equal(enter(r), 0);
	int low = dup2(world.ring, SANDBOX_RINGS_FROM - 1);
	assert_int_equal(low, SANDBOX_RINGS_FROM - 1);
	assert_int_equal(enter(r), -EINVAL);
	assert_int_equal(sandbox_ring_number(&low), 0);
	assert_true(low > SANDBOX_RINGS_FROM);
	assert_int_equal(fcntl(SANDBOX_RINGS_FROM - 1, F_GETFD), -1);
	assert_int_equal(enter(r), 0);
	close(low);
}

static void test_names_of_levels_and_profiles(void **state)
{
	enum sandbox_level level = SANDBOX_LEVEL_ALL;
	(void)state;
	for (unsigned i = 0; i < SANDBOX_LEVELS; i++) {
		assert_int_equal(sandbox_level_parse(sandbox_level_name((enum sandbox_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(sandbox_level_parse("most", &level), -EINVAL);
	assert_int_equal(sandbox_level_parse("", &level), -EINVAL);
	assert_int_equal(level, SANDBOX_LEVELS - 1);
	assert_string_equal(sandbox_profile_name(SANDBOX_PARENT), "parent");
	assert_string_equal(sandbox_profile_name(SANDBOX_LINK), "link");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_keeps_only_its_capabilities_and_becomes_its_user),
	    cmocka_unit_test(test_descriptors_that_are_not_listed_are_closed_at_every_level),
	    cmocka_unit_test(test_limits_are_those_of_the_profile_and_never_higher_than_before),
	    cmocka_unit_test(test_what_could_not_be_applied_is_told),
	    cmocka_unit_test(test_what_is_asked_wrongly_or_too_late_fails),
	    cmocka_unit_test(test_a_sensor_sends_below_its_rings_and_not_on_them),
	    cmocka_unit_test(test_a_ring_among_the_first_descriptors_is_refused),
	    cmocka_unit_test(test_names_of_levels_and_profiles),
	};
	if (!world_make(&world)) {
		fprintf(stderr, "the world around can't be made\n");
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_free(&world);
	return failed;
}
