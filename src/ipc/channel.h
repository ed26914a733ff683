/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

/*
 * A channel: messages and records both ways over a stream socket, each way with its list of what may be said
 * (ipc/rules.h). Encoding is that of msg/msg.h; a message is taken whole or not at all. What breaks the form
 * or the list ends the channel with -EPROTO: whoever is at the other end isn't what it was.
 *
 * Owns its descriptor and two buffers. Bounds: CHANNEL_OUT_MAX bytes that the other end hasn't taken yet (at
 * it encoding fails with -ERR_LIMIT: the caller drops what can be dropped and counts it, or gives the channel
 * up), one message and a read's worth on the way in, CHANNEL_FDS_MAX descriptors that wait. Never blocks.
 */

#include <stdbool.h>

#include "base/dynbuf.h"
#include "ipc/rules.h"

enum { CHANNEL_OUT_MAX = 64 << 20, CHANNEL_FDS_MAX = 64 };

struct channel;

/* Takes over fd, also on failure, and makes it non-blocking. `in`, `out`: what may come and go. */
int channel_new(struct channel **ret_channel, int fd, enum channel_way in, enum channel_way out);
/* Closes; what wasn't written is lost. NULL is fine. */
void channel_free(struct channel *c);
int channel_fd(const struct channel *c);

/* Where to encode the next messages to (msg_NAME_encode); they go out with channel_flush. */
struct dynbuf *channel_out(struct channel *c);
/* A descriptor that goes with the message that is encoded next. It is duplicated. 0 or -errno. */
int channel_attach(struct channel *c, int fd);
/* Writes what the socket takes: 1 there is more (wait until it can be written), 0 all is out, or -errno
 * (-EPIPE: the other end is gone; -EPROTO: a message that may not be said here: our own bug). */
int channel_flush(struct channel *c);
/* Bytes that wait to go out. */
size_t channel_waiting(const struct channel *c);

/* Reads what has come, once. 1: something was; 0: nothing now; -EPIPE: the other end is gone; -errno. */
int channel_read(struct channel *c);
/*
 * The next whole message: 1, or 0 where none has come as a whole, or -EPROTO. *ret_bytes is borrowed until
 * the next channel_read or channel_next. *ret_fd (may be NULL: descriptors are closed then) is the descriptor
 * that came with it, which the caller owns, or -1.
 */
int channel_next(struct channel *c, uint16_t *ret_number, struct text *ret_bytes, int *ret_fd);

#endif
