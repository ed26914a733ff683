/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_CONNTRACK_MATCH_H
#define ENFORCE_CONNTRACK_MATCH_H

/* Whether a connection, as the kernel's connection tracking tells of it, is stopped by one of many cuts. The
 * time for one depends on how many different prefix lengths the cuts have, not on how many they are. Pure. */

#include <libmnl/libmnl.h>

#include "base/table.h"
#include "enforce/backend.h"

enum { CONNTRACK_SHAPES_MAX = 64, CONNTRACK_CUTS_MAX = 1 << 20 };

/* The two ends, behind any translation. */
struct conntrack_ends {
	struct net_addr initiator, responder;
	uint8_t protocol;
	uint16_t initiator_port, responder_port; /* 0 where there are none */
};

struct conntrack_shape {
	uint8_t from_bits, to_bits, direction;
};

struct conntrack_cuts {
	struct table *cuts; /* struct cut -> a byte */
	struct conntrack_shape shapes[CONNTRACK_SHAPES_MAX];
	size_t n_shapes;
	const struct backend_pass *passes; /* borrowed */
	size_t n_passes;
};

/* Reads an IPCTNL_MSG_CT_NEW message. -EPROTO: it is none, or not of IP. */
int conntrack_ends_read(const struct nlmsghdr *h, struct conntrack_ends *ret_ends);
/* -E2BIG at a bound, -ENOMEM. */
int conntrack_cuts_init(struct conntrack_cuts *c, const struct cut *cuts, size_t n,
    const struct backend_pass *passes, size_t n_passes);
void conntrack_cuts_free(struct conntrack_cuts *c);
bool conntrack_cuts_stop(const struct conntrack_cuts *c, const struct conntrack_ends *ends);

#endif
