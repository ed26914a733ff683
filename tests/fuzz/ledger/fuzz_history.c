/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/checkpoint.h"
#include "ledger/history.h"
#include "ledger/ledger.h"

/* The reader of `checkpoints`. The bytes stand in the file again and again, so that the edge of what is read
 * at once falls anywhere in them. Properties: notes and what is torn are together the file; lines are counted
 * right; a note that is found again is the last of its size. */

enum { STRETCH = 1 << 16 }; /* as it is read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder = -1;
static char path[] = "/tmp/bulkhead-fuzz-XXXXXX";

static void leave(void)
{
	unlinkat(folder, LEDGER_HISTORY, 0);
	rmdir(path);
}

static void begin(void)
{
	assert(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(folder >= 0);
	atexit(leave);
}

static uint64_t lines_of(struct text t)
{
	uint64_t n = 0;
	for (size_t i = 0; i < t.n; i++)
		n += t.p[i] == '\n';
	return n;
}

static void check(struct text all)
{
	struct history *h;
	struct text note;
	uint64_t at = 0, line = 1, found = 0;
	struct dynbuf last = {0}, again = {0};
	int r;
	assert(history_open(&h, folder) == 0);
	while ((r = history_next(h, &note)) == 0) {
		struct note parsed;
		struct checkpoint c;
		assert(note.n && text_equal(note, text_sub(all, (size_t)at, note.n)));
		assert(history_line(h) == line);
		at += note.n;
		line += lines_of(note);
		if (checkpoint_parse_note(note, &parsed, &c, NULL) == 0 && (!found || c.size == found)) {
			found = c.size;
			dynbuf_reset(&last);
			dynbuf_text(&last, note);
		}
	}
	assert(r == -ENOENT || r == -ERR_TRUNCATED);
	assert(at + history_torn(h) == all.n);
	assert((r == -ENOENT) == (at == all.n));
	history_close(h);
	if (found) {
		assert(history_find(folder, found, &again) == 0);
		assert(text_equal(dynbuf_view(&again), dynbuf_view(&last)));
	}
	dynbuf_free(&last);
	dynbuf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dynbuf all = {0};
	if (folder < 0)
		begin();
	do
		dynbuf_append(&all, data, size);
	while (size && all.n < STRETCH + size);
	int fd = openat(folder, LEDGER_HISTORY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0);
	assert(all.n == 0 || write(fd, all.p, all.n) == (ssize_t)all.n);
	close(fd);
	check(dynbuf_view(&all));
	dynbuf_free(&all);
	return 0;
}
