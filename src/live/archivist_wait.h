/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ARCHIVIST_WAIT_H
#define LIVE_ARCHIVIST_WAIT_H

/*
 * Records that wait for the flow that they are about, in the order in which they came. Bounds: so many
 * records and so many bytes of them; who puts one takes the oldest out until there is room. Each operation
 * costs as much as the records that it touches.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct archivist_wait;

int archivist_wait_new(
    struct archivist_wait **ret_wait, uint32_t records_max, size_t bytes_max, uint64_t seed);
void archivist_wait_free(struct archivist_wait *w);
uint32_t archivist_wait_count(const struct archivist_wait *w);
/* Whether a record of n bytes has no room until others were taken out. */
bool archivist_wait_full(const struct archivist_wait *w, size_t n);
/* The bytes are copied. 0, -ERR_LIMIT or -ENOMEM. */
int archivist_wait_put(struct archivist_wait *w, uint64_t flow, struct text bytes, int64_t now);
/* Takes out the next that waits for that flow. Its bytes are borrowed until the next call. */
bool archivist_wait_take(struct archivist_wait *w, uint64_t flow, struct text *ret_bytes);
/* Takes out the oldest, if it came before that time. */
bool archivist_wait_oldest(struct archivist_wait *w, int64_t before, struct text *ret_bytes);
/* When the oldest came; INT64_MAX: there is none. */
int64_t archivist_wait_since(const struct archivist_wait *w);

#endif
