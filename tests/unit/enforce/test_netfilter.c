/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter_world.h"

/* What the kernel does with real packets once cuts are in it. */

static int open_routed(void **state)
{
	(void)state;
	return open_world(false);
}

static const struct netfilter_config routed = {.hooks = NETFILTER_ROUTED};

struct shape_case {
	const char *from, *to;
	bool v6, applies;
};

/* Each names an end inside and one outside, by prefixes of several lengths; some miss by one bit. */
static const struct shape_case shape_cases[] = {
    {"10.1.0.2", "", false, true},
    {"10.1.0.3", "", false, false},
    {"", "192.0.2.2", false, true},
    {"", "192.0.2.3", false, false},
    {"10.1.0.2", "192.0.2.2", false, true},
    {"10.1.0.2", "192.0.2.3", false, false},
    {"10.1.0.0/24", "192.0.2.0/28", false, true},
    {"10.1.0.0/24", "192.0.2.16/28", false, false},
    {"10.1.0.2/31", "192.0.2.2/31", false, true},
    {"10.1.0.0/31", "192.0.2.2/31", false, false},
    {"10.0.0.0/8", "0.0.0.0/0", false, true},
    {"0.0.0.0/0", "128.0.0.0/1", false, true},
    {"2001:db8:1::2", "", true, true},
    {"2001:db8:1::3", "", true, false},
    {"2001:db8:1::/48", "2001:db8:2::2", true, true},
    {"2001:db8:1::/48", "2001:db8:2::3", true, false},
    {"", "2001:db8:2::/47", true, true},
    {"", "2001:db8:4::/47", true, false},
    {"2001:db8:1::2", "2001:db8:2::2", true, true},
    {"2001:db8:1::/65", "2001:db8:2::/127", true, false},
};

static void a_cut_stops_what_it_names_and_nothing_else(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	for (size_t i = 0; i < sizeof(shape_cases) / sizeof(shape_cases[0]); i++)
		for (int kind = 0; kind < 4; kind++) {
			const struct shape_case *c = &shape_cases[i];
			bool closed = kind & 1, begun = kind & 2;
			struct cut cut = cut_of(c->from, c->to, begun ? CUT_FROM_ONLY : CUT_BOTH);
			assert_null(w.b->ops->cannot(w.b, &cut, closed));
			assert_int_equal(step(BACKEND_ADD, cut, in_ms(60000), closed), 0);
			assert_int_equal(passes(INSIDE, OUTSIDE, c->v6), !c->applies);
			assert_int_equal(passes(OUTSIDE, INSIDE, c->v6), !c->applies || begun);
			/* the other family goes on */
			assert_true(passes(INSIDE, OUTSIDE, !c->v6));
			assert_int_equal(step(BACKEND_REMOVE, cut, 0, closed), 0);
			assert_true(passes(INSIDE, OUTSIDE, c->v6));
			assert_true(passes(OUTSIDE, INSIDE, c->v6));
		}
	assert_true(is_intact());
}

static void a_cut_of_one_side_is_about_who_begins(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	struct cut cut = cut_of("", "10.1.0.2", CUT_FROM_ONLY);
	assert_int_equal(step(BACKEND_ADD, cut, in_ms(60000), false), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_false(passes(OUTSIDE, INSIDE, false));
}

static void an_element_ends_by_itself(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(400), true), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	sleep_ms(450);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_int_equal(count_elements(), 0);
	/* what has just ended can be removed, renewed and added: no error */
	assert_int_equal(step(BACKEND_REMOVE, cut_of("10.1.0.2", "", CUT_BOTH), 0, true), 0);
	assert_int_equal(step(BACKEND_RENEW, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), true), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	/* an end that is past is no cut */
	assert_int_equal(step(BACKEND_RENEW, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(-1), true), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
}

static void without_a_lease_only_what_fails_closed_stays(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	assert_int_equal(netfilter_open(&routed, &w.b), 0);
	assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
	assert_int_equal(step(BACKEND_ADD, cut_of("2001:db8:1::2", "", CUT_BOTH), in_ms(60000), true), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_false(passes(INSIDE, OUTSIDE, true));
	assert_int_equal(w.b->ops->lease(w.b, in_ms(400)), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	sleep_ms(450);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_false(passes(INSIDE, OUTSIDE, true));
	/* renewed: longer, then shorter */
	assert_int_equal(w.b->ops->lease(w.b, in_ms(60000)), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	assert_int_equal(w.b->ops->lease(w.b, in_ms(300)), 0);
	assert_false(passes(INSIDE, OUTSIDE, false));
	sleep_ms(350);
	assert_true(passes(INSIDE, OUTSIDE, false));
	assert_int_equal(w.b->ops->lease(w.b, in_ms(60000)), 0);
	assert_int_equal(w.b->ops->lease(w.b, in_ms(-1)), 0);
	assert_true(passes(INSIDE, OUTSIDE, false));
}

static int64_t until_of(size_t n)
{
	struct backend_element *e;
	bool intact;
	assert_int_equal(read_back(&e, &intact), n);
	int64_t until = n ? e[0].until : 0;
	free(e);
	return until;
}

static void renewing_sets_the_timeout_either_way(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	/* as kernels from 6.12 on can, and as those before must */
	for (int old = 0; old < 2; old++) {
		backend_opens(&routed);
		bool renews = ((struct netfilter *)w.b)->renews;
		if (old)
			((struct netfilter *)w.b)->renews = ((struct netfilter *)w.b)->destroys = false;
		else if (!renews)
			continue;
		static const int64_t spans_ms[] = {60000, 600000, 30000, 30000};
		for (size_t i = 0; i < 4; i++) {
			int64_t until = in_ms(spans_ms[i]);
			enum backend_act act = i == 0 ? BACKEND_ADD : BACKEND_RENEW;
			assert_int_equal(step(act, cut_of("10.1.0.2", "", CUT_BOTH), until, false), 0);
			assert_in_range(until_of(1) - until + 50 * NS_PER_MS, 0, 100 * NS_PER_MS);
			assert_false(passes(INSIDE, OUTSIDE, false));
		}
		assert_int_equal(step(BACKEND_REMOVE, cut_of("10.1.0.2", "", CUT_BOTH), 0, false), 0);
		assert_int_equal(count_elements(), 0);
		remove_backend();
	}
}

static void a_cut_that_changes_its_class_stands_once(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	struct cut cut = cut_of("10.1.0.2", "192.0.2.0/24", CUT_BOTH);
	for (int i = 0; i < 4; i++) {
		bool closed = i % 2 == 1;
		struct backend_element *e;
		bool intact;
		int64_t until = in_ms(60000);
		assert_int_equal(step(BACKEND_RENEW, cut, until, closed), 0);
		assert_int_equal(read_back(&e, &intact), 1);
		assert_true(intact);
		assert_int_equal(e[0].fail_closed, closed);
		assert_in_range(e[0].until - until + 50 * NS_PER_MS, 0, 100 * NS_PER_MS);
		free(e);
	}
	assert_int_equal(step(BACKEND_REMOVE, cut, 0, false), 0);
	assert_int_equal(count_elements(), 0);
}

static void counters_count_what_was_stopped(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	backend_opens(&routed);
	struct sockaddr_storage where;
	struct backend_element *e;
	bool intact;
	struct cut cut = cut_of("10.1.0.2", "192.0.2.2", CUT_BOTH);
	assert_int_equal(step(BACKEND_ADD, cut, in_ms(60000), false), 0);
	int server = socket_at(OUTSIDE, false, SOCK_DGRAM, 0, &where),
	    client = socket_at(INSIDE, false, SOCK_DGRAM, 0, NULL);
	for (int i = 0; i < 7; i++)
		assert_int_equal(
		    sendto(client, "12345", 5, 0, (struct sockaddr *)&where, size_of(&where)), 5);
	address(INSIDE, false, false, &where);
	((struct sockaddr_in *)&where)->sin_port = htons(9);
	for (int i = 0; i < 4; i++)
		assert_int_equal(sendto(server, "1", 1, 0, (struct sockaddr *)&where, size_of(&where)), 1);
	/* a renewal keeps what was counted */
	if (((struct netfilter *)w.b)->renews)
		assert_int_equal(step(BACKEND_RENEW, cut, in_ms(90000), false), 0);
	assert_int_equal(read_back(&e, &intact), 1);
	assert_int_equal(e[0].packets, 11);
	assert_int_equal(e[0].bytes, 7 * (28 + 5) + 4 * (28 + 1));
	free(e);
	close(server);
	close(client);
}

/* A connection from inside to outside, both ends. */
static void connect_both(int *ret_client, int *ret_server)
{
	struct sockaddr_storage where;
	int listener = socket_at(OUTSIDE, false, SOCK_STREAM, 0, &where);
	assert_int_equal(listen(listener, 1), 0);
	*ret_client = socket_at(INSIDE, false, SOCK_STREAM, 0, NULL);
	assert_int_equal(connect(*ret_client, (struct sockaddr *)&where, size_of(&where)), 0);
	*ret_server = accept(listener, NULL, NULL);
	assert_true(*ret_server >= 0);
	close(listener);
}

static void an_established_connection_ends(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	for (int reset = 0; reset < 2; reset++) {
		const struct netfilter_config config = {.hooks = NETFILTER_ROUTED, .reset = reset == 1};
		struct sockaddr_storage from;
		int client, server;
		backend_opens(&config);
		connect_both(&client, &server);
		assert_int_equal(send(client, "a", 1, 0), 1);
		assert_true(arrives(server, &from, 1000));
		assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.2", "", CUT_BOTH), in_ms(60000), false), 0);
		assert_int_equal(send(client, "b", 1, MSG_NOSIGNAL), 1);
		assert_false(arrives(server, &from, ARRIVE_MS));
		/* told so, or left in silence */
		struct pollfd p = {.fd = client, .events = POLLIN};
		int told = 0;
		socklen_t size = sizeof(told);
		assert_int_equal(poll(&p, 1, ARRIVE_MS), reset);
		assert_int_equal(getsockopt(client, SOL_SOCKET, SO_ERROR, &told, &size), 0);
		assert_int_equal(told, reset ? ECONNRESET : 0);
		close(client);
		close(server);
		remove_backend();
	}
}

static void what_passes_goes_on(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	struct backend_pass list[] = {
	    {.prefix = prefix("192.0.2.0/24"), .protocol = IPPROTO_UDP, .port = 53},
	    {.prefix = prefix("2001:db8:2::/64"), .protocol = IPPROTO_UDP},
	    {.prefix = prefix("10.1.0.3")},
	    {.protocol = IPPROTO_UDP, .port = 123},
	};
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED, .passes = list, .n_passes = 4};
	bool answered;
	backend_opens(&config);
	assert_int_equal(step(BACKEND_ADD, cut_of("10.1.0.0/24", "", CUT_BOTH), in_ms(60000), true), 0);
	assert_int_equal(step(BACKEND_ADD, cut_of("2001:db8:1::2", "", CUT_BOTH), in_ms(60000), false), 0);
	/* to the service and back, and nothing else of that machine */
	assert_true(ask_port(INSIDE, OUTSIDE, false, 53, ARRIVE_MS, &answered) && answered);
	assert_false(ask_port(INSIDE, OUTSIDE, false, 54, ARRIVE_MS, &answered));
	assert_false(ask_port(OUTSIDE, INSIDE, false, 53, ARRIVE_MS, &answered));
	/* a whole protocol of the other family; TCP isn't it */
	assert_true(passes(INSIDE, OUTSIDE, true));
	/* a service anywhere, of either family and side */
	assert_true(ask_port(INSIDE, OUTSIDE, false, 123, ARRIVE_MS, &answered) && answered);
	assert_true(ask_port(OUTSIDE, INSIDE, false, 123, ARRIVE_MS, &answered) && answered);
	assert_true(is_intact());
	/* a machine that is never cut */
	struct sockaddr_storage where, at;
	int server = socket_at(OUTSIDE, false, SOCK_DGRAM, 0, &where), client;
	enter(INSIDE);
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enter(GATEWAY);
	address(INSIDE, false, true, &at);
	assert_int_equal(bind(client, (struct sockaddr *)&at, size_of(&at)), 0);
	assert_int_equal(sendto(client, "?", 1, 0, (struct sockaddr *)&where, size_of(&where)), 1);
	assert_true(arrives(server, &at, ARRIVE_MS));
	close(client);
	close(server);
}

/* Whatever the cut's form: what is never cut passes before it is looked at, at either end and both ways. */
static void a_cut_that_holds_what_is_never_cut_lets_it_pass(void **state)
{
	static const char *const ends[][2] = {{"10.1.0.0/24", ""}, {"", "192.0.2.0/24"},
	    {"10.1.0.0/24", "192.0.2.0/24"}, {"10.1.0.0/24", "128.0.0.0/1"}};
	static const char *const spared[] = {"10.1.0.2", "192.0.2.2", "10.1.0.3"};
	(void)state;
	SKIP_WITHOUT_WORLD();
	for (size_t i = 0; i < 3; i++) {
		struct backend_pass pass = {.prefix = prefix(spared[i])};
		const struct netfilter_config config = {
		    .hooks = NETFILTER_ROUTED, .passes = &pass, .n_passes = 1};
		backend_opens(&config);
		for (size_t k = 0; k < 4; k++) {
			struct cut c = cut_of(ends[k][0], ends[k][1], CUT_BOTH);
			assert_int_equal(step(BACKEND_ADD, c, in_ms(60000), k % 2), 0);
			/* the third is neither of the two that talk */
			assert_int_equal(passes(INSIDE, OUTSIDE, false), i < 2);
			assert_int_equal(passes(OUTSIDE, INSIDE, false), i < 2);
			assert_int_equal(step(BACKEND_REMOVE, c, 0, k % 2), 0);
		}
		w.b->ops->close(w.b);
		w.b = NULL;
	}
	backend_opens(&routed);
}

static void packets_are_stopped_as_they_arrive(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	const char *const interfaces[] = {"in", "out"};
	const struct netfilter_config config = {
	    .hooks = NETFILTER_INGRESS, .interfaces = interfaces, .n_interfaces = 2};
	struct cut begun = cut_of("10.1.0.2", "", CUT_FROM_ONLY);
	backend_opens(&config);
	for (int v6 = 0; v6 < 2; v6++) {
		struct cut cut = cut_of(v6 ? "2001:db8:1::/64" : "10.1.0.2", "", CUT_BOTH);
		assert_int_equal(step(BACKEND_ADD, cut, in_ms(60000), false), 0);
		assert_false(passes(INSIDE, OUTSIDE, v6));
		assert_false(passes(OUTSIDE, INSIDE, v6));
	}
	assert_true(is_intact());
	assert_non_null(w.b->ops->cannot(w.b, &begun, false));
	assert_int_equal(step(BACKEND_ADD, begun, in_ms(60000), false), -EOPNOTSUPP);
}

static void tables_of_two_families_count_together(void **state)
{
	(void)state;
	SKIP_WITHOUT_WORLD();
	const char *const interfaces[] = {"in"};
	const struct netfilter_config config = {
	    .hooks = NETFILTER_INGRESS | NETFILTER_ROUTED, .interfaces = interfaces, .n_interfaces = 1};
	struct cut both = cut_of("10.1.0.2", "", CUT_BOTH), begun = cut_of("10.1.0.2", "", CUT_FROM_ONLY);
	struct backend_element *e;
	bool intact;
	backend_opens(&config);
	assert_int_equal(step(BACKEND_ADD, both, in_ms(60000), false), 0);
	assert_int_equal(step(BACKEND_ADD, begun, in_ms(60000), false), 0);
	assert_false(passes(INSIDE, OUTSIDE, false)); /* at the interface */
	assert_false(passes(OUTSIDE, INSIDE, false)); /* where it is routed */
	assert_int_equal(read_back(&e, &intact), 2);
	assert_true(intact);
	assert_int_equal(e[0].packets, 2);
	assert_true(e[0].until > netfilter_now());
	free(e);
	/* missing in one of the two is as good as over, and an ADD puts it right */
	must_run("nft flush set netdev bulkhead leased_ip_32_any");
	assert_int_equal(read_back(&e, &intact), 2);
	assert_int_equal(e[0].until, 0);
	free(e);
	assert_int_equal(step(BACKEND_ADD, both, in_ms(60000), false), 0);
	assert_int_equal(read_back(&e, &intact), 2);
	assert_true(e[0].until > netfilter_now());
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_cut_stops_what_it_names_and_nothing_else, world_clean),
	    cmocka_unit_test_teardown(a_cut_of_one_side_is_about_who_begins, world_clean),
	    cmocka_unit_test_teardown(an_element_ends_by_itself, world_clean),
	    cmocka_unit_test_teardown(without_a_lease_only_what_fails_closed_stays, world_clean),
	    cmocka_unit_test_teardown(renewing_sets_the_timeout_either_way, world_clean),
	    cmocka_unit_test_teardown(a_cut_that_changes_its_class_stands_once, world_clean),
	    cmocka_unit_test_teardown(counters_count_what_was_stopped, world_clean),
	    cmocka_unit_test_teardown(an_established_connection_ends, world_clean),
	    cmocka_unit_test_teardown(what_passes_goes_on, world_clean),
	    cmocka_unit_test_teardown(a_cut_that_holds_what_is_never_cut_lets_it_pass, world_clean),
	    cmocka_unit_test_teardown(packets_are_stopped_as_they_arrive, world_clean),
	    cmocka_unit_test_teardown(tables_of_two_families_count_together, world_clean),
	};
	return cmocka_run_group_tests(tests, open_routed, close_world);
}
