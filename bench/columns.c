/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What each column of flows takes and how fast it is read, by encoding and compressor: bench_columns FOLDER
 * [FLOWS]. FOLDER holds an archive. The columns are encoded anew, as a segment does it: in blocks of 2,048
 * rows, addresses and names as numbers into a sorted dictionary for 2^18 rows (which is not in the figures),
 * near columns as differences. Each is encoded twice, as planes of bytes and as archive_stream_put chooses,
 * and each of these stored as it is and by lz4 and zstd. Then the columns that go together are stored so.
 * What is read back is compared. Prints tables for bench/RESULTS.md.
 */

#include <errno.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "archive/archive.h"
#include "archive/bits.h"
#include "archive/layout.h"
#include "archive/stream.h"
#include "archive/stream_form.h"
#include "base/err.h"
#include "base/num.h"
#include "bench/together.h"

enum { SEGMENT = 1 << 18, BLOCK = 2048, FLOWS_DEFAULT = 1 << 20, REPEATS = 3, COMPRESS_MIN = 64 };

enum encoding { PLANES, CHOSEN, ENCODINGS };
enum compressor { NONE, LZ4, ZSTD_1, ZSTD_3, COMPRESSORS };

struct figure {
	uint64_t bytes;
	double encode_s, decode_s;
};

struct column_figures {
	struct figure of[ENCODINGS][COMPRESSORS];
	struct figure
	    stored; /* what the archive does: zstd 1 where the encoder says that it may help, and it does */
};

struct bench {
	const struct archive_layout *layout;
	struct msg_flow *flows;
	size_t n;            /* of them, in this segment */
	uint64_t rows, most; /* in all, as yet and at most */
	uint64_t *v, *near;  /* of the column, and of the one that it is near to */
	bool is_near;
	const void **sorted; /* a dictionary: its members as the cells hold them */
	struct arena names;
	struct column_figures columns[ARCHIVE_COLUMNS_MAX];
	struct together together[ARCHIVE_COLUMNS_MAX]; /* by the number of the leader */
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
	bool failed;
};

/* One block, encoded and compressed. */
struct piece {
	size_t at, stored, raw, first, rows;
	struct archive_near by;
	bool compressed;
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const void *cell(const struct bench *b, const struct archive_column *column, size_t row)
{
	return (const uint8_t *)&b->flows[row] + column->offset;
}

static int compare_addrs(const void *a, const void *b)
{
	return memcmp(*(const void *const *)a, *(const void *const *)b, sizeof(struct net_addr));
}

static int compare_texts(const void *a, const void *b)
{
	return text_compare(**(const struct text *const *)a, **(const struct text *const *)b);
}

/* Cells of the columns from `first` to `last` that are of the type, sorted and without doubles: how many. */
static size_t make_dictionary(
    struct bench *b, enum archive_column_type type, int (*compare)(const void *, const void *))
{
	size_t n = 0, kept = 0;
	for (size_t i = 0; i < b->layout->n_columns; i++)
		for (size_t row = 0; b->layout->columns[i].type == type && row < b->n; row++)
			b->sorted[n++] = cell(b, &b->layout->columns[i], row);
	qsort(b->sorted, n, sizeof(*b->sorted), compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare(&b->sorted[kept - 1], &b->sorted[i]) != 0)
			b->sorted[kept++] = b->sorted[i];
	return kept;
}

static void number_cells(struct bench *b, const struct archive_column *column)
{
	bool text = column->type == ARCHIVE_COLUMN_TEXT;
	int (*compare)(const void *, const void *) = text ? compare_texts : compare_addrs;
	size_t n = make_dictionary(b, column->type, compare);
	for (size_t row = 0; row < b->n; row++) {
		const void *one = cell(b, column, row);
		const void **at = bsearch(&one, b->sorted, n, sizeof(*b->sorted), compare);
		b->v[row] = (uint64_t)(at - b->sorted);
	}
}

static uint64_t number_of(const struct archive_column *column, const void *p)
{
	uint64_t v = 0;
	if (column->type == ARCHIVE_COLUMN_MAC)
		return (uint64_t)load_be16(p) << 32 | load_be32((const uint8_t *)p + 2);
	memcpy(&v, p, column->size); /* of a little-endian machine, as all that this is run on */
	return v;
}

/* The column's integers into b->v. False where there are none to speak of. */
static bool gather(struct bench *b, const struct archive_column *column)
{
	uint64_t any = 0;
	b->is_near = false;
	if (column->type == ARCHIVE_COLUMN_ADDR || column->type == ARCHIVE_COLUMN_TEXT) {
		number_cells(b, column);
		return true;
	}
	if (column->type != ARCHIVE_COLUMN_UINT && column->type != ARCHIVE_COLUMN_MAC)
		return false;
	const struct archive_column *base = &b->layout->columns[column->base];
	b->is_near = column->base;
	for (size_t row = 0; row < b->n; row++) {
		any |= b->v[row] = number_of(column, cell(b, column, row));
		b->near[row] = b->is_near ? number_of(base, cell(b, base, row)) : 0;
	}
	return any != 0;
}

static void put_planes(struct dynbuf *out, const uint64_t *v, size_t n)
{
	uint64_t least = v[0], most = v[0];
	for (size_t i = 0; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	unsigned width = (archive_bits_of(most - least) + 7) / 8;
	dynbuf_u8(out, STREAM_PLANES);
	dynbuf_u8(out, 8);
	dynbuf_le64(out, least);
	dynbuf_u8(out, (uint8_t)width);
	for (unsigned plane = 0; plane < width; plane++)
		for (size_t i = 0; i < n; i++)
			dynbuf_u8(out, (uint8_t)((v[i] - least) >> plane * 8));
}

static size_t compress(
    struct bench *b, enum compressor with, uint8_t *to, size_t room, const uint8_t *from, size_t n)
{
	size_t got = 0;
	if (with == LZ4) {
		int r = LZ4_compress_default((const char *)from, (char *)to, (int)n, (int)room);
		got = r > 0 ? (size_t)r : 0;
	} else if (with != NONE) {
		got = ZSTD_compressCCtx(b->compress, to, room, from, n, with == ZSTD_1 ? 1 : 3);
		got = ZSTD_isError(got) ? 0 : got;
	}
	return got;
}

/* Compresses what `raw` got behind `begin`, if that makes it shorter by an eighth. */
static struct piece put_piece(
    struct bench *b, enum compressor with, const struct dynbuf *raw, size_t begin, struct dynbuf *out)
{
	size_t n = raw->n - begin, room = ZSTD_compressBound(n) + (size_t)LZ4_compressBound((int)n);
	struct piece p = {.at = out->n, .raw = n, .stored = n};
	uint8_t *to = dynbuf_grow(out, room);
	if (!to)
		return p;
	size_t got = n < COMPRESS_MIN ? 0 : compress(b, with, to, room, raw->p + begin, n);
	p.compressed = got && got < n - n / 8;
	if (p.compressed)
		p.stored = got;
	else
		memcpy(to, raw->p + begin, n);
	out->n = p.at + p.stored;
	return p;
}

/* Decompresses and decodes one block; the values are right or b->failed is set. */
static void read_piece(struct bench *b, const struct piece *p, enum compressor with, const uint8_t *stored,
    uint8_t *raw, struct archive_stream *s)
{
	struct cursor c = cursor_of(stored + p->at, p->stored);
	if (p->compressed && with == LZ4) {
		b->failed |= LZ4_decompress_safe((const char *)c.base, (char *)raw, (int)p->stored,
		                 (int)p->raw) != (int)p->raw;
		c = cursor_of(raw, p->raw);
	} else if (p->compressed) {
		b->failed |= ZSTD_decompressDCtx(b->decompress, raw, p->raw, c.base, p->stored) != p->raw;
		c = cursor_of(raw, p->raw);
	}
	b->failed |= archive_stream_get(&c, p->rows, s) != 0;
	if (b->is_near) {
		archive_stream_expand(s);
		archive_near_resolve(p->by, b->near + p->first, s->v, p->rows);
	}
}

static void measure(
    struct bench *b, enum encoding encoding, enum compressor with, bool where_hinted, struct figure *f)
{
	static struct piece pieces[SEGMENT / BLOCK + 1];
	static uint8_t raw_block[BLOCK * 9 + 64];
	struct dynbuf raw = {0}, out = {0};
	struct archive_stream s = {0};
	size_t n = 0;
	double start = seconds();
	for (size_t row = 0; row < b->n; row += BLOCK) {
		size_t rows = b->n - row < BLOCK ? b->n - row : BLOCK, begin = raw.n;
		struct archive_near by = {.step = 0};
		uint64_t v[BLOCK];
		bool hint = true;
		memcpy(v, b->v + row, rows * sizeof(*v));
		if (b->is_near)
			b->failed |= !archive_near_make(v, b->near + row, rows, &by);
		if (encoding == PLANES)
			put_planes(&raw, v, rows);
		else
			hint = archive_stream_put(&raw, v, rows, 1);
		pieces[n] = put_piece(b, hint || !where_hinted ? with : NONE, &raw, begin, &out);
		pieces[n].first = row;
		pieces[n].by = by;
		pieces[n++].rows = rows;
	}
	f->encode_s += seconds() - start;
	b->failed |= raw.error || out.error;
	f->bytes += out.n;
	double best = 0;
	for (int repeat = 0; repeat < REPEATS && !b->failed; repeat++) {
		start = seconds();
		for (size_t i = 0; i < n; i++)
			read_piece(b, &pieces[i], with, out.p, raw_block, &s);
		double took = seconds() - start;
		best = repeat == 0 || took < best ? took : best;
	}
	f->decode_s += best;
	for (size_t i = 0; i < n && !b->failed; i++) {
		read_piece(b, &pieces[i], with, out.p, raw_block, &s);
		for (size_t k = 0; k < s.n; k++)
			b->failed |= archive_stream_at(&s, k) != b->v[i * BLOCK + k];
	}
	archive_stream_free(&s);
	dynbuf_free(&raw);
	dynbuf_free(&out);
}

/* The columns that this one leads. */
static void measure_together(struct bench *b, unsigned leader)
{
	struct together *t = &b->together[leader];
	uint64_t *memory = calloc(2 * TOGETHER_COLUMNS_MAX, SEGMENT * sizeof(*memory)), *to = memory;
	t->n = 0;
	for (unsigned i = 0; memory && i < b->layout->n_columns && t->n < TOGETHER_COLUMNS_MAX; i++) {
		if (b->layout->columns[i].leader != leader || !gather(b, &b->layout->columns[i]))
			continue;
		memcpy(to, b->v, b->n * sizeof(*to));
		memcpy(to + SEGMENT, b->near, b->n * sizeof(*to));
		t->values[t->n] = to;
		t->near[t->n++] = b->is_near ? to + SEGMENT : NULL;
		to += 2 * SEGMENT;
	}
	b->failed |= !memory || !together_measure(t, b->n);
	free(memory);
}

static void measure_segment(struct bench *b)
{
	for (size_t i = 0; b->n && i < b->layout->n_columns; i++) {
		struct column_figures *f = &b->columns[i];
		if (!gather(b, &b->layout->columns[i]))
			continue;
		for (int encoding = 0; encoding < ENCODINGS; encoding++)
			for (int with = 0; with < COMPRESSORS; with++)
				measure(b, (enum encoding)encoding, (enum compressor)with, false,
				    &f->of[encoding][with]);
		measure(b, CHOSEN, ZSTD_1, true, &f->stored);
	}
	for (unsigned i = 1; b->n && i < b->layout->n_columns; i++)
		if (b->layout->columns[i].leader == i)
			measure_together(b, i);
	b->rows += b->n;
	b->n = 0;
	arena_free(&b->names);
}

static int take(void *context, const struct msg_flow *flow)
{
	struct bench *b = context;
	struct msg_flow *f = &b->flows[b->n++];
	*f = *flow;
	f->also = (struct msg_u64s){.n = 0};
	f->name = arena_text(&b->names, flow->name);
	if (f->name.n != flow->name.n)
		return -ENOMEM;
	if (b->n == SEGMENT)
		measure_segment(b);
	if (b->failed)
		return -ERR_MALFORMED;
	return b->rows + b->n == b->most;
}

static void print_figure(const struct bench *b, const struct figure *f)
{
	printf(" %.2f, %.1f |", (double)f->bytes / (double)b->rows, f->decode_s * 1e9 / (double)b->rows);
}

static void add(struct figure *sum, const struct figure *f)
{
	sum->bytes += f->bytes;
	sum->encode_s += f->encode_s;
	sum->decode_s += f->decode_s;
}

static void print_row(const struct bench *b, const char *name, const struct column_figures *f)
{
	printf("| %s |", name);
	for (int encoding = 0; encoding < ENCODINGS; encoding++)
		for (int with = 0; with < COMPRESSORS; with++)
			print_figure(b, &f->of[encoding][with]);
	print_figure(b, &f->stored);
	putchar('\n');
}

static void print_table(struct bench *b)
{
	struct column_figures sum = {0};
	printf("| column | planes | + lz4 | + zstd 1 | + zstd 3 | chosen | + lz4 | + zstd 1 | + zstd 3 | "
	       "stored |\n"
	       "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < b->layout->n_columns; i++) {
		struct column_figures *f = &b->columns[i];
		if (f->stored.bytes == 0)
			continue;
		print_row(b, b->layout->columns[i].name, f);
		for (int encoding = 0; encoding < ENCODINGS; encoding++)
			for (int with = 0; with < COMPRESSORS; with++)
				add(&sum.of[encoding][with], &f->of[encoding][with]);
		add(&sum.stored, &f->stored);
	}
	print_row(b, "all", &sum);
	printf("| encoding, ns a row |");
	for (int encoding = 0; encoding < ENCODINGS; encoding++)
		for (int with = 0; with < COMPRESSORS; with++)
			printf(" %.0f |", sum.of[encoding][with].encode_s * 1e9 / (double)b->rows);
	printf(" %.0f |\n", sum.stored.encode_s * 1e9 / (double)b->rows);
}

static void print_together(const struct bench *b)
{
	double rows = (double)b->rows;
	printf("\n| columns | apart | together |\n| --- | --- | --- |\n");
	for (unsigned leader = 1; leader < b->layout->n_columns; leader++) {
		const struct together *t = &b->together[leader];
		struct figure apart = {0};
		const char *separator = "| ";
		if (t->n == 0)
			continue;
		for (unsigned i = 0; i < b->layout->n_columns; i++) {
			if (b->layout->columns[i].leader != leader)
				continue;
			printf("%s`%s`", separator, b->layout->columns[i].name);
			separator = ", ";
			add(&apart, &b->columns[i].stored);
		}
		printf(" | %.2f, %.1f; %.0f | %.2f, %.1f; %.0f |\n", (double)apart.bytes / rows,
		    apart.decode_s * 1e9 / rows, apart.encode_s * 1e9 / rows, (double)t->bytes / rows,
		    t->decode_s * 1e9 / rows, t->encode_s * 1e9 / rows);
	}
}

int main(int argc, char **argv)
{
	struct bench b = {.layout = archive_layout_of(MSG_FLOW), .most = FLOWS_DEFAULT};
	struct archive *a = NULL;
	if (argc < 2 || argc > 3 || (argc == 3 && num_parse_u64(text_of(argv[2]), UINT32_MAX, &b.most) < 0)) {
		fprintf(stderr, "usage: bench_columns FOLDER [FLOWS]\n");
		return 2;
	}
	b.flows = calloc(SEGMENT, sizeof(*b.flows));
	b.v = calloc(SEGMENT, sizeof(*b.v));
	b.near = calloc(SEGMENT, sizeof(*b.near));
	b.sorted = calloc(2 * SEGMENT, sizeof(*b.sorted)); /* both ends */
	b.compress = ZSTD_createCCtx();
	b.decompress = ZSTD_createDCtx();
	int r = b.flows && b.v && b.near && b.sorted && b.compress && b.decompress ? 0 : -ENOMEM;
	if (r == 0)
		r = archive_open(&a, argv[1], false);
	if (r == 0)
		r = archive_scan_flows(a, &(struct archive_filter){.duplicates = true}, take, &b);
	measure_segment(&b);
	if (r < 0 || b.failed || b.rows == 0) {
		fprintf(stderr, "bench_columns: %s: %s\n", argv[1], r < 0 ? err_text(r) : "nothing measured");
		return 1;
	}
	printf("%llu flows; each cell: bytes a row, ns a value to decompress and decode\n\n",
	    (unsigned long long)b.rows);
	print_table(&b);
	print_together(&b);
	ZSTD_freeCCtx(b.compress);
	ZSTD_freeDCtx(b.decompress);
	free(b.flows);
	free(b.v);
	free(b.near);
	free(b.sorted);
	return archive_close(a) < 0;
}
