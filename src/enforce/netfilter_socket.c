/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

/* So much may be on its way in either direction; nothing of it is taken before it is used. */
enum { SEND_BYTES = 272 << 20, RECEIVE_BYTES = 4 << 20 };

static int set_up(struct mnl_socket *s)
{
	int fd = mnl_socket_get_fd(s), on = 1, out = SEND_BYTES, in = RECEIVE_BYTES;
	/* an older kernel than these is one that tells less of what is wrong: no error */
	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &out, sizeof(out)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &in, sizeof(in)) < 0)
		return -errno;
	return 0;
}

static int open_for(struct mnl_socket **ret_socket, unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s)
		return -errno;
	int r = set_up(s);
	if (r == 0 && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	if (r < 0) {
		mnl_socket_close(s);
		return r;
	}
	*ret_socket = s;
	return 0;
}

int netfilter_socket_open(struct mnl_socket **ret_socket)
{
	return open_for(ret_socket, 0);
}

/*
 * The messages of one transaction come together, each with the port of who asked for it. Those of our own are
 * dropped by the kernel: a hundred thousand elements would overrun the socket, and that reads like a change
 * by others.
 */
static int filter_own(struct mnl_socket *s, uint32_t own)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own), 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	int fd = mnl_socket_get_fd(s);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int netfilter_socket_listen(struct mnl_socket **ret_socket, uint32_t own)
{
	struct mnl_socket *s = NULL;
	int group = NFNLGRP_NFTABLES, r = open_for(&s, 0);
	if (!s)
		return r;
	r = filter_own(s, own);
	if (r == 0 && mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		r = -errno;
	if (r < 0) {
		mnl_socket_close(s);
		return r;
	}
	*ret_socket = s;
	return 0;
}

void netfilter_socket_close(struct mnl_socket *s)
{
	if (s)
		mnl_socket_close(s);
}

int netfilter_socket_send(struct mnl_socket *s, const void *p, size_t n)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec bytes = {.iov_base = (void *)p, .iov_len = n};
	struct msghdr m = {
	    .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = &bytes, .msg_iovlen = 1};
	ssize_t sent;
	do
		sent = sendmsg(mnl_socket_get_fd(s), &m, MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EMSGSIZE ? -E2BIG : -errno;
	return 0;
}

ssize_t netfilter_socket_receive(struct mnl_socket *s, void *buf)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec bytes = {.iov_base = buf, .iov_len = NETFILTER_ANSWER_SIZE};
		struct msghdr m = {
		    .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &bytes, .msg_iovlen = 1};
		ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (m.msg_flags & MSG_TRUNC)
			return -ENOBUFS;
		if (m.msg_namelen == sizeof(from) && from.nl_pid == 0)
			return n;
	}
}

int netfilter_socket_error(const struct nlmsghdr *h, uint32_t *ret_offset)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	if (h->nlmsg_type == NLMSG_DONE) {
		const int *result = mnl_nlmsg_get_payload(h);
		return mnl_nlmsg_get_payload_len(h) < sizeof(*result) || *result >= 0 ? 0 : *result;
	}
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*e))
		return -EPROTO;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !ret_offset)
		return e->error < 0 ? e->error : 0;
	/* the request's header comes back, and without NLM_F_CAPPED its payload too */
	size_t request = h->nlmsg_flags & NLM_F_CAPPED ? 0 : MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	if (request <= mnl_nlmsg_get_payload_len(h) - sizeof(*e))
		mnl_attr_for_each(
		    a, h, (unsigned)(sizeof(*e) + request)) if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS &&
		                                                mnl_attr_get_payload_len(a) ==
		                                                    sizeof(uint32_t)) *ret_offset =
		    mnl_attr_get_u32(a);
	return e->error < 0 ? e->error : 0;
}

int netfilter_socket_commit(
    struct mnl_socket *s, const struct netfilter_batch *b, uint32_t *ret_sequence, uint32_t *ret_offset)
{
	_Alignas(struct nlmsghdr) uint8_t answer[NETFILTER_ANSWER_SIZE];
	uint32_t last = b->first + (uint32_t)b->n, offset;
	bool answered = false;
	int first_error = 0;
	if (b->n == 0)
		return 0;
	/* an answer that was left from a batch before would be taken for this one's */
	ssize_t old;
	do
		old = netfilter_socket_receive(s, answer);
	while (old >= 0 || old == -ENOBUFS);
	int r = netfilter_socket_send(s, b->bytes.p, b->bytes.n);
	*ret_sequence = b->first;
	*ret_offset = 0;
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = netfilter_socket_receive(s, answer);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return (int)n;
		int left = (int)n;
		const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - b->first > b->n + 1)
				continue;
			offset = 0;
			r = netfilter_socket_error(h, &offset);
			answered |= r < 0 || h->nlmsg_seq == last;
			if (r < 0 && first_error == 0) {
				first_error = r;
				*ret_sequence = h->nlmsg_seq;
				*ret_offset = offset;
			}
		}
	}
	return first_error ? first_error : answered ? 0 : -EIO;
}
