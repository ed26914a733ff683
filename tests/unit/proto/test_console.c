/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Remote consoles: RDP's negotiation and VNC's logon. */

#include "bytes.h"

/* An X.224 connection request (MS-RDPBCGR 2.2.1.1). */
static void put_x224(struct bytes *b, unsigned code, const char *cookie, const char *negotiation)
{
	put_hex(b, "03 00 0000 00");
	put_u8(b, code);
	put_hex(b, "0000 0000 00");
	put_str(b, cookie);
	put_hex(b, negotiation);
	store_be16(b->p + 2, (uint16_t)b->n);
	b->p[4] = (uint8_t)(b->n - 5);
}

static void rdp_cookie_and_selected_security_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *cookie, *answer, *user, *security;
	} rows[] = {
	    {"Cookie: mstshash=eve\r\n", "02 1f 0800 02000000", "eve", "hybrid"},
	    {"Cookie: mstshash=eve\r\n", "02 00 0800 01000000", "eve", "ssl"},
	    {"", "02 00 0800 00000000", NULL, "rdp"},
	    {"", "", NULL, "rdp"},
	    {"Cookie: mstshash=eve\r\n", "03 00 0800 05000000", "eve", "hybrid required by server"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_TCP, 3390, APP_UNKNOWN);
		struct bytes b = {0};
		put_x224(&b, 0xe0, rows[i].cookie, "01 00 0800 03000000");
		drive_send_cut(d, FLOW_FORWARD, b.p, b.n, 9);
		assert_int_equal(d->flow.app, APP_RDP);
		b.n = 0;
		put_x224(&b, 0xd0, "", rows[i].answer);
		drive_send(d, FLOW_REVERSE, b.p, b.n);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_RDP_COOKIE, rows[i].user);
		drive_expect(d, 0, FIELD_RDP_SECURITY, rows[i].security);
		drive_free(d);
	}
}

static void rdp_request_without_an_answer_is_told_at_the_end(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 3389, APP_UNKNOWN);
	struct bytes b = {0};
	put_x224(&b, 0xe0, "Cookie: mstshash=scan\r\n", "01 00 0800 0b000000");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_RDP_COOKIE, "scan");
	drive_expect(d, 0, FIELD_RDP_SECURITY, "hybrid_ex");
	drive_free(d);
}

/* S7's connection request has X.224 too, with parameters where RDP has its negotiation. */
static void iso_transport_of_a_controller_is_not_rdp(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 102, APP_UNKNOWN);
	struct bytes b = {0};
	put_hex(&b, "03 00 00 16 11 e0 00 00 00 01 00 c0 01 0a c1 02 01 00 c2 02 01 02");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_free(d);
}

static void vnc_logon_is_judged_by_the_result(void **state)
{
	(void)state;
	static const struct {
		const char *version, *types, *choice, *challenge, *result;
		const char *method, *verdict;
	} rows[] = {
	    {"RFB 003.008\n", "02 01 02", "02", "c", "00000000", "vnc", "success"},
	    {"RFB 003.008\n", "02 01 02", "02", "c", "00000001", "vnc", "failure"},
	    {"RFB 003.008\n", "01 01", "01", NULL, "00000000", "none", "success"},
	    {"RFB 003.007\n", "01 01", "01", NULL, NULL, "none", "success"},
	    {"RFB 003.003\n", "00000002", NULL, "c", "00000001", "vnc", "failure"},
	    {"RFB 003.003\n", "00000001", NULL, NULL, NULL, "none", "success"},
	    {"RFB 003.008\n", "01 13", "13", NULL, NULL, "vencrypt", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_TCP, 5999, APP_UNKNOWN);
		struct bytes b = {0};
		drive_send_str(d, FLOW_REVERSE, "RFB 003.008\n");
		drive_send_str(d, FLOW_FORWARD, rows[i].version);
		assert_int_equal(d->flow.app, APP_VNC);
		put_hex(&b, rows[i].types);
		drive_send(d, FLOW_REVERSE, b.p, b.n);
		b.n = 0;
		put_hex(&b, rows[i].choice ? rows[i].choice : "");
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		if (rows[i].challenge) {
			drive_send_str(d, FLOW_REVERSE, "0123456789abcdef");
			drive_send_str(d, FLOW_FORWARD, "fedcba9876543210");
		}
		b.n = 0;
		put_hex(&b, rows[i].result ? rows[i].result : "");
		drive_send(d, FLOW_REVERSE, b.p, b.n);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_VNC_SERVER_VERSION, "003.008");
		drive_expect(d, 0, FIELD_VNC_SECURITY, rows[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].verdict);
		drive_free(d);
	}
}

static void vnc_that_stops_after_its_version_is_told(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 5900, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "RFB 004.001\n");
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_VNC_SERVER_VERSION, "004.001");
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rdp_cookie_and_selected_security_are_told),
	    cmocka_unit_test(rdp_request_without_an_answer_is_told_at_the_end),
	    cmocka_unit_test(iso_transport_of_a_controller_is_not_rdp),
	    cmocka_unit_test(vnc_logon_is_judged_by_the_result),
	    cmocka_unit_test(vnc_that_stops_after_its_version_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
