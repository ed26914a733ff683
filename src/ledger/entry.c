/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "ledger/key.h"

/* As numbers of JSON and of signed 64-bit integers too. */
#define NUMBER_MAX ((uint64_t)INT64_MAX)

enum { WORDS_MAX = 6, HASH_DIGITS = 2 * MERKLE_HASH_SIZE };

static const struct {
	const char *word;
	size_t words;
} forms[] = {
    [LEDGER_BEGIN] = {"begin", 3},
    [LEDGER_RUN] = {"run", 5},
    [LEDGER_FILE] = {"file", 5},
    [LEDGER_EXPIRE] = {"expire", 5},
    [LEDGER_KEY] = {"key", 2},
    [LEDGER_ACT] = {"act", 6},
};

enum { FORMS = sizeof(forms) / sizeof(*forms) };

static bool kind_fit(struct text kind)
{
	if (kind.n == 0 || kind.n > LEDGER_KIND_MAX)
		return false;
	for (size_t i = 0; i < kind.n; i++)
		if (!(kind.p[i] >= 'a' && kind.p[i] <= 'z') && kind.p[i] != '_')
			return false;
	return true;
}

static bool key_fit(struct text key)
{
	struct ledger_verifier v;
	return ledger_verifier_parse(key, &v) == 0 && v.type == LEDGER_KEY_SIGNER;
}

/* Four words of visible ASCII, the first a number. */
static bool act_fit(struct text t)
{
	uint64_t order;
	size_t blank = text_find(t, ' '), words = 1;
	if (num_parse_u64(text_sub(t, 0, blank), NUMBER_MAX, &order) < 0)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		bool empty = t.p[i] == ' ' && (i + 1 == t.n || t.p[i + 1] == ' ');
		if (t.p[i] < ' ' || t.p[i] > '~' || empty)
			return false;
		words += t.p[i] == ' ';
	}
	return words == 4;
}

/* Why an entry can't be one; NULL where it can. */
static const char *unfit(const struct ledger_entry *e)
{
	bool of_runs = e->type == LEDGER_RUN || e->type == LEDGER_FILE || e->type == LEDGER_EXPIRE;
	if (of_runs && !kind_fit(e->kind))
		return "a kind of record is one to sixteen lower-case letters";
	if (of_runs && (e->first > NUMBER_MAX || e->last > NUMBER_MAX || e->records > NUMBER_MAX))
		return "a number beyond 9223372036854775807";
	if (of_runs && e->first > e->last)
		return "the first run is behind the last one";
	if (e->type == LEDGER_BEGIN && !ledger_name_fit(e->text))
		return "an origin is one to 255 visible ASCII characters without a plus sign";
	if (e->type == LEDGER_KEY && !key_fit(e->text))
		return "no Ed25519 verifier key (NAME+ID+BASE64, type 1)";
	if (e->type == LEDGER_ACT && !act_fit(e->text))
		return "an act is a number and three words of visible ASCII";
	return NULL;
}

int ledger_entry_print(const struct ledger_entry *e, char *buf, size_t *ret_n)
{
	char hex[HASH_DIGITS + 1], time[TIME_TEXT_SIZE];
	int n = -1;
	if (unfit(e))
		return -EINVAL;
	switch (e->type) {
	case LEDGER_BEGIN:
		n = snprintf(buf, LEDGER_LINE_MAX, "begin %.*s %s", (int)e->text.n, e->text.p,
		    time_rfc3339(e->time, time));
		break;
	case LEDGER_RUN:
		n = snprintf(buf, LEDGER_LINE_MAX, "run %.*s %llu %llu %s", (int)e->kind.n, e->kind.p,
		    (unsigned long long)e->first, (unsigned long long)e->records,
		    num_hex(e->hash.b, sizeof(e->hash.b), hex));
		break;
	case LEDGER_FILE:
		n = snprintf(buf, LEDGER_LINE_MAX, "file %.*s %llu %llu %s", (int)e->kind.n, e->kind.p,
		    (unsigned long long)e->first, (unsigned long long)e->last,
		    num_hex(e->hash.b, sizeof(e->hash.b), hex));
		break;
	case LEDGER_EXPIRE:
		n = snprintf(buf, LEDGER_LINE_MAX, "expire %.*s %llu %llu %s", (int)e->kind.n, e->kind.p,
		    (unsigned long long)e->first, (unsigned long long)e->last, time_rfc3339(e->time, time));
		break;
	case LEDGER_KEY: n = snprintf(buf, LEDGER_LINE_MAX, "key %.*s", (int)e->text.n, e->text.p); break;
	case LEDGER_ACT:
		n = snprintf(buf, LEDGER_LINE_MAX, "act %s %.*s", time_rfc3339(e->time, time), (int)e->text.n,
		    e->text.p);
		break;
	}
	if (n < 0 || n >= LEDGER_LINE_MAX)
		return -EINVAL;
	*ret_n = (size_t)n;
	return 0;
}

static size_t split(struct text line, struct text *words)
{
	size_t n = 0;
	for (;;) {
		size_t blank = text_find(line, ' ');
		if (n == WORDS_MAX)
			return WORDS_MAX + 1;
		words[n++] = text_sub(line, 0, blank);
		if (blank == line.n)
			return n;
		line = text_sub(line, blank + 1, line.n);
	}
}

static const char *parse_runs(const struct text *words, struct ledger_entry *e)
{
	uint64_t *second = e->type == LEDGER_RUN ? &e->records : &e->last;
	e->kind = words[1];
	if (num_parse_u64(words[2], NUMBER_MAX, &e->first) < 0 ||
	    num_parse_u64(words[3], NUMBER_MAX, second) < 0)
		return "the third and fourth words are whole numbers";
	if (e->type == LEDGER_RUN)
		e->last = e->first;
	if (e->type == LEDGER_EXPIRE)
		return time_parse(words[4], &e->time) < 0 ? "the last word is a time" : NULL;
	return num_parse_hex(words[4], e->hash.b, sizeof(e->hash.b)) < 0 ? "the last word is a SHA-256"
	                                                                 : NULL;
}

static const char *parse_words(const struct text *words, size_t n, struct ledger_entry *e)
{
	size_t type = 0;
	while (type < FORMS && !text_equal(words[0], text_of(forms[type].word)))
		type++;
	if (type == FORMS)
		return "the first word is none of begin, run, file, expire, key, act";
	if (n != forms[type].words)
		return "too many or too few words";
	e->type = (enum ledger_entry_type)type;
	switch (e->type) {
	case LEDGER_BEGIN:
		e->text = words[1];
		return time_parse(words[2], &e->time) < 0 ? "the last word is a time" : NULL;
	case LEDGER_KEY: e->text = words[1]; return NULL;
	case LEDGER_ACT:
		e->text = text_bytes(words[2].p, (size_t)(words[5].p + words[5].n - words[2].p));
		return time_parse(words[1], &e->time) < 0 ? "the second word is a time" : NULL;
	case LEDGER_RUN:
	case LEDGER_FILE:
	case LEDGER_EXPIRE: break;
	}
	return parse_runs(words, e);
}

int ledger_entry_parse(struct text line, struct ledger_entry *ret_entry, const char **ret_why)
{
	struct ledger_entry e = {0};
	struct text words[WORDS_MAX];
	char again[LEDGER_LINE_MAX];
	size_t n;
	const char *why = line.n >= LEDGER_LINE_MAX ? "longer than any entry" : NULL;
	if (!why)
		why = parse_words(words, split(line, words), &e);
	if (!why)
		why = unfit(&e);
	if (!why && (ledger_entry_print(&e, again, &n) < 0 || !text_equal(line, text_bytes(again, n))))
		why =
		    "not the one form that an entry has (leading zeros, capitals, or a time in another form)";
	if (!why) {
		*ret_entry = e;
		return 0;
	}
	if (ret_why)
		*ret_why = why;
	return -ERR_MALFORMED;
}
