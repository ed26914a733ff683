/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_packet.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "capture/ring_block.h"

/* A block as the kernel lays it out, forged in places. */
enum { BLOCK = 4096, FIRST = 48, FRAME = 60, MAC = 112, STEP = 256, FRAMES = 3 };

static uint8_t *block; /* of exactly BLOCK bytes, so that a sanitizer sees what goes beyond */

static struct tpacket3_hdr head_get(size_t i)
{
	struct tpacket3_hdr h;
	memcpy(&h, block + FIRST + i * STEP, sizeof(h));
	return h;
}

static void head_put(size_t i, const struct tpacket3_hdr *h)
{
	memcpy(block + FIRST + i * STEP, h, sizeof(*h));
}

static void desc_put(uint32_t first, uint32_t packets)
{
	struct tpacket_block_desc d = {.version = 3};
	d.hdr.bh1.block_status = TP_STATUS_USER;
	d.hdr.bh1.offset_to_first_pkt = first;
	d.hdr.bh1.num_pkts = packets;
	memcpy(block, &d, sizeof(d));
}

static int setup(void **state)
{
	(void)state;
	block = calloc(1, BLOCK);
	assert_non_null(block);
	desc_put(FIRST, FRAMES);
	for (size_t i = 0; i < FRAMES; i++) {
		const struct tpacket3_hdr h = {.tp_next_offset = i + 1 < FRAMES ? STEP : 0,
		    .tp_sec = 1000 + (uint32_t)i,
		    .tp_nsec = 7,
		    .tp_snaplen = FRAME,
		    .tp_len = FRAME + 1000,
		    .tp_mac = MAC,
		    .tp_net = MAC + 14};
		struct sockaddr_ll from = {.sll_protocol = htons(0x0800),
		    .sll_hatype = 512,
		    .sll_pkttype = PACKET_OUTGOING,
		    .sll_halen = 6,
		    .sll_addr = {1, 2, 3, 4, 5, 6}};
		head_put(i, &h);
		memcpy(block + FIRST + i * STEP + TPACKET_ALIGN(sizeof(h)), &from, sizeof(from));
		for (uint8_t j = 0; j < FRAME; j++)
			block[FIRST + i * STEP + MAC + j] = j;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(block);
	return 0;
}

/* Walks it and touches each byte: how many frames there were. *ret_end is what ended the walk. */
static int walk(int *ret_end)
{
	struct ring_block b;
	struct ring_slot s;
	int n = 0;
	volatile unsigned sum = 0;
	ring_block_begin(&b, block, BLOCK);
	while ((*ret_end = ring_block_next(&b, &s)) == 1) {
		for (uint32_t i = 0; i < s.caplen; i++)
			sum = sum + s.data[i];
		n++;
	}
	return n;
}

static void test_a_block_gives_its_frames_and_ends(void **state)
{
	(void)state;
	struct ring_block b;
	struct ring_slot s;
	ring_block_begin(&b, block, BLOCK);
	for (int i = 0; i < FRAMES; i++) {
		assert_int_equal(ring_block_next(&b, &s), 1);
		assert_int_equal(s.time_ns, (1000 + i) * NS_PER_S + 7);
		assert_int_equal(s.caplen, FRAME);
		assert_int_equal(s.wirelen, FRAME + 1000);
		assert_int_equal(s.packet_type, PACKET_OUTGOING);
		assert_ptr_equal(s.data, block + FIRST + i * STEP + MAC);
	}
	assert_int_equal(ring_block_next(&b, &s), 0);
}

static void test_an_empty_block_has_no_frame(void **state)
{
	(void)state;
	int end;
	desc_put(FIRST, 0);
	assert_int_equal(walk(&end), 0);
	assert_int_equal(end, 0);
}

static void test_a_first_offset_outside_the_block_ends_it(void **state)
{
	(void)state;
	static const uint32_t firsts[] = {0, FIRST - 1, BLOCK - 67, BLOCK - 1, BLOCK, BLOCK + 1, UINT32_MAX};
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		int end;
		desc_put(firsts[i], FRAMES);
		assert_int_equal(walk(&end), 0);
		assert_int_equal(end, -ERR_MALFORMED);
	}
}

static void test_a_next_offset_that_goes_nowhere_or_out_ends_the_block(void **state)
{
	(void)state;
	static const uint32_t nexts[] = {0, 1, MAC + FRAME - 1, BLOCK - FIRST + 1, 0x80000000, UINT32_MAX};
	for (size_t i = 0; i < sizeof(nexts) / sizeof(nexts[0]); i++) {
		int end;
		struct tpacket3_hdr h = head_get(0);
		h.tp_next_offset = nexts[i];
		head_put(0, &h);
		assert_int_equal(walk(&end), 0);
		assert_int_equal(end, -ERR_MALFORMED);
	}
}

static void test_frame_bytes_end_where_the_block_does(void **state)
{
	(void)state;
	struct tpacket3_hdr h = head_get(FRAMES - 1);
	uint32_t most = BLOCK - (FIRST + (FRAMES - 1) * STEP) - MAC;
	int end;
	h.tp_snaplen = most;
	head_put(FRAMES - 1, &h);
	assert_int_equal(walk(&end), FRAMES);
	assert_int_equal(end, 0);
	static const uint32_t more[] = {1, 1000, 0x7fffffff};
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		h.tp_snaplen = most + more[i];
		head_put(FRAMES - 1, &h);
		assert_int_equal(walk(&end), FRAMES - 1);
		assert_int_equal(end, -ERR_MALFORMED);
	}
}

static void test_a_frame_does_not_begin_in_its_own_head(void **state)
{
	(void)state;
	struct tpacket3_hdr h = head_get(1);
	int end;
	h.tp_mac = TPACKET3_HDRLEN - 1;
	head_put(1, &h);
	assert_int_equal(walk(&end), 1);
	assert_int_equal(end, -ERR_MALFORMED);
}

static void test_a_wire_length_below_the_captured_one_is_raised(void **state)
{
	(void)state;
	struct ring_block b;
	struct ring_slot s;
	struct tpacket3_hdr h = head_get(0);
	h.tp_len = 1;
	h.tp_nsec = UINT32_MAX;
	head_put(0, &h);
	ring_block_begin(&b, block, BLOCK);
	assert_int_equal(ring_block_next(&b, &s), 1);
	assert_int_equal(s.wirelen, FRAME);
	assert_int_equal(s.time_ns, 1001 * NS_PER_S - 1);
}

static struct capture_frame frame_of(uint16_t linktype, uint32_t status, uint16_t tag_type)
{
	struct ring_block b;
	struct ring_slot s;
	struct capture_frame f;
	struct tpacket3_hdr h = head_get(0);
	h.tp_status = status;
	h.hv1.tp_vlan_tci = 0x6042;
	h.hv1.tp_vlan_tpid = tag_type;
	head_put(0, &h);
	ring_block_begin(&b, block, BLOCK);
	assert_int_equal(ring_block_next(&b, &s), 1);
	ring_slot_frame(&s, linktype, 3, &f);
	assert_int_equal(f.vantage, 3);
	assert_int_equal(f.linktype, linktype);
	return f;
}

static void test_a_tag_is_put_back_between_addresses_and_type(void **state)
{
	(void)state;
	struct capture_frame f = frame_of(1, TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, 0x88a8);
	static const uint8_t front[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x88, 0xa8, 0x60, 0x42, 12, 13};
	assert_int_equal(f.caplen, FRAME + 4);
	assert_int_equal(f.wirelen, FRAME + 1000 + 4);
	assert_memory_equal(f.data, front, sizeof(front));
	assert_int_equal(f.data[FRAME + 3], FRAME - 1);
}

static void test_a_tag_of_no_told_type_is_8021q(void **state)
{
	(void)state;
	struct capture_frame f = frame_of(1, TP_STATUS_VLAN_VALID, 0);
	assert_int_equal(f.data[12], 0x81);
	assert_int_equal(f.data[13], 0);
}

static void test_a_frame_too_short_for_a_tag_stays_as_it_is(void **state)
{
	(void)state;
	struct tpacket3_hdr h = head_get(0);
	h.tp_snaplen = 11;
	head_put(0, &h);
	struct capture_frame f = frame_of(1, TP_STATUS_VLAN_VALID, 0);
	assert_int_equal(f.caplen, 11);
}

static void test_other_links_get_a_cooked_head(void **state)
{
	(void)state;
	struct capture_frame f = frame_of(113, 0, 0);
	static const uint8_t front[] = {0, 4, 2, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0, 0, 1, 2};
	assert_int_equal(f.caplen, FRAME + 16);
	assert_memory_equal(f.data, front, sizeof(front));
	(void)teardown(NULL);
	(void)setup(NULL);
	f = frame_of(113, TP_STATUS_VLAN_VALID, 0);
	static const uint8_t tagged[] = {
	    0, 4, 2, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0x60, 0x42, 8, 0, 0, 1, 2};
	assert_int_equal(f.caplen, FRAME + 20);
	assert_memory_equal(f.data, tagged, sizeof(tagged));
}

static void test_raw_ip_is_given_as_it_is(void **state)
{
	(void)state;
	struct capture_frame f = frame_of(101, TP_STATUS_VLAN_VALID, 0);
	assert_int_equal(f.caplen, FRAME);
	assert_int_equal(f.data[0], 0);
}

static void test_without_room_in_front_nothing_is_put_back(void **state)
{
	(void)state;
	struct tpacket3_hdr h = head_get(0);
	h.tp_mac = TPACKET3_HDRLEN + 3;
	head_put(0, &h);
	assert_int_equal(frame_of(1, TP_STATUS_VLAN_VALID, 0).caplen, FRAME);
	h.tp_mac = TPACKET3_HDRLEN + 4;
	head_put(0, &h);
	assert_int_equal(frame_of(1, TP_STATUS_VLAN_VALID, 0).caplen, FRAME + 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A cell of `size` bytes with one frame, behind heads of the kernel's. */
static uint8_t *make_cell(uint32_t size, const struct tpacket2_hdr *h)
{
	uint8_t *cell = calloc(1, size);
	struct sockaddr_ll from = {
	    .sll_protocol = htons(0x86dd), .sll_hatype = 1, .sll_pkttype = PACKET_HOST};
	assert_non_null(cell);
	memcpy(cell, h, sizeof(*h));
	memcpy(cell + TPACKET_ALIGN(sizeof(*h)), &from, sizeof(from));
	for (uint32_t i = h->tp_mac; i < size; i++)
		cell[i] = (uint8_t)(i - h->tp_mac);
	return cell;
}

static void test_a_cell_gives_its_frame(void **state)
{
	(void)state;
	const struct tpacket2_hdr h = {.tp_status = TP_STATUS_USER | TP_STATUS_VLAN_VALID,
	    .tp_len = 1000,
	    .tp_snaplen = 60,
	    .tp_mac = 98,
	    .tp_sec = 12,
	    .tp_nsec = 4000000000,
	    .tp_vlan_tci = 0x64};
	struct ring_slot s;
	struct capture_frame f;
	uint8_t *cell = make_cell(158, &h);
	assert_int_equal(ring_cell_read(cell, 158, &s), 0);
	assert_int_equal(s.caplen, 60);
	assert_int_equal(s.wirelen, 1000);
	assert_int_equal(s.protocol, 0x86dd);
	assert_int_equal(s.time_ns, 12 * NS_PER_S + NS_PER_S - 1); /* no more than a second has */
	ring_slot_frame(&s, RING_LINK_ETHERNET, 3, &f);
	assert_int_equal(f.caplen, 64);
	assert_int_equal(f.data[11], 11);
	assert_int_equal(f.data[12], 0x81);
	assert_int_equal(f.data[15], 0x64);
	assert_int_equal(f.data[16], 12);
	free(cell);
}

static void test_a_cell_whose_frame_goes_beyond_it_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t size;
		uint16_t mac;
		uint32_t snaplen;
		int want;
	} rows[] = {{158, 98, 60, 0}, {157, 98, 60, -ERR_MALFORMED}, {158, 99, 60, -ERR_MALFORMED},
	    {158, 98, UINT32_MAX, -ERR_MALFORMED}, {158, 159, 0, -ERR_MALFORMED}, {158, 158, 0, 0},
	    {158, 51, 4, -ERR_MALFORMED}, {158, 52, 4, 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct tpacket2_hdr h = {.tp_status = TP_STATUS_USER,
		    .tp_len = rows[i].snaplen,
		    .tp_snaplen = rows[i].snaplen,
		    .tp_mac = rows[i].mac};
		struct ring_slot s;
		uint8_t *cell = make_cell(rows[i].size, &h);
		assert_int_equal(ring_cell_read(cell, rows[i].size, &s), rows[i].want);
		free(cell);
	}
	struct ring_slot s;
	uint8_t small[51] = {0};
	assert_int_equal(ring_cell_read(small, sizeof(small), &s), -ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_block_gives_its_frames_and_ends),
	    TEST(test_an_empty_block_has_no_frame),
	    TEST(test_a_first_offset_outside_the_block_ends_it),
	    TEST(test_a_next_offset_that_goes_nowhere_or_out_ends_the_block),
	    TEST(test_frame_bytes_end_where_the_block_does),
	    TEST(test_a_frame_does_not_begin_in_its_own_head),
	    TEST(test_a_wire_length_below_the_captured_one_is_raised),
	    TEST(test_a_tag_is_put_back_between_addresses_and_type),
	    TEST(test_a_tag_of_no_told_type_is_8021q),
	    TEST(test_a_frame_too_short_for_a_tag_stays_as_it_is),
	    TEST(test_other_links_get_a_cooked_head),
	    TEST(test_raw_ip_is_given_as_it_is),
	    TEST(test_without_room_in_front_nothing_is_put_back),
	    cmocka_unit_test(test_a_cell_gives_its_frame),
	    cmocka_unit_test(test_a_cell_whose_frame_goes_beyond_it_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
