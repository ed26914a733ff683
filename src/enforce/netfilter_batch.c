/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_batch.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"

enum { BATCH_BYTES_MAX = 256 << 20, BATCH_MESSAGES_MAX = 1 << 22 };

void netfilter_batch_free(struct netfilter_batch *b)
{
	dynbuf_free(&b->bytes);
	free(b->message);
	free(b->marks);
	*b = (struct netfilter_batch){.bound = b->bound};
}

static struct nlmsghdr *put_header(
    struct netfilter_batch *b, uint16_t type, uint8_t family, uint16_t flags, uint32_t sequence)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->message);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = sequence;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = 0;
	b->open = true;
	return h;
}

/* The head and the foot name the subsystem that the batch is for. */
static void put_edge(struct netfilter_batch *b, uint16_t type, uint32_t sequence)
{
	struct nlmsghdr *h = put_header(b, type, AF_UNSPEC, 0, sequence);
	struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

static void close_message(struct netfilter_batch *b)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)b->message;
	if (!b->open)
		return;
	assert(h->nlmsg_len <= NETFILTER_MESSAGE_SIZE);
	dynbuf_append(&b->bytes, b->message, MNL_ALIGN(h->nlmsg_len));
	b->open = false;
}

int netfilter_batch_begin(struct netfilter_batch *b, uint32_t sequence)
{
	if (!b->message)
		b->message = calloc(1, NETFILTER_MESSAGE_SIZE);
	if (!b->message)
		return -ENOMEM;
	dynbuf_reset(&b->bytes);
	b->bytes.max = b->bound ? b->bound : BATCH_BYTES_MAX;
	b->n = 0;
	b->first = sequence;
	put_edge(b, NFNL_MSG_BATCH_BEGIN, sequence);
	return 0;
}

struct nlmsghdr *netfilter_batch_message(
    struct netfilter_batch *b, uint16_t type, uint8_t family, uint16_t flags, size_t mark)
{
	close_message(b);
	if (!b->bytes.error) {
		int r = VEC_RESERVE(b->marks, &b->marks_cap, b->n, BATCH_MESSAGES_MAX);
		if (r < 0)
			b->bytes.error = r;
		else
			b->marks[b->n] = mark;
	}
	b->n++;
	return put_header(
	    b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), family, flags, b->first + (uint32_t)b->n);
}

int netfilter_batch_end(struct netfilter_batch *b)
{
	struct nlmsghdr *last = (struct nlmsghdr *)b->message;
	if (b->n)
		last->nlmsg_flags |= NLM_F_ACK;
	close_message(b);
	put_edge(b, NFNL_MSG_BATCH_END, b->first + (uint32_t)b->n + 1);
	close_message(b);
	return b->bytes.error == -ERR_LIMIT ? -E2BIG : b->bytes.error;
}

const struct nlmsghdr *netfilter_batch_find(
    const struct netfilter_batch *b, uint32_t sequence, size_t *ret_mark)
{
	uint32_t i = sequence - b->first - 1;
	if (b->bytes.error || i >= b->n)
		return NULL;
	int left = (int)b->bytes.n;
	const struct nlmsghdr *h = (const struct nlmsghdr *)b->bytes.p;
	while (mnl_nlmsg_ok(h, left)) {
		if (h->nlmsg_seq == sequence) {
			*ret_mark = b->marks[i];
			return h;
		}
		h = mnl_nlmsg_next(h, &left);
	}
	return NULL;
}
