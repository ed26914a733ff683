/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Bytes that came in two versions become evidence: a transaction of their flow with both of them, which
 * reaches archive, EVE ("anomaly") and export like any other. */

#include <stdio.h>

#include "daemon/sensor_parts.h"

enum { FIELDS_MAX = 7, NUMBER_SIZE = 24, DOUBT_SIZE = 80, FRAGMENT_CONFLICTS_MAX = 4096 };

enum net_overlap sensor_overlap(void *context, struct net_addr receiver)
{
	const struct sensor *s = context;
	return s->zones ? net_zone_at(s->zones, net_zone_of(s->zones, receiver))->overlap : NET_OVERLAP_AUTO;
}

struct fields {
	struct field_value v[FIELDS_MAX];
	uint32_t n;
};

static void add(struct fields *f, enum field field, struct text value)
{
	if (value.n)
		f->v[f->n++] = (struct field_value){.field = field, .value = value};
}

/* "checksum ttl" ... */
static const char *doubts_text(uint8_t doubts, char buf[DOUBT_SIZE])
{
	static const char *const names[] = {"checksum", "ttl", "no ack", "timestamp", "window", "syn"};
	size_t n = 0;
	buf[0] = 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (doubts >> i & 1)
			n += (size_t)snprintf(buf + n, DOUBT_SIZE - n, "%s%s", n ? ", " : "", names[i]);
	return buf;
}

static void tell(struct sensor *s, const struct flow *f, const struct fields *fields)
{
	struct msg_transaction t = {
	    .app = f->app, .time = s->now, .fields = {.v = fields->v, .n = fields->n}};
	s->conflicts++;
	sensor_tell(s, f, &t);
}

void sensor_stream_conflict(void *context, const struct flow *f, const struct flow_conflict *c)
{
	char offset[NUMBER_SIZE], doubts[DOUBT_SIZE];
	struct fields fields = {.n = 0};
	snprintf(offset, sizeof(offset), "%llu", (unsigned long long)c->offset);
	add(&fields, FIELD_ANOMALY_EVENT,
	    text_of(c->late ? "stream.reassembly_overlap_different_data.late"
	                    : "stream.reassembly_overlap_different_data"));
	add(&fields, FIELD_ANOMALY_DIRECTION, text_of(c->dir == FLOW_FORWARD ? "to_server" : "to_client"));
	add(&fields, FIELD_ANOMALY_OFFSET, text_of(offset));
	add(&fields, FIELD_ANOMALY_POLICY, text_of(net_overlap_name(c->policy)));
	add(&fields, FIELD_ANOMALY_DOUBT, text_of(doubts_text(c->doubts, doubts)));
	add(&fields, FIELD_ANOMALY_KEPT, text_bytes(c->kept, c->n));
	add(&fields, FIELD_ANOMALY_OTHER, text_bytes(c->other, c->n));
	tell(context, f, &fields);
}

void sensor_fragment_conflict(struct sensor *s, const struct flow *f, const struct packet_conflict *c)
{
	char offset[NUMBER_SIZE];
	struct fields fields = {.n = 0};
	if (f->side[FLOW_FORWARD].packets + f->side[FLOW_REVERSE].packets > FRAGMENT_CONFLICTS_MAX)
		return; /* a flow of nothing but fragments has told enough */
	snprintf(offset, sizeof(offset), "%u", c->offset);
	add(&fields, FIELD_ANOMALY_EVENT, text_of("ip.frag_overlap_different_data"));
	add(&fields, FIELD_ANOMALY_OFFSET, text_of(offset));
	add(&fields, FIELD_ANOMALY_POLICY, text_of(c->dropped ? "dropped" : net_overlap_name(c->policy)));
	add(&fields, FIELD_ANOMALY_KEPT, text_bytes(c->kept, c->n));
	add(&fields, FIELD_ANOMALY_OTHER, text_bytes(c->other, c->n));
	tell(s, f, &fields);
}
