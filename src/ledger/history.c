/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/checkpoint.h"
#include "ledger/file.h"
#include "ledger/ledger.h"

/* In this much of the end there is a whole note, if there is any. */
enum { TAIL_MAX = 2 * NOTE_SIZE_MAX, STEP = 1 << 16 };

struct history {
	int fd;            /* -1: there is no file */
	uint64_t size, at; /* of the file, when it was opened; what was read of it */
	struct dynbuf window;
	size_t taken; /* of the window */
	uint64_t line, next_line;
};

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

static bool is_signature(struct text line)
{
	return text_equal(text_sub(line, 0, strlen(dash)), text_of(dash));
}

/* Bytes of the note at the front of t, which ends with its last signature. 0: where it ends isn't seen yet.
 * last: nothing comes behind t. */
static size_t note_size(struct text t, bool last)
{
	bool signatures = false;
	size_t at = 0;
	while (at < t.n) {
		struct text left = text_sub(t, at, t.n);
		size_t end = text_find(left, '\n');
		bool one = is_signature(left);
		if (signatures && !one && (last || end < left.n || left.n >= strlen(dash)))
			return at;
		if (end == left.n)
			return 0;
		signatures = one;
		at += end + 1;
	}
	return signatures && last ? at : 0;
}

int history_open(struct history **ret_history, int folder)
{
	struct history *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->window.max = HISTORY_WINDOW;
	h->next_line = 1;
	int r = ledger_file_open(folder, LEDGER_HISTORY, O_RDONLY, &h->fd);
	if (r == 0)
		r = ledger_file_size(h->fd, &h->size);
	else
		h->fd = -1;
	if (r < 0 && r != -ENOENT) {
		history_close(h);
		return r;
	}
	*ret_history = h;
	return 0;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		close(h->fd);
	dynbuf_free(&h->window);
	free(h);
}

/* Puts the next bytes of the file into the window: a step, or as many as fit. */
static int read_on(struct history *h)
{
	dynbuf_drop_front(&h->window, h->taken);
	h->taken = 0;
	size_t had = h->window.n, n = HISTORY_WINDOW - had, got = 0;
	n = n < STEP ? n : STEP;
	n = n < h->size - h->at ? n : (size_t)(h->size - h->at);
	uint8_t *to = dynbuf_grow(&h->window, n);
	int r = to ? ledger_file_read(h->fd, to, n, h->at, &got) : h->window.error;
	if (r < 0)
		return r;
	h->window.n = had + got;
	h->at += got;
	if (got < n)
		h->size = h->at; /* cut since */
	return 0;
}

static uint64_t lines_of(struct text t)
{
	uint64_t n = 0;
	for (size_t i = 0; i < t.n; i++)
		n += t.p[i] == '\n';
	return n;
}

int history_next(struct history *h, struct text *ret_note)
{
	struct text left;
	size_t n;
	for (;;) {
		left = text_sub(dynbuf_view(&h->window), h->taken, h->window.n);
		n = note_size(left, h->at == h->size);
		if (n == 0 && left.n == HISTORY_WINDOW)
			n = left.n; /* longer than any note */
		if (n || h->at == h->size)
			break;
		int r = read_on(h);
		if (r < 0)
			return r;
	}
	if (n == 0)
		return left.n ? -ERR_TRUNCATED : -ENOENT;
	/* a NUL is of an append whose bytes never reached the disk */
	if (memchr(left.p, '\0', n))
		return -ERR_TRUNCATED;
	*ret_note = text_sub(left, 0, n);
	h->taken += n;
	h->line = h->next_line;
	h->next_line += lines_of(*ret_note);
	return 0;
}

uint64_t history_line(const struct history *h)
{
	return h->line;
}

uint64_t history_torn(const struct history *h)
{
	return h->size - (h->at - (h->window.n - h->taken));
}

int history_find(int folder, uint64_t size, struct dynbuf *out)
{
	struct dynbuf found = {.max = NOTE_SIZE_MAX};
	struct history *h;
	struct text bytes;
	struct note note;
	struct checkpoint c;
	int r = history_open(&h, folder);
	if (r < 0)
		return r;
	while ((r = history_next(h, &bytes)) == 0)
		if (checkpoint_parse_note(bytes, &note, &c, NULL) == 0 && c.size == size) {
			dynbuf_reset(&found);
			dynbuf_text(&found, bytes);
		}
	if (r == -ENOENT || r == -ERR_TRUNCATED)
		r = found.error ? found.error : found.n ? 0 : -ENOENT;
	if (r == 0) {
		dynbuf_text(out, dynbuf_view(&found));
		r = out->error;
	}
	dynbuf_free(&found);
	history_close(h);
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
