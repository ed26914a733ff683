/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_FLOWS_H
#define INCIDENT_FLOWS_H

/*
 * The flows of an archive, each once, for whoever adds up bytes or counts: of a long flow's snapshots and its
 * final record only the last counts, and a flow inside tunnels comes with the flows of the tunnels around it,
 * so that bytes that cross a border inside a tunnel and as the tunnel are not taken twice.
 *
 * A final record counts whatever came before it, and comes after it; so only flows that are still open have
 * to be known, by their last snapshot.
 *
 * Opening scans the archive once, mostly four columns of it, and a second time only where there are tunnels.
 * It holds what it needs of tunnels and open flows, INCIDENT_FLOWS_MAX of each; beyond that a tunnel counts
 * as unknown and a snapshot as a flow, both of which can only raise a sum.
 */

#include <stddef.h>

#include "archive/archive.h"

enum { INCIDENT_FLOWS_MAX = 1 << 19, INCIDENT_TUNNELS_MAX = 4 };

/* The flow of a tunnel around another. */
struct incident_tunnel {
	uint64_t id;
	uint64_t parent;
	struct net_addr initiator, responder;
};

struct incident_flows;

/* The archive must outlive it and must not be appended to meanwhile. 0, -ENOMEM or the archive's error. */
int incident_flows_open(struct incident_flows **ret_flows, struct archive *archive);
void incident_flows_close(struct incident_flows *v);
/* How many flows have snapshots and no final record. */
size_t incident_flows_unfinished(const struct incident_flows *v);
/* archive_scan_flows without superseded snapshots; filter->duplicates must be off. Hints are asked with
 * `context`. The same returns. */
int incident_flows_scan(
    struct incident_flows *v, const struct archive_filter *filter, archive_flow_fn each, void *context);
/* The known tunnels around f, innermost first: how many, at most INCIDENT_TUNNELS_MAX. */
size_t incident_flows_outer(const struct incident_flows *v, const struct msg_flow *f,
    struct incident_tunnel outer[INCIDENT_TUNNELS_MAX]);

#endif
