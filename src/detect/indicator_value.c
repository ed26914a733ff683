/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Values as feeds write them, to the canonical form that is stored and asked for; and the words feeds have
 * for kinds. */

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "detect/indicator_store.h"

enum { LABEL_MAX = 63, COMPOSITE_MAX = 2 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Undoes what people do so that nobody clicks: hxxp://, [.], (.), [:], [dot]. Gives the new length. */
static size_t refang(struct text t, char *out, size_t size)
{
	static const struct {
		struct text from;
		char to;
	} bent[] = {{TEXT("[.]"), '.'}, {TEXT("(.)"), '.'}, {TEXT("[dot]"), '.'}, {TEXT("[:]"), ':'}};
	size_t n = 0;
	if (text_starts_nocase(t, TEXT("hxxp"))) {
		memcpy(out, "http", 4);
		n = 4;
		t = text_sub(t, 4, t.n);
	}
	for (size_t i = 0; i < t.n && n < size; n++) {
		size_t used = 1;
		out[n] = t.p[i];
		bool bracket = t.p[i] == '[' || t.p[i] == '(';
		for (size_t b = 0; bracket && b < sizeof(bent) / sizeof(*bent); b++) {
			if (text_starts_nocase(text_sub(t, i, t.n), bent[b].from)) {
				out[n] = bent[b].to;
				used = bent[b].from.n;
				break;
			}
		}
		i += used;
	}
	return n;
}

static int fail(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* "host:port" with one colon, "[v6]:port": takes the port off. */
static int port_split(struct text *t, uint16_t *ret_port)
{
	size_t at = t->n;
	while (at > 0 && t->p[at - 1] != ':')
		at--;
	if (at == 0)
		return 0;
	bool bracketed = t->n && t->p[0] == '[';
	if (!bracketed && text_find(*t, ':') != at - 1)
		return 0; /* an IPv6 address */
	struct text host = text_sub(*t, 0, at - 1);
	uint64_t port;
	if (bracketed && at == 1)
		return -EINVAL;
	if (bracketed && t->p[t->n - 1] == ']') {
		*t = text_sub(*t, 1, t->n - 2);
		return 0;
	}
	if (num_parse_u64(text_sub(*t, at, t->n), UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	if (bracketed)
		host = text_sub(host, 1, host.n - 2);
	*t = host;
	*ret_port = (uint16_t)port;
	return 0;
}

static void key_of_addr(struct indicator_key *k, struct net_prefix p)
{
	k->prefix = p;
	k->n = sizeof(p.addr.b);
	memcpy(k->bytes, p.addr.b, k->n);
	k->kind = p.bits == 128 ? INDICATOR_ADDRESS : INDICATOR_PREFIX;
}

static int address_parse(struct text t, struct indicator_key *k, const char **ret_why)
{
	struct net_prefix p;
	if (port_split(&t, &k->port) < 0)
		return fail(ret_why, "not a port after the colon");
	int error = net_prefix_parse(t, &p);
	if (error == -ERANGE) {
		(void)fail(ret_why, "the prefix has host bits set");
		return error;
	}
	if (error < 0)
		return fail(ret_why, "not an address or prefix");
	key_of_addr(k, p);
	return 0;
}

static bool label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static int domain_parse(struct text t, struct indicator_key *k, const char **ret_why)
{
	size_t label = 0, dots = 0;
	if (port_split(&t, &k->port) < 0)
		return fail(ret_why, "not a port after the colon");
	if (text_starts_nocase(t, TEXT("*.")))
		t = text_sub(t, 2, t.n);
	else if (t.n && t.p[0] == '.')
		t = text_sub(t, 1, t.n);
	if (t.n && t.p[t.n - 1] == '.')
		t.n--;
	if (t.n == 0 || t.n > INDICATOR_DOMAIN_MAX)
		return fail(ret_why, "not a domain name: empty or longer than 253 bytes");
	for (size_t i = 0; i < t.n; i++) {
		k->bytes[i] = lower(t.p[i]);
		if (t.p[i] == '.' && label > 0) {
			label = 0;
			dots++;
		} else if (t.p[i] == '.' || !label_char(k->bytes[i]) || ++label > LABEL_MAX) {
			return fail(ret_why, "not a domain name");
		}
	}
	if (dots == 0)
		return fail(ret_why, "a single label: it would match a whole top-level domain");
	k->n = t.n;
	return 0;
}

size_t indicator_url_key(struct text host, struct text target, char *out, size_t size)
{
	size_t n = 0;
	if (host.n > 3 && text_equal(text_sub(host, host.n - 3, 3), TEXT(":80")))
		host.n -= 3;
	if (host.n > 4 && text_equal(text_sub(host, host.n - 4, 4), TEXT(":443")))
		host.n -= 4;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = text_sub(host, 1, host.n - 2);
	/* a request to a proxy names the whole URL */
	size_t scheme = 0;
	if (text_starts_nocase(target, TEXT("http://")))
		scheme = 7;
	else if (text_starts_nocase(target, TEXT("https://")))
		scheme = 8;
	if (scheme) {
		target = text_sub(target, scheme, target.n);
		target = text_sub(target, text_find(target, '/'), target.n);
	}
	size_t fragment = text_find(target, '#');
	target.n = fragment < target.n ? fragment : target.n;
	if (host.n == 0 || host.n + target.n + 1 > size)
		return 0;
	for (; n < host.n; n++)
		out[n] = lower(host.p[n]);
	if (target.n == 0 || target.p[0] != '/')
		out[n++] = '/';
	if (target.n)
		memcpy(out + n, target.p, target.n);
	return n + target.n;
}

static int url_parse(struct text t, struct indicator_key *k, const char **ret_why)
{
	size_t at = 0;
	while (at + 3 <= t.n && memcmp(t.p + at, "://", 3) != 0)
		at++;
	if (at + 3 <= t.n)
		t = text_sub(t, at + 3, t.n);
	size_t slash = text_find(t, '/'), query = text_find(t, '?');
	size_t end = slash < query ? slash : query;
	struct text host = text_sub(t, 0, end), target = text_sub(t, end, t.n);
	size_t user = text_find(host, '@');
	if (user < host.n)
		host = text_sub(host, user + 1, host.n);
	struct indicator_key probe = {.n = 0};
	if (port_split(&host, &k->port) < 0)
		return fail(ret_why, "not a port after the colon");
	if (k->port == 80 || k->port == 443)
		k->port = 0; /* the usual ones are left out of URLs, so they say nothing */
	if (address_parse(host, &probe, ret_why) < 0) {
		probe = (struct indicator_key){.n = 0};
		if (domain_parse(host, &probe, ret_why) < 0)
			return fail(ret_why, "a URL without a host that can be matched");
	}
	k->n = indicator_url_key(host, target, k->bytes, sizeof(k->bytes));
	return k->n ? 0 : fail(ret_why, "the URL is too long");
}

static int hash_parse(struct text t, size_t n, struct indicator_key *k, const char **ret_why)
{
	uint8_t bytes[32];
	char plain[64];
	size_t digits = 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == ':')
			continue; /* certificate fingerprints are often written so */
		if (digits == sizeof(plain))
			return fail(ret_why, "a hash of the wrong length");
		plain[digits++] = t.p[i];
	}
	if (digits != 2 * n)
		return fail(ret_why, "a hash of the wrong length");
	if (num_parse_hex(text_bytes(plain, digits), bytes, n) < 0)
		return fail(ret_why, "not hexadecimal digits");
	k->n = n;
	memcpy(k->bytes, bytes, n);
	return 0;
}

/* JA4: a_b_c of 10, 12 and 12 characters (FoxIO's specification). */
static int ja4_parse(struct text t, struct indicator_key *k, const char **ret_why)
{
	if (t.n != 36 || t.p[10] != '_' || t.p[23] != '_')
		return fail(ret_why, "not a JA4 fingerprint: 10_12_12 characters");
	for (size_t i = 0; i < t.n; i++)
		k->bytes[i] = lower(t.p[i]);
	k->n = t.n;
	return 0;
}

int indicator_key_parse(
    enum indicator_kind kind, struct text value, struct indicator_key *ret_key, const char **ret_why)
{
	char straight[INDICATOR_VALUE_MAX];
	struct indicator_key *k = ret_key;
	struct text t = text_trim(value);
	if (t.n == 0 || t.n >= sizeof(straight))
		return fail(ret_why, t.n ? "the value is too long" : "no value");
	t.n = refang(t, straight, sizeof(straight));
	t.p = straight;
	k->kind = kind;
	k->port = 0;
	k->n = 0;
	memset(&k->prefix, 0, sizeof(k->prefix));
	switch (kind) {
	case INDICATOR_ADDRESS:
	case INDICATOR_PREFIX: return address_parse(t, k, ret_why);
	case INDICATOR_DOMAIN: return domain_parse(t, k, ret_why);
	case INDICATOR_URL: return url_parse(t, k, ret_why);
	case INDICATOR_JA4: return ja4_parse(t, k, ret_why);
	case INDICATOR_JA3:
	case INDICATOR_JA3S:
	case INDICATOR_HASSH:
	case INDICATOR_HASSH_SERVER:
	case INDICATOR_FILE_MD5: return hash_parse(t, 16, k, ret_why);
	case INDICATOR_CERT_SHA1:
	case INDICATOR_FILE_SHA1: return hash_parse(t, 20, k, ret_why);
	case INDICATOR_CERT_SHA256:
	case INDICATOR_FILE_SHA256: return hash_parse(t, 32, k, ret_why);
	case INDICATOR_KINDS: break;
	}
	return fail(ret_why, "of no kind that is matched");
}

/* Whether it can be an address or prefix, as feeds bend them: a quick no to most names. */
static bool address_chars(struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = lower(t.p[i]);
		bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		bool other = c == '.' || c == ':' || c == '/' || c == '[' || c == ']' || c == '(' || c == ')';
		if (!digit && !other && c != 'o' && c != 't') /* "[dot]" */
			return false;
	}
	return t.n > 0;
}

/* Whether it can be a hash of so many bytes: with a colon between any two, or none. */
static bool hash_length(struct text t, size_t n)
{
	return t.n == 2 * n || t.n == 3 * n - 1;
}

/* What can be told by the form alone, or -1. */
static int plain_guess(struct text t)
{
	static const struct {
		enum indicator_kind kind;
		size_t n;
	} hashes[] = {{INDICATOR_FILE_SHA256, 32}, {INDICATOR_FILE_SHA1, 20}, {INDICATOR_FILE_MD5, 16}};
	struct indicator_key k;
	const char *why;
	if (address_chars(t)) {
		int error = indicator_key_parse(INDICATOR_ADDRESS, t, &k, &why);
		if (error == 0)
			return (int)k.kind;
		if (error == -ERANGE)
			return INDICATOR_PREFIX; /* a mistake that is to be told, not a URL of digits */
	}
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
		if (hash_length(t, hashes[i].n) && indicator_key_parse(hashes[i].kind, t, &k, &why) == 0)
			return (int)hashes[i].kind;
	if (t.n == 36 && indicator_key_parse(INDICATOR_JA4, t, &k, &why) == 0)
		return INDICATOR_JA4;
	return -1;
}

int indicator_kind_guess(struct text value)
{
	struct indicator_key k;
	const char *why;
	struct text t = text_trim(value);
	int plain = plain_guess(t);
	if (plain >= 0)
		return plain;
	enum indicator_kind kind = text_find(t, '/') < t.n ? INDICATOR_URL : INDICATOR_DOMAIN;
	return indicator_key_parse(kind, t, &k, &why) == 0 ? (int)kind : -1;
}

enum indicator_kind indicator_guess(struct text value)
{
	int kind = indicator_kind_guess(value);
	return kind < 0 ? INDICATOR_KINDS : (enum indicator_kind)kind;
}

int feed_kind_of(struct text type)
{
	static const struct {
		const char *word;
		enum indicator_kind kind;
	} words[] = {
	    {"ip-src", INDICATOR_ADDRESS},
	    {"ip-dst", INDICATOR_ADDRESS},
	    {"ip", INDICATOR_ADDRESS},
	    {"ipv4", INDICATOR_ADDRESS},
	    {"ipv6", INDICATOR_ADDRESS},
	    {"ipv4-addr", INDICATOR_ADDRESS},
	    {"ipv6-addr", INDICATOR_ADDRESS},
	    {"cidr", INDICATOR_ADDRESS},
	    {"ip:port", INDICATOR_ADDRESS},
	    {"hostname", INDICATOR_DOMAIN},
	    {"fqdn", INDICATOR_DOMAIN},
	    {"domain-name", INDICATOR_DOMAIN},
	    {"host", INDICATOR_DOMAIN},
	    {"uri", INDICATOR_URL},
	    {"ja3-fingerprint-md5", INDICATOR_JA3},
	    {"ja4-plus", INDICATOR_JA4},
	    {"hassh-md5", INDICATOR_HASSH},
	    {"hasshserver-md5", INDICATOR_HASSH_SERVER},
	    {"x509-fingerprint-sha256", INDICATOR_CERT_SHA256},
	    {"x509-fingerprint-sha1", INDICATOR_CERT_SHA1},
	    {"sha256", INDICATOR_FILE_SHA256},
	    {"sha1", INDICATOR_FILE_SHA1},
	    {"md5", INDICATOR_FILE_MD5},
	    {"sha256_hash", INDICATOR_FILE_SHA256},
	    {"sha1_hash", INDICATOR_FILE_SHA1},
	    {"md5_hash", INDICATOR_FILE_MD5},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (text_equal_nocase(type, text_of(words[i].word)))
			return (int)words[i].kind;
	for (int kind = 0; kind < INDICATOR_KINDS; kind++)
		if (text_equal_nocase(type, text_of(indicator_kind_name(kind))))
			return kind;
	return -1;
}

/* Adds the key, and where `every` what of its length can't be told apart from it. */
static int key_add(
    struct indicator_set *s, const struct feed_entry *e, const struct indicator_key *key, bool every)
{
	static const enum indicator_kind same_length[][2] = {
	    {INDICATOR_FILE_MD5, INDICATOR_JA3},
	    {INDICATOR_FILE_MD5, INDICATOR_JA3S},
	    {INDICATOR_FILE_MD5, INDICATOR_HASSH},
	    {INDICATOR_FILE_MD5, INDICATOR_HASSH_SERVER},
	    {INDICATOR_FILE_SHA1, INDICATOR_CERT_SHA1},
	    {INDICATOR_FILE_SHA256, INDICATOR_CERT_SHA256},
	};
	struct indicator_key k = *key;
	int error = indicator_entry_add(s, e, &k);
	for (size_t i = 0; i < sizeof(same_length) / sizeof(*same_length) && error == 0 && every; i++) {
		k.kind = same_length[i][1];
		if (same_length[i][0] == key->kind)
			error = indicator_entry_add(s, e, &k);
	}
	return error;
}

/* What looks like nothing is tried as a name or URL, whose reason says most. */
static enum indicator_kind kind_likely(struct text value)
{
	int guess = plain_guess(text_trim(value));
	if (guess >= 0)
		return (enum indicator_kind)guess;
	return text_find(value, '/') < value.n ? INDICATOR_URL : INDICATOR_DOMAIN;
}

int indicator_set_add(
    struct indicator_set *s, struct text value, const char **ret_warning, const char **ret_why)
{
	const struct feed_entry e = FEED_ENTRY_NONE;
	struct indicator_key k;
	value = text_trim(value);
	if (indicator_key_parse(kind_likely(value), value, &k, ret_why) < 0)
		return -EINVAL;
	const char *warning = warning_check(indicator_warnings(s), &k);
	int error = indicator_by_hand_begin(s);
	if (error == 0)
		error = key_add(s, &e, &k, true);
	if (error == 0)
		*ret_warning = warning;
	return error;
}

static int value_add(struct indicator_set *s, const struct feed_entry *e, enum indicator_kind kind,
    struct text value, bool every)
{
	struct indicator_key k;
	const char *why = NULL;
	if (indicator_key_parse(kind, value, &k, &why) < 0 ||
	    (why = warning_check(indicator_warnings(s), &k))) {
		feed_problem(s, e, value, why);
		return 0;
	}
	int error = key_add(s, e, &k, every);
	if (error == -ERR_LIMIT)
		feed_problem(s, e, value, "the set is full");
	return error;
}

int feed_add_kind(
    struct indicator_set *s, const struct feed_entry *e, enum indicator_kind kind, struct text value)
{
	return value_add(s, e, kind, value, false);
}

/* "filename|sha256", "domain|ip", "ip-dst|port": each part of a known kind is an indicator; a port belongs to
 * its address. */
static int composite_add(
    struct indicator_set *s, const struct feed_entry *e, struct text type, struct text value)
{
	size_t type_bar = text_find(type, '|'), value_bar = text_find(value, '|');
	struct text types[COMPOSITE_MAX] = {
	    text_sub(type, 0, type_bar), text_sub(type, type_bar + 1, type.n)};
	struct text values[COMPOSITE_MAX] = {
	    text_sub(value, 0, value_bar), text_sub(value, value_bar + 1, value.n)};
	struct feed_entry with_port = *e;
	int count = 0;
	if (text_equal_nocase(types[1], TEXT("port"))) {
		uint64_t port;
		if (num_parse_u64(values[1], UINT16_MAX, &port) < 0 || port == 0) {
			feed_problem(s, e, value, "not a port after the bar");
			return 0;
		}
		with_port.port = (uint16_t)port;
	}
	for (int i = 0; i < COMPOSITE_MAX; i++) {
		int kind = feed_kind_of(types[i]);
		if (kind < 0)
			continue;
		count++;
		int error = feed_add_kind(s, &with_port, kind, values[i]);
		if (error < 0)
			return error;
	}
	if (count == 0)
		feed_problem(s, e, value, "of a type that isn't seen in traffic");
	return 0;
}

int feed_add(struct indicator_set *s, const struct feed_entry *e, struct text type, struct text value)
{
	type = text_trim(type);
	value = text_trim(value);
	if (text_find(type, '|') < type.n && text_find(value, '|') < value.n)
		return composite_add(s, e, type, value);
	if (type.n == 0)
		return value_add(s, e, kind_likely(value), value, indicator_every_kind(s));
	int kind = feed_kind_of(type);
	if (kind < 0) {
		feed_problem(s, e, value, "of a type that isn't seen in traffic");
		return 0;
	}
	return feed_add_kind(s, e, (enum indicator_kind)kind, value);
}

enum msg_tlp feed_tlp(struct text t)
{
	static const struct {
		struct text word;
		enum msg_tlp tlp;
	} words[] = {{TEXT("white"), MSG_TLP_CLEAR}, {TEXT("clear"), MSG_TLP_CLEAR},
	    {TEXT("green"), MSG_TLP_GREEN}, {TEXT("amber"), MSG_TLP_AMBER},
	    {TEXT("amber+strict"), MSG_TLP_AMBER_STRICT}, {TEXT("red"), MSG_TLP_RED}};
	t = text_trim(t);
	if (text_starts_nocase(t, TEXT("tlp:")))
		t = text_sub(t, 4, t.n);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (text_equal_nocase(t, words[i].word))
			return words[i].tlp;
	return MSG_TLP_NONE;
}
