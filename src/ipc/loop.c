/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"

enum { EVENTS_MAX = 64 };

struct loop {
	int fd;
	struct epoll_event ready[EVENTS_MAX]; /* of the wait that is being worked off */
	int n_ready;
};

int loop_new(struct loop **ret_loop)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0) {
		int error = -errno;
		free(l);
		return error;
	}
	*ret_loop = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

static int control(struct loop *l, int what, struct loop_source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};
	if (epoll_ctl(l->fd, what, s->fd, &e) < 0)
		return -errno;
	s->events = events;
	return 0;
}

int loop_add(struct loop *l, struct loop_source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, s, events);
}

int loop_change(struct loop *l, struct loop_source *s, uint32_t events)
{
	return events == s->events ? 0 : control(l, EPOLL_CTL_MOD, s, events);
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	epoll_ctl(l->fd, EPOLL_CTL_DEL, s->fd, NULL);
	for (int i = 0; i < l->n_ready; i++)
		if (l->ready[i].data.ptr == s)
			l->ready[i].data.ptr = NULL;
}

int64_t loop_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int loop_wait(struct loop *l, int64_t deadline)
{
	struct timespec wait, *until = NULL;
	if (deadline != INT64_MAX) {
		int64_t ns = deadline - loop_now();
		ns = ns < 0 ? 0 : ns;
		wait = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
		until = &wait;
	}
	int n = epoll_pwait2(l->fd, l->ready, EVENTS_MAX, until, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->n_ready = n;
	for (int i = 0; i < l->n_ready; i++) {
		const struct loop_source *s = l->ready[i].data.ptr;
		if (s)
			s->ready(s->context, l->ready[i].events);
	}
	l->n_ready = 0;
	return 0;
}
