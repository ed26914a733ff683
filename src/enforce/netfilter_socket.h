/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_SOCKET_H
#define ENFORCE_NETFILTER_SOCKET_H

/*
 * Netlink sockets to netfilter. None of them waits: the kernel carries a request out, and queues its answer,
 * while it is being sent; of a dump each receive makes the next piece.
 */

#include <stdint.h>
#include <sys/types.h>

#include "enforce/netfilter_batch.h"

/* Fits what the kernel puts into one answer (32 KiB at most). */
enum { NETFILTER_ANSWER_SIZE = 65536 };

int netfilter_socket_open(struct mnl_socket **ret_socket);
/* One that hears of changes to nftables by others than `own`, the port of a socket of ours. */
int netfilter_socket_listen(struct mnl_socket **ret_socket, uint32_t own);
void netfilter_socket_close(struct mnl_socket *s); /* NULL is fine */

/*
 * Has the kernel carry out a batch. 0; or its first error, with the message that it is about in *ret_sequence
 * (that of the head: the whole) and the offset of the attribute in it in *ret_offset (0: it didn't tell).
 */
int netfilter_socket_commit(
    struct mnl_socket *s, const struct netfilter_batch *b, uint32_t *ret_sequence, uint32_t *ret_offset);
/* Sends one request, or several. */
int netfilter_socket_send(struct mnl_socket *s, const void *p, size_t n);
/* Receives one piece of answers into `buf` of NETFILTER_ANSWER_SIZE bytes: its length, -EAGAIN where there is
 * none, -ENOBUFS where some were lost. What isn't from the kernel is passed over. */
ssize_t netfilter_socket_receive(struct mnl_socket *s, void *buf);
/* The error that an NLMSG_ERROR or NLMSG_DONE message tells: 0 (it is an acknowledgement) or -errno. */
int netfilter_socket_error(const struct nlmsghdr *h, uint32_t *ret_offset);

#endif
