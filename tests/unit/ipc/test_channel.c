/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Channels: messages arrive whole and in order, descriptors with their own message, nothing that may not be
 * said. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/err.h"
#include "ipc/channel.h"
#include "msg/process.h"

struct pair {
	struct channel *parent, *child;
};

static void open_pair(struct pair *p)
{
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(channel_new(&p->parent, fd[0], CHANNEL_CHILD_TO_PARENT, CHANNEL_PARENT_TO_CHILD), 0);
	assert_int_equal(channel_new(&p->child, fd[1], CHANNEL_PARENT_TO_CHILD, CHANNEL_CHILD_TO_PARENT), 0);
}

static void close_pair(struct pair *p)
{
	channel_free(p->parent);
	channel_free(p->child);
}

/* The next message, reading as often as it takes. */
static int next(struct channel *c, uint16_t *ret_number, struct text *ret_bytes, int *ret_fd)
{
	int r;
	while ((r = channel_next(c, ret_number, ret_bytes, ret_fd)) == 0) {
		r = channel_read(c);
		if (r <= 0)
			return r;
	}
	return r;
}

static void more_than_the_socket_holds_arrives_whole_and_in_order(void **state)
{
	enum { N = 200000 };
	struct pair p;
	uint16_t number;
	struct text bytes;
	uint64_t expected = 0;
	(void)state;
	open_pair(&p);
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(
		    msg_swap_encode(channel_out(p.parent), &(struct msg_swap){.generation = i}), 0);
	assert_int_equal(channel_flush(p.parent), 1);
	while (expected < N) {
		int r = next(p.child, &number, &bytes, NULL);
		struct msg_swap m;
		if (r == 0) {
			assert_true(channel_flush(p.parent) >= 0);
			continue;
		}
		assert_int_equal(r, 1);
		assert_int_equal(number, MSG_SWAP);
		assert_int_equal(msg_swap_decode(bytes.p, bytes.n, NULL, &m), 0);
		assert_int_equal(m.generation, expected++);
	}
	assert_int_equal(channel_flush(p.parent), 0);
	assert_int_equal(channel_waiting(p.parent), 0);
	close_pair(&p);
}

static void hand(struct channel *c, uint16_t index, int fd)
{
	struct msg_handed m = {.what = MSG_HANDED_FEED, .index = index, .name = TEXT("a file")};
	assert_int_equal(channel_attach(c, fd), 0);
	assert_int_equal(msg_handed_encode(channel_out(c), &m), 0);
}

static void descriptors_come_with_their_own_message(void **state)
{
	enum { N = 9 };
	struct pair p;
	int pipes[N][2];
	uint16_t number;
	struct text bytes;
	(void)state;
	open_pair(&p);
	for (uint16_t i = 0; i < N; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], &i, sizeof(i)), sizeof(i));
		assert_int_equal(msg_stop_encode(channel_out(p.parent), &(struct msg_stop){.reason = 1}), 0);
		hand(p.parent, i, pipes[i][0]);
	}
	assert_int_equal(channel_flush(p.parent), 0);
	for (uint16_t i = 0; i < N; i++) {
		struct arena arena = {0};
		struct msg_handed m;
		uint16_t written;
		int fd;
		assert_int_equal(next(p.child, &number, &bytes, &fd), 1);
		assert_int_equal(number, MSG_STOP);
		assert_int_equal(fd, -1);
		assert_int_equal(next(p.child, &number, &bytes, &fd), 1);
		assert_int_equal(number, MSG_HANDED);
		assert_int_equal(msg_handed_decode(bytes.p, bytes.n, &arena, &m), 0);
		assert_int_equal(m.index, i);
		assert_int_equal(read(fd, &written, sizeof(written)), sizeof(written));
		assert_int_equal(written, i);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
		close(pipes[i][0]);
		close(pipes[i][1]);
		arena_free(&arena);
	}
	close_pair(&p);
}

static void what_may_not_be_said_ends_the_channel(void **state)
{
	struct pair p;
	uint16_t number;
	struct text bytes;
	struct dynbuf b = {0};
	(void)state;
	open_pair(&p);
	/* our own side refuses to say it ... */
	assert_int_equal(msg_flow_encode(channel_out(p.child), &(struct msg_flow){.id = 1}), 0);
	assert_int_equal(channel_flush(p.child), -EPROTO);
	/* ... and the other to hear it */
	assert_int_equal(msg_flow_encode(&b, &(struct msg_flow){.id = 1}), 0);
	assert_int_equal(send(channel_fd(p.child), b.p, b.n, 0), b.n);
	assert_int_equal(next(p.parent, &number, &bytes, NULL), -EPROTO);
	dynbuf_free(&b);
	close_pair(&p);
}

static void a_length_beyond_the_bound_ends_the_channel(void **state)
{
	struct pair p;
	uint8_t head[MSG_HEADER_SIZE];
	uint16_t number;
	struct text bytes;
	(void)state;
	open_pair(&p);
	store_le16(head, MSG_ALIVE);
	store_le32(head + 2, MSG_RECORD_MAX);
	assert_int_equal(send(channel_fd(p.child), head, sizeof(head), 0), sizeof(head));
	assert_int_equal(next(p.parent, &number, &bytes, NULL), -EPROTO);
	close_pair(&p);
}

static void a_descriptor_that_is_missing_ends_the_channel(void **state)
{
	struct pair p;
	uint16_t number;
	struct text bytes;
	int fd;
	(void)state;
	open_pair(&p);
	assert_int_equal(
	    msg_handed_encode(channel_out(p.parent), &(struct msg_handed){.what = MSG_HANDED_SITE}), 0);
	assert_int_equal(channel_flush(p.parent), 0);
	assert_int_equal(next(p.child, &number, &bytes, &fd), -EPROTO);
	close_pair(&p);
}

static void what_nobody_takes_is_bounded(void **state)
{
	struct pair p;
	int r = 0;
	(void)state;
	open_pair(&p);
	while (r == 0) {
		r = msg_swap_encode(channel_out(p.parent), &(struct msg_swap){0});
		assert_true(channel_out(p.parent)->n <= CHANNEL_OUT_MAX);
	}
	assert_int_equal(r, -ERR_LIMIT);
	assert_int_equal(channel_flush(p.parent), 1); /* what stood there is whole, and goes on */
	close_pair(&p);
}

static void the_other_ends_death_is_seen(void **state)
{
	struct pair p;
	uint16_t number;
	struct text bytes;
	(void)state;
	open_pair(&p);
	channel_free(p.child);
	assert_int_equal(next(p.parent, &number, &bytes, NULL), -EPIPE);
	assert_int_equal(msg_swap_encode(channel_out(p.parent), &(struct msg_swap){0}), 0);
	assert_int_equal(channel_flush(p.parent), -EPIPE);
	channel_free(p.parent);
}

static void every_pair_of_processes_has_its_own_way_or_none(void **state)
{
	(void)state;
	for (unsigned from = 0; from < MSG_PROCESS_COUNT; from++)
		for (unsigned to = 0; to < MSG_PROCESS_COUNT; to++) {
			enum channel_way way = channel_way_of(from, to);
			/* only the engine and the parent speak with others */
			bool speaks = from != to &&
			              (from <= MSG_PROCESS_PARENT || to <= MSG_PROCESS_PARENT ||
			                  from == MSG_PROCESS_ENGINE || to == MSG_PROCESS_ENGINE);
			bool link = from == MSG_PROCESS_LINK || to == MSG_PROCESS_LINK;
			if (!speaks || (link && from && to))
				assert_int_equal(way, CHANNEL_WAYS);
			else
				assert_int_not_equal(way, CHANNEL_WAYS);
		}
	/* the engine can't say to an archivist what only the parent may, nor a sensor what only an engine may
	 */
	assert_false(channel_way_allows(CHANNEL_ENGINE_TO_ARCHIVIST, MSG_HANDED));
	assert_false(channel_way_allows(CHANNEL_SENSOR_TO_ENGINE, MSG_DETECTION));
	assert_false(channel_way_allows(CHANNEL_CLIENT_TO_GATEWAY, MSG_DESIRED_PUT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(more_than_the_socket_holds_arrives_whole_and_in_order),
	    cmocka_unit_test(descriptors_come_with_their_own_message),
	    cmocka_unit_test(what_may_not_be_said_ends_the_channel),
	    cmocka_unit_test(a_length_beyond_the_bound_ends_the_channel),
	    cmocka_unit_test(a_descriptor_that_is_missing_ends_the_channel),
	    cmocka_unit_test(what_nobody_takes_is_bounded),
	    cmocka_unit_test(the_other_ends_death_is_seen),
	    cmocka_unit_test(every_pair_of_processes_has_its_own_way_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
