/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the parent reads, what it says of mistakes, and which processes a new configuration starts anew. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "live/files.h"
#include "live/parent_private.h"

static char folder[] = "/tmp/bulkhead-conf-XXXXXX";

static const char site_yaml[] =
    "version: 1\nname: t\nzones:\n  - {name: in, class: internal, prefixes: [10.0.0.0/8]}\n"
    "  - {name: out, class: external, prefixes: [0.0.0.0/0]}\n"
    "links: [{name: l, zones: [in]}]\nenforcement: [{name: gw, kind: nftables, between: [in, out]}]\n";

static void write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void collect(void *context, const char *line)
{
	dynbuf_printf(context, "%s\n", line);
}

static int read_conf(struct parent_conf *c, const char *daemon, struct dynbuf *lines)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/bulkhead.yaml", folder);
	if (daemon)
		write_file("bulkhead.yaml", daemon);
	write_file("x", ""); /* the capture that links play */
	dynbuf_reset(lines);
	int r = parent_conf_read(c, path, false, collect, lines);
	dynbuf_u8(lines, 0);
	return r;
}

static void what_it_read_is_what_it_hands_down(void **state)
{
	struct parent_conf c = {.daemon_fd = -1, .site_fd = -1};
	struct dynbuf lines = {0}, text = {0};
	struct site *site;
	(void)state;
	write_file("site.yaml", site_yaml);
	assert_int_equal(
	    read_conf(
	        &c, "version: 1\nsite: site.yaml\nlinks: [{name: l, capture: x, place: tap}]\n", &lines),
	    0);
	/* whatever happens to the files meanwhile */
	write_file("site.yaml", "rubbish");
	write_file("bulkhead.yaml", "rubbish");
	assert_int_equal(live_read_file(c.site_fd, &text), 0);
	assert_true(text_equal(dynbuf_view(&text), text_of(site_yaml)));
	assert_int_equal(live_read_site(&site, c.site_fd, "s", collect, &lines), 0);
	site_free(site);
	dynbuf_free(&text);
	dynbuf_free(&lines);
	parent_conf_free(&c);
	assert_int_equal(c.daemon_fd, -1);
	parent_conf_free(&c);
}

static void mistakes_are_told_by_place_and_nothing_is_taken(void **state)
{
	static const struct {
		const char *daemon, *site, *said;
	} rows[] = {
	    {"version: 1\nlinks: [{name: l, capture: x, place: roof}]\n", site_yaml, "bulkhead.yaml:2:"},
	    {"version: 1\nsite: site.yaml\nlinks: [{name: other, capture: x, place: tap}]\n", site_yaml,
	        "bulkhead.yaml:3:"},
	    {"version: 1\nsite: site.yaml\nlinks: [{name: l, capture: x, place: tap}]\n",
	        "version: 1\nzones: 7\n", "site.yaml:2:"},
	    {"version: 1\nsite: nowhere.yaml\nlinks: [{name: l, capture: x, place: tap}]\n", site_yaml,
	        "nowhere.yaml: No such file or directory"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct parent_conf c = {.daemon_fd = -7, .site_fd = -7};
		struct dynbuf lines = {0};
		write_file("site.yaml", rows[i].site);
		assert_true(read_conf(&c, rows[i].daemon, &lines) < 0);
		assert_non_null(strstr((const char *)lines.p, rows[i].said));
		assert_int_equal(c.daemon_fd, -7);
		dynbuf_free(&lines);
	}
}

#define BIT(kind) (1u << MSG_PROCESS_##kind)
#define BASE                                                                                                 \
	"version: 1\nsite: site.yaml\nlinks: [{name: l, capture: x, place: tap}]\n"                          \
	"enforcers: [{name: gw, backend: nftables}]\n"

static void a_new_configuration_starts_anew_who_cant_change_what_he_holds(void **state)
{
	static const struct {
		const char *before, *after;
		unsigned restarts; /* bits */
	} rows[] = {
	    {BASE, BASE, 0},
	    {BASE "keep: 30d\n", BASE "keep: 60d\n", 0},
	    {BASE "guardrails: {most_cuts: 7}\n", BASE "guardrails: {most_cuts: 9}\n", 0},
	    {BASE "archive: /a\n", BASE "archive: /b\n", BIT(ARCHIVIST) | BIT(PLANNER)},
	    {BASE "state: /a\n", BASE "state: /b\n", BIT(ENGINE)},
	    {BASE "sensor: {ring: 8MiB}\n", BASE "sensor: {ring: 16MiB}\n", BIT(SENSOR) | BIT(ENGINE)},
	    {BASE "metrics: {listen: \"127.0.0.1:9000\"}\n", BASE "metrics: {listen: \"127.0.0.1:9001\"}\n",
	        BIT(GATEWAY)},
	    {BASE "guardrails: {pass: [{protocol: udp, port: 53}]}\n",
	        BASE "guardrails: {pass: [{protocol: udp, port: 123}]}\n", BIT(ENFORCER)},
	    {BASE "guardrails: {never_cut: [10.9.0.1]}\n", BASE "guardrails: {never_cut: [10.9.0.2]}\n",
	        BIT(ENFORCER)},
	};
	(void)state;
	write_file("site.yaml", site_yaml);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct parent_conf a = {.daemon_fd = -1, .site_fd = -1}, b = a;
		struct dynbuf lines = {0};
		assert_int_equal(read_conf(&a, rows[i].before, &lines), 0);
		assert_int_equal(read_conf(&b, rows[i].after, &lines), 0);
		for (unsigned kind = 0; kind < MSG_PROCESS_COUNT; kind++)
			assert_int_equal(parent_conf_restarts(&a, &b, (enum msg_process)kind),
			    (bool)(rows[i].restarts >> kind & 1));
		/* another user means all of them */
		b.uid++;
		for (unsigned kind = 0; kind < MSG_PROCESS_COUNT; kind++)
			assert_true(parent_conf_restarts(&a, &b, (enum msg_process)kind));
		parent_conf_free(&a);
		parent_conf_free(&b);
		dynbuf_free(&lines);
	}
}

static int remove_folder(void **state)
{
	static const char *const files[] = {"site.yaml", "bulkhead.yaml", "x"};
	char path[128];
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_read_is_what_it_hands_down),
	    cmocka_unit_test(mistakes_are_told_by_place_and_nothing_is_taken),
	    cmocka_unit_test(a_new_configuration_starts_anew_who_cant_change_what_he_holds),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
