/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_DRAW_H
#define BENCH_DRAW_H

/* Random draws for the history's model: a few nanoseconds each. */

#include <math.h>
#include <stdint.h>

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static inline uint64_t draw_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t draw_next(uint64_t *state)
{
	return draw_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A hash of two numbers: what is drawn once and for all for a thing. */
static inline uint64_t draw_hash(uint64_t a, uint64_t b)
{
	return draw_mix(draw_mix(a + UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xd6e8feb86659fd93)));
}

/* [0, 1) of a hash or draw. */
static inline double draw_unit(uint64_t r)
{
	return (double)(r >> 11) * 0x1p-53;
}

static inline uint32_t draw_below(uint64_t r, uint32_t n)
{
	return (uint32_t)((r >> 32) * n >> 32);
}

/* Nearly normal: the sum of four even draws (Irwin-Hall), cut at 3.5 deviations. */
static inline double draw_normal(uint64_t r)
{
	uint64_t sum = (r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48);
	return ((double)sum - 131070.0) * (1.7320508 / 65536.0);
}

/*
 * Zipf's law over 1..n by inversion of its continuous form: density x^-s on [1, n + 1). The exponents are
 * those for which 1 / (1 - s) is whole, so that no power is taken; `root` is (n + 1)^(1 - s).
 */
static inline uint32_t draw_zipf90(double u, double root) /* s = 0.9 */
{
	double y = 1 + u * (root - 1), y2 = y * y, y4 = y2 * y2;
	return (uint32_t)(y4 * y4 * y2);
}

static inline uint32_t draw_zipf80(double u, double root) /* s = 0.8 */
{
	double y = 1 + u * (root - 1), y2 = y * y;
	return (uint32_t)(y2 * y2 * y);
}

static inline uint32_t draw_zipf50(double u, double root) /* s = 0.5 */
{
	double y = 1 + u * (root - 1);
	return (uint32_t)(y * y);
}

static inline double draw_lognormal(uint64_t r, double median_log, double sigma)
{
	return exp(median_log + sigma * draw_normal(r));
}

#endif
