/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_INDICATOR_STORE_H
#define DETECT_INDICATOR_STORE_H

/* What the feed readers fill: private to detect/indicator*.c and detect/feed_*.c. */

#include "base/arena.h"
#include "detect/indicator.h"
#include "net/trie.h"

/* What a reader knows of the entry that it is about to add. Texts are copied by the set. */
struct feed_entry {
	uint32_t line;  /* place in the feed: a line, */
	struct text id; /* ... or an id of its own */
	struct text description;
	enum msg_tlp tlp;
	uint16_t port;
	int64_t valid_from, valid_until;
};
#define FEED_ENTRY_NONE ((struct feed_entry){.valid_from = INT64_MIN, .valid_until = INT64_MAX})

/* Adds a value of a kind named in words of feeds ("ip-dst", "sha256", "filename|sha1", "domain"); the empty
 * word lets the value speak. What can't be taken becomes a problem. 0, -ERR_LIMIT or -ENOMEM. */
int feed_add(struct indicator_set *s, const struct feed_entry *e, struct text type, struct text value);
/* The same where the kind is known; `value` in text form. */
int feed_add_kind(
    struct indicator_set *s, const struct feed_entry *e, enum indicator_kind kind, struct text value);
/* -1 unless the word names a kind. */
int feed_kind_of(struct text type);
/* Tells why something at that place isn't loaded. */
void feed_problem(struct indicator_set *s, const struct feed_entry *at, struct text what, const char *why);

int feed_load_list(struct indicator_set *s, const char *name, struct text bytes);
int feed_load_csv(struct indicator_set *s, const char *name, struct text bytes);
/* Both take JSON that is parsed already by feed_load_json, which tells them apart where the format is AUTO.
 */
int feed_load_json(
    struct indicator_set *s, const char *name, enum indicator_format format, struct text bytes);

/* "tlp:amber", "TLP:RED", "amber+strict", "white" ...; MSG_TLP_NONE where it is none. */
enum msg_tlp feed_tlp(struct text t);
static inline enum msg_tlp feed_tlp_stricter(enum msg_tlp a, enum msg_tlp b)
{
	return a > b ? a : b;
}

/* A canonical form, ready to be stored: see indicator_value.c. */
struct indicator_key {
	enum indicator_kind kind;
	uint16_t port;
	struct net_prefix prefix; /* of PREFIX and ADDRESS */
	size_t n;
	char bytes[INDICATOR_VALUE_MAX];
};
/* Reads a value of the kind. 0, or -EINVAL (-ERANGE: a prefix with host bits set) and *ret_why (static). */
int indicator_key_parse(
    enum indicator_kind kind, struct text value, struct indicator_key *ret_key, const char **ret_why);
/* What the value looks like: a kind, or -1. Of 32 hexadecimal digits the likeliest is said. */
int indicator_kind_guess(struct text value);
/* Adds what is in canonical form, without asking the warning lists. 0, -ERR_LIMIT or -ENOMEM. */
int indicator_entry_add(struct indicator_set *s, const struct feed_entry *e, const struct indicator_key *k);
/* Makes INDICATOR_BY_HAND the feed that what follows comes from, unless it is so already. */
int indicator_by_hand_begin(struct indicator_set *s);
/* Writes the canonical form of a URL's host and target: "host/path". 0 where it doesn't fit. */
size_t indicator_url_key(struct text host, struct text target, char *out, size_t size);

/* Warning lists. */
struct warning_set;
int warning_set_new(struct warning_set **ret_set, const struct indicator_options *options);
void warning_set_free(struct warning_set *w);
int warning_add_prefix(struct warning_set *w, struct net_prefix p, const char *why);
int warning_add_domain(struct warning_set *w, struct text domain, const char *why);
/* Why the key must not be loaded, or NULL. Borrowed from w. */
const char *warning_check(const struct warning_set *w, const struct indicator_key *k);
struct warning_set *indicator_warnings(struct indicator_set *s);
struct arena *indicator_arena(struct indicator_set *s);
bool indicator_every_kind(const struct indicator_set *s);

/* detect/stix_pattern.c: one STIX pattern into indicators. What is left out is said as a problem. 0,
 * -ERR_LIMIT or -ENOMEM. */
int stix_pattern_load(struct indicator_set *s, const struct feed_entry *e, struct text pattern);

#endif
