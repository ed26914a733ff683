/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_EXPOSURE_H
#define EXPOSURE_EXPOSURE_H

/*
 * What can have left a zone, at the most (design 5.6). Results live in the caller's arena.
 *
 * direct_bytes: the payload of every flow that carried data out of the zone in the window, whoever asked for
 * it. chained_bytes: the maximum flow from the zone to the outside in the time-expanded graph of observed
 * transfers, through machines that the intruder can have reached (spread grade better than cleared, from
 * their arrival on), so that staged theft counts and nothing counts twice. The tightest upper bound for the
 * intruder. chained_any_bytes: the same through any machine: what holds even if the spread is wrong. Each is
 * an upper bound: a lost packet counts as a full one. A flow inside a tunnel whose outer flow crosses the
 * same border is not counted again. A machine with an address in the zone belongs to it with all its
 * addresses.
 *
 * doc/exposure.md proves the bounds, says what they rest on, and what a full packet is.
 */

#include "base/arena.h"
#include "incident/asset.h"
#include "msg/msg.h"
#include "spread/spread.h"

enum exposure_class { EXPOSURE_COMPROMISED, EXPOSURE_INDICATOR, EXPOSURE_FIRST_SEEN, EXPOSURE_BASELINE };

struct exposure_destination {
	struct net_addr addr;
	const char *name;
	uint16_t zone; /* NET_ZONE_NONE or an external zone: outside */
	enum exposure_class class;
	uint64_t payload_bytes;
	const uint64_t *flows; /* record ids, the largest first, at most EXPOSURE_FLOWS_MAX */
	size_t n_flows;
	uint64_t flows_total;
};

enum { EXPOSURE_FLOWS_MAX = 64, EXPOSURE_DESTINATIONS_MAX = 4096, EXPOSURE_TRANSFERS_MAX = 200000 };

/* A hop of the chained bound that carried something: for the report and as the bound's proof. Where there are
 * very many, one stands for several flows between two machines, and the largest of them is cited. */
struct exposure_transfer {
	struct net_addr from, to;
	int64_t first, last;
	uint64_t capacity, used; /* bytes; used: in the maximum flow */
	uint64_t flow;           /* a record id */
};

struct exposure_coverage {
	const struct msg_coverage *links;
	size_t n_links;
	uint64_t lost_packets;     /* known losses */
	bool losses_unknown;       /* at least one link doesn't say */
	uint64_t lost_bytes_bound; /* each lost packet as a full one */
	const char **not_seen;     /* sentences: what can't be seen from here */
	size_t n_not_seen;
};

struct exposure {
	uint16_t zone;
	int64_t from, to;
	uint64_t direct_bytes;
	uint64_t direct_external_bytes; /* of those, straight to the outside */
	uint64_t chained_bytes;
	uint64_t chained_any_bytes;
	bool coarse; /* more transfers than EXPOSURE_TRANSFERS_MAX: merged, which can only raise the bound */
	uint64_t destinations_total; /* all of them; those beyond EXPOSURE_DESTINATIONS_MAX have no row */
	uint64_t destinations_unlisted_bytes;
	struct exposure_destination *destinations; /* worst class first, then by bytes */
	size_t n_destinations;
	struct exposure_transfer *transfers; /* used > 0, by time */
	size_t n_transfers;
	struct exposure_coverage coverage;
};

struct exposure_input {
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	struct archive *archive;
	const struct spread *spread; /* NULL: no incident, chained_bytes == chained_any_bytes */
	const uint8_t *compromised;  /* one byte an asset; NULL: none */
	const struct net_addr
	    *bad_peers; /* sorted: external addresses that an indicator or detection names */
	size_t n_bad_peers;
	const struct msg_coverage *coverage;
	size_t n_coverage;
	uint16_t zone;
	int64_t from, to;       /* to == 0: to the end */
	int64_t baseline_until; /* destinations seen before this are `baseline`; 0: `from` */
	size_t transfers_max;   /* 0: EXPOSURE_TRANSFERS_MAX */
};

/* Worked out in one go: as many sets of transfers and destinations are in memory at once. */
enum { EXPOSURE_TOGETHER_MAX = 4 };

/* 0, -ENOMEM or the archive's error. */
int exposure_compute(const struct exposure_input *in, struct arena *arena, struct exposure *ret_exposure);
/*
 * exposures[i] of ins[i], of one archive, asset map and zone map: each EXPOSURE_TOGETHER_MAX of them by the
 * same passes over the archive. The same errors, after which they are not to be looked at.
 */
int exposure_compute_all(
    const struct exposure_input *ins, size_t n, struct arena *arena, struct exposure *exposures);
const char *exposure_class_name(enum exposure_class c);

#endif
