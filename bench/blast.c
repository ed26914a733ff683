/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Sends a given number of frames at a given rate and says how many went out: blast INTERFACE COUNT RATE SIZE
 * FLOWS. Frames are TCP segments of FLOWS connections in turn, each in order, as a packet generator on the
 * wire would show them. RATE 0: as fast as it goes. Only for interfaces of a network namespace made for it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/num.h"
#include "base/timefmt.h"

enum { BATCH = 64, SIZE_LEAST = 60, SIZE_MOST = 65000, HEADS = 54, FLOWS_MOST = 1 << 20 };

struct blast {
	int fd;
	uint64_t count, rate, flows;
	size_t size;
	uint64_t next;    /* number of the next frame */
	uint64_t refused; /* by the interface, and sent again */
	uint8_t *frames;  /* BATCH of size bytes */
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
};

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void frame_start(uint8_t *p, size_t size)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	memset(p, 'x', size);
	memset(p, 0, HEADS);
	memcpy(p, head, sizeof(head));
	store_be16(p + 16, (uint16_t)(size - 14));
	p[22] = 64;
	p[23] = 6;
	memcpy(p + 26, (const uint8_t[]){10, 0, 0, 0, 10, 255, 0, 1}, 8);
	store_be16(p + 36, 8443);
	p[46] = 0x50;
	p[47] = 0x10;
	store_be16(p + 48, 65535);
}

/* Frame `number`: its connection, and how many of that came before. */
static void frame_number(uint8_t *p, size_t size, uint64_t number, uint64_t flows)
{
	uint64_t flow = number % flows, turn = number / flows;
	p[28] = (uint8_t)(flow >> 16);
	p[29] = (uint8_t)(flow >> 8);
	store_be16(p + 34, (uint16_t)(20000 + (flow & 0xff)));
	store_be32(p + 38, (uint32_t)(1 + turn * (size - HEADS)));
	store_be32(p + 42, 1);
}

static int start(struct blast *b, const char *interface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
	int on = 1;
	b->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(b->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		return -errno;
	b->frames = malloc(b->size * BATCH);
	if (!b->frames)
		return -ENOMEM;
	for (size_t i = 0; i < BATCH; i++) {
		uint8_t *p = b->frames + i * b->size;
		frame_start(p, b->size);
		b->parts[i] = (struct iovec){.iov_base = p, .iov_len = b->size};
		b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->parts[i], .msg_iovlen = 1};
	}
	return 0;
}

static int send_batch(struct blast *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		frame_number(b->frames + i * b->size, b->size, b->next + i, b->flows);
	for (size_t done = 0; done < n;) {
		int sent = sendmmsg(b->fd, b->messages + done, (unsigned)(n - done), 0);
		if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
			return -errno;
		b->refused += sent < 0;
		done += sent > 0 ? (size_t)sent : 0;
	}
	b->next += n;
	return 0;
}

static int run(struct blast *b)
{
	int64_t begun = now();
	while (b->next < b->count) {
		uint64_t left = b->count - b->next;
		int r = send_batch(b, left < BATCH ? left : BATCH);
		if (r < 0)
			return r;
		while (b->rate && (double)(now() - begun) * (double)b->rate < (double)b->next * 1e9)
			;
	}
	double seconds = (double)(now() - begun) / 1e9;
	printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.3f, \"rate\": %.0f}\n",
	    (unsigned long long)b->next, (unsigned long long)b->refused, seconds, (double)b->next / seconds);
	return 0;
}

int main(int argc, char **argv)
{
	struct blast b = {.fd = -1};
	uint64_t size;
	if (argc != 6 || num_parse_u64(text_of(argv[2]), UINT64_C(1) << 32, &b.count) < 0 ||
	    num_parse_u64(text_of(argv[3]), UINT64_C(1) << 32, &b.rate) < 0 ||
	    num_parse_u64(text_of(argv[4]), SIZE_MOST, &size) < 0 || size < SIZE_LEAST ||
	    num_parse_u64(text_of(argv[5]), FLOWS_MOST, &b.flows) < 0 || b.flows == 0) {
		fprintf(stderr, "blast INTERFACE COUNT RATE SIZE FLOWS\n");
		return 2;
	}
	b.size = size;
	int r = start(&b, argv[1]);
	if (r == 0)
		r = run(&b);
	if (r < 0)
		fprintf(stderr, "blast: %s\n", strerror(-r));
	free(b.frames);
	if (b.fd >= 0)
		close(b.fd);
	return r < 0 ? 1 : 0;
}
