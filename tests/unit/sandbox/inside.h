/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SANDBOX_INSIDE_H
#define TESTS_SANDBOX_INSIDE_H

/*
 * A process inside a profile, and the world around it that it may not touch: folders that the file modes
 * leave open to everybody, a packet ring, listening sockets, a sibling of the same user. As root all of it
 * stands in network and mount namespaces of its own; otherwise what needs root is left out and said so.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/sandbox.h"

enum { NOBODY = 65534, PATH = 256 };

struct world {
	bool root;
	char folder[PATH]; /* beneath it: */
	char state[PATH], archive[PATH], outside[PATH];
	char archived[PATH], secret[PATH]; /* a file in the archive, and one outside */
	char records[PATH];                /* beneath the archive: where one can be made */
	char certificate[PATH], control_path[PATH];
	uint16_t port, other_port; /* listening on 127.0.0.1; the second isn't given to anybody */
	int listening, other_listening;
	int control;    /* a listening local socket */
	int channel[2]; /* both ends */
	int ring;       /* filter-locked, on lo; -1 where not root */
	int map;        /* of BPF; -1 where there is none to be had */
	int file;       /* open for writing */
	pid_t sibling;
};

/* Made once for a test program. world_make gives false (with a reason printed) where even a part of it fails.
 */
bool world_make(struct world *w);
void world_free(struct world *w);

enum outcome { LET_THROUGH = 'A', REFUSED = 'R', DIES = 'D', TOO_LARGE = 'X', FAILED = '!' };

/* 0: let through; 1: refused. */
typedef int (*act_fn)(const struct world *w);

/* What the process of that profile is given in doc/live.md, so far as this world has it. */
struct inside {
	struct sandbox_request request;
	struct sandbox_path paths[4];
	uint16_t ports[1];
	int fds[10];
};
void inside_of(
    struct inside *in, const struct world *w, enum sandbox_profile profile, enum sandbox_level level);
/* Forks, enters, acts. *ret_result may be NULL. */
enum outcome inside_try(
    const struct inside *in, const struct world *w, act_fn act, struct sandbox_result *ret_result);

#endif
