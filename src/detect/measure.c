/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/measure.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

void measure_sort(int64_t *v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof(*v), compare);
}

double measure_quantile(const int64_t *sorted, size_t n, double p)
{
	if (n == 0)
		return 0;
	double at = p * (double)(n - 1);
	size_t i = (size_t)at;
	if (i + 1 >= n)
		return (double)sorted[n - 1];
	double rest = at - (double)i;
	return (double)sorted[i] * (1 - rest) + (double)sorted[i + 1] * rest;
}

struct measure measure_of(int64_t *v, size_t n)
{
	struct measure m = {0};
	if (n == 0)
		return m;
	measure_sort(v, n);
	m.median = measure_quantile(v, n, 0.5);
	m.q1 = measure_quantile(v, n, 0.25);
	m.q3 = measure_quantile(v, n, 0.75);
	m.skew = m.q3 > m.q1 ? (m.q1 + m.q3 - 2 * m.median) / (m.q3 - m.q1) : 0;
	for (size_t i = 0; i < n; i++) {
		double off = (double)v[i] - m.median;
		v[i] = (int64_t)(off < 0 ? -off : off);
	}
	measure_sort(v, n);
	m.mad = measure_quantile(v, n, 0.5);
	return m;
}
