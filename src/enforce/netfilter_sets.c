/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include "enforce/netfilter_chains.h"
#include "enforce/netfilter_elements.h"

/* Expired elements match no packet any more; this is how often their memory is taken back. */
enum { GC_INTERVAL_MS = 10000 };

/* nft's numbers of types, so that it lists keys as what they are; several are strung together, six bits each.
 */
enum { TYPE_ADDR4 = 7, TYPE_ADDR6 = 8, TYPE_PROTOCOL = 12, TYPE_SERVICE = 13, TYPE_BITS = 6 };

const char *const netfilter_family_chains[2] = {"ip", "ip6"};
const char *const netfilter_class_chains[2][2] = {{"leased_ip", "leased_ip6"}, {"closed_ip", "closed_ip6"}};
const char *const netfilter_answer_chains[2][2] = {
    {"leased_ip_answers", "leased_ip6_answers"}, {"closed_ip_answers", "closed_ip6_answers"}};
const char netfilter_stop_chain[] = "stop";

size_t netfilter_base_chains(const struct netfilter_model *m, const struct netfilter_family *f)
{
	return f->family == NFPROTO_NETDEV ? m->n_interfaces : 1;
}

char *netfilter_base_chain(const struct netfilter_family *f, size_t i, char buf[NETFILTER_NAME_SIZE])
{
	if (f->family == NFPROTO_NETDEV)
		snprintf(buf, NETFILTER_NAME_SIZE, "ingress_%zu", i);
	else
		snprintf(buf, NETFILTER_NAME_SIZE, "forward");
	return buf;
}

struct nlmsghdr *netfilter_message(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, uint16_t type, uint16_t flags, size_t mark)
{
	/* the first attribute names the table, whatever a message is about */
	struct nlmsghdr *h = netfilter_batch_message(b, type, f->family, flags, mark);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, m->table);
	return h;
}

void netfilter_put_table(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	struct nlmsghdr *h = netfilter_message(m, f, b, NFT_MSG_NEWTABLE, NLM_F_CREATE, NETFILTER_NO_MARK);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, 0);
	mnl_attr_put(h, NFTA_TABLE_USERDATA, netfilter_mark_size, netfilter_mark);
}

static struct nlmsghdr *put_chain(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, const char *name)
{
	struct nlmsghdr *h = netfilter_message(m, f, b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NETFILTER_NO_MARK);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	return h;
}

void netfilter_put_chains(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	char name[NETFILTER_NAME_SIZE];
	for (size_t i = 0; i < 2; i++) {
		put_chain(m, f, b, netfilter_family_chains[i]);
		for (size_t class = 0; class < 2; class ++) {
			put_chain(m, f, b, netfilter_class_chains[class][i]);
			put_chain(m, f, b, netfilter_answer_chains[class][i]);
		}
	}
	put_chain(m, f, b, netfilter_stop_chain);
	for (size_t i = 0; i < netfilter_base_chains(m, f); i++) {
		struct nlmsghdr *h = put_chain(m, f, b, netfilter_base_chain(f, i, name));
		struct nlattr *hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(f->hook_number));
		mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)f->priority));
		if (f->family == NFPROTO_NETDEV)
			mnl_attr_put_strz(h, NFTA_HOOK_DEV, m->interfaces[i]);
		mnl_attr_nest_end(h, hook);
		mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	}
}

/* A key as it grows, field by field. */
struct key {
	uint32_t type, size;
};

static void add_field(struct key *k, uint32_t type, uint32_t size)
{
	k->type = k->type << TYPE_BITS | type;
	k->size += size;
}

static struct nlmsghdr *put_set(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, const char *name, struct key key, uint32_t flags, size_t mark)
{
	/* sets of one transaction want numbers that differ; rules find them by name */
	uint32_t id = (uint32_t)b->n + 1;
	struct nlmsghdr *h = netfilter_message(m, f, b, NFT_MSG_NEWSET, NLM_F_CREATE, mark);
	mnl_attr_put_strz(h, NFTA_SET_NAME, name);
	if (flags)
		mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(flags));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(key.type));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(key.size));
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(id));
	return h;
}

void netfilter_put_lease_set(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	struct key key = {f->meta_type, f->meta_size};
	put_set(m, f, b, NETFILTER_LEASE_SET, key, NFT_SET_TIMEOUT, NETFILTER_NO_MARK);
}

void netfilter_put_pass_sets(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	char name[NETFILTER_NAME_SIZE];
	for (size_t i = 0; i < m->n_passes; i++) {
		const struct netfilter_pass *p = &m->passes[i];
		struct key key = {0};
		if (i && netfilter_pass_same_set(p, p - 1))
			continue;
		if (p->bits)
			add_field(&key, p->v6 ? TYPE_ADDR6 : TYPE_ADDR4, p->v6 ? 16 : 4);
		if (p->fields >= 1)
			add_field(&key, TYPE_PROTOCOL, 4);
		if (p->fields >= 2)
			add_field(&key, TYPE_SERVICE, 4);
		put_set(m, f, b, netfilter_pass_set_name(p, name), key, 0, NETFILTER_SHAPES_MAX + i);
	}
}

void netfilter_put_pass_elements(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	struct netfilter_elements list;
	char name[NETFILTER_NAME_SIZE];
	for (size_t i = 0; i < m->n_passes; i++) {
		const struct netfilter_pass *p = &m->passes[i];
		if (i == 0 || !netfilter_pass_same_set(p, p - 1)) {
			if (i)
				netfilter_elements_end(&list);
			netfilter_elements_begin(&list, m, f, b, NFT_MSG_NEWSETELEM,
			    netfilter_pass_set_name(p, name), NETFILTER_NO_MARK);
		}
		netfilter_elements_add(&list, p->key, p->size, 0, false, NETFILTER_NO_MARK);
	}
	if (m->n_passes)
		netfilter_elements_end(&list);
}

void netfilter_put_shape_set(const struct netfilter_model *m, const struct netfilter_family *f,
    const struct netfilter_shape *s, struct netfilter_batch *b, size_t mark)
{
	char name[NETFILTER_NAME_SIZE];
	struct key key = {0};
	if (netfilter_shape_from(s))
		add_field(&key, s->v6 ? TYPE_ADDR6 : TYPE_ADDR4, s->v6 ? 16 : 4);
	if (netfilter_shape_to(s))
		add_field(&key, s->v6 ? TYPE_ADDR6 : TYPE_ADDR4, s->v6 ? 16 : 4);
	struct nlmsghdr *h = put_set(m, f, b, netfilter_shape_name(s, name), key, NFT_SET_TIMEOUT, mark);
	mnl_attr_put_u32(h, NFTA_SET_GC_INTERVAL, htonl(GC_INTERVAL_MS));
	struct nlattr *counter = mnl_attr_nest_start(h, NFTA_SET_EXPR);
	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	mnl_attr_nest_end(h, counter);
}
