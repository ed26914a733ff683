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

#include <stddef.h>

#include "base/table.h"
#include "detect/detect.h"
#include "detect/history.h"

/*
 * One flow as the behaviours see it: the record, and what it adds to what they have seen of it before.
 *
 * A flow that goes on is seen at its first packet, when nothing is known of it yet. Whoever counts flows asks
 * observe_once; whoever asks what a flow is waits until it is `ripe`, and until it is `settled` before he
 * takes what wasn't seen for what isn't there: that nobody answers, that the protocol has no name.
 */
struct observation {
	const struct msg_flow *f;
	bool fresh;       /* its first record: snapshots and the final one count as one flow */
	bool over;        /* its last record */
	bool settled;     /* over, or old enough (SETTLE_NS) that what was to be seen would have been */
	bool ripe;        /* over, or answered, and its application known as far as it will be */
	uint64_t out, in; /* payload bytes since the last ripe record: all is told by the ripe ones */
	uint32_t *told;   /* bits of enum told; see observe_once */
	bool from_inside, to_inside;
	bool from_host, to_host; /* detect_is_host */
	enum net_zone_class from_class, to_class;
	struct host *initiator, *responder; /* NULL where history has no room */
	const struct peer *peer;            /* the outside end of a flow that crosses the border, else NULL */
};

/* As Zeek waits for a connection's answer (tcp_attempt_delay); a SYN is sent again after 1 and 3 s (RFC
 * 6298).
 */
#define SETTLE_NS (5 * NS_PER_S)

#define DETECT_DAY_NS (24 * 3600 * NS_PER_S)

/* What was taken from the records of a flow, so that no further record of it is taken for it again. */
enum told {
	TOLD_BEGUN = 1 << 0, /* history counted it */
	TOLD_ANSWERED = 1 << 1,
	TOLD_CONTACT = 1 << 2, /* scan knows how it ended */
	TOLD_LOGIN = 1 << 3,   /* the protocol told how a login ended */
	TOLD_TOOL = 1 << 4,    /* a guessing tool's library speaks */
	TOLD_REQUEST = 1 << 5, /* callback knows it */
	TOLD_CALL = 1 << 6,
	TOLD_CALL_ANSWERED = 1 << 7,
	TOLD_EXPLOIT = 1 << 8, /* its request carried one */
	TOLD_EDGE = 1 << 9,
	TOLD_MATCH = 1 << 10, /* its answer was held against indicators */
	TOLD_PROTECTED = 1 << 11,
	TOLD_FOREIGN = 1 << 12,
	TOLD_SETTLED = 1 << 13,
	TOLD_DESTINATION = 1 << 14,
	TOLD_NAMED = 1 << 15, /* that destination is known by a name */
};

/* Whether this is the first time that somebody asks this of the flow. */
static inline bool observe_once(const struct observation *o, enum told what)
{
	bool once = !(*o->told & what);
	*o->told |= what;
	return once;
}

/*
 * One transaction as the behaviours see it. What several of them ask of it is found once: of a DNS question
 * from inside the name, the registered domain, its key (history_name_key) and what history knows of it.
 */
struct exchange {
	const struct msg_flow *f;
	const struct msg_transaction *t;
	bool from_inside, to_inside;
	struct text query;
	struct text domain; /* borrowed from query; empty where that is */
	uint64_t domain_key;
	struct named *named; /* NULL where history has no room */
};

static inline struct text exchange_field(const struct exchange *x, enum field field)
{
	return field_get(x->t->fields.v, x->t->fields.n, field);
}

/* How far a look has come, and how much more it may visit. */
struct look {
	size_t at; /* of the behaviour's table; 0 at the beginning of each round */
	size_t budget;
	bool whole; /* the end, or who looks wants all at once: what didn't change is judged too */
};
/* One entry was visited, which cost `cost`. False: that is enough for now. */
static inline bool look_on(struct look *l, size_t cost)
{
	l->budget -= cost < l->budget ? cost : l->budget;
	return l->budget > 0;
}

/* A table that a behaviour's state points to; see detect_table_new. */
struct behaviour_table {
	size_t at; /* of the struct detect_table * in the state */
	size_t key_size, value_size;
	unsigned per_mille; /* 0: no table */
};

#define BEHAVIOUR_TABLE(state, member, key, value, share)                                                    \
	{                                                                                                    \
		.at = offsetof(state, member), .key_size = (key), .value_size = (value),                     \
		.per_mille = (share)                                                                         \
	}

enum { BEHAVIOUR_TABLES_MAX = 2 };

struct behaviour {
	const char *name;
	/* What it keeps, zeroed but for its tables. The detector makes and frees all of it. */
	size_t state_size; /* 0: nothing */
	struct behaviour_table tables[BEHAVIOUR_TABLES_MAX];
	/* What isn't zero in the beginning; frees what isn't a table. May be NULL, as may the others. */
	void (*begin)(void *state);
	void (*end)(void *state);
	/* Of transactions only those that have one of `fields` (closed by FIELD_NONE), or where that is NULL
	 * all: most say nothing to most behaviours. */
	void (*transaction)(struct detector *d, void *state, const struct exchange *x);
	const enum field *fields;
	void (*flow)(struct detector *d, void *state, const struct observation *o);
	/* A flow that goes on has settled; its last record again, with out and in 0. */
	void (*settle)(struct detector *d, void *state, const struct observation *o);
	/* Looks over what is kept and says what it shows, from l->at on. True: all was visited. False: the
	 * budget is used up, and it is called again. */
	bool (*look)(struct detector *d, void *state, struct look *l);
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

/* Where an address belongs: nearly every question is of one that was asked a moment ago. */
enum { DETECT_SIDES = 1024 };

struct detect_side {
	struct net_addr addr;
	bool known, inside;
	bool host; /* detect_is_host */
	enum net_zone_class class;
};

struct field_set {
	uint64_t bits[(FIELD_COUNT + 63) / 64];
};

/* A behaviour that wants transactions, and which. */
struct detect_listener {
	const struct behaviour *behaviour;
	void *state;
	struct field_set fields;
};

struct detector {
	struct detect_config config;
	struct detect_side *sides; /* DETECT_SIDES */
	struct detect_stats stats;
	int64_t first, last; /* of the records so far; first == INT64_MIN before the first */
	struct history history;
	struct detect_table *evidence; /* of struct evidence */
	struct table *names;           /* evidence_key.name -> uint32_t, how many there are of it */
	size_t beyond_share;           /* evidence of names that have more than their share (room.c) */
	struct progress *progress;     /* of flows that go on */
	struct table *suspects; /* who is suspicious by now (suspicion.c); NULL before the first look */
	bool suspects_stand;    /* what is said now doesn't make anybody suspicious before the next look */
	bool live;              /* flows are told of while they go on */
	size_t looking;         /* the behaviour whose turn it is, of a look that was begun */
	struct look look;
	struct detect_table *tables[DETECT_TABLES_MAX];
	size_t n_tables;
	void *state[BEHAVIOURS_MAX];
	struct detect_listener listeners[BEHAVIOURS_MAX]; /* in the order of behaviours[] */
	size_t n_listeners;
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

/* The key is asked for soon. */
static inline void detect_table_expect(const struct detect_table *t, const void *key)
{
	table_prefetch(t->t, key);
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
	/* `confidence` is for what one machine uses alone: it falls with how many use the peer or the name,
	 * as far as that is known by now, and goes on falling. */
	bool by_rarity;
	uint64_t rare_name; /* history_name_key; 0: none */
	uint32_t chain;     /* rests on suspicion: as of which hop (first_edge.c). 0: it doesn't */
	bool indicator;     /* source is MSG_SOURCE_INDICATOR, and the two below hold; else a behaviour */
	struct text indicator_text;
	uint8_t tlp;
};
/* What one exchange shows of the machine that began it: left to name are what it is, what the peer is in it,
 * and why. Borrows f. */
struct finding finding_of(const struct msg_flow *f, const struct msg_transaction *t);
void detect_report(struct detector *d, const struct finding *f);
/* What was said doesn't hold any more now that more is known: it is left with the least confidence. `f` needs
 * what tells one finding from another, and why. */
void detect_take_back(struct detector *d, const struct finding *f);
/* report.c: emits what was said since it was last emitted; unless `all`, only what is worth another record.
 */
bool detect_report_look(struct detector *d, struct look *l, bool all);

/* suspicion.c: how much the evidence so far speaks for an asset's compromise, and since when. */
struct suspicion {
	double confidence; /* noisy-or over techniques of what it did or suffered */
	int64_t since;
	uint64_t flow; /* one that shows it */
};
/* Reckons anew who is suspicious: by what rests on no suspicion, and by what does as of the hops
 * [first, until). */
void detect_suspicion_collect(struct detector *d, uint32_t first, uint32_t until);
/* The same, and what they did after they had become victims counts more. */
void detect_suspicion_look(struct detector *d);
/* Of the evidence of before now; a zeroed one where there is none. Between looks it only rises. */
struct suspicion suspicion_of(const struct detector *d, struct net_addr asset);
struct evidence;
struct evidence_key;
void suspicion_take(struct detector *d, const struct evidence_key *k, const struct evidence *e);

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
	double alone;      /* that before rarity, where it is by_rarity */
	uint64_t rare_name;
	bool by_rarity;
	uint32_t chain;
	double raised; /* by what came before, 0: not */
	double emitted;
	uint64_t count, emitted_count;
	int64_t emitted_last; /* times too are told, but no new time alone is worth a record */
	struct net_addr peer;
	uint8_t asset_role, peer_role, source, tlp;
	bool dirty;
	uint32_t n_flows;
	uint64_t flows[MSG_FLOWS_MAX];
	struct text indicator;
	char why[DETECT_WHY_SIZE];
};

/* room.c */
enum { EVIDENCE_NAMES_MAX = 128 };
/*
 * Room for a finding of that name and weight: where all that isn't kept for others is full, the place of the
 * least worthy of a few, unless that is worth as much. So weak findings without end don't push each other
 * out, to be said anew with each look. False, counted: there is none.
 */
bool evidence_room(struct detector *d, uint64_t name, uint32_t weight, int64_t now);
/* Evidence of that name was made. */
void evidence_came(struct detector *d, uint64_t name);
void evidence_remove(struct detector *d, const struct evidence_key *k);

/* The time from which on something may be called first seen: config.tuning.learning_ns after the first
 * record, or a quarter of what was seen, unless flows are told of while they go on: then nobody knows how
 * much there will be. */
int64_t detect_learned_at(const struct detector *d);
/* Whether there is something to hold others against. */
bool detect_has_learned(const struct detector *d);
/* Borrowed until the next question of this kind. */
const struct detect_side *detect_side(const struct detector *d, struct net_addr a);
bool detect_inside(const struct detector *d, struct net_addr a);
enum net_zone_class detect_zone_class(const struct detector *d, struct net_addr a);
/* Of a machine that can be meant: neither multicast, broadcast, loopback nor unspecified. */
bool detect_is_host(struct net_addr a);
/* Fills in what an observation tells of its flow's ends: from_inside .. to_class. */
void observe_ends(const struct detector *d, struct observation *o);
/* Grows from 0 towards `most`: half of it at n == half. How evidence that adds up becomes confidence. */
double detect_saturate(double n, double half, double most);
const char *detect_addr(struct net_addr a, char *buf);
/* The value of a field as clean text, cut to fit. */
const char *detect_text(struct text t, char *buf, size_t size);
/* The payload went both ways on a connection that stood. */
bool detect_answered(const struct msg_flow *f);

#endif
