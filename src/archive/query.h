/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

/*
 * What a scan wants, in three steps of rising cost: `skip` passes over whole segments and blocks by what they
 * span, `select` narrows a block's rows down by the columns that it needs, `wants` has the last word on a
 * record. The first two may let through too much, never too little. A step that is NULL lets everything
 * through.
 */

#include "archive/archive.h"
#include "archive/block.h"
#include "archive/keys.h"

struct archive_query {
	bool (*skip)(const struct archive_query *q, const struct archive_span *span);
	/* Narrows rows[0..*n) down. 0 or an error of reading the block. */
	int (*select)(const struct archive_query *q, struct archive_block *b, uint32_t *rows, size_t *n);
	bool (*wants)(const struct archive_query *q, const void *record);
	struct archive_filter filter;                   /* of flows */
	struct archive_transaction_filter transactions; /* of transactions */
	struct archive_keys keys;
};

/* NULL: every flow but duplicates, as a zeroed filter. 0 or -ENOMEM. */
int archive_query_flows(struct archive_query *q, const struct archive_filter *filter);
/* NULL: all. */
int archive_query_transactions(struct archive_query *q, const struct archive_transaction_filter *filter);
void archive_query_free(struct archive_query *q);

#endif
