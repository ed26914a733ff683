/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A hundred thousand elements, and as many as there can be. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "xdp_bed.h"

enum { MANY = 100000, PREFIXES = 1000, STEP_MAX = 512 };

static struct backend *backend;
static struct backend_step *steps;
static char why[XDP_WHY_SIZE];

static void reopen(void)
{
	static const char *const names[] = {"near"};
	if (backend)
		backend->ops->close(backend);
	backend = NULL;
	if (xdp_open(&(struct xdp_config){.interfaces = names, .n_interfaces = 1, .pins = bed_pins}, &backend,
	        why) != 0)
		fail_msg("%s", why);
}

/* Address i of 11.0.0.0/8; every hundredth of the first hundred thousand a /24 of 12.0.0.0/8 in its place,
 * every seventh IPv6. */
static struct cut cut_of(uint32_t i)
{
	struct net_prefix p = {.addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = 11}}, .bits = 128};
	p.addr.b[13] = (uint8_t)(i / 65536);
	p.addr.b[14] = (uint8_t)(i / 256);
	p.addr.b[15] = (uint8_t)i;
	if (i < MANY && i % 100 == 0) {
		p.addr.b[12] = 12;
		p.addr.b[13] = (uint8_t)(i / 100 / 256);
		p.addr.b[14] = (uint8_t)(i / 100);
		p.addr.b[15] = 0;
		p.bits = 120;
	} else if (i % 7 == 0) {
		p.addr.b[0] = 0x20;
	}
	return i % 3 ? (struct cut){.to = p} : (struct cut){.from = p};
}

static void fill(uint32_t from, uint32_t to, enum backend_act what)
{
	int64_t until = xdp_now() + 3600 * INT64_C(1000000000);
	for (uint32_t i = from; i < to; i++)
		steps[i - from] = (struct backend_step){
		    .cut = cut_of(i), .until = until, .act = what, .fail_closed = true};
	assert_int_equal(backend->ops->change(backend, steps, to - from, NULL), 0);
}

static int verdict(const char *to)
{
	return bed_verdict(backend, &(struct bed_frame){.from = "10.0.0.1", .to = to, .protocol = 17});
}

static size_t read_back(struct backend_element **ret_v)
{
	size_t n = 0, before = 0;
	bool intact = false;
	struct xdp *x = (struct xdp *)backend;
	assert_int_equal(backend->ops->read_begin(backend), 0);
	while (backend->ops->read_more(backend, ret_v, &n, &intact) == 1) {
		/* no step lists more than some hundred */
		assert_true(x->read.n - before <= STEP_MAX);
		before = x->read.n;
	}
	assert_true(intact);
	for (size_t i = 1; i < n; i++)
		assert_true(cut_compare(&(*ret_v)[i - 1].cut, &(*ret_v)[i].cut) < 0);
	return n;
}

static void test_a_hundred_thousand(void **unused)
{
	struct backend_element *v = NULL;
	(void)unused;
	reopen();
	fill(0, MANY, BACKEND_ADD);
	assert_int_equal(read_back(&v), MANY);
	free(v);
	assert_int_equal(verdict("11.0.0.1"), XDP_DROP);
	assert_int_equal(verdict("11.1.134.159"), XDP_DROP); /* 99,999 */
	assert_int_equal(verdict("11.1.134.160"), XDP_PASS);
	assert_int_equal(verdict("12.3.231.77"), XDP_DROP); /* the 999th prefix */
	assert_int_equal(verdict("12.3.232.77"), XDP_PASS);
	reopen();
	assert_string_equal(why, "");
	assert_int_equal(read_back(&v), MANY);
	free(v);
	/* a wide one over all of them, and what it leaves when it goes */
	struct backend_step wide = {.cut = {.to = bed_prefix("11.0.0.0/8")},
	    .until = xdp_now() + 3600 * INT64_C(1000000000),
	    .fail_closed = true};
	assert_int_equal(backend->ops->change(backend, &wide, 1, NULL), 0);
	assert_int_equal(verdict("11.1.134.160"), XDP_DROP);
	fill(0, MANY / 2, BACKEND_REMOVE);
	assert_int_equal(verdict("11.0.0.1"), XDP_DROP);
	wide.act = BACKEND_REMOVE;
	assert_int_equal(backend->ops->change(backend, &wide, 1, NULL), 0);
	assert_int_equal(verdict("11.0.0.1"), XDP_PASS);
	assert_int_equal(verdict("11.1.134.159"), XDP_DROP);
	assert_int_equal(read_back(&v), MANY / 2);
	free(v);
	assert_int_equal(backend->ops->clear(backend), 0);
}

static void test_changes_while_it_is_read(void **unused)
{
	struct backend_element *v = NULL;
	size_t n = 0;
	bool intact = false;
	int more;
	(void)unused;
	reopen();
	fill(0, 10000, BACKEND_ADD);
	assert_int_equal(backend->ops->read_begin(backend), 0);
	for (uint32_t i = 0; (more = backend->ops->read_more(backend, &v, &n, &intact)) == 1; i++) {
		/* one goes and one comes with each step */
		fill(i * 10, i * 10 + 1, BACKEND_REMOVE);
		fill(20000 + i, 20000 + i + 1, BACKEND_ADD);
	}
	assert_int_equal(more, 0);
	assert_true(intact);
	size_t stay = 0;
	for (size_t i = 0; i < n; i++)
		assert_true(i == 0 || cut_compare(&v[i - 1].cut, &v[i].cut) < 0);
	/* each that was there all the time is in it */
	for (uint32_t i = 5; i < 10000; i += 10) {
		struct cut c = cut_of(i);
		size_t low = 0, high = n;
		while (low < high) {
			size_t middle = (low + high) / 2;
			if (cut_compare(&v[middle].cut, &c) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		stay += low < n && cut_compare(&v[low].cut, &c) == 0;
	}
	assert_int_equal(stay, 1000);
	free(v);
	assert_int_equal(backend->ops->clear(backend), 0);
}

static void test_at_the_bound(void **unused)
{
	size_t at;
	(void)unused;
	reopen();
	fill(MANY, MANY + XDP_ELEMENT_LIMIT - 1, BACKEND_ADD);
	struct backend_step two[2];
	for (uint32_t i = 0; i < 2; i++)
		two[i] = (struct backend_step){.cut = cut_of(MANY + XDP_ELEMENT_LIMIT - 1 + i),
		    .until = steps[0].until,
		    .fail_closed = true};
	/* one more fits; two don't, and then neither is there */
	assert_int_equal(backend->ops->change(backend, two, 2, &at), -ERR_LIMIT);
	struct backend_element *v = NULL;
	assert_int_equal(read_back(&v), XDP_ELEMENT_LIMIT - 1);
	free(v);
	assert_int_equal(backend->ops->change(backend, two, 1, &at), 0);
	assert_int_equal(backend->ops->change(backend, two + 1, 1, &at), -ERR_LIMIT);
	assert_int_equal(at, 0);
	/* room that is made is room once the program has let go of it */
	two[0].act = BACKEND_REMOVE;
	assert_int_equal(backend->ops->change(backend, two, 1, &at), 0);
	assert_int_equal(backend->ops->change(backend, two + 1, 1, &at), -ERR_LIMIT);
	usleep(1100 * 1000);
	assert_int_equal(backend->ops->change(backend, two + 1, 1, &at), 0);
	assert_int_equal(backend->ops->clear(backend), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_hundred_thousand),
	    cmocka_unit_test(test_changes_while_it_is_read),
	    cmocka_unit_test(test_at_the_bound),
	};
	static const char *const names[] = {"near"};
	int r = bed_make();
	if (r)
		return r;
	steps = calloc(XDP_ELEMENT_LIMIT, sizeof(*steps));
	r = xdp_open(
	    &(struct xdp_config){.interfaces = names, .n_interfaces = 1, .pins = bed_pins}, &backend, why);
	if (r < 0)
		printf("no XDP: %s\n", why);
	else
		r = cmocka_run_group_tests(tests, NULL, NULL);
	if (backend)
		backend->ops->close(backend);
	free(steps);
	bed_end();
	return r == -EPERM || r == -ENOTSUP ? 77 : r != 0;
}
