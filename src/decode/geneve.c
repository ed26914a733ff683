/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/ethertype.h"
#include "decode/walk.h"
#include "net/app.h"

enum { GENEVE_HEAD = 8, GENEVE_OPTIONS_UNIT = 4, GENEVE_OPTIONS_MASK = 0x3f, GENEVE_RESERVED = 0x3f };

/* GENEVE, RFC 8926, at its port, where what is inside holds together. */
enum decode_step decode_geneve(struct walk *w)
{
	const uint8_t *p = walk_peek(w, GENEVE_HEAD);
	if (!p || p[0] >> 6 != 0 || (p[1] & GENEVE_RESERVED) || p[7] != 0)
		return walk_stop(w, DECODE_EVENT_GENEVE_MALFORMED);
	size_t head = GENEVE_HEAD + (p[0] & GENEVE_OPTIONS_MASK) * (size_t)GENEVE_OPTIONS_UNIT;
	uint16_t type = load_be16(p + 2);
	bool ethernet = type == ETHERTYPE_TRANSPARENT_BRIDGING;
	bool ip = type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
	if (!(ethernet && sane_ethernet(w, head)) && !(ip && sane_ip(w, head)))
		return walk_stop(w, DECODE_EVENT_GENEVE_MALFORMED);
	(void)walk_take(w, head);
	walk_enter_tunnel(w, APP_GENEVE);
	return ethernet ? DECODE_ETHERNET : DECODE_IP;
}
