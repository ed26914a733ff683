/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The readers below the parsers: BER, UTF-16, lines, NTLM and SPNEGO tokens, LDAP filters. */

#include "bytes.h"

#include "base/err.h"
#include "proto/asn1.h"
#include "proto/gss.h"
#include "proto/ldap_filter.h"
#include "proto/line.h"
#include "proto/utf16.h"

static void asn1_header_reads_short_and_long_lengths(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		int error;
		size_t header;
		uint32_t length;
	} rows[] = {
	    {"\x30\x05", 2, 0, 2, 5}, {"\x30\x7f", 2, 0, 2, 127}, {"\x30\x81\xff", 3, 0, 3, 255},
	    {"\x30\x82\x01\x00", 4, 0, 4, 256}, {"\x30\x84\xff\xff\xff\xff", 6, 0, 6, 0xffffffff},
	    {"\x30", 1, -ERR_TRUNCATED, 0, 0}, {"\x30\x82\x01", 3, -ERR_TRUNCATED, 0, 0},
	    {"\x30\x80", 2, -ERR_MALFORMED, 0, 0}, /* indefinite */
	    {"\x30\x85\x01\x01\x01\x01\x01", 7, -ERR_MALFORMED, 0, 0},
	    {"\x1f\x01", 2, -ERR_MALFORMED, 0, 0}, /* a high tag number */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t tag = 0;
		size_t header = 0;
		uint32_t length = 0;
		int error = asn1_header((const uint8_t *)rows[i].bytes, rows[i].n, &tag, &header, &length);
		assert_int_equal(error, rows[i].error);
		assert_int_equal(header, rows[i].header);
		assert_int_equal(length, rows[i].length);
	}
}

static void asn1_element_never_reaches_beyond_its_parent(void **state)
{
	(void)state;
	/* SEQUENCE of 4 bytes that holds an OCTET STRING of 3, then the same with one that claims 4 */
	static const uint8_t good[] = {0x30, 5, 4, 3, 'a', 'b', 'c'},
	                     bad[] = {0x30, 5, 4, 4, 'a', 'b', 'c', 'd'};
	struct cursor c = cursor_of(good, sizeof(good));
	struct cursor s = asn1_take(&c, ASN1_TAG_SEQUENCE), o = asn1_take(&s, ASN1_TAG_OCTET_STRING);
	assert_true(text_equal(asn1_text(&o), TEXT("abc")));
	c = cursor_of(bad, sizeof(bad));
	s = asn1_take(&c, ASN1_TAG_SEQUENCE);
	o = asn1_take(&s, ASN1_TAG_OCTET_STRING);
	assert_false(cursor_ok(&o));
	assert_false(cursor_ok(&s));
	assert_int_equal(asn1_text(&o).n, 0);
}

static void asn1_integer_extends_the_sign_and_refuses_nine_bytes(void **state)
{
	(void)state;
	static const uint8_t minus[] = {0xff, 0x7b}, wide[9] = {1};
	struct cursor c = cursor_of(minus, 2);
	assert_int_equal(asn1_integer(&c), -133); /* rc4-hmac-old */
	c = cursor_of(wide, 8);
	assert_true(asn1_integer(&c) == INT64_C(0x0100000000000000));
	c = cursor_of(wide, 9);
	assert_int_equal(asn1_integer(&c), 0);
	assert_false(cursor_ok(&c));
}

static void utf16_becomes_utf8_and_is_cut_at_a_character(void **state)
{
	(void)state;
	/* "aä€😀" from RFC 2781's rule; then an unpaired surrogate; then an odd byte */
	static const uint8_t text[] = {'a', 0, 0xe4, 0, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xdc, 'x'};
	static const char utf8[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd";
	char buf[32];
	struct text t = utf16le_text(text, sizeof(text), buf, sizeof(buf));
	assert_int_equal(t.n, sizeof(utf8) - 1);
	assert_memory_equal(t.p, utf8, t.n);
	assert_int_equal(
	    utf16le_text(text, sizeof(text), buf, 9).n, 6); /* the next character has four bytes */
	assert_int_equal(utf16le_text(text, sizeof(text), buf, 10).n, 10);
	static const uint8_t closed[] = {'a', 0, 0, 0, 'b', 0};
	assert_int_equal(utf16le_text(closed, sizeof(closed), buf, sizeof(buf)).n, 1);
}

static void line_longer_than_the_bound_is_cut_and_the_rest_passed_over(void **state)
{
	(void)state;
	static uint8_t p[LINE_MAX_BYTES + 8];
	static const struct {
		size_t letters;
		size_t first, used;
		bool passing;
	} rows[] = {
	    {LINE_MAX_BYTES - 2, LINE_MAX_BYTES - 2, LINE_MAX_BYTES - 1, false},
	    {LINE_MAX_BYTES - 1, LINE_MAX_BYTES - 1, LINE_MAX_BYTES, false},
	    {LINE_MAX_BYTES, LINE_MAX_BYTES, LINE_MAX_BYTES, true},
	    {LINE_MAX_BYTES + 1, LINE_MAX_BYTES, LINE_MAX_BYTES, true},
	};
	for (size_t i = 0; i < 4; i++) {
		struct line_reader r = {0};
		struct text line = {0};
		size_t used = 0;
		memset(p, 'x', sizeof(p));
		p[rows[i].letters] = '\n';
		assert_true(line_take(&r, p, rows[i].letters + 1, false, &line, &used));
		assert_int_equal(line.n, rows[i].first);
		assert_int_equal(used, rows[i].used);
		assert_int_equal(r.passing, rows[i].passing);
		if (!r.passing)
			continue;
		assert_false(line_take(&r, p + used, rows[i].letters + 1 - used, false, &line, &used));
		assert_int_equal(used, rows[i].letters + 1 - LINE_MAX_BYTES);
		assert_false(r.passing);
	}
}

static void line_waits_for_its_end_unless_the_stream_ends(void **state)
{
	(void)state;
	struct line_reader r = {0};
	struct text line = {0};
	size_t used = 9;
	assert_false(line_take(&r, (const uint8_t *)"QUIT\r", 5, false, &line, &used));
	assert_int_equal(used, 0);
	assert_true(line_take(&r, (const uint8_t *)"QUIT\r\nX", 7, false, &line, &used));
	assert_true(text_equal(line, TEXT("QUIT")));
	assert_int_equal(used, 6);
	assert_true(line_take(&r, (const uint8_t *)"QUIT", 4, true, &line, &used));
	assert_true(text_equal(line, TEXT("QUIT")));
}

static void ntlm_names_and_version_come_out(void **state)
{
	(void)state;
	static const struct {
		const char *user;
		unsigned response;
		const char *method;
	} rows[] = {{"eve", 24, "NTLMv1"}, {"eve", 60, "NTLMv2"}, {"", 0, "anonymous"}};
	for (size_t i = 0; i < 3; i++) {
		struct bytes b = {0};
		struct gss_auth a = {0};
		put_ntlm_authenticate(&b, rows[i].user, "CORP", "WS1", rows[i].response);
		gss_auth_update(&a, b.p, b.n);
		assert_true(a.named);
		assert_string_equal(gss_auth_method(&a), rows[i].method);
		assert_int_equal(a.ntlm.user_n, strlen(rows[i].user));
		assert_memory_equal(a.ntlm.domain, "CORP", 4);
		assert_memory_equal(a.ntlm.host, "WS1", 3);
	}
}

static void ntlm_name_that_points_outside_is_left_empty(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct ntlm_names names;
	put_ntlm_authenticate(&b, "eve", "CORP", "WS1", 24);
	store_le32(b.p + 40, 0xfffffff0); /* UserNameFields.BufferOffset (MS-NLMP 2.2.1.3) */
	assert_int_equal(ntlm_authenticate_parse(b.p, b.n, &names), 0);
	assert_int_equal(names.user_n, 0);
	assert_int_equal(names.domain_n, 4);
	assert_int_equal(ntlm_authenticate_parse(b.p, 40, &names), -ERR_MALFORMED);
}

static void spnego_gives_the_token_that_is_inside(void **state)
{
	(void)state;
	struct bytes b = {0};
	/* NegTokenResp { responseToken [2] } (RFC 4178 4.2.2) */
	size_t resp = der_open(&b, 0xa1), seq = der_open(&b, 0x30), two = der_open(&b, 0xa2),
	       os = der_open(&b, 4);
	put_ntlm_authenticate(&b, "eve", "CORP", "WS1", 60);
	der_close(&b, os);
	der_close(&b, two);
	der_close(&b, seq);
	der_close(&b, resp);
	assert_int_equal(gss_token_read(b.p, b.n).mechanism, GSS_NTLM);

	/* [APPLICATION 0] { 1.3.6.1.5.5.2, [0] NegTokenInit { mechToken [2] { krb5, 0x0100, AP-REQ } } } */
	b.n = 0;
	size_t app = der_open(&b, 0x60);
	put_hex(&b, "06 06 2b 06 01 05 05 02");
	size_t zero = der_open(&b, 0xa0);
	seq = der_open(&b, 0x30);
	two = der_open(&b, 0xa2);
	os = der_open(&b, 4);
	size_t inner = der_open(&b, 0x60);
	put_hex(&b, "06 09 2a 86 48 86 f7 12 01 02 02 01 00");
	put_krb_ap_req(&b, "CORP.LOCAL", "cifs", "fs1", 23);
	der_close(&b, inner);
	der_close(&b, os);
	der_close(&b, two);
	der_close(&b, seq);
	der_close(&b, zero);
	der_close(&b, app);
	struct gss_auth a = {0};
	gss_auth_update(&a, b.p, b.n);
	assert_int_equal(a.mechanism, GSS_KERBEROS);
	assert_true(a.named);
	assert_int_equal(a.ticket.etype, 23);
	assert_memory_equal(a.ticket.service, "cifs/fs1", 8);
	/* every truncation of it is survived, and names nothing that isn't there */
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, b.p, n);
		struct gss_auth cut = {0};
		gss_auth_update(&cut, copy, n);
		assert_false(cut.named);
		free(copy);
	}
}

static void reject_of_negstate_is_seen(void **state)
{
	(void)state;
	struct bytes b = {0};
	put_hex(&b, "a1 07 30 05 a0 03 0a 01 02");
	assert_int_equal(gss_token_read(b.p, b.n).state, GSS_STATE_REJECT);
}

static void filter_is_rendered_as_rfc4515_has_it(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *text;
	} rows[] = {
	    /* from RFC 4515 4, encoded by hand */
	    {"a3 10 04 02 63 6e 04 0a 42 61 62 73 20 4a 65 6e 73 65", "(cn=Babs Jense)"},
	    {"87 0b 6f 62 6a 65 63 74 43 6c 61 73 73", "(objectClass=*)"},
	    {"a2 0a a3 08 04 02 63 6e 04 02 54 48", "(!(cn=TH))"},
	    {"a4 0f 04 01 6f 30 0a 80 02 75 6e 81 01 6f 82 01 66", "(o=un*o*f)"},
	    {"a4 08 04 01 6f 30 03 82 01 66", "(o=*f)"},
	    {"a4 08 04 01 6f 30 03 80 01 66", "(o=f*)"},
	    {"a3 08 04 01 6f 04 03 28 2a 29", "(o=\\28\\2a\\29)"},
	    {"a5 06 04 01 6e 04 01 31", "(n>=1)"},
	    {"a9 0c 81 03 31 2e 32 82 01 66 83 02 34 00", "(f:1.2:=4\\00)"},
	    {"a0 10 a3 06 04 01 61 04 01 62 a3 06 04 01 63 04 01 64", "(&(a=b)(c=d))"},
	    {"a0 00", "(&)"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = {0};
		char buf[128];
		put_hex(&b, rows[i].hex);
		struct text t = ldap_filter_text(cursor_of(b.p, b.n), buf, sizeof(buf));
		if (!text_equal(t, text_of(rows[i].text)))
			fail_msg("%.*s is not %s", (int)t.n, t.p, rows[i].text);
	}
}

static void filter_nested_beyond_the_bound_is_cut(void **state)
{
	(void)state;
	for (int depth = LDAP_FILTER_DEPTH - 2; depth <= LDAP_FILTER_DEPTH; depth++) {
		struct bytes b = {0};
		size_t open[LDAP_FILTER_DEPTH];
		char buf[256];
		for (int i = 0; i < depth; i++)
			open[i] = der_open(&b, 0xa2);
		put_hex(&b, "87 01 61");
		for (int i = depth; i-- > 0;)
			der_close(&b, open[i]);
		/* at the bound the innermost "not" is a question mark, and what it held is gone */
		int shown = depth < LDAP_FILTER_DEPTH ? depth : LDAP_FILTER_DEPTH - 1;
		struct bytes text = {0};
		for (int i = 0; i < shown; i++)
			put_str(&text, "(!");
		put_str(&text, depth < LDAP_FILTER_DEPTH ? "(a=*)" : "(?)");
		for (int i = 0; i < shown; i++)
			put_str(&text, ")");
		struct text t = ldap_filter_text(cursor_of(b.p, b.n), buf, sizeof(buf));
		assert_int_equal(t.n, text.n);
		assert_memory_equal(t.p, text.p, t.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asn1_header_reads_short_and_long_lengths),
	    cmocka_unit_test(asn1_element_never_reaches_beyond_its_parent),
	    cmocka_unit_test(asn1_integer_extends_the_sign_and_refuses_nine_bytes),
	    cmocka_unit_test(utf16_becomes_utf8_and_is_cut_at_a_character),
	    cmocka_unit_test(line_longer_than_the_bound_is_cut_and_the_rest_passed_over),
	    cmocka_unit_test(line_waits_for_its_end_unless_the_stream_ends),
	    cmocka_unit_test(ntlm_names_and_version_come_out),
	    cmocka_unit_test(ntlm_name_that_points_outside_is_left_empty),
	    cmocka_unit_test(spnego_gives_the_token_that_is_inside),
	    cmocka_unit_test(reject_of_negstate_is_seen),
	    cmocka_unit_test(filter_is_rendered_as_rfc4515_has_it),
	    cmocka_unit_test(filter_nested_beyond_the_bound_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
