/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ENGINE_H
#define LIVE_ENGINE_H

/*
 * The engine: what the sensors saw becomes detections, these become orders where policy says so, and orders
 * become generations that the enforcers are told. It keeps the orders' store and answers what people ask. Its
 * files share this header: engine.c (beginning, loop, end), engine_sensor.c (records), engine_order.c
 * (orders, store, generations), engine_enforcer.c (what enforcers answer), engine_verify.c (whether a cut
 * holds), engine_incident.c (what the planner finds), engine_ask.c and engine_refusal.c (questions
 * and acts), engine_json*.c and engine_metrics.c (what people get to see).
 *
 * Bounds: one sensor's waiting transactions ENGINE_PENDING_MAX bytes, ENGINE_ASKS_MAX open questions,
 * ENGINE_INCIDENTS_MAX incidents that are told of.
 */

#include "contain/orders.h"
#include "contain/policy.h"
#include "daemon/bounds.h"
#include "daemon/order_store.h"
#include "detect/detect.h"
#include "detect/indicator.h"
#include "live/process.h"
#include "live/rules.h"

enum {
	ENGINE_PENDING_MAX = 8 << 20,
	ENGINE_ARCHIVIST_FULL =
	    48 << 20, /* bytes that wait for the archivist: records are dropped, and counted */
	ENGINE_ASKS_MAX = 64,
	ENGINE_ACTS_MAX = 1024,
	ENGINE_INCIDENTS_MAX = 256,
	ENGINE_FEEDS_MAX = 1024,
	ENGINE_PROCESSES_MAX = 64,
	ENGINE_PLANS = 3,
	ENGINE_TOLD_MAX = 1024,
	ENGINE_PROVEN_MAX = 1 << 17,
	ENGINE_PROBLEM_SIZE = 320,
};

struct engine;

struct engine_sensor {
	struct engine *engine;
	uint16_t index;
	struct peer peer;
	struct dynbuf pending;         /* transactions whose flow comes next */
	struct msg_sensor_state state; /* but for its bounds: */
	uint64_t bounds[SENSOR_BOUND_COUNT];
	int64_t heard; /* when that came; 0: never */
};

struct engine_enforcer {
	struct engine *engine;
	uint16_t index;
	struct peer peer;
	bool ready, whole; /* `whole`: it is to be told everything */
	uint64_t told;     /* the generation that it was told last; 0: none */
	uint64_t in_force, cuts;
	int64_t lease_until, heard, retry_at;
	uint64_t refused, drifts, missing, foreign, wrong;
	int64_t took_ns; /* the last change */
	char backend[16], why[256];
	char lacks[128]; /* of what our rules spare, what it doesn't let pass; "": nothing */
};

/* A question that the planner works on, or an act that waits for the disk. */
struct engine_ask {
	uint64_t id;    /* 0: free. Ours, for the planner */
	uint64_t asked; /* the gateway's */
	uint8_t what;
	uint8_t form;
	bool own; /* the engine asked for itself */
	char who[ORDER_WHO_SIZE], subject[64], why[ORDER_WHY_SIZE];
	struct dynbuf body; /* of the answer so far */
	struct cut *cuts[ENGINE_PLANS];
	size_t n_cuts[ENGINE_PLANS], cap_cuts[ENGINE_PLANS];
	char problems[ENGINE_PLANS][ENGINE_PROBLEM_SIZE]; /* why a plan has none */
};

/* An act that no receipt covers yet. */
struct engine_kept_act {
	uint64_t sequence; /* 0: the present archivist wasn't told it */
	int64_t time;
	uint64_t order;
	char what[32], who[ORDER_WHO_SIZE], why[ORDER_WHY_SIZE];
};

/* Somebody who acted, and is told so when the ledger has it. */
struct engine_waiting {
	uint64_t asked, order;
	uint64_t act; /* which of all acts it was; 0: free */
	int64_t until;
};

struct engine_incident {
	char id[48];
	uint64_t digest; /* of what was told last */
	uint8_t severity;
	double confidence;
	uint32_t assets;
	bool seen; /* in the planner's last answer */
};

struct engine_process {
	struct msg_alive state;
	int64_t heard;
};

/* What is remembered of an order beside its state: what was told of it, and how it is looked after. */
struct engine_watch {
	uint8_t state, check, ends; /* as it was told last */
	int64_t since;              /* its cuts are looked after since then; 0: they aren't */
	int64_t verify_at;
	uint64_t lost; /* packets that the sensors had lost by then */
};

/* What costs too much to be worked out each time that somebody asks: what an order is for, and what its cuts
 * stopped as of `counted_at`. */
struct engine_told;

struct engine_counts {
	uint64_t flows, snapshots, transactions, detections, bindings, coverage;
	uint64_t unarchived, unarchived_packets; /* dropped because the archivist didn't keep up */
	uint64_t broken;
	uint64_t orders_by_policy, policy_declined, orders_refused, sights, posted, post_failures;
	uint64_t eve_lines, eve_lost; /* of the archivist that runs */
};

/* Flows of a link whose records may not be in the archive. */
struct engine_lost {
	uint64_t packets;
	int64_t from, to; /* 0: none */
};

/* By link; the last is for those of no link that is known. */
struct engine_losses {
	struct engine_lost links[DAEMON_LINKS_MAX + 1];
	bool any;
	uint64_t end; /* of what was on its way: its last record's number */
};

struct engine {
	struct process *process;
	struct detector *detector;
	struct indicator_set *indicators, *next_indicators;
	struct policy_row *policy, *next_policy;
	struct live_rules rules, next_rules;
	struct guardrail_pace pace;
	struct policy_spared *spared;
	struct table *proven;   /* ids of flows that prove their ends */
	uint64_t *proven_order; /* a ring of them, the oldest at proven_at */
	size_t proven_at;
	int feeds[ENGINE_FEEDS_MAX];
	char *feed_names[ENGINE_FEEDS_MAX];
	size_t n_feeds;
	uint64_t feeds_generation; /* that these came for */
	struct order_store *store;
	struct orders *orders;
	struct table *watches;  /* order id -> struct engine_watch */
	struct table *counters; /* cut and enforcer -> struct engine_stopped */
	struct engine_sensor sensors[DAEMON_SENSORS_MAX];
	struct engine_enforcer enforcers[DAEMON_ENFORCERS_MAX];
	struct peer archivist, planner, gateway, courier;
	struct engine_ask asks[ENGINE_ASKS_MAX];
	uint64_t next_ask;
	struct engine_kept_act acts[ENGINE_ACTS_MAX]; /* a ring, the oldest at acts_at */
	size_t acts_at, n_acts;
	uint64_t acts_kept; /* of all acts so many are in the ledger */
	struct engine_waiting waiting[ENGINE_ASKS_MAX];
	int64_t acts_until; /* when one of these has waited long enough */
	struct engine_incident incidents[ENGINE_INCIDENTS_MAX];
	size_t n_incidents;
	struct engine_process processes[ENGINE_PROCESSES_MAX];
	size_t n_processes;
	struct engine_counts counts;
	struct arena arena;          /* of the message that is being worked on */
	bool cited;                  /* the record at hand became part of a detection */
	int64_t clock;               /* the latest time of the packets */
	int64_t look_at;             /* when the detector looks at the whole again */
	int64_t incidents_at;        /* when the planner is asked for incidents */
	bool incidents_asked;        /* it works on that */
	int64_t verify_at;           /* when orders are looked at again for whether they hold */
	int64_t word_at;             /* when enforcers are told that we live */
	int64_t sync_at;             /* when the store is made durable; INT64_MAX: it is */
	int64_t clock_at;            /* when the clocks are stored */
	int64_t forget_at;           /* when orders that have ended are forgotten */
	uint64_t sent_before;        /* to archivists that are gone */
	uint64_t sent, durable;      /* records and acts, and of those what the archivist acknowledged */
	struct engine_losses lost;   /* to be told */
	struct engine_losses way[2]; /* on their way to the archivist: before, and since */
	bool archive_failed;
	char archive_why[160];
	bool store_failed;
	bool generation_owed; /* one was told that isn't stored */
	char store_why[160];
	char refused_why[ORDER_WHY_SIZE]; /* why an approval was refused */
	uint64_t deed_order;              /* what a person does to it just now is stored with it; 0: none */
	struct order_store_act deed;
	int64_t wall;             /* what the wall clock is ahead of ours, as times are told */
	struct engine_told *told; /* ENGINE_TOLD_MAX of them, by the order's number; NULL: none yet */
	char boot[ORDER_STORE_BOOT_SIZE];
	char what[ORDER_STORE_WHAT_SIZE], proposing_what[ORDER_STORE_WHAT_SIZE];
	uint64_t next_order, proposing; /* the order that was added last, and isn't stored yet perhaps */
	bool finished;
	int64_t began;
};

/* engine.c */
int engine_met_archivist(struct engine *e, uint16_t index, struct channel *c);

/* engine_sensor.c */
int engine_met_sensor(struct engine *e, uint16_t index, struct channel *c);
/* A detection of the detector: archived, and held against policy. */
void engine_on_detection(void *context, const struct msg_detection *d);
/* Bytes of a record for the archivist; false where it couldn't take them. */
bool engine_archive(struct engine *e, struct text bytes, uint64_t packets);

/* engine_lost.c: flows whose records didn't reach the archive, which the archive is to say itself: coverage
 * records whose dropped packets are all of theirs, an upper bound. */
void engine_archive_flow(struct engine *e, const struct msg_flow *f, struct text bytes);
/* The archivist has acknowledged something; it is gone; and it can take something again perhaps. */
void engine_lost_acknowledged(struct engine *e);
void engine_lost_archivist(struct engine *e);
void engine_lost_tell(struct engine *e);

/* engine_order.c */
int engine_orders_open(
    struct engine *e, const char *folder, const struct daemon_conf *conf, struct dynbuf *why);
void engine_orders_begin(struct engine *e, int64_t now);
/* The clocks as they are now. */
struct order_store_clock engine_clock(const struct engine *e);
void engine_orders_close(struct engine *e);
/* Proposes an order for cuts that somebody asked a plan for. 0 with its id, or a negative error whose reason
 * stands in why. */
int engine_propose(struct engine *e, const struct cut *cuts, size_t n, const char *who, const char *what,
    uint64_t *ret_id, struct dynbuf *why);
/* The guardrails and the pace are asked before an approval that would put cuts in force. */
enum order_answer engine_approve(struct engine *e, uint64_t id, int64_t now, const char *who);
/* What it was proposed for, as the store has it: borrowed until the next call. */
const char *engine_order_what(struct engine *e, uint64_t id);
/* Adds an order, if no guardrail forbids it. 0 with its id, or a negative error whose reason stands in why.
 */
int engine_add_order(
    struct engine *e, struct order *o, const char *what, uint64_t *ret_id, struct dynbuf *why);
/* After any change of orders: stores what changed, publishes, tells enforcers, sensors, the archive and
 * webhooks. durable: the disk is waited for. */
int engine_orders_changed(struct engine *e, bool durable);
/* Lets time pass. */
void engine_orders_tick(struct engine *e, int64_t now);
int64_t engine_orders_deadline(const struct engine *e);

/* engine_able.c: whether enforcers could carry out what the order wants; where not, why. */
bool engine_is_able(const struct engine *e, const struct order *o, char *why, size_t size);

/* engine_act.c */
/* An act for the ledger. */
void engine_act(struct engine *e, uint64_t order, const char *what, const char *who, const char *why);
/* Answers a question about an order when all acts so far are in the ledger, or says that they aren't. */
void engine_answer_kept(struct engine *e, uint64_t asked, uint64_t order);
/* The archivist is another one: it is told all that no receipt covers. */
void engine_acts_again(struct engine *e);
/* The archivist is gone: how many were told and are to be told again. */
uint64_t engine_acts_unsent(struct engine *e);
/* Receipts cover more, or the archive fails. */
void engine_acts_durable(struct engine *e);
void engine_acts_tick(struct engine *e, int64_t now);

int engine_met_archivist(struct engine *e, uint16_t index, struct channel *c);

/* engine_policy.c */
int engine_policy_open(struct engine *e);
void engine_policy_close(struct engine *e);
int engine_policy_make(const struct daemon_conf *conf, struct policy_row **ret_rows);
/* Remembers a flow that nobody can have forged. */
void engine_note_proof(struct engine *e, const struct msg_flow *f);
/* What a detection calls for by itself. */
void engine_follow_policy(struct engine *e, const struct msg_detection *d);
/* An order has ended: what people let go policy leaves alone. */
void engine_policy_spare(struct engine *e, const struct order *o);

/* engine_enforcer.c */
int engine_met_enforcer(struct engine *e, uint16_t index, struct channel *c);
void engine_tell_enforcers(struct engine *e);
/* Other rules count: what they spare is told anew. */
void engine_tell_rules(struct engine *e);
void engine_enforcers_tick(struct engine *e, int64_t now);

/* engine_count.c: packets that cuts stopped so far, as the enforcers count them. */
struct engine_stopped {
	uint64_t packets, bytes;
};
int engine_counted(struct engine *e, uint16_t enforcer, struct text bytes);
/* Of all cuts of an order, over all enforcers. */
struct engine_stopped engine_stopped(const struct engine *e, const struct order *o);
/* The order is gone: so are its counters, where no other wants the cut. */
void engine_forget_counts(struct engine *e, const struct order *o);

/* engine_verify.c */
void engine_watch_order(struct engine *e, const struct order *o);
void engine_unwatch_order(struct engine *e, const struct order *o);
void engine_watch_all(struct engine *e, struct engine_sensor *s);
int engine_sight(struct engine *e, const struct msg_sight *s);
void engine_verify_tick(struct engine *e, int64_t now);

/* engine_incident.c */
int engine_met_planner(struct engine *e, uint16_t index, struct channel *c);
/* The planner has told all incidents that there are. */
void engine_incidents_settle(struct engine *e);
void engine_incidents_tick(struct engine *e, int64_t now);
/* Asks the planner; the answer goes to whoever asked. -ERR_LIMIT, -EPIPE. */
int engine_ask_planner(struct engine *e, const struct msg_ask *m, bool own);

/* engine_ask.c */
int engine_met_gateway(struct engine *e, uint16_t index, struct channel *c);
void engine_answer(struct engine *e, uint64_t asked, uint8_t code, struct text body);
void engine_told(void *self, uint16_t number, struct text bytes);
int engine_met_courier(struct engine *e, uint16_t index, struct channel *c);
/* Tells all webhooks that want to hear of incidents (or of orders). */
void engine_post(struct engine *e, bool incident, struct text body);

/* engine_json.c: documents (doc/json.md), appended to `out`. 0 or a negative error. */
int engine_json_status(struct engine *e, struct dynbuf *out);
int engine_json_refusal(const char *why, struct dynbuf *out);

/* engine_json_order.c: the same. */
/* One order of any state with all that was done to it, or (subject "") those that stand and then the `ended`
 * last that don't any more. -ENOENT: there is no such order. */
int engine_json_orders(struct engine *e, const char *subject, size_t ended, struct dynbuf *out);
int engine_json_order_event(struct engine *e, const struct order *o, struct dynbuf *out);
/* What became of a plan: an order that waits for approval, or why none does. */
struct engine_proposal {
	const char *name;   /* of the plan */
	uint64_t id;        /* 0: none */
	size_t cuts;        /* as pairs of prefixes */
	uint16_t enforcers; /* that would carry them out; bits */
	struct dynbuf why;
};
/* The planner's plans with what became of each; ENGINE_PLANS proposals. */
int engine_json_plans(const struct engine *e, struct text plans, const char *incident,
    const struct engine_proposal *proposals, struct dynbuf *out);

/* engine_refusal.c: why an act changed nothing, and what to do instead; in a sentence or two. */
void engine_explain(struct engine *e, enum msg_ask_what act, uint64_t id, enum order_answer answer,
    const char *who, char *buf, size_t size);

/* engine_metrics.c: the text format of Prometheus. */
void engine_metrics(const struct engine *e, struct dynbuf *out);

#endif
