/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_PRIVATE_H
#define PROTO_PRIVATE_H

/*
 * What the framework's files share (proto.c, probe.c, layer.c, transaction.c); no parser includes it. A flow
 * has one struct proto_flow from its first payload until its parser is done: while the protocol isn't known,
 * its buffers hold the first bytes of each direction; then they hold what the parser left unread. Whoever is
 * done points f->app_state at a mark, so that each further packet costs one comparison.
 */

#include "base/dynbuf.h"
#include "proto/proto.h"
#include "proto/spare.h"

enum {
	PROTO_MEMORY_MAX = 128 << 20,
	PROTO_INNER_MAX = 16,        /* inner protocols of a flow */
	PROTO_DEPTH_MAX = 3,         /* a protocol inside a protocol inside a protocol */
	PROTO_SWITCH_MAX = 4,        /* of a flow */
	PROTO_PROBE_ALONE_MAX = 16,  /* payloads of a flow that are looked at one by one */
	PROTO_PROBE_TURNS_MAX = 3,   /* changes of the speaker while a stream is probed */
	PROTO_BAD_DATAGRAMS_MAX = 8, /* of a flow, then its parser is dropped */
	PROTO_FIRST_DATAGRAM = 64,   /* bytes of each direction's first datagram that are kept for naming */
	PROTO_BUFFER_KEEP = 2048,    /* an emptied buffer above this size is freed */
};

/* One direction of one parser. */
struct proto_side {
	struct dynbuf kept; /* unread bytes */
	uint64_t skip;      /* bytes to come that are of no interest */
	bool done;
};

/* A parser at work on a flow, or on an inner protocol of it. */
struct proto_layer {
	const struct proto_parser *parser; /* NULL: none (yet) */
	void *state;
	enum app app;   /* of its transactions */
	size_t account; /* what the parser said that its state owns beside */
	struct proto_side side[2];
};

struct proto_inner {
	struct proto_layer layer;
	uint64_t key;
	bool busy; /* its parser is on the stack */
};

struct proto_inners {
	size_t n, oldest; /* where n is at its bound, `oldest` goes next */
	struct proto_inner inner[PROTO_INNER_MAX];
};

struct proto_flow {
	struct proto_layer layer;
	struct proto_inners *inners; /* made at the first use */
	uint64_t candidates;         /* while probing: bit i is proto_parsers[i] */
	uint32_t transactions;
	bool stream; /* TCP; else each payload stands alone */
	bool alone;  /* ... while probing: also those of a stream whose beginning was missed */
	bool over_memory;
	uint8_t switches, segments, turns, bad_datagrams;
	uint8_t first_dir, last_dir;
};

struct proto {
	struct proto_config config;
	struct proto_stats stats;
	const struct proto_parser *by_app[APP_COUNT];
	void *shared[APP_COUNT]; /* of the parser of that app */
	struct spare spare_flows;
	struct spare spare_states[APP_COUNT]; /* likewise */
	uint64_t tcp_candidates, udp_candidates;
	/* The transactions being built: each depth of nesting has its own part of them, from its `first_` on.
	 */
	struct {
		enum field field;
		uint32_t at, n; /* in `values` */
	} fields[PROTO_FIELDS_MAX * PROTO_DEPTH_MAX];
	size_t n_fields;
	struct dynbuf values;
};

struct proto_context {
	struct proto *proto;
	struct flow *flow;
	struct proto_flow *pf;
	struct proto_layer *layer; /* the one that is at work */
	int64_t time_ns;
	unsigned depth; /* 0 for the flow's own parser */
	size_t first_field, first_value;
};

/* What became of a layer that was shown bytes. */
enum layer_outcome { LAYER_GOES_ON, LAYER_DONE, LAYER_SWITCH, LAYER_BROKEN };

/* layer.c */

/* Takes (positive) or gives back memory. Taking fails at the bound. */
bool proto_memory_take(struct proto *p, size_t bytes);
void proto_memory_give(struct proto *p, size_t bytes);
/* Gives the layer its parser and a zeroed state. -ENOMEM also at the bound. */
int layer_begin(struct proto *p, struct proto_layer *l, const struct proto_parser *parser);
/* Closes the parser where there is one and frees everything; the layer is empty afterwards. */
void layer_end(struct proto_context *c, struct proto_layer *l);
/*
 * Bytes in order. On LAYER_SWITCH *ret_dir is the direction that switched and *ret_rest what of its segment
 * follows; bytes before them may stand in the side's buffer, already without what was consumed.
 */
enum layer_outcome layer_feed(struct proto_context *c, struct proto_layer *l, enum flow_dir dir,
    const uint8_t *p, size_t n, enum flow_dir *ret_dir, struct text *ret_rest);
/* One datagram; nothing is kept of it. */
enum layer_outcome layer_datagram(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, const uint8_t *p, size_t n);
enum layer_outcome layer_gap(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, uint64_t length);
/* The stream has ended: the parser sees what is left with `end` set. */
void layer_finish(struct proto_context *c, struct proto_layer *l);
/* Keeps bytes in a side's buffer, at most `max` in all. -ENOMEM, or -ERR_LIMIT. */
int side_keep(struct proto *p, struct proto_side *s, const uint8_t *bytes, size_t n, size_t max);
void side_free(struct proto *p, struct proto_side *s);

/* probe.c */

enum probe_outcome { PROBE_FOUND, PROBE_NAMED, PROBE_WAIT, PROBE_UNKNOWN };

/*
 * Looks at a payload of a flow whose protocol isn't known: of a stream all of this direction's bytes so far,
 * else the datagram. FOUND: *ret_parser is it. NAMED: *ret_app is its name, and no parser reads it.
 */
enum probe_outcome probe_payload(struct proto *p, struct flow *f, struct proto_flow *pf, enum flow_dir dir,
    const uint8_t *bytes, size_t n, const struct proto_parser **ret_parser, enum app *ret_app);
/* Nothing more is to come: a name from the first bytes, or APP_UNKNOWN. */
enum app probe_name_at_end(const struct flow *f, const struct proto_flow *pf);

#endif
