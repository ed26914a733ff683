/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EVE_PEN_H
#define EXCHANGE_EVE_PEN_H

/*
 * Writes JSON from the left to the right into a buffer that is used again for every line, for EVE alone:
 * there are more lines than flows, and a library's generator took as long for them as all else took for the
 * packets (doc/structure.md). It sets commas and escapes; whoever writes closes what he opens, and gives a
 * key before each value of an object.
 *
 * Each value gets its comma at once, and what closes takes the last one back: so nothing hangs on what stands
 * before, and a key with its value is one run of bytes that there is room for as a whole.
 *
 * Bound: a line is at most some 1 GiB; errors are sticky in line.error (base/dynbuf.h).
 */

#include "base/dynbuf.h"
#include "exchange/eve_digits.h"
#include "net/addr.h"

enum {
	EVE_PEN_TIME_SIZE = 34, /* "2026-11-23T06:00:00.000000+0000", quoted, with its comma */
};

struct eve_pen {
	char *to, *end;     /* where it writes, and where the room for that ends */
	struct dynbuf line; /* whose memory that is; its n means nothing */
	bool timed;         /* `stamp` was written */
	int64_t time;       /* that it is of: the same one is often told twice */
	int64_t minute;     /* and the minute, since 1970 */
	char stamp[EVE_PEN_TIME_SIZE];
	struct dynbuf text; /* of one that isn't plain */
};

/* A key as it stands in a line: quoted, with its colon. From a literal. */
#define EVE_KEY(name) TEXT("\"" name "\":")

void eve_pen_free(struct eve_pen *p);
/* Begins a line. */
void eve_pen_reset(struct eve_pen *p);
/* The line, once all is closed. 0 or -ENOMEM. */
int eve_pen_finish(struct eve_pen *p, struct text *ret_line);

/* Room for at most n bytes, of which eve_pen_end says where they end; NULL on failure. */
char *eve_pen_begin_more(struct eve_pen *p, size_t n);
static inline char *eve_pen_begin(struct eve_pen *p, size_t n)
{
	return n <= (size_t)(p->end - p->to) ? p->to : eve_pen_begin_more(p, n);
}

static inline void eve_pen_end(struct eve_pen *p, char *end)
{
	p->to = end;
}

/* What the line holds so far. */
static inline struct text eve_pen_view(const struct eve_pen *p)
{
	return (struct text){.p = (const char *)p->line.p, .n = (size_t)(p->to - (const char *)p->line.p)};
}

static inline char *eve_pen_copy(char *to, struct text t)
{
	if (t.n)
		memcpy(to, t.p, t.n);
	return to + t.n;
}

/* '{' or '['. Here, as others are, since nearly all keys are literals of known length. */
static inline void eve_pen_open(struct eve_pen *p, struct text key, char bracket)
{
	char *to = eve_pen_begin(p, key.n + 1);
	if (!to)
		return;
	to = eve_pen_copy(to, key);
	*to++ = bracket;
	eve_pen_end(p, to);
}

void eve_pen_close(struct eve_pen *p, char bracket);

/* key: EVE_KEY, or nothing for a value in a list; so the others. */
static inline void eve_pen_count(struct eve_pen *p, struct text key, uint64_t n)
{
	char *to = eve_pen_begin(p, key.n + NUM_DECIMAL_MAX + 1);
	if (!to)
		return;
	to = eve_digits(eve_pen_copy(to, key), n);
	*to++ = ',';
	eve_pen_end(p, to);
}

/* A text of our own, which has nothing to escape. */
static inline void eve_pen_word(struct eve_pen *p, struct text key, struct text word)
{
	char *to = eve_pen_begin(p, key.n + word.n + 3);
	if (!to)
		return;
	to = eve_pen_copy(to, key);
	*to++ = '"';
	to = eve_pen_copy(to, word);
	*to++ = '"';
	*to++ = ',';
	eve_pen_end(p, to);
}

/* A text from the network, as text_append_printable makes it clean. */
void eve_pen_text(struct eve_pen *p, struct text key, struct text t);
/* Three digits behind the point. */
void eve_pen_real(struct eve_pen *p, struct text key, double v);
void eve_pen_addr(struct eve_pen *p, struct text key, struct net_addr a);
/* Microseconds and a numeric zone, as EVE has it. */
void eve_pen_time(struct eve_pen *p, struct text key, int64_t ns);
void eve_pen_hex(struct eve_pen *p, struct text key, struct text bytes);
/* What was written before: values with their keys and commas. */
void eve_pen_again(struct eve_pen *p, struct text part);

#endif
