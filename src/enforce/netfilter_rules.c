/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_model.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include "enforce/netfilter_chains.h"

/* A rule as it is written: the message, the open list of expressions, and the next free register. */
struct rule {
	const struct netfilter_model *m;
	const struct netfilter_family *f;
	struct netfilter_batch *b;
	struct nlmsghdr *h;
	struct nlattr *list, *element, *options;
	unsigned word; /* registers are counted in words of four bytes */
};

static struct rule rule_begin(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, const char *chain)
{
	struct rule r = {.m = m, .f = f, .b = b};
	r.h = netfilter_message(m, f, b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NETFILTER_NO_MARK);
	mnl_attr_put_strz(r.h, NFTA_RULE_CHAIN, chain);
	r.list = mnl_attr_nest_start(r.h, NFTA_RULE_EXPRESSIONS);
	return r;
}

static void rule_end(struct rule *r)
{
	mnl_attr_nest_end(r->h, r->list);
}

static void expression_begin(struct rule *r, const char *name)
{
	r->element = mnl_attr_nest_start(r->h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(r->h, NFTA_EXPR_NAME, name);
	r->options = mnl_attr_nest_start(r->h, NFTA_EXPR_DATA);
}

static void expression_end(struct rule *r)
{
	mnl_attr_nest_end(r->h, r->options);
	mnl_attr_nest_end(r->h, r->element);
}

static void put_u32(struct rule *r, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(r->h, type, htonl(value));
}

static void put_value(struct rule *r, uint16_t type, const void *value, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(r->h, type);
	mnl_attr_put(r->h, NFTA_DATA_VALUE, n, value);
	mnl_attr_nest_end(r->h, nest);
}

/* As the kernel numbers them when it is asked: those that begin a 16-byte register by its old number. */
static uint32_t register_number(unsigned word)
{
	return word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4;
}

static void load_meta(struct rule *r, uint32_t key)
{
	expression_begin(r, "meta");
	put_u32(r, NFTA_META_DREG, register_number(r->word++));
	put_u32(r, NFTA_META_KEY, key);
	expression_end(r);
}

static void load_payload(struct rule *r, uint32_t base, uint32_t offset, uint32_t size)
{
	expression_begin(r, "payload");
	put_u32(r, NFTA_PAYLOAD_DREG, register_number(r->word));
	put_u32(r, NFTA_PAYLOAD_BASE, base);
	put_u32(r, NFTA_PAYLOAD_OFFSET, offset);
	put_u32(r, NFTA_PAYLOAD_LEN, size);
	expression_end(r);
	r->word += (size + 3) / 4;
}

static void load_direction(struct rule *r)
{
	expression_begin(r, "ct");
	put_u32(r, NFTA_CT_DREG, register_number(r->word++));
	put_u32(r, NFTA_CT_KEY, NFT_CT_DIRECTION);
	expression_end(r);
}

/* Masks what was loaded last. */
static void mask(struct rule *r, const uint8_t *bits, uint32_t size)
{
	static const uint8_t zero[16];
	unsigned word = r->word - (size + 3) / 4;
	expression_begin(r, "bitwise");
	put_u32(r, NFTA_BITWISE_SREG, register_number(word));
	put_u32(r, NFTA_BITWISE_DREG, register_number(word));
	put_u32(r, NFTA_BITWISE_LEN, size);
	put_value(r, NFTA_BITWISE_MASK, bits, size);
	put_value(r, NFTA_BITWISE_XOR, zero, size);
	expression_end(r);
}

static void load_address(struct rule *r, bool v6, bool source, unsigned bits)
{
	uint32_t size = v6 ? 16 : 4, offset = v6 ? 8 : 12;
	struct net_addr ones;
	if (bits == 0)
		return;
	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source ? offset : offset + size, size);
	if (bits == size * 8)
		return;
	memset(ones.b, 0xff, sizeof(ones.b));
	ones = net_prefix_of(ones, (uint8_t)bits).addr;
	mask(r, ones.b, size);
}

/* Looks up all that was loaded. */
static void look_up(struct rule *r, const char *set)
{
	expression_begin(r, "lookup");
	mnl_attr_put_strz(r->h, NFTA_LOOKUP_SET, set);
	put_u32(r, NFTA_LOOKUP_SREG, register_number(0));
	put_u32(r, NFTA_LOOKUP_FLAGS, 0);
	expression_end(r);
	r->word = 0;
}

/* Goes on with the rule where what was loaded is `value`. */
static void compare(struct rule *r, const void *value, size_t n)
{
	expression_begin(r, "cmp");
	put_u32(r, NFTA_CMP_SREG, register_number(0));
	put_u32(r, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(r, NFTA_CMP_DATA, value, n);
	expression_end(r);
	r->word = 0;
}

static void verdict(struct rule *r, int code, const char *chain)
{
	expression_begin(r, "immediate");
	put_u32(r, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = mnl_attr_nest_start(r->h, NFTA_IMMEDIATE_DATA);
	struct nlattr *nest = mnl_attr_nest_start(r->h, NFTA_DATA_VERDICT);
	put_u32(r, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(r->h, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(r->h, nest);
	mnl_attr_nest_end(r->h, data);
	expression_end(r);
}

static void stop(struct rule *r)
{
	if (r->m->reset && r->f->rejects)
		verdict(r, NFT_GOTO, netfilter_stop_chain);
	else
		verdict(r, NF_DROP, NULL);
}

static void put_stop(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	static const uint8_t tcp = 6;
	if (!m->reset || !f->rejects)
		return;
	struct rule r = rule_begin(m, f, b, netfilter_stop_chain);
	load_meta(&r, NFT_META_L4PROTO);
	compare(&r, &tcp, 1);
	expression_begin(&r, "reject");
	put_u32(&r, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	expression_end(&r);
	rule_end(&r);
	r = rule_begin(m, f, b, netfilter_stop_chain);
	verdict(&r, NF_DROP, NULL);
	rule_end(&r);
}

/* A packet to a service that passes, or from it. */
static void put_pass(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, const struct netfilter_pass *p, bool to)
{
	char name[NETFILTER_NAME_SIZE];
	struct rule r = rule_begin(m, f, b, netfilter_family_chains[p->v6]);
	load_address(&r, p->v6, !to, p->bits);
	if (p->fields >= 1)
		load_meta(&r, NFT_META_L4PROTO);
	if (p->fields >= 2)
		load_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, to ? 2 : 0, 2);
	look_up(&r, netfilter_pass_set_name(p, name));
	verdict(&r, NF_ACCEPT, NULL);
	rule_end(&r);
}

static void put_cut(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, const struct netfilter_shape *s, const char *chain, bool forth)
{
	char name[NETFILTER_NAME_SIZE];
	struct rule r = rule_begin(m, f, b, chain);
	load_address(&r, s->v6, forth, netfilter_shape_from(s));
	load_address(&r, s->v6, !forth, netfilter_shape_to(s));
	look_up(&r, netfilter_shape_name(s, name));
	stop(&r);
	rule_end(&r);
}

/*
 * The cuts of one family and class: those of both directions first. Of those that stop what one side begins,
 * answers are looked up the other way round in a chain of their own. A packet that conntrack knows nothing of
 * counts as no answer.
 */
static void put_class(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, bool v6, bool closed)
{
	static const uint8_t reply = IP_CT_DIR_REPLY;
	const char *chain = netfilter_class_chains[closed][v6],
	           *answers = netfilter_answer_chains[closed][v6];
	bool begun = false;
	for (size_t i = 0; i < m->n_shapes; i++) {
		const struct netfilter_shape *s = &m->shapes[i];
		if (s->v6 != v6 || s->closed != closed || !netfilter_model_holds(m, f, s))
			continue;
		if (s->direction == CUT_BOTH) {
			put_cut(m, f, b, s, chain, true);
			put_cut(m, f, b, s, chain, false);
			continue;
		}
		if (!begun) {
			struct rule r = rule_begin(m, f, b, chain);
			load_direction(&r);
			compare(&r, &reply, 1);
			verdict(&r, NFT_GOTO, answers);
			rule_end(&r);
			begun = true;
		}
		put_cut(m, f, b, s, chain, true);
		put_cut(m, f, b, s, answers, false);
	}
}

static bool has_class(const struct netfilter_model *m, const struct netfilter_family *f, bool v6, bool closed)
{
	for (size_t i = 0; i < m->n_shapes; i++)
		if (m->shapes[i].v6 == v6 && m->shapes[i].closed == closed &&
		    netfilter_model_holds(m, f, &m->shapes[i]))
			return true;
	return false;
}

/* What every packet of a family goes through: nothing, where no cut is of that family. */
static void put_family(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b, bool v6)
{
	bool closed = has_class(m, f, v6, true), leased = has_class(m, f, v6, false);
	const char *chain = netfilter_family_chains[v6];
	uint8_t key[4];
	char base[NETFILTER_NAME_SIZE];
	if (!closed && !leased)
		return;
	size_t n = netfilter_lease_key(f, v6, key);
	for (size_t i = 0; i < netfilter_base_chains(m, f); i++) {
		struct rule r = rule_begin(m, f, b, netfilter_base_chain(f, i, base));
		load_meta(&r, f->meta_key);
		compare(&r, key, n);
		verdict(&r, NFT_GOTO, chain);
		rule_end(&r);
	}
	for (size_t i = 0; i < m->n_passes; i++) {
		const struct netfilter_pass *p = &m->passes[i];
		if (p->v6 != v6 || (i && netfilter_pass_same_set(p, p - 1)))
			continue;
		put_pass(m, f, b, p, true);
		put_pass(m, f, b, p, false);
	}
	for (size_t class = 2; class -- > 0;) {
		if (!(class ? closed : leased))
			continue;
		struct rule r = rule_begin(m, f, b, chain);
		if (!class) {
			load_meta(&r, f->meta_key);
			look_up(&r, NETFILTER_LEASE_SET);
		}
		verdict(&r, NFT_JUMP, netfilter_class_chains[class][v6]);
		rule_end(&r);
		put_class(m, f, b, v6, class == 1);
	}
}

void netfilter_put_rules(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	put_stop(m, f, b);
	put_family(m, f, b, false);
	put_family(m, f, b, true);
}

void netfilter_put_tracking(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b)
{
	struct rule r = rule_begin(m, f, b, netfilter_stop_chain);
	load_direction(&r);
	rule_end(&r);
}
