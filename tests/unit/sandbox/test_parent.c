/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "acts.h"
#include "base/num.h"

static struct world world;

/* This program executed anew enters the profile of that number and ends. */
static int enter_and_end(const char *number)
{
	uint64_t profile;
	struct sandbox_result result;
	if (num_parse_u64(text_of(number), SANDBOX_PROFILES - 1, &profile) < 0)
		return 2;
	const struct sandbox_request request = {.profile = (enum sandbox_profile)profile,
	    .options = SANDBOX_NETFILTER,
	    .uid = NOBODY,
	    .gid = NOBODY,
	    .parent = getppid()};
	if (sandbox_enter(&request, &result) < 0)
		return 3;
	return result.seccomp && !(result.missing >> SANDBOX_MISSING_USER & 1) ? 0 : 4;
}

static int act_children(const struct world *w)
{
	char number[16];
	(void)w;
	for (int p = SANDBOX_SENSOR; p < SANDBOX_PROFILES; p++) {
		int status = 0;
		snprintf(number, sizeof(number), "%d", p);
		pid_t pid = fork();
		if (pid == 0) {
			execl("/proc/self/exe", "bulkhead", "--enter", number, (char *)NULL);
			_exit(5);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(
			    stderr, "%s: status %x\n", sandbox_profile_name((enum sandbox_profile)p), status);
			return 2;
		}
	}
	return 0;
}

static int act_capabilities(const struct world *w)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	const uint64_t expected = UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN |
	                          UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_DAC_READ_SEARCH |
	                          UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_FOWNER |
	                          UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID |
	                          UINT64_C(1) << CAP_SETPCAP | UINT64_C(1) << CAP_KILL |
	                          UINT64_C(1) << CAP_SYS_NICE;
	(void)w;
	if (syscall(SYS_capget, &head, sets) < 0)
		return 2;
	uint64_t permitted = (uint64_t)sets[1].permitted << 32 | sets[0].permitted, bounding = 0;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			bounding |= UINT64_C(1) << i;
	return permitted == expected && bounding == expected ? 0 : 2;
}

static int act_ring(const struct world *w)
{
	(void)w;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	return fd < 0 || sandbox_ring_number(&fd) < 0 || fd < SANDBOX_RINGS_FROM;
}

/* The control socket, made anew where it stood and given to the children's user. */
static int act_control(const struct world *w)
{
	struct sockaddr_un here = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(here.sun_path, sizeof(here.sun_path), "%.90s/control", w->state);
	unlink(here.sun_path);
	return fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	       chmod(here.sun_path, 0660) < 0 || chown(here.sun_path, NOBODY, NOBODY) < 0 ||
	       listen(fd, 8) < 0;
}

static int act_small_port(const struct world *w)
{
	struct sockaddr_in here = {
	    .sin_family = AF_INET, .sin_port = htons(443), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)w;
	return fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 8) < 0;
}

/* A child that became another user is stopped. */
static int act_stop_child(const struct world *w)
{
	int status;
	(void)w;
	pid_t pid = fork();
	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(2);
		for (;;)
			pause();
	}
	return pid < 0 || kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status);
}

static int act_read_secret(const struct world *w)
{
	return open(w->secret, O_RDONLY | O_CLOEXEC) < 0;
}

static int act_standard_input(const struct world *w)
{
	(void)w;
	return open("/dev/null", O_RDWR | O_CLOEXEC) < 0;
}

static int act_writable_executable(const struct world *w)
{
	(void)w;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int act_algorithm_socket(const struct world *w)
{
	(void)w;
	return socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) < 0;
}

static int act_clone_namespace(const struct world *w)
{
	(void)w;
	long pid = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	return pid < 0;
}

static int act_by_handle(const struct world *w)
{
	(void)w;
	return syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0) < 0;
}

/* BPF_MAP_CREATE of a map that the kernel refuses: the call as such is let through, or kills. */
static int act_bpf_at_all(const struct world *w)
{
	char nothing[8] = {0};
	(void)w;
	return syscall(SYS_bpf, 0, nothing, sizeof(nothing)) < 0;
}

static void as_parent(struct inside *in, enum sandbox_level level)
{
	inside_of(in, &world, SANDBOX_PARENT, level);
	in->paths[0] = (struct sandbox_path){world.state, SANDBOX_WRITE, false};
	in->request.n_paths = 1;
}

static void test_the_parent_can_do_what_it_is_for_and_little_else(void **state)
{
	static const struct {
		const char *what;
		act_fn act;
		char all, no_landlock, no_seccomp;
		int abi;
	} rows[] = {
	    {"children that enter each profile", act_children, 'A', 'A', '-', 0},
	    {"just those capabilities", act_capabilities, 'A', 'A', 'A', 0},
	    {"a ring", act_ring, 'A', 'A', 'A', 0},
	    {"the control socket", act_control, 'A', 'A', 'A', 0},
	    {"a small port", act_small_port, 'A', 'A', 'A', 0},
	    {"a child stopped", act_stop_child, 'A', 'A', 'A', 0},
	    {"a file to read", act_read_secret, 'A', 'A', 'A', 0},
	    {"standard input for children", act_standard_input, 'A', 'A', 'A', 0},
	    {"another's file, to write", act_write_outside, 'R', 'A', 'R', 1},
	    {"the archive, a file removed", act_remove_archived, 'R', '-', 'R', 1},
	    {"a signal to a stranger", act_kill_sibling, 'R', 'A', 'R', 6},
	    {"tracing", act_ptrace_parent, 'D', 'D', 'R', 1},
	    {"its parent's memory", act_read_parent, 'D', 'D', 'R', 1},
	    {"a mount", act_mount, 'D', 'D', 'R', 0},
	    {"a namespace", act_unshare, 'D', 'D', '-', 0},
	    {"a child in a namespace", act_clone_namespace, 'D', 'D', 'R', 0},
	    {"a kernel module", act_module, 'D', 'D', 'R', 0},
	    {"the machine's clock", act_set_clock, 'D', 'D', 'R', 0},
	    {"a BPF map", act_bpf_at_all, 'D', 'D', '-', 0},
	    {"io_uring", act_io_uring, 'D', 'D', '-', 0},
	    {"userfaultfd", act_userfaultfd, 'D', 'D', '-', 0},
	    {"keys", act_keyctl, 'D', 'D', '-', 0},
	    {"a file by handle", act_by_handle, 'D', 'D', '-', 0},
	    {"typing into the terminal", act_type_into_terminal, 'D', 'D', '-', 0},
	    {"an odd family", act_algorithm_socket, 'D', 'D', '-', 0},
	    {"memory to write and execute", act_writable_executable, 'D', 'D', 'A', 0},
	    {"memory made executable", act_make_executable, 'D', 'D', 'A', 0},
	};
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int l = 0; l < 3; l++) {
			struct inside in;
			struct sandbox_result result = {0};
			enum sandbox_level level = (enum sandbox_level)l;
			char expected = l == 0   ? rows[i].all
			                : l == 1 ? rows[i].no_landlock
			                         : rows[i].no_seccomp;
			as_parent(&in, level);
			if (expected == '-')
				continue;
			enum outcome got = inside_try(&in, &world, rows[i].act, &result);
			if (got == (enum outcome)expected ||
			    (expected == 'R' && result.landlock_abi < rows[i].abi))
				continue;
			print_error("%s at level %s: outcome %c, expected %c\n", rows[i].what,
			    sandbox_level_name(level), (char)got, expected);
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

static void test_the_parent_of_xdp_may_load_programs(void **state)
{
	struct inside in;
	(void)state;
	as_parent(&in, SANDBOX_LEVEL_ALL);
	in.request.options = SANDBOX_XDP;
	assert_int_equal(inside_try(&in, &world, act_bpf_at_all, NULL), REFUSED);
}

/* Enters as a child of that profile and waits for its end; tells that it is ready. */
static void be_child(enum sandbox_profile profile, pid_t parent, int ready)
{
	struct sandbox_result result;
	const struct sandbox_request request = {
	    .profile = profile, .fds = &ready, .n_fds = 1, .uid = NOBODY, .gid = NOBODY, .parent = parent};
	if (sandbox_enter(&request, &result) < 0 || write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		poll(NULL, 0, 1000);
}

/* The signal that a child of a parent that is killed ends with. */
static int end_of_child(enum sandbox_profile profile)
{
	int ready[2], status = 0;
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct inside in;
		struct sandbox_result result;
		as_parent(&in, SANDBOX_LEVEL_ALL);
		in.request.paths = in.paths;
		in.request.keep_fds = true;
		if (sandbox_enter(&in.request, &result) < 0)
			_exit(1);
		if (fork() == 0)
			be_child(profile, getppid(), ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* what is left of that family is ours now */
	assert_true(waitpid(-1, &status, __WALL) > 0);
	close(ready[0]);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void test_children_end_with_their_parent(void **state)
{
	(void)state;
	/* the world's sibling is a child of ours too, but lives on */
	for (unsigned p = SANDBOX_SENSOR; p < SANDBOX_PROFILES; p++)
		assert_int_equal(
		    end_of_child((enum sandbox_profile)p), p == SANDBOX_ARCHIVIST ? SIGTERM : SIGKILL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_parent_can_do_what_it_is_for_and_little_else),
	    cmocka_unit_test(test_the_parent_of_xdp_may_load_programs),
	    cmocka_unit_test(test_children_end_with_their_parent),
	};
	if (argc == 3 && strcmp(argv[1], "--enter") == 0)
		_exit(enter_and_end(argv[2]));
	if (geteuid() != 0) {
		print_message("not root, as the parent is: not tested\n");
		return 77;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || !world_make(&world) || !world.root) {
		fprintf(stderr, "the world around can't be made\n");
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_free(&world);
	return failed;
}
