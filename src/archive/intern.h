/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_INTERN_H
#define ARCHIVE_INTERN_H

/*
 * Numbers for distinct byte strings, in the order in which they first come: how a block's dictionaries are
 * built. The strings are borrowed. (base/table.h wants keys of one size; texts have none.) Zeroed struct with
 * a seed = empty.
 */

#include "base/text.h"

struct archive_intern {
	struct text *texts;
	uint64_t *hashes; /* of base/hash.h, with the seed */
	uint32_t *slots;  /* number + 1 */
	size_t n, cap, n_slots;
	uint64_t seed;
};

/* Empties it, with room for `most` strings. 0 or -ENOMEM. */
int archive_intern_reset(struct archive_intern *in, size_t most);
/* The number of t, new or not. No more than `most` distinct ones may come. */
uint32_t archive_intern_put(struct archive_intern *in, struct text t);
void archive_intern_free(struct archive_intern *in);

#endif
