/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_HISTORY_H
#define DETECT_HISTORY_H

/*
 * What every behaviour asks of the past: what an address was seen to do, which services answer, how many
 * machines of the organization use an outside address or name (prevalence: what many use is seldom an
 * intruder's; Hu et al., BAYWATCH, DSN 2016, 5.1). Bounded tables of the detector; private to detect/.
 */

#include "msg/msg.h"

struct detector;
struct observation;

/* `last` and `weight` as struct detect_use has them (detect/behaviour.h). */
struct host {
	int64_t last;
	uint32_t weight;
	bool inside;
	int64_t first;
	int64_t served_first;   /* answered somebody's connection; 0: never */
	int64_t outbound_first; /* earliest of its answered connections to the outside; 0: never */
	int64_t admin_first;    /* earliest of its administrative connections; 0: never */
	uint64_t served_apps;   /* bit 1 << app, of what it answered */
	uint64_t client_apps;   /* of what it began */
	uint32_t served, begun, outbound;
	uint32_t answered; /* of those begun: connections that were */
};

enum { PEER_ASKERS_MAX = 8 };
struct peer {
	int64_t last;
	uint32_t weight;
	int64_t first;
	uint32_t askers[PEER_ASKERS_MAX]; /* hashes of the inside addresses that use it; then it is popular */
	uint8_t n_askers;
};

/* A registered domain, and who answers for it: the outside address asked most about it (Boyer & Moore's
 * majority vote). */
struct named {
	struct peer by;
	struct net_addr authority; /* none: nobody was asked */
	uint32_t votes;
};

struct history {
	struct detect_table *hosts;
	struct detect_table *peers;    /* by outside address */
	struct detect_table *names;    /* of struct named, by hash of the registered domain */
	struct detect_table *services; /* (address, protocol, port) that answered, as far as scan.c asks */
};

int history_start(struct detector *d);
/* What history_flow will look up is fetched meanwhile: these tables are large, and no cache holds them. */
void history_expect(const struct detector *d, const struct observation *o);
void history_flow(struct detector *d, struct observation *o);
/* The name of that key is asked for soon. */
void history_expect_name(const struct detector *d, uint64_t key);
/* A name (by history_name_key) that inside machine `asker` asked for or named as its server. NULL where there
 * is no room for it. */
struct named *history_name(struct detector *d, uint64_t key, struct net_addr asker, int64_t time);
/* `server` was asked about the name. */
void history_authority_vote(struct named *n, struct net_addr server);
/* Who answers for the name of that key; none where it isn't known. */
struct net_addr history_authority(const struct detector *d, uint64_t key);
struct host *history_host(const struct detector *d, struct net_addr a);
/* How many inside machines used it so far, at most PEER_ASKERS_MAX; 0: unknown. */
unsigned history_peer_users(const struct detector *d, struct net_addr peer);
unsigned history_name_users(const struct detector *d, struct text name);
uint64_t history_name_key(const struct detector *d, struct text name);
unsigned history_name_key_users(const struct detector *d, uint64_t key);
/* The earliest time at which anybody inside used it; INT64_MAX: never seen. */
int64_t history_peer_first(const struct detector *d, struct net_addr peer);
/* Whether the service was seen to answer within the last seven days. Not kept of datagrams to the outside. */
bool history_service_answers(const struct detector *d, struct net_addr a, uint8_t protocol, uint16_t port);
/* 1 for what one machine uses alone, falling with the number of users: 1, 0.7, 0.5, 0.35 ... */
double history_rarity(unsigned users);

#endif
