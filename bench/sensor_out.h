/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SENSOR_OUT_H
#define BENCH_SENSOR_OUT_H

/*
 * What the two makers of sensor captures share: a pcap file that is written, Internet checksums, and a heap
 * that says whose turn it is. They end the program where they fail: a capture is whole or not there.
 */

#include <stddef.h>
#include <stdint.h>

enum { OUT_FRAME_MAX = 1 << 17 };

struct out {
	void *file;
	uint64_t bytes, packets;
};

void out_open(struct out *o, const char *path);
/* Ethernet; time in ns, written in microseconds. wirelen is at least n. */
void out_frame(struct out *o, int64_t time_ns, const uint8_t *frame, size_t n, size_t wirelen);
void out_close(struct out *o);

/* One's complement sums, RFC 1071: of bytes on top of `sum`; folded; of what a field in network order holds.
 */
uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t n);
uint16_t sum_fold(uint32_t sum);
/* Sets the header checksum, and the TCP, UDP or ICMPv6 one at `field` of n bytes at `l4` (zero becomes ffff).
 */
void sum_ipv4(uint8_t *ip);
void sum_transport(uint8_t *ip, uint8_t *l4, size_t n, uint8_t protocol, size_t field);
/* RFC 1624, equation 3: the checksum at `field` after n (even) bytes changed from `before` to `after`. */
void sum_change(uint8_t *field, const uint8_t *before, const uint8_t *after, size_t n);

struct turn {
	int64_t time_ns;
	uint64_t who;
};

/* The least time first; of the same time the least `who`. */
struct turns {
	struct turn *items;
	size_t n, cap;
};

void turns_add(struct turns *t, int64_t time_ns, uint64_t who);
/* There must be one. */
struct turn turns_take(struct turns *t);

/* Memory or the end. */
void *room(size_t n);

#endif
