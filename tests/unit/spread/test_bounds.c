/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What happens where hops have no room: with one less than the bound, as many, and one more. */
#include "segmented.h"

#include "base/err.h"
#include "incident/asset.h"
#include "net/app.h"
#include "net/zone.h"
#include "spread/spread.h"

enum { ROOM = 16, MACHINES = 40 };

static struct archive archive;
static struct net_zone_map *zones;
static struct asset_map *assets;
static struct arena arena;
static struct spread spread;

static struct net_addr machine(uint8_t i)
{
	return net_addr_v4((const uint8_t[]){10, 0, 0, i});
}

static int setup(void **state)
{
	uint16_t zone;
	struct net_prefix p;
	(void)state;
	memset(&archive, 0, sizeof(archive));
	archive.hints = true;
	assert_int_equal(net_zone_map_new(&zones), 0);
	assert_int_equal(net_zone_map_add(zones, "office", NET_ZONE_INTERNAL, &zone), 0);
	assert_int_equal(net_prefix_parse(TEXT("10.0.0.0/8"), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(zones, zone, p), 0);
	assert_int_equal(asset_map_new(&assets, zones, 7), 0);
	for (uint8_t i = 0; i < MACHINES; i++) {
		struct msg_flow f = {.initiator = machine(i), .packets_out = 1};
		assert_int_equal(asset_map_flow(assets, &f), 0);
	}
	assert_int_equal(asset_map_build(assets), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	asset_map_free(assets);
	net_zone_map_free(zones);
	return 0;
}

static void add(uint8_t from, uint8_t to, int64_t first, int64_t last, uint16_t app, const char *login)
{
	size_t i = archive.n_flows++;
	archive.flows[i] = (struct msg_flow){.id = 100 + i,
	    .protocol = 6,
	    .initiator = machine(from),
	    .responder = machine(to),
	    .first = first,
	    .last = last,
	    .payload_out = 5,
	    .payload_in = 5,
	    .app = app};
	archive.ends[0] = archive.n_flows;
	archive.n_segments = 1;
	if (!login)
		return;
	size_t k = archive.n_logins++;
	archive.fields[k] = (struct field_value){FIELD_AUTH_RESULT, text_of(login)};
	archive.logins[k] = (struct msg_transaction){
	    .flow = 100 + i, .app = app, .fields = {&archive.fields[k], 1}};
}

static int run(void)
{
	const struct spread_seed seed = {.asset = asset_of(assets, machine(0)), .time = 5, .confirmed = true};
	const struct spread_input in = {.assets = assets,
	    .zones = zones,
	    .archive = &archive,
	    .seeds = &seed,
	    .n_seeds = 1,
	    .config = {.edges_max = ROOM}};
	return spread_compute(&in, &arena, &spread);
}

static const struct spread_asset *result(uint8_t i)
{
	uint32_t asset = asset_of(assets, machine(i));
	size_t k = 0;
	while (spread.assets[k].asset != asset)
		k++;
	return &spread.assets[k];
}

/* n - 1 logins that failed and then one that didn't: any of them could have been the one. */
static void logins_of(int n, bool coarse)
{
	for (int i = 0; i < n; i++)
		add(0, 1, 20 + 10 * i, 25 + 10 * i, APP_SSH, i + 1 < n ? "failure" : "success");
	assert_int_equal(run(), 0);
	assert_int_equal(spread.coarse, coarse);
	assert_int_equal(result(1)->grade, SPREAD_LIKELY);
	/* merged they are one flow, which the logins of none of them can clear */
	assert_int_equal(result(1)->arrival, coarse ? 20 : 10 + 10 * n);
	assert_int_equal(result(1)->earliest, 20);
}

static void test_one_hop_less_than_the_bound_is_exact(void **state)
{
	(void)state;
	logins_of(ROOM - 1, false);
}

static void test_as_many_hops_as_the_bound_are_exact(void **state)
{
	(void)state;
	logins_of(ROOM, false);
}

static void test_one_hop_more_than_the_bound_is_coarse_and_only_wider(void **state)
{
	(void)state;
	logins_of(ROOM + 1, true);
}

static void test_protocols_of_a_pair_merge_when_kinds_are_too_many(void **state)
{
	(void)state;
	for (uint16_t app = 1; app <= 40; app++)
		add(0, 1, 3, 100, app, NULL); /* all of them are open when the intruder comes */
	assert_int_equal(run(), 0);
	assert_true(spread.coarse);
	assert_int_equal(result(1)->grade, SPREAD_LIKELY); /* of all the worst */
	assert_int_equal(result(1)->arrival, 5);
}

static void test_hops_that_decide_nothing_take_no_room(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		add(0, 1, 20 + i, 25 + i, APP_HTTP, NULL);
	assert_int_equal(run(), 0);
	assert_false(spread.coarse);
	assert_int_equal(spread.edges, 1);
	assert_int_equal(result(1)->arrival, 20);
}

static void test_as_many_pairs_as_the_bound_are_exact(void **state)
{
	(void)state;
	for (uint8_t i = 1; i <= ROOM; i++)
		add(0, i, 10, 20, APP_SSH, NULL);
	assert_int_equal(run(), 0);
	assert_false(spread.coarse);
}

static void test_more_pairs_than_room_is_an_error_not_a_clearing(void **state)
{
	(void)state;
	for (uint8_t i = 1; i <= ROOM + 1; i++)
		add(0, i, 10, 20, APP_SSH, NULL);
	assert_int_equal(run(), -ERR_LIMIT);
}

/* 3 reaches 1 before 0 does, which shows one step later; the hop from 1 to 2 begins, with its segment, and
 * ends at the very moment that was asked for first. */
static void test_a_hop_of_one_moment_is_asked_for_again_when_its_beginning_is_reached_sooner(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 2 * ROOM; i++) /* too many to be read whole */
		add(10, 11 + i % 20, 20, 60, APP_HTTP, NULL);
	add(0, 3, 20, 26, APP_HTTP, NULL);
	add(3, 1, 25, 60, APP_HTTP, NULL);
	size_t first_segment = archive.n_flows;
	add(0, 1, 30, 31, APP_HTTP, NULL);
	add(1, 2, 30, 30, APP_HTTP, NULL);
	archive.ends[0] = first_segment;
	archive.ends[1] = archive.n_flows;
	archive.n_segments = 2;
	assert_int_equal(run(), 0);
	assert_int_equal(result(1)->arrival, 25);
	assert_int_equal(result(2)->grade, SPREAD_POSSIBLE);
	assert_int_equal(result(2)->arrival, 30);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_one_hop_less_than_the_bound_is_exact),
	    T(test_as_many_hops_as_the_bound_are_exact),
	    T(test_one_hop_more_than_the_bound_is_coarse_and_only_wider),
	    T(test_protocols_of_a_pair_merge_when_kinds_are_too_many),
	    T(test_hops_that_decide_nothing_take_no_room),
	    T(test_as_many_pairs_as_the_bound_are_exact),
	    T(test_more_pairs_than_room_is_an_error_not_a_clearing),
	    T(test_a_hop_of_one_moment_is_asked_for_again_when_its_beginning_is_reached_sooner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
