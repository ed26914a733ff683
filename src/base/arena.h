/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * Memory that is freed all at once: a configuration, a loaded indicator set, the results of one analysis.
 * Zeroed struct = empty arena. Allocations are aligned to 16 bytes and zeroed. `max` bounds the sum (0: no
 * bound); at the bound and when memory ends, arena_alloc gives NULL.
 */

#include <stddef.h>

#include "base/text.h"

struct arena {
	struct arena_block *head;
	size_t used; /* bytes handed out */
	size_t max;
};

void arena_free(struct arena *a);
/* Takes everything back but keeps one block for the next use: for an arena that is filled and emptied often.
 */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t n);
/* count * size bytes; NULL also where the product overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy closed with NUL; NULL when memory ends. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* A copy as text; on failure a text with p == NULL and n == 0. */
struct text arena_text(struct arena *a, struct text t);

#endif
