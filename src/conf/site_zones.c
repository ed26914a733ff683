/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

/* A zone while it is read. */
struct zone_entry {
	const char *name;
	const struct conf_node *name_at;
	enum net_zone_class class;
	bool has_class;
	enum net_overlap overlap;
	const struct conf_node *prefixes;
};

/* A zone's name stands where an address may stand too (services), so it must not look like one. */
static void read_zone_name(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct zone_entry *z = into;
	struct net_prefix p;
	const char *name = conf_name(&r->report, value, "a zone's name");
	if (!name)
		return;
	bool good = strlen(name) <= SITE_ZONE_NAME_MAX;
	for (const char *c = name; *c; c++)
		good = good && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		                   (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || *c == '.');
	if (!good)
		conf_mistake(&r->report, value,
		    "zone name \"%s\" may have at most %d letters, digits, \"-\", \"_\" and \".\"", name,
		    SITE_ZONE_NAME_MAX);
	else if (net_prefix_parse(text_of(name), &p) == 0)
		conf_mistake(
		    &r->report, value, "zone name \"%s\" looks like an address; give it a name", name);
	else if (strcmp(name, net_zone_at(r->site->zones, NET_ZONE_NONE)->name) == 0)
		conf_mistake(&r->report, value,
		    "zone name \"%s\" is what addresses outside all zones are called; take another", name);
	else {
		z->name = name;
		z->name_at = value;
	}
}

static void read_zone_class(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct zone_entry *z = into;
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, "a class", "protected", &t))
		return;
	z->has_class = net_zone_class_parse(t, &z->class) == 0;
	if (z->has_class)
		return;
	struct conf_nearest nearest = {.wrong = t};
	for (int i = NET_ZONE_PROTECTED; i <= NET_ZONE_EXTERNAL; i++)
		conf_nearest_add(&nearest, net_zone_class_name((enum net_zone_class)i));
	conf_mistake(&r->report, value,
	    "class \"%s\" is none of protected, internal, dmz, management, external%s%s%s",
	    conf_shown(value, shown), nearest.name ? "; did you mean \"" : "",
	    nearest.name ? nearest.name : "", nearest.name ? "\"?" : "");
}

static void read_zone_overlaps(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct zone_entry *z = into;
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, "what wins", "linux", &t) ||
	    net_overlap_parse(t, &z->overlap) == 0)
		return;
	struct conf_nearest nearest = {.wrong = t};
	for (unsigned i = 0; net_overlap_name(i); i++)
		conf_nearest_add(&nearest, net_overlap_name(i));
	conf_mistake(&r->report, value,
	    "overlaps \"%s\" is none of auto, first, last, bsd, linux, windows%s%s%s",
	    conf_shown(value, shown), nearest.name ? "; did you mean \"" : "",
	    nearest.name ? nearest.name : "", nearest.name ? "\"?" : "");
}

static void read_zone_prefixes(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct zone_entry *z = into;
	if (conf_list(&r->report, value, "prefixes", 1, SITE_PREFIXES_MAX))
		z->prefixes = value;
}

static const struct conf_row zone_rows[] = {
    {"name", true, read_zone_name},
    {"class", true, read_zone_class},
    {"prefixes", true, read_zone_prefixes},
    {"overlaps", false, read_zone_overlaps},
};

/* zone == NET_ZONE_NONE: the zone itself is wrong, but its prefixes are looked at all the same. */
static void add_prefix(struct site_reader *r, const struct conf_node *value, uint16_t zone)
{
	struct net_prefix p;
	char text[NET_PREFIX_TEXT_SIZE];
	int fresh = 0;
	if (!conf_prefix(&r->report, value, &p))
		return;
	struct site_place *place = table_put(r->prefixes, &p, &fresh);
	if (!place) {
		conf_mistake(&r->report, value,
		    "more than %d prefixes in all zones; join neighbours into wider ones", SITE_PREFIXES_MAX);
		return;
	}
	if (!fresh) {
		if (place->index == zone)
			conf_mistake(&r->report, value,
			    "prefix %s is in this zone already, in line %u; list it once",
			    net_prefix_text(p, text), place->line);
		else
			conf_mistake(&r->report, value,
			    "prefix %s is in zone \"%s\" already, in line %u; an address can be in one zone "
			    "only",
			    net_prefix_text(p, text),
			    net_zone_at(r->site->zones, (uint16_t)place->index)->name, place->line);
		return;
	}
	*place = (struct site_place){.line = value->line, .index = zone};
	if (zone == NET_ZONE_NONE)
		return;
	int e = net_zone_map_add_prefix(r->site->zones, zone, p);
	if (e == -ENOMEM)
		conf_no_memory(&r->report);
	else if (e < 0)
		conf_mistake(
		    &r->report, value, "prefix %s can't be added: %s", net_prefix_text(p, text), err_text(e));
}

static void read_zone(struct site_reader *r, const struct conf_node *value)
{
	struct zone_entry z = {.class = NET_ZONE_INTERNAL};
	uint16_t zone = NET_ZONE_NONE;
	conf_read_mapping(&r->report, value, "a zone", zone_rows, 4, r, &z);
	if (z.name) {
		/* a zone of a wrong class is made all the same, so that those who name it aren't wrong too */
		int e = net_zone_map_add(r->site->zones, z.name, z.class, &zone);
		if (e == -EEXIST)
			conf_mistake(&r->report, z.name_at,
			    "zone \"%s\" is there already; give this one another name", z.name);
		else if (e < 0)
			conf_no_memory(&r->report);
		if (e < 0)
			zone = NET_ZONE_NONE;
		else
			net_zone_map_set_overlap(r->site->zones, zone, z.overlap);
	}
	for (size_t i = 0; z.prefixes && i < z.prefixes->n && !r->report.error; i++)
		add_prefix(r, z.prefixes->items[i], zone);
}

void site_read_zones(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	(void)into;
	if (!conf_list(&r->report, value, "zones", 1, NET_ZONE_MAX))
		return;
	for (size_t i = 0; i < value->n && !r->report.error; i++)
		read_zone(r, value->items[i]);
}
