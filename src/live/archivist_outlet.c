/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/archivist_outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"

#define RETRY_NS     NS_PER_S        /* a full disk */
#define BUSY_NS      (NS_PER_S / 10) /* a pipe that is full */
#define PAUSE_MIN_NS NS_PER_S
#define PAUSE_MAX_NS (60 * NS_PER_S)
#define STEADY_NS    (10 * NS_PER_S)

enum { TURN_BYTES = 1 << 20, COMPACT_BYTES = 1 << 20 };

void outlet_init(struct outlet *o, struct loop *loop, bool socket, const char *name)
{
	*o = (struct outlet){.loop = loop,
	    .source = {.fd = -1},
	    .socket = socket,
	    .name = name,
	    .queue = {.max = OUTLET_ROOM},
	    .retry_at = INT64_MAX,
	    .ask_at = INT64_MAX,
	    .pause = PAUSE_MIN_NS};
}

/* Where the line begins of which a part is written. */
static size_t line_start(const struct outlet *o)
{
	const uint8_t *newline = o->at ? memrchr(o->queue.p, '\n', o->at) : NULL;
	return newline ? (size_t)(newline - o->queue.p) + 1 : 0;
}

/* Forgets what went out as whole lines. */
static void drop_written(struct outlet *o)
{
	size_t start = line_start(o);
	dynbuf_drop_front(&o->queue, start);
	o->at -= start;
}

static void close_outlet(struct outlet *o)
{
	if (o->source.fd < 0)
		return;
	if (o->socket)
		loop_remove(o->loop, &o->source);
	close(o->source.fd);
	o->source.fd = -1;
	/* what the next descriptor gets begins with a whole line */
	drop_written(o);
	o->at = 0;
}

void outlet_free(struct outlet *o)
{
	close_outlet(o);
	dynbuf_free(&o->queue);
}

static void ask_later(struct outlet *o, int64_t now)
{
	o->ask_at = now + o->pause;
	o->pause = o->pause * 2 < PAUSE_MAX_NS ? o->pause * 2 : PAUSE_MAX_NS;
}

static void over(struct outlet *o, int error, int64_t now)
{
	if (now - o->opened >= STEADY_NS)
		o->pause = PAUSE_MIN_NS;
	if (!o->failing)
		log_warning("EVE JSON: nobody reads at %s any more (%s); lines wait, as far as there is room",
		    o->name, err_text(error));
	o->failing = true;
	close_outlet(o);
	ask_later(o, now);
}

static void ready(void *context, uint32_t events)
{
	struct outlet *o = context;
	if (events & (EPOLLHUP | EPOLLERR))
		over(o, -EPIPE, loop_now());
	else
		outlet_flush(o, loop_now());
}

void outlet_open(struct outlet *o, int fd, int64_t now)
{
	close_outlet(o);
	o->source = (struct loop_source){.fd = fd, .ready = ready, .context = o};
	if (o->socket && loop_add(o->loop, &o->source, 0) < 0) {
		close(fd);
		o->source.fd = -1;
		ask_later(o, now);
		return;
	}
	o->opened = now;
	o->ask_at = o->retry_at = INT64_MAX;
	if (o->failing)
		log_info("EVE JSON: %s is written to again", o->name);
	o->failing = false;
}

bool outlet_put(struct outlet *o, struct text line)
{
	if (o->queue.n + line.n + 1 > OUTLET_ROOM && o->at)
		drop_written(o);
	if (o->queue.n + line.n + 1 > OUTLET_ROOM) {
		o->lost++;
		return false;
	}
	size_t had = o->queue.n;
	dynbuf_text(&o->queue, line);
	dynbuf_u8(&o->queue, '\n');
	if (o->queue.error) {
		o->queue.error = 0;
		o->queue.n = had;
		o->lost++;
		return false;
	}
	o->lines++;
	return true;
}

static void put_off(struct outlet *o, int error, int64_t now)
{
	if (error == -EAGAIN && o->socket) {
		o->retry_at = INT64_MAX;
		if (loop_change(o->loop, &o->source, EPOLLOUT) < 0)
			over(o, -EIO, now);
		return;
	}
	if (error == -EAGAIN) {
		o->retry_at = now + BUSY_NS;
		return;
	}
	if (o->socket || error == -EPIPE) {
		over(o, error, now);
		return;
	}
	if (!o->failing)
		log_error("EVE JSON: %s can't be written to (%s); lines wait, as far as there is room",
		    o->name, err_text(error));
	o->failing = true;
	o->retry_at = now + RETRY_NS;
}

static ssize_t write_some(const struct outlet *o, size_t n)
{
	const uint8_t *p = o->queue.p + o->at;
	ssize_t sent = o->socket ? send(o->source.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT)
	                         : write(o->source.fd, p, n);
	return sent < 0 ? -errno : sent;
}

void outlet_flush(struct outlet *o, int64_t now)
{
	bool waits = !o->socket && o->retry_at != INT64_MAX && now < o->retry_at;
	size_t turn = 0;
	if (o->source.fd < 0 || waits)
		return;
	while (o->at < o->queue.n && turn < TURN_BYTES) {
		size_t n = o->queue.n - o->at < TURN_BYTES ? o->queue.n - o->at : TURN_BYTES;
		ssize_t sent = write_some(o, n);
		if (sent == -EINTR)
			continue;
		if (sent < 0) {
			put_off(o, (int)sent, now);
			break;
		}
		o->at += (size_t)sent;
		turn += (size_t)sent;
		if (o->failing)
			log_info("EVE JSON: %s is written to again", o->name);
		o->failing = false;
		o->retry_at = INT64_MAX;
	}
	if (o->at == o->queue.n || o->at > COMPACT_BYTES)
		drop_written(o);
	if (o->source.fd >= 0 && o->socket && o->queue.n == o->at)
		loop_change(o->loop, &o->source, 0);
}

int64_t outlet_deadline(const struct outlet *o)
{
	if (o->source.fd < 0)
		return o->ask_at;
	if (o->at == o->queue.n)
		return INT64_MAX;
	if (o->socket)
		return o->source.events & EPOLLOUT ? INT64_MAX : 0;
	return o->retry_at == INT64_MAX ? 0 : o->retry_at;
}

bool outlet_asks(struct outlet *o, int64_t now)
{
	if (o->source.fd >= 0 || now < o->ask_at)
		return false;
	ask_later(o, now);
	return true;
}
