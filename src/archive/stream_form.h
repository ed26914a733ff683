/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_STREAM_FORM_H
#define ARCHIVE_STREAM_FORM_H

/* What the files of archive/stream.h share: the numbers of the format, the classes of CLASSES, scales,
 * dictionaries. */

#include <stdbool.h>

#include "base/dynbuf.h"

enum stream_packing { STREAM_BITS, STREAM_CLASSES, STREAM_PLANES };

/* A run's first byte: its packing and these. */
enum stream_flag {
	STREAM_PACKING_MASK = 3,
	STREAM_DICTIONARY = 4,
	STREAM_DIFFERENCES = 8,
	STREAM_SCALED = 16,
	STREAM_FLAGS = 31,
};

enum { STREAM_CLASSES_MAX = 64, STREAM_LENGTHS = 65 };

/*
 * Classes of numbers by their lengths in bits. A class holds numbers from its least on, 0 or 2^(low - 1), as
 * their difference to it in `width` bits.
 */
struct stream_classes {
	size_t n;
	uint8_t low[STREAM_CLASSES_MAX], width[STREAM_CLASSES_MAX];
	uint8_t of[STREAM_LENGTHS]; /* by length: the class of such numbers; for lengths that occur */
	uint64_t rest;              /* bits of all remainders */
	uint64_t bits;              /* that the numbers take in all, the table too */
};

static inline uint64_t stream_class_least(unsigned low)
{
	return low ? UINT64_C(1) << (low - 1) : 0;
}

/* The best classes for numbers of which lengths[k] have k bits; a single one stands for BITS. */
void stream_classes_choose(const uint32_t lengths[STREAM_LENGTHS], struct stream_classes *ret_classes);

/* What divides x without a rest is divided by multiplication: its power of two, and the inverse of its odd
 * part. */
struct stream_divisor {
	unsigned shift;
	uint64_t inverse;
};

static inline uint64_t stream_divide(struct stream_divisor by, uint64_t x)
{
	return (x >> by.shift) * by.inverse;
}

/* divisor isn't 0. */
struct stream_divisor stream_divisor_of(uint64_t divisor);
/* Both 0: 0. */
uint64_t stream_common_divisor(uint64_t a, uint64_t b);
/* What divides all values less the base: times are often in whole microseconds. 0 where all are the base. */
uint64_t stream_scale(const uint64_t *v, size_t n, uint64_t base);

/* Packs n numbers behind a byte that tells their width. */
void stream_put_bits(struct dynbuf *out, const uint64_t *x, size_t n, unsigned width);

/* The distinct numbers of a run, while it is written. */
struct stream_dictionary {
	uint64_t *values; /* by place, as all of these */
	uint32_t *counts;
	uint16_t *rank;
	uint16_t *slots;  /* place + 1; 0: free */
	uint16_t *places; /* of each number of the run, unless they are direct */
	size_t cap, slot_mask;
	size_t n, n_places; /* values; places, of which some are empty where they are direct */
	unsigned width;     /* of the values */
	bool direct;        /* a number is its own place */
	bool distinct;      /* hardly any number comes again */
};

/* For runs of n numbers, at least one. -ENOMEM. */
int stream_dictionary_begin(struct stream_dictionary *d, size_t n);
void stream_dictionary_end(struct stream_dictionary *d);
/*
 * Counts n numbers, of which `most` is the largest, if they are small enough to be their own places; false if
 * they aren't. Comes before the next two.
 */
bool stream_dictionary_count(struct stream_dictionary *d, const uint64_t *x, size_t n, uint64_t most);
/* Adds up how many of the numbers that were counted have each length. */
void stream_dictionary_lengths(const struct stream_dictionary *d, uint32_t lengths[STREAM_LENGTHS]);
/* Counts the numbers unless they are counted. False where more than n_most are distinct, or too many. */
bool stream_dictionary_fill(
    struct stream_dictionary *d, const uint64_t *x, size_t n, size_t n_most, uint64_t seed);
/* Ranks them by falling frequency, and adds up how many numbers of each length the ranks are. */
void stream_dictionary_rank(struct stream_dictionary *d, uint32_t lengths[STREAM_LENGTHS]);
/* Makes the numbers that were counted their ranks. */
void stream_dictionary_number(const struct stream_dictionary *d, uint64_t *x, size_t n);
void stream_dictionary_put(struct dynbuf *out, const struct stream_dictionary *d);

#endif
