/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "flow/entry.h"

/*
 * What of a direction's sequence space was skipped over. At the bound the accounting errs upwards: bytes then
 * may count once as seen and once as missing, never not at all.
 */

void tcp_holes_add(struct tcp_side *s, uint64_t from, uint64_t to)
{
	if (!s->holes)
		s->holes = calloc(1, sizeof(*s->holes));
	struct tcp_holes *h = s->holes;
	if (!h)
		return;
	if (h->n == TCP_HOLES_MAX) {
		/* the oldest two become one, with what lies between */
		h->v[0].to = h->v[1].to;
		memmove(&h->v[1], &h->v[2], (h->n - 2) * sizeof(h->v[0]));
		h->n--;
		h->joined++;
	}
	h->v[h->n].from = from;
	h->v[h->n].to = to;
	h->n++;
}

/* Takes [from, to), which lies within hole i, out of it. Returns how many holes it left there. */
static size_t cut_out(struct tcp_holes *h, size_t i, uint64_t from, uint64_t to)
{
	bool before = h->v[i].from < from, after = to < h->v[i].to;
	if (before && after) {
		if (h->n == TCP_HOLES_MAX)
			return 1; /* no room for two: stays whole */
		memmove(&h->v[i + 1], &h->v[i], (h->n - i) * sizeof(h->v[0]));
		h->n++;
		h->v[i].to = from;
		h->v[i + 1].from = to;
		return 2;
	}
	if (before || after) {
		if (before)
			h->v[i].to = from;
		else
			h->v[i].from = to;
		return 1;
	}
	memmove(&h->v[i], &h->v[i + 1], (h->n - i - 1) * sizeof(h->v[0]));
	h->n--;
	return 0;
}

uint64_t tcp_holes_fill(struct tcp_side *s, uint64_t from, uint64_t to)
{
	struct tcp_holes *h = s->holes;
	uint64_t filled = 0;
	for (size_t i = 0; h && i < h->n;) {
		uint64_t a = h->v[i].from > from ? h->v[i].from : from;
		uint64_t b = h->v[i].to < to ? h->v[i].to : to;
		if (a >= b) {
			i++;
			continue;
		}
		filled += b - a;
		i += cut_out(h, i, a, b);
	}
	return filled;
}

uint64_t tcp_holes_settle(struct tcp_side *s)
{
	uint64_t missing = 0;
	for (size_t i = 0; s->holes && i < s->holes->n; i++) {
		uint64_t from = s->holes->v[i].from > s->floor ? s->holes->v[i].from : s->floor;
		uint64_t to = s->holes->v[i].to < s->acked ? s->holes->v[i].to : s->acked;
		if (from < to)
			missing += to - from;
	}
	if (s->holes)
		s->holes->n = 0;
	return missing;
}
