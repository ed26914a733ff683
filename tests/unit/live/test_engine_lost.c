/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flows whose records don't reach the archive: the archive says how many packets they had, and of when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "live/engine.h"

static const char yaml[] =
    "version: 1\n"
    "links: [{name: in, capture: x, place: tap}, {name: out, capture: y, place: tap}]\n";

struct bed {
	struct process process;
	struct engine *engine;
	struct channel *archivist;
};

static void no_line(void *context, const char *line)
{
	(void)context;
	fail_msg("%s", line);
}

static int nothing(void *context, uint16_t number, struct text bytes)
{
	(void)context;
	(void)number;
	(void)bytes;
	return 0;
}

static void connect_archivist(struct bed *b)
{
	struct channel *c;
	int fd[2];
	channel_free(b->archivist);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(
	    channel_new(&b->archivist, fd[0], CHANNEL_ENGINE_TO_ARCHIVIST, CHANNEL_ARCHIVIST_TO_ENGINE), 0);
	assert_int_equal(channel_new(&c, fd[1], CHANNEL_ARCHIVIST_TO_ENGINE, CHANNEL_ENGINE_TO_ARCHIVIST), 0);
	b->engine->archivist.message = nothing;
	assert_int_equal(peer_open(&b->engine->archivist, &b->process.peers, c), 0);
}

static void open_bed(struct bed *b)
{
	*b = (struct bed){.process = {.ids = 1000, .ids_left = 1000, .running = true}};
	assert_int_equal(loop_new(&b->process.loop), 0);
	b->process.peers.loop = b->process.loop;
	assert_int_equal(daemon_conf_parse(&b->process.conf, "t", text_of(yaml), NULL, no_line, NULL), 0);
	b->engine = calloc(1, sizeof(*b->engine));
	assert_non_null(b->engine);
	b->engine->process = &b->process;
}

static void close_bed(struct bed *b)
{
	peer_close(&b->engine->archivist);
	channel_free(b->archivist);
	free(b->engine);
	loop_free(b->process.loop);
	daemon_conf_free(b->process.conf);
}

static void give_flow(struct bed *b, uint16_t link, uint64_t packets, int64_t first, int64_t last)
{
	struct dynbuf bytes = {0};
	struct msg_flow f = {.id = 1, .vantage = link, .packets_out = packets, .first = first, .last = last};
	assert_int_equal(msg_flow_encode(&bytes, &f), 0);
	engine_archive_flow(b->engine, &f, dynbuf_view(&bytes));
	dynbuf_free(&bytes);
}

static void acknowledge(struct bed *b, uint64_t sequence)
{
	b->engine->durable = sequence;
	engine_lost_acknowledged(b->engine);
}

static void lose_archivist(struct bed *b)
{
	peer_close(&b->engine->archivist);
	engine_lost_archivist(b->engine);
	b->engine->sent = b->engine->durable;
}

/* The coverage records that are told now, as "NAME DROPPED FROM-TO; ...". */
static void expect(struct bed *b, const char *records)
{
	char got[512] = "";
	struct arena arena = {0};
	uint16_t number;
	struct text bytes;
	engine_lost_tell(b->engine);
	peers_flush(&b->process.peers);
	loop_wait(b->process.loop, loop_now());
	while (b->archivist && channel_read(b->archivist) > 0)
		while (channel_next(b->archivist, &number, &bytes, NULL) > 0) {
			struct msg_coverage m;
			if (number != MSG_COVERAGE)
				continue;
			assert_int_equal(msg_coverage_decode(bytes.p, bytes.n, &arena, &m), 0);
			size_t n = strlen(got);
			snprintf(got + n, sizeof(got) - n, "%s%.*s %d %d-%d", n ? "; " : "", (int)m.name.n,
			    m.name.p, (int)m.dropped, (int)m.from, (int)m.to);
			assert_true(m.why.n > 0 && m.id > 0 && m.packets == 0);
		}
	arena_free(&arena);
	assert_string_equal(got, records);
}

static void what_found_no_archivist_is_told_to_the_next(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	give_flow(&b, 0, 10, 100, 200);
	give_flow(&b, 0, 5, 90, 95);
	give_flow(&b, 1, 7, 300, 400);
	give_flow(&b, 77, 1, 500, 500);
	assert_int_equal(b.engine->counts.unarchived, 4);
	expect(&b, "");
	connect_archivist(&b);
	expect(&b, "in 15 90-200; out 7 300-400;  1 500-500");
	expect(&b, "");
	close_bed(&b);
}

static void what_was_acknowledged_is_not_lost_with_an_archivist(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	connect_archivist(&b);
	give_flow(&b, 0, 10, 100, 200);
	acknowledge(&b, 1);
	give_flow(&b, 0, 20, 300, 400);
	acknowledge(&b, 2);
	lose_archivist(&b);
	connect_archivist(&b);
	expect(&b, "");
	close_bed(&b);
}

static void what_was_on_its_way_is_lost_with_the_archivist_and_told_until_it_is_durable(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	connect_archivist(&b);
	give_flow(&b, 0, 10, 100, 200);
	acknowledge(&b, 0);
	give_flow(&b, 1, 20, 300, 400);
	lose_archivist(&b);
	connect_archivist(&b);
	expect(&b, "in 10 100-200; out 20 300-400");
	/* this one dies before it has written that */
	lose_archivist(&b);
	connect_archivist(&b);
	expect(&b, "in 10 100-200; out 20 300-400");
	acknowledge(&b, b.engine->sent);
	lose_archivist(&b);
	connect_archivist(&b);
	expect(&b, "");
	close_bed(&b);
}

static void never_less_is_told_than_was_lost(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	connect_archivist(&b);
	/* acknowledged by halves: what was is told as well, rather than what wasn't is not */
	for (int i = 0; i < 10; i++)
		give_flow(&b, 0, 1, i + 1, i + 1);
	acknowledge(&b, 0);
	acknowledge(&b, 5);
	give_flow(&b, 0, 1, 11, 11);
	lose_archivist(&b);
	connect_archivist(&b);
	expect(&b, "in 11 1-11");
	close_bed(&b);
}

static void it_is_told_once_there_is_room_for_it(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	connect_archivist(&b);
	uint64_t sent = 0;
	while (b.engine->counts.unarchived == 0) {
		give_flow(&b, 0, 1, 1, 2);
		sent++;
	}
	engine_lost_tell(b.engine);
	assert_int_equal(b.engine->sent, sent - 1);
	assert_true(b.engine->lost.any);
	b.engine->archive_failed = true;
	expect(&b, "");
	while (channel_waiting(b.engine->archivist.channel))
		expect(&b, "");
	b.engine->archive_failed = false;
	expect(&b, "in 1 1-2");
	close_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_found_no_archivist_is_told_to_the_next),
	    cmocka_unit_test(what_was_acknowledged_is_not_lost_with_an_archivist),
	    cmocka_unit_test(what_was_on_its_way_is_lost_with_the_archivist_and_told_until_it_is_durable),
	    cmocka_unit_test(never_less_is_told_than_was_lost),
	    cmocka_unit_test(it_is_told_once_there_is_room_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
