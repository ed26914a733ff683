/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

static struct drive *greeted(void)
{
	struct drive *d = drive_new(PACKET_TCP, 2121, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "220-welcome\r\n220 to this server\r\n");
	return d;
}

static void ask(struct drive *d, const char *command, const char *reply)
{
	drive_send_str(d, FLOW_FORWARD, command);
	drive_send_str(d, FLOW_REVERSE, reply);
}

static void commands_are_told_with_their_final_reply(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "USER eve\r\n", "331 password?\r\n");
	assert_int_equal(d->flow.app, APP_FTP);
	ask(d, "PASS secret\r\n", "230-hello\r\n 230 not the end\r\n230 done\r\n");
	ask(d, "retr plans.pdf\r\n", "150 opening\r\n226 sent\r\n");
	assert_int_equal(d->n, 3);
	drive_expect(d, 0, FIELD_FTP_COMMAND, "USER");
	drive_expect(d, 0, FIELD_FTP_REPLY, "331");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_expect(d, 1, FIELD_FTP_COMMAND, "PASS");
	drive_expect(d, 1, FIELD_FTP_ARGUMENT, NULL); /* never kept */
	drive_expect(d, 1, FIELD_AUTH_USER, "eve");
	drive_expect(d, 1, FIELD_AUTH_RESULT, "success");
	drive_expect(d, 2, FIELD_FTP_COMMAND, "RETR");
	drive_expect(d, 2, FIELD_FILE_NAME, "plans.pdf");
	drive_expect(d, 2, FIELD_FTP_REPLY, "226");
	drive_free(d);
}

static void wrong_password_is_a_failure(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "USER eve\r\n", "331 password?\r\n");
	ask(d, "PASS a\r\n", "530 no\r\n");
	ask(d, "PASS b\r\n", "421 too many\r\n");
	drive_expect(d, 1, FIELD_AUTH_RESULT, "failure");
	drive_expect(d, 2, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void data_connection_to_a_third_address_is_an_anomaly(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		bool anomaly;
	} rows[] = {
	    {"PORT 10,0,0,1,4,1\r\n", false},
	    {"PORT 10,0,0,9,4,1\r\n", true},
	    {"EPRT |1|10.0.0.9|1025|\r\n", true},
	    {"EPRT |1|10.0.0.1|1025|\r\n", false},
	    {"PORT 10,0,0,9,4\r\n", false},
	    {"PORT 10,0,0,9,4,256\r\n", false},
	    {"EPRT |1|10.0.0.9\r\n", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = greeted();
		ask(d, rows[i].command, "200 ok\r\n");
		assert_int_equal(d->n, 1);
		drive_expect(
		    d, 0, FIELD_ANOMALY, rows[i].anomaly ? "ftp data connection to a third address" : NULL);
		drive_free(d);
	}
}

static void commands_without_a_reply_are_bounded_and_told(void **state)
{
	(void)state;
	enum { PENDING = 8 };
	for (size_t n = PENDING - 1; n <= PENDING + 1; n++) {
		struct drive *d = greeted();
		for (size_t i = 0; i < n; i++)
			drive_send_str(d, FLOW_FORWARD, "CWD x\r\n");
		assert_int_equal(d->n, n > PENDING ? 1 : 0);
		drive_end(d);
		assert_int_equal(d->n, n);
		drive_expect(d, 0, FIELD_FTP_REPLY, NULL);
		drive_free(d);
	}
}

static void auth_tls_ends_what_is_read_as_ftp(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "AUTH TLS\r\n", "530 not now\r\n");
	ask(d, "PWD\r\n", "257 /\r\n");
	ask(d, "AUTH TLS\r\n", "234 go\r\n");
	assert_int_equal(d->n, 3);
	drive_send(d, FLOW_FORWARD, "\x16\x03\x01\x00\x05", 5);
	assert_int_equal(d->n, 3);
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void client_of_irc_is_not_one_of_ftp(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 6667, APP_UNKNOWN);
	drive_send_str(d, FLOW_FORWARD, "USER eve 0 * :Eve\r\n");
	drive_send_str(d, FLOW_FORWARD, "NICK eve\r\n");
	drive_end(d);
	assert_int_not_equal(d->flow.app, APP_FTP);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_are_told_with_their_final_reply),
	    cmocka_unit_test(wrong_password_is_a_failure),
	    cmocka_unit_test(data_connection_to_a_third_address_is_an_anomaly),
	    cmocka_unit_test(commands_without_a_reply_are_bounded_and_told),
	    cmocka_unit_test(auth_tls_ends_what_is_read_as_ftp),
	    cmocka_unit_test(client_of_irc_is_not_one_of_ftp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
