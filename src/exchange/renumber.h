/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_RENUMBER_H
#define EXCHANGE_RENUMBER_H

/*
 * Ids and vantages of records that move to another archive: first each record is counted, then a plan is made
 * from what the archive holds, and by it each record is changed. Only ranges are kept, no ids.
 */

#include "archive/archive.h"
#include "exchange/kinds.h"

struct exchange_ids {
	uint64_t records, without; /* of them, those without an id */
	uint64_t min, max;         /* of the ids */
};

struct exchange_renumber {
	struct exchange_kind kinds[ARCHIVE_KINDS];
	struct exchange_ids ids[ARCHIVE_KINDS];
	uint64_t min, max; /* of all ids, and of all references */
	bool any;
	uint16_t vantage_max;
	/* the plan */
	uint64_t add, add_vantage;
	uint64_t next; /* the id of the next record that has none */
};

void exchange_renumber_begin(struct exchange_renumber *n);
void exchange_renumber_count(struct exchange_renumber *n, unsigned record, const void *m);
/* 0; -ERR_LIMIT where ids or vantages would pass their bound; an error of the archive. extra: ids that the
 * caller takes behind, from n->next on. */
int exchange_renumber_plan(struct exchange_renumber *n, struct archive *a, uint64_t extra);
/* Changes a record. Lists are changed in place: what they lead to must be the caller's. */
void exchange_renumber_apply(struct exchange_renumber *n, unsigned record, void *m);

#endif
