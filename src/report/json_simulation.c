/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/timefmt.h"
#include "report/report_simulation.h"
#include "report/tree.h"

static json_t *json_sum(const struct simulated_sum *s)
{
	return json_pack(
	    "{s:o, s:o}", "flows", tree_count(s->flows), "payload_bytes", tree_count(s->payload_bytes));
}

/* Of one flow that is first and last the record stands once. */
static json_t *json_examples(const struct simulated_loss *l)
{
	const uint64_t ids[] = {l->first_flow, l->last_flow};
	return tree_ids(ids, l->sum.flows == 0 ? 0 : ids[0] == ids[1] ? 1 : 2);
}

/* {flows_lost, payload_bytes, first, last, flows}: what every row ends with. */
static json_t *json_with_loss(json_t *row, const struct simulated_loss *l)
{
	json_object_set_new(row, "flows_lost", tree_count(l->sum.flows));
	json_object_set_new(row, "payload_bytes", tree_count(l->sum.payload_bytes));
	json_object_set_new(row, "first", tree_time(l->first));
	json_object_set_new(row, "last", tree_time(l->last));
	json_object_set_new(row, "flows", json_examples(l));
	return row;
}

static json_t *json_services(const struct simulation *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_services; i++) {
		const struct simulated_service *x = &s->services[i];
		json_t *row = json_pack("{s:o, s:b, s:i, s:o, s:o, s:b}", "name", tree_str(x->name),
		    "of_site", x->of_site, "criticality", (int)x->criticality, "machines",
		    tree_count(x->machines), "days", tree_count(x->days), "rare", x->rare);
		json_array_append_new(list, json_with_loss(row, &x->loss));
	}
	return list;
}

static json_t *json_machine(
    const struct report_case *c, const struct simulation *s, const struct simulated_machine *m)
{
	json_t *row = json_object(), *services = json_array();
	if (m->asset != ASSET_NONE)
		tree_put_asset(c, row, m->asset);
	else
		json_object_set_new(row, "addresses", json_pack("[o]", tree_addr(m->addr)));
	json_object_set_new(row, "held", json_boolean(m->held));
	for (size_t k = 0; k < m->n_uses; k++) {
		json_t *use = json_pack("{s:o}", "name", tree_str(s->services[m->uses[k].service].name));
		json_array_append_new(services, json_with_loss(use, &m->uses[k].loss));
	}
	json_object_set_new(row, "services", services);
	return json_with_loss(row, &m->loss);
}

static json_t *json_machines(
    const struct report_case *c, const struct simulation *s, const struct simulated_machine *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_machine(c, s, &v[i]));
	return list;
}

static json_t *json_cuts(const struct simulation *s, const struct plan *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_cuts; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "cut", tree_count(i), "kind",
		              plan_cut_kind_name(p->cuts[i].kind), "why", tree_str(p->cuts[i].why),
		              "legitimate", json_sum(&s->by_cut[i].legitimate), "attack",
		              json_sum(&s->by_cut[i].attack), "doubtful", json_sum(&s->by_cut[i].doubtful)));
	return list;
}

static json_t *json_coverage(const struct simulated_coverage *v)
{
	json_t *links = json_array();
	for (size_t i = 0; i < v->n_links; i++) {
		const struct simulated_link *l = &v->links[i];
		json_array_append_new(
		    links, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "link", tree_text(l->name), "from",
		               tree_time(l->from), "to", tree_time(l->to), "covered_s",
		               json_real((double)l->covered_ns / (double)NS_PER_S), "packets",
		               tree_count(l->packets), "dropped",
		               l->dropped == UINT64_MAX ? json_null() : tree_count(l->dropped)));
	}
	return json_pack("{s:o, s:o, s:o}", "covered_s", json_real((double)v->covered_ns / (double)NS_PER_S),
	    "links", links, "not_covered", tree_strings(v->lines, v->n_lines));
}

static json_t *json_hours(const struct simulation *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < SIMULATE_HOURS; i++)
		json_array_append_new(list, tree_count(s->by_hour[i]));
	return list;
}

static json_t *json_simulation(
    const struct report_case *c, const struct report_incident *i, const struct simulation *s)
{
	const struct plan *p = &i->plans[s->plan];
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "plan",
	    plan_name_text(s->plan), "incident", i->incident->id, "from", tree_time(s->from), "to",
	    tree_time(s->to), "problem", s->problem ? tree_str(s->problem) : json_null(), "stopped",
	    json_sum(&s->stopped), "legitimate", json_sum(&s->legitimate), "of_held", json_sum(&s->of_held),
	    "attack", json_sum(&s->attack), "doubtful", json_sum(&s->doubtful), "unanswered",
	    json_sum(&s->unanswered), "within_zones", json_sum(&s->within_zones));
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
	    "legitimate_flows_lost_per_day", json_real(s->legitimate_flows_per_day),
	    "others_flows_lost_per_day", json_real(s->others_flows_per_day), "weighted_flows_lost_per_day",
	    json_real(s->weighted_flows_per_day), "plan_estimate_per_day",
	    json_real(p->legitimate_flows_lost_per_day), "by_hour", json_hours(s), "by_cut", json_cuts(s, p),
	    "services", json_services(s), "machines", json_machines(c, s, s->machines, s->n_machines),
	    "bystanders", tree_count(s->n_bystanders), "doubtful_machines",
	    json_machines(c, s, s->doubtful_machines, s->n_doubtful_machines), "coarse", s->coarse,
	    "coverage", json_coverage(&s->coverage));
	bool whole = j && rest && json_object_update(j, rest) == 0;
	json_decref(rest);
	if (whole)
		return j;
	json_decref(j);
	return NULL;
}

int report_json_simulations(const struct report_case *c, const struct report_incident *i,
    const struct simulation *v, size_t n, FILE *out)
{
	json_t *list = json_array();
	int r = 0;
	for (size_t k = 0; i && k < n && r == 0; k++)
		r = json_array_append_new(list, json_simulation(c, i, &v[k]));
	if (r == 0)
		return tree_write(list, out);
	json_decref(list);
	return -ENOMEM;
}
