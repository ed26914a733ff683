/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/able.h"

#include "enforce/flowspec.h"
#include "enforce/netfilter.h"

static const char *xdp_cannot(const struct cut *c)
{
	const struct net_prefix *end = c->from.bits ? &c->from : &c->to;
	if (c->from.bits && c->to.bits)
		return "XDP looks packets up by one end: a cut between two named ends needs nftables";
	if (!end->bits)
		return "both ends are anywhere";
	if (c->direction != CUT_BOTH)
		return "XDP keeps no connections, so it can't tell who begins: one direction alone needs "
		       "nftables";
	struct net_prefix plain = end->bits <= 128 ? net_prefix_of(end->addr, end->bits) : *end;
	if (end->bits > 128 || !net_addr_equal(plain.addr, end->addr))
		return "its prefix is none";
	return NULL;
}

static const char *bgp_cannot(const struct cut *c, bool blackhole, bool fail_closed)
{
	if (fail_closed)
		return "what a router was told by BGP ends with us: it can't fail closed";
	if (blackhole && c->from.bits && c->to.bits)
		return "a blackhole route stops what is sent to an address, whoever sends it: one end of the "
		       "cut "
		       "must be anywhere";
	return flowspec_cannot(c);
}

const char *able_cannot(enum able_kind kind, const struct cut *c, bool fail_closed)
{
	struct netfilter_shape shape;
	switch (kind) {
	case ABLE_NFTABLES: return netfilter_shape_of(c, fail_closed, &shape);
	case ABLE_XDP: return xdp_cannot(c);
	case ABLE_FLOWSPEC: return bgp_cannot(c, false, fail_closed);
	case ABLE_BLACKHOLE: return bgp_cannot(c, true, fail_closed);
	}
	return "nobody knows how";
}

bool able_shapes_add(struct able_shapes *s, const struct cut *c, bool fail_closed)
{
	_Static_assert(sizeof(s->v) / sizeof(s->v[0]) == NETFILTER_SHAPES_MAX, "as many as there are sets");
	struct netfilter_shape shape;
	if (netfilter_shape_of(c, fail_closed, &shape))
		return true;
	/* cuts come sorted: most are of the shape before */
	if (s->last < s->n && netfilter_shape_compare(&s->v[s->last], &shape) == 0)
		return true;
	for (s->last = 0; s->last < s->n; s->last++)
		if (netfilter_shape_compare(&s->v[s->last], &shape) == 0)
			return true;
	if (s->n == NETFILTER_SHAPES_MAX)
		return false;
	s->v[s->n++] = shape;
	return true;
}
