/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

static void bytes_go_out_from_the_machine_whoever_begins(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	uint64_t first = flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(100), 1000, 20);
	flow_add(&s, "203.0.113.7", "10.1.0.5", 22, AT(50), 3, 400);
	flow_add(&s, "10.1.0.5", "203.0.113.8", 443, AT(60), 9, 9);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 1);
	const struct hunt_hit *h = hit_of(r, "10.1.0.5", "203.0.113.7");
	assert_non_null(h);
	assert_int_equal(h->bytes_out, 1400);
	assert_int_equal(h->bytes_in, 23);
	assert_int_equal(h->flows, 2);
	assert_int_equal(h->opened, 1);
	assert_int_equal(h->answered, 2);
	assert_true(h->first == AT(50) && h->last == AT(110) && h->first_answered == AT(50));
	assert_int_equal(h->n_ids, 2);
	assert_int_equal(h->ids[1], first);
	assert_int_equal(h->relations, HUNT_OUTSIDE);
	assert_int_equal(h->places, 1u << INDICATOR_AT_RESPONDER | 1u << INDICATOR_AT_INITIATOR);
	assert_int_equal(h->zone, s.office);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void ends_are_named_right_where_both_or_none_are_inside(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "10.2.0.9", 445, AT(1), 10, 20);
	flow_add(&s, "10.2.0.9", "203.0.113.1", 443, AT(2), 30, 40);
	flow_add(&s, "203.0.113.2", "10.2.0.9", 443, AT(3), 50, 60);
	flow_add(&s, "198.51.100.1", "198.51.100.2", 80, AT(4), 70, 80);
	scene_reopen(&s);
	struct indicator_set *set;
	const char *warning, *why;
	assert_int_equal(indicator_set_new(&set, &(struct indicator_options){.seed = 1}), 0);
	assert_int_equal(indicator_set_add(set, TEXT("10.2.0.9"), &warning, &why), 0);
	assert_int_equal(indicator_set_add(set, TEXT("198.51.100.2"), &warning, &why), 0);
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 3);
	const struct hunt_hit *between = hit_of(r, "10.1.0.5", "10.2.0.9");
	assert_int_equal(between->relations, HUNT_BETWEEN);
	assert_int_equal(between->bytes_out, 10);
	const struct hunt_hit *ours = hit_of(r, "10.2.0.9", "10.2.0.9");
	assert_int_equal(ours->relations, HUNT_OURS);
	assert_int_equal(ours->bytes_out, 30 + 60);
	assert_int_equal(ours->bytes_in, 40 + 50);
	assert_int_equal(ours->opened, 1);
	assert_int_equal(ours->n_peers, 2);
	const struct hunt_hit *passing = hit_of(r, "198.51.100.1", "198.51.100.2");
	assert_int_equal(passing->relations, HUNT_PASSING);
	assert_int_equal(passing->bytes_out, 70);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void snapshots_and_records_of_other_vantages_count_once(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	struct msg_flow f = flow_of(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 100, 10);
	f.end = END_SNAPSHOT;
	assert_int_equal(archive_append_flow(s.archive, &f), 0);
	f.last = AT(600);
	f.payload_out = 700;
	assert_int_equal(archive_append_flow(s.archive, &f), 0);
	f.end = END_FIN;
	f.payload_out = 900;
	assert_int_equal(archive_append_flow(s.archive, &f), 0);
	struct msg_flow duplicate = flow_of(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 899, 10);
	duplicate.duplicate_of = f.id;
	assert_int_equal(archive_append_flow(s.archive, &duplicate), 0);
	/* one that is still running: its last snapshot stands for it */
	struct msg_flow running = flow_of(&s, "10.1.0.6", "203.0.113.7", 443, AT(5), 5, 1);
	running.end = END_SNAPSHOT;
	running.last = AT(20);
	assert_int_equal(archive_append_flow(s.archive, &running), 0);
	running.last = AT(40);
	running.payload_out = 50;
	assert_int_equal(archive_append_flow(s.archive, &running), 0);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n203.0.113.0/24\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 4);
	static const char *const values[] = {"203.0.113.7", "203.0.113.0/24"};
	for (int i = 0; i < 2; i++) {
		const struct hunt_hit *ended = hit_of(r, "10.1.0.5", values[i]);
		assert_int_equal(ended->flows, 1);
		assert_int_equal(ended->bytes_out, 900);
		const struct hunt_hit *runs = hit_of(r, "10.1.0.6", values[i]);
		assert_int_equal(runs->flows, 1);
		assert_int_equal(runs->bytes_out, 50);
		assert_true(runs->last == AT(40));
	}
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void a_prefix_that_holds_both_ends_counts_a_flow_once(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "198.51.100.1", "198.51.100.2", 80, AT(4), 70, 80);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("198.51.100.0/24\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 1);
	assert_int_equal(r->hits[0].flows, 1);
	assert_int_equal(r->hits[0].bytes_out, 70);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void validity_narrows_nothing_but_is_told(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(-1), 1, 1);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(86400), 1, 1);
	scene_reopen(&s);
	struct indicator_set *set = feed_of(
	    "value,valid_from,valid_until\n203.0.113.7,2026-03-01,2026-03-02\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 1);
	assert_int_equal(r->hits[0].flows, 3);
	assert_int_equal(r->hits[0].valid, 1);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void windows_zones_and_ports_narrow(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 80, AT(100), 2, 1);
	flow_add(&s, "10.2.0.5", "203.0.113.7", 443, AT(100), 4, 1);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n203.0.113.7:443\n");
	struct hunt_input in = input_of(&s, set);
	in.from = AT(50);
	in.to = AT(101);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 3);
	assert_int_equal(hit_of(r, "10.1.0.5", "203.0.113.7")->bytes_out, 2);
	assert_null(hit_of(r, "10.1.0.5", "203.0.113.7:443"));
	assert_int_equal(hit_of(r, "10.2.0.5", "203.0.113.7:443")->bytes_out, 4);
	hunt_free(r);
	in.zone = s.lab;
	r = hunt_in(&in);
	assert_int_equal(r->n_hits, 2);
	assert_null(hit_of(r, "10.1.0.5", "203.0.113.7"));
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void names_are_found_below_and_lookups_are_no_contact(void **state)
{
	(void)state;
	struct scene s;
	struct net_addr answer = addr("203.0.113.7");
	scene_begin(&s);
	struct msg_flow tls = flow_of(&s, "10.1.0.5", "203.0.113.7", 443, AT(10), 500, 50);
	tls.name = TEXT("x.Evil.example");
	assert_int_equal(archive_append_flow(s.archive, &tls), 0);
	field_add(&s, tls.id, AT(11), FIELD_TLS_SNI, TEXT("x.Evil.example"));
	uint64_t dns = flow_add(&s, "10.1.0.5", "10.1.0.53", 53, AT(9), 40, 90);
	const struct field_value fields[] = {{FIELD_DNS_QUERY, TEXT("x.evil.example")},
	    {FIELD_DNS_ANSWER_ADDR, text_bytes(answer.b, sizeof(answer.b))}};
	transaction_add(&s, dns, AT(9), fields, 2);
	flow_add(&s, "10.1.0.6", "10.1.0.53", 53, AT(9), 40, 90);
	field_add(&s, s.next - 1, AT(9), FIELD_DNS_QUERY, TEXT("notevil.example"));
	scene_reopen(&s);
	struct indicator_set *set = feed_of("evil.example\n203.0.113.7\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 2);
	const struct hunt_hit *name = hit_of(r, "10.1.0.5", "evil.example");
	assert_int_equal(name->flows, 1);
	assert_int_equal(name->bytes_out, 500);
	assert_int_equal(name->lookups, 1);
	assert_int_equal(name->lookup_bytes_out, 40);
	assert_int_equal(name->lookup_bytes_in, 90);
	assert_int_equal(name->places,
	    1u << INDICATOR_AT_FLOW_NAME | 1u << INDICATOR_AT_TLS_SNI | 1u << INDICATOR_AT_DNS_QUERY);
	assert_true(name->first == AT(9) && name->last == AT(20));
	assert_int_equal(name->n_ids, 2);
	assert_int_equal(name->ids[0], dns);
	assert_int_equal(name->n_peers, 1);
	const struct hunt_hit *address = hit_of(r, "10.1.0.5", "203.0.113.7");
	assert_int_equal(address->flows, 1);
	assert_int_equal(address->lookups, 1);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void fingerprints_hashes_and_urls_are_found_in_transactions(void **state)
{
	(void)state;
	static const uint8_t md5[16] = {
	    0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0, 0xb2, 4, 0xe9, 0x80, 9, 0x98, 0xec, 0xf8, 0x42, 0x7e};
	static const uint8_t sha[32] = {1, 2, 3};
	struct scene s;
	struct {
		enum field field;
		struct text value;
		enum indicator_place place;
		enum indicator_kind kind;
		uint64_t flow;
	} rows[] = {
	    {FIELD_TLS_JA3, text_bytes(md5, 16), INDICATOR_AT_TLS_JA3, INDICATOR_JA3, 0},
	    {FIELD_TLS_JA3S, text_bytes(md5, 16), INDICATOR_AT_TLS_JA3S, INDICATOR_JA3S, 0},
	    {FIELD_TLS_JA4, TEXT("t13d1516h2_8daaf6152771_b186095e22b6"), INDICATOR_AT_TLS_JA4, INDICATOR_JA4,
	        0},
	    {FIELD_SSH_HASSH, text_bytes(md5, 16), INDICATOR_AT_SSH_HASSH, INDICATOR_HASSH, 0},
	    {FIELD_SSH_HASSH_SERVER, text_bytes(md5, 16), INDICATOR_AT_SSH_HASSH_SERVER,
	        INDICATOR_HASSH_SERVER, 0},
	    {FIELD_TLS_CERT_SHA256, text_bytes(sha, 32), INDICATOR_AT_TLS_CERTIFICATE, INDICATOR_CERT_SHA256,
	        0},
	    {FIELD_FILE_SHA256, text_bytes(sha, 32), INDICATOR_AT_FILE, INDICATOR_FILE_SHA256, 0},
	};
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	scene_begin(&s);
	for (size_t i = 0; i < ROWS; i++) {
		rows[i].flow = flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT((int64_t)i), 100, 10);
		field_add(&s, rows[i].flow, AT((int64_t)i), rows[i].field, rows[i].value);
	}
	uint64_t http = flow_add(&s, "10.1.0.5", "203.0.113.8", 8080, AT(50), 70, 7);
	const struct field_value fields[] = {
	    {FIELD_HTTP_HOST, TEXT("bad.example")}, {FIELD_HTTP_URI, TEXT("/a/b?c=1")}};
	transaction_add(&s, http, AT(50), fields, 2);
	transaction_add(&s, http, AT(51), fields, 2);
	scene_reopen(&s);
	struct indicator_set *set = feed_of(
	    "d41d8cd98f00b204e9800998ecf8427e\nt13d1516h2_8daaf6152771_b186095e22b6\n"
	    "0102030000000000000000000000000000000000000000000000000000000000\n"
	    "http://bad.example:8080/a/b\nhttp://bad.example:8081/a/b\nhttp://bad.example/other\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, ROWS + 1);
	for (size_t i = 0; i < ROWS; i++) {
		const struct hunt_hit *h = NULL;
		for (size_t k = 0; k < r->n_hits; k++)
			if (r->hits[k].indicator.kind == rows[i].kind)
				h = &r->hits[k];
		assert_non_null(h);
		assert_int_equal(h->places, 1u << rows[i].place);
		assert_int_equal(h->n_ids, 1);
		assert_int_equal(h->ids[0], rows[i].flow);
		assert_int_equal(h->bytes_out, 100);
		assert_true(net_addr_equal(h->asset, addr("10.1.0.5")));
	}
	const struct hunt_hit *url = hit_of(r, "10.1.0.5", "bad.example:8080/a/b");
	assert_non_null(url);
	assert_int_equal(url->flows, 1);
	assert_int_equal(url->bytes_out, 70);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void a_transaction_without_its_flow_is_a_hit_of_an_unknown_machine(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	field_add(&s, 77, AT(3), FIELD_TLS_SNI, TEXT("evil.example"));
	flow_add(&s, "10.1.0.5", "203.0.113.8", 443, AT(50), 70, 7);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("evil.example\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 1);
	assert_true(net_addr_is_none(r->hits[0].asset));
	assert_int_equal(r->hits[0].ids[0], 77);
	hunt_free(r);
	in.zone = s.office;
	r = hunt_in(&in);
	assert_int_equal(r->n_hits, 0);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

/* More flows than are looked up one by one: the other way to the same answer. */
static void many_flows_of_transactions_are_found_as_few_are(void **state)
{
	(void)state;
	enum { FLOWS = 5000 };
	struct scene s;
	scene_begin(&s);
	for (int i = 0; i < FLOWS; i++) {
		uint64_t id = flow_add(&s, "10.1.0.5", "203.0.113.8", 443, AT(i), 2, 1);
		field_add(&s, id, AT(i), FIELD_TLS_JA4, TEXT("t13d1516h2_8daaf6152771_b186095e22b6"));
	}
	scene_reopen(&s);
	struct indicator_set *set = feed_of("t13d1516h2_8daaf6152771_b186095e22b6\n");
	struct hunt_input in = input_of(&s, set);
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 1);
	assert_int_equal(r->hits[0].flows, FLOWS);
	assert_int_equal(r->hits[0].bytes_out, 2 * FLOWS);
	assert_int_equal(r->hits[0].n_ids, HUNT_FLOWS_MAX);
	for (size_t i = 0; i < HUNT_FLOWS_MAX; i++)
		assert_int_equal(r->hits[0].ids[i], 1 + 2 * i);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void ids_stand_by_time_at_every_count_around_the_bound(void **state)
{
	(void)state;
	for (int n = HUNT_FLOWS_MAX - 1; n <= HUNT_FLOWS_MAX + 1; n++) {
		struct scene s;
		scene_begin(&s);
		for (int i = n; i-- > 0;) /* the latest first */
			flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(i), 1, 1);
		scene_reopen(&s);
		struct indicator_set *set = feed_of("203.0.113.7\n");
		struct hunt_input in = input_of(&s, set);
		struct hunt_result *r = hunt_in(&in);
		size_t kept = n < HUNT_FLOWS_MAX ? (size_t)n : HUNT_FLOWS_MAX;
		assert_int_equal(r->hits[0].flows, n);
		assert_int_equal(r->hits[0].n_ids, kept);
		for (size_t i = 0; i < kept; i++)
			assert_int_equal(r->hits[0].ids[i], (uint64_t)n - i);
		hunt_free(r);
		indicator_set_free(set);
		scene_end(&s);
	}
}

static void hits_beyond_the_bound_are_counted(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	for (int i = 0; i < 4; i++) {
		char from[32];
		snprintf(from, sizeof(from), "10.1.0.%d", i + 1);
		flow_add(&s, from, "203.0.113.7", 443, AT(i), 1, 1);
	}
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	for (size_t max = 3; max <= 5; max++) {
		struct hunt_input in = input_of(&s, set);
		in.hits_max = max;
		in.threads = 1;
		struct hunt_result *r = hunt_in(&in);
		assert_int_equal(r->n_hits, max < 4 ? max : 4);
		assert_int_equal(r->hits_left_out, max < 4 ? 4 - max : 0);
		assert_int_equal(r->unsearched, max < 4);
		assert_int_equal(has_gap(r, HUNT_GAP_BOUND, "more hits than are kept"), max < 4);
		hunt_free(r);
	}
	indicator_set_free(set);
	scene_end(&s);
}

static void machines_of_several_addresses_are_one_with_the_name_of_the_site_file(void **state)
{
	(void)state;
	struct scene s;
	struct net_addr server[] = {addr("10.1.0.5"), addr("10.2.0.5")};
	const struct asset_hint hint = {.name = "ws\x1b[31m", .addrs = server, .n_addrs = 2};
	const struct msg_binding binding = {
	    .id = 900, .addr = addr("10.1.0.7"), .name = TEXT("pc\x1b[2J"), .source = 3};
	const struct msg_binding outsider = {
	    .id = 901, .addr = addr("10.1.0.8"), .name = TEXT("lies.example"), .source = 4};
	scene_begin(&s);
	flow_add(&s, "10.2.0.5", "203.0.113.7", 443, AT(1), 5, 1);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(2), 5, 1);
	flow_add(&s, "10.1.0.7", "203.0.113.7", 443, AT(3), 1, 1);
	flow_add(&s, "10.1.0.8", "203.0.113.7", 443, AT(4), 1, 1);
	assert_int_equal(archive_append_binding(s.archive, &binding), 0);
	assert_int_equal(archive_append_binding(s.archive, &outsider), 0);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	struct hunt_input in = input_of(&s, set);
	in.assets = &hint;
	in.n_assets = 1;
	struct hunt_result *r = hunt_in(&in);
	assert_int_equal(r->n_hits, 3);
	assert_int_equal(hit_of(r, "10.1.0.5", "203.0.113.7")->flows, 2);
	assert_string_equal(hit_of(r, "10.1.0.7", "203.0.113.7")->name, "pc\\x1b[2J");
	assert_string_equal(hit_of(r, "10.1.0.8", "203.0.113.7")->name, "");
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_go_out_from_the_machine_whoever_begins),
	    cmocka_unit_test(ends_are_named_right_where_both_or_none_are_inside),
	    cmocka_unit_test(snapshots_and_records_of_other_vantages_count_once),
	    cmocka_unit_test(a_prefix_that_holds_both_ends_counts_a_flow_once),
	    cmocka_unit_test(validity_narrows_nothing_but_is_told),
	    cmocka_unit_test(windows_zones_and_ports_narrow),
	    cmocka_unit_test(names_are_found_below_and_lookups_are_no_contact),
	    cmocka_unit_test(fingerprints_hashes_and_urls_are_found_in_transactions),
	    cmocka_unit_test(a_transaction_without_its_flow_is_a_hit_of_an_unknown_machine),
	    cmocka_unit_test(many_flows_of_transactions_are_found_as_few_are),
	    cmocka_unit_test(ids_stand_by_time_at_every_count_around_the_bound),
	    cmocka_unit_test(hits_beyond_the_bound_are_counted),
	    cmocka_unit_test(machines_of_several_addresses_are_one_with_the_name_of_the_site_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
