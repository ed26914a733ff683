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
	X(FILE_MD5, "file-md5")                                                                              \
	X(JA3S, "ja3s")                                                                                      \
	X(HASSH, "hassh")                                                                                    \
	X(HASSH_SERVER, "hassh-server")

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
	bool every_kind; /* a value of a feed that doesn't say what it is: as every kind that it can be */
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

/*
 * Adds a value that a person gave by hand: as every kind that it can be (32 hexadecimal digits may be a JA3,
 * a JA3S, a HASSH or an MD5), and whatever the warning lists say: *ret_warning then holds their word,
 * borrowed from the set, else NULL. -EINVAL and *ret_why (static) where it is no indicator; -ERR_LIMIT,
 * -ENOMEM.
 */
#define INDICATOR_BY_HAND "given by hand" /* the name of its feed */
int indicator_set_add(
    struct indicator_set *s, struct text value, const char **ret_warning, const char **ret_why);

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

/*
 * Where in a record something stood that can be an indicator, and what it is asked as: the one reading of
 * records that both the sensor and hunts go by. X(suffix, name)
 */
#define INDICATOR_PLACE_LIST(X)                                                                              \
	X(RESPONDER, "connection-to")                                                                        \
	X(INITIATOR, "connection-from")                                                                      \
	X(FLOW_NAME, "flow-name")                                                                            \
	X(DNS_QUERY, "dns-query")                                                                            \
	X(DNS_ANSWER, "dns-answer")                                                                          \
	X(TLS_SNI, "tls-sni")                                                                                \
	X(HTTP_HOST, "http-host")                                                                            \
	X(HTTP_URL, "http-url")                                                                              \
	X(TLS_JA3, "tls-ja3")                                                                                \
	X(TLS_JA3S, "tls-ja3s")                                                                              \
	X(TLS_JA4, "tls-ja4")                                                                                \
	X(TLS_CERTIFICATE, "tls-certificate")                                                                \
	X(SSH_HASSH, "ssh-hassh")                                                                            \
	X(SSH_HASSH_SERVER, "ssh-hassh-server")                                                              \
	X(FILE, "file")

enum indicator_place {
#define X(id, name) INDICATOR_AT_##id,
	INDICATOR_PLACE_LIST(X)
#undef X
	    INDICATOR_PLACES
};

/* One such thing, borrowed from the record. */
struct indicator_query {
	enum indicator_place place;
	enum indicator_kind kind; /* ADDRESS asks for prefixes too */
	uint16_t port;            /* of the flow's responder, for indicators that name one; 0: none */
	struct text value;        /* address, name, host of a URL, hash or fingerprint */
	struct text target;       /* of a URL */
};

enum { INDICATOR_QUERIES_MAX = MSG_FIELDS_MAX + 1, INDICATOR_FOUND_MAX = 160 };
/* What a transaction holds, in the order of its fields, a URL last: how many. */
size_t indicator_queries_of(
    const struct msg_transaction *t, uint16_t port, struct indicator_query out[INDICATOR_QUERIES_MAX]);
/* The two ends of a flow (the responder first) and its name, where it has one: 2 or 3. */
size_t indicator_queries_of_flow(const struct msg_flow *f, struct indicator_query out[3]);
/* 1 and *ret_i where an indicator that is valid at `time` matches, else 0. */
int indicator_match(
    const struct indicator_set *s, const struct indicator_query *q, int64_t time, struct indicator *ret_i);
/* That address is asked for soon: what is looked at first is fetched meanwhile. */
void indicator_expect(const struct indicator_set *s, struct net_addr a);
/*
 * All keys that match, whatever their ports and validity: of each the number of one of its entries, always
 * the same one. Returns how many, the most general first.
 */
size_t indicator_find(
    const struct indicator_set *s, const struct indicator_query *q, uint32_t numbers[INDICATOR_FOUND_MAX]);
/* Entry `number` < indicator_count, in the order of loading. */
void indicator_at(const struct indicator_set *s, uint32_t number, struct indicator *ret_i);
/*
 * The numbers of all entries of a kind (indicator_count_of it) sorted by the bytes of their keys, prefixes by
 * address and then by bits; within a key by port, then as loaded. The caller frees them. 0 or -ENOMEM.
 */
int indicator_sorted(const struct indicator_set *s, enum indicator_kind kind, uint32_t **ret_numbers);

/* Whether such an indicator is a hash or a fingerprint, which matches as a whole or not at all. */
bool indicator_kind_is_fingerprint(enum indicator_kind kind);
/* What the value looks like (of 32 hexadecimal digits: an MD5); INDICATOR_KINDS where like nothing. */
enum indicator_kind indicator_guess(struct text value);
const char *indicator_place_name(enum indicator_place place);
const char *indicator_kind_name(enum indicator_kind kind);
/* The value as people write it: "192.0.2.1:8080", hexadecimal digits. buf has INDICATOR_TEXT_SIZE bytes.
 * Returns buf. */
enum { INDICATOR_TEXT_SIZE = 512 };
char *indicator_text(const struct indicator *i, char *buf);
/* "feed.csv:12", "feed.json indicator--...". buf has INDICATOR_TEXT_SIZE bytes. Returns buf. */
char *indicator_origin(const struct indicator *i, char *buf);

#endif
