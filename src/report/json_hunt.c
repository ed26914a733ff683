/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/timefmt.h"
#include "report/report_hunt.h"
#include "report/tree.h"

/* Hits are written one by one: there may be a million. */

static json_t *json_places(uint32_t places)
{
	json_t *list = json_array();
	for (int p = 0; p < INDICATOR_PLACES; p++)
		if (places >> p & 1)
			json_array_append_new(list, tree_str(indicator_place_name((enum indicator_place)p)));
	return list;
}

static json_t *json_relations(uint8_t relations)
{
	static const char *const names[] = {"outside", "between", "ours", "passing"};
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (relations >> i & 1)
			json_array_append_new(list, json_string(names[i]));
	return list;
}

/* INT64_MIN and INT64_MAX are no times. */
static json_t *json_bound(int64_t ns)
{
	return ns == INT64_MIN || ns == INT64_MAX ? json_null() : tree_time(ns);
}

static json_t *json_addrs(const struct net_addr *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, tree_addr(v[i]));
	return list;
}

static json_t *json_hit(const struct report_hunt *h, const struct hunt_hit *hit)
{
	const struct indicator *i = &hit->indicator;
	char value[INDICATOR_TEXT_SIZE], origin[INDICATOR_TEXT_SIZE];
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "indicator",
	    tree_str(indicator_text(i, value)), "asset",
	    net_addr_is_none(hit->asset) ? json_null() : tree_addr(hit->asset), "first",
	    tree_time(hit->first), "last", tree_time(hit->last), "bytes_out", tree_count(hit->bytes_out),
	    "bytes_in", tree_count(hit->bytes_in), "flows", tree_ids(hit->ids, hit->n_ids));
	json_object_set_new(j, "flows_total", tree_count(hit->flows + hit->lookups));
	json_object_set_new(j, "kind", tree_str(indicator_kind_name(i->kind)));
	json_object_set_new(j, "name", tree_str(hit->name));
	json_object_set_new(j, "zone", tree_str(net_zone_at(h->zones, hit->zone)->name));
	json_object_set_new(j, "where", json_places(hit->places));
	json_object_set_new(j, "relation", json_relations(hit->relations));
	json_object_set_new(j, "contacts", tree_count(hit->flows));
	json_object_set_new(j, "opened", tree_count(hit->opened));
	json_object_set_new(j, "answered", tree_count(hit->answered));
	json_object_set_new(j, "lookups",
	    json_pack("{s:o, s:o, s:o}", "flows", tree_count(hit->lookups), "bytes_out",
	        tree_count(hit->lookup_bytes_out), "bytes_in", tree_count(hit->lookup_bytes_in)));
	json_object_set_new(j, "peers", json_addrs(hit->peers, hit->n_peers));
	json_object_set_new(j, "more_peers", json_boolean(hit->more_peers));
	json_object_set_new(j, "valid_from", json_bound(i->valid_from));
	json_object_set_new(j, "valid_until", json_bound(i->valid_until));
	json_object_set_new(j, "flows_while_valid", tree_count(hit->valid));
	json_object_set_new(j, "origin", tree_str(indicator_origin(i, origin)));
	json_object_set_new(j, "description", tree_text(i->description));
	json_object_set_new(j, "tlp", i->tlp ? tree_str(msg_tlp_name(i->tlp)) : json_null());
	json_object_set_new(j, "sources", tree_count(hit->sources));
	return j;
}

static json_t *json_searched(const struct report_hunt *h)
{
	const struct hunt_result *r = h->result;
	json_t *kinds = json_object();
	for (int k = 0; k < INDICATOR_KINDS; k++)
		if (r->indicators[k])
			json_object_set_new(
			    kinds, indicator_kind_name((enum indicator_kind)k), tree_count(r->indicators[k]));
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "first", tree_time(r->first),
	    "last", tree_time(r->last), "from", tree_time(r->from), "to", tree_time(r->to), "flows",
	    tree_count(r->flows), "transactions", tree_count(r->transactions), "links",
	    tree_strings(r->links, r->n_links), "indicators", kinds);
	json_object_set_new(j, "indicators_total", tree_count(r->indicators_all));
	json_object_set_new(j, "indicators_hit", tree_count(r->indicators_hit));
	json_object_set_new(j, "assets_hit", tree_count(r->assets));
	json_object_set_new(j, "hits", tree_count(r->n_hits));
	json_object_set_new(j, "segments", tree_count(r->segments));
	json_object_set_new(j, "segments_entered", tree_count(r->segments_entered));
	json_object_set_new(j, "blocks", tree_count(r->blocks));
	json_object_set_new(j, "blocks_read", tree_count(r->blocks_read));
	json_object_set_new(j, "whole", json_boolean(!r->unsearched));
	json_object_set_new(j, "milliseconds", json_real((double)(h->elapsed_ns / 1000) / 1000));
	return j;
}

static json_t *json_gap(const struct hunt_gap *g)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "kind", hunt_gap_name(g->kind), "text",
	    tree_str(g->text), "link", g->link[0] ? tree_str(g->link) : json_null(), "from",
	    tree_time(g->from), "to", tree_time(g->to), "count", tree_count(g->count), "unsearched",
	    g->unsearched);
}

/* Writes one value compactly and frees it. */
static int put(json_t *j, FILE *out)
{
	int error = j ? 0 : -ENOMEM;
	if (j && json_dumpf(j, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12)) < 0)
		error = -EIO;
	json_decref(j);
	return error;
}

static int put_named(const char *name, json_t *j, FILE *out)
{
	return fprintf(out, ",\n\"%s\": ", name) < 0 ? -EIO : put(j, out);
}

int report_json_hunt(const struct report_hunt *h, FILE *out)
{
	const struct hunt_result *r = h->result;
	json_t *gaps = json_array();
	int error = fputs("{\"hits\": [", out) < 0 ? -EIO : 0;
	for (size_t i = 0; i < r->n_hits && error == 0; i++) {
		if (fputs(i ? ",\n  " : "\n  ", out) < 0)
			error = -EIO;
		else
			error = put(json_hit(h, &r->hits[i]), out);
	}
	if (error == 0 && fputs("]", out) < 0)
		error = -EIO;
	for (size_t i = 0; i < r->n_gaps; i++)
		json_array_append_new(gaps, json_gap(&r->gaps[i]));
	if (error == 0)
		error = put_named("searched", json_searched(h), out);
	if (error == 0) {
		error = put_named("not_covered", gaps, out);
		gaps = NULL;
	}
	json_decref(gaps);
	if (error == 0 && h->follow)
		error = put_named("spread", tree_spread(h->follow, h->followed), out);
	if (error == 0 && h->follow)
		error = put_named(
		    "exposure", tree_exposures(h->follow, h->follow->exposures, h->follow->n_exposures), out);
	return error == 0 && fputs("}\n", out) < 0 ? -EIO : error;
}
