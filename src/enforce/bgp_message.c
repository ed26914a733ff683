/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_message.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum { MARKER_SIZE = 16, PARAMETER_CAPABILITIES = 2, PARAMETERS_EXTENDED = 255 };

enum capability { CAPABILITY_MULTIPROTOCOL = 1, CAPABILITY_ROUTE_REFRESH = 2, CAPABILITY_AS4 = 65 };

static const struct {
	struct bgp_afi_safi as;
	const char *name;
} families[BGP_FAMILIES] = {
    [BGP_UNICAST_V4] = {{1, 1}, "IPv4 unicast"},
    [BGP_UNICAST_V6] = {{2, 1}, "IPv6 unicast"},
    [BGP_FLOW_V4] = {{1, 133}, "IPv4 flow specification"},
    [BGP_FLOW_V6] = {{2, 133}, "IPv6 flow specification"},
};

struct bgp_afi_safi bgp_afi_safi_of(enum bgp_family f)
{
	return families[f].as;
}

enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi)
{
	unsigned f = 0;
	while (f < BGP_FAMILIES && (families[f].as.afi != afi || families[f].as.safi != safi))
		f++;
	return (enum bgp_family)f;
}

const char *bgp_family_name(enum bgp_family f)
{
	return f < BGP_FAMILIES ? families[f].name : "another family";
}

struct bgp_problem bgp_problem_of(enum bgp_error code, uint8_t subcode, const void *data, size_t n)
{
	struct bgp_problem p = {.code = (uint8_t)code, .subcode = subcode};
	p.n = (uint8_t)(n < BGP_PROBLEM_DATA_MAX ? n : BGP_PROBLEM_DATA_MAX);
	if (p.n)
		memcpy(p.data, data, p.n);
	return p;
}

struct name {
	uint8_t code, subcode;
	const char *text;
};

static const char *name_of(const struct name *names, size_t n, uint8_t code, uint8_t subcode)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].code == code && names[i].subcode == subcode)
			return names[i].text;
	return NULL;
}

char *bgp_problem_text(uint8_t code, uint8_t subcode, char *buf, size_t size)
{
	static const struct name codes[] = {{BGP_ERROR_HEADER, 0, "message header error"},
	    {BGP_ERROR_OPEN, 0, "OPEN message error"}, {BGP_ERROR_UPDATE, 0, "UPDATE message error"},
	    {BGP_ERROR_HOLD_TIMER, 0, "hold timer expired"}, {BGP_ERROR_STATE, 0, "unexpected message"},
	    {BGP_ERROR_CEASE, 0, "cease"}, {BGP_ERROR_SEND_HOLD_TIMER, 0, "send hold timer expired"}};
	static const struct name subcodes[] = {{1, 1, "connection not synchronized"},
	    {1, 2, "bad message length"}, {1, 3, "bad message type"}, {2, 1, "unsupported version"},
	    {2, 2, "bad peer AS"}, {2, 3, "bad BGP identifier"}, {2, 4, "unsupported optional parameter"},
	    {2, 6, "unacceptable hold time"}, {2, 7, "unsupported capability"},
	    {3, 1, "malformed attribute list"}, {3, 9, "optional attribute error"},
	    {3, 10, "invalid network field"}, {5, 1, "in OpenSent"}, {5, 2, "in OpenConfirm"},
	    {5, 3, "in Established"}, {6, 1, "maximum number of prefixes reached"},
	    {6, 2, "administrative shutdown"}, {6, 3, "peer de-configured"}, {6, 4, "administrative reset"},
	    {6, 5, "connection rejected"}, {6, 6, "other configuration change"},
	    {6, 7, "connection collision resolution"}, {6, 8, "out of resources"}};
	const char *what = name_of(codes, sizeof(codes) / sizeof(codes[0]), code, 0);
	const char *how = name_of(subcodes, sizeof(subcodes) / sizeof(subcodes[0]), code, subcode);
	if (how)
		snprintf(buf, size, "%s: %s", what, how);
	else if (what && subcode == 0)
		snprintf(buf, size, "%s", what);
	else
		snprintf(buf, size, "%s %d/%d", what ? what : "error", code, subcode);
	return buf;
}

/* Whether a message of that type can be so long (RFC 4271, 4.2 to 4.5; RFC 2918, 3). */
static bool is_length_possible(uint8_t type, uint16_t length)
{
	switch ((enum bgp_type)type) {
	case BGP_OPEN: return length >= 29;
	case BGP_UPDATE: return length >= 23;
	case BGP_NOTIFICATION: return length >= 21;
	case BGP_KEEPALIVE: return length == BGP_HEADER_SIZE;
	case BGP_ROUTE_REFRESH: return length >= 23;
	}
	return false;
}

int bgp_header_decode(struct text in, struct bgp_header *ret_header, struct bgp_problem *ret_problem)
{
	static const uint8_t ones[MARKER_SIZE] = {
	    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct cursor c = cursor_of(in.p, in.n);
	const uint8_t *marker = cursor_take(&c, MARKER_SIZE), *length_at = cursor_take(&c, 2);
	struct bgp_header h = {.type = cursor_u8(&c)};
	if (!cursor_ok(&c))
		return -ERR_TRUNCATED;
	h.length = load_be16(length_at);
	if (memcmp(marker, ones, MARKER_SIZE) != 0)
		*ret_problem = bgp_problem_of(BGP_ERROR_HEADER, BGP_NOT_SYNCHRONIZED, NULL, 0);
	else if (h.length < BGP_HEADER_SIZE || h.length > BGP_MESSAGE_MAX)
		*ret_problem = bgp_problem_of(BGP_ERROR_HEADER, BGP_BAD_LENGTH, length_at, 2);
	else if (h.type < BGP_OPEN || h.type > BGP_ROUTE_REFRESH)
		*ret_problem = bgp_problem_of(BGP_ERROR_HEADER, BGP_BAD_TYPE, &h.type, 1);
	else if (!is_length_possible(h.type, h.length))
		*ret_problem = bgp_problem_of(BGP_ERROR_HEADER, BGP_BAD_LENGTH, length_at, 2);
	else {
		*ret_header = h;
		return 0;
	}
	return -ERR_MALFORMED;
}

static void put_be16(struct dynbuf *out, uint16_t v)
{
	uint8_t *to = dynbuf_grow(out, 2);
	if (to)
		store_be16(to, v);
}

void bgp_header_encode(struct dynbuf *out, enum bgp_type type, size_t n)
{
	uint8_t *marker = dynbuf_grow(out, MARKER_SIZE);
	if (marker)
		memset(marker, 0xff, MARKER_SIZE);
	put_be16(out, (uint16_t)(BGP_HEADER_SIZE + n));
	dynbuf_u8(out, (uint8_t)type);
}

void bgp_open_encode(struct dynbuf *out, const struct bgp_open *o)
{
	struct {
		uint8_t p[64];
		size_t n;
	} caps = {.n = 0};
	for (unsigned f = 0; f < BGP_FAMILIES; f++)
		if (o->families & 1u << f) {
			const uint8_t c[] = {CAPABILITY_MULTIPROTOCOL, 4, 0, (uint8_t)families[f].as.afi, 0,
			    families[f].as.safi};
			memcpy(caps.p + caps.n, c, sizeof(c));
			caps.n += sizeof(c);
		}
	if (o->route_refresh) {
		caps.p[caps.n++] = CAPABILITY_ROUTE_REFRESH;
		caps.p[caps.n++] = 0;
	}
	if (o->as4) {
		caps.p[caps.n++] = CAPABILITY_AS4;
		caps.p[caps.n++] = 4;
		store_be32(caps.p + caps.n, o->as);
		caps.n += 4;
	}
	size_t parameters = caps.n ? 2 + caps.n : 0;
	bgp_header_encode(out, BGP_OPEN, 10 + parameters);
	dynbuf_u8(out, BGP_VERSION);
	put_be16(out, o->as <= UINT16_MAX ? (uint16_t)o->as : BGP_AS_TRANS);
	put_be16(out, o->hold_s);
	dynbuf_append(out, o->id, sizeof(o->id));
	dynbuf_u8(out, (uint8_t)parameters);
	if (caps.n) {
		dynbuf_u8(out, PARAMETER_CAPABILITIES);
		dynbuf_u8(out, (uint8_t)caps.n);
		dynbuf_append(out, caps.p, caps.n);
	}
}

void bgp_keepalive_encode(struct dynbuf *out)
{
	bgp_header_encode(out, BGP_KEEPALIVE, 0);
}

void bgp_notification_encode(struct dynbuf *out, const struct bgp_problem *p)
{
	bgp_header_encode(out, BGP_NOTIFICATION, 2 + (size_t)p->n);
	dynbuf_u8(out, p->code);
	dynbuf_u8(out, p->subcode);
	dynbuf_append(out, p->data, p->n);
}

void bgp_shutdown_encode(struct dynbuf *out, enum bgp_cease why, struct text word)
{
	word = text_sub(word, 0, BGP_SHUTDOWN_TEXT_MAX);
	bgp_header_encode(out, BGP_NOTIFICATION, 3 + word.n);
	dynbuf_u8(out, BGP_ERROR_CEASE);
	dynbuf_u8(out, (uint8_t)why);
	dynbuf_u8(out, (uint8_t)word.n);
	dynbuf_text(out, word);
}

struct capabilities {
	bool multiprotocol; /* some family was named */
	struct bgp_open *open;
};

static int take_capability(struct cursor *c, struct capabilities *found)
{
	uint8_t code = cursor_u8(c), n = cursor_u8(c);
	struct cursor value = cursor_sub(c, n);
	if (!cursor_ok(c))
		return -ERR_MALFORMED;
	if (code == CAPABILITY_MULTIPROTOCOL) {
		uint16_t afi = cursor_be16(&value);
		(void)cursor_u8(&value); /* reserved */
		enum bgp_family f = bgp_family_of(afi, cursor_u8(&value));
		found->multiprotocol = true;
		if (f < BGP_FAMILIES && cursor_ok(&value))
			found->open->families |= 1u << f;
	} else if (code == CAPABILITY_AS4) {
		found->open->as4 = true;
		found->open->as = cursor_be32(&value);
	} else if (code == CAPABILITY_ROUTE_REFRESH) {
		found->open->route_refresh = true;
	} else {
		return 0;
	}
	return cursor_ok(&value) && cursor_left(&value) == 0 ? 0 : -ERR_MALFORMED;
}

/* The optional parameters; of RFC 9072's longer form where the length says so. */
static int take_parameters(struct cursor *c, struct capabilities *found, struct bgp_problem *ret_problem)
{
	uint8_t n = cursor_u8(c);
	const uint8_t *first = cursor_peek(c, 1);
	bool is_long = n && first && *first == PARAMETERS_EXTENDED;
	struct cursor in;
	*ret_problem = bgp_problem_of(BGP_ERROR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0);
	if (is_long)
		cursor_skip(c, 1);
	in = cursor_sub(c, is_long ? cursor_be16(c) : n);
	if (!cursor_ok(c) || cursor_left(c))
		return -ERR_MALFORMED;
	while (cursor_left(&in)) {
		uint8_t type = cursor_u8(&in);
		struct cursor value = cursor_sub(&in, is_long ? cursor_be16(&in) : cursor_u8(&in));
		if (!cursor_ok(&in))
			return -ERR_MALFORMED;
		if (type != PARAMETER_CAPABILITIES) {
			*ret_problem = bgp_problem_of(BGP_ERROR_OPEN, BGP_BAD_PARAMETER, NULL, 0);
			return -ERR_MALFORMED;
		}
		while (cursor_left(&value))
			if (take_capability(&value, found) < 0)
				return -ERR_MALFORMED;
	}
	return cursor_ok(&in) ? 0 : -ERR_MALFORMED;
}

int bgp_open_decode(struct cursor body, struct bgp_open *ret_open, struct bgp_problem *ret_problem)
{
	static const uint8_t ours[] = {0, BGP_VERSION};
	struct bgp_open o = {0};
	struct capabilities found = {.open = &o};
	uint8_t version = cursor_u8(&body);
	uint16_t as = cursor_be16(&body);
	o.hold_s = cursor_be16(&body);
	const uint8_t *id = cursor_take(&body, sizeof(o.id));
	if (!id) {
		*ret_problem = bgp_problem_of(BGP_ERROR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0);
		return -ERR_MALFORMED;
	}
	if (version != BGP_VERSION) {
		*ret_problem = bgp_problem_of(BGP_ERROR_OPEN, BGP_BAD_VERSION, ours, sizeof(ours));
		return -ERR_MALFORMED;
	}
	memcpy(o.id, id, sizeof(o.id));
	if (take_parameters(&body, &found, ret_problem) < 0)
		return -ERR_MALFORMED;
	if (!o.as4)
		o.as = as;
	if (!found.multiprotocol)
		o.families = 1u << BGP_UNICAST_V4;
	*ret_open = o;
	return 0;
}

void bgp_notification_decode(struct cursor body, struct bgp_notification *ret_notification)
{
	struct bgp_notification n = {.code = cursor_u8(&body)};
	n.subcode = cursor_u8(&body);
	if (n.code == BGP_ERROR_CEASE && (n.subcode == BGP_SHUT_DOWN || n.subcode == BGP_RESET)) {
		struct text word = cursor_text(&body, cursor_u8(&body));
		n.word = cursor_ok(&body) ? word : (struct text){0};
	}
	*ret_notification = n;
}

enum bgp_family bgp_route_refresh_decode(struct cursor body)
{
	uint16_t afi = cursor_be16(&body);
	uint8_t subtype = cursor_u8(&body), safi = cursor_u8(&body);
	return cursor_ok(&body) && subtype == 0 && cursor_left(&body) == 0 ? bgp_family_of(afi, safi)
	                                                                   : BGP_FAMILIES;
}
