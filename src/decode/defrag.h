/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_DEFRAG_H
#define DECODE_DEFRAG_H

/*
 * Joins IP fragments. The table owns the datagrams in the making: at most `datagrams_max`, and `memory_max`
 * bytes; at either bound the oldest goes. A datagram older than the timeout goes when the next fragment
 * comes. The work for a fragment grows with its own bytes only: what is there is kept as one bit for each 8
 * bytes.
 *
 * IPv4: of overlapping bytes those stay that the receiver takes (net/overlap.h), an overlap is an event.
 * IPv6, and IPv4 for a Linux receiver: an overlapping datagram is dropped whole, and its later fragments with
 * it (RFC 5722). In both, an exact copy of what is there is no overlap (RFC 8200, 4.5): captures see packets
 * twice.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/overlap.h"

enum { DEFRAG_DATAGRAM_MAX = 65535 };

/* Which datagram; compared as bytes. IPv6 doesn't tell datagrams apart by protocol (RFC 8200, 4.5). */
struct defrag_key {
	struct net_addr src, dst;
	uint32_t id;
	uint16_t vantage;
	uint8_t protocol;
	uint8_t version;
};

struct defrag_piece {
	const uint8_t *p;
	uint32_t captured; /* bytes at p, at most length */
	uint32_t length;
	uint32_t offset;
	bool more;
	uint8_t protocol;     /* what the first fragment says is inside */
	enum net_overlap how; /* what its receiver makes of overlaps */
};

enum defrag_result {
	DEFRAG_KEPT,
	DEFRAG_JOINED,
	DEFRAG_OVERLAP,        /* kept, or the datagram is dropped */
	DEFRAG_JOINED_OVERLAP, /* it completes the datagram, in which something overlapped */
	DEFRAG_REFUSED,        /* belongs to a dropped datagram, or contradicts its end */
	DEFRAG_NO_ROOM, /* its datagram alone is more than the memory bound; it is given up, and counted */
	DEFRAG_NO_MEMORY,
};

/* A joined datagram; the caller frees `memory`. `captured` bytes at p are good, of `length`. */
struct defrag_joined {
	void *memory;
	const uint8_t *p;
	uint32_t captured, length;
	uint8_t protocol;
};

/* Two versions of n bytes of a datagram, from the first that differs on. */
enum { DEFRAG_CONFLICT_BYTES = 64 };
struct defrag_conflict {
	uint32_t offset;
	uint32_t n; /* 0: the last piece contradicted nothing */
	uint8_t kept[DEFRAG_CONFLICT_BYTES], other[DEFRAG_CONFLICT_BYTES];
};

/* Fragments that came to nothing, in packets: with a datagram that is given up its fragments, and what else
 * it must have had, in full ones. */
typedef void (*defrag_lost_fn)(void *context, uint16_t vantage, uint64_t packets);

struct defrag_counters {
	uint64_t limit, timeout; /* datagrams given up for room, or for age */
};

struct defrag;

int defrag_new(
    struct defrag **ret_defrag, size_t datagrams_max, size_t memory_max, int64_t timeout_ns, uint64_t seed);
/* Who hears of fragments that came to nothing. */
void defrag_on_lost(struct defrag *d, defrag_lost_fn lost, void *context);
void defrag_free(struct defrag *d);
/* Gives up what is in the making. */
void defrag_flush(struct defrag *d);
/* Takes a piece; offset + length is at most DEFRAG_DATAGRAM_MAX. *ret_joined is written where it completes.
 */
enum defrag_result defrag_add(struct defrag *d, const struct defrag_key *key,
    const struct defrag_piece *piece, int64_t time_ns, struct defrag_joined *ret_joined);
/* Of the last piece that was taken. */
const struct defrag_conflict *defrag_conflict(const struct defrag *d);
const struct defrag_counters *defrag_counters(const struct defrag *d);
/* For tests: datagrams in the making, and their bytes. */
size_t defrag_count(const struct defrag *d);
size_t defrag_memory(const struct defrag *d);

#endif
