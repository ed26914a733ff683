/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spread/edges.h"

#include <errno.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/vec.h"
#include "net/app.h"

/* flow/flow.h, enum flow_flag; stored in records, so the numbers are fixed (a test compares them). */
enum { FLAG_GUESSED_INITIATOR = 1 << 1, FLAG_ONE_WAY_VIEW = 1 << 8 };

enum { PROTOCOL_ICMP = 1, PROTOCOL_ICMPV6 = 58 };

/* Both merges leave at least this part of the room free, or the next one is the last resort. */
enum { ROOM_PARTS = 4 };

bool spread_flow_answered(const struct msg_flow *f)
{
	if (f->payload_out && f->payload_in)
		return true;
	return f->flags & FLAG_ONE_WAY_VIEW && f->payload_out + f->payload_in > 0;
}

bool spread_flow_guessed(const struct msg_flow *f)
{
	return f->flags & FLAG_GUESSED_INITIATOR;
}

uint32_t spread_guessed_flag(void)
{
	return FLAG_GUESSED_INITIATOR;
}

/* Whether who began the flow is open: guessed, and not by the ports. */
static bool flow_either_way(const struct msg_flow *f)
{
	if (!spread_flow_guessed(f))
		return false;
	bool responder_serves = app_of_port(f->protocol, f->responder_port) != APP_UNKNOWN;
	bool initiator_serves = app_of_port(f->protocol, f->initiator_port) != APP_UNKNOWN;
	return !responder_serves || initiator_serves;
}

enum spread_grade spread_grade_of_flow(const struct msg_flow *f)
{
	if (app_is_admin(f->app))
		return SPREAD_LIKELY;
	/* what carries an administrative protocol (RDP in TLS, WinRM in HTTP) or could not be told, by its
	 * port */
	bool carrier = f->app == APP_UNKNOWN || f->app == APP_TLS || f->app == APP_HTTP;
	return carrier && app_is_admin(app_of_port(f->protocol, f->responder_port)) ? SPREAD_LIKELY
	                                                                            : SPREAD_POSSIBLE;
}

static int merge_compare_pair(const struct spread_edge *x, const struct spread_edge *y)
{
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to == y->to ? 0 : x->to < y->to ? -1 : 1;
}

static int merge_compare_kind(const struct spread_edge *x, const struct spread_edge *y)
{
	int order = merge_compare_pair(x, y);
	if (order == 0 && x->grade != y->grade)
		order = x->grade < y->grade ? -1 : 1;
	return order ? order : x->app < y->app ? -1 : x->app > y->app;
}

static int merge_compare(const void *a, const void *b)
{
	const struct spread_edge *x = a, *y = b;
	int order = merge_compare_kind(x, y);
	if (order == 0 && x->first != y->first)
		order = x->first < y->first ? -1 : 1;
	if (order == 0 && x->flow != y->flow)
		order = x->flow < y->flow ? -1 : 1;
	return order ? order : x->last < y->last ? -1 : x->last > y->last;
}

/*
 * Makes one edge of all that are alike, from the earliest first to the latest last: it passes control
 * whenever one of them did. By pair alone the worst grade wins, which comes first in order.
 */
static void edges_fold(
    struct spread_edges *e, int (*compare)(const struct spread_edge *x, const struct spread_edge *y))
{
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++) {
		struct spread_edge *kept = n ? &e->v[n - 1] : NULL;
		if (!kept || compare(kept, &e->v[i]) != 0) {
			e->v[n++] = e->v[i];
			continue;
		}
		kept->by_login = 0; /* who speaks for many flows isn't cleared by the logins of one */
		kept->first = e->v[i].first < kept->first ? e->v[i].first : kept->first;
		kept->last = e->v[i].last > kept->last ? e->v[i].last : kept->last;
	}
	e->n = n;
}

static void edges_merge(struct spread_edges *e)
{
	size_t enough = e->max - e->max / ROOM_PARTS;
	qsort(e->v, e->n, sizeof(*e->v), merge_compare);
	edges_fold(e, merge_compare_kind);
	if (e->n > enough)
		edges_fold(e, merge_compare_pair);
	e->coarse = true;
}

void spread_edges_sort(struct spread_edge *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), merge_compare);
}

int spread_edges_add(struct spread_edges *e, const struct spread_edge *edge)
{
	if (e->n == e->max)
		edges_merge(e);
	int error = VEC_RESERVE(e->v, &e->cap, e->n, e->max);
	if (error < 0)
		return error;
	e->v[e->n++] = *edge;
	return 0;
}

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

uint64_t spread_hop_columns(void)
{
	return COLUMN(ID) | COLUMN(DUPLICATE_OF) | COLUMN(PROTOCOL) | COLUMN(INITIATOR) | COLUMN(RESPONDER) |
	       COLUMN(INITIATOR_PORT) | COLUMN(RESPONDER_PORT) | COLUMN(FIRST) | COLUMN(LAST) |
	       COLUMN(PAYLOAD_OUT) | COLUMN(PAYLOAD_IN) | COLUMN(FLAGS) | COLUMN(APP);
}

size_t spread_flow_hops(const struct spread_input *in, const struct spread_proof *proof,
    const struct msg_flow *f, struct spread_edge hops[SPREAD_HOPS_OF_FLOW])
{
	if (!spread_flow_answered(f) || f->last < f->first ||
	    (in->config.until && f->first >= in->config.until))
		return 0;
	uint32_t from = asset_of(in->assets, f->initiator), to = asset_of(in->assets, f->responder);
	if (from == ASSET_NONE || to == ASSET_NONE || from == to)
		return 0;
	bool icmp = f->protocol == PROTOCOL_ICMP || f->protocol == PROTOCOL_ICMPV6;
	struct spread_edge there = {.first = f->first,
	    .last = f->last,
	    .flow = f->id,
	    .from = from,
	    .to = to,
	    .app = f->app,
	    .grade = (uint8_t)spread_grade_of_flow(f)};
	there.by_login = there.grade == SPREAD_LIKELY;
	struct spread_edge back = there;
	back.from = to;
	back.to = from;
	bool open = flow_either_way(f);
	bool there_proven = spread_proof_of(proof, from, to, f->id, f->first, f->last);
	bool back_wanted = in->config.backflow || open;
	bool back_proven = back_wanted && spread_proof_of(proof, to, from, f->id, f->first, f->last);
	if (there_proven)
		there.grade = SPREAD_CONFIRMED;
	if (back_proven)
		back.grade = SPREAD_CONFIRMED;
	else if (!open)
		back.grade = SPREAD_POSSIBLE;
	there.by_login &= there.grade == SPREAD_LIKELY;
	back.by_login &= back.grade == SPREAD_LIKELY;
	size_t n = 0;
	if (!icmp || there_proven)
		hops[n++] = there;
	if (back_wanted && (!icmp || back_proven))
		hops[n++] = back;
	return n;
}

struct edges_scan {
	struct spread_edges *edges;
	const struct spread_input *in;
	const struct spread_proof *proof;
	const struct spread_logins *logins;
};

static int edges_scan_flow(void *context, const struct msg_flow *f)
{
	struct edges_scan *s = context;
	struct spread_edge hops[SPREAD_HOPS_OF_FLOW];
	size_t n = spread_flow_hops(s->in, s->proof, f, hops);
	int error = 0;
	for (size_t i = 0; i < n && error == 0; i++) {
		spread_logins_grade(s->logins, &hops[i]);
		error = spread_edges_add(s->edges, &hops[i]);
	}
	return error;
}

int spread_edges_read(struct spread_edges *e, const struct spread_input *in)
{
	struct spread_edges made = {.max = in->config.edges_max ? in->config.edges_max : SPREAD_EDGES_MAX};
	struct edges_scan s = {.edges = &made, .in = in};
	struct spread_proof *proof;
	struct spread_logins *logins = NULL;
	int error = spread_proof_new(&proof, in->assets, in->detections, in->n_detections);
	if (error < 0)
		return error;
	error = spread_logins_read(&logins, in->archive, NULL, 0, asset_map_seed(in->assets));
	s.proof = proof;
	s.logins = logins;
	const struct archive_filter filter = {.to = in->config.until, .columns = spread_hop_columns()};
	if (error == 0)
		error = archive_scan_flows(in->archive, &filter, edges_scan_flow, &s);
	spread_proof_free(proof);
	spread_logins_free(logins);
	if (error < 0) {
		spread_edges_free(&made);
		return error;
	}
	*e = made;
	return 0;
}

void spread_edges_free(struct spread_edges *e)
{
	free(e->v);
	*e = (struct spread_edges){0};
}

int spread_index_new(struct spread_index *x, const struct spread_edges *e, size_t n_assets, bool by_to)
{
	struct spread_index made = {
	    .order = calloc(e->n + 1, sizeof(*made.order)),
	    .start = calloc(n_assets + 2, sizeof(*made.start)),
	};
	if (!made.order || !made.start) {
		spread_index_free(&made);
		return -ENOMEM;
	}
	for (size_t i = 0; i < e->n; i++)
		made.start[(by_to ? e->v[i].to : e->v[i].from) + 2]++;
	for (size_t a = 2; a < n_assets + 2; a++)
		made.start[a] += made.start[a - 1];
	for (size_t i = 0; i < e->n;
	     i++) /* leaves start[a + 1] at the end of a, which is the begin of a + 1 */
		made.order[made.start[(by_to ? e->v[i].to : e->v[i].from) + 1]++] = (uint32_t)i;
	*x = made;
	return 0;
}

void spread_index_free(struct spread_index *x)
{
	free(x->order);
	free(x->start);
	*x = (struct spread_index){0};
}
