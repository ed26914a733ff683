/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"
#include "net/app.h"

enum {
	MPLS_ENTRY = 4,
	MPLS_CONTROL_WORD = 4,
	MPLS_BOTTOM = 0x100,
};

/*
 * MPLS (RFC 3032). Nothing in the labels tells what they carry: IP by its version and lengths, else an
 * Ethernet pseudowire with or without a control word (RFC 4448).
 */
enum decode_step decode_mpls(struct walk *w)
{
	uint32_t entry;
	do {
		const uint8_t *p = walk_take(w, MPLS_ENTRY);
		if (!p)
			return walk_stop(w, DECODE_EVENT_MPLS_TRUNCATED);
		entry = load_be32(p);
	} while (!(entry & MPLS_BOTTOM));
	if (sane_ip(w, 0))
		return DECODE_IP;
	const uint8_t *p = walk_peek(w, MPLS_CONTROL_WORD);
	if (p && p[0] >> 4 == 0 && sane_ethernet(w, MPLS_CONTROL_WORD)) {
		(void)walk_take(w, MPLS_CONTROL_WORD);
		return DECODE_ETHERNET;
	}
	return sane_ethernet(w, 0) ? DECODE_ETHERNET : DECODE_DONE;
}

/* MPLS in UDP (RFC 7510) at its port: IP behind the labels, or it is something else's payload. */
enum decode_step decode_mpls_in_udp(struct walk *w)
{
	size_t at = 0;
	const uint8_t *p;
	do {
		p = walk_peek(w, at + MPLS_ENTRY);
		if (!p)
			return walk_stop(w, DECODE_EVENT_MPLS_TRUNCATED);
		p += at;
		at += MPLS_ENTRY;
	} while (!(load_be32(p) & MPLS_BOTTOM));
	if (!sane_ip(w, at))
		return DECODE_DONE;
	(void)walk_take(w, at);
	walk_enter_tunnel(w, APP_IPIP);
	return DECODE_IP;
}
