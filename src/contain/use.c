/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/use.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/timefmt.h"
#include "contain/legitimate.h"
#include "incident/flows.h"

/* A baseline shorter than this share of what was seen is too little to weigh services by. */
#define BASELINE_LEAST 0.1

struct use_key {
	struct net_addr initiator, responder;
	uint16_t port, app;
	uint8_t protocol;
	uint8_t zero[3];
};

struct collect {
	const struct plan_input *in;
	struct table *uses; /* struct use_key -> struct use */
	struct legitimate *legitimate;
	int64_t until;       /* only flows that begin before */
	int64_t first, last; /* of what was counted */
	int64_t all_first, all_last;
	uint64_t flows;
	bool merged;
};

static int take_span(void *context, const struct msg_flow *f)
{
	struct collect *c = context;
	if (c->all_first == 0 || f->first < c->all_first)
		c->all_first = f->first;
	if (f->last > c->all_last)
		c->all_last = f->last;
	return 0;
}

static struct use use_of(const struct plan_input *in, const struct msg_flow *f)
{
	uint16_t zone = net_zone_of(in->zones, f->responder);
	int service = legitimate_service_of(in, f, zone);
	return (struct use){.initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_asset = asset_of(in->assets, f->initiator),
	    .responder_asset = asset_of(in->assets, f->responder),
	    .initiator_zone = net_zone_of(in->zones, f->initiator),
	    .responder_zone = zone,
	    .port = f->responder_port,
	    .app = f->app,
	    .protocol = f->protocol,
	    .criticality = service < 0 ? 1 : in->services[service].criticality,
	    .service = service,
	    .flow = f->id};
}

static int take_use(void *context, const struct msg_flow *f)
{
	struct collect *c = context;
	int fresh;
	if (!legitimate_was_used(f) || f->first >= c->until || net_addr_is_multicast(f->responder) ||
	    legitimate_is_intrusion(c->legitimate, f))
		return 0;
	c->flows++;
	if (c->first == 0 || f->first < c->first)
		c->first = f->first;
	if (f->last > c->last)
		c->last = f->last;
	struct use_key key = {.initiator = f->initiator,
	    .responder = f->responder,
	    .port = f->responder_port,
	    .app = f->app,
	    .protocol = f->protocol};
	struct use *u = table_put(c->uses, &key, &fresh);
	if (!u) {
		c->merged = true;
		return 0;
	}
	if (fresh)
		*u = use_of(c->in, f);
	u->flows++;
	return 0;
}

/* By address, port: the order of the table depends on nothing but the archive, but sorted is easier to read
 * and to test. */
static int by_key(const void *left, const void *right)
{
	const struct use *a = left, *b = right;
	int order = net_addr_compare(a->initiator, b->initiator);
	if (order == 0)
		order = net_addr_compare(a->responder, b->responder);
	if (order == 0)
		order = (int)a->protocol - (int)b->protocol;
	if (order == 0)
		order = (int)a->port - (int)b->port;
	return order ? order : (int)a->app - (int)b->app;
}

static int give_list(struct collect *c, struct arena *arena, struct use_list *ret_uses)
{
	struct use_list list = {.n = table_count(c->uses), .flows = c->flows, .merged = c->merged};
	list.v = arena_array(arena, list.n, sizeof(*list.v));
	if (!list.v)
		return -ENOMEM;
	size_t pos = 0, n = 0;
	for (const struct use *u; (u = table_next(c->uses, &pos, NULL));)
		list.v[n++] = *u;
	if (n)
		qsort(list.v, n, sizeof(*list.v), by_key);
	int64_t span = c->last - c->first;
	list.per_day = 86400.0 * (double)NS_PER_S / (double)(span > NS_PER_S ? span : NS_PER_S);
	*ret_uses = list;
	return 0;
}

static int collect_all(struct collect *c, struct incident_flows *flows)
{
#define FIELD(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)
	static const struct archive_filter span = {.columns = FIELD(FIRST) | FIELD(LAST)};
	static const struct archive_filter use = {
	    .columns = FIELD(ID) | FIELD(PARENT) | FIELD(PROTOCOL) | FIELD(INITIATOR) | FIELD(RESPONDER) |
	               FIELD(RESPONDER_PORT) | FIELD(FIRST) | FIELD(LAST) | FIELD(PACKETS_OUT) |
	               FIELD(PACKETS_IN) | FIELD(PAYLOAD_OUT) | FIELD(PAYLOAD_IN) | FIELD(APP)};
#undef FIELD
	int r = incident_flows_scan(flows, &span, take_span, c);
	if (r < 0)
		return r;
	int64_t before = c->in->incident->first;
	bool enough = (double)(before - c->all_first) >=
	              BASELINE_LEAST * (double)(c->all_last - c->all_first);
	c->until = enough ? before : INT64_MAX;
	r = incident_flows_scan(flows, &use, take_use, c);
	if (r == 0 && c->flows == 0 && enough) {
		/* nothing legitimate was seen before: take what went on beside the incident */
		c->until = INT64_MAX;
		r = incident_flows_scan(flows, &use, take_use, c);
	}
	return r;
}

int use_collect(const struct plan_input *in, struct arena *arena, struct use_list *ret_uses)
{
	struct collect c = {.in = in};
	struct incident_flows *flows = NULL;
	int r = table_new(&c.uses, sizeof(struct use_key), sizeof(struct use), USES_MAX, in->seed);
	if (r == 0)
		r = legitimate_new(&c.legitimate, in);
	if (r == 0)
		r = incident_flows_open(&flows, in->archive);
	if (r == 0)
		r = collect_all(&c, flows);
	if (r == 0)
		r = give_list(&c, arena, ret_uses);
	incident_flows_close(flows);
	table_free(c.uses);
	legitimate_free(c.legitimate);
	return r;
}
