/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <time.h>

#include "base/timefmt.h"
#include "enforce/netfilter_read_parts.h"
#include "enforce/netfilter_same.h"

enum { TRIES_MAX = 8 };

enum stage { STAGE_TABLE, STAGE_CHAINS, STAGE_SETS, STAGE_RULES, STAGE_ELEMENTS };

int64_t netfilter_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int netfilter_reader_init(struct netfilter_reader *r, const struct netfilter_model *m, struct mnl_socket *s)
{
	*r = (struct netfilter_reader){.m = m, .socket = s};
	r->answer = malloc(NETFILTER_ANSWER_SIZE);
	return r->answer ? 0 : -ENOMEM;
}

void netfilter_reader_free(struct netfilter_reader *r)
{
	netfilter_batch_free(&r->expected);
	free(r->list);
	free(r->elements);
	free(r->found);
	free(r->answer);
}

static bool in_use(const struct netfilter_reader *r)
{
	for (size_t i = 0; i < r->m->n_families; i++)
		if (r->m->families[i] == netfilter_reader_family(r))
			return true;
	return false;
}

static void start(struct netfilter_reader *r)
{
	r->n_elements = r->n_found = r->family = 0;
	memset(r->shape_elements, 0, sizeof(r->shape_elements));
	memset(r->present, 0, sizeof(r->present));
	memset(r->dormant, 0, sizeof(r->dormant));
	r->intact = true;
	r->crowded = r->spoilt = r->asked = false;
	r->stage = STAGE_TABLE;
	r->generation = -1;
}

void netfilter_reader_begin(struct netfilter_reader *r, bool names_only, int64_t lease_until)
{
	r->names_only = names_only;
	r->lease_until = lease_until;
	r->tries = 0;
	r->reading = true;
	if (r->asked) {
		/* the kernel takes the next question when the answer to the last one was read */
		r->spoilt = true;
		return;
	}
	start(r);
}

/* Asks for what the stage is about. */
static int ask(struct netfilter_reader *r)
{
	static const uint16_t types[] = {
	    NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE, NFT_MSG_GETSETELEM};
	_Alignas(struct nlmsghdr) uint8_t question[1024];
	struct nlmsghdr *h = mnl_nlmsg_put_header(question);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | types[r->stage]);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++r->sequence;
	*g = (struct nfgenmsg){.nfgen_family = netfilter_reader_family(r)->family};
	if (r->stage >= STAGE_SETS)
		mnl_attr_put_strz(h, NFTA_TABLE_NAME, r->m->table);
	if (r->stage == STAGE_ELEMENTS) {
		struct text set = netfilter_message_name(r->list[r->at].h, NFTA_SET_NAME);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set.p);
		r->now = netfilter_now();
		r->set_elements = 0;
	}
	int error = netfilter_socket_send(r->socket, h, h->nlmsg_len);
	r->asked = error == 0;
	return error;
}

static void next_family(struct netfilter_reader *r)
{
	if (in_use(r))
		for (size_t i = 0; i < r->n_list; i++)
			r->intact &= r->list[i].seen;
	r->family++;
	r->stage = STAGE_TABLE;
}

/* The next expected set at or after `from` that is there. */
static size_t next_set(const struct netfilter_reader *r, size_t from)
{
	while (from < r->n_list &&
	       (!r->list[from].seen || netfilter_message_kind(r->list[from].h) != NFT_MSG_NEWSET))
		from++;
	return from;
}

/* The answer to the last question has ended: what to ask next. */
static void advance(struct netfilter_reader *r)
{
	if (r->stage == STAGE_ELEMENTS) {
		netfilter_reader_end_set(r);
		r->at++;
	}
	if (r->present[r->family] == NETFILTER_ABSENT || (r->names_only && r->stage == STAGE_SETS)) {
		next_family(r);
		return;
	}
	if (r->stage < STAGE_ELEMENTS)
		r->stage++;
	if (r->stage == STAGE_ELEMENTS) {
		r->at = next_set(r, r->at);
		if (r->at == r->n_list)
			next_family(r);
	}
}

/* Passes the families over that aren't in use, where only those are asked for. False: all are read. */
static bool find_family(struct netfilter_reader *r)
{
	while (r->family < NETFILTER_TABLES_MAX && !r->names_only && !in_use(r))
		r->family++;
	return r->family < NETFILTER_TABLES_MAX;
}

static int take_message(struct netfilter_reader *r, const struct nlmsghdr *h)
{
	static const int kinds[] = {
	    NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWSET, NFT_MSG_NEWRULE, NFT_MSG_NEWSETELEM};
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	int kind = netfilter_message_kind(h);
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		r->spoilt = true;
	if (kind != kinds[r->stage] || r->spoilt)
		return 0;
	if (r->generation < 0)
		r->generation = g->res_id;
	r->spoilt |= r->generation != g->res_id;
	if (g->nfgen_family != netfilter_reader_family(r)->family ||
	    !text_equal(netfilter_message_name(h, NFTA_TABLE_NAME), text_of(r->m->table)))
		return 0;
	return kind == NFT_MSG_NEWSETELEM ? netfilter_reader_take(r, h) : netfilter_reader_see(r, h, kind);
}

/* What was read was none of one moment: from the beginning. */
static int again(struct netfilter_reader *r)
{
	if (++r->tries == TRIES_MAX)
		return -EAGAIN;
	start(r);
	return 0;
}

/* What the kernel says in place of an answer, or at its end. */
static int take_end(struct netfilter_reader *r, const struct nlmsghdr *h)
{
	int error = netfilter_socket_error(h, NULL);
	r->asked = false;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		r->spoilt = true;
	/* gone since the last question */
	if (error == -ENOENT || error == -EINTR)
		r->spoilt = true;
	else if (error < 0)
		return error;
	if (!r->spoilt) {
		advance(r);
		return 0;
	}
	return again(r);
}

static int take_answer(struct netfilter_reader *r, size_t n)
{
	int left = (int)n, error = 0;
	const struct nlmsghdr *h = (const struct nlmsghdr *)r->answer;
	for (; error == 0 && mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != r->sequence || !r->asked)
			continue;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			error = take_end(r, h);
		else
			error = take_message(r, h);
	}
	return error;
}

static int step(struct netfilter_reader *r)
{
	int error = 0;
	if (!r->asked) {
		if (!find_family(r)) {
			if (!netfilter_reader_torn(r))
				return 0;
			error = again(r);
			return error < 0 ? error : 1;
		}
		if (r->stage == STAGE_TABLE) {
			error = netfilter_reader_expect(r);
			r->at = 0;
		}
		if (error == 0)
			error = ask(r);
		if (error < 0)
			return error;
	}
	/* receiving one piece makes the kernel write the next one */
	int64_t next = netfilter_now();
	ssize_t n = netfilter_socket_receive(r->socket, r->answer);
	if (n < 0) {
		/* the kernel answers at once: what isn't there won't come */
		r->asked = false;
		return n == -EAGAIN ? -EIO : (int)n;
	}
	error = take_answer(r, (size_t)n);
	if (r->asked)
		r->now = next;
	return error < 0 ? error : 1;
}

int netfilter_reader_step(struct netfilter_reader *r)
{
	if (!r->reading)
		return -EINVAL;
	int more = step(r);
	/* where an answer is still under way, the next reading begins with its rest */
	if (more <= 0)
		r->reading = false;
	return more;
}
