/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_SIMULATE_H
#define CONTAIN_SIMULATE_H

/*
 * What a plan would have cut, had it stood over a time that is over: before anybody signs it, by service,
 * machine and hour, with the records to look at. It asks of each flow of that time what an enforcement point
 * would have done to it, so it finds what the plan's own estimate from its baseline can't: the backup that
 * runs once a week.
 *
 * A flow counts once: of its snapshots the last, and those only where no record of its end is there. A flow
 * that began before the time and went on into it counts: its connection would have ended. Bytes are payload,
 * both ways.
 *
 * The archive is asked for the cuts' own addresses alone, so the cost grows with what they have to do with
 * and not with the archive. Bounds: SIMULATE_SERVICES_MAX services, SIMULATE_USES_MAX of them by a machine
 * each, SIMULATE_OPEN_MAX flows without an end at once; what is beyond counts in the sums alone, or, of
 * snapshots, perhaps twice, and `coarse` says so.
 */

#include "contain/resolve.h"

enum {
	SIMULATE_SERVICES_MAX = 1 << 16,
	SIMULATE_USES_MAX = 1 << 20,
	SIMULATE_OPEN_MAX = 1 << 18,
	SIMULATE_DAYS_MAX = 366,
	SIMULATE_HOURS = 24
};

struct simulate_input {
	const struct plan_input *network; /* what the plan was made from */
	const struct plan *plan;
	const struct resolution *cuts; /* of the plan, by resolve_plan */
	int64_t from, to;              /* flows of [from, to); at most SIMULATE_DAYS_MAX days */
	const struct msg_coverage *coverage;
	size_t n_coverage;
};

struct simulated_sum {
	uint64_t flows, payload_bytes;
};

/* What would have been lost, of whatever is counted. */
struct simulated_loss {
	struct simulated_sum sum;
	int64_t first, last;            /* when the first and the last of its flows began */
	uint64_t first_flow, last_flow; /* their records */
};

struct simulated_service {
	const char *name; /* of the site file, or "tls to 198.51.100.7 port 443 (cloud.example)" */
	uint8_t criticality;
	bool of_site;
	struct simulated_loss loss;
	uint32_t machines; /* that begin it, ours or not */
	uint32_t days;     /* of the window, on which it was begun */
	bool rare;         /* not more than once a week, in a window of three days and more */
};

struct simulated_use {
	uint32_t service; /* index */
	struct simulated_loss loss;
};

/* A machine that loses something: that begins it, or, where an outsider does, that offers it. */
struct simulated_machine {
	uint32_t asset;       /* ASSET_NONE: `addr` is no machine of ours */
	struct net_addr addr; /* of its first flow */
	bool held;            /* by the intruder, as the incident says, or the plan cuts this very machine */
	struct simulated_loss loss;
	const struct simulated_use *uses; /* the most flows first */
	size_t n_uses;
};

/* What one of the plan's cuts stops; what several would, the first alone. */
struct simulated_cut {
	struct simulated_sum legitimate, attack, doubtful;
};

struct simulated_link {
	struct text name;
	int64_t from, to;   /* within the window */
	int64_t covered_ns; /* of it */
	uint64_t packets;
	uint64_t dropped; /* UINT64_MAX: it doesn't say */
};

struct simulated_coverage {
	struct simulated_link *links; /* by name */
	size_t n_links;
	int64_t covered_ns; /* of the window, by any link */
	const char **lines; /* what isn't in it, in words */
	size_t n_lines;
};

struct simulation {
	enum plan_name plan;
	int64_t from, to;
	const char *problem;          /* the plan's cuts can't be told, so nothing was counted; NULL */
	struct simulated_sum stopped; /* all of the following four */
	struct simulated_sum legitimate;
	/* Of the legitimate: of machines that are held. Nobody may go on working there, and what no
	 * detection rests on can be the intruder's all the same. The rest is what others lose. */
	struct simulated_sum of_held;
	/* A detection of the incident rests on it, or its machines and peers talk. */
	struct simulated_sum attack;
	/* With a destination that the plan cuts since it serves the intruder, but of a machine that isn't
	 * known to be his: it is, or works for one that is (a resolver), or loses something. */
	struct simulated_sum doubtful;
	struct simulated_sum unanswered;   /* nobody answered: no use that could be lost */
	struct simulated_sum within_zones; /* besides: named by a cut, but of two machines of one zone */
	double legitimate_flows_per_day;   /* over what is covered */
	double others_flows_per_day;       /* those of machines that aren't held */
	/* Times the service's criticality; what a held machine begins counts once (doc/contain.md). */
	double weighted_flows_per_day;
	uint64_t by_hour[SIMULATE_HOURS]; /* legitimate flows by the hour (UTC) that they began in */
	unsigned busiest_hour;
	struct simulated_cut *by_cut;       /* plan->n_cuts of them */
	struct simulated_service *services; /* the heaviest first: flows times criticality */
	size_t n_services;
	struct simulated_machine *machines; /* bystanders first, then by flows */
	size_t n_machines;
	size_t n_bystanders;
	struct simulated_machine *doubtful_machines; /* the most flows first; without uses */
	size_t n_doubtful_machines;
	bool coarse;
	struct simulated_coverage coverage;
};

/* 0, -EINVAL (the window is empty or too long), -ENOMEM or the archive's error. The results live in the
 * arena. */
int simulate(const struct simulate_input *in, struct arena *arena, struct simulation *ret_simulation);

#endif
