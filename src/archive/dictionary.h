/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_DICTIONARY_H
#define ARCHIVE_DICTIONARY_H

/*
 * A segment's dictionaries: the addresses, the names and the other values (fingerprints, hashes, users) that
 * its records hold, each once and sorted, with the numbers of the blocks in which it occurs. Columns of
 * addresses and names hold numbers into them, so that a range of addresses and a domain with all below it
 * are ranges of numbers.
 *
 * Entries stand in groups of ARCHIVE_GROUP, which decode by themselves; an index of the groups leads to them,
 * and a filter (archive/bloom.h) stands in front. Names are sorted by archive_name_key and filtered by that
 * key and those of all domains above them. doc/archive-format.md has the bytes.
 */

#include "archive/companions.h"
#include "archive/layout.h"
#include "base/arena.h"
#include "base/cursor.h"
#include "base/dynbuf.h"
#include "net/addr.h"

enum {
	ARCHIVE_GROUP = 64,
	ARCHIVE_GROUP_ENTRY_ADDR = 24, /* in the index */
	ARCHIVE_GROUP_ENTRY_TEXT = 12,
	ARCHIVE_DICTIONARY_MAX = 1 << 26,         /* entries */
	ARCHIVE_DICTIONARY_BYTES_MAX = 512 << 20, /* of all its texts, and of what they are stored in */
};

/* --- writing --- */

/* What records hold, as they come. Nothing is taken back: an entry that no record holds in the end does no
 * harm. */
struct archive_collected {
	enum archive_dictionary type;
	uint64_t seed;
	struct dynbuf bytes; /* of all entries, one after the other */
	struct archive_entry *entries;
	size_t n, cap;
	uint64_t *slots; /* upper half: of the hash; lower half: number + 1 */
	size_t n_slots;
	uint32_t *posts; /* entries of each block, block after block */
	size_t n_posts, cap_posts;
	uint32_t *blocks; /* where each block's posts end */
	size_t n_blocks, cap_blocks;
};

void archive_collected_init(struct archive_collected *c, enum archive_dictionary type, uint64_t seed);
void archive_collected_reset(struct archive_collected *c);
void archive_collected_free(struct archive_collected *c);
/* The numbers of n texts in the order of coming, for the block that comes after those that were ended. 0,
 * -ENOMEM, -ERR_LIMIT: some may be in then. */
int archive_collected_put(
    struct archive_collected *c, const struct text *texts, size_t n, uint32_t *ret_numbers);
/* The same, whose hashes (base/hash.h, with the seed) are known. */
int archive_collected_put_hashed(struct archive_collected *c, const struct text *texts,
    const uint64_t *hashes, size_t n, uint32_t *ret_numbers);
/* The next records are another block's. 0 or -ENOMEM. */
int archive_collected_end_block(struct archive_collected *c);

/* A dictionary ready to be stored. Zeroed struct = empty. */
struct archive_sorted {
	uint32_t *places; /* by number: its place in the order */
	size_t n;
	struct dynbuf groups, index, filter;
};

/* blocks: how many the segment has. 0, -ENOMEM, -ERR_LIMIT; what it was given stays as it is. */
int archive_sorted_make(struct archive_sorted *s, const struct archive_collected *c, size_t blocks);
/* Writes the groups' checksums into the index, once it is known that they will stand at `at` of a file whose
 * header has the checksum `seed`. */
void archive_sorted_place(struct archive_sorted *s, enum archive_dictionary type, uint64_t seed, uint64_t at);
void archive_sorted_free(struct archive_sorted *s);

/* --- reading --- */

struct archive_segment;
struct archive_keys;

/* A pair of numbers that orders as the address does. */
struct archive_addr_number {
	uint64_t high, low;
};

/* One dictionary of an open segment: what was asked of it is kept. Its memory serves the next segment. Zeroed
 * struct = none. */
struct archive_dictionary_reader {
	const struct archive_segment *segment;
	enum archive_dictionary type;
	size_t n, n_groups;
	bool index_loaded, all_loaded;
	size_t misses; /* groups that were read one by one */
	struct dynbuf index, groups, group, filter, key;
	uint64_t *decoded; /* a bit for each group */
	size_t decoded_cap;
	struct net_addr *addrs;
	size_t addrs_cap;
	struct text *texts, *keys; /* themselves, and what they are sorted by */
	size_t texts_cap, keys_cap;
	struct arena arena;
	bool companions_loaded;
	struct archive_stream first[ARCHIVE_COMPANIONS_MAX], second[ARCHIVE_COMPANIONS_MAX];
};

/* Turns to a dictionary of the segment, which is borrowed. Nothing is read yet. */
void archive_dictionary_open(
    struct archive_dictionary_reader *d, const struct archive_segment *segment, enum archive_dictionary type);
void archive_dictionary_free(struct archive_dictionary_reader *d);
/* The index, checked, unless that was read. 0, -ERR_CHECKSUM, -ERR_MALFORMED, -ENOMEM or what reading gave;
 * so the others. */
int archive_dictionary_load(struct archive_dictionary_reader *d);
/* Decodes the group of that number, so that its entries stand in d->addrs or d->texts. *ret_postings (may be
 * NULL): a cursor over the postings of its entries, in order, good until the next call. */
int archive_dictionary_group(struct archive_dictionary_reader *d, size_t group, struct cursor *ret_postings);
/* Sees to it that entry `number`, which is below d->n, stands in d->addrs or d->texts. */
int archive_dictionary_entry(struct archive_dictionary_reader *d, size_t number);
/* The same for all entries. */
int archive_dictionary_all(struct archive_dictionary_reader *d);
/* Those of n ascending addresses that are entries, into `found` and their numbers into `numbers`, which have
 * room for n. */
int archive_dictionary_among(struct archive_dictionary_reader *d, const struct net_addr *addrs, size_t n,
    struct net_addr *found, uint32_t *numbers, size_t *ret_found);

/* Of the addresses: sees to it that d->first and d->second have the two values of each that the segment's
 * columns with a companion lead to, by archive_companion_place. */
int archive_dictionary_companions(struct archive_dictionary_reader *d);

/* Entries and blocks, as bits. */
struct archive_found {
	uint64_t *entries, *blocks; /* of d->n and of the segment's blocks */
	size_t n;                   /* how many entries */
};

/*
 * Looks keys up: addresses and ranges, names, or values, according to the dictionary's type. Sets the bits of
 * the entries that match and of the blocks that hold them.
 */
int archive_dictionary_find(
    struct archive_dictionary_reader *d, const struct archive_keys *keys, struct archive_found *found);

#endif
