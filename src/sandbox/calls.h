/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

/*
 * System calls by purpose, as data: a row is a call, perhaps with tests of its arguments, that is let
 * through or answered with an error. A profile names the groups that it needs; what no row lets through kills
 * the process. Several rows of one call: any of them. Tests see numbers only, never what a pointer leads to.
 * Private to sandbox/.
 */

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

enum { CALL_TESTS_MAX = 3 };

struct call {
	const char *name;
	uint8_t n_tests;
	uint16_t error; /* the call isn't made and gives this errno; 0: it is made */
	struct scmp_arg_cmp tests[CALL_TESTS_MAX];
};

/* A value that stands for the process's own id. */
#define CALL_OWN_PID UINT64_C(0xffffffff00000001)

/* Initializers of tests: argument number `arg` is, is below, has of the bits of `mask` just those of `value`.
 * libseccomp compares 64 bits, so what has set upper halves where the kernel takes an int never passes for
 * equal or below. */
/* clang-format off */
#define CALL_IS(arg, value)         {arg, SCMP_CMP_EQ, value, 0}
#define CALL_BELOW(arg, value)      {arg, SCMP_CMP_LT, value, 0}
#define CALL_ABOVE(arg, value)      {arg, SCMP_CMP_GT, value, 0}
#define CALL_BITS(arg, mask, value) {arg, SCMP_CMP_MASKED_EQ, mask, value}

/* Initializers of rows: always, or where all tests hold. */
#define CALL(call)                  {.name = (call)}
#define CALL_IF(call, ...)          {.name = (call), .tests = {__VA_ARGS__}, \
	.n_tests = sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp)}
#define CALL_FAILS(call, why)       {.name = (call), .error = (why)}
#define CALL_FAILS_IF(call, why, ...) {.name = (call), .error = (why), .tests = {__VA_ARGS__}, \
	.n_tests = sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp)}
/* clang-format on */

enum calls_group {
	CALLS_MEMORY, /* never executable */
	CALLS_ITSELF, /* time, its own ids, signals to itself, its end */
	CALLS_READS,  /* of what is open */
	CALLS_WRITES, /* to what is open */
	CALLS_DUPLICATES,
	CALLS_EVENTS,    /* the poll loop */
	CALLS_SENDS,     /* on connected sockets */
	CALLS_LOW_SENDS, /* and writes: only below SANDBOX_RINGS_FROM */
	CALLS_FOLDERS,   /* what stands where; nothing is changed */
	CALLS_READ_FILES,
	CALLS_WRITE_FILES,
	CALLS_TERMINAL,
	CALLS_THREADS,
	CALLS_RING,
	CALLS_NETFILTER,
	CALLS_XDP,
	CALLS_BGP,
	CALLS_ACCEPT,
	CALLS_CONNECT, /* TCP outwards */
	CALLS_TCP,     /* options of TCP connections */
	CALLS_RESOLVE, /* names, by UDP */
	/* lists of what is forbidden; with CALLS_PARENT all else is let through */
	CALLS_PARENT,
	CALLS_PARENT_BPF,
	CALLS_GROUPS
};

struct calls {
	const struct call *rows;
	size_t n;
};

/* The rows of one group; groups of sockets stand in calls_sockets.c, the parent's in calls_parent.c. */
struct calls calls_of(enum calls_group group);
struct calls calls_of_sockets(enum calls_group group);
struct calls calls_of_parent(enum calls_group group);

#endif
