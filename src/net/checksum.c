/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/checksum.h"

#include <string.h>

enum { ADDR_V4_AT = 12, ONES = 0xffff };

/* Adds with the carry brought round: ones' complement in 64 bits, which folds to that in 16. */
static uint64_t add(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

static uint64_t add_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
	uint64_t v[4];
	for (; n >= sizeof(v); p += sizeof(v), n -= sizeof(v)) {
		memcpy(v, p, sizeof(v));
		sum = add(add(add(add(sum, v[0]), v[1]), v[2]), v[3]);
	}
	for (; n; p += 8) {
		size_t part = n < 8 ? n : 8;
		v[0] = 0;
		memcpy(v, p, part);
		sum = add(sum, v[0]);
		n -= part;
	}
	return sum;
}

bool net_checksum_good(struct net_addr src, struct net_addr dst, uint8_t protocol, const uint8_t *p, size_t n)
{
	if (n > UINT16_MAX)
		return false;
	const uint8_t tail[4] = {0, protocol, (uint8_t)(n >> 8), (uint8_t)n};
	/* an IPv4 address stands behind a fixed prefix, which is no part of its pseudo header */
	size_t at = net_addr_is_v4(src) && net_addr_is_v4(dst) ? ADDR_V4_AT : 0;
	uint64_t sum = add_bytes(0, src.b + at, sizeof(src.b) - at);
	sum = add_bytes(sum, dst.b + at, sizeof(dst.b) - at);
	sum = add_bytes(sum, tail, sizeof(tail));
	sum = add_bytes(sum, p, n);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & ONES) + (sum >> 16);
	sum = (sum & ONES) + (sum >> 16);
	return sum == ONES;
}
