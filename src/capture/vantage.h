/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_VANTAGE_H
#define CAPTURE_VANTAGE_H

/*
 * The vantages of a set, numbered 0 .. n-1. A vantage is found by its place: the lineage (files of one sensor
 * that follow each other have the same), the lane of the file, and for Linux cooked v2 the interface index in
 * the frame. At CAPTURE_VANTAGES_MAX the last vantage takes all places that find no room. Private to
 * capture/.
 */

#include "capture/capture.h"
#include "capture/file.h"

struct vantage {
	struct capture_vantage seen; /* what others see; seen.name is owned */
	bool file_fixed;             /* seen.file is one that didn't end clean */
};

struct vantage_book {
	struct vantage *items[CAPTURE_VANTAGES_MAX];
	size_t n;
	struct table *places;
};

int vantage_book_init(struct vantage_book *b, uint64_t seed);
void vantage_book_release(struct vantage_book *b);
/* The vantage of a file's lane as a whole. 0 or -ENOMEM. */
int vantage_of_lane(
    struct vantage_book *b, uint32_t lineage, const struct file *f, uint32_t lane, uint16_t *ret_vantage);
/* The vantage of an interface index within a lane of Linux cooked v2. 0 or -ENOMEM. */
int vantage_of_ifindex(struct vantage_book *b, uint32_t lineage, const struct file *f, uint32_t lane,
    uint32_t ifindex, uint16_t *ret_vantage);
/* Counts a frame out of that file. */
void vantage_count(struct vantage *v, const struct capture_frame *frame, size_t file);
/* The file has ended, and not clean: its vantages tell of it from now on. */
void vantage_book_note_bad_end(struct vantage_book *b, size_t file);

#endif
