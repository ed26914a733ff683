/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPREAD_HEAP_H
#define SPREAD_HEAP_H

/*
 * A binary heap over nodes 0..n-1, each in it at most once, the least (time, hops, node) on top: the queue of
 * label-setting searches. It owns its memory, which n alone decides. For latest-first searches give ~time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t time;
	uint32_t hops;
	uint32_t node;
};

struct heap {
	struct heap_item *items;
	size_t n;
	uint32_t *place; /* of each node: 1 + index in items, 0 outside */
};

/* Nodes 0..n-1. 0 or -ENOMEM. */
int heap_new(struct heap *h, size_t n);
void heap_free(struct heap *h);
/* Puts the node in, or moves it up when it is there with a greater key; a lesser key stays. */
void heap_put(struct heap *h, struct heap_item item);
/* Takes the least out; false when the heap is empty. */
bool heap_take(struct heap *h, struct heap_item *ret_item);

#endif
