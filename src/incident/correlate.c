/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/correlate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/hash.h"
#include "base/timefmt.h"

static const int64_t window_default_ns = 7 * 24 * 3600 * NS_PER_S;
static const double suspect_default = 0.5, compromised_default = 0.8;

/* Machines beyond which an incident is grave whatever else it is. */
enum { MANY_COMPROMISED = 5, SEVERAL_COMPROMISED = 3 };

const char *incident_asset_state_name(enum incident_asset_state s)
{
	static const char *const names[] = {"target", "suspect", "compromised"};
	return names[s];
}

const char *incident_severity_name(enum incident_severity s)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};
	return names[s];
}

const char *incident_state_name(enum incident_state s)
{
	static const char *const names[] = {"open", "contained", "closed"};
	return names[s];
}

/* By time, then by content, so that the order doesn't hang on the ids; those break the last ties. */
static int evidence_compare(const void *a, const void *b)
{
	const struct msg_detection *x = ((const struct evidence *)a)->d, *y = ((const struct evidence *)b)->d;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	int order = text_compare(x->technique, y->technique);
	if (order == 0)
		order = text_compare(x->name, y->name);
	if (order == 0)
		order = net_addr_compare(x->asset, y->asset);
	if (order == 0)
		order = net_addr_compare(x->peer, y->peer);
	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

static int evidence_make(struct correlation *c)
{
	const struct incident_input *in = c->in;
	c->evidence = calloc(in->n_detections + 1, sizeof(*c->evidence));
	if (!c->evidence)
		return -ENOMEM;
	c->n_evidence = in->n_detections;
	for (size_t i = 0; i < in->n_detections; i++) {
		const struct msg_detection *d = &in->detections[i];
		double confidence = d->confidence > 0 ? d->confidence : 0; /* a NaN too */
		struct evidence *e = &c->evidence[i];
		*e = (struct evidence){.d = d,
		    .asset = asset_of(in->assets, d->asset),
		    .peer = asset_of(in->assets, d->peer),
		    .confidence = confidence < 1 ? confidence : 1,
		    .group = GROUP_NONE};
		e->speaks = e->asset != ASSET_NONE &&
		            (d->asset_role == MSG_ROLE_ACTOR || d->asset_role == MSG_ROLE_VICTIM);
	}
	qsort(c->evidence, c->n_evidence, sizeof(*c->evidence), evidence_compare);
	return 0;
}

/* From what the earliest evidence says, not from record ids: the same capture gives the same id, however it
 * is read. */
static int incident_name(struct incident *incident, const struct evidence *first)
{
	struct dynbuf b = {.max = 1 << 18};
	dynbuf_le64(&b, (uint64_t)first->d->time);
	dynbuf_append(&b, &first->d->asset, sizeof(first->d->asset));
	dynbuf_append(&b, &first->d->peer, sizeof(first->d->peer));
	dynbuf_text(&b, first->d->technique);
	dynbuf_text(&b, first->d->name);
	if (!b.error)
		snprintf(incident->id, sizeof(incident->id), "incident-%016llx",
		    (unsigned long long)hash_bytes(b.p, b.n, 0));
	int error = b.error;
	dynbuf_free(&b);
	return error;
}

static bool takes_out(const struct msg_detection *d)
{
	static const char *const techniques[] = {"T1011", "T1020", "T1029", "T1030", "T1041", "T1048",
	    "T1052", "T1537", "T1567"}; /* the tactic exfiltration, TA0010 */
	if (d->peer_role == MSG_ROLE_EXFILTRATION)
		return true;
	struct text parent = technique_parent(d->technique);
	for (size_t i = 0; i < sizeof(techniques) / sizeof(*techniques); i++)
		if (text_equal(parent, text_of(techniques[i])))
			return true;
	return false;
}

static enum incident_severity severity_of(const struct correlation *c, const struct incident *incident)
{
	size_t compromised = 0;
	bool protected_held = false, taken_out = false;
	for (size_t i = 0; i < incident->n_assets; i++) {
		if (incident->assets[i].state != INCIDENT_ASSET_COMPROMISED)
			continue;
		compromised++;
		uint16_t zone = asset_at(c->in->assets, incident->assets[i].asset)->zone;
		enum net_zone_class class = net_zone_at(c->in->zones, zone)->class;
		protected_held |= class == NET_ZONE_PROTECTED || class == NET_ZONE_MANAGEMENT;
	}
	for (size_t i = 0; i < incident->n_detections; i++) {
		const struct msg_detection *d = incident->detections[i];
		taken_out |= takes_out(d) && d->asset_role == MSG_ROLE_ACTOR &&
		             d->confidence >= c->config.suspect_at;
	}
	if (compromised == 0)
		return INCIDENT_LOW;
	if (protected_held && (taken_out || compromised >= SEVERAL_COMPROMISED))
		return INCIDENT_CRITICAL;
	if (protected_held || taken_out || compromised >= MANY_COMPROMISED)
		return INCIDENT_HIGH;
	return INCIDENT_MEDIUM;
}

static int asset_compare(const void *a, const void *b)
{
	const struct incident_asset *x = a, *y = b;
	if (x->state != y->state)
		return x->state > y->state ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return x->asset < y->asset ? -1 : x->asset > y->asset;
}

static int incident_assets(
    const struct correlation *c, struct incident *incident, const struct suspect *s, size_t n)
{
	incident->assets = arena_array(c->arena, n, sizeof(*incident->assets));
	if (!incident->assets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct incident_asset *a = &incident->assets[i];
		uint64_t *ids = arena_array(c->arena, s[i].n, sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		*a = (struct incident_asset){.asset = s[i].asset,
		    .state = suspect_state(c, &s[i]),
		    .confidence = suspect_confidence(&s[i]),
		    .since = s[i].since,
		    .detections = ids,
		    .n_detections = s[i].n};
		for (size_t k = 0; k < s[i].n; k++)
			ids[k] = c->by_asset[s[i].first + k]->d->id;
		if (!s[i].has_since && s[i].n)
			a->since = c->by_asset[s[i].first]->d->time; /* a target: when it was first tried */
		if (a->confidence > incident->confidence)
			incident->confidence = a->confidence;
	}
	incident->n_assets = n;
	qsort(incident->assets, n, sizeof(*incident->assets), asset_compare);
	return 0;
}

/* The evidence of a group, by time. */
static int incident_detections(
    const struct correlation *c, struct incident *incident, const struct evidence **members, size_t n)
{
	const struct evidence *first = NULL;
	incident->detections = arena_array(c->arena, n, sizeof(*incident->detections));
	if (!incident->detections)
		return -ENOMEM;
	incident->first = INT64_MAX;
	incident->last = INT64_MIN;
	for (size_t i = 0; i < n; i++) {
		const struct msg_detection *d = members[i]->d;
		incident->detections[incident->n_detections++] = d;
		int64_t last = d->last > d->time ? d->last : d->time;
		incident->first = d->time < incident->first ? d->time : incident->first;
		incident->last = last > incident->last ? last : incident->last;
		if (!first && members[i]->speaks)
			first = members[i];
	}
	return incident_name(incident, first);
}

static int incident_compare(const void *a, const void *b)
{
	const struct incident *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int group_compare(const void *a, const void *b)
{
	const struct evidence *x = *(const struct evidence *const *)a,
	                      *y = *(const struct evidence *const *)b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* One group, if it holds anything above suspect_at. */
static int incident_make(const struct correlation *c, const struct evidence **members, size_t n_members,
    const struct suspect *s, size_t n, struct incident *incidents, size_t *n_incidents)
{
	bool worth = false;
	for (size_t i = 0; i < n && !worth; i++)
		worth = suspect_state(c, &s[i]) != INCIDENT_ASSET_TARGET;
	if (!worth)
		return 0;
	struct incident *incident = &incidents[(*n_incidents)++];
	*incident = (struct incident){.state = INCIDENT_OPEN, .entry_asset = ASSET_NONE, .entry_why = ""};
	int error = incident_detections(c, incident, members, n_members);
	if (error == 0)
		error = incident_assets(c, incident, s, n);
	if (error == 0)
		error = correlation_entry(c, incident, s, n);
	incident->severity = error == 0 ? severity_of(c, incident) : INCIDENT_LOW;
	return error;
}

static int incidents_make(const struct correlation *c, struct incident **ret_incidents, size_t *ret_n)
{
	size_t n_members = 0, n = 0, member = 0, suspect = 0;
	const struct evidence **members = calloc(c->n_evidence + 1, sizeof(*members));
	struct incident *incidents = arena_array(c->arena, c->n_groups, sizeof(*incidents));
	int error = members && incidents ? 0 : -ENOMEM;
	for (size_t i = 0; i < c->n_evidence && error == 0; i++)
		if (c->evidence[i].group != GROUP_NONE)
			members[n_members++] = &c->evidence[i];
	if (error == 0)
		qsort(members, n_members, sizeof(*members), group_compare);
	for (uint32_t group = 0; group < c->n_groups && error == 0; group++) {
		size_t member_end = member, suspect_end = suspect;
		while (member_end < n_members && members[member_end]->group == group)
			member_end++;
		while (suspect_end < c->n_suspects && c->suspects[suspect_end].group == group)
			suspect_end++;
		error = incident_make(c, members + member, member_end - member, c->suspects + suspect,
		    suspect_end - suspect, incidents, &n);
		member = member_end;
		suspect = suspect_end;
	}
	free(members);
	if (error == 0) {
		*ret_incidents = incidents;
		*ret_n = n;
	}
	return error;
}

static int correlate(struct correlation *c, struct incident **ret_incidents, size_t *ret_n)
{
	struct incident_flows *flows = NULL;
	struct incident *incidents = NULL;
	size_t n = 0;
	int error = evidence_make(c);
	if (error == 0)
		error = correlation_join(c);
	if (error == 0 && c->n_groups)
		error = incident_flows_open(&flows, c->in->archive);
	if (error == 0 && c->n_groups)
		error = correlation_control_flows(c, flows);
	if (error == 0)
		error = correlation_weigh(c);
	if (error == 0)
		error = incidents_make(c, &incidents, &n);
	if (error == 0 && n)
		error = correlation_peers(c, flows, incidents, n);
	incident_flows_close(flows);
	if (error < 0)
		return error;
	if (n)
		qsort(incidents, n, sizeof(*incidents), incident_compare);
	*ret_incidents = incidents;
	*ret_n = n;
	return 0;
}

int incident_correlate(
    const struct incident_input *in, struct arena *arena, struct incident **ret_incidents, size_t *ret_n)
{
	struct correlation c = {.in = in, .config = in->config, .arena = arena};
	if (c.config.window_ns <= 0)
		c.config.window_ns = window_default_ns;
	if (!(c.config.suspect_at > 0))
		c.config.suspect_at = suspect_default;
	if (!(c.config.compromised_at > 0))
		c.config.compromised_at = compromised_default;
	int error = correlate(&c, ret_incidents, ret_n);
	free(c.evidence);
	free(c.by_asset);
	free(c.suspects);
	free(c.control);
	return error;
}
