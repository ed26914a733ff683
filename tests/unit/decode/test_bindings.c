/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

static void assert_bound(const struct packet *p, enum packet_binding_source source, const char *addr,
    const char *mac, const char *name, const char *what)
{
	if (p->binding.source != source)
		fail_msg("%s: source %d", what, p->binding.source);
	if (source == PACKET_BINDING_NONE)
		return;
	if (addr)
		assert_addr(p->binding.addr, addr);
	else
		assert_true(net_addr_is_none(p->binding.addr));
	assert_mac(p->binding.mac, mac);
	assert_int_equal(p->binding.name.n, strlen(name));
	assert_memory_equal(p->binding.name.p, name, strlen(name));
}

static void arp_states_who_the_sender_is(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bytes, *addr, *mac;
		uint64_t events;
	} rows[] = {
	    {"a request", "0001 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002", "10.0.0.1",
	        "02:00:00:00:00:0a", 0},
	    {"a reply", "0001 0800 06 04 0002 02000000000b 0a000002 02000000000a 0a000001", "10.0.0.2",
	        "02:00:00:00:00:0b", 0},
	    {"an IEEE 802 one", "0006 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002",
	        "10.0.0.1", "02:00:00:00:00:0a", 0},
	    {"a probe", "0001 0800 06 04 0001 02000000000a 00000000 000000000000 0a000002", NULL, NULL, 0},
	    {"a group as a sender", "0001 0800 06 04 0001 01005e000001 0a000001 000000000000 0a000002", NULL,
	        NULL, 0},
	    {"a sender without a MAC", "0001 0800 06 04 0001 000000000000 0a000001 000000000000 0a000002",
	        NULL, NULL, 0},
	    {"a group's address", "0001 0800 06 04 0002 02000000000a e0000001 000000000000 0a000002", NULL,
	        NULL, 0},
	    {"token ring", "0004 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002", NULL, NULL, 0},
	    {"lengths that don't fit", "0001 0800 06 10 0001 02000000000a 0a000001 000000000000 0a000002",
	        NULL, NULL, EVENT(ARP_MALFORMED)},
	    {"short", "0001 0800 06 04 0001 02000000000a 0a000001 000000000000 0a0000", NULL, NULL,
	        EVENT(ARP_MALFORMED)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ethernet(&f, 0x0806);
		f_hex(&f, rows[i].bytes);
		struct packet p = decode_whole(d, LINK_ETHERNET, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_bound(&p, rows[i].addr ? PACKET_BINDING_ARP : PACKET_BINDING_NONE, rows[i].addr,
		    rows[i].mac, "", rows[i].what);
		assert_int_equal(p.n_layers, 0);
		decode_every_cut(LINK_ETHERNET, &f);
		f_free(&f);
	}
	decoder_free(d);
}

#define TARGET "fe800000000000000000000000000077"

static void neighbour_discovery_states_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bytes;
		unsigned hops;
		const char *addr, *mac;
		uint64_t events;
	} rows[] = {
	    {"a solicitation", "87 00 0000 00000000 " TARGET " 0101 02000000000a", 255, "2001:db8::1",
	        "02:00:00:00:00:0a", 0},
	    {"an advertisement", "88 00 0000 60000000 " TARGET " 0201 02000000000b", 255, "fe80::77",
	        "02:00:00:00:00:0b", 0},
	    {"an advertisement without an address", "88 00 0000 60000000 " TARGET, 255, NULL, NULL, 0},
	    {"behind another option", "88 00 0000 60000000 " TARGET " 0e01 000000000000 0201 02000000000b",
	        255, "fe80::77", "02:00:00:00:00:0b", 0},
	    {"a router's solicitation", "85 00 0000 00000000 0101 02000000000a", 255, "2001:db8::1",
	        "02:00:00:00:00:0a", 0},
	    {"a router's advertisement", "86 00 0000 40000708 00000000 00000000 0101 02000000000a", 255,
	        "2001:db8::1", "02:00:00:00:00:0a", 0},
	    {"a redirect", "89 00 0000 00000000 " TARGET TARGET " 0201 02000000000b", 255, NULL, NULL, 0},
	    {"from beyond a router", "87 00 0000 00000000 " TARGET " 0101 02000000000a", 254, NULL, NULL,
	        EVENT(NDP_MALFORMED)},
	    {"an option of no length", "87 00 0000 00000000 " TARGET " 0100 02000000000a", 255, NULL, NULL,
	        EVENT(NDP_MALFORMED)},
	    {"an option beyond the packet", "87 00 0000 00000000 " TARGET " 0102 02000000000a", 255, NULL,
	        NULL, EVENT(NDP_MALFORMED)},
	    {"without its target", "87 00 0000 00000000 fe80", 255, NULL, NULL, EVENT(NDP_MALFORMED)},
	    {"an echo", "80 00 0000 00010001", 64, NULL, NULL, 0},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0};
		f_ipv6(&f, PACKET_ICMPV6, 0)[7] = (uint8_t)rows[i].hops;
		f_hex(&f, rows[i].bytes);
		store_be16(f.b + 4, (uint16_t)(f.n - 40));
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_bound(&p, rows[i].addr ? PACKET_BINDING_NDP : PACKET_BINDING_NONE, rows[i].addr,
		    rows[i].mac, "", rows[i].what);
		assert_true(p.layers[0].has_ports);
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
	/* duplicate address detection asks from no address */
	struct frame f = {0};
	memset(f_ipv6(&f, PACKET_ICMPV6, 32) + 8, 0, 16);
	f.b[7] = 255;
	f_hex(&f, "87 00 0000 00000000 " TARGET " 0101 02000000000a");
	struct packet p = decode_whole(d, LINK_RAW, &f);
	assert_bound(&p, PACKET_BINDING_NONE, NULL, NULL, "", "duplicate address detection");
	f_free(&f);
	decoder_free(d);
}

/* A BOOTP head with these addresses, the cookie and options. */
static struct frame dhcp(unsigned op, const char *ciaddr, const char *yiaddr, const char *options)
{
	struct frame f = {0}, body = {0};
	f_u8(&body, op);
	f_hex(&body, "01 06 00 12345678 0000 0000");
	f_hex(&body, ciaddr);
	f_hex(&body, yiaddr);
	f_hex(&body, "00000000 00000000 02000000000a 00000000000000000000");
	f_room(&body, 64 + 128);
	assert_int_equal(body.n, 236);
	f_hex(&body, "63825363");
	f_hex(&body, options);
	f_ipv4_sealed(&f, PACKET_UDP, 8 + body.n);
	f_udp(&f, op == 1 ? 68 : 67, op == 1 ? 67 : 68, body.n);
	memcpy(f_room(&f, body.n), body.b, body.n);
	f_free(&body);
	return f;
}

#define NONE   "00000000"
#define A5     "0a000005"
#define A6     "0a000006"
#define NAME   "0c 06 6c6170746f70"              /* laptop */
#define FQDN_P "51 07 00 00 00 7063 2e78"        /* pc.x, as text */
#define FQDN_E "51 09 04 00 00 02 7063 01 78 00" /* pc.x, as DNS has it */

static void dhcp_gives_address_machine_and_name(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned op;
		const char *ciaddr, *yiaddr, *options, *addr, *name;
		bool bound;
		uint64_t events;
	} rows[] = {
	    {"discover with a name", 1, NONE, NONE, "35 01 01 " NAME " ff", NULL, "laptop", true, 0},
	    {"discover without", 1, NONE, NONE, "35 01 01 ff", NULL, "", false, 0},
	    {"offer", 2, NONE, A5, "35 01 02 ff", NULL, "", false, 0},
	    {"request", 1, NONE, NONE, "35 01 03 32 04 " A5 NAME " ff", NULL, "laptop", true, 0},
	    {"request to renew", 1, A5, NONE, "35 01 03 ff", "10.0.0.5", "", true, 0},
	    {"acknowledgement", 2, NONE, A5, "35 01 05 ff", "10.0.0.5", "", true, 0},
	    {"acknowledgement with a name", 2, A6, A5, "00 00 35 01 05 " NAME " ff", "10.0.0.5", "laptop",
	        true, 0},
	    {"acknowledgement to inform", 2, A6, NONE, "35 01 05 ff", "10.0.0.6", "", true, 0},
	    {"refusal", 2, NONE, NONE, "35 01 06 ff", NULL, "", false, 0},
	    {"release", 1, A5, NONE, "35 01 07 ff", NULL, "", false, 0},
	    {"inform", 1, A5, NONE, "35 01 08 " FQDN_P " ff", "10.0.0.5", "pc.x", true, 0},
	    {"a full name as DNS has it", 1, NONE, NONE, "35 01 03 " FQDN_E " ff", NULL, "pc", true, 0},
	    {"the host name before the full one", 1, NONE, NONE, "35 01 03 " FQDN_E NAME " ff", NULL,
	        "laptop", true, 0},
	    {"plain bootp", 2, NONE, A5, "ff", "10.0.0.5", "", true, 0},
	    {"without an end", 2, NONE, A5, "35 01 05", "10.0.0.5", "", true, 0},
	    {"an option beyond the end", 2, NONE, A5, "35 01 05 0c 09 61", NULL, "", false,
	        EVENT(DHCP_MALFORMED)},
	    {"a full name too short", 1, NONE, NONE, "35 01 03 51 01 04 ff", NULL, "", false, 0},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = dhcp(rows[i].op, rows[i].ciaddr, rows[i].yiaddr, rows[i].options);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_bound(&p, rows[i].bound ? PACKET_BINDING_DHCP : PACKET_BINDING_NONE, rows[i].addr,
		    "02:00:00:00:00:0a", rows[i].name, rows[i].what);
		assert_true(p.layers[0].has_ports);
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
	}
	/* what a snapshot length cut off is nobody's fault */
	struct frame f = dhcp(2, NONE, A5, "35 01 05 ff");
	struct packet p = decode_cut(d, LINK_RAW, &f, 96, f.n);
	assert_events(&p, 0, "cut");
	assert_bound(&p, PACKET_BINDING_NONE, NULL, NULL, "", "cut");
	f_free(&f);
	decoder_free(d);
}

#define DUID_LLT  "0001 000e 0001 0001 11223344 02000000000a"
#define DUID_LL   "0001 000a 0003 0001 02000000000a"
#define DUID_UUID "0001 0012 0004 00112233445566778899aabbccddeeff"
#define IA        "0003 0028 00000001 00000000 00000000 0005 0018 20010db8000000000000000000000005 00000e10 00000e10"
#define IA_GONE                                                                                              \
	"0003 0028 00000001 00000000 00000000 0005 0018 20010db8000000000000000000000005 00000000 00000000"
#define FQDN6 "0027 0007 01 02 7063 01 78 00"

static void dhcpv6_gives_address_machine_and_name(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bytes, *addr, *name;
		bool bound;
		uint64_t events;
	} rows[] = {
	    {"reply", "07 010203 " DUID_LLT IA, "2001:db8::5", "", true, 0},
	    {"reply with a name", "07 010203 " DUID_LL IA FQDN6, "2001:db8::5", "pc", true, 0},
	    {"reply that takes the address back", "07 010203 " DUID_LLT IA_GONE, NULL, "", false, 0},
	    {"reply to a machine without a MAC", "07 010203 " DUID_UUID IA, NULL, "", false, 0},
	    {"request with a name", "03 010203 " DUID_LLT IA FQDN6, NULL, "pc", true, 0},
	    {"solicitation without", "01 010203 " DUID_LLT, NULL, "", false, 0},
	    {"advertisement", "02 010203 " DUID_LLT IA, NULL, "", false, 0},
	    {"an option beyond the end", "07 010203 " DUID_LLT "0003 0100 00", NULL, "", false,
	        EVENT(DHCP_MALFORMED)},
	    {"short", "07 01", NULL, "", false, EVENT(DHCP_MALFORMED)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {0}, body = {0};
		f_hex(&body, rows[i].bytes);
		f_ipv6(&f, PACKET_UDP, 8 + body.n);
		f_udp(&f, 547, 546, body.n);
		f_hex(&f, rows[i].bytes);
		struct packet p = decode_whole(d, LINK_RAW, &f);
		assert_events(&p, rows[i].events, rows[i].what);
		assert_bound(&p, rows[i].bound ? PACKET_BINDING_DHCP : PACKET_BINDING_NONE, rows[i].addr,
		    "02:00:00:00:00:0a", rows[i].name, rows[i].what);
		decode_every_cut(LINK_RAW, &f);
		f_free(&f);
		f_free(&body);
	}
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arp_states_who_the_sender_is),
	    cmocka_unit_test(neighbour_discovery_states_addresses),
	    cmocka_unit_test(dhcp_gives_address_machine_and_name),
	    cmocka_unit_test(dhcpv6_gives_address_machine_and_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
