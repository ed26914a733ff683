/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_MACHINES_H
#define DAEMON_MACHINES_H

/*
 * What the asset map and a report's header need of an archive's flows, without reading them all: who of the
 * inside ever sent something, which MACs stand for which addresses, and how many flows there are of when. An
 * address that is known to have sent, and a MAC that is known to hold it, are asked for no more: of an
 * archive of any size few flows are read in full.
 *
 * Memory: MACHINES_KEPT addresses; whoever finds no room is read again and again, which costs time alone.
 */

#include "archive/archive.h"
#include "incident/asset.h"
#include "net/zone.h"

enum { MACHINES_KEPT = 1 << 20, MACHINES_THREADS = 16 };

/* Flows, each once and duplicates aside, and what they span; first == 0: none has a time. */
struct machines_stat {
	uint64_t flows, duplicates;
	uint64_t unfinished; /* of the flows: known by snapshots alone */
	int64_t first, last;
};

/* Tells the map (before it is built) of the archive's flows. 0, -ENOMEM or the archive's error. */
int machines_read(
    struct asset_map *assets, const struct net_zone_map *zones, struct archive *archive, uint64_t seed);
/* Counts, in at most MACHINES_THREADS threads. The same errors. */
int machines_count(struct archive *archive, unsigned threads, struct machines_stat *ret_stat);

#endif
