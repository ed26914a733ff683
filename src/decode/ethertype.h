/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_ETHERTYPE_H
#define DECODE_ETHERTYPE_H

/* EtherTypes (IANA's ieee-802-numbers, IEEE's public listing). Private to decode/. */

#include <stdbool.h>
#include <stdint.h>

enum {
	ETHERTYPE_LENGTH_MAX = 1500, /* up to here it is IEEE 802.3's length */

	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_TRANSPARENT_BRIDGING = 0x6558,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_WCCP = 0x883e,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
	ETHERTYPE_PPPOE_SESSION = 0x8864,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_ERSPAN_II = 0x88be,
	ETHERTYPE_ERSPAN_III = 0x22eb,
	ETHERTYPE_MACSEC = 0x88e5,
	ETHERTYPE_PBB = 0x88e7,
	ETHERTYPE_CISCO_METADATA = 0x8909,
	ETHERTYPE_VNTAG = 0x8926,
	ETHERTYPE_ETAG = 0x893f,
	ETHERTYPE_NSH = 0x894f,
	ETHERTYPE_QINQ_9100 = 0x9100,
	ETHERTYPE_QINQ_9200 = 0x9200,
	ETHERTYPE_ARISTA = 0xd28b,
};

/* Of a protocol without IP inside that people do run: not worth an event. */
bool ethertype_is_known(uint16_t ethertype);

#endif
