/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

#define A1  "020000000001"
#define A2  "020000000002"
#define A3  "020000000003"
#define A4  "020000000004"
#define LLC "aaaa03 000000 0800"

struct row {
	const char *what;
	unsigned linktype;
	const char *head, *tail;
	const char *src, *dst; /* last bytes of the addresses */
};

static const struct row rows[] = {
    {"between stations", 105, "0800 0000" A1 A2 A3 "1000" LLC, "", "02", "01"},
    {"to the access point", 105, "0801 0000" A1 A2 A3 "1000" LLC, "", "02", "03"},
    {"from the access point", 105, "0802 0000" A1 A2 A3 "1000" LLC, "", "03", "01"},
    {"between access points", 105, "0803 0000" A1 A2 A3 "1000" A4 LLC, "", "04", "03"},
    {"with quality of service", 105, "8801 0000" A1 A2 A3 "1000 0000" LLC, "", "02", "03"},
    {"with a high-throughput field", 105, "8881 0000" A1 A2 A3 "1000 0000 00000000" LLC, "", "02", "03"},
    {"radiotap", 127, "00 00 0800 00000000 0801 0000" A1 A2 A3 "1000" LLC, "", "02", "03"},
    {"radiotap with a check sequence", 127, "00 00 0900 02000000 10 0801 0000" A1 A2 A3 "1000" LLC,
        "deadbeef", "02", "03"},
    {"radiotap, padded header", 127, "00 00 0900 02000000 20 8801 0000" A1 A2 A3 "1000 0000 ffff" LLC, "",
        "02", "03"},
    {"radiotap, the flags behind a time and two words", 127,
        "00 00 1900 03000080 00000000 00000000 0102030405060708 20 8801 0000" A1 A2 A3 "1000 0000 ffff" LLC,
        "", "02", "03"},
    {"avs", 163, "80211001 0000000c 00000000 0801 0000" A1 A2 A3 "1000" LLC, "", "02", "03"},
    {"avs where prism is said", 119, "80211001 0000000c 00000000 0801 0000" A1 A2 A3 "1000" LLC, "", "02",
        "03"},
    {"ppi", 192, "00 00 0800 69000000 0801 0000" A1 A2 A3 "1000" LLC, "", "02", "03"},
    {"a lone subframe", 105, "8801 0000" A1 A2 A3 "1000 8000 02000000000b 02000000000a 0029" LLC, "", "0a",
        "0b"},
};

static struct frame build(const struct row *r)
{
	struct frame f = {0};
	f_hex(&f, r->head);
	f_hello(&f);
	f_hex(&f, r->tail);
	return f;
}

static void data_frames_lead_to_the_packet(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct frame f = build(r);
		struct packet p = decode_whole(d, r->linktype, &f), more;
		char mac[NET_MAC_TEXT_SIZE];
		assert_hello(&p, 1, r->what);
		assert_events(&p, 0, r->what);
		assert_true(p.has_mac);
		assert_string_equal(net_mac_text(p.src_mac, mac) + 15, r->src);
		assert_string_equal(net_mac_text(p.dst_mac, mac) + 15, r->dst);
		assert_int_equal(decoder_more(d, &more), 0);
		decode_every_cut(r->linktype, &f);
		f_free(&f);
	}
	decoder_free(d);
}

static void frames_without_readable_data_say_why(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned linktype;
		const char *bytes;
		uint64_t events;
	} others[] = {
	    {"a beacon", 105, "8000 0000" A1 A2 A3 "1000 00", 0},
	    {"an acknowledgement", 105, "d400 0000" A1, 0},
	    {"no data", 105, "4801 0000" A1 A2 A3 "1000", 0},
	    {"encrypted", 105, "0841 0000" A1 A2 A3 "1000 0102030405060708", EVENT(WLAN_PROTECTED)},
	    {"the first fragment", 105, "0805 0000" A1 A2 A3 "1000" LLC "45", EVENT(WLAN_FRAGMENT)},
	    {"the second fragment", 105, "0801 0000" A1 A2 A3 "1100 0000", EVENT(WLAN_FRAGMENT)},
	    {"another version", 105, "0901 0000" A1 A2 A3 "1000", EVENT(WLAN_MALFORMED)},
	    {"short", 105, "0801 0000" A1 A2 A3 "10", EVENT(WLAN_MALFORMED)},
	    {"radiotap beyond the frame", 127, "00 00 0900 00000000", EVENT(WLAN_MALFORMED)},
	    {"radiotap of no length", 127, "00 00 0700 00000000 0801", EVENT(WLAN_MALFORMED)},
	    {"radiotap of presence words only", 127, "00 00 0c00 02000080 00000080 d400 0000" A1, 0},
	    {"prism, short", 119, "00000044 00000090", EVENT(WLAN_MALFORMED)},
	    {"a subframe that claims too much", 105, "8801 0000" A1 A2 A3 "1000 8000" A1 A2 "0009" LLC,
	        EVENT(WLAN_MALFORMED)},
	};
	struct decoder *d = decoder_plain();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct frame f = {0};
		f_hex(&f, others[i].bytes);
		struct packet p = decode_whole(d, others[i].linktype, &f);
		assert_int_equal(p.n_layers, 0);
		assert_events(&p, others[i].events, others[i].what);
		f_free(&f);
	}
	decoder_free(d);
}

static void a_prism_header_is_passed(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = {0};
	f_hex(&f, "00000044 00000090");
	f_room(&f, 136);
	f_hex(&f, "0801 0000" A1 A2 A3 "1000" LLC);
	f_hello(&f);
	struct packet p = decode_whole(d, 119, &f);
	assert_hello(&p, 1, "prism");
	f_free(&f);
	decoder_free(d);
}

/* Subframes with one, two and three bytes of payload; each begins at a multiple of four. */
static struct frame aggregate(void)
{
	struct frame f = {0};
	f_hex(&f, "8802 0000" A1 A2 A3 "1000 8000");
	for (size_t i = 1; i <= 3; i++) {
		f_hex(&f, "02000000000b 02000000000a");
		f_u16(&f, (unsigned)(8 + 28 + i));
		f_hex(&f, LLC);
		f_ipv4_sealed(&f, PACKET_UDP, 8 + i);
		f_udp(&f, (unsigned)i, 2000, i);
		f_room(&f, i);
		if (i < 3)
			f_room(&f, (4 - (14 + 8 + 28 + i) % 4) % 4);
	}
	return f;
}

static void every_packet_of_an_aggregate_is_given(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = aggregate();
	struct packet p = decode_whole(d, 105, &f);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(p.n_layers, 1);
		assert_int_equal(p.layers[0].src_port, i);
		assert_int_equal(p.layers[0].payload_length, i);
		assert_int_equal(p.time_ns, 1000);
		assert_int_equal(p.vantage, 3);
		assert_int_equal(p.frame_bytes, i == 1 ? f.n : 0);
		assert_events(&p, 0, "aggregate");
		assert_int_equal(decoder_more(d, &p), i < 3);
	}
	assert_int_equal(decoder_stats(d)->frames, 1);
	assert_int_equal(decoder_stats(d)->further, 2);
	assert_int_equal(decoder_stats(d)->unfetched, 0);
	f_free(&f);
	decoder_free(d);
}

static void packets_that_nobody_fetches_are_counted(void **state)
{
	(void)state;
	struct decoder *d = decoder_plain();
	struct frame f = aggregate();
	struct packet p;
	decode_whole(d, 105, &f);
	assert_int_equal(decoder_more(d, &p), 1);
	decode_whole(d, 105, &f);
	assert_int_equal(decoder_stats(d)->unfetched, 1);
	f_free(&f);
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(data_frames_lead_to_the_packet),
	    cmocka_unit_test(frames_without_readable_data_say_why),
	    cmocka_unit_test(a_prism_header_is_passed),
	    cmocka_unit_test(every_packet_of_an_aggregate_is_given),
	    cmocka_unit_test(packets_that_nobody_fetches_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
