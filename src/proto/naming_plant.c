/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of protocols that move machines: Modbus, DNP3, EtherNet/IP. */

#include "proto/naming_rows.h"

#include "base/cursor.h"

/* Modbus/TCP: protocol 0, a length that agrees with the payload, a function code that is assigned. */
bool naming_modbus(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if (b.n < 8 || load_be16(b.p + 2) != 0)
		return false;
	size_t length = load_be16(b.p + 4);
	uint8_t function = b.p[7] & 0x7f;
	/* Pipelined requests stand behind each other: the first one's end is then another's start. */
	bool agrees = length + 6 == b.n || (length + 12 <= b.n && load_be16(b.p + length + 8) == 0);
	return length >= 2 && length <= 254 && agrees && function >= 1 && function <= 43;
}

/* CRC-16/DNP of IEEE 1815: polynomial 0x3d65 reflected, inverted. */
static uint16_t dnp3_crc(const uint8_t *p, size_t n)
{
	uint16_t crc = 0;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa6bc : crc >> 1);
	}
	return (uint16_t)~crc;
}

bool naming_dnp3(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	return b.n >= 10 && load_be16(b.p) == 0x0564 && b.p[2] >= 5 && load_le16(b.p + 8) == dnp3_crc(b.p, 8);
}

/* The encapsulation header: a command, a length that agrees, a status that is defined, no options. */
bool naming_enip(const struct naming_view *v)
{
	enum { ENIP_HEADER = 24 };
	struct naming_bytes b = v->now;
	if (b.n < ENIP_HEADER)
		return false;
	uint16_t command = load_le16(b.p);
	bool known = command == 0x01 || command == 0x04 || (command >= 0x63 && command <= 0x66) ||
	             command == 0x6f || command == 0x70 || command == 0x72 || command == 0x73;
	return known && (size_t)load_le16(b.p + 2) + ENIP_HEADER == b.n && load_le32(b.p + 8) <= 0x69 &&
	       load_le32(b.p + 20) == 0;
}
