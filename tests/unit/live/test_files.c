/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files that one process opened and another reads, and the rules that a configuration makes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "live/files.h"
#include "live/rules.h"

static void a_sealed_copy_can_be_read_again_and_never_changed(void **state)
{
	struct dynbuf text = {0};
	char byte;
	(void)state;
	int fd = live_make_file("test", TEXT("site"));
	assert_true(fd >= 0);
	/* somebody else read it before */
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	assert_int_equal(read(fd, &byte, 1), 1);
	for (int i = 0; i < 2; i++) {
		dynbuf_reset(&text);
		assert_int_equal(live_read_file(fd, &text), 0);
		assert_true(text_equal(dynbuf_view(&text), TEXT("site")));
	}
	assert_true(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
	assert_true(pwrite(fd, "x", 1, 4) < 0 && errno == EPERM);
	assert_true(ftruncate(fd, 0) < 0 && errno == EPERM);
	assert_ptr_equal(mmap(NULL, 4, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	dynbuf_free(&text);
	close(fd);
}

static void what_is_longer_than_any_file_of_ours_is_refused(void **state)
{
	struct dynbuf text = {0};
	(void)state;
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), (off_t)LIVE_FILE_MAX + 1), 0);
	assert_int_equal(live_read_file(fileno(f), &text), -ERR_LIMIT);
	dynbuf_free(&text);
	fclose(f);
}

static void paths_begin_at_the_folder_of_the_file_that_names_them(void **state)
{
	static const struct {
		const char *beside, *path, *expected;
	} rows[] = {
	    {"/etc/bulkhead/bulkhead.yaml", "site.yaml", "/etc/bulkhead/site.yaml"},
	    {"/etc/bulkhead/bulkhead.yaml", "/srv/site.yaml", "/srv/site.yaml"},
	    {"bulkhead.yaml", "site.yaml", "site.yaml"},
	    {"a/bulkhead.yaml", "../site.yaml", "a/../site.yaml"},
	    {"/bulkhead.yaml", "x", "/x"},
	};
	char buf[64];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(live_path(rows[i].beside, rows[i].path, buf, sizeof(buf)), 0);
		assert_string_equal(buf, rows[i].expected);
	}
	assert_int_equal(live_path("/etc/x", "abc", buf, 9), 0);
	assert_int_equal(live_path("/etc/x", "abc", buf, 8), -ENAMETOOLONG);
}

static void no_line(void *context, const char *line)
{
	(void)context;
	fail_msg("%s", line);
}

static bool passes(const struct live_rules *r, const char *prefix, uint8_t protocol, uint16_t port)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(prefix), &p), 0);
	for (size_t i = 0; i < r->n_passes; i++)
		if (net_prefix_contains(r->passes[i].prefix, p.addr) && r->passes[i].prefix.bits == p.bits &&
		    r->passes[i].protocol == protocol && r->passes[i].port == port)
			return true;
	return false;
}

static void both_files_and_the_control_path_make_the_rules(void **state)
{
	static const char site_yaml[] =
	    "version: 1\nname: t\nzones:\n  - {name: in, class: internal, prefixes: [10.0.0.0/8]}\n"
	    "never_cut: [10.0.0.1/32]\n";
	static const char yaml[] =
	    "version: 1\nenforcers: [{name: gw, backend: nftables}]\nguardrails:\n"
	    "  never_cut: [10.0.0.2/32]\n  control: [10.0.0.3/32]\n"
	    "  pass: [{protocol: udp, port: 53}]\n  most_cuts: 7\n  longest_lease: 2h\n"
	    "  most_orders_a_minute: 5\n  widest_prefix: {ipv4: 20, ipv6: 50}\n";
	struct site *site;
	struct daemon_conf *conf;
	struct live_rules r;
	(void)state;
	assert_int_equal(site_parse(&site, "s", text_of(site_yaml), no_line, NULL), 0);
	assert_int_equal(daemon_conf_parse(&conf, "d", text_of(yaml), NULL, no_line, NULL), 0);
	assert_int_equal(live_rules_make(&r, conf, site), 0);
	/* they outlive what they were made of */
	daemon_conf_free(conf);
	site_free(site);
	static const struct {
		const char *from;
		enum guardrail rule;
	} rows[] = {{"10.0.0.1/32", GUARDRAIL_NEVER_CUT}, {"10.0.0.2/32", GUARDRAIL_NEVER_CUT},
	    {"10.0.0.3/32", GUARDRAIL_CONTROL_PATH}, {"10.0.0.4/32", GUARDRAIL_NONE},
	    {"10.16.0.0/20", GUARDRAIL_NONE}, {"10.16.0.0/19", GUARDRAIL_WIDEST_PREFIX}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cut c = {.direction = CUT_BOTH};
		assert_int_equal(net_prefix_parse(text_of(rows[i].from), &c.from), 0);
		assert_int_equal(guardrail_of_cut(&r.guardrails, &c), rows[i].rule);
	}
	assert_int_equal(r.guardrails.most_cuts, 7);
	assert_int_equal(r.guardrails.most_orders_a_minute, 5);
	assert_true(r.guardrails.longest_lease_ns == INT64_C(7200000000000));
	assert_int_equal(r.n_passes, 4);
	assert_true(passes(&r, "10.0.0.1/32", 0, 0));
	assert_true(passes(&r, "10.0.0.2/32", 0, 0));
	assert_true(passes(&r, "10.0.0.3/32", 0, 0));
	live_rules_free(&r);
	live_rules_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sealed_copy_can_be_read_again_and_never_changed),
	    cmocka_unit_test(what_is_longer_than_any_file_of_ours_is_refused),
	    cmocka_unit_test(paths_begin_at_the_folder_of_the_file_that_names_them),
	    cmocka_unit_test(both_files_and_the_control_path_make_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
