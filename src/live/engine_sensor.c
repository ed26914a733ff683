/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "flow/flow.h"

/* After a detection incidents are looked at again, but not more often than this. */
#define INCIDENTS_NS (INT64_C(5) * 1000000000)
/* A record may be so far ahead of the wall clock, which may just have been set back. The detector goes by the
 * latest time of all records: one from another century would make everything after it look long past. */
#define AHEAD_NS (INT64_C(3600) * 1000000000)

bool engine_archive(struct engine *e, struct text bytes, uint64_t packets)
{
	struct dynbuf *out = peer_out(&e->archivist);
	if (!out || channel_waiting(e->archivist.channel) > ENGINE_ARCHIVIST_FULL) {
		e->counts.unarchived++;
		e->counts.unarchived_packets += packets;
		return false;
	}
	dynbuf_text(out, bytes);
	e->sent++;
	return true;
}

void engine_on_detection(void *context, const struct msg_detection *d)
{
	struct engine *e = context;
	struct dynbuf *out = peer_out(&e->archivist);
	e->counts.detections++;
	e->cited = true;
	/* detections are few and never dropped */
	if (out && msg_detection_encode(out, d) == 0)
		e->sent++;
	else
		e->counts.unarchived++;
	engine_follow_policy(e, d);
	int64_t at = loop_now() + INCIDENTS_NS;
	e->incidents_at = at < e->incidents_at ? at : e->incidents_at;
}

/* Whether something can have happened at that time: a sensor may be taken over, and tell anything. */
static bool can_be(struct engine *e, int64_t first, int64_t last)
{
	bool is = first >= 0 && first <= last && last <= engine_clock(e).realtime + AHEAD_NS;
	e->counts.broken += !is;
	return is;
}

/* The transactions that came before their flow: to the detector with it, and into the archive. */
static int give_transactions(struct engine *e, struct engine_sensor *s, const struct msg_flow *f)
{
	struct arena arena = {0};
	size_t at = 0;
	int r = 0;
	while (r == 0 && at < s->pending.n) {
		struct msg_transaction t;
		uint16_t number;
		size_t length;
		r = msg_peek(s->pending.p + at, s->pending.n - at, &number, &length);
		arena_reset(&arena);
		if (r == 0)
			r = msg_transaction_decode(s->pending.p + at, length, &arena, &t);
		/* what isn't this flow's came without any: a sensor that was taken over, or one that was
		 * restarted */
		if (r == 0 && t.flow == f->id && can_be(e, t.time, t.time)) {
			detector_transaction(e->detector, f, &t);
			engine_archive(e, text_bytes((const char *)s->pending.p + at, length), 0);
			e->counts.transactions++;
		} else if (r == 0 && t.flow != f->id) {
			e->counts.broken++;
		}
		at += length;
	}
	dynbuf_reset(&s->pending);
	arena_free(&arena);
	return r;
}

/* Whether a record is kept: the last of a flow, one of a long flow, one that a detection cites. The others
 * tell the detector early what the archive gets whole later. */
static bool is_kept(const struct engine *e, const struct msg_flow *f)
{
	return f->end != FLOW_END_NONE || e->cited ||
	       f->last - f->first >= e->process->conf->sensor.snapshot_ns;
}

static int on_flow(struct engine *e, struct engine_sensor *s, struct text bytes)
{
	struct msg_flow f;
	int r = msg_flow_decode(bytes.p, bytes.n, &e->arena, &f);
	if (r < 0 || !can_be(e, f.first, f.last))
		return r;
	e->cited = false;
	e->clock = f.last > e->clock ? f.last : e->clock;
	engine_note_proof(e, &f);
	r = give_transactions(e, s, &f);
	if (r == 0 && !f.duplicate_of)
		detector_flow(e->detector, &f);
	e->counts.flows += f.end != FLOW_END_NONE;
	e->counts.snapshots += f.end == FLOW_END_NONE;
	if (r == 0 && is_kept(e, &f))
		engine_archive_flow(e, &f, bytes);
	return r;
}

static int on_transaction(struct engine *e, struct engine_sensor *s, struct text bytes)
{
	if (s->pending.n + bytes.n > ENGINE_PENDING_MAX) {
		e->counts.broken++;
		dynbuf_reset(&s->pending);
	}
	dynbuf_text(&s->pending, bytes);
	return s->pending.error;
}

static int on_binding(struct engine *e, struct text bytes)
{
	struct msg_binding b;
	int r = msg_binding_decode(bytes.p, bytes.n, &e->arena, &b);
	if (r < 0 || !can_be(e, b.first, b.last))
		return r;
	engine_archive(e, bytes, 0);
	e->counts.bindings++;
	return 0;
}

static int on_coverage(struct engine *e, struct text bytes)
{
	struct msg_coverage c;
	int r = msg_coverage_decode(bytes.p, bytes.n, &e->arena, &c);
	if (r < 0 || !can_be(e, c.from, c.to))
		return r;
	engine_archive(e, bytes, 0);
	e->counts.coverage++;
	return 0;
}

/* On a quiet link time passes too: who was not answered by now was not. */
static int on_state(struct engine *e, struct engine_sensor *s, struct text bytes)
{
	struct msg_sensor_state m;
	int r = msg_sensor_state_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	if (m.skipped > s->state.skipped && e->detector)
		detector_missed(e->detector);
	if (e->clock && m.now > e->clock && can_be(e, m.now, m.now))
		e->clock = m.now;
	for (uint32_t i = 0; i < SENSOR_BOUND_COUNT; i++)
		s->bounds[i] = i < m.bounds.n ? m.bounds.v[i] : 0;
	m.bounds = (struct msg_u64s){0};
	s->state = m;
	s->heard = loop_now();
	return 0;
}

static int on_sight(struct engine *e, struct text bytes)
{
	struct msg_sight m;
	int r = msg_sight_decode(bytes.p, bytes.n, NULL, &m);
	return r == 0 ? engine_sight(e, &m) : r;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct engine_sensor *s = context;
	struct engine *e = s->engine;
	arena_reset(&e->arena);
	switch (number) {
	case MSG_FLOW: return on_flow(e, s, bytes);
	case MSG_TRANSACTION: return on_transaction(e, s, bytes);
	case MSG_BINDING: return on_binding(e, bytes);
	case MSG_COVERAGE: return on_coverage(e, bytes);
	case MSG_SIGHT: return on_sight(e, bytes);
	case MSG_SENSOR_STATE: return on_state(e, s, bytes);
	default: return 0; /* MSG_LINK_SEEN: coverage tells the same */
	}
}

static void on_gone(void *context, int error)
{
	struct engine_sensor *s = context;
	dynbuf_reset(&s->pending);
	if (error != -EPIPE)
		log_error("sensor %u sent what makes no sense (%s); its channel is closed", s->index,
		    err_text(error));
}

int engine_met_sensor(struct engine *e, uint16_t index, struct channel *c)
{
	if (index >= DAEMON_SENSORS_MAX) {
		channel_free(c);
		return -ERR_LIMIT;
	}
	struct engine_sensor *s = &e->sensors[index];
	peer_drain(&s->peer);
	dynbuf_reset(&s->pending);
	s->engine = e;
	s->index = index;
	s->state = (struct msg_sensor_state){0};
	memset(s->bounds, 0, sizeof(s->bounds));
	s->peer.message = on_message;
	s->peer.gone = on_gone;
	s->peer.context = s;
	int r = peer_open(&s->peer, &e->process->peers, c);
	if (r == 0 && e->process->running)
		engine_watch_all(e, s);
	else if (r == 0)
		/* what it says meanwhile waits with it, and isn't dropped unread */
		peer_pause(&s->peer, true);
	return r;
}
