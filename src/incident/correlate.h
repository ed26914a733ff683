/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_CORRELATE_H
#define INCIDENT_CORRELATE_H

/*
 * The steps of incident_correlate, one file each: join.c says which detections belong together, weigh.c what
 * they say of each asset, entry.c where the intruder came in, peers.c what the outside ends were. Private to
 * incident/.
 */

#include "incident/flows.h"
#include "incident/incident.h"

enum { GROUP_NONE = 0xffffffff };

/* A detection at work. */
struct evidence {
	const struct msg_detection *d;
	uint32_t asset, peer; /* ASSET_NONE: outside, unknown or absent */
	double confidence;    /* made sane */
	/* Its asset acted or was hurt: it speaks for compromise and joins. What was only tried is added to
	 * what is there. */
	bool speaks;
	uint32_t group; /* 0..n_groups-1, GROUP_NONE: belongs nowhere */
};

/* One asset in one group. */
struct suspect {
	uint32_t group, asset;
	double own;    /* noisy-or of its techniques */
	double handed; /* by the compromised machines that took control of it */
	bool has_since;
	bool from_inside; /* a machine of the incident took control of it before anything else showed */
	int64_t since;
	size_t first, n; /* its evidence in correlation.by_asset */
};

struct correlation {
	const struct incident_input *in;
	struct incident_config config;
	struct arena *arena;
	struct evidence *evidence; /* by time */
	size_t n_evidence;
	size_t n_groups;
	const struct evidence **by_asset; /* that have a group and an asset, by (group, asset, time) */
	size_t n_by_asset;
	struct suspect *suspects; /* by (group, asset) */
	size_t n_suspects;
	/* Ids of cited flows that went A to B over an administrative protocol and were answered, sorted. */
	struct control_flow *control;
	size_t n_control, cap_control;
};

struct control_flow {
	uint64_t id;
	uint32_t from, to;
};

/* Whether the technique is one by which a machine takes control of another (remote execution, administrative
 * login). */
bool technique_controls(struct text technique);
/* The technique without its sub-technique: two sub-techniques of one are two views of one act. */
struct text technique_parent(struct text technique);

/* Gives every detection its group. 0 or -ENOMEM. */
int correlation_join(struct correlation *c);
/* Reads the archive for the control flows among those cited. 0, -ENOMEM or the archive's error. */
int correlation_control_flows(struct correlation *c, struct incident_flows *flows);
/* Fills by_asset and suspects. 0 or -ENOMEM. */
int correlation_weigh(struct correlation *c);
double suspect_confidence(const struct suspect *s);
enum incident_asset_state suspect_state(const struct correlation *c, const struct suspect *s);
/* Whether e says that a machine inside took control of another: which, and when. */
bool evidence_hands_over(
    const struct correlation *c, const struct evidence *e, uint32_t *ret_actor, uint32_t *ret_victim);
/* Fills the entry of an incident whose suspects are suspects[0..n). 0 or -ENOMEM. */
int correlation_entry(
    const struct correlation *c, struct incident *incident, const struct suspect *suspects, size_t n);
/* Fills the peers of all incidents in one pass over the flows. 0, -ENOMEM or the archive's error. */
int correlation_peers(
    const struct correlation *c, struct incident_flows *flows, struct incident *incidents, size_t n);

#endif
