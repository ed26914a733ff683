/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_RECONCILE_H
#define ENFORCE_RECONCILE_H

/*
 * What must change in a backend for it to hold what is wanted: the difference between two sorted lists, to be
 * carried out in one transaction. Pure. It is asked for after a backend was read back; between that the
 * enforcer knows what changes (enforce/desired.h).
 *
 * Every element has a timeout that the kernel itself ends: the end of the orders that want it. What ends
 * cuts earlier, with all of us dead, is the backend's one lease (enforce/backend.h), no business of this.
 */

#include "contain/orders.h"
#include "enforce/backend.h"

/* Timeouts are set in milliseconds and read back a little later: what differs by no more stays. */
#define RECONCILE_SLACK_NS INT64_C(50000000)

/*
 * `wanted` sorted by cut and without doubles; `elements` sorted by cut, where a cut may stand twice, failing
 * closed and not. Sets *ret_steps (which the caller frees) to what is to be done. A cut whose end is past is
 * not wanted. One that is to fail closed and doesn't, or the reverse, is removed and added, in this order.
 * 0 or -ENOMEM.
 */
int reconcile(const struct wanted_cut *wanted, size_t n_wanted, const struct backend_element *elements,
    size_t n_elements, int64_t now, struct backend_step **ret_steps, size_t *ret_n);

#endif
