/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_shape.h"

#include <errno.h>
#include <stdio.h>

#include "base/num.h"

_Static_assert(sizeof(struct netfilter_shape) == 5, "no padding");

enum { V4_OFFSET = 96 };

static bool is_v4(struct net_prefix p)
{
	return net_addr_is_v4(p.addr) && p.bits >= V4_OFFSET;
}

static unsigned key_bits(const struct netfilter_shape *s, uint8_t bits)
{
	if (s->v6)
		return bits;
	return bits > V4_OFFSET ? bits - V4_OFFSET : 0;
}

unsigned netfilter_shape_from(const struct netfilter_shape *s)
{
	return key_bits(s, s->from_bits);
}

unsigned netfilter_shape_to(const struct netfilter_shape *s)
{
	return key_bits(s, s->to_bits);
}

static bool is_clean(struct net_prefix p)
{
	if (p.bits > 128)
		return false;
	struct net_prefix clean = net_prefix_of(p.addr, p.bits);
	return memcmp(&clean, &p, sizeof(p)) == 0;
}

const char *netfilter_shape_of(const struct cut *c, bool closed, struct netfilter_shape *ret_shape)
{
	if (!is_clean(c->from) || !is_clean(c->to) || c->direction > CUT_FROM_ONLY)
		return "it is no cut";
	if (c->from.bits && c->to.bits && is_v4(c->from) != is_v4(c->to))
		return "its ends are of two address families, between which no packet goes";
	struct netfilter_shape s = {
	    .v6 = !is_v4(c->from.bits ? c->from : c->to),
	    .closed = closed,
	    .direction = c->direction,
	    .from_bits = c->from.bits,
	    .to_bits = c->to.bits,
	};
	if (netfilter_shape_from(&s) == 0 && netfilter_shape_to(&s) == 0)
		return "it would stop everything";
	*ret_shape = s;
	return NULL;
}

int netfilter_shape_compare(const struct netfilter_shape *a, const struct netfilter_shape *b)
{
	return memcmp(a, b, sizeof(*a));
}

static void bits_text(const struct netfilter_shape *s, uint8_t bits, char text[4])
{
	if (bits == 0)
		snprintf(text, 4, "any");
	else
		snprintf(text, 4, "%u", key_bits(s, bits));
}

char *netfilter_shape_name(const struct netfilter_shape *s, char *buf)
{
	char from[4], to[4];
	bits_text(s, s->from_bits, from);
	bits_text(s, s->to_bits, to);
	snprintf(buf, NETFILTER_NAME_SIZE, "%s_%s_%s_%s%s", s->closed ? "closed" : "leased",
	    s->v6 ? "ip6" : "ip", from, to, s->direction == CUT_FROM_ONLY ? "_begun" : "");
	return buf;
}

/* Takes the part up to the next '_' off the front. */
static struct text next_part(struct text *rest)
{
	size_t end = text_find(*rest, '_');
	struct text part = text_sub(*rest, 0, end);
	*rest = text_sub(*rest, end + 1, rest->n);
	return part;
}

static int parse_bits(struct text t, bool v6, uint8_t *ret_bits)
{
	uint64_t bits;
	if (text_equal(t, TEXT("any"))) {
		*ret_bits = 0;
		return 0;
	}
	if (num_parse_u64(t, v6 ? 128 : 32, &bits) < 0)
		return -EINVAL;
	*ret_bits = (uint8_t)(bits + (v6 ? 0 : V4_OFFSET));
	return 0;
}

int netfilter_shape_parse(struct text name, struct netfilter_shape *ret_shape)
{
	struct text rest = name;
	struct netfilter_shape s = {0};
	char again[NETFILTER_NAME_SIZE];
	s.closed = text_equal(next_part(&rest), TEXT("closed"));
	s.v6 = text_equal(next_part(&rest), TEXT("ip6"));
	if (parse_bits(next_part(&rest), s.v6, &s.from_bits) < 0 ||
	    parse_bits(next_part(&rest), s.v6, &s.to_bits) < 0)
		return -EINVAL;
	s.direction = rest.n ? CUT_FROM_ONLY : CUT_BOTH;
	if (netfilter_shape_from(&s) == 0 && netfilter_shape_to(&s) == 0)
		return -EINVAL;
	/* what was only glanced at, and second spellings of a number, show here */
	if (!text_equal(name, text_of(netfilter_shape_name(&s, again))))
		return -EINVAL;
	*ret_shape = s;
	return 0;
}

size_t netfilter_shape_key(
    const struct netfilter_shape *s, const struct cut *c, uint8_t key[NETFILTER_KEY_SIZE])
{
	size_t size = s->v6 ? 16 : 4, n = 0;
	if (netfilter_shape_from(s)) {
		memcpy(key, c->from.addr.b + 16 - size, size);
		n += size;
	}
	if (netfilter_shape_to(s)) {
		memcpy(key + n, c->to.addr.b + 16 - size, size);
		n += size;
	}
	return n;
}

/* The prefix at an end of a cut of this shape, whose address is at p where it is in the key. */
static struct net_prefix end_of(const struct netfilter_shape *s, uint8_t bits, const uint8_t *p)
{
	static const uint8_t zero[16];
	struct net_prefix end = {.bits = bits};
	if (bits == 0)
		return end;
	if (key_bits(s, bits) == 0)
		p = zero;
	end.addr = s->v6 ? net_addr_v6(p) : net_addr_v4(p);
	return end;
}

int netfilter_shape_cut(const struct netfilter_shape *s, const uint8_t *key, size_t n, struct cut *ret_cut)
{
	size_t size = s->v6 ? 16 : 4, at_to = netfilter_shape_from(s) ? size : 0;
	if (n != at_to + (netfilter_shape_to(s) ? size : 0))
		return -EINVAL;
	struct cut c = {
	    .from = end_of(s, s->from_bits, key),
	    .to = end_of(s, s->to_bits, key + at_to),
	    .direction = s->direction,
	};
	struct netfilter_shape again;
	if (netfilter_shape_of(&c, s->closed, &again) || netfilter_shape_compare(s, &again) != 0)
		return -EINVAL;
	*ret_cut = c;
	return 0;
}
