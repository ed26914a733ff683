/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/sensor_rings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "sandbox/sandbox.h"

enum {
	OFTEN = 20,    /* wakes a window: from then on frames are fetched */
	FEW = 4,       /* frames a turn: it isn't worth it any more ... */
	FEW_TURNS = 3, /* ... after so many of them */
};
#define WINDOW_NS NS_PER_MS

void sensor_rings_begin(struct sensor_rings *r)
{
	*r = (struct sensor_rings){.pace_at = INT64_MAX};
}

void sensor_rings_end(struct sensor_rings *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->loop)
			loop_remove(r->loop, &r->v[i].source);
		if (!r->v[i].ring && r->v[i].source.fd >= 0)
			close(r->v[i].source.fd);
	}
	ring_set_free(r->set);
}

int sensor_rings_keep(struct sensor_rings *r, const struct msg_handed *h, int fd)
{
	char *text = h->index < DAEMON_LINKS_MAX ? r->interfaces[h->index] : NULL;
	if (!text || r->n == RINGS_MAX) {
		close(fd);
		return -ERR_LIMIT;
	}
	size_t n = strlen(text);
	snprintf(text + n, SENSOR_INTERFACES_TEXT - n, "%s%.*s", n ? " " : "",
	    (int)(h->name.n < 64 ? h->name.n : 64), h->name.p);
	/* numbered where the sandbox lets nothing be sent */
	int error = sandbox_ring_number(&fd);
	if (error < 0) {
		close(fd);
		return error;
	}
	r->v[r->n++] = (struct sensor_ring){.source = {.fd = fd}, .link = h->index};
	return 0;
}

int sensor_rings_map(struct sensor_rings *r, const struct daemon_conf *conf)
{
	int error = ring_set_new(&r->set);
	for (size_t i = 0; i < r->n && error == 0; i++) {
		struct sensor_ring *v = &r->v[i];
		int fd = v->source.fd;
		v->source.fd = -1;
		error = ring_attach(&v->ring, fd, conf->sensor.ring_mib, v->link);
		if (error == 0)
			error = ring_set_add(r->set, v->ring);
		if (error == 0)
			v->source.fd = ring_fd(v->ring);
	}
	return error;
}

int sensor_rings_listen(
    struct sensor_rings *r, struct loop *loop, void (*ready)(void *context, uint32_t events), void *context)
{
	int error = 0;
	r->loop = loop;
	for (size_t i = 0; i < r->n && error == 0; i++) {
		r->v[i].source.ready = ready;
		r->v[i].source.context = context;
		error = loop_add(loop, &r->v[i].source, EPOLLIN);
	}
	return error;
}

static void listen_to_all(struct sensor_rings *r, bool listen)
{
	for (size_t i = 0; r->loop && i < r->n; i++)
		loop_change(r->loop, &r->v[i].source, listen ? EPOLLIN : 0);
}

void sensor_rings_hold(struct sensor_rings *r, bool hold)
{
	r->held = hold;
	listen_to_all(r, !hold && r->pace_at == INT64_MAX);
}

static void begin_pace(struct sensor_rings *r, int64_t at)
{
	r->pace_at = at;
	r->wakes = 0;
	listen_to_all(r, at == INT64_MAX && !r->held);
}

void sensor_rings_pace(struct sensor_rings *r, size_t frames, bool all, int64_t now)
{
	if (r->pace_at != INT64_MAX) {
		r->wakes = frames < FEW ? r->wakes + 1 : 0;
		r->pace_at = all ? now + SENSOR_PACE_NS : now;
		if (r->wakes >= FEW_TURNS)
			begin_pace(r, INT64_MAX);
		return;
	}
	if (now - r->window > WINDOW_NS) {
		r->window = now;
		r->wakes = 0;
	}
	if (++r->wakes >= OFTEN)
		begin_pace(r, now + SENSOR_PACE_NS);
}

void sensor_rings_want_outgoing(struct sensor_rings *r, const struct daemon_conf *conf, bool wanted)
{
	if (wanted == r->outgoing)
		return;
	r->outgoing = wanted;
	for (size_t i = 0; i < r->n; i++)
		if (conf->links[r->v[i].link].place == DAEMON_PLACE_GATEWAY)
			ring_watch_outgoing(r->v[i].ring, wanted);
}

uint64_t sensor_rings_lost(struct sensor_rings *r, size_t i)
{
	struct ring_stats stats;
	struct sensor_ring *v = &r->v[i];
	if (ring_get_stats(v->ring, &stats) < 0)
		return 0;
	uint64_t dropped = stats.drops + stats.broken, lost = dropped > v->dropped ? dropped - v->dropped : 0;
	v->dropped = dropped;
	return lost;
}
