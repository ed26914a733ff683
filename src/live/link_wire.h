/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_LINK_WIRE_H
#define LIVE_LINK_WIRE_H

/*
 * One TLS connection of a link as a source of the loop: connects or is connected, shakes hands, then carries
 * whole messages both ways. What they may be is the owner's to say; the wire knows their envelope.
 *
 * Bounds: a message of LINK_MESSAGE_MAX and a record of TLS on the way in, LINK_WIRE_OUT_MAX bytes on the way
 * out. The owner ends what is silent or stuck: the wire only notes when it heard and when it got rid of
 * something. It may be closed, not opened, from within its callbacks. The process ignores SIGPIPE.
 */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/dynbuf.h"
#include "ipc/loop.h"
#include "live/link_tls.h"

enum {
	LINK_WIRE_OUT_MAX = 4 << 20,
	LINK_WIRE_HIGH = 1 << 20, /* what waits to go out, above which the owner reads no more elsewhere, */
	LINK_WIRE_LOW = 1 << 18,  /* and below which he does again */
	LINK_WHY_SIZE = 256,
};

enum link_wire_state { LINK_WIRE_CLOSED, LINK_WIRE_CONNECTING, LINK_WIRE_SHAKING, LINK_WIRE_OPEN };

struct link_wire {
	/* the owner's; set before it is opened */
	void (*ready)(void *context); /* the other end is who it should be */
	/* A whole message, borrowed. Negative: it makes no sense, and the connection is over. */
	int (*message)(void *context, uint16_t number, struct text bytes);
	/* It is over, and closed already. Not called for link_wire_close. */
	void (*gone)(void *context, const char *why);
	void *context;
	/* to be read */
	enum link_wire_state state;
	int64_t began; /* when it was opened */
	int64_t heard; /* the last whole message; a connection that isn't read has heard when it was last
	                  paused */
	int64_t moved; /* the last time that something went out, or that nothing waited */
	bool paused;
	/* its own */
	struct loop *loop;
	struct loop_source source;
	SSL *tls;
	struct dynbuf in, out;
	size_t out_at;
};

/* Takes over fd, also on failure: connected, or connecting where it `dials`. 0 or -errno. */
int link_wire_open(struct link_wire *w, struct loop *loop, int fd, SSL_CTX *context, bool dials,
    const char *const *names, size_t n_names);
/* What was encoded is written as far as the socket takes it; the rest is lost. Nothing where it is closed. */
void link_wire_close(struct link_wire *w);
/* Also frees what it holds. */
void link_wire_free(struct link_wire *w);
/* Ends it as if by the other end: closes, and calls `gone`. */
void link_wire_end(struct link_wire *w, const char *why);
/* Where to encode to; NULL where it isn't open. */
struct dynbuf *link_wire_out(struct link_wire *w);
void link_wire_flush(struct link_wire *w);
size_t link_wire_waiting(const struct link_wire *w);
/* Stops or goes on reading. */
void link_wire_pause(struct link_wire *w, bool pause);

#endif
