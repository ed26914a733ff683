/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/flowspec.h"

#include <string.h>

#include "base/err.h"

/* Components, which stand in this order (RFC 8955, 4.2.2). */
enum component {
	FLOWSPEC_DESTINATION = 1,
	FLOWSPEC_SOURCE = 2,
	FLOWSPEC_PROTOCOL = 3, /* of IPv6: the upper layer's (RFC 8956, 3.3) */
	FLOWSPEC_DESTINATION_PORT = 5,
	FLOWSPEC_SOURCE_PORT = 6,
};

/* The numeric operator (RFC 8955, 4.2.1.1): end of list, equal, and the value's size. */
enum {
	OP_END = 0x80,
	OP_SIZE = 0x30,
	OP_EQUAL = 0x01,
	OP_ONE_VALUE = OP_END | OP_EQUAL,
	OP_TWO_BYTES = 0x10
};

/* The length that takes two octets, and its mark in the first of them. */
enum { LENGTH_LONG = 0xf0, LENGTH_MASK = 0x0fff };

enum { V4_BITS = 96 };

static const struct net_prefix v4_all = {.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .bits = V4_BITS};

static bool is_anywhere(struct net_prefix p)
{
	return p.bits == 0;
}

static bool is_v4(struct net_prefix p)
{
	return p.bits >= V4_BITS && net_addr_is_v4(p.addr);
}

/* An IPv6 prefix that holds the place where IPv4 addresses are written. */
static bool holds_both(struct net_prefix p)
{
	return !is_anywhere(p) && p.bits < V4_BITS && net_prefix_covers(p, v4_all);
}

static bool is_cut_end(struct net_prefix p)
{
	return p.bits <= 128 && net_addr_equal(net_prefix_of(p.addr, p.bits).addr, p.addr);
}

/* All of IPv4 is anywhere, in a rule of IPv4. */
static struct net_prefix end_of(struct net_prefix p)
{
	static const struct net_prefix anywhere;
	return is_v4(p) && p.bits == V4_BITS ? anywhere : p;
}

const char *flowspec_cannot(const struct cut *c)
{
	if (!is_cut_end(c->from) || !is_cut_end(c->to))
		return "an end of it is no prefix";
	if (c->direction != CUT_BOTH)
		return "routers that are told by BGP know no connections: they can't stop only what one end "
		       "begins";
	if (holds_both(c->from) || holds_both(c->to))
		return "an end of it is neither of IPv4 nor of IPv6";
	if (is_anywhere(end_of(c->from)) && is_anywhere(end_of(c->to)))
		return "it names no address: a rule of it would stop all traffic";
	if (!is_anywhere(c->from) && !is_anywhere(c->to) && is_v4(c->from) != is_v4(c->to))
		return "its ends are of different families";
	return NULL;
}

size_t flowspec_of_cut(const struct cut *c, struct flowspec_rule ret_rules[FLOWSPEC_RULES_MAX])
{
	if (flowspec_cannot(c))
		return 0;
	struct net_prefix named = is_anywhere(c->from) ? c->to : c->from;
	struct flowspec_rule r = {.dst = end_of(c->to), .src = end_of(c->from), .v6 = !is_v4(named)};
	ret_rules[0] = r;
	r.dst = ret_rules[0].src;
	r.src = ret_rules[0].dst;
	ret_rules[1] = r;
	return memcmp(&ret_rules[0], &ret_rules[1], sizeof(r)) == 0 ? 1 : 2;
}

/* What of an end of a rule lies within p: one of the two, since prefixes never overlap by half. */
static bool common(struct net_prefix end, struct net_prefix p, bool v6, struct net_prefix *ret_common)
{
	if (!is_anywhere(p) && (holds_both(p) || is_v4(p) == v6))
		return false;
	p = end_of(p);
	if (!net_prefix_covers(end, p) && !net_prefix_covers(p, end))
		return false;
	*ret_common = end.bits >= p.bits ? end : p;
	return true;
}

size_t flowspec_pass(const struct flowspec_rule *r, const struct backend_pass *p,
    struct flowspec_rule ret_rules[FLOWSPEC_PASSES_MAX], bool *ret_all)
{
	size_t n = 0;
	*ret_all = false;
	for (int end = 0; end < 2; end++) {
		struct flowspec_rule pass = *r;
		if (!common(end ? r->src : r->dst, p->prefix, r->v6, end ? &pass.src : &pass.dst))
			continue;
		if (pass.dst.bits == 128 && memcmp(&pass.dst, &pass.src, sizeof(pass.dst)) == 0)
			continue; /* a machine's words to itself */
		pass.protocol = p->protocol;
		if (p->protocol)
			*(end ? &pass.src_port : &pass.dst_port) = p->port;
		if (memcmp(&pass, r, sizeof(pass)) == 0)
			*ret_all = true;
		if (n == 0 || memcmp(&pass, &ret_rules[0], sizeof(pass)) != 0)
			ret_rules[n++] = pass;
	}
	return *ret_all ? 0 : n;
}

static size_t put_prefix(uint8_t *to, enum component type, struct net_prefix p, bool v6)
{
	uint8_t bits = v6 ? p.bits : (uint8_t)(p.bits - V4_BITS);
	size_t n = 0, bytes = (bits + 7u) / 8;
	if (is_anywhere(p))
		return 0;
	to[n++] = (uint8_t)type;
	to[n++] = bits;
	if (v6)
		to[n++] = 0; /* the offset: all bits count */
	memcpy(to + n, p.addr.b + (v6 ? 0 : 12), bytes);
	return n + bytes;
}

static size_t put_number(uint8_t *to, enum component type, uint16_t value)
{
	if (value == 0)
		return 0;
	to[0] = (uint8_t)type;
	to[1] = OP_ONE_VALUE;
	to[2] = (uint8_t)value;
	if (value <= UINT8_MAX)
		return 3;
	to[1] |= OP_TWO_BYTES;
	store_be16(to + 2, value);
	return 4;
}

static bool is_of_family(struct net_prefix p, bool v6)
{
	return is_anywhere(p) ||
	       (is_cut_end(p) && !holds_both(p) && is_v4(p) != v6 && (v6 || p.bits > V4_BITS));
}

int flowspec_encode(const struct flowspec_rule *r, uint8_t ret_nlri[FLOWSPEC_NLRI_MAX])
{
	uint8_t nlri[FLOWSPEC_NLRI_MAX];
	size_t n = 1;
	if ((is_anywhere(r->dst) && is_anywhere(r->src)) || !is_of_family(r->dst, r->v6) ||
	    !is_of_family(r->src, r->v6) || (!r->protocol && (r->dst_port || r->src_port)))
		return -ERR_INVALID;
	n += put_prefix(nlri + n, FLOWSPEC_DESTINATION, r->dst, r->v6);
	n += put_prefix(nlri + n, FLOWSPEC_SOURCE, r->src, r->v6);
	n += put_number(nlri + n, FLOWSPEC_PROTOCOL, r->protocol);
	n += put_number(nlri + n, FLOWSPEC_DESTINATION_PORT, r->dst_port);
	n += put_number(nlri + n, FLOWSPEC_SOURCE_PORT, r->src_port);
	nlri[0] = (uint8_t)(n - 1);

	/* what a router will make of it must be what was meant */
	struct flowspec_rule back;
	struct cursor c = cursor_of(nlri, n);
	if (flowspec_decode(&c, r->v6, &back) < 0 || cursor_left(&c) || memcmp(&back, r, sizeof(back)) != 0)
		return -ERR_INVALID;
	memcpy(ret_nlri, nlri, n);
	return (int)n;
}

int flowspec_skip(struct cursor *c, struct cursor *ret_components)
{
	const uint8_t *first = cursor_peek(c, 1);
	bool is_long = first && *first >= LENGTH_LONG;
	size_t length = is_long ? cursor_be16(c) & LENGTH_MASK : cursor_u8(c);
	*ret_components = cursor_sub(c, length);
	if (!cursor_ok(c))
		return -ERR_TRUNCATED;
	return length ? 0 : -ERR_MALFORMED;
}

static int take_prefix(struct cursor *c, bool v6, struct net_prefix *ret_prefix)
{
	uint8_t bits = cursor_u8(c), offset = v6 ? cursor_u8(c) : 0, widest = v6 ? 128 : 32;
	if (!cursor_ok(c) || bits > widest || (bits ? offset >= bits : offset > 0))
		return -ERR_MALFORMED;
	size_t n = (bits - offset + 7u) / 8;
	const uint8_t *pattern = cursor_take(c, n);
	struct net_addr addr = v4_all.addr;
	if (!pattern)
		return -ERR_MALFORMED;
	if (offset)
		return -ERR_UNSUPPORTED;
	if (v6)
		memset(&addr, 0, sizeof(addr));
	memcpy(addr.b + (v6 ? 0 : 12), pattern, n);
	struct net_prefix p = net_prefix_of(addr, v6 ? bits : (uint8_t)(bits + V4_BITS));
	/* what matches everything, and what of IPv6 looks like IPv4 here, are none that we name */
	if (bits == 0 || holds_both(p) || is_v4(p) == v6)
		return -ERR_UNSUPPORTED;
	*ret_prefix = p;
	return 0;
}

/* A list of one value that is to be equal; any other that is well-formed is unsupported. */
static int take_number(struct cursor *c, uint16_t most, uint16_t *ret_value)
{
	uint8_t op = cursor_u8(c);
	size_t size = (size_t)1 << ((op & OP_SIZE) >> 4);
	const uint8_t *value = cursor_take(c, size);
	if (!value)
		return -ERR_MALFORMED;
	if ((op & ~OP_SIZE) != OP_ONE_VALUE || size > 2)
		return -ERR_UNSUPPORTED;
	uint16_t v = size == 1 ? value[0] : load_be16(value);
	if (v == 0 || v > most)
		return -ERR_UNSUPPORTED;
	*ret_value = v;
	return 0;
}

static int take_component(struct cursor *c, uint8_t type, struct flowspec_rule *r)
{
	uint16_t protocol = 0;
	int e;
	switch (type) {
	case FLOWSPEC_DESTINATION: return take_prefix(c, r->v6, &r->dst);
	case FLOWSPEC_SOURCE: return take_prefix(c, r->v6, &r->src);
	case FLOWSPEC_PROTOCOL:
		e = take_number(c, UINT8_MAX, &protocol);
		r->protocol = (uint8_t)protocol;
		return e;
	case FLOWSPEC_DESTINATION_PORT: return take_number(c, UINT16_MAX, &r->dst_port);
	case FLOWSPEC_SOURCE_PORT: return take_number(c, UINT16_MAX, &r->src_port);
	default: return -ERR_UNSUPPORTED;
	}
}

int flowspec_decode(struct cursor *c, bool v6, struct flowspec_rule *ret_rule)
{
	struct flowspec_rule r = {.v6 = v6};
	struct cursor in;
	uint8_t before = 0;
	int e = flowspec_skip(c, &in);
	while (e == 0 && cursor_left(&in)) {
		uint8_t type = cursor_u8(&in);
		e = type > before ? take_component(&in, type, &r) : -ERR_MALFORMED;
		before = type;
	}
	if (e < 0)
		return e;
	if ((is_anywhere(r.dst) && is_anywhere(r.src)) || (!r.protocol && (r.dst_port || r.src_port)))
		return -ERR_UNSUPPORTED;
	*ret_rule = r;
	return 0;
}
