/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/value_time.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"

/* Two decimal digits at p, -1 where they aren't. */
static int two(const char *p)
{
	return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* The very form that exports have, on a day that was read before: most of all times. */
static bool parse_time_again(struct text t, const struct exchange_clock *clock, int64_t *ret_ns)
{
	int64_t fraction = 0;
	if (!clock->any || t.n != 30 || memcmp(t.p, clock->date, 11) != 0)
		return false;
	int h = two(t.p + 11), m = two(t.p + 14), s = two(t.p + 17);
	if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || t.p[13] != ':' || t.p[16] != ':' ||
	    t.p[19] != '.' || t.p[29] != 'Z')
		return false;
	for (size_t i = 20; i < 29; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		fraction = fraction * 10 + (t.p[i] - '0');
	}
	*ret_ns = (clock->day * 86400 + h * 3600 + m * 60 + s) * NS_PER_S + fraction;
	return true;
}

static int64_t day_of(int64_t ns)
{
	int64_t day = ns / (86400 * NS_PER_S);
	return ns % (86400 * NS_PER_S) < 0 ? day - 1 : day;
}

static int parse_rfc3339(struct text t, struct exchange_clock *clock, int64_t *ret_ns)
{
	if (parse_time_again(t, clock, ret_ns))
		return 0;
	if (time_parse(t, ret_ns) < 0)
		return -EINVAL;
	/* a time with another zone than Z may fall on another day than it is written with */
	if (t.n == 30 && t.p[10] == 'T' && t.p[29] == 'Z' && two(t.p + 17) < 60) {
		memcpy(clock->date, t.p, 11);
		clock->day = day_of(*ret_ns);
		clock->any = true;
	}
	return 0;
}

/* A time with a zone that RFC 3339 writes otherwise, "+0100", or without any. */
static int parse_other_zone(struct text t, const struct exchange_reading *r, int64_t *ret_ns)
{
	char s[48];
	size_t at = t.n > 5 ? t.n - 5 : 0;
	bool numbers = at > 10 && (t.p[at] == '+' || t.p[at] == '-');
	if (t.n + 1 >= sizeof(s) || t.n < 11)
		return -EINVAL;
	memcpy(s, t.p, t.n);
	if (numbers) {
		memcpy(s + at + 3, ":", 1);
		memcpy(s + at + 4, t.p + at + 3, 2);
		return time_parse(text_bytes(s, t.n + 1), ret_ns);
	}
	s[t.n] = 'Z';
	if (!r->zoned || time_parse(text_bytes(s, t.n + 1), ret_ns) < 0 ||
	    __builtin_sub_overflow(*ret_ns, r->zone_s * NS_PER_S, ret_ns))
		return -EINVAL;
	return 0;
}

/* The digits of a decimal number: in front of the dot, behind it, and the power of ten. */
struct decimal {
	bool negative;
	struct text whole, fraction;
	int64_t exponent;
};

static int parse_decimal(struct text t, struct decimal *ret_decimal)
{
	struct decimal d = {.negative = t.n && t.p[0] == '-'};
	uint64_t exponent = 0;
	size_t e = text_find(t, 'e') < t.n ? text_find(t, 'e') : text_find(t, 'E');
	struct text mantissa = text_sub(text_sub(t, 0, e), d.negative, t.n);
	if (e < t.n) {
		bool minus = e + 1 < t.n && t.p[e + 1] == '-', plus = e + 1 < t.n && t.p[e + 1] == '+';
		if (num_parse_u64(text_sub(t, e + 1 + (minus || plus), t.n), 99, &exponent) < 0)
			return -EINVAL;
		d.exponent = minus ? -(int64_t)exponent : (int64_t)exponent;
	}
	size_t dot = text_find(mantissa, '.');
	d.whole = text_sub(mantissa, 0, dot);
	d.fraction = text_sub(mantissa, dot + 1, t.n);
	if (d.whole.n == 0 || (dot < mantissa.n && d.fraction.n == 0))
		return -EINVAL;
	for (size_t i = 0; i < mantissa.n; i++)
		if (i != dot && (mantissa.p[i] < '0' || mantissa.p[i] > '9'))
			return -EINVAL;
	*ret_decimal = d;
	return 0;
}

/* A decimal number, of a unit of 10^power ns; what is below a nanosecond doesn't count. */
static int parse_count(struct text t, int power, int64_t *ret_ns)
{
	struct decimal d;
	uint64_t ns = 0;
	if (parse_decimal(t, &d) < 0)
		return -EINVAL;
	int64_t digits = (int64_t)d.whole.n + d.exponent + power;
	for (int64_t i = 0; i < digits; i++) {
		size_t at = (size_t)i, behind = at - d.whole.n;
		char c = at < d.whole.n ? d.whole.p[at] : behind < d.fraction.n ? d.fraction.p[behind] : '0';
		if (__builtin_mul_overflow(ns, UINT64_C(10), &ns) ||
		    __builtin_add_overflow(ns, (uint64_t)(c - '0'), &ns))
			return -EINVAL;
	}
	if (ns > (uint64_t)INT64_MAX + d.negative)
		return -EINVAL;
	*ret_ns = d.negative ? (int64_t)(0 - ns) : (int64_t)ns;
	return 0;
}

int exchange_time_parse(const struct exchange_column *c, struct text t, struct exchange_reading *r,
    void *record, const char **ret_wanted)
{
	static const struct {
		int power; /* of ten, in ns; -1: none */
		const char *wanted;
	} units[] = {
	    [EXCHANGE_TIME_RFC3339] = {-1,
	        "a time like 2026-11-23T06:00:00.000000000Z; epoch numbers are read "
	        "where their unit is named (--time s, ms, us or ns), times without a zone where that is "
	        "(--zone UTC or +02:00)"},
	    [EXCHANGE_TIME_S] = {9, "seconds since 1970, or a time like 2026-11-23T06:00:00Z"},
	    [EXCHANGE_TIME_MS] = {6, "milliseconds since 1970, or a time like 2026-11-23T06:00:00Z"},
	    [EXCHANGE_TIME_US] = {3, "microseconds since 1970, or a time like 2026-11-23T06:00:00Z"},
	    [EXCHANGE_TIME_NS] = {0, "nanoseconds since 1970, or a time like 2026-11-23T06:00:00Z"},
	};
	int64_t ns = 0;
	int error = 0, power = units[r->time_unit].power;
	if (t.n > 3 && memcmp(t.p, "ns:", 3) == 0)
		error = parse_count(text_sub(t, 3, t.n), 0, &ns);
	else if (t.n && parse_rfc3339(t, &r->clock, &ns) < 0 && parse_other_zone(t, r, &ns) < 0)
		error = power >= 0 ? parse_count(t, power, &ns) : -EINVAL;
	if (error < 0) {
		*ret_wanted = units[r->time_unit].wanted;
		return -EINVAL;
	}
	return exchange_number_set(c, record, (uint64_t)ns);
}
