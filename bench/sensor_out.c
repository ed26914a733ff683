/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sensor_out.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"

enum { LINKTYPE_ETHERNET = 1, SNAPLEN = 1 << 18, BUFFER = 1 << 20 };

void *room(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		err(1, "memory");
	return p;
}

void out_open(struct out *o, const char *path)
{
	uint8_t head[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0};
	*o = (struct out){.file = fopen(path, "wbe")};
	if (!o->file)
		err(1, "%s", path);
	setvbuf(o->file, NULL, _IOFBF, BUFFER);
	store_le32(head + 16, SNAPLEN);
	store_le32(head + 20, LINKTYPE_ETHERNET);
	if (fwrite(head, 1, sizeof(head), o->file) != sizeof(head))
		err(1, "%s", path);
	o->bytes = sizeof(head);
}

void out_frame(struct out *o, int64_t time_ns, const uint8_t *frame, size_t n, size_t wirelen)
{
	uint8_t head[16];
	store_le32(head, (uint32_t)(time_ns / 1000000000));
	store_le32(head + 4, (uint32_t)(time_ns % 1000000000 / 1000));
	store_le32(head + 8, (uint32_t)n);
	store_le32(head + 12, (uint32_t)(wirelen < n ? n : wirelen));
	if (fwrite(head, 1, sizeof(head), o->file) != sizeof(head) || fwrite(frame, 1, n, o->file) != n)
		err(1, "write");
	o->bytes += sizeof(head) + n;
	o->packets++;
}

void out_close(struct out *o)
{
	if (fclose(o->file) != 0)
		err(1, "close");
	printf("%llu packets, %llu bytes\n", (unsigned long long)o->packets, (unsigned long long)o->bytes);
}

uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t n)
{
	uint64_t wide = sum;
	for (; n >= 2; p += 2, n -= 2)
		wide += load_be16(p);
	if (n)
		wide += (uint64_t)p[0] * 256;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void sum_ipv4(uint8_t *ip)
{
	store_be16(ip + 10, 0);
	store_be16(ip + 10, sum_fold(sum_add(0, ip, (size_t)(ip[0] & 15) * 4)));
}

void sum_transport(uint8_t *ip, uint8_t *l4, size_t n, uint8_t protocol, size_t field)
{
	uint8_t lengths[4] = {0, protocol};
	store_be16(lengths + 2, (uint16_t)n);
	store_be16(l4 + field, 0);
	uint32_t sum = (ip[0] & 0xf0) == 0x40 ? sum_add(0, ip + 12, 8) : sum_add(0, ip + 8, 32);
	uint16_t whole = sum_fold(sum_add(sum_add(sum, lengths, 4), l4, n));
	store_be16(l4 + field, whole ? whole : 0xffff);
}

void sum_change(uint8_t *field, const uint8_t *before, const uint8_t *after, size_t n)
{
	uint32_t sum = (uint16_t)~load_be16(field);
	for (size_t i = 0; i < n; i += 2)
		sum += (uint16_t)~load_be16(before + i) + (uint32_t)load_be16(after + i);
	store_be16(field, sum_fold(sum));
}

static bool earlier(struct turn a, struct turn b)
{
	return a.time_ns < b.time_ns || (a.time_ns == b.time_ns && a.who < b.who);
}

void turns_add(struct turns *t, int64_t time_ns, uint64_t who)
{
	struct turn one = {time_ns, who};
	if (VEC_RESERVE(t->items, &t->cap, t->n, SIZE_MAX) < 0)
		err(1, "memory");
	size_t at = t->n++;
	for (; at && earlier(one, t->items[(at - 1) / 2]); at = (at - 1) / 2)
		t->items[at] = t->items[(at - 1) / 2];
	t->items[at] = one;
}

struct turn turns_take(struct turns *t)
{
	struct turn first = t->items[0], last = t->items[--t->n];
	size_t at = 0;
	for (size_t below; (below = 2 * at + 1) < t->n; at = below) {
		if (below + 1 < t->n && earlier(t->items[below + 1], t->items[below]))
			below++;
		if (!earlier(t->items[below], last))
			break;
		t->items[at] = t->items[below];
	}
	t->items[at] = last;
	return first;
}
