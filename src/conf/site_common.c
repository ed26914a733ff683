/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/hash.h"
#include "base/num.h"

void *site_array(struct site_reader *r, size_t n, size_t size)
{
	void *p = arena_array(&r->site->arena, n, size);
	if (!p)
		conf_no_memory(&r->report);
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

const char *site_read_name(struct site_reader *r, const struct conf_node *value, const char *what)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, what, "\"mission-control\"", &t))
		return NULL;
	if (t.n > SITE_NAME_MAX) {
		conf_mistake(
		    &r->report, value, "%s has %zu bytes; at most %d are allowed", what, t.n, SITE_NAME_MAX);
		return NULL;
	}
	if (!is_clean(t)) {
		conf_mistake(&r->report, value, "%s \"%s\" has control characters; leave them out", what,
		    conf_shown(value, shown));
		return NULL;
	}
	const char *copy = arena_strndup(&r->site->arena, t.p, t.n);
	if (!copy)
		conf_no_memory(&r->report);
	return copy;
}

void site_read_name_row(void *reader, const struct conf_node *value, void *into)
{
	const char **name = into;
	const char *read = site_read_name(reader, value, "a name");
	if (read)
		*name = read;
}

/* A path may be longer than a name. */
void site_read_file_row(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	const char **file = into;
	struct text t;
	if (!conf_scalar(&r->report, value, "a file", "indicators.csv", &t))
		return;
	if (t.n > 4095 || memchr(t.p, 0, t.n)) {
		conf_mistake(
		    &r->report, value, "a file's path has at most 4095 bytes, and no NUL among them");
		return;
	}
	*file = arena_strndup(&r->site->arena, t.p, t.n);
	if (!*file)
		conf_no_memory(&r->report);
}

/* What would be right for a prefix with host bits: "10.0.0.0/8" for 10.0.0.1/8. */
static void host_bits(struct site_reader *r, const struct conf_node *value)
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
	conf_mistake(
	    &r->report, value, "prefix %s has host bits set; write %s", conf_shown(value, shown), right);
}

bool site_read_prefix(struct site_reader *r, const struct conf_node *value, struct net_prefix *ret_prefix)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, "an address or prefix", "10.30.0.0/24", &t))
		return false;
	int e = net_prefix_parse(t, ret_prefix);
	if (e == -ERANGE)
		host_bits(r, value);
	else if (e < 0)
		conf_mistake(&r->report, value,
		    "\"%s\" is no address or prefix; write it like 10.30.0.0/24 or 2001:db8::/32",
		    conf_shown(value, shown));
	return e == 0;
}

bool site_read_zone(struct site_reader *r, const struct conf_node *value, uint16_t *ret_zone)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, "the name of a zone", "mission-control", &t))
		return false;
	int zone = net_zone_find(r->site->zones, t);
	if (zone >= 0) {
		*ret_zone = (uint16_t)zone;
		return true;
	}
	struct conf_nearest nearest = {.wrong = t};
	size_t n = net_zone_count(r->site->zones);
	for (size_t i = 0; i < n; i++)
		conf_nearest_add(&nearest, net_zone_at(r->site->zones, (uint16_t)i)->name);
	if (nearest.name)
		conf_mistake(&r->report, value, "there is no zone \"%s\"; did you mean \"%s\"?",
		    conf_shown(value, shown), nearest.name);
	else
		conf_mistake(&r->report, value, "there is no zone \"%s\"; add it under zones first",
		    conf_shown(value, shown));
	return false;
}

void site_read_zone_list(
    struct site_reader *r, const struct conf_node *value, size_t min, uint16_t **ret_zones, size_t *ret_n)
{
	uint32_t lines[NET_ZONE_MAX] = {0};
	size_t n = 0;
	if (!conf_list(&r->report, value, "zone names", min, NET_ZONE_MAX))
		return;
	uint16_t *zones = site_array(r, value->n, sizeof(*zones));
	for (size_t i = 0; zones && i < value->n; i++) {
		uint16_t zone;
		if (!site_read_zone(r, value->items[i], &zone))
			continue;
		if (lines[zone])
			conf_mistake(&r->report, value->items[i], "zone \"%s\" is listed twice; name it once",
			    net_zone_at(r->site->zones, zone)->name);
		else
			zones[n++] = zone;
		lines[zone] = value->items[i]->line;
	}
	if (zones) {
		*ret_zones = zones;
		*ret_n = n;
	}
}

void site_check_names(struct site_reader *r, const struct conf_node *list, const char *what,
    const void *things, size_t n, size_t size)
{
	struct table *seen;
	if (n == 0)
		return;
	/* by hash: two that collide by chance in 64 bits are compared before anything is said */
	if (table_new(&seen, sizeof(uint64_t), sizeof(uint32_t), n, 0) < 0) {
		conf_no_memory(&r->report);
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
			conf_mistake(&r->report, list->items[i],
			    "%s \"%s\" is there already, in line %u; give this one another name", what, name,
			    list->items[*first]->line);
	}
	table_free(seen);
}
