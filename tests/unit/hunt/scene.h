/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_HUNT_SCENE_H
#define TESTS_HUNT_SCENE_H

/* A small archive in a folder of its own, and hunts in it. */

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "hunt/hunt.h"

/* Seconds after 2026-03-01T00:00:00Z. */
#define AT(s) ((INT64_C(1772323200) + (s)) * NS_PER_S)

enum { END_SNAPSHOT = 0, END_FIN = 1 };

struct scene {
	char folder[64], path[96];
	struct archive *archive;
	struct net_zone_map *zones;
	uint16_t office, lab;
	uint64_t next;
};

static inline struct net_addr addr(const char *text)
{
	struct net_addr a;
	assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

static inline void zone_prefix(struct scene *s, uint16_t zone, const char *text)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	assert_int_equal(net_zone_map_add_prefix(s->zones, zone, p), 0);
}

static inline void scene_begin(struct scene *s)
{
	*s = (struct scene){.next = 1};
	memcpy(s->folder, "/tmp/bulkhead-hunt-XXXXXX", sizeof("/tmp/bulkhead-hunt-XXXXXX"));
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/archive", s->folder);
	assert_int_equal(archive_create(&s->archive, s->path), 0);
	assert_int_equal(net_zone_map_new(&s->zones), 0);
	assert_int_equal(net_zone_map_add(s->zones, "office", NET_ZONE_INTERNAL, &s->office), 0);
	assert_int_equal(net_zone_map_add(s->zones, "lab", NET_ZONE_PROTECTED, &s->lab), 0);
	zone_prefix(s, s->office, "10.1.0.0/16");
	zone_prefix(s, s->lab, "10.2.0.0/16");
}

/* What was written can be read from now on. */
static inline void scene_reopen(struct scene *s)
{
	assert_int_equal(archive_close(s->archive), 0);
	assert_int_equal(archive_open(&s->archive, s->path, false), 0);
}

static inline int scene_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scene_end(struct scene *s)
{
	archive_close(s->archive);
	net_zone_map_free(s->zones);
	assert_int_equal(nftw(s->folder, scene_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A finished TCP flow; the caller may change it before it is appended. */
static inline struct msg_flow flow_of(struct scene *s, const char *from, const char *to, uint16_t port,
    int64_t first, uint64_t out, uint64_t in)
{
	return (struct msg_flow){.id = s->next++,
	    .protocol = 6,
	    .initiator = addr(from),
	    .responder = addr(to),
	    .initiator_port = 50000,
	    .responder_port = port,
	    .first = first,
	    .last = first + 10 * NS_PER_S,
	    .packets_out = 5,
	    .packets_in = 5,
	    .payload_out = out,
	    .payload_in = in,
	    .end = END_FIN};
}

static inline uint64_t flow_add(struct scene *s, const char *from, const char *to, uint16_t port,
    int64_t first, uint64_t out, uint64_t in)
{
	struct msg_flow f = flow_of(s, from, to, port, first, out, in);
	assert_int_equal(archive_append_flow(s->archive, &f), 0);
	return f.id;
}

static inline void transaction_add(
    struct scene *s, uint64_t flow, int64_t time, const struct field_value *fields, uint32_t n)
{
	const struct msg_transaction t = {
	    .id = s->next++, .flow = flow, .time = time, .fields = {.v = fields, .n = n}};
	assert_int_equal(archive_append_transaction(s->archive, &t), 0);
}

static inline void field_add(
    struct scene *s, uint64_t flow, int64_t time, enum field field, struct text value)
{
	const struct field_value v = {.field = field, .value = value};
	transaction_add(s, flow, time, &v, 1);
}

/* A link of a vantage that was observed from `from` to `to`. */
static inline void coverage_add(struct scene *s, const char *name, int64_t from, int64_t to, uint64_t dropped)
{
	const struct msg_coverage c = {.id = s->next++,
	    .name = text_of(name),
	    .from = from,
	    .to = to,
	    .packets = 100,
	    .dropped = dropped};
	assert_int_equal(archive_append_coverage(s->archive, &c), 0);
}

static inline struct indicator_set *feed_of(const char *feed)
{
	struct indicator_set *set;
	const struct indicator_options o = {.seed = 7, .every_kind = true};
	assert_int_equal(indicator_set_new(&set, &o), 0);
	assert_int_equal(indicator_set_load(set, "feed", INDICATOR_FORMAT_AUTO, text_of(feed)), 0);
	return set;
}

/* The set must outlive the result. */
static inline struct hunt_input input_of(const struct scene *s, const struct indicator_set *set)
{
	return (struct hunt_input){.archive = s->archive,
	    .indicators = set,
	    .zones = s->zones,
	    .zone = NET_ZONE_NONE,
	    .threads = 2,
	    .seed = 9};
}

static inline struct hunt_result *hunt_in(const struct hunt_input *in)
{
	struct hunt_result *r;
	assert_int_equal(hunt_run(in, &r), 0);
	return r;
}

/* The hit of that machine and value, NULL where there is none. */
static inline const struct hunt_hit *hit_of(
    const struct hunt_result *r, const char *asset, const char *indicator)
{
	char text[INDICATOR_TEXT_SIZE];
	for (size_t i = 0; i < r->n_hits; i++)
		if (net_addr_equal(r->hits[i].asset, addr(asset)) &&
		    strcmp(indicator_text(&r->hits[i].indicator, text), indicator) == 0)
			return &r->hits[i];
	return NULL;
}

static inline bool has_gap(const struct hunt_result *r, enum hunt_gap_kind kind, const char *words)
{
	for (size_t i = 0; i < r->n_gaps; i++)
		if (r->gaps[i].kind == kind && strstr(r->gaps[i].text, words))
			return true;
	return false;
}

#endif
