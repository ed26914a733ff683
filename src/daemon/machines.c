/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/machines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/table.h"
#include "incident/flows.h"

/* Claims that were told, the last one at each place: a few MACs stand in all flows of a link. */
enum { CLAIMS_KEPT = 1 << 14 };

/* Why a flow is wanted: its initiator or its responder has not been met as a sender, or it has MACs. */
enum { MARK_INITIATOR = 1 << 0, MARK_RESPONDER = 1 << 1, MARK_MACS = 1 << 2 };

struct claim {
	struct net_addr addr;
	struct net_mac mac;
};

struct machines {
	struct asset_map *assets;
	const struct net_zone_map *zones;
	struct table *sent;   /* struct net_addr of the inside -> nothing */
	struct claim *claims; /* CLAIMS_KEPT */
	uint64_t seed;
};

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

static bool addr_is_new(const struct machines *m, struct net_addr a)
{
	return !table_get(m->sent, &a) && net_zone_is_inside(m->zones, a);
}

static int machines_ends(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to)
{
	const struct machines *m = context;
	for (size_t i = 0; i < n; i++) {
		bool fresh = addr_is_new(m, addrs[i]);
		from[i] = (uint8_t)(MARK_RESPONDER | MARK_MACS | (fresh ? MARK_INITIATOR : 0));
		to[i] = (uint8_t)(MARK_INITIATOR | MARK_MACS | (fresh ? MARK_RESPONDER : 0));
	}
	return 0;
}

static bool mac_is_none(struct net_mac mac)
{
	static const struct net_mac none;
	return memcmp(&mac, &none, sizeof(mac)) == 0;
}

static struct claim *claim_place(const struct machines *m, const struct claim *c)
{
	return &m->claims[hash_bytes(c, sizeof(*c), m->seed) % CLAIMS_KEPT];
}

/* Whether the MAC's claim to the address is still to be told. */
static bool claim_is_new(const struct machines *m, struct net_mac mac, struct net_addr addr)
{
	struct claim c = {.addr = addr, .mac = mac};
	return !mac_is_none(mac) && memcmp(claim_place(m, &c), &c, sizeof(c)) != 0;
}

static bool machines_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct machines *m = context;
	if (common & (MARK_INITIATOR | MARK_RESPONDER))
		return true;
	return f->parent == 0 && (claim_is_new(m, f->initiator_mac, f->initiator) ||
	                             claim_is_new(m, f->responder_mac, f->responder));
}

/* What the map was told of an end that sent need not be told again. */
static void end_note(struct machines *m, struct net_addr addr, struct net_mac mac, bool outermost)
{
	struct claim c = {.addr = addr, .mac = mac};
	if (addr_is_new(m, addr))
		(void)table_put(m->sent, &addr, NULL);
	if (outermost && !mac_is_none(mac))
		*claim_place(m, &c) = c;
}

static int machines_flow(void *context, const struct msg_flow *f)
{
	struct machines *m = context;
	if (f->packets_out || f->payload_out)
		end_note(m, f->initiator, f->initiator_mac, f->parent == 0);
	if (f->packets_in || f->payload_in)
		end_note(m, f->responder, f->responder_mac, f->parent == 0);
	return asset_map_flow(m->assets, f);
}

int machines_read(
    struct asset_map *assets, const struct net_zone_map *zones, struct archive *archive, uint64_t seed)
{
	static const struct archive_hints hints = {.ends = machines_ends,
	    .pick = machines_pick,
	    .pick_columns = COLUMN(PARENT) | COLUMN(INITIATOR) | COLUMN(RESPONDER) | COLUMN(INITIATOR_MAC) |
	                    COLUMN(RESPONDER_MAC)};
	const struct archive_filter filter = {.columns = hints.pick_columns | COLUMN(PACKETS_OUT) |
	                                                 COLUMN(PACKETS_IN) | COLUMN(PAYLOAD_OUT) |
	                                                 COLUMN(PAYLOAD_IN),
	    .hints = &hints};
	struct machines m = {.assets = assets, .zones = zones, .seed = seed};
	m.claims = calloc(CLAIMS_KEPT, sizeof(*m.claims));
	int r = m.claims ? table_new(&m.sent, sizeof(struct net_addr), 1, MACHINES_KEPT, seed) : -ENOMEM;
	if (r == 0)
		r = archive_scan_flows(archive, &filter, machines_flow, &m);
	table_free(m.sent);
	free(m.claims);
	return r;
}

static int count_flow(void *context, const struct msg_flow *f)
{
	struct machines_stat *s = context;
	if (f->duplicate_of) {
		s->duplicates++;
		return 0;
	}
	if (f->end)
		s->flows++;
	else
		s->unfinished++;
	if (f->first && (s->first == 0 || f->first < s->first))
		s->first = f->first;
	if (f->last > s->last)
		s->last = f->last;
	return 0;
}

/* Of the snapshots only those that no record of the flow came after. */
static int count_unfinished(struct archive *archive, uint64_t *ret_n)
{
	struct incident_flows *flows;
	int r = incident_flows_open(&flows, archive);
	if (r < 0)
		return r;
	*ret_n = incident_flows_unfinished(flows);
	incident_flows_close(flows);
	return 0;
}

int machines_count(struct archive *archive, unsigned threads, struct machines_stat *ret_stat)
{
	static const struct archive_filter all = {
	    .duplicates = true, .columns = COLUMN(DUPLICATE_OF) | COLUMN(FIRST) | COLUMN(LAST) | COLUMN(END)};
	struct machines_stat parts[MACHINES_THREADS] = {0}, sum = {0};
	struct archive_hunt_stat stat;
	void *contexts[MACHINES_THREADS] = {0};
	threads = threads < MACHINES_THREADS ? threads : MACHINES_THREADS;
	for (size_t i = 0; i < threads; i++)
		contexts[i] = &parts[i];
	int r = archive_hunt_flows(archive, &all, threads, count_flow, contexts, &stat);
	if (r == 0 && stat.n_gaps)
		r = stat.gaps[0].error;
	for (size_t i = 0; i < threads; i++) {
		sum.flows += parts[i].flows;
		sum.duplicates += parts[i].duplicates;
		sum.unfinished += parts[i].unfinished;
		if (parts[i].first && (sum.first == 0 || parts[i].first < sum.first))
			sum.first = parts[i].first;
		sum.last = parts[i].last > sum.last ? parts[i].last : sum.last;
	}
	if (r == 0 && sum.unfinished)
		r = count_unfinished(archive, &sum.unfinished);
	sum.flows += sum.unfinished;
	if (r == 0)
		*ret_stat = sum;
	return r;
}
