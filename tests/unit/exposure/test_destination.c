/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Destinations: their classes, names, flows, and how many have a row. */
#include "ground.h"

static void test_destinations_have_classes_names_and_their_largest_flows(void **state)
{
	(void)state;
	push(Z1, "203.0.113.1", 5, 6, 10); /* known before the window */
	push(Z1, "203.0.113.1", 15, 16, 5000);
	struct msg_flow f = flow_of(Z1, "203.0.113.2", 15, 16, 10, 0, APP_TLS);
	f.name = TEXT("new.example");
	timeline_add(&t, f);
	uint64_t large = push(Z1, "203.0.113.2", 17, 18, 500);
	push(Z1, "203.0.113.3", 17, 18, 20);
	push(Z1, X, 17, 18, 30);
	push(Z1, Y, 17, 18, 40);
	struct net_addr bad[] = {ip("203.0.113.3")};
	struct field_value fields[] = {{FIELD_DNS_QUERY, TEXT("bad.example")},
	    {FIELD_DNS_ANSWER_ADDR, text_bytes(bad[0].b, sizeof(bad[0].b))}};
	struct msg_transaction x = {.id = t.next_id++, .app = APP_DNS, .time = at(1), .fields = {fields, 2}};
	assert_int_equal(archive_append_transaction(t.archive, &x), 0);
	ready();
	uint8_t compromised[16] = {0};
	compromised[timeline_asset(&t, X)] = 1;
	in.compromised = compromised;
	in.bad_peers = bad;
	in.n_bad_peers = 1;
	in.from = at(10);
	compute();
	assert_int_equal(exposure.n_destinations, 5);
	const struct exposure_destination *d = exposure.destinations;
	assert_int_equal(d[0].class, EXPOSURE_COMPROMISED);
	assert_true(net_addr_equal(d[0].addr, ip(X)));
	assert_int_equal(d[0].zone, t.office);
	assert_int_equal(d[1].class, EXPOSURE_INDICATOR);
	assert_string_equal(d[1].name, "bad.example");
	assert_int_equal(d[1].zone, NET_ZONE_NONE);
	assert_int_equal(d[2].class, EXPOSURE_FIRST_SEEN);
	assert_int_equal(d[2].payload_bytes, 510);
	assert_string_equal(d[2].name, "new.example");
	assert_int_equal(d[2].flows[0], large);
	assert_int_equal(d[3].class, EXPOSURE_BASELINE);
	assert_int_equal(d[3].payload_bytes, 5000);
	assert_string_equal(d[3].name, "");
	assert_int_equal(d[4].class, EXPOSURE_BASELINE); /* Y had spoken to the zone before */
	assert_int_equal(d[4].payload_bytes, 40);
	uint64_t sum = 0;
	for (size_t i = 0; i < exposure.n_destinations; i++)
		sum += d[i].payload_bytes;
	assert_int_equal(sum, exposure.direct_bytes);
}

static void flows_listed(uint64_t n, size_t listed)
{
	for (uint64_t i = 1; i <= n; i++)
		push(Z1, OUT, 10, 20, i);
	ready();
	compute();
	assert_int_equal(exposure.destinations[0].n_flows, listed);
	assert_int_equal(exposure.destinations[0].flows_total, n);
	assert_int_equal(exposure.destinations[0].payload_bytes, n * (n + 1) / 2);
	struct msg_flow f;
	for (size_t i = 0; i < listed; i++) {
		assert_int_equal(
		    archive_find_flow(t.archive, exposure.destinations[0].flows[i], &t.arena, &f), 0);
		assert_int_equal(f.payload_out, n - i); /* the largest first */
	}
}

static void test_one_flow_less_than_the_bound_is_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX - 1, EXPOSURE_FLOWS_MAX - 1);
}

static void test_as_many_flows_as_the_bound_are_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX, EXPOSURE_FLOWS_MAX);
}

static void test_beyond_the_bound_the_smallest_flow_is_not_listed(void **state)
{
	(void)state;
	flows_listed(EXPOSURE_FLOWS_MAX + 1, EXPOSURE_FLOWS_MAX);
}

static void destinations_listed(unsigned n)
{
	char addr[32];
	for (unsigned i = 0; i < n; i++) {
		snprintf(addr, sizeof(addr), "100.%u.%u.1", i / 256, i % 256);
		push(Z1, addr, 10, 20, 10 + (i > 0));
	}
	ready();
	compute();
	bool over = n > EXPOSURE_DESTINATIONS_MAX;
	assert_int_equal(exposure.n_destinations, over ? EXPOSURE_DESTINATIONS_MAX : n);
	assert_int_equal(exposure.destinations_total, n);
	assert_int_equal(exposure.destinations_unlisted_bytes, over ? 10 : 0); /* the smallest */
	assert_int_equal(exposure.direct_bytes, n * 11 - 1);
}

static void test_one_destination_less_than_the_bound_has_its_row(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX - 1);
}

static void test_as_many_destinations_as_the_bound_have_their_rows(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX);
}

static void test_beyond_the_bound_the_smallest_destination_has_no_row_but_counts(void **state)
{
	(void)state;
	destinations_listed(EXPOSURE_DESTINATIONS_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_destinations_have_classes_names_and_their_largest_flows),
	    T(test_one_flow_less_than_the_bound_is_listed),
	    T(test_as_many_flows_as_the_bound_are_listed),
	    T(test_beyond_the_bound_the_smallest_flow_is_not_listed),
	    T(test_one_destination_less_than_the_bound_has_its_row),
	    T(test_as_many_destinations_as_the_bound_have_their_rows),
	    T(test_beyond_the_bound_the_smallest_destination_has_no_row_but_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
