/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Networks other than Ethernet that carry IP: FDDI, IP over InfiniBand, and what Solaris shows of its IP. */

#include "decode/walk.h"

enum {
	FDDI_HEAD = 13, /* frame control, destination, source: whose bits are turned in some captures */
	FDDI_FORMAT = 0x30,
	FDDI_FORMAT_LLC = 0x10,
	IPOIB_GRH = 40,
	IPOIB_HEAD = IPOIB_GRH + 4, /* RFC 4391, 6: the type and two reserved bytes */
	IPNET_HEAD = 24,
	IPNET_VERSION = 1,
	IPNET_FAMILY_V4 = 2,
	IPNET_FAMILY_V6 = 26,
};

/* RFC 1390: IP stands in LLC and SNAP. Tokens, station management and the like have other formats. */
enum decode_step decode_fddi(struct walk *w)
{
	const uint8_t *p = walk_take(w, FDDI_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	return (p[0] & FDDI_FORMAT) == FDDI_FORMAT_LLC ? DECODE_LLC : DECODE_DONE;
}

enum decode_step decode_ipoib(struct walk *w)
{
	const uint8_t *p = walk_take(w, IPOIB_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	w->ethertype = load_be16(p + IPOIB_GRH);
	return DECODE_ETHERTYPE;
}

enum decode_step decode_ipnet(struct walk *w)
{
	const uint8_t *p = walk_take(w, IPNET_HEAD);
	if (!p || p[0] != IPNET_VERSION)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	switch (p[1]) {
	case IPNET_FAMILY_V4: return DECODE_IPV4;
	case IPNET_FAMILY_V6: return DECODE_IPV6;
	default: return walk_stop(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	}
}
