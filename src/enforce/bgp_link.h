/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_LINK_H
#define ENFORCE_BGP_LINK_H

/*
 * The connection to the router, and the descriptor that the process waits for: an epoll(7) of its own, so
 * that it stays the same while connections come and go, and is readable too when one of them can be written
 * to again, or when somebody has rung. No time and no BGP. Nothing blocks. Errors: -errno.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/addr.h"

struct bgp_link {
	int poll, bell, socket; /* -1: none */
	bool wishes;            /* to write */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer, local;
	bool has_local;
};

/* local: none for as the system chooses. Freed after a failure too. */
int bgp_link_begin(struct bgp_link *l, struct net_addr peer, uint16_t port, struct net_addr local);
void bgp_link_free(struct bgp_link *l);

/* Begins to connect. */
int bgp_link_open(struct bgp_link *l);
bool bgp_link_is_open(const struct bgp_link *l);
/* 0: it is connected; -EINPROGRESS; or why it can't be. */
int bgp_link_connected(const struct bgp_link *l);
/* At most `size` bytes; *ret_n 0: the other side has closed. -EAGAIN: nothing is there. */
int bgp_link_read(struct bgp_link *l, void *p, size_t size, size_t *ret_n);
/* *ret_n: how many bytes were taken, less than all with -EAGAIN. */
int bgp_link_write(struct bgp_link *l, struct text t, size_t *ret_n);
/* Writes what can be written of `last`, and closes. */
void bgp_link_close(struct bgp_link *l, struct text last);

/* Whether there is something to write that waits. */
void bgp_link_wish(struct bgp_link *l, bool to_write);
/* Makes the descriptor readable. */
void bgp_link_ring(struct bgp_link *l);
/* Silences the bell. Whether the connection has something to say. */
bool bgp_link_events(struct bgp_link *l);

#endif
