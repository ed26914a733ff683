/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/parent_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/process.h"

/* A child that says nothing for so long is ended: those on the way to a cut before their lease is over,
 * others when neither a disk nor a busy machine can be the reason any more. A planner may be at one question
 * for long. */
#define SILENCE_NS      (15 * NS_PER_S)
#define SILENCE_LONG_NS (120 * NS_PER_S)
#define SILENCE_ASK_NS  (1200 * NS_PER_S)
/* One that lived for so long is started again at once. */
#define STEADY_NS (60 * NS_PER_S)
#define PAUSE_MAX (30 * NS_PER_S)
/* Cuts hang on a lease of 5 s at the least, which is renewed by thirds while engine and enforcer live; and
 * while there is no sensor nothing is seen. These don't stay away for long, however often they die. */
#define PAUSE_KEEPER NS_PER_S

static void child_gone(struct child *c);

struct child *parent_find(struct parent *p, enum msg_process kind, uint16_t index)
{
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].kind == kind && p->children[i].index == index)
			return &p->children[i];
	return NULL;
}

static int wants(struct parent *p, enum msg_process kind, uint16_t index)
{
	struct child *c = parent_find(p, kind, index);
	if (c) {
		c->retired = false;
		return 0;
	}
	if (p->n_children == PARENT_CHILDREN_MAX)
		return -ERR_LIMIT;
	p->children[p->n_children++] = (struct child){
	    .parent = p, .kind = kind, .index = index, .exit = {.fd = -1}, .start_at = 0};
	return 0;
}

/* Of `bulkhead enforce`. */
static int far_children(struct parent *p)
{
	int r = wants(p, MSG_PROCESS_ENFORCER, 0);
	return r == 0 ? wants(p, MSG_PROCESS_LINK, 0) : r;
}

int parent_children(struct parent *p)
{
	const struct daemon_conf *d = p->conf.daemon;
	int r = 0;
	for (size_t i = 0; i < p->n_children; i++)
		p->children[i].retired = true;
	if (d->near.port)
		return far_children(p);
	/* who gives the others something comes first */
	static const enum msg_process always[] = {
	    MSG_PROCESS_ARCHIVIST, MSG_PROCESS_ENGINE, MSG_PROCESS_PLANNER, MSG_PROCESS_GATEWAY};
	for (size_t i = 0; i < sizeof(always) / sizeof(*always) && r == 0; i++)
		r = wants(p, always[i], 0);
	if (r == 0 && d->n_webhooks)
		r = wants(p, MSG_PROCESS_COURIER, 0);
	for (size_t i = 0; i < d->n_enforcers && r == 0; i++)
		r = wants(
		    p, d->enforcers[i].is_remote ? MSG_PROCESS_LINK : MSG_PROCESS_ENFORCER, (uint16_t)i);
	for (uint16_t i = 0; i < d->sensor.processes && r == 0; i++)
		r = wants(p, MSG_PROCESS_SENSOR, i);
	return r;
}

/* What a child says to the parent. */
static int child_message(void *context, uint16_t number, struct text bytes)
{
	struct child *c = context;
	struct parent *p = c->parent;
	struct arena arena = {0};
	struct msg_alive alive;
	struct msg_prepared prepared;
	struct msg_reload reload;
	struct msg_outlet outlet;
	int r = 0;
	switch ((enum msg_message)number) {
	case MSG_ALIVE:
		r = msg_alive_decode(bytes.p, bytes.n, &arena, &alive);
		c->alive = loop_now();
		uint64_t ids = r == 0 && alive.ids ? parent_take_ids(p) : 0;
		if (ids)
			r = msg_ids_more_encode(
			    channel_out(c->peer.channel), &(struct msg_ids_more){.ids = ids});
		break;
	case MSG_PREPARED:
		r = msg_prepared_decode(bytes.p, bytes.n, &arena, &prepared);
		if (r == 0 && prepared.ok)
			c->prepared = prepared.generation;
		else if (r == 0 && prepared.generation == p->next_generation)
			parent_reload_failed(p, "%.*s", (int)prepared.why.n, prepared.why.p);
		else if (r == 0)
			log_error("%s %u: %.*s", msg_process_name(c->kind), c->index, (int)prepared.why.n,
			    prepared.why.p);
		if (r == 0 && !prepared.ok && !p->begun)
			p->code = PARENT_FAILED;
		break;
	case MSG_RELOAD:
		r = c->kind == MSG_PROCESS_ENGINE ? msg_reload_decode(bytes.p, bytes.n, &arena, &reload)
		                                  : -EPROTO;
		if (r == 0)
			parent_reload(p, reload.id);
		break;
	case MSG_OUTLET:
		r = c->kind == MSG_PROCESS_ARCHIVIST ? msg_outlet_decode(bytes.p, bytes.n, &arena, &outlet)
		                                     : -EPROTO;
		if (r == 0)
			r = child_hand_outlet(c, outlet.index);
		break;
	default: r = -EPROTO;
	}
	arena_free(&arena);
	return r;
}

/* Its channel is over: the process goes the same way, if it hasn't yet. */
static void child_mute(void *context, int error)
{
	struct child *c = context;
	if (c->pid > 0 && error != -EPIPE) {
		log_error("%s %u said what it may not; it is ended", msg_process_name(c->kind), c->index);
		kill(c->pid, SIGKILL);
	}
}

static void child_exited(void *context, uint32_t events)
{
	(void)events;
	child_gone(context);
}

static void tell_end(const struct child *c, int status)
{
	const char *name = msg_process_name(c->kind);
	if (c->stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFSIGNALED(status))
		log_error("%s %u (pid %d) was ended by signal %d (%s)%s", name, c->index, (int)c->pid,
		    WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ? ": it made a system call that it may not" : "");
	else
		log_error(
		    "%s %u (pid %d) ended with code %d", name, c->index, (int)c->pid, WEXITSTATUS(status));
}

/* Before a child is started again that didn't live for long: longer each time. */
static int64_t pause_of(const struct child *c)
{
	bool waits = c->kind == MSG_PROCESS_PLANNER || c->kind == MSG_PROCESS_COURIER;
	int64_t pause = NS_PER_S / 10 << (c->in_a_row < 10 ? c->in_a_row : 10),
	        max = waits ? PAUSE_MAX : PAUSE_KEEPER;
	return pause < max ? pause : max;
}

static void child_gone(struct child *c)
{
	int status = 0;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	tell_end(c, status);
	loop_remove(c->parent->loop, &c->exit);
	close(c->exit.fd);
	peer_close(&c->peer);
	int64_t now = loop_now(), pause = 0;
	if (!c->stopping && now - c->started < STEADY_NS)
		pause = pause_of(c);
	else if (!c->stopping)
		c->in_a_row = 0;
	c->in_a_row += !c->stopping;
	c->restarts += !c->stopping;
	c->pid = 0;
	c->exit.fd = -1;
	c->running = c->stopping = false;
	c->prepared = 0;
	c->start_at = now + pause;
	if (!c->parent->begun)
		c->parent->code = PARENT_FAILED;
}

/* Executes this same program as a child whose descriptor 3 is `fd`; every other is closed at exec. */
static int spawn(struct child *c, int fd)
{
	char index[8];
	char *argv[] = {"bulkhead", "process", (char *)msg_process_name(c->kind), index, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	snprintf(index, sizeof(index), "%u", c->index);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, fd, PROCESS_CHANNEL_FD);
	/* a group of its own: what is typed at the terminal is for the parent alone */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	int error = posix_spawn(&c->pid, "/proc/self/exe", &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (error)
		c->pid = 0;
	return -error;
}

static int watch(struct child *c)
{
	int fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (fd < 0)
		return -errno;
	c->exit = (struct loop_source){.fd = fd, .ready = child_exited, .context = c};
	return loop_add(c->parent->loop, &c->exit, EPOLLIN);
}

int child_start(struct child *c)
{
	struct parent *p = c->parent;
	struct channel *channel;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	int r = spawn(c, pair[1]);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	c->started = c->alive = loop_now();
	c->start_at = INT64_MAX;
	c->peer.message = child_message;
	c->peer.gone = child_mute;
	c->peer.context = c;
	r = channel_new(&channel, pair[0], CHANNEL_CHILD_TO_PARENT, CHANNEL_PARENT_TO_CHILD);
	if (r == 0)
		r = peer_open(&c->peer, &p->peers, channel);
	if (r == 0)
		r = watch(c);
	if (r == 0)
		r = child_join(c);
	if (r == 0)
		r = child_hand(c, &p->conf, p->generation, true);
	if (r < 0) {
		log_error("%s %u can't be given what it needs: %s", msg_process_name(c->kind), c->index,
		    err_text(r));
		kill(c->pid, SIGKILL);
		if (c->exit.fd < 0) {
			waitpid(c->pid, NULL, 0);
			peer_close(&c->peer);
			c->pid = 0;
		}
	}
	return r;
}

void child_stop(struct child *c)
{
	if (!c->pid || c->stopping)
		return;
	c->stopping = true;
	c->alive = loop_now();
	if (peer_out(&c->peer))
		msg_stop_encode(peer_out(&c->peer), &(struct msg_stop){0});
}

void child_swap(struct child *c)
{
	if (peer_out(&c->peer))
		msg_swap_encode(peer_out(&c->peer), &(struct msg_swap){.generation = c->parent->generation});
	c->running = true;
}

int64_t parent_children_deadline(const struct parent *p)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < p->n_children; i++) {
		const struct child *c = &p->children[i];
		if (c->pid == 0 && !c->retired && c->start_at < first)
			first = c->start_at;
	}
	return first;
}

static int64_t patience_with(const struct child *c)
{
	/* beginning, and with a new configuration, there are feeds of a million lines to be read */
	bool busy = !c->running || c->parent->next_generation;
	switch (c->kind) {
	case MSG_PROCESS_SENSOR:
	case MSG_PROCESS_ENGINE:
	case MSG_PROCESS_ENFORCER:
	case MSG_PROCESS_LINK: return busy ? SILENCE_LONG_NS : SILENCE_NS;
	case MSG_PROCESS_PLANNER: return SILENCE_ASK_NS;
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_ARCHIVIST:
	case MSG_PROCESS_GATEWAY:
	case MSG_PROCESS_COURIER:
	case MSG_PROCESS_COUNT: break;
	}
	return SILENCE_LONG_NS;
}

static bool is_silent(const struct child *c, int64_t now)
{
	return now - c->alive > (c->stopping ? SILENCE_LONG_NS / 6 : patience_with(c));
}

void parent_tick_children(struct parent *p, int64_t now)
{
	for (size_t i = 0; i < p->n_children; i++) {
		struct child *c = &p->children[i];
		if (c->pid && is_silent(c, now)) {
			log_error("%s %u (pid %d) gives no sign of life; it is ended",
			    msg_process_name(c->kind), c->index, (int)c->pid);
			kill(c->pid, SIGKILL);
			c->alive = now;
		}
		if (c->pid && c->retired)
			child_stop(c);
		if (c->pid == 0 && !c->retired && !p->stopping && c->start_at <= now && child_start(c) < 0)
			c->start_at = now + NS_PER_S;
		if (p->begun && c->pid && !c->running && c->prepared == p->generation)
			child_swap(c);
	}
}
