/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever decodes encodes again, to bytes that decode to the same record: for each kind of record and
 * message. */

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "msg/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record near its bound may not have room for the fields that its older writer left out. */
#define ROUND_TRIP(kind)                                                                                     \
	static void trip_##kind(const uint8_t *p, size_t n)                                                  \
	{                                                                                                    \
		struct msg_##kind first, second;                                                             \
		struct arena arena = {0};                                                                    \
		struct dynbuf once = {0}, twice = {0};                                                       \
		if (msg_##kind##_decode(p, n, &arena, &first) == 0) {                                        \
			int r = msg_##kind##_encode(&once, &first);                                          \
			assert(r == 0 || (r == -ERR_LIMIT && n > MSG_RECORD_MAX - 1024));                    \
			if (r == 0) {                                                                        \
				r = msg_##kind##_decode(once.p, once.n, &arena, &second);                    \
				assert(r == 0);                                                              \
				r = msg_##kind##_encode(&twice, &second);                                    \
				assert(r == 0 && text_equal(dynbuf_view(&once), dynbuf_view(&twice)));       \
			}                                                                                    \
		}                                                                                            \
		arena_free(&arena);                                                                          \
		dynbuf_free(&once);                                                                          \
		dynbuf_free(&twice);                                                                         \
	}

#define X(id, name) ROUND_TRIP(name)
MSG_RECORD_LIST(X)
MSG_MESSAGE_LIST(X)
#undef X

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t record;
	size_t length;
	if (msg_peek(data, size, &record, &length) < 0)
		return 0;
	assert(length >= MSG_HEADER_SIZE && length <= size);
	switch (record) {
#define X(id, name)                                                                                          \
	case MSG_##id: trip_##name(data, length); break;
		MSG_RECORD_LIST(X)
		MSG_MESSAGE_LIST(X)
#undef X
	default: break;
	}
	return 0;
}
