/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The queue with the least key on top, against a plain array that is searched. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pairing.h"

enum { NODES = 300, ROUNDS = 20000 };

static struct pairing_node nodes[NODES];

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static int64_t least(size_t *ret_n)
{
	int64_t found = INT64_MAX;
	*ret_n = 0;
	for (size_t i = 0; i < NODES; i++) {
		if (!pairing_has(&nodes[i]))
			continue;
		found = nodes[i].key < found ? nodes[i].key : found;
		++*ret_n;
	}
	return found;
}

static void test_the_least_is_on_top_whatever_comes_and_goes(void **unused)
{
	struct pairing q = {0};
	uint64_t state = 1;
	size_t n;
	(void)unused;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pairing_node *node = &nodes[next_random(&state) % NODES];
		if (i % 3 == 0 && q.top)
			node = q.top;
		if (pairing_has(node))
			pairing_remove(&q, node);
		else
			pairing_put(&q, node, (int64_t)(next_random(&state) % 50) - 25);
		int64_t expected = least(&n);
		assert_int_equal(q.top ? q.top->key : INT64_MAX, expected);
		size_t walked = 0;
		for (struct pairing_node *at = q.top; at && walked <= NODES; at = pairing_next(at)) {
			assert_true(pairing_has(at));
			walked++;
		}
		assert_int_equal(walked, n);
	}
	while (q.top)
		pairing_remove(&q, q.top);
	(void)least(&n);
	assert_int_equal(n, 0);
	pairing_remove(&q, &nodes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_least_is_on_top_whatever_comes_and_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
