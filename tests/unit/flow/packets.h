/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_FLOW_PACKETS_H
#define TEST_FLOW_PACKETS_H

/*
 * Decoded packets made by hand, a table to feed them to, and a book of all that the table reports. Packets go
 * to the table in memory of exactly their size, so that a sanitizer sees whoever keeps or overruns them.
 */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

enum { F = PACKET_TCP_FIN, S = PACKET_TCP_SYN, R = PACKET_TCP_RST, P = PACKET_TCP_PSH, A = PACKET_TCP_ACK };
enum { BOOK_ENDS_MAX = 512, BOOK_BYTES_MAX = 1 << 17 };

struct ended {
	struct flow f;
	enum flow_end how;
};

struct book {
	struct flow_table *t;
	struct flow *last; /* the flow of the last packet */
	uint64_t ids;
	size_t started, n_ended, n_snapshots;
	struct ended ended[BOOK_ENDS_MAX]; /* the first of them */
	struct ended snapshot;             /* the last */
	size_t stop_after;                 /* calls of data until no more is wanted; 0: never */
	size_t calls;
	const uint8_t *handed_at; /* of the last call of data */
	size_t n_got[2];
	uint64_t gaps[2];
	uint8_t got[2][BOOK_BYTES_MAX];
};

static inline uint64_t book_next_id(void *context)
{
	struct book *b = context;
	return ++b->ids;
}

static inline void book_start(void *context, struct flow *f)
{
	struct book *b = context;
	assert_true(f->id == b->ids);
	b->started++;
}

static inline bool book_data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	struct book *b = context;
	(void)f;
	(void)time_ns;
	assert_true(n || gap);
	assert_true(b->n_got[dir] + n <= BOOK_BYTES_MAX);
	if (n)
		memcpy(b->got[dir] + b->n_got[dir], p, n);
	b->n_got[dir] += n;
	b->gaps[dir] += gap;
	b->handed_at = p;
	return ++b->calls != b->stop_after;
}

static inline void book_end(void *context, struct flow *f, enum flow_end how)
{
	struct book *b = context;
	struct ended e = {.f = *f, .how = how};
	if (how == FLOW_END_NONE) {
		b->snapshot = e;
		b->n_snapshots++;
		return;
	}
	if (b->n_ended < BOOK_ENDS_MAX)
		b->ended[b->n_ended] = e;
	b->n_ended++;
}

static inline struct book *book_open(struct flow_table_config c)
{
	struct book *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	c.seed = c.seed ? c.seed : 42;
	c.next_id = book_next_id;
	c.start = book_start;
	c.data = book_data;
	c.end = book_end;
	c.context = b;
	assert_int_equal(flow_table_new(&b->t, &c), 0);
	return b;
}

/* Flushes; the book stays readable until book_close. */
static inline void book_flush(struct book *b)
{
	flow_table_flush(b->t);
	assert_int_equal(flow_table_stats(b->t)->live, 0);
	assert_int_equal(flow_table_stats(b->t)->reassembly_bytes, 0);
	assert_int_equal(b->started, b->n_ended);
	b->last = NULL;
}

static inline void book_close(struct book *b)
{
	flow_table_free(b->t);
	free(b);
}

/* 10.0.x.y by number. */
static inline struct net_addr host(unsigned n)
{
	return net_addr_v4((const uint8_t[]){10, (uint8_t)(n / 65536), (uint8_t)(n / 256), (uint8_t)n});
}

static inline struct packet_layer layer(
    uint8_t protocol, unsigned src, uint16_t src_port, unsigned dst, uint16_t dst_port, uint32_t n)
{
	return (struct packet_layer){.src = host(src),
	    .dst = host(dst),
	    .protocol = protocol,
	    .has_ports = true,
	    .src_port = src_port,
	    .dst_port = dst_port,
	    .wire_bytes = n + (protocol == PACKET_TCP ? 40 : 28),
	    .payload_length = n};
}

/* Feeds p; the innermost layer's payload is n bytes of `bytes` (NULL: zeros). */
static inline struct flow *feed(struct book *b, struct packet p, const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	if (n && bytes)
		memcpy(copy, bytes, n);
	else
		memset(copy, 0, n);
	if (p.n_layers) {
		p.layers[p.n_layers - 1].payload = copy;
		p.layers[p.n_layers - 1].payload_captured = (uint32_t)n;
	}
	assert_int_equal(flow_table_packet(b->t, &p, &b->last), 0);
	free(copy);
	return b->last;
}

static inline struct flow *feed_layer(struct book *b, int64_t time_ns, struct packet_layer l)
{
	struct packet p = {.time_ns = time_ns, .n_layers = 1, .layers = {l}};
	return feed(b, p, NULL, l.payload_length);
}

static inline struct flow *udp(struct book *b, int64_t time_ns, unsigned src, uint16_t src_port, unsigned dst,
    uint16_t dst_port, uint32_t n)
{
	return feed_layer(b, time_ns, layer(PACKET_UDP, src, src_port, dst, dst_port, n));
}

static inline struct flow *icmp(
    struct book *b, int64_t time_ns, unsigned src, unsigned dst, uint8_t type, uint8_t code)
{
	return feed_layer(b, time_ns, layer(PACKET_ICMP, src, type, dst, code, 8));
}

/* One segment of the connection 1:40000 -> 2:443, unless said otherwise. */
struct segment {
	int64_t time_ns;
	bool back; /* from the responder */
	uint8_t flags;
	uint32_t seq, ack;
	uint32_t n;
	const uint8_t *bytes;
	uint32_t cut; /* bytes that weren't captured */
	uint16_t window, port;
	uint8_t scale; /* the window's, of a SYN; 0: the option is absent */
};

static inline struct flow *tcp(struct book *b, struct segment s)
{
	uint16_t port = s.port ? s.port : 40000;
	struct packet p = {
	    .time_ns = s.time_ns,
	    .n_layers = 1,
	    .layers = {s.back ? layer(PACKET_TCP, 2, 443, 1, port, s.n)
	                      : layer(PACKET_TCP, 1, port, 2, 443, s.n)},
	    .tcp = {.seq = s.seq,
	        .ack = s.ack,
	        .flags = s.flags,
	        .window = s.window ? s.window : 65535,
	        .window_scale = s.scale ? s.scale : 255},
	};
	return feed(b, p, s.bytes, s.n - s.cut);
}

/* A handshake: afterwards the initiator's first byte is seq + 1, the responder's back + 1. */
static inline struct flow *handshake(struct book *b, uint32_t seq, uint32_t back)
{
	tcp(b, (struct segment){.flags = S, .seq = seq});
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = back, .ack = seq + 1});
	return tcp(b, (struct segment){.flags = A, .seq = seq + 1, .ack = back + 1});
}

#endif
