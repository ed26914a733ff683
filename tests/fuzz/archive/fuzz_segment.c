/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a segment give an error or records that encode, and look-ups of any keys an error or entries
 * and blocks that are there. The first byte tells the kind of record and whether the checksums are made right
 * first, so that the fuzzer gets behind them.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/keys.h"
#include "archive/query.h"
#include "archive/reader.h"
#include "repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that was encoded from the columns is what the codec makes of the row, up to the fields that the
 * segment has. */
static void check_record(struct archive_reader *r, uint32_t row, struct text encoded)
{
	const struct archive_layout *l = r->segment.is.layout;
	union archive_record record;
	struct dynbuf out = {0};
	if (archive_block_fill(&r->block, &row, 1, UINT64_MAX, &record) < 0) {
		/* a column beyond those that the segment says it has */
		assert(r->segment.is.n_columns < l->n_columns);
	} else if (l->encode(&out, &record) == 0) {
		assert(encoded.n >= MSG_HEADER_SIZE && encoded.n <= out.n);
		assert(memcmp(encoded.p + MSG_HEADER_SIZE, out.p + MSG_HEADER_SIZE,
		           encoded.n - MSG_HEADER_SIZE) == 0);
		assert(r->segment.is.n_columns < l->n_columns || text_equal(encoded, dynbuf_view(&out)));
	} else {
		/* the zeroes of fields that the segment doesn't have were too much */
		assert(r->segment.is.n_columns < l->n_columns);
	}
	dynbuf_free(&out);
}

static void check_records(struct archive_reader *r)
{
	struct archive_records some = {0};
	if (r->segment.is.n_columns > r->segment.is.layout->n_columns)
		return;
	for (uint32_t row = 0; row < r->block.rows;) {
		if (archive_block_records(
		        &r->block, row, r->block.rows - row, r->segment.is.n_columns, &some) < 0)
			break;
		assert(some.n);
		for (size_t i = 0; i < some.n; i++)
			check_record(r, row++, some.records[i]);
	}
	dynbuf_free(&some.bytes);
}

/* The records of a block, encoded one after the other, so that every byte is touched that a record leads to.
 * `whole`: all columns are decoded first; else rows are picked. */
static int encode_block(struct archive_reader *r, size_t number, bool whole, struct dynbuf *out)
{
	union archive_record records[16];
	const struct archive_layout *l = r->segment.is.layout;
	int error = archive_reader_block(r, number);
	dynbuf_reset(out);
	if (error == 0 && whole)
		error = archive_block_load(&r->block, UINT64_MAX);
	for (uint32_t row = 0; error == 0 && row < r->block.rows; row += 16) {
		uint32_t rows[16];
		size_t n = 0;
		for (; n < 16 && row + n < r->block.rows; n++)
			rows[n] = row + (uint32_t)n;
		uint8_t *record = (uint8_t *)records;
		error = archive_block_fill(&r->block, rows, n, UINT64_MAX, records);
		for (size_t i = 0; error == 0 && i < n; i++, record += l->size)
			(void)l->encode(out, record); /* lists may be more than a record may have */
	}
	return error;
}

/* What can be decoded as a whole gives the same row by row. */
static void read_block(struct archive_reader *r, size_t number)
{
	struct dynbuf whole = {0}, picked = {0};
	int error = encode_block(r, number, false, &picked);
	if (encode_block(r, number, true, &whole) == 0)
		assert(error == 0 && text_equal(dynbuf_view(&whole), dynbuf_view(&picked)));
	check_records(r);
	dynbuf_free(&whole);
	dynbuf_free(&picked);
}

static void check_found(const struct archive_lookup *l, const struct archive_segment *s)
{
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++) {
		size_t n = 0;
		for (size_t i = 0; l->found[d].n && i < ((size_t)s->trailer.entries[d] + 63) / 64 * 64; i++) {
			assert(!archive_bit(l->found[d].entries, i) || i < s->trailer.entries[d]);
			n += archive_bit(l->found[d].entries, i);
		}
		assert(n == l->found[d].n);
	}
}

/* Keys that made segments have, and ranges over all. */
static void look_up(struct archive_reader *r)
{
	static const struct text domains[] = {TEXT("text 1 of 2"), TEXT("example"), TEXT("")};
	static const struct text values[] = {TEXT(""), TEXT("text 1 of 2"), TEXT("text 2 of 2")};
	struct net_addr addrs[] = {{{0}}, net_addr_v4((const uint8_t[]){10, 0, 0, 1})};
	struct net_prefix prefixes[] = {{.bits = 1}, {.addr = addrs[1], .bits = 104}};
	struct archive_query q;
	struct archive_lookup l = {0};
	prefixes[1].addr = net_prefix_of(addrs[1], 104).addr;
	for (int round = 0; round < 2; round++) {
		struct archive_transaction_filter f = {.addrs = addrs,
		    .n_addrs = 2,
		    .prefixes = prefixes,
		    .n_prefixes = round ? 2 : 0,
		    .domains = domains,
		    .n_domains = 3,
		    .values = values,
		    .n_values = 3};
		assert(archive_query_transactions(&q, &f) == 0);
		if (archive_lookup_keys(&l, &q, r) == 0)
			check_found(&l, &r->segment);
		archive_query_free(&q);
	}
	archive_lookup_free(&l);
}

static void read_segment(const struct archive_layout *l, const struct segment_bytes *f)
{
	struct archive_segment s;
	struct archive_reader r;
	int fd = memfd_create("segment", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, f->p, f->n) == (ssize_t)f->n);
	if (archive_segment_open(&s, dup(fd), l, 1, 1) == 0) {
		(void)archive_segment_verify(&s);
		archive_reader_init(&r);
		assert(archive_segment_reopen(&r.segment, dup(fd), &s) == 0);
		for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
			archive_dictionary_open(&r.dictionaries[d], &r.segment, (enum archive_dictionary)d);
		look_up(&r);
		if (archive_segment_load(&r.segment) == 0)
			for (size_t i = 0; i < r.segment.trailer.n_blocks && i < 8; i++)
				read_block(&r, i);
		archive_reader_free(&r);
		archive_segment_close(&s);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct archive_layout *l = size ? archive_layout_of(1 + (data[0] & 7) % 5) : NULL;
	if (!l || size > 1 << 20)
		return 0;
	struct segment_bytes f = {.n = size - 1, .p = malloc(size)};
	assert(f.p);
	memcpy(f.p, data + 1, f.n);
	if (data[0] & 8)
		segment_repair(&f, l, 1, 1);
	read_segment(l, &f);
	free(f.p);
	return 0;
}
