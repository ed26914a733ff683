/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/gather.h"

#include <errno.h>

#include "exposure/network.h"

/* RFC 5771 (224.0.0/24), RFC 4291 2.7 (scopes 1 and 2), and 255.255.255.255: never forwarded by a router. */
static bool addr_stays_on_link(struct net_addr a)
{
	if (!net_addr_is_multicast(a))
		return false;
	if (!net_addr_is_v4(a))
		return (a.b[1] & 0x0f) <= 2;
	return a.b[12] == 255 || (a.b[12] == 224 && a.b[13] == 0 && a.b[14] == 0);
}

bool gather_in_window(const struct exposure_input *in, const struct msg_flow *f)
{
	return f->last >= in->from && (in->to == 0 || f->first < in->to);
}

/* Whether one of the tunnels around f has just one end in the zone: its own bytes hold f's. */
static bool tunnel_crosses_zone(const struct gather *g, const struct msg_flow *f)
{
	struct incident_tunnel outer[INCIDENT_TUNNELS_MAX];
	size_t n = f->parent ? incident_flows_outer(g->flows, f, outer) : 0;
	for (size_t i = 0; i < n; i++) {
		struct end a = ends_of(g->places.ends, outer[i].initiator),
		           b = ends_of(g->places.ends, outer[i].responder);
		if (place_end_in_zone(&g->places, &a) != place_end_in_zone(&g->places, &b))
			return true;
	}
	return false;
}

bool gather_outflow(
    const struct gather *g, const struct gather_flow *f, struct end *ret_to, uint64_t *ret_bytes)
{
	bool from_initiator = place_end_in_zone(&g->places, &f->initiator);
	if (from_initiator == place_end_in_zone(&g->places, &f->responder))
		return false;
	const struct end *to = from_initiator ? &f->responder : &f->initiator;
	if (addr_stays_on_link(to->addr) || net_addr_is_unspecified(to->addr) || tunnel_crosses_zone(g, f->f))
		return false;
	*ret_to = *to;
	*ret_bytes = from_initiator ? f->f->payload_out : f->f->payload_in;
	return true;
}

static void gather_direct(struct gather *g, const struct gather_flow *f)
{
	struct end to;
	uint64_t bytes;
	if (!gather_outflow(g, f, &to, &bytes))
		return;
	int64_t baseline_until = g->in->baseline_until ? g->in->baseline_until : g->in->from;
	bool counts = bytes && gather_in_window(g->in, f->f), known_before = f->f->first < baseline_until;
	struct destination_sum *d = counts || known_before ? table_put(g->destinations, &to.addr, NULL)
	                                                   : NULL;
	if (d && known_before)
		d->baseline = true;
	if (!counts)
		return;
	if (d) {
		d->bytes = bytes_sum(d->bytes, bytes);
		d->flows++;
	} else {
		g->unlisted_bytes = bytes_sum(g->unlisted_bytes, bytes);
	}
	g->direct_bytes = bytes_sum(g->direct_bytes, bytes);
	if (!to.inside)
		g->direct_external_bytes = bytes_sum(g->direct_external_bytes, bytes);
	else if (net_addr_is_multicast(to.addr))
		g->multicast_bytes = bytes_sum(g->multicast_bytes, bytes);
}

/* Whether data that moves between a pair of places at all moves between the other pair too, as far as the
 * graph can tell. */
static bool same_side(const struct places *p, uint32_t a, uint32_t b)
{
	if (a == b)
		return true;
	if (a == PLACE_NONE || b == PLACE_NONE)
		return false;
	enum place_kind kind = place_kind_of(p, a);
	return kind != PLACE_INSIDE && kind == place_kind_of(p, b);
}

/* Whether a tunnel around f runs between the same two sides: then the graph has the tunnel's bytes, and f's
 * among them. */
static int tunnel_carries(
    struct gather *g, const struct msg_flow *f, uint32_t from, uint32_t to, bool *ret_carries)
{
	struct incident_tunnel outer[INCIDENT_TUNNELS_MAX];
	size_t n = f->parent ? incident_flows_outer(g->flows, f, outer) : 0;
	*ret_carries = false;
	for (size_t i = 0; i < n && !*ret_carries; i++) {
		struct end initiator = ends_of(g->places.ends, outer[i].initiator),
		           responder = ends_of(g->places.ends, outer[i].responder);
		uint32_t a = 0, b = 0;
		int error = place_of(&g->places, &initiator, &a);
		if (error == 0)
			error = place_of(&g->places, &responder, &b);
		if (error < 0)
			return error;
		*ret_carries = (same_side(&g->places, from, a) && same_side(&g->places, to, b)) ||
		               (same_side(&g->places, from, b) && same_side(&g->places, to, a));
	}
	return 0;
}

/*
 * From when an intruder can have had the transfer happen, or got at what it carried. A machine that the
 * spread cleared passes nothing on for him. What reaches a machine that he can come to hold is his whenever
 * it came there; what one that he holds sends is his from then on.
 */
static int64_t intruder_first(const struct gather *g, const struct transfer *t, struct net_addr to)
{
	const struct places *p = &g->places;
	int64_t held = place_held_from(p, t->from);
	if (place_kind_of(p, t->from) == PLACE_INSIDE && held == INT64_MAX)
		return INT64_MAX;
	bool reaches_him = place_kind_of(p, t->to) == PLACE_OUTSIDE ? place_is_bad(g->in, to)
	                                                            : place_held_from(p, t->to) != INT64_MAX;
	if (reaches_him)
		return t->first;
	if (held > t->last)
		return INT64_MAX;
	return held > t->first ? held : t->first;
}

static int gather_transfer(struct gather *g, const struct msg_flow *f, uint32_t from, uint32_t to,
    struct net_addr to_addr, uint64_t bytes)
{
	if (bytes == 0 || place_kind_of(&g->places, from) == PLACE_OUTSIDE ||
	    place_kind_of(&g->places, to) == PLACE_ZONE)
		return 0;
	struct transfer t = {.first = f->first > g->in->from ? f->first : g->in->from,
	    .last = g->in->to && f->last >= g->in->to ? g->in->to - 1 : f->last,
	    .bytes = bytes,
	    .flow = f->id,
	    .from = from,
	    .to = to};
	if (t.last < t.first)
		t.last = t.first; /* a record whose times are turned around */
	t.intruder_first = intruder_first(g, &t, to_addr);
	return transfers_add(&g->transfers, &g->places, &t);
}

static int gather_transfers(struct gather *g, const struct gather_flow *f)
{
	uint32_t from = PLACE_NONE, to = PLACE_NONE;
	bool carried = false;
	int error = place_of(&g->places, &f->initiator, &from);
	if (error == 0)
		error = place_of(&g->places, &f->responder, &to);
	if (error < 0 || from == PLACE_NONE || to == PLACE_NONE || from == to)
		return error;
	error = tunnel_carries(g, f->f, from, to, &carried);
	if (error < 0 || carried)
		return error;
	error = gather_transfer(g, f->f, from, to, f->f->responder, f->f->payload_out);
	return error < 0 ? error : gather_transfer(g, f->f, to, from, f->f->initiator, f->f->payload_in);
}

static void gather_datagram(struct gather *g, uint64_t wire, uint64_t packets)
{
	uint64_t mean = packets ? wire / packets : 0;
	g->datagram = mean > g->datagram ? mean : g->datagram;
}

static int gather_one(struct gather *g, const struct gather_flow *flow)
{
	const struct msg_flow *f = flow->f;
	if (g->in->to && f->first >= g->in->to)
		return 0;
	gather_direct(g, flow);
	if (!gather_in_window(g->in, f))
		return 0;
	gather_datagram(g, f->wire_out, f->packets_out);
	gather_datagram(g, f->wire_in, f->packets_in);
	g->first = f->first < g->first ? f->first : g->first;
	g->last = f->last > g->last ? f->last : g->last;
	return gather_transfers(g, flow);
}

struct gather_scan {
	struct gather *gathers;
	size_t n;
};

static int gather_flow(void *context, const struct msg_flow *f)
{
	const struct gather_scan *s = context;
	struct ends *ends = s->gathers[0].places.ends;
	const struct gather_flow flow = {
	    .f = f, .initiator = ends_of(ends, f->initiator), .responder = ends_of(ends, f->responder)};
	int error = 0;
	for (size_t i = 0; i < s->n && error == 0; i++)
		error = gather_one(&s->gathers[i], &flow);
	return error;
}

int gather_new(
    struct gather *g, const struct exposure_input *in, struct incident_flows *flows, struct ends *ends)
{
	*g = (struct gather){.in = in, .flows = flows, .first = INT64_MAX, .last = INT64_MIN};
	g->transfers.max = TRANSFERS_HELD_MAX;
	int error = places_new(&g->places, in, ends);
	if (error == 0)
		error = table_new(&g->destinations, sizeof(struct net_addr), sizeof(struct destination_sum),
		    DESTINATIONS_HELD_MAX, asset_map_seed(in->assets));
	return error;
}

void gather_window(const struct gather *gathers, size_t n, int64_t *ret_from, int64_t *ret_to)
{
	int64_t from = INT64_MAX, to = INT64_MIN;
	bool open = false;
	for (size_t i = 0; i < n; i++) {
		const struct exposure_input *in = gathers[i].in;
		from = in->from < from ? in->from : from;
		to = in->to > to ? in->to : to;
		open |= in->to == 0;
	}
	*ret_from = from;
	*ret_to = open ? 0 : to;
}

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

uint64_t gather_outflow_columns(void)
{
	return COLUMN(ID) | COLUMN(PARENT) | COLUMN(INITIATOR) | COLUMN(RESPONDER) | COLUMN(FIRST) |
	       COLUMN(LAST) | COLUMN(PAYLOAD_OUT) | COLUMN(PAYLOAD_IN);
}

int gather_run(struct gather *gathers, size_t n)
{
	struct gather_scan scan = {.gathers = gathers, .n = n};
	struct archive_filter filter = {.columns = gather_outflow_columns() | COLUMN(WIRE_OUT) |
	                                           COLUMN(WIRE_IN) | COLUMN(PACKETS_OUT) |
	                                           COLUMN(PACKETS_IN)};
	int64_t from;
	gather_window(gathers, n, &from, &filter.to);
	int error = incident_flows_scan(gathers[0].flows, &filter, gather_flow, &scan);
	return error < 0 ? error : 0;
}

void gather_free(struct gather *g)
{
	transfers_free(&g->transfers);
	places_free(&g->places);
	table_free(g->destinations);
	*g = (struct gather){0};
}
