/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#include "base/cursor.h"
#include "flow/entry.h"

/*
 * Community ID v1 (corelight/community-id-spec): "1:" and the base64 of SHA-1 over seed, source, destination,
 * protocol, zero, source port, destination port, with the lower end first. ICMP puts type and counterpart in
 * the ports' place; a type without a counterpart is one-way and isn't turned.
 */
char *flow_community_id(struct net_addr src, struct net_addr dst, uint8_t protocol, uint16_t src_port,
    uint16_t dst_port, char *buf)
{
	uint8_t bytes[2 + 16 + 16 + 1 + 1 + 2 + 2], digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;
	bool v4 = net_addr_is_v4(src) && net_addr_is_v4(dst);
	size_t length = v4 ? 4 : 16, at = 2;
	bool icmp = protocol == PACKET_ICMP || protocol == PACKET_ICMPV6, one_way = false;
	if (icmp) {
		int counterpart = flow_icmp_counterpart(protocol, (uint8_t)src_port);
		one_way = counterpart < 0;
		if (!one_way)
			dst_port = (uint16_t)counterpart;
	}
	int order = memcmp(src.b + 16 - length, dst.b + 16 - length, length);
	if (!one_way && (order > 0 || (order == 0 && src_port > dst_port))) {
		struct net_addr addr = src;
		uint16_t port = src_port;
		src = dst;
		dst = addr;
		src_port = dst_port;
		dst_port = port;
	}
	memset(bytes, 0, 2);
	memcpy(bytes + at, src.b + 16 - length, length);
	memcpy(bytes + at + length, dst.b + 16 - length, length);
	at += 2 * length;
	bytes[at++] = protocol;
	bytes[at++] = 0;
	if (icmp || protocol == PACKET_TCP || protocol == PACKET_UDP || protocol == PACKET_SCTP) {
		store_be16(bytes + at, src_port);
		store_be16(bytes + at + 2, dst_port);
		at += 4;
	}
	sha1_init(&sha1);
	sha1_update(&sha1, at, bytes);
	sha1_digest(&sha1, sizeof(digest), digest);
	memcpy(buf, "1:", 2);
	base64_encode_raw(buf + 2, sizeof(digest), digest);
	buf[2 + BASE64_ENCODE_RAW_LENGTH(sizeof(digest))] = '\0';
	return buf;
}
