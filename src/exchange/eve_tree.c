/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/eve_tree.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"

enum { GROUPS_MAX = 256, NOWHERE = UINT8_MAX };

_Static_assert((int)MSG_FIELDS_MAX <= (int)NOWHERE && EVE_DEPTH == 3, "a rank has four bytes");

static struct text key_of(const struct eve_place *place, unsigned d)
{
	return (struct text){.p = place->key[d], .n = place->key_length[d]};
}

/* The group of that field's path up to component d: that of an earlier field with the same way, else a new
 * one. */
static unsigned group_of(const struct eve_tree *t, unsigned field, unsigned d, unsigned *n_groups)
{
	const struct eve_place *place = &t->places[field];
	for (unsigned i = 0; i < field; i++) {
		const struct eve_place *other = &t->places[i];
		if (other->depth > d && (d == 0 || other->group[d - 1] == place->group[d - 1]) &&
		    text_equal(key_of(other, d), key_of(place, d)))
			return other->group[d];
	}
	return (*n_groups)++;
}

static bool set_key(struct eve_place *place, unsigned d, struct text component)
{
	char *to = place->key[d];
	if (component.n > EVE_KEY_MAX - 3)
		return false;
	*to++ = '"';
	memcpy(to, component.p, component.n);
	memcpy(to + component.n, "\":", 2);
	place->key_length[d] = (uint8_t)(component.n + 3);
	return true;
}

/* Whether one of two paths is the beginning of the other. */
static bool contest(const struct eve_place *a, const struct eve_place *b)
{
	unsigned shorter = a->depth < b->depth ? a->depth : b->depth;
	return a->depth != b->depth && shorter && a->group[shorter - 1] == b->group[shorter - 1];
}

static void find_contested(struct eve_tree *t)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		for (unsigned k = 0; k < FIELD_COUNT; k++)
			t->places[i].contested |= contest(&t->places[i], &t->places[k]);
}

bool eve_tree_init(struct eve_tree *t)
{
	unsigned n_groups = 0;
	*t = (struct eve_tree){.places = {{0}}};
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		struct eve_place *place = &t->places[i];
		struct text rest = text_of(field_name(i));
		place->kind = (uint8_t)field_kind_of(i);
		while (rest.n) {
			size_t n = text_find(rest, '.');
			unsigned d = place->depth;
			if (d == EVE_DEPTH || !set_key(place, d, text_sub(rest, 0, n)))
				return false;
			unsigned group = group_of(t, i, d, &n_groups);
			if (group >= GROUPS_MAX)
				return false;
			place->group[d] = (uint8_t)group;
			place->depth++;
			rest = text_sub(rest, n + 1, rest.n);
		}
	}
	find_contested(t);
	return true;
}

static void put_value(
    struct eve_pen *p, const struct eve_place *place, struct text key, const struct field_value *v)
{
	uint64_t number;
	struct net_addr addr;
	switch ((enum field_kind)place->kind) {
	case FIELD_KIND_NUM:
		if (num_parse_u64(v->value, INT64_MAX, &number) == 0) {
			eve_pen_count(p, key, number);
			return;
		}
		break;
	case FIELD_KIND_ADDR:
		if (v->value.n == sizeof(addr.b)) {
			memcpy(addr.b, v->value.p, sizeof(addr.b));
			eve_pen_addr(p, key, addr);
			return;
		}
		break;
	case FIELD_KIND_HEX: eve_pen_hex(p, key, v->value); return;
	case FIELD_KIND_TEXT: break;
	}
	eve_pen_text(p, key, v->value);
}

/* Values in the order in which they are written. */
struct order {
	uint8_t first[GROUPS_MAX]; /* the first value of each group; NOWHERE: none */
	uint32_t
	    ranks[MSG_FIELDS_MAX]; /* the firsts of a value's groups, from the outer one on, then itself */
	size_t n;
};

static const struct eve_place *place_of(const struct eve_tree *t, const struct field_value *v)
{
	return &t->places[v->field < FIELD_COUNT ? v->field : FIELD_NONE];
}

/* A path that is a value can't be an object, too: what came first stays. */
static bool is_barred(const struct order *o, const struct eve_tree *t, const struct field_value *v,
    const struct eve_place *place)
{
	for (unsigned d = 0; d < place->depth; d++) {
		const struct eve_place *first = place_of(t, &v[o->first[place->group[d]]]);
		if ((first->depth == d + 1) != (place->depth == d + 1))
			return true;
	}
	return false;
}

static void sort(uint32_t *ranks, size_t n)
{
	/* few, and mostly in order */
	for (size_t i = 1; i < n; i++) {
		uint32_t rank = ranks[i];
		size_t at = i;
		for (; at > 0 && ranks[at - 1] > rank; at--)
			ranks[at] = ranks[at - 1];
		ranks[at] = rank;
	}
}

static void order_values(struct order *o, const struct eve_tree *t, const struct field_value *v, size_t n)
{
	memset(o->first, NOWHERE, sizeof(o->first));
	o->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct eve_place *place = place_of(t, &v[i]);
		uint32_t rank = 0;
		for (unsigned d = 0; d < place->depth; d++) {
			uint8_t *first = &o->first[place->group[d]];
			if (*first == NOWHERE)
				*first = (uint8_t)i;
			rank |= (uint32_t)*first << (EVE_DEPTH - d) * 8;
		}
		if (place->depth && !(place->contested && is_barred(o, t, v, place)))
			o->ranks[o->n++] = rank | (uint32_t)i;
	}
	sort(o->ranks, o->n);
}

/* Components that two paths have in common. */
static unsigned common_of(const struct eve_place *a, const struct eve_place *b)
{
	unsigned d = 0;
	while (d < a->depth && d < b->depth && a->group[d] == b->group[d])
		d++;
	return d;
}

/* Whether two paths are of the same object: most values follow upon others of theirs. */
static bool same_object(const struct eve_place *a, const struct eve_place *b)
{
	return a->depth == b->depth && (a->depth < 2 || a->group[a->depth - 2] == b->group[a->depth - 2]);
}

/* From the objects that the last value stands in to those of the next. */
static void turn(struct eve_pen *p, const struct eve_place *last, const struct eve_place *next)
{
	if (same_object(last, next))
		return;
	unsigned common = common_of(last, next);
	for (unsigned d = last->depth; d > common + 1; d--)
		eve_pen_close(p, '}');
	for (unsigned d = common; d + 1 < next->depth; d++)
		eve_pen_open(p, key_of(next, d), '{');
}

void eve_tree_put(const struct eve_tree *t, struct eve_pen *p, const struct field_value *v, size_t n)
{
	static const struct eve_place none;
	const struct eve_place *last = &none, *place = &none;
	struct order o;
	assert(n <= MSG_FIELDS_MAX);
	order_values(&o, t, v, n);
	for (size_t i = 0; i < o.n; i++, last = place) {
		const struct field_value *value = &v[o.ranks[i] & UINT8_MAX];
		place = place_of(t, value);
		bool again = place == last;
		bool more = i + 1 < o.n && place_of(t, &v[o.ranks[i + 1] & UINT8_MAX]) == place;
		if (!again)
			turn(p, last, place);
		if (more && !again)
			eve_pen_open(p, key_of(place, place->depth - 1U), '[');
		put_value(p, place, more || again ? TEXT("") : key_of(place, place->depth - 1U), value);
		if (again && !more)
			eve_pen_close(p, ']');
	}
	turn(p, last, &none);
}
