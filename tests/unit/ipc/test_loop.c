/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The loop: what is ready is called, what was removed is not, even while others are being called. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/epoll.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "ipc/loop.h"

struct pipe_source {
	struct loop_source source;
	struct loop *loop;
	struct pipe_source *removes; /* when it is called */
	int other, calls;
};

static void ready(void *context, uint32_t events)
{
	struct pipe_source *p = context;
	assert_true(events & EPOLLIN);
	p->calls++;
	if (p->removes)
		loop_remove(p->loop, &p->removes->source);
}

static void open_source(struct pipe_source *p, struct loop *l)
{
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	*p = (struct pipe_source){
	    .source = {.fd = fd[0], .ready = ready, .context = p}, .loop = l, .other = fd[1]};
	assert_int_equal(loop_add(l, &p->source, EPOLLIN), 0);
}

static void close_source(struct pipe_source *p)
{
	close(p->source.fd);
	close(p->other);
}

static void a_source_removed_by_another_is_not_called(void **state)
{
	struct loop *l;
	struct pipe_source a, b;
	(void)state;
	assert_int_equal(loop_new(&l), 0);
	open_source(&a, l);
	open_source(&b, l);
	a.removes = &b;
	b.removes = &a;
	assert_int_equal(write(a.other, "x", 1), 1);
	assert_int_equal(write(b.other, "x", 1), 1);
	assert_int_equal(loop_wait(l, INT64_MAX), 0);
	assert_int_equal(a.calls + b.calls, 1);
	close_source(&a);
	close_source(&b);
	loop_free(l);
}

static void a_source_that_waits_for_nothing_is_not_called(void **state)
{
	struct loop *l;
	struct pipe_source a;
	(void)state;
	assert_int_equal(loop_new(&l), 0);
	open_source(&a, l);
	assert_int_equal(write(a.other, "x", 1), 1);
	assert_int_equal(loop_change(l, &a.source, 0), 0);
	assert_int_equal(loop_wait(l, loop_now()), 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(loop_change(l, &a.source, EPOLLIN), 0);
	assert_int_equal(loop_wait(l, loop_now() + NS_PER_S), 0);
	assert_int_equal(a.calls, 1);
	close_source(&a);
	loop_free(l);
}

static void a_deadline_is_kept_and_never_early(void **state)
{
	struct loop *l;
	(void)state;
	assert_int_equal(loop_new(&l), 0);
	int64_t deadline = loop_now() + 3 * NS_PER_S / 1000;
	assert_int_equal(loop_wait(l, deadline), 0);
	assert_true(loop_now() >= deadline);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_source_removed_by_another_is_not_called),
	    cmocka_unit_test(a_source_that_waits_for_nothing_is_not_called),
	    cmocka_unit_test(a_deadline_is_kept_and_never_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
