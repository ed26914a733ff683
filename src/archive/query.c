/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/query.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool has_window(const struct archive_filter *f)
{
	return f->from != 0 || f->to != 0;
}

/* [from, to); 0 leaves that side open. */
static bool overlaps(const struct archive_filter *f, int64_t first, int64_t last)
{
	return (f->from == 0 || last >= f->from) && (f->to == 0 || first < f->to);
}

static bool flow_skip(const struct archive_query *q, const struct archive_span *span)
{
	return has_window(&q->filter) && span->untimed == 0 && !overlaps(&q->filter, span->first, span->last);
}

static bool flow_wants(const struct archive_query *q, const void *record)
{
	const struct archive_filter *f = &q->filter;
	const struct msg_flow *m = record;
	return (f->duplicates || m->duplicate_of == 0) &&
	       (!f->established_only || (m->payload_out && m->payload_in)) &&
	       overlaps(f, m->first, m->last) &&
	       (!q->keys.any || archive_keys_have_addr(&q->keys, m->initiator) ||
	           archive_keys_have_addr(&q->keys, m->responder) ||
	           archive_keys_have_name(&q->keys, m->name));
}

static uint64_t value(const struct archive_column_data *d, size_t row)
{
	return d->absent ? 0 : archive_stream_at(&d->numbers, row);
}

/* Keeps the rows of which the column is zero (want_zero) or isn't. */
static int keep_zero(struct archive_block *b, unsigned column, bool want_zero, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *d;
	size_t kept = 0;
	int r = archive_block_column(b, column, &d);
	if (r < 0)
		return r;
	if (d->absent && want_zero)
		return 0;
	for (size_t i = 0; i < *n; i++) {
		rows[kept] = rows[i];
		kept += (value(d, rows[i]) == 0) == want_zero;
	}
	*n = kept;
	return 0;
}

static int keep_window(const struct archive_filter *f, struct archive_block *b, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *first = NULL, *last = NULL;
	size_t kept = 0;
	int r = archive_block_column(b, ARCHIVE_FLOW_FIRST, &first);
	if (r == 0)
		r = archive_block_column(b, ARCHIVE_FLOW_LAST, &last);
	if (r < 0)
		return r;
	assert(first && last);
	for (size_t i = 0; i < *n; i++) {
		rows[kept] = rows[i];
		kept += overlaps(f, (int64_t)value(first, rows[i]), (int64_t)value(last, rows[i]));
	}
	*n = kept;
	return 0;
}

/* The first of n ascending addresses from `at` on that isn't below a: doubling steps, then halving, so that a
 * pass over both lists costs what the shorter is long, times the logarithm of the gaps. */
static size_t seek(const struct net_addr *addrs, size_t n, size_t at, struct net_addr a)
{
	size_t step = 1, low = at;
	while (low + step < n && net_addr_compare(addrs[low + step], a) < 0) {
		low += step;
		step *= 2;
	}
	size_t high = low + step < n ? low + step : n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (net_addr_compare(addrs[middle], a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks the entries of the block's dictionary that are wanted, and gives how many there are. Both lists
 * ascend. */
static size_t mark_addrs(const struct archive_filter *f, const struct archive_block *b, uint8_t *wanted)
{
	size_t hits = 0, i = 0, k = 0;
	while (i < f->n_addrs && k < b->n_addrs) {
		int order = net_addr_compare(f->addrs[i], b->addrs[k]);
		if (order == 0) {
			hits += wanted[k++] = 1;
			i++;
		} else if (order < 0) {
			i = seek(f->addrs, f->n_addrs, i, b->addrs[k]);
		} else {
			k = seek(b->addrs, b->n_addrs, k, f->addrs[i]);
		}
	}
	return hits;
}

static int keep_marked(struct archive_block *b, const uint8_t *wanted, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *from = NULL, *to = NULL;
	size_t kept = 0;
	int r = archive_block_column(b, ARCHIVE_FLOW_INITIATOR, &from);
	if (r == 0)
		r = archive_block_column(b, ARCHIVE_FLOW_RESPONDER, &to);
	if (r < 0)
		return r;
	assert(from && to);
	for (size_t i = 0; i < *n; i++) {
		rows[kept] = rows[i];
		/* an absent column is all "no address", which is not in the dictionary: left to flow_wants */
		kept += from->absent || to->absent || wanted[value(from, rows[i])] ||
		        wanted[value(to, rows[i])];
	}
	*n = kept;
	return 0;
}

static int keep_addrs(const struct archive_filter *f, struct archive_block *b, uint32_t *rows, size_t *n)
{
	int r = archive_block_addrs(b);
	if (r < 0)
		return r;
	uint8_t *wanted = calloc(b->n_addrs, 1);
	if (!wanted)
		return -ENOMEM;
	if (mark_addrs(f, b, wanted) == 0)
		*n = 0;
	else
		r = keep_marked(b, wanted, rows, n);
	free(wanted);
	return r;
}

static int flow_select(const struct archive_query *q, struct archive_block *b, uint32_t *rows, size_t *n)
{
	const struct archive_filter *f = &q->filter;
	int r = f->addrs && !f->prefixes && !f->domains ? keep_addrs(f, b, rows, n) : 0;
	if (r == 0 && *n && has_window(f))
		r = keep_window(f, b, rows, n);
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
	return archive_keys_of_flows(&q->keys, &q->filter);
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static bool flow_id_wanted(const struct archive_query *q, uint64_t id)
{
	return q->transactions.n_flows &&
	       bsearch(&id, q->transactions.flows, q->transactions.n_flows, sizeof(id), compare_ids);
}

static bool field_wanted(const struct archive_query *q, const struct field_value *f)
{
	struct net_addr a;
	switch (archive_field_index(f->field)) {
	case ARCHIVE_FIELD_ADDR:
		if (f->value.n != sizeof(a.b))
			return false;
		memcpy(a.b, f->value.p, sizeof(a.b));
		return archive_keys_have_addr(&q->keys, a);
	case ARCHIVE_FIELD_NAME: return archive_keys_have_name(&q->keys, f->value);
	case ARCHIVE_FIELD_VALUE: return archive_keys_have_value(&q->keys, f->value);
	case ARCHIVE_FIELD_PLAIN: break;
	}
	return false;
}

static bool transaction_wants(const struct archive_query *q, const void *record)
{
	const struct archive_transaction_filter *f = &q->transactions;
	const struct msg_transaction *t = record;
	if ((f->from && t->time < f->from) || (f->to && t->time >= f->to))
		return false;
	if (!f->flows && !q->keys.any)
		return true;
	bool wanted = f->flows && flow_id_wanted(q, t->flow);
	for (uint32_t i = 0; q->keys.any && !wanted && i < t->fields.n; i++)
		wanted = field_wanted(q, &t->fields.v[i]);
	return wanted;
}

static int transaction_select(
    const struct archive_query *q, struct archive_block *b, uint32_t *rows, size_t *n)
{
	const struct archive_column_data *flow;
	size_t kept = 0;
	int r = archive_block_column(b, ARCHIVE_TRANSACTION_FLOW, &flow);
	if (r < 0)
		return r;
	for (size_t i = 0; i < *n; i++) {
		rows[kept] = rows[i];
		kept += flow_id_wanted(q, value(flow, rows[i]));
	}
	*n = kept;
	return 0;
}

int archive_query_transactions(struct archive_query *q, const struct archive_transaction_filter *filter)
{
	*q = (struct archive_query){0};
	if (!filter)
		return 0;
	q->transactions = *filter;
	q->wants = transaction_wants;
	int r = archive_keys_of_transactions(&q->keys, filter);
	if (filter->flows && !q->keys.any)
		q->select = transaction_select;
	return r;
}

void archive_query_free(struct archive_query *q)
{
	archive_keys_free(&q->keys);
}
