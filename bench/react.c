/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * From the first malicious packet to the first that is dropped: react INSIDE OUTSIDE TRIALS PAUSE_MS
 * BACKGROUND FIRST [SCANNED], where INSIDE and OUTSIDE are network namespaces with a gateway between them,
 * and FIRST the first of TRIALS addresses that stand outside (one each trial). Each trial sends numbered
 * datagrams to such an address every STEP_NS until none arrives any more; with SCANNED, an address inside,
 * that is scanned from such an address: a SYN to another port every STEP_NS. One process sends and receives,
 * so there is one clock. BACKGROUND packets a second of other traffic pass meanwhile.
 *
 * Prints a line a trial: the time in microseconds from sending the first to sending the first that was lost,
 * packets that arrived before it and after it (leaks), or "never". Stops by itself.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/num.h"
#include "base/timefmt.h"

enum { PORT = 4444, NOISE_PORT = 9000, PACKETS = 20000, SILENCE = 300, BATCH = 32, NOISE_FLOWS = 64 };
#define STEP_NS (100 * NS_PER_US)

struct datagram {
	uint32_t trial, number;
};

struct way {
	int out, in;
	struct in_addr first;
	struct in_addr scanned; /* 0: none is */
};

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void sleep_until(int64_t at)
{
	struct timespec t = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void die(const char *what)
{
	fprintf(stderr, "react: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void enter(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(name);
	close(fd);
}

static int open_socket(const char *name, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int size = 8 << 20;
	enter(name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

/* Other traffic, in small bursts, until it is killed or a quarter of an hour is over. */
static pid_t start_noise(const char *inside, const char *outside, uint64_t rate)
{
	pid_t pid = rate ? fork() : 0;
	if (!rate || pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_socket(outside, NOISE_PORT); /* never read: what arrives is dropped at the end */
	int fd[NOISE_FLOWS];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(NOISE_PORT)};
	struct mmsghdr messages[BATCH];
	char payload[64] = "";
	struct iovec part = {.iov_base = payload, .iov_len = sizeof(payload)};
	inet_pton(AF_INET, "203.0.113.2", &to.sin_addr);
	for (int i = 0; i < NOISE_FLOWS; i++) {
		fd[i] = open_socket(inside, 0);
		if (connect(fd[i], (struct sockaddr *)&to, sizeof(to)) < 0)
			die("connect");
	}
	for (int i = 0; i < BATCH; i++)
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	int64_t began = now(), interval = (int64_t)BATCH * NS_PER_S / (int64_t)rate;
	for (int64_t n = 0; n * interval < 900 * NS_PER_S; n++) {
		sleep_until(began + n * interval);
		if (sendmmsg(fd[n % NOISE_FLOWS], messages, BATCH, 0) < 0 && errno != ECONNREFUSED &&
		    errno != ENOBUFS)
			die("noise");
	}
	exit(0);
}

struct trial {
	int64_t sent[PACKETS];
	uint32_t n;       /* sent */
	uint32_t arrived; /* of those, in a row */
	uint32_t last;    /* one more than the last that arrived */
	uint32_t leaks;   /* arrived behind the first that was lost */
};

/* RFC 9293: one's complement sum over pseudo-header and header. */
static uint16_t checksum(struct in_addr from, struct in_addr to, const struct tcphdr *tcp)
{
	uint8_t p[12 + sizeof(*tcp)] = {[9] = IPPROTO_TCP, [11] = sizeof(*tcp)};
	uint32_t sum = 0;
	memcpy(p, &from, 4);
	memcpy(p + 4, &to, 4);
	memcpy(p + 12, tcp, sizeof(*tcp));
	for (size_t i = 0; i < sizeof(p); i += 2)
		sum += load_be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t) ~(sum + (sum >> 16)));
}

static bool send_syn(const struct way *w, const struct datagram *d)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} p = {
	    .ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .tot_len = htons(sizeof(p))},
	    .tcp = {.source = htons(PORT),
	        .dest = htons((uint16_t)(1 + d->number)),
	        .seq = htonl(d->trial << 16 | d->number),
	        .doff = 5,
	        .syn = 1,
	        .window = htons(1024)}};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = w->scanned};
	struct in_addr from = {htonl(ntohl(w->first.s_addr) + d->trial)};
	p.ip.saddr = from.s_addr;
	p.ip.daddr = w->scanned.s_addr;
	p.tcp.check = checksum(from, w->scanned, &p.tcp);
	return sendto(w->out, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)sizeof(p);
}

static bool send_one(const struct way *w, const struct datagram *d)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(PORT),
	    .sin_addr = {htonl(ntohl(w->first.s_addr) + d->trial)}};
	return sendto(w->out, d, sizeof(*d), 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)sizeof(*d);
}

/* What came of a trial. */
static bool receive(const struct way *w, struct datagram *d)
{
	uint8_t p[128];
	ssize_t n;
	if (!w->scanned.s_addr)
		return recv(w->in, d, sizeof(*d), MSG_DONTWAIT) == (ssize_t)sizeof(*d);
	while ((n = recv(w->in, p, sizeof(p), MSG_DONTWAIT)) > 0) {
		/* a SYN and nothing else, behind a header without options */
		if (n < 40 || p[0] != 0x45 || p[33] != 2 || load_be16(p + 20) != PORT)
			continue;
		uint32_t sequence = load_be32(p + 24);
		*d = (struct datagram){sequence >> 16, sequence & 0xffff};
		return true;
	}
	return false;
}

static void take(const struct way *w, struct trial *t, uint32_t number)
{
	struct datagram d;
	while (receive(w, &d)) {
		if (d.trial != number)
			continue;
		t->leaks += d.number > t->arrived;
		t->arrived += d.number == t->arrived;
		t->last = d.number >= t->last ? d.number + 1 : t->last;
	}
}

static void run_trial(const struct way *w, uint32_t number, struct trial *t)
{
	memset(t, 0, sizeof(*t));
	int64_t at = now();
	while (t->n < PACKETS && t->n - t->last < SILENCE) {
		struct datagram d = {.trial = number, .number = t->n};
		sleep_until(at);
		t->sent[t->n] = now();
		if (!(w->scanned.s_addr ? send_syn(w, &d) : send_one(w, &d)))
			die("sendto");
		t->n++;
		take(w, t, number);
		at += STEP_NS;
	}
}

static int open_raw(const char *name)
{
	int size = 8 << 20, on = 1;
	enter(name);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0)
		die("raw socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void begin(struct way *w, const char *inside, const char *outside)
{
	if (w->scanned.s_addr) {
		w->in = open_raw(inside);
		w->out = open_raw(outside);
	} else {
		w->in = open_socket(outside, PORT);
		w->out = open_socket(inside, 0);
	}
}

int main(int argc, char **argv)
{
	static struct trial t;
	uint64_t trials, pause_ms, rate;
	struct way way = {.scanned = {0}};
	if (argc < 7 || argc > 8 || num_parse_u64(text_of(argv[3]), 10000, &trials) < 0 ||
	    num_parse_u64(text_of(argv[4]), 60000, &pause_ms) < 0 ||
	    num_parse_u64(text_of(argv[5]), 10000000, &rate) < 0 ||
	    inet_pton(AF_INET, argv[6], &way.first) != 1 ||
	    (argc > 7 && inet_pton(AF_INET, argv[7], &way.scanned) != 1)) {
		fprintf(stderr, "usage: react INSIDE OUTSIDE TRIALS PAUSE_MS BACKGROUND FIRST [SCANNED]\n");
		return 2;
	}
	prctl(PR_SET_TIMERSLACK, 1UL);
	pid_t noise = start_noise(argv[1], argv[2], rate);
	begin(&way, argv[1], argv[2]);
	sleep_until(now() + NS_PER_S);
	for (uint32_t i = 0; i < trials; i++) {
		int64_t next = now() + (int64_t)pause_ms * NS_PER_MS;
		run_trial(&way, i, &t);
		if (t.arrived == t.n)
			printf("%u never %u %u\n", i, t.arrived, t.leaks);
		else
			printf("%u %" PRId64 " %u %u\n", i, (t.sent[t.arrived] - t.sent[0]) / NS_PER_US,
			    t.arrived, t.leaks);
		fflush(stdout);
		sleep_until(next);
	}
	if (noise > 0) {
		kill(noise, SIGKILL);
		waitpid(noise, NULL, 0);
	}
	return 0;
}
