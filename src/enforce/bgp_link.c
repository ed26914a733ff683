/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_link.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HOPS = 255 };

static void set_addr(struct sockaddr_in6 *v6, struct sockaddr_in *v4, struct net_addr a, uint16_t port)
{
	if (net_addr_is_v4(a)) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4->sin_addr, a.b + 12, 4);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&v6->sin6_addr, a.b, 16);
	}
}

static int watch(struct bgp_link *l, int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	return epoll_ctl(l->poll, op, fd, &e) < 0 ? -errno : 0;
}

int bgp_link_begin(struct bgp_link *l, struct net_addr peer, uint16_t port, struct net_addr local)
{
	*l = (struct bgp_link){.socket = -1, .has_local = !net_addr_is_none(local)};
	set_addr(&l->peer.v6, &l->peer.v4, peer, port);
	set_addr(&l->local.v6, &l->local.v4, local, 0);
	l->poll = epoll_create1(EPOLL_CLOEXEC);
	l->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->poll < 0 || l->bell < 0)
		return -errno;
	return watch(l, EPOLL_CTL_ADD, l->bell, EPOLLIN);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void bgp_link_free(struct bgp_link *l)
{
	close_one(&l->socket);
	close_one(&l->bell);
	close_one(&l->poll);
}

/* Our packets go with all hops left, so that the router may insist on a neighbour (RFC 5082), and as what
 * keeps networks running; where a kernel has it otherwise the session works even so. */
static void set_options(int fd, bool v4)
{
	const int on = 1, hops = HOPS, class = IPTOS_CLASS_CS6;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(
	    fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops, sizeof(hops));
	(void)setsockopt(
	    fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &class, sizeof(class));
}

static socklen_t size_of(const struct sockaddr *a)
{
	return a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

int bgp_link_open(struct bgp_link *l)
{
	int r = 0;
	l->socket = socket(l->peer.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (l->socket < 0)
		return -errno;
	set_options(l->socket, l->peer.any.sa_family == AF_INET);
	if (l->has_local && bind(l->socket, &l->local.any, size_of(&l->local.any)) < 0)
		r = -errno;
	else if (connect(l->socket, &l->peer.any, size_of(&l->peer.any)) < 0 && errno != EINPROGRESS)
		r = -errno;
	l->wishes = true;
	if (r == 0)
		r = watch(l, EPOLL_CTL_ADD, l->socket, EPOLLIN | EPOLLOUT);
	if (r < 0)
		close_one(&l->socket);
	return r;
}

bool bgp_link_is_open(const struct bgp_link *l)
{
	return l->socket >= 0;
}

int bgp_link_connected(const struct bgp_link *l)
{
	struct pollfd p = {.fd = l->socket, .events = POLLOUT};
	int error = 0;
	socklen_t n = sizeof(error);
	if (poll(&p, 1, 0) <= 0)
		return -EINPROGRESS;
	if (getsockopt(l->socket, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}

int bgp_link_read(struct bgp_link *l, void *p, size_t size, size_t *ret_n)
{
	ssize_t n = recv(l->socket, p, size, MSG_DONTWAIT);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
	*ret_n = (size_t)n;
	return 0;
}

int bgp_link_write(struct bgp_link *l, struct text t, size_t *ret_n)
{
	ssize_t n = send(l->socket, t.p, t.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
	*ret_n = (size_t)n;
	return *ret_n < t.n ? -EAGAIN : 0;
}

void bgp_link_close(struct bgp_link *l, struct text last)
{
	enum { ROUNDS = 16 };
	uint8_t bytes[4096];
	size_t n = 0;
	if (l->socket < 0)
		return;
	if (last.n)
		(void)bgp_link_write(l, last, &n);
	/* what the router said and nobody read would turn the end into a reset, which takes our last word */
	(void)shutdown(l->socket, SHUT_WR);
	for (int i = 0; i < ROUNDS && bgp_link_read(l, bytes, sizeof(bytes), &n) == 0 && n > 0; i++)
		;
	close_one(&l->socket); /* which takes it out of the epoll too */
}

void bgp_link_wish(struct bgp_link *l, bool to_write)
{
	if (l->socket < 0 || l->wishes == to_write)
		return;
	if (watch(l, EPOLL_CTL_MOD, l->socket, to_write ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
		l->wishes = to_write;
}

void bgp_link_ring(struct bgp_link *l)
{
	const uint64_t one = 1;
	(void)!write(l->bell, &one, sizeof(one));
}

bool bgp_link_events(struct bgp_link *l)
{
	struct epoll_event e[2];
	bool said = false;
	int n = epoll_wait(l->poll, e, 2, 0);
	for (int i = 0; i < n; i++) {
		uint64_t rings;
		if (e[i].data.fd == l->bell)
			(void)!read(l->bell, &rings, sizeof(rings));
		else
			said = true;
	}
	return said;
}
