/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The text format of Prometheus, exposition format 0.0.4. */

#include <inttypes.h>

#include "base/timefmt.h"
#include "live/engine.h"

static void head(struct dynbuf *out, const char *name, const char *type, const char *help)
{
	dynbuf_printf(out, "# HELP bulkhead_%s %s\n# TYPE bulkhead_%s %s\n", name, help, name, type);
}

static void one(struct dynbuf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	dynbuf_printf(out, "bulkhead_%s %" PRIu64 "\n", name, value);
}

struct sensor_row {
	const char *name, *type, *help;
	size_t offset;
};

#define ROW(member, what, text)                                                                              \
	{                                                                                                    \
		"sensor_" what, "counter", text, offsetof(struct msg_sensor_state, member)                   \
	}
static const struct sensor_row sensor_rows[] = {
    ROW(packets, "packets_total", "Packets that a sensor read."),
    ROW(bytes, "bytes_total", "Bytes of those on the wire."),
    ROW(lost, "lost_packets_total", "Packets that a sensor's rings had no room for."),
    ROW(flows_seen, "flows_total", "Flows that a sensor saw begin."),
    ROW(evicted, "evicted_flows_total", "Flows that ended early for want of room."),
    {"sensor_open_flows", "gauge", "Flows that go on.", offsetof(struct msg_sensor_state, flows)},
};

static void sensors(const struct engine *e, struct dynbuf *out)
{
	head(out, "sensor_up", "gauge", "1: the sensor is there.");
	for (size_t i = 0; i < e->process->conf->sensor.processes; i++)
		dynbuf_printf(
		    out, "bulkhead_sensor_up{sensor=\"%zu\"} %d\n", i, e->sensors[i].peer.channel != NULL);
	for (size_t r = 0; r < sizeof(sensor_rows) / sizeof(*sensor_rows); r++) {
		head(out, sensor_rows[r].name, sensor_rows[r].type, sensor_rows[r].help);
		for (size_t i = 0; i < e->process->conf->sensor.processes; i++) {
			const char *at = (const char *)&e->sensors[i].state + sensor_rows[r].offset;
			dynbuf_printf(out, "bulkhead_%s{sensor=\"%zu\"} %" PRIu64 "\n", sensor_rows[r].name,
			    i, *(const uint64_t *)(const void *)at);
		}
	}
}

/* What tables that were full cost: doc/bounds.md. */
static void bounds(const struct engine *e, struct dynbuf *out)
{
	head(out, "bound_reached_total", "counter", "Times that a bound of the sensor was met, by its name.");
	for (size_t i = 0; i < e->process->conf->sensor.processes; i++)
		for (int b = 0; b < SENSOR_BOUND_COUNT; b++)
			dynbuf_printf(out,
			    "bulkhead_bound_reached_total{sensor=\"%zu\",bound=\"%s\"} %" PRIu64 "\n", i,
			    sensor_bound_name((enum sensor_bound)b), e->sensors[i].bounds[b]);
}

/* A label's value: \ " and newlines are escaped. */
static void label(struct dynbuf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			dynbuf_u8(out, '\\');
		dynbuf_u8(out, (uint8_t)(*s == '\n' ? ' ' : *s));
	}
}

static void enforcer(const struct engine *e, struct dynbuf *out, const char *name, size_t i, double value)
{
	dynbuf_printf(out, "bulkhead_%s{enforcer=\"", name);
	label(out, e->process->conf->enforcers[i].name);
	dynbuf_printf(out, "\"} %.9g\n", value);
}

static double enforcer_value(const struct engine_enforcer *f, size_t row)
{
	int64_t left = f->lease_until ? f->lease_until - loop_now() : 0;
	const double values[] = {f->ready, (double)f->cuts, (double)f->in_force, (double)left / NS_PER_S,
	    (double)f->drifts, (double)f->missing, (double)f->foreign, (double)f->refused,
	    (double)f->took_ns / NS_PER_S};
	return values[row];
}

static void enforcers(const struct engine *e, struct dynbuf *out)
{
	static const char *const rows[][3] = {
	    {"enforcer_up", "gauge", "1: the enforcer reaches its backend, so it can cut."},
	    {"enforcer_cuts", "gauge", "Cuts that it has in force."},
	    {"enforcer_generation", "gauge", "The generation that it has in force."},
	    {"enforcer_lease_remaining_seconds", "gauge", "Until its cuts end unless the lease is renewed."},
	    {"enforcer_drifts_total", "counter", "How often the kernel didn't hold what was in force."},
	    {"enforcer_missing_cuts_total", "counter", "Cuts that were missing then."},
	    {"enforcer_foreign_cuts_total", "counter", "Cuts that were there and nobody had ordered."},
	    {"enforcer_refused_generations_total", "counter", "Generations that it refused."},
	    {"enforcer_last_change_duration_seconds", "gauge",
	        "What the last change took, from its arrival to the kernel's word."},
	};
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		head(out, rows[r][0], rows[r][1], rows[r][2]);
		for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
			enforcer(e, out, rows[r][0], i, enforcer_value(&e->enforcers[i], r));
	}
}

static void orders(const struct engine *e, struct dynbuf *out)
{
	uint64_t states[ORDER_ENDED + 1] = {0}, leaking = 0, verified = 0;
	static const char *const names[] = {"proposed", "approved", "applied", "confirmed", "ended"};
	size_t pos = 0;
	for (const struct order *o; (o = orders_next(e->orders, &pos));) {
		states[o->state]++;
		leaking += o->check == ORDER_LEAKING;
		verified += o->check == ORDER_VERIFIED;
	}
	head(out, "orders", "gauge", "Orders by state.");
	for (size_t i = 0; i < ORDER_ENDED; i++)
		dynbuf_printf(out, "bulkhead_orders{state=\"%s\"} %" PRIu64 "\n", names[i], states[i]);
	one(out, "orders_verified", "gauge", "Orders whose cuts were seen to hold.", verified);
	one(out, "orders_leaking", "gauge", "Orders of which packets passed that should not.", leaking);
}

static void processes(const struct engine *e, struct dynbuf *out)
{
	head(out, "process_up", "gauge", "1: the process runs.");
	for (size_t i = 0; i < e->n_processes; i++)
		dynbuf_printf(out, "bulkhead_process_up{process=\"%s\",index=\"%u\"} %d\n",
		    msg_process_name(e->processes[i].state.process), e->processes[i].state.index,
		    e->processes[i].state.runs != 0);
	head(out, "process_restarts_total", "counter", "How often a process had to be started again.");
	for (size_t i = 0; i < e->n_processes; i++)
		dynbuf_printf(out, "bulkhead_process_restarts_total{process=\"%s\",index=\"%u\"} %u\n",
		    msg_process_name(e->processes[i].state.process), e->processes[i].state.index,
		    e->processes[i].state.restarts);
}

void engine_metrics(const struct engine *e, struct dynbuf *out)
{
	const struct engine_counts *c = &e->counts;
	sensors(e, out);
	bounds(e, out);
	enforcers(e, out);
	orders(e, out);
	processes(e, out);
	head(out, "build_info", "gauge", "Always 1; which program this is.");
	dynbuf_printf(out, "bulkhead_build_info{version=\"%s\"} 1\n", BULKHEAD_VERSION);
	struct order_store_clock now = engine_clock(e);
	head(out, "start_time_seconds", "gauge", "When the engine began, in seconds since 1970.");
	dynbuf_printf(out, "bulkhead_start_time_seconds %.3f\n",
	    (double)(now.realtime - now.boottime + e->began) / NS_PER_S);
	one(out, "generation", "gauge", "The generation that orders want in force.",
	    orders_generation(e->orders));
	one(out, "incidents", "gauge", "Incidents that are known.", e->n_incidents);
	one(out, "flows_total", "counter", "Flow records, without snapshots.", c->flows);
	one(out, "snapshots_total", "counter", "Records of flows that went on.", c->snapshots);
	one(out, "transactions_total", "counter", "Transactions.", c->transactions);
	one(out, "detections_total", "counter", "Detections, each time that one was told.", c->detections);
	one(out, "findings_untold_total", "counter",
	    "Findings, each time that there was no room to tell of one.",
	    detector_stats(e->detector)->untold);
	one(out, "detector_forgotten_total", "counter", "State that the detector dropped at a bound.",
	    detector_stats(e->detector)->forgotten);
	one(out, "orders_by_policy_total", "counter", "Orders that policy made.", c->orders_by_policy);
	one(out, "policy_declined_total", "counter",
	    "Detections that a row of policy named and that cut nothing.", c->policy_declined);
	one(out, "orders_refused_total", "counter", "Orders that an enforcer refused.", c->orders_refused);
	one(out, "sights_total", "counter", "Sights of packets that a cut should have stopped.", c->sights);
	one(out, "records_durable_total", "counter", "Records and acts that are known to be on disk.",
	    e->durable);
	one(out, "records_waiting", "gauge", "Records and acts given to the archivist that aren't yet.",
	    e->sent - e->durable);
	one(out, "records_lost_total", "counter", "Records that found no room on the way to the archive.",
	    c->unarchived);
	one(out, "eve_lines_total", "counter", "Lines of EVE JSON, of each outlet.", c->eve_lines);
	one(out, "eve_lost_total", "counter", "Lines of EVE JSON that found no room.", c->eve_lost);
	one(out, "archive_failing", "gauge", "1: the archive takes nothing just now.", e->archive_failed);
	one(out, "order_store_failing", "gauge", "1: orders can't be stored just now.", e->store_failed);
	one(out, "webhook_posts_total", "counter", "Webhook calls that arrived.", c->posted);
	one(out, "webhook_failures_total", "counter", "Webhook calls that didn't.", c->post_failures);
}
