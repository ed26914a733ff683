/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/timefmt.h"
#include "live/enforcer.h"
#include "../../unit/live/fake_kernel.h"

/*
 * An engine that was taken over: any messages of the kinds that it may send, in any order, good and bad, with
 * a kernel that fails now and then and loses things. Whatever it says, the kernel holds no cut that the
 * enforcer's guardrails forbid; and once it was read back and put right, it holds what is wanted and nothing
 * else. Each operation is a byte, followed by what it takes.
 */

enum {
	OP_BEGIN,
	OP_PUT,
	OP_DROP,
	OP_COMMIT,
	OP_LIVE,
	OP_RAW,
	OP_RETRY,
	OP_READ,
	OP_FAIL,
	OP_LOSE,
	OP_GONE,
	OPS
};
enum { MOST = 6 };

struct world {
	struct process process;
	struct enforcer enforcer;
	struct fake_kernel kernel;
	struct guardrails rules;
	struct dynbuf message;
	uint64_t begun; /* generation */
	int64_t now;
};

static struct net_prefix prefix_of(struct cursor *c)
{
	uint8_t bits = cursor_u8(c), host = cursor_u8(c);
	uint8_t a[] = {10, 0, (uint8_t)(host >> 6), host};
	/* mostly one that is sound */
	struct net_prefix p = net_prefix_of(net_addr_v4(a), bits > 128 ? 128 : bits < 96 ? 0 : bits);
	if (bits > 250)
		p.bits = bits;
	return p;
}

static int64_t until_of(struct cursor *c, int64_t now)
{
	static const int64_t ends[] = {INT64_MIN, -1, 0, INT64_MAX, 3600, 3601, 60, 1};
	uint8_t which = cursor_u8(c) % 8;
	return which < 4 ? ends[which] : now + ends[which] * NS_PER_S;
}

static void encode(struct world *w, unsigned op, struct cursor *c)
{
	struct dynbuf *out = &w->message;
	struct net_prefix from = prefix_of(c), to = prefix_of(c);
	uint8_t direction = cursor_u8(c) % 3;
	switch (op) {
	case OP_BEGIN:
		w->begun = to.bits & 7;
		msg_desired_begin_encode(
		    out, &(struct msg_desired_begin){.base = from.bits & 3, .generation = w->begun});
		break;
	case OP_PUT:
		msg_desired_put_encode(out, &(struct msg_desired_put){.from = from,
		                                .to = to,
		                                .direction = direction,
		                                .until = until_of(c, w->now),
		                                .fail_closed = cursor_u8(c) & 1});
		break;
	case OP_DROP:
		msg_desired_drop_encode(
		    out, &(struct msg_desired_drop){.from = from, .to = to, .direction = direction});
		break;
	case OP_COMMIT:
		msg_desired_commit_encode(
		    out, &(struct msg_desired_commit){.generation = direction < 2 ? w->begun : to.bits & 7,
		             .cuts = from.bits > 200 ? to.bits : UINT64_MAX,
		             .end_connections = direction});
		break;
	default: msg_live_encode(out, &(struct msg_live){.generation = from.bits}); break;
	}
}

/* Bytes as they come, under the number of one that it may send. */
static void raw(struct world *w, struct cursor *c)
{
	static const uint16_t numbers[] = {MSG_DESIRED_BEGIN, MSG_DESIRED_PUT, MSG_DESIRED_DROP,
	    MSG_DESIRED_COMMIT, MSG_LIVE, MSG_DESIRED_SPARE};
	uint16_t number = numbers[cursor_u8(c) % 6];
	size_t n = cursor_u8(c) % 64;
	struct text bytes = cursor_text(c, n < cursor_left(c) ? n : cursor_left(c));
	dynbuf_le16(&w->message, number);
	dynbuf_le32(&w->message, (uint32_t)bytes.n);
	dynbuf_text(&w->message, bytes);
}

static void send_message(struct world *w)
{
	uint16_t number;
	size_t n;
	if (w->message.n && msg_peek(w->message.p, w->message.n, &number, &n) == 0 &&
	    enforcer_message(&w->enforcer, number, text_bytes((const char *)w->message.p, n)) < 0)
		enforcer_give_up_waiting(&w->enforcer); /* its channel is over, and there is another */
	dynbuf_reset(&w->message);
}

static void trouble(struct world *w, struct cursor *c)
{
	static const int errors[] = {-EAGAIN, -ENOBUFS, -EINVAL, -E2BIG, -EBUSY};
	struct fake_kernel *k = &w->kernel;
	uint8_t what = cursor_u8(c);
	int error = errors[what % 5];
	k->change_error = k->read_error = k->repair_error = error;
	k->change_fails = what >> 3 & 1;
	k->read_fails = what >> 4 & 1;
	k->repair_fails = what >> 5 & 1;
	k->slow = what >> 6;
}

static void read_back(struct world *w)
{
	struct enforcer *f = &w->enforcer;
	struct wanted_cut *wanted;
	size_t n;
	int64_t now = loop_now();
	enforcer_read_soon(f, 0);
	enforcer_read(f, now);
	bool settled = f->settled && !f->reading && f->read_at > now && f->why[0] == '\0';
	if (!settled || desired_list(f->desired, now, &wanted, &n) < 0)
		return;
	assert(n == w->kernel.n);
	for (size_t i = 0; i < n; i++)
		assert(fake_kernel_find(&w->kernel, &wanted[i].cut)->fail_closed == wanted[i].fail_closed);
	free(wanted);
}

static void act(struct world *w, unsigned op, struct cursor *c)
{
	struct fake_kernel *k = &w->kernel;
	switch (op) {
	case OP_RAW: raw(w, c); break;
	case OP_RETRY:
		enforcer_retry(&w->enforcer, loop_now() + 10 * NS_PER_S);
		enforcer_end_due(&w->enforcer, loop_now() + 10 * NS_PER_S);
		return;
	case OP_READ: read_back(w); return;
	case OP_FAIL: trouble(w, c); return;
	case OP_LOSE:
		if (cursor_u8(c) & 1 || k->n == 0)
			fake_kernel_flush(k);
		else
			k->n--;
		return;
	case OP_GONE: enforcer_give_up_waiting(&w->enforcer); return;
	default: encode(w, op, c);
	}
	send_message(w);
}

static void check(const struct world *w)
{
	const struct fake_kernel *k = &w->kernel;
	const struct enforcer *f = &w->enforcer;
	assert(k->n <= MOST);
	assert(desired_count(f->desired) <= MOST);
	for (size_t i = 0; i < k->n; i++) {
		assert(cut_is_sound(&k->v[i].cut));
		assert(guardrail_of_cut(&w->rules, &k->v[i].cut) == GUARDRAIL_NONE);
		assert(k->v[i].until <= loop_now() + 3600 * NS_PER_S);
	}
	assert(f->waiting == (f->steps != NULL));
}

static void begin(struct world *w)
{
	static struct net_prefix never_cut[1], control[1];
	never_cut[0] = net_prefix_of(net_addr_v4((const uint8_t[]){10, 0, 0, 53}), 128);
	control[0] = net_prefix_of(net_addr_v4((const uint8_t[]){10, 0, 3, 255}), 128);
	*w = (struct world){.now = loop_now()};
	w->rules = (struct guardrails){.never_cut = never_cut,
	    .n_never_cut = 1,
	    .control = control,
	    .n_control = 1,
	    .widest_v4 = 24,
	    .widest_v6 = 64,
	    .most_cuts = MOST,
	    .longest_lease_ns = 3600 * NS_PER_S};
	w->process = (struct process){.seed = 1, .running = true};
	fake_kernel_open(&w->kernel);
	w->enforcer = (struct enforcer){.process = &w->process,
	    .backend = &w->kernel.backend,
	    .lease_ns = 30 * NS_PER_S,
	    .retry_at = INT64_MAX,
	    .renew_at = INT64_MAX};
	if (desired_new(&w->enforcer.desired, &w->rules, ORDERS_CUTS_MAX, 1) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct world w;
	begin(&w);
	while (cursor_left(&c) && cursor_ok(&c)) {
		act(&w, cursor_u8(&c) % OPS, &c);
		check(&w);
	}
	enforcer_give_up_waiting(&w.enforcer);
	desired_free(w.enforcer.desired);
	enforcer_spare_free(&w.enforcer);
	table_free(w.enforcer.counted);
	free(w.enforcer.ends.v);
	fake_kernel_free(&w.kernel);
	dynbuf_free(&w.message);
	return 0;
}
