/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_RING_PRIVATE_H
#define CAPTURE_RING_PRIVATE_H

/* What both halves of a ring agree on. Private to capture/. */

#include <net/if_arp.h>
#include <stdint.h>

#include "capture/ring.h"
#include "capture/ring_block.h"

enum { RING_MIB = 64, RING_FRAME = 2048 };

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

#endif
