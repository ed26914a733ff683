/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_SITE_READER_H
#define CONF_SITE_READER_H

/* The parts of reading a site file, a file a section. Private to conf/. */

#include "base/table.h"
#include "conf/site.h"
#include "conf/values.h"

enum {
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
	struct conf_report report; /* the first member: what the rows of conf/values.h take */
	struct site *site;
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

/* The number of a zone by name; false and a mistake with the nearest name. */
bool site_read_zone(struct site_reader *r, const struct conf_node *value, uint16_t *ret_zone);
/* A list of at least `min` different zones. */
void site_read_zone_list(
    struct site_reader *r, const struct conf_node *value, size_t min, uint16_t **ret_zones, size_t *ret_n);

#endif
