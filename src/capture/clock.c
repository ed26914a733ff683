/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/timefmt.h"
#include "capture/file.h"

__extension__ typedef unsigned __int128 wide; /* units times 10^9 */

enum { TSRESOL_BINARY = 0x80, DIGITS_OF_NS = 9, DIGITS_OF_U64 = 19, BITS_OF_PRODUCT = 94 };

static uint64_t power_of_10(unsigned n)
{
	uint64_t v = 1;
	while (n--)
		v *= 10;
	return v;
}

void clock_set_resolution(struct clock *c, uint8_t tsresol)
{
	unsigned exponent = tsresol & ~(unsigned)TSRESOL_BINARY;
	c->binary = tsresol & TSRESOL_BINARY;
	if (c->binary) {
		c->shift = (uint8_t)exponent;
	} else if (exponent <= DIGITS_OF_NS) {
		c->multiply = power_of_10(DIGITS_OF_NS - exponent);
		c->divide = 1;
	} else {
		unsigned finer = exponent - DIGITS_OF_NS;
		c->multiply = 1;
		c->divide = finer <= DIGITS_OF_U64 ? power_of_10(finer) : 0;
	}
}

int64_t clock_ns(const struct clock *c, uint64_t units)
{
	wide ns;
	if (c->binary)
		ns = c->shift < BITS_OF_PRODUCT ? (wide)units * NS_PER_S >> c->shift : 0;
	else if (c->divide <= 1)
		ns = c->divide ? (wide)units * c->multiply : 0;
	else
		ns = units / c->divide;
	int64_t t = ns > CAPTURE_TIME_MAX ? CAPTURE_TIME_MAX : (int64_t)ns;
	if (c->offset_s) {
		int64_t offset;
		if (__builtin_mul_overflow(c->offset_s, NS_PER_S, &offset) ||
		    __builtin_add_overflow(t, offset, &t))
			t = c->offset_s < 0 ? 0 : CAPTURE_TIME_MAX;
	}
	if (t < 0)
		return 0;
	return t > CAPTURE_TIME_MAX ? CAPTURE_TIME_MAX : t;
}
