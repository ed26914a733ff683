/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is to change in a backend for it to hold what is wanted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "enforce/reconcile.h"

enum { NOW = 1000, S = 1000000000 };

static struct cut host_cut(uint8_t i)
{
	return (struct cut){.from = {.addr = net_addr_v4((const uint8_t[]){10, 0, 0, i}), .bits = 128}};
}

/* "+1" added, "~1" renewed, "-1" removed; "!" where it fails closed. */
static char *steps_text(const struct backend_step *steps, size_t n, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%c%u%s", i ? " " : "",
		    "+~-"[steps[i].act], steps[i].cut.from.addr.b[15], steps[i].fail_closed ? "!" : "");
	return text;
}

static void test_each_difference_has_its_steps(void **unused)
{
	static const struct {
		struct {
			uint8_t cut;
			int until_s;
			bool closed;
		} wanted[3], there[3];
		const char *steps;
	} cases[] = {
	    {{{0}}, {{0}}, ""},
	    {{{1, 10, false}}, {{0}}, "+1"},
	    {{{1, 10, true}}, {{0}}, "+1!"},
	    {{{0}}, {{1, 10, false}}, "-1"},
	    {{{1, 10, false}}, {{1, 10, false}}, ""},
	    {{{1, 20, false}}, {{1, 10, false}}, "~1"},
	    {{{1, 10, false}}, {{1, 20, false}}, "~1"},
	    {{{1, 10, true}}, {{1, 10, false}}, "-1 +1!"},
	    {{{1, 10, false}}, {{1, 10, false}, {1, 10, true}}, "-1!"},
	    {{{1, 10, true}}, {{1, 10, false}, {1, 10, true}}, "-1"},
	    {{{1, 10, true}}, {{1, 10, true}, {1, 10, true}}, "-1!"}, /* twice the same: one stays */
	    {{{1, -1, false}}, {{1, 10, false}}, "-1"},               /* its end is past */
	    {{{1, -1, false}}, {{0}}, ""},
	    {{{1, 5, false}, {3, 5, false}}, {{2, 5, false}, {3, 9, false}, {4, 5, true}}, "+1 -2 ~3 -4!"},
	};
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wanted_cut wanted[3];
		struct backend_element there[3];
		struct backend_step *steps;
		size_t n_wanted = 0, n_there = 0, n;
		char text[80];
		for (; n_wanted < 3 && cases[i].wanted[n_wanted].cut; n_wanted++)
			wanted[n_wanted] = (struct wanted_cut){.cut = host_cut(cases[i].wanted[n_wanted].cut),
			    .until = NOW + (int64_t)cases[i].wanted[n_wanted].until_s * S,
			    .fail_closed = cases[i].wanted[n_wanted].closed};
		for (; n_there < 3 && cases[i].there[n_there].cut; n_there++)
			there[n_there] = (struct backend_element){
			    .cut = host_cut(cases[i].there[n_there].cut),
			    .until = NOW + (int64_t)cases[i].there[n_there].until_s * S,
			    .fail_closed = cases[i].there[n_there].closed};
		assert_int_equal(reconcile(wanted, n_wanted, there, n_there, NOW, &steps, &n), 0);
		assert_string_equal(steps_text(steps, n, text, sizeof(text)), cases[i].steps);
		for (size_t k = 0; k < n; k++)
			if (steps[k].act != BACKEND_REMOVE)
				assert_true(steps[k].until > NOW);
		free(steps);
	}
}

static void test_what_differs_by_the_slack_stays(void **unused)
{
	static const struct {
		int64_t gap;
		size_t steps;
	} cases[] = {{RECONCILE_LATE_NS - 1, 0}, {-RECONCILE_EARLY_NS, 0}, {RECONCILE_LATE_NS, 1},
	    {-RECONCILE_EARLY_NS - 1, 1}, {INT64_C(700000000), 0}, {-INT64_C(200000000), 1}};
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wanted_cut wanted = {.cut = host_cut(1), .until = NOW + INT64_C(10) * S};
		struct backend_element there = {.cut = wanted.cut, .until = wanted.until + cases[i].gap};
		struct backend_step *steps;
		size_t n;
		assert_int_equal(reconcile(&wanted, 1, &there, 1, NOW, &steps, &n), 0);
		assert_int_equal(n, cases[i].steps);
		free(steps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_difference_has_its_steps),
	    cmocka_unit_test(test_what_differs_by_the_slack_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
