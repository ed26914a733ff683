/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_same.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* A run of attributes. */
struct attributes {
	const struct nlattr *first;
	const uint8_t *end;
};

static struct attributes of_message(const struct nlmsghdr *h)
{
	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return (struct attributes){0};
	return (struct attributes){
	    mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)), (const uint8_t *)h + h->nlmsg_len};
}

static struct attributes of_nest(const struct nlattr *a)
{
	return (struct attributes){mnl_attr_get_payload(a), (const uint8_t *)a + a->nla_len};
}

static bool holds(struct attributes all, const struct nlattr *a)
{
	return a && mnl_attr_ok(a, (int)(all.end - (const uint8_t *)a));
}

/* The next one of that type at or after a, or NULL. */
static const struct nlattr *find(struct attributes all, const struct nlattr *a, uint16_t type)
{
	for (; holds(all, a); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static size_t count(struct attributes all)
{
	size_t n = 0;
	for (const struct nlattr *a = all.first; holds(all, a); a = mnl_attr_next(a))
		n++;
	return n;
}

static bool same_value(const struct nlattr *put, const struct nlattr *got)
{
	uint16_t n = mnl_attr_get_payload_len(put);
	return n == mnl_attr_get_payload_len(got) &&
	       memcmp(mnl_attr_get_payload(put), mnl_attr_get_payload(got), n) == 0;
}

enum { DEPTH_MAX = 8 };

/* What was put is ours: it says by a flag what is nested, and is no deeper than a verdict in a rule. */
static bool same_attributes(struct attributes put, struct attributes got, uint16_t skip, unsigned depth)
{
	const struct nlattr *list = NULL; /* where the search in a list of equal types goes on */
	for (const struct nlattr *p = put.first; holds(put, p); p = mnl_attr_next(p)) {
		uint16_t type = mnl_attr_get_type(p);
		if (skip && type == skip)
			continue;
		bool again = list && mnl_attr_get_type(list) == type;
		const struct nlattr *g = find(got, again ? mnl_attr_next(list) : got.first, type);
		if (!g)
			return false;
		list = g;
		if (!(p->nla_type & NLA_F_NESTED)) {
			if (!same_value(p, g))
				return false;
		} else if (depth == DEPTH_MAX || !same_attributes(of_nest(p), of_nest(g), 0, depth + 1)) {
			return false;
		}
	}
	return true;
}

int netfilter_message_kind(const struct nlmsghdr *h)
{
	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return -1;
	return NFNL_MSG_TYPE(h->nlmsg_type);
}

struct text netfilter_message_bytes(const struct nlmsghdr *h, uint16_t type)
{
	struct attributes all = of_message(h);
	const struct nlattr *a = find(all, all.first, type);
	return a ? text_bytes(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : text_of("");
}

struct text netfilter_message_name(const struct nlmsghdr *h, uint16_t type)
{
	struct text bytes = netfilter_message_bytes(h, type);
	size_t length = text_find(bytes, '\0');
	return length < bytes.n ? text_sub(bytes, 0, length) : text_of("");
}

bool netfilter_same(const struct nlmsghdr *put, const struct nlmsghdr *got)
{
	struct attributes p = of_message(put), g = of_message(got);
	int kind = netfilter_message_kind(put);
	if (kind < 0 || kind != netfilter_message_kind(got))
		return false;
	if (kind == NFT_MSG_NEWRULE) {
		const struct nlattr *put_list = find(p, p.first, NFTA_RULE_EXPRESSIONS);
		const struct nlattr *got_list = find(g, g.first, NFTA_RULE_EXPRESSIONS);
		if (!put_list || !got_list || count(of_nest(put_list)) != count(of_nest(got_list)))
			return false;
	}
	/* a set's number is only for its transaction */
	return same_attributes(p, g, kind == NFT_MSG_NEWSET ? NFTA_SET_ID : 0, 0);
}
