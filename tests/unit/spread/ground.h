/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SPREAD_GROUND_H
#define TESTS_SPREAD_GROUND_H

/* A timeline, seeds, and what the spread gives for them: the ground that the tests of spread/ stand on. */

#include "../incident/timeline.h"

#include "base/err.h"
#include "flow/flow.h"
#include "spread/spread.h"

static struct timeline t;
static struct spread spread;
static struct spread_input in;
static struct spread_seed seeds[8];

#define A "10.2.0.1"
#define B "10.2.0.2"
#define C "10.2.0.3"
#define D "10.2.0.4"
#define E "10.2.0.5"

static inline int setup(void **state)
{
	(void)state;
	timeline_open(&t);
	in = (struct spread_input){.zones = t.zones, .seeds = seeds};
	/* everybody has spoken, unanswered, long before */
	const char *all[] = {A, B, C, D, E};
	for (size_t i = 0; i < 5; i++)
		timeline_flow(&t, all[i], "10.2.255.1", 0, 0.001, 1, 0, APP_UNKNOWN);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	timeline_close(&t);
	return 0;
}

static inline void seed(const char *addr, double time, bool confirmed)
{
	seeds[in.n_seeds++] = (struct spread_seed){
	    .asset = asset_of(t.assets, ip(addr)), .time = at(time), .confirmed = confirmed};
}

static inline int try_spread(void)
{
	in.assets = t.assets;
	in.archive = t.archive;
	in.detections = t.detections;
	in.n_detections = t.n_detections;
	return spread_compute(&in, &t.arena, &spread);
}

static inline void run(const char *addr, double time)
{
	timeline_ready(&t);
	if (addr)
		seed(addr, time, true);
	assert_int_equal(try_spread(), 0);
}

static inline const struct spread_asset *result(const char *addr)
{
	uint32_t asset = timeline_asset(&t, addr);
	for (size_t i = 0; i < spread.n_assets; i++)
		if (spread.assets[i].asset == asset)
			return &spread.assets[i];
	fail_msg("%s is not in the spread", addr);
	return NULL;
}

static inline void assert_reached(const char *addr, enum spread_grade grade, double arrival)
{
	const struct spread_asset *a = result(addr);
	if (a->grade != grade)
		fail_msg("%s is %s, not %s", addr, spread_grade_name(a->grade), spread_grade_name(grade));
	if (grade <= SPREAD_POSSIBLE && a->arrival != at(arrival))
		fail_msg("%s: %f s, not %f", addr, (double)(a->arrival - at(0)) / 1e9, arrival);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
