/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_PEER_H
#define LIVE_PEER_H

/*
 * A channel to a peer, as a source of the loop: reads, hands messages over, writes when it can. What was
 * encoded goes out at the end of the turn (peers_flush), or at once (peer_flush). A peer may be opened and
 * closed from within any callback.
 */

#include "ipc/channel.h"
#include "ipc/loop.h"

struct peer;

/* All peers of a process that are open. */
struct peers {
	struct loop *loop;
	struct peer *first;
	uint64_t changes; /* openings and closings: a walk over the list begins anew after one */
};

struct peer {
	struct channel *channel; /* NULL: not there, or over */
	/* A whole message; bytes are borrowed. Negative: it makes no sense, and the channel is over. */
	int (*message)(void *context, uint16_t number, struct text bytes);
	/* The peer is gone, or said what it may not; a new channel may come. May be NULL. */
	void (*gone)(void *context, int error);
	void *context;
	bool paused; /* nothing is read while it is set (peer_pause) */
	/* its own */
	struct peers *peers;
	struct loop_source source;
	struct peer *next;
};

/* Takes the channel over, in place of the one before. */
int peer_open(struct peer *p, struct peers *peers, struct channel *c);
void peer_close(struct peer *p);
/* Takes what the other end had written before it ended: to be called before another channel takes its place.
 * While it is paused nothing is. */
void peer_drain(struct peer *p);
void peer_flush(struct peer *p);
void peers_flush(struct peers *peers);
/* Stops or goes on reading: how a process keeps its peers from filling it. */
void peer_pause(struct peer *p, bool pause);
/* Where to encode to; NULL where the peer isn't there. */
struct dynbuf *peer_out(struct peer *p);

#endif
