/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "sandbox/sandbox.h"

static const struct call memory_calls[] = {
    CALL("brk"),
    CALL("munmap"),
    CALL("mremap"),
    CALL("madvise"),
    CALL_IF("mmap", CALL_BITS(2, PROT_EXEC, 0)),
    CALL_IF("mprotect", CALL_BITS(2, PROT_EXEC, 0)),
};

static const struct call itself_calls[] = {
    CALL("clock_gettime"),
    CALL("clock_getres"),
    CALL("clock_nanosleep"),
    CALL("nanosleep"),
    CALL("gettimeofday"),
    CALL("time"),
    CALL("getpid"),
    CALL("getppid"),
    CALL("gettid"),
    CALL("getuid"),
    CALL("geteuid"),
    CALL("getgid"),
    CALL("getegid"),
    CALL("getrandom"),
    CALL("uname"),
    CALL("sysinfo"),
    CALL("getcpu"),
    CALL("sched_getaffinity"),
    CALL("sched_yield"),
    CALL("getrusage"),
    CALL("getrlimit"),
    /* reading its own limits, no more */
    CALL_IF("prlimit64", CALL_IS(0, 0), CALL_IS(2, 0)),
    CALL("futex"),
    CALL("set_robust_list"),
    CALL("rseq"),
    CALL("rt_sigaction"),
    CALL("rt_sigprocmask"),
    CALL("rt_sigreturn"),
    CALL("rt_sigtimedwait"),
    CALL("sigaltstack"),
    CALL("restart_syscall"),
    /* abort(3). Others of the same user must be out of reach: Landlock scopes signals from ABI 6 on only */
    CALL_IF("tgkill", CALL_IS(0, CALL_OWN_PID)),
    CALL("exit"),
    CALL("exit_group"),
};

/* Also what stdio and allocators ask of a descriptor. fstat(3) is newfstatat with an empty path. */
static const struct call reads_calls[] = {
    CALL("read"),
    CALL("readv"),
    CALL("pread64"),
    CALL("preadv"),
    CALL("lseek"),
    CALL("close"),
    CALL("fstat"),
    CALL_IF("newfstatat", CALL_BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
    CALL("fadvise64"),
    CALL_IF("fcntl", CALL_IS(1, F_GETFD)),
    CALL_IF("fcntl", CALL_IS(1, F_SETFD)),
    CALL_IF("fcntl", CALL_IS(1, F_GETFL)),
    CALL_IF("fcntl", CALL_IS(1, F_SETFL)),
    /* isatty(3), and how much there is to read */
    CALL_IF("ioctl", CALL_IS(1, TCGETS)),
    CALL_IF("ioctl", CALL_IS(1, FIONREAD)),
    CALL_IF("ioctl", CALL_IS(1, FIONBIO)),
};

static const struct call writes_calls[] = {CALL("write"), CALL("writev")};

static const struct call duplicates_calls[] = {
    CALL("dup"),
    CALL("dup2"),
    CALL("dup3"),
    CALL_IF("fcntl", CALL_IS(1, F_DUPFD)),
    CALL_IF("fcntl", CALL_IS(1, F_DUPFD_CLOEXEC)),
};

static const struct call events_calls[] = {
    CALL("epoll_create1"),
    CALL("epoll_ctl"),
    CALL("epoll_wait"),
    CALL("epoll_pwait"),
    CALL("epoll_pwait2"),
    CALL("poll"),
    CALL("ppoll"),
    CALL("select"),
    CALL("pselect6"),
    CALL("timerfd_create"),
    CALL("timerfd_settime"),
    CALL("timerfd_gettime"),
    CALL("eventfd2"),
    CALL("signalfd4"),
    CALL("pipe2"),
};

static const struct call folders_calls[] = {
    CALL("stat"),
    CALL("lstat"),
    CALL("newfstatat"),
    CALL("statx"),
    CALL("statfs"),
    CALL("fstatfs"),
    CALL("access"),
    CALL("faccessat"),
    CALL("faccessat2"),
    CALL("readlink"),
    CALL("readlinkat"),
    CALL("getcwd"),
    CALL("getdents64"),
};

/* Nothing that makes, cuts or writes: __O_TMPFILE comes with a way to write, so that needs no bit here. */
#define READ_ONLY(arg) CALL_BITS(arg, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, O_RDONLY)

static const struct call read_files_calls[] = {
    CALL_IF("open", READ_ONLY(1)),
    CALL_IF("openat", READ_ONLY(2)),
};

static const struct call write_files_calls[] = {
    CALL("open"),
    CALL("openat"),
    CALL("pwrite64"),
    CALL("pwritev"),
    CALL("ftruncate"),
    CALL("fallocate"),
    CALL("fsync"),
    CALL("fdatasync"),
    CALL("sync_file_range"),
    CALL("mkdir"),
    CALL("mkdirat"),
    CALL("rename"),
    CALL("renameat"),
    CALL("renameat2"),
    CALL("unlink"),
    CALL("unlinkat"),
    CALL("rmdir"),
    CALL("umask"),
    CALL("flock"),
    /* a write-ahead log gets the mode of its database */
    CALL("fchmod"),
    CALL_IF("fcntl", CALL_IS(1, F_GETLK)),
    CALL_IF("fcntl", CALL_IS(1, F_SETLK)),
    CALL_IF("fcntl", CALL_IS(1, F_SETLKW)),
};

/* The width that the progress bar asks for. */
static const struct call terminal_calls[] = {CALL_IF("ioctl", CALL_IS(1, TIOCGWINSZ))};

/* A thread shares all with its maker and is in no namespace of its own. clone3 keeps its flags behind a
 * pointer; glibc falls back to clone. */
#define THREAD_FLAGS ((uint64_t)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD))
#define NAMESPACE_FLAGS                                                                                      \
	((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |            \
	            CLONE_NEWPID | CLONE_NEWNET))

static const struct call threads_calls[] = {
    CALL_IF("clone", CALL_BITS(0, THREAD_FLAGS | NAMESPACE_FLAGS, THREAD_FLAGS)),
    CALL_FAILS("clone3", ENOSYS),
};

/*
 * Entries of maps that are there, and a program that is loaded put back where it was, with its pin: nothing
 * can be made or loaded. How an interface has it would be told by a socket that can also take the interface
 * down.
 */
static const struct call xdp_calls[] = {
    CALL_IF("bpf", CALL_IS(0, BPF_OBJ_PIN)),
    CALL_IF("bpf", CALL_IS(0, BPF_OBJ_GET)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_LOOKUP_ELEM)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_UPDATE_ELEM)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_DELETE_ELEM)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_GET_NEXT_KEY)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_LOOKUP_BATCH)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_UPDATE_BATCH)),
    CALL_IF("bpf", CALL_IS(0, BPF_MAP_DELETE_BATCH)),
    CALL_IF("bpf", CALL_IS(0, BPF_OBJ_GET_INFO_BY_FD)),
    CALL_IF("bpf", CALL_IS(0, BPF_LINK_CREATE)),
    CALL_IF("bpf", CALL_IS(0, BPF_LINK_UPDATE)),
    CALL_IF("bpf", CALL_IS(0, BPF_LINK_DETACH)),
    CALL("unlinkat"),
    CALL_IF("ioctl", CALL_IS(1, SIOCGIFINDEX)),
    CALL_FAILS_IF("socket", EAFNOSUPPORT, CALL_IS(0, AF_NETLINK), CALL_IS(2, NETLINK_ROUTE)),
};

#define CALLS(rows) ((struct calls){rows, sizeof(rows) / sizeof(*(rows))})

struct calls calls_of(enum calls_group group)
{
	switch (group) {
	case CALLS_MEMORY: return CALLS(memory_calls);
	case CALLS_ITSELF: return CALLS(itself_calls);
	case CALLS_READS: return CALLS(reads_calls);
	case CALLS_WRITES: return CALLS(writes_calls);
	case CALLS_DUPLICATES: return CALLS(duplicates_calls);
	case CALLS_EVENTS: return CALLS(events_calls);
	case CALLS_FOLDERS: return CALLS(folders_calls);
	case CALLS_READ_FILES: return CALLS(read_files_calls);
	case CALLS_WRITE_FILES: return CALLS(write_files_calls);
	case CALLS_TERMINAL: return CALLS(terminal_calls);
	case CALLS_THREADS: return CALLS(threads_calls);
	case CALLS_XDP: return CALLS(xdp_calls);
	case CALLS_SENDS:
	case CALLS_LOW_SENDS:
	case CALLS_RING:
	case CALLS_NETFILTER:
	case CALLS_BGP:
	case CALLS_ACCEPT:
	case CALLS_CONNECT:
	case CALLS_TCP:
	case CALLS_RESOLVE: return calls_of_sockets(group);
	case CALLS_PARENT:
	case CALLS_PARENT_BPF: return calls_of_parent(group);
	case CALLS_GROUPS: break;
	}
	return (struct calls){0};
}
