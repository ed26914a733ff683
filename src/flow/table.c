/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pages.h"
#include "base/timefmt.h"
#include "flow/entry.h"

enum { FLOWS_MOST = 1 << 30, CACHE_LINE = 64 };

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
	c->recent_memory = c->recent_memory ? c->recent_memory : (size_t)8 << 20;
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
	if (!config->next_id || !config->start || !config->data || !config->end ||
	    config->flows_max > FLOWS_MOST)
		return -EINVAL;
	struct flow_table *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->config = *config;
	fill_defaults(&t->config);
	flow_classes_set(t->timeouts, &t->config.timeouts);
	uint32_t buckets = 16, max = (uint32_t)t->config.flows_max;
	while (buckets / 2 < max)
		buckets *= 2;
	t->mask = buckets - 1;
	t->buckets = pages_new(buckets * sizeof(*t->buckets));
	int r = t->buckets ? pool_new(&t->entries, sizeof(struct flow_entry), max) : -ENOMEM;
	if (r == 0)
		r = pool_new(&t->tcp, 2 * sizeof(struct tcp_side), max);
	if (r == 0)
		r = recent_new(&t->recent, t->config.recent_memory);
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
		for (struct flow_entry *e = t->lists[c].oldest; e; e = flow_entry_at(t, e->newer))
			if (e->f.protocol == PACKET_TCP)
				tcp_free(t, e);
	pool_free(&t->tcp);
	pool_free(&t->entries);
	pages_free(t->buckets, ((size_t)t->mask + 1) * sizeof(*t->buckets));
	recent_free(t->recent);
	flow_expectations_free(t->expectations);
	free(t);
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
	uint32_t *at = &t->buckets[e->hash & t->mask], number = flow_entry_number(t, e);
	if (e->f.protocol == PACKET_TCP) {
		tcp_finish(t, e);
		tcp_settle(t, e);
	}
	t->config.end(t->config.context, &e->f, how);
	if (e->f.protocol == PACKET_TCP)
		tcp_free(t, e);
	flow_list_remove(t, e);
	while (*at != number)
		at = &flow_entry_at(t, *at)->chain;
	*at = e->chain;
	pool_give(&t->entries, e);
	t->stats.live--;
}

/*
 * What ends was mostly idle long, and so was what its end looks at: it is in no cache, and the next to end is
 * known. So before a flow ends those after it are fetched step by step: the entry; when that has arrived,
 * what it leads to; then, where that leads.
 */
enum { AHEAD_ENTRY = 8, AHEAD_PARTS = 4, AHEAD_AGAIN = 2 };

static void fetch_lines(const void *p, size_t n)
{
	for (size_t at = 0; p && at < n; at += CACHE_LINE)
		__builtin_prefetch((const char *)p + at, 1);
}

static void fetch_parts(const struct flow_table *t, const struct flow_entry *e)
{
	__builtin_prefetch(&t->buckets[e->hash & t->mask], 1);
	if (e->f.protocol == PACKET_TCP && !e->is_embryo)
		fetch_lines(e->tcp, 2 * sizeof(struct tcp_side));
	if (t->config.soon)
		t->config.soon(t->config.context, &e->f, false);
}

/* e, the oldest of its list, is about to end. */
static void look_ahead(const struct flow_table *t, const struct flow_entry *e)
{
	for (int n = 1; n <= AHEAD_ENTRY; n++) {
		e = flow_entry_at(t, e->newer);
		if (!e)
			return;
		if (n == AHEAD_ENTRY)
			fetch_lines(e, sizeof(*e));
		else if (n == AHEAD_PARTS)
			fetch_parts(t, e);
		else if (n == AHEAD_AGAIN && t->config.soon)
			t->config.soon(t->config.context, &e->f, true);
	}
}

/* An exchange that is over makes room before anybody is evicted: nothing more of it is to come, and the next
 * question's answer is on its way. */
static void make_room(struct flow_table *t)
{
	struct flow_entry *over = flow_list_over(t), *victim = over ? over : flow_list_victim(t);
	if (!victim)
		return;
	look_ahead(t, victim);
	if (over)
		t->stats.timeouts++;
	else
		t->stats.evicted++;
	entry_end(t, victim, over ? FLOW_END_TIMEOUT : FLOW_END_EVICTED);
}

static struct flow_entry *entry_take(struct flow_table *t)
{
	if (t->stats.live >= t->config.flows_max)
		make_room(t);
	struct flow_entry *e = pool_take(&t->entries);
	assert(e); /* there are as many as flows_max */
	return e;
}

static bool is_icmp(const struct packet_layer *l)
{
	return l->protocol == PACKET_ICMP || l->protocol == PACKET_ICMPV6;
}

/* ICMP: a request and its reply share a key by type; a message that has no reply pairs with nothing. */
static struct flow_key key_of(const struct packet *p, const struct packet_layer *l)
{
	struct flow_key k = {.vantage = p->vantage, .protocol = l->protocol};
	uint16_t src_port = l->has_ports ? l->src_port : 0, dst_port = l->has_ports ? l->dst_port : 0;
	int order = net_addr_compare(l->src, l->dst);
	if (l->has_ports && is_icmp(l)) {
		int counterpart = flow_icmp_counterpart(l->protocol, (uint8_t)l->src_port);
		if (counterpart >= 0)
			dst_port = (uint16_t)counterpart;
		else
			k.turned = order > 0;
	}
	bool low = order < 0 || (order == 0 && src_port <= dst_port);
	k.low = low ? l->src : l->dst;
	k.high = low ? l->dst : l->src;
	k.low_port = low ? src_port : dst_port;
	k.high_port = low ? dst_port : src_port;
	return k;
}

static enum flow_dir direction_of(const struct flow *f, const struct packet_layer *l)
{
	bool forward;
	if (!net_addr_equal(l->src, l->dst))
		forward = net_addr_equal(f->initiator, l->src);
	else if (is_icmp(l)) /* a machine that talks to itself: the type or the ports tell */
		forward = !flow_icmp_is_reply(l->protocol, (uint8_t)l->src_port);
	else
		forward = !l->has_ports || l->src_port == f->initiator_port;
	return forward ? FLOW_FORWARD : FLOW_REVERSE;
}

static uint32_t key_hash(const struct flow_table *t, const struct flow_key *k)
{
	return (uint32_t)hash_bytes(k, sizeof(*k), t->config.seed);
}

/* An entry's key is that of its first packet: the addresses stand in the flow. */
static bool has_key(const struct flow_entry *e, const struct flow_key *k)
{
	const struct flow *f = &e->f;
	return f->protocol == k->protocol && f->vantage == k->vantage && e->low_port == k->low_port &&
	       e->high_port == k->high_port && e->turned == k->turned &&
	       net_addr_equal(e->initiator_low ? f->initiator : f->responder, k->low) &&
	       net_addr_equal(e->initiator_low ? f->responder : f->initiator, k->high);
}

static struct flow_entry *entry_find(const struct flow_table *t, const struct flow_key *k, uint32_t hash)
{
	struct flow_entry *e = flow_entry_at(t, t->buckets[hash & t->mask]);
	while (e && !(e->hash == hash && has_key(e, k)))
		e = flow_entry_at(t, e->chain);
	return e;
}

static void fill_flow(struct flow_table *t, struct flow *f, const struct packet *p,
    const struct packet_layer *l, bool innermost)
{
	bool guessed, sender = flow_sender_initiates(p, l, innermost, &guessed);
	f->id = t->config.next_id(t->config.context);
	f->initiator = sender ? l->src : l->dst;
	f->responder = sender ? l->dst : l->src;
	if (l->has_ports) {
		bool as_sent = sender || is_icmp(l);
		f->initiator_port = as_sent ? l->src_port : l->dst_port;
		f->responder_port = as_sent ? l->dst_port : l->src_port;
	}
	f->protocol = l->protocol;
	f->vlan = p->n_vlans ? p->vlans[0] : 0;
	f->vantage = p->vantage;
	f->first_ns = t->now;
	f->last_ns = t->now;
	f->has_mac = p->has_mac;
	if (p->has_mac) {
		f->initiator_mac = sender ? p->src_mac : p->dst_mac;
		f->responder_mac = sender ? p->dst_mac : p->src_mac;
	}
	if (guessed)
		f->flags |= FLOW_GUESSED_INITIATOR;
	f->app = l->app;
}

static uint8_t told_of(const struct flow *f)
{
	return (uint8_t)((f->flags & FLOW_ANSWERED ? FLOW_TOLD_ANSWERED : 0) |
	                 (f->established_ns ? FLOW_TOLD_ESTABLISHED : 0) |
	                 (f->tcp == FLOW_TCP_REFUSED ? FLOW_TOLD_REFUSED : 0) |
	                 (f->tcp == FLOW_TCP_RESET ? FLOW_TOLD_RESET : 0) | (f->app ? FLOW_TOLD_APP : 0) |
	                 (f->side[0].payload && f->side[1].payload ? FLOW_TOLD_EXCHANGED : 0));
}

/* The flow was told as it is: when it will be again, if nothing changes. */
static void snapshot_told(const struct flow_table *t, struct flow_entry *e)
{
	int64_t active = t->config.timeouts.active_ns;
	e->told = t->config.snapshots ? told_of(&e->f) : 0;
	e->snapshot_due = active ? t->now + active : INT64_MAX;
}

static void snapshot(struct flow_table *t, struct flow_entry *e)
{
	snapshot_told(t, e);
	t->stats.snapshots++;
	t->config.end(t->config.context, &e->f, FLOW_END_NONE);
}

static struct flow_entry *entry_new(struct flow_table *t, const struct packet *p,
    const struct packet_layer *l, bool innermost, const struct flow_key *key, uint32_t hash, uint64_t parent)
{
	struct flow_entry *e = entry_take(t);
	fill_flow(t, &e->f, p, l, innermost);
	e->f.parent = parent;
	e->low_port = key->low_port;
	e->high_port = key->high_port;
	e->turned = key->turned;
	e->initiator_low = net_addr_equal(e->f.initiator, key->low);
	e->hash = hash;
	snapshot_told(t, e);
	e->told = t->config.snapshots ? FLOW_TOLD_NOTHING : 0;
	e->chain = t->buckets[hash & t->mask];
	t->buckets[hash & t->mask] = flow_entry_number(t, e);
	flow_list_append(t, e);
	t->stats.flows++;
	if (++t->stats.live > t->stats.live_peak)
		t->stats.live_peak = t->stats.live;
	if (t->expectations)
		flow_expectations_meet(t->expectations, &e->f, t->now);
	t->config.start(t->config.context, &e->f);
	return e;
}

/* A datagram of a protocol without sequence numbers: what arrived is what was sent. */
static void take_datagram(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct packet_layer *l, bool innermost)
{
	struct flow *f = &e->f;
	f->side[dir].payload += l->payload_length;
	if (!f->established_ns && f->side[0].payload && f->side[1].payload)
		f->established_ns = t->now;
	if (f->protocol == PACKET_TCP || !flow_wanted(e, dir) || !l->payload_captured || !innermost ||
	    l->app || l->fragment)
		return;
	uint32_t left = t->config.reassembly_depth - e->depth[dir];
	uint32_t n = l->payload_captured < left ? l->payload_captured : left;
	e->depth[dir] += n;
	if (n == left) {
		f->flags |= FLOW_DEPTH_REACHED;
		t->stats.depth_reached++;
		flow_unwant(e, dir);
	}
	if (!t->config.data(t->config.context, f, dir, l->payload, n, 0, t->now))
		flow_unwant(e, dir);
}

static void take_layer(struct flow_table *t, struct flow_entry *e, const struct packet *p,
    const struct packet_layer *l, bool innermost)
{
	struct flow *f = &e->f;
	enum flow_dir dir = direction_of(f, l);
	struct flow_side *side = &f->side[dir];
	side->packets++;
	side->wire_bytes += l->wire_bytes;
	f->events |= p->events;
	if (l->payload_captured < l->payload_length)
		f->flags |= FLOW_CUT;
	if (f->side[!dir].packets)
		f->flags |= FLOW_ANSWERED;
	if (!innermost)
		f->flags |= FLOW_TUNNEL;
	if (!f->app)
		f->app = l->app;
	if (l->protocol == PACKET_TCP && innermost && l->has_ports) {
		f->tcp_flags[dir] |= p->tcp.flags;
		tcp_segment(t, e, dir, &p->tcp, l);
	} else {
		take_datagram(t, e, dir, l, innermost);
	}
	f->last_ns = t->now;
	flow_list_touch(t, e);
	if (t->now >= e->snapshot_due || (t->config.snapshots && told_of(f) != e->told))
		snapshot(t, e);
}

static bool timed_out(const struct flow_table *t, const struct flow_entry *e)
{
	return t->now - e->f.last_ns > t->timeouts[e->class];
}

static void time_out(struct flow_table *t, struct flow_entry *e)
{
	t->stats.timeouts++;
	entry_end(t, e, natural_end(&e->f, FLOW_END_TIMEOUT));
}

/*
 * The flow that the layer belongs to. One whose time is over, or whose ports are used anew, ends here: so the
 * records don't depend on how often flow_table_expire is called. `outer` is the flow of the layer around it.
 */
static struct flow_entry *layer_flow(struct flow_table *t, const struct packet *p,
    const struct packet_layer *l, bool innermost, const struct flow_entry *outer)
{
	struct flow_key key = key_of(p, l);
	uint32_t hash = key_hash(t, &key);
	struct flow_entry *found = entry_find(t, &key, hash);
	if (found && found != outer) {
		bool tcp = l->protocol == PACKET_TCP && innermost && l->has_ports;
		if (timed_out(t, found)) {
			time_out(t, found);
			found = NULL;
		} else if (tcp && tcp_begins_anew(found, direction_of(&found->f, l), &p->tcp, t->now)) {
			entry_end(t, found, natural_end(&found->f, FLOW_END_TIMEOUT));
			found = NULL;
		}
	}
	return found ? found : entry_new(t, p, l, innermost, &key, hash, outer ? outer->f.id : 0);
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
		bool innermost = i + 1 == p->n_layers;
		e = layer_flow(t, p, &p->layers[i], innermost, e);
		take_layer(t, e, p, &p->layers[i], innermost);
	}
	if (ret_flow)
		*ret_flow = e ? &e->f : NULL;
	return 0;
}

void flow_table_expire(struct flow_table *t, int64_t now_ns)
{
	if (now_ns > t->now)
		t->now = now_ns;
	for (int c = 0; c < FLOW_CLASS_COUNT; c++) {
		for (struct flow_entry *e; (e = t->lists[c].oldest) && timed_out(t, e);) {
			look_ahead(t, e);
			time_out(t, e);
		}
	}
}

void flow_table_flush(struct flow_table *t)
{
	for (struct flow_entry *e; (e = flow_list_oldest(t));) {
		look_ahead(t, e);
		entry_end(t, e, natural_end(&e->f, FLOW_END_CAPTURE));
	}
}

void flow_table_expect(struct flow_table *t, const struct flow *f, struct net_addr from, struct net_addr to,
    uint16_t port, uint16_t app)
{
	if (!t->expectations && flow_expectations_new(&t->expectations, t->config.seed) < 0)
		return;
	flow_expectations_add(t->expectations, from, to, port, app, f->id, t->now);
	t->stats.expectations_displaced = flow_expectations_displaced(t->expectations);
}

void flow_table_tell(struct flow_table *t, const struct flow *f)
{
	if (t->config.snapshots)
		flow_entry_of((struct flow *)f)->told |= FLOW_TOLD_NOTHING;
}

struct flow *flow_table_find(
    const struct flow_table *t, const struct packet *p, uint8_t layer, enum flow_dir *ret_dir)
{
	const struct packet_layer *l = &p->layers[layer];
	struct flow_key key = key_of(p, l);
	struct flow_entry *e = entry_find(t, &key, key_hash(t, &key));
	if (!e)
		return NULL;
	*ret_dir = direction_of(&e->f, l);
	return &e->f;
}

const struct flow_stats *flow_table_stats(const struct flow_table *t)
{
	return &t->stats;
}
