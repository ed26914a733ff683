/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"
#include "capture/ring.h"
#include "capture/ring_set.h"

/*
 * Rings on a veth pair, in a network namespace of this process alone: frames that are sent on one end come in
 * at the other. Each frame holds its number, so that what came is known one by one.
 */

enum { SKIP = 77, FRAME = 100, WAIT_MS = 2000, MARK = 14 };

static int sender = -1;             /* sends whole frames on `left`; `right` receives them */
static enum ring_delivery delivery; /* all is tried with both */

static int run(const char *const *argv)
{
	extern char **environ;
	pid_t pid;
	int status;
	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* "ip" with words parted by blanks. */
static int ip(const char *words)
{
	char copy[256];
	const char *argv[24] = {"ip"};
	size_t n = 1;
	char *rest = NULL;
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &rest); w && n < 23; w = strtok_r(NULL, " ", &rest))
		argv[n++] = w;
	return run(argv);
}

static int open_sender(const char *interface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static bool world_new(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	/* nothing of the kernel's own may come between */
	if (ip("link add left type veth peer name right") != 0 || ip("link set left arp off up") != 0 ||
	    ip("link set right arp off up") != 0 || ip("-6 addr flush dev left") != 0 ||
	    ip("-6 addr flush dev right") != 0)
		return false;
	sender = open_sender("left");
	return true;
}

static struct ring *attach_on(const struct ring_config *config)
{
	int fd = -1;
	char why[RING_WHY] = "";
	struct ring *r = NULL;
	struct ring_config c = *config;
	c.delivery = delivery;
	assert_int_equal(ring_open(&c, &fd, why), 0);
	assert_int_equal(ring_attach(&r, fd, c.mib, 5), 0);
	return r;
}

static int open_right(int *ret_fd)
{
	char why[RING_WHY];
	struct ring_config c = {.interface = "right", .mib = 1, .delivery = delivery};
	return ring_open(&c, ret_fd, why);
}

static struct ring *attach(uint32_t mib)
{
	return attach_on(&(struct ring_config){.interface = "right", .mib = mib, .promiscuous = true});
}

/* A UDP datagram from port `sport` to `dport`; IPv6's background noise of the kernel is told from it by MARK.
 */
static size_t make_frame(uint8_t *p, size_t n, bool turned, uint16_t port, uint32_t number)
{
	static const uint8_t head[] = {
	    2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17};
	uint8_t a[] = {10, 1, 0, 1}, b[] = {10, 1, 0, 2};
	memset(p, 0, n);
	memcpy(p, head, sizeof(head));
	store_be16(p + 16, (uint16_t)(n - 14));
	memcpy(p + 26, turned ? b : a, 4);
	memcpy(p + 30, turned ? a : b, 4);
	store_be16(p + 34, turned ? 53 : port);
	store_be16(p + 36, turned ? port : 53);
	store_be16(p + 38, (uint16_t)(n - 34));
	store_be32(p + 42, number);
	return n;
}

static void send_number(uint32_t number)
{
	uint8_t p[FRAME];
	size_t n = make_frame(p, sizeof(p), false, 4000, number);
	assert_int_equal(send(sender, p, n, 0), n);
	/* the receiving end's backlog (net.core.netdev_max_backlog, 1000) must not drop what no ring counts,
	 * should the kernel's thread be late in emptying it */
	if (number % 200 == 199)
		usleep(500);
}

/* The next frame of ours, waiting for it; false when none came in time. */
static bool take(struct ring *r, struct capture_frame *f, bool *outgoing)
{
	for (;;) {
		while (ring_next(r, f, outgoing) > 0)
			if (f->caplen >= MARK && load_be16(f->data + 12) != ETH_P_IPV6)
				return true;
		struct pollfd p = {.fd = ring_fd(r), .events = POLLIN};
		if (poll(&p, 1, WAIT_MS) <= 0)
			return false;
	}
}

static uint32_t number_of(const struct capture_frame *f)
{
	assert_true(f->caplen >= 46);
	return load_be32(f->data + 42);
}

static void test_frames_arrive_whole_and_in_order(void **state)
{
	(void)state;
	struct ring *r = attach(1); /* has 512 cells */
	struct capture_frame f;
	bool outgoing;
	uint8_t want[FRAME];
	assert_int_equal(ring_linktype(r), 1);
	for (uint32_t i = 0; i < 400; i++)
		send_number(i);
	int64_t before = 0;
	for (uint32_t i = 0; i < 400; i++) {
		assert_true(take(r, &f, &outgoing));
		make_frame(want, sizeof(want), false, 4000, i);
		assert_int_equal(f.caplen, FRAME);
		assert_int_equal(f.wirelen, FRAME);
		assert_memory_equal(f.data, want, FRAME);
		assert_int_equal(f.vantage, 5);
		assert_true(f.time_ns >= before);
		assert_false(outgoing);
		before = f.time_ns;
	}
	ring_free(r);
}

static void test_the_stamp_is_of_the_wall_clock(void **state)
{
	(void)state;
	struct ring *r = attach(1);
	struct clock_reading before, after;
	struct capture_frame f;
	bool outgoing;
	ring_read_clocks(&before);
	send_number(0);
	assert_true(take(r, &f, &outgoing));
	ring_read_clocks(&after);
	assert_true(f.time_ns >= before.real && f.time_ns <= after.real);
	assert_true(after.boot >= before.boot);
	ring_free(r);
}

static void test_a_frame_of_64_kib_fits(void **state)
{
	(void)state;
	enum { BIG = 65000 };
	uint8_t *p = malloc(BIG);
	struct capture_frame f;
	bool outgoing;
	assert_non_null(p);
	assert_int_equal(ip("link set left mtu 65535"), 0);
	assert_int_equal(ip("link set right mtu 65535"), 0);
	struct ring *r = attach(1);
	for (uint32_t i = 0; i < 40; i++) { /* more than the ring holds at once */
		make_frame(p, BIG, false, 4000, i);
		p[BIG - 1] = 0x5a;
		assert_int_equal(send(sender, p, BIG, 0), BIG);
		assert_true(take(r, &f, &outgoing));
		assert_int_equal(f.caplen, BIG);
		assert_int_equal(number_of(&f), i);
		assert_int_equal(f.data[BIG - 1], 0x5a);
	}
	free(p);
	ring_free(r);
}

static void test_a_shorter_snaplen_cuts_frames_and_tells_their_length(void **state)
{
	(void)state;
	struct ring *r = attach_on(&(struct ring_config){.interface = "right", .mib = 1, .snaplen = 60});
	struct capture_frame f;
	bool outgoing;
	send_number(9);
	assert_true(take(r, &f, &outgoing));
	assert_int_equal(f.caplen, 60);
	assert_int_equal(f.wirelen, FRAME);
	ring_free(r);
}

static void test_a_vlan_tag_that_the_kernel_took_off_is_put_back(void **state)
{
	(void)state;
	static const struct {
		uint16_t outer, outer_tag, inner;
	} cases[] = {{ETH_P_8021Q, 0x0064, 0}, {ETH_P_8021AD, 0x6007, ETH_P_8021Q}};
	struct ring *r = attach(1);
	for (size_t i = 0; i < 2; i++) {
		uint8_t plain[FRAME], p[FRAME + 8];
		struct capture_frame f;
		bool outgoing;
		size_t n = 12;
		make_frame(plain, sizeof(plain), false, 4000, 1);
		memcpy(p, plain, 12);
		store_be16(p + n, cases[i].outer);
		store_be16(p + n + 2, cases[i].outer_tag);
		n += 4;
		if (cases[i].inner) {
			store_be16(p + n, cases[i].inner);
			store_be16(p + n + 2, 0x0021);
			n += 4;
		}
		memcpy(p + n, plain + 12, FRAME - 12);
		n += FRAME - 12;
		assert_int_equal(send(sender, p, n, 0), n);
		assert_true(take(r, &f, &outgoing));
		assert_int_equal(f.caplen, n);
		assert_int_equal(f.wirelen, n);
		assert_memory_equal(f.data, p, n);
	}
	ring_free(r);
}

/* Reads all there is: how many of ours there were. */
static uint64_t drain(struct ring *r)
{
	struct capture_frame f;
	uint64_t n = 0;
	for (;;) {
		bool outgoing;
		while (ring_next(r, &f, &outgoing) > 0)
			n++;
		struct pollfd p = {.fd = ring_fd(r), .events = POLLIN};
		if (poll(&p, 1, 50) <= 0)
			return n;
	}
}

static void test_the_loss_counter_is_what_was_sent_less_what_was_seen(void **state)
{
	(void)state;
	enum { SENT = 20000 };
	struct ring *r = attach(1);
	struct ring_stats before, s;
	uint64_t seen = 0;
	(void)drain(r);
	assert_int_equal(ring_get_stats(r, &before), 0);
	for (uint32_t i = 0; i < SENT; i++) {
		send_number(i);
		if (i == SENT / 2) {
			/* a reader that wakes up once, then sleeps again */
			seen += drain(r);
			assert_int_equal(ring_get_stats(r, &s), 0);
		}
	}
	seen += drain(r);
	assert_int_equal(ring_get_stats(r, &s), 0);
	assert_true(s.drops > before.drops);
	assert_true(delivery == RING_ONE_BY_ONE || s.freezes > 0);
	assert_int_equal(s.broken, 0);
	assert_int_equal(s.packets - before.packets, SENT);
	assert_int_equal(s.drops - before.drops, SENT - seen);
	ring_free(r);
}

static void test_the_filter_cant_be_changed(void **state)
{
	(void)state;
	int fd = -1, off = 0;
	struct sock_filter code = {.code = BPF_RET | BPF_K, .k = 10};
	struct sock_fprog program = {.len = 1, .filter = &code};
	assert_int_equal(open_right(&fd), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof(off)), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof(off)), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
}

static void test_outgoing_frames_come_only_while_they_are_watched(void **state)
{
	(void)state;
	struct ring *r = attach_on(&(struct ring_config){.interface = "left", .mib = 1});
	struct capture_frame f;
	bool outgoing;
	send_number(1);
	assert_int_equal(ring_watch_outgoing(r, true), 0);
	send_number(2);
	assert_true(take(r, &f, &outgoing));
	assert_true(outgoing);
	assert_int_equal(number_of(&f), 2);
	assert_int_equal(ring_watch_outgoing(r, false), 0);
	send_number(3);
	assert_false(ring_next(r, &f, &outgoing));
	assert_int_equal(drain(r), 0);
	ring_free(r);
}

static void test_a_group_keeps_both_directions_of_a_flow_together(void **state)
{
	(void)state;
	enum { MEMBERS = 4, FLOWS = 200 };
	struct ring_group group = {0};
	struct ring *r[MEMBERS];
	int8_t home[2][FLOWS];
	size_t used[MEMBERS] = {0}, got = 0;
	for (size_t i = 0; i < MEMBERS; i++)
		r[i] = attach_on(&(struct ring_config){
		    .interface = "right", .mib = 1, .promiscuous = true, .group = &group});
	memset(home, -1, sizeof(home));
	for (uint32_t i = 0; i < FLOWS; i++)
		for (int turned = 0; turned < 2; turned++) {
			uint8_t p[FRAME];
			make_frame(p, sizeof(p), turned, (uint16_t)(20000 + i), i);
			assert_int_equal(send(sender, p, sizeof(p), 0), sizeof(p));
		}
	usleep(20000); /* until every block was handed over */
	for (size_t i = 0; i < MEMBERS; i++) {
		struct capture_frame f;
		bool outgoing;
		while (ring_next(r[i], &f, &outgoing) > 0) {
			if (load_be16(f.data + 12) != ETH_P_IP)
				continue;
			int turned = f.data[29] == 2;
			assert_int_equal(home[turned][number_of(&f)], -1); /* each frame once */
			home[turned][number_of(&f)] = (int8_t)i;
			used[i]++;
			got++;
		}
	}
	assert_int_equal(got, 2 * FLOWS);
	for (size_t i = 0; i < FLOWS; i++)
		assert_int_equal(home[0][i], home[1][i]);
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_true(used[i] > 0);
		ring_free(r[i]);
	}
}

/* Each direction of a gateway's flow comes in on another interface. */
static void test_groups_of_two_interfaces_share_alike_if_joined_alike(void **state)
{
	(void)state;
	enum { MEMBERS = 3, FLOWS = 100 };
	static const char *const sides[] = {"left", "right"};
	struct ring_group groups[2] = {{0}};
	struct ring *r[2][MEMBERS];
	int8_t home[2][FLOWS];
	int back = open_sender("right");
	memset(home, -1, sizeof(home));
	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < MEMBERS; i++)
			r[side][i] = attach_on(&(struct ring_config){
			    .interface = sides[side], .mib = 1, .promiscuous = true, .group = &groups[side]});
	assert_int_not_equal(groups[0].id, groups[1].id);
	for (uint32_t i = 0; i < FLOWS; i++)
		for (int turned = 0; turned < 2; turned++) {
			uint8_t p[FRAME];
			make_frame(p, sizeof(p), turned, (uint16_t)(20000 + i), i);
			assert_int_equal(send(turned ? back : sender, p, sizeof(p), 0), sizeof(p));
		}
	usleep(20000);
	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < MEMBERS; i++) {
			struct capture_frame f;
			bool outgoing;
			while (ring_next(r[side][i], &f, &outgoing) > 0)
				if (load_be16(f.data + 12) == ETH_P_IP)
					home[side][number_of(&f)] = (int8_t)i;
			ring_free(r[side][i]);
		}
	for (size_t i = 0; i < FLOWS; i++) {
		assert_true(home[0][i] >= 0);
		assert_int_equal(home[0][i], home[1][i]);
	}
	close(back);
}

/* What an unprivileged reader does; its exit code. */
static int read_as_nobody(int fd)
{
	struct ring *r = NULL;
	struct ring_stats stats;
	struct capture_frame f;
	bool outgoing;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (ring_attach(&r, fd, 1, 0) < 0 || ring_watch_outgoing(r, true) < 0)
		return 2;
	if (poll(&p, 1, WAIT_MS) <= 0 || ring_next(r, &f, &outgoing) <= 0 || number_of(&f) != 7)
		return 3;
	return ring_get_stats(r, &stats) < 0 || stats.packets == 0 ? 4 : 0;
}

static void test_the_reader_needs_no_privilege(void **state)
{
	(void)state;
	int fd = -1, status;
	assert_int_equal(open_right(&fd), 0);
	send_number(7);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(read_as_nobody(fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
}

static void test_the_next_reader_goes_on_where_one_died(void **state)
{
	(void)state;
	int fd = -1;
	struct ring *r = NULL;
	struct capture_frame f;
	bool outgoing;
	assert_int_equal(open_right(&fd), 0);
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	/* into the second block; each holds what came within a millisecond */
	for (uint32_t i = 0; i < 2; i++) {
		send_number(i);
		assert_true(take(r, &f, &outgoing));
		assert_int_equal(number_of(&f), i);
	}
	ring_free(r);
	/* block 1 wasn't given back; the others fill up while nobody reads, the first of them again */
	for (uint32_t i = 2; i < 9; i++) {
		send_number(i);
		usleep(10000);
	}
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	for (uint32_t i = 1; i < 9; i++) {
		assert_true(take(r, &f, &outgoing));
		assert_int_equal(number_of(&f), i);
	}
	ring_free(r);
	close(fd);
}

/* It had read all there was, or nothing while the ring ran over. */
static void test_the_next_reader_finds_an_empty_ring_and_a_full_one(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	int fd = -1;
	struct ring *r = NULL;
	struct ring_stats stats;
	struct capture_frame f;
	bool outgoing;
	uint64_t came = 0;
	assert_int_equal(open_right(&fd), 0);
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	for (uint32_t i = 0; i < 700; i++) { /* more than it has cells, then blocks */
		send_number(i);
		if (i % 20 == 19)
			(void)drain(r);
	}
	(void)drain(r);
	ring_free(r);
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	send_number(1000);
	assert_true(take(r, &f, &outgoing));
	assert_int_equal(number_of(&f), 1000);
	assert_false(ring_next(r, &f, &outgoing));
	assert_int_equal(ring_get_stats(r, &stats), 0);
	ring_free(r);
	for (uint32_t i = 0; i < MANY; i++)
		send_number(i);
	usleep(20000);
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	for (uint32_t next = 0; ring_next(r, &f, &outgoing) > 0;) {
		if (f.caplen != FRAME)
			continue;
		assert_int_equal(number_of(&f), next);
		next++;
		came++;
	}
	assert_int_equal(ring_get_stats(r, &stats), 0);
	assert_true(stats.drops > 0);
	assert_int_equal(came, MANY - stats.drops);
	ring_free(r);
	close(fd);
}

static void test_two_rings_are_read_as_one_by_time(void **state)
{
	(void)state;
	struct ring_set *s;
	struct capture_frame f;
	bool outgoing;
	int back = open_sender("right"), n = 0;
	int64_t last = 0;
	assert_int_equal(ring_set_new(&s), 0);
	assert_int_equal(ring_set_add(s, attach_on(&(struct ring_config){.interface = "left", .mib = 1})), 0);
	assert_int_equal(
	    ring_set_add(s, attach_on(&(struct ring_config){.interface = "right", .mib = 1})), 0);
	assert_int_equal(ring_set_count(s), 2);
	for (uint32_t i = 0; i < 300; i++) {
		uint8_t p[FRAME];
		make_frame(p, sizeof(p), i % 3, 4000, i);
		assert_int_equal(send(i % 3 ? back : sender, p, sizeof(p), 0), sizeof(p));
	}
	usleep(20000);
	while (ring_set_next(s, &f, &outgoing) > 0) {
		if (load_be16(f.data + 12) != ETH_P_IP)
			continue;
		assert_int_equal(number_of(&f), n);
		assert_true(f.time_ns >= last);
		last = f.time_ns;
		n++;
	}
	assert_int_equal(n, 300);
	close(back);
	ring_set_free(s);
}

/* One ring after the other gets a frame, each only when the one before was there, while they are read. */
static void test_no_answer_comes_before_its_question(void **state)
{
	(void)state;
	enum { ROUNDS = 20000 };
	struct ring_set *s;
	struct capture_frame f;
	bool outgoing;
	int status;
	uint32_t next = 0;
	if (delivery == RING_IN_BLOCKS)
		skip();
	assert_int_equal(ring_set_new(&s), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ring_set_add(s, attach_on(&(struct ring_config){
		                                     .interface = i ? "right" : "left", .mib = 64})),
		    0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int sides[2] = {open_sender("right"), sender}; /* what is sent on one comes in on the other */
		for (uint32_t i = 0; i < ROUNDS; i++) {
			uint8_t p[FRAME];
			make_frame(p, sizeof(p), i & 1, 4000, i);
			if (send(sides[i & 1], p, sizeof(p), 0) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (time_t end = time(NULL) + 20; next < ROUNDS && time(NULL) < end;)
		while (ring_set_next(s, &f, &outgoing) > 0)
			if (load_be16(f.data + 12) == ETH_P_IP)
				assert_int_equal(number_of(&f), next++);
	assert_int_equal(next, ROUNDS);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ring_set_free(s);
}

/* Those that don't fit into a cell wait elsewhere, with small ones between them. */
static void test_long_frames_stay_in_order_also_when_their_reader_dies(void **state)
{
	(void)state;
	enum { LONG = 9000, FRAMES = 60, READ = 22 }; /* a long one */
	uint8_t *p = malloc(LONG);
	int fd = -1;
	struct ring *r = NULL;
	struct capture_frame f;
	bool outgoing;
	unsigned cut = 0;
	assert_non_null(p);
	assert_int_equal(ip("link set left mtu 65535"), 0);
	assert_int_equal(ip("link set right mtu 65535"), 0);
	assert_int_equal(open_right(&fd), 0);
	for (uint32_t i = 0; i < FRAMES; i++) {
		make_frame(p, LONG, false, 4000, i);
		assert_true(send(sender, p, i % 3 ? LONG : FRAME, 0) > 0);
	}
	usleep(20000);
	assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
	for (uint32_t i = 0, died = 0; i < FRAMES; i++) {
		if (i == READ + 1 && !died) {
			ring_free(r);
			assert_int_equal(ring_attach(&r, dup(fd), 1, 0), 0);
			died = 1;
		}
		do
			assert_true(take(r, &f, &outgoing));
		while (load_be16(f.data + 12) != ETH_P_IP);
		/* the frame, or the block, that was being read is begun anew */
		if (died == 1) {
			assert_true(number_of(&f) <= READ);
			i = number_of(&f);
			died = 2;
		}
		assert_int_equal(number_of(&f), i);
		assert_int_equal(f.wirelen, i % 3 ? LONG : FRAME);
		cut += f.caplen < f.wirelen;
	}
	/* what the one that died had fetched is gone with it, and no other */
	assert_int_equal(cut, delivery == RING_ONE_BY_ONE);
	free(p);
	ring_free(r);
	close(fd);
}

static void test_a_tunnel_gives_ip_alone(void **state)
{
	(void)state;
	if (ip("tuntap add dev tun9 mode tun") != 0) {
		print_message("no tunnel interfaces here\n");
		skip();
	}
	struct ring *r = attach_on(&(struct ring_config){.interface = "tun9", .mib = 1});
	assert_int_equal(ring_linktype(r), 101);
	ring_free(r);
	assert_int_equal(ip("link del tun9"), 0);
}

static void test_what_cant_be_watched_is_told(void **state)
{
	(void)state;
	int fd = -1;
	char why[RING_WHY] = "";
	assert_int_equal(ring_open(&(struct ring_config){.interface = "nowhere"}, &fd, why), -ENODEV);
	assert_non_null(strstr(why, "nowhere"));
	assert_int_equal(ring_open(&(struct ring_config){.interface = ""}, &fd, why), -ENODEV);
	assert_true(
	    ring_open(&(struct ring_config){.interface = "right", .mib = RING_MIB_MAX + 1}, &fd, why) < 0);
	assert_non_null(strstr(why, "4096"));
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frames_arrive_whole_and_in_order),
	    cmocka_unit_test(test_the_stamp_is_of_the_wall_clock),
	    cmocka_unit_test(test_a_shorter_snaplen_cuts_frames_and_tells_their_length),
	    cmocka_unit_test(test_a_vlan_tag_that_the_kernel_took_off_is_put_back),
	    cmocka_unit_test(test_the_loss_counter_is_what_was_sent_less_what_was_seen),
	    cmocka_unit_test(test_the_filter_cant_be_changed),
	    cmocka_unit_test(test_outgoing_frames_come_only_while_they_are_watched),
	    cmocka_unit_test(test_a_group_keeps_both_directions_of_a_flow_together),
	    cmocka_unit_test(test_groups_of_two_interfaces_share_alike_if_joined_alike),
	    cmocka_unit_test(test_the_reader_needs_no_privilege),
	    cmocka_unit_test(test_the_next_reader_goes_on_where_one_died),
	    cmocka_unit_test(test_the_next_reader_finds_an_empty_ring_and_a_full_one),
	    cmocka_unit_test(test_two_rings_are_read_as_one_by_time),
	    cmocka_unit_test(test_no_answer_comes_before_its_question),
	    cmocka_unit_test(test_a_frame_of_64_kib_fits),
	    cmocka_unit_test(test_long_frames_stay_in_order_also_when_their_reader_dies),
	    cmocka_unit_test(test_a_tunnel_gives_ip_alone),
	    cmocka_unit_test(test_what_cant_be_watched_is_told),
	};
	if (!world_new()) {
		printf("no network namespace with a veth pair can be made here\n");
		return SKIP;
	}
	delivery = RING_ONE_BY_ONE;
	int failed = cmocka_run_group_tests_name("one by one", tests, NULL, NULL);
	delivery = RING_IN_BLOCKS;
	return failed + cmocka_run_group_tests_name("in blocks", tests, NULL, NULL);
}
