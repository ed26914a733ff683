/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_update.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "enforce/flowspec.h"

/* Flags of attributes (RFC 4271, 4.3). */
enum { OPTIONAL = 0x80, TRANSITIVE = 0x40, PARTIAL = 0x20, LONG_LENGTH = 0x10 };

enum { ORIGIN_IGP = 0, AS_SEQUENCE = 2, LOCAL_PREF = 100, V4_BITS = 96 };

/* RFC 8955, 7.1: an extended community that limits the rate to a number of bytes a second, here 0.0. */
enum { TRAFFIC_RATE = 0x8006 };

/* RFC 7999 and RFC 1997: drop what is sent there, and tell no other AS of it. */
static const uint8_t blackhole_no_export[] = {0xff, 0xff, 0x02, 0x9a, 0xff, 0xff, 0xff, 0x01};

struct sink {
	uint8_t *p;
	size_t *n;
};

static void put(struct sink to, const void *p, size_t n)
{
	memcpy(to.p + *to.n, p, n);
	*to.n += n;
}

static void put_attribute(struct sink to, uint8_t flags, enum bgp_attribute type, const void *p, size_t n)
{
	put(to, (const uint8_t[]){flags, (uint8_t)type, (uint8_t)n}, 3);
	put(to, p, n);
}

static void put_path(struct sink to, const struct bgp_attributes *a)
{
	uint8_t path[6] = {AS_SEQUENCE, 1};
	bool two = !a->as4, wide = a->local_as > UINT16_MAX;
	if (a->internal) {
		put_attribute(to, TRANSITIVE, BGP_AS_PATH, path, 0);
		return;
	}
	store_be32(path + 2, a->local_as);
	if (!two) {
		put_attribute(to, TRANSITIVE, BGP_AS_PATH, path, 6);
		return;
	}
	store_be16(path + 2, wide ? BGP_AS_TRANS : (uint16_t)a->local_as);
	put_attribute(to, TRANSITIVE, BGP_AS_PATH, path, 4);
}

/* A peer that knows AS numbers of two octets passes the real path on beside its own (RFC 6793, 4.2.2). */
static void put_wide_path(struct sink to, const struct bgp_attributes *a)
{
	uint8_t path[6] = {AS_SEQUENCE, 1};
	if (a->internal || a->as4 || a->local_as <= UINT16_MAX)
		return;
	store_be32(path + 2, a->local_as);
	put_attribute(to, OPTIONAL | TRANSITIVE, BGP_AS4_PATH, path, 6);
}

/* In the order of their numbers, as RFC 4271 wishes. */
static void put_attributes(
    struct sink to, const struct bgp_attributes *a, enum bgp_family family, enum bgp_action action)
{
	uint8_t value[8] = {ORIGIN_IGP};
	put_attribute(to, TRANSITIVE, BGP_ORIGIN, value, 1);
	put_path(to, a);
	if (family == BGP_UNICAST_V4)
		put_attribute(to, TRANSITIVE, BGP_NEXT_HOP, a->next_hop[0].b + 12, 4);
	if (a->internal) {
		store_be32(value, LOCAL_PREF);
		put_attribute(to, TRANSITIVE, BGP_LOCAL_PREF, value, 4);
	}
	if (action == BGP_BLACKHOLE)
		put_attribute(to, OPTIONAL | TRANSITIVE, BGP_COMMUNITIES, blackhole_no_export,
		    sizeof(blackhole_no_export));
	if (action == BGP_DISCARD) {
		/* the AS number in it is a hint for people, in two octets; then the float 0.0 */
		memset(value, 0, sizeof(value));
		store_be16(value, TRAFFIC_RATE);
		store_be16(value + 2, (uint16_t)a->local_as);
		put_attribute(to, OPTIONAL | TRANSITIVE, BGP_EXTENDED_COMMUNITIES, value, 8);
	}
	put_wide_path(to, a);
}

static bool is_flow(enum bgp_family f)
{
	return f == BGP_FLOW_V4 || f == BGP_FLOW_V6;
}

/* The front of MP_REACH_NLRI or MP_UNREACH_NLRI (RFC 4760, 3 and 4); its length is filled in at the end. */
static void put_multiprotocol(
    struct sink to, const struct bgp_attributes *a, enum bgp_family family, bool withdraw)
{
	struct bgp_afi_safi as = bgp_afi_safi_of(family);
	const uint8_t front[] = {OPTIONAL | LONG_LENGTH, withdraw ? BGP_MP_UNREACH : BGP_MP_REACH, 0, 0, 0,
	    (uint8_t)as.afi, as.safi};
	const uint8_t no_hop = 0, long_hop = 16, reserved = 0;
	put(to, front, sizeof(front));
	if (withdraw)
		return;
	if (is_flow(family)) {
		put(to, &no_hop, 1);
	} else {
		put(to, &long_hop, 1);
		put(to, a->next_hop[1].b, 16);
	}
	put(to, &reserved, 1);
}

enum { WITHDRAWN_AT = 0, ATTRIBUTES_AT = 2, ATTRIBUTE_AT = 6 };

void bgp_update_begin(struct bgp_update_writer *w, const struct bgp_attributes *a, enum bgp_family family,
    enum bgp_action action)
{
	struct sink head = {w->head, &w->n_head}, tail = {w->tail, &w->n_tail};
	bool withdraw = action == BGP_WITHDRAW, plain = family == BGP_UNICAST_V4;
	assert(family < BGP_FAMILIES && (withdraw || is_flow(family) == (action != BGP_BLACKHOLE)));
	w->n_head = w->n_routes = w->n_tail = w->count = 0;
	w->in_withdrawn = withdraw && plain;
	w->in_attribute = !plain;
	put(head, (const uint8_t[]){0, 0}, 2);
	if (w->in_withdrawn) {
		put(tail, (const uint8_t[]){0, 0}, 2);
		return;
	}
	put(head, (const uint8_t[]){0, 0}, 2);
	if (w->in_attribute)
		put_multiprotocol(head, a, family, withdraw);
	if (!withdraw)
		put_attributes(plain ? head : tail, a, family, action);
}

bool bgp_update_add(struct bgp_update_writer *w, const uint8_t *nlri, size_t n)
{
	size_t used = BGP_HEADER_SIZE + w->n_head + w->n_routes + w->n_tail;
	if (n > BGP_MESSAGE_MAX - used)
		return false;
	memcpy(w->routes + w->n_routes, nlri, n);
	w->n_routes += n;
	w->count++;
	return true;
}

void bgp_update_end(struct bgp_update_writer *w, struct dynbuf *out)
{
	size_t inside = w->in_attribute ? w->n_routes + w->n_tail : 0;
	if (w->count == 0)
		return;
	if (w->in_withdrawn)
		store_be16(w->head + WITHDRAWN_AT, (uint16_t)w->n_routes);
	else
		store_be16(w->head + ATTRIBUTES_AT, (uint16_t)(w->n_head - ATTRIBUTES_AT - 2 + inside));
	if (w->in_attribute)
		store_be16(w->head + ATTRIBUTE_AT, (uint16_t)(w->n_head - ATTRIBUTE_AT - 2 + w->n_routes));
	bgp_header_encode(out, BGP_UPDATE, w->n_head + w->n_routes + w->n_tail);
	dynbuf_append(out, w->head, w->n_head);
	dynbuf_append(out, w->routes, w->n_routes);
	dynbuf_append(out, w->tail, w->n_tail);
}

size_t bgp_prefix_encode(struct net_prefix p, enum bgp_family family, uint8_t *ret_nlri)
{
	bool v4 = family == BGP_UNICAST_V4;
	uint8_t bits = v4 ? (uint8_t)(p.bits - V4_BITS) : p.bits;
	size_t n = (bits + 7u) / 8;
	ret_nlri[0] = bits;
	memcpy(ret_nlri + 1, p.addr.b + (v4 ? 12 : 0), n);
	return 1 + n;
}

int bgp_prefix_decode(struct cursor *c, enum bgp_family family, struct net_prefix *ret_prefix)
{
	bool v4 = family == BGP_UNICAST_V4;
	uint8_t bits = cursor_u8(c), b[16] = {0};
	size_t n = (bits + 7u) / 8;
	const uint8_t *p = cursor_take(c, n);
	if (!p || bits > (v4 ? 32 : 128))
		return -ERR_MALFORMED;
	memcpy(b, p, n);
	*ret_prefix = net_prefix_of(
	    v4 ? net_addr_v4(b) : net_addr_v6(b), v4 ? (uint8_t)(bits + V4_BITS) : bits);
	return 0;
}

/* Whether the routes can be told apart; of families that aren't ours nobody asks. */
static bool are_routes_readable(struct cursor nlri, enum bgp_family family)
{
	struct net_prefix prefix;
	struct cursor rule;
	int r = 0;
	while (r == 0 && cursor_left(&nlri))
		r = family == BGP_FAMILIES ? (cursor_skip(&nlri, cursor_left(&nlri)), 0)
		    : is_flow(family)      ? flowspec_skip(&nlri, &rule)
		                           : bgp_prefix_decode(&nlri, family, &prefix);
	return r == 0;
}

/* MP_REACH_NLRI and MP_UNREACH_NLRI. */
static int take_routes(struct cursor value, bool reach, struct bgp_routes_of *ret_routes)
{
	struct bgp_routes_of r = {.present = true, .afi = cursor_be16(&value)};
	r.safi = cursor_u8(&value);
	if (reach) {
		r.next_hop = cursor_sub(&value, cursor_u8(&value));
		cursor_skip(&value, 1); /* reserved */
	}
	r.nlri = cursor_sub(&value, cursor_left(&value));
	if (!cursor_ok(&value) || !are_routes_readable(r.nlri, bgp_family_of(r.afi, r.safi)))
		return -ERR_MALFORMED;
	*ret_routes = r;
	return 0;
}

/* What is known of an attribute's flags and length; `least` and `unit` of its value. */
struct form {
	uint8_t flags; /* OPTIONAL and TRANSITIVE as they must be */
	uint8_t least, most, unit;
};

static bool is_well_formed(uint8_t type, uint8_t flags, struct cursor value)
{
	static const struct form forms[] = {[BGP_ORIGIN] = {TRANSITIVE, 1, 1, 1},
	    [BGP_AS_PATH] = {TRANSITIVE, 0, 255, 2},
	    [BGP_NEXT_HOP] = {TRANSITIVE, 4, 4, 1},
	    [BGP_LOCAL_PREF] = {TRANSITIVE, 4, 4, 1},
	    [BGP_COMMUNITIES] = {OPTIONAL | TRANSITIVE, 4, 255, 4},
	    [BGP_EXTENDED_COMMUNITIES] = {OPTIONAL | TRANSITIVE, 8, 255, 8},
	    [BGP_AS4_PATH] = {OPTIONAL | TRANSITIVE, 6, 255, 2}};
	size_t n = cursor_left(&value);
	if (type >= sizeof(forms) / sizeof(forms[0]) || forms[type].unit == 0)
		return true;
	const struct form *f = &forms[type];
	return (flags & (OPTIONAL | TRANSITIVE)) == f->flags && n >= f->least &&
	       (f->most == 255 || n <= f->most) && n % f->unit == 0;
}

/* One attribute. One whose own length is wrong hides those behind it: then the routes count as withdrawn, and
 * what MP_* attributes said before stands (RFC 7606, 4). */
static int take_attribute(struct cursor *c, struct bgp_update *u, struct bgp_problem *ret_problem)
{
	const uint8_t *at = c->base + c->pos;
	uint8_t flags = cursor_u8(c), type = cursor_u8(c);
	struct cursor value = cursor_sub(c, flags & LONG_LENGTH ? cursor_be16(c) : cursor_u8(c));
	uint32_t bit = type < 32 ? UINT32_C(1) << type : 0;
	bool routes = type == BGP_MP_REACH || type == BGP_MP_UNREACH;
	if (!cursor_ok(c)) {
		u->refused = true;
		return 0;
	}
	if (routes && u->seen & bit) {
		*ret_problem = bgp_problem_of(BGP_ERROR_UPDATE, BGP_BAD_ATTRIBUTES, NULL, 0);
		return -ERR_MALFORMED;
	}
	if (routes &&
	    take_routes(value, type == BGP_MP_REACH, type == BGP_MP_REACH ? &u->reach : &u->unreach) < 0) {
		*ret_problem = bgp_problem_of(
		    BGP_ERROR_UPDATE, BGP_BAD_OPTIONAL, at, (size_t)(c->base + c->pos - at));
		return -ERR_MALFORMED;
	}
	if (!is_well_formed(type, flags, value))
		u->refused = true;
	if (bit && !(u->seen & bit))
		u->value[type] = value; /* of several the first holds (RFC 7606, 3 g) */
	u->seen |= bit;
	return 0;
}

/* Attributes that announced routes can't be without. */
static bool lacks_attribute(const struct bgp_update *u)
{
	uint32_t least = 1u << BGP_ORIGIN | 1u << BGP_AS_PATH;
	if (cursor_left(&u->nlri))
		least |= 1u << BGP_NEXT_HOP;
	return (u->reach.present || cursor_left(&u->nlri)) && (u->seen & least) != least;
}

int bgp_update_decode(struct cursor body, struct bgp_update *ret_update, struct bgp_problem *ret_problem)
{
	struct bgp_update u = {0};
	u.withdrawn = cursor_sub(&body, cursor_be16(&body));
	struct cursor attributes = cursor_sub(&body, cursor_be16(&body));
	u.nlri = cursor_sub(&body, cursor_left(&body));
	if (!cursor_ok(&body)) {
		*ret_problem = bgp_problem_of(BGP_ERROR_UPDATE, BGP_BAD_ATTRIBUTES, NULL, 0);
		return -ERR_MALFORMED;
	}
	if (!are_routes_readable(u.withdrawn, BGP_UNICAST_V4) ||
	    !are_routes_readable(u.nlri, BGP_UNICAST_V4)) {
		*ret_problem = bgp_problem_of(BGP_ERROR_UPDATE, BGP_BAD_NETWORK, NULL, 0);
		return -ERR_MALFORMED;
	}
	while (cursor_left(&attributes))
		if (take_attribute(&attributes, &u, ret_problem) < 0)
			return -ERR_MALFORMED;
	u.refused |= lacks_attribute(&u);
	*ret_update = u;
	return 0;
}
