/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"

/* Of the cuts of one order so many are listed; the whole is in the store. */
enum { CUTS_TOLD = 1000, ORDERS_TOLD = 1000 };

static json_t *string(const char *s)
{
	char text[1024];
	return json_string(text_printable(text_of(s), text, sizeof(text)));
}

/* Deadlines are of a clock that people don't read: they are told as the wall clock stands now. */
static json_t *moment(int64_t boot)
{
	struct timespec wall;
	char text[TIME_TEXT_SIZE];
	if (boot == 0 || boot == INT64_MAX)
		return json_null();
	clock_gettime(CLOCK_REALTIME, &wall);
	int64_t now = (int64_t)wall.tv_sec * NS_PER_S + wall.tv_nsec;
	return json_string(time_rfc3339(now + (boot - loop_now()), text));
}

static json_t *seconds(int64_t ns)
{
	return json_real((double)(ns / NS_PER_MS) / 1000);
}

static json_t *count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static int print(json_t *j, struct dynbuf *out)
{
	char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	if (text) {
		dynbuf_str(out, text);
		dynbuf_u8(out, '\n');
	}
	free(text);
	json_decref(j);
	return text ? out->error : -ENOMEM;
}

static json_t *sensor_json(const struct engine_sensor *s)
{
	const struct msg_sensor_state *m = &s->state;
	json_t *j = json_object();
	json_object_set_new(j, "index", json_integer(s->index));
	json_object_set_new(j, "connected", json_boolean(s->peer.channel != NULL));
	json_object_set_new(j, "heard_s_ago", s->heard ? seconds(loop_now() - s->heard) : json_null());
	json_object_set_new(j, "packets", count(m->packets));
	json_object_set_new(j, "bytes", count(m->bytes));
	json_object_set_new(j, "lost_packets", count(m->lost));
	json_object_set_new(j, "flows", count(m->flows));
	json_object_set_new(j, "flows_seen", count(m->flows_seen));
	json_object_set_new(j, "evicted", count(m->evicted));
	json_object_set_new(j, "watched_cuts", count(m->watches));
	json_object_set_new(j, "capture_ended", json_boolean(m->done));
	return j;
}

static json_t *enforcer_json(const struct engine *e, size_t i)
{
	const struct engine_enforcer *f = &e->enforcers[i];
	const struct daemon_enforcer *d = &e->process->conf->enforcers[i];
	json_t *j = json_object(), *drift = json_object();
	json_object_set_new(j, "name", string(d->name));
	json_object_set_new(j, "backend", string(f->backend));
	json_object_set_new(j, "remote", json_boolean(d->is_remote));
	json_object_set_new(j, "ready", json_boolean(f->ready));
	json_object_set_new(j, "why_not", f->ready ? json_null() : string(f->why));
	json_object_set_new(j, "generation", count(f->in_force));
	json_object_set_new(j, "cuts", count(f->cuts));
	json_object_set_new(
	    j, "lease_s", f->lease_until ? seconds(f->lease_until - loop_now()) : json_null());
	json_object_set_new(j, "last_change_s", seconds(f->took_ns));
	json_object_set_new(j, "refused", count(f->refused));
	json_object_set_new(drift, "times", count(f->drifts));
	json_object_set_new(drift, "missing", count(f->missing));
	json_object_set_new(drift, "foreign", count(f->foreign));
	json_object_set_new(drift, "wrong", count(f->wrong));
	json_object_set_new(j, "drift", drift);
	return j;
}

static json_t *processes_json(const struct engine *e)
{
	json_t *list = json_array();
	for (size_t i = 0; i < e->n_processes; i++) {
		const struct msg_alive *m = &e->processes[i].state;
		json_t *j = json_object();
		json_object_set_new(j, "name", json_string(msg_process_name(m->process)));
		json_object_set_new(j, "index", json_integer(m->index));
		json_object_set_new(j, "runs", json_boolean(m->runs));
		json_object_set_new(j, "restarts", json_integer(m->restarts));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *incidents_json(const struct engine *e)
{
	json_t *list = json_array();
	for (size_t i = 0; i < e->n_incidents; i++) {
		const struct engine_incident *n = &e->incidents[i];
		json_t *j = json_object();
		json_object_set_new(j, "id", string(n->id));
		json_object_set_new(j, "severity", json_integer(n->severity));
		json_object_set_new(
		    j, "confidence", json_real((double)(long)(n->confidence * 1000 + 0.5) / 1000));
		json_object_set_new(j, "assets", json_integer(n->assets));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *order_counts(const struct engine *e)
{
	static const char *const names[] = {
	    "proposed", "approved", "applied", "verified", "leaking", "confirmed", "ending"};
	json_t *j = json_object();
	size_t pos = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		json_object_set_new(j, names[i], json_integer(0));
	for (const struct order *o; (o = orders_next(e->orders, &pos));) {
		const char *name = order_state_name(o);
		json_t *n = json_object_get(j, name);
		json_object_set_new(j, name, json_integer(json_integer_value(n) + 1));
	}
	return j;
}

static json_t *archive_json(const struct engine *e)
{
	json_t *j = json_object();
	json_object_set_new(j, "connected", json_boolean(e->archivist.channel != NULL));
	json_object_set_new(j, "sent", count(e->sent));
	json_object_set_new(j, "durable", count(e->durable));
	json_object_set_new(
	    j, "waiting_bytes", count(e->archivist.channel ? channel_waiting(e->archivist.channel) : 0));
	json_object_set_new(j, "records_lost", count(e->counts.unarchived));
	json_object_set_new(j, "failing", e->archive_failed ? string(e->archive_why) : json_null());
	return j;
}

int engine_json_status(const struct engine *e, struct dynbuf *out)
{
	const struct daemon_conf *conf = e->process->conf;
	json_t *j = json_object(), *sensors = json_array(), *enforcers = json_array(), *links = json_array();
	for (size_t i = 0; i < conf->sensor.processes; i++)
		json_array_append_new(sensors, sensor_json(&e->sensors[i]));
	for (size_t i = 0; i < conf->n_enforcers; i++)
		json_array_append_new(enforcers, enforcer_json(e, i));
	for (size_t i = 0; i < conf->n_links; i++)
		json_array_append_new(links, string(conf->links[i].name));
	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "configuration", string(conf->path));
	json_object_set_new(j, "running_s", seconds(loop_now() - e->began));
	json_object_set_new(j, "processes", processes_json(e));
	json_object_set_new(j, "links", links);
	json_object_set_new(j, "sensors", sensors);
	json_object_set_new(j, "enforcers", enforcers);
	json_object_set_new(j, "orders", order_counts(e));
	json_object_set_new(j, "generation", count(orders_generation(e->orders)));
	json_object_set_new(j, "store_failing", e->store_failed ? string(e->store_why) : json_null());
	json_object_set_new(j, "incidents", incidents_json(e));
	json_object_set_new(j, "detections", count(e->counts.detections));
	json_object_set_new(j, "indicators", count(e->indicators ? indicator_count(e->indicators) : 0));
	json_object_set_new(j, "archive", archive_json(e));
	return print(j, out);
}

static json_t *prefix_json(struct net_prefix p)
{
	char text[NET_PREFIX_TEXT_SIZE];
	if (p.bits == 0)
		return json_string("any");
	return json_string(p.bits == 128 ? net_addr_text(p.addr, text) : net_prefix_text(p, text));
}

static json_t *act_json(const struct order_act *a)
{
	json_t *j = json_object();
	if (a->time == 0) {
		json_decref(j);
		return json_null();
	}
	json_object_set_new(j, "time", moment(a->time));
	json_object_set_new(j, "who", string(a->who));
	return j;
}

static json_t *cuts_json(const struct order *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < o->n_cuts && i < CUTS_TOLD; i++) {
		json_t *j = json_object();
		json_object_set_new(j, "from", prefix_json(o->cuts[i].from));
		json_object_set_new(j, "to", prefix_json(o->cuts[i].to));
		json_object_set_new(
		    j, "direction", json_string(o->cuts[i].direction == CUT_BOTH ? "both" : "from"));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *order_json(struct engine *e, const struct order *o)
{
	json_t *j = json_object(), *approved = json_array();
	struct engine_stopped stopped = engine_stopped(e, o);
	for (size_t i = 0; i < ORDER_APPROVALS_MAX; i++)
		if (o->approved[i].time)
			json_array_append_new(approved, act_json(&o->approved[i]));
	json_object_set_new(j, "id", count(o->id));
	json_object_set_new(j, "state", json_string(order_state_name(o)));
	json_object_set_new(j, "ends", o->ends ? json_string(order_end_name(o->ends)) : json_null());
	json_object_set_new(j, "why", string(o->why));
	json_object_set_new(j, "what", string(engine_order_what(e, o->id)));
	json_object_set_new(j, "proposed", act_json(&o->proposed));
	json_object_set_new(j, "approved", approved);
	json_object_set_new(j, "approvals_wanted", json_integer(o->approvals));
	json_object_set_new(j, "confirmed", act_json(&o->confirmed));
	json_object_set_new(j, "ended_by", act_json(&o->ended_by));
	json_object_set_new(j, "in_force_since", moment(o->applied_at));
	json_object_set_new(j, "until", order_is_wanted(o) ? moment(order_wanted_until(o)) : json_null());
	json_object_set_new(j, "fail", json_string(o->fail_closed ? "closed" : "open"));
	json_object_set_new(j, "generation", count(o->generation));
	json_object_set_new(j, "n_cuts", count(o->n_cuts));
	json_object_set_new(j, "cuts", cuts_json(o));
	json_object_set_new(j, "stopped_packets", count(stopped.packets));
	json_object_set_new(j, "stopped_bytes", count(stopped.bytes));
	return j;
}

struct past {
	struct engine *e;
	json_t *j;
};

static int keep_past(void *context, const struct order *o, const char *what)
{
	struct past *p = context;
	p->j = order_json(p->e, o);
	json_object_set_new(p->j, "what", string(what ? what : ""));
	return 0;
}

/* An order that has ended, from the store. */
static json_t *past_order(struct engine *e, uint64_t id)
{
	struct past p = {.e = e};
	return order_store_find(e->store, id, keep_past, &p) == 0 ? p.j : NULL;
}

int engine_json_orders(struct engine *e, const char *subject, struct dynbuf *out)
{
	json_t *list = json_array();
	uint64_t id;
	size_t pos = 0;
	if (*subject) {
		bool is = num_parse_u64(text_of(subject), UINT64_MAX, &id) == 0;
		const struct order *o = is ? orders_find(e->orders, id) : NULL;
		json_t *j = o ? order_json(e, o) : is ? past_order(e, id) : NULL;
		if (j)
			json_array_append_new(list, j);
		else
			json_decref(list);
		return j ? print(list, out) : -ENOENT;
	}
	for (const struct order *o;
	     json_array_size(list) < ORDERS_TOLD && (o = orders_next(e->orders, &pos));)
		json_array_append_new(list, order_json(e, o));
	return print(list, out);
}

int engine_json_order_event(struct engine *e, const struct order *o, struct dynbuf *out)
{
	json_t *j = json_object();
	json_object_set_new(j, "event", json_string("order"));
	json_object_set_new(j, "order", order_json(e, o));
	return print(j, out);
}

int engine_json_refusal(const char *why, struct dynbuf *out)
{
	json_t *j = json_object();
	json_object_set_new(j, "error", string(why));
	return print(j, out);
}

int engine_json_plans(struct text plans, const char *const *names, const uint64_t *ids,
    const struct dynbuf *why, struct dynbuf *out)
{
	json_t *list = json_loadb(plans.p, plans.n, 0, NULL), *plan;
	size_t i;
	json_array_foreach(list, i, plan)
	{
		const char *name = json_string_value(json_object_get(plan, "name"));
		for (size_t k = 0; name && k < ENGINE_PLANS; k++) {
			if (strcmp(name, names[k]) != 0)
				continue;
			struct text reason = dynbuf_view(&why[k]);
			json_object_set_new(plan, "order", ids[k] ? count(ids[k]) : json_null());
			json_object_set_new(plan, "no_order_because",
			    ids[k] ? json_null() : json_stringn(reason.n ? reason.p : "", reason.n));
		}
	}
	return list ? print(list, out) : -ERR_MALFORMED;
}
