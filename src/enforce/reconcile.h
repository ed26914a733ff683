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

/*
 * What ends a little otherwise than wanted stays. Earlier by what rounding to milliseconds and the time of
 * the reading make of it: an element that ends early leaves a gap, so no more. Later by less than a second:
 * the kernel begins each timeout as it comes to the element, which in a change of 100,000 is up to 0.7 s
 * (doc/enforce.md), and putting that right would be as late again. So a cut outstays its order by less than
 * that; whoever is released is given back by a removal, which doesn't wait for a timeout.
 */
#define RECONCILE_EARLY_NS INT64_C(50000000)
#define RECONCILE_LATE_NS  INT64_C(1000000000)

/*
 * `wanted` sorted by cut and without doubles; `elements` sorted by cut, where a cut may stand twice, failing
 * closed and not. Sets *ret_steps (which the caller frees) to what is to be done. A cut whose end is past is
 * not wanted. One that is to fail closed and doesn't, or the reverse, is removed and added, in this order.
 * 0 or -ENOMEM.
 */
int reconcile(const struct wanted_cut *wanted, size_t n_wanted, const struct backend_element *elements,
    size_t n_elements, int64_t now, struct backend_step **ret_steps, size_t *ret_n);

#endif
