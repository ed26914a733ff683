/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_PROTO_HARNESS_H
#define FUZZ_PROTO_HARNESS_H

/*
 * Plays an input through one parser, by way of the framework. The input is a list of payloads: a byte of
 * flags, two bytes of length (little-endian), then that many bytes (or what is left). Flags: 1 the responder
 * speaks, 2 bytes are missing before it, 4 the flow ends and a new one begins. Checked: what comes out is
 * within its bounds, and nothing is left when the flow has ended.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "proto/proto.h"

static void harness_emit(void *context, const struct proto_transaction *t)
{
	assert(t->n <= PROTO_FIELDS_MAX && t->app < APP_COUNT);
	for (size_t i = 0; i < t->n; i++) {
		struct text v = t->fields[i].value;
		assert(t->fields[i].field > FIELD_NONE && t->fields[i].field < FIELD_COUNT);
		assert(v.n > 0 && v.n <= PROTO_VALUE_MAX);
		if (field_kind_of(t->fields[i].field) == FIELD_KIND_ADDR)
			assert(v.n == sizeof(struct net_addr));
		assert(hash_bytes(v.p, v.n, 0) || v.n); /* reads every byte */
	}
	(*(uint64_t *)context)++;
}

static inline struct flow harness_flow(uint8_t protocol, enum app app)
{
	return (struct flow){
	    .id = 1,
	    .initiator = net_addr_v4((uint8_t[4]){10, 0, 0, 1}),
	    .responder = net_addr_v4((uint8_t[4]){10, 0, 0, 2}),
	    .initiator_port = 40000,
	    .responder_port = 9,
	    .protocol = protocol,
	    .app = (uint16_t)app,
	};
}

/* app: the parser that reads every flow of the input; APP_UNKNOWN: it is to be found. */
static inline int harness_run(enum app app, uint8_t protocol, const uint8_t *data, size_t size)
{
	uint64_t emitted = 0;
	struct proto *proto = NULL;
	struct cursor in = cursor_of(data, size);
	struct flow f = harness_flow(protocol, app);
	int64_t now = INT64_C(1700000000000000000);
	struct proto_config config = {.emit = harness_emit, .context = &emitted, .memory_max = 8 << 20};
	if (proto_new(&proto, &config) < 0)
		return 0;
	proto_flow_start(proto, &f);
	while (cursor_left(&in) >= 3) {
		uint8_t flags = cursor_u8(&in);
		size_t n = cursor_le16(&in);
		if (n > cursor_left(&in))
			n = cursor_left(&in);
		enum flow_dir dir = flags & 1 ? FLOW_REVERSE : FLOW_FORWARD;
		/* memory of just its size, so that a read past the end is seen */
		uint8_t *copy = malloc(n ? n : 1);
		assert(copy);
		memcpy(copy, cursor_take(&in, n), n);
		now += 1000000;
		f.side[dir].packets++;
		f.side[dir].payload += n;
		proto_flow_data(proto, &f, dir, copy, n, flags & 2 ? 100 : 0, now);
		free(copy);
		if (flags & 4) {
			proto_flow_end(proto, &f, now);
			f = harness_flow(protocol, app);
			proto_flow_start(proto, &f);
		}
	}
	proto_flow_end(proto, &f, now);
	assert(proto_stats(proto)->memory == 0);
	assert(proto_stats(proto)->memory_peak <= (8 << 20));
	assert(proto_stats(proto)->transactions == emitted);
	proto_free(proto);
	return 0;
}

#endif
