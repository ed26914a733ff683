/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_RING_PRIVATE_H
#define CAPTURE_RING_PRIVATE_H

/* What both halves of a ring agree on, and its two ways of delivery. Private to capture/. */

#include <net/if_arp.h>
#include <stdint.h>

#include "capture/ring.h"
#include "capture/ring_block.h"

enum { RING_MIB = 64, RING_QUEUE = 16 << 20 };

#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519
#endif

static inline uint32_t ring_blocks_of(uint32_t mib)
{
	return (mib ? mib : RING_MIB) * ((1 << 20) / RING_BLOCK);
}

/* By the interface's ARPHRD_*: frames with an Ethernet header, IP alone, or whatever else, cooked. */
static inline uint16_t ring_link_of(unsigned hatype)
{
	switch (hatype) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK: return RING_LINK_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT: return RING_LINK_RAW;
	default: return RING_LINK_COOKED;
	}
}

/* ring_blocks.c */
struct ring_blocks {
	uint32_t n;
	uint32_t current; /* the block that is read, or comes next */
	bool reading;     /* it was handed over, and walk stands in it */
	struct ring_block walk;
};

/* ring_cells.c */
struct ring_cells {
	uint32_t n;
	uint32_t current; /* the cell that is read, or comes next */
	bool reading;     /* it was handed over */
	uint32_t number;  /* of it: they are counted, so that the next reader knows where this one stood */
	uint8_t *fetched; /* a frame that doesn't fit into a cell, behind RING_RESERVE bytes */
	size_t held;      /* bytes of it, while its cell hasn't come */
	bool missed;      /* it wasn't the last one's */
};

struct ring {
	int fd;
	uint16_t vantage, linktype;
	enum ring_delivery delivery;
	bool outgoing; /* wanted */
	uint8_t *map;
	size_t size;
	struct ring_blocks blocks; /* these, or those */
	struct ring_cells cells;
	struct ring_stats stats;
};

/* Finds where reading begins. 0 or -ENOMEM. */
void ring_blocks_begin(struct ring *r);
int ring_cells_begin(struct ring *r);
/* The next frame that is ours; what was given before goes back to the kernel. */
bool ring_blocks_next(struct ring *r, struct ring_slot *ret_slot);
bool ring_cells_next(struct ring *r, struct ring_slot *ret_slot);

#endif
