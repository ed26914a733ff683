/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Daemon files: tests/conf/good/daemon prints back to itself, each file of tests/conf/bad/daemon gives the
 * mistakes that stand beside it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "conf/daemon.h"
#include "daemon_same.h"

enum { PATH_SIZE = 1024 };

static char *source_path(const char *below, const char *name, char *buf)
{
	const char *source = getenv("BULKHEAD_SOURCE");
	assert_non_null(source);
	snprintf(buf, PATH_SIZE, "%s/%s/%s", source, below, name);
	return buf;
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static struct daemon_conf *load(const char *path, struct site **ret_site)
{
	struct daemon_conf *c = NULL;
	struct dynbuf lines = {0};
	int r = daemon_conf_load(&c, ret_site, path, collect, &lines);
	dynbuf_u8(&lines, 0);
	if (r < 0)
		fail_msg("%s", (char *)lines.p);
	dynbuf_free(&lines);
	return c;
}

static struct daemon_conf *load_good(const char *name)
{
	char path[PATH_SIZE];
	struct site *site;
	struct daemon_conf *c = load(source_path("tests/conf/good/daemon", name, path), &site);
	site_free(site);
	return c;
}

static void what_is_delivered_how_follows_from_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *link;
		enum daemon_deliver want;
	} rows[] = {{"interfaces: [a], place: tap", DAEMON_DELIVER_BLOCKS},
	    {"interfaces: [a, b], place: tap", DAEMON_DELIVER_FRAMES},
	    {"interfaces: [a], place: gateway", DAEMON_DELIVER_FRAMES},
	    {"interfaces: [a, b], place: gateway, deliver: blocks", DAEMON_DELIVER_BLOCKS},
	    {"interfaces: [a], place: tap, deliver: frames", DAEMON_DELIVER_FRAMES}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		snprintf(text, sizeof(text), "version: 1\nlinks: [{name: x, %s}]\n", rows[i].link);
		struct daemon_conf *c = NULL;
		struct dynbuf lines = {0};
		assert_int_equal(daemon_conf_parse(&c, "t", text_of(text), NULL, collect, &lines), 0);
		assert_int_equal(c->links[0].deliver, rows[i].want);
		daemon_conf_free(c);
	}
}

static void good_files_print_back_to_themselves(void **state)
{
	char path[PATH_SIZE], folder[PATH_SIZE];
	struct dirent **names;
	(void)state;
	int n = scandir(source_path("tests/conf/good/daemon", "", folder), &names, is_yaml, alphasort);
	assert_in_range(n, 4, 1000);
	for (int i = 0; i < n; i++) {
		struct site *site;
		struct daemon_conf *again = NULL;
		struct daemon_conf *c = load(
		    source_path("tests/conf/good/daemon", names[i]->d_name, path), &site);
		char *once = printed_conf(c);
		struct dynbuf lines = {0};
		assert_int_equal(daemon_conf_parse(&again, path, text_of(once), site, collect, &lines), 0);
		char *twice = printed_conf(again);
		same_conf(c, again);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
		daemon_conf_free(c);
		daemon_conf_free(again);
		site_free(site);
		free(names[i]);
	}
	free(names);
}

static struct net_addr addr(const char *text)
{
	struct net_addr a = {0};
	assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

static void assert_prefix(struct net_prefix p, const char *text)
{
	struct net_prefix q = {0};
	assert_int_equal(net_prefix_parse(text_of(text), &q), 0);
	same_prefixes(&p, 1, &q, 1);
}

static void a_full_file_says_what_is_watched(void **state)
{
	struct daemon_conf *c = load_good("full.yaml");
	(void)state;
	assert_string_equal(c->site, "../daemon-site.yaml");
	assert_string_equal(c->archive, "/srv/bulkhead/archive");
	assert_string_equal(c->state, "state of orders");
	assert_string_equal(c->run_as, "bulkhead");
	assert_true(c->keep_ns == INT64_C(90) * 86400 * NS_PER_S);
	assert_true(c->sync_ns == 2 * NS_PER_S);
	assert_true(c->verify_ns == 5 * NS_PER_S);
	assert_int_equal(c->n_links, 2);
	assert_int_equal(c->links[0].n_interfaces, 2);
	assert_string_equal(c->links[0].interfaces[1], "eth1.100");
	assert_null(c->links[0].capture);
	assert_int_equal(c->links[0].place, DAEMON_PLACE_GATEWAY);
	assert_int_equal(c->links[0].deliver, DAEMON_DELIVER_BLOCKS);
	assert_int_equal(c->links[1].n_interfaces, 0);
	assert_string_equal(c->links[1].capture, "file: odd # name.pcapng");
	assert_true(c->links[1].speed == 2.5);
	assert_int_equal(c->links[1].place, DAEMON_PLACE_TAP);
	assert_int_equal(c->sensor.processes, 4);
	assert_int_equal(c->sensor.ring_mib, 128);
	assert_int_equal(c->sensor.flows_max, 500000);
	assert_true(c->sensor.snapshot_ns == 90 * NS_PER_S);
	daemon_conf_free(c);
}

static void a_far_file_says_who_steers(void **state)
{
	struct daemon_conf *c = load_good("far.yaml");
	const struct daemon_near *n = &c->near;
	(void)state;
	same_addr(n->address, addr("2001:db8::7"));
	assert_int_equal(n->port, 9475);
	assert_int_equal(n->n_names, 2);
	assert_string_equal(n->names[0], "near.example.org");
	assert_string_equal(n->names[1], "standby.example.org");
	assert_string_equal(n->certificate, "tls/far.pem");
	assert_string_equal(n->key, "tls/far.key");
	assert_string_equal(n->ca, "tls/ca.pem");
	assert_int_equal(c->n_enforcers, 1);
	assert_false(c->enforcers[0].is_remote);
	assert_int_equal(c->guardrails.n_control, 2);
	daemon_conf_free(c);
	c = load_good("full.yaml");
	assert_int_equal(c->near.port, 0);
	daemon_conf_free(c);
}

static void a_full_file_says_who_cuts(void **state)
{
	struct daemon_conf *c = load_good("full.yaml");
	const struct daemon_enforcer *e = c->enforcers;
	(void)state;
	assert_int_equal(c->n_enforcers, 4);
	assert_int_equal(e[0].backend, DAEMON_BACKEND_NFTABLES);
	assert_int_equal(e[0].hooks, DAEMON_HOOK_ROUTED | DAEMON_HOOK_INGRESS);
	assert_string_equal(e[0].table, "bulkhead-border");
	assert_true(e[0].reset);
	assert_true(e[0].lease_ns == 60 * NS_PER_S);
	assert_int_equal(e[1].backend, DAEMON_BACKEND_XDP);
	assert_string_equal(e[1].interfaces[1], "eth3");
	assert_true(e[1].lease_ns == 30 * NS_PER_S);
	assert_int_equal(e[2].backend, DAEMON_BACKEND_BGP);
	assert_int_equal(e[2].bgp.port, 1790);
	assert_int_equal(e[2].bgp.local_as, 64512);
	assert_true(e[2].bgp.peer_as == 4200000000);
	assert_true(e[2].bgp.hold_ns == 30 * NS_PER_S);
	/* the hold time is the lease; an address of ours serves as router id */
	assert_true(e[2].lease_ns == 30 * NS_PER_S);
	same_addr(e[2].bgp.router_id, addr("192.0.2.2"));
	assert_int_equal(e[2].bgp.announce, DAEMON_BGP_BLACKHOLE);
	same_addr(e[2].bgp.next_hop_v4, addr("192.0.2.254"));
	same_addr(e[2].bgp.next_hop_v6, addr("100::1"));
	assert_true(e[3].is_remote);
	same_addr(e[3].remote.address, addr("10.99.1.7"));
	assert_int_equal(e[3].remote.port, 9475);
	assert_string_equal(e[3].remote.name, "far.example.org");
	assert_string_equal(e[3].remote.certificate, "tls/near.pem");
	assert_string_equal(e[3].remote.key, "tls/near.key");
	assert_string_equal(e[3].remote.ca, "tls/ca.pem");
	daemon_conf_free(c);
}

static void a_full_file_says_what_may_be_cut(void **state)
{
	struct daemon_conf *c = load_good("full.yaml");
	const struct daemon_guardrails *g = &c->guardrails;
	(void)state;
	assert_int_equal(g->n_never_cut, 2);
	assert_prefix(g->never_cut[1], "2001:db8:99::/64");
	assert_int_equal(g->n_control, 2);
	assert_prefix(g->control[1], "192.0.2.1/32");
	assert_int_equal(g->n_pass, 4);
	assert_prefix(g->pass[0].prefix, "10.99.0.53/32");
	assert_int_equal(g->pass[0].protocol, 17);
	assert_int_equal(g->pass[0].port, 53);
	assert_int_equal(g->pass[1].protocol, 58);
	assert_int_equal(g->pass[1].prefix.bits, 0);
	assert_int_equal(g->pass[2].protocol, 0);
	assert_int_equal(g->pass[3].protocol, 89);
	assert_int_equal(g->widest_v4, 24);
	assert_int_equal(g->widest_v6, 64);
	assert_int_equal(g->most_cuts, 500);
	assert_true(g->longest_lease_ns == 12 * 3600 * NS_PER_S);
	assert_int_equal(g->most_orders_a_minute, 10);
	assert_int_equal(c->approval.persons, 2);
	assert_true(c->approval.wait_ns == 7200 * NS_PER_S);
	assert_true(c->approval.confirm_ns == 900 * NS_PER_S);
	assert_true(c->approval.lease_ns == 8 * 3600 * NS_PER_S);
	assert_true(c->approval.fail_closed);
	assert_true(c->ended_keep_ns == INT64_C(31) * 86400 * NS_PER_S);
	assert_int_equal(c->ended_most, 5000);
	assert_int_equal(c->n_automatic, 2);
	assert_string_equal(c->automatic[0].detection, "indicator:*");
	assert_true(c->automatic[0].confidence > 0.79999 && c->automatic[0].confidence < 0.80001);
	assert_int_equal(c->automatic[0].target, DAEMON_CUT_PEER);
	assert_true(c->automatic[0].lease_ns == 3600 * NS_PER_S);
	assert_true(c->automatic[0].confirm_ns == 0);
	assert_false(c->automatic[0].fail_closed);
	/* what a row leaves out is as of approval */
	assert_int_equal(c->automatic[1].target, DAEMON_CUT_PAIR);
	assert_true(c->automatic[1].lease_ns == 8 * 3600 * NS_PER_S);
	assert_true(c->automatic[1].confirm_ns == 900 * NS_PER_S);
	assert_true(c->automatic[1].fail_closed);
	daemon_conf_free(c);
}

static void a_full_file_says_who_may_ask_and_who_is_told(void **state)
{
	struct daemon_conf *c = load_good("full.yaml");
	(void)state;
	assert_string_equal(c->control.socket, "/run/bulkhead/here");
	assert_int_equal(c->control.n_members[DAEMON_VIEWER], 1);
	assert_int_equal(c->control.n_members[DAEMON_ANALYST], 2);
	assert_int_equal(c->control.n_members[DAEMON_APPROVER], 2);
	assert_false(c->control.members[DAEMON_APPROVER][0].group);
	assert_string_equal(c->control.members[DAEMON_APPROVER][0].name, "alice");
	assert_true(c->control.members[DAEMON_APPROVER][1].group);
	assert_true(c->control.members[DAEMON_APPROVER][1].id == UINT32_MAX);
	same_addr(c->metrics_addr, addr("::1"));
	assert_int_equal(c->metrics_port, 9474);
	assert_string_equal(c->eve_file, "eve.json");
	assert_string_equal(c->eve_socket, "/run/eve.sock");
	assert_int_equal(c->n_webhooks, 2);
	assert_string_equal(c->webhooks[0].token_file, "soc.token");
	assert_false(c->webhooks[0].incidents);
	assert_true(c->webhooks[0].orders);
	assert_true(c->webhooks[1].incidents && c->webhooks[1].orders);
	assert_null(c->webhooks[1].ca);
	daemon_conf_free(c);
}

static void what_is_left_out_has_the_documented_default(void **state)
{
	struct daemon_conf *c = load_good("least.yaml");
	(void)state;
	assert_null(c->site);
	assert_string_equal(c->archive, "/var/lib/bulkhead/archive");
	assert_string_equal(c->state, "/var/lib/bulkhead/state");
	assert_string_equal(c->run_as, "nobody");
	assert_true(c->keep_ns == 0 && c->sync_ns == NS_PER_S && c->verify_ns == 3 * NS_PER_S);
	assert_int_equal(c->sensor.processes, 1);
	assert_int_equal(c->sensor.ring_mib, 64);
	assert_int_equal(c->sensor.flows_max, 262144);
	assert_true(c->sensor.snapshot_ns == 60 * NS_PER_S);
	assert_int_equal(c->guardrails.most_cuts, 10000);
	assert_true(c->guardrails.longest_lease_ns == 86400 * NS_PER_S);
	assert_int_equal(c->guardrails.most_orders_a_minute, 30);
	assert_int_equal(c->approval.persons, 1);
	assert_true(c->approval.wait_ns == 3600 * NS_PER_S && c->approval.confirm_ns == 600 * NS_PER_S);
	assert_true(c->approval.lease_ns == 4 * 3600 * NS_PER_S); /* of a guessed site */
	assert_false(c->approval.fail_closed);
	assert_true(c->ended_keep_ns == INT64_C(90) * 86400 * NS_PER_S);
	assert_int_equal(c->ended_most, 100000);
	assert_string_equal(c->control.socket, "/run/bulkhead/control");
	assert_int_equal(c->control.n_members[DAEMON_VIEWER] + c->control.n_members[DAEMON_ANALYST], 0);
	assert_int_equal(c->control.n_members[DAEMON_APPROVER], 1);
	assert_string_equal(c->control.members[DAEMON_APPROVER][0].name, "root");
	assert_true(net_addr_is_none(c->metrics_addr) && c->metrics_port == 0);
	assert_true(!c->eve_file && !c->eve_socket && c->n_webhooks == 0);
	daemon_conf_free(c);
}

static void the_site_gives_what_the_file_leaves_out(void **state)
{
	static const char yaml[] = "version: 1\nenforcers: [{name: border, backend: nftables}]\n"
	                           "automatic: [{name: a, detection: scan, confidence: 1, cut: asset}]\n";
	struct daemon_conf *c = load_good("steer-only.yaml");
	(void)state;
	assert_true(c->approval.lease_ns == 7200 * NS_PER_S);
	assert_int_equal(c->guardrails.widest_v4, 20);
	assert_int_equal(c->guardrails.widest_v6, 56);
	daemon_conf_free(c);
	/* not known: 0 */
	assert_int_equal(daemon_conf_parse(&c, "t", text_of(yaml), NULL, collect, NULL), 0);
	assert_true(c->approval.lease_ns == 0 && c->automatic[0].lease_ns == 0);
	assert_int_equal(c->guardrails.widest_v4 + c->guardrails.widest_v6, 0);
	daemon_conf_free(c);
}

/* The file's whole text; "" where there is none. */
static char *slurp(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "rb");
	assert_non_null(text);
	if (f) {
		text[fread(text, 1, 65535, f)] = '\0';
		fclose(f);
	}
	return text;
}

static bool has_its_mistakes(const char *yaml_name)
{
	char path[PATH_SIZE], beside_path[PATH_SIZE + 16];
	struct daemon_conf *c = NULL;
	struct site *site = NULL;
	struct dynbuf lines = {0}, expected = {0};
	source_path("tests/conf/bad/daemon", yaml_name, path);
	assert_int_equal(daemon_conf_load(&c, &site, path, collect, &lines), -ERR_INVALID);
	assert_null(c);
	assert_null(site);
	snprintf(beside_path, sizeof(beside_path), "%.*s.expected", (int)(strlen(path) - 5), path);
	char *beside = slurp(beside_path), *rest = beside;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		dynbuf_printf(&expected, "%s:%s\n", path, line);
	bool same = expected.n && text_equal(dynbuf_view(&lines), dynbuf_view(&expected));
	if (!same)
		print_error("%s: expected\n%.*sgot\n%.*s", path, (int)expected.n, (char *)expected.p,
		    (int)lines.n, (char *)lines.p);
	dynbuf_free(&lines);
	dynbuf_free(&expected);
	free(beside);
	return same;
}

static void bad_files_give_the_mistakes_beside_them(void **state)
{
	char folder[PATH_SIZE];
	struct dirent **names;
	int wrong = 0;
	(void)state;
	int n = scandir(source_path("tests/conf/bad/daemon", "", folder), &names, is_yaml, alphasort);
	assert_in_range(n, 50, 1000);
	for (int i = 0; i < n; i++) {
		wrong += !has_its_mistakes(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_int_equal(wrong, 0);
}

static void mistakes_of_the_site_file_are_told_too(void **state)
{
	static const char site_yaml[] = "version: 1\nname: s\nzones: []\n";
	static const char yaml[] =
	    "version: 1\nsite: site.yaml\nkeep: long\nlinks: [{name: a, capture: x, place: tap}]\n";
	char folder[] = "/tmp/bulkhead-conf-XXXXXX", path[64], site_path[64], expected[512];
	struct daemon_conf *c;
	struct site *site;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/d.yaml", folder);
	snprintf(site_path, sizeof(site_path), "%s/site.yaml", folder);
	FILE *f = fopen(path, "w");
	fputs(yaml, f);
	fclose(f);
	for (int with_site = 0; with_site < 2; with_site++) {
		struct dynbuf lines = {0};
		if (with_site) {
			f = fopen(site_path, "w");
			fputs(site_yaml, f);
			fclose(f);
		}
		assert_int_equal(daemon_conf_load(&c, &site, path, collect, &lines), -ERR_INVALID);
		dynbuf_u8(&lines, 0);
		snprintf(expected, sizeof(expected),
		    "%s:3:7: \"long\" is no duration; write a number with s, m, h or d, such as 90d\n%s%s\n"
		    "%s:2:7: this site file can't be used; what is wrong with it stands above\n",
		    path, site_path,
		    with_site ? ":3:8: expected at least 1 of zones, not 0"
		              : ": can't be read: No such file or directory",
		    path);
		assert_string_equal((char *)lines.p, expected);
		dynbuf_free(&lines);
	}
	unlink(site_path);
	unlink(path);
	rmdir(folder);
}

/* `many` of an item, each with its number; the file is good with n of them and has a mistake with n + 1. */
static const struct {
	const char *head, *item, *tail;
	int max;
} bounds[] = {
    {"links:\n", "- {name: l%d, interfaces: [e%d], place: tap}\n", "", DAEMON_LINKS_MAX},
    {"links: [{name: a, place: tap, interfaces: [", "e%d,", "]}]\n", DAEMON_INTERFACES_MAX},
    {"enforcers:\n", "- {name: l%d, backend: nftables, table: t%d}\n", "", DAEMON_ENFORCERS_MAX},
    {"enforcers: [{name: a, backend: nftables}]\nautomatic:\n",
        "- {name: l%d, detection: scan, confidence: 1, cut: pair}\n", "", DAEMON_AUTOMATIC_MAX},
    {"links: [{name: a, capture: x, place: tap}]\nguardrails:\n  pass:\n", "  - {protocol: tcp, port: 1%d}\n",
        "", DAEMON_PASS_MAX},
    {"links: [{name: a, capture: x, place: tap}]\nguardrails: {never_cut: [", "2001:db8:0:%x::/64,", "]}\n",
        4096},
    {"links: [{name: a, capture: x, place: tap}]\nguardrails: {control: [", "2001:db8:0:%x::/64,", "]}\n",
        256},
    {"links: [{name: a, capture: x, place: tap}]\nwebhooks:\n", "- url: https://h%d.example/\n", "",
        DAEMON_WEBHOOKS_MAX},
    {"links: [{name: a, capture: x, place: tap}]\ncontrol: {analysts: [", "\"user:u%d\",", "]}\n",
        DAEMON_MEMBERS_MAX},
};

/* One of the formats above: at most two numbers, both the same. */
static void put_item(struct dynbuf *yaml, const char *item, int number)
{
	for (const char *at = item; *at; at++) {
		if (at[0] == '%') {
			dynbuf_printf(yaml, at[1] == 'x' ? "%x" : "%d", (unsigned)number);
			at++;
		} else {
			dynbuf_u8(yaml, (uint8_t)*at);
		}
	}
}

static void limits_hold_at_their_bounds(void **state)
{
	struct dynbuf yaml = {0}, lines = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (int n = bounds[i].max - 1; n <= bounds[i].max + 1; n++) {
			struct daemon_conf *c = NULL;
			char expected[64];
			dynbuf_reset(&yaml);
			dynbuf_reset(&lines);
			dynbuf_printf(&yaml, "version: 1\n%s", bounds[i].head);
			for (int k = 0; k < n; k++)
				put_item(&yaml, bounds[i].item, k);
			dynbuf_str(&yaml, bounds[i].tail);
			int r = daemon_conf_parse(&c, "t", dynbuf_view(&yaml), NULL, collect, &lines);
			dynbuf_u8(&lines, 0);
			snprintf(expected, sizeof(expected), "are more than the %d allowed", bounds[i].max);
			if (r != (n <= bounds[i].max ? 0 : -ERR_INVALID) ||
			    (n > bounds[i].max && !strstr((char *)lines.p, expected)))
				fail_msg("%s: %d: %s", bounds[i].item, n, (char *)lines.p);
			daemon_conf_free(c);
		}
	}
	dynbuf_free(&yaml);
	dynbuf_free(&lines);
}

/* Values of one key, and whether they are good. */
static const struct {
	const char *yaml; /* %s: the value */
	const char *good, *bad;
} edges[] = {
    {"links: [{name: a, capture: x, speed: %s, place: tap}]", "0.001", "0.0009"},
    {"links: [{name: a, capture: x, speed: %s, place: tap}]", "1000", "1000.0001"},
    {"links: [{name: a, interfaces: [%s], place: tap}]", "fifteen-letters", "sixteen-letters0"},
    {"links: [{name: a, capture: x, place: tap}]\nsensor: {ring: %s}", "2048MiB", "2049MiB"},
    {"links: [{name: a, capture: x, place: tap}]\nsensor: {ring: %s}", "2G", "0M"},
    {"links: [{name: a, capture: x, place: tap}]\nsensor: {flows: %s}", "1024", "1023"},
    {"links: [{name: a, capture: x, place: tap}]\nsensor: {flows: %s}", "16777216", "16777217"},
    {"enforcers: [{name: a, backend: nftables, lease: %s}]", "5s", "4s"},
    {"enforcers: [{name: a, backend: nftables, lease: %s}]", "1h", "3601s"},
    {"enforcers: [{name: a, backend: bgp, bgp: {peer: 127.0.0.1, local_as: 1, peer_as: 1, router_id: "
     "192.0.2.2, hold: %s}}]",
        "3s", "2s"},
    {"enforcers: [{name: a, backend: bgp, bgp: {peer: 127.0.0.1, local_as: 1, peer_as: 1, router_id: "
     "192.0.2.2, hold: %s}}]",
        "65535", "65536"},
    {"enforcers: [{name: a, backend: nftables}]\napproval: {lease: 10m, confirm: %s}", "599s", "600s"},
    {"enforcers: [{name: a, backend: nftables}]\nguardrails: {longest_lease: 4h}\napproval: {lease: %s}",
        "4h", "241m"},
    {"enforcers: [{name: a, backend: nftables}]\napproval: {persons: 2}\ncontrol: {approvers: %s}",
        "[\"group:a\"]", "[\"user:a\"]"},
    {"enforcers: [{name: a, backend: nftables}]\napproval: {persons: 2}\ncontrol: {approvers: %s}",
        "[\"user:a\", \"user:b\"]", "[]"},
    {"links: [{name: a, capture: x, place: tap}]\nguardrails: {most_orders_a_minute: %s}", "64", "65"},
    /* all but an eighth of IPv4 may be guarded */
    {"links: [{name: a, capture: x, place: tap}]\nguardrails: {never_cut: [0.0.0.0/1, 128.0.0.0/2, %s]}",
        "192.0.0.0/3", "192.0.0.0/2"},
    {"links: [{name: a, capture: x, place: tap}]\nguardrails: {never_cut: [%s]}", "4000::/3", "\"::/0\""},
};

static void values_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (int good = 0; good < 2; good++) {
			struct daemon_conf *c = NULL;
			struct dynbuf yaml = {0}, lines = {0};
			const char *at = strstr(edges[i].yaml, "%s");
			dynbuf_printf(&yaml, "version: 1\n%.*s%s%s\n", (int)(at - edges[i].yaml),
			    edges[i].yaml, good ? edges[i].good : edges[i].bad, at + 2);
			int r = daemon_conf_parse(&c, "t", dynbuf_view(&yaml), NULL, collect, &lines);
			if (r != (good ? 0 : -ERR_INVALID))
				fail_msg("%.*s: %d\n%.*s", (int)yaml.n, (char *)yaml.p, r, (int)lines.n,
				    (char *)lines.p);
			daemon_conf_free(c);
			dynbuf_free(&yaml);
			dynbuf_free(&lines);
		}
	}
}

static void a_daemon_file_is_told_from_a_site_file(void **state)
{
	static const struct {
		const char *yaml;
		bool daemon;
	} rows[] = {
	    {"version: 1\nlinks: [{name: a, interfaces: [eth0], place: tap}]\n", true},
	    {"version: 1\nsite: site.yaml\n", true},
	    {"site: x\nenforcers: []\nname: slip\n", true},
	    {"version: 1\nname: s\nzones: []\n", false},
	    {"version: 1\nname: s\nlinks: []\n", false},
	    {"version: 1\nzones: []\nsite: slip\n", false},
	    {"version: 1\n", false},
	    {"", false},
	    {"site: [\n", false},
	    {"- site\n", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (daemon_conf_is(text_of(rows[i].yaml)) != rows[i].daemon)
			fail_msg("%s", rows[i].yaml);
}

static void relative_paths_begin_at_the_files_folder(void **state)
{
	static const struct {
		const char *conf, *path, *place;
	} rows[] = {
	    {"/etc/bulkhead/bulkhead.yaml", "site.yaml", "/etc/bulkhead/site.yaml"},
	    {"/etc/bulkhead/bulkhead.yaml", "/srv/site.yaml", "/srv/site.yaml"},
	    {"bulkhead.yaml", "site.yaml", "site.yaml"},
	    {"/bulkhead.yaml", "site.yaml", "/site.yaml"},
	    {"../x/b.yaml", "y/site.yaml", "../x/y/site.yaml"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct daemon_conf c = {.path = rows[i].conf};
		char *place = daemon_conf_place(&c, rows[i].path);
		assert_string_equal(place, rows[i].place);
		free(place);
	}
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct daemon_conf *c;
	struct site *site;
	struct dynbuf lines = {0};
	(void)state;
	assert_int_equal(daemon_conf_load(&c, &site, "/nonexistent/d.yaml", collect, &lines), -ENOENT);
	assert_int_equal(daemon_conf_read(&c, "/", NULL, collect, &lines), -EISDIR);
	dynbuf_u8(&lines, 0);
	assert_string_equal((char *)lines.p, "/nonexistent/d.yaml: can't be read: No such file or "
	                                     "directory\n/: can't be read: Is a directory\n");
	dynbuf_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_files_print_back_to_themselves),
	    cmocka_unit_test(a_full_file_says_what_is_watched),
	    cmocka_unit_test(what_is_delivered_how_follows_from_the_place),
	    cmocka_unit_test(a_far_file_says_who_steers),
	    cmocka_unit_test(a_full_file_says_who_cuts),
	    cmocka_unit_test(a_full_file_says_what_may_be_cut),
	    cmocka_unit_test(a_full_file_says_who_may_ask_and_who_is_told),
	    cmocka_unit_test(what_is_left_out_has_the_documented_default),
	    cmocka_unit_test(the_site_gives_what_the_file_leaves_out),
	    cmocka_unit_test(bad_files_give_the_mistakes_beside_them),
	    cmocka_unit_test(mistakes_of_the_site_file_are_told_too),
	    cmocka_unit_test(limits_hold_at_their_bounds),
	    cmocka_unit_test(values_are_bounded),
	    cmocka_unit_test(a_daemon_file_is_told_from_a_site_file),
	    cmocka_unit_test(relative_paths_begin_at_the_files_folder),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
