/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The enforcer's own backends, opened before the fence and used behind it, as its process does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "enforce/bgp.h"
#include "enforce/netfilter.h"
#include "enforce/xdp.h"
#include "inside.h"

static struct world world;
static struct backend *backend;
static bool steers; /* it has a far side that isn't there: what it says of that is no failure */

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool failed(const char *what, int r)
{
	if (r >= 0 || steers)
		return false;
	fprintf(stderr, "%s: %s: %d\n", backend->ops->name, what, r);
	return true;
}

static int read_all(size_t *ret_n, bool *ret_intact)
{
	struct backend_element *elements = NULL;
	int r = backend->ops->read_begin(backend);
	for (int i = 0; r >= 0 && i < 1000; i++) {
		r = backend->ops->read_more(backend, &elements, ret_n, ret_intact);
		if (r == 0)
			free(elements);
		if (r <= 0)
			return r;
	}
	return r < 0 ? r : -1;
}

/* A cut put, read back, its connections ended, renewed, repaired around, taken away. */
static int act_cut(const struct world *w)
{
	struct backend_step step = {.act = BACKEND_ADD, .until = now() + 60 * INT64_C(1000000000)};
	size_t n = 0, at, ended;
	bool intact = false, foreign;
	(void)w;
	if (net_prefix_parse(text_of("198.51.100.7/32"), &step.cut.from) < 0)
		return 1;
	if (failed("lease", backend->ops->lease(backend, now() + 30 * INT64_C(1000000000))) ||
	    failed("add", backend->ops->change(backend, &step, 1, &at)) ||
	    failed("read", read_all(&n, &intact)))
		return 1;
	if (!steers && (n != 1 || !intact)) {
		fprintf(stderr, "%s: %zu elements, intact %d\n", backend->ops->name, n, intact);
		return 1;
	}
	step.act = BACKEND_REMOVE;
	if ((backend->ops->end_connections &&
	        failed("connections", backend->ops->end_connections(backend, &step.cut, 1, &ended))) ||
	    failed("events", backend->ops->events(backend, &foreign)) ||
	    failed("tick", backend->ops->tick(backend, now())) ||
	    failed("repair", backend->ops->repair(backend)) ||
	    failed("remove", backend->ops->change(backend, &step, 1, &at)) ||
	    failed("read again", read_all(&n, &intact)))
		return 1;
	return !steers && (n != 0 || !intact);
}

static void run(unsigned option, const struct sandbox_path *path, uint16_t port)
{
	for (unsigned level = 0; level < SANDBOX_LEVELS; level++) {
		struct inside in;
		inside_of(&in, &world, SANDBOX_ENFORCER, (enum sandbox_level)level);
		in.request.options = option;
		in.request.keep_fds = true;
		in.ports[0] = port;
		if (path)
			in.paths[in.request.n_paths++] = *path;
		enum outcome got = inside_try(&in, &world, act_cut, NULL);
		if (got != LET_THROUGH)
			fail_msg("%s at level %s: outcome %c", backend->ops->name,
			    sandbox_level_name((enum sandbox_level)level), (char)got);
	}
	backend->ops->close(backend);
}

static void test_nftables_carries_on(void **state)
{
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED};
	(void)state;
	steers = false;
	assert_int_equal(netfilter_open(&config, &backend), 0);
	run(SANDBOX_NETFILTER, NULL, world.port);
}

/* The folder of the pins and the pins become the user's. */
static bool give_away(const char *path)
{
	DIR *folder = opendir(path);
	bool given = folder && chown(path, NOBODY, NOBODY) == 0;
	for (const struct dirent *e; given && (e = readdir(folder));)
		if (e->d_name[0] != '.')
			given = fchownat(dirfd(folder), e->d_name, NOBODY, NOBODY, 0) == 0;
	if (folder)
		closedir(folder);
	return given;
}

static void test_xdp_carries_on(void **state)
{
	const char *const interfaces[] = {"lo"};
	char why[XDP_WHY_SIZE], pins[PATH + 16];
	struct xdp_config config = {
	    .interfaces = interfaces, .n_interfaces = 1, .pins = pins, .generic = true};
	(void)state;
	steers = false;
	if (mount("bpf", world.outside, "bpf", 0, "mode=0755") < 0) {
		print_message("no BPF file system to be had\n");
		skip();
	}
	snprintf(pins, sizeof(pins), "%s/bulkhead", world.outside);
	int r = xdp_open(&config, &backend, why);
	if (r < 0) {
		print_message("XDP: %s\n", why);
		umount(world.outside);
		skip();
	}
	const struct sandbox_path path = {pins, SANDBOX_WRITE, false};
	assert_true(give_away(pins));
	run(SANDBOX_XDP, &path, world.port);
	umount2(world.outside, MNT_DETACH);
}

/* A router that takes the connection and says nothing. */
static void test_bgp_carries_on(void **state)
{
	char why[BGP_WHY_SIZE];
	struct bgp_config config = {
	    .port = world.port, .local_as = 64512, .peer_as = 64513, .hold_ns = 9 * INT64_C(1000000000)};
	(void)state;
	steers = true;
	assert_int_equal(net_addr_parse(text_of("127.0.0.1"), &config.peer), 0);
	assert_int_equal(net_addr_parse(text_of("127.0.0.1"), &config.local), 0);
	assert_int_equal(net_addr_parse(text_of("192.0.2.1"), &config.router_id), 0);
	assert_int_equal(bgp_open(&config, &backend, why), 0);
	run(SANDBOX_BGP, NULL, world.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nftables_carries_on),
	    cmocka_unit_test(test_xdp_carries_on),
	    cmocka_unit_test(test_bgp_carries_on),
	};
	if (geteuid() != 0) {
		print_message("not root, as who opens them is: not tested\n");
		return 77;
	}
	if (!world_make(&world) || !world.root) {
		fprintf(stderr, "the world around can't be made\n");
		return 1;
	}
	int failures = cmocka_run_group_tests(tests, NULL, NULL);
	world_free(&world);
	return failures;
}
