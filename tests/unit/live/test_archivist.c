/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The archivist between an engine and a disk: what is acknowledged, what is kept where the disk takes
 * nothing, and that nothing is acknowledged which isn't there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "ledger/ledger.h"
#include "live/archivist.h"

static const char yaml[] = "version: 1\nlinks: [{name: a, capture: x, place: tap}]\nsync: 1s\n";

struct bed {
	struct process process;
	struct archivist archivist;
	struct channel *engine;
	char folder[64];
	uint64_t sent; /* flows, whose ids count from 1 */
};

static int on_message(void *context, uint16_t number, struct text bytes)
{
	return archivist_keep(context, number, bytes);
}

static void on_gone(void *context, int error)
{
	(void)error;
	archivist_keep_forget(context);
}

static void no_line(void *context, const char *line)
{
	(void)context;
	fail_msg("%s", line);
}

/* As another engine. */
static void connect_engine(struct bed *b)
{
	struct archivist *a = &b->archivist;
	struct channel *c;
	int fd[2];
	channel_free(b->engine);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(
	    channel_new(&b->engine, fd[0], CHANNEL_ARCHIVIST_TO_ENGINE, CHANNEL_ENGINE_TO_ARCHIVIST), 0);
	assert_int_equal(channel_new(&c, fd[1], CHANNEL_ENGINE_TO_ARCHIVIST, CHANNEL_ARCHIVIST_TO_ENGINE), 0);
	archivist_keep_forget(a);
	a->engine.message = on_message;
	a->engine.gone = on_gone;
	a->engine.context = a;
	assert_int_equal(peer_open(&a->engine, &b->process.peers, c), 0);
	if (a->failing)
		peer_pause(&a->engine, true);
}

static void open_bed(struct bed *b)
{
	struct dynbuf why = {0};
	*b = (struct bed){.folder = "/tmp/bulkhead-keep-XXXXXX"};
	assert_non_null(mkdtemp(b->folder));
	assert_int_equal(loop_new(&b->process.loop), 0);
	b->process.peers.loop = b->process.loop;
	b->process.running = true;
	assert_int_equal(daemon_conf_parse(&b->process.conf, "t", text_of(yaml), NULL, no_line, NULL), 0);
	b->archivist = (struct archivist){.process = &b->process, .held = {.max = ARCHIVIST_HELD_MAX}};
	assert_int_equal(archivist_keep_open(&b->archivist, b->folder, &why), 0);
	archivist_keep_begin(&b->archivist, loop_now());
	connect_engine(b);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)s;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void close_bed(struct bed *b)
{
	struct archivist *a = &b->archivist;
	archivist_keep_close(a);
	peer_close(&a->engine);
	arena_free(&a->arena);
	dynbuf_free(&a->held);
	channel_free(b->engine);
	loop_free(b->process.loop);
	daemon_conf_free(b->process.conf);
	nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void turn(struct bed *b)
{
	for (int i = 0; i < 4; i++) {
		(void)channel_flush(b->engine);
		loop_wait(b->process.loop, loop_now());
		peers_flush(&b->process.peers);
	}
}

static void put_flows(struct bed *b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct msg_flow f = {.id = ++b->sent,
		    .protocol = 6,
		    .initiator = net_addr_v4((const uint8_t[]){10, 0, 0, 1}),
		    .responder = net_addr_v4((const uint8_t[]){10, 0, 0, 2}),
		    .first = NS_PER_S,
		    .last = 2 * NS_PER_S,
		    .end = FLOW_END_FIN};
		assert_int_equal(msg_flow_encode(channel_out(b->engine), &f), 0);
	}
}

static void send_flows(struct bed *b, uint64_t n)
{
	put_flows(b, n);
	turn(b);
}

static void put_act(struct bed *b, const char *what)
{
	struct msg_act m = {
	    .time = NS_PER_S, .order = 1, .what = text_of(what), .who = TEXT("root"), .why = TEXT("")};
	assert_int_equal(msg_act_encode(channel_out(b->engine), &m), 0);
}

static void send_act(struct bed *b, const char *what)
{
	put_act(b, what);
	turn(b);
}

/* The last receipt that came; zeros where none did. */
static struct msg_receipt receipt(struct bed *b)
{
	struct msg_receipt m = {0};
	struct arena arena = {0};
	uint16_t number;
	struct text bytes;
	peers_flush(&b->process.peers);
	while (channel_read(b->engine) > 0)
		while (channel_next(b->engine, &number, &bytes, NULL) > 0) {
			assert_int_equal(number, MSG_RECEIPT);
			assert_int_equal(msg_receipt_decode(bytes.p, bytes.n, &arena, &m), 0);
		}
	m.why = TEXT("");
	arena_free(&arena);
	return m;
}

/* No file may become larger than that: writes fail as on a full disk. */
static void limit(rlim_t bytes)
{
	struct rlimit l;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static int count_in_order(void *context, const struct msg_flow *f)
{
	uint64_t *n = context;
	assert_true(f->id == ++*n);
	return 0;
}

/* What a reader finds on disk: flows 1 to n, in order. */
static uint64_t on_disk(const struct bed *b)
{
	struct archive *a;
	uint64_t n = 0;
	assert_int_equal(archive_open(&a, b->folder, false), 0);
	assert_int_equal(archive_scan_flows(a, NULL, count_in_order, &n), 0);
	assert_int_equal(archive_close(a), 0);
	return n;
}

static void what_is_acknowledged_is_on_disk(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	send_flows(&b, 3);
	assert_int_equal(receipt(&b).sequence, 0);
	/* not before its time */
	archivist_keep_tick(&b.archivist, loop_now());
	assert_int_equal(receipt(&b).sequence, 0);
	archivist_keep_tick(&b.archivist, loop_now() + NS_PER_S);
	assert_int_equal(receipt(&b).sequence, 3);
	assert_int_equal(on_disk(&b), 3);
	/* nothing new: nothing to say */
	assert_true(b.archivist.sync_at == INT64_MAX);
	close_bed(&b);
}

static void a_full_disk_loses_nothing_and_keeps_the_order(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	send_flows(&b, 5);
	archivist_keep_tick(&b.archivist, loop_now() + NS_PER_S);
	assert_int_equal(receipt(&b).sequence, 5);
	limit(4096);
	/* enough that a frame has to be written while they come */
	send_flows(&b, 4000);
	int64_t now = loop_now() + 2 * NS_PER_S;
	for (int i = 0; i < 5; i++, now += 2 * NS_PER_S)
		archivist_keep_tick(&b.archivist, now);
	struct msg_receipt r = receipt(&b);
	assert_true(r.failed);
	assert_int_equal(r.sequence, 5);
	assert_true(b.archivist.engine.paused);
	assert_true(b.archivist.held.n <= ARCHIVIST_HELD_MAX);
	assert_int_equal(on_disk(&b), 5);
	send_flows(&b, 10);
	limit(RLIM_INFINITY);
	archivist_keep_tick(&b.archivist, now);
	archivist_keep_tick(&b.archivist, now + 2 * NS_PER_S);
	turn(&b);
	archivist_keep_tick(&b.archivist, loop_now() + 60 * NS_PER_S);
	assert_false(b.archivist.engine.paused);
	assert_int_equal(b.archivist.held.n, 0);
	r = receipt(&b);
	assert_false(r.failed);
	assert_int_equal(r.sequence, 4015);
	assert_int_equal(on_disk(&b), 4015);
	assert_int_equal(b.process.error, 0);
	close_bed(&b);
}

static void acts_wait_for_the_disk_like_records(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	send_act(&b, "approve");
	uint64_t before = ledger_entries(archive_ledger(b.archivist.archive));
	limit(1);
	put_act(&b, "confirm");
	put_flows(&b, 1);
	send_act(&b, "release");
	assert_true(b.archivist.failing);
	assert_int_equal(b.archivist.sequence, 1);
	assert_int_equal(ledger_entries(archive_ledger(b.archivist.archive)), before);
	limit(RLIM_INFINITY);
	int64_t now = loop_now() + 2 * NS_PER_S;
	archivist_keep_tick(&b.archivist, now);
	turn(&b);
	archivist_keep_tick(&b.archivist, now + 2 * NS_PER_S);
	assert_int_equal(receipt(&b).sequence, 4);
	struct ledger *l = archive_ledger(b.archivist.archive);
	struct ledger_entry e;
	uint64_t acts = 0;
	for (uint64_t i = 0; i < ledger_entries(l); i++)
		acts += ledger_entry_at(l, i, &e) == 0 && e.type == LEDGER_ACT;
	assert_int_equal(acts, 3);
	close_bed(&b);
}

static void what_a_dead_engine_sent_counts_not_for_the_next(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	limit(1);
	put_act(&b, "one");
	send_flows(&b, 2);
	assert_true(b.archivist.held.n > 0);
	connect_engine(&b);
	/* this one's records stay in the channel until those are gone */
	send_flows(&b, 1);
	limit(RLIM_INFINITY);
	int64_t now = loop_now() + 2 * NS_PER_S;
	archivist_keep_tick(&b.archivist, now);
	/* the three that were held are on disk now, and none of them is acknowledged to whom did not send
	 * them */
	assert_int_equal(receipt(&b).sequence, 0);
	assert_int_equal(on_disk(&b), 2);
	turn(&b);
	archivist_keep_tick(&b.archivist, loop_now() + NS_PER_S);
	assert_int_equal(receipt(&b).sequence, 1);
	assert_int_equal(on_disk(&b), 3);
	close_bed(&b);
}

static void a_record_that_makes_no_sense_is_passed_over_and_counted(void **state)
{
	struct bed b;
	struct dynbuf raw = {0};
	(void)state;
	open_bed(&b);
	send_flows(&b, 1);
	dynbuf_le16(&raw, MSG_FLOW);
	dynbuf_le32(&raw, 3);
	dynbuf_append(&raw, "\1\2\3", 3);
	dynbuf_text(channel_out(b.engine), dynbuf_view(&raw));
	send_flows(&b, 1);
	archivist_keep_tick(&b.archivist, loop_now() + NS_PER_S);
	assert_int_equal(receipt(&b).sequence, 3);
	assert_int_equal(on_disk(&b), 2);
	dynbuf_free(&raw);
	close_bed(&b);
}

static void an_archive_that_stays_broken_is_given_up(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	nftw(b.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	send_flows(&b, 1);
	int64_t now = loop_now() + NS_PER_S;
	archivist_keep_tick(&b.archivist, now);
	assert_true(receipt(&b).failed);
	archivist_keep_tick(&b.archivist, now + 29 * NS_PER_S);
	assert_int_equal(b.process.error, 0);
	archivist_keep_tick(&b.archivist, now + 31 * NS_PER_S);
	assert_int_equal(b.process.error, -ENOENT);
	assert_int_equal(receipt(&b).sequence, 0);
	close_bed(&b);
}

static void what_came_before_the_engines_end_is_written(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	send_flows(&b, 7);
	channel_free(b.engine);
	b.engine = NULL;
	for (int i = 0; i < 4; i++)
		loop_wait(b.process.loop, loop_now());
	assert_null(b.archivist.engine.channel);
	archivist_keep_close(&b.archivist);
	assert_int_equal(on_disk(&b), 7);
	close_bed(&b);
}

/* A file of one flow. */
static void seal(struct bed *b)
{
	send_flows(b, 1);
	assert_int_equal(archive_batch_begin(b->archivist.archive), 0);
	assert_int_equal(archive_batch_commit(b->archivist.archive), 0);
}

static uint64_t files(const struct bed *b)
{
	struct archive_stat s;
	archive_get_stat(b->archivist.archive, &s);
	return s.segments;
}

static void small_files_are_merged_when_they_are_four(void **state)
{
	struct bed b;
	int64_t now;
	(void)state;
	open_bed(&b);
	for (int i = 0; i < 3; i++)
		seal(&b);
	assert_int_equal(files(&b), 3);
	now = loop_now() + 600 * NS_PER_S;
	archivist_keep_tick(&b.archivist, now);
	assert_int_equal(files(&b), 3);
	seal(&b);
	archivist_keep_tick(&b.archivist, now + NS_PER_S);
	assert_int_equal(files(&b), 4);
	archivist_keep_tick(&b.archivist, now + 601 * NS_PER_S);
	assert_int_equal(files(&b), 1);
	/* soon again, as there may be more; then not for long */
	assert_true(b.archivist.merge_at < now + 611 * NS_PER_S);
	archivist_keep_tick(&b.archivist, now + 611 * NS_PER_S);
	assert_true(b.archivist.merge_at == now + 1211 * NS_PER_S);
	assert_int_equal(on_disk(&b), 4);
	close_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_acknowledged_is_on_disk),
	    cmocka_unit_test(a_full_disk_loses_nothing_and_keeps_the_order),
	    cmocka_unit_test(acts_wait_for_the_disk_like_records),
	    cmocka_unit_test(what_a_dead_engine_sent_counts_not_for_the_next),
	    cmocka_unit_test(a_record_that_makes_no_sense_is_passed_over_and_counted),
	    cmocka_unit_test(an_archive_that_stays_broken_is_given_up),
	    cmocka_unit_test(what_came_before_the_engines_end_is_written),
	    cmocka_unit_test(small_files_are_merged_when_they_are_four),
	};
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
