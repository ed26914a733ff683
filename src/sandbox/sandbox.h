/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

/*
 * Giving up what a process doesn't need, before it reads a byte from outside. Irrevocable. In this order:
 * no_new_privs, core dumps off, file-size and process limits, supplementary groups and (for root) the user id
 * given up where the profile says so, Landlock (what the kernel knows of it, asked at run time), then a
 * seccomp allow-list that kills the process.
 *
 * What couldn't be applied is told, never hidden: a kernel without Landlock still gets the rest.
 */

#include <stdbool.h>
#include <stddef.h>

enum sandbox_profile {
	/* Offline analysis: open files stay readable, files may be made and read beneath the given folders;
	 * no network, no new programs, no other processes. */
	SANDBOX_ANALYZE,
};

struct sandbox_result {
	bool landlock; /* the kernel has it, and it holds */
	bool seccomp;
	int landlock_abi; /* 0: none */
};

/* folders: beneath which the profile may write. 0 or -errno; on failure the process must end. */
int sandbox_enter(
    enum sandbox_profile profile, const char *const *folders, size_t n, struct sandbox_result *ret_result);

#endif
