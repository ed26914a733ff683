/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/pieces.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

static const struct net_prefix all_v4 = {.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .bits = 96};
static const struct net_prefix multicast_v4 = {
    .addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = 224}}, .bits = 96 + 4};
static const struct net_prefix multicast_v6 = {.addr = {.b = {0xff}}, .bits = 8};

enum { EDGES_MAX = 1 << 18 };

enum { PART_NONE = 0xffff };

/* A prefix whose addresses are all of one part: a zone's number, or one more than the last: the outside. */
struct piece {
	struct net_prefix prefix;
	uint16_t part;
};

struct split {
	const struct pieces *pieces;
	uint16_t (*part_of)(const struct split *s, struct net_addr a); /* the same between two edges */
	struct piece *v;
	size_t n, cap;
};

static int by_place(const void *left, const void *right)
{
	const struct net_prefix *a = left, *b = right;
	int order = net_addr_compare(a->addr, b->addr);
	return order ? order : (int)a->bits - (int)b->bits;
}

/* Whether a longer prefix lies within p: then its addresses may differ. By place those come right after it.
 */
static bool is_divided(const struct pieces *pieces, struct net_prefix p)
{
	size_t low = 0, high = pieces->n_edges;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_place(&pieces->edges[middle], &p) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < pieces->n_edges && net_prefix_covers(p, pieces->edges[low]);
}

static int add(struct split *s, struct net_prefix p)
{
	uint16_t part = s->part_of(s, p.addr);
	int r = part == PART_NONE ? 0 : VEC_RESERVE(s->v, &s->cap, s->n, PIECES_MAX);
	if (r == 0 && part != PART_NONE)
		s->v[s->n++] = (struct piece){.prefix = p, .part = part};
	return r;
}

static bool is_piece(const struct piece *piece, struct net_prefix p)
{
	return by_place(&piece->prefix, &p) == 0;
}

/* Two halves that are both of one part as a whole are one. */
static void join(struct split *s, struct net_prefix whole, struct net_prefix low, struct net_prefix high)
{
	bool both_families = whole.bits < all_v4.bits && net_prefix_covers(whole, all_v4);
	if (s->n < 2 || both_families)
		return;
	struct piece *last = &s->v[s->n - 1];
	if (last[-1].part == last->part && is_piece(last - 1, low) && is_piece(last, high)) {
		last[-1].prefix = whole;
		s->n--;
	}
}

/* The pieces of prefix p: itself, or those of its halves. At most 128 deep. */
static int split(struct split *s, struct net_prefix p)
{
	if (!is_divided(s->pieces, p))
		return add(s, p);
	struct net_prefix low = {.addr = p.addr, .bits = (uint8_t)(p.bits + 1)}, high = low;
	high.addr.b[p.bits / 8] |= (uint8_t)(0x80 >> p.bits % 8);
	int r = split(s, low);
	if (r == 0)
		r = split(s, high);
	if (r == 0)
		join(s, p, low, high);
	return r;
}

static bool is_left_out(const struct pieces *p, struct net_addr a)
{
	uint32_t value;
	return p->but && net_trie_match(p->but, a, &value);
}

static uint16_t part_of_left(const struct split *s, struct net_addr a)
{
	return is_left_out(s->pieces, a) ? PART_NONE : 0;
}

static uint16_t part_of_zone(const struct split *s, struct net_addr a)
{
	const struct net_zone_map *zones = s->pieces->zones;
	uint16_t zone = net_zone_of(zones, a);
	if (is_left_out(s->pieces, a))
		return PART_NONE;
	if (net_zone_at(zones, zone)->class != NET_ZONE_EXTERNAL)
		return zone;
	bool multicast = net_prefix_contains(multicast_v4, a) || net_prefix_contains(multicast_v6, a);
	return multicast ? PART_NONE : (uint16_t)s->pieces->n_zones;
}

static int find_edges(struct pieces *p, const struct net_prefix *but, size_t n_but)
{
	const struct net_zone_map *zones = p->zones;
	size_t cap = 0;
	int r = VEC_RESERVE(p->edges, &cap, 0, EDGES_MAX); /* room for some */
	if (r < 0)
		return r;
	p->edges[p->n_edges++] = all_v4;
	p->edges[p->n_edges++] = multicast_v4;
	p->edges[p->n_edges++] = multicast_v6;
	for (uint16_t z = 0; z < p->n_zones; z++)
		for (size_t i = 0; i < net_zone_prefixes(zones, z) && r == 0; i++) {
			r = VEC_RESERVE(p->edges, &cap, p->n_edges, EDGES_MAX);
			if (r == 0)
				p->edges[p->n_edges++] = net_zone_prefix(zones, z, i);
		}
	for (size_t i = 0; i < n_but && r == 0; i++) {
		r = VEC_RESERVE(p->edges, &cap, p->n_edges, EDGES_MAX);
		if (r == 0)
			p->edges[p->n_edges++] = but[i];
	}
	if (r == 0)
		qsort(p->edges, p->n_edges, sizeof(*p->edges), by_place);
	return r;
}

static int find_but(struct pieces *p, const struct net_prefix *but, size_t n)
{
	int r = n ? net_trie_new(&p->but, n) : 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		r = net_trie_insert(p->but, but[i], 0);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

/* Part by part, each in the order that it was found in. */
static int sort_parts(struct pieces *p, const struct split *s)
{
	size_t *from = p->from;
	p->all.v = s->n ? reallocarray(NULL, s->n, sizeof(*p->all.v)) : NULL;
	if (s->n && !p->all.v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		from[s->v[i].part + 1]++;
	for (size_t part = 1; part <= p->n_zones + 1; part++)
		from[part] += from[part - 1];
	for (size_t i = 0; i < s->n; i++)
		p->all.v[from[s->v[i].part]++] = s->v[i].prefix;
	/* each beginning has moved to the next one's */
	for (size_t part = p->n_zones + 1; part > 0; part--)
		from[part] = from[part - 1];
	from[0] = 0;
	p->all.n = p->all.cap = s->n;
	return 0;
}

int pieces_make(
    struct pieces *p, const struct net_zone_map *zones, const struct net_prefix *but, size_t n_but)
{
	size_t count = net_zone_count(zones);
	*p = (struct pieces){.zones = zones, .n_zones = count, .from = calloc(count + 2, sizeof(*p->from))};
	struct split s = {.pieces = p, .part_of = part_of_zone};
	int r = p->from ? find_edges(p, but, n_but) : -ENOMEM;
	if (r == 0)
		r = find_but(p, but, n_but);
	if (r == 0)
		r = split(&s, (struct net_prefix){.bits = 0});
	if (r == 0)
		r = sort_parts(p, &s);
	free(s.v);
	return r;
}

void pieces_free(struct pieces *p)
{
	free(p->all.v);
	free(p->from);
	free(p->edges);
	net_trie_free(p->but);
	*p = (struct pieces){.n_zones = 0};
}

size_t pieces_of(const struct pieces *p, uint16_t zone, const struct net_prefix **ret_v)
{
	size_t part = zone < p->n_zones ? zone : p->n_zones;
	*ret_v = p->all.n ? p->all.v + p->from[part] : NULL;
	return p->from[part + 1] - p->from[part];
}

size_t pieces_inside(const struct pieces *p, const struct net_prefix **ret_v)
{
	*ret_v = p->all.v;
	return p->from[p->n_zones];
}

int pieces_without(const struct pieces *p, struct net_prefix within, struct pieces_list *list)
{
	struct split s = {.pieces = p, .part_of = part_of_left};
	int r = split(&s, within);
	for (size_t i = 0; i < s.n && r == 0; i++) {
		r = VEC_RESERVE(list->v, &list->cap, list->n, PIECES_MAX);
		if (r == 0)
			list->v[list->n++] = s.v[i].prefix;
	}
	free(s.v);
	return r;
}
