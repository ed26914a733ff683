/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct record {
	recent_chain before;
	uint64_t owner;
	uint64_t seq;
	uint64_t n;
};

/* Positions count on without end; a record is whole while less than `size` was written since it began. */
struct recent {
	size_t size;
	uint64_t head;
	uint8_t bytes[];
};

enum { ALIGNED = 8, SIZE_LEAST = 256 };

int recent_new(struct recent **ret_recent, size_t size)
{
	size = size < SIZE_LEAST ? SIZE_LEAST : size & ~(size_t)(ALIGNED - 1);
	struct recent *r = malloc(sizeof(*r) + size);
	if (!r)
		return -ENOMEM;
	r->size = size;
	r->head = 0;
	*ret_recent = r;
	return 0;
}

void recent_free(struct recent *r)
{
	free(r);
}

void recent_keep(struct recent *r, uint64_t owner, recent_chain *chain, struct recent_bytes b)
{
	if (b.n > r->size / 4)
		return;
	size_t need = sizeof(struct record) + ((b.n + ALIGNED - 1) & ~(size_t)(ALIGNED - 1));
	size_t at = (size_t)(r->head % r->size);
	if (need > r->size - at) { /* records don't go round */
		r->head += r->size - at;
		at = 0;
	}
	const struct record record = {.before = *chain, .owner = owner, .seq = b.seq, .n = b.n};
	memcpy(r->bytes + at, &record, sizeof(record));
	memcpy(r->bytes + at + sizeof(record), b.p, b.n);
	*chain = r->head + 1;
	r->head += need;
}

/* The first byte in which they differ; n where there is none. */
static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i = 0;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

struct recent_found recent_compare(
    const struct recent *r, uint64_t owner, recent_chain chain, struct recent_bytes b)
{
	struct recent_found found = {0};
	uint64_t end = b.seq + b.n;
	for (int looks = 0; chain && looks < RECENT_LOOKS && found.compared < b.n; looks++) {
		uint64_t position = chain - 1;
		struct record record;
		if (r->head - position > r->size)
			break; /* overwritten, and what is older too */
		const uint8_t *at = r->bytes + position % r->size;
		memcpy(&record, at, sizeof(record));
		if (record.owner != owner)
			break;
		chain = record.before;
		uint64_t from = b.seq > record.seq ? b.seq : record.seq;
		uint64_t to = end < record.seq + record.n ? end : record.seq + record.n;
		if (from >= to)
			continue;
		const uint8_t *kept = at + sizeof(record) + (from - record.seq);
		size_t n = (size_t)(to - from), differs = n;
		if (memcmp(kept, b.p + (from - b.seq), n) != 0)
			differs = first_difference(kept, b.p + (from - b.seq), n);
		found.compared += n;
		if (differs == n || (found.differs && found.first.seq < from + differs))
			continue;
		found.differs = true;
		found.first = (struct recent_bytes){from + differs, kept + differs, n - differs};
	}
	return found;
}
