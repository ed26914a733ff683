/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_NET_RANDOM_ZONES_H
#define TESTS_NET_RANDOM_ZONES_H

/* Zone maps, prefixes and addresses that are near each other, so that they meet, drawn from a seed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/zone.h"

static inline struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static inline uint64_t random_begin(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15 + 1;
}

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of both families, now and then far off. */
static inline struct net_addr random_addr(uint64_t *state)
{
	uint64_t r = next_random(state);
	struct net_addr a = prefix(r >> 32 & 3 ? "10.0.0.0" : "2001:db8::").addr;
	a.b[13] = (uint8_t)(r & 3);
	a.b[14] = (uint8_t)(r >> 8 & 0x81);
	a.b[15] = (uint8_t)(r >> 16);
	if (r >> 60 == 0)
		a.b[12] = (uint8_t)(r >> 24);
	return a;
}

static inline struct net_prefix random_prefix(uint64_t *state)
{
	return net_prefix_of(random_addr(state), (uint8_t)(128 - next_random(state) % 26));
}

/* So many zones, "a", "b" ..., of any class and some prefixes each, which hold each other. */
static inline struct net_zone_map *random_zones(uint64_t *state, size_t zones)
{
	struct net_zone_map *m;
	assert_int_equal(net_zone_map_new(&m), 0);
	for (size_t z = 0; z < zones; z++) {
		char name[2] = {(char)('a' + z), 0};
		uint16_t number;
		enum net_zone_class class = (enum net_zone_class)(next_random(state) % 5);
		assert_int_equal(net_zone_map_add(m, name, class, &number), 0);
		for (unsigned i = 0; i < 3; i++) {
			int r = net_zone_map_add_prefix(m, number, random_prefix(state));
			assert_true(r == 0 || r == -EEXIST);
		}
	}
	return m;
}

#endif
