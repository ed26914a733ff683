/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/ethertype.h"
#include "decode/walk.h"
#include "net/app.h"

enum { VXLAN_HEAD = 8, VXLAN_HAS_VNI = 0x08, VXLAN_HAS_POLICY = 0x80 };
enum { GPE_NAMES_PROTOCOL = 0x04 };
enum { GPE_IPV4 = 1, GPE_IPV6 = 2, GPE_ETHERNET = 3, GPE_NSH = 4, GPE_MPLS = 5 };

/*
 * VXLAN (RFC 7348, with the group policy extension), at its ports. The RFC wants reserved bits ignored; here
 * they must be zero and the frame inside must hold together, since anybody may use the port for something
 * else.
 */
enum decode_step decode_vxlan(struct walk *w)
{
	const uint8_t *p = walk_peek(w, VXLAN_HEAD);
	if (p && (p[0] & GPE_NAMES_PROTOCOL))
		return decode_vxlan_gpe(w);
	if (!p || (p[0] & ~VXLAN_HAS_POLICY) != VXLAN_HAS_VNI || p[7] != 0 ||
	    (!(p[0] & VXLAN_HAS_POLICY) && load_be16(p + 2) != 0) || !sane_ethernet(w, VXLAN_HEAD))
		return walk_stop(w, DECODE_EVENT_VXLAN_MALFORMED);
	(void)walk_take(w, VXLAN_HEAD);
	walk_enter_tunnel(w, APP_VXLAN);
	return DECODE_ETHERNET;
}

/* Its generic extension (draft-ietf-nvo3-vxlan-gpe), which names what it carries. */
enum decode_step decode_vxlan_gpe(struct walk *w)
{
	/* version 0, a network identifier and a next protocol; the bits for broadcast and OAM may be set */
	enum { GPE_FLAGS = 0x0c, GPE_FLAGS_FREE = 0x03 };
	const uint8_t *p = walk_peek(w, VXLAN_HEAD);
	enum decode_step next = DECODE_DONE;
	if (p && (p[0] & ~GPE_FLAGS_FREE) == GPE_FLAGS && load_be16(p + 1) == 0 && p[7] == 0) {
		if ((p[3] == GPE_IPV4 || p[3] == GPE_IPV6) && sane_ip(w, VXLAN_HEAD))
			next = DECODE_IP;
		else if (p[3] == GPE_ETHERNET && sane_ethernet(w, VXLAN_HEAD))
			next = DECODE_ETHERNET;
		else if (p[3] == GPE_NSH)
			next = DECODE_ETHERTYPE;
		else if (p[3] == GPE_MPLS)
			next = DECODE_MPLS;
	}
	if (next == DECODE_DONE)
		return walk_stop(w, DECODE_EVENT_VXLAN_MALFORMED);
	(void)walk_take(w, VXLAN_HEAD);
	walk_enter_tunnel(w, APP_VXLAN);
	w->ethertype = ETHERTYPE_NSH;
	return next;
}
