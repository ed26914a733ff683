/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "base/timefmt.h"
#include "enforce/netfilter_backend.h"
#include "enforce/netfilter_elements.h"

/* Longer timeouts than a hundred years are as good as that, and within what the kernel takes. */
#define TIMEOUT_MAX_MS (UINT64_C(100) * 366 * 86400 * 1000)

int netfilter_begin(struct netfilter *n)
{
	uint32_t sequence = n->sequence;
	n->sequence += 1u << 24; /* more than a batch can hold: no answer is taken for another batch's */
	return netfilter_batch_begin(&n->batch, sequence);
}

int netfilter_commit(struct netfilter *n, size_t *ret_mark)
{
	uint32_t sequence, offset;
	size_t mark = NETFILTER_NO_MARK, found;
	int r = netfilter_batch_end(&n->batch);
	if (r < 0)
		goto out;
	r = netfilter_socket_commit(n->change, &n->batch, &sequence, &offset);
	if (r == 0)
		return 0;
	const struct nlmsghdr *h = netfilter_batch_find(&n->batch, sequence, &found);
	if (h && found != NETFILTER_NO_MARK)
		mark = found + (offset ? netfilter_elements_place(h, offset) : 0);
out:
	if (ret_mark)
		*ret_mark = mark;
	return r;
}

uint64_t netfilter_timeout(int64_t until, int64_t now)
{
	if (until <= now)
		return 0;
	/* rounded up: an element ends with its cut, not a moment before, and has a timeout at all */
	uint64_t ms = (((uint64_t)until - (uint64_t)now) + NS_PER_MS - 1) / NS_PER_MS;
	return ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
}

static struct nlmsghdr *put_delete(struct netfilter *n, const struct netfilter_family *f, uint16_t type,
    uint16_t attribute, const char *name)
{
	struct nlmsghdr *h = netfilter_message(&n->m, f, &n->batch, type, 0, NETFILTER_NO_MARK);
	if (name)
		mnl_attr_put_strz(h, attribute, name);
	return h;
}

/* Without a chain's name all rules of the table go. */
static void put_flush(struct netfilter *n, const struct netfilter_family *f)
{
	put_delete(n, f, NFT_MSG_DELRULE, NFTA_RULE_CHAIN, NULL);
}

void netfilter_put_all_rules(struct netfilter *n)
{
	for (size_t i = 0; i < n->m.n_families; i++) {
		put_flush(n, n->m.families[i]);
		netfilter_put_rules(&n->m, n->m.families[i], &n->batch);
	}
}

void netfilter_put_lease(struct netfilter *n, int64_t now)
{
	uint64_t timeout = netfilter_timeout(n->lease_until, now);
	/* what is put first, with the lease or without, can be taken away even where it had just expired */
	const uint16_t acts[] = {NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM};
	size_t n_acts = timeout ? 3 : 2;
	uint8_t key[4];
	for (size_t i = 0; i < n->m.n_families; i++)
		for (size_t act = 0; act < n_acts; act++) {
			const struct netfilter_family *f = n->m.families[i];
			struct netfilter_elements l;
			netfilter_elements_begin(
			    &l, &n->m, f, &n->batch, acts[act], NETFILTER_LEASE_SET, NETFILTER_NO_MARK);
			for (size_t v6 = 0; v6 < 2; v6++) {
				size_t size = netfilter_lease_key(f, v6, key);
				netfilter_elements_add(
				    &l, key, size, act == 2 ? timeout : 0, false, NETFILTER_NO_MARK);
			}
			netfilter_elements_end(&l);
		}
}

static int survey(struct netfilter *n)
{
	int r;
	netfilter_reader_begin(&n->surveyor, true, 0);
	do
		r = netfilter_reader_step(&n->surveyor);
	while (r > 0);
	return r;
}

static bool is_in_use(const struct netfilter *n, const struct netfilter_family *f)
{
	for (size_t i = 0; i < n->m.n_families; i++)
		if (n->m.families[i] == f)
			return true;
	return false;
}

/* Whether a set stays with its elements. */
static bool keeps(const struct netfilter *n, const struct netfilter_found *set)
{
	if (!set->is_set || !set->same)
		return false;
	if (set->is_shape)
		return netfilter_model_find(&n->m, &set->shape) != SIZE_MAX;
	/* of a lease that we know nothing of; ours is put again */
	return n->lease_until == 0 && strcmp(set->name, NETFILTER_LEASE_SET) == 0;
}

/* Takes over the shapes of sets that are as ours would be; what is too many stands in the way instead. */
static void adopt(struct netfilter *n)
{
	for (size_t i = 0; i < n->surveyor.n_found; i++) {
		const struct netfilter_found *set = &n->surveyor.found[i];
		if (set->is_shape && set->same && is_in_use(n, set->f) &&
		    netfilter_model_holds(&n->m, set->f, &set->shape))
			(void)netfilter_model_add(&n->m, &set->shape);
	}
}

/* Clears a table of ours but for the sets that stay: rules first, then sets whose verdicts lead to chains. */
static void put_clearing(struct netfilter *n, const struct netfilter_family *f)
{
	put_flush(n, f);
	for (unsigned sets = 2; sets-- > 0;)
		for (size_t i = 0; i < n->surveyor.n_found; i++) {
			const struct netfilter_found *found = &n->surveyor.found[i];
			if (found->f != f || found->is_set != (sets == 1) || keeps(n, found))
				continue;
			if (found->is_set)
				put_delete(n, f, NFT_MSG_DELSET, NFTA_SET_NAME, found->name);
			else
				put_delete(n, f, NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, found->name);
		}
}

static void put_family(struct netfilter *n, const struct netfilter_family *f, bool anew)
{
	struct netfilter_batch *b = &n->batch;
	bool present = n->surveyor.present[f - netfilter_families] != NETFILTER_ABSENT;
	if (present && anew)
		put_delete(n, f, NFT_MSG_DELTABLE, NFTA_TABLE_NAME, NULL);
	netfilter_put_table(&n->m, f, b);
	if (present && !anew)
		put_clearing(n, f);
	netfilter_put_chains(&n->m, f, b);
	netfilter_put_lease_set(&n->m, f, b);
	netfilter_put_pass_sets(&n->m, f, b);
	netfilter_put_pass_elements(&n->m, f, b);
	for (size_t i = 0; i < n->m.n_shapes; i++)
		if (netfilter_model_holds(&n->m, f, &n->m.shapes[i]))
			netfilter_put_shape_set(&n->m, f, &n->m.shapes[i], b, NETFILTER_NO_MARK);
	netfilter_put_rules(&n->m, f, b);
}

/* Wakes tables up that somebody put to sleep: the kernel takes no other change of them in the same
 * transaction.
 */
static int wake(struct netfilter *n)
{
	int r = netfilter_begin(n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n->m.n_families; i++)
		if (n->surveyor.dormant[n->m.families[i] - netfilter_families])
			netfilter_put_table(&n->m, n->m.families[i], &n->batch);
	return netfilter_commit(n, NULL);
}

int netfilter_build(struct netfilter *n, bool take)
{
	int r = survey(n);
	if (r < 0)
		return r;
	const enum netfilter_presence *present = n->surveyor.present;
	for (size_t i = 0; i < NETFILTER_TABLES_MAX && !take; i++)
		if (present[i] == NETFILTER_FOREIGN && is_in_use(n, &netfilter_families[i]))
			return -EEXIST;
	adopt(n);
	r = wake(n);
	if (r == 0)
		r = netfilter_begin(n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < NETFILTER_TABLES_MAX; i++) {
		const struct netfilter_family *f = &netfilter_families[i];
		if (is_in_use(n, f))
			put_family(n, f, present[i] == NETFILTER_FOREIGN || n->surveyor.crowded);
		else if (present[i] == NETFILTER_OURS)
			put_delete(n, f, NFT_MSG_DELTABLE, NFTA_TABLE_NAME, NULL);
	}
	if (n->lease_until)
		netfilter_put_lease(n, netfilter_now());
	n->changes++;
	n->n_empty = 0;
	return netfilter_commit(n, NULL);
}

int netfilter_clear(struct netfilter *n)
{
	int r = survey(n);
	if (r < 0)
		return r;
	r = netfilter_begin(n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < NETFILTER_TABLES_MAX; i++)
		if (n->surveyor.present[i] == NETFILTER_OURS)
			put_delete(n, &netfilter_families[i], NFT_MSG_DELTABLE, NFTA_TABLE_NAME, NULL);
	r = netfilter_commit(n, NULL);
	if (r < 0)
		return r;
	n->m.n_shapes = n->n_empty = 0;
	n->changes++;
	return 0;
}
