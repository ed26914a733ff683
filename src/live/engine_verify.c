/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/table.h"
#include "base/timefmt.h"

/* A sensor that says nothing for so long looks for nothing. */
#define SILENT_NS (5 * NS_PER_S)

static int64_t wall_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void tell_put(struct engine_sensor *s, const struct order *o, int64_t since)
{
	struct dynbuf *out = peer_out(&s->peer);
	for (size_t i = 0; out && i < o->n_cuts; i++) {
		const struct cut *c = &o->cuts[i];
		struct msg_watch_put m = {
		    .from = c->from, .to = c->to, .direction = c->direction, .since = since};
		msg_watch_put_encode(out, &m);
	}
}

static uint64_t packets_lost(const struct engine *e)
{
	uint64_t lost = 0;
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++)
		lost += e->sensors[i].state.lost;
	return lost;
}

void engine_watch_order(struct engine *e, const struct order *o)
{
	struct engine_watch *w = table_get(e->watches, &o->id);
	if (!w || w->since)
		return;
	w->since = wall_now();
	w->verify_at = loop_now() + e->process->conf->verify_ns;
	w->lost = packets_lost(e);
	e->verify_at = w->verify_at < e->verify_at ? w->verify_at : e->verify_at;
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++)
		tell_put(&e->sensors[i], o, w->since);
}

void engine_unwatch_order(struct engine *e, const struct order *o)
{
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++) {
		struct dynbuf *out = peer_out(&e->sensors[i].peer);
		for (size_t k = 0; out && k < o->n_cuts; k++) {
			const struct cut *c = &o->cuts[k];
			const struct order *other = orders_wanting(e->orders, c);
			struct msg_watch_drop m = {.from = c->from, .to = c->to, .direction = c->direction};
			if (!other || other->id == o->id)
				msg_watch_drop_encode(out, &m);
		}
	}
}

/* A sensor that begins is told all that stands. */
void engine_watch_all(struct engine *e, struct engine_sensor *s)
{
	size_t pos = 0;
	for (const struct order *o; e->orders && (o = orders_next(e->orders, &pos));) {
		const struct engine_watch *w = table_get(e->watches, &o->id);
		if (w && w->since)
			tell_put(s, o, w->since);
	}
}

/* Why packets may pass though they are cut: what a person should look at first. */
static const char *likely_reason(const struct engine *e, const struct msg_sight *s)
{
	const struct net_zone_map *zones = e->process->site->zones;
	if (net_zone_of(zones, s->initiator) == net_zone_of(zones, s->responder))
		return "both ends are in one zone: they may be neighbours on one switch, where no "
		       "enforcement point "
		       "stands between them";
	if (s->outgoing)
		return "the packets left this machine: a flow table or hardware offload may carry them past "
		       "the "
		       "firewall's hooks";
	return "they were answered on a link behind the enforcement point: there may be another path";
}

int engine_sight(struct engine *e, const struct msg_sight *s)
{
	struct cut cut = {.from = s->from, .to = s->to, .direction = s->direction};
	const struct order *o = orders_wanting(e->orders, &cut);
	char why[ORDER_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE];
	const struct engine_watch *w = o ? table_get(e->watches, &o->id) : NULL;
	e->counts.sights++;
	/* of one that is gone it says nothing; since when it counts the sensor knows, by a clock nobody sets
	 */
	if (!w || !w->since)
		return 0;
	const struct daemon_conf *conf = e->process->conf;
	snprintf(why, sizeof(why),
	    "%" PRIu64 " packets of %s:%u to %s:%u seen on %.40s (flow %" PRIu64 "): %s", s->packets,
	    net_addr_text(s->initiator, from), s->initiator_port, net_addr_text(s->responder, to),
	    s->responder_port, s->vantage < conf->n_links ? conf->links[s->vantage].name : "a link", s->flow,
	    likely_reason(e, s));
	if (orders_checked(e->orders, o->id, loop_now(), ORDER_LEAKING, why) == ORDER_OK) {
		log_warning("order %" PRIu64 " leaks: %s", o->id, why);
		engine_orders_changed(e, false);
	}
	return 0;
}

/* Whether every sensor has looked since the cut stood, and lost nothing meanwhile. *ret_why: if not. */
static bool was_looked(const struct engine *e, const struct engine_watch *w, const char **ret_why)
{
	size_t heard = 0, wanted = e->process->conf->sensor.processes;
	int64_t now = loop_now();
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++) {
		const struct engine_sensor *s = &e->sensors[i];
		heard += s->peer.channel && s->heard && now - s->heard < SILENT_NS && s->state.watches > 0;
	}
	*ret_why = heard < wanted              ? "not every sensor looks"
	           : packets_lost(e) > w->lost ? "packets were lost while it was looked for"
	                                       : NULL;
	return *ret_why == NULL;
}

static void verify(struct engine *e, const struct order *o, struct engine_watch *w, int64_t now)
{
	const char *not_looked;
	char why[ORDER_WHY_SIZE];
	bool looked = was_looked(e, w, &not_looked);
	int64_t wait = e->process->conf->verify_ns;
	/* each look begins anew: what was lost before it isn't held against it */
	w->lost = packets_lost(e);
	w->verify_at = now + wait;
	if (!looked || o->check != ORDER_UNCHECKED)
		return;
	snprintf(why, sizeof(why), "no packet that it stops was seen for %.1f s on %zu links",
	    (double)wait / NS_PER_S, e->process->conf->n_links);
	if (orders_checked(e->orders, o->id, now, ORDER_VERIFIED, why) == ORDER_OK)
		engine_orders_changed(e, false);
}

/* All orders are walked over only while one of them waits to be verified. */
void engine_verify_tick(struct engine *e, int64_t now)
{
	size_t pos = 0;
	if (now < e->verify_at)
		return;
	e->verify_at = INT64_MAX;
	for (const struct order *o; (o = orders_next(e->orders, &pos));) {
		struct engine_watch *w = table_get(e->watches, &o->id);
		if (!w || !w->since || o->check != ORDER_UNCHECKED ||
		    (o->state != ORDER_APPLIED && o->state != ORDER_CONFIRMED))
			continue;
		if (w->verify_at <= now)
			verify(e, o, w, now);
		e->verify_at = w->verify_at < e->verify_at ? w->verify_at : e->verify_at;
	}
}
