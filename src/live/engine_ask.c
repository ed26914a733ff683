/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"

enum { PART_SIZE = 60000, FINE = 0, REFUSED = 1, USAGE = 2, FAILED = 4 };

/* The least that somebody must be to ask or do it. */
static enum daemon_role role_for(enum msg_ask_what what)
{
	switch (what) {
	case MSG_ASK_STATUS:
	case MSG_ASK_METRICS:
	case MSG_ASK_INCIDENTS:
	case MSG_ASK_SPREAD:
	case MSG_ASK_EXPOSURE:
	case MSG_ASK_ORDERS: return DAEMON_VIEWER;
	case MSG_ASK_SIMULATE:
	case MSG_ASK_PLAN: return DAEMON_ANALYST;
	case MSG_ASK_APPROVE:
	case MSG_ASK_REJECT:
	case MSG_ASK_CONFIRM:
	case MSG_ASK_RELEASE:
	case MSG_ASK_RELOAD:
	case MSG_ASK_COUNT: return DAEMON_APPROVER;
	}
	return DAEMON_APPROVER;
}

void engine_answer(struct engine *e, uint64_t asked, uint8_t code, struct text body)
{
	struct dynbuf *out = peer_out(&e->gateway);
	size_t at = 0;
	int r = 0;
	if (!out)
		return;
	do {
		size_t n = body.n - at < PART_SIZE ? body.n - at : PART_SIZE;
		struct msg_answer m = {
		    .id = asked, .more = at + n < body.n, .code = code, .body = text_bytes(body.p + at, n)};
		r = msg_answer_encode(out, &m);
		at += n;
	} while (r == 0 && at < body.n);
	/* a client that gets half an answer would wait for the rest */
	if (r < 0)
		peer_close(&e->gateway);
}

static void refuse(struct engine *e, uint64_t asked, uint8_t code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(struct engine *e, uint64_t asked, uint8_t code, const char *format, ...)
{
	char why[512];
	struct dynbuf out = {0};
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (engine_json_refusal(why, &out) == 0)
		engine_answer(e, asked, code, dynbuf_view(&out));
	dynbuf_free(&out);
}

static enum order_answer do_act(
    struct engine *e, const struct msg_ask *m, uint64_t id, const char *who, const char *why)
{
	int64_t now = loop_now();
	switch ((enum msg_ask_what)m->what) {
	case MSG_ASK_APPROVE: return engine_approve(e, id, now, who);
	case MSG_ASK_REJECT: return orders_reject(e->orders, id, now, who, why);
	case MSG_ASK_CONFIRM: return orders_confirm(e->orders, id, now, who);
	default: return orders_release(e->orders, id, now, who, why);
	}
}

/* Done; in the store and in the ledger before it is acknowledged. */
static void acknowledge(struct engine *e, const struct msg_ask *m, uint64_t id)
{
	int r = engine_orders_changed(e, true);
	if (r < 0) {
		refuse(e, m->id, FAILED,
		    "order %" PRIu64
		    ": it counts, but couldn't be made durable (%s): after a restart it may not",
		    id, err_text(r));
		return;
	}
	engine_answer_kept(e, m->id, id);
}

/* What a person does to an order. */
static void act(struct engine *e, const struct msg_ask *m)
{
	char who[ORDER_WHO_SIZE], why[ORDER_WHY_SIZE], reason[512];
	uint64_t id;
	text_printable(m->who, who, sizeof(who));
	text_printable(m->why, why, sizeof(why));
	if (num_parse_u64(m->subject, INT64_MAX, &id) < 0 || id == 0) {
		refuse(e, m->id, USAGE, "'%.*s' is no number of an order; bulkhead orders lists them",
		    (int)(m->subject.n < 40 ? m->subject.n : 40), m->subject.p);
		return;
	}
	e->refused_why[0] = '\0';
	enum order_answer a = do_act(e, m, id, who, why);
	if (a != ORDER_OK) {
		/* what time has brought meanwhile may have come out by asking */
		engine_orders_changed(e, false);
		engine_explain(e, (enum msg_ask_what)m->what, id, a, who, reason, sizeof(reason));
		refuse(e, m->id, REFUSED, "%s", reason);
		return;
	}
	engine_act(e, id, msg_ask_name(m->what), who, why);
	e->deed_order = id;
	e->deed = (struct order_store_act){.what = msg_ask_name(m->what), .who = who, .why = why};
	acknowledge(e, m, id);
	e->deed_order = 0;
	e->deed = (struct order_store_act){0};
}

static void reload(struct engine *e, const struct msg_ask *m)
{
	struct dynbuf *out = peer_out(&e->process->parent);
	char who[ORDER_WHO_SIZE];
	engine_act(e, 0, "reload", text_printable(m->who, who, sizeof(who)), "");
	if (!out || msg_reload_encode(out, &(struct msg_reload){.id = m->id}) < 0)
		refuse(e, m->id, FAILED, "the parent can't be asked");
}

static void answer_own(struct engine *e, const struct msg_ask *m)
{
	struct dynbuf out = {0};
	char subject[64];
	uint64_t ended = 0;
	int r = 0;
	text_printable(m->subject, subject, sizeof(subject));
	switch ((enum msg_ask_what)m->what) {
	case MSG_ASK_STATUS: r = engine_json_status(e, &out); break;
	case MSG_ASK_METRICS: engine_metrics(e, &out); break;
	default:
		/* so many that have ended besides */
		if (m->option.n && num_parse_u64(m->option, SIZE_MAX, &ended) < 0)
			r = -ERR_INVALID;
		else
			r = engine_json_orders(e, subject, (size_t)ended, &out);
		break;
	}
	r = r == 0 ? out.error : r;
	if (r == 0)
		engine_answer(e, m->id, FINE, dynbuf_view(&out));
	else if (r == -ENOENT)
		refuse(
		    e, m->id, REFUSED, "there is no order '%s'; bulkhead orders --all lists them", subject);
	else
		refuse(e, m->id, FAILED, "%s", err_text(r));
	dynbuf_free(&out);
}

static void ask_planner(struct engine *e, const struct msg_ask *m)
{
	int r = engine_ask_planner(e, m, false);
	if (r < 0)
		refuse(e, m->id, FAILED, "%s",
		    r == -ERR_LIMIT ? "too many questions wait for the planner; ask again later"
		                    : "the planner can't be asked just now");
}

static int on_ask(struct engine *e, struct text bytes)
{
	static const char *const roles[] = {
	    [DAEMON_VIEWER] = "viewers", [DAEMON_ANALYST] = "analysts", [DAEMON_APPROVER] = "approvers"};
	struct msg_ask m;
	arena_reset(&e->arena);
	int r = msg_ask_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0 || m.what >= MSG_ASK_COUNT)
		return r < 0 ? r : -EPROTO;
	/* who asks waits for an answer, whatever it is */
	if (!e->process->running) {
		refuse(e, m.id, FAILED, "bulkhead run is only starting; ask again");
		return 0;
	}
	enum daemon_role least = role_for((enum msg_ask_what)m.what);
	if (m.role >= DAEMON_ROLES || m.role < least) {
		refuse(e, m.id, REFUSED,
		    "%s is for %s, and %.*s is none; the control section of %s says who is",
		    msg_ask_name(m.what), roles[least],
		    (int)(m.who.n < ORDER_WHO_SIZE ? m.who.n : ORDER_WHO_SIZE), m.who.p,
		    e->process->conf->path);
		return 0;
	}
	switch ((enum msg_ask_what)m.what) {
	case MSG_ASK_STATUS:
	case MSG_ASK_METRICS:
	case MSG_ASK_ORDERS: answer_own(e, &m); break;
	case MSG_ASK_INCIDENTS:
	case MSG_ASK_SPREAD:
	case MSG_ASK_EXPOSURE:
	case MSG_ASK_PLAN:
	case MSG_ASK_SIMULATE: ask_planner(e, &m); break;
	case MSG_ASK_APPROVE:
	case MSG_ASK_REJECT:
	case MSG_ASK_CONFIRM:
	case MSG_ASK_RELEASE: act(e, &m); break;
	case MSG_ASK_RELOAD: reload(e, &m); break;
	case MSG_ASK_COUNT: break;
	}
	return 0;
}

static int on_gateway(void *context, uint16_t number, struct text bytes)
{
	struct engine *e = context;
	return number == MSG_ASK ? on_ask(e, bytes) : 0;
}

int engine_met_gateway(struct engine *e, uint16_t index, struct channel *c)
{
	(void)index;
	e->gateway.message = on_gateway;
	e->gateway.context = e;
	return peer_open(&e->gateway, &e->process->peers, c);
}

static void take_process(struct engine *e, const struct msg_alive *m)
{
	struct engine_process *p = NULL;
	for (size_t i = 0; i < e->n_processes && !p; i++)
		if (e->processes[i].state.process == m->process && e->processes[i].state.index == m->index)
			p = &e->processes[i];
	if (!p && e->n_processes == ENGINE_PROCESSES_MAX)
		return;
	p = p ? p : &e->processes[e->n_processes++];
	*p = (struct engine_process){.state = *m, .heard = loop_now()};
}

/* Every mistake with its place stands in a line of its own. */
static void refuse_reload(struct engine *e, const struct msg_reload *m)
{
	struct dynbuf why = {0}, out = {0};
	dynbuf_str(&why, "the new configuration wasn't taken, the one before stays:\n");
	dynbuf_text(&why, m->why);
	dynbuf_u8(&why, '\0');
	if (why.error == 0 && engine_json_refusal((const char *)why.p, &out) == 0)
		engine_answer(e, m->id, REFUSED, dynbuf_view(&out));
	dynbuf_free(&why);
	dynbuf_free(&out);
}

void engine_told(void *self, uint16_t number, struct text bytes)
{
	struct engine *e = self;
	struct msg_alive alive;
	struct msg_reload done;
	arena_reset(&e->arena);
	if (number == MSG_ALIVE && msg_alive_decode(bytes.p, bytes.n, &e->arena, &alive) == 0)
		take_process(e, &alive);
	if (number == MSG_RELOAD && msg_reload_decode(bytes.p, bytes.n, &e->arena, &done) == 0) {
		if (done.ok)
			engine_answer(e, done.id, FINE, TEXT("{\"reloaded\": true}"));
		else
			refuse_reload(e, &done);
	}
}

static int on_courier(void *context, uint16_t number, struct text bytes)
{
	struct engine *e = context;
	struct msg_posted m;
	char why[160];
	(void)number;
	arena_reset(&e->arena);
	int r = msg_posted_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	e->counts.posted += m.ok;
	e->counts.post_failures += !m.ok;
	if (!m.ok)
		log_warning("a webhook could not be told: %s", text_printable(m.why, why, sizeof(why)));
	return 0;
}

int engine_met_courier(struct engine *e, uint16_t index, struct channel *c)
{
	(void)index;
	e->courier.message = on_courier;
	e->courier.context = e;
	return peer_open(&e->courier, &e->process->peers, c);
}

void engine_post(struct engine *e, bool incident, struct text body)
{
	const struct daemon_conf *conf = e->process->conf;
	struct dynbuf *out = peer_out(&e->courier);
	for (size_t i = 0; out && i < conf->n_webhooks; i++) {
		struct msg_post m = {.id = ++e->next_ask, .webhook = (uint16_t)i, .body = body};
		if ((incident ? conf->webhooks[i].incidents : conf->webhooks[i].orders) &&
		    msg_post_encode(out, &m) < 0)
			e->counts.post_failures++;
	}
}
