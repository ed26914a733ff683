/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spread/heap.h"

#include <errno.h>
#include <stdlib.h>

int heap_new(struct heap *h, size_t n)
{
	struct heap made = {
	    .items = calloc(n + 1, sizeof(*made.items)),
	    .place = calloc(n + 1, sizeof(*made.place)),
	};
	if (!made.items || !made.place) {
		heap_free(&made);
		return -ENOMEM;
	}
	*h = made;
	return 0;
}

void heap_free(struct heap *h)
{
	free(h->items);
	free(h->place);
	*h = (struct heap){0};
}

static bool item_less(struct heap_item a, struct heap_item b)
{
	if (a.time != b.time)
		return a.time < b.time;
	return a.hops != b.hops ? a.hops < b.hops : a.node < b.node;
}

static void item_set(struct heap *h, size_t i, struct heap_item item)
{
	h->items[i] = item;
	h->place[item.node] = (uint32_t)i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_item item)
{
	while (i > 0 && item_less(item, h->items[(i - 1) / 2])) {
		item_set(h, i, h->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	item_set(h, i, item);
}

static void sift_down(struct heap *h, size_t i, struct heap_item item)
{
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && item_less(h->items[child + 1], h->items[child]))
			child++;
		if (!item_less(h->items[child], item))
			break;
		item_set(h, i, h->items[child]);
	}
	item_set(h, i, item);
}

void heap_put(struct heap *h, struct heap_item item)
{
	size_t place = h->place[item.node];
	if (place == 0)
		sift_up(h, h->n++, item);
	else if (item_less(item, h->items[place - 1]))
		sift_up(h, place - 1, item);
}

bool heap_take(struct heap *h, struct heap_item *ret_item)
{
	if (h->n == 0)
		return false;
	*ret_item = h->items[0];
	h->place[h->items[0].node] = 0;
	struct heap_item last = h->items[--h->n];
	if (h->n)
		sift_down(h, 0, last);
	return true;
}
