/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_PRIVATE_H
#define LEDGER_PRIVATE_H

/* What an open ledger is made of. Private to ledger/. */

#include "ledger/book.h"
#include "ledger/key.h"

struct ledger {
	int folder; /* borrowed */
	int fd;     /* of the log; -1: a reader's, who has read it */
	bool writable;
	bool ragged;   /* behind `size` there may be bytes of an entry that failed */
	uint64_t size; /* of the log, in bytes, as far as it is entered */
	uint64_t torn; /* bytes behind that, when it was opened */
	uint64_t
	    history; /* size of the checkpoints' file as far as it is whole; UINT64_MAX: not looked yet */
	struct book book;
	char origin[LEDGER_KEY_NAME_MAX + 1];
};

/* That the latest checkpoint, if there is one, is of this log: 0, -ERR_CHECKSUM, -ERR_MALFORMED, -errno. */
int ledger_check_latest(const struct ledger *l);

#endif
