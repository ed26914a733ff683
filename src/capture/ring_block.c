/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/ring_block.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/timefmt.h"

enum { COOKED_HEAD = 16, TAG = 4, MACS = 12 };

/* Where the address that the kernel tells of a frame stands, behind its head. */
#define SLOT_ADDRESS TPACKET_ALIGN(sizeof(struct tpacket3_hdr))
#define CELL_ADDRESS TPACKET_ALIGN(sizeof(struct tpacket2_hdr))

void ring_block_begin(struct ring_block *b, uint8_t *base, uint32_t size)
{
	struct tpacket_block_desc desc;
	memcpy(&desc, base, sizeof(desc));
	*b = (struct ring_block){.base = base,
	    .size = size,
	    .at = desc.hdr.bh1.offset_to_first_pkt,
	    .left = desc.hdr.bh1.num_pkts};
}

static int64_t stamp_of(uint32_t seconds, uint32_t nanoseconds)
{
	return (int64_t)seconds * NS_PER_S + (nanoseconds < NS_PER_S ? nanoseconds : NS_PER_S - 1);
}

static void set_address(struct ring_slot *s, const uint8_t *at)
{
	struct sockaddr_ll from;
	memcpy(&from, at, sizeof(from));
	s->protocol = ntohs(from.sll_protocol);
	s->hatype = from.sll_hatype;
	s->packet_type = from.sll_pkttype;
	s->halen = from.sll_halen;
	memcpy(s->source, from.sll_addr, sizeof(s->source));
}

int ring_block_next(struct ring_block *b, struct ring_slot *ret_slot)
{
	struct tpacket3_hdr h;
	if (b->left == 0)
		return 0;
	if (b->at < sizeof(struct tpacket_block_desc) || b->at > b->size || b->size - b->at < TPACKET3_HDRLEN)
		return -ERR_MALFORMED;
	uint8_t *head = b->base + b->at;
	uint32_t here = b->size - b->at;
	memcpy(&h, head, sizeof(h));
	if (h.tp_mac < TPACKET3_HDRLEN || h.tp_mac > here || h.tp_snaplen > here - h.tp_mac)
		return -ERR_MALFORMED;
	bool last = b->left == 1; /* of the last one the kernel gives no next */
	if (!last && (h.tp_next_offset < h.tp_mac + h.tp_snaplen || h.tp_next_offset > here))
		return -ERR_MALFORMED;
	*ret_slot = (struct ring_slot){.data = head + h.tp_mac,
	    .caplen = h.tp_snaplen,
	    .wirelen = h.tp_len > h.tp_snaplen ? h.tp_len : h.tp_snaplen,
	    .room = h.tp_mac - (uint32_t)TPACKET3_HDRLEN,
	    .time_ns = stamp_of(h.tp_sec, h.tp_nsec),
	    .tagged = h.tp_status & TP_STATUS_VLAN_VALID,
	    .tag = (uint16_t)h.hv1.tp_vlan_tci,
	    .tag_type = h.tp_status & TP_STATUS_VLAN_TPID_VALID ? h.hv1.tp_vlan_tpid : ETH_P_8021Q};
	set_address(ret_slot, head + SLOT_ADDRESS);
	b->left--;
	if (!last) {
		b->at += h.tp_next_offset;
		__builtin_prefetch(b->base + b->at);
	}
	return 1;
}

int ring_cell_read(uint8_t *cell, uint32_t size, struct ring_slot *ret_slot)
{
	struct tpacket2_hdr h;
	if (size < TPACKET2_HDRLEN)
		return -ERR_MALFORMED;
	memcpy(&h, cell, sizeof(h));
	if (h.tp_mac < TPACKET2_HDRLEN || h.tp_mac > size || h.tp_snaplen > size - h.tp_mac)
		return -ERR_MALFORMED;
	*ret_slot = (struct ring_slot){.data = cell + h.tp_mac,
	    .caplen = h.tp_snaplen,
	    .wirelen = h.tp_len > h.tp_snaplen ? h.tp_len : h.tp_snaplen,
	    .room = h.tp_mac - (uint32_t)TPACKET2_HDRLEN,
	    .time_ns = stamp_of(h.tp_sec, h.tp_nsec),
	    .tagged = h.tp_status & TP_STATUS_VLAN_VALID,
	    .tag = h.tp_vlan_tci,
	    .tag_type = h.tp_status & TP_STATUS_VLAN_TPID_VALID ? h.tp_vlan_tpid : ETH_P_8021Q};
	set_address(ret_slot, cell + CELL_ADDRESS);
	return 0;
}

/* Moves the front of the frame n bytes ahead; gives its new first byte, NULL where there is no room. */
static uint8_t *extend(struct ring_slot *s, uint32_t n)
{
	if (s->room < n)
		return NULL;
	s->data -= n;
	s->room -= n;
	s->caplen += n;
	s->wirelen = s->wirelen > UINT32_MAX - n ? UINT32_MAX : s->wirelen + n;
	return s->data;
}

/* IEEE 802.1Q, 9.5: the tag stands between the addresses and the type. */
static void put_tag(struct ring_slot *s)
{
	uint8_t *p = s->caplen >= MACS ? extend(s, TAG) : NULL;
	if (!p)
		return;
	memmove(p, p + TAG, MACS);
	store_be16(p + MACS, s->tag_type);
	store_be16(p + MACS + 2, s->tag);
}

/* tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html; a tag stands behind it, as if it were part of the payload.
 */
static void put_cooked(struct ring_slot *s)
{
	uint16_t protocol = s->protocol;
	uint8_t *p = s->tagged ? extend(s, TAG) : NULL;
	if (p) {
		store_be16(p, s->tag);
		store_be16(p + 2, protocol);
		protocol = s->tag_type;
	}
	p = extend(s, COOKED_HEAD);
	if (!p)
		return;
	store_be16(p, s->packet_type);
	store_be16(p + 2, s->hatype);
	store_be16(p + 4, s->halen);
	memcpy(p + 6, s->source, sizeof(s->source));
	store_be16(p + 14, protocol);
}

void ring_slot_frame(
    struct ring_slot *s, uint16_t linktype, uint16_t vantage, struct capture_frame *ret_frame)
{
	if (linktype == RING_LINK_COOKED)
		put_cooked(s);
	else if (linktype == RING_LINK_ETHERNET && s->tagged)
		put_tag(s);
	*ret_frame = (struct capture_frame){.time_ns = s->time_ns,
	    .data = s->data,
	    .caplen = s->caplen,
	    .wirelen = s->wirelen,
	    .linktype = linktype,
	    .vantage = vantage};
}
