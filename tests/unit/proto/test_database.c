/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Logons of MySQL, PostgreSQL and Microsoft SQL Server. */

#include "bytes.h"

static void send_taken(struct drive *d, enum flow_dir dir, struct bytes *b)
{
	drive_send(d, dir, b->p, b->n);
	b->n = 0;
}

/* A MySQL packet: three bytes of length, a sequence number. */
static void mysql_send(struct drive *d, enum flow_dir dir, unsigned sequence, const struct bytes *payload)
{
	struct bytes b = {0};
	put_le32(&b, (uint32_t)payload->n | (uint32_t)sequence << 24);
	put(&b, payload->p, payload->n);
	send_taken(d, dir, &b);
}

static struct drive *mysql_greeted(void)
{
	struct drive *d = drive_new(PACKET_TCP, 3307, APP_UNKNOWN);
	struct bytes b = {0};
	put_u8(&b, 10);
	put(&b, "8.0.36", 7);
	put_le32(&b, 7);
	put_str(&b, "challeng");
	put_u8(&b, 0);
	put_le16(&b, 0xffff);
	put_zero(&b, 18);
	mysql_send(d, FLOW_REVERSE, 0, &b);
	assert_int_equal(d->flow.app, APP_MYSQL);
	return d;
}

static void mysql_logon_is_judged_by_the_server(void **state)
{
	(void)state;
	static const struct {
		const char *reply, *result;
	} rows[] = {
	    {"00 00 00 02 00", "success"}, {"ff 15 04 23 32 38 30 30 30", "failure"}, /* 1045 */
	    {"ff 10 04 23 30 38 30 30 34", NULL}, /* 1040: too many connections */
	};
	for (size_t i = 0; i < 3; i++) {
		struct drive *d = mysql_greeted();
		struct bytes b = {0};
		put_le32(&b, 0x200);
		put_zero(&b, 28);
		put(&b, "eve", 4);
		put_u8(&b, 0);
		mysql_send(d, FLOW_FORWARD, 1, &b);
		b.n = 0;
		put_u8(&b, 0xfe);
		put(&b, "mysql_native_password", 22);
		mysql_send(d, FLOW_REVERSE, 2, &b);
		b.n = 0;
		put_hex(&b, rows[i].reply);
		mysql_send(d, FLOW_REVERSE, 4, &b);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_AUTH_METHOD, "mysql_native_password");
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void mysql_that_turns_to_tls_is_read_no_further(void **state)
{
	(void)state;
	struct drive *d = mysql_greeted();
	struct bytes b = {0};
	put_le32(&b, 0xa00);
	put_zero(&b, 28);
	mysql_send(d, FLOW_FORWARD, 1, &b);
	drive_send(d, FLOW_FORWARD, "\x16\x03\x01\x00\x05", 5);
	drive_end(d);
	assert_int_equal(d->n, 0);
	assert_int_equal(d->flow.app, APP_MYSQL);
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void put_pgsql_startup(struct bytes *b)
{
	size_t at = b->n;
	put_be32(b, 0);
	put_be32(b, 196608);
	put(b, "database\0db\0user\0eve\0", 22);
	store_be32(b->p + at, (uint32_t)(b->n - at));
}

static void pgsql_logon_is_judged_by_the_server(void **state)
{
	(void)state;
	static const struct {
		const char *replies, *method, *result;
	} rows[] = {
	    {"52 0000000c 00000005 11223344 52 00000008 00000000", "md5", "success"},
	    {"52 00000008 00000000", "trust", "success"},
	    /* ErrorResponse: S "FATAL", C "28P01" */
	    {"52 00000008 00000003 45 00000013 53 464154414c 00 43 3238503031 00 00", "cleartext", "failure"},
	    /* 3D000: no such database */
	    {"52 00000008 0000000a 45 00000013 53 464154414c 00 43 3344303030 00 00", "scram-sha-256", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_TCP, 5433, APP_UNKNOWN);
		struct bytes b = {0};
		put_pgsql_startup(&b);
		drive_send_cut(d, FLOW_FORWARD, b.p, b.n, 16);
		assert_int_equal(d->flow.app, APP_POSTGRESQL);
		b.n = 0;
		put_hex(&b, rows[i].replies);
		drive_send_cut(d, FLOW_REVERSE, b.p, b.n, 3);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_AUTH_METHOD, rows[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void pgsql_goes_on_in_the_clear_where_tls_is_refused(void **state)
{
	(void)state;
	for (int granted = 0; granted < 2; granted++) {
		struct drive *d = drive_new(PACKET_TCP, 5432, APP_UNKNOWN);
		struct bytes b = {0};
		put_hex(&b, "00000008 04d2162f");
		send_taken(d, FLOW_FORWARD, &b);
		drive_send_str(d, FLOW_REVERSE, granted ? "S" : "N");
		put_pgsql_startup(&b);
		send_taken(d, FLOW_FORWARD, &b);
		put_hex(&b, "52 00000008 00000000");
		send_taken(d, FLOW_REVERSE, &b);
		drive_end(d);
		assert_int_equal(d->flow.app, APP_POSTGRESQL);
		assert_int_equal(d->n, 1);
		drive_free(d);
	}
}

static void put_tds(struct bytes *b, unsigned type, const struct bytes *payload)
{
	put_u8(b, type);
	put_u8(b, 1);
	put_be16(b, (unsigned)payload->n + 8);
	put_hex(b, "0000 01 00");
	put(b, payload->p, payload->n);
}

static void tds_logon_is_judged_by_the_server(void **state)
{
	(void)state;
	static const struct {
		bool ntlm;
		const char *reply, *method, *result;
	} rows[] = {
	    {false, "ad 0400 01740000", "password", "success"},
	    /* ENVCHANGE, then ERROR 18456 */
	    {false, "e3 0300 010203 aa 0600 18480000 0000", "password", "failure"},
	    {false, "aa 0600 dc0f0000 0000", "password", NULL}, /* 4060: no such database */
	    {true, "ad 0400 01740000", "NTLMv2", "success"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_TCP, 1444, APP_UNKNOWN);
		struct bytes b = {0}, p = {0};
		put_hex(&p, "00 000b 0006 01 0011 0001 ff 0f000000 0000 02");
		put_tds(&b, 0x12, &p);
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->flow.app, APP_MSSQL);
		put_tds(&b, 0x04, &p);
		send_taken(d, FLOW_REVERSE, &b);
		/* LOGIN7 (MS-TDS 2.2.6.4): 94 fixed bytes, then the user's name */
		p.n = 0;
		put_zero(&p, 40);
		put_le16(&p, 94);
		put_le16(&p, rows[i].ntlm ? 0 : 3);
		put_zero(&p, 50);
		put_utf16(&p, rows[i].ntlm ? "" : "eve");
		put_tds(&b, 0x10, &p);
		send_taken(d, FLOW_FORWARD, &b);
		if (rows[i].ntlm) {
			p.n = 0;
			put_ntlm_authenticate(&p, "eve", "CORP", "WS1", 60);
			put_tds(&b, 0x11, &p);
			send_taken(d, FLOW_FORWARD, &b);
		}
		p.n = 0;
		put_hex(&p, rows[i].reply);
		put_tds(&b, 0x04, &p);
		send_taken(d, FLOW_REVERSE, &b);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_AUTH_METHOD, rows[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void tds_that_turns_to_tls_is_read_no_further(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 1433, APP_UNKNOWN);
	struct bytes b = {0}, p = {0};
	put_hex(&p, "00 000b 0006 01 0011 0001 ff 0f000000 0000 01");
	put_tds(&b, 0x12, &p);
	put_hex(&b, "16 03 03 00 05 01 02 03 04 05");
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 0);
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mysql_logon_is_judged_by_the_server),
	    cmocka_unit_test(mysql_that_turns_to_tls_is_read_no_further),
	    cmocka_unit_test(pgsql_logon_is_judged_by_the_server),
	    cmocka_unit_test(pgsql_goes_on_in_the_clear_where_tls_is_refused),
	    cmocka_unit_test(tds_logon_is_judged_by_the_server),
	    cmocka_unit_test(tds_that_turns_to_tls_is_read_no_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
