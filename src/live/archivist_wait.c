/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/archivist_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"

/* What waits for a flow is a chain through the ring, oldest first; so the ring's oldest is the first of its
 * flow's chain, always. */
enum { NONE = UINT32_MAX };

struct waiting {
	char *bytes; /* NULL: it was taken out already */
	size_t n;
	uint64_t flow;
	int64_t since;
	uint32_t next; /* of the same flow */
};

struct chain {
	uint32_t first, last;
};

struct archivist_wait {
	struct waiting *ring;
	uint32_t max, first, used; /* of the ring; `used` counts what was taken out behind the first, too */
	uint32_t count;
	size_t bytes, bytes_max;
	struct table *chains; /* by flow */
	char *given;          /* the bytes that were given last */
};

int archivist_wait_new(
    struct archivist_wait **ret_wait, uint32_t records_max, size_t bytes_max, uint64_t seed)
{
	struct archivist_wait *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->max = records_max;
	w->bytes_max = bytes_max;
	w->ring = calloc(records_max, sizeof(*w->ring));
	int r = w->ring ? table_new(&w->chains, sizeof(uint64_t), sizeof(struct chain), records_max, seed)
	                : -ENOMEM;
	if (r < 0) {
		archivist_wait_free(w);
		return r;
	}
	*ret_wait = w;
	return 0;
}

void archivist_wait_free(struct archivist_wait *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; w->ring && i < w->max; i++)
		free(w->ring[i].bytes);
	free(w->ring);
	free(w->given);
	table_free(w->chains);
	free(w);
}

uint32_t archivist_wait_count(const struct archivist_wait *w)
{
	return w->count;
}

bool archivist_wait_full(const struct archivist_wait *w, size_t n)
{
	return w->used == w->max || w->bytes + n > w->bytes_max;
}

int archivist_wait_put(struct archivist_wait *w, uint64_t flow, struct text bytes, int64_t now)
{
	if (archivist_wait_full(w, bytes.n))
		return -ERR_LIMIT;
	int begins = 0;
	char *copy = malloc(bytes.n ? bytes.n : 1);
	struct chain *c = copy ? table_put(w->chains, &flow, &begins) : NULL;
	if (!c) {
		free(copy);
		return -ENOMEM;
	}
	uint32_t at = (w->first + w->used) % w->max;
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	w->ring[at] = (struct waiting){.bytes = copy, .n = bytes.n, .flow = flow, .since = now, .next = NONE};
	if (begins)
		c->first = at;
	else
		w->ring[c->last].next = at;
	c->last = at;
	w->used++;
	w->count++;
	w->bytes += bytes.n;
	return 0;
}

/* Gives the first of its chain, and its place back. */
static void take_out(struct archivist_wait *w, struct chain *c, struct text *ret_bytes)
{
	struct waiting *first = &w->ring[c->first];
	free(w->given);
	w->given = first->bytes;
	*ret_bytes = text_bytes(first->bytes, first->n);
	w->bytes -= first->n;
	w->count--;
	first->bytes = NULL;
	if (first->next == NONE)
		(void)table_remove(w->chains, &first->flow);
	else
		c->first = first->next;
	while (w->used && !w->ring[w->first].bytes) {
		w->first = (w->first + 1) % w->max;
		w->used--;
	}
}

bool archivist_wait_take(struct archivist_wait *w, uint64_t flow, struct text *ret_bytes)
{
	struct chain *c = table_get(w->chains, &flow);
	if (!c)
		return false;
	take_out(w, c, ret_bytes);
	return true;
}

bool archivist_wait_oldest(struct archivist_wait *w, int64_t before, struct text *ret_bytes)
{
	if (archivist_wait_since(w) >= before)
		return false;
	take_out(w, table_get(w->chains, &w->ring[w->first].flow), ret_bytes);
	return true;
}

int64_t archivist_wait_since(const struct archivist_wait *w)
{
	return w->count ? w->ring[w->first].since : INT64_MAX;
}
