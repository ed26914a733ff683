/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

/* PrincipalName of one or two parts (RFC 4120 5.2.2) as [n]. */
static void put_name(struct bytes *b, unsigned n, const char *one, const char *two)
{
	size_t c = der_open(b, 0xa0 + n), s = der_open(b, 0x30);
	der_context_integer(b, 0, two ? 2 : 1);
	size_t parts = der_open(b, 0xa1), list = der_open(b, 0x30);
	der_string(b, 0x1b, one);
	if (two)
		der_string(b, 0x1b, two);
	der_close(b, list);
	der_close(b, parts);
	der_close(b, s);
	der_close(b, c);
}

/* KDC-REQ (5.4.1). padata: the type of the one pre-authentication element, 0 none. */
static void put_request(
    struct bytes *b, unsigned type, unsigned padata, const char *client, const char *service)
{
	size_t app = der_open(b, 0x60 + type), s = der_open(b, 0x30);
	der_context_integer(b, 1, 5);
	der_context_integer(b, 2, type);
	if (padata) {
		size_t pa = der_open(b, 0xa3), list = der_open(b, 0x30), one = der_open(b, 0x30);
		der_context_integer(b, 1, padata);
		der_context_string(b, 2, 4, "x");
		der_close(b, one);
		der_close(b, list);
		der_close(b, pa);
	}
	size_t body = der_open(b, 0xa4), bs = der_open(b, 0x30);
	put_hex(b, "a0 07 03 05 00 40 81 00 10");
	if (client)
		put_name(b, 1, client, NULL);
	der_context_string(b, 2, 0x1b, "CORP.LOCAL");
	put_name(b, 3, service, "fs1");
	size_t et = der_open(b, 0xa8), list = der_open(b, 0x30);
	der_integer(b, 2, 18);
	der_integer(b, 2, 23);
	put_hex(b, "02 01 80"); /* -128 */
	der_close(b, list);
	der_close(b, et);
	der_close(b, bs);
	der_close(b, body);
	der_close(b, s);
	der_close(b, app);
}

/* KDC-REP (5.4.2) with the ticket's and the reply's encryption. */
static void put_reply(struct bytes *b, unsigned type, unsigned ticket, unsigned reply)
{
	size_t app = der_open(b, 0x60 + type), s = der_open(b, 0x30);
	der_context_integer(b, 0, 5);
	der_context_integer(b, 1, type);
	der_context_string(b, 3, 0x1b, "CORP.LOCAL");
	put_name(b, 4, "eve", NULL);
	size_t t = der_open(b, 0xa5);
	put_krb_ticket(b, "CORP.LOCAL", "MSSQLSvc", "db1", ticket);
	der_close(b, t);
	size_t enc = der_open(b, 0xa6), es = der_open(b, 0x30);
	der_context_integer(b, 0, reply);
	der_context_string(b, 2, 4, "c");
	der_close(b, es);
	der_close(b, enc);
	der_close(b, s);
	der_close(b, app);
}

/* KRB-ERROR (5.9.1), which need not name the client. */
static void put_error(struct bytes *b, unsigned code)
{
	size_t app = der_open(b, 0x7e), s = der_open(b, 0x30);
	der_context_integer(b, 0, 5);
	der_context_integer(b, 1, 30);
	der_context_string(b, 4, 0x18, "20261123000000Z");
	der_context_integer(b, 5, 0);
	der_context_integer(b, 6, code);
	der_context_string(b, 9, 0x1b, "CORP.LOCAL");
	put_name(b, 10, "krbtgt", "CORP.LOCAL");
	der_close(b, s);
	der_close(b, app);
}

static struct drive *udp_flow(void)
{
	return drive_new(PACKET_UDP, 88, APP_UNKNOWN);
}

static void request_tells_who_asks_for_what_and_with_which_ciphers(void **state)
{
	(void)state;
	struct drive *d = udp_flow();
	struct bytes b = {0};
	put_request(&b, 10, 0, "eve", "krbtgt");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	assert_int_equal(d->flow.app, APP_KERBEROS);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_KRB_TYPE, "KRB_AS_REQ");
	drive_expect(d, 0, FIELD_KRB_CLIENT, "eve");
	drive_expect(d, 0, FIELD_KRB_REALM, "CORP.LOCAL");
	drive_expect(d, 0, FIELD_KRB_SERVICE, "krbtgt/fs1");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	assert_string_equal(drive_nth(d, 0, FIELD_KRB_ETYPE, 0), "aes256-cts-hmac-sha1-96");
	assert_string_equal(drive_nth(d, 0, FIELD_KRB_ETYPE, 1), "rc4-hmac");
	assert_string_equal(drive_nth(d, 0, FIELD_KRB_ETYPE, 2), "rc4-md4");
	drive_free(d);
}

static void ticket_with_rc4_is_seen_in_the_tgs_reply(void **state)
{
	(void)state;
	struct drive *d = udp_flow();
	struct bytes b = {0};
	put_reply(&b, 13, 23, 18);
	drive_send(d, FLOW_REVERSE, b.p, b.n);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_KRB_TYPE, "KRB_TGS_REP");
	drive_expect(d, 0, FIELD_KRB_CLIENT, "eve");
	drive_expect(d, 0, FIELD_KRB_SERVICE, "MSSQLSvc/db1");
	drive_expect(d, 0, FIELD_KRB_ETYPE, "rc4-hmac");
	assert_string_equal(drive_nth(d, 0, FIELD_KRB_ETYPE, 1), "aes256-cts-hmac-sha1-96");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void as_reply_is_a_logon_and_says_whether_proof_was_asked(void **state)
{
	(void)state;
	static const struct {
		unsigned padata;
		const char *method;
	} rows[] = {{2, "Kerberos"}, {128, "Kerberos without pre-authentication"},
	    {0, "Kerberos without pre-authentication"}};
	for (size_t i = 0; i < 3; i++) {
		struct drive *d = udp_flow();
		struct bytes b = {0};
		put_request(&b, 10, rows[i].padata, "eve", "krbtgt");
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		b.n = 0;
		put_reply(&b, 11, 18, 18);
		drive_send(d, FLOW_REVERSE, b.p, b.n);
		assert_int_equal(d->n, 2);
		drive_expect(d, 1, FIELD_AUTH_USER, "eve");
		drive_expect(d, 1, FIELD_AUTH_RESULT, "success");
		drive_expect(d, 1, FIELD_AUTH_METHOD, rows[i].method);
		drive_free(d);
	}
}

static void errors_that_turn_down_are_failures_and_others_are_not(void **state)
{
	(void)state;
	static const struct {
		unsigned code;
		const char *name, *result;
	} rows[] = {
	    {24, "KDC_ERR_PREAUTH_FAILED", "failure"},
	    {6, "KDC_ERR_C_PRINCIPAL_UNKNOWN", "failure"},
	    {18, "KDC_ERR_CLIENT_REVOKED", "failure"},
	    {25, "KDC_ERR_PREAUTH_REQUIRED", NULL},
	    {37, "KRB_AP_ERR_SKEW", NULL},
	    {120, "error-120", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = udp_flow();
		struct bytes b = {0};
		put_request(&b, 10, 2, "eve", "krbtgt");
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		b.n = 0;
		put_error(&b, rows[i].code);
		drive_send(d, FLOW_REVERSE, b.p, b.n);
		assert_int_equal(d->n, 2);
		drive_expect(d, 1, FIELD_KRB_ERROR, rows[i].name);
		drive_expect(d, 1, FIELD_AUTH_RESULT, rows[i].result);
		drive_expect(d, 1, FIELD_AUTH_USER, rows[i].result ? "eve" : NULL);
		drive_free(d);
	}
}

static void error_to_a_ticket_request_is_no_failed_logon(void **state)
{
	(void)state;
	struct drive *d = udp_flow();
	struct bytes b = {0};
	put_request(&b, 12, 1, NULL, "cifs");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	b.n = 0;
	put_error(&b, 12);
	drive_send(d, FLOW_REVERSE, b.p, b.n);
	drive_expect(d, 1, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void messages_over_tcp_are_framed_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < 40; cut += 6) {
		struct drive *d = drive_new(PACKET_TCP, 88, APP_UNKNOWN);
		struct bytes b = {0}, one = {0};
		put_request(&one, 10, 2, "eve", "krbtgt");
		put_be32(&b, (uint32_t)one.n);
		put(&b, one.p, one.n);
		put_be32(&b, (uint32_t)one.n);
		put(&b, one.p, one.n);
		drive_send_cut(d, FLOW_FORWARD, b.p, b.n, cut < 4 ? 25 : cut);
		assert_int_equal(d->n, 2);
		drive_free(d);
	}
}

static void ap_request_outside_spnego_names_the_service(void **state)
{
	(void)state;
	struct drive *d = udp_flow();
	struct bytes b = {0};
	put_krb_ap_req(&b, "CORP.LOCAL", "kadmin", "changepw", 18);
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_KRB_TYPE, "KRB_AP_REQ");
	drive_expect(d, 0, FIELD_KRB_SERVICE, "kadmin/changepw");
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_tells_who_asks_for_what_and_with_which_ciphers),
	    cmocka_unit_test(ticket_with_rc4_is_seen_in_the_tgs_reply),
	    cmocka_unit_test(as_reply_is_a_logon_and_says_whether_proof_was_asked),
	    cmocka_unit_test(errors_that_turn_down_are_failures_and_others_are_not),
	    cmocka_unit_test(error_to_a_ticket_request_is_no_failed_logon),
	    cmocka_unit_test(messages_over_tcp_are_framed_however_they_are_cut),
	    cmocka_unit_test(ap_request_outside_spnego_names_the_service),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
