/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "msg/process.h"

enum { READ_SIZE = 1 << 18 };

/* A descriptor that goes with the byte at `at` of all that was ever encoded. */
struct travelling {
	uint64_t at;
	int fd;
};

struct channel {
	int fd;
	enum channel_way in_way, out_way;
	struct dynbuf in, out;
	size_t in_at;       /* of `in`: taken already */
	size_t out_at;      /* of `out`: written already */
	size_t out_checked; /* of `out`: known to be allowed */
	uint64_t written;   /* bytes, before out.p[0] */
	struct travelling going[CHANNEL_FDS_MAX];
	size_t n_going;
	int come[CHANNEL_FDS_MAX];
	size_t n_come;
};

int channel_new(struct channel **ret_channel, int fd, enum channel_way in, enum channel_way out)
{
	struct channel *c = calloc(1, sizeof(*c));
	int flags = fcntl(fd, F_GETFL);
	if (!c || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		int error = c ? -errno : -ENOMEM;
		free(c);
		close(fd);
		return error;
	}
	c->fd = fd;
	c->in_way = in;
	c->out_way = out;
	c->in.max = MSG_RECORD_MAX + READ_SIZE;
	c->out.max = CHANNEL_OUT_MAX;
	*ret_channel = c;
	return 0;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_going; i++)
		close(c->going[i].fd);
	for (size_t i = 0; i < c->n_come; i++)
		close(c->come[i]);
	dynbuf_free(&c->in);
	dynbuf_free(&c->out);
	close(c->fd);
	free(c);
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

struct dynbuf *channel_out(struct channel *c)
{
	return &c->out;
}

int channel_attach(struct channel *c, int fd)
{
	if (c->n_going == CHANNEL_FDS_MAX)
		return -ERR_LIMIT;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	c->going[c->n_going++] = (struct travelling){.at = c->written + c->out.n, .fd = copy};
	return 0;
}

size_t channel_waiting(const struct channel *c)
{
	return c->out.n - c->out_at;
}

/* What was encoded since the last look must be whole messages that may be said. */
static int check_out(struct channel *c)
{
	while (c->out_checked < c->out.n) {
		uint16_t number;
		size_t length;
		if (msg_peek(c->out.p + c->out_checked, c->out.n - c->out_checked, &number, &length) < 0 ||
		    !channel_way_allows(c->out_way, number))
			return -EPROTO;
		c->out_checked += length;
	}
	return 0;
}

/* Sends up to the next descriptor's message, or with it. Bytes sent or -errno. */
static ssize_t send_some(struct channel *c)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec v = {.iov_base = c->out.p + c->out_at, .iov_len = c->out.n - c->out_at};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	uint64_t here = c->written + c->out_at;
	bool with = c->n_going && c->going[0].at == here;
	size_t next = with ? 1 : 0;
	if (c->n_going > next && c->going[next].at - here < v.iov_len)
		v.iov_len = (size_t)(c->going[next].at - here);
	if (with) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &c->going[0].fd, sizeof(int));
	}
	ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (with) {
		close(c->going[0].fd);
		memmove(c->going, c->going + 1, --c->n_going * sizeof(*c->going));
	}
	return n;
}

/* Bytes that went out make room when they are many, or all. */
static void drop_written(struct channel *c)
{
	if (c->out_at < c->out.n && c->out_at < (1 << 20))
		return;
	c->written += c->out_at;
	c->out_checked -= c->out_at;
	dynbuf_drop_front(&c->out, c->out_at);
	c->out_at = 0;
}

int channel_flush(struct channel *c)
{
	int error = check_out(c);
	while (error == 0 && c->out_at < c->out.n) {
		ssize_t n = send_some(c);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN || n == -ENOBUFS)
			break;
		if (n < 0)
			error = n == -ECONNRESET ? -EPIPE : (int)n;
		else
			c->out_at += (size_t)n;
	}
	if (error < 0)
		return error;
	drop_written(c);
	return c->out_at < c->out.n;
}

static void take_fds(struct channel *c, struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (c->n_come < CHANNEL_FDS_MAX)
				c->come[c->n_come++] = fd;
			else
				close(fd);
		}
	}
}

int channel_read(struct channel *c)
{
	union {
		char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	dynbuf_drop_front(&c->in, c->in_at);
	c->in_at = 0;
	size_t had = c->in.n;
	uint8_t *p = dynbuf_grow(&c->in, READ_SIZE);
	if (!p) {
		int error = c->in.error;
		c->in.error = 0;
		return error;
	}
	struct iovec v = {.iov_base = p, .iov_len = READ_SIZE};
	struct msghdr m = {.msg_iov = &v,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	int error = n < 0 ? -errno : 0;
	c->in.n = had + (n > 0 ? (size_t)n : 0);
	if (error == -EAGAIN)
		return 0;
	if (error < 0 || n == 0)
		return error == -ECONNRESET || n == 0 ? -EPIPE : error;
	take_fds(c, &m);
	return 1;
}

/* The oldest descriptor that has come: only `handed` brings one, and always does. */
static int next_fd(struct channel *c)
{
	if (c->n_come == 0)
		return -1;
	int fd = c->come[0];
	memmove(c->come, c->come + 1, --c->n_come * sizeof(*c->come));
	return fd;
}

int channel_next(struct channel *c, uint16_t *ret_number, struct text *ret_bytes, int *ret_fd)
{
	uint16_t number;
	size_t length;
	if (c->in.n == c->in_at)
		return 0;
	int error = msg_peek(c->in.p + c->in_at, c->in.n - c->in_at, &number, &length);
	if (error == -ERR_TRUNCATED)
		return 0;
	if (error < 0 || !channel_way_allows(c->in_way, number))
		return -EPROTO;
	int fd = number == MSG_HANDED ? next_fd(c) : -1;
	if (number == MSG_HANDED && (fd < 0 || !ret_fd)) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	*ret_number = number;
	*ret_bytes = text_bytes((const char *)c->in.p + c->in_at, length);
	if (ret_fd)
		*ret_fd = fd;
	c->in_at += length;
	return 1;
}
