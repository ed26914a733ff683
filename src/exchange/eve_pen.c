/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve_pen.h"

#include <errno.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/timefmt.h"

static const int64_t NS_PER_MINUTE = 60 * NS_PER_S;

void eve_pen_free(struct eve_pen *p)
{
	dynbuf_free(&p->line);
	dynbuf_free(&p->text);
}

void eve_pen_reset(struct eve_pen *p)
{
	dynbuf_reset(&p->line);
}

/* Over the comma of the last value, where there is one. */
static void close_over(struct dynbuf *line, char bracket)
{
	if (line->error)
		return;
	if (line->n && line->p[line->n - 1] == ',')
		line->p[line->n - 1] = (uint8_t)bracket;
	else
		dynbuf_u8(line, (uint8_t)bracket);
}

void eve_pen_close(struct eve_pen *p, char bracket)
{
	close_over(&p->line, bracket);
	dynbuf_u8(&p->line, ',');
}

int eve_pen_finish(struct eve_pen *p, struct text *ret_line)
{
	if (p->line.error)
		return -ENOMEM;
	*ret_line = text_sub(dynbuf_view(&p->line), 0, p->line.n - 1);
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
static void put_escaped(struct dynbuf *line, struct text rest)
{
	while (rest.n) {
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '"' && rest.p[n] != '\\')
			n++;
		dynbuf_append(line, rest.p, n);
		if (n < rest.n) {
			dynbuf_u8(line, '\\');
			dynbuf_append(line, rest.p + n++, 1);
		}
		rest = text_sub(rest, n, rest.n);
	}
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
		return;
	}
	dynbuf_text(&p->line, key);
	dynbuf_u8(&p->line, '"');
	put_escaped(&p->line, dynbuf_view(&p->text));
	dynbuf_append(&p->line, "\",", 2);
}

void eve_pen_real(struct eve_pen *p, struct text key, double v)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "%.3f,", v);
	dynbuf_text(&p->line, key);
	dynbuf_append(&p->line, number, (size_t)n);
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

void eve_pen_time(struct eve_pen *p, struct text key, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	int64_t minute = minute_of(ns);
	/* minutes at both ends of int64_t begin outside of it */
	uint64_t micros = ((uint64_t)ns - (uint64_t)minute * (uint64_t)NS_PER_MINUTE) / 1000;
	unsigned second = (unsigned)(micros / 1000000), fraction = (unsigned)(micros % 1000000);
	char *to = eve_pen_begin(p, key.n + EVE_PEN_TIME_SIZE + 1);
	if (!to)
		return;
	if (!p->timed || minute != p->minute) {
		memcpy(p->stamp, time_rfc3339(ns, text), sizeof(p->stamp));
		p->minute = minute;
		p->timed = true;
	}
	to = eve_pen_copy(to, key);
	*to++ = '"';
	memcpy(to, p->stamp, sizeof(p->stamp));
	to = eve_digits_two(to + sizeof(p->stamp), second);
	*to++ = '.';
	to = eve_digits_two(to, fraction / 10000);
	to = eve_digits_two(to, fraction / 100 % 100);
	to = eve_digits_two(to, fraction % 100);
	memcpy(to, "+0000\",", 7);
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
	memcpy(to, "\",", 2);
}

void eve_pen_again(struct eve_pen *p, struct text part)
{
	dynbuf_text(&p->line, part);
}
