/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/dictionary.h"
#include "archive/dictionary_form.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/vec.h"

enum { SLOTS_FIRST = 1 << 12, POSTS_MAX = 1 << 28, BLOCKS_MAX = 1 << 24, PUT_BATCH = 32 };

void archive_collected_init(struct archive_collected *c, enum archive_dictionary type, uint64_t seed)
{
	*c = (struct archive_collected){
	    .type = type, .seed = seed, .bytes = {.max = ARCHIVE_DICTIONARY_BYTES_MAX}};
}

void archive_collected_reset(struct archive_collected *c)
{
	dynbuf_reset(&c->bytes);
	if (c->n_slots)
		memset(c->slots, 0, c->n_slots * sizeof(*c->slots));
	c->n = c->n_posts = c->n_blocks = 0;
}

void archive_collected_free(struct archive_collected *c)
{
	dynbuf_free(&c->bytes);
	free(c->entries);
	free(c->slots);
	free(c->posts);
	free(c->blocks);
	archive_collected_init(c, c->type, c->seed);
}

/* A slot keeps the upper half of the hash, which also tells the slot's place: so slots move without a look at
 * the texts. */
static size_t slot_of(const struct archive_collected *c, uint64_t hash)
{
	return (size_t)(hash >> 32) & (c->n_slots - 1);
}

static int grow_slots(struct archive_collected *c)
{
	size_t before = c->n_slots, n = before ? before * 2 : SLOTS_FIRST;
	uint64_t *from = c->slots, *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	c->slots = slots;
	c->n_slots = n;
	for (size_t i = 0; i < before; i++) {
		size_t slot = slot_of(c, from[i]);
		if (from[i] == 0)
			continue;
		while (slots[slot])
			slot = (slot + 1) & (n - 1);
		slots[slot] = from[i];
	}
	free(from);
	return 0;
}

static bool is_entry(const struct archive_collected *c, uint64_t slot, uint64_t hash, struct text t)
{
	if ((slot ^ hash) >> 32)
		return false;
	const struct archive_entry *e = &c->entries[(uint32_t)slot - 1];
	return e->n == t.n && memcmp(c->bytes.p + e->at, t.p, t.n) == 0;
}

static int add_entry(struct archive_collected *c, struct text t)
{
	if (c->n == c->cap) {
		int r = VEC_RESERVE(c->entries, &c->cap, c->n, ARCHIVE_DICTIONARY_MAX);
		if (r < 0)
			return r;
	}
	if (c->n == 0)
		dynbuf_u8(&c->bytes, 0); /* an empty text has an address too */
	size_t at = c->bytes.n;
	dynbuf_append(&c->bytes, t.p, t.n);
	int r = c->bytes.error;
	c->bytes.error = 0;
	if (r == 0)
		c->entries[c->n++] = (struct archive_entry){.at = (uint32_t)at, .n = (uint32_t)t.n};
	return r;
}

/* Notes that the entry occurs in the block that is being filled. */
static int post(struct archive_collected *c, uint32_t number)
{
	struct archive_entry *e = &c->entries[number];
	if (e->block_after == c->n_blocks + 1)
		return 0;
	if (c->n_posts == c->cap_posts) {
		int r = VEC_RESERVE(c->posts, &c->cap_posts, c->n_posts, POSTS_MAX);
		if (r < 0)
			return r;
	}
	c->posts[c->n_posts++] = number;
	e->block_after = (uint32_t)c->n_blocks + 1;
	return 0;
}

static int put(struct archive_collected *c, struct text t, uint64_t hash, uint32_t *ret_number)
{
	if ((c->n + 1) * 2 > c->n_slots) {
		int r = grow_slots(c);
		if (r < 0)
			return r;
	}
	size_t slot = slot_of(c, hash);
	while (c->slots[slot] && !is_entry(c, c->slots[slot], hash, t))
		slot = (slot + 1) & (c->n_slots - 1);
	if (!c->slots[slot]) {
		int r = add_entry(c, t);
		if (r < 0)
			return r;
		c->slots[slot] = (hash & UINT64_C(0xffffffff00000000)) | c->n;
	}
	uint32_t number = (uint32_t)c->slots[slot] - 1;
	int r = post(c, number);
	if (r == 0)
		*ret_number = number;
	return r;
}

/* What each look-up reads one after the other is asked for in turns over the batch, so that memory is waited
 * for three times a batch and not three times a text. */
static void look_ahead(const struct archive_collected *c, const uint64_t *hashes, size_t n)
{
	uint32_t entries[PUT_BATCH];
	if (c->n_slots == 0)
		return;
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&c->slots[slot_of(c, hashes[i])]);
	for (size_t i = 0; i < n; i++) {
		entries[i] = (uint32_t)c->slots[slot_of(c, hashes[i])];
		if (entries[i])
			__builtin_prefetch(&c->entries[entries[i] - 1], 1);
	}
	for (size_t i = 0; i < n; i++)
		if (entries[i])
			__builtin_prefetch(c->bytes.p + c->entries[entries[i] - 1].at);
}

static int put_batch(struct archive_collected *c, const struct text *texts, const uint64_t *hashes, size_t n,
    uint32_t *ret_numbers)
{
	int r = 0;
	look_ahead(c, hashes, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = put(c, texts[i].n ? texts[i] : TEXT(""), hashes[i], &ret_numbers[i]);
	return r;
}

int archive_collected_put_hashed(struct archive_collected *c, const struct text *texts,
    const uint64_t *hashes, size_t n, uint32_t *ret_numbers)
{
	int r = 0;
	for (size_t at = 0, batch; r == 0 && at < n; at += batch) {
		batch = n - at < PUT_BATCH ? n - at : PUT_BATCH;
		r = put_batch(c, texts + at, hashes + at, batch, ret_numbers + at);
	}
	return r;
}

int archive_collected_put(
    struct archive_collected *c, const struct text *texts, size_t n, uint32_t *ret_numbers)
{
	uint64_t hashes[PUT_BATCH];
	int r = 0;
	for (size_t at = 0, batch; r == 0 && at < n; at += batch) {
		batch = n - at < PUT_BATCH ? n - at : PUT_BATCH;
		for (size_t i = 0; i < batch; i++)
			hashes[i] = hash_bytes(
			    texts[at + i].n ? texts[at + i].p : "", texts[at + i].n, c->seed);
		r = put_batch(c, texts + at, hashes, batch, ret_numbers + at);
	}
	return r;
}

int archive_collected_end_block(struct archive_collected *c)
{
	int r = VEC_RESERVE(c->blocks, &c->cap_blocks, c->n_blocks, BLOCKS_MAX);
	if (r == 0)
		c->blocks[c->n_blocks++] = (uint32_t)c->n_posts;
	return r;
}
