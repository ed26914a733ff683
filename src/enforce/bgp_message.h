/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_MESSAGE_H
#define ENFORCE_BGP_MESSAGE_H

/*
 * BGP's messages but for UPDATE (bgp_update.h): RFC 4271, with the capabilities of RFC 5492 that a speaker
 * needs which only announces: multiprotocol (RFC 4760), route refresh (RFC 2918), AS numbers of four octets
 * (RFC 6793). Graceful restart (RFC 4724) is not among them, on purpose: a router that keeps what we
 * announced when we are gone keeps cuts that nobody answers for.
 *
 * What can't be read gives a struct bgp_problem, which is what a NOTIFICATION says to the other side. Pure.
 */

#include "base/cursor.h"
#include "base/dynbuf.h"
#include "net/addr.h"

enum {
	BGP_HEADER_SIZE = 19,
	BGP_MESSAGE_MAX = 4096,
	BGP_VERSION = 4,
	BGP_AS_TRANS = 23456,
	BGP_HOLD_LEAST_S = 3,
	BGP_PORT = 179,
	BGP_PROBLEM_DATA_MAX = 64, /* of what was wrong; longer data is cut */
	BGP_SHUTDOWN_TEXT_MAX = 255,
};

enum bgp_type { BGP_OPEN = 1, BGP_UPDATE, BGP_NOTIFICATION, BGP_KEEPALIVE, BGP_ROUTE_REFRESH };

/* What is announced, and to whom: a bit each, and an index. */
enum bgp_family { BGP_UNICAST_V4, BGP_UNICAST_V6, BGP_FLOW_V4, BGP_FLOW_V6, BGP_FAMILIES };

struct bgp_afi_safi {
	uint16_t afi;
	uint8_t safi;
};

struct bgp_afi_safi bgp_afi_safi_of(enum bgp_family f);
/* BGP_FAMILIES where it is none of ours. */
enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi);
const char *bgp_family_name(enum bgp_family f);

/* Error codes (RFC 4271, 4.5; RFC 9687 for the last). */
enum bgp_error {
	BGP_ERROR_HEADER = 1,
	BGP_ERROR_OPEN = 2,
	BGP_ERROR_UPDATE = 3,
	BGP_ERROR_HOLD_TIMER = 4,
	BGP_ERROR_STATE = 5,
	BGP_ERROR_CEASE = 6,
	BGP_ERROR_SEND_HOLD_TIMER = 8,
};

enum bgp_header_error { BGP_NOT_SYNCHRONIZED = 1, BGP_BAD_LENGTH = 2, BGP_BAD_TYPE = 3 };

enum bgp_open_error {
	BGP_OPEN_UNSPECIFIC = 0,
	BGP_BAD_VERSION = 1,
	BGP_BAD_PEER_AS = 2,
	BGP_BAD_IDENTIFIER = 3,
	BGP_BAD_PARAMETER = 4,
	BGP_BAD_HOLD_TIME = 6,
	BGP_LACKS_CAPABILITY = 7, /* RFC 5492 */
};

enum bgp_update_error { BGP_BAD_ATTRIBUTES = 1, BGP_BAD_OPTIONAL = 9, BGP_BAD_NETWORK = 10 };

/* RFC 6608: the state that the unexpected message came in. */
enum bgp_state_error { BGP_IN_OPEN_SENT = 1, BGP_IN_OPEN_CONFIRM = 2, BGP_IN_ESTABLISHED = 3 };

/* RFC 4486. */
enum bgp_cease { BGP_SHUT_DOWN = 2, BGP_PEER_GONE_FROM_CONFIGURATION = 3, BGP_RESET = 4 };

/* What is wrong, as a NOTIFICATION tells it. code 0: nothing. */
struct bgp_problem {
	uint8_t code, subcode; /* enum bgp_error, and one of those after it */
	uint8_t n;             /* bytes of data */
	uint8_t data[BGP_PROBLEM_DATA_MAX];
};

struct bgp_problem bgp_problem_of(enum bgp_error code, uint8_t subcode, const void *data, size_t n);
/* "OPEN message error: bad peer AS", for people. Never NULL; buf has at least 80 bytes. Returns buf. */
char *bgp_problem_text(uint8_t code, uint8_t subcode, char *buf, size_t size);

/* The head of a message. */
struct bgp_header {
	uint16_t length; /* of the message with it */
	uint8_t type;    /* enum bgp_type */
};

/*
 * Looks at the front of what came in. 0: *ret_header, whose type is known and whose length is possible for
 * it, and within BGP_MESSAGE_MAX; -ERR_TRUNCATED: fewer bytes than a header; -ERR_MALFORMED: *ret_problem.
 */
int bgp_header_decode(struct text in, struct bgp_header *ret_header, struct bgp_problem *ret_problem);

struct bgp_open {
	uint32_t as;        /* of four octets where the capability is there */
	uint16_t hold_s;    /* 0: no keepalives at all */
	uint8_t id[4];      /* the BGP identifier */
	unsigned families;  /* bits by enum bgp_family; without any multiprotocol capability IPv4 unicast */
	bool as4;           /* has the capability (RFC 6793) */
	bool route_refresh; /* has the capability (RFC 2918) */
};

/* Appends. A failure sticks to `out`. */
void bgp_open_encode(struct dynbuf *out, const struct bgp_open *o);
void bgp_keepalive_encode(struct dynbuf *out);
void bgp_notification_encode(struct dynbuf *out, const struct bgp_problem *p);
/* A cease with a word for the operator (RFC 9003), at most BGP_SHUTDOWN_TEXT_MAX bytes of it. */
void bgp_shutdown_encode(struct dynbuf *out, enum bgp_cease why, struct text word);
/* Appends a header for a message of n bytes of body. */
void bgp_header_encode(struct dynbuf *out, enum bgp_type type, size_t n);

/*
 * What stands behind the header of an OPEN. Its form only: whether we talk to such a peer is asked by the
 * session. 0, or -ERR_MALFORMED and *ret_problem.
 */
int bgp_open_decode(struct cursor body, struct bgp_open *ret_open, struct bgp_problem *ret_problem);

struct bgp_notification {
	uint8_t code, subcode;
	struct text word; /* the shutdown communication (RFC 9003), any bytes; else empty */
};

/* body has the two bytes at least that bgp_header_decode sees to. */
void bgp_notification_decode(struct cursor body, struct bgp_notification *ret_notification);
/* The family that is to be announced again; BGP_FAMILIES where it is none of ours, or no plain request. */
enum bgp_family bgp_route_refresh_decode(struct cursor body);

#endif
