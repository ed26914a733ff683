/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "smb_bytes.h"

#include <stdio.h>

enum {
	REQUEST = 0,
	RESPONSE = 2,
	FAULT = 3,
	BIND = 11,
	BIND_ACK = 12,
	ALTER = 14,
	ALTER_RESP = 15,
	AUTH3 = 16
};

/* The common header (C706 12.6.3.1), little-endian; lengths are filled in by pdu_close. */
static size_t pdu_open(struct bytes *b, unsigned type, unsigned flags)
{
	size_t at = b->n;
	put_u8(b, 5);
	put_u8(b, 0);
	put_u8(b, type);
	put_u8(b, flags);
	put_hex(b, "10 00 00 00 0000 0000 01000000");
	return at;
}

static void pdu_close(struct bytes *b, size_t at, size_t auth)
{
	store_le16(b->p + at + 8, (uint16_t)(b->n - at));
	store_le16(b->p + at + 10, (uint16_t)auth);
}

static void put_auth(struct bytes *b, unsigned type, const struct bytes *token)
{
	put_u8(b, type);
	put_hex(b, "05 00 00 00000000");
	put(b, token->p, token->n);
}

static const char svcctl[] = "81bb7a36 4498 f135 ad32 98f038001003";
static const char activator[] = "a0010000 0000 0000 c000 000000000046";

static void put_context(struct bytes *b, unsigned id, const char *uuid)
{
	put_le16(b, id);
	put_hex(b, "01 00");
	put_hex(b, uuid);
	put_le32(b, 2);
	put_hex(b, "045d888aeb1cc9119fe808002b104860 02000000");
}

static void put_bind(struct bytes *b, unsigned id, const char *uuid, const struct bytes *token)
{
	size_t at = pdu_open(b, BIND, 3);
	put_hex(b, "d016 d016 00000000 01 000000");
	put_context(b, id, uuid);
	if (token)
		put_auth(b, 10, token);
	pdu_close(b, at, token ? token->n : 0);
}

static void put_request(struct bytes *b, unsigned context, unsigned opnum, const char *stub)
{
	size_t at = pdu_open(b, REQUEST, 3);
	put_le32(b, 64);
	put_le16(b, context);
	put_le16(b, opnum);
	put_hex(b, stub);
	pdu_close(b, at, 0);
}

static void send_taken(struct drive *d, enum flow_dir dir, struct bytes *b)
{
	drive_send(d, dir, b->p, b->n);
	b->n = 0;
}

static struct drive *bound(const char *uuid)
{
	struct drive *d = drive_new(PACKET_TCP, 49999, APP_UNKNOWN);
	struct bytes b = {0};
	put_bind(&b, 7, uuid, NULL);
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->flow.app, APP_DCERPC);
	assert_int_equal(d->n, 1);
	return d;
}

static void bind_names_the_interface_and_requests_the_operation(void **state)
{
	(void)state;
	struct drive *d = bound(svcctl);
	struct bytes b = {0};
	drive_expect(d, 0, FIELD_RPC_INTERFACE, "367abb81-9844-35f1-ad32-98f038001003");
	drive_expect(d, 0, FIELD_RPC_NAME, "svcctl");
	put_request(&b, 7, 12, "");
	put_request(&b, 7, 12, ""); /* told once */
	put_request(&b, 7, 19, "");
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 3);
	drive_expect(d, 1, FIELD_RPC_OPNUM, "12");
	drive_expect(d, 1, FIELD_RPC_OPERATION, "CreateServiceW");
	drive_expect(d, 1, FIELD_RPC_NAME, "svcctl");
	drive_expect(d, 2, FIELD_RPC_OPERATION, "StartServiceW");
	drive_free(d);
}

static void big_endian_peers_are_understood(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 135, APP_UNKNOWN);
	struct bytes b = {0};
	put_hex(&b, "05 00 0b 03 00000000 0048 0000 00000001 16d0 16d0 00000000 01 000000");
	put_hex(&b, "0000 01 00 e1af8308 5d1f 11c9 91a4 08002b14a0fa 00000003");
	put_hex(&b, "8a885d04 1ceb 11c9 9fe8 08002b104860 00000002");
	put_hex(&b, "05 00 00 03 00000000 0018 0000 00000002 00000000 0000 0003");
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_RPC_NAME, "epmapper");
	drive_expect(d, 1, FIELD_RPC_OPERATION, "ept_map");
	drive_free(d);
}

static void continuation_fragments_are_no_calls(void **state)
{
	(void)state;
	struct drive *d = bound(svcctl);
	struct bytes b = {0};
	size_t at = pdu_open(&b, REQUEST, 2); /* last fragment, not the first */
	put_le32(&b, 64);
	put_le16(&b, 7);
	put_le16(&b, 24);
	pdu_close(&b, at, 0);
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 1);
	drive_free(d);
}

static void stub_data_are_passed_over_however_the_stream_is_cut(void **state)
{
	(void)state;
	struct drive *d = bound(svcctl);
	struct bytes b = {0};
	size_t at = pdu_open(&b, REQUEST, 3);
	put_le32(&b, 5000);
	put_le16(&b, 7);
	put_le16(&b, 12);
	for (int i = 0; i < 5000; i++)
		put_u8(&b, 5); /* a reader that stops in here would see PDUs that begin with 5 5 */
	pdu_close(&b, at, 0);
	put_request(&b, 7, 19, "");
	drive_send_cut(d, FLOW_FORWARD, b.p, b.n, 33);
	assert_int_equal(d->n, 3);
	drive_expect(d, 2, FIELD_RPC_OPERATION, "StartServiceW");
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void activation_tells_the_class_that_runs_commands(void **state)
{
	(void)state;
	struct drive *d = bound(activator);
	struct bytes b = {0};
	/* MMC20.Application, 49b2791a-b1ae-4c90-9b8e-e860ba07f889, four bytes into the stub */
	put_request(&b, 7, 4, "00000000 1a79b249 aeb1 904c 9b8e e860ba07f889");
	send_taken(d, FLOW_FORWARD, &b);
	drive_expect(d, 1, FIELD_RPC_OPERATION, "RemoteCreateInstance(MMC20.Application)");
	drive_free(d);
}

static void ntlm_logon_is_judged_by_the_first_answer(void **state)
{
	(void)state;
	static const struct {
		uint32_t fault; /* 0: a response */
		const char *result;
	} rows[] = {{0, "success"}, {5, "failure"}, {0x721, "failure"}, {0x1c010002, "success"}};
	for (size_t i = 0; i < 4; i++) {
		struct drive *d = drive_new(PACKET_TCP, 49999, APP_UNKNOWN);
		struct bytes b = {0}, token = {0};
		put_ntlm_negotiate(&token);
		put_bind(&b, 7, svcctl, &token);
		send_taken(d, FLOW_FORWARD, &b);
		size_t at = pdu_open(&b, BIND_ACK, 3);
		put_zero(&b, 20);
		pdu_close(&b, at, 0);
		send_taken(d, FLOW_REVERSE, &b);
		token.n = 0;
		put_ntlm_authenticate(&token, "eve", "CORP", "WS1", 60);
		at = pdu_open(&b, AUTH3, 3);
		put_zero(&b, 4);
		put_auth(&b, 10, &token);
		pdu_close(&b, at, token.n);
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->n, 1);
		at = pdu_open(&b, rows[i].fault ? FAULT : RESPONSE, 3);
		put_zero(&b, 8);
		put_le32(&b, rows[i].fault);
		put_le32(&b, 0);
		pdu_close(&b, at, 0);
		send_taken(d, FLOW_REVERSE, &b);
		assert_int_equal(d->n, 2);
		drive_expect(d, 1, FIELD_AUTH_USER, "eve");
		drive_expect(d, 1, FIELD_AUTH_METHOD, "NTLMv2");
		drive_expect(d, 1, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

/* PetitPotam's path: IPC$, a pipe, bind and call by write and read, by FSCTL_PIPE_TRANSCEIVE. */
static void calls_on_a_pipe_are_read_inside_smb(void **state)
{
	(void)state;
	static const char efsrpc[] = "88d481c6 50d8 d011 8c52 00c04fd90f7e";
	struct drive *d = drive_new(PACKET_TCP, 445, APP_UNKNOWN);
	struct bytes b = {0}, rpc = {0};
	smb2_tree(d, 1, "\\\\dc\\IPC$", 2);
	smb2_create(d, 2, "lsarpc", 77);
	put_bind(&rpc, 0, efsrpc, NULL);
	smb2_write(d, 3, 77, rpc.p, rpc.n, 0);
	rpc.n = 0;
	put_request(&rpc, 0, 0, "00000000");
	size_t o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 11, .message = 4});
	put_le16(&b, 57);
	put_le16(&b, 0);
	put_le32(&b, 0x0011c017);
	put_le64(&b, 77);
	put_le64(&b, 77);
	put_le32(&b, 120);
	put_le32(&b, (uint32_t)rpc.n);
	put_zero(&b, 24);
	put(&b, rpc.p, rpc.n);
	nbss_close(&b, o);
	drive_send_cut(d, FLOW_FORWARD, b.p, b.n, 50);
	drive_end(d);
	assert_int_equal(d->n, 4); /* nothing is told of the bytes of a pipe */
	drive_expect(d, 1, FIELD_RPC_PIPE, "lsarpc");
	assert_int_equal(d->t[2].app, APP_DCERPC);
	drive_expect(d, 2, FIELD_RPC_NAME, "efsrpc");
	drive_expect(d, 3, FIELD_RPC_OPERATION, "EfsRpcOpenFileRaw");
	assert_int_equal(d->flow.app, APP_SMB);
	drive_free(d);
}

static void pipe_opened_before_the_capture_is_known_by_its_bytes(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 445, APP_UNKNOWN);
	struct bytes rpc = {0};
	put_bind(&rpc, 0, svcctl, NULL);
	smb2_write(d, 3, 77, rpc.p, rpc.n, 0);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_RPC_NAME, "svcctl");
	drive_free(d);
}

static void contexts_are_bounded_and_the_oldest_goes(void **state)
{
	(void)state;
	enum { CONTEXTS = 16 };
	for (unsigned n = CONTEXTS - 1; n <= CONTEXTS + 1; n++) {
		struct drive *d = drive_new(PACKET_TCP, 49999, APP_UNKNOWN);
		struct bytes b = {0};
		for (unsigned i = 0; i < n; i++) {
			char uuid[40];
			snprintf(
			    uuid, sizeof(uuid), "%08x 4498 f135 ad32 98f038001003", 0x81bb7a36 + (i << 8));
			put_bind(&b, i, uuid, NULL);
		}
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->n, n);
		put_request(&b, 0, 3, "");
		send_taken(d, FLOW_FORWARD, &b);
		/* a call in a context that is gone is told by its number alone */
		drive_expect(d, n, FIELD_RPC_OPNUM, "3");
		drive_expect(d, n, FIELD_RPC_NAME, n <= CONTEXTS ? "svcctl" : NULL);
		drive_free(d);
	}
}

static void told_operations_are_bounded(void **state)
{
	(void)state;
	enum { SEEN = 128 };
	for (unsigned n = SEEN - 1; n <= SEEN + 1; n++) {
		struct drive *d = bound(svcctl);
		for (unsigned i = 0; i < n; i++) {
			struct bytes b = {0};
			put_request(&b, 7, 1000 + i, "");
			send_taken(d, FLOW_FORWARD, &b);
		}
		assert_int_equal(d->n, 1 + (n < SEEN ? n : SEEN));
		drive_free(d);
	}
}

static void connectionless_calls_are_read_where_the_length_agrees(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct drive *d = drive_new(PACKET_UDP, 135, APP_UNKNOWN);
		struct bytes b = {0};
		put_hex(&b, "04 00 20 00 100000 00");
		put_zero(&b, 16);
		put_hex(&b, "f9927b9d 0ace cf11 0000 000000000000");
		put_zero(&b, 16 + 4 + 4 + 4);
		put_le16(&b, 3);
		put_hex(&b, "ffff ffff");
		put_le16(&b, wrong ? 4 : 5);
		put_hex(&b, "0000 00 00");
		put_zero(&b, 5);
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->flow.app, wrong ? APP_UNKNOWN : APP_DCERPC);
		assert_int_equal(d->n, wrong ? 0 : 1);
		if (!wrong)
			drive_expect(d, 0, FIELD_RPC_OPNUM, "3");
		drive_free(d);
	}
}

static void rpc_over_http_is_known_by_its_greeting(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 593, APP_UNKNOWN);
	struct bytes b = {0};
	drive_send_str(d, FLOW_REVERSE, "ncacn_http/1.0");
	assert_int_equal(d->flow.app, APP_DCERPC);
	put_bind(&b, 7, svcctl, NULL);
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 1);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bind_names_the_interface_and_requests_the_operation),
	    cmocka_unit_test(big_endian_peers_are_understood),
	    cmocka_unit_test(continuation_fragments_are_no_calls),
	    cmocka_unit_test(stub_data_are_passed_over_however_the_stream_is_cut),
	    cmocka_unit_test(activation_tells_the_class_that_runs_commands),
	    cmocka_unit_test(ntlm_logon_is_judged_by_the_first_answer),
	    cmocka_unit_test(calls_on_a_pipe_are_read_inside_smb),
	    cmocka_unit_test(pipe_opened_before_the_capture_is_known_by_its_bytes),
	    cmocka_unit_test(contexts_are_bounded_and_the_oldest_goes),
	    cmocka_unit_test(told_operations_are_bounded),
	    cmocka_unit_test(connectionless_calls_are_read_where_the_length_agrees),
	    cmocka_unit_test(rpc_over_http_is_known_by_its_greeting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
