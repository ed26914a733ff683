/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_RING_BLOCK_H
#define CAPTURE_RING_BLOCK_H

/*
 * One block of a ring, walked frame by frame, or one cell with its one frame; and what the kernel took off a
 * frame put back in front of it. Pure: memory in, frames out. Each offset is checked, so that a broken block
 * ends early and touches nothing outside. Private to capture/.
 */

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"

enum {
	RING_RESERVE = 32, /* free bytes in front of each frame: for what is put back, and a cell's number */
	RING_LINK_ETHERNET = 1,
	RING_LINK_RAW = 101,
	RING_LINK_COOKED = 113,
};

struct ring_block {
	uint8_t *base;
	uint32_t size;
	uint32_t at;   /* of the next frame's head */
	uint32_t left; /* frames to come */
};

/* A frame in its block or cell. */
struct ring_slot {
	uint8_t *data;
	uint32_t caplen, wirelen;
	uint32_t room; /* bytes in front of data that are free to be written */
	int64_t time_ns;
	bool tagged; /* a VLAN tag was taken off */
	uint16_t tag, tag_type;
	uint16_t protocol; /* ethertype, or what Linux has for it; of the innermost tag that is still there */
	uint16_t hatype;
	uint8_t packet_type; /* PACKET_HOST ..: PACKET_OUTGOING is what this machine sent */
	uint8_t halen;
	uint8_t source[8];
};

/* Stands before the first frame of a block that the kernel has handed over. */
void ring_block_begin(struct ring_block *b, uint8_t *base, uint32_t size);
/* 1 and the next frame; 0 at the end; -ERR_MALFORMED where it doesn't fit: b->left frames can't be read. */
int ring_block_next(struct ring_block *b, struct ring_slot *ret_slot);
/* The frame of a cell of `size` bytes that the kernel has handed over. 0 or -ERR_MALFORMED. */
int ring_cell_read(uint8_t *cell, uint32_t size, struct ring_slot *ret_slot);
/* The frame as it was on the wire: VLAN tag in its place, or a cooked head in front. */
void ring_slot_frame(
    struct ring_slot *s, uint16_t linktype, uint16_t vantage, struct capture_frame *ret_frame);

#endif
