/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/segment.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "archive/segment_form.h"
#include "archive/varint.h"
#include "base/cursor.h"
#include "base/err.h"

enum { WRITE_BYTES = 1 << 20 };

/* The file being written. */
struct file_out {
	const struct archive_segment_writer *w;
	int fd;
	uint64_t seed, at; /* `at`: of what stands in `out` */
	struct dynbuf out, directory, runs, companions;
	struct archive_sorted sorted[ARCHIVE_DICTIONARIES];
	struct archive_chunks numbers; /* of one block */
	struct archive_trailer trailer;
	struct sha256_ctx digest;
};

static int write_out(struct file_out *f)
{
	if (f->out.error)
		return f->out.error;
	int r = archive_file_write(f->fd, f->out.p, f->out.n, f->at);
	if (r < 0)
		return r;
	sha256_update(&f->digest, f->out.n, f->out.p);
	f->at += f->out.n;
	dynbuf_reset(&f->out);
	return 0;
}

static uint64_t place(const struct file_out *f)
{
	return f->at + f->out.n;
}

static void put_span(struct dynbuf *out, const struct archive_span *s)
{
	dynbuf_le64(out, s->records);
	dynbuf_le64(out, s->untimed);
	dynbuf_le64(out, s->id_min);
	dynbuf_le64(out, s->id_max);
	dynbuf_le64(out, (uint64_t)s->first);
	dynbuf_le64(out, (uint64_t)s->last);
}

static void put_chunk_entry(struct dynbuf *table, const struct archive_chunk *c)
{
	dynbuf_u8(table, (uint8_t)(c->column | c->form * ARCHIVE_COLUMNS_MAX));
	archive_varint_put(table, c->stored);
	archive_varint_put(table, c->raw);
	dynbuf_le32(table, 0);
}

/* Writes the chunks' checksums into their entries, now that their places are known. `at`: of the first one's
 * bytes in the file. */
static void put_checksums(struct file_out *f, uint8_t *entries, const struct archive_chunks *of, size_t first,
    size_t n, uint64_t at)
{
	for (size_t i = 0; i < n; i++) {
		const struct archive_chunk *c = &of->chunks[first + i];
		uint8_t skipped[2 * ARCHIVE_VARINT_MAX];
		size_t size = (size_t)(archive_varint_write(
		                           archive_varint_write(skipped, c->stored), c->raw) -
		                       skipped);
		store_le32(entries + 1 + size,
		    (uint32_t)archive_checksum(of->bytes.p + c->at, c->stored, f->seed + at));
		entries += 1 + size + 4;
		at += c->stored;
	}
}

static void put_entry(
    struct file_out *f, const struct writer_block *b, uint64_t at, size_t table, size_t size)
{
	dynbuf_le64(&f->directory, at);
	dynbuf_le32(&f->directory, (uint32_t)size);
	dynbuf_le32(&f->directory, (uint32_t)table);
	dynbuf_le64(&f->directory, archive_checksum(f->out.p + (at - f->at), table, f->seed + at));
	dynbuf_le32(&f->directory, (uint32_t)b->span.records);
	dynbuf_le32(&f->directory, (uint32_t)b->span.untimed);
	dynbuf_le64(&f->directory, b->span.id_min);
	dynbuf_le64(&f->directory, b->span.id_max);
	dynbuf_le64(&f->directory, (uint64_t)b->span.first);
	dynbuf_le64(&f->directory, (uint64_t)b->span.last);
	dynbuf_le64(&f->directory, b->reference_min);
	dynbuf_le64(&f->directory, b->reference_max);
}

static int encode_numbers(struct file_out *f, const struct writer_block *b)
{
	const struct archive_segment_writer *w = f->w;
	int r = 0;
	f->numbers.n = 0;
	dynbuf_reset(&f->numbers.bytes);
	for (unsigned i = 0; r == 0 && i < w->n_numbered; i++) {
		const struct writer_numbers *n = &w->numbered[i];
		r = archive_block_encode_numbers(w->encoder, n->column, n->numbers + b->first_row,
		    f->sorted[w->layout->columns[n->column].dictionary].places, (size_t)b->span.records,
		    &f->numbers);
	}
	return r;
}

/* A block's table, the chunks of numbers into dictionaries, the others. */
static int put_block(struct file_out *f, const struct writer_block *b)
{
	const struct archive_chunks *chunks = &f->w->chunks;
	uint64_t at = place(f);
	int r = encode_numbers(f, b);
	if (r < 0)
		return r;
	for (size_t i = 0; i < f->numbers.n; i++)
		put_chunk_entry(&f->out, &f->numbers.chunks[i]);
	size_t numbers_table = (size_t)(place(f) - at);
	for (size_t i = 0; i < b->n_chunks; i++)
		put_chunk_entry(&f->out, &chunks->chunks[b->first_chunk + i]);
	size_t table = (size_t)(place(f) - at), bytes = 0;
	for (size_t i = 0; i < b->n_chunks; i++)
		bytes += chunks->chunks[b->first_chunk + i].stored;
	dynbuf_text(&f->out, dynbuf_view(&f->numbers.bytes));
	if (bytes)
		dynbuf_append(&f->out, chunks->bytes.p + chunks->chunks[b->first_chunk].at, bytes);
	if (f->out.error)
		return f->out.error;
	uint8_t *entries = f->out.p + (at - f->at);
	put_checksums(f, entries, &f->numbers, 0, f->numbers.n, at + table);
	put_checksums(
	    f, entries + numbers_table, chunks, b->first_chunk, b->n_chunks, at + table + f->numbers.bytes.n);
	put_entry(f, b, at, table, (size_t)(place(f) - at));
	archive_span_merge(&f->trailer.span, &b->span);
	return f->out.n >= WRITE_BYTES ? write_out(f) : 0;
}

static int put_section(struct file_out *f, unsigned section, const struct dynbuf *bytes, bool checksum)
{
	struct archive_extent *e = &f->trailer.sections[section];
	if (bytes->error)
		return bytes->error;
	e->at = place(f);
	e->size = bytes->n;
	e->checksum = checksum ? archive_checksum(
	                             bytes->n ? bytes->p : (const uint8_t *)"", bytes->n, f->seed + e->at)
	                       : 0;
	dynbuf_text(&f->out, dynbuf_view(bytes));
	return f->out.error || f->out.n >= WRITE_BYTES ? write_out(f) : 0;
}

static int put_sections(struct file_out *f)
{
	int r = 0;
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++) {
		struct archive_sorted *s = &f->sorted[d];
		archive_sorted_place(s, (enum archive_dictionary)d, f->seed, place(f));
		r = put_section(f, archive_section_of((enum archive_dictionary)d, ARCHIVE_DICTIONARY_GROUPS),
		    &s->groups, false);
		f->trailer.entries[d] = (uint32_t)s->n;
	}
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++)
		r = put_section(f, archive_section_of((enum archive_dictionary)d, ARCHIVE_DICTIONARY_INDEX),
		    &f->sorted[d].index, true);
	if (r == 0)
		r = put_section(f, ARCHIVE_SECTION_COMPANIONS, &f->companions, true);
	if (r == 0)
		r = put_section(f, ARCHIVE_SECTION_DIRECTORY, &f->directory, true);
	if (r == 0)
		r = put_section(f, ARCHIVE_SECTION_RUNS, &f->runs, true);
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++)
		r = put_section(f, archive_section_of((enum archive_dictionary)d, ARCHIVE_DICTIONARY_FILTER),
		    &f->sorted[d].filter, true);
	return r;
}

static void put_trailer(struct file_out *f, const struct archive_identity *is)
{
	uint64_t at = place(f);
	size_t from = f->out.n;
	for (unsigned i = 0; i < ARCHIVE_SECTIONS; i++) {
		dynbuf_le64(&f->out, f->trailer.sections[i].at);
		dynbuf_le64(&f->out, f->trailer.sections[i].size);
		dynbuf_le64(&f->out, f->trailer.sections[i].checksum);
	}
	put_span(&f->out, &f->trailer.span);
	dynbuf_le32(&f->out, f->trailer.n_blocks);
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		dynbuf_le32(&f->out, f->trailer.entries[d]);
	dynbuf_le16(&f->out, is->n_columns);
	dynbuf_le16(&f->out, ARCHIVE_SEGMENT_VERSION);
	while (f->out.error == 0 && f->out.n - from < ARCHIVE_SEGMENT_TRAILER_SIZE - 16)
		dynbuf_u8(&f->out, 0);
	dynbuf_append(&f->out, ARCHIVE_SEGMENT_END, 8);
	if (f->out.error == 0)
		dynbuf_le64(&f->out, archive_checksum(f->out.p + from, f->out.n - from, f->seed + at));
}

/* staged: the last block isn't counted among the writer's yet. */
static int put_all(struct file_out *f, const struct archive_identity *is, size_t n_blocks)
{
	const struct archive_segment_writer *w = f->w;
	uint8_t header[ARCHIVE_SEGMENT_HEADER_SIZE];
	int r = 0;
	f->seed = archive_segment_header(is, header);
	dynbuf_append(&f->out, header, sizeof(header));
	f->trailer.n_blocks = (uint32_t)n_blocks;
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++)
		r = archive_sorted_make(&f->sorted[d], &w->collected[d], n_blocks);
	for (unsigned i = 0; r == 0 && i < w->n_companions; i++) {
		const struct archive_sorted *addrs = &f->sorted[ARCHIVE_DICTIONARY_ADDRS];
		r = archive_companions_store(&w->companions[i], addrs->places, addrs->n, &f->companions,
		    w->collected[ARCHIVE_DICTIONARY_ADDRS].seed);
	}
	for (size_t i = 0; r == 0 && i < n_blocks; i++)
		r = put_block(f, &w->blocks[i]);
	for (size_t i = 0; i < w->n_runs; i++)
		put_span(&f->runs, &w->runs[i]);
	if (w->run.records)
		put_span(&f->runs, &w->run);
	if (r == 0)
		r = put_sections(f);
	if (r == 0) {
		put_trailer(f, is);
		r = write_out(f);
	}
	return r ? r : archive_file_sync(f->fd);
}

int archive_segment_writer_finish(struct archive_segment_writer *w, int fd, const struct archive_identity *is,
    struct merkle_hash *ret_digest, uint64_t *ret_size)
{
	struct file_out f = {.w = w, .fd = fd};
	size_t chunks = w->chunks.n, bytes = w->chunks.bytes.n, runs = w->n_runs + (w->run.records > 0);
	if (runs != is->last - is->first + 1 || w->rows == 0)
		return -EINVAL;
	sha256_init(&f.digest);
	int r = w->n_staged ? writer_encode_block(w) : 0;
	if (r == 0)
		r = put_all(&f, is, w->n_blocks + (w->n_staged > 0));
	/* the last block stays staged: more may come */
	w->chunks.n = chunks;
	w->chunks.bytes.n = bytes;
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		archive_sorted_free(&f.sorted[d]);
	archive_chunks_free(&f.numbers);
	dynbuf_free(&f.out);
	dynbuf_free(&f.directory);
	dynbuf_free(&f.runs);
	dynbuf_free(&f.companions);
	if (r < 0)
		return r;
	sha256_digest(&f.digest, sizeof(ret_digest->b), ret_digest->b);
	*ret_size = f.at;
	return 0;
}
