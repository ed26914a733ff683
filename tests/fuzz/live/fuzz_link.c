/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever comes over a link: what passes is one whole message of its way, no longer than one may be, and
 * passes again unchanged. The first byte chooses the way and whether times are converted. */

#include <assert.h>
#include <stdlib.h>

#include "live/link_message.h"
#include "msg/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link_clock clock = {.samples = {{-5, 7}}, .n = 1};
	struct dynbuf once = {0}, twice = {0};
	struct arena arena = {0};
	uint16_t number, again;
	size_t length, whole;
	if (size == 0 || msg_peek(data + 1, size - 1, &number, &length) < 0)
		return 0;
	enum channel_way way = data[0] & 1 ? CHANNEL_ENGINE_TO_ENFORCER : CHANNEL_ENFORCER_TO_ENGINE;
	struct text bytes = text_bytes(data + 1, length);
	int r = link_message_pass(&once, way, number, bytes, data[0] & 2 ? &clock : NULL, &arena);
	assert(r == 0 || once.n == 0);
	if (r == 0) {
		assert(channel_way_allows(way, number) && once.n <= LINK_MESSAGE_MAX);
		r = msg_peek(once.p, once.n, &again, &whole);
		assert(r == 0 && again == number && whole == once.n);
		r = link_message_pass(&twice, way, number, dynbuf_view(&once), NULL, &arena);
		assert(r == 0 && text_equal(dynbuf_view(&once), dynbuf_view(&twice)));
	}
	arena_free(&arena);
	dynbuf_free(&once);
	dynbuf_free(&twice);
	return 0;
}
