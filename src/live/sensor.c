/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The sensor's process: frames out of its rings, or of a file that is played as if it were live, through
 * daemon/sensor.h, and the records to the engine. What the engine doesn't take in time stays in the rings,
 * and what finds no room there is counted: loss is told, never hidden.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "daemon/bounds.h"
#include "daemon/sensor.h"
#include "live/process.h"
#include "live/rules.h"
#include "live/sensor_rings.h"

enum {
	FRAMES_A_TURN = 512,      /* then others are heard: the engine's words, and ours to it */
	WAITING_MAX = 16 << 20,   /* bytes for the engine: above it no frame is read */
	WAITING_ENOUGH = 4 << 20, /* below it reading goes on */
};
#define TICK_NS  (NS_PER_S / 4)
#define STATE_NS NS_PER_S
#define STOP_NS  NS_PER_S       /* what the rings hold is read for so long at the most */
#define GRACE_NS (NS_PER_S / 5) /* what is on its way when a cut comes into force */

/* A file that is played. */
struct play {
	struct capture_set *set; /* NULL: there is none, or it has ended */
	double speed;
	uint16_t link;
	struct capture_frame frame; /* the next one */
	bool has_frame;
	int64_t first; /* its first packet's time */
	int64_t began; /* when that was played */
};

struct sensor_state {
	struct process *process;
	struct peer engine;
	struct sensor *sensor;
	struct watch *watch;
	struct sensor_rings rings;
	struct clock_live clock;
	struct play play;
	bool paused; /* the engine doesn't keep up */
	uint64_t packets, bytes, lost, unsent;
	int64_t now; /* of the packets' clock */
	int64_t tick_at, state_at;
	bool began, played, finished;
	int error;
};

static uint64_t next_id(void *context)
{
	struct sensor_state *s = context;
	return process_next_id(s->process);
}

/* A record that can't go out is lost to detection and archive; the coverage that follows says so. */
static int sent(struct sensor_state *s, int r, uint64_t packets)
{
	if (r == 0)
		return 0;
	s->unsent++;
	s->lost += packets;
	return r == -ERR_LIMIT || r == -EPIPE ? 0 : r;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct sensor_state *s = context;
	struct dynbuf *out = peer_out(&s->engine);
	(void)f;
	return sent(s, out ? msg_transaction_encode(out, t) : -EPIPE, 0);
}

static int on_flow(void *context, const struct msg_flow *f)
{
	struct sensor_state *s = context;
	struct dynbuf *out = peer_out(&s->engine);
	bool ends = f->end != FLOW_END_NONE;
	return sent(s, out ? msg_flow_encode(out, f) : -EPIPE, ends ? f->packets_out + f->packets_in : 0);
}

static int on_binding(void *context, const struct msg_binding *b)
{
	struct sensor_state *s = context;
	struct dynbuf *out = peer_out(&s->engine);
	return sent(s, out ? msg_binding_encode(out, b) : -EPIPE, 0);
}

static int on_coverage(void *context, const struct msg_coverage *c)
{
	struct sensor_state *s = context;
	struct dynbuf *out = peer_out(&s->engine);
	const struct daemon_conf *conf = s->process->conf;
	struct msg_coverage m = *c;
	if (c->vantage < conf->n_links) {
		m.name = text_of(conf->links[c->vantage].name);
		m.origin = text_of(s->rings.interfaces[c->vantage]);
	}
	return sent(s, out ? msg_coverage_encode(out, &m) : -EPIPE, 0);
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct sensor_state *s = self;
	char path[256], why[160];
	if (h->what == MSG_HANDED_RING)
		return sensor_rings_keep(&s->rings, h, fd); /* mapped when it is known how large they are */
	if (h->what != MSG_HANDED_CAPTURE || s->play.set) {
		close(fd);
		return 0;
	}
	int r = capture_set_new(&s->play.set);
	if (r < 0) {
		close(fd);
		return r;
	}
	s->play.link = h->index;
	r = capture_set_add(s->play.set, fd, text_printable(h->name, path, sizeof(path)), why);
	if (r < 0)
		log_error("%s", why);
	return r;
}

/* What a cut lets pass is no leak. */
static int add_passes(struct watch *w, const struct daemon_conf *conf, const struct site *site)
{
	struct live_rules rules;
	int r = live_rules_make(&rules, conf, site);
	for (size_t i = 0; r == 0 && i < rules.n_passes; i++)
		r = watch_pass(w, rules.passes[i].prefix, rules.passes[i].protocol, rules.passes[i].port);
	if (r != -ENOMEM)
		live_rules_free(&rules);
	return r;
}

static int make_sensor(struct sensor_state *s, const struct process_configuration *c)
{
	const struct daemon_conf *conf = c->conf;
	struct sensor_live live = {.snapshot_ns = conf->sensor.snapshot_ns, .watch = s->watch};
	struct sensor_limits limits = {
	    .flows_max = conf->sensor.flows_max, .zones = c->site->zones, .live = &live};
	struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .coverage = on_coverage,
	    .context = s};
	return sensor_new(&s->sensor, &limits, s->process->seed, &sink);
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct sensor_state *s = self;
	(void)why;
	if (s->sensor)
		return 0;
	int r = watch_new(&s->watch, GRACE_NS, s->process->seed);
	if (r == 0)
		r = add_passes(s->watch, c->conf, c->site);
	if (r == 0)
		r = make_sensor(s, c);
	if (r == 0)
		r = sensor_rings_map(&s->rings, c->conf);
	if (r == 0 && s->play.set)
		s->play.speed = c->conf->links[s->play.link].speed;
	return r;
}

static void sample_clock(struct sensor_state *s)
{
	struct clock_reading reading;
	ring_read_clocks(&reading);
	bool stepped = clock_live_sample(&s->clock, &reading);
	int64_t now = clock_live_at(&s->clock, reading.boot);
	s->now = now > s->now ? now : s->now;
	if (!stepped)
		return;
	log_warning("the wall clock was set by %.1f s; flows go on by their own clock",
	    (double)s->clock.stepped_by / NS_PER_S);
	int r = sensor_set_shift(s->sensor, s->now, s->clock.shift);
	s->error = s->error < 0 ? s->error : r;
}

static void begin_vantages(struct sensor_state *s)
{
	const struct daemon_conf *conf = s->process->conf;
	for (uint16_t i = 0; i < conf->n_links && s->error == 0; i++)
		if (conf->links[i].n_interfaces)
			s->error = sensor_add_vantage(
			    s->sensor, i, conf->links[i].place == DAEMON_PLACE_TAP, s->now);
}

static void read_rings(void *context, uint32_t events);

static void swap(void *self)
{
	struct sensor_state *s = self;
	int64_t now = loop_now();
	sensor_set_zones(s->sensor, s->process->site->zones);
	if (s->began)
		return;
	s->began = true;
	sample_clock(s);
	begin_vantages(s);
	if (s->error == 0)
		s->error = sensor_rings_listen(&s->rings, s->process->loop, read_rings, s);
	s->tick_at = s->state_at = now;
	if (s->error < 0)
		process_fail(s->process, s->error);
}

/* While the engine doesn't keep up frames wait in the rings. */
static void look_at_pressure(struct sensor_state *s)
{
	size_t waiting = s->engine.channel ? channel_waiting(s->engine.channel) : 0;
	bool pause = waiting > (s->paused ? WAITING_ENOUGH : WAITING_MAX);
	if (pause == s->paused)
		return;
	s->paused = pause;
	sensor_rings_hold(&s->rings, pause);
}

static int take_frame(struct sensor_state *s, struct capture_frame *f, bool outgoing)
{
	f->time_ns = clock_live_map(&s->clock, f->time_ns);
	if (outgoing)
		return sensor_outgoing(s->sensor, f);
	s->packets++;
	s->bytes += f->wirelen;
	s->now = f->time_ns > s->now ? f->time_ns : s->now;
	return sensor_frame(s->sensor, f, s->process->conf->n_links);
}

/* Whether there is nothing more. */
static bool read_turn(struct sensor_state *s)
{
	struct capture_frame f;
	bool outgoing;
	size_t n = 0;
	int r = 1;
	sample_clock(s);
	while (n < FRAMES_A_TURN && s->error == 0 && (r = ring_set_next(s->rings.set, &f, &outgoing)) > 0) {
		s->error = take_frame(s, &f, outgoing);
		n++;
	}
	sensor_rings_pace(&s->rings, n, r == 0, loop_now());
	return r == 0;
}

static void read_rings(void *context, uint32_t events)
{
	struct sensor_state *s = context;
	(void)events;
	(void)read_turn(s);
	look_at_pressure(s);
	if (s->error < 0)
		process_fail(s->process, s->error);
}

/* When the next frame of the file is due. */
static int64_t play_due(const struct sensor_state *s)
{
	const struct play *p = &s->play;
	/* unlike what passes by, a file waits until there is somebody to be told of it */
	if (!p->set || s->paused || !s->engine.channel)
		return INT64_MAX;
	if (!p->has_frame || p->speed <= 0)
		return 0;
	return p->began + (int64_t)((double)(p->frame.time_ns - p->first) / p->speed);
}

static void play_end(struct sensor_state *s)
{
	const struct capture_file_status *f = capture_set_file(s->play.set, 0);
	if (f->end != CAPTURE_END_CLEAN)
		log_warning("%s", f->why);
	log_info("%s was played to its end: %llu packets", f->path, (unsigned long long)f->packets);
	s->error = sensor_finish(s->sensor);
	capture_set_free(s->play.set);
	s->play.set = NULL;
	s->played = true;
	s->state_at = 0;
}

/* What is covered begins with the first packet. Beside rings, whose clock is another, it isn't told. */
static void play_begin(struct sensor_state *s, int64_t now)
{
	bool tap = s->process->conf->links[s->play.link].place == DAEMON_PLACE_TAP;
	s->play.first = s->play.frame.time_ns;
	s->play.began = now;
	if (s->rings.n == 0)
		s->error = sensor_add_vantage(s->sensor, s->play.link, tap, s->play.first);
}

/* Records of a file carry the times that it has: it is evidence of then, not of now. */
static void play(struct sensor_state *s, int64_t now)
{
	struct play *p = &s->play;
	for (int i = 0; i < FRAMES_A_TURN && p->set && s->error == 0; i++) {
		if (!p->has_frame) {
			int r = capture_set_next(p->set, &p->frame);
			if (r <= 0) {
				s->error = r;
				if (r == 0)
					play_end(s);
				break;
			}
			p->has_frame = true;
			if (s->packets == 0)
				play_begin(s, now);
		}
		if (play_due(s) > now)
			break;
		p->has_frame = false;
		p->frame.vantage = p->link;
		s->packets++;
		s->bytes += p->frame.wirelen;
		s->now = p->frame.time_ns;
		s->error = sensor_frame(s->sensor, &p->frame, s->process->conf->n_links);
	}
	look_at_pressure(s);
}

static int on_watch_put(struct sensor_state *s, struct text bytes)
{
	struct msg_watch_put m;
	int r = msg_watch_put_decode(bytes.p, bytes.n, NULL, &m);
	struct cut c = {.from = m.from, .to = m.to, .direction = m.direction};
	return r == 0 ? watch_put(s->watch, &c, m.since - s->clock.shift) : r;
}

static int on_watch_drop(struct sensor_state *s, struct text bytes)
{
	struct msg_watch_drop m;
	int r = msg_watch_drop_decode(bytes.p, bytes.n, NULL, &m);
	struct cut c = {.from = m.from, .to = m.to, .direction = m.direction};
	if (r == 0)
		watch_drop(s->watch, &c);
	return r;
}

static int on_engine(void *context, uint16_t number, struct text bytes)
{
	struct sensor_state *s = context;
	if (!s->watch || !s->began)
		return 0;
	int r = number == MSG_WATCH_PUT ? on_watch_put(s, bytes) : on_watch_drop(s, bytes);
	/* asked for only while something is cut */
	sensor_rings_want_outgoing(&s->rings, s->process->conf, s->watch->n > 0);
	return r == -ERR_LIMIT ? 0 : r;
}

static void on_gone(void *context, int error)
{
	struct sensor_state *s = context;
	(void)error;
	/* the next engine tells anew what is cut */
	if (s->watch)
		watch_clear(s->watch);
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct sensor_state *s = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	s->engine.message = on_engine;
	s->engine.gone = on_gone;
	s->engine.context = s;
	return peer_open(&s->engine, &s->process->peers, c);
}

static void count_losses(struct sensor_state *s)
{
	for (size_t i = 0; i < s->rings.n; i++) {
		uint64_t lost = sensor_rings_lost(&s->rings, i);
		if (lost)
			sensor_lost(s->sensor, s->rings.v[i].link, lost);
		s->lost += lost;
	}
}

static int tell_sight(void *context, const struct watch_sight *w)
{
	struct sensor_state *s = context;
	struct dynbuf *out = peer_out(&s->engine);
	struct msg_sight m = {.from = w->cut.from,
	    .to = w->cut.to,
	    .direction = w->cut.direction,
	    .flow = w->flow,
	    .initiator = w->initiator,
	    .responder = w->responder,
	    .initiator_port = w->initiator_port,
	    .responder_port = w->responder_port,
	    .protocol = w->protocol,
	    .vantage = w->vantage,
	    .outgoing = w->kind == WATCH_LEFT,
	    .packets = w->packets,
	    .first = w->first + s->clock.shift,
	    .last = w->last + s->clock.shift};
	return sent(s, out ? msg_sight_encode(out, &m) : -EPIPE, 0);
}

static void say_state(struct sensor_state *s, int64_t now)
{
	struct dynbuf *out = peer_out(&s->engine);
	struct sensor_stats stats;
	if (now < s->state_at)
		return;
	s->state_at = now + STATE_NS;
	uint64_t bounds[SENSOR_BOUND_COUNT];
	sensor_get_stats(s->sensor, &stats);
	sensor_bounds(s->sensor, bounds);
	struct msg_sensor_state m = {.now = s->now + s->clock.shift,
	    .packets = s->packets,
	    .bytes = s->bytes,
	    .lost = s->lost,
	    .flows = stats.flow->live,
	    .flows_seen = stats.flow->flows,
	    .evicted = stats.flow->evicted,
	    .watches = s->watch->n,
	    .done = s->played,
	    .skipped = stats.snapshots_skipped,
	    .bounds = {.v = bounds, .n = SENSOR_BOUND_COUNT}};
	if (out)
		msg_sensor_state_encode(out, &m);
}

static int64_t deadline(void *self)
{
	struct sensor_state *s = self;
	int64_t due = play_due(s), fetch = sensor_rings_deadline(&s->rings);
	due = due < fetch ? due : fetch;
	return due < s->tick_at ? due : s->tick_at;
}

static void tick(void *self, int64_t now)
{
	struct sensor_state *s = self;
	if (s->play.set && !s->paused)
		play(s, now);
	if (s->began && sensor_rings_due(&s->rings, now))
		read_rings(s, 0);
	if (now >= s->tick_at && s->error == 0) {
		s->tick_at = now + TICK_NS;
		look_at_pressure(s);
		count_losses(s);
		if (s->rings.n)
			sample_clock(s);
		if (s->rings.n || (s->packets && !s->played)) {
			int r = sensor_tick(s->sensor, s->now);
			s->error = s->error < 0 ? s->error : r;
		}
		if (s->error == 0)
			s->error = watch_tell(s->watch, tell_sight, s);
		say_state(s, now);
	}
	if (s->error < 0)
		process_fail(s->process, s->error);
}

/* What is in the rings is read, as far as it came before, and what is open given out. */
static bool stop(void *self)
{
	struct sensor_state *s = self;
	if (!s->finished) {
		int64_t end = loop_now() + STOP_NS;
		while (s->rings.set && s->error == 0 && !s->paused && !read_turn(s) && loop_now() < end)
			look_at_pressure(s);
		count_losses(s);
		if (!s->played && s->error == 0)
			s->error = sensor_finish(s->sensor);
		s->state_at = 0;
		say_state(s, loop_now());
		s->finished = true;
	}
	return !s->engine.channel || channel_waiting(s->engine.channel) == 0;
}

static void free_state(void *self)
{
	struct sensor_state *s = self;
	peer_close(&s->engine);
	sensor_free(s->sensor);
	sensor_rings_end(&s->rings);
	watch_free(s->watch);
	capture_set_free(s->play.set);
	free(s);
}

static int start(struct process *p, void **ret_self)
{
	struct sensor_state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->process = p;
	sensor_rings_begin(&s->rings);
	p->engine = &s->engine;
	*ret_self = s;
	return 0;
}

int sensor_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_SENSOR,
	    .profile = SANDBOX_SENSOR,
	    .handed = handed,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_state};
	return process_run(&ops, index, start);
}
