/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/*
 * A borrowed run of bytes that is meant to be read as text: a name, a header value, a path. It comes from the
 * network or a file, so it may hold any byte, NUL included, and need not be UTF-8. It owns nothing; whoever
 * keeps it longer than the bytes behind it copies it (arena_text in base/arena.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dynbuf;

struct text {
	const char *p;
	size_t n;
};

/* A string literal as text. */
#define TEXT(s) ((struct text){.p = (s), .n = sizeof(s) - 1})

/* The text of a C string; NULL gives the empty text. */
struct text text_of(const char *s);
/* The text of n bytes at p. */
struct text text_bytes(const void *p, size_t n);

bool text_equal(struct text a, struct text b);
/* ASCII case is ignored: names of DNS, HTTP headers, FTP commands. */
bool text_equal_nocase(struct text a, struct text b);
bool text_starts_nocase(struct text a, struct text prefix);
/* Orders as memcmp does, the shorter first. */
int text_compare(struct text a, struct text b);
/* Index of the first byte c, or t.n where there is none. */
size_t text_find(struct text t, char c);
/* The part from byte `from` on, at most n bytes; both are clamped to the text. */
struct text text_sub(struct text t, size_t from, size_t n);
/* Without ASCII blanks at both ends. */
struct text text_trim(struct text t);

/*
 * Appends t as clean UTF-8 for terminals, JSON and HTML: well-formed sequences stay; control bytes (ESC among
 * them), bidirectional overrides and malformed bytes become \xNN. Returns 0 or -ENOMEM.
 */
int text_append_printable(struct dynbuf *out, struct text t);
/* The same into a buffer of `size` bytes, always closed with NUL, cut with "..." where it doesn't fit.
 * Returns buf. */
char *text_printable(struct text t, char *buf, size_t size);

#endif
