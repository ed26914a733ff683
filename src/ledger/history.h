/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_HISTORY_H
#define LEDGER_HISTORY_H

/*
 * The files of checkpoints in an archive's folder: `checkpoint`, the latest one, replaced whole, and
 * `checkpoints`, all of them, one after the other and nothing between. A checkpoint to which signatures were
 * added comes again with them. A torn one at the end is cut by the next writer and passed over by a reader.
 * Bound: HISTORY_MAX bytes (-ERR_LIMIT).
 */

#include "base/dynbuf.h"

enum { HISTORY_MAX = 1 << 30 };

/* Appends the latest checkpoint's bytes. -ENOENT, -ERR_LIMIT (over NOTE_SIZE_MAX). */
int history_latest(int folder, struct dynbuf *out);
/* Appends the bytes of all of them; of none nothing. */
int history_read(int folder, struct dynbuf *out);
/* Takes the note at the front of *t, whose form beyond its bounds isn't looked at. -ENOENT at the end,
 * -ERR_TRUNCATED where only a torn one is left. */
int history_next_note(struct text *t, struct text *ret_note);
/* Appends the last checkpoint of a size, in bytes as stored. -ENOENT. */
int history_find(int folder, uint64_t size, struct dynbuf *out);
/* Adds a note to `checkpoints` and, where it is the latest, puts it in `checkpoint`. *size: bytes of
 * `checkpoints` that are whole, UINT64_MAX at first; kept up here. -errno: nothing was added. */
int history_store(int folder, struct text note, bool latest, uint64_t *size);

#endif
