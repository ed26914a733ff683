/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A channel as a source of the loop: order, stopping and going on, ends in the midst of anything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/peer.h"
#include "msg/process.h"

/* The engine's end of a channel to an enforcer is the peer; the enforcer's is the test's. */
struct bed {
	struct loop *loop;
	struct peers peers;
	struct peer peer, other;
	struct channel *far;
	unsigned messages, gone;
	int gone_error;
	uint64_t last;
	enum { KEEP, CLOSE, REPLACE, STOP, REFUSE } act;
	struct channel *next; /* for REPLACE */
};

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct bed *b = context;
	struct msg_resync m;
	assert_int_equal(number, MSG_RESYNC);
	assert_int_equal(msg_resync_decode(bytes.p, bytes.n, NULL, &m), 0);
	assert_int_equal(m.in_force, b->last + 1);
	b->last = m.in_force;
	b->messages++;
	switch (b->act) {
	case KEEP: break;
	case CLOSE: peer_close(&b->peer); break;
	case REPLACE:
		assert_int_equal(peer_open(&b->peer, &b->peers, b->next), 0);
		b->act = KEEP;
		break;
	case STOP: peer_pause(&b->peer, true); break;
	case REFUSE: return -EINVAL;
	}
	return 0;
}

static void on_gone(void *context, int error)
{
	struct bed *b = context;
	b->gone++;
	b->gone_error = error;
}

static struct channel *pair(struct channel **ret_far)
{
	struct channel *c;
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(channel_new(&c, fd[0], CHANNEL_ENFORCER_TO_ENGINE, CHANNEL_ENGINE_TO_ENFORCER), 0);
	assert_int_equal(
	    channel_new(ret_far, fd[1], CHANNEL_ENGINE_TO_ENFORCER, CHANNEL_ENFORCER_TO_ENGINE), 0);
	return c;
}

static void open_bed(struct bed *b)
{
	*b = (struct bed){.act = KEEP};
	assert_int_equal(loop_new(&b->loop), 0);
	b->peers.loop = b->loop;
	b->peer.message = on_message;
	b->peer.gone = on_gone;
	b->peer.context = b;
	assert_int_equal(peer_open(&b->peer, &b->peers, pair(&b->far)), 0);
}

static void close_bed(struct bed *b)
{
	peer_close(&b->peer);
	peer_close(&b->other);
	channel_free(b->far);
	loop_free(b->loop);
}

static void say(struct bed *b, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		assert_int_equal(
		    msg_resync_encode(channel_out(b->far), &(struct msg_resync){.in_force = i}), 0);
	assert_true(channel_flush(b->far) >= 0);
}

static void turn(struct bed *b)
{
	peers_flush(&b->peers);
	assert_int_equal(loop_wait(b->loop, loop_now()), 0);
}

static void messages_come_in_order_and_what_is_said_goes_out_at_the_turns_end(void **state)
{
	struct bed b;
	uint16_t number;
	struct text bytes;
	(void)state;
	open_bed(&b);
	say(&b, 1, 100);
	turn(&b);
	assert_int_equal(b.messages, 100);
	msg_live_encode(peer_out(&b.peer), &(struct msg_live){.generation = 5});
	assert_int_equal(channel_read(b.far), 0);
	turn(&b);
	assert_int_equal(channel_read(b.far), 1);
	assert_int_equal(channel_next(b.far, &number, &bytes, NULL), 1);
	assert_int_equal(number, MSG_LIVE);
	close_bed(&b);
}

static void while_it_is_stopped_nothing_more_is_read(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	peer_pause(&b.peer, true);
	say(&b, 1, 10);
	turn(&b);
	assert_int_equal(b.messages, 0);
	peer_pause(&b.peer, false);
	turn(&b);
	assert_int_equal(b.messages, 10);
	/* from within a message: what was read already is still given, more is not read */
	b.act = STOP;
	say(&b, 11, 20);
	turn(&b);
	assert_int_equal(b.messages, 20);
	say(&b, 21, 30);
	turn(&b);
	turn(&b);
	assert_int_equal(b.messages, 20);
	b.act = KEEP;
	peer_pause(&b.peer, false);
	turn(&b);
	assert_int_equal(b.messages, 30);
	close_bed(&b);
}

static void a_far_end_that_reads_nothing_is_waited_for(void **state)
{
	enum { N = 100000 };
	struct bed b;
	uint16_t number;
	struct text bytes;
	uint64_t got = 0;
	(void)state;
	open_bed(&b);
	for (uint64_t i = 1; i <= N; i++)
		assert_int_equal(msg_live_encode(peer_out(&b.peer), &(struct msg_live){.generation = i}), 0);
	turn(&b);
	turn(&b);
	assert_true(channel_waiting(b.peer.channel) > 0);
	/* it waits for room, and doesn't spin */
	for (int r = 1; r > 0 || channel_waiting(b.peer.channel);) {
		r = channel_read(b.far);
		assert_true(r >= 0);
		while (channel_next(b.far, &number, &bytes, NULL) > 0) {
			struct msg_live m;
			assert_int_equal(msg_live_decode(bytes.p, bytes.n, NULL, &m), 0);
			assert_int_equal(m.generation, ++got);
		}
		turn(&b);
	}
	assert_int_equal(got, N);
	assert_false(b.peer.source.events & 4u /* EPOLLOUT */);
	close_bed(&b);
}

static void what_came_before_the_end_is_given_first(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	say(&b, 1, 50);
	channel_free(b.far);
	b.far = NULL;
	turn(&b);
	turn(&b);
	assert_int_equal(b.messages, 50);
	assert_int_equal(b.gone, 1);
	assert_int_equal(b.gone_error, -EPIPE);
	assert_null(b.peer.channel);
	assert_null(peer_out(&b.peer));
	/* all of these do nothing now */
	peer_flush(&b.peer);
	peer_pause(&b.peer, true);
	peer_close(&b.peer);
	turn(&b);
	assert_int_equal(b.gone, 1);
	close_bed(&b);
}

static void an_end_is_noticed_while_it_is_stopped(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	peer_pause(&b.peer, true);
	channel_free(b.far);
	b.far = NULL;
	turn(&b);
	assert_int_equal(b.gone, 1);
	assert_null(b.peer.channel);
	close_bed(&b);
}

static void writing_to_whom_is_gone_is_its_end(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	channel_free(b.far);
	b.far = NULL;
	msg_live_encode(peer_out(&b.peer), &(struct msg_live){.generation = 1});
	peers_flush(&b.peers);
	assert_int_equal(b.gone, 1);
	assert_int_equal(b.gone_error, -EPIPE);
	close_bed(&b);
}

static void garbage_is_the_end(void **state)
{
	static const uint8_t bad[][8] = {
	    {0xff, 0xff, 0, 0, 0, 0},             /* no such message */
	    {MSG_LIVE, 0, 0, 0, 0, 0},            /* one that the other side may not say */
	    {MSG_RESYNC, 0, 0xff, 0xff, 0xff, 1}, /* longer than any */
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bed b;
		open_bed(&b);
		say(&b, 1, 3);
		assert_int_equal(send(channel_fd(b.far), bad[i], 6, 0), 6);
		turn(&b);
		assert_int_equal(b.messages, 3);
		assert_int_equal(b.gone, 1);
		assert_int_equal(b.gone_error, -EPROTO);
		close_bed(&b);
	}
}

static void what_the_owner_takes_for_nonsense_is_the_end(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b);
	b.act = REFUSE;
	say(&b, 1, 3);
	turn(&b);
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.gone_error, -EINVAL);
	close_bed(&b);
}

static void it_may_be_closed_and_opened_from_within_a_message(void **state)
{
	struct bed b;
	struct channel *far;
	(void)state;
	open_bed(&b);
	b.act = CLOSE;
	say(&b, 1, 3);
	turn(&b);
	/* who closes it himself isn't told that it is gone */
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.gone, 0);
	assert_null(b.peer.channel);
	close_bed(&b);

	open_bed(&b);
	b.act = REPLACE;
	b.next = pair(&far);
	say(&b, 1, 3);
	turn(&b);
	assert_int_equal(b.messages, 1);
	/* the rest of the old one is gone with it; the new one is heard */
	channel_free(b.far);
	b.far = far;
	say(&b, 2, 4);
	turn(&b);
	assert_int_equal(b.messages, 4);
	assert_int_equal(b.gone, 0);
	close_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_come_in_order_and_what_is_said_goes_out_at_the_turns_end),
	    cmocka_unit_test(while_it_is_stopped_nothing_more_is_read),
	    cmocka_unit_test(a_far_end_that_reads_nothing_is_waited_for),
	    cmocka_unit_test(what_came_before_the_end_is_given_first),
	    cmocka_unit_test(an_end_is_noticed_while_it_is_stopped),
	    cmocka_unit_test(writing_to_whom_is_gone_is_its_end),
	    cmocka_unit_test(garbage_is_the_end),
	    cmocka_unit_test(what_the_owner_takes_for_nonsense_is_the_end),
	    cmocka_unit_test(it_may_be_closed_and_opened_from_within_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
