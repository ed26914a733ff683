/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The fragment table by itself, then fragments through the decoder. */

#include "decode/defrag.h"
#include "frame.h"

#define SECOND INT64_C(1000000000)

static struct defrag *table(size_t datagrams, size_t memory)
{
	struct defrag *d = NULL;
	assert_int_equal(defrag_new(&d, datagrams, memory, 60 * SECOND, 1), 0);
	return d;
}

static struct defrag_key key_of(uint32_t id, uint8_t version)
{
	struct defrag_key key;
	memset(&key, 0, sizeof(key));
	key.id = id;
	key.version = version;
	return key;
}

/* Bytes of the datagram: byte i is i * 7 + salt. */
static const uint8_t *bytes_of(unsigned salt)
{
	static uint8_t room[DEFRAG_DATAGRAM_MAX];
	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (uint8_t)(i * 7 + salt);
	return room;
}

static enum defrag_result add(struct defrag *d, uint32_t id, uint8_t version, uint32_t offset,
    uint32_t length, bool more, unsigned salt, struct defrag_joined *joined)
{
	struct defrag_key key = key_of(id, version);
	struct defrag_piece piece = {.p = bytes_of(salt) + offset,
	    .captured = length,
	    .length = length,
	    .offset = offset,
	    .more = more,
	    .protocol = (uint8_t)(offset ? 99 : 17)};
	return defrag_add(d, &key, &piece, 0, joined);
}

static void fragments_join_in_any_order(void **state)
{
	(void)state;
	static const struct {
		uint32_t offset, length;
		bool more;
	} parts[] = {{0, 16, true}, {16, 8, true}, {24, 40, true}, {64, 5, false}};
	static const unsigned orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
	struct defrag *d = table(10, 1 << 20);
	for (size_t o = 0; o < 4; o++) {
		struct defrag_joined joined = {0};
		for (size_t i = 0; i < 4; i++) {
			unsigned k = orders[o][i];
			enum defrag_result r = add(
			    d, 5, 4, parts[k].offset, parts[k].length, parts[k].more, 1, &joined);
			assert_int_equal(r, i < 3 ? DEFRAG_KEPT : DEFRAG_JOINED);
		}
		assert_int_equal(joined.length, 69);
		assert_int_equal(joined.captured, 69);
		assert_int_equal(joined.protocol, 17);
		assert_memory_equal(joined.p, bytes_of(1), 69);
		assert_int_equal(defrag_count(d), 0);
		assert_int_equal(defrag_memory(d), 0);
		free(joined.memory);
	}
	defrag_free(d);
}

/* What is there is kept in words of 64 units of eight bytes: pieces that end before, at and behind their
 * borders, and in the middle of a unit. One unit of each is sent again with other bytes, which must be found.
 */
static void pieces_meet_and_are_met_wherever_they_end(void **state)
{
	(void)state;
	static const uint32_t units[] = {1, 62, 63, 64, 65, 127, 128, 129};
	enum { N = sizeof(units) / sizeof(*units), TAIL = 8 * 70 + 3 };
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < N; j++) {
			uint32_t a = units[i] * 8, b = units[j] * 8;
			struct defrag_joined joined = {0};
			struct defrag *d = table(10, 1 << 20);
			assert_int_equal(add(d, 1, 4, a, b, true, 1, &joined), DEFRAG_KEPT);
			assert_int_equal(add(d, 1, 4, a + b, TAIL, false, 1, &joined), DEFRAG_KEPT);
			assert_int_equal(add(d, 1, 4, a, 8, true, 2, &joined), DEFRAG_OVERLAP);
			assert_int_equal(add(d, 1, 4, a + b - 8, 8, true, 2, &joined), DEFRAG_OVERLAP);
			assert_int_equal(add(d, 1, 4, 0, a, true, 1, &joined), DEFRAG_JOINED_OVERLAP);
			assert_int_equal(joined.length, a + b + TAIL);
			assert_memory_equal(joined.p, bytes_of(1), joined.length);
			free(joined.memory);
			defrag_free(d);
		}
	}
}

/* What overlapping pieces make; the salt tells whose bytes won. */
static void of_overlapping_bytes_the_first_win_in_ipv4(void **state)
{
	(void)state;
	struct defrag_joined joined = {0};
	struct defrag *d = table(10, 1 << 20);
	assert_int_equal(add(d, 1, 4, 8, 16, true, 1, &joined), DEFRAG_KEPT);
	assert_int_equal(add(d, 1, 4, 0, 16, true, 2, &joined), DEFRAG_OVERLAP);
	assert_int_equal(add(d, 1, 4, 16, 16, false, 3, &joined), DEFRAG_JOINED_OVERLAP);
	assert_int_equal(joined.length, 32);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(joined.p[i], (uint8_t)(i * 7 + (i < 8 ? 2 : i < 24 ? 1 : 3)));
	free(joined.memory);
	defrag_free(d);
}

static void an_exact_copy_is_no_overlap(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct defrag_joined joined = {0};
		struct defrag *d = table(10, 1 << 20);
		assert_int_equal(add(d, 1, version, 0, 16, true, 1, &joined), DEFRAG_KEPT);
		assert_int_equal(add(d, 1, version, 0, 16, true, 1, &joined), DEFRAG_KEPT);
		assert_int_equal(add(d, 1, version, 24, 3, false, 1, &joined), DEFRAG_KEPT);
		assert_int_equal(add(d, 1, version, 24, 3, false, 1, &joined), DEFRAG_KEPT);
		assert_int_equal(add(d, 1, version, 16, 8, true, 1, &joined), DEFRAG_JOINED);
		assert_int_equal(joined.length, 27);
		free(joined.memory);
		defrag_free(d);
	}
}

static void an_overlapping_ipv6_datagram_is_dropped_whole(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t offset, length;
		bool more;
	} rows[] = {
	    {"some bytes again, others", 8, 16, true},
	    {"another end", 32, 8, false},
	    {"beyond the end", 48, 8, true},
	    {"an end before what is there", 0, 8, false},
	};
	for (size_t i = 0; i < 4; i++) {
		struct defrag_joined joined = {0};
		struct defrag *d = table(10, 1 << 20);
		assert_int_equal(add(d, 1, 6, 0, 16, true, 1, &joined), DEFRAG_KEPT);
		assert_int_equal(add(d, 1, 6, 40, 8, false, 1, &joined), DEFRAG_KEPT);
		if (add(d, 1, 6, rows[i].offset, rows[i].length, rows[i].more, 2, &joined) != DEFRAG_OVERLAP)
			fail_msg("%s", rows[i].what);
		assert_int_equal(defrag_memory(d), 0);
		assert_int_equal(add(d, 1, 6, 16, 24, true, 1, &joined), DEFRAG_REFUSED);
		assert_int_equal(add(d, 2, 6, 16, 24, true, 1, &joined), DEFRAG_KEPT);
		defrag_free(d);
	}
}

/* In IPv4 a piece that contradicts the datagram's end is left out, and the rest still joins. */
static void a_piece_that_contradicts_the_end_is_left_out(void **state)
{
	(void)state;
	struct defrag_joined joined = {0};
	struct defrag *d = table(10, 1 << 20);
	assert_int_equal(add(d, 1, 4, 16, 10, false, 1, &joined), DEFRAG_KEPT);
	assert_int_equal(add(d, 1, 4, 24, 16, true, 2, &joined), DEFRAG_OVERLAP);
	assert_int_equal(add(d, 1, 4, 16, 3, false, 2, &joined), DEFRAG_OVERLAP);
	assert_int_equal(add(d, 1, 4, 0, 16, true, 1, &joined), DEFRAG_JOINED_OVERLAP);
	assert_int_equal(joined.length, 26);
	assert_memory_equal(joined.p, bytes_of(1), 26);
	free(joined.memory);
	defrag_free(d);
}

static void datagrams_are_told_apart_by_every_part_of_the_key(void **state)
{
	(void)state;
	struct defrag_joined joined = {0};
	struct defrag *d = table(100, 1 << 20);
	struct defrag_key keys[8];
	for (size_t i = 0; i < 8; i++)
		keys[i] = key_of(1, 4);
	keys[1].src.b[15] = 1;
	keys[2].dst.b[0] = 1;
	keys[3].id = 2;
	keys[4].vantage = 1;
	keys[5].protocol = 1;
	keys[6].version = 6;
	keys[7].id = 1u << 31 | 1;
	struct defrag_piece piece = {.p = bytes_of(0), .captured = 8, .length = 8, .more = true};
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(defrag_add(d, &keys[i], &piece, 0, &joined), DEFRAG_KEPT);
	assert_int_equal(defrag_count(d), 8);
	piece = (struct defrag_piece){.p = bytes_of(0), .captured = 8, .length = 8, .offset = 8};
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(defrag_add(d, &keys[i], &piece, 0, &joined), DEFRAG_JOINED);
		free(joined.memory);
	}
	defrag_free(d);
}

static void what_was_not_captured_cuts_the_joined_bytes(void **state)
{
	(void)state;
	struct defrag_joined joined = {0};
	struct defrag *d = table(10, 1 << 20);
	struct defrag_key key = key_of(1, 4);
	struct defrag_piece piece = {
	    .p = bytes_of(1), .captured = 16, .length = 16, .more = true, .protocol = 6};
	assert_int_equal(defrag_add(d, &key, &piece, 0, &joined), DEFRAG_KEPT);
	piece = (struct defrag_piece){.p = bytes_of(1) + 40, .captured = 0, .length = 20, .offset = 40};
	assert_int_equal(defrag_add(d, &key, &piece, 0, &joined), DEFRAG_KEPT);
	piece = (struct defrag_piece){
	    .p = bytes_of(1) + 16, .captured = 13, .length = 24, .offset = 16, .more = true};
	assert_int_equal(defrag_add(d, &key, &piece, 0, &joined), DEFRAG_JOINED);
	assert_int_equal(joined.length, 60);
	assert_int_equal(joined.captured, 29);
	assert_memory_equal(joined.p, bytes_of(1), 29);
	free(joined.memory);
	defrag_free(d);
}

static void datagrams_time_out(void **state)
{
	(void)state;
	static const struct {
		int64_t after;
		enum defrag_result result;
	} rows[] = {
	    {60 * SECOND - 1, DEFRAG_JOINED}, {60 * SECOND, DEFRAG_JOINED}, {60 * SECOND + 1, DEFRAG_KEPT}};
	for (size_t i = 0; i < 3; i++) {
		struct defrag_joined joined = {0};
		struct defrag *d = table(10, 1 << 20);
		struct defrag_key key = key_of(1, 4);
		struct defrag_piece piece = {.p = bytes_of(0), .captured = 8, .length = 8, .more = true};
		assert_int_equal(defrag_add(d, &key, &piece, 5, &joined), DEFRAG_KEPT);
		piece = (struct defrag_piece){.p = bytes_of(0), .captured = 8, .length = 8, .offset = 8};
		assert_int_equal(defrag_add(d, &key, &piece, 5 + rows[i].after, &joined), rows[i].result);
		assert_int_equal(defrag_counters(d)->timeout, rows[i].result == DEFRAG_KEPT);
		free(joined.memory);
		defrag_free(d);
	}
}

static void at_the_bound_the_oldest_datagram_goes(void **state)
{
	(void)state;
	enum { MOST = 4 };
	for (uint32_t n = MOST - 1; n <= MOST + 1; n++) {
		struct defrag_joined joined = {0};
		struct defrag *d = table(MOST, 1 << 20);
		for (uint32_t id = 0; id < n; id++)
			assert_int_equal(add(d, id, 4, 0, 8, true, id, &joined), DEFRAG_KEPT);
		assert_int_equal(defrag_count(d), n < MOST ? n : MOST);
		assert_int_equal(defrag_counters(d)->limit, n > MOST);
		/* the second is still there in any case; so is the last */
		assert_int_equal(add(d, 1, 4, 8, 8, false, 1, &joined), DEFRAG_JOINED);
		free(joined.memory);
		assert_int_equal(add(d, n - 1, 4, 8, 8, false, n - 1, &joined), DEFRAG_JOINED);
		free(joined.memory);
		assert_int_equal(
		    add(d, 0, 4, 8, 8, false, 0, &joined), n > MOST ? DEFRAG_KEPT : DEFRAG_JOINED);
		if (n <= MOST)
			free(joined.memory);
		defrag_free(d);
	}
}

static void memory_is_bounded(void **state)
{
	(void)state;
	enum { BOUND = 1 << 20 };
	struct defrag_joined joined = {0};
	struct defrag *d = table(100000, BOUND);
	for (uint32_t id = 0; id < 1000; id++) {
		assert_int_equal(add(d, id, 4, 65504, 8, true, 0, &joined), DEFRAG_KEPT);
		assert_true(defrag_memory(d) <= BOUND);
	}
	assert_true(defrag_count(d) < 20);
	assert_int_equal(defrag_counters(d)->limit, 1000 - defrag_count(d));
	defrag_free(d);

	d = table(100, 5000); /* less than the largest datagram takes */
	assert_int_equal(add(d, 1, 4, 0, 8, true, 0, &joined), DEFRAG_KEPT);
	assert_int_equal(add(d, 1, 4, 2048, 8, true, 0, &joined), DEFRAG_NO_ROOM);
	assert_int_equal(defrag_count(d), 0);
	assert_int_equal(defrag_memory(d), 0);
	defrag_free(d);
}

static void the_largest_datagram_joins(void **state)
{
	(void)state;
	struct defrag_joined joined = {0};
	struct defrag *d = table(10, 1 << 20);
	assert_int_equal(add(d, 1, 4, 65528, 7, false, 3, &joined), DEFRAG_KEPT);
	for (uint32_t at = 0; at < 65528; at += 8)
		assert_int_equal(
		    add(d, 1, 4, at, 8, true, 3, &joined), at + 8 < 65528 ? DEFRAG_KEPT : DEFRAG_JOINED);
	assert_int_equal(joined.length, 65535);
	assert_memory_equal(joined.p, bytes_of(3), 65535);
	free(joined.memory);
	defrag_free(d);
}

/* An IPv4 fragment of the UDP datagram "0123456789abcdef" from port 1000 to 2000: bytes [at, at + n) of
 * its 24. */
static struct frame v4_fragment(unsigned at, unsigned n, bool more)
{
	static const char text[] = "0123456789abcdef";
	struct frame f = {0}, udp = {0};
	f_udp(&udp, 1000, 2000, 16);
	f_text(&udp, text);
	uint8_t *ip = f_ipv4(&f, PACKET_UDP, n);
	store_be16(ip + 4, 0x1234);
	store_be16(ip + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
	ipv4_seal(ip, 20);
	memcpy(f_room(&f, n), udp.b + at, n);
	f_free(&udp);
	return f;
}

static struct packet decode_and_free(struct decoder *d, struct frame *f, struct frame *keep)
{
	struct packet p = decode_whole(d, LINK_RAW, f);
	f_free(keep);
	*keep = *f;
	return p;
}

static void the_frame_that_completes_a_datagram_gives_it(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame keep = {0};
	for (int twice = 0; twice < 2; twice++) {
		struct frame f = v4_fragment(8, 8, true);
		struct packet p = decode_and_free(d, &f, &keep);
		assert_int_equal(p.n_layers, 1);
		assert_true(p.layers[0].fragment);
		assert_false(p.layers[0].has_ports);
		assert_int_equal(p.layers[0].protocol, PACKET_UDP);
		assert_int_equal(p.layers[0].payload_length, 0);
		assert_int_equal(p.layers[0].wire_bytes, 28);
		f = v4_fragment(0, 8, true);
		p = decode_and_free(d, &f, &keep);
		assert_true(p.layers[0].fragment); /* its ports make no flow: the payload is not all there */
		f = v4_fragment(16, 8, false);
		p = decode_and_free(d, &f, &keep);
		assert_false(p.layers[0].fragment);
		assert_true(p.layers[0].has_ports);
		assert_int_equal(p.layers[0].dst_port, 2000);
		assert_int_equal(p.layers[0].wire_bytes, 20 + 24);
		assert_payload(&p.layers[0], "0123456789abcdef");
		assert_events(&p, 0, "joined");
	}
	assert_int_equal(decoder_stats(d)->fragments, 6);
	assert_int_equal(decoder_stats(d)->reassembled, 2);
	f_free(&keep);
	decoder_free(d);
}

static void ipv6_fragments_join_behind_their_headers(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct packet p;
	struct frame first = {0}, second = {0};
	/* destination options stand in the fragmented part */
	f_ipv6(&first, 44, 8 + 16);
	f_hex(&first, "3c 00 0001 00000007 11 00 01 04 00000000");
	f_udp(&first, 1000, 2000, 5);
	f_ipv6(&second, 44, 8 + 5);
	f_hex(&second, "3c 00 0010 00000007");
	f_text(&second, "hello");
	p = decode_whole(d, LINK_RAW, &first);
	assert_true(p.layers[0].fragment);
	p = decode_whole(d, LINK_RAW, &second);
	assert_false(p.layers[0].fragment);
	assert_int_equal(p.layers[0].protocol, PACKET_UDP);
	assert_payload(&p.layers[0], "hello");
	f_free(&first);
	f_free(&second);
	decoder_free(d);
}

static void a_joined_datagram_may_hold_a_tunnel_with_fragments(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	/* two inner fragments, each in an outer 4in4 datagram of two fragments */
	struct packet p = {0};
	struct frame keep[4];
	for (unsigned i = 0; i < 4; i++) {
		struct frame inner = v4_fragment(i < 2 ? 0 : 16, i < 2 ? 16 : 8, i < 2), outer = {0};
		unsigned at = i % 2 ? 24 : 0, n = i % 2 ? (unsigned)inner.n - 24 : 24;
		uint8_t *ip = f_ipv4(&outer, PACKET_IPIP, n);
		store_be16(ip + 4, (uint16_t)(100 + i / 2));
		store_be16(ip + 6, (uint16_t)(at / 8 | (i % 2 ? 0 : 0x2000)));
		ipv4_seal(ip, 20);
		memcpy(f_room(&outer, n), inner.b + at, n);
		p = decode_whole(d, LINK_RAW, &outer);
		f_free(&inner);
		keep[i] = outer;
	}
	assert_int_equal(p.n_layers, 2);
	assert_int_equal(p.layers[0].app, APP_IPIP);
	assert_payload(&p.layers[1], "0123456789abcdef");
	assert_int_equal(decoder_stats(d)->reassembled, 3);
	for (unsigned i = 0; i < 4; i++)
		f_free(&keep[i]);
	decoder_free(d);
}

static void fragments_that_cannot_be_are_events(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned protocol, offset, bytes;
		bool more;
		uint64_t events;
	} rows[] = {
	    {"up to the largest datagram", 17, 65512, 3, false, 0},
	    {"one byte beyond", 17, 65512, 4, false, EVENT(FRAGMENT_TOO_LARGE)},
	    {"not a multiple of eight", 17, 0, 13, true, EVENT(FRAGMENT_MALFORMED)},
	    {"nothing", 17, 0, 0, true, EVENT(FRAGMENT_MALFORMED)},
	    {"tcp, first, too small", 6, 0, 8, true, EVENT(FRAGMENT_TINY)},
	    {"tcp, first, just enough", 6, 0, 16, true, 0},
	    {"tcp, at eight", 6, 8, 16, true, EVENT(FRAGMENT_TINY)},
	    {"udp, first, small", 17, 0, 8, true, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct decoder *d = decoder_plain();
		struct frame f = {0};
		uint8_t *ip = f_ipv4(&f, rows[i].protocol, rows[i].bytes);
		store_be16(ip + 6, (uint16_t)(rows[i].offset / 8 | (rows[i].more ? 0x2000 : 0)));
		ipv4_seal(ip, 20);
		f_room(&f, rows[i].bytes);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_true(p.layers[0].fragment);
		f_free(&f);
		decoder_free(d);
	}
}

static void given_up_datagrams_are_events_of_the_decoder(void **state)
{
	(void)state;
	struct decoder *d = NULL;
	static const struct decode_config config = {.fragments_max = 2, .fragment_timeout_ns = SECOND};
	struct packet p;
	assert_int_equal(decoder_new(&d, &config), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct frame f = v4_fragment(0, 8, true);
		store_be16(f.b + 4, (uint16_t)i);
		ipv4_seal(f.b, 20);
		assert_int_equal(decoder_frame(d, LINK_RAW, f.b, (uint32_t)f.n, (uint32_t)f.n, i, 0, &p), 0);
		assert_events(&p, 0, "fragment");
		f_free(&f);
	}
	assert_int_equal(decoder_stats(d)->events[DECODE_EVENT_FRAGMENT_LIMIT], 3);
	struct frame f = v4_fragment(0, 8, true);
	assert_int_equal(
	    decoder_frame(d, LINK_RAW, f.b, (uint32_t)f.n, (uint32_t)f.n, 10 * SECOND, 0, &p), 0);
	assert_int_equal(decoder_stats(d)->events[DECODE_EVENT_FRAGMENT_TIMEOUT], 2);
	f_free(&f);
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fragments_join_in_any_order),
	    cmocka_unit_test(pieces_meet_and_are_met_wherever_they_end),
	    cmocka_unit_test(of_overlapping_bytes_the_first_win_in_ipv4),
	    cmocka_unit_test(an_exact_copy_is_no_overlap),
	    cmocka_unit_test(an_overlapping_ipv6_datagram_is_dropped_whole),
	    cmocka_unit_test(a_piece_that_contradicts_the_end_is_left_out),
	    cmocka_unit_test(datagrams_are_told_apart_by_every_part_of_the_key),
	    cmocka_unit_test(what_was_not_captured_cuts_the_joined_bytes),
	    cmocka_unit_test(datagrams_time_out),
	    cmocka_unit_test(at_the_bound_the_oldest_datagram_goes),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(the_largest_datagram_joins),
	    cmocka_unit_test(the_frame_that_completes_a_datagram_gives_it),
	    cmocka_unit_test(ipv6_fragments_join_behind_their_headers),
	    cmocka_unit_test(a_joined_datagram_may_hold_a_tunnel_with_fragments),
	    cmocka_unit_test(fragments_that_cannot_be_are_events),
	    cmocka_unit_test(given_up_datagrams_are_events_of_the_decoder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
