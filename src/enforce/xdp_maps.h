/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_XDP_MAPS_H
#define ENFORCE_XDP_MAPS_H

/*
 * What the XDP program (xdp_cut.bpf.c) and the backend (xdp.h) share: the values of their maps. Integers are
 * of the machine's order, addresses of the network's, as in the packet. Private to enforce/xdp*.
 *
 * A trie per family leads from a prefix to a chain of elements: first those of that very prefix, then those
 * of the next shorter one that holds it, and so on. So what a longer prefix says never hides a shorter one's
 * cut, and each element is in one place only.
 *
 * A change of meaning or size raises XDP_LAYOUT: maps of another layout aren't taken over.
 */

#include <linux/types.h>

enum {
	XDP_LAYOUT = 1,
	XDP_ELEMENTS_MAX = 1 << 18, /* slots; slot 0 is no element and ends chains */
	XDP_PASSES_MAX = 1024,      /* slot 0 the same */
	/* No chain is longer: each length of a prefix once, with two forms of cut. */
	XDP_CHAIN_MAX = 2 * 129,
};

/* Which end of the cut the prefix is; the other is anywhere. */
enum xdp_form { XDP_FORM_FROM, XDP_FORM_TO };

struct xdp_key4 {
	__u32 bits;
	__u8 addr[4];
};

struct xdp_key6 {
	__u32 bits;
	__u8 addr[16];
};

/* One cache line, so that counting on one CPU disturbs none but those that drop by the same element. */
struct xdp_element {
	__u64 open_until;   /* stands so long, while the lease does; nanoseconds of CLOCK_BOOTTIME */
	__u64 closed_until; /* stands so long, whatever the lease does */
	__u64 packets, bytes;
	__u64 born; /* the generation that it came with: it stands once that one is committed. 0: free */
	__u32 next; /* slot */
	__u8 bits;  /* of 128 */
	__u8 form;  /* enum xdp_form */
	__u8 pad[2];
	__u8 addr[16];
};

struct xdp_state {
	__u64 lease_until;
	__u64 committed; /* the last generation that holds as a whole */
	__u64 layout;
};

/*
 * What a pass asks of a packet is one word about one end of it: the protocol, the port at that end, and:
 * XDP_WORD_PORT: the port is known, and the packet may go to or come from a service there.
 * XDP_WORD_LATER: a fragment that isn't the first; its port is known to nobody.
 */
#define XDP_WORD_PROTOCOL(protocol) ((__u64)(protocol) << 16)
#define XDP_WORD_ANY_PROTOCOL       XDP_WORD_PROTOCOL(0xffff)
#define XDP_WORD_ANY_PORT           ((__u64)0xffff)
#define XDP_WORD_PORT               ((__u64)1 << 32)
#define XDP_WORD_LATER              ((__u64)1 << 33)

/* A pass holds where (word & mask) == want. Chains of them, as of elements, hang on the tries of passes. */
struct xdp_pass {
	__u64 mask, want;
	__u32 next;
	__u32 pad;
};

_Static_assert(sizeof(struct xdp_element) == 64, "a cache line");
_Static_assert(sizeof(struct xdp_pass) == 24, "no padding");

#endif
