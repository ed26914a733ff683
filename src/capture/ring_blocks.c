/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frames that are handed over in blocks: TPACKET_V3. */

#include <linux/if_packet.h>

#include "capture/ring_private.h"

enum { SCANS = 4 };

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
	uint32_t filling = 0, oldest = r->blocks.n;
	for (uint32_t i = 0; i < r->blocks.n; i++) {
		if (sequence_of(r, i) > sequence_of(r, filling))
			filling = i;
		if (is_ours(r, i) && (oldest == r->blocks.n || sequence_of(r, i) < sequence_of(r, oldest)))
			oldest = i;
	}
	return oldest < r->blocks.n ? oldest : filling;
}

/* The kernel goes on meanwhile, so it is looked for until the answer stays. */
void ring_blocks_begin(struct ring *r)
{
	r->blocks.n = (uint32_t)(r->size / RING_BLOCK);
	r->blocks.current = find_start(r);
	for (int i = 0; i < SCANS; i++) {
		uint32_t again = find_start(r);
		if (again == r->blocks.current)
			return;
		r->blocks.current = again;
	}
}

static void block_return(struct ring *r)
{
	__atomic_store_n(&head_of(r, r->blocks.current)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->blocks.current = r->blocks.current + 1 < r->blocks.n ? r->blocks.current + 1 : 0;
	r->blocks.reading = false;
}

bool ring_blocks_next(struct ring *r, struct ring_slot *ret_slot)
{
	for (;;) {
		if (!r->blocks.reading) {
			if (!is_ours(r, r->blocks.current))
				return false;
			ring_block_begin(
			    &r->blocks.walk, r->map + (size_t)r->blocks.current * RING_BLOCK, RING_BLOCK);
			r->blocks.reading = true;
		}
		int got = ring_block_next(&r->blocks.walk, ret_slot);
		if (got > 0)
			return true;
		if (got < 0)
			r->stats.broken += r->blocks.walk.left;
		block_return(r);
	}
}
