/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter_world.h"

/* Cuts between the ports of a bridge. */

static const struct netfilter_config bridged = {.hooks = NETFILTER_BRIDGED};

static int open_bridged(void **state)
{
	(void)state;
	return open_world(true);
}

static void bridged_packets_are_stopped(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	static const char *const from[] = {"10.1.0.2", "10.1.0.0/24", "2001:db8:1::2", "2001:db8:1::/64"};
	backend_opens(&bridged);
	for (size_t i = 0; i < 4; i++) {
		bool v6 = i >= 2;
		struct cut cut = cut_of(from[i], "", CUT_BOTH);
		assert_int_equal(step(BACKEND_ADD, cut, in_ms(60000), i % 2), 0);
		assert_false(passes(INSIDE, OUTSIDE, v6));
		assert_false(passes(OUTSIDE, INSIDE, v6));
		assert_true(passes(INSIDE, OUTSIDE, !v6));
		assert_int_equal(step(BACKEND_REMOVE, cut, 0, i % 2), 0);
		assert_true(passes(INSIDE, OUTSIDE, v6));
	}
	assert_true(is_intact());
}

static void who_begins_is_known_or_the_cut_is_refused(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct cut cut = cut_of("10.1.0.2", "", CUT_FROM_ONLY);
	backend_opens(&bridged);
	const char *why = w.b->ops->cannot(w.b, &cut, false);
	int r = step(BACKEND_ADD, cut, in_ms(60000), false);
	assert_int_equal(r, why ? -EOPNOTSUPP : 0);
	assert_int_equal(passes(INSIDE, OUTSIDE, false), why != NULL);
	assert_true(passes(OUTSIDE, INSIDE, false));
	assert_true(is_intact());
	/* with routed packets beside it's the same: what is bridged would slip through */
	const struct netfilter_config both = {.hooks = NETFILTER_BRIDGED | NETFILTER_ROUTED};
	remove_backend();
	backend_opens(&both);
	assert_int_equal(w.b->ops->cannot(w.b, &cut, false) != NULL, why != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(bridged_packets_are_stopped, world_clean),
	    cmocka_unit_test_teardown(who_begins_is_known_or_the_cut_is_refused, world_clean),
	};
	return cmocka_run_group_tests(tests, open_bridged, close_world);
}
