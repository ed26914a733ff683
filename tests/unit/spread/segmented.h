/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SEGMENTED_H
#define TESTS_SEGMENTED_H

/*
 * An archive in memory that takes every hint by its word, for the tests of searches: flows lie in segments of
 * a few records, whoever isn't asked for is not given, and a column that isn't asked for is zero. Segments go
 * to the threads' contexts in turns that a seed decides.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/archive.h"

enum { SEGMENTED_FLOWS_MAX = 400, SEGMENTED_LOGINS_MAX = 200 };

struct archive {
	struct msg_flow flows[SEGMENTED_FLOWS_MAX];
	size_t n_flows;
	size_t ends[SEGMENTED_FLOWS_MAX]; /* of the segments, among the flows */
	size_t n_segments;
	struct msg_transaction logins[SEGMENTED_LOGINS_MAX];
	struct field_value fields[SEGMENTED_LOGINS_MAX];
	size_t n_logins;
	bool hints; /* false: none is asked */
	uint64_t turns;
};

static inline uint64_t segmented_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Only what spread/ reads of flows: whatever else is asked for is missed at once. */
static inline struct msg_flow segmented_columns(const struct msg_flow *f, uint64_t columns)
{
	struct msg_flow some = {0};
	if (columns == 0)
		return *f;
#define TAKE(number, member)                                                                                 \
	if (columns >> MSG_FLOW_FIELD_##number & 1)                                                          \
	some.member = f->member
	TAKE(ID, id);
	TAKE(DUPLICATE_OF, duplicate_of);
	TAKE(PROTOCOL, protocol);
	TAKE(INITIATOR, initiator);
	TAKE(RESPONDER, responder);
	TAKE(INITIATOR_PORT, initiator_port);
	TAKE(RESPONDER_PORT, responder_port);
	TAKE(FIRST, first);
	TAKE(LAST, last);
	TAKE(PAYLOAD_OUT, payload_out);
	TAKE(PAYLOAD_IN, payload_in);
	TAKE(FLAGS, flags);
	TAKE(APP, app);
#undef TAKE
	return some;
}

static inline bool segmented_wants(const struct archive_filter *filter, const struct msg_flow *f)
{
	return (filter->duplicates || f->duplicate_of == 0) &&
	       (filter->from == 0 || f->last >= filter->from) && (filter->to == 0 || f->first < filter->to);
}

static inline int segmented_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

/* One segment for one context. */
static inline int segmented_read(struct archive *a, size_t segment, const struct archive_filter *filter,
    archive_flow_fn each, void *context)
{
	size_t begin = segment ? a->ends[segment - 1] : 0, end = a->ends[segment], n = 0;
	const struct archive_hints *hints = a->hints ? filter->hints : NULL;
	struct net_addr addrs[2 * SEGMENTED_FLOWS_MAX];
	uint8_t from[2 * SEGMENTED_FLOWS_MAX] = {0}, to[2 * SEGMENTED_FLOWS_MAX] = {0};
	int64_t first = INT64_MAX, last = INT64_MIN;
	for (size_t i = begin; i < end; i++) {
		first = a->flows[i].first < first ? a->flows[i].first : first;
		last = a->flows[i].last > last ? a->flows[i].last : last;
		addrs[n++] = a->flows[i].initiator;
		addrs[n++] = a->flows[i].responder;
	}
	qsort(addrs, n, sizeof(*addrs), segmented_compare);
	size_t unique = 0;
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || memcmp(&addrs[unique - 1], &addrs[i], sizeof(*addrs)) != 0)
			addrs[unique++] = addrs[i];
	int r = hints && hints->enter ? hints->enter(context, first, last) : 0;
	if (r)
		return r < 0 ? r : 0;
	if (hints && hints->ends)
		assert_int_equal(hints->ends(context, addrs, unique, from, to), 0);
	for (size_t i = begin; i < end && r == 0; i++) {
		const struct msg_flow *f = &a->flows[i];
		uint8_t common = 0xff;
		if (hints && hints->ends) {
			const struct net_addr *x = bsearch(
			    &f->initiator, addrs, unique, sizeof(*addrs), segmented_compare);
			const struct net_addr *y = bsearch(
			    &f->responder, addrs, unique, sizeof(*addrs), segmented_compare);
			common = from[x - addrs] & to[y - addrs];
		}
		struct msg_flow picked = hints ? segmented_columns(f, hints->pick_columns) : *f;
		if (common == 0 || !segmented_wants(filter, f) ||
		    (hints && hints->pick && !hints->pick(context, &picked, common)))
			continue;
		struct msg_flow given = segmented_columns(f, filter->columns);
		r = each(context, &given);
	}
	return r;
}

int archive_scan_flows(
    struct archive *a, const struct archive_filter *filter, archive_flow_fn each, void *context)
{
	int r = 0;
	for (size_t i = 0; i < a->n_segments && r == 0; i++)
		r = segmented_read(a, i, filter, each, context);
	return r;
}

int archive_hunt_flows(struct archive *a, const struct archive_filter *filter, unsigned threads,
    archive_flow_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	int r = 0;
	*ret_stat = (struct archive_hunt_stat){0};
	for (size_t i = 0; i < a->n_segments && r == 0; i++)
		r = segmented_read(a, i, filter, each, contexts[segmented_random(&a->turns) % threads]);
	return r;
}

void archive_get_stat(const struct archive *a, struct archive_stat *ret_stat)
{
	*ret_stat = (struct archive_stat){.records[MSG_TRANSACTION] = a->n_logins};
}

int archive_scan_transactions(
    struct archive *a, const uint64_t *flows, size_t n_flows, archive_transaction_fn each, void *context)
{
	int r = 0;
	for (size_t i = 0; i < a->n_logins && r == 0; i++) {
		bool wanted = flows == NULL;
		for (size_t k = 0; k < n_flows && !wanted; k++) {
			assert_true(k == 0 || flows[k - 1] <= flows[k]);
			wanted = flows[k] == a->logins[i].flow;
		}
		r = wanted ? each(context, &a->logins[i]) : 0;
	}
	return r;
}

#endif
