/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/layout.h"

#include <stddef.h>
#include <string.h>

#include "base/cursor.h"

#define COLUMN_OF(kind, column_type, field, into, near, with, address)                                       \
	{                                                                                                    \
		.name = #field, .type = ARCHIVE_COLUMN_##column_type,                                        \
		.size = sizeof(((struct msg_##kind *)0)->field), .dictionary = into, .base = near,           \
		.leader = with, .companion = address, .offset = offsetof(struct msg_##kind, field)           \
	}
#define COLUMN(kind, column_type, field)                                                                     \
	COLUMN_OF(kind, column_type, field,                                                                  \
	    ARCHIVE_COLUMN_##column_type == ARCHIVE_COLUMN_ADDR ? ARCHIVE_DICTIONARY_ADDRS                   \
	                                                        : ARCHIVE_DICTIONARY_NONE,                   \
	    0, 0, 0)
#define NEAR(kind, column_type, field, near)                                                                 \
	COLUMN_OF(kind, column_type, field, ARCHIVE_DICTIONARY_NONE, near, 0, 0)
#define WITH(kind, column_type, field, leader)                                                               \
	COLUMN_OF(kind, column_type, field, ARCHIVE_DICTIONARY_NONE, 0, leader, 0)
#define NEAR_WITH(kind, column_type, field, near, leader)                                                    \
	COLUMN_OF(kind, column_type, field, ARCHIVE_DICTIONARY_NONE, near, leader, 0)
#define NAME(kind, field) COLUMN_OF(kind, TEXT, field, ARCHIVE_DICTIONARY_NAMES, 0, 0, 0)
#define OF(kind, column_type, field, address)                                                                \
	COLUMN_OF(kind, column_type, field, ARCHIVE_DICTIONARY_NONE, 0, 0, address)

#define FLOW(type, field) COLUMN(flow, type, field)
static const struct archive_column flow_columns[] = {
    FLOW(UINT, id),
    FLOW(UINT, duplicate_of),
    FLOW(U64S, also),
    FLOW(UINT, parent),
    FLOW(UINT, related),
    FLOW(UINT, vantage),
    WITH(flow, UINT, protocol, ARCHIVE_FLOW_PROTOCOL),
    FLOW(ADDR, initiator),
    FLOW(ADDR, responder),
    FLOW(UINT, initiator_port),
    WITH(flow, UINT, responder_port, ARCHIVE_FLOW_PROTOCOL),
    OF(flow, MAC, initiator_mac, ARCHIVE_FLOW_INITIATOR),
    OF(flow, MAC, responder_mac, ARCHIVE_FLOW_RESPONDER),
    OF(flow, UINT, vlan, ARCHIVE_FLOW_INITIATOR),
    NEAR(flow, UINT, first, ARCHIVE_FLOW_LAST),
    FLOW(UINT, last),
    NEAR(flow, UINT, established, ARCHIVE_FLOW_FIRST),
    WITH(flow, UINT, packets_out, ARCHIVE_FLOW_PACKETS_OUT),
    WITH(flow, UINT, packets_in, ARCHIVE_FLOW_PACKETS_IN),
    NEAR_WITH(flow, UINT, wire_out, ARCHIVE_FLOW_PAYLOAD_OUT, ARCHIVE_FLOW_PACKETS_OUT),
    NEAR_WITH(flow, UINT, wire_in, ARCHIVE_FLOW_PAYLOAD_IN, ARCHIVE_FLOW_PACKETS_IN),
    FLOW(UINT, payload_out),
    FLOW(UINT, payload_in),
    FLOW(UINT, retransmitted_out),
    FLOW(UINT, retransmitted_in),
    FLOW(UINT, missing_out),
    FLOW(UINT, missing_in),
    WITH(flow, UINT, tcp_flags_out, ARCHIVE_FLOW_PROTOCOL),
    WITH(flow, UINT, tcp_flags_in, ARCHIVE_FLOW_PROTOCOL),
    WITH(flow, UINT, tcp_state, ARCHIVE_FLOW_PROTOCOL),
    WITH(flow, UINT, end, ARCHIVE_FLOW_PROTOCOL),
    WITH(flow, UINT, flags, ARCHIVE_FLOW_PROTOCOL),
    FLOW(UINT, events),
    WITH(flow, UINT, app, ARCHIVE_FLOW_PROTOCOL),
    NAME(flow, name),
};

#define TRANSACTION(type, field) COLUMN(transaction, type, field)
static const struct archive_column transaction_columns[] = {
    TRANSACTION(UINT, id),
    TRANSACTION(UINT, flow),
    TRANSACTION(UINT, app),
    TRANSACTION(UINT, time),
    TRANSACTION(FIELDS, fields),
};

#define DETECTION(type, field) COLUMN(detection, type, field)
static const struct archive_column detection_columns[] = {
    DETECTION(UINT, id),
    DETECTION(UINT, time),
    NEAR(detection, UINT, last, ARCHIVE_DETECTION_TIME),
    DETECTION(UINT, source),
    DETECTION(TEXT, name),
    DETECTION(TEXT, technique),
    DETECTION(REAL, confidence),
    DETECTION(ADDR, asset),
    DETECTION(ADDR, peer),
    DETECTION(UINT, asset_role),
    DETECTION(UINT, peer_role),
    DETECTION(UINT, count),
    DETECTION(TEXT, why),
    DETECTION(TEXT, indicator),
    DETECTION(UINT, tlp),
    DETECTION(U64S, flows),
};

#define BINDING(type, field) COLUMN(binding, type, field)
static const struct archive_column binding_columns[] = {
    BINDING(UINT, id),
    BINDING(UINT, first),
    NEAR(binding, UINT, last, ARCHIVE_BINDING_FIRST),
    BINDING(ADDR, addr),
    OF(binding, MAC, mac, ARCHIVE_BINDING_ADDR),
    NAME(binding, name),
    BINDING(UINT, source),
    BINDING(UINT, vantage),
};

#define COVERAGE(type, field) COLUMN(coverage, type, field)
static const struct archive_column coverage_columns[] = {
    COVERAGE(UINT, id),
    COVERAGE(UINT, vantage),
    COVERAGE(TEXT, name),
    COVERAGE(TEXT, origin),
    COVERAGE(UINT, from),
    NEAR(coverage, UINT, to, ARCHIVE_COVERAGE_FROM),
    COVERAGE(UINT, packets),
    COVERAGE(UINT, bytes),
    COVERAGE(UINT, dropped),
    COVERAGE(UINT, cut),
    COVERAGE(UINT, malformed),
    COVERAGE(UINT, unreadable),
    COVERAGE(UINT, evicted),
    COVERAGE(UINT, end),
    COVERAGE(TEXT, why),
    COVERAGE(UINT, missing),
};

#define CODEC(kind)                                                                                          \
	static int kind##_encode(struct dynbuf *out, const void *record)                                     \
	{                                                                                                    \
		return msg_##kind##_encode(out, record);                                                     \
	}                                                                                                    \
	static int kind##_decode(const void *p, size_t n, struct arena *arena, void *ret_record)             \
	{                                                                                                    \
		return msg_##kind##_decode(p, n, arena, ret_record);                                         \
	}

CODEC(flow)
CODEC(transaction)
CODEC(detection)
CODEC(binding)
CODEC(coverage)

#define LAYOUT(kind, number, first_field, last_field, refers, reals)                                         \
	[number] = {.name = #kind,                                                                           \
	    .record = number,                                                                                \
	    .n_columns = sizeof(kind##_columns) / sizeof(kind##_columns[0]),                                 \
	    .size = sizeof(struct msg_##kind),                                                               \
	    .columns = kind##_columns,                                                                       \
	    .first = offsetof(struct msg_##kind, first_field),                                               \
	    .last = offsetof(struct msg_##kind, last_field),                                                 \
	    .real = reals,                                                                                   \
	    .reference = refers,                                                                             \
	    .encode = kind##_encode,                                                                         \
	    .decode = kind##_decode}

static const struct archive_layout layouts[ARCHIVE_KINDS] = {
    LAYOUT(flow, MSG_FLOW, first, last, 0, 0),
    LAYOUT(transaction, MSG_TRANSACTION, time, time, ARCHIVE_TRANSACTION_FLOW, 0),
    LAYOUT(detection, MSG_DETECTION, time, last, 0, ARCHIVE_DETECTION_CONFIDENCE),
    LAYOUT(binding, MSG_BINDING, first, last, 0, 0),
    LAYOUT(coverage, MSG_COVERAGE, from, to, 0, 0),
};

const struct archive_layout *archive_layout_of(unsigned record)
{
	return record < ARCHIVE_KINDS && layouts[record].name ? &layouts[record] : NULL;
}

/* A field that gets a row here is found by key in segments written from then on. */
enum archive_dictionary archive_field_dictionary(unsigned field)
{
	switch (field) {
	case FIELD_DNS_ANSWER_ADDR:
	case FIELD_DHCP_ASSIGNED: return ARCHIVE_DICTIONARY_ADDRS;
	case FIELD_DNS_QUERY:
	case FIELD_DNS_ANSWER:
	case FIELD_HTTP_HOST:
	case FIELD_TLS_SNI:
	case FIELD_NTLM_DOMAIN:
	case FIELD_NTLM_HOST:
	case FIELD_KRB_REALM:
	case FIELD_SMTP_HELO:
	case FIELD_DHCP_HOSTNAME: return ARCHIVE_DICTIONARY_NAMES;
	case FIELD_AUTH_USER:
	case FIELD_FILE_SHA256:
	case FIELD_TLS_JA3:
	case FIELD_TLS_JA3S:
	case FIELD_TLS_JA4:
	case FIELD_TLS_CERT_SHA256:
	case FIELD_TLS_SERIAL:
	case FIELD_SSH_HASSH:
	case FIELD_SSH_HASSH_SERVER:
	case FIELD_KRB_CLIENT: return ARCHIVE_DICTIONARY_VALUES;
	default: return ARCHIVE_DICTIONARY_NONE;
	}
}

struct archive_span archive_span_of(const struct archive_layout *layout, const void *record)
{
	struct archive_span one = {.records = 1};
	const uint8_t *p = record;
	memcpy(&one.id_min, p + layout->columns[ARCHIVE_COLUMN_ID].offset, sizeof(one.id_min));
	memcpy(&one.first, p + layout->first, sizeof(one.first));
	memcpy(&one.last, p + layout->last, sizeof(one.last));
	one.id_max = one.id_min;
	one.untimed = one.first == 0 && one.last == 0;
	/* a record whose end is 0 or before its start spans that one moment */
	if (one.last < one.first)
		one.last = one.first;
	return one;
}

void archive_span_add(struct archive_span *s, const struct archive_layout *layout, const void *record)
{
	struct archive_span one = archive_span_of(layout, record);
	archive_span_merge(s, &one);
}

void archive_span_merge(struct archive_span *s, const struct archive_span *other)
{
	if (other->records == 0)
		return;
	if (s->records == 0 || other->id_min < s->id_min)
		s->id_min = other->id_min;
	if (s->records == 0 || other->id_max > s->id_max)
		s->id_max = other->id_max;
	if (other->records > other->untimed) {
		bool none = s->records == s->untimed;
		if (none || other->first < s->first)
			s->first = other->first;
		if (none || other->last > s->last)
			s->last = other->last;
	}
	s->records += other->records;
	s->untimed += other->untimed;
}
