/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

/*
 * Lines of text protocols (FTP, SMTP, SIP): split at LF, a CR before it dropped. A line longer than
 * LINE_MAX_BYTES is given cut, and what is left of it passed over, so that a stream without line ends costs
 * no memory. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { LINE_MAX_BYTES = 2048 };

/* One direction's reader; zeroed = at the start of a line. */
struct line_reader {
	bool passing; /* the rest of a line that was too long */
};

/*
 * Takes a line from the front of the n bytes at p; *ret_used bytes are consumed either way (0: more are
 * needed). At the end of the stream what is left counts as a line. Returns whether there is one.
 */
bool line_take(
    struct line_reader *r, const uint8_t *p, size_t n, bool end, struct text *ret_line, size_t *ret_used);
/* Whether what begins here can begin with a command or greeting: with a letter, or with blanks before one.
 * Most of what probes are shown can't. */
static inline bool line_may_begin(const uint8_t *p, size_t n)
{
	return n == 0 || ((p[0] | 0x20) >= 'a' && (p[0] | 0x20) <= 'z') || p[0] == ' ' ||
	       (p[0] >= '\t' && p[0] <= '\r');
}
/* The first word of a line; *ret_rest is what follows, trimmed. */
struct text line_word(struct text line, struct text *ret_rest);

#endif
