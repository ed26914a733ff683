/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"
#include "net/app.h"

/* IP directly in IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473). */
enum decode_step decode_ipip(struct walk *w)
{
	if (w->length == 0)
		return DECODE_DONE;
	walk_enter_tunnel(w, APP_IPIP);
	return w->protocol == PACKET_IPIP ? DECODE_IPV4 : DECODE_IPV6;
}

/* Ethernet directly in IPv6, as segment routing has it (RFC 8986, 9). */
enum decode_step decode_ethernet_in_ip(struct walk *w)
{
	walk_enter_tunnel(w, APP_IPIP);
	return DECODE_ETHERNET;
}

/* EtherIP, RFC 3378: version 3 and twelve zero bits in front of the frame. */
enum decode_step decode_etherip(struct walk *w)
{
	enum { ETHERIP_HEAD = 2, ETHERIP_VERSION_3 = 0x3000 };
	const uint8_t *p = walk_peek(w, ETHERIP_HEAD);
	if (!p || load_be16(p) != ETHERIP_VERSION_3)
		return DECODE_DONE;
	(void)walk_take(w, ETHERIP_HEAD);
	return decode_ethernet_in_ip(w);
}

/* RFC 4023. */
enum decode_step decode_mpls_in_ip(struct walk *w)
{
	walk_enter_tunnel(w, APP_IPIP);
	return DECODE_MPLS;
}

/* A PIM register (RFC 7761, 4.9.3) carries what a multicast source sent to the rendezvous point, whole; one
 * that is null has no more than a header to name the source. */
enum decode_step decode_pim(struct walk *w)
{
	enum { PIM_HEAD = 8, PIM_2_REGISTER = 0x21, PIM_NULL = 0x40 };
	const uint8_t *p = walk_peek(w, PIM_HEAD);
	if (!p || p[0] != PIM_2_REGISTER || p[4] & PIM_NULL || !sane_ip(w, PIM_HEAD))
		return DECODE_DONE;
	(void)walk_take(w, PIM_HEAD);
	walk_enter_tunnel(w, APP_IPIP);
	return DECODE_IP;
}
