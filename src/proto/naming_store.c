/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of stores and buses: databases, remote procedures and files of Unix, message brokers. */

#include "proto/naming_rows.h"

#include <string.h>

#include "base/cursor.h"

/* A CONNECT packet of Oracle Net: length, no checksums, type 1, version 3xx, and a description in brackets.
 */
bool naming_tns(const struct naming_view *v)
{
	enum { TNS_CONNECT = 1 };
	struct naming_bytes b = v->first[FLOW_FORWARD];
	if (b.n < 34 || load_be16(b.p + 2) != 0 || b.p[4] != TNS_CONNECT || load_be16(b.p + 6) != 0)
		return false;
	uint16_t length = load_be16(b.p), version = load_be16(b.p + 8);
	return length >= 34 && version >= 300 && version < 400 && memmem(b.p, b.n, "(", 1);
}

/* The header of a MongoDB message: length, ids, an operation of the wire protocol. */
bool naming_mongodb(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if (b.n < 16)
		return false;
	uint32_t length = load_le32(b.p), operation = load_le32(b.p + 12);
	bool known = operation == 1 || operation == 2001 || operation == 2002 ||
	             (operation >= 2004 && operation <= 2007) || (operation >= 2010 && operation <= 2013);
	return known && length >= 16 && length <= 48 << 20 &&
	       (length >= b.n || v->flow->protocol == PACKET_TCP);
}

/* Digits and CRLF behind a sign; what follows stands at *ret_at. */
static bool redis_count(struct naming_bytes b, size_t *ret_at, uint8_t sign)
{
	size_t at = *ret_at, digits = 0;
	if (at >= b.n || b.p[at++] != sign)
		return false;
	for (; at < b.n && b.p[at] >= '0' && b.p[at] <= '9' && digits < 9; at++)
		digits++;
	if (digits == 0 || at + 2 > b.n || b.p[at] != '\r' || b.p[at + 1] != '\n')
		return false;
	*ret_at = at + 2;
	return true;
}

/* A command as an array of bulk strings, or a refusal that only Redis words so. */
bool naming_redis(const struct naming_view *v)
{
	size_t at = 0;
	struct naming_bytes c = v->first[FLOW_FORWARD], s = v->first[FLOW_REVERSE];
	if (redis_count(c, &at, '*') && redis_count(c, &at, '$'))
		return true;
	return NAMING_STARTS(s, "-NOAUTH Authentication required") ||
	       NAMING_STARTS(s, "-DENIED Redis is running");
}

/* A call of ONC RPC (RFC 5531 9): version 2 and a program of the range that Sun gave out; NFS, mount, port
 * mapper. */
bool naming_nfs(const struct naming_view *v)
{
	struct cursor c = cursor_of(v->first[FLOW_FORWARD].p, v->first[FLOW_FORWARD].n);
	if (v->flow->protocol == PACKET_TCP) {
		uint32_t mark = cursor_be32(&c);
		if (!(mark & 0x80000000) || (mark & 0x7fffffff) < 40 || (mark & 0x7fffffff) > 4 << 20)
			return false;
	}
	cursor_skip(&c, 4);
	uint32_t call = cursor_be32(&c), rpc = cursor_be32(&c), program = cursor_be32(&c),
	         version = cursor_be32(&c);
	return cursor_ok(&c) && call == 0 && rpc == 2 && program >= 100000 && program <= 400000 &&
	       version <= 16;
}

/* CONNECT (MQTT 3.1 to 5): the protocol's name and level. */
bool naming_mqtt(const struct naming_view *v)
{
	struct cursor c = cursor_of(v->first[FLOW_FORWARD].p, v->first[FLOW_FORWARD].n);
	if (cursor_u8(&c) != 0x10)
		return false;
	for (int i = 0; i < 4 && cursor_u8(&c) & 0x80; i++)
		continue;
	struct text name = cursor_text(&c, cursor_be16(&c));
	uint8_t level = cursor_u8(&c);
	if (!cursor_ok(&c))
		return false;
	return text_equal(name, TEXT("MQTT")) ? level == 4 || level == 5
	                                      : text_equal(name, TEXT("MQIsdp")) && level == 3;
}
