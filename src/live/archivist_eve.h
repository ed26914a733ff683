/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ARCHIVIST_EVE_H
#define LIVE_ARCHIVIST_EVE_H

/*
 * What was archived, as EVE JSON to a file and a Unix socket (doc/archive.md, "Live"): a line for the last
 * record of each flow, for each of its transactions, and alerts for detections. Transactions and detections
 * come before the record of their flow, so they wait for it.
 *
 * Bounds: the ends of the EVE_FLOWS_MAX latest flows; EVE_WAITING_MAX transactions of EVE_WAITING_BYTES that
 * wait, EVE_WAIT_NS at most; EVE_TOLD_MAX detections that are known to be told. Nothing here blocks, and
 * nothing that happens here is an error for the archive: what has no room is counted as lost.
 */

#include "live/archivist_outlet.h"
#include "live/process.h"

enum {
	EVE_FLOWS_MAX = 1 << 16,
	EVE_WAITING_MAX = 1 << 16,
	EVE_WAITING_BYTES = 16 << 20,
	EVE_ALERTS_MAX = 1 << 12,
	EVE_ALERT_BYTES = 4 << 20,
	EVE_TOLD_MAX = 1 << 16,
	EVE_FILE = 0, /* outlets, by msg_handed.index */
	EVE_SOCKET,
	EVE_OUTLETS
};

#define EVE_WAIT_NS  (INT64_C(600) * 1000000000)
#define EVE_ALERT_NS (INT64_C(2) * 1000000000)

struct archivist_eve;

int archivist_eve_new(struct archivist_eve **ret_eve, struct loop *loop, uint64_t seed);
void archivist_eve_free(struct archivist_eve *e);
/* Which outlets there are, as the configuration says. */
void archivist_eve_want(struct archivist_eve *e, const struct daemon_conf *conf, int64_t now);
/* A descriptor for one of them, which is taken over. */
void archivist_eve_open(struct archivist_eve *e, unsigned outlet, int fd, int64_t now);

/* A record that was archived; `bytes` is its encoding. */
void archivist_eve_flow(struct archivist_eve *e, const struct msg_flow *f);
void archivist_eve_transaction(
    struct archivist_eve *e, const struct msg_transaction *t, struct text bytes, int64_t now);
void archivist_eve_detection(
    struct archivist_eve *e, const struct msg_detection *d, struct text bytes, int64_t now);

/* Writes what can be written. */
void archivist_eve_tick(struct archivist_eve *e, int64_t now);
int64_t archivist_eve_deadline(const struct archivist_eve *e);
/* An outlet that wants a descriptor now, or -1. */
int archivist_eve_asks(struct archivist_eve *e, int64_t now);
/* Lines that found room in an outlet, and those that didn't. */
void archivist_eve_count(const struct archivist_eve *e, uint64_t *ret_lines, uint64_t *ret_lost);
/* The last words: alerts that still wait, and what the outlets take at once. */
void archivist_eve_finish(struct archivist_eve *e, int64_t now);

#endif
