/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter_world.h"

#include "base/err.h"

/* What others do to our tables, what a restart finds, and that what is there is told exactly. */

static const struct netfilter_config routed = {.hooks = NETFILTER_ROUTED};

static int open_routed(void **state)
{
	(void)state;
	return open_world(false);
}

static bool hears_of_others(void)
{
	bool foreign = false;
	assert_int_equal(w.b->ops->events(w.b, &foreign), 0);
	return foreign;
}

struct drift_case {
	const char *command;
	bool torn;       /* something besides elements isn't as it was put */
	size_t left;     /* elements after it, of two */
	size_t repaired; /* and when it is repaired */
};

static const struct drift_case drift_cases[] = {
    {"nft flush ruleset", true, 0, 0},
    {"nft delete table inet bulkhead", true, 0, 0},
    {"nft add table inet bulkhead { flags dormant ; }", true, 2, 2},
    {"nft insert rule inet bulkhead forward accept", true, 2, 2},
    {"nft insert rule inet bulkhead leased_ip ip saddr 10.1.0.2 return", true, 2, 2},
    {"nft add rule inet bulkhead stop counter", true, 2, 2},
    {"nft flush chain inet bulkhead forward", true, 2, 2},
    {"nft flush chain inet bulkhead leased_ip", true, 2, 2},
    {"nft flush table inet bulkhead", true, 2, 2},
    {"nft add chain inet bulkhead forward { policy drop ; }", true, 2, 2},
    {"nft add chain inet bulkhead other", true, 2, 2},
    {"nft add chain inet bulkhead other { type filter hook input priority 5 ; policy accept ; }", true, 2, 2},
    {"nft add set inet bulkhead other { type ipv4_addr ; }", true, 2, 2},
    {"nft add map inet bulkhead other { type ipv4_addr : verdict ; elements = { 10.0.0.1 : jump stop } ; }",
        true, 2, 2},
    {"nft flush set inet bulkhead lease", true, 2, 2},
    {"nft add element inet bulkhead pass_ip_32 { 10.1.0.2 }", true, 2, 2},
    {"nft flush set inet bulkhead pass_ip_32", true, 2, 2},
    {"nft flush set inet bulkhead leased_ip_32_any", false, 1, 1},
    {"nft delete element inet bulkhead leased_ip_32_any { 10.1.0.2 }", false, 1, 1},
    {"nft add element inet bulkhead leased_ip_32_any { 10.1.0.9 timeout 1m }", false, 3, 3},
    {"nft add element inet bulkhead leased_ip_32_any { 10.1.0.9 }", false, 3, 3},
};

static void what_others_change_is_heard_seen_and_repaired(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_pass pass = {.prefix = prefix("192.0.2.3")};
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED, .passes = &pass, .n_passes = 1};
	for (size_t i = 0; i < sizeof(drift_cases) / sizeof(drift_cases[0]); i++) {
		const struct drift_case *c = &drift_cases[i];
		struct backend_element *e;
		bool intact;
		backend_opens(&config);
		assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
		assert_int_equal(
		    step(BACKEND_ADD, cut_of("2001:db8:1::2", "", CUT_BOTH), in_ms(60000), true), 0);
		assert_int_equal(w.b->ops->lease(w.b, in_ms(50000)), 0);
		assert_false(hears_of_others());
		assert_true(is_intact());
		must_run(c->command);
		assert_true(hears_of_others());
		assert_false(hears_of_others());
		size_t left = read_back(&e, &intact);
		free(e);
		if (intact == c->torn || left != c->left)
			fail_msg("%s: intact %d, %zu elements", c->command, intact, left);
		int repaired = w.b->ops->repair(w.b);
		if (repaired != 0)
			fail_msg("%s: %s", c->command, err_text(repaired));
		left = read_back(&e, &intact);
		free(e);
		if (!intact || left != c->repaired)
			fail_msg("%s: then intact %d, %zu elements", c->command, intact, left);
		assert_false(hears_of_others());
		/* with its elements put again, all is as before: the lease too */
		assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
		assert_false(passes(INSIDE, OUTSIDE, false));
		remove_backend();
	}
}

static void other_tables_are_nobodys_business(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	must_run("nft add table inet other");
	must_run("nft add table ip bulkhead");
	backend_opens(&routed);
	must_run("nft add chain inet other c");
	must_run("nft add chain ip bulkhead c");
	must_run("nft flush table inet other");
	assert_false(hears_of_others());
	assert_true(is_intact());
	assert_int_equal(w.b->ops->clear(w.b), 0);
	must_run("nft list chain inet other c");
	must_run("nft list chain ip bulkhead c");
	assert_int_not_equal(run("nft list table inet bulkhead"), 0);
}

static void a_table_of_that_name_that_isnt_ours_is_left_alone(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	must_run("nft add table inet bulkhead");
	must_run("nft add chain inet bulkhead theirs");
	assert_int_equal(netfilter_open(&routed, &w.b), -EEXIST);
	must_run("nft list chain inet bulkhead theirs");
	const struct netfilter_config named = {.table = "bulkhead_2", .hooks = NETFILTER_ROUTED};
	assert_int_equal(netfilter_open(&named, &w.b), 0);
}

static void a_change_after_a_flush_puts_everything(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	must_run("nft flush ruleset");
	assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	must_run("nft flush ruleset");
	assert_int_equal(w.b->ops->lease(w.b, in_ms(60000)), 0);
	assert_true(is_intact());
}

static void a_restart_takes_over_what_is_there(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_pass pass = {.prefix = prefix("192.0.2.3")};
	const struct netfilter_config after = {
	    .hooks = NETFILTER_ROUTED, .passes = &pass, .n_passes = 1, .reset = true};
	struct cut cuts[] = {
	    cut_of("10.1.0.2", "", CUT_BOTH), cut_of("2001:db8:1::/64", "2001:db8::/32", CUT_FROM_ONLY)};
	struct backend_element *e;
	bool intact;
	backend_opens(&routed);
	int64_t until = in_ms(60000);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(step(BACKEND_ADD, cuts[i], until, i == 1), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	w.b->ops->close(w.b);
	assert_false(passes(INSIDE, OUTSIDE, false));
	/* with nobody having renewed the lease, and passes that are new */
	assert_int_equal(netfilter_open(&after, &w.b), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	assert_false(passes(INSIDE, OUTSIDE, true));
	assert_int_equal(read_back(&e, &intact), 2);
	assert_true(intact);
	for (size_t i = 0; i < 2; i++) {
		bool v6 = e[i].fail_closed;
		assert_int_equal(cut_compare(&e[i].cut, &cuts[v6]), 0);
		assert_in_range(e[i].until - until + 50 * NS_PER_MS, 0, 100 * NS_PER_MS);
		assert_int_equal(e[i].packets, v6 ? 1 : 3);
	}
	free(e);
	/* hooks that aren't asked for any more go */
	const char *const interfaces[] = {"in"};
	const struct netfilter_config more = {
	    .hooks = NETFILTER_ROUTED | NETFILTER_INGRESS, .interfaces = interfaces, .n_interfaces = 1};
	w.b->ops->close(w.b);
	assert_int_equal(netfilter_open(&more, &w.b), 0);
	must_run("nft list table netdev bulkhead");
	w.b->ops->close(w.b);
	assert_int_equal(netfilter_open(&routed, &w.b), 0);
	assert_int_not_equal(run("nft list table netdev bulkhead"), 0);
}

static void shapes_without_elements_go(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
	assert_int_equal(step(BACKEND_ADD, cut_of("10.2.0.0/24", "", CUT_BOTH), in_ms(60000), false), 0);
	assert_int_equal(step(BACKEND_REMOVE, cut_of("10.2.0.0/24", "", CUT_BOTH), 0, false), 0);
	assert_int_equal(w.b->ops->deadline(w.b), INT64_MAX);
	must_run("nft list set inet bulkhead leased_ip_24_any");
	assert_true(is_intact());
	assert_int_equal(w.b->ops->deadline(w.b), 0);
	assert_int_equal(w.b->ops->tick(w.b, netfilter_now()), 0);
	assert_int_equal(w.b->ops->deadline(w.b), INT64_MAX);
	assert_int_not_equal(run("nft list set inet bulkhead leased_ip_24_any"), 0);
	must_run("nft list set inet bulkhead leased_ip_32_any");
	assert_true(is_intact());
	assert_false(passes(INSIDE, OUTSIDE, false));
}

static void so_many_shapes_and_no_more(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_step steps[NETFILTER_SHAPES_MAX + 1];
	size_t at = 0;
	for (size_t i = 0; i < NETFILTER_SHAPES_MAX + 1; i++) {
		struct net_prefix p = net_prefix_of(prefix("2001:db8::1").addr, (uint8_t)(20 + i));
		steps[i] = (struct backend_step){
		    .cut = {.from = p}, .until = in_ms(60000), .act = BACKEND_ADD};
	}
	backend_opens(&routed);
	/* one too many: nothing of it */
	assert_int_equal(w.b->ops->change(w.b, steps, NETFILTER_SHAPES_MAX + 1, &at), -E2BIG);
	assert_int_equal(at, NETFILTER_SHAPES_MAX);
	assert_int_equal(count_elements(), 0);
	assert_int_equal(w.b->ops->change(w.b, steps, NETFILTER_SHAPES_MAX - 1, &at), 0);
	assert_null(w.b->ops->cannot(w.b, &steps[NETFILTER_SHAPES_MAX - 1].cut, false));
	assert_int_equal(w.b->ops->change(w.b, &steps[NETFILTER_SHAPES_MAX - 1], 1, &at), 0);
	assert_non_null(w.b->ops->cannot(w.b, &steps[NETFILTER_SHAPES_MAX].cut, false));
	assert_int_equal(w.b->ops->change(w.b, &steps[NETFILTER_SHAPES_MAX], 1, &at), -E2BIG);
	assert_int_equal(at, 0);
	assert_int_equal(count_elements(), NETFILTER_SHAPES_MAX);
	assert_true(is_intact());
	/* in place of one that is gone there is room again */
	steps[0].act = BACKEND_REMOVE;
	assert_int_equal(w.b->ops->change(w.b, steps, 1, &at), 0);
	assert_int_equal(count_elements(), NETFILTER_SHAPES_MAX - 1);
	assert_null(w.b->ops->cannot(w.b, &steps[NETFILTER_SHAPES_MAX].cut, false));
	assert_int_equal(w.b->ops->change(w.b, &steps[NETFILTER_SHAPES_MAX], 1, &at), 0);
	assert_int_equal(count_elements(), NETFILTER_SHAPES_MAX);
	assert_true(is_intact());
}

static void a_bad_step_changes_nothing(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_step steps[] = {
	    {cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), BACKEND_ADD, false},
	    {cut_of("10.1.0.2", "2001:db8::/32", CUT_BOTH), in_ms(60000), BACKEND_ADD, false},
	    {cut_of("10.3.0.0/16", "", CUT_BOTH), in_ms(60000), BACKEND_ADD, false},
	};
	size_t at = 99;
	backend_opens(&routed);
	assert_int_equal(w.b->ops->change(w.b, steps, 3, &at), -EOPNOTSUPP);
	assert_int_equal(at, 1);
	steps[1].cut = cut_of("", "", CUT_BOTH);
	assert_int_equal(w.b->ops->change(w.b, steps, 3, &at), -EOPNOTSUPP);
	assert_int_equal(at, 1);
	assert_int_equal(count_elements(), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
	/* one that the kernel refuses: somebody has a set of that name and another kind there */
	steps[1].cut = cut_of("10.1.0.0/20", "", CUT_BOTH);
	must_run("nft add set inet bulkhead leased_ip_20_any { type ipv4_addr ; }");
	assert_true(w.b->ops->change(w.b, steps, 3, &at) < 0);
	assert_int_equal(at, 3);
	assert_int_equal(count_elements(), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_int_equal(w.b->ops->repair(w.b), 0);
	assert_int_equal(w.b->ops->change(w.b, steps, 3, &at), 0);
	assert_int_equal(count_elements(), 3);
	assert_false(passes(INSIDE, OUTSIDE, false));
}

static void of_several_steps_about_a_cut_the_last_holds(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct cut a = cut_of("10.1.0.2", "", CUT_BOTH), b = cut_of("10.0.0.9", "", CUT_BOTH);
	const struct backend_step steps[] = {
	    {a, in_ms(60000), BACKEND_ADD, false},
	    {b, 0, BACKEND_REMOVE, false},
	    {a, 0, BACKEND_REMOVE, false},
	    {b, in_ms(60000), BACKEND_ADD, false},
	    {a, 0, BACKEND_REMOVE, false},
	};
	struct backend_element *e;
	bool intact;
	backend_opens(&routed);
	assert_int_equal(w.b->ops->change(w.b, steps, 5, NULL), 0);
	assert_int_equal(read_back(&e, &intact), 1);
	assert_int_equal(cut_compare(&e[0].cut, &b), 0);
	free(e);
	/* adding and removing what is so already is no error */
	assert_int_equal(w.b->ops->change(w.b, steps, 5, NULL), 0);
	assert_int_equal(w.b->ops->change(w.b, NULL, 0, NULL), 0);
	assert_int_equal(count_elements(), 1);
}

/* A cut for each i, no two the same: addresses, and prefixes of several lengths. */
static struct backend_step numbered(uint32_t i, int64_t until)
{
	struct backend_step s = {.until = until, .act = BACKEND_ADD, .fail_closed = i % 7 == 0};
	uint32_t v = htonl(0x0b000000u + (i << 6));
	struct net_addr addr = net_addr_v4((const uint8_t *)&v);
	if (i % 3 == 0) {
		addr = prefix("2001:db8::").addr;
		memcpy(addr.b + 4, &v, 4);
	}
	s.cut.from = net_prefix_of(addr, (uint8_t)(i % 3 == 0 ? 64 + 8 * (i % 5)
	                                           : i % 2    ? 128
	                                                      : 122 + i % 6));
	if (i % 11 == 0 && i % 3)
		s.cut.to = prefix("192.0.2.0/24");
	s.cut.direction = i % 5 == 0 ? CUT_FROM_ONLY : CUT_BOTH;
	return s;
}

static int compare_steps(const void *a, const void *b)
{
	const struct backend_step *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

static void a_hundred_thousand_are_one_change_and_read_back_as_put(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	enum { MANY = 100000 };
	struct backend_step *steps = calloc(MANY, sizeof(*steps));
	struct backend_element *e;
	bool intact;
	int64_t until = in_ms(3600000);
	assert_non_null(steps);
	for (uint32_t i = 0; i < MANY; i++)
		steps[i] = numbered(i, until);
	backend_opens(&routed);
	assert_int_equal(w.b->ops->change(w.b, steps, MANY, NULL), 0);
	assert_false(hears_of_others());
	qsort(steps, MANY, sizeof(*steps), compare_steps);
	assert_int_equal(read_back(&e, &intact), MANY);
	assert_true(intact);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(cut_compare(&e[i].cut, &steps[i].cut), 0);
		assert_int_equal(e[i].fail_closed, steps[i].fail_closed);
		/* the kernel starts each element's time as it comes to it: never early, many seconds on a
		 * busy machine */
		assert_in_range(e[i].until - until + 50 * NS_PER_MS, 0, 60000 * NS_PER_MS);
		steps[i].act = BACKEND_REMOVE;
	}
	free(e);
	/* a change in the middle of a reading begins it anew */
	assert_int_equal(w.b->ops->read_begin(w.b), 0);
	size_t n = 0;
	for (int i = 0; i < 40; i++)
		assert_int_equal(w.b->ops->read_more(w.b, &e, &n, &intact), 1);
	assert_int_equal(w.b->ops->change(w.b, steps, MANY / 2, NULL), 0);
	int r;
	do
		r = w.b->ops->read_more(w.b, &e, &n, &intact);
	while (r == 1);
	assert_int_equal(r, 0);
	assert_true(intact);
	assert_int_equal(n, MANY / 2);
	free(e);
	assert_int_equal(w.b->ops->change(w.b, steps, MANY, NULL), 0);
	assert_int_equal(count_elements(), 0);
	free(steps);
}

static void a_configuration_that_breaks_a_bound_is_refused(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	static const char *const nowhere[] = {"nowhere"};
	struct backend_pass everything = {0}, port = {.port = 53};
	const struct netfilter_config refused[] = {
	    {.hooks = 0},
	    {.hooks = 8},
	    {.hooks = NETFILTER_ROUTED, .table = ""},
	    {.hooks = NETFILTER_ROUTED, .table = "two words"},
	    {.hooks = NETFILTER_ROUTED, .table = "a123456789012345678901234567890x"},
	    {.hooks = NETFILTER_INGRESS},
	    {.hooks = NETFILTER_ROUTED, .passes = &everything, .n_passes = 1},
	    {.hooks = NETFILTER_ROUTED, .passes = &port, .n_passes = 1},
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(netfilter_open(&refused[i], &w.b), -EINVAL);
	const struct netfilter_config absent = {
	    .hooks = NETFILTER_ROUTED | NETFILTER_INGRESS, .interfaces = nowhere, .n_interfaces = 1};
	assert_int_equal(netfilter_open(&absent, &w.b), -ENODEV);
	/* nothing of it was put */
	assert_int_not_equal(run("nft list table inet bulkhead"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_others_change_is_heard_seen_and_repaired, world_clean),
	    cmocka_unit_test_teardown(other_tables_are_nobodys_business, world_clean),
	    cmocka_unit_test_teardown(a_table_of_that_name_that_isnt_ours_is_left_alone, world_clean),
	    cmocka_unit_test_teardown(a_change_after_a_flush_puts_everything, world_clean),
	    cmocka_unit_test_teardown(a_restart_takes_over_what_is_there, world_clean),
	    cmocka_unit_test_teardown(shapes_without_elements_go, world_clean),
	    cmocka_unit_test_teardown(so_many_shapes_and_no_more, world_clean),
	    cmocka_unit_test_teardown(a_bad_step_changes_nothing, world_clean),
	    cmocka_unit_test_teardown(of_several_steps_about_a_cut_the_last_holds, world_clean),
	    cmocka_unit_test_teardown(a_hundred_thousand_are_one_change_and_read_back_as_put, world_clean),
	    cmocka_unit_test_teardown(a_configuration_that_breaks_a_bound_is_refused, world_clean),
	};
	return cmocka_run_group_tests(tests, open_routed, close_world);
}
