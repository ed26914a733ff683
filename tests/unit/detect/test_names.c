/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "detect/names.h"

/* Names and parts of texts, as detectors look at them. */

static void the_registered_domain_and_what_stands_below_it(void **state)
{
	(void)state;
	static const struct {
		const char *name, *registered, *below;
	} cases[] = {
	    {"www.example.com", "example.com", "www"},
	    {"a.b.example.com.", "example.com", "a.b"},
	    {"example.com", "example.com", ""},
	    {"shop.example.co.uk", "example.co.uk", "shop"},
	    {"localhost", "localhost", ""},
	    {"192.0.2.1", "192.0.2.1", ""},
	    {"", "", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text name = text_of(cases[i].name), registered = name_registered(name);
		assert_true(text_equal(registered, text_of(cases[i].registered)));
		assert_true(text_equal(name_below(name), text_of(cases[i].below)));
		assert_true(text_equal(name_below_of(name, registered), text_of(cases[i].below)));
	}
}

/* Shannon's formula by hand: n equally frequent characters have log2(n) bits. */
static void entropy_counts_each_character_by_its_share(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double bits;
	} cases[] = {
	    {"aaaa", 0},
	    {"aAbB", 1},
	    {"abcd", 2},
	    {"aabbccdd", 2},
	    {"aaab", 0.811278}, /* 3/4 log2(4/3) + 1/4 log2(4) */
	    {"abaccdcc", 1.75}, /* shares 1/4, 1/8, 1/2, 1/8 */
	    {"abcdefgh12345678", 4},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_true(fabs(name_entropy(text_of(cases[i].text)) - cases[i].bits) < 1e-6);
}

static void a_part_is_found_by_pairs_where_it_is_found_without(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "c", "cu", "curl/7.88", "Mozilla/5.0 (X11) cUrL/8",
	    "${JNDI:ldap://x}", "$[jndi:", "xcur l/", "WGET/1.2", "\xe3\x95/"};
	static const struct text parts[] = {
	    TEXT(""), TEXT("c"), TEXT("curl/"), TEXT("wget/"), TEXT("${jndi:")};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct text t = text_of(texts[i]);
		struct pairs pairs = pairs_of(t);
		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++)
			assert_int_equal(
			    pairs_contain(&pairs, t, parts[j]), text_contains_nocase(t, parts[j]));
	}
	struct text agent = TEXT("Mozilla/5.0 (X11) cUrL/8");
	struct pairs pairs = pairs_of(agent);
	assert_true(pairs_contain(&pairs, agent, TEXT("curl/")));
	assert_false(pairs_contain(&pairs, agent, TEXT("wget/")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_registered_domain_and_what_stands_below_it),
	    cmocka_unit_test(entropy_counts_each_character_by_its_share),
	    cmocka_unit_test(a_part_is_found_by_pairs_where_it_is_found_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
