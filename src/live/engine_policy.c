/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a detection calls for by itself (contain/policy.h). Which flows prove their ends is remembered for the
 * latest ENGINE_PROVEN_MAX of them: evidence on older ones is taken for unproven.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/table.h"
#include "live/engine.h"

/* Ended orders so far back are looked at for what people let go. */
enum { SPARED_LOOKED_AT = 4096 };

static int spare_ended(void *context, const struct order *o, const char *what)
{
	struct engine *e = context;
	(void)what;
	return policy_spare(e->spared, o, o->ended_at) == -ENOMEM ? -ENOMEM : 0;
}

int engine_policy_open(struct engine *e)
{
	int r = policy_spared_new(&e->spared, e->process->seed);
	if (r == 0)
		r = table_new(&e->proven, sizeof(uint64_t), 1, ENGINE_PROVEN_MAX, e->process->seed);
	if (r == 0)
		r = order_store_ended(e->store, UINT64_MAX, SPARED_LOOKED_AT, spare_ended, e);
	if (r == 0 && !e->proven_order)
		e->proven_order = calloc(ENGINE_PROVEN_MAX, sizeof(*e->proven_order));
	return r == 0 && !e->proven_order ? -ENOMEM : r;
}

void engine_policy_close(struct engine *e)
{
	policy_spared_free(e->spared);
	table_free(e->proven);
	free(e->proven_order);
	free(e->policy);
	free(e->next_policy);
}

int engine_policy_make(const struct daemon_conf *conf, struct policy_row **ret_rows)
{
	struct policy_row *rows = calloc(conf->n_automatic + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_automatic; i++) {
		const struct daemon_automatic *a = &conf->automatic[i];
		static const enum policy_target targets[] = {[DAEMON_CUT_PEER] = POLICY_PEER,
		    [DAEMON_CUT_ASSET] = POLICY_ASSET,
		    [DAEMON_CUT_PAIR] = POLICY_PAIR};
		rows[i] = (struct policy_row){.name = a->name,
		    .detection = a->detection,
		    .confidence = a->confidence,
		    .target = targets[a->target],
		    .lease_ns = a->lease_ns,
		    .confirm_ns = a->confirm_ns,
		    .fail_closed = a->fail_closed};
	}
	*ret_rows = rows;
	return 0;
}

void engine_note_proof(struct engine *e, const struct msg_flow *f)
{
	int fresh;
	if (e->process->conf->n_automatic == 0 || !policy_flow_proves(f) || table_get(e->proven, &f->id))
		return;
	if (table_count(e->proven) == ENGINE_PROVEN_MAX)
		table_remove(e->proven, &e->proven_order[e->proven_at]);
	if (!table_put(e->proven, &f->id, &fresh))
		return;
	e->proven_order[e->proven_at] = f->id;
	e->proven_at = (e->proven_at + 1) % ENGINE_PROVEN_MAX;
}

static bool is_proven(void *context, uint64_t flow)
{
	const struct engine *e = context;
	return table_get(e->proven, &flow) != NULL;
}

void engine_policy_spare(struct engine *e, const struct order *o)
{
	if (policy_spare(e->spared, o, loop_now()) < 0)
		log_warning(
		    "order %" PRIu64 ": too much is let alone by people; policy may order it again", o->id);
}

static void order_it(
    struct engine *e, const struct msg_detection *d, const struct policy_decision *decision, int64_t now)
{
	char what[ORDER_STORE_WHAT_SIZE], why[320], who[ORDER_WHO_SIZE];
	struct dynbuf reason = {0};
	struct order o = policy_order(decision, 0, now);
	uint64_t id = 0;
	snprintf(what, sizeof(what), "policy %.60s: %s", decision->row->name,
	    text_printable(d->why, why, sizeof(why)));
	int r = engine_add_order(e, &o, what, &id, &reason);
	snprintf(who, sizeof(who), "policy %.40s", decision->row->name);
	if (r == 0 && orders_approve(e->orders, id, now, who) != ORDER_OK)
		r = -EPERM;
	if (r == 0) {
		/* where it can't be stored that is told, and it counts all the same */
		e->counts.orders_by_policy++;
		engine_orders_changed(e, false);
	} else {
		struct text told = reason.n ? dynbuf_view(&reason) : text_of(err_text(r));
		log_warning("policy %s can't be followed: %.*s", decision->row->name, (int)told.n, told.p);
	}
	dynbuf_free(&reason);
}

static void tell_why_not(
    struct engine *e, const struct msg_detection *d, const struct policy_decision *decision)
{
	char name[64], asset[NET_ADDR_TEXT_SIZE];
	e->counts.policy_declined++;
	log_debug("policy %s lets %s of %s alone: %s", decision->row->name,
	    text_printable(d->name, name, sizeof(name)), net_addr_text(d->asset, asset),
	    decision->answer == POLICY_GUARDRAIL ? guardrail_name(decision->rule)
	                                         : policy_answer_text(decision->answer));
}

void engine_follow_policy(struct engine *e, const struct msg_detection *d)
{
	const struct daemon_conf *conf = e->process->conf;
	struct policy_decision decision;
	if (conf->n_automatic == 0 || conf->n_enforcers == 0)
		return;
	struct policy p = {.rows = e->policy,
	    .n_rows = conf->n_automatic,
	    .zones = e->process->site->zones,
	    .guardrails = &e->rules.guardrails,
	    .pace = &e->pace,
	    .orders = e->orders,
	    .spared = e->spared,
	    .proven = is_proven,
	    .context = e};
	int64_t now = loop_now();
	policy_decide(&p, d, now, &decision);
	switch (decision.answer) {
	case POLICY_ORDER: order_it(e, d, &decision, now); break;
	case POLICY_PROLONG:
		if (orders_prolong(e->orders, decision.prolong, now, decision.row->lease_ns) == ORDER_OK)
			engine_orders_changed(e, false);
		break;
	case POLICY_STANDS:
	case POLICY_NO_ROW:
	case POLICY_UNSURE: break;
	case POLICY_NO_MACHINE:
	case POLICY_PEER_INSIDE:
	case POLICY_ASSET_OUTSIDE:
	case POLICY_UNPROVEN:
	case POLICY_SPARED:
	case POLICY_GUARDRAIL: tell_why_not(e, d, &decision); break;
	}
}
