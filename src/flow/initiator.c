/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/entry.h"
#include "net/app.h"

/* Requests and their replies (IANA ICMP and ICMPv6 types), as the community id pairs them. */
struct icmp_pair {
	uint8_t request, reply;
};

static const struct icmp_pair v4_pairs[] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
static const struct icmp_pair v6_pairs[] = {
    {128, 129}, {133, 134}, {135, 136}, {139, 140}, {144, 145}, {130, 131}};

static const struct icmp_pair *pair_of(uint8_t protocol, uint8_t type)
{
	const struct icmp_pair *pairs = protocol == PACKET_ICMP ? v4_pairs : v6_pairs;
	size_t n = protocol == PACKET_ICMP ? sizeof(v4_pairs) / sizeof(*v4_pairs)
	                                   : sizeof(v6_pairs) / sizeof(*v6_pairs);
	for (size_t i = 0; i < n; i++)
		if (pairs[i].request == type || pairs[i].reply == type)
			return &pairs[i];
	return NULL;
}

int flow_icmp_counterpart(uint8_t protocol, uint8_t type)
{
	const struct icmp_pair *p = pair_of(protocol, type);
	return !p ? -1 : p->request == type ? p->reply : p->request;
}

bool flow_icmp_is_reply(uint8_t protocol, uint8_t type)
{
	const struct icmp_pair *p = pair_of(protocol, type);
	return p && p->reply == type;
}

/* Of two ports the one that a server more likely has: 2 known by name, 1 below 1024, 0 neither. */
static int server_rank(uint8_t protocol, uint16_t port)
{
	return app_of_port(protocol, port) != APP_UNKNOWN ? 2 : port != 0 && port < 1024 ? 1 : 0;
}

bool flow_sender_initiates(
    const struct packet *p, const struct packet_layer *l, bool innermost, bool *ret_guessed)
{
	*ret_guessed = false;
	if (!l->has_ports)
		return true;
	if (l->protocol == PACKET_ICMP || l->protocol == PACKET_ICMPV6)
		return !flow_icmp_is_reply(l->protocol, (uint8_t)l->src_port);
	if (l->protocol == PACKET_TCP && innermost && (p->tcp.flags & PACKET_TCP_SYN))
		return !(p->tcp.flags & PACKET_TCP_ACK);
	if (net_addr_is_multicast(l->dst))
		return true;
	int src = server_rank(l->protocol, l->src_port), dst = server_rank(l->protocol, l->dst_port);
	/* a datagram to a server's port begins an exchange; only what looks like an answer has missed its
	 * start */
	*ret_guessed = l->protocol != PACKET_UDP || src > dst;
	return src <= dst;
}
