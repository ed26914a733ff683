/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int act_map_executable(const struct world *w)
{
	(void)w;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

int act_make_executable(const struct world *w)
{
	(void)w;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0;
}

int act_memory_file(const struct world *w)
{
	(void)w;
	return memfd_create("x", MFD_CLOEXEC) < 0;
}

int act_io_uring(const struct world *w)
{
	char parameters[120] = {0};
	(void)w;
	return syscall(SYS_io_uring_setup, 1, parameters) < 0;
}

int act_bpf(const struct world *w)
{
	union bpf_attr attr = {0};
	(void)w;
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0;
}

/* An entry of the map that the world made. */
int act_bpf_entry(const struct world *w)
{
	uint32_t key = 0, value = 7;
	union bpf_attr attr = {0};
	attr.map_fd = (uint32_t)w->map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	return syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)) < 0;
}

int act_userfaultfd(const struct world *w)
{
	(void)w;
	return syscall(SYS_userfaultfd, O_CLOEXEC) < 0;
}

int act_keyctl(const struct world *w)
{
	(void)w;
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1) < 0;
}

int act_mount(const struct world *w)
{
	return mount("none", w->outside, "tmpfs", 0, NULL) < 0;
}

int act_unshare(const struct world *w)
{
	(void)w;
	return unshare(CLONE_NEWUSER) < 0;
}

int act_module(const struct world *w)
{
	return syscall(SYS_finit_module, w->file, "", 0) < 0;
}

int act_set_clock(const struct world *w)
{
	struct timeval now;
	(void)w;
	gettimeofday(&now, NULL);
	return settimeofday(&now, NULL) < 0;
}

/* With an upper half that the kernel doesn't look at. */
int act_type_into_terminal(const struct world *w)
{
	char c = '\n';
	(void)w;
	return syscall(SYS_ioctl, 0, UINT64_C(1) << 32 | TIOCSTI, &c) < 0;
}

/* A call by another architecture's number: of x32, 1 << 30 and on. */
int act_foreign_call(const struct world *w)
{
	(void)w;
	return syscall(SYS_getpid | 0x40000000) < 0;
}
