/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../contain/network.h"

#include "enforce/nft.h"

/* The text of plans; that the kernel takes them and does what they say is tests/e2e/test_nft.py. */

static struct network w;
static char *page;
static size_t n_page;

static int setup(void **state)
{
	(void)state;
	network_open(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(page);
	page = NULL;
	network_close(&w);
	return 0;
}

static const char *print(const struct plan_cut *cuts, size_t n)
{
	struct plan_cut copy[4];
	assert_true(n <= 4);
	if (n)
		memcpy(copy, cuts, n * sizeof(*cuts));
	const struct plan p = {.cuts = copy, .n_cuts = n};
	free(page);
	FILE *out = open_memstream(&page, &n_page);
	assert_non_null(out);
	assert_int_equal(
	    enforce_nft_print(&p, w.t.zones, w.never, w.in.n_never_cut, "incident-0123456789abcdef", out), 0);
	fclose(out);
	return page;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
}

static struct plan_cut host(const char *addr)
{
	return (struct plan_cut){.kind = PLAN_CUT_HOST,
	    .from = {{.addr = ip(addr), .bits = 128}},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .lease_ns = 90 * NS_PER_S,
	    .why = "because"};
}

static void test_a_host_stands_in_a_hash_set_with_its_lease(void **state)
{
	(void)state;
	const struct plan_cut cut = host("10.2.0.1");
	const char *text = print(&cut, 1);
	assert_has(
	    text, "table inet bulkhead {}\ndelete table inet bulkhead\n"); /* made anew, in one transaction */
	assert_has(text, "set cut1_4 {\n\t\ttype ipv4_addr\n\t\tflags timeout\n");
	assert_has(text, "elements = { 10.2.0.1 timeout 90s }");
	assert_has(text, "ip saddr @cut1_4 counter drop");
	assert_has(text, "ip daddr @cut1_4 counter drop");
	assert_null(strstr(text, "cut1_6")); /* no such family, no set */
	assert_null(strstr(text, "never"));
	assert_has(text, "incident-0123456789abcdef");
}

static void test_each_family_has_its_own_sets_and_rules(void **state)
{
	(void)state;
	struct plan_cut cut = host("10.2.0.1");
	cut.from[cut.n_from++] = (struct net_prefix){.addr = ip("2001:db8::1"), .bits = 128};
	const char *text = print(&cut, 1);
	assert_has(text, "elements = { 10.2.0.1 timeout 90s }");
	assert_has(text, "elements = { 2001:db8::1 timeout 90s }");
	assert_has(text, "ip saddr @cut1_4 counter drop");
	assert_has(text, "ip6 saddr @cut1_6 counter drop");
}

static void test_a_cut_of_what_it_begins_matches_the_connection_not_the_packet(void **state)
{
	(void)state;
	struct plan_cut cut = host("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_zone = w.t.dmz;
	cut.direction = PLAN_FROM_ONLY;
	const char *text = print(&cut, 1);
	assert_has(text, "ct direction original ip saddr @cut1_4 ip daddr @zone2_4 counter drop");
	assert_has(text, "ct direction reply ip daddr @cut1_4 ip saddr @zone2_4 counter drop");
	assert_has(text, "set zone2_4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n");
	assert_has(text, "elements = { 10.3.0.0/16 }");
}

static void test_what_may_never_be_cut_is_let_through_first(void **state)
{
	(void)state;
	network_never(&w, "10.2.0.254/32");
	const struct plan_cut cut = host("10.2.0.1");
	const char *text = print(&cut, 1);
	const char *accept = strstr(text, "ip saddr @never4 accept"), *drop = strstr(text, "drop");
	assert_non_null(accept);
	assert_has(text, "ip daddr @never4 accept");
	assert_true(accept < drop);
	assert_has(text, "elements = { 10.2.0.254 }"); /* without a timeout */
}

static void test_the_outside_is_what_is_not_inside(void **state)
{
	(void)state;
	struct plan_cut cut = host("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_external = true;
	assert_has(print(&cut, 1), "ip saddr @cut1_4 ip daddr != @inside4 counter drop");
	assert_has(page, "elements = { 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16, 10.4.0.0/16 }");
}

static void test_a_plan_without_cuts_drops_nothing(void **state)
{
	(void)state;
	assert_null(strstr(print(NULL, 0), "counter drop"));
	assert_has(page, "policy accept;");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_host_stands_in_a_hash_set_with_its_lease),
	    T(test_each_family_has_its_own_sets_and_rules),
	    T(test_a_cut_of_what_it_begins_matches_the_connection_not_the_packet),
	    T(test_what_may_never_be_cut_is_let_through_first),
	    T(test_the_outside_is_what_is_not_inside),
	    T(test_a_plan_without_cuts_drops_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
