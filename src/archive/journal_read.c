/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"

/* The whole file in memory: a journal is never longer than a segment and its frames' headers. */
struct reading {
	const struct archive_layout *layout;
	const uint8_t *p;
	size_t n;
	uint64_t header_checksum;
	size_t search_left; /* bytes that looking for a frame behind damage may still hash */
	struct dynbuf *records;
	struct archive_journal_found found;
	struct arena arena;
	size_t committed_bytes, committed_records; /* of the records, at the last commit */
};

struct frame {
	uint32_t flags, count;
	struct text records;
};

/* Every record decodes: a good checksum over nonsense isn't a good frame. */
static int check_records(struct reading *r, const struct frame *f)
{
	union archive_record record;
	struct cursor c = cursor_of(f->records.p, f->records.n);
	uint32_t count = 0;
	int error = 0;
	for (; error == 0 && cursor_left(&c); count++) {
		uint16_t kind;
		size_t length, left = cursor_left(&c);
		const uint8_t *p = cursor_peek(&c, left);
		error = msg_peek(p, left, &kind, &length);
		if (error == 0)
			error = r->layout->decode(p, length, &r->arena, &record);
		if (error == 0)
			cursor_skip(&c, length);
	}
	arena_free(&r->arena);
	if (error == -ENOMEM)
		return error;
	return error == 0 && count == f->count ? 0 : -ERR_MALFORMED;
}

/* The frame at `at`, if a good one stands there: 0, -ERR_MALFORMED or -ENOMEM. */
static int frame_at(struct reading *r, size_t at, bool searching, struct frame *ret_frame)
{
	if (at > r->n || r->n - at < ARCHIVE_FRAME_HEADER_SIZE)
		return -ERR_MALFORMED;
	struct cursor c = cursor_of(r->p + at, r->n - at);
	const uint8_t *header = cursor_peek(&c, ARCHIVE_FRAME_HEADER_SIZE);
	uint32_t magic = cursor_le32(&c);
	struct frame f = {.flags = cursor_le32(&c)};
	uint32_t length = cursor_le32(&c);
	f.count = cursor_le32(&c);
	uint64_t checksum = cursor_le64(&c), header_checksum = cursor_le64(&c);
	if (magic != ARCHIVE_FRAME_MAGIC || length > ARCHIVE_FRAME_MAX || length > cursor_left(&c) ||
	    header_checksum != archive_checksum(header, 24, r->header_checksum + at))
		return -ERR_MALFORMED;
	if (searching) {
		if (length > r->search_left)
			return -ERR_MALFORMED;
		r->search_left -= length;
	}
	f.records = cursor_text(&c, length);
	if (archive_checksum(f.records.p, length, 0) != checksum)
		return -ERR_MALFORMED;
	int error = check_records(r, &f);
	if (error == 0)
		*ret_frame = f;
	return error;
}

/* Where the next good frame begins behind damage at `at`; r->n where there is none. */
static int search(struct reading *r, size_t at, size_t *ret_at)
{
	uint8_t magic[4];
	struct frame ignored;
	store_le32(magic, ARCHIVE_FRAME_MAGIC);
	while (at < r->n) {
		const uint8_t *hit = memmem(r->p + at, r->n - at, magic, sizeof(magic));
		if (!hit)
			break;
		at = (size_t)(hit - r->p);
		int error = frame_at(r, at, true, &ignored);
		if (error == 0) {
			*ret_at = at;
			return 0;
		}
		if (error != -ERR_MALFORMED)
			return error;
		at++;
	}
	*ret_at = r->n;
	return 0;
}

static int take(struct reading *r, const struct frame *f, size_t at)
{
	struct archive_journal_found *found = &r->found;
	if (f->records.n > ARCHIVE_SEGMENT_BYTES - r->records->n ||
	    f->count > ARCHIVE_SEGMENT_RECORDS - found->n_records)
		return -ERR_LIMIT;
	dynbuf_text(r->records, f->records);
	if (r->records->error)
		return r->records->error;
	found->n_records += f->count;
	found->whole = at + ARCHIVE_FRAME_HEADER_SIZE + f->records.n;
	found->committed = f->flags & ARCHIVE_FRAME_COMMIT;
	if (found->committed) {
		r->committed_bytes = r->records->n;
		r->committed_records = found->n_records;
	}
	return 0;
}

static int read_frames(struct reading *r, size_t at, archive_damage_fn damage, void *context)
{
	struct frame f;
	while (at < r->n) {
		int error = frame_at(r, at, false, &f);
		if (error == -ERR_MALFORMED) {
			size_t next = r->n;
			error = search(r, at, &next);
			if (error < 0 || next == r->n)
				return error;
			r->found.damaged += next - at;
			if (damage)
				error = damage(context, r->p + at, next - at, at);
			at = next;
			if (error == 0)
				continue;
		}
		if (error == 0)
			error = take(r, &f, at);
		if (error < 0)
			return error;
		at = (size_t)r->found.whole;
	}
	return 0;
}

/*
 * The header is known beforehand but for the number of fields, so its loss loses little; but one that is
 * sound and says another version or more fields than we know is a newer program's. `expected` becomes what
 * the header should be.
 */
static int read_header(struct reading *r, uint64_t number, uint8_t *expected)
{
	bool whole = r->n >= ARCHIVE_JOURNAL_HEADER_SIZE;
	bool sound = whole && memcmp(r->p, ARCHIVE_JOURNAL_MAGIC, 8) == 0 &&
	             load_le64(r->p + 32) == archive_checksum(r->p, 32, 0);
	uint16_t version = sound ? load_le16(r->p + 8) : 0, n_columns = sound ? load_le16(r->p + 12) : 0;
	if (version > ARCHIVE_JOURNAL_VERSION ||
	    (version == ARCHIVE_JOURNAL_VERSION && n_columns > r->layout->n_columns))
		return -ERR_UNSUPPORTED;
	if (n_columns == 0)
		n_columns = r->layout->n_columns;
	r->found.n_columns = n_columns;
	r->header_checksum = archive_journal_header(r->layout, number, n_columns, expected);
	if (whole && memcmp(r->p, expected, ARCHIVE_JOURNAL_HEADER_SIZE) != 0)
		r->found.damaged = ARCHIVE_JOURNAL_HEADER_SIZE;
	return 0;
}

static int read_all(struct reading *r, uint64_t number, archive_damage_fn damage, void *context)
{
	uint8_t expected[ARCHIVE_JOURNAL_HEADER_SIZE];
	int error = read_header(r, number, expected);
	if (error < 0)
		return error;
	r->found.whole = ARCHIVE_JOURNAL_HEADER_SIZE;
	error = read_frames(r, ARCHIVE_JOURNAL_HEADER_SIZE, damage, context);
	if (error == 0 && r->found.whole == ARCHIVE_JOURNAL_HEADER_SIZE &&
	    (r->found.damaged || r->found.whole > r->n)) {
		/* no frame behind a bad header: the file was being made */
		r->found.damaged = 0;
		r->found.whole = 0;
	} else if (error == 0 && r->found.damaged &&
	           memcmp(r->p, expected, ARCHIVE_JOURNAL_HEADER_SIZE) != 0 && damage) {
		error = damage(context, r->p, ARCHIVE_JOURNAL_HEADER_SIZE, 0);
	}
	r->found.torn = r->n - r->found.whole;
	return error;
}

int archive_journal_read(int fd, const struct archive_layout *layout, uint64_t number, bool committed_only,
    archive_damage_fn damage, void *context, struct dynbuf *records, struct archive_journal_found *ret_found)
{
	uint64_t size;
	size_t before = records->n;
	int error = archive_file_size(fd, &size);
	if (error < 0)
		return error;
	if (size > ARCHIVE_JOURNAL_MAX)
		return -ERR_LIMIT;
	uint8_t *p = malloc(size ? (size_t)size : 1);
	if (!p)
		return -ENOMEM;
	struct reading r = {.layout = layout,
	    .p = p,
	    .n = (size_t)size,
	    .search_left = ARCHIVE_JOURNAL_MAX,
	    .records = records,
	    .found = {.size = size},
	    .committed_bytes = before};
	error = archive_file_read(fd, p, r.n, 0);
	if (error == 0)
		error = read_all(&r, number, damage, context);
	if (error == 0 && committed_only) {
		records->n = r.committed_bytes;
		r.found.n_records = r.committed_records;
	}
	if (error < 0)
		records->n = before;
	else
		*ret_found = r.found;
	free(p);
	return error;
}
