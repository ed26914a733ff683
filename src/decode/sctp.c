/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"

enum { SCTP_HEAD = 12 };

/* SCTP, RFC 9260: ports; its chunks are the payload. */
enum decode_step decode_sctp(struct walk *w)
{
	const uint8_t *p = walk_take(w, SCTP_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_SCTP_TRUNCATED);
	struct packet_layer *l = walk_layer(w);
	l->src_port = load_be16(p);
	l->dst_port = load_be16(p + 2);
	l->has_ports = true;
	walk_set_payload(w, l);
	return DECODE_DONE;
}
