/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "ledger/entry.h"
#include "ledger/file.h"
#include "ledger/load.h"
#include "ledger/private.h"

enum { ORIGIN_RANDOM = 16 };

/* Cuts what a crash or a failed append left behind the last entry. */
static int cut(struct ledger *l)
{
	if (ftruncate(l->fd, (off_t)l->size) < 0)
		return -errno;
	l->ragged = false;
	return 0;
}

static int write_lines(struct ledger *l, struct text lines)
{
	int r = l->ragged ? cut(l) : 0;
	if (r < 0)
		return r;
	r = ledger_file_write(l->fd, lines.p, lines.n, l->size);
	if (r == 0 && fdatasync(l->fd) < 0)
		r = -errno;
	if (r < 0) {
		l->ragged = true;
		(void)cut(l);
		return r;
	}
	l->size += lines.n;
	return 0;
}

static int add_lines(struct ledger *l, const struct ledger_entry *entries, size_t n, struct dynbuf *lines)
{
	char line[LEDGER_LINE_MAX];
	size_t size;
	for (size_t i = 0; i < n; i++) {
		int r = ledger_entry_print(&entries[i], line, &size);
		if (r == 0)
			r = book_add(&l->book, &entries[i], text_bytes(line, size), NULL);
		if (r < 0)
			return r == -ERR_MALFORMED ? -EINVAL : r;
		dynbuf_append(lines, line, size);
		dynbuf_str(lines, "\n");
	}
	return lines->error;
}

int ledger_append_all(struct ledger *l, const struct ledger_entry *entries, size_t n)
{
	struct dynbuf lines = {0};
	if (!l->writable)
		return -EROFS;
	if (n == 0)
		return 0;
	struct book_mark mark = book_mark(&l->book);
	int r = add_lines(l, entries, n, &lines);
	if (r == 0)
		r = write_lines(l, dynbuf_view(&lines));
	if (r < 0)
		book_back(&l->book, &mark);
	dynbuf_free(&lines);
	return r;
}

int ledger_append(struct ledger *l, const struct ledger_entry *e)
{
	return ledger_append_all(l, e, 1);
}

/* The first entry, of a log that is new. */
static int begin(struct ledger *l, const char *origin)
{
	uint8_t bytes[ORIGIN_RANDOM];
	char name[sizeof("bulkhead/") + 2 * ORIGIN_RANDOM] = "bulkhead/";
	struct timespec now;
	if (!origin) {
		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return -EIO;
		num_hex(bytes, sizeof(bytes), name + strlen(name));
	}
	clock_gettime(CLOCK_REALTIME, &now);
	struct ledger_entry e = {.type = LEDGER_BEGIN,
	    .text = text_of(origin ? origin : name),
	    .time = now.tv_sec * NS_PER_S + now.tv_nsec};
	int r = ledger_append(l, &e);
	return r < 0 ? r : fsync(l->folder) < 0 ? -errno : 0;
}

static int open_log(struct ledger *l, const char *origin)
{
	int r = ledger_file_open(l->folder, LEDGER_LOG, l->writable ? O_RDWR | O_CREAT : O_RDONLY, &l->fd);
	if (r == 0)
		r = load_log(l->fd, &l->book, &l->size, &l->torn, NULL);
	if (r < 0)
		return r;
	if (l->writable)
		r = l->torn ? cut(l) : 0;
	else if (l->book.n == 0)
		r = -ENOENT;
	if (r == 0 && l->book.n == 0)
		r = begin(l, origin);
	if (r < 0)
		return r;
	struct ledger_entry first = book_at(&l->book, 0);
	memcpy(l->origin, first.text.p, first.text.n);
	/* Whoever would sign on top of a log that was changed would vouch for the change. */
	return l->writable ? ledger_check_latest(l) : 0;
}

int ledger_open(struct ledger **ret_ledger, int folder, bool writable, const char *origin)
{
	struct ledger *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct ledger){.folder = folder, .fd = -1, .writable = writable, .history = UINT64_MAX};
	int r = book_init(&l->book);
	if (r == 0)
		r = open_log(l, origin);
	if (r < 0) {
		ledger_close(l);
		return r;
	}
	*ret_ledger = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	book_free(&l->book);
	free(l);
}

uint64_t ledger_entries(const struct ledger *l)
{
	return l->book.n;
}

int ledger_entry_at(const struct ledger *l, uint64_t i, struct ledger_entry *ret_entry)
{
	if (i >= l->book.n)
		return -EINVAL;
	*ret_entry = book_at(&l->book, (size_t)i);
	return 0;
}

const char *ledger_origin(const struct ledger *l)
{
	return l->origin;
}

int ledger_line_at(const struct ledger *l, uint64_t i, char *buf, size_t *ret_n)
{
	struct ledger_entry e;
	int r = ledger_entry_at(l, i, &e);
	return r < 0 ? r : ledger_entry_print(&e, buf, ret_n);
}

const struct merkle_hash *ledger_leaves(const struct ledger *l)
{
	return l->book.leaves;
}

int ledger_root_at(const struct ledger *l, uint64_t n, struct merkle_hash *ret_root)
{
	struct merkle_tree t = {0};
	if (n > l->book.n)
		return -EINVAL;
	if (n == l->book.n) {
		*ret_root = merkle_root(&l->book.tree);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		merkle_add(&t, &l->book.leaves[i]);
	*ret_root = merkle_root(&t);
	return 0;
}

int ledger_find_run(const struct ledger *l, struct text kind, uint64_t number, uint64_t *ret_index)
{
	return book_find_run(&l->book, kind, number, ret_index);
}

uint64_t ledger_torn_bytes(const struct ledger *l)
{
	return l->torn;
}
