/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_ARCHIVE_RECORDS_H
#define TESTS_ARCHIVE_RECORDS_H

/* Records for the archive's tests: made from a number, so that what comes back can be compared with what went
 * in. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/layout.h"

/* SplitMix64: the same numbers in every run. */
static inline uint64_t record_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

enum { RECORD_LIST = 3 };

/* What a made record's texts and lists lead into. */
struct record_room {
	uint64_t ids[RECORD_LIST];
	struct field_value fields[RECORD_LIST];
	char texts[16][48];
	size_t used;
};

static inline struct text record_text(struct record_room *room, uint64_t *state)
{
	uint64_t r = record_random(state);
	char *to = room->texts[room->used++ % 16];
	int n = r % 4 == 0
	            ? 0
	            : snprintf(to, 48, "text %u of %u", (unsigned)(r >> 8) % 50, (unsigned)(r >> 40) % 3);
	return text_bytes(to, (size_t)n);
}

static inline uint64_t record_number(uint64_t *state)
{
	uint64_t r = record_random(state);
	switch (r % 5) {
	case 0: return 0;
	case 1: return (r >> 8) % 4;
	case 2: return (r >> 8) % 70000;
	case 3: return record_random(state);
	default: return UINT64_MAX - (r >> 8) % 3;
	}
}

static inline void record_member(
    struct record_room *room, const struct archive_column *c, uint64_t *state, uint8_t *to)
{
	uint64_t number = record_number(state);
	struct text text = record_text(room, state);
	switch (c->type) {
	case ARCHIVE_COLUMN_UINT: memcpy(to, &number, c->size); break; /* the low bytes */
	case ARCHIVE_COLUMN_REAL: {
		double real = (double)(number % 1000) / 1000;
		memcpy(to, &real, sizeof(real));
		break;
	}
	case ARCHIVE_COLUMN_ADDR:
		if (number % 3 == 0) {
			to[10] = to[11] = 0xff;
			to[12] = 10;
		} else if (number % 3 == 1) {
			to[0] = 0x20;
		}
		to[15] = (uint8_t)(number >> 8);
		break;
	case ARCHIVE_COLUMN_MAC: memcpy(to, &number, 6); break;
	case ARCHIVE_COLUMN_TEXT: memcpy(to, &text, sizeof(text)); break;
	case ARCHIVE_COLUMN_U64S: {
		struct msg_u64s list = {.v = room->ids, .n = (uint32_t)(number % (RECORD_LIST + 1))};
		for (uint32_t i = 0; i < list.n; i++)
			room->ids[i] = record_number(state);
		memcpy(to, &list, sizeof(list));
		break;
	}
	case ARCHIVE_COLUMN_FIELDS: {
		struct msg_fields list = {.v = room->fields, .n = (uint32_t)(number % (RECORD_LIST + 1))};
		for (uint32_t i = 0; i < list.n; i++)
			room->fields[i] = (struct field_value){
			    .field = (enum field)(number % 300), .value = record_text(room, state)};
		memcpy(to, &list, sizeof(list));
		break;
	}
	}
}

/* Every member at random from the seed, the id apart. */
static inline void record_make(
    const struct archive_layout *l, uint64_t id, uint64_t seed, struct record_room *room, void *record)
{
	uint64_t state = seed;
	memset(record, 0, l->size);
	room->used = 0;
	for (unsigned i = 0; i < l->n_columns; i++)
		record_member(room, &l->columns[i], &state, (uint8_t *)record + l->columns[i].offset);
	memcpy(record, &id, sizeof(id));
}

/* Whether two records say the same: their encodings are equal. */
static inline bool record_same(const struct archive_layout *l, const void *a, const void *b)
{
	struct dynbuf x = {0}, y = {0};
	bool same = l->encode(&x, a) == 0 && l->encode(&y, b) == 0 &&
	            text_equal(dynbuf_view(&x), dynbuf_view(&y));
	dynbuf_free(&x);
	dynbuf_free(&y);
	return same;
}

/* A fresh folder below TMPDIR, else in memory where it can be: thousands of syncs to a disk take minutes, and
 * what is tested here is what files hold, not what disks do. Free it with folder_drop. */
static inline char *folder_make(void)
{
	char path[512];
	const char *base = getenv("TMPDIR");
	if (!base)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(path, sizeof(path), "%s/bulkhead-archive-XXXXXX", base);
	return mkdtemp(path) ? strdup(path) : NULL;
}

static inline void folder_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	while (dir && (e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static inline void folder_drop(char *path)
{
	folder_empty(path);
	rmdir(path);
	free(path);
}

#endif
