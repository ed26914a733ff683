/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_INPUT_H
#define EXCHANGE_INPUT_H

/*
 * The bytes of a file that is read line by line: a window that moves over it and grows to the longest line,
 * at most EXCHANGE_LINE_MAX. Positions in it are relative to `at`, which the reader moves past what it has
 * taken; a refill keeps everything from there on, though at another address.
 *
 * What is read comes through a function, so that tests can hand it over in pieces of any size.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beyond what any record needs as text: 1 MiB encoded, four characters for each byte at most, and quotes. */
enum { EXCHANGE_LINE_MAX = 16 << 20, EXCHANGE_INPUT_STEP = 256 << 10 };

/* Up to n bytes at p: how many, 0 at the end, or -errno. */
typedef int64_t (*exchange_read_fn)(void *context, void *p, size_t n);

struct exchange_input {
	exchange_read_fn read;
	void *context;
	char *p;
	size_t at, n, cap; /* taken; in the window; of it */
	uint64_t offset;   /* of `at` in the whole */
	uint64_t line;     /* of `at`, from 1 on; the reader counts */
	bool end;          /* nothing comes behind the window */
};

/* Passes over a byte order mark. 0 or -errno. */
int exchange_input_begin(struct exchange_input *in, exchange_read_fn read, void *context);
/* Brings more behind the window: 1, 0 at the end, -errno, -ENOMEM, -ERR_LIMIT (a line is too long). */
int exchange_input_more(struct exchange_input *in);
/* Takes the next n bytes, which are in the window. */
void exchange_input_take(struct exchange_input *in, size_t n);
/* Takes all up to and with the next line end, of any length. 0 or an error of reading. */
int exchange_input_skip_line(struct exchange_input *in);
void exchange_input_free(struct exchange_input *in);

/* exchange_read_fn of a file: context is a pointer to its descriptor. */
int64_t exchange_read_file(void *fd, void *p, size_t n);

/* What is wrong with the input, for a person. */
struct exchange_problem {
	uint64_t line;   /* from 1 on */
	uint64_t column; /* byte of that line, from 1 on */
	char what[320];
};

#endif
