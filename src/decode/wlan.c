/* SPDX-License-Identifier: GPL-2.0-or-later */

/* IEEE 802.11 data frames, and what capturing drivers put in front of them: radiotap, Prism, AVS. */

#include <string.h>

#include "decode/walk.h"

enum {
	FC_TYPE_MASK = 0x0f, /* version and type */
	FC_TYPE_DATA = 0x08,
	FC_VERSION_MASK = 0x03,
	FC_SUBTYPE_NO_DATA = 0x40,
	FC_SUBTYPE_QOS = 0x80,
	FC_TO_DS = 0x01,
	FC_FROM_DS = 0x02,
	FC_MORE_FRAGMENTS = 0x04,
	FC_PROTECTED = 0x40,
	FC_ORDER = 0x80,
	HEAD_LEAST = 24,
	HEAD_ADDRESS_4 = 6,
	HEAD_QOS = 2,
	HEAD_HT = 4,
	FRAGMENT_NUMBER_MASK = 0x0f,
	QOS_AMSDU = 0x80,
	FCS = 4,
	MAC = 6,
	ADDRESS_1_AT = 4,
	ADDRESS_2_AT = 10,
	ADDRESS_3_AT = 16,
	SEQUENCE_AT = 22,
	ADDRESS_4_AT = 24,

	AMSDU_HEAD = 14,

	RADIOTAP_LEAST = 8,
	RADIOTAP_PRESENT_TSFT = 1,
	RADIOTAP_PRESENT_FLAGS = 2,
	RADIOTAP_FLAG_FCS = 0x10,
	RADIOTAP_FLAG_PAD = 0x20, /* the 802.11 header is padded to 4 bytes */

	PRISM_HEAD = 144,
	AVS_LEAST = 8,
};
#define RADIOTAP_PRESENT_MORE UINT32_C(0x80000000)
#define AVS_MAGIC             UINT32_C(0x80211000)
#define AVS_MAGIC_MASK        UINT32_C(0xfffff000)

static void wlan_macs(struct packet *packet, const uint8_t *p, bool to_ds, bool from_ds)
{
	if (packet->has_mac || packet->n_layers)
		return;
	size_t dst_at = to_ds ? ADDRESS_3_AT : ADDRESS_1_AT;
	size_t src_at = !from_ds ? ADDRESS_2_AT : to_ds ? ADDRESS_4_AT : ADDRESS_3_AT;
	memcpy(packet->dst_mac.b, p + dst_at, MAC);
	memcpy(packet->src_mac.b, p + src_at, MAC);
	packet->has_mac = true;
}

static enum decode_step wlan_frame(struct walk *w, bool padded)
{
	const uint8_t *p = walk_peek(w, 2);
	if (!p || (p[0] & FC_VERSION_MASK) != 0)
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	if ((p[0] & FC_TYPE_MASK) != FC_TYPE_DATA || (p[0] & FC_SUBTYPE_NO_DATA))
		return DECODE_DONE;
	bool to_ds = p[1] & FC_TO_DS, from_ds = p[1] & FC_FROM_DS, qos = p[0] & FC_SUBTYPE_QOS;
	bool ht = qos && (p[1] & FC_ORDER);
	size_t qos_at = HEAD_LEAST + (to_ds && from_ds ? HEAD_ADDRESS_4 : 0);
	size_t head = qos_at + (qos ? HEAD_QOS : 0) + (ht ? HEAD_HT : 0);
	if (padded)
		head = (head + 3) & ~(size_t)3;
	p = walk_take(w, head);
	if (!p)
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	wlan_macs(w->packet, p, to_ds, from_ds);
	if (p[1] & FC_PROTECTED)
		return walk_stop(w, DECODE_EVENT_WLAN_PROTECTED);
	if ((p[1] & FC_MORE_FRAGMENTS) || (p[SEQUENCE_AT] & FRAGMENT_NUMBER_MASK))
		return walk_stop(w, DECODE_EVENT_WLAN_FRAGMENT);
	return qos && (p[qos_at] & QOS_AMSDU) ? DECODE_AMSDU : DECODE_LLC;
}

enum decode_step decode_ieee80211(struct walk *w)
{
	return wlan_frame(w, false);
}

/* One subframe of an aggregate; those behind it are kept for decoder_more. */
enum decode_step decode_amsdu(struct walk *w)
{
	const uint8_t *p = walk_take(w, AMSDU_HEAD);
	uint32_t n = p ? load_be16(p + 12) : 0;
	if (!p || n > w->length)
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	if (w->packet->n_layers == 0) {
		memcpy(w->packet->dst_mac.b, p, MAC);
		memcpy(w->packet->src_mac.b, p + MAC, MAC);
		w->packet->has_mac = true;
	}
	/* the next begins at a multiple of 4 from this one's beginning */
	uint32_t padded = ((AMSDU_HEAD + n + 3) & ~3u) - AMSDU_HEAD;
	if (cursor_left(&w->c) > padded) {
		struct cursor rest = w->c;
		cursor_skip(&rest, padded);
		decoder_keep_rest(w->decoder, rest, w->length - padded);
	}
	walk_limit(w, n);
	return DECODE_LLC;
}

/* The radiotap flags: the first or second field, behind a run of presence words. */
static uint8_t radiotap_flags(const uint8_t *head, size_t n)
{
	struct cursor c = cursor_of(head, n);
	cursor_skip(&c, 4);
	uint32_t first = cursor_le32(&c), word = first;
	while (cursor_ok(&c) && (word & RADIOTAP_PRESENT_MORE))
		word = cursor_le32(&c);
	if (!(first & RADIOTAP_PRESENT_FLAGS))
		return 0;
	if (first & RADIOTAP_PRESENT_TSFT)
		cursor_seek(&c, ((c.pos + 7) & ~(size_t)7) + 8);
	return cursor_u8(&c);
}

enum decode_step decode_radiotap(struct walk *w)
{
	const uint8_t *p = walk_peek(w, RADIOTAP_LEAST);
	size_t head = p ? load_le16(p + 2) : 0;
	p = head >= RADIOTAP_LEAST ? walk_take(w, head) : NULL;
	if (!p)
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	uint8_t flags = radiotap_flags(p, head);
	if ((flags & RADIOTAP_FLAG_FCS) && w->length >= FCS)
		walk_limit(w, w->length - FCS);
	return wlan_frame(w, flags & RADIOTAP_FLAG_PAD);
}

enum decode_step decode_avs(struct walk *w)
{
	const uint8_t *p = walk_peek(w, AVS_LEAST);
	uint32_t head = p ? load_be32(p + 4) : 0;
	if (head < AVS_LEAST || !walk_take(w, head))
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	return wlan_frame(w, false);
}

enum decode_step decode_prism(struct walk *w)
{
	const uint8_t *p = walk_peek(w, 4);
	if (p && (load_be32(p) & AVS_MAGIC_MASK) == AVS_MAGIC)
		return decode_avs(w);
	if (!walk_take(w, PRISM_HEAD))
		return walk_stop(w, DECODE_EVENT_WLAN_MALFORMED);
	return wlan_frame(w, false);
}
