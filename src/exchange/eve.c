/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "archive/archive.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "exchange/ends.h"
#include "exchange/exchange.h"
#include "flow/flow.h"
#include "net/app.h"

/*
 * Suricata's EVE records (one JSON object a line): `flow` for each flow that counts, an application record
 * for each transaction, `alert` for each detection and flow that it rests on. Names of fields stand in
 * net/field.h as EVE's paths. There are as many records as flows, so they are streamed by yajl's generator: a
 * tree for each (jansson) took more than twice the instructions.
 */

struct eve {
	FILE *out;
	struct exchange_ends *ends;
	yajl_gen g;
	struct dynbuf text; /* for making text printable */
	int error;
};

static void put_text(struct eve *e, struct text t)
{
	dynbuf_reset(&e->text);
	if (text_append_printable(&e->text, t) < 0)
		e->error = -ENOMEM;
	yajl_gen_string(e->g, e->text.n ? e->text.p : (const uint8_t *)"", e->text.n);
}

static void put_str(struct eve *e, const char *s)
{
	yajl_gen_string(e->g, (const unsigned char *)s, strlen(s));
}

static void put_count(struct eve *e, uint64_t n)
{
	yajl_gen_integer(e->g, n > INT64_MAX ? INT64_MAX : (long long)n);
}

static void put_real(struct eve *e, double v)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "%.3f", v);
	yajl_gen_number(e->g, number, (size_t)n);
}

static void key_str(struct eve *e, const char *key, const char *value)
{
	put_str(e, key);
	put_str(e, value);
}

static void key_count(struct eve *e, const char *key, uint64_t n)
{
	put_str(e, key);
	put_count(e, n);
}

/* EVE's time stamps have microseconds and a numeric zone. */
static void key_time(struct eve *e, const char *key, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	time_rfc3339(ns, text);
	/* "...:11.123456789Z": nine digits become six */
	memcpy(text + 26, "+0000", 6);
	key_str(e, key, text);
}

static void put_addr(struct eve *e, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	put_str(e, net_addr_text(a, text));
}

static void key_protocol(struct eve *e, uint8_t protocol)
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

/* What every record begins with; the record stays open. */
static void begin(struct eve *e, const struct msg_flow *f, int64_t time, const char *type)
{
	char community[FLOW_COMMUNITY_ID_SIZE];
	bool ports = f->protocol == PACKET_TCP || f->protocol == PACKET_UDP || f->protocol == PACKET_SCTP;
	yajl_gen_map_open(e->g);
	key_time(e, "timestamp", time);
	key_count(e, "flow_id", f->id);
	key_str(e, "event_type", type);
	put_str(e, "src_ip");
	put_addr(e, f->initiator);
	if (ports)
		key_count(e, "src_port", f->initiator_port);
	put_str(e, "dest_ip");
	put_addr(e, f->responder);
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

/* Closes the record and writes its line. */
static int finish(struct eve *e)
{
	const unsigned char *p;
	size_t n;
	yajl_gen_map_close(e->g);
	if (yajl_gen_get_buf(e->g, &p, &n) != yajl_gen_status_ok)
		e->error = -ENOMEM;
	else if (e->error == 0 && (fwrite(p, 1, n, e->out) != n || fputc('\n', e->out) == EOF))
		e->error = -EIO;
	yajl_gen_clear(e->g);
	yajl_gen_reset(e->g, NULL);
	return e->error;
}

static void key_flags(struct eve *e, const char *key, unsigned flags)
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

static void put_counters(struct eve *e, const struct msg_flow *f)
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

static int eve_flow(void *context, const struct msg_flow *f)
{
	struct eve *e = context;
	begin(e, f, f->last, "flow");
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
	return finish(e);
}

static void put_hex(struct eve *e, struct text value)
{
	dynbuf_reset(&e->text);
	for (size_t i = 0; i < value.n; i++)
		dynbuf_printf(&e->text, "%02x", (unsigned char)value.p[i]);
	yajl_gen_string(e->g, e->text.n ? e->text.p : (const uint8_t *)"", e->text.n);
}

static void put_value(struct eve *e, const struct field_value *v)
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
    struct eve *e, const struct field_value *v, uint32_t n, const struct field_value *like, size_t at)
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

static int eve_transaction(void *context, const struct msg_transaction *t)
{
	struct eve *e = context;
	struct msg_flow f;
	if (!exchange_ends_get(e->ends, t->flow, &f))
		return 0; /* of another turn, or the flow's record was torn off the archive's end */
	begin(e, &f, t->time, event_type(t->app));
	if (t->fields.n)
		put_level(e, t->fields.v, t->fields.n, &t->fields.v[0], 0);
	return finish(e);
}

/* Suricata's alert severity: 1 is the worst. */
static int severity_of(double confidence)
{
	return confidence >= 0.8 ? 1 : confidence >= 0.5 ? 2 : 3;
}

static int put_alert(struct eve *e, const struct msg_detection *d, const struct msg_flow *f)
{
	begin(e, f, d->time, "alert");
	key_str(e, "app_proto", app_name(f->app));
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
	return finish(e);
}

static int eve_alert(struct eve *e, const struct msg_detection *d)
{
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		if (exchange_ends_get(e->ends, d->flows.v[i], &f))
			r = put_alert(e, d, &f);
	}
	return r;
}

int exchange_eve(
    struct archive *archive, const struct msg_detection *detections, size_t n_detections, FILE *out)
{
	static const struct archive_filter all;
	struct eve e = {.out = out, .g = yajl_gen_alloc(NULL)};
	int r = e.g ? exchange_ends_new(&e.ends, archive) : -ENOMEM;
	if (r == 0)
		r = archive_scan_flows(archive, &all, eve_flow, &e);
	while (r == 0 && (r = exchange_ends_turn(e.ends)) > 0) {
		r = archive_scan_transactions(archive, NULL, 0, eve_transaction, &e);
		for (size_t i = 0; i < n_detections && r == 0; i++)
			r = eve_alert(&e, &detections[i]);
	}
	exchange_ends_free(e.ends);
	dynbuf_free(&e.text);
	if (e.g)
		yajl_gen_free(e.g);
	return r;
}

int exchange_eve_flows(struct archive *archive, const struct archive_filter *filter, FILE *out)
{
	struct eve e = {.out = out, .g = yajl_gen_alloc(NULL)};
	int r = e.g ? archive_scan_flows(archive, filter, eve_flow, &e) : -ENOMEM;
	dynbuf_free(&e.text);
	if (e.g)
		yajl_gen_free(e.g);
	return r;
}
