/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "sandbox/landlock.h"

/* What an analysis calls after it has opened its inputs; everything else ends it. Memory, files it holds or
 * may open by Landlock, time, and its own end. */
static const char *const analyze_calls[] = {
    /* memory */
    "brk", "mmap", "munmap", "mremap", "madvise", "mprotect",
    /* files */
    "read", "pread64", "readv", "write", "writev", "pwrite64", "lseek", "openat", "open", "close", "fstat",
    "newfstatat", "stat", "lstat", "statx", "fstatfs", "statfs", "access", "faccessat", "faccessat2",
    "getdents64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir",
    "ftruncate", "fsync", "fdatasync", "fallocate", "fcntl", "flock", "getcwd", "dup", "fadvise64", "umask",
    /* terminal size and line mode, asked by stdio and the progress bar */
    "ioctl",
    /* time, identity of itself, random numbers */
    "clock_gettime", "clock_nanosleep", "gettimeofday", "time", "getpid", "gettid", "getuid", "geteuid",
    "getgid", "getegid", "getrandom", "uname", "sysinfo", "sched_getaffinity", "sched_yield", "getrusage",
    "prlimit64",
    /* locks inside the process, signals to itself, the end */
    "futex", "set_robust_list", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "restart_syscall", "tgkill", "exit", "exit_group"};

static int limit(int resource, rlim_t value)
{
	struct rlimit l = {.rlim_cur = value, .rlim_max = value};
	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

static int allow_only(const char *const *calls, size_t n)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = 0;
	if (!filter)
		return -ENOMEM;
	for (size_t i = 0; i < n && error == 0; i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);
		/* an architecture without this call has another that stands beside it in the list */
		if (number != __NR_SCMP_ERROR && number >= 0)
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

int sandbox_enter(
    enum sandbox_profile profile, const char *const *folders, size_t n, struct sandbox_result *ret_result)
{
	struct sandbox_result result = {0};
	int error = 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	error = limit(RLIMIT_CORE, 0);
	if (error == 0)
		error = limit(RLIMIT_NPROC, 0);
	if (error < 0)
		return error;
	result.landlock_abi = landlock_abi();
	if (result.landlock_abi) {
		error = landlock_only(folders, n, result.landlock_abi);
		if (error < 0)
			return error;
		result.landlock = true;
	}
	switch (profile) {
	case SANDBOX_ANALYZE:
		error = allow_only(analyze_calls, sizeof(analyze_calls) / sizeof(*analyze_calls));
		break;
	}
	if (error < 0)
		return error;
	result.seccomp = true;
	*ret_result = result;
	return 0;
}
