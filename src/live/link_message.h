/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_LINK_MESSAGE_H
#define LIVE_LINK_MESSAGE_H

/*
 * What a link lets through: each message is one that its way allows (ipc/rules.h), decoded whole, looked at
 * value by value, and encoded anew, so that no byte passes that wasn't understood. Both ends of a link do so;
 * each takes the other for hostile. Pure.
 */

#include "base/arena.h"
#include "base/dynbuf.h"
#include "ipc/rules.h"
#include "live/link_clock.h"

enum {
	LINK_VERSION = 1,        /* of what is said on the connection */
	LINK_MESSAGE_MAX = 8192, /* bytes of one message on it, envelope included */
	LINK_TEXT_MAX = 1024,    /* longer texts are cut off */
};

/*
 * Appends the message in `bytes` to `out` as it may go on. `way`: CHANNEL_ENGINE_TO_ENFORCER or
 * CHANNEL_ENFORCER_TO_ENGINE. `clock`, at the near side: times are converted, to the far clock or from it;
 * NULL: they stay. 0; -EPROTO: it isn't allowed, is malformed, or a value is none; -ENOMEM or -ERR_LIMIT: of
 * `out`. The arena is the caller's, for the time of the call.
 */
int link_message_pass(struct dynbuf *out, enum channel_way way, uint16_t number, struct text bytes,
    const struct link_clock *clock, struct arena *arena);

/* Generations are told in order: a cut or a commit only after a begin. Zeroed: none was. */
struct link_telling {
	bool begun;
};
/* Whether `number` is in its place; notes it if so. Other messages are in any. */
bool link_telling_takes(struct link_telling *t, uint16_t number);

#endif
