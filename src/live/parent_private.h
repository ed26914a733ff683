/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_PARENT_PRIVATE_H
#define LIVE_PARENT_PRIVATE_H

/*
 * What the parent's files share. parent.c: beginning, loop and end; parent_conf.c: reading, and what a new
 * configuration changes; parent_child.c: starting and losing children; parent_hand.c: what each is given;
 * parent_reload.c: swapping configurations.
 */

#include <sys/types.h>

#include "base/dynbuf.h"
#include "capture/ring.h"
#include "conf/daemon.h"
#include "live/parent.h"
#include "live/peer.h"
#include "msg/process.h"

enum {
	PARENT_CHILDREN_MAX = DAEMON_SENSORS_MAX + DAEMON_ENFORCERS_MAX + 8,
	PARENT_FAILED = 4,
	PARENT_MISTAKES = 2,
};

struct parent;

struct child {
	struct parent *parent;
	enum msg_process kind;
	uint16_t index;
	pid_t pid;               /* 0: doesn't run */
	struct loop_source exit; /* its pidfd */
	struct peer peer;
	uint64_t prepared; /* the latest generation that it has ready */
	bool running;      /* a configuration is in force in it */
	bool stopping;     /* it was told to end */
	bool retired;      /* it isn't started again */
	uint32_t restarts; /* in all */
	uint32_t in_a_row; /* of them, none of which lived for long */
	int64_t started, alive;
	int64_t start_at;  /* when it is to be started again; INT64_MAX: not */
	int64_t outlet_at; /* before that it is given no other outlet */
};

/* The whole configuration, as it was read and as it is handed down. */
struct parent_conf {
	struct daemon_conf *daemon;
	struct site *site;
	int daemon_fd, site_fd; /* sealed copies; -1: there is none */
	uid_t uid;
	gid_t gid;
};

struct parent {
	const struct parent_options *options;
	struct loop *loop;
	struct peers peers;
	struct loop_source signals;
	struct parent_conf conf;
	uint64_t generation;
	struct child children[PARENT_CHILDREN_MAX];
	size_t n_children;
	struct ring_group groups[DAEMON_LINKS_MAX]
	                        [DAEMON_INTERFACES_MAX]; /* where there are several sensors */
	int ids_fd; /* the file that counts ranges of record ids; -1: nobody makes records */
	bool begun; /* all children were running once */
	bool stopping;
	int64_t stop_until; /* of the stage of stopping */
	int64_t next_word;  /* to the watchdog, and to the engine */
	int code;           /* to end with; -1: not yet */
	/* a reload that is under way */
	struct parent_conf next;
	uint64_t next_generation; /* 0: none */
	uint64_t reload_id;       /* of whoever asked through the engine; 0: a signal */
	int64_t reload_until;
	struct dynbuf reload_why;
};

/* parent_conf.c. Mistakes are told to `line`; a file of the other kind than `far` says is one. 0,
 * -ERR_INVALID (told) or -errno. */
int parent_conf_read(
    struct parent_conf *c, const char *path, bool far, site_diagnostic_fn line, void *context);
void parent_conf_free(struct parent_conf *c);
/* Whether processes of that kind must be started anew for `b` to count after `a`. */
bool parent_conf_restarts(const struct parent_conf *a, const struct parent_conf *b, enum msg_process kind);
/* Makes the folders that the configuration names, for whom the processes run as. 0 or an error that was told.
 */
int parent_conf_folders(const struct parent_conf *c);

/* parent_child.c */
/* Fills children[] as the configuration says; those that are there stay. 0 or -ERR_LIMIT. */
int parent_children(struct parent *p);
int child_start(struct child *c);
/* Tells it to end; what doesn't is killed by parent_tick_children. */
void child_stop(struct child *c);
void child_swap(struct child *c);
/* When parent_tick_children has something to do. */
int64_t parent_children_deadline(const struct parent *p);
void parent_tick_children(struct parent *p, int64_t now);
struct child *parent_find(struct parent *p, enum msg_process kind, uint16_t index);

/* parent_hand.c: what a child is given for a configuration, all of it, and then told to prepare it. */
int child_hand(struct child *c, const struct parent_conf *conf, uint64_t generation, bool start);
/* Opens an outlet of EVE JSON once more; what can't be opened is told, and left out. */
int child_hand_outlet(struct child *c, unsigned index);
/* Joins it with each of its peers that runs. */
int child_join(struct child *c);

/* parent_reload.c */
void parent_reload(struct parent *p, uint64_t id);
/* A child has answered, or is gone, or time is over. */
void parent_reload_look(struct parent *p, int64_t now);
void parent_reload_failed(struct parent *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes a fresh range of record ids from the file. 0: none could be had (told). */
uint64_t parent_take_ids(struct parent *p);
/* systemd's notification protocol (sd_notify(3)); nothing where nobody listens. */
void parent_notify(const char *state);

#endif
