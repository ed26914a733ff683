/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is cut without asking, and what a forger can't make us cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "contain/policy.h"

enum { NOW = 1000, LEASE = 600 };

static const int64_t second = 1000000000;

static const struct policy_row rows[] = {
    {.name = "listed",
        .detection = "indicator:*",
        .confidence = 0.8,
        .target = POLICY_PEER,
        .lease_ns = LEASE},
    {.name = "beacons",
        .detection = "beacon",
        .confidence = 0.5,
        .target = POLICY_ASSET,
        .lease_ns = LEASE,
        .confirm_ns = 100,
        .fail_closed = true},
    {.name = "lateral", .detection = "lateral", .target = POLICY_PEER, .lease_ns = LEASE},
    {.name = "lateral pairs", .detection = "lat*", .target = POLICY_PAIR, .lease_ns = LEASE},
    {.name = "too long", .detection = "long", .target = POLICY_PEER, .lease_ns = LEASE + 1},
};

struct bed {
	struct net_zone_map *zones;
	struct net_prefix never;
	struct guardrails guardrails;
	struct guardrail_pace pace;
	struct orders *orders;
	struct policy_spared *spared;
	struct policy policy;
};

static struct net_addr addr(const char *text)
{
	struct net_addr a = {{0}};
	if (text)
		assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

/* Odd flows are proven. */
static bool odd(void *context, uint64_t flow)
{
	(void)context;
	return flow % 2;
}

static void make(struct bed *b)
{
	static const enum orders_takes all[] = {ORDERS_TAKES_ALL};
	struct net_prefix inside;
	uint16_t zone;
	memset(b, 0, sizeof(*b));
	assert_int_equal(net_zone_map_new(&b->zones), 0);
	assert_int_equal(net_zone_map_add(b->zones, "office", NET_ZONE_INTERNAL, &zone), 0);
	assert_int_equal(net_prefix_parse(text_of("10.0.0.0/8"), &inside), 0);
	assert_int_equal(net_zone_map_add_prefix(b->zones, zone, inside), 0);
	assert_int_equal(net_prefix_parse(text_of("203.0.113.53"), &b->never), 0);
	b->guardrails = (struct guardrails){
	    .never_cut = &b->never, .n_never_cut = 1, .longest_lease_ns = LEASE, .most_orders_a_minute = 3};
	assert_int_equal(orders_new(&b->orders, all, 1, 0, 1), 0);
	assert_int_equal(policy_spared_new(&b->spared, 1), 0);
	b->policy = (struct policy){.rows = rows,
	    .n_rows = sizeof(rows) / sizeof(rows[0]),
	    .zones = b->zones,
	    .guardrails = &b->guardrails,
	    .pace = &b->pace,
	    .orders = b->orders,
	    .spared = b->spared,
	    .proven = odd};
}

static void clean(struct bed *b)
{
	orders_free(b->orders);
	policy_spared_free(b->spared);
	net_zone_map_free(b->zones);
}

static struct policy_decision decide(struct bed *b, const char *name, double confidence, const char *asset,
    const char *peer, const uint64_t *flows, uint32_t n_flows, int64_t now)
{
	struct policy_decision decision;
	struct msg_detection d = {.name = text_of(name),
	    .confidence = confidence,
	    .asset = addr(asset),
	    .peer = addr(peer),
	    .flows = {.v = flows, .n = n_flows}};
	policy_decide(&b->policy, &d, now, &decision);
	return decision;
}

static void test_each_detection_has_its_answer(void **unused)
{
	static const uint64_t odd_flows[] = {1, 3, 5}, mixed[] = {1, 2, 3};
	static const struct {
		const char *name;
		double confidence;
		const char *asset, *peer;
		const uint64_t *flows;
		uint32_t n_flows;
		enum policy_answer answer;
		const char *row;
	} cases[] = {
	    {"indicator:address", 0.8, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_ORDER, "listed"},
	    {"indicator:address", 0.79, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_UNSURE, "listed"},
	    {"indicator:address", NAN, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_UNSURE, "listed"},
	    {"scan", 1, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_NO_ROW, NULL},
	    {"indicator:domain", 1, "10.1.0.5", "10.0.0.53", NULL, 0, POLICY_PEER_INSIDE, "listed"},
	    {"indicator:domain", 1, "10.1.0.5", NULL, NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "224.0.0.1", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "255.255.255.255", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "127.0.0.1", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "0.0.0.0", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "169.254.1.1", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "ff02::1", NULL, 0, POLICY_NO_MACHINE, "listed"},
	    /* one of outside that is suspected of what it did to ours */
	    {"indicator:address", 1, "198.51.100.7", "10.1.0.5", NULL, 0, POLICY_ORDER, "listed"},
	    {"indicator:address", 1, "198.51.100.8", "198.51.100.7", NULL, 0, POLICY_ORDER, "listed"},
	    {"indicator:address", 1, "203.0.113.53", "10.1.0.5", NULL, 0, POLICY_GUARDRAIL, "listed"},
	    {"indicator:address", 1, "169.254.1.1", "10.1.0.5", NULL, 0, POLICY_PEER_INSIDE, "listed"},
	    {"indicator:address", 1, "10.1.0.5", "203.0.113.53", NULL, 0, POLICY_GUARDRAIL, "listed"},
	    {"long", 1, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_GUARDRAIL, "too long"},
	    {"beacon", 1, "10.1.0.5", "198.51.100.7", odd_flows, 3, POLICY_ORDER, "beacons"},
	    {"beacon", 1, "10.1.0.5", "198.51.100.7", mixed, 3, POLICY_UNPROVEN, "beacons"},
	    {"beacon", 1, "10.1.0.5", "198.51.100.7", NULL, 0, POLICY_UNPROVEN, "beacons"},
	    {"beacon", 1, "198.51.100.8", "198.51.100.7", odd_flows, 3, POLICY_ASSET_OUTSIDE, "beacons"},
	    {"beacon", 1, "10.1.0.5", NULL, odd_flows, 3, POLICY_ORDER, "beacons"},
	    /* the first row can't cut a peer of ours from everybody, the next one parts the two */
	    {"lateral", 1, "10.1.0.5", "10.2.0.9", odd_flows, 3, POLICY_ORDER, "lateral pairs"},
	    {"lateral", 1, "10.1.0.5", "10.2.0.9", mixed, 3, POLICY_PEER_INSIDE, "lateral"},
	    {"lat-out", 0, "10.1.0.5", "198.51.100.7", mixed, 3, POLICY_ORDER, "lateral pairs"},
	};
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bed b;
		make(&b);
		struct policy_decision d = decide(&b, cases[i].name, cases[i].confidence, cases[i].asset,
		    cases[i].peer, cases[i].flows, cases[i].n_flows, NOW);
		assert_string_equal(policy_answer_text(d.answer), policy_answer_text(cases[i].answer));
		assert_string_equal(d.row ? d.row->name : "", cases[i].row ? cases[i].row : "");
		if (d.answer == POLICY_ORDER) {
			bool pair = d.row->target == POLICY_PAIR;
			assert_int_equal(d.cut.from.bits, pair || d.row->target == POLICY_ASSET ? 128 : 0);
			assert_int_equal(d.cut.to.bits, pair || d.row->target == POLICY_PEER ? 128 : 0);
			assert_true(cut_is_sound(&d.cut));
			assert_int_equal(d.cut.direction, CUT_BOTH);
			if (d.row->target == POLICY_PEER)
				assert_true(net_addr_equal(d.cut.to.addr, addr("198.51.100.7")));
		}
		assert_int_equal(b.pace.n, d.answer == POLICY_ORDER); /* what isn't ordered takes no place */
		clean(&b);
	}
}

static void test_flows_that_can_be_forged_prove_nothing(void **unused)
{
	const struct msg_flow good = {
	    .protocol = 6, .established = 1, .payload_out = 1, .payload_in = 1, .tcp_flags_out = 0x1b};
	struct msg_flow f = good;
	(void)unused;
	assert_true(policy_flow_proves(&f));
	f.protocol = 17;
	assert_false(policy_flow_proves(&f));
	f = good;
	f.established = 0;
	assert_false(policy_flow_proves(&f));
	f = good;
	f.payload_in = 0;
	assert_false(policy_flow_proves(&f));
	f = good;
	f.payload_out = 0;
	assert_false(policy_flow_proves(&f));
	f = good;
	f.tcp_flags_out |= 0x04; /* the machine whose address was forged says that it knows nothing of this */
	assert_false(policy_flow_proves(&f));
	f = good;
	f.tcp_flags_in |= 0x04;
	assert_false(policy_flow_proves(&f));
}

static struct policy_decision listed(struct bed *b, const char *peer, int64_t now)
{
	return decide(b, "indicator:address", 1, "10.1.0.5", peer, NULL, 0, now);
}

static void order_it(struct bed *b, const struct policy_decision *d, uint64_t id, int64_t now)
{
	struct order o = policy_order(d, id, now);
	assert_int_equal(orders_add(b->orders, &o, NULL), 0);
	assert_int_equal(orders_approve(b->orders, id, now, o.proposed.who), ORDER_OK);
	assert_true(order_is_wanted(orders_find(b->orders, id)));
}

static void test_what_is_seen_again_prolongs_and_adds_none(void **unused)
{
	struct bed b;
	(void)unused;
	make(&b);
	struct policy_decision d = listed(&b, "198.51.100.7", NOW);
	order_it(&b, &d, 1, NOW);
	assert_string_equal(orders_find(b.orders, 1)->proposed.who, "policy listed");
	assert_int_equal(listed(&b, "198.51.100.7", NOW + LEASE / 2).answer, POLICY_STANDS);
	d = listed(&b, "198.51.100.7", NOW + LEASE / 2 + 1);
	assert_int_equal(d.answer, POLICY_PROLONG);
	assert_int_equal(d.prolong, 1);
	assert_int_equal(orders_prolong(b.orders, 1, NOW + LEASE / 2 + 1, d.row->lease_ns), ORDER_OK);
	assert_int_equal(listed(&b, "198.51.100.7", NOW + LEASE / 2 + 2).answer, POLICY_STANDS);
	assert_int_equal(order_wanted_until(orders_find(b.orders, 1)), NOW + LEASE / 2 + 1 + LEASE);
	assert_int_equal(b.pace.n, 1);
	clean(&b);
}

/* A person's order is no policy's to prolong; as long as it stands long enough there is no other. */
static void test_beside_a_persons_order_there_is_one_of_its_own_in_time(void **unused)
{
	struct bed b;
	(void)unused;
	make(&b);
	struct policy_decision d = listed(&b, "198.51.100.7", NOW);
	struct order o = policy_order(&d, 1, NOW);
	o.approvals = 1;
	assert_int_equal(orders_add(b.orders, &o, NULL), 0);
	assert_int_equal(orders_approve(b.orders, 1, NOW, "ada"), ORDER_OK);
	assert_int_equal(listed(&b, "198.51.100.7", NOW + 1).answer, POLICY_STANDS);
	assert_int_equal(listed(&b, "198.51.100.7", NOW + LEASE - 1).answer, POLICY_ORDER);
	clean(&b);
}

static void test_what_a_person_let_go_is_spared(void **unused)
{
	struct bed b;
	(void)unused;
	make(&b);
	struct policy_decision d = listed(&b, "198.51.100.7", NOW);
	order_it(&b, &d, 1, NOW);
	assert_int_equal(orders_release(b.orders, 1, NOW + 10, "ada", "a partner"), ORDER_OK);
	assert_int_equal(policy_spare(b.spared, orders_find(b.orders, 1), NOW + 10), 0);
	assert_int_equal(listed(&b, "198.51.100.7", NOW + 10 + LEASE - 1).answer, POLICY_SPARED);
	assert_int_equal(listed(&b, "198.51.100.8", NOW + 11).answer, POLICY_ORDER);
	assert_int_equal(listed(&b, "198.51.100.7", NOW + 10 + LEASE).answer, POLICY_ORDER);
	/* what expired by itself is cut again when it is seen again */
	d = listed(&b, "198.51.100.9", NOW + 61 * second);
	order_it(&b, &d, 2, NOW + 61 * second);
	assert_true(orders_tick(b.orders, NOW + 62 * second) > 0);
	assert_int_equal(policy_spare(b.spared, orders_find(b.orders, 2), NOW + 62 * second), 0);
	assert_int_equal(listed(&b, "198.51.100.9", NOW + 62 * second).answer, POLICY_ORDER);
	clean(&b);
}

static void test_a_flood_of_detections_keeps_the_pace(void **unused)
{
	struct bed b;
	char peer[] = "198.51.100.1";
	(void)unused;
	make(&b);
	for (uint64_t id = 1; id <= 3; id++, peer[11]++) {
		struct policy_decision d = listed(&b, peer, NOW);
		assert_int_equal(d.answer, POLICY_ORDER);
		order_it(&b, &d, id, NOW);
	}
	struct policy_decision d = listed(&b, peer, NOW + 59 * second);
	assert_int_equal(d.answer, POLICY_GUARDRAIL);
	assert_int_equal(d.rule, GUARDRAIL_MOST_ORDERS);
	assert_int_equal(listed(&b, peer, NOW + 60 * second).answer, POLICY_ORDER);
	clean(&b);
}

static void test_as_much_is_spared_as_the_bound(void **unused)
{
	struct policy_spared *s;
	struct cut c = {.from = {.bits = 128}};
	struct order o = {.ends = ORDER_RELEASED, .lease_ns = 100, .cuts = &c, .n_cuts = 1};
	(void)unused;
	assert_int_equal(policy_spared_new(&s, 1), 0);
	for (uint32_t i = 0; i <= POLICY_SPARED_MAX; i++) {
		memcpy(c.from.addr.b, &i, sizeof(i));
		assert_int_equal(policy_spare(s, &o, NOW), i < POLICY_SPARED_MAX ? 0 : -ERR_LIMIT);
	}
	memset(c.from.addr.b, 0, 4); /* it is there */
	assert_int_equal(policy_spare(s, &o, NOW), 0);
	memset(c.from.addr.b, 0xff, 4);
	assert_int_equal(policy_spare(s, &o, NOW + 100), 0); /* the others are past */
	policy_spared_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_detection_has_its_answer),
	    cmocka_unit_test(test_flows_that_can_be_forged_prove_nothing),
	    cmocka_unit_test(test_what_is_seen_again_prolongs_and_adds_none),
	    cmocka_unit_test(test_beside_a_persons_order_there_is_one_of_its_own_in_time),
	    cmocka_unit_test(test_what_a_person_let_go_is_spared),
	    cmocka_unit_test(test_a_flood_of_detections_keeps_the_pace),
	    cmocka_unit_test(test_as_much_is_spared_as_the_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
