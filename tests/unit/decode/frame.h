/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_DECODE_FRAME_H
#define TESTS_DECODE_FRAME_H

/* Frames built by hand, and a decoder to put them through. Bytes lie in memory of exactly their size. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/num.h"
#include "decode/decode.h"
#include "net/app.h"

#define EVENT(id) (UINT64_C(1) << DECODE_EVENT_##id)

enum { FRAME_ROOM = 300000, LINK_ETHERNET = 1, LINK_RAW = 101 };

struct frame {
	uint8_t *b;
	size_t n;
};

static inline uint8_t *f_room(struct frame *f, size_t n)
{
	uint8_t *b = realloc(f->b, f->n + n + 1);
	assert_non_null(b);
	f->b = b;
	memset(b + f->n, 0, n);
	f->n += n;
	return b + f->n - n;
}

static inline void f_free(struct frame *f)
{
	free(f->b);
	*f = (struct frame){0};
}

static inline void f_u8(struct frame *f, unsigned v)
{
	f_room(f, 1)[0] = (uint8_t)v;
}

static inline void f_u16(struct frame *f, unsigned v)
{
	store_be16(f_room(f, 2), (uint16_t)v);
}

static inline void f_u32(struct frame *f, uint32_t v)
{
	store_be32(f_room(f, 4), v);
}

static inline void f_text(struct frame *f, const char *s)
{
	memcpy(f_room(f, strlen(s)), s, strlen(s));
}

/* Hexadecimal digits; blanks may stand between bytes. */
static inline void f_hex(struct frame *f, const char *hex)
{
	for (; *hex; hex += *hex == ' ' ? 1 : 2) {
		uint8_t v = 0;
		if (*hex == ' ')
			continue;
		assert_int_equal(num_parse_hex((struct text){.p = hex, .n = 2}, &v, 1), 0);
		f_u8(f, v);
	}
}

/* An IPv4 header of 20 bytes, 10.0.0.1 to 10.0.0.2, for n bytes that follow. */
static inline uint8_t *f_ipv4(struct frame *f, unsigned protocol, size_t n)
{
	static const uint8_t addresses[8] = {10, 0, 0, 1, 10, 0, 0, 2};
	uint8_t *p = f_room(f, 20);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)(20 + n));
	p[8] = 64;
	p[9] = (uint8_t)protocol;
	memcpy(p + 12, addresses, 8);
	return p;
}

/* Fills the checksum of a header of n bytes (RFC 1071). */
static inline void ipv4_seal(uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	store_be16(p + 10, 0);
	for (size_t i = 0; i < n; i += 2)
		sum += load_be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	store_be16(p + 10, (uint16_t)~sum);
}

static inline void f_ipv4_sealed(struct frame *f, unsigned protocol, size_t n)
{
	ipv4_seal(f_ipv4(f, protocol, n), 20);
}

/* An IPv6 header, 2001:db8::1 to 2001:db8::2. */
static inline uint8_t *f_ipv6(struct frame *f, unsigned next, size_t n)
{
	uint8_t *p = f_room(f, 40);
	p[0] = 0x60;
	store_be16(p + 4, (uint16_t)n);
	p[6] = (uint8_t)next;
	p[7] = 64;
	store_be32(p + 8, 0x20010db8);
	p[23] = 1;
	store_be32(p + 24, 0x20010db8);
	p[39] = 2;
	return p;
}

static inline void f_udp(struct frame *f, unsigned src, unsigned dst, size_t n)
{
	f_u16(f, src);
	f_u16(f, dst);
	f_u16(f, (unsigned)(8 + n));
	f_u16(f, 0);
}

static inline void f_ethernet(struct frame *f, unsigned type)
{
	f_hex(f, "02000000000b 02000000000a");
	f_u16(f, type);
}

/* 10.0.0.1:1000 to 10.0.0.2:2000, "hello": 33 bytes. */
static inline void f_hello(struct frame *f)
{
	f_ipv4_sealed(f, PACKET_UDP, 8 + 5);
	f_udp(f, 1000, 2000, 5);
	f_text(f, "hello");
}
enum { HELLO_BYTES = 33 };

static inline struct decoder *decoder_plain(void)
{
	static const struct decode_config config = {.seed = 7};
	struct decoder *d = NULL;
	assert_int_equal(decoder_new(&d, &config), 0);
	return d;
}

/* Whatever was decoded, no layer claims more captured bytes than payload, and payloads can be read. */
static inline void packet_check(const struct packet *p)
{
	unsigned sum = 0;
	assert_true(p->n_layers <= PACKET_LAYERS_MAX && p->n_vlans <= PACKET_VLANS_MAX);
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct packet_layer *l = &p->layers[i];
		assert_true(l->payload_captured <= l->payload_length);
		for (uint32_t k = 0; k < l->payload_captured; k++)
			sum += l->payload[k];
	}
	for (size_t i = 0; i < p->binding.name.n; i++)
		sum += (unsigned char)p->binding.name.p[i];
	assert_true(sum < UINT32_MAX);
}

/* `caplen` bytes of the frame. The packet's pointers lead into the frame. */
static inline struct packet decode_cut(
    struct decoder *d, unsigned linktype, const struct frame *f, size_t caplen, size_t wirelen)
{
	struct packet p;
	memset(&p, 0xa5, sizeof(p));
	assert_int_equal(
	    decoder_frame(d, (uint16_t)linktype, f->b, (uint32_t)caplen, (uint32_t)wirelen, 1000, 3, &p), 0);
	packet_check(&p);
	assert_int_equal(p.time_ns, 1000);
	assert_int_equal(p.vantage, 3);
	return p;
}

static inline struct packet decode_whole(struct decoder *d, unsigned linktype, const struct frame *f)
{
	return decode_cut(d, linktype, f, f->n, f->n);
}

/* Cuts the frame at every byte, each time in memory that ends there. */
static inline void decode_every_cut(unsigned linktype, const struct frame *f)
{
	struct decoder *d = decoder_plain();
	for (size_t n = 0; n < f->n; n++) {
		struct frame cut = {.b = malloc(n ? n : 1), .n = n};
		assert_non_null(cut.b);
		memcpy(cut.b, f->b, n);
		decode_cut(d, linktype, &cut, n, f->n);
		decode_cut(d, linktype, &cut, n, n);
		free(cut.b);
	}
	decoder_free(d);
}

static inline void assert_addr(struct net_addr a, const char *expected)
{
	char text[NET_ADDR_TEXT_SIZE];
	assert_string_equal(net_addr_text(a, text), expected);
}

static inline void assert_mac(struct net_mac m, const char *expected)
{
	char text[NET_MAC_TEXT_SIZE];
	assert_string_equal(net_mac_text(m, text), expected);
}

static inline void assert_payload(const struct packet_layer *l, const char *expected)
{
	assert_int_equal(l->payload_length, strlen(expected));
	assert_int_equal(l->payload_captured, strlen(expected));
	assert_memory_equal(l->payload, expected, strlen(expected));
}

/* The events by their names, for messages. */
static inline void assert_events(const struct packet *p, uint64_t expected, const char *what)
{
	for (unsigned i = 0; i < DECODE_EVENT_COUNT; i++)
		if ((p->events ^ expected) >> i & 1)
			fail_msg("%s: %s %s", what, decode_event_name(i),
			    expected >> i & 1 ? "is missing" : "is set");
}

/* The packet of f_hello as its innermost layer. */
static inline void assert_hello(const struct packet *p, size_t layers, const char *what)
{
	if (p->n_layers != layers)
		fail_msg("%s: %u layers", what, p->n_layers);
	const struct packet_layer *l = &p->layers[layers - 1];
	assert_addr(l->src, "10.0.0.1");
	assert_addr(l->dst, "10.0.0.2");
	assert_int_equal(l->protocol, PACKET_UDP);
	assert_true(l->has_ports);
	assert_false(l->fragment);
	assert_int_equal(l->src_port, 1000);
	assert_int_equal(l->dst_port, 2000);
	assert_int_equal(l->wire_bytes, HELLO_BYTES);
	assert_payload(l, "hello");
}

#endif
