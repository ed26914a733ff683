/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"

/* An enforcer that refused without a word on whose account is told again after so long. */
#define RETRY_NS (5 * NS_PER_S)
/* One that says nothing for so long, though it says every second how it is, can't be counted upon. */
#define SILENCE_NS (4 * NS_PER_S)

static int put_cut(struct dynbuf *out, const struct wanted_cut *w)
{
	struct msg_desired_put m = {.from = w->cut.from,
	    .to = w->cut.to,
	    .direction = w->cut.direction,
	    .fail_closed = w->fail_closed,
	    .until = w->until};
	return msg_desired_put_encode(out, &m);
}

static int commit(struct dynbuf *out, uint64_t generation, uint64_t cuts)
{
	struct msg_desired_commit m = {.generation = generation, .cuts = cuts, .end_connections = 1};
	return msg_desired_commit_encode(out, &m);
}

/* What the rules spare. */
static int put_spared(struct dynbuf *out, const struct guardrails *g)
{
	int r = 0;
	for (size_t i = 0; i < g->n_never_cut && r == 0; i++)
		r = msg_desired_spare_encode(out, &(struct msg_desired_spare){.prefix = g->never_cut[i]});
	for (size_t i = 0; i < g->n_control && r == 0; i++)
		r = msg_desired_spare_encode(out, &(struct msg_desired_spare){.prefix = g->control[i]});
	return r;
}

/* Everything, to one that has nothing or that lost its place. */
static int tell_whole(struct engine *e, struct engine_enforcer *f, struct dynbuf *out)
{
	struct wanted_cut *cuts;
	size_t n;
	uint64_t generation = orders_generation(e->orders);
	int r = orders_whole(e->orders, f->index, &cuts, &n);
	if (r < 0)
		return r;
	r = msg_desired_begin_encode(out, &(struct msg_desired_begin){.base = 0, .generation = generation});
	if (r == 0)
		r = put_spared(out, &e->rules.guardrails);
	for (size_t i = 0; i < n && r == 0; i++)
		r = put_cut(out, &cuts[i]);
	if (r == 0)
		r = commit(out, generation, n);
	free(cuts);
	return r;
}

static int tell_delta(struct engine *e, struct engine_enforcer *f, struct dynbuf *out)
{
	const struct orders_delta *d = orders_delta(e->orders);
	struct msg_desired_begin begin = {.base = d->base, .generation = d->generation};
	int r = msg_desired_begin_encode(out, &begin);
	for (size_t i = 0; i < d->n_puts && r == 0; i++)
		if (orders_carries(e->orders, f->index, &d->puts[i].cut))
			r = put_cut(out, &d->puts[i]);
	for (size_t i = 0; i < d->n_drops && r == 0; i++) {
		const struct cut *c = &d->drops[i];
		struct msg_desired_drop m = {.from = c->from, .to = c->to, .direction = c->direction};
		if (orders_carries(e->orders, f->index, c))
			r = msg_desired_drop_encode(out, &m);
	}
	return r == 0 ? commit(out, d->generation, UINT64_MAX) : r;
}

static void tell(struct engine *e, struct engine_enforcer *f)
{
	struct dynbuf *out = peer_out(&f->peer);
	uint64_t generation = orders_generation(e->orders);
	if (!out || !f->ready || (f->told == generation && !f->whole))
		return;
	bool follows = !f->whole && f->told == orders_delta(e->orders)->base;
	int r = follows ? tell_delta(e, f, out) : tell_whole(e, f, out);
	if (r < 0) {
		/* half a generation must not be read as a whole one: the channel begins anew */
		log_error("enforcer %u can't be told generation %llu: %s", f->index,
		    (unsigned long long)generation, err_text(r));
		peer_close(&f->peer);
		f->ready = false;
		return;
	}
	f->told = generation;
	f->whole = false;
	peer_flush(&f->peer);
}

void engine_tell_enforcers(struct engine *e)
{
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		tell(e, &e->enforcers[i]);
}

void engine_tell_rules(struct engine *e)
{
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		if (e->orders && e->enforcers[i].ready) {
			e->enforcers[i].whole = true;
			tell(e, &e->enforcers[i]);
		}
}

void engine_enforcers_tick(struct engine *e, int64_t now)
{
	bool say = now >= e->word_at;
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++) {
		struct engine_enforcer *f = &e->enforcers[i];
		struct dynbuf *out = peer_out(&f->peer);
		if (out && say)
			msg_live_encode(out, &(struct msg_live){.generation = f->told});
		if (f->ready && now - f->heard > SILENCE_NS) {
			f->ready = false;
			snprintf(f->why, sizeof(f->why), "it gives no sign of life");
			log_error("enforcer %s gives no sign of life", e->process->conf->enforcers[i].name);
		}
		if (f->retry_at <= now) {
			f->retry_at = INT64_MAX;
			f->whole = true;
			tell(e, f);
		}
	}
	if (say)
		e->word_at = now + NS_PER_S;
}

static int on_enforced(struct engine_enforcer *f, struct text bytes)
{
	struct engine *e = f->engine;
	struct msg_enforced m;
	int r = msg_enforced_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0)
		return r;
	f->in_force = m.generation;
	f->cuts = m.cuts;
	f->took_ns = m.took;
	if (orders_in_force(e->orders, f->index, m.generation, loop_now()) > 0)
		engine_orders_changed(e, false);
	return 0;
}

static int on_refused(struct engine_enforcer *f, struct text bytes)
{
	struct engine *e = f->engine;
	struct msg_refused m;
	char why[ORDER_WHY_SIZE], text[ORDER_WHY_SIZE];
	arena_reset(&e->arena);
	int r = msg_refused_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	struct cut cut = {.from = m.from, .to = m.to, .direction = m.direction};
	const char *name = e->process->conf->enforcers[f->index].name;
	snprintf(why, sizeof(why), "enforcer %.60s: %s%s%.150s", name,
	    m.rule ? guardrail_name((enum guardrail)m.rule) : "", m.rule && m.why.n ? ": " : "",
	    text_printable(m.why, text, sizeof(text)));
	log_warning("generation %llu is refused: %s", (unsigned long long)m.generation, why);
	f->refused++;
	f->in_force = m.in_force;
	f->whole = true;
	size_t n = orders_refused(
	    e->orders, f->index, m.generation, m.about_cut ? &cut : NULL, why, loop_now());
	e->counts.orders_refused += n;
	if (n)
		engine_orders_changed(e, false);
	else
		f->retry_at = loop_now() + RETRY_NS;
	return 0;
}

static int on_drift(struct engine_enforcer *f, struct text bytes)
{
	struct engine *e = f->engine;
	struct msg_drift m;
	char text[ORDER_WHY_SIZE];
	arena_reset(&e->arena);
	int r = msg_drift_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	f->drifts++;
	f->missing += m.missing;
	f->foreign += m.foreign;
	f->wrong += m.wrong;
	log_warning("enforcer %s: %llu cuts were missing, %llu there that nobody ordered, %llu not as "
	            "ordered; %s. %s",
	    e->process->conf->enforcers[f->index].name, (unsigned long long)m.missing,
	    (unsigned long long)m.foreign, (unsigned long long)m.wrong,
	    m.repaired ? "repaired" : "not repaired", text_printable(m.why, text, sizeof(text)));
	engine_act(e, 0, m.repaired ? "drift-repaired" : "drift", "enforcer", text);
	return 0;
}

static int on_enforcer_state(struct engine_enforcer *f, struct text bytes)
{
	struct engine *e = f->engine;
	struct msg_enforcer_state m;
	arena_reset(&e->arena);
	int r = msg_enforcer_state_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	bool begins = !f->ready && m.ready, ends = f->ready && !m.ready;
	text_printable(m.backend, f->backend, sizeof(f->backend));
	text_printable(m.why, f->why, sizeof(f->why));
	text_printable(m.lacks, f->lacks, sizeof(f->lacks));
	f->heard = loop_now();
	f->lease_until = m.lease_until;
	f->cuts = m.cuts;
	f->in_force = m.in_force;
	f->ready = m.ready;
	/* what it had in force may be there still, but nobody can say so now */
	if (ends && orders_in_force(e->orders, f->index, 0, f->heard) > 0)
		engine_orders_changed(e, false);
	if (begins) {
		f->whole = f->told == 0 || m.in_force != f->told;
		tell(e, f);
	}
	return 0;
}

static int on_resync(struct engine_enforcer *f, struct text bytes)
{
	struct msg_resync m;
	int r = msg_resync_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0)
		return r;
	f->in_force = m.in_force;
	f->whole = true;
	tell(f->engine, f);
	return 0;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct engine_enforcer *f = context;
	if (!f->engine->process->running)
		return 0;
	switch (number) {
	case MSG_ENFORCED: return on_enforced(f, bytes);
	case MSG_REFUSED: return on_refused(f, bytes);
	case MSG_RESYNC: return on_resync(f, bytes);
	case MSG_DRIFT: return on_drift(f, bytes);
	case MSG_ENFORCER_STATE: return on_enforcer_state(f, bytes);
	case MSG_COUNTED: return engine_counted(f->engine, f->index, bytes);
	default: return -EPROTO;
	}
}

static void on_gone(void *context, int error)
{
	struct engine_enforcer *f = context;
	f->ready = false;
	f->told = 0;
	snprintf(f->why, sizeof(f->why), "its channel is over: %s", err_text(error));
	/* what it had in force is there still, under its lease; whether it is nobody can say now */
	if (f->engine->orders)
		orders_in_force(f->engine->orders, f->index, 0, loop_now());
}

int engine_met_enforcer(struct engine *e, uint16_t index, struct channel *c)
{
	if (index >= DAEMON_ENFORCERS_MAX) {
		channel_free(c);
		return -ERR_LIMIT;
	}
	struct engine_enforcer *f = &e->enforcers[index];
	f->engine = e;
	f->index = index;
	f->ready = false;
	f->told = 0;
	f->retry_at = INT64_MAX;
	f->peer.message = on_message;
	f->peer.gone = on_gone;
	f->peer.context = f;
	return peer_open(&f->peer, &e->process->peers, c);
}
