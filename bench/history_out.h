/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_HISTORY_OUT_H
#define BENCH_HISTORY_OUT_H

/*
 * Where a generated history goes beside the archive: CSV for databases, nfdump's files, and lists of
 * indicators that some of its flows answer to. Functions give 0 or -errno.
 */

#include <stdint.h>

#include "bench/world.h"
#include "msg/msg.h"

enum { HISTORY_PART = 5000000 }; /* flows in one file */

/*
 * part-000.csv ...: a line of names, then a line a flow. Addresses are numbers (IPv4 in host order), times
 * nanoseconds since 1970: what databases hold at its best. Left out are what a query of this kind never
 * asks: MAC addresses, VLANs, time of the handshake, missing bytes, flags.
 */
struct history_csv;
int history_csv_open(struct history_csv **ret_csv, const char *folder);
int history_csv_flow(struct history_csv *c, const struct msg_flow *f);
/* Flushes what is open; takes NULL. */
int history_csv_close(struct history_csv *c);

/*
 * nfcapd.YYYYMMDDhhmm ...: nfdump 1.7's file layout version 2 with V3 records, one for both directions, not
 * compressed (nfdump -J does that). Only flows that count: nfdump knows no duplicates. Names have no place.
 */
struct history_nfdump;
int history_nfdump_open(struct history_nfdump **ret_nfdump, const char *folder);
int history_nfdump_flow(struct history_nfdump *n, const struct msg_flow *f);
int history_nfdump_close(struct history_nfdump *n);

/*
 * addrs-KIND-N.txt and domains-KIND-N.txt, one indicator a line. KIND: `feed`: one of 50 occurs, and then
 * seldom; the rest was never seen, as with a feed of bad addresses; `head`: one of a hundred is among the
 * thousand most popular, one of ten occurs; `every`: each occurs, drawn evenly from all that were seen.
 */
struct history_lists;
int history_lists_new(struct history_lists **ret_lists, const struct world *w);
int history_lists_flow(struct history_lists *l, const struct msg_flow *f);
int history_lists_write(struct history_lists *l, const char *folder);
/* Different addresses and names outside that were seen. */
void history_lists_count(const struct history_lists *l, uint64_t *ret_addrs, uint64_t *ret_names);
void history_lists_free(struct history_lists *l);

#endif
