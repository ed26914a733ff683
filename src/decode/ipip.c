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
