/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_CHAINS_H
#define ENFORCE_NETFILTER_CHAINS_H

/* The chains of each table, by name: shared by who puts them (netfilter_sets.c) and who fills them. */

#include "enforce/netfilter_model.h"

extern const char *const netfilter_family_chains[2];    /* IPv4, IPv6 */
extern const char *const netfilter_class_chains[2][2];  /* leased, closed */
extern const char *const netfilter_answer_chains[2][2]; /* the same: answers to what one side began */
extern const char netfilter_stop_chain[];

/* How many base chains there are: one, or one for each interface. */
size_t netfilter_base_chains(const struct netfilter_model *m, const struct netfilter_family *f);
char *netfilter_base_chain(const struct netfilter_family *f, size_t i, char buf[NETFILTER_NAME_SIZE]);

#endif
