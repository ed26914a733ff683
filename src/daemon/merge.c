/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "daemon/merge_parts.h"

int merge_new(struct merge **ret_merge, const struct merge_config *config)
{
	struct merge *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->config = *config;
	if (!m->config.memory_max)
		m->config.memory_max = (size_t)128 << 20;
	if (!m->config.tellers_max)
		m->config.tellers_max = MERGE_TELLERS_MAX;
	int r = table_new(&m->logs, sizeof(uint64_t), sizeof(struct log), 1 << 22, config->seed);
	if (r == 0)
		r = table_new(&m->tuples, sizeof(struct merge_tuple), sizeof(struct held *), MERGE_FLOWS_MAX,
		    config->seed);
	if (r == 0)
		r = table_new(&m->tellers, sizeof(struct merge_tuple), sizeof(struct teller),
		    m->config.tellers_max, config->seed);
	if (r < 0) {
		merge_free(m);
		return r;
	}
	*ret_merge = m;
	return 0;
}

static void log_drop(struct merge *m, struct log *log)
{
	m->memory -= log->bytes.cap + log->name.cap;
	dynbuf_free(&log->bytes);
	dynbuf_free(&log->name);
}

static void held_free(struct merge *m, struct held *h)
{
	log_drop(m, &h->log);
	free(h);
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	while (m->first) {
		struct held *next = m->first->next_waiting;
		held_free(m, m->first);
		m->first = next;
	}
	size_t pos = 0;
	for (struct log *log; m->logs && (log = table_next(m->logs, &pos, NULL));)
		log_drop(m, log);
	dynbuf_free(&m->fresh);
	table_free(m->logs);
	table_free(m->tuples);
	table_free(m->tellers);
	arena_free(&m->arena);
	free(m);
}

struct merge_tuple merge_tuple_of(const struct msg_flow *f)
{
	struct merge_tuple t = {.protocol = f->protocol};
	int order = net_addr_compare(f->initiator, f->responder);
	bool forward = order < 0 || (order == 0 && f->initiator_port <= f->responder_port);
	t.low = forward ? f->initiator : f->responder;
	t.high = forward ? f->responder : f->initiator;
	t.low_port = forward ? f->initiator_port : f->responder_port;
	t.high_port = forward ? f->responder_port : f->initiator_port;
	return t;
}

int merge_transaction(struct merge *m, const struct msg_transaction *t)
{
	int r = m->fresh.n && m->fresh_flow != t->flow ? merge_fresh_keep(m) : 0;
	if (r < 0)
		return r;
	if (m->memory + m->fresh.n > m->config.memory_max) {
		m->stats.transactions_lost++;
		return 0;
	}
	m->fresh_flow = t->flow;
	return msg_transaction_encode(&m->fresh, t);
}

/* What was read of a flow stays with it until its record is given. */
int merge_fresh_keep(struct merge *m)
{
	struct log *log = table_put(m->logs, &m->fresh_flow, NULL);
	if (!log) {
		m->stats.transactions_lost++;
		dynbuf_reset(&m->fresh);
		return 0;
	}
	size_t before = log->bytes.cap;
	dynbuf_append(&log->bytes, m->fresh.p, m->fresh.n);
	m->memory += log->bytes.cap - before;
	dynbuf_reset(&m->fresh);
	return log->bytes.error;
}

int merge_keep_name(struct merge *m, struct log *log, struct text name)
{
	if (!log || log->name.n || !name.n)
		return 0;
	dynbuf_text(&log->name, name);
	m->memory += log->name.cap;
	return log->name.error;
}

typedef int (*log_fn)(void *context, struct msg_flow *f, const struct msg_transaction *t);

/* Decodes each transaction of a log and hands it on. */
static int log_each(struct merge *m, struct text log, struct msg_flow *f, log_fn each, void *context)
{
	const uint8_t *p = (const uint8_t *)log.p;
	size_t left = log.n;
	int r = 0;
	while (r == 0 && left) {
		uint16_t record;
		size_t length;
		struct msg_transaction t;
		r = msg_peek(p, left, &record, &length);
		if (r == 0)
			r = msg_transaction_decode(p, length, &m->arena, &t);
		if (r == 0)
			r = each(context, f, &t);
		if (r == 0) {
			p += length;
			left -= length;
		}
	}
	return r;
}

/* The responder's name, as the flow itself tells it. */
static struct text name_in(const struct msg_transaction *t)
{
	struct text name = field_get(t->fields.v, t->fields.n, FIELD_TLS_SNI);
	return name.n ? name : field_get(t->fields.v, t->fields.n, FIELD_HTTP_HOST);
}

/* The first of them stands. */
static int take_name(void *context, struct msg_flow *f, const struct msg_transaction *t)
{
	(void)context;
	if (!f->name.n)
		f->name = name_in(t);
	return 0;
}

int merge_transaction_now(struct merge *m, struct msg_flow *f, const struct msg_transaction *t)
{
	struct text name = name_in(t);
	struct log *log = name.n ? table_put(m->logs, &f->id, NULL) : table_get(m->logs, &f->id);
	int r = merge_keep_name(m, log, name); /* without room it is told only once */
	f->name = log ? dynbuf_view(&log->name) : name;
	return r == 0 ? m->config.transaction(m->config.context, f, t) : r;
}

static int give_transaction(void *context, struct msg_flow *f, const struct msg_transaction *t)
{
	struct merge *m = context;
	struct msg_transaction given = *t;
	given.flow = f->id; /* the record may stand under another vantage's id */
	return m->config.transaction(m->config.context, f, &given);
}

int merge_give(struct merge *m, struct text log, struct msg_flow *f)
{
	int r = log_each(m, log, f, take_name, NULL);
	if (r == 0)
		r = log_each(m, log, f, give_transaction, m);
	if (r == 0)
		r = m->config.flow(m->config.context, f);
	return r;
}

/* Gives out the flow that counts: transactions, then the record. */
static int give(struct merge *m, struct held *h)
{
	if (!h->flow.name.n)
		h->flow.name = dynbuf_view(&h->log.name);
	int r = merge_give(m, dynbuf_view(&h->log.bytes), &h->flow);
	arena_reset(&m->arena);
	return r;
}

/* Payload bytes that this vantage saw: what is known only by its acknowledgement isn't seen. */
static uint64_t seen_payload(const struct msg_flow *f)
{
	uint64_t payload = f->payload_out + f->payload_in, missing = f->missing_out + f->missing_in;
	return payload > missing ? payload - missing : 0;
}

/* The fuller record: what was seen of payload, then packets, then what was understood, then the earlier. */
static bool fuller(const struct held *a, const struct held *b)
{
	uint64_t payload_a = seen_payload(&a->flow), payload_b = seen_payload(&b->flow);
	if (payload_a != payload_b)
		return payload_a > payload_b;
	uint64_t packets_a = a->flow.packets_out + a->flow.packets_in,
	         packets_b = b->flow.packets_out + b->flow.packets_in;
	if (packets_a != packets_b)
		return packets_a > packets_b;
	if (a->log.bytes.n != b->log.bytes.n)
		return a->log.bytes.n > b->log.bytes.n;
	return a->flow.id < b->flow.id;
}

/* The flow was told of under the teller's id, and what was read of it by then: the fuller record goes on from
 * there. */
static void trade(struct held *teller, struct held *best)
{
	uint64_t id = best->flow.id;
	best->flow.id = teller->flow.id;
	teller->flow.id = id;
	if (!teller->log.gave && !teller->log.bytes.n)
		return;
	struct log log = best->log;
	best->log = teller->log;
	teller->log = log;
}

static int give_group(struct merge *m, struct held *leader)
{
	uint64_t ids[MERGE_GROUP_MAX];
	uint32_t n = 0;
	struct held *best = leader;
	assert(leader);
	struct held *teller = leader->told ? leader : NULL;
	for (struct held *h = leader->next_member; h; h = h->next_member) {
		if (fuller(h, best))
			best = h;
		if (h->told && !teller)
			teller = h;
	}
	if (teller && teller != best)
		trade(teller, best);
	for (struct held *h = leader; h; h = h->next_member)
		if (h != best)
			ids[n++] = h->flow.id;
	best->flow.also = (struct msg_u64s){.v = ids, .n = n};
	int r = give(m, best);
	best->flow.also = (struct msg_u64s){0};
	best->done = true;
	for (struct held *h = leader; h && r == 0; h = h->next_member) {
		if (h == best)
			continue;
		h->flow.duplicate_of = best->flow.id;
		h->done = true;
		m->stats.duplicates++;
		r = m->config.flow(m->config.context, &h->flow);
	}
	return r;
}

/* Takes h out of its tuple's chain. */
static void unchain(struct merge *m, struct held *h)
{
	struct merge_tuple t = merge_tuple_of(&h->flow);
	struct held **head = table_get(m->tuples, &t);
	if (h->newer_same)
		h->newer_same->older_same = h->older_same;
	if (h->older_same)
		h->older_same->newer_same = h->newer_same;
	if (head && *head == h) {
		*head = h->older_same;
		if (!*head)
			table_remove(m->tuples, &t);
	}
}

/* The oldest has waited long enough: its group is given out, and it leaves. Members that came later stay in
 * the list, done. */
static int release_first(struct merge *m)
{
	struct held *h = m->first;
	int r = h->done ? 0 : give_group(m, h->leader);
	unchain(m, h);
	merge_teller_forget(m, h);
	m->first = h->next_waiting;
	if (!m->first)
		m->last = NULL;
	m->waiting--;
	/* what is left of a group that was given out needs no leader any more: its members are all done */
	held_free(m, h);
	return r;
}

static bool overlap(const struct msg_flow *a, const struct msg_flow *b)
{
	return a->first <= b->last + MERGE_SKEW_NS && b->first <= a->last + MERGE_SKEW_NS;
}

static bool group_has(const struct held *leader, uint16_t vantage)
{
	for (const struct held *h = leader; h; h = h->next_member)
		if (h->flow.vantage == vantage)
			return true;
	return false;
}

/* Finds the group that h belongs to, the newest first, or makes it a leader. */
static void join(struct merge *m, struct held *h)
{
	struct merge_tuple t = merge_tuple_of(&h->flow);
	struct held **head = table_put(m->tuples, &t, NULL);
	h->leader = h;
	h->members = 1;
	if (!head)
		return;
	int look = MERGE_CHAIN_LOOK;
	for (struct held *other = *head; other && look--; other = other->older_same) {
		struct held *leader = other->leader;
		if (other->done || leader->members == MERGE_GROUP_MAX || !overlap(&other->flow, &h->flow) ||
		    group_has(leader, h->flow.vantage))
			continue;
		h->leader = leader;
		h->next_member = leader->next_member;
		leader->next_member = h;
		leader->members++;
		break;
	}
	h->older_same = *head;
	if (*head)
		(*head)->newer_same = h;
	*head = h;
}

/* What is known of the ended flow by now; *h is empty. */
static int hold(struct merge *m, const struct msg_flow *f, struct held *h)
{
	int r = m->fresh.n && m->fresh_flow == f->id ? merge_fresh_keep(m) : 0;
	h->flow = *f;
	h->flow.name = (struct text){0}; /* found among the transactions */
	struct log *log = table_get(m->logs, &f->id);
	if (log) {
		h->log = *log;
		table_remove(m->logs, &f->id);
	}
	return r;
}

/* Waits for its like. */
static int queue(struct merge *m, const struct msg_flow *f, int64_t now)
{
	struct held *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	int r = hold(m, f, h);
	h->since = now;
	h->told = merge_teller_ends(m, f);
	join(m, h);
	if (m->last)
		m->last->next_waiting = h;
	else
		m->first = h;
	m->last = h;
	m->waiting++;
	while (
	    r == 0 && (m->waiting > MERGE_FLOWS_MAX || (m->memory > m->config.memory_max && m->first != h))) {
		m->stats.early++;
		r = release_first(m);
	}
	return r;
}

int merge_flow(struct merge *m, const struct msg_flow *f, size_t vantages, int64_t now)
{
	if (vantages > 1)
		return queue(m, f, now);
	struct held h = {0};
	int r = hold(m, f, &h);
	if (r == 0)
		r = give(m, &h);
	log_drop(m, &h.log);
	return r;
}

void merge_flow_soon(const struct merge *m, uint64_t flow, bool again)
{
	if (again)
		table_prefetch_entry(m->logs, &flow);
	else
		table_prefetch(m->logs, &flow);
}

int merge_expire(struct merge *m, int64_t now)
{
	int r = 0;
	while (r == 0 && m->first && m->first->since + MERGE_WINDOW_NS < now)
		r = release_first(m);
	return r;
}

int merge_flush(struct merge *m)
{
	int r = 0;
	while (r == 0 && m->first)
		r = release_first(m);
	return r;
}

const struct merge_stats *merge_stats(const struct merge *m)
{
	return &m->stats;
}
