/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/link.h"

/* Who steers says something every second; after so long without he may be gone, and another may take over.
 * Shorter than what ends a connection, so that a near side that was started anew needn't wait for that. */
#define REPLACED_NS     (5 * NS_PER_S / 2)
#define LISTEN_AGAIN_NS NS_PER_S
/* Connections taken at one go, and how many of those that aren't are told of in a second. */
enum { ACCEPTS_A_TURN = 16, WORDS_A_SECOND = 8 };

static const char *own_name(const struct link *l)
{
	return l->process->conf->enforcers[0].name;
}

static void say_no_enforcer(struct link *l, int64_t now)
{
	struct link_guest *g = l->far.steers;
	l->far.state_at = now + NS_PER_S;
	if (g && !l->local.channel)
		link_say_state(
		    link_wire_out(&g->wire), own_name(l), "the enforcer at the far side isn't there");
}

static const char *guest_text(const struct link_guest *g, char *buf)
{
	return net_addr_text(g->address, buf);
}

/* Who isn't let in is told of, but doesn't fill the log. */
static bool has_words(struct link_far *f)
{
	int64_t now = loop_now();
	if (now - f->words_since > NS_PER_S) {
		if (f->words > WORDS_A_SECOND)
			log_warning("%u more weren't taken", f->words - WORDS_A_SECOND);
		f->words_since = now;
		f->words = 0;
	}
	return ++f->words <= WORDS_A_SECOND;
}

static void on_gone(void *context, const char *why)
{
	struct link_guest *g = context;
	struct link *l = g->link;
	char text[NET_ADDR_TEXT_SIZE];
	if (l->far.steers == g) {
		l->far.steers = NULL;
		log_warning(
		    "%s steers no more: %s; what is in force ends with its lease", guest_text(g, text), why);
		if (l->local.paused)
			peer_pause(&l->local, false);
	} else if (has_words(&l->far)) {
		log_warning("%s is not taken: %s", guest_text(g, text), why);
	}
}

/* What it is told before the connection ends. */
static int turn_away(struct link_guest *g, const char *why)
{
	msg_link_hello_encode(
	    link_wire_out(&g->wire), &(struct msg_link_hello){.version = LINK_VERSION, .why = text_of(why)});
	link_wire_flush(&g->wire);
	if (g->wire.state != LINK_WIRE_CLOSED)
		link_wire_end(&g->wire, why);
	return 0;
}

static int on_hello(struct link_guest *g, struct text bytes)
{
	struct link *l = g->link;
	struct link_far *f = &l->far;
	struct msg_link_hello m;
	char text[NET_ADDR_TEXT_SIZE];
	if (g->greeted || msg_link_hello_decode(bytes.p, bytes.n, &l->arena, &m) < 0)
		return -EPROTO;
	if (m.version != LINK_VERSION)
		return turn_away(g, "it speaks another version of the link");
	if (f->steers && (f->steers->wire.paused || loop_now() - f->steers->wire.heard <= REPLACED_NS))
		return turn_away(g, "another one steers already");
	if (f->steers)
		link_wire_end(&f->steers->wire, "it fell silent, and another one takes its place");
	f->steers = g;
	g->greeted = true;
	log_info("%s steers (%s)", guest_text(g, text), SSL_get0_peername(g->wire.tls));
	msg_link_hello_encode(
	    link_wire_out(&g->wire), &(struct msg_link_hello){.version = LINK_VERSION, .takes = 1});
	say_no_enforcer(l, loop_now());
	return 0;
}

static int on_clock(struct link_guest *g, struct text bytes)
{
	struct msg_link_clock m;
	if (msg_link_clock_decode(bytes.p, bytes.n, &g->link->arena, &m) < 0)
		return -EPROTO;
	m.answered = loop_now();
	int r = msg_link_clock_encode(link_wire_out(&g->wire), &m);
	if (r == 0)
		link_wire_flush(&g->wire);
	return r;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct link_guest *g = context;
	struct link *l = g->link;
	arena_reset(&l->arena);
	if (number == MSG_LINK_HELLO)
		return on_hello(g, bytes);
	if (!g->greeted)
		return -EPROTO;
	if (number == MSG_LINK_CLOCK)
		return on_clock(g, bytes);
	if (!channel_way_allows(CHANNEL_ENGINE_TO_ENFORCER, number) ||
	    !link_telling_takes(&g->telling, number))
		return -EPROTO;
	struct dynbuf nowhere = {0}, *out = peer_out(&l->local);
	int r = link_message_pass(
	    out ? out : &nowhere, CHANNEL_ENGINE_TO_ENFORCER, number, bytes, NULL, &l->arena);
	dynbuf_free(&nowhere);
	link_hold_back(l, &g->wire);
	return r;
}

static void on_ready(void *context)
{
	(void)context;
}

/* The enforcer's. */
int link_far_local(void *context, uint16_t number, struct text bytes)
{
	struct link *l = context;
	struct link_guest *g = l->far.steers;
	struct dynbuf *out = g ? link_wire_out(&g->wire) : NULL;
	if (!out)
		return 0;
	arena_reset(&l->arena);
	int r = link_message_pass(out, CHANNEL_ENFORCER_TO_ENGINE, number, bytes, NULL, &l->arena);
	if (r < 0 && r != -EPROTO) {
		link_wire_end(&g->wire, "it takes less than it is told");
		return 0;
	}
	link_hold_back(l, &g->wire);
	return r;
}

void link_far_local_gone(void *context, int error)
{
	struct link *l = context;
	if (error != -EPIPE)
		log_error(
		    "the enforcer said what makes no sense (%s); its channel is closed", err_text(error));
	say_no_enforcer(l, loop_now());
}

static struct net_addr addr_of(const struct sockaddr_storage *s)
{
	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)s;
		return net_addr_v4((const uint8_t *)&a->sin_addr);
	}
	return net_addr_v6(((const struct sockaddr_in6 *)s)->sin6_addr.s6_addr);
}

/* Whether a cut can't take the way to it, for only such may steer. */
static bool is_within_control(const struct link *l, struct net_addr a)
{
	const struct daemon_guardrails *g = &l->process->conf->guardrails;
	for (size_t i = 0; i < g->n_control; i++)
		if (net_prefix_contains(g->control[i], a))
			return true;
	return net_addr_is_loopback(a);
}

static struct link_guest *room_for(struct link_far *f, struct net_addr a)
{
	struct link_guest *room = NULL;
	unsigned same = 0;
	for (size_t i = 0; i < LINK_GUESTS_MAX; i++) {
		struct link_guest *g = &f->guests[i];
		if (g->wire.state == LINK_WIRE_CLOSED)
			room = g;
		else if (!g->greeted && net_addr_equal(g->address, a))
			same++;
	}
	return same < LINK_GUESTS_EACH ? room : NULL;
}

static void take_in(struct link *l, int fd, struct net_addr a)
{
	const struct daemon_near *near = &l->process->conf->near;
	struct link_guest *g = is_within_control(l, a) ? room_for(&l->far, a) : NULL;
	char text[NET_ADDR_TEXT_SIZE];
	if (!g || link_socket(fd) < 0) {
		log_debug("%s is not listened to: it is not among guardrails' control, or there are too many",
		    net_addr_text(a, text));
		close(fd);
		return;
	}
	g->link = l;
	g->address = a;
	g->greeted = false;
	g->telling = (struct link_telling){0};
	g->wire.ready = on_ready;
	g->wire.message = on_message;
	g->wire.gone = on_gone;
	g->wire.context = g;
	int r = link_wire_open(&g->wire, l->process->loop, fd, l->context, false, near->names, near->n_names);
	if (r < 0)
		log_error("%s can't be listened to: %s", net_addr_text(a, text), err_text(r));
}

static void on_connections(void *context, uint32_t events)
{
	struct link *l = context;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage s = {0};
		socklen_t size = sizeof(s);
		int fd = accept4(
		    l->far.listener.fd, (struct sockaddr *)&s, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take_in(l, fd, addr_of(&s));
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		/* the system has no room: it is asked again later, not for ever */
		log_error("no connection can be taken: %s", err_text(-errno));
		loop_change(l->process->loop, &l->far.listener, 0);
		l->far.listen_at = loop_now() + LISTEN_AGAIN_NS;
		return;
	}
}

static bool is_named(const struct daemon_near *near, const char *name)
{
	for (size_t i = 0; name && i < near->n_names; i++)
		if (strcmp(near->names[i], name) == 0)
			return true;
	return false;
}

/* Who was let in under another configuration must be one whom this one would let in. */
static void look_over(struct link *l, bool changed)
{
	for (size_t i = 0; i < LINK_GUESTS_MAX; i++) {
		struct link_guest *g = &l->far.guests[i];
		if (g->wire.state == LINK_WIRE_CLOSED)
			continue;
		if (changed || !g->greeted || !is_within_control(l, g->address) ||
		    !is_named(&l->process->conf->near, SSL_get0_peername(g->wire.tls)))
			link_wire_end(&g->wire, "who may steer, or from where, was changed");
	}
}

void link_far_swap(struct link *l, bool changed)
{
	struct link_far *f = &l->far;
	look_over(l, changed);
	if (f->listens)
		return;
	f->listener = (struct loop_source){.fd = f->listener.fd, .ready = on_connections, .context = l};
	f->listen_at = INT64_MAX;
	f->listens = f->listener.fd >= 0 && loop_add(l->process->loop, &f->listener, EPOLLIN) == 0;
	if (!f->listens)
		process_fail(l->process, -EIO);
}

void link_far_tick(struct link *l, int64_t now)
{
	struct link_far *f = &l->far;
	if (now >= f->listen_at) {
		f->listen_at = INT64_MAX;
		loop_change(l->process->loop, &f->listener, EPOLLIN);
	}
	for (size_t i = 0; i < LINK_GUESTS_MAX; i++) {
		struct link_wire *w = &f->guests[i].wire;
		if (w->state == LINK_WIRE_CLOSED)
			continue;
		const char *why = f->guests[i].greeted ? link_over(w, now) : NULL;
		if (!f->guests[i].greeted && now - w->began > LINK_GREETING_NS)
			why = "it didn't say in time who it is";
		if (why)
			link_wire_end(w, why);
		else
			link_wire_flush(w);
	}
	if (now >= f->state_at)
		say_no_enforcer(l, now);
	if (f->steers)
		link_hold_back(l, &f->steers->wire);
}

int64_t link_far_deadline(struct link *l)
{
	return l->far.state_at < l->far.listen_at ? l->far.state_at : l->far.listen_at;
}

void link_far_free(struct link *l)
{
	struct link_far *f = &l->far;
	for (size_t i = 0; i < LINK_GUESTS_MAX; i++)
		link_wire_free(&f->guests[i].wire);
	if (f->listens)
		loop_remove(l->process->loop, &f->listener);
	if (f->listener.fd >= 0)
		close(f->listener.fd);
}
