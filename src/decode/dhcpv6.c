/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * DHCPv6 (RFC 8415): a server's reply gives the address, the client's identifier its MAC where it is of a
 * kind that holds one, and the client's own messages its name (RFC 4704). Relayed messages are not followed.
 */

#include "decode/walk.h"

enum {
	MESSAGE_HEAD = 4,
	MESSAGE_SOLICIT = 1,
	MESSAGE_REQUEST = 3,
	MESSAGE_RENEW = 5,
	MESSAGE_REBIND = 6,
	MESSAGE_REPLY = 7,
	OPTION_CLIENT_ID = 1,
	OPTION_ADDRESSES = 3,
	OPTION_ADDRESS = 5,
	OPTION_FQDN = 39,
	DUID_LINK_TIME = 1,
	DUID_LINK = 3,
	HARDWARE_ETHERNET = 1,
	ADDRESSES_HEAD = 12,
};

struct dhcpv6 {
	const uint8_t *mac;
	struct text name;
	struct net_addr addr;
	bool has_addr;
};

static const uint8_t *duid_mac(struct cursor c)
{
	uint16_t kind = cursor_be16(&c), hardware = cursor_be16(&c);
	if (kind == DUID_LINK_TIME)
		cursor_skip(&c, 4);
	else if (kind != DUID_LINK)
		return NULL;
	return hardware == HARDWARE_ETHERNET && cursor_left(&c) == 6 ? cursor_take(&c, 6) : NULL;
}

/* The first address that is not being taken back (its valid lifetime is not zero). */
static void read_addresses(struct cursor c, struct dhcpv6 *m)
{
	cursor_skip(&c, ADDRESSES_HEAD);
	while (cursor_left(&c)) {
		uint16_t option = cursor_be16(&c);
		struct cursor body = cursor_sub(&c, cursor_be16(&c));
		const uint8_t *p = cursor_take(&body, 16);
		cursor_skip(&body, 4);
		uint32_t valid = cursor_be32(&body);
		if (option == OPTION_ADDRESS && cursor_ok(&body) && valid && !m->has_addr) {
			m->addr = net_addr_v6(p);
			m->has_addr = true;
		}
	}
}

static bool read_options(struct cursor *c, struct dhcpv6 *m)
{
	while (cursor_left(c)) {
		uint16_t option = cursor_be16(c);
		struct cursor body = cursor_sub(c, cursor_be16(c));
		if (!cursor_ok(c))
			return false;
		if (option == OPTION_CLIENT_ID) {
			m->mac = duid_mac(body);
		} else if (option == OPTION_ADDRESSES) {
			read_addresses(body, m);
		} else if (option == OPTION_FQDN) {
			cursor_skip(&body, 1);
			m->name = cursor_text(&body, cursor_u8(&body));
		}
	}
	return true;
}

void decode_dhcpv6(struct walk *w)
{
	struct cursor c = w->c;
	struct dhcpv6 m = {0};
	const uint8_t *p = cursor_take(&c, MESSAGE_HEAD);
	uint8_t type = p ? p[0] : 0;
	bool reply = type == MESSAGE_REPLY;
	if (p && !reply && type != MESSAGE_SOLICIT && type != MESSAGE_REQUEST && type != MESSAGE_RENEW &&
	    type != MESSAGE_REBIND)
		return;
	if (!p || !read_options(&c, &m)) {
		if (cursor_left(&w->c) == w->length)
			walk_event(w, DECODE_EVENT_DHCP_MALFORMED);
		return;
	}
	if (!reply)
		m.addr = (struct net_addr){0}; /* what a client asks for, it hasn't yet */
	if (!m.mac || !(reply ? m.has_addr : m.name.n > 0))
		return;
	decode_bind(w, PACKET_BINDING_DHCP, m.addr, m.mac);
	if (w->packet->binding.source == PACKET_BINDING_DHCP)
		w->packet->binding.name = m.name;
}
