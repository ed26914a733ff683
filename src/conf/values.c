/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/table.h"
#include "base/timefmt.h"

void *conf_array(struct conf_report *r, size_t n, size_t size)
{
	void *p = arena_array(r->arena, n, size);
	if (!p)
		conf_no_memory(r);
	return p;
}

/* Names end up in terminals, rule comments and reports: none may hold what those would act on. */
static bool is_clean(struct text t)
{
	struct dynbuf shown = {0};
	bool clean = text_append_printable(&shown, t) == 0 && text_equal(dynbuf_view(&shown), t);
	dynbuf_free(&shown);
	return clean;
}

const char *conf_name(struct conf_report *r, const struct conf_node *value, const char *what)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(r, value, what, "\"mission-control\"", &t))
		return NULL;
	if (t.n > CONF_NAME_MAX) {
		conf_mistake(r, value, "%s has %zu bytes; at most %d are allowed", what, t.n, CONF_NAME_MAX);
		return NULL;
	}
	if (!is_clean(t)) {
		conf_mistake(r, value, "%s \"%s\" has control characters; leave them out", what,
		    conf_shown(value, shown));
		return NULL;
	}
	const char *copy = arena_strndup(r->arena, t.p, t.n);
	if (!copy)
		conf_no_memory(r);
	return copy;
}

void conf_name_row(void *reader, const struct conf_node *value, void *into)
{
	const char **name = into;
	const char *read = conf_name(reader, value, "a name");
	if (read)
		*name = read;
}

/* A path may be longer than a name. */
void conf_file_row(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	const char **file = into;
	struct text t;
	if (!conf_scalar(r, value, "a file", "indicators.csv", &t))
		return;
	if (t.n > CONF_FILE_MAX || memchr(t.p, 0, t.n)) {
		conf_mistake(
		    r, value, "a file's path has at most %d bytes, and no NUL among them", CONF_FILE_MAX);
		return;
	}
	*file = arena_strndup(r->arena, t.p, t.n);
	if (!*file)
		conf_no_memory(r);
}

/* What would be right for a prefix with host bits: "10.0.0.0/8" for 10.0.0.1/8. */
static void host_bits(struct conf_report *r, const struct conf_node *value)
{
	char shown[CONF_SHOWN_SIZE], right[NET_PREFIX_TEXT_SIZE];
	struct text t = value->text;
	size_t slash = text_find(t, '/');
	struct net_addr a = {0};
	uint64_t bits = 0;
	/* both have been read once, else this wasn't the mistake */
	if (net_addr_parse(text_sub(t, 0, slash), &a) < 0 ||
	    num_parse_u64(text_sub(t, slash + 1, t.n), 128, &bits) < 0)
		return;
	bits += memchr(t.p, ':', slash) ? 0 : 96;
	net_prefix_text(net_prefix_of(a, (uint8_t)bits), right);
	conf_mistake(r, value, "prefix %s has host bits set; write %s", conf_shown(value, shown), right);
}

bool conf_prefix(struct conf_report *r, const struct conf_node *value, struct net_prefix *ret_prefix)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(r, value, "an address or prefix", "10.30.0.0/24", &t))
		return false;
	int e = net_prefix_parse(t, ret_prefix);
	if (e == -ERANGE)
		host_bits(r, value);
	else if (e < 0)
		conf_mistake(r, value,
		    "\"%s\" is no address or prefix; write it like 10.30.0.0/24 or 2001:db8::/32",
		    conf_shown(value, shown));
	return e == 0;
}

struct placed {
	struct net_prefix prefix;
	const struct conf_node *at;
};

/* By address, the wider first, then as in the file: what covers another stands before it. */
static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int order = net_addr_compare(x->prefix.addr, y->prefix.addr);
	if (order == 0)
		order = (x->prefix.bits > y->prefix.bits) - (x->prefix.bits < y->prefix.bits);
	if (order == 0)
		order = (x->at->line > y->at->line) - (x->at->line < y->at->line);
	if (order == 0)
		order = (x->at->column > y->at->column) - (x->at->column < y->at->column);
	return order;
}

/* One within another is a slip: either it says nothing, or the wider one says too much. */
static void check_overlaps(struct conf_report *r, const char *key, struct placed *g, size_t n)
{
	size_t outer = 0;
	char inner_text[NET_PREFIX_TEXT_SIZE], outer_text[NET_PREFIX_TEXT_SIZE];
	if (n)
		qsort(g, n, sizeof(*g), compare_placed);
	for (size_t i = 1; i < n; i++) {
		if (!net_prefix_covers(g[outer].prefix, g[i].prefix)) {
			outer = i;
			continue;
		}
		conf_mistake(r, g[i].at, "%s %s is covered by %s in line %u; leave one of them out", key,
		    net_prefix_text(g[i].prefix, inner_text), net_prefix_text(g[outer].prefix, outer_text),
		    g[outer].at->line);
	}
}

bool conf_prefixes(struct conf_report *r, const struct conf_node *value, const char *key, size_t max,
    struct net_prefix **ret_prefixes, size_t *ret_n)
{
	size_t n = 0;
	if (!conf_list(r, value, "prefixes", 0, max))
		return false;
	struct net_prefix *prefixes = conf_array(r, value->n, sizeof(*prefixes));
	struct placed *placed = calloc(value->n + 1, sizeof(*placed));
	if (!placed)
		conf_no_memory(r);
	for (size_t i = 0; prefixes && placed && i < value->n; i++) {
		struct net_prefix p;
		if (!conf_prefix(r, value->items[i], &p))
			continue;
		placed[n] = (struct placed){.prefix = p, .at = value->items[i]};
		prefixes[n++] = p;
	}
	if (placed)
		check_overlaps(r, key, placed, n);
	free(placed);
	if (r->error)
		return false;
	*ret_prefixes = prefixes;
	*ret_n = n;
	return true;
}

char *conf_span_text(int64_t ns, char *buf)
{
	static const struct {
		int64_t ns;
		char letter;
	} units[] = {{86400 * NS_PER_S, 'd'}, {3600 * NS_PER_S, 'h'}, {60 * NS_PER_S, 'm'}, {NS_PER_S, 's'}};
	size_t unit = 0;
	while (unit < 3 && (ns == 0 || ns % units[unit].ns))
		unit++;
	snprintf(buf, CONF_SPAN_SIZE, "%lld%c", (long long)(ns / units[unit].ns), units[unit].letter);
	return buf;
}

bool conf_span(struct conf_report *r, const struct conf_node *value, const char *what, const char *example,
    int64_t min_ns, int64_t max_ns, int64_t *ret_ns)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE], min[CONF_SPAN_SIZE], max[CONF_SPAN_SIZE];
	int64_t ns;
	if (!conf_scalar(r, value, "a duration", example, &t))
		return false;
	if (time_parse_span(t, &ns) < 0) {
		conf_mistake(r, value, "\"%s\" is no duration; write a number with s, m, h or d, such as %s",
		    conf_shown(value, shown), example);
		return false;
	}
	if (ns < min_ns || ns > max_ns) {
		conf_mistake(r, value, "%s of %s is out of bounds; it lasts from %s to %s", what,
		    conf_shown(value, shown), conf_span_text(min_ns, min), conf_span_text(max_ns, max));
		return false;
	}
	*ret_ns = ns;
	return true;
}

void conf_check_names(struct conf_report *r, const struct conf_node *list, const char *what,
    const void *things, size_t n, size_t size)
{
	struct table *seen;
	if (n == 0)
		return;
	/* by hash: two that collide by chance in 64 bits are compared before anything is said */
	if (table_new(&seen, sizeof(uint64_t), sizeof(uint32_t), n, 0) < 0) {
		conf_no_memory(r);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *name, *other;
		int fresh = 0;
		memcpy(&name, (const uint8_t *)things + i * size, sizeof(name));
		if (!name)
			continue;
		uint64_t hash = hash_bytes(name, strlen(name), 0);
		uint32_t *first = table_put(seen, &hash, &fresh);
		if (first && fresh)
			*first = (uint32_t)i;
		if (!first || fresh)
			continue;
		memcpy(&other, (const uint8_t *)things + *first * size, sizeof(other));
		if (strcmp(name, other) == 0)
			conf_mistake(r, list->items[i],
			    "%s \"%s\" is there already, in line %u; give this one another name", what, name,
			    list->items[*first]->line);
	}
	table_free(seen);
}
