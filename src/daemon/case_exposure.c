/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "daemon/case_parts.h"

/* The zones whose exposure is asked for: the named one, else the protected ones, else the internal ones. */
static int exposure_zones(
    const struct site *site, const struct case_options *options, uint16_t *zones, size_t *ret_n)
{
	size_t n = 0, all = net_zone_count(site->zones);
	if (options->zone) {
		int zone = net_zone_find(site->zones, text_of(options->zone));
		if (zone < 0)
			return -ENOENT;
		zones[n++] = (uint16_t)zone;
	}
	static const enum net_zone_class order[] = {NET_ZONE_PROTECTED, NET_ZONE_INTERNAL};
	for (size_t c = 0; c < 2 && n == 0; c++)
		for (size_t z = 0; z < all; z++)
			if (net_zone_at(site->zones, (uint16_t)z)->class == order[c])
				zones[n++] = (uint16_t)z;
	*ret_n = n;
	return 0;
}

struct exposure_input case_exposure_input(const struct case_answers *a, const struct site *site,
    struct archive *archive, const struct spread *spread, int64_t from)
{
	return (struct exposure_input){.assets = a->assets,
	    .zones = site->zones,
	    .archive = archive,
	    .spread = spread,
	    .compromised = a->compromised,
	    .coverage = a->report.coverage,
	    .n_coverage = a->report.n_coverage,
	    .from = from,
	    .baseline_until = from};
}

int case_exposures(struct case_answers *a, const struct site *site, const struct case_options *options,
    const struct exposure_input *asked, size_t n, struct exposure **ret_exposures, size_t *ret_n_zones)
{
	uint16_t zones[NET_ZONE_MAX];
	size_t n_zones;
	int r = exposure_zones(site, options, zones, &n_zones);
	if (r < 0)
		return r;
	struct exposure_input *ins = arena_array(&a->arena, n * n_zones, sizeof(*ins));
	struct exposure *out = arena_array(&a->arena, n * n_zones, sizeof(*out));
	if (!ins || !out)
		return -ENOMEM;
	for (size_t i = 0; i < n * n_zones; i++) {
		ins[i] = asked[i / n_zones];
		ins[i].zone = zones[i % n_zones];
	}
	r = exposure_compute_all(ins, n * n_zones, &a->arena, out);
	*ret_exposures = out;
	*ret_n_zones = n_zones;
	return r;
}
