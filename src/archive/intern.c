/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/intern.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

int archive_intern_reset(struct archive_intern *in, size_t most)
{
	size_t n_slots = 64;
	while (n_slots < most * 2)
		n_slots *= 2;
	if (most > in->cap) {
		struct text *texts = reallocarray(NULL, most, sizeof(*texts));
		uint64_t *hashes = reallocarray(NULL, most, sizeof(*hashes));
		if (!texts || !hashes) {
			free(texts);
			free(hashes);
			return -ENOMEM;
		}
		free(in->texts);
		free(in->hashes);
		in->texts = texts;
		in->hashes = hashes;
		in->cap = most;
	}
	if (n_slots != in->n_slots) {
		uint32_t *slots = realloc(in->slots, n_slots * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		in->slots = slots;
		in->n_slots = n_slots;
	}
	memset(in->slots, 0, n_slots * sizeof(*in->slots));
	in->n = 0;
	return 0;
}

uint32_t archive_intern_put(struct archive_intern *in, struct text t)
{
	uint64_t hash = hash_bytes(t.n ? t.p : "", t.n, in->seed);
	size_t slot = hash & (in->n_slots - 1);
	while (in->slots[slot]) {
		uint32_t number = in->slots[slot] - 1;
		if (in->hashes[number] == hash && text_equal(in->texts[number], t))
			return number;
		slot = (slot + 1) & (in->n_slots - 1);
	}
	assert(in->n < in->cap);
	in->texts[in->n] = t;
	in->hashes[in->n++] = hash;
	in->slots[slot] = (uint32_t)in->n;
	return (uint32_t)in->n - 1;
}

void archive_intern_free(struct archive_intern *in)
{
	free(in->texts);
	free(in->hashes);
	free(in->slots);
	*in = (struct archive_intern){.seed = in->seed};
}
