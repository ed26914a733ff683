/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "enforce/netfilter_elements.h"
#include "enforce/netfilter_read_parts.h"
#include "enforce/netfilter_same.h"

enum { EXPECTED_MAX = 4096 };

/* Writes what should stand in the family's table. */
int netfilter_reader_expect(struct netfilter_reader *r)
{
	struct netfilter_batch *b = &r->expected;
	const struct netfilter_family *f = netfilter_reader_family(r);
	size_t mark;
	int error = netfilter_batch_begin(b, 1);
	if (error < 0)
		return error;
	netfilter_put_table(r->m, f, b);
	netfilter_put_chains(r->m, f, b);
	netfilter_put_lease_set(r->m, f, b);
	netfilter_put_pass_sets(r->m, f, b);
	for (size_t i = 0; i < r->m->n_shapes; i++)
		if (netfilter_model_holds(r->m, f, &r->m->shapes[i]))
			netfilter_put_shape_set(r->m, f, &r->m->shapes[i], b, i);
	netfilter_put_rules(r->m, f, b);
	error = netfilter_batch_end(b);
	if (error < 0)
		return error;
	r->n_list = 0;
	const struct nlmsghdr *h = netfilter_batch_find(b, 2, &mark);
	for (size_t i = 0; i < b->n; i++) {
		error = VEC_RESERVE(r->list, &r->list_cap, r->n_list, EXPECTED_MAX);
		if (error < 0)
			return error;
		r->list[r->n_list++] = (struct netfilter_expected){.h = h};
		h = (const struct nlmsghdr *)((const uint8_t *)h + MNL_ALIGN(h->nlmsg_len));
	}
	return 0;
}

static uint16_t name_attribute(int kind)
{
	/* of a rule: its chain's */
	return kind == NFT_MSG_NEWCHAIN  ? NFTA_CHAIN_NAME
	       : kind == NFT_MSG_NEWSET  ? NFTA_SET_NAME
	       : kind == NFT_MSG_NEWRULE ? NFTA_RULE_CHAIN
	                                 : NFTA_TABLE_NAME;
}

/* The first that isn't seen yet of that kind and name: rules come in their chains' order. */
static struct netfilter_expected *find_expected(struct netfilter_reader *r, int kind, struct text name)
{
	for (size_t i = 0; i < r->n_list; i++) {
		struct netfilter_expected *e = &r->list[i];
		if (!e->seen && netfilter_message_kind(e->h) == kind &&
		    text_equal(netfilter_message_name(e->h, name_attribute(kind)), name))
			return e;
	}
	return NULL;
}

/* Whether a set that isn't expected is as one of that shape would be. */
static bool is_shape_set(
    struct netfilter_reader *r, const struct nlmsghdr *h, const struct netfilter_shape *s)
{
	struct netfilter_batch one = {0};
	size_t mark;
	bool same = false;
	if (netfilter_batch_begin(&one, 1) == 0) {
		netfilter_put_shape_set(r->m, netfilter_reader_family(r), s, &one, 0);
		if (netfilter_batch_end(&one) == 0)
			same = netfilter_same(netfilter_batch_find(&one, 2, &mark), h);
	}
	netfilter_batch_free(&one);
	return same;
}

static int note_name(
    struct netfilter_reader *r, const struct nlmsghdr *h, int kind, struct text name, bool same)
{
	int error = VEC_RESERVE(r->found, &r->found_cap, r->n_found, NETFILTER_FOUND_MAX);
	if (error == -ENOMEM)
		return error;
	if (error < 0 || name.n >= NETFILTER_ANY_NAME_SIZE || name.n == 0) {
		r->crowded = true;
		return 0;
	}
	struct netfilter_found *found = &r->found[r->n_found++];
	*found = (struct netfilter_found){
	    .f = netfilter_reader_family(r), .is_set = kind == NFT_MSG_NEWSET, .same = same};
	memcpy(found->name, name.p, name.n);
	if (found->is_set && netfilter_shape_parse(name, &found->shape) == 0) {
		found->is_shape = true;
		if (!same && !find_expected(r, kind, name))
			found->same = is_shape_set(r, h, &found->shape);
	}
	return 0;
}

int netfilter_reader_see(struct netfilter_reader *r, const struct nlmsghdr *h, int kind)
{
	struct text name = netfilter_message_name(h, name_attribute(kind));
	struct netfilter_expected *e = find_expected(r, kind, name);
	bool same = e && netfilter_same(e->h, h);
	if (same)
		e->seen = true;
	else
		r->intact = false;
	if (kind == NFT_MSG_NEWTABLE) {
		struct text mark = text_bytes(netfilter_mark, netfilter_mark_size);
		bool ours = text_equal(mark, netfilter_message_bytes(h, NFTA_TABLE_USERDATA));
		struct text flags = netfilter_message_bytes(h, NFTA_TABLE_FLAGS);
		r->present[r->family] = ours ? NETFILTER_OURS : NETFILTER_FOREIGN;
		r->dormant[r->family] = flags.n == 4 &&
		                        (load_be32((const uint8_t *)flags.p) & NFT_TABLE_F_DORMANT);
	}
	if (r->names_only && (kind == NFT_MSG_NEWCHAIN || kind == NFT_MSG_NEWSET))
		return note_name(r, h, kind, name, same);
	return 0;
}
