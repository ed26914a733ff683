/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_H
#define ENFORCE_NETFILTER_H

/*
 * The backend that puts cuts into the kernel's nftables, speaking netlink itself. One table of one name in
 * each asked-for family (inet for routed packets, bridge, netdev for ingress); no other table is ever
 * touched. How a cut becomes a set element, what stands in the tables and what it costs: doc/enforce.md.
 *
 * It owns four netlink sockets, opened here, and asks CAP_NET_ADMIN in the network namespace at each use. All
 * its system calls are sendmsg, recvmsg and recvfrom on these, epoll at opening, clock_gettime and close.
 *
 * Bounds: 64 shapes (prefix lengths and kinds of cut) in force at once, 2^20 steps a change, 2^20 elements
 * read back, 4,096 passes of 64 shapes.
 */

#include "enforce/backend.h"

/* Where packets are stopped; bits. */
enum netfilter_hook {
	NETFILTER_ROUTED = 1,  /* between interfaces of this machine, by its routes */
	NETFILTER_BRIDGED = 2, /* between the ports of its bridges */
	NETFILTER_INGRESS = 4  /* as they arrive at `interfaces`, whoever they are for */
};

enum {
	NETFILTER_INTERFACES_MAX = 16,
	NETFILTER_PASSES_MAX = 4096,
	NETFILTER_SHAPES_MAX = 64,
	NETFILTER_PASS_SHAPES_MAX = 64,
	NETFILTER_STEPS_MAX = 1 << 20,
	NETFILTER_ELEMENTS_MAX = 1 << 20,
};

struct netfilter_config {
	const char *table;             /* NULL: "bulkhead" */
	unsigned hooks;                /* at least one bit of enum netfilter_hook */
	const char *const *interfaces; /* of ingress */
	size_t n_interfaces;
	bool reset; /* a stopped TCP packet's sender is told so; only where packets are routed */
	const struct backend_pass *passes;
	size_t n_passes;
};

/*
 * Opens the sockets and puts the tables, all in one transaction. Where tables of ours stand already their
 * elements, counters and lease stay and everything else is put anew, so packets are stopped without a gap.
 * What passes is what the configuration says now. Tables of ours in families that aren't asked for any more
 * go. Nothing that may be leased stops a packet before the first `lease`, unless the last one of a table that
 * was there still lasts.
 *
 * The configuration is copied. -EINVAL: it breaks a bound, names no hook, or lets everything pass; -EEXIST: a
 * table of that name isn't ours; -ENODEV: an interface isn't there; -EPERM.
 */
int netfilter_open(const struct netfilter_config *config, struct backend **ret_backend);

#endif
