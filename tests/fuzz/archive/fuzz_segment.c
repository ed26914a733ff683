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

#include "archive/checksum.h"
#include "archive/keys.h"
#include "archive/query.h"
#include "archive/reader.h"
#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file as it stands, with the numbers that its trailer gives. */
struct file {
	uint8_t *p;
	size_t n;
	uint64_t seed;
	uint8_t *trailer;
};

struct part {
	size_t at, size;
};

static struct part section(const struct file *f, unsigned which)
{
	uint64_t at = load_le64(f->trailer + which * 24), size = load_le64(f->trailer + which * 24 + 8);
	size_t end = (size_t)(f->trailer - f->p);
	if (at > end || size > end - at)
		return (struct part){0};
	return (struct part){.at = (size_t)at, .size = (size_t)size};
}

/* A block's chunks, as its table tells of them. */
static void repair_chunks(struct file *f, size_t at, size_t table, size_t size)
{
	struct cursor c = cursor_of(f->p + at, table);
	size_t chunk = at + table;
	while (cursor_left(&c)) {
		uint64_t sizes[2] = {0};
		cursor_skip(&c, 1);
		for (int i = 0; i < 2; i++)
			for (unsigned shift = 0; shift < 70; shift += 7) {
				uint8_t byte = cursor_u8(&c);
				sizes[i] |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
				if (byte < 0x80)
					break;
			}
		size_t place = c.pos;
		cursor_skip(&c, 4);
		if (!cursor_ok(&c) || sizes[0] > at + size - chunk)
			return;
		store_le32(f->p + at + place,
		    (uint32_t)archive_checksum(f->p + chunk, (size_t)sizes[0], f->seed + chunk));
		chunk += (size_t)sizes[0];
	}
}

static void repair_directory(struct file *f)
{
	struct part d = section(f, ARCHIVE_SECTION_DIRECTORY);
	for (size_t i = 0; i + ARCHIVE_BLOCK_ENTRY_SIZE <= d.size; i += ARCHIVE_BLOCK_ENTRY_SIZE) {
		uint8_t *entry = f->p + d.at + i;
		uint64_t at = load_le64(entry);
		size_t size = load_le32(entry + 8), table = load_le32(entry + 12);
		if (at > f->n || size > f->n - at || table > size)
			return;
		repair_chunks(f, (size_t)at, table, size);
		store_le64(entry + 16, archive_checksum(f->p + at, table, f->seed + at));
	}
}

static void repair_groups(struct file *f, unsigned type)
{
	bool addrs = type == ARCHIVE_DICTIONARY_ADDRS;
	size_t step = addrs ? ARCHIVE_GROUP_ENTRY_ADDR : ARCHIVE_GROUP_ENTRY_TEXT, place = addrs ? 16 : 4;
	size_t n =
	    (load_le32(f->trailer + 24 * ARCHIVE_SECTIONS + 52 + (type - 1) * (size_t)4) + (size_t)63) / 64;
	struct part groups = section(
	                f, archive_section_of((enum archive_dictionary)type, ARCHIVE_DICTIONARY_GROUPS)),
	            index = section(
	                f, archive_section_of((enum archive_dictionary)type, ARCHIVE_DICTIONARY_INDEX));
	for (size_t i = 0; i < n && (i + 1) * step <= index.size; i++) {
		uint8_t *entry = f->p + index.at + i * step + place;
		size_t begin = load_le32(entry), end = i + 1 < n && (i + 2) * step <= index.size
		                                           ? load_le32(entry + step)
		                                           : groups.size;
		if (begin > end || end > groups.size)
			return;
		size_t at = groups.at + begin;
		store_le32(entry + 4, (uint32_t)archive_checksum(f->p + at, end - begin, f->seed + at));
	}
}

static void repair(struct file *f, const struct archive_layout *l)
{
	struct archive_identity is = {.layout = l, .first = 1, .last = 1};
	uint8_t header[ARCHIVE_SEGMENT_HEADER_SIZE];
	if (f->n < ARCHIVE_SEGMENT_HEADER_SIZE + ARCHIVE_SEGMENT_TRAILER_SIZE)
		return;
	f->trailer = f->p + f->n - ARCHIVE_SEGMENT_TRAILER_SIZE;
	is.n_columns = load_le16(f->trailer + 24 * ARCHIVE_SECTIONS + 64);
	f->seed = archive_segment_header(&is, header);
	memcpy(f->p, header, sizeof(header));
	repair_directory(f);
	for (unsigned type = 1; type < ARCHIVE_DICTIONARIES; type++)
		repair_groups(f, type);
	for (unsigned i = 0; i < ARCHIVE_SECTIONS; i++) {
		struct part s = section(f, i);
		store_le64(
		    f->trailer + i * (size_t)24 + 16, archive_checksum(f->p + s.at, s.size, f->seed + s.at));
	}
	store_le64(f->trailer + ARCHIVE_SEGMENT_TRAILER_SIZE - 8,
	    archive_checksum(
	        f->trailer, ARCHIVE_SEGMENT_TRAILER_SIZE - 8, f->seed + f->n - ARCHIVE_SEGMENT_TRAILER_SIZE));
}

/* Reads every record of a block and encodes it, so that every byte is touched that a record leads to. */
static void read_block(struct archive_reader *r, size_t number)
{
	union archive_record records[16];
	const struct archive_layout *l = r->segment.is.layout;
	struct dynbuf out = {0};
	if (archive_reader_block(r, number) < 0 ||
	    (number & 1 && archive_block_load(&r->block, UINT64_MAX) < 0))
		return;
	for (uint32_t row = 0; row < r->block.rows; row += 16) {
		uint32_t rows[16];
		size_t n = 0;
		for (; n < 16 && row + n < r->block.rows; n++)
			rows[n] = row + (uint32_t)n;
		uint8_t *record = (uint8_t *)records;
		if (archive_block_fill(&r->block, rows, n, UINT64_MAX, records) < 0)
			break;
		for (size_t i = 0; i < n; i++, record += l->size) {
			dynbuf_reset(&out);
			(void)l->encode(&out, record); /* lists may be more than a record may have */
		}
	}
	dynbuf_free(&out);
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

static void read_segment(const struct archive_layout *l, const struct file *f)
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
	struct file f = {.n = size - 1, .p = malloc(size)};
	assert(f.p);
	memcpy(f.p, data + 1, f.n);
	if (data[0] & 8)
		repair(&f, l);
	read_segment(l, &f);
	free(f.p);
	return 0;
}
