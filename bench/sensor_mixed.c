/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Makes one capture of mixed traffic of many: sensor_mixed MEGABYTES SECONDS FILE <LIST, the list naming a
 * capture a line. Every capture appears again and again, each time as another site with addresses of its own,
 * at a time of its own, until there are as many bytes; all within so many seconds, beside each other.
 * Deterministic.
 *
 * What isn't changed: payload, so names and addresses told in it are the same at every site; ports.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/num.h"
#include "draw.h"
#include "sensor_out.h"
#include "sensor_pieces.h"

enum { SITES = 65536 };

#define START_NS (INT64_C(1767225600) * 1000000000) /* 2026-01-01 */

/* A piece at a site. */
struct run {
	const struct piece *piece;
	int64_t start_ns;
	double pace; /* below 1: faster than it was, so that it fits */
	size_t next;
	uint16_t site;
};

static int64_t run_time(const struct run *r)
{
	return r->start_ns + (int64_t)((double)r->piece->frames[r->next].time_ns * r->pace);
}

static struct run run_of(const struct piece *p, size_t number, int64_t within_ns)
{
	int64_t lasts = p->frames[p->n_frames - 1].time_ns, half = within_ns / 2;
	struct run r = {.piece = p, .pace = 1, .site = (uint16_t)(number * 40503 + 1)};
	if (lasts > half) {
		r.pace = (double)half / (double)lasts;
		lasts = half;
	}
	r.start_ns = START_NS + (int64_t)(draw_unit(draw_hash(number, 1)) * (double)(within_ns - lasts));
	return r;
}

static void write_runs(struct run *runs, size_t n, const char *path)
{
	static uint8_t frame[OUT_FRAME_MAX];
	struct turns turns = {0};
	struct out out;
	for (size_t i = 0; i < n; i++)
		turns_add(&turns, run_time(&runs[i]), i);
	out_open(&out, path);
	while (turns.n) {
		struct turn t = turns_take(&turns);
		struct run *r = &runs[t.who];
		const struct piece_frame *f = &r->piece->frames[r->next];
		memcpy(frame, r->piece->bytes + f->at, f->caplen);
		piece_move(r->piece, f, frame, r->site);
		out_frame(&out, t.time_ns, frame, f->caplen, f->wirelen);
		if (++r->next < r->piece->n_frames)
			turns_add(&turns, run_time(r), t.who);
	}
	free(turns.items);
	out_close(&out);
}

int main(int argc, char **argv)
{
	struct pieces pieces = {0};
	uint64_t megabytes, seconds;
	char line[4096];
	if (argc != 4 || num_parse_u64(text_of(argv[1]), 1 << 20, &megabytes) < 0 ||
	    num_parse_u64(text_of(argv[2]), 1 << 20, &seconds) < 0) {
		fprintf(stderr, "usage: sensor_mixed MEGABYTES SECONDS FILE <LIST\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		pieces_add(&pieces, line);
	}
	if (!pieces.n)
		errx(1, "no captures");
	/* rounds over all of them; the last is left unfinished by leaving pieces out, not by cutting time off
	 */
	size_t n = 0;
	struct run *runs = room(SITES * sizeof(*runs));
	for (uint64_t bytes = 0; bytes < megabytes * 1000000 && n < SITES; n++) {
		/* in another order in each round */
		size_t round = n / pieces.n, i = (n % pieces.n * 7919 + round * 104729) % pieces.n;
		const struct piece *p = &pieces.items[pieces.n % 7919 ? i : n % pieces.n];
		runs[n] = run_of(p, n, (int64_t)seconds * 1000000000);
		bytes += p->n_bytes + 16 * p->n_frames;
	}
	fprintf(stderr, "%zu pieces of %llu packets, %llu bytes (%llu frames left out); %zu sites\n",
	    pieces.n, (unsigned long long)pieces.frames, (unsigned long long)pieces.bytes,
	    (unsigned long long)pieces.left_out, n);
	write_runs(runs, n, argv[3]);
	free(runs);
	for (size_t i = 0; i < pieces.n; i++) {
		free(pieces.items[i].frames);
		free(pieces.items[i].bytes);
		free(pieces.items[i].edits);
	}
	free(pieces.items);
	return 0;
}
