/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_MERGE_PARTS_H
#define DAEMON_MERGE_PARTS_H

/* What merging ended flows and telling of running ones have in common. Private to daemon/merge*.c. */

#include "base/table.h"
#include "daemon/merge.h"

/* A tuple that is used over and over must not make each of its flows dearer: only so many older ones are
 * looked at. */
enum { MERGE_GROUP_MAX = 32, MERGE_CHAIN_LOOK = 64 };

/* What was read of one flow. */
struct log {
	struct dynbuf bytes; /* encoded transactions that weren't given yet, one after the other */
	struct dynbuf name;  /* the responder's, from one that was given */
	bool gave;           /* some were given with a snapshot */
};

/* No padding: compared as bytes. */
struct merge_tuple {
	struct net_addr low, high;
	uint16_t low_port, high_port;
	uint8_t protocol;
	uint8_t zero[3];
};

/* Who tells of a flow that runs, and until its record is let go. */
struct teller {
	uint64_t id;
	uint16_t vantage;
	bool ended;
	int64_t last; /* of the ended flow */
};

/* An ended flow that waits; in a list by time of arrival and in a chain of its tuple. */
struct held {
	struct msg_flow flow;
	struct log log;
	struct held *next_waiting;
	int64_t since;
	struct held *newer_same, *older_same; /* of the same tuple */
	struct held *leader;                  /* the group's first member; itself where it leads */
	struct held *next_member;
	size_t members; /* of a leader */
	bool done;
	bool told; /* there were snapshots of it */
};

struct merge {
	struct merge_config config;
	struct dynbuf fresh; /* encoded transactions of one flow, read since its last packet or record */
	uint64_t fresh_flow;
	struct table *logs;    /* flow id -> struct log, of flows that run */
	struct table *tuples;  /* struct merge_tuple -> struct held *, the newest */
	struct table *tellers; /* struct merge_tuple -> struct teller; only of several vantages */
	struct held *first, *last;
	size_t waiting;
	size_t memory;
	struct merge_stats stats;
	struct arena arena; /* for decoding one flow's transactions */
};

struct merge_tuple merge_tuple_of(const struct msg_flow *f);
/* The fresh transactions go to their flow's log. */
int merge_fresh_keep(struct merge *m);
/* The log's transactions, then the flow, whose name is found among them. Leaves m->arena to be reset. */
int merge_give(struct merge *m, struct text log, struct msg_flow *f);
/* Keeps the name for the records to come; `log` may be NULL. */
int merge_keep_name(struct merge *m, struct log *log, struct text name);

/* merge_live.c */
/* The flow has ended: whether it was the one that tells. */
bool merge_teller_ends(struct merge *m, const struct msg_flow *f);
/* Its record is let go. */
void merge_teller_forget(struct merge *m, const struct held *h);

#endif
