/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Scripts of an order's life, with a clock that the script sets, one enforcer that answers when it is told
 * to, and the real store under it: an engine that begins anew knows what stands there and nothing else.
 *
 * The order wants two persons within 60 s, a confirmation within 10 s, and stands for 100 s.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/timefmt.h"
#include "contain/orders.h"
#include "daemon/order_store.h"

enum act {
	END,
	PROPOSE,
	APPROVE,
	REJECT,
	CONFIRM,
	RELEASE,
	PASS,    /* nothing but time */
	ENFORCE, /* the enforcer has the last generation in force */
	REFUSE,  /* or refuses it */
	RESTART, /* of the engine: what isn't stored is forgotten */
	REBOOT,  /* of the machine, which takes `value` seconds by the wall clock */
	SET,     /* the wall clock by `value` seconds */
	DROP     /* the engine's memory, before what was done last is stored */
};

struct step {
	int at; /* seconds of the time that passes for everybody */
	enum act act;
	const char *who;
	int value;
	enum order_answer answer;
	const char *state;
	int left; /* seconds for which its cut is wanted; 0: it isn't */
};

struct stage {
	char path[64];
	struct order_store *store;
	struct orders *orders;
	struct order_store_clock now;
	int64_t at_s; /* what now stands for */
};

static int add(void *context, const struct order *o, const char *what)
{
	(void)what;
	return orders_add(context, o, NULL);
}

static void open_all(struct stage *t)
{
	static const enum orders_takes all[] = {ORDERS_TAKES_ALL};
	char why[ORDER_STORE_WHY_SIZE] = "";
	assert_int_equal(order_store_open(&t->store, t->path, &t->now, why), 0);
	assert_int_equal(orders_new(&t->orders, all, 1, order_store_generation(t->store), 1), 0);
	assert_int_equal(order_store_load(t->store, add, t->orders), 0);
}

static void close_all(struct stage *t)
{
	orders_free(t->orders);
	order_store_close(t->store);
	t->orders = NULL;
	t->store = NULL;
}

/* What the engine does after each act. */
static void settle(struct stage *t)
{
	const struct order *o;
	bool changed;
	(void)orders_tick(t->orders, t->now.boottime);
	assert_int_equal(orders_publish(t->orders, &changed), 0);
	assert_int_equal(order_store_begin(t->store), 0);
	while ((o = orders_changed(t->orders))) {
		assert_int_equal(order_store_put(t->store, &t->now, o, "", NULL), 0);
		orders_stored(t->orders, o);
	}
	assert_int_equal(order_store_put_generation(t->store, &t->now, orders_generation(t->orders)), 0);
	assert_int_equal(order_store_commit(t->store, &t->now), 0);
}

static void propose(struct stage *t)
{
	static const struct cut cut = {
	    .from = {.addr = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}}, .bits = 128}};
	struct order o = {.id = 1,
	    .proposed = {.time = t->now.boottime, .who = "engine"},
	    .approvals = 2,
	    .approve_ns = 60 * NS_PER_S,
	    .confirm_ns = 10 * NS_PER_S,
	    .lease_ns = 100 * NS_PER_S,
	    .cuts = &cut,
	    .n_cuts = 1};
	assert_int_equal(orders_add(t->orders, &o, NULL), 0);
}

static void reboot(struct stage *t, int wall_s)
{
	close_all(t);
	t->now.boot[0]++;
	t->now.boottime = 20 * NS_PER_S;
	t->now.realtime += wall_s * NS_PER_S;
	t->at_s += wall_s;
	open_all(t);
}

static enum order_answer perform(struct stage *t, const struct step *s)
{
	int64_t now = t->now.boottime;
	switch (s->act) {
	case END:
	case PASS: break;
	case PROPOSE: propose(t); break;
	case APPROVE: return orders_approve(t->orders, 1, now, s->who);
	case REJECT: return orders_reject(t->orders, 1, now, s->who, "");
	case CONFIRM: return orders_confirm(t->orders, 1, now, s->who);
	case RELEASE: return orders_release(t->orders, 1, now, s->who, "");
	case ENFORCE: (void)orders_in_force(t->orders, 0, orders_generation(t->orders), now); break;
	case REFUSE:
		assert_int_equal(
		    orders_refused(t->orders, 0, orders_generation(t->orders), NULL, "never-cut", now), 1);
		break;
	case RESTART:
		close_all(t);
		open_all(t);
		break;
	case REBOOT: reboot(t, s->value); break;
	case SET: t->now.realtime += s->value * NS_PER_S; break;
	case DROP:
		(void)orders_approve(t->orders, 1, now, s->who);
		close_all(t);
		open_all(t);
		break;
	}
	return ORDER_OK;
}

static int name(void *context, const struct order *o, const char *what)
{
	(void)what;
	snprintf(context, 32, "%s", order_state_name(o));
	return 0;
}

static void check(struct stage *t, const struct step *s, const char *script)
{
	const struct order *o = orders_find(t->orders, 1);
	char state[32] = "";
	assert_int_equal(order_store_find(t->store, 1, name, state), 0);
	if (strcmp(state, s->state) != 0)
		fail_msg("%s, at %d: %s, not %s", script, s->at, state, s->state);
	int64_t left = o && order_is_wanted(o) ? order_wanted_until(o) - t->now.boottime : 0;
	if (left != s->left * NS_PER_S)
		fail_msg(
		    "%s, at %d: %lld s left, not %d", script, s->at, (long long)(left / NS_PER_S), s->left);
	/* what is wanted is what is told, and until then */
	struct wanted_cut *cuts;
	size_t n;
	assert_int_equal(orders_whole(t->orders, 0, &cuts, &n), 0);
	assert_int_equal(n, left != 0);
	if (n)
		assert_int_equal(cuts[0].until, order_wanted_until(o));
	free(cuts);
}

static void play(const char *script, const struct step *steps)
{
	struct stage t = {.path = "/tmp/timeline-XXXXXX",
	    .now = {.boot = "a", .boottime = 1000 * NS_PER_S, .realtime = 500000 * NS_PER_S}};
	char file[96];
	assert_non_null(mkdtemp(t.path));
	snprintf(file, sizeof(file), "%s/orders.db", t.path);
	snprintf(t.path, sizeof(t.path), "%.60s", file);
	open_all(&t);
	for (const struct step *s = steps; s->act != END; s++) {
		t.now.boottime += (s->at - t.at_s) * NS_PER_S;
		t.now.realtime += (s->at - t.at_s) * NS_PER_S;
		t.at_s = s->at;
		enum order_answer answer = perform(&t, s);
		if (answer != s->answer)
			fail_msg("%s, at %d: the answer is %d", script, s->at, (int)answer);
		settle(&t);
		check(&t, s, script);
	}
	close_all(&t);
	(void)unlink(file);
	snprintf(file, sizeof(file), "%.60s-wal", t.path);
	(void)unlink(file);
	*strrchr(t.path, '/') = '\0';
	assert_int_equal(rmdir(t.path), 0);
}

/* The beginning of most: approved at 7, in force at 8. */
#define IN_FORCE                                                                                             \
	{0, PROPOSE, .state = "proposed"}, {5, APPROVE, "ada", .state = "proposed"},                         \
	    {7, APPROVE, "bob", .state = "approved", .left = 10},                                            \
	{                                                                                                    \
		8, ENFORCE, .state = "applied", .left = 9                                                    \
	}

static void test_two_persons_a_confirmation_and_the_end(void **unused)
{
	static const struct step steps[] = {{0, PROPOSE, .state = "proposed"},
	    {4, CONFIRM, "ada", .answer = ORDER_TOO_EARLY, .state = "proposed"},
	    {5, APPROVE, "ada", .state = "proposed"},
	    {6, APPROVE, "ada", .answer = ORDER_SAME_PERSON, .state = "proposed"},
	    {7, APPROVE, "bob", .state = "approved", .left = 10},
	    {7, CONFIRM, "ada", .answer = ORDER_TOO_EARLY, .state = "approved", .left = 10},
	    {8, ENFORCE, .state = "applied", .left = 9},
	    {16, CONFIRM, "ada", .state = "confirmed", .left = 91},
	    {20, CONFIRM, "bob", .answer = ORDER_TOO_LATE, .state = "confirmed", .left = 87},
	    {106, PASS, .state = "confirmed", .left = 1}, {107, PASS, .state = "ending"},
	    {109, ENFORCE, .state = "expired"}, {0}};
	(void)unused;
	play("two persons", steps);
}

static void test_confirmed_late_is_rolled_back(void **unused)
{
	static const struct step late[] = {IN_FORCE,
	    {17, CONFIRM, "ada", .answer = ORDER_TOO_LATE, .state = "ending"},
	    {18, CONFIRM, "ada", .answer = ORDER_TOO_LATE, .state = "ending"},
	    {19, ENFORCE, .state = "rolled back"}, {0}};
	/* no enforcer had it in that time: it doesn't come later, when nobody expects it */
	static const struct step nowhere[] = {{0, PROPOSE, .state = "proposed"},
	    {5, APPROVE, "ada", .state = "proposed"}, {7, APPROVE, "bob", .state = "approved", .left = 10},
	    {17, ENFORCE, .state = "ending"}, {18, ENFORCE, .state = "rolled back"}, {0}};
	(void)unused;
	play("late", late);
	play("nowhere", nowhere);
}

static void test_the_other_ends(void **unused)
{
	static const struct step rejected[] = {{0, PROPOSE, .state = "proposed"},
	    {1, RELEASE, "ada", .answer = ORDER_TOO_EARLY, .state = "proposed"},
	    {2, REJECT, "ada", .state = "rejected"},
	    {3, APPROVE, "bob", .answer = ORDER_UNKNOWN, .state = "rejected"}, {0}};
	static const struct step withdrawn[] = {{0, PROPOSE, .state = "proposed"},
	    {59, APPROVE, "ada", .state = "proposed"},
	    {60, APPROVE, "bob", .answer = ORDER_TOO_LATE, .state = "withdrawn"}, {0}};
	static const struct step released[] = {IN_FORCE,
	    {9, CONFIRM, "ada", .state = "confirmed", .left = 98}, {10, RELEASE, "ada", .state = "ending"},
	    {11, RELEASE, "ada", .answer = ORDER_TOO_LATE, .state = "ending"},
	    {12, ENFORCE, .state = "released"}, {0}};
	static const struct step refused[] = {{0, PROPOSE, .state = "proposed"},
	    {5, APPROVE, "ada", .state = "proposed"}, {7, APPROVE, "bob", .state = "approved", .left = 10},
	    {8, REFUSE, .state = "ending"}, {9, ENFORCE, .state = "refused"}, {0}};
	(void)unused;
	play("rejected", rejected);
	play("withdrawn", withdrawn);
	play("released", released);
	play("refused", refused);
}

static void test_an_engine_that_begins_anew_goes_on(void **unused)
{
	static const struct step steps[] = {{0, PROPOSE, .state = "proposed"},
	    {5, APPROVE, "ada", .state = "proposed"}, {6, RESTART, .state = "proposed"},
	    {6, APPROVE, "ada", .answer = ORDER_SAME_PERSON, .state = "proposed"},
	    {6, DROP, "bob", .state = "proposed"}, /* nobody was told that this was done */
	    {7, APPROVE, "bob", .state = "approved", .left = 10},
	    {8, RESTART, .state = "approved", .left = 9}, {9, ENFORCE, .state = "applied", .left = 8},
	    {10, RESTART, .state = "applied", .left = 7},
	    {16, CONFIRM, "ada", .state = "confirmed", .left = 91},
	    {50, RESTART, .state = "confirmed", .left = 57}, {107, RESTART, .state = "ending"},
	    {108, RESTART, .state = "ending"}, {109, ENFORCE, .state = "expired"},
	    {110, RESTART, .state = "expired"}, {0}};
	static const struct step down_too_long[] = {
	    IN_FORCE, {17, RESTART, .state = "ending"}, {18, ENFORCE, .state = "rolled back"}, {0}};
	(void)unused;
	play("restarts", steps);
	play("down too long", down_too_long);
}

static void test_reboots_and_clocks(void **unused)
{
	static const struct step reboots[] = {IN_FORCE, {9, CONFIRM, "ada", .state = "confirmed", .left = 98},
	    {20, PASS, .state = "confirmed", .left = 87},
	    {20, REBOOT, .value = 30, .state = "confirmed", .left = 57},
	    {60, REBOOT, .value = 0, .state = "confirmed", .left = 47},
	    /* the second since the clocks were stored is lost, nothing else */
	    {61, REBOOT, .value = -3600, .state = "confirmed", .left = 47}, {0}};
	static const struct step over[] = {IN_FORCE, {9, CONFIRM, "ada", .state = "confirmed", .left = 98},
	    {10, REBOOT, .value = 97, .state = "ending"}, {108, ENFORCE, .state = "expired"}, {0}};
	static const struct step set[] = {IN_FORCE, {9, SET, .value = 3600, .state = "applied", .left = 8},
	    {10, RESTART, .state = "applied", .left = 7},
	    {11, SET, .value = -7200, .state = "applied", .left = 6},
	    {12, RESTART, .state = "applied", .left = 5},
	    {13, REBOOT, .value = 2, .state = "applied", .left = 2}, {0}};
	(void)unused;
	play("reboots", reboots);
	play("over", over);
	play("set", set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_persons_a_confirmation_and_the_end),
	    cmocka_unit_test(test_confirmed_late_is_rolled_back),
	    cmocka_unit_test(test_the_other_ends),
	    cmocka_unit_test(test_an_engine_that_begins_anew_goes_on),
	    cmocka_unit_test(test_reboots_and_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
