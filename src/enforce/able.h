/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_ABLE_H
#define ENFORCE_ABLE_H

/*
 * What a kind of backend can carry out, as far as the cut alone tells: so that whoever plans knows it before
 * anybody approves. A backend's own `cannot` asks this too, and then what only it knows. Pure.
 */

#include <stdbool.h>

#include "contain/cut.h"
#include "enforce/netfilter_shape.h"

enum able_kind { ABLE_NFTABLES, ABLE_XDP, ABLE_FLOWSPEC, ABLE_BLACKHOLE };

/* Why that kind can't carry the cut out: a phrase; or NULL. */
const char *able_cannot(enum able_kind kind, const struct cut *c, bool fail_closed);

/* The shapes of cuts that would be in force together. Zeroed struct = none. */
struct able_shapes {
	struct netfilter_shape v[64]; /* NETFILTER_SHAPES_MAX */
	size_t n, last;
};

/* False: it is of one more shape than nftables' backend has sets for. */
bool able_shapes_add(struct able_shapes *s, const struct cut *c, bool fail_closed);

#endif
