/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/ring.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "capture/ring_block.h"
#include "capture/ring_private.h"

enum { RING_SCANS = 4, CLOCK_TRIES = 4 };

struct ring {
	int fd;
	uint16_t vantage, linktype;
	bool outgoing; /* wanted */
	uint8_t *map;
	uint32_t blocks;
	uint32_t current; /* the block that is read, or comes next */
	bool reading;     /* it was handed over, and walk stands in it */
	struct ring_block walk;
	struct ring_stats stats;
};

static struct tpacket_hdr_v1 *head_of(const struct ring *r, uint32_t block)
{
	struct tpacket_block_desc *desc = (struct tpacket_block_desc *)(r->map + (size_t)block * RING_BLOCK);
	return &desc->hdr.bh1;
}

static bool is_ours(const struct ring *r, uint32_t block)
{
	return __atomic_load_n(&head_of(r, block)->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static uint64_t sequence_of(const struct ring *r, uint32_t block)
{
	return __atomic_load_n(&head_of(r, block)->seq_num, __ATOMIC_RELAXED);
}

/* The block that comes next: of those handed over the oldest, else the one that the kernel fills. */
static uint32_t find_start(const struct ring *r)
{
	uint32_t filling = 0, oldest = r->blocks;
	for (uint32_t i = 0; i < r->blocks; i++) {
		if (sequence_of(r, i) > sequence_of(r, filling))
			filling = i;
		if (is_ours(r, i) && (oldest == r->blocks || sequence_of(r, i) < sequence_of(r, oldest)))
			oldest = i;
	}
	return oldest < r->blocks ? oldest : filling;
}

/* The kernel goes on meanwhile, so it is looked for until the answer stays. */
static void resume(struct ring *r)
{
	r->current = find_start(r);
	for (int i = 0; i < RING_SCANS; i++) {
		uint32_t again = find_start(r);
		if (again == r->current)
			return;
		r->current = again;
	}
}

int ring_attach(struct ring **ret_ring, int fd, uint32_t mib, uint16_t vantage)
{
	struct sockaddr_ll addr = {0};
	socklen_t size = sizeof(addr);
	struct ring *r = calloc(1, sizeof(*r));
	int error = !r ? -ENOMEM : mib > RING_MIB_MAX ? -EINVAL : 0;
	if (error == 0 && getsockname(fd, (struct sockaddr *)&addr, &size) < 0)
		error = -errno;
	if (error < 0) {
		free(r);
		close(fd);
		return error;
	}
	r->fd = fd;
	r->vantage = vantage;
	r->linktype = ring_link_of(addr.sll_hatype);
	r->blocks = ring_blocks_of(mib);
	void *map = mmap(NULL, (size_t)r->blocks * RING_BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		error = -errno;
		ring_free(r);
		return error;
	}
	r->map = map;
	resume(r);
	*ret_ring = r;
	return 0;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->map)
		munmap(r->map, (size_t)r->blocks * RING_BLOCK);
	close(r->fd);
	free(r);
}

static void block_return(struct ring *r)
{
	__atomic_store_n(&head_of(r, r->current)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->current = r->current + 1 < r->blocks ? r->current + 1 : 0;
	r->reading = false;
}

/* The next frame in the blocks that are ours. */
static bool slot_next(struct ring *r, struct ring_slot *slot)
{
	for (;;) {
		if (!r->reading) {
			if (!is_ours(r, r->current))
				return false;
			ring_block_begin(&r->walk, r->map + (size_t)r->current * RING_BLOCK, RING_BLOCK);
			r->reading = true;
		}
		int got = ring_block_next(&r->walk, slot);
		if (got > 0)
			return true;
		if (got < 0)
			r->stats.broken += r->walk.left;
		block_return(r);
	}
}

int ring_next(struct ring *r, struct capture_frame *ret_frame, bool *ret_outgoing)
{
	struct ring_slot slot;
	bool outgoing;
	do {
		if (!slot_next(r, &slot))
			return 0;
		outgoing = slot.packet_type == PACKET_OUTGOING;
	} while (outgoing && !r->outgoing);
	ring_slot_frame(&slot, r->linktype, r->vantage, ret_frame);
	*ret_outgoing = outgoing;
	return 1;
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

uint16_t ring_vantage(const struct ring *r)
{
	return r->vantage;
}

uint16_t ring_linktype(const struct ring *r)
{
	return r->linktype;
}

int ring_get_stats(struct ring *r, struct ring_stats *ret_stats)
{
	struct tpacket_stats_v3 now;
	socklen_t size = sizeof(now);
	/* reading sets the kernel's counters to zero */
	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &now, &size) < 0)
		return -errno;
	r->stats.packets += now.tp_packets;
	r->stats.drops += now.tp_drops;
	r->stats.freezes += now.tp_freeze_q_cnt;
	*ret_stats = r->stats;
	return 0;
}

int ring_watch_outgoing(struct ring *r, bool wanted)
{
	int ignore = !wanted;
	if (setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) < 0)
		return -errno;
	r->outgoing = wanted;
	return 0;
}

static int64_t clock_read(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void ring_read_clocks(struct clock_reading *ret_reading)
{
	int64_t best = INT64_MAX;
	/* whoever is put to sleep between the two reads tries again: the narrowest counts */
	for (int i = 0; i < CLOCK_TRIES && best > 10 * NS_PER_US; i++) {
		int64_t before = clock_read(CLOCK_BOOTTIME), real = clock_read(CLOCK_REALTIME);
		int64_t after = clock_read(CLOCK_BOOTTIME);
		if (after - before >= best)
			continue;
		best = after - before;
		*ret_reading = (struct clock_reading){.boot = before + best / 2, .real = real};
	}
}
