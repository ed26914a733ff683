/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Site files: tests/conf/good prints back to itself, each file of tests/conf/bad gives the mistakes that
 * stand beside it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "conf/site.h"

static void collect(void *context, const char *line)
{
	struct dynbuf *lines = context;
	dynbuf_str(lines, line);
	dynbuf_u8(lines, '\n');
}

static char *conf_path(const char *folder, const char *name, char *buf)
{
	const char *source = getenv("BULKHEAD_SOURCE");
	assert_non_null(source);
	snprintf(buf, 1024, "%s/tests/conf/%s/%s", source, folder, name);
	return buf;
}

static struct site *parse(const char *yaml)
{
	struct site *s = NULL;
	struct dynbuf lines = {0};
	int r = site_parse(&s, "test.yaml", text_of(yaml), collect, &lines);
	dynbuf_u8(&lines, 0);
	if (r < 0)
		fail_msg("%s", (char *)lines.p);
	dynbuf_free(&lines);
	return s;
}

static struct site *read_good(const char *name)
{
	char path[1024];
	struct site *s = NULL;
	struct dynbuf lines = {0};
	int r = site_read(&s, conf_path("good", name, path), collect, &lines);
	dynbuf_u8(&lines, 0);
	if (r < 0)
		fail_msg("%s", (char *)lines.p);
	dynbuf_free(&lines);
	return s;
}

static char *print(const struct site *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	assert_int_equal(site_print(s, f), 0);
	fclose(f);
	return text;
}

static void assert_same_zones(const struct net_zone_map *a, const struct net_zone_map *b)
{
	assert_int_equal(net_zone_count(a), net_zone_count(b));
	for (uint16_t i = 0; i < net_zone_count(a); i++) {
		assert_string_equal(net_zone_at(a, i)->name, net_zone_at(b, i)->name);
		assert_int_equal(net_zone_at(a, i)->class, net_zone_at(b, i)->class);
		assert_int_equal(net_zone_prefixes(a, i), net_zone_prefixes(b, i));
		for (size_t k = 0; k < net_zone_prefixes(a, i); k++) {
			struct net_prefix p = net_zone_prefix(a, i, k), q = net_zone_prefix(b, i, k);
			assert_memory_equal(&p, &q, sizeof(p));
		}
	}
}

static void assert_same_assets(const struct site *a, const struct site *b)
{
	assert_int_equal(a->n_assets, b->n_assets);
	for (size_t i = 0; i < a->n_assets; i++) {
		assert_string_equal(a->assets[i].name, b->assets[i].name);
		assert_int_equal(a->assets[i].roles, b->assets[i].roles);
		assert_int_equal(a->assets[i].n_addrs, b->assets[i].n_addrs);
		assert_memory_equal(
		    a->assets[i].addrs, b->assets[i].addrs, a->assets[i].n_addrs * sizeof(struct net_addr));
	}
}

static void assert_same_services(const struct site *a, const struct site *b)
{
	assert_int_equal(a->n_services, b->n_services);
	for (size_t i = 0; i < a->n_services; i++) {
		const struct site_service *x = &a->services[i], *y = &b->services[i];
		assert_string_equal(x->name, y->name);
		assert_int_equal(x->to_zone, y->to_zone);
		assert_int_equal(x->zone, y->zone);
		assert_memory_equal(&x->prefix, &y->prefix, sizeof(x->prefix));
		assert_int_equal(x->port, y->port);
		assert_int_equal(x->protocol, y->protocol);
		assert_int_equal(x->criticality, y->criticality);
	}
}

static void assert_same_zone_list(const uint16_t *a, size_t n, const uint16_t *b, size_t m)
{
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(a[i], b[i]);
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_ledger(const struct site_ledger *a, const struct site_ledger *b)
{
	assert_same_text(a->key, b->key);
	assert_same_text(a->origin, b->origin);
	assert_same_text(a->stamp_url, b->stamp_url);
	assert_same_text(a->stamp_ca, b->stamp_ca);
	assert_int_equal(a->n_witnesses, b->n_witnesses);
	for (size_t i = 0; i < a->n_witnesses; i++)
		assert_string_equal(a->witnesses[i], b->witnesses[i]);
	assert_int_equal(a->quorum, b->quorum);
}

static void assert_same(const struct site *a, const struct site *b)
{
	assert_string_equal(a->name, b->name);
	assert_same_zones(a->zones, b->zones);
	assert_same_assets(a, b);
	assert_same_services(a, b);
	assert_int_equal(a->n_never_cut, b->n_never_cut);
	for (size_t i = 0; i < a->n_never_cut; i++)
		assert_memory_equal(&a->never_cut[i], &b->never_cut[i], sizeof(a->never_cut[i]));
	assert_int_equal(a->n_enforcement, b->n_enforcement);
	for (size_t i = 0; i < a->n_enforcement; i++) {
		assert_string_equal(a->enforcement[i].name, b->enforcement[i].name);
		assert_string_equal(a->enforcement[i].kind, b->enforcement[i].kind);
		assert_same_zone_list(a->enforcement[i].zones, a->enforcement[i].n_zones,
		    b->enforcement[i].zones, b->enforcement[i].n_zones);
	}
	assert_int_equal(a->n_links, b->n_links);
	for (size_t i = 0; i < a->n_links; i++) {
		assert_string_equal(a->links[i].name, b->links[i].name);
		assert_same_zone_list(
		    a->links[i].zones, a->links[i].n_zones, b->links[i].zones, b->links[i].n_zones);
	}
	assert_int_equal(a->n_indicators, b->n_indicators);
	for (size_t i = 0; i < a->n_indicators; i++)
		assert_string_equal(a->indicators[i], b->indicators[i]);
	assert_memory_equal(&a->policy, &b->policy, sizeof(a->policy));
	assert_same_ledger(&a->ledger, &b->ledger);
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void good_files_print_back_to_themselves(void **state)
{
	char path[1024];
	struct dirent **names;
	(void)state;
	int n = scandir(conf_path("good", "", path), &names, is_yaml, alphasort);
	assert_in_range(n, 3, 1000);
	for (int i = 0; i < n; i++) {
		struct site *s = read_good(names[i]->d_name);
		char *once = print(s);
		struct site *again = parse(once);
		char *twice = print(again);
		assert_same(s, again);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
		site_free(s);
		site_free(again);
		free(names[i]);
	}
	free(names);
}

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static uint16_t zone_of(const struct site *s, const char *text)
{
	return net_zone_of(s->zones, prefix(text).addr);
}

static void a_full_file_says_what_is_in_it(void **state)
{
	struct site *s = read_good("full.yaml");
	struct net_prefix p;
	(void)state;
	assert_string_equal(s->name, "Example Space Agency");
	assert_false(s->guessed);
	assert_int_equal(net_zone_count(s->zones), 6);
	assert_int_equal(zone_of(s, "10.30.0.200"), 0);
	assert_int_equal(zone_of(s, "10.20.6.1"), 1);
	assert_int_equal(zone_of(s, "10.20.7.1"), 2);
	/* both halves of "everything" */
	assert_int_equal(zone_of(s, "198.51.100.1"), 5);
	assert_int_equal(zone_of(s, "2001:db8:ffff::1"), 5);
	assert_int_equal(s->n_assets, 2);
	assert_int_equal(s->assets[0].n_addrs, 2);
	assert_int_equal(s->assets[0].roles, 1 << SITE_ROLE_BIT_FILE_SERVER | 1 << SITE_ROLE_BIT_BACKUP);
	assert_string_equal(s->assets[1].name, "proxy: \"the old one\" # 2");
	assert_int_equal(s->n_services, 4);
	assert_true(s->services[0].to_zone);
	assert_int_equal(s->services[0].zone, 0);
	assert_int_equal(s->services[0].port, 5432);
	assert_int_equal(s->services[0].protocol, 6);
	assert_int_equal(s->services[0].criticality, 8);
	assert_false(s->services[1].to_zone);
	p = prefix("10.99.0.53");
	assert_memory_equal(&s->services[1].prefix, &p, sizeof(p));
	assert_int_equal(s->services[1].port, 53);
	assert_int_equal(s->services[1].protocol, 0);
	assert_int_equal(s->services[1].criticality, 1);
	assert_int_equal(s->services[3].port, 0);
	assert_int_equal(s->n_never_cut, 3);
	assert_int_equal(s->n_enforcement, 1);
	assert_int_equal(s->enforcement[0].n_zones, 3);
	assert_int_equal(s->enforcement[0].zones[0], 1);
	assert_int_equal(s->enforcement[0].zones[2], 0);
	assert_int_equal(s->n_links, 2);
	assert_string_equal(s->indicators[1], "/srv/feeds/stix bundle.json");
	assert_true(s->policy.lease_ns == 90 * 60 * NS_PER_S);
	assert_int_equal(s->policy.max_cuts, 10);
	assert_int_equal(s->policy.widest_prefix_v4, 24);
	assert_int_equal(s->policy.widest_prefix_v6, 64);
	assert_string_equal(s->ledger.key, "/etc/bulkhead/archive.key");
	assert_string_equal(s->ledger.origin, "archive.example.org/mission-control");
	assert_int_equal(s->ledger.n_witnesses, 2);
	assert_string_equal(s->ledger.witnesses[1],
	    "witness.example.com+89abcdef+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/");
	assert_int_equal(s->ledger.quorum, 1);
	assert_string_equal(s->ledger.stamp_url, "http://tsa.example.net/tsr");
	assert_string_equal(s->ledger.stamp_ca, "tsa-ca.pem");
	site_free(s);
}

static void what_is_left_out_has_the_documented_default(void **state)
{
	struct site *s = read_good("least.yaml");
	(void)state;
	assert_int_equal(
	    s->n_assets + s->n_services + s->n_never_cut + s->n_enforcement + s->n_links + s->n_indicators,
	    0);
	assert_true(s->policy.lease_ns == 4 * 3600 * NS_PER_S);
	assert_int_equal(s->policy.max_cuts, 64);
	assert_int_equal(s->policy.widest_prefix_v4, 16);
	assert_int_equal(s->policy.widest_prefix_v6, 48);
	assert_null(s->ledger.key);
	assert_int_equal(s->ledger.quorum, 0);
	site_free(s);
}

/* The file's whole text; "" where there is none. */
static char *slurp(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "rb");
	if (f) {
		text[fread(text, 1, 65535, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void bad_files_give_the_mistakes_beside_them(void **state)
{
	char path[1024], prefixed[1100];
	struct dirent **names;
	int wrong = 0;
	(void)state;
	int n = scandir(conf_path("bad", "", path), &names, is_yaml, alphasort);
	assert_in_range(n, 40, 1000);
	for (int i = 0; i < n; i++) {
		struct site *s = NULL;
		struct dynbuf lines = {0}, expected = {0};
		char name[256 + sizeof(".expected")];
		snprintf(name, sizeof(name), "%s", names[i]->d_name);
		assert_int_equal(site_read(&s, conf_path("bad", name, path), collect, &lines), -ERR_INVALID);
		assert_null(s);
		char *dot = strrchr(name, '.');
		snprintf(dot, sizeof(name) - (size_t)(dot - name), ".expected");
		int head = snprintf(prefixed, sizeof(prefixed), "%s:", path);
		conf_path("bad", name, path);
		char *beside = slurp(path), *rest = beside;
		for (char *line; (line = strsep(&rest, "\n")) && *line;) {
			dynbuf_append(&expected, prefixed, (size_t)head);
			dynbuf_printf(&expected, "%s\n", line);
		}
		if (!text_equal(dynbuf_view(&lines), dynbuf_view(&expected))) {
			print_error("%s: expected\n%.*sgot\n%.*s", path, (int)expected.n, (char *)expected.p,
			    (int)lines.n, (char *)lines.p);
			wrong++;
		}
		dynbuf_free(&lines);
		dynbuf_free(&expected);
		free(beside);
		free(names[i]);
	}
	free(names);
	assert_int_equal(wrong, 0);
}

static void at_most_fifty_mistakes_are_told(void **state)
{
	struct site *s = NULL;
	struct dynbuf yaml = {0}, lines = {0};
	size_t told = 0;
	(void)state;
	for (int count = 49; count <= 52; count++) {
		dynbuf_reset(&yaml);
		dynbuf_reset(&lines);
		dynbuf_str(
		    &yaml, "version: 1\nname: s\nzones: [{name: a, class: dmz, prefixes: [10.0.0.0/8]}]\n");
		for (int i = 0; i < count; i++)
			dynbuf_printf(&yaml, "wrong%d: x\n", i);
		assert_int_equal(site_parse(&s, "t", dynbuf_view(&yaml), collect, &lines), -ERR_INVALID);
		told = 0;
		for (size_t i = 0; i < lines.n; i++)
			told += lines.p[i] == '\n';
		assert_int_equal(told, count <= 50 ? count : 51);
	}
	dynbuf_u8(&lines, 0);
	assert_non_null(strstr((char *)lines.p, "t: more than 50 mistakes; the rest is not listed\n"));
	dynbuf_free(&yaml);
	dynbuf_free(&lines);
}

static void limits_hold_at_their_bounds(void **state)
{
	struct dynbuf yaml = {0}, lines = {0};
	struct site *s;
	(void)state;
	/* zones: 1024 are read, 1025 are refused */
	for (int zones = 1024; zones <= 1025; zones++) {
		dynbuf_reset(&yaml);
		dynbuf_str(&yaml, "version: 1\nname: s\nzones:\n");
		for (int i = 0; i < zones; i++)
			dynbuf_printf(&yaml, "- {name: z%d, class: dmz, prefixes: [10.%d.%d.0/24]}\n", i,
			    i / 256, i % 256);
		s = NULL;
		assert_int_equal(site_parse(&s, "t", dynbuf_view(&yaml), collect, &lines),
		    zones == 1024 ? 0 : -ERR_INVALID);
		site_free(s);
	}
	dynbuf_u8(&lines, 0);
	assert_string_equal((char *)lines.p, "t:4:1: 1025 of zones are more than the 1024 allowed\n");
	/* addresses of an asset: 64 and 65 */
	for (int addrs = 64; addrs <= 65; addrs++) {
		dynbuf_reset(&yaml);
		dynbuf_reset(&lines);
		dynbuf_str(&yaml,
		    "version: 1\nname: s\nzones: [{name: a, class: dmz, prefixes: [10.0.0.0/8]}]\n"
		    "assets:\n- name: x\n  addresses:\n");
		for (int i = 0; i < addrs; i++)
			dynbuf_printf(&yaml, "  - 10.0.0.%d\n", i + 1);
		s = NULL;
		assert_int_equal(
		    site_parse(&s, "t", dynbuf_view(&yaml), collect, &lines), addrs == 64 ? 0 : -ERR_INVALID);
		site_free(s);
	}
	/* the whole document */
	dynbuf_reset(&yaml);
	dynbuf_reset(&lines);
	while (yaml.n <= 8 << 20)
		dynbuf_str(&yaml, "# filling, line after line, without saying anything at all\n");
	assert_int_equal(site_parse(&s, "t", dynbuf_view(&yaml), collect, &lines), -ERR_INVALID);
	dynbuf_u8(&lines, 0);
	assert_non_null(strstr((char *)lines.p, "are more than a file may have (8388608)"));
	dynbuf_free(&yaml);
	dynbuf_free(&lines);
}

static void a_guessed_site_has_inside_and_outside(void **state)
{
	static const struct {
		const char *addr;
		const char *zone;
	} rows[] = {{"10.1.2.3", "internal"}, {"172.16.0.1", "internal"}, {"172.31.255.255", "internal"},
	    {"172.32.0.0", "external"}, {"192.168.7.7", "internal"}, {"100.64.0.1", "internal"},
	    {"100.128.0.1", "external"}, {"169.254.9.9", "internal"}, {"fd00::1", "internal"},
	    {"fe80::1", "internal"}, {"2001:db8::1", "external"}, {"198.51.100.9", "external"}};
	struct site *s;
	(void)state;
	assert_int_equal(site_guess(&s), 0);
	assert_true(s->guessed);
	assert_string_equal(s->path, "");
	assert_int_equal(s->n_enforcement, 1);
	assert_int_equal(s->enforcement[0].n_zones, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(net_zone_at(s->zones, zone_of(s, rows[i].addr))->name, rows[i].zone);
	char *text = print(s);
	struct site *again = parse(text);
	assert_same(s, again);
	free(text);
	site_free(again);
	site_free(s);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct site *s;
	struct dynbuf lines = {0};
	(void)state;
	assert_int_equal(site_read(&s, "/nonexistent/site.yaml", collect, &lines), -ENOENT);
	assert_int_equal(site_read(&s, "/", collect, &lines), -EISDIR);
	dynbuf_u8(&lines, 0);
	assert_string_equal((char *)lines.p,
	    "/nonexistent/site.yaml: can't be read: No such file or directory\n"
	    "/: can't be read: Is a directory\n");
	dynbuf_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_files_print_back_to_themselves),
	    cmocka_unit_test(a_full_file_says_what_is_in_it),
	    cmocka_unit_test(what_is_left_out_has_the_documented_default),
	    cmocka_unit_test(bad_files_give_the_mistakes_beside_them),
	    cmocka_unit_test(at_most_fifty_mistakes_are_told),
	    cmocka_unit_test(limits_hold_at_their_bounds),
	    cmocka_unit_test(a_guessed_site_has_inside_and_outside),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
