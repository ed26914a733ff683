/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which links were observed when, what was lost there, and which were not observed at all. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "base/vec.h"
#include "hunt/result.h"
#include "incident/links.h"

enum { NAME_SIZE = 128, WHY_SIZE = 256, GAPS_OF_LINK_MAX = 8, SPAN_SIZE = 32, LIST_SIZE = 256 };

struct cover {
	struct hunt_result *r;
	const struct hunt_input *in;
	struct msg_coverage *all;
	size_t n_all, cap_all;
	uint64_t left_out;
	struct msg_coverage *links; /* chosen and sorted */
	size_t n;
	/* while gaps are walked */
	const struct msg_coverage *link;
	size_t said;
	uint64_t unsaid;
	int64_t unsaid_ns;
	int error;
};

static int keep(void *context, const struct msg_coverage *c)
{
	struct cover *v = context;
	struct arena *arena = &v->r->arena;
	if (VEC_RESERVE(v->all, &v->cap_all, v->n_all, HUNT_LINKS_MAX) < 0) {
		v->left_out++;
		return 0;
	}
	struct msg_coverage *to = &v->all[v->n_all++];
	*to = *c;
	to->name = arena_text(arena, c->name);
	to->origin = arena_text(arena, c->origin);
	to->why = arena_text(arena, c->why);
	return (c->name.n && !to->name.p) || (c->why.n && !to->why.p) ? -ENOMEM : 0;
}

/* The gaps of a link that were too many to say one by one. */
static void say_unsaid(struct cover *v)
{
	char name[NAME_SIZE], span[SPAN_SIZE];
	if (v->link && v->unsaid && v->error == 0)
		v->error = hunt_add_gap(v->r,
		    &(struct hunt_gap){.kind = HUNT_GAP_LINK,
		        .link = text_printable(v->link->name, name, sizeof(name)),
		        .count = v->unsaid},
		    "Link %s was not observed at %" PRIu64 " more times, %s in all.", name, v->unsaid,
		    time_span_human(v->unsaid_ns, span, sizeof(span)));
	v->unsaid = 0;
	v->unsaid_ns = 0;
	v->said = 0;
}

static void say_gap(void *context, const struct msg_coverage *link, int64_t from, int64_t to)
{
	struct cover *v = context;
	char name[NAME_SIZE], a[TIME_TEXT_SIZE], b[TIME_TEXT_SIZE], span[SPAN_SIZE];
	if (to <= from || v->error < 0)
		return;
	if (!v->link || !incident_links_same(v->link, link)) {
		say_unsaid(v);
		v->link = link;
	}
	if (v->said == GAPS_OF_LINK_MAX) {
		v->unsaid++;
		v->unsaid_ns += to - from;
		return;
	}
	v->said++;
	v->error = hunt_add_gap(v->r,
	    &(struct hunt_gap){.kind = HUNT_GAP_LINK,
	        .link = text_printable(link->name, name, sizeof(name)),
	        .from = from,
	        .to = to},
	    "Link %s was not observed from %s to %s (%s).", name, time_human(from, a), time_human(to, b),
	    time_span_human(to - from, span, sizeof(span)));
}

static int cover_gaps(struct cover *v)
{
	const struct hunt_result *r = v->r;
	int64_t from = v->in->from > r->first ? v->in->from : r->first;
	int64_t to = v->in->to && v->in->to < r->last ? v->in->to : r->last;
	if (to > from)
		incident_links_gaps(v->links, v->n, from, to, say_gap, v);
	say_unsaid(v);
	return v->error;
}

struct losses {
	uint64_t dropped, cut, unreadable, evicted, missing, packets;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t s;
	return __builtin_add_overflow(a, b, &s) ? UINT64_MAX : s;
}

static int say_losses(struct cover *v, const struct msg_coverage *link, const struct losses *l)
{
	char name[NAME_SIZE];
	uint64_t count = sum(sum(l->dropped, l->cut), l->unreadable);
	if (sum(sum(count, l->evicted), l->missing) == 0)
		return 0;
	return hunt_add_gap(v->r,
	    &(struct hunt_gap){.kind = HUNT_GAP_LOSS,
	        .link = text_printable(link->name, name, sizeof(name)),
	        .count = count},
	    "Link %s, of %" PRIu64 " packets: %" PRIu64 " lost, %" PRIu64 " captured in part, %" PRIu64
	    " unreadable; %" PRIu64 " bytes were acknowledged but never seen, %" PRIu64
	    " flows ended early for want of room.",
	    name, l->packets, l->dropped, l->cut, l->unreadable, l->missing, l->evicted);
}

static int say_why(struct cover *v, const struct msg_coverage *link)
{
	char name[NAME_SIZE], why[WHY_SIZE];
	if (link->why.n == 0)
		return 0;
	return hunt_add_gap(v->r,
	    &(struct hunt_gap){.kind = HUNT_GAP_LOSS,
	        .link = text_printable(link->name, name, sizeof(name)),
	        .from = link->from,
	        .to = link->to},
	    "Link %s: %s.", name, text_printable(link->why, why, sizeof(why)));
}

/* The names of links that were observed, each once, and what each lost. */
static int cover_losses(struct cover *v)
{
	size_t silent = 0;
	struct losses l = {0};
	int error = 0;
	v->r->links = arena_array(&v->r->arena, v->n, sizeof(*v->r->links));
	if (!v->r->links)
		return -ENOMEM;
	for (size_t i = 0; i < v->n && error == 0; i++) {
		const struct msg_coverage *link = &v->links[i];
		bool known = link->dropped != UINT64_MAX;
		silent += !known;
		l.dropped = sum(l.dropped, known ? link->dropped : 0);
		l.cut = sum(l.cut, link->cut);
		l.unreadable = sum(l.unreadable, link->unreadable);
		l.evicted = sum(l.evicted, link->evicted);
		l.missing = sum(l.missing, link->missing);
		l.packets = sum(l.packets, link->packets);
		error = say_why(v, link);
		if (error == 0 && (i + 1 == v->n || !incident_links_same(link, link + 1))) {
			char name[NAME_SIZE];
			text_printable(link->name, name, sizeof(name));
			const char *kept = arena_strndup(&v->r->arena, name, strlen(name));
			v->r->links[v->r->n_links] = kept;
			v->r->n_links++;
			error = kept ? say_losses(v, link, &l) : -ENOMEM;
			l = (struct losses){0};
		}
	}
	if (error == 0 && silent)
		error = hunt_add_gap(v->r, &(struct hunt_gap){.kind = HUNT_GAP_SILENT, .count = silent},
		    "%zu of %zu sources don't say how many packets they lost.", silent, v->n);
	return error;
}

static bool link_is_live(const struct cover *v, const struct hunt_link *link)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->links[i].packets && text_equal(v->links[i].name, text_of(link->name)))
			return true;
	return false;
}

/* Links of the site file from which nothing came, and zones that no observed link carries. */
static int cover_sensors(struct cover *v)
{
	const struct hunt_input *in = v->in;
	size_t zones = net_zone_count(in->zones);
	uint8_t *covered = arena_alloc(&v->r->arena, zones + 1);
	int error = covered ? 0 : -ENOMEM;
	for (size_t i = 0; i < in->n_links && error == 0; i++) {
		const struct hunt_link *link = &in->links[i];
		char name[NAME_SIZE];
		if (link_is_live(v, link)) {
			for (size_t k = 0; k < link->n_zones; k++)
				covered[link->zones[k]] = link->zones[k] < zones;
			continue;
		}
		error = hunt_add_gap(v->r,
		    &(struct hunt_gap){.kind = HUNT_GAP_NO_SENSOR,
		        .link = text_printable(text_of(link->name), name, sizeof(name))},
		    "Link %s of the site file has no sensor that reported in this window.", name);
	}
	for (size_t z = 0; z < zones && in->n_links && error == 0; z++) {
		const struct net_zone *zone = net_zone_at(in->zones, (uint16_t)z);
		bool asked = in->zone == NET_ZONE_NONE || in->zone == z;
		if (covered[z] || zone->class == NET_ZONE_EXTERNAL || !asked)
			continue;
		error = hunt_add_gap(v->r, &(struct hunt_gap){.kind = HUNT_GAP_NO_SENSOR},
		    "Zone %s: no observed link carries its traffic.", zone->name);
	}
	return error;
}

int hunt_cover_links(struct hunt_result *r, const struct hunt_input *in)
{
	struct cover v = {.r = r, .in = in};
	int error = archive_scan_coverage(in->archive, keep, &v);
	if (error < 0 && error != -ENOMEM)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_SEGMENT, .unsearched = true},
		    "Records of what was observed can't all be read: what follows may lack links.");
	if (error >= 0)
		error = incident_links_choose(v.all, v.n_all, in->from, in->to, &r->arena, &v.links, &v.n);
	if (error == 0 && v.n == 0)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_NO_SENSOR},
		    "No sensor says what it observed in this window: nothing is known of what was missed.");
	if (error == 0)
		error = cover_gaps(&v);
	if (error == 0)
		error = cover_losses(&v);
	if (error == 0)
		error = cover_sensors(&v);
	if (error == 0 && v.left_out)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_BOUND, .count = v.left_out},
		    "%" PRIu64 " more records of what was observed are left out here.", v.left_out);
	if (error == 0)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_NO_SENSOR},
		    "Traffic on links without a sensor, and between machines on one switch, can't be seen "
		    "from "
		    "here.");
	free(v.all);
	return error;
}
