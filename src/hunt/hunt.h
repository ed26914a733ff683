/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_HUNT_H
#define HUNT_HUNT_H

/*
 * Hunts: did we ever talk to any of these, when, what moved, and what of that can't be told (design 5.7)?
 * Indicators are looked up in the archive's dictionaries; what is read are the flows and transactions that
 * hold one. The answer is grouped by the inside machine and the indicator. Validity times of feeds don't
 * narrow a hunt, since the history lies before them; each hit says how many of its flows lie within. A flow
 * counts once in a hit: of its snapshots the last, of several vantages the fullest record.
 *
 * Which end is which: `asset` is the end that isn't the indicator's where that is inside or neither is; an
 * indicator that is itself inside and talks to the outside is the asset. Bytes are payload, out from the
 * asset. A look-up in DNS is no contact: its flows and bytes stand apart.
 *
 * A machine is the assets of the site file, else an address. doc/hunt.md tells more.
 *
 * The times of an expired run aren't known any more, so what was dropped is told whatever the window.
 *
 * Bounds: HUNT_HITS_MAX groups, HUNT_SEEN_MAX transactions' flows, HUNT_SNAPSHOTS_MAX snapshots; what finds
 * no room is counted, and the answer says so. The result owns all that it points to but the zone map's and
 * the indicators' texts.
 */

#include "archive/archive.h"
#include "base/arena.h"
#include "detect/indicator.h"
#include "incident/asset.h"
#include "net/zone.h"

enum {
	HUNT_HITS_MAX = 1 << 20,
	HUNT_SEEN_MAX = 1 << 20,
	HUNT_SNAPSHOTS_MAX = 1 << 20,
	HUNT_FLOWS_MAX = 32, /* record ids kept of a hit, the earliest */
	HUNT_PEERS_MAX = 8,
	HUNT_NOT_COVERED_MAX = 256,
	HUNT_LINKS_MAX = 1 << 16, /* coverage records */
	HUNT_NAMED_MAX = 1 << 18, /* of more bindings than this no names are taken */
};

/* What the ends of a hit's flows are to each other: bits. */
enum hunt_relation {
	HUNT_OUTSIDE = 1, /* the asset is inside, the indicator's end outside */
	HUNT_BETWEEN = 2, /* both are inside */
	HUNT_OURS = 4,    /* the indicator's end is inside, and is the asset */
	HUNT_PASSING = 8, /* neither is inside */
};

/* A link of the site file, handed over by whoever knows conf/. */
struct hunt_link {
	const char *name;
	const uint16_t *zones;
	size_t n_zones;
};

struct hunt_input {
	struct archive *archive;
	const struct indicator_set *indicators;
	const struct net_zone_map *zones;
	const struct asset_hint *assets; /* of the site file */
	size_t n_assets;
	const struct hunt_link
	    *links; /* of the site file; none: nothing is known of what should be observed */
	size_t n_links;
	int64_t from, to; /* flows that overlap and transactions within [from, to); to == 0: no end */
	uint16_t zone;    /* assets of this zone only; NET_ZONE_NONE: of all */
	unsigned threads; /* 0: one */
	uint64_t seed;    /* of hash tables */
	size_t hits_max;  /* 0: HUNT_HITS_MAX */
};

struct hunt_hit {
	struct indicator indicator; /* of several entries of one value and port the first loaded */
	uint32_t sources;           /* how many entries there are */
	struct net_addr asset;
	const char *name; /* of the asset; "" where none is known */
	uint16_t zone;
	uint32_t places;   /* bits 1 << enum indicator_place: where it stood */
	uint8_t relations; /* bits of enum hunt_relation */
	int64_t first, last;
	uint64_t bytes_out, bytes_in;
	uint64_t flows;         /* contacts: flows with the indicator's end */
	uint64_t opened;        /* of them, begun by the asset */
	uint64_t answered;      /* of them, with payload both ways */
	int64_t first_answered; /* 0: none was */
	uint64_t lookups;       /* flows in which it was only asked for or answered (DNS) */
	uint64_t lookup_bytes_out, lookup_bytes_in;
	uint64_t valid;      /* contacts and look-ups within the indicator's validity */
	const uint64_t *ids; /* the earliest HUNT_FLOWS_MAX records of contacts and look-ups, by time */
	size_t n_ids;
	struct net_addr peers[HUNT_PEERS_MAX]; /* the other ends of contacts, the smallest */
	size_t n_peers;
	bool more_peers;
};

/* What was not searched or can't be known, as a sentence and as numbers. */
enum hunt_gap_kind {
	HUNT_GAP_BEFORE,    /* before the first record */
	HUNT_GAP_AFTER,     /* after the last one */
	HUNT_GAP_LINK,      /* a link was not observed for a while */
	HUNT_GAP_NO_SENSOR, /* a link or zone of the site file that no sensor reported from */
	HUNT_GAP_LOSS,      /* packets lost, cut or unreadable on a link */
	HUNT_GAP_SILENT,    /* links that don't say what they lost */
	HUNT_GAP_SEGMENT,   /* a part of the archive that can't be read */
	HUNT_GAP_EXPIRED,   /* records dropped on purpose */
	HUNT_GAP_KIND,      /* indicators of a kind that no record carries */
	HUNT_GAP_FIELD,     /* what records of this kind can't show */
	HUNT_GAP_INDICATOR, /* entries of feeds that can't be used */
	HUNT_GAP_BOUND,     /* a bound was reached */
};

struct hunt_gap {
	enum hunt_gap_kind kind;
	bool unsearched;  /* it was asked for, and is recorded or readable elsewhere: the hunt isn't whole */
	const char *text; /* the sentence, printable */
	const char *link; /* "" where it is about none */
	int64_t from, to; /* 0: not said */
	uint64_t count;   /* packets, records or indicators, as the kind says */
};

struct hunt_result {
	struct arena arena;
	struct hunt_hit *hits; /* by bytes out (contacts before look-ups, and those by their own), then
	                          first; of equals by asset and indicator */
	size_t n_hits;
	uint64_t hits_left_out; /* that found no room */
	uint64_t assets;        /* with hits */
	uint64_t indicators_hit;
	struct hunt_gap *gaps;
	size_t n_gaps;
	uint64_t gaps_left_out; /* of which the last one speaks */
	bool unsearched;        /* one of them is */
	/* what was searched */
	int64_t from, to;    /* as asked; 0: open */
	int64_t first, last; /* of the archive's records */
	uint64_t flows, transactions;
	uint64_t segments, segments_entered, blocks, blocks_read;
	const char **links; /* that gave coverage */
	size_t n_links;
	size_t indicators[INDICATOR_KINDS];
	size_t indicators_all;
};

/* 0, -ENOMEM or the archive's error. What can't be read of the archive is no error but a gap. */
int hunt_run(const struct hunt_input *in, struct hunt_result **ret_result);
void hunt_free(struct hunt_result *r);
/* Adds what the caller knows to be not covered; `format` makes a whole sentence of printable text. 0 or
 * -ENOMEM. */
int hunt_add_gap(struct hunt_result *r, const struct hunt_gap *gap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "gap", "before" ...: for programs. */
const char *hunt_gap_name(enum hunt_gap_kind kind);

#endif
