/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"
#include "net/app.h"

enum { VXLAN_HEAD = 8, VXLAN_HAS_VNI = 0x08, VXLAN_HAS_POLICY = 0x80 };

/*
 * VXLAN (RFC 7348, with the group policy extension), at its ports. The RFC wants reserved bits ignored; here
 * they must be zero and the frame inside must hold together, since anybody may use the port for something
 * else.
 */
enum decode_step decode_vxlan(struct walk *w)
{
	const uint8_t *p = walk_peek(w, VXLAN_HEAD);
	if (!p || (p[0] & ~VXLAN_HAS_POLICY) != VXLAN_HAS_VNI || p[7] != 0 ||
	    (!(p[0] & VXLAN_HAS_POLICY) && load_be16(p + 2) != 0) || !sane_ethernet(w, VXLAN_HEAD))
		return walk_stop(w, DECODE_EVENT_VXLAN_MALFORMED);
	(void)walk_take(w, VXLAN_HEAD);
	walk_enter_tunnel(w, APP_VXLAN);
	return DECODE_ETHERNET;
}
