/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "exchange/exchange.h"
#include "exchange/stix_object.h"
#include "flow/flow.h"
#include "net/app.h"

#define INCIDENT_EXTENSION "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
#define IMPACT_EXTENSION   "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9"

enum { STIX_TEXT_MAX = 2048, STIX_FLOWS_MAX = 256 };

/* What the parts of the bundle are made from. */
struct bundle {
	struct stix s;
	const struct exchange_incident *in;
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	struct archive *archive;
	char incident[STIX_ID_SIZE];
};

static json_t *clean(struct text t)
{
	char buf[STIX_TEXT_MAX];
	return json_string(text_printable(t, buf, sizeof(buf)));
}

static json_t *stamp(int64_t ns)
{
	char buf[TIME_TEXT_SIZE];
	return json_string(time_rfc3339_ms(ns, buf));
}

static int confidence_100(double v)
{
	return (int)(v * 100 + 0.5);
}

static void add_identity(struct bundle *b, const char *organization)
{
	json_t *j = stix_add(&b->s, "identity", organization, MSG_TLP_NONE, b->s.identity);
	json_object_set_new(j, "name", clean(text_of(organization)));
	json_object_set_new(j, "identity_class", json_string("organization"));
}

/* What can have left a zone: the bound belongs into the impact on confidentiality. */
static void add_impact(struct bundle *b, const struct exposure *e)
{
	char id[STIX_ID_SIZE], why[STIX_TEXT_MAX], bytes[24];
	const char *zone = net_zone_at(b->zones, e->zone)->name;
	json_t *j = stix_add(&b->s, "impact", zone, MSG_TLP_NONE, id);
	snprintf(why, sizeof(why),
	    "At most %llu bytes (%s) of zone %s can have left via the observed links, chained transfers "
	    "included; %llu "
	    "bytes left the zone for anywhere. %zu links were observed; %llu packets are known to be lost%s.",
	    (unsigned long long)e->chained_bytes, num_bytes_human(e->chained_bytes, bytes, sizeof(bytes)),
	    zone, (unsigned long long)e->direct_bytes, e->coverage.n_links,
	    (unsigned long long)e->coverage.lost_packets,
	    e->coverage.losses_unknown ? "; some links don't report losses" : "");
	json_object_set_new(j, "impact_category", json_string("confidentiality"));
	json_object_set_new(j, "description", clean(text_of(why)));
	json_object_set_new(j, "start_time", stamp(e->from ? e->from : b->in->incident->first));
	json_object_set_new(j, "extensions",
	    json_pack("{s:{s:s}, s:{s:s, s:I}}", IMPACT_EXTENSION, "extension_type", "new-sdo",
	        "confidentiality-ext", "loss_type", e->chained_bytes ? "suspected-loss" : "none",
	        "record_size", (json_int_t)e->chained_bytes));
	stix_add_relationship(&b->s, b->incident, "impacts", id, NULL);
}

static void add_incident(struct bundle *b)
{
	const struct incident *i = b->in->incident;
	char why[STIX_TEXT_MAX];
	size_t compromised = 0, suspect = 0;
	bool confirmed = false;
	for (size_t k = 0; k < i->n_assets; k++) {
		compromised += i->assets[k].state == INCIDENT_ASSET_COMPROMISED;
		suspect += i->assets[k].state == INCIDENT_ASSET_SUSPECT;
		confirmed |= i->assets[k].state == INCIDENT_ASSET_COMPROMISED;
	}
	snprintf(why, sizeof(why), "Severity %s. %zu machines compromised, %zu suspect. %s%s",
	    incident_severity_name(i->severity), compromised, suspect,
	    i->has_entry && i->entry_why ? "Entry: " : "Entry not seen.",
	    i->has_entry && i->entry_why ? i->entry_why : "");
	json_t *j = stix_add(&b->s, "incident", i->id, MSG_TLP_NONE, b->incident);
	json_object_set_new(j, "name", json_string(i->id));
	json_object_set_new(j, "description", clean(text_of(why)));
	json_object_set_new(j, "confidence", json_integer(confidence_100(i->confidence)));
	json_object_set_new(j, "extensions",
	    json_pack("{s:{s:s, s:s, s:s, s:s}}", INCIDENT_EXTENSION, "extension_type", "property-extension",
	        "determination", confirmed ? "confirmed" : "suspected", "investigation_status",
	        i->state == INCIDENT_CLOSED ? "closed" : "open", "recoverability", "regular"));
}

static const char *infrastructure_type(enum msg_role role)
{
	switch (role) {
	case MSG_ROLE_C2: return "command-and-control";
	case MSG_ROLE_EXFILTRATION: return "exfiltration";
	case MSG_ROLE_DELIVERY: return "staging";
	case MSG_ROLE_SCANNER: return "reconnaissance";
	case MSG_ROLE_NONE:
	case MSG_ROLE_ACTOR:
	case MSG_ROLE_VICTIM:
	case MSG_ROLE_TARGET:
	case MSG_ROLE_ATTACKER: break;
	}
	return "unknown";
}

/* The place outside as infrastructure, and an indicator that others can load. */
static void add_peer(struct bundle *b, const struct incident_peer *p)
{
	char text[NET_ADDR_TEXT_SIZE], address[STIX_ID_SIZE], place[STIX_ID_SIZE], indicator[STIX_ID_SIZE],
	    pattern[160];
	net_addr_text(p->addr, text);
	stix_add_address(&b->s, p->addr, address);
	json_t *j = stix_add(&b->s, "infrastructure", text, MSG_TLP_NONE, place);
	json_object_set_new(j, "name", clean(text_of(p->name && p->name[0] ? p->name : text)));
	json_object_set_new(j, "infrastructure_types", json_pack("[s]", infrastructure_type(p->role)));
	stix_add_relationship(&b->s, place, "consists-of", address, NULL);
	/* a place that only delivered or was uploaded to may serve others honestly: it is told, not blocked
	 */
	if (p->role != MSG_ROLE_C2 && p->role != MSG_ROLE_ATTACKER && p->role != MSG_ROLE_SCANNER)
		return;
	snprintf(pattern, sizeof(pattern), "[%s:value = '%s']",
	    net_addr_is_v4(p->addr) ? "ipv4-addr" : "ipv6-addr", text);
	j = stix_add(&b->s, "indicator", text, MSG_TLP_NONE, indicator);
	json_object_set_new(j, "name", json_string(text));
	json_object_set_new(j, "pattern", json_string(pattern));
	json_object_set_new(j, "pattern_type", json_string("stix"));
	json_object_set_new(j, "indicator_types", json_pack("[s]", "malicious-activity"));
	json_object_set_new(j, "valid_from", stamp(b->in->incident->first));
	stix_add_relationship(&b->s, indicator, "indicates", place, NULL);
}

static char *flow_id(const struct bundle *b, uint64_t flow, char *id)
{
	char seed[STIX_ID_SIZE + 32];
	snprintf(seed, sizeof(seed), "%s|flow|%llu", b->s.identity, (unsigned long long)flow);
	return stix_id("network-traffic", seed, id);
}

/* A flow as an observable with its two ends. */
static void add_flow(struct bundle *b, const struct msg_flow *f)
{
	char id[STIX_ID_SIZE], from[STIX_ID_SIZE], to[STIX_ID_SIZE];
	flow_id(b, f->id, id);
	stix_add_address(&b->s, f->initiator, from);
	stix_add_address(&b->s, f->responder, to);
	const char *transport = f->protocol == PACKET_TCP    ? "tcp"
	                        : f->protocol == PACKET_UDP  ? "udp"
	                        : f->protocol == PACKET_SCTP ? "sctp"
	                                                     : "ip";
	json_t *protocols = json_pack("[s, s]", net_addr_is_v4(f->initiator) ? "ipv4" : "ipv6", transport);
	if (f->app != APP_UNKNOWN)
		json_array_append_new(protocols, json_string(app_name(f->app)));
	json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "type",
	    "network-traffic", "spec_version", "2.1", "id", id, "start", stamp(f->first), "end",
	    stamp(f->last), "src_ref", from, "dst_ref", to, "protocols", protocols, "src_byte_count",
	    (json_int_t)f->payload_out, "dst_byte_count", (json_int_t)f->payload_in, "src_packets",
	    (json_int_t)f->packets_out, "dst_packets", (json_int_t)f->packets_in);
	if (f->protocol == PACKET_TCP || f->protocol == PACKET_UDP || f->protocol == PACKET_SCTP) {
		json_object_set_new(j, "src_port", json_integer(f->initiator_port));
		json_object_set_new(j, "dst_port", json_integer(f->responder_port));
	}
	stix_put(&b->s, j);
}

/* A detection that others may see. */
static bool is_told(const struct msg_detection *d)
{
	return d->tlp != MSG_TLP_RED;
}

static uint32_t flows_told(const struct msg_detection *d)
{
	return d->flows.n < STIX_FLOWS_MAX ? d->flows.n : STIX_FLOWS_MAX;
}

static int compare_ids(const void *left, const void *right)
{
	uint64_t a, b;
	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return (a > b) - (a < b);
}

/* The flows that detections rest on, each once, in the order in which the archive finds them soonest. */
static int add_flows(struct bundle *b)
{
	const struct incident *incident = b->in->incident;
	struct arena arena = {0};
	uint64_t *ids = NULL;
	size_t n = 0, cap = 0;
	int r = 0;
	for (size_t i = 0; i < incident->n_detections && r == 0; i++) {
		const struct msg_detection *d = incident->detections[i];
		for (uint32_t k = 0; k < flows_told(d) && is_told(d) && r == 0; k++) {
			r = VEC_RESERVE(ids, &cap, n, SIZE_MAX);
			if (r == 0)
				ids[n++] = d->flows.v[k];
		}
	}
	if (n)
		qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct msg_flow f;
		if (i && ids[i] == ids[i - 1])
			continue;
		r = archive_find_flow(b->archive, ids[i], &arena, &f);
		if (r == 0)
			add_flow(b, &f);
		if (r == -ENOENT)
			r = 0;
		arena_reset(&arena);
	}
	arena_free(&arena);
	free(ids);
	return r;
}

/* The observables of a detection's flows, as a set. */
static json_t *refs_of(const struct bundle *b, const struct msg_detection *d)
{
	json_t *refs = json_object();
	for (uint32_t i = 0; i < flows_told(d); i++) {
		char id[STIX_ID_SIZE];
		const json_t *flow = json_object_get(b->s.seen, flow_id(b, d->flows.v[i], id));
		if (!flow)
			continue;
		json_object_set_new(refs, id, json_true());
		json_object_set_new(refs, json_string_value(json_object_get(flow, "src_ref")), json_true());
		json_object_set_new(refs, json_string_value(json_object_get(flow, "dst_ref")), json_true());
	}
	return refs;
}

static void add_technique(struct bundle *b, const struct msg_detection *d, char *id)
{
	char name[32];
	text_printable(d->technique, name, sizeof(name));
	char seed[64], full[512];
	snprintf(seed, sizeof(seed), "technique|%s", name);
	snprintf(full, sizeof(full), "%s|attack-pattern|%s", b->s.identity, seed);
	stix_id("attack-pattern", full, id);
	if (stix_has(&b->s, id))
		return;
	json_t *j = stix_add(&b->s, "attack-pattern", seed, MSG_TLP_NONE, id);
	json_object_set_new(j, "name", json_string(name));
	json_object_set_new(j, "external_references",
	    json_pack("[{s:s, s:s}]", "source_name", "mitre-attack", "external_id", name));
}

static json_t *keys_of(json_t *set)
{
	json_t *list = json_array(), *value;
	const char *key;
	json_object_foreach(set, key, value)
	{
		json_array_append_new(list, json_string(key));
	}
	return list;
}

/* A detection: observed-data over its flows, and the technique that it speaks for. */
static void add_detection(struct bundle *b, const struct msg_detection *d)
{
	json_t *refs = refs_of(b, d);
	char id[STIX_ID_SIZE], technique[STIX_ID_SIZE], seed[64];
	if (json_object_size(refs) == 0) {
		json_decref(refs);
		return;
	}
	snprintf(seed, sizeof(seed), "detection|%llu", (unsigned long long)d->id);
	json_t *j = stix_add(&b->s, "observed-data", seed, (enum msg_tlp)d->tlp, id);
	json_object_set_new(j, "first_observed", stamp(d->time));
	json_object_set_new(j, "last_observed", stamp(d->last > d->time ? d->last : d->time));
	json_object_set_new(j, "number_observed",
	    json_integer(d->count > 999999999 ? 999999999
	                 : d->count           ? (json_int_t)d->count
	                                      : 1));
	json_object_set_new(j, "object_refs", keys_of(refs));
	json_decref(refs);
	json_object_set_new(j, "confidence", json_integer(confidence_100(d->confidence)));
	add_technique(b, d, technique);
	snprintf(seed, sizeof(seed), "sighting|%llu", (unsigned long long)d->id);
	j = stix_add(&b->s, "sighting", seed, (enum msg_tlp)d->tlp, NULL);
	json_object_set_new(j, "sighting_of_ref", json_string(technique));
	json_object_set_new(j, "observed_data_refs", json_pack("[s]", id));
	json_object_set_new(j, "description", clean(d->why));
	json_object_set_new(j, "confidence", json_integer(confidence_100(d->confidence)));
	json_object_set_new(j, "first_seen", stamp(d->time));
	json_object_set_new(j, "last_seen", stamp(d->last > d->time ? d->last : d->time));
	stix_add_relationship(&b->s, b->incident, "related-to", id, NULL);
}

static void add_machines(struct bundle *b)
{
	const struct incident *i = b->in->incident;
	for (size_t k = 0; k < i->n_assets; k++) {
		const struct incident_asset *a = &i->assets[k];
		char id[STIX_ID_SIZE], why[STIX_TEXT_MAX], name[ASSET_TEXT_SIZE], since[TIME_TEXT_SIZE],
		    addr[NET_ADDR_TEXT_SIZE];
		if (a->state == INCIDENT_ASSET_TARGET)
			continue;
		asset_text(b->assets, a->asset, name);
		/* by its address: two machines may go by one name, and whoever names his own chooses it */
		net_addr_text(asset_at(b->assets, a->asset)->addrs[0], addr);
		json_t *j = stix_add(&b->s, "identity", addr, MSG_TLP_NONE, id);
		snprintf(why, sizeof(why), "%s with confidence %.2f since %s, in zone %s",
		    incident_asset_state_name(a->state), a->confidence, time_rfc3339_ms(a->since, since),
		    net_zone_at(b->zones, asset_at(b->assets, a->asset)->zone)->name);
		json_object_set_new(j, "name", clean(text_of(name)));
		json_object_set_new(j, "identity_class", json_string("system"));
		json_object_set_new(j, "description", clean(text_of(why)));
		stix_add_relationship(&b->s, b->incident, "targets", id, NULL);
	}
}

static void add_plan(struct bundle *b, const struct plan *p)
{
	char id[STIX_ID_SIZE], why[STIX_TEXT_MAX];
	snprintf(why, sizeof(why),
	    "%zu cuts; attack paths %zu before, %zu left; loses %.0f of %.0f legitimate flows a day; %zu "
	    "steps by hand.",
	    p->n_cuts, p->attack_paths_before, p->attack_paths_left, p->legitimate_flows_lost_per_day,
	    p->legitimate_flows_per_day, p->n_manual_steps);
	json_t *j = stix_add(&b->s, "course-of-action", plan_name_text(p->name), MSG_TLP_NONE, id);
	json_object_set_new(j, "name", json_string(plan_name_text(p->name)));
	json_object_set_new(j, "description", json_string(why));
	stix_add_relationship(&b->s, id, "mitigates", b->incident, NULL);
}

static int add_all(struct bundle *b)
{
	const struct exchange_incident *in = b->in;
	add_incident(b);
	for (size_t k = 0; k < in->n_exposures; k++)
		add_impact(b, &in->exposures[k]);
	add_machines(b);
	for (size_t k = 0; k < in->incident->n_peers; k++)
		add_peer(b, &in->incident->peers[k]);
	for (size_t k = 0; in->plans && k < PLAN_COUNT; k++)
		add_plan(b, &in->plans[k]);
	int r = add_flows(b);
	for (size_t k = 0; k < in->incident->n_detections && r == 0; k++)
		if (is_told(in->incident->detections[k]))
			add_detection(b, in->incident->detections[k]);
	return r;
}

int exchange_stix(const struct exchange_incident *i, const struct asset_map *assets,
    const struct net_zone_map *zones, struct archive *archive, const char *organization, enum msg_tlp tlp,
    int64_t made, FILE *out)
{
	struct bundle b = {.in = i, .assets = assets, .zones = zones, .archive = archive};
	char seed[STIX_ID_SIZE + 64], id[STIX_ID_SIZE];
	b.s = (struct stix){.objects = json_array(), .seen = json_object(), .tlp = tlp};
	time_rfc3339_ms(made, b.s.created);
	add_identity(&b, organization);
	int r = i->incident ? add_all(&b) : 0;
	stix_add_markings(&b.s);
	snprintf(seed, sizeof(seed), "bundle|%s|%s", b.incident, b.s.created);
	json_t *bundle = json_pack(
	    "{s:s, s:s, s:o}", "type", "bundle", "id", stix_id("bundle", seed, id), "objects", b.s.objects);
	json_decref(b.s.seen);
	if (r == 0 && !bundle)
		r = -ENOMEM;
	if (r == 0 && (json_dumpf(bundle, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF))
		r = -EIO;
	json_decref(bundle);
	return r;
}
