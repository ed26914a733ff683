/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/legitimate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "net/app.h"

struct legitimate {
	const struct asset_map *assets;
	struct table *flows; /* record id -> nothing: what detections rest on */
	struct table *peers; /* address -> nothing */
	struct table *held;  /* asset -> nothing: what the intruder holds */
};

static int mark(struct legitimate *l, const struct incident *incident)
{
	for (size_t i = 0; i < incident->n_detections; i++)
		for (uint32_t j = 0; j < incident->detections[i]->flows.n; j++)
			if (!table_put(l->flows, &incident->detections[i]->flows.v[j], NULL))
				return -ENOMEM;
	for (size_t i = 0; i < incident->n_peers && i < LEGITIMATE_PEERS_MAX; i++)
		if (!table_put(l->peers, &incident->peers[i].addr, NULL))
			return -ENOMEM;
	for (size_t i = 0; i < incident->n_assets; i++)
		if (incident->assets[i].state != INCIDENT_ASSET_TARGET &&
		    !table_put(l->held, &incident->assets[i].asset, NULL))
			return -ENOMEM;
	return 0;
}

int legitimate_new(struct legitimate **ret_legitimate, const struct plan_input *in)
{
	struct legitimate *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->assets = in->assets;
	int r = table_new(&l->flows, sizeof(uint64_t), 1, LEGITIMATE_FLOWS_MAX, in->seed);
	if (r == 0)
		r = table_new(&l->peers, sizeof(struct net_addr), 1, LEGITIMATE_PEERS_MAX, in->seed);
	if (r == 0)
		r = table_new(&l->held, sizeof(uint32_t), 1, ASSETS_MAX, in->seed);
	if (r == 0)
		r = mark(l, in->incident);
	if (r < 0) {
		legitimate_free(l);
		return r;
	}
	*ret_legitimate = l;
	return 0;
}

void legitimate_free(struct legitimate *l)
{
	if (!l)
		return;
	table_free(l->flows);
	table_free(l->peers);
	table_free(l->held);
	free(l);
}

static bool is_held(const struct legitimate *l, struct net_addr a)
{
	uint32_t asset = asset_of(l->assets, a);
	return table_get(l->held, &asset);
}

bool legitimate_is_intrusion(const struct legitimate *l, const struct msg_flow *f)
{
	return table_get(l->flows, &f->id) ||
	       (table_get(l->peers, &f->responder) && is_held(l, f->initiator)) ||
	       (table_get(l->peers, &f->initiator) && is_held(l, f->responder));
}

bool legitimate_was_used(const struct msg_flow *f)
{
	return f->packets_out && f->packets_in && (f->payload_out || f->payload_in) && !f->parent;
}

int legitimate_service_of(const struct plan_input *in, const struct msg_flow *f, uint16_t responder_zone)
{
	int best = -1;
	for (size_t i = 0; i < in->n_services; i++) {
		const struct plan_service *s = &in->services[i];
		bool there = s->to_zone ? s->zone == responder_zone
		                        : net_prefix_contains(s->prefix, f->responder);
		bool that = (!s->protocol || s->protocol == f->protocol) &&
		            (!s->port || s->port == f->responder_port);
		if (there && that && (best < 0 || s->criticality > in->services[best].criticality))
			best = (int)i;
	}
	return best;
}

static const char *protocol_of(const struct legitimate_service *s)
{
	return s->app != APP_UNKNOWN ? app_name(s->app) : s->protocol == 6 ? "tcp" : "udp";
}

char *legitimate_text(const struct plan_input *in, const struct legitimate_service *s, char *buf)
{
	char name[ASSET_TEXT_SIZE], addr[NET_ADDR_TEXT_SIZE];
	uint32_t asset = asset_of(in->assets, s->responder);
	if (s->service >= 0)
		snprintf(buf, LEGITIMATE_TEXT_SIZE, "%s", in->services[s->service].name);
	else
		snprintf(buf, LEGITIMATE_TEXT_SIZE, "%s to %s port %u", protocol_of(s),
		    asset == ASSET_NONE ? net_addr_text(s->responder, addr)
		                        : asset_text(in->assets, asset, name),
		    s->port);
	return buf;
}
