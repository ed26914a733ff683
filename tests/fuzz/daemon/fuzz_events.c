/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A whole capture file, from its bytes to records, detections and EVE lines, in little memory. What must
 * hold: every bound; numbers that fit together; records that come out of their encoding as they went in;
 * lines that are JSON; every flow that began is told of once; and the same outcome under another hash seed.
 */

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include "base/hash.h"
#include "capture/capture.h"
#include "daemon/sensor.h"
#include "daemon/steady.h"
#include "detect/detect.h"
#include "exchange/eve.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum {
	FRAMES_MAX = 2000,
	FLOWS_MAX = 24,
	REASSEMBLY = 32 << 10,
	RECENT = 16 << 10,
	PROTO = 256 << 10,
	MERGE = 64 << 10,
	DETECT = 1 << 20,
};

struct run {
	struct sensor *sensor;
	struct detector *detector;
	struct eve_writer *eve;
	struct net_zone_map *zones;
	struct dynbuf bytes, again;
	struct arena arena;
	uint64_t ids, digest;
	uint64_t flows, missing, evicted;
	size_t vantages;
};

static uint64_t next_id(void *context)
{
	struct run *r = context;
	return ++r->ids;
}

static void check_line(struct text line)
{
	yajl_handle h = yajl_alloc(NULL, NULL, NULL);
	for (size_t i = 0; i < line.n; i++)
		assert(line.p[i] != '\n');
	assert(yajl_parse(h, (const unsigned char *)line.p, line.n) == yajl_status_ok);
	assert(yajl_complete_parse(h) == yajl_status_ok);
	yajl_free(h);
}

static void mix(struct run *r, const void *p, size_t n)
{
	r->digest = hash_bytes(p, n, r->digest);
}

static void check_side(
    uint64_t packets, uint64_t wire, uint64_t payload, uint64_t retransmitted, uint64_t missing)
{
	assert(missing <= payload);
	assert(payload - missing + retransmitted <= wire); /* what was seen came in datagrams */
	assert(packets || (payload == missing && retransmitted == 0 && wire == 0));
}

static int take_flow(void *context, const struct msg_flow *f)
{
	struct run *r = context;
	struct msg_flow back;
	struct text line = {0};
	assert(f->id && f->first <= f->last && f->end != FLOW_END_NONE);
	assert(f->established == 0 || (f->established >= f->first && f->established <= f->last));
	assert(f->packets_out + f->packets_in > 0);
	check_side(f->packets_out, f->wire_out, f->payload_out, f->retransmitted_out, f->missing_out);
	check_side(f->packets_in, f->wire_in, f->payload_in, f->retransmitted_in, f->missing_in);
	dynbuf_reset(&r->bytes);
	dynbuf_reset(&r->again);
	assert(msg_flow_encode(&r->bytes, f) == 0);
	assert(msg_flow_decode(r->bytes.p, r->bytes.n, &r->arena, &back) == 0);
	assert(msg_flow_encode(&r->again, &back) == 0);
	assert(r->bytes.n == r->again.n && memcmp(r->bytes.p, r->again.p, r->bytes.n) == 0);
	mix(r, r->bytes.p, r->bytes.n);
	assert(eve_writer_flow(r->eve, f, &line) == 0);
	check_line(line);
	r->flows++;
	r->missing += f->missing_out + f->missing_in;
	r->evicted += f->end == FLOW_END_EVICTED;
	if (!f->duplicate_of)
		detector_flow(r->detector, f);
	arena_reset(&r->arena);
	return 0;
}

static int take_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct run *r = context;
	struct msg_transaction back;
	struct text line = {0};
	assert(t->id && t->flow == f->id && t->fields.n <= PROTO_FIELDS_MAX);
	for (uint32_t i = 0; i < t->fields.n; i++)
		assert(t->fields.v[i].field < FIELD_COUNT && t->fields.v[i].value.n <= PROTO_VALUE_MAX);
	dynbuf_reset(&r->bytes);
	dynbuf_reset(&r->again);
	assert(msg_transaction_encode(&r->bytes, t) == 0);
	assert(msg_transaction_decode(r->bytes.p, r->bytes.n, &r->arena, &back) == 0);
	assert(msg_transaction_encode(&r->again, &back) == 0);
	assert(r->bytes.n == r->again.n && memcmp(r->bytes.p, r->again.p, r->bytes.n) == 0);
	mix(r, r->bytes.p, r->bytes.n);
	assert(eve_writer_transaction(r->eve, f, t, &line) == 0);
	check_line(line);
	detector_transaction(r->detector, f, t);
	arena_reset(&r->arena);
	return 0;
}

static int take_binding(void *context, const struct msg_binding *b)
{
	(void)context;
	assert(b->id && b->first <= b->last);
	return 0;
}

static void take_detection(void *context, const struct msg_detection *d)
{
	struct run *r = context;
	struct text line = {0};
	assert(d->confidence > 0 && d->confidence <= 1 && d->flows.n && d->why.n);
	assert(eve_writer_alert(r->eve, NULL, d, &line) == 0);
	check_line(line);
}

static int take_frame(void *context, const struct capture_frame *f)
{
	struct run *r = context;
	struct sensor_stats s;
	int error = sensor_frame(r->sensor, f, r->vantages);
	assert(error == 0);
	sensor_get_stats(r->sensor, &s);
	assert(s.flow->live <= FLOWS_MAX && s.flow->reassembly_bytes <= REASSEMBLY);
	assert(s.proto->memory <= PROTO);
	return 0;
}

static void start(struct run *r, uint64_t seed)
{
	static const struct net_addr inside = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}};
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = take_transaction,
	    .flow = take_flow,
	    .binding = take_binding,
	    .context = r};
	uint16_t zone;
	assert(net_zone_map_new(&r->zones) == 0);
	assert(net_zone_map_add(r->zones, "inside", NET_ZONE_INTERNAL, &zone) == 0);
	assert(net_zone_map_add_prefix(r->zones, zone, net_prefix_of(inside, 104)) == 0);
	net_zone_map_set_overlap(r->zones, zone, NET_OVERLAP_BSD);
	const struct sensor_limits limits = {.flows_max = FLOWS_MAX,
	    .reassembly_memory = REASSEMBLY,
	    .recent_memory = RECENT,
	    .proto_memory = PROTO,
	    .merge_memory = MERGE,
	    .zones = r->zones};
	const struct detect_config detect = {.zones = r->zones,
	    .memory_max = DETECT,
	    .seed = seed,
	    .next_id = next_id,
	    .emit = take_detection,
	    .context = r};
	assert(sensor_new(&r->sensor, &limits, seed, &sink) == 0);
	assert(detector_new(&r->detector, &detect) == 0);
	assert(eve_writer_new(&r->eve) == 0);
}

static void finish(struct run *r)
{
	struct sensor_stats s;
	uint64_t missing = 0, evicted = 0;
	assert(sensor_finish(r->sensor) == 0);
	sensor_get_stats(r->sensor, &s);
	assert(s.flow->live == 0 && s.flow->reassembly_bytes == 0);
	assert(r->flows == s.flow->flows);
	for (uint16_t i = 0; i < r->vantages; i++) {
		missing += sensor_vantage_counts(r->sensor, i).missing;
		evicted += sensor_vantage_counts(r->sensor, i).evicted;
	}
	/* what is lost stands in coverage, too */
	assert(missing == r->missing && evicted == r->evicted && evicted == s.flow->evicted);
	detector_finish(r->detector, INT64_MAX / 2);
	detector_free(r->detector);
	sensor_free(r->sensor);
	eve_writer_free(r->eve);
	net_zone_map_free(r->zones);
	arena_free(&r->arena);
	dynbuf_free(&r->bytes);
	dynbuf_free(&r->again);
}

static int memory_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);
		assert(n > 0);
		done += (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static uint64_t run(const uint8_t *data, size_t size, uint64_t seed)
{
	struct run r = {0};
	struct capture_set *set;
	struct capture_frame f;
	struct steady *steady;
	char why[160] = "";
	int frames = 0;
	assert(capture_set_new(&set) == 0);
	if (capture_set_add(set, memory_file(data, size), "fuzz.pcap", why) < 0) {
		capture_set_free(set);
		return 0;
	}
	start(&r, seed);
	assert(steady_new(&steady, take_frame, &r) == 0);
	while (frames++ < FRAMES_MAX && capture_set_next(set, &f) == 1) {
		r.vantages = capture_set_vantages(set);
		steady_frame(steady, &f);
	}
	r.vantages = capture_set_vantages(set);
	assert(steady_finish(steady) == 0);
	steady_free(steady);
	finish(&r);
	capture_set_free(set);
	return r.digest;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return mutate_capture(data, size, max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t first = run(data, size, 1), second = run(data, size, UINT64_C(0x9e3779b97f4a7c15));
	assert(first == second);
	return 0;
}
