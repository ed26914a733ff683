/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Spread and exposure from machines that somebody names: what a hunt's hits lead to. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/case_parts.h"

/* The seeds that are machines', and when the first of them begins. */
static int seeds_make(struct case_answers *a, const struct case_follow *follow,
    struct spread_seed **ret_seeds, size_t *ret_n, int64_t *ret_from)
{
	struct spread_seed *seeds = arena_array(&a->arena, follow->n_seeds, sizeof(*seeds));
	size_t n = 0;
	int64_t from = INT64_MAX;
	if (!seeds)
		return -ENOMEM;
	for (size_t i = 0; i < follow->n_seeds; i++) {
		const struct case_seed *s = &follow->seeds[i];
		uint32_t asset = asset_of(a->assets, s->addr);
		if (asset == ASSET_NONE) {
			a->seeds_left_out++;
			continue;
		}
		a->compromised[asset] |= s->confirmed;
		from = s->time < from ? s->time : from;
		seeds[n++] = (struct spread_seed){.asset = asset, .time = s->time, .confirmed = s->confirmed};
	}
	*ret_seeds = seeds;
	*ret_n = n;
	*ret_from = from;
	return 0;
}

/* Where no seed is a machine there is nothing to follow: no spread, no exposure. */
static int follow_all(struct case_answers *a, struct archive *archive, const struct site *site,
    const struct case_follow *follow, const struct case_options *options)
{
	struct spread_seed *seeds = NULL;
	struct exposure *exposures = NULL;
	size_t n = 0;
	int64_t from = 0;
	int r = seeds_make(a, follow, &seeds, &n, &from);
	if (r < 0 || n == 0)
		return r;
	r = case_spread(a, site, archive, options, seeds, n, &a->spread);
	if (r < 0)
		return r;
	struct exposure_input in = case_exposure_input(a, site, archive, a->spread, from);
	in.bad_peers = follow->peers;
	in.n_bad_peers = follow->n_peers;
	r = case_exposures(a, site, options, &in, 1, &exposures, &a->report.n_exposures);
	a->report.exposures = exposures;
	return r;
}

int case_follow(struct case_answers **ret_answers, struct archive *archive, const struct site *site,
    const struct case_follow *follow, const struct case_options *options)
{
	struct case_answers *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	int r = case_gather(a, archive, site, options);
	if (r == 0)
		r = follow_all(a, archive, site, follow, options);
	if (r < 0) {
		case_free(a);
		return r;
	}
	*ret_answers = a;
	return 0;
}
