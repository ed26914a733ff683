/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

enum { ARP = 1, NDP = 2, DHCP = 3, DNS_ANSWER = 4, HOST_NAME = 5 };

static struct timeline timeline;

static int setup(void **state)
{
	(void)state;
	timeline_open(&timeline);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timeline_close(&timeline);
	return 0;
}

static struct net_mac mac(uint8_t last)
{
	return (struct net_mac){{0x02, 0, 0, 0, 0, last}};
}

static void bind(uint8_t source, uint8_t mac_last, const char *addr, const char *name)
{
	struct msg_binding b = {.first = at(1), .last = at(2), .source = source, .name = text_of(name)};
	if (mac_last)
		b.mac = mac(mac_last);
	if (addr)
		b.addr = ip(addr);
	assert_int_equal(asset_map_binding(timeline.assets, &b), 0);
}

static void assert_joined(const char *a, const char *b, bool joined)
{
	uint32_t x = timeline_asset(&timeline, a), y = timeline_asset(&timeline, b);
	if ((x == y) != joined)
		fail_msg("%s and %s: %s", a, b, joined ? "not joined" : "joined");
}

static void test_addresses_of_one_mac_are_one_machine(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.5", "");
	bind(NDP, 1, "fe80::5", "");
	bind(ARP, 2, "10.2.0.6", "");
	timeline_ready(&timeline);
	assert_joined("10.2.0.5", "fe80::5", true);
	assert_joined("10.2.0.5", "10.2.0.6", false);
	const struct asset *a = asset_at(timeline.assets, timeline_asset(&timeline, "fe80::5"));
	assert_int_equal(a->n_addrs, 2);
	assert_true(net_addr_equal(a->addrs[0], ip("10.2.0.5")));
	assert_int_equal(a->zone, timeline.office);
	assert_memory_equal(&a->mac, (&(struct net_mac){{0x02, 0, 0, 0, 0, 1}}), 6);
	assert_false(a->seen);
}

static void test_assets_are_numbered_in_order_of_address(void **state)
{
	(void)state;
	bind(ARP, 9, "10.4.0.1", "");
	bind(ARP, 1, "10.2.0.9", "");
	bind(ARP, 2, "10.1.0.9", "");
	bind(ARP, 1, "10.2.0.3", "");
	timeline_ready(&timeline);
	assert_int_equal(asset_count(timeline.assets), 3);
	assert_int_equal(timeline_asset(&timeline, "10.1.0.9"), 0);
	assert_int_equal(timeline_asset(&timeline, "10.2.0.9"), 1);
	assert_int_equal(timeline_asset(&timeline, "10.4.0.1"), 2);
}

static void test_a_mac_in_several_zones_is_a_router_and_binds_nothing(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.1", "");
	bind(ARP, 1, "10.2.0.2", "");
	bind(ARP, 1, "10.1.0.1", "");
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "10.2.0.2", false);
	assert_joined("10.2.0.1", "10.1.0.1", false);
}

static void test_a_mac_that_sends_for_outside_addresses_is_a_router(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.1", "");
	bind(ARP, 1, "10.2.0.2", "");
	struct msg_flow f = flow_of("198.51.100.1", "10.2.0.9", 1, 2, 10, 10, APP_TLS);
	f.initiator_mac = mac(1);
	timeline_add(&timeline, f);
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "10.2.0.2", false);
}

static void test_a_tunnelled_flow_says_nothing_of_macs(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.1", "");
	bind(ARP, 1, "10.2.0.2", "");
	struct msg_flow f = flow_of("198.51.100.1", "10.2.0.9", 1, 2, 10, 10, APP_TLS);
	f.initiator_mac = mac(1);
	f.parent = 77;
	timeline_add(&timeline, f);
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "10.2.0.2", true);
}

static void test_macs_of_flows_bind_nothing(void **state)
{
	(void)state;
	struct msg_flow f = flow_of("10.2.0.1", "10.2.0.3", 1, 2, 10, 10, APP_TLS);
	f.initiator_mac = mac(1);
	timeline_add(&timeline, f);
	f = flow_of("10.2.0.2", "10.2.0.3", 1, 2, 10, 10, APP_TLS);
	f.initiator_mac = mac(1);
	timeline_add(&timeline, f);
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "10.2.0.2", false);
}

/* n addresses of one MAC: joined up to ASSET_ADDRS_MAX, a router's beyond. */
static void mac_with(int n)
{
	for (int i = 0; i < n; i++) {
		char addr[32];
		snprintf(addr, sizeof(addr), "10.2.1.%d", i + 1);
		bind(ARP, 1, addr, "");
	}
	timeline_ready(&timeline);
	assert_joined("10.2.1.1", "10.2.1.2", n <= ASSET_ADDRS_MAX);
	assert_int_equal(asset_count(timeline.assets), n <= ASSET_ADDRS_MAX ? 1 : n);
}

static void test_a_mac_may_hold_one_less_than_the_bound(void **state)
{
	(void)state;
	mac_with(ASSET_ADDRS_MAX - 1);
}

static void test_a_mac_may_hold_as_many_as_the_bound(void **state)
{
	(void)state;
	mac_with(ASSET_ADDRS_MAX);
}

static void test_a_mac_with_one_more_than_the_bound_is_a_router(void **state)
{
	(void)state;
	mac_with(ASSET_ADDRS_MAX + 1);
}

static void test_dhcp_joins_what_one_client_was_given_in_two_zones(void **state)
{
	(void)state;
	bind(DHCP, 1, "10.2.0.7", "notebook");
	bind(DHCP, 1, "10.4.0.7", "");
	bind(ARP, 1, "10.2.0.7", "");
	bind(ARP, 1, "10.4.0.7", "");
	timeline_ready(&timeline);
	assert_joined("10.2.0.7", "10.4.0.7", true);
}

static void test_an_address_that_two_machines_claim_joins_neither(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.1", "");
	bind(ARP, 1, "10.2.0.2", "");
	bind(ARP, 2, "10.2.0.2", "");
	bind(ARP, 2, "10.2.0.3", "");
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "10.2.0.2", false);
	assert_joined("10.2.0.3", "10.2.0.2", false);
}

static void test_a_router_that_answers_for_a_machine_does_not_part_it(void **state)
{
	(void)state;
	bind(ARP, 1, "10.2.0.1", "");
	bind(NDP, 1, "fe80::1", "");
	bind(ARP, 9, "10.2.0.1", "");
	bind(ARP, 9, "10.1.0.1", "");
	timeline_ready(&timeline);
	assert_joined("10.2.0.1", "fe80::1", true);
}

static void test_the_site_file_joins_and_names(void **state)
{
	(void)state;
	struct net_addr addrs[] = {ip("10.2.0.8"), ip("10.1.0.8"), ip("203.0.113.8")};
	struct asset_hint hint = {.name = "files", .addrs = addrs, .n_addrs = 3, .roles = 4};
	assert_int_equal(asset_map_hint(timeline.assets, &hint), 0);
	bind(HOST_NAME, 0, "10.2.0.8", "FILES01");
	bind(HOST_NAME, 0, "10.2.0.8", "files");
	bind(DHCP, 3, "10.2.0.8", "dhcp-files");
	bind(DNS_ANSWER, 0, "10.2.0.8", "evil.example");
	timeline_ready(&timeline);
	assert_joined("10.2.0.8", "10.1.0.8", true);
	assert_int_equal(asset_of(timeline.assets, ip("203.0.113.8")), ASSET_NONE);
	const struct asset *a = asset_at(timeline.assets, timeline_asset(&timeline, "10.1.0.8"));
	assert_int_equal(a->roles, 4);
	assert_int_equal(a->n_names, 3);
	assert_string_equal(a->names[0], "files");
	assert_string_equal(a->names[1], "dhcp-files");
	assert_string_equal(a->names[2], "FILES01");
	char buf[ASSET_TEXT_SIZE];
	assert_string_equal(asset_text(timeline.assets, timeline_asset(&timeline, "10.1.0.8"), buf), "files");
}

static void test_a_dhcp_name_without_an_address_goes_to_the_mac(void **state)
{
	(void)state;
	bind(DHCP, 1, NULL, "printer\x1b[31m");
	bind(ARP, 1, "10.2.0.30", "");
	timeline_ready(&timeline);
	const struct asset *a = asset_at(timeline.assets, timeline_asset(&timeline, "10.2.0.30"));
	assert_int_equal(a->n_names, 1);
	assert_string_equal(a->names[0], "printer\\x1b[31m");
}

static void test_names_of_one_asset_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		char name[16];
		snprintf(name, sizeof(name), "name%d", i);
		bind(HOST_NAME, 0, "10.2.0.30", name);
		bind(HOST_NAME, 0, "10.2.0.31", name);
		bind(HOST_NAME, 0, "10.2.0.32", name + 1);
	}
	struct net_addr addrs[] = {ip("10.2.0.30"), ip("10.2.0.31"), ip("10.2.0.32")};
	assert_int_equal(
	    asset_map_hint(timeline.assets, &(struct asset_hint){.name = "", .addrs = addrs, .n_addrs = 3}),
	    0);
	timeline_ready(&timeline);
	assert_int_equal(asset_at(timeline.assets, 0)->n_names, ASSET_NAMES_MAX);
	assert_true(asset_map_left_out(timeline.assets) > 0);
}

static void test_an_address_that_never_spoke_is_no_machine(void **state)
{
	(void)state;
	struct msg_flow f = flow_of("10.2.0.1", "10.2.0.200", 1, 1, 0, 0, APP_UNKNOWN);
	f.packets_in = 0;
	timeline_add(&timeline, f);
	timeline_flow(
	    &timeline, "10.2.0.1", "10.2.0.2", 1, 2, 5, 0, APP_UNKNOWN); /* answered by an empty packet */
	timeline_flow(&timeline, "10.2.0.1", "255.255.255.255", 1, 2, 5, 5, APP_DHCP);
	timeline_flow(&timeline, "0.0.0.0", "10.2.0.2", 1, 2, 5, 5, APP_DHCP);
	timeline_ready(&timeline);
	assert_int_equal(asset_of(timeline.assets, ip("10.2.0.200")), ASSET_NONE);
	assert_int_equal(asset_of(timeline.assets, ip("0.0.0.0")), ASSET_NONE);
	assert_int_equal(asset_count(timeline.assets), 2);
	assert_true(asset_at(timeline.assets, timeline_asset(&timeline, "10.2.0.2"))->seen);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_addresses_of_one_mac_are_one_machine),
	    T(test_assets_are_numbered_in_order_of_address),
	    T(test_a_mac_in_several_zones_is_a_router_and_binds_nothing),
	    T(test_a_mac_that_sends_for_outside_addresses_is_a_router),
	    T(test_a_tunnelled_flow_says_nothing_of_macs),
	    T(test_macs_of_flows_bind_nothing),
	    T(test_a_mac_may_hold_one_less_than_the_bound),
	    T(test_a_mac_may_hold_as_many_as_the_bound),
	    T(test_a_mac_with_one_more_than_the_bound_is_a_router),
	    T(test_dhcp_joins_what_one_client_was_given_in_two_zones),
	    T(test_an_address_that_two_machines_claim_joins_neither),
	    T(test_a_router_that_answers_for_a_machine_does_not_part_it),
	    T(test_the_site_file_joins_and_names),
	    T(test_a_dhcp_name_without_an_address_goes_to_the_mac),
	    T(test_names_of_one_asset_are_bounded),
	    T(test_an_address_that_never_spoke_is_no_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
