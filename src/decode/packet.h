/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_PACKET_H
#define DECODE_PACKET_H

/*
 * A decoded packet. decode_frame() walks the layers of one frame and fills struct packet; nothing is copied:
 * pointers lead into the frame. Encapsulation gives several IP layers: layers[0] is the outermost,
 * layers[n_layers - 1] the innermost. Each layer that completes a flow key (addresses, protocol, ports)
 * becomes a flow; the inner one belongs to the outer. Fragments are joined by decode/defrag.h, after which
 * the joined datagram is decoded again.
 *
 * Malformed layers are counted events (enum decode_event), never a crash, never silently dropped: a packet
 * with an event still carries every layer that could be read before it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/overlap.h"

enum { PACKET_LAYERS_MAX = 4, PACKET_VLANS_MAX = 4, PACKET_DECODE_DEPTH_MAX = 24 };

/* X(enum suffix, name): what can be wrong with a packet. Names follow Suricata's decoder events where it has
 * one. */
#define DECODE_EVENT_LIST(X)                                                                                 \
	X(LINK_TRUNCATED, "link.truncated")                                                                  \
	X(LINK_UNSUPPORTED, "link.unsupported")                                                              \
	X(ETHERTYPE_UNKNOWN, "ethernet.unknown_ethertype")                                                   \
	X(VLAN_TRUNCATED, "vlan.header_too_small")                                                           \
	X(VLAN_TOO_MANY, "vlan.too_many_layers")                                                             \
	X(MPLS_TRUNCATED, "mpls.header_too_small")                                                           \
	X(PPP_TRUNCATED, "ppp.pkt_too_small")                                                                \
	X(PPPOE_MALFORMED, "pppoe.malformed")                                                                \
	X(LLC_UNKNOWN, "llc.unknown_protocol")                                                               \
	X(WLAN_MALFORMED, "ieee80211.malformed")                                                             \
	X(WLAN_PROTECTED, "ieee80211.protected")                                                             \
	X(ARP_MALFORMED, "arp.malformed")                                                                    \
	X(IPV4_TRUNCATED, "ipv4.pkt_too_small")                                                              \
	X(IPV4_HEADER_LENGTH, "ipv4.hlen_too_small")                                                         \
	X(IPV4_TOTAL_LENGTH, "ipv4.iplen_smaller_than_hlen")                                                 \
	X(IPV4_VERSION, "ipv4.wrong_ip_version")                                                             \
	X(IPV4_CHECKSUM, "ipv4.bad_checksum")                                                                \
	X(IPV4_OPTIONS, "ipv4.opt_malformed")                                                                \
	X(IPV6_TRUNCATED, "ipv6.pkt_too_small")                                                              \
	X(IPV6_VERSION, "ipv6.wrong_ip_version")                                                             \
	X(IPV6_EXTENSION, "ipv6.exthdr_malformed")                                                           \
	X(IPV6_EXTENSIONS_TOO_MANY, "ipv6.exthdr_too_many")                                                  \
	X(IPV6_ROUTING_TYPE0, "ipv6.rh_type_0")                                                              \
	X(IP_LENGTH_IMPOSSIBLE, "ip.length_beyond_wire")                                                     \
	X(FRAGMENT_OVERLAP, "ip.frag_overlap")                                                               \
	X(FRAGMENT_TOO_LARGE, "ip.frag_pkt_too_large")                                                       \
	X(FRAGMENT_TINY, "ip.frag_tiny")                                                                     \
	X(FRAGMENT_LIMIT, "ip.frag_limit")                                                                   \
	X(FRAGMENT_TIMEOUT, "ip.frag_timeout")                                                               \
	X(TCP_TRUNCATED, "tcp.pkt_too_small")                                                                \
	X(TCP_HEADER_LENGTH, "tcp.hlen_too_small")                                                           \
	X(TCP_OPTIONS, "tcp.invalid_optlen")                                                                 \
	X(TCP_FLAGS_IMPOSSIBLE, "tcp.flags_impossible")                                                      \
	X(UDP_TRUNCATED, "udp.pkt_too_small")                                                                \
	X(UDP_LENGTH, "udp.length_mismatch")                                                                 \
	X(SCTP_TRUNCATED, "sctp.pkt_too_small")                                                              \
	X(ICMP_TRUNCATED, "icmp.pkt_too_small")                                                              \
	X(GRE_MALFORMED, "gre.malformed")                                                                    \
	X(VXLAN_MALFORMED, "vxlan.malformed")                                                                \
	X(GENEVE_MALFORMED, "geneve.malformed")                                                              \
	X(ERSPAN_MALFORMED, "erspan.malformed")                                                              \
	X(TEREDO_MALFORMED, "teredo.malformed")                                                              \
	X(TUNNEL_TOO_DEEP, "decoder.too_many_layers")                                                        \
	X(DHCP_MALFORMED, "dhcp.malformed")                                                                  \
	X(NDP_MALFORMED, "ndp.malformed")                                                                    \
	X(WIRE_LENGTH_ABSURD, "capture.wire_length_absurd")                                                  \
	X(WLAN_FRAGMENT, "ieee80211.fragment")                                                               \
	X(FRAGMENT_MALFORMED, "ip.frag_malformed")                                                           \
	X(NSH_MALFORMED, "nsh.malformed")                                                                    \
	X(GTP_MALFORMED, "gtp.malformed")

enum decode_event {
#define X(id, name) DECODE_EVENT_##id,
	DECODE_EVENT_LIST(X)
#undef X
	    DECODE_EVENT_COUNT
};

const char *decode_event_name(enum decode_event event);

enum packet_tcp_flag {
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_PSH = 0x08,
	PACKET_TCP_ACK = 0x10,
	PACKET_TCP_URG = 0x20,
};

/* IP protocol numbers that have meaning to us. */
enum packet_protocol {
	PACKET_ICMP = 1,
	PACKET_IPIP = 4,
	PACKET_TCP = 6,
	PACKET_UDP = 17,
	PACKET_IPV6 = 41,
	PACKET_GRE = 47,
	PACKET_ESP = 50,
	PACKET_AH = 51,
	PACKET_ICMPV6 = 58,
	PACKET_SCTP = 132,
};

struct packet_layer {
	struct net_addr src, dst;
	uint8_t protocol; /* IP protocol number of what the layer carries */
	uint8_t ttl;
	bool bad_sum;   /* an IPv4 header whose checksum is wrong */
	bool fragment;  /* an unjoined fragment: no ports, no payload */
	bool has_ports; /* TCP, UDP, SCTP, or ICMP (type in src_port, code in dst_port) */
	uint16_t
	    app; /* enum app of the encapsulation that stands in this layer (APP_GRE ...), or APP_UNKNOWN */
	uint16_t src_port, dst_port;
	uint32_t wire_bytes; /* the IP datagram's length as its header says */
	/*
	 * Payload of the transport: `payload_length` is what the IP length says; `payload` has
	 * `payload_captured` bytes of it. For an encapsulating layer that is the inner packet. For protocols
	 * without ports, what follows IP.
	 */
	const uint8_t *payload;
	uint32_t payload_length;
	uint32_t payload_captured;
};

struct packet_tcp {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	uint8_t window_scale; /* of a SYN, 255 where the option is absent */
	uint8_t head;         /* bytes of header, which stand before the payload; 0: not told */
	uint16_t mss;         /* of a SYN, 0 where absent */
	bool has_timestamp;
	uint32_t ts_value, ts_echo;
};

/* A statement of who has which address: from ARP, NDP and DHCP. */
enum packet_binding_source {
	PACKET_BINDING_NONE,
	PACKET_BINDING_ARP,
	PACKET_BINDING_NDP,
	PACKET_BINDING_DHCP
};

struct packet_binding {
	enum packet_binding_source source;
	struct net_addr addr; /* none where only a name is told */
	struct net_mac mac;
	struct text name; /* DHCP host name option 12 / 81, into the frame; may be empty */
};

/* Fragments of one datagram with different bytes at one place: n of each, from the first that differs on. */
struct packet_conflict {
	uint32_t offset; /* in the datagram */
	uint32_t n;
	enum net_overlap policy;
	bool dropped; /* the datagram, whole */
	const uint8_t *kept, *other;
};

struct packet {
	int64_t time_ns;
	uint16_t vantage;
	bool has_mac;
	struct net_mac src_mac, dst_mac;
	uint8_t n_vlans;
	uint16_t vlans[PACKET_VLANS_MAX]; /* VLAN ids, outermost first */
	uint32_t frame_bytes; /* wire length of the frame, corrected where the file's claim is absurd */
	uint8_t n_layers;
	struct packet_layer layers[PACKET_LAYERS_MAX];
	struct packet_tcp tcp; /* of the innermost layer, when its protocol is TCP and has_ports is set */
	struct packet_binding binding;          /* at most one a packet */
	uint64_t events;                        /* bit i: enum decode_event i */
	const struct packet_conflict *conflict; /* NULL, or good until the next frame is decoded */
};

_Static_assert(DECODE_EVENT_COUNT <= 64, "events are kept in one word");

#endif
