/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_BEHAVIOUR_H
#define DETECT_BEHAVIOUR_H

/*
 * What a behaviour is to the detector, and what the detector does for it. Private to detect/.
 *
 * A behaviour is one file and one row of behaviours[] (detect/behaviours.c): hooks for transactions, flows
 * and the end, and a state that it makes itself from bounded tables (detect_table). Rules and fingerprints
 * are to be further rows.
 *
 * A behaviour never emits: it says what it found by detect_report, again and again as the evidence grows; the
 * detector keeps one piece of evidence for each subject, gives it its id and emits it when it has become new.
 */

#include "base/table.h"
#include "detect/detect.h"
#include "detect/history.h"

/* One flow as the behaviours see it: the record, and what it adds to what they have seen of it before. */
struct observation {
	const struct msg_flow *f;
	bool fresh;       /* its first record: snapshots and the final one count as one flow */
	bool over;        /* its last record */
	uint64_t out, in; /* payload bytes since the record before */
	bool from_inside, to_inside;
	struct host *initiator, *responder; /* NULL where history has no room */
	const struct peer *peer;            /* the outside end of a flow that crosses the border, else NULL */
};

struct behaviour {
	const char *name;
	/* Makes the state. 0 or -ENOMEM. NULL: there is none. */
	int (*start)(struct detector *d, void **ret_state);
	/* Frees what isn't a table of the detector. May be NULL, as may the others. */
	void (*stop)(void *state);
	void (*transaction)(
	    struct detector *d, void *state, const struct msg_flow *f, const struct msg_transaction *t);
	void (*flow)(struct detector *d, void *state, const struct observation *o);
	void (*finish)(struct detector *d, void *state, int64_t now);
};

enum { BEHAVIOURS_MAX = 32, DETECT_TABLES_MAX = 48, DETECT_WHY_SIZE = 320 };

/* The rows, closed by NULL. */
extern const struct behaviour *const behaviours[];
extern const struct behaviour behaviour_indicator, behaviour_scan, behaviour_brute_force,
    behaviour_remote_execution, behaviour_directory, behaviour_ticket, behaviour_exploit, behaviour_callback,
    behaviour_interactive, behaviour_beacon, behaviour_command_channel, behaviour_foreign_port,
    behaviour_delivery, behaviour_dns_tunnel, behaviour_dga, behaviour_icmp, behaviour_outflow,
    behaviour_credential_drop, behaviour_staging, behaviour_first_edge;

/*
 * A bounded table that makes room: at its bound the entry goes that weighs least, then the one idle longest,
 * out of a few that the hand points to. So a flood of new keys costs old ones, one by one, and never blinds.
 * Each value begins with struct detect_use; whoever owns it keeps `last` and may raise `weight`.
 */
struct detect_use {
	int64_t last;
	uint32_t weight;
};

struct detect_table {
	struct table *t;
	size_t hand;
	size_t max, entry_size;
};

struct detector {
	struct detect_config config;
	struct detect_stats stats;
	int64_t first, last; /* of the records so far; first == INT64_MIN before the first */
	struct history history;
	struct detect_table *evidence; /* of struct evidence */
	struct detect_table *partial;  /* flow id -> payload counted so far, of flows known by snapshots */
	struct detect_table *tables[DETECT_TABLES_MAX];
	size_t n_tables;
	void *state[BEHAVIOURS_MAX];
};

/* A table of as many entries as `per_mille` of the detector's memory holds. The detector frees it. 0 or
 * -ENOMEM. */
int detect_table_new(struct detector *d, struct detect_table **ret_table, size_t key_size, size_t value_size,
    unsigned per_mille);
/* Makes room where needed, so NULL only when memory ends. A fresh value is zeroed but for use.last. */
void *detect_table_put(
    struct detector *d, struct detect_table *t, const void *key, int64_t now, int *ret_fresh);
static inline void *detect_table_get(const struct detect_table *t, const void *key)
{
	return table_get(t->t, key);
}

/* The first few flows behind something that may yet become a finding. */
enum { FLOW_SAMPLE_MAX = 12 };
struct flow_sample {
	uint8_t n;
	uint64_t id[FLOW_SAMPLE_MAX];
};
void flow_sample_add(struct flow_sample *s, uint64_t flow);

/* What a behaviour says. (name, technique, asset, peer, subject) tells one finding from another: said again,
 * it is the same with more behind it. */
struct finding {
	const char *name, *technique; /* static */
	double confidence;
	struct net_addr asset, peer;
	enum msg_role asset_role, peer_role;
	bool peer_varies; /* the peer is what is thought so far, and tells nothing apart */
	uint64_t subject;
	int64_t first, last;
	uint64_t
	    count; /* in all; with `adds` of this word alone, and then the strongest word of all stands */
	bool adds;
	const uint64_t *flows;
	size_t n_flows;
	const char *why;
	bool indicator; /* source is MSG_SOURCE_INDICATOR, and the two below hold; else a behaviour */
	struct text indicator_text;
	uint8_t tlp;
};
void detect_report(struct detector *d, const struct finding *f);
/* report.c: emits what was said since it was last emitted. */
void detect_report_finish(struct detector *d);
/* suspicion.c: how much the evidence so far speaks for an asset's compromise, and since when; what it did
 * after it had become a victim counts more. */
void detect_suspicion_finish(struct detector *d);
struct suspicion {
	double confidence; /* noisy-or over techniques of what it did or suffered */
	int64_t since;
	uint64_t flow; /* one that shows it */
};
/* Of the evidence of before now; a zeroed one where there is none. Walks all evidence: for finish only. */
int suspicion_collect(struct detector *d, struct table **ret_table);
struct suspicion suspicion_of(const struct table *t, struct net_addr asset);

/* What is kept of one finding. */
struct evidence_key {
	uint64_t name; /* hash of name and technique */
	struct net_addr asset, peer;
	uint64_t subject;
};
struct evidence {
	struct detect_use
	    use; /* weight: the confidence, so that weak findings go first when there is no room */
	uint64_t id;
	const char *name, *technique;
	int64_t first, last;
	double confidence; /* of what is known; `raised` stands above it */
	double raised;     /* by what came before, 0: not */
	double emitted;
	uint64_t count, emitted_count;
	struct net_addr peer;
	uint8_t asset_role, peer_role, source, tlp;
	bool dirty;
	uint32_t n_flows;
	uint64_t flows[MSG_FLOWS_MAX];
	struct text indicator;
	char why[DETECT_WHY_SIZE];
};

/* The time from which on something may be called first seen: config.tuning.learning_ns after the first
 * record. */
int64_t detect_learned_at(const struct detector *d);
bool detect_inside(const struct detector *d, struct net_addr a);
/* Of a machine that can be meant: neither multicast, broadcast, loopback nor unspecified. */
bool detect_is_host(struct net_addr a);
/* Grows from 0 towards `most`: half of it at n == half. How evidence that adds up becomes confidence. */
double detect_saturate(double n, double half, double most);
const char *detect_addr(struct net_addr a, char *buf);
/* The value of a field as clean text, cut to fit. */
const char *detect_text(struct text t, char *buf, size_t size);
/* The payload went both ways on a connection that stood. */
bool detect_answered(const struct msg_flow *f);

#endif
