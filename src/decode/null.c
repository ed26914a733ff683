/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Links of the BSDs, which begin with an address family: null and loop, enc (IPsec), pflog (the packet
 * filter). */

#include "decode/walk.h"

enum {
	NULL_HEAD = 4,
	ENC_HEAD = 12,
	PFLOG_LEAST = 4,
	FAMILY_INET = 2,
	FAMILY_INET6_LINUX = 10,
	FAMILY_INET6_NETBSD = 24,
	FAMILY_INET6_FREEBSD = 28,
	FAMILY_INET6_DARWIN = 30,
};

static enum decode_step by_family(struct walk *w, uint32_t family)
{
	switch (family) {
	case FAMILY_INET: return DECODE_IPV4;
	case FAMILY_INET6_LINUX:
	case FAMILY_INET6_NETBSD:
	case FAMILY_INET6_FREEBSD:
	case FAMILY_INET6_DARWIN: return DECODE_IPV6;
	default: return walk_stop(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	}
}

/* The capturing machine's byte order, which nothing tells: families are small numbers. */
static uint32_t family_of(const uint8_t *p)
{
	uint32_t little = load_le32(p);
	return little <= UINT16_MAX ? little : load_be32(p);
}

enum decode_step decode_null(struct walk *w)
{
	const uint8_t *p = walk_take(w, NULL_HEAD);
	return p ? by_family(w, family_of(p)) : walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
}

enum decode_step decode_loop(struct walk *w)
{
	const uint8_t *p = walk_take(w, NULL_HEAD);
	return p ? by_family(w, load_be32(p)) : walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
}

enum decode_step decode_enc(struct walk *w)
{
	const uint8_t *p = walk_take(w, ENC_HEAD);
	return p ? by_family(w, family_of(p)) : walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
}

enum decode_step decode_pflog(struct walk *w)
{
	const uint8_t *p = walk_peek(w, PFLOG_LEAST);
	size_t head = p ? (p[0] + 3u) & ~3u : 0; /* the length it names leaves out its padding */
	if (head < PFLOG_LEAST || !walk_take(w, head))
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	return by_family(w, p[1]);
}
