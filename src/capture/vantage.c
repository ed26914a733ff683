/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/vantage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"

/* The key of a place; no padding. */
struct place {
	uint32_t lineage, lane;
	uint32_t ifindex;
	uint32_t by_ifindex;
};

enum { NAME_ROOM = 320 };

int vantage_book_init(struct vantage_book *b, uint64_t seed)
{
	return table_new(&b->places, sizeof(struct place), sizeof(uint16_t), CAPTURE_VANTAGES_MAX, seed);
}

void vantage_book_release(struct vantage_book *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free((char *)b->items[i]->seen.name);
		free(b->items[i]);
	}
	free(b->items);
	table_free(b->places);
}

/* "eth0", "office.pcap", "office.pcapng#1", "any/if3". */
static void place_name(const struct file *f, const struct place *p, char *out, size_t size)
{
	const char *slash = strrchr(f->status.path, '/');
	const char *file = slash ? slash + 1 : f->status.path;
	const struct lane *l = &f->lanes[p->lane];
	int n;
	if (l->name)
		n = snprintf(out, size, "%s", l->name);
	else if (p->lane == 0)
		n = snprintf(out, size, "%.255s", file);
	else
		n = snprintf(out, size, "%.255s#%" PRIu32, file, p->lane);
	if (p->by_ifindex)
		snprintf(out + n, size - (size_t)n, "/if%" PRIu32, p->ifindex);
}

static int vantage_add(struct vantage_book *b, const char *name, const struct lane *l, uint16_t *ret_vantage)
{
	int r = VEC_RESERVE(b->items, &b->cap, b->n, CAPTURE_VANTAGES_MAX);
	struct vantage *v = r == 0 ? calloc(1, sizeof(*v)) : NULL;
	char *copy = v ? strdup(name) : NULL;
	if (!copy) {
		free(v);
		return -ENOMEM;
	}
	v->seen = (struct capture_vantage){
	    .name = copy, .linktype = l->linktype, .snaplen = l->snaplen, .dropped = UINT64_MAX};
	*ret_vantage = (uint16_t)b->n;
	b->items[b->n++] = v;
	return 0;
}

static int vantage_at(struct vantage_book *b, const struct file *f, struct place place, uint16_t *ret_vantage)
{
	const uint16_t *known = table_get(b->places, &place);
	char name[NAME_ROOM];
	if (known) {
		*ret_vantage = *known;
		return 0;
	}
	if (b->n == CAPTURE_VANTAGES_MAX) {
		*ret_vantage = CAPTURE_VANTAGES_MAX - 1;
		return 0;
	}
	if (b->n == CAPTURE_VANTAGES_MAX - 1)
		snprintf(name, sizeof(name), "(all further interfaces)");
	else
		place_name(f, &place, name, sizeof(name));
	uint16_t vantage = 0;
	int r = vantage_add(b, name, &f->lanes[place.lane], &vantage);
	if (r < 0)
		return r;
	uint16_t *value = table_put(b->places, &place, NULL);
	if (!value)
		return -ENOMEM;
	*value = vantage;
	*ret_vantage = vantage;
	return 0;
}

int vantage_of_lane(
    struct vantage_book *b, uint32_t lineage, const struct file *f, uint32_t lane, uint16_t *ret_vantage)
{
	return vantage_at(b, f, (struct place){.lineage = lineage, .lane = lane}, ret_vantage);
}

int vantage_of_ifindex(struct vantage_book *b, uint32_t lineage, const struct file *f, uint32_t lane,
    uint32_t ifindex, uint16_t *ret_vantage)
{
	return vantage_at(b, f,
	    (struct place){.lineage = lineage, .lane = lane, .ifindex = ifindex, .by_ifindex = 1},
	    ret_vantage);
}

void vantage_count(struct vantage *v, const struct capture_frame *frame)
{
	struct capture_vantage *c = &v->seen;
	if (c->packets++ == 0) {
		c->first_ns = c->last_ns = frame->time_ns;
	} else {
		if (frame->time_ns < c->first_ns)
			c->first_ns = frame->time_ns;
		if (frame->time_ns > c->last_ns)
			c->last_ns = frame->time_ns;
	}
	/* an absurd claim must not become a sum that somebody believes */
	c->bytes += frame->wirelen > CAPTURE_RECORD_MAX ? frame->caplen : frame->wirelen;
	c->cut += frame->caplen < frame->wirelen;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) || sum == UINT64_MAX ? UINT64_MAX - 1 : sum;
}

void vantage_take_news(struct vantage *v, struct lane *l)
{
	if (l->drops_told) {
		bool anew = l->drops < v->drops ||
		            (l->drops_start && v->drops_start && l->drops_start != v->drops_start);
		if (v->drops_known && anew)
			v->drops_before = add_capped(v->drops_before, v->drops);
		v->drops = l->drops;
		v->drops_start = l->drops_start;
		v->drops_known = true;
	}
	if (l->lost_told) {
		v->lost = add_capped(v->lost, l->lost);
		v->lost_known = true;
	}
	l->drops_told = l->lost_told = false;
	l->lost = 0;
	/* both count the same losses: the larger number is the honest one */
	uint64_t total = add_capped(v->drops_before, v->drops);
	if (v->drops_known || v->lost_known)
		v->seen.dropped = total > v->lost ? total : v->lost;
}
