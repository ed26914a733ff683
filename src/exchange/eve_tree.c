/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve_tree.h"

#include <string.h>

#include "base/num.h"

enum { GROUPS_MAX = 256 };

struct seen {
	uint64_t bits[GROUPS_MAX / 64];
};

/* Takes note; whether it was the first time. */
static bool is_first(struct seen *s, uint8_t group)
{
	uint64_t bit = UINT64_C(1) << group % 64, *at = &s->bits[group / 64];
	bool first = !(*at & bit);
	*at |= bit;
	return first;
}

/* The group of that field's path up to component d: that of an earlier field with the same way, else a new
 * one. */
static unsigned group_of(const struct eve_tree *t, unsigned field, unsigned d, unsigned *n_groups)
{
	const struct eve_place *place = &t->places[field];
	for (unsigned i = 0; i < field; i++) {
		const struct eve_place *other = &t->places[i];
		if (other->depth > d && (d == 0 || other->group[d - 1] == place->group[d - 1]) &&
		    text_equal(other->component[d], place->component[d]))
			return other->group[d];
	}
	return (*n_groups)++;
}

bool eve_tree_init(struct eve_tree *t)
{
	unsigned n_groups = 0;
	*t = (struct eve_tree){.places = {{0}}};
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		struct eve_place *place = &t->places[i];
		struct text rest = text_of(field_name(i));
		while (rest.n) {
			size_t n = text_find(rest, '.');
			unsigned d = place->depth;
			if (d == EVE_DEPTH)
				return false;
			place->component[d] = text_sub(rest, 0, n);
			unsigned group = group_of(t, i, d, &n_groups);
			if (group >= GROUPS_MAX)
				return false;
			place->group[d] = (uint8_t)group;
			place->depth++;
			rest = text_sub(rest, n + 1, rest.n);
		}
	}
	return true;
}

static void put_value(struct eve_pen *p, const struct field_value *v)
{
	uint64_t number;
	struct net_addr addr;
	switch (field_kind_of(v->field)) {
	case FIELD_KIND_NUM:
		if (num_parse_u64(v->value, INT64_MAX, &number) == 0) {
			eve_pen_count(p, number);
			return;
		}
		break;
	case FIELD_KIND_ADDR:
		if (v->value.n == sizeof(addr.b)) {
			memcpy(addr.b, v->value.p, sizeof(addr.b));
			eve_pen_addr(p, addr);
			return;
		}
		break;
	case FIELD_KIND_HEX: eve_pen_hex(p, v->value); return;
	case FIELD_KIND_TEXT: break;
	}
	eve_pen_text(p, v->value);
}

/* The values of one field, of which the first is at `first`. */
static void put_field(struct eve_pen *p, const struct field_value *v, size_t n, size_t first)
{
	size_t many = 0;
	for (size_t k = first; k < n; k++)
		many += v[k].field == v[first].field;
	if (many > 1)
		eve_pen_open(p, '[');
	for (size_t k = first; k < n; k++)
		if (v[k].field == v[first].field)
			put_value(p, &v[k]);
	if (many > 1)
		eve_pen_close(p, ']');
}

/* What stands at level d, of those whose way so far is that of `like`. */
static void put_level(const struct eve_tree *t, struct eve_pen *p, const struct field_value *v, size_t n,
    const struct eve_place *like, unsigned d)
{
	struct seen seen = {{0}};
	for (size_t i = 0; d < EVE_DEPTH && i < n; i++) {
		const struct eve_place *place =
		    &t->places[v[i].field < FIELD_COUNT ? v[i].field : FIELD_NONE];
		if (place->depth <= d || (d > 0 && place->group[d - 1] != like->group[d - 1]) ||
		    !is_first(&seen, place->group[d]))
			continue;
		eve_pen_key(p, place->component[d]);
		if (place->depth == d + 1) {
			put_field(p, v, n, i);
			continue;
		}
		eve_pen_open(p, '{');
		put_level(t, p, v, n, place, d + 1);
		eve_pen_close(p, '}');
	}
}

void eve_tree_put(const struct eve_tree *t, struct eve_pen *p, const struct field_value *v, size_t n)
{
	put_level(t, p, v, n, NULL, 0);
}
