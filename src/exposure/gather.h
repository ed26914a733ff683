/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_GATHER_H
#define EXPOSURE_GATHER_H

/*
 * One pass over the flows for several exposures: what went out of each zone, to whom, and every transfer that
 * can have passed it on. Private to exposure/.
 */

#include "exposure/transfer.h"
#include "incident/flows.h"

enum { DESTINATIONS_HELD_MAX = 1 << 20 };

/* What went to one address. */
struct destination_sum {
	uint64_t bytes;
	uint64_t flows;
	bool baseline; /* seen before baseline_until */
};

struct gather {
	const struct exposure_input *in;
	struct incident_flows *flows; /* borrowed */
	struct places places;
	struct transfers transfers;
	struct table *destinations; /* struct net_addr -> struct destination_sum */
	uint64_t direct_bytes, direct_external_bytes;
	uint64_t unlisted_bytes;  /* to addresses beyond DESTINATIONS_HELD_MAX */
	uint64_t multicast_bytes; /* from the zone to groups whose members can't be told */
	uint64_t datagram;        /* the largest mean IP datagram of a flow's direction */
	int64_t first, last;      /* of the flows in the window; first > last: none */
};

/* A flow with what its ends are. */
struct gather_flow {
	const struct msg_flow *f;
	struct end initiator, responder;
};

/* Sets up gathers[i] for ins[i]; flows and ends are borrowed. 0 or -ENOMEM; gather_free in either case. */
int gather_new(
    struct gather *g, const struct exposure_input *in, struct incident_flows *flows, struct ends *ends);
/* The pass. 0, -ENOMEM or the archive's error. */
int gather_run(struct gather *gathers, size_t n);
void gather_free(struct gather *g);

/* A flow out of the zone: its other end and the payload to it. False where it has no or both ends in the
 * zone, where it stayed on its link, or where it ran in a tunnel that crossed the zone's border itself. */
bool gather_outflow(
    const struct gather *g, const struct gather_flow *f, struct end *ret_to, uint64_t *ret_bytes);
/* Whether the flow overlaps the window. */
bool gather_in_window(const struct exposure_input *in, const struct msg_flow *f);
/* What the window of all of them together is: *ret_to == 0: to the end. */
void gather_window(const struct gather *gathers, size_t n, int64_t *ret_from, int64_t *ret_to);
/* The fields of a flow that gather_outflow looks at: bits 1 << enum msg_flow_field. */
uint64_t gather_outflow_columns(void);

#endif
