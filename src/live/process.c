/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/process.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/fence.h"
#include "live/files.h"

uint64_t process_next_id(struct process *p)
{
	if (p->ids_left == 0 && p->next_ids) {
		p->ids = p->next_ids;
		p->ids_left = MSG_IDS - 1;
		p->next_ids = 0;
		p->ids_asked = false;
	}
	/* the parent is asked when half of a range is used; who uses 2^31 ids before it answers is ended */
	if (p->ids_left == 0) {
		process_fail(p, -ERR_LIMIT);
		return p->ids;
	}
	p->ids_left--;
	return ++p->ids;
}

void process_fail(struct process *p, int error)
{
	if (p->error == 0)
		p->error = error;
}

static void answer_prepared(struct process *p, uint64_t generation, int error, const struct dynbuf *why)
{
	struct text text = dynbuf_view(why);
	text.n = text.n < MSG_TEXT_MAX / 2 ? text.n : MSG_TEXT_MAX / 2;
	struct msg_prepared m = {.generation = generation, .ok = error == 0, .why = text};
	struct dynbuf *out = peer_out(&p->parent);
	if (out && msg_prepared_encode(out, &m) < 0)
		process_fail(p, -EPIPE);
}

static void discard(struct process *p)
{
	if (p->next_conf && p->ops->discard)
		p->ops->discard(p->self);
	daemon_conf_free(p->next_conf);
	site_free(p->next_site);
	p->next_conf = NULL;
	p->next_site = NULL;
	p->next_generation = 0;
}

static void add_line(void *context, const char *line)
{
	struct dynbuf *why = context;
	dynbuf_printf(why, "%s\n", line);
}

/* The two files as they were handed down; the parent has found them good. */
static int read_configuration(struct process *p, struct dynbuf *why)
{
	int r = p->site_file >= 0 ? live_read_site(&p->next_site, p->site_file, p->site_path, add_line, why)
	                          : site_guess(&p->next_site);
	if (r == 0)
		r = p->daemon_file >= 0 ? live_read_daemon(&p->next_conf, p->daemon_file, p->daemon_path,
		                              p->next_site, add_line, why)
		                        : -ENOENT;
	if (p->site_file >= 0)
		close(p->site_file);
	if (p->daemon_file >= 0)
		close(p->daemon_file);
	p->site_file = p->daemon_file = -1;
	return r;
}

/* Gives up what the process doesn't need, as its first configuration says. All that it will ever need was
 * handed down, is in its folders, or comes down later. */
static int enter(struct process *p, const struct msg_prepare *m, struct dynbuf *why)
{
	if (p->entered)
		return 0;
	struct process_configuration c = {
	    .generation = m->generation, .conf = p->next_conf, .site = p->next_site};
	p->seed = m->seed;
	p->ids = m->ids;
	p->ids_left = MSG_IDS - 1;
	p->entered = true;
	int r = p->ops->open ? p->ops->open(p->self, &c, why) : 0;
	return r == 0 ? fence_enter(p, m) : r;
}

static void prepare(struct process *p, const struct msg_prepare *m)
{
	struct dynbuf why = {0};
	discard(p);
	int r = read_configuration(p, &why);
	if (r == 0)
		r = enter(p, m, &why);
	if (r == 0) {
		struct process_configuration c = {
		    .generation = m->generation, .conf = p->next_conf, .site = p->next_site};
		r = p->ops->prepare(p->self, &c, &why);
	}
	if (r < 0 && why.n == 0)
		dynbuf_printf(&why, "%s: %s\n", msg_process_name(p->ops->kind), err_text(r));
	answer_prepared(p, m->generation, r, &why);
	if (r < 0)
		discard(p);
	/* who can't begin is started again by the parent, in its own time */
	if (r < 0 && !p->running)
		process_fail(p, r);
	if (r == 0)
		p->next_generation = m->generation;
	dynbuf_free(&why);
}

static void swap(struct process *p, uint64_t generation)
{
	if (!p->next_conf || p->next_generation != generation) {
		discard(p);
		return;
	}
	struct daemon_conf *conf = p->conf;
	struct site *site = p->site;
	p->conf = p->next_conf;
	p->site = p->next_site;
	p->generation = generation;
	p->next_conf = NULL;
	p->next_site = NULL;
	p->ops->swap(p->self);
	p->running = true;
	daemon_conf_free(conf);
	site_free(site);
}

static int keep_file(int *file, char *path, const struct msg_handed *h, int fd)
{
	if (*file >= 0)
		close(*file);
	*file = fd;
	snprintf(path, 4096, "%.*s", (int)(h->name.n < 4095 ? h->name.n : 4095), h->name.p);
	return 0;
}

static int meet(struct process *p, const struct msg_handed *h, int fd)
{
	enum channel_way in = channel_way_of(h->peer, p->ops->kind),
	                 out = channel_way_of(p->ops->kind, h->peer);
	struct channel *c;
	/* a link stands for an enforcer */
	if (p->ops->kind == MSG_PROCESS_LINK && h->peer == MSG_PROCESS_ENGINE) {
		in = CHANNEL_ENGINE_TO_ENFORCER;
		out = CHANNEL_ENFORCER_TO_ENGINE;
	}
	/* and at the far side for the engine */
	if (p->ops->kind == MSG_PROCESS_LINK && h->peer == MSG_PROCESS_ENFORCER) {
		in = CHANNEL_ENFORCER_TO_ENGINE;
		out = CHANNEL_ENGINE_TO_ENFORCER;
	}
	if (in == CHANNEL_WAYS || out == CHANNEL_WAYS || !p->ops->met) {
		close(fd);
		return -EPROTO;
	}
	/* what the engine before said last is heard before it is forgotten */
	if (h->peer == MSG_PROCESS_ENGINE && p->engine)
		peer_drain(p->engine);
	int r = channel_new(&c, fd, in, out);
	return r < 0 ? r : p->ops->met(p->self, h->peer, h->index, c);
}

static int take_handed(struct process *p, struct text bytes, int fd)
{
	struct arena arena = {0};
	struct msg_handed h;
	int r = msg_handed_decode(bytes.p, bytes.n, &arena, &h);
	if (r < 0)
		close(fd);
	else if (h.what == MSG_HANDED_DAEMON)
		r = keep_file(&p->daemon_file, p->daemon_path, &h, fd);
	else if (h.what == MSG_HANDED_SITE)
		r = keep_file(&p->site_file, p->site_path, &h, fd);
	else if (h.what == MSG_HANDED_CHANNEL)
		r = meet(p, &h, fd);
	else if (p->ops->handed)
		r = p->ops->handed(p->self, &h, fd);
	else
		close(fd);
	arena_free(&arena);
	return r;
}

static int take_ids(struct process *p, struct text bytes)
{
	struct msg_ids_more m;
	int r = msg_ids_more_decode(bytes.p, bytes.n, NULL, &m);
	if (r == 0)
		p->next_ids = m.ids;
	return r;
}

/* A message of the parent. Descriptors come with them, so they are not read as a peer's are. */
static int obey(struct process *p, uint16_t number, struct text bytes, int fd)
{
	struct msg_prepare prepare_m;
	struct msg_swap swap_m;
	int r = 0;
	switch ((enum msg_message)number) {
	case MSG_HANDED: return take_handed(p, bytes, fd);
	case MSG_PREPARE:
		r = msg_prepare_decode(bytes.p, bytes.n, NULL, &prepare_m);
		if (r == 0)
			prepare(p, &prepare_m);
		return r;
	case MSG_SWAP:
		r = msg_swap_decode(bytes.p, bytes.n, NULL, &swap_m);
		if (r == 0)
			swap(p, swap_m.generation);
		return r;
	case MSG_IDS_MORE: return take_ids(p, bytes);
	case MSG_STOP: p->stopping = true; return 0;
	default:
		if (p->ops->told)
			p->ops->told(p->self, number, bytes);
		return 0;
	}
}

static void parent_ready(void *context, uint32_t events)
{
	struct process *p = context;
	uint16_t number;
	struct text bytes;
	int fd;
	(void)events;
	int r = channel_read(p->parent.channel);
	while (r >= 0 && p->error == 0) {
		int next = channel_next(p->parent.channel, &number, &bytes, &fd);
		if (next == 0)
			break;
		r = next < 0 ? next : obey(p, number, bytes, fd);
	}
	/* without a parent nobody starts again what dies: finish, and let leases do the rest */
	if (r == -EPIPE) {
		p->stopping = true;
		peer_close(&p->parent);
	} else if (r < 0)
		process_fail(p, r);
}

/* It was found out by writing to it. */
static void parent_gone(void *context, int error)
{
	struct process *p = context;
	(void)error;
	p->stopping = true;
}

static void say_alive(struct process *p, int64_t now)
{
	struct dynbuf *out = peer_out(&p->parent);
	if (now < p->next_alive)
		return;
	p->next_alive = now + NS_PER_S;
	if (!out)
		return;
	bool ids = p->entered && !p->ids_asked && p->next_ids == 0 && p->ids_left < MSG_IDS / 2;
	struct msg_alive m = {
	    .process = (uint8_t)p->ops->kind, .index = p->index, .runs = p->running, .ids = ids};
	msg_alive_encode(out, &m);
	p->ids_asked |= ids;
}

/* Who lost the engine is given a channel to the next one; if none comes, something is wrong with us. */
#define ORPHAN_NS (10 * NS_PER_S)

static void look_for_engine(struct process *p, int64_t now)
{
	if (!p->engine || !p->running || p->engine->channel)
		p->orphan_at = INT64_MAX;
	else if (p->orphan_at == INT64_MAX)
		p->orphan_at = now + ORPHAN_NS;
	else if (now >= p->orphan_at && !p->stopping) {
		log_error("%s %u: there is no engine to talk to", msg_process_name(p->ops->kind), p->index);
		process_fail(p, -EPIPE);
	}
}

static int turn(struct process *p)
{
	int64_t deadline = p->next_alive;
	if (p->running) {
		int64_t own = p->ops->deadline(p->self);
		deadline = own < deadline ? own : deadline;
	}
	peers_flush(&p->peers);
	int r = loop_wait(p->loop, deadline);
	int64_t now = loop_now();
	if (r == 0 && p->running && p->error == 0)
		p->ops->tick(p->self, now);
	say_alive(p, now);
	look_for_engine(p, now);
	return r < 0 ? r : p->error;
}

static int open_parent(struct process *p)
{
	struct channel *c;
	int r = channel_new(&c, PROCESS_CHANNEL_FD, CHANNEL_PARENT_TO_CHILD, CHANNEL_CHILD_TO_PARENT);
	if (r == 0)
		r = peer_open(&p->parent, &p->peers, c);
	if (r < 0)
		return r;
	loop_remove(p->loop, &p->parent.source);
	p->parent.source.ready = parent_ready;
	p->parent.source.context = p;
	p->parent.gone = parent_gone;
	p->parent.context = p;
	return loop_add(p->loop, &p->parent.source, EPOLLIN);
}

/* Finishing waits for others, who may not be there any more. */
#define STOP_NS (15 * NS_PER_S)

static bool is_done(struct process *p)
{
	if (!p->stopping)
		return false;
	if (p->stop_until == 0)
		p->stop_until = loop_now() + STOP_NS;
	return !p->running || p->ops->stop(p->self) || loop_now() > p->stop_until;
}

/*
 * From a packet to its cut the way leads through these: they go before others that want the processor, and in
 * short turns, so that from Linux 6.12 on whoever wakes up doesn't wait for the end of another's. What runs
 * without the right to say so runs as everybody.
 */
static void take_precedence(enum msg_process kind)
{
	enum { PRECEDENCE = -15 };
	struct sched_attr a = {.size = sizeof(a),
	    .sched_policy = SCHED_NORMAL,
	    .sched_nice = PRECEDENCE,
	    .sched_runtime = 100 * NS_PER_US};
	if (kind != MSG_PROCESS_SENSOR && kind != MSG_PROCESS_ENGINE && kind != MSG_PROCESS_ENFORCER)
		return;
	if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		(void)setpriority(PRIO_PROCESS, 0, PRECEDENCE);
}

int process_run(
    const struct process_ops *ops, uint16_t index, int (*start)(struct process *p, void **ret_self))
{
	struct process p = {
	    .ops = ops, .index = index, .daemon_file = -1, .site_file = -1, .orphan_at = INT64_MAX};
	int r = loop_new(&p.loop);
	take_precedence(ops->kind);
	p.peers.loop = p.loop;
	if (r == 0)
		r = open_parent(&p);
	if (r == 0)
		r = start(&p, &p.self);
	while (r == 0 && !is_done(&p))
		r = turn(&p);
	if (r < 0 && r != -EPIPE)
		log_error("%s %u ends: %s", msg_process_name(ops->kind), index, err_text(r));
	peers_flush(&p.peers);
	discard(&p);
	if (p.self)
		ops->free(p.self);
	daemon_conf_free(p.conf);
	site_free(p.site);
	peer_close(&p.parent);
	loop_free(p.loop);
	return r < 0 && r != -EPIPE;
}
