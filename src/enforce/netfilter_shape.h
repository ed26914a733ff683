/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_SHAPE_H
#define ENFORCE_NETFILTER_SHAPE_H

/*
 * The shape of a cut: all that it shares with the others of its set. The cuts of one shape stand in one hash
 * set, whose key is the two prefixes' addresses; rules mask a packet's addresses by the shape's bits and look
 * them up. So an element is added in the same time however many there are, prefixes too. Pure.
 */

#include "contain/cut.h"

enum { NETFILTER_NAME_SIZE = 40, NETFILTER_KEY_SIZE = 32 };

/* Compared byte by byte: no padding. */
struct netfilter_shape {
	bool v6;
	bool closed;                /* it fails closed: it doesn't hang on the lease */
	uint8_t direction;          /* enum cut_direction */
	uint8_t from_bits, to_bits; /* as in the cut: of 128 */
};

/* NULL, or why there is no such set: a phrase. */
const char *netfilter_shape_of(const struct cut *c, bool closed, struct netfilter_shape *ret_shape);
int netfilter_shape_compare(const struct netfilter_shape *a, const struct netfilter_shape *b);
/* How many bits of a packet's address are of the key; 0: it isn't in it. */
unsigned netfilter_shape_from(const struct netfilter_shape *s);
unsigned netfilter_shape_to(const struct netfilter_shape *s);
/* The set's name: "leased_ip_32_any", "closed_ip6_64_128_begun". buf has NETFILTER_NAME_SIZE bytes. */
char *netfilter_shape_name(const struct netfilter_shape *s, char *buf);
/* The shape of that name; -EINVAL where it is none that netfilter_shape_name writes. */
int netfilter_shape_parse(struct text name, struct netfilter_shape *ret_shape);
/* A cut of this shape as the set's key: 4, 8, 16 or 32 bytes. */
size_t netfilter_shape_key(
    const struct netfilter_shape *s, const struct cut *c, uint8_t key[NETFILTER_KEY_SIZE]);
/* The cut of a key. -EINVAL: not of that length, or with bits that no packet's masked address has. */
int netfilter_shape_cut(const struct netfilter_shape *s, const uint8_t *key, size_t n, struct cut *ret_cut);

#endif
