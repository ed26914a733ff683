/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Acts on their way to the ledger. Each is kept until the archivist's receipt covers it, and told again to
 * the next archivist where it doesn't; what a person did is acknowledged only then. So whatever dies, what
 * was answered with "done" is in the orders' store and in the ledger. An act that an archivist took and whose
 * receipt got lost with it stands there twice, with the same time.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "live/engine.h"

/* Who acted is told after this that the ledger doesn't have it yet. */
#define WAIT_NS (5 * NS_PER_S)

static struct engine_kept_act *kept(struct engine *e, size_t i)
{
	return &e->acts[(e->acts_at + i) % ENGINE_ACTS_MAX];
}

static void forget_first(struct engine *e)
{
	e->acts_at = (e->acts_at + 1) % ENGINE_ACTS_MAX;
	e->n_acts--;
	e->acts_kept++;
}

static void send(struct engine *e, struct engine_kept_act *a)
{
	struct dynbuf *out = peer_out(&e->archivist);
	struct msg_act m = {.time = a->time,
	    .order = a->order,
	    .what = text_of(a->what),
	    .who = text_of(a->who),
	    .why = text_of(a->why)};
	if (out && msg_act_encode(out, &m) == 0)
		a->sequence = ++e->sent;
}

void engine_acts_again(struct engine *e)
{
	for (size_t i = 0; i < e->n_acts; i++)
		send(e, kept(e, i));
}

uint64_t engine_acts_unsent(struct engine *e)
{
	uint64_t sent = 0;
	for (size_t i = 0; i < e->n_acts; i++) {
		sent += kept(e, i)->sequence != 0;
		kept(e, i)->sequence = 0;
	}
	return sent;
}

static void answer(struct engine *e, struct engine_waiting *w, bool is_kept)
{
	char subject[24], why[320];
	struct dynbuf out = {0};
	int r;
	snprintf(subject, sizeof(subject), "%" PRIu64, w->order);
	if (is_kept) {
		r = engine_json_orders(e, subject, 0, &out);
	} else {
		snprintf(why, sizeof(why),
		    "order %s: it counts and is stored, but the ledger doesn't have it yet%s%s; it is told "
		    "again",
		    subject, e->archive_failed ? ": " : "", e->archive_failed ? e->archive_why : "");
		r = engine_json_refusal(why, &out);
	}
	if (r == 0)
		engine_answer(e, w->asked, is_kept ? 0 : 4, dynbuf_view(&out));
	dynbuf_free(&out);
	*w = (struct engine_waiting){0};
}

/* There is no room: the oldest is lost to the ledger, and whoever waits for it is told so. */
static void lose_first(struct engine *e)
{
	for (size_t i = 0; i < ENGINE_ASKS_MAX; i++)
		if (e->waiting[i].act == e->acts_kept + 1)
			answer(e, &e->waiting[i], false);
	if (e->counts.unarchived++ == 0)
		log_error("the ledger takes nothing; acts are lost to it, the oldest first");
	forget_first(e);
}

void engine_act(struct engine *e, uint64_t order, const char *what, const char *who, const char *why)
{
	if (e->n_acts == ENGINE_ACTS_MAX)
		lose_first(e);
	struct engine_kept_act *a = kept(e, e->n_acts);
	*a = (struct engine_kept_act){.time = engine_clock(e).realtime, .order = order};
	snprintf(a->what, sizeof(a->what), "%s", what);
	snprintf(a->who, sizeof(a->who), "%s", who);
	snprintf(a->why, sizeof(a->why), "%s", why);
	/* none overtakes one that waits for an archivist */
	bool waits = e->n_acts > 0 && kept(e, e->n_acts - 1)->sequence == 0;
	e->n_acts++;
	if (!waits)
		send(e, a);
}

void engine_answer_kept(struct engine *e, uint64_t asked, uint64_t order)
{
	struct engine_waiting n = {
	    .asked = asked, .order = order, .act = e->acts_kept + e->n_acts, .until = loop_now() + WAIT_NS};
	for (size_t i = 0; i < ENGINE_ASKS_MAX && !e->archive_failed; i++)
		if (e->waiting[i].act == 0) {
			e->waiting[i] = n;
			e->acts_until = n.until < e->acts_until ? n.until : e->acts_until;
			return;
		}
	answer(e, &n, false);
}

void engine_acts_durable(struct engine *e)
{
	while (e->n_acts && kept(e, 0)->sequence && kept(e, 0)->sequence <= e->durable)
		forget_first(e);
	engine_acts_tick(e, loop_now());
}

void engine_acts_tick(struct engine *e, int64_t now)
{
	e->acts_until = INT64_MAX;
	for (size_t i = 0; i < ENGINE_ASKS_MAX; i++) {
		struct engine_waiting *w = &e->waiting[i];
		if (w->act == 0)
			continue;
		if (w->act <= e->acts_kept)
			answer(e, w, true);
		else if (w->until <= now || e->archive_failed)
			answer(e, w, false);
		else if (w->until < e->acts_until)
			e->acts_until = w->until;
	}
}
