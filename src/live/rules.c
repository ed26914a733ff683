/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void live_rules_free(struct live_rules *r)
{
	guardrails_free(&r->guardrails);
	free(r->never_cut);
	free(r->control);
	free(r->passes);
	*r = (struct live_rules){0};
}

static struct net_prefix *joined(
    const struct net_prefix *a, size_t n_a, const struct net_prefix *b, size_t n_b)
{
	struct net_prefix *v = calloc(n_a + n_b + 1, sizeof(*v));
	if (v && n_a)
		memcpy(v, a, n_a * sizeof(*v));
	if (v && n_b)
		memcpy(v + n_a, b, n_b * sizeof(*v));
	return v;
}

int live_rules_make(struct live_rules *r, const struct daemon_conf *conf, const struct site *site)
{
	const struct daemon_guardrails *g = &conf->guardrails;
	size_t n_never = g->n_never_cut + site->n_never_cut;
	struct live_rules n = {.guardrails = {.n_never_cut = n_never,
	                           .n_control = g->n_control,
	                           .widest_v4 = g->widest_v4,
	                           .widest_v6 = g->widest_v6,
	                           .most_cuts = g->most_cuts,
	                           .longest_lease_ns = g->longest_lease_ns,
	                           .most_orders_a_minute = g->most_orders_a_minute,
	                           .spared_pass = true}};
	n.never_cut = joined(g->never_cut, g->n_never_cut, site->never_cut, site->n_never_cut);
	n.control = joined(g->control, g->n_control, NULL, 0);
	n.passes = calloc(n_never + g->n_control + g->n_pass + 1, sizeof(*n.passes));
	n.guardrails.never_cut = n.never_cut;
	n.guardrails.control = n.control;
	int error = n.never_cut && n.control && n.passes ? guardrails_prepare(&n.guardrails) : -ENOMEM;
	if (error < 0) {
		live_rules_free(&n);
		return error;
	}
	for (size_t i = 0; i < n_never; i++)
		n.passes[n.n_passes++] = (struct backend_pass){.prefix = n.never_cut[i]};
	for (size_t i = 0; i < g->n_control; i++)
		n.passes[n.n_passes++] = (struct backend_pass){.prefix = n.control[i]};
	for (size_t i = 0; i < g->n_pass; i++)
		n.passes[n.n_passes++] = (struct backend_pass){
		    .prefix = g->pass[i].prefix, .protocol = g->pass[i].protocol, .port = g->pass[i].port};
	*r = n;
	return 0;
}
