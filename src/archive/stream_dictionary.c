/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bits.h"
#include "archive/stream.h"
#include "archive/stream_form.h"

enum {
	PROBES_MAX = 48, /* a run whose values collide gets no dictionary */
	EARLY = 256, /* after so many numbers, a dictionary that grows by nearly each of them is given up */
	GROUPS = 256,
};

int stream_dictionary_begin(struct stream_dictionary *d, size_t n)
{
	size_t cap = n < ARCHIVE_STREAM_DICTIONARY_MAX ? n : ARCHIVE_STREAM_DICTIONARY_MAX, n_slots = 64;
	while (n_slots < 2 * cap)
		n_slots *= 2;
	uint8_t *p = malloc(cap * (sizeof(*d->values) + sizeof(*d->counts) + sizeof(*d->rank)) +
	                    n_slots * sizeof(*d->slots) + n * sizeof(*d->places));
	if (!p)
		return -ENOMEM;
	d->values = (uint64_t *)p;
	d->counts = (uint32_t *)(d->values + cap);
	d->rank = (uint16_t *)(d->counts + cap);
	d->slots = d->rank + cap;
	d->places = d->slots + n_slots;
	d->cap = cap;
	d->slot_mask = n_slots - 1;
	d->n = 0;
	return 0;
}

void stream_dictionary_end(struct stream_dictionary *d)
{
	free(d->values);
}

/* The place of x, which is added if it is new; cap where there is no room. */
static size_t place_of(struct stream_dictionary *d, uint64_t x, uint64_t seed)
{
	uint64_t h = (x ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
	size_t slot = (size_t)((h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93) >> 40) & d->slot_mask;
	for (size_t probe = 1; probe <= PROBES_MAX; slot = (slot + probe++) & d->slot_mask) {
		size_t place = d->slots[slot] - (size_t)1;
		if (d->slots[slot] == 0) {
			if (d->n == d->cap)
				break;
			d->values[d->n] = x;
			d->counts[d->n++] = 0;
			d->slots[slot] = (uint16_t)d->n;
			return d->n - 1;
		}
		if (d->values[place] == x)
			return place;
	}
	return d->cap;
}

bool stream_dictionary_count(struct stream_dictionary *d, const uint64_t *x, size_t n, uint64_t most)
{
	d->n = 0;
	d->distinct = false;
	d->width = archive_bits_of(most);
	d->direct = most < d->cap / 2;
	if (!d->direct)
		return false;
	d->n_places = (size_t)most + 1;
	uint32_t *counts = memset(d->counts, 0, d->n_places * sizeof(*counts));
	for (size_t i = 0; i < n; i++)
		counts[x[i]]++;
	for (size_t i = 0; i < d->n_places; i++)
		d->n += counts[i] > 0;
	return true;
}

void stream_dictionary_lengths(const struct stream_dictionary *d, uint32_t lengths[STREAM_LENGTHS])
{
	for (size_t i = 0; i < d->n_places; i++)
		lengths[archive_bits_of(i)] += d->counts[i];
}

bool stream_dictionary_fill(
    struct stream_dictionary *d, const uint64_t *x, size_t n, size_t n_most, uint64_t seed)
{
	if (d->direct)
		return d->n <= n_most;
	const size_t early = n / 8 > EARLY ? n / 8 : EARLY;
	memset(d->slots, 0, (d->slot_mask + 1) * sizeof(*d->slots));
	for (size_t i = 0; i < n; i++) {
		size_t place = place_of(d, x[i], seed);
		if (i == early && d->n > early - early / 16) {
			d->distinct = true;
			return false;
		}
		if (place == d->cap || d->n > n_most)
			return false;
		d->places[i] = (uint16_t)place;
		d->counts[place]++;
	}
	d->n_places = d->n;
	return true;
}

/* Groups by how often a value comes, to an eighth or so: the order inside of one matters little. */
static unsigned frequency_group(uint32_t count)
{
	unsigned length = archive_bits_of(count);
	unsigned group = length <= 3 ? count : (length - 2) * 8 - 4 + (count >> (length - 4) & 7);
	return GROUPS - 1 - group;
}

void stream_dictionary_rank(struct stream_dictionary *d, uint32_t lengths[STREAM_LENGTHS])
{
	uint32_t starts[GROUPS + 1] = {0};
	for (size_t i = 0; i < d->n_places; i++)
		if (d->counts[i]) {
			d->rank[i] = (uint16_t)frequency_group(d->counts[i]); /* at first */
			starts[d->rank[i] + 1]++;
		}
	for (size_t i = 1; i < GROUPS; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < d->n_places; i++)
		if (d->counts[i]) {
			d->rank[i] = (uint16_t)starts[d->rank[i]]++;
			lengths[archive_bits_of(d->rank[i])] += d->counts[i];
		}
}

void stream_dictionary_number(const struct stream_dictionary *d, uint64_t *x, size_t n)
{
	if (d->direct)
		for (size_t i = 0; i < n; i++)
			x[i] = d->rank[x[i]];
	else
		for (size_t i = 0; i < n; i++)
			x[i] = d->rank[d->places[i]];
}

void stream_dictionary_put(struct dynbuf *out, const struct stream_dictionary *d)
{
	uint64_t *ordered = malloc(d->n * sizeof(*ordered));
	if (!ordered) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < d->n_places; i++)
		if (d->counts[i])
			ordered[d->rank[i]] = d->direct ? i : d->values[i];
	dynbuf_le16(out, (uint16_t)d->n);
	stream_put_bits(out, ordered, d->n, d->width);
	free(ordered);
}
