/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_MEMORY_ARCHIVE_H
#define FUZZ_MEMORY_ARCHIVE_H

/*
 * An archive that lives in memory and holds a small network drawn from the fuzzer's bytes, for the targets of
 * incident/, spread/ and exposure/: it stands in for the store, whose own targets are elsewhere. Addresses
 * come from a few zones and from outside; times are small numbers so that ties and edges happen.
 */

#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/cursor.h"
#include "incident/asset.h"
#include "net/app.h"
#include "net/zone.h"

enum {
	FUZZ_FLOWS_MAX = 192,
	FUZZ_DETECTIONS_MAX = 48,
	FUZZ_BINDINGS_MAX = 32,
	FUZZ_SITES = 24,
	FUZZ_SEGMENT = 12
};

/* Every check says where it failed; a release build keeps it. */
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

struct archive {
	struct msg_flow flows[FUZZ_FLOWS_MAX];
	size_t n_flows;
	struct msg_detection detections[FUZZ_DETECTIONS_MAX];
	uint64_t cited[FUZZ_DETECTIONS_MAX][2];
	size_t n_detections;
	struct net_zone_map *zones;
	struct asset_map *assets;
	uint16_t zone;
};

static inline bool filter_wants(const struct archive_filter *filter, const struct msg_flow *f)
{
	if ((f->duplicate_of && !filter->duplicates) || f->last < filter->from ||
	    (filter->to && f->first >= filter->to))
		return false;
	if (filter->established_only && (f->payload_out == 0 || f->payload_in == 0))
		return false;
	bool met = filter->addrs == NULL;
	for (size_t i = 0; i < filter->n_addrs && !met; i++)
		met = net_addr_equal(filter->addrs[i], f->initiator) ||
		      net_addr_equal(filter->addrs[i], f->responder);
	return met;
}

int archive_scan_flows(
    struct archive *a, const struct archive_filter *filter, archive_flow_fn each, void *context)
{
	static const struct archive_filter every;
	for (size_t i = 0; i < a->n_flows; i++) {
		int r = filter_wants(filter ? filter : &every, &a->flows[i]) ? each(context, &a->flows[i])
		                                                             : 0;
		if (r)
			return r;
	}
	return 0;
}

/* In segments of a few records each, of which the hints are asked whether they are worth it. */
int archive_hunt_flows(struct archive *a, const struct archive_filter *filter, unsigned threads,
    archive_flow_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	*ret_stat = (struct archive_hunt_stat){0};
	for (size_t begin = 0, end; begin < a->n_flows; begin = end) {
		void *context = contexts[begin / FUZZ_SEGMENT % threads];
		int64_t first = INT64_MAX, last = INT64_MIN;
		end = begin + FUZZ_SEGMENT < a->n_flows ? begin + FUZZ_SEGMENT : a->n_flows;
		for (size_t i = begin; i < end; i++) {
			first = a->flows[i].first < first ? a->flows[i].first : first;
			last = a->flows[i].last > last ? a->flows[i].last : last;
		}
		int r = filter->hints && filter->hints->enter ? filter->hints->enter(context, first, last)
		                                              : 0;
		for (size_t i = begin; i < end && r == 0; i++)
			r = filter_wants(filter, &a->flows[i]) ? each(context, &a->flows[i]) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int archive_scan_transactions(
    struct archive *a, const uint64_t *flows, size_t n_flows, archive_transaction_fn each, void *context)
{
	(void)a;
	(void)flows;
	(void)n_flows;
	(void)each;
	(void)context;
	return 0;
}

int archive_hunt_transactions(struct archive *a, const struct archive_transaction_filter *filter,
    unsigned threads, archive_transaction_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	(void)threads;
	*ret_stat = (struct archive_hunt_stat){0};
	return archive_scan_transactions(a, filter->flows, filter->n_flows, each, contexts[0]);
}

void archive_get_stat(const struct archive *a, struct archive_stat *ret_stat)
{
	(void)a;
	*ret_stat = (struct archive_stat){.last = 1000};
}

/* 24 sites: eight in the protected zone, eight in the office, four in the management's, four outside. */
static inline struct net_addr fuzz_addr(uint8_t b)
{
	uint8_t site = b % FUZZ_SITES;
	uint8_t v4[4] = {10, (uint8_t)(1 + site / 8), 0, (uint8_t)(1 + site % 8)};
	if (site >= 20) {
		v4[0] = 198;
		v4[1] = 51;
		v4[2] = 100;
	}
	return net_addr_v4(v4);
}

static inline void fuzz_flow(struct archive *a, struct cursor *c)
{
	static const uint16_t apps[] = {
	    APP_UNKNOWN, APP_DNS, APP_TLS, APP_SSH, APP_SMB, APP_ICMP, APP_GRE, APP_HTTP};
	const uint8_t *p = cursor_take(c, 9);
	if (!p || a->n_flows == FUZZ_FLOWS_MAX)
		return;
	struct msg_flow *f = &a->flows[a->n_flows];
	*f = (struct msg_flow){.id = a->n_flows + 1,
	    .initiator = fuzz_addr(p[0]),
	    .responder = fuzz_addr(p[1]),
	    .first = p[2],
	    .last = p[2] + p[3] % 32,
	    .payload_out = p[4] % 16 == 15 ? UINT64_MAX >> (p[4] / 16) : p[4],
	    .payload_in = p[5],
	    .packets_out = 1,
	    .packets_in = p[6] & 1,
	    .app = apps[p[6] >> 5],
	    .protocol = p[6] >> 5 == 5 ? 1 : 6,
	    .end = (p[7] & 3) != 1,
	    .flags = p[7] & 4 ? 2 : 0,
	    .initiator_port = 40000,
	    .responder_port = p[7] & 8 ? 22 : 50000};
	f->initiator_mac.b[5] = p[7] >> 4;
	f->wire_out = f->payload_out;
	if (p[8] & 1 && a->n_flows)
		f->parent = 1 + p[8] % (a->n_flows + 2); /* itself and unknown ones too */
	else if (p[8] & 2 && a->n_flows)
		f->id = 1 + p[8] % a->n_flows; /* a further record of another */
	else if (p[8] & 4)
		f->duplicate_of = 1 + p[8] % 8;
	a->n_flows++;
}

static inline void fuzz_detection(struct archive *a, struct cursor *c)
{
	static const char *const techniques[] = {
	    "T1046", "T1071.001", "T1071.004", "T1021.002", "T1110", "T1048", "", "T1569"};
	const uint8_t *p = cursor_take(c, 8);
	if (!p || a->n_detections == FUZZ_DETECTIONS_MAX)
		return;
	size_t i = a->n_detections++;
	a->cited[i][0] = p[6];
	a->cited[i][1] = p[7];
	a->detections[i] = (struct msg_detection){.id = 1000 + i,
	    .time = p[0],
	    .last = p[0] + p[1] % 8,
	    .name = text_of(techniques[p[2] >> 5]),
	    .technique = text_of(techniques[p[2] >> 5]),
	    .confidence = (p[1] >> 3) / 30.0,
	    .asset = fuzz_addr(p[3]),
	    .peer = p[4] & 0x80 ? (struct net_addr){0} : fuzz_addr(p[4]),
	    .asset_role = p[5] & 0x0f,
	    .peer_role = p[5] >> 4,
	    .indicator = p[2] & 1 ? TEXT("evil.example") : TEXT(""),
	    .flows = {a->cited[i], 2}};
}

static inline void fuzz_binding(struct archive *a, struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	if (!p)
		return;
	struct msg_binding b = {.first = p[0],
	    .last = p[0],
	    .addr = fuzz_addr(p[1]),
	    .source = p[2] % 6,
	    .name = text_bytes(p, p[2] >> 6)};
	b.mac.b[5] = p[3] & 15;
	if (p[3] & 0x80)
		b.addr = (struct net_addr){0};
	CHECK(asset_map_binding(a->assets, &b) == 0);
}

static inline void fuzz_zone(
    struct archive *a, const char *name, enum net_zone_class class, const char *prefix)
{
	struct net_prefix p;
	uint16_t zone;
	CHECK(net_prefix_parse(text_of(prefix), &p) == 0);
	CHECK(net_zone_map_add(a->zones, name, class, &zone) == 0);
	CHECK(net_zone_map_add_prefix(a->zones, zone, p) == 0);
	if (class == NET_ZONE_PROTECTED)
		a->zone = zone;
}

/* The network that c tells, until its bytes end: a byte says what comes next. */
static inline void fuzz_network(struct archive *a, struct cursor *c)
{
	memset(a, 0, sizeof(*a));
	CHECK(net_zone_map_new(&a->zones) == 0);
	fuzz_zone(a, "mission", NET_ZONE_PROTECTED, "10.1.0.0/16");
	fuzz_zone(a, "office", NET_ZONE_INTERNAL, "10.2.0.0/16");
	fuzz_zone(a, "management", NET_ZONE_MANAGEMENT, "10.3.0.0/16");
	CHECK(asset_map_new(&a->assets, a->zones, 1) == 0);
	while (cursor_left(c)) {
		uint8_t what = cursor_u8(c);
		if (what % 8 == 0)
			fuzz_binding(a, c);
		else if (what % 8 <= 2)
			fuzz_detection(a, c);
		else
			fuzz_flow(a, c);
	}
	for (size_t i = 0; i < a->n_flows; i++)
		CHECK(asset_map_flow(a->assets, &a->flows[i]) == 0);
	CHECK(asset_map_build(a->assets) == 0);
}

static inline void fuzz_network_free(struct archive *a)
{
	asset_map_free(a->assets);
	net_zone_map_free(a->zones);
}

#endif
