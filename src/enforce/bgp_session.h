/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_SESSION_H
#define ENFORCE_BGP_SESSION_H

/*
 * One session with one router: the state machine of RFC 4271, 8, of a speaker that always opens the
 * connection itself. Pure: whoever owns the connection tells of it and of time, writes what `out` holds, and
 * closes it when `drop` says so. Times are nanoseconds of one clock that never goes back.
 *
 * A session that ends begins again by itself, after a second, then after twice as long each time, at most
 * half a minute; one that stood for a minute begins at one second again.
 *
 * Owns its two buffers. Bounds: BGP_IN_MAX bytes that aren't a whole message yet, BGP_OUT_MAX to be written.
 */

#include "enforce/bgp_message.h"

enum {
	BGP_READ_MAX = 16384, /* bytes to be told of at once */
	BGP_IN_MAX = BGP_READ_MAX + BGP_MESSAGE_MAX,
	BGP_OUT_ROUTES_MAX = 1 << 16, /* no UPDATE is added that could go beyond */
	BGP_OUT_MAX = BGP_OUT_ROUTES_MAX +
	              4 * BGP_MESSAGE_MAX, /* the rest is for the session's own messages */
	BGP_WHY_SIZE = 256,
};

enum bgp_state {
	BGP_IDLE,    /* until the next attempt */
	BGP_CONNECT, /* somebody is connecting */
	BGP_OPEN_SENT,
	BGP_OPEN_CONFIRM,
	BGP_ESTABLISHED,
};

struct bgp_session {
	struct bgp_open ours;
	uint32_t peer_as;
	enum bgp_state state;
	struct bgp_open theirs; /* from OPEN_CONFIRM on */
	unsigned families;      /* that both have, by bits */
	int64_t hold_ns;        /* as agreed */
	unsigned attempts;      /* since a session stood for long */
	unsigned refresh;       /* families that the router asks for again; whoever does it clears them */
	int64_t retry_at;       /* in IDLE */
	int64_t give_up_at;     /* in the other states: the hold timer, or that of the attempt */
	int64_t keepalive_at, stuck_at, since;
	/* Until then the router may still hold what we announced in a session that is over for us. */
	int64_t doubt_until;
	bool drop; /* write what can be written, close the connection, call bgp_session_dropped */
	struct dynbuf in, out;
	char why[BGP_WHY_SIZE]; /* the last session ended, one line, printable; empty: none did */
};

/* ours.hold_s is what we propose, at least BGP_HOLD_LEAST_S; the first attempt is at once. */
void bgp_session_begin(struct bgp_session *s, const struct bgp_open *ours, uint32_t peer_as);
void bgp_session_free(struct bgp_session *s);

/* Lets time pass. Afterwards CONNECT without a connection means: connect. */
void bgp_session_tick(struct bgp_session *s, int64_t now);
int64_t bgp_session_deadline(const struct bgp_session *s);
/* In CONNECT: it is there. */
void bgp_session_connected(struct bgp_session *s, int64_t now);
/* The connection is gone, or never came. `by_router`: it closed it. `how` stands in `why`. */
void bgp_session_lost(struct bgp_session *s, int64_t now, bool by_router, const char *how);
/* n bytes came in, at most BGP_READ_MAX. */
void bgp_session_input(struct bgp_session *s, int64_t now, const void *p, size_t n);
/* The first n bytes of `out` were written; called after each attempt, with 0 too. */
void bgp_session_wrote(struct bgp_session *s, int64_t now, size_t n);
/* The connection that `drop` was about is closed. */
void bgp_session_dropped(struct bgp_session *s);
/* Ends it in good order, with a word to the router's operator. */
void bgp_session_shutdown(struct bgp_session *s, int64_t now, struct text word);

#endif
