/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SENSOR_PIECES_H
#define BENCH_SENSOR_PIECES_H

/*
 * Captures that a benchmark's capture is made of: one piece for each place that was watched, as Ethernet
 * frames in memory, with what must change in each where its machines get other addresses.
 */

#include <stddef.h>
#include <stdint.h>

enum edit_kind { EDIT_V4, EDIT_V6, EDIT_MAC };

/* One address in a frame, and the checksums that cover it. */
struct edit {
	uint32_t at;
	uint32_t sums[2]; /* the header's and the transport's place in the frame; 0: there is none */
	uint8_t kind;
};

struct piece_frame {
	int64_t time_ns; /* from the piece's beginning */
	size_t at;       /* in the piece's bytes */
	uint32_t caplen, wirelen;
	size_t edit;
	uint32_t n_edits;
};

struct piece {
	struct piece_frame *frames;
	size_t n_frames, cap_frames;
	uint8_t *bytes;
	size_t n_bytes, cap_bytes;
	struct edit *edits;
	size_t n_edits, cap_edits;
};

struct pieces {
	struct piece *items;
	size_t n, cap;
	uint64_t bytes, frames;
	uint64_t left_out; /* frames of other links than those that become Ethernet, or beyond belief */
};

/* Adds the pieces of a file; one that isn't a capture adds none. */
void pieces_add(struct pieces *p, const char *path);

/*
 * Gives the machines of a frame, which lies at `frame` and is changed there, the addresses of a site. What is
 * private stays so and what is public, too; addresses of one network stay in one; multicast stays as it is.
 */
void piece_move(const struct piece *p, const struct piece_frame *f, uint8_t *frame, uint16_t site);

#endif
