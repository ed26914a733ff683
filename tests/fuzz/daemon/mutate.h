/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_DAEMON_MUTATE_H
#define FUZZ_DAEMON_MUTATE_H

/*
 * A mutator that knows what a capture is: it duplicates, reorders, drops, splits, cuts and fragments packets,
 * rewrites sequence numbers, flags, hop limits and times, and mends lengths and checksums, so that what it
 * makes gets past the decoder. Classic little-endian pcap of Ethernet and IPv4; whatever else comes is
 * mutated as bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
    __attribute__((weak)); /* not there in a replay */

enum {
	MUTATE_RECORDS_MAX = 512,
	MUTATE_FILE_MAX = 1 << 18,
	MUTATE_FILE_HEAD = 24,
	MUTATE_RECORD_HEAD = 16,
	MUTATE_ETHERNET = 14,
	MUTATE_IP = MUTATE_ETHERNET,
};

/* A record with its head. */
struct mutate_record {
	const uint8_t *p;
	uint32_t n;
};

struct mutate {
	uint64_t random;
	struct mutate_record v[MUTATE_RECORDS_MAX];
	size_t n;
	uint8_t made[2][1 << 16]; /* records that were made anew */
};

static inline uint32_t mutate_roll(struct mutate *m, uint32_t below)
{
	m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(m->random >> 33) % below;
}

static inline uint32_t mutate_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] * 256u | (uint32_t)p[2] * 65536u | (uint32_t)p[3] * 16777216u;
}

static inline uint32_t mutate_be(const uint8_t *p, size_t n)
{
	uint32_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 256 + p[i];
	return v;
}

static inline void mutate_put_be(uint8_t *p, size_t n, uint32_t v)
{
	for (size_t i = n; i-- > 0; v /= 256)
		p[i] = (uint8_t)(v % 256);
}

static inline void mutate_put_le32(uint8_t *p, uint32_t v)
{
	for (size_t i = 0; i < 4; i++, v /= 256)
		p[i] = (uint8_t)(v % 256);
}

static inline bool mutate_parse(struct mutate *m, const uint8_t *data, size_t size)
{
	if (size < MUTATE_FILE_HEAD || mutate_le32(data) != 0xa1b2c3d4)
		return false;
	for (size_t at = MUTATE_FILE_HEAD;
	     size - at >= MUTATE_RECORD_HEAD && m->n < MUTATE_RECORDS_MAX / 2;) {
		uint32_t n = mutate_le32(data + at + 8);
		if (n > size - at - MUTATE_RECORD_HEAD)
			break;
		m->v[m->n++] = (struct mutate_record){data + at, n + MUTATE_RECORD_HEAD};
		at += MUTATE_RECORD_HEAD + n;
	}
	return m->n > 0;
}

static inline uint32_t mutate_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : p[i] * 256u;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A copy that may be changed, with `room` bytes more behind it. NULL where it is too large. */
static inline uint8_t *mutate_copy(struct mutate *m, int which, size_t i, size_t room)
{
	if (m->v[i].n + room > sizeof(m->made[which]))
		return NULL;
	memcpy(m->made[which], m->v[i].p, m->v[i].n);
	m->v[i].p = m->made[which];
	return m->made[which];
}

/* Where the IPv4 header's payload begins in a record; 0: there is none. */
static inline size_t mutate_transport(const uint8_t *record, uint32_t n)
{
	const uint8_t *frame = record + MUTATE_RECORD_HEAD;
	size_t length = n - MUTATE_RECORD_HEAD;
	if (length < MUTATE_IP + 20 || mutate_be(frame + 12, 2) != 0x0800 || frame[MUTATE_IP] / 16 != 4)
		return 0;
	size_t head = (frame[MUTATE_IP] & 15u) * 4u;
	return head >= 20 && length >= MUTATE_IP + head + 8 ? MUTATE_RECORD_HEAD + MUTATE_IP + head : 0;
}

/* Lengths as the record's size says, and checksums that are right. */
static inline void mutate_mend(uint8_t *record, uint32_t n)
{
	size_t at = mutate_transport(record, n);
	if (!at)
		return;
	uint8_t *ip = record + MUTATE_RECORD_HEAD + MUTATE_IP, *segment = record + at;
	uint32_t length = (uint32_t)(n - at), head = (uint32_t)(segment - ip);
	mutate_put_le32(record + 8, n - MUTATE_RECORD_HEAD);
	mutate_put_le32(record + 12, n - MUTATE_RECORD_HEAD);
	mutate_put_be(ip + 2, 2, head + length);
	mutate_put_be(ip + 10, 2, 0);
	mutate_put_be(ip + 10, 2, 0xffff - mutate_sum(ip, head, 0));
	size_t sum_at = ip[9] == 6 ? 16 : 6;
	if ((ip[9] != 6 && ip[9] != 17) || length < sum_at + 2 || (mutate_be(ip + 6, 2) & 0x3fff))
		return;
	if (ip[9] == 17)
		mutate_put_be(segment + 4, 2, length);
	mutate_put_be(segment + sum_at, 2, 0);
	uint32_t sum = mutate_sum(ip + 12, 8, (uint32_t)ip[9] + length);
	mutate_put_be(segment + sum_at, 2, 0xffff - mutate_sum(segment, length, sum));
}

static inline void mutate_insert(struct mutate *m, size_t at, struct mutate_record r)
{
	if (m->n == MUTATE_RECORDS_MAX)
		return;
	memmove(m->v + at + 1, m->v + at, (m->n - at) * sizeof(*m->v));
	m->v[at] = r;
	m->n++;
}

static inline void mutate_remove(struct mutate *m, size_t at)
{
	m->n--;
	memmove(m->v + at, m->v + at + 1, (m->n - at) * sizeof(*m->v));
}

/* Sequence number, acknowledgement, flags, window, hop limit, ports, identification. */
static inline void mutate_header(struct mutate *m, size_t i)
{
	uint8_t *p = mutate_copy(m, 0, i, 0);
	size_t at = p ? mutate_transport(p, m->v[i].n) : 0;
	if (!at)
		return;
	static const uint32_t steps[] = {1, 2, 8, 100, 1460, 65535, 1u << 20, 1u << 28, 0x80000000u};
	uint32_t step = steps[mutate_roll(m, sizeof(steps) / sizeof(*steps))];
	uint8_t *ip = p + MUTATE_RECORD_HEAD + MUTATE_IP;
	bool tcp = ip[9] == 6 && m->v[i].n >= at + 20;
	switch (mutate_roll(m, 7)) {
	case 0:
	case 1:
		if (tcp) {
			uint8_t *number = p + at + (mutate_roll(m, 2) ? 4 : 8);
			uint32_t v = mutate_be(number, 4);
			mutate_put_be(number, 4, mutate_roll(m, 2) ? v + step : v - step);
		}
		break;
	case 2:
		if (tcp)
			p[at + 13] ^= (uint8_t)(1u << mutate_roll(m, 6));
		break;
	case 3:
		if (tcp)
			mutate_put_be(p + at + 14, 2, step);
		break;
	case 4: ip[8] = (uint8_t)(1 + mutate_roll(m, 255)); break;
	case 5: mutate_put_be(p + at + 2 * mutate_roll(m, 2), 2, mutate_roll(m, 3) ? 80 : 53); break;
	case 6: mutate_put_be(ip + 4, 2, mutate_roll(m, 4)); break;
	}
	if (mutate_roll(m, 4))
		mutate_mend(p, m->v[i].n);
}

/* One segment becomes two, or one datagram two fragments. */
static inline void mutate_split(struct mutate *m, size_t i)
{
	bool fragments = mutate_roll(m, 2);
	size_t at = mutate_transport(m->v[i].p, m->v[i].n);
	if (!at || m->n == MUTATE_RECORDS_MAX)
		return;
	const uint8_t *from = m->v[i].p;
	uint32_t n = m->v[i].n;
	size_t head = fragments ? 0 : (from[at + 12] / 16u) * 4u;
	bool tcp = from[MUTATE_RECORD_HEAD + MUTATE_IP + 9] == 6;
	if ((!fragments && !tcp) || n < at + head + 9)
		return;
	uint32_t cut = 1 + mutate_roll(m, (uint32_t)(n - at - head - 1));
	if (fragments)
		cut = cut < 8 ? 8 : cut & ~7u;
	if (n <= at + head + cut)
		return;
	mutate_insert(m, i + 1, m->v[i]);
	uint8_t *a = mutate_copy(m, 0, i, 0), *b = mutate_copy(m, 1, i + 1, 0);
	if (!a || !b)
		return;
	memmove(b + at + head, b + at + head + cut, n - at - head - cut);
	m->v[i].n = (uint32_t)(at + head + cut);
	m->v[i + 1].n = n - cut;
	if (fragments) {
		uint32_t place = mutate_be(a + MUTATE_RECORD_HEAD + MUTATE_IP + 6, 2);
		mutate_put_be(a + MUTATE_RECORD_HEAD + MUTATE_IP + 6, 2, place | 0x2000);
		mutate_put_be(b + MUTATE_RECORD_HEAD + MUTATE_IP + 6, 2, place + cut / 8);
	} else {
		mutate_put_be(b + at + 4, 4, mutate_be(b + at + 4, 4) + cut);
	}
	mutate_mend(a, m->v[i].n);
	mutate_mend(b, m->v[i + 1].n);
}

static inline void mutate_payload(struct mutate *m, size_t i)
{
	enum { GROW = 64 };
	uint8_t *p = mutate_copy(m, 0, i, GROW);
	size_t at = p ? mutate_transport(p, m->v[i].n) : 0;
	size_t skip = at && p[MUTATE_RECORD_HEAD + MUTATE_IP + 9] == 6 ? 20 : 8;
	if (!at || m->v[i].n <= at + skip || !LLVMFuzzerMutate)
		return;
	size_t n = m->v[i].n - at - skip;
	n = LLVMFuzzerMutate(p + at + skip, n, n + GROW);
	m->v[i].n = (uint32_t)(at + skip + n);
	mutate_put_le32(p + 8, m->v[i].n - MUTATE_RECORD_HEAD);
	if (mutate_roll(m, 8))
		mutate_mend(p, m->v[i].n);
}

static inline void mutate_time(struct mutate *m, size_t i)
{
	static const uint32_t steps[] = {0, 1, 11, 61, 200, 4000, 100000, 0x40000000};
	uint8_t *p = mutate_copy(m, 0, i, 0);
	if (p)
		mutate_put_le32(p, mutate_le32(p) + steps[mutate_roll(m, sizeof(steps) / sizeof(*steps))]);
}

static inline void mutate_cut(struct mutate *m, size_t i)
{
	uint8_t *p = mutate_copy(m, 0, i, 0);
	if (!p || m->v[i].n <= MUTATE_RECORD_HEAD)
		return;
	m->v[i].n = MUTATE_RECORD_HEAD + mutate_roll(m, m->v[i].n - MUTATE_RECORD_HEAD);
	mutate_put_le32(p + 8, m->v[i].n - MUTATE_RECORD_HEAD);
}

static inline void mutate_once(struct mutate *m)
{
	size_t i = mutate_roll(m, (uint32_t)m->n), k = mutate_roll(m, (uint32_t)m->n);
	struct mutate_record r = m->v[i];
	switch (mutate_roll(m, 9)) {
	case 0: mutate_insert(m, k, r); break;
	case 1:
		m->v[i] = m->v[k];
		m->v[k] = r;
		break;
	case 2:
		if (m->n > 1)
			mutate_remove(m, i);
		break;
	case 3:
	case 4: mutate_header(m, i); break;
	case 5: mutate_split(m, i); break;
	case 6: mutate_payload(m, i); break;
	case 7: mutate_time(m, i); break;
	case 8: mutate_cut(m, i); break;
	}
}

/* Writes the records out: times as they stand, so that the file is out of order where the records are. */
static inline size_t mutate_write(const struct mutate *m, const uint8_t *head, uint8_t *to, size_t max)
{
	size_t n = MUTATE_FILE_HEAD;
	memcpy(to, head, n);
	for (size_t i = 0; i < m->n && m->v[i].n <= max - n; n += m->v[i++].n)
		memcpy(to + n, m->v[i].p, m->v[i].n);
	return n;
}

static inline size_t mutate_capture(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static struct mutate m;
	static uint8_t in[MUTATE_FILE_MAX], out[MUTATE_FILE_MAX];
	max = max < sizeof(out) ? max : sizeof(out);
	m.random = seed;
	m.n = 0;
	if (size > sizeof(in) || max < MUTATE_FILE_HEAD || mutate_roll(&m, 16) == 0 ||
	    !mutate_parse(&m, data, size))
		return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max) : size;
	/* each step writes the file anew, since records that were made share their room */
	for (uint32_t steps = 1 + mutate_roll(&m, 3); steps > 0; steps--) {
		memcpy(in, data, size);
		m.n = 0;
		if (!mutate_parse(&m, in, size))
			break;
		mutate_once(&m);
		size = mutate_write(&m, in, out, max);
		memcpy(data, out, size);
	}
	return size;
}

#endif
