/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/names.h"

#include <math.h>

#include "base/hash.h"
#include "net/addr.h"

enum { NAME_HASHED_MAX = 255 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct text without_final_dot(struct text t)
{
	if (t.n && t.p[t.n - 1] == '.')
		t.n--;
	return t;
}

/* Where the label begins that ends before `end`. */
static size_t label_start(struct text t, size_t end)
{
	while (end > 0 && t.p[end - 1] != '.')
		end--;
	return end;
}

static bool is_category(struct text label)
{
	static const struct text categories[] = {TEXT("co"), TEXT("com"), TEXT("net"), TEXT("org"),
	    TEXT("gov"), TEXT("edu"), TEXT("ac"), TEXT("go"), TEXT("or"), TEXT("ne"), TEXT("gob"),
	    TEXT("mil"), TEXT("gouv"), TEXT("lg")};
	return text_is_one_of(label, categories, sizeof(categories) / sizeof(*categories));
}

static bool is_address(struct text t)
{
	struct net_addr a;
	return t.n > 0 && (t.p[t.n - 1] >= '0' && t.p[t.n - 1] <= '9') && net_addr_parse(t, &a) == 0;
}

struct text name_registered(struct text name)
{
	struct text t = without_final_dot(name);
	size_t last = label_start(t, t.n);
	if (last == 0 || is_address(t))
		return t;
	size_t second = label_start(t, last - 1);
	if (t.n - last == 2 && second > 0 && is_category(text_sub(t, second, last - 1 - second)))
		second = label_start(t, second - 1);
	return text_sub(t, second, t.n);
}

struct text name_below(struct text name)
{
	return name_below_of(name, name_registered(name));
}

struct text name_below_of(struct text name, struct text registered)
{
	struct text t = without_final_dot(name);
	return text_sub(t, 0, registered.n < t.n ? t.n - registered.n - 1 : 0);
}

uint64_t name_hash(struct text name, uint64_t seed)
{
	char buf[NAME_HASHED_MAX];
	size_t n = name.n < sizeof(buf) ? name.n : sizeof(buf);
	for (size_t i = 0; i < n; i++)
		buf[i] = lower(name.p[i]);
	return hash_bytes(buf, n, seed);
}

double name_entropy(struct text t)
{
	unsigned count[256] = {0};
	uint64_t seen[4] = {0}; /* a name has few of all characters */
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)lower(t.p[i]);
		count[c]++;
		seen[c / 64] |= UINT64_C(1) << c % 64;
	}
	/* most characters stand there as often as the one before: once */
	unsigned last = 0;
	double bits = 0, share_bits = 0;
	for (size_t i = 0; i < 4; i++) {
		for (uint64_t left = seen[i]; left; left &= left - 1) {
			unsigned n = count[64 * i + (size_t)__builtin_ctzll(left)];
			double share = (double)n / (double)t.n;
			share_bits = n == last ? share_bits : share * log2(share);
			bits -= share_bits;
			last = n;
		}
	}
	return bits;
}

size_t name_labels(struct text name, size_t *ret_longest)
{
	struct text t = without_final_dot(name);
	size_t labels = 0, longest = 0, run = 0;
	for (size_t i = 0; i <= t.n; i++) {
		if (i < t.n && t.p[i] != '.') {
			run++;
			continue;
		}
		labels += run > 0;
		longest = run > longest ? run : longest;
		run = 0;
	}
	*ret_longest = longest;
	return labels;
}

bool name_ends_nocase(struct text name, struct text end)
{
	return name.n >= end.n && text_equal_nocase(text_sub(name, name.n - end.n, end.n), end);
}

static inline unsigned pair_of(struct text t, size_t i)
{
	return ((unsigned char)t.p[i] & 31u) << 5 | ((unsigned char)t.p[i + 1] & 31u);
}

struct pairs pairs_of(struct text t)
{
	struct pairs p = {{0}};
	for (size_t i = 0; i + 1 < t.n; i++) {
		unsigned pair = pair_of(t, i);
		p.bits[pair / 64] |= UINT64_C(1) << pair % 64;
	}
	return p;
}

static inline bool pairs_have(const struct pairs *p, struct text part)
{
	for (size_t i = 0; i + 1 < part.n; i++) {
		unsigned pair = pair_of(part, i);
		if (!(p->bits[pair / 64] >> pair % 64 & 1))
			return false;
	}
	return true;
}

bool pairs_contain(const struct pairs *p, struct text t, struct text part)
{
	return pairs_have(p, part) && text_contains_nocase(t, part);
}

bool text_is_one_of(struct text t, const struct text *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].n == t.n && text_equal_nocase(t, list[i]))
			return true;
	return false;
}

/* Both are short (a field of at most 4 KiB against a word), so the plain search is good enough. */
bool text_contains_nocase(struct text t, struct text part)
{
	if (part.n == 0 || part.n > t.n)
		return part.n == 0;
	char small = lower(part.p[0]),
	     large = small >= 'a' && small <= 'z' ? (char)(small - 'a' + 'A') : small;
	for (size_t i = 0, last = t.n - part.n; i <= last; i++)
		if ((t.p[i] == small || t.p[i] == large) && text_starts_nocase(text_sub(t, i, part.n), part))
			return true;
	return false;
}
