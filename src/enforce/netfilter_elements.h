/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_ELEMENTS_H
#define ENFORCE_NETFILTER_ELEMENTS_H

/*
 * Elements of sets on their way to the kernel, over as many messages of one batch as they need, and on their
 * way back. Makes no system calls.
 */

#include "enforce/netfilter_model.h"

/* One list as it is written. */
struct netfilter_elements {
	const struct netfilter_model *m;
	const struct netfilter_family *f;
	struct netfilter_batch *b;
	const char *set; /* borrowed until the end */
	uint16_t type;
	struct nlmsghdr *h;
	struct nlattr *list;
};

/* An element as it is read. */
struct netfilter_element {
	const uint8_t *key; /* borrowed from the message */
	size_t key_size;
	uint64_t expires_ms; /* UINT64_MAX: never */
	uint64_t packets, bytes;
};

typedef int (*netfilter_element_fn)(void *context, const struct netfilter_element *e);

/* What a table of ours bears as its comment: others of the same name are not ours. */
extern const uint8_t netfilter_mark[];
extern const size_t netfilter_mark_size;

/* Begins a list of NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM. Each message's mark is that of its first
 * element.
 */
void netfilter_elements_begin(struct netfilter_elements *l, const struct netfilter_model *m,
    const struct netfilter_family *f, struct netfilter_batch *b, uint16_t type, const char *set, size_t mark);
/* timeout_ms: 0 none. `renew`: what is there already gets this timeout too (Linux 6.12). */
void netfilter_elements_add(
    struct netfilter_elements *l, const uint8_t *key, size_t n, uint64_t timeout_ms, bool renew, size_t mark);
void netfilter_elements_end(struct netfilter_elements *l);
/* Which element of a message's list has the attribute at that offset; 0 where none does. */
size_t netfilter_elements_place(const struct nlmsghdr *h, uint32_t offset);

/* Gives each element of an NFT_MSG_NEWSETELEM message to fn, until that fails: what it returned. -EPROTO: it
 * is no such message. */
int netfilter_elements_read(const struct nlmsghdr *h, netfilter_element_fn fn, void *context);

#endif
