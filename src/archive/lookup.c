/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

/* Of fewer rows than this part of a block a column's values are picked one by one. */
enum { FEW_PARTS = 4 };

/* Whether the query has keys for a dictionary. */
static bool has_keys(const struct archive_keys *k, enum archive_dictionary d)
{
	switch (d) {
	case ARCHIVE_DICTIONARY_ADDRS: return k->n_addrs || k->n_ranges;
	case ARCHIVE_DICTIONARY_NAMES: return k->n_names > 0;
	case ARCHIVE_DICTIONARY_VALUES: return k->n_values > 0;
	case ARCHIVE_DICTIONARY_NONE:
	case ARCHIVE_DICTIONARIES: break;
	}
	return false;
}

static int look_up(struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r,
    enum archive_dictionary d)
{
	struct archive_found *found = &l->found[d];
	size_t words = (r->segment.trailer.entries[d] + (size_t)63) / 64;
	found->n = 0;
	found->blocks = l->blocks;
	if (!has_keys(&q->keys, d) || words == 0)
		return 0;
	if (VEC_ROOM(found->entries, &l->entries_cap[d], words) < 0)
		return -ENOMEM;
	memset(found->entries, 0, words * sizeof(*found->entries));
	return archive_dictionary_find(&r->dictionaries[d], &q->keys, found);
}

int archive_lookup_keys(struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r)
{
	size_t words = (r->segment.trailer.n_blocks + (size_t)63) / 64, hits = 0;
	/* with flows asked for too, a block can hold a hit that no key leads to */
	l->by_key = q->keys.any && !q->transactions.flows;
	if (!q->keys.any)
		return 0;
	if (VEC_ROOM(l->blocks, &l->blocks_cap, words) < 0)
		return -ENOMEM;
	memset(l->blocks, 0, words * sizeof(*l->blocks));
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++) {
		int error = look_up(l, q, r, (enum archive_dictionary)d);
		if (error < 0)
			return error;
		hits += l->found[d].n;
	}
	return l->by_key && hits == 0;
}

/* Leaves of the bits of each side those that the other has, and sees which side has fewer addresses left.
 * Bits of rare flags don't count there. 1: nothing is left. */
static int ends_reduce(struct archive_lookup *l, uint8_t *of_from, uint8_t *of_to, size_t n, uint8_t flagged)
{
	uint8_t from = 0, to = 0;
	size_t n_from = 0, n_to = 0;
	for (size_t i = 0; i < n; i++) {
		from |= of_from[i];
		to |= of_to[i];
	}
	uint8_t common = from & to;
	for (size_t i = 0; i < n; i++) {
		of_from[i] &= common;
		of_to[i] &= common;
		n_from += (of_from[i] & ~flagged) != 0;
		n_to += (of_to[i] & ~flagged) != 0;
	}
	l->from_is_rarer = n_from <= n_to;
	return common == 0;
}

/* Of all addresses. */
static int ends_of_all(struct archive_lookup *l, const struct archive_hints *h,
    struct archive_dictionary_reader *d, void *context)
{
	int error = archive_dictionary_all(d);
	if (error == 0)
		error = h->ends(context, d->addrs, d->n, l->from, l->to);
	return error ? error : ends_reduce(l, l->from, l->to, d->n, h->flagged);
}

/* Of the addresses that the hint knows of. */
static int ends_of_asked(struct archive_lookup *l, const struct archive_hints *h,
    struct archive_dictionary_reader *d, void *context)
{
	size_t n = 0;
	if (VEC_ROOM(l->asked, &l->asked_cap, h->n_addrs + 1) < 0 ||
	    VEC_ROOM(l->asked_numbers, &l->asked_numbers_cap, h->n_addrs + 1) < 0 ||
	    VEC_ROOM(l->asked_ends, &l->asked_ends_cap, 2 * h->n_addrs + 1) < 0)
		return -ENOMEM;
	int error = archive_dictionary_among(d, h->addrs, h->n_addrs, l->asked, l->asked_numbers, &n);
	uint8_t *from = l->asked_ends, *to = from + n;
	memset(from, 0, 2 * n);
	if (error == 0 && n)
		error = h->ends(context, l->asked, n, from, to);
	if (error == 0)
		error = ends_reduce(l, from, to, n, h->flagged);
	for (size_t i = 0; error == 0 && i < n; i++) {
		l->from[l->asked_numbers[i]] = from[i];
		l->to[l->asked_numbers[i]] = to[i];
	}
	return error;
}

int archive_lookup_ends(
    struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r, void *context)
{
	const struct archive_hints *h = q->filter.hints;
	struct archive_dictionary_reader *d = &r->dictionaries[ARCHIVE_DICTIONARY_ADDRS];
	l->by_ends = h && h->ends;
	if (!l->by_ends)
		return 0;
	if (VEC_ROOM(l->from, &l->ends_cap, 2 * d->n) < 0)
		return -ENOMEM;
	l->to = l->from + d->n;
	if (d->n == 0)
		return 1;
	memset(l->from, 0, 2 * d->n);
	return h->addrs ? ends_of_asked(l, h, d, context) : ends_of_all(l, h, d, context);
}

/* Keeps the rows that have bits in common with the marks of their entry of the column. Where few are left,
 * the column is not decoded for the others. */
static int keep_common(struct archive_lookup *l, struct archive_block *b, unsigned column,
    const uint8_t *marks, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *d = NULL;
	uint64_t picked[ARCHIVE_BLOCK_ROWS];
	bool few = *n < b->rows / FEW_PARTS;
	size_t kept = 0;
	int r = few ? archive_block_pick(b, column, rows, *n, picked) : archive_block_column(b, column, &d);
	if (r != 0)
		return r;
	/* columns of addresses have no chunk only if they were added to the schema later */
	for (size_t i = 0; (few || !d->absent) && i < *n; i++) {
		uint32_t row = rows[i];
		uint8_t common = l->common[row] &
		                 marks[few ? picked[i] : archive_stream_at(&d->numbers, row)];
		l->common[row] = common;
		rows[kept] = row;
		kept += common != 0;
	}
	*n = kept;
	return 0;
}

/* Takes the bits from the rows that have not the flags for them. */
static int drop_unflagged(struct archive_lookup *l, const struct archive_hints *h, struct archive_block *b,
    uint32_t *rows, size_t *n)
{
	const struct archive_column_data *d = NULL;
	size_t kept = 0;
	bool any = false;
	int r = archive_block_any(b, MSG_FLOW_FIELD_FLAGS, h->flags, &any);
	if (r == 0 && !any) {
		memset(l->common, (uint8_t)~h->flagged, b->rows);
		return 0;
	}
	if (r == 0)
		r = archive_block_column(b, MSG_FLOW_FIELD_FLAGS, &d);
	if (r != 0)
		return r;
	for (size_t i = 0; i < *n; i++) {
		uint32_t row = rows[i];
		uint64_t flags = d->absent ? 0 : archive_stream_at(&d->numbers, row);
		if (!(flags & h->flags))
			l->common[row] &= (uint8_t)~h->flagged;
		rows[kept] = row;
		kept += l->common[row] != 0;
	}
	*n = kept;
	return 0;
}

int archive_lookup_select_ends(struct archive_lookup *l, const struct archive_query *q,
    struct archive_block *b, uint32_t *rows, size_t *n)
{
	memset(l->common, 0xff, b->rows);
	if (!l->by_ends)
		return 0;
	const struct archive_hints *h = q->filter.hints;
	/* the end that fewer addresses can be comes first, and flags before both: mostly they are all alike
	 */
	int r = h->flagged ? drop_unflagged(l, h, b, rows, n) : 0;
	unsigned first = l->from_is_rarer ? ARCHIVE_FLOW_INITIATOR : ARCHIVE_FLOW_RESPONDER;
	if (r == 0 && *n)
		r = keep_common(l, b, first, l->from_is_rarer ? l->from : l->to, rows, n);
	if (r == 0 && *n)
		r = keep_common(l, b, l->from_is_rarer ? ARCHIVE_FLOW_RESPONDER : ARCHIVE_FLOW_INITIATOR,
		    l->from_is_rarer ? l->to : l->from, rows, n);
	return r;
}

void archive_lookup_free(struct archive_lookup *l)
{
	free(l->blocks);
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		free(l->found[d].entries);
	free(l->from);
	free(l->asked);
	free(l->asked_numbers);
	free(l->asked_ends);
	*l = (struct archive_lookup){0};
}
