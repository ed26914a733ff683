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
			snprintf(buf, size, "%.*s", (int)size - 1, members->v[i].name);
}

static int identify(const struct gateway *g, int fd, struct gateway_client *c)
{
	struct ucred who;
	gid_t groups[256];
	socklen_t n = sizeof(who), n_groups = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n_groups) < 0)
		n_groups = 0;
	c->uid = who.uid;
	c->role = role_of(&g->members, &who, groups, n_groups / sizeof(*groups));
	name_user(&g->members, who.uid, c->who, sizeof(c->who));
	return 0;
}

/* Whoever reads the least of what he asked for loses it, before all answers together take too much. */
static void keep_bound(struct gateway *g)
{
	struct gateway_client *most = NULL;
	size_t sum = 0, waits = 0;
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		size_t n = c->peer.channel && !c->broken ? channel_waiting(c->peer.channel) : 0;
		sum += n;
		if (n > waits) {
			most = c;
			waits = n;
		}
	}
	if (most && sum > GATEWAY_OUT_MAX)
		most->broken = true;
}

static void say(struct gateway_client *c, uint64_t id, const struct msg_answer *m)
{
	struct msg_answer answer = *m;
	struct dynbuf *out = peer_out(&c->peer);
	answer.id = id;
	if (out && !c->broken && msg_answer_encode(out, &answer) < 0)
		c->broken = true;
	keep_bound(c->gateway);
}

#define REFUSAL(why) TEXT("{\"error\": \"" why "\"}\n")

static void refuse(struct gateway_client *c, uint64_t id, uint8_t code, struct text body)
{
	say(c, id, &(struct msg_answer){.code = code, .body = body});
	c->refused = true;
}

/* Whether this user may ask now; GCRA (ITU-T I.371) with the longest quiet user's place for a new one. */
static bool keeps_pace(struct gateway *g, uint32_t uid, int64_t now)
{
	struct gateway_pace *p = &g->paces[0];
	for (size_t i = 0; i < GATEWAY_PACES_MAX && p->uid != uid; i++)
		if (g->paces[i].uid == uid || g->paces[i].due < p->due)
			p = &g->paces[i];
	if (p->uid != uid)
		*p = (struct gateway_pace){.uid = uid};
	int64_t due = p->due > now ? p->due : now;
	if (due - now > GATEWAY_BURST_NS)
		return false;
	p->due = due + GATEWAY_PACE_NS;
	return true;
}

static void ask(struct gateway_client *c, struct msg_ask *m)
{
	int64_t now = loop_now();
	uint64_t id = m->id;
	if (c->role == DAEMON_ROLES) {
		refuse(c, id, 1,
		    REFUSAL(
		        "this user has no role here; the control section of the daemon's file gives roles"));
	} else if (c->role != DAEMON_APPROVER && !keeps_pace(c->gateway, c->uid, now)) {
		refuse(c, id, 4, REFUSAL("this user asks too often; ask again in a second"));
	} else {
		/* who asks is the kernel's word, whatever the message claims */
		c->id = id;
		m->who = text_of(c->who);
		m->uid = c->uid;
		m->role = c->role;
		if (gateway_ask(c->gateway, m, &c->asked) < 0)
			refuse(c, id, 4, REFUSAL("the engine isn't there just now; ask again"));
	}
	c->until = now + (c->asked ? ASK_NS : IDLE_NS);
}

/* One question after the other: who says more is none of ours. */
static int on_client(void *context, uint16_t number, struct text bytes)
{
	struct gateway_client *c = context;
	struct arena arena = {0};
	struct msg_ask m;
	if (c->broken)
		return 0;
	if (number != MSG_ASK || c->asked || c->refused)
		return -EPROTO;
	int r = msg_ask_decode(bytes.p, bytes.n, &arena, &m);
	if (r == 0 && m.what >= MSG_ASK_COUNT)
		r = -EPROTO;
	if (r == 0)
		ask(c, &m);
	arena_free(&arena);
	return r;
}

void gateway_answer_client(struct gateway *g, const struct msg_answer *m)
{
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		if (c->asked == 0 || c->asked != m->id)
			continue;
		say(c, c->id, m);
		if (!m->more) {
			c->asked = 0;
			c->until = loop_now() + IDLE_NS;
		}
		return;
	}
}

/* Its question, if one is open, keeps the place. */
static void on_client_gone(void *context, int error)
{
	struct gateway_client *c = context;
	(void)error;
	c->broken = false;
}

/* A free place for such a one; NULL with why there is none for him. */
static struct gateway_client *place_for(
    struct gateway *g, const struct gateway_client *who, struct text *ret_why)
{
	struct gateway_client *free_one = NULL;
	size_t own = 0, others = 0, strangers = 0;
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		if (!c->peer.channel && !c->asked) {
			free_one = c;
			continue;
		}
		own += c->uid == who->uid;
		others += c->role != DAEMON_APPROVER;
		strangers += c->role == DAEMON_ROLES;
	}
	*ret_why = REFUSAL("this user asks too much at once; ask again when something is answered");
	if (own >= GATEWAY_UID_MAX)
		return NULL;
	*ret_why = REFUSAL("too many ask at once; ask again");
	if (who->role == DAEMON_ROLES && strangers >= GATEWAY_STRANGERS_MAX)
		return NULL;
	return who->role != DAEMON_APPROVER && others >= GATEWAY_OTHERS_MAX ? NULL : free_one;
}

/* Says why to somebody who gets no place, as far as his socket takes it at once. */
static void turn_away(struct channel *channel, struct text why)
{
	msg_answer_encode(channel_out(channel), &(struct msg_answer){.id = 1, .code = 4, .body = why});
	channel_flush(channel);
	channel_free(channel);
}

static void accept_one(struct gateway *g, int fd)
{
	struct gateway_client who = {.gateway = g, .until = loop_now() + IDLE_NS};
	struct channel *channel;
	struct text why;
	int r = identify(g, fd, &who);
	if (r < 0) {
		close(fd);
		return;
	}
	if (channel_new(&channel, fd, CHANNEL_CLIENT_TO_GATEWAY, CHANNEL_GATEWAY_TO_CLIENT) < 0)
		return;
	struct gateway_client *c = place_for(g, &who, &why);
	if (!c) {
		turn_away(channel, why);
		return;
	}
	*c = who;
	c->peer.message = on_client;
	c->peer.gone = on_client_gone;
	c->peer.context = c;
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
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		if (c->peer.channel && (c->broken || now > c->until))
			peer_close(&c->peer);
		if (!c->peer.channel && now > c->until)
			c->asked = 0;
	}
}

void gateway_close_clients(struct gateway *g)
{
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++)
		peer_close(&g->clients[i].peer);
}
