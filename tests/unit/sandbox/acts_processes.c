/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acts.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int act_fork(const struct world *w)
{
	(void)w;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0;
}

int act_exec(const struct world *w)
{
	(void)w;
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

int act_ptrace_parent(const struct world *w)
{
	(void)w;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) < 0;
}

int act_read_parent(const struct world *w)
{
	char byte;
	struct iovec mine = {.iov_base = &byte, .iov_len = 1};
	struct iovec theirs = {.iov_base = (void *)w, .iov_len = 1};
	return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0) < 0;
}

int act_kill_parent(const struct world *w)
{
	(void)w;
	return kill(getppid(), 0) < 0;
}

int act_kill_sibling(const struct world *w)
{
	return kill(w->sibling, 0) < 0;
}

int act_thread_kill_sibling(const struct world *w)
{
	return syscall(SYS_tgkill, w->sibling, w->sibling, 0) < 0;
}

/* Signals that the kernel sends for a descriptor of its own, to somebody else. */
int act_own_signals(const struct world *w)
{
	return fcntl(w->file, F_SETOWN, w->sibling) < 0;
}

int act_limits_of_sibling(const struct world *w)
{
	struct rlimit none = {0};
	return prlimit(w->sibling, RLIMIT_CPU, &none, NULL) < 0;
}

int act_user_back(const struct world *w)
{
	(void)w;
	return setresuid(0, 0, 0) < 0;
}

int act_group_back(const struct world *w)
{
	gid_t root = 0;
	(void)w;
	return setgroups(1, &root) < 0;
}

int act_higher_limit(const struct world *w)
{
	struct rlimit l;
	(void)w;
	if (getrlimit(RLIMIT_CORE, &l) < 0)
		return 1;
	l.rlim_cur = l.rlim_max = 1 << 20;
	return setrlimit(RLIMIT_CORE, &l) < 0;
}

int act_dumpable(const struct world *w)
{
	(void)w;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0;
}

int act_outlive_parent(const struct world *w)
{
	(void)w;
	return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0;
}
