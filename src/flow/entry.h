/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_ENTRY_H
#define FLOW_ENTRY_H

/* What the table keeps for a flow beside what others see. Private to flow/. */

#include "base/pool.h"
#include "flow/flow.h"
#include "flow/recent.h"

/* The lists that flows wait in, each in order of last packet; class.c says what each is for. */
enum flow_class {
	FLOW_CLASS_TCP_NEW,
	FLOW_CLASS_TCP_ONE_WAY, /* more than a SYN, and nothing back: an asymmetric view, or a flood */
	FLOW_CLASS_TCP_ONE_WAY_CLOSED,
	FLOW_CLASS_TCP_HALF_OPEN,
	FLOW_CLASS_TCP_OPEN,
	FLOW_CLASS_TCP_CLOSED,
	FLOW_CLASS_UDP_NEW,
	FLOW_CLASS_UDP_EXCHANGE, /* a question and its answer */
	FLOW_CLASS_UDP_ANSWERED,
	FLOW_CLASS_ICMP_NEW,
	FLOW_CLASS_ICMP_ANSWERED,
	FLOW_CLASS_OTHER_NEW,
	FLOW_CLASS_OTHER_ANSWERED,
	FLOW_CLASS_COUNT,
};

/* What a snapshot tells; one more is due when any of it changes. */
enum flow_told {
	FLOW_TOLD_ANSWERED = 1 << 0,
	FLOW_TOLD_ESTABLISHED = 1 << 1,
	FLOW_TOLD_REFUSED = 1 << 2,
	FLOW_TOLD_RESET = 1 << 3,
	FLOW_TOLD_APP = 1 << 4,
	FLOW_TOLD_EXCHANGED = 1 << 5, /* payload both ways */
	FLOW_TOLD_NOTHING = 1 << 7,   /* no snapshot yet, or somebody wants one */
};

/* No padding: hashed as bytes. low and high are ordered by address, then port. */
struct flow_key {
	struct net_addr low, high;
	uint16_t low_port, high_port;
	uint16_t vantage;
	uint8_t protocol;
	uint8_t turned; /* of an ICMP message that nothing answers: from high to low. Such never pair */
};

enum { TCP_HOLES_MAX = 16, TCP_SCALE_UNKNOWN = 255 };
/* How far into a direction its segments are doubted and its bytes kept for comparison; all the way where one
 * was doubtful. */
enum { TCP_WATCH_DEPTH = 32 << 10 };
enum tcp_sums { TCP_SUMS_UNKNOWN, TCP_SUMS_SOUND, TCP_SUMS_UNSOUND };

/* Sequence space that was skipped over, sorted; made when the first hole appears. */
struct tcp_holes {
	uint32_t n;
	uint32_t joined; /* for want of room */
	struct {
		uint64_t from, to;
	} v[TCP_HOLES_MAX];
};

struct flow_stream; /* reassembly state of one direction */

/* Sequence numbers of one direction, unwrapped to 64 bits. */
struct tcp_side {
	uint64_t first;  /* the first byte known */
	uint64_t next;   /* one past the highest byte seen (SYN and FIN not counted as bytes) */
	uint64_t acked;  /* the highest acknowledgement of it by the other end */
	uint64_t fin;    /* one past the last byte, once a FIN was seen; 0: none */
	uint64_t handed; /* the next byte to hand on */
	uint32_t depth;  /* bytes handed on */
	uint32_t window; /* the largest window that this end has offered, scaled */
	uint32_t isn;
	uint8_t scale; /* or TCP_SCALE_UNKNOWN */
	bool known;    /* next has a meaning */
	bool syn;
	uint8_t sums;    /* enum tcp_sums: whether its checksums mean anything */
	uint8_t unsound; /* segments with wrong ones that were acknowledged */
	uint8_t ttl;     /* of its first packets; 0: unknown */
	bool stamped;
	uint32_t stamp; /* the timestamp of its last segment in order */
	recent_chain recent;
	uint64_t floor;      /* bytes before it that weren't seen are no data, acknowledged or not */
	uint64_t jump;       /* where a packet claimed to be that wasn't believed; 0: none */
	uint32_t jump_bytes; /* its payload */
	int64_t heard_ns;    /* when something of it was last believed */
	struct tcp_holes *holes;
	struct flow_stream *stream;
};

/* All that is kept of a TCP flow of which there was only a SYN, perhaps several times: most of a scan or a
 * flood. What more is known of a side is made from it once there is another packet. */
struct tcp_embryo {
	uint32_t isn;
	uint16_t window;
	uint8_t scale;
	uint8_t ttl;
};

struct flow_entry {
	struct flow f;  /* first: a struct flow * is a struct flow_entry * */
	uint32_t hash;  /* as much as a bucket needs */
	uint32_t chain; /* of its bucket; like older and newer an entry's number + 1, or 0 */
	uint32_t older, newer;
	int64_t snapshot_due; /* at the first packet after it */
	union {
		struct tcp_side *tcp;     /* TCP: both directions; NULL before its first segment */
		struct tcp_embryo embryo; /* TCP, while is_embryo */
		uint32_t depth[2];        /* other protocols: bytes handed on */
	};
	uint16_t low_port, high_port; /* of its key */
	uint8_t class;                /* enum flow_class */
	uint8_t conflicts;            /* told of */
	uint8_t told;                 /* enum flow_told, of the last snapshot */
	bool initiator_low : 1;       /* its key begins with the initiator's address */
	bool turned : 1;              /* of its key */
	bool is_embryo : 1;
	bool watched : 1;                       /* something was doubtful */
	bool unwanted_out : 1, unwanted_in : 1; /* no more of the direction is to be handed on */
};
_Static_assert(sizeof(struct flow_entry) == 256, "a flow is four cache lines");

struct flow_table {
	struct flow_table_config config;
	uint32_t *buckets; /* an entry's number + 1, or 0 */
	uint32_t mask;
	struct {
		struct flow_entry *oldest, *newest;
	} lists[FLOW_CLASS_COUNT];
	int64_t timeouts[FLOW_CLASS_COUNT];
	struct pool entries;
	struct pool tcp; /* struct tcp_side[2] */
	int64_t now;
	struct flow_expectations *expectations; /* NULL until the first */
	struct recent *recent;
	struct flow_stats stats;
};

static inline struct flow_entry *flow_entry_of(struct flow *f)
{
	return (struct flow_entry *)f;
}

static inline bool flow_wanted(const struct flow_entry *e, enum flow_dir dir)
{
	return !(dir == FLOW_FORWARD ? e->unwanted_out : e->unwanted_in);
}

static inline void flow_unwant(struct flow_entry *e, enum flow_dir dir)
{
	if (dir == FLOW_FORWARD)
		e->unwanted_out = true;
	else
		e->unwanted_in = true;
}

static inline struct flow_entry *flow_entry_at(const struct flow_table *t, uint32_t number)
{
	return number ? (struct flow_entry *)t->entries.base + (number - 1) : NULL;
}

static inline uint32_t flow_entry_number(const struct flow_table *t, const struct flow_entry *e)
{
	return e ? (uint32_t)(e - (const struct flow_entry *)t->entries.base) + 1 : 0;
}

/* class.c */
void flow_classes_set(int64_t timeouts[FLOW_CLASS_COUNT], const struct flow_timeouts *o);
void flow_list_remove(struct flow_table *t, struct flow_entry *e);
/* Into the list of its class, as the newest. */
void flow_list_append(struct flow_table *t, struct flow_entry *e);
void flow_list_touch(struct flow_table *t, struct flow_entry *e);
/* An exchange of two datagrams that is over but for its timeout; NULL: none. */
struct flow_entry *flow_list_over(const struct flow_table *t);
/* What goes first when the table is full; what was touched longest ago. NULL in an empty table. */
struct flow_entry *flow_list_victim(const struct flow_table *t);
struct flow_entry *flow_list_oldest(const struct flow_table *t);

/* initiator.c: whether the sender of the flow's first packet is its initiator; *ret_guessed where that isn't
 * certain. */
bool flow_sender_initiates(
    const struct packet *p, const struct packet_layer *l, bool innermost, bool *ret_guessed);
/* The ICMP type that answers `type` (or that it answers); -1 where there is none. */
int flow_icmp_counterpart(uint8_t protocol, uint8_t type);
bool flow_icmp_is_reply(uint8_t protocol, uint8_t type);

/* tcp.c */
/* Takes one segment: states, byte counts, then reassembly. */
void tcp_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp,
    const struct packet_layer *l);
/* Whether a SYN can't belong to this flow any more, so that a new one begins. */
bool tcp_begins_anew(
    const struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, int64_t now);
/* At the end: what is held is handed on. */
void tcp_finish(struct flow_table *t, struct flow_entry *e);
/* Then: bytes that were acknowledged but never seen become payload. */
void tcp_settle(struct flow_table *t, struct flow_entry *e);
void tcp_free(struct flow_table *t, struct flow_entry *e);

/* Bytes [seq, seq + length) of which `captured` are at p. */
struct stream_piece {
	uint64_t seq;
	const uint8_t *p;
	size_t captured, length;
	uint8_t doubts; /* enum flow_doubt */
	uint8_t ttl;
};

/* doubt.c */
/* Whether nothing says that the checksums are wrong. */
bool tcp_sum_good(const struct packet_tcp *tcp, const struct packet_layer *l);
/* Whether a SYN, FIN or RST may change anything: its checksum isn't known to be wrong. Learns from a SYN. */
bool tcp_control_good(
    struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp, const struct packet_layer *l);
/* enum flow_doubt of a segment whose payload begins at `at`. */
uint8_t tcp_doubts(struct flow_entry *e, enum flow_dir dir, const struct packet_tcp *tcp,
    const struct packet_layer *l, uint64_t at);
/* A doubtful segment was acknowledged, and nothing else had come in its place. */
void tcp_doubts_cleared(struct flow_entry *e, enum flow_dir dir, uint8_t doubts, uint8_t ttl);
/* What the receiver of that direction makes of overlaps. */
enum net_overlap tcp_overlap_policy(
    const struct flow_table *t, const struct flow_entry *e, enum flow_dir dir);

/* conflict.c */
/* Holds bytes that come again against those handed on before. */
void stream_compare(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct stream_piece *s);
/* Two versions of n bytes, which differ somewhere: marks the flow, and tells of it. */
void stream_conflict(
    struct flow_table *t, struct flow_entry *e, uint64_t seq, size_t n, struct flow_conflict c);

/* holes.c */
/* A hole [from, to) behind all others. At the bound the oldest two become one. */
void tcp_holes_add(struct tcp_side *s, uint64_t from, uint64_t to);
/* How many bytes of [from, to) lie in holes; they are filled now. */
uint64_t tcp_holes_fill(struct tcp_side *s, uint64_t from, uint64_t to);
/* Forgets the holes; how many of their bytes were acknowledged. */
uint64_t tcp_holes_settle(struct tcp_side *s);

/* stream.c */
void stream_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct stream_piece *s, int64_t time);
/* The other end has everything before `acked`: holes before it will never be filled. */
void stream_acked(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t acked, int64_t time);
/* Hands on what is held, with gaps, and frees it. */
void stream_finish(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, int64_t time);
void stream_free(struct flow_table *t, struct flow_entry *e, enum flow_dir dir);

/* expect.c */
int flow_expectations_new(struct flow_expectations **ret_x, uint64_t seed);
void flow_expectations_free(struct flow_expectations *x);
void flow_expectations_add(struct flow_expectations *x, struct net_addr from, struct net_addr to,
    uint16_t port, uint16_t app, uint64_t related, int64_t now);
/* How many gave way to newer ones in their time. */
uint64_t flow_expectations_displaced(const struct flow_expectations *x);
/* Takes the expectation that a new flow meets, if there is one: sets app, related and the flag. */
void flow_expectations_meet(struct flow_expectations *x, struct flow *f, int64_t now);

#endif
