/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "live/gateway.h"

/* Who connects and asks nothing goes after this; an open question may take longer. */
#define IDLE_NS (30 * NS_PER_S)
#define ASK_NS  (900 * NS_PER_S)

static bool among(const gid_t *groups, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == id)
			return true;
	return false;
}

/* The most that the connected user may: by himself or by any of his groups. DAEMON_ROLES: nothing. */
static uint8_t role_of(
    const struct gateway_members *members, const struct ucred *who, const gid_t *groups, size_t n_groups)
{
	uint8_t most = DAEMON_ROLES;
	for (size_t i = 0; i < members->n; i++) {
		const struct gateway_member *m = &members->v[i];
		bool is = m->group ? m->id == who->gid || among(groups, n_groups, m->id) : m->id == who->uid;
		if (is && (most == DAEMON_ROLES || m->role > most))
			most = m->role;
	}
	return most;
}

/* Users are named in acts as the configuration names them: this process can't look anybody up. */
static void name_user(const struct gateway_members *members, uint32_t uid, char *buf, size_t size)
{
	snprintf(buf, size, "uid %u", uid);
	for (size_t i = 0; i < members->n; i++)
		if (!members->v[i].group && members->v[i].id == uid)
			snprintf(buf, size, "%s", members->v[i].name);
}

static int identify(struct gateway_client *c, int fd)
{
	struct ucred who;
	gid_t groups[256];
	socklen_t n = sizeof(who), n_groups = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n_groups) < 0)
		n_groups = 0;
	const struct gateway_members *members = &c->gateway->members;
	c->uid = who.uid;
	c->role = role_of(members, &who, groups, n_groups / sizeof(*groups));
	name_user(members, who.uid, c->who, sizeof(c->who));
	return 0;
}

static void say(struct gateway_client *c, uint64_t id, const struct msg_answer *m)
{
	struct msg_answer answer = *m;
	struct dynbuf *out = peer_out(&c->peer);
	answer.id = id;
	if (out && msg_answer_encode(out, &answer) < 0)
		c->broken = true;
}

static void refuse(struct gateway_client *c, uint64_t id, uint8_t code, const char *why)
{
	char body[256];
	snprintf(body, sizeof(body), "{\"error\": \"%s\"}\n", why);
	say(c, id, &(struct msg_answer){.code = code, .body = text_of(body)});
}

static int on_client(void *context, uint16_t number, struct text bytes)
{
	struct gateway_client *c = context;
	struct arena arena = {0};
	struct msg_ask m;
	int r = number == MSG_ASK ? msg_ask_decode(bytes.p, bytes.n, &arena, &m) : -EPROTO;
	if (r == 0 && m.what >= MSG_ASK_COUNT)
		r = -EPROTO;
	if (r < 0 || c->broken) {
		arena_free(&arena);
		return r;
	}
	if (c->role == DAEMON_ROLES) {
		refuse(c, m.id, 1,
		    "this user has no role here; the control section of the daemon's file gives roles");
	} else if (c->asked) {
		refuse(c, m.id, 2, "one question after the other");
	} else {
		/* who asks is the kernel's word, whatever the message claims */
		c->id = m.id;
		m.who = text_of(c->who);
		m.uid = c->uid;
		m.role = c->role;
		r = gateway_ask(c->gateway, &m, &c->asked);
		if (r < 0)
			refuse(c, m.id, 4, "the engine isn't there just now; ask again");
	}
	c->until = loop_now() + (c->asked ? ASK_NS : IDLE_NS);
	arena_free(&arena);
	return 0;
}

void gateway_answer_client(struct gateway *g, const struct msg_answer *m)
{
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		if (!c->peer.channel || c->asked == 0 || c->asked != m->id)
			continue;
		say(c, c->id, m);
		if (!m->more) {
			c->asked = 0;
			c->until = loop_now() + IDLE_NS;
		}
		return;
	}
}

static void on_client_gone(void *context, int error)
{
	struct gateway_client *c = context;
	(void)error;
	c->asked = 0;
	c->broken = false;
}

static void accept_one(struct gateway *g, int fd)
{
	struct gateway_client *c = NULL;
	struct channel *channel;
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX && !c; i++)
		c = g->clients[i].peer.channel ? NULL : &g->clients[i];
	if (!c) {
		g->refused++;
		close(fd);
		return;
	}
	*c = (struct gateway_client){.gateway = g, .until = loop_now() + IDLE_NS};
	c->peer.message = on_client;
	c->peer.gone = on_client_gone;
	c->peer.context = c;
	if (identify(c, fd) < 0) {
		close(fd);
		return;
	}
	if (channel_new(&channel, fd, CHANNEL_CLIENT_TO_GATEWAY, CHANNEL_GATEWAY_TO_CLIENT) == 0)
		peer_open(&c->peer, &g->process->peers, channel);
}

static void on_control(void *context, uint32_t events)
{
	struct gateway *g = context;
	(void)events;
	for (int i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		int fd = accept4(g->control.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		accept_one(g, fd);
	}
}

int gateway_listen(struct gateway *g, int fd)
{
	g->control = (struct loop_source){.fd = fd, .ready = on_control, .context = g};
	return fd < 0 ? -EBADF : loop_add(g->process->loop, &g->control, EPOLLIN);
}

void gateway_tick_clients(struct gateway *g, int64_t now)
{
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++)
		if (g->clients[i].peer.channel && (g->clients[i].broken || now > g->clients[i].until))
			peer_close(&g->clients[i].peer);
}

void gateway_close_clients(struct gateway *g)
{
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++)
		peer_close(&g->clients[i].peer);
}
