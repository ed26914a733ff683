/* SPDX-License-Identifier: GPL-2.0-or-later */

/* SMTP. */

#include "bytes.h"

#include <stdio.h>

static struct drive *greeted(void)
{
	struct drive *d = drive_new(PACKET_TCP, 2525, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "220 mx.example ESMTP\r\n");
	drive_send_str(d, FLOW_FORWARD, "EHLO client.example\r\n");
	assert_int_equal(d->flow.app, APP_SMTP);
	drive_send_str(d, FLOW_REVERSE, "250-mx.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n");
	return d;
}

static void message_is_told_with_envelope_subject_and_bytes(void **state)
{
	(void)state;
	/* the text without its closing dot: 25 + 20 + 12 + 2 + 10 = 69 bytes */
	static const char text[] = "From: <boss@example.org>\r\n"
	                           "Subject: plans for\r\n"
	                           " the orbit\r\n"
	                           "\r\n"
	                           "Subject: no\r\n";
	for (size_t cut = 1; cut < 64; cut *= 4) {
		struct drive *d = greeted();
		char bytes[16];
		drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<a@example.org> SIZE=100\r\n");
		drive_send_str(d, FLOW_REVERSE, "250 ok\r\n");
		drive_send_str(
		    d, FLOW_FORWARD, "RCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n");
		drive_send_str(d, FLOW_REVERSE, "250 ok\r\n250 ok\r\n354 go ahead\r\n");
		drive_send_cut(d, FLOW_FORWARD, text, sizeof(text) - 1, cut);
		drive_send_str(d, FLOW_FORWARD, "..\r\n.\r\n");
		assert_int_equal(d->n, 0);
		drive_send_str(d, FLOW_REVERSE, "250 queued\r\n");
		assert_int_equal(d->n, 1);
		snprintf(bytes, sizeof(bytes), "%zu", sizeof(text) - 1 + 4);
		drive_expect(d, 0, FIELD_SMTP_HELO, "client.example");
		drive_expect(d, 0, FIELD_SMTP_FROM, "a@example.org");
		assert_string_equal(drive_nth(d, 0, FIELD_SMTP_TO, 0), "b@example.net");
		assert_string_equal(drive_nth(d, 0, FIELD_SMTP_TO, 1), "c@example.net");
		drive_expect(d, 0, FIELD_SMTP_SUBJECT, "plans for the orbit");
		drive_expect(d, 0, FIELD_FILE_BYTES, bytes);
		drive_free(d);
	}
}

static void refused_data_is_followed_by_commands_again(void **state)
{
	(void)state;
	struct drive *d = greeted();
	drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
	drive_send_str(d, FLOW_REVERSE, "250 ok\r\n550 no such user\r\n503 no recipients\r\n");
	drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<c@x>\r\n");
	drive_end(d);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_SMTP_FROM, "c@x");
	drive_expect(d, 1, FIELD_FILE_BYTES, NULL);
	drive_free(d);
}

static void chunks_of_bdat_are_counted_and_not_read(void **state)
{
	(void)state;
	struct drive *d = greeted();
	drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 12\r\nMAIL FROM:<z");
	drive_send_str(d, FLOW_FORWARD, "BDAT 5 LAST\r\nRSET\n");
	drive_send_str(d, FLOW_REVERSE, "250 ok\r\n250 ok\r\n250 12 bytes\r\n250 queued\r\n");
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_SMTP_FROM, "a@x");
	drive_expect(d, 0, FIELD_FILE_BYTES, "17");
	drive_free(d);
}

/* The base64 texts are RFC 4616's and RFC 4954's kind: "\0eve\0pw", "eve", "pw", "eve 0123". */
static void logon_is_told_without_the_password(void **state)
{
	(void)state;
	static const struct {
		const char *command, *first, *second, *reply, *method, *result;
	} rows[] = {
	    {"AUTH PLAIN AGV2ZQBwdw==\r\n", NULL, NULL, "235 ok\r\n", "PLAIN", "success"},
	    {"AUTH PLAIN\r\n", "AGV2ZQBwdw==\r\n", NULL, "535 no\r\n", "PLAIN", "failure"},
	    {"AUTH LOGIN\r\n", "ZXZl\r\n", "cHc=\r\n", "235 ok\r\n", "LOGIN", "success"},
	    {"AUTH LOGIN ZXZl\r\n", "cHc=\r\n", NULL, "535 no\r\n", "LOGIN", "failure"},
	    {"AUTH CRAM-MD5\r\n", "ZXZlIDAxMjM=\r\n", NULL, "235 ok\r\n", "CRAM-MD5", "success"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = greeted();
		drive_send_str(d, FLOW_FORWARD, rows[i].command);
		if (rows[i].first) {
			drive_send_str(d, FLOW_REVERSE, "334 \r\n");
			drive_send_str(d, FLOW_FORWARD, rows[i].first);
		}
		if (rows[i].second) {
			drive_send_str(d, FLOW_REVERSE, "334 \r\n");
			drive_send_str(d, FLOW_FORWARD, rows[i].second);
		}
		drive_send_str(d, FLOW_REVERSE, rows[i].reply);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_AUTH_METHOD, rows[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		for (size_t k = 0; k < d->t[0].n; k++)
			assert_null(strstr(d->t[0].fields[k].value, "pw"));
		drive_free(d);
	}
}

static void recipients_beyond_the_bound_are_left_out(void **state)
{
	(void)state;
	enum { RECIPIENTS = 8 };
	for (int n = RECIPIENTS - 1; n <= RECIPIENTS + 1; n++) {
		struct drive *d = greeted();
		drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<a@x>\r\n");
		for (int i = 0; i < n; i++)
			drive_send_str(d, FLOW_FORWARD, "RCPT TO:<b@x>\r\n");
		drive_end(d);
		size_t told = 0;
		while (drive_nth(d, 0, FIELD_SMTP_TO, told))
			told++;
		assert_int_equal(told, n < RECIPIENTS ? n : RECIPIENTS);
		drive_free(d);
	}
}

static void starttls_ends_what_is_read_as_smtp(void **state)
{
	(void)state;
	static const char *const replies[] = {"220 go\r\n", "454 no\r\n"};
	for (int i = 0; i < 2; i++) {
		struct drive *d = greeted();
		drive_send_str(d, FLOW_FORWARD, "STARTTLS\r\n");
		drive_send_str(d, FLOW_REVERSE, replies[i]);
		drive_send_str(d, FLOW_FORWARD, "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n");
		drive_end(d);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_SMTP_FROM, "a@x");
		/* after the switch this is a protocol found anew, which knows no client's name */
		drive_expect(d, 0, FIELD_SMTP_HELO, i == 0 ? NULL : "client.example");
		drive_free(d);
	}
}

static void greeting_alone_is_nobodys(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 25, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "220 mx.example\r\n");
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_send_str(d, FLOW_FORWARD, "USER eve\r\n");
	assert_int_equal(d->flow.app, APP_FTP);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(message_is_told_with_envelope_subject_and_bytes),
	    cmocka_unit_test(refused_data_is_followed_by_commands_again),
	    cmocka_unit_test(chunks_of_bdat_are_counted_and_not_read),
	    cmocka_unit_test(logon_is_told_without_the_password),
	    cmocka_unit_test(recipients_beyond_the_bound_are_left_out),
	    cmocka_unit_test(starttls_ends_what_is_read_as_smtp),
	    cmocka_unit_test(greeting_alone_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
