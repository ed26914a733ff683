/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ARCHIVIST_OUTLET_H
#define LIVE_ARCHIVIST_OUTLET_H

/*
 * Where lines go: a file or a connected stream socket that the parent opened. Never blocks and never fails
 * for its user: what the far side doesn't take waits, up to OUTLET_ROOM bytes; beyond that lines are dropped
 * whole, and counted. A line goes out whole or not at all: one that was half written when its descriptor was
 * over begins anew at the next.
 */

#include "base/dynbuf.h"
#include "ipc/loop.h"

enum { OUTLET_ROOM = 4 << 20 };

struct outlet {
	struct loop *loop;
	struct loop_source source; /* fd -1: none */
	bool socket;               /* else a file */
	bool failing;
	const char *name; /* for the log */
	struct dynbuf queue;
	size_t at;        /* of the queue: written */
	int64_t opened;   /* when the descriptor came */
	int64_t retry_at; /* when writing is tried again; INT64_MAX: as soon as there is something */
	int64_t ask_at;   /* when another descriptor is to be asked for; INT64_MAX: not */
	int64_t pause;    /* before that */
	uint64_t lines, lost;
};

void outlet_init(struct outlet *o, struct loop *loop, bool socket, const char *name);
/* Closes. What was not written is lost, as counted. */
void outlet_free(struct outlet *o);
/* Takes the descriptor over, in place of the one before. */
void outlet_open(struct outlet *o, int fd, int64_t now);
/* A line without its newline; false: it was dropped. */
bool outlet_put(struct outlet *o, struct text line);
/* Writes what can be written, at most about a mebibyte. */
void outlet_flush(struct outlet *o, int64_t now);
/* When outlet_flush has something to do again. */
int64_t outlet_deadline(const struct outlet *o);
/* Whether a new descriptor is to be asked for now; the next time it says so is later. */
bool outlet_asks(struct outlet *o, int64_t now);

#endif
