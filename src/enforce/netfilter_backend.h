/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_BACKEND_H
#define ENFORCE_NETFILTER_BACKEND_H

/* The backend's parts, for its own files: opening and reading (netfilter.c), putting the structure
 * (netfilter_build.c), changing elements (netfilter_change.c). */

#include "enforce/conntrack.h"
#include "enforce/netfilter_read.h"

/* Debian 12's header ends before it. */
enum { NETFILTER_MSG_DESTROYSETELEM = 30 };

struct netfilter {
	struct backend backend; /* first: the ops are given this */
	struct netfilter_model m;
	struct backend_pass *passes;
	size_t n_passes;
	struct mnl_socket *change, *read, *events;
	struct conntrack *conntrack;
	int poll_fd;
	uint32_t sequence;
	struct netfilter_batch batch;
	struct netfilter_reader reader, surveyor;
	bool renews;         /* the kernel gives an element that is there another timeout (Linux 6.12) */
	bool destroys;       /* it takes away what isn't there without an error (Linux 6.3) */
	int64_t lease_until; /* as it was last set; 0: not yet */
	uint64_t changes;    /* of elements and shapes, so far */
	uint64_t read_at;    /* `changes` as the reading began */
	struct netfilter_shape empty[NETFILTER_SHAPES_MAX]; /* without an element, as was read */
	size_t n_empty;
};

/* Begins a transaction in n->batch; -ENOMEM. */
int netfilter_begin(struct netfilter *n);
/* Ends it and carries it out. *ret_mark (may be NULL): that of the message, or list element, that the error
 * is about, NETFILTER_NO_MARK where that isn't known. */
int netfilter_commit(struct netfilter *n, size_t *ret_mark);
/* Reads what stands by name and puts everything but cuts' elements, in one transaction. `take`: a table that
 * bears no mark of ours is replaced, not refused. */
int netfilter_build(struct netfilter *n, bool take);
/* Writes all rules anew, over those that are there. */
void netfilter_put_all_rules(struct netfilter *n);
/* Writes the lease's elements as they shall be at `now`. */
void netfilter_put_lease(struct netfilter *n, int64_t now);
int netfilter_clear(struct netfilter *n);
/* Find out whether the kernel renews and destroys, and where it tracks connections; need the tables. */
int netfilter_probe_timeouts(struct netfilter *n);
int netfilter_probe_tracking(struct netfilter *n);
/* Milliseconds from now until then, for a timeout: 0 where it is past. */
uint64_t netfilter_timeout(int64_t until, int64_t now);
int netfilter_change(struct netfilter *n, const struct backend_step *steps, size_t n_steps, size_t *ret_at);
/* Takes the sets and rules of shapes away that had no element. */
int netfilter_sweep(struct netfilter *n);

#endif
