/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

static size_t message_open(struct bytes *b, unsigned id, size_t *ret_body, unsigned tag)
{
	size_t o = der_open(b, 0x30);
	der_integer(b, 2, id);
	*ret_body = der_open(b, tag);
	return o;
}

static void message_close(struct bytes *b, size_t o, size_t body)
{
	der_close(b, body);
	der_close(b, o);
}

static void send_taken(struct drive *d, enum flow_dir dir, struct bytes *b)
{
	drive_send(d, dir, b->p, b->n);
	b->n = 0;
}

static void put_bind(struct bytes *b, const char *dn, const char *password)
{
	size_t body, o = message_open(b, 1, &body, 0x60);
	der_integer(b, 2, 3);
	der_string(b, 4, dn);
	der_string(b, 0x80, password);
	message_close(b, o, body);
}

static void put_result(struct bytes *b, unsigned tag, unsigned code)
{
	size_t body, o = message_open(b, 1, &body, tag);
	der_integer(b, 0x0a, code);
	der_string(b, 4, "");
	der_string(b, 4, "");
	message_close(b, o, body);
}

static void put_search(struct bytes *b, const char *base, const char *filter_hex)
{
	size_t body, o = message_open(b, 2, &body, 0x63);
	der_string(b, 4, base);
	put_hex(b, "0a 01 02 0a 01 00 02 01 00 02 01 00 01 01 00");
	put_hex(b, filter_hex);
	put_hex(b, "30 00");
	message_close(b, o, body);
}

static struct drive *ldap_flow(void)
{
	return drive_new(PACKET_TCP, 389, APP_UNKNOWN);
}

static void simple_bind_is_judged_by_its_result(void **state)
{
	(void)state;
	static const struct {
		unsigned code;
		const char *name, *result;
	} rows[] = {
	    {0, "success", "success"},
	    {49, "invalid_credentials", "failure"},
	    {53, "unwilling_to_perform", NULL},
	    {99, "99", NULL},
	};
	for (size_t i = 0; i < 4; i++) {
		struct drive *d = ldap_flow();
		struct bytes b = {0};
		put_bind(&b, "cn=eve,dc=corp", "secret");
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->flow.app, APP_LDAP);
		assert_int_equal(d->n, 0);
		put_result(&b, 0x61, rows[i].code);
		send_taken(d, FLOW_REVERSE, &b);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_LDAP_OPERATION, "bind_request");
		drive_expect(d, 0, FIELD_LDAP_DN, "cn=eve,dc=corp");
		drive_expect(d, 0, FIELD_AUTH_METHOD, "simple");
		drive_expect(d, 0, FIELD_LDAP_RESULT, rows[i].name);
		drive_expect(d, 0, FIELD_AUTH_RESULT, rows[i].result);
		drive_free(d);
	}
}

static void bind_without_a_password_is_anonymous(void **state)
{
	(void)state;
	struct drive *d = ldap_flow();
	struct bytes b = {0};
	put_bind(&b, "", "");
	send_taken(d, FLOW_FORWARD, &b);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_AUTH_METHOD, "anonymous");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void search_is_told_with_base_and_filter_and_only_failures_of_it(void **state)
{
	(void)state;
	struct drive *d = ldap_flow();
	struct bytes b = {0};
	put_search(&b, "dc=corp,dc=local", "a3 0c 04 02 63 6e 04 06 61 64 6d 69 6e 2a");
	send_taken(d, FLOW_FORWARD, &b);
	put_result(&b, 0x65, 0);
	put_result(&b, 0x65, 50);
	send_taken(d, FLOW_REVERSE, &b);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_LDAP_OPERATION, "search_request");
	drive_expect(d, 0, FIELD_LDAP_DN, "dc=corp,dc=local");
	drive_expect(d, 0, FIELD_LDAP_FILTER, "(cn=admin\\2a)");
	drive_expect(d, 1, FIELD_LDAP_OPERATION, "search_result_done");
	drive_expect(d, 1, FIELD_LDAP_RESULT, "insufficient_access_rights");
	drive_free(d);
}

static void entries_are_passed_over_however_large(void **state)
{
	(void)state;
	struct drive *d = ldap_flow();
	struct bytes b = {0};
	enum { ENTRY = 300000 };
	uint8_t *entry = calloc(1, ENTRY);
	assert_non_null(entry);
	put_search(&b, "", "87 01 61");
	send_taken(d, FLOW_FORWARD, &b);
	put_hex(&b, "30 84");
	put_be32(&b, ENTRY);
	put_hex(&b, "02 01 02 64 84");
	put_be32(&b, ENTRY - 9);
	send_taken(d, FLOW_REVERSE, &b);
	drive_send_cut(d, FLOW_REVERSE, entry, ENTRY - 9, 60000);
	put_result(&b, 0x65, 4);
	send_taken(d, FLOW_REVERSE, &b);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_LDAP_RESULT, "size_limit_exceeded");
	free(entry);
	drive_free(d);
}

static void changes_are_told_with_name_and_result(void **state)
{
	(void)state;
	struct drive *d = ldap_flow();
	struct bytes b = {0};
	size_t body, o = message_open(&b, 3, &body, 0x66);
	der_string(&b, 4, "cn=dc1,dc=corp");
	put_hex(&b, "30 00");
	message_close(&b, o, body);
	o = message_open(&b, 4, &body, 0x4a);
	put_str(&b, "cn=gone,dc=corp");
	message_close(&b, o, body);
	send_taken(d, FLOW_FORWARD, &b);
	put_result(&b, 0x67, 0);
	send_taken(d, FLOW_REVERSE, &b);
	assert_int_equal(d->n, 3);
	drive_expect(d, 0, FIELD_LDAP_OPERATION, "modify_request");
	drive_expect(d, 0, FIELD_LDAP_DN, "cn=dc1,dc=corp");
	drive_expect(d, 1, FIELD_LDAP_OPERATION, "del_request");
	drive_expect(d, 1, FIELD_LDAP_DN, "cn=gone,dc=corp");
	drive_expect(d, 2, FIELD_LDAP_OPERATION, "modify_response");
	drive_expect(d, 2, FIELD_LDAP_RESULT, "success");
	drive_free(d);
}

static void put_sasl_bind(struct bytes *b)
{
	size_t body, o = message_open(b, 1, &body, 0x60);
	der_integer(b, 2, 3);
	der_string(b, 4, "");
	size_t sasl = der_open(b, 0xa3);
	der_string(b, 4, "GSS-SPNEGO");
	size_t token = der_open(b, 4);
	put_ntlm_authenticate(b, "eve", "CORP", "WS1", 60);
	der_close(b, token);
	der_close(b, sasl);
	message_close(b, o, body);
}

/* SASL buffers: NTLM's signature, or a Kerberos wrap token with its checksum in front (RFC 4121 4.2.4, RRC =
 * EC). */
static void signed_searches_are_read_and_sealed_ones_end_it(void **state)
{
	(void)state;
	static const struct {
		const char *head;
		size_t n;
	} rows[] = {
	    {"01000000 1111111111111111 00000000", 2},
	    {"0504 05 ff 000c 000c 0000000000000001 aaaaaaaaaaaaaaaaaaaaaaaa", 2},
	    {"0504 05 ff 0000 0000 0000000000000001", 2},
	    {"0504 06 ff 0000 001c 0000000000000001", 1}, /* sealed */
	    {"dead beef 11111111 11111111 11111111", 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = ldap_flow();
		struct bytes b = {0};
		put_sasl_bind(&b);
		send_taken(d, FLOW_FORWARD, &b);
		put_result(&b, 0x61, 0);
		send_taken(d, FLOW_REVERSE, &b);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_USER, "eve");
		drive_expect(d, 0, FIELD_AUTH_RESULT, "success");
		put_be32(&b, 0);
		put_hex(&b, rows[i].head);
		put_search(&b, "dc=corp", "87 01 61");
		store_be32(b.p, (uint32_t)(b.n - 4));
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->n, rows[i].n);
		if (rows[i].n > 1)
			drive_expect(d, 1, FIELD_LDAP_FILTER, "(a=*)");
		assert_int_equal(proto_stats(d->proto)->broken, 0);
		drive_free(d);
	}
}

static void starttls_hands_on_only_when_granted(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 2; code++) {
		struct drive *d = ldap_flow();
		struct bytes b = {0};
		size_t body, o = message_open(&b, 1, &body, 0x77);
		der_string(&b, 0x80, "1.3.6.1.4.1.1466.20037");
		message_close(&b, o, body);
		send_taken(d, FLOW_FORWARD, &b);
		put_result(&b, 0x78, code);
		send_taken(d, FLOW_REVERSE, &b);
		assert_int_equal(d->n, 2);
		/* a search in the clear is LDAP only where TLS was refused */
		put_search(&b, "dc=corp", "87 01 61");
		send_taken(d, FLOW_FORWARD, &b);
		assert_int_equal(d->flow.app, APP_LDAP);
		drive_end(d);
		drive_free(d);
	}
}

static void connectionless_search_is_read(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_UDP, 389, APP_UNKNOWN);
	struct bytes b = {0};
	put_search(&b, "", "a3 0f 04 05 4e 74 56 65 72 04 06 16 00 00 20 61 62");
	send_taken(d, FLOW_FORWARD, &b);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_LDAP_FILTER, "(NtVer=\\16\\00\\00 ab)");
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(simple_bind_is_judged_by_its_result),
	    cmocka_unit_test(bind_without_a_password_is_anonymous),
	    cmocka_unit_test(search_is_told_with_base_and_filter_and_only_failures_of_it),
	    cmocka_unit_test(entries_are_passed_over_however_large),
	    cmocka_unit_test(changes_are_told_with_name_and_result),
	    cmocka_unit_test(signed_searches_are_read_and_sealed_ones_end_it),
	    cmocka_unit_test(starttls_hands_on_only_when_granted),
	    cmocka_unit_test(connectionless_search_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
