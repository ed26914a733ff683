/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPREAD_SPREAD_H
#define SPREAD_SPREAD_H

/*
 * How far an intruder can have got: time-respecting reachability from seeds (asset, time) over the archive
 * (design 5.3). Label-setting, earliest arrival first, with the best grade for each asset; every hop cites
 * its flow record. Results live in the caller's arena.
 *
 * The archive is read in order of time, in threads, and only for flows from machines that are reached to
 * machines that could be reached sooner or surer by them. Of the hops those are kept that can still decide
 * (bounded: SPREAD_EDGES_MAX; when more would be needed, edges of one pair and application are merged to
 * their earliest and latest, which can only widen the spread, and `coarse` says so). Where even that leaves
 * no room (more pairs of machines than edges), -ERR_LIMIT: rather no answer than one that clears wrongly.
 *
 * doc/spread.md tells what a hop is, how it is graded, and why `cleared` can be relied upon.
 */

#include "base/arena.h"
#include "incident/asset.h"
#include "msg/msg.h"

enum {
	SPREAD_THREADS = 2,
	SPREAD_THREADS_MAX = 16,
	SPREAD_EDGES_MAX = 1 << 22,
	SPREAD_PATH_MAX = 64, /* hops of one path: of a longer one the last ones are kept */
	SPREAD_HOPS_MAX =
	    1 << 21, /* hops of all paths together: beyond it assets keep their last hop alone */
	SPREAD_ENTRIES_MAX = 1 << 18, /* candidate entries weighed at once */
};

enum spread_grade { /* worst first */
	SPREAD_CONFIRMED,
	SPREAD_LIKELY,
	SPREAD_POSSIBLE,
	SPREAD_UNSEEN,
	SPREAD_CLEARED,
};

struct spread_seed {
	uint32_t asset;
	int64_t time;
	bool confirmed; /* compromised; else suspect: it seeds `likely` */
};

struct spread_hop {
	uint32_t from, to; /* assets */
	int64_t time;      /* of arrival */
	uint16_t app;
	uint64_t flow;           /* record id */
	enum spread_grade grade; /* what this hop alone would give */
};

struct spread_asset {
	uint32_t asset;
	enum spread_grade grade;
	int64_t arrival;         /* earliest time at that grade; 0 for cleared and unseen */
	int64_t earliest;        /* at any grade, so never after arrival: what an upper bound must go by */
	struct spread_hop *path; /* from a seed to here, in order; NULL for seeds, cleared, unseen */
	size_t n_path;
};

struct spread_config {
	bool backflow;    /* also responder to initiator: a compromised server serving its clients */
	int64_t until;    /* 0: to the end */
	size_t edges_max; /* 0: SPREAD_EDGES_MAX */
	unsigned
	    threads; /* 0: SPREAD_THREADS; no more than SPREAD_THREADS_MAX. The answer doesn't hang on it */
};

struct spread_input {
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	struct archive *archive;
	const struct spread_seed *seeds;
	size_t n_seeds;
	const struct msg_detection *detections; /* a hop that one rests on is `confirmed` */
	size_t n_detections;
	/* Whether a sensor covered the asset's segment: NULL means all; else one byte an asset, 0: unseen. */
	const uint8_t *covered;
	struct spread_config config;
};

struct spread {
	struct spread_asset *assets; /* worst grade first, then by arrival; every asset of the map once */
	size_t n_assets;
	size_t by_grade[SPREAD_CLEARED + 1];
	uint64_t edges;  /* hops by which somebody is reached at his earliest */
	uint64_t looked; /* flows that were read in full to find them */
	bool coarse;
	bool paths_cut; /* a path is longer than is kept */
};

/* 0, -ENOMEM, -ERR_LIMIT or the archive's error. */
int spread_compute(const struct spread_input *in, struct arena *arena, struct spread *ret_spread);

/* A candidate first entry: an asset (or external peer) from which the given one can have been reached. */
struct spread_entry {
	uint32_t asset;
	struct net_addr peer; /* the external end of the first hop in, none where it came from inside */
	int64_t time;
	uint64_t flow;
	double rank; /* 1: a detection speaks for it; less by grade and number of hops */
};

/* Backward reach from (asset, time): at most `max` candidates, best first. Seeds are not used. The same
 * errors. */
int spread_entries(const struct spread_input *in, uint32_t asset, int64_t time, size_t max,
    struct arena *arena, struct spread_entry **ret_entries, size_t *ret_n);

const char *spread_grade_name(enum spread_grade g);

#endif
