/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/detections.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

struct detections {
	struct table *encoded; /* id -> struct dynbuf */
	size_t max;
	uint64_t lost;
};

int detections_new(struct detections **ret_detections, size_t max, uint64_t seed)
{
	struct detections *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->max = max;
	int r = table_new(&d->encoded, sizeof(uint64_t), sizeof(struct dynbuf), max, seed);
	if (r < 0) {
		free(d);
		return r;
	}
	*ret_detections = d;
	return 0;
}

void detections_free(struct detections *d)
{
	size_t pos = 0;
	if (!d)
		return;
	for (struct dynbuf *bytes; (bytes = table_next(d->encoded, &pos, NULL));)
		dynbuf_free(bytes);
	table_free(d->encoded);
	free(d);
}

int detections_put(struct detections *d, const struct msg_detection *detection)
{
	struct dynbuf *bytes = table_put(d->encoded, &detection->id, NULL);
	if (!bytes) {
		if (table_count(d->encoded) < d->max)
			return -ENOMEM;
		d->lost++;
		return 0;
	}
	dynbuf_reset(bytes);
	return msg_detection_encode(bytes, detection);
}

int detections_each(const struct detections *d,
    int (*each)(void *context, const struct msg_detection *detection), void *context)
{
	struct arena arena = {0};
	size_t pos = 0;
	int r = 0;
	for (const struct dynbuf *b; r == 0 && (b = table_next(d->encoded, &pos, NULL));) {
		struct msg_detection detection;
		arena_reset(&arena);
		r = msg_detection_decode(b->p, b->n, &arena, &detection);
		if (r == 0)
			r = each(context, &detection);
	}
	arena_free(&arena);
	return r;
}

uint64_t detections_lost(const struct detections *d)
{
	return d->lost;
}
