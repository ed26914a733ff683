/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/file.h"
#include "archive/store.h"
#include "base/err.h"
#include "base/num.h"

enum { BATCH_BYTES = 1024 };

static const char batch_name[] = "batch";
static const char batch_made[] = "batch.tmp";

static int parse_line(struct text line, struct archive_batch *b)
{
	size_t blank = text_find(line, ' ');
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_layout *l = archive_layout_of(i);
		if (!l || !text_equal(text_sub(line, 0, blank), text_of(l->name)))
			continue;
		return b->first[i] == UINT64_MAX &&
		               num_parse_u64(text_sub(line, blank + 1, line.n), UINT32_MAX, &b->first[i]) == 0
		           ? 0
		           : -ERR_MALFORMED;
	}
	return -ERR_MALFORMED;
}

int archive_batch_read(int folder, struct archive_batch *ret_batch)
{
	struct archive_batch b;
	char bytes[BATCH_BYTES];
	uint64_t size = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		b.first[i] = UINT64_MAX;
	int fd = archive_file_open(folder, batch_name);
	if (fd == -ENOENT) {
		*ret_batch = b;
		return 0;
	}
	if (fd < 0)
		return fd;
	int r = archive_file_size(fd, &size);
	if (r == 0 && (size == 0 || size > sizeof(bytes)))
		r = -ERR_MALFORMED;
	if (r == 0)
		r = archive_file_read(fd, bytes, (size_t)size, 0);
	close(fd);
	for (struct text rest = text_bytes(bytes, r < 0 ? 0 : (size_t)size); r == 0 && rest.n;) {
		size_t end = text_find(rest, '\n');
		r = end < rest.n ? parse_line(text_sub(rest, 0, end), &b) : -ERR_MALFORMED;
		rest = text_sub(rest, end + 1, rest.n);
	}
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i) && b.first[i] == UINT64_MAX)
			r = -ERR_MALFORMED;
	if (r == 0)
		*ret_batch = b;
	return r;
}

int archive_batch_write(int folder, const struct archive_batch *b)
{
	struct dynbuf text = {.max = BATCH_BYTES};
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i))
			dynbuf_printf(
			    &text, "%s %llu\n", archive_layout_of(i)->name, (unsigned long long)b->first[i]);
	int fd = openat(folder, batch_made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : text.error;
	if (r == 0)
		r = archive_file_write(fd, text.p, text.n, 0);
	if (r == 0)
		r = archive_file_sync(fd);
	if (fd >= 0)
		close(fd);
	dynbuf_free(&text);
	if (r == 0 && renameat(folder, batch_made, folder, batch_name) < 0)
		r = -errno;
	if (r == 0)
		r = archive_folder_sync(folder);
	if (r < 0) {
		unlinkat(folder, batch_made, 0);
		unlinkat(folder, batch_name, 0);
	}
	return r;
}

/* A file of void runs: a batch begins with new ones. */
static bool is_void(const struct archive_batch *b, const struct archive_file *f)
{
	return f->last >= b->first[f->record];
}

void archive_batch_filter(const struct archive_batch *b, struct archive_listing *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!is_void(b, &l->files[i]))
			l->files[n++] = l->files[i];
	l->n = n;
}

static int remove_void(int folder, const struct archive_batch *b)
{
	struct archive_listing l;
	char name[ARCHIVE_NAME_SIZE];
	int r = archive_folder_list(folder, NULL, &l);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < l.n; i++)
		if (is_void(b, &l.files[i]) && unlinkat(folder, archive_file_name(l.files[i], name), 0) < 0 &&
		    errno != ENOENT)
			r = -errno;
	archive_listing_free(&l);
	return r;
}

int archive_batch_undo(int folder)
{
	struct archive_batch b;
	unlinkat(folder, batch_made, 0);
	int r = archive_batch_read(folder, &b);
	if (r == 0 && faccessat(folder, batch_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (r == 0)
		r = remove_void(folder, &b);
	/* what is void must be gone for good before the file that says so */
	if (r == 0)
		r = archive_folder_sync(folder);
	if (r == 0 && unlinkat(folder, batch_name, 0) < 0)
		r = -errno;
	return r ? r : archive_folder_sync(folder);
}

int archive_batch_begin(struct archive *a)
{
	struct archive_batch b = {{0}};
	int r = archive_store_idle(a);
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		if (k->layout)
			r = archive_store_seal(a, k);
		b.first[i] = k->open.number;
	}
	/* so that the ledger lacks nothing but the batch while it runs */
	if (r == 0)
		r = archive_evidence_enter(a);
	if (r == 0)
		r = archive_batch_write(a->folder, &b);
	if (r < 0)
		return r;
	a->begun = b;
	a->batch = true;
	return 0;
}

int archive_batch_commit(struct archive *a)
{
	int r = a->batch ? archive_sync(a) : -EINVAL;
	if (r == 0 && unlinkat(a->folder, batch_name, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	a->batch = false;
	r = archive_folder_sync(a->folder);
	if (r < 0) /* whether it is there after a crash is unknown now */
		return a->failed = r;
	/* the records are safe without the ledger, and it gets them when the archive is closed or opened */
	if (archive_evidence_enter(a) == 0)
		(void)archive_evidence_sign(a);
	return 0;
}

int archive_batch_abort(struct archive *a)
{
	if (!a->batch)
		return 0;
	a->batch = false;
	a->unentered = false;
	archive_find_forget(a);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		while (k->n_segments && k->segments[k->n_segments - 1].first >= a->begun.first[i])
			k->n_segments--;
		archive_store_begin(k, a->begun.first[i]);
	}
	int r = archive_batch_undo(a->folder);
	/* what could not be removed is void as long as the file says so: the next writer tries again */
	if (r < 0)
		a->failed = r;
	return r;
}
