/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A live sensor without the daemon around it: ring INTERFACE MIB MODE [PAUSE [HOLD]]. MODE "walk" reads
 * frames and touches their first bytes; "all" decodes them, keeps flows, reads protocols, tells of flows
 * while they go on and looks for 1,000 cuts. Says "ready", reads until nothing came for half a second, then
 * says what it saw and lost. PAUSE: sleeps for so many microseconds after each thousand frames, to lose some.
 * HOLD: begins to read after so many milliseconds, so that the ring is full and reading is all there is to
 * do.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/timefmt.h"
#include "capture/ring.h"
#include "capture/ring_set.h"
#include "daemon/sensor.h"

enum { CUTS = 1000, BATCH = 512, IDLE_MS = 500, FIRST_MS = 10000 };

struct bench {
	struct ring_set *rings;
	struct sensor *sensor; /* NULL: frames are only walked over */
	struct watch *watch;
	struct clock_live clock;
	uint64_t ids, frames, bytes, records, snapshots, pause, hold;
	int64_t first, last; /* when reading began and ended */
	unsigned touched;
};

static uint64_t next_id(void *context)
{
	struct bench *b = context;
	return ++b->ids;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct bench *b = context;
	(void)f;
	(void)t;
	b->records++;
	return 0;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	struct bench *b = context;
	b->records++;
	b->snapshots += f->end == FLOW_END_NONE;
	return 0;
}

static int on_binding(void *context, const struct msg_binding *m)
{
	(void)context;
	(void)m;
	return 0;
}

static int on_coverage(void *context, const struct msg_coverage *c)
{
	(void)context;
	(void)c;
	return 0;
}

static int sensor_start(struct bench *b)
{
	int r = watch_new(&b->watch, 0, 7);
	for (uint32_t i = 0; i < CUTS && r == 0; i++) {
		uint8_t host[4] = {192, 168, (uint8_t)(i >> 8), (uint8_t)i};
		r = watch_put(b->watch,
		    &(struct cut){.from = {.addr = net_addr_v4(host), .bits = 128}, .direction = CUT_BOTH},
		    0);
	}
	const struct sensor_live live = {.watch = b->watch};
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .coverage = on_coverage,
	    .context = b};
	if (r == 0)
		r = sensor_new(&b->sensor, &(struct sensor_limits){.live = &live}, 7, &sink);
	return r < 0 ? r : sensor_add_vantage(b->sensor, 0, true, clock_live_at(&b->clock, b->clock.boot));
}

/* All there is, at most a batch; how many, or an error. */
static int take_batch(struct bench *b)
{
	struct capture_frame f;
	struct clock_reading reading;
	bool outgoing;
	int n = 0, r = 0;
	ring_read_clocks(&reading);
	clock_live_sample(&b->clock, &reading);
	while (r >= 0 && n < BATCH && ring_set_next(b->rings, &f, &outgoing) > 0) {
		n++;
		b->bytes += f.wirelen;
		f.time_ns = clock_live_map(&b->clock, f.time_ns);
		if (b->sensor)
			r = sensor_frame(b->sensor, &f, 1);
		else
			b->touched += f.data[0] + f.data[f.caplen / 2];
		if (++b->frames % 1000 == 0 && b->pause)
			usleep((useconds_t)b->pause);
	}
	if (r >= 0 && b->sensor)
		r = sensor_tick(b->sensor, clock_live_at(&b->clock, b->clock.boot));
	return r < 0 ? r : n;
}

static int read_all(struct bench *b)
{
	struct pollfd p = {.fd = ring_fd(ring_set_at(b->rings, 0)), .events = POLLIN};
	for (;;) {
		struct clock_reading at;
		int n = take_batch(b);
		if (n < 0)
			return n;
		if (n > 0) {
			ring_read_clocks(&at);
			b->last = at.boot;
		}
		if (n == 0 && poll(&p, 1, b->frames ? IDLE_MS : FIRST_MS) <= 0)
			return 0;
	}
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void say(struct bench *b, double cpu)
{
	struct ring_stats s = {0};
	ring_get_stats(ring_set_at(b->rings, 0), &s);
	printf("{\"seen\": %llu, \"lost\": %llu, \"reached\": %llu, \"broken\": %llu, \"freezes\": %llu, "
	       "\"bytes\": "
	       "%llu, \"records\": %llu, \"snapshots\": %llu, \"cpu\": %.3f, \"ns_a_frame\": %.1f, "
	       "\"reading\": %.3f}\n",
	    (unsigned long long)b->frames, (unsigned long long)s.drops, (unsigned long long)s.packets,
	    (unsigned long long)s.broken, (unsigned long long)s.freezes, (unsigned long long)b->bytes,
	    (unsigned long long)b->records, (unsigned long long)b->snapshots, cpu,
	    b->frames ? cpu * 1e9 / (double)b->frames : 0, (double)(b->last - b->first) / 1e9);
}

/* `mode`: walk or all, frame by frame with a "1" in front. */
static int start(struct bench *b, const char *interface, uint32_t mib, const char *mode, char *why)
{
	struct ring_config config = {.interface = interface,
	    .mib = mib,
	    .delivery = mode[0] == '1' ? RING_ONE_BY_ONE : RING_IN_BLOCKS,
	    .promiscuous = true};
	bool all = strstr(mode, "all") != NULL;
	struct ring *ring;
	struct clock_reading reading;
	int fd;
	ring_read_clocks(&reading);
	clock_live_sample(&b->clock, &reading);
	int r = all ? sensor_start(b) : 0;
	if (r == 0)
		r = ring_set_new(&b->rings);
	if (r == 0)
		r = ring_open(&config, &fd, why);
	if (r == 0)
		r = ring_attach(&ring, fd, mib, 0);
	return r < 0 ? r : ring_set_add(b->rings, ring);
}

int main(int argc, char **argv)
{
	struct bench b = {.rings = NULL};
	uint64_t mib;
	char why[RING_WHY] = "";
	if (argc < 4 || argc > 6 || num_parse_u64(text_of(argv[2]), RING_MIB_MAX, &mib) < 0 ||
	    (argc > 4 && num_parse_u64(text_of(argv[4]), 1000000, &b.pause) < 0) ||
	    (argc > 5 && num_parse_u64(text_of(argv[5]), 60000, &b.hold) < 0)) {
		fprintf(stderr, "ring INTERFACE MIB walk|all|1walk|1all [MICROSECONDS [MILLISECONDS]]\n");
		return 2;
	}
	int r = start(&b, argv[1], (uint32_t)mib, argv[3], why);
	if (r == 0) {
		struct clock_reading at;
		printf("ready\n");
		fflush(stdout);
		usleep((useconds_t)b.hold * 1000);
		ring_read_clocks(&at);
		b.first = at.boot;
		double before = cpu_seconds();
		r = read_all(&b);
		say(&b, cpu_seconds() - before);
	}
	if (r < 0)
		fprintf(stderr, "ring: %d %s\n", r, why);
	sensor_free(b.sensor);
	watch_free(b.watch);
	ring_set_free(b.rings);
	return r < 0 ? 1 : 0;
}
