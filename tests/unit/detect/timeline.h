/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_DETECT_TIMELINE_H
#define TESTS_UNIT_DETECT_TIMELINE_H

/*
 * Scripted timelines: records given to a detector at simulated times, and the last state of each detection
 * that came out. Zones: 10.1.0.0/16 office, 10.2.0.0/16 vault (protected), 10.3.0.0/16 edge
 * (dmz), 10.4.0.0/16 admin (management), the rest outside.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "detect/detect.h"
#include "flow/flow.h"
#include "net/app.h"

enum { TIMELINE_MAX = 4096, TIMELINE_FIELDS_MAX = 16 };

#define AT(seconds) (INT64_C(1700000000) * NS_PER_S + (int64_t)((seconds)*1e9))

struct seen {
	uint64_t id;
	char name[40], technique[16], why[320];
	double confidence;
	struct net_addr asset, peer;
	uint8_t asset_role, peer_role, source, tlp;
	uint64_t count;
	uint32_t n_flows;
	unsigned emitted;
};

struct timeline {
	struct net_zone_map *zones;
	struct detector *detector;
	uint64_t next_id;
	struct seen seen[TIMELINE_MAX];
	size_t n;
};

static inline struct net_addr addr_of(const char *s)
{
	struct net_addr a;
	assert_int_equal(net_addr_parse(text_of(s), &a), 0);
	return a;
}

static inline uint64_t timeline_id(void *context)
{
	struct timeline *t = context;
	return ++t->next_id;
}

static inline void timeline_take(void *context, const struct msg_detection *d)
{
	struct timeline *t = context;
	struct seen *s = NULL;
	for (size_t i = 0; i < t->n && !s; i++)
		if (t->seen[i].id == d->id)
			s = &t->seen[i];
	if (!s && t->n < TIMELINE_MAX)
		s = &t->seen[t->n++];
	assert_non_null(s);
	unsigned emitted = s->emitted + 1;
	*s = (struct seen){.id = d->id,
	    .confidence = d->confidence,
	    .asset = d->asset,
	    .peer = d->peer,
	    .asset_role = d->asset_role,
	    .peer_role = d->peer_role,
	    .source = d->source,
	    .tlp = d->tlp,
	    .count = d->count,
	    .n_flows = d->flows.n,
	    .emitted = emitted};
	snprintf(s->name, sizeof(s->name), "%.*s", (int)d->name.n, d->name.p);
	snprintf(s->technique, sizeof(s->technique), "%.*s", (int)d->technique.n, d->technique.p);
	snprintf(s->why, sizeof(s->why), "%.*s", (int)d->why.n, d->why.p);
	assert_true(d->confidence >= 0 && d->confidence <= 1);
	assert_true(d->last >= d->time);
	assert_true(d->flows.n <= MSG_FLOWS_MAX);
	assert_true(d->why.n > 0);
}

static inline void zone_put(
    struct timeline *t, const char *name, enum net_zone_class class, const char *prefix)
{
	uint16_t zone;
	struct net_prefix p;
	assert_int_equal(net_zone_map_add(t->zones, name, class, &zone), 0);
	assert_int_equal(net_prefix_parse(text_of(prefix), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(t->zones, zone, p), 0);
}

/* learning_ns: 0: the default. */
static inline struct timeline *timeline_new_learning(
    const struct indicator_set *indicators, size_t memory, uint64_t seed, int64_t learning_ns)
{
	struct timeline *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	assert_int_equal(net_zone_map_new(&t->zones), 0);
	zone_put(t, "office", NET_ZONE_INTERNAL, "10.1.0.0/16");
	zone_put(t, "vault", NET_ZONE_PROTECTED, "10.2.0.0/16");
	zone_put(t, "edge", NET_ZONE_DMZ, "10.3.0.0/16");
	zone_put(t, "admin", NET_ZONE_MANAGEMENT, "10.4.0.0/16");
	const struct detect_config c = {.zones = t->zones,
	    .indicators = indicators,
	    .memory_max = memory,
	    .seed = seed,
	    .tuning = {.learning_ns = learning_ns},
	    .next_id = timeline_id,
	    .emit = timeline_take,
	    .context = t};
	t->next_id = 1000000;
	assert_int_equal(detector_new(&t->detector, &c), 0);
	return t;
}

static inline struct timeline *timeline_new_with(
    const struct indicator_set *indicators, size_t memory, uint64_t seed)
{
	return timeline_new_learning(indicators, memory, seed, 0);
}

static inline struct timeline *timeline_new(void)
{
	return timeline_new_with(NULL, 16 << 20, 7);
}

static inline void timeline_free(struct timeline *t)
{
	detector_free(t->detector);
	net_zone_map_free(t->zones);
	free(t);
}

static inline void timeline_finish(struct timeline *t, double at)
{
	detector_finish(t->detector, AT(at));
}

/* A TCP connection that stood and carried bytes both ways; change what is to be other. */
static inline struct msg_flow flow_between(
    const char *from, const char *to, uint16_t port, uint16_t app, double at)
{
	static uint64_t next;
	next++;
	return (struct msg_flow){.id = next,
	    .protocol = 6,
	    .initiator = addr_of(from),
	    .responder = addr_of(to),
	    .initiator_port = (uint16_t)(40000 + next % 20000),
	    .responder_port = port,
	    .first = AT(at),
	    .last = AT(at + 1),
	    .established = AT(at + 0.01),
	    .packets_out = 6,
	    .packets_in = 6,
	    .payload_out = 500,
	    .payload_in = 1500,
	    .tcp_flags_out = 0x1b,
	    .tcp_flags_in = 0x1b,
	    .tcp_state = FLOW_TCP_CLOSED,
	    .end = FLOW_END_FIN,
	    .flags = FLOW_ANSWERED,
	    .app = app};
}

/* A SYN that nobody answered, or that was refused. */
static inline struct msg_flow flow_failed(
    const char *from, const char *to, uint16_t port, double at, bool refused)
{
	struct msg_flow f = flow_between(from, to, port, APP_UNKNOWN, at);
	f.last = f.first;
	f.established = 0;
	f.packets_out = 1;
	f.packets_in = refused;
	f.payload_out = f.payload_in = 0;
	f.tcp_flags_out = 0x02;
	f.tcp_flags_in = refused ? 0x14 : 0;
	f.tcp_state = refused ? FLOW_TCP_REFUSED : FLOW_TCP_SYN_SENT;
	f.end = refused ? FLOW_END_RST : FLOW_END_TIMEOUT;
	f.flags = refused ? FLOW_ANSWERED : 0;
	return f;
}

static inline void timeline_flow(struct timeline *t, const struct msg_flow *f)
{
	detector_flow(t->detector, f);
}

/* One transaction of the flow: field, text, ..., FIELD_NONE. */
static inline void timeline_transaction(struct timeline *t, const struct msg_flow *f, double at, ...)
{
	struct field_value v[TIMELINE_FIELDS_MAX];
	uint32_t n = 0;
	va_list list;
	va_start(list, at);
	for (int field; n < TIMELINE_FIELDS_MAX && (field = va_arg(list, int)) != FIELD_NONE;)
		v[n++] = (struct field_value){
		    .field = (enum field)field, .value = text_of(va_arg(list, const char *))};
	va_end(list);
	struct msg_transaction x = {
	    .id = f->id + (1 << 20), .flow = f->id, .app = f->app, .time = AT(at), .fields = {v, n}};
	detector_transaction(t->detector, f, &x);
}

static inline void timeline_dns(
    struct timeline *t, const char *from, const char *name, const char *type, const char *rcode, double at)
{
	struct msg_flow f = flow_between(from, "10.4.0.53", 53, APP_DNS, at);
	f.protocol = 17;
	timeline_transaction(
	    t, &f, at, FIELD_DNS_QUERY, name, FIELD_DNS_TYPE, type, FIELD_DNS_RCODE, rcode, FIELD_NONE);
	timeline_flow(t, &f);
}

/* The detection of that name about that asset with the highest confidence; NULL where there is none. */
static inline const struct seen *timeline_find(const struct timeline *t, const char *name, const char *asset)
{
	const struct seen *best = NULL;
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->seen[i].name, name) == 0 &&
		    (!asset || net_addr_equal(t->seen[i].asset, addr_of(asset))) &&
		    (!best || t->seen[i].confidence > best->confidence))
			best = &t->seen[i];
	return best;
}

/* Noisy-or over techniques of what an asset did or suffered, as incident/ reckons it. */
static inline double timeline_suspicion(const struct timeline *t, const char *asset)
{
	double innocent = 1;
	for (size_t i = 0; i < t->n; i++) {
		const struct seen *s = &t->seen[i];
		bool counts = net_addr_equal(s->asset, addr_of(asset)) &&
		              (s->asset_role == MSG_ROLE_ACTOR || s->asset_role == MSG_ROLE_VICTIM);
		for (size_t j = 0; j < t->n && counts; j++) {
			const struct seen *o = &t->seen[j];
			bool same = j != i && net_addr_equal(o->asset, s->asset) &&
			            strcmp(o->technique, s->technique) == 0 &&
			            (o->asset_role == MSG_ROLE_ACTOR || o->asset_role == MSG_ROLE_VICTIM);
			if (same &&
			    (o->confidence > s->confidence || (o->confidence == s->confidence && j < i)))
				counts = false;
		}
		if (counts)
			innocent *= 1 - s->confidence;
	}
	return 1 - innocent;
}

static inline void timeline_print(const struct timeline *t)
{
	char a[NET_ADDR_TEXT_SIZE], p[NET_ADDR_TEXT_SIZE];
	for (size_t i = 0; i < t->n; i++)
		print_message("%-22s %-10s %.2f %s -> %s | %s\n", t->seen[i].name, t->seen[i].technique,
		    t->seen[i].confidence, net_addr_text(t->seen[i].asset, a),
		    net_addr_text(t->seen[i].peer, p), t->seen[i].why);
}

#endif
