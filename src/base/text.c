/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/dynbuf.h"

struct text text_of(const char *s)
{
	return (struct text){.p = s, .n = s ? strlen(s) : 0};
}

struct text text_bytes(const void *p, size_t n)
{
	return (struct text){.p = p, .n = n};
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool text_equal(struct text a, struct text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool text_starts_nocase(struct text a, struct text prefix)
{
	if (a.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)prefix.p[i]))
			return false;
	return true;
}

bool text_equal_nocase(struct text a, struct text b)
{
	return a.n == b.n && text_starts_nocase(a, b);
}

int text_compare(struct text a, struct text b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

size_t text_find(struct text t, char c)
{
	const char *at = t.n ? memchr(t.p, c, t.n) : NULL;
	return at ? (size_t)(at - t.p) : t.n;
}

struct text text_sub(struct text t, size_t from, size_t n)
{
	if (from > t.n)
		from = t.n;
	if (n > t.n - from)
		n = t.n - from;
	return (struct text){.p = t.p ? t.p + from : NULL, .n = n};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text t)
{
	while (t.n && is_blank(t.p[0])) {
		t.p++;
		t.n--;
	}
	while (t.n && is_blank(t.p[t.n - 1]))
		t.n--;
	return t;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, table in section 4), 0 where there is none. */
static size_t utf8_length(const unsigned char *p, size_t n, uint32_t *ret_point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = p[0] < 0x80   ? 1
	                : p[0] < 0xc2 ? 0
	                : p[0] < 0xe0 ? 2
	                : p[0] < 0xf0 ? 3
	                : p[0] < 0xf5 ? 4
	                              : 0;
	if (length == 0 || length > n)
		return 0;
	uint32_t point = length == 1 ? p[0] : p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return length;
}

/* Control characters and those that reorder or hide what a person reads. */
static bool is_printable(uint32_t point)
{
	return point >= 0x20 && !(point >= 0x7f && point < 0xa0) && !(point >= 0x200b && point <= 0x200f) &&
	       !(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2060 && point <= 0x206f) &&
	       point != 0x061c && point != 0xfeff;
}

/* How many bytes from `at` on are plain ASCII, which nearly all texts are. */
static size_t plain_run(struct text t, size_t at)
{
	size_t n = at;
	while (n < t.n && t.p[n] >= 0x20 && t.p[n] < 0x7f)
		n++;
	return n - at;
}

int text_append_printable(struct dynbuf *out, struct text t)
{
	const unsigned char *p = (const unsigned char *)t.p;
	for (size_t i = 0; i < t.n;) {
		uint32_t point = 0;
		size_t plain = plain_run(t, i);
		if (plain) {
			dynbuf_append(out, p + i, plain);
			i += plain;
			continue;
		}
		size_t length = utf8_length(p + i, t.n - i, &point);
		if (length && is_printable(point)) {
			dynbuf_append(out, p + i, length);
			i += length;
		} else {
			dynbuf_printf(out, "\\x%02x", p[i]);
			i++;
		}
	}
	return out->error;
}

char *text_printable(struct text t, char *buf, size_t size)
{
	if (t.n < size && plain_run(t, 0) == t.n) {
		if (t.n)
			memcpy(buf, t.p, t.n);
		buf[t.n] = '\0';
		return buf;
	}
	size_t used = 0, fits = 0; /* fits: the last place between characters that leaves room for "..." */
	const unsigned char *p = (const unsigned char *)t.p;
	for (size_t i = 0; i < t.n;) {
		uint32_t point = 0;
		size_t length = utf8_length(p + i, t.n - i, &point);
		bool plain = length && is_printable(point);
		size_t need = plain ? length : 4;
		if (used + 4 <= size)
			fits = used;
		if (used + need + 1 > size) {
			used = fits;
			for (int dot = 0; dot < 3 && used + 1 < size; dot++)
				buf[used++] = '.';
			break;
		}
		if (plain)
			memcpy(buf + used, p + i, length);
		else
			snprintf(buf + used, 5, "\\x%02x", p[i]);
		used += need;
		i += plain ? length : 1;
	}
	if (size)
		buf[used] = '\0';
	return buf;
}
