/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

static const char register_plain[] = "REGISTER sip:example.org SIP/2.0\r\n"
                                     "f: \"Alice\" <sip:alice:x@example.org>;tag=1\r\n"
                                     "CSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n";
static const char register_proof[] =
    "REGISTER sip:example.org SIP/2.0\r\n"
    "From: <sips:alice@example.org>\r\nAuthorization: Digest username=\"alice\"\r\n"
    "CSeq: 2 REGISTER\r\n\r\n";

static void registration_is_judged_only_after_proof(void **state)
{
	(void)state;
	static const struct {
		const char *code, *result;
	} rows[] = {{"200", "success"}, {"401", "failure"}, {"403", "failure"}, {"500", NULL}, {"100", NULL}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_UDP, 5060, APP_UNKNOWN);
		char answer[] = "SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\n\r\n";
		drive_send_str(d, FLOW_FORWARD, register_plain);
		assert_int_equal(d->flow.app, APP_SIP);
		drive_send_str(d, FLOW_REVERSE, answer);
		drive_expect(d, 0, FIELD_SIP_METHOD, "REGISTER");
		drive_expect(d, 0, FIELD_SIP_URI, "sip:example.org");
		drive_expect(d, 0, FIELD_AUTH_USER, "alice");
		drive_expect(d, 1, FIELD_SIP_CODE, "401");
		drive_expect(d, 1, FIELD_AUTH_RESULT, NULL);
		drive_send_str(d, FLOW_FORWARD, register_proof);
		memcpy(answer + 8, rows[i].code, 3);
		drive_send_str(d, FLOW_REVERSE, answer);
		assert_int_equal(d->n, 4);
		drive_expect(d, 3, FIELD_SIP_CODE, rows[i].code);
		drive_expect(d, 3, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void bodies_over_tcp_are_passed_over(void **state)
{
	(void)state;
	static const char stream[] = "INVITE sip:bob@example.org SIP/2.0\r\nl: 36\r\nCSeq: 1 INVITE\r\n\r\n"
	                             "BYE sip:not@example.org SIP/2.0\r\n\r\n_"
	                             "\r\n\r\nACK sip:bob@example.org SIP/2.0\r\n\r\n";
	for (size_t cut = 1; cut < 200; cut = cut * 3 + 1) {
		struct drive *d = drive_new(PACKET_TCP, 5060, APP_UNKNOWN);
		drive_send_cut(d, FLOW_FORWARD, stream, sizeof(stream) - 1, cut);
		if (cut >= 4) { /* smaller ones are given up on before the first word is whole */
			assert_int_equal(d->n, 2);
			drive_expect(d, 0, FIELD_SIP_METHOD, "INVITE");
			drive_expect(d, 1, FIELD_SIP_METHOD, "ACK");
		}
		drive_free(d);
	}
}

static void http_is_not_sip(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 5060, APP_UNKNOWN);
	drive_send_str(d, FLOW_FORWARD, "OPTIONS * HTTP/1.1\r\n\r\n");
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(registration_is_judged_only_after_proof),
	    cmocka_unit_test(bodies_over_tcp_are_passed_over),
	    cmocka_unit_test(http_is_not_sip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
