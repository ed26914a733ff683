/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What makes a hop `confirmed`. A detection confirms it when it rests on the very flow and doesn't call the
 * far end a mere target, or when it says that one machine did it to the other and the flow ran at that time.
 * A scan rests on flows to everybody and proves none of them taken; a detection too weak to suspect anybody
 * (below PROOF_LEAST) confirms nothing either.
 */

#include <errno.h>
#include <stdlib.h>

#include "spread/edges.h"

#define PROOF_LEAST 0.5

/* A flow that a detection rests on: a hop to `to` by it is confirmed, from anybody where from == ASSET_NONE.
 */
struct cited_hop {
	uint64_t flow;
	uint32_t from, to;
};

/* `from` did it to `to` between first and last; from == ASSET_NONE: nobody says who. */
struct told_hop {
	uint32_t to, from;
	int64_t first, last;
};

struct spread_proof {
	struct cited_hop *cited;
	size_t n_cited;
	struct told_hop *told; /* by (to, from, first), the spans of one pair apart */
	size_t n_told;
};

static int cited_compare(const void *a, const void *b)
{
	const struct cited_hop *x = a, *y = b;
	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static int told_pair_compare(const struct told_hop *x, const struct told_hop *y)
{
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static int told_compare(const void *a, const void *b)
{
	const struct told_hop *x = a, *y = b;
	int order = told_pair_compare(x, y);
	return order ? order : x->first < y->first ? -1 : x->first > y->first;
}

static bool role_is_tried(uint8_t role)
{
	return role == MSG_ROLE_TARGET || role == MSG_ROLE_SCANNER;
}

static void proof_cite(struct spread_proof *p, const struct msg_detection *d, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < d->flows.n && i < MSG_FLOWS_MAX; i++)
		p->cited[p->n_cited++] = (struct cited_hop){.flow = d->flows.v[i], .from = from, .to = to};
}

static void proof_add(struct spread_proof *p, const struct asset_map *assets, const struct msg_detection *d)
{
	uint32_t asset = asset_of(assets, d->asset), peer = asset_of(assets, d->peer);
	int64_t last = d->last > d->time ? d->last : d->time;
	bool nobody = net_addr_is_none(d->peer);
	if (asset == ASSET_NONE || d->confidence < PROOF_LEAST)
		return;
	if (d->asset_role == MSG_ROLE_VICTIM || d->asset_role == MSG_ROLE_NONE)
		proof_cite(p, d, ASSET_NONE, asset);
	if (peer != ASSET_NONE && peer != asset && d->asset_role != MSG_ROLE_VICTIM &&
	    !role_is_tried(d->asset_role) && !role_is_tried(d->peer_role))
		proof_cite(p, d, asset, peer);
	if (d->asset_role == MSG_ROLE_VICTIM && (nobody || (peer != ASSET_NONE && peer != asset)))
		p->told[p->n_told++] = (struct told_hop){
		    .to = asset, .from = peer, .first = d->time, .last = last};
	if (d->peer_role == MSG_ROLE_VICTIM && peer != ASSET_NONE && peer != asset)
		p->told[p->n_told++] = (struct told_hop){
		    .to = peer, .from = asset, .first = d->time, .last = last};
}

/* Joins the spans of one pair that overlap, so that a search finds the only one that can matter. */
static void told_join(struct spread_proof *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_told; i++) {
		struct told_hop *before = n ? &p->told[n - 1] : NULL;
		if (before && told_pair_compare(before, &p->told[i]) == 0 && p->told[i].first <= before->last)
			before->last = p->told[i].last > before->last ? p->told[i].last : before->last;
		else
			p->told[n++] = p->told[i];
	}
	p->n_told = n;
}

int spread_proof_new(struct spread_proof **ret_proof, const struct asset_map *assets,
    const struct msg_detection *detections, size_t n)
{
	size_t cited = 0;
	struct spread_proof *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		cited += detections[i].flows.n < MSG_FLOWS_MAX ? detections[i].flows.n : MSG_FLOWS_MAX;
	p->cited = calloc(2 * cited + 1, sizeof(*p->cited));
	p->told = calloc(2 * n + 1, sizeof(*p->told));
	if (!p->cited || !p->told) {
		spread_proof_free(p);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		proof_add(p, assets, &detections[i]);
	qsort(p->cited, p->n_cited, sizeof(*p->cited), cited_compare);
	qsort(p->told, p->n_told, sizeof(*p->told), told_compare);
	told_join(p);
	*ret_proof = p;
	return 0;
}

void spread_proof_free(struct spread_proof *p)
{
	if (!p)
		return;
	free(p->cited);
	free(p->told);
	free(p);
}

void spread_proof_targets(const struct spread_proof *p, uint8_t *to)
{
	for (size_t i = 0; i < p->n_cited; i++)
		to[p->cited[i].to] = 1;
	for (size_t i = 0; i < p->n_told; i++)
		to[p->told[i].to] = 1;
}

static bool cited_has(const struct spread_proof *p, uint64_t flow, uint32_t from, uint32_t to)
{
	struct cited_hop key = {.flow = flow, .from = from, .to = to};
	return p->n_cited && bsearch(&key, p->cited, p->n_cited, sizeof(key), cited_compare);
}

/* Whether a span of the pair overlaps [first, last]: of those that begin by `last`, the latest is the only
 * one to ask. */
static bool told_has(const struct spread_proof *p, uint32_t from, uint32_t to, int64_t first, int64_t last)
{
	struct told_hop key = {.to = to, .from = from, .first = last};
	size_t low = 0, high = p->n_told;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (told_compare(&p->told[mid], &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && told_pair_compare(&p->told[low - 1], &key) == 0 && p->told[low - 1].last >= first;
}

bool spread_proof_of(
    const struct spread_proof *p, uint32_t from, uint32_t to, uint64_t flow, int64_t first, int64_t last)
{
	return cited_has(p, flow, from, to) || cited_has(p, flow, ASSET_NONE, to) ||
	       told_has(p, from, to, first, last) || told_has(p, ASSET_NONE, to, first, last);
}
