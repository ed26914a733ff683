/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/entry.h"
#include "ledger/load.h"

/* The log's reader. Properties: the lines that were entered, written again, are the file's bytes; what is
 * behind them is torn; the tree has a leaf for each; taking the second half back leaves the first. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct book *b, const uint8_t *data, uint64_t size)
{
	uint64_t at = 0;
	for (size_t i = 0; i < b->n; i++) {
		char line[LEDGER_LINE_MAX];
		size_t n;
		struct ledger_entry e = book_at(b, i), again;
		assert(ledger_entry_print(&e, line, &n) == 0);
		assert(at + n < size && memcmp(data + at, line, n) == 0 && data[at + n] == '\n');
		struct merkle_hash leaf = merkle_leaf(line, n);
		assert(merkle_equal(&leaf, &b->leaves[i]));
		assert(ledger_entry_parse(text_bytes(line, n), &again, NULL) == 0 && again.type == e.type);
		at += n + 1;
	}
	assert(at == size);
}

/* Half of it into another book, then all, then back to the half. */
static void check_back(const struct book *b)
{
	struct book half;
	char line[LEDGER_LINE_MAX];
	size_t n;
	struct book_mark mark = {0};
	struct merkle_hash root = {0};
	assert(book_init(&half) == 0);
	for (size_t i = 0; i < b->n; i++) {
		if (i == b->n / 2) {
			mark = book_mark(&half);
			root = merkle_root(&half.tree);
		}
		struct ledger_entry e = book_at(b, i);
		ledger_entry_print(&e, line, &n);
		assert(book_add(&half, &e, text_bytes(line, n), NULL) == 0);
	}
	book_back(&half, &mark);
	struct merkle_hash now = merkle_root(&half.tree);
	assert(half.n == b->n / 2 && (b->n == 0 || merkle_equal(&now, &root)));
	for (size_t i = 0; i < b->n; i++) {
		struct ledger_entry e = book_at(b, i);
		uint64_t index;
		if (e.type == LEDGER_RUN && book_find_run(&half, e.kind, e.first, &index) == 0)
			assert(index < half.n && book_at(&half, (size_t)index).first == e.first);
	}
	book_free(&half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct book b;
	struct load_fault fault = {0};
	uint64_t taken, torn;
	int fd = memfd_create("log", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	assert(book_init(&b) == 0);
	int r = load_log(fd, &b, &taken, &torn, &fault);
	close(fd);
	if (r == 0) {
		assert(taken + torn == size);
		check_lines(&b, data, taken);
		check_back(&b);
	} else {
		assert(r != -ERR_MALFORMED || (fault.line == b.n + 1 && fault.why));
	}
	book_free(&b);
	return 0;
}
