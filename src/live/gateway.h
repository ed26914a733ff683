/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_GATEWAY_H
#define LIVE_GATEWAY_H

/*
 * The gateway: takes questions and acts at the control socket, each with who asks by the kernel's word, and
 * scrapes at the metrics' port, and passes them to the engine. gateway.c: beginning, the engine, end;
 * gateway_control.c: the control socket; gateway_metrics.c: HTTP (libmicrohttpd).
 *
 * Nobody holds up others. There are GATEWAY_CLIENTS_MAX clients at the most with one open question each, of
 * them GATEWAY_UID_MAX of one user, GATEWAY_OTHERS_MAX of all who may not approve and GATEWAY_STRANGERS_MAX
 * of those without a role: an approver finds room whatever the rest does. Who goes away while his question is
 * open keeps his place until it is answered, or the planner's queue could be filled by coming and going. Who
 * may not approve asks GATEWAY_PACE_NS apart on the average. Of all answers GATEWAY_OUT_MAX bytes wait; who
 * reads the least loses his. Scrapes share one question at a time.
 */

#include "base/timefmt.h"
#include "contain/order.h"
#include "live/process.h"

enum {
	GATEWAY_CLIENTS_MAX = 64,
	GATEWAY_UID_MAX = 24,
	GATEWAY_OTHERS_MAX = 40,
	GATEWAY_STRANGERS_MAX = 4,
	GATEWAY_OUT_MAX = 128 << 20,
	GATEWAY_PACES_MAX = 64,
	GATEWAY_SCRAPES_MAX = 32,
	GATEWAY_MEMBERS_MAX = DAEMON_ROLES * DAEMON_MEMBERS_MAX
};

/* Between two questions of one user, and how far ahead he may be. */
#define GATEWAY_PACE_NS  (50 * NS_PER_MS)
#define GATEWAY_BURST_NS (2 * NS_PER_S)

struct gateway;
struct gateway_metrics;

/* When a user would have been done with all his questions at that pace. */
struct gateway_pace {
	uint32_t uid;
	int64_t due;
};

struct gateway_client {
	struct gateway *gateway;
	struct peer peer;
	uint64_t
	    asked; /* the engine's number of its question; 0: none is open. The place is free without both */
	uint64_t id;   /* its own */
	int64_t until; /* who asks nothing goes */
	uint8_t role;  /* enum daemon_role; DAEMON_ROLES: none */
	bool broken;   /* it is closed at the next tick, not within its own callback */
	bool refused;  /* it was told so, and may say no more */
	uint32_t uid;
	char who[ORDER_WHO_SIZE];
};

/* Somebody who has a role. */
struct gateway_member {
	uint8_t role;
	bool group;
	uint32_t id;
	char name[ORDER_WHO_SIZE];
};

struct gateway_members {
	struct gateway_member *v;
	size_t n;
};

struct gateway {
	struct process *process;
	struct gateway_members members, next_members;
	struct peer engine;
	struct loop_source control;
	int metrics_fd;
	struct gateway_client clients[GATEWAY_CLIENTS_MAX];
	struct gateway_metrics *metrics;
	uint64_t next_ask;
	struct gateway_pace paces[GATEWAY_PACES_MAX];
};

/* gateway_control.c */
int gateway_listen(struct gateway *g, int fd);
/* A part of the engine's answer. */
void gateway_answer_client(struct gateway *g, const struct msg_answer *m);
void gateway_tick_clients(struct gateway *g, int64_t now);
void gateway_close_clients(struct gateway *g);
/* Passes a question on. 0 with its number, or a negative error. */
int gateway_ask(struct gateway *g, const struct msg_ask *m, uint64_t *ret_id);

/* gateway_metrics.c. Takes over fd. */
int gateway_metrics_open(struct gateway *g, int fd);
/* A part of the answer to a scrape; false: it is none of these. */
bool gateway_metrics_answer(struct gateway *g, const struct msg_answer *m);
/* The engine is gone: open scrapes are told so. */
void gateway_metrics_fail(struct gateway *g);
int64_t gateway_metrics_deadline(const struct gateway *g, int64_t now);
void gateway_metrics_tick(struct gateway *g);
void gateway_metrics_close(struct gateway *g);

#endif
