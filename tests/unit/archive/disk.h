/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_ARCHIVE_DISK_H
#define TESTS_ARCHIVE_DISK_H

/*
 * Stands before the C library's calls that change files: notes what is done to one folder, and can be full.
 * From the notes every state can be made that a disk may be in after the power went: what was synced is
 * there, of the rest anything may be (struct disk_loss). Include first, in one file of a test: it defines
 * these calls.
 */

#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum disk_op_type {
	DISK_CREATE, /* name */
	DISK_WRITE,
	DISK_TRUNCATE,
	DISK_RENAME, /* name, to */
	DISK_UNLINK, /* name */
	DISK_SYNC_FILE,
	DISK_SYNC_FOLDER,
	DISK_NOTE, /* of the test's: bytes */
};

enum { DISK_NAME = 64, DISK_FILES = 4096, DISK_SECTOR = 512 };

struct disk_op {
	enum disk_op_type type;
	unsigned file;
	char name[DISK_NAME], to[DISK_NAME];
	uint64_t at; /* of a write; the size of a truncation */
	uint8_t *p;
	size_t n;
};

struct disk_file {
	uint8_t *p;
	size_t n, cap;
};

/* A folder's names and its files' bytes. */
struct disk_state {
	struct disk_entry {
		char name[DISK_NAME];
		unsigned file;
	} names[DISK_FILES];
	size_t n_names;
	struct disk_file files[DISK_FILES];
	unsigned n_files;
};

static struct disk {
	bool on;
	ino_t folder, inodes[DISK_FILES]; /* by file */
	struct disk_state begin;          /* when it was switched on, which is all durable */
	unsigned n_files;
	struct disk_op *ops;
	size_t n, cap;
	size_t writes_left; /* until it is full; SIZE_MAX: never */
	bool full;
} disk = {.writes_left = SIZE_MAX};

static void disk_die(const char *why)
{
	perror(why);
	abort();
}

static void disk_name(char *to, const char *from)
{
	size_t n = strlen(from);
	if (n >= DISK_NAME)
		abort();
	memcpy(to, from, n + 1);
}

static struct disk_op *disk_note(enum disk_op_type type, unsigned file)
{
	if (disk.n == disk.cap) {
		disk.cap = disk.cap ? 2 * disk.cap : 256;
		disk.ops = realloc(disk.ops, disk.cap * sizeof(*disk.ops));
		if (!disk.ops)
			disk_die("disk");
	}
	disk.ops[disk.n] = (struct disk_op){.type = type, .file = file};
	return &disk.ops[disk.n++];
}

static inline void disk_keep(struct disk_op *op, const void *p, size_t n)
{
	op->p = malloc(n + 1);
	if (!op->p)
		disk_die("disk");
	if (n)
		memcpy(op->p, p, n);
	op->n = n;
}

/* The file's number, -1 where it isn't one of the folder's. */
static int disk_number(int fd)
{
	struct stat st;
	if (!disk.on || fstat(fd, &st) < 0)
		return -1;
	for (unsigned i = disk.n_files; i-- > 0;)
		if (disk.inodes[i] == st.st_ino)
			return (int)i;
	return -1;
}

static bool disk_is_folder(int fd)
{
	struct stat st;
	return disk.on && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == disk.folder;
}

static int disk_number_at(int folder, const char *name)
{
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	for (unsigned i = disk.n_files; i-- > 0;)
		if (disk.inodes[i] == st.st_ino)
			return (int)i;
	return -1;
}

/* Whether what needs room finds none. */
static bool disk_full(void)
{
	if (!disk.full && disk.writes_left != SIZE_MAX && disk.writes_left-- == 0)
		disk.full = true;
	return disk.full;
}

static unsigned disk_new_file(ino_t inode)
{
	if (disk.n_files == DISK_FILES)
		abort();
	disk.inodes[disk.n_files] = inode;
	return disk.n_files++;
}

int openat(int folder, const char *name, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
	va_end(list);
	bool ours = flags & O_CREAT && disk_is_folder(folder);
	int before = ours ? disk_number_at(folder, name) : -1;
	struct stat st;
	if (ours && before < 0 && disk_full()) {
		errno = ENOSPC;
		return -1;
	}
	int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
	if (fd < 0 || !ours)
		return fd;
	if (before < 0 && fstat(fd, &st) == 0)
		disk_name(disk_note(DISK_CREATE, disk_new_file(st.st_ino))->name, name);
	else if (flags & O_TRUNC)
		disk_note(DISK_TRUNCATE, (unsigned)before);
	return fd;
}

/* The write that fills the disk is done in half. */
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	int file = disk_number(fd);
	bool before = disk.full;
	if (file >= 0 && disk_full()) {
		if (before || n < 2) {
			errno = ENOSPC;
			return -1;
		}
		n /= 2;
	}
	ssize_t put = (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
	if (file >= 0 && put > 0) {
		struct disk_op *op = disk_note(DISK_WRITE, (unsigned)file);
		op->at = (uint64_t)at;
		disk_keep(op, p, (size_t)put);
	}
	return put;
}

int ftruncate(int fd, off_t size)
{
	int file = disk_number(fd), r = (int)syscall(SYS_ftruncate, fd, size);
	if (file >= 0 && r == 0)
		disk_note(DISK_TRUNCATE, (unsigned)file)->at = (uint64_t)size;
	return r;
}

static int disk_rename(int folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	int file = disk_is_folder(folder) ? disk_number_at(folder, from) : -1;
	int r = (int)syscall(SYS_renameat2, folder, from, to_folder, to, flags);
	if (file >= 0 && r == 0) {
		struct disk_op *op = disk_note(DISK_RENAME, (unsigned)file);
		disk_name(op->name, from);
		disk_name(op->to, to);
	}
	return r;
}

int renameat(int folder, const char *from, int to_folder, const char *to)
{
	return disk_rename(folder, from, to_folder, to, 0);
}

int renameat2(int folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	return disk_rename(folder, from, to_folder, to, flags);
}

int unlinkat(int folder, const char *name, int flags)
{
	int file = disk_is_folder(folder) ? disk_number_at(folder, name) : -1;
	int r = (int)syscall(SYS_unlinkat, folder, name, flags);
	if (file >= 0 && r == 0)
		disk_name(disk_note(DISK_UNLINK, (unsigned)file)->name, name);
	return r;
}

static void disk_note_sync(int fd)
{
	int file = disk_number(fd);
	if (file >= 0)
		disk_note(DISK_SYNC_FILE, (unsigned)file);
	else if (disk_is_folder(fd))
		disk_note(DISK_SYNC_FOLDER, 0);
}

int fdatasync(int fd)
{
	int r = (int)syscall(SYS_fdatasync, fd);
	if (r == 0)
		disk_note_sync(fd);
	return r;
}

int fsync(int fd)
{
	int r = (int)syscall(SYS_fsync, fd);
	if (r == 0)
		disk_note_sync(fd);
	return r;
}

/* --- states --- */

static inline void disk_state_free(struct disk_state *s)
{
	for (unsigned i = 0; i < s->n_files; i++)
		free(s->files[i].p);
	s->n_files = 0;
	s->n_names = 0;
}

static inline void disk_resize(struct disk_file *f, size_t n)
{
	if (n > f->cap) {
		f->cap = n * 2;
		f->p = realloc(f->p, f->cap);
		if (!f->p)
			disk_die("disk");
	}
	if (n > f->n)
		memset(f->p + f->n, 0, n - f->n);
	f->n = n;
}

static inline void disk_set_name(struct disk_state *s, const char *name, unsigned file)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (strcmp(s->names[i].name, name) == 0) {
			s->names[i].file = file;
			return;
		}
	if (s->n_names == DISK_FILES)
		abort();
	disk_name(s->names[s->n_names].name, name);
	s->names[s->n_names++].file = file;
}

static inline void disk_drop_name(struct disk_state *s, const char *name)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (strcmp(s->names[i].name, name) == 0) {
			s->names[i] = s->names[--s->n_names];
			return;
		}
}

/* Notes from now on what is done to the folder. */
static inline void disk_record(const char *path)
{
	struct stat st;
	DIR *dir = opendir(path);
	const struct dirent *e;
	if (!dir || fstat(dirfd(dir), &st) < 0)
		disk_die(path);
	disk_state_free(&disk.begin);
	disk.folder = st.st_ino;
	disk.n_files = 0;
	while ((e = readdir(dir))) {
		int fd = (int)syscall(SYS_openat, dirfd(dir), e->d_name, O_RDONLY | O_NOFOLLOW, 0);
		if (fd < 0 || fstat(fd, &st) < 0)
			disk_die(e->d_name);
		if (S_ISREG(st.st_mode)) {
			unsigned file = disk_new_file(st.st_ino);
			disk.begin.files[file] = (struct disk_file){.n = 0};
			disk_resize(&disk.begin.files[file], (size_t)st.st_size);
			if (st.st_size &&
			    pread(fd, disk.begin.files[file].p, (size_t)st.st_size, 0) != st.st_size)
				disk_die(e->d_name);
			disk_set_name(&disk.begin, e->d_name, file);
		}
		close(fd);
	}
	closedir(dir);
	disk.begin.n_files = disk.n_files;
	disk.on = true;
}

/* Takes the notes out. The caller frees them. */
static inline struct disk_op *disk_stop(size_t *ret_n)
{
	struct disk_op *ops = disk.ops;
	*ret_n = disk.n;
	disk.on = false;
	disk.ops = NULL;
	disk.n = disk.cap = 0;
	return ops;
}

static inline void disk_ops_free(struct disk_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ops[i].p);
	free(ops);
}

/* What becomes of what wasn't synced when the power went. */
enum disk_fate {
	DISK_KEPT,   /* all of it is there */
	DISK_LOST,   /* nothing */
	DISK_SOME,   /* of bytes any sectors, as they were at any moment; of names what was done first */
	DISK_WRITES, /* of bytes any writes, and zeros in between */
	DISK_ANY,    /* of names any of what was done: no file system in use does that */
	DISK_ZEROED, /* of bytes the size, and zeros */
};

struct disk_loss {
	enum disk_fate bytes, names;
	uint64_t random;
};

static inline uint64_t disk_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* How far into what wasn't synced, operations from `from` to `to`, one sector of a file, or its size, is
 * there. */
static inline size_t disk_cut(
    size_t from, size_t to, const struct disk_loss *loss, unsigned file, uint64_t sector)
{
	uint64_t random = loss->random * 0x9e3779b97f4a7c15u + file * 1000003u + sector * 7919u;
	(void)disk_random(&random);
	switch (disk_random(&random) % 3) {
	case 0: return from;
	case 1: return to;
	default: return from + disk_random(&random) % (to - from + 1);
	}
}

/* Operation i on a file that was last synced by operation `synced`, of n in all. A sector is what one moment
 * made of it. */
static inline void disk_apply_bytes(struct disk_file *f, const struct disk_op *op, size_t i, size_t synced,
    size_t n, const struct disk_loss *loss)
{
	enum disk_fate fate = i < synced ? DISK_KEPT : loss->bytes;
	size_t end = (size_t)op->at + op->n;
	if (fate == DISK_LOST || (fate == DISK_SOME && op->type == DISK_TRUNCATE &&
	                             i >= disk_cut(synced, n, loss, op->file, UINT64_MAX)))
		return;
	if (op->type == DISK_TRUNCATE) {
		disk_resize(f, (size_t)op->at);
		return;
	}
	if (fate == DISK_WRITES && disk_cut(0, 1, loss, op->file, i))
		return;
	if (fate != DISK_SOME || i < disk_cut(synced, n, loss, op->file, UINT64_MAX))
		disk_resize(f, end > f->n ? end : f->n);
	end = end < f->n ? end : f->n;
	for (size_t at = (size_t)op->at; at < end && fate != DISK_ZEROED;) {
		size_t next = at + DISK_SECTOR - at % DISK_SECTOR;
		next = next < end ? next : end;
		if (fate != DISK_SOME || i < disk_cut(synced, n, loss, op->file, at / DISK_SECTOR))
			memcpy(f->p + at, op->p + (at - op->at), next - at);
		at = next;
	}
}

static inline void disk_apply_name(struct disk_state *s, const struct disk_op *op)
{
	if (op->type != DISK_CREATE)
		disk_drop_name(s, op->name);
	if (op->type != DISK_UNLINK)
		disk_set_name(s, op->type == DISK_CREATE ? op->name : op->to, op->file);
}

/* The state after the first n operations, of which what wasn't synced met its fate. */
static inline void disk_replay(const struct disk_state *begin, const struct disk_op *ops, size_t n,
    struct disk_loss loss, struct disk_state *ret)
{
	static size_t synced[DISK_FILES];
	size_t names_synced = 0, names_end = n;
	uint64_t random = loss.random;
	disk_state_free(ret);
	memset(synced, 0, sizeof(synced));
	for (unsigned i = 0; i < begin->n_files; i++) {
		ret->files[i] = (struct disk_file){.n = 0};
		disk_resize(&ret->files[i], begin->files[i].n);
		if (begin->files[i].n)
			memcpy(ret->files[i].p, begin->files[i].p, begin->files[i].n);
	}
	ret->n_files = begin->n_files;
	memcpy(ret->names, begin->names, begin->n_names * sizeof(*ret->names));
	ret->n_names = begin->n_names;
	for (size_t i = 0; i < n; i++) {
		if (ops[i].type == DISK_SYNC_FILE)
			synced[ops[i].file] = i;
		else if (ops[i].type == DISK_SYNC_FOLDER)
			names_synced = i;
	}
	if (loss.names == DISK_SOME)
		names_end = names_synced + disk_random(&random) % (n - names_synced + 1);
	else if (loss.names == DISK_LOST)
		names_end = names_synced;
	for (size_t i = 0; i < n; i++) {
		const struct disk_op *op = &ops[i];
		bool name = op->type == DISK_CREATE || op->type == DISK_RENAME || op->type == DISK_UNLINK;
		if (op->type == DISK_CREATE) {
			ret->files[op->file] = (struct disk_file){.n = 0};
			ret->n_files = op->file + 1;
		}
		if (op->type == DISK_WRITE || op->type == DISK_TRUNCATE)
			disk_apply_bytes(&ret->files[op->file], op, i, synced[op->file], n, &loss);
		else if (name && (i < names_synced ||
		                     (i < names_end && (loss.names != DISK_ANY || disk_random(&random) % 2))))
			disk_apply_name(ret, op);
	}
}

/* Makes the folder hold just that. */
static inline void disk_store(const struct disk_state *s, const char *path)
{
	char name[600];
	for (size_t i = 0; i < s->n_names; i++) {
		const struct disk_file *f = &s->files[s->names[i].file];
		snprintf(name, sizeof(name), "%s/%s", path, s->names[i].name);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || (f->n && write(fd, f->p, f->n) != (ssize_t)f->n))
			disk_die(name);
		close(fd);
	}
}

/* The same state has the same number, by chance but for one of 2^64. */
static inline uint64_t disk_hash(const struct disk_state *s, uint64_t hash)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->n_names; i++) {
		const struct disk_file *f = &s->files[s->names[i].file];
		uint64_t h = hash;
		for (const char *c = s->names[i].name; *c; c++)
			h = (h ^ (uint8_t)*c) * 0x100000001b3u;
		for (size_t k = 0; k < f->n; k++)
			h = (h ^ f->p[k]) * 0x100000001b3u;
		sum += (h ^ h >> 29) * 0x9e3779b97f4a7c15u; /* in whatever order the names are */
	}
	return sum;
}

#endif
