/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPREAD_EDGES_H
#define SPREAD_EDGES_H

/*
 * The hops that flows offer: from whom to whom, when, how it is graded. Private to spread/.
 *
 * A flow offers a hop when it was answered (payload both ways) between two different assets. ICMP is answered
 * by every machine's kernel and hands control to nobody, so it counts only where a detection rests on the
 * flow. A flow of which an asymmetric capture saw one side counts as answered. Where the initiator was
 * guessed and the ports don't settle the guess, the hop is offered both ways.
 */

#include "spread/spread.h"

struct spread_edge {
	int64_t first, last;
	uint64_t flow;
	uint32_t from, to;
	uint16_t app;
	uint8_t grade; /* enum spread_grade */
};

struct spread_edges {
	struct spread_edge *v;
	size_t n, cap, max;
	bool coarse;
};

/* What detections say of hops: made once, then asked for each flow. */
struct spread_proof;

/* 0 or -ENOMEM. Detections whose assets aren't in the map are left out. */
int spread_proof_new(struct spread_proof **ret_proof, const struct asset_map *assets,
    const struct msg_detection *detections, size_t n);
void spread_proof_free(struct spread_proof *p);
/* Whether a detection rests on the hop from -> to by this flow, or says that `from` did it to `to` at that
 * time. */
bool spread_proof_of(
    const struct spread_proof *p, uint32_t from, uint32_t to, uint64_t flow, int64_t first, int64_t last);

/* Which flows were logins that all failed (login.c). NULL: nothing is known of logins. */
struct spread_logins;

int spread_logins_read(struct spread_logins **ret_logins, struct archive *archive, uint64_t seed);
void spread_logins_free(struct spread_logins *l);
bool spread_logins_all_failed(const struct spread_logins *l, uint64_t flow);

/* The hop's own grade by its protocol: `likely` for administrative ones, else `possible`. */
enum spread_grade spread_grade_of_flow(const struct msg_flow *f);
/* Whether a flow can pass control at all, proof aside. */
bool spread_flow_answered(const struct msg_flow *f);
/* Whether who began the flow is open: guessed, and not by the ports. */
bool spread_flow_either_way(const struct msg_flow *f);

/* Adds the hops of one flow. 0, -ENOMEM, -ERR_LIMIT. */
int spread_edges_flow(struct spread_edges *e, const struct spread_input *in, const struct spread_proof *proof,
    const struct spread_logins *logins, const struct msg_flow *f);
/* Reads the archive. 0, -ENOMEM, -ERR_LIMIT or the archive's error. */
int spread_edges_read(struct spread_edges *e, const struct spread_input *in);
void spread_edges_free(struct spread_edges *e);

/* The edges by one of their ends: those of asset a are order[start[a]] .. order[start[a + 1] - 1]. */
struct spread_index {
	uint32_t *order;
	uint32_t *start;
};

int spread_index_new(struct spread_index *x, const struct spread_edges *e, size_t n_assets, bool by_to);
void spread_index_free(struct spread_index *x);

#endif
