/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The framework with protocols made for the test: the table is this file's, not proto/table.c's.
 *   line: begins with "line"; each line is a transaction; some words at its start make it do something
 *   late: begins with "late!" but says MAYBE until it has seen the fifth byte; takes everything
 *   grams: datagrams that begin with 'g'; "gbad" is broken
 */

#include "drive.h"

#include "base/num.h"
#include "proto/naming.h"

enum { LINE_BUFFER = 64 };

static struct text first_word(struct text line)
{
	return text_sub(line, 0, text_find(line, ' '));
}

struct line_state {
	int lines;
};

static enum proto_match line_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)f;
	if (!to_responder)
		return PROTO_MAYBE;
	struct text begin = TEXT("line");
	struct text t = text_bytes(p, n < begin.n ? n : begin.n);
	return !text_equal(t, text_sub(begin, 0, t.n)) ? PROTO_NO : n < begin.n ? PROTO_MAYBE : PROTO_YES;
}

static struct proto_progress line_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct line_state *s = state;
	struct text t = text_bytes(p, n);
	size_t size = text_find(t, '\n');
	struct proto_progress r = {.verdict = PROTO_MORE};
	uint64_t number = 0;
	if (end && n) {
		proto_field_str(c, FIELD_ANOMALY, "unfinished");
		proto_emit(c);
		r.used = n;
	}
	if (size == n)
		return r;
	struct text line = text_sub(t, 0, size), word = first_word(line);
	struct text rest = text_sub(line, word.n + 1, line.n);
	r.used = size + 1;
	s->lines++;
	if (text_equal(word, TEXT("skip")) && num_parse_u64(rest, UINT64_MAX, &number) == 0)
		r.skip = number;
	else if (text_equal(word, TEXT("done")))
		r.verdict = PROTO_DONE;
	else if (text_equal(word, TEXT("both")))
		r.verdict = PROTO_DONE_BOTH;
	else if (text_equal(word, TEXT("switch")))
		r.verdict = PROTO_SWITCH;
	else if (text_equal(word, TEXT("broken")))
		r.verdict = PROTO_BROKEN;
	else if (text_equal(word, TEXT("wake")))
		r.wake_other = true;
	else if (text_equal(word, TEXT("wait")) && s->lines < 4)
		return (struct proto_progress){.verdict = PROTO_MORE};
	else if (text_equal(word, TEXT("own")) && num_parse_u64(rest, UINT64_MAX, &number) == 0)
		proto_account(c, (size_t)number);
	else if (text_equal(word, TEXT("many")) && num_parse_u64(rest, 1000, &number) == 0)
		while (number-- > 0)
			proto_field_num(c, FIELD_FILE_BYTES, number);
	else if (text_equal(word, TEXT("rename")))
		proto_rename(c, APP_WINRM);
	else if (text_equal(word, TEXT("inner")))
		proto_inner(
		    c, APP_FTP, rest.n ? (uint64_t)rest.p[0] : 0, dir, (const uint8_t *)rest.p, rest.n);
	else if (text_equal(word, TEXT("leave")))
		proto_field_str(c, FIELD_ANOMALY, "left behind");
	proto_field(c, FIELD_FILE_NAME, line);
	if (!text_equal(word, TEXT("leave")))
		proto_emit(c);
	return r;
}

static bool line_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	(void)state;
	(void)dir;
	proto_field_num(c, FIELD_FILE_BYTES, length);
	proto_emit(c);
	return length < 1000;
}

static void line_close(struct proto_context *c, void *state)
{
	struct line_state *s = state;
	proto_field_num(c, FIELD_DNS_ID, (uint64_t)s->lines);
	proto_emit(c);
}

static const struct proto_parser line = {
    .app = APP_FTP,
    .tcp = true,
    .state_size = sizeof(struct line_state),
    .buffer_max = LINE_BUFFER,
    .probe = line_probe,
    .parse = line_parse,
    .gap = line_gap,
    .close = line_close,
};

static enum proto_match late_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)f;
	(void)to_responder;
	struct text begin = TEXT("late!");
	struct text t = text_bytes(p, n < begin.n ? n : begin.n);
	return !text_equal(t, text_sub(begin, 0, t.n)) ? PROTO_NO : n < begin.n ? PROTO_MAYBE : PROTO_YES;
}

static struct proto_progress late_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	(void)state;
	(void)dir;
	(void)end;
	proto_field_bytes(c, FIELD_SMTP_HELO, p, n);
	proto_emit(c);
	return (struct proto_progress){.used = n, .verdict = PROTO_MORE};
}

static const struct proto_parser late = {
    .app = APP_TLS,
    .tcp = true,
    .probe = late_probe,
    .parse = late_parse,
};

static enum proto_match grams_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	(void)f;
	return n && p[0] == 'g' ? PROTO_YES : PROTO_NO;
}

static struct proto_progress grams_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	(void)state;
	(void)dir;
	(void)end;
	bool bad = text_equal(text_bytes(p, n), TEXT("gbad"));
	proto_field_bytes(c, FIELD_SMTP_HELO, p, n);
	if (!bad)
		proto_emit(c);
	return (struct proto_progress){.used = n, .verdict = bad ? PROTO_BROKEN : PROTO_MORE};
}

static const struct proto_parser grams = {
    .app = APP_SIP,
    .udp = true,
    .probe = grams_probe,
    .parse = grams_parse,
};

static const struct proto_parser last = {.app = APP_UNKNOWN};
const struct proto_parser *const proto_parsers[] = {&grams, &late, &line, &last};

static bool names_hello(const struct naming_view *v)
{
	return text_equal(
	    text_sub(text_bytes(v->first[FLOW_REVERSE].p, v->first[FLOW_REVERSE].n), 0, 5), TEXT("HELLO"));
}

static bool names_second(const struct naming_view *v)
{
	struct text now = text_bytes(v->now.p, v->now.n),
	            first = text_bytes(v->first[v->dir].p, v->first[v->dir].n);
	return text_equal(now, TEXT("two")) && text_equal(first, TEXT("one"));
}

const struct naming_probe naming_probes[] = {
    {.app = APP_TELNET, .tcp = true, .probe = names_hello},
    {.app = APP_NTP, .udp = true, .probe = names_second},
    {.app = APP_UNKNOWN},
};

static struct drive *line_flow(void)
{
	struct drive *d = drive_new(PACKET_TCP, 21, APP_UNKNOWN);
	assert_true(drive_send_str(d, FLOW_FORWARD, "line begins\n"));
	assert_int_equal(d->flow.app, APP_FTP);
	assert_int_equal(d->n, 1);
	return d;
}

static void protocol_is_found_when_bytes_come_one_by_one(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	drive_send_cut(d, FLOW_FORWARD, "lin", 3, 1);
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_send_cut(d, FLOW_FORWARD, "e one\nline two\n", 15, 1);
	assert_int_equal(d->flow.app, APP_FTP);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_FILE_NAME, "line one");
	drive_expect(d, 1, FIELD_FILE_NAME, "line two");
	drive_free(d);
}

static void what_the_other_side_said_first_is_shown_first(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "greeting\n");
	assert_int_equal(d->n, 0);
	drive_send_str(d, FLOW_FORWARD, "line one\n");
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_FILE_NAME, "greeting");
	drive_expect(d, 1, FIELD_FILE_NAME, "line one");
	drive_free(d);
}

static void a_segment_over_the_probe_bound_is_parsed_whole(void **state)
{
	(void)state;
	char bytes[PROTO_PROBE_BYTES + 100];
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "!", 1);
	drive_send_str(d, FLOW_FORWARD, "late");
	drive_send(d, FLOW_FORWARD, bytes, sizeof(bytes));
	assert_int_equal(d->n, 2);
	assert_int_equal(strlen(drive_get(d, 0, FIELD_SMTP_HELO)) + strlen(drive_get(d, 1, FIELD_SMTP_HELO)),
	    4 + sizeof(bytes));
	drive_free(d);
}

static void unknown_bytes_cost_nothing_after_the_bound(void **state)
{
	(void)state;
	static char bytes[PROTO_PROBE_BYTES];
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	assert_true(drive_send(d, FLOW_FORWARD, bytes, sizeof(bytes) - 1));
	assert_false(drive_send(d, FLOW_FORWARD, bytes, 1));
	assert_false(drive_send(d, FLOW_REVERSE, bytes, 1));
	assert_int_equal(proto_stats(d->proto)->memory, 0);
	drive_end(d);
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	assert_int_equal(proto_stats(d->proto)->flows_by_app[APP_UNKNOWN], 1);
	drive_free(d);
}

static void naming_probes_see_both_directions(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	assert_true(drive_send_str(d, FLOW_FORWARD, "whatever"));
	assert_false(drive_send_str(d, FLOW_REVERSE, "HELLO"));
	assert_int_equal(d->flow.app, APP_TELNET);
	drive_free(d);

	d = drive_new(PACKET_UDP, 9, APP_UNKNOWN);
	assert_true(drive_send_str(d, FLOW_FORWARD, "one"));
	assert_false(drive_send_str(d, FLOW_FORWARD, "two"));
	assert_int_equal(d->flow.app, APP_NTP);
	drive_free(d);
}

static void a_message_may_fill_the_buffer_but_no_more(void **state)
{
	(void)state;
	char bytes[LINE_BUFFER + 1];
	memset(bytes, 'x', sizeof(bytes));
	for (size_t n = LINE_BUFFER - 1; n <= LINE_BUFFER + 1; n++) {
		struct drive *d = line_flow();
		bytes[n - 1] = '\n';
		bool wanted = drive_send_cut(d, FLOW_FORWARD, bytes, n, 7);
		assert_int_equal(wanted, n <= LINE_BUFFER);
		assert_int_equal(proto_stats(d->proto)->broken, n > LINE_BUFFER);
		bytes[n - 1] = 'x';
		drive_free(d);
	}
}

static void skipped_bytes_are_never_shown(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	/* within the segment, over segments, and over a gap */
	drive_send_str(d, FLOW_FORWARD, "skip 4\nabc\nline a\n");
	drive_send_str(d, FLOW_FORWARD, "skip 10\nabc\n");
	drive_send_str(d, FLOW_FORWARD, "abcdefline b\n");
	drive_send_str(d, FLOW_FORWARD, "skip 10\nab");
	drive_send_after(d, FLOW_FORWARD, 8, "line c\n", 7);
	assert_int_equal(d->n, 7);
	drive_expect(d, 2, FIELD_FILE_NAME, "line a");
	drive_expect(d, 4, FIELD_FILE_NAME, "line b");
	drive_expect(d, 6, FIELD_FILE_NAME, "line c");
	drive_free(d);
}

static void a_gap_tells_of_the_unread_bytes_before_it_too(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_FORWARD, "skip 5\nabcdefgh");
	assert_true(drive_send_after(d, FLOW_FORWARD, 10, "line a\n", 7));
	drive_expect(d, 2, FIELD_FILE_BYTES, "13");
	drive_expect(d, 3, FIELD_FILE_NAME, "line a");
	assert_false(drive_send_after(d, FLOW_FORWARD, 1000, "line b\n", 7));
	assert_int_equal(proto_stats(d->proto)->broken, 1);
	drive_free(d);
}

static void a_direction_that_is_done_is_not_wanted_and_both_end_the_parser(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	assert_false(drive_send_str(d, FLOW_FORWARD, "done\nmore\n"));
	assert_true(drive_send_str(d, FLOW_REVERSE, "line r\n"));
	assert_false(drive_send_str(d, FLOW_REVERSE, "done\n"));
	/* the last one is close()'s: three lines were read after the first */
	assert_int_equal(d->n, 5);
	drive_expect(d, 4, FIELD_DNS_ID, "4");
	assert_int_equal(proto_stats(d->proto)->memory, 0);
	drive_free(d);
}

static void a_broken_parser_still_closes(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	assert_false(drive_send_str(d, FLOW_FORWARD, "broken\nline after\n"));
	assert_int_equal(d->n, 3);
	drive_expect(d, 2, FIELD_DNS_ID, "2");
	assert_int_equal(d->flow.app, APP_FTP);
	drive_free(d);
}

static void a_switch_takes_the_unread_bytes_of_both_directions_along(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_REVERSE, "lat");
	drive_send_str(d, FLOW_FORWARD, "switch\nlate!abc");
	drive_send_str(d, FLOW_REVERSE, "e!def");
	assert_int_equal(d->n, 6);
	drive_expect(d, 2, FIELD_DNS_ID, "2"); /* the first parser closes */
	drive_expect(d, 3, FIELD_SMTP_HELO, "late!abc");
	drive_expect(d, 4, FIELD_SMTP_HELO, "lat");
	drive_expect(d, 5, FIELD_SMTP_HELO, "e!def");
	/* TLS within a protocol that is known doesn't rename the flow */
	assert_int_equal(d->flow.app, APP_FTP);
	drive_free(d);
}

static void switches_are_bounded(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	for (int i = 0; i < 4; i++) {
		assert_true(drive_send_str(d, FLOW_FORWARD, "switch\n"));
		assert_true(drive_send_str(d, FLOW_FORWARD, "line\n"));
	}
	assert_false(drive_send_str(d, FLOW_FORWARD, "switch\nline\n"));
	drive_free(d);
}

static void a_direction_that_waits_is_shown_again_when_woken(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_REVERSE, "wait for it\n");
	drive_send_str(d, FLOW_FORWARD, "line\n");
	assert_int_equal(d->n, 2);
	drive_send_str(d, FLOW_FORWARD, "wake\n");
	assert_int_equal(d->n, 4);
	drive_expect(d, 3, FIELD_FILE_NAME, "wait for it");
	drive_free(d);
}

static void the_end_of_the_stream_shows_what_is_left(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_FORWARD, "no end of line");
	drive_end(d);
	drive_expect(d, 1, FIELD_ANOMALY, "unfinished");
	drive_expect(d, 2, FIELD_DNS_ID, "1");
	assert_int_equal(proto_stats(d->proto)->flows_by_app[APP_FTP], 1);
	drive_free(d);
}

static void fields_that_were_not_sent_are_forgotten(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_FORWARD, "leave\nline\n");
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_ANOMALY, NULL);
	drive_expect(d, 1, FIELD_FILE_NAME, "line");
	drive_free(d);
}

static void transactions_of_a_flow_are_bounded_and_counted(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	for (int i = 0; i < PROTO_TRANSACTIONS_MAX; i++)
		drive_send_str(d, FLOW_FORWARD, "line\n");
	assert_int_equal(d->n, PROTO_TRANSACTIONS_MAX);
	assert_int_equal(proto_stats(d->proto)->transactions_dropped, 1);
	drive_free(d);
}

static void fields_of_a_transaction_are_bounded_and_counted(void **state)
{
	static const char *const lines[] = {"many 62\n", "many 63\n", "many 64\n"}; /* and the line itself */
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct drive *d = line_flow();
		drive_send_str(d, FLOW_FORWARD, lines[i]);
		assert_int_equal(proto_stats(d->proto)->fields_dropped, i == 2);
		assert_int_equal(d->t[d->n - 1].n, i == 0 ? PROTO_FIELDS_MAX - 1 : PROTO_FIELDS_MAX);
		drive_free(d);
	}
}

static void a_renamed_flow_sends_under_its_new_name(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	drive_send_str(d, FLOW_FORWARD, "rename\n");
	assert_int_equal(d->flow.app, APP_WINRM);
	assert_int_equal(d->t[1].app, APP_WINRM);
	drive_free(d);
}

static void inner_protocols_keep_a_state_of_their_own_and_are_bounded(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	/* no end of line within: it waits under its key; the outer fields aren't mixed up with the inner */
	drive_send_str(d, FLOW_FORWARD, "inner a123\n");
	assert_int_equal(d->n, 2);
	/* 16 stay, the 17th puts out the oldest, which closes */
	for (char key = 'b'; key < 'b' + 15; key++) {
		char text[] = "inner ?\n";
		text[6] = key;
		drive_send_str(d, FLOW_FORWARD, text);
	}
	assert_int_equal(d->n, 17);
	drive_send_str(d, FLOW_FORWARD, "inner z\n");
	assert_int_equal(d->n, 19);
	drive_expect(d, 17, FIELD_DNS_ID, "0");
	drive_end(d);
	/* the flow's own close and 16 inner ones */
	assert_int_equal(d->n, 19 + 17);
	drive_free(d);
}

static void what_a_state_owns_counts_and_ends_the_parser_at_the_bound(void **state)
{
	(void)state;
	struct drive *d = line_flow();
	size_t before = proto_stats(d->proto)->memory;
	assert_true(drive_send_str(d, FLOW_FORWARD, "own 1000\n"));
	assert_int_equal(proto_stats(d->proto)->memory, before + 1000);
	assert_true(drive_send_str(d, FLOW_FORWARD, "own 10\n"));
	assert_int_equal(proto_stats(d->proto)->memory, before + 10);
	assert_false(drive_send_str(d, FLOW_FORWARD, "own 1000000000000\n"));
	assert_int_equal(proto_stats(d->proto)->without_room, 1);
	assert_int_equal(proto_stats(d->proto)->memory, 0);
	drive_free(d);
}

static void without_room_a_flow_goes_without_a_parser(void **state)
{
	(void)state;
	struct proto *p = NULL;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	struct proto_config config = {.emit = drive_keep, .context = d, .memory_max = 64};
	assert_int_equal(proto_new(&p, &config), 0);
	struct flow f = d->flow;
	proto_flow_start(p, &f);
	assert_false(proto_flow_data(p, &f, FLOW_FORWARD, (const uint8_t *)"line a\n", 7, 0, 1));
	proto_flow_end(p, &f, 2);
	assert_int_equal(proto_stats(p)->without_room, 1);
	assert_int_equal(d->n, 0);
	proto_free(p);
	drive_free(d);
}

static void bad_datagrams_cost_only_themselves_until_there_are_too_many(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 9, APP_UNKNOWN);
	assert_true(drive_send_str(d, FLOW_FORWARD, "good"));
	for (int i = 0; i < 7; i++)
		assert_true(drive_send_str(d, FLOW_FORWARD, "gbad"));
	assert_true(drive_send_str(d, FLOW_FORWARD, "good"));
	assert_int_equal(d->n, 2);
	assert_false(drive_send_str(d, FLOW_FORWARD, "gbad"));
	assert_int_equal(proto_stats(d->proto)->broken, 1);
	drive_free(d);
}

static void a_stream_missed_at_its_start_is_found_at_a_later_message(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	d->flow.flags |= FLOW_MIDSTREAM;
	assert_true(drive_send_str(d, FLOW_FORWARD, "the end of something"));
	assert_true(drive_send_str(d, FLOW_FORWARD, "line a\n"));
	assert_int_equal(d->flow.app, APP_FTP);
	drive_expect(d, 0, FIELD_FILE_NAME, "line a");
	drive_free(d);
}

static void an_announced_flow_is_not_probed(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_FTP);
	drive_send_str(d, FLOW_FORWARD, "nothing like it\n");
	drive_expect(d, 0, FIELD_FILE_NAME, "nothing like it");
	drive_free(d);
	/* and one whose protocol nobody reads isn't looked at */
	d = drive_new(PACKET_TCP, 9, APP_FTP_DATA);
	assert_false(drive_send_str(d, FLOW_FORWARD, "line a\n"));
	assert_int_equal(d->flow.app, APP_FTP_DATA);
	drive_free(d);
}

static void a_flow_without_payload_allocates_nothing(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 9, APP_UNKNOWN);
	drive_end(d);
	assert_int_equal(proto_stats(d->proto)->memory_peak, 0);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(protocol_is_found_when_bytes_come_one_by_one),
	    cmocka_unit_test(what_the_other_side_said_first_is_shown_first),
	    cmocka_unit_test(a_segment_over_the_probe_bound_is_parsed_whole),
	    cmocka_unit_test(unknown_bytes_cost_nothing_after_the_bound),
	    cmocka_unit_test(naming_probes_see_both_directions),
	    cmocka_unit_test(a_message_may_fill_the_buffer_but_no_more),
	    cmocka_unit_test(skipped_bytes_are_never_shown),
	    cmocka_unit_test(a_gap_tells_of_the_unread_bytes_before_it_too),
	    cmocka_unit_test(a_direction_that_is_done_is_not_wanted_and_both_end_the_parser),
	    cmocka_unit_test(a_broken_parser_still_closes),
	    cmocka_unit_test(a_switch_takes_the_unread_bytes_of_both_directions_along),
	    cmocka_unit_test(switches_are_bounded),
	    cmocka_unit_test(a_direction_that_waits_is_shown_again_when_woken),
	    cmocka_unit_test(the_end_of_the_stream_shows_what_is_left),
	    cmocka_unit_test(fields_that_were_not_sent_are_forgotten),
	    cmocka_unit_test(transactions_of_a_flow_are_bounded_and_counted),
	    cmocka_unit_test(fields_of_a_transaction_are_bounded_and_counted),
	    cmocka_unit_test(a_renamed_flow_sends_under_its_new_name),
	    cmocka_unit_test(inner_protocols_keep_a_state_of_their_own_and_are_bounded),
	    cmocka_unit_test(what_a_state_owns_counts_and_ends_the_parser_at_the_bound),
	    cmocka_unit_test(without_room_a_flow_goes_without_a_parser),
	    cmocka_unit_test(bad_datagrams_cost_only_themselves_until_there_are_too_many),
	    cmocka_unit_test(a_stream_missed_at_its_start_is_found_at_a_later_message),
	    cmocka_unit_test(an_announced_flow_is_not_probed),
	    cmocka_unit_test(a_flow_without_payload_allocates_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
