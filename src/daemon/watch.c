/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"

enum { BITS = 129, DIRECTIONS = 2, SHAPES_MAX = BITS * BITS * DIRECTIONS };

/* Cuts of one pair of prefix lengths and one direction. */
struct shape {
	uint8_t from, to, direction;
};

struct watched {
	struct cut cut;
	int64_t since;
	uint32_t sights; /* of it, not told yet */
};

struct pass {
	struct net_prefix prefix;
	uint8_t protocol;
	uint16_t port;
};

/* No padding: compared as bytes. */
struct sight_key {
	struct net_addr initiator, responder;
	uint32_t answer;
	uint16_t initiator_port, responder_port;
	uint16_t vantage;
	uint8_t protocol, kind;
};

struct watch_tables {
	int64_t grace;
	struct table *index; /* struct cut -> uint32_t, a place in cuts */
	struct watched *cuts;
	size_t n_cuts, cap_cuts;
	uint32_t *spare; /* places that are free */
	size_t n_spare, cap_spare;
	uint32_t counts[BITS][BITS][DIRECTIONS];
	struct shape *shapes; /* those whose count isn't 0 */
	size_t n_shapes, cap_shapes;
	struct pass *passes;
	size_t n_passes, cap_passes;
	struct table *sights; /* struct sight_key -> struct watch_sight */
};

int watch_new(struct watch **ret_watch, int64_t grace_ns, uint64_t seed)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->generation = 1;
	w->tables = calloc(1, sizeof(*w->tables));
	int r = w->tables ? 0 : -ENOMEM;
	if (r == 0) {
		w->tables->grace = grace_ns;
		r = table_new(&w->tables->index, sizeof(struct cut), sizeof(uint32_t), WATCH_CUTS_MAX, seed);
	}
	if (r == 0)
		r = table_new(&w->tables->sights, sizeof(struct sight_key), sizeof(struct watch_sight),
		    WATCH_SIGHTS_MAX, seed);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*ret_watch = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	struct watch_tables *t = w->tables;
	if (t) {
		table_free(t->index);
		table_free(t->sights);
		free(t->cuts);
		free(t->spare);
		free(t->shapes);
		free(t->passes);
	}
	free(t);
	free(w);
}

/* Every flow is looked up anew. */
static void renew(struct watch *w)
{
	if (++w->generation == 0)
		w->generation = 1;
}

static int shape_add(struct watch_tables *t, const struct cut *c)
{
	uint32_t *count = &t->counts[c->from.bits][c->to.bits][c->direction];
	if (*count == 0) {
		int r = VEC_RESERVE(t->shapes, &t->cap_shapes, t->n_shapes, SHAPES_MAX);
		if (r < 0)
			return r;
		t->shapes[t->n_shapes++] = (struct shape){c->from.bits, c->to.bits, c->direction};
	}
	++*count;
	return 0;
}

static void shape_remove(struct watch_tables *t, const struct cut *c)
{
	if (--t->counts[c->from.bits][c->to.bits][c->direction])
		return;
	for (size_t i = 0; i < t->n_shapes; i++)
		if (t->shapes[i].from == c->from.bits && t->shapes[i].to == c->to.bits &&
		    t->shapes[i].direction == c->direction) {
			t->shapes[i] = t->shapes[--t->n_shapes];
			return;
		}
}

/* A free place among the cuts. Dropping one must not fail, so its place in `spare` is made room for here. */
static int place_take(struct watch_tables *t, uint32_t *ret_place)
{
	if (t->n_spare) {
		*ret_place = t->spare[--t->n_spare];
		return 0;
	}
	int r = VEC_RESERVE(t->cuts, &t->cap_cuts, t->n_cuts, WATCH_CUTS_MAX);
	if (r == 0)
		r = VEC_RESERVE(t->spare, &t->cap_spare, t->n_cuts, WATCH_CUTS_MAX);
	if (r == 0)
		*ret_place = (uint32_t)t->n_cuts++;
	return r;
}

int watch_put(struct watch *w, const struct cut *cut, int64_t since)
{
	struct watch_tables *t = w->tables;
	uint32_t place = 0;
	if (cut->from.bits >= BITS || cut->to.bits >= BITS || cut->direction >= DIRECTIONS)
		return -EINVAL;
	const uint32_t *known = table_get(t->index, cut);
	if (known) {
		t->cuts[*known].since = since;
		renew(w);
		return 0;
	}
	int r = place_take(t, &place);
	if (r < 0)
		return r;
	uint32_t *at = table_put(t->index, cut, NULL);
	r = at ? shape_add(t, cut) : -ENOMEM;
	if (r < 0) {
		table_remove(t->index, cut);
		t->spare[t->n_spare++] = place;
		return r;
	}
	*at = place;
	t->cuts[place] = (struct watched){.cut = *cut, .since = since};
	w->n++;
	renew(w);
	return 0;
}

int watch_drop(struct watch *w, const struct cut *cut)
{
	struct watch_tables *t = w->tables;
	const uint32_t *known = table_get(t->index, cut);
	if (!known)
		return -ENOENT;
	t->spare[t->n_spare++] = *known;
	table_remove(t->index, cut);
	shape_remove(t, cut);
	w->n--;
	renew(w);
	return 0;
}

void watch_clear(struct watch *w)
{
	struct watch_tables *t = w->tables;
	for (size_t i = 0; i < t->n_shapes; i++)
		t->counts[t->shapes[i].from][t->shapes[i].to][t->shapes[i].direction] = 0;
	table_clear(t->index);
	t->n_cuts = t->n_spare = t->n_shapes = 0;
	w->n = 0;
	renew(w);
}

int watch_pass(struct watch *w, struct net_prefix prefix, uint8_t protocol, uint16_t port)
{
	struct watch_tables *t = w->tables;
	int r = VEC_RESERVE(t->passes, &t->cap_passes, t->n_passes, WATCH_PASS_MAX);
	if (r < 0)
		return r;
	t->passes[t->n_passes++] = (struct pass){.prefix = prefix, .protocol = protocol, .port = port};
	renew(w);
	return 0;
}

void watch_pass_clear(struct watch *w)
{
	w->tables->n_passes = 0;
	renew(w);
}

static struct net_prefix masked(struct net_addr a, uint8_t bits)
{
	struct net_prefix p = {.addr = a, .bits = bits};
	size_t whole = bits / 8;
	if (whole < sizeof(p.addr.b)) {
		p.addr.b[whole] &= (uint8_t)(0xff00 >> bits % 8);
		memset(p.addr.b + whole + 1, 0, sizeof(p.addr.b) - whole - 1);
	}
	return p;
}

/* Whether a segment is cut from everything and both are of it: then no enforcement point stands between them.
 */
static bool are_neighbours(const struct cut *c, struct net_addr from, struct net_addr to)
{
	struct net_prefix named = c->from.bits ? c->from : c->to;
	return (c->from.bits == 0 || c->to.bits == 0) && net_prefix_contains(named, from) &&
	       net_prefix_contains(named, to);
}

/* Remembers the cut under `key` if it stands longer than the one found before. */
static void consider(const struct watch_tables *t, const struct cut *key, struct net_addr from,
    struct net_addr to, const struct watched **best)
{
	const uint32_t *at = table_get(t->index, key);
	if (at && !are_neighbours(key, from, to) && (!*best || t->cuts[*at].since < (*best)->since))
		*best = &t->cuts[*at];
}

static const struct watched *find(struct watch *w, struct net_addr from, struct net_addr to, bool begun)
{
	const struct watch_tables *t = w->tables;
	const struct watched *best = NULL;
	w->stats.lookups++;
	for (size_t i = 0; i < t->n_shapes; i++) {
		const struct shape *s = &t->shapes[i];
		if (s->direction == CUT_FROM_ONLY && !begun)
			continue;
		struct cut key = {
		    .from = masked(from, s->from), .to = masked(to, s->to), .direction = s->direction};
		consider(t, &key, from, to, &best);
		if (s->direction == CUT_FROM_ONLY)
			continue;
		key.from = masked(to, s->from);
		key.to = masked(from, s->to);
		consider(t, &key, from, to, &best);
	}
	return best;
}

const struct cut *watch_match(
    struct watch *w, struct net_addr from, struct net_addr to, bool begun, int64_t *ret_since)
{
	const struct watched *found = find(w, from, to, begun);
	if (!found)
		return NULL;
	*ret_since = found->since;
	return &found->cut;
}

static bool end_passes(const struct pass *p, struct net_addr a, uint16_t port)
{
	return (p->port == 0 || p->port == port) &&
	       net_addr_equal(masked(a, p->prefix.bits).addr, p->prefix.addr);
}

static bool is_of_the_link(struct net_addr a)
{
	return net_addr_is_link_local(a) || net_addr_is_loopback(a) || net_addr_is_unspecified(a);
}

/* Whether no router forwards it: neighbours talk so of their link, whatever is cut. Of ICMPv6 that is
 * discovery of listeners and neighbours (RFC 2710, RFC 3810, RFC 4861); its type stands as the initiator's
 * port. */
static bool stays_on_the_link(const struct watch_sight *s)
{
	bool discovery = (s->initiator_port >= 130 && s->initiator_port <= 137) || s->initiator_port == 143;
	return is_of_the_link(s->initiator) || is_of_the_link(s->responder) ||
	       (s->protocol == IPPROTO_ICMPV6 && discovery);
}

static bool passes(const struct watch_tables *t, const struct watch_sight *s)
{
	if (stays_on_the_link(s))
		return true;
	for (size_t i = 0; i < t->n_passes; i++) {
		const struct pass *p = &t->passes[i];
		if (p->protocol && p->protocol != s->protocol)
			continue;
		if (end_passes(p, s->initiator, s->initiator_port) ||
		    end_passes(p, s->responder, s->responder_port))
			return true;
	}
	return false;
}

static struct sight_key key_of(const struct watch_sight *s, uint32_t place)
{
	return (struct sight_key){.initiator = s->initiator,
	    .responder = s->responder,
	    .answer = place,
	    .initiator_port = s->initiator_port,
	    .responder_port = s->responder_port,
	    .vantage = s->vantage,
	    .protocol = s->protocol,
	    .kind = (uint8_t)s->kind};
}

static void note(struct watch *w, const struct watch_sight *s, uint32_t place, int64_t time)
{
	struct watch_tables *t = w->tables;
	struct watched *cut = &t->cuts[place];
	struct sight_key key = key_of(s, place);
	struct watch_sight *known = table_get(t->sights, &key);
	/* the place may have been another cut's, of which something is still to be told */
	bool other = known && cut_compare(&known->cut, &cut->cut) != 0;
	if (!known || other) {
		known = other                              ? known
		        : cut->sights < WATCH_SIGHTS_A_CUT ? table_put(t->sights, &key, NULL)
		                                           : NULL;
		if (!known) {
			w->stats.unlisted++;
			return;
		}
		*known = *s;
		known->cut = cut->cut;
		known->packets = 0;
		known->first = time;
		cut->sights++;
		w->stats.sights++;
	}
	known->packets++;
	known->last = time;
}

void watch_flow(struct watch *w, struct flow *f, const struct watch_packet *p)
{
	struct watch_tables *t = w->tables;
	struct watch_sight s = {.kind = p->tap ? WATCH_ANSWERED : WATCH_LEFT,
	    .initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_port = f->initiator_port,
	    .responder_port = f->responder_port,
	    .protocol = f->protocol,
	    .vantage = f->vantage,
	    .flow = f->id};
	if (f->mark.generation != w->generation) {
		bool begun = !(f->flags & FLOW_GUESSED_INITIATOR);
		const struct watched *found = passes(t, &s) ? NULL
		                                            : find(w, f->initiator, f->responder, begun);
		f->mark = (struct flow_mark){
		    .generation = w->generation, .answer = found ? (uint32_t)(found - t->cuts) + 1 : 0};
	}
	if (!f->mark.answer || p->time <= t->cuts[f->mark.answer - 1].since + t->grace)
		return;
	if (p->tap) {
		f->mark.seen |= p->forward ? 1 : 2;
		if (f->mark.seen != 3)
			return;
	}
	note(w, &s, f->mark.answer - 1, p->time);
}

void watch_stray(struct watch *w, const struct watch_sight *sight, int64_t time)
{
	const struct watched *found = passes(w->tables, sight)
	                                  ? NULL
	                                  : find(w, sight->initiator, sight->responder, false);
	if (found && time > found->since + w->tables->grace)
		note(w, sight, (uint32_t)(found - w->tables->cuts), time);
}

int watch_tell(struct watch *w, int (*each)(void *context, const struct watch_sight *s), void *context)
{
	struct watch_tables *t = w->tables;
	size_t pos = 0;
	const void *key;
	int r = 0;
	for (struct watch_sight *s; r == 0 && (s = table_next(t->sights, &pos, &key));) {
		struct watch_sight told = *s;
		const uint32_t *place = table_get(t->index, &told.cut);
		if (place)
			t->cuts[*place].sights = 0;
		struct sight_key copy = *(const struct sight_key *)key;
		table_remove(t->sights, &copy);
		r = each(context, &told);
	}
	return r;
}
