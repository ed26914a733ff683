/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* [from, to); 0 leaves that side open. */
static bool overlaps(int64_t from, int64_t to, int64_t first, int64_t last)
{
	return (from == 0 || last >= from) && (to == 0 || first < to);
}

static bool outside(int64_t from, int64_t to, const struct archive_span *span)
{
	return (from || to) && span->untimed == 0 && !overlaps(from, to, span->first, span->last);
}

static bool flow_skip(const struct archive_query *q, const struct archive_span *span)
{
	return outside(q->filter.from, q->filter.to, span);
}

static bool flow_wants(const struct archive_query *q, const void *record)
{
	const struct archive_filter *f = &q->filter;
	const struct msg_flow *m = record;
	return (f->duplicates || m->duplicate_of == 0) &&
	       (!f->established_only || (m->payload_out && m->payload_in)) &&
	       overlaps(f->from, f->to, m->first, m->last) &&
	       (!q->keys.any || archive_keys_have_addr(&q->keys, m->initiator) ||
	           archive_keys_have_addr(&q->keys, m->responder) ||
	           archive_keys_have_name(&q->keys, m->name));
}

/* Marks the rows whose number in the column is among the entries found. */
static int mark_column(
    struct archive_block *b, unsigned column, const struct archive_found *found, uint8_t *marks)
{
	const struct archive_column_data *d = NULL;
	if (found->n == 0)
		return 0;
	int r = archive_block_column(b, column, &d);
	if (r < 0 || d->absent)
		return r;
	for (size_t i = 0; i < b->rows; i++)
		marks[i] |= archive_bit(found->entries, archive_stream_at(&d->numbers, i));
	return 0;
}

static size_t keep_marked(const uint8_t *marks, uint32_t *rows, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		rows[kept] = rows[i];
		kept += marks[rows[i]];
	}
	return kept;
}

static int keep_keys(struct archive_lookup *l, struct archive_block *b, uint32_t *rows, size_t *n)
{
	uint8_t marks[ARCHIVE_BLOCK_ROWS] = {0};
	int r = mark_column(b, ARCHIVE_FLOW_INITIATOR, &l->found[ARCHIVE_DICTIONARY_ADDRS], marks);
	if (r == 0)
		r = mark_column(b, ARCHIVE_FLOW_RESPONDER, &l->found[ARCHIVE_DICTIONARY_ADDRS], marks);
	if (r == 0)
		r = mark_column(b, ARCHIVE_FLOW_NAME, &l->found[ARCHIVE_DICTIONARY_NAMES], marks);
	if (r == 0)
		*n = keep_marked(marks, rows, *n);
	return r;
}

/* Keeps the rows of which the column is zero (want_zero) or isn't. */
static int keep_zero(struct archive_block *b, unsigned column, bool want_zero, uint32_t *rows, size_t *n)
{
	uint64_t v[ARCHIVE_BLOCK_ROWS];
	size_t kept = 0;
	int r = archive_block_pick(b, column, rows, *n, v);
	for (size_t i = 0; r == 0 && i < *n; i++) {
		rows[kept] = rows[i];
		kept += (v[i] == 0) == want_zero;
	}
	*n = kept;
	return r;
}

static int keep_window(struct archive_block *b, unsigned first_column, unsigned last_column, int64_t from,
    int64_t to, uint32_t *rows, size_t *n)
{
	uint64_t first[ARCHIVE_BLOCK_ROWS], last[ARCHIVE_BLOCK_ROWS];
	size_t kept = 0;
	int r = archive_block_pick(b, first_column, rows, *n, first);
	if (r == 0)
		r = archive_block_pick(b, last_column, rows, *n, last);
	for (size_t i = 0; r == 0 && i < *n; i++) {
		rows[kept] = rows[i];
		kept += overlaps(from, to, (int64_t)first[i], (int64_t)last[i]);
	}
	*n = kept;
	return r;
}

/* Whether all of the block's records lie in the window. */
static bool inside(const struct archive_block *b, int64_t from, int64_t to)
{
	const struct archive_span *s = &b->segment->blocks[b->number].span;
	return s->untimed == 0 && (from == 0 || s->first >= from) && (to == 0 || s->last < to);
}

static int flow_select(const struct archive_query *q, struct archive_lookup *l, struct archive_block *b,
    uint32_t *rows, size_t *n)
{
	const struct archive_filter *f = &q->filter;
	int r = archive_lookup_select_ends(l, q, b, rows, n);
	if (r == 0 && *n && l->by_key)
		r = keep_keys(l, b, rows, n);
	if (r == 0 && *n && (f->from || f->to) && !inside(b, f->from, f->to))
		r = keep_window(b, ARCHIVE_FLOW_FIRST, ARCHIVE_FLOW_LAST, f->from, f->to, rows, n);
	if (r == 0 && *n && !f->duplicates)
		r = keep_zero(b, ARCHIVE_FLOW_DUPLICATE_OF, true, rows, n);
	if (r == 0 && *n && f->established_only)
		r = keep_zero(b, ARCHIVE_FLOW_PAYLOAD_OUT, false, rows, n);
	if (r == 0 && *n && f->established_only)
		r = keep_zero(b, ARCHIVE_FLOW_PAYLOAD_IN, false, rows, n);
	return r;
}

int archive_query_flows(struct archive_query *q, const struct archive_filter *filter)
{
	*q = (struct archive_query){.skip = flow_skip,
	    .select = flow_select,
	    .wants = flow_wants,
	    .filter = filter ? *filter : (struct archive_filter){0}};
	q->columns = q->filter.columns;
	return archive_keys_of_flows(&q->keys, &q->filter);
}

/* The first of n ascending ids that isn't below id. */
static size_t ids_from(const uint64_t *ids, size_t n, uint64_t id)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool flow_id_wanted(const struct archive_query *q, uint64_t id)
{
	const struct archive_transaction_filter *f = &q->transactions;
	size_t at = ids_from(f->flows, f->n_flows, id);
	return at < f->n_flows && f->flows[at] == id;
}

static bool field_wanted(const struct archive_query *q, const struct field_value *f)
{
	struct net_addr a;
	switch (archive_field_dictionary(f->field)) {
	case ARCHIVE_DICTIONARY_ADDRS:
		if (f->value.n != sizeof(a.b))
			return false;
		memcpy(a.b, f->value.p, sizeof(a.b));
		return archive_keys_have_addr(&q->keys, a);
	case ARCHIVE_DICTIONARY_NAMES: return archive_keys_have_name(&q->keys, f->value);
	case ARCHIVE_DICTIONARY_VALUES: return archive_keys_have_value(&q->keys, f->value);
	case ARCHIVE_DICTIONARY_NONE:
	case ARCHIVE_DICTIONARIES: break;
	}
	return false;
}

static bool fields_wanted(const struct archive_query *q, const struct field_value *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (field_wanted(q, &fields[i]))
			return true;
	return false;
}

static bool transaction_skip(const struct archive_query *q, const struct archive_span *span)
{
	return outside(q->transactions.from, q->transactions.to, span);
}

/* Transactions of a block refer to flows of some ids: none of those asked for may be among them. */
static bool transaction_skip_block(const struct archive_query *q, const struct archive_block_entry *e)
{
	const struct archive_transaction_filter *f = &q->transactions;
	if (!f->flows || q->keys.any)
		return false;
	size_t at = ids_from(f->flows, f->n_flows, e->reference_min);
	return at == f->n_flows || f->flows[at] > e->reference_max;
}

static bool transaction_wants(const struct archive_query *q, const void *record)
{
	const struct archive_transaction_filter *f = &q->transactions;
	const struct msg_transaction *t = record;
	if (!overlaps(f->from, f->to, t->time, t->time))
		return false;
	return (!f->flows && !q->keys.any) || (f->flows && flow_id_wanted(q, t->flow)) ||
	       (q->keys.any && fields_wanted(q, t->fields.v, t->fields.n));
}

static int mark_flows(const struct archive_query *q, struct archive_block *b, uint8_t *marks)
{
	const struct archive_column_data *d = NULL;
	int r = archive_block_column(b, ARCHIVE_TRANSACTION_FLOW, &d);
	for (size_t i = 0; r == 0 && i < b->rows; i++)
		marks[i] |= flow_id_wanted(q, d->absent ? 0 : archive_stream_at(&d->numbers, i));
	return r;
}

static int mark_fields(const struct archive_query *q, struct archive_block *b, uint8_t *marks)
{
	const struct archive_column_data *d = NULL;
	int r = archive_block_column(b, ARCHIVE_TRANSACTION_FIELDS, &d);
	for (size_t i = 0; r == 0 && !d->absent && i < b->rows; i++)
		marks[i] |= fields_wanted(
		    q, d->fields + d->starts[i], (size_t)archive_stream_at(&d->numbers, i));
	return r;
}

static int transaction_select(const struct archive_query *q, struct archive_lookup *l,
    struct archive_block *b, uint32_t *rows, size_t *n)
{
	const struct archive_transaction_filter *f = &q->transactions;
	uint8_t marks[ARCHIVE_BLOCK_ROWS] = {0};
	int r = f->flows ? mark_flows(q, b, marks) : 0;
	if (r == 0 && q->keys.any && (l->by_key || archive_bit(l->blocks, b->number)))
		r = mark_fields(q, b, marks);
	if (r == 0 && (f->flows || q->keys.any))
		*n = keep_marked(marks, rows, *n);
	if (r == 0 && *n && (f->from || f->to) && !inside(b, f->from, f->to))
		r = keep_window(
		    b, ARCHIVE_TRANSACTION_TIME, ARCHIVE_TRANSACTION_TIME, f->from, f->to, rows, n);
	return r;
}

int archive_query_transactions(struct archive_query *q, const struct archive_transaction_filter *filter)
{
	*q = (struct archive_query){0};
	if (!filter)
		return 0;
	q->transactions = *filter;
	q->skip = transaction_skip;
	q->skip_block = transaction_skip_block;
	q->select = transaction_select;
	q->wants = transaction_wants;
	return archive_keys_of_transactions(&q->keys, filter);
}

void archive_query_free(struct archive_query *q)
{
	archive_keys_free(&q->keys);
}
