/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/cut_index.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/table.h"
#include "net/trie.h"

/* Of more lengths than FEW those that can hold an address are asked for first. */
enum { LENGTHS = 129, WORDS = (LENGTHS + 63) / 64, FEW = 2 };

/* Which prefix lengths occur. */
struct lengths {
	uint64_t bits[WORDS];
};

/* A `from` prefix: its number, and of what length the other ends of its cuts are. */
struct origin {
	uint32_t number;
	struct lengths to;
};

struct pair_key {
	struct net_prefix to;
	uint8_t zero[3];
	uint32_t origin;
};

_Static_assert(sizeof(struct pair_key) == 24, "no padding");

/* The first cut with these ends, and the first of those that work both ways. */
struct pair {
	uint32_t any, both;
};

struct cut_index {
	struct table *origins; /* struct net_prefix -> struct origin */
	struct table *pairs;   /* struct pair_key -> struct pair */
	struct lengths from;
	struct net_trie *to;    /* all `to` prefixes, with their lengths */
	struct net_trie *never; /* NULL: there are none */
	const struct net_zone_map *zones;
};

static void lengths_add(struct lengths *l, uint8_t length)
{
	l->bits[length / 64] |= UINT64_C(1) << length % 64;
}

/* The next length at or after *at; LENGTHS where there is none. */
static unsigned lengths_next(const struct lengths *l, unsigned at)
{
	for (unsigned word = at / 64; word < WORDS; word++) {
		uint64_t bits = l->bits[word];
		if (word == at / 64)
			bits &= UINT64_MAX << at % 64;
		if (bits)
			return word * 64 + (unsigned)__builtin_ctzll(bits);
	}
	return LENGTHS;
}

static uint32_t first_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int add(struct cut_index *x, const struct cut *c, uint32_t number)
{
	int fresh;
	struct origin *origin = table_put(x->origins, &c->from, &fresh);
	if (!origin)
		return -ENOMEM;
	if (fresh)
		origin->number = (uint32_t)table_count(x->origins) - 1;
	int r = net_trie_insert(x->to, c->to, c->to.bits);
	if (r < 0 && r != -EEXIST)
		return r;
	lengths_add(&x->from, c->from.bits);
	lengths_add(&origin->to, c->to.bits);
	const struct pair_key key = {.to = c->to, .origin = origin->number};
	struct pair *pair = table_put(x->pairs, &key, &fresh);
	if (!pair)
		return -ENOMEM;
	if (fresh)
		*pair = (struct pair){.any = CUT_INDEX_NONE, .both = CUT_INDEX_NONE};
	pair->any = first_of(pair->any, number);
	if (c->direction == CUT_BOTH)
		pair->both = first_of(pair->both, number);
	return 0;
}

static int add_all(struct cut_index *x, const struct cut_index_input *in)
{
	size_t most = in->n ? in->n : 1;
	int r = table_new(&x->origins, sizeof(struct net_prefix), sizeof(struct origin), most, in->seed);
	if (r == 0)
		r = table_new(&x->pairs, sizeof(struct pair_key), sizeof(struct pair), most, in->seed);
	if (r == 0)
		r = net_trie_new(&x->to, most);
	if (r == 0 && in->n_never_cut)
		r = net_trie_new(&x->never, in->n_never_cut);
	for (size_t i = 0; i < in->n_never_cut && r == 0; i++) {
		r = net_trie_insert(x->never, in->never_cut[i], 0);
		if (r == -EEXIST)
			r = 0;
	}
	for (size_t i = 0; i < in->n && r == 0; i++)
		r = add(x, &in->cuts[i], (uint32_t)i);
	return r;
}

int cut_index_new(struct cut_index **ret_index, const struct cut_index_input *in)
{
	if (in->n >= CUT_INDEX_NONE)
		return -ERR_LIMIT;
	struct cut_index *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->zones = in->zones;
	int r = add_all(x, in);
	if (r < 0) {
		cut_index_free(x);
		return r;
	}
	*ret_index = x;
	return 0;
}

void cut_index_free(struct cut_index *x)
{
	if (!x)
		return;
	table_free(x->origins);
	table_free(x->pairs);
	net_trie_free(x->to);
	net_trie_free(x->never);
	free(x);
}

/* The lengths of the `to` prefixes that hold an address. */
static struct lengths lengths_holding(const struct cut_index *x, struct net_addr a)
{
	uint32_t found[LENGTHS];
	struct lengths l = {.bits = {0}};
	size_t n = net_trie_match_all(x->to, a, found, LENGTHS);
	for (size_t i = 0; i < n; i++)
		lengths_add(&l, (uint8_t)found[i]);
	return l;
}

/* Leaves of the lengths, where they are many, those that can hold the address. */
static struct lengths lengths_left(const struct cut_index *x, struct lengths l, struct net_addr a)
{
	unsigned n = 0;
	for (unsigned i = 0; i < WORDS; i++)
		n += (unsigned)__builtin_popcountll(l.bits[i]);
	if (n <= FEW)
		return l;
	struct lengths holding = lengths_holding(x, a);
	for (unsigned i = 0; i < WORDS; i++)
		l.bits[i] &= holding.bits[i];
	return l;
}

/* The first cut of an origin to where `to` is; with `both` only of those that work both ways. */
static uint32_t find_to(const struct cut_index *x, const struct origin *origin, struct net_addr to, bool both)
{
	struct lengths left = lengths_left(x, origin->to, to);
	uint32_t first = CUT_INDEX_NONE;
	for (unsigned t = 0; (t = lengths_next(&left, t)) < LENGTHS; t++) {
		const struct pair_key key = {.to = net_prefix_of(to, (uint8_t)t), .origin = origin->number};
		const struct pair *pair = table_get(x->pairs, &key);
		if (pair)
			first = first_of(first, both ? pair->both : pair->any);
	}
	return first;
}

static uint32_t find(const struct cut_index *x, struct net_addr from, struct net_addr to, bool both)
{
	uint32_t first = CUT_INDEX_NONE;
	for (unsigned f = 0; (f = lengths_next(&x->from, f)) < LENGTHS; f++) {
		const struct net_prefix prefix = net_prefix_of(from, (uint8_t)f);
		const struct origin *origin = table_get(x->origins, &prefix);
		if (origin)
			first = first_of(first, find_to(x, origin, to, both));
	}
	return first;
}

uint32_t cut_index_named(const struct cut_index *x, struct net_addr from, struct net_addr to)
{
	return first_of(find(x, from, to, false), find(x, to, from, true));
}

bool cut_index_spares(const struct cut_index *x, struct net_addr from, struct net_addr to)
{
	uint32_t value;
	if (x->never && (net_trie_match(x->never, from, &value) || net_trie_match(x->never, to, &value)))
		return true;
	return x->zones && net_zone_of(x->zones, from) == net_zone_of(x->zones, to);
}

uint32_t cut_index_stops(const struct cut_index *x, struct net_addr from, struct net_addr to)
{
	uint32_t named = cut_index_named(x, from, to);
	return named == CUT_INDEX_NONE || cut_index_spares(x, from, to) ? CUT_INDEX_NONE : named;
}
