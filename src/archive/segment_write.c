/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"

/* The file being written. */
struct writer {
	int fd;
	const struct archive_layout *layout;
	struct archive_encoder *encoder;
	struct arena arena; /* of one block's decoded records */
	uint8_t *records;
	size_t n;
	struct dynbuf out, directory;
	uint64_t at;
	uint32_t blocks;
	struct archive_span span;
};

static int write_out(struct writer *w)
{
	if (w->out.error)
		return w->out.error;
	int r = archive_file_write(w->fd, w->out.p, w->out.n, w->at);
	if (r < 0)
		return r;
	w->at += w->out.n;
	dynbuf_reset(&w->out);
	return 0;
}

static int write_block(struct writer *w)
{
	if (w->n == 0)
		return 0;
	int r = archive_block_encode(w->encoder, w->layout, w->records, w->n, &w->out, &w->directory);
	if (r < 0)
		return r;
	w->blocks++;
	w->n = 0;
	arena_free(&w->arena);
	return write_out(w);
}

static int write_blocks(struct writer *w, struct text records)
{
	struct cursor c = cursor_of(records.p, records.n);
	size_t block_at = 0;
	while (cursor_left(&c)) {
		uint16_t kind;
		size_t length, left = cursor_left(&c);
		const uint8_t *p = cursor_peek(&c, left);
		int r = msg_peek(p, left, &kind, &length);
		void *record = w->records + w->n * w->layout->size;
		if (r == 0)
			r = w->layout->decode(p, length, &w->arena, record);
		if (r < 0)
			return r == -ENOMEM ? r : -ERR_MALFORMED;
		archive_span_add(&w->span, w->layout, record);
		cursor_skip(&c, length);
		w->n++;
		if (w->n == ARCHIVE_BLOCK_ROWS || c.pos - block_at >= ARCHIVE_BLOCK_BYTES) {
			r = write_block(w);
			if (r < 0)
				return r;
			block_at = c.pos;
		}
	}
	return write_block(w);
}

static uint64_t put_header(struct writer *w, uint64_t number)
{
	dynbuf_append(&w->out, ARCHIVE_SEGMENT_MAGIC, 8);
	dynbuf_le16(&w->out, ARCHIVE_SEGMENT_VERSION);
	dynbuf_le16(&w->out, w->layout->record);
	dynbuf_le32(&w->out, 0);
	dynbuf_le64(&w->out, number);
	dynbuf_le64(&w->out, 0);
	uint64_t checksum = w->out.error ? 0 : archive_checksum(w->out.p, w->out.n, 0);
	dynbuf_le64(&w->out, checksum);
	return checksum;
}

/* header_checksum binds the two ends together: no trailer of another segment passes. */
static void put_trailer(struct writer *w, uint64_t header_checksum)
{
	uint64_t directory_at = w->at,
	         directory_checksum = archive_checksum(w->directory.p, w->directory.n, 0);
	dynbuf_text(&w->out, dynbuf_view(&w->directory));
	size_t from = w->out.n;
	dynbuf_le64(&w->out, directory_at);
	dynbuf_le64(&w->out, directory_checksum);
	dynbuf_le32(&w->out, (uint32_t)w->directory.n);
	dynbuf_le32(&w->out, w->blocks);
	dynbuf_le64(&w->out, w->span.records);
	dynbuf_le64(&w->out, w->span.untimed);
	dynbuf_le64(&w->out, w->span.id_min);
	dynbuf_le64(&w->out, w->span.id_max);
	dynbuf_le64(&w->out, (uint64_t)w->span.first);
	dynbuf_le64(&w->out, (uint64_t)w->span.last);
	dynbuf_le64(&w->out, 0);
	dynbuf_append(&w->out, ARCHIVE_SEGMENT_END, 8);
	if (w->out.error == 0)
		dynbuf_le64(&w->out, archive_checksum(w->out.p + from, w->out.n - from, header_checksum));
}

int archive_segment_write(struct archive_encoder *e, int fd, const struct archive_layout *layout,
    uint64_t number, struct text records)
{
	struct writer w = {
	    .fd = fd, .layout = layout, .encoder = e, .directory = {.max = ARCHIVE_DIRECTORY_MAX}};
	w.records = reallocarray(NULL, ARCHIVE_BLOCK_ROWS, layout->size);
	if (!w.records)
		return -ENOMEM;
	uint64_t checksum = put_header(&w, number);
	int r = write_out(&w);
	if (r == 0)
		r = write_blocks(&w, records);
	if (r == 0)
		r = w.directory.error;
	if (r == 0) {
		put_trailer(&w, checksum);
		r = write_out(&w);
	}
	if (r == 0)
		r = archive_file_sync(fd);
	arena_free(&w.arena);
	free(w.records);
	dynbuf_free(&w.out);
	dynbuf_free(&w.directory);
	return r;
}
