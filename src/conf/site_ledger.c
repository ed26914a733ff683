/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the ledger is signed, witnessed and time-stamped. Only the form of keys is looked at here: whether a
 * key is one is for those to say who use it. */

#include "conf/site_reader.h"

#include <string.h>

enum { KEY_HASH_DIGITS = 8, KEY_BASE64 = 44 /* of 33 bytes */ };

static char *copied(struct site_reader *r, struct text t)
{
	char *copy = arena_strndup(&r->site->arena, t.p, t.n);
	if (!copy)
		conf_no_memory(&r->report);
	return copy;
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool all_of(struct text t, const char *set)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_one_of(t.p[i], set))
			return false;
	return true;
}

/* What a signed note can hold as a name: visible ASCII without "+", which ends it in a verifier key. */
static bool is_note_name(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] >= 0x7f || t.p[i] == '+')
			return false;
	return t.n > 0 && t.n <= SITE_ORIGIN_MAX;
}

static void read_key(void *reader, const struct conf_node *value, void *into)
{
	struct site_ledger *l = into;
	conf_file_row(reader, value, &l->key);
}

static void read_origin(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_ledger *l = into;
	char shown[CONF_SHOWN_SIZE];
	struct text t;
	if (!conf_scalar(&r->report, value, "the log's name", "archive.example.org/bulkhead", &t))
		return;
	if (!is_note_name(t))
		conf_mistake(&r->report, value,
		    "\"%s\" can't name a log; write 1 to %d letters, digits and signs without blanks and "
		    "\"+\", such as archive.example.org/bulkhead",
		    conf_shown(value, shown), SITE_ORIGIN_MAX);
	else
		l->origin = copied(r, t);
}

/* name+hash+base64, as `bulkhead ledger key` writes it. */
static bool is_verifier_key(struct text t)
{
	static const char hex[] = "0123456789abcdef";
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t name = text_find(t, '+');
	struct text rest = text_sub(t, name + 1, t.n);
	size_t hash = text_find(rest, '+');
	return is_note_name(text_sub(t, 0, name)) && hash == KEY_HASH_DIGITS &&
	       rest.n - hash - 1 == KEY_BASE64 && all_of(text_sub(rest, 0, hash), hex) &&
	       all_of(text_sub(rest, hash + 1, KEY_BASE64), base64);
}

static void read_witnesses(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_ledger *l = into;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_list(&r->report, value, "witnesses' verifier keys", 0, SITE_WITNESSES_MAX))
		return;
	l->witnesses = conf_array(&r->report, value->n, sizeof(*l->witnesses));
	for (size_t i = 0; l->witnesses && i < value->n && !r->report.error; i++) {
		const struct conf_node *item = value->items[i];
		size_t earlier = 0;
		if (item->kind != CONF_SCALAR || !is_verifier_key(item->text)) {
			conf_mistake(&r->report, item,
			    "\"%s\" is no verifier key; write the line that the witness gives out, "
			    "NAME+HASH+KEY",
			    conf_shown(item, shown));
			continue;
		}
		while (earlier < l->n_witnesses && !text_equal(text_of(l->witnesses[earlier]), item->text))
			earlier++;
		if (earlier < l->n_witnesses)
			conf_mistake(&r->report, item,
			    "this witness is listed twice; a quorum counts each once, so name it once");
		else
			l->witnesses[l->n_witnesses++] = copied(r, item->text);
	}
	l->quorum = (uint32_t)l->n_witnesses;
}

static void read_quorum(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_ledger *l = into;
	uint64_t number;
	if (!conf_number(&r->report, value, "quorum", 1, SITE_WITNESSES_MAX, &number))
		return;
	if (number > l->n_witnesses)
		conf_mistake(&r->report, value,
		    "a quorum of %llu can't be had from %zu witnesses; name more of them or write a smaller "
		    "number",
		    (unsigned long long)number, l->n_witnesses);
	else
		l->quorum = (uint32_t)number;
}

static void read_url(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_ledger *l = into;
	char shown[CONF_SHOWN_SIZE];
	struct text t;
	if (!conf_scalar(&r->report, value, "a URL", "http://tsa.example.org/", &t))
		return;
	size_t scheme = text_starts_nocase(t, TEXT("http://"))    ? 7
	                : text_starts_nocase(t, TEXT("https://")) ? 8
	                                                          : 0;
	bool clean = t.n > scheme && t.n <= 2048;
	for (size_t i = 0; i < t.n; i++)
		clean = clean && t.p[i] > ' ' && t.p[i] < 0x7f;
	if (scheme && clean)
		l->stamp_url = copied(r, t);
	else
		conf_mistake(&r->report, value,
		    "\"%s\" is no URL of a time-stamping authority; write it like http://tsa.example.org/",
		    conf_shown(value, shown));
}

static void read_ca(void *reader, const struct conf_node *value, void *into)
{
	struct site_ledger *l = into;
	conf_file_row(reader, value, &l->stamp_ca);
}

static const struct conf_row stamp_rows[] = {
    {"url", true, read_url},
    {"ca", true, read_ca},
};

static void read_stamps(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	conf_read_mapping(&r->report, value, "timestamps", stamp_rows, 2, r, into);
}

/* Witnesses before the quorum that is of them. */
static const struct conf_row ledger_rows[] = {
    {"key", true, read_key},
    {"origin", false, read_origin},
    {"witnesses", false, read_witnesses},
    {"quorum", false, read_quorum},
    {"timestamps", false, read_stamps},
};

void site_read_ledger(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	(void)into;
	if (value->kind == CONF_SCALAR && value->text.n == 0)
		return;
	conf_read_mapping(&r->report, value, "ledger", ledger_rows, 5, r, &r->site->ledger);
}
