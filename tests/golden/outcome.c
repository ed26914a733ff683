/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * outcome [--overlap PREFIX=HOW]... [--flows N] [--fragments N] CAPTURE: what the sensor makes of a capture,
 * as one JSON value, for cases.py to hold against what it must be. Two passes: decoder and flow table alone,
 * whose streams are written down; then the whole sensor, whose records are. Both must count the same.
 */

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/num.h"
#include "capture/capture.h"
#include "daemon/sensor.h"
#include "decode/decode.h"
#include "flow/flow.h"
#include "net/zone.h"

enum { STREAMS_MAX = 4096 };

/* What one flow was seen to carry: lists of texts and of numbers, which are gaps. */
struct streams {
	json_t *dir[2];
};

struct pass {
	uint64_t ids;
	struct streams streams[STREAMS_MAX]; /* by id */
	json_t *flows, *transactions;
	uint64_t payload;
	const struct net_zone_map *zones;
};

static uint64_t next_id(void *context)
{
	struct pass *p = context;
	return ++p->ids;
}

static void start(void *context, struct flow *f)
{
	struct pass *p = context;
	for (int dir = 0; dir < 2 && f->id < STREAMS_MAX; dir++)
		p->streams[f->id].dir[dir] = json_array();
}

/* Bytes as the code points of the same numbers. */
static void append(struct dynbuf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t two[2] = {(uint8_t)(0xc0 | p[i] >> 6), (uint8_t)(0x80 | (p[i] & 0x3f))};
		dynbuf_append(b, p[i] < 0x80 ? &p[i] : two, p[i] < 0x80 ? 1 : 2);
	}
}

static json_t *bytes_of(const void *p, size_t n)
{
	struct dynbuf b = {0};
	append(&b, p, n);
	json_t *j = json_stringn(b.n ? (const char *)b.p : "", b.n);
	dynbuf_free(&b);
	return j;
}

static bool data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n, uint64_t gap,
    int64_t time_ns)
{
	struct pass *pass = context;
	(void)time_ns;
	if (f->id >= STREAMS_MAX)
		return false;
	json_t *list = pass->streams[f->id].dir[dir];
	if (gap)
		json_array_append_new(list, json_integer((json_int_t)gap));
	size_t last = json_array_size(list);
	json_t *before = last ? json_array_get(list, last - 1) : NULL;
	if (n && json_is_string(before)) {
		struct dynbuf b = {0};
		dynbuf_append(&b, json_string_value(before), json_string_length(before));
		append(&b, p, n);
		json_array_set_new(list, last - 1, json_stringn((const char *)b.p, b.n));
		dynbuf_free(&b);
	} else if (n) {
		json_array_append_new(list, bytes_of(p, n));
	}
	return true;
}

static json_t *flags_of(uint32_t flags)
{
	static const char *const names[] = {"midstream", "guessed", "cut", "depth_reached", "memory_reached",
	    "overlap_conflict", "sequence_anomaly", "tunnel", "one_way", "answered", "expected", "doubtful",
	    "after_end"};
	json_t *list = json_array();
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags >> i & 1)
			json_array_append_new(list, json_string(names[i]));
	return list;
}

static json_t *events_of(uint64_t events)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < DECODE_EVENT_COUNT; i++)
		if (events >> i & 1)
			json_array_append_new(list, json_string(decode_event_name((enum decode_event)i)));
	return list;
}

static json_t *end_of(struct net_addr a, uint16_t port)
{
	char text[NET_ADDR_TEXT_SIZE];
	return json_sprintf("%s %u", net_addr_text(a, text), port);
}

static void end(void *context, struct flow *f, enum flow_end how)
{
	struct pass *p = context;
	json_t *j = json_pack("{s:o, s:o, s:i, s:s, s:s, s:o, s:o}", "initiator",
	    end_of(f->initiator, f->initiator_port), "responder", end_of(f->responder, f->responder_port),
	    "protocol", f->protocol, "state", flow_tcp_state_name(f->tcp), "end", flow_end_name(how), "flags",
	    flags_of(f->flags), "events", events_of(f->events));
	static const char *const names[] = {"out", "in"};
	for (int dir = 0; dir < 2; dir++) {
		const struct flow_side *s = &f->side[dir];
		p->payload += s->payload;
		json_t *side = json_pack("{s:I, s:I, s:I, s:I}", "packets", (json_int_t)s->packets, "payload",
		    (json_int_t)s->payload, "retransmitted", (json_int_t)s->retransmitted, "missing",
		    (json_int_t)s->missing);
		if (f->id < STREAMS_MAX)
			json_object_set_new(side, "stream", p->streams[f->id].dir[dir]);
		json_object_set_new(j, names[dir], side);
	}
	json_array_append_new(p->flows, j);
}

static int take_flow(void *context, const struct msg_flow *f)
{
	struct pass *p = context;
	if (!f->duplicate_of)
		p->payload += f->payload_out + f->payload_in;
	return 0;
}

static int take_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct pass *p = context;
	json_t *fields = json_object();
	(void)f;
	for (uint32_t i = 0; i < t->fields.n; i++) {
		const struct field_value *v = &t->fields.v[i];
		json_object_set_new(fields, field_name(v->field), bytes_of(v->value.p, v->value.n));
	}
	json_array_append_new(
	    p->transactions, json_pack("{s:s, s:o}", "app", app_name(t->app), "fields", fields));
	return 0;
}

static int take_binding(void *context, const struct msg_binding *b)
{
	(void)context;
	(void)b;
	return 0;
}

static enum net_overlap overlap(void *context, struct net_addr receiver)
{
	const struct pass *p = context;
	return net_zone_at(p->zones, net_zone_of(p->zones, receiver))->overlap;
}

struct options {
	struct net_zone_map *zones;
	uint64_t flows, fragments;
	const char *path;
};

static struct capture_set *open_set(const char *path)
{
	struct capture_set *set;
	char why[160];
	if (capture_set_new(&set) < 0)
		exit(2);
	if (capture_set_add(set, -1, path, why) < 0) {
		fprintf(stderr, "%s: %s\n", path, why);
		exit(2);
	}
	return set;
}

static void put_count(json_t *counts, const char *name, uint64_t n)
{
	if (n)
		json_object_set_new(counts, name, json_integer((json_int_t)n));
}

static void pass_streams(const struct options *o, struct pass *p, json_t *result)
{
	struct flow_table_config config = {.flows_max = o->flows,
	    .seed = 1,
	    .next_id = next_id,
	    .start = start,
	    .data = data,
	    .end = end,
	    .overlap = overlap,
	    .context = p};
	struct decode_config decode = {
	    .seed = 1, .fragments_max = o->fragments, .overlap = overlap, .context = p};
	struct capture_set *set = open_set(o->path);
	struct flow_table *t;
	struct decoder *d;
	struct capture_frame f;
	struct packet packet;
	if (flow_table_new(&t, &config) < 0 || decoder_new(&d, &decode) < 0)
		exit(2);
	while (capture_set_next(set, &f) > 0) {
		int more = decoder_frame(
		    d, f.linktype, f.data, f.caplen, f.wirelen, f.time_ns, f.vantage, &packet);
		for (more = more == 0; more > 0; more = decoder_more(d, &packet))
			if (packet.n_layers)
				flow_table_packet(t, &packet, NULL);
	}
	flow_table_flush(t);
	json_t *counts = json_object();
	const struct flow_stats *s = flow_table_stats(t);
	put_count(counts, "evicted", s->evicted);
	put_count(counts, "conflicts", s->conflicts);
	put_count(counts, "doubtful", s->doubtful);
	put_count(counts, "past_hole", s->past_hole);
	put_count(counts, "reassembled", decoder_stats(d)->reassembled);
	for (int i = 0; i < DECODE_EVENT_COUNT; i++)
		put_count(counts, decode_event_name((enum decode_event)i), decoder_stats(d)->events[i]);
	json_object_set_new(result, "counts", counts);
	flow_table_free(t);
	decoder_free(d);
	capture_set_free(set);
}

static void pass_sensor(const struct options *o, struct pass *p, json_t *result)
{
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = take_transaction,
	    .flow = take_flow,
	    .binding = take_binding,
	    .context = p};
	const struct sensor_limits limits = {.flows_max = o->flows, .zones = o->zones};
	struct capture_set *set = open_set(o->path);
	struct sensor *s;
	struct capture_frame f;
	if (sensor_new(&s, &limits, 1, &sink) < 0)
		exit(2);
	while (capture_set_next(set, &f) > 0)
		if (sensor_frame(s, &f, capture_set_vantages(set)) < 0)
			exit(2);
	if (sensor_finish(s) < 0)
		exit(2);
	const struct capture_vantage *v = capture_set_vantage(set, 0);
	struct sensor_vantage_counts c = sensor_vantage_counts(s, 0);
	json_object_set_new(result, "coverage",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "packets", (json_int_t)v->packets, "cut",
	        (json_int_t)v->cut, "malformed", (json_int_t)c.malformed, "unreadable",
	        (json_int_t)c.unreadable, "evicted", (json_int_t)c.evicted, "missing",
	        (json_int_t)c.missing));
	sensor_free(s);
	capture_set_free(set);
}

static void take_overlap(struct options *o, char *text)
{
	struct net_prefix prefix;
	enum net_overlap how;
	uint16_t zone;
	char *equals = strchr(text, '=');
	if (!equals || net_prefix_parse(text_bytes(text, (size_t)(equals - text)), &prefix) < 0 ||
	    net_overlap_parse(text_of(equals + 1), &how) < 0 ||
	    net_zone_map_add(o->zones, text, NET_ZONE_INTERNAL, &zone) < 0 ||
	    net_zone_map_add_prefix(o->zones, zone, prefix) < 0)
		exit(2);
	net_zone_map_set_overlap(o->zones, zone, how);
}

int main(int argc, char **argv)
{
	static struct pass streams, sensor;
	struct options o = {0};
	if (net_zone_map_new(&o.zones) < 0)
		return 2;
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (more && strcmp(argv[i], "--overlap") == 0)
			take_overlap(&o, argv[++i]);
		else if (more && strcmp(argv[i], "--flows") == 0)
			(void)num_parse_u64(text_of(argv[++i]), UINT32_MAX, &o.flows);
		else if (more && strcmp(argv[i], "--fragments") == 0)
			(void)num_parse_u64(text_of(argv[++i]), UINT32_MAX, &o.fragments);
		else
			o.path = argv[i];
	}
	if (!o.path)
		return 2;
	json_t *result = json_object();
	streams.flows = json_array();
	sensor.transactions = json_array();
	streams.zones = sensor.zones = o.zones;
	pass_streams(&o, &streams, result);
	pass_sensor(&o, &sensor, result);
	assert(o.fragments || streams.payload == sensor.payload);
	json_object_set_new(result, "flows", streams.flows);
	json_object_set_new(result, "transactions", sensor.transactions);
	json_dumpf(result, stdout, JSON_INDENT(1));
	json_decref(result);
	net_zone_map_free(o.zones);
	return 0;
}
