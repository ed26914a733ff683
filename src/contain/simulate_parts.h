/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_SIMULATE_PARTS_H
#define CONTAIN_SIMULATE_PARTS_H

/* The steps of a simulation, and what they hand to each other. Private to contain/. */

#include "contain/legitimate.h"
#include "contain/simulate.h"

enum { SIMULATED_NAME_SIZE = 80 };

/* Of a flow that is stopped what is counted: kept until it has ended or all was read. */
struct simulated_flow {
	uint64_t id;
	struct net_addr initiator, responder;
	uint32_t initiator_asset, responder_asset;
	int64_t first;
	uint64_t payload_bytes;
	struct legitimate_service service;
	uint8_t criticality;
	bool attack, unanswered, doubtful;
	uint32_t plan_cut;
	char name[SIMULATED_NAME_SIZE]; /* the responder's, as the flow told it */
};

/* The tallies (simulate_tally.c). */
struct tally;

/* 0 or -ENOMEM; tally_free in either case. */
int tally_new(struct tally **ret_tally, const struct simulate_input *in, struct simulation *simulation);
void tally_free(struct tally *t);
void tally_flow(struct tally *t, const struct simulated_flow *f);
/* Works out what follows from the sums: lists, rates. Coverage must be known. */
int tally_give(struct tally *t, struct arena *arena);

/* What the window's archive covers (simulate_cover.c). 0 or -ENOMEM. */
int simulate_cover(
    const struct simulate_input *in, struct arena *arena, struct simulated_coverage *ret_coverage);

#endif
