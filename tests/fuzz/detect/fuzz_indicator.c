/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Feeds as bytes, in every format. Properties: nothing crashes; what was loaded can be asked for and tells
 * where it came from; the same bytes in a second set give the same counts; every entry is found by its own
 * key, and the list of a kind is in order. A value by hand is taken or refused with a reason.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "detect/indicator.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct indicator_set *load(const uint8_t *p, size_t n, enum indicator_format format, uint64_t seed)
{
	const struct indicator_options o = {.seed = seed};
	struct indicator_set *s;
	if (indicator_set_new(&s, &o) < 0)
		return NULL;
	if (n > 0 && p[n - 1] == 'w')
		(void)indicator_set_warning(s, "warning", text_bytes(p, n - 1));
	(void)indicator_set_load(s, "feed", format, text_bytes(p, n));
	return s;
}

static void ask(const struct indicator_set *s, const uint8_t *p, size_t n)
{
	struct text t = text_bytes(p, n < 300 ? n : 300);
	struct indicator i;
	struct net_addr a = {{0}};
	char buf[INDICATOR_TEXT_SIZE];
	memcpy(a.b, p, n < sizeof(a.b) ? n : sizeof(a.b));
	if (indicator_match_address(s, a, 443, 0, &i) || indicator_match_domain(s, t, 443, 0, &i) ||
	    indicator_match_url(s, t, t, 0, &i) || indicator_match_value(s, INDICATOR_JA4, t, 0, &i)) {
		assert(strlen(indicator_text(&i, buf)) < sizeof(buf));
		assert(strlen(indicator_origin(&i, buf)) < sizeof(buf));
	}
}

/* Asks for the entry as a record would. */
static void find_again(const struct indicator_set *s, const struct indicator *i)
{
	struct indicator_query q = {.kind = i->kind, .value = i->key};
	uint32_t numbers[INDICATOR_FOUND_MAX];
	bool found = false;
	if (i->kind == INDICATOR_URL) {
		q.value = text_sub(i->key, 0, text_find(i->key, '/'));
		q.target = text_sub(i->key, q.value.n, i->key.n);
	}
	size_t n = indicator_find(s, &q, numbers);
	for (size_t k = 0; k < n; k++) {
		struct indicator other;
		indicator_at(s, numbers[k], &other);
		found |= other.kind == i->kind && other.bits == i->bits && text_equal(other.key, i->key);
	}
	assert(found);
}

static void list_again(const struct indicator_set *s)
{
	enum { ASKED_MAX = 2000 };
	for (int kind = 0; kind < INDICATOR_KINDS; kind++) {
		size_t n = indicator_count_of(s, (enum indicator_kind)kind);
		struct indicator before, i;
		uint32_t *numbers;
		if (n == 0 || indicator_sorted(s, (enum indicator_kind)kind, &numbers) < 0)
			continue;
		for (size_t k = 0; k < n; k++) {
			indicator_at(s, numbers[k], &i);
			assert((int)i.kind == kind);
			assert(k == 0 || text_compare(before.key, i.key) <= 0);
			if (k < ASKED_MAX)
				find_again(s, &i);
			before = i;
		}
		free(numbers);
	}
}

static void add_by_hand(struct indicator_set *s, const uint8_t *p, size_t n)
{
	const char *warning = NULL, *why = NULL;
	size_t count = indicator_count(s);
	int error = indicator_set_add(s, text_bytes(p, n), &warning, &why);
	assert(error == 0 || why);
	assert((indicator_count(s) > count) == (error == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	for (int format = INDICATOR_FORMAT_AUTO; format <= INDICATOR_FORMAT_MISP; format++) {
		struct indicator_set *s = load(p, n, (enum indicator_format)format, 1);
		struct indicator_set *again = load(p, n, (enum indicator_format)format, 99);
		if (s && again) {
			assert(indicator_count(s) == indicator_count(again));
			assert(indicator_problem_count(s) == indicator_problem_count(again));
			struct indicator_problem problem;
			for (size_t i = 0; indicator_problem_at(s, i, &problem); i++)
				assert(problem.why.n > 0);
			ask(s, p, n);
			list_again(s);
			add_by_hand(s, p, n);
		}
		indicator_set_free(s);
		indicator_set_free(again);
	}
	return 0;
}
