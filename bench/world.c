/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "bench/draw.h"
#include "bench/world.h"

static const struct {
	const char *name;
	uint32_t base;     /* of its addresses: subnets of /24, 200 machines each */
	uint8_t share;     /* percent of the machines */
	uint8_t least;     /* machines */
	bool fixed_system; /* servers have the port range of Linux; of the others two thirds Windows's */
} zones[WORLD_ZONES] = {
    [WORLD_CLIENTS] = {"clients", 0x0a0a0000, 62, 50, false},
    [WORLD_PHONES] = {"phones", 0x0a400000, 16, 10, false},
    [WORLD_PRINTERS] = {"printers", 0x0a1e0000, 4, 3, true},
    [WORLD_LAB] = {"lab", 0xac140000, 6, 5, false},
    [WORLD_SERVERS] = {"servers", 0x0a280000, 7, 12, true},
    [WORLD_DATABASES] = {"databases", 0x0a290000, 2, 4, true},
    [WORLD_CORE] = {"core", 0x0a2a0000, 2, 12, true},
    [WORLD_DMZ] = {"dmz", 0x0a320000, 1, 4, true},
};

const char *world_zone_name(unsigned zone)
{
	return zone < WORLD_ZONES ? zones[zone].name : "outside";
}

size_t world_zone_count(const struct world *w, unsigned zone)
{
	return w->zone_at[zone + 1] - w->zone_at[zone];
}

struct net_addr world_addr(uint32_t addr)
{
	return net_addr_v4((const uint8_t[]){
	    (uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr});
}

/* Not of RFC 6890's special registries. */
bool world_is_public(uint32_t addr)
{
	static const struct {
		uint32_t base, mask;
	} special[] = {{0x00000000, 0xff000000}, {0x0a000000, 0xff000000}, {0x64400000, 0xffc00000},
	    {0x7f000000, 0xff000000}, {0xa9fe0000, 0xffff0000}, {0xac100000, 0xfff00000},
	    {0xc0000000, 0xffffff00}, {0xc0000200, 0xffffff00}, {0xc0586300, 0xffffff00},
	    {0xc0a80000, 0xffff0000}, {0xc6120000, 0xfffe0000}, {0xc6336400, 0xffffff00},
	    {0xcb007100, 0xffffff00}, {0xe0000000, 0xe0000000}};
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if ((addr & special[i].mask) == special[i].base)
			return false;
	return true;
}

/* Addresses in use cluster: Kohler, Li, Paxson, Shenker, "Observed structure of addresses in IP traffic",
 * 2006. Blocks by Zipf's law stand for that. */
uint32_t world_outside(const struct world *w, uint64_t hash)
{
	uint32_t block = draw_zipf80(draw_unit(hash), w->block_root) - 1;
	return w->blocks[block % WORLD_BLOCKS] | (uint32_t)(draw_mix(hash) & 0xfff);
}

static void make_blocks(struct world *w)
{
	uint64_t state = draw_hash(w->seed, 1);
	for (size_t i = 0; i < WORLD_BLOCKS;) {
		uint32_t base = (uint32_t)draw_next(&state) & 0xfffff000;
		if (world_is_public(base) && world_is_public(base | 0xfff))
			w->blocks[i++] = base;
	}
	w->block_root = pow(WORLD_BLOCKS + 1.0, 0.2);
}

/* Syllables of i, so that different numbers give different words of this form. */
static size_t write_word(uint64_t i, char *p)
{
	static const char consonants[] = "bcdfghklmnprstvz", vowels[] = "aeiou";
	size_t n = 0;
	do {
		p[n++] = consonants[i % 16];
		i /= 16;
		p[n++] = vowels[i % 5];
		i /= 5;
	} while (i);
	return n;
}

/*
 * A third are machine-made host names below a provider's domain, as content networks and clouds have them;
 * the rest a host below a domain of its own, of which the popular ones have several.
 */
struct text world_write_name(const struct world *w, uint64_t i, char *buf)
{
	static const char *const hosts[] = {"www", "api", "static", "login", "img", "cdn"};
	static const char *const ends[] = {"com", "com", "com", "net", "org", "de", "io", "co.jp"};
	static const char *const clouds[] = {"cloudhost", "edgefarm", "fastnet", "worldcache", "frontline",
	    "static-content", "pushline", "objectshed"};
	uint64_t hash = draw_hash(w->seed ^ 2, i);
	int n;
	if (hash % 3 == 0) {
		n = snprintf(buf, WORLD_NAME_SIZE, "%c%010llx%llx.%s%u.net", (char)('a' + (hash >> 8) % 26),
		    (unsigned long long)(draw_mix(hash) >> 24), (unsigned long long)i,
		    clouds[(hash >> 16) % 8], (unsigned)((hash >> 24) % 12));
	} else {
		char word[48];
		size_t length = write_word(i / 3 * 2654435761u % (UINT64_C(1) << 32), word);
		n = snprintf(buf, WORLD_NAME_SIZE, "%s.%.*s.%s", hosts[i % 3 + (hash >> 16) % 2 * 3],
		    (int)length, word, ends[draw_mix(i / 3) % 8]);
	}
	return text_bytes(buf, (size_t)n);
}

uint32_t world_rank(const struct world *w, struct text name)
{
	/* keep_name left it behind the text */
	uint32_t rank;
	if (!name.n || name.p[name.n] != '\0')
		return UINT32_MAX;
	memcpy(&rank, name.p + name.n + 1, sizeof(rank));
	return rank < w->n_names ? rank : UINT32_MAX;
}

static struct text keep_name(struct world *w, struct text name, uint32_t rank)
{
	char *p = arena_alloc(&w->arena, name.n + 1 + sizeof(rank));
	if (!p)
		return (struct text){0};
	memcpy(p, name.p, name.n);
	memcpy(p + name.n + 1, &rank, sizeof(rank));
	return text_bytes(p, name.n);
}

static int make_names(struct world *w, uint32_t n)
{
	char buf[WORLD_NAME_SIZE];
	if (!(w->names = calloc(n, sizeof(*w->names))))
		return -ENOMEM;
	for (w->n_names = 0; w->n_names < n; w->n_names++) {
		w->names[w->n_names] = keep_name(w, world_write_name(w, w->n_names, buf), w->n_names);
		if (!w->names[w->n_names].p)
			return -ENOMEM;
	}
	return 0;
}

static void make_asset(struct world *w, unsigned zone, uint32_t i, struct world_asset *a)
{
	static const uint8_t makers[WORLD_ZONES][3] = {{0xf8, 0xb4, 0x6a}, {0x3c, 0x06, 0x30},
	    {0x00, 0x1b, 0xa9}, {0xb8, 0x27, 0xeb}, {0x00, 0x50, 0x56}, {0x00, 0x50, 0x56},
	    {0x00, 0x50, 0x56}, {0x00, 0x50, 0x56}};
	char name[WORLD_NAME_SIZE];
	uint64_t hash = draw_hash(w->seed ^ 3, (uint64_t)zone << 32 | i);
	bool windows = !zones[zone].fixed_system && hash % 3 != 0;
	int n = snprintf(name, sizeof(name), "%.3s-%05u.corp.example", zones[zone].name, i);
	*a = (struct world_asset){.addr = zones[zone].base + (i / 200 << 8) + 20 + i % 200,
	    .vlan = (uint16_t)(100 * (zone + 1) + i / 200),
	    .port_low = windows ? 49152 : 32768,
	    .port_range = windows ? 16384 : 28232,
	    .name = keep_name(w, text_bytes(name, (size_t)n), UINT32_MAX)};
	memcpy(a->mac.b, makers[zone], 3);
	store_be16(a->mac.b + 3, (uint16_t)(hash >> 16));
	a->mac.b[5] = (uint8_t)(hash >> 40);
}

/* Which machine of a zone is the busiest has nothing to do with its address: they are dealt like cards. */
static int make_assets(struct world *w, uint32_t wanted)
{
	uint64_t state = draw_hash(w->seed, 4);
	size_t counts[WORLD_ZONES];
	for (unsigned z = 0; z < WORLD_ZONES; z++) {
		counts[z] = (uint64_t)wanted * zones[z].share / 100;
		counts[z] = counts[z] < zones[z].least ? zones[z].least : counts[z];
		w->zone_at[z + 1] = w->zone_at[z] + counts[z];
	}
	w->n_assets = w->zone_at[WORLD_ZONES];
	if (!(w->assets = calloc(w->n_assets, sizeof(*w->assets))))
		return -ENOMEM;
	for (unsigned z = 0; z < WORLD_ZONES; z++) {
		struct world_asset *of = w->assets + w->zone_at[z];
		for (uint32_t i = 0; i < counts[z]; i++) {
			make_asset(w, z, i, &of[i]);
			if (!of[i].name.p)
				return -ENOMEM;
			uint32_t other = draw_below(draw_next(&state), i + 1);
			struct world_asset swap = of[i];
			of[i] = of[other];
			of[other] = swap;
		}
	}
	return 0;
}

int world_new(struct world **ret_world, uint64_t seed, uint32_t assets, uint32_t names)
{
	struct world *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->seed = draw_hash(seed, 0);
	make_blocks(w);
	int r = make_assets(w, assets);
	if (r == 0)
		r = make_names(w, names ? names : 1);
	if (r < 0) {
		world_free(w);
		return r;
	}
	*ret_world = w;
	return 0;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	arena_free(&w->arena);
	free(w->assets);
	free(w->names);
	free(w);
}
