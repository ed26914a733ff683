/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of what carries other traffic: IKE, OpenVPN, WireGuard, SOCKS. */

#include "proto/naming_rows.h"

#include <string.h>

#include "base/cursor.h"

/* RFC 7296 3.1 and RFC 2408 3.1: version, exchange type, a length that agrees; on 4500 behind four zero
 * bytes. */
bool naming_ike(const struct naming_view *v)
{
	enum { IKE_HEADER = 28 };
	struct naming_bytes b = v->now;
	if (b.n >= 4 && load_be32(b.p) == 0) {
		b.p += 4;
		b.n -= 4;
	}
	if (b.n < IKE_HEADER || load_be64(b.p) == 0)
		return false;
	uint8_t version = b.p[17], exchange = b.p[18];
	bool one = version == 0x10 && (exchange <= 6 || exchange == 32 || exchange == 33);
	bool two = version == 0x20 && exchange >= 34 && exchange <= 44;
	return (one || two) && load_be32(b.p + 24) == b.n;
}

/*
 * The first control packets: a hard reset, our session, (with tls-auth a digest of 16 to 64 bytes, a packet
 * id of 1 and a time; with tls-crypt these before the digest), no acknowledgements yet, packet id 0.
 */
static bool openvpn_client(const uint8_t *p, size_t n)
{
	enum { CLIENT_V2 = 7 << 3, CLIENT_V3 = 10 << 3, PLAIN = 14 };
	static const size_t digests[] = {16, 20, 32, 48, 64};
	if (n < PLAIN || (p[0] != CLIENT_V2 && p[0] != CLIENT_V3))
		return false;
	if (n == PLAIN)
		return p[9] == 0 && load_be32(p + 10) == 0;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		size_t d = digests[i];
		if (n == PLAIN + d + 8 && load_be32(p + 9 + d) == 1 && p[17 + d] == 0 &&
		    load_be32(p + 18 + d) == 0)
			return true;
	}
	/* tls-crypt: 256-bit tag; version 2 adds the client's wrapped key behind. */
	return n >= 54 && load_be32(p + 9) == 1 &&
	       (n == 54 || (p[0] == CLIENT_V3 && load_be16(p + n - 2) <= n));
}

bool naming_openvpn(const struct naming_view *v)
{
	struct naming_bytes b = v->first[FLOW_FORWARD];
	if (v->flow->protocol == PACKET_TCP) {
		if (b.n < 3 || load_be16(b.p) != b.n - 2)
			return false;
		return openvpn_client(b.p + 2, b.n - 2);
	}
	return v->dir == FLOW_FORWARD && openvpn_client(v->now.p, v->now.n);
}

/* Handshake messages have one size each, data packets are padded to 16 (WireGuard protocol paper, 5.4). */
bool naming_wireguard(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if (b.n < 32)
		return false;
	switch (load_le32(b.p)) {
	case 1: return b.n == 148;
	case 2: return b.n == 92;
	case 3: return b.n == 64;
	case 4: return b.n % 16 == 0 && load_le32(b.p + 12) == 0;
	default: return false;
	}
}

/* Version 5: a list of methods that is the whole payload (RFC 1928 3). Version 4: command, target, user, NUL.
 */
bool naming_socks(const struct naming_view *v)
{
	struct naming_bytes b = v->first[FLOW_FORWARD];
	if (b.n >= 3 && b.p[0] == 5 && b.p[1] >= 1 && b.p[1] <= 10 && b.n == 2 + (size_t)b.p[1]) {
		for (size_t i = 2; i < b.n; i++)
			if (b.p[i] > 9 && b.p[i] < 0x80)
				return false;
		return true;
	}
	if (b.n < 9 || b.p[0] != 4 || (b.p[1] != 1 && b.p[1] != 2) || b.p[b.n - 1] != 0 ||
	    load_be16(b.p + 2) == 0)
		return false;
	for (size_t i = 8; i + 1 < b.n; i++) {
		/* Version 4a puts a name behind the user where the address is 0.0.0.x. */
		bool separator = b.p[i] == 0 && b.p[4] == 0 && b.p[5] == 0 && b.p[6] == 0;
		if ((b.p[i] < 0x20 || b.p[i] > 0x7e) && !separator)
			return false;
	}
	return true;
}
