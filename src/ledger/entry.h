/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_ENTRY_H
#define LEDGER_ENTRY_H

/*
 * The line of an entry, both ways. There is exactly one line for an entry: one blank between words, numbers
 * in decimal without leading zeros, hashes in lower-case hexadecimal digits, times as RFC 3339 in UTC with
 * nine digits of fraction. Every other line is refused, because a line's bytes are what is hashed. Pure.
 */

#include "ledger/ledger.h"

/* A line without its newline. 0 or -ERR_MALFORMED, then *ret_why (may be NULL) says what is wrong. The texts
 * are borrowed from the line. */
int ledger_entry_parse(struct text line, struct ledger_entry *ret_entry, const char **ret_why);
/* buf has LEDGER_LINE_MAX bytes; no NUL is put. 0, or -EINVAL for an entry that has no line. */
int ledger_entry_print(const struct ledger_entry *e, char *buf, size_t *ret_n);

#endif
