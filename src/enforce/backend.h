/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BACKEND_H
#define ENFORCE_BACKEND_H

/*
 * What carries cuts out: the kernel's nftables, XDP programs, or routers by BGP. One interface for all, so
 * that the enforcer's process (daemon/) knows nothing of them. A backend holds elements, each a cut with a
 * time until which it stands, and one lease for all that don't fail closed: when the lease is over nothing of
 * them drops a packet any more, whoever is dead by then (doc/live.md).
 *
 * Times are CLOCK_BOOTTIME nanoseconds; a backend whose far side knows no clock of ours converts.
 *
 * A backend makes system calls on its own descriptors only. Nothing of it blocks for longer than a kernel's
 * answer: reading back is done in steps. Errors: -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contain/cut.h"

enum backend_act { BACKEND_ADD, BACKEND_RENEW, BACKEND_REMOVE };

struct backend_step {
	struct cut cut;
	int64_t until; /* of what is added or renewed */
	uint8_t act;   /* enum backend_act */
	bool fail_closed;
};

/* An element as it was read back. */
struct backend_element {
	struct cut cut;
	int64_t until;
	bool fail_closed;
	uint64_t packets, bytes; /* dropped by it; UINT64_MAX: not counted here */
};

/* Packets that pass though an end of a cut is theirs: what must go on working on a cut-off machine, and what
 * is never cut. */
struct backend_pass {
	struct net_prefix prefix; /* 0 bits: anywhere, of either family */
	uint8_t protocol;         /* IP protocol; 0: any, and any port */
	uint16_t port;            /* the service's; 0: any */
};

struct backend;

struct backend_ops {
	const char *name;
	/* Why this cut can't be carried out here, or NULL where it can. */
	const char *(*cannot)(const struct backend *b, const struct cut *c, bool fail_closed);
	/*
	 * Carries out all steps or none. An ADD of what is there and a REMOVE of what isn't are no errors.
	 * With an error *ret_at (may be NULL) is the step that it is about, or n.
	 */
	int (*change)(struct backend *b, const struct backend_step *steps, size_t n, size_t *ret_at);
	/* Renews the lease; what hangs on it ends then. */
	int (*lease)(struct backend *b, int64_t until);
	/* Ends connections that cut c stops and that stood before. *ret_ended: how many. NULL: there is no
	 * such thing here. */
	int (*end_connections)(struct backend *b, const struct cut *cuts, size_t n, size_t *ret_ended);
	/* Begins to read back all that stands. */
	int (*read_begin)(struct backend *b);
	/* Reads on, at most some hundred elements: 1 there is more (wait for fd), 0 done: *ret_elements
	 * (sorted by cut_compare, the caller frees it), *ret_intact: what else the backend put there (tables,
	 * chains, rules, programs, sessions) is as it was put. */
	int (*read_more)(
	    struct backend *b, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact);
	/* Puts back what isn't intact, without elements. */
	int (*repair)(struct backend *b);
	/* A descriptor that becomes readable when somebody else changed what is ours, or -1. */
	int (*fd)(const struct backend *b);
	/* Reads what fd has. *ret_foreign: somebody else changed what is ours. */
	int (*events)(struct backend *b, bool *ret_foreign);
	/* When the backend wants `tick` again; INT64_MAX: never. */
	int64_t (*deadline)(const struct backend *b);
	int (*tick)(struct backend *b, int64_t now);
	/* Takes away everything of ours. */
	int (*clear)(struct backend *b);
	/* Lets go of it; what it put stays. */
	void (*close)(struct backend *b);
};

/* The beginning of every backend. */
struct backend {
	const struct backend_ops *ops;
};

#endif
