/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve_pen.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"

void eve_pen_free(struct eve_pen *p)
{
	dynbuf_free(&p->line);
	dynbuf_free(&p->text);
}

void eve_pen_reset(struct eve_pen *p)
{
	dynbuf_reset(&p->line);
	p->comma = false;
}

void eve_pen_open(struct eve_pen *p, char bracket)
{
	char *at = eve_pen_next(p, 1);
	if (at)
		*at = bracket;
	p->comma = false;
}

void eve_pen_close(struct eve_pen *p, char bracket)
{
	dynbuf_u8(&p->line, (uint8_t)bracket);
	p->comma = true;
}

void eve_pen_word(struct eve_pen *p, struct text word)
{
	char *at = eve_pen_next(p, word.n + 2);
	if (at) {
		at[0] = '"';
		if (word.n)
			memcpy(at + 1, word.p, word.n);
		at[word.n + 1] = '"';
	}
	p->comma = true;
}

/* Nothing to escape, and nothing that isn't fit for a terminal. */
static bool is_plain(struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return true;
}

void eve_pen_text(struct eve_pen *p, struct text t)
{
	if (is_plain(t)) {
		eve_pen_word(p, t);
		return;
	}
	dynbuf_reset(&p->text);
	if (text_append_printable(&p->text, t) < 0) {
		p->line.error = p->text.error;
		return;
	}
	/* controls are gone by now */
	char *at = eve_pen_next(p, 1);
	if (at)
		*at = '"';
	struct text rest = dynbuf_view(&p->text);
	while (rest.n) {
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '"' && rest.p[n] != '\\')
			n++;
		dynbuf_append(&p->line, rest.p, n);
		if (n < rest.n) {
			dynbuf_u8(&p->line, '\\');
			dynbuf_append(&p->line, rest.p + n++, 1);
		}
		rest = text_sub(rest, n, rest.n);
	}
	dynbuf_u8(&p->line, '"');
	p->comma = true;
}

void eve_pen_count(struct eve_pen *p, uint64_t n)
{
	char digits[NUM_DECIMAL_MAX];
	size_t length = num_decimal(n, digits);
	char *at = eve_pen_next(p, length);
	if (at)
		memcpy(at, digits, length);
	p->comma = true;
}

void eve_pen_real(struct eve_pen *p, double v)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "%.3f", v);
	char *at = eve_pen_next(p, (size_t)n);
	if (at)
		memcpy(at, number, (size_t)n);
	p->comma = true;
}

void eve_pen_addr(struct eve_pen *p, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	eve_pen_word(p, text_of(net_addr_text(a, text)));
}

void eve_pen_time(struct eve_pen *p, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	int64_t second = ns / NS_PER_S - (ns % NS_PER_S < 0), micros = (ns - second * NS_PER_S) / 1000;
	if (!p->timed || second != p->second) {
		memcpy(p->stamp, time_rfc3339(ns, text), sizeof(p->stamp));
		p->second = second;
		p->timed = true;
	}
	memcpy(text, p->stamp, sizeof(p->stamp));
	for (size_t i = 6; i-- > 0; micros /= 10)
		text[sizeof(p->stamp) + i] = (char)('0' + micros % 10);
	memcpy(text + sizeof(p->stamp) + 6, "+0000", 5);
	eve_pen_word(p, text_bytes(text, sizeof(p->stamp) + 11));
}

void eve_pen_hex(struct eve_pen *p, struct text bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *at = eve_pen_next(p, 2 * bytes.n + 2);
	p->comma = true;
	if (!at)
		return;
	*at++ = '"';
	for (size_t i = 0; i < bytes.n; i++) {
		*at++ = digits[(unsigned char)bytes.p[i] >> 4];
		*at++ = digits[(unsigned char)bytes.p[i] & 15];
	}
	*at = '"';
}

void eve_pen_again(struct eve_pen *p, struct text part)
{
	char *at = eve_pen_next(p, part.n);
	if (at)
		memcpy(at, part.p, part.n);
	p->comma = true;
}
