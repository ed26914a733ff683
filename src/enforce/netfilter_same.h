/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_SAME_H
#define ENFORCE_NETFILTER_SAME_H

/*
 * Whether the kernel holds what was put: messages of its dumps against those that we sent. Everything sent
 * must be there with the same value; what it adds (handles, use counts, the defaults of a later kernel)
 * doesn't matter, but a rule has exactly our expressions. Pure.
 */

#include <libmnl/libmnl.h>

#include "base/text.h"

/* The kind of thing a message is about (NFT_MSG_NEWTABLE and so on), or -1: none of nftables. */
int netfilter_message_kind(const struct nlmsghdr *h);
/* A name among its attributes; the empty text where it isn't there or not closed with NUL. */
struct text netfilter_message_name(const struct nlmsghdr *h, uint16_t type);
/* The bytes of an attribute; none where it isn't there. */
struct text netfilter_message_bytes(const struct nlmsghdr *h, uint16_t type);
bool netfilter_same(const struct nlmsghdr *put, const struct nlmsghdr *got);

#endif
