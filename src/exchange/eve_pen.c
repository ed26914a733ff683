/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve_pen.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/timefmt.h"

static const int64_t NS_PER_MINUTE = 60 * NS_PER_S;

enum { EVE_PEN_MINUTE_SIZE = 17 }; /* "2026-11-23T06:00:" */

const char eve_digit_pairs[200] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

const uint64_t eve_digit_powers[NUM_DECIMAL_MAX] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
    100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
    1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
    UINT64_C(10000000000000000000)};

void eve_pen_free(struct eve_pen *p)
{
	dynbuf_free(&p->line);
	dynbuf_free(&p->text);
}

void eve_pen_reset(struct eve_pen *p)
{
	dynbuf_reset(&p->line);
	p->to = p->end = (char *)p->line.p;
	if (p->end)
		p->end += p->line.cap;
}

char *eve_pen_begin_more(struct eve_pen *p, size_t n)
{
	p->line.n = eve_pen_view(p).n;
	if (!dynbuf_grow(&p->line, n)) {
		p->end = p->to; /* nothing has room any more */
		return NULL;
	}
	p->to = (char *)p->line.p + (p->line.n - n);
	p->end = (char *)p->line.p + p->line.cap;
	return p->to;
}

/* Over the comma of the last value, where there is one. */
void eve_pen_close(struct eve_pen *p, char bracket)
{
	char *to = eve_pen_begin(p, 2);
	if (!to)
		return;
	if (to > (char *)p->line.p && to[-1] == ',')
		to--;
	*to++ = bracket;
	*to++ = ',';
	eve_pen_end(p, to);
}

int eve_pen_finish(struct eve_pen *p, struct text *ret_line)
{
	if (p->line.error)
		return -ENOMEM;
	struct text line = eve_pen_view(p);
	*ret_line = text_sub(line, 0, line.n - 1);
	return 0;
}

static const uint64_t EACH_BYTE = UINT64_C(0x0101010101010101), TOP_BITS = UINT64_C(0x8080808080808080);

/* Of eight bytes at once, in the top bit of each: those that aren't printable ASCII, or are to be escaped.
 * A borrow reaches only what stands above a byte that is found anyway. */
static uint64_t awkward_of(uint64_t bytes)
{
	uint64_t quotes = bytes ^ EACH_BYTE * '"', backslashes = bytes ^ EACH_BYTE * '\\';
	uint64_t controls = bytes - EACH_BYTE * 0x20, deletes = bytes ^ EACH_BYTE * 0x7f;
	return ((quotes - EACH_BYTE) | (backslashes - EACH_BYTE) | (deletes - EACH_BYTE) | controls | bytes) &
	       TOP_BITS;
}

/* Nothing to escape, and nothing that isn't fit for a terminal. */
static bool is_plain(struct text t)
{
	uint64_t awkward = 0, end = EACH_BYTE * ' ';
	size_t i = 0;
	for (; t.n - i >= 8; i += 8)
		awkward |= awkward_of(load_le64((const uint8_t *)t.p + i));
	if (t.n > i)
		memcpy(&end, t.p + i, t.n - i);
	return (awkward | awkward_of(end)) == 0;
}

/* What text_append_printable made: controls are gone by now. */
static char *copy_escaped(char *to, struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '"' || t.p[i] == '\\')
			*to++ = '\\';
		*to++ = t.p[i];
	}
	return to;
}

void eve_pen_text(struct eve_pen *p, struct text key, struct text t)
{
	if (is_plain(t)) {
		eve_pen_word(p, key, t);
		return;
	}
	dynbuf_reset(&p->text);
	if (text_append_printable(&p->text, t) < 0) {
		p->line.error = p->text.error;
		p->end = p->to;
		return;
	}
	char *to = eve_pen_begin(p, key.n + 2 * p->text.n + 3);
	if (!to)
		return;
	to = eve_pen_copy(to, key);
	*to++ = '"';
	to = copy_escaped(to, dynbuf_view(&p->text));
	*to++ = '"';
	*to++ = ',';
	eve_pen_end(p, to);
}

void eve_pen_real(struct eve_pen *p, struct text key, double v)
{
	char number[DBL_MAX_10_EXP + 8];
	int n = snprintf(number, sizeof(number), "%.3f,", v);
	char *to = eve_pen_begin(p, key.n + sizeof(number));
	if (to)
		eve_pen_end(p, eve_pen_copy(eve_pen_copy(to, key), text_bytes(number, (size_t)n)));
}

/* Dotted; b: the address's last four bytes. */
static char *copy_v4(char *to, const uint8_t *b)
{
	to = eve_digits_octet(to, b[0]);
	*to++ = '.';
	to = eve_digits_octet(to, b[1]);
	*to++ = '.';
	to = eve_digits_octet(to, b[2]);
	*to++ = '.';
	return eve_digits_octet(to, b[3]);
}

void eve_pen_addr(struct eve_pen *p, struct text key, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	char *to = eve_pen_begin(p, key.n + NET_ADDR_TEXT_SIZE + 3);
	if (!to)
		return;
	to = eve_pen_copy(to, key);
	*to++ = '"';
	to = net_addr_is_v4(a) ? copy_v4(to, a.b + 12) : eve_pen_copy(to, text_of(net_addr_text(a, text)));
	*to++ = '"';
	*to++ = ',';
	eve_pen_end(p, to);
}

/* Before 1970, too, a minute begins before what is in it. */
static int64_t minute_of(int64_t ns)
{
	return ns / NS_PER_MINUTE - (ns % NS_PER_MINUTE < 0);
}

/* The stamp's seconds, and its minute unless that is there. */
static void stamp(struct eve_pen *p, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	int64_t minute = minute_of(ns);
	/* minutes at both ends of int64_t begin outside of it */
	uint64_t micros = ((uint64_t)ns - (uint64_t)minute * (uint64_t)NS_PER_MINUTE) / 1000;
	unsigned second = (unsigned)(micros / 1000000), fraction = (unsigned)(micros % 1000000);
	if (!p->timed || minute != p->minute) {
		p->stamp[0] = '"';
		memcpy(p->stamp + 1, time_rfc3339(ns, text), EVE_PEN_MINUTE_SIZE);
		p->minute = minute;
		p->timed = true;
	}
	char *to = eve_digits_two(p->stamp + 1 + EVE_PEN_MINUTE_SIZE, second);
	*to++ = '.';
	to = eve_digits_two(to, fraction / 10000);
	to = eve_digits_two(to, fraction / 100 % 100);
	to = eve_digits_two(to, fraction % 100);
	memcpy(to, "+0000\",", 7);
	p->time = ns;
}

void eve_pen_time(struct eve_pen *p, struct text key, int64_t ns)
{
	char *to = eve_pen_begin(p, key.n + EVE_PEN_TIME_SIZE);
	if (!to)
		return;
	if (!p->timed || ns != p->time)
		stamp(p, ns);
	to = eve_pen_copy(to, key);
	memcpy(to, p->stamp, EVE_PEN_TIME_SIZE);
	eve_pen_end(p, to + EVE_PEN_TIME_SIZE);
}

void eve_pen_hex(struct eve_pen *p, struct text key, struct text bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *to = eve_pen_begin(p, key.n + 2 * bytes.n + 3);
	if (!to)
		return;
	to = eve_pen_copy(to, key);
	*to++ = '"';
	for (size_t i = 0; i < bytes.n; i++) {
		*to++ = digits[(unsigned char)bytes.p[i] >> 4];
		*to++ = digits[(unsigned char)bytes.p[i] & 15];
	}
	*to++ = '"';
	*to++ = ',';
	eve_pen_end(p, to);
}

void eve_pen_again(struct eve_pen *p, struct text part)
{
	char *to = eve_pen_begin(p, part.n);
	if (to)
		eve_pen_end(p, eve_pen_copy(to, part));
}
