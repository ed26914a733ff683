/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_PAIRING_H
#define BASE_PAIRING_H

/*
 * A queue whose least key is on top: a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). Its nodes
 * are members of what waits in it, so it owns nothing, allocates nothing and can't fail. Putting in takes
 * constant time; taking any node out takes O(log n), amortised. Zeroed structs are an empty queue and a node
 * that is in none.
 */

#include <stdbool.h>
#include <stdint.h>

struct pairing_node {
	int64_t key;
	struct pairing_node *child, *next; /* its first child, and the next of its own siblings */
	struct pairing_node *back;         /* its elder sibling, or its parent if it is the first child */
	bool waits;                        /* it is in a queue */
};

struct pairing {
	struct pairing_node *top; /* the least, or NULL */
};

static inline bool pairing_has(const struct pairing_node *node)
{
	return node->waits;
}

/* Puts a node that is in no queue under that key. */
void pairing_put(struct pairing *q, struct pairing_node *node, int64_t key);
/* Takes a node of this queue out; one that is in none stays so. */
void pairing_remove(struct pairing *q, struct pairing_node *node);

/* All nodes in no order: from the top on, until NULL. The queue must not change meanwhile. O(1) each,
 * amortised, and nothing is recursive. */
struct pairing_node *pairing_next(struct pairing_node *node);

#endif
