/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A process that was taken over writes what it likes into its channel: each way gives whole messages that may
 * be said there, which the decoders then take or refuse, or ends. */

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "msg/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(uint16_t number, struct text bytes)
{
	struct arena arena = {0};
	switch ((enum msg_message)number) {
#define X(id, name)                                                                                          \
	case MSG_##id: {                                                                                     \
		struct msg_##name m;                                                                         \
		msg_##name##_decode(bytes.p, bytes.n, &arena, &m);                                           \
		break;                                                                                       \
	}
		MSG_MESSAGE_LIST(X)
#undef X
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], fd;
	struct channel *c;
	uint16_t number;
	struct text bytes;
	if (size == 0 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	enum channel_way way = (enum channel_way)(data[0] % CHANNEL_WAYS);
	int r = channel_new(&c, pair[0], way, CHANNEL_ENGINE_TO_SENSOR);
	if (r < 0) {
		close(pair[1]);
		return 0;
	}
	ssize_t sent = send(pair[1], data + 1, size - 1, MSG_DONTWAIT);
	close(pair[1]);
	while (sent >= 0 && channel_read(c) > 0)
		while ((r = channel_next(c, &number, &bytes, &fd)) > 0) {
			assert(channel_way_allows(way, number));
			decode(number, bytes);
		}
	channel_free(c);
	return 0;
}
