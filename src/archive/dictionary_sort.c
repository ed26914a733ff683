/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bloom.h"
#include "archive/checksum.h"
#include "archive/dictionary.h"
#include "archive/dictionary_form.h"
#include "archive/keys.h"
#include "archive/postings.h"
#include "archive/varint.h"
#include "base/err.h"

struct addr_item {
	struct archive_addr_number addr;
	uint32_t number;
};

struct text_item {
	struct text key, exact;
	uint64_t head[2]; /* the key's first bytes as numbers: most comparisons end there */
	uint32_t number;
	uint32_t shared; /* bytes of the key that the one before begins with, too, once they are in order */
	bool follows;    /* the exact text from the key */
};

/* The postings of all entries, by number: entry e has posts[starts[e]] to posts[starts[e + 1]]. */
struct posting_lists {
	uint32_t *starts, *posts;
	size_t blocks;
};

static int invert(struct posting_lists *l, const struct archive_collected *c, size_t blocks)
{
	*l = (struct posting_lists){.starts = calloc(c->n + 2, sizeof(*l->starts)),
	    .posts = malloc((c->n_posts + 1) * sizeof(*l->posts)),
	    .blocks = blocks};
	if (!l->starts || !l->posts)
		return -ENOMEM;
	/* starts[e + 2] counts; summed up, starts[e + 1] is where e begins, and filling moves it to its end
	 */
	for (size_t i = 0; i < c->n_posts; i++)
		l->starts[c->posts[i] + 2]++;
	for (size_t e = 2; e < c->n + 2; e++)
		l->starts[e] += l->starts[e - 1];
	for (size_t block = 0, i = 0; i < c->n_posts; i++) {
		while (block < c->n_blocks && i >= c->blocks[block])
			block++;
		l->posts[l->starts[c->posts[i] + 1]++] = (uint32_t)block;
	}
	return 0;
}

static void put_postings(struct dynbuf *out, const struct posting_lists *l, uint32_t number)
{
	archive_postings_put(
	    out, l->posts + l->starts[number], l->starts[number + 1] - l->starts[number], l->blocks);
}

static uint8_t byte_of(struct archive_addr_number addr, unsigned byte)
{
	uint64_t half = byte < 8 ? addr.low : addr.high;
	return (uint8_t)(half >> byte % 8 * 8);
}

/* The bits in which addresses differ. */
static struct archive_addr_number differences(const struct addr_item *items, size_t n)
{
	struct archive_addr_number d = {0};
	for (size_t i = 1; i < n; i++) {
		d.high |= items[i].addr.high ^ items[0].addr.high;
		d.low |= items[i].addr.low ^ items[0].addr.low;
	}
	return d;
}

/* A counting sort by each byte that isn't the same in all, the lowest first. */
static void sort_by_bytes(struct addr_item *items, struct addr_item *room, size_t n)
{
	struct addr_item *from = items, *to = room;
	const struct archive_addr_number differ = differences(from, n);
	for (unsigned byte = 0; byte < 16; byte++) {
		size_t starts[257] = {0};
		if (byte_of(differ, byte) == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			starts[byte_of(from[i].addr, byte) + 1]++;
		for (size_t i = 1; i < 257; i++)
			starts[i] += starts[i - 1];
		for (size_t i = 0; i < n; i++)
			to[starts[byte_of(from[i].addr, byte)]++] = from[i];
		struct addr_item *swap = from;
		from = to;
		to = swap;
	}
	if (n && from != items)
		memcpy(items, from, n * sizeof(*items));
}

/* 0: an address below those of IPv4; 1: one of these; 2: one above. */
static unsigned family_of(struct archive_addr_number addr)
{
	const uint64_t v4 = UINT64_C(0xffff00000000);
	return (addr.high > 0 || addr.low >= v4) + (addr.high > 0 || addr.low > v4 + UINT32_MAX);
}

/* By address, each family by itself: four bytes tell those of IPv4 apart, which are the most. */
static int sort_addrs(struct addr_item **items, size_t n)
{
	struct addr_item *from = *items, *to = calloc(n + 1, sizeof(*to));
	size_t ends[3] = {0}, begin = 0;
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (unsigned family = family_of(from[i].addr) + 1; family < 3; family++)
			ends[family]++; /* where the family begins: it grows to its end */
	for (size_t i = 0; i < n; i++)
		to[ends[family_of(from[i].addr)]++] = from[i];
	for (unsigned family = 0; family < 3; begin = ends[family++])
		sort_by_bytes(to + begin, from + begin, ends[family] - begin);
	free(from);
	*items = to;
	return 0;
}

static void put_difference(struct dynbuf *out, struct archive_addr_number from, struct archive_addr_number to)
{
	enum { BYTES_MAX = (128 + 6) / 7 };
	unsigned __int128 d = ((unsigned __int128)to.high << 64 | to.low) -
	                      ((unsigned __int128)from.high << 64 | from.low);
	uint8_t bytes[BYTES_MAX];
	size_t n = 0;
	for (; d >= 0x80; d >>= 7)
		bytes[n++] = (uint8_t)(d | 0x80);
	bytes[n++] = (uint8_t)d;
	dynbuf_append(out, bytes, n);
}

/* The sixteen bytes that it was. */
static void put_addr(uint8_t *to, struct archive_addr_number addr)
{
	store_be32(to, (uint32_t)(addr.high >> 32));
	store_be32(to + 4, (uint32_t)addr.high);
	store_be32(to + 8, (uint32_t)(addr.low >> 32));
	store_be32(to + 12, (uint32_t)addr.low);
}

/* One group: how many bytes its entries take, the entries but the first, the postings of all. */
static void put_addr_group(struct archive_sorted *s, const struct addr_item *items, size_t n,
    const struct posting_lists *lists, struct dynbuf *scratch)
{
	dynbuf_reset(scratch);
	for (size_t i = 1; i < n; i++)
		put_difference(scratch, items[i - 1].addr, items[i].addr);
	uint8_t *entry = dynbuf_grow(&s->index, ARCHIVE_GROUP_ENTRY_ADDR);
	if (!entry || scratch->error)
		return;
	put_addr(entry, items[0].addr);
	store_le32(entry + 16, (uint32_t)s->groups.n);
	store_le32(entry + 20, 0);
	archive_varint_put(&s->groups, scratch->n);
	dynbuf_text(&s->groups, dynbuf_view(scratch));
	for (size_t i = 0; i < n; i++)
		put_postings(&s->groups, lists, items[i].number);
}

static int make_addrs(
    struct archive_sorted *s, const struct archive_collected *c, const struct posting_lists *lists)
{
	struct dynbuf scratch = {0};
	struct addr_item *items = malloc((c->n + 1) * sizeof(*items));
	size_t size = archive_bloom_size(c->n);
	uint8_t *filter = dynbuf_grow(&s->filter, size);
	int r = items && filter ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < c->n; i++) {
		const uint8_t *p = c->bytes.p + c->entries[i].at;
		items[i] = (struct addr_item){.addr = archive_addr_number(p), .number = (uint32_t)i};
	}
	if (r == 0)
		r = sort_addrs(&items, c->n);
	if (r == 0)
		memset(filter, 0, size);
	for (size_t i = 0; r == 0 && i < c->n; i++) {
		uint8_t addr[16];
		s->places[items[i].number] = (uint32_t)i;
		put_addr(addr, items[i].addr);
		archive_bloom_add(filter, size, archive_bloom_hash(addr, sizeof(addr)));
	}
	for (size_t i = 0; r == 0 && i < c->n; i += ARCHIVE_GROUP)
		put_addr_group(
		    s, items + i, c->n - i < ARCHIVE_GROUP ? c->n - i : ARCHIVE_GROUP, lists, &scratch);
	free(items);
	r = r ? r : scratch.error;
	dynbuf_free(&scratch);
	return r;
}

size_t archive_entry_key(enum archive_dictionary type, struct text t, uint8_t *to)
{
	size_t n = 0;
	if (type == ARCHIVE_DICTIONARY_NAMES && archive_name_key(t, to, &n))
		return n;
	if (t.n)
		memcpy(to, t.p, t.n);
	return t.n;
}

/* A shorter key is filled with zeros, which come first, as it does. */
static void set_head(struct text_item *item)
{
	uint8_t bytes[16] = {0};
	if (item->key.n)
		memcpy(bytes, item->key.p, item->key.n < sizeof(bytes) ? item->key.n : sizeof(bytes));
	item->head[0] = load_be64(bytes);
	item->head[1] = load_be64(bytes + 8);
}

static int compare_items(const void *a, const void *b)
{
	const struct text_item *x = a, *y = b;
	for (size_t i = 0; i < 2; i++)
		if (x->head[i] != y->head[i])
			return x->head[i] < y->head[i] ? -1 : 1;
	int order = text_compare(x->key, y->key);
	return order ? order : text_compare(x->exact, y->exact);
}

static size_t common(struct text a, struct text b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;
	const uint8_t *p = (const uint8_t *)a.p, *q = (const uint8_t *)b.p;
	for (; n - i >= 8; i += 8) {
		uint64_t differ = load_le64(p + i) ^ load_le64(q + i);
		if (differ)
			return i + (size_t)__builtin_ctzll(differ) / 8;
	}
	while (i < n && p[i] == q[i])
		i++;
	return i;
}

/* Whether archive_name_of_key makes the text of its key, as of most names': it is as long, and has neither
 * what keys don't (capitals) nor what makes it no name (zeros). */
static bool follows(enum archive_dictionary type, struct text key, struct text exact)
{
	bool other = false;
	if (type != ARCHIVE_DICTIONARY_NAMES)
		return true;
	if (key.n != exact.n || key.n > ARCHIVE_NAME_SMALL)
		return false;
	for (size_t i = 0; i < exact.n; i++) {
		unsigned char c = (unsigned char)exact.p[i];
		other |= c == 0 || (c >= 'A' && c <= 'Z');
	}
	return !other;
}

/* An entry: its key's length beyond what it shares with the one before (of its group), and whether the exact
 * text follows; the shared length; the key's rest; the exact text. */
static void put_text(struct dynbuf *out, const struct text_item *item, bool first)
{
	size_t shared = first ? 0 : item->shared;
	bool exact = !item->follows;
	archive_varint_put(out, (item->key.n - shared) << 1 | exact);
	if (!first)
		archive_varint_put(out, shared);
	dynbuf_text(out, text_sub(item->key, shared, item->key.n));
	if (exact) {
		archive_varint_put(out, item->exact.n);
		dynbuf_text(out, item->exact);
	}
}

static void put_text_group(struct archive_sorted *s, const struct text_item *items, size_t n,
    const struct posting_lists *lists, struct dynbuf *scratch)
{
	dynbuf_reset(scratch);
	for (size_t i = 0; i < n; i++)
		put_text(scratch, &items[i], i == 0);
	uint8_t *entry = dynbuf_grow(&s->index, ARCHIVE_GROUP_ENTRY_TEXT);
	if (!entry || scratch->error)
		return;
	store_le32(entry, 0);
	store_le32(entry + 4, (uint32_t)s->groups.n);
	store_le32(entry + 8, 0);
	archive_varint_put(&s->groups, scratch->n);
	dynbuf_text(&s->groups, dynbuf_view(scratch));
	for (size_t i = 0; i < n; i++)
		put_postings(&s->groups, lists, items[i].number);
}

/* Behind the groups' entries: of each group's first key as much as tells it from the last key before. */
static void put_separators(struct archive_sorted *s, const struct text_item *items, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i += ARCHIVE_GROUP) {
		size_t length = i ? (size_t)items[i].shared + 1 : 0;
		struct text separator = text_sub(items[i].key, 0, length);
		dynbuf_text(&s->index, separator);
		at += separator.n;
		if (!s->index.error)
			store_le32(s->index.p + i / ARCHIVE_GROUP * ARCHIVE_GROUP_ENTRY_TEXT, (uint32_t)at);
	}
}

/* The domains above a name whose keys the name before it doesn't share: those at zero bytes behind what both
 * begin with. With filter == NULL they are only counted. */
static size_t add_domains(
    uint8_t *filter, size_t size, const struct text_item *item, const struct text_item *before)
{
	size_t count = 0, shared = item->shared;
	for (size_t end = shared; end <= item->key.n; end++) {
		const char *zero = memchr(item->key.p + end, 0, item->key.n - end);
		end = zero ? (size_t)(zero - item->key.p) : item->key.n;
		/* the name before may itself be this domain, or end its label here */
		if (before && end == shared && (end == before->key.n || before->key.p[end] == 0))
			continue;
		count++;
		if (filter)
			archive_bloom_add(filter, size, archive_bloom_hash(item->key.p, end));
	}
	return count;
}

static int make_text_filter(
    struct archive_sorted *s, enum archive_dictionary type, const struct text_item *items, size_t n)
{
	bool names = type == ARCHIVE_DICTIONARY_NAMES;
	size_t keys = names ? 0 : n;
	for (size_t i = 0; names && i < n; i++)
		keys += add_domains(NULL, 0, &items[i], i ? &items[i - 1] : NULL);
	size_t size = archive_bloom_size(keys ? keys : 1);
	uint8_t *filter = dynbuf_grow(&s->filter, size);
	if (!filter)
		return s->filter.error;
	memset(filter, 0, size);
	for (size_t i = 0; i < n; i++)
		if (names)
			add_domains(filter, size, &items[i], i ? &items[i - 1] : NULL);
		else
			archive_bloom_add(filter, size, archive_bloom_hash(items[i].key.p, items[i].key.n));
	return 0;
}

/* The entries with their keys, which have room at `to`. Gives where the keys end. */
static uint8_t *make_items(struct text_item *items, const struct archive_collected *c, uint8_t *to)
{
	for (size_t i = 0; i < c->n; i++) {
		struct text exact = text_bytes(c->bytes.p + c->entries[i].at, c->entries[i].n);
		struct text key = text_bytes(to, archive_entry_key(c->type, exact, to));
		items[i] = (struct text_item){.key = key,
		    .exact = exact,
		    .number = (uint32_t)i,
		    .follows = follows(c->type, key, exact)};
		set_head(&items[i]);
		to += key.n;
	}
	return to;
}

/* Sorts, and moves the keys to `to`, in order: they are gone through again and again, and memory is slow
 * where they stand as they came. */
static void order_items(struct text_item *items, size_t n, uint8_t *to)
{
	if (n)
		qsort(items, n, sizeof(*items), compare_items);
	for (size_t i = 0; i < n; i++) {
		struct text *key = &items[i].key;
		if (key->n)
			memcpy(to, key->p, key->n);
		*key = text_bytes(to, key->n);
		to += key->n;
		items[i].shared = i ? (uint32_t)common(items[i - 1].key, *key) : 0;
	}
}

static int make_texts(
    struct archive_sorted *s, const struct archive_collected *c, const struct posting_lists *lists)
{
	struct dynbuf scratch = {.max = ARCHIVE_DICTIONARY_BYTES_MAX};
	struct text_item *items = malloc((c->n + 1) * sizeof(*items));
	uint8_t *keys = malloc(c->bytes.n + 1), *ordered = NULL;
	int r = items && keys ? 0 : -ENOMEM;
	if (r == 0) {
		ordered = malloc((size_t)(make_items(items, c, keys) - keys) + 1);
		r = ordered ? 0 : -ENOMEM;
	}
	if (r == 0)
		order_items(items, c->n, ordered);
	free(keys);
	for (size_t i = 0; r == 0 && i < c->n; i++)
		s->places[items[i].number] = (uint32_t)i;
	for (size_t i = 0; r == 0 && i < c->n; i += ARCHIVE_GROUP)
		put_text_group(
		    s, items + i, c->n - i < ARCHIVE_GROUP ? c->n - i : ARCHIVE_GROUP, lists, &scratch);
	if (r == 0) {
		put_separators(s, items, c->n);
		r = make_text_filter(s, c->type, items, c->n);
	}
	free(items);
	free(ordered);
	r = r ? r : scratch.error;
	dynbuf_free(&scratch);
	return r;
}

int archive_sorted_make(struct archive_sorted *s, const struct archive_collected *c, size_t blocks)
{
	struct posting_lists lists = {0};
	dynbuf_reset(&s->groups);
	dynbuf_reset(&s->index);
	dynbuf_reset(&s->filter);
	s->groups.max = s->index.max = s->filter.max = ARCHIVE_DICTIONARY_BYTES_MAX;
	s->n = c->n;
	free(s->places);
	s->places = calloc(c->n + 1, sizeof(*s->places));
	int r = s->places ? invert(&lists, c, blocks) : -ENOMEM;
	if (r == 0 && c->n)
		r = c->type == ARCHIVE_DICTIONARY_ADDRS ? make_addrs(s, c, &lists) : make_texts(s, c, &lists);
	free(lists.starts);
	free(lists.posts);
	r = r ? r : s->groups.error;
	r = r ? r : s->index.error;
	return r ? r : s->filter.error;
}

void archive_sorted_place(struct archive_sorted *s, enum archive_dictionary type, uint64_t seed, uint64_t at)
{
	bool addrs = type == ARCHIVE_DICTIONARY_ADDRS;
	size_t size = addrs ? ARCHIVE_GROUP_ENTRY_ADDR : ARCHIVE_GROUP_ENTRY_TEXT, place = addrs ? 16 : 4;
	size_t n = (s->n + ARCHIVE_GROUP - 1) / ARCHIVE_GROUP;
	for (size_t i = 0; i < n; i++) {
		uint8_t *entry = s->index.p + i * size + place;
		uint32_t begin = load_le32(entry);
		size_t end = i + 1 < n ? load_le32(entry + size) : s->groups.n;
		store_le32(entry + 4,
		    (uint32_t)archive_checksum(s->groups.p + begin, end - begin, seed + at + begin));
	}
}

void archive_sorted_free(struct archive_sorted *s)
{
	free(s->places);
	dynbuf_free(&s->groups);
	dynbuf_free(&s->index);
	dynbuf_free(&s->filter);
	*s = (struct archive_sorted){0};
}
