/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IPC_LOOP_H
#define IPC_LOOP_H

/*
 * The one loop of a process: waits for descriptors (epoll) until a deadline. Sources belong to their owners;
 * the loop holds pointers to them until they are removed. A source may be removed, and its memory freed, from
 * within any callback. Times are CLOCK_BOOTTIME nanoseconds: no one sets that clock.
 */

#include <stdbool.h>
#include <stdint.h>

/* EPOLLIN, EPOLLOUT ... for what happened and what is waited for. */
struct loop_source {
	int fd;
	void (*ready)(void *context, uint32_t events);
	void *context;
	uint32_t events; /* what is waited for now; set by loop_add and loop_change */
};

struct loop;

int loop_new(struct loop **ret_loop);
void loop_free(struct loop *l);
int loop_add(struct loop *l, struct loop_source *s, uint32_t events);
/* Nothing is done where nothing changes. */
int loop_change(struct loop *l, struct loop_source *s, uint32_t events);
/* Before the descriptor is closed. */
void loop_remove(struct loop *l, struct loop_source *s);
/* Waits until something is ready or `deadline` (INT64_MAX: none), and calls what is ready. 0 or -errno. */
int loop_wait(struct loop *l, int64_t deadline);
/* Now. */
int64_t loop_now(void);

#endif
