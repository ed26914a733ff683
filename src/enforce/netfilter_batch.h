/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_BATCH_H
#define ENFORCE_NETFILTER_BATCH_H

/*
 * A transaction of nftables as it is written: many netlink messages that the kernel carries out all or none.
 * It has to reach the kernel in one piece, so it grows in memory first. Messages are written with libmnl into
 * a piece of 64 KiB, which is all that one can hold (an attribute's length has 16 bits), and then appended.
 * Memory's end is sticky: it is told when the batch is closed.
 *
 * A zeroed struct with `bound` set is an empty batch; netfilter_batch_free lets go of the memory.
 */

#include <libmnl/libmnl.h>

#include "base/dynbuf.h"

/* The longest list of elements in one message; what stands around it is short. */
enum { NETFILTER_LIST_MAX = 60000, NETFILTER_MESSAGE_SIZE = 65536 };

#define NETFILTER_NO_MARK SIZE_MAX

struct netfilter_batch {
	struct dynbuf bytes;
	size_t bound; /* on bytes; 0: 256 MiB */
	uint8_t *message;
	bool open;      /* `message` holds one that isn't appended yet */
	uint32_t first; /* the sequence number of the head; message i has first + 1 + i */
	size_t n;       /* messages without head and foot */
	size_t *marks;  /* of each message, what its writer wants to find it by */
	size_t marks_cap;
};

void netfilter_batch_free(struct netfilter_batch *b);
/* Empties it and writes the head. -ENOMEM. */
int netfilter_batch_begin(struct netfilter_batch *b, uint32_t sequence);
/*
 * Begins a message (an enum nf_tables_msg_types) and closes the last one. What is returned is good until the
 * next call, and for attributes of NETFILTER_MESSAGE_SIZE in all.
 */
struct nlmsghdr *netfilter_batch_message(
    struct netfilter_batch *b, uint16_t type, uint8_t family, uint16_t flags, size_t mark);
/* Writes the foot; the last message asks for an answer. -ENOMEM, or -E2BIG at the bound. */
int netfilter_batch_end(struct netfilter_batch *b);
/* The message with a sequence number, or NULL; *ret_mark is its writer's. */
const struct nlmsghdr *netfilter_batch_find(
    const struct netfilter_batch *b, uint32_t sequence, size_t *ret_mark);

#endif
