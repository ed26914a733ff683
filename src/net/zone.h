/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_ZONE_H
#define NET_ZONE_H

/*
 * Zones: named sets of prefixes with a class. The map is built once (from the site file, or guessed) and then
 * only read. Zones are numbered 0..n-1; an address in no prefix belongs to NET_ZONE_NONE, which counts as
 * external.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/overlap.h"

enum net_zone_class {
	NET_ZONE_PROTECTED,
	NET_ZONE_INTERNAL,
	NET_ZONE_DMZ,
	NET_ZONE_MANAGEMENT,
	NET_ZONE_EXTERNAL,
};

enum { NET_ZONE_MAX = 1024, NET_ZONE_NONE = 0xffff };

struct net_zone {
	const char *name; /* owned by the map */
	enum net_zone_class class;
	enum net_overlap overlap; /* what its machines make of overlapping fragments and segments */
};

struct net_zone_map;

int net_zone_map_new(struct net_zone_map **ret_map);
void net_zone_map_free(struct net_zone_map *m);
/* Copies name. -EEXIST for a name that is there, -ERR_LIMIT at NET_ZONE_MAX zones. */
int net_zone_map_add(struct net_zone_map *m, const char *name, enum net_zone_class class, uint16_t *ret_zone);
/* -EEXIST where the very same prefix belongs to a zone already. */
int net_zone_map_add_prefix(struct net_zone_map *m, uint16_t zone, struct net_prefix p);

/* Until then: NET_OVERLAP_AUTO. zone is one of the map's. */
void net_zone_map_set_overlap(struct net_zone_map *m, uint16_t zone, enum net_overlap overlap);

size_t net_zone_count(const struct net_zone_map *m);
/* zone may be NET_ZONE_NONE: then an entry named "elsewhere" of class external. */
const struct net_zone *net_zone_at(const struct net_zone_map *m, uint16_t zone);
/* -1 where there is no such zone. */
int net_zone_find(const struct net_zone_map *m, struct text name);
/* Prefix number i of a zone, in the order they were added; count by net_zone_prefixes. */
size_t net_zone_prefixes(const struct net_zone_map *m, uint16_t zone);
struct net_prefix net_zone_prefix(const struct net_zone_map *m, uint16_t zone, size_t i);

/* The zone of an address by longest prefix. */
uint16_t net_zone_of(const struct net_zone_map *m, struct net_addr a);
enum net_zone_class net_zone_class_of(const struct net_zone_map *m, struct net_addr a);
/* Of the organization: any class but external. Multicast, loopback, link-local and unspecified count as
 * inside. */
bool net_zone_is_inside(const struct net_zone_map *m, struct net_addr a);

/* "protected", "internal", "dmz", "management", "external". */
const char *net_zone_class_name(enum net_zone_class class);
int net_zone_class_parse(struct text t, enum net_zone_class *ret_class);

#endif
