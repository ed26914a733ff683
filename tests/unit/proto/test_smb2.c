/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "smb_bytes.h"

#include "proto/smb.h"

static struct drive *smb_flow(void)
{
	return drive_new(PACKET_TCP, 445, APP_UNKNOWN);
}

static void session_setup(
    struct drive *d, uint64_t message, uint32_t status, unsigned flags, const struct bytes *token)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 1, .message = message});
	put_le16(&b, 25);
	put_zero(&b, 10);
	put_le16(&b, 88);
	put_le16(&b, (unsigned)token->n);
	put_zero(&b, 8);
	put(&b, token->p, token->n);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 1, .message = message, .response = true, .status = status});
	put_le16(&b, 9);
	put_le16(&b, flags);
	put_le16(&b, 72);
	put_le16(&b, 0);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static void dialect_is_told_by_the_negotiate_response(void **state)
{
	(void)state;
	static const struct {
		unsigned number;
		const char *text;
	} rows[] = {{0x0202, "2.02"}, {0x0210, "2.10"}, {0x0300, "3.00"}, {0x0302, "3.02"}, {0x0311, "3.11"},
	    {0x02ff, "2.?\?"}};
	for (size_t i = 0; i < 6; i++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_smb2(&b, (struct smb2){.command = 0, .response = true});
		put_le16(&b, 65);
		put_le16(&b, 1);
		put_le16(&b, rows[i].number);
		put_zero(&b, 59);
		send_closed(d, FLOW_REVERSE, &b, o);
		assert_int_equal(d->flow.app, APP_SMB);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_SMB_COMMAND, "SMB2_COMMAND_NEGOTIATE_PROTOCOL");
		drive_expect(d, 0, FIELD_SMB_DIALECT, rows[i].text);
		drive_free(d);
	}
}

static void logon_result_is_the_last_status_and_more_processing_is_none(void **state)
{
	(void)state;
	static const struct {
		uint32_t status;
		unsigned flags;
		const char *name, *result, *method;
	} rows[] = {
	    {0, 0, "STATUS_SUCCESS", "success", "NTLMv2"},
	    {0xc000006d, 0, "STATUS_LOGON_FAILURE", "failure", "NTLMv2"},
	    {0xc0000234, 0, "STATUS_ACCOUNT_LOCKED_OUT", "failure", "NTLMv2"},
	    {0xc000000d, 0, "STATUS_INVALID_PARAMETER", NULL, "NTLMv2"},
	    {0, 1, "STATUS_SUCCESS", "success", "guest"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = smb_flow();
		struct bytes one = {0}, three = {0};
		put_ntlm_negotiate(&one);
		put_ntlm_authenticate(&three, "eve", "CORP", "WS1", 80);
		session_setup(d, 1, 0xc0000016, 0, &one);
		assert_int_equal(d->n, 0);
		session_setup(d, 2, rows[i].status, rows[i].flags, &three);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_SMB_COMMAND, "SMB2_COMMAND_SESSION_SETUP");
		drive_expect(d, 0, FIELD_SMB_STATUS, rows[i].name);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_NTLM_DOMAIN, "CORP");
		drive_expect(d, 0, FIELD_NTLM_HOST, "WS1");
		drive_expect(d, 0, FIELD_AUTH_METHOD, rows[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void logon_without_an_answer_is_told_without_a_result(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes three = {0}, b = {0};
	put_ntlm_authenticate(&three, "eve", "CORP", "WS1", 80);
	size_t o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 1});
	put_le16(&b, 25);
	put_zero(&b, 10);
	put_le16(&b, 88);
	put_le16(&b, (unsigned)three.n);
	put_zero(&b, 8);
	put(&b, three.p, three.n);
	send_closed(d, FLOW_FORWARD, &b, o);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_AUTH_USER, "eve");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void bytes_of_a_file_are_summed_up_and_told_when_it_is_closed(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	char data[3000] = {'x'};
	smb2_tree(d, 1, "\\\\fs1\\plans", 1);
	smb2_create(d, 2, "a\\b.doc", 77);
	smb2_write(d, 3, 77, data, 3000, 0);
	smb2_write(d, 4, 77, data, 500, 0);
	smb2_write(d, 5, 77, data, 1000, 0xc000007f); /* disk full: not written */
	smb2_read(d, 6, 77, data, 1234);
	assert_int_equal(d->n, 2);
	smb2_close(d, 7, 77);
	assert_int_equal(d->n, 4);
	drive_expect(d, 0, FIELD_SMB_TREE, "\\\\fs1\\plans");
	drive_expect(d, 1, FIELD_SMB_COMMAND, "SMB2_COMMAND_CREATE");
	drive_expect(d, 1, FIELD_SMB_FILE, "a\\b.doc");
	drive_expect(d, 1, FIELD_RPC_PIPE, NULL);
	drive_expect(d, 2, FIELD_SMB_DIRECTION, "read");
	drive_expect(d, 2, FIELD_FILE_BYTES, "1234");
	drive_expect(d, 3, FIELD_SMB_DIRECTION, "write");
	drive_expect(d, 3, FIELD_FILE_BYTES, "3500");
	drive_expect(d, 3, FIELD_SMB_FILE, "a\\b.doc");
	drive_expect(d, 3, FIELD_SMB_TREE, "\\\\fs1\\plans");
	drive_free(d);
}

static void file_that_stays_open_is_told_when_the_flow_ends(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	smb2_create(d, 2, "b.doc", 77);
	smb2_write(d, 3, 77, "12345", 5, 0);
	drive_end(d);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_FILE_BYTES, "5");
	drive_free(d);
}

static void file_opened_before_the_capture_is_counted_without_a_name(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	smb2_write(d, 3, 77, "12345", 5, 0);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_SMB_FILE, NULL);
	drive_expect(d, 0, FIELD_FILE_BYTES, "5");
	drive_free(d);
}

static void file_content_is_not_looked_at_nor_kept(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	enum { BULK = 1 << 20 };
	uint8_t *bulk = calloc(1, BULK);
	assert_non_null(bulk);
	smb2_create(d, 2, "big", 77);
	size_t before = proto_stats(d->proto)->memory;
	nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 9, .message = 3});
	put_le16(&b, 49);
	put_le16(&b, 112);
	put_le32(&b, BULK);
	put_le64(&b, 0);
	put_le64(&b, 77);
	put_le64(&b, 77);
	put_zero(&b, 16);
	store_be32(b.p, (uint32_t)(b.n - 4 + BULK));
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	/* no message of these zeros is one, so reading them would break the flow */
	drive_send_cut(d, FLOW_FORWARD, bulk, BULK, 100000);
	assert_true(proto_stats(d->proto)->memory <= before + 256);
	smb2_close(d, 4, 77);
	drive_expect(d, 1, FIELD_FILE_BYTES, "1048576");
	free(bulk);
	drive_free(d);
}

/* CREATE, WRITE and CLOSE in one message, the latter two about "the file of the part before"
 * (MS-SMB2 3.3.5.2.7). */
static void compound_is_about_the_file_that_its_create_opens(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2_create_request(&b, (struct smb2){.command = 5, .message = 2, .next = 128}, "c.do");
	put_smb2(&b, (struct smb2){.command = 9, .message = 3, .flags = 4, .next = 120});
	put_le16(&b, 49);
	put_le16(&b, 112);
	put_le32(&b, 8);
	put_le64(&b, 0);
	put_le64(&b, UINT64_MAX);
	put_le64(&b, UINT64_MAX);
	put_zero(&b, 16);
	put_str(&b, "12345678");
	put_smb2(&b, (struct smb2){.command = 6, .message = 4, .flags = 4});
	put_le16(&b, 24);
	put_zero(&b, 6);
	put_le64(&b, UINT64_MAX);
	put_le64(&b, UINT64_MAX);
	nbss_close(&b, o);
	/* however the stream is cut */
	drive_send_cut(d, FLOW_FORWARD, b.p, b.n, 7);
	b.n = 0;
	o = nbss_open(&b);
	put_smb2_create_response(&b, (struct smb2){.command = 5, .message = 2, .next = 152}, 99);
	put_smb2(&b, (struct smb2){.command = 9, .message = 3, .flags = 4, .response = true, .next = 80});
	put_le16(&b, 17);
	put_zero(&b, 14);
	put_smb2(&b, (struct smb2){.command = 6, .message = 4, .flags = 4, .response = true});
	put_le16(&b, 60);
	put_zero(&b, 58);
	nbss_close(&b, o);
	drive_send_cut(d, FLOW_REVERSE, b.p, b.n, 11);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_SMB_FILE, "c.do");
	drive_expect(d, 1, FIELD_SMB_FILE, "c.do");
	drive_expect(d, 1, FIELD_FILE_BYTES, "8");
	drive_free(d);
}

static void a_file_that_was_asked_for_in_vain_is_told(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	smb2_tree(d, 1, "\\\\fs1\\ADMIN$", 1);
	smb2_create(d, 2, "answered", 7);
	struct bytes b = {0};
	for (unsigned i = 0; i < SMB_PENDING_MAX + 10; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%u", i);
		size_t o = nbss_open(&b);
		put_smb2_create_request(&b, (struct smb2){.command = 5, .message = 3 + i}, name);
		send_closed(d, FLOW_FORWARD, &b, o);
	}
	/* more than are kept: those that were pushed out are told at once, the rest at the end, each once */
	assert_true(d->n >= 2 + 10);
	drive_end(d);
	assert_int_equal(d->n, 2 + SMB_PENDING_MAX + 10);
	drive_expect(d, 1, FIELD_SMB_FILE, "answered");
	drive_expect(d, 1, FIELD_SMB_STATUS, "STATUS_SUCCESS");
	drive_expect(d, 2, FIELD_SMB_COMMAND, "SMB2_COMMAND_CREATE");
	drive_expect(d, 2, FIELD_SMB_TREE, "\\\\fs1\\ADMIN$");
	drive_expect(d, 2, FIELD_SMB_STATUS, "unanswered");
	drive_free(d);
}

static void rename_and_delete_are_told_with_their_names(void **state)
{
	(void)state;
	static const char to[] = "new.doc";
	for (int delete = 0; delete < 2; delete ++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		smb2_create(d, 2, "old.doc", 77);
		size_t o = nbss_open(&b);
		put_smb2(&b, (struct smb2){.command = 17, .message = 3});
		put_le16(&b, 33);
		put_u8(&b, 1);
		put_u8(&b, delete ? 13 : 10);
		put_le32(&b, 0);
		put_le16(&b, 96);
		put_zero(&b, 6);
		put_le64(&b, 77);
		put_le64(&b, 77);
		put_u8(&b, 1);
		if (!delete) {
			put_zero(&b, 15);
			put_le32(&b, 2 * (sizeof(to) - 1));
			put_utf16(&b, to);
		}
		send_closed(d, FLOW_FORWARD, &b, o);
		o = nbss_open(&b);
		put_smb2(&b, (struct smb2){.command = 17, .message = 3, .response = true});
		put_le16(&b, 2);
		send_closed(d, FLOW_REVERSE, &b, o);
		assert_int_equal(d->n, 2);
		drive_expect(d, 1, FIELD_SMB_COMMAND,
		    delete ? "SMB2_COMMAND_SET_INFO_DELETE" : "SMB2_COMMAND_SET_INFO_RENAME");
		drive_expect(d, 1, FIELD_SMB_FILE, "old.doc");
		drive_expect(d, 1, FIELD_FILE_NAME, delete ? NULL : to);
		drive_free(d);
	}
}

static void interim_answer_is_not_the_answer(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2_create_request(&b, (struct smb2){.command = 5, .message = 2}, "x");
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2(
	    &b, (struct smb2){.command = 5, .message = 2, .response = true, .status = 0x103, .flags = 2});
	put_le16(&b, 9);
	put_zero(&b, 7);
	send_closed(d, FLOW_REVERSE, &b, o);
	assert_int_equal(d->n, 0);
	o = nbss_open(&b);
	put_smb2_create_response(&b, (struct smb2){.command = 5, .message = 2, .flags = 2}, 9);
	send_closed(d, FLOW_REVERSE, &b, o);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_SMB_FILE, "x");
	drive_free(d);
}

static void encrypted_messages_are_told_once_and_passed_over(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	for (int i = 0; i < 3; i++) {
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_hex(&b, "fd 53 4d 42");
		put_zero(&b, 200);
		send_closed(d, FLOW_FORWARD, &b, o);
	}
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_SMB_COMMAND, "SMB3_TRANSFORM");
	smb2_tree(d, 9, "\\\\a\\b", 1);
	assert_int_equal(d->n, 2);
	drive_free(d);
}

/* CVE-2020-0796: the sum of the two sizes wraps in 32 bits. */
static void compression_header_that_overflows_is_an_anomaly(void **state)
{
	(void)state;
	static const struct {
		uint32_t size, offset;
		bool anomaly;
	} rows[] = {
	    {0xffffffff, 0, false}, {0xffffffff, 1, true}, {4096, 16, false}, {0xffff0000, 0xffff, false}};
	for (size_t i = 0; i < 4; i++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_hex(&b, "fc 53 4d 42");
		put_le32(&b, rows[i].size);
		put_le16(&b, 1);
		put_le16(&b, 0);
		put_le32(&b, rows[i].offset);
		put_zero(&b, 40);
		send_closed(d, FLOW_FORWARD, &b, o);
		assert_int_equal(d->n, rows[i].anomaly ? 2 : 1);
		assert_int_equal(drive_get(d, 0, FIELD_ANOMALY) != NULL, rows[i].anomaly);
		drive_free(d);
	}
}

static void after_missing_bytes_the_next_message_is_found(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	smb2_create(d, 2, "x", 7);
	/* the tail of a message, whose front is missing, then a whole one; cut so that the mark is split */
	put_str(&b, "SMB tail SSMB");
	size_t o = nbss_open(&b);
	put_smb2_write(&b, 3, 7, "12345", 5);
	nbss_close(&b, o);
	drive_send_after(d, FLOW_FORWARD, 1000, b.p, 19);
	drive_send(d, FLOW_FORWARD, b.p + 19, b.n - 19);
	drive_end(d);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_FILE_BYTES, "5");
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void gap_inside_content_costs_nothing(void **state)
{
	static const uint8_t zeros[2000];
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	smb2_create(d, 2, "x", 7);
	size_t o = nbss_open(&b);
	put_smb2_write(&b, 3, 7, zeros, sizeof(zeros));
	nbss_close(&b, o);
	drive_send(d, FLOW_FORWARD, b.p, 300);
	drive_send_after(d, FLOW_FORWARD, 1000, b.p + 1300, b.n - 1300);
	smb2_close(d, 4, 7);
	drive_expect(d, 1, FIELD_FILE_BYTES, "2000");
	drive_free(d);
}

static void open_files_are_bounded_and_the_longest_unused_is_told(void **state)
{
	(void)state;
	for (unsigned n = SMB_FILES_MAX - 1; n <= SMB_FILES_MAX + 1; n++) {
		struct drive *d = smb_flow();
		/* opened before the capture: nothing but their bytes is told */
		for (unsigned i = 0; i < n; i++)
			smb2_write(d, i, 1000 + i, "1", 1, 0);
		assert_int_equal(d->n, n > SMB_FILES_MAX ? 1 : 0);
		drive_end(d);
		assert_int_equal(d->n, n);
		drive_free(d);
	}
}

static void trees_are_bounded_and_the_oldest_goes(void **state)
{
	(void)state;
	for (unsigned n = SMB_TREES_MAX - 1; n <= SMB_TREES_MAX + 1; n++) {
		struct drive *d = smb_flow();
		for (unsigned i = 0; i < n; i++) {
			struct bytes b = {0};
			size_t o = nbss_open(&b);
			put_smb2(&b, (struct smb2){.command = 3, .message = i});
			put_hex(&b, "09 00 00 00 48 00 02 00");
			put_utf16(&b, "s");
			send_closed(d, FLOW_FORWARD, &b, o);
			o = nbss_open(&b);
			put_smb2(&b, (struct smb2){.command = 3, .message = i, .response = true});
			store_le32(b.p + 4 + 36, SMB2_TEST_TREE + i);
			put_hex(&b, "10 00 01 00 00000000 00000000 00000000");
			send_closed(d, FLOW_REVERSE, &b, o);
		}
		/* a file of the first tree: its share is known as long as it is kept */
		smb2_create(d, 1000, "f", 1);
		drive_expect(d, n, FIELD_SMB_TREE, n > SMB_TREES_MAX ? NULL : "s");
		drive_free(d);
	}
}

static void session_request_on_port_139_is_smb(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 139, APP_UNKNOWN);
	struct bytes b = {0};
	put_hex(&b, "81 00 00 44 20");
	put_str(&b, "EFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEF");
	put_hex(&b, "00 20");
	put_str(&b, "EFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEF");
	put_hex(&b, "00");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	assert_int_equal(d->flow.app, APP_SMB);
	drive_send(d, FLOW_REVERSE, "\x82\0\0\0", 4);
	smb2_tree(d, 1, "\\\\a\\b", 1);
	assert_int_equal(d->n, 1);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dialect_is_told_by_the_negotiate_response),
	    cmocka_unit_test(logon_result_is_the_last_status_and_more_processing_is_none),
	    cmocka_unit_test(logon_without_an_answer_is_told_without_a_result),
	    cmocka_unit_test(bytes_of_a_file_are_summed_up_and_told_when_it_is_closed),
	    cmocka_unit_test(file_that_stays_open_is_told_when_the_flow_ends),
	    cmocka_unit_test(file_opened_before_the_capture_is_counted_without_a_name),
	    cmocka_unit_test(file_content_is_not_looked_at_nor_kept),
	    cmocka_unit_test(compound_is_about_the_file_that_its_create_opens),
	    cmocka_unit_test(a_file_that_was_asked_for_in_vain_is_told),
	    cmocka_unit_test(rename_and_delete_are_told_with_their_names),
	    cmocka_unit_test(interim_answer_is_not_the_answer),
	    cmocka_unit_test(encrypted_messages_are_told_once_and_passed_over),
	    cmocka_unit_test(compression_header_that_overflows_is_an_anomaly),
	    cmocka_unit_test(after_missing_bytes_the_next_message_is_found),
	    cmocka_unit_test(gap_inside_content_costs_nothing),
	    cmocka_unit_test(open_files_are_bounded_and_the_longest_unused_is_told),
	    cmocka_unit_test(trees_are_bounded_and_the_oldest_goes),
	    cmocka_unit_test(session_request_on_port_139_is_smb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
