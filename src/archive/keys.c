/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bloom.h"
#include "base/err.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool archive_name_key(struct text name, uint8_t *to, size_t *ret_n)
{
	size_t end = name.n && name.p[name.n - 1] == '.' ? name.n - 1 : name.n;
	if (name.n && memchr(name.p, 0, name.n))
		return false;
	*ret_n = end;
	for (size_t from = end;; from--) {
		if (from > 0 && name.p[from - 1] != '.')
			continue;
		for (size_t i = from; i < end; i++)
			*to++ = lower((uint8_t)name.p[i]);
		if (from == 0)
			return true;
		*to++ = 0;
		end = from - 1;
	}
}

void archive_name_of_key(struct text key, uint8_t *to)
{
	for (size_t end = key.n;;) {
		size_t from = end;
		while (from > 0 && key.p[from - 1] != 0)
			from--;
		memcpy(to, key.p + from, end - from);
		to += end - from;
		if (from == 0)
			return;
		*to++ = '.';
		end = from - 1;
	}
}

/* The last address of a prefix. */
static struct net_addr last_of(struct net_prefix p)
{
	struct net_addr a = p.addr;
	for (unsigned bit = p.bits; bit < 128; bit++)
		a.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return a;
}

static int make_ranges(struct archive_keys *k, const struct net_prefix *prefixes, size_t n)
{
	if (n == 0)
		return 0;
	assert(prefixes);
	k->ranges = reallocarray(NULL, n, sizeof(*k->ranges));
	if (!k->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct archive_range r = {.first = prefixes[i].addr, .last = last_of(prefixes[i])};
		struct archive_range *before = k->n_ranges ? &k->ranges[k->n_ranges - 1] : NULL;
		/* prefixes lie within each other or apart; of two that begin alike either may come first */
		if (!before || net_addr_compare(r.first, before->last) > 0)
			k->ranges[k->n_ranges++] = r;
		else if (net_addr_compare(r.last, before->last) > 0)
			before->last = r.last;
	}
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	const struct text *x = a, *y = b;
	return text_compare(*x, *y);
}

/* Whether `key` is `domain` or stands below it, both in the form that is sorted. */
static bool below(struct text key, struct text domain)
{
	return key.n >= domain.n && (domain.n == 0 || memcmp(key.p, domain.p, domain.n) == 0) &&
	       (key.n == domain.n || key.p[domain.n] == 0);
}

static int make_names(struct archive_keys *k, const struct text *domains, size_t n)
{
	size_t bytes = 0, made = 0, kept = 0;
	if (n == 0)
		return 0;
	assert(domains);
	for (size_t i = 0; i < n; i++)
		bytes += domains[i].n;
	k->names = reallocarray(NULL, n, sizeof(*k->names));
	k->name_bytes = malloc(bytes + 1);
	if (!k->names || !k->name_bytes)
		return -ENOMEM;
	uint8_t *to = k->name_bytes;
	for (size_t i = 0; i < n; i++) {
		size_t length = 0;
		if (!archive_name_key(domains[i], to, &length) || length == 0)
			continue; /* no domain */
		k->names[made++] = text_bytes(to, length);
		to += length;
	}
	if (made)
		qsort(k->names, made, sizeof(*k->names), compare_texts);
	for (size_t i = 0; i < made; i++)
		if (kept == 0 || !below(k->names[i], k->names[kept - 1]))
			k->names[kept++] = k->names[i];
	k->n_names = kept;
	return 0;
}

enum { BUCKET_BITS = 11 };

static int order_hashes(struct archive_hashes *h, const struct archive_hash *from, size_t n)
{
	size_t *starts = calloc(((size_t)1 << BUCKET_BITS) + 1, sizeof(*starts));
	h->items = malloc(n * sizeof(*h->items));
	if (!starts || !h->items) {
		free(starts);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		starts[(from[i].hash >> (64 - BUCKET_BITS)) + 1]++;
	for (size_t i = 1; i <= (size_t)1 << BUCKET_BITS; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < n; i++)
		h->items[starts[from[i].hash >> (64 - BUCKET_BITS)]++] = from[i];
	h->n = n;
	free(starts);
	return 0;
}

static int make_hashes(
    struct archive_hashes *h, size_t n, const struct net_addr *addrs, const struct text *texts)
{
	if (n == 0)
		return 0;
	assert(addrs || texts);
	struct archive_hash *items = malloc(n * sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct archive_hash){
		    .hash = addrs ? archive_bloom_hash(addrs[i].b, sizeof(addrs[i].b))
		                  : archive_bloom_hash(texts[i].n ? texts[i].p : "", texts[i].n),
		    .key = (uint32_t)i};
	int r = order_hashes(h, items, n);
	free(items);
	return r;
}

static int finish(struct archive_keys *k, const struct net_prefix *prefixes, size_t n_prefixes,
    const struct text *domains, size_t n_domains)
{
	int r = k->n_addrs > UINT32_MAX || n_domains > UINT32_MAX || k->n_values > UINT32_MAX ? -ERR_LIMIT
	                                                                                      : 0;
	if (r == 0)
		r = make_ranges(k, prefixes, n_prefixes);
	if (r == 0)
		r = make_names(k, domains, n_domains);
	if (r == 0)
		r = make_hashes(&k->addr_hashes, k->n_addrs, k->addrs, NULL);
	if (r == 0)
		r = make_hashes(&k->name_hashes, k->n_names, NULL, k->names);
	if (r == 0)
		r = make_hashes(&k->value_hashes, k->n_values, NULL, k->values);
	if (r < 0)
		archive_keys_free(k);
	return r;
}

int archive_keys_of_flows(struct archive_keys *k, const struct archive_filter *f)
{
	*k = (struct archive_keys){
	    .any = f->addrs || f->prefixes || f->domains, .addrs = f->addrs, .n_addrs = f->n_addrs};
	return finish(k, f->prefixes, f->n_prefixes, f->domains, f->n_domains);
}

int archive_keys_of_transactions(struct archive_keys *k, const struct archive_transaction_filter *f)
{
	*k = (struct archive_keys){.any = f->addrs || f->prefixes || f->domains || f->values,
	    .addrs = f->addrs,
	    .n_addrs = f->n_addrs,
	    .values = f->values,
	    .n_values = f->n_values};
	return finish(k, f->prefixes, f->n_prefixes, f->domains, f->n_domains);
}

void archive_keys_free(struct archive_keys *k)
{
	free(k->ranges);
	free(k->names);
	free(k->name_bytes);
	free(k->addr_hashes.items);
	free(k->name_hashes.items);
	free(k->value_hashes.items);
	*k = (struct archive_keys){0};
}

static bool in_ranges(const struct archive_keys *k, struct net_addr a)
{
	size_t low = 0, high = k->n_ranges;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (net_addr_compare(k->ranges[middle].last, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->n_ranges && net_addr_compare(k->ranges[low].first, a) <= 0;
}

bool archive_keys_have_addr(const struct archive_keys *k, struct net_addr a)
{
	size_t low = 0, high = k->n_addrs;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = net_addr_compare(k->addrs[middle], a);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return in_ranges(k, a);
}

static bool has_key(const struct archive_keys *k, struct text key)
{
	size_t low = 0, high = k->n_names;
	/* no domain stands below another, so only the last one that isn't above the key can hold it */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (text_compare(k->names[middle], key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && below(key, k->names[low - 1]);
}

bool archive_keys_have_name(const struct archive_keys *k, struct text name)
{
	uint8_t small[ARCHIVE_NAME_SMALL];
	uint8_t *key = name.n <= sizeof(small) ? small : malloc(name.n);
	size_t n = 0;
	bool have = k->n_names && name.n && key && archive_name_key(name, key, &n) &&
	            has_key(k, text_bytes(key, n));
	if (key != small)
		free(key);
	return have;
}

bool archive_keys_have_value(const struct archive_keys *k, struct text value)
{
	/* empty ones are in no dictionary */
	return k->n_values && value.n &&
	       bsearch(&value, k->values, k->n_values, sizeof(value), compare_texts);
}
