/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What no order may do, and that the rule is named. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contain/guardrail.h"

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {.bits = 0};
	if (text)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct cut between(const char *from, const char *to)
{
	return (struct cut){.from = prefix(from), .to = prefix(to)};
}

static void test_each_rule_is_named(void **unused)
{
	static const struct {
		const char *from, *to, *rule;
	} cases[] = {
	    {"10.1.0.5", NULL, "none"},
	    {"10.1.0.5", "203.0.113.9", "none"},
	    {"10.1.2.0/24", "10.2.0.0/24", "none"},
	    {NULL, NULL, "anywhere"},
	    {"10.9.9.9", NULL, "never-cut"},    /* it */
	    {NULL, "10.9.9.9", "never-cut"},    /* at the other end */
	    {"10.9.9.0/24", NULL, "never-cut"}, /* what holds it */
	    {"10.8.0.7", NULL, "never-cut"},    /* a part of it */
	    {"10.8.0.0/24", "10.1.0.1", "never-cut"},
	    {"2001:db8:9::1", NULL, "never-cut"},
	    {"10.0.0.1", NULL, "control-path"},
	    {"10.0.0.0/24", NULL, "control-path"},
	    {"10.1.0.0/23", NULL, "widest-prefix"},
	    {NULL, "10.1.0.0/16", "widest-prefix"},
	    {"2001:db8:1::/48", NULL, "none"},
	    {"2001:db8::/47", NULL, "widest-prefix"},
	};
	const struct net_prefix never[] = {
	    prefix("10.9.9.9"), prefix("10.8.0.0/16"), prefix("2001:db8:9::/64")};
	const struct net_prefix control[] = {prefix("10.0.0.1")};
	const struct guardrails g = {.never_cut = never,
	    .n_never_cut = 3,
	    .control = control,
	    .n_control = 1,
	    .widest_v4 = 24,
	    .widest_v6 = 48};
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cut c = between(cases[i].from, cases[i].to);
		assert_string_equal(guardrail_name(guardrail_of_cut(&g, &c)), cases[i].rule);
	}
}

static void test_an_order_is_refused_whole_for_one_cut(void **unused)
{
	const struct net_prefix never = prefix("10.9.9.9");
	const struct guardrails g = {.never_cut = &never, .n_never_cut = 1};
	const struct cut cuts[] = {
	    between("10.1.0.1", NULL), between("10.9.9.9", NULL), between("10.1.0.2", NULL)};
	size_t at;
	(void)unused;
	assert_int_equal(guardrail_of_order(&g, cuts, 3, 1, 0, &at), GUARDRAIL_NEVER_CUT);
	assert_int_equal(at, 1);
	assert_int_equal(guardrail_of_order(&g, cuts, 1, 1, 0, &at), GUARDRAIL_NONE);
}

static void test_leases_and_numbers_at_their_bounds(void **unused)
{
	const struct guardrails g = {.most_cuts = 10, .longest_lease_ns = 100};
	const struct cut c = between("10.1.0.1", NULL);
	(void)unused;
	assert_int_equal(guardrail_of_order(&g, &c, 1, 100, 9, NULL), GUARDRAIL_NONE);
	assert_int_equal(guardrail_of_order(&g, &c, 1, 101, 9, NULL), GUARDRAIL_LEASE);
	assert_int_equal(guardrail_of_order(&g, &c, 1, 0, 9, NULL), GUARDRAIL_LEASE);
	assert_int_equal(guardrail_of_order(&g, &c, 1, 100, 10, NULL), GUARDRAIL_MOST_CUTS);
	assert_int_equal(guardrail_of_order(&g, &c, 1, 100, SIZE_MAX, NULL), GUARDRAIL_MOST_CUTS);
}

static void test_orders_keep_their_pace(void **unused)
{
	const int64_t second = 1000000000;
	const struct guardrails g = {.most_orders_a_minute = 3};
	struct guardrail_pace p = {.n = 0};
	(void)unused;
	assert_true(guardrail_pace_take(&p, &g, 0));
	assert_true(guardrail_pace_take(&p, &g, second));
	assert_true(guardrail_pace_take(&p, &g, 2 * second));
	assert_false(guardrail_pace_take(&p, &g, 59 * second));
	assert_true(guardrail_pace_take(&p, &g, 60 * second)); /* the first is a minute ago */
	assert_false(guardrail_pace_take(&p, &g, 60 * second));
	assert_true(guardrail_pace_take(&p, &g, 61 * second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_rule_is_named),
	    cmocka_unit_test(test_an_order_is_refused_whole_for_one_cut),
	    cmocka_unit_test(test_leases_and_numbers_at_their_bounds),
	    cmocka_unit_test(test_orders_keep_their_pace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
