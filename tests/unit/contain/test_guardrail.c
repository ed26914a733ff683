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
	    {"10.1.0.5", "128.0.0.0/1", "none"}, /* a machine from half the world */
	    {"10.1.2.0/24", "128.0.0.0/1", "none"},
	    {"10.1.2.0/23", "128.0.0.0/1", "widest-prefix"},
	};
	const struct net_prefix never[] = {
	    prefix("10.9.9.9"), prefix("10.8.0.0/16"), prefix("2001:db8:9::/64")};
	const struct net_prefix control[] = {prefix("10.0.0.1")};
	struct guardrails g = {.never_cut = never,
	    .n_never_cut = 3,
	    .control = control,
	    .n_control = 1,
	    .widest_v4 = 24,
	    .widest_v6 = 48};
	(void)unused;
	for (int prepared = 0; prepared <= 1; prepared++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct cut c = between(cases[i].from, cases[i].to);
			assert_string_equal(guardrail_name(guardrail_of_cut(&g, &c)), cases[i].rule);
		}
		assert_int_equal(guardrails_prepare(&g), 0);
	}
	guardrails_free(&g);
}

/* Where what is spared passes, a cut may hold it; one that is of nothing else stays refused. */
static void test_what_passes_may_lie_within_a_cut(void **unused)
{
	static const struct {
		const char *from, *to, *rule;
	} cases[] = {
	    {"10.9.9.9", NULL, "never-cut"},
	    {NULL, "10.9.9.9", "never-cut"},
	    {"10.9.9.0/24", NULL, "none"},
	    {"10.9.9.0/24", "10.9.9.9", "never-cut"},
	    {"10.8.0.7", NULL, "never-cut"},
	    {"10.8.0.0/16", NULL, "never-cut"},
	    {"10.8.0.0/15", NULL, "none"},
	    {"10.9.9.8/30", "128.0.0.0/1", "none"},
	    {"10.0.0.1", NULL, "control-path"},
	    {"10.0.0.0/24", NULL, "none"},
	    {NULL, NULL, "anywhere"},
	    {"::/0", NULL, "anywhere"},
	};
	const struct net_prefix never[] = {prefix("10.9.9.9"), prefix("10.8.0.0/16"), prefix("10.8.3.0/24")};
	const struct net_prefix control[] = {prefix("10.0.0.1")};
	struct guardrails g = {
	    .never_cut = never, .n_never_cut = 3, .control = control, .n_control = 1, .spared_pass = true};
	(void)unused;
	for (int prepared = 0; prepared <= 1; prepared++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct cut c = between(cases[i].from, cases[i].to);
			assert_string_equal(guardrail_name(guardrail_of_cut(&g, &c)), cases[i].rule);
		}
		assert_int_equal(guardrails_prepare(&g), 0);
	}
	guardrails_free(&g);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static struct net_prefix drawn(uint64_t *state)
{
	uint64_t r = next_random(state);
	return net_prefix_of(net_addr_v4((const uint8_t[]){
	                         10, (uint8_t)(r % 4), (uint8_t)(r >> 8 & 0x0f), (uint8_t)(r >> 16)}),
	    (uint8_t)(104 + next_random(state) % 25));
}

/* Nested, equal and neighbouring prefixes in a small space: the sorted lists answer as the plain ones do. */
static void test_sorted_rules_answer_as_plain_ones(void **unused)
{
	struct net_prefix never[40], control[10];
	uint64_t state = 7;
	size_t touched = 0;
	(void)unused;
	for (size_t round = 0; round < 200; round++) {
		struct guardrails plain = {.spared_pass = round % 2,
		    .never_cut = never,
		    .n_never_cut = round % 40,
		    .control = control,
		    .n_control = round % 10};
		struct guardrails sorted = plain;
		for (size_t i = 0; i < 40; i++)
			never[i] = drawn(&state);
		for (size_t i = 0; i < 10; i++)
			control[i] = drawn(&state);
		assert_int_equal(guardrails_prepare(&sorted), 0);
		for (size_t i = 0; i < 200; i++) {
			struct cut c = {.from = drawn(&state)};
			assert_int_equal(guardrail_of_cut(&sorted, &c), guardrail_of_cut(&plain, &c));
			touched += guardrail_of_cut(&plain, &c) != GUARDRAIL_NONE;
		}
		guardrails_free(&sorted);
	}
	assert_in_range(touched, 4000, 39000);
}

/* ::/64 holds ::ffff:0:0/96, which is how IPv4 stands in our tables. */
static void test_a_prefix_of_both_families_is_too_wide(void **unused)
{
	const struct guardrails g = {.widest_v4 = 0};
	struct cut c = between("::/64", NULL);
	(void)unused;
	assert_int_equal(guardrail_of_cut(&g, &c), GUARDRAIL_WIDEST_PREFIX);
	c = between("2001:db8::/64", NULL);
	assert_int_equal(guardrail_of_cut(&g, &c), GUARDRAIL_NONE);
}

static void test_a_cut_with_host_bits_is_not_sound(void **unused)
{
	struct cut c = between("10.1.0.0/24", "10.2.0.1");
	(void)unused;
	assert_true(cut_is_sound(&c));
	c.from.addr.b[15] = 1;
	assert_false(cut_is_sound(&c));
	c.from.addr.b[15] = 0;
	c.direction = CUT_FROM_ONLY + 1;
	assert_false(cut_is_sound(&c));
	c = between("10.1.0.0", NULL);
	c.to.bits = 129;
	assert_false(cut_is_sound(&c));
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
	    cmocka_unit_test(test_what_passes_may_lie_within_a_cut),
	    cmocka_unit_test(test_sorted_rules_answer_as_plain_ones),
	    cmocka_unit_test(test_a_prefix_of_both_families_is_too_wide),
	    cmocka_unit_test(test_a_cut_with_host_bits_is_not_sound),
	    cmocka_unit_test(test_an_order_is_refused_whole_for_one_cut),
	    cmocka_unit_test(test_leases_and_numbers_at_their_bounds),
	    cmocka_unit_test(test_orders_keep_their_pace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
