/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A block of a ring, or a cell, whose every offset is forged: frames lie within it, also once their heads are
 * put back. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "capture/ring_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEAST = 48, MOST = 1 << 16, CELLS = 4 };

static unsigned check(struct ring_slot *s, uint16_t link, const uint8_t *from, const uint8_t *end)
{
	struct capture_frame f;
	unsigned sum = 0;
	ring_slot_frame(s, link, 1, &f);
	assert(f.data >= from + LEAST && f.data + f.caplen <= end);
	assert(f.wirelen >= f.caplen && f.time_ns >= 0 && f.time_ns <= CAPTURE_TIME_MAX);
	for (uint32_t i = 0; i < f.caplen; i++)
		sum += f.data[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = {RING_LINK_ETHERNET, RING_LINK_RAW, RING_LINK_COOKED};
	struct ring_block b;
	struct ring_slot s;
	unsigned sum = 0;
	if (size < LEAST + 1 || size > MOST)
		return 0;
	uint16_t link = links[data[0] % 3];
	uint8_t *block = malloc(size - 1);
	assert(block);
	memcpy(block, data + 1, size - 1);
	const uint8_t *end = block + size - 1;
	if (data[0] & CELLS) {
		if (ring_cell_read(block, (uint32_t)size - 1, &s) == 0)
			sum += check(&s, link, block, end);
	} else {
		int r;
		ring_block_begin(&b, block, (uint32_t)size - 1);
		while ((r = ring_block_next(&b, &s)) == 1)
			sum += check(&s, link, block, end);
		assert(r < 0 || b.left == 0);
	}
	free(block);
	return sum == UINT32_MAX ? -1 : 0; /* so that the bytes are read */
}
