/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

/* Each row puts the same packet behind another link header; lengths within count the packet's 33 bytes. */
struct row {
	const char *what;
	unsigned linktype;
	const char *head;
	const char *tail;
	uint64_t events;
	const char *macs; /* "source destination", NULL: none */
	const char *vlans;
};

#define ETH  "02000000000b 02000000000a"
#define MACS "02:00:00:00:00:0a 02:00:00:00:00:0b"

static const struct row rows[] = {
    {"ethernet", 1, ETH "0800", "", 0, MACS, ""},
    {"ethernet, padded", 1, ETH "0800", "00 00 00 00 00 00 00 00 00 00 00 00 00", 0, MACS, ""},
    {"802.3, LLC and SNAP", 1, ETH "0029 aaaa03 000000 0800", "ffff", 0, MACS, ""},
    {"802.3, bridge tunnel SNAP", 1, ETH "0029 aaaa03 0000f8 0800", "", 0, MACS, ""},
    {"802.3, LLC for IP", 1, ETH "0024 060603", "", 0, MACS, ""},
    {"802.1Q", 1, ETH "8100 6064 0800", "", 0, MACS, "100"},
    {"802.1ad", 1, ETH "88a8 0064 8100 00c8 0800", "", 0, MACS, "100 200"},
    {"9100 and 9200", 1, ETH "9100 0001 9200 0002 8100 0003 8100 0fff 0800", "", 0, MACS, "1 2 3 4095"},
    {"five tags", 1, ETH "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800", "", EVENT(VLAN_TOO_MANY),
        MACS, "1 2 3 4"},
    {"802.1Q with a length", 1, ETH "8100 0007 0029 aaaa03 000000 0800", "", 0, MACS, "7"},
    {"vntag", 1, ETH "8926 80000000 0800", "", 0, MACS, ""},
    {"802.1BR", 1, ETH "893f 000000000000 0800", "", 0, MACS, ""},
    {"cisco metadata", 1, ETH "8909 01 01 0001 0007 0800", "", 0, MACS, ""},
    {"arista timestamp, 48 bits", 1, ETH "d28b 0001 0120 000000000000 0800", "", 0, MACS, ""},
    {"arista timestamp, 64 bits", 1, ETH "d28b 0001 0110 0000000000000000 0800", "", 0, MACS, ""},
    {"macsec that only signs", 1, ETH "88e5 00 23 00000001 0800", "000102030405060708090a0b0c0d0e0f", 0, MACS,
        ""},
    {"macsec with its channel", 1, ETH "88e5 20 23 00000001 0102030405060708 0800",
        "000102030405060708090a0b0c0d0e0f", 0, MACS, ""},
    {"802.1ah", 1, "020000000001 020000000002 88e7 00000005" ETH "0800", "", 0, MACS, ""},
    {"mpls", 1, ETH "8847 00001140", "", 0, MACS, ""},
    {"mpls, three labels", 1, ETH "8847 00001040 00002040 00003140", "", 0, MACS, ""},
    {"mpls, ethernet with a control word", 1, ETH "8847 00001140 00000000 " ETH "0800", "", 0, MACS, ""},
    {"mpls, ethernet without", 1, ETH "8848 00001140 " ETH "0800", "", 0, MACS, ""},
    {"nsh", 1, ETH "894f 0fc2 0201 000001ff", "", 0, MACS, ""},
    {"nsh and ethernet", 1, ETH "894f 0fc2 0203 000001ff " ETH "0800", "", 0, MACS, ""},
    {"nsh with context", 1, ETH "894f 0fc6 0101 000001ff 00000000 00000000 00000000 00000000", "", 0, MACS,
        ""},
    {"pppoe", 1, ETH "8864 1100 0001 0023 0021", "0000", 0, MACS, ""},
    {"pppoe, compressed protocol", 1, ETH "8864 1100 0001 0022 21", "", 0, MACS, ""},
    {"ppp in ethernet", 1, ETH "880b 0021", "", 0, MACS, ""},
    {"null, little", 0, "02000000", "", 0, NULL, ""},
    {"null, big", 0, "00000002", "", 0, NULL, ""},
    {"loop", 108, "00000002", "", 0, NULL, ""},
    {"enc", 109, "02000000 00000000 00000000", "", 0, NULL, ""},
    {"pflog", 117,
        "3d 02 00 00 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
        "00000000 00000000 00000000 00000000 00000000 00000000",
        "", 0, NULL, ""},
    {"raw", 101, "", "", 0, NULL, ""},
    {"raw, as the BSDs number it", 12, "", "", 0, NULL, ""},
    {"raw, as OpenBSD numbers it", 14, "", "", 0, NULL, ""},
    {"IPv4", 228, "", "", 0, NULL, ""},
    {"ppp", 9, "0021", "", 0, NULL, ""},
    {"ppp, framed", 9, "ff03 0021", "", 0, NULL, ""},
    {"ppp, framed and compressed", 50, "ff03 21", "", 0, NULL, ""},
    {"ppp with mpls", 50, "ff03 0281 00001140", "", 0, NULL, ""},
    {"ppp that is cisco hdlc", 50, "0f00 0800", "", 0, NULL, ""},
    {"cisco hdlc", 104, "8f00 0800", "", 0, NULL, ""},
    {"ppp with direction", 204, "01 ff03 0021", "", 0, NULL, ""},
    {"cisco hdlc with direction", 205, "01 0f00 0800", "", 0, NULL, ""},
    {"pppoe link", 51, "1100 0001 0023 0021", "", 0, NULL, ""},
    {"frame relay", 107, "1841 03 cc", "", 0, NULL, ""},
    {"frame relay, padded SNAP", 107, "1841 03 00 80 000000 0800", "", 0, NULL, ""},
    {"frame relay, cisco", 107, "1841 0800", "", 0, NULL, ""},
    {"frame relay, address of four bytes", 206, "00 1840 4001 03 cc", "", 0, NULL, ""},
    {"linux cooked", 113, "0000 0001 0006 02000000000a 0000 0800", "", 0, NULL, ""},
    {"linux cooked, tagged", 113, "0000 0001 0006 02000000000a 0000 8100 0009 0800", "", 0, NULL, "9"},
    {"linux cooked, 802.2", 113, "0000 0001 0006 02000000000a 0000 0004 aaaa03 000000 0800", "", 0, NULL, ""},
    {"linux cooked v2", 276, "0800 0000 00000002 0001 00 06 02000000000a 0000", "", 0, NULL, ""},
    {"mpls link", 219, "00001140", "", 0, NULL, ""},
    {"fddi", 10, "50 02000000000b 02000000000a aaaa03 000000 0800", "", 0, NULL, ""},
    {"fddi, synchronous", 10, "d0 02000000000b 02000000000a 060603", "", 0, NULL, ""},
    {"ip over infiniband", 242,
        "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0800 0000", "",
        0, NULL, ""},
    {"solaris ipnet", 226, "01 02 0000 00000021 00000002 00000000 ffffffff 00000000", "", 0, NULL, ""},
    {"nflog", 239, "02 00 0000 0500 0a00 61 000000 2500 0900", "", 0, NULL, ""},
    {"nflog, big", 239, "02 00 0000 0005 000a 61 000000 0025 0009", "", 0, NULL, ""},
    {"nflog, bridge", 239, "07 00 0000 2500 0900", "", 0, NULL, ""},
    {"ppi", 192, "00 00 0800 65000000", "", 0, NULL, ""},
    {"pktap", 258, "0c000000 01000000 65000000", "", 0, NULL, ""},
};

static struct frame build(const struct row *r)
{
	struct frame f = {0};
	f_hex(&f, r->head);
	f_hello(&f);
	f_hex(&f, r->tail);
	return f;
}

static void every_link_leads_to_the_packet(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct frame f = build(r);
		struct packet p = decode_whole(d, r->linktype, &f);
		assert_hello(&p, 1, r->what);
		assert_events(&p, r->events, r->what);
		if (p.has_mac != (r->macs != NULL))
			fail_msg("%s: MACs", r->what);
		if (r->macs) {
			char src[NET_MAC_TEXT_SIZE], dst[NET_MAC_TEXT_SIZE], both[64];
			snprintf(both, sizeof(both), "%s %s", net_mac_text(p.src_mac, src),
			    net_mac_text(p.dst_mac, dst));
			assert_string_equal(both, r->macs);
		}
		char vlans[64] = "";
		for (size_t k = 0; k < p.n_vlans; k++)
			snprintf(vlans + strlen(vlans), sizeof(vlans) - strlen(vlans), "%s%u", k ? " " : "",
			    p.vlans[k]);
		if (strcmp(vlans, r->vlans) != 0)
			fail_msg("%s: VLANs %s", r->what, vlans);
		assert_int_equal(p.frame_bytes, f.n);
		f_free(&f);
	}
	decoder_free(d);
}

static void every_link_may_be_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = build(&rows[i]);
		decode_every_cut(rows[i].linktype, &f);
		f_free(&f);
	}
}

/* Bytes that hold no IP: the event says whether that is somebody's fault. */
static void frames_without_ip_are_counted_and_faults_are_events(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned linktype;
		const char *bytes;
		uint64_t events;
	} others[] = {
	    {"nothing", 1, "", EVENT(LINK_TRUNCATED)},
	    {"LLDP", 1, ETH "88cc 0207", 0},
	    {"a type that nobody has", 1, ETH "1234 0000", EVENT(ETHERTYPE_UNKNOWN)},
	    {"neither length nor type", 1, ETH "05dd 0000", EVENT(ETHERTYPE_UNKNOWN)},
	    {"spanning tree", 1, ETH "0003 424203", 0},
	    {"an LLC that nobody has", 1, ETH "0003 121203", EVENT(LLC_UNKNOWN)},
	    {"a SNAP that nobody has", 1, ETH "0008 aaaa03 123456 0001", EVENT(LLC_UNKNOWN)},
	    {"cisco SNAP", 1, ETH "0008 aaaa03 00000c 2000", 0},
	    {"a cut tag", 1, ETH "8100 00", EVENT(VLAN_TRUNCATED)},
	    {"labels without an end", 1, ETH "8847 00001040 00001040", EVENT(MPLS_TRUNCATED)},
	    {"a label and nothing sane", 1, ETH "8847 00001140 ffffffff", 0},
	    {"encrypted macsec", 1, ETH "88e5 0c 00 00000001 0102", 0},
	    {"pppoe that claims too much", 1, ETH "8864 1100 0001 0024 0021", EVENT(PPPOE_MALFORMED)},
	    {"pppoe of another version", 1, ETH "8864 2100 0001 0002 0021", EVENT(PPPOE_MALFORMED)},
	    {"ppp's own", 9, "ff03 c021 01", 0},
	    {"ppp, one byte", 9, "00", EVENT(PPP_TRUNCATED)},
	    {"hdlc keepalive", 104, "8f00 8035 0000", 0},
	    {"null of another family", 0, "07000000 00", EVENT(ETHERTYPE_UNKNOWN)},
	    {"cooked netlink", 113, "0000 0338 0000 0000000000000000 0000", 0},
	    {"nflog without a packet", 239, "02 00 0000 0500 0a00 61 000000", EVENT(LINK_TRUNCATED)},
	    {"nflog with an attribute too short", 239, "02 00 0000 0300 0900", EVENT(LINK_TRUNCATED)},
	    {"nsh too short", 1, ETH "894f 0fc1 0201 000001ff", EVENT(NSH_MALFORMED)},
	    {"a link that we don't read", 147, "00000000", EVENT(LINK_UNSUPPORTED)},
	    {"fddi that manages its ring", 10, "41 02000000000b 02000000000a aaaa03 000000 0800", 0},
	    {"fddi, cut", 10, "50 02000000000b 02000000", EVENT(LINK_TRUNCATED)},
	    {"ipnet of another version", 226, "02 02 0000 00000000 00000002 00000000 ffffffff 00000000 45",
	        EVENT(LINK_TRUNCATED)},
	    {"ipnet of another family", 226, "01 03 0000 00000000 00000002 00000000 ffffffff 00000000 45",
	        EVENT(ETHERTYPE_UNKNOWN)},
	    {"ppi to itself", 192, "00 00 0800 c0000000 00 00 0800 c0000000", EVENT(LINK_TRUNCATED)},
	};
	struct decoder *d = decoder_plain();
	size_t n = sizeof(others) / sizeof(others[0]);
	for (size_t i = 0; i < n; i++) {
		struct frame f = {0};
		f_hex(&f, others[i].bytes);
		f_room(&f, 0);
		struct packet p = decode_whole(d, others[i].linktype, &f);
		assert_int_equal(p.n_layers, 0);
		assert_events(&p, others[i].events, others[i].what);
		f_free(&f);
	}
	const struct decode_stats *s = decoder_stats(d);
	assert_int_equal(s->frames, n);
	assert_int_equal(s->unsupported_links, 1);
	assert_int_equal(s->not_ip, n - 1);
	assert_int_equal(s->events[DECODE_EVENT_PPPOE_MALFORMED], 2);
	decoder_free(d);
}

/* A file may name link types in a ring; the walk ends all the same. */
static void nesting_ends_at_its_bound(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (int more = -1; more <= 1; more++) {
		struct frame f = {0};
		f_ethernet(&f, 0x8100);
		/* the link, each tag, what the last one names, IPv4 and its transport are a step each */
		int tags = PACKET_DECODE_DEPTH_MAX - 4 + more;
		for (int i = 0; i < tags; i++) {
			f_u16(&f, 5);
			f_u16(&f, i + 1 < tags ? 0x8100 : 0x0800);
		}
		f_hello(&f);
		struct packet p = decode_whole(d, LINK_ETHERNET, &f);
		assert_int_equal(p.events >> DECODE_EVENT_TUNNEL_TOO_DEEP & 1, more > 0);
		assert_int_equal(p.n_layers == 1 && p.layers[0].has_ports, more <= 0);
		f_free(&f);
	}
	decoder_free(d);
}

static void every_event_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DECODE_EVENT_COUNT; i++) {
		assert_non_null(strchr(decode_event_name(i), '.'));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(decode_event_name(i), decode_event_name(k));
	}
	assert_string_equal(decode_event_name(DECODE_EVENT_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_link_leads_to_the_packet),
	    cmocka_unit_test(every_link_may_be_cut_at_every_byte),
	    cmocka_unit_test(frames_without_ip_are_counted_and_faults_are_events),
	    cmocka_unit_test(nesting_ends_at_its_bound),
	    cmocka_unit_test(every_event_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
