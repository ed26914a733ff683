/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static ptrdiff_t read_some(struct source *s, uint8_t *out, size_t room)
{
	ssize_t n;
	do
		n = read(s->fd, out, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	s->stored_read += (uint64_t)n;
	return n;
}

int source_fail(struct source *s, int error, const char *why)
{
	s->error = error;
	snprintf(s->why, sizeof(s->why), "%s", why);
	return error;
}

/* A plain file: what was read to look at its magic goes first. */
static ptrdiff_t pull_plain(struct source *s, uint8_t *out, size_t room)
{
	size_t n = s->packed_end - s->packed_at;
	if (n == 0) {
		free(s->packed);
		s->packed = NULL;
		ptrdiff_t got = read_some(s, out, room);
		if (got < 0)
			source_fail(s, (int)got, strerror((int)-got));
		return got;
	}
	if (n > room)
		n = room;
	memcpy(out, s->packed + s->packed_at, n);
	s->packed_at += n;
	return (ptrdiff_t)n;
}

int source_packed_more(struct source *s)
{
	if (s->packed_at < s->packed_end)
		return 1;
	ptrdiff_t n = read_some(s, s->packed, SOURCE_WINDOW);
	if (n < 0)
		return source_fail(s, (int)n, strerror((int)-n));
	s->packed_at = 0;
	s->packed_end = (size_t)n;
	return n > 0;
}

/* Files that people hand us and that we can name, if not read. */
static const struct {
	const char *magic;
	size_t n;
	const char *why;
} foreign[] = {
    {"\3757zXZ", 5, "it is packed by xz: unpack it with xz -d first"},
    {"BZh", 3, "it is packed by bzip2: unpack it with bunzip2 first"},
    {"\x04\"M\x18", 4, "it is packed by lz4: unpack it with lz4 -d first"},
    {"PK\x03\x04", 4, "it is a zip archive: unpack it with unzip first"},
    {"snoop\0\0\0", 8, "it is a snoop capture: convert it with editcap -F pcapng"},
    {"GMBU", 4, "it is a NetMon capture: convert it with editcap -F pcapng"},
    {"RTSS", 4, "it is a NetMon capture: convert it with editcap -F pcapng"},
};

/* Reads the first bytes and sets how the rest is to be got. */
static int source_detect(struct source *s, char *why)
{
	while (s->packed_end < 8) {
		ptrdiff_t n = read_some(s, s->packed + s->packed_end, SOURCE_WINDOW - s->packed_end);
		if (n < 0) {
			snprintf(why, SOURCE_WHY, "%s", strerror((int)-n));
			return (int)n;
		}
		if (n == 0)
			break;
		s->packed_end += (size_t)n;
	}
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (s->packed_end >= foreign[i].n && memcmp(s->packed, foreign[i].magic, foreign[i].n) == 0) {
			snprintf(why, SOURCE_WHY, "%s", foreign[i].why);
			return -ERR_UNSUPPORTED;
		}
	}
	if (s->packed_end >= 2 && memcmp(s->packed, "\x1f\x8b", 2) == 0)
		return source_gzip_start(s);
	if (s->packed_end >= 4 && memcmp(s->packed, "\x28\xb5\x2f\xfd", 4) == 0)
		return source_zstd_start(s);
	s->pull = pull_plain;
	return 0;
}

int source_open(struct source **ret_source, int fd, struct source_budget *budget, char *why)
{
	int r = -ENOMEM;
	struct source *s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		snprintf(why, SOURCE_WHY, "out of memory");
		return r;
	}
	s->fd = fd;
	s->budget = budget;
	s->cap = SOURCE_WINDOW;
	s->window = malloc(s->cap);
	s->packed = malloc(SOURCE_WINDOW);
	if (s->window && s->packed)
		r = source_detect(s, why);
	if (r == -ENOMEM)
		snprintf(why, SOURCE_WHY, "out of memory");
	if (r < 0) {
		source_close(s);
		return r;
	}
	*ret_source = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->unpacker_free)
		s->unpacker_free(s);
	if (s->budget)
		s->budget->used -= s->unpacker_bytes;
	close(s->fd);
	free(s->packed);
	free(s->window);
	free(s);
}

/* Sees to it that n bytes fit behind s->at, which moves to the front. */
static bool window_make_room(struct source *s, size_t n)
{
	if (s->at) {
		memmove(s->window, s->window + s->at, s->end - s->at);
		s->offset += s->at;
		s->end -= s->at;
		s->at = 0;
	}
	if (n <= s->cap)
		return true;
	size_t cap = s->cap * 2 >= n ? s->cap * 2 : n;
	if (cap > SOURCE_WINDOW_MAX)
		cap = SOURCE_WINDOW_MAX;
	uint8_t *window = realloc(s->window, cap);
	if (!window) {
		source_fail(s, -ENOMEM, "out of memory");
		return false;
	}
	s->window = window;
	s->cap = cap;
	return true;
}

const uint8_t *source_fill(struct source *s, size_t n)
{
	if (n > SOURCE_BLOCK_MAX || s->error || !window_make_room(s, n))
		return NULL;
	while (s->end < n && !s->at_end) {
		ptrdiff_t got = s->pull(s, s->window + s->end, s->cap - s->end);
		if (got < 0)
			return NULL;
		s->at_end = got == 0;
		s->end += (size_t)got;
	}
	return s->end < n ? NULL : s->window;
}

uint64_t source_skip(struct source *s, uint64_t n)
{
	uint64_t skipped = 0;
	while (skipped < n) {
		size_t left = source_left(s);
		if (left == 0) {
			if (!source_peek(s, 1))
				break;
			left = source_left(s);
		}
		if (left > n - skipped)
			left = (size_t)(n - skipped);
		s->at += left;
		skipped += left;
	}
	return skipped;
}
