/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_COMPANIONS_H
#define ARCHIVE_COMPANIONS_H

/*
 * What goes with an address: its hardware address mostly, and its VLAN. A segment keeps the first two values
 * that each address has in such a column beside the dictionary, and rows say which of the two is theirs, or
 * that it is another. (Two, because what is seen at a second place has the router's.)
 */

#include "archive/layout.h"
#include "archive/stream.h"

enum { ARCHIVE_COMPANIONS_MAX = 4 }; /* columns of one kind */

/* What a row says. */
enum archive_companion_code {
	ARCHIVE_COMPANION_FIRST,
	ARCHIVE_COMPANION_SECOND,
	ARCHIVE_COMPANION_OTHER, /* its value is among the others of its block */
	ARCHIVE_COMPANION_CODES
};

/* The values of one column, while a segment is made. Zeroed struct = empty. */
struct archive_companions {
	uint64_t *values; /* two of each entry of the dictionary, by its number */
	uint8_t *counts;  /* how many there are */
	size_t n, values_cap, counts_cap;
};

/* The codes of n values that go with the entries `numbers`. 0, -ENOMEM, -ERR_LIMIT. */
int archive_companions_put(struct archive_companions *c, const uint32_t *numbers, const uint64_t *values,
    size_t n, uint8_t *ret_codes);
/* Appends all first values, then all second ones, in the order of `places`, of which there are n. 0, -ENOMEM,
 * -ERR_LIMIT. seed: see base/hash.h. */
int archive_companions_store(
    const struct archive_companions *c, const uint32_t *places, size_t n, struct dynbuf *out, uint64_t seed);
/* Reads n of them, the first or the second ones. 0, -ENOMEM, -ERR_MALFORMED. */
int archive_companions_load(struct cursor *c, size_t n, struct archive_stream *s);
void archive_companions_reset(struct archive_companions *c);
void archive_companions_free(struct archive_companions *c);

/* The place of a column among those of its layout that have a companion; ARCHIVE_COMPANIONS_MAX where it has
 * none. */
unsigned archive_companion_place(const struct archive_layout *layout, unsigned column);

#endif
