/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_PROCESS_H
#define LIVE_PROCESS_H

/*
 * What every child of `bulkhead run` is (doc/live.md): a loop, a channel to the parent that hands everything
 * down, channels to peers, and a configuration that is prepared and then swapped in whole. It is told by its
 * name what it is, gives up what it doesn't need before it reads a byte that isn't the parent's, and from
 * then on does what its operations say.
 *
 * One thread, one process, one of these. Functions return 0 or a negative error.
 */

#include "base/dynbuf.h"
#include "conf/daemon.h"
#include "live/peer.h"
#include "msg/process.h"
#include "sandbox/sandbox.h"

enum { PROCESS_CHANNEL_FD = 3 }; /* where a child finds its channel to the parent */

struct process;

/* What came down with a configuration; descriptors are the callee's, texts are borrowed for the call. */
struct process_configuration {
	uint64_t generation;
	const struct daemon_conf *conf; /* theirs until the next swap, or the discard */
	const struct site *site;
};

struct process_ops {
	enum msg_process kind;
	enum sandbox_profile profile;
	/* A descriptor that came down, of those that the process itself doesn't take; it is the callee's. */
	int (*handed)(void *self, const struct msg_handed *h, int fd);
	/* A channel to a peer, which is the callee's; one to the same peer before it is over. */
	int (*met)(void *self, unsigned peer, uint16_t index, struct channel *c);
	/* What takes a right that the process then gives up: called once, with the first configuration,
	 * before its doors are shut. NULL: there is no such thing. A failure says why in lines. */
	int (*open)(void *self, const struct process_configuration *c, struct dynbuf *why);
	/* Makes ready what a configuration needs, beside the one in force. A failure says why in lines. */
	int (*prepare)(void *self, const struct process_configuration *c, struct dynbuf *why);
	/* What was prepared counts from now on; the first time: begin. Can't fail. */
	void (*swap)(void *self);
	/* What was prepared is given up. NULL: there is nothing to give up. */
	void (*discard)(void *self);
	/* A message of the parent that isn't the process's own (MSG_ALIVE, MSG_RELOAD, MSG_MEMBER). May be
	 * NULL. */
	void (*told)(void *self, uint16_t number, struct text bytes);
	/* When tick wants to be called; INT64_MAX: not before something happens. */
	int64_t (*deadline)(void *self);
	void (*tick)(void *self, int64_t now);
	/* Finish: true when all is done, false to be asked again after the next tick. */
	bool (*stop)(void *self);
	void (*free)(void *self);
};

struct process {
	const struct process_ops *ops;
	void *self;
	uint16_t index;
	struct loop *loop;
	struct peers peers;
	uint64_t seed;
	struct peer parent;
	struct peer *engine; /* the one peer that most have; NULL: none is needed */
	int64_t orphan_at;   /* without it for so long the process ends, to be started anew; INT64_MAX: it is
	                        there */
	/* in force, and prepared */
	struct daemon_conf *conf, *next_conf;
	struct site *site, *next_site;
	uint64_t generation, next_generation;
	int daemon_file, site_file; /* handed for the next configuration; -1: none */
	char daemon_path[4096], site_path[4096];
	uint64_t ids, ids_left, next_ids; /* record ids; next_ids: a range that waits, 0: none */
	bool ids_asked;
	bool entered; /* the sandbox */
	bool running; /* the first configuration is in force */
	bool stopping;
	int64_t stop_until; /* then it ends, done or not; 0: it hasn't begun to stop */
	int64_t next_alive;
	int error; /* that ends it */
};

/* The next record id, never 0 (msg/process.h, MSG_IDS). */
uint64_t process_next_id(struct process *p);
/* Ends the process with an error that was logged. */
void process_fail(struct process *p, int error);
/* Runs until it is told to stop. Returns an exit code. `self` is made by `start`, which gets the process. */
int process_run(
    const struct process_ops *ops, uint16_t index, int (*start)(struct process *p, void **ret_self));

/* The processes: each file makes its own. */
int sensor_process(uint16_t index);
int engine_process(uint16_t index);
int archivist_process(uint16_t index);
int planner_process(uint16_t index);
int enforcer_process(uint16_t index);
int gateway_process(uint16_t index);
int courier_process(uint16_t index);
int link_process(uint16_t index);

#endif
