/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "smb_bytes.h"

struct smb1 {
	unsigned command;
	bool response;
	uint32_t status;
	unsigned tree, multiplex;
};

/* MS-CIFS 2.2.3.1: Unicode strings, NT status codes. */
static void put_smb1(struct bytes *b, struct smb1 h)
{
	put_hex(b, "ff 53 4d 42");
	put_u8(b, h.command);
	put_le32(b, h.status);
	put_u8(b, h.response ? 0x80 : 0);
	put_le16(b, 0xc000);
	put_zero(b, 12);
	put_le16(b, h.tree);
	put_le16(b, 0x1234);
	put_le16(b, 0);
	put_le16(b, h.multiplex);
}

static struct drive *smb_flow(void)
{
	return drive_new(PACKET_TCP, 445, APP_UNKNOWN);
}

static void negotiated_dialect_is_the_one_of_the_index(void **state)
{
	(void)state;
	static const char *const want[] = {"PC NETWORK PROGRAM 1.0", "NT LM 0.12", NULL};
	for (unsigned i = 0; i < 3; i++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_smb1(&b, (struct smb1){.command = 0x72});
		put_u8(&b, 0);
		put_le16(&b, 36);
		put(&b, "\2PC NETWORK PROGRAM 1.0\0\2NT LM 0.12\0", 36);
		send_closed(d, FLOW_FORWARD, &b, o);
		o = nbss_open(&b);
		put_smb1(&b, (struct smb1){.command = 0x72, .response = true});
		put_u8(&b, 1);
		put_le16(&b, i);
		put_le16(&b, 0);
		send_closed(d, FLOW_REVERSE, &b, o);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_SMB_COMMAND, "SMB1_COMMAND_NEGOTIATE_PROTOCOL");
		drive_expect(d, 0, FIELD_SMB_DIALECT, want[i]);
		drive_free(d);
	}
}

/* SESSION_SETUP_ANDX without SPNEGO, chained to TREE_CONNECT_ANDX (MS-CIFS 2.2.4.53, .55). */
static void logon_and_share_of_one_chain_are_told(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	size_t o = nbss_open(&b), start = b.n;
	put_smb1(&b, (struct smb1){.command = 0x73, .multiplex = 2});
	put_u8(&b, 13);
	put_u8(&b, 0x75);
	put_u8(&b, 0);
	size_t andx = b.n;
	put_le16(&b, 0);
	put_zero(&b, 10);
	put_le16(&b, 24);
	put_le16(&b, 24);
	put_zero(&b, 8);
	put_le16(&b, 48 + 1 + 8 + 10);
	put_zero(&b, 48);
	put_u8(&b, 0); /* aligns the names */
	put_utf16(&b, "eve");
	put_le16(&b, 0);
	put_utf16(&b, "CORP");
	put_le16(&b, 0);
	store_le16(b.p + andx, (uint16_t)(b.n - start));
	put_u8(&b, 4);
	put_hex(&b, "ff 00 0000 0000 0100");
	put_le16(&b, 1 + 18);
	put_u8(&b, 0);
	if ((b.n - start) % 2)
		put_u8(&b, 0);
	put_utf16(&b, "\\\\s\\IPC$");
	put_le16(&b, 0);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x73, .multiplex = 2, .response = true, .tree = 9});
	put_u8(&b, 3);
	put_hex(&b, "75 00 2900 0000");
	put_le16(&b, 0);
	put_hex(&b, "03 ff 00 0000 0000");
	put_le16(&b, 4);
	put(&b, "IPC", 4);
	send_closed(d, FLOW_REVERSE, &b, o);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_AUTH_USER, "eve");
	drive_expect(d, 0, FIELD_NTLM_DOMAIN, "CORP");
	drive_expect(d, 0, FIELD_AUTH_METHOD, "NTLMv1");
	drive_expect(d, 0, FIELD_AUTH_RESULT, "success");
	drive_expect(d, 1, FIELD_SMB_COMMAND, "SMB1_COMMAND_TREE_CONNECT_ANDX");
	drive_expect(d, 1, FIELD_SMB_TREE, "\\\\s\\IPC$");
	drive_free(d);
}

static void chain_that_leads_back_ends(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x75, .response = true});
	put_hex(&b, "02 75 00 2000"); /* the next block is this one, at byte 32 */
	put_zero(&b, 8);
	send_closed(d, FLOW_REVERSE, &b, o);
	assert_int_equal(d->n, 1);
	drive_free(d);
}

static void create_named(struct drive *d, unsigned multiplex, const char *name, unsigned file)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0xa2, .multiplex = multiplex});
	put_u8(&b, 24);
	put_hex(&b, "ff 00 0000");
	put_zero(&b, 44);
	put_le16(&b, (unsigned)(2 * strlen(name) + 3));
	put_u8(&b, 0);
	put_utf16(&b, name);
	put_le16(&b, 0);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0xa2, .multiplex = multiplex, .response = true});
	put_u8(&b, 34);
	put_hex(&b, "ff 00 0000 00");
	put_le16(&b, file);
	put_zero(&b, 61);
	put_le16(&b, 0);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static void pipe_is_named_without_the_path_before_it(void **state)
{
	(void)state;
	static const char *const names[] = {"svcctl", "\\svcctl", "\\PIPE\\svcctl"};
	for (size_t i = 0; i < 3; i++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_smb1(&b, (struct smb1){.command = 0x75, .multiplex = 1, .response = true});
		put_hex(&b, "03 ff 00 0000 0000");
		put_le16(&b, 4);
		put(&b, "IPC", 4);
		send_closed(d, FLOW_REVERSE, &b, o);
		create_named(d, 2, names[i], 1);
		drive_expect(d, 1, FIELD_RPC_PIPE, "svcctl");
		drive_expect(d, 1, FIELD_SMB_FILE, names[i]);
		drive_free(d);
	}
}

static void written_and_read_bytes_are_told_at_the_close(void **state)
{
	(void)state;
	struct drive *d = smb_flow();
	struct bytes b = {0};
	create_named(d, 1, "\\a.txt", 0x4000);
	/* WRITE_ANDX (MS-CIFS 2.2.4.43): 9 bytes */
	size_t o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x2f, .multiplex = 2});
	put_hex(&b, "0c ff 00 0000 0040 00000000 00000000 0000 0000 0000 0900 3b00");
	put_le16(&b, 9);
	put_str(&b, "123456789");
	send_closed(d, FLOW_FORWARD, &b, o);
	/* READ_ANDX (2.2.4.42): 4 bytes */
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x2e, .multiplex = 3});
	put_hex(&b, "0a ff 00 0000 0040 00000000 0010 0010 00000000 0000");
	put_le16(&b, 0);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x2e, .multiplex = 3, .response = true});
	put_hex(&b, "0c ff 00 0000 0000 0000 0000 0400 3b00 0000 00000000 0000 0000");
	put_le16(&b, 4);
	put_str(&b, "abcd");
	send_closed(d, FLOW_REVERSE, &b, o);
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x04, .multiplex = 4});
	put_hex(&b, "03 0040 00000000 0000");
	send_closed(d, FLOW_FORWARD, &b, o);
	assert_int_equal(d->n, 3);
	drive_expect(d, 0, FIELD_SMB_FILE, "\\a.txt");
	drive_expect(d, 1, FIELD_SMB_DIRECTION, "read");
	drive_expect(d, 1, FIELD_FILE_BYTES, "4");
	drive_expect(d, 2, FIELD_SMB_COMMAND, "SMB1_COMMAND_WRITE_ANDX");
	drive_expect(d, 2, FIELD_FILE_BYTES, "9");
	drive_free(d);
}

static void trans2(struct drive *d, unsigned subcommand, unsigned asked, unsigned answered)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0x32, .multiplex = asked});
	put_u8(&b, 15);
	put_zero(&b, 26);
	put_hex(&b, "01 00");
	put_le16(&b, subcommand);
	put_le16(&b, 0);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb1(&b,
	    (struct smb1){.command = 0x32, .multiplex = answered, .response = true, .status = 0xc0000002});
	put_u8(&b, 0);
	put_le16(&b, 0);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static void doublepulsar_is_known_by_its_answers_multiplex_id(void **state)
{
	(void)state;
	static const struct {
		unsigned subcommand, asked, answered;
		size_t n;
	} rows[] = {
	    {0x0e, 65, 81, 2}, /* implanted */
	    {0x0e, 65, 65, 1}, /* asked, not implanted */
	    {0x05, 65, 81, 0}, /* another subcommand */
	};
	for (size_t i = 0; i < 3; i++) {
		struct drive *d = smb_flow();
		trans2(d, rows[i].subcommand, rows[i].asked, rows[i].answered);
		assert_int_equal(d->n, rows[i].n);
		if (rows[i].n > 0)
			drive_expect(d, 0, FIELD_ANOMALY, "smb1 TRANS2_SESSION_SETUP, which no client sends");
		if (rows[i].n > 1)
			drive_expect(d, 1, FIELD_ANOMALY,
			    "smb1 TRANS2_SESSION_SETUP answered as by the DoublePulsar implant");
		drive_free(d);
	}
}

/* NT_TRANSACT of `total` data bytes of which 1000 are here, then a secondary of the given kind
 * (MS-CIFS 2.2.4.62). */
static struct drive *nt_trans(uint32_t total, unsigned secondary, unsigned multiplex)
{
	struct drive *d = smb_flow();
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = 0xa0, .multiplex = 64});
	put_u8(&b, 20);
	put_zero(&b, 3);
	put_le32(&b, 30);
	put_le32(&b, total);
	put_zero(&b, 16);
	put_le32(&b, 1000);
	put_zero(&b, 9);
	put_le16(&b, 1000);
	put_zero(&b, 1000);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb1(&b, (struct smb1){.command = secondary, .multiplex = multiplex});
	put_u8(&b, 9);
	put_zero(&b, 20);
	send_closed(d, FLOW_FORWARD, &b, o);
	return d;
}

static void nt_transact_that_goes_on_as_trans2_is_an_anomaly(void **state)
{
	(void)state;
	static const char large[] = "smb1 NT_TRANSACT announces more than 65535 bytes";
	static const char mismatch[] = "smb1 NT_TRANSACT continued by TRANSACTION2_SECONDARY";
	static const struct {
		uint32_t total;
		unsigned secondary, multiplex;
		const char *anomalies[2];
	} rows[] = {
	    {66512, 0x33, 64, {large, mismatch}}, {65535, 0x33, 64, {mismatch, NULL}},
	    {65536, 0xa1, 64, {large, NULL}},                                 /* the right secondary */
	    {65535, 0xa1, 64, {NULL, NULL}}, {65535, 0x33, 63, {NULL, NULL}}, /* of another transaction */
	    {1000, 0x33, 64, {NULL, NULL}}, /* complete: nothing is to follow */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = nt_trans(rows[i].total, rows[i].secondary, rows[i].multiplex);
		for (size_t k = 0; k < 2; k++)
			drive_expect(d, k, FIELD_ANOMALY, rows[i].anomalies[k]);
		drive_free(d);
	}
}

static void peek_on_no_file_tells_an_unpatched_server(void **state)
{
	(void)state;
	for (int patched = 0; patched < 2; patched++) {
		struct drive *d = smb_flow();
		struct bytes b = {0};
		size_t o = nbss_open(&b);
		put_smb1(&b, (struct smb1){.command = 0x25, .multiplex = 7});
		put_u8(&b, 16);
		put_zero(&b, 26);
		put_hex(&b, "02 00 2300 0000 0000");
		send_closed(d, FLOW_FORWARD, &b, o);
		o = nbss_open(&b);
		put_smb1(&b, (struct smb1){.command = 0x25,
		                 .multiplex = 7,
		                 .response = true,
		                 .status = patched ? 0xc0000008 : 0xc0000205});
		put_hex(&b, "00 0000");
		send_closed(d, FLOW_REVERSE, &b, o);
		assert_int_equal(d->n, patched ? 0 : 1);
		drive_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(negotiated_dialect_is_the_one_of_the_index),
	    cmocka_unit_test(logon_and_share_of_one_chain_are_told),
	    cmocka_unit_test(chain_that_leads_back_ends),
	    cmocka_unit_test(pipe_is_named_without_the_path_before_it),
	    cmocka_unit_test(written_and_read_bytes_are_told_at_the_close),
	    cmocka_unit_test(doublepulsar_is_known_by_its_answers_multiplex_id),
	    cmocka_unit_test(nt_transact_that_goes_on_as_trans2_is_an_anomaly),
	    cmocka_unit_test(peek_on_no_file_tells_an_unpatched_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
