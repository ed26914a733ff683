/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"
#include "vectors.h"

#include "base/err.h"
#include "proto/quic_packet.h"

/* The hello of RFC 9001, A.2, in two packets of version 2: its end, with PING, PADDING and ACK before it;
 * then its start. And whole, after a Retry: with a token, sealed with the keys of another connection id. */
static const char quicv2_end[] =
    "d16b3343cf088394c8f03e515708000040ab19d3ecde6c685f293397938cb2211c1060f59125b0c380cc5a52505372831f4d"
    "1caef3d390912d115d0463874543886962dafb268019c25536f24c307a388975519bc3cb3b269bfaef805fb2bcf29100c232"
    "45d990cecabe46398c5a3e042093d4e9e0d536113583161f32f0f98745dd27b88bfa8b3878743054151eada8f259a73f6f7e"
    "beb8b3786916dedaecb8a91fc1bf88d7f9f73d212dc2cc44d583b48e114c3dc2bcc016b2b719fa";
static const char quicv2_start[] =
    "d76b3343cf088394c8f03e5157080000407ad8475a91ca95e1cde1aec54a249f582c7636f2f0948b764b3de8873ff52713f5"
    "5f3c6c611b1a30309a792bcd07c51526436d09118919b8698d2586b43ca95c4d7387eea975ee25cb155a9455971977cb5da8"
    "a45a8eda9186ca69e063e9053c5f11ee7e22364dd229d695f04216cdb10b619e6255274a0446725a";
static const char quic_after_retry[] =
    "c10000000108f067a5502a4262b5001454545454545454545454545454545454545454544109e27d23a4302a86026b55637d"
    "8db5240635c3ebe5aaf681c525af7216cb021a538612a8d8a98f74aeb7e26e57a940665b43cf152474737feb24232112402e"
    "4606b318c5ec418924c0301160766d87927502eed81bc96df254563940f3ec1993b36c60d170744bd746adfab049bcfbb955"
    "9bad0c42e7c1cf2fdfe28b032e33949edead654cab3fcbfa99288fb9423597231263d85f26332b253a4f7d25d3f5272c4c5f"
    "e3cfa422c3778ac03b66c4a98b3961419292fe68df63abafec722a69048f12cf8495995081c9d59b317c4c2555f7f25ead0b"
    "937ce7a7196457ed0178decb487f839ea64c6c7a1b51ea08c45dd3f6844fe33d4c252677f0e9ba19afb1c337a2c41f7ee40c"
    "5e01e2";

#define DCID TEXT("\x83\x94\xc8\xf0\x3e\x51\x57\x08")

static void keys_are_those_of_the_rfcs(void **state)
{
	(void)state;
	static const struct {
		uint32_t version;
		const char *key, *iv, *header;
	} cases[] = {
	    /* RFC 9001, A.1; RFC 9369, A.1 */
	    {1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
	        "9f50449e04a0e810283a1e9933adedd2"},
	    {0x6b3343cf, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
	        "45b95e15235d6f45a6b19cbcb0294ba9"},
	};
	for (size_t i = 0; i < 2; i++) {
		struct quic_keys k;
		char text[64];
		assert_int_equal(quic_client_keys(cases[i].version, DCID, &k), 0);
		assert_string_equal(num_hex(k.key, sizeof(k.key), text), cases[i].key);
		assert_string_equal(num_hex(k.iv, sizeof(k.iv), text), cases[i].iv);
		assert_string_equal(num_hex(k.header, sizeof(k.header), text), cases[i].header);
	}
}

/* RFC 9000, A.1 */
static void variable_length_integers_are_those_of_the_rfc(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		uint64_t value;
	} cases[] = {
	    {"\x25", 1, 37},
	    {"\x40\x25", 2, 37},
	    {"\x7b\xbd", 2, 15293},
	    {"\x9d\x7f\x3e\x7d", 4, 494878333},
	    {"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 8, 151288809941952652},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = cursor_of(cases[i].bytes, cases[i].n);
		assert_int_equal(quic_varint(&c), cases[i].value);
		assert_int_equal(cursor_left(&c), 0);
		c = cursor_of(cases[i].bytes, cases[i].n - 1);
		quic_varint(&c);
		assert_false(cursor_ok(&c));
	}
}

/* Header and frame as the RFC has them: the CRYPTO frame's start, then padding. */
static void the_packet_of_the_rfc_opens(void **state)
{
	(void)state;
	size_t n, frames_n = 0;
	uint8_t *packet = vector_bytes(rfc9001_client_initial, &n), *frames = malloc(n);
	struct cursor c = cursor_of(packet, n);
	struct quic_header h;
	struct quic_keys k;
	assert_int_equal(n, 1200);
	assert_int_equal(quic_header_read(&c, &h), 0);
	assert_int_equal(h.type, QUIC_INITIAL);
	assert_int_equal(h.size, 1200);
	assert_true(text_equal(h.dcid, DCID));
	assert_int_equal(quic_client_keys(h.version, h.dcid, &k), 0);
	assert_int_equal(quic_initial_open(&k, &h, frames, &frames_n), 0);
	assert_int_equal(frames_n, 1162);
	assert_memory_equal(frames, "\x06\x00\x40\xf1\x01\x00\x00\xed\x03\x03\xeb\xf8", 12);
	packet[1199] ^= 1;
	assert_int_equal(quic_initial_open(&k, &h, frames, &frames_n), -ERR_CHECKSUM);
	free(frames);
	free(packet);
}

static void check_hello(struct drive *d, const char *version)
{
	assert_int_equal(d->flow.app, APP_QUIC);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_QUIC_VERSION, version);
	drive_expect(d, 0, FIELD_TLS_SNI, "example.com");
	drive_expect(d, 0, FIELD_TLS_ALPN, "alpn");
	/* counted by hand, hashed by sha256sum(1) */
	drive_expect(d, 0, FIELD_TLS_JA4, "q13d0211an_62ed6f6ca7ad_4d634acda6c0");
	assert_int_equal(proto_stats(d->proto)->memory, 0);
}

static void the_hello_of_the_rfc_is_told(void **state)
{
	(void)state;
	size_t n;
	uint8_t *packet = vector_bytes(rfc9001_client_initial, &n);
	struct drive *d = drive_new(PACKET_UDP, 9443, APP_UNKNOWN);
	assert_false(drive_send(d, FLOW_FORWARD, packet, n));
	check_hello(d, "1");
	drive_free(d);
	free(packet);
}

static void a_hello_in_pieces_out_of_order_is_put_together(void **state)
{
	(void)state;
	size_t end_n, start_n;
	uint8_t *end = vector_bytes(quicv2_end, &end_n), *start = vector_bytes(quicv2_start, &start_n);
	struct drive *d = drive_new(PACKET_UDP, 443, APP_UNKNOWN);
	assert_true(drive_send(d, FLOW_FORWARD, end, end_n));
	assert_int_equal(d->n, 0);
	assert_false(drive_send(d, FLOW_FORWARD, start, start_n));
	check_hello(d, "2");
	drive_free(d);

	/* both in one datagram */
	uint8_t *both = malloc(end_n + start_n);
	memcpy(both, end, end_n);
	memcpy(both + end_n, start, start_n);
	d = drive_new(PACKET_UDP, 443, APP_UNKNOWN);
	assert_false(drive_send(d, FLOW_FORWARD, both, end_n + start_n));
	check_hello(d, "2");
	drive_free(d);
	free(both);
	free(end);
	free(start);
}

/* A first packet that can't be opened with its own id comes from before a Retry whose packet we know nothing
 * of. */
static void after_a_retry_the_keys_are_those_of_the_new_id(void **state)
{
	(void)state;
	size_t n, first_n;
	uint8_t *packet = vector_bytes(quic_after_retry, &n),
	        *first = vector_bytes(rfc9001_client_initial, &first_n);
	struct drive *d = drive_new(PACKET_UDP, 443, APP_UNKNOWN);
	first[600] ^= 1;
	assert_true(drive_send(d, FLOW_FORWARD, first, first_n));
	assert_false(drive_send(d, FLOW_FORWARD, packet, n));
	check_hello(d, "1");
	drive_free(d);
	free(packet);
	free(first);
}

static void packets_that_do_not_open_are_bounded(void **state)
{
	(void)state;
	size_t n;
	uint8_t *packet = vector_bytes(rfc9001_client_initial, &n);
	struct drive *d = drive_new(PACKET_UDP, 443, APP_UNKNOWN);
	packet[n - 1] ^= 1;
	for (int i = 1; i < 24; i++)
		assert_true(drive_send(d, FLOW_FORWARD, packet, n));
	assert_false(drive_send(d, FLOW_FORWARD, packet, n));
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_QUIC_VERSION, "1");
	drive_expect(d, 0, FIELD_TLS_SNI, NULL);
	drive_free(d);
	free(packet);
}

static void googles_quic_is_named_with_its_version(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *version;
	} cases[] = {
	    {"\x0d\1\2\3\4\5\6\7\xffQ043\1", "Q043"},
	    {"\xc3Q046\x50\1\2\3\4\5\6\7\xff", "Q046"},
	};
	for (size_t i = 0; i < 2; i++) {
		struct drive *d = drive_new(PACKET_UDP, 443, APP_UNKNOWN);
		assert_false(drive_send(d, FLOW_FORWARD, cases[i].bytes, 14));
		drive_expect(d, 0, FIELD_QUIC_VERSION, cases[i].version);
		drive_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_those_of_the_rfcs),
	    cmocka_unit_test(variable_length_integers_are_those_of_the_rfc),
	    cmocka_unit_test(the_packet_of_the_rfc_opens),
	    cmocka_unit_test(the_hello_of_the_rfc_is_told),
	    cmocka_unit_test(a_hello_in_pieces_out_of_order_is_put_together),
	    cmocka_unit_test(after_a_retry_the_keys_are_those_of_the_new_id),
	    cmocka_unit_test(packets_that_do_not_open_are_bounded),
	    cmocka_unit_test(googles_quic_is_named_with_its_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
