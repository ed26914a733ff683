/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bloom.h"
#include "archive/dictionary.h"
#include "archive/dictionary_form.h"
#include "archive/keys.h"
#include "archive/postings.h"
#include "archive/segment.h"
#include "base/err.h"

/* The keys that the filter let through, ascending; of all keys items is NULL. */
struct passed {
	uint32_t *items;
	size_t n;
};

static size_t passed_at(const struct passed *p, size_t i)
{
	return p->items ? p->items[i] : i;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The filter costs by key, a pass through the whole dictionary by entry: with more keys than entries it wins
 * nothing. */
static int ask_filter(
    struct archive_dictionary_reader *d, const struct archive_hashes *hashes, struct passed *ret_passed)
{
	struct passed p = {.n = hashes->n};
	int r = 0;
	if (hashes->n && hashes->n < d->n) {
		r = archive_segment_section(
		    d->segment, archive_section_of(d->type, ARCHIVE_DICTIONARY_FILTER), &d->filter);
		p.items = r == 0 ? malloc(hashes->n * sizeof(*p.items)) : NULL;
		if (r == 0 && !p.items)
			r = -ENOMEM;
		p.n = 0;
		for (size_t i = 0; r == 0 && i < hashes->n; i++)
			if (archive_bloom_has(d->filter.p, d->filter.n, hashes->items[i].hash))
				p.items[p.n++] = hashes->items[i].key;
		if (p.n)
			qsort(p.items, p.n, sizeof(*p.items), compare_numbers);
	}
	if (r == 0)
		*ret_passed = p;
	return r;
}

/* Takes a group's entries whose bits are set in `hits`, and the blocks that hold them. */
static int take(struct archive_dictionary_reader *d, size_t group, uint64_t hits, struct cursor *postings,
    struct archive_found *found)
{
	for (unsigned i = 0; i < ARCHIVE_GROUP && hits >> i; i++) {
		bool hit = hits >> i & 1;
		if (!archive_postings_get(postings, d->segment->trailer.n_blocks, hit ? found->blocks : NULL))
			return -ERR_MALFORMED;
		found->n += hit && !(found->entries[group] >> i & 1);
	}
	found->entries[group] |= hits; /* a word has the bits of one group */
	return 0;
}

_Static_assert(ARCHIVE_GROUP == 64, "a word of bits is a group");

static size_t group_size(const struct archive_dictionary_reader *d, size_t group)
{
	size_t left = d->n - group * ARCHIVE_GROUP;
	return left < ARCHIVE_GROUP ? left : ARCHIVE_GROUP;
}

/* The last group, from `group` on, whose first address isn't above a: doubling steps, then halving. */
static size_t seek_addr(const struct archive_dictionary_reader *d, size_t group, struct archive_addr_number a)
{
	size_t step = 1, low = group, high;
	while (low + step < d->n_groups &&
	       archive_addr_number_compare(archive_dictionary_first(d, low + step), a) <= 0) {
		low += step;
		step *= 2;
	}
	high = low + step < d->n_groups ? low + step : d->n_groups;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (archive_addr_number_compare(archive_dictionary_first(d, middle), a) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int find_addrs(struct archive_dictionary_reader *d, const struct archive_keys *keys,
    const struct passed *passed, struct archive_found *found)
{
	size_t k = 0, group = 0;
	int r = 0;
	while (r == 0 && k < passed->n && group < d->n_groups) {
		struct cursor postings;
		uint64_t hits = 0;
		struct archive_addr_number key = archive_addr_number(&keys->addrs[passed_at(passed, k)]);
		group = seek_addr(d, group, key);
		r = archive_dictionary_group(d, group, &postings);
		const struct net_addr *entries = d->addrs + group * ARCHIVE_GROUP;
		for (size_t i = 0, n = group_size(d, group); r == 0 && i < n && k < passed->n;) {
			key = archive_addr_number(&keys->addrs[passed_at(passed, k)]);
			int order = archive_addr_number_compare(archive_addr_number(&entries[i]), key);
			if (order == 0)
				hits |= UINT64_C(1) << i;
			i += order <= 0;
			k += order >= 0;
		}
		if (r == 0 && hits)
			r = take(d, group, hits, &postings, found);
		group++;
		/* what lies between this group's end and the next one's beginning is nowhere */
		while (r == 0 && k < passed->n && group < d->n_groups &&
		       archive_addr_number_compare(archive_addr_number(&keys->addrs[passed_at(passed, k)]),
		           archive_dictionary_first(d, group)) < 0)
			k++;
	}
	return r;
}

int archive_dictionary_among(struct archive_dictionary_reader *d, const struct net_addr *addrs, size_t n,
    struct net_addr *found, uint32_t *numbers, size_t *ret_found)
{
	size_t k = 0, group = 0, n_found = 0;
	int r = archive_dictionary_load(d);
	while (r == 0 && k < n && group < d->n_groups) {
		size_t first = group = seek_addr(d, group, archive_addr_number(&addrs[k]));
		size_t i = first * ARCHIVE_GROUP, end = i + group_size(d, group);
		r = archive_dictionary_group(d, group, NULL);
		while (r == 0 && i < end && k < n) {
			int order = net_addr_compare(d->addrs[i], addrs[k]);
			if (order == 0) {
				found[n_found] = addrs[k];
				numbers[n_found++] = (uint32_t)i;
			}
			i += order <= 0;
			k += order >= 0;
		}
		group++;
		/* what lies between this group's end and the next one's beginning is nowhere */
		while (r == 0 && k < n && group < d->n_groups &&
		       archive_addr_number_compare(
		           archive_addr_number(&addrs[k]), archive_dictionary_first(d, group)) < 0)
			k++;
	}
	if (r == 0)
		*ret_found = n_found;
	return r;
}

static int find_range(
    struct archive_dictionary_reader *d, const struct archive_range *range, struct archive_found *found)
{
	struct archive_addr_number first = archive_addr_number(&range->first),
	                           last = archive_addr_number(&range->last);
	int r = 0;
	for (size_t group = seek_addr(d, 0, first);
	     r == 0 && group < d->n_groups &&
	     archive_addr_number_compare(archive_dictionary_first(d, group), last) <= 0;
	     group++) {
		struct cursor postings;
		uint64_t hits = 0;
		r = archive_dictionary_group(d, group, &postings);
		for (size_t i = 0, n = group_size(d, group); r == 0 && i < n; i++) {
			struct archive_addr_number a = archive_addr_number(
			    &d->addrs[group * ARCHIVE_GROUP + i]);
			if (archive_addr_number_compare(a, first) >= 0 &&
			    archive_addr_number_compare(a, last) <= 0)
				hits |= UINT64_C(1) << i;
		}
		if (r == 0 && hits)
			r = take(d, group, hits, &postings, found);
	}
	return r;
}

/* How a text stands to a key: below it (-1), among what it asks for (0), above (1). A domain asks for what
 * begins with its key and then ends or has a zero byte. */
static int stands(struct text t, struct text key, bool domain)
{
	size_t n = t.n < key.n ? t.n : key.n;
	int order = n ? memcmp(t.p, key.p, n) : 0;
	if (order)
		return order < 0 ? -1 : 1;
	if (t.n < key.n)
		return -1;
	return t.n == key.n || (domain && t.p[key.n] == 0) ? 0 : 1;
}

/* The last group, from `group` on, before which nothing is that the key asks for. */
static size_t seek_text(const struct archive_dictionary_reader *d, size_t group, struct text key)
{
	size_t step = 1, low = group, high;
	while (
	    low + step < d->n_groups && text_compare(archive_dictionary_separator(d, low + step), key) < 0) {
		low += step;
		step *= 2;
	}
	high = low + step < d->n_groups ? low + step : d->n_groups;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (text_compare(archive_dictionary_separator(d, middle), key) < 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Goes through a group's texts and the keys from *k on: which texts are asked for. */
static uint64_t match_texts(const struct archive_dictionary_reader *d, size_t group, const struct text *keys,
    const struct passed *passed, bool domains, size_t *k)
{
	uint64_t hits = 0;
	for (size_t i = 0, n = group_size(d, group); i < n && *k < passed->n;) {
		size_t number = group * ARCHIVE_GROUP + i;
		int order = stands(d->keys[number], keys[passed_at(passed, *k)], domains);
		/* a name with a zero byte is no domain's, whatever its key looks like */
		if (order == 0 &&
		    !(domains && d->texts[number].n && memchr(d->texts[number].p, 0, d->texts[number].n)))
			hits |= UINT64_C(1) << i;
		i += order <= 0;
		*k += order > 0;
	}
	return hits;
}

static int find_texts(struct archive_dictionary_reader *d, const struct text *keys,
    const struct passed *passed, bool domains, struct archive_found *found)
{
	size_t k = 0, group = 0;
	int r = 0;
	while (r == 0 && k < passed->n && group < d->n_groups) {
		struct cursor postings;
		uint64_t hits = 0;
		group = seek_text(d, group, keys[passed_at(passed, k)]);
		r = archive_dictionary_group(d, group, &postings);
		if (r == 0)
			hits = match_texts(d, group, keys, passed, domains, &k);
		if (hits)
			r = take(d, group, hits, &postings, found);
		/* keys whose last text would stand before the next group */
		group++;
		while (
		    k < passed->n && group < d->n_groups &&
		    stands(archive_dictionary_separator(d, group), keys[passed_at(passed, k)], domains) > 0)
			k++;
	}
	return r;
}

int archive_dictionary_find(
    struct archive_dictionary_reader *d, const struct archive_keys *keys, struct archive_found *found)
{
	struct passed passed = {0};
	bool names = d->type == ARCHIVE_DICTIONARY_NAMES, addrs = d->type == ARCHIVE_DICTIONARY_ADDRS;
	const struct archive_hashes *hashes = addrs   ? &keys->addr_hashes
	                                      : names ? &keys->name_hashes
	                                              : &keys->value_hashes;
	size_t n_ranges = addrs ? keys->n_ranges : 0;
	int r = d->n && hashes->n ? ask_filter(d, hashes, &passed) : 0;
	if (r == 0 && (passed.n || (d->n && n_ranges)))
		r = archive_dictionary_load(d);
	if (r == 0 && passed.n)
		r = addrs ? find_addrs(d, keys, &passed, found)
		          : find_texts(d, names ? keys->names : keys->values, &passed, names, found);
	for (size_t i = 0; r == 0 && d->n && i < n_ranges; i++)
		r = find_range(d, &keys->ranges[i], found);
	free(passed.items);
	return r;
}
