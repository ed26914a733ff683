/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Speed and size of the archive, on one core: archive_bench FOLDER [FLOWS]. FOLDER must not hold an archive
 * yet; what is made there stays. Flows are made before the clock runs; they are modelled on an office
 * network: 2,000 clients, servers by a power law, ephemeral ports, sizes over five orders of magnitude, a
 * third with a name.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "net/app.h"

enum { BATCH = 1 << 16, NAMES = 3000, FLOWS_DEFAULT = 4000000 };

struct made {
	struct msg_flow flow;
	char name[32];
};

static uint64_t state = 1;

static uint64_t next_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Small numbers often, large ones seldom: 2 to the power of an even draw. */
static uint64_t skewed(unsigned bits)
{
	uint64_t r = next_random();
	return r >> 8 & ((UINT64_C(1) << r % (bits + 1)) - 1);
}

static struct net_addr addr(uint8_t net, uint64_t host)
{
	return net_addr_v4(
	    (const uint8_t[]){net, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host});
}

static void make(struct made *m, uint64_t id, int64_t *now)
{
	static const struct {
		uint16_t port, app;
		uint8_t protocol;
	} services[] = {{443, APP_TLS, 6}, {53, APP_DNS, 17}, {80, APP_HTTP, 6}, {445, APP_SMB, 6},
	    {443, APP_QUIC, 17}, {22, APP_SSH, 6}, {123, APP_NTP, 17}, {5432, APP_POSTGRESQL, 6}};
	uint64_t service = skewed(3) % 8, server = skewed(16), client = next_random() % 2000;
	uint64_t bytes = skewed(20), answer = skewed(26);
	*now += (int64_t)(next_random() % 200000);
	m->flow = (struct msg_flow){.id = id,
	    .vantage = (uint16_t)(id % 2),
	    .protocol = services[service].protocol,
	    .initiator = addr(10, client),
	    .responder = addr(service & 1 ? 10 : 93, server),
	    .initiator_port = (uint16_t)(32768 + next_random() % 28000),
	    .responder_port = services[service].port,
	    .initiator_mac = {{2, 0, 0, 0, (uint8_t)(client >> 8), (uint8_t)client}},
	    .responder_mac = {{2, 0, 0, 1, 0, 1}},
	    .first = *now - (int64_t)skewed(34),
	    .last = *now,
	    .packets_out = 1 + bytes / 800,
	    .packets_in = 1 + answer / 1400,
	    .payload_out = bytes,
	    .payload_in = answer,
	    .flags = 1 << 9,
	    .app = services[service].app};
	m->flow.established = m->flow.protocol == 6 ? m->flow.first + 1000000 : 0;
	m->flow.wire_out = bytes + m->flow.packets_out * 52;
	m->flow.wire_in = answer + m->flow.packets_in * 52;
	m->flow.tcp_flags_out = m->flow.tcp_flags_in = m->flow.protocol == 6 ? 0x1b : 0;
	m->flow.tcp_state = m->flow.protocol == 6 ? 5 : 0;
	m->flow.end = (uint8_t)(m->flow.protocol == 6 ? 1 : 3);
	if (service == 0 || service == 2) {
		int n = snprintf(
		    m->name, sizeof(m->name), "www%llu.example", (unsigned long long)(server % NAMES));
		m->flow.name = text_bytes(m->name, (size_t)n);
	}
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count(void *context, const struct msg_flow *f)
{
	uint64_t *sums = context;
	sums[0]++;
	sums[1] += f->payload_out;
	return 0;
}

static void scan(struct archive *a, const char *what, const struct archive_filter *filter, uint64_t flows)
{
	uint64_t sums[2] = {0};
	double start = seconds();
	int r = archive_scan_flows(a, filter, count, sums);
	double took = seconds() - start;
	printf("%-36s %7.1f ms  %6.1f M flows/s  %llu hits%s\n", what, took * 1e3, (double)flows / took / 1e6,
	    (unsigned long long)sums[0], r < 0 ? "  FAILED" : "");
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

static int fill(struct archive *a, uint64_t flows)
{
	struct made *made = calloc(BATCH, sizeof(*made));
	int64_t now = INT64_C(1700000000) * NS_PER_S;
	double took = 0, worst = 0;
	int r = made ? 0 : -1;
	for (uint64_t id = 1; r == 0 && id <= flows;) {
		size_t n = 0;
		for (; n < BATCH && id <= flows; n++)
			make(&made[n], id++, &now);
		double start = seconds();
		for (size_t i = 0; r == 0 && i < n; i++)
			r = archive_append_flow(a, &made[i].flow);
		double batch = seconds() - start;
		took += batch;
		worst = batch > worst ? batch : worst;
	}
	printf("%-36s %7.1f ms  %6.2f M flows/s  (worst 64k: %.0f ms)\n", "append, segments included",
	    took * 1e3, (double)flows / took / 1e6, worst * 1e3);
	free(made);
	return r;
}

static void scans(struct archive *a, uint64_t flows)
{
	static struct net_addr many[100000];
	struct net_addr ten[10];
	struct arena arena = {0};
	struct msg_flow f;
	for (size_t i = 0; i < 100000; i++)
		many[i] = addr(93, 50000 + i * 7);
	for (size_t i = 0; i < 10; i++)
		ten[i] = addr(93, 60000 + i * 11);
	qsort(many, 100000, sizeof(many[0]), compare);
	qsort(ten, 10, sizeof(ten[0]), compare);
	int64_t begin = INT64_C(1700000000) * NS_PER_S, hour = 60 * NS_PER_S;
	scan(a, "all flows, whole records", &(struct archive_filter){.duplicates = true}, flows);
	scan(a, "established only", &(struct archive_filter){.established_only = true}, flows);
	scan(a, "a minute", &(struct archive_filter){.from = begin + hour, .to = begin + 2 * hour}, flows);
	scan(a, "10 addresses", &(struct archive_filter){.addrs = ten, .n_addrs = 10}, flows);
	scan(a, "100,000 addresses", &(struct archive_filter){.addrs = many, .n_addrs = 100000}, flows);
	double start = seconds();
	for (int i = 0; i < 1000; i++)
		archive_find_flow(a, 1 + next_random() % flows, &arena, &f);
	printf("%-36s %7.3f ms each\n", "find by id, at random", (seconds() - start));
	start = seconds();
	for (uint64_t i = 1; i <= 10000; i++)
		archive_find_flow(a, flows / 2 + i, &arena, &f);
	printf("%-36s %7.3f ms each\n", "find by id, neighbours", (seconds() - start) / 10);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	struct archive *a;
	struct archive_stat stat;
	uint64_t flows = FLOWS_DEFAULT;
	if (argc < 2 || argc > 3 || (argc == 3 && num_parse_u64(text_of(argv[2]), UINT32_MAX, &flows) < 0)) {
		fprintf(stderr, "usage: archive_bench FOLDER [FLOWS]\n");
		return 2;
	}
	int r = archive_create(&a, argv[1]);
	if (r == 0)
		r = fill(a, flows);
	if (r == 0)
		r = archive_close(a);
	if (r == 0)
		r = archive_open(&a, argv[1], false);
	if (r < 0) {
		fprintf(stderr, "archive_bench: %s: %s\n", argv[1], err_text(r));
		return 1;
	}
	archive_get_stat(a, &stat);
	printf("%llu flows in %llu segments, %.1f bytes a flow\n", (unsigned long long)stat.records[MSG_FLOW],
	    (unsigned long long)stat.segments, (double)stat.bytes / (double)flows);
	scans(a, flows);
	return archive_close(a) < 0;
}
