/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "net/trie.h"

enum { ZONE_PREFIX_MAX = 65536 };

struct zone_entry {
	struct net_zone zone;
	struct net_prefix *prefixes;
	size_t n, cap;
};

struct net_zone_map {
	struct zone_entry *zones;
	size_t n, cap;
	struct net_trie *trie;
};

static const char *const class_names[] = {
    [NET_ZONE_PROTECTED] = "protected",
    [NET_ZONE_INTERNAL] = "internal",
    [NET_ZONE_DMZ] = "dmz",
    [NET_ZONE_MANAGEMENT] = "management",
    [NET_ZONE_EXTERNAL] = "external",
};

int net_zone_map_new(struct net_zone_map **ret_map)
{
	struct net_zone_map *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	int r = net_trie_new(&m->trie, ZONE_PREFIX_MAX);
	if (r < 0) {
		free(m);
		return r;
	}
	*ret_map = m;
	return 0;
}

void net_zone_map_free(struct net_zone_map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free((char *)m->zones[i].zone.name);
		free(m->zones[i].prefixes);
	}
	free(m->zones);
	net_trie_free(m->trie);
	free(m);
}

int net_zone_map_add(struct net_zone_map *m, const char *name, enum net_zone_class class, uint16_t *ret_zone)
{
	if (net_zone_find(m, text_of(name)) >= 0)
		return -EEXIST;
	int r = VEC_RESERVE(m->zones, &m->cap, m->n, NET_ZONE_MAX);
	if (r < 0)
		return r;
	char *copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	m->zones[m->n] = (struct zone_entry){.zone = {.name = copy, .class = class}};
	*ret_zone = (uint16_t)m->n++;
	return 0;
}

void net_zone_map_set_overlap(struct net_zone_map *m, uint16_t zone, enum net_overlap overlap)
{
	if (zone < m->n)
		m->zones[zone].zone.overlap = overlap;
}

int net_zone_map_add_prefix(struct net_zone_map *m, uint16_t zone, struct net_prefix p)
{
	struct zone_entry *z = zone < m->n ? &m->zones[zone] : NULL;
	if (!z)
		return -EINVAL;
	int r = VEC_RESERVE(z->prefixes, &z->cap, z->n, ZONE_PREFIX_MAX);
	if (r < 0)
		return r;
	/* 0.0.0.0/0 and ::/0 are both wanted as "everything"; the mapped /96 is what 0.0.0.0/0 means */
	r = net_trie_insert(m->trie, p, zone);
	if (r < 0)
		return r;
	z->prefixes[z->n++] = p;
	return 0;
}

size_t net_zone_count(const struct net_zone_map *m)
{
	return m->n;
}

const struct net_zone *net_zone_at(const struct net_zone_map *m, uint16_t zone)
{
	static const struct net_zone elsewhere = {.name = "elsewhere", .class = NET_ZONE_EXTERNAL};
	return zone < m->n ? &m->zones[zone].zone : &elsewhere;
}

int net_zone_find(const struct net_zone_map *m, struct text name)
{
	for (size_t i = 0; i < m->n; i++)
		if (text_equal(text_of(m->zones[i].zone.name), name))
			return (int)i;
	return -1;
}

size_t net_zone_prefixes(const struct net_zone_map *m, uint16_t zone)
{
	return zone < m->n ? m->zones[zone].n : 0;
}

struct net_prefix net_zone_prefix(const struct net_zone_map *m, uint16_t zone, size_t i)
{
	return m->zones[zone].prefixes[i];
}

uint16_t net_zone_of(const struct net_zone_map *m, struct net_addr a)
{
	uint32_t value;
	return net_trie_match(m->trie, a, &value) ? (uint16_t)value : NET_ZONE_NONE;
}

enum net_zone_class net_zone_class_of(const struct net_zone_map *m, struct net_addr a)
{
	return net_zone_at(m, net_zone_of(m, a))->class;
}

bool net_zone_is_inside(const struct net_zone_map *m, struct net_addr a)
{
	return net_addr_is_multicast(a) || net_addr_is_loopback(a) || net_addr_is_link_local(a) ||
	       net_addr_is_unspecified(a) || net_zone_class_of(m, a) != NET_ZONE_EXTERNAL;
}

const char *net_zone_class_name(enum net_zone_class class)
{
	return class_names[class];
}

int net_zone_class_parse(struct text t, enum net_zone_class *ret_class)
{
	for (int i = NET_ZONE_PROTECTED; i <= NET_ZONE_EXTERNAL; i++)
		if (text_equal(t, text_of(class_names[i]))) {
			*ret_class = (enum net_zone_class)i;
			return 0;
		}
	return -EINVAL;
}
