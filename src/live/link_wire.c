/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/link_wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/err.h"
#include "live/link_message.h"
#include "msg/msg.h"

enum {
	/* Records at one go: others want to be heard too. A read takes a whole record, so that none is left
	 * where epoll doesn't see it. */
	READS_A_TURN = 32,
	READ_SIZE = SSL3_RT_MAX_PLAIN_LENGTH,
};

static void on_ready(void *context, uint32_t events);

int link_wire_open(struct link_wire *w, struct loop *loop, int fd, SSL_CTX *context, bool dials,
    const char *const *names, size_t n_names)
{
	SSL *tls = link_tls_new(context, fd, dials, names, n_names);
	w->source = (struct loop_source){.fd = fd, .ready = on_ready, .context = w};
	int r = tls ? loop_add(loop, &w->source, dials ? EPOLLOUT : EPOLLIN) : -ENOMEM;
	if (r < 0) {
		SSL_free(tls);
		close(fd);
		return r;
	}
	w->loop = loop;
	w->tls = tls;
	w->state = dials ? LINK_WIRE_CONNECTING : LINK_WIRE_SHAKING;
	w->began = w->heard = w->moved = loop_now();
	w->paused = false;
	dynbuf_reset(&w->in);
	dynbuf_reset(&w->out);
	w->in.max = LINK_MESSAGE_MAX + READ_SIZE;
	w->out.max = LINK_WIRE_OUT_MAX;
	w->out_at = 0;
	return 0;
}

void link_wire_close(struct link_wire *w)
{
	if (w->state == LINK_WIRE_CLOSED)
		return;
	if (w->state == LINK_WIRE_OPEN) {
		if (w->out.n > w->out_at)
			(void)SSL_write(w->tls, w->out.p + w->out_at, (int)(w->out.n - w->out_at));
		(void)SSL_shutdown(w->tls);
		ERR_clear_error();
	}
	w->state = LINK_WIRE_CLOSED;
	loop_remove(w->loop, &w->source);
	SSL_free(w->tls);
	w->tls = NULL;
	close(w->source.fd);
}

void link_wire_free(struct link_wire *w)
{
	link_wire_close(w);
	dynbuf_free(&w->in);
	dynbuf_free(&w->out);
}

void link_wire_end(struct link_wire *w, const char *why)
{
	link_wire_close(w);
	w->gone(w->context, why);
}

/* An operation of TLS failed or waits. Whether it waits; otherwise the wire is over. */
static bool waits(struct link_wire *w, int result, uint32_t *wanted)
{
	char why[LINK_WHY_SIZE];
	int error = SSL_get_error(w->tls, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		*wanted = error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT;
		return true;
	}
	link_tls_why(w->tls, result, why, sizeof(why));
	/* after such an error there is nothing more to be said on it (SSL_get_error(3)) */
	w->state = w->state == LINK_WIRE_OPEN ? LINK_WIRE_SHAKING : w->state;
	link_wire_end(w, why);
	return false;
}

static void wait_for(struct link_wire *w, uint32_t events)
{
	loop_change(w->loop, &w->source, events);
}

static uint32_t wanted(const struct link_wire *w)
{
	return (w->paused ? 0 : EPOLLIN) | (link_wire_waiting(w) ? EPOLLOUT : 0);
}

static bool connected(struct link_wire *w)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(w->source.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		link_wire_end(w, err_text(-error));
		return false;
	}
	w->state = LINK_WIRE_SHAKING;
	return true;
}

static void shake(struct link_wire *w)
{
	uint32_t events = EPOLLIN;
	ERR_clear_error();
	errno = 0;
	int r = SSL_do_handshake(w->tls);
	if (r != 1) {
		if (waits(w, r, &events))
			wait_for(w, events);
		return;
	}
	w->state = LINK_WIRE_OPEN;
	w->heard = w->moved = loop_now();
	wait_for(w, wanted(w));
	w->ready(w->context);
}

size_t link_wire_waiting(const struct link_wire *w)
{
	return w->state == LINK_WIRE_OPEN ? w->out.n - w->out_at : 0;
}

void link_wire_flush(struct link_wire *w)
{
	uint32_t events;
	while (link_wire_waiting(w)) {
		size_t n = w->out.n - w->out_at;
		ERR_clear_error();
		errno = 0;
		int r = SSL_write(w->tls, w->out.p + w->out_at, n < READ_SIZE ? (int)n : READ_SIZE);
		if (r <= 0) {
			if (!waits(w, r, &events))
				return;
			wait_for(w, wanted(w));
			return;
		}
		w->out_at += (size_t)r;
		w->moved = loop_now();
		if (w->out_at >= LINK_WIRE_LOW) {
			dynbuf_drop_front(&w->out, w->out_at);
			w->out_at = 0;
		}
	}
	if (w->state != LINK_WIRE_OPEN)
		return;
	w->moved = loop_now();
	dynbuf_reset(&w->out);
	w->out_at = 0;
	wait_for(w, wanted(w));
}

/* The first message's number and length: 1; 0 where it hasn't come as a whole, -EPROTO where it never may. */
static int length_of(const uint8_t *p, size_t n, uint16_t *ret_number, size_t *ret_length)
{
	int r = msg_peek(p, n, ret_number, ret_length);
	/* what is too long isn't waited for */
	bool envelope = n >= MSG_HEADER_SIZE;
	if (envelope && load_le32(p + sizeof(uint16_t)) > LINK_MESSAGE_MAX - MSG_HEADER_SIZE)
		return -EPROTO;
	return r == -ERR_TRUNCATED ? 0 : r < 0 ? -EPROTO : 1;
}

/* Hands over what has come as a whole. False: the wire is over. */
static bool take(struct link_wire *w)
{
	uint16_t number;
	size_t length, at = 0;
	int r = 1;
	while (r > 0 && w->state == LINK_WIRE_OPEN) {
		r = length_of(w->in.p + at, w->in.n - at, &number, &length);
		if (r <= 0)
			break;
		int taken = w->message(w->context, number, text_bytes(w->in.p + at, length));
		r = taken < 0 ? taken : 1;
		w->heard = loop_now();
		at += length;
	}
	if (w->state != LINK_WIRE_OPEN)
		return false;
	if (r < 0) {
		link_wire_end(w, r == -EPROTO ? "it said what it may not" : err_text(r));
		return false;
	}
	dynbuf_drop_front(&w->in, at);
	return true;
}

static void read_some(struct link_wire *w)
{
	uint32_t events = EPOLLIN;
	for (int i = 0; i < READS_A_TURN && !w->paused; i++) {
		size_t had = w->in.n;
		uint8_t *p = dynbuf_grow(&w->in, READ_SIZE);
		if (!p) {
			link_wire_end(w, err_text(w->in.error));
			return;
		}
		ERR_clear_error();
		errno = 0;
		int r = SSL_read(w->tls, p, READ_SIZE);
		w->in.n = had + (r > 0 ? (size_t)r : 0);
		if (r <= 0) {
			if (waits(w, r, &events))
				wait_for(w, wanted(w) | events);
			return;
		}
		if (!take(w))
			return;
	}
}

static void on_ready(void *context, uint32_t events)
{
	struct link_wire *w = context;
	if (w->state == LINK_WIRE_CONNECTING && !connected(w))
		return;
	if (w->state == LINK_WIRE_SHAKING) {
		shake(w);
		return;
	}
	if (events & EPOLLOUT)
		link_wire_flush(w);
	if (w->state != LINK_WIRE_OPEN)
		return;
	/* while nothing is read, an end that is gone must not wake us for ever */
	if (w->paused && events & (EPOLLHUP | EPOLLERR))
		link_wire_end(w, "the other end closed the connection");
	else if (!w->paused)
		read_some(w);
}

struct dynbuf *link_wire_out(struct link_wire *w)
{
	return w->state == LINK_WIRE_OPEN ? &w->out : NULL;
}

void link_wire_pause(struct link_wire *w, bool pause)
{
	if (w->paused == pause)
		return;
	w->paused = pause;
	w->heard = loop_now();
	if (w->state == LINK_WIRE_OPEN)
		wait_for(w, wanted(w));
}
