/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter_world.h"

/* That the entries of connections go, so that what is translated or offloaded ends with its cut. */

static int open_routed(void **state)
{
	(void)state;
	return open_world(false);
}

/* Tracks and translates what comes from inside, as gateways do. */
static void translate(void)
{
	must_run("nft add table ip nat");
	must_run("nft add chain ip nat post { type nat hook postrouting priority 100 ; }");
	must_run("nft add rule ip nat post oifname out masquerade");
	must_run("nft add table inet track");
	must_run("nft add chain inet track f { type filter hook forward priority 0 ; }");
	must_run("nft add rule inet track f ct state established accept");
}

static size_t ends(const char *from, const char *to, enum cut_direction direction)
{
	struct cut cut = cut_of(from, to, direction);
	size_t ended = 99;
	assert_int_equal(w.b->ops->end_connections(w.b, &cut, 1, &ended), 0);
	return ended;
}

static void what_a_cut_stops_ends(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	static const struct {
		const char *from, *to;
		enum cut_direction direction;
		size_t ended;
	} cases[] = {
	    {"10.1.0.2", "", CUT_BOTH, 1}, {"10.1.0.2", "", CUT_FROM_ONLY, 1}, {"10.1.0.3", "", CUT_BOTH, 0},
	    {"", "10.1.0.2", CUT_BOTH, 1},
	    {"", "10.1.0.2", CUT_FROM_ONLY, 0}, /* nobody began one towards it */
	    {"192.0.2.2", "", CUT_BOTH, 1}, {"192.0.2.2", "10.1.0.2", CUT_FROM_ONLY, 0},
	    {"10.1.0.2", "192.0.2.2", CUT_FROM_ONLY, 1}, {"10.1.0.0/24", "192.0.2.0/25", CUT_BOTH, 1},
	    {"192.0.2.0/25", "10.1.0.0/24", CUT_BOTH, 1}, {"10.1.0.0/31", "", CUT_BOTH, 0},
	    {"192.0.2.1", "", CUT_BOTH, 0}, /* the translated address is no end of it */
	};
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED};
	bool answered;
	backend_opens(&config);
	translate();
	ends("0.0.0.0/1", "", CUT_BOTH);
	ends("128.0.0.0/1", "", CUT_BOTH);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(ask_port(INSIDE, OUTSIDE, false, 0, ARRIVE_MS, &answered) && answered);
		size_t ended = ends(cases[i].from, cases[i].to, cases[i].direction);
		if (ended != cases[i].ended)
			fail_msg("%s to %s ended %zu", cases[i].from, cases[i].to, ended);
		ends("10.1.0.2", "", CUT_BOTH);
		assert_int_equal(ends("10.1.0.2", "", CUT_BOTH), 0);
	}
	/* the other family, whole networks at once */
	assert_true(passes(INSIDE, OUTSIDE, true));
	assert_int_equal(ends("2001:db8:1::2", "", CUT_FROM_ONLY), 1);
	assert_true(passes(INSIDE, OUTSIDE, true));
	assert_int_equal(ends("2001:db8:2::/64", "2001:db8:1::/64", CUT_BOTH), 1);
}

static void many_cuts_end_many_connections_in_one_go(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	enum { CONNECTIONS = 300, CUTS = 20000 };
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED};
	struct cut *cuts = calloc(CUTS, sizeof(*cuts));
	struct sockaddr_storage where;
	size_t ended = 0;
	assert_non_null(cuts);
	backend_opens(&config);
	translate();
	ends("10.1.0.2", "", CUT_BOTH);
	address(OUTSIDE, false, false, &where);
	int client = socket_at(INSIDE, false, SOCK_DGRAM, 0, NULL);
	for (uint16_t i = 0; i < CONNECTIONS; i++) {
		((struct sockaddr_in *)&where)->sin_port = htons((uint16_t)(2000 + i));
		/* what was said about the ports before isn't of interest */
		if (sendto(client, "?", 1, 0, (struct sockaddr *)&where, size_of(&where)) < 0)
			i--;
	}
	for (uint32_t i = 0; i < CUTS; i++) {
		uint32_t addr = htonl(0x0a020000u + i);
		cuts[i].from = net_prefix_of(net_addr_v4((const uint8_t *)&addr), 128);
	}
	cuts[CUTS / 2].from = prefix("10.1.0.2");
	assert_int_equal(w.b->ops->end_connections(w.b, cuts, CUTS, &ended), 0);
	assert_int_equal(ended, CONNECTIONS);
	assert_int_equal(w.b->ops->end_connections(w.b, NULL, 0, &ended), 0);
	assert_int_equal(ended, 0);
	close(client);
	free(cuts);
}

static void what_passes_is_spared(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_pass pass = {.prefix = prefix("192.0.2.0/24"), .protocol = IPPROTO_UDP, .port = 53};
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED, .passes = &pass, .n_passes = 1};
	bool answered;
	backend_opens(&config);
	translate();
	ends("10.1.0.2", "", CUT_BOTH);
	assert_true(ask_port(INSIDE, OUTSIDE, false, 53, ARRIVE_MS, &answered) && answered);
	assert_int_equal(ends("10.1.0.2", "", CUT_BOTH), 0);
	assert_true(ask_port(INSIDE, OUTSIDE, false, 54, ARRIVE_MS, &answered) && answered);
	assert_int_equal(ends("10.1.0.2", "", CUT_BOTH), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_a_cut_stops_ends, world_clean),
	    cmocka_unit_test_teardown(many_cuts_end_many_connections_in_one_go, world_clean),
	    cmocka_unit_test_teardown(what_passes_is_spared, world_clean),
	};
	return cmocka_run_group_tests(tests, open_routed, close_world);
}
