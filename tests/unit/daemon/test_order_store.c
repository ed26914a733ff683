/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where orders survive: restarts, reboots, kills, full disks and damage. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "contain/orders.h"
#include "daemon/order_store.h"

enum { KILLS = 200 };

static char folder[64], path[96];

static const struct order_store_clock first_boot = {.boot = "11111111-1111-1111-1111-111111111111",
    .boottime = 100 * NS_PER_S,
    .realtime = 1000000 * NS_PER_S};

static int make_folder(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof(folder), "/tmp/order-store-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/orders.db", folder);
	return 0;
}

static int remove_folder(void **unused)
{
	static const char *const names[] = {"orders.db", "orders.db-wal", "orders.db-shm",
	    "orders.db-journal", "orders.db.new", "orders.db.damaged", "orders.db.damaged-wal",
	    "orders.db.damaged.2", "orders.db.damaged.2-wal"};
	char name[128];
	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		(void)unlink(name);
	}
	return rmdir(folder);
}

static struct order_store_clock later(struct order_store_clock c, int64_t boottime_s, int64_t realtime_s)
{
	c.boottime += boottime_s * NS_PER_S;
	c.realtime += realtime_s * NS_PER_S;
	return c;
}

static struct order_store_clock rebooted(int64_t boottime_s, int64_t realtime_s)
{
	struct order_store_clock c = {.boot = "22222222-2222-2222-2222-222222222222",
	    .boottime = boottime_s * NS_PER_S,
	    .realtime = first_boot.realtime + realtime_s * NS_PER_S};
	return c;
}

static struct order_store *opened(const struct order_store_clock *now)
{
	struct order_store *s = NULL;
	char why[ORDER_STORE_WHY_SIZE] = "";
	int r = order_store_open(&s, path, now, why);
	if (r < 0)
		print_message("%s\n", why);
	assert_int_equal(r, 0);
	return s;
}

static const struct cut cuts[] = {
    {.from = {.addr = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}}, .bits = 128}},
    {.from = {.addr = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 2}}, .bits = 128}, .direction = CUT_FROM_ONLY},
};

/* Approved at 100 s and applied at 101 s for an hour, to be confirmed in ten minutes. */
static struct order applied(uint64_t id)
{
	return (struct order){.id = id,
	    .state = ORDER_APPLIED,
	    .check = ORDER_LEAKING,
	    .proposed = {.time = 90 * NS_PER_S, .who = "engine"},
	    .approved = {{.time = 95 * NS_PER_S, .who = "ada"}, {.time = 100 * NS_PER_S, .who = "bob"}},
	    .approvals = 2,
	    .fail_closed = true,
	    .approve_ns = 7,
	    .confirm_ns = 600 * NS_PER_S,
	    .lease_ns = 3600 * NS_PER_S,
	    .approved_at = 100 * NS_PER_S,
	    .applied_at = 101 * NS_PER_S,
	    .generation = 17,
	    .why = "flow 17",
	    .cuts = cuts,
	    .n_cuts = 2};
}

struct loaded {
	size_t n;
	uint64_t ids; /* their sum */
	struct order last;
	struct cut cuts[2];
	char what[ORDER_STORE_WHAT_SIZE];
};

static int take(void *context, const struct order *o, const char *what)
{
	struct loaded *l = context;
	l->n++;
	l->ids += o->id;
	l->last = *o;
	memcpy(l->cuts, o->cuts, (o->n_cuts < 2 ? o->n_cuts : 2) * sizeof(l->cuts[0]));
	snprintf(l->what, sizeof(l->what), "%s", what);
	return 0;
}

static struct loaded load(struct order_store *s)
{
	struct loaded l = {.n = 0};
	assert_int_equal(order_store_load(s, take, &l), 0);
	return l;
}

static void test_what_was_put_comes_back_as_it_was(void **unused)
{
	const struct order_store_act act = {.what = "approve", .who = "bob", .why = "it beacons"};
	struct order_store_clock now = later(first_boot, 5, 5);
	struct order o = applied(3);
	struct order_store *s = opened(&first_boot);
	(void)unused;
	assert_int_equal(order_store_next_id(s), 1);
	assert_int_equal(order_store_generation(s), 0);
	assert_int_equal(order_store_put(s, &now, &o, "plan surgical of incident 4", &act), 0);
	assert_int_equal(order_store_put_generation(s, &now, 17), 0);
	order_store_close(s);
	now = later(now, 60, -3600); /* the wall clock was set: nothing moves */
	s = opened(&now);
	struct loaded l = load(s);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.what, "plan surgical of incident 4");
	assert_memory_equal(l.cuts, cuts, sizeof(cuts));
	assert_int_equal(order_wanted_until(&l.last), order_wanted_until(&o));
	l.last.cuts = o.cuts;
	assert_int_equal(l.last.n_cuts, 2);
	assert_int_equal(l.last.id, o.id);
	assert_int_equal(l.last.state, o.state);
	assert_int_equal(l.last.check, o.check);
	assert_int_equal(l.last.approvals, 2);
	assert_true(l.last.fail_closed);
	assert_int_equal(l.last.approve_ns, o.approve_ns);
	assert_int_equal(l.last.lease_ns, o.lease_ns);
	assert_int_equal(l.last.generation, 17);
	assert_int_equal(l.last.proposed.time, o.proposed.time);
	assert_string_equal(l.last.approved[0].who, "ada");
	assert_string_equal(l.last.approved[1].who, "bob");
	assert_int_equal(l.last.confirmed.time, 0);
	assert_string_equal(l.last.why, "flow 17");
	assert_int_equal(order_store_next_id(s), 4);
	assert_int_equal(order_store_generation(s), 17);
	order_store_close(s);
}

static int take_act(void *context, int64_t realtime, const struct order_store_act *act)
{
	char *text = context;
	size_t used = strlen(text);
	snprintf(text + used, 200 - used, "%lld %s %s %s; ", (long long)(realtime / NS_PER_S), act->what,
	    act->who, act->why);
	return 0;
}

static void test_ended_orders_and_acts_are_history(void **unused)
{
	const struct order_store_act propose = {.what = "propose", .who = "engine"};
	const struct order_store_act release = {.what = "release", .who = "ada", .why = "clean"};
	struct order_store_clock now = later(first_boot, 1, 1);
	struct order_store *s = opened(&first_boot);
	char text[200] = "";
	(void)unused;
	for (uint64_t id = 1; id <= 4; id++) {
		struct order o = applied(id);
		assert_int_equal(order_store_put(s, &first_boot, &o, "it", &propose), 0);
		o.state = id % 2 ? ORDER_ENDED : o.state;
		o.ends = id % 2 ? ORDER_RELEASED : ORDER_STANDS;
		assert_int_equal(order_store_put(s, &now, &o, NULL, &release), 0);
	}
	assert_int_equal(load(s).ids, 2 + 4);
	struct loaded l = {.n = 0};
	assert_int_equal(order_store_ended(s, UINT64_MAX, 1, take, &l), 0);
	assert_int_equal(l.last.id, 3);
	assert_string_equal(l.what, "it");
	assert_int_equal(order_store_ended(s, 3, 10, take, &l), 0);
	assert_int_equal(l.last.id, 1);
	assert_int_equal(order_store_find(s, 1, take, &l), 0);
	assert_string_equal(order_state_name(&l.last), "released");
	assert_int_equal(order_store_find(s, 5, take, &l), -ENOENT);
	assert_int_equal(order_store_acts(s, 1, take_act, text), 0);
	assert_string_equal(text, "1000000 propose engine ; 1000001 release ada clean; ");
	order_store_close(s);
}

static int count_act(void *context, int64_t realtime, const struct order_store_act *act)
{
	size_t *n = context;
	(void)realtime;
	(void)act;
	(*n)++;
	return 0;
}

/* Orders `from` to `to`; each ended so many seconds after the first boot's as its number says. */
static void put_ended(struct order_store *s, uint64_t from, uint64_t to)
{
	const struct order_store_act act = {.what = "release", .who = "ada", .why = "over"};
	for (uint64_t id = from; id <= to; id++) {
		struct order o = applied(id);
		o.state = ORDER_ENDED;
		o.ends = ORDER_RELEASED;
		o.ended_at = first_boot.boottime + (int64_t)id * NS_PER_S;
		assert_int_equal(order_store_put(s, &first_boot, &o, "indicator", &act), 0);
	}
}

static uint64_t first_ended(struct order_store *s, size_t *ret_n)
{
	struct loaded l = {.n = 0};
	assert_int_equal(order_store_ended(s, UINT64_MAX, 1000, take, &l), 0);
	*ret_n = l.n;
	return l.last.id; /* the last that was read: they come the latest first */
}

static size_t forgotten(
    struct order_store *s, const struct order_store_clock *now, int64_t keep_s, size_t most, size_t at_once)
{
	size_t n = 99;
	assert_int_equal(order_store_forget(s, now, keep_s * NS_PER_S, most, at_once, &n), 0);
	return n;
}

static void test_what_ended_long_ago_is_forgotten_with_its_acts(void **unused)
{
	struct order_store_clock now = later(first_boot, 100, 100);
	struct order stands = applied(11);
	size_t n, acts = 0;
	(void)unused;
	struct order_store *s = opened(&first_boot);
	put_ended(s, 1, 10);
	assert_int_equal(order_store_put(s, &first_boot, &stands, "old and standing", NULL), 0);
	put_ended(s, 12, 20);
	/* at a hundred seconds those of 1 to 4 ended more than 95 s ago, that of 5 just so long */
	assert_int_equal(forgotten(s, &now, 100, SIZE_MAX, 64), 0);
	assert_int_equal(forgotten(s, &now, 95, SIZE_MAX, 64), 5);
	assert_int_equal(first_ended(s, &n), 6);
	assert_int_equal(n, 14);
	assert_int_equal(order_store_find(s, 5, take, &(struct loaded){.n = 0}), -ENOENT);
	assert_int_equal(order_store_acts(s, 5, count_act, &acts), 0);
	assert_int_equal(acts, 0);
	assert_int_equal(order_store_acts(s, 6, count_act, &acts), 0);
	assert_int_equal(acts, 1);
	/* so many at one go; after a reboot the time in between counts */
	order_store_close(s);
	now = rebooted(7, 1000);
	s = opened(&now);
	assert_int_equal(forgotten(s, &now, 900, SIZE_MAX, 3), 3);
	assert_int_equal(first_ended(s, &n), 9);
	/* what stands stays however old, and so does the latest, whose number none may have again */
	assert_int_equal(forgotten(s, &now, 0, 0, 64), 10);
	assert_int_equal(first_ended(s, &n), 20);
	assert_int_equal(n, 1);
	assert_int_equal(load(s).n, 1);
	assert_int_equal(load(s).last.id, 11);
	order_store_close(s);
	s = opened(&now);
	assert_int_equal(order_store_next_id(s), 21);
	order_store_close(s);
}

static void test_of_more_than_are_kept_those_go_that_ended_first(void **unused)
{
	(void)unused;
	struct order_store *s = opened(&first_boot);
	size_t n;
	put_ended(s, 1, 10);
	assert_int_equal(forgotten(s, &first_boot, 3600, 11, 64), 0);
	assert_int_equal(forgotten(s, &first_boot, 3600, 10, 64), 0);
	assert_int_equal(forgotten(s, &first_boot, 3600, 9, 64), 1);
	assert_int_equal(first_ended(s, &n), 2);
	assert_int_equal(forgotten(s, &first_boot, 3600, 3, 4), 4);
	assert_int_equal(forgotten(s, &first_boot, 3600, 3, 4), 2);
	assert_int_equal(forgotten(s, &first_boot, 3600, 3, 4), 0);
	assert_int_equal(first_ended(s, &n), 8);
	assert_int_equal(n, 3);
	assert_int_equal(forgotten(s, &first_boot, INT64_MAX / NS_PER_S, 3, 4), 0);
	order_store_close(s);
}

static void test_a_reboot_takes_what_the_wall_clock_says(void **unused)
{
	static const struct {
		int64_t up_s,
		    wall_s;     /* at the opening, after the reboot; the wall clock since it was stored */
		int64_t left_s; /* of the hour, of which 10 s were over when the clocks were stored */
	} cases[] = {
	    {30, 120, 3600 - 10 - 120}, {5000, 120, 3600 - 10 - 120}, {30, 3600, -10}, {30, 0, 3600 - 10},
	    {30, -3600, 3600 - 10}, /* set back: never less than nothing */
	    {30, 3600 + 120, -130}, /* set forward by an hour: that much too early, and no earlier */
	};
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct order_store_clock stored = later(first_boot, 10, 10);
		struct order_store_clock now = rebooted(cases[i].up_s, 10 + cases[i].wall_s);
		struct order_store *s = opened(&first_boot);
		struct order o = applied(1);
		o.state = ORDER_CONFIRMED;
		assert_int_equal(order_store_put(s, &first_boot, &o, "", NULL), 0);
		assert_int_equal(order_store_tick(s, &stored), 0);
		order_store_close(s);
		s = opened(&now);
		struct loaded l = load(s);
		assert_int_equal(order_wanted_until(&l.last) - now.boottime, cases[i].left_s * NS_PER_S);
		assert_int_equal(l.last.applied_at - l.last.approved_at, NS_PER_S);
		/* what is put in this boot and read in the next goes on as well */
		o = l.last;
		o.id = 2;
		o.cuts = cuts;
		o.approved_at = now.boottime;
		assert_int_equal(order_store_put(s, &now, &o, "", NULL), 0);
		order_store_close(s);
		now = later(first_boot, 0, 10 + cases[i].wall_s + 60);
		s = opened(&now);
		l = load(s);
		assert_int_equal(l.n, 2);
		assert_int_equal(order_wanted_until(&l.last) - now.boottime, (3600 - 60) * NS_PER_S);
		order_store_close(s);
		assert_int_equal(remove_folder(NULL), 0);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
}

static void test_several_changes_are_one(void **unused)
{
	struct order_store *s = opened(&first_boot);
	struct order o = applied(1);
	(void)unused;
	assert_int_equal(order_store_commit(s, &first_boot), -EINVAL); /* nothing was begun */
	assert_int_equal(order_store_begin(s), 0);
	assert_int_equal(order_store_put(s, &first_boot, &o, "", NULL), 0);
	assert_int_equal(order_store_put_generation(s, &first_boot, 9), 0);
	o.id = 0;
	assert_int_equal(order_store_put(s, &first_boot, &o, "", NULL), -EINVAL);
	order_store_close(s); /* never committed */
	s = opened(&first_boot);
	assert_int_equal(load(s).n, 0);
	assert_int_equal(order_store_generation(s), 0);
	assert_int_equal(order_store_begin(s), 0);
	o.id = 1;
	assert_int_equal(order_store_put(s, &first_boot, &o, "", NULL), 0);
	assert_int_equal(order_store_put_generation(s, &first_boot, 9), 0);
	assert_int_equal(order_store_commit(s, &first_boot), 0);
	assert_int_equal(order_store_sync(s, &first_boot), 0);
	order_store_close(s);
	s = opened(&first_boot);
	assert_int_equal(load(s).n, 1);
	assert_int_equal(order_store_generation(s), 9);
	order_store_close(s);
}

/* Else nothing would be committed, and so the disk not waited for. */
static void test_a_sync_writes_though_no_clock_moved(void **unused)
{
	struct order_store *s = opened(&first_boot);
	struct order o = applied(1);
	struct stat before, after;
	char wal[128];
	(void)unused;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(order_store_put(s, &first_boot, &o, "", NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat(wal, &before), 0);
		assert_int_equal(order_store_sync(s, &first_boot), 0);
		assert_int_equal(stat(wal, &after), 0);
		assert_true(after.st_size > before.st_size);
	}
	order_store_close(s);
}

static void test_the_log_does_not_grow_without_end(void **unused)
{
	struct order_store *s = opened(&first_boot);
	struct stat st;
	char wal[128];
	(void)unused;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(order_store_tick(s, &first_boot), 0);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size < 5 << 20);
	order_store_close(s);
}

static void test_only_one_process_has_it(void **unused)
{
	struct order_store *s = opened(&first_boot), *other;
	char why[ORDER_STORE_WHY_SIZE];
	(void)unused;
	assert_int_equal(order_store_open(&other, path, &first_boot, why), -EBUSY);
	assert_int_equal(access(path, F_OK), 0);
	order_store_close(s);
}

/* --- killed at any moment --- */

struct shared {
	_Atomic uint64_t put, synced;
};

/* Each order is put, prolonged and now and then synced; what is acknowledged is said where a kill can't undo
 * it. */
static void put_until_killed(struct shared *shared, uint64_t from)
{
	struct order_store *s;
	if (order_store_open(&s, path, &first_boot, NULL) < 0)
		_exit(1);
	for (uint64_t id = from;; id++) {
		struct order o = applied(id);
		const struct order_store_act act = {.what = "propose", .who = "engine"};
		if (order_store_begin(s) < 0 || order_store_put(s, &first_boot, &o, "it", &act) < 0 ||
		    order_store_put_generation(s, &first_boot, id) < 0 ||
		    order_store_commit(s, &first_boot) < 0)
			_exit(2);
		shared->put = id;
		if (id % 7 == 0 && order_store_sync(s, &first_boot) < 0)
			_exit(3);
		shared->synced = id % 7 ? shared->synced : id;
		if (id % 11 == 0 && order_store_tick(s, &first_boot) < 0)
			_exit(4);
	}
}

static int take_in_order(void *context, const struct order *o, const char *what)
{
	uint64_t *last = context;
	assert_int_equal(o->id, *last + 1);
	assert_memory_equal(o->cuts, cuts, sizeof(cuts));
	assert_string_equal(what, "it");
	*last = o->id;
	return 0;
}

static void test_killed_at_any_moment_what_was_acknowledged_is_there(void **unused)
{
	struct shared *shared = mmap(
	    NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t last = 0, in_the_open = 0;
	unsigned state = 1;
	(void)unused;
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			put_until_killed(shared, last + 1);
		state = state * 1103515245 + 12345;
		/* also while it opens and recovers, but most of the time while it puts */
		for (int ms = 0; i % 4 && ms < 2000 && shared->put == last; ms++)
			(void)nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
		const struct timespec wait = {.tv_nsec = (long)(state >> 8) % (4 * NS_PER_MS)};
		(void)nanosleep(&wait, NULL);
		int status;
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		struct order_store *s = opened(&first_boot);
		uint64_t seen = 0;
		assert_int_equal(order_store_load(s, take_in_order, &seen), 0);
		/* all that was acknowledged, and at most the one that was not any more */
		assert_true(seen == shared->put || seen == shared->put + 1);
		assert_int_equal(order_store_generation(s), seen);
		assert_int_equal(order_store_next_id(s), seen + 1);
		in_the_open += seen > last;
		shared->put = seen;
		last = seen;
		order_store_close(s);
	}
	print_message("%llu orders, %llu of %d kills came after one was put\n", (unsigned long long)last,
	    (unsigned long long)in_the_open, KILLS);
	assert_true(in_the_open > KILLS / 10);
	munmap(shared, sizeof(*shared));
}

/* --- disks that are full, files that are damaged --- */

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_full_disk_loses_nothing_and_is_told(void **unused)
{
	struct order_store *s = opened(&first_boot);
	uint64_t kept = 0;
	int r = 0;
	(void)unused;
	(void)signal(SIGXFSZ, SIG_IGN);
	limit_file_size(200000);
	for (uint64_t id = 1; r == 0 && id < 1000; id++) {
		struct order o = applied(id);
		r = order_store_put(s, &first_boot, &o, "it", NULL);
		kept += r == 0;
	}
	print_message("%s\n", err_text(r));
	assert_true(r < 0);
	assert_in_range(kept, 3, 900);
	struct order more = applied(kept + 1);
	assert_true(order_store_begin(s) == 0);
	assert_true(
	    order_store_put(s, &first_boot, &more, "it", NULL) < 0 || order_store_commit(s, &first_boot) < 0);
	limit_file_size(RLIM_INFINITY);
	/* there is room again: it goes on in the same process */
	assert_int_equal(load(s).n, kept);
	assert_int_equal(order_store_next_id(s), kept + 1);
	assert_int_equal(order_store_put(s, &first_boot, &more, "it", NULL), 0);
	assert_int_equal(order_store_sync(s, &first_boot), 0);
	order_store_close(s);
	s = opened(&first_boot);
	assert_int_equal(load(s).n, kept + 1);
	order_store_close(s);
}

static void overwrite(long at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

/* All in the database itself, and no WAL. */
static void put_in_place(size_t n)
{
	struct order_store *s = opened(&first_boot);
	for (uint64_t id = 1; id <= n; id++) {
		struct order o = applied(id);
		assert_int_equal(order_store_put(s, &first_boot, &o, "it", NULL), 0);
	}
	struct stat st = {.st_size = 1};
	char wal[128];
	snprintf(wal, sizeof(wal), "%s-wal", path);
	while (st.st_size) {
		assert_int_equal(order_store_tick(s, &first_boot), 0);
		assert_int_equal(stat(wal, &st), 0);
	}
	order_store_close(s);
}

static void test_a_damaged_database_is_set_aside_and_never_replaced(void **unused)
{
	static const char garbage[6000] = "not a database";
	struct order_store *s;
	char why[ORDER_STORE_WHY_SIZE], aside[128];
	struct stat st;
	(void)unused;
	put_in_place(50);
	overwrite(4096, garbage, sizeof(garbage));
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_CHECKSUM);
	assert_non_null(strstr(why, "set aside"));
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(access(path, F_OK), -1);
	/* a restart doesn't begin anew by itself */
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_CHECKSUM);
	assert_non_null(strstr(why, "restore"));
	assert_int_equal(access(path, F_OK), -1);
	/* a second one is set aside beside the first */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	close(fd);
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_CHECKSUM);
	assert_non_null(strstr(why, ".damaged.2"));
	assert_int_equal(unlink(aside), 0);
	s = opened(&first_boot);
	assert_int_equal(load(s).n, 0);
	order_store_close(s);
}

static void test_an_empty_file_is_damage(void **unused)
{
	struct order_store *s;
	char why[ORDER_STORE_WHY_SIZE];
	(void)unused;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_CHECKSUM);
	assert_non_null(strstr(why, "empty"));
}

/* A flipped bit that SQLite can't see: in an address of a cut, and in an order's lease. */
static void test_a_flipped_bit_in_an_order_is_noticed(void **unused)
{
	char whole[1 << 16];
	(void)unused;
	put_in_place(1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, whole, sizeof(whole));
	close(fd);
	const char *at = memmem(whole, (size_t)n, &cuts[0].from.addr, sizeof(cuts[0].from.addr));
	assert_non_null(at);
	overwrite(at - whole + 15, "\x09", 1);
	struct order_store *s = opened(&first_boot);
	struct loaded l = {.n = 0};
	assert_int_equal(order_store_load(s, take, &l), -ERR_CHECKSUM);
	assert_int_equal(l.n, 0);
	order_store_close(s);
	overwrite(at - whole + 15, "\x01", 1);
	at = memmem(whole, (size_t)n, "flow 17", 7);
	assert_non_null(at);
	overwrite(at - whole, "g", 1);
	s = opened(&first_boot);
	assert_int_equal(order_store_load(s, take, &l), -ERR_CHECKSUM);
	order_store_close(s);
}

static void test_another_database_is_left_alone(void **unused)
{
	struct order_store *s;
	char why[ORDER_STORE_WHY_SIZE];
	(void)unused;
	put_in_place(1);
	overwrite(68, "\0\0\0\1", 4); /* the application's id */
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_MALFORMED);
	overwrite(68, "Bkos", 4);
	overwrite(60, "\0\0\0\3", 4); /* the version */
	assert_int_equal(order_store_open(&s, path, &first_boot, why), -ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "version 3"));
	overwrite(60, "\0\0\0\2", 4);
	s = opened(&first_boot);
	assert_int_equal(load(s).n, 1);
	order_store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_was_put_comes_back_as_it_was),
	    TEST(test_ended_orders_and_acts_are_history),
	    TEST(test_what_ended_long_ago_is_forgotten_with_its_acts),
	    TEST(test_of_more_than_are_kept_those_go_that_ended_first),
	    TEST(test_a_reboot_takes_what_the_wall_clock_says),
	    TEST(test_several_changes_are_one),
	    TEST(test_a_sync_writes_though_no_clock_moved),
	    TEST(test_the_log_does_not_grow_without_end),
	    TEST(test_only_one_process_has_it),
	    TEST(test_killed_at_any_moment_what_was_acknowledged_is_there),
	    TEST(test_a_full_disk_loses_nothing_and_is_told),
	    TEST(test_a_damaged_database_is_set_aside_and_never_replaced),
	    TEST(test_an_empty_file_is_damage),
	    TEST(test_a_flipped_bit_in_an_order_is_noticed),
	    TEST(test_another_database_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
