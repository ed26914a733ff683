/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EVE_TREE_H
#define EXCHANGE_EVE_TREE_H

/*
 * The fields of a transaction as nested objects: "dns.rrname" is rrname in dns. Where a field stands is the
 * same for each line, so the names are taken apart once.
 */

#include "exchange/eve_pen.h"
#include "msg/msg.h"

/* Components of a path of net/field.h; bytes of a component and of what makes a key of it. */
enum { EVE_DEPTH = 3, EVE_KEY_MAX = 32 };

struct eve_tree {
	struct eve_place {
		uint8_t depth;            /* components; 0: the field isn't written */
		uint8_t kind;             /* enum field_kind */
		bool contested;           /* begins as another path does that ends there, or ends so */
		uint8_t group[EVE_DEPTH]; /* alike where paths are alike up to that component */
		uint8_t key_length[EVE_DEPTH];
		char key[EVE_DEPTH][EVE_KEY_MAX]; /* "rrname": with quotes and colon */
	} places[FIELD_COUNT];
};

/* False: the paths of net/field.h are too many or too long for it, a bug. */
bool eve_tree_init(struct eve_tree *t);
/* Writes n values, at most MSG_FIELDS_MAX, each key once, in the order of first appearance; several values of
 * a field make a list. */
void eve_tree_put(const struct eve_tree *t, struct eve_pen *p, const struct field_value *v, size_t n);

#endif
