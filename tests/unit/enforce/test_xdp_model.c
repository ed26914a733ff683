/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Chains of the XDP backend's model, held against a search through everything after each change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "enforce/xdp_model.h"

enum { SLOTS = 400, ROUNDS = 300 };

static struct xdp_element *elements;
static struct xdp_model model;
static bool there[SLOTS];
static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* Few addresses and many lengths, so that prefixes lie in each other. */
static struct xdp_entry draw_entry(void)
{
	struct net_addr a = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10}};
	bool v4 = draw(2);
	if (!v4)
		a = (struct net_addr){.b = {draw(4) ? 0x20 : 0}};
	a.b[14] = (uint8_t)draw(3);
	a.b[15] = (uint8_t)draw(256);
	uint8_t bits = (uint8_t)(v4 ? 96 + draw(33) : 1 + draw(128));
	if (!draw(3))
		bits = 128;
	return (struct xdp_entry){.prefix = net_prefix_of(a, bits), .form = (uint8_t)draw(2)};
}

/* The longest prefix that holds p: by looking at all. `strictly`: and isn't p. */
static uint32_t search(struct net_prefix p, bool strictly)
{
	uint32_t best = 0;
	for (uint32_t s = 1; s < SLOTS; s++) {
		struct net_prefix q = model.v[s].prefix;
		if (!there[s] || xdp_prefix_is_v4(p) != xdp_prefix_is_v4(q) || !net_prefix_covers(q, p) ||
		    (strictly && q.bits == p.bits))
			continue;
		const struct xdp_entry *b = &model.v[best];
		if (!best || q.bits > b->prefix.bits ||
		    (q.bits == b->prefix.bits && model.v[s].form < b->form))
			best = s;
	}
	return best;
}

static void check(void)
{
	size_t n = 0;
	for (uint32_t s = 1; s < SLOTS; s++) {
		if (!there[s])
			continue;
		n++;
		const struct xdp_entry *e = &model.v[s];
		uint32_t twin = xdp_model_find(&model, e->prefix, XDP_FORM_TO);
		uint32_t next = e->form == XDP_FORM_FROM && twin ? twin : search(e->prefix, true);
		assert_int_equal(xdp_model_find(&model, e->prefix, e->form), s);
		assert_int_equal(xdp_model_head(&model, e->prefix), search(e->prefix, false));
		assert_int_equal(e->next, next);
		assert_int_equal(elements[s].next, next);
	}
	assert_int_equal(model.n, n);
}

static int compare(const void *a, const void *b)
{
	return xdp_entry_compare(&model.v[*(const uint32_t *)a], &model.v[*(const uint32_t *)b]);
}

static void test_chains_hold_all_that_covers(void **unused)
{
	(void)unused;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t slots[SLOTS];
		size_t n = 0, most = 1 + draw(round % 3 ? 3 : 60);
		for (uint32_t s = 1; s < SLOTS && n < most; s++) {
			struct xdp_entry e = draw_entry();
			if (there[s] || xdp_model_find(&model, e.prefix, e.form))
				continue;
			bool doubled = false;
			for (size_t i = 0; i < n; i++)
				doubled |= xdp_entry_compare(&model.v[slots[i]], &e) == 0;
			if (doubled)
				continue;
			model.v[s] = e;
			slots[n++] = s;
		}
		qsort(slots, n, sizeof(slots[0]), compare);
		xdp_model_insert(&model, slots, n);
		for (size_t i = 0; i < n; i++)
			there[slots[i]] = true;
		xdp_model_relink(&model, slots, n, elements);
		check();
		n = 0;
		most = draw(round % 3 ? 3 : 60);
		for (uint32_t s = 1; s < SLOTS && n < most; s++)
			if (there[s] && draw(4) == 0) {
				there[s] = false;
				slots[n++] = s;
			}
		qsort(slots, n, sizeof(slots[0]), compare);
		xdp_model_remove(&model, slots, n);
		xdp_model_relink(&model, slots, n, elements);
		check();
	}
}

static void test_order_is_that_of_addresses_then_lengths(void **unused)
{
	(void)unused;
	for (size_t i = 1; i < model.n; i++) {
		const struct xdp_entry *a = &model.v[model.order[i - 1]], *b = &model.v[model.order[i]];
		int r = memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
		assert_true(r < 0 || (r == 0 && a->form < b->form));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chains_hold_all_that_covers),
	    cmocka_unit_test(test_order_is_that_of_addresses_then_lengths),
	};
	elements = calloc(SLOTS, sizeof(*elements));
	if (!elements || xdp_model_init(&model) != 0)
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	xdp_model_free(&model);
	free(elements);
	return r;
}
