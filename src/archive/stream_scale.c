/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/stream_form.h"

uint64_t stream_common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

struct stream_divisor stream_divisor_of(uint64_t divisor)
{
	unsigned shift = (unsigned)__builtin_ctzll(divisor);
	uint64_t odd = divisor >> shift, inverse = odd;
	for (int i = 0; i < 5; i++) /* Newton: three bits are right at first, each turn doubles them */
		inverse *= 2 - odd * inverse;
	return (struct stream_divisor){.shift = shift, .inverse = inverse};
}

/*
 * Random values have no common divisor, and end this soon. An odd number divides x if x times its inverse
 * doesn't wrap, which is x / odd then.
 */
uint64_t stream_scale(const uint64_t *v, size_t n, uint64_t base)
{
	uint64_t any = 0, odd = 0, inverse = 0, largest = 0;
	for (size_t i = 0; i < n; i++)
		any |= v[i] - base;
	if (any == 0)
		return 0;
	unsigned shift = (unsigned)__builtin_ctzll(any);
	for (size_t i = 0; i < n && odd != 1; i++) {
		uint64_t x = (v[i] - base) >> shift;
		if (x == 0 || (odd && x * inverse <= largest))
			continue;
		odd = stream_common_divisor(odd, x);
		odd >>= __builtin_ctzll(odd);
		inverse = stream_divisor_of(odd).inverse;
		largest = UINT64_MAX / odd;
	}
	return odd << shift;
}
