/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

/* What the lengths of an IPv4 header, the wire and the capture make of a UDP datagram; 14 bytes of Ethernet
 * before. */
static void payload_is_what_the_ip_length_says_within_the_wire(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned total;        /* as the header claims */
		size_t captured, wire; /* behind the Ethernet header */
		uint32_t length, have; /* UDP payload expected */
		uint32_t wire_bytes;
		uint64_t events;
	} rows[] = {
	    {"all there", 128, 128, 128, 100, 100, 128, 0},
	    {"padding is not payload", 38, 46, 46, 10, 10, 38, EVENT(UDP_LENGTH)},
	    {"cut by the snapshot length", 128, 60, 128, 100, 32, 128, 0},
	    {"cut behind the UDP header", 128, 28, 128, 100, 0, 128, 0},
	    {"no total length: offloaded", 0, 128, 128, 100, 100, 128, 0},
	    {"offloaded and cut", 0, 60, 65000, 100, 32, 65000, EVENT(UDP_LENGTH)},
	    {"beyond the wire by one", 129, 128, 128, 100, 100, 128, EVENT(IP_LENGTH_IMPOSSIBLE)},
	    {"beyond the wire by far", 65535, 128, 128, 100, 100, 128, EVENT(IP_LENGTH_IMPOSSIBLE)},
	    {"just the wire", 128, 100, 128, 100, 72, 128, 0},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ethernet(&f, 0x0800);
		uint8_t *ip = f_ipv4(&f, PACKET_UDP, 0);
		store_be16(ip + 2, (uint16_t)rows[i].total);
		ipv4_seal(ip, 20);
		f_udp(&f, 1000, 2000, 100);
		f_room(&f, 200);
		struct packet p = decode_cut(d, LINK_ETHERNET, &f, 14 + rows[i].captured, 14 + rows[i].wire);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_int_equal(p.n_layers, 1);
		const struct packet_layer *l = &p.layers[0];
		if (l->payload_length != rows[i].length || l->payload_captured != rows[i].have ||
		    l->wire_bytes != rows[i].wire_bytes)
			fail_msg("%s: %u of %u, %u on the wire", rows[i].what, l->payload_captured,
			    l->payload_length, l->wire_bytes);
		assert_int_equal(p.frame_bytes, 14 + rows[i].wire);
		f_free(&f);
	}
	decoder_free(d);
}

/* A TCP segment that the network card was to cut up: the sequence space it takes is that of the wire. */
static void an_offloaded_segment_has_all_its_payload(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame f = {0};
		uint32_t wire = (v6 ? 40 : 20) + 20 + 80000;
		if (v6)
			f_ipv6(&f, PACKET_TCP, 0);
		else
			store_be16(f_ipv4(&f, PACKET_TCP, 0) + 2, 0);
		f_hex(&f, "03e8 07d0 00000001 00000002 5010 0400 0000 0000");
		f_room(&f, 1000);
		struct packet p = decode_cut(d, LINK_RAW, &f, f.n, wire);
		assert_int_equal(p.layers[0].payload_length, 80000);
		assert_int_equal(p.layers[0].payload_captured, 1000);
		assert_int_equal(p.layers[0].wire_bytes, wire);
		f_free(&f);
	}
	decoder_free(d);
}

static void an_absurd_wire_length_gives_way_to_the_ip_length(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned total;
		size_t captured, wire;
		uint32_t frame_bytes, payload;
		bool absurd;
	} rows[] = {
	    {"the largest that is believed", 128, 128, 1 << 18, 1 << 18, 100, false},
	    {"one more", 128, 128, (1 << 18) + 1, 14 + 128, 100, true},
	    {"four gigabytes", 128, 128, UINT32_MAX - 14, 14 + 128, 100, true},
	    {"cut short", 1428, 60, UINT32_MAX - 14, 14 + 1428, 1400, true},
	    {"no total length: what was captured", 0, 128, UINT32_MAX - 14, 14 + 128, 100, true},
	    {"an IP length below the captured bytes", 38, 128, UINT32_MAX - 14, 14 + 128, 10, true},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ethernet(&f, 0x0800);
		uint8_t *ip = f_ipv4(&f, PACKET_UDP, 0);
		store_be16(ip + 2, (uint16_t)rows[i].total);
		ipv4_seal(ip, 20);
		f_udp(&f, 1000, 2000, rows[i].payload);
		f_room(&f, 200);
		size_t wire = rows[i].absurd ? 14 + rows[i].wire : rows[i].wire;
		if (i == 1)
			wire = rows[i].wire;
		struct packet p = decode_cut(d, LINK_ETHERNET, &f, 14 + rows[i].captured, wire);
		assert_events(&p, rows[i].absurd ? EVENT(WIRE_LENGTH_ABSURD) : 0, rows[i].what);
		if (p.frame_bytes != rows[i].frame_bytes || p.layers[0].payload_length != rows[i].payload)
			fail_msg("%s: %u and %u", rows[i].what, p.frame_bytes, p.layers[0].payload_length);
		f_free(&f);
	}
	/* without IP there is only what was captured */
	struct frame f = {0};
	f_ethernet(&f, 0x88cc);
	f_room(&f, 50);
	assert_int_equal(decode_cut(d, LINK_ETHERNET, &f, f.n, UINT32_MAX).frame_bytes, f.n);
	f_free(&f);
	decoder_free(d);
}

static void a_broken_ipv4_header_is_an_event(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		unsigned value;
		uint64_t events;
		unsigned layers;
	} rows[] = {
	    {"version 5", 0, 0x55, EVENT(IPV4_VERSION), 0},
	    {"a header of 16 bytes", 0, 0x44, EVENT(IPV4_HEADER_LENGTH), 0},
	    {"a header of 60 bytes in 33", 0, 0x4f, EVENT(IPV4_TOTAL_LENGTH), 0},
	    {"a total of 19", 3, 19, EVENT(IPV4_TOTAL_LENGTH), 0},
	    {"a total of 20", 3, 20, EVENT(IPV4_CHECKSUM) | EVENT(UDP_TRUNCATED), 1},
	    {"another checksum", 11, 0x01, EVENT(IPV4_CHECKSUM), 1},
	    {"another address", 19, 0x09, EVENT(IPV4_CHECKSUM), 1},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_hello(&f);
		f.b[rows[i].at] = (uint8_t)rows[i].value;
		struct packet p = decode_whole(d, 228, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_int_equal(p.n_layers, rows[i].layers);
		f_free(&f);
	}
	decoder_free(d);
}

/* A packet whose checksum is wrong counts all the same: the network card may not have filled it in yet. */
static void a_bad_checksum_costs_nothing_but_an_event(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = {0};
	f_hello(&f);
	store_be16(f.b + 10, 0);
	struct packet p = decode_whole(d, LINK_RAW, &f);
	assert_hello(&p, 1, "no checksum");
	assert_events(&p, EVENT(IPV4_CHECKSUM), "no checksum");
	f_free(&f);
	decoder_free(d);
}

static void ipv4_options_are_passed_and_checked(void **state)
{
	(void)state;
	static const struct {
		const char *options; /* 8 bytes */
		uint64_t events;
	} rows[] = {
	    {"01 01 01 01 01 01 01 00", 0},
	    {"07 07 04 00000000 00", 0},
	    {"94 04 0000 00 00 00 00", 0},
	    {"07 09 04 00000000 00", EVENT(IPV4_OPTIONS)},
	    {"07 01 04 00000000 00", EVENT(IPV4_OPTIONS)},
	    {"01 01 01 01 01 01 01 07", EVENT(IPV4_OPTIONS)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ipv4(&f, PACKET_UDP, 8 + 8 + 5);
		f_hex(&f, rows[i].options);
		f.b[0] = 0x47;
		ipv4_seal(f.b, 28);
		f_udp(&f, 1000, 2000, 5);
		f_text(&f, "hello");
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_payload(&p.layers[0], "hello");
		assert_events(&p, rows[i].events, rows[i].options);
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
	decoder_free(d);
}

/* Extension headers, 8 bytes a row's unit; then UDP and "hello". */
static void ipv6_extension_headers_are_passed(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned next;
		const char *headers;
		uint64_t events;
		bool found;
	} rows[] = {
	    {"none", 17, "", 0, true},
	    {"hop-by-hop", 0, "11 00 05 02 0000 01 00", 0, true},
	    {"hop-by-hop, destination, routing", 0,
	        "3c 00 01 04 00000000 2b 00 01 04 00000000 11 02 02 00 00000000 "
	        "20010db8000000000000000000000009",
	        0, true},
	    {"routing type 0", 43, "11 02 00 01 00000000 20010db8000000000000000000000009",
	        EVENT(IPV6_ROUTING_TYPE0), true},
	    {"a fragment that is whole", 44, "11 00 0000 12345678", 0, true},
	    {"authentication", 51, "11 04 0000 00000001 00000002 000000000000000000000000", 0, true},
	    {"mobility", 135, "11 00 01 00 0000 0000", 0, true},
	    {"one that runs beyond the packet", 60, "11 09 01 04 00000000", EVENT(IPV6_EXTENSION), false},
	    {"nothing next", 59, "", 0, false},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ipv6(&f, rows[i].next, 0);
		f_hex(&f, rows[i].headers);
		f_udp(&f, 1000, 2000, 5);
		f_text(&f, "hello");
		store_be16(f.b + 4, (uint16_t)(f.n - 40));
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_int_equal(p.n_layers, 1);
		assert_addr(p.layers[0].src, "2001:db8::1");
		assert_addr(p.layers[0].dst, "2001:db8::2");
		assert_int_equal(p.layers[0].wire_bytes, f.n);
		if (p.layers[0].has_ports != rows[i].found)
			fail_msg("%s", rows[i].what);
		if (rows[i].found) {
			assert_int_equal(p.layers[0].protocol, PACKET_UDP);
			assert_payload(&p.layers[0], "hello");
		}
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
	decoder_free(d);
}

static void ipv6_extension_headers_are_bounded(void **state)
{
	(void)state;
	enum { MOST = 15 }; /* and the transport is the 16th look */
	struct decoder *d = decoder_plain();
	for (int more = -1; more <= 1; more++) {
		struct frame f = {0};
		f_ipv6(&f, 60, 0);
		for (int i = 0; i < MOST + more; i++)
			f_hex(&f, i + 1 < MOST + more ? "3c 00 01 04 00000000" : "11 00 01 04 00000000");
		f_udp(&f, 1, 2, 0);
		store_be16(f.b + 4, (uint16_t)(f.n - 40));
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_int_equal(p.layers[0].has_ports, more <= 0);
		assert_events(&p, more > 0 ? EVENT(IPV6_EXTENSIONS_TOO_MANY) : 0, "chain");
		f_free(&f);
	}
	decoder_free(d);
}

static void a_jumbogram_has_the_length_of_its_option_within_the_wire(void **state)
{
	(void)state;
	static const struct {
		uint32_t option;
		uint32_t length;
		uint64_t events;
	} rows[] = {
	    {8 + 8 + 70000, 70000, EVENT(UDP_LENGTH)},
	    {8 + 8 + 70001, 70000, EVENT(UDP_LENGTH) | EVENT(IP_LENGTH_IMPOSSIBLE)},
	    {UINT32_MAX, 70000, EVENT(UDP_LENGTH)}, /* no length at all; the wire's */
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < 3; i++) {
		struct frame f = {0};
		f_ipv6(&f, 0, 0);
		f_hex(&f, "11 00 c2 04");
		f_u32(&f, rows[i].option);
		f_udp(&f, 1, 2, 0);
		store_be16(f.b + f.n - 4, 0); /* a jumbogram's UDP length */
		f_room(&f, 100);
		struct packet p = decode_cut(d, LINK_RAW, &f, f.n, 40 + 8 + 8 + 70000);
		assert_int_equal(p.layers[0].payload_length, rows[i].length);
		assert_events(&p, rows[i].events & ~EVENT(UDP_LENGTH), "jumbo");
		/* where the wire length is absurd the option is no better */
		p = decode_cut(d, LINK_RAW, &f, f.n, UINT32_MAX);
		assert_int_equal(p.layers[0].payload_length, 100);
		f_free(&f);
	}
	decoder_free(d);
}

static void a_broken_ipv6_header_is_an_event(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = {0};
	f_ipv6(&f, 17, 8);
	f_udp(&f, 1, 2, 0);
	struct packet p = decode_cut(d, 229, &f, 39, 48);
	assert_events(&p, EVENT(IPV6_TRUNCATED), "short");
	f.b[0] = 0x40;
	p = decode_whole(d, 229, &f);
	assert_events(&p, EVENT(IPV6_VERSION), "version");
	assert_int_equal(p.n_layers, 0);
	f.b[0] = 0x60;
	store_be16(f.b + 4, 9);
	p = decode_whole(d, 229, &f);
	assert_events(&p, EVENT(IP_LENGTH_IMPOSSIBLE), "length");
	assert_int_equal(p.layers[0].wire_bytes, 48);
	f_free(&f);
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(payload_is_what_the_ip_length_says_within_the_wire),
	    cmocka_unit_test(an_offloaded_segment_has_all_its_payload),
	    cmocka_unit_test(an_absurd_wire_length_gives_way_to_the_ip_length),
	    cmocka_unit_test(a_broken_ipv4_header_is_an_event),
	    cmocka_unit_test(a_bad_checksum_costs_nothing_but_an_event),
	    cmocka_unit_test(ipv4_options_are_passed_and_checked),
	    cmocka_unit_test(ipv6_extension_headers_are_passed),
	    cmocka_unit_test(ipv6_extension_headers_are_bounded),
	    cmocka_unit_test(a_jumbogram_has_the_length_of_its_option_within_the_wire),
	    cmocka_unit_test(a_broken_ipv6_header_is_an_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
