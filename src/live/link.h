/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_LINK_H
#define LIVE_LINK_H

/*
 * The process `link`: one end of a link to a remote enforcer (doc/remote.md). At the near side it dials, and
 * stands before the engine as the enforcer (link_near.c); at the far side it listens, and stands before the
 * enforcer as the engine (link_far.c). link.c is what both have. Which of them it is, its configuration says.
 *
 * Bounds: one connection in use, LINK_GUESTS_MAX that aren't yet; what waits to go out on either side.
 */

#include "live/link_clock.h"
#include "live/link_message.h"
#include "live/link_tls.h"
#include "live/link_wire.h"
#include "live/process.h"

enum {
	LINK_GUESTS_MAX = 8,  /* connections at the far side, with the one in use */
	LINK_GUESTS_EACH = 2, /* of one address that haven't said who they are */
};

/* Without a message for so long a connection is over; the near side says something every second. */
#define LINK_SILENCE_NS (5 * NS_PER_S)
/* Of what waits to go out nothing went for so long. */
#define LINK_STUCK_NS (10 * NS_PER_S)
/* From the beginning of a connection to its first message. */
#define LINK_GREETING_NS (5 * NS_PER_S)

struct link_near {
	struct link_wire wire;
	struct link_clock clock;
	struct link_telling telling;
	bool greeted; /* the far side listens to us */
	bool up;      /* and its clock is known: messages pass */
	bool whole;   /* the engine has begun to tell it everything on this connection */
	int64_t ask_at, state_at, dial_at;
	int64_t lived_at; /* when the engine last said that it lives; 0: this one hasn't */
	uint64_t lived_generation;
	int64_t stated; /* when the far side last told how its enforcer is */
	int64_t pause;  /* before the next try */
	int64_t drifts_since;
	unsigned drifts;         /* told since then */
	char why[LINK_WHY_SIZE]; /* why it isn't up */
};

struct link;

/* Who connected to the far side. */
struct link_guest {
	struct link *link;
	struct link_wire wire;
	struct net_addr address;
	bool greeted;
	struct link_telling telling;
};

struct link_far {
	struct loop_source listener; /* fd -1: there is none yet */
	bool listens;
	int64_t listen_at; /* again, after the system couldn't; INT64_MAX: not */
	struct link_guest guests[LINK_GUESTS_MAX];
	struct link_guest *steers; /* the one in use; NULL: nobody */
	int64_t state_at;          /* while there is no enforcer */
	int64_t words_since;       /* of who isn't taken */
	unsigned words;
};

struct link {
	struct process *process;
	bool is_far;
	struct peer local; /* the engine; at the far side the enforcer */
	int files[3];      /* handed for the next configuration: certificate, key, ca; -1: not */
	SSL_CTX *context, *next_context;
	uint8_t digest[32], next_digest[32]; /* of the files: what is in use is given up when they change */
	struct arena arena;
	struct link_near near;
	struct link_far far;
};

/* What either side does, as of process_ops. */
void link_near_swap(struct link *l, bool changed);
int64_t link_near_deadline(struct link *l);
void link_near_tick(struct link *l, int64_t now);
void link_near_met(struct link *l);
int link_near_local(void *context, uint16_t number, struct text bytes);
void link_near_local_gone(void *context, int error);
void link_near_free(struct link *l);

void link_far_swap(struct link *l, bool changed);
int64_t link_far_deadline(struct link *l);
void link_far_tick(struct link *l, int64_t now);
int link_far_local(void *context, uint16_t number, struct text bytes);
void link_far_local_gone(void *context, int error);
void link_far_free(struct link *l);

/* Options of a connection's socket: small messages at once, a dead path noticed. 0 or -errno. */
int link_socket(int fd);
/* Says how things are where no enforcer can. */
void link_say_state(struct dynbuf *out, const char *name, const char *why);
/* Whether what waits for the local peer is so much that the wire isn't read, and the other way round. */
void link_hold_back(struct link *l, struct link_wire *w);
/* Why a connection in use is over by now; NULL: it isn't. */
const char *link_over(const struct link_wire *w, int64_t now);

#endif
