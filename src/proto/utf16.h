/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_UTF16_H
#define PROTO_UTF16_H

/*
 * The strings of Windows protocols: UTF-16, little-endian, to UTF-8. Owns nothing; the result stands in the
 * caller's buffer, cut at a whole character where it doesn't fit. Unpaired surrogates become U+FFFD; an odd
 * last byte is left out.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* n bytes at p. A NUL character ends the string: fixed-size and NUL-terminated members both come out right.
 */
struct text utf16le_text(const uint8_t *p, size_t n, char *buf, size_t size);

#endif
