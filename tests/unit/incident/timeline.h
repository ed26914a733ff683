/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_TIMELINE_H
#define TESTS_TIMELINE_H

/*
 * Scripted timelines for the tests of incident/, spread/ and exposure/: an archive in a folder of its own,
 * four zones, and flows and detections told in one line each. Times are seconds after EPOCH_S; addresses are
 * text.
 */

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/archive.h"
#include "base/timefmt.h"
#include "incident/asset.h"
#include "net/app.h"
#include "net/zone.h"

#define EPOCH_S INT64_C(1700000000)

enum { TIMELINE_DETECTIONS_MAX = 256, TIMELINE_FLOWS_MAX = 1024 };

struct timeline {
	char folder[64], path[80];
	struct archive *archive;
	struct net_zone_map *zones;
	struct asset_map *assets;
	uint16_t mission, office, dmz, management;
	uint64_t next_id;
	struct msg_detection detections[TIMELINE_DETECTIONS_MAX];
	uint64_t cited[TIMELINE_DETECTIONS_MAX][4];
	size_t n_detections;
	struct arena arena;
};

static inline int64_t at(double seconds)
{
	return EPOCH_S * NS_PER_S + (int64_t)(seconds * (double)NS_PER_S);
}

static inline struct net_addr ip(const char *text)
{
	struct net_addr a;
	if (net_addr_parse(text_of(text), &a) < 0)
		fail_msg("%s is no address", text);
	return a;
}

static inline void timeline_zone(
    struct timeline *t, const char *name, enum net_zone_class class, const char *prefix, uint16_t *ret_zone)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(prefix), &p), 0);
	assert_int_equal(net_zone_map_add(t->zones, name, class, ret_zone), 0);
	assert_int_equal(net_zone_map_add_prefix(t->zones, *ret_zone, p), 0);
}

static inline void timeline_open(struct timeline *t)
{
	memset(t, 0, sizeof(*t));
	t->next_id = 1;
	snprintf(t->folder, sizeof(t->folder), "/tmp/timeline-XXXXXX");
	assert_non_null(mkdtemp(t->folder));
	snprintf(t->path, sizeof(t->path), "%s/archive", t->folder);
	assert_int_equal(archive_create(&t->archive, t->path), 0);
	assert_int_equal(net_zone_map_new(&t->zones), 0);
	timeline_zone(t, "mission", NET_ZONE_PROTECTED, "10.1.0.0/16", &t->mission);
	timeline_zone(t, "office", NET_ZONE_INTERNAL, "10.2.0.0/16", &t->office);
	timeline_zone(t, "dmz", NET_ZONE_DMZ, "10.3.0.0/16", &t->dmz);
	timeline_zone(t, "management", NET_ZONE_MANAGEMENT, "10.4.0.0/16", &t->management);
	assert_int_equal(asset_map_new(&t->assets, t->zones, 7), 0);
}

static inline int timeline_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void timeline_close(struct timeline *t)
{
	archive_close(t->archive);
	asset_map_free(t->assets);
	net_zone_map_free(t->zones);
	arena_free(&t->arena);
	nftw(t->folder, timeline_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* An answered TCP flow, ready to be changed: bytes are payload. */
static inline struct msg_flow flow_of(
    const char *from, const char *to, double first, double last, uint64_t out, uint64_t in, uint16_t app)
{
	return (struct msg_flow){.protocol = 6,
	    .initiator = ip(from),
	    .responder = ip(to),
	    .initiator_port = 40000,
	    .responder_port = 9,
	    .first = at(first),
	    .last = at(last),
	    .established = at(first),
	    .packets_out = 1 + out / 1000,
	    .packets_in = 1 + in / 1000,
	    .wire_out = out,
	    .wire_in = in,
	    .payload_out = out,
	    .payload_in = in,
	    .end = 1,
	    .app = app};
}

/* Appends it, with a new id where it has none, and tells the asset map. Gives the id. */
static inline uint64_t timeline_add(struct timeline *t, struct msg_flow f)
{
	if (f.id == 0)
		f.id = t->next_id++;
	assert_int_equal(archive_append_flow(t->archive, &f), 0);
	if (f.duplicate_of == 0)
		assert_int_equal(asset_map_flow(t->assets, &f), 0);
	return f.id;
}

static inline uint64_t timeline_flow(struct timeline *t, const char *from, const char *to, double first,
    double last, uint64_t out, uint64_t in, uint16_t app)
{
	return timeline_add(t, flow_of(from, to, first, last, out, in, app));
}

static inline struct msg_detection *timeline_detect(struct timeline *t, double time, const char *name,
    const char *technique, double confidence, const char *asset, enum msg_role asset_role, const char *peer,
    enum msg_role peer_role)
{
	assert_true(t->n_detections < TIMELINE_DETECTIONS_MAX);
	struct msg_detection *d = &t->detections[t->n_detections++];
	*d = (struct msg_detection){.id = t->next_id++,
	    .time = at(time),
	    .last = at(time),
	    .source = MSG_SOURCE_BEHAVIOUR,
	    .name = text_of(name),
	    .technique = text_of(technique),
	    .confidence = confidence,
	    .asset = ip(asset),
	    .asset_role = (uint8_t)asset_role,
	    .peer_role = (uint8_t)peer_role,
	    .why = TEXT("because")};
	if (peer)
		d->peer = ip(peer);
	return d;
}

static inline void timeline_cite(struct timeline *t, struct msg_detection *d, uint64_t flow)
{
	size_t i = (size_t)(d - t->detections);
	assert_true(d->flows.n < 4);
	t->cited[i][d->flows.n] = flow;
	d->flows.v = t->cited[i];
	d->flows.n++;
}

/* All is told: the assets can be asked. */
static inline void timeline_ready(struct timeline *t)
{
	assert_int_equal(asset_map_build(t->assets), 0);
}

static inline uint32_t timeline_asset(const struct timeline *t, const char *addr)
{
	uint32_t asset = asset_of(t->assets, ip(addr));
	if (asset == ASSET_NONE)
		fail_msg("%s is no asset", addr);
	return asset;
}

#endif
