/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "base/dynbuf.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

/* There are as many lines as flows, so they are streamed by yajl's generator: a tree for each (jansson) took
 * more than twice the instructions. */

struct eve_writer {
	yajl_gen g;
	struct dynbuf text; /* for making text printable */
	int error;
};

int eve_writer_new(struct eve_writer **ret_writer)
{
	struct eve_writer *e = calloc(1, sizeof(*e));
	if (e)
		e->g = yajl_gen_alloc(NULL);
	if (!e || !e->g) {
		free(e);
		return -ENOMEM;
	}
	*ret_writer = e;
	return 0;
}

void eve_writer_free(struct eve_writer *e)
{
	if (!e)
		return;
	dynbuf_free(&e->text);
	yajl_gen_free(e->g);
	free(e);
}

static void put_text(struct eve_writer *e, struct text t)
{
	dynbuf_reset(&e->text);
	if (text_append_printable(&e->text, t) < 0)
		e->error = -ENOMEM;
	yajl_gen_string(e->g, e->text.n ? e->text.p : (const uint8_t *)"", e->text.n);
}

static void put_str(struct eve_writer *e, const char *s)
{
	yajl_gen_string(e->g, (const unsigned char *)s, strlen(s));
}

static void put_count(struct eve_writer *e, uint64_t n)
{
	yajl_gen_integer(e->g, n > INT64_MAX ? INT64_MAX : (long long)n);
}

static void put_real(struct eve_writer *e, double v)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "%.3f", v);
	yajl_gen_number(e->g, number, (size_t)n);
}

static void key_str(struct eve_writer *e, const char *key, const char *value)
{
	put_str(e, key);
	put_str(e, value);
}

static void key_count(struct eve_writer *e, const char *key, uint64_t n)
{
	put_str(e, key);
	put_count(e, n);
}

/* EVE's time stamps have microseconds and a numeric zone. */
static void key_time(struct eve_writer *e, const char *key, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	time_rfc3339(ns, text);
	/* "...:11.123456789Z": nine digits become six */
	memcpy(text + 26, "+0000", 6);
	key_str(e, key, text);
}

static void put_addr(struct eve_writer *e, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	put_str(e, net_addr_text(a, text));
}

static void key_protocol(struct eve_writer *e, uint8_t protocol)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {{PACKET_TCP, "TCP"}, {PACKET_UDP, "UDP"}, {PACKET_ICMP, "ICMP"},
	    {PACKET_ICMPV6, "IPv6-ICMP"}, {PACKET_SCTP, "SCTP"}, {PACKET_GRE, "GRE"}, {PACKET_ESP, "ESP"}};
	char number[4];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].protocol == protocol) {
			key_str(e, "proto", names[i].name);
			return;
		}
	snprintf(number, sizeof(number), "%03u", protocol);
	key_str(e, "proto", number);
}

static void key_addr(struct eve_writer *e, const char *key, struct net_addr a)
{
	put_str(e, key);
	put_addr(e, a);
}

static void put_tuple(struct eve_writer *e, const struct msg_flow *f)
{
	char community[FLOW_COMMUNITY_ID_SIZE];
	bool ports = f->protocol == PACKET_TCP || f->protocol == PACKET_UDP || f->protocol == PACKET_SCTP;
	key_addr(e, "src_ip", f->initiator);
	if (ports)
		key_count(e, "src_port", f->initiator_port);
	key_addr(e, "dest_ip", f->responder);
	if (ports)
		key_count(e, "dest_port", f->responder_port);
	key_protocol(e, f->protocol);
	if (f->protocol == PACKET_ICMP || f->protocol == PACKET_ICMPV6) {
		key_count(e, "icmp_type", f->initiator_port);
		key_count(e, "icmp_code", f->responder_port);
	}
	if (f->vlan) {
		put_str(e, "vlan");
		yajl_gen_array_open(e->g);
		put_count(e, f->vlan);
		yajl_gen_array_close(e->g);
	}
	key_str(e, "community_id",
	    flow_community_id(
	        f->initiator, f->responder, f->protocol, f->initiator_port, f->responder_port, community));
}

/* What every record begins with; the record stays open. */
static void begin(struct eve_writer *e, int64_t time)
{
	yajl_gen_clear(e->g);
	yajl_gen_reset(e->g, NULL);
	e->error = 0;
	yajl_gen_map_open(e->g);
	key_time(e, "timestamp", time);
}

static void begin_flow(struct eve_writer *e, const struct msg_flow *f, int64_t time, const char *type)
{
	begin(e, time);
	key_count(e, "flow_id", f->id);
	key_str(e, "event_type", type);
	put_tuple(e, f);
}

/* Closes the record. */
static int finish(struct eve_writer *e, struct text *ret_line)
{
	const unsigned char *p;
	size_t n;
	yajl_gen_map_close(e->g);
	if (e->error < 0 || yajl_gen_get_buf(e->g, &p, &n) != yajl_gen_status_ok)
		return -ENOMEM;
	*ret_line = text_bytes((const char *)p, n);
	return 0;
}

static void key_flags(struct eve_writer *e, const char *key, unsigned flags)
{
	char text[4];
	snprintf(text, sizeof(text), "%02x", flags & 0xff);
	key_str(e, key, text);
}

static const char *flow_state(const struct msg_flow *f)
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

static void put_counters(struct eve_writer *e, const struct msg_flow *f)
{
	put_str(e, "flow");
	yajl_gen_map_open(e->g);
	key_count(e, "pkts_toserver", f->packets_out);
	key_count(e, "pkts_toclient", f->packets_in);
	key_count(e, "bytes_toserver", f->wire_out);
	key_count(e, "bytes_toclient", f->wire_in);
	key_count(e, "payload_bytes_toserver", f->payload_out);
	key_count(e, "payload_bytes_toclient", f->payload_in);
	key_time(e, "start", f->first);
	key_time(e, "end", f->last);
	key_count(e, "age", (uint64_t)((f->last - f->first) / NS_PER_S));
	key_str(e, "state", flow_state(f));
	key_str(e, "reason",
	    f->end == FLOW_END_TIMEOUT   ? "timeout"
	    : f->end == FLOW_END_EVICTED ? "forced"
	                                 : "shutdown");
	yajl_gen_map_close(e->g);
}

int eve_writer_flow(struct eve_writer *e, const struct msg_flow *f, struct text *ret_line)
{
	begin_flow(e, f, f->last, "flow");
	key_str(e, "app_proto", f->app ? app_name(f->app) : "failed");
	put_counters(e, f);
	if (f->protocol == PACKET_TCP) {
		put_str(e, "tcp");
		yajl_gen_map_open(e->g);
		key_flags(e, "tcp_flags", f->tcp_flags_out | f->tcp_flags_in);
		key_flags(e, "tcp_flags_ts", f->tcp_flags_out);
		key_flags(e, "tcp_flags_tc", f->tcp_flags_in);
		key_str(e, "state", flow_tcp_state_name(f->tcp_state));
		yajl_gen_map_close(e->g);
	}
	if (f->parent)
		key_count(e, "parent_id", f->parent);
	if (f->also.n) {
		put_str(e, "also_seen");
		yajl_gen_array_open(e->g);
		for (uint32_t i = 0; i < f->also.n; i++)
			put_count(e, f->also.v[i]);
		yajl_gen_array_close(e->g);
	}
	return finish(e, ret_line);
}

static void put_hex(struct eve_writer *e, struct text value)
{
	dynbuf_reset(&e->text);
	for (size_t i = 0; i < value.n; i++)
		dynbuf_printf(&e->text, "%02x", (unsigned char)value.p[i]);
	yajl_gen_string(e->g, e->text.n ? e->text.p : (const uint8_t *)"", e->text.n);
}

static void put_value(struct eve_writer *e, const struct field_value *v)
{
	uint64_t number;
	struct net_addr addr;
	switch (field_kind_of(v->field)) {
	case FIELD_KIND_NUM:
		if (num_parse_u64(v->value, INT64_MAX, &number) == 0) {
			put_count(e, number);
			return;
		}
		break;
	case FIELD_KIND_ADDR:
		if (v->value.n == sizeof(addr.b)) {
			memcpy(addr.b, v->value.p, sizeof(addr.b));
			put_addr(e, addr);
			return;
		}
		break;
	case FIELD_KIND_HEX: put_hex(e, v->value); return;
	case FIELD_KIND_TEXT: break;
	}
	put_text(e, v->value);
}

/* The part of a field's path from `at` on, up to the next dot. */
static struct text component(const struct field_value *v, size_t at)
{
	struct text path = text_of(field_name(v->field));
	path = text_sub(path, at, path.n);
	return text_sub(path, 0, text_find(path, '.'));
}

/* Whether the paths of two fields are the same up to byte n. */
static bool same_way(const struct field_value *a, const struct field_value *b, size_t n)
{
	return text_equal(
	    text_sub(text_of(field_name(a->field)), 0, n), text_sub(text_of(field_name(b->field)), 0, n));
}

/*
 * Writes what stands at one level of the dotted paths: fields that share the way so far, each next component
 * once. Where several fields have the very same path, they make a list. Depth is that of the paths in
 * net/field.h: three at most.
 */
static void put_level(
    struct eve_writer *e, const struct field_value *v, uint32_t n, const struct field_value *like, size_t at)
{
	for (uint32_t i = 0; i < n; i++) {
		struct text name = component(&v[i], at);
		bool first = name.n && same_way(&v[i], like, at);
		for (uint32_t k = 0; first && k < i; k++)
			first = !(same_way(&v[k], like, at) && text_equal(component(&v[k], at), name));
		if (!first)
			continue;
		yajl_gen_string(e->g, (const unsigned char *)name.p, name.n);
		if (text_of(field_name(v[i].field)).n > at + name.n) {
			yajl_gen_map_open(e->g);
			put_level(e, v, n, &v[i], at + name.n + 1);
			yajl_gen_map_close(e->g);
			continue;
		}
		uint32_t many = 0;
		for (uint32_t k = i; k < n; k++)
			many += v[k].field == v[i].field;
		if (many > 1)
			yajl_gen_array_open(e->g);
		for (uint32_t k = i; k < n; k++)
			if (v[k].field == v[i].field)
				put_value(e, &v[k]);
		if (many > 1)
			yajl_gen_array_close(e->g);
	}
}

/* Suricata's event types differ from its application names here and there. */
static const char *event_type(uint16_t app)
{
	switch (app) {
	case APP_WINRM: return "http";
	case APP_FTP_DATA: return "ftp_data";
	}
	return app_name(app);
}

int eve_writer_transaction(
    struct eve_writer *e, const struct msg_flow *f, const struct msg_transaction *t, struct text *ret_line)
{
	begin_flow(e, f, t->time, event_type(t->app));
	if (t->fields.n)
		put_level(e, t->fields.v, t->fields.n, &t->fields.v[0], 0);
	return finish(e, ret_line);
}

/* Suricata's alert severity: 1 is the worst. */
static int severity_of(double confidence)
{
	return confidence >= 0.8 ? 1 : confidence >= 0.5 ? 2 : 3;
}

static void begin_alert(struct eve_writer *e, const struct msg_flow *f, const struct msg_detection *d)
{
	if (f) {
		begin_flow(e, f, d->time, "alert");
		key_str(e, "app_proto", app_name(f->app));
		return;
	}
	begin(e, d->time);
	key_str(e, "event_type", "alert");
	key_addr(e, "src_ip", d->asset);
	if (!net_addr_is_none(d->peer))
		key_addr(e, "dest_ip", d->peer);
}

int eve_writer_alert(
    struct eve_writer *e, const struct msg_flow *f, const struct msg_detection *d, struct text *ret_line)
{
	begin_alert(e, f, d);
	put_str(e, "alert");
	yajl_gen_map_open(e->g);
	key_str(e, "action", "allowed");
	key_count(e, "gid", 1);
	key_count(e, "signature_id", 0);
	key_count(e, "rev", 1);
	put_str(e, "signature");
	put_text(e, d->why);
	put_str(e, "category");
	put_text(e, d->name);
	key_count(e, "severity", (uint64_t)severity_of(d->confidence));
	put_str(e, "metadata");
	yajl_gen_map_open(e->g);
	put_str(e, "mitre_technique_id");
	yajl_gen_array_open(e->g);
	put_text(e, d->technique);
	yajl_gen_array_close(e->g);
	key_str(e, "source", msg_source_name(d->source));
	put_str(e, "confidence");
	put_real(e, d->confidence);
	key_count(e, "detection_id", d->id);
	yajl_gen_map_close(e->g);
	yajl_gen_map_close(e->g);
	return finish(e, ret_line);
}
