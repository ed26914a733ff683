/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_HISTORY_H
#define LEDGER_HISTORY_H

/*
 * The files of checkpoints in an archive's folder: `checkpoint`, the latest one, replaced whole, and
 * `checkpoints`, all of them, one after the other and nothing between. A checkpoint to which signatures were
 * added comes again with them. A torn one at the end is cut by the next writer and passed over by a reader.
 *
 * `checkpoints` may be of any length: it is read in steps, and not more than HISTORY_WINDOW bytes of it are
 * in memory at once.
 */

#include "ledger/note.h"

/* A note, and what tells that the line behind it is no signature. */
enum { HISTORY_WINDOW = NOTE_SIZE_MAX + 4 };

struct history;

/* Appends the latest checkpoint's bytes. -ENOENT, -ERR_LIMIT (over NOTE_SIZE_MAX). */
int history_latest(int folder, struct dynbuf *out);

/* `checkpoints` as far as it reaches now; what is not there is empty. -errno, -ENOMEM. */
int history_open(struct history **ret_history, int folder);
void history_close(struct history *h);
/* The next note, borrowed until the next call; its form beyond its bounds isn't looked at. What is longer
 * than any note comes in pieces that are none. -ENOENT at the end, -ERR_TRUNCATED where only a torn one is
 * left, -errno, -ENOMEM. */
int history_next(struct history *h, struct text *ret_note);
/* The line, from 1 on, at which the note that was given last begins. */
uint64_t history_line(const struct history *h);
/* At the end: the bytes of the torn one. */
uint64_t history_torn(const struct history *h);

/* Appends the last checkpoint of a size, in bytes as stored. -ENOENT. */
int history_find(int folder, uint64_t size, struct dynbuf *out);
/* Adds a note to `checkpoints` and, where it is the latest, puts it in `checkpoint`. *size: bytes of
 * `checkpoints` that are whole, UINT64_MAX at first; kept up here. -errno: nothing was added. */
int history_store(int folder, struct text note, bool latest, uint64_t *size);

#endif
