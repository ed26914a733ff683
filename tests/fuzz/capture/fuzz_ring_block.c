/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A block of a ring whose every offset is forged: frames lie within it, also once their heads are put back.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "capture/ring_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEAST = 48, MOST = 1 << 16 };

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
	ring_block_begin(&b, block, (uint32_t)size - 1);
	int r;
	while ((r = ring_block_next(&b, &s)) == 1) {
		struct capture_frame f;
		ring_slot_frame(&s, link, 1, &f);
		assert(f.data >= block + LEAST && f.data + f.caplen <= block + size - 1);
		assert(f.wirelen >= f.caplen && f.time_ns >= 0 && f.time_ns <= CAPTURE_TIME_MAX);
		for (uint32_t i = 0; i < f.caplen; i++)
			sum += f.data[i];
	}
	assert(r < 0 || b.left == 0);
	free(block);
	return sum == UINT32_MAX ? -1 : 0; /* so that the bytes are read */
}
