/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

#define ETH "02000000000b 02000000000a 0800 "

/* A tunnel's head in hexadecimal digits between an outer IPv4 header (10.0.0.1 to 10.0.0.2) and the packet of
 * f_hello. */
struct row {
	const char *what;
	unsigned protocol; /* of the outer header; UDP: to `port`, from 40000 */
	unsigned port;
	const char *head;
	const char *tail;
	unsigned app;
};

static const struct row rows[] = {
    {"4in4", 4, 0, "", "", APP_IPIP},
    {"ethernet in IP", 143, 0, ETH, "", APP_IPIP},
    {"etherip", 97, 0, "3000 " ETH, "", APP_IPIP},
    {"mpls in IP", 137, 0, "00001140", "", APP_IPIP},
    {"pim register", 103, 0, "2100 0000 00000000", "", APP_IPIP},
    {"pim register at the border", 103, 0, "2100 defb 80000000", "", APP_IPIP},
    {"gre", 47, 0, "0000 0800", "", APP_GRE},
    {"gre with key, checksum and sequence", 47, 0, "b000 0800 00000000 00000007 00000001", "", APP_GRE},
    {"gre with a route", 47, 0, "4000 0800 00000000 0800 0004 0a000009 0000 0000", "", APP_GRE},
    {"gre with ethernet", 47, 0, "0000 6558 " ETH, "", APP_GRE},
    {"nvgre", 47, 0, "2000 6558 00000100 " ETH, "", APP_GRE},
    {"gre with mpls", 47, 0, "0000 8847 00001140", "", APP_GRE},
    {"pptp", 47, 0, "3001 880b 0022 0001 00000001 21" /* compressed ppp */, "", APP_GRE},
    {"pptp with acknowledgement", 47, 0, "3081 880b 0024 0001 00000001 00000002 ff03 21", "", APP_GRE},
    {"wccp, version 1", 47, 0, "0000 883e", "", APP_GRE},
    {"wccp, version 2", 47, 0, "0000 883e 00000000", "", APP_GRE},
    {"gre with cisco metadata", 47, 0, "0000 8909 0800 0101 0001 0000", "", APP_GRE},
    {"aruba", 47, 0, "0000 8200 0801 0000 020000000001 02000000000a 02000000000b 0000 aaaa03 000000 0800", "",
        APP_GRE},
    {"erspan I", 47, 0, "0000 88be " ETH, "", APP_ERSPAN},
    {"erspan II", 47, 0, "1000 88be 00000001 1001 0000 00000000 " ETH, "", APP_ERSPAN},
    {"erspan III", 47, 0, "1000 22eb 00000001 2001 0000 00000000 0000 0000 " ETH, "", APP_ERSPAN},
    {"erspan III with its platform header", 47, 0,
        "1000 22eb 00000001 2001 0000 00000000 0000 0001 0000000000000000 " ETH, "", APP_ERSPAN},
    {"erspan III with IP", 47, 0, "1000 22eb 00000001 2001 0000 00000000 0000 0800 ", "", APP_ERSPAN},
    {"vxlan", 17, 4789, "08000000 00000100 " ETH, "", APP_VXLAN},
    {"vxlan as Linux had it", 17, 8472, "08000000 00000100 " ETH, "", APP_VXLAN},
    {"vxlan with a group policy", 17, 4789, "88000007 00000100 " ETH, "", APP_VXLAN},
    {"vxlan with a tag inside", 17, 4789, "08000000 00000100 02000000000b 02000000000a 8100 0005 0800", "",
        APP_VXLAN},
    {"vxlan gpe with IP", 17, 4790, "0c000001 00000100", "", APP_VXLAN},
    {"vxlan gpe with ethernet", 17, 4790, "0c000003 00000100" ETH, "", APP_VXLAN},
    {"vxlan gpe with nsh", 17, 4790, "0c000004 00000100 0fc2 0201 000001ff", "", APP_VXLAN},
    {"vxlan gpe at vxlan's port", 17, 4789, "0c000003 00000100" ETH, "", APP_VXLAN},
    {"geneve", 17, 6081, "0000 6558 000001 00 " ETH, "", APP_GENEVE},
    {"geneve with an option and IP", 17, 6081, "0240 0800 000001 00 0102030400000000", "", APP_GENEVE},
    {"gtp", 17, 2152, "30 ff 0021 00000001", "", APP_GTP},
    {"gtp with a sequence number", 17, 2152, "32 ff 0025 00000001 0001 00 00", "", APP_GTP},
    {"gtp with an extension", 17, 2152, "34 ff 0029 00000001 0000 00 85 01 0009 00", "", APP_GTP},
    {"gre in udp", 17, 4754, "2000 0800 00000001", "", APP_GRE},
    {"mpls in udp", 17, 6635, "00001040 00002140", "", APP_IPIP},
};

static struct frame build(const struct row *r)
{
	struct frame f = {0}, head = {0}, tail = {0};
	f_hex(&head, r->head);
	f_hex(&tail, r->tail);
	size_t n = head.n + HELLO_BYTES + tail.n;
	f_ipv4_sealed(&f, r->protocol, n + (r->protocol == PACKET_UDP ? 8 : 0));
	if (r->protocol == PACKET_UDP)
		f_udp(&f, 40000, r->port, n);
	f_hex(&f, r->head);
	f_hello(&f);
	f_hex(&f, r->tail);
	f_free(&head);
	f_free(&tail);
	return f;
}

static void every_tunnel_gives_both_layers(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = build(&rows[i]);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_hello(&p, 2, rows[i].what);
		assert_events(&p, 0, rows[i].what);
		const struct packet_layer *outer = &p.layers[0];
		if (outer->app != rows[i].app || outer->protocol != rows[i].protocol)
			fail_msg("%s: %s", rows[i].what, app_name(outer->app));
		assert_int_equal(outer->has_ports, rows[i].protocol == PACKET_UDP);
		assert_int_equal(outer->wire_bytes, f.n);
		/* the payload is what is inside: it ends where the frame does */
		assert_ptr_equal(outer->payload + outer->payload_captured, f.b + f.n);
		assert_int_equal(p.n_vlans, 0);
		assert_false(p.has_mac); /* those inside are another network's */
		f_free(&f);
	}
	decoder_free(d);
}

static void pim_that_carries_nothing_is_one_layer(void **state)
{
	(void)state;
	static const char *const heads[] = {"2100 0000 40000000", "2000 0000 00000000", "2200 0000 00000000",
	    "1100 0000 00000000", "2100 0000"};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct row r = {heads[i], 103, 0, heads[i], "", APP_UNKNOWN};
		struct frame f = build(&r);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_int_equal(p.n_layers, 1);
		assert_int_equal(p.layers[0].app, APP_UNKNOWN);
		assert_events(&p, 0, heads[i]);
		f_free(&f);
	}
	decoder_free(d);
}

static void every_tunnel_may_be_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = build(&rows[i]);
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
}

/* At a tunnel's port, but no tunnel: the datagram is payload like any other, with the event where the port
 * says so. */
static void a_wrong_guess_leaves_the_payload_alone(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned src, dst;
		const char *payload;
		uint64_t events;
	} guesses[] = {
	    {"dns at vxlan's port", 40000, 4789, "1234 0100 0001 0000 0000 0000 03 777777 00 0001 0001",
	        EVENT(VXLAN_MALFORMED)},
	    {"vxlan without its flag", 40000, 4789, "00000000 00000100 " ETH "4500", EVENT(VXLAN_MALFORMED)},
	    {"vxlan with a reserved bit", 40000, 4789,
	        "08000000 00000101 " ETH "4500 0014 00000000 4000 66e7 0a000001 0a000002",
	        EVENT(VXLAN_MALFORMED)},
	    {"vxlan around an IP that claims too much", 40000, 4789,
	        "08000000 00000100 " ETH "4500 0015 00000000 4000 0000 0a000001 0a000002",
	        EVENT(VXLAN_MALFORMED)},
	    {"vxlan's port as a source", 4789, 40000, "08000000 00000100 00", 0},
	    {"geneve of another version", 40000, 6081,
	        "4000 0800 000001 00 4500 0014 00000000 4000 66e7 0a000001 0a000002",
	        EVENT(GENEVE_MALFORMED)},
	    {"geneve of nothing known", 40000, 6081, "0000 1234 000001 00 45", EVENT(GENEVE_MALFORMED)},
	    {"gtp signalling", 40000, 2152, "32 01 0004 00000000 0001 0000", 0},
	    {"gtp whose length is another", 40000, 2152,
	        "30 ff 0015 00000001 4500 0014 00000000 4000 66e7 0a000001 0a000002 00 00",
	        EVENT(GTP_MALFORMED)},
	    {"gtp with an extension of no length", 40000, 2152, "34 ff 0008 00000001 0000 00 85 00 0000 00",
	        EVENT(GTP_MALFORMED)},
	    {"gre in udp with a route", 40000, 4754, "4000 0800 00000000", EVENT(GRE_MALFORMED)},
	    {"labels without an end", 40000, 6635, "00001040 00002040", EVENT(MPLS_TRUNCATED)},
	    {"labels and no IP", 40000, 6635, "00001140 ffffffff", 0},
	    {"something else at teredo's port", 40000, 3544,
	        "6000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
	        EVENT(TEREDO_MALFORMED)},
	    {"IPv6 in UDP, but no teredo address", 40000, 40001,
	        "60000000 0000 3b 40 20010db8000000000000000000000001 20010db8000000000000000000000002", 0},
	    {"a teredo address, but bytes behind", 40000, 40001,
	        "60000000 0000 3b 40 20010000000000000000000000000001 20010db8000000000000000000000002 ff",
	        0},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		struct frame f = {0}, body = {0};
		f_hex(&body, guesses[i].payload);
		f_ipv4_sealed(&f, PACKET_UDP, 8 + body.n);
		f_udp(&f, guesses[i].src, guesses[i].dst, body.n);
		f_hex(&f, guesses[i].payload);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, guesses[i].events, guesses[i].what);
		if (p.n_layers != 1 || p.layers[0].app != APP_UNKNOWN)
			fail_msg("%s: taken for a tunnel", guesses[i].what);
		assert_int_equal(p.layers[0].payload_length, body.n);
		assert_memory_equal(p.layers[0].payload, body.b, body.n);
		f_free(&f);
		f_free(&body);
	}
	decoder_free(d);
}

/* Teredo around a UDP datagram "hi" of 2001:0::1; `at` bytes of indications before, trailers behind. */
static void teredo_is_found_at_any_port_by_what_it_holds(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned port;
		const char *before, *src, *dst, *behind;
		bool found;
	} cases[] = {
	    {"plain, at its port", 3544, "", "20010000 000000000000000000000001",
	        "20010db8000000000000000000000002", "", true},
	    {"plain, elsewhere", 50000, "", "20010000 000000000000000000000001",
	        "20010db8000000000000000000000002", "", true},
	    {"the other way", 50000, "", "20010db8000000000000000000000002",
	        "20010000000000000000000000000001", "", true},
	    {"origin", 3544, "0000 1234 01020304", "20010db8000000000000000000000002",
	        "20010000000000000000000000000001", "", true},
	    {"authentication", 3544, "0001 00 00 0102030405060708 00", "fe800000000000000000000000000001",
	        "ff020000000000000000000000000002", "", true},
	    {"authentication with key and value, and origin", 3544,
	        "0001 02 03 aabb ccddee 0102030405060708 00 0000 1234 01020304",
	        "fe800000000000000000000000000001", "ff020000000000000000000000000002", "", true},
	    {"trailers", 3544, "", "20010000000000000000000000000001", "20010db8000000000000000000000002",
	        "0104 77a05e76 0308 0102030405060708", true},
	    {"a trailer cut short", 50000, "", "20010000000000000000000000000001",
	        "20010db8000000000000000000000002", "0104 77a05e", false},
	    {"link-local elsewhere", 50000, "", "fe800000000000000000000000000001",
	        "ff020000000000000000000000000002", "", false},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = {0}, body = {0};
		f_hex(&body, cases[i].before);
		f_hex(&body, "60000000 000a 11 40");
		f_hex(&body, cases[i].src);
		f_hex(&body, cases[i].dst);
		f_udp(&body, 7, 9, 2);
		f_text(&body, "hi");
		f_hex(&body, cases[i].behind);
		f_ipv4_sealed(&f, PACKET_UDP, 8 + body.n);
		f_udp(&f, 40000, cases[i].port, body.n);
		memcpy(f_room(&f, body.n), body.b, body.n);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		if ((p.n_layers == 2) != cases[i].found)
			fail_msg("%s", cases[i].what);
		if (cases[i].found) {
			assert_int_equal(p.layers[0].app, APP_TEREDO);
			assert_payload(&p.layers[1], "hi");
			assert_int_equal(p.layers[1].dst_port, 9);
		}
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
		f_free(&body);
	}
	decoder_free(d);
}

static void broken_tunnel_headers_are_events(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *gre;
		uint64_t events;
		unsigned app;
	} cases[] = {
	    {"short", "00 00", EVENT(GRE_MALFORMED), APP_GRE},
	    {"version 2", "0002 0800", EVENT(GRE_MALFORMED), APP_GRE},
	    {"a key that isn't there", "2000 0800", EVENT(GRE_MALFORMED), APP_GRE},
	    {"a route without an end", "4000 0800 00000000 0800 0009", EVENT(GRE_MALFORMED), APP_GRE},
	    {"version 1 without a key", "0001 880b 00000000", EVENT(GRE_MALFORMED), APP_GRE},
	    {"version 1 of something else", "2001 0800 00000000", EVENT(GRE_MALFORMED), APP_GRE},
	    {"version 1 that claims too much", "2001 880b 0001 0000", EVENT(GRE_MALFORMED), APP_GRE},
	    {"version 1, an acknowledgement alone", "2081 880b 0000 0000 00000001", 0, APP_GRE},
	    {"a protocol that nobody has", "0000 1234", EVENT(ETHERTYPE_UNKNOWN), APP_GRE},
	    {"a length for a protocol", "0000 0010", EVENT(ETHERTYPE_UNKNOWN), APP_GRE},
	    {"erspan II of another version", "1000 88be 00000001 2001 0000 00000000", EVENT(ERSPAN_MALFORMED),
	        APP_GRE},
	    {"erspan II, short", "1000 88be 00000001 1001 00", EVENT(ERSPAN_MALFORMED), APP_GRE},
	    {"erspan III of another version", "1000 22eb 00000001 1001 0000 00000000 0000 0000",
	        EVENT(ERSPAN_MALFORMED), APP_GRE},
	    {"erspan III of no frame type", "1000 22eb 00000001 2001 0000 00000000 0000 1000",
	        EVENT(ERSPAN_MALFORMED), APP_GRE},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = {0}, body = {0};
		f_hex(&body, cases[i].gre);
		f_ipv4_sealed(&f, PACKET_GRE, body.n);
		f_hex(&f, cases[i].gre);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, cases[i].events, cases[i].what);
		assert_int_equal(p.n_layers, 1);
		assert_int_equal(p.layers[0].app, cases[i].app);
		f_free(&f);
		f_free(&body);
	}
	decoder_free(d);
}

/* The mirror says that it cut the frame: the length inside is then not impossible. */
static void a_frame_that_erspan_cut_keeps_its_ip_length(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (int cut = 0; cut < 2; cut++) {
		struct frame f = {0};
		f_ipv4_sealed(&f, PACKET_GRE, 4 + 4 + 8 + 14 + 20 + 8 + 10);
		f_hex(&f, "1000 88be 00000001 1001");
		f_u16(&f, cut ? 0x0400 : 0);
		f_hex(&f, "00000000");
		f_ethernet(&f, 0x0800);
		f_ipv4_sealed(&f, PACKET_UDP, 8 + 1000);
		f_udp(&f, 1, 2, 1000);
		f_room(&f, 10);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_int_equal(p.n_layers, 2);
		assert_int_equal(p.layers[1].payload_length, cut ? 1000 : 10);
		assert_int_equal(p.layers[1].payload_captured, 10);
		assert_int_equal(p.events >> DECODE_EVENT_IP_LENGTH_IMPOSSIBLE & 1, !cut);
		f_free(&f);
	}
	decoder_free(d);
}

static void layers_are_bounded(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (int more = -1; more <= 1; more++) {
		struct frame f = {0};
		int layers = PACKET_LAYERS_MAX + more;
		for (int i = layers - 1; i > 0; i--)
			f_ipv4_sealed(&f, PACKET_IPIP, (size_t)(i - 1) * 20 + HELLO_BYTES);
		f_hello(&f);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		if (more <= 0) {
			assert_hello(&p, (size_t)layers, "within the bound");
			assert_events(&p, 0, "within the bound");
		} else {
			assert_int_equal(p.n_layers, PACKET_LAYERS_MAX);
			assert_events(&p, EVENT(TUNNEL_TOO_DEEP), "beyond the bound");
			assert_int_equal(p.layers[PACKET_LAYERS_MAX - 1].app, APP_IPIP);
			assert_int_equal(p.layers[PACKET_LAYERS_MAX - 1].payload_length, HELLO_BYTES);
		}
		f_free(&f);
	}
	decoder_free(d);
}

static void six_in_four_and_four_in_six(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = {0};
	f_ipv4_sealed(&f, PACKET_IPV6, 40 + HELLO_BYTES);
	f_ipv6(&f, PACKET_IPIP, HELLO_BYTES);
	f_hello(&f);
	struct packet p = decode_whole(d, LINK_RAW, &f);
	assert_hello(&p, 3, "4in6in4");
	assert_int_equal(p.layers[0].app, APP_IPIP);
	assert_int_equal(p.layers[1].app, APP_IPIP);
	assert_addr(p.layers[1].src, "2001:db8::1");
	/* of another version than the protocol says */
	f.b[20] = 0x45;
	p = decode_whole(d, LINK_RAW, &f);
	assert_int_equal(p.n_layers, 1);
	assert_events(&p, EVENT(IPV6_VERSION), "wrong version");
	f_free(&f);
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_tunnel_gives_both_layers),
	    cmocka_unit_test(pim_that_carries_nothing_is_one_layer),
	    cmocka_unit_test(every_tunnel_may_be_cut_at_every_byte),
	    cmocka_unit_test(a_wrong_guess_leaves_the_payload_alone),
	    cmocka_unit_test(teredo_is_found_at_any_port_by_what_it_holds),
	    cmocka_unit_test(broken_tunnel_headers_are_events),
	    cmocka_unit_test(a_frame_that_erspan_cut_keeps_its_ip_length),
	    cmocka_unit_test(layers_are_bounded),
	    cmocka_unit_test(six_in_four_and_four_in_six),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
