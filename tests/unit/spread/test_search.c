/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the search keeps decides as all hops do: over random networks, spread_compute gives grade by grade,
 * time by time and hop by hop what label-setting over every hop of the archive gives.
 */

#include "segmented.h"

#include "base/err.h"
#include "flow/flow.h"
#include "incident/asset.h"
#include "net/app.h"
#include "net/zone.h"
#include "spread/edges.h"
#include "spread/reach.h"

enum { MACHINES = 14, OUTSIDE = 3, DETECTIONS = 12, ROUNDS = 8000, TIMES = 80 };

static struct archive archive;
static struct net_zone_map *zones;
static struct asset_map *assets;
static struct msg_detection detections[DETECTIONS];
static uint64_t cited[DETECTIONS][2];
static size_t n_detections;
static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return segmented_random(&state) % below;
}

static struct net_addr machine(uint64_t i)
{
	if (i >= MACHINES)
		return net_addr_v4((const uint8_t[]){198, 51, 100, (uint8_t)(i - MACHINES)});
	return net_addr_v4((const uint8_t[]){10, (uint8_t)(i % 3), 0, (uint8_t)(1 + i)});
}

static struct msg_flow flow_draw(uint64_t id)
{
	static const uint16_t apps[] = {APP_UNKNOWN, APP_DNS, APP_TLS, APP_SSH, APP_SMB, APP_HTTP, APP_ICMP};
	static const uint16_t ports[] = {22, 445, 80, 50000, 40000, 3389};
	uint64_t from = draw(MACHINES + OUTSIDE), to = draw(8) ? draw(MACHINES) : draw(MACHINES + OUTSIDE);
	int64_t first = (int64_t)draw(TIMES);
	struct msg_flow f = {.id = id,
	    .duplicate_of = draw(16) ? 0 : 1,
	    .initiator = machine(from),
	    .responder = machine(to),
	    .first = first,
	    .last = first + (int64_t)(draw(5) ? draw(4) : draw(TIMES)),
	    .payload_out = draw(6),
	    .payload_in = draw(6),
	    .packets_out = 1,
	    .packets_in = 1,
	    .initiator_port = draw(4) ? 40000 : 22,
	    .responder_port = ports[draw(6)],
	    .app = apps[draw(7)],
	    .protocol = 6,
	    .flags = (draw(6) ? 0 : FLOW_GUESSED_INITIATOR) | (draw(8) ? 0 : FLOW_ONE_WAY_VIEW)};
	if (f.app == APP_ICMP)
		f.protocol = 1;
	return f;
}

/* Records come in order of their ends, give or take a few; some are the later state of one before. */
static void flows_make(size_t n)
{
	archive.n_flows = 0;
	for (size_t i = 0; i < n; i++) {
		struct msg_flow f = flow_draw(10 + i);
		if (i && draw(12) == 0) {
			f = archive.flows[draw(i)];
			f.last += 1 + (int64_t)draw(8);
			f.app = draw(2) ? f.app : APP_SSH;
		}
		size_t at = archive.n_flows++;
		for (; at > 0 && archive.flows[at - 1].last > f.last && draw(20); at--)
			archive.flows[at] = archive.flows[at - 1];
		archive.flows[at] = f;
	}
	archive.n_segments = 0;
	for (size_t at = 0; at < n;) {
		at += 1 + draw(draw(2) ? 3 : 40);
		archive.ends[archive.n_segments++] = at < n ? at : n;
	}
}

static void logins_make(void)
{
	archive.n_logins = draw(SEGMENTED_LOGINS_MAX);
	for (size_t i = 0; i < archive.n_logins; i++) {
		archive.fields[i] = (struct field_value){
		    FIELD_AUTH_RESULT, draw(4) ? TEXT("failure") : TEXT("success")};
		archive.logins[i] = (struct msg_transaction){.flow = 10 + draw(archive.n_flows + 1),
		    .app = APP_SSH,
		    .fields = {&archive.fields[i], 1}};
	}
}

static void detections_make(void)
{
	static const enum msg_role roles[] = {MSG_ROLE_ACTOR, MSG_ROLE_VICTIM, MSG_ROLE_TARGET, MSG_ROLE_NONE,
	    MSG_ROLE_SCANNER, MSG_ROLE_ATTACKER};
	n_detections = draw(DETECTIONS);
	for (size_t i = 0; i < n_detections; i++) {
		int64_t time = (int64_t)draw(TIMES);
		cited[i][0] = 10 + draw(archive.n_flows + 1);
		cited[i][1] = 10 + draw(archive.n_flows + 1);
		detections[i] = (struct msg_detection){.id = 1000 + i,
		    .time = time,
		    .last = time + (int64_t)draw(10),
		    .confidence = draw(4) ? 0.9 : 0.4,
		    .asset = machine(draw(MACHINES)),
		    .asset_role = (uint8_t)roles[draw(6)],
		    .peer_role = (uint8_t)roles[draw(6)],
		    .flows = {cited[i], (uint32_t)draw(3)}};
		if (draw(3))
			detections[i].peer = machine(draw(MACHINES + OUTSIDE));
	}
}

static void assets_make(void)
{
	const struct net_addr both[] = {machine(0), machine(MACHINES - 1)};
	assert_int_equal(asset_map_new(&assets, zones, 7), 0);
	for (uint64_t i = 0; i < MACHINES; i++) {
		struct msg_flow f = {.initiator = machine(i), .responder = machine(i), .packets_out = 1};
		assert_int_equal(asset_map_flow(assets, &f), 0);
	}
	assert_int_equal(
	    asset_map_hint(assets, &(struct asset_hint){.name = "two", .addrs = both, .n_addrs = 2}), 0);
	assert_int_equal(asset_map_build(assets), 0);
}

static int group_setup(void **unused)
{
	uint16_t zone;
	struct net_prefix p;
	(void)unused;
	assert_int_equal(net_zone_map_new(&zones), 0);
	assert_int_equal(net_zone_map_add(zones, "office", NET_ZONE_INTERNAL, &zone), 0);
	assert_int_equal(net_prefix_parse(TEXT("10.0.0.0/8"), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(zones, zone, p), 0);
	assets_make();
	return 0;
}

static int group_teardown(void **unused)
{
	(void)unused;
	asset_map_free(assets);
	net_zone_map_free(zones);
	return 0;
}

/* The path as the labels over all hops give it, from its end. */
static void path_equal(const struct spread_asset *a, const struct reach *r, const struct spread_edges *e)
{
	const struct reach_label *labels = r->levels[a->grade];
	uint32_t at = a->asset;
	assert_int_equal(a->n_path, labels[at].hops);
	for (size_t n = a->n_path; n-- > 0;) {
		const struct spread_edge *edge = &e->v[labels[at].edge];
		const struct spread_hop *hop = &a->path[n];
		assert_int_equal(hop->flow, edge->flow);
		assert_int_equal(hop->from, edge->from);
		assert_int_equal(hop->to, at);
		assert_int_equal(hop->time, labels[at].time);
		at = edge->from;
	}
}

static void spread_equal(const struct spread *s, const struct spread_input *in)
{
	struct spread_edges all;
	struct spread_index index;
	struct reach r;
	assert_int_equal(spread_edges_read(&all, in), 0);
	assert_int_equal(spread_index_new(&index, &all, asset_count(assets), false), 0);
	assert_int_equal(reach_new(&r, asset_count(assets)), 0);
	assert_int_equal(reach_forward(&r, &all, &index, in->seeds, in->n_seeds, in->config.until), 0);
	for (size_t i = 0; i < s->n_assets; i++) {
		const struct spread_asset *a = &s->assets[i];
		assert_int_equal(a->grade, reach_grade(&r, a->asset));
		if (a->grade > SPREAD_POSSIBLE)
			continue;
		assert_int_equal(a->arrival, r.levels[a->grade][a->asset].time);
		assert_int_equal(a->earliest, r.levels[SPREAD_POSSIBLE][a->asset].time);
		path_equal(a, &r, &all);
	}
	reach_free(&r);
	spread_index_free(&index);
	spread_edges_free(&all);
}

/* Draws a network and seeds. */
static struct spread_input round_make(uint64_t round, struct spread_seed seeds[3])
{
	state = round;
	flows_make(1 + draw(round % 3 ? 60 : SEGMENTED_FLOWS_MAX - 1));
	logins_make();
	detections_make();
	archive.hints = draw(8) != 0;
	archive.turns = round;
	struct spread_input in = {.assets = assets,
	    .zones = zones,
	    .archive = &archive,
	    .seeds = seeds,
	    .n_seeds = draw(4),
	    .detections = detections,
	    .n_detections = n_detections,
	    .config = {.backflow = draw(3) == 0, .until = draw(3) ? 0 : (int64_t)draw(TIMES)}};
	for (size_t i = 0; i < 3; i++)
		seeds[i] = (struct spread_seed){.asset = (uint32_t)draw(asset_count(assets)),
		    .time = (int64_t)draw(TIMES) - 5,
		    .confirmed = draw(2)};
	return in;
}

static void test_the_search_gives_what_all_hops_give(void **unused)
{
	uint64_t reached = 0, looked = 0, flows = 0, exact = 0;
	(void)unused;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct spread_seed seeds[3];
		struct spread_input in = round_make(round, seeds);
		struct arena arena = {0};
		struct spread s;
		/* where segments have no room to be read whole, only what can matter is read of them */
		in.config.edges_max = draw(3) ? 16 + draw(50) : 0;
		int error = spread_compute(&in, &arena, &s);
		assert_true(error == 0 || (error == -ERR_LIMIT && in.config.edges_max));
		if (error || (s.coarse && in.config.edges_max)) {
			arena_free(&arena);
			continue;
		}
		assert_false(s.coarse);
		exact++;
		in.config.edges_max = 0;
		spread_equal(&s, &in);
		reached += s.by_grade[SPREAD_CONFIRMED] + s.by_grade[SPREAD_LIKELY] +
		           s.by_grade[SPREAD_POSSIBLE];
		looked += s.looked;
		flows += archive.n_flows;
		arena_free(&arena);
	}
	print_message("%llu exact; %llu reached; %llu of %llu flows looked at\n", (unsigned long long)exact,
	    (unsigned long long)reached, (unsigned long long)looked, (unsigned long long)flows);
	assert_true(exact > ROUNDS / 2 && reached > ROUNDS);
}

static void test_what_is_kept_does_not_hang_on_the_threads(void **unused)
{
	(void)unused;
	for (uint64_t round = 0; round < ROUNDS / 10; round++) {
		struct spread_seed seeds[3];
		struct spread_input in = round_make(round, seeds);
		struct arena arena = {0};
		struct spread one, other;
		in.config.edges_max = draw(2) ? 0 : 16;
		int error = spread_compute(&in, &arena, &one);
		archive.turns = round + 12345;
		in.config.threads = 1 + (unsigned)draw(5);
		assert_int_equal(spread_compute(&in, &arena, &other), error);
		if (error == 0) {
			assert_int_equal(one.edges, other.edges);
			assert_int_equal(one.coarse, other.coarse);
			for (size_t i = 0; i < one.n_assets; i++) {
				assert_int_equal(one.assets[i].asset, other.assets[i].asset);
				assert_int_equal(one.assets[i].grade, other.assets[i].grade);
				assert_int_equal(one.assets[i].arrival, other.assets[i].arrival);
			}
		}
		arena_free(&arena);
	}
}

static void test_room_for_few_hops_only_widens(void **unused)
{
	size_t coarse = 0;
	(void)unused;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct spread_seed seeds[3];
		struct spread_input in = round_make(round, seeds);
		struct arena arena = {0};
		struct spread exact, wide;
		assert_int_equal(spread_compute(&in, &arena, &exact), 0);
		in.config.edges_max = 16;
		int error = spread_compute(&in, &arena, &wide);
		assert_true(error == 0 || error == -ERR_LIMIT);
		coarse += error == 0 && wide.coarse;
		for (size_t i = 0; i < exact.n_assets && error == 0; i++)
			for (size_t k = 0; k < wide.n_assets; k++) {
				if (wide.assets[k].asset != exact.assets[i].asset)
					continue;
				assert_true(wide.assets[k].grade <= exact.assets[i].grade);
				if (exact.assets[i].grade <= SPREAD_POSSIBLE)
					assert_true(wide.assets[k].earliest <= exact.assets[i].earliest);
			}
		arena_free(&arena);
	}
	print_message("%zu coarse\n", coarse);
	assert_true(coarse > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_search_gives_what_all_hops_give),
	    cmocka_unit_test(test_what_is_kept_does_not_hang_on_the_threads),
	    cmocka_unit_test(test_room_for_few_hops_only_widens),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
