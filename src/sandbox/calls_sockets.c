/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/calls.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sandbox/sandbox.h"

/* The bits of socket(2)'s second argument that are its type; the others are flags. */
enum { TYPE_BITS = 0xf };

#define SOCKET(domain, type)    CALL_IF("socket", CALL_IS(0, domain), CALL_BITS(1, TYPE_BITS, type))
#define SET_OPTION(level, name) CALL_IF("setsockopt", CALL_IS(1, level), CALL_IS(2, name))
#define GET_OPTION(level, name) CALL_IF("getsockopt", CALL_IS(1, level), CALL_IS(2, name))

/* What every poll loop asks of its connections. */
#define CONNECTED                                                                                            \
	CALL("recvmsg"), CALL("recvfrom"), CALL("shutdown"), CALL("getsockname"), CALL("getpeername"),       \
	    GET_OPTION(SOL_SOCKET, SO_ERROR), GET_OPTION(SOL_SOCKET, SO_TYPE),                               \
	    GET_OPTION(SOL_SOCKET, SO_DOMAIN)

/* sendto without an address, which is send(3). */
static const struct call sends_calls[] = {
    CONNECTED,
    CALL("sendmsg"),
    CALL_IF("sendto", CALL_IS(4, 0)),
};

/* A packet socket sends frames to whatever interface it names, and nothing but this takes that away. */
static const struct call low_sends_calls[] = {
    CONNECTED,
    CALL_IF("write", CALL_BELOW(0, SANDBOX_RINGS_FROM)),
    CALL_IF("writev", CALL_BELOW(0, SANDBOX_RINGS_FROM)),
    CALL_IF("sendmsg", CALL_BELOW(0, SANDBOX_RINGS_FROM)),
    CALL_IF("sendto", CALL_BELOW(0, SANDBOX_RINGS_FROM), CALL_IS(4, 0)),
};

static const struct call ring_calls[] = {
    GET_OPTION(SOL_PACKET, PACKET_STATISTICS),
    GET_OPTION(SOL_PACKET, PACKET_VERSION),
    SET_OPTION(SOL_PACKET, PACKET_IGNORE_OUTGOING),
};

static const struct call netfilter_calls[] = {
    CALL_IF("socket", CALL_IS(0, AF_NETLINK), CALL_IS(2, NETLINK_NETFILTER)),
    CALL("bind"),
    /* with the kernel's address */
    CALL("sendto"),
    GET_OPTION(SOL_SOCKET, SO_RCVBUF),
    GET_OPTION(SOL_SOCKET, SO_SNDBUF),
    SET_OPTION(SOL_SOCKET, SO_RCVBUF),
    SET_OPTION(SOL_SOCKET, SO_SNDBUF),
    SET_OPTION(SOL_SOCKET, SO_RCVBUFFORCE),
    SET_OPTION(SOL_SOCKET, SO_SNDBUFFORCE),
    CALL_IF("setsockopt", CALL_IS(1, SOL_NETLINK)),
    CALL_IF("getsockopt", CALL_IS(1, SOL_NETLINK)),
};

static const struct call connect_calls[] = {
    SOCKET(AF_INET, SOCK_STREAM),
    SOCKET(AF_INET6, SOCK_STREAM),
    CALL("connect"),
};

/* A session speaks from the address that the router knows, one hop away (RFC 5082). */
static const struct call bgp_calls[] = {
    CALL("bind"),
    SET_OPTION(SOL_SOCKET, SO_REUSEADDR),
    SET_OPTION(IPPROTO_IP, IP_TTL),
    SET_OPTION(IPPROTO_IP, IP_MINTTL),
    SET_OPTION(IPPROTO_IP, IP_TOS),
    SET_OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    SET_OPTION(IPPROTO_IPV6, IPV6_MINHOPCOUNT),
    SET_OPTION(IPPROTO_IPV6, IPV6_TCLASS),
};

/* Who is at the other end of the control socket, and the groups he is in. */
static const struct call accept_calls[] = {
    CALL("accept"),
    CALL("accept4"),
    CALL("sendfile"),
    GET_OPTION(SOL_SOCKET, SO_PEERCRED),
    GET_OPTION(SOL_SOCKET, SO_PEERGROUPS),
    GET_OPTION(SOL_SOCKET, SO_ACCEPTCONN),
};

static const struct call tcp_calls[] = {
    CALL_IF("getsockopt", CALL_IS(1, IPPROTO_TCP)),
    SET_OPTION(IPPROTO_TCP, TCP_NODELAY),
    SET_OPTION(IPPROTO_TCP, TCP_CORK),
    SET_OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
    SET_OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    SET_OPTION(IPPROTO_TCP, TCP_KEEPCNT),
    SET_OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
    SET_OPTION(IPPROTO_TCP, TCP_QUICKACK),
    SET_OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
    SET_OPTION(SOL_SOCKET, SO_KEEPALIVE),
    SET_OPTION(SOL_SOCKET, SO_LINGER),
    SET_OPTION(SOL_SOCKET, SO_SNDBUF),
    SET_OPTION(SOL_SOCKET, SO_RCVBUF),
    SET_OPTION(SOL_SOCKET, SO_SNDTIMEO),
    SET_OPTION(SOL_SOCKET, SO_RCVTIMEO),
    GET_OPTION(SOL_SOCKET, SO_SNDBUF),
    GET_OPTION(SOL_SOCKET, SO_RCVBUF),
};

/*
 * getaddrinfo(3) in a thread of libcurl's, which wakes the loop through a socket pair. The resolver asks for
 * interfaces (netlink) and for a caching daemon (a local socket); it goes on where both are refused.
 */
static const struct call resolve_calls[] = {
    SOCKET(AF_INET, SOCK_DGRAM),
    SOCKET(AF_INET6, SOCK_DGRAM),
    CALL_FAILS_IF("socket", EAFNOSUPPORT, CALL_IS(0, AF_NETLINK)),
    CALL_FAILS_IF("socket", EAFNOSUPPORT, CALL_IS(0, AF_UNIX)),
    CALL_IF("socketpair", CALL_IS(0, AF_UNIX), CALL_BITS(1, TYPE_BITS, SOCK_STREAM)),
    CALL("sendmmsg"),
    CALL("recvmmsg"),
    SET_OPTION(IPPROTO_IP, IP_RECVERR),
    SET_OPTION(IPPROTO_IPV6, IPV6_RECVERR),
};

#define CALLS(rows) ((struct calls){rows, sizeof(rows) / sizeof(*(rows))})

struct calls calls_of_sockets(enum calls_group group)
{
	switch ((int)group) {
	case CALLS_SENDS: return CALLS(sends_calls);
	case CALLS_LOW_SENDS: return CALLS(low_sends_calls);
	case CALLS_RING: return CALLS(ring_calls);
	case CALLS_NETFILTER: return CALLS(netfilter_calls);
	case CALLS_BGP: return CALLS(bgp_calls);
	case CALLS_ACCEPT: return CALLS(accept_calls);
	case CALLS_CONNECT: return CALLS(connect_calls);
	case CALLS_TCP: return CALLS(tcp_calls);
	case CALLS_RESOLVE: return CALLS(resolve_calls);
	}
	return (struct calls){0};
}
