/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_XDP_MODEL_H
#define ENFORCE_XDP_MODEL_H

/*
 * What the XDP backend's maps are to hold, in the backend's own memory: which slot is of which prefix, in
 * order, and so which element is the next of which chain (xdp_maps.h). Nothing that is read from the maps is
 * relied on. Pure; private to enforce/xdp*.
 *
 * Entries are sorted by address, length and form: a prefix stands right before all that it holds. The arrays
 * have room for all slots from the beginning (untouched memory costs nothing), so changes never fail.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enforce/xdp_maps.h"
#include "net/addr.h"

struct xdp_entry {
	struct net_prefix prefix;
	uint8_t form; /* enum xdp_form */
	uint32_t next;
};

struct xdp_model {
	struct xdp_entry *v; /* [XDP_ELEMENTS_MAX], by slot */
	uint32_t *order;     /* slots, sorted */
	uint32_t *scratch;
	size_t n;
	uint32_t lengths[2][129]; /* how many entries of IPv6 and of IPv4 have so many bits */
};

/* 0 or -ENOMEM. */
int xdp_model_init(struct xdp_model *m);
void xdp_model_free(struct xdp_model *m);

/* Prefixes of fewer than 96 bits and those outside ::ffff:0:0/96 are IPv6. */
static inline bool xdp_prefix_is_v4(struct net_prefix p)
{
	return p.bits >= 96 && net_addr_is_v4(p.addr);
}

/* By address, length, form. */
int xdp_entry_compare(const struct xdp_entry *a, const struct xdp_entry *b);
/* Where it is in the order, or where it would be. */
size_t xdp_model_place(const struct xdp_model *m, const struct xdp_entry *e);
/* Its slot, or 0. */
uint32_t xdp_model_find(const struct xdp_model *m, struct net_prefix p, uint8_t form);
/* The first slot of that very prefix, where chains enter it, or 0. */
uint32_t xdp_model_head(const struct xdp_model *m, struct net_prefix p);
/* Adds slots whose entries v holds, sorted and none of them there. */
void xdp_model_insert(struct xdp_model *m, const uint32_t *slots, size_t n);
/* Takes slots out, sorted and all of them there. */
void xdp_model_remove(struct xdp_model *m, const uint32_t *slots, size_t n);
/*
 * Works out the chains anew that can have changed since those slots (sorted) came or went, and writes them to
 * the elements too. A packet that is on its way along a chain meanwhile misses nothing that stands: an
 * element is led to only when its own way on is right.
 */
void xdp_model_relink(struct xdp_model *m, const uint32_t *slots, size_t n, struct xdp_element *elements);

#endif
