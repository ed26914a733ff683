/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_EXPOSURE_GROUND_H
#define TESTS_EXPOSURE_GROUND_H

/* A timeline, a spread told by hand, and the exposure of the mission's zone: the ground that the tests of
 * exposure/ stand on. */

#include "../incident/timeline.h"

#include "exposure/exposure.h"

static struct timeline t;
static struct exposure exposure;
static struct exposure_input in;
static struct spread spread;

#define Z1   "10.1.0.1" /* of the protected zone */
#define Z2   "10.1.0.2"
#define X    "10.2.0.1"
#define Y    "10.2.0.2"
#define W    "10.2.0.3"
#define OUT  "198.51.100.1"
#define OUT2 "198.51.100.2"

static inline int setup(void **state)
{
	(void)state;
	timeline_open(&t);
	in = (struct exposure_input){.zones = t.zones, .zone = t.mission};
	spread = (struct spread){0};
	/* everybody has spoken to somebody of the zone before: nothing that leaves it */
	const char *all[] = {Z1, Z2, X, Y, W};
	for (size_t i = 0; i < 5; i++)
		timeline_flow(&t, all[i], "10.1.255.1", 0, 0.001, 1, 0, APP_UNKNOWN);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	timeline_close(&t);
	return 0;
}

/* One-way payload, from the initiator or to him. */
static inline uint64_t push(const char *from, const char *to, double first, double last, uint64_t bytes)
{
	return timeline_flow(&t, from, to, first, last, bytes, 0, APP_TLS);
}
static inline uint64_t pull(const char *by, const char *from, double first, double last, uint64_t bytes)
{
	return timeline_flow(&t, by, from, first, last, 0, bytes, APP_SMB);
}

static inline void ready(void)
{
	timeline_ready(&t);
	in.assets = t.assets;
	in.archive = t.archive;
}

/* Everybody cleared; after ready. */
static inline void spread_none(void)
{
	spread.n_assets = asset_count(t.assets);
	spread.assets = arena_array(&t.arena, spread.n_assets, sizeof(*spread.assets));
	for (uint32_t i = 0; i < spread.n_assets; i++)
		spread.assets[i] = (struct spread_asset){.asset = i, .grade = SPREAD_CLEARED};
	in.spread = &spread;
}

static inline void reached(const char *addr, enum spread_grade grade, double arrival)
{
	struct spread_asset *a = &spread.assets[timeline_asset(&t, addr)];
	a->grade = grade;
	a->arrival = a->earliest = at(arrival);
}

static inline void compute(void)
{
	assert_int_equal(exposure_compute(&in, &t.arena, &exposure), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
