/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_PARTS_H
#define CONTAIN_PARTS_H

/* The steps of making one plan, in their order, and what they hand to each other. Private to contain/. */

#include "contain/reasons.h"
#include "contain/use.h"

/* Steps by hand of a plan, and guardrails: nobody reads more. */
enum { PLAN_LINES_MAX = 4096 };

/* What one plan is made from: the machines that count as held, and the legitimate use. */
struct plan_work {
	const struct plan_input *in;
	struct arena *arena;
	const struct use_list *uses;
	const struct reasons *reasons;
	uint32_t *held; /* assets, sorted by how sure we are of them, then by number */
	size_t n_held;
	uint8_t *is_held;   /* one byte an asset */
	uint8_t *attacked;  /* [n_held * zones]: a detection rests on a flow that held machine i began towards
	                       the zone */
	uint8_t *zone_live; /* one byte a zone: something of ours is in it, or it is external */
	struct plan *plan;
	size_t cap_cuts, cap_steps, cap_guardrails;
	size_t more_steps, more_guardrails; /* than a list holds */
};

/* Whether an enforcement point separates two zones; its name, or NULL. External zones are one. */
const char *plan_point_between(const struct plan_input *in, uint16_t a, uint16_t b);
/* The name of a point that separates the zone from the outside, or NULL. */
const char *plan_point_outside(const struct plan_input *in, uint16_t zone);
bool plan_zone_is_external(const struct plan_input *in, uint16_t zone);

/* Growing lists of the plan, in the arena. 0 or -ENOMEM. */
int plan_add_cut(struct plan_work *w, const struct plan_cut *cut);
int plan_add_step(struct plan_work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
int plan_add_guardrail(struct plan_work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where there were more lines than a list holds, its last says how many. 0 or -ENOMEM. */
int plan_close_lists(struct plan_work *w);

/* What a minimal cut parts (graph.c): one flag for each possible cut of held machine i. */
struct graph_cuts {
	uint8_t *host;         /* [n_held]: the machine as a whole */
	uint8_t *outside;      /* [n_held] */
	uint8_t *to_zone;      /* [n_held * zones] */
	uint8_t *zone_zone;    /* [zones * zones] */
	uint8_t *zone_outside; /* [zones] */
	size_t paths_before, paths_left;
};

/*
 * The minimal cut between the held machines and {protected zones, outside}, by igraph. Ways that the intruder
 * was seen to take are cut whatever they cost. 0, -ENOMEM.
 */
int graph_minimal_cut(const struct plan_work *w, struct graph_cuts *ret_cuts);
/* Turns the flags into cuts with names, reasons and cited records; adds manual steps and known bad
 * destinations; applies guardrails. */
int cuts_from_graph(struct plan_work *w, const struct graph_cuts *g);
/* The cuts of `shutdown`: each zone with a held machine from every other. */
int cuts_of_shutdown(struct plan_work *w);
/* Guardrails: most cuts, widest prefix, never-cut machines. */
int cuts_guard(struct plan_work *w);
/* What the plan loses of the legitimate use. */
int cost_count(struct plan_work *w);

/* One end of a flow: what a cut asks of it, looked up once. */
struct plan_end {
	struct net_addr addr;
	uint16_t zone;
	bool outside;
};

struct plan_end plan_end_of(const struct net_zone_map *zones, struct net_addr a);
/* Whether the cut stops what `from` begins towards `to`. None stops what stays within a zone. */
bool plan_cut_stops(const struct plan_cut *c, const struct plan_end *from, const struct plan_end *to);
/* The same of addresses. */
bool plan_cut_blocks(
    const struct plan_cut *c, const struct net_zone_map *zones, struct net_addr from, struct net_addr to);

#endif
