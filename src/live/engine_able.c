/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Whether enforcers could carry cuts out, asked when an order is proposed and again when it is approved: as
 * far as that is known here. An enforcer's own word comes with the generation.
 */

#include "live/engine.h"

#include <stdio.h>

#include "enforce/able.h"
#include "enforce/netfilter.h"

/* What kind of backend enforcer i has; of one on another machine its own word counts. False: not known yet.
 */
static bool kind_of(const struct engine *e, size_t i, enum able_kind *ret_kind)
{
	const struct daemon_enforcer *d = &e->process->conf->enforcers[i];
	struct text told = text_of(e->enforcers[i].backend);
	bool remote = d->is_remote;
	if (remote ? text_equal(told, TEXT("nftables")) : d->backend == DAEMON_BACKEND_NFTABLES)
		*ret_kind = ABLE_NFTABLES;
	else if (remote ? text_equal(told, TEXT("xdp")) : d->backend == DAEMON_BACKEND_XDP)
		*ret_kind = ABLE_XDP;
	else if (remote ? text_equal(told, TEXT("bgp")) : d->backend == DAEMON_BACKEND_BGP)
		*ret_kind = !remote && d->bgp.announce == DAEMON_BGP_BLACKHOLE ? ABLE_BLACKHOLE
		                                                               : ABLE_FLOWSPEC;
	else
		return false;
	return true;
}

/* Whether the cut holds something that is spared, which its enforcers have to let pass. */
static bool holds_spared(const struct engine *e, const struct cut *c)
{
	struct guardrails strict = e->rules.guardrails;
	strict.spared_pass = false;
	enum guardrail rule = guardrail_of_cut(&strict, c);
	return rule == GUARDRAIL_NEVER_CUT || rule == GUARDRAIL_CONTROL_PATH;
}

static const char *cannot(
    const struct engine *e, size_t i, enum able_kind kind, const struct cut *c, bool closed)
{
	const struct daemon_enforcer *d = &e->process->conf->enforcers[i];
	const char *why = able_cannot(kind, c, closed);
	if (why)
		return why;
	if (kind == ABLE_NFTABLES && !d->is_remote && d->hooks == DAEMON_HOOK_INGRESS &&
	    c->direction == CUT_FROM_ONLY)
		return "which side began a connection isn't known where packets arrive";
	return NULL;
}

static bool add_shapes(const struct engine *e, size_t i, struct able_shapes *shapes, const struct cut *cuts,
    size_t n, bool closed)
{
	bool fit = true;
	for (size_t k = 0; k < n && fit; k++)
		fit = !orders_carries(e->orders, (unsigned)i, &cuts[k]) ||
		      able_shapes_add(shapes, &cuts[k], closed);
	return fit;
}

/* nftables' backend has so many sets, for all orders together. */
static bool find_room(const struct engine *e, size_t i, const struct order *o)
{
	struct able_shapes shapes = {.n = 0};
	size_t pos = 0;
	bool fit = add_shapes(e, i, &shapes, o->cuts, o->n_cuts, o->fail_closed);
	for (const struct order *other; fit && (other = orders_next(e->orders, &pos));)
		if (order_is_wanted(other))
			fit = add_shapes(e, i, &shapes, other->cuts, other->n_cuts, other->fail_closed);
	return fit;
}

static const char *end_text(struct net_prefix p, char buf[NET_PREFIX_TEXT_SIZE])
{
	return p.bits ? net_prefix_text(p, buf) : "anywhere";
}

static bool enforcer_is_able(const struct engine *e, size_t i, const struct order *o, char *why, size_t size)
{
	const struct engine_enforcer *f = &e->enforcers[i];
	const char *name = e->process->conf->enforcers[i].name;
	char from[NET_PREFIX_TEXT_SIZE], to[NET_PREFIX_TEXT_SIZE];
	enum able_kind kind;
	if (!kind_of(e, i, &kind))
		return true; /* it will say so itself */
	for (size_t k = 0; k < o->n_cuts; k++) {
		const struct cut *c = &o->cuts[k];
		if (!orders_carries(e->orders, (unsigned)i, c))
			continue;
		const char *reason = cannot(e, i, kind, c, o->fail_closed);
		if (reason) {
			snprintf(why, size, "enforcer %s can't part %s and %s: %s", name,
			    end_text(c->from, from), end_text(c->to, to), reason);
			return false;
		}
		if (f->lacks[0] && holds_spared(e, c)) {
			snprintf(why, size, "enforcer %s wouldn't let %s pass: name it in never_cut there",
			    name, f->lacks);
			return false;
		}
	}
	if (kind == ABLE_NFTABLES && !find_room(e, i, o)) {
		snprintf(why, size,
		    "enforcer %s has sets for cuts of %d pairs of prefix lengths: with what is in force "
		    "there would "
		    "be more",
		    name, NETFILTER_SHAPES_MAX);
		return false;
	}
	return true;
}

bool engine_is_able(const struct engine *e, const struct order *o, char *why, size_t size)
{
	bool able = true;
	for (size_t i = 0; i < e->process->conf->n_enforcers && able; i++)
		able = enforcer_is_able(e, i, o, why, size);
	return able;
}
