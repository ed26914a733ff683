/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/vec.h"
#include "enforce/conntrack_match.h"
#include "enforce/netfilter_socket.h"

enum {
	FILTERED_CUTS = 4, /* up to so many cuts are asked about one by one */
	TRIES_MAX = 4,
	DELETE_BYTES_MAX = 256 << 20,
	DELETE_AT_ONCE = 64 << 10,
};

struct conntrack {
	struct mnl_socket *socket;
	uint32_t sequence, asked; /* the last one, and that of the dump which is read */
	uint8_t *answer;
	struct dynbuf deletes; /* messages that end what was found, one after another */
};

int conntrack_open(struct conntrack **ret_conntrack)
{
	struct conntrack *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->deletes.max = DELETE_BYTES_MAX;
	t->answer = malloc(NETFILTER_ANSWER_SIZE);
	int r = t->answer ? netfilter_socket_open(&t->socket) : -ENOMEM;
	if (r < 0) {
		conntrack_close(t);
		return r;
	}
	*ret_conntrack = t;
	return 0;
}

void conntrack_close(struct conntrack *t)
{
	if (!t)
		return;
	netfilter_socket_close(t->socket);
	dynbuf_free(&t->deletes);
	free(t->answer);
	free(t);
}

static struct nlmsghdr *begin_message(
    struct conntrack *t, uint8_t *buf, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++t->sequence;
	*g = (struct nfgenmsg){.nfgen_family = family};
	return h;
}

/* Names a connection as the kernel does: both tuples' bytes as they came, and its number, lest one that has
 * taken its place meanwhile ends. */
static void add_delete(struct conntrack *t, const struct nlmsghdr *found)
{
	_Alignas(struct nlmsghdr) uint8_t message[1024];
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(found);
	const struct nlattr *a;
	struct nlmsghdr *h = begin_message(t, message, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, g->nfgen_family);
	mnl_attr_for_each(a, found, sizeof(*g))
	{
		uint16_t type = mnl_attr_get_type(a);
		if ((type == CTA_TUPLE_ORIG || type == CTA_ID || type == CTA_ZONE) &&
		    h->nlmsg_len + MNL_ALIGN(a->nla_len) <= sizeof(message))
			mnl_attr_put(h, a->nla_type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	}
	dynbuf_append(&t->deletes, h, h->nlmsg_len);
}

/* What is asked of the kernel: everything, or only what has an address at one place. */
struct question {
	uint8_t family;
	bool filtered;
	bool reply; /* the address sends in the reply direction: it is the answering side */
	struct net_addr addr;
};

static int ask(struct conntrack *t, const struct question *q)
{
	_Alignas(struct nlmsghdr) uint8_t message[256];
	struct nlmsghdr *h = begin_message(t, message, IPCTNL_MSG_CT_GET, NLM_F_DUMP, q->family);
	t->asked = h->nlmsg_seq;
	if (q->filtered) {
		/* the kernel's own numbering: bit 0 is the source address */
		struct nlattr *tuple = mnl_attr_nest_start(h, q->reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
		struct nlattr *ip = mnl_attr_nest_start(h, CTA_TUPLE_IP);
		mnl_attr_put(h, CTA_IP_V4_SRC, 4, q->addr.b + 12);
		mnl_attr_nest_end(h, ip);
		mnl_attr_nest_end(h, tuple);
		struct nlattr *filter = mnl_attr_nest_start(h, CTA_FILTER);
		mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, q->reply ? 0 : 1);
		mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, q->reply ? 1 : 0);
		mnl_attr_nest_end(h, filter);
	}
	return netfilter_socket_send(t->socket, h, h->nlmsg_len);
}

/* Reads the answer to its end: 0, or -EINTR where it isn't of one piece. Of what is found twice the second is
 * gone when it is to be deleted: no harm. */
static int read_answer(struct conntrack *t, const struct conntrack_cuts *cuts)
{
	bool torn = false;
	for (;;) {
		ssize_t n = netfilter_socket_receive(t->socket, t->answer);
		if (n < 0)
			return n == -EAGAIN ? -EIO : (int)n;
		int left = (int)n;
		const struct nlmsghdr *h = (const struct nlmsghdr *)t->answer;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			struct conntrack_ends ends;
			if (h->nlmsg_seq != t->asked)
				continue;
			torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				int r = netfilter_socket_error(h, NULL);
				return r < 0 ? r : torn ? -EINTR : t->deletes.error;
			}
			if (conntrack_ends_read(h, &ends) == 0 && conntrack_cuts_stop(cuts, &ends))
				add_delete(t, h);
		}
	}
}

static int dump(struct conntrack *t, const struct conntrack_cuts *cuts, const struct question *q)
{
	int r = -EINTR;
	for (unsigned i = 0; r == -EINTR && i < TRIES_MAX; i++) {
		size_t n = t->deletes.n;
		r = ask(t, q);
		if (r == 0)
			r = read_answer(t, cuts);
		if (r == -EINTR && i + 1 < TRIES_MAX)
			t->deletes.n = n;
	}
	return r == -EINTR ? -EAGAIN : r;
}

/* The single address of a cut, its `from` rather than its `to`. */
static bool single_end(const struct cut *c, struct net_prefix *ret_end, bool *ret_is_from)
{
	*ret_is_from = c->from.bits == 128;
	*ret_end = *ret_is_from ? c->from : c->to;
	return ret_end->bits == 128;
}

/*
 * Where each of a few cuts has a single address: the connections that this one began, and those that it
 * answers. By an IPv6 address kernels were seen to give all but what was asked for; there the family is all
 * that is asked.
 */
static int dump_filtered(
    struct conntrack *t, const struct conntrack_cuts *all, const struct cut *cuts, size_t n)
{
	bool v6_done = false;
	for (size_t i = 0; i < n; i++) {
		struct net_prefix end;
		bool is_from;
		if (!single_end(&cuts[i], &end, &is_from))
			continue;
		bool v6 = !net_addr_is_v4(end.addr);
		for (int reply = 0; reply < 2; reply++) {
			struct question q = {v6 ? AF_INET6 : AF_INET, !v6, reply == 1, end.addr};
			if (v6 ? v6_done : cuts[i].direction == CUT_FROM_ONLY && is_from == (reply == 1))
				continue;
			v6_done |= v6;
			int r = dump(t, all, &q);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int find_all(struct conntrack *t, const struct conntrack_cuts *all, const struct cut *cuts, size_t n)
{
	struct net_prefix end;
	bool is_from, few = n <= FILTERED_CUTS;
	for (size_t i = 0; few && i < n; i++)
		few = single_end(&cuts[i], &end, &is_from);
	if (few)
		return dump_filtered(t, all, cuts, n);
	return dump(t, all, &(struct question){.family = AF_UNSPEC});
}

/* Sends the deletes, some at a time so that their answers find room; counts those that were carried out. */
static int send_deletes(struct conntrack *t, size_t *ret_ended)
{
	size_t at = 0, ended = 0;
	int first_error = 0;
	while (at < t->deletes.n) {
		size_t n = 0;
		while (at + n < t->deletes.n && n < DELETE_AT_ONCE)
			n += ((const struct nlmsghdr *)(t->deletes.p + at + n))->nlmsg_len;
		int r = netfilter_socket_send(t->socket, t->deletes.p + at, n);
		if (r < 0)
			return r;
		at += n;
		for (;;) {
			ssize_t size = netfilter_socket_receive(t->socket, t->answer);
			if (size == -EAGAIN)
				break;
			if (size < 0)
				return (int)size;
			int left = (int)size;
			const struct nlmsghdr *h = (const struct nlmsghdr *)t->answer;
			for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
				r = h->nlmsg_type == NLMSG_ERROR ? netfilter_socket_error(h, NULL) : -ENOENT;
				ended += r == 0;
				/* it ended by itself meanwhile */
				if (r < 0 && r != -ENOENT && first_error == 0)
					first_error = r;
			}
		}
	}
	*ret_ended = ended;
	return first_error;
}

/* What is left in the socket of an answer that wasn't read to its end. */
static void drain(struct conntrack *t)
{
	ssize_t n;
	do
		n = netfilter_socket_receive(t->socket, t->answer);
	while (n >= 0 || n == -ENOBUFS);
}

int conntrack_end(struct conntrack *t, const struct cut *cuts, size_t n, const struct backend_pass *passes,
    size_t n_passes, size_t *ret_ended)
{
	struct conntrack_cuts all;
	size_t ended = 0;
	int r = conntrack_cuts_init(&all, cuts, n, passes, n_passes);
	if (r < 0)
		return r;
	dynbuf_reset(&t->deletes);
	r = n ? find_all(t, &all, cuts, n) : 0;
	if (r < 0)
		drain(t);
	else
		r = send_deletes(t, &ended);
	conntrack_cuts_free(&all);
	if (r == -ERR_LIMIT)
		r = -E2BIG;
	if (r == 0)
		*ret_ended = ended;
	return r;
}
