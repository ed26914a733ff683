/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_READ_H
#define ENFORCE_NETFILTER_READ_H

/*
 * Reading back what stands in our tables, a piece of a dump at a time. What was put is written once more into
 * memory (netfilter_model.h) and each thing that the kernel tells of is held against it. All pieces are of
 * one generation of the rules: when they change meanwhile, or the kernel tells an element twice, it begins
 * anew, eight times at most.
 *
 * Bounds: NETFILTER_ELEMENTS_MAX elements; 256 names of what is in the way.
 */

#include "enforce/netfilter_model.h"
#include "enforce/netfilter_socket.h"

enum { NETFILTER_FOUND_MAX = 256, NETFILTER_ANY_NAME_SIZE = 256 };

/* A chain or set that stands in a table of ours. */
struct netfilter_found {
	const struct netfilter_family *f;
	bool is_set;
	bool same;     /* it is as it was put, or would be: */
	bool is_shape; /* `shape` is what it is for */
	struct netfilter_shape shape;
	char name[NETFILTER_ANY_NAME_SIZE];
};

/* What stands in a family: nothing; a table of that name that bears no mark of ours; ours. */
enum netfilter_presence { NETFILTER_ABSENT, NETFILTER_FOREIGN, NETFILTER_OURS };

struct netfilter_reader {
	const struct netfilter_model *m;
	struct mnl_socket *socket;
	bool names_only; /* no rules, no elements; families that aren't in use too */
	bool reading;
	/* the result */
	bool intact;
	bool crowded; /* more names than are kept */
	struct backend_element *elements;
	size_t n_elements, elements_cap;
	size_t shape_elements[NETFILTER_SHAPES_MAX];
	struct netfilter_found *found;
	size_t n_found, found_cap;
	enum netfilter_presence present[NETFILTER_TABLES_MAX]; /* of netfilter_families */
	bool dormant[NETFILTER_TABLES_MAX];                    /* a table's hooks are let go of */
	/* where it is */
	int stage;
	size_t family; /* of netfilter_families */
	size_t at;     /* the expected message whose elements are read */
	bool asked, spoilt;
	unsigned tries;
	int generation; /* its low 16 bits; -1: not known yet */
	uint32_t sequence;
	int64_t now; /* when the kernel wrote what is read */
	int64_t lease_until;
	struct netfilter_batch expected; /* its marks: a shape's place, or NETFILTER_SHAPES_MAX + a pass's */
	struct netfilter_expected *list;
	size_t n_list, list_cap;
	size_t set_elements; /* of the set that is read */
	uint8_t *answer;
};

int netfilter_reader_init(struct netfilter_reader *r, const struct netfilter_model *m, struct mnl_socket *s);
void netfilter_reader_free(struct netfilter_reader *r);
/* lease_until: as it was last set; 0: not known. */
void netfilter_reader_begin(struct netfilter_reader *r, bool names_only, int64_t lease_until);
/* One piece: 1 there is more, 0 done. -EAGAIN: the rules change too often, or the sets' sizes. */
int netfilter_reader_step(struct netfilter_reader *r);
/* Hands the elements over: one for each cut, sorted, from all families; empties the reader. */
void netfilter_reader_elements(
    struct netfilter_reader *r, struct backend_element **ret_elements, size_t *ret_n);

/* CLOCK_BOOTTIME. */
int64_t netfilter_now(void);

#endif
