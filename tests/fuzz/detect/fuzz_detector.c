/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A stream of records made from the input: each step takes a few bytes for a flow among few addresses and
 * ports, and some for its transactions. Properties: nothing crashes; every detection is well formed; the same
 * stream under another hash seed gives the same detections.
 */

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/timefmt.h"
#include "detect/detect.h"
#include "flow/flow.h"
#include "net/app.h"

enum { STEPS_MAX = 600, FIELDS_MAX = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct run {
	uint64_t next_id;
	uint64_t digest;
};

static uint64_t next_id(void *context)
{
	return ++((struct run *)context)->next_id;
}

static void take(void *context, const struct msg_detection *d)
{
	struct run *r = context;
	assert(d->confidence >= 0 && d->confidence <= 1 && !isnan(d->confidence));
	assert(d->last >= d->time);
	assert(d->flows.n >= 1 && d->flows.n <= MSG_FLOWS_MAX);
	assert(d->name.n && d->technique.n && d->why.n);
	assert(!net_addr_is_none(d->asset));
	r->digest = hash_bytes(d->why.p, d->why.n, r->digest ^ d->id);
	r->digest = hash_bytes(&d->confidence, sizeof(d->confidence), r->digest);
}

static struct net_addr addr_of(uint8_t b)
{
	const uint8_t inside[4] = {10, (uint8_t)(b >> 6), 0, (uint8_t)(b & 31)};
	const uint8_t outside[4] = {203, 0, 113, (uint8_t)(b & 31)};
	return net_addr_v4(b & 32 ? outside : inside);
}

static void transactions(struct detector *d, const struct msg_flow *f, struct cursor *c, uint8_t count)
{
	for (uint8_t t = 0; t < count; t++) {
		struct field_value v[FIELDS_MAX];
		uint32_t n = 0;
		for (uint8_t want = cursor_u8(c) % FIELDS_MAX; n < want; n++) {
			v[n].field = (enum field)(1 + cursor_u8(c) % (FIELD_COUNT - 1));
			v[n].value = cursor_text(c, cursor_u8(c) % 64);
			if (!cursor_ok(c))
				return;
		}
		const struct msg_transaction x = {
		    .id = f->id * 8 + t, .flow = f->id, .app = f->app, .time = f->first, .fields = {v, n}};
		detector_transaction(d, f, &x);
	}
}

static void step(struct detector *d, struct cursor *c, int64_t *now, uint64_t id)
{
	static const uint16_t ports[] = {22, 53, 80, 443, 445, 135, 9001, 25};
	uint8_t shape = cursor_u8(c);
	*now += (int64_t)cursor_u8(c) * NS_PER_S / 4;
	struct msg_flow f = {
	    .id = shape & 0x80 ? id / 2 + 1 : id, /* snapshots repeat ids */
	    .protocol = shape & 3   ? 6
	                : shape & 4 ? 17
	                            : 1,
	    .initiator = addr_of(cursor_u8(c)),
	    .responder = addr_of(cursor_u8(c)),
	    .initiator_port = shape & 3 ? 40000 : 8,
	    .responder_port = ports[cursor_u8(c) % 8],
	    .first = *now,
	    .last = *now + (int64_t)cursor_u8(c) * NS_PER_S,
	    .packets_out = cursor_u8(c),
	    .packets_in = cursor_u8(c),
	    .payload_out = (uint64_t)cursor_u8(c) << (cursor_u8(c) & 31),
	    .payload_in = (uint64_t)cursor_u8(c) << (cursor_u8(c) & 31),
	    .tcp_flags_out = cursor_u8(c),
	    .tcp_state = cursor_u8(c) % (FLOW_TCP_MIDSTREAM + 1),
	    .end = cursor_u8(c) % (FLOW_END_CAPTURE + 1),
	    .app = cursor_u8(c) % APP_COUNT,
	};
	f.established = f.packets_in && f.tcp_state > FLOW_TCP_SYN_RECEIVED ? f.first : 0;
	transactions(d, &f, c, (shape >> 3) & 3);
	detector_flow(d, &f);
	if ((shape & 0x60) == 0x60)
		detector_finish(d, *now);
}

static uint64_t run(const uint8_t *p, size_t n, uint64_t seed)
{
	struct net_zone_map *zones;
	struct detector *d;
	struct run r = {0};
	uint16_t zone;
	struct net_prefix inside;
	if (net_zone_map_new(&zones) < 0)
		return 0;
	for (uint8_t i = 0; i < 4; i++) {
		static const char *const names[] = {"office", "vault", "edge", "admin"};
		static const enum net_zone_class classes[] = {
		    NET_ZONE_INTERNAL, NET_ZONE_PROTECTED, NET_ZONE_DMZ, NET_ZONE_MANAGEMENT};
		const uint8_t b[4] = {10, i, 0, 0};
		inside = net_prefix_of(net_addr_v4(b), 96 + 16);
		if (net_zone_map_add(zones, names[i], classes[i], &zone) < 0 ||
		    net_zone_map_add_prefix(zones, zone, inside) < 0)
			goto out;
	}
	const struct detect_config config = {.zones = zones,
	    .memory_max = 1 << 20,
	    .seed = seed,
	    .next_id = next_id,
	    .emit = take,
	    .context = &r};
	if (detector_new(&d, &config) < 0)
		goto out;
	struct cursor c = cursor_of(p, n);
	int64_t now = 0;
	for (uint64_t i = 1; i <= STEPS_MAX && cursor_left(&c) > 0; i++)
		step(d, &c, &now, i);
	detector_finish(d, now);
	detector_free(d);
out:
	net_zone_map_free(zones);
	return r.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t first = run(p, n, 1), second = run(p, n, UINT64_C(0x9e3779b97f4a7c15));
	assert(first == second);
	return 0;
}
