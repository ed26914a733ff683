/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_PROTO_H
#define PROTO_PROTO_H

/*
 * Application protocols: found by content, not by port; metadata out as transactions. One file a protocol,
 * one row in the table of proto/table.c, one fuzz target, one golden case. Parsers are pure: bytes in, fields
 * out; each keeps a bounded state a flow and reads through base/cursor.h.
 *
 * proto_start/data/end are what the flow table calls. The framework (proto/proto.c) finds the protocol,
 * buffers partial messages (at most the parser's `buffer_max` a direction, PROTO_MEMORY_MAX in all) and drops
 * the parser when it says that it has seen enough, so that bulk data costs nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow.h"
#include "net/app.h"
#include "net/field.h"

enum {
	PROTO_FIELDS_MAX = 64,         /* of one transaction; more are dropped and counted */
	PROTO_VALUE_MAX = 4096,        /* bytes of one field's value; longer ones are cut */
	PROTO_TRANSACTIONS_MAX = 4096, /* of one flow; then only counted */
	PROTO_PROBE_BYTES = 512,       /* of each direction that a probe may look at */
};

/* One application exchange of a flow. Values are borrowed: copy what is kept. */
struct proto_transaction {
	const struct flow *flow;
	enum app app;
	int64_t time_ns;
	const struct field_value *fields;
	size_t n;
};

typedef void (*proto_emit_fn)(void *context, const struct proto_transaction *t);

enum proto_match { PROTO_NO, PROTO_MAYBE, PROTO_YES };

/* What a parser made of the bytes that it was shown. */
struct proto_progress {
	size_t used;   /* consumed from the front */
	uint64_t skip; /* then this many more bytes of the stream are of no interest */
	enum {
		PROTO_MORE, /* wants more than is left: the rest is kept and shown again with what follows */
		PROTO_DONE, /* nothing more of this direction matters */
		PROTO_DONE_BOTH, /* of either direction */
		PROTO_SWITCH, /* the stream goes on as another protocol (STARTTLS, CONNECT): probe anew from
		                 here */
		PROTO_BROKEN, /* not this protocol, or broken beyond reading on */
	} verdict;
	bool wake_other; /* then show the other direction\'s unread bytes again: it waited for this one */
};

struct proto_context; /* what a parser may call, below */

/* A row of the table. */
struct proto_parser {
	enum app app;
	bool tcp, udp;
	size_t state_size; /* zeroed bytes given to the parser a flow */
	size_t buffer_max; /* unparsed bytes kept for a direction */
	/* Does this begin one? `to_responder` tells the direction; n <= PROTO_PROBE_BYTES. Never touches
	 * state. */
	enum proto_match (*probe)(const uint8_t *p, size_t n, bool to_responder, const struct flow *f);
	/* Bytes in order. Called again while it consumes. At the end of the stream with `end` set. */
	struct proto_progress (*parse)(
	    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end);
	/* `length` bytes are missing, with those that the parser had left unread before them, which are
	 * dropped. Returns whether the parser can go on after them. NULL: it can't. Not called for bytes that
	 * it wanted skipped. */
	bool (*gap)(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length);
	/* The flow ends: emit what is pending, free what the state owns. May be NULL. */
	void (*close)(struct proto_context *c, void *state);
	/* Whether a zeroed state would do as well for the next datagram: a flow of one exchange then keeps
	 * none while it waits for its end. NULL: never. */
	bool (*idle)(const void *state);
	/* What all flows of one struct proto share: made with it, freed with it. May be NULL. */
	void *(*shared_new)(void); /* NULL: -ENOMEM */
	void (*shared_free)(void *shared);
};

/* The flow and time that the parser is called for. */
const struct flow *proto_flow(const struct proto_context *c);
int64_t proto_time(const struct proto_context *c);
/* What the parser's shared_new made. */
void *proto_shared(const struct proto_context *c);
/* Adds a field to the transaction being built; the value is copied, cut at PROTO_VALUE_MAX. Empty values are
 * skipped. */
void proto_field(struct proto_context *c, enum field field, struct text value);
void proto_field_str(struct proto_context *c, enum field field, const char *value);
void proto_field_num(struct proto_context *c, enum field field, uint64_t value);
void proto_field_bytes(struct proto_context *c, enum field field, const void *p, size_t n);
/* Sends what was added as one transaction of the parser's app (or `app` where another is named by the bytes).
 */
void proto_emit(struct proto_context *c);
void proto_emit_as(struct proto_context *c, enum app app);
/* Forgets what was added. A parser that returns without having sent what it added has it forgotten, too. */
void proto_discard(struct proto_context *c);
/* Renames the flow's application: WinRM is HTTP until it is seen to be more. */
void proto_rename(struct proto_context *c, enum app app);
/* A data connection to come; see flow_table_expect. */
void proto_expect(
    struct proto_context *c, struct net_addr from, struct net_addr to, uint16_t port, enum app app);
/* Hands bytes of one protocol that stand inside another (DCE/RPC on an SMB pipe) to that parser, on a state
 * of its own that is kept under `key` (at most 16 a flow). */
void proto_inner(
    struct proto_context *c, enum app app, uint64_t key, enum flow_dir dir, const uint8_t *p, size_t n);

/* What the state owns beside itself, in bytes, all told: counted against the memory of all flows. At that
 * bound the flow loses its parser as soon as the parser returns. */
void proto_account(struct proto_context *c, size_t bytes);

struct proto_config {
	size_t memory_max; /* of all flows' states and buffers; 0: 128 MiB. At it new flows go without a
	                      parser, counted */
	proto_emit_fn emit;
	void *context;
	struct flow_table *(*table)(void *context); /* for expectations; may be NULL */
};

struct proto_stats {
	uint64_t transactions;
	uint64_t transactions_dropped; /* over a flow's limit */
	uint64_t fields_dropped;
	uint64_t broken;       /* flows whose parser gave up */
	uint64_t without_room; /* flows that got no parser for want of memory */
	size_t memory, memory_peak;
	uint64_t flows_by_app[APP_COUNT];
};

struct proto;

int proto_new(struct proto **ret_proto, const struct proto_config *config);
void proto_free(struct proto *p);
/* For flow_table_config: start, data and end of a flow. */
void proto_flow_start(struct proto *p, struct flow *f);
bool proto_flow_data(struct proto *p, struct flow *f, enum flow_dir dir, const uint8_t *data, size_t n,
    uint64_t gap, int64_t time_ns);
/* Closes the parser (pending transactions come out) and frees f->app_state. Not for snapshots. */
void proto_flow_end(struct proto *p, struct flow *f, int64_t time_ns);
/* Fetches what the end of f will look at, some flows before it. */
void proto_flow_soon(const struct flow *f);
const struct proto_stats *proto_stats(const struct proto *p);

/* The table, closed by a row with app == APP_UNKNOWN; for tests and fuzz targets. */
extern const struct proto_parser *const proto_parsers[];

#endif
