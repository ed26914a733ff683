/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/load.h"

#include <string.h>

#include "base/err.h"
#include "ledger/entry.h"
#include "ledger/file.h"

enum { STEP = 1 << 16 };

struct loader {
	struct book *book;
	uint64_t size; /* of the lines taken */
	uint64_t line;
	bool torn;
	const char *why;
};

/* Takes the whole lines at the front of t; gives how many bytes they were, or an error. */
static int take_lines(struct loader *l, struct text t, size_t *ret_taken)
{
	struct ledger_entry e;
	size_t taken = 0;
	for (;;) {
		struct text left = text_sub(t, taken, t.n);
		struct text line = text_sub(left, 0, text_find(left, '\n'));
		l->torn = line.n && memchr(line.p, '\0', line.n);
		if (l->torn || (line.n == left.n && line.n < LEDGER_LINE_MAX))
			break;
		l->line++;
		int r = ledger_entry_parse(line, &e, &l->why); /* refuses what is too long */
		if (r == 0)
			r = book_add(l->book, &e, line, &l->why);
		if (r < 0)
			return r;
		taken += line.n + 1;
	}
	l->size += taken;
	*ret_taken = taken;
	return 0;
}

static int load(int fd, struct loader *l, uint64_t file_size)
{
	char buf[STEP];
	size_t got = STEP, taken;
	while (l->size < file_size && got == STEP && !l->torn) {
		int r = ledger_file_read(fd, buf, sizeof(buf), l->size, &got);
		if (r == 0)
			r = take_lines(l, text_bytes(buf, got), &taken);
		if (r < 0)
			return r;
	}
	return 0;
}

int load_log(int fd, struct book *b, uint64_t *ret_size, uint64_t *ret_torn, struct load_fault *ret_fault)
{
	struct loader l = {.book = b};
	uint64_t file_size;
	int r = ledger_file_size(fd, &file_size);
	if (r == 0)
		r = load(fd, &l, file_size);
	if (r == -ERR_MALFORMED && ret_fault)
		*ret_fault = (struct load_fault){.line = l.line, .why = l.why};
	if (r < 0)
		return r;
	*ret_size = l.size;
	*ret_torn = file_size > l.size ? file_size - l.size : 0;
	return 0;
}
