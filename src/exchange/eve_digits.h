/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EVE_DIGITS_H
#define EXCHANGE_EVE_DIGITS_H

/*
 * Decimal digits written in their place, for EVE's pen: half of what a line holds are small numbers, and
 * num_decimal (base/num.h) makes its digits elsewhere and copies them.
 */

#include <stdint.h>
#include <string.h>

#include "base/num.h"

/* "00" to "99", one after the other; 10 to the power of each place. */
extern const char eve_digit_pairs[200];
extern const uint64_t eve_digit_powers[NUM_DECIMAL_MAX];

/* v is below 100. */
static inline char *eve_digits_two(char *to, unsigned v)
{
	memcpy(to, eve_digit_pairs + 2 * (size_t)v, 2);
	return to + 2;
}

/* At most NUM_DECIMAL_MAX digits. Gives the place behind them, as all of these. */
static inline char *eve_digits(char *to, uint64_t n)
{
	if (n < 10) {
		*to = (char)('0' + n);
		return to + 1;
	}
	/* a bit is 0.301 digits: that many, or one more */
	unsigned bits = 64 - (unsigned)__builtin_clzll(n), length = bits * 1233 >> 12;
	length += n >= eve_digit_powers[length];
	char *at = to + length;
	for (; n >= 100; n /= 100)
		eve_digits_two(at -= 2, (unsigned)(n % 100));
	if (n >= 10)
		eve_digits_two(to, (unsigned)n);
	else
		*to = (char)('0' + n);
	return to + length;
}

/* An octet of an address: at most three. */
static inline char *eve_digits_octet(char *to, uint8_t octet)
{
	unsigned v = octet;
	if (v >= 100) {
		*to++ = (char)('0' + v / 100);
		return eve_digits_two(to, v % 100);
	}
	if (v >= 10)
		return eve_digits_two(to, v);
	*to++ = (char)('0' + v);
	return to;
}

#endif
