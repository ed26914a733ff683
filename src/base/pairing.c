/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pairing.h"

#include <assert.h>
#include <stddef.h>

/* Of two trees without siblings the greater becomes the first child of the lesser. */
static struct pairing_node *meld(struct pairing_node *a, struct pairing_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->key < a->key) {
		struct pairing_node *swap = a;
		a = b;
		b = swap;
	}
	b->next = a->child;
	if (b->next)
		b->next->back = b;
	b->back = a;
	a->child = b;
	return a;
}

/* Melds a list of siblings: in pairs from the front, then the pairs from the back. */
static struct pairing_node *meld_all(struct pairing_node *list)
{
	struct pairing_node *pairs = NULL, *whole = NULL;
	while (list) {
		struct pairing_node *a = list, *b = list->next;
		list = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct pairing_node *one = pairs;
		pairs = one->next;
		one->next = NULL;
		whole = meld(whole, one);
	}
	return whole;
}

static void top_set(struct pairing *q, struct pairing_node *top)
{
	q->top = top;
	if (top)
		top->back = NULL;
}

void pairing_put(struct pairing *q, struct pairing_node *node, int64_t key)
{
	assert(!node->waits);
	*node = (struct pairing_node){.key = key, .waits = true};
	top_set(q, meld(q->top, node));
}

void pairing_remove(struct pairing *q, struct pairing_node *node)
{
	if (!node->waits)
		return;
	struct pairing_node *children = meld_all(node->child);
	if (node == q->top) {
		top_set(q, children);
	} else {
		if (node->back->child == node)
			node->back->child = node->next;
		else
			node->back->next = node->next;
		if (node->next)
			node->next->back = node->back;
		top_set(q, meld(q->top, children));
	}
	*node = (struct pairing_node){.key = node->key};
}

struct pairing_node *pairing_next(struct pairing_node *node)
{
	if (node->child)
		return node->child;
	while (!node->next) {
		/* back over its elder siblings to their parent, which was given before them */
		while (node->back && node->back->next == node)
			node = node->back;
		node = node->back;
		if (!node)
			return NULL;
	}
	return node->next;
}
