/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_RECENT_H
#define FLOW_RECENT_H

/*
 * The bytes that were handed on last, of all flows, in one ring: what comes again can be held against them.
 * Private to flow/. Owns its memory, of a fixed size; the oldest bytes are overwritten, after which nobody
 * can compare with them. Keeping costs a copy, and nothing is allocated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

/* Where an owner's last record stands; 0: it has none. Each leads to the one before it. */
typedef uint64_t recent_chain;

/* Bytes [seq, seq + n) of a stream. */
struct recent_bytes {
	uint64_t seq;
	const uint8_t *p;
	size_t n;
};

struct recent_found {
	uint64_t compared;         /* bytes that were there to be compared with */
	bool differs;              /* some are others; of the newest record that has any: */
	struct recent_bytes first; /* ... from the first of them on, as they were kept; borrowed */
};

/* 0 or -ENOMEM. */
int recent_new(struct recent **ret_recent, size_t size);
void recent_free(struct recent *r);
/* More than a quarter of the ring's size isn't kept. */
void recent_keep(struct recent *r, uint64_t owner, recent_chain *chain, struct recent_bytes b);
/* Looks at RECENT_LOOKS records at most, the newest first. */
enum { RECENT_LOOKS = 64 };
struct recent_found recent_compare(
    const struct recent *r, uint64_t owner, recent_chain chain, struct recent_bytes b);

#endif
