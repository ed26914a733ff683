/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "timeline.h"

#include "base/num.h"
#include "detect/indicator.h"

static struct indicator_set *set_new(void)
{
	const struct indicator_options o = {.seed = 3};
	struct indicator_set *s;
	assert_int_equal(indicator_set_new(&s, &o), 0);
	return s;
}

static struct indicator_set *set_of(const char *name, enum indicator_format format, const char *bytes)
{
	struct indicator_set *s = set_new();
	assert_int_equal(indicator_set_load(s, name, format, text_of(bytes)), 0);
	return s;
}

static bool has_problem(const struct indicator_set *s, const char *where, const char *why)
{
	struct indicator_problem p;
	for (size_t i = 0; indicator_problem_at(s, i, &p); i++)
		if (text_equal(p.where, text_of(where)) && strstr(p.why.p, why))
			return true;
	for (size_t i = 0; indicator_problem_at(s, i, &p); i++)
		print_message("problem at %s: %s: %s\n", p.where.p, p.what.p, p.why.p);
	return false;
}

static bool address_matches(const struct indicator_set *s, const char *a, uint16_t port)
{
	struct indicator i;
	return indicator_match_address(s, addr_of(a), port, AT(0), &i);
}

static bool domain_matches(const struct indicator_set *s, const char *name)
{
	struct indicator i;
	return indicator_match_domain(s, text_of(name), 443, AT(0), &i);
}

static void list_holds_what_feeds_write(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("l.txt", INDICATOR_FORMAT_AUTO,
	    "# comment\n203.0.113.7\n203.0.113.8:8080\n198.51.100.0/24 # a net\nevil.example\n\r\n"
	    "hxxp://bad[.]example/a/b?c=1\n2001:db8::1\n[2001:db8::2]:443\nnot a value\n"
	    "d41d8cd98f00b204e9800998ecf8427e,empty\n*.wild.example\n");
	assert_int_equal(indicator_count(s), 9);
	assert_true(address_matches(s, "203.0.113.7", 1));
	assert_true(address_matches(s, "203.0.113.8", 8080));
	assert_false(address_matches(s, "203.0.113.8", 80));
	assert_true(address_matches(s, "198.51.100.200", 5));
	assert_true(address_matches(s, "2001:db8::2", 443));
	assert_false(address_matches(s, "2001:db8::2", 80));
	assert_true(domain_matches(s, "a.b.WILD.example."));
	assert_true(has_problem(s, "l.txt:10", "single label"));
	assert_int_equal(indicator_problem_count(s), 1);
	indicator_set_free(s);
}

static void domains_match_below_but_not_beside(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("l", INDICATOR_FORMAT_LIST, "evil.example\n");
	assert_true(domain_matches(s, "evil.example"));
	assert_true(domain_matches(s, "x.Evil.EXAMPLE"));
	assert_false(domain_matches(s, "notevil.example"));
	assert_false(domain_matches(s, "example"));
	assert_false(domain_matches(s, "evil.example.org"));
	assert_false(domain_matches(s, ""));
	indicator_set_free(s);
}

static void urls_match_with_their_query_and_without(void **state)
{
	(void)state;
	struct indicator_set *s = set_of(
	    "l", INDICATOR_FORMAT_LIST, "http://bad.example:80/gate.php\nbad.example/x?id=1\n");
	struct indicator i;
	assert_true(indicator_match_url(s, text_of("BAD.example"), text_of("/gate.php?b=2"), AT(0), &i));
	assert_true(indicator_match_url(
	    s, text_of("bad.example"), text_of("http://bad.example/gate.php"), AT(0), &i));
	assert_true(indicator_match_url(s, text_of("bad.example"), text_of("/x?id=1"), AT(0), &i));
	assert_false(indicator_match_url(s, text_of("bad.example"), text_of("/x?id=2"), AT(0), &i));
	assert_false(indicator_match_url(s, text_of("bad.example"), text_of("/gate.phpx"), AT(0), &i));
	assert_false(indicator_match_url(s, text_of("bad.example"), text_of("/"), AT(0), &i));
	indicator_set_free(s);
}

static void csv_columns_carry_validity_and_marking(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("f.csv", INDICATOR_FORMAT_AUTO,
	    "type,value,description,tlp,valid_from,valid_until\n"
	    "ip-dst,203.0.113.1,\"a \"\"quoted\"\", "
	    "name\",TLP:AMBER,2023-01-01T00:00:00Z,2023-12-31T00:00:00Z\n"
	    "domain,old.example,,green,,2020-01-01\n"
	    "sha256,zz,,,,\n"
	    "email-src,a@b.example,,,,\n"
	    "domain,c.example,,purple,,\n"
	    "domain,d.example,,,yesterday,\n"
	    "ip-dst|port,203.0.113.2|4444,,,,\n"
	    "domain,last.example,,red,,\n");
	struct indicator i;
	char text[INDICATOR_TEXT_SIZE];
	assert_int_equal(indicator_count(s), 4);
	assert_true(indicator_match_address(s, addr_of("203.0.113.1"), 0, AT(0), &i)); /* November 2023 */
	assert_string_equal(indicator_origin(&i, text), "f.csv:2");
	assert_int_equal(i.tlp, MSG_TLP_AMBER);
	assert_true(text_equal(i.description, TEXT("a \"quoted\", name")));
	assert_false(indicator_match_address(s, addr_of("203.0.113.1"), 0, AT(86400 * 365.0), &i));
	assert_false(domain_matches(s, "old.example"));
	assert_true(indicator_match_address(s, addr_of("203.0.113.2"), 4444, AT(0), &i));
	assert_string_equal(indicator_text(&i, text), "203.0.113.2:4444");
	assert_false(indicator_match_address(s, addr_of("203.0.113.2"), 80, AT(0), &i));
	assert_true(domain_matches(s, "last.example")); /* a malformed row never loses the rest */
	assert_true(has_problem(s, "f.csv:4", "wrong length"));
	assert_true(has_problem(s, "f.csv:5", "isn't seen in traffic"));
	assert_true(has_problem(s, "f.csv:6", "TLP"));
	assert_true(has_problem(s, "f.csv:7", "RFC 3339"));
	assert_int_equal(indicator_problem_count(s), 4);
	indicator_set_free(s);
}

#define STIX(pattern)                                                                                        \
	"{\"type\":\"bundle\",\"objects\":[{\"type\":\"identity\"},{\"type\":\"indicator\",\"id\":"          \
	"\"indicator--1\","                                                                                  \
	"\"pattern_type\":\"stix\",\"valid_from\":\"2020-01-01T00:00:00Z\",\"name\":\"n\",\"object_marking_" \
	"refs\":"                                                                                            \
	"[\"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1\"],\"pattern\":\"" pattern "\"}]}"

/* What a pattern becomes, worked out by hand from its meaning. */
static void stix_patterns_load_as_far_as_they_are_sound(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		size_t loaded, problems;
	} cases[] = {
	    {STIX("[ipv4-addr:value = '203.0.113.1']"), 1, 0},
	    {STIX("[ipv4-addr:value = '203.0.113.0/24' OR domain-name:value = 'a.example']"), 2, 0},
	    {STIX("[ipv4-addr:value IN ('203.0.113.1', '203.0.113.2')]"), 2, 0},
	    {STIX("[url:value = 'http://a.example/x'] OR [ipv6-addr:value = '2001:db8::1']"), 2, 0},
	    {STIX("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = "
	          "'203.0.113.33/32']"),
	        1, 0},
	    {STIX("[network-traffic:dst_ref.value = '203.0.113.1' AND network-traffic:dst_port = 8080]"), 1,
	        0},
	    {STIX("[network-traffic:dst_ref.value ISSUBSET '2001:0db8:dead:beef:0000:0000:0000:0000/64']"), 1,
	        0},
	    {STIX("[file:hashes.'SHA-256' = "
	          "'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f' AND "
	          "file:hashes.MD5 = 'cead3f77f6cda6ec00f57d76c9a6879f']"),
	        1, 0},
	    {STIX("[x509-certificate:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709']"), 1, 0},
	    {STIX("[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = "
	          "'198.51.100.1']"),
	        0, 1},
	    {STIX("[domain-name:value = 'a.example' AND ipv4-addr:value = '203.0.113.1']"), 0, 1},
	    {STIX("[domain-name:value = 'a.example' OR (domain-name:value = 'b.example' AND file:name = "
	          "'x')]"),
	        1, 1},
	    {STIX("[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']"), 0, 1},
	    {STIX("[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']"), 0, 1},
	    {STIX("[domain-name:value = 'a.example'] REPEATS 5 TIMES WITHIN 1800 SECONDS"), 0, 1},
	    {STIX("[domain-name:value MATCHES '^a']"), 0, 1},
	    {STIX("[domain-name:value != 'a.example']"), 0, 1},
	    {STIX("[domain-name:value NOT = 'a.example']"), 0, 1},
	    {STIX("[file:name = 'x.exe']"), 0, 1},
	    {STIX("[domain-name:value = 'a.example'"), 0, 1},
	    {STIX("[domain-name:value = 'a.example]"), 0, 1},
	    {STIX("[[["), 0, 1},
	    {STIX(""), 0, 1},
	    {STIX("[ipv4-addr:value = '8.8.8.8']"), 0, 1},
	};
	for (size_t n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		struct indicator_set *s = set_of("b.json", INDICATOR_FORMAT_AUTO, cases[n].json);
		if (indicator_count(s) != cases[n].loaded || indicator_problem_count(s) != cases[n].problems)
			print_message("%s\n", cases[n].json);
		assert_int_equal(indicator_count(s), cases[n].loaded);
		assert_int_equal(indicator_problem_count(s), cases[n].problems);
		if (cases[n].problems)
			assert_true(has_problem(s, "b.json indicator--1", ""));
		indicator_set_free(s);
	}
}

static void stix_ports_and_markings_are_kept(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("b.json", INDICATOR_FORMAT_STIX,
	    STIX("[network-traffic:dst_ref.value = '203.0.113.1' AND network-traffic:dst_port = 8080]"));
	struct indicator i;
	char text[INDICATOR_TEXT_SIZE];
	assert_true(indicator_match_address(s, addr_of("203.0.113.1"), 8080, AT(0), &i));
	assert_int_equal(i.tlp, MSG_TLP_RED);
	assert_string_equal(indicator_origin(&i, text), "b.json indicator--1");
	assert_false(indicator_match_address(s, addr_of("203.0.113.1"), 8081, AT(0), &i));
	/* before valid_from */
	assert_false(indicator_match_address(s, addr_of("203.0.113.1"), 8080, AT(-5.0 * 365 * 86400), &i));
	indicator_set_free(s);
}

static void misp_respects_to_ids_tags_and_objects(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("m.json", INDICATOR_FORMAT_AUTO,
	    "{\"response\":[{\"Event\":{\"info\":\"campaign\",\"Tag\":[{\"name\":\"tlp:green\"}],"
	    "\"Attribute\":["
	    "{\"uuid\":\"u1\",\"type\":\"ip-dst\",\"to_ids\":true,\"value\":\"203.0.113.1\"},"
	    "{\"uuid\":\"u2\",\"type\":\"domain\",\"to_ids\":false,\"value\":\"harmless.example\"},"
	    "{\"uuid\":\"u3\",\"type\":\"domain|ip\",\"to_ids\":\"1\",\"value\":\"evil.example|203.0.113.2\","
	    "\"Tag\":[{\"name\":\"tlp:red\"}]},"
	    "{\"uuid\":\"u4\",\"type\":\"mutex\",\"to_ids\":true,\"value\":\"m\"},"
	    "{\"uuid\":\"u6\",\"type\":\"domain\",\"to_ids\":true,\"deleted\":true,\"value\":\"gone."
	    "example\"}],"
	    "\"Object\":[{\"Attribute\":[{\"uuid\":\"u5\",\"type\":\"filename|sha256\",\"to_ids\":true,"
	    "\"value\":"
	    "\"x.exe|aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f\"}]}]}}]}");
	struct indicator i;
	uint8_t hash[32];
	assert_int_equal(indicator_count(s), 4);
	assert_true(indicator_match_address(s, addr_of("203.0.113.1"), 0, AT(0), &i));
	assert_int_equal(i.tlp, MSG_TLP_GREEN);
	assert_true(text_equal(i.description, TEXT("campaign")));
	assert_true(indicator_match_domain(s, TEXT("evil.example"), 0, AT(0), &i));
	assert_int_equal(i.tlp, MSG_TLP_RED);
	assert_false(domain_matches(s, "harmless.example"));
	assert_false(domain_matches(s, "gone.example"));
	assert_int_equal(
	    num_parse_hex(TEXT("aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f"), hash, 32),
	    0);
	assert_true(indicator_match_value(s, INDICATOR_FILE_SHA256, text_bytes(hash, 32), AT(0), &i));
	assert_true(has_problem(s, "m.json u2", "to_ids"));
	assert_true(has_problem(s, "m.json u4", "isn't seen"));
	indicator_set_free(s);
}

static void warning_lists_stop_the_absurd(void **state)
{
	(void)state;
	struct indicator_set *s = set_new();
	assert_int_equal(
	    indicator_set_warning(s, "w.json",
	        TEXT("{\"name\":\"Our "
	             "partners\",\"type\":\"hostname\",\"list\":[\".partner.example\",\"198.51.100.77\"]}")),
	    0);
	assert_int_equal(
	    indicator_set_warning(s, "r.json", TEXT("{\"name\":\"x\",\"type\":\"regex\",\"list\":[]}")), 0);
	assert_int_equal(indicator_set_load(s, "f", INDICATOR_FORMAT_LIST,
	                     TEXT("8.8.8.8\n10.0.0.1\n127.0.0.1\n0.0.0.0/0\n8.0.0.0/"
	                          "8\nwindowsupdate.com\ncom\npartner.example\n"
	                          "198.51.100.77\nhttps://www.google.com/\n224.0.0.1\n"
	                          /* these are fine: documentation ranges are used as the outside, pages on
	                             big sites may be bad */
	                          "203.0.113.0/24\nsites.google.com\nhttps://www.google.com/"
	                          "url?q=evil\nevil.partner.example\n")),
	    0);
	assert_int_equal(indicator_count(s), 4);
	assert_int_equal(indicator_problem_count(s), 12);
	assert_false(address_matches(s, "8.8.8.8", 53));
	assert_true(has_problem(s, "f:1", "resolver"));
	assert_true(has_problem(s, "f:2", "RFC 1918"));
	assert_true(has_problem(s, "f:5", "covers"));
	assert_true(has_problem(s, "f:7", "single label"));
	assert_true(has_problem(s, "f:8", "Our partners"));
	assert_true(domain_matches(s, "x.evil.partner.example"));
	indicator_set_free(s);
}

static void malformed_feeds_are_a_problem_with_a_place(void **state)
{
	(void)state;
	static const char *const feeds[] = {"{\"type\":\"bundle\",\n\"objects\":[}", "{}", "{\"Event\":{}}",
	    "[{\"a\":1}]", "{\"type\":\"bundle\",\"objects\":[]}"};
	for (size_t i = 0; i < sizeof(feeds) / sizeof(*feeds); i++) {
		struct indicator_set *s = set_of("x.json", INDICATOR_FORMAT_AUTO, feeds[i]);
		assert_int_equal(indicator_count(s), 0);
		assert_int_equal(indicator_problem_count(s), 1);
		if (i == 0)
			assert_true(has_problem(s, "x.json:2", ""));
		indicator_set_free(s);
	}
}

static void one_value_of_two_feeds_matches_while_either_is_valid(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("a.csv", INDICATOR_FORMAT_CSV,
	    "value,valid_until\n203.0.113.0/24,2030-01-01\n"
	    "198.51.100.1,2030-01-01\n");
	assert_int_equal(indicator_set_load(s, "b.csv", INDICATOR_FORMAT_CSV,
	                     TEXT("value,valid_until\n203.0.113.0/24,2001-01-01\n"
	                          "198.51.100.1,2001-01-01\n")),
	    0);
	assert_int_equal(indicator_count(s), 4);
	assert_true(address_matches(s, "198.51.100.1", 0));
	assert_true(address_matches(s, "203.0.113.9", 0));
	indicator_set_free(s);
}

static void matches_in_traffic_name_asset_peer_and_origin(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("f.csv", INDICATOR_FORMAT_AUTO,
	    "value,tlp,description\n203.0.113.66,amber,Some RAT\nevil.example,,\n");
	struct timeline *t = timeline_new_with(s, 16 << 20, 7);
	struct msg_flow f = flow_between("10.1.0.9", "203.0.113.66", 443, APP_TLS, 1);
	timeline_transaction(t, &f, 1, FIELD_TLS_SNI, "www.evil.example", FIELD_NONE);
	timeline_flow(t, &f);
	timeline_dns(t, "10.1.0.9", "x.evil.example", "A", "NOERROR", 0);
	f = flow_failed("203.0.113.66", "10.3.0.1", 22, 2, false);
	timeline_flow(t, &f);
	timeline_finish(t, 3);
	const struct seen *a = timeline_find(t, "indicator:address", "10.1.0.9");
	assert_non_null(a);
	assert_int_equal(a->source, MSG_SOURCE_INDICATOR);
	assert_int_equal(a->tlp, MSG_TLP_AMBER);
	assert_int_equal(a->peer_role, MSG_ROLE_C2);
	assert_non_null(strstr(a->why, "f.csv:2"));
	assert_non_null(strstr(a->why, "Some RAT"));
	/* the name looked up, the connection and its SNI are one technique */
	assert_true(timeline_suspicion(t, "10.1.0.9") < 0.8 && timeline_suspicion(t, "10.1.0.9") >= 0.5);
	/* being probed from there says nothing of the machine */
	assert_int_equal(timeline_find(t, "indicator:address", "10.3.0.1")->asset_role, MSG_ROLE_TARGET);
	timeline_free(t);
	indicator_set_free(s);
}

static void a_byte_order_mark_is_no_part_of_the_first_value(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("f.txt", INDICATOR_FORMAT_AUTO,
	    "\xef\xbb\xbf"
	    "203.0.113.7\n");
	assert_int_equal(indicator_problem_count(s), 0);
	assert_true(address_matches(s, "203.0.113.7", 1));
	indicator_set_free(s);
}

static void the_form_tells_the_kind(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		enum indicator_kind kind;
	} rows[] = {{"203.0.113.7", INDICATOR_ADDRESS}, {"203[.]0[dot]113(.)7", INDICATOR_ADDRESS},
	    {"203.0.113.7:80", INDICATOR_ADDRESS}, {"2001:db8::1", INDICATOR_ADDRESS},
	    {"[2001:db8::1]:443", INDICATOR_ADDRESS}, {"198.51.100.0/24", INDICATOR_PREFIX},
	    {"198.51.100.7/24", INDICATOR_PREFIX}, {"2001:db8::/32", INDICATOR_PREFIX},
	    {"evil.example", INDICATOR_DOMAIN}, {"bad.cafe", INDICATOR_DOMAIN},
	    {"face.b00c.de", INDICATOR_DOMAIN}, {"evil.example/x", INDICATOR_URL},
	    {"hxxps://evil[.]example", INDICATOR_URL}, {"http://203.0.113.7/x", INDICATOR_URL},
	    {"d41d8cd98f00b204e9800998ecf8427e", INDICATOR_FILE_MD5},
	    {"D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", INDICATOR_FILE_MD5},
	    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", INDICATOR_FILE_SHA1},
	    {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", INDICATOR_FILE_SHA256},
	    {"t13d1516h2_8daaf6152771_b186095e22b6", INDICATOR_JA4}, {"nothing", INDICATOR_KINDS},
	    {"", INDICATOR_KINDS}, {"a b", INDICATOR_KINDS}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (indicator_guess(text_of(rows[i].value)) != rows[i].kind)
			fail_msg("%s: %d", rows[i].value, indicator_guess(text_of(rows[i].value)));
}

static size_t count_of(const struct indicator_set *s, enum indicator_kind kind)
{
	return indicator_count_of(s, kind);
}

static void values_by_hand_are_all_that_they_can_be_and_warning_lists_only_speak(void **state)
{
	(void)state;
	struct indicator_set *s = set_new();
	const char *warning = NULL, *why = NULL;
	assert_int_equal(indicator_set_add(s, TEXT("d41d8cd98f00b204e9800998ecf8427e"), &warning, &why), 0);
	assert_null(warning);
	assert_int_equal(count_of(s, INDICATOR_FILE_MD5), 1);
	assert_int_equal(count_of(s, INDICATOR_JA3), 1);
	assert_int_equal(count_of(s, INDICATOR_JA3S), 1);
	assert_int_equal(count_of(s, INDICATOR_HASSH), 1);
	assert_int_equal(count_of(s, INDICATOR_HASSH_SERVER), 1);
	assert_int_equal(indicator_set_add(s, TEXT("10.1.2.3"), &warning, &why), 0);
	assert_non_null(strstr(warning, "RFC 1918"));
	assert_true(address_matches(s, "10.1.2.3", 1));
	assert_int_equal(indicator_set_add(s, TEXT("10.1.2.3/8"), &warning, &why), -EINVAL);
	assert_non_null(strstr(why, "host bits"));
	assert_int_equal(indicator_count(s), 6);
	indicator_set_free(s);
}

static void untyped_hashes_of_feeds_are_every_kind_only_where_that_is_asked(void **state)
{
	(void)state;
	const struct indicator_options o = {.seed = 3, .every_kind = true};
	const struct text feed = TEXT("value,type\nd41d8cd98f00b204e9800998ecf8427e,md5\n"
	                              "e41d8cd98f00b204e9800998ecf8427e,\n");
	struct indicator_set *s;
	assert_int_equal(indicator_set_new(&s, &o), 0);
	assert_int_equal(indicator_set_load(s, "f.csv", INDICATOR_FORMAT_AUTO, feed), 0);
	assert_int_equal(count_of(s, INDICATOR_FILE_MD5), 2);
	assert_int_equal(count_of(s, INDICATOR_JA3), 1);
	indicator_set_free(s);
	s = set_of("f.csv", INDICATOR_FORMAT_AUTO, feed.p);
	assert_int_equal(indicator_count(s), 2);
	indicator_set_free(s);
}

static void finding_gives_every_key_whatever_its_port_and_time(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("f.csv", INDICATOR_FORMAT_AUTO,
	    "value,valid_until\n203.0.113.0/24,\n203.0.113.7:8080,2001-01-01\n203.0.113.0/28,\n"
	    "203.0.113.7,\na.evil.example,\nevil.example,2001-01-01\nbad.example/x,\nbad.example/x?y=1,\n");
	struct net_addr a = addr_of("203.0.113.7");
	struct indicator_query q = {
	    .kind = INDICATOR_ADDRESS, .port = 80, .value = text_bytes(a.b, sizeof(a.b))};
	uint32_t numbers[INDICATOR_FOUND_MAX];
	struct indicator i;
	assert_int_equal(indicator_find(s, &q, numbers), 3);
	indicator_at(s, numbers[0], &i);
	assert_int_equal(i.bits, 120);
	indicator_at(s, numbers[1], &i);
	assert_int_equal(i.bits, 124);
	indicator_at(s, numbers[2], &i);
	assert_int_equal(i.kind, INDICATOR_ADDRESS);
	q = (struct indicator_query){.kind = INDICATOR_DOMAIN, .value = TEXT("x.A.evil.example.")};
	assert_int_equal(indicator_find(s, &q, numbers), 2);
	q = (struct indicator_query){
	    .kind = INDICATOR_URL, .value = TEXT("BAD.example:80"), .target = TEXT("/x?y=1")};
	assert_int_equal(indicator_find(s, &q, numbers), 2);
	indicator_set_free(s);
}

static void sorted_numbers_follow_the_keys_then_ports_then_loading(void **state)
{
	(void)state;
	struct indicator_set *s = set_of("f.txt", INDICATOR_FORMAT_LIST,
	    "203.0.113.9\n2001:db8::1\n203.0.113.7:81\n203.0.113.7\n198.51.100.1\n203.0.113.7:81\n"
	    "a-name-longer-than-sixteen-bytes.b.example\na-name-longer-than-sixteen-bytes.a.example\n");
	static const uint32_t addresses[] = {4, 3, 2, 5, 0, 1}, names[] = {7, 6};
	uint32_t *numbers;
	assert_int_equal(indicator_sorted(s, INDICATOR_ADDRESS, &numbers), 0);
	assert_memory_equal(numbers, addresses, sizeof(addresses));
	free(numbers);
	assert_int_equal(indicator_sorted(s, INDICATOR_DOMAIN, &numbers), 0);
	assert_memory_equal(numbers, names, sizeof(names));
	free(numbers);
	indicator_set_free(s);
}

static bool url_matches(
    const struct indicator_set *s, const char *host, const char *target, uint16_t port, char *text)
{
	const struct field_value fields[] = {
	    {FIELD_HTTP_HOST, text_of(host)}, {FIELD_HTTP_URI, text_of(target)}};
	const struct msg_transaction t = {.fields = {.v = fields, .n = 2}};
	struct indicator_query q[INDICATOR_QUERIES_MAX];
	struct indicator i;
	assert_int_equal(indicator_queries_of(&t, port, q), 2);
	assert_int_equal(q[1].place, INDICATOR_AT_HTTP_URL);
	if (!indicator_match(s, &q[1], AT(0), &i))
		return false;
	indicator_text(&i, text);
	return true;
}

static void urls_with_a_port_match_there_also_through_a_proxy(void **state)
{
	(void)state;
	char text[INDICATOR_TEXT_SIZE];
	struct indicator_set *s = set_of("f.txt", INDICATOR_FORMAT_LIST,
	    "http://bad.example:8080/x\nhttp://[2001:db8::7]:81/y\nbad.example:443/z\n");
	assert_true(url_matches(s, "bad.example", "/x", 8080, text));
	assert_string_equal(text, "bad.example:8080/x");
	assert_false(url_matches(s, "bad.example", "/x", 80, text));
	assert_true(url_matches(s, "bad.example", "http://bad.example:8080/x", 3128, text));
	assert_false(url_matches(s, "bad.example", "http://bad.example/x", 8080, text));
	assert_true(url_matches(s, "[2001:db8::7]", "/y", 81, text));
	assert_string_equal(text, "[2001:db8::7]:81/y");
	assert_true(url_matches(s, "bad.example", "/z", 80, text));
	indicator_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_holds_what_feeds_write),
	    cmocka_unit_test(domains_match_below_but_not_beside),
	    cmocka_unit_test(urls_match_with_their_query_and_without),
	    cmocka_unit_test(csv_columns_carry_validity_and_marking),
	    cmocka_unit_test(stix_patterns_load_as_far_as_they_are_sound),
	    cmocka_unit_test(stix_ports_and_markings_are_kept),
	    cmocka_unit_test(misp_respects_to_ids_tags_and_objects),
	    cmocka_unit_test(warning_lists_stop_the_absurd),
	    cmocka_unit_test(malformed_feeds_are_a_problem_with_a_place),
	    cmocka_unit_test(one_value_of_two_feeds_matches_while_either_is_valid),
	    cmocka_unit_test(matches_in_traffic_name_asset_peer_and_origin),
	    cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_value),
	    cmocka_unit_test(the_form_tells_the_kind),
	    cmocka_unit_test(values_by_hand_are_all_that_they_can_be_and_warning_lists_only_speak),
	    cmocka_unit_test(untyped_hashes_of_feeds_are_every_kind_only_where_that_is_asked),
	    cmocka_unit_test(finding_gives_every_key_whatever_its_port_and_time),
	    cmocka_unit_test(urls_with_a_port_match_there_also_through_a_proxy),
	    cmocka_unit_test(sorted_numbers_follow_the_keys_then_ports_then_loading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
