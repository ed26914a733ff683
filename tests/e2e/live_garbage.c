/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * live_garbage BULKHEAD MODE SCALE, in a folder with bulkhead.yaml, site.yaml and bad.txt: plays the parent,
 * the archivist, an enforcer and two sensors to a real engine. One sensor sends garbage (MODE fuzz, absurd,
 * forged or flood; so much more with SCALE), then the other sends one good record. MODE unswapped: the engine
 * is told to end when its configuration is ready and doesn't count yet.
 *
 * Prints words: ended=, the channels of the first sensor that the engine ended; inside=, the cuts of
 * 10.77.0.0/16 that it wanted in force; good=1 where the good flow was cut; grown_mb=, what its memory grew
 * by. 0: the engine lived through it; 1: it didn't; 4: it could not be begun.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "ipc/channel.h"
#include "live/process.h"
#include "sandbox/sandbox.h"

#define STOP_WAIT_NS INT64_C(60000000000)

enum { BOTH = 2, RECORD_MAX = 1 << 16, GOOD_WAIT_MS = 20000 };

struct garbage {
	pid_t engine;
	struct channel *parent, *enforcer, *archivist;
	int sensors[BOTH];
	bool prepared, refused;
	uint64_t receipts, random;
	int64_t said; /* when the enforcer told how it is */
	unsigned ended, inside, good;
};

static uint64_t next(struct garbage *g)
{
	/* splitmix64 */
	uint64_t z = (g->random += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void fail(const char *what)
{
	perror(what);
	exit(4);
}

static struct net_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return net_addr_v4((const uint8_t[]){a, b, c, d});
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_enforcer(struct garbage *g, uint16_t number, struct text bytes)
{
	struct msg_desired_put put;
	struct msg_desired_commit commit;
	const struct net_prefix inside = net_prefix_of(v4(10, 77, 0, 0), 112);
	const struct net_addr good = v4(203, 0, 113, 67);
	if (number == MSG_DESIRED_PUT && msg_desired_put_decode(bytes.p, bytes.n, NULL, &put) == 0) {
		bool from = put.from.bits == 128 && net_prefix_contains(inside, put.from.addr);
		bool to = put.to.bits == 128 && net_prefix_contains(inside, put.to.addr);
		g->inside += from || to;
		g->good |= net_addr_equal(put.from.addr, good) || net_addr_equal(put.to.addr, good);
	}
	if (number == MSG_DESIRED_COMMIT && msg_desired_commit_decode(bytes.p, bytes.n, NULL, &commit) == 0)
		msg_enforced_encode(
		    channel_out(g->enforcer), &(struct msg_enforced){.generation = commit.generation});
}

static void on_parent(struct garbage *g, uint16_t number, struct text bytes)
{
	struct msg_prepared m;
	struct arena arena = {0};
	if (number == MSG_PREPARED && msg_prepared_decode(bytes.p, bytes.n, &arena, &m) == 0) {
		g->prepared = m.ok;
		g->refused = !m.ok;
		if (!m.ok)
			fprintf(stderr, "%.*s", (int)m.why.n, m.why.p);
	}
	arena_free(&arena);
}

static void take(struct garbage *g, struct channel *c)
{
	uint16_t number;
	struct text bytes;
	bool any = false;
	while (channel_read(c) > 0)
		while (channel_next(c, &number, &bytes, NULL) > 0) {
			any = true;
			if (c == g->enforcer)
				on_enforcer(g, number, bytes);
			else if (c == g->parent)
				on_parent(g, number, bytes);
			else
				g->receipts++;
		}
	if (any && c == g->archivist)
		msg_receipt_encode(channel_out(c), &(struct msg_receipt){.sequence = g->receipts});
	channel_flush(c);
}

/* Hands the engine the other end of a new channel. */
static int meet(struct garbage *g, enum msg_process peer, uint16_t index)
{
	int pair[2];
	struct msg_handed m = {.what = MSG_HANDED_CHANNEL, .peer = (uint8_t)peer, .index = index};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fail("socketpair");
	if (channel_attach(g->parent, pair[1]) < 0 || msg_handed_encode(channel_out(g->parent), &m) < 0)
		fail("a channel can't be handed down");
	close(pair[1]);
	channel_flush(g->parent);
	return pair[0];
}

static void say_state(struct garbage *g)
{
	int64_t now = now_ns();
	if (now - g->said < 1000000000)
		return;
	g->said = now;
	msg_enforcer_state_encode(channel_out(g->enforcer),
	    &(struct msg_enforcer_state){.name = TEXT("gw"), .backend = TEXT("none"), .ready = 1});
}

/* One turn of everybody but the sensor that sends garbage. */
static void pump(struct garbage *g, int ms)
{
	struct pollfd p[] = {{.fd = channel_fd(g->parent), .events = POLLIN},
	    {.fd = channel_fd(g->enforcer), .events = POLLIN},
	    {.fd = channel_fd(g->archivist), .events = POLLIN}};
	char sink[4096];
	poll(p, 3, ms);
	if (g->prepared)
		say_state(g);
	take(g, g->parent);
	take(g, g->enforcer);
	take(g, g->archivist);
	for (size_t i = 0; i < BOTH; i++) {
		ssize_t n;
		while ((n = recv(g->sensors[i], sink, sizeof(sink), MSG_DONTWAIT)) > 0)
			;
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			close(g->sensors[i]);
			g->ended += i == 0;
			g->sensors[i] = meet(g, MSG_PROCESS_SENSOR, (uint16_t)i);
		}
	}
	if (waitpid(g->engine, NULL, WNOHANG) != 0) {
		fprintf(stderr, "the engine is gone\n");
		exit(1);
	}
}

/* False where the engine ended the channel meanwhile. */
static bool put(struct garbage *g, size_t sensor, const uint8_t *p, size_t n)
{
	unsigned ended = g->ended;
	for (size_t at = 0; at < n;) {
		ssize_t sent = send(g->sensors[sensor], p + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}
		pump(g, 5);
		if (g->ended != ended)
			return false;
	}
	return true;
}

static int64_t odd_time(struct garbage *g)
{
	const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX, now_ns(),
	    now_ns() + INT64_C(86400000000000) * 400, (int64_t)next(g)};
	return odd[next(g) % (sizeof(odd) / sizeof(*odd))];
}

static uint64_t odd_count(struct garbage *g)
{
	const uint64_t odd[] = {0, 1, 2, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, UINT32_MAX, next(g)};
	return odd[next(g) % (sizeof(odd) / sizeof(*odd))];
}

static struct net_addr odd_addr(struct garbage *g)
{
	struct net_addr any;
	uint64_t words[2] = {next(g), next(g)};
	memcpy(any.b, words, sizeof(any.b));
	switch (next(g) % 8) {
	case 0: return v4(203, 0, 113, 66);
	case 1:
	case 2: return v4(10, 77, (uint8_t)next(g), (uint8_t)next(g));
	case 3: return v4(0, 0, 0, 0);
	case 4: return v4(255, 255, 255, 255);
	case 5: return any;
	default: return v4((uint8_t)next(g), (uint8_t)next(g), (uint8_t)next(g), (uint8_t)next(g));
	}
}

static void odd_flow(struct garbage *g, struct dynbuf *out)
{
	struct msg_flow f = {.id = next(g) % 4 ? next(g) % 1000 : odd_count(g),
	    .duplicate_of = next(g) % 8 ? 0 : next(g) % 1000,
	    .parent = next(g) % 8 ? 0 : odd_count(g),
	    .vantage = (uint16_t)(next(g) % 8 ? 0 : next(g)),
	    /* everything but what would prove its ends */
	    .protocol = (uint8_t)(next(g) % 4 ? 17 : 58 + next(g) % 100),
	    .initiator = odd_addr(g),
	    .responder = odd_addr(g),
	    .initiator_port = (uint16_t)next(g),
	    .responder_port = (uint16_t)(next(g) % 2 ? 53 : next(g)),
	    .first = odd_time(g),
	    .last = odd_time(g),
	    .established = odd_time(g),
	    .packets_out = odd_count(g),
	    .packets_in = odd_count(g),
	    .wire_out = odd_count(g),
	    .payload_out = odd_count(g),
	    .payload_in = odd_count(g),
	    .missing_out = odd_count(g),
	    .tcp_state = (uint8_t)next(g),
	    .end = (uint8_t)(next(g) % 16),
	    .flags = (uint32_t)next(g),
	    .events = next(g),
	    .app = (uint16_t)(next(g) % 4 ? next(g) % 64 : next(g)),
	    .name = TEXT("absurd.example")};
	msg_flow_encode(out, &f);
}

static void odd_record(struct garbage *g, struct dynbuf *out)
{
	struct field_value field = {.field = (uint16_t)next(g), .value = TEXT("absurd.example")};
	switch (next(g) % 8) {
	case 0:
		msg_transaction_encode(out, &(struct msg_transaction){.id = odd_count(g),
		                                .flow = next(g) % 1000,
		                                .app = (uint16_t)next(g),
		                                .time = odd_time(g),
		                                .fields = {.v = &field, .n = 1}});
		break;
	case 1:
		msg_binding_encode(out, &(struct msg_binding){.id = odd_count(g),
		                            .first = odd_time(g),
		                            .last = odd_time(g),
		                            .addr = odd_addr(g),
		                            .name = TEXT("absurd"),
		                            .source = (uint8_t)next(g)});
		break;
	case 2:
		msg_coverage_encode(out, &(struct msg_coverage){.id = odd_count(g),
		                             .from = odd_time(g),
		                             .to = odd_time(g),
		                             .packets = odd_count(g),
		                             .dropped = odd_count(g),
		                             .end = (uint8_t)next(g)});
		break;
	case 3:
		msg_sight_encode(out, &(struct msg_sight){.from = net_prefix_of(odd_addr(g), 128),
		                          .to = {.bits = (uint8_t)next(g)},
		                          .direction = (uint8_t)next(g),
		                          .vantage = (uint16_t)next(g),
		                          .packets = odd_count(g),
		                          .first = odd_time(g),
		                          .last = odd_time(g)});
		break;
	case 4:
		msg_sensor_state_encode(out, &(struct msg_sensor_state){.now = odd_time(g),
		                                 .packets = odd_count(g),
		                                 .lost = odd_count(g),
		                                 .watches = odd_count(g)});
		break;
	default: odd_flow(g, out);
	}
}

/* Records with some octets that aren't theirs, and octets that never were one. */
static void fuzz(struct garbage *g, unsigned scale)
{
	struct dynbuf b = {0};
	for (unsigned round = 0; round < 400 * scale; round++) {
		dynbuf_reset(&b);
		for (uint64_t i = next(g) % 8 + 1; i; i--)
			odd_record(g, &b);
		for (uint64_t i = next(g) % 5; i; i--)
			b.p[next(g) % b.n] = (uint8_t)next(g);
		if (next(g) % 16 == 0)
			for (size_t i = 0; i < b.n; i++)
				b.p[i] = (uint8_t)next(g);
		put(g, 0, b.p, b.n - (next(g) % 8 ? 0 : next(g) % b.n));
		pump(g, 0);
	}
	dynbuf_free(&b);
}

static void absurd(struct garbage *g, unsigned scale)
{
	struct dynbuf b = {0};
	for (unsigned i = 0; i < 40000 * scale; i++) {
		dynbuf_reset(&b);
		odd_record(g, &b);
		put(g, 0, b.p, b.n);
	}
	dynbuf_free(&b);
}

static void forged(struct garbage *g)
{
	struct dynbuf b = {0};
	uint64_t flow = 7;
	struct msg_detection d = {.id = 1,
	    .time = now_ns(),
	    .last = now_ns(),
	    .name = TEXT("indicator:address"),
	    .technique = TEXT("T1071"),
	    .confidence = 1,
	    .asset = v4(10, 77, 1, 2),
	    .peer = v4(203, 0, 113, 9),
	    .flows = {.v = &flow, .n = 1}};
	msg_detection_encode(&b, &d);
	put(g, 0, b.p, b.n);
	for (int i = 0; i < 50 && !g->ended; i++)
		pump(g, 20);
	dynbuf_free(&b);
}

/* Each of another machine, port and place. */
static void flood(struct garbage *g, unsigned scale)
{
	struct dynbuf b = {0};
	for (uint64_t i = 0; i < UINT64_C(1000000) * scale; i++) {
		uint64_t r = next(g);
		struct msg_flow f = {.id = i + 1,
		    .protocol = 6,
		    .initiator = v4(10, 77, (uint8_t)r, (uint8_t)(r >> 8)),
		    .responder = v4((uint8_t)(11 + (r >> 16) % 100), (uint8_t)(r >> 24), (uint8_t)(r >> 32),
		        (uint8_t)(r >> 40)),
		    .initiator_port = (uint16_t)(r >> 48),
		    .responder_port = (uint16_t)(r >> 40),
		    .first = now_ns(),
		    .last = now_ns(),
		    .packets_out = 1,
		    .wire_out = 60,
		    .end = 1};
		msg_flow_encode(&b, &f);
		if (b.n > RECORD_MAX) {
			put(g, 0, b.p, b.n);
			dynbuf_reset(&b);
			pump(g, 0);
		}
	}
	dynbuf_free(&b);
}

static void hand_file(struct garbage *g, enum msg_handed_what what, const char *name)
{
	struct msg_handed m = {.what = (uint8_t)what, .name = text_of(name), .generation = 1};
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || channel_attach(g->parent, fd) < 0 || msg_handed_encode(channel_out(g->parent), &m) < 0)
		fail(name);
	close(fd);
	channel_flush(g->parent);
}

static struct channel *channel_to(struct garbage *g, enum msg_process who)
{
	struct channel *c;
	int fd = meet(g, who, 0);
	if (channel_new(
	        &c, fd, channel_way_of(MSG_PROCESS_ENGINE, who), channel_way_of(who, MSG_PROCESS_ENGINE)) < 0)
		fail("channel");
	return c;
}

static void start(struct garbage *g, const char *program)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fail("socketpair");
	g->engine = fork();
	if (g->engine < 0)
		fail("fork");
	if (g->engine == 0) {
		dup2(pair[1], PROCESS_CHANNEL_FD);
		execl(program, "bulkhead", "process", "engine", "0", (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	if (channel_new(&g->parent, pair[0], CHANNEL_CHILD_TO_PARENT, CHANNEL_PARENT_TO_CHILD) < 0)
		fail("channel");
	for (uint16_t i = 0; i < BOTH; i++)
		g->sensors[i] = meet(g, MSG_PROCESS_SENSOR, i);
	g->enforcer = channel_to(g, MSG_PROCESS_ENFORCER);
	g->archivist = channel_to(g, MSG_PROCESS_ARCHIVIST);
	hand_file(g, MSG_HANDED_DAEMON, "bulkhead.yaml");
	hand_file(g, MSG_HANDED_SITE, "site.yaml");
	hand_file(g, MSG_HANDED_FEED, "bad.txt");
	struct msg_prepare prepare = {
	    .generation = 1, .start = 1, .seed = 1, .ids = MSG_IDS, .sandbox = SANDBOX_LEVEL_NONE};
	msg_prepare_encode(channel_out(g->parent), &prepare);
	for (int i = 0; i < 1000 && !g->prepared && !g->refused; i++)
		pump(g, 20);
	if (!g->prepared)
		exit(4);
}

static void swap(struct garbage *g)
{
	msg_swap_encode(channel_out(g->parent), &(struct msg_swap){.generation = 1});
	for (int i = 0; i < 20; i++)
		pump(g, 10);
}

/* What the engine still makes of what it was sent must be over before its memory is looked at. */
static bool sees_good(struct garbage *g)
{
	struct dynbuf b = {0};
	struct msg_flow f = {.id = 77777,
	    .protocol = 17,
	    .initiator = v4(10, 77, 1, 2),
	    .responder = v4(203, 0, 113, 67),
	    .initiator_port = 40000,
	    .responder_port = 9,
	    .first = now_ns(),
	    .last = now_ns(),
	    .packets_out = 1,
	    .payload_out = 1,
	    .wire_out = 60};
	msg_flow_encode(&b, &f);
	put(g, 1, b.p, b.n);
	for (int i = 0; i < GOOD_WAIT_MS / 20 && !g->good; i++)
		pump(g, 20);
	dynbuf_free(&b);
	return g->good;
}

/* 0: it ended as it was told to. */
static int stop(struct garbage *g)
{
	int status;
	msg_stop_encode(channel_out(g->parent), &(struct msg_stop){0});
	channel_flush(g->parent);
	for (int64_t end = now_ns() + STOP_WAIT_NS; now_ns() < end;) {
		if (waitpid(g->engine, &status, WNOHANG) == g->engine)
			return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		struct pollfd p = {.fd = channel_fd(g->archivist), .events = POLLIN};
		poll(&p, 1, 20);
		take(g, g->archivist);
	}
	kill(g->engine, SIGKILL);
	return 1;
}

static int finish(struct garbage *g)
{
	int code = stop(g);
	channel_free(g->parent);
	channel_free(g->enforcer);
	channel_free(g->archivist);
	for (size_t i = 0; i < BOTH; i++)
		close(g->sensors[i]);
	return code;
}

static long memory_mb(const struct garbage *g)
{
	char path[64], line[128];
	long kb = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)g->engine);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb / 1024;
}

int main(int argc, char **argv)
{
	struct garbage g = {.random = 4};
	uint64_t scale;
	if (argc != 4 || num_parse_u64(text_of(argv[3]), 1000, &scale) < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	mkdir("state", 0700);
	start(&g, argv[1]);
	if (strcmp(argv[2], "unswapped") == 0)
		return finish(&g);
	swap(&g);
	long before = memory_mb(&g);
	if (strcmp(argv[2], "fuzz") == 0)
		fuzz(&g, (unsigned)scale);
	else if (strcmp(argv[2], "absurd") == 0)
		absurd(&g, (unsigned)scale);
	else if (strcmp(argv[2], "forged") == 0)
		forged(&g);
	else
		flood(&g, (unsigned)scale);
	bool good = sees_good(&g);
	printf("ended=%u inside=%u good=%d grown_mb=%ld\n", g.ended, g.inside, good, memory_mb(&g) - before);
	/* it is asked to end, so that a sanitizer has its say */
	return finish(&g);
}
