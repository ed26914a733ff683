/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"

enum {
	NSH_HEAD = 8, /* base and service path */
	NSH_IPV4 = 1,
	NSH_IPV6 = 2,
	NSH_ETHERNET = 3,
	NSH_MPLS = 5,
};

/* The network service header, RFC 8300. */
enum decode_step decode_nsh(struct walk *w)
{
	const uint8_t *p = walk_peek(w, NSH_HEAD);
	size_t length = p ? (p[1] & 0x3fu) * 4 : 0;
	if (length < NSH_HEAD || p[0] >> 6 != 0 || !walk_take(w, length))
		return walk_stop(w, DECODE_EVENT_NSH_MALFORMED);
	switch (p[3]) {
	case NSH_IPV4: return DECODE_IPV4;
	case NSH_IPV6: return DECODE_IPV6;
	case NSH_ETHERNET: return DECODE_ETHERNET;
	case NSH_MPLS: return DECODE_MPLS;
	default: return DECODE_DONE;
	}
}
