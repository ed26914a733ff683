/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_TARGETS_H
#define HUNT_TARGETS_H

/*
 * The indicators as a hunt wants them: each value and port once, numbered; and as keys for the archive,
 * sorted. Made once, then only read by all threads. Private to hunt/.
 */

#include "archive/archive.h"
#include "detect/indicator.h"

struct hunt_target {
	uint32_t number; /* of the entry that was loaded first */
	uint32_t sources;
	uint32_t same; /* in the first target of a key: how many targets it has, by port */
	uint16_t port;
	int64_t valid_from, valid_until; /* from the earliest to the latest of its entries */
};

struct hunt_targets {
	const struct indicator_set *set;
	struct hunt_target *v;
	size_t n;
	uint32_t *first_of; /* entry number -> the first target of its key */
	struct net_addr *addrs;
	struct net_prefix *prefixes;
	struct text *domains; /* of indicators of that kind */
	struct text *hosts;   /* those and the hosts of URLs */
	struct text *values;  /* fingerprints and hashes that records carry */
	size_t n_addrs, n_prefixes, n_domains, n_hosts, n_values;
};

/* 0 or -ENOMEM; free it in either case. The set must outlive it. */
int hunt_targets_make(struct hunt_targets *t, const struct indicator_set *set);
void hunt_targets_free(struct hunt_targets *t);
/* Whether some record carries such indicators. */
bool hunt_kind_is_searched(enum indicator_kind kind);

/* All targets that the query meets, whatever their validity; each is given once. */
typedef void (*hunt_target_fn)(void *context, uint32_t target);
void hunt_targets_find(
    const struct hunt_targets *t, const struct indicator_query *q, hunt_target_fn each, void *context);
/* The same in two steps, for whoever doesn't know the port yet: the keys that are met, by their first
 * targets, and of a key those that the port meets. */
size_t hunt_targets_keys(
    const struct hunt_targets *t, const struct indicator_query *q, uint32_t firsts[INDICATOR_FOUND_MAX]);
void hunt_targets_of_key(
    const struct hunt_targets *t, uint32_t first, uint16_t port, hunt_target_fn each, void *context);
/* Whether this very target is met. */
bool hunt_target_meets(const struct hunt_targets *t, const struct indicator_query *q, uint32_t target);

#endif
