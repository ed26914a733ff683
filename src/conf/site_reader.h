/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_SITE_READER_H
#define CONF_SITE_READER_H

/* The parts of reading a site file, a file a section. Private to conf/. */

#include "base/table.h"
#include "conf/schema.h"
#include "conf/site.h"

enum {
	SITE_NAME_MAX = 128, /* bytes of a name */
	SITE_ZONE_NAME_MAX = 63,
	SITE_PREFIXES_MAX = 65536, /* of all zones together */
	SITE_ASSETS_MAX = 65536,
	SITE_ASSET_ADDRS_MAX = 64,
	SITE_SERVICES_MAX = 4096,
	SITE_NEVER_CUT_MAX = 4096,
	SITE_ENFORCEMENT_MAX = 256,
	SITE_LINKS_MAX = 1024,
	SITE_INDICATORS_MAX = 256,
	SITE_CUTS_MAX = 4096,
	SITE_WITNESSES_MAX = 32,
	SITE_ORIGIN_MAX = 255, /* bytes */
};

struct site_reader {
	struct site *site;
	struct conf_report report;
	struct table *prefixes; /* struct net_prefix of zones: struct site_place, index = zone */
	struct table *addrs;    /* struct net_addr of assets: struct site_place, index = asset */
};

/* Where something was first said. */
struct site_place {
	uint32_t line;
	uint32_t index;
};

extern const struct site_policy site_default_policy;

void site_read_zones(void *reader, const struct conf_node *value, void *into);
void site_read_assets(void *reader, const struct conf_node *value, void *into);
void site_read_services(void *reader, const struct conf_node *value, void *into);
void site_read_never_cut(void *reader, const struct conf_node *value, void *into);
void site_read_enforcement(void *reader, const struct conf_node *value, void *into);
void site_read_links(void *reader, const struct conf_node *value, void *into);
void site_read_indicators(void *reader, const struct conf_node *value, void *into);
void site_read_policy(void *reader, const struct conf_node *value, void *into);
void site_read_ledger(void *reader, const struct conf_node *value, void *into);

/* Shared by the sections. */

/* A printable name of at most SITE_NAME_MAX bytes, copied: NULL and a mistake otherwise. */
const char *site_read_name(struct site_reader *r, const struct conf_node *value, const char *what);
/* A row's read function for `const char *name` as the first member of `into`. */
void site_read_name_row(void *reader, const struct conf_node *value, void *into);
/* A file's path, copied to the `const char *` that `into` points to. */
void site_read_file_row(void *reader, const struct conf_node *value, void *into);
/* A prefix or single address; false and a mistake that says what would be right. */
bool site_read_prefix(struct site_reader *r, const struct conf_node *value, struct net_prefix *ret_prefix);
/* The number of a zone by name; false and a mistake with the nearest name. */
bool site_read_zone(struct site_reader *r, const struct conf_node *value, uint16_t *ret_zone);
/* A list of at least `min` different zones. */
void site_read_zone_list(
    struct site_reader *r, const struct conf_node *value, size_t min, uint16_t **ret_zones, size_t *ret_n);
/* Room for n elements of `size` bytes in the site's arena; NULL when memory ends. n == 0 gives a valid
 * pointer. */
void *site_array(struct site_reader *r, size_t n, size_t size);
/*
 * Tells a mistake where two of n named things have the same name. names[i] is that of nodes[i], NULL where it
 * is missing.
 */
void site_check_names(struct site_reader *r, const struct conf_node *list, const char *what,
    const void *things, size_t n, size_t size);

#endif
