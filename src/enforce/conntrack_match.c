/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/conntrack_match.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

/* The source of one direction's tuple: where its packets come from. */
struct source {
	struct net_addr addr;
	uint8_t protocol;
	uint16_t port;
	bool has_addr;
};

static void read_ip(const struct nlattr *nest, struct source *s)
{
	const struct nlattr *a;
	mnl_attr_for_each_nested(a, nest)
	{
		size_t n = mnl_attr_get_payload_len(a);
		if (mnl_attr_get_type(a) == CTA_IP_V4_SRC && n == 4)
			s->addr = net_addr_v4(mnl_attr_get_payload(a));
		else if (mnl_attr_get_type(a) == CTA_IP_V6_SRC && n == 16)
			s->addr = net_addr_v6(mnl_attr_get_payload(a));
		else
			continue;
		s->has_addr = true;
	}
}

static void read_protocol(const struct nlattr *nest, struct source *s)
{
	const struct nlattr *a;
	mnl_attr_for_each_nested(a, nest)
	{
		size_t n = mnl_attr_get_payload_len(a);
		if (mnl_attr_get_type(a) == CTA_PROTO_NUM && n == 1)
			s->protocol = mnl_attr_get_u8(a);
		else if (mnl_attr_get_type(a) == CTA_PROTO_SRC_PORT && n == 2)
			s->port = ntohs(mnl_attr_get_u16(a));
	}
}

static struct source read_tuple(const struct nlattr *tuple)
{
	struct source s = {0};
	const struct nlattr *a;
	mnl_attr_for_each_nested(a, tuple)
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			read_ip(a, &s);
		else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			read_protocol(a, &s);
	}
	return s;
}

int conntrack_ends_read(const struct nlmsghdr *h, struct conntrack_ends *ret_ends)
{
	struct source begins = {0}, answers = {0};
	const struct nlattr *a;
	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_CTNETLINK ||
	    NFNL_MSG_TYPE(h->nlmsg_type) != IPCTNL_MSG_CT_NEW ||
	    h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return -EPROTO;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
			begins = read_tuple(a);
		else if (mnl_attr_get_type(a) == CTA_TUPLE_REPLY)
			answers = read_tuple(a);
	}
	if (!begins.has_addr || !answers.has_addr)
		return -EPROTO;
	/* the sources of both directions: a translated address stands only among the destinations */
	*ret_ends = (struct conntrack_ends){
	    .initiator = begins.addr,
	    .responder = answers.addr,
	    .protocol = begins.protocol,
	    .initiator_port = begins.port,
	    .responder_port = answers.port,
	};
	return 0;
}

static int add_shape(struct conntrack_cuts *c, const struct cut *cut)
{
	struct conntrack_shape s = {cut->from.bits, cut->to.bits, cut->direction};
	for (size_t i = 0; i < c->n_shapes; i++)
		if (memcmp(&c->shapes[i], &s, sizeof(s)) == 0)
			return 0;
	if (c->n_shapes == CONNTRACK_SHAPES_MAX)
		return -E2BIG;
	c->shapes[c->n_shapes++] = s;
	return 0;
}

int conntrack_cuts_init(struct conntrack_cuts *c, const struct cut *cuts, size_t n,
    const struct backend_pass *passes, size_t n_passes)
{
	*c = (struct conntrack_cuts){.passes = passes, .n_passes = n_passes};
	if (n > CONNTRACK_CUTS_MAX)
		return -E2BIG;
	/* the keys are orders' cuts, not anything that a stranger chooses to collide */
	int r = table_new(&c->cuts, sizeof(struct cut), 1, n + 1, 0);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = add_shape(c, &cuts[i]);
		if (r == 0 && !table_put(c->cuts, &cuts[i], NULL))
			r = -ENOMEM;
	}
	if (r < 0)
		conntrack_cuts_free(c);
	return r;
}

void conntrack_cuts_free(struct conntrack_cuts *c)
{
	table_free(c->cuts);
	c->cuts = NULL;
}

static bool has_cut(
    const struct conntrack_cuts *c, const struct conntrack_shape *s, struct net_addr from, struct net_addr to)
{
	struct cut cut = {
	    .from = net_prefix_of(from, s->from_bits),
	    .to = net_prefix_of(to, s->to_bits),
	    .direction = s->direction,
	};
	return table_get(c->cuts, &cut) != NULL;
}

/* Only an end's own service: a port on the other end's side is nothing that passes. */
static bool passes(
    const struct backend_pass *p, const struct conntrack_ends *e, struct net_addr addr, uint16_t port)
{
	if (p->prefix.bits && !net_prefix_contains(p->prefix, addr))
		return false;
	return p->protocol == 0 || (p->protocol == e->protocol && (p->port == 0 || p->port == port));
}

static bool is_spared(const struct conntrack_cuts *c, const struct conntrack_ends *e)
{
	for (size_t i = 0; i < c->n_passes; i++)
		if (passes(&c->passes[i], e, e->initiator, e->initiator_port) ||
		    passes(&c->passes[i], e, e->responder, e->responder_port))
			return true;
	return false;
}

bool conntrack_cuts_stop(const struct conntrack_cuts *c, const struct conntrack_ends *ends)
{
	for (size_t i = 0; i < c->n_shapes; i++) {
		const struct conntrack_shape *s = &c->shapes[i];
		if (has_cut(c, s, ends->initiator, ends->responder) ||
		    (s->direction == CUT_BOTH && has_cut(c, s, ends->responder, ends->initiator)))
			return !is_spared(c, ends);
	}
	return false;
}
