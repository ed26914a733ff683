/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines of EVE JSON: what a parser of JSON reads is what was written, whatever bytes the network sent. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/dynbuf.h"
#include "exchange/eve.h"
#include "net/app.h"

#define FIELD(id, s)                                                                                         \
	{                                                                                                    \
		.field = FIELD_##id, .value = {.p = (s), .n = sizeof(s) - 1 }                                \
	}

static const struct msg_flow flow = {.id = 7,
    .protocol = 17,
    .initiator = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
    .responder = {.b = {[10] = 0xff, [11] = 0xff, [12] = 203, [14] = 113, [15] = 66}},
    .initiator_port = 40000,
    .responder_port = 53,
    .vlan = 12};

static json_t *line_of(const struct field_value *v, uint32_t n)
{
	struct eve_writer *e;
	struct text line;
	json_error_t error;
	struct msg_transaction t = {
	    .app = APP_DNS, .time = 1500000000123456789, .fields = {.v = (struct field_value *)v, .n = n}};
	assert_int_equal(eve_writer_new(&e), 0);
	/* twice: the ends are written again from what is kept */
	assert_int_equal(eve_writer_transaction(e, &flow, &t, &line), 0);
	assert_int_equal(eve_writer_transaction(e, &flow, &t, &line), 0);
	json_t *j = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		fail_msg("%s: %.*s", error.text, (int)line.n, line.p);
	eve_writer_free(e);
	return j;
}

static const char *string_at(const json_t *j, const char *outer, const char *inner)
{
	return json_string_value(json_object_get(json_object_get(j, outer), inner));
}

static void what_every_line_begins_with(void **state)
{
	json_t *j = line_of(NULL, 0);
	(void)state;
	assert_string_equal(
	    json_string_value(json_object_get(j, "timestamp")), "2017-07-14T02:40:00.123456+0000");
	assert_string_equal(json_string_value(json_object_get(j, "event_type")), "dns");
	assert_string_equal(json_string_value(json_object_get(j, "src_ip")), "10.0.0.1");
	assert_string_equal(json_string_value(json_object_get(j, "dest_ip")), "203.0.113.66");
	assert_string_equal(json_string_value(json_object_get(j, "proto")), "UDP");
	assert_int_equal(json_integer_value(json_object_get(j, "flow_id")), 7);
	assert_int_equal(json_integer_value(json_object_get(j, "dest_port")), 53);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(j, "vlan"), 0)), 12);
	json_decref(j);
}

static void fields_of_one_path_stand_in_one_object_wherever_they_come(void **state)
{
	static const struct field_value v[] = {FIELD(DNS_QUERY, "a.example"), FIELD(TLS_SNI, "b.example"),
	    FIELD(DNS_ANSWER, "one"), FIELD(DNS_ID, "77"), FIELD(DNS_ANSWER, "two"), FIELD(SSH_CLIENT, "c"),
	    FIELD(SSH_HASSH, "\x01\xab"), FIELD(NONE, "left out")};
	json_t *j = line_of(v, sizeof(v) / sizeof(*v));
	(void)state;
	assert_string_equal(string_at(j, "dns", "rrname"), "a.example");
	assert_string_equal(string_at(j, "tls", "sni"), "b.example");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "dns"), "id")), 77);
	json_t *answers = json_object_get(json_object_get(json_object_get(j, "dns"), "answers"), "rdata");
	assert_int_equal(json_array_size(answers), 2);
	assert_string_equal(json_string_value(json_array_get(answers, 1)), "two");
	const json_t *client = json_object_get(json_object_get(j, "ssh"), "client");
	assert_string_equal(json_string_value(json_object_get(client, "software_version")), "c");
	assert_string_equal(json_string_value(json_object_get(client, "hassh")), "01ab");
	json_decref(j);
}

/* The line from its key "dns" or "anomaly" on: what stands where, and in which order. */
static void assert_fields(const struct field_value *v, uint32_t n, const char *written)
{
	struct eve_writer *e;
	struct text line;
	struct msg_transaction t = {.app = APP_DNS, .fields = {.v = (struct field_value *)v, .n = n}};
	assert_int_equal(eve_writer_new(&e), 0);
	assert_int_equal(eve_writer_transaction(e, &flow, &t, &line), 0);
	assert_true(line.n > strlen(written));
	assert_memory_equal(line.p + line.n - strlen(written), written, strlen(written));
	eve_writer_free(e);
}

static void keys_come_in_the_order_of_their_first_values(void **state)
{
	static const struct field_value mixed[] = {FIELD(RPC_NAME, "n"), FIELD(DNS_ANSWER, "one"),
	    FIELD(RPC_OPNUM, "3"), FIELD(DNS_QUERY, "q"), FIELD(DNS_ANSWER, "two"),
	    FIELD(RPC_INTERFACE, "u")};
	(void)state;
	assert_fields(mixed, sizeof(mixed) / sizeof(*mixed),
	    ",\"dcerpc\":{\"interface\":{\"name\":\"n\",\"uuid\":\"u\"},\"opnum\":3},"
	    "\"dns\":{\"answers\":{\"rdata\":[\"one\",\"two\"]},\"rrname\":\"q\"}}");
}

static void of_a_path_that_is_a_value_and_an_object_the_first_stays(void **state)
{
	static const struct field_value object[] = {FIELD(ANOMALY_EVENT, "e"), FIELD(ANOMALY, "lost"),
	    FIELD(ANOMALY_OFFSET, "5"), FIELD(ANOMALY, "lost")},
	                                value[] = {FIELD(ANOMALY, "v"), FIELD(ANOMALY_EVENT, "lost"),
	                                    FIELD(DNS_ID, "1"), FIELD(ANOMALY, "w")};
	(void)state;
	assert_fields(object, 4, ",\"anomaly\":{\"event\":\"e\",\"offset\":5}}");
	assert_fields(value, 4, ",\"anomaly\":[\"v\",\"w\"],\"dns\":{\"id\":1}}");
}

static void as_many_fields_as_a_record_has(void **state)
{
	struct field_value v[MSG_FIELDS_MAX];
	(void)state;
	for (size_t i = 0; i < MSG_FIELDS_MAX; i++)
		v[i] = i % 2 ? (struct field_value)FIELD(DNS_ANSWER, "a")
		             : (struct field_value)FIELD(DNS_ID, "1");
	json_t *j = line_of(v, MSG_FIELDS_MAX);
	const json_t *dns = json_object_get(j, "dns");
	assert_int_equal(json_array_size(json_object_get(dns, "id")), MSG_FIELDS_MAX / 2);
	assert_int_equal(
	    json_array_size(json_object_get(json_object_get(dns, "answers"), "rdata")), MSG_FIELDS_MAX / 2);
	json_decref(j);
}

/* Below each power of ten and at it; the largest that JSON's readers take. */
static void counts_of_every_length(void **state)
{
	struct eve_writer *e;
	(void)state;
	assert_int_equal(eve_writer_new(&e), 0);
	for (uint64_t ten = 1; ten < INT64_MAX / 10; ten *= 10) {
		struct msg_flow f = flow;
		struct text line;
		json_error_t error;
		f.packets_out = ten - 1;
		f.packets_in = ten;
		f.wire_in = UINT64_MAX;
		assert_int_equal(eve_writer_flow(e, &f, &line), 0);
		json_t *j = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
		const json_t *counters = json_object_get(j, "flow");
		assert_int_equal(json_integer_value(json_object_get(counters, "pkts_toserver")), ten - 1);
		assert_int_equal(json_integer_value(json_object_get(counters, "pkts_toclient")), ten);
		assert_int_equal(json_integer_value(json_object_get(counters, "bytes_toclient")), INT64_MAX);
		json_decref(j);
	}
	eve_writer_free(e);
}

/* Octets of one, two and three digits. */
static void addresses_as_inet_ntop_writes_them(void **state)
{
	struct eve_writer *e;
	(void)state;
	assert_int_equal(eve_writer_new(&e), 0);
	for (unsigned octet = 0; octet < 256; octet++) {
		struct msg_flow f = flow;
		struct text line;
		char written[32];
		f.initiator.b[13] = f.initiator.b[15] = (uint8_t)octet;
		assert_int_equal(eve_writer_flow(e, &f, &line), 0);
		snprintf(written, sizeof(written), "\"src_ip\":\"10.%u.0.%u\",", octet, octet);
		assert_non_null(memmem(line.p, line.n, written, strlen(written)));
	}
	eve_writer_free(e);
}

static void a_number_that_is_none_is_text(void **state)
{
	static const struct field_value v[] = {FIELD(DNS_ID, "7x")};
	json_t *j = line_of(v, 1);
	(void)state;
	assert_string_equal(string_at(j, "dns", "id"), "7x");
	json_decref(j);
}

/* Wherever it stands among others, of which eight are looked at together. */
static void an_awkward_byte_is_found_in_every_place(void **state)
{
	static const char awkward[] = {'"', '\\', '\x1f', '\0', '\x7f', (char)0x80};
	(void)state;
	for (size_t n = 1; n < 20; n++)
		for (size_t i = 0; i < n * sizeof(awkward); i++) {
			char bytes[20];
			const struct field_value v = {
			    .field = FIELD_DNS_QUERY, .value = {.p = bytes, .n = n}};
			struct dynbuf clean = {.p = NULL};
			memset(bytes, i % 2 ? '!' : '~', sizeof(bytes));
			bytes[i / sizeof(awkward)] = awkward[i % sizeof(awkward)];
			json_t *j = line_of(&v, 1);
			assert_int_equal(text_append_printable(&clean, v.value), 0);
			const json_t *read = json_object_get(json_object_get(j, "dns"), "rrname");
			assert_int_equal(json_string_length(read), clean.n);
			assert_memory_equal(json_string_value(read), clean.p, clean.n);
			dynbuf_free(&clean);
			json_decref(j);
		}
}

/* Each byte and each pair of a byte with an awkward one. */
static void any_byte_is_written_clean(void **state)
{
	static const char awkward[] = {'"', '\\', '\n', '\0', '\x7f', (char)0xc3, (char)0xff, 'a'};
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t i = 0; i < sizeof(awkward); i++) {
			char bytes[] = {awkward[i], (char)c, awkward[i]};
			const struct field_value v = {
			    .field = FIELD_DNS_QUERY, .value = {.p = bytes, .n = sizeof(bytes)}};
			struct dynbuf clean = {.p = NULL};
			json_t *j = line_of(&v, 1);
			assert_int_equal(text_append_printable(&clean, v.value), 0);
			const json_t *read = json_object_get(json_object_get(j, "dns"), "rrname");
			assert_int_equal(json_string_length(read), clean.n);
			assert_memory_equal(json_string_value(read), clean.p, clean.n);
			dynbuf_free(&clean);
			json_decref(j);
		}
}

/* Plain and escaped ones that need more room than a line has had. */
static void long_texts_are_written_whole(void **state)
{
	enum { LONGEST = 60000 };
	static char text[LONGEST];
	struct eve_writer *e;
	(void)state;
	for (unsigned escaped = 0; escaped < 2; escaped++) {
		memset(text, escaped ? '"' : 'x', sizeof(text));
		assert_int_equal(eve_writer_new(&e), 0);
		for (size_t n = 1; n <= LONGEST; n = n * 3 / 2 + 1) {
			struct field_value v = {.field = FIELD_HTTP_URI, .value = {.p = text, .n = n}};
			struct msg_transaction t = {.app = APP_HTTP, .fields = {.v = &v, .n = 1}};
			struct text line;
			json_error_t error;
			assert_int_equal(eve_writer_transaction(e, &flow, &t, &line), 0);
			json_t *j = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
			const json_t *url = json_object_get(json_object_get(j, "http"), "url");
			assert_int_equal(json_string_length(url), n);
			assert_memory_equal(json_string_value(url), text, n);
			json_decref(j);
		}
		eve_writer_free(e);
	}
}

static void times_before_and_at_the_turn_of_a_second_and_a_minute(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {{0, "1970-01-01T00:00:00.000000+0000"}, {999999999, "1970-01-01T00:00:00.999999+0000"},
	    {1000000000, "1970-01-01T00:00:01.000000+0000"}, {-1, "1969-12-31T23:59:59.999999+0000"},
	    {-1000000000, "1969-12-31T23:59:59.000000+0000"},
	    {-60000000000, "1969-12-31T23:59:00.000000+0000"},
	    {-60000000001, "1969-12-31T23:58:59.999999+0000"}, {INT64_MIN, "1677-09-21T00:12:43.145224+0000"},
	    {INT64_MAX, "2262-04-11T23:47:16.854775+0000"}, {60000000000, "1970-01-01T00:01:00.000000+0000"},
	    {1000, "1970-01-01T00:00:00.000001+0000"}, {1000, "1970-01-01T00:00:00.000001+0000"},
	    {60000001000, "1970-01-01T00:01:00.000001+0000"}};
	struct eve_writer *e;
	(void)state;
	assert_int_equal(eve_writer_new(&e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct msg_transaction t = {.app = APP_DNS, .time = cases[i].ns};
		struct text line;
		json_error_t error;
		assert_int_equal(eve_writer_transaction(e, &flow, &t, &line), 0);
		json_t *j = json_loadb(line.p, line.n, 0, &error);
		assert_string_equal(json_string_value(json_object_get(j, "timestamp")), cases[i].text);
		json_decref(j);
	}
	eve_writer_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_every_line_begins_with),
	    cmocka_unit_test(fields_of_one_path_stand_in_one_object_wherever_they_come),
	    cmocka_unit_test(keys_come_in_the_order_of_their_first_values),
	    cmocka_unit_test(of_a_path_that_is_a_value_and_an_object_the_first_stays),
	    cmocka_unit_test(as_many_fields_as_a_record_has),
	    cmocka_unit_test(counts_of_every_length),
	    cmocka_unit_test(addresses_as_inet_ntop_writes_them),
	    cmocka_unit_test(an_awkward_byte_is_found_in_every_place),
	    cmocka_unit_test(a_number_that_is_none_is_text),
	    cmocka_unit_test(any_byte_is_written_clean),
	    cmocka_unit_test(long_texts_are_written_whole),
	    cmocka_unit_test(times_before_and_at_the_turn_of_a_second_and_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
