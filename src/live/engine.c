/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "live/files.h"

/* The detector looks at the whole in small steps, and begins again after this; what one record shows it says
 * at once. */
#define LOOK_NS (2 * NS_PER_S)
#define STEP_NS (20 * NS_PER_MS)

static uint64_t next_id(void *context)
{
	struct engine *e = context;
	return process_next_id(e->process);
}

static void forget_feeds(struct engine *e)
{
	for (size_t i = 0; i < e->n_feeds; i++) {
		close(e->feeds[i]);
		free(e->feed_names[i]);
	}
	e->n_feeds = 0;
}

/* Feeds come before the configuration that they belong to is prepared. */
static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct engine *e = self;
	/* those of a configuration that was given up before all of it was handed down are none of this one */
	if (h->what == MSG_HANDED_FEED && h->generation != e->feeds_generation)
		forget_feeds(e);
	if (h->what == MSG_HANDED_FEED)
		e->feeds_generation = h->generation;
	if (h->what != MSG_HANDED_FEED || e->n_feeds == ENGINE_FEEDS_MAX) {
		close(fd);
		return h->what == MSG_HANDED_FEED ? -ERR_LIMIT : 0;
	}
	char *name = malloc(h->name.n + 1);
	if (!name) {
		close(fd);
		return -ENOMEM;
	}
	memcpy(name, h->name.p, h->name.n);
	name[h->name.n] = '\0';
	e->feeds[e->n_feeds] = fd;
	e->feed_names[e->n_feeds++] = name;
	return 0;
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct engine *e = self;
	switch (peer) {
	case MSG_PROCESS_SENSOR: return engine_met_sensor(e, index, c);
	case MSG_PROCESS_ENFORCER: return engine_met_enforcer(e, index, c);
	case MSG_PROCESS_ARCHIVIST: return engine_met_archivist(e, index, c);
	case MSG_PROCESS_PLANNER: return engine_met_planner(e, index, c);
	case MSG_PROCESS_GATEWAY: return engine_met_gateway(e, index, c);
	case MSG_PROCESS_COURIER: return engine_met_courier(e, index, c);
	default: channel_free(c); return -EPROTO;
	}
}

static int on_archivist(void *context, uint16_t number, struct text bytes)
{
	struct engine *e = context;
	struct msg_receipt m;
	(void)number;
	arena_reset(&e->arena);
	int r = msg_receipt_decode(bytes.p, bytes.n, &e->arena, &m);
	if (r < 0)
		return r;
	e->durable = e->sent_before + m.sequence;
	engine_lost_acknowledged(e);
	e->archive_failed = m.failed;
	e->counts.eve_lines = m.eve_lines;
	e->counts.eve_lost = m.eve_lost;
	text_printable(m.why, e->archive_why, sizeof(e->archive_why));
	engine_acts_durable(e);
	return 0;
}

/* What was on its way to an archivist that is gone is lost, as far as it wasn't acknowledged; but for acts.
 */
static void on_archivist_gone(void *context, int error)
{
	struct engine *e = context;
	(void)error;
	e->counts.unarchived += e->sent - e->durable - engine_acts_unsent(e);
	engine_lost_archivist(e);
	e->sent = e->sent_before = e->durable;
}

int engine_met_archivist(struct engine *e, uint16_t index, struct channel *c)
{
	(void)index;
	peer_drain(&e->archivist);
	on_archivist_gone(e, 0);
	e->archivist.message = on_archivist;
	e->archivist.gone = on_archivist_gone;
	e->archivist.context = e;
	int r = peer_open(&e->archivist, &e->process->peers, c);
	engine_acts_again(e);
	return r;
}

static int load_feeds(struct engine *e, struct indicator_set *set, struct dynbuf *why)
{
	int r = 0;
	for (size_t i = 0; i < e->n_feeds && r == 0; i++) {
		struct dynbuf bytes = {0};
		r = live_read_file(e->feeds[i], &bytes);
		if (r == 0)
			r = indicator_set_load(
			    set, e->feed_names[i], INDICATOR_FORMAT_AUTO, dynbuf_view(&bytes));
		if (r < 0)
			dynbuf_printf(why, "%s: %s\n", e->feed_names[i], err_text(r));
		dynbuf_free(&bytes);
	}
	if (r == 0 && indicator_problem_count(set))
		log_warning(
		    "%zu entries of indicator feeds aren't used; bulkhead hunt --indicators tells which",
		    indicator_problem_count(set));
	return r;
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct engine *e = self;
	char folder[PATH_MAX];
	int r = live_path(c->conf->path, c->conf->state, folder, sizeof(folder));
	if (r == 0 && !e->store)
		r = engine_orders_open(e, folder, c->conf, why);
	if (r == 0 && !e->spared)
		r = engine_policy_open(e);
	if (r == 0)
		r = indicator_set_new(
		    &e->next_indicators, &(struct indicator_options){.seed = e->process->seed});
	if (r == 0)
		r = load_feeds(e, e->next_indicators, why);
	if (r == 0)
		r = live_rules_make(&e->next_rules, c->conf, c->site);
	if (r == 0)
		r = engine_policy_make(c->conf, &e->next_policy);
	forget_feeds(e);
	return r;
}

static void discard(void *self)
{
	struct engine *e = self;
	if (e->next_indicators)
		indicator_set_free(e->next_indicators);
	e->next_indicators = NULL;
	live_rules_free(&e->next_rules);
	free(e->next_policy);
	e->next_policy = NULL;
}

static int start_detector(struct engine *e)
{
	struct detect_config config = {.zones = e->process->site->zones,
	    .indicators = e->indicators,
	    .seed = e->process->seed,
	    .next_id = next_id,
	    .emit = engine_on_detection,
	    .context = e};
	return detector_new(&e->detector, &config);
}

/* Those that were met while we began waited. */
static void hear_sensors(struct engine *e)
{
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++)
		if (e->sensors[i].peer.channel)
			peer_pause(&e->sensors[i].peer, false);
}

static void swap(void *self)
{
	struct engine *e = self;
	struct indicator_set *before = e->indicators;
	e->indicators = e->next_indicators;
	e->next_indicators = NULL;
	live_rules_free(&e->rules);
	e->rules = e->next_rules;
	e->next_rules = (struct live_rules){0};
	engine_tell_rules(e);
	free(e->policy);
	e->policy = e->next_policy;
	e->next_policy = NULL;
	if (e->detector) {
		/* what it has learned stays; only what it asks changes */
		detector_change(e->detector, e->process->site->zones, e->indicators);
	} else {
		int r = start_detector(e);
		if (r < 0) {
			process_fail(e->process, r);
			return;
		}
		int64_t now = loop_now();
		e->began = now;
		e->look_at = now + LOOK_NS;
		engine_orders_begin(e, now);
		hear_sensors(e);
	}
	if (before)
		indicator_set_free(before);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t deadline(void *self)
{
	struct engine *e = self;
	int64_t at = earliest(e->look_at, engine_orders_deadline(e));
	at = earliest(at, e->word_at);
	at = earliest(at, e->verify_at);
	at = earliest(at, e->acts_until);
	if (!e->incidents_asked)
		at = earliest(at, e->incidents_at);
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		at = earliest(at, e->enforcers[i].retry_at);
	return at;
}

static void tick(void *self, int64_t now)
{
	struct engine *e = self;
	engine_orders_tick(e, now);
	engine_enforcers_tick(e, now);
	engine_verify_tick(e, now);
	if (now >= e->acts_until)
		engine_acts_tick(e, now);
	engine_incidents_tick(e, now);
	engine_lost_tell(e);
	if (now >= e->look_at)
		e->look_at = now + (e->clock && !detector_look(e->detector, e->clock) ? STEP_NS : LOOK_NS);
}

/* All that the sensors sent has been read when their channels are over; what is in ours goes out first. */
static bool stop(void *self)
{
	struct engine *e = self;
	if (e->clock && e->detector && !e->finished) {
		detector_finish(e->detector, e->clock);
		e->finished = true;
	}
	peers_flush(&e->process->peers);
	return !e->archivist.channel || channel_waiting(e->archivist.channel) == 0;
}

static void free_engine(void *self)
{
	struct engine *e = self;
	discard(e);
	engine_orders_close(e);
	engine_policy_close(e);
	live_rules_free(&e->rules);
	detector_free(e->detector);
	if (e->indicators)
		indicator_set_free(e->indicators);
	forget_feeds(e);
	for (size_t i = 0; i < DAEMON_SENSORS_MAX; i++) {
		peer_close(&e->sensors[i].peer);
		dynbuf_free(&e->sensors[i].pending);
	}
	for (size_t i = 0; i < DAEMON_ENFORCERS_MAX; i++)
		peer_close(&e->enforcers[i].peer);
	peer_close(&e->planner);
	peer_close(&e->archivist);
	peer_close(&e->gateway);
	peer_close(&e->courier);
	arena_free(&e->arena);
	free(e);
}

/* Which boot this is: deadlines of the clock that nobody sets mean nothing in another. */
static void read_boot(struct engine *e)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, e->boot, sizeof(e->boot) - 1);
	if (fd >= 0)
		close(fd);
	e->boot[n > 0 ? n : 0] = '\0';
}

static int start(struct process *p, void **ret_self)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->process = p;
	e->look_at = e->incidents_at = e->verify_at = e->sync_at = e->acts_until = INT64_MAX;
	read_boot(e);
	*ret_self = e;
	return 0;
}

int engine_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_ENGINE,
	    .profile = SANDBOX_ENGINE,
	    .handed = handed,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .told = engine_told,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_engine};
	return process_run(&ops, index, start);
}
