/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

/*
 * What a scan wants of a segment, in steps of rising cost: `skip` passes over segments and blocks by what
 * they span, keys are looked up in the segment's dictionaries and lead to the blocks that hold them, `select`
 * narrows a block's rows down by the columns that it needs. Records that are in no segment yet have none of
 * that: `wants` decides about them one by one. A step that is NULL lets everything through.
 */

#include "archive/archive.h"
#include "archive/keys.h"
#include "archive/reader.h"

/* What the keys and hints of a query lead to in one segment. One thread's; its memory serves the next
 * segment. Zeroed struct = none. */
struct archive_lookup {
	bool by_key; /* only blocks whose bit is set can hold a hit */
	uint64_t *blocks;
	struct archive_found found[ARCHIVE_DICTIONARIES]; /* entries that match; their `blocks` are these */
	size_t blocks_cap, entries_cap[ARCHIVE_DICTIONARIES];
	bool by_ends;
	uint8_t *from, *to; /* of each address: archive_hints.ends, but only bits that both have somewhere */
	bool from_is_rarer;
	size_t ends_cap;
	struct net_addr *asked; /* the addresses that a hint was asked about, their numbers and their bits */
	uint32_t *asked_numbers;
	uint8_t *asked_ends;
	size_t asked_cap, asked_numbers_cap, asked_ends_cap;
	uint8_t common[ARCHIVE_BLOCK_ROWS]; /* of each row that is selected, by its row: the bits in common */
};

struct archive_query {
	bool (*skip)(const struct archive_query *q, const struct archive_span *span);
	bool (*skip_block)(const struct archive_query *q, const struct archive_block_entry *entry);
	/* Narrows rows[0..*n) down. 0 or an error of reading the block. */
	int (*select)(const struct archive_query *q, struct archive_lookup *l, struct archive_block *b,
	    uint32_t *rows, size_t *n);
	bool (*wants)(const struct archive_query *q, const void *record);
	uint64_t columns;                               /* to be filled, as bits; all where 0 */
	struct archive_filter filter;                   /* of flows */
	struct archive_transaction_filter transactions; /* of transactions */
	struct archive_keys keys;
};

/* NULL: every flow but duplicates, as a zeroed filter. 0, -ENOMEM or -ERR_LIMIT. */
int archive_query_flows(struct archive_query *q, const struct archive_filter *filter);
/* NULL: all. */
int archive_query_transactions(struct archive_query *q, const struct archive_transaction_filter *filter);
void archive_query_free(struct archive_query *q);

/* Looks the query's keys up in the segment that the reader stands at. 1: nothing there can match; 0; or an
 * error. */
int archive_lookup_keys(struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r);
/* Asks the hints about the segment's addresses. The same returns, and what the hint gave. */
int archive_lookup_ends(
    struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r, void *context);
/* Keeps the rows whose ends have a bit in common, or, where nobody looks at ends, all. */
int archive_lookup_select_ends(struct archive_lookup *l, const struct archive_query *q,
    struct archive_block *b, uint32_t *rows, size_t *n);
void archive_lookup_free(struct archive_lookup *l);

static inline bool archive_bit(const uint64_t *bits, uint64_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

#endif
