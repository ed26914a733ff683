/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The names of protocols that have no parser: real first payloads are named, noise is not. */

#include "bytes.h"

#include <stdio.h>

#include "proto/naming.h"

/* First payloads, made by hand from the specifications. `answer`: what the other end says then. */
static const struct {
	enum app app;
	uint8_t protocol;
	bool from_server;
	const char *hex;
} payloads[] = {
    {APP_TELNET, PACKET_TCP, true, "ff fd 18 ff fd 20 ff fd 23 ff fd 27"},
    {APP_NTP, PACKET_UDP, false,
        "23 00 06 ec 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 "
        "e91c3d2f11223344"},
    {APP_NTP, PACKET_UDP, true,
        "24 02 06 e8 00000c1f 00000a2b c0a80101 e91c3d0011223344 e91c3d2f11223344 e91c3d2f22223344 "
        "e91c3d2f33223344"},
    {APP_SNMP, PACKET_UDP, false,
        "30 1b 02 01 01 04 06 7075626c6963 a0 0e 02 01 01 02 01 00 02 01 00 30 03 0101 00"},
    {APP_TFTP, PACKET_UDP, false, "00 01 626f6f742e696d67 00 6f63746574 00"},
    {APP_SYSLOG, PACKET_UDP, false, "3c33343e4f63742031312032323a31343a3135206d79"},
    {APP_NETBIOS_DGM, PACKET_UDP, false,
        "11 02 8001 0a000001 008a 00bb 0000 20 4546454645464546 4546454645464546 4546454645464546 "
        "4546454645464546 00"},
    {APP_NETBIOS_NS, PACKET_UDP, false,
        "1234 0110 0001 0000 0000 0000 20 4546454645464546 4546454645464546 4546454645464546 "
        "4546454645464546 00 0020 0001"},
    {APP_RADIUS, PACKET_UDP, false,
        "01 07 001f 00112233445566778899aabbccddeeff 01 05 657665 02 06 01020304"},
    {APP_STUN, PACKET_UDP, false, "0001 0000 2112a442 000102030405060708090a0b"},
    {APP_ORACLE, PACKET_TCP, false,
        "003a 0000 01 00 0000 0136 012c 0000 0800 7fff 7f08 0000 0001 0018 0022 00000000 0000 00000000 28 44 "
        "45 53 43"
        " 52 49 50 54 49 4f 4e 3d 28 41 44 44 52 45 53 53 3d 29 29"},
    {APP_MONGODB, PACKET_TCP, false, "15000000 01000000 00000000 dd070000 00000000 00"},
    {APP_REDIS, PACKET_TCP, false, "2a 31 0d0a 24 34 0d0a 50494e47 0d0a"},
    {APP_NFS, PACKET_TCP, false,
        "80000028 12345678 00000000 00000002 000186a3 00000003 00000000 00000000 00000000"},
    {APP_RSYNC, PACKET_TCP, true, "405253594e43443a2033312e300a"},
    {APP_IMAP, PACKET_TCP, true, "2a204f4b20696d61700d0a"},
    {APP_POP3, PACKET_TCP, true, "2b4f4b2072656164790d0a"},
    {APP_IRC, PACKET_TCP, false, "4e49434b206576650d0a"},
    {APP_MQTT, PACKET_TCP, false, "10 0d 0004 4d515454 04 02 003c 0001 61"},
    {APP_MODBUS, PACKET_TCP, false, "0001 0000 0006 01 03 0000 000a"},
    /* the example of IEEE 1815's link layer: a reset link states, with its CRC */
    {APP_DNP3, PACKET_TCP, false, "05 64 05 c0 01 00 00 04 e9 21"},
    {APP_ENIP, PACKET_TCP, false, "65 00 04 00 00000000 00000000 0000000000000000 00000000 01000000"},
    {APP_BITTORRENT, PACKET_UDP, false, "64313a6164323a696432303a6162636465"},
    {APP_SSDP, PACKET_UDP, false, "4d2d534541524348202a20485454502f312e310d0a"},
    {APP_IKE, PACKET_UDP, false, "0102030405060708 0000000000000000 21 20 22 08 00000000 0000001c"},
    {APP_OPENVPN, PACKET_UDP, false, "38 0102030405060708 00 00000000"},
    {APP_SOCKS, PACKET_TCP, false, "05 02 00 02"},
    {APP_SOCKS, PACKET_TCP, false, "04 01 0050 0a000003 657665 00"},
};

static void first_payload_names_its_protocol(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		/* ports say nothing: the names are of the content */
		struct drive *d = drive_new(payloads[i].protocol, 61234, APP_UNKNOWN);
		struct bytes b = {0};
		put_hex(&b, payloads[i].hex);
		drive_send(d, payloads[i].from_server ? FLOW_REVERSE : FLOW_FORWARD, b.p, b.n);
		drive_end(d);
		if (d->flow.app != payloads[i].app)
			fail_msg(
			    "row %zu, %s, is named %s", i, app_name(payloads[i].app), app_name(d->flow.app));
		drive_free(d);
	}
}

static void dhcp_and_wireguard_are_named_by_magic_and_size(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct drive *d = drive_new(PACKET_UDP, 67, APP_UNKNOWN);
	put_hex(&b, "01 01 06 00");
	put_zero(&b, 232);
	put_hex(&b, "63825363 35 01 01 ff");
	drive_send(d, FLOW_FORWARD, b.p, b.n);
	assert_int_equal(d->flow.app, APP_DHCP);
	drive_free(d);
	for (size_t n = 147; n <= 149; n++) {
		d = drive_new(PACKET_UDP, 61234, APP_UNKNOWN);
		b.n = 0;
		put_le32(&b, 1);
		while (b.n < n)
			put_u8(&b, 0xa5);
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		assert_int_equal(d->flow.app, n == 148 ? APP_WIREGUARD : APP_UNKNOWN);
		drive_free(d);
	}
}

static void rtp_needs_two_packets_of_one_source(void **state)
{
	(void)state;
	static const struct {
		const char *second;
		enum app app;
	} rows[] = {
	    {"80 00 0002 000000a0 11223344 5566", APP_RTP},
	    {"80 80 0041 000000a0 11223344 5566", APP_RTP},     /* marked, 64 later */
	    {"80 00 0042 000000a0 11223344 5566", APP_UNKNOWN}, /* too far on */
	    {"80 00 0002 000000a0 11223345 5566", APP_UNKNOWN}, /* another source */
	    {"80 08 0002 000000a0 11223344 5566", APP_UNKNOWN}, /* another type */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = drive_new(PACKET_UDP, 61234, APP_UNKNOWN);
		struct bytes b = {0};
		put_hex(&b, "80 00 0001 00000000 11223344 5566");
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		b.n = 0;
		put_hex(&b, rows[i].second);
		drive_send(d, FLOW_FORWARD, b.p, b.n);
		assert_int_equal(d->flow.app, rows[i].app);
		drive_free(d);
	}
}

/* xorshift64*, so that a failure can be repeated */
static uint64_t noise(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static void noise_fill(uint64_t *s, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(noise(s) >> 56);
}

/* Asks every probe and counts whom it takes the payloads for. */
static void count_names(uint8_t *p, size_t n, const struct flow *f, unsigned taken[APP_COUNT])
{
	struct naming_view v = {.flow = f,
	    .dir = FLOW_FORWARD,
	    .now = {p, n},
	    .first = {{p, n < 512 ? n : 512}, {(uint8_t *)"", 0}}};
	for (const struct naming_probe *row = naming_probes; row->app != APP_UNKNOWN; row++)
		if ((f->protocol == PACKET_TCP ? row->tcp : row->udp) && row->probe(&v))
			taken[row->app]++;
	for (size_t i = 0; proto_parsers[i]->app != APP_UNKNOWN; i++) {
		const struct proto_parser *k = proto_parsers[i];
		if (k->probe && (f->protocol == PACKET_TCP ? k->tcp : k->udp) &&
		    k->probe(p, n < PROTO_PROBE_BYTES ? n : PROTO_PROBE_BYTES, true, f) == PROTO_YES)
			taken[k->app]++;
	}
}

/* Ten expected hits at the allowed rate of 1e-4, so a probe at its limit fails about half the time: none may
 * be near. */
static void noise_is_hardly_ever_taken_for_a_protocol(void **state)
{
	(void)state;
	enum { TRIALS = 100000 };
	static const size_t sizes[] = {8, 12, 16, 28, 48, 92, 148, 240, 512};
	for (int udp = 0; udp < 2; udp++) {
		struct flow f = {.protocol = udp ? PACKET_UDP : PACKET_TCP,
		    .initiator_port = 50000,
		    .responder_port = 61234};
		unsigned taken[APP_COUNT] = {0};
		uint64_t seed = 88172645463325252 + (uint64_t)udp;
		for (unsigned i = 0; i < TRIALS; i++) {
			uint8_t p[512];
			size_t n = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
			noise_fill(&seed, p, n);
			count_names(p, n, &f, taken);
		}
		for (int app = 0; app < APP_COUNT; app++)
			if (taken[app] >= TRIALS / 10000)
				fail_msg("%s is seen in %u of %u random payloads", app_name((unsigned)app),
				    taken[app], TRIALS);
	}
}

/* Ciphertext inside TLS records, as where a capture begins in the middle of a session. */
static void ciphertext_of_tls_is_taken_for_tls_alone(void **state)
{
	(void)state;
	enum { TRIALS = 50000 };
	struct flow f = {.protocol = PACKET_TCP, .initiator_port = 50000, .responder_port = 61234};
	unsigned taken[APP_COUNT] = {0};
	uint64_t seed = 42;
	for (unsigned i = 0; i < TRIALS; i++) {
		uint8_t p[300];
		noise_fill(&seed, p, sizeof(p));
		p[0] = 0x17;
		p[1] = p[2] = 3;
		store_be16(p + 3, 295);
		count_names(p, sizeof(p), &f, taken);
	}
	for (int app = 0; app < APP_COUNT; app++)
		if (app != APP_TLS && taken[app] > 0)
			fail_msg("%s is seen in %u of %u TLS records", app_name((unsigned)app), taken[app],
			    TRIALS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_payload_names_its_protocol),
	    cmocka_unit_test(dhcp_and_wireguard_are_named_by_magic_and_size),
	    cmocka_unit_test(rtp_needs_two_packets_of_one_source),
	    cmocka_unit_test(noise_is_hardly_ever_taken_for_a_protocol),
	    cmocka_unit_test(ciphertext_of_tls_is_taken_for_tls_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
