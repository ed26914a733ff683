/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ENFORCER_H
#define LIVE_ENFORCER_H

/*
 * The enforcer: holds what the engine wants against its own guardrails, has a backend carry it out, renews
 * the lease while the engine lives, and reads back whether the kernel holds what it should. enforcer.c:
 * beginning, loop, end; enforcer_desired.c: generations; enforcer_drift.c: reading back, repairing, counting;
 * enforcer_spare.c: what is never cut, here and by the engine's word.
 *
 * What it says is in force is: after it began anew that is said only once everything was read back, and what
 * nobody wants any more is gone.
 */

#include "base/table.h"
#include "enforce/desired.h"
#include "live/process.h"
#include "live/rules.h"

struct enforcer {
	struct process *process;
	struct peer engine;
	struct live_rules rules;
	struct live_rules next_rules; /* prepared */
	bool rules_wait;
	/* What the backend lets pass whatever is cut, as it was opened: the never_cut of rules of its own. */
	struct guardrails passing;
	struct net_prefix *passing_list;
	/* What the engine says is never cut and isn't among that: the same. */
	struct guardrails lacking;
	struct net_prefix *lacking_list;
	size_t n_lacking, lacking_cap;
	struct desired *desired;
	struct backend *backend;
	/* its part of the configuration: where that changes, it is begun anew */
	char *name;
	int64_t lease_ns;
	struct loop_source events; /* of the backend; fd -1: it has none */
	char why[512];             /* why the backend can't be reached; "" when it can */
	/* a generation that is being told, or that the backend couldn't take yet */
	bool telling, waiting;
	uint64_t puts; /* told so far */
	bool end_connections;
	struct backend_step *steps;
	size_t n_steps;
	uint64_t generation;
	int64_t came, retry_at;
	/* the lease */
	int64_t heard; /* the engine's last word that it lives */
	int64_t lease_until, renew_at;
	/* cuts whose connections are still to be ended */
	struct enforcer_ends {
		struct cut *v;
		size_t n, cap;
		int64_t at, last; /* when they will be; when some were */
	} ends;
	/* reading back */
	bool reading, settled, dirty; /* dirty: changed since the reading began */
	int64_t read_at;
	int64_t read_next;  /* the next step, if the backend's descriptor doesn't tell before */
	uint64_t unsettled; /* a generation that is in place and may not be said to be before it is settled */
	struct table *counted; /* cut -> packets told */
	int64_t state_at;
};

/* enforcer.c: renews the lease, if the engine was heard of lately. */
void enforcer_renew(struct enforcer *f, int64_t now);

/* enforcer_desired.c: messages of the engine. 0 or a negative error that ends the channel. */
int enforcer_message(void *context, uint16_t number, struct text bytes);
/* Tries again what the backend couldn't take. */
void enforcer_retry(struct enforcer *f, int64_t now);
void enforcer_give_up_waiting(struct enforcer *f);
/* Asks for the whole. */
void enforcer_say_resync(struct enforcer *f);
void enforcer_say_enforced(struct enforcer *f, uint64_t generation);
/* Notes whether the backend could be reached. */
void enforcer_reached(struct enforcer *f, int error);

/* enforcer_spare.c */
/* The backend was opened with these. 0 or -ENOMEM. */
int enforcer_passes(struct enforcer *f, const struct backend_pass *v, size_t n);
/* Whether all that rules spare passes in the backend: only then a cut may hold it. */
bool enforcer_lets_pass(const struct enforcer *f, const struct guardrails *g);
/* The engine tells everything from the beginning; one more prefix that is never cut by its rules. 0,
 * -ERR_LIMIT, -ENOMEM. */
void enforcer_spare_begin(struct enforcer *f);
int enforcer_spare(struct enforcer *f, struct net_prefix p);
/* Whether that cut would stop what the engine says is never cut. */
bool enforcer_stops_spared(struct enforcer *f, const struct cut *c);
/* "10.50.0.23/32 and 2 more", "" for none. Returns buf. */
char *enforcer_lacks(const struct enforcer *f, char *buf, size_t size);
void enforcer_spare_free(struct enforcer *f);

/* enforcer_ends.c: connections that stood before what these steps added. */
void enforcer_end_later(struct enforcer *f, const struct backend_step *steps, size_t n, int64_t now);
void enforcer_end_due(struct enforcer *f, int64_t now);

/* enforcer_drift.c */
void enforcer_read_soon(struct enforcer *f, int64_t at);
void enforcer_read(struct enforcer *f, int64_t now);

#endif
