/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_RECONCILE_H
#define ENFORCE_RECONCILE_H

/*
 * What must change in the kernel for it to hold what is wanted: the difference between two sorted lists, to
 * be carried out in one transaction. Pure.
 *
 * Every element has a timeout that the kernel itself ends. It is a lease, renewed while the cut is wanted,
 * and never ends later than the cut: with all of us dead a cut ends with its lease, or, where it is to fail
 * closed, at its own end.
 */

#include "contain/orders.h"

/* An element as it was read back. */
struct kernel_cut {
	struct cut cut;
	int64_t until; /* on the clock of `now` */
};

enum reconcile_act { RECONCILE_ADD, RECONCILE_RENEW, RECONCILE_REMOVE };

struct reconcile_step {
	enum reconcile_act act;
	struct cut cut;
	int64_t until; /* of what is added or renewed */
};

/*
 * Both lists sorted by cut, without doubles. Sets *ret_steps (which the caller frees) to what is to be done;
 * a cut whose end is past is not wanted. A lease is renewed when half of it is over, and cut short where it
 * reaches beyond the cut's end. 0 or -ENOMEM.
 */
int reconcile(const struct wanted_cut *wanted, size_t n_wanted, const struct kernel_cut *kernel,
    size_t n_kernel, int64_t now, int64_t lease_ns, struct reconcile_step **ret_steps, size_t *ret_n);
/* When reconciling has something to do next, if nothing else changes: at most half a lease from now. */
int64_t reconcile_deadline(const struct wanted_cut *wanted, size_t n_wanted, const struct kernel_cut *kernel,
    size_t n_kernel, int64_t now, int64_t lease_ns);

#endif
