/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_INDICATOR_H
#define DETECT_INDICATOR_H

/*
 * Indicators of compromise: loaded from feeds, asked for by value. A set owns all it holds. Loading never
 * fails for the content: what can't be read or is absurd is listed as a problem with its place and reason,
 * and the rest is loaded. Bounds: INDICATORS_MAX entries, INDICATOR_FEED_MAX bytes a feed,
 * INDICATOR_PROBLEMS_MAX problems kept (all are counted).
 *
 * Cost: one hash table for all kinds but prefixes, which are in a trie; a lookup is one probe, of a domain
 * one probe a label. A set is read-only once loaded and may then be shared.
 */

#include "msg/msg.h"
#include "net/addr.h"

enum {
	INDICATORS_MAX = 8 << 20,
	INDICATOR_PROBLEMS_MAX = 100000,
	INDICATOR_VALUE_MAX = 2048,
	INDICATOR_DOMAIN_MAX = 253,
};
#define INDICATOR_FEED_MAX ((size_t)1 << 30)

/* X(suffix, name). The name is what CSV and `why` call it. */
#define INDICATOR_KIND_LIST(X)                                                                               \
	X(ADDRESS, "address")                                                                                \
	X(PREFIX, "prefix")                                                                                  \
	X(DOMAIN, "domain")                                                                                  \
	X(URL, "url")                                                                                        \
	X(JA3, "ja3")                                                                                        \
	X(JA4, "ja4")                                                                                        \
	X(CERT_SHA256, "certificate-sha256")                                                                 \
	X(CERT_SHA1, "certificate-sha1")                                                                     \
	X(FILE_SHA256, "file-sha256")                                                                        \
	X(FILE_SHA1, "file-sha1")                                                                            \
	X(FILE_MD5, "file-md5")

enum indicator_kind {
#define X(id, name) INDICATOR_##id,
	INDICATOR_KIND_LIST(X)
#undef X
	    INDICATOR_KINDS
};

enum indicator_format {
	INDICATOR_FORMAT_AUTO,
	INDICATOR_FORMAT_LIST, /* a value a line, # comments; "address:port" and "path" forms as feeds have
	                          them */
	INDICATOR_FORMAT_CSV,
	INDICATOR_FORMAT_STIX, /* STIX 2.1 bundle, or a TAXII envelope of its objects */
	INDICATOR_FORMAT_MISP, /* event, {"Event":…}, {"response":[…]} or a list of them */
};

/* One indicator, borrowed from the set. */
struct indicator {
	enum indicator_kind kind;
	enum msg_tlp tlp;
	uint16_t port;    /* with an address or domain: only there; 0: any */
	struct text key;  /* canonical: bytes of addresses and hashes, lower-case text of names and URLs */
	uint8_t bits;     /* of a prefix */
	struct text feed; /* origin: the feed's name, */
	uint32_t line;    /* ... the line there (0: not a format of lines) */
	struct text id;   /* ... or the STIX id or MISP uuid; may be empty */
	struct text description; /* may be empty */
	int64_t valid_from,
	    valid_until; /* INT64_MIN and INT64_MAX where nothing is said; until is exclusive */
};

/* An entry that was not loaded. */
struct indicator_problem {
	struct text where; /* "feed.csv:12", "feed.json indicator--…" */
	struct text what;  /* the value, cut and printable */
	struct text why;
};

struct indicator_set;

/* With the built-in warning lists. allow_private: private addresses are no problem (feeds that speak of the
 * inside). */
struct indicator_options {
	uint64_t seed;
	bool allow_private;
	bool no_builtin_warnings;
};
int indicator_set_new(struct indicator_set **ret_set, const struct indicator_options *options);
void indicator_set_free(struct indicator_set *s);

/* Adds a MISP warning list (JSON): must come before the feeds that it is to judge. 0 (problems listed) or
 * -ENOMEM. */
int indicator_set_warning(struct indicator_set *s, const char *name, struct text json);
/*
 * Loads a feed from its bytes; `name` stands in origins and problems. The format AUTO looks at the bytes. 0
 * even when nothing in it could be read (then problems say why), -ERR_LIMIT at INDICATORS_MAX or
 * INDICATOR_FEED_MAX, -ENOMEM.
 */
int indicator_set_load(
    struct indicator_set *s, const char *name, enum indicator_format format, struct text bytes);

size_t indicator_count(const struct indicator_set *s);
size_t indicator_count_of(const struct indicator_set *s, enum indicator_kind kind);
size_t indicator_memory(const struct indicator_set *s);
size_t indicator_problem_count(const struct indicator_set *s); /* all, kept or not */
/* Problem number i of those kept; false past the last. */
bool indicator_problem_at(const struct indicator_set *s, size_t i, struct indicator_problem *ret_problem);

/* Each: 1 and *ret_i where an indicator that is valid at `time` matches, else 0. */
int indicator_match_address(
    const struct indicator_set *s, struct net_addr a, uint16_t port, int64_t time, struct indicator *ret_i);
/* The name itself or any domain that it stands below; a final dot is ignored. */
int indicator_match_domain(
    const struct indicator_set *s, struct text name, uint16_t port, int64_t time, struct indicator *ret_i);
/* Host and request target of an HTTP request, with its query and without. */
int indicator_match_url(const struct indicator_set *s, struct text host, struct text target, int64_t time,
    struct indicator *ret_i);
/* A hash or fingerprint: bytes, but text for JA4. */
int indicator_match_value(const struct indicator_set *s, enum indicator_kind kind, struct text value,
    int64_t time, struct indicator *ret_i);

const char *indicator_kind_name(enum indicator_kind kind);
/* The value as people write it: "192.0.2.1:8080", hexadecimal digits. buf has INDICATOR_TEXT_SIZE bytes.
 * Returns buf. */
enum { INDICATOR_TEXT_SIZE = 512 };
char *indicator_text(const struct indicator *i, char *buf);
/* "feed.csv:12", "feed.json indicator--...". buf has INDICATOR_TEXT_SIZE bytes. Returns buf. */
char *indicator_origin(const struct indicator *i, char *buf);

#endif
