/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UNIT_LIVE_ENFORCER_BED_H
#define UNIT_LIVE_ENFORCER_BED_H

/* An enforcer between a channel that the test holds the other end of, and a fake kernel. Time is what the
 * test says it is, as far as the enforcer is given it. To be included after cmocka.h. */

#include <sys/socket.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "fake_kernel.h"
#include "live/enforcer.h"

/* What the enforcer said since the test looked last. */
struct heard {
	size_t enforced, refused, resyncs, drifts, counted, states;
	struct msg_enforced last_enforced;
	struct msg_refused last_refused;
	char refused_why[200];
	struct msg_drift last_drift;
	struct msg_counted last_counted;
	struct msg_enforcer_state last_state;
};

struct bed {
	struct process process;
	struct enforcer enforcer;
	struct fake_kernel kernel;
	struct channel *engine;
};

static const char bed_yaml[] = "version: 1\n"
                               "enforcers: [{name: gw, backend: nftables, lease: 30s}]\n"
                               "guardrails:\n"
                               "  never_cut: [10.0.0.53/32]\n"
                               "  control: [10.9.9.9/32]\n"
                               "  widest_prefix: {ipv4: 24}\n"
                               "  most_cuts: 8\n"
                               "  longest_lease: 1h\n"
                               "  most_orders_a_minute: 4\n";

static inline void bed_no_line(void *context, const char *line)
{
	(void)context;
	fail_msg("%s", line);
}

static inline struct daemon_conf *bed_conf(const char *yaml)
{
	struct daemon_conf *c;
	assert_int_equal(daemon_conf_parse(&c, "bulkhead.yaml", text_of(yaml), NULL, bed_no_line, NULL), 0);
	return c;
}

static inline struct cut bed_cut(uint8_t a, uint8_t b)
{
	return (struct cut){.from = {.addr = net_addr_v4((const uint8_t[]){10, 0, a, b}), .bits = 128}};
}

/* The engine's end of a new channel. */
static inline void bed_connect(
    struct bed *b, int (*meet)(void *self, unsigned peer, uint16_t index, struct channel *c))
{
	struct channel *c;
	int fd[2];
	channel_free(b->engine);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(
	    channel_new(&b->engine, fd[0], CHANNEL_ENFORCER_TO_ENGINE, CHANNEL_ENGINE_TO_ENFORCER), 0);
	assert_int_equal(channel_new(&c, fd[1], CHANNEL_ENGINE_TO_ENFORCER, CHANNEL_ENFORCER_TO_ENGINE), 0);
	assert_int_equal(meet(&b->enforcer, MSG_PROCESS_ENGINE, 0, c), 0);
}

/* What was said goes over, and what comes of it. */
static inline void bed_turn(struct bed *b)
{
	if (b->engine)
		(void)channel_flush(b->engine);
	(void)loop_wait(b->process.loop, loop_now());
	peers_flush(&b->process.peers);
}

static inline void bed_begin(struct bed *b, uint64_t base, uint64_t generation)
{
	struct msg_desired_begin m = {.base = base, .generation = generation};
	msg_desired_begin_encode(channel_out(b->engine), &m);
}

static inline void bed_put(struct bed *b, struct cut c, int64_t until, bool fail_closed)
{
	struct msg_desired_put m = {
	    .from = c.from, .to = c.to, .direction = c.direction, .until = until, .fail_closed = fail_closed};
	msg_desired_put_encode(channel_out(b->engine), &m);
}

static inline void bed_drop(struct bed *b, struct cut c)
{
	struct msg_desired_drop m = {.from = c.from, .to = c.to, .direction = c.direction};
	msg_desired_drop_encode(channel_out(b->engine), &m);
}

static inline void bed_commit(struct bed *b, uint64_t generation)
{
	struct msg_desired_commit m = {.generation = generation, .cuts = UINT64_MAX, .end_connections = true};
	msg_desired_commit_encode(channel_out(b->engine), &m);
	bed_turn(b);
}

/* A generation of these hosts' cuts, the whole of it where base is 0. */
static inline void bed_tell(struct bed *b, uint64_t base, uint64_t generation, const uint8_t *hosts, size_t n)
{
	bed_begin(b, base, generation);
	for (size_t i = 0; i < n; i++)
		bed_put(b, bed_cut(1, hosts[i]), loop_now() + 600 * NS_PER_S, false);
	bed_commit(b, generation);
}

static inline void bed_hear_one(struct heard *h, struct arena *arena, uint16_t number, struct text bytes)
{
	switch (number) {
	case MSG_ENFORCED:
		h->enforced++;
		assert_int_equal(msg_enforced_decode(bytes.p, bytes.n, arena, &h->last_enforced), 0);
		break;
	case MSG_REFUSED:
		h->refused++;
		assert_int_equal(msg_refused_decode(bytes.p, bytes.n, arena, &h->last_refused), 0);
		text_printable(h->last_refused.why, h->refused_why, sizeof(h->refused_why));
		break;
	case MSG_RESYNC: h->resyncs++; break;
	case MSG_DRIFT:
		h->drifts++;
		assert_int_equal(msg_drift_decode(bytes.p, bytes.n, arena, &h->last_drift), 0);
		break;
	case MSG_COUNTED:
		h->counted++;
		assert_int_equal(msg_counted_decode(bytes.p, bytes.n, arena, &h->last_counted), 0);
		break;
	case MSG_ENFORCER_STATE:
		h->states++;
		assert_int_equal(msg_enforcer_state_decode(bytes.p, bytes.n, arena, &h->last_state), 0);
		break;
	default: fail_msg("the enforcer said %u", number);
	}
}

/* All that it has said. Texts of the last messages don't outlive this. */
static inline struct heard bed_hear(struct bed *b)
{
	struct heard h = {0};
	struct arena arena = {0};
	uint16_t number;
	struct text bytes;
	int r = 1;
	peers_flush(&b->process.peers);
	while (r > 0) {
		while (channel_next(b->engine, &number, &bytes, NULL) > 0)
			bed_hear_one(&h, &arena, number, bytes);
		r = channel_read(b->engine);
	}
	arena_free(&arena);
	return h;
}

#endif
