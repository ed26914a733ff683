/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/fence.h"
#include "live/files.h"
#include "live/parent_private.h"

/* How long one stage of stopping may take before its processes are killed. */
#define STOP_NS (20 * NS_PER_S)

void parent_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	if (n == 0 || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_debug("the service manager can't be told: %s", err_text(-errno));
	close(fd);
}

/* The file holds the number of the next range, in eight bytes; it is durable before the range is used. */
uint64_t parent_take_ids(struct parent *p)
{
	uint8_t bytes[8] = {0};
	if (p->ids_fd < 0)
		return MSG_IDS;
	ssize_t n = pread(p->ids_fd, bytes, sizeof(bytes), 0);
	uint64_t range = n == (ssize_t)sizeof(bytes) ? load_le64(bytes) : 1;
	range = range ? range : 1;
	store_le64(bytes, range + 1);
	if (n < 0 || pwrite(p->ids_fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) ||
	    fdatasync(p->ids_fd) < 0) {
		log_error("the next range of record ids can't be noted: %s", err_text(-errno));
		return 0;
	}
	return range * MSG_IDS;
}

static int open_ids(struct parent *p)
{
	char folder[PATH_MAX], path[PATH_MAX + 8];
	if (p->conf.daemon->near.port)
		return 0;
	int r = live_path(p->conf.daemon->path, p->conf.daemon->state, folder, sizeof(folder));
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/ids", folder);
	p->ids_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return p->ids_fd < 0 ? -errno : 0;
}

static void begin_stop(struct parent *p)
{
	if (p->stopping)
		return;
	log_info("stopping; cuts that don't fail closed end with their lease");
	parent_notify("STOPPING=1");
	p->stopping = true;
	p->stop_until = loop_now() + STOP_NS;
	if (p->code < 0)
		p->code = 0;
}

static void signalled(void *context, uint32_t events)
{
	struct parent *p = context;
	struct signalfd_siginfo s;
	(void)events;
	while (read(p->signals.fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGHUP)
			parent_reload(p, 0);
		else
			begin_stop(p);
	}
}

static int open_signals(struct parent *p)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	p->signals = (struct loop_source){.fd = fd, .ready = signalled, .context = p};
	return loop_add(p->loop, &p->signals, EPOLLIN);
}

/* Who gives others what they wait for ends first: nothing that was seen is lost. */
static unsigned stop_stage(enum msg_process kind)
{
	return kind == MSG_PROCESS_SENSOR ? 0 : kind == MSG_PROCESS_ENGINE ? 1 : 2;
}

static bool stop_step(struct parent *p, int64_t now)
{
	unsigned first = UINT_MAX;
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].pid && stop_stage(p->children[i].kind) < first)
			first = stop_stage(p->children[i].kind);
	for (size_t i = 0; i < p->n_children; i++) {
		struct child *c = &p->children[i];
		if (!c->pid || stop_stage(c->kind) != first)
			continue;
		if (!c->stopping) {
			child_stop(c);
			p->stop_until = now + STOP_NS;
		} else if (now > p->stop_until) {
			kill(c->pid, SIGKILL);
		}
	}
	return first == UINT_MAX;
}

/* The engine is told how the others are; the service manager that all are. */
static void say(struct parent *p, int64_t now)
{
	const struct child *engine = parent_find(p, MSG_PROCESS_ENGINE, 0);
	struct dynbuf *out = engine && engine->running ? peer_out((struct peer *)&engine->peer) : NULL;
	if (now < p->next_word)
		return;
	p->next_word = now + NS_PER_S;
	for (size_t i = 0; out && i < p->n_children; i++) {
		const struct child *c = &p->children[i];
		struct msg_alive m = {.process = (uint8_t)c->kind,
		    .index = c->index,
		    .runs = c->pid && c->running,
		    .restarts = c->restarts};
		if (!c->retired)
			msg_alive_encode(out, &m);
	}
	parent_notify("WATCHDOG=1");
}

/* All have prepared the first configuration: it counts, for all at once. */
static void begin(struct parent *p)
{
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].prepared != p->generation)
			return;
	p->begun = true;
	for (size_t i = 0; i < p->n_children; i++)
		child_swap(&p->children[i]);
	log_info("running: %zu processes", p->n_children);
	parent_notify("READY=1");
}

static int turn(struct parent *p)
{
	int64_t deadline = parent_children_deadline(p);
	deadline = deadline < p->next_word ? deadline : p->next_word;
	peers_flush(&p->peers);
	int r = loop_wait(p->loop, deadline);
	int64_t now = loop_now();
	if (!p->begun && !p->stopping && p->code < 0)
		begin(p);
	parent_tick_children(p, now);
	parent_reload_look(p, now);
	say(p, now);
	return r;
}

static void log_line_of(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int prepare(struct parent *p)
{
	int r = parent_conf_folders(&p->conf);
	if (r == 0)
		r = open_ids(p);
	if (r == 0)
		r = loop_new(&p->loop);
	p->peers.loop = p->loop;
	if (r == 0)
		r = open_signals(p);
	if (r == 0)
		r = parent_children(p);
	if (r == 0)
		r = fence_enter_parent(p->conf.daemon, p->options->sandbox);
	return r;
}

static void release(struct parent *p)
{
	for (size_t i = 0; i < p->n_children; i++)
		peer_close(&p->children[i].peer);
	if (p->signals.fd > 0)
		close(p->signals.fd);
	if (p->ids_fd >= 0)
		close(p->ids_fd);
	loop_free(p->loop);
	parent_conf_free(&p->conf);
	parent_conf_free(&p->next);
	dynbuf_free(&p->reload_why);
	free(p);
}

int parent_run(const struct parent_options *options)
{
	struct parent *p = calloc(1, sizeof(*p));
	if (!p)
		return PARENT_FAILED;
	p->options = options;
	p->code = -1;
	p->ids_fd = -1;
	p->generation = 1;
	p->conf = p->next = (struct parent_conf){.daemon_fd = -1, .site_fd = -1};
	int r = parent_conf_read(&p->conf, options->conf, options->far, log_line_of, NULL);
	if (r < 0) {
		release(p);
		return PARENT_MISTAKES;
	}
	r = prepare(p);
	if (r < 0)
		log_error("this can't begin: %s", err_text(r));
	for (bool over = false; r == 0 && !over;) {
		if (p->code > 0)
			begin_stop(p);
		over = p->stopping && stop_step(p, loop_now());
		if (!over)
			r = turn(p);
	}
	int code = r < 0 ? PARENT_FAILED : p->code;
	release(p);
	return code;
}
