/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/enforcer.h"

#define RETRY_NS NS_PER_S
/* What a change did is read back after this: its counters, and whether it is there. */
#define CHECK_NS (2 * NS_PER_S)

void enforcer_give_up_waiting(struct enforcer *f)
{
	if (f->waiting)
		desired_abandon(f->desired);
	free(f->steps);
	f->steps = NULL;
	f->n_steps = 0;
	f->waiting = f->telling = false;
	f->retry_at = INT64_MAX;
}

void enforcer_reached(struct enforcer *f, int error)
{
	bool was = f->why[0] == '\0';
	if (error == 0)
		f->why[0] = '\0';
	else
		snprintf(f->why, sizeof(f->why), "%s: %s", f->backend->ops->name, err_text(error));
	if (was == (error == 0))
		return;
	if (error)
		log_error("%s; what is in force stays under its own timeouts", f->why);
	else
		log_info("%s takes what it is told again", f->backend->ops->name);
	f->state_at = 0;
	if (error == 0)
		enforcer_read_soon(f, loop_now());
}

void enforcer_say_enforced(struct enforcer *f, uint64_t generation)
{
	struct dynbuf *out = peer_out(&f->engine);
	struct msg_enforced m = {.generation = generation,
	    .cuts = desired_count(f->desired),
	    .took = f->came ? loop_now() - f->came : 0};
	if (out)
		msg_enforced_encode(out, &m);
	peer_flush(&f->engine);
}

static void say_refused(struct enforcer *f, enum guardrail rule, const struct cut *cut, const char *why)
{
	struct dynbuf *out = peer_out(&f->engine);
	struct msg_refused m = {.generation = f->generation,
	    .in_force = desired_generation(f->desired),
	    .rule = (uint8_t)rule,
	    .about_cut = cut != NULL,
	    .why = text_of(why)};
	if (cut) {
		m.from = cut->from;
		m.to = cut->to;
		m.direction = cut->direction;
	}
	if (out)
		msg_refused_encode(out, &m);
}

void enforcer_say_resync(struct enforcer *f)
{
	struct dynbuf *out = peer_out(&f->engine);
	struct msg_resync m = {.in_force = desired_generation(f->desired)};
	f->telling = false;
	if (out)
		msg_resync_encode(out, &m);
}

static int on_begin(struct enforcer *f, struct text bytes)
{
	struct msg_desired_begin m;
	int r = msg_desired_begin_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0)
		return r;
	enforcer_give_up_waiting(f);
	f->generation = m.generation;
	f->puts = 0;
	if (m.base == 0)
		enforcer_spare_begin(f);
	r = desired_begin(f->desired, m.base, m.generation);
	if (r == -ESTALE)
		enforcer_say_resync(f);
	else if (r == 0)
		f->telling = true;
	return r == -ESTALE ? 0 : r;
}

/* A cut that makes no sense, or too many of them: the generation is refused as a whole. */
static int refuse_put(struct enforcer *f, int error, const struct cut *c)
{
	f->telling = false;
	say_refused(f, error == -ERR_LIMIT ? GUARDRAIL_MOST_CUTS : GUARDRAIL_NONE, c, err_text(error));
	return 0;
}

static int on_spare(struct enforcer *f, struct text bytes)
{
	struct msg_desired_spare m;
	int r = msg_desired_spare_decode(bytes.p, bytes.n, NULL, &m);
	return r < 0 || !f->telling ? r : enforcer_spare(f, m.prefix);
}

/* It would cut what is never cut by the engine's rules, since those and the ones here aren't the same. */
static int refuse_spared(struct enforcer *f, const struct cut *c)
{
	char why[256], lacks[128];
	snprintf(why, sizeof(why), "%s must pass, and isn't in never_cut here",
	    enforcer_lacks(f, lacks, sizeof(lacks)));
	f->telling = false;
	say_refused(f, GUARDRAIL_NEVER_CUT, c, why);
	return 0;
}

static int on_put(struct enforcer *f, struct text bytes)
{
	struct msg_desired_put m;
	int r = msg_desired_put_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0 || !f->telling)
		return r;
	struct wanted_cut w = {.cut = {.from = m.from, .to = m.to, .direction = m.direction},
	    .until = m.until,
	    .fail_closed = m.fail_closed};
	f->puts++;
	if (enforcer_stops_spared(f, &w.cut))
		return refuse_spared(f, &w.cut);
	r = desired_put(f->desired, &w);
	return r < 0 ? refuse_put(f, r, r == -EINVAL ? &w.cut : NULL) : 0;
}

static int on_drop(struct enforcer *f, struct text bytes)
{
	struct msg_desired_drop m;
	int r = msg_desired_drop_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0 || !f->telling)
		return r;
	struct cut c = {.from = m.from, .to = m.to, .direction = m.direction};
	r = desired_drop(f->desired, &c);
	return r < 0 ? refuse_put(f, r, NULL) : 0;
}

/* The cut stands. */
static void put_in_force(struct enforcer *f)
{
	int64_t now = loop_now();
	desired_commit(f->desired);
	f->waiting = false;
	f->dirty = true;
	enforcer_end_later(f, f->steps, f->n_steps, now);
	free(f->steps);
	f->steps = NULL;
	f->n_steps = 0;
	enforcer_read_soon(f, now + (f->settled ? CHECK_NS : 0));
	if (f->settled)
		enforcer_say_enforced(f, f->generation);
	else
		f->unsettled = f->generation;
}

/* What no second try would change. */
static bool is_final(int error)
{
	return error == -EINVAL || error == -E2BIG || error == -ERR_LIMIT || error == -ENOTSUP ||
	       error == -ERR_UNSUPPORTED;
}

static void carry_out(struct enforcer *f)
{
	size_t at = 0;
	int r = f->n_steps ? f->backend->ops->change(f->backend, f->steps, f->n_steps, &at) : 0;
	if (r == 0) {
		enforcer_reached(f, 0);
		put_in_force(f);
	} else if (is_final(r)) {
		struct cut c = at < f->n_steps ? f->steps[at].cut : (struct cut){0};
		bool about = at < f->n_steps;
		enforcer_give_up_waiting(f);
		say_refused(f, GUARDRAIL_NONE, about ? &c : NULL, err_text(r));
	} else {
		enforcer_reached(f, r);
		f->retry_at = loop_now() + RETRY_NS;
	}
}

/* What the backend is there for at all is asked before it is asked to do anything. */
static const char *cannot(struct enforcer *f, const struct cut **ret_cut)
{
	for (size_t i = 0; i < f->n_steps && f->backend->ops->cannot; i++) {
		const struct backend_step *s = &f->steps[i];
		const char *why = s->act == BACKEND_REMOVE
		                      ? NULL
		                      : f->backend->ops->cannot(f->backend, &s->cut, s->fail_closed);
		*ret_cut = &s->cut;
		if (why)
			return why;
	}
	return NULL;
}

static int on_commit(struct enforcer *f, struct text bytes)
{
	struct msg_desired_commit m;
	struct desired_refusal refusal;
	const struct cut *cut;
	int r = msg_desired_commit_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0 || !f->telling)
		return r;
	/* half a generation isn't taken for a whole one */
	if (m.generation != f->generation || (m.cuts != UINT64_MAX && m.cuts != f->puts))
		return -EPROTO;
	f->telling = false;
	f->came = loop_now();
	/* who tells what is wanted lives; and without a lease what is put in force would stop nothing */
	f->heard = f->came;
	if (f->lease_until <= f->came)
		enforcer_renew(f, f->came);
	f->end_connections = m.end_connections;
	r = desired_check(f->desired, f->came, &refusal, &f->steps, &f->n_steps);
	if (r == -EPERM)
		say_refused(f, refusal.rule, refusal.has_cut ? &refusal.cut : NULL, "");
	if (r < 0)
		return r == -EPERM ? 0 : r;
	f->waiting = true;
	const char *why = cannot(f, &cut);
	if (why) {
		struct cut c = *cut;
		enforcer_give_up_waiting(f);
		say_refused(f, GUARDRAIL_NONE, &c, why);
		return 0;
	}
	carry_out(f);
	return 0;
}

void enforcer_retry(struct enforcer *f, int64_t now)
{
	if (!f->waiting || now < f->retry_at)
		return;
	f->retry_at = INT64_MAX;
	carry_out(f);
}

static int on_live(struct enforcer *f, struct text bytes)
{
	struct msg_live m;
	int r = msg_live_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0)
		return r;
	f->heard = loop_now();
	if (f->renew_at == INT64_MAX)
		f->renew_at = f->heard;
	return 0;
}

int enforcer_message(void *context, uint16_t number, struct text bytes)
{
	struct enforcer *f = context;
	if (!f->process->running)
		return 0;
	switch (number) {
	case MSG_DESIRED_BEGIN: return on_begin(f, bytes);
	case MSG_DESIRED_SPARE: return on_spare(f, bytes);
	case MSG_DESIRED_PUT: return on_put(f, bytes);
	case MSG_DESIRED_DROP: return on_drop(f, bytes);
	case MSG_DESIRED_COMMIT: return on_commit(f, bytes);
	case MSG_LIVE: return on_live(f, bytes);
	default: return -EPROTO;
	}
}
