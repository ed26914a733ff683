/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/vantage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

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

static int vantage_add(struct vantage_book *b, const char *name, const struct file *f, const struct lane *l,
    uint16_t *ret_vantage)
{
	struct vantage *v = calloc(1, sizeof(*v));
	char *copy = v ? strdup(name) : NULL;
	if (!copy) {
		free(v);
		return -ENOMEM;
	}
	v->seen = (struct capture_vantage){.name = copy,
	    .file = f->index,
	    .linktype = l->linktype,
	    .snaplen = l->snaplen,
	    .dropped = UINT64_MAX};
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
	int r = vantage_add(b, name, f, &f->lanes[place.lane], &vantage);
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

void vantage_book_note_bad_end(struct vantage_book *b, size_t file)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i]->seen.file == file)
			b->items[i]->file_fixed = true;
}

void vantage_count(struct vantage *v, const struct capture_frame *frame, size_t file)
{
	struct capture_vantage *c = &v->seen;
	if (!v->file_fixed)
		c->file = file;
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
