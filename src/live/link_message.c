/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/link_message.h"

#include <errno.h>

#include "contain/cut.h"
#include "contain/guardrail.h"
#include "msg/process.h"

struct passing {
	struct dynbuf *out;
	struct text bytes;
	const struct link_clock *clock; /* NULL: times stay */
	struct arena *arena;
};

static bool is_bool(uint8_t v)
{
	return v <= 1;
}

/* Decoded prefixes are well-formed; a direction may be anything. */
static bool is_direction(uint8_t v)
{
	return v <= CUT_FROM_ONLY;
}

static struct text shortened(struct text t)
{
	return text_sub(t, 0, LINK_TEXT_MAX);
}

static int pass_begin(const struct passing *p)
{
	struct msg_desired_begin m;
	if (msg_desired_begin_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0)
		return -EPROTO;
	return msg_desired_begin_encode(p->out, &m);
}

static int pass_spare(const struct passing *p)
{
	struct msg_desired_spare m;
	if (msg_desired_spare_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0)
		return -EPROTO;
	return msg_desired_spare_encode(p->out, &m);
}

static int pass_put(const struct passing *p)
{
	struct msg_desired_put m;
	if (msg_desired_put_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || !is_direction(m.direction) ||
	    !is_bool(m.fail_closed))
		return -EPROTO;
	if (p->clock)
		m.until = link_clock_to_far(p->clock, m.until);
	return msg_desired_put_encode(p->out, &m);
}

static int pass_drop(const struct passing *p)
{
	struct msg_desired_drop m;
	if (msg_desired_drop_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || !is_direction(m.direction))
		return -EPROTO;
	return msg_desired_drop_encode(p->out, &m);
}

static int pass_commit(const struct passing *p)
{
	struct msg_desired_commit m;
	if (msg_desired_commit_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 ||
	    !is_bool(m.end_connections))
		return -EPROTO;
	return msg_desired_commit_encode(p->out, &m);
}

static int pass_live(const struct passing *p)
{
	struct msg_live m;
	if (msg_live_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0)
		return -EPROTO;
	return msg_live_encode(p->out, &m);
}

static int pass_enforced(const struct passing *p)
{
	struct msg_enforced m;
	if (msg_enforced_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || m.took < 0)
		return -EPROTO;
	return msg_enforced_encode(p->out, &m);
}

static int pass_refused(const struct passing *p)
{
	struct msg_refused m;
	if (msg_refused_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || m.rule > GUARDRAIL_MOST_ORDERS ||
	    !is_bool(m.about_cut) || !is_direction(m.direction))
		return -EPROTO;
	m.why = shortened(m.why);
	return msg_refused_encode(p->out, &m);
}

static int pass_resync(const struct passing *p)
{
	struct msg_resync m;
	if (msg_resync_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0)
		return -EPROTO;
	return msg_resync_encode(p->out, &m);
}

static int pass_drift(const struct passing *p)
{
	struct msg_drift m;
	if (msg_drift_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || !is_bool(m.repaired))
		return -EPROTO;
	m.why = shortened(m.why);
	return msg_drift_encode(p->out, &m);
}

static int pass_counted(const struct passing *p)
{
	struct msg_counted m;
	if (msg_counted_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || !is_direction(m.direction))
		return -EPROTO;
	return msg_counted_encode(p->out, &m);
}

static int pass_state(const struct passing *p)
{
	struct msg_enforcer_state m;
	if (msg_enforcer_state_decode(p->bytes.p, p->bytes.n, p->arena, &m) < 0 || !is_bool(m.ready))
		return -EPROTO;
	m.name = shortened(m.name);
	m.backend = shortened(m.backend);
	m.why = shortened(m.why);
	m.lacks = shortened(m.lacks);
	if (p->clock)
		m.lease_until = link_clock_to_near(p->clock, m.lease_until);
	return msg_enforcer_state_encode(p->out, &m);
}

int link_message_pass(struct dynbuf *out, enum channel_way way, uint16_t number, struct text bytes,
    const struct link_clock *clock, struct arena *arena)
{
	struct passing p = {.out = out, .bytes = bytes, .clock = clock, .arena = arena};
	if (!channel_way_allows(way, number))
		return -EPROTO;
	switch (number) {
	case MSG_DESIRED_BEGIN: return pass_begin(&p);
	case MSG_DESIRED_SPARE: return pass_spare(&p);
	case MSG_DESIRED_PUT: return pass_put(&p);
	case MSG_DESIRED_DROP: return pass_drop(&p);
	case MSG_DESIRED_COMMIT: return pass_commit(&p);
	case MSG_LIVE: return pass_live(&p);
	case MSG_ENFORCED: return pass_enforced(&p);
	case MSG_REFUSED: return pass_refused(&p);
	case MSG_RESYNC: return pass_resync(&p);
	case MSG_DRIFT: return pass_drift(&p);
	case MSG_COUNTED: return pass_counted(&p);
	case MSG_ENFORCER_STATE: return pass_state(&p);
	default: return -EPROTO; /* allowed between the two, but not across machines */
	}
}

bool link_telling_takes(struct link_telling *t, uint16_t number)
{
	switch (number) {
	case MSG_DESIRED_BEGIN: t->begun = true; return true;
	case MSG_DESIRED_SPARE:
	case MSG_DESIRED_PUT:
	case MSG_DESIRED_DROP: return t->begun;
	case MSG_DESIRED_COMMIT:
		if (!t->begun)
			return false;
		t->begun = false;
		return true;
	default: return true;
	}
}
