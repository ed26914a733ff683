/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "enforce/bgp.h"
#include "enforce/bgp_cuts.h"

/* The backend against a router made of a plain socket on the loopback, with a clock of the test's own. */

static const int64_t second = INT64_C(1000000000);
static struct backend *b;
static int listener = -1, router = -1;
static int64_t now;
static uint16_t port;

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	if (strcmp(text, "any") != 0)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct bgp_config config(void)
{
	return (struct bgp_config){.peer = prefix("127.0.0.1").addr,
	    .port = port,
	    .local_as = 65010,
	    .peer_as = 65001,
	    .router_id = prefix("192.0.2.1").addr,
	    .hold_ns = 9 * second};
}

static int setup(void **state)
{
	(void)state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	char why[BGP_WHY_SIZE];
	int small = 4096;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	port = ntohs(a.sin_port);
	now = 1000 * second;
	struct bgp_config c = config();
	assert_int_equal(bgp_open(&c, &b, why), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	b->ops->close(b);
	if (router >= 0)
		close(router);
	close(listener);
	router = -1;
	return 0;
}

/* Lets the backend do all that it wants to do now; nothing new comes from the other side for 50 ms. */
static void run(void)
{
	for (int i = 0; i < 1000; i++) {
		struct pollfd p = {.fd = b->ops->fd(b), .events = POLLIN};
		bool foreign;
		if (b->ops->deadline(b) <= now)
			assert_int_equal(b->ops->tick(b, now), 0);
		else if (poll(&p, 1, 50) == 1)
			assert_int_equal(b->ops->events(b, &foreign), 0);
		else
			return;
	}
	fail_msg("the backend never rests");
}

static void say(void (*encode)(struct dynbuf *))
{
	struct dynbuf out = {0};
	encode(&out);
	assert_int_equal(send(router, out.p, out.n, MSG_NOSIGNAL), out.n);
	dynbuf_free(&out);
}

static void encode_open(struct dynbuf *out)
{
	const struct bgp_open o = {.as = 65001,
	    .hold_s = 90,
	    .id = {192, 0, 2, 2},
	    .families = 1u << BGP_FLOW_V4 | 1u << BGP_FLOW_V6,
	    .as4 = true};
	bgp_open_encode(out, &o);
}

static void establish(void)
{
	b->ops->tick(b, now);
	if (router >= 0)
		close(router);
	router = accept(listener, NULL, NULL);
	assert_true(router >= 0);
	run();
	say(encode_open);
	say(bgp_keepalive_encode);
	run();
}

static size_t drain(void)
{
	uint8_t bytes[65536];
	size_t n = 0;
	ssize_t got;
	while ((got = recv(router, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	return n;
}

static struct backend_step step(enum backend_act act, const char *from)
{
	return (struct backend_step){.cut = {.from = prefix(from), .direction = CUT_BOTH},
	    .until = now + 3600 * second,
	    .act = (uint8_t)act};
}

static int change(enum backend_act act, const char *from)
{
	struct backend_step s = step(act, from);
	return b->ops->change(b, &s, 1, NULL);
}

static size_t read_back(bool *ret_intact)
{
	struct backend_element *v;
	size_t n;
	assert_int_equal(b->ops->read_begin(b), 0);
	assert_int_equal(b->ops->read_more(b, &v, &n, ret_intact), 0);
	free(v);
	return n;
}

static void test_a_wrong_configuration_says_what_is_wrong(void **state)
{
	(void)state;
	static const struct backend_pass everything;
	struct bgp_config rows[12];
	struct backend *none = NULL;
	char why[BGP_WHY_SIZE];
	for (size_t i = 0; i < 12; i++)
		rows[i] = config();
	rows[0].peer = (struct net_addr){0};
	rows[1].peer = prefix("fe80::1").addr;
	rows[2].local = prefix("2001:db8::1").addr;
	rows[3].local_as = 0;
	rows[4].peer_as = BGP_AS_TRANS;
	rows[5].router_id = prefix("2001:db8::1").addr;
	rows[6].hold_ns = 2 * second;
	rows[7].hold_ns = 65536 * second;
	rows[8].hold_ns = 9 * second + 1;
	rows[9].announce = BGP_ANNOUNCE_BLACKHOLE;
	rows[10] = rows[9];
	rows[10].next_hop_v4 = prefix("2001:db8::1").addr;
	rows[11].pass = &everything;
	rows[11].n_pass = 1;
	for (size_t i = 0; i < 12; i++) {
		assert_int_equal(bgp_open(&rows[i], &none, why), -ERR_INVALID);
		assert_true(strlen(why) > 10);
		assert_null(none);
	}
}

static void test_before_the_first_lease_nothing_can_be_added(void **state)
{
	(void)state;
	assert_int_equal(change(BACKEND_ADD, "10.0.0.11"), -ENOTCONN);
	establish();
	drain();
	assert_int_equal(change(BACKEND_ADD, "10.0.0.11"), -ETIME);
	assert_int_equal(change(BACKEND_REMOVE, "10.0.0.11"), 0);
	assert_int_equal(b->ops->lease(b, now + 30 * second), 0);
	assert_int_equal(change(BACKEND_ADD, "10.0.0.11"), 0);
	run();
	assert_true(drain() > 0);
	assert_int_equal(change(BACKEND_RENEW, "10.0.0.11"), 0);
	assert_int_equal(drain(), 0); /* BGP knows no ends: a renewal is ours alone */
	bool intact;
	assert_int_equal(read_back(&intact), 1);
	assert_true(intact);
}

static void test_a_session_that_begins_or_ends_rings_once(void **state)
{
	(void)state;
	struct pollfd p = {.fd = b->ops->fd(b), .events = POLLIN};
	bool foreign;
	b->ops->tick(b, now);
	router = accept(listener, NULL, NULL);
	run();
	say(encode_open);
	say(bgp_keepalive_encode);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(b->ops->events(b, &foreign), 0);
	assert_false(foreign);
	assert_true(b->ops->deadline(b) <= now);
	b->ops->tick(b, now);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(b->ops->events(b, &foreign), 0);
	assert_true(foreign);
	while (b->ops->deadline(b) <= now)
		b->ops->tick(b, now);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(b->ops->events(b, &foreign), 0);
	assert_false(foreign);
	close(router);
	router = -1;
	assert_int_equal(poll(&p, 1, 1000), 1);
	b->ops->events(b, &foreign);
	b->ops->tick(b, now);
	assert_int_equal(p.fd, b->ops->fd(b));
	b->ops->events(b, &foreign);
	assert_true(foreign);
}

static void test_a_router_that_is_slow_to_read_is_not_taken_for_told(void **state)
{
	(void)state;
	/* more than both sockets' buffers hold, whose most is some megabytes */
	enum { N = BGP_CUTS_MAX, BATCH = 1 << 14 };
	struct backend_step *steps = calloc(N, sizeof(*steps));
	bool intact;
	int r = 0;
	assert_non_null(steps);
	b->ops->lease(b, now + 30 * second);
	establish();
	size_t n = 0;
	while (n < N && r == 0) {
		for (size_t i = n; i < n + BATCH; i++) {
			uint8_t host[16] = {0x20, 0x01, 0x0d,
			    0xb8, [13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};
			steps[i] = step(BACKEND_ADD, "any");
			steps[i].cut.to = (struct net_prefix){.addr = net_addr_v6(host), .bits = 128};
		}
		r = b->ops->change(b, steps + n, BATCH, NULL);
		n += BATCH;
	}
	assert_int_equal(r, -EINPROGRESS);
	assert_int_equal(read_back(&intact), n);
	assert_false(intact);
	for (int i = 0; i < 10000 && !intact; i++) {
		drain();
		if (i % 16 == 0)
			(void)read_back(&intact);
		bool foreign;
		b->ops->events(b, &foreign);
		b->ops->tick(b, now);
	}
	assert_true(intact);
	assert_int_equal(b->ops->change(b, steps, n, NULL), 0); /* the same again: it is there */
	free(steps);
}

static void test_a_removal_counts_when_the_router_must_have_forgotten(void **state)
{
	(void)state;
	b->ops->lease(b, now + 100 * second);
	establish();
	assert_int_equal(change(BACKEND_ADD, "10.0.0.11"), 0);
	now += 9 * second;
	b->ops->tick(b, now); /* not a word in the hold time */
	bool intact;
	assert_int_equal(read_back(&intact), 1);
	assert_false(intact);
	assert_int_equal(b->ops->repair(b), -ENOTCONN);
	assert_int_equal(change(BACKEND_RENEW, "10.0.0.11"), -ENOTCONN);
	/* it may be that we only don't hear it */
	assert_int_equal(change(BACKEND_REMOVE, "10.0.0.11"), -ENOTCONN);
	assert_int_equal(read_back(&intact), 0); /* but it isn't announced again */
	now += 9 * second - 1;
	close(listener);
	listener = -1;
	b->ops->tick(b, now);
	assert_int_equal(change(BACKEND_REMOVE, "10.0.0.11"), -ENOTCONN);
	assert_int_equal(b->ops->clear(b), -ENOTCONN);
	now += 1;
	b->ops->tick(b, now);
	assert_int_equal(change(BACKEND_REMOVE, "10.0.0.11"), 0);
	assert_int_equal(b->ops->clear(b), 0);
}

static void test_what_a_router_cannot_do_is_said(void **state)
{
	(void)state;
	struct cut c = step(BACKEND_ADD, "10.0.0.11").cut;
	assert_null(b->ops->cannot(b, &c, false));
	assert_non_null(b->ops->cannot(b, &c, true));
	c.direction = CUT_FROM_ONLY;
	assert_non_null(b->ops->cannot(b, &c, false));
	assert_null(b->ops->end_connections);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(test_a_wrong_configuration_says_what_is_wrong),
	    ONE(test_before_the_first_lease_nothing_can_be_added),
	    ONE(test_a_session_that_begins_or_ends_rings_once),
	    ONE(test_a_router_that_is_slow_to_read_is_not_taken_for_told),
	    ONE(test_a_removal_counts_when_the_router_must_have_forgotten),
	    ONE(test_what_a_router_cannot_do_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
