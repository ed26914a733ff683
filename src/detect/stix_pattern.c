/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * STIX 2.1 patterns (part 5 of the standard) as far as indicators by value can say what they say. A pattern
 * is brought to alternatives of conjunctions. An alternative becomes an indicator when it is sound: one value
 * that is seen in traffic, beside which stand only comparisons that the value implies (the type of what it
 * points to, other hashes and the size of the same file) or that are matched too (the destination port).
 * Every other alternative is listed with the reason. Observations joined by OR are loaded each; by AND and
 * FOLLOWEDBY, or with REPEATS, WITHIN, START, they speak of several events: not loaded.
 */

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "detect/indicator_store.h"

enum { ATOMS_MAX = 256, CONJUNCTIONS_MAX = 64, CONJUNCTION_ATOMS_MAX = 8, NESTING_MAX = 16 };

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN, TOKEN_BROKEN };

struct token {
	enum token_kind kind;
	struct text text;
};

struct atom {
	struct text path, op, value;
	bool negated;
};

struct conjunction {
	uint8_t n;
	uint16_t atom[CONJUNCTION_ATOMS_MAX];
};

/* Alternatives of one observation. */
struct dnf {
	size_t n;
	struct conjunction c[CONJUNCTIONS_MAX];
};

struct parser {
	struct text pattern;
	size_t at;
	struct token now;
	struct atom atoms[ATOMS_MAX];
	size_t n_atoms;
	const char *why; /* of the failure */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Words run on over what paths, numbers and properties are made of; a quoted part ('SHA-256') may stand
 * inside a path. */
static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-' || c == ':' || c == '.' || c == '*' || c == '+';
}

static size_t quoted_end(struct text t, size_t at)
{
	for (at++; at < t.n && t.p[at] != '\''; at++)
		at += t.p[at] == '\\';
	return at < t.n ? at + 1 : t.n + 1;
}

static size_t word_end(struct text t, size_t at)
{
	while (at < t.n) {
		if (word_char(t.p[at])) {
			at++;
		} else if (t.p[at] == '\'' && at > 0 && t.p[at - 1] == '.') {
			at = quoted_end(t, at);
		} else if (t.p[at] == '[' && at + 2 < t.n && (t.p[at + 2] == ']' || t.p[at + 1] == '*')) {
			at += 3; /* [*], [0] */
		} else {
			break;
		}
	}
	return at;
}

static void token_next(struct parser *p)
{
	struct text t = p->pattern;
	while (p->at < t.n && is_blank(t.p[p->at]))
		p->at++;
	size_t from = p->at, end = from + 1;
	if (from >= t.n) {
		p->now = (struct token){.kind = TOKEN_END};
		return;
	}
	enum token_kind kind = TOKEN_SIGN;
	if (t.p[from] == '\'') {
		kind = TOKEN_STRING;
		end = quoted_end(t, from);
	} else if (word_char(t.p[from])) {
		kind = TOKEN_WORD;
		end = word_end(t, from);
	} else if (end < t.n && strchr("<>!=", t.p[from]) && t.p[end] == '=') {
		end++;
	} else if (end < t.n && t.p[from] == '<' && t.p[end] == '>') {
		end++;
	}
	if (end > t.n) {
		p->now = (struct token){.kind = TOKEN_BROKEN};
		p->at = t.n;
		return;
	}
	p->now = (struct token){.kind = kind, .text = text_sub(t, from, end - from)};
	if (kind == TOKEN_STRING)
		p->now.text = text_sub(t, from + 1, end - from - 2);
	p->at = end;
}

static bool token_is(const struct parser *p, const char *what)
{
	return (p->now.kind == TOKEN_WORD || p->now.kind == TOKEN_SIGN) &&
	       text_equal_nocase(p->now.text, text_of(what));
}

static bool token_take(struct parser *p, const char *what)
{
	if (!token_is(p, what))
		return false;
	token_next(p);
	return true;
}

static int fail(struct parser *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return -EINVAL;
}

static int atom_add(struct parser *p, struct atom a, struct dnf *out)
{
	if (p->n_atoms == ATOMS_MAX || out->n == CONJUNCTIONS_MAX)
		return fail(p, "a pattern of more comparisons than 64 alternatives hold");
	out->c[out->n++] = (struct conjunction){.n = 1, .atom = {(uint16_t)p->n_atoms}};
	p->atoms[p->n_atoms++] = a;
	return 0;
}

static int value_take(struct parser *p, struct text *ret_value)
{
	/* t'...', b'...', h'...' are a word and a string */
	if (p->now.kind == TOKEN_WORD && p->at < p->pattern.n && p->pattern.p[p->at] == '\'')
		token_next(p);
	if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_STRING)
		return fail(p, "a comparison without a value");
	*ret_value = p->now.text;
	token_next(p);
	return 0;
}

static int comparison_parse(struct parser *p, struct dnf *out)
{
	struct atom a = {.path = p->now.text};
	if (token_take(p, "EXISTS"))
		return fail(p, "EXISTS says nothing that can be matched");
	if (p->now.kind != TOKEN_WORD || text_find(a.path, ':') == a.path.n)
		return fail(p, "not a comparison of STIX");
	token_next(p);
	a.negated = token_take(p, "NOT");
	a.op = p->now.text;
	if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_SIGN)
		return fail(p, "a comparison without an operator");
	token_next(p);
	if (!text_equal_nocase(a.op, TEXT("IN"))) {
		int error = value_take(p, &a.value);
		return error < 0 ? error : atom_add(p, a, out);
	}
	a.op = TEXT("=");
	if (!token_take(p, "("))
		return fail(p, "IN without its list");
	do {
		int error = value_take(p, &a.value);
		if (error == 0)
			error = atom_add(p, a, out);
		if (error < 0)
			return error;
	} while (token_take(p, ","));
	return token_take(p, ")") ? 0 : fail(p, "IN with an open list");
}

/* left AND right: each alternative of one with each of the other. */
static int dnf_and(struct parser *p, struct dnf *left, const struct dnf *right)
{
	struct dnf product = {.n = 0};
	for (size_t i = 0; i < left->n; i++) {
		for (size_t j = 0; j < right->n; j++) {
			struct conjunction c = left->c[i];
			if (product.n == CONJUNCTIONS_MAX || c.n + right->c[j].n > CONJUNCTION_ATOMS_MAX)
				return fail(p, "a conjunction of too many comparisons");
			memcpy(c.atom + c.n, right->c[j].atom, right->c[j].n * sizeof(*c.atom));
			c.n = (uint8_t)(c.n + right->c[j].n);
			product.c[product.n++] = c;
		}
	}
	*left = product;
	return 0;
}

static int or_parse(struct parser *p, struct dnf *out, int depth);

static int factor_parse(struct parser *p, struct dnf *out, int depth)
{
	if (depth == NESTING_MAX)
		return fail(p, "nested too deep");
	if (!token_take(p, "("))
		return comparison_parse(p, out);
	int error = or_parse(p, out, depth + 1);
	if (error < 0)
		return error;
	return token_take(p, ")") ? 0 : fail(p, "a parenthesis left open");
}

static int and_parse(struct parser *p, struct dnf *out, int depth)
{
	int error = factor_parse(p, out, depth);
	while (error == 0 && token_take(p, "AND")) {
		struct dnf right = {.n = 0};
		error = factor_parse(p, &right, depth);
		if (error == 0)
			error = dnf_and(p, out, &right);
	}
	return error;
}

static int or_parse(struct parser *p, struct dnf *out, int depth)
{
	int error = and_parse(p, out, depth);
	while (error == 0 && token_take(p, "OR")) {
		struct dnf right = {.n = 0};
		error = and_parse(p, &right, depth);
		if (error < 0)
			return error;
		if (out->n + right.n > CONJUNCTIONS_MAX)
			return fail(p, "a pattern of more comparisons than 64 alternatives hold");
		memcpy(out->c + out->n, right.c, right.n * sizeof(*out->c));
		out->n += right.n;
	}
	return error;
}

/* What a path compares: an indicator's kind, a part that others imply, a port, or nothing that we see. */
enum part { PART_VALUE, PART_PORT, PART_FILE_CONTENT, PART_TYPE, PART_OTHER };

static bool path_hash(struct text path, const char *object, const char *algorithm)
{
	char plain[64];
	size_t n = 0;
	for (size_t i = 0; i < path.n && n < sizeof(plain); i++)
		if (path.p[i] != '\'' && path.p[i] != '-' && path.p[i] != '"')
			plain[n++] = path.p[i];
	struct text t = text_bytes(plain, n), want_object = text_of(object), want = text_of(algorithm);
	return n == want_object.n + want.n && text_starts_nocase(t, want_object) &&
	       text_equal_nocase(text_sub(t, want_object.n, n), want);
}

static enum part path_part(struct text path, enum indicator_kind *ret_kind)
{
	static const struct {
		const char *path;
		enum part part;
		enum indicator_kind kind;
	} paths[] = {
	    {"ipv4-addr:value", PART_VALUE, INDICATOR_ADDRESS},
	    {"ipv6-addr:value", PART_VALUE, INDICATOR_ADDRESS},
	    {"domain-name:value", PART_VALUE, INDICATOR_DOMAIN},
	    {"url:value", PART_VALUE, INDICATOR_URL},
	    {"network-traffic:dst_port", PART_PORT, INDICATOR_KINDS},
	    {"network-traffic:dst_ref.type", PART_TYPE, INDICATOR_KINDS},
	    {"network-traffic:src_ref.type", PART_TYPE, INDICATOR_KINDS},
	    {"network-traffic:protocols[*]", PART_OTHER, INDICATOR_KINDS},
	    {"file:size", PART_FILE_CONTENT, INDICATOR_KINDS},
	    {"file:mime_type", PART_FILE_CONTENT, INDICATOR_KINDS},
	};
	static const struct {
		const char *object, *algorithm;
		enum indicator_kind kind;
	} hashes[] = {
	    {"file:hashes.", "SHA256", INDICATOR_FILE_SHA256},
	    {"file:hashes.", "SHA1", INDICATOR_FILE_SHA1},
	    {"file:hashes.", "MD5", INDICATOR_FILE_MD5},
	    {"x509certificate:hashes.", "SHA256", INDICATOR_CERT_SHA256},
	    {"x509certificate:hashes.", "SHA1", INDICATOR_CERT_SHA1},
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (text_equal_nocase(path, text_of(paths[i].path))) {
			*ret_kind = paths[i].kind;
			return paths[i].part;
		}
	}
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
		if (path_hash(path, hashes[i].object, hashes[i].algorithm)) {
			*ret_kind = hashes[i].kind;
			return PART_VALUE;
		}
	}
	return text_starts_nocase(path, TEXT("file:hashes.")) ? PART_FILE_CONTENT : PART_OTHER;
}

/* An end of traffic is an address or a domain, whichever its value looks like. */
static enum part atom_part(const struct atom *a, enum indicator_kind *ret_kind)
{
	if (!text_equal_nocase(a->path, TEXT("network-traffic:dst_ref.value")) &&
	    !text_equal_nocase(a->path, TEXT("network-traffic:src_ref.value")))
		return path_part(a->path, ret_kind);
	int kind = indicator_kind_guess(a->value);
	if (kind != INDICATOR_ADDRESS && kind != INDICATOR_PREFIX && kind != INDICATOR_DOMAIN)
		return PART_OTHER;
	*ret_kind = (enum indicator_kind)kind;
	return PART_VALUE;
}

/* Strings of patterns escape ' and \. */
static struct text unescape(struct text t, char *buf, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < t.n && n < size; i++) {
		if (t.p[i] == '\\' && i + 1 < t.n)
			i++;
		buf[n++] = t.p[i];
	}
	return text_bytes(buf, n);
}

static bool is_file_hash(enum indicator_kind k)
{
	return k == INDICATOR_FILE_SHA256 || k == INDICATOR_FILE_SHA1 || k == INDICATOR_FILE_MD5;
}

struct core {
	const struct atom *atom;
	enum indicator_kind kind;
	uint16_t port;
	bool content; /* comparisons of a file's content stand beside it */
};

/* The value, if any. Of several hashes of one file the strongest stands for all (the kinds are in that
 * order). */
static const char *core_take(struct core *core, const struct atom *a, enum indicator_kind kind)
{
	if (!core->atom || (is_file_hash(core->kind) && is_file_hash(kind) && kind < core->kind)) {
		core->content = core->content || core->atom;
		core->atom = a;
		core->kind = kind;
		return NULL;
	}
	if (is_file_hash(core->kind) && is_file_hash(kind))
		return NULL;
	return "AND of two values: each alone would match more than the pattern";
}

static const char *conjunction_core(const struct parser *p, const struct conjunction *c, struct core *core)
{
	for (uint8_t i = 0; i < c->n; i++) {
		const struct atom *a = &p->atoms[c->atom[i]];
		enum indicator_kind kind = INDICATOR_KINDS;
		enum part part = atom_part(a, &kind);
		bool equal = text_equal(a->op, TEXT("=")) || text_equal(a->op, TEXT("=="));
		bool subset = text_equal_nocase(a->op, TEXT("ISSUBSET")) && part == PART_VALUE &&
		              kind <= INDICATOR_PREFIX;
		if (a->negated || (!equal && !subset))
			return "an operator other than =, IN and ISSUBSET";
		const char *why = NULL;
		uint64_t port;
		switch (part) {
		case PART_VALUE: why = core_take(core, a, kind); break;
		case PART_PORT:
			if (num_parse_u64(a->value, UINT16_MAX, &port) < 0 || port == 0)
				return "not a port";
			core->port = (uint16_t)port;
			break;
		case PART_FILE_CONTENT: core->content = true; break;
		case PART_TYPE: break;
		case PART_OTHER: return "a property that isn't seen in traffic, or that narrows what is";
		}
		if (why)
			return why;
	}
	if (!core->atom)
		return "no value that is seen in traffic";
	if (core->content && !is_file_hash(core->kind))
		return "AND with a property that the value doesn't imply";
	if (core->port && core->kind > INDICATOR_DOMAIN)
		return "a port beside what has none";
	return NULL;
}

static int conjunction_load(
    struct indicator_set *s, const struct feed_entry *e, const struct parser *p, const struct conjunction *c)
{
	struct core core = {.atom = NULL};
	const char *why = conjunction_core(p, c, &core);
	if (why) {
		feed_problem(s, e, p->atoms[c->atom[0]].path, why);
		return 0;
	}
	char buf[INDICATOR_VALUE_MAX];
	struct feed_entry with_port = *e;
	with_port.port = core.port;
	return feed_add_kind(s, &with_port, core.kind, unescape(core.atom->value, buf, sizeof(buf)));
}

/* Whether nothing follows but OR and further observations: qualifiers and joined events change the meaning of
 * all. */
static const char *observation_rest(struct parser *p, bool *ret_more)
{
	*ret_more = false;
	if (p->now.kind == TOKEN_END)
		return NULL;
	if (token_take(p, "OR")) {
		*ret_more = true;
		return NULL;
	}
	if (token_is(p, "AND") || token_is(p, "FOLLOWEDBY"))
		return "observations joined by AND or FOLLOWEDBY: each alone would match more than the "
		       "pattern";
	if (token_is(p, "WITHIN") || token_is(p, "REPEATS") || token_is(p, "START"))
		return "a qualifier (WITHIN, REPEATS, START)";
	return "not a pattern of STIX 2.1";
}

static int observations_parse(struct parser *p, struct dnf *out)
{
	bool more = true;
	/* a whole pattern in parentheses is rare, and one level of them changes nothing */
	while (more) {
		size_t open = 0;
		while (token_take(p, "("))
			open++;
		if (!token_take(p, "["))
			return fail(p, "not a pattern of STIX 2.1");
		struct dnf one = {.n = 0};
		int error = or_parse(p, &one, 0);
		if (error < 0)
			return error;
		if (!token_take(p, "]"))
			return fail(p, "an observation left open");
		while (open > 0 && token_take(p, ")"))
			open--;
		if (open > 0)
			return fail(p, "observations in parentheses");
		if (out->n + one.n > CONJUNCTIONS_MAX)
			return fail(p, "a pattern of more comparisons than 64 alternatives hold");
		memcpy(out->c + out->n, one.c, one.n * sizeof(*one.c));
		out->n += one.n;
		const char *why = observation_rest(p, &more);
		if (why)
			return fail(p, why);
	}
	return 0;
}

int stix_pattern_load(struct indicator_set *s, const struct feed_entry *e, struct text pattern)
{
	struct parser p = {.pattern = pattern};
	struct dnf all = {.n = 0};
	token_next(&p);
	if (observations_parse(&p, &all) < 0) {
		feed_problem(s, e, pattern, p.why);
		return 0;
	}
	for (size_t i = 0; i < all.n; i++) {
		int error = conjunction_load(s, e, &p, &all.c[i]);
		if (error < 0)
			return error;
	}
	return 0;
}
