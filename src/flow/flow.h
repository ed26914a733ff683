/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

/*
 * Flows: bidirectional 5-tuples, from packets in time order. The table owns its flows, bounded by `flows_max`
 * and, for reassembly, `reassembly_memory`. At the bound the flow goes first that, in this order, (1) never
 * saw an answer, (2) is closed and lingering, (3) stands half open, (4) was idle longest; it ends with
 * FLOW_END_EVICTED and is still reported: nothing is lost silently. Nothing is allocated per packet; the work
 * per packet doesn't grow with the number of flows.
 *
 * Key: vantage, addresses, protocol, ports, outermost VLAN ids are NOT part of it (they differ by link). Two
 * vantages give two flows; who merges the records is daemon/merge.h. A flow inside a tunnel has the tunnel's
 * flow as parent.
 *
 * Initiator: the sender of a SYN without ACK; else the receiver of a SYN-ACK; else, for a flow whose start
 * was missed: the end with the less usual port (app_of_port, then port >= 1024 against < 1024, then the
 * sender of the first packet), and FLOW_GUESSED_INITIATOR is set.
 *
 * Bytes: `payload` is what a receiver can have got: by IP length, not captured bytes; unique by sequence
 * number; missing bytes count when the other end acknowledged them (gap), also in `missing`. Retransmitted
 * bytes stand apart. A jump of sequence numbers beyond any window is an anomaly, not data.
 *
 * Threads: one table a thread. Time only from packets and flow_table_expire.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/packet.h"
#include "net/addr.h"
#include "net/overlap.h"

enum flow_dir { FLOW_FORWARD, FLOW_REVERSE }; /* forward: initiator to responder */

enum flow_tcp_state {
	FLOW_TCP_NONE, /* not TCP, or nothing seen yet */
	FLOW_TCP_SYN_SENT,
	FLOW_TCP_SYN_RECEIVED, /* SYN and SYN-ACK seen */
	FLOW_TCP_ESTABLISHED,
	FLOW_TCP_CLOSING, /* one FIN */
	FLOW_TCP_CLOSED,  /* both FINs acknowledged or seen */
	FLOW_TCP_RESET,
	FLOW_TCP_REFUSED,   /* SYN answered by RST */
	FLOW_TCP_MIDSTREAM, /* data seen, start missed */
};

enum flow_end {
	FLOW_END_NONE, /* still there: a snapshot */
	FLOW_END_FIN,
	FLOW_END_RST,
	FLOW_END_TIMEOUT,
	FLOW_END_EVICTED,
	FLOW_END_CAPTURE, /* the capture ended */
};

enum flow_flag {
	FLOW_MIDSTREAM = 1 << 0,
	FLOW_GUESSED_INITIATOR = 1 << 1,
	FLOW_CUT = 1 << 2,              /* packets captured in part */
	FLOW_DEPTH_REACHED = 1 << 3,    /* reassembly stopped at its depth */
	FLOW_MEMORY_REACHED = 1 << 4,   /* ... or went past a hole for want of memory */
	FLOW_OVERLAP_CONFLICT = 1 << 5, /* retransmitted bytes that differ */
	FLOW_SEQUENCE_ANOMALY = 1 << 6, /* jumps beyond the window */
	FLOW_TUNNEL = 1 << 7,           /* carries flows that were decoded */
	FLOW_ONE_WAY_VIEW =
	    1 << 8,              /* TCP data acknowledged, but one direction never seen: asymmetric capture */
	FLOW_ANSWERED = 1 << 9,  /* packets both ways */
	FLOW_EXPECTED = 1 << 10, /* announced by another flow (FTP data) */
	FLOW_DOUBTFUL = 1 << 11, /* segments that their receiver may have dropped: enum flow_doubt */
	FLOW_AFTER_END = 1 << 12, /* payload behind its sender's FIN, or after its RST */
};

/* Why a segment's receiver may well have dropped it. Such segments wait for their acknowledgement. */
enum flow_doubt {
	FLOW_DOUBT_CHECKSUM = 1 << 0,
	FLOW_DOUBT_TTL = 1 << 1,       /* fewer hops left than its sender's first packets had */
	FLOW_DOUBT_NO_ACK = 1 << 2,    /* no ACK flag */
	FLOW_DOUBT_TIMESTAMP = 1 << 3, /* older than what came before (RFC 7323, 5.3) */
	FLOW_DOUBT_WINDOW = 1 << 4,    /* beyond what the receiver offered */
	FLOW_DOUBT_SYN = 1 << 5,       /* data in a SYN */
};

/* Two versions of the same bytes of a stream, up to FLOW_CONFLICT_BYTES of them, from the first that differs
 * on. */
enum { FLOW_CONFLICT_BYTES = 64, FLOW_CONFLICTS_MAX = 8 };
struct flow_conflict {
	enum flow_dir dir;
	uint64_t offset;     /* of the first byte, from the first one known of the stream */
	const uint8_t *kept; /* the version that counts; borrowed */
	const uint8_t *other;
	size_t n;
	bool late;               /* kept had been handed on before other came */
	uint8_t doubts;          /* enum flow_doubt, of the doubtful one of both */
	enum net_overlap policy; /* by which it was decided */
};

/* Bytes and packets of one direction. */
struct flow_side {
	uint64_t packets;
	uint64_t wire_bytes;    /* IP datagrams */
	uint64_t payload;       /* unique payload bytes a receiver can have got */
	uint64_t retransmitted; /* payload bytes sent again */
	uint64_t missing;       /* payload bytes proven by acknowledgement but never seen (part of payload) */
};

/* What somebody outside remembers of a flow; zeroed at its start. daemon/watch.h uses it. */
struct flow_mark {
	uint32_t generation;
	uint32_t answer : 30, seen : 2;
};

/* One flow. Members are read-only to others but for those marked; in an order without gaps, for there are
 * many. */
struct flow {
	uint64_t id;     /* from flow_table_config.next_id, never 0 */
	uint64_t parent; /* id of the tunnel's flow, 0 where there is none */
	struct net_addr initiator, responder;
	uint16_t initiator_port, responder_port; /* ICMP: type and code of the first packet */
	uint16_t vlan;                           /* the outermost one's id, 0: none */
	uint16_t vantage;
	uint16_t app; /* enum app; written by proto/ */
	uint8_t protocol;
	bool has_mac;
	uint8_t tcp;          /* enum flow_tcp_state */
	uint8_t tcp_flags[2]; /* or of all of a direction */
	struct net_mac initiator_mac, responder_mac;
	uint32_t flags;        /* enum flow_flag */
	struct flow_mark mark; /* written by whoever wants to */
	int64_t first_ns, last_ns;
	int64_t established_ns; /* time of the handshake's end or of the first payload back; 0 never */
	struct flow_side side[2];
	uint64_t events;  /* or of its packets' decode events */
	void *app_state;  /* owned by proto/ */
	uint64_t related; /* the flow that announced this one (FTP data), 0 none */
};

struct flow_timeouts {
	int64_t tcp_new_ns; /* handshake not done */
	int64_t tcp_established_ns;
	int64_t tcp_closed_ns; /* lingering after FIN or RST, for late packets */
	int64_t udp_new_ns, udp_answered_ns;
	int64_t icmp_ns, other_ns;
	int64_t active_ns; /* a snapshot record at least this often for a long flow; 0: never */
};

struct flow_table_config {
	size_t flows_max;           /* 0: 262,144 */
	size_t reassembly_memory;   /* of all flows; 0: 128 MiB */
	uint32_t reassembly_depth;  /* bytes of one direction that are handed on; 0: 1 MiB. Bytes are counted
	                               beyond it */
	uint32_t reassembly_window; /* out-of-order bytes held for one direction; 0: 256 KiB */
	size_t recent_memory;       /* bytes handed on that are kept to compare with; 0: 8 MiB */
	struct flow_timeouts timeouts; /* zero members: defaults, see doc/flow.md */
	/* Live: a snapshot also at a flow's first packet, when it is answered, established, refused or reset,
	 * when there is payload both ways, when its application is known, and when flow_table_tell asks for
	 * one. */
	bool snapshots;
	uint64_t seed;
	/* Draws the next record id. */
	uint64_t (*next_id)(void *context);
	/*
	 * The flow's first packet is known (ports, addresses). May set f->app_state.
	 */
	void (*start)(void *context, struct flow *f);
	/*
	 * Payload in order: TCP after reassembly, else datagram by datagram. `gap` bytes before it were never
	 * captured. Data with n == 0 and gap > 0 tells of a gap alone. Returns whether more of this direction
	 * is wanted: false ends reassembly there (bytes go on being counted).
	 */
	bool (*data)(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
	    uint64_t gap, int64_t time_ns);
	/* The flow has ended; it is freed after this returns. Also for snapshots (FLOW_END_NONE), where it is
	 * not. */
	void (*end)(void *context, struct flow *f, enum flow_end how);
	/* The flow ends soon: memory that this will need may be fetched, first where looks begin, then, some
	 * flows later (`again`), where they lead. Nothing may be changed. May be NULL. */
	void (*soon)(void *context, const struct flow *f, bool again);
	/* Bytes came twice and differ: the first FLOW_CONFLICTS_MAX times of a flow. May be NULL. */
	void (*conflict)(void *context, const struct flow *f, const struct flow_conflict *c);
	/* What a machine makes of overlaps. NULL: NET_OVERLAP_AUTO. */
	enum net_overlap (*overlap)(void *context, struct net_addr receiver);
	void *context;
};

struct flow_stats {
	uint64_t packets, flows, evicted, timeouts, snapshots;
	uint64_t no_key;                 /* packets without an IP layer */
	uint64_t conflicts;              /* overlaps with other bytes */
	uint64_t conflicts_untold;       /* ... beyond FLOW_CONFLICTS_MAX of a flow */
	uint64_t unchecked;              /* bytes sent again that nothing was left of to compare with */
	uint64_t doubtful;               /* segments that waited for their acknowledgement */
	uint64_t past_hole;              /* times that reassembly went past a hole for want of room */
	uint64_t depth_reached;          /* directions that had more than reassembly_depth */
	uint64_t holes_joined;           /* holes that became one with their neighbour for want of room */
	uint64_t expectations_displaced; /* by newer ones, before they were met or over */
	size_t live, live_peak;
	size_t reassembly_bytes, reassembly_peak;
};

struct flow_table;

/* All callbacks are required. 0, -EINVAL or -ENOMEM. */
int flow_table_new(struct flow_table **ret_table, const struct flow_table_config *config);
/* Frees without reporting; call flow_table_flush first. */
void flow_table_free(struct flow_table *t);
/*
 * Takes the packet's layers, outermost first, each into its flow. *ret_flow (may be NULL) is the innermost
 * flow, NULL for a packet without layers; good until the next call. Packets of time before the last one are
 * taken at the last one's time.
 */
int flow_table_packet(struct flow_table *t, const struct packet *p, struct flow **ret_flow);
/* Ends what has timed out by now. Cheap when nothing has: call it for each packet or each second. */
void flow_table_expire(struct flow_table *t, int64_t now_ns);
/* Ends every flow, the oldest first, with FLOW_END_CAPTURE (or what their state says). */
void flow_table_flush(struct flow_table *t);
/* A flow to come from any port of `from` (or anybody, if none) to (to, port), to be marked FLOW_EXPECTED with
 * app and related = f->id. At most 4096 are kept for 2 minutes; the oldest goes. */
void flow_table_expect(struct flow_table *t, const struct flow *f, struct net_addr from, struct net_addr to,
    uint16_t port, uint16_t app);
/* A snapshot of f is wanted after the packet that is being taken (config.snapshots). */
void flow_table_tell(struct flow_table *t, const struct flow *f);
/* The flow of one of the packet's layers, which isn't taken, and its direction; NULL where there is none.
 * Good until the next packet. */
struct flow *flow_table_find(
    const struct flow_table *t, const struct packet *p, uint8_t layer, enum flow_dir *ret_dir);
const struct flow_stats *flow_table_stats(const struct flow_table *t);

/* "established", "refused" ...; "fin", "timeout" ... */
const char *flow_tcp_state_name(unsigned state);
const char *flow_end_name(unsigned how);
/* The community id v1 (seed 0): "1:...=" in buf of FLOW_COMMUNITY_ID_SIZE bytes. Returns buf. */
enum { FLOW_COMMUNITY_ID_SIZE = 40 };
char *flow_community_id(struct net_addr src, struct net_addr dst, uint8_t protocol, uint16_t src_port,
    uint16_t dst_port, char *buf);

#endif
