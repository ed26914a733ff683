/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_LOAD_H
#define LEDGER_LOAD_H

/*
 * Reads a log into a book, line by line. What stands behind the last newline is torn: an append that a crash
 * cut off. So is everything from a line on that holds a NUL: it is of an append whose bytes never reached the
 * disk, though the file's length did.
 */

#include "ledger/book.h"

/* Where a log breaks its form. */
struct load_fault {
	uint64_t line; /* from 1 on */
	const char *why;
};

/* *ret_size: bytes of whole lines; *ret_torn: bytes behind them. -ERR_MALFORMED, then *ret_fault says where
 * (may be NULL); -ERR_LIMIT, -ENOMEM, -errno. */
int load_log(int fd, struct book *b, uint64_t *ret_size, uint64_t *ret_torn, struct load_fault *ret_fault);

#endif
