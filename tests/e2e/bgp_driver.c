/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The BGP backend alone, driven by lines, as the enforcer's process will drive it: for tests/e2e/test_bgp.py.
 *
 *   bgp_driver PEER LOCAL_AS PEER_AS ROUTER_ID HOLD_S flowspec|blackhole [port=N] [local=ADDR] [hop4=ADDR]
 *              [hop6=ADDR] [lease=SECONDS] [pass=PREFIX,PROTOCOL,PORT]...
 *
 * Lines in: "add FROM TO [SECONDS]", "many N" (single addresses from 10.64.0.0 on), "none" (of those),
 * "remove FROM TO", "cannot FROM TO", "clear", "read", "status", "lease SECONDS", "quit"; each is answered by
 * one line. The lease is renewed while lease= isn't given.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "enforce/bgp.h"

enum { WORDS = 5, PASSES = 16, MANY_MOST = 100000 };

static const int64_t second = INT64_C(1000000000);
static struct backend *b;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * second + t.tv_nsec;
}

static uint64_t number(const char *s)
{
	uint64_t v;
	if (!s || num_parse_u64(text_of(s), UINT32_MAX, &v) < 0) {
		fprintf(stderr, "not a number: %s\n", s ? s : "nothing");
		exit(2);
	}
	return v;
}

static struct net_prefix prefix(const char *s)
{
	struct net_prefix p = {0};
	if (!s || (strcmp(s, "any") != 0 && net_prefix_parse(text_of(s), &p) < 0)) {
		fprintf(stderr, "not a prefix: %s\n", s ? s : "nothing");
		exit(2);
	}
	return p;
}

static struct net_addr addr(const char *s)
{
	return prefix(s).addr;
}

static void answer(int r)
{
	printf("%s\n", r == 0 ? "ok" : r > -4096 ? strerrorname_np(-r) : err_text(r));
}

static struct backend_step step_of(char **w)
{
	struct backend_step s = {.cut = {.from = prefix(w[1]), .to = prefix(w[2]), .direction = CUT_BOTH}};
	s.until = now_ns() + (w[3] ? (int64_t)number(w[3]) : 3600) * second;
	s.act = strcmp(w[0], "remove") == 0 ? BACKEND_REMOVE : BACKEND_ADD;
	return s;
}

/* n single addresses, each cut off from everywhere. */
static int change_many(size_t n, enum backend_act act)
{
	struct backend_step *steps = calloc(n, sizeof(*steps));
	uint8_t host[4] = {10, 64, 0, 0};
	if (!steps || n > MANY_MOST)
		exit(2);
	for (size_t i = 0; i < n; i++) {
		host[1] = (uint8_t)(64 + (i >> 16));
		host[2] = (uint8_t)(i >> 8);
		host[3] = (uint8_t)i;
		steps[i].cut.from = (struct net_prefix){.addr = net_addr_v4(host), .bits = 128};
		steps[i].until = now_ns() + 3600 * second;
		steps[i].act = (uint8_t)act;
	}
	int r = b->ops->change(b, steps, n, NULL);
	free(steps);
	return r;
}

static void print_read(void)
{
	struct backend_element *v;
	size_t n;
	bool intact;
	int64_t before = now_ns();
	int r = b->ops->read_begin(b);
	if (r == 0)
		r = b->ops->read_more(b, &v, &n, &intact);
	if (r < 0) {
		answer(r);
		return;
	}
	printf("%zu %s %lld us\n", n, intact ? "intact" : "broken", (long long)((now_ns() - before) / 1000));
	free(v);
}

/* 1: go on. */
static int obey(char **w)
{
	static size_t many;
	char status[BGP_WHY_SIZE];
	if (strcmp(w[0], "add") == 0 || strcmp(w[0], "remove") == 0) {
		struct backend_step s = step_of(w);
		answer(b->ops->change(b, &s, 1, NULL));
	} else if (strcmp(w[0], "many") == 0) {
		many = number(w[1]);
		answer(change_many(many, BACKEND_ADD));
	} else if (strcmp(w[0], "none") == 0) {
		answer(change_many(many, BACKEND_REMOVE));
	} else if (strcmp(w[0], "cannot") == 0) {
		struct backend_step s = step_of(w);
		const char *why = b->ops->cannot(b, &s.cut, false);
		printf("%s\n", why ? why : "ok");
	} else if (strcmp(w[0], "clear") == 0) {
		answer(b->ops->clear(b));
	} else if (strcmp(w[0], "read") == 0) {
		print_read();
	} else if (strcmp(w[0], "status") == 0) {
		printf("%s\n", bgp_status(b, status));
	} else if (strcmp(w[0], "lease") == 0) {
		answer(b->ops->lease(b, now_ns() + (int64_t)number(w[1]) * second));
	} else if (strcmp(w[0], "quit") == 0) {
		return 0;
	} else {
		printf("what?\n");
	}
	return 1;
}

/* Lines as they come; stdin isn't read through a buffer that poll can't see. */
static int read_lines(void)
{
	static char line[256];
	static size_t n;
	ssize_t got = read(0, line + n, sizeof(line) - 1 - n);
	if (got <= 0)
		return 0;
	n += (size_t)got;
	line[n] = '\0';
	char *end;
	while ((end = strchr(line, '\n'))) {
		char *w[WORDS] = {NULL}, *save = NULL;
		*end = '\0';
		char *word = strtok_r(line, " ", &save);
		for (int i = 0; word && i < WORDS - 1; i++, word = strtok_r(NULL, " ", &save))
			w[i] = word;
		if (w[0] && !obey(w))
			return 0;
		n -= (size_t)(end + 1 - line);
		memmove(line, end + 1, n + 1);
	}
	return n < sizeof(line) - 1;
}

static void run(bool renew)
{
	int64_t renew_at = 0;
	for (;;) {
		int64_t now = now_ns(), at = b->ops->deadline(b);
		bool foreign;
		if (renew && now >= renew_at) {
			b->ops->lease(b, now + 30 * second);
			renew_at = now + 10 * second;
		}
		if (at <= now) {
			b->ops->tick(b, now);
			continue;
		}
		if (renew && renew_at < at)
			at = renew_at;
		int64_t wait_ms = (at - now) / 1000000 + 1;
		struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = b->ops->fd(b), .events = POLLIN}};
		if (poll(p, 2, wait_ms < 60000 ? (int)wait_ms : 60000) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			b->ops->events(b, &foreign);
		if (p[0].revents && !read_lines())
			return;
	}
}

static void pass_of(struct backend_pass *p, char *s)
{
	char *save = NULL;
	p->prefix = prefix(strtok_r(s, ",", &save));
	p->protocol = (uint8_t)number(strtok_r(NULL, ",", &save));
	p->port = (uint16_t)number(strtok_r(NULL, ",", &save));
}

int main(int argc, char **argv)
{
	static struct backend_pass pass[PASSES];
	struct bgp_config c = {.pass = pass};
	char why[BGP_WHY_SIZE];
	bool renew = true;
	if (argc < 7)
		return 2;
	c.peer = addr(argv[1]);
	c.local_as = (uint32_t)number(argv[2]);
	c.peer_as = (uint32_t)number(argv[3]);
	c.router_id = addr(argv[4]);
	c.hold_ns = (int64_t)number(argv[5]) * second;
	c.announce = strcmp(argv[6], "blackhole") == 0 ? BGP_ANNOUNCE_BLACKHOLE : BGP_ANNOUNCE_FLOWSPEC;
	uint64_t lease_s = 0;
	for (int i = 7; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			return 2;
		*value++ = '\0';
		if (strcmp(argv[i], "port") == 0)
			c.port = (uint16_t)number(value);
		else if (strcmp(argv[i], "local") == 0)
			c.local = addr(value);
		else if (strcmp(argv[i], "hop4") == 0)
			c.next_hop_v4 = addr(value);
		else if (strcmp(argv[i], "hop6") == 0)
			c.next_hop_v6 = addr(value);
		else if (strcmp(argv[i], "lease") == 0)
			lease_s = number(value);
		else if (strcmp(argv[i], "pass") == 0 && c.n_pass < PASSES)
			pass_of(&pass[c.n_pass++], value);
		else
			return 2;
	}
	int r = bgp_open(&c, &b, why);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", r > -4096 ? strerror(-r) : err_text(r), why);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (lease_s) {
		renew = false;
		b->ops->lease(b, now_ns() + (int64_t)lease_s * second);
	}
	run(renew);
	b->ops->close(b);
	return 0;
}
