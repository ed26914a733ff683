/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

#include "proto/dns_message.h"

/* A message is written part by part. */
struct message {
	uint8_t p[65535];
	size_t n;
};

static void put(struct message *m, const void *p, size_t n)
{
	assert(n <= sizeof(m->p) - m->n);
	memcpy(m->p + m->n, p, n);
	m->n += n;
}

static void put16(struct message *m, unsigned v)
{
	put(m, (uint8_t[2]){(uint8_t)(v / 256), (uint8_t)v}, 2);
}

static void put_header(
    struct message *m, unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	m->n = 0;
	const unsigned words[] = {id, flags, qd, an, ns, ar};
	for (size_t i = 0; i < 6; i++)
		put16(m, words[i]);
}

/* "www.example" as labels. */
static void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		put(m, (uint8_t[1]){(uint8_t)n}, 1);
		put(m, name, n);
		name += n + (name[n] == '.');
	}
	put(m, "", 1);
}

static void put_question(struct message *m, const char *name, unsigned type)
{
	put_name(m, name);
	put16(m, type);
	put16(m, 1);
}

/* An answer whose name points at the question's. */
static void put_answer(struct message *m, unsigned type, const void *data, size_t n)
{
	put16(m, 0xc00c);
	put16(m, type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 60);
	put16(m, (unsigned)n);
	put(m, data, n);
}

#define ANSWER(m, type, literal) put_answer((m), (type), literal, sizeof(literal) - 1)

static struct message query, answer;

static void a_response_is_told_with_all_its_answers(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 9953, APP_UNKNOWN);
	put_header(&query, 0x1234, 0x0100, 1, 0, 0, 0);
	put_question(&query, "www.example", 1);
	assert_true(drive_send(d, FLOW_FORWARD, query.p, query.n));
	assert_int_equal(d->flow.app, APP_DNS);
	assert_int_equal(d->n, 0);

	put_header(&answer, 0x1234, 0x8180, 1, 8, 0, 0);
	put_question(&answer, "wWw.example", 1);
	ANSWER(&answer, 5, "\x05other\xc0\x10"); /* other.example */
	ANSWER(&answer, 1, "\xc0\x00\x02\x01");
	ANSWER(&answer, 28, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
	ANSWER(&answer, 16, "\x03one\x03two");
	ANSWER(&answer, 15, "\x00\x0a\x04mail\xc0\x10");
	ANSWER(&answer, 33, "\x00\x01\x00\x02\x14\x66\x03sip\xc0\x10");
	ANSWER(&answer, 10, "\x00\xff\x01");
	ANSWER(&answer, 65, "\x00\x01\x00"); /* no text form: left out */
	assert_true(drive_send(d, FLOW_REVERSE, answer.p, answer.n));
	assert_int_equal(d->n, 1);
	assert_int_equal(d->t[0].app, APP_DNS);
	drive_expect(d, 0, FIELD_DNS_QUERY, "wWw.example");
	drive_expect(d, 0, FIELD_DNS_TYPE, "A");
	drive_expect(d, 0, FIELD_DNS_RCODE, "NOERROR");
	drive_expect(d, 0, FIELD_DNS_ID, "4660");
	static const char *const texts[] = {
	    "other.example", "onetwo", "10 mail.example", "1 2 5222 sip.example", ""};
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(
		    drive_nth(d, 0, FIELD_DNS_ANSWER, i), texts[i]); /* NULL begins with a zero */
	assert_null(drive_nth(d, 0, FIELD_DNS_ANSWER, 5));
	assert_string_equal(drive_nth(d, 0, FIELD_DNS_ANSWER_ADDR, 0), "192.0.2.1");
	assert_string_equal(drive_nth(d, 0, FIELD_DNS_ANSWER_ADDR, 1), "2001:db8::1");
	/* the query was answered, whatever its case: nothing is left at the end */
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_free(d);
}

static void an_unanswered_query_comes_out_at_the_end_once(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 53, APP_UNKNOWN);
	put_header(&query, 7, 0x0100, 1, 0, 0, 0);
	put_question(&query, "lost.example", 65);
	drive_send(d, FLOW_FORWARD, query.p, query.n);
	drive_send(d, FLOW_FORWARD, query.p, query.n);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_DNS_QUERY, "lost.example");
	drive_expect(d, 0, FIELD_DNS_TYPE, "TYPE65");
	drive_expect(d, 0, FIELD_DNS_RCODE, NULL);
	drive_expect(d, 0, FIELD_DNS_ID, "7");
	drive_free(d);
}

/* Most flows: one query, one answer. What waits for the flow's end, or for more, is the flow alone. */
static void an_exchange_that_is_over_keeps_nothing_and_may_go_on(void **state)
{
	static const uint8_t addr[4] = {192, 0, 2, 1};
	struct drive *d = drive_new(PACKET_UDP, 53, APP_UNKNOWN);
	struct message m;
	(void)state;
	for (unsigned id = 1; id <= 3; id++) {
		put_header(&m, id, 0x0100, 1, 0, 0, 0);
		put_question(&m, "www.example", 1);
		assert_true(drive_send(d, FLOW_FORWARD, m.p, m.n));
		assert_true(proto_stats(d->proto)->memory > 0);
		put_header(&m, id, 0x8180, 1, 1, 0, 0);
		put_question(&m, "www.example", 1);
		put_answer(&m, 1, addr, sizeof(addr));
		assert_true(drive_send(d, FLOW_REVERSE, m.p, m.n));
		assert_int_equal(d->n, id);
		if (id == 1) {
			assert_int_equal(proto_stats(d->proto)->memory, 0);
			assert_null(d->flow.app_state);
		}
	}
	put_header(&m, 9, 0x0100, 1, 0, 0, 0);
	put_question(&m, "late.example", 1);
	assert_true(drive_send(d, FLOW_FORWARD, m.p, m.n));
	drive_end(d);
	assert_int_equal(d->n, 4); /* the one without an answer */
	assert_int_equal(proto_stats(d->proto)->memory, 0);
	drive_free(d);
}

static void waiting_queries_are_bounded_and_the_oldest_comes_out(void **state)
{
	(void)state;
	for (unsigned n = 31; n <= 33; n++) {
		struct drive *d = drive_new(PACKET_UDP, 53, APP_UNKNOWN);
		for (unsigned i = 0; i < n; i++) {
			put_header(&query, i, 0x0100, 1, 0, 0, 0);
			put_question(&query, "a.example", 1);
			drive_send(d, FLOW_FORWARD, query.p, query.n);
		}
		assert_int_equal(d->n, n > 32);
		if (n > 32)
			drive_expect(d, 0, FIELD_DNS_ID, "0");
		drive_end(d);
		assert_int_equal(d->n, n);
		drive_free(d);
	}
}

static void tcp_messages_are_found_whatever_the_segments(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 64; size += 6) {
		struct drive *d = drive_new(PACKET_TCP, 53, APP_UNKNOWN);
		struct message stream = {0};
		for (unsigned i = 0; i < 2; i++) {
			put_header(&answer, i, 0x8183, 1, 0, 0, 0);
			put_question(&answer, "no.such.example", 16);
			put16(&stream, (unsigned)answer.n);
			put(&stream, answer.p, answer.n);
		}
		drive_send_cut(d, FLOW_REVERSE, stream.p, stream.n, size);
		assert_int_equal(d->flow.app, APP_DNS);
		assert_int_equal(d->n, 2);
		drive_expect(d, 1, FIELD_DNS_RCODE, "NXDOMAIN");
		drive_expect(d, 1, FIELD_DNS_TYPE, "TXT");
		drive_free(d);
	}
}

static void edns_widens_the_response_code(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 53, APP_UNKNOWN);
	put_header(&answer, 1, 0x8180, 1, 0, 0, 1);
	put_question(&answer, "a.example", 1);
	/* OPT: root, type 41, size 1232, extended code 1, version 0, flags, no options (RFC 6891, 6.1.2) */
	put(&answer, "\0\0\x29\x04\xd0\x01\0\0\0\0\0", 11);
	drive_send(d, FLOW_REVERSE, answer.p, answer.n);
	drive_expect(d, 0, FIELD_DNS_RCODE, "BADVERS");
	drive_free(d);
}

static void names_are_read_as_bytes_with_dots_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *wire;
		size_t n, at;
		const char *text; /* NULL: malformed */
	} cases[] = {
	    {"\0", 1, 0, "."},
	    {"\1a\0", 3, 0, "a"},
	    {"\3a.b\2\\c\0", 8, 0, "a\\.b.\\\\c"},
	    {"\1a\0\1b\xc0\0", 7, 3, "b.a"},
	    {"\xc0\0", 2, 0, NULL},          /* at itself */
	    {"\1a\xc0\0", 4, 0, NULL},       /* round */
	    {"\xc0\2\1a\0", 5, 0, NULL},     /* forwards */
	    {"\1a\xc0\4\xc0\0", 6, 4, NULL}, /* backwards, then forwards again */
	    {"\5abc", 4, 0, NULL},
	    {"\1a", 2, 0, NULL},
	    {"\x41xx\0", 4, 0, NULL}, /* neither a length nor a pointer */
	    {"\xc0", 1, 0, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = cursor_of(cases[i].wire, cases[i].n);
		struct dns_name name;
		cursor_seek(&c, cases[i].at);
		dns_name_read(&c, &name);
		assert_int_equal(cursor_ok(&c), cases[i].text != NULL);
		if (!cases[i].text)
			continue;
		assert_int_equal(name.n, strlen(cases[i].text));
		assert_memory_equal(name.text, cases[i].text, name.n);
		assert_int_equal(cursor_left(&c), 0);
	}
}

/* Labels are copied in words where they can be: each length, each place of a byte that needs a backslash, and
 * each number of bytes that follow in the message. */
static void labels_of_every_length_are_read_byte_by_byte(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 63; n++) {
		for (size_t odd = 0; odd <= n; odd++) { /* n: none */
			for (size_t behind = 0; behind <= 9; behind += 3) {
				uint8_t wire[80] = {(uint8_t)n};
				char text[80];
				size_t length = 0;
				for (size_t i = 0; i < n; i++) {
					wire[1 + i] = i == odd ? (n & 1 ? '.' : '\\')
					                       : (uint8_t)('a' + i % 26);
					if (i == odd)
						text[length++] = '\\';
					text[length++] = (char)wire[1 + i];
				}
				struct cursor c = cursor_of(wire, n + 2 + behind);
				struct dns_name name;
				dns_name_read(&c, &name);
				assert_true(cursor_ok(&c));
				assert_int_equal(name.n, length);
				assert_memory_equal(name.text, text, length);
				assert_int_equal(cursor_left(&c), behind);
			}
		}
	}
}

/* 255 bytes with the root's (RFC 1035, 2.3.4). */
static void a_name_may_be_255_bytes_long(void **state)
{
	(void)state;
	for (size_t length = 254; length <= 256; length++) {
		struct message m = {0};
		char label[64];
		memset(label, '.', sizeof(label));
		for (size_t left = length - 1; left;) {
			size_t n = left > 64 ? 63 : left - 1;
			put(&m, (uint8_t[1]){(uint8_t)n}, 1);
			put(&m, label, n);
			left -= n + 1;
		}
		put(&m, "", 1);
		assert_int_equal(m.n, length);
		struct cursor c = cursor_of(m.p, m.n);
		struct dns_name name;
		dns_name_read(&c, &name);
		assert_int_equal(cursor_ok(&c), length <= 255);
	}
}

static void mdns_answers_without_a_question_are_named_by_their_record(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 5353, APP_UNKNOWN);
	put_header(&answer, 0, 0x8400, 0, 1, 0, 0);
	put_name(&answer, "printer.local");
	put16(&answer, 1);
	put16(&answer, 0x8001); /* cache flush (RFC 6762, 10.2) */
	put(&answer, "\0\0\0\x78\0\4\xc0\0\2\7", 10);
	drive_send(d, FLOW_FORWARD, answer.p, answer.n);
	assert_int_equal(d->flow.app, APP_DNS);
	drive_expect(d, 0, FIELD_DNS_QUERY, "printer.local");
	drive_expect(d, 0, FIELD_DNS_TYPE, "A");
	drive_expect(d, 0, FIELD_DNS_ANSWER_ADDR, "192.0.2.7");
	drive_free(d);
}

static void what_only_looks_like_dns_is_not_taken(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *bytes;
		size_t n;
	} cases[] = {
	    {"NetBIOS name",
	        "\x80\x01\x01\x10\0\1\0\0\0\0\0\0\x20"
	        "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	        "\0\0\x21\0\1",
	        50},
	    {"class 7", "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\7", 19},
	    {"type 0", "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\0\0\1", 19},
	    {"too many questions", "\0\1\1\0\xff\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19},
	    {"cut", "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0", 18},
	    {"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = drive_new(PACKET_UDP, 53, APP_UNKNOWN);
		drive_send(d, FLOW_FORWARD, cases[i].bytes, cases[i].n);
		if (d->flow.app == APP_DNS)
			fail_msg("%s was taken for DNS", cases[i].what);
		drive_free(d);
	}
}

static void odd_flags_hide_no_name_at_the_ports_of_dns(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned flags;
	} cases[] = {
	    {"reserved bit", 0x0140},
	    {"opcode 3", 0x1900},
	    {"opcode 6", 0x3100},
	    {"opcode 15", 0x7900},
	    {"query with a code", 0x0101},
	};
	static const struct {
		unsigned port;
		bool own;
	} ports[] = {{53, true}, {5353, true}, {5355, true}, {8053, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < sizeof(ports) / sizeof(ports[0]); k++) {
			struct drive *d = drive_new(PACKET_UDP, (uint16_t)ports[k].port, APP_UNKNOWN);
			put_header(&answer, 7, cases[i].flags, 1, 0, 0, 0);
			put_question(&answer, "x.tunnel.example", 16);
			drive_send(d, FLOW_FORWARD, answer.p, answer.n);
			drive_end(d);
			if ((d->flow.app == APP_DNS) != ports[k].own || (d->n == 1) != ports[k].own)
				fail_msg("%s at %u", cases[i].what, ports[k].port);
			if (ports[k].own)
				drive_expect(d, 0, FIELD_DNS_QUERY, "x.tunnel.example");
			drive_free(d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_response_is_told_with_all_its_answers),
	    cmocka_unit_test(an_unanswered_query_comes_out_at_the_end_once),
	    cmocka_unit_test(an_exchange_that_is_over_keeps_nothing_and_may_go_on),
	    cmocka_unit_test(waiting_queries_are_bounded_and_the_oldest_comes_out),
	    cmocka_unit_test(tcp_messages_are_found_whatever_the_segments),
	    cmocka_unit_test(edns_widens_the_response_code),
	    cmocka_unit_test(names_are_read_as_bytes_with_dots_escaped),
	    cmocka_unit_test(labels_of_every_length_are_read_byte_by_byte),
	    cmocka_unit_test(a_name_may_be_255_bytes_long),
	    cmocka_unit_test(mdns_answers_without_a_question_are_named_by_their_record),
	    cmocka_unit_test(what_only_looks_like_dns_is_not_taken),
	    cmocka_unit_test(odd_flags_hide_no_name_at_the_ports_of_dns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
