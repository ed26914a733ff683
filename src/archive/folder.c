/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/batch.h"
#include "archive/file.h"
#include "base/err.h"
#include "base/num.h"
#include "base/vec.h"

enum { FORMAT_VERSION = 2, LIST_TRIES = 64, NUMBER_DIGITS = 10 };

static const char format_name[] = "FORMAT";
static const char format_word[] = "bulkhead-archive ";

static const char *const suffixes[] = {
    [ARCHIVE_FILE_SEGMENT] = ".seg",
    [ARCHIVE_FILE_JOURNAL] = ".journal",
    [ARCHIVE_FILE_DAMAGED] = ".damaged",
    [ARCHIVE_FILE_TEMPORARY] = ".tmp",
};

int archive_folder_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* The folder that holds `path`, synced: else the whole archive could be gone after a power loss. */
static int sync_parent(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	char *parent = n ? strndup(path, n) : strdup(".");
	int fd = -1, r = parent ? archive_folder_open(parent, &fd) : -ENOMEM;
	free(parent);
	if (r < 0)
		return r;
	r = archive_folder_sync(fd);
	close(fd);
	return r;
}

int archive_folder_make(const char *path, int *ret_fd)
{
	if (mkdir(path, 0700) < 0) {
		if (errno != EEXIST)
			return -errno;
	} else {
		int r = sync_parent(path);
		if (r < 0)
			return r;
	}
	return archive_folder_open(path, ret_fd);
}

int archive_folder_check(int folder)
{
	char buf[64];
	uint64_t version;
	int fd = openat(folder, format_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, buf, sizeof(buf));
	int r = n < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	struct text t = text_bytes(buf, (size_t)n), word = text_of(format_word);
	if (!text_equal(text_sub(t, 0, word.n), word) || t.p[t.n - 1] != '\n' ||
	    num_parse_u64(text_sub(t, word.n, t.n - word.n - 1), UINT32_MAX, &version) < 0)
		return -ERR_MALFORMED;
	return version == FORMAT_VERSION ? 0 : -ERR_UNSUPPORTED;
}

int archive_folder_mark(int folder)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s%d\n", format_word, FORMAT_VERSION);
	int fd = openat(folder, "FORMAT.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = archive_file_write(fd, text, (size_t)n, 0);
	if (r == 0)
		r = archive_file_sync(fd);
	close(fd);
	if (r == 0 && renameat2(folder, "FORMAT.tmp", folder, format_name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(folder, "FORMAT.tmp", 0);
		return r;
	}
	return archive_folder_sync(folder);
}

int archive_folder_lock(int folder, int *ret_fd)
{
	int fd = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

char *archive_file_name(struct archive_file f, char *buf)
{
	const char *kind = archive_layout_of(f.record)->name;
	if (f.last > f.number)
		snprintf(buf, ARCHIVE_NAME_SIZE, "%s-%010llu-%010llu%s", kind, (unsigned long long)f.number,
		    (unsigned long long)f.last, suffixes[f.type]);
	else
		snprintf(buf, ARCHIVE_NAME_SIZE, "%s-%010llu%s", kind, (unsigned long long)f.number,
		    suffixes[f.type]);
	return buf;
}

/* A dash and ten digits, which are taken from t; 0 where something else stands there. */
static uint64_t take_number(struct text *t)
{
	uint64_t number = 0;
	if (t->n <= NUMBER_DIGITS || t->p[0] != '-' ||
	    num_parse_u64(text_sub(*t, 1, NUMBER_DIGITS), UINT32_MAX, &number) < 0)
		return 0;
	*t = text_sub(*t, 1 + NUMBER_DIGITS, t->n);
	return number;
}

static bool parse_name(const char *name, struct archive_file *ret_file)
{
	struct text t = text_of(name);
	size_t dash = text_find(t, '-');
	struct archive_file f = {.record = 0};
	while (f.record < ARCHIVE_KINDS &&
	       (!archive_layout_of(f.record) ||
	           !text_equal(text_sub(t, 0, dash), text_of(archive_layout_of(f.record)->name))))
		f.record++;
	t = text_sub(t, dash, t.n);
	f.number = take_number(&t);
	if (f.record == ARCHIVE_KINDS || f.number == 0)
		return false;
	f.last = take_number(&t);
	if (f.last && f.last <= f.number)
		return false;
	for (; f.type <= ARCHIVE_FILE_TEMPORARY; f.type++) {
		bool several = f.type == ARCHIVE_FILE_SEGMENT || f.type == ARCHIVE_FILE_TEMPORARY;
		if (!text_equal(t, text_of(suffixes[f.type])) || (f.last && !several))
			continue;
		f.last = f.last ? f.last : f.number;
		*ret_file = f;
		return true;
	}
	return false;
}

/* Of files that begin with the same run the longest first. */
static int compare(const void *a, const void *b)
{
	const struct archive_file *x = a, *y = b;
	if (x->record != y->record)
		return x->record < y->record ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->last < y->last) - (x->last > y->last);
}

static int list_once(int folder, struct archive_listing *ret_listing)
{
	struct archive_listing l = {0};
	struct archive_file f;
	int r = 0, fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry) {
			r = -errno;
			break;
		}
		if (!parse_name(entry->d_name, &f))
			continue;
		r = VEC_RESERVE(l.files, &l.cap, l.n, ARCHIVE_FILES_MAX);
		if (r == 0)
			l.files[l.n++] = f;
	}
	closedir(dir);
	if (r < 0) {
		archive_listing_free(&l);
		return r;
	}
	if (l.n)
		qsort(l.files, l.n, sizeof(*l.files), compare);
	*ret_listing = l;
	return 0;
}

int archive_folder_list(int folder, struct archive_batch *ret_batch, struct archive_listing *ret_listing)
{
	struct archive_listing before = {0}, now = {0};
	int r = list_once(folder, &before);
	for (int tries = 0; r == 0 && tries < LIST_TRIES; tries++) {
		r = ret_batch ? archive_batch_read(folder, ret_batch) : 0;
		if (r == 0)
			r = list_once(folder, &now);
		if (r < 0)
			break;
		bool same = now.n == before.n;
		for (size_t i = 0; same && i < now.n; i++)
			same = compare(&now.files[i], &before.files[i]) == 0;
		archive_listing_free(&before);
		before = now;
		if (same) {
			*ret_listing = now;
			return 0;
		}
	}
	archive_listing_free(&before);
	return r < 0 ? r : -EAGAIN;
}

void archive_listing_free(struct archive_listing *l)
{
	free(l->files);
	*l = (struct archive_listing){0};
}
