/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Feeds as bytes, in every format. Properties: nothing crashes; what was loaded can be asked for and tells
 * where it came from; the same bytes in a second set give the same counts.
 */

#include <assert.h>
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
		}
		indicator_set_free(s);
		indicator_set_free(again);
	}
	return 0;
}
