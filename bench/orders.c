/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What one more order costs while many stand: bench_orders FOLDER [CUTS [ROUNDS]]. Orders of one cut each are
 * approved, published, taken by the enforcer's side with its guardrails, and stored; then one at a time is
 * added and another ended. FOLDER is for the store's database and must be there.
 */

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "daemon/order_store.h"
#include "enforce/desired.h"

enum { CUTS_DEFAULT = 100000, ROUNDS_DEFAULT = 2000, NEVER_CUT = 10000, PHASES = 5, CUTS_MOST = 110000 };

struct bench {
	struct orders *orders;
	struct desired *desired;
	struct order_store *store;
	struct order_store_clock clock;
	int counter; /* of instructions, or -1 */
};

struct cost {
	int64_t ns;
	uint64_t instructions;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int open_counter(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
	    .size = sizeof(attr),
	    .config = PERF_COUNT_HW_INSTRUCTIONS,
	    .exclude_kernel = 1};
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t instructions(const struct bench *b)
{
	uint64_t n = 0;
	return b->counter >= 0 && read(b->counter, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static struct cut cut_of(uint64_t i)
{
	return (struct cut){.to = {.addr = net_addr_v4((const uint8_t[]){(uint8_t)(11 + (i >> 24)),
	                               (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}),
	                        .bits = 128}};
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_orders: %s: %s\n", what, err_text(r));
	exit(1);
}

static void order(struct bench *b, uint64_t id)
{
	struct cut c = cut_of(id);
	struct order o = {.id = id,
	    .proposed = {.time = now_ns(), .who = "policy bench"},
	    .approve_ns = NS_PER_S,
	    .lease_ns = 3600 * NS_PER_S,
	    .cuts = &c,
	    .n_cuts = 1};
	must(orders_add(b->orders, &o, NULL), "add");
	must(orders_approve(b->orders, id, now_ns(), "policy bench") == ORDER_OK ? 0 : -ERR_INVALID,
	    "approve");
}

static void publish(struct bench *b)
{
	bool changed;
	must(orders_publish(b->orders, &changed), "publish");
}

static void enforce(struct bench *b)
{
	const struct orders_delta *delta = orders_delta(b->orders);
	struct desired_refusal refusal;
	struct backend_step *steps;
	size_t n;
	bool whole = desired_generation(b->desired) == 0;
	must(desired_begin(b->desired, whole ? 0 : delta->base, delta->generation), "begin");
	for (size_t i = 0; i < delta->n_puts; i++)
		must(desired_put(b->desired, &delta->puts[i]), "put");
	for (size_t i = 0; i < delta->n_drops; i++)
		must(desired_drop(b->desired, &delta->drops[i]), "drop");
	must(desired_check(b->desired, now_ns(), &refusal, &steps, &n), "check");
	free(steps);
	desired_commit(b->desired);
	(void)orders_in_force(b->orders, 0, delta->generation, now_ns());
}

static void store(struct bench *b)
{
	const struct order *o;
	b->clock.boottime = now_ns();
	must(order_store_begin(b->store), "begin");
	while ((o = orders_changed(b->orders))) {
		must(order_store_put(b->store, &b->clock, o, "", NULL), "store");
		orders_stored(b->orders, o);
	}
	must(order_store_commit(b->store, &b->clock), "commit");
}

static void measure(struct bench *b, struct cost *cost, int64_t *at, uint64_t *count)
{
	int64_t now = now_ns();
	uint64_t n = instructions(b);
	cost->ns += now - *at;
	cost->instructions += n - *count;
	*at = now_ns();
	*count = instructions(b);
}

static void one_more(struct bench *b, uint64_t id, uint64_t ends, struct cost costs[PHASES])
{
	int64_t at = now_ns();
	uint64_t count = instructions(b);
	order(b, id);
	measure(b, &costs[0], &at, &count);
	publish(b);
	measure(b, &costs[1], &at, &count);
	enforce(b);
	measure(b, &costs[2], &at, &count);
	store(b);
	measure(b, &costs[3], &at, &count);
	(void)orders_release(b->orders, ends, now_ns(), "bench", "");
	publish(b);
	enforce(b);
	measure(b, &costs[4], &at, &count);
	store(b);
}

static int count_one(void *context, const struct order *o, const char *what)
{
	(void)what;
	*(size_t *)context += o->n_cuts;
	return 0;
}

static void reopen(struct bench *b, const char *path)
{
	char why[ORDER_STORE_WHY_SIZE];
	size_t cuts = 0;
	order_store_close(b->store);
	int64_t at = now_ns();
	must(order_store_open(&b->store, path, &b->clock, why), why);
	int64_t open = now_ns();
	must(order_store_load(b->store, count_one, &cuts), "load");
	printf("store of %zu cuts: opened and checked in %.0f ms, loaded in %.0f ms\n", cuts,
	    (double)(open - at) / 1e6, (double)(now_ns() - open) / 1e6);
}

static void set_up(struct bench *b, const char *path, size_t cuts)
{
	static const enum orders_takes all[] = {ORDERS_TAKES_ALL};
	static struct net_prefix never[NEVER_CUT];
	char why[ORDER_STORE_WHY_SIZE];
	for (size_t i = 0; i < NEVER_CUT; i++)
		never[i] = (struct net_prefix){
		    .addr = net_addr_v4((const uint8_t[]){172, 16, (uint8_t)(i >> 8), (uint8_t)i}),
		    .bits = 128};
	const struct guardrails rules = {
	    .never_cut = never, .n_never_cut = NEVER_CUT, .widest_v4 = 24, .longest_lease_ns = INT64_MAX / 2};
	must(orders_new(&b->orders, all, 1, 0, 1), "orders");
	must(desired_new(&b->desired, &rules, 4 * cuts, 1), "desired");
	must(order_store_open(&b->store, path, &b->clock, why), why);
	b->counter = open_counter();
	int64_t at = now_ns();
	for (size_t i = 1; i <= cuts; i++)
		order(b, i);
	publish(b);
	printf("%zu orders of one cut: added and published in %.0f ms", cuts, (double)(now_ns() - at) / 1e6);
	at = now_ns();
	enforce(b);
	printf(", taken as a whole by the enforcer in %.0f ms", (double)(now_ns() - at) / 1e6);
	at = now_ns();
	store(b);
	must(order_store_sync(b->store, &b->clock), "sync");
	printf(", stored and synced in %.0f ms\n", (double)(now_ns() - at) / 1e6);
}

int main(int argc, char **argv)
{
	static const char *const phases[PHASES] = {"ordered and approved", "published",
	    "taken by the enforcer's side", "stored (not synced)", "another one ended, published, taken"};
	struct bench b = {.clock = {.boot = "bench", .realtime = NS_PER_S}};
	struct cost costs[PHASES] = {{0}};
	uint64_t cuts = CUTS_DEFAULT, rounds = ROUNDS_DEFAULT;
	char path[4096];
	if (argc < 2 || (argc > 2 && num_parse_u64(text_of(argv[2]), CUTS_MOST, &cuts) < 0) ||
	    (argc > 3 && num_parse_u64(text_of(argv[3]), 20000, &rounds) < 0)) {
		fprintf(stderr, "usage: bench_orders FOLDER [CUTS [ROUNDS]]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/orders.db", argv[1]);
	b.clock.boottime = now_ns();
	set_up(&b, path, cuts);
	for (uint64_t i = 1; i <= rounds; i++)
		one_more(&b, cuts + i, i, costs);
	printf("one more order, mean of %llu:\n", (unsigned long long)rounds);
	for (size_t i = 0; i < PHASES; i++) {
		printf("  %-36s %8.2f us", phases[i], (double)costs[i].ns / (double)rounds / 1e3);
		if (b.counter >= 0) /* not every machine lets them be counted */
			printf("  %8.0f instructions", (double)costs[i].instructions / (double)rounds);
		printf("\n");
	}
	reopen(&b, path);
	order_store_close(b.store);
	desired_free(b.desired);
	orders_free(b.orders);
	return 0;
}
