/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "decode/walk.h"
#include "net/app.h"

enum {
	TEREDO_AUTHENTICATION = 0x0001,
	TEREDO_ORIGIN = 0x0000,
	AUTHENTICATION_HEAD = 4,
	AUTHENTICATION_TAIL = 9, /* nonce and confirmation */
	ORIGIN_HEAD = 8,
	IPV6_HEAD = 40,
	TRAILER_HEAD = 2,
	TRAILER_LAST = 5,
};

/* The bytes in front of the IPv6 packet: an authentication, an origin indication, both or none (RFC
 * 4380, 5.1.1). */
static size_t indications(const struct walk *w)
{
	size_t at = 0;
	const uint8_t *p = walk_peek(w, AUTHENTICATION_HEAD);
	if (p && load_be16(p) == TEREDO_AUTHENTICATION)
		at = AUTHENTICATION_HEAD + (size_t)p[2] + p[3] + AUTHENTICATION_TAIL;
	p = walk_peek(w, at + 2);
	if (p && load_be16(p + at) == TEREDO_ORIGIN)
		at += ORIGIN_HEAD;
	return at;
}

/* Whether trailers (RFC 6081, 4) fill the datagram from there to its last byte. */
static bool trailers_fill(const struct walk *w, size_t at)
{
	while (at < w->length) {
		const uint8_t *p = walk_peek(w, at + TRAILER_HEAD);
		if (!p || p[at] == 0 || p[at] > TRAILER_LAST)
			return false;
		at += TRAILER_HEAD + (size_t)p[at + 1];
	}
	return at == w->length;
}

static bool is_teredo_address(const uint8_t *p)
{
	static const uint8_t prefix[4] = {0x20, 0x01, 0x00, 0x00};
	return memcmp(p, prefix, sizeof(prefix)) == 0;
}

static bool is_link_local(const uint8_t *p)
{
	return p[0] == 0xfe && (p[1] & 0xc0) == 0x80;
}

/*
 * Teredo, RFC 4380. Clients talk to each other from any port, so it is found by content: an IPv6 packet that
 * fills the datagram to its last byte, of which one end has a Teredo address. At the usual port link-local
 * ends will do: they ask a server for an address.
 */
enum decode_step decode_teredo(struct walk *w, bool usual_port)
{
	/* nearly all other traffic ends here */
	const uint8_t *p = walk_peek(w, IPV6_HEAD);
	if (!p || (p[0] >> 4 != 6 && p[0] != 0))
		return DECODE_DONE;
	size_t at = p[0] == 0 ? indications(w) : 0;
	p = walk_peek(w, at + IPV6_HEAD);
	p = p ? p + at : NULL;
	if (!p || p[0] >> 4 != 6 || !trailers_fill(w, at + IPV6_HEAD + load_be16(p + 4))) {
		if (usual_port)
			walk_event(w, DECODE_EVENT_TEREDO_MALFORMED);
		return DECODE_DONE;
	}
	bool addressed = is_teredo_address(p + 8) || is_teredo_address(p + 24);
	if (!addressed && !(usual_port && is_link_local(p + 8)))
		return DECODE_DONE;
	(void)walk_take(w, at);
	walk_enter_tunnel(w, APP_TEREDO);
	return DECODE_IPV6;
}
