/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "flow/entry.h"

enum { CHUNK_FLOWS = 1024, CHUNKS_MAX = 1 << 20 };

static const struct flow_timeouts default_timeouts = {
    .tcp_new_ns = 60 * NS_PER_S,
    .tcp_established_ns = 3600 * NS_PER_S,
    .tcp_closed_ns = 10 * NS_PER_S,
    .udp_new_ns = 30 * NS_PER_S,
    .udp_answered_ns = 180 * NS_PER_S,
    .icmp_ns = 60 * NS_PER_S,
    .other_ns = 120 * NS_PER_S,
};

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value ? value : otherwise;
}

static void fill_defaults(struct flow_table_config *c)
{
	const struct flow_timeouts *d = &default_timeouts;
	struct flow_timeouts *o = &c->timeouts;
	c->flows_max = c->flows_max ? c->flows_max : 262144;
	c->reassembly_memory = c->reassembly_memory ? c->reassembly_memory : (size_t)128 << 20;
	c->reassembly_depth = c->reassembly_depth ? c->reassembly_depth : 1 << 20;
	c->reassembly_window = c->reassembly_window ? c->reassembly_window : 256 << 10;
	o->tcp_new_ns = or_default(o->tcp_new_ns, d->tcp_new_ns);
	o->tcp_established_ns = or_default(o->tcp_established_ns, d->tcp_established_ns);
	o->tcp_closed_ns = or_default(o->tcp_closed_ns, d->tcp_closed_ns);
	o->udp_new_ns = or_default(o->udp_new_ns, d->udp_new_ns);
	o->udp_answered_ns = or_default(o->udp_answered_ns, d->udp_answered_ns);
	o->icmp_ns = or_default(o->icmp_ns, d->icmp_ns);
	o->other_ns = or_default(o->other_ns, d->other_ns);
}

int flow_table_new(struct flow_table **ret_table, const struct flow_table_config *config)
{
	if (!config->next_id || !config->start || !config->data || !config->end)
		return -EINVAL;
	struct flow_table *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->config = *config;
	fill_defaults(&t->config);
	size_t buckets = 1024;
	while (buckets < t->config.flows_max && buckets < (size_t)1 << 28)
		buckets *= 2;
	t->mask = buckets - 1;
	t->buckets = calloc(buckets, sizeof(struct flow_entry *));
	int r = t->buckets ? flow_expectations_new(&t->expectations, config->seed) : -ENOMEM;
	if (r < 0) {
		flow_table_free(t);
		return r;
	}
	*ret_table = t;
	return 0;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	for (int c = 0; c < FLOW_CLASS_COUNT; c++)
		for (struct flow_entry *e = t->lists[c].oldest; e; e = e->newer)
			tcp_free(t, e);
	for (size_t i = 0; i < t->n_chunks; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->buckets);
	flow_expectations_free(t->expectations);
	free(t);
}

static void list_remove(struct flow_table *t, struct flow_entry *e)
{
	if (e->older)
		e->older->newer = e->newer;
	else
		t->lists[e->class].oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		t->lists[e->class].newest = e->older;
}

static void list_append(struct flow_table *t, struct flow_entry *e)
{
	e->older = t->lists[e->class].newest;
	e->newer = NULL;
	if (e->older)
		e->older->newer = e;
	else
		t->lists[e->class].oldest = e;
	t->lists[e->class].newest = e;
}

static enum flow_end natural_end(const struct flow *f, enum flow_end otherwise)
{
	if (f->tcp == FLOW_TCP_CLOSED)
		return FLOW_END_FIN;
	if (f->tcp == FLOW_TCP_RESET || f->tcp == FLOW_TCP_REFUSED)
		return FLOW_END_RST;
	return otherwise;
}

static void entry_end(struct flow_table *t, struct flow_entry *e, enum flow_end how)
{
	struct flow_entry **at = &t->buckets[e->hash & t->mask];
	for (int dir = 0; dir < 2; dir++)
		if (e->f.stream[dir])
			stream_finish(t, e, (enum flow_dir)dir, e->f.last_ns);
	if (e->f.protocol == PACKET_TCP)
		tcp_settle(e);
	t->config.end(t->config.context, &e->f, how);
	tcp_free(t, e);
	list_remove(t, e);
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	e->chain = t->spare;
	t->spare = e;
	t->stats.live--;
}

/* What goes first at the bound: unanswered, then closed, then whoever was idle longest. */
static void evict_one(struct flow_table *t)
{
	static const enum flow_class tiers[][4] = {{FLOW_CLASS_TCP_NEW, FLOW_CLASS_UDP_NEW, FLOW_CLASS_COUNT},
	    {FLOW_CLASS_TCP_CLOSED, FLOW_CLASS_COUNT},
	    {FLOW_CLASS_TCP_ESTABLISHED, FLOW_CLASS_UDP_ANSWERED, FLOW_CLASS_ICMP, FLOW_CLASS_OTHER}};
	struct flow_entry *victim = NULL;
	for (size_t tier = 0; tier < 3 && !victim; tier++)
		for (size_t i = 0; i < 4 && tiers[tier][i] != FLOW_CLASS_COUNT; i++) {
			struct flow_entry *oldest = t->lists[tiers[tier][i]].oldest;
			if (oldest && (!victim || oldest->touched < victim->touched))
				victim = oldest;
		}
	if (!victim)
		return;
	t->stats.evicted++;
	entry_end(t, victim, natural_end(&victim->f, FLOW_END_EVICTED));
}

static struct flow_entry *entry_take(struct flow_table *t)
{
	if (t->stats.live >= t->config.flows_max)
		evict_one(t);
	if (!t->spare) {
		if (VEC_RESERVE(t->chunks, &t->cap_chunks, t->n_chunks, CHUNKS_MAX) < 0)
			return NULL;
		struct flow_entry *chunk = calloc(CHUNK_FLOWS, sizeof(*chunk));
		if (!chunk)
			return NULL;
		t->chunks[t->n_chunks++] = chunk;
		for (size_t i = CHUNK_FLOWS; i-- > 0;) {
			chunk[i].chain = t->spare;
			t->spare = &chunk[i];
		}
	}
	struct flow_entry *e = t->spare;
	t->spare = e->chain;
	memset(e, 0, sizeof(*e));
	return e;
}

/* The ports that a layer's flow is known by: ICMP's replies are turned to meet their requests. */
static void layer_ports(const struct packet_layer *l, uint16_t *ret_src, uint16_t *ret_dst)
{
	*ret_src = l->has_ports ? l->src_port : 0;
	*ret_dst = l->has_ports ? l->dst_port : 0;
	if (l->has_ports && (l->protocol == PACKET_ICMP || l->protocol == PACKET_ICMPV6)) {
		int counterpart = flow_icmp_counterpart(l->protocol, (uint8_t)l->src_port);
		if (counterpart >= 0)
			*ret_dst = (uint16_t)counterpart;
	}
}

static struct flow_key key_of(const struct packet *p, const struct packet_layer *l, bool *ret_src_is_low)
{
	struct flow_key k = {.vantage = p->vantage, .protocol = l->protocol};
	uint16_t src_port, dst_port;
	layer_ports(l, &src_port, &dst_port);
	int order = net_addr_compare(l->src, l->dst);
	bool low = order < 0 || (order == 0 && src_port <= dst_port);
	k.low = low ? l->src : l->dst;
	k.high = low ? l->dst : l->src;
	k.low_port = low ? src_port : dst_port;
	k.high_port = low ? dst_port : src_port;
	*ret_src_is_low = low;
	return k;
}

static struct flow_entry *entry_find(const struct flow_table *t, const struct flow_key *k, uint64_t hash)
{
	for (struct flow_entry *e = t->buckets[hash & t->mask]; e; e = e->chain)
		if (e->hash == hash && memcmp(&e->key, k, sizeof(*k)) == 0)
			return e;
	return NULL;
}

static enum flow_class class_of(const struct flow *f)
{
	switch (f->protocol) {
	case PACKET_TCP:
		switch (f->tcp) {
		case FLOW_TCP_NONE:
		case FLOW_TCP_SYN_SENT: return FLOW_CLASS_TCP_NEW;
		case FLOW_TCP_SYN_RECEIVED:
		case FLOW_TCP_ESTABLISHED:
		case FLOW_TCP_MIDSTREAM:
		case FLOW_TCP_CLOSING: return FLOW_CLASS_TCP_ESTABLISHED;
		case FLOW_TCP_CLOSED:
		case FLOW_TCP_RESET:
		case FLOW_TCP_REFUSED: return FLOW_CLASS_TCP_CLOSED;
		}
		return FLOW_CLASS_TCP_NEW;
	case PACKET_UDP: return f->flags & FLOW_ANSWERED ? FLOW_CLASS_UDP_ANSWERED : FLOW_CLASS_UDP_NEW;
	case PACKET_ICMP:
	case PACKET_ICMPV6: return FLOW_CLASS_ICMP;
	}
	return FLOW_CLASS_OTHER;
}

static struct flow_entry *entry_new(struct flow_table *t, const struct packet *p,
    const struct packet_layer *l, bool innermost, const struct flow_key *key, uint64_t hash,
    const struct flow *parent)
{
	bool guessed, sender = flow_sender_initiates(p, l, innermost, &guessed);
	/* the id may be NULL no longer once the parent was evicted to make room for this one */
	uint64_t parent_id = parent ? parent->id : 0;
	struct flow_entry *e = entry_take(t);
	if (!e)
		return NULL;
	struct flow *f = &e->f;
	bool icmp = l->protocol == PACKET_ICMP || l->protocol == PACKET_ICMPV6;
	f->id = t->config.next_id(t->config.context);
	f->parent = parent_id;
	f->initiator = sender ? l->src : l->dst;
	f->responder = sender ? l->dst : l->src;
	f->initiator_port = !l->has_ports ? 0 : sender || icmp ? l->src_port : l->dst_port;
	f->responder_port = !l->has_ports ? 0 : sender || icmp ? l->dst_port : l->src_port;
	f->protocol = l->protocol;
	f->n_vlans = p->n_vlans < 2 ? p->n_vlans : 2;
	memcpy(f->vlans, p->vlans, sizeof(f->vlans));
	f->vantage = p->vantage;
	f->first_ns = p->time_ns;
	f->last_ns = p->time_ns;
	if (p->has_mac) {
		f->has_mac = true;
		f->initiator_mac = sender ? p->src_mac : p->dst_mac;
		f->responder_mac = sender ? p->dst_mac : p->src_mac;
	}
	if (guessed)
		f->flags |= FLOW_GUESSED_INITIATOR;
	if (l->app) {
		f->app = l->app;
		f->flags |= FLOW_TUNNEL;
	}
	e->key = *key;
	e->hash = hash;
	e->touched = t->now;
	e->snapshot = t->now;
	e->tcp[0].scale = e->tcp[1].scale = 255;
	e->wanted[0] = e->wanted[1] = true;
	e->class = class_of(f);
	e->chain = t->buckets[hash & t->mask];
	t->buckets[hash & t->mask] = e;
	list_append(t, e);
	t->stats.flows++;
	if (++t->stats.live > t->stats.live_peak)
		t->stats.live_peak = t->stats.live;
	flow_expectations_meet(t->expectations, f, t->now);
	t->config.start(t->config.context, f);
	return e;
}

/* A datagram of a protocol without sequence numbers: what arrived is what was sent. */
static void take_datagram(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_layer *l, int64_t time)
{
	struct flow *f = &e->f;
	f->side[dir].payload += l->payload_length;
	if ((f->flags & FLOW_ANSWERED) && !f->established_ns && f->side[0].payload && f->side[1].payload)
		f->established_ns = time;
	bool carries_flow = l->app != 0;
	if (!e->wanted[dir] || !l->payload_length || carries_flow || l->fragment)
		return;
	uint64_t left = t->config.reassembly_depth - e->depth[dir];
	size_t n = l->payload_captured < left ? l->payload_captured : (size_t)left;
	e->depth[dir] += n;
	if (n == left) {
		f->flags |= FLOW_DEPTH_REACHED;
		e->wanted[dir] = false;
	}
	if (!t->config.data(t->config.context, f, dir, l->payload, n, 0, time))
		e->wanted[dir] = false;
}

static void touch(struct flow_table *t, struct flow_entry *e)
{
	enum flow_class class = class_of(&e->f);
	e->touched = t->now;
	if (class == e->class && t->lists[class].newest == e)
		return;
	list_remove(t, e);
	e->class = class;
	list_append(t, e);
}

static void take_layer(struct flow_table *t, struct flow_entry *e, const struct packet *p,
    const struct packet_layer *l, enum flow_dir dir, bool innermost)
{
	struct flow *f = &e->f;
	struct flow_side *side = &f->side[dir];
	if (p->time_ns > f->last_ns)
		f->last_ns = p->time_ns;
	side->packets++;
	side->wire_bytes += l->wire_bytes;
	side->last_ns = p->time_ns;
	f->events |= p->events;
	if (l->payload_captured < l->payload_length)
		f->flags |= FLOW_CUT;
	if (f->side[!dir].packets)
		f->flags |= FLOW_ANSWERED;
	if (l->app) {
		f->flags |= FLOW_TUNNEL;
		if (!f->app)
			f->app = l->app;
	}
	if (l->protocol == PACKET_TCP && innermost && l->has_ports) {
		side->tcp_flags |= p->tcp.flags;
		tcp_segment(t, e, dir, p, l);
	} else {
		take_datagram(t, e, dir, l, p->time_ns);
	}
	touch(t, e);
	if (t->config.timeouts.active_ns && t->now - e->snapshot >= t->config.timeouts.active_ns) {
		e->snapshot = t->now;
		t->config.end(t->config.context, f, FLOW_END_NONE);
	}
}

int flow_table_packet(struct flow_table *t, const struct packet *p, struct flow **ret_flow)
{
	struct flow_entry *e = NULL;
	t->stats.packets++;
	if (p->time_ns > t->now)
		t->now = p->time_ns;
	if (p->n_layers == 0)
		t->stats.no_key++;
	for (uint8_t i = 0; i < p->n_layers; i++) {
		const struct packet_layer *l = &p->layers[i];
		bool innermost = i + 1 == p->n_layers, src_is_low;
		struct flow_key key = key_of(p, l, &src_is_low);
		uint64_t hash = hash_bytes(&key, sizeof(key), t->config.seed);
		const struct flow *parent = e ? &e->f : NULL;
		struct flow_entry *found = entry_find(t, &key, hash);
		if (found && found != e && l->protocol == PACKET_TCP && innermost && l->has_ports) {
			enum flow_dir dir = net_addr_equal(found->f.initiator, l->src) &&
			                            found->f.initiator_port == l->src_port
			                        ? FLOW_FORWARD
			                        : FLOW_REVERSE;
			if (tcp_begins_anew(found, dir, &p->tcp, t->now)) {
				entry_end(t, found, natural_end(&found->f, FLOW_END_TIMEOUT));
				found = NULL;
			}
		}
		if (!found)
			found = entry_new(t, p, l, innermost, &key, hash, parent);
		if (!found) {
			t->stats.out_of_memory++;
			return 0;
		}
		e = found;
		uint16_t src_port, dst_port, initiator_port = e->f.initiator_port;
		layer_ports(l, &src_port, &dst_port);
		bool icmp = l->protocol == PACKET_ICMP || l->protocol == PACKET_ICMPV6;
		bool forward = net_addr_equal(e->f.initiator, l->src);
		if (forward && net_addr_equal(l->src, l->dst))
			forward = icmp ? !flow_icmp_is_reply(l->protocol, (uint8_t)src_port)
			               : src_port == initiator_port;
		else if (!icmp && forward && net_addr_equal(e->f.initiator, e->f.responder))
			forward = src_port == initiator_port;
		take_layer(t, e, p, l, forward ? FLOW_FORWARD : FLOW_REVERSE, innermost);
	}
	if (ret_flow)
		*ret_flow = e ? &e->f : NULL;
	return 0;
}

void flow_table_expire(struct flow_table *t, int64_t now_ns)
{
	const struct flow_timeouts *o = &t->config.timeouts;
	const int64_t timeouts[FLOW_CLASS_COUNT] = {[FLOW_CLASS_TCP_NEW] = o->tcp_new_ns,
	    [FLOW_CLASS_TCP_ESTABLISHED] = o->tcp_established_ns,
	    [FLOW_CLASS_TCP_CLOSED] = o->tcp_closed_ns,
	    [FLOW_CLASS_UDP_NEW] = o->udp_new_ns,
	    [FLOW_CLASS_UDP_ANSWERED] = o->udp_answered_ns,
	    [FLOW_CLASS_ICMP] = o->icmp_ns,
	    [FLOW_CLASS_OTHER] = o->other_ns};
	if (now_ns > t->now)
		t->now = now_ns;
	for (int c = 0; c < FLOW_CLASS_COUNT; c++)
		for (struct flow_entry *e; (e = t->lists[c].oldest) && t->now - e->touched > timeouts[c];) {
			t->stats.timeouts++;
			entry_end(t, e, natural_end(&e->f, FLOW_END_TIMEOUT));
		}
}

void flow_table_flush(struct flow_table *t)
{
	for (;;) {
		struct flow_entry *next = NULL;
		for (int c = 0; c < FLOW_CLASS_COUNT; c++) {
			struct flow_entry *e = t->lists[c].oldest;
			if (e && (!next || e->touched < next->touched ||
			             (e->touched == next->touched && e->f.id < next->f.id)))
				next = e;
		}
		if (!next)
			return;
		entry_end(t, next, natural_end(&next->f, FLOW_END_CAPTURE));
	}
}

void flow_table_expect(struct flow_table *t, const struct flow *f, struct net_addr from, struct net_addr to,
    uint16_t port, uint16_t app)
{
	flow_expectations_add(t->expectations, from, to, port, app, f->id, t->now);
}

const struct flow_stats *flow_table_stats(const struct flow_table *t)
{
	return &t->stats;
}
