/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * DHCP (RFC 2131, 2132) as a statement of who has which address and name: a server's acknowledgement gives
 * address and machine; a client's own request gives its name, and its address where it already has one.
 */

#include "decode/walk.h"

enum {
	BOOTP_HEAD = 236,
	BOOTP_REPLY = 2,
	HARDWARE_ETHERNET = 1,
	CIADDR_AT = 12,
	YIADDR_AT = 16,
	CHADDR_AT = 28,

	OPTION_PAD = 0,
	OPTION_HOST_NAME = 12,
	OPTION_MESSAGE_TYPE = 53,
	OPTION_FQDN = 81,
	OPTION_END = 255,
	FQDN_HEAD = 3,
	FQDN_ENCODED = 0x04, /* RFC 4702, 2.1: as DNS has names, else plain text */

	TYPE_NONE = 0, /* plain BOOTP */
	TYPE_DISCOVER = 1,
	TYPE_REQUEST = 3,
	TYPE_ACK = 5,
	TYPE_INFORM = 8,
};
#define DHCP_COOKIE UINT32_C(0x63825363)

struct dhcp {
	uint8_t type;
	struct text host, fqdn;
};

/* A machine's name out of a full one: in DNS form its first label, in plain form all of it. */
static struct text fqdn_name(const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n);
	uint8_t flags = cursor_u8(&c);
	cursor_skip(&c, FQDN_HEAD - 1);
	size_t length = flags & FQDN_ENCODED ? cursor_u8(&c) : cursor_left(&c);
	return cursor_text(&c, length);
}

static bool dhcp_options(struct cursor *c, struct dhcp *ret_dhcp)
{
	while (cursor_left(c)) {
		uint8_t option = cursor_u8(c);
		if (option == OPTION_PAD)
			continue;
		if (option == OPTION_END)
			return true;
		size_t n = cursor_u8(c);
		const uint8_t *p = cursor_take(c, n);
		if (!p)
			return false;
		if (option == OPTION_MESSAGE_TYPE && n == 1)
			ret_dhcp->type = p[0];
		else if (option == OPTION_HOST_NAME)
			ret_dhcp->host = text_bytes(p, n);
		else if (option == OPTION_FQDN)
			ret_dhcp->fqdn = fqdn_name(p, n);
	}
	return true; /* old senders leave out the end */
}

void decode_dhcp(struct walk *w)
{
	struct cursor c = w->c;
	struct dhcp dhcp = {0};
	const uint8_t *p = cursor_take(&c, BOOTP_HEAD);
	if (!p || cursor_be32(&c) != DHCP_COOKIE || !dhcp_options(&c, &dhcp)) {
		/* what the capture cut off isn't the sender's fault */
		if (cursor_left(&w->c) == w->length)
			walk_event(w, DECODE_EVENT_DHCP_MALFORMED);
		return;
	}
	if (p[1] != HARDWARE_ETHERNET || p[2] != 6)
		return;
	static const struct net_addr none;
	struct net_addr client = net_addr_v4(p + CIADDR_AT), yours = net_addr_v4(p + YIADDR_AT), addr = none;
	bool has_client = !net_addr_is_unspecified(client), has_yours = !net_addr_is_unspecified(yours);
	struct text name = dhcp.host.n ? dhcp.host : dhcp.fqdn;
	bool told = false;
	if (dhcp.type == TYPE_ACK || (dhcp.type == TYPE_NONE && p[0] == BOOTP_REPLY)) {
		addr = has_yours ? yours : has_client ? client : none;
		told = has_yours || has_client;
	} else if (dhcp.type == TYPE_DISCOVER || dhcp.type == TYPE_REQUEST || dhcp.type == TYPE_INFORM) {
		addr = has_client ? client : none;
		told = has_client || name.n;
	}
	if (!told)
		return;
	decode_bind(w, PACKET_BINDING_DHCP, addr, p + CHADDR_AT);
	if (w->packet->binding.source == PACKET_BINDING_DHCP)
		w->packet->binding.name = name;
}
