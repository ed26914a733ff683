/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MSG_PROCESS_H
#define MSG_PROCESS_H

/*
 * What the processes of `bulkhead run` say to each other (doc/live.md): the messages, made from
 * msg/messages.schema, and the enumerations that they hold. Encoded as records are (msg/msg.h).
 */

#include "msg/messages.h"

/* Record ids that one range holds: ranges are counted by the parent and never given twice, so that an id
 * names one record of the archive whichever process drew it, and whatever the wall clock says. */
#define MSG_IDS (UINT64_C(1) << 32)

#define MSG_PROCESS_LIST(X)                                                                                  \
	X(PARENT, "parent")                                                                                  \
	X(SENSOR, "sensor")                                                                                  \
	X(ENGINE, "engine")                                                                                  \
	X(ARCHIVIST, "archivist")                                                                            \
	X(PLANNER, "planner")                                                                                \
	X(ENFORCER, "enforcer")                                                                              \
	X(GATEWAY, "gateway")                                                                                \
	X(COURIER, "courier")                                                                                \
	X(LINK, "link")

enum msg_process {
#define X(id, name) MSG_PROCESS_##id,
	MSG_PROCESS_LIST(X)
#undef X
	    MSG_PROCESS_COUNT
};

/* What a descriptor is that comes with `handed`. */
enum msg_handed_what {
	MSG_HANDED_DAEMON,  /* the daemon's file, to be read from its beginning; likewise: */
	MSG_HANDED_SITE,    /* the site file */
	MSG_HANDED_FEED,    /* a file of indicators */
	MSG_HANDED_KEY,     /* the ledger's signing key */
	MSG_HANDED_CHANNEL, /* to the process `peer`, number `index` of its kind; replaces an earlier one */
	MSG_HANDED_RING,    /* of an interface of link `index` */
	MSG_HANDED_CAPTURE, /* a file to play as link `index` */
	MSG_HANDED_CONTROL, /* the listening control socket */
	MSG_HANDED_METRICS, /* the listening socket of the metrics */
	MSG_HANDED_EVE,     /* the file (index 0) or connected socket (1) that EVE JSON is written to */
	MSG_HANDED_WEBHOOK_TOKEN,
	MSG_HANDED_CERTIFICATE,
	MSG_HANDED_CERTIFICATE_KEY,
	MSG_HANDED_CA,
	MSG_HANDED_REMOTE, /* the listening socket of a link */
	MSG_HANDED_COUNT
};

/* What people ask and do. */
#define MSG_ASK_LIST(X)                                                                                      \
	X(STATUS, "status")                                                                                  \
	X(METRICS, "metrics")                                                                                \
	X(INCIDENTS, "incidents")                                                                            \
	X(SPREAD, "spread")                                                                                  \
	X(EXPOSURE, "exposure")                                                                              \
	X(PLAN, "plan")         /* subject: an incident; makes proposals of its plans */                     \
	X(SIMULATE, "simulate") /* subject: a proposal */                                                    \
	X(ORDERS, "orders")                                                                                  \
	X(APPROVE, "approve") /* subject: an order; likewise: */                                             \
	X(REJECT, "reject")                                                                                  \
	X(CONFIRM, "confirm")                                                                                \
	X(RELEASE, "release")                                                                                \
	X(RELOAD, "reload")

enum msg_ask_what {
#define X(id, name) MSG_ASK_##id,
	MSG_ASK_LIST(X)
#undef X
	    MSG_ASK_COUNT
};

/* How an answer is wanted. */
enum msg_form {
	MSG_FORM_JSON,
	MSG_FORM_TEXT,
	MSG_FORM_WATCH, /* of incidents: one message each, no more */
};

/* "sensor" ...; "status" ...; "unknown" for what is none. */
const char *msg_process_name(unsigned process);
const char *msg_ask_name(unsigned what);

#endif
