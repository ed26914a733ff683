/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The planner's process: one question after the other about the archive, which it only reads. A question may
 * take seconds on a large one, and nobody waits for it but who asked. Incidents are summed up for the engine,
 * plans come with their cuts, so that the engine can propose them.
 */

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "daemon/case_plan.h"
#include "live/files.h"
#include "live/process.h"
#include "live/rules.h"
#include "report/report_simulation.h"

enum { PART_SIZE = 60000, ASSETS_TOLD = 16, FINE = 0, FOUND = 1, USAGE = 2, FAILED = 4 };
/* An answer must find room in every channel on its way as a whole (CHANNEL_OUT_MAX). */
enum { ANSWER_MAX = 40 << 20 };
/* A plan's pairs of prefix lengths: other orders want some of NETFILTER_SHAPES_MAX too. */
enum { SHAPES_MAX = 48 };
enum { WHY_SIZE = 320 };

struct planner {
	struct process *process;
	struct peer engine;
	char archive[PATH_MAX];
	struct live_rules rules, next_rules;
};

/* What a question has at hand. */
struct question {
	struct planner *planner;
	const struct msg_ask *ask;
	struct archive *archive;
	struct case_options options;
	struct case_answers *answers;
	FILE *out;
};

static const struct report_incident *first_incident(const struct question *q)
{
	return q->answers->report.n_incidents ? &q->answers->report.incidents[0] : NULL;
}

static int say_answer(struct planner *p, uint64_t id, uint8_t code, struct text body)
{
	struct dynbuf *out = peer_out(&p->engine);
	size_t at = 0;
	int r = out ? 0 : -EPIPE;
	do {
		size_t n = body.n - at < PART_SIZE ? body.n - at : PART_SIZE;
		struct msg_answer m = {
		    .id = id, .more = at + n < body.n, .code = code, .body = text_bytes(body.p + at, n)};
		if (r == 0)
			r = msg_answer_encode(out, &m);
		at += n;
	} while (r == 0 && at < body.n);
	return r;
}

static void refuse(struct planner *p, uint64_t id, uint8_t code, const char *why)
{
	json_t *j = json_pack("{s:s}", "error", why);
	char *text = j ? json_dumps(j, 0) : NULL;
	say_answer(p, id, code, text_of(text ? text : "{}"));
	free(text);
	json_decref(j);
}

/* An incident in a few words: whether it changed, and what a webhook is told. */
static int say_incident(struct question *q, const struct incident *i)
{
	struct dynbuf *out = peer_out(&q->planner->engine);
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE], addr[NET_ADDR_TEXT_SIZE];
	json_t *assets = json_array();
	uint32_t held = 0;
	for (size_t k = 0; k < i->n_assets; k++) {
		const struct incident_asset *a = &i->assets[k];
		const struct asset *asset = asset_at(q->answers->assets, a->asset);
		held += a->state == INCIDENT_ASSET_COMPROMISED;
		if (k < ASSETS_TOLD && asset->n_addrs)
			json_array_append_new(
			    assets, json_pack("{s:s,s:s}", "address", net_addr_text(asset->addrs[0], addr),
			                "state", incident_asset_state_name(a->state)));
	}
	json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:f,s:s,s:s,s:i,s:i,s:i,s:o}", "event", "incident", "id",
	    i->id, "state", incident_state_name(i->state), "severity", incident_severity_name(i->severity),
	    "confidence", (double)(int)(i->confidence * 100) / 100, "first", time_rfc3339(i->first, first),
	    "last", time_rfc3339(i->last, last), "n_assets", (int)i->n_assets, "n_compromised", (int)held,
	    "n_detections", (int)i->n_detections, "assets", assets);
	char *text = j ? json_dumps(j, JSON_SORT_KEYS) : NULL;
	struct msg_incident m = {.id_ask = q->ask->id,
	    .id = text_of(i->id),
	    .severity = (uint8_t)i->severity,
	    .confidence = i->confidence,
	    .assets = (uint32_t)i->n_assets,
	    .body = text_of(text ? text : "")};
	int r = text && out ? msg_incident_encode(out, &m) : -ENOMEM;
	free(text);
	json_decref(j);
	return r;
}

static int answer_incidents(struct question *q)
{
	const struct report_case *c = &q->answers->report;
	int r = 0;
	if (q->ask->form == MSG_FORM_TEXT)
		return report_text_incidents(c, q->out, false);
	if (q->ask->form == MSG_FORM_JSON)
		return report_json_incidents(c, q->out);
	for (size_t i = 0; i < c->n_incidents && r == 0; i++)
		r = say_incident(q, c->incidents[i].incident);
	return r;
}

static int say_cuts(struct question *q, uint8_t plan, const struct resolution *cuts)
{
	struct dynbuf *out = peer_out(&q->planner->engine);
	int r = out ? 0 : -EPIPE;
	for (size_t i = 0; i < cuts->n && r == 0; i++) {
		const struct cut *c = &cuts->cuts[i];
		struct msg_planned_cut m = {
		    .id = q->ask->id, .plan = plan, .from = c->from, .to = c->to, .direction = c->direction};
		r = msg_planned_cut_encode(out, &m);
	}
	return r;
}

/* What the cuts were of, and why there are none where there are none. */
static int say_planned(struct question *q, const struct case_plan *plan, uint8_t number)
{
	struct dynbuf *out = peer_out(&q->planner->engine);
	const struct plan *p = plan->plan;
	char why[WHY_SIZE] = "";
	if (plan->cuts.problem)
		snprintf(why, sizeof(why), "%s", plan->cuts.problem);
	else if (p->n_cuts == 0 && p->n_guardrails)
		snprintf(why, sizeof(why), "guardrails forbid all that it would cut: %s", p->guardrails[0]);
	else if (p->n_cuts == 0)
		snprintf(why, sizeof(why), "%s",
		    p->n_manual_steps ? "it has steps by hand alone" : "it cuts nothing");
	else if (plan->cuts.n == 0)
		snprintf(why, sizeof(why), "all that it would cut may never be cut");
	struct msg_planned m = {
	    .id = q->ask->id, .plan = number, .cuts = plan->cuts.n, .problem = text_of(why)};
	return out ? msg_planned_encode(out, &m) : -EPIPE;
}

static int plan_cuts(struct question *q, enum plan_name name, struct case_plan *ret_plan)
{
	const struct guardrails *g = &q->planner->rules.guardrails;
	struct net_prefix *spare = calloc(g->n_never_cut + g->n_control + 1, sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	if (g->n_never_cut)
		memcpy(spare, g->never_cut, g->n_never_cut * sizeof(*spare));
	if (g->n_control)
		memcpy(spare + g->n_never_cut, g->control, g->n_control * sizeof(*spare));
	const struct case_plan_rules rules = {
	    .spare = spare, .n_spare = g->n_never_cut + g->n_control, .most_shapes = SHAPES_MAX};
	int r = case_plan_cuts(q->answers, q->planner->process->site, q->options.incident,
	    text_of(plan_name_text(name)), &rules, ret_plan);
	free(spare);
	return r;
}

static int answer_plans(struct question *q)
{
	const struct report_case *c = &q->answers->report;
	const struct report_incident *i = first_incident(q);
	int r = i ? say_incident(q, i->incident) : 0;
	for (int k = 0; k < PLAN_COUNT && i && r == 0; k++) {
		struct case_plan plan;
		r = plan_cuts(q, (enum plan_name)k, &plan);
		if (r == 0 && !plan.cuts.problem)
			r = say_cuts(q, (uint8_t)k, &plan.cuts);
		if (r == 0)
			r = say_planned(q, &plan, (uint8_t)k);
	}
	if (r < 0)
		return r;
	return q->ask->form == MSG_FORM_TEXT ? report_text_plans(c, i, q->out, false)
	                                     : report_json_plans(c, i, q->out);
}

static int answer_simulation(struct question *q)
{
	const struct report_case *c = &q->answers->report;
	struct simulation v[PLAN_COUNT];
	size_t n = 0;
	int r = 0;
	for (int k = 0; k < PLAN_COUNT && first_incident(q) && r == 0; k++) {
		struct case_plan plan;
		if (q->ask->option.n &&
		    !text_equal(q->ask->option, text_of(plan_name_text((enum plan_name)k))))
			continue;
		r = plan_cuts(q, (enum plan_name)k, &plan);
		if (r == 0)
			r = case_plan_simulate(q->answers, q->planner->process->site, q->archive, &q->options,
			    &plan, q->ask->span, 0, &v[n]);
		n += r == 0;
	}
	if (r < 0)
		return r;
	return q->ask->form == MSG_FORM_TEXT
	           ? report_text_simulations(c, first_incident(q), v, n, q->out, false)
	           : report_json_simulations(c, first_incident(q), v, n, q->out);
}

static int answer_exposures(struct question *q)
{
	const struct report_case *c = &q->answers->report;
	const struct report_incident *i = first_incident(q);
	const struct exposure *e = i ? i->exposures : c->exposures;
	size_t n = i ? i->n_exposures : c->n_exposures;
	return q->ask->form == MSG_FORM_TEXT ? report_text_exposures(c, e, n, q->out, false)
	                                     : report_json_exposures(c, e, n, q->out);
}

static int answer_spread(struct question *q)
{
	const struct report_case *c = &q->answers->report;
	return q->ask->form == MSG_FORM_TEXT ? report_text_spread(c, first_incident(q), q->out, false)
	                                     : report_json_spread(c, first_incident(q), q->out);
}

static int answer(struct question *q)
{
	switch ((enum msg_ask_what)q->ask->what) {
	case MSG_ASK_INCIDENTS: return answer_incidents(q);
	case MSG_ASK_SPREAD: return answer_spread(q);
	case MSG_ASK_EXPOSURE: return answer_exposures(q);
	case MSG_ASK_PLAN: return answer_plans(q);
	case MSG_ASK_SIMULATE: return answer_simulation(q);
	default: return -ENOTSUP;
	}
}

/* Opens the archive as it is now: what was synced. A new one may not be there yet. */
static int work(struct question *q, const char *subject, const char *zone)
{
	struct planner *p = q->planner;
	int r = archive_open(&q->archive, p->archive, false);
	q->options = (struct case_options){.incident = *subject ? subject : NULL,
	    .zone = *zone ? zone : NULL,
	    .one_thread = true,
	    .incidents_only = q->ask->what == MSG_ASK_INCIDENTS,
	    .backflow = q->ask->what == MSG_ASK_SPREAD && text_equal(q->ask->option, TEXT("backflow")),
	    .seed = p->process->seed};
	if (r == 0)
		r = case_answer(&q->answers, q->archive, p->process->site, &q->options);
	if (r == 0)
		r = answer(q);
	return r;
}

static void explain(struct planner *p, const struct msg_ask *m, int error, bool opened)
{
	char why[256], subject[64];
	if (error == -ENOENT && !opened)
		refuse(p, m->id, FAILED, "nothing has been archived yet; ask again in a few seconds");
	else if (error == -ENOENT && m->what == MSG_ASK_EXPOSURE && m->option.n)
		refuse(p, m->id, USAGE, "there is no such incident or zone; the site file names the zones");
	else if (error == -ENOENT) {
		snprintf(why, sizeof(why), "there is no incident '%s'; bulkhead incidents lists them",
		    text_printable(m->subject, subject, sizeof(subject)));
		refuse(p, m->id, USAGE, why);
	} else if (error == -ERR_LIMIT)
		refuse(p, m->id, FAILED, "the answer is too large for the control socket");
	else
		refuse(p, m->id, FAILED, err_text(error));
}

static void on_ask(struct planner *p, const struct msg_ask *m)
{
	char subject[64], zone[128], *text = NULL;
	size_t size = 0;
	struct question q = {.planner = p, .ask = m, .out = open_memstream(&text, &size)};
	text_printable(m->subject, subject, sizeof(subject));
	text_printable(m->what == MSG_ASK_EXPOSURE ? m->option : TEXT(""), zone, sizeof(zone));
	int r = q.out ? work(&q, subject, zone) : -ENOMEM;
	bool found = q.answers && q.answers->report.n_incidents;
	if (q.out && fclose(q.out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0 && size < ANSWER_MAX)
		r = say_answer(p, m->id, found ? FOUND : FINE, text_bytes(text, size));
	else if (r == 0)
		r = -ERR_LIMIT;
	if (r < 0)
		explain(p, m, r, q.archive != NULL);
	case_free(q.answers);
	if (q.archive)
		archive_close(q.archive);
	free(text);
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct planner *p = context;
	struct arena arena = {0};
	struct msg_ask m;
	int r = number == MSG_ASK ? msg_ask_decode(bytes.p, bytes.n, &arena, &m) : -EPROTO;
	if (r == 0 && p->process->running)
		on_ask(p, &m);
	else if (r == 0)
		refuse(p, m.id, FAILED, "the planner isn't ready yet");
	arena_free(&arena);
	return r;
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct planner *p = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	p->engine.message = on_message;
	p->engine.context = p;
	return peer_open(&p->engine, &p->process->peers, c);
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct planner *p = self;
	(void)why;
	/* another archive is another process */
	int r = p->archive[0] ? 0
	                      : live_path(c->conf->path, c->conf->archive, p->archive, sizeof(p->archive));
	return r == 0 ? live_rules_make(&p->next_rules, c->conf, c->site) : r;
}

static void discard(void *self)
{
	struct planner *p = self;
	live_rules_free(&p->next_rules);
}

static void swap(void *self)
{
	struct planner *p = self;
	live_rules_free(&p->rules);
	p->rules = p->next_rules;
	p->next_rules = (struct live_rules){0};
}

static int64_t deadline(void *self)
{
	(void)self;
	return INT64_MAX;
}

static void tick(void *self, int64_t now)
{
	(void)self;
	(void)now;
}

static bool stop(void *self)
{
	(void)self;
	return true;
}

static void free_planner(void *self)
{
	struct planner *p = self;
	peer_close(&p->engine);
	live_rules_free(&p->rules);
	live_rules_free(&p->next_rules);
	free(p);
}

static int start(struct process *process, void **ret_self)
{
	struct planner *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->process = process;
	process->engine = &p->engine;
	*ret_self = p;
	return 0;
}

int planner_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_PLANNER,
	    .profile = SANDBOX_PLANNER,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_planner};
	return process_run(&ops, index, start);
}
