/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox/sandbox.h"

static char folder[] = "/tmp/bulkhead-sandbox-XXXXXX";

/* What a child tries once it is inside; it exits with 0 where the act was let through, 1 where it was
 * refused. */
typedef int (*act_fn)(void);

static int act_nothing(void)
{
	return 0;
}

static int act_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int act_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int act_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int act_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0;
}

static int act_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0;
}

static int act_kill_parent(void)
{
	return kill(getppid(), 0) < 0;
}

static int act_read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0;
}

static int act_write_outside(void)
{
	return open("/tmp/bulkhead-sandbox-outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
}

static int act_write_inside(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/file", folder);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
}

enum outcome { LET_THROUGH, REFUSED, DIES };

static enum outcome try_inside(act_fn act, bool *ret_landlock)
{
	int status, pipe_fd[2];
	struct sandbox_result result = {0};
	assert_int_equal(pipe(pipe_fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const char *folders[] = {folder};
		if (sandbox_enter(SANDBOX_ANALYZE, folders, 1, &result) < 0 ||
		    write(pipe_fd[1], &result, sizeof(result)) != sizeof(result))
			_exit(99);
		_exit(act());
	}
	assert_true(pid > 0);
	close(pipe_fd[1]);
	assert_int_equal(read(pipe_fd[0], &result, sizeof(result)), sizeof(result));
	close(pipe_fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 99);
	*ret_landlock = result.landlock;
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return DIES;
	}
	return WEXITSTATUS(status) ? REFUSED : LET_THROUGH;
}

static void test_each_forbidden_act_dies_or_is_refused(void **state)
{
	static const struct {
		const char *what;
		act_fn act;
		enum outcome expected;
		bool by_landlock;
	} rows[] = {
	    {"nothing", act_nothing, LET_THROUGH, false},
	    {"a file in the case folder", act_write_inside, LET_THROUGH, false},
	    {"an internet socket", act_socket, DIES, false},
	    {"a local socket", act_unix_socket, DIES, false},
	    {"another program", act_exec, DIES, false},
	    {"another process", act_fork, DIES, false},
	    {"tracing", act_ptrace, DIES, false},
	    {"a signal to another process", act_kill_parent, DIES, false},
	    {"a file elsewhere", act_read_passwd, REFUSED, true},
	    {"writing elsewhere", act_write_outside, REFUSED, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool landlock;
		enum outcome got = try_inside(rows[i].act, &landlock);
		if (rows[i].by_landlock && !landlock) {
			print_message("%s: this kernel has no Landlock, not tested\n", rows[i].what);
			continue;
		}
		if (got != rows[i].expected)
			fail_msg("%s: outcome %d, expected %d", rows[i].what, got, rows[i].expected);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_forbidden_act_dies_or_is_refused)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
