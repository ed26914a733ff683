/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the sensor does for whoever watches live: doc/capture.md. */

#include "base/err.h"
#include "base/timefmt.h"
#include "daemon/sensor_parts.h"

enum {
	SNAPSHOTS_PER_S = 100000,
	BINDINGS_PER_S = 1000,
	ICMP_UNREACHABLE = 3,
	ICMP_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMPV6_ERRORS = 127, /* types up to it (RFC 4443, 2.1) */
};
#define SNAPSHOT_NS       (60 * NS_PER_S)
#define COVERAGE_NS       (10 * NS_PER_S)
#define BINDING_AGAIN_NS  (300 * NS_PER_S) /* one that stays is told again so often */
#define BINDING_FORGET_NS (900 * NS_PER_S)

static int on_flow(void *context, const struct msg_flow *f)
{
	struct sensor *s = context;
	struct msg_flow told = *f;
	told.first += s->shift;
	told.last += s->shift;
	told.established += told.established ? s->shift : 0;
	return s->sink.flow(s->sink.context, &told);
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct sensor *s = context;
	struct msg_flow of = *f;
	struct msg_transaction told = *t;
	of.first += s->shift;
	of.last += s->shift;
	of.established += of.established ? s->shift : 0;
	told.time += s->shift;
	return s->sink.transaction(s->sink.context, &of, &told);
}

void sensor_live_start(struct sensor *s, const struct sensor_live *live, struct flow_table_config *flows,
    struct merge_config *merge)
{
	s->is_live = true;
	s->live = *live;
	s->watch = live->watch;
	if (!s->live.snapshot_ns)
		s->live.snapshot_ns = SNAPSHOT_NS;
	if (!s->live.coverage_ns)
		s->live.coverage_ns = COVERAGE_NS;
	if (!s->live.snapshots_per_s)
		s->live.snapshots_per_s = SNAPSHOTS_PER_S;
	if (!s->live.bindings_per_s)
		s->live.bindings_per_s = BINDINGS_PER_S;
	flows->snapshots = true;
	flows->timeouts.active_ns = s->live.snapshot_ns;
	merge->transaction = on_transaction;
	merge->flow = on_flow;
	merge->context = s;
}

/* The rates' seconds; a clock that stands still gives no more. */
static void rates_renew(struct sensor *s)
{
	if (s->now < s->next_second)
		return;
	s->next_second = s->now + NS_PER_S;
	s->snapshots_left = s->live.snapshots_per_s;
	s->bindings_left = s->live.bindings_per_s;
}

void sensor_live_snapshot(struct sensor *s, const struct msg_flow *f)
{
	rates_renew(s);
	if (s->snapshots_left == 0 && s->fresh_flow != f->id) {
		s->snapshots_skipped++;
		return;
	}
	s->snapshots_left -= s->snapshots_left > 0;
	s->fresh_flow = 0;
	sensor_keep_error(s, merge_snapshot(s->merge, f, s->n_vantages));
}

/* Tells of a binding if the rate allows; else it waits for the next tick. */
static void binding_tell(struct sensor *s, const struct binding_key *key, struct binding_seen *seen)
{
	bool waited = seen->pending;
	rates_renew(s);
	seen->pending = s->bindings_left == 0;
	s->bindings_pending += seen->pending;
	s->bindings_pending -= waited;
	if (seen->pending)
		return;
	s->bindings_left--;
	seen->told = seen->last;
	sensor_keep_error(s, sensor_give_binding(s, key, seen));
}

/* All that is known was told, or is lost: whoever is still there will be told of again. */
static void bindings_forget(struct sensor *s)
{
	s->bindings_lost += s->bindings_pending;
	s->bindings_pending = 0;
	table_clear(s->bindings);
}

void sensor_live_binding(struct sensor *s, const struct binding_key *key, const struct packet *p)
{
	int fresh;
	struct binding_seen *seen = table_put(s->bindings, key, &fresh);
	if (!seen) {
		bindings_forget(s);
		seen = table_put(s->bindings, key, &fresh);
	}
	if (!seen) {
		s->bindings_lost++;
		return;
	}
	bool again = !fresh && seen->told && p->time_ns - seen->told >= BINDING_AGAIN_NS;
	if (fresh || again)
		*seen = (struct binding_seen){.first = p->time_ns, .vantage = s->at};
	seen->last = p->time_ns;
	if (fresh || again)
		binding_tell(s, key, seen);
}

/* Tells what waited, and forgets what wasn't seen for long. */
static void bindings_tick(struct sensor *s)
{
	bool crowded = table_count(s->bindings) > SENSOR_BINDINGS_MAX / 2;
	size_t pos = 0;
	const void *at;
	if (!crowded && s->bindings_pending == 0)
		return;
	for (struct binding_seen *seen; (seen = table_next(s->bindings, &pos, &at));) {
		if (seen->pending) {
			binding_tell(s, at, seen);
		} else if (crowded && s->now - seen->last > BINDING_FORGET_NS) {
			struct binding_key key = *(const struct binding_key *)at;
			table_remove(s->bindings, &key);
		}
	}
}

int sensor_add_vantage(struct sensor *s, uint16_t vantage, bool tap, int64_t now)
{
	if (vantage >= CAPTURE_VANTAGES_MAX)
		return -ERR_LIMIT;
	struct vantage *v = sensor_vantage(s, vantage);
	if (!tap && (!v->watched || v->tap)) {
		s->gateway = s->n_gateways == 0 ? vantage : s->gateway;
		s->n_gateways++;
	}
	v->watched = true;
	v->tap = tap;
	if (!s->covered)
		s->covered = now;
	if (now > s->now)
		s->now = now;
	return 0;
}

void sensor_live_count(struct sensor *s, const struct capture_frame *f)
{
	struct vantage *v = sensor_vantage(s, f->vantage);
	v->packets++;
	v->bytes += f->wirelen;
	v->cut += f->caplen < f->wirelen;
}

void sensor_lost(struct sensor *s, uint16_t vantage, uint64_t packets)
{
	sensor_vantage(s, vantage)->dropped += packets;
}

static int give_coverage(struct sensor *s, uint16_t vantage, int64_t now)
{
	struct vantage *v = sensor_vantage(s, vantage);
	const struct sensor_vantage_counts *all = &v->counts, *told = &v->covered;
	struct msg_coverage c = {.id = sensor_next_id(s),
	    .vantage = vantage,
	    .from = s->covered + s->shift,
	    .to = now + s->shift,
	    .packets = v->packets,
	    .bytes = v->bytes,
	    .dropped = v->dropped,
	    .cut = v->cut,
	    .malformed = all->malformed - told->malformed,
	    .unreadable = all->unreadable - told->unreadable,
	    .evicted = all->evicted - told->evicted,
	    .missing = all->missing - told->missing};
	v->packets = v->bytes = v->cut = v->dropped = 0;
	v->covered = v->counts;
	return s->sink.coverage(s->sink.context, &c);
}

int sensor_live_coverage(struct sensor *s, int64_t now)
{
	int r = 0;
	for (uint32_t i = 0; i < CAPTURE_VANTAGES_MAX && r == 0; i++)
		if (s->vantages[i].watched)
			r = give_coverage(s, (uint16_t)i, now);
	s->covered = now;
	return r;
}

int sensor_tick(struct sensor *s, int64_t now)
{
	if (now > s->now)
		s->now = now;
	rates_renew(s);
	bindings_tick(s);
	if (s->error == 0 && s->now - s->covered >= s->live.coverage_ns)
		sensor_keep_error(s, sensor_live_coverage(s, s->now));
	return s->error < 0 ? s->error : sensor_look(s);
}

int sensor_set_shift(struct sensor *s, int64_t now, int64_t shift)
{
	if (shift == s->shift)
		return s->error;
	if (now > s->now)
		s->now = now;
	if (s->error == 0)
		sensor_keep_error(s, sensor_live_coverage(s, s->now));
	s->shift = shift;
	return s->error;
}

/* What tells that something was stopped goes on in spite of the cut, and because of it. */
static bool is_refusal(const struct packet *p, uint8_t layer)
{
	const struct packet_layer *l = &p->layers[layer];
	bool innermost = layer + 1 == p->n_layers;
	if (l->protocol == PACKET_TCP)
		return innermost && l->has_ports && p->tcp.flags & PACKET_TCP_RST;
	if (l->protocol == PACKET_ICMP)
		return l->src_port == ICMP_UNREACHABLE || l->src_port == ICMP_EXCEEDED ||
		       l->src_port == ICMP_PARAMETER;
	return l->protocol == PACKET_ICMPV6 && l->src_port <= ICMPV6_ERRORS;
}

void sensor_live_look(struct sensor *s, const struct packet *p, struct flow *f)
{
	for (uint8_t i = 0; i < p->n_layers; i++) {
		const struct packet_layer *l = &p->layers[i];
		enum flow_dir dir = FLOW_FORWARD;
		struct flow *of = f;
		if (i + 1 < p->n_layers)
			of = flow_table_find(s->flows, p, i, &dir);
		else
			dir = net_addr_equal(l->src, f->initiator) ? FLOW_FORWARD : FLOW_REVERSE;
		if (of && watch_cares(s->watch, of) && !is_refusal(p, i))
			watch_flow(s->watch, of,
			    &(struct watch_packet){
			        .forward = dir == FLOW_FORWARD, .tap = true, .time = p->time_ns});
	}
}

/* A frame that left: of a flow that came in, or of none. */
static void look_at_leaving(struct sensor *s, const struct packet *p, uint8_t layer)
{
	const struct packet_layer *l = &p->layers[layer];
	enum flow_dir dir;
	if (is_refusal(p, layer))
		return;
	struct flow *f = flow_table_find(s->flows, p, layer, &dir);
	if (f) {
		if (watch_cares(s->watch, f))
			watch_flow(s->watch, f,
			    &(struct watch_packet){.forward = dir == FLOW_FORWARD, .time = p->time_ns});
		return;
	}
	struct watch_sight sight = {.kind = WATCH_LEFT,
	    .initiator = l->src,
	    .responder = l->dst,
	    .initiator_port = l->has_ports ? l->src_port : 0,
	    .responder_port = l->has_ports ? l->dst_port : 0,
	    .protocol = l->protocol,
	    .vantage = s->at};
	watch_stray(s->watch, &sight, p->time_ns);
}

int sensor_outgoing(struct sensor *s, const struct capture_frame *f)
{
	struct packet p;
	if (!s->watch || s->watch->n == 0)
		return s->error;
	s->at = f->vantage;
	int r = decoder_frame(s->leaving, f->linktype, f->data, f->caplen, f->wirelen, f->time_ns,
	    sensor_flow_vantage(s, f->vantage), &p);
	for (int more = 1; r >= 0 && more > 0;) {
		for (uint8_t i = 0; i < p.n_layers; i++)
			look_at_leaving(s, &p, i);
		more = decoder_more(s->leaving, &p);
		if (more < 0)
			r = more;
	}
	return r < 0 ? r : s->error;
}
