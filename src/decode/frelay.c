/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frame relay: the address of ITU-T Q.922 and the encapsulation of RFC 2427; Cisco's puts an EtherType
 * instead. */

#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	ADDRESS_LAST = 0x01, /* of each address byte: none follows */
	ADDRESS_MAX = 4,
	ADDRESS_LEAST = 2,
	CONTROL_UI = 0x03,
	NLPID_PAD = 0x00,
	NLPID_SNAP = 0x80,
	NLPID_IPV6 = 0x8e,
	NLPID_IPV4 = 0xcc,
	SNAP_HEAD = 5,
};

static bool take_address(struct walk *w)
{
	for (int i = 1; i <= ADDRESS_MAX; i++) {
		const uint8_t *p = walk_take(w, 1);
		if (!p)
			return false;
		if (p[0] & ADDRESS_LAST)
			return i >= ADDRESS_LEAST;
	}
	return false;
}

enum decode_step decode_frame_relay(struct walk *w)
{
	const uint8_t *p = take_address(w) ? walk_take(w, 2) : NULL;
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	if (p[0] != CONTROL_UI) {
		w->ethertype = load_be16(p);
		return w->ethertype > ETHERTYPE_LENGTH_MAX ? DECODE_ETHERTYPE : DECODE_DONE;
	}
	uint8_t nlpid = p[1];
	if (nlpid == NLPID_PAD) {
		p = walk_take(w, 1);
		nlpid = p ? p[0] : 0;
	}
	switch (nlpid) {
	case NLPID_IPV4: return DECODE_IPV4;
	case NLPID_IPV6: return DECODE_IPV6;
	case NLPID_SNAP:
		p = walk_take(w, SNAP_HEAD);
		if (!p)
			return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
		w->ethertype = load_be16(p + 3);
		/* the OUI of plain EtherTypes; others are bridging */
		return load_be16(p) == 0 && p[2] == 0 && w->ethertype > ETHERTYPE_LENGTH_MAX
		           ? DECODE_ETHERTYPE
		           : DECODE_DONE;
	default: return DECODE_DONE; /* management, ISO */
	}
}
