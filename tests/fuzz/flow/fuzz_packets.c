/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Packets made of the input, 16 bytes each, to a small table with little memory. What must hold: the bounds;
 * every flow that began ends once; nothing is held after the flush; no direction hands on more than the
 * depth, nor more than was sent; unique and repeated bytes are no more than what was sent or acknowledged.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/timefmt.h"
#include "flow/flow.h"

enum {
	PACKET_BYTES = 16,
	FLOWS_MAX = 6,
	MEMORY = 24 << 10,
	RECENT = 8 << 10,
	DEPTH = 40000,
	LENGTH_MAX = 4096,
	OPEN_MAX = 64
};

struct open_flow {
	uint64_t id;
	uint64_t handed[2];
};

struct watch {
	struct flow_table *table;
	uint64_t ids, started, ended;
	struct open_flow open[OPEN_MAX];
};

static struct open_flow *open_of(struct watch *w, uint64_t id)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (w->open[i].id == id)
			return &w->open[i];
	return NULL;
}

static uint64_t next_id(void *context)
{
	struct watch *w = context;
	return ++w->ids;
}

static void start(void *context, struct flow *f)
{
	struct watch *w = context;
	struct open_flow *o = open_of(w, 0);
	assert(o && f->id == w->ids);
	*o = (struct open_flow){.id = f->id};
	w->started++;
}

static bool data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n, uint64_t gap,
    int64_t time_ns)
{
	struct watch *w = context;
	struct open_flow *o = open_of(w, f->id);
	uint8_t sum = 0;
	assert(o && (n || gap) && time_ns >= f->first_ns);
	for (size_t i = 0; i < n; i++)
		sum ^= p[i]; /* touched, for the sanitizer */
	o->handed[dir] += n;
	assert(o->handed[dir] <= DEPTH);
	if (n > 5 && p[0] == 1)
		flow_table_expect(w->table, f, f->initiator, f->responder, p[1], 1);
	return !(n > 3 && p[0] == 2) && sum != 77;
}

static void end(void *context, struct flow *f, enum flow_end how)
{
	struct watch *w = context;
	struct open_flow *o = open_of(w, f->id);
	assert(o && f->first_ns <= f->last_ns);
	for (int dir = 0; dir < 2; dir++) {
		const struct flow_side *s = &f->side[dir];
		assert(s->missing <= s->payload);
		assert(o->handed[dir] <= s->payload - s->missing + s->retransmitted);
		assert(s->payload - s->missing + s->retransmitted <= s->packets * LENGTH_MAX);
	}
	if (how == FLOW_END_NONE)
		return;
	w->ended++;
	o->id = 0;
}

static struct net_addr host(uint8_t n)
{
	return net_addr_v4((const uint8_t[]){10, 0, 0, n});
}

static struct packet_layer layer_of(uint8_t shape, uint8_t ends)
{
	static const uint8_t protocols[] = {PACKET_TCP, PACKET_TCP, PACKET_TCP, PACKET_TCP, PACKET_UDP,
	    PACKET_ICMP, PACKET_ICMPV6, PACKET_GRE};
	struct packet_layer l = {.protocol = protocols[shape & 7], .wire_bytes = 40};
	l.has_ports = l.protocol != PACKET_GRE && (shape & 0x30) != 0x30;
	l.fragment = !l.has_ports && l.protocol != PACKET_GRE;
	l.src = host(ends & 3);
	l.dst = host(ends >> 2 & 3);
	l.src_port = (uint16_t)(ends >> 4 & 3);
	l.dst_port = (uint16_t)(ends >> 6 & 3);
	l.app = shape & 0x40 ? 1 : 0;
	return l;
}

/* Sequence numbers near each other, and now and then far off. */
static uint32_t number_of(uint16_t small, uint8_t far)
{
	return (uint32_t)small + ((uint32_t)(far & 15) << 28) + (far & 0x10 ? 0xfffff000u : 0);
}

static void one_packet(struct flow_table *t, const uint8_t *p, const uint8_t *bytes, size_t n, int64_t *time)
{
	static const int64_t steps[] = {
	    0, 1, NS_PER_MS, NS_PER_S, 20 * NS_PER_S, 200 * NS_PER_S, -5, INT64_MAX / 8};
	struct packet packet = {.n_layers = 1, .layers = {layer_of(p[0], p[1])}};
	struct packet_layer *l = &packet.layers[0];
	if (p[0] & 0x80) {
		packet.layers[1] = layer_of(p[2] & 0x37, (uint8_t)(p[1] ^ p[3]));
		packet.n_layers = 2;
		l->payload_length = 60;
		l = &packet.layers[1];
	}
	if (*time < INT64_MAX / 2)
		*time += steps[p[4] & 7];
	packet.time_ns = *time;
	packet.vantage = p[4] >> 7;
	packet.tcp.flags = p[5] & 0x3f;
	packet.tcp.seq = number_of(load_le16(p + 6), p[8]);
	packet.tcp.ack = number_of(load_le16(p + 9), p[11]);
	packet.tcp.window = load_le16(p + 12);
	packet.tcp.window_scale = p[4] & 0x40 ? p[12] : 255;
	l->payload_length = load_le16(p + 14) % (LENGTH_MAX + 1);
	l->payload_captured = l->payload_length < n ? l->payload_length : (uint32_t)n;
	l->payload = bytes;
	struct flow *f;
	assert(flow_table_packet(t, &packet, &f) == 0);
	assert(f && f->last_ns >= f->first_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct watch w = {0};
	struct flow_table_config config = {.flows_max = FLOWS_MAX,
	    .reassembly_memory = MEMORY,
	    .recent_memory = RECENT,
	    .reassembly_depth = DEPTH,
	    .reassembly_window = 8 << 10,
	    .timeouts = {.active_ns = 100 * NS_PER_S},
	    .next_id = next_id,
	    .start = start,
	    .data = data,
	    .end = end,
	    .context = &w};
	int64_t time = 0;
	if (flow_table_new(&w.table, &config) < 0)
		return 0;
	const struct flow_stats *stats = flow_table_stats(w.table);
	for (size_t at = 0; size - at >= PACKET_BYTES; at += PACKET_BYTES) {
		one_packet(w.table, input + at, input + at, size - at, &time);
		if (input[at + 5] & 0x80)
			flow_table_expire(w.table, time);
		assert(stats->live <= FLOWS_MAX && stats->reassembly_bytes <= MEMORY);
		assert(w.started - w.ended == stats->live);
	}
	flow_table_flush(w.table);
	assert(stats->live == 0 && stats->reassembly_bytes == 0 && w.started == w.ended);
	flow_table_free(w.table);
	return 0;
}
