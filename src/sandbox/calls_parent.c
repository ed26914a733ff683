/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/calls.h"

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>

/*
 * What neither the parent nor any child of it ever calls: a list of what is forbidden, since the parent
 * executes its children, whose loader needs more than any of them. They enter profiles of their own, and the
 * stricter of both holds.
 */
static const struct call parent_calls[] = {
    /* other processes' memory and descriptors */
    CALL("ptrace"),
    CALL("process_vm_readv"),
    CALL("process_vm_writev"),
    CALL("process_madvise"),
    CALL("pidfd_getfd"),
    CALL("kcmp"),
    CALL("perf_event_open"),
    /* mounts and namespaces; clone3 keeps its flags behind a pointer, glibc falls back to clone */
    CALL("mount"),
    CALL("umount2"),
    CALL("move_mount"),
    CALL("open_tree"),
    CALL("fsopen"),
    CALL("fsconfig"),
    CALL("fsmount"),
    CALL("fspick"),
    CALL("mount_setattr"),
    CALL("pivot_root"),
    CALL("chroot"),
    CALL("unshare"),
    CALL("setns"),
    CALL_FAILS("clone3", ENOSYS),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWNS, CLONE_NEWNS)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWCGROUP, CLONE_NEWCGROUP)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWUTS, CLONE_NEWUTS)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWIPC, CLONE_NEWIPC)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWUSER, CLONE_NEWUSER)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWPID, CLONE_NEWPID)),
    CALL_IF("clone", CALL_BITS(0, CLONE_NEWNET, CLONE_NEWNET)),
    /* files by handle, past the folders above them */
    CALL("open_by_handle_at"),
    CALL("name_to_handle_at"),
    CALL("fanotify_init"),
    CALL("quotactl"),
    CALL("acct"),
    CALL("swapon"),
    CALL("swapoff"),
    /* the kernel itself */
    CALL("init_module"),
    CALL("finit_module"),
    CALL("delete_module"),
    CALL("kexec_load"),
    CALL("kexec_file_load"),
    CALL("reboot"),
    CALL("syslog"),
    CALL("iopl"),
    CALL("ioperm"),
    CALL("modify_ldt"),
    CALL("userfaultfd"),
    CALL("io_uring_setup"),
    CALL("io_uring_enter"),
    CALL("io_uring_register"),
    CALL("vmsplice"),
    CALL("personality"),
    CALL("add_key"),
    CALL("request_key"),
    CALL("keyctl"),
    /* the machine's clock and names: every lease hangs on the first */
    CALL("settimeofday"),
    CALL("clock_settime"),
    CALL("clock_adjtime"),
    CALL("adjtimex"),
    CALL("sethostname"),
    CALL("setdomainname"),
    /* code that was written by the process that runs it; loaders map what is in files */
    CALL_IF("mmap", CALL_BITS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC)),
    CALL_IF("mprotect", CALL_BITS(2, PROT_EXEC, PROT_EXEC)),
    CALL_IF("pkey_mprotect", CALL_BITS(2, PROT_EXEC, PROT_EXEC)),
    CALL_IF("shmat", CALL_BITS(2, SHM_EXEC, SHM_EXEC)),
    /* typing into the terminal that it was started from; the kernel looks at the lower half only */
    CALL_IF("ioctl", CALL_BITS(1, UINT32_MAX, TIOCSTI)),
    CALL_IF("ioctl", CALL_BITS(1, UINT32_MAX, TIOCLINUX)),
    /* of all families beyond these only local, internet, netlink and packet sockets are used */
    CALL_IF("socket", CALL_ABOVE(0, AF_PACKET)),
};

static const struct call bpf_calls[] = {CALL("bpf")};

#define CALLS(rows) ((struct calls){rows, sizeof(rows) / sizeof(*(rows))})

struct calls calls_of_parent(enum calls_group group)
{
	return group == CALLS_PARENT_BPF ? CALLS(bpf_calls) : CALLS(parent_calls);
}
