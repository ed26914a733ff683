/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CONTAIN_NETWORK_H
#define TESTS_CONTAIN_NETWORK_H

/*
 * Small networks for the tests of contain/, over a real archive: the timeline's four zones and an internet,
 * one enforcement point between all of them, and a baseline of exactly one day, so that a flow is a flow a
 * day.
 */

#include "../incident/timeline.h"

#include "contain/plan.h"

#define DAY_S 86400.0
#define HELD  "10.2.0.1"

enum { NETWORK_MAX = 16 };

struct network {
	struct timeline t;
	uint16_t internet;
	struct incident incident;
	struct incident_asset held[NETWORK_MAX];
	struct incident_peer peers[NETWORK_MAX];
	const struct msg_detection *detections[NETWORK_MAX];
	struct spread spread;
	struct spread_asset reached[NETWORK_MAX];
	struct plan_enforcement point;
	uint16_t point_zones[NETWORK_MAX];
	struct plan_service services[NETWORK_MAX];
	struct net_prefix never[NETWORK_MAX];
	struct plan_input in;
	struct plan plans[PLAN_COUNT];
	/* told by address before the assets have numbers */
	const char *held_addrs[NETWORK_MAX], *reached_addrs[NETWORK_MAX];
	uint32_t flows;
};

/* n legitimate flows, answered, a second apart, within the day. */
static inline void network_use(struct network *w, const char *from, const char *to, uint16_t port, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct msg_flow f = flow_of(from, to, 10 + i, 11 + i, 100, 100, APP_UNKNOWN);
		f.responder_port = port;
		timeline_add(&w->t, f);
		w->flows++;
	}
}

static inline void network_open(struct network *w)
{
	memset(w, 0, sizeof(*w));
	timeline_open(&w->t);
	timeline_zone(&w->t, "internet", NET_ZONE_EXTERNAL, "0.0.0.0/0", &w->internet);
	const uint16_t zones[] = {w->t.mission, w->t.office, w->t.dmz, w->t.management, w->internet};
	memcpy(w->point_zones, zones, sizeof(zones));
	w->point = (struct plan_enforcement){.name = "core", .zones = w->point_zones, .n_zones = 5};
	w->in = (struct plan_input){.zones = w->t.zones,
	    .archive = w->t.archive,
	    .incident = &w->incident,
	    .spread = &w->spread,
	    .enforcement = &w->point,
	    .n_enforcement = 1,
	    .services = w->services,
	    .never_cut = w->never,
	    .lease_ns = 3600 * NS_PER_S,
	    .max_cuts = 64,
	    .widest_prefix_v4 = 16,
	    .widest_prefix_v6 = 32,
	    .seed = 7};
	w->incident.first = at(DAY_S + 1);
	/* two flows within one zone, which no cut stops, span the day */
	struct msg_flow f = flow_of("10.3.0.1", "10.3.0.2", 0, 1, 100, 100, APP_UNKNOWN);
	timeline_add(&w->t, f);
	f = flow_of("10.3.0.1", "10.3.0.2", DAY_S - 1, DAY_S, 100, 100, APP_UNKNOWN);
	timeline_add(&w->t, f);
	w->flows = 2;
}

static inline void network_close(struct network *w)
{
	timeline_close(&w->t);
}

static inline void network_hold(struct network *w, const char *addr)
{
	w->held_addrs[w->incident.n_assets++] = addr;
}

static inline void network_grade(struct network *w, const char *addr, enum spread_grade grade)
{
	w->reached_addrs[w->spread.n_assets] = addr;
	w->reached[w->spread.n_assets++].grade = grade;
}

static inline struct incident_peer *network_peer(struct network *w, const char *addr, enum msg_role role)
{
	struct incident_peer *p = &w->peers[w->incident.n_peers++];
	*p = (struct incident_peer){.addr = ip(addr), .name = "", .role = role};
	return p;
}

/* A flow of the intruder, with the detection that rests on it. */
static inline uint64_t network_attack(struct network *w, const char *from, const char *to)
{
	uint64_t id = timeline_flow(&w->t, from, to, DAY_S + 10, DAY_S + 11, 100, 100, APP_SSH);
	struct msg_detection *d = timeline_detect(
	    &w->t, DAY_S + 10, "attack", "T1021", 0.9, from, MSG_ROLE_ACTOR, to, MSG_ROLE_VICTIM);
	timeline_cite(&w->t, d, id);
	w->detections[w->incident.n_detections++] = d;
	return id;
}

static inline struct plan_service *network_service(
    struct network *w, const char *name, const char *prefix, uint16_t port, uint8_t criticality)
{
	struct plan_service *s = &w->services[w->in.n_services++];
	*s = (struct plan_service){.name = name, .protocol = 6, .port = port, .criticality = criticality};
	assert_int_equal(net_prefix_parse(text_of(prefix), &s->prefix), 0);
	return s;
}

static inline void network_never(struct network *w, const char *prefix)
{
	assert_int_equal(net_prefix_parse(text_of(prefix), &w->never[w->in.n_never_cut++]), 0);
}

static inline void network_plan(struct network *w)
{
	timeline_ready(&w->t);
	for (size_t i = 0; i < w->incident.n_assets; i++)
		w->held[i] = (struct incident_asset){.asset = timeline_asset(&w->t, w->held_addrs[i]),
		    .state = INCIDENT_ASSET_COMPROMISED,
		    .confidence = 0.9,
		    .since = w->incident.first};
	for (size_t i = 0; i < w->spread.n_assets; i++)
		w->reached[i].asset = timeline_asset(&w->t, w->reached_addrs[i]);
	w->incident.assets = w->held;
	w->incident.peers = w->peers;
	w->incident.detections = w->detections;
	w->spread.assets = w->reached;
	w->in.assets = w->t.assets;
	assert_int_equal(plan_compute(&w->in, &w->t.arena, w->plans), 0);
}

static inline bool network_blocks(struct network *w, enum plan_name name, const char *from, const char *to)
{
	return plan_blocks(&w->plans[name], w->t.zones, ip(from), ip(to));
}

static inline bool lines_have(const char *const *lines, size_t n, const char *part)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(lines[i], part))
			return true;
	return false;
}

/* The first cut of that kind, NULL where there is none. */
static inline const struct plan_cut *network_cut(
    struct network *w, enum plan_name name, enum plan_cut_kind kind)
{
	for (size_t i = 0; i < w->plans[name].n_cuts; i++)
		if (w->plans[name].cuts[i].kind == kind)
			return &w->plans[name].cuts[i];
	return NULL;
}

#endif
