/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/parent_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/files.h"

enum { BACKLOG = 64, FDS_FROM = 3 };

/* Hands a descriptor down, and closes it here. */
static int hand(struct child *c, const struct msg_handed *m, int fd)
{
	struct dynbuf *out = peer_out(&c->peer);
	int r = out ? channel_attach(c->peer.channel, fd) : -EPIPE;
	if (r == 0)
		r = msg_handed_encode(out, m);
	close(fd);
	/* descriptors wait in bounded numbers, so they go out as they come */
	if (r == 0)
		peer_flush(&c->peer);
	return r;
}

/* Opens a file that the configuration names relative to itself. */
static int hand_file(
    struct child *c, const char *beside, const char *path, uint8_t what, uint16_t index, uint64_t generation)
{
	char full[PATH_MAX];
	int r = live_path(beside, path, full, sizeof(full));
	int fd = r < 0 ? -1 : open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r < 0 || fd < 0) {
		r = r < 0 ? r : -errno;
		log_error("%s can't be opened: %s", path, err_text(r));
		return r;
	}
	struct msg_handed m = {.what = what, .index = index, .name = text_of(full), .generation = generation};
	return hand(c, &m, fd);
}

static int hand_configuration(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	struct msg_handed m = {
	    .what = MSG_HANDED_DAEMON, .name = text_of(conf->daemon->path), .generation = generation};
	int r = hand(c, &m, fcntl(conf->daemon_fd, F_DUPFD_CLOEXEC, FDS_FROM));
	if (r == 0 && conf->site_fd >= 0) {
		m.what = MSG_HANDED_SITE;
		m.name = text_of(conf->site->path);
		r = hand(c, &m, fcntl(conf->site_fd, F_DUPFD_CLOEXEC, FDS_FROM));
	}
	return r;
}

static int hand_feeds(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	const struct site *s = conf->site;
	int r = 0;
	for (size_t i = 0; i < s->n_indicators && r == 0; i++)
		r = hand_file(c, s->path, s->indicators[i], MSG_HANDED_FEED, (uint16_t)i, generation);
	return r;
}

static int hand_ring(struct child *c, const struct parent_conf *conf, size_t link, size_t interface)
{
	const struct daemon_link *l = &conf->daemon->links[link];
	char why[RING_WHY];
	int fd;
	struct ring_config config = {.interface = l->interfaces[interface],
	    .mib = conf->daemon->sensor.ring_mib,
	    .delivery = l->deliver == DAEMON_DELIVER_BLOCKS ? RING_IN_BLOCKS : RING_ONE_BY_ONE,
	    .promiscuous = l->place == DAEMON_PLACE_TAP,
	    .outgoing = l->place == DAEMON_PLACE_GATEWAY,
	    .group = conf->daemon->sensor.processes > 1 ? &c->parent->groups[link][interface] : NULL};
	int r = ring_open(&config, &fd, why);
	if (r < 0) {
		log_error("%s: %s", config.interface, why);
		return r;
	}
	struct msg_handed m = {
	    .what = MSG_HANDED_RING, .index = (uint16_t)link, .name = text_of(config.interface)};
	return hand(c, &m, fd);
}

static int hand_links(struct child *c, const struct parent_conf *conf)
{
	const struct daemon_conf *d = conf->daemon;
	int r = 0;
	for (size_t i = 0; i < d->n_links; i++) {
		for (size_t k = 0; k < d->links[i].n_interfaces && r == 0; k++)
			r = hand_ring(c, conf, i, k);
		/* a file is played by one sensor alone */
		if (r == 0 && d->links[i].capture && c->index == 0)
			r = hand_file(c, d->path, d->links[i].capture, MSG_HANDED_CAPTURE, (uint16_t)i, 0);
	}
	return r;
}

/* Everybody may connect: who may do what is decided by the credentials that the kernel tells. */
static int open_control(const struct parent_conf *conf)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	int r = live_path(conf->daemon->path, conf->daemon->control.socket, path, sizeof(path));
	if (r < 0 || strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* A listening socket. fd or -errno. */
static int open_port(struct net_addr addr, uint16_t port)
{
	struct sockaddr_storage s = {0};
	socklen_t size;
	int on = 1;
	if (net_addr_is_v4(addr)) {
		struct sockaddr_in *a = (struct sockaddr_in *)&s;
		a->sin_family = AF_INET;
		a->sin_port = htons(port);
		memcpy(&a->sin_addr, addr.b + 12, 4);
		size = sizeof(*a);
	} else {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)&s;
		a->sin6_family = AF_INET6;
		a->sin6_port = htons(port);
		memcpy(&a->sin6_addr, addr.b, 16);
		size = sizeof(*a);
	}
	int fd = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&s, size) < 0 || listen(fd, BACKLOG) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int hand_sockets(struct child *c, const struct parent_conf *conf)
{
	int fd = open_control(conf);
	if (fd < 0) {
		log_error("%s can't be listened on: %s", conf->daemon->control.socket, err_text(fd));
		return fd;
	}
	int r = hand(c, &(struct msg_handed){.what = MSG_HANDED_CONTROL}, fd);
	if (r < 0 || conf->daemon->metrics_port == 0)
		return r;
	fd = open_port(conf->daemon->metrics_addr, conf->daemon->metrics_port);
	if (fd < 0) {
		log_error("the metrics' port %u can't be listened on: %s", conf->daemon->metrics_port,
		    err_text(fd));
		return fd;
	}
	return hand(c, &(struct msg_handed){.what = MSG_HANDED_METRICS}, fd);
}

static int hand_key(struct child *c, const struct parent_conf *conf)
{
	const char *key = conf->site->ledger.key;
	return key ? hand_file(c, conf->site->path, key, MSG_HANDED_KEY, 0, 0) : 0;
}

/* A log, or what reads one: a pipe doesn't make us wait for its reader. */
static int open_eve_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	return fd < 0 ? -errno : fd;
}

static int connect_eve_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* One that can't be opened doesn't keep anything else from running: the archivist asks for it again. */
static int hand_outlet(struct child *c, const struct parent_conf *conf, unsigned index, uint64_t generation)
{
	const char *path = index == 0 ? conf->daemon->eve_file : conf->daemon->eve_socket;
	struct msg_handed m = {.what = MSG_HANDED_EVE, .index = (uint16_t)index, .generation = generation};
	char full[PATH_MAX];
	if (!path)
		return 0;
	int fd = live_path(conf->daemon->path, path, full, sizeof(full));
	if (fd == 0)
		fd = index == 0 ? open_eve_file(full) : connect_eve_socket(full);
	if (fd < 0) {
		/* what is asked for again was told before */
		if (generation)
			log_warning("EVE JSON: %s can't be opened (%s); it is tried again now and then", full,
			    err_text(fd));
		return 0;
	}
	return hand(c, &m, fd);
}

static int hand_outlets(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	int r = hand_outlet(c, conf, 0, generation);
	return r == 0 ? hand_outlet(c, conf, 1, generation) : r;
}

/* What asks more often than it should isn't heard. */
int child_hand_outlet(struct child *c, unsigned index)
{
	int64_t now = loop_now();
	if (now < c->outlet_at || index > 1)
		return 0;
	c->outlet_at = now + NS_PER_S / 4;
	return hand_outlet(c, &c->parent->conf, index, 0);
}

static int hand_tokens(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	const struct daemon_conf *d = conf->daemon;
	int r = 0;
	for (size_t i = 0; i < d->n_webhooks && r == 0; i++)
		if (d->webhooks[i].token_file)
			r = hand_file(c, d->path, d->webhooks[i].token_file, MSG_HANDED_WEBHOOK_TOKEN,
			    (uint16_t)i, generation);
	return r;
}

static int hand_certificates(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	const struct daemon_conf *d = conf->daemon;
	const struct daemon_remote *remote = &d->enforcers[c->index].remote;
	bool far = d->near.port != 0;
	const char *files[3] = {far ? d->near.certificate : remote->certificate,
	    far ? d->near.key : remote->key, far ? d->near.ca : remote->ca};
	static const uint8_t whats[3] = {MSG_HANDED_CERTIFICATE, MSG_HANDED_CERTIFICATE_KEY, MSG_HANDED_CA};
	int r = 0;
	for (size_t i = 0; i < 3 && r == 0; i++)
		r = hand_file(c, d->path, files[i], whats[i], 0, generation);
	return r;
}

/* Where a link at the far side is connected to. */
static int hand_listener(struct child *c, const struct parent_conf *conf)
{
	const struct daemon_near *near = &conf->daemon->near;
	if (!near->port)
		return 0;
	int fd = open_port(near->address, near->port);
	if (fd < 0) {
		log_error("port %u can't be listened on: %s", near->port, err_text(fd));
		return fd;
	}
	return hand(c, &(struct msg_handed){.what = MSG_HANDED_REMOTE}, fd);
}

/* Names of users and groups are looked up here: a fenced process can't. */
static int tell_members(struct child *c, const struct parent_conf *conf)
{
	const struct daemon_control *control = &conf->daemon->control;
	struct dynbuf *out = peer_out(&c->peer);
	int r = out ? 0 : -EPIPE;
	for (uint8_t role = 0; role < DAEMON_ROLES; role++)
		for (size_t i = 0; i < control->n_members[role] && r == 0; i++) {
			const struct daemon_member *m = &control->members[role][i];
			struct msg_member member = {
			    .role = role, .group = m->group, .number = m->id, .name = text_of(m->name)};
			if (m->id != UINT32_MAX)
				r = msg_member_encode(out, &member);
		}
	return r;
}

/* What comes with each configuration. */
static int hand_generation(struct child *c, const struct parent_conf *conf, uint64_t generation)
{
	int r = hand_configuration(c, conf, generation);
	if (r < 0)
		return r;
	switch (c->kind) {
	case MSG_PROCESS_ENGINE: return hand_feeds(c, conf, generation);
	case MSG_PROCESS_COURIER: return hand_tokens(c, conf, generation);
	case MSG_PROCESS_LINK:
		return c->index < conf->daemon->n_enforcers ? hand_certificates(c, conf, generation) : 0;
	case MSG_PROCESS_GATEWAY: return tell_members(c, conf);
	case MSG_PROCESS_ARCHIVIST: return hand_outlets(c, conf, generation);
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_SENSOR:
	case MSG_PROCESS_PLANNER:
	case MSG_PROCESS_ENFORCER:
	case MSG_PROCESS_COUNT: return 0;
	}
	return 0;
}

/* What a process keeps for its life. */
static int hand_once(struct child *c, const struct parent_conf *conf)
{
	switch (c->kind) {
	case MSG_PROCESS_SENSOR: return hand_links(c, conf);
	case MSG_PROCESS_ARCHIVIST: return hand_key(c, conf);
	case MSG_PROCESS_GATEWAY: return hand_sockets(c, conf);
	case MSG_PROCESS_LINK: return hand_listener(c, conf);
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_ENGINE:
	case MSG_PROCESS_PLANNER:
	case MSG_PROCESS_ENFORCER:
	case MSG_PROCESS_COURIER:
	case MSG_PROCESS_COUNT: return 0;
	}
	return 0;
}

int child_hand(struct child *c, const struct parent_conf *conf, uint64_t generation, bool start)
{
	struct msg_prepare m = {.generation = generation,
	    .start = start,
	    .uid = conf->uid,
	    .gid = conf->gid,
	    .sandbox = (uint8_t)c->parent->options->sandbox};
	int r = start ? hand_once(c, conf) : 0;
	if (r == 0)
		r = hand_generation(c, conf, generation);
	if (r < 0)
		return r;
	if (start) {
		m.ids = parent_take_ids(c->parent);
		if (m.ids == 0 || getrandom(&m.seed, sizeof(m.seed), 0) != (ssize_t)sizeof(m.seed))
			return -EIO;
	}
	struct dynbuf *out = peer_out(&c->peer);
	return out ? msg_prepare_encode(out, &m) : -EPIPE;
}

/* What one is to the other: a link is the enforcer that stands behind it, and at the far side the engine. */
static uint8_t seen_as(const struct child *c, const struct child *by)
{
	if (c->kind != MSG_PROCESS_LINK)
		return (uint8_t)c->kind;
	return by->kind == MSG_PROCESS_ENFORCER ? MSG_PROCESS_ENGINE : MSG_PROCESS_ENFORCER;
}

/* Gives both the ends of a new channel. The index that each is told is the other's. */
static int join(struct child *a, struct child *b)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	struct msg_handed to_a = {.what = MSG_HANDED_CHANNEL, .peer = seen_as(b, a), .index = b->index};
	struct msg_handed to_b = {.what = MSG_HANDED_CHANNEL, .peer = seen_as(a, b), .index = a->index};
	int r = hand(a, &to_a, pair[0]);
	int other = hand(b, &to_b, pair[1]);
	return r < 0 ? r : other;
}

/* The one that all others have a channel to. */
static struct child *hub(struct parent *p)
{
	return parent_find(p, p->conf.daemon->near.port ? MSG_PROCESS_LINK : MSG_PROCESS_ENGINE, 0);
}

int child_join(struct child *c)
{
	struct parent *p = c->parent;
	struct child *middle = hub(p);
	if (c != middle)
		return middle && middle->pid && middle->peer.channel ? join(middle, c) : 0;
	int r = 0;
	for (size_t i = 0; i < p->n_children && r == 0; i++)
		if (&p->children[i] != c && p->children[i].pid && p->children[i].peer.channel)
			r = join(c, &p->children[i]);
	return r;
}
