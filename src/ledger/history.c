/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/checkpoint.h"
#include "ledger/file.h"
#include "ledger/ledger.h"

/* In this much of the end there is a whole note, if there is any. */
enum { TAIL_MAX = 2 * NOTE_SIZE_MAX };

static const char dash[] = "\xe2\x80\x94 ";

static int read_file(int folder, const char *name, struct dynbuf *out)
{
	int fd, r = ledger_file_open(folder, name, O_RDONLY, &fd);
	if (r < 0)
		return r;
	r = ledger_file_read_all(fd, out);
	close(fd);
	return r;
}

int history_latest(int folder, struct dynbuf *out)
{
	struct dynbuf b = {.max = NOTE_SIZE_MAX};
	int r = read_file(folder, LEDGER_CHECKPOINT, &b);
	if (r == 0) {
		dynbuf_text(out, dynbuf_view(&b));
		r = out->error;
	}
	dynbuf_free(&b);
	return r;
}

int history_read(int folder, struct dynbuf *out)
{
	int r = read_file(folder, LEDGER_HISTORY, out);
	return r == -ENOENT ? 0 : r;
}

static bool is_signature(struct text line)
{
	return text_equal(text_sub(line, 0, strlen(dash)), text_of(dash));
}

int history_next_note(struct text *t, struct text *ret_note)
{
	size_t at = 0, end;
	bool signatures = false;
	if (t->n == 0)
		return -ENOENT;
	for (; at < t->n; at = end + 1) {
		struct text left = text_sub(*t, at, t->n);
		end = at + text_find(left, '\n');
		bool one = is_signature(left);
		if (signatures && !one)
			break;
		if (end == t->n)
			return -ERR_TRUNCATED;
		signatures = one;
	}
	if (!signatures)
		return -ERR_TRUNCATED;
	*ret_note = text_sub(*t, 0, at);
	*t = text_sub(*t, at, t->n);
	return 0;
}

static int find_size(struct text all, uint64_t size, struct dynbuf *out)
{
	struct text note, found = {0};
	struct note n;
	struct checkpoint c;
	while (history_next_note(&all, &note) == 0)
		if (checkpoint_parse_note(note, &n, &c, NULL) == 0 && c.size == size)
			found = note;
	if (!found.n)
		return -ENOENT;
	dynbuf_text(out, found);
	return out->error;
}

int history_find(int folder, uint64_t size, struct dynbuf *out)
{
	struct dynbuf all = {.max = HISTORY_MAX};
	int r = history_read(folder, &all);
	if (r == 0)
		r = find_size(dynbuf_view(&all), size, out);
	dynbuf_free(&all);
	return r;
}

/* Where the last whole signature line of a file ends: what is behind it is torn. */
static int whole_size(int fd, uint64_t *ret_size)
{
	struct dynbuf b = {.max = TAIL_MAX};
	uint64_t size, from;
	size_t n = 0, whole = 0;
	int r = ledger_file_size(fd, &size);
	if (r < 0)
		return r;
	from = size > TAIL_MAX ? size - TAIL_MAX : 0;
	uint8_t *to = dynbuf_grow(&b, (size_t)(size - from));
	r = to ? ledger_file_read(fd, to, (size_t)(size - from), from, &n) : b.error;
	struct text t = r == 0 ? text_bytes(to, n) : (struct text){0};
	/* A NUL is of an append whose bytes never reached the disk. */
	t.n = text_find(t, '\0');
	for (size_t at = 0; at < t.n;) {
		struct text left = text_sub(t, at, t.n);
		size_t end = text_find(left, '\n');
		at += end + 1;
		if (end < left.n && is_signature(left))
			whole = at;
	}
	dynbuf_free(&b);
	if (r == 0)
		*ret_size = whole || from == 0 ? from + whole : size;
	return r;
}

static int append(int folder, struct text note, uint64_t *size)
{
	int fd, r = ledger_file_open(folder, LEDGER_HISTORY, O_RDWR | O_CREAT, &fd);
	bool first = *size == UINT64_MAX;
	if (r < 0)
		return r;
	if (first)
		r = whole_size(fd, size);
	if (r == 0 && ftruncate(fd, (off_t)*size) < 0)
		r = -errno;
	if (r == 0)
		r = ledger_file_write(fd, note.p, note.n, *size);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r < 0 && *size != UINT64_MAX)
		(void)!ftruncate(fd, (off_t)*size);
	close(fd);
	if (r == 0 && first && fsync(folder) < 0)
		r = -errno;
	if (r == 0)
		*size += note.n;
	return r;
}

int history_store(int folder, struct text note, bool latest, uint64_t *size)
{
	/* In this order, so that all of them are always all of them. */
	int r = append(folder, note, size);
	return r == 0 && latest ? ledger_file_replace(folder, LEDGER_CHECKPOINT, note) : r;
}
