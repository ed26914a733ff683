/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_CONNTRACK_H
#define ENFORCE_CONNTRACK_H

/*
 * Ends connections that stood before they were cut, by taking them from the kernel's connection tracking: the
 * rules stop their packets anyway, but what is translated (NAT) or offloaded to a flowtable goes on by its
 * entry. The kernel's table is dumped once, filtered there by an address where one cut or a few have single
 * ones, and what a cut stops is deleted. A connection's ends are those behind any translation.
 *
 * Owns one netlink socket; asks CAP_NET_ADMIN. Bounds: 2^20 cuts of 64 shapes; 2^20 connections.
 */

#include "enforce/backend.h"

struct conntrack;

int conntrack_open(struct conntrack **ret_conntrack);
void conntrack_close(struct conntrack *t); /* NULL is fine */
/*
 * *ret_ended: how many went. What passes is spared. 0, also where nothing is tracked; -E2BIG, -ENOMEM,
 * -EPERM; -EAGAIN: the table changed all the while. After an error some may have ended.
 */
int conntrack_end(struct conntrack *t, const struct cut *cuts, size_t n, const struct backend_pass *passes,
    size_t n_passes, size_t *ret_ended);

#endif
