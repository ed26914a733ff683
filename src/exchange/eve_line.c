/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "exchange/eve_tree.h"
#include "flow/flow.h"
#include "net/app.h"

struct eve_writer {
	struct eve_pen pen;
	struct eve_tree tree;
	/* the ends of a flow, as written for the last line: a flow's transactions follow one another */
	struct eve_tuple {
		struct net_addr initiator, responder;
		uint16_t initiator_port, responder_port, vlan;
		uint8_t protocol;
	} tuple;
	struct dynbuf ends;
};

int eve_writer_new(struct eve_writer **ret_writer)
{
	struct eve_writer *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	bool fits = eve_tree_init(&e->tree);
	assert(fits);
	(void)fits;
	*ret_writer = e;
	return 0;
}

void eve_writer_free(struct eve_writer *e)
{
	if (!e)
		return;
	eve_pen_free(&e->pen);
	dynbuf_free(&e->ends);
	free(e);
}

/* One of our own names; of a literal the length is known here. */
static inline void put_name(struct eve_pen *p, struct text key, const char *name)
{
	eve_pen_word(p, key, (struct text){.p = name, .n = strlen(name)});
}

/* JSON's numbers are most readers' signed ones. */
static inline void put_count(struct eve_pen *p, struct text key, uint64_t n)
{
	eve_pen_count(p, key, n > INT64_MAX ? INT64_MAX : n);
}

static void put_protocol(struct eve_pen *p, uint8_t protocol)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {{PACKET_TCP, "TCP"}, {PACKET_UDP, "UDP"}, {PACKET_ICMP, "ICMP"},
	    {PACKET_ICMPV6, "IPv6-ICMP"}, {PACKET_SCTP, "SCTP"}, {PACKET_GRE, "GRE"}, {PACKET_ESP, "ESP"}};
	char number[4];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].protocol == protocol) {
			put_name(p, EVE_KEY("proto"), names[i].name);
			return;
		}
	snprintf(number, sizeof(number), "%03u", protocol);
	put_name(p, EVE_KEY("proto"), number);
}

static void put_ends(struct eve_pen *p, const struct msg_flow *f)
{
	char community[FLOW_COMMUNITY_ID_SIZE];
	bool ports = f->protocol == PACKET_TCP || f->protocol == PACKET_UDP || f->protocol == PACKET_SCTP;
	eve_pen_addr(p, EVE_KEY("src_ip"), f->initiator);
	if (ports)
		put_count(p, EVE_KEY("src_port"), f->initiator_port);
	eve_pen_addr(p, EVE_KEY("dest_ip"), f->responder);
	if (ports)
		put_count(p, EVE_KEY("dest_port"), f->responder_port);
	put_protocol(p, f->protocol);
	if (f->protocol == PACKET_ICMP || f->protocol == PACKET_ICMPV6) {
		put_count(p, EVE_KEY("icmp_type"), f->initiator_port);
		put_count(p, EVE_KEY("icmp_code"), f->responder_port);
	}
	if (f->vlan) {
		eve_pen_open(p, EVE_KEY("vlan"), '[');
		put_count(p, TEXT(""), f->vlan);
		eve_pen_close(p, ']');
	}
	put_name(p, EVE_KEY("community_id"),
	    flow_community_id(
	        f->initiator, f->responder, f->protocol, f->initiator_port, f->responder_port, community));
}

/* The same ends as in the line before are written the same. */
static void put_tuple(struct eve_writer *e, const struct msg_flow *f)
{
	struct eve_tuple *t = &e->tuple;
	bool same = e->ends.n && f->protocol == t->protocol && f->vlan == t->vlan &&
	            f->initiator_port == t->initiator_port && f->responder_port == t->responder_port &&
	            net_addr_equal(f->initiator, t->initiator) && net_addr_equal(f->responder, t->responder);
	if (same) {
		eve_pen_again(&e->pen, dynbuf_view(&e->ends));
		return;
	}
	*t = (struct eve_tuple){.initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_port = f->initiator_port,
	    .responder_port = f->responder_port,
	    .vlan = f->vlan,
	    .protocol = f->protocol};
	size_t before = eve_pen_view(&e->pen).n;
	put_ends(&e->pen, f);
	dynbuf_reset(&e->ends);
	if (!e->pen.line.error)
		dynbuf_text(&e->ends, text_sub(eve_pen_view(&e->pen), before, SIZE_MAX));
	if (e->ends.error)
		dynbuf_reset(&e->ends);
}

/* What every record begins with; the record stays open. */
static void begin(struct eve_writer *e, int64_t time)
{
	eve_pen_reset(&e->pen);
	eve_pen_open(&e->pen, TEXT(""), '{');
	eve_pen_time(&e->pen, EVE_KEY("timestamp"), time);
}

static void begin_flow(struct eve_writer *e, const struct msg_flow *f, int64_t time, const char *type)
{
	begin(e, time);
	put_count(&e->pen, EVE_KEY("flow_id"), f->id);
	put_name(&e->pen, EVE_KEY("event_type"), type);
	put_tuple(e, f);
}

/* Closes the record. */
static int finish(struct eve_writer *e, struct text *ret_line)
{
	eve_pen_close(&e->pen, '}');
	return eve_pen_finish(&e->pen, ret_line);
}

static void put_flags(struct eve_pen *p, struct text key, uint8_t flags)
{
	eve_pen_hex(p, key, text_bytes(&flags, 1));
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

static void put_counters(struct eve_pen *p, const struct msg_flow *f)
{
	eve_pen_open(p, EVE_KEY("flow"), '{');
	put_count(p, EVE_KEY("pkts_toserver"), f->packets_out);
	put_count(p, EVE_KEY("pkts_toclient"), f->packets_in);
	put_count(p, EVE_KEY("bytes_toserver"), f->wire_out);
	put_count(p, EVE_KEY("bytes_toclient"), f->wire_in);
	put_count(p, EVE_KEY("payload_bytes_toserver"), f->payload_out);
	put_count(p, EVE_KEY("payload_bytes_toclient"), f->payload_in);
	eve_pen_time(p, EVE_KEY("start"), f->first);
	eve_pen_time(p, EVE_KEY("end"), f->last);
	put_count(p, EVE_KEY("age"), (uint64_t)((f->last - f->first) / NS_PER_S));
	put_name(p, EVE_KEY("state"), flow_state(f));
	put_name(p, EVE_KEY("reason"),
	    f->end == FLOW_END_TIMEOUT   ? "timeout"
	    : f->end == FLOW_END_EVICTED ? "forced"
	                                 : "shutdown");
	eve_pen_close(p, '}');
}

static void put_tcp(struct eve_pen *p, const struct msg_flow *f)
{
	eve_pen_open(p, EVE_KEY("tcp"), '{');
	put_flags(p, EVE_KEY("tcp_flags"), f->tcp_flags_out | f->tcp_flags_in);
	put_flags(p, EVE_KEY("tcp_flags_ts"), f->tcp_flags_out);
	put_flags(p, EVE_KEY("tcp_flags_tc"), f->tcp_flags_in);
	put_name(p, EVE_KEY("state"), flow_tcp_state_name(f->tcp_state));
	eve_pen_close(p, '}');
}

int eve_writer_flow(struct eve_writer *e, const struct msg_flow *f, struct text *ret_line)
{
	struct eve_pen *p = &e->pen;
	begin_flow(e, f, f->last, "flow");
	put_name(p, EVE_KEY("app_proto"), f->app ? app_name(f->app) : "failed");
	put_counters(p, f);
	if (f->protocol == PACKET_TCP)
		put_tcp(p, f);
	if (f->parent)
		put_count(p, EVE_KEY("parent_id"), f->parent);
	if (f->also.n) {
		eve_pen_open(p, EVE_KEY("also_seen"), '[');
		for (uint32_t i = 0; i < f->also.n; i++)
			put_count(p, TEXT(""), f->also.v[i]);
		eve_pen_close(p, ']');
	}
	return finish(e, ret_line);
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
	bool anomaly = t->fields.n && t->fields.v[0].field == FIELD_ANOMALY_EVENT;
	begin_flow(e, f, t->time, anomaly ? "anomaly" : event_type(t->app));
	eve_tree_put(&e->tree, &e->pen, t->fields.v, t->fields.n);
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
		put_name(&e->pen, EVE_KEY("app_proto"), app_name(f->app));
		return;
	}
	begin(e, d->time);
	put_name(&e->pen, EVE_KEY("event_type"), "alert");
	eve_pen_addr(&e->pen, EVE_KEY("src_ip"), d->asset);
	if (!net_addr_is_none(d->peer))
		eve_pen_addr(&e->pen, EVE_KEY("dest_ip"), d->peer);
}

static void put_metadata(struct eve_pen *p, const struct msg_detection *d)
{
	eve_pen_open(p, EVE_KEY("metadata"), '{');
	eve_pen_open(p, EVE_KEY("mitre_technique_id"), '[');
	eve_pen_text(p, TEXT(""), d->technique);
	eve_pen_close(p, ']');
	put_name(p, EVE_KEY("source"), msg_source_name(d->source));
	eve_pen_real(p, EVE_KEY("confidence"), d->confidence);
	put_count(p, EVE_KEY("detection_id"), d->id);
	eve_pen_close(p, '}');
}

int eve_writer_alert(
    struct eve_writer *e, const struct msg_flow *f, const struct msg_detection *d, struct text *ret_line)
{
	struct eve_pen *p = &e->pen;
	begin_alert(e, f, d);
	eve_pen_open(p, EVE_KEY("alert"), '{');
	put_name(p, EVE_KEY("action"), "allowed");
	put_count(p, EVE_KEY("gid"), 1);
	put_count(p, EVE_KEY("signature_id"), 0);
	put_count(p, EVE_KEY("rev"), 1);
	eve_pen_text(p, EVE_KEY("signature"), d->why);
	eve_pen_text(p, EVE_KEY("category"), d->name);
	put_count(p, EVE_KEY("severity"), (uint64_t)severity_of(d->confidence));
	put_metadata(p, d);
	eve_pen_close(p, '}');
	return finish(e, ret_line);
}
