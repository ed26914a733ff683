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

enum { CLOCK_TRIES = 4 };

static int look_at_socket(struct ring *r)
{
	struct sockaddr_ll addr = {0};
	int version = -1;
	socklen_t size = sizeof(addr), int_size = sizeof(version);
	if (getsockname(r->fd, (struct sockaddr *)&addr, &size) < 0 ||
	    getsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, &int_size) < 0)
		return -errno;
	if (version != TPACKET_V2 && version != TPACKET_V3)
		return -EINVAL;
	r->linktype = ring_link_of(addr.sll_hatype);
	r->delivery = version == TPACKET_V2 ? RING_ONE_BY_ONE : RING_IN_BLOCKS;
	return 0;
}

static int map_memory(struct ring *r)
{
	void *map = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	if (r->delivery == RING_ONE_BY_ONE)
		return ring_cells_begin(r);
	ring_blocks_begin(r);
	return 0;
}

int ring_attach(struct ring **ret_ring, int fd, uint32_t mib, uint16_t vantage)
{
	struct ring *r = mib <= RING_MIB_MAX ? calloc(1, sizeof(*r)) : NULL;
	if (!r) {
		close(fd);
		return mib <= RING_MIB_MAX ? -ENOMEM : -EINVAL;
	}
	r->fd = fd;
	r->vantage = vantage;
	r->size = (size_t)ring_blocks_of(mib) * RING_BLOCK;
	int error = look_at_socket(r);
	if (error == 0)
		error = map_memory(r);
	if (error < 0) {
		ring_free(r);
		return error;
	}
	*ret_ring = r;
	return 0;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->map)
		munmap(r->map, r->size);
	free(r->cells.fetched);
	close(r->fd);
	free(r);
}

int ring_next(struct ring *r, struct capture_frame *ret_frame, bool *ret_outgoing)
{
	struct ring_slot slot;
	bool outgoing;
	do {
		if (!(r->delivery == RING_ONE_BY_ONE ? ring_cells_next(r, &slot)
		                                     : ring_blocks_next(r, &slot)))
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
