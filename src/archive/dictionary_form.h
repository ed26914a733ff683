/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_DICTIONARY_FORM_H
#define ARCHIVE_DICTIONARY_FORM_H

/* What those who write and those who read dictionaries share. */

#include "archive/dictionary.h"
#include "base/cursor.h"

/* One of the collected entries. */
struct archive_entry {
	uint32_t at, n;       /* among the bytes */
	uint32_t block_after; /* one more than the last block that holds it; 0: none */
};

static inline struct archive_addr_number archive_addr_number(const void *bytes)
{
	const uint8_t *p = bytes;
	return (struct archive_addr_number){.high = load_be64(p), .low = load_be64(p + 8)};
}

static inline int archive_addr_number_compare(struct archive_addr_number a, struct archive_addr_number b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

/* The form that a dictionary of texts is sorted by: a name's key where it has one, else the text itself.
 * Writes at most t.n bytes. */
size_t archive_entry_key(enum archive_dictionary type, struct text t, uint8_t *to);

/* Of a loaded index: a group's first address; what is above all texts before a group and not above its
 * first. */
struct archive_addr_number archive_dictionary_first(const struct archive_dictionary_reader *d, size_t group);
struct text archive_dictionary_separator(const struct archive_dictionary_reader *d, size_t group);

#endif
