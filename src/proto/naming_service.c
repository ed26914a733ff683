/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of services of every network: time, addresses, management, NetBIOS, access, voice. */

#include "proto/naming_rows.h"

#include <string.h>

#include "base/cursor.h"

/* Control and private messages (RFC 9327; ntpd's mode 7): too little in them to name them on any port. */
static bool ntp_control(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	unsigned mode = b.p[0] & 7, version = b.p[0] >> 3 & 7;
	if (!naming_port(v, 123) || version < 2 || version > 4)
		return false;
	if (mode == 6 && b.n >= 12)
		return (size_t)load_be16(b.p + 10) + 12 <= b.n && (b.p[1] & 0x1f) <= 10;
	if (mode == 7 && b.n >= 8) {
		size_t items = load_be16(b.p + 4) & 0xfff, size = load_be16(b.p + 6) & 0xfff;
		return (b.p[2] == 0 || b.p[2] == 2 || b.p[2] == 3) && b.p[3] < 0x40 &&
		       items * size + 8 <= b.n;
	}
	return false;
}

/* RFC 5905 7.3: version, mode, stratum, poll and precision in their ranges, a root delay below 256 s. */
bool naming_ntp(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if (b.n >= 8 && ntp_control(v))
		return true;
	if (b.n < 48 || b.n > 512 || b.n % 4 != 0)
		return false;
	unsigned mode = b.p[0] & 7, version = b.p[0] >> 3 & 7;
	bool precision = b.p[3] == 0 || b.p[3] >= 0xe0, poll = b.p[2] <= 17;
	/* Only servers and broadcasters have anything to say about their clock; clients mostly send zeros. */
	return version >= 1 && version <= 4 && mode >= 1 && mode <= 5 && b.p[1] <= 16 && poll && precision &&
	       b.p[4] == 0 && b.p[8] == 0;
}

/* DHCPv6 (RFC 8415 8): a type, a transaction, options to the end. */
static bool dhcp6(struct naming_bytes b)
{
	struct cursor c = cursor_of(b.p, b.n);
	uint8_t type = cursor_u8(&c);
	cursor_skip(&c, type == 12 || type == 13 ? 33 : 3);
	if (type < 1 || type > 13 || cursor_left(&c) < 4)
		return false;
	while (cursor_left(&c) > 0) {
		if (cursor_be16(&c) > 150)
			return false;
		uint16_t length = cursor_be16(&c);
		cursor_skip(&c, length);
	}
	return cursor_ok(&c);
}

/* BOOTP's fixed part and DHCP's magic cookie (RFC 2131 3). */
bool naming_dhcp(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if ((naming_port(v, 547) || naming_port(v, 546)) && dhcp6(b))
		return true;
	return b.n >= 240 && (b.p[0] == 1 || b.p[0] == 2) && b.p[2] <= 16 &&
	       load_be32(b.p + 236) == 0x63825363;
}

/* SEQUENCE of the datagram's length, version 0, 1 or 3, then a community or the header of version 3 (RFC 3412
 * 6). */
bool naming_snmp(const struct naming_view *v)
{
	struct cursor c = cursor_of(v->now.p, v->now.n);
	if (cursor_u8(&c) != 0x30)
		return false;
	size_t length = cursor_u8(&c);
	if (length == 0x81)
		length = cursor_u8(&c);
	else if (length == 0x82)
		length = cursor_be16(&c);
	else if (length > 0x7f)
		return false;
	if (length != cursor_left(&c) || cursor_be16(&c) != 0x0201)
		return false;
	uint8_t version = cursor_u8(&c), next = cursor_u8(&c);
	return cursor_ok(&c) && (version == 3 ? next == 0x30 : version <= 1 && next == 0x04);
}

/* A name of 16 bytes in the first-level encoding (RFC 1001 14.1). */
static bool netbios_name(const uint8_t *p, size_t n)
{
	if (n < 34 || p[0] != 32)
		return false;
	for (size_t i = 1; i <= 32; i++)
		if (p[i] < 'A' || p[i] > 'P')
			return false;
	return true;
}

bool naming_netbios_ns(const struct naming_view *v)
{
	return v->now.n >= 12 && netbios_name(v->now.p + 12, v->now.n - 12);
}

/* RFC 1002 4.4: type, flags, id, source address and port, length, offset, source name. */
bool naming_netbios_dgm(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	return b.n >= 14 && b.p[0] >= 0x10 && b.p[0] <= 0x16 && netbios_name(b.p + 14, b.n - 14);
}

/* Code, length that agrees, attributes to the end (RFC 2865 3, 5). */
bool naming_radius(const struct naming_view *v)
{
	enum { RADIUS_HEADER = 20 };
	struct naming_bytes b = v->now;
	if (b.n < RADIUS_HEADER || load_be16(b.p + 2) != b.n)
		return false;
	uint8_t code = b.p[0];
	if (!((code >= 1 && code <= 5) || (code >= 11 && code <= 13) || (code >= 40 && code <= 45)))
		return false;
	size_t at = RADIUS_HEADER;
	while (at + 2 <= b.n && b.p[at] != 0 && b.p[at + 1] >= 2)
		at += b.p[at + 1];
	return at == b.n;
}

/* RFC 8489 5: the magic cookie, and a length that agrees. */
bool naming_stun(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	return b.n >= 20 && (b.p[0] & 0xc0) == 0 && load_be32(b.p + 4) == 0x2112a442 && b.p[3] % 4 == 0 &&
	       (size_t)load_be16(b.p + 2) + 20 <= b.n;
}

/* RFC 3550 5.1 has no magic number: two packets of one source, with the same type, in near sequence, must
 * agree. */
bool naming_rtp(const struct naming_view *v)
{
	struct naming_bytes a = v->first[v->dir], b = v->now;
	if (a.n < 12 || b.n < 12 || a.p == b.p)
		return false;
	uint8_t type = b.p[1] & 0x7f;
	uint16_t step = (uint16_t)(load_be16(b.p + 2) - load_be16(a.p + 2));
	return (a.p[0] & 0xc0) == 0x80 && a.p[0] == b.p[0] && (a.p[1] & 0x7f) == type &&
	       (type <= 34 || type >= 96) && step >= 1 && step <= 64 && memcmp(a.p + 8, b.p + 8, 4) == 0;
}
