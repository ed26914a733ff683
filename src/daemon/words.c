/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/words.h"

#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "flow/flow.h"
#include "msg/msg.h"
#include "net/app.h"

static void put_time(struct dynbuf *out, const char *before, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	dynbuf_printf(out, "%s%s", before, ns ? time_rfc3339(ns, text) : "an unknown time");
}

static void put_addr(struct dynbuf *out, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	dynbuf_str(out, net_addr_is_none(a) ? "nobody" : net_addr_text(a, text));
}

static void put_end(struct dynbuf *out, struct net_addr a, unsigned port)
{
	bool brackets = port && !net_addr_is_v4(a);
	dynbuf_str(out, brackets ? "[" : "");
	put_addr(out, a);
	dynbuf_str(out, brackets ? "]" : "");
	if (port)
		dynbuf_printf(out, ":%u", port);
}

static void put_text(struct dynbuf *out, struct text t)
{
	if (text_append_printable(out, t) < 0 && out->error == 0)
		out->error = -ENOMEM;
}

static void put_ids(struct dynbuf *out, const char *before, struct msg_u64s ids)
{
	for (uint32_t i = 0; i < ids.n; i++)
		dynbuf_printf(out, "%s%" PRIu64, i ? ", " : before, ids.v[i]);
}

static void put_protocol(struct dynbuf *out, unsigned protocol)
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {{1, "ICMP"}, {6, "TCP"}, {17, "UDP"}, {47, "GRE"}, {58, "ICMPv6"}, {132, "SCTP"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == protocol) {
			dynbuf_str(out, names[i].name);
			return;
		}
	dynbuf_printf(out, "IP protocol %u", protocol);
}

static const char *end_words(unsigned end)
{
	static const char *const words[] = {[FLOW_END_NONE] = "a snapshot, the flow goes on",
	    [FLOW_END_FIN] = "closed by both ends",
	    [FLOW_END_RST] = "reset",
	    [FLOW_END_TIMEOUT] = "ended by silence",
	    [FLOW_END_EVICTED] = "ended early for want of room",
	    [FLOW_END_CAPTURE] = "still open when the capture ended"};
	return end < sizeof(words) / sizeof(*words) ? words[end] : "ended in a way unknown to this program";
}

static int flow_words(struct text t, struct arena *arena, struct dynbuf *out)
{
	struct msg_flow f;
	int r = msg_flow_decode(t.p, t.n, arena, &f);
	if (r < 0)
		return r;
	dynbuf_printf(out, "flow %" PRIu64 ": ", f.id);
	put_protocol(out, f.protocol);
	dynbuf_str(out, " from ");
	put_end(out, f.initiator, f.initiator_port);
	dynbuf_str(out, " to ");
	put_end(out, f.responder, f.responder_port);
	if (f.name.n) {
		dynbuf_str(out, " called ");
		put_text(out, f.name);
	}
	dynbuf_printf(out, ", application %s\n", app_name(f.app));
	put_time(out, "  from ", f.first);
	put_time(out, " to ", f.last);
	dynbuf_printf(out, ", %s\n", end_words(f.end));
	dynbuf_printf(out,
	    "  payload %" PRIu64 " bytes out, %" PRIu64 " bytes in; packets %" PRIu64 " out, %" PRIu64
	    " in; seen at vantage %u\n",
	    f.payload_out, f.payload_in, f.packets_out, f.packets_in, f.vantage);
	if (f.duplicate_of)
		dynbuf_printf(out, "  the same flow as %" PRIu64 ", from another vantage\n", f.duplicate_of);
	return 0;
}

static void put_field(struct dynbuf *out, const struct field_value *v)
{
	const char *name = field_name(v->field);
	struct net_addr a;
	char text[2 * 64 + 1];
	if (*name)
		dynbuf_str(out, name);
	else
		dynbuf_printf(out, "field %u", (unsigned)v->field);
	dynbuf_u8(out, ' ');
	if (field_kind_of(v->field) == FIELD_KIND_ADDR && v->value.n == sizeof(a.b)) {
		put_addr(out, net_addr_v6((const uint8_t *)v->value.p));
	} else if (field_kind_of(v->field) == FIELD_KIND_HEX) {
		for (size_t i = 0; i < v->value.n; i += 64) {
			struct text part = text_sub(v->value, i, 64);
			dynbuf_str(out, num_hex((const uint8_t *)part.p, part.n, text));
		}
	} else {
		put_text(out, v->value);
	}
}

static int transaction_words(struct text encoded, struct arena *arena, struct dynbuf *out)
{
	struct msg_transaction t;
	int r = msg_transaction_decode(encoded.p, encoded.n, arena, &t);
	if (r < 0)
		return r;
	dynbuf_printf(out, "transaction %" PRIu64 ": %s, of flow %" PRIu64, t.id, app_name(t.app), t.flow);
	put_time(out, ", at ", t.time);
	dynbuf_str(out, "\n");
	for (uint32_t i = 0; i < t.fields.n; i++) {
		dynbuf_str(out, i ? ", " : "  ");
		put_field(out, &t.fields.v[i]);
	}
	dynbuf_str(out, t.fields.n ? "\n" : "");
	return 0;
}

static int detection_words(struct text t, struct arena *arena, struct dynbuf *out)
{
	struct msg_detection d;
	int r = msg_detection_decode(t.p, t.n, arena, &d);
	if (r < 0)
		return r;
	dynbuf_printf(out, "detection %" PRIu64 ": ", d.id);
	put_text(out, d.name);
	dynbuf_printf(out, " (%s", msg_source_name(d.source));
	dynbuf_str(out, d.technique.n ? ", " : "");
	put_text(out, d.technique);
	dynbuf_printf(out, "), confidence %.2f, %s ", d.confidence, msg_role_name(d.asset_role));
	put_addr(out, d.asset);
	if (!net_addr_is_none(d.peer)) {
		dynbuf_printf(out, ", %s ", msg_role_name(d.peer_role));
		put_addr(out, d.peer);
	}
	put_time(out, "\n  from ", d.time);
	put_time(out, " to ", d.last);
	dynbuf_printf(out, ", %" PRIu64 " observations", d.count);
	put_ids(out, "; flows ", d.flows);
	dynbuf_str(out, "\n  ");
	put_text(out, d.why);
	if (d.indicator.n) {
		dynbuf_str(out, "; indicator: ");
		put_text(out, d.indicator);
	}
	if (d.tlp)
		dynbuf_printf(out, " [%s]", msg_tlp_name(d.tlp));
	dynbuf_str(out, "\n");
	return 0;
}

static int binding_words(struct text t, struct arena *arena, struct dynbuf *out)
{
	static const char *const sources[] = {"", "ARP", "NDP", "DHCP", "a DNS answer", "NTLM or SMB"};
	struct msg_binding b;
	char mac[NET_MAC_TEXT_SIZE];
	int r = msg_binding_decode(t.p, t.n, arena, &b);
	if (r < 0)
		return r;
	dynbuf_printf(out, "binding %" PRIu64 ": ", b.id);
	put_addr(out, b.addr);
	dynbuf_printf(out, " is %s", net_mac_text(b.mac, mac));
	if (b.name.n) {
		dynbuf_str(out, " or is called ");
		put_text(out, b.name);
	}
	if (b.source && b.source < sizeof(sources) / sizeof(*sources))
		dynbuf_printf(out, ", by %s", sources[b.source]);
	put_time(out, "\n  from ", b.first);
	put_time(out, " to ", b.last);
	dynbuf_printf(out, ", seen at vantage %u\n", b.vantage);
	return 0;
}

static int coverage_words(struct text t, struct arena *arena, struct dynbuf *out)
{
	struct msg_coverage c;
	int r = msg_coverage_decode(t.p, t.n, arena, &c);
	if (r < 0)
		return r;
	dynbuf_printf(out, "coverage %" PRIu64 ": link ", c.id);
	put_text(out, c.name);
	dynbuf_str(out, ", read from ");
	put_text(out, c.origin);
	put_time(out, "\n  from ", c.from);
	put_time(out, " to ", c.to);
	dynbuf_printf(out, ", %" PRIu64 " packets, %" PRIu64 " bytes, ", c.packets, c.bytes);
	if (c.dropped == UINT64_MAX)
		dynbuf_str(out, "losses not told by the source\n");
	else
		dynbuf_printf(out, "%" PRIu64 " packets lost\n", c.dropped);
	if (c.why.n) {
		dynbuf_str(out, "  ");
		put_text(out, c.why);
		dynbuf_str(out, "\n");
	}
	return 0;
}

int words_record(struct text encoded, struct dynbuf *out)
{
	static int (*const kinds[])(struct text, struct arena *, struct dynbuf *) = {
	    [MSG_FLOW] = flow_words,
	    [MSG_TRANSACTION] = transaction_words,
	    [MSG_DETECTION] = detection_words,
	    [MSG_BINDING] = binding_words,
	    [MSG_COVERAGE] = coverage_words,
	};
	struct arena arena = {0};
	uint16_t record;
	size_t length;
	int r = msg_peek(encoded.p, encoded.n, &record, &length);
	if (r == 0 && (record >= sizeof(kinds) / sizeof(*kinds) || !kinds[record]))
		r = -ERR_UNSUPPORTED;
	if (r == 0)
		r = kinds[record](encoded, &arena, out);
	arena_free(&arena);
	return r < 0 ? r : out->error;
}
