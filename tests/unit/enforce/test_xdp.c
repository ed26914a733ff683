/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The XDP backend on a pair of virtual interfaces: what comes through, how long, and what survives. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <time.h>

#include "base/err.h"
#include "xdp_bed.h"

#define MS       INT64_C(1000000)
#define FOREVER  (xdp_now() + 3600000 * MS)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct backend *backend;
static int in, out; /* sockets: what comes in at near, what is sent from far */
static char why[XDP_WHY_SIZE];

static int reopen_with(bool generic, const struct backend_pass *passes, size_t n)
{
	static const char *const names[] = {"near"};
	if (backend)
		backend->ops->close(backend);
	backend = NULL;
	return xdp_open(&(struct xdp_config){.interfaces = names,
	                    .n_interfaces = 1,
	                    .passes = passes,
	                    .n_passes = n,
	                    .pins = bed_pins,
	                    .generic = generic},
	    &backend, why);
}

static void reopen(void)
{
	if (reopen_with(false, NULL, 0) != 0)
		fail_msg("%s", why);
}

static void act(enum backend_act what, struct cut c, int64_t until, bool fail_closed)
{
	struct backend_step step = {.cut = c, .until = until, .act = what, .fail_closed = fail_closed};
	assert_int_equal(backend->ops->change(backend, &step, 1, NULL), 0);
}

static void put(struct cut c, int64_t until)
{
	act(BACKEND_ADD, c, until, true);
}

static void take(struct cut c)
{
	act(BACKEND_REMOVE, c, 0, false);
}

static struct backend_element *read_back(size_t *ret_n, bool *ret_intact)
{
	struct backend_element *v = NULL;
	int more = backend->ops->read_begin(backend);
	assert_int_equal(more, 0);
	do
		more = backend->ops->read_more(backend, &v, ret_n, ret_intact);
	while (more == 1);
	assert_int_equal(more, 0);
	return v;
}

static bool is_intact(void)
{
	size_t n;
	bool intact;
	free(read_back(&n, &intact));
	return intact;
}

/* What stands of that cut; until is 0 where nothing does. */
static struct backend_element standing_of(struct cut c)
{
	size_t n;
	bool intact;
	struct backend_element *v = read_back(&n, &intact), found = {0};
	for (size_t i = 0; i < n; i++)
		if (cut_compare(&v[i].cut, &c) == 0)
			found = v[i];
	free(v);
	return found;
}

static bool comes(const char *from, const char *to)
{
	return bed_comes_through(
	    out, in, &(struct bed_frame){.from = from, .to = to, .protocol = IPPROTO_UDP, .to_port = 9});
}

static void wait_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static int begin(void **unused)
{
	(void)unused;
	reopen();
	return 0;
}

static int clean(void **unused)
{
	(void)unused;
	if (!backend)
		reopen();
	assert_int_equal(backend->ops->clear(backend), 0);
	backend->ops->close(backend);
	backend = NULL;
	return 0;
}

static void test_drops_in_both_directions_and_families(void **unused)
{
	(void)unused;
	for (int generic = 0; generic < 2; generic++) {
		assert_int_equal(reopen_with(generic, NULL, 0), 0);
		assert_int_equal(xdp_mode(backend, 0), generic ? XDP_MODE_GENERIC : XDP_MODE_NATIVE);
		assert_true(comes("10.0.0.7", "203.0.113.9"));
		put(bed_cut("", "203.0.113.9"), FOREVER);
		put(bed_cut("2001:db8::/64", ""), FOREVER);
		assert_false(comes("10.0.0.7", "203.0.113.9"));
		assert_false(comes("203.0.113.9", "10.0.0.7"));
		assert_true(comes("10.0.0.7", "203.0.113.8"));
		assert_false(comes("fd00::1", "2001:db8::5"));
		assert_false(comes("2001:db8::5", "fd00::1"));
		assert_true(comes("2001:db8:0:1::5", "fd00::1"));
		struct bed_frame tagged = {
		    .from = "10.0.0.7", .to = "203.0.113.9", .protocol = IPPROTO_UDP, .tags = 2};
		assert_false(bed_comes_through(out, in, &tagged));
		take(bed_cut("", "203.0.113.9"));
		assert_true(comes("10.0.0.7", "203.0.113.9"));
		assert_true(bed_comes_through(out, in, &tagged));
		assert_int_equal(backend->ops->clear(backend), 0);
		assert_true(comes("fd00::1", "2001:db8::5"));
	}
}

static void test_the_lease_ends_what_fails_open(void **unused)
{
	(void)unused;
	act(BACKEND_ADD, bed_cut("10.0.0.7", ""), FOREVER, false);
	act(BACKEND_ADD, bed_cut("10.0.0.8", ""), FOREVER, true);
	assert_true(comes("10.0.0.7", "10.1.1.1"));
	assert_int_equal(backend->ops->lease(backend, xdp_now() + 400 * MS), 0);
	assert_false(comes("10.0.0.7", "10.1.1.1"));
	assert_false(comes("10.0.0.8", "10.1.1.1"));
	wait_ms(450);
	assert_true(comes("10.0.0.7", "10.1.1.1"));
	assert_false(comes("10.0.0.8", "10.1.1.1"));
	/* renewed, and then told to fail closed */
	assert_int_equal(backend->ops->lease(backend, xdp_now() + 400 * MS), 0);
	assert_false(comes("10.0.0.7", "10.1.1.1"));
	act(BACKEND_RENEW, bed_cut("10.0.0.7", ""), FOREVER, true);
	assert_true(standing_of(bed_cut("10.0.0.7", "")).fail_closed);
	wait_ms(450);
	assert_false(comes("10.0.0.7", "10.1.1.1"));
}

static void test_an_element_ends_by_itself(void **unused)
{
	struct cut c = bed_cut("", "198.51.100.0/24");
	int64_t until = xdp_now() + 300 * MS;
	(void)unused;
	put(c, until);
	assert_false(comes("10.0.0.7", "198.51.100.1"));
	assert_int_equal(standing_of(c).until, until);
	wait_ms(350);
	assert_true(comes("10.0.0.7", "198.51.100.1"));
	assert_int_equal(standing_of(c).until, 0);
	/* what is over is swept, and nothing is waited for then */
	assert_true(backend->ops->deadline(backend) <= xdp_now() + 1000 * MS);
	int64_t later = backend->ops->deadline(backend);
	assert_int_equal(backend->ops->tick(backend, later), 0);
	assert_int_equal(((struct xdp *)backend)->model.n, 0);
	assert_int_equal(backend->ops->deadline(backend), INT64_MAX);
	/* and is put again as if it never was */
	put(c, FOREVER);
	assert_false(comes("10.0.0.7", "198.51.100.1"));
}

static void test_a_longer_prefix_hides_no_shorter_one(void **unused)
{
	struct cut wide = bed_cut("", "203.0.113.0/24"), narrow = bed_cut("", "203.0.113.9"),
	           other = bed_cut("203.0.113.9", "");
	(void)unused;
	put(wide, FOREVER);
	put(narrow, xdp_now() + 300 * MS);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	assert_int_equal(standing_of(narrow).packets, 1);
	wait_ms(350);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	assert_int_equal(standing_of(wide).packets, 1);
	take(narrow);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	/* the longer one first, and both forms of it */
	take(wide);
	assert_true(comes("10.0.0.7", "203.0.113.9"));
	put(narrow, FOREVER);
	put(other, FOREVER);
	put(bed_cut("", "203.0.0.0/16"), FOREVER);
	put(wide, FOREVER);
	take(narrow);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	take(other);
	take(wide);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	assert_false(comes("10.0.0.7", "203.0.200.9"));
	take(bed_cut("", "203.0.0.0/16"));
	assert_true(comes("10.0.0.7", "203.0.113.9"));
}

static void test_counts_are_exact(void **unused)
{
	struct bed_frame f = {
	    .from = "10.0.0.7", .to = "203.0.113.9", .protocol = IPPROTO_UDP, .payload = 100};
	(void)unused;
	put(bed_cut("", "203.0.113.9"), FOREVER);
	for (int i = 0; i < 1000; i++)
		assert_false(bed_comes_through(out, in, &f));
	struct backend_element e = standing_of(bed_cut("", "203.0.113.9"));
	assert_int_equal(e.packets, 1000);
	assert_int_equal(e.bytes, 1000 * (14 + 20 + 8 + 100));
	/* a renewal keeps the count */
	act(BACKEND_RENEW, bed_cut("", "203.0.113.9"), FOREVER, false);
	assert_int_equal(standing_of(bed_cut("", "203.0.113.9")).packets, 1000);
}

static void test_what_stands_is_taken_over(void **unused)
{
	struct cut stays = bed_cut("", "203.0.113.9"), ends = bed_cut("", "203.0.113.10"),
	           open = bed_cut("10.0.0.7", "");
	int64_t until = FOREVER;
	(void)unused;
	put(stays, until);
	put(ends, xdp_now() + 200 * MS);
	act(BACKEND_ADD, open, until, false);
	assert_int_equal(backend->ops->lease(backend, FOREVER), 0);
	assert_false(comes("10.0.0.9", "203.0.113.9"));
	backend->ops->close(backend);
	backend = NULL;
	assert_false(comes("10.0.0.9", "203.0.113.9"));
	wait_ms(250);
	reopen();
	assert_string_equal(why, "");
	assert_true(is_intact());
	assert_int_equal(standing_of(stays).until, until);
	assert_int_equal(standing_of(stays).packets, 2);
	assert_false(standing_of(open).fail_closed);
	assert_int_equal(standing_of(ends).until, 0);
	assert_false(comes("10.0.0.7", "203.0.113.1"));
	take(stays);
	assert_true(comes("10.0.0.9", "203.0.113.9"));
	/* other passes come with the next one */
	struct backend_pass pass = {.prefix = bed_prefix("203.0.113.1")};
	assert_int_equal(reopen_with(false, &pass, 1), 0);
	assert_true(comes("10.0.0.7", "203.0.113.1"));
	assert_false(comes("10.0.0.7", "203.0.113.2"));
	reopen();
	assert_false(comes("10.0.0.7", "203.0.113.1"));
}

static void test_a_restart_leaves_no_gap(void **unused)
{
	struct bed_bytes bytes, mark;
	(void)unused;
	put(bed_cut("", "203.0.113.9"), FOREVER);
	bed_build(
	    &(struct bed_frame){.from = "10.0.0.7", .to = "203.0.113.9", .protocol = IPPROTO_UDP}, &bytes);
	bed_build(&(struct bed_frame){.type = BED_MARK}, &mark);
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		/* the lock is held as long as anybody has it open */
		close(((struct xdp *)backend)->folder);
		(void)!write(ready[1], "", 1);
		for (int64_t end = xdp_now() + 20000 * MS; xdp_now() < end;)
			(void)!send(out, bytes.p, bytes.n, 0);
		_exit(0);
	}
	uint8_t first[BED_FRAME_MAX];
	assert_int_equal(read(ready[0], first, 1), 1);
	close(ready[0]);
	close(ready[1]);
	for (int i = 0; i < 20; i++)
		reopen();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* the flood may have left no room for it */
	struct pollfd wait = {.fd = in, .events = POLLIN};
	int came = 0;
	for (int i = 0; i < 50 && came == 0; i++) {
		assert_int_equal(send(out, mark.p, mark.n, 0), mark.n);
		came = poll(&wait, 1, 100);
	}
	assert_int_equal(came, 1);
	assert_int_equal(recv(in, first, sizeof(first), 0), (ssize_t)mark.n);
	assert_int_equal(load_be16(first + 12), BED_MARK);
	assert_true(standing_of(bed_cut("", "203.0.113.9")).packets > 0);
}

static void test_only_one_holds_it(void **unused)
{
	static const char *const names[] = {"near"};
	struct backend *second;
	(void)unused;
	assert_int_equal(
	    xdp_open(
	        &(struct xdp_config){.interfaces = names, .n_interfaces = 1, .pins = bed_pins}, &second, why),
	    -EBUSY);
	assert_non_null(strstr(why, "another process holds it"));
}

static void test_a_change_is_whole_or_nothing(void **unused)
{
	struct backend_step steps[4] = {
	    {.cut = bed_cut("", "203.0.113.1"), .until = FOREVER, .fail_closed = true},
	    {.cut = bed_cut("", "203.0.113.2"), .until = FOREVER, .fail_closed = true},
	    {.cut = bed_cut("10.0.0.1", "203.0.113.3"), .until = FOREVER},
	    {.cut = bed_cut("", "203.0.113.4"), .until = FOREVER}};
	size_t at = 99;
	(void)unused;
	assert_non_null(backend->ops->cannot(backend, &steps[2].cut, false));
	assert_null(backend->ops->cannot(backend, &steps[3].cut, true));
	struct cut one_way = {.from = bed_prefix("10.0.0.1"), .direction = CUT_FROM_ONLY}, none = {0};
	assert_non_null(backend->ops->cannot(backend, &one_way, false));
	assert_non_null(backend->ops->cannot(backend, &none, false));
	assert_int_equal(backend->ops->change(backend, steps, 4, &at), -EOPNOTSUPP);
	assert_int_equal(at, 2);
	assert_true(comes("10.0.0.7", "203.0.113.1"));
	/* what is there is added, what isn't is removed, and of two words on one cut the last holds */
	steps[2] = steps[0];
	steps[3] = (struct backend_step){.cut = bed_cut("", "203.0.113.2"), .act = BACKEND_REMOVE};
	assert_int_equal(backend->ops->change(backend, steps, 4, &at), 0);
	assert_int_equal(backend->ops->change(backend, steps, 4, &at), 0);
	assert_false(comes("10.0.0.7", "203.0.113.1"));
	assert_true(comes("10.0.0.7", "203.0.113.2"));
}

static void test_a_detached_program_is_found_and_put_back(void **unused)
{
	char path[XDP_PATH_SIZE];
	(void)unused;
	put(bed_cut("", "203.0.113.9"), FOREVER);
	assert_true(is_intact());
	snprintf(path, sizeof(path), "%s/link%u", bed_pins, if_nametoindex("near"));
	int link = bpf_obj_get(path);
	assert_int_equal(bpf_link_detach(link), 0);
	close(link);
	assert_true(comes("10.0.0.7", "203.0.113.9"));
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(is_intact());
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	/* a pin that is gone is drift too: what is pinned is what survives us */
	assert_int_equal(unlink(path), 0);
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(is_intact());
	snprintf(path, sizeof(path), "%s/elements", bed_pins);
	assert_int_equal(unlink(path), 0);
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(is_intact());
	reopen();
	assert_string_equal(why, "");
	assert_false(comes("10.0.0.7", "203.0.113.9"));
}

static void test_an_interface_that_comes_back_is_taken_again(void **unused)
{
	(void)unused;
	put(bed_cut("", "203.0.113.9"), FOREVER);
	close(in);
	close(out);
	assert_int_equal(BED_RUN("ip", "link", "del", "near"), 0);
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), -ENODEV);
	assert_int_equal(bed_add_pair("near", "far"), 0);
	in = bed_socket("near");
	out = bed_socket("far");
	assert_true(comes("10.0.0.7", "203.0.113.9"));
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(is_intact());
	assert_false(comes("10.0.0.7", "203.0.113.9"));
}

static void test_what_others_do_to_the_maps_is_found(void **unused)
{
	struct xdp *x = (struct xdp *)backend;
	struct cut c = bed_cut("", "203.0.113.9");
	uint8_t key[4] = {203, 0, 113, 9};
	uint32_t slot;
	(void)unused;
	put(c, FOREVER);
	assert_int_equal(bpf_map_lookup_elem(x->ways[XDP_WAY_HOSTS4], key, &slot), 0);
	/* an entry that is gone isn't read back, and an ADD puts it there */
	assert_int_equal(bpf_map_delete_elem(x->ways[XDP_WAY_HOSTS4], key), 0);
	assert_int_equal(standing_of(c).until, 0);
	assert_true(comes("10.0.0.7", "203.0.113.9"));
	put(c, FOREVER);
	assert_true(standing_of(c).until > 0);
	assert_false(comes("10.0.0.7", "203.0.113.9"));
	/* an entry that nobody ordered */
	key[3] = 10;
	assert_int_equal(bpf_map_update_elem(x->ways[XDP_WAY_HOSTS4], key, &slot, BPF_ANY), 0);
	assert_false(comes("10.0.0.7", "203.0.113.10"));
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(comes("10.0.0.7", "203.0.113.10"));
	assert_true(is_intact());
	/* an element that says something else */
	x->elements[slot].addr[15] ^= 1;
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	x->elements[slot].next = slot;
	assert_false(is_intact());
	assert_int_equal(backend->ops->repair(backend), 0);
	assert_true(is_intact());
	assert_true(standing_of(c).until > 0);
}

static void test_somebody_elses_program_stays(void **unused)
{
	static const char *const names[] = {"other"};
	static const struct bpf_insn pass[] = {{.code = 0xb7, .imm = XDP_PASS}, {.code = 0x95}};
	struct backend *second;
	char pins[128];
	(void)unused;
	assert_int_equal(bed_add_pair("other", "peer"), 0);
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "other", "GPL", pass, 2, NULL);
	assert_true(program >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("other"), program, 0, NULL), 0);
	snprintf(pins, sizeof(pins), "%s/second", bed_folder);
	assert_int_equal(xdp_open(&(struct xdp_config){.interfaces = names, .n_interfaces = 1, .pins = pins},
	                     &second, why),
	    -EBUSY);
	assert_non_null(strstr(why, "somebody else"));
	close(program);
	assert_int_equal(BED_RUN("ip", "link", "del", "other"), 0);
	/* and what isn't a place for pins is said */
	assert_int_equal(
	    xdp_open(
	        &(struct xdp_config){.interfaces = names, .n_interfaces = 1, .pins = "/tmp"}, &second, why),
	    -EINVAL);
	assert_non_null(strstr(why, "mount -t bpf"));
}

static void test_clear_takes_everything_away(void **unused)
{
	(void)unused;
	put(bed_cut("", "203.0.113.9"), FOREVER);
	assert_int_equal(backend->ops->clear(backend), 0);
	assert_true(comes("10.0.0.7", "203.0.113.9"));
	/* a folder of a BPF file system goes only when it is empty */
	assert_int_equal(rmdir(bed_pins), 0);
	backend->ops->close(backend);
	backend = NULL;
}

int main(void)
{
#define ON_A_NEW_ONE(test) cmocka_unit_test_setup_teardown(test, begin, clean)
	const struct CMUnitTest tests[] = {
	    ON_A_NEW_ONE(test_drops_in_both_directions_and_families),
	    ON_A_NEW_ONE(test_the_lease_ends_what_fails_open),
	    ON_A_NEW_ONE(test_an_element_ends_by_itself),
	    ON_A_NEW_ONE(test_a_longer_prefix_hides_no_shorter_one),
	    ON_A_NEW_ONE(test_counts_are_exact),
	    ON_A_NEW_ONE(test_what_stands_is_taken_over),
	    ON_A_NEW_ONE(test_a_restart_leaves_no_gap),
	    ON_A_NEW_ONE(test_only_one_holds_it),
	    ON_A_NEW_ONE(test_a_change_is_whole_or_nothing),
	    ON_A_NEW_ONE(test_a_detached_program_is_found_and_put_back),
	    ON_A_NEW_ONE(test_an_interface_that_comes_back_is_taken_again),
	    ON_A_NEW_ONE(test_what_others_do_to_the_maps_is_found),
	    ON_A_NEW_ONE(test_somebody_elses_program_stays),
	    ON_A_NEW_ONE(test_clear_takes_everything_away),
	};
	int r = bed_make();
	if (r)
		return r;
	in = bed_socket("near");
	out = bed_socket("far");
	r = reopen_with(false, NULL, 0);
	if (r == 0)
		r = cmocka_run_group_tests(tests, NULL, NULL);
	else
		printf("no XDP: %s\n", why);
	bed_end();
	return r == -EPERM || r == -ENOTSUP ? 77 : r != 0;
}
