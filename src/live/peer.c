/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/peer.h"

#include <errno.h>
#include <sys/epoll.h>

/* Turns of reading at one go: others want to be heard too. */
enum { READS_A_TURN = 8 };

static void peer_over(struct peer *p, int error)
{
	peer_close(p);
	if (p->gone)
		p->gone(p->context, error);
}

static uint32_t wanted(const struct peer *p)
{
	return (p->paused ? 0 : EPOLLIN) | (channel_waiting(p->channel) ? EPOLLOUT : 0);
}

void peer_flush(struct peer *p)
{
	if (!p->channel)
		return;
	int r = channel_waiting(p->channel) ? channel_flush(p->channel) : 0;
	if (r < 0)
		peer_over(p, r);
	else
		loop_change(p->peers->loop, &p->source, wanted(p));
}

void peer_pause(struct peer *p, bool pause)
{
	p->paused = pause;
	if (p->channel)
		loop_change(p->peers->loop, &p->source, wanted(p));
}

static int take(struct peer *p)
{
	uint16_t number;
	struct text bytes;
	int r = 0;
	while (p->channel && (r = channel_next(p->channel, &number, &bytes, NULL)) > 0) {
		r = p->message(p->context, number, bytes);
		if (r < 0)
			return r;
	}
	return r;
}

static void ready(void *context, uint32_t events)
{
	struct peer *p = context;
	int r = 1;
	if (events & EPOLLOUT)
		peer_flush(p);
	for (int i = 0; i < READS_A_TURN && r > 0 && p->channel && !p->paused; i++) {
		r = channel_read(p->channel);
		if (r >= 0) {
			int taken = take(p);
			r = taken < 0 ? taken : r;
		}
	}
	if (r < 0 && p->channel)
		peer_over(p, r);
	/* while nothing is read, an end that is gone must not wake us for ever */
	if (p->channel && p->paused && (events & (EPOLLHUP | EPOLLERR)))
		peer_over(p, -EPIPE);
}

void peer_drain(struct peer *p)
{
	int r = 1;
	while (r > 0 && p->channel && !p->paused) {
		r = channel_read(p->channel);
		if (r > 0 && take(p) < 0)
			return;
	}
}

int peer_open(struct peer *p, struct peers *peers, struct channel *c)
{
	peer_close(p);
	p->peers = peers;
	p->paused = false;
	p->source = (struct loop_source){.fd = channel_fd(c), .ready = ready, .context = p};
	int error = loop_add(peers->loop, &p->source, EPOLLIN);
	if (error < 0) {
		channel_free(c);
		return error;
	}
	p->channel = c;
	p->next = peers->first;
	peers->first = p;
	peers->changes++;
	return 0;
}

void peer_close(struct peer *p)
{
	if (!p->channel)
		return;
	loop_remove(p->peers->loop, &p->source);
	channel_free(p->channel);
	p->channel = NULL;
	p->peers->changes++;
	for (struct peer **at = &p->peers->first; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
}

void peers_flush(struct peers *peers)
{
	struct peer *p = peers->first;
	while (p) {
		uint64_t changes = peers->changes;
		if (channel_waiting(p->channel) && !(p->source.events & EPOLLOUT))
			peer_flush(p);
		p = peers->changes == changes ? p->next : peers->first;
	}
}

struct dynbuf *peer_out(struct peer *p)
{
	return p->channel ? channel_out(p->channel) : NULL;
}
