/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/checksum.h"
#include "archive/dictionary.h"
#include "archive/dictionary_form.h"
#include "archive/file.h"
#include "archive/keys.h"
#include "archive/segment.h"
#include "archive/varint.h"
#include "base/err.h"
#include "base/vec.h"

/* Groups that are read one by one, before all are read at once: as many at least, and one for each so many
 * bytes of all, which take as long to read in one go. */
enum { MISSES_MIN = 16, MISS_BYTES = 64 << 10 };

void archive_dictionary_open(
    struct archive_dictionary_reader *d, const struct archive_segment *segment, enum archive_dictionary type)
{
	d->segment = segment;
	d->type = type;
	d->n = segment->trailer.entries[type];
	d->n_groups = (d->n + ARCHIVE_GROUP - 1) / ARCHIVE_GROUP;
	d->index_loaded = d->all_loaded = d->companions_loaded = false;
	d->misses = 0;
	arena_reset(&d->arena);
	d->arena.max = 2 * (size_t)ARCHIVE_DICTIONARY_BYTES_MAX +
	               64 * d->n; /* keys, texts, what aligning takes */
}

void archive_dictionary_free(struct archive_dictionary_reader *d)
{
	dynbuf_free(&d->index);
	dynbuf_free(&d->groups);
	dynbuf_free(&d->group);
	dynbuf_free(&d->filter);
	dynbuf_free(&d->key);
	free(d->decoded);
	free(d->addrs);
	free(d->texts);
	free(d->keys);
	for (unsigned i = 0; i < ARCHIVE_COMPANIONS_MAX; i++) {
		archive_stream_free(&d->first[i]);
		archive_stream_free(&d->second[i]);
	}
	arena_free(&d->arena);
	*d = (struct archive_dictionary_reader){0};
}

static const struct archive_extent *extent(
    const struct archive_dictionary_reader *d, enum archive_dictionary_section part)
{
	return &d->segment->trailer.sections[archive_section_of(d->type, part)];
}

static size_t entry_size(const struct archive_dictionary_reader *d)
{
	return d->type == ARCHIVE_DICTIONARY_ADDRS ? ARCHIVE_GROUP_ENTRY_ADDR : ARCHIVE_GROUP_ENTRY_TEXT;
}

/* A group's entry in the index from its place among the groups on. */
static const uint8_t *place_of(const struct archive_dictionary_reader *d, size_t group)
{
	return d->index.p + group * entry_size(d) + (d->type == ARCHIVE_DICTIONARY_ADDRS ? 16 : 4);
}

static size_t group_begin(const struct archive_dictionary_reader *d, size_t group)
{
	return group < d->n_groups ? load_le32(place_of(d, group))
	                           : (size_t)extent(d, ARCHIVE_DICTIONARY_GROUPS)->size;
}

static size_t separator_end(const struct archive_dictionary_reader *d, size_t group)
{
	return load_le32(d->index.p + group * ARCHIVE_GROUP_ENTRY_TEXT);
}

struct text archive_dictionary_separator(const struct archive_dictionary_reader *d, size_t group)
{
	size_t begin = group ? separator_end(d, group - 1) : 0;
	return text_bytes(
	    d->index.p + d->n_groups * ARCHIVE_GROUP_ENTRY_TEXT + begin, separator_end(d, group) - begin);
}

struct archive_addr_number archive_dictionary_first(const struct archive_dictionary_reader *d, size_t group)
{
	return archive_addr_number(d->index.p + group * ARCHIVE_GROUP_ENTRY_ADDR);
}

/* Places ascend and lie within their sections: all that later reads rely on. */
static int check_index(const struct archive_dictionary_reader *d)
{
	bool texts = d->type != ARCHIVE_DICTIONARY_ADDRS;
	size_t table = d->n_groups * entry_size(d);
	if (d->index.n < table || (!texts && d->index.n != table))
		return -ERR_MALFORMED;
	for (size_t i = 0; i < d->n_groups; i++) {
		if (group_begin(d, i) >= group_begin(d, i + 1) || (i == 0 && group_begin(d, 0) != 0))
			return -ERR_MALFORMED;
		if (texts && separator_end(d, i) < (i ? separator_end(d, i - 1) : 0))
			return -ERR_MALFORMED;
	}
	if (texts && d->n_groups && separator_end(d, d->n_groups - 1) != d->index.n - table)
		return -ERR_MALFORMED;
	return 0;
}

int archive_dictionary_load(struct archive_dictionary_reader *d)
{
	size_t words = d->n_groups / 64 + 1;
	if (d->index_loaded)
		return 0;
	d->index.max = d->groups.max = d->group.max = ARCHIVE_DICTIONARY_BYTES_MAX;
	int r = archive_segment_section(
	    d->segment, archive_section_of(d->type, ARCHIVE_DICTIONARY_INDEX), &d->index);
	if (r == 0)
		r = check_index(d);
	if (r == 0)
		r = VEC_ROOM(d->decoded, &d->decoded_cap, words);
	if (r == 0 && d->type == ARCHIVE_DICTIONARY_ADDRS)
		r = VEC_ROOM(d->addrs, &d->addrs_cap, d->n);
	if (r == 0 && d->type != ARCHIVE_DICTIONARY_ADDRS)
		r = VEC_ROOM(d->texts, &d->texts_cap, d->n);
	if (r == 0 && d->type != ARCHIVE_DICTIONARY_ADDRS)
		r = VEC_ROOM(d->keys, &d->keys_cap, d->n);
	if (r < 0)
		return r;
	memset(d->decoded, 0, words * sizeof(*d->decoded));
	d->index_loaded = true;
	return 0;
}

static int read_extent(
    const struct archive_dictionary_reader *d, struct dynbuf *out, uint64_t at, size_t size)
{
	dynbuf_reset(out);
	uint8_t *to = dynbuf_grow(out, size);
	return to ? archive_file_read(d->segment->fd, to, size, at) : out->error;
}

/* The bytes of a group, checked: a few are read one by one, then all at once. */
static int group_bytes(struct archive_dictionary_reader *d, size_t group, struct cursor *ret_cursor)
{
	const struct archive_extent *all = extent(d, ARCHIVE_DICTIONARY_GROUPS);
	size_t begin = group_begin(d, group), size = group_begin(d, group + 1) - begin;
	const uint8_t *p = NULL;
	size_t most = (size_t)(all->size / MISS_BYTES > MISSES_MIN ? all->size / MISS_BYTES : MISSES_MIN);
	int r = 0;
	if (d->misses <= most && ++d->misses > most) {
		r = read_extent(d, &d->groups, all->at, (size_t)all->size);
		if (r < 0)
			d->misses = 0;
	}
	if (r == 0 && d->misses > most) {
		p = d->groups.p + begin;
	} else if (r == 0) {
		r = read_extent(d, &d->group, all->at + begin, size);
		p = d->group.p;
	}
	if (r < 0)
		return r;
	if ((uint32_t)archive_checksum(p, size, d->segment->seed + all->at + begin) !=
	    load_le32(place_of(d, group) + 4))
		return -ERR_CHECKSUM;
	*ret_cursor = cursor_of(p, size);
	return 0;
}

static size_t group_size(const struct archive_dictionary_reader *d, size_t group)
{
	size_t left = d->n - group * ARCHIVE_GROUP;
	return left < ARCHIVE_GROUP ? left : ARCHIVE_GROUP;
}

static bool is_decoded(const struct archive_dictionary_reader *d, size_t group)
{
	return d->decoded[group / 64] >> group % 64 & 1;
}

static unsigned __int128 get_difference(struct cursor *c)
{
	unsigned __int128 d = 0;
	for (unsigned shift = 0; shift < 128; shift += 7) {
		uint8_t byte = cursor_u8(c);
		d |= (unsigned __int128)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return d;
	}
	c->failed = true;
	return 0;
}

static void store_addr(struct net_addr *to, unsigned __int128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
	store_be32(to->b, (uint32_t)(high >> 32));
	store_be32(to->b + 4, (uint32_t)high);
	store_be32(to->b + 8, (uint32_t)(low >> 32));
	store_be32(to->b + 12, (uint32_t)low);
}

/* Ascending strictly, and below the next group's first: hunts search by halves, and an order that isn't one
 * would hide addresses. */
static int decode_addrs(struct archive_dictionary_reader *d, size_t group, struct cursor *c)
{
	size_t n = group_size(d, group);
	struct net_addr *to = d->addrs + group * ARCHIVE_GROUP;
	struct archive_addr_number first = archive_dictionary_first(d, group);
	unsigned __int128 v = (unsigned __int128)first.high << 64 | first.low;
	store_addr(to, v);
	for (size_t i = 1; i < n; i++) {
		unsigned __int128 more = get_difference(c);
		if (more == 0 || v + more < v)
			return -ERR_MALFORMED;
		v += more;
		store_addr(to + i, v);
	}
	if (cursor_left(c) || !cursor_ok(c))
		return -ERR_MALFORMED;
	struct archive_addr_number last = {.high = (uint64_t)(v >> 64), .low = (uint64_t)v};
	if (group + 1 < d->n_groups &&
	    archive_addr_number_compare(last, archive_dictionary_first(d, group + 1)) >= 0)
		return -ERR_MALFORMED;
	return 0;
}

/* A copy in the arena, of which texts that fill it are too many for a dictionary. */
static int keep(struct archive_dictionary_reader *d, struct text t, struct text *ret_text)
{
	bool full = d->arena.max - d->arena.used < t.n + 32;
	char *to = full ? NULL : arena_alloc(&d->arena, t.n + 1);
	if (!to)
		return full ? -ERR_MALFORMED : -ENOMEM;
	memcpy(to, t.p, t.n);
	*ret_text = text_bytes(to, t.n);
	return 0;
}

/* One text, whose key shares its beginning with the one before it. */
static int decode_text(struct archive_dictionary_reader *d, size_t number, bool first, struct cursor *c)
{
	uint64_t head = archive_varint_get(c), shared = first ? 0 : archive_varint_get(c);
	struct text *key = &d->keys[number], *exact = &d->texts[number];
	if (shared > (first ? 0 : key[-1].n) || head >> 1 > MSG_TEXT_MAX - shared)
		return -ERR_MALFORMED;
	struct text rest = cursor_text(c, (size_t)(head >> 1)), given = {0};
	if (head & 1)
		given = cursor_text(c, (size_t)archive_varint_get(c));
	if (!cursor_ok(c) || given.n > MSG_TEXT_MAX)
		return -ERR_MALFORMED;
	dynbuf_reset(&d->key);
	if (shared)
		dynbuf_append(&d->key, key[-1].p, (size_t)shared);
	dynbuf_text(&d->key, rest);
	dynbuf_u8(&d->key, 0);
	if (d->key.error)
		return d->key.error;
	int r = keep(d, text_bytes(d->key.p, d->key.n - 1), key);
	if (r == 0 && head & 1)
		return keep(d, given, exact);
	*exact = *key;
	if (r == 0 && d->type == ARCHIVE_DICTIONARY_NAMES) {
		archive_name_of_key(*key, d->key.p);
		r = keep(d, text_bytes(d->key.p, d->key.n - 1), exact);
	}
	return r;
}

static int decode_texts(struct archive_dictionary_reader *d, size_t group, struct cursor *c)
{
	size_t n = group_size(d, group);
	for (size_t i = 0; i < n; i++) {
		int r = decode_text(d, group * ARCHIVE_GROUP + i, i == 0, c);
		if (r < 0)
			return r;
	}
	return cursor_left(c) || !cursor_ok(c) ? -ERR_MALFORMED : 0;
}

int archive_dictionary_group(struct archive_dictionary_reader *d, size_t group, struct cursor *ret_postings)
{
	struct cursor c, entries;
	int r = archive_dictionary_load(d);
	if (r < 0 || (!ret_postings && is_decoded(d, group)))
		return r;
	r = group_bytes(d, group, &c);
	if (r < 0)
		return r;
	entries = cursor_sub(&c, (size_t)archive_varint_get(&c));
	if (!cursor_ok(&entries))
		return -ERR_MALFORMED;
	if (!is_decoded(d, group)) {
		r = d->type == ARCHIVE_DICTIONARY_ADDRS ? decode_addrs(d, group, &entries)
		                                        : decode_texts(d, group, &entries);
		if (r < 0)
			return r;
		d->decoded[group / 64] |= UINT64_C(1) << group % 64;
	}
	if (ret_postings)
		*ret_postings = c;
	return 0;
}

int archive_dictionary_entry(struct archive_dictionary_reader *d, size_t number)
{
	if (d->all_loaded || (d->index_loaded && is_decoded(d, number / ARCHIVE_GROUP)))
		return 0;
	return archive_dictionary_group(d, number / ARCHIVE_GROUP, NULL);
}

int archive_dictionary_all(struct archive_dictionary_reader *d)
{
	int r = d->all_loaded ? 0 : archive_dictionary_load(d);
	for (size_t group = 0; r == 0 && !d->all_loaded && group < d->n_groups; group++)
		r = archive_dictionary_group(d, group, NULL);
	if (r == 0)
		d->all_loaded = true;
	return r;
}

int archive_dictionary_companions(struct archive_dictionary_reader *d)
{
	const struct archive_layout *l = d->segment->is.layout;
	unsigned n = 0;
	if (d->companions_loaded)
		return 0;
	int r = archive_segment_section(d->segment, ARCHIVE_SECTION_COMPANIONS, &d->group);
	struct cursor c = cursor_of(d->group.p, d->group.n);
	/* an older segment has those of fewer columns */
	for (unsigned i = 0; r == 0 && i < l->n_columns && i < d->segment->is.n_columns; i++)
		n += l->columns[i].companion > 0;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		r = archive_companions_load(&c, d->n, &d->first[i]);
		if (r == 0)
			r = archive_companions_load(&c, d->n, &d->second[i]);
	}
	d->companions_loaded = r == 0;
	return r;
}
