/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_NAMES_H
#define INCIDENT_NAMES_H

/* Names of outside addresses, for people: what flows called them, and what DNS answered. */

#include "archive/archive.h"

/* The text made printable and cut, in the arena; *ret_name is NULL where nothing is left of it. 0 or -ENOMEM.
 */
int incident_name_keep(struct arena *arena, struct text name, const char **ret_name);

/*
 * Fills names[i] where it is NULL with the first name for which a DNS answer gave addrs[i]; addrs are sorted.
 * One pass over the archive's transactions, ended early when every address has its name. 0, -ENOMEM or the
 * archive's error.
 */
int incident_names_dns(
    struct archive *archive, const struct net_addr *addrs, const char **names, size_t n, struct arena *arena);

#endif
