/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "archive/archive.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "exchange/exchange.h"
#include "flow/flow.h"
#include "net/app.h"

/*
 * Suricata's EVE records (one JSON object a line): `flow` for each flow that counts, an application record
 * for each transaction, `alert` for each detection and flow that it rests on. Names of fields stand in
 * net/field.h as EVE's paths. jansson makes every object; nothing is printed by hand.
 */

struct eve {
	FILE *out;
	struct archive *archive;
	int error;
};

static json_t *eve_text(struct text t)
{
	struct dynbuf b = {.max = MSG_TEXT_MAX * 4};
	text_append_printable(&b, t);
	json_t *j = b.error ? NULL : json_stringn(b.n ? (const char *)b.p : "", b.n);
	dynbuf_free(&b);
	return j;
}

/* EVE's time stamps have microseconds and a numeric zone. */
static json_t *eve_time(int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	time_rfc3339(ns, text);
	/* "...:11.123456789Z": nine digits become six */
	memcpy(text + 26, "+0000", 6);
	return json_string(text);
}

static json_t *eve_addr(struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	return json_string(net_addr_text(a, text));
}

static json_t *eve_protocol(uint8_t protocol)
{
	switch (protocol) {
	case PACKET_TCP: return json_string("TCP");
	case PACKET_UDP: return json_string("UDP");
	case PACKET_ICMP: return json_string("ICMP");
	case PACKET_ICMPV6: return json_string("IPv6-ICMP");
	case PACKET_SCTP: return json_string("SCTP");
	case PACKET_GRE: return json_string("GRE");
	case PACKET_ESP: return json_string("ESP");
	}
	char number[4];
	snprintf(number, sizeof(number), "%03u", protocol);
	return json_string(number);
}

/* What every record begins with. */
static json_t *eve_head(const struct msg_flow *f, int64_t time, const char *type)
{
	char community[FLOW_COMMUNITY_ID_SIZE];
	json_t *j = json_pack("{s:o, s:I, s:s, s:o, s:o, s:o, s:s}", "timestamp", eve_time(time), "flow_id",
	    (json_int_t)(f->id & INT64_MAX), "event_type", type, "src_ip", eve_addr(f->initiator), "dest_ip",
	    eve_addr(f->responder), "proto", eve_protocol(f->protocol), "community_id",
	    flow_community_id(
	        f->initiator, f->responder, f->protocol, f->initiator_port, f->responder_port, community));
	bool ports = f->protocol == PACKET_TCP || f->protocol == PACKET_UDP || f->protocol == PACKET_SCTP;
	if (ports) {
		json_object_set_new(j, "src_port", json_integer(f->initiator_port));
		json_object_set_new(j, "dest_port", json_integer(f->responder_port));
	} else if (f->protocol == PACKET_ICMP || f->protocol == PACKET_ICMPV6) {
		json_object_set_new(j, "icmp_type", json_integer(f->initiator_port));
		json_object_set_new(j, "icmp_code", json_integer(f->responder_port));
	}
	if (f->vlan)
		json_object_set_new(j, "vlan", json_pack("[i]", (int)f->vlan));
	return j;
}

static void eve_line(struct eve *e, json_t *j)
{
	if (!j)
		e->error = -ENOMEM;
	else if (e->error == 0 && (json_dumpf(j, e->out, JSON_COMPACT) < 0 || fputc('\n', e->out) == EOF))
		e->error = -EIO;
	json_decref(j);
}

static json_t *eve_flags(uint8_t flags)
{
	char text[4];
	snprintf(text, sizeof(text), "%02x", flags);
	return json_string(text);
}

static json_t *eve_tcp(const struct msg_flow *f)
{
	return json_pack("{s:o, s:o, s:o, s:s}", "tcp_flags", eve_flags(f->tcp_flags_out | f->tcp_flags_in),
	    "tcp_flags_ts", eve_flags(f->tcp_flags_out), "tcp_flags_tc", eve_flags(f->tcp_flags_in), "state",
	    flow_tcp_state_name(f->tcp_state));
}

static const char *eve_flow_state(const struct msg_flow *f)
{
	if (f->protocol != PACKET_TCP)
		return f->packets_in ? "established" : "new";
	switch ((enum flow_tcp_state)f->tcp_state) {
	case FLOW_TCP_NONE:
	case FLOW_TCP_SYN_SENT:
	case FLOW_TCP_SYN_RECEIVED: return "new";
	case FLOW_TCP_ESTABLISHED:
	case FLOW_TCP_MIDSTREAM: return "established";
	case FLOW_TCP_CLOSING:
	case FLOW_TCP_CLOSED:
	case FLOW_TCP_RESET:
	case FLOW_TCP_REFUSED: return "closed";
	}
	return "new";
}

static json_t *eve_ids(struct msg_u64s ids)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < ids.n; i++)
		json_array_append_new(list, json_integer((json_int_t)(ids.v[i] & INT64_MAX)));
	return list;
}

static int eve_flow(void *context, const struct msg_flow *f)
{
	struct eve *e = context;
	json_t *j = eve_head(f, f->last, "flow");
	json_object_set_new(j, "app_proto", json_string(f->app ? app_name(f->app) : "failed"));
	json_object_set_new(j, "flow",
	    json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:s, s:s, s:b, s:I, s:I}", "pkts_toserver",
	        (json_int_t)f->packets_out, "pkts_toclient", (json_int_t)f->packets_in, "bytes_toserver",
	        (json_int_t)f->wire_out, "bytes_toclient", (json_int_t)f->wire_in, "start",
	        eve_time(f->first), "end", eve_time(f->last), "age",
	        (json_int_t)((f->last - f->first) / NS_PER_S), "state", eve_flow_state(f), "reason",
	        f->end == FLOW_END_TIMEOUT   ? "timeout"
	        : f->end == FLOW_END_EVICTED ? "forced"
	                                     : "shutdown",
	        "alerted", 0, "payload_bytes_toserver", (json_int_t)f->payload_out, "payload_bytes_toclient",
	        (json_int_t)f->payload_in));
	if (f->protocol == PACKET_TCP)
		json_object_set_new(j, "tcp", eve_tcp(f));
	if (f->parent)
		json_object_set_new(j, "parent_id", json_integer((json_int_t)f->parent));
	if (f->also.n)
		json_object_set_new(j, "bulkhead", json_pack("{s:o}", "also", eve_ids(f->also)));
	eve_line(e, j);
	return e->error;
}

static json_t *eve_value(enum field field, struct text value)
{
	uint64_t number;
	struct dynbuf hex = {0};
	struct net_addr addr;
	json_t *j;
	switch (field_kind_of(field)) {
	case FIELD_KIND_NUM:
		if (num_parse_u64(value, INT64_MAX, &number) == 0)
			return json_integer((json_int_t)number);
		break;
	case FIELD_KIND_ADDR:
		if (value.n == sizeof(addr.b)) {
			memcpy(addr.b, value.p, sizeof(addr.b));
			return eve_addr(addr);
		}
		break;
	case FIELD_KIND_HEX:
		for (size_t i = 0; i < value.n; i++)
			dynbuf_printf(&hex, "%02x", (unsigned char)value.p[i]);
		j = hex.error ? NULL : json_stringn(hex.n ? (const char *)hex.p : "", hex.n);
		dynbuf_free(&hex);
		return j;
	case FIELD_KIND_TEXT: break;
	}
	return eve_text(value);
}

/* Puts a value at a dotted path, making the objects on the way; a second value of one path makes a list. */
static void eve_put(json_t *to, const char *path, json_t *value)
{
	const char *dot;
	while ((dot = strchr(path, '.'))) {
		char key[64];
		snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
		json_t *next = json_object_get(to, key);
		if (!json_is_object(next)) {
			next = json_object();
			json_object_set_new(to, key, next);
		}
		to = next;
		path = dot + 1;
	}
	json_t *there = json_object_get(to, path);
	if (json_is_array(there)) {
		json_array_append_new(there, value);
	} else if (there) {
		json_t *list = json_pack("[O, o]", there, value);
		json_object_set_new(to, path, list);
	} else {
		json_object_set_new(to, path, value);
	}
}

/* Suricata's event types differ from its application names here and there. */
static const char *eve_type(uint16_t app)
{
	switch (app) {
	case APP_WINRM: return "http";
	case APP_FTP_DATA: return "ftp_data";
	}
	return app_name(app);
}

/* The flow of the transactions that come next: they stand together in the archive more often than not. */
struct eve_transactions {
	struct eve *eve;
	struct arena arena;
	struct msg_flow flow;
};

static int eve_transaction(void *context, const struct msg_transaction *t)
{
	struct eve_transactions *s = context;
	if (s->flow.id != t->flow) {
		arena_reset(&s->arena);
		int r = archive_find_flow(s->eve->archive, t->flow, &s->arena, &s->flow);
		if (r == -ENOENT)
			return 0; /* the flow's record was torn off the archive's end */
		if (r < 0)
			return r;
	}
	json_t *j = eve_head(&s->flow, t->time, eve_type(t->app));
	for (uint32_t i = 0; i < t->fields.n; i++) {
		const char *path = field_name(t->fields.v[i].field);
		if (path[0])
			eve_put(j, path, eve_value(t->fields.v[i].field, t->fields.v[i].value));
	}
	eve_line(s->eve, j);
	return s->eve->error;
}

/* Suricata's alert severity: 1 is the worst. */
static int eve_severity(double confidence)
{
	return confidence >= 0.8 ? 1 : confidence >= 0.5 ? 2 : 3;
}

static int eve_alert(struct eve *e, const struct msg_detection *d)
{
	struct arena arena = {0};
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		r = archive_find_flow(e->archive, d->flows.v[i], &arena, &f);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		json_t *j = eve_head(&f, d->time, "alert");
		json_object_set_new(j, "app_proto", json_string(app_name(f.app)));
		json_object_set_new(j, "alert",
		    json_pack("{s:s, s:i, s:i, s:i, s:o, s:o, s:i, s:{s:[o], s:[s], s:o, s:o}}", "action",
		        "allowed", "gid", 1, "signature_id", 0, "rev", 1, "signature", eve_text(d->why),
		        "category", eve_text(d->name), "severity", eve_severity(d->confidence), "metadata",
		        "mitre_technique_id", eve_text(d->technique), "source", msg_source_name(d->source),
		        "confidence", json_real(d->confidence), "detection_id",
		        json_integer((json_int_t)(d->id & INT64_MAX))));
		eve_line(e, j);
		r = e->error;
		arena_reset(&arena);
	}
	arena_free(&arena);
	return r;
}

int exchange_eve(
    struct archive *archive, const struct msg_detection *detections, size_t n_detections, FILE *out)
{
	static const struct archive_filter all;
	struct eve e = {.out = out, .archive = archive};
	struct eve_transactions transactions = {.eve = &e};
	int r = archive_scan_flows(archive, &all, eve_flow, &e);
	if (r == 0)
		r = archive_scan_transactions(archive, NULL, 0, eve_transaction, &transactions);
	arena_free(&transactions.arena);
	for (size_t i = 0; i < n_detections && r == 0; i++)
		r = eve_alert(&e, &detections[i]);
	return r;
}
