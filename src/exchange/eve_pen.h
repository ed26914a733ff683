/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EVE_PEN_H
#define EXCHANGE_EVE_PEN_H

/*
 * Writes JSON from the left to the right into a buffer that is used again for every line, for EVE alone:
 * there are more lines than flows, and a library's generator took as long for them as all else took for the
 * packets (doc/structure.md). It sets commas and escapes; whoever writes closes what he opens, and gives a
 * key before each value of an object.
 *
 * Bound: a line is at most 1 GiB; errors are sticky in line.error (base/dynbuf.h).
 */

#include "base/dynbuf.h"
#include "net/addr.h"

struct eve_pen {
	struct dynbuf line;
	bool comma;         /* something stands before the next value or key */
	bool timed;         /* `second` was written */
	int64_t second;     /* the one that `stamp` is of */
	char stamp[20];     /* "2026-11-23T06:00:00." */
	struct dynbuf text; /* of one that isn't plain */
};

void eve_pen_free(struct eve_pen *p);
/* Begins a line. */
void eve_pen_reset(struct eve_pen *p);
/* '{' or '['. */
void eve_pen_open(struct eve_pen *p, char bracket);
void eve_pen_close(struct eve_pen *p, char bracket);
/* Room for n bytes and the comma before them, where one is due; NULL on failure. */
static inline char *eve_pen_next(struct eve_pen *p, size_t n)
{
	char *at = (char *)dynbuf_grow(&p->line, n + p->comma);
	if (at && p->comma)
		*at++ = ',';
	return at;
}

/* The key of the next value: plain ASCII. Here, since nearly all are literals of known length. */
static inline void eve_pen_key(struct eve_pen *p, struct text key)
{
	char *at = eve_pen_next(p, key.n + 3);
	p->comma = false;
	if (!at)
		return;
	at[0] = '"';
	memcpy(at + 1, key.p, key.n);
	at[key.n + 1] = '"';
	at[key.n + 2] = ':';
}

/* A text from the network, as text_append_printable makes it clean. */
void eve_pen_text(struct eve_pen *p, struct text t);
/* A text of our own, which has nothing to escape. */
void eve_pen_word(struct eve_pen *p, struct text word);
void eve_pen_count(struct eve_pen *p, uint64_t n);
/* Three digits behind the point. */
void eve_pen_real(struct eve_pen *p, double v);
void eve_pen_addr(struct eve_pen *p, struct net_addr a);
/* Microseconds and a numeric zone, as EVE has it. */
void eve_pen_time(struct eve_pen *p, int64_t ns);
void eve_pen_hex(struct eve_pen *p, struct text bytes);
/* What was written before, from a key to the value's end. */
void eve_pen_again(struct eve_pen *p, struct text part);

#endif
