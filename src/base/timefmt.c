/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/timefmt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

static int64_t split(int64_t ns, struct tm *ret_tm)
{
	int64_t fraction = ns % NS_PER_S;
	time_t seconds = (time_t)(ns / NS_PER_S);
	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	gmtime_r(&seconds, ret_tm);
	return fraction;
}

/* n decimal digits with leading zeros; printf was a tenth of the time that a large case's records took. */
static char *put_digits(char *at, int n, int64_t value)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

static char *format(int64_t ns, char *buf, char between, int digits, const char *end)
{
	struct tm tm;
	int64_t fraction = split(ns, &tm);
	char *at = put_digits(buf, 4, tm.tm_year + 1900);
	*at++ = '-';
	at = put_digits(at, 2, tm.tm_mon + 1);
	*at++ = '-';
	at = put_digits(at, 2, tm.tm_mday);
	*at++ = between;
	at = put_digits(at, 2, tm.tm_hour);
	*at++ = ':';
	at = put_digits(at, 2, tm.tm_min);
	*at++ = ':';
	at = put_digits(at, 2, tm.tm_sec);
	if (digits) {
		*at++ = '.';
		at = put_digits(at, digits, digits == 3 ? fraction / NS_PER_MS : fraction);
	}
	memcpy(at, end, strlen(end) + 1);
	return buf;
}

char *time_rfc3339(int64_t ns, char *buf)
{
	return format(ns, buf, 'T', 9, "Z");
}

char *time_rfc3339_ms(int64_t ns, char *buf)
{
	return format(ns, buf, 'T', 3, "Z");
}

char *time_human(int64_t ns, char *buf)
{
	return format(ns, buf, ' ', 0, " UTC");
}

/* n decimal digits at *at, which moves past them. */
static int digits_at(struct text t, size_t *at, size_t n, int *ret_value)
{
	uint64_t value;
	if (t.n - *at < n || num_parse_u64(text_sub(t, *at, n), 9999, &value) < 0)
		return -EINVAL;
	*at += n;
	*ret_value = (int)value;
	return 0;
}

static int expect(struct text t, size_t *at, const char *any)
{
	for (; *any && *at < t.n; any++)
		if (t.p[*at] == *any) {
			(*at)++;
			return 0;
		}
	return -EINVAL;
}

static int parse_fraction(struct text t, size_t *at, int64_t *ret_ns)
{
	int64_t scale = NS_PER_S / 10, ns = 0;
	if (*at == t.n || t.p[*at] != '.')
		return 0;
	size_t first = ++*at;
	for (; *at < t.n && t.p[*at] >= '0' && t.p[*at] <= '9'; (*at)++, scale /= 10)
		ns += (t.p[*at] - '0') * scale;
	if (*at == first)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

static int parse_zone(struct text t, size_t *at, int *ret_minutes)
{
	int hours, minutes;
	if (expect(t, at, "Zz") == 0)
		return 0;
	int sign = *at < t.n && t.p[*at] == '-' ? -1 : 1;
	if (expect(t, at, "+-") < 0 || digits_at(t, at, 2, &hours) < 0 || expect(t, at, ":") < 0 ||
	    digits_at(t, at, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret_minutes = sign * (hours * 60 + minutes);
	return 0;
}

int time_parse(struct text t, int64_t *ret_ns)
{
	int year, month, day, hour = 0, minute = 0, second = 0, zone = 0;
	int64_t fraction = 0;
	size_t at = 0;
	if (digits_at(t, &at, 4, &year) < 0 || expect(t, &at, "-") < 0 || digits_at(t, &at, 2, &month) < 0 ||
	    expect(t, &at, "-") < 0 || digits_at(t, &at, 2, &day) < 0)
		return -EINVAL;
	if (at < t.n && (expect(t, &at, "Tt ") < 0 || digits_at(t, &at, 2, &hour) < 0 ||
	                    expect(t, &at, ":") < 0 || digits_at(t, &at, 2, &minute) < 0 ||
	                    expect(t, &at, ":") < 0 || digits_at(t, &at, 2, &second) < 0 ||
	                    parse_fraction(t, &at, &fraction) < 0 || parse_zone(t, &at, &zone) < 0))
		return -EINVAL;
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (at != t.n || year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && leap) || hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	struct tm tm = {.tm_year = year - 1900,
	    .tm_mon = month - 1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute - zone,
	    .tm_sec = second};
	*ret_ns = (int64_t)timegm(&tm) * NS_PER_S + fraction;
	return 0;
}

int time_parse_span(struct text t, int64_t *ret_ns)
{
	int64_t unit = NS_PER_S;
	uint64_t count;
	if (t.n) {
		switch (t.p[t.n - 1]) {
		case 's': t.n--; break;
		case 'm': unit = 60 * NS_PER_S, t.n--; break;
		case 'h': unit = 3600 * NS_PER_S, t.n--; break;
		case 'd': unit = 86400 * NS_PER_S, t.n--; break;
		default: break;
		}
	}
	int r = num_parse_u64(t, (uint64_t)(INT64_MAX / unit), &count);
	if (r < 0)
		return r;
	*ret_ns = (int64_t)count * unit;
	return 0;
}

char *time_span_human(int64_t ns, char *buf, size_t size)
{
	int64_t s = ns / NS_PER_S;
	if (s < 60)
		snprintf(buf, size, "%.1f s", (double)ns / (double)NS_PER_S);
	else if (s < 3600)
		snprintf(buf, size, "%d min %02d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(buf, size, "%d h %02d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(buf, size, "%lld d %02d h", (long long)(s / 86400), (int)(s / 3600 % 24));
	return buf;
}
