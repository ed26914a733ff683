/* SPDX-License-Identifier: GPL-2.0-or-later */

/* EVE JSON as records come: what waits for its flow, what is told again, and outlets that take nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "live/archivist_eve.h"
#include "live/archivist_wait.h"

struct bed {
	struct loop *loop;
	struct archivist_eve *eve;
	char path[64];
	int64_t now;
};

static void open_bed(struct bed *b, bool socket)
{
	struct daemon_conf conf = {
	    .eve_file = socket ? NULL : "eve.json", .eve_socket = socket ? "eve" : NULL};
	*b = (struct bed){.path = "/tmp/bulkhead-eve-XXXXXX", .now = loop_now()};
	assert_int_equal(loop_new(&b->loop), 0);
	assert_int_equal(archivist_eve_new(&b->eve, b->loop, 3), 0);
	archivist_eve_want(b->eve, &conf, b->now);
	int fd = mkstemp(b->path);
	assert_true(fd >= 0);
	if (socket)
		close(fd);
	else
		archivist_eve_open(b->eve, EVE_FILE, fd, b->now);
}

static void close_bed(struct bed *b)
{
	archivist_eve_free(b->eve);
	loop_free(b->loop);
	unlink(b->path);
}

static struct msg_flow flow_of(uint64_t id, uint8_t end)
{
	return (struct msg_flow){.id = id,
	    .protocol = 6,
	    .initiator = net_addr_v4((const uint8_t[]){10, 0, 0, 1}),
	    .responder = net_addr_v4((const uint8_t[]){203, 0, 113, 66}),
	    .initiator_port = (uint16_t)(40000 + id % 20000),
	    .responder_port = 80,
	    .first = 1000 * NS_PER_S,
	    .last = 1001 * NS_PER_S,
	    .end = end};
}

static void give_flow(struct bed *b, uint64_t id, uint8_t end)
{
	struct msg_flow f = flow_of(id, end);
	archivist_eve_flow(b->eve, &f);
}

static void give_transaction(struct bed *b, uint64_t flow)
{
	struct dynbuf bytes = {0};
	struct msg_transaction t = {.id = flow + 1000000, .flow = flow, .app = 1, .time = 1000 * NS_PER_S};
	assert_int_equal(msg_transaction_encode(&bytes, &t), 0);
	archivist_eve_transaction(b->eve, &t, dynbuf_view(&bytes), b->now);
	dynbuf_free(&bytes);
}

static void give_detection(
    struct bed *b, uint64_t id, double confidence, uint64_t count, const uint64_t *flows, uint32_t n)
{
	struct dynbuf bytes = {0};
	struct msg_detection d = {.id = id,
	    .time = 1000 * NS_PER_S,
	    .name = TEXT("beacon"),
	    .technique = TEXT("T1071"),
	    .why = TEXT("every 60 s"),
	    .confidence = confidence,
	    .count = count,
	    .asset = net_addr_v4((const uint8_t[]){10, 0, 0, 1}),
	    .peer = net_addr_v4((const uint8_t[]){203, 0, 113, 66}),
	    .flows = {.v = (uint64_t *)flows, .n = n}};
	assert_int_equal(msg_detection_encode(&bytes, &d), 0);
	archivist_eve_detection(b->eve, &d, dynbuf_view(&bytes), b->now);
	dynbuf_free(&bytes);
}

/* The lines that came out by now as "TYPE:FLOW ...", and the file is empty again. */
static void expect(struct bed *b, const char *lines)
{
	char got[4096] = "", line[4096];
	archivist_eve_tick(b->eve, b->now);
	FILE *in = fopen(b->path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		json_t *j = json_loads(line, 0, NULL);
		assert_non_null(j);
		size_t n = strlen(got);
		snprintf(got + n, sizeof(got) - n, "%s%s:%lld", n ? " " : "",
		    json_string_value(json_object_get(j, "event_type")),
		    (long long)json_integer_value(json_object_get(j, "flow_id")));
		json_decref(j);
	}
	fclose(in);
	assert_int_equal(truncate(b->path, 0), 0);
	assert_string_equal(got, lines);
	int fd = open(b->path, O_WRONLY | O_APPEND);
	archivist_eve_open(b->eve, EVE_FILE, fd, b->now);
}

static void a_transaction_waits_for_its_flow_and_stands_before_it(void **state)
{
	struct bed b;
	(void)state;
	open_bed(&b, false);
	give_transaction(&b, 7);
	give_transaction(&b, 8);
	give_transaction(&b, 7);
	expect(&b, "");
	give_flow(&b, 8, FLOW_END_FIN);
	expect(&b, "dns:8 flow:8");
	/* a snapshot tells the ends and is no line itself; what comes later has them */
	give_flow(&b, 7, FLOW_END_NONE);
	expect(&b, "dns:7 dns:7");
	give_transaction(&b, 7);
	expect(&b, "dns:7");
	give_flow(&b, 7, FLOW_END_TIMEOUT);
	expect(&b, "flow:7");
	close_bed(&b);
}

static void a_flow_of_another_vantage_counts_once(void **state)
{
	struct bed b;
	struct msg_flow f = flow_of(9, FLOW_END_FIN);
	(void)state;
	open_bed(&b, false);
	f.duplicate_of = 8;
	archivist_eve_flow(b.eve, &f);
	expect(&b, "");
	close_bed(&b);
}

static void a_transaction_whose_flow_never_comes_is_lost_and_counted(void **state)
{
	struct bed b;
	uint64_t lines, lost;
	(void)state;
	open_bed(&b, false);
	give_transaction(&b, 7);
	b.now += EVE_WAIT_NS;
	expect(&b, "");
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lost, 0);
	assert_true(archivist_eve_deadline(b.eve) == b.now + 1);
	b.now += 1;
	expect(&b, "");
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lost, 1);
	give_flow(&b, 7, FLOW_END_FIN);
	expect(&b, "flow:7");
	close_bed(&b);
}

static void a_detection_is_an_alert_for_each_flow_and_again_when_it_has_news(void **state)
{
	struct bed b;
	static const uint64_t flows[] = {1, 2, 3, 4};
	(void)state;
	open_bed(&b, false);
	give_flow(&b, 1, FLOW_END_FIN);
	give_flow(&b, 2, FLOW_END_FIN);
	expect(&b, "flow:1 flow:2");
	/* 3 shows it, and comes next */
	give_detection(&b, 100, 0.5, 10, flows, 3);
	expect(&b, "alert:1 alert:2");
	give_flow(&b, 3, FLOW_END_NONE);
	expect(&b, "alert:3");
	/* the same again, a little surer, a little more often: no news */
	give_flow(&b, 4, FLOW_END_FIN);
	give_detection(&b, 100, 0.59, 19, flows, 4);
	expect(&b, "flow:4");
	/* twice as often, or much surer, or much less sure: told with the latest flow */
	give_detection(&b, 100, 0.59, 20, flows, 4);
	expect(&b, "alert:4");
	give_detection(&b, 100, 0.7, 20, flows, 4);
	expect(&b, "alert:4");
	give_detection(&b, 100, 0.1, 20, flows, 4);
	expect(&b, "alert:4");
	give_detection(&b, 100, 0.1, 20, flows, 4);
	expect(&b, "");
	close_bed(&b);
}

static void an_alert_is_told_without_its_flow_when_that_does_not_come(void **state)
{
	struct bed b;
	static const uint64_t flows[] = {55};
	(void)state;
	open_bed(&b, false);
	give_detection(&b, 100, 0.5, 1, flows, 1);
	give_detection(&b, 101, 0.5, 1, NULL, 0);
	expect(&b, "alert:0");
	b.now += EVE_ALERT_NS + 1;
	expect(&b, "alert:0");
	/* and at the end at the latest */
	give_detection(&b, 102, 0.5, 1, flows, 1);
	archivist_eve_finish(b.eve, b.now);
	expect(&b, "alert:0");
	close_bed(&b);
}

static void the_ends_of_the_latest_flows_are_known(void **state)
{
	struct bed b;
	uint64_t lines, lost;
	(void)state;
	open_bed(&b, false);
	for (uint64_t id = 1; id <= EVE_FLOWS_MAX + 1; id++)
		give_flow(&b, id, FLOW_END_NONE);
	/* the first made room for the last; the second is there still */
	give_transaction(&b, 2);
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lines, 1);
	give_transaction(&b, 1);
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lines, 1);
	give_transaction(&b, EVE_FLOWS_MAX + 1);
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lines, 2);
	close_bed(&b);
}

static void as_many_wait_as_there_is_room_for_and_the_oldest_goes(void **state)
{
	struct archivist_wait *w;
	struct text got;
	(void)state;
	/* three records, or ten bytes */
	assert_int_equal(archivist_wait_new(&w, 3, 10, 1), 0);
	assert_int_equal(archivist_wait_put(w, 1, TEXT("aaa"), 1), 0);
	assert_int_equal(archivist_wait_put(w, 2, TEXT("bbb"), 2), 0);
	assert_false(archivist_wait_full(w, 4));
	assert_true(archivist_wait_full(w, 5));
	assert_int_equal(archivist_wait_put(w, 1, TEXT("cccc"), 3), 0);
	assert_true(archivist_wait_full(w, 0));
	assert_true(archivist_wait_put(w, 1, TEXT(""), 3) < 0);
	/* what was taken from the midst gives its bytes back, and its place when it is the first */
	assert_true(archivist_wait_take(w, 2, &got));
	assert_true(text_equal(got, TEXT("bbb")));
	assert_true(archivist_wait_full(w, 0));
	assert_false(archivist_wait_oldest(w, 1, &got));
	assert_true(archivist_wait_oldest(w, 2, &got));
	assert_true(text_equal(got, TEXT("aaa")));
	assert_int_equal(archivist_wait_since(w), 3);
	assert_int_equal(archivist_wait_put(w, 1, TEXT("dd"), 4), 0);
	assert_int_equal(archivist_wait_put(w, 9, TEXT("e"), 5), 0);
	assert_true(archivist_wait_take(w, 1, &got) && text_equal(got, TEXT("cccc")));
	assert_true(archivist_wait_take(w, 1, &got) && text_equal(got, TEXT("dd")));
	assert_false(archivist_wait_take(w, 1, &got));
	assert_true(archivist_wait_oldest(w, INT64_MAX, &got) && text_equal(got, TEXT("e")));
	assert_int_equal(archivist_wait_count(w), 0);
	assert_false(archivist_wait_oldest(w, INT64_MAX, &got));
	archivist_wait_free(w);
}

/* All that has come to the reader's end. */
static size_t drain(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;
	while (n < size && (got = recv(fd, buf + n, size - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	return n;
}

static void a_slow_reader_gets_whole_lines_and_the_rest_is_counted(void **state)
{
	enum { LINES = 30000, SIZE = 64 << 20 };
	struct bed b;
	int pair[2];
	uint64_t lines, lost;
	char *buf = malloc(SIZE);
	(void)state;
	open_bed(&b, true);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	archivist_eve_open(b.eve, EVE_SOCKET, pair[0], b.now);
	for (uint64_t id = 1; id <= LINES; id++) {
		give_flow(&b, id, FLOW_END_FIN);
		if (id % 100 == 0)
			archivist_eve_tick(b.eve, b.now);
	}
	archivist_eve_count(b.eve, &lines, &lost);
	assert_true(lost > 0);
	assert_int_equal(lines + lost, LINES);
	/* now it reads */
	size_t n = 0, had;
	do {
		had = n;
		n += drain(pair[1], buf + n, SIZE - n);
		loop_wait(b.loop, loop_now());
		archivist_eve_tick(b.eve, b.now);
	} while (n > had);
	size_t count = 0;
	for (size_t at = 0; at < n; count++) {
		const char *end = memchr(buf + at, '\n', n - at);
		assert_non_null(end);
		json_t *j = json_loadb(buf + at, (size_t)(end - (buf + at)), 0, NULL);
		assert_non_null(j);
		json_decref(j);
		at = (size_t)(end - buf) + 1;
	}
	assert_int_equal(count, lines);
	close(pair[1]);
	free(buf);
	close_bed(&b);
}

static void a_line_that_was_half_sent_begins_anew_at_the_next_reader(void **state)
{
	struct bed b;
	int pair[2];
	char buf[65536];
	(void)state;
	open_bed(&b, true);
	/* nobody is there, and that is said at once, then ever more seldom */
	assert_int_equal(archivist_eve_asks(b.eve, b.now), EVE_SOCKET);
	assert_int_equal(archivist_eve_asks(b.eve, b.now), -1);
	assert_int_equal(archivist_eve_asks(b.eve, b.now + NS_PER_S), EVE_SOCKET);
	assert_int_equal(archivist_eve_asks(b.eve, b.now + 2 * NS_PER_S), -1);
	assert_int_equal(archivist_eve_asks(b.eve, b.now + 3 * NS_PER_S), EVE_SOCKET);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	int size = 4096;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	archivist_eve_open(b.eve, EVE_SOCKET, pair[0], b.now);
	for (uint64_t id = 1; id <= 50; id++)
		give_flow(&b, id, FLOW_END_FIN);
	archivist_eve_tick(b.eve, b.now);
	size_t n = drain(pair[1], buf, sizeof(buf));
	assert_true(n > 0 && buf[n - 1] != '\n');
	size_t whole = 0;
	for (size_t i = 0; i < n; i++)
		whole += buf[i] == '\n';
	close(pair[1]);
	loop_wait(b.loop, loop_now());
	assert_int_equal(archivist_eve_asks(b.eve, b.now + 100 * NS_PER_S), EVE_SOCKET);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	archivist_eve_open(b.eve, EVE_SOCKET, pair[0], b.now);
	archivist_eve_tick(b.eve, b.now);
	n = drain(pair[1], buf, sizeof(buf));
	assert_true(n > 0 && buf[n - 1] == '\n');
	assert_int_equal(buf[0], '{');
	for (size_t i = 0; i < n; i++)
		whole += buf[i] == '\n';
	assert_int_equal(whole, 50);
	close(pair[1]);
	close_bed(&b);
}

static void a_full_disk_keeps_lines_until_there_is_room(void **state)
{
	struct bed b;
	uint64_t lines, lost;
	(void)state;
	open_bed(&b, false);
	archivist_eve_open(b.eve, EVE_FILE, open("/dev/full", O_WRONLY), b.now);
	give_flow(&b, 1, FLOW_END_FIN);
	archivist_eve_tick(b.eve, b.now);
	assert_true(archivist_eve_deadline(b.eve) == b.now + NS_PER_S);
	archivist_eve_count(b.eve, &lines, &lost);
	assert_int_equal(lost, 0);
	archivist_eve_open(b.eve, EVE_FILE, open(b.path, O_WRONLY | O_APPEND), b.now);
	expect(&b, "flow:1");
	close_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_transaction_waits_for_its_flow_and_stands_before_it),
	    cmocka_unit_test(a_flow_of_another_vantage_counts_once),
	    cmocka_unit_test(a_transaction_whose_flow_never_comes_is_lost_and_counted),
	    cmocka_unit_test(a_detection_is_an_alert_for_each_flow_and_again_when_it_has_news),
	    cmocka_unit_test(an_alert_is_told_without_its_flow_when_that_does_not_come),
	    cmocka_unit_test(the_ends_of_the_latest_flows_are_known),
	    cmocka_unit_test(as_many_wait_as_there_is_room_for_and_the_oldest_goes),
	    cmocka_unit_test(a_slow_reader_gets_whole_lines_and_the_rest_is_counted),
	    cmocka_unit_test(a_line_that_was_half_sent_begins_anew_at_the_next_reader),
	    cmocka_unit_test(a_full_disk_keeps_lines_until_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
