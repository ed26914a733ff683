/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_PLAN_H
#define CONTAIN_PLAN_H

/*
 * Plans: the least that must be cut (design 5.4). The graph holds the machines that an intruder holds (S),
 * those that must be kept from him (protected zones, external destinations, and, for what he has not reached
 * yet, other zones through them), and what enforcement points can separate. Edge cost: legitimate use in the
 * baseline window times the service's criticality. The minimal cut is a max-flow/min-cut (igraph) with node
 * splitting. Results live in the caller's arena.
 *
 * What no enforcement point separates is named as a manual step. Guardrails (never_cut, max_cuts, widest
 * prefix) bind the plan: what they forbid is left uncut and named.
 */

#include "base/arena.h"
#include "incident/asset.h"
#include "incident/incident.h"
#include "msg/msg.h"
#include "spread/spread.h"

enum plan_name { PLAN_SURGICAL, PLAN_GUARDED, PLAN_SHUTDOWN, PLAN_COUNT };

enum plan_cut_kind {
	PLAN_CUT_HOST,      /* a machine from everything beyond its segment */
	PLAN_CUT_HOST_ZONE, /* a machine from a zone */
	PLAN_CUT_ZONE_ZONE,
	PLAN_CUT_DESTINATION, /* an external address from everybody */
};

/* PLAN_FROM_ONLY stops what `from` begins; what others begin towards it goes on, with its answers. */
enum plan_direction { PLAN_BOTH, PLAN_FROM_ONLY };

struct plan_cut {
	enum plan_cut_kind kind;
	struct net_prefix from[8]; /* host: its addresses; zone: empty, see from_zone */
	size_t n_from;
	uint16_t from_zone; /* NET_ZONE_NONE where `from` holds */
	struct net_prefix to[8];
	size_t n_to;
	uint16_t to_zone; /* NET_ZONE_NONE: `to` holds; with n_to == 0 anywhere */
	bool to_external; /* everything outside */
	enum plan_direction direction;
	int64_t lease_ns;
	const char *enforcement; /* the point that does it */
	const char *why;
	const uint64_t *flows; /* records that show the path that it closes */
	size_t n_flows;
	double cost; /* weighted flows a day */
};

struct plan_lost_service {
	const char *name; /* of the site file, or "https to 198.51.100.7" */
	uint32_t clients; /* assets that lose it */
	double flows_per_day;
	uint8_t criticality;
};

struct plan {
	enum plan_name name;
	struct plan_cut *cuts;
	size_t n_cuts;
	/* Pairs of a machine of S and a thing to keep with a path between them, through other zones too.
	 * `left` is after the cuts, with the manual steps done: what one segment holds together no cut can
	 * part. */
	size_t attack_paths_before, attack_paths_left;
	double legitimate_flows_per_day;
	double legitimate_flows_lost_per_day;
	struct plan_lost_service *services_lost; /* the costliest first */
	size_t n_services_lost;
	const char **manual_steps;
	size_t n_manual_steps;
	const char **guardrails; /* what a guardrail forbade, by name */
	size_t n_guardrails;
	const struct net_prefix *never_cut; /* what every cut leaves alone; borrowed from the input */
	size_t n_never_cut;
};

/* Zones that one enforcement point can keep apart, pairwise; and services; handed over by whoever knows
 * conf/. */
struct plan_enforcement {
	const char *name;
	const uint16_t *zones;
	size_t n_zones;
};

struct plan_service {
	const char *name;
	bool to_zone;
	uint16_t zone;
	struct net_prefix prefix;
	uint8_t protocol;
	uint16_t port;
	uint8_t criticality;
};

struct plan_input {
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	struct archive *archive;
	const struct incident *incident;
	const struct spread *spread;
	const struct plan_enforcement *enforcement;
	size_t n_enforcement;
	const struct plan_service *services;
	size_t n_services;
	const struct net_prefix *never_cut;
	size_t n_never_cut;
	int64_t lease_ns;
	uint32_t max_cuts;
	uint8_t widest_prefix_v4, widest_prefix_v6;
	uint64_t seed;
};

/* All three plans. ret_plans has PLAN_COUNT elements. 0, -ENOMEM or the archive's error. */
int plan_compute(const struct plan_input *in, struct arena *arena, struct plan *ret_plans);

/* Whether the plan stops what `from` begins towards `to`: what a replay asks. Nothing stops two machines of
 * one zone. */
bool plan_blocks(
    const struct plan *p, const struct net_zone_map *zones, struct net_addr from, struct net_addr to);
const char *plan_name_text(enum plan_name n);
/* 0 or -EINVAL. */
int plan_name_parse(struct text t, enum plan_name *ret_name);
const char *plan_cut_kind_name(enum plan_cut_kind k);
const char *plan_direction_name(enum plan_direction d);

#endif
