/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "base/vec.h"

/* While nothing new is detected incidents are looked at this often, for what ends and what is learned. */
#define IDLE_NS (60 * NS_PER_S)

enum { FOUND = 1 }; /* the planner's code: there is an incident */

static struct engine_ask *ask_of(struct engine *e, uint64_t id)
{
	for (size_t i = 0; i < ENGINE_ASKS_MAX; i++)
		if (e->asks[i].id == id)
			return id ? &e->asks[i] : NULL;
	return NULL;
}

static void ask_free(struct engine_ask *a)
{
	dynbuf_free(&a->body);
	for (size_t i = 0; i < ENGINE_PLANS; i++)
		free(a->cuts[i]);
	*a = (struct engine_ask){0};
}

int engine_ask_planner(struct engine *e, const struct msg_ask *m, bool own)
{
	struct dynbuf *out = peer_out(&e->planner);
	struct engine_ask *a = NULL;
	for (size_t i = 0; i < ENGINE_ASKS_MAX && !a; i++)
		a = e->asks[i].id ? NULL : &e->asks[i];
	if (!out)
		return -EPIPE;
	if (!a)
		return -ERR_LIMIT;
	struct msg_ask question = *m;
	question.id = ++e->next_ask;
	int r = msg_ask_encode(out, &question);
	if (r < 0)
		return r;
	*a = (struct engine_ask){
	    .id = question.id, .asked = m->id, .what = m->what, .form = m->form, .own = own};
	text_printable(m->who, a->who, sizeof(a->who));
	text_printable(m->subject, a->subject, sizeof(a->subject));
	text_printable(m->why, a->why, sizeof(a->why));
	return 0;
}

static int on_cut(struct engine *e, struct text bytes)
{
	struct msg_planned_cut m;
	int r = msg_planned_cut_decode(bytes.p, bytes.n, NULL, &m);
	struct engine_ask *a = r == 0 ? ask_of(e, m.id) : NULL;
	if (r < 0 || !a)
		return r;
	if (m.plan >= ENGINE_PLANS)
		return -EPROTO;
	r = VEC_RESERVE(a->cuts[m.plan], &a->cap_cuts[m.plan], a->n_cuts[m.plan], ORDERS_CUTS_MAX);
	if (r == 0)
		a->cuts[m.plan][a->n_cuts[m.plan]++] = (struct cut){
		    .from = m.from, .to = m.to, .direction = m.direction};
	return r;
}

static int on_planned(struct engine *e, struct text bytes)
{
	struct msg_planned m;
	arena_reset(&e->arena);
	int r = msg_planned_decode(bytes.p, bytes.n, &e->arena, &m);
	struct engine_ask *a = r == 0 ? ask_of(e, m.id) : NULL;
	if (r < 0 || !a)
		return r;
	/* half a plan isn't taken for a whole one */
	if (m.plan >= ENGINE_PLANS || m.cuts != a->n_cuts[m.plan])
		return -EPROTO;
	text_printable(m.problem, a->problems[m.plan], sizeof(a->problems[m.plan]));
	return 0;
}

static void say_enforcers(const struct engine *e, const struct engine_proposal *p, struct dynbuf *out)
{
	const char *between = " by ";
	dynbuf_printf(out, "%zu pair%s of prefixes", p->cuts, p->cuts == 1 ? "" : "s");
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		if (p->enforcers & (1U << i)) {
			dynbuf_printf(out, "%s%s", between, e->process->conf->enforcers[i].name);
			between = ", ";
		}
}

static void say_proposals(const struct engine *e, const struct engine_proposal *v, struct dynbuf *out)
{
	dynbuf_str(out, "Orders that these plans would be:\n");
	for (size_t i = 0; i < ENGINE_PLANS; i++) {
		struct text why = dynbuf_view(&v[i].why);
		dynbuf_printf(out, "  %-9s ", v[i].name);
		if (v[i].id) {
			dynbuf_printf(out, "order %" PRIu64 " (", v[i].id);
			say_enforcers(e, &v[i], out);
			dynbuf_printf(out, "): approve with  bulkhead approve %" PRIu64 "\n", v[i].id);
		} else {
			dynbuf_printf(out, "no order: %.*s\n", (int)why.n, why.n ? why.p : "");
		}
	}
}

static void tell_proposals(
    struct engine *e, const struct engine_ask *a, const struct engine_proposal *v, uint8_t code)
{
	struct dynbuf out = {0};
	int r = engine_orders_changed(e, true);
	if (r == 0 && a->form == MSG_FORM_TEXT) {
		dynbuf_text(&out, dynbuf_view(&a->body));
		say_proposals(e, v, &out);
		r = out.error;
	} else if (r == 0) {
		r = engine_json_plans(e, dynbuf_view(&a->body), a->subject, v, &out);
	}
	if (r < 0)
		engine_answer(e, a->asked, 4, TEXT("{\"error\": \"the proposals can't be stored\"}"));
	else
		engine_answer(e, a->asked, code, dynbuf_view(&out));
	dynbuf_free(&out);
}

/* Those that one of the cuts is for. */
static uint16_t carriers_of(const struct engine *e, const struct cut *cuts, size_t n)
{
	uint16_t found = 0;
	for (unsigned i = 0; i < e->process->conf->n_enforcers; i++)
		for (size_t k = 0; k < n && !(found & (1U << i)); k++)
			if (orders_carries(e->orders, i, &cuts[k]))
				found |= (uint16_t)(1U << i);
	return found;
}

/* A plan's cuts become a proposal that somebody may approve; its number stands in the answer. */
static void answer_plans(struct engine *e, struct engine_ask *a, uint8_t code)
{
	struct engine_proposal v[ENGINE_PLANS] = {
	    {.name = "surgical"}, {.name = "guarded"}, {.name = "shutdown"}};
	for (size_t i = 0; i < ENGINE_PLANS; i++) {
		char what[ORDER_WHY_SIZE];
		snprintf(what, sizeof(what), "plan %s of %.60s", v[i].name, a->subject);
		v[i].cuts = a->n_cuts[i];
		v[i].enforcers = carriers_of(e, a->cuts[i], a->n_cuts[i]);
		if (a->n_cuts[i])
			engine_propose(e, a->cuts[i], a->n_cuts[i], a->who, what, &v[i].id, &v[i].why);
		else
			dynbuf_str(&v[i].why, a->problems[i][0] ? a->problems[i] : "it cuts nothing");
	}
	tell_proposals(e, a, v, code);
	for (size_t i = 0; i < ENGINE_PLANS; i++)
		dynbuf_free(&v[i].why);
}

static int on_answer(struct engine *e, struct text bytes)
{
	struct msg_answer m;
	arena_reset(&e->arena);
	int r = msg_answer_decode(bytes.p, bytes.n, &e->arena, &m);
	struct engine_ask *a = r == 0 ? ask_of(e, m.id) : NULL;
	if (r < 0 || !a)
		return r;
	dynbuf_text(&a->body, m.body);
	if (a->body.error)
		return a->body.error;
	if (m.more)
		return 0;
	if (a->own)
		engine_incidents_settle(e);
	else if (a->what == MSG_ASK_PLAN && m.code == FOUND)
		answer_plans(e, a, m.code);
	else
		engine_answer(e, a->asked, m.code, dynbuf_view(&a->body));
	ask_free(a);
	return 0;
}

static struct engine_incident *incident_of(struct engine *e, const char *id)
{
	for (size_t i = 0; i < e->n_incidents; i++)
		if (strcmp(e->incidents[i].id, id) == 0)
			return &e->incidents[i];
	if (e->n_incidents == ENGINE_INCIDENTS_MAX)
		return NULL;
	struct engine_incident *n = &e->incidents[e->n_incidents++];
	*n = (struct engine_incident){0};
	snprintf(n->id, sizeof(n->id), "%s", id);
	return n;
}

/* An incident as the planner sees it now. Told where it is new or has changed. */
static int on_incident(struct engine *e, struct text bytes)
{
	struct msg_incident m;
	char id[48];
	arena_reset(&e->arena);
	int r = msg_incident_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	text_printable(m.id, id, sizeof(id));
	struct engine_ask *a = ask_of(e, m.id_ask);
	if (a && !a->own) {
		/* the incident that a question turned out to be about */
		snprintf(a->subject, sizeof(a->subject), "%s", id);
		return 0;
	}
	struct engine_incident *i = incident_of(e, id);
	if (!i)
		return 0;
	uint64_t digest = hash_bytes(m.body.p, m.body.n, e->process->seed);
	i->seen = true;
	i->severity = m.severity;
	i->confidence = m.confidence;
	i->assets = m.assets;
	if (i->digest == digest)
		return 0;
	if (i->digest == 0)
		log_warning("incident %s: %u machines, severity %u, confidence %.2f", i->id, m.assets,
		    m.severity, m.confidence);
	i->digest = digest;
	engine_post(e, true, m.body);
	return 0;
}

void engine_incidents_settle(struct engine *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n_incidents; i++)
		if (e->incidents[i].seen) {
			e->incidents[n] = e->incidents[i];
			e->incidents[n++].seen = false;
		}
	e->n_incidents = n;
	e->incidents_asked = false;
}

void engine_incidents_tick(struct engine *e, int64_t now)
{
	if (now < e->incidents_at || e->incidents_asked)
		return;
	struct msg_ask m = {.what = MSG_ASK_INCIDENTS, .form = MSG_FORM_WATCH};
	e->incidents_at = now + IDLE_NS;
	/* before anything was detected there is nothing to be found */
	if (e->counts.detections == 0 && e->n_incidents == 0)
		return;
	e->incidents_asked = engine_ask_planner(e, &m, true) == 0;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct engine *e = context;
	switch (number) {
	case MSG_PLANNED_CUT: return on_cut(e, bytes);
	case MSG_PLANNED: return on_planned(e, bytes);
	case MSG_ANSWER: return on_answer(e, bytes);
	case MSG_INCIDENT: return on_incident(e, bytes);
	default: return -EPROTO;
	}
}

/* Nobody answers any more what was asked. */
static void on_gone(void *context, int error)
{
	struct engine *e = context;
	(void)error;
	for (size_t i = 0; i < ENGINE_ASKS_MAX; i++) {
		struct engine_ask *a = &e->asks[i];
		if (a->id && !a->own)
			engine_answer(e, a->asked, 4, TEXT("{\"error\": \"the planner ended; ask again\"}"));
		if (a->id)
			ask_free(a);
	}
	e->incidents_asked = false;
}

int engine_met_planner(struct engine *e, uint16_t index, struct channel *c)
{
	(void)index;
	on_gone(e, 0);
	e->planner.message = on_message;
	e->planner.gone = on_gone;
	e->planner.context = e;
	return peer_open(&e->planner, &e->process->peers, c);
}
