/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

/*
 * Giving up what a process doesn't need, before it reads a byte from outside. Irrevocable. What each process
 * keeps is data: sandbox/profiles.c (capabilities, limits, files), sandbox/calls.c and calls_sockets.c
 * (system calls). The order: descriptors that aren't listed are closed; the user, its groups and all other
 * capabilities given up, and the drop checked; no_new_privs, no core dumps, not dumpable; an end that comes
 * with the parent's; limits; Landlock (files, TCP, signals: what the kernel knows of it, asked at run time);
 * last a seccomp allow-list that kills the process.
 *
 * What couldn't be applied is told, never hidden: a kernel without Landlock still gets the rest. What isn't
 * fenced at all, and why, stands in doc/sandbox.md. To be called before there is a second thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The processes of doc/live.md, and the offline pass. */
enum sandbox_profile {
	/* Offline analysis: open files stay readable, files may be made and read beneath the given folders;
	 * no network, no new programs, no other processes. Keeps its user. */
	SANDBOX_ANALYZE,
	/* Keeps user 0 and a few capabilities, starts processes, writes only beneath the given folders where
	 * any are given. A list of what is forbidden, which its children inherit. */
	SANDBOX_PARENT,
	SANDBOX_SENSOR,
	SANDBOX_ENGINE,
	SANDBOX_ARCHIVIST,
	SANDBOX_PLANNER,
	SANDBOX_ENFORCER,
	SANDBOX_GATEWAY,
	SANDBOX_COURIER,
	SANDBOX_LINK,
	SANDBOX_PROFILES
};

/* How much of it: for tests, and for kernels, tracers and sanitizers that can't live with a part. */
enum sandbox_level {
	SANDBOX_LEVEL_ALL,
	SANDBOX_LEVEL_NO_LANDLOCK,
	SANDBOX_LEVEL_NO_SECCOMP,
	SANDBOX_LEVEL_NONE, /* descriptors are closed and it ends with its parent; no fence at all */
	SANDBOX_LEVELS
};

/* What an enforcer carries cuts out with, and the parent of such a one: bits. */
enum sandbox_option {
	SANDBOX_NETFILTER = 1, /* CAP_NET_ADMIN, NETLINK_NETFILTER */
	SANDBOX_XDP = 2,       /* CAP_NET_ADMIN, CAP_BPF; maps and programs that are there already, and
	                          their pins, whose folder is to be given for writing */
	SANDBOX_BGP = 4,       /* TCP to the given ports */
};

enum sandbox_access { SANDBOX_READ, SANDBOX_WRITE };

/* A folder with all beneath it, or a file. Writing includes reading, making, renaming and removing. A rule is
 * for what stands under that name now: whoever replaces a file makes another. */
struct sandbox_path {
	const char *path;
	enum sandbox_access access;
	bool optional; /* no mistake where it isn't there */
};

struct sandbox_request {
	enum sandbox_profile profile;
	enum sandbox_level level;
	unsigned options; /* bits of enum sandbox_option */
	const struct sandbox_path *paths;
	size_t n_paths;
	const uint16_t *ports; /* TCP ports it may connect to, where its profile connects at all */
	size_t n_ports;
	const int *fds; /* stay open beside 0, 1 and 2 */
	size_t n_fds;
	bool keep_fds; /* all stay open */
	/* Whom to become. 0: nobody else. Where that takes rights that the process hasn't it stays who it is,
	 * and a child that stays user 0 is told so too. */
	uid_t uid;
	gid_t gid;
	pid_t parent; /* the process to end with; 0: none */
};

/* Numbers of bits in sandbox_result.missing. */
enum sandbox_missing {
	SANDBOX_MISSING_USER,     /* couldn't become another user, or is user 0 */
	SANDBOX_MISSING_LANDLOCK, /* nothing of it: the kernel hasn't it, or the level leaves it out */
	SANDBOX_MISSING_TRUNCATE, /* Landlock before ABI 3 */
	SANDBOX_MISSING_TCP,      /* before ABI 4 */
	SANDBOX_MISSING_DEVICES,  /* before ABI 5 */
	SANDBOX_MISSING_SCOPES,   /* before ABI 6 */
	SANDBOX_MISSING_SECCOMP,  /* the level leaves it out */
	SANDBOX_MISSING_COUNT
};

struct sandbox_result {
	bool landlock; /* the kernel has it, and it holds */
	bool seccomp;
	int landlock_abi; /* 0: none */
	uint32_t missing; /* 1 << enum sandbox_missing */
};

/* A sensor's rings are numbered from here on (sandbox_ring_number): on these numbers nothing can be sent. */
enum { SANDBOX_RINGS_FROM = 256 };

/*
 * 0 or -errno: -ESRCH (the parent is gone), -EINVAL (a packet socket of a sensor stands below
 * SANDBOX_RINGS_FROM). On failure some of it may hold already and the process must end.
 */
int sandbox_enter(const struct sandbox_request *request, struct sandbox_result *ret_result);
/* Moves a descriptor to a number from SANDBOX_RINGS_FROM on and closes the old one. *fd is the new one;
 * unchanged on failure. 0 or -errno. */
int sandbox_ring_number(int *fd);

/* "sensor" ... and back: -EINVAL. "all", "no-landlock", "no-seccomp", "none". */
const char *sandbox_profile_name(enum sandbox_profile profile);
const char *sandbox_level_name(enum sandbox_level level);
int sandbox_level_parse(const char *name, enum sandbox_level *ret_level);
/* What the operator is to know of a bit that is set: one sentence. */
const char *sandbox_missing_text(enum sandbox_missing missing);

#endif
