/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	IPV4_HEAD = 20,
	IPV6_HEAD = 40,
	ETHERNET_HEAD = 14,
	TAG = 4,
	TAGS_MAX = 4,
};

/* n bytes, `at` behind the walk's position. */
static const uint8_t *bytes_at(const struct walk *w, size_t at, size_t n)
{
	const uint8_t *p = walk_peek(w, at + n);
	return p ? p + at : NULL;
}

bool sane_ipv4_checksum(const uint8_t *header, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i += 4)
		sum += load_be32(header + i);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/*
 * Lengths that fit; or, where the tunnel's sender cut the datagram, a good checksum. No total length at all
 * is what a host leaves to its network card in datagrams beyond 64 KiB.
 */
static bool sane_ipv4(const struct walk *w, size_t at, const uint8_t *p, uint32_t room)
{
	uint32_t head = (p[0] & 0x0fu) * 4, total = load_be16(p + 2);
	if (head < IPV4_HEAD)
		return false;
	if (total == 0)
		return room > UINT16_MAX;
	if (total < head)
		return false;
	return total <= room || (bytes_at(w, at, head) && sane_ipv4_checksum(p, head));
}

bool sane_ip(const struct walk *w, size_t at)
{
	const uint8_t *p = bytes_at(w, at, IPV4_HEAD);
	if (!p)
		return false;
	uint32_t room = w->length - (uint32_t)at;
	if (p[0] >> 4 == 4)
		return sane_ipv4(w, at, p, room);
	return p[0] >> 4 == 6 && bytes_at(w, at, IPV6_HEAD) && load_be16(p + 4) + (uint32_t)IPV6_HEAD <= room;
}

bool sane_ethernet(const struct walk *w, size_t at)
{
	const uint8_t *p = bytes_at(w, at, ETHERNET_HEAD);
	if (!p)
		return false;
	uint16_t type = load_be16(p + 12);
	at += ETHERNET_HEAD;
	for (int i = 0; i < TAGS_MAX && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); i++) {
		p = bytes_at(w, at, TAG);
		if (!p)
			return false;
		type = load_be16(p + 2);
		at += TAG;
	}
	switch (type) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
		p = bytes_at(w, at, 1);
		return p && p[0] >> 4 == (type == ETHERTYPE_IPV4 ? 4 : 6) && sane_ip(w, at);
	case ETHERTYPE_ARP:
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
	case ETHERTYPE_PPPOE_SESSION:
	case ETHERTYPE_TRANSPARENT_BRIDGING:
	case ETHERTYPE_PBB:
	case ETHERTYPE_NSH: return true;
	default: break;
	}
	/* IEEE 802.3: the length must fit */
	return type <= ETHERTYPE_LENGTH_MAX ? type <= w->length - at : ethertype_is_known(type);
}
