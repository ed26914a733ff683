/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve(void **p, size_t *cap, size_t n, size_t size)
{
	if (n <= *cap)
		return 0;
	void *grown = reallocarray(NULL, n, size);
	if (!grown)
		return -ENOMEM;
	free(*p);
	*p = grown;
	*cap = n;
	return 0;
}

#define RESERVE(p, cap, n) reserve((void **)&(p), &(cap), n, sizeof(*(p)))

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
	if (RESERVE(found->entries, l->entries_cap[d], words) < 0)
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
	if (RESERVE(l->blocks, l->blocks_cap, words) < 0)
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

int archive_lookup_ends(
    struct archive_lookup *l, const struct archive_query *q, struct archive_reader *r, void *context)
{
	const struct archive_hints *h = q->filter.hints;
	struct archive_dictionary_reader *d = &r->dictionaries[ARCHIVE_DICTIONARY_ADDRS];
	l->by_ends = h && h->ends;
	if (!l->by_ends)
		return 0;
	int error = archive_dictionary_all(d);
	if (error < 0)
		return error;
	if (2 * d->n > l->ends_cap) {
		uint8_t *ends = malloc(2 * d->n);
		if (!ends)
			return -ENOMEM;
		free(l->from);
		l->from = ends;
		l->ends_cap = 2 * d->n;
	}
	l->to = l->from + d->n;
	if (d->n == 0)
		return 1;
	memset(l->from, 0, 2 * d->n);
	error = h->ends(context, d->addrs, d->n, l->from, l->to);
	if (error)
		return error < 0 ? error : 0;
	for (size_t i = 0; i < d->n; i++)
		if (l->from[i])
			return 0;
	return 1;
}

int archive_lookup_select_ends(struct archive_lookup *l, struct archive_block *b, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *from = NULL, *to = NULL;
	size_t kept = 0;
	if (!l->by_ends) {
		memset(l->common, 0xff, b->rows);
		return 0;
	}
	int r = archive_block_column(b, ARCHIVE_FLOW_INITIATOR, &from);
	if (r == 0)
		r = archive_block_column(b, ARCHIVE_FLOW_RESPONDER, &to);
	if (r < 0)
		return r;
	/* columns of addresses have no chunk only if they were added to the schema later */
	for (size_t i = 0; !from->absent && !to->absent && i < *n; i++) {
		uint32_t row = rows[i];
		uint8_t common = l->from[archive_stream_at(&from->numbers, row)] &
		                 l->to[archive_stream_at(&to->numbers, row)];
		l->common[row] = common;
		rows[kept] = row;
		kept += common != 0;
	}
	*n = kept;
	return 0;
}

void archive_lookup_free(struct archive_lookup *l)
{
	free(l->blocks);
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		free(l->found[d].entries);
	free(l->from);
	*l = (struct archive_lookup){0};
}
