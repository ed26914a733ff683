/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"
#include "vectors.h"

#include "proto/tls.h"

/* A ClientHello's body, made from lists: 0-terminated only by their counts. */
struct hello {
	uint8_t p[4096];
	size_t n;
};

static void put(struct hello *h, const void *p, size_t n)
{
	assert(n <= sizeof(h->p) - h->n);
	memcpy(h->p + h->n, p, n);
	h->n += n;
}

static void put16(struct hello *h, unsigned v)
{
	put(h, (uint8_t[2]){(uint8_t)(v / 256), (uint8_t)v}, 2);
}

/* An extension with a list of 16-bit values behind a length of `width` bytes. */
static void put_list(struct hello *h, unsigned type, size_t width, const uint16_t *v, size_t n)
{
	put16(h, type);
	put16(h, (unsigned)(width + 2 * n));
	if (width == 2)
		put16(h, (unsigned)(2 * n));
	else
		put(h, (uint8_t[1]){(uint8_t)(2 * n)}, 1);
	for (size_t i = 0; i < n; i++)
		put16(h, v[i]);
}

static void hello_begin(struct hello *h, unsigned version, const uint16_t *ciphers, size_t n)
{
	h->n = 0;
	put16(h, version);
	put(h, (uint8_t[33]){0}, 33); /* random, no session */
	put16(h, (unsigned)(2 * n));
	for (size_t i = 0; i < n; i++)
		put16(h, ciphers[i]);
	put(h, "\1\0", 2);
}

/* The example of FoxIO's specification of JA4, with GREASE put where browsers put it. */
static void ja4_is_that_of_its_specification(void **state)
{
	(void)state;
	static const uint16_t ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
	    0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
	static const uint16_t order[] = {0x6a6a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d,
	    0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xfafa};
	static const uint16_t signatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
	static const uint16_t versions[] = {0x8a8a, 0x0304, 0x0303};
	struct hello h, extensions = {.n = 0};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] == 0x000d)
			put_list(&extensions, order[i], 2, signatures, 8);
		else if (order[i] == 0x002b)
			put_list(&extensions, order[i], 1, versions, 3);
		else if (order[i] == 0x0010)
			put(&extensions, "\0\x10\0\x05\0\x03\x02h2", 9);
		else if (order[i] == 0x0000)
			put(&extensions, "\0\0\0\x06\0\x04\0\0\x01x", 10);
		else
			put_list(&extensions, order[i], 2, NULL, 0);
	}
	hello_begin(&h, 0x0303, ciphers, 16);
	put16(&h, (unsigned)extensions.n);
	put(&h, extensions.p, extensions.n);
	struct tls_client_hello hello;
	char ja4[TLS_JA4_SIZE];
	assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
	assert_int_equal(tls_ja4(&hello, TLS_OVER_TCP, ja4), 0);
	assert_string_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	assert_int_equal(tls_ja4(&hello, TLS_OVER_QUIC, ja4), 0);
	assert_string_equal(ja4, "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

static void ja4_without_lists_has_zeros_for_their_hashes(void **state)
{
	(void)state;
	struct hello h;
	struct tls_client_hello hello;
	char ja4[TLS_JA4_SIZE];
	hello_begin(&h, 0x0301, NULL, 0);
	assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
	assert_int_equal(tls_ja4(&hello, TLS_OVER_TCP, ja4), 0);
	assert_string_equal(ja4, "t10i000000_000000000000_000000000000");
}

/* The table of the specification, and its text: "first and last". */
static void ja4_tells_the_first_protocol_by_two_characters(void **state)
{
	(void)state;
	static const struct {
		const char *alpn;
		size_t n;
		const char *two;
	} cases[] = {
	    {"\x08http/1.1", 9, "h1"},
	    {"\x01x", 2, "xx"},
	    {"\x01\xab", 2, "ab"},
	    {"\x02\xab\xcd", 3, "ad"},
	    {"\x02\x30\xab", 3, "3b"},
	    {"\x04\x30\x31\xab\xcd", 5, "3d"},
	    {"\x04\x30\xab\xcd\x31", 5, "01"},
	    {"\x00", 1, "00"},
	    {"", 0, "00"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hello h;
		struct tls_client_hello hello;
		char ja4[TLS_JA4_SIZE];
		hello_begin(&h, 0x0303, NULL, 0);
		put16(&h, (unsigned)(6 + cases[i].n));
		put16(&h, 16);
		put16(&h, (unsigned)(2 + cases[i].n));
		put16(&h, (unsigned)cases[i].n);
		put(&h, cases[i].alpn, cases[i].n);
		assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
		assert_int_equal(tls_ja4(&hello, TLS_OVER_TCP, ja4), 0);
		assert_memory_equal(ja4 + 8, cases[i].two, 2);
	}
}

/* Both examples of Salesforce's description of JA3. */
static void ja3_is_that_of_its_description(void **state)
{
	(void)state;
	static const uint16_t first[] = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
	static const uint16_t second[] = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
	static const uint16_t groups[] = {23, 24, 25};
	struct hello h;
	struct tls_client_hello hello;
	uint8_t ja3[TLS_JA3_SIZE];
	char text[2 * TLS_JA3_SIZE + 1];
	hello_begin(&h, 769, first, 12);
	put16(&h, 4 + 12 + 6);
	put_list(&h, 0, 2, NULL, 0);
	h.n -= 2; /* an empty server_name */
	h.p[h.n - 1] = 0;
	put_list(&h, 10, 2, groups, 3);
	put(&h, "\0\x0b\0\x02\x01\0", 6);
	assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
	assert_int_equal(tls_ja3(&hello, ja3), 0);
	assert_string_equal(num_hex(ja3, sizeof(ja3), text), "ada70206e40642a3e4461f35503241d5");
	hello_begin(&h, 769, second, 11);
	assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
	assert_int_equal(tls_ja3(&hello, ja3), 0);
	assert_string_equal(num_hex(ja3, sizeof(ja3), text), "de350869b8c85de67a350c8d186f11e6");
}

static void a_hello_with_too_many_suites_has_no_fingerprint(void **state)
{
	(void)state;
	static uint16_t ciphers[TLS_LIST_MAX + 1];
	for (size_t n = TLS_LIST_MAX - 1; n <= TLS_LIST_MAX + 1; n++) {
		struct hello h;
		struct tls_client_hello hello;
		char ja4[TLS_JA4_SIZE];
		hello_begin(&h, 0x0303, ciphers, n);
		assert_int_equal(tls_client_hello_parse(h.p, h.n, &hello), 0);
		assert_int_equal(tls_ja4(&hello, TLS_OVER_TCP, ja4) == 0, n <= TLS_LIST_MAX);
	}
}

/* JA3 and JA3S as tshark 4.0 gives them, the certificate's fields as openssl x509 does. */
static void check_handshake12(struct drive *d)
{
	assert_int_equal(d->n, 1);
	assert_int_equal(d->t[0].app, APP_TLS);
	drive_expect(d, 0, FIELD_TLS_SNI, "probe.example");
	drive_expect(d, 0, FIELD_TLS_ALPN, "h2");
	assert_string_equal(drive_nth(d, 0, FIELD_TLS_ALPN, 1), "http/1.1");
	drive_expect(d, 0, FIELD_TLS_VERSION, "TLS 1.2");
	drive_expect(d, 0, FIELD_TLS_JA3, "28f3a40255cd8771b994f095ba5a8e52");
	drive_expect(d, 0, FIELD_TLS_JA3S, "abade5a4a7f42baf54766e5d108283b6");
	drive_expect(d, 0, FIELD_TLS_SUBJECT, "CN=probe.example,O=Test\\, Inc.,C=NL");
	drive_expect(d, 0, FIELD_TLS_ISSUER, "CN=probe.example,O=Test\\, Inc.,C=NL");
	drive_expect(d, 0, FIELD_TLS_SERIAL, "1234abcd");
	drive_expect(d, 0, FIELD_TLS_NOT_BEFORE, "2026-11-23T07:26:58Z");
	drive_expect(d, 0, FIELD_TLS_NOT_AFTER, "2036-11-20T07:26:58Z");
	drive_expect(
	    d, 0, FIELD_TLS_CERT_SHA256, "b890a3618ed9b99adc25b5719422cc7cdac2660093d71e5a175db0798e36dee2");
}

static void tls12_is_told_as_soon_as_the_server_is_done(void **state)
{
	(void)state;
	size_t client_n, server_n;
	uint8_t *client = vector_bytes(tls12_client, &client_n),
	        *server = vector_bytes(tls12_server, &server_n);
	static const size_t sizes[] = {1, 2, 5, 100, 65536};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct drive *d = drive_new(PACKET_TCP, 9999, APP_UNKNOWN);
		drive_send_cut(d, FLOW_FORWARD, client, client_n, sizes[i]);
		assert_int_equal(d->flow.app, APP_TLS);
		assert_int_equal(d->n, 0);
		/* nothing more is wanted, and nothing kept */
		assert_false(drive_send_cut(d, FLOW_REVERSE, server, server_n, sizes[i]));
		check_handshake12(d);
		assert_int_equal(proto_stats(d->proto)->memory, 0);
		drive_free(d);
	}
	free(client);
	free(server);
}

/* The handshake messages of a flight in records of `size` bytes each. */
static struct hello fragment(const uint8_t *p, size_t n, size_t size)
{
	struct hello out = {.n = 0};
	for (size_t at = 0; at < n;) {
		assert(p[at] == 22);
		size_t record = load_be16(p + at + 3);
		for (size_t k = 0; k < record; k += size) {
			size_t part = record - k < size ? record - k : size;
			put(&out, "\x16\x03\x03", 3);
			put16(&out, (unsigned)part);
			put(&out, p + at + 5 + k, part);
		}
		at += 5 + record;
	}
	return out;
}

static void handshake_messages_may_span_records(void **state)
{
	(void)state;
	size_t client_n, server_n;
	uint8_t *client = vector_bytes(tls12_client, &client_n),
	        *server = vector_bytes(tls12_server, &server_n);
	for (size_t size = 3; size < 50; size += 13) {
		struct drive *d = drive_new(PACKET_TCP, 9999, APP_UNKNOWN);
		struct hello c = fragment(client, client_n, size), s = fragment(server, server_n, size);
		drive_send(d, FLOW_FORWARD, c.p, c.n);
		drive_send_cut(d, FLOW_REVERSE, s.p, s.n, 11);
		check_handshake12(d);
		drive_free(d);
	}
	free(client);
	free(server);
}

static void a_server_that_was_seen_first_waits_for_its_client(void **state)
{
	(void)state;
	size_t client_n, server_n;
	uint8_t *client = vector_bytes(tls12_client, &client_n),
	        *server = vector_bytes(tls12_server, &server_n);
	struct drive *d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	drive_send(d, FLOW_REVERSE, server, server_n);
	assert_int_equal(d->n, 0);
	drive_send(d, FLOW_FORWARD, client, client_n);
	check_handshake12(d);
	drive_free(d);
	free(client);
	free(server);
}

static void tls13_is_done_with_the_server_hello(void **state)
{
	(void)state;
	size_t client_n, server_n;
	uint8_t *client = vector_bytes(tls13_client, &client_n),
	        *server = vector_bytes(tls13_server, &server_n);
	struct drive *d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	assert_false(drive_send(d, FLOW_FORWARD, client, client_n)); /* one hello is enough of a client */
	assert_false(drive_send(d, FLOW_REVERSE, server, server_n));
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_TLS_VERSION, "TLS 1.3");
	drive_expect(d, 0, FIELD_TLS_CIPHER, "TLS_AES_256_GCM_SHA384");
	drive_expect(d, 0, FIELD_TLS_JA3, "06c53ca37444b67c3e0d925532c00a9c");
	drive_expect(d, 0, FIELD_TLS_JA3S, "15af977ce25de452b96affa2addb1036");
	drive_expect(d, 0, FIELD_TLS_SUBJECT, NULL);
	drive_free(d);
	free(client);
	free(server);
}

/* The server's hello, marked as a HelloRetryRequest, then as it was. */
static void after_a_retry_the_second_server_hello_counts(void **state)
{
	(void)state;
	static const char retry[] = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
	size_t client_n, server_n;
	uint8_t *client = vector_bytes(tls13_client, &client_n),
	        *server = vector_bytes(tls13_server, &server_n);
	struct drive *d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	size_t record = 5 + (size_t)load_be16(server + 3);
	uint8_t again[512];
	assert_true(record <= sizeof(again));
	memcpy(again, server, record);
	assert_int_equal(num_parse_hex(text_of(retry), again + 11, 32), 0);
	again[44 + again[43]] = 0x13; /* another suite, which must not be told */
	again[45 + again[43]] = 0x03;
	drive_send(d, FLOW_FORWARD, client, client_n);
	assert_true(drive_send(d, FLOW_REVERSE, again, record));
	assert_true(drive_send(d, FLOW_REVERSE, "\x14\x03\x03\0\x01\x01", 6));
	assert_int_equal(d->n, 0);
	assert_false(drive_send(d, FLOW_REVERSE, server, server_n));
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_TLS_CIPHER, "TLS_AES_256_GCM_SHA384");
	drive_free(d);
	free(client);
	free(server);
}

static void a_client_without_an_answer_is_told_when_the_flow_ends(void **state)
{
	(void)state;
	size_t n;
	uint8_t *client = vector_bytes(tls12_client, &n);
	struct drive *d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	drive_send(d, FLOW_FORWARD, client, n);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_TLS_SNI, "probe.example");
	drive_expect(d, 0, FIELD_TLS_VERSION, NULL);
	drive_free(d);
	free(client);
}

/* RFC 5246, E.2: an SSL 2 hello that offers SSL 2 and one that offers TLS 1.0. */
static void an_ssl2_hello_is_known_by_its_lengths(void **state)
{
	(void)state;
	uint8_t hello[2 + 9 + 3 + 16] = {0x80, 28, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80};
	struct drive *d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	drive_send(d, FLOW_FORWARD, hello, sizeof(hello));
	assert_int_equal(d->flow.app, APP_TLS);
	drive_expect(d, 0, FIELD_TLS_VERSION, "SSL 2.0");
	drive_free(d);
	hello[1]++; /* lengths that don't add up */
	d = drive_new(PACKET_TCP, 443, APP_UNKNOWN);
	drive_send(d, FLOW_FORWARD, hello, sizeof(hello));
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_free(d);
}

static void hellos_cut_anywhere_are_refused(void **state)
{
	(void)state;
	size_t n;
	uint8_t *client = vector_bytes(tls12_client, &n);
	struct tls_client_hello hello;
	assert_int_equal(tls_client_hello_parse(client + 9, n - 9, &hello), 0);
	for (size_t i = 0; i < n - 9; i++) {
		uint8_t *cut = malloc(i + 1);
		memcpy(cut, client + 9, i);
		int r = tls_client_hello_parse(cut, i, &hello);
		/* all but where the extensions may be left out */
		if (r == 0)
			assert_int_equal(hello.extensions.size, 0);
		free(cut);
	}
	free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ja4_is_that_of_its_specification),
	    cmocka_unit_test(ja4_without_lists_has_zeros_for_their_hashes),
	    cmocka_unit_test(ja4_tells_the_first_protocol_by_two_characters),
	    cmocka_unit_test(ja3_is_that_of_its_description),
	    cmocka_unit_test(a_hello_with_too_many_suites_has_no_fingerprint),
	    cmocka_unit_test(tls12_is_told_as_soon_as_the_server_is_done),
	    cmocka_unit_test(handshake_messages_may_span_records),
	    cmocka_unit_test(a_server_that_was_seen_first_waits_for_its_client),
	    cmocka_unit_test(tls13_is_done_with_the_server_hello),
	    cmocka_unit_test(after_a_retry_the_second_server_hello_counts),
	    cmocka_unit_test(a_client_without_an_answer_is_told_when_the_flow_ends),
	    cmocka_unit_test(an_ssl2_hello_is_known_by_its_lengths),
	    cmocka_unit_test(hellos_cut_anywhere_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
