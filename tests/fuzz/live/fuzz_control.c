/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The gateway's control socket before several clients at once, each writing what it likes and reading or not,
 * while an engine answers some questions, in parts, or goes away. Input: orders of two bytes each, the first
 * a client and what it does, the second how many of the following bytes it writes.
 *
 * Whatever comes, the engine hears nothing but questions, each with the role that the kernel's word gives, no
 * more of them open than there are places; and all places are free when everybody has gone.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "live/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENTS = 8, OPERATIONS_MAX = 256, TURNS = 3 };

struct stage {
	struct process process;
	struct gateway gateway;
	struct gateway_member member;
	struct channel *engine; /* the engine's end */
	struct sockaddr_un name;
	socklen_t name_size;
	int clients[CLIENTS];
};

/* What the gateway does by itself in the end of each turn. */
static void turn(struct stage *s)
{
	for (int i = 0; i < TURNS; i++) {
		loop_wait(s->process.loop, 0);
		gateway_tick_clients(&s->gateway, loop_now());
		peers_flush(&s->process.peers);
	}
}

static int on_engine(void *context, uint16_t number, struct text bytes)
{
	struct gateway *g = context;
	struct arena arena = {0};
	struct msg_answer m;
	int r = number == MSG_ANSWER ? msg_answer_decode(bytes.p, bytes.n, &arena, &m) : -1;
	if (r == 0)
		gateway_answer_client(g, &m);
	arena_free(&arena);
	return r;
}

/* Answers what was asked, or forgets it. */
static void be_engine(struct stage *s, bool answer)
{
	uint16_t number;
	struct text bytes;
	size_t asked = 0;
	while (channel_read(s->engine) > 0)
		while (channel_next(s->engine, &number, &bytes, NULL) > 0) {
			struct arena arena = {0};
			struct msg_ask m;
			assert(number == MSG_ASK && msg_ask_decode(bytes.p, bytes.n, &arena, &m) == 0);
			assert(m.what < MSG_ASK_COUNT && m.role == s->member.role && m.uid == s->member.id);
			assert(text_equal(m.who, text_of(s->member.name)));
			assert(++asked <= GATEWAY_UID_MAX);
			struct msg_answer part = {.id = m.id, .more = 1, .body = m.subject};
			struct msg_answer last = {.id = m.id, .body = TEXT("x")};
			if (answer)
				assert(msg_answer_encode(channel_out(s->engine), &part) == 0 &&
				       msg_answer_encode(channel_out(s->engine), &last) == 0);
			arena_free(&arena);
		}
	channel_flush(s->engine);
}

static void meet_engine(struct stage *s)
{
	int pair[2];
	struct channel *c;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	channel_free(s->engine);
	assert(channel_new(&s->engine, pair[0], CHANNEL_GATEWAY_TO_ENGINE, CHANNEL_ENGINE_TO_GATEWAY) == 0);
	assert(channel_new(&c, pair[1], CHANNEL_ENGINE_TO_GATEWAY, CHANNEL_GATEWAY_TO_ENGINE) == 0);
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++)
		if (s->gateway.clients[i].asked)
			gateway_answer_client(
			    &s->gateway, &(struct msg_answer){.id = s->gateway.clients[i].asked, .code = 4});
	s->gateway.engine.message = on_engine;
	s->gateway.engine.context = &s->gateway;
	assert(peer_open(&s->gateway.engine, &s->process.peers, c) == 0);
}

static void begin(struct stage *s, uint8_t role)
{
	*s = (struct stage){.member = {.role = role, .id = getuid(), .name = "fuzzer"}};
	assert(loop_new(&s->process.loop) == 0);
	s->process.peers.loop = s->process.loop;
	s->gateway.process = &s->process;
	s->gateway.members = (struct gateway_members){.v = &s->member, .n = role < DAEMON_ROLES};
	memset(s->clients, 0xff, sizeof(s->clients));
	/* a name that the kernel chooses, of no file */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	s->name_size = sizeof(s->name);
	assert(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(fd, 64) == 0);
	assert(getsockname(fd, (struct sockaddr *)&s->name, &s->name_size) == 0);
	assert(gateway_listen(&s->gateway, fd) == 0);
	meet_engine(s);
}

static void end(struct stage *s)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (s->clients[i] >= 0)
			close(s->clients[i]);
	turn(s);
	be_engine(s, true);
	turn(s);
	be_engine(s, true);
	turn(s);
	meet_engine(s);
	turn(s);
	for (size_t i = 0; i < GATEWAY_CLIENTS_MAX; i++)
		assert(!s->gateway.clients[i].peer.channel && !s->gateway.clients[i].asked);
	gateway_close_clients(&s->gateway);
	peer_close(&s->gateway.engine);
	channel_free(s->engine);
	loop_remove(s->process.loop, &s->gateway.control);
	close(s->gateway.control.fd);
	loop_free(s->process.loop);
}

static void write_some(struct stage *s, int *client, const uint8_t *p, size_t n)
{
	if (*client < 0) {
		*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert(*client >= 0);
		if (connect(*client, (struct sockaddr *)&s->name, s->name_size) < 0) {
			close(*client);
			*client = -1;
			return;
		}
	}
	(void)!send(*client, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage s;
	char sink[4096];
	if (size == 0)
		return 0;
	begin(&s, data[0] % (DAEMON_ROLES + 1));
	data++;
	size--;
	for (int i = 0; i < OPERATIONS_MAX && size >= 2; i++) {
		int *client = &s.clients[data[0] % CLIENTS];
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		unsigned what = data[0] / CLIENTS % 8;
		if (what < 3)
			write_some(&s, client, data + 2, n);
		else if (what == 3 && *client >= 0) {
			close(*client);
			*client = -1;
		} else if (what == 4 && *client >= 0)
			(void)!recv(*client, sink, sizeof(sink), MSG_DONTWAIT);
		else if (what == 5)
			be_engine(&s, data[1] % 2);
		else if (what == 6 && data[1] == 0)
			meet_engine(&s);
		else
			turn(&s);
		data += 2 + (what < 3 ? n : 0);
		size -= 2 + (what < 3 ? n : 0);
	}
	end(&s);
	return 0;
}
