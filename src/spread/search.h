/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPREAD_SEARCH_H
#define SPREAD_SEARCH_H

/*
 * The hops that decide: of all hops that an archive offers those by which somebody is reached at his earliest
 * time, ties included, at some grade. Whatever else the archive holds can't change an arrival, a path or a
 * grade, so reach.h gives over these few what it would give over all. Private to spread/.
 *
 * The archive is read segment by segment in order of time, only for flows from machines that are reached to
 * machines that could be reached earlier or surer (archive_hints), and segments are asked again when somebody
 * turns out to be reached earlier than they were asked for. doc/spread.md tells why that is enough.
 *
 * visit.c reads, search.c decides what is read and what is kept.
 */

#include "spread/edges.h"
#include "spread/reach.h"

/* Arrivals: of level g and asset a at v[g][a]; INT64_MAX: not reached. */
struct search_times {
	int64_t *v[REACH_LEVELS];
};

/* An address of an asset. */
struct search_end {
	struct net_addr addr;
	uint32_t asset;
};

struct search {
	const struct spread_input *in;
	struct spread_proof *proof;
	size_t n;                /* assets */
	struct search_end *ends; /* by address */
	struct net_addr *addrs;  /* of the ends */
	size_t n_ends;
	uint8_t *provable;         /* of each asset: a detection can make a hop to it `confirmed` */
	struct search_times times; /* the earliest arrivals that are known: only ever lowered */
	/* the arrivals for which all flows of the segments visited were asked */
	struct search_times asked;
	/* what lies between the arrivals and those asked for, over all assets: first > until where nothing
	 * does */
	int64_t open_first, open_until;
	/* Segments are visited in order of their ends, in which their records came. Those that end by
	 * fresh_from were visited before; those that end by fresh_until are now, for everybody. */
	int64_t fresh_from, fresh_until;
	/* The fresh ones are read whole: also hops from those who aren't reached yet. Then what is found in
	 * them needs no asking again: nothing that ends after covered_from does. */
	bool whole;
	int64_t covered_from;
	/* A good part of the assets was reached while flows of the fresh segments ran: of these only those
	 * that began before that can matter, which is worth reading when they began. */
	bool timed;
	int64_t earliest; /* of all arrivals */
	bool logins;      /* there are transactions that could tell of failed ones */
	struct spread_edges edges;
	uint64_t looked; /* flows */
};

/* Lowers arrivals to `bound` in bounds. */
static inline void search_lower(const struct search_times *t, unsigned level, uint32_t asset, int64_t to)
{
	if (to < t->v[level][asset])
		t->v[level][asset] = to;
}

enum { SEARCH_WHOLE_MAX = 1 << 20 }; /* hops that a thread holds of what is read whole */

/* Reads what search's fresh and open ranges want and appends the hops that are worth keeping to s->edges, in
 * threads. 0, -ENOMEM, -ERR_LIMIT or the archive's error; -E2BIG where what was to be read whole holds
 * too much: nothing was appended then. */
int search_visit(struct search *s);

/*
 * Sets e to the hops that decide and *ret_looked to how many flows were read in full. Of a store that asks no
 * hints e gets all hops: to ask it again and again would cost a scan each. The same errors.
 */
int spread_search(struct spread_edges *e, const struct spread_input *in, uint64_t *ret_looked);

/* What spread_search needs of the archive's segments: where they begin and end in time. */
struct search_span {
	int64_t first, last;
};
/* The segments by their ends, which the caller frees. 0, -ENOMEM or the archive's error. */
int search_spans(struct archive *archive, struct search_span **ret_spans, size_t *ret_n);

#endif
