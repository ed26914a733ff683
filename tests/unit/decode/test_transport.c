/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

/* A TCP header with these flags and options (padded by the caller), 1000 to 2000. */
static void f_tcp(struct frame *f, unsigned flags, const char *options, const char *payload)
{
	struct frame o = {0};
	f_hex(&o, options);
	f_ipv4_sealed(f, PACKET_TCP, 20 + o.n + strlen(payload));
	f_hex(f, "03e8 07d0 01020304 05060708");
	f_u8(f, (unsigned)(5 + o.n / 4) << 4);
	f_u8(f, flags);
	f_hex(f, "4000 0000 0000");
	f_hex(f, options);
	f_text(f, payload);
	f_free(&o);
}

static void tcp_fields_and_options_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned flags;
		const char *options;
		uint16_t mss;
		uint8_t scale;
		bool timestamp;
		uint64_t events;
	} rows[] = {
	    {"none", PACKET_TCP_ACK, "", 0, 255, false, 0},
	    {"as Linux begins", PACKET_TCP_SYN, "020405b4 0402 080a 0000000100000002 01 030307", 1460, 7,
	        true, 0},
	    {"as everybody goes on", PACKET_TCP_ACK, "0101080a 0000000100000002", 0, 255, true, 0},
	    {"the timestamp at its end", PACKET_TCP_ACK, "080a 0000000100000002 0101", 0, 255, true, 0},
	    {"the timestamp after its end", PACKET_TCP_ACK, "00 01 080a 0000000100000002", 0, 255, false, 0},
	    {"a scale too large", PACKET_TCP_SYN, "03030f 00", 0, 14, false, 0},
	    {"the largest scale", PACKET_TCP_SYN, "03030e 00", 0, 14, false, 0},
	    {"a scale that is no SYN's", PACKET_TCP_ACK, "030307 00", 0, 255, false, 0},
	    {"a segment size of another length", PACKET_TCP_SYN, "0203ff 00", 0, 255, false, 0},
	    {"an option of length 1", PACKET_TCP_ACK, "05010000", 0, 255, false, EVENT(TCP_OPTIONS)},
	    {"an option of length 0", PACKET_TCP_ACK, "01010500", 0, 255, false, EVENT(TCP_OPTIONS)},
	    {"an option beyond the header", PACKET_TCP_SYN, "020405b4 03090000", 1460, 255, false,
	        EVENT(TCP_OPTIONS)},
	    {"an option without its length", PACKET_TCP_ACK, "01010105", 0, 255, false, EVENT(TCP_OPTIONS)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_tcp(&f, rows[i].flags, rows[i].options, "data");
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_payload(&p.layers[0], "data");
		assert_int_equal(p.layers[0].src_port, 1000);
		assert_int_equal(p.layers[0].dst_port, 2000);
		assert_int_equal(p.tcp.seq, 0x01020304);
		assert_int_equal(p.tcp.ack, 0x05060708);
		assert_int_equal(p.tcp.window, 0x4000);
		assert_int_equal(p.tcp.flags, rows[i].flags);
		if (p.tcp.mss != rows[i].mss || p.tcp.window_scale != rows[i].scale ||
		    p.tcp.has_timestamp != rows[i].timestamp)
			fail_msg(
			    "%s: %u %u %d", rows[i].what, p.tcp.mss, p.tcp.window_scale, p.tcp.has_timestamp);
		if (rows[i].timestamp) {
			assert_int_equal(p.tcp.ts_value, 1);
			assert_int_equal(p.tcp.ts_echo, 2);
		}
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
	decoder_free(d);
}

/* The snapshot length may end inside the options: that is no fault, and the payload's length is known. */
static void a_header_cut_by_the_capture_still_gives_ports_and_length(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = {0};
	f_tcp(&f, PACKET_TCP_SYN, "020405b4 0402 080a 0000000100000002 01 030307", "data");
	for (size_t n = 40; n <= f.n; n++) {
		struct packet p = decode_cut(d, LINK_RAW, &f, n, f.n);
		assert_events(&p, 0, "cut");
		assert_true(p.layers[0].has_ports);
		assert_int_equal(p.layers[0].payload_length, 4);
		assert_int_equal(p.layers[0].payload_captured, n > 60 ? n - 60 : 0);
		assert_int_equal(p.tcp.mss, n >= 44 ? 1460 : 0);
		assert_int_equal(p.tcp.window_scale, n >= 60 ? 7 : 255);
	}
	struct packet p = decode_cut(d, LINK_RAW, &f, 39, f.n);
	assert_events(&p, EVENT(TCP_TRUNCATED), "cut in the fixed part");
	assert_false(p.layers[0].has_ports);
	assert_int_equal(p.layers[0].protocol, PACKET_TCP);
	f_free(&f);
	decoder_free(d);
}

static void a_tcp_header_length_that_cannot_be_is_an_event(void **state)
{
	(void)state;
	static const struct {
		unsigned offset;
		uint64_t events;
	} rows[] = {{0x40, EVENT(TCP_HEADER_LENGTH)}, {0x50, 0}, {0x60, 0}, {0x70, EVENT(TCP_HEADER_LENGTH)}};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < 4; i++) {
		struct frame f = {0};
		f_tcp(&f, PACKET_TCP_ACK, "", "\1\1\1\1");
		f.b[32] = (uint8_t)rows[i].offset;
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, "offset");
		assert_int_equal(p.layers[0].has_ports, rows[i].events == 0);
		f_free(&f);
	}
	decoder_free(d);
}

static void flags_that_no_tcp_sends_are_an_event(void **state)
{
	(void)state;
	static const struct {
		unsigned flags;
		bool impossible;
	} rows[] = {
	    {PACKET_TCP_SYN, false},
	    {PACKET_TCP_SYN | PACKET_TCP_ACK, false},
	    {PACKET_TCP_ACK, false},
	    {PACKET_TCP_FIN | PACKET_TCP_ACK, false},
	    {PACKET_TCP_RST, false},
	    {PACKET_TCP_RST | PACKET_TCP_ACK, false},
	    {PACKET_TCP_SYN | 0xc0, false}, /* explicit congestion notification */
	    {0, true},
	    {PACKET_TCP_FIN, true},
	    {PACKET_TCP_FIN | PACKET_TCP_PSH | PACKET_TCP_URG, true},
	    {PACKET_TCP_SYN | PACKET_TCP_FIN, true},
	    {PACKET_TCP_SYN | PACKET_TCP_RST, true},
	    {PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_ACK, true},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_tcp(&f, rows[i].flags, "", "");
		struct packet p = decode_whole(d, LINK_RAW, &f);
		if ((p.events == EVENT(TCP_FLAGS_IMPOSSIBLE)) != rows[i].impossible)
			fail_msg("flags %02x", rows[i].flags);
		assert_true(p.layers[0].has_ports);
		f_free(&f);
	}
	decoder_free(d);
}

/* 10 bytes follow the UDP header within the IP length. */
static void udp_payload_ends_at_the_shorter_length(void **state)
{
	(void)state;
	static const struct {
		unsigned length;
		uint32_t payload;
		uint64_t events;
	} rows[] = {
	    {18, 10, 0}, {17, 9, EVENT(UDP_LENGTH)}, {19, 10, EVENT(UDP_LENGTH)}, {8, 0, EVENT(UDP_LENGTH)},
	    {7, 18, EVENT(UDP_LENGTH)}, /* no UDP at all: what follows IP */
	    {0, 10, EVENT(UDP_LENGTH)}, /* only larger ones are left to the network card */
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ipv4_sealed(&f, PACKET_UDP, 18);
		f_udp(&f, 1, 2, 0);
		store_be16(f.b + 24, (uint16_t)rows[i].length);
		f_text(&f, "0123456789");
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, "udp");
		assert_int_equal(p.layers[0].payload_length, rows[i].payload);
		assert_int_equal(p.layers[0].has_ports, rows[i].length != 7);
		f_free(&f);
	}
	decoder_free(d);
}

static void other_protocols_give_what_they_have(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned protocol;
		const char *bytes;
		bool ports;
		unsigned src, dst;
		uint32_t payload;
		unsigned app, seen;
		uint64_t events;
	} rows[] = {
	    {"sctp", 132, "03e8 07d0 00000001 00000000 00030004", true, 1000, 2000, 4, APP_UNKNOWN, 132, 0},
	    {"sctp, short", 132, "03e8 07d0 00000001 000000", false, 0, 0, 11, APP_UNKNOWN, 132,
	        EVENT(SCTP_TRUNCATED)},
	    {"echo request", 1, "08 00 0000 0001 0001 616263", true, 8, 0, 3, APP_UNKNOWN, 1, 0},
	    {"unreachable port", 1, "03 03 0000 0000 0000 45", true, 3, 3, 1, APP_UNKNOWN, 1, 0},
	    {"icmp, short", 1, "08 00 0000 0001 00", false, 0, 0, 7, APP_UNKNOWN, 1, EVENT(ICMP_TRUNCATED)},
	    {"esp", 50, "00000001 00000001 0011", false, 0, 0, 10, APP_ESP, 50, 0},
	    {"authentication, then udp", 51,
	        "11 04 0000 00000001 00000002 000000000000000000000000 03e8 07d0 000a 0000 6869", true, 1000,
	        2000, 2, APP_UNKNOWN, 17, 0},
	    {"authentication, short", 51, "11 09 0000 00000001", false, 0, 0, 8, APP_UNKNOWN, 51,
	        EVENT(IPV6_EXTENSION)},
	    {"ospf", 89, "0201 002c", false, 0, 0, 4, APP_UNKNOWN, 89, 0},
	    {"tcp, nothing", 6, "", false, 0, 0, 0, APP_UNKNOWN, 6, EVENT(TCP_TRUNCATED)},
	    {"udp, short", 17, "03e8 07d0 0008 00", false, 0, 0, 7, APP_UNKNOWN, 17, EVENT(UDP_TRUNCATED)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0}, body = {0};
		f_hex(&body, rows[i].bytes);
		f_ipv4_sealed(&f, rows[i].protocol, body.n);
		f_hex(&f, rows[i].bytes);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		const struct packet_layer *l = &p.layers[0];
		assert_events(&p, rows[i].events, rows[i].what);
		assert_int_equal(p.n_layers, 1);
		if (l->has_ports != rows[i].ports || l->src_port != rows[i].src ||
		    l->dst_port != rows[i].dst || l->payload_length != rows[i].payload ||
		    l->app != rows[i].app || l->protocol != rows[i].seen)
			fail_msg("%s: %u %u %u", rows[i].what, l->src_port, l->dst_port, l->payload_length);
		f_free(&f);
		f_free(&body);
	}
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tcp_fields_and_options_are_read),
	    cmocka_unit_test(a_header_cut_by_the_capture_still_gives_ports_and_length),
	    cmocka_unit_test(a_tcp_header_length_that_cannot_be_is_an_event),
	    cmocka_unit_test(flags_that_no_tcp_sends_are_an_event),
	    cmocka_unit_test(udp_payload_ends_at_the_shorter_length),
	    cmocka_unit_test(other_protocols_give_what_they_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
