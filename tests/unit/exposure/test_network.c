/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The chained bound against the truth. Random transfers; through them tokens of data are moved at random
 * moments by an actor who knows what he wants; what arrives outside must never be more than the bound says.
 * Where transfers have no length in time the bound must be exact: an independent search for augmenting paths
 * over the transfers themselves says what it is.
 */
#include "../incident/timeline.h"

#include "base/err.h"
#include "exposure/network.h"

enum { MACHINES = 6, TRANSFERS = 14, TOKENS = 96, ROUNDS = 20000 };

static struct net_zone_map *zones;
static struct asset_map *assets;
static struct spread spread;
static struct spread_asset grades[MACHINES];
static struct exposure_input in;
static struct ends ends;
static struct places places;
static uint32_t machine[MACHINES]; /* places: 0 and 1 are of the zone */
static uint32_t outside[2];
static uint64_t state_of_chance;

static uint64_t chance(uint64_t below)
{
	state_of_chance ^= state_of_chance << 13;
	state_of_chance ^= state_of_chance >> 7;
	state_of_chance ^= state_of_chance << 17;
	return state_of_chance % below;
}

static int setup(void **state)
{
	(void)state;
	struct net_prefix p;
	uint16_t zone, office;
	assert_int_equal(net_zone_map_new(&zones), 0);
	assert_int_equal(net_zone_map_add(zones, "mission", NET_ZONE_PROTECTED, &zone), 0);
	assert_int_equal(net_zone_map_add(zones, "office", NET_ZONE_INTERNAL, &office), 0);
	assert_int_equal(net_prefix_parse(TEXT("10.1.0.0/16"), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(zones, zone, p), 0);
	assert_int_equal(net_prefix_parse(TEXT("10.2.0.0/16"), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(zones, office, p), 0);
	assert_int_equal(asset_map_new(&assets, zones, 1), 0);
	for (int i = 0; i < MACHINES; i++) {
		char addr[16];
		snprintf(addr, sizeof(addr), "10.%d.0.%d", i < 2 ? 1 : 2, i + 1);
		struct msg_flow f = flow_of(addr, "10.2.0.99", 0, 1, 1, 0, 0);
		f.packets_in = 0;
		assert_int_equal(asset_map_flow(assets, &f), 0);
	}
	assert_int_equal(asset_map_build(assets), 0);
	spread = (struct spread){.assets = grades, .n_assets = MACHINES};
	in = (struct exposure_input){.assets = assets, .zones = zones, .zone = zone, .spread = &spread};
	assert_int_equal(ends_new(&ends, in.assets, in.zones), 0);
	assert_int_equal(places_new(&places, &in, &ends), 0);
	for (int i = 0; i < MACHINES; i++)
		machine[i] = (uint32_t)i;
	struct end first = ends_of(&ends, ip("198.51.100.1")), second = ends_of(&ends, ip("198.51.100.2"));
	assert_int_equal(place_of(&places, &first, &outside[0]), 0);
	assert_int_equal(place_of(&places, &second, &outside[1]), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	places_free(&places);
	ends_free(&ends);
	asset_map_free(assets);
	net_zone_map_free(zones);
	return 0;
}

/* Random transfers: some long, some at one moment; from the zone, between machines and to the outside. */
static void transfers_draw(struct transfers *t, bool moments)
{
	uint64_t n = 1 + chance(TRANSFERS);
	*t = (struct transfers){.max = 4096};
	for (uint64_t i = 0; i < n; i++) {
		struct transfer x = {.first = (int64_t)chance(40), .bytes = 1 + chance(12), .flow = i + 1};
		x.last = moments ? x.first : x.first + (int64_t)chance(chance(3) ? 6 : 40);
		x.from = machine[chance(MACHINES)];
		x.to = chance(3) == 0 ? outside[chance(2)] : machine[2 + chance(MACHINES - 2)];
		x.intruder_first = x.first;
		assert_int_equal(transfers_add(t, &places, &x), 0);
	}
}

/* One byte moves by a transfer at a moment. */
struct move {
	int64_t time;
	size_t transfer;
	uint64_t order; /* among those of one moment */
};

static int move_compare(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/*
 * What truly leaves when every byte moves at a random moment of its transfer. The token that a byte carries
 * is one that isn't at the other end yet, the scarcest outside first: an actor who wants as much out as he
 * can.
 */
static uint64_t truth_of(const struct transfers *t, bool intruder_only, const int64_t *held_from)
{
	static struct move moves[TRANSFERS * 12];
	static bool has[MACHINES + 1][TOKENS]; /* the last: the outside */
	size_t n = 0;
	memset(has, 0, sizeof(has));
	memset(has, 1, 2 * sizeof(has[0])); /* the zone's machines have all */
	for (size_t i = 0; i < t->n; i++)
		for (uint64_t k = 0; k < t->v[i].bytes; k++) {
			int64_t span = t->v[i].last - t->v[i].first;
			moves[n++] = (struct move){
			    t->v[i].first + (int64_t)chance((uint64_t)span + 1), i, chance(1000)};
		}
	qsort(moves, n, sizeof(*moves), move_compare);
	for (size_t m = 0; m < n; m++) {
		const struct transfer *x = &t->v[moves[m].transfer];
		size_t from = x->from, to = x->to < MACHINES ? x->to : MACHINES;
		if (intruder_only) {
			/* he makes it happen from where he sits, or gets it where he sits or will sit */
			bool passes = from < 2 || held_from[from] != INT64_MAX;
			bool his = held_from[from] <= moves[m].time ||
			           (to < MACHINES && held_from[to] != INT64_MAX);
			if (!passes || !his)
				continue;
		}
		size_t pick = TOKENS, start = chance(TOKENS);
		for (size_t k = 0; k < TOKENS; k++) {
			size_t token = (start + k) % TOKENS;
			if (!has[from][token] || has[to][token])
				continue;
			if (pick == TOKENS || (has[MACHINES][pick] && !has[MACHINES][token]))
				pick = token;
		}
		if (pick < TOKENS)
			has[to][pick] = true;
	}
	uint64_t out = 0;
	for (size_t k = 0; k < TOKENS; k++)
		out += has[MACHINES][k];
	return out;
}

static uint64_t bound_of(const struct transfers *t, bool intruder_only)
{
	struct network_result r;
	assert_int_equal(
	    network_flow(t, &places,
	        &(struct network_query){.intruder_only = intruder_only, .used = true, .edges_max = 100000},
	        &r),
	    0);
	uint64_t left = 0;
	for (size_t i = 0; i < t->n; i++) {
		assert_true(r.used[i] <= t->v[i].bytes);
		if (place_kind_of(&places, t->v[i].to) == PLACE_OUTSIDE)
			left += r.used[i];
	}
	assert_int_equal(left, r.bytes); /* what the proof shows is the bound */
	free(r.used);
	return r.bytes;
}

static void test_the_bound_is_never_below_what_truly_left(void **state)
{
	(void)state;
	uint64_t met = 0, something = 0;
	state_of_chance = 88172645463325252;
	for (int round = 0; round < ROUNDS; round++) {
		struct transfers t;
		transfers_draw(&t, false);
		uint64_t truth = truth_of(&t, false, NULL), bound = bound_of(&t, false);
		if (bound < truth)
			fail_msg("round %d: %llu left, the bound is %llu", round, (unsigned long long)truth,
			    (unsigned long long)bound);
		something += truth > 0;
		met += truth > 0 && truth == bound;
		transfers_free(&t);
	}
	assert_true(something > ROUNDS / 4); /* the test tests something, */
	assert_true(met > something / 4);    /* and the bound is not merely large */
}

static void test_the_intruders_bound_is_never_below_what_he_truly_moved(void **state)
{
	(void)state;
	uint64_t met = 0, something = 0;
	state_of_chance = 1234567890123457;
	for (int round = 0; round < ROUNDS; round++) {
		struct transfers t;
		int64_t held_from[MACHINES];
		transfers_draw(&t, false);
		for (int i = 0; i < MACHINES; i++)
			held_from[i] = chance(2) ? INT64_MAX : (int64_t)chance(40);
		for (size_t i = 0; i < t.n; i++) { /* as exposure/gather.c says who can have had it happen */
			struct transfer *x = &t.v[i];
			int64_t held = held_from[x->from];
			bool reaches = x->to < MACHINES && held_from[x->to] != INT64_MAX;
			x->intruder_first = x->first;
			if (x->from >= 2 && held == INT64_MAX)
				x->intruder_first = INT64_MAX;
			else if (!reaches)
				x->intruder_first = held > x->last    ? INT64_MAX
				                    : held > x->first ? held
				                                      : x->first;
		}
		uint64_t truth = truth_of(&t, true, held_from), bound = bound_of(&t, true);
		assert_true(bound >= truth);
		assert_true(bound <= bound_of(&t, false));
		something += truth > 0;
		met += truth > 0 && truth == bound;
		transfers_free(&t);
	}
	assert_true(something > ROUNDS / 8);
	assert_true(met > something / 4);
}

static void test_merging_only_raises_the_bound(void **state)
{
	(void)state;
	state_of_chance = 987654321987654321;
	for (int round = 0; round < ROUNDS / 10; round++) {
		struct transfers t;
		transfers_draw(&t, false);
		uint64_t bound = bound_of(&t, false);
		for (int i = 0; i < 12; i++) {
			assert_int_equal(transfers_merge(&t, &places), 0);
			uint64_t merged = bound_of(&t, false);
			assert_true(merged >= bound);
			bound = merged;
		}
		assert_true(t.n <= 6);
		transfers_free(&t);
	}
}

/*
 * The exact maximum for transfers of one moment each: augmenting paths (Ford and Fulkerson) over the
 * transfers as vertices with a capacity. Vertex 2i is transfer i's beginning, 2i + 1 its end.
 */
static uint64_t exact_of(const struct transfers *t)
{
	enum { V = 2 * TRANSFERS + 2 };
	static int64_t room[V][V];
	size_t n = t->n, source = 2 * n, sink = 2 * n + 1;
	memset(room, 0, sizeof(room));
	for (size_t i = 0; i < n; i++) {
		room[2 * i][2 * i + 1] = (int64_t)t->v[i].bytes;
		if (t->v[i].from < 2)
			room[source][2 * i] = 1 << 20;
		if (t->v[i].to >= MACHINES)
			room[2 * i + 1][sink] = 1 << 20;
		for (size_t k = 0; k < n; k++)
			if (t->v[i].to == t->v[k].from && t->v[k].first >= t->v[i].first && i != k)
				room[2 * i + 1][2 * k] = 1 << 20;
	}
	uint64_t total = 0;
	for (;;) {
		size_t before[V], queue[V], head = 0, tail = 0;
		bool met[V] = {false};
		queue[tail++] = source;
		met[source] = true;
		while (head < tail && !met[sink]) {
			size_t x = queue[head++];
			for (size_t y = 0; y < 2 * n + 2; y++)
				if (!met[y] && room[x][y] > 0) {
					met[y] = true;
					before[y] = x;
					queue[tail++] = y;
				}
		}
		if (!met[sink])
			return total;
		for (size_t y = sink; y != source; y = before[y]) { /* a byte at a time is enough here */
			room[before[y]][y]--;
			room[y][before[y]]++;
		}
		total++;
	}
}

static void test_transfers_of_one_moment_give_the_exact_maximum(void **state)
{
	(void)state;
	uint64_t something = 0;
	state_of_chance = 5550001112223334;
	for (int round = 0; round < ROUNDS / 4; round++) {
		struct transfers t;
		transfers_draw(&t, true);
		uint64_t exact = exact_of(&t);
		assert_int_equal(bound_of(&t, false), exact);
		something += exact > 0;
		transfers_free(&t);
	}
	assert_true(something > ROUNDS / 16);
}

static void test_absurd_byte_counts_saturate(void **state)
{
	(void)state;
	struct transfers t = {.max = 4096};
	struct transfer x = {.last = 1, .bytes = UINT64_MAX, .from = machine[0], .to = machine[2]};
	assert_int_equal(transfers_add(&t, &places, &x), 0);
	x.from = machine[2];
	x.to = outside[0];
	for (int i = 0; i < 3; i++)
		assert_int_equal(transfers_add(&t, &places, &x), 0);
	struct network_result r;
	struct network_query query = {.used = true, .edges_max = 100};
	assert_int_equal(network_flow(&t, &places, &query, &r), 0);
	assert_int_equal(r.bytes, UINT64_C(1) << 53);
	free(r.used);
	x.from = machine[0];
	assert_int_equal(transfers_add(&t, &places, &x), 0);
	assert_int_equal(network_flow(&t, &places, &query, &r), 0);
	assert_int_equal(r.bytes, UINT64_MAX);
	free(r.used);
	transfers_free(&t);
}

/* n transfers into room for 16: merged only when one more comes than there is room. */
static void held(size_t n, bool coarse)
{
	struct transfers t = {.max = TRANSFERS_LEAST_MAX};
	for (size_t i = 0; i < n; i++) {
		struct transfer x = {.first = (int64_t)i,
		    .last = (int64_t)i,
		    .bytes = 3,
		    .from = machine[2 + i % 4],
		    .to = outside[i % 2],
		    .flow = i};
		assert_int_equal(transfers_add(&t, &places, &x), 0);
	}
	uint64_t sum = 0;
	for (size_t i = 0; i < t.n; i++)
		sum += t.v[i].bytes;
	assert_int_equal(sum, 3 * n);
	assert_int_equal(t.coarse, coarse);
	assert_true(t.n <= TRANSFERS_LEAST_MAX);
	transfers_free(&t);
}

static void test_one_transfer_less_than_the_room_is_kept_as_it_is(void **state)
{
	(void)state;
	held(TRANSFERS_LEAST_MAX - 1, false);
}

static void test_as_many_transfers_as_the_room_are_kept_as_they_are(void **state)
{
	(void)state;
	held(TRANSFERS_LEAST_MAX, false);
}

static void test_beyond_the_room_transfers_merge_and_no_byte_is_lost(void **state)
{
	(void)state;
	held(TRANSFERS_LEAST_MAX + 1, true);
	held(1000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bound_is_never_below_what_truly_left),
	    cmocka_unit_test(test_the_intruders_bound_is_never_below_what_he_truly_moved),
	    cmocka_unit_test(test_merging_only_raises_the_bound),
	    cmocka_unit_test(test_transfers_of_one_moment_give_the_exact_maximum),
	    cmocka_unit_test(test_absurd_byte_counts_saturate),
	    cmocka_unit_test(test_one_transfer_less_than_the_room_is_kept_as_it_is),
	    cmocka_unit_test(test_as_many_transfers_as_the_room_are_kept_as_they_are),
	    cmocka_unit_test(test_beyond_the_room_transfers_merge_and_no_byte_is_lost),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
