/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_MEASURE_H
#define DETECT_MEASURE_H

/* Robust measures of a sample. Pure. */

#include <stddef.h>
#include <stdint.h>

struct measure {
	double median;
	double q1, q3; /* by linear interpolation between order statistics */
	double mad;    /* median of the absolute deviations from the median */
	double skew;   /* Bowley: (q1 + q3 - 2 median) / (q3 - q1), 0 where q1 == q3 */
};

void measure_sort(int64_t *v, size_t n);
/* Sorts v, then overwrites it. n == 0 gives zeros. */
struct measure measure_of(int64_t *v, size_t n);
/* The p-quantile (0..1) of sorted values. */
double measure_quantile(const int64_t *sorted, size_t n, double p);

#endif
