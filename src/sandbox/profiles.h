/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_PROFILES_H
#define SANDBOX_PROFILES_H

/* What each process keeps, as data; the table stands in doc/sandbox.md too. Private to sandbox/. */

#include <stdint.h>

#include "sandbox/calls.h"
#include "sandbox/sandbox.h"

/* What Landlock fences off. */
enum profile_files {
	PROFILE_FILES_NONE,   /* all but what is given */
	PROFILE_FILES_PARENT, /* writing elsewhere, where it is given anything at all; reading and executing
	                         stay free */
};

enum { PROFILE_PATHS_MAX = 8 };

struct profile {
	const char *name;
	uint32_t calls;        /* 1 << enum calls_group */
	uint64_t capabilities; /* 1 << CAP_* */
	bool keeps_user;
	bool keeps_capabilities; /* all */
	bool ports;              /* it may connect to those that are given */
	enum profile_files files;
	bool resolves;         /* names: only what libc itself can, without a library to load */
	uint32_t descriptors;  /* RLIMIT_NOFILE; 0: as it is; likewise: */
	bool limits_processes; /* RLIMIT_NPROC is `processes` */
	uint32_t processes;
	bool writes_files; /* else RLIMIT_FSIZE is 0 */
	int end;           /* the signal that comes when the parent ends; 0: none */
	struct sandbox_path paths[PROFILE_PATHS_MAX]; /* beside those that are given; up to a NULL */
};

/* With the options' calls and capabilities. */
struct profile profile_of(enum sandbox_profile profile, unsigned options);

#endif
