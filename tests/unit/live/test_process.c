/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What every child is, held against a parent that the test plays: preparing, swapping, giving up, ids. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/files.h"
#include "live/process.h"

static const char good[] = "version: 1\nlinks: [{name: a, capture: x, place: tap}]\n";
static const char other[] = "version: 1\nkeep: 30d\nlinks: [{name: a, capture: x, place: tap}]\n";
static const char bad[] = "version: 1\nlinks: 7\n";

/* The child: says in letters to a pipe what happens to it. */
struct child {
	struct process *process;
	int out;
	bool refuses;
};

static int child_out;

static void tell(const struct child *c, const char *what)
{
	if (write(c->out, what, strlen(what)) < 0)
		_exit(9);
}

static int child_handed(void *self, const struct msg_handed *h, int fd)
{
	struct child *c = self;
	tell(c, h->what == MSG_HANDED_KEY ? "k" : "?");
	/* a key that is handed makes it refuse what comes */
	c->refuses = true;
	close(fd);
	return 0;
}

static int child_prepare(void *self, const struct process_configuration *conf, struct dynbuf *why)
{
	struct child *c = self;
	tell(c, conf->conf->keep_ns ? "P" : "p");
	if (!c->refuses)
		return 0;
	dynbuf_printf(why, "not with me\n");
	c->refuses = false;
	return -EPERM;
}

static void child_swap(void *self)
{
	struct child *c = self;
	char text[64];
	snprintf(text, sizeof(text), "s%d", c->process->conf->keep_ns != 0);
	tell(c, text);
}

static void child_discard(void *self)
{
	tell(self, "d");
}

static void child_told(void *self, uint16_t number, struct text bytes)
{
	struct child *c = self;
	char text[64];
	(void)bytes;
	/* any message makes it draw an id */
	snprintf(text, sizeof(text), "%s%llx;", number == MSG_MEMBER ? "i" : "?",
	    (unsigned long long)process_next_id(c->process));
	tell(c, text);
}

static int64_t child_deadline(void *self)
{
	(void)self;
	return INT64_MAX;
}

static void child_tick(void *self, int64_t now)
{
	(void)self;
	(void)now;
}

static bool child_stop(void *self)
{
	tell(self, "e");
	return true;
}

static void child_free(void *self)
{
	struct child *c = self;
	tell(c, "f");
	free(c);
}

static int child_start(struct process *p, void **ret_self)
{
	struct child *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->process = p;
	c->out = child_out;
	*ret_self = c;
	return 0;
}

static int run_child(void)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_PLANNER,
	    .profile = SANDBOX_PLANNER,
	    .handed = child_handed,
	    .prepare = child_prepare,
	    .swap = child_swap,
	    .discard = child_discard,
	    .told = child_told,
	    .deadline = child_deadline,
	    .tick = child_tick,
	    .stop = child_stop,
	    .free = child_free};
	return process_run(&ops, 0, child_start);
}

struct bed {
	pid_t pid;
	struct channel *channel;
	int in; /* what the child tells */
};

static void open_bed(struct bed *b)
{
	int fd[2], out[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(pipe(out), 0);
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0) {
		/* clear of the number at which a child finds its channel */
		child_out = dup2(out[1], 20);
		dup2(fd[1], 21);
		close(fd[0]);
		dup2(21, PROCESS_CHANNEL_FD);
		close(21);
		_exit(run_child());
	}
	close(fd[1]);
	close(out[1]);
	b->in = out[0];
	assert_int_equal(
	    channel_new(&b->channel, fd[0], CHANNEL_CHILD_TO_PARENT, CHANNEL_PARENT_TO_CHILD), 0);
}

/* Its exit code, 256 and its signal where there is none; -1: it goes on. */
static int close_bed(struct bed *b)
{
	int status = 0, waited = 0;
	channel_free(b->channel);
	b->channel = NULL;
	for (int i = 0; i < 500 && waited == 0; i++) {
		waited = waitpid(b->pid, &status, WNOHANG);
		poll(NULL, 0, waited ? 0 : 10);
	}
	if (waited == 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, &status, 0);
		status = -1;
	}
	close(b->in);
	return status < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void hand(struct bed *b, uint8_t what, const char *text)
{
	int fd = live_make_file("t", text_of(text));
	assert_true(fd >= 0);
	assert_int_equal(channel_attach(b->channel, fd), 0);
	assert_int_equal(msg_handed_encode(channel_out(b->channel),
	                     &(struct msg_handed){.what = what, .name = TEXT("bulkhead.yaml")}),
	    0);
	close(fd);
}

static void say_prepare(struct bed *b, uint64_t generation, const char *conf)
{
	struct msg_prepare m = {.generation = generation,
	    .start = generation == 1,
	    .ids = 7 * MSG_IDS,
	    .sandbox = SANDBOX_LEVEL_NONE};
	hand(b, MSG_HANDED_DAEMON, conf);
	msg_prepare_encode(channel_out(b->channel), &m);
	assert_int_equal(channel_flush(b->channel), 0);
}

static void say_swap(struct bed *b, uint64_t generation)
{
	msg_swap_encode(channel_out(b->channel), &(struct msg_swap){.generation = generation});
	assert_int_equal(channel_flush(b->channel), 0);
}

/* What it told by the time that it was to have told `text`. */
static void expect(struct bed *b, const char *text)
{
	char got[256] = "";
	size_t n = 0;
	struct pollfd p = {.fd = b->in, .events = POLLIN};
	while (n < strlen(text) && poll(&p, 1, 5000) > 0) {
		ssize_t r = read(b->in, got + n, sizeof(got) - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	/* and no more */
	if (poll(&p, 1, 20) > 0 && n < sizeof(got) - 1) {
		ssize_t r = read(b->in, got + n, sizeof(got) - 1 - n);
		n += r > 0 ? (size_t)r : 0;
	}
	assert_string_equal(got, text);
}

/* The next answer to a prepare. */
static bool prepared(struct bed *b, uint64_t generation, char *why, size_t size)
{
	struct pollfd p = {.fd = channel_fd(b->channel), .events = POLLIN};
	struct arena arena = {0};
	uint16_t number;
	struct text bytes;
	for (;;) {
		while (channel_next(b->channel, &number, &bytes, NULL) > 0) {
			struct msg_prepared m;
			if (number != MSG_PREPARED)
				continue;
			assert_int_equal(msg_prepared_decode(bytes.p, bytes.n, &arena, &m), 0);
			assert_int_equal(m.generation, generation);
			text_printable(m.why, why, size);
			bool ok = m.ok;
			arena_free(&arena);
			return ok;
		}
		assert_true(poll(&p, 1, 5000) > 0);
		assert_true(channel_read(b->channel) >= 0);
	}
}

static void it_begins_swaps_and_ends_when_it_is_told(void **state)
{
	struct bed b;
	char why[256];
	(void)state;
	open_bed(&b);
	say_prepare(&b, 1, good);
	assert_true(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "p");
	say_swap(&b, 1);
	expect(&b, "s0");
	say_prepare(&b, 2, other);
	assert_true(prepared(&b, 2, why, sizeof(why)));
	say_swap(&b, 2);
	expect(&b, "Ps1");
	msg_stop_encode(channel_out(b.channel), &(struct msg_stop){0});
	channel_flush(b.channel);
	expect(&b, "ef");
	assert_int_equal(close_bed(&b), 0);
}

static void a_configuration_that_is_refused_leaves_the_one_before(void **state)
{
	struct bed b;
	char why[256];
	(void)state;
	open_bed(&b);
	say_prepare(&b, 1, good);
	say_swap(&b, 1);
	assert_true(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "ps0");
	/* a mistake: told by its place, and the process isn't asked */
	say_prepare(&b, 2, bad);
	assert_false(prepared(&b, 2, why, sizeof(why)));
	assert_non_null(strstr(why, "bulkhead.yaml:2:"));
	/* that was never prepared: nothing is swapped */
	say_swap(&b, 2);
	expect(&b, "");
	/* the process itself won't */
	hand(&b, MSG_HANDED_KEY, "");
	say_prepare(&b, 3, other);
	assert_false(prepared(&b, 3, why, sizeof(why)));
	assert_non_null(strstr(why, "not with me"));
	expect(&b, "kPd");
	say_swap(&b, 3);
	expect(&b, "");
	/* the next is taken */
	say_prepare(&b, 4, other);
	assert_true(prepared(&b, 4, why, sizeof(why)));
	say_swap(&b, 4);
	expect(&b, "Ps1");
	/* without a parent it finishes */
	assert_int_equal(close_bed(&b), 0);
}

static void what_was_prepared_is_given_up_for_another_or_at_a_swap_to_none(void **state)
{
	struct bed b;
	char why[256];
	(void)state;
	open_bed(&b);
	say_prepare(&b, 1, good);
	say_swap(&b, 1);
	assert_true(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "ps0");
	say_prepare(&b, 2, other);
	say_prepare(&b, 3, good);
	assert_true(prepared(&b, 2, why, sizeof(why)));
	assert_true(prepared(&b, 3, why, sizeof(why)));
	expect(&b, "Pdp");
	say_swap(&b, 0);
	expect(&b, "d");
	say_swap(&b, 3);
	expect(&b, "");
	assert_int_equal(close_bed(&b), 0);
}

static void a_first_configuration_that_fails_ends_it(void **state)
{
	struct bed b;
	char why[256];
	(void)state;
	open_bed(&b);
	say_prepare(&b, 1, bad);
	assert_false(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "f");
	assert_int_equal(close_bed(&b), 1);
	open_bed(&b);
	hand(&b, MSG_HANDED_KEY, "");
	say_prepare(&b, 1, good);
	assert_false(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "kpdf");
	assert_int_equal(close_bed(&b), 1);
}

static void ids_count_up_from_its_range(void **state)
{
	struct bed b;
	char why[256];
	(void)state;
	open_bed(&b);
	say_prepare(&b, 1, good);
	say_swap(&b, 1);
	assert_true(prepared(&b, 1, why, sizeof(why)));
	expect(&b, "ps0");
	for (int i = 0; i < 3; i++)
		msg_member_encode(channel_out(b.channel), &(struct msg_member){0});
	channel_flush(b.channel);
	expect(&b, "i700000001;i700000002;i700000003;");
	assert_int_equal(close_bed(&b), 0);
}

/* The arithmetic of ranges, without a process around it. */
static void ids_of_the_next_range_follow_and_without_one_it_ends(void **state)
{
	struct process p = {.ids = 7 * MSG_IDS, .ids_left = 2, .next_ids = 9 * MSG_IDS};
	(void)state;
	assert_true(process_next_id(&p) == 7 * MSG_IDS + 1);
	assert_true(process_next_id(&p) == 7 * MSG_IDS + 2);
	assert_true(process_next_id(&p) == 9 * MSG_IDS + 1);
	assert_true(p.next_ids == 0 && !p.ids_asked && p.ids_left == MSG_IDS - 2);
	p.ids = 10 * MSG_IDS - 2;
	p.ids_left = 1;
	assert_true(process_next_id(&p) == 10 * MSG_IDS - 1);
	assert_int_equal(p.error, 0);
	(void)process_next_id(&p);
	assert_true(p.error < 0);
}

static void what_only_a_child_may_say_is_the_end_of_it(void **state)
{
	struct bed b;
	static const uint8_t garbage[6] = {0xff, 0xff};
	(void)state;
	open_bed(&b);
	assert_int_equal(send(channel_fd(b.channel), garbage, sizeof(garbage), 0), sizeof(garbage));
	expect(&b, "f");
	assert_int_equal(close_bed(&b), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_begins_swaps_and_ends_when_it_is_told),
	    cmocka_unit_test(a_configuration_that_is_refused_leaves_the_one_before),
	    cmocka_unit_test(what_was_prepared_is_given_up_for_another_or_at_a_swap_to_none),
	    cmocka_unit_test(a_first_configuration_that_fails_ends_it),
	    cmocka_unit_test(ids_count_up_from_its_range),
	    cmocka_unit_test(ids_of_the_next_range_follow_and_without_one_it_ends),
	    cmocka_unit_test(what_only_a_child_may_say_is_the_end_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
