/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/lengths.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"

enum { LENGTHS = 129 };

/* How many prefixes there are of each length, and the length that each is to have. */
struct lengths {
	size_t count[LENGTHS];
	uint8_t target[LENGTHS];
};

static bool is_v4(struct net_prefix p)
{
	return p.bits >= 96 && net_addr_is_v4(p.addr);
}

static struct lengths count_lengths(const struct net_prefix *v, size_t n, bool v4)
{
	struct lengths l = {.count = {0}};
	for (size_t i = 0; i < n; i++)
		l.count[v[i].bits] += is_v4(v[i]) == v4;
	return l;
}

unsigned lengths_count(const struct net_prefix *v, size_t n, bool v4)
{
	const struct lengths l = count_lengths(v, n, v4);
	unsigned found = 0;
	for (unsigned i = 0; i < LENGTHS; i++)
		found += l.count[i] > 0;
	return found;
}

static size_t sum(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* So many prefixes n become where each is split into those that are `by` bits longer. */
static size_t split_into(size_t n, unsigned by)
{
	return by >= 63 || n > (SIZE_MAX >> by) ? (n ? SIZE_MAX : 0) : n << by;
}

/*
 * Which lengths to keep: the lengths that occur, in order, in at most `most` groups, each of which becomes
 * its longest one. best[g][i]: the fewest prefixes of the first i lengths in g groups.
 */
static void find_targets(struct lengths *l, unsigned most)
{
	uint8_t bits[LENGTHS], first[LENGTHS + 1][LENGTHS + 1];
	size_t best[2][LENGTHS + 1];
	unsigned m = 0;
	for (unsigned i = 0; i < LENGTHS; i++)
		if (l->count[i])
			bits[m++] = (uint8_t)i;
	unsigned groups = most < m ? most : m;
	for (unsigned i = 0; i <= m; i++)
		best[0][i] = i ? SIZE_MAX : 0;
	for (unsigned g = 1; g <= groups; g++) {
		const size_t *before = best[(g - 1) % 2];
		size_t *now = best[g % 2];
		now[0] = SIZE_MAX;
		for (unsigned i = 1; i <= m; i++) {
			size_t group = 0;
			now[i] = SIZE_MAX;
			first[g][i] = (uint8_t)(i - 1);
			for (unsigned k = i; k-- > 0;) {
				group = sum(
				    group, split_into(l->count[bits[k]], (unsigned)bits[i - 1] - bits[k]));
				size_t all = sum(before[k], group);
				if (all < now[i]) {
					now[i] = all;
					first[g][i] = (uint8_t)k;
				}
			}
		}
	}
	for (unsigned g = groups, end = m; g > 0; g--) {
		for (unsigned k = first[g][end]; k < end; k++)
			l->target[bits[k]] = bits[end - 1];
		end = first[g][end];
	}
}

/* The next address after those of a prefix: the same bits, counted up. */
static void count_up(struct net_addr *a, unsigned bits)
{
	for (unsigned i = bits; i-- > 0;) {
		uint8_t mask = (uint8_t)(0x80 >> i % 8);
		a->b[i / 8] ^= mask;
		if (a->b[i / 8] & mask)
			return;
	}
}

static int put_split(struct pieces_list *list, struct net_prefix p, uint8_t bits)
{
	size_t n = split_into(1, (unsigned)bits - p.bits);
	struct net_prefix next = {.addr = p.addr, .bits = bits};
	if (n > PIECES_MAX - list->n)
		return -ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		int r = VEC_RESERVE(list->v, &list->cap, list->n, PIECES_MAX);
		if (r < 0)
			return r;
		list->v[list->n++] = next;
		count_up(&next.addr, bits);
	}
	return 0;
}

int lengths_fewer(const struct net_prefix *v, size_t n, unsigned most, struct pieces_list *ret_list)
{
	struct lengths families[2] = {count_lengths(v, n, false), count_lengths(v, n, true)};
	int r = most ? 0 : -EINVAL;
	for (unsigned v4 = 0; v4 < 2 && r == 0; v4++)
		find_targets(&families[v4], most);
	for (size_t i = 0; i < n && r == 0; i++)
		r = put_split(ret_list, v[i], families[is_v4(v[i])].target[v[i].bits]);
	return r;
}
