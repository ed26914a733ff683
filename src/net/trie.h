/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_TRIE_H
#define NET_TRIE_H

/*
 * A path-compressed binary trie over prefixes: longest-prefix match in a few steps. It owns its nodes; the
 * value is the caller's number. Not shared between threads while it changes.
 */

#include <stdint.h>

#include "net/addr.h"

struct net_trie;

/* max: the most prefixes. Returns 0, -EINVAL or -ENOMEM. */
int net_trie_new(struct net_trie **ret_trie, size_t max);
void net_trie_free(struct net_trie *t);
/* 0; -EEXIST where that very prefix is there already (its value stays); -ERR_LIMIT; -ENOMEM. */
int net_trie_insert(struct net_trie *t, struct net_prefix p, uint32_t value);
/* The value of the longest prefix that holds a: 1 and *ret_value, or 0 where none does. */
int net_trie_match(const struct net_trie *t, struct net_addr a, uint32_t *ret_value);
/* All prefixes that hold a, the shortest first: how many there are; at most n of them are written. */
size_t net_trie_match_all(const struct net_trie *t, struct net_addr a, uint32_t *values, size_t n);
size_t net_trie_count(const struct net_trie *t);

#endif
