/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Records as a person reads them, and as JSON. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "daemon/words.h"
#include "msg/msg.h"
#include "net/app.h"

static struct net_addr addr(const char *text)
{
	struct net_addr a = {0};
	assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

static void assert_words(const struct dynbuf *encoded, const char *expected)
{
	struct dynbuf out = {0};
	assert_int_equal(words_record(dynbuf_view(encoded), &out), 0);
	dynbuf_u8(&out, 0);
	assert_string_equal((char *)out.p, expected);
	dynbuf_free(&out);
}

static struct msg_flow a_flow(void)
{
	return (struct msg_flow){.id = 7,
	    .protocol = 6,
	    .initiator = addr("10.0.0.11"),
	    .responder = addr("2001:db8::5"),
	    .initiator_port = 49152,
	    .responder_port = 443,
	    .first = INT64_C(1500000000000000000), /* 2017-07-14T02:40:00Z */
	    .last = INT64_C(1500000001500000000),
	    .packets_out = 3,
	    .packets_in = 2,
	    .payload_out = 1000,
	    .payload_in = UINT64_MAX,
	    .end = 1,
	    .app = APP_TLS,
	    .name = TEXT("evil\x1b[2J.example")};
}

static void a_flow_is_told_in_words_without_control_bytes(void **state)
{
	struct dynbuf b = {0};
	struct msg_flow f = a_flow();
	(void)state;
	assert_int_equal(msg_flow_encode(&b, &f), 0);
	assert_words(&b, "flow 7: TCP from 10.0.0.11:49152 to [2001:db8::5]:443 called evil\\x1b[2J.example, "
	                 "application tls\n"
	                 "  from 2017-07-14T02:40:00.000000000Z to 2017-07-14T02:40:01.500000000Z, closed by "
	                 "both ends\n"
	                 "  payload 1000 bytes out, 18446744073709551615 bytes in; packets 3 out, 2 in; seen "
	                 "at vantage 0\n");
	dynbuf_free(&b);
}

static void the_json_has_every_field_and_rounds_none(void **state)
{
	struct dynbuf b = {0};
	struct msg_flow f = a_flow();
	json_t *j;
	(void)state;
	assert_int_equal(msg_flow_encode(&b, &f), 0);
	assert_int_equal(words_json(dynbuf_view(&b), &j), 0);
	assert_int_equal(json_object_size(j), 36); /* 35 fields and the kind */
	assert_string_equal(json_string_value(json_object_get(j, "payload_in")), "18446744073709551615");
	assert_int_equal(json_integer_value(json_object_get(j, "payload_out")), 1000);
	assert_string_equal(json_string_value(json_object_get(j, "responder")), "2001:db8::5");
	assert_string_equal(json_string_value(json_object_get(j, "last")), "2017-07-14T02:40:01.500000000Z");
	assert_true(json_is_null(json_object_get(j, "established")));
	assert_string_equal(json_string_value(json_object_get(j, "initiator_mac")), "00:00:00:00:00:00");
	json_decref(j);
	dynbuf_free(&b);
}

static void fields_are_shown_by_their_kind(void **state)
{
	struct net_addr answer = addr("192.0.2.7");
	struct field_value v[] = {{FIELD_DNS_QUERY, TEXT("a.example")},
	    {FIELD_DNS_ANSWER_ADDR, text_bytes(answer.b, 16)}, {FIELD_TLS_JA3, TEXT("\x01\xfe")},
	    {(enum field)60000, TEXT("x")}};
	struct msg_transaction t = {
	    .id = 9, .flow = 7, .app = APP_DNS, .time = INT64_C(1500000000000000000), .fields = {v, 4}};
	struct dynbuf b = {0};
	json_t *j;
	(void)state;
	assert_int_equal(msg_transaction_encode(&b, &t), 0);
	assert_words(&b,
	    "transaction 9: dns, of flow 7, at 2017-07-14T02:40:00.000000000Z\n"
	    "  dns.rrname a.example, dns.answers.addr 192.0.2.7, tls.ja3 01fe, field 60000 78\n");
	assert_int_equal(words_json(dynbuf_view(&b), &j), 0);
	const json_t *third = json_array_get(json_object_get(j, "fields"), 2);
	assert_string_equal(json_string_value(json_object_get(third, "value")), "01fe");
	assert_string_equal(json_string_value(json_object_get(third, "name")), "tls.ja3");
	json_decref(j);
	dynbuf_free(&b);
}

static void a_detection_a_binding_and_coverage_have_words(void **state)
{
	uint64_t ids[] = {3, 4};
	struct msg_detection d = {.id = 1,
	    .source = MSG_SOURCE_BEHAVIOUR,
	    .name = TEXT("scan"),
	    .technique = TEXT("T1046"),
	    .confidence = 0.75,
	    .asset = addr("10.0.0.1"),
	    .asset_role = MSG_ROLE_ACTOR,
	    .count = 2,
	    .why = TEXT("200 ports"),
	    .flows = {ids, 2}};
	struct msg_binding m = {.id = 2, .addr = addr("10.0.0.1"), .mac = {{2, 0, 0, 0, 0, 9}}, .source = 3};
	struct msg_coverage c = {
	    .id = 5, .name = TEXT("eth0"), .origin = TEXT("a.pcap"), .packets = 9, .bytes = 900};
	struct dynbuf b = {0};
	(void)state;
	assert_int_equal(msg_detection_encode(&b, &d), 0);
	assert_words(&b, "detection 1: scan (behaviour, T1046), confidence 0.75, actor 10.0.0.1\n"
	                 "  from an unknown time to an unknown time, 2 observations; flows 3, 4\n"
	                 "  200 ports\n");
	dynbuf_reset(&b);
	assert_int_equal(msg_binding_encode(&b, &m), 0);
	assert_words(&b, "binding 2: 10.0.0.1 is 02:00:00:00:00:09, by DHCP\n"
	                 "  from an unknown time to an unknown time, seen at vantage 0\n");
	dynbuf_reset(&b);
	assert_int_equal(msg_coverage_encode(&b, &c), 0);
	assert_words(&b, "coverage 5: link eth0, read from a.pcap\n"
	                 "  from an unknown time to an unknown time, 9 packets, 900 bytes, 0 packets lost\n");
	dynbuf_free(&b);
}

static void an_endless_confidence_is_no_json_number(void **state)
{
	struct msg_detection d = {.id = 1, .confidence = (double)INFINITY};
	struct dynbuf b = {0};
	json_t *j;
	(void)state;
	assert_int_equal(msg_detection_encode(&b, &d), 0);
	assert_int_equal(words_json(dynbuf_view(&b), &j), 0);
	assert_true(json_is_null(json_object_get(j, "confidence")));
	json_decref(j);
	dynbuf_free(&b);
}

static void what_is_no_record_is_refused(void **state)
{
	struct dynbuf b = {0}, out = {0};
	struct msg_flow f = a_flow();
	json_t *j;
	(void)state;
	assert_int_equal(msg_flow_encode(&b, &f), 0);
	for (size_t n = 0; n < b.n; n++) {
		assert_int_equal(words_record(text_bytes(b.p, n), &out), -ERR_TRUNCATED);
		assert_int_equal(words_json(text_bytes(b.p, n), &j), -ERR_TRUNCATED);
	}
	b.p[0] = 6; /* one more than the last kind */
	assert_int_equal(words_record(dynbuf_view(&b), &out), -ERR_UNSUPPORTED);
	assert_int_equal(words_json(dynbuf_view(&b), &j), -ERR_UNSUPPORTED);
	b.p[0] = 0;
	assert_int_equal(words_record(dynbuf_view(&b), &out), -ERR_UNSUPPORTED);
	b.p[0] = 1;
	b.p[MSG_HEADER_SIZE + 16] = 0xff; /* the count of `also` */
	b.p[MSG_HEADER_SIZE + 17] = 0xff;
	assert_int_equal(words_record(dynbuf_view(&b), &out), -ERR_MALFORMED);
	dynbuf_free(&b);
	dynbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flow_is_told_in_words_without_control_bytes),
	    cmocka_unit_test(the_json_has_every_field_and_rounds_none),
	    cmocka_unit_test(fields_are_shown_by_their_kind),
	    cmocka_unit_test(a_detection_a_binding_and_coverage_have_words),
	    cmocka_unit_test(an_endless_confidence_is_no_json_number),
	    cmocka_unit_test(what_is_no_record_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
