/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "enforce/netfilter_backend.h"
#include "enforce/netfilter_elements.h"
#include "enforce/netfilter_same.h"

/*
 * An element that is there is given another timeout by Linux 6.12 and later, when it is added again. Before,
 * that was silently nothing. Which of the two is found out with an element of the lease's set that no packet
 * matches, and that goes by itself should we die meanwhile. Taking away what isn't there is tried with the
 * same.
 */

enum { FIRST_MS = 5000, SECOND_MS = 60000 };

static const uint8_t probe_key[4] = {0xff};

static int put_probe(struct netfilter *n, uint16_t type, uint64_t timeout_ms)
{
	const struct netfilter_family *f = n->m.families[0];
	struct netfilter_elements l;
	int r = netfilter_begin(n);
	if (r < 0)
		return r;
	netfilter_elements_begin(&l, &n->m, f, &n->batch, type, NETFILTER_LEASE_SET, NETFILTER_NO_MARK);
	netfilter_elements_add(&l, probe_key, f->meta_size, timeout_ms, true, NETFILTER_NO_MARK);
	netfilter_elements_end(&l);
	return netfilter_commit(n, NULL);
}

static int note_timeout(void *context, const struct netfilter_element *e)
{
	uint64_t *expires_ms = context;
	*expires_ms = e->expires_ms;
	return 0;
}

/* Asks for that one element. */
static int get_probe(struct netfilter *n, uint64_t *ret_expires_ms)
{
	_Alignas(struct nlmsghdr) uint8_t answer[NETFILTER_ANSWER_SIZE];
	const struct netfilter_family *f = n->m.families[0];
	struct netfilter_elements l;
	size_t mark;
	int r = netfilter_begin(n);
	if (r < 0)
		return r;
	netfilter_elements_begin(
	    &l, &n->m, f, &n->batch, NFT_MSG_GETSETELEM, NETFILTER_LEASE_SET, NETFILTER_NO_MARK);
	netfilter_elements_add(&l, probe_key, f->meta_size, 0, false, NETFILTER_NO_MARK);
	netfilter_elements_end(&l);
	r = netfilter_batch_end(&n->batch);
	if (r < 0)
		return r;
	/* a question stands alone: the message without the batch around it */
	const struct nlmsghdr *h = netfilter_batch_find(&n->batch, n->batch.first + 1, &mark);
	r = netfilter_socket_send(n->change, h, h->nlmsg_len);
	if (r < 0)
		return r;
	ssize_t size = netfilter_socket_receive(n->change, answer);
	int left = (int)size;
	for (h = (const struct nlmsghdr *)answer; size > 0 && mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left))
		if (netfilter_message_kind(h) == NFT_MSG_NEWSETELEM)
			return netfilter_elements_read(h, note_timeout, ret_expires_ms);
	return -EIO;
}

int netfilter_probe_timeouts(struct netfilter *n)
{
	uint64_t expires_ms = 0;
	int r = put_probe(n, NFT_MSG_NEWSETELEM, FIRST_MS);
	if (r == 0)
		r = put_probe(n, NFT_MSG_NEWSETELEM, SECOND_MS);
	if (r == 0)
		r = get_probe(n, &expires_ms);
	if (r == 0)
		r = put_probe(n, NFT_MSG_DELSETELEM, 0);
	if (r < 0)
		return r;
	n->renews = expires_ms > FIRST_MS;
	n->destroys = put_probe(n, NETFILTER_MSG_DESTROYSETELEM, 0) == 0;
	return 0;
}

/*
 * A kernel may lack conntrack for a family (bridges want a module of their own), which shows when a rule asks
 * for it. Such a rule is put and taken away in one transaction.
 */
int netfilter_probe_tracking(struct netfilter *n)
{
	for (size_t i = 0; i < n->m.n_families; i++) {
		const struct netfilter_family *f = n->m.families[i];
		bool *tracks = &n->m.tracks[f - netfilter_families];
		if (!*tracks)
			continue;
		int r = netfilter_begin(n);
		if (r < 0)
			return r;
		netfilter_put_tracking(&n->m, f, &n->batch);
		netfilter_put_all_rules(n);
		r = netfilter_commit(n, NULL);
		if (r == -ENOMEM || r == -EPERM || r == -ENOBUFS)
			return r;
		*tracks = r == 0;
	}
	return 0;
}
