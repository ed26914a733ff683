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
	uint8_t grade;    /* enum spread_grade */
	uint8_t by_login; /* `likely` by its protocol alone: `possible` if all its logins failed */
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
/* Sets to[asset] for each asset to which a hop can be proven. */
void spread_proof_targets(const struct spread_proof *p, uint8_t *to);
/* Whether a detection rests on the hop from -> to by this flow, or says that `from` did it to `to` at that
 * time. */
bool spread_proof_of(
    const struct spread_proof *p, uint32_t from, uint32_t to, uint64_t flow, int64_t first, int64_t last);

/* Which flows were logins that all failed (login.c). */
struct spread_logins;

/* Of the flows given (sorted), or of all where flows is NULL. 0, -ENOMEM or the archive's error. */
int spread_logins_read(struct spread_logins **ret_logins, struct archive *archive, const uint64_t *flows,
    size_t n, uint64_t seed);
void spread_logins_free(struct spread_logins *l);
/* Grades the edge down where it is by_login and its logins all failed; it is by_login no more. */
void spread_logins_grade(const struct spread_logins *l, struct spread_edge *edge);

enum { SPREAD_HOPS_OF_FLOW = 2 };

/* The fields of a flow that the hops are made of: bits 1 << enum msg_flow_field. */
uint64_t spread_hop_columns(void);
/* The hops that a flow offers: how many. Their grades are without logins (by_login). */
size_t spread_flow_hops(const struct spread_input *in, const struct spread_proof *proof,
    const struct msg_flow *f, struct spread_edge hops[SPREAD_HOPS_OF_FLOW]);
/* The hop's own grade by its protocol: `likely` for administrative ones, else `possible`. Looks at app,
 * protocol and responder_port. */
enum spread_grade spread_grade_of_flow(const struct msg_flow *f);
/* Whether a flow can pass control at all, proof aside. */
bool spread_flow_answered(const struct msg_flow *f);
/* Whether the flow's initiator is a guess: only then a hop can run against it (backflow aside). By one flag.
 */
bool spread_flow_guessed(const struct msg_flow *f);
uint32_t spread_guessed_flag(void);

/* Adds an edge; where there is no room, merges first. 0, -ENOMEM, -ERR_LIMIT. */
int spread_edges_add(struct spread_edges *e, const struct spread_edge *edge);
/* In a full order, so that what is merged doesn't hang on the order in which flows were read. */
void spread_edges_sort(struct spread_edge *v, size_t n);
/* All hops of the archive. 0, -ENOMEM, -ERR_LIMIT or the archive's error. */
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
