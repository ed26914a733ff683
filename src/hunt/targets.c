/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool hunt_kind_is_searched(enum indicator_kind kind)
{
	switch (kind) {
	case INDICATOR_ADDRESS:
	case INDICATOR_PREFIX:
	case INDICATOR_DOMAIN:
	case INDICATOR_URL:
	case INDICATOR_JA3:
	case INDICATOR_JA4:
	case INDICATOR_JA3S:
	case INDICATOR_HASSH:
	case INDICATOR_HASSH_SERVER:
	case INDICATOR_CERT_SHA256:
	case INDICATOR_FILE_SHA256: return true;
	case INDICATOR_CERT_SHA1:
	case INDICATOR_FILE_SHA1:
	case INDICATOR_FILE_MD5:
	case INDICATOR_KINDS: break;
	}
	return false;
}

static struct net_prefix prefix_of(const struct indicator *i)
{
	struct net_prefix p = {.bits = i->bits};
	memcpy(p.addr.b, i->key.p, sizeof(p.addr.b));
	return p;
}

/* The name that a URL's key begins with. */
static struct text host_of(struct text url)
{
	return text_sub(url, 0, text_find(url, '/'));
}

static int keys_new(struct hunt_targets *t)
{
	size_t values = 0;
	size_t domains = indicator_count_of(t->set, INDICATOR_DOMAIN);
	for (int kind = INDICATOR_JA3; kind < INDICATOR_KINDS; kind++)
		values += indicator_count_of(t->set, (enum indicator_kind)kind);
	t->v = reallocarray(NULL, indicator_count(t->set) + 1, sizeof(*t->v));
	t->first_of = reallocarray(NULL, indicator_count(t->set) + 1, sizeof(*t->first_of));
	t->addrs = reallocarray(NULL, indicator_count_of(t->set, INDICATOR_ADDRESS) + 1, sizeof(*t->addrs));
	t->prefixes = reallocarray(
	    NULL, indicator_count_of(t->set, INDICATOR_PREFIX) + 1, sizeof(*t->prefixes));
	t->domains = reallocarray(NULL, domains + 1, sizeof(*t->domains));
	t->hosts = reallocarray(
	    NULL, domains + indicator_count_of(t->set, INDICATOR_URL) + 1, sizeof(*t->hosts));
	t->values = reallocarray(NULL, values + 1, sizeof(*t->values));
	bool whole = t->v && t->first_of && t->addrs && t->prefixes && t->domains && t->hosts && t->values;
	return whole ? 0 : -ENOMEM;
}

/* A value that is new: to the archive's keys. */
static void key_keep(struct hunt_targets *t, const struct indicator *i)
{
	if (!hunt_kind_is_searched(i->kind))
		return;
	if (indicator_kind_is_fingerprint(i->kind)) {
		t->values[t->n_values++] = i->key;
	} else if (i->kind == INDICATOR_ADDRESS) {
		t->addrs[t->n_addrs++] = prefix_of(i).addr;
	} else if (i->kind == INDICATOR_PREFIX) {
		t->prefixes[t->n_prefixes++] = prefix_of(i);
	} else if (i->kind == INDICATOR_DOMAIN) {
		t->domains[t->n_domains++] = i->key;
		t->hosts[t->n_hosts++] = i->key;
	} else if (i->kind == INDICATOR_URL) {
		t->hosts[t->n_hosts++] = host_of(i->key);
	}
}

static bool same_key(const struct indicator *a, const struct indicator *b)
{
	return a->bits == b->bits && text_equal(a->key, b->key);
}

/* One kind's entries, which come sorted, into targets. */
static int kind_make(struct hunt_targets *t, enum indicator_kind kind)
{
	size_t n = indicator_count_of(t->set, kind), first = t->n;
	struct indicator before = {.port = 0};
	uint32_t *numbers;
	int error = n ? indicator_sorted(t->set, kind, &numbers) : 0;
	if (error < 0 || n == 0)
		return error;
	for (size_t k = 0; k < n; k++) {
		struct indicator i;
		indicator_at(t->set, numbers[k], &i);
		bool fresh = k == 0 || !same_key(&before, &i);
		if (fresh) {
			key_keep(t, &i);
			first = t->n;
		}
		if (fresh || i.port != before.port) {
			t->v[t->n++] = (struct hunt_target){.number = numbers[k],
			    .port = i.port,
			    .valid_from = i.valid_from,
			    .valid_until = i.valid_until};
			t->v[first].same++;
		}
		struct hunt_target *target = &t->v[t->n - 1];
		target->sources++;
		if (i.valid_from < target->valid_from)
			target->valid_from = i.valid_from;
		if (i.valid_until > target->valid_until)
			target->valid_until = i.valid_until;
		t->first_of[numbers[k]] = (uint32_t)first;
		before = i;
	}
	free(numbers);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct text *x = a, *y = b;
	return text_compare(*x, *y);
}

/* Sorts and leaves out doubles. Gives how many are left. */
static size_t texts_unite(struct text *v, size_t n)
{
	size_t kept = 0;
	if (n)
		qsort(v, n, sizeof(*v), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !text_equal(v[kept - 1], v[i]))
			v[kept++] = v[i];
	return kept;
}

int hunt_targets_make(struct hunt_targets *t, const struct indicator_set *set)
{
	*t = (struct hunt_targets){.set = set};
	int error = keys_new(t);
	for (int kind = 0; kind < INDICATOR_KINDS && error == 0; kind++)
		error = kind_make(t, (enum indicator_kind)kind);
	if (error < 0)
		return error;
	if (indicator_count_of(set, INDICATOR_URL))
		t->n_hosts = texts_unite(t->hosts, t->n_hosts);
	t->n_values = texts_unite(t->values, t->n_values);
	return 0;
}

void hunt_targets_free(struct hunt_targets *t)
{
	free(t->v);
	free(t->first_of);
	free(t->addrs);
	free(t->prefixes);
	free(t->domains);
	free(t->hosts);
	free(t->values);
	*t = (struct hunt_targets){0};
}

/* The targets of one key that a port meets: that of any port, which is the first, and that of this one. */
void hunt_targets_of_key(
    const struct hunt_targets *t, uint32_t first, uint16_t port, hunt_target_fn each, void *context)
{
	const struct hunt_target *v = &t->v[first];
	size_t low = v->port == 0 ? 1 : 0, high = v->same;
	if (v->port == 0)
		each(context, first);
	while (port && low < high) {
		size_t middle = low + (high - low) / 2;
		if (v[middle].port == port) {
			each(context, first + (uint32_t)middle);
			return;
		}
		if (v[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
}

size_t hunt_targets_keys(
    const struct hunt_targets *t, const struct indicator_query *q, uint32_t firsts[INDICATOR_FOUND_MAX])
{
	size_t n = indicator_find(t->set, q, firsts);
	for (size_t i = 0; i < n; i++)
		firsts[i] = t->first_of[firsts[i]];
	return n;
}

void hunt_targets_find(
    const struct hunt_targets *t, const struct indicator_query *q, hunt_target_fn each, void *context)
{
	uint32_t firsts[INDICATOR_FOUND_MAX];
	size_t n = hunt_targets_keys(t, q, firsts);
	for (size_t i = 0; i < n; i++)
		hunt_targets_of_key(t, firsts[i], q->port, each, context);
}

struct wanted {
	uint32_t target;
	bool met;
};

static void want(void *context, uint32_t target)
{
	struct wanted *w = context;
	w->met |= target == w->target;
}

bool hunt_target_meets(const struct hunt_targets *t, const struct indicator_query *q, uint32_t target)
{
	struct wanted w = {.target = target};
	hunt_targets_find(t, q, want, &w);
	return w.met;
}
