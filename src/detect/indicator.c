/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The store: entries of fixed size, a pool of bytes for what varies, one open-addressing index of keys.
 * Entries of one key (several feeds, several ports) hang in a chain behind the newest.
 */

#include "detect/indicator_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"

enum { NONE = UINT32_MAX, SLOTS_FIRST = 1024, FEEDS_MAX = 4096, WHAT_MAX = 120, URL_LOOKUP_MAX = 2048 };

struct entry {
	uint32_t key_at, id_at, description_at; /* in the pool: u16 length, bytes; 0: nothing */
	uint32_t line, validity, next;
	uint16_t feed, port;
	uint8_t kind, tlp, bits, zero;
};

struct validity {
	int64_t from, until;
};

struct slot {
	uint32_t entry, tag;
};

/* Nearly all that is asked for isn't there. A million keys fill 16 MB of slots, where each question misses
 * the caches; their filter is 1 MB, and lets a question in thirty through. */
enum { FILTER_SLOTS = 16 };

static size_t filter_size(size_t slots)
{
	return slots / FILTER_SLOTS * sizeof(uint64_t);
}

/* The bits of a key in its word: of the hash, other ones than the slot's and the tag's low ones. */
static uint64_t filter_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 58) | UINT64_C(1) << (hash >> 52 & 63) |
	       UINT64_C(1) << (hash >> 46 & 63);
}

struct indicator_set {
	struct arena arena; /* feed names, problems */
	struct warning_set *warnings;
	uint64_t seed;
	bool every_kind;
	struct entry *entries;
	size_t n, cap;
	struct validity *validities;
	size_t n_validities, cap_validities;
	struct slot *slots;
	size_t mask;
	size_t used;               /* slots */
	uint64_t *filter;          /* a word for each FILTER_SLOTS slots, with a few bits of each key */
	struct net_trie *prefixes; /* value: entry number */
	struct dynbuf pool;
	uint32_t last_description, last_id;
	const char **feeds;
	size_t n_feeds, cap_feeds;
	struct indicator_problem *problems;
	size_t n_problems, cap_problems, all_problems;
	size_t by_kind[INDICATOR_KINDS];
};

int indicator_set_new(struct indicator_set **ret_set, const struct indicator_options *options)
{
	struct indicator_set *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->seed = options->seed;
	s->every_kind = options->every_kind;
	s->mask = SLOTS_FIRST - 1;
	s->pool.max = UINT32_MAX;
	dynbuf_u8(&s->pool, 0); /* offset 0 means nothing */
	s->slots = malloc(SLOTS_FIRST * sizeof(*s->slots));
	s->filter = calloc(1, filter_size(SLOTS_FIRST));
	int error = s->slots && s->filter ? net_trie_new(&s->prefixes, INDICATORS_MAX) : -ENOMEM;
	if (error == 0)
		error = warning_set_new(&s->warnings, options);
	if (error < 0) {
		indicator_set_free(s);
		return error;
	}
	memset(s->slots, 0xff, SLOTS_FIRST * sizeof(*s->slots));
	*ret_set = s;
	return 0;
}

void indicator_set_free(struct indicator_set *s)
{
	if (!s)
		return;
	warning_set_free(s->warnings);
	net_trie_free(s->prefixes);
	free(s->slots);
	free(s->filter);
	free(s->entries);
	free(s->validities);
	free(s->feeds);
	free(s->problems);
	dynbuf_free(&s->pool);
	arena_free(&s->arena);
	free(s);
}

struct warning_set *indicator_warnings(struct indicator_set *s)
{
	return s->warnings;
}

bool indicator_every_kind(const struct indicator_set *s)
{
	return s->every_kind;
}

struct arena *indicator_arena(struct indicator_set *s)
{
	return &s->arena;
}

/* Names are hashed from their end, so that one walk over a name asks for each domain above it. */
static uint64_t hash_step(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t hash_close(uint64_t h, enum indicator_kind kind)
{
	h += (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

static uint64_t key_hash(const struct indicator_set *s, enum indicator_kind kind, const char *p, size_t n)
{
	if (kind != INDICATOR_DOMAIN)
		return hash_close(hash_bytes(p, n, s->seed), kind);
	uint64_t h = s->seed;
	while (n > 0)
		h = hash_step(h, p[--n]);
	return hash_close(h, kind);
}

static struct text pool_text(const struct indicator_set *s, uint32_t at)
{
	if (at == 0)
		return (struct text){.p = "", .n = 0};
	uint16_t n;
	memcpy(&n, s->pool.p + at, sizeof(n));
	return text_bytes(s->pool.p + at + sizeof(n), n);
}

static uint32_t pool_add(struct indicator_set *s, struct text t)
{
	if (t.n == 0)
		return 0;
	uint16_t n = t.n < UINT16_MAX ? (uint16_t)t.n : UINT16_MAX;
	uint32_t at = (uint32_t)s->pool.n;
	dynbuf_append(&s->pool, &n, sizeof(n));
	dynbuf_append(&s->pool, t.p, n);
	return at;
}

/* Feeds repeat themselves from line to line: what equals the last one is kept once. */
static uint32_t pool_add_repeated(struct indicator_set *s, struct text t, uint32_t *last)
{
	if (*last == 0 || !text_equal(pool_text(s, *last), t))
		*last = pool_add(s, t);
	return *last;
}

static struct slot *slot_find(
    const struct indicator_set *s, enum indicator_kind kind, const char *p, size_t n, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	for (size_t i = hash & s->mask;; i = (i + 1) & s->mask) {
		struct slot *slot = &s->slots[i];
		if (slot->entry == NONE)
			return slot;
		if (slot->tag != tag)
			continue;
		const struct entry *e = &s->entries[slot->entry];
		struct text key = pool_text(s, e->key_at);
		if (e->kind == kind && key.n == n && memcmp(key.p, p, n) == 0)
			return slot;
	}
}

static uint64_t *filter_word(const struct indicator_set *s, uint64_t hash)
{
	return &s->filter[(hash & s->mask) / FILTER_SLOTS];
}

static int slots_grow(struct indicator_set *s, size_t count)
{
	struct slot *slots = malloc(count * sizeof(*slots));
	uint64_t *filter = calloc(1, filter_size(count));
	if (!slots || !filter) {
		free(slots);
		free(filter);
		return -ENOMEM;
	}
	memset(slots, 0xff, count * sizeof(*slots));
	for (size_t i = 0; i <= s->mask; i++) {
		if (s->slots[i].entry == NONE)
			continue;
		const struct entry *e = &s->entries[s->slots[i].entry];
		struct text key = pool_text(s, e->key_at);
		uint64_t hash = key_hash(s, e->kind, key.p, key.n);
		size_t at = hash & (count - 1);
		while (slots[at].entry != NONE)
			at = (at + 1) & (count - 1);
		slots[at] = s->slots[i];
		filter[(hash & (count - 1)) / FILTER_SLOTS] |= filter_bits(hash);
	}
	free(s->slots);
	free(s->filter);
	s->slots = slots;
	s->filter = filter;
	s->mask = count - 1;
	return 0;
}

static int validity_take(struct indicator_set *s, const struct feed_entry *e, uint32_t *ret_validity)
{
	const struct validity v = {.from = e->valid_from, .until = e->valid_until};
	if (s->n_validities && memcmp(&s->validities[s->n_validities - 1], &v, sizeof(v)) == 0) {
		*ret_validity = (uint32_t)s->n_validities - 1;
		return 0;
	}
	int error = VEC_RESERVE(s->validities, &s->cap_validities, s->n_validities, INDICATORS_MAX + 1);
	if (error < 0)
		return error;
	s->validities[s->n_validities] = v;
	*ret_validity = (uint32_t)s->n_validities++;
	return 0;
}

/* Hangs entry number n, which is filled in but for `next`, under its key. */
static int entry_link(struct indicator_set *s, struct entry *e, const struct indicator_key *k)
{
	uint32_t number = (uint32_t)s->n;
	if (k->kind == INDICATOR_PREFIX) {
		uint32_t there;
		int error = net_trie_insert(s->prefixes, k->prefix, number);
		if (error != -EEXIST)
			return error;
		/* the trie keeps its first value; the newer one hangs behind it */
		(void)net_trie_match(s->prefixes, k->prefix.addr, &there);
		uint32_t chain[129];
		size_t n = net_trie_match_all(s->prefixes, k->prefix.addr, chain, 129);
		for (size_t i = 0; i < n && i < 129; i++)
			if (s->entries[chain[i]].bits == k->prefix.bits)
				there = chain[i];
		e->next = s->entries[there].next;
		s->entries[there].next = number;
		return 0;
	}
	if ((s->used + 1) * 10 > (s->mask + 1) * 7 && slots_grow(s, (s->mask + 1) * 2) < 0)
		return -ENOMEM;
	uint64_t hash = key_hash(s, k->kind, k->bytes, k->n);
	struct slot *slot = slot_find(s, k->kind, k->bytes, k->n, hash);
	if (slot->entry == NONE)
		s->used++;
	e->next = slot->entry;
	*slot = (struct slot){.entry = number, .tag = (uint32_t)(hash >> 32)};
	*filter_word(s, hash) |= filter_bits(hash);
	return 0;
}

int indicator_entry_add(struct indicator_set *s, const struct feed_entry *from, const struct indicator_key *k)
{
	if (s->n_feeds == 0)
		return -EINVAL;
	int error = VEC_RESERVE(s->entries, &s->cap, s->n, INDICATORS_MAX);
	uint32_t validity = 0;
	if (error == 0)
		error = validity_take(s, from, &validity);
	if (error < 0)
		return error;
	struct entry *e = &s->entries[s->n];
	*e = (struct entry){
	    .key_at = pool_add(s, text_bytes(k->bytes, k->n)),
	    .id_at = pool_add_repeated(s, from->id, &s->last_id),
	    .description_at = pool_add_repeated(s, from->description, &s->last_description),
	    .line = from->line,
	    .validity = validity,
	    .next = NONE,
	    .feed = (uint16_t)(s->n_feeds - 1),
	    .port = k->port ? k->port : from->port,
	    .kind = (uint8_t)k->kind,
	    .tlp = (uint8_t)from->tlp,
	    .bits = k->prefix.bits,
	};
	if (s->pool.error < 0)
		return s->pool.error;
	error = entry_link(s, e, k);
	if (error < 0)
		return error;
	s->by_kind[k->kind]++;
	s->n++;
	return 0;
}

void feed_problem(struct indicator_set *s, const struct feed_entry *at, struct text what, const char *why)
{
	s->all_problems++;
	if (VEC_RESERVE(s->problems, &s->cap_problems, s->n_problems, INDICATOR_PROBLEMS_MAX) < 0)
		return;
	struct dynbuf where = {.max = INDICATOR_VALUE_MAX};
	char clean[WHAT_MAX], id[WHAT_MAX];
	dynbuf_printf(&where, "%s", s->n_feeds ? s->feeds[s->n_feeds - 1] : "");
	if (at->line)
		dynbuf_printf(&where, ":%u", at->line);
	if (at->id.n)
		dynbuf_printf(&where, " %s", text_printable(at->id, id, sizeof(id)));
	struct indicator_problem p = {
	    .where = arena_text(&s->arena, dynbuf_view(&where)),
	    .what = arena_text(&s->arena, text_of(text_printable(what, clean, sizeof(clean)))),
	    .why = arena_text(&s->arena, text_of(why)),
	};
	dynbuf_free(&where);
	if (p.where.p && p.what.p && p.why.p)
		s->problems[s->n_problems++] = p;
}

static int feed_begin(struct indicator_set *s, const char *name)
{
	int error = VEC_RESERVE(s->feeds, &s->cap_feeds, s->n_feeds, FEEDS_MAX);
	if (error < 0)
		return error;
	char clean[INDICATOR_TEXT_SIZE];
	text_printable(text_of(name), clean, sizeof(clean));
	const char *copy = arena_strndup(&s->arena, clean, strlen(clean));
	if (!copy)
		return -ENOMEM;
	s->feeds[s->n_feeds++] = copy;
	return 0;
}

int indicator_by_hand_begin(struct indicator_set *s)
{
	bool begun = s->n_feeds && strcmp(s->feeds[s->n_feeds - 1], INDICATOR_BY_HAND) == 0;
	return begun ? 0 : feed_begin(s, INDICATOR_BY_HAND);
}

/* A feed of lines has at most so many entries more: room for them at once, not by doubling. */
static int slots_reserve(struct indicator_set *s, struct text lines)
{
	size_t n = 1, count = s->mask + 1;
	for (size_t at = 0; at < lines.n && n < INDICATORS_MAX; n++)
		at += text_find(text_sub(lines, at, lines.n), '\n') + 1;
	while ((s->used + n) * 10 > count * 7 && count < INDICATORS_MAX)
		count *= 2;
	return count > s->mask + 1 ? slots_grow(s, count) : 0;
}

int indicator_set_load(
    struct indicator_set *s, const char *name, enum indicator_format format, struct text bytes)
{
	if (bytes.n > INDICATOR_FEED_MAX)
		return -ERR_LIMIT;
	int error = feed_begin(s, name);
	if (error < 0)
		return error;
	if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
		bytes = text_sub(bytes, 3, bytes.n);
	struct text body = text_trim(bytes);
	bool json = body.n && (body.p[0] == '{' || (body.p[0] == '[' && text_find(body, '{') < body.n));
	if (format == INDICATOR_FORMAT_AUTO && !json)
		format = INDICATOR_FORMAT_CSV;
	switch (format) {
	case INDICATOR_FORMAT_AUTO:
	case INDICATOR_FORMAT_STIX:
	case INDICATOR_FORMAT_MISP: return feed_load_json(s, name, format, body);
	case INDICATOR_FORMAT_LIST:
	case INDICATOR_FORMAT_CSV:
		error = slots_reserve(s, bytes);
		if (error < 0)
			return error;
		return format == INDICATOR_FORMAT_LIST ? feed_load_list(s, name, bytes)
		                                       : feed_load_csv(s, name, bytes);
	}
	return -EINVAL;
}

size_t indicator_count(const struct indicator_set *s)
{
	return s->n;
}

size_t indicator_count_of(const struct indicator_set *s, enum indicator_kind kind)
{
	return s->by_kind[kind];
}

size_t indicator_memory(const struct indicator_set *s)
{
	return sizeof(*s) + s->cap * sizeof(*s->entries) + s->cap_validities * sizeof(*s->validities) +
	       (s->mask + 1) * sizeof(*s->slots) + filter_size(s->mask + 1) + s->pool.cap + s->arena.used +
	       s->cap_problems * sizeof(*s->problems);
}

size_t indicator_problem_count(const struct indicator_set *s)
{
	return s->all_problems;
}

bool indicator_problem_at(const struct indicator_set *s, size_t i, struct indicator_problem *ret_problem)
{
	if (i >= s->n_problems)
		return false;
	*ret_problem = s->problems[i];
	return true;
}

void indicator_at(const struct indicator_set *s, uint32_t number, struct indicator *ret_i)
{
	const struct entry *e = &s->entries[number];
	const struct validity *v = &s->validities[e->validity];
	*ret_i = (struct indicator){
	    .kind = e->kind,
	    .tlp = e->tlp,
	    .port = e->port,
	    .key = pool_text(s, e->key_at),
	    .bits = e->bits,
	    .feed = text_of(s->feeds[e->feed]),
	    .line = e->line,
	    .id = pool_text(s, e->id_at),
	    .description = pool_text(s, e->description_at),
	    .valid_from = v->from,
	    .valid_until = v->until,
	};
}

/* The first of the chain that is valid then and speaks of that port. */
static int chain_match(
    const struct indicator_set *s, uint32_t number, uint16_t port, int64_t time, struct indicator *ret_i)
{
	for (; number != NONE; number = s->entries[number].next) {
		const struct entry *e = &s->entries[number];
		const struct validity *v = &s->validities[e->validity];
		if ((e->port && e->port != port) || time < v->from || time >= v->until)
			continue;
		indicator_at(s, number, ret_i);
		return 1;
	}
	return 0;
}

/* Appends the key's chain where there is one. */
static size_t key_find(const struct indicator_set *s, enum indicator_kind kind, struct text key,
    uint64_t hash, uint32_t *numbers, size_t n)
{
	uint64_t bits = filter_bits(hash);
	if ((*filter_word(s, hash) & bits) != bits)
		return n;
	numbers[n] = slot_find(s, kind, key.p, key.n, hash)->entry;
	return n + (numbers[n] != NONE);
}

static size_t value_find(
    const struct indicator_set *s, enum indicator_kind kind, struct text value, uint32_t *numbers, size_t n)
{
	if (s->by_kind[kind] == 0 || value.n == 0)
		return n;
	return key_find(s, kind, value, key_hash(s, kind, value.p, value.n), numbers, n);
}

void indicator_expect(const struct indicator_set *s, struct net_addr a)
{
	if (s->by_kind[INDICATOR_ADDRESS])
		__builtin_prefetch(
		    filter_word(s, key_hash(s, INDICATOR_ADDRESS, (const char *)a.b, sizeof(a.b))));
}

/* Prefixes, the shortest first, then the address. */
static size_t address_find(
    const struct indicator_set *s, struct net_addr a, uint32_t numbers[INDICATOR_FOUND_MAX])
{
	size_t n = s->by_kind[INDICATOR_PREFIX] ? net_trie_match_all(s->prefixes, a, numbers, 129) : 0;
	return value_find(s, INDICATOR_ADDRESS, text_bytes(a.b, sizeof(a.b)), numbers, n < 129 ? n : 129);
}

/* The top of the name first. */
static size_t domain_find(
    const struct indicator_set *s, struct text name, uint32_t numbers[INDICATOR_FOUND_MAX])
{
	char low[INDICATOR_DOMAIN_MAX];
	uint64_t h = s->seed;
	size_t n = 0;
	if (s->by_kind[INDICATOR_DOMAIN] == 0)
		return 0;
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > INDICATOR_DOMAIN_MAX)
		return 0;
	for (size_t i = name.n; i-- > 0 && n < INDICATOR_FOUND_MAX - 1;) {
		low[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 'a' - 'A') : name.p[i];
		h = hash_step(h, low[i]);
		if (i == 0 || name.p[i - 1] == '.')
			n = key_find(s, INDICATOR_DOMAIN, (struct text){.p = low + i, .n = name.n - i},
			    hash_close(h, INDICATOR_DOMAIN), numbers, n);
	}
	return n;
}

/* Without its query, then as it was asked. */
static size_t url_find(const struct indicator_set *s, struct text host, struct text target,
    uint32_t numbers[INDICATOR_FOUND_MAX])
{
	char buf[URL_LOOKUP_MAX];
	struct text key = {.p = buf};
	size_t n = 0;
	if (s->by_kind[INDICATOR_URL] == 0)
		return 0;
	size_t length = indicator_url_key(host, target, buf, sizeof(buf));
	key.n = length;
	key.n = text_find(key, '?');
	if (key.n < length)
		n = value_find(s, INDICATOR_URL, key, numbers, n);
	key.n = length;
	return value_find(s, INDICATOR_URL, key, numbers, n);
}

size_t indicator_find(
    const struct indicator_set *s, const struct indicator_query *q, uint32_t numbers[INDICATOR_FOUND_MAX])
{
	struct net_addr a;
	if (indicator_kind_is_fingerprint(q->kind))
		return value_find(s, q->kind, q->value, numbers, 0);
	if (q->kind == INDICATOR_DOMAIN)
		return domain_find(s, q->value, numbers);
	if (q->kind == INDICATOR_URL)
		return url_find(s, q->value, q->target, numbers);
	if ((q->kind != INDICATOR_ADDRESS && q->kind != INDICATOR_PREFIX) || q->value.n != sizeof(a.b))
		return 0;
	memcpy(a.b, q->value.p, sizeof(a.b));
	return address_find(s, a, numbers);
}

/* Names from the top down, all else from the most special up. */
int indicator_match(
    const struct indicator_set *s, const struct indicator_query *q, int64_t time, struct indicator *ret_i)
{
	uint32_t numbers[INDICATOR_FOUND_MAX];
	size_t n = indicator_find(s, q, numbers);
	for (size_t i = 0; i < n; i++)
		if (chain_match(
		        s, numbers[q->kind == INDICATOR_DOMAIN ? i : n - 1 - i], q->port, time, ret_i))
			return 1;
	return 0;
}

int indicator_match_value(const struct indicator_set *s, enum indicator_kind kind, struct text value,
    int64_t time, struct indicator *ret_i)
{
	return indicator_match(s, &(struct indicator_query){.kind = kind, .value = value}, time, ret_i);
}

int indicator_match_address(
    const struct indicator_set *s, struct net_addr a, uint16_t port, int64_t time, struct indicator *ret_i)
{
	struct indicator_query q = {
	    .kind = INDICATOR_ADDRESS, .port = port, .value = text_bytes(a.b, sizeof(a.b))};
	return indicator_match(s, &q, time, ret_i);
}

int indicator_match_domain(
    const struct indicator_set *s, struct text name, uint16_t port, int64_t time, struct indicator *ret_i)
{
	struct indicator_query q = {.kind = INDICATOR_DOMAIN, .port = port, .value = name};
	return indicator_match(s, &q, time, ret_i);
}

int indicator_match_url(const struct indicator_set *s, struct text host, struct text target, int64_t time,
    struct indicator *ret_i)
{
	struct indicator_query q = {.kind = INDICATOR_URL, .value = host, .target = target};
	return indicator_match(s, &q, time, ret_i);
}
