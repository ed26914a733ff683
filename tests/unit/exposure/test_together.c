/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Several exposures by the same passes are what each is by itself. */
#include "ground.h"

enum { TOGETHER = EXPOSURE_TOGETHER_MAX + 2, MACHINES = 10, FLOWS = 150, ROUNDS = 12 };

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return (z ^ z >> 27) % below;
}

static void addr_draw(char *buf, size_t size)
{
	uint64_t i = draw(MACHINES + 6);
	if (i < MACHINES)
		snprintf(buf, size, "10.%d.0.%d", (int)(1 + i % 4), (int)(1 + i));
	else if (i < MACHINES + 4)
		snprintf(buf, size, "198.51.100.%d", (int)i);
	else
		snprintf(buf, size, i & 1 ? "239.1.2.3" : "224.0.0.5");
}

static void flows_draw(void)
{
	uint64_t ids[FLOWS];
	char from[24], to[24];
	for (size_t i = 0; i < FLOWS; i++) {
		double first = (double)draw(100);
		addr_draw(from, sizeof(from));
		addr_draw(to, sizeof(to));
		struct msg_flow f = flow_of(
		    from, to, first, first + (double)draw(20), draw(5000), draw(5000), APP_HTTP);
		f.duplicate_of = draw(12) ? 0 : 1;
		f.end = draw(6) != 0;
		if (i && draw(8) == 0)
			f.id = ids[draw(i)]; /* a later record of another */
		if (i && draw(6) == 0)
			f.parent = ids[draw(i)];
		f.name = draw(3) ? TEXT("") : TEXT("www.example");
		ids[i] = timeline_add(&t, f);
	}
}

static void exposure_equal(const struct exposure *a, const struct exposure *b)
{
	assert_int_equal(a->zone, b->zone);
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->to, b->to);
	assert_int_equal(a->direct_bytes, b->direct_bytes);
	assert_int_equal(a->direct_external_bytes, b->direct_external_bytes);
	assert_int_equal(a->chained_bytes, b->chained_bytes);
	assert_int_equal(a->chained_any_bytes, b->chained_any_bytes);
	assert_int_equal(a->coarse, b->coarse);
	assert_int_equal(a->destinations_total, b->destinations_total);
	assert_int_equal(a->n_destinations, b->n_destinations);
	for (size_t i = 0; i < a->n_destinations; i++) {
		const struct exposure_destination *x = &a->destinations[i], *y = &b->destinations[i];
		assert_true(net_addr_equal(x->addr, y->addr));
		assert_string_equal(x->name, y->name);
		assert_int_equal(x->class, y->class);
		assert_int_equal(x->payload_bytes, y->payload_bytes);
		assert_int_equal(x->flows_total, y->flows_total);
		assert_int_equal(x->n_flows, y->n_flows);
		assert_memory_equal(x->flows, y->flows, x->n_flows * sizeof(*x->flows));
	}
	assert_int_equal(a->n_transfers, b->n_transfers);
	for (size_t i = 0; i < a->n_transfers; i++)
		assert_memory_equal(&a->transfers[i], &b->transfers[i], sizeof(a->transfers[i]));
	assert_int_equal(a->coverage.n_not_seen, b->coverage.n_not_seen);
}

static void inputs_draw(struct exposure_input *ins)
{
	const uint16_t zones[] = {t.mission, t.office, t.dmz, t.management};
	for (size_t i = 0; i < TOGETHER; i++) {
		ins[i] = in;
		ins[i].zone = zones[draw(4)];
		ins[i].spread = draw(3) ? &spread : NULL;
		ins[i].from = draw(2) ? at((double)draw(100)) : 0;
		ins[i].to = draw(3) ? 0 : at((double)(20 + draw(100)));
		ins[i].baseline_until = draw(2) ? at((double)draw(100)) : 0;
	}
}

static void test_several_are_what_each_is_alone(void **unused)
{
	(void)unused;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct exposure_input ins[TOGETHER];
		struct exposure together[TOGETHER], alone;
		state = round;
		flows_draw();
		ready();
		spread_none();
		for (size_t i = 0; i < spread.n_assets; i += 2) {
			spread.assets[i].grade = SPREAD_POSSIBLE;
			spread.assets[i].arrival = spread.assets[i].earliest = at((double)draw(60));
		}
		inputs_draw(ins);
		assert_int_equal(exposure_compute_all(ins, TOGETHER, &t.arena, together), 0);
		for (size_t i = 0; i < TOGETHER; i++) {
			assert_int_equal(exposure_compute(&ins[i], &t.arena, &alone), 0);
			exposure_equal(&together[i], &alone);
		}
		teardown(NULL);
		setup(NULL);
	}
}

static void test_none_is_none(void **unused)
{
	(void)unused;
	ready();
	assert_int_equal(exposure_compute_all(NULL, 0, &t.arena, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_several_are_what_each_is_alone),
	    T(test_none_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
