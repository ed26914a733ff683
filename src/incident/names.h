/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_NAMES_H
#define INCIDENT_NAMES_H

/* Names of outside addresses, for people: what flows called them, and what DNS answered. */

#include "archive/archive.h"

/* The text made printable and cut, in the arena; *ret_name is NULL where nothing is left of it. 0 or -ENOMEM.
 */
int incident_name_keep(struct arena *arena, struct text name, const char **ret_name);

/*
 * Fills names[i] where it is NULL with the first name, by record id, for which a DNS answer gave addrs[i];
 * addrs are sorted, without doubles. Asks the archive for the transactions that hold one of them. 0, -ENOMEM
 * or the archive's error.
 */
int incident_names_dns(
    struct archive *archive, const struct net_addr *addrs, const char **names, size_t n, struct arena *arena);

#endif
