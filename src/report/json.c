/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/timefmt.h"
#include "net/app.h"
#include "report/tree.h"

json_t *tree_text(struct text t)
{
	struct dynbuf b = {.max = MSG_TEXT_MAX * 4};
	text_append_printable(&b, t);
	json_t *j = b.error ? NULL : json_stringn(b.n ? (const char *)b.p : "", b.n);
	dynbuf_free(&b);
	return j;
}

json_t *tree_str(const char *s)
{
	return tree_text(text_of(s ? s : ""));
}

json_t *tree_addr(struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	return json_string(net_addr_text(a, text));
}

static json_t *json_prefix(struct net_prefix p)
{
	char text[NET_PREFIX_TEXT_SIZE];
	return p.bits == 128 ? tree_addr(p.addr) : json_string(net_prefix_text(p, text));
}

json_t *tree_time(int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	return ns ? json_string(time_rfc3339(ns, text)) : json_null();
}

/* JSON numbers are doubles to many readers; jansson's are 64 bits with sign. */
json_t *tree_count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *tree_ids(const uint64_t *ids, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, tree_count(ids[i]));
	return list;
}

/* Confidences with three digits: more would claim what nobody measured. */
static json_t *json_confidence(double v)
{
	return json_real((double)(long)(v * 1000 + 0.5) / 1000);
}

void tree_put_asset(const struct report_case *c, json_t *to, uint32_t asset)
{
	const struct asset *a = asset_at(c->assets, asset);
	json_t *addresses = json_array(), *names = json_array();
	for (size_t i = 0; i < a->n_addrs; i++)
		json_array_append_new(addresses, tree_addr(a->addrs[i]));
	for (size_t i = 0; i < a->n_names; i++)
		json_array_append_new(names, tree_str(a->names[i]));
	json_object_set_new(to, "addresses", addresses);
	json_object_set_new(to, "names", names);
	json_object_set_new(to, "zone", tree_str(net_zone_at(c->zones, a->zone)->name));
}

static json_t *json_detection(const struct msg_detection *d)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
	    tree_count(d->id), "source", msg_source_name(d->source), "name", tree_text(d->name), "technique",
	    tree_text(d->technique), "confidence", json_confidence(d->confidence), "asset",
	    tree_addr(d->asset), "peer", net_addr_is_none(d->peer) ? json_null() : tree_addr(d->peer),
	    "asset_role", msg_role_name(d->asset_role), "peer_role", msg_role_name(d->peer_role), "time",
	    tree_time(d->time), "last", tree_time(d->last), "why", tree_text(d->why), "indicator",
	    tree_text(d->indicator), "flows", tree_ids(d->flows.v, d->flows.n));
}

static json_t *json_entry(const struct report_case *c, const struct incident *i)
{
	if (!i->has_entry)
		return json_null();
	json_t *entry = json_object();
	tree_put_asset(c, entry, i->entry_asset);
	json_object_set_new(entry, "time", tree_time(i->entry_time));
	json_object_set_new(
	    entry, "peer", net_addr_is_none(i->entry_peer) ? json_null() : tree_addr(i->entry_peer));
	json_object_set_new(entry, "why", tree_str(i->entry_why));
	return entry;
}

static json_t *json_incident_assets(const struct report_case *c, const struct incident *i)
{
	json_t *list = json_array();
	for (size_t k = 0; k < i->n_assets; k++) {
		const struct incident_asset *a = &i->assets[k];
		if (a->state == INCIDENT_ASSET_TARGET)
			continue;
		json_t *asset = json_object();
		tree_put_asset(c, asset, a->asset);
		json_object_set_new(asset, "state", json_string(incident_asset_state_name(a->state)));
		json_object_set_new(asset, "confidence", json_confidence(a->confidence));
		json_object_set_new(asset, "since", tree_time(a->since));
		json_object_set_new(asset, "detections", tree_ids(a->detections, a->n_detections));
		json_array_append_new(list, asset);
	}
	return list;
}

static json_t *json_peers(const struct incident *i)
{
	json_t *list = json_array();
	for (size_t k = 0; k < i->n_peers; k++) {
		const struct incident_peer *p = &i->peers[k];
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "address", tree_addr(p->addr), "name",
		              tree_str(p->name), "role", msg_role_name(p->role), "bytes_out",
		              tree_count(p->bytes_out), "bytes_in", tree_count(p->bytes_in), "flows",
		              tree_ids(p->flows, p->n_flows)));
	}
	return list;
}

static json_t *json_incident(const struct report_case *c, const struct incident *i)
{
	json_t *detections = json_array();
	for (size_t k = 0; k < i->n_detections; k++)
		json_array_append_new(detections, json_detection(i->detections[k]));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", i->id, "state",
	    incident_state_name(i->state), "severity", incident_severity_name(i->severity), "confidence",
	    json_confidence(i->confidence), "first", tree_time(i->first), "last", tree_time(i->last), "entry",
	    json_entry(c, i), "assets", json_incident_assets(c, i), "peers", json_peers(i), "detections",
	    detections);
}

static json_t *json_incidents(const struct report_case *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n_incidents; i++)
		json_array_append_new(list, json_incident(c, c->incidents[i].incident));
	return list;
}

static json_t *json_links(const struct msg_coverage *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct msg_coverage *l = &v[i];
		json_array_append_new(list,
		    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "link",
		        tree_text(l->name), "origin", tree_text(l->origin), "from", tree_time(l->from), "to",
		        tree_time(l->to), "packets", tree_count(l->packets), "bytes", tree_count(l->bytes),
		        "dropped", l->dropped == UINT64_MAX ? json_null() : tree_count(l->dropped), "cut",
		        tree_count(l->cut), "malformed", tree_count(l->malformed), "unreadable",
		        tree_count(l->unreadable), "missing_bytes", tree_count(l->missing), "problem",
		        tree_text(l->why)));
	}
	return list;
}

static json_t *json_hops(const struct report_case *c, const struct spread_asset *a)
{
	json_t *path = json_array();
	for (size_t i = 0; i < a->n_path; i++) {
		const struct spread_hop *h = &a->path[i];
		json_array_append_new(path, json_pack("{s:o, s:o, s:o, s:s, s:s, s:[o]}", "from",
		                                tree_addr(asset_at(c->assets, h->from)->addrs[0]), "to",
		                                tree_addr(asset_at(c->assets, h->to)->addrs[0]), "time",
		                                tree_time(h->time), "app", app_name(h->app), "grade",
		                                spread_grade_name(h->grade), "flows", tree_count(h->flow)));
	}
	return path;
}

json_t *tree_spread(const struct report_case *c, const struct report_incident *i)
{
	json_t *seeds = json_array(), *assets = json_array();
	if (i && i->spread) {
		for (size_t k = 0; k < i->incident->n_assets; k++) {
			const struct incident_asset *a = &i->incident->assets[k];
			if (a->state == INCIDENT_ASSET_TARGET)
				continue;
			json_t *seed = json_object();
			tree_put_asset(c, seed, a->asset);
			json_object_set_new(seed, "time", tree_time(a->since));
			json_object_set_new(seed, "state", json_string(incident_asset_state_name(a->state)));
			json_array_append_new(seeds, seed);
		}
		for (size_t k = 0; k < i->spread->n_assets; k++) {
			const struct spread_asset *a = &i->spread->assets[k];
			json_t *asset = json_object();
			tree_put_asset(c, asset, a->asset);
			json_object_set_new(asset, "grade", json_string(spread_grade_name(a->grade)));
			json_object_set_new(asset, "arrival", tree_time(a->arrival));
			json_object_set_new(asset, "path", json_hops(c, a));
			json_array_append_new(assets, asset);
		}
	}
	return json_pack("{s:o, s:o, s:o, s:b, s:o}", "incident",
	    i ? json_string(i->incident->id) : json_null(), "seeds", seeds, "assets", assets, "coarse",
	    i && i->spread && i->spread->coarse, "coverage", json_links(c->coverage, c->n_coverage));
}

/* One side of a cut: a list of prefixes, {"zone": name}, or "external", "any". */
static json_t *json_side(
    const struct report_case *c, uint16_t zone, bool external, const struct net_prefix *p, size_t n)
{
	if (external)
		return json_string("external");
	if (zone != NET_ZONE_NONE)
		return json_pack("{s:o}", "zone", tree_str(net_zone_at(c->zones, zone)->name));
	if (n == 0)
		return json_string("any");
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_prefix(p[i]));
	return list;
}

json_t *tree_strings(const char *const *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, tree_str(v[i]));
	return list;
}

static json_t *json_plan(const struct report_case *c, const struct plan *p)
{
	json_t *cuts = json_array(), *services = json_array();
	for (size_t i = 0; i < p->n_cuts; i++) {
		const struct plan_cut *k = &p->cuts[i];
		json_array_append_new(
		    cuts, json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "kind",
		              plan_cut_kind_name(k->kind), "from",
		              json_side(c, k->from_zone, false, k->from, k->n_from), "to",
		              json_side(c, k->to_zone, k->to_external, k->to, k->n_to), "direction",
		              plan_direction_name(k->direction), "lease_s",
		              tree_count((uint64_t)(k->lease_ns / NS_PER_S)), "enforcement",
		              tree_str(k->enforcement), "why", tree_str(k->why), "cost_per_day",
		              json_real(k->cost), "flows", tree_ids(k->flows, k->n_flows)));
	}
	for (size_t i = 0; i < p->n_services_lost; i++) {
		const struct plan_lost_service *s = &p->services_lost[i];
		json_array_append_new(
		    services, json_pack("{s:o, s:o, s:o, s:i}", "name", tree_str(s->name), "clients",
		                  tree_count(s->clients), "flows_per_day", json_real(s->flows_per_day),
		                  "criticality", (int)s->criticality));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", plan_name_text(p->name),
	    "cuts", cuts, "attack_paths_before", tree_count(p->attack_paths_before), "attack_paths_left",
	    tree_count(p->attack_paths_left), "legitimate_flows_per_day",
	    json_real(p->legitimate_flows_per_day), "legitimate_flows_lost_per_day",
	    json_real(p->legitimate_flows_lost_per_day), "services_lost", services, "manual_steps",
	    tree_strings(p->manual_steps, p->n_manual_steps), "guardrails",
	    tree_strings(p->guardrails, p->n_guardrails));
}

static json_t *json_plans(const struct report_case *c, const struct report_incident *i)
{
	json_t *list = json_array();
	for (size_t k = 0; i && i->plans && k < PLAN_COUNT; k++)
		json_array_append_new(list, json_plan(c, &i->plans[k]));
	return list;
}

static json_t *json_coverage(const struct exposure_coverage *v)
{
	return json_pack("{s:o, s:o, s:b, s:o, s:o}", "links", json_links(v->links, v->n_links),
	    "lost_packets", tree_count(v->lost_packets), "losses_unknown", v->losses_unknown,
	    "lost_bytes_bound", tree_count(v->lost_bytes_bound), "not_seen",
	    tree_strings(v->not_seen, v->n_not_seen));
}

static json_t *json_exposure(const struct report_case *c, const struct exposure *e)
{
	json_t *destinations = json_array(), *transfers = json_array();
	for (size_t i = 0; i < e->n_destinations; i++) {
		const struct exposure_destination *d = &e->destinations[i];
		json_array_append_new(destinations,
		    json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "address", tree_addr(d->addr), "name",
		        tree_str(d->name), "zone", tree_str(net_zone_at(c->zones, d->zone)->name), "class",
		        exposure_class_name(d->class), "payload_bytes", tree_count(d->payload_bytes), "flows",
		        tree_ids(d->flows, d->n_flows), "flows_total", tree_count(d->flows_total)));
	}
	for (size_t i = 0; i < e->n_transfers; i++) {
		const struct exposure_transfer *t = &e->transfers[i];
		json_array_append_new(
		    transfers, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:[o]}", "from", tree_addr(t->from),
		                   "to", tree_addr(t->to), "first", tree_time(t->first), "last",
		                   tree_time(t->last), "capacity", tree_count(t->capacity), "used",
		                   tree_count(t->used), "flows", tree_count(t->flow)));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "zone",
	    tree_str(net_zone_at(c->zones, e->zone)->name), "from", tree_time(e->from), "to",
	    tree_time(e->to), "direct_bytes", tree_count(e->direct_bytes), "direct_external_bytes",
	    tree_count(e->direct_external_bytes), "chained_bytes", tree_count(e->chained_bytes),
	    "chained_any_bytes", tree_count(e->chained_any_bytes), "coarse", e->coarse, "destinations",
	    destinations, "transfers", transfers, "documents", json_array(), "coverage",
	    json_coverage(&e->coverage));
}

/* One zone: the object itself; several: an array of them. */
json_t *tree_exposures(const struct report_case *c, const struct exposure *e, size_t n)
{
	if (n == 1)
		return json_exposure(c, e);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_exposure(c, &e[i]));
	return list;
}

static json_t *json_sources(const struct report_case *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n_sources; i++) {
		const struct report_source *s = &c->sources[i];
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:o}", "path", tree_str(s->path),
		                                "end", s->end, "problem", tree_str(s->why), "bytes",
		                                tree_count(s->bytes), "packets", tree_count(s->packets)));
	}
	return list;
}

static json_t *json_anomalies(const struct report_case *c)
{
	json_t *counts = json_object();
	for (size_t i = 0; i < c->n_anomalies; i++)
		json_object_set_new(counts, c->anomalies[i].name, tree_count(c->anomalies[i].n));
	return counts;
}

int tree_write(json_t *j, FILE *out)
{
	int r = 0;
	if (!j)
		return -ENOMEM;
	if (json_dumpf(j, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) < 0 || fputc('\n', out) == EOF)
		r = -EIO;
	json_decref(j);
	return r;
}

int report_json_incidents(const struct report_case *c, FILE *out)
{
	return tree_write(json_incidents(c), out);
}

int report_json_spread(const struct report_case *c, const struct report_incident *i, FILE *out)
{
	return tree_write(tree_spread(c, i), out);
}

int report_json_plans(const struct report_case *c, const struct report_incident *i, FILE *out)
{
	return tree_write(json_plans(c, i), out);
}

int report_json_exposures(const struct report_case *c, const struct exposure *e, size_t n, FILE *out)
{
	return tree_write(tree_exposures(c, e, n), out);
}

int report_json_case(const struct report_case *c, FILE *out)
{
	const struct report_incident *worst = c->n_incidents ? &c->incidents[0] : NULL;
	const struct exposure *e = worst ? worst->exposures : c->exposures;
	size_t n = worst ? worst->n_exposures : c->n_exposures;
	json_t *exposures = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(exposures, json_exposure(c, &e[i]));
	return tree_write(
	    json_pack("{s:i, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "format",
	        1, "version", c->version, "site", tree_str(c->site_name), "zones_guessed", c->site_guessed,
	        "made", tree_time(c->made), "first", tree_time(c->first), "last", tree_time(c->last), "flows",
	        tree_count(c->flows), "duplicates", tree_count(c->duplicates), "incidents", json_incidents(c),
	        "spread", tree_spread(c, worst), "plans", json_plans(c, worst), "exposures", exposures,
	        "sources", json_sources(c), "anomalies", json_anomalies(c)),
	    out);
}
