/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/table.h"
#include "base/timefmt.h"
#include "flow/entry.h"

enum { EXPECTATIONS_MAX = 4096 };
#define EXPECTATION_LIFE_NS (120 * NS_PER_S)

struct expected_key {
	struct net_addr to;
	uint16_t port;
	uint8_t zero[6];
};

struct expected {
	struct net_addr from; /* none: anybody */
	uint64_t related;
	uint64_t number; /* tells whether the ring's entry still means this one */
	int64_t made_ns;
	uint16_t app;
};

struct flow_expectations {
	struct table *table;
	struct {
		struct expected_key key;
		uint64_t number;
	} ring[EXPECTATIONS_MAX]; /* in order of making: the oldest goes first */
	uint64_t made;
	uint64_t displaced;
};

uint64_t flow_expectations_displaced(const struct flow_expectations *x)
{
	return x->displaced;
}

int flow_expectations_new(struct flow_expectations **ret_x, uint64_t seed)
{
	struct flow_expectations *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	int r = table_new(
	    &x->table, sizeof(struct expected_key), sizeof(struct expected), EXPECTATIONS_MAX, seed);
	if (r < 0) {
		free(x);
		return r;
	}
	*ret_x = x;
	return 0;
}

void flow_expectations_free(struct flow_expectations *x)
{
	if (!x)
		return;
	table_free(x->table);
	free(x);
}

void flow_expectations_add(struct flow_expectations *x, struct net_addr from, struct net_addr to,
    uint16_t port, uint16_t app, uint64_t related, int64_t now)
{
	struct expected_key key = {.to = to, .port = port};
	size_t place = x->made % EXPECTATIONS_MAX;
	if (x->made >= EXPECTATIONS_MAX) {
		const struct expected *oldest = table_get(x->table, &x->ring[place].key);
		if (oldest && oldest->number == x->ring[place].number) {
			x->displaced += now - oldest->made_ns <= EXPECTATION_LIFE_NS;
			table_remove(x->table, &x->ring[place].key);
		}
	}
	struct expected *e = table_put(x->table, &key, NULL);
	if (!e)
		return;
	*e = (struct expected){
	    .from = from, .related = related, .number = x->made, .made_ns = now, .app = app};
	x->ring[place].key = key;
	x->ring[place].number = x->made++;
}

void flow_expectations_meet(struct flow_expectations *x, struct flow *f, int64_t now)
{
	if (table_count(x->table) == 0)
		return;
	struct expected_key key = {.to = f->responder, .port = f->responder_port};
	const struct expected *e = table_get(x->table, &key);
	if (!e || (!net_addr_is_none(e->from) && !net_addr_equal(e->from, f->initiator)))
		return;
	if (now - e->made_ns <= EXPECTATION_LIFE_NS) {
		f->app = e->app;
		f->related = e->related;
		f->flags |= FLOW_EXPECTED;
	}
	table_remove(x->table, &key);
}
