/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H

/*
 * Frames of a live interface, through an AF_PACKET ring that the kernel writes and we read where they lie:
 * handed over one by one (TPACKET_V2), or in blocks (TPACKET_V3). The privileged parent opens it (ring_open)
 * and hands the descriptor to a sensor, which maps it (ring_attach) and needs no privilege for that. Nothing
 * of the network is parsed here.
 *
 * A struct ring owns its mapping and the descriptor. Frames are borrowed until the next call of ring_next; a
 * frame goes back to the kernel then, a block when its last frame was walked over. Offsets that the kernel
 * gives are checked: what doesn't fit counts as lost.
 *
 * Bounds: RING_MIB_MAX of memory, RING_BLOCK bytes a block; of frames beyond `snaplen` the first bytes.
 * Errors: -errno, -ERR_INVALID with the reason in `why`. How it all fits: doc/capture.md.
 */

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "capture/clock_live.h"

enum {
	RING_BLOCK = 1 << 17,            /* holds a frame of 64 KiB, as receive offload makes them */
	RING_CELL = 2048,                /* holds one of 1,900 bytes with what the kernel says of it */
	RING_SNAPLEN = RING_BLOCK - 512, /* longer ones exist only where BIG TCP was switched on */
	RING_MIB_MAX = 4096,
	RING_RETIRE_MS = 1, /* a block that isn't full is handed over after so long */
	RING_WHY = 160,
};

enum ring_delivery {
	/* In blocks, when they are full or RING_RETIRE_MS old: the memory holds what the frames have of
	 * bytes, and whoever is woken finds many. For what is only looked at. */
	RING_IN_BLOCKS,
	/* Each at once, in a cell of RING_CELL bytes; longer ones are fetched by a system call each. So
	 * whoever reads several rings sees no answer before its question, and what is to be cut is known a
	 * millisecond or more (before Linux 6.18: 4 to 8 of them) sooner. */
	RING_ONE_BY_ONE,
};

/* Several rings of one interface that share its frames: both directions of a flow come to the same. The group
 * is made with its first member, by an id that the kernel knows to be unused. */
struct ring_group {
	bool exists;
	uint16_t id;
};

struct ring_config {
	const char *interface;
	uint32_t mib; /* memory; 0: 64 */
	enum ring_delivery delivery;
	uint32_t snaplen;         /* bytes kept of a frame; 0: RING_SNAPLEN, which is the most */
	bool promiscuous;         /* take what is addressed to others: for taps */
	bool outgoing;            /* of a group: frames that this machine sends may be asked for */
	struct ring_group *group; /* NULL: alone. The same for all rings that share an interface; written */
};

/*
 * Opens a ring that begins to fill at once. Needs CAP_NET_RAW. The filter is locked: whoever holds the
 * descriptor can't exchange it. -ENODEV: no such interface.
 */
int ring_open(const struct ring_config *config, int *ret_fd, char *why);

struct ring;

struct ring_stats {
	uint64_t packets; /* what reached the ring, the lost ones among them */
	uint64_t drops;   /* lost: the ring was full */
	uint64_t freezes; /* how often it was; of blocks alone */
	uint64_t broken;  /* lost: their offsets didn't fit */
};

/*
 * Maps the ring. Takes over fd, also on failure. `mib` as it was opened with. Frames carry `vantage`: the two
 * interfaces of a gateway have the same, or a flow would be two. Where another process read the ring before
 * and died, reading goes on at the frame, or block, that it had begun.
 */
int ring_attach(struct ring **ret_ring, int fd, uint32_t mib, uint16_t vantage);
void ring_free(struct ring *r);
/* The next frame: 1, or 0 where there is none yet. *ret_outgoing: this machine sent it. Never waits. */
int ring_next(struct ring *r, struct capture_frame *ret_frame, bool *ret_outgoing);
/* To be polled for POLLIN. */
int ring_fd(const struct ring *r);
uint16_t ring_vantage(const struct ring *r);
/* LINKTYPE_* of the frames: Ethernet, raw IP, or Linux cooked for everything else. */
uint16_t ring_linktype(const struct ring *r);
/* Since ring_open: all of it, whoever asked before in this process. 0 or -errno. */
int ring_get_stats(struct ring *r, struct ring_stats *ret_stats);
/*
 * Whether outgoing frames are given; they aren't until this is called. In a group that may ask for them the
 * kernel copies them all the time, and unwanted ones are passed over here; in one that may not there are
 * none. 0 or -errno.
 */
int ring_watch_outgoing(struct ring *r, bool wanted);

/* Both clocks at one moment, for clock_live_sample. */
void ring_read_clocks(struct clock_reading *ret_reading);

#endif
