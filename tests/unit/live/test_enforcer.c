/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The enforcer between an engine and a kernel: what it takes, what it refuses, and what it says of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* with what it hands to the process' runtime */
#include "live/enforcer.c"

#include "enforcer_bed.h"

static const uint8_t hosts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void open_bed(struct bed *b)
{
	*b = (struct bed){0};
	b->process = (struct process){.seed = 7, .running = true, .conf = bed_conf(bed_yaml)};
	assert_int_equal(site_guess(&b->process.site), 0);
	assert_int_equal(loop_new(&b->process.loop), 0);
	b->process.peers.loop = b->process.loop;
	fake_kernel_open(&b->kernel);
	b->enforcer = (struct enforcer){.process = &b->process, .backend = &b->kernel.backend};
	struct process_configuration c = {.conf = b->process.conf, .site = b->process.site};
	struct dynbuf why = {0};
	assert_int_equal(prepare(&b->enforcer, &c, &why), 0);
	swap(&b->enforcer);
	bed_connect(b, met);
}

/* One that has read back an empty kernel, and was told an empty generation 1. */
static void open_settled(struct bed *b)
{
	open_bed(b);
	bed_tell(b, 0, 1, hosts, 0);
	enforcer_read(&b->enforcer, loop_now());
	struct heard h = bed_hear(b);
	assert_int_equal(h.enforced, 1);
	assert_true(b->enforcer.settled);
}

static void close_bed(struct bed *b)
{
	struct enforcer *f = &b->enforcer;
	enforcer_give_up_waiting(f);
	peer_close(&f->engine);
	desired_free(f->desired);
	live_rules_free(&f->rules);
	free(f->ends.v);
	table_free(f->counted);
	channel_free(b->engine);
	fake_kernel_free(&b->kernel);
	loop_free(b->process.loop);
	enforcer_spare_free(f);
	free(f->name);
	daemon_conf_free(b->process.conf);
	site_free(b->process.site);
}

static void a_generation_stands_in_the_kernel_when_it_is_said_to(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 3);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.enforced, 1);
	assert_int_equal(h.last_enforced.generation, 2);
	assert_int_equal(h.last_enforced.cuts, 3);
	assert_int_equal(b.kernel.n, 3);
	assert_int_equal(b.kernel.ended_cuts, 0); /* what is urgent comes first */
	enforcer_end_due(&b.enforcer, loop_now() + NS_PER_S);
	assert_int_equal(b.kernel.ended_cuts, 3);
	/* the difference alone is carried out, and only of what is new connections end */
	bed_begin(&b, 2, 3);
	bed_drop(&b, bed_cut(1, 2));
	bed_put(&b, bed_cut(1, 9), loop_now() + 60 * NS_PER_S, true);
	bed_commit(&b, 3);
	h = bed_hear(&b);
	assert_int_equal(h.last_enforced.generation, 3);
	assert_int_equal(b.kernel.n, 3);
	assert_null(fake_kernel_find(&b.kernel, &(struct cut){.from = bed_cut(1, 2).from}));
	enforcer_end_due(&b.enforcer, loop_now() + NS_PER_S);
	assert_int_equal(b.kernel.ended_cuts, 4);
	/* the whole takes away what it doesn't name */
	bed_tell(&b, 0, 4, hosts, 1);
	assert_int_equal(bed_hear(&b).last_enforced.cuts, 1);
	assert_int_equal(b.kernel.n, 1);
	close_bed(&b);
}

static void connections_end_of_all_cuts_that_came_together_and_still_stand(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 3);
	bed_begin(&b, 2, 3);
	bed_drop(&b, bed_cut(1, 2));
	bed_put(&b, bed_cut(1, 9), loop_now() + 60 * NS_PER_S, true);
	bed_commit(&b, 3);
	assert_int_equal(bed_hear(&b).last_enforced.generation, 3);
	size_t ends = b.kernel.ends;
	enforcer_end_due(&b.enforcer, loop_now()); /* too early */
	assert_int_equal(b.kernel.ends, ends);
	int64_t now = loop_now() + NS_PER_S;
	enforcer_end_due(&b.enforcer, now);
	assert_int_equal(b.kernel.ends, ends + 1);
	assert_int_equal(b.kernel.ended_cuts, 3);
	enforcer_end_due(&b.enforcer, now);
	assert_int_equal(b.kernel.ends, ends + 1);
	/* of later ones not before some time has gone by */
	bed_begin(&b, 3, 4);
	bed_put(&b, bed_cut(1, 8), loop_now() + 60 * NS_PER_S, true);
	bed_commit(&b, 4);
	assert_int_equal(bed_hear(&b).last_enforced.generation, 4);
	enforcer_end_due(&b.enforcer, b.enforcer.ends.last + 400 * NS_PER_MS);
	assert_int_equal(b.kernel.ends, ends + 1);
	enforcer_end_due(&b.enforcer, b.enforcer.ends.last + 600 * NS_PER_MS);
	assert_int_equal(b.kernel.ends, ends + 2);
	close_bed(&b);
}

static void nothing_is_said_to_be_in_force_before_the_kernel_was_read(void **state)
{
	struct bed b;
	struct cut left = bed_cut(1, 77), both = bed_cut(1, 1);
	(void)state;
	open_bed(&b);
	/* an earlier run left these; nobody wants the first any more */
	fake_kernel_put(&b.kernel, &left, loop_now() + 600 * NS_PER_S, false);
	fake_kernel_put(&b.kernel, &both, loop_now() + 600 * NS_PER_S, false);
	b.kernel.slow = 3;
	enforcer_read(&b.enforcer, loop_now());
	bed_tell(&b, 0, 5, hosts, 2);
	assert_int_equal(b.kernel.n, 3);
	say_state(&b.enforcer, loop_now() + NS_PER_S);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.enforced, 0);
	assert_int_equal(h.last_state.in_force, 0);
	/* that reading began before the change: it proves nothing */
	for (int i = 0; i < 3; i++)
		enforcer_read(&b.enforcer, loop_now());
	assert_false(b.enforcer.reading);
	assert_int_equal(bed_hear(&b).enforced, 0);
	for (int i = 0; i < 4; i++)
		enforcer_read(&b.enforcer, loop_now());
	h = bed_hear(&b);
	assert_int_equal(h.enforced, 1);
	assert_int_equal(h.last_enforced.generation, 5);
	assert_int_equal(b.kernel.n, 2);
	assert_null(fake_kernel_find(&b.kernel, &left));
	/* what was left is no drift */
	assert_int_equal(h.drifts, 0);
	close_bed(&b);
}

static void before_the_engine_said_what_it_wants_nothing_is_taken_away(void **state)
{
	struct bed b;
	struct cut left = bed_cut(1, 77);
	(void)state;
	open_bed(&b);
	fake_kernel_put(&b.kernel, &left, loop_now() + 600 * NS_PER_S, false);
	for (int i = 0; i < 5; i++)
		enforcer_read(&b.enforcer, loop_now() + i * 11 * NS_PER_S);
	assert_int_equal(b.kernel.n, 1);
	assert_false(b.enforcer.settled);
	close_bed(&b);
}

static struct net_prefix v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
	return net_prefix_of(net_addr_v4((const uint8_t[]){a, b, c, d}), (uint8_t)(96 + bits));
}

static void each_guardrail_refuses_the_whole_and_is_named(void **state)
{
	const struct {
		struct cut cut;
		int64_t lease_ns;
		enum guardrail rule;
	} rows[] = {
	    {{.from = v4(10, 0, 0, 53, 32)}, 60, GUARDRAIL_NEVER_CUT},
	    {{.from = v4(10, 0, 0, 0, 24)}, 60, GUARDRAIL_NEVER_CUT},
	    {{.from = v4(10, 0, 7, 7, 32), .to = v4(10, 0, 0, 53, 32)}, 60, GUARDRAIL_NEVER_CUT},
	    {{.from = v4(10, 9, 9, 9, 32)}, 60, GUARDRAIL_CONTROL_PATH},
	    {{.from = v4(10, 8, 0, 0, 23)}, 60, GUARDRAIL_WIDEST_PREFIX},
	    {{.from = {.bits = 0}}, 60, GUARDRAIL_ANYWHERE},
	    {{.from = v4(10, 0, 7, 7, 32)}, 3602, GUARDRAIL_LEASE},
	    {{.from = v4(10, 0, 7, 7, 32)}, INT64_MAX / NS_PER_S, GUARDRAIL_LEASE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bed b;
		open_settled(&b);
		bed_tell(&b, 1, 2, hosts, 1);
		(void)bed_hear(&b);
		/* a good cut with it is not taken either */
		bed_begin(&b, 2, 3);
		bed_put(&b, bed_cut(2, 2), loop_now() + 60 * NS_PER_S, false);
		bed_put(&b, rows[i].cut,
		    rows[i].lease_ns > 4000 ? INT64_MAX : loop_now() + rows[i].lease_ns * NS_PER_S, false);
		bed_commit(&b, 3);
		struct heard h = bed_hear(&b);
		assert_int_equal(h.refused, 1);
		assert_int_equal(h.enforced, 0);
		assert_int_equal(h.last_refused.rule, rows[i].rule);
		assert_int_equal(h.last_refused.generation, 3);
		assert_int_equal(h.last_refused.in_force, 2);
		assert_true(h.last_refused.about_cut);
		struct cut about = {.from = h.last_refused.from, .to = h.last_refused.to};
		assert_int_equal(cut_compare(&about, &rows[i].cut), 0);
		assert_int_equal(b.kernel.n, 1);
		/* the one before stands, and the next is taken */
		bed_tell(&b, 2, 4, hosts + 1, 1);
		assert_int_equal(bed_hear(&b).last_enforced.cuts, 2);
		close_bed(&b);
	}
}

/* As a reload has it: prepared now, counted later or never. */
static void reload(struct bed *b, const char *yaml, bool counts)
{
	struct daemon_conf *conf = bed_conf(yaml);
	struct process_configuration c = {.conf = conf, .site = b->process.site};
	struct dynbuf why = {0};
	assert_int_equal(prepare(&b->enforcer, &c, &why), 0);
	if (counts)
		swap(&b->enforcer);
	else
		discard(&b->enforcer);
	daemon_conf_free(conf);
}

static const char bed_stricter[] = "version: 1\n"
                                   "enforcers: [{name: gw, backend: nftables, lease: 30s}]\n"
                                   "guardrails: {never_cut: [10.0.1.1/32]}\n";

static void spare(struct bed *b, struct net_prefix p)
{
	msg_desired_spare_encode(channel_out(b->engine), &(struct msg_desired_spare){.prefix = p});
}

static void a_cut_may_hold_what_its_backend_lets_pass(void **state)
{
	const struct backend_pass passes[] = {{.prefix = v4(10, 0, 0, 53, 32)},
	    {.prefix = v4(10, 9, 9, 9, 32)}, {.prefix = v4(10, 0, 0, 80, 32), .protocol = 6, .port = 80}};
	const struct cut holds = {.from = v4(10, 0, 0, 0, 24)}, of_it = {.from = v4(10, 0, 0, 53, 32)},
	                 later = {.from = v4(10, 0, 1, 0, 24)};
	(void)state;
	for (size_t n = 1; n <= 3; n++) {
		struct bed b;
		open_settled(&b);
		/* all of never_cut and control has to, by the rules that count now */
		assert_int_equal(enforcer_passes(&b.enforcer, passes, n), 0);
		reload(&b, bed_yaml, true);
		bed_begin(&b, 1, 2);
		bed_put(&b, holds, loop_now() + 60 * NS_PER_S, false);
		bed_commit(&b, 2);
		assert_int_equal(bed_hear(&b).refused, n < 2);
		assert_int_equal(b.kernel.n, n >= 2);
		bed_begin(&b, n < 2 ? 1 : 2, 3);
		bed_put(&b, of_it, loop_now() + 60 * NS_PER_S, false);
		bed_commit(&b, 3);
		assert_int_equal(bed_hear(&b).last_refused.rule, GUARDRAIL_NEVER_CUT);
		/* a reload that names more, before the backend was opened with it */
		reload(&b, bed_stricter, true);
		bed_tell(&b, 0, 4, NULL, 0);
		assert_int_equal(bed_hear(&b).enforced, 1);
		bed_begin(&b, 4, 5);
		bed_put(&b, later, loop_now() + 60 * NS_PER_S, false);
		bed_commit(&b, 5);
		assert_int_equal(bed_hear(&b).last_refused.rule, GUARDRAIL_NEVER_CUT);
		close_bed(&b);
	}
}

static void what_the_engine_spares_is_not_cut_where_it_would_not_pass(void **state)
{
	const struct backend_pass passes[] = {
	    {.prefix = v4(10, 0, 0, 53, 32)}, {.prefix = v4(10, 9, 9, 9, 32)}};
	const struct cut wide = {.from = v4(10, 0, 4, 0, 24)}, other = {.from = v4(10, 0, 5, 0, 24)};
	struct bed b;
	(void)state;
	open_settled(&b);
	assert_int_equal(enforcer_passes(&b.enforcer, passes, 2), 0);
	bed_begin(&b, 0, 2);
	spare(&b, v4(10, 0, 0, 53, 32));
	bed_put(&b, wide, loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 2);
	assert_int_equal(bed_hear(&b).enforced, 1);
	say_state(&b.enforcer, loop_now() + NS_PER_S);
	assert_int_equal(bed_hear(&b).last_state.lacks.n, 0);
	/* its rules change: told as the whole, with what stands already */
	bed_begin(&b, 0, 3);
	spare(&b, v4(10, 0, 0, 53, 32));
	spare(&b, v4(10, 0, 4, 4, 32));
	spare(&b, v4(10, 7, 0, 0, 24));
	bed_put(&b, other, loop_now() + 60 * NS_PER_S, false);
	bed_put(&b, wide, loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 3);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.refused, 1);
	assert_int_equal(h.last_refused.rule, GUARDRAIL_NEVER_CUT);
	assert_string_equal(h.refused_why, "10.0.4.4/32 and 1 more must pass, and isn't in never_cut here");
	assert_int_equal(net_addr_compare(h.last_refused.from.addr, wide.from.addr), 0);
	assert_int_equal(b.kernel.n, 1);
	char lacks[64];
	assert_string_equal(enforcer_lacks(&b.enforcer, lacks, sizeof(lacks)), "10.0.4.4/32 and 1 more");
	/* it holds for differences too, and a prefix that holds the cut forbids it as well */
	bed_begin(&b, 2, 4);
	bed_put(&b, (struct cut){.from = v4(10, 7, 0, 7, 32)}, loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 4);
	assert_int_equal(bed_hear(&b).refused, 1);
	bed_begin(&b, 2, 4);
	bed_put(&b, other, loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 4);
	assert_int_equal(bed_hear(&b).enforced, 1);
	/* until it is told otherwise */
	bed_begin(&b, 0, 5);
	bed_put(&b, wide, loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 5);
	assert_int_equal(bed_hear(&b).enforced, 1);
	close_bed(&b);
}

static void as_many_cuts_as_allowed_and_not_one_more(void **state)
{
	(void)state;
	for (size_t n = 7; n <= 9; n++) {
		struct bed b;
		open_settled(&b);
		bed_tell(&b, 1, 2, hosts, n);
		struct heard h = bed_hear(&b);
		assert_int_equal(h.enforced, n <= 8);
		assert_int_equal(h.refused, n > 8);
		assert_int_equal(b.kernel.n, n <= 8 ? n : 0);
		if (n > 8)
			assert_int_equal(h.last_refused.rule, GUARDRAIL_MOST_CUTS);
		close_bed(&b);
	}
}

static void orders_beyond_the_pace_are_refused_until_a_minute_is_over(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	for (uint64_t i = 0; i < 5; i++) {
		bed_tell(&b, i + 1, i + 2, hosts + i, 1);
		struct heard h = bed_hear(&b);
		assert_int_equal(h.enforced, i < 4);
		if (i == 4)
			assert_int_equal(h.last_refused.rule, GUARDRAIL_MOST_ORDERS);
	}
	/* giving back is no order */
	bed_begin(&b, 5, 6);
	bed_drop(&b, bed_cut(1, 1));
	bed_commit(&b, 6);
	assert_int_equal(bed_hear(&b).last_enforced.generation, 6);
	assert_int_equal(b.kernel.n, 3);
	close_bed(&b);
}

static void what_was_not_begun_does_nothing(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	size_t changes = b.kernel.changes;
	bed_put(&b, bed_cut(1, 1), INT64_MAX, false);
	bed_drop(&b, bed_cut(1, 1));
	bed_commit(&b, 2);
	bed_commit(&b, 2);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.enforced + h.refused + h.resyncs, 0);
	assert_int_equal(b.kernel.changes, changes);
	/* begun and not committed, and begun again: only the last counts */
	bed_begin(&b, 1, 2);
	bed_put(&b, bed_cut(1, 1), loop_now() + NS_PER_S * 60, false);
	bed_tell(&b, 1, 3, hosts + 1, 1);
	h = bed_hear(&b);
	assert_int_equal(h.enforced, 1);
	assert_int_equal(h.last_enforced.generation, 3);
	assert_int_equal(b.kernel.n, 1);
	assert_non_null(fake_kernel_find(&b.kernel, &(struct cut){.from = bed_cut(1, 2).from}));
	close_bed(&b);
}

static void a_difference_to_something_else_asks_for_the_whole(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 7, 8, hosts, 2);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.resyncs, 1);
	assert_int_equal(h.enforced + h.refused, 0);
	assert_int_equal(b.kernel.n, 0);
	bed_tell(&b, 0, 8, hosts, 2);
	assert_int_equal(bed_hear(&b).last_enforced.generation, 8);
	close_bed(&b);
}

static void a_transient_error_is_tried_again_and_said(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	b.kernel.change_error = -ENOBUFS;
	b.kernel.change_fails = 2;
	bed_tell(&b, 1, 2, hosts, 2);
	say_state(&b.enforcer, loop_now() + NS_PER_S);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.enforced + h.refused, 0);
	assert_false(h.last_state.ready);
	assert_int_equal(h.last_state.in_force, 1);
	/* not before its time */
	size_t tries = b.kernel.changes;
	enforcer_retry(&b.enforcer, loop_now());
	assert_int_equal(b.kernel.changes, tries);
	enforcer_retry(&b.enforcer, loop_now() + 2 * NS_PER_S);
	assert_int_equal(b.kernel.n, 0);
	enforcer_retry(&b.enforcer, loop_now() + 4 * NS_PER_S);
	h = bed_hear(&b);
	assert_int_equal(h.enforced, 1);
	assert_int_equal(h.last_enforced.generation, 2);
	assert_int_equal(b.kernel.n, 2);
	assert_int_equal(b.enforcer.retry_at, INT64_MAX);
	close_bed(&b);
}

static void what_the_kernel_refuses_for_good_leaves_the_one_before(void **state)
{
	static const int finals[] = {-EINVAL, -E2BIG, -EOPNOTSUPP, -ERR_LIMIT, -ERR_UNSUPPORTED};
	(void)state;
	for (size_t i = 0; i < sizeof(finals) / sizeof(*finals); i++) {
		struct bed b;
		open_settled(&b);
		bed_tell(&b, 1, 2, hosts, 1);
		(void)bed_hear(&b);
		b.kernel.change_error = finals[i];
		b.kernel.change_fails = 1;
		bed_tell(&b, 2, 3, hosts + 1, 1);
		struct heard h = bed_hear(&b);
		assert_int_equal(h.refused, 1);
		assert_int_equal(h.last_refused.rule, GUARDRAIL_NONE);
		assert_true(h.last_refused.about_cut);
		assert_int_equal(h.last_refused.in_force, 2);
		assert_true(h.last_refused.why.n > 0);
		assert_int_equal(b.kernel.n, 1);
		bed_tell(&b, 2, 4, hosts + 2, 1);
		assert_int_equal(bed_hear(&b).last_enforced.generation, 4);
		close_bed(&b);
	}
}

static void what_the_backend_is_not_there_for_is_refused_with_its_reason(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	size_t changes = b.kernel.changes;
	b.kernel.cannot = "routes have no direction";
	bed_tell(&b, 1, 2, hosts, 1);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.refused, 1);
	assert_string_equal(h.refused_why, "routes have no direction");
	assert_int_equal(b.kernel.changes, changes);
	/* the next one is asked again */
	b.kernel.cannot = NULL;
	bed_tell(&b, 1, 3, hosts, 1);
	assert_int_equal(bed_hear(&b).enforced, 1);
	close_bed(&b);
}

static void a_newer_generation_takes_the_place_of_one_that_waits(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	b.kernel.change_error = -EAGAIN;
	b.kernel.change_fails = 1;
	bed_tell(&b, 1, 2, hosts, 2);
	/* it was told as the difference to what never came to be */
	bed_tell(&b, 2, 3, hosts + 2, 1);
	assert_int_equal(bed_hear(&b).resyncs, 1);
	enforcer_retry(&b.enforcer, loop_now() + 5 * NS_PER_S);
	assert_int_equal(b.kernel.n, 0);
	bed_tell(&b, 0, 3, hosts, 3);
	assert_int_equal(bed_hear(&b).last_enforced.cuts, 3);
	close_bed(&b);
}

static void an_engine_that_dies_takes_what_waits_with_it_and_no_more(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 1);
	b.kernel.change_error = -EAGAIN;
	b.kernel.change_fails = 1;
	bed_tell(&b, 2, 3, hosts + 1, 1);
	channel_free(b.engine);
	b.engine = NULL;
	bed_turn(&b);
	assert_null(b.enforcer.engine.channel);
	enforcer_retry(&b.enforcer, loop_now() + 5 * NS_PER_S);
	assert_int_equal(b.kernel.n, 1);
	bed_connect(&b, met);
	bed_tell(&b, 2, 4, hosts + 2, 1);
	assert_int_equal(bed_hear(&b).last_enforced.cuts, 2);
	close_bed(&b);
}

static void what_somebody_took_away_is_put_back_and_told(void **state)
{
	struct bed b;
	struct cut foreign = bed_cut(3, 3);
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 3);
	(void)bed_hear(&b);
	fake_kernel_take(&b.kernel, &(struct cut){.from = bed_cut(1, 1).from});
	fake_kernel_put(&b.kernel, &foreign, loop_now() + 60 * NS_PER_S, false);
	fake_kernel_find(&b.kernel, &(struct cut){.from = bed_cut(1, 2).from})->until += 30 * NS_PER_S;
	enforcer_read_soon(&b.enforcer, 0);
	enforcer_read(&b.enforcer, loop_now());
	struct heard h = bed_hear(&b);
	assert_int_equal(h.drifts, 1);
	assert_int_equal(h.last_drift.missing, 1);
	assert_int_equal(h.last_drift.foreign, 1);
	assert_int_equal(h.last_drift.wrong, 1);
	assert_true(h.last_drift.repaired);
	assert_int_equal(b.kernel.n, 3);
	assert_null(fake_kernel_find(&b.kernel, &foreign));
	/* the whole table gone, and the first repair fails: it is said, and tried again */
	fake_kernel_flush(&b.kernel);
	b.kernel.repair_error = -EBUSY;
	b.kernel.repair_fails = 1;
	enforcer_read_soon(&b.enforcer, 0);
	enforcer_read(&b.enforcer, loop_now());
	h = bed_hear(&b);
	assert_int_equal(h.drifts, 1);
	assert_false(h.last_drift.repaired);
	assert_true(h.last_drift.why.n > 0);
	assert_int_equal(b.kernel.n, 0);
	enforcer_read(&b.enforcer, loop_now() + 2 * NS_PER_S);
	h = bed_hear(&b);
	assert_true(h.last_drift.repaired);
	assert_int_equal(b.kernel.n, 3);
	assert_false(b.kernel.flushed);
	close_bed(&b);
}

static void what_cant_be_read_is_not_taken_for_empty(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 3);
	(void)bed_hear(&b);
	size_t changes = b.kernel.changes;
	b.kernel.read_error = -EINTR;
	b.kernel.read_fails = 2;
	enforcer_read_soon(&b.enforcer, 0);
	enforcer_read(&b.enforcer, loop_now());
	say_state(&b.enforcer, loop_now() + NS_PER_S);
	struct heard h = bed_hear(&b);
	assert_false(h.last_state.ready);
	assert_int_equal(h.drifts, 0);
	assert_int_equal(b.kernel.changes, changes);
	enforcer_read(&b.enforcer, loop_now() + 2 * NS_PER_S);
	enforcer_read(&b.enforcer, loop_now() + 4 * NS_PER_S);
	assert_int_equal(b.enforcer.why[0], '\0');
	close_bed(&b);
}

static void the_lease_is_renewed_while_the_engine_lives_and_not_longer(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	int64_t now = loop_now();
	/* who tells a generation lives */
	unsigned leases = (unsigned)b.kernel.leases;
	assert_true(leases > 0);
	/* it hasn't said so for long */
	b.enforcer.heard = now - 60 * NS_PER_S;
	b.enforcer.renew_at = now;
	renew(&b.enforcer, now + NS_PER_S);
	assert_int_equal(b.kernel.leases, leases);
	msg_live_encode(channel_out(b.engine), &(struct msg_live){.generation = 1});
	bed_turn(&b);
	now = loop_now();
	renew(&b.enforcer, now);
	assert_int_equal(b.kernel.leases, leases + 1);
	assert_true(b.kernel.lease_until == now + 30 * NS_PER_S);
	/* a third of it later, as it was heard of just within that */
	b.enforcer.heard = now + NS_PER_S;
	renew(&b.enforcer, now + 10 * NS_PER_S);
	assert_int_equal(b.kernel.leases, leases + 2);
	/* silence: not renewed, however often one looks */
	for (int i = 1; i < 10; i++)
		renew(&b.enforcer, now + (10 + i * 10) * NS_PER_S);
	assert_int_equal(b.kernel.leases, leases + 2);
	/* what the kernel won't do now is tried again in a second */
	b.kernel.lease_error = -EAGAIN;
	b.kernel.lease_fails = 1;
	b.enforcer.heard = now;
	b.enforcer.renew_at = now;
	renew(&b.enforcer, now);
	assert_true(b.enforcer.renew_at == now + NS_PER_S);
	assert_int_not_equal(b.enforcer.why[0], '\0');
	close_bed(&b);
}

static void garbage_ends_the_channel_and_no_cut(void **state)
{
	static const struct {
		uint16_t number;
		uint8_t n, bytes[8];
		bool ends;
	} rows[] = {
	    {MSG_DESIRED_BEGIN, 3, {1, 2, 3}, true},
	    {MSG_DESIRED_BEGIN, 0, {0}, true}, /* of generation 0: there is none */
	    {MSG_DESIRED_PUT, 0, {0}, false},  /* outside of a generation */
	    {MSG_DESIRED_COMMIT, 1, {9}, true},
	    {MSG_LIVE, 2, {0}, true},
	    {MSG_ENFORCED, 8, {0}, true}, /* not the engine's to say */
	    {MSG_FLOW, 8, {0}, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bed b;
		open_settled(&b);
		bed_tell(&b, 1, 2, hosts, 2);
		struct dynbuf raw = {0};
		dynbuf_le16(&raw, rows[i].number);
		dynbuf_le32(&raw, rows[i].n);
		dynbuf_append(&raw, rows[i].bytes, rows[i].n);
		assert_int_equal(send(channel_fd(b.engine), raw.p, raw.n, 0), raw.n);
		bed_turn(&b);
		dynbuf_free(&raw);
		assert_int_equal(b.enforcer.engine.channel == NULL, rows[i].ends);
		assert_int_equal(b.kernel.n, 2);
		close_bed(&b);
	}
}

static void counters_are_told_when_they_changed(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	bed_tell(&b, 1, 2, hosts, 3);
	(void)bed_hear(&b);
	fake_kernel_find(&b.kernel, &(struct cut){.from = bed_cut(1, 2).from})->packets = 17;
	fake_kernel_find(&b.kernel, &(struct cut){.from = bed_cut(1, 3).from})->packets = UINT64_MAX;
	for (int i = 0; i < 3; i++) {
		enforcer_read_soon(&b.enforcer, 0);
		enforcer_read(&b.enforcer, loop_now());
	}
	struct heard h = bed_hear(&b);
	assert_int_equal(h.counted, 1);
	assert_int_equal(h.last_counted.packets, 17);
	close_bed(&b);
}

static void guardrails_change_when_the_configuration_counts_and_not_before(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	reload(&b, bed_stricter, false);
	bed_tell(&b, 1, 2, hosts, 1);
	assert_int_equal(bed_hear(&b).enforced, 1);
	reload(&b, bed_stricter, true);
	bed_tell(&b, 0, 3, hosts, 2);
	assert_int_equal(bed_hear(&b).last_refused.rule, GUARDRAIL_NEVER_CUT);
	close_bed(&b);
}

static void a_generation_that_waits_at_a_reload_is_asked_for_again(void **state)
{
	struct bed b;
	(void)state;
	open_settled(&b);
	b.kernel.change_error = -EAGAIN;
	b.kernel.change_fails = 1;
	bed_tell(&b, 1, 2, hosts, 2);
	reload(&b, bed_yaml, true);
	assert_int_equal(bed_hear(&b).resyncs, 1);
	enforcer_retry(&b.enforcer, loop_now() + 5 * NS_PER_S);
	assert_int_equal(b.kernel.n, 0);
	bed_tell(&b, 0, 2, hosts, 2);
	assert_int_equal(bed_hear(&b).last_enforced.cuts, 2);
	/* one that was being told, too */
	bed_begin(&b, 2, 3);
	bed_put(&b, bed_cut(1, 3), loop_now() + 60 * NS_PER_S, false);
	bed_turn(&b);
	reload(&b, bed_yaml, true);
	bed_put(&b, bed_cut(1, 4), loop_now() + 60 * NS_PER_S, false);
	bed_commit(&b, 3);
	struct heard h = bed_hear(&b);
	assert_int_equal(h.resyncs, 1);
	assert_int_equal(h.refused + h.enforced, 0);
	assert_int_equal(b.kernel.n, 2);
	close_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_generation_stands_in_the_kernel_when_it_is_said_to),
	    cmocka_unit_test(connections_end_of_all_cuts_that_came_together_and_still_stand),
	    cmocka_unit_test(nothing_is_said_to_be_in_force_before_the_kernel_was_read),
	    cmocka_unit_test(before_the_engine_said_what_it_wants_nothing_is_taken_away),
	    cmocka_unit_test(each_guardrail_refuses_the_whole_and_is_named),
	    cmocka_unit_test(a_cut_may_hold_what_its_backend_lets_pass),
	    cmocka_unit_test(what_the_engine_spares_is_not_cut_where_it_would_not_pass),
	    cmocka_unit_test(as_many_cuts_as_allowed_and_not_one_more),
	    cmocka_unit_test(orders_beyond_the_pace_are_refused_until_a_minute_is_over),
	    cmocka_unit_test(what_was_not_begun_does_nothing),
	    cmocka_unit_test(a_difference_to_something_else_asks_for_the_whole),
	    cmocka_unit_test(a_transient_error_is_tried_again_and_said),
	    cmocka_unit_test(what_the_kernel_refuses_for_good_leaves_the_one_before),
	    cmocka_unit_test(what_the_backend_is_not_there_for_is_refused_with_its_reason),
	    cmocka_unit_test(a_newer_generation_takes_the_place_of_one_that_waits),
	    cmocka_unit_test(an_engine_that_dies_takes_what_waits_with_it_and_no_more),
	    cmocka_unit_test(what_somebody_took_away_is_put_back_and_told),
	    cmocka_unit_test(what_cant_be_read_is_not_taken_for_empty),
	    cmocka_unit_test(the_lease_is_renewed_while_the_engine_lives_and_not_longer),
	    cmocka_unit_test(garbage_ends_the_channel_and_no_cut),
	    cmocka_unit_test(counters_are_told_when_they_changed),
	    cmocka_unit_test(guardrails_change_when_the_configuration_counts_and_not_before),
	    cmocka_unit_test(a_generation_that_waits_at_a_reload_is_asked_for_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
