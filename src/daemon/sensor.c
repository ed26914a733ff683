/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sensor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "daemon/sensor_parts.h"

void sensor_keep_error(struct sensor *s, int error)
{
	if (error < 0 && s->error == 0)
		s->error = error;
}

/* Events after which there may be a packet inside that nobody read. */
static bool is_unreadable(const struct packet *p)
{
	return p->n_layers == 0 && (p->events & ~(UINT64_C(1) << DECODE_EVENT_ETHERTYPE_UNKNOWN |
	                                            UINT64_C(1) << DECODE_EVENT_LLC_UNKNOWN)) != 0;
}

uint64_t sensor_next_id(void *context)
{
	struct sensor *s = context;
	return s->sink.next_id(s->sink.context);
}

static void on_start(void *context, struct flow *f)
{
	struct sensor *s = context;
	proto_flow_start(s->proto, f);
}

static bool on_data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	struct sensor *s = context;
	return proto_flow_data(s->proto, f, dir, p, n, gap, time_ns);
}

/* Payload that stands in no flow's record: each such packet counts as a full one in the bounds. */
static void on_lost(void *context, uint16_t vantage, uint64_t packets)
{
	struct sensor *s = context;
	sensor_vantage(s, vantage)->counts.unreadable += packets;
}

static void on_transaction(void *context, const struct proto_transaction *t)
{
	struct msg_transaction m = {
	    .app = (uint16_t)t->app, .time = t->time_ns, .fields = {.v = t->fields, .n = (uint32_t)t->n}};
	sensor_tell(context, t->flow, &m);
}

static struct flow_table *on_table(void *context)
{
	struct sensor *s = context;
	return s->flows;
}

static struct msg_flow record_of(const struct flow *f, enum flow_end how)
{
	const struct flow_side *out = &f->side[FLOW_FORWARD], *in = &f->side[FLOW_REVERSE];
	return (struct msg_flow){
	    .id = f->id,
	    .parent = f->parent,
	    .related = f->related,
	    .vantage = f->vantage,
	    .protocol = f->protocol,
	    .initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_port = f->initiator_port,
	    .responder_port = f->responder_port,
	    .initiator_mac = f->initiator_mac,
	    .responder_mac = f->responder_mac,
	    .vlan = f->vlan,
	    .first = f->first_ns,
	    .last = f->last_ns,
	    .established = f->established_ns,
	    .packets_out = out->packets,
	    .packets_in = in->packets,
	    .wire_out = out->wire_bytes,
	    .wire_in = in->wire_bytes,
	    .payload_out = out->payload,
	    .payload_in = in->payload,
	    .retransmitted_out = out->retransmitted,
	    .retransmitted_in = in->retransmitted,
	    .missing_out = out->missing,
	    .missing_in = in->missing,
	    .tcp_flags_out = f->tcp_flags[FLOW_FORWARD],
	    .tcp_flags_in = f->tcp_flags[FLOW_REVERSE],
	    .tcp_state = f->tcp,
	    .end = (uint8_t)how,
	    .flags = f->flags,
	    .events = f->events,
	    .app = f->app,
	};
}

/* Look-ups are most of all transactions and stand for themselves. Others are told one after the other, then
 * their flow's record: what a login or a request led to is known by then. */
static bool stands_alone(const struct flow *f, const struct msg_transaction *t)
{
	return t->app == APP_DNS && f->protocol == PACKET_UDP;
}

void sensor_tell(struct sensor *s, const struct flow *f, struct msg_transaction *t)
{
	if (s->closing)
		return;
	t->id = sensor_next_id(s);
	t->flow = f->id;
	s->fresh_flow = t->flow;
	if (s->is_live) {
		flow_table_tell(s->flows, f);
	} else if (s->n_vantages == 1 && stands_alone(f, t)) {
		struct msg_flow m = record_of(f, FLOW_END_NONE);
		m.last = t->time > m.last ? t->time : m.last; /* of a packet that is still being taken */
		sensor_keep_error(s, merge_transaction_now(s->merge, &m, t));
		return;
	}
	sensor_keep_error(s, merge_transaction(s->merge, t));
}

struct vantage *sensor_vantage(struct sensor *s, uint16_t vantage)
{
	/* the last entry takes what a capture set doesn't give: numbers beyond its own bound */
	size_t i = vantage < CAPTURE_VANTAGES_MAX ? vantage : CAPTURE_VANTAGES_MAX;
	return &s->vantages[i];
}

uint16_t sensor_flow_vantage(const struct sensor *s, uint16_t vantage)
{
	bool own = s->n_gateways > 1 && vantage < CAPTURE_VANTAGES_MAX && s->vantages[vantage].watched &&
	           !s->vantages[vantage].tap;
	return own ? s->gateway : vantage;
}

/* Which of a gateway's links lost what is missing isn't known: each of them may have. */
static void count_missing(struct sensor *s, const struct flow *f)
{
	uint64_t missing = f->side[FLOW_FORWARD].missing + f->side[FLOW_REVERSE].missing;
	if (missing == 0)
		return;
	for (uint16_t i = 0; s->n_gateways > 1 && f->vantage == s->gateway && i < CAPTURE_VANTAGES_MAX; i++)
		if (i != s->gateway && sensor_flow_vantage(s, i) == s->gateway)
			s->vantages[i].counts.missing += missing;
	sensor_vantage(s, f->vantage)->counts.missing += missing;
}

static void on_end(void *context, struct flow *f, enum flow_end how)
{
	struct sensor *s = context;
	if (how == FLOW_END_NONE) {
		struct msg_flow m = record_of(f, how);
		sensor_live_snapshot(s, &m);
		return;
	}
	proto_flow_end(s->proto, f, s->now);
	if (s->closing)
		return;
	sensor_vantage(s, f->vantage)->counts.evicted += how == FLOW_END_EVICTED;
	count_missing(s, f);
	struct msg_flow m = record_of(f, how);
	sensor_keep_error(s, merge_flow(s->merge, &m, s->n_vantages, s->now));
}

static void on_soon(void *context, const struct flow *f, bool again)
{
	const struct sensor *s = context;
	if (!again)
		proto_flow_soon(f);
	merge_flow_soon(s->merge, f->id, again);
	if (s->sink.soon)
		s->sink.soon(s->sink.context, f, again);
}

int sensor_new(struct sensor **ret_sensor, const struct sensor_limits *limits, uint64_t seed,
    const struct sensor_sink *sink)
{
	struct sensor *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink = *sink;
	s->zones = limits->zones;
	s->vantages = calloc(CAPTURE_VANTAGES_MAX + 1, sizeof(*s->vantages));
	struct flow_table_config flows = {.flows_max = limits->flows_max,
	    .reassembly_memory = limits->reassembly_memory,
	    .recent_memory = limits->recent_memory,
	    .seed = seed,
	    .next_id = sensor_next_id,
	    .start = on_start,
	    .data = on_data,
	    .end = on_end,
	    .soon = on_soon,
	    .conflict = sensor_stream_conflict,
	    .overlap = sensor_overlap,
	    .context = s};
	struct proto_config proto = {
	    .memory_max = limits->proto_memory, .emit = on_transaction, .context = s, .table = on_table};
	struct merge_config merge = {.memory_max = limits->merge_memory,
	    .seed = seed,
	    .transaction = sink->transaction,
	    .flow = sink->flow,
	    .context = sink->context};
	if (limits->live)
		sensor_live_start(s, limits->live, &flows, &merge);
	const struct decode_config decode = {
	    .seed = seed, .overlap = sensor_overlap, .lost = on_lost, .context = s};
	int r = s->vantages ? decoder_new(&s->decoder, &decode) : -ENOMEM;
	if (r == 0)
		r = flow_table_new(&s->flows, &flows);
	if (r == 0)
		r = proto_new(&s->proto, &proto);
	if (r == 0)
		r = merge_new(&s->merge, &merge);
	if (r == 0)
		r = table_new(&s->bindings, sizeof(struct binding_key), sizeof(struct binding_seen),
		    SENSOR_BINDINGS_MAX, seed);
	if (r == 0 && limits->live)
		r = decoder_new(&s->leaving, &(struct decode_config){.seed = seed});
	if (r < 0) {
		sensor_free(s);
		return r;
	}
	*ret_sensor = s;
	return 0;
}

void sensor_set_zones(struct sensor *s, const struct net_zone_map *zones)
{
	s->zones = zones;
}

void sensor_free(struct sensor *s)
{
	if (!s)
		return;
	/* after an error flows are still open, and their parsers' state hangs on them */
	s->closing = true;
	if (s->flows && s->proto)
		flow_table_flush(s->flows);
	flow_table_free(s->flows);
	proto_free(s->proto);
	merge_free(s->merge);
	decoder_free(s->decoder);
	decoder_free(s->leaving);
	table_free(s->bindings);
	free(s->vantages);
	free(s);
}

static void take_binding(struct sensor *s, const struct packet *p)
{
	const struct packet_binding *b = &p->binding;
	struct binding_key key = {.addr = b->addr, .mac = b->mac, .source = (uint8_t)b->source};
	int fresh;
	if (b->name.n)
		memcpy(key.name, b->name.p, b->name.n < SENSOR_NAME_MAX ? b->name.n : SENSOR_NAME_MAX);
	if (s->is_live) {
		sensor_live_binding(s, &key, p);
		return;
	}
	struct binding_seen *seen = table_put(s->bindings, &key, &fresh);
	if (!seen) {
		s->bindings_lost++;
		return;
	}
	if (fresh)
		*seen = (struct binding_seen){.first = p->time_ns, .vantage = s->at};
	seen->last = p->time_ns;
}

/* One decoded packet into its flows. */
static int take_packet(struct sensor *s, const struct packet *p)
{
	if (p->time_ns > s->now)
		s->now = p->time_ns;
	if (p->events) {
		struct sensor_vantage_counts *counts = &sensor_vantage(s, s->at)->counts;
		counts->malformed++;
		counts->unreadable += is_unreadable(p);
	}
	if (p->binding.source != PACKET_BINDING_NONE)
		take_binding(s, p);
	if (p->n_layers == 0)
		return 0;
	struct flow *f;
	int r = flow_table_packet(s->flows, p, &f);
	if (p->conflict)
		sensor_fragment_conflict(s, f, p->conflict);
	if (s->watch && s->watch->n && sensor_vantage(s, p->vantage)->tap)
		sensor_live_look(s, p, f);
	return r;
}

int sensor_look(struct sensor *s)
{
	if (s->now >= s->next_look) {
		s->next_look = s->now + NS_PER_S;
		flow_table_expire(s->flows, s->now);
		sensor_keep_error(s, merge_expire(s->merge, s->now));
	}
	return s->error;
}

int sensor_frame(struct sensor *s, const struct capture_frame *f, size_t vantages)
{
	struct packet p;
	if (s->error < 0)
		return s->error;
	s->n_vantages = vantages - (s->n_gateways ? s->n_gateways - 1 : 0);
	s->at = f->vantage;
	if (s->is_live)
		sensor_live_count(s, f);
	int r = decoder_frame(s->decoder, f->linktype, f->data, f->caplen, f->wirelen, f->time_ns,
	    sensor_flow_vantage(s, f->vantage), &p);
	/* an aggregate of 802.11 holds several packets */
	for (int more = 1; r >= 0 && more > 0;) {
		r = take_packet(s, &p);
		more = r < 0 ? 0 : decoder_more(s->decoder, &p);
		if (more < 0)
			r = more;
	}
	if (r < 0)
		return r;
	return sensor_look(s);
}

int sensor_give_binding(struct sensor *s, const struct binding_key *key, const struct binding_seen *seen)
{
	struct msg_binding b = {.id = sensor_next_id(s),
	    .first = seen->first + s->shift,
	    .last = seen->last + s->shift,
	    .addr = key->addr,
	    .mac = key->mac,
	    .name = text_bytes(key->name, strnlen(key->name, SENSOR_NAME_MAX)),
	    .source = key->source,
	    .vantage = seen->vantage};
	return s->sink.binding(s->sink.context, &b);
}

static int give_bindings(struct sensor *s)
{
	size_t pos = 0;
	const void *key;
	int r = 0;
	for (struct binding_seen *seen; r == 0 && (seen = table_next(s->bindings, &pos, &key));)
		if (!seen->told || seen->last > seen->told)
			r = sensor_give_binding(s, key, seen);
	return r;
}

int sensor_finish(struct sensor *s)
{
	decoder_flush(s->decoder);
	flow_table_flush(s->flows);
	sensor_keep_error(s, merge_flush(s->merge));
	if (s->error == 0)
		sensor_keep_error(s, give_bindings(s));
	if (s->error == 0 && s->is_live)
		sensor_keep_error(s, sensor_live_coverage(s, s->now));
	return s->error;
}

struct sensor_vantage_counts sensor_vantage_counts(const struct sensor *s, uint16_t vantage)
{
	return vantage < CAPTURE_VANTAGES_MAX ? s->vantages[vantage].counts
	                                      : (struct sensor_vantage_counts){0};
}

void sensor_get_stats(const struct sensor *s, struct sensor_stats *ret_stats)
{
	const struct merge_stats *merge = merge_stats(s->merge);
	*ret_stats = (struct sensor_stats){.decode = decoder_stats(s->decoder),
	    .flow = flow_table_stats(s->flows),
	    .proto = proto_stats(s->proto),
	    .conflicts = s->conflicts,
	    .duplicates = merge->duplicates,
	    .merged_early = merge->early,
	    .transactions_lost = merge->transactions_lost,
	    .bindings_lost = s->bindings_lost,
	    .snapshots = merge->snapshots,
	    .snapshots_skipped = s->snapshots_skipped,
	    .snapshots_held = merge->snapshots_held,
	    .snapshots_untold = merge->snapshots_untold};
}
