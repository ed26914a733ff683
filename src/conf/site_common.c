/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

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
	uint16_t *zones = conf_array(&r->report, value->n, sizeof(*zones));
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
