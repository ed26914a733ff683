/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever a good daemon file says, printed and read again it says the same: thousands of files are made at
 * random from what the keys may have. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/dynbuf.h"
#include "base/hash.h"
#include "daemon_same.h"

enum { FILES = 3000 };

struct maker {
	struct dynbuf yaml;
	uint64_t seed, drawn;
	bool enforces;
};

/* A number below n. */
static unsigned draw(struct maker *m, unsigned n)
{
	m->drawn++;
	return (unsigned)(hash_bytes(&m->drawn, sizeof(m->drawn), m->seed) % n);
}

static const char *pick(struct maker *m, const char *const *words, size_t n)
{
	return words[draw(m, (unsigned)n)];
}

#define PICK(m, ...)                                                                                         \
	pick((m), (const char *const[]){__VA_ARGS__},                                                        \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* "KEY: " and one of the values, or nothing. */
#define MAYBE(m, indent, key, ...)                                                                           \
	do {                                                                                                 \
		if (draw((m), 2))                                                                            \
			dynbuf_printf(&(m)->yaml, "%s" key ": %s\n", (indent), PICK((m), __VA_ARGS__));      \
	} while (0)

static void make_top(struct maker *m)
{
	dynbuf_str(&m->yaml, "version: 1\n");
	MAYBE(m, "", "site", "site.yaml", "\"#odd: name\"", "'it''s'", "/etc/x y", "\"null\"", "~",
	    "\xc3\xa4.yaml");
	MAYBE(m, "", "archive", "a", "\" lead\"", "\"\\x07bell\"", "\"- x\"", "yes");
	MAYBE(m, "", "state", "/var/x", "\"0x10\"", "\"a\\nb\"");
	MAYBE(m, "", "run_as", "nobody", "_bulkhead", "\"007\"");
	MAYBE(m, "", "keep", "forever", "1h", "90d", "36500d", "5400");
	MAYBE(m, "", "sync", "1s", "59", "1m");
	MAYBE(m, "", "verify", "1s", "10m", "77s");
	if (draw(m, 2)) {
		dynbuf_str(&m->yaml, "sensor:\n  processes: 2\n");
		MAYBE(m, "  ", "ring", "1MiB", "1G", "777M", "2GiB");
		MAYBE(m, "  ", "flows", "1024", "999999");
		MAYBE(m, "  ", "snapshot", "1s", "1h", "3599s");
	}
}

static void make_links(struct maker *m)
{
	unsigned n = draw(m, 4) + 1;
	dynbuf_str(&m->yaml, "links:\n");
	for (unsigned i = 0; i < n; i++) {
		dynbuf_printf(&m->yaml, "- name: \"%s%u\"\n", PICK(m, "l", "l: ", "\xe2\x82\xac"), i);
		dynbuf_printf(&m->yaml, "  place: %s\n", PICK(m, "gateway", "tap"));
		if (draw(m, 2)) {
			dynbuf_printf(&m->yaml, "  interfaces: [eth%u, \"e@%u\", \"%u\"]\n", i, i, i);
		} else {
			dynbuf_str(&m->yaml, "  capture: x.pcap\n");
			MAYBE(m, "  ", "speed", "max", "1", "0.1", "0.3333", "999.9999", "12.05", "00.5000");
		}
	}
}

static void make_bgp(struct maker *m)
{
	bool v4 = draw(m, 2);
	dynbuf_printf(&m->yaml, "  bgp:\n    peer: %s\n", v4 ? "127.0.0.1" : "\"::1\"");
	dynbuf_printf(&m->yaml, "    local_as: %s\n    peer_as: %s\n", PICK(m, "1", "4294967294"),
	    PICK(m, "64512", "23456"));
	if (v4 && draw(m, 2))
		dynbuf_str(&m->yaml, "    local: 127.0.0.2\n");
	else
		dynbuf_str(&m->yaml, "    router_id: 192.0.2.7\n");
	MAYBE(m, "    ", "hold", "3s", "65535s", "1m");
	MAYBE(m, "    ", "port", "1", "65535");
	if (draw(m, 2))
		dynbuf_printf(&m->yaml, "    announce: blackhole\n    next_hop: %s\n",
		    PICK(m, "[192.0.2.1]", "[\"100::1\"]", "[100::1, 192.0.2.1]"));
}

static void make_enforcers(struct maker *m)
{
	unsigned first = draw(m, 5), last = draw(m, 5);
	if (last < first)
		return;
	m->enforces = true;
	dynbuf_str(&m->yaml, "enforcers:\n");
	for (unsigned i = first; i <= last; i++) {
		dynbuf_printf(&m->yaml, "- name: e%u\n", i);
		switch (i) {
		case 0:
			dynbuf_str(&m->yaml, "  backend: nftables\n");
			MAYBE(m, "  ", "hooks", "[routed]", "[routed, bridged]");
			MAYBE(m, "  ", "on_cut", "reset", "drop");
			MAYBE(m, "  ", "lease", "5s", "1h", "3599s");
			break;
		case 1:
			dynbuf_str(
			    &m->yaml, "  backend: nftables\n  table: other_table-2\n  interfaces: [eth0]\n");
			dynbuf_printf(&m->yaml, "  hooks: %s\n", PICK(m, "[ingress]", "[bridged, ingress]"));
			break;
		case 2: dynbuf_str(&m->yaml, "  backend: xdp\n  interfaces: [eth0, eth1]\n"); break;
		case 3:
			dynbuf_str(&m->yaml, "  backend: bgp\n");
			make_bgp(m);
			break;
		default:
			dynbuf_str(&m->yaml, "  remote: {address: 10.99.0.1, port: 1, name: n, certificate: "
			                     "c, key: k, ca: a}\n");
		}
	}
}

static void make_policy(struct maker *m)
{
	dynbuf_str(&m->yaml, "guardrails:\n  control: [10.99.0.0/24, 2001:db8::/127]\n");
	MAYBE(m, "  ", "never_cut", "[]", "[0.0.0.0/1, 192.0.2.1]", "[2001:db8::1, \"4000::/3\"]",
	    "[\"::ffff:0:0/97\"]");
	MAYBE(m, "  ", "pass", "[]", "[{protocol: icmp}]",
	    "[{prefix: \"::/0\", protocol: udp, port: 53}, {prefix: 10.0.0.0/8}]",
	    "[{prefix: 0.0.0.0/0, protocol: 50}]",
	    "[{prefix: \"::ffff:a00:0/104\", protocol: 6, port: 65535}]");
	MAYBE(m, "  ", "widest_prefix", "{}", "{ipv4: 1}", "{ipv4: 32, ipv6: 128}", "{ipv6: 1}");
	MAYBE(m, "  ", "most_cuts", "1", "1000000");
	MAYBE(m, "  ", "longest_lease", "30d", "25h", "90000");
	MAYBE(m, "  ", "most_orders_a_minute", "1", "64");
	dynbuf_str(&m->yaml, "approval:\n  persons: 1\n");
	MAYBE(m, "  ", "wait", "1m", "7d");
	MAYBE(m, "  ", "confirm", "none", "10s", "59m");
	MAYBE(m, "  ", "lease", "1h", "86399s", "1d");
	MAYBE(m, "  ", "fail", "open", "closed");
	dynbuf_str(&m->yaml, "ended_orders:\n  keep: 30d\n");
	MAYBE(m, "  ", "most", "1000", "10000000");
	for (unsigned i = 0; m->enforces && i < draw(m, 4); i++) {
		dynbuf_printf(&m->yaml, "%s- name: row%u\n  detection: %s\n", i ? "" : "automatic:\n", i,
		    PICK(m, "scan", "\"indicator:*\"", "\"[ab]?*\""));
		dynbuf_printf(&m->yaml, "  confidence: %s\n  cut: %s\n",
		    PICK(m, "0.01", "1", "0.8", "0.3333", "0.9999", "1.0000"),
		    PICK(m, "peer", "asset", "pair"));
		MAYBE(m, "  ", "lease", "2h", "7201s");
		MAYBE(m, "  ", "confirm", "none", "11m");
		MAYBE(m, "  ", "fail", "open", "closed");
	}
}

static void make_outlets(struct maker *m)
{
	dynbuf_str(&m->yaml, "control:\n  approvers: [\"group:soc\"]\n");
	MAYBE(m, "  ", "socket", "x", "/run/a b");
	MAYBE(m, "  ", "viewers", "[]", "[\"user:a\", \"group:a\"]", "[\"user:$x\"]");
	MAYBE(m, "  ", "analysts", "[\"user:root\"]");
	MAYBE(
	    m, "", "metrics", "{listen: 127.0.0.1:1}", "{listen: \"[::]:65535\"}", "{listen: 0.0.0.0:9474}");
	MAYBE(m, "", "eve", "{file: x}", "{socket: y}", "{file: \"-\", socket: \"?\"}");
	MAYBE(m, "", "webhooks", "[]", "[{url: \"HTTPS://a.example\"}]",
	    "[{url: \"http://127.9.9.9:80?x#y\", about: [orders]}, {url: https://h/, ca: c, token_file: t, "
	    "about: [orders, incidents]}]");
}

static void a_printed_file_reads_as_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= FILES; seed++) {
		struct maker m = {.seed = seed};
		struct daemon_conf *c = NULL, *again = NULL;
		struct dynbuf lines = {0};
		make_top(&m);
		make_links(&m);
		make_enforcers(&m);
		make_policy(&m);
		make_outlets(&m);
		int r = daemon_conf_parse(&c, "made", dynbuf_view(&m.yaml), NULL, collect, &lines);
		if (r < 0)
			fail_msg("seed %d: %.*s\n%.*s", (int)seed, (int)lines.n, (char *)lines.p,
			    (int)m.yaml.n, (char *)m.yaml.p);
		char *once = printed_conf(c);
		r = daemon_conf_parse(&again, "printed", text_of(once), NULL, collect, &lines);
		if (r < 0)
			fail_msg("seed %d: %.*s\n%s", (int)seed, (int)lines.n, (char *)lines.p, once);
		same_conf(c, again);
		char *twice = printed_conf(again);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
		daemon_conf_free(c);
		daemon_conf_free(again);
		dynbuf_free(&m.yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_printed_file_reads_as_the_same)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
