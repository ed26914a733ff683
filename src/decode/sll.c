/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Linux cooked captures: what a packet socket tells of a frame whose own link header was removed. */

#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	SLL_HEAD = 16,
	SLL2_HEAD = 20,
	SLL_PROTOCOL_8022 = 4, /* an LLC header follows */
	ARPHRD_FRELAY = 770,
	ARPHRD_RADIOTAP = 803,
	ARPHRD_NETLINK = 824,
};

static enum decode_step cooked(struct walk *w, uint16_t arphrd, uint16_t protocol)
{
	if (arphrd == ARPHRD_NETLINK || arphrd == ARPHRD_FRELAY)
		return DECODE_DONE;
	if (arphrd == ARPHRD_RADIOTAP)
		return decode_radiotap(w);
	if (protocol == SLL_PROTOCOL_8022)
		return DECODE_LLC;
	if (protocol <= ETHERTYPE_LENGTH_MAX) /* raw IPX, CAN and the like */
		return DECODE_DONE;
	w->ethertype = protocol;
	return DECODE_ETHERTYPE;
}

enum decode_step decode_sll(struct walk *w)
{
	const uint8_t *p = walk_take(w, SLL_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	return cooked(w, load_be16(p + 2), load_be16(p + 14));
}

enum decode_step decode_sll2(struct walk *w)
{
	const uint8_t *p = walk_take(w, SLL2_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	return cooked(w, load_be16(p + 8), load_be16(p));
}
