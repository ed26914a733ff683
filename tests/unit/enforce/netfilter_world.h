/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_ENFORCE_NETFILTER_WORLD_H
#define TESTS_ENFORCE_NETFILTER_WORLD_H

/*
 * Three network namespaces that the test process makes and that go with it: inside (10.1.0.2, 2001:db8:1::2),
 * the gateway, which forwards or bridges, and outside (192.0.2.2, 2001:db8:2::2). Sockets are opened by
 * entering a namespace and coming back to the gateway's, where the backend works too. Without root, or
 * namespaces, the tests are skipped.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "enforce/netfilter.h"
#include "enforce/netfilter_backend.h"

enum world_place { INSIDE, GATEWAY, OUTSIDE, WORLD_PLACES };

struct world {
	int ns[WORLD_PLACES];
	bool bridged;
	struct backend *b;
};

static struct world w;

static inline void enter(enum world_place place)
{
	assert_int_equal(setns(w.ns[place], CLONE_NEWNET), 0);
}

/* Runs a command of blank-separated words; "<in>" and "<out>" stand for the two outer namespaces. */
static inline int run(const char *command)
{
	char copy[512], where[WORLD_PLACES][64], *words[48], *rest = copy;
	size_t n = 0;
	assert_true(strlen(command) < sizeof(copy));
	memcpy(copy, command, strlen(command) + 1);
	for (char *word; (word = strsep(&rest, " ")) && n < 47;)
		if (*word)
			words[n++] = word;
	words[n] = NULL;
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < WORLD_PLACES; p++) {
			snprintf(where[p], sizeof(where[p]), "/proc/%d/fd/%d", (int)getpid(), w.ns[p]);
			if (strcmp(words[i], p == INSIDE ? "<in>" : p == OUTSIDE ? "<out>" : "<gw>") == 0)
				words[i] = where[p];
		}
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execvp(words[0], words);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static inline void must_run(const char *command)
{
	if (run(command) != 0)
		fail_msg("failed: %s", command);
}

static inline void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

static inline bool new_namespace(enum world_place place)
{
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	w.ns[place] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return w.ns[place] >= 0 && run("ip link set lo up") == 0;
}

static inline void set_up_end(enum world_place place, const char *const commands[])
{
	enter(place);
	for (; *commands; commands++)
		must_run(*commands);
	enter(GATEWAY);
}

static inline void set_up_routes(void)
{
	static const char *const gateway[] = {"ip addr add 10.1.0.1/24 dev in",
	    "ip addr add 192.0.2.1/24 dev out", "ip addr add 2001:db8:1::1/64 dev in nodad",
	    "ip addr add 2001:db8:2::1/64 dev out nodad", NULL};
	static const char *const inside[] = {"ip addr add 10.1.0.2/24 dev e", "ip addr add 10.1.0.3/24 dev e",
	    "ip addr add 2001:db8:1::2/64 dev e nodad", "ip route add default via 10.1.0.1",
	    "ip route add default via 2001:db8:1::1", NULL};
	static const char *const outside[] = {"ip addr add 192.0.2.2/24 dev e",
	    "ip addr add 192.0.2.3/24 dev e", "ip addr add 2001:db8:2::2/64 dev e nodad",
	    "ip route add default via 192.0.2.1", "ip route add default via 2001:db8:2::1", NULL};
	set_up_end(GATEWAY, gateway);
	set_up_end(INSIDE, inside);
	set_up_end(OUTSIDE, outside);
	write_file("/proc/sys/net/ipv4/ip_forward", "1");
	write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
}

static inline void set_up_bridge(void)
{
	static const char *const inside[] = {"ip addr add 10.1.0.2/24 dev e", "ip addr add 10.1.0.3/24 dev e",
	    "ip addr add 2001:db8:1::2/64 dev e nodad", "ip route add default dev e",
	    "ip route add default dev e metric 9", "ip -6 route add default dev e", NULL};
	static const char *const outside[] = {"ip addr add 192.0.2.2/24 dev e",
	    "ip addr add 192.0.2.3/24 dev e", "ip addr add 2001:db8:2::2/64 dev e nodad",
	    "ip route add default dev e", "ip -6 route add default dev e", NULL};
	must_run("ip link add name bridge0 type bridge");
	must_run("ip link set in master bridge0");
	must_run("ip link set out master bridge0");
	must_run("ip link set bridge0 up");
	set_up_end(INSIDE, inside);
	set_up_end(OUTSIDE, outside);
}

/* An address of the world: `second` is 10.1.0.3 or 192.0.2.3, of IPv4 only. */
static inline socklen_t address(enum world_place place, bool v6, bool second, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (v6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)ret;
		a->sin6_family = AF_INET6;
		inet_pton(AF_INET6, place == INSIDE ? "2001:db8:1::2" : "2001:db8:2::2", &a->sin6_addr);
		return sizeof(*a);
	}
	struct sockaddr_in *a = (struct sockaddr_in *)ret;
	a->sin_family = AF_INET;
	inet_pton(AF_INET,
	    place == INSIDE ? second ? "10.1.0.3" : "10.1.0.2"
	    : second        ? "192.0.2.3"
	                    : "192.0.2.2",
	    &a->sin_addr);
	return sizeof(*a);
}

/* A socket there, bound to its (first) address and that port, 0: any; with *ret_addr where it is. */
static inline int socket_at(
    enum world_place place, bool v6, int type, uint16_t port, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_storage a;
	socklen_t n = address(place, v6, false, &a);
	int on = 1;
	enter(place);
	int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	((struct sockaddr_in *)&a)->sin_port = htons(port); /* at the same place for IPv6 */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	if (ret_addr)
		*ret_addr = a;
	enter(GATEWAY);
	return fd;
}

/* Packets go through the pairs of interfaces while they are sent; the wait is for a busy machine. */
enum { ARRIVE_MS = 30 };

static inline bool arrives(int fd, struct sockaddr_storage *ret_from, int wait_ms)
{
	char byte[64];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	socklen_t n = sizeof(*ret_from);
	return poll(&p, 1, wait_ms) == 1 &&
	       recvfrom(fd, byte, sizeof(byte), 0, (struct sockaddr *)ret_from, &n) > 0;
}

static inline socklen_t size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* A datagram from one side to a port of the other. *ret_answered: an answer came back. */
static inline bool ask_port(
    enum world_place from, enum world_place to, bool v6, uint16_t port, int wait_ms, bool *ret_answered)
{
	struct sockaddr_storage where, sender = {0}, at;
	int server = socket_at(to, v6, SOCK_DGRAM, port, &where),
	    client = socket_at(from, v6, SOCK_DGRAM, 0, NULL);
	/* one that the rules let a reject or an unreachable route answer may not be sent */
	bool sent = sendto(client, "?", 1, 0, (struct sockaddr *)&where, size_of(&where)) == 1;
	bool passed = sent && arrives(server, &sender, wait_ms);
	*ret_answered = passed &&
	                sendto(server, "!", 1, 0, (struct sockaddr *)&sender, size_of(&sender)) == 1 &&
	                arrives(client, &at, wait_ms);
	close(server);
	close(client);
	return passed;
}

static inline bool passes(enum world_place from, enum world_place to, bool v6)
{
	bool answered;
	return ask_port(from, to, v6, 0, ARRIVE_MS, &answered) && answered;
}

/* Neighbours are found and routes learnt before anything is measured. */
static inline void warm_up(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		bool answered = false;
		for (int i = 0; i < 50 && !answered; i++)
			ask_port(INSIDE, OUTSIDE, v6 == 1, 0, 100, &answered);
		assert_true(answered);
	}
}

static inline bool world_open(bool bridged)
{
	w = (struct world){.ns = {-1, -1, -1}, .bridged = bridged};
	if (geteuid() != 0 || !new_namespace(INSIDE) || !new_namespace(OUTSIDE) || !new_namespace(GATEWAY))
		return false;
	must_run("ip link add in type veth peer name e netns <in>");
	must_run("ip link add out type veth peer name e netns <out>");
	must_run("ip link set in up");
	must_run("ip link set out up");
	static const char *const up[] = {"ip link set e up", NULL};
	set_up_end(INSIDE, up);
	set_up_end(OUTSIDE, up);
	if (bridged)
		set_up_bridge();
	else
		set_up_routes();
	warm_up();
	return true;
}

static inline void world_close(void)
{
	if (w.b)
		w.b->ops->close(w.b);
	w.b = NULL;
	for (size_t i = 0; i < WORLD_PLACES; i++)
		if (w.ns[i] >= 0)
			close(w.ns[i]);
}

static inline struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	if (*text)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static inline struct cut cut_of(const char *from, const char *to, enum cut_direction direction)
{
	return (struct cut){.from = prefix(from), .to = prefix(to), .direction = (uint8_t)direction};
}

static inline int64_t in_ms(int64_t ms)
{
	return netfilter_now() + ms * NS_PER_MS;
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static inline int step(enum backend_act act, struct cut c, int64_t until, bool fail_closed)
{
	struct backend_step s = {.cut = c, .until = until, .act = (uint8_t)act, .fail_closed = fail_closed};
	return w.b->ops->change(w.b, &s, 1, NULL);
}

static inline void backend_opens(const struct netfilter_config *config)
{
	assert_int_equal(netfilter_open(config, &w.b), 0);
	assert_int_equal(w.b->ops->lease(w.b, in_ms(60000)), 0);
}

/* Reads all back; the caller frees *ret_elements. */
static inline size_t read_back(struct backend_element **ret_elements, bool *ret_intact)
{
	size_t n = 0;
	int r;
	assert_int_equal(w.b->ops->read_begin(w.b), 0);
	do
		r = w.b->ops->read_more(w.b, ret_elements, &n, ret_intact);
	while (r == 1);
	assert_int_equal(r, 0);
	return n;
}

static inline bool is_intact(void)
{
	struct backend_element *e;
	bool intact;
	read_back(&e, &intact);
	free(e);
	return intact;
}

static inline size_t count_elements(void)
{
	struct backend_element *e;
	bool intact;
	size_t n = read_back(&e, &intact);
	free(e);
	return n;
}

static inline void remove_backend(void)
{
	if (w.b) {
		assert_int_equal(w.b->ops->clear(w.b), 0);
		w.b->ops->close(w.b);
	}
	w.b = NULL;
}

/* Between tests: nothing of ours, nothing of others. */
static inline int world_clean(void **state)
{
	(void)state;
	if (w.ns[GATEWAY] < 0)
		return 0;
	remove_backend();
	return run("nft flush ruleset");
}

static inline int open_world(bool bridged)
{
	if (!world_open(bridged)) {
		fprintf(stderr, "skipped: no root, or no network namespaces\n");
		w.ns[GATEWAY] = -1;
	}
	return 0;
}

static inline int close_world(void **state)
{
	(void)state;
	world_close();
	return 0;
}

#define SKIP_WITHOUT_WORLD()                                                                                 \
	do                                                                                                   \
		if (w.ns[GATEWAY] < 0)                                                                       \
			skip();                                                                              \
	while (0)

#endif
