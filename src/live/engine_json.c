/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "incident/incident.h"

/* So much may the wall clock drift against ours before times are told anew. */
#define CLOCK_SET_NS (100 * NS_PER_MS)

void engine_json_clock(struct engine *e)
{
	struct order_store_clock now = engine_clock(e);
	int64_t wall = now.realtime - now.boottime;
	if (llabs(wall - e->wall) > CLOCK_SET_NS)
		e->wall = wall;
}

json_t *engine_json_string(const char *s)
{
	char text[1024];
	return json_string(text_printable(text_of(s), text, sizeof(text)));
}

json_t *engine_json_moment(const struct engine *e, int64_t boot)
{
	char text[TIME_TEXT_SIZE];
	if (boot == 0 || boot == INT64_MAX)
		return json_null();
	return json_string(time_rfc3339(e->wall + boot, text));
}

json_t *engine_json_seconds(int64_t ns)
{
	return json_real((double)(ns / NS_PER_MS) / 1000);
}

json_t *engine_json_count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

int engine_json_print(json_t *j, struct dynbuf *out)
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
	json_object_set_new(
	    j, "heard_s_ago", s->heard ? engine_json_seconds(loop_now() - s->heard) : json_null());
	json_object_set_new(j, "packets", engine_json_count(m->packets));
	json_object_set_new(j, "bytes", engine_json_count(m->bytes));
	json_object_set_new(j, "lost_packets", engine_json_count(m->lost));
	json_object_set_new(j, "flows", engine_json_count(m->flows));
	json_object_set_new(j, "flows_seen", engine_json_count(m->flows_seen));
	json_object_set_new(j, "evicted", engine_json_count(m->evicted));
	json_object_set_new(j, "watched_cuts", engine_json_count(m->watches));
	json_object_set_new(j, "capture_ended", json_boolean(m->done));
	json_t *bounds = json_object();
	for (int i = 0; i < SENSOR_BOUND_COUNT; i++)
		if (s->bounds[i])
			json_object_set_new(
			    bounds, sensor_bound_name((enum sensor_bound)i), engine_json_count(s->bounds[i]));
	json_object_set_new(j, "bounds", bounds);
	return j;
}

static json_t *enforcer_json(const struct engine *e, size_t i)
{
	const struct engine_enforcer *f = &e->enforcers[i];
	const struct daemon_enforcer *d = &e->process->conf->enforcers[i];
	json_t *j = json_object(), *drift = json_object();
	json_object_set_new(j, "name", engine_json_string(d->name));
	json_object_set_new(j, "backend", engine_json_string(f->backend));
	json_object_set_new(j, "remote", json_boolean(d->is_remote));
	json_object_set_new(j, "ready", json_boolean(f->ready));
	json_object_set_new(j, "why_not", f->ready ? json_null() : engine_json_string(f->why));
	json_object_set_new(j, "lacks", f->lacks[0] ? engine_json_string(f->lacks) : json_null());
	json_object_set_new(j, "generation", engine_json_count(f->in_force));
	json_object_set_new(j, "cuts", engine_json_count(f->cuts));
	json_object_set_new(
	    j, "lease_s", f->lease_until ? engine_json_seconds(f->lease_until - loop_now()) : json_null());
	json_object_set_new(j, "last_change_s", engine_json_seconds(f->took_ns));
	json_object_set_new(j, "refused", engine_json_count(f->refused));
	json_object_set_new(drift, "times", engine_json_count(f->drifts));
	json_object_set_new(drift, "missing", engine_json_count(f->missing));
	json_object_set_new(drift, "foreign", engine_json_count(f->foreign));
	json_object_set_new(drift, "wrong", engine_json_count(f->wrong));
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
		json_object_set_new(j, "id", engine_json_string(n->id));
		json_object_set_new(j, "severity", json_integer(n->severity));
		json_object_set_new(j, "severity_name",
		    json_string(incident_severity_name((enum incident_severity)n->severity)));
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
	json_object_set_new(j, "sent", engine_json_count(e->sent));
	json_object_set_new(j, "durable", engine_json_count(e->durable));
	json_object_set_new(j, "waiting_bytes",
	    engine_json_count(e->archivist.channel ? channel_waiting(e->archivist.channel) : 0));
	json_object_set_new(j, "records_lost", engine_json_count(e->counts.unarchived));
	json_object_set_new(
	    j, "failing", e->archive_failed ? engine_json_string(e->archive_why) : json_null());
	return j;
}

int engine_json_status(struct engine *e, struct dynbuf *out)
{
	const struct daemon_conf *conf = e->process->conf;
	json_t *j = json_object(), *sensors = json_array(), *enforcers = json_array(), *links = json_array();
	engine_json_clock(e);
	for (size_t i = 0; i < conf->sensor.processes; i++)
		json_array_append_new(sensors, sensor_json(&e->sensors[i]));
	for (size_t i = 0; i < conf->n_enforcers; i++)
		json_array_append_new(enforcers, enforcer_json(e, i));
	for (size_t i = 0; i < conf->n_links; i++)
		json_array_append_new(links, engine_json_string(conf->links[i].name));
	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "program", json_string(BULKHEAD_VERSION));
	json_object_set_new(j, "time", engine_json_moment(e, loop_now()));
	json_object_set_new(j, "began", engine_json_moment(e, e->began));
	json_object_set_new(j, "configuration", engine_json_string(conf->path));
	json_object_set_new(j, "running_s", engine_json_seconds(loop_now() - e->began));
	json_object_set_new(j, "processes", processes_json(e));
	json_object_set_new(j, "links", links);
	json_object_set_new(j, "sensors", sensors);
	json_object_set_new(j, "enforcers", enforcers);
	json_object_set_new(j, "orders", order_counts(e));
	json_object_set_new(j, "standing", engine_json_standing(e));
	json_object_set_new(j, "by_policy", engine_json_count(e->counts.orders_by_policy));
	json_object_set_new(j, "policy_declined", engine_json_count(e->counts.policy_declined));
	json_object_set_new(j, "generation", engine_json_count(orders_generation(e->orders)));
	json_object_set_new(
	    j, "store_failing", e->store_failed ? engine_json_string(e->store_why) : json_null());
	json_object_set_new(j, "incidents", incidents_json(e));
	json_object_set_new(j, "detections", engine_json_count(e->counts.detections));
	json_object_set_new(
	    j, "indicators", engine_json_count(e->indicators ? indicator_count(e->indicators) : 0));
	json_object_set_new(j, "archive", archive_json(e));
	return engine_json_print(j, out);
}

/* The lines stay lines. */
int engine_json_refusal(const char *why, struct dynbuf *out)
{
	struct dynbuf clean = {0};
	json_t *j = json_object();
	for (struct text rest = text_trim(text_of(why)); rest.n;) {
		struct text line = text_sub(rest, 0, text_find(rest, '\n'));
		rest = text_sub(rest, line.n + 1, rest.n);
		text_append_printable(&clean, line);
		if (rest.n)
			dynbuf_u8(&clean, '\n');
	}
	struct text all = dynbuf_view(&clean);
	json_object_set_new(j, "error", json_stringn(all.n ? all.p : "", all.n));
	dynbuf_free(&clean);
	return engine_json_print(j, out);
}
