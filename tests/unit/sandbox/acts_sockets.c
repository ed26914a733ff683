/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int refused(int domain, int type, int protocol)
{
	return socket(domain, type | SOCK_CLOEXEC, protocol) < 0;
}

int act_socket_inet(const struct world *w)
{
	(void)w;
	return refused(AF_INET, SOCK_STREAM, 0);
}

int act_socket_udp(const struct world *w)
{
	(void)w;
	return refused(AF_INET6, SOCK_DGRAM, 0);
}

int act_socket_raw(const struct world *w)
{
	(void)w;
	return refused(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

int act_socket_unix(const struct world *w)
{
	(void)w;
	return refused(AF_UNIX, SOCK_STREAM, 0);
}

int act_socket_packet(const struct world *w)
{
	(void)w;
	return refused(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

int act_socket_route(const struct world *w)
{
	(void)w;
	return refused(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

int act_socket_netfilter(const struct world *w)
{
	(void)w;
	return refused(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

static int connected(uint16_t port)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0;
}

int act_connect_given(const struct world *w)
{
	return connected(w->port);
}

int act_connect_other(const struct world *w)
{
	return connected(w->other_port);
}

int act_bind(const struct world *w)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)w;
	return fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0;
}

int act_ring_filter(const struct world *w)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog filter = {.len = 1, .filter = &all};
	return setsockopt(w->ring, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0;
}

int act_ring_member(const struct world *w)
{
	struct packet_mreq m = {.mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC};
	return setsockopt(w->ring, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) < 0;
}

static const unsigned char frame[60] = {[12] = 0x88, [13] = 0xb5}; /* an experimental type, IEEE 802 */

int act_ring_send(const struct world *w)
{
	struct sockaddr_ll where = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = 1, .sll_halen = 6};
	struct iovec bytes = {.iov_base = (void *)frame, .iov_len = sizeof(frame)};
	struct msghdr m = {
	    .msg_name = &where, .msg_namelen = sizeof(where), .msg_iov = &bytes, .msg_iovlen = 1};
	return sendmsg(w->ring, &m, 0) < 0;
}

int act_ring_write(const struct world *w)
{
	return write(w->ring, frame, sizeof(frame)) < 0;
}

/* To a number where sending is allowed. */
int act_ring_elsewhere(const struct world *w)
{
	return fcntl(w->ring, F_DUPFD_CLOEXEC, 0) < 0;
}
