/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/together.h"

#include <string.h>
#include <time.h>

#include "archive/stream.h"
#include "archive/tuples.h"

enum { ROWS_A_TUPLE = 4, REPEATS = 3 };

/* A block as it was written: the tuples' count is 0 where each column stands by itself. */
struct written {
	size_t first, rows, tuples, at;
	struct archive_near by[TOGETHER_COLUMNS_MAX];
};

struct work {
	struct together *t;
	struct dynbuf out;
	struct written blocks[1024];
	size_t n_blocks;
	struct archive_tuples tuples;
	struct archive_stream numbers, values;
	uint64_t v[TOGETHER_COLUMNS_MAX][TOGETHER_BLOCK];
	bool good;
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_block(struct work *w, size_t first, size_t rows)
{
	struct written *b = &w->blocks[w->n_blocks++];
	const uint64_t *columns[TOGETHER_COLUMNS_MAX];
	uint64_t v[TOGETHER_BLOCK];
	*b = (struct written){.first = first, .rows = rows, .at = w->out.n};
	for (size_t k = 0; k < w->t->n; k++) {
		memcpy(w->v[k], w->t->values[k] + first, rows * sizeof(*v));
		if (w->t->near[k])
			w->good &= archive_near_make(w->v[k], w->t->near[k] + first, rows, &b->by[k]);
		columns[k] = w->v[k];
	}
	if (archive_tuples_make(&w->tuples, columns, w->t->n, rows, rows / ROWS_A_TUPLE, 1) != 0) {
		for (size_t k = 0; k < w->t->n; k++)
			(void)archive_stream_put(&w->out, w->v[k], rows, 1);
		return;
	}
	b->tuples = w->tuples.n;
	(void)archive_stream_put(&w->out, w->tuples.numbers, rows, 1);
	for (size_t k = 0; k < w->t->n; k++) {
		for (size_t i = 0; i < b->tuples; i++)
			v[i] = w->v[k][w->tuples.rows[i]];
		(void)archive_stream_put(&w->out, v, b->tuples, 1);
	}
}

static void read_column(struct work *w, const struct written *b, size_t k, struct cursor *c)
{
	uint64_t *v = w->v[k];
	w->good &= archive_stream_get(c, b->tuples ? b->tuples : b->rows, &w->values) == 0;
	for (size_t i = 0; w->good && i < b->rows; i++)
		v[i] = archive_stream_at(&w->values, b->tuples ? archive_stream_at(&w->numbers, i) : i);
	if (w->t->near[k])
		archive_near_resolve(b->by[k], w->t->near[k] + b->first, v, b->rows);
}

static void read_block(struct work *w, const struct written *b)
{
	struct cursor c = cursor_of(w->out.p + b->at, w->out.n - b->at);
	if (b->tuples)
		w->good &= archive_stream_get(&c, b->rows, &w->numbers) == 0;
	for (size_t k = 0; k < w->t->n; k++)
		read_column(w, b, k, &c);
}

static void read_all(struct work *w)
{
	double best = 0;
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		double start = seconds();
		for (size_t i = 0; i < w->n_blocks; i++)
			read_block(w, &w->blocks[i]);
		double took = seconds() - start;
		best = repeat == 0 || took < best ? took : best;
	}
	w->t->decode_s += best;
	for (size_t i = 0; i < w->n_blocks; i++) {
		const struct written *b = &w->blocks[i];
		read_block(w, b);
		for (size_t k = 0; k < w->t->n; k++)
			w->good &= memcmp(w->v[k], w->t->values[k] + b->first,
			               b->rows * sizeof(w->v[k][0])) == 0;
	}
}

bool together_measure(struct together *t, size_t rows)
{
	static struct work w;
	w = (struct work){.t = t, .good = rows <= sizeof(w.blocks) / sizeof(w.blocks[0]) * TOGETHER_BLOCK};
	double start = seconds();
	for (size_t first = 0; w.good && first < rows; first += TOGETHER_BLOCK)
		write_block(&w, first, rows - first < TOGETHER_BLOCK ? rows - first : TOGETHER_BLOCK);
	t->encode_s += seconds() - start;
	t->bytes += w.out.n;
	w.good &= w.out.error == 0;
	if (w.good)
		read_all(&w);
	archive_tuples_free(&w.tuples);
	archive_stream_free(&w.numbers);
	archive_stream_free(&w.values);
	dynbuf_free(&w.out);
	return w.good;
}
