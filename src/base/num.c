/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int num_parse_u64(struct text t, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	if (t.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(t.p[i] - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int num_parse_i64(struct text t, int64_t *ret_value)
{
	bool minus = t.n > 0 && t.p[0] == '-';
	uint64_t magnitude;
	int r = num_parse_u64(text_sub(t, minus, t.n), (uint64_t)INT64_MAX, &magnitude);
	if (r < 0)
		return r;
	*ret_value = minus ? -(int64_t)magnitude : (int64_t)magnitude;
	return 0;
}

int num_parse_real(struct text t, double min, double max, double *ret_value)
{
	size_t dot = text_find(t, '.');
	uint64_t whole, fraction = 0;
	struct text digits = text_sub(t, dot + 1, t.n);
	int r = num_parse_u64(text_sub(t, 0, dot), UINT64_C(1) << 53, &whole);
	if (r < 0)
		return r;
	if (dot < t.n) {
		if (digits.n > 15)
			return -ERANGE;
		r = num_parse_u64(digits, UINT64_MAX, &fraction);
		if (r < 0)
			return r;
	}
	double value = (double)fraction;
	for (size_t i = 0; i < digits.n; i++)
		value /= 10;
	value += (double)whole;
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int num_parse_size(struct text t, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMG";
	unsigned shift = 0;
	if (t.n && memchr(suffixes, t.p[t.n - 1], 3)) {
		shift = 10 * (unsigned)((const char *)memchr(suffixes, t.p[t.n - 1], 3) - suffixes + 1);
		t.n--;
	}
	uint64_t value;
	int r = num_parse_u64(t, UINT64_MAX >> shift, &value);
	if (r < 0)
		return r;
	*ret_bytes = value << shift;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

int num_parse_hex(struct text t, uint8_t *ret_bytes, size_t n)
{
	if (t.n / 2 != n || t.n % 2)
		return -EINVAL;
	for (size_t i = 0; i < t.n; i++)
		if (hex_digit(t.p[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < n; i++)
		ret_bytes[i] = (uint8_t)(hex_digit(t.p[2 * i]) * 16 + hex_digit(t.p[2 * i + 1]));
	return 0;
}

size_t num_decimal(uint64_t v, char out[NUM_DECIMAL_MAX])
{
	char digits[NUM_DECIMAL_MAX];
	size_t first = sizeof(digits);
	do
		digits[--first] = (char)('0' + v % 10);
	while (v /= 10);
	memcpy(out, digits + first, sizeof(digits) - first);
	return sizeof(digits) - first;
}

char *num_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

char *num_bytes_human(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 999.5 && unit < 6) {
		value /= 1000;
		unit++;
	}
	snprintf(buf, size, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}
