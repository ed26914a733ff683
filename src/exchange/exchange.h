/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

/*
 * What other tools read. STIX 2.1 (OASIS): one bundle for an incident, with the incident core and impact
 * extensions, the byte bound as confidentiality impact, indicators, infrastructure, observed-data, courses of
 * action, TLP 2.0 marking on each object. EVE JSON: Suricata's record forms, one a line, so that existing
 * parsers work. Both return 0 or -errno.
 */

#include <stdio.h>

#include "archive/archive.h"
#include "contain/plan.h"
#include "exposure/exposure.h"
#include "incident/incident.h"
#include "spread/spread.h"

struct exchange_incident {
	const struct incident *incident;
	const struct spread *spread;
	const struct plan *plans; /* PLAN_COUNT */
	const struct exposure *exposures;
	size_t n_exposures;
};

/* `made`: the objects' created and modified time. Object ids are deterministic (UUIDv5). tlp: the least
 * restrictive marking; an indicator with a stricter one raises it, and TLP:RED material is left out. */
int exchange_stix(const struct exchange_incident *i, const struct asset_map *assets,
    const struct net_zone_map *zones, struct archive *archive, const char *organization, enum msg_tlp tlp,
    int64_t made, FILE *out);
/* The flow records of the flows that the filter wants. */
int exchange_eve_flows(struct archive *archive, const struct archive_filter *filter, FILE *out);

#endif
