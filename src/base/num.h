/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_NUM_H
#define BASE_NUM_H

/*
 * Numbers from text, through one checked reader: the whole text must be the number, no sign where none is
 * meant, no blanks, no octal. All return 0, -EINVAL (not a number of that form) or -ERANGE.
 */

#include <stdint.h>

#include "base/text.h"

int num_parse_u64(struct text t, uint64_t max, uint64_t *ret_value);
int num_parse_i64(struct text t, int64_t *ret_value);
/* A decimal number with an optional fraction, for thresholds: "0.25". No exponent, NaN or infinity. */
int num_parse_real(struct text t, double min, double max, double *ret_value);
/* A size with an optional suffix K, M, G (powers of 1024): "64M". */
int num_parse_size(struct text t, uint64_t *ret_bytes);
/* n bytes of hexadecimal digits, either case, exactly 2n of them. */
int num_parse_hex(struct text t, uint8_t *ret_bytes, size_t n);
/* Decimal digits without an end mark; returns how many. For hot paths: formatted output takes a thousand
 * instructions. */
enum { NUM_DECIMAL_MAX = 20 };
size_t num_decimal(uint64_t v, char out[NUM_DECIMAL_MAX]);
/* Lower-case hexadecimal digits of n bytes, closed with NUL: out has 2n + 1 bytes. Returns out. */
char *num_hex(const uint8_t *p, size_t n, char *out);
/* "1.5 MB", "312 B": for people, powers of 1000. buf has at least 16 bytes. Returns buf. */
char *num_bytes_human(uint64_t bytes, char *buf, size_t size);

#endif
