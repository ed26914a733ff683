/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_XDP_BED_H
#define TESTS_XDP_BED_H

/*
 * A network and mount namespace of the test's own, with a BPF file system, a pair of virtual interfaces
 * "near" and "far", and frames to be sent from one to the other. All of it ends with the process.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "enforce/xdp.h"
#include "enforce/xdp_parts.h"

extern char **environ;

enum { BED_FRAME_MAX = 2048, BED_MARK = 0x88b5 /* IEEE 802: for experiments */ };

static char bed_folder[64], bed_pins[96];

/* Runs a program to its end: its exit code. */
static inline int bed_run(const char *const *args)
{
	pid_t child;
	int status;
	if (posix_spawnp(&child, args[0], NULL, NULL, (char *const *)args, environ) != 0)
		return -1;
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define BED_RUN(...) bed_run((const char *const[]){__VA_ARGS__, NULL})

static inline void bed_set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t written = write(fd, value, strlen(value));
	(void)written;
	close(fd);
}

static inline int bed_add_pair(const char *near, const char *far)
{
	if (BED_RUN("ip", "link", "add", near, "type", "veth", "peer", "name", far) != 0)
		return -1;
	return BED_RUN("ip", "link", "set", near, "up") == 0 && BED_RUN("ip", "link", "set", far, "up") == 0
	           ? 0
	           : -1;
}

/* 0, or 77 with a word on what the machine lacks. */
static inline int bed_make(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		printf("no namespaces: %s\n", strerror(errno));
		return 77;
	}
	snprintf(bed_folder, sizeof(bed_folder), "/tmp/xdp-test-XXXXXX");
	if (!mkdtemp(bed_folder) || mount("bpf", bed_folder, "bpf", 0, NULL) < 0) {
		printf("no BPF file system: %s\n", strerror(errno));
		return 77;
	}
	snprintf(bed_pins, sizeof(bed_pins), "%s/pins", bed_folder);
	bed_set("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	bed_set("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	if (bed_add_pair("near", "far") < 0) {
		printf("no virtual interfaces\n");
		return 77;
	}
	return 0;
}

static inline void bed_end(void)
{
	(void)umount2(bed_folder, MNT_DETACH);
	(void)rmdir(bed_folder);
}

static inline struct net_prefix bed_prefix(const char *s)
{
	struct net_prefix p = {0};
	int r = *s ? net_prefix_parse(text_of(s), &p) : 0;
	assert(r == 0);
	(void)r;
	return p;
}

/* "" is anywhere. */
static inline struct cut bed_cut(const char *from, const char *to)
{
	return (struct cut){.from = bed_prefix(from), .to = bed_prefix(to)};
}

/* A frame to build; what is zero isn't there. */
struct bed_frame {
	const char *from, *to; /* addresses; NULL: no IP */
	uint16_t type;         /* without addresses */
	uint8_t tags;          /* 802.1ad and 802.1Q */
	uint8_t protocol, tcp_flags, icmp_type, hops;
	uint16_t from_port, to_port;
	uint16_t fragment;      /* offset in bytes; 1: the first one */
	const char *extensions; /* IPv6: h hop-by-hop, d destination, r routing, a authentication */
	uint16_t payload;
	uint16_t cut_to; /* so many bytes of it only */
};

struct bed_bytes {
	uint8_t p[BED_FRAME_MAX];
	size_t n;
};

static inline void bed_u8(struct bed_bytes *b, unsigned v)
{
	b->p[b->n++] = (uint8_t)v;
}

static inline void bed_u16(struct bed_bytes *b, unsigned v)
{
	store_be16(b->p + b->n, (uint16_t)v);
	b->n += 2;
}

static inline void bed_zeros(struct bed_bytes *b, size_t n)
{
	memset(b->p + b->n, 0, n);
	b->n += n;
}

static inline void bed_transport(struct bed_bytes *b, const struct bed_frame *f)
{
	if (f->fragment > 1) {
		bed_zeros(b, 8);
	} else if (f->protocol == IPPROTO_TCP) {
		bed_u16(b, f->from_port);
		bed_u16(b, f->to_port);
		bed_zeros(b, 8);
		bed_u8(b, 0x50);
		bed_u8(b, f->tcp_flags);
		bed_zeros(b, 6);
	} else if (f->protocol == IPPROTO_ICMPV6 || f->protocol == IPPROTO_ICMP) {
		bed_u8(b, f->icmp_type);
		bed_zeros(b, 7);
	} else {
		bed_u16(b, f->from_port);
		bed_u16(b, f->to_port);
		bed_u16(b, 8u + f->payload);
		bed_u16(b, 0);
	}
	bed_zeros(b, f->payload);
}

static inline void bed_extensions(struct bed_bytes *b, const struct bed_frame *f, size_t next_at)
{
	for (const char *e = f->extensions ? f->extensions : ""; *e; e++) {
		b->p[next_at] = *e == 'h'   ? IPPROTO_HOPOPTS
		                : *e == 'd' ? IPPROTO_DSTOPTS
		                : *e == 'r' ? IPPROTO_ROUTING
		                            : IPPROTO_AH;
		next_at = b->n;
		bed_u8(b, 0);
		/* two units of eight bytes, and five of four */
		bed_u8(b, *e == 'a' ? 3 : 1);
		bed_zeros(b, *e == 'a' ? 18 : 14);
	}
	if (f->fragment) {
		b->p[next_at] = IPPROTO_FRAGMENT;
		next_at = b->n;
		bed_u16(b, 0);
		bed_u16(b, f->fragment > 1 ? f->fragment : 1);
		bed_zeros(b, 4);
	}
	b->p[next_at] = f->protocol;
}

static inline void bed_build(const struct bed_frame *f, struct bed_bytes *b)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	*b = (struct bed_bytes){.n = sizeof(macs)};
	memcpy(b->p, macs, sizeof(macs));
	for (int i = 0; i < f->tags; i++) {
		bed_u16(b, f->tags - i > 1 ? 0x88a8 : 0x8100);
		bed_u16(b, 7u + (unsigned)i);
	}
	struct net_addr from = {0}, to = {0};
	if (f->from &&
	    (net_addr_parse(text_of(f->from), &from) != 0 || net_addr_parse(text_of(f->to), &to) != 0))
		abort();
	if (!f->from) {
		bed_u16(b, f->type);
		bed_zeros(b, 46);
	} else if (net_addr_is_v4(from)) {
		bed_u16(b, 0x0800);
		size_t at = b->n;
		bed_u16(b, 0x4500);
		bed_zeros(b, 4);
		bed_u16(b, f->fragment > 1 ? f->fragment / 8u : f->fragment ? 0x2000 : 0);
		bed_u8(b, f->hops ? f->hops : 64);
		bed_u8(b, f->protocol);
		bed_u16(b, 0);
		memcpy(b->p + b->n, from.b + 12, 4);
		memcpy(b->p + b->n + 4, to.b + 12, 4);
		b->n += 8;
		bed_transport(b, f);
		store_be16(b->p + at + 2, (uint16_t)(b->n - at));
	} else {
		bed_u16(b, 0x86dd);
		size_t at = b->n;
		bed_u16(b, 0x6000);
		bed_zeros(b, 5);
		bed_u8(b, f->hops ? f->hops : 64);
		memcpy(b->p + b->n, from.b, 16);
		memcpy(b->p + b->n + 16, to.b, 16);
		b->n += 32;
		bed_extensions(b, f, at + 6);
		bed_transport(b, f);
		store_be16(b->p + at + 4, (uint16_t)(b->n - at - 40));
	}
	if (f->cut_to && f->cut_to < b->n)
		b->n = f->cut_to;
}

/* What the program says to a frame, without a network. */
static inline int bed_verdict(const struct backend *b, const struct bed_frame *f)
{
	struct bed_bytes bytes;
	bed_build(f, &bytes);
	LIBBPF_OPTS(
	    bpf_test_run_opts, run, .data_in = bytes.p, .data_size_in = (uint32_t)bytes.n, .repeat = 1);
	return bpf_prog_test_run_opts(((const struct xdp *)b)->program, &run) < 0 ? -errno : (int)run.retval;
}

/* A packet socket on that interface. */
static inline int bed_socket(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex(name)};
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		abort();
	return fd;
}

/* Sends it from `out`; whether it comes in at `in`, told by a frame behind it that nobody drops. */
static inline bool bed_comes_through(int out, int in, const struct bed_frame *f)
{
	struct bed_bytes bytes, mark;
	bool came = false;
	bed_build(f, &bytes);
	bed_build(&(struct bed_frame){.type = BED_MARK}, &mark);
	if (send(out, bytes.p, bytes.n, 0) != (ssize_t)bytes.n ||
	    send(out, mark.p, mark.n, 0) != (ssize_t)mark.n)
		abort();
	for (;;) {
		uint8_t p[BED_FRAME_MAX];
		struct pollfd wait = {.fd = in, .events = POLLIN};
		if (poll(&wait, 1, 5000) <= 0)
			abort();
		ssize_t n = recv(in, p, sizeof(p), 0);
		if (n >= 14 && load_be16(p + 12) == BED_MARK)
			return came;
		/* packet sockets give the outer tag apart */
		size_t tag = f->tags ? 4 : 0;
		came |= n == (ssize_t)(bytes.n - tag) &&
		        memcmp(p + 12, bytes.p + 12 + tag, bytes.n - 12 - tag) == 0;
	}
}

#endif
