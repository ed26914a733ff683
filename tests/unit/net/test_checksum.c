/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/checksum.h"
#include "net/overlap.h"

/* A SYN of 10.0.0.11:40000 to 198.51.100.80:80 without a checksum. */
static const uint8_t syn[] = {
    0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x03, 0xe8, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0};

static uint16_t by_words(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] * 256;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void a_checksum_is_right_or_wrong_at_every_length(void **state)
{
	const struct net_addr src = net_addr_v4((const uint8_t[]){10, 0, 0, 11});
	const struct net_addr dst = net_addr_v4((const uint8_t[]){198, 51, 100, 80});
	(void)state;
	for (size_t n = sizeof(syn); n < 200; n++) {
		uint8_t segment[200];
		for (size_t i = 0; i < sizeof(segment); i++)
			segment[i] = (uint8_t)(i * 37 + 200);
		memcpy(segment, syn, sizeof(syn));
		uint32_t pseudo = 10 * 256 + 0 + 11 + 198 * 256 + 51 + 100 * 256 + 80 + 6 + (uint32_t)n;
		uint16_t sum = (uint16_t)~by_words(segment, n, pseudo);
		segment[16] = (uint8_t)(sum >> 8);
		segment[17] = (uint8_t)sum;
		assert_true(net_checksum_good(src, dst, 6, segment, n));
		assert_false(net_checksum_good(src, dst, 17, segment, n));
		segment[n - 1] ^= 1;
		assert_false(net_checksum_good(src, dst, 6, segment, n));
	}
}

static void an_ipv6_pseudo_header_has_the_whole_addresses(void **state)
{
	uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8}, b[16] = {0x20, 0x01, 0x0d, 0xb8}, segment[sizeof(syn)];
	(void)state;
	a[15] = 1;
	b[14] = 2;
	memcpy(segment, syn, sizeof(syn));
	uint32_t pseudo = 0x2001 + 0x0db8 + 1 + 0x2001 + 0x0db8 + 0x200 + 6 + sizeof(syn);
	uint16_t sum = (uint16_t)~by_words(segment, sizeof(segment), pseudo);
	segment[16] = (uint8_t)(sum >> 8);
	segment[17] = (uint8_t)sum;
	assert_true(net_checksum_good(net_addr_v6(a), net_addr_v6(b), 6, segment, sizeof(segment)));
	b[2] ^= 1;
	assert_false(net_checksum_good(net_addr_v6(a), net_addr_v6(b), 6, segment, sizeof(segment)));
}

static void more_than_a_datagram_holds_has_no_checksum(void **state)
{
	static uint8_t much[UINT16_MAX + 1];
	const struct net_addr none = {0};
	(void)state;
	memset(much, 0, sizeof(much));
	assert_false(net_checksum_good(none, none, 6, much, sizeof(much)));
}

/* Novak and Sturges, 2007: where the later piece [from, to) wins over the earlier [20, 30). */
static void who_wins_where_pieces_overlap(void **state)
{
	static const struct {
		uint64_t from, to;
		bool wins[6]; /* auto, first, last, bsd, linux, windows */
	} rows[] = {
	    {10, 25, {false, false, true, true, true, false}},
	    {10, 30, {false, false, true, true, true, false}},
	    {10, 40, {false, false, true, true, true, true}},
	    {20, 25, {false, false, true, false, false, false}},
	    {20, 30, {false, false, true, false, false, false}},
	    {20, 40, {false, false, true, false, true, false}},
	    {22, 25, {false, false, true, false, false, false}},
	    {25, 40, {false, false, true, false, false, false}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (unsigned how = 0; net_overlap_name(how); how++)
			if (net_overlap_later_wins((enum net_overlap)how, (struct net_extent){20, 30},
			        (struct net_extent){rows[i].from, rows[i].to}) != rows[i].wins[how])
				fail_msg("row %zu, %s", i, net_overlap_name(how));
}

static void names_of_overlaps_are_read_back(void **state)
{
	enum net_overlap how;
	(void)state;
	for (unsigned i = 0; net_overlap_name(i); i++) {
		assert_int_equal(net_overlap_parse(text_of(net_overlap_name(i)), &how), 0);
		assert_int_equal(how, i);
	}
	assert_true(net_overlap_parse(text_of("linus"), &how) < 0);
	assert_true(net_overlap_parse(text_of(""), &how) < 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_checksum_is_right_or_wrong_at_every_length),
	    cmocka_unit_test(an_ipv6_pseudo_header_has_the_whole_addresses),
	    cmocka_unit_test(more_than_a_datagram_holds_has_no_checksum),
	    cmocka_unit_test(who_wins_where_pieces_overlap),
	    cmocka_unit_test(names_of_overlaps_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
