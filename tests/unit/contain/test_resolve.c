/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans as cuts between prefixes: held against plan_blocks, and against what is written here by hand. */

#include "../net/random_zones.h"

#include <string.h>

#include "contain/cut_index.h"
#include "contain/named.h"
#include "contain/parts.h"
#include "contain/resolve.h"

enum { CUTS = 8, NEVER = 3, PAIRS = 400 };

/* Each function that is under test beside its meaning, told another way. */
static bool names(const struct cut *c, struct net_addr from, struct net_addr to)
{
	if (net_prefix_contains(c->from, from) && net_prefix_contains(c->to, to))
		return true;
	return c->direction == CUT_BOTH && net_prefix_contains(c->from, to) &&
	       net_prefix_contains(c->to, from);
}

static uint32_t first_named(const struct resolution *r, struct net_addr from, struct net_addr to)
{
	for (size_t i = 0; i < r->n; i++)
		if (names(&r->cuts[i], from, to))
			return (uint32_t)i;
	return CUT_INDEX_NONE;
}

static bool hold(const struct net_prefix *v, size_t n, struct net_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (net_prefix_contains(v[i], a))
			return true;
	return false;
}

/* Routers forward it: what they don't may lie within the outside. Multicast is nobody's, so no plan speaks of
 * it; what is cut from anywhere sends none either. */
static bool is_forwarded(struct net_addr a)
{
	return !net_addr_is_multicast(a) && !net_addr_is_loopback(a) && !net_addr_is_link_local(a) &&
	       !net_addr_is_unspecified(a) && memcmp(a.b + 12, "\xff\xff\xff\xff", 4) != 0;
}

static size_t random_prefixes(uint64_t *state, struct net_prefix *v)
{
	size_t n = 1 + next_random(state) % 3;
	for (size_t i = 0; i < n; i++)
		v[i] = next_random(state) % 2 ? net_prefix_of(random_addr(state), 128) : random_prefix(state);
	return n;
}

/* One that isn't external, which no plan names; NET_ZONE_NONE where there is none. */
static uint16_t random_inside(uint64_t *state, const struct net_zone_map *m)
{
	uint64_t from = next_random(state);
	for (size_t i = 0; i < net_zone_count(m); i++) {
		uint16_t z = (uint16_t)((from + i) % net_zone_count(m));
		if (net_zone_at(m, z)->class != NET_ZONE_EXTERNAL)
			return z;
	}
	return NET_ZONE_NONE;
}

static struct plan_cut random_cut(uint64_t *state, const struct net_zone_map *m)
{
	struct plan_cut c = {.kind = (enum plan_cut_kind)(next_random(state) % 4),
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .direction = next_random(state) % 2 ? PLAN_BOTH : PLAN_FROM_ONLY,
	    .lease_ns = 60 + (int64_t)(next_random(state) % 60),
	    .why = "because"};
	if (c.kind == PLAN_CUT_ZONE_ZONE)
		c.from_zone = random_inside(state, m);
	else if (c.kind != PLAN_CUT_DESTINATION)
		c.n_from = random_prefixes(state, c.from);
	if (c.kind == PLAN_CUT_DESTINATION)
		c.n_to = random_prefixes(state, c.to);
	else if (c.kind != PLAN_CUT_HOST && next_random(state) % 2)
		c.to_external = true;
	else if (c.kind != PLAN_CUT_HOST)
		c.to_zone = random_inside(state, m);
	return c;
}

/* What parts a zone from everything. */
static size_t shut_off(const struct net_zone_map *m, uint16_t zone, struct plan_cut *cuts)
{
	size_t n = 0;
	cuts[n++] = (struct plan_cut){.kind = PLAN_CUT_ZONE_ZONE,
	    .from_zone = zone,
	    .to_zone = NET_ZONE_NONE,
	    .to_external = true,
	    .why = "because"};
	for (uint16_t z = 0; z < net_zone_count(m); z++)
		if (z != zone && net_zone_at(m, z)->class != NET_ZONE_EXTERNAL)
			cuts[n++] = (struct plan_cut){.kind = PLAN_CUT_ZONE_ZONE,
			    .from_zone = z % 2 ? z : zone,
			    .to_zone = z % 2 ? zone : z,
			    .why = "because"};
	return n;
}

static void check_ends(const struct resolution *r, const struct net_prefix *never, size_t n)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct cut *c = &r->cuts[i];
		assert_true(cut_is_sound(c));
		assert_true(c->from.bits || c->to.bits);
		assert_true(i == 0 || cut_compare(c - 1, c) < 0);
		/* what holds a spared prefix leaves it to pass; what is a part of one isn't cut at all */
		for (size_t k = 0; k < n; k++) {
			const struct net_prefix ends[] = {c->from, c->to};
			for (size_t e = 0; e < 2; e++)
				assert_true(ends[e].bits == 0 || !net_prefix_covers(never[k], ends[e]));
		}
	}
}

/* Half of the time where a cut of the plan speaks of. */
static struct net_addr random_end(uint64_t *state, const struct plan *p)
{
	const struct plan_cut *c = &p->cuts[next_random(state) % p->n_cuts];
	struct net_addr a = random_addr(state);
	const struct net_prefix *within = c->n_from ? &c->from[0] : &c->to[0];
	if ((c->n_from || c->n_to) && next_random(state) % 2)
		for (unsigned bit = 0; bit < within->bits; bit++) {
			uint8_t mask = (uint8_t)(0x80 >> bit % 8);
			a.b[bit / 8] = (uint8_t)((a.b[bit / 8] & ~mask) | (within->addr.b[bit / 8] & mask));
		}
	return a;
}

/* The walk meets each cut that stops the flow, and none twice. */
static void check_walk(const struct plan *p, const struct net_zone_map *m, const struct named *n,
    struct net_addr a, struct net_addr b)
{
	unsigned met[CUTS] = {0};
	struct named_walk walk = named_begin(n, a, b);
	for (int64_t i; (i = named_next(&walk)) >= 0;)
		met[i]++;
	for (size_t i = 0; i < p->n_cuts; i++) {
		assert_true(met[i] <= 1);
		assert_true(met[i] || !plan_cut_blocks(&p->cuts[i], m, a, b));
	}
}

static size_t check_pairs(const struct plan *p, const struct net_zone_map *m, const struct resolution *r,
    const struct cut_index *x, uint64_t *state)
{
	size_t blocked = 0;
	struct named *n;
	assert_int_equal(named_new(&n, p, *state), 0);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct net_addr a = random_end(state, p), b = random_end(state, p);
		if (net_addr_is_v4(a) != net_addr_is_v4(b) || !is_forwarded(a) || !is_forwarded(b))
			continue;
		check_walk(p, m, n, a, b);
		uint32_t named = first_named(r, a, b);
		bool meets = net_zone_of(m, a) != net_zone_of(m, b);
		bool never = hold(p->never_cut, p->n_never_cut, a) || hold(p->never_cut, p->n_never_cut, b);
		bool blocks = plan_blocks(p, m, a, b);
		assert_int_equal(named != CUT_INDEX_NONE && meets && !never, blocks);
		assert_int_equal(cut_index_named(x, a, b), named);
		assert_int_equal(cut_index_spares(x, a, b), never || !meets);
		assert_int_equal(cut_index_stops(x, a, b), blocks ? named : CUT_INDEX_NONE);
		/* a zone that is shut off is one cut for several of the plan's */
		const struct plan alone = {
		    .cuts = &p->cuts[r->of[named == CUT_INDEX_NONE ? 0 : named]], .n_cuts = 1};
		if (blocks && (r->cuts[named].to.bits || alone.cuts->kind != PLAN_CUT_ZONE_ZONE))
			assert_true(plan_blocks(&alone, m, a, b));
		blocked += blocks;
	}
	named_free(n);
	return blocked;
}

static size_t check_random(uint64_t seed)
{
	uint64_t state = random_begin(seed);
	size_t zones = 1 + next_random(&state) % 6;
	struct net_zone_map *m = random_zones(&state, zones);
	struct plan_cut cuts[CUTS];
	struct net_prefix never[NEVER];
	struct arena arena = {.max = 0};
	struct resolution r;
	struct cut_index *x;
	struct plan p = {.cuts = cuts, .n_cuts = 1 + next_random(&state) % 5, .never_cut = never};
	p.n_never_cut = next_random(&state) % (NEVER + 1);
	for (size_t i = 0; i < p.n_cuts; i++)
		cuts[i] = random_cut(&state, m);
	for (size_t i = 0; i < p.n_never_cut; i++)
		never[i] = random_prefix(&state);
	if (seed % 3 == 0)
		p.n_cuts = shut_off(m, random_inside(&state, m), cuts);
	const struct resolve_input in = {.plan = &p, .zones = m, .most_shapes = seed % 2 ? 0 : 600};
	assert_int_equal(resolve_plan(&in, &arena, &r), 0);
	assert_null(r.problem);
	check_ends(&r, never, p.n_never_cut);
	const struct cut_index_input index = {.cuts = r.cuts,
	    .n = r.n,
	    .never_cut = r.spared,
	    .n_never_cut = r.n_spared,
	    .zones = m,
	    .seed = seed};
	assert_int_equal(cut_index_new(&x, &index), 0);
	size_t blocked = check_pairs(&p, m, &r, x, &state);
	cut_index_free(x);
	arena_free(&arena);
	net_zone_map_free(m);
	return blocked;
}

static void test_cuts_stop_what_the_plan_says(void **unused)
{
	size_t blocked = 0;
	(void)unused;
	for (uint64_t seed = 1; seed <= 300; seed++)
		blocked += check_random(seed);
	assert_true(blocked > 5000); /* it is about something */
}

/* A small network that is told by hand. */
struct place {
	struct net_zone_map *zones;
	uint16_t office, mission, internet;
	struct arena arena;
};

static void place_zone(
    struct place *p, const char *name, enum net_zone_class class, const char *text, uint16_t *ret_zone)
{
	assert_int_equal(net_zone_map_add(p->zones, name, class, ret_zone), 0);
	assert_int_equal(net_zone_map_add_prefix(p->zones, *ret_zone, prefix(text)), 0);
}

static int setup(void **state)
{
	static struct place p;
	p = (struct place){.arena = {.max = 0}};
	assert_int_equal(net_zone_map_new(&p.zones), 0);
	place_zone(&p, "office", NET_ZONE_INTERNAL, "10.2.0.0/16", &p.office);
	place_zone(&p, "mission", NET_ZONE_PROTECTED, "10.1.0.0/16", &p.mission);
	place_zone(&p, "internet", NET_ZONE_EXTERNAL, "0.0.0.0/0", &p.internet);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	net_zone_map_free(p->zones);
	arena_free(&p->arena);
	return 0;
}

static struct plan_cut host_cut(const char *addr)
{
	return (struct plan_cut){.kind = PLAN_CUT_HOST,
	    .from = {prefix(addr)},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .lease_ns = 100,
	    .why = "because"};
}

static struct resolution resolve(struct place *p, struct plan_cut *cuts, size_t n, size_t most)
{
	struct resolution r;
	const struct plan plan = {.cuts = cuts, .n_cuts = n};
	const struct resolve_input in = {.plan = &plan, .zones = p->zones, .most = most};
	assert_int_equal(resolve_plan(&in, &p->arena, &r), 0);
	return r;
}

static void assert_cut(const struct cut *c, const char *from, const char *to, enum cut_direction direction)
{
	char text[NET_PREFIX_TEXT_SIZE];
	assert_string_equal(c->from.bits ? net_prefix_text(c->from, text) : "anywhere", from);
	assert_string_equal(c->to.bits ? net_prefix_text(c->to, text) : "anywhere", to);
	assert_int_equal(c->direction, direction);
}

static void test_a_machine_and_a_destination_are_one_cut_each(void **state)
{
	struct place *p = *state;
	struct plan_cut cuts[] = {host_cut("10.2.0.1"),
	    {.kind = PLAN_CUT_DESTINATION,
	        .to = {prefix("203.0.113.1")},
	        .n_to = 1,
	        .from_zone = NET_ZONE_NONE,
	        .to_zone = NET_ZONE_NONE,
	        .lease_ns = 50},
	    host_cut("10.2.0.1")};
	struct resolution r = resolve(p, cuts, 3, 0);
	assert_int_equal(r.n, 2);
	assert_cut(&r.cuts[0], "anywhere", "203.0.113.1/32", CUT_BOTH);
	assert_cut(&r.cuts[1], "10.2.0.1/32", "anywhere", CUT_BOTH);
	assert_int_equal(r.of[0], 1);
	assert_int_equal(r.of[1], 0);
	assert_int_equal(r.lease_ns, 50);
}

static void test_a_machine_is_cut_from_a_zone_as_it_is(void **state)
{
	struct place *p = *state;
	struct plan_cut cut = host_cut("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.direction = PLAN_FROM_ONLY;
	cut.to_zone = p->mission;
	struct resolution r = resolve(p, &cut, 1, 0);
	assert_int_equal(r.n, 1);
	assert_cut(&r.cuts[0], "10.2.0.1/32", "10.1.0.0/16", CUT_FROM_ONLY);
}

static void test_the_outside_holds_nothing_of_the_inside(void **state)
{
	struct place *p = *state;
	struct plan_cut cut = host_cut("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_external = true;
	struct resolution r = resolve(p, &cut, 1, 0);
	/* IPv4 without 10.1/16, 10.2/16 and multicast: of lengths 1 to 3 there are 0/5, 8/7, 11/8, 12/6,
	 * 16/4, 32/3, 64/2, 128/2, 192/3, 240/4; of 10/8 there
	 * are 10.0/16, 10.3/16, 10.4/14, 10.8/13, 10.16/12, 10.32/11, 10.64/10, 10.128/9 */
	assert_int_equal(r.n, 18);
	for (size_t i = 0; i < r.n; i++) {
		assert_false(net_prefix_covers(r.cuts[i].to, prefix("10.1.0.0/16")));
		assert_false(net_prefix_covers(r.cuts[i].to, prefix("10.2.0.0/16")));
		assert_false(net_prefix_covers(r.cuts[i].to, prefix("224.0.0.0/4")));
	}
}

static void test_a_plan_that_needs_too_many_is_not_cut_in_part(void **state)
{
	struct place *p = *state;
	struct plan_cut cuts[] = {host_cut("10.2.0.2"), host_cut("10.2.0.1")};
	cuts[1].kind = PLAN_CUT_HOST_ZONE;
	cuts[1].to_external = true;
	assert_int_equal(resolve(p, cuts, 2, 20).n, 19);
	assert_int_equal(resolve(p, cuts, 2, 19).n, 19);
	struct resolution r = resolve(p, cuts, 2, 18);
	assert_int_equal(r.n, 0);
	assert_string_equal(r.problem, "cut 2 needs 18 pairs of prefixes with 1 before it, and 18 is the "
	                               "most that can be ordered: because");
}

static void test_a_zone_outside_is_no_end(void **state)
{
	struct place *p = *state;
	struct plan_cut cut = host_cut("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_zone = p->internet;
	assert_string_equal(
	    resolve(p, &cut, 1, 0).problem, "cut 1 names a zone outside, which is cut as a whole: because");
}

static void test_what_is_spared_passes_within_an_end_and_is_none_itself(void **state)
{
	struct place *p = *state;
	struct plan_cut cut = host_cut("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_zone = p->mission;
	const struct net_prefix control[] = {prefix("10.1.128.0/17"), prefix("10.2.0.1")};
	const struct plan plan = {.cuts = &cut, .n_cuts = 1};
	struct resolve_input in = {.plan = &plan, .zones = p->zones, .spare = control, .n_spare = 1};
	struct resolution r;
	assert_int_equal(resolve_plan(&in, &p->arena, &r), 0);
	assert_int_equal(r.n, 1);
	assert_cut(&r.cuts[0], "10.2.0.1/32", "10.1.0.0/16", CUT_BOTH);
	assert_int_equal(r.n_spared, 1);
	assert_memory_equal(&r.spared[0], &control, sizeof(control[0]));
	in.n_spare = 2;
	assert_int_equal(resolve_plan(&in, &p->arena, &r), 0);
	assert_int_equal(r.n, 0);
	assert_null(r.problem);
}

static struct plan_cut zone_cut(uint16_t from, uint16_t to, enum plan_direction d)
{
	return (struct plan_cut){.kind = PLAN_CUT_ZONE_ZONE,
	    .from_zone = from,
	    .to_zone = to,
	    .to_external = to == NET_ZONE_NONE,
	    .direction = d,
	    .lease_ns = 100,
	    .why = "because"};
}

static void test_a_zone_that_is_parted_from_everything_is_one_cut(void **state)
{
	struct place *p = *state;
	struct plan_cut cuts[] = {
	    zone_cut(p->office, NET_ZONE_NONE, PLAN_BOTH), zone_cut(p->mission, p->office, PLAN_BOTH)};
	const struct net_prefix never = prefix("10.2.0.1");
	const struct plan plan = {.cuts = cuts, .n_cuts = 2, .never_cut = &never, .n_never_cut = 1};
	const struct resolve_input in = {.plan = &plan, .zones = p->zones};
	struct resolution r;
	assert_int_equal(resolve_plan(&in, &p->arena, &r), 0);
	assert_int_equal(r.n, 1);
	assert_cut(&r.cuts[0], "10.2.0.0/16", "anywhere", CUT_BOTH);
	assert_int_equal(r.of[0], 0);
	/* from one of the two alone, or one way, it isn't */
	assert_int_equal(resolve(p, cuts, 1, 0).n, 18);
	assert_cut(&resolve(p, cuts + 1, 1, 0).cuts[0], "10.1.0.0/16", "10.2.0.0/16", CUT_BOTH);
	cuts[1].direction = PLAN_FROM_ONLY;
	assert_int_equal(resolve(p, cuts, 2, 0).n, 19);
}

static void test_a_zone_of_several_segments_is_parted_from_the_others_alone(void **state)
{
	struct place *p = *state;
	struct plan_cut cuts[] = {
	    zone_cut(p->office, NET_ZONE_NONE, PLAN_BOTH), zone_cut(p->office, p->mission, PLAN_BOTH)};
	/* a router stands between the two */
	assert_int_equal(net_zone_map_add_prefix(p->zones, p->office, prefix("10.4.0.0/16")), 0);
	struct resolution r = resolve(p, cuts, 2, 0);
	assert_true(r.n > 20);
	for (size_t i = 0; i < r.n; i++)
		assert_true(r.cuts[i].from.bits && r.cuts[i].to.bits);
}

/* As enforcers pay for each pair of lengths. */
static size_t shapes_of(const struct resolution *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		bool fresh = true;
		for (size_t k = 0; k < i && fresh; k++)
			fresh = r->cuts[k].from.bits != r->cuts[i].from.bits ||
			        r->cuts[k].to.bits != r->cuts[i].to.bits ||
			        r->cuts[k].direction != r->cuts[i].direction ||
			        net_addr_is_v4(r->cuts[k].to.addr) != net_addr_is_v4(r->cuts[i].to.addr);
		n += fresh;
	}
	return n;
}

static void test_a_plan_is_told_in_as_many_prefix_lengths_as_can_be_looked_up(void **state)
{
	static const size_t bounds[] = {0, 200, 48, 20, 8, 2};
	struct place *p = *state;
	struct plan_cut cut = host_cut("10.2.0.1");
	cut.kind = PLAN_CUT_HOST_ZONE;
	cut.to_external = true;
	cut.from[cut.n_from++] = prefix("2001:db8:2::1");
	assert_int_equal(net_zone_map_add_prefix(p->zones, p->office, prefix("2001:db8:2::/48")), 0);
	const struct plan plan = {.cuts = &cut, .n_cuts = 1};
	struct net_addr probe = prefix("2001:db8:3::1").addr;
	size_t before = 0;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct resolve_input in = {.plan = &plan, .zones = p->zones, .most_shapes = bounds[i]};
		struct resolution r;
		assert_int_equal(resolve_plan(&in, &p->arena, &r), 0);
		if (r.problem) {
			/* a length for each family would be too many prefixes */
			assert_true(bounds[i] <= 8);
			assert_int_equal(r.n, 0);
			continue;
		}
		assert_true(bounds[i] == 0 || shapes_of(&r) <= bounds[i]);
		assert_true(r.n >= before);
		assert_int_not_equal(first_named(&r, cut.from[1].addr, probe), CUT_INDEX_NONE);
		assert_int_equal(
		    first_named(&r, cut.from[1].addr, prefix("2001:db8:2::7").addr), CUT_INDEX_NONE);
		before = r.n;
		print_message("%zu pairs of %zu shapes\n", r.n, shapes_of(&r));
	}
}

static void test_a_plan_without_cuts_names_nothing(void **state)
{
	struct place *p = *state;
	struct cut_index *x;
	struct resolution r = resolve(p, NULL, 0, 0);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.lease_ns, 0);
	assert_int_equal(cut_index_new(&x, &(struct cut_index_input){.seed = 1}), 0);
	assert_int_equal(
	    cut_index_stops(x, prefix("10.2.0.1").addr, prefix("10.1.0.1").addr), CUT_INDEX_NONE);
	cut_index_free(x);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cuts_stop_what_the_plan_says),
	    T(test_a_machine_and_a_destination_are_one_cut_each),
	    T(test_a_machine_is_cut_from_a_zone_as_it_is),
	    T(test_the_outside_holds_nothing_of_the_inside),
	    T(test_a_plan_that_needs_too_many_is_not_cut_in_part),
	    T(test_a_zone_outside_is_no_end),
	    T(test_what_is_spared_passes_within_an_end_and_is_none_itself),
	    T(test_a_zone_that_is_parted_from_everything_is_one_cut),
	    T(test_a_zone_of_several_segments_is_parted_from_the_others_alone),
	    T(test_a_plan_is_told_in_as_many_prefix_lengths_as_can_be_looked_up),
	    T(test_a_plan_without_cuts_names_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
