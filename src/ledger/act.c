/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/act.h"

#include <errno.h>
#include <stdio.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"

/* "act " and the time before it, the newline after it. */
enum { AROUND = 4 + TIME_TEXT_SIZE + 2, WHAT_MAX = 32, WHO_MAX = 192 };

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

/* Appends at most `max` bytes, whole characters of the encoding. What would read as "nothing" is encoded. */
static size_t encode(char *to, size_t max, struct text t)
{
	bool dash = t.n == 1 && t.p[0] == '-';
	size_t n = 0;
	if (t.n == 0)
		to[n++] = '-';
	for (size_t i = 0; i < t.n; i++) {
		bool plain = is_unreserved(t.p[i]) && !dash;
		if (n + (plain ? 1 : 3) > max)
			break;
		if (plain)
			to[n++] = t.p[i];
		else
			n += (size_t)snprintf(to + n, 4, "%%%02X", (unsigned)(uint8_t)t.p[i]);
	}
	return n;
}

static bool is_word(struct text t)
{
	bool is = t.n > 0 && t.n <= WHAT_MAX;
	for (size_t i = 0; is && i < t.n; i++)
		is = (t.p[i] >= 'a' && t.p[i] <= 'z') || t.p[i] == '-';
	return is;
}

int ledger_act_print(const struct ledger_act *a, char *buf, struct ledger_entry *ret_entry)
{
	char who[WHO_MAX + 4], why[LEDGER_LINE_MAX];
	if (!is_word(a->what) || a->order > INT64_MAX)
		return -EINVAL;
	size_t n_who = encode(who, WHO_MAX, a->who);
	int n = snprintf(buf, LEDGER_LINE_MAX, "%llu %.*s %.*s ", (unsigned long long)a->order,
	    (int)a->what.n, a->what.p, (int)n_who, who);
	size_t n_why = encode(why, LEDGER_LINE_MAX - AROUND - (size_t)n - 4, a->why);
	n += snprintf(buf + n, LEDGER_LINE_MAX - (size_t)n, "%.*s", (int)n_why, why);
	*ret_entry = (struct ledger_entry){
	    .type = LEDGER_ACT, .time = a->time, .text = text_bytes(buf, (size_t)n)};
	return 0;
}

/* Decodes into *buf, which moves on. False where an escape is none. */
static bool decode(struct text t, char **buf, struct text *ret)
{
	char *to = *buf;
	size_t n = 0;
	for (size_t i = 0; i < t.n; i++) {
		uint8_t byte;
		if (t.p[i] != '%') {
			to[n++] = t.p[i];
			continue;
		}
		if (t.n - i < 3 || num_parse_hex(text_sub(t, i + 1, 2), &byte, 1) < 0)
			return false;
		to[n++] = (char)byte;
		i += 2;
	}
	*ret = text_bytes(to, t.n == 1 && t.p[0] == '-' ? 0 : n);
	*buf += n;
	return true;
}

int ledger_act_parse(const struct ledger_entry *e, char *buf, struct ledger_act *ret_act)
{
	struct ledger_act a = {.time = e->time};
	struct text words[4], left = e->text;
	size_t n = 0;
	if (e->type != LEDGER_ACT)
		return -ERR_MALFORMED;
	for (; n < 4 && left.n; n++) {
		size_t blank = text_find(left, ' ');
		words[n] = text_sub(left, 0, blank);
		left = text_sub(left, blank < left.n ? blank + 1 : blank, left.n);
	}
	if (n != 4 || left.n || num_parse_u64(words[0], INT64_MAX, &a.order) < 0)
		return -ERR_MALFORMED;
	a.what = words[1];
	if (!decode(words[2], &buf, &a.who) || !decode(words[3], &buf, &a.why))
		return -ERR_MALFORMED;
	*ret_act = a;
	return 0;
}
