/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timefmt.h"

int gateway_ask(struct gateway *g, const struct msg_ask *m, uint64_t *ret_id)
{
	struct dynbuf *out = peer_out(&g->engine);
	struct msg_ask question = *m;
	question.id = ++g->next_ask;
	int r = out ? msg_ask_encode(out, &question) : -EPIPE;
	if (r == 0)
		*ret_id = question.id;
	return r;
}

static int on_engine(void *context, uint16_t number, struct text bytes)
{
	struct gateway *g = context;
	struct arena arena = {0};
	struct msg_answer m;
	int r = number == MSG_ANSWER ? msg_answer_decode(bytes.p, bytes.n, &arena, &m) : -EPROTO;
	if (r == 0 && !gateway_metrics_answer(g, &m))
		gateway_answer_client(g, &m);
	arena_free(&arena);
	return r;
}

static void on_gone(void *context, int error)
{
	struct gateway *g = context;
	(void)error;
	gateway_metrics_fail(g);
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++) {
		struct gateway_client *c = &g->clients[i];
		struct msg_answer m = {.id = c->asked,
		    .code = 4,
		    .body = TEXT("{\"error\": \"the engine ended; ask again\"}\n")};
		if (c->asked)
			gateway_answer_client(g, &m);
	}
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct gateway *g = self;
	if (h->what == MSG_HANDED_CONTROL && g->control.fd < 0) {
		g->control.fd = fd;
		return 0;
	}
	if (h->what == MSG_HANDED_METRICS && g->metrics_fd < 0) {
		g->metrics_fd = fd;
		return 0;
	}
	close(fd);
	return 0;
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct gateway *g = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	on_gone(g, 0);
	g->engine.message = on_engine;
	g->engine.gone = on_gone;
	g->engine.context = g;
	return peer_open(&g->engine, &g->process->peers, c);
}

/* Members come before the configuration that they belong to is prepared. */
static void told(void *self, uint16_t number, struct text bytes)
{
	struct gateway *g = self;
	struct gateway_members *next = &g->next_members;
	struct arena arena = {0};
	struct msg_member m;
	if (number == MSG_MEMBER && msg_member_decode(bytes.p, bytes.n, &arena, &m) == 0 &&
	    m.role < DAEMON_ROLES && next->n < GATEWAY_MEMBERS_MAX) {
		struct gateway_member *to = &next->v[next->n++];
		*to = (struct gateway_member){.role = m.role, .group = m.group, .id = m.number};
		text_printable(m.name, to->name, sizeof(to->name));
	}
	arena_free(&arena);
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	(void)self;
	(void)c;
	(void)why;
	return 0;
}

static void discard(void *self)
{
	struct gateway *g = self;
	g->next_members.n = 0;
}

static void swap(void *self)
{
	struct gateway *g = self;
	struct gateway_members before = g->members;
	g->members = g->next_members;
	g->next_members = (struct gateway_members){.v = before.v};
	if (g->control.context)
		return;
	int r = gateway_listen(g, g->control.fd);
	if (r == 0 && g->metrics_fd >= 0)
		r = gateway_metrics_open(g, g->metrics_fd);
	g->metrics_fd = -1;
	if (r < 0)
		process_fail(g->process, r);
}

static int64_t deadline(void *self)
{
	struct gateway *g = self;
	int64_t now = loop_now(), metrics = gateway_metrics_deadline(g, now);
	return metrics < now + NS_PER_S ? metrics : now + NS_PER_S;
}

static void tick(void *self, int64_t now)
{
	struct gateway *g = self;
	gateway_metrics_tick(g);
	gateway_tick_clients(g, now);
}

static bool stop(void *self)
{
	(void)self;
	return true;
}

static void free_gateway(void *self)
{
	struct gateway *g = self;
	gateway_metrics_close(g);
	gateway_close_clients(g);
	if (g->control.context)
		loop_remove(g->process->loop, &g->control);
	if (g->control.fd >= 0)
		close(g->control.fd);
	if (g->metrics_fd >= 0)
		close(g->metrics_fd);
	peer_close(&g->engine);
	free(g->members.v);
	free(g->next_members.v);
	free(g);
}

static int start(struct process *p, void **ret_self)
{
	struct gateway *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->members.v = calloc(GATEWAY_MEMBERS_MAX, sizeof(*g->members.v));
	g->next_members.v = calloc(GATEWAY_MEMBERS_MAX, sizeof(*g->next_members.v));
	if (!g->members.v || !g->next_members.v) {
		free(g->members.v);
		free(g->next_members.v);
		free(g);
		return -ENOMEM;
	}
	g->process = p;
	p->engine = &g->engine;
	g->control.fd = g->metrics_fd = -1;
	*ret_self = g;
	return 0;
}

int gateway_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_GATEWAY,
	    .profile = SANDBOX_GATEWAY,
	    .handed = handed,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .told = told,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_gateway};
	return process_run(&ops, index, start);
}
