/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/link.h"

#define PAUSE_FIRST (NS_PER_S / 4)
#define PAUSE_MAX   (8 * NS_PER_S)
/* A connection that stood for so long makes the next try soon again. */
#define STEADY_NS (10 * NS_PER_S)
/* The engine says every second that it lives; an older word than that says nothing. */
#define LIVE_NEWS_NS (3 * NS_PER_S / 2)
/* What an enforcer says a few times a second at the most, and what costs the ledger a line each. */
enum { DRIFTS_A_SECOND = 16 };

static const struct daemon_enforcer *own_part(const struct link *l)
{
	return &l->process->conf->enforcers[l->process->index];
}

static void say_down(struct link *l, int64_t now)
{
	link_say_state(peer_out(&l->local), own_part(l)->name, l->near.why);
	l->near.state_at = now + NS_PER_S;
}

/* It isn't up any more, or still isn't. Nothing is assumed about what is in force over there. */
static void on_gone(void *context, const char *why)
{
	struct link *l = context;
	struct link_near *n = &l->near;
	int64_t now = loop_now();
	bool steady = n->up && now - n->wire.began > STEADY_NS;
	/* told once: a far side that is down for long is tried often */
	if (n->up || strcmp(why, n->why) != 0)
		log_warning("remote enforcer %s: %s", own_part(l)->name, why);
	snprintf(n->why, sizeof(n->why), "%s", why);
	n->up = n->greeted = n->whole = false;
	n->telling = (struct link_telling){0};
	n->clock = (struct link_clock){0};
	n->pause = steady || n->pause == 0 ? PAUSE_FIRST : 2 * n->pause;
	n->pause = n->pause < PAUSE_MAX ? n->pause : PAUSE_MAX;
	n->dial_at = now + n->pause;
	if (l->local.paused)
		peer_pause(&l->local, false);
	say_down(l, now);
}

static void ask_clock(struct link *l, int64_t now)
{
	struct dynbuf *out = link_wire_out(&l->near.wire);
	l->near.ask_at = now + NS_PER_S;
	if (!out)
		return;
	link_clock_ask(&l->near.clock, now);
	msg_link_clock_encode(out, &(struct msg_link_clock){.asked = now});
	link_wire_flush(&l->near.wire);
}

/* The far side is who it should be; whether it listens to us it says next. */
static void on_ready(void *context)
{
	struct link *l = context;
	msg_link_hello_encode(
	    link_wire_out(&l->near.wire), &(struct msg_link_hello){.version = LINK_VERSION, .takes = 1});
	ask_clock(l, loop_now());
}

static int on_hello(struct link *l, struct text bytes)
{
	struct msg_link_hello m;
	char why[LINK_WHY_SIZE - 32], all[LINK_WHY_SIZE];
	if (l->near.greeted || msg_link_hello_decode(bytes.p, bytes.n, &l->arena, &m) < 0)
		return -EPROTO;
	if (m.version == LINK_VERSION && m.takes == 1) {
		l->near.greeted = true;
		return 0;
	}
	if (m.version != LINK_VERSION)
		snprintf(all, sizeof(all), "it speaks version %" PRIu32 " of the link, this program %d",
		    m.version, LINK_VERSION);
	else
		snprintf(all, sizeof(all), "it doesn't take us: %s", text_printable(m.why, why, sizeof(why)));
	link_wire_end(&l->near.wire, all);
	return 0;
}

/* The engine's latest word that it lives, where it came before there was anybody to tell: a generation may be
 * told before the next one, and holds nothing without a lease. */
static void say_live(struct link_near *n, int64_t now)
{
	if (n->lived_at && now - n->lived_at < LIVE_NEWS_NS)
		msg_live_encode(
		    link_wire_out(&n->wire), &(struct msg_live){.generation = n->lived_generation});
}

static int on_clock(struct link *l, struct text bytes)
{
	struct link_near *n = &l->near;
	struct msg_link_clock m;
	int64_t now = loop_now();
	if (!n->greeted || msg_link_clock_decode(bytes.p, bytes.n, &l->arena, &m) < 0)
		return -EPROTO;
	int r = link_clock_answer(&n->clock, m.asked, m.answered, now);
	if (r == -ETIME)
		return 0;
	if (r == 0 && !n->up) {
		n->up = true;
		n->stated = now;
		n->why[0] = '\0';
		say_live(n, now);
		log_info("remote enforcer %s is linked; its clock is known to %" PRId64 " us",
		    own_part(l)->name, link_clock_width(&n->clock) / 1000);
	}
	return r;
}

/* Until the engine has begun to tell it everything anew what it has in force isn't known: words about it may
 * have been lost with the connection before. */
static int on_state(struct link *l, struct text bytes)
{
	struct link_near *n = &l->near;
	struct msg_enforcer_state m;
	struct dynbuf said = {0};
	int r = link_message_pass(
	    &said, CHANNEL_ENFORCER_TO_ENGINE, MSG_ENFORCER_STATE, bytes, &n->clock, &l->arena);
	if (r == 0)
		r = msg_enforcer_state_decode(said.p, said.n, &l->arena, &m);
	if (r == 0) {
		m.name = text_of(own_part(l)->name);
		m.in_force = n->whole ? m.in_force : 0;
		n->stated = loop_now();
		struct dynbuf *out = peer_out(&l->local);
		r = out ? msg_enforcer_state_encode(out, &m) : 0;
	}
	dynbuf_free(&said);
	return r;
}

static bool too_many_drifts(struct link_near *n)
{
	int64_t now = loop_now();
	if (now - n->drifts_since > NS_PER_S) {
		n->drifts_since = now;
		n->drifts = 0;
	}
	return ++n->drifts > DRIFTS_A_SECOND;
}

static int from_far(struct link *l, uint16_t number, struct text bytes)
{
	if (number == MSG_LINK_HELLO)
		return on_hello(l, bytes);
	if (number == MSG_LINK_CLOCK)
		return on_clock(l, bytes);
	if (!l->near.greeted || !channel_way_allows(CHANNEL_ENFORCER_TO_ENGINE, number))
		return -EPROTO;
	/* between its greeting and its clock: it is told again */
	if (!l->near.up)
		return 0;
	if (number == MSG_ENFORCER_STATE)
		return on_state(l, bytes);
	if ((number == MSG_DRIFT || number == MSG_REFUSED) && too_many_drifts(&l->near))
		return -EPROTO;
	struct dynbuf *out = peer_out(&l->local);
	struct dynbuf nowhere = {0};
	int r = link_message_pass(
	    out ? out : &nowhere, CHANNEL_ENFORCER_TO_ENGINE, number, bytes, &l->near.clock, &l->arena);
	dynbuf_free(&nowhere);
	return r;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct link *l = context;
	arena_reset(&l->arena);
	int r = from_far(l, number, bytes);
	if (l->near.wire.state == LINK_WIRE_OPEN)
		link_hold_back(l, &l->near.wire);
	return r;
}

/* The engine's; what comes while there is nobody to tell is forgotten, since it is told again as a whole. */
int link_near_local(void *context, uint16_t number, struct text bytes)
{
	struct link *l = context;
	struct link_near *n = &l->near;
	struct msg_desired_begin begin;
	struct msg_live live;
	struct dynbuf *out = link_wire_out(&n->wire);
	if (number == MSG_LIVE && msg_live_decode(bytes.p, bytes.n, NULL, &live) == 0) {
		n->lived_at = loop_now();
		n->lived_generation = live.generation;
	}
	if (!n->up || !out || !link_telling_takes(&n->telling, number))
		return 0;
	arena_reset(&l->arena);
	int r = link_message_pass(out, CHANNEL_ENGINE_TO_ENFORCER, number, bytes, &n->clock, &l->arena);
	if (r == 0 && number == MSG_DESIRED_BEGIN &&
	    msg_desired_begin_decode(bytes.p, bytes.n, &l->arena, &begin) == 0 && begin.base == 0)
		n->whole = true;
	/* our own buffer's error isn't the engine's fault */
	if (r < 0 && r != -EPROTO) {
		link_wire_end(&n->wire, "it takes less than it is told");
		return 0;
	}
	link_hold_back(l, &n->wire);
	return r;
}

/* Half a generation of an engine that is gone isn't made whole by the next one. */
void link_near_met(struct link *l)
{
	l->near.telling = (struct link_telling){0};
	l->near.whole = false;
	l->near.lived_at = 0;
	l->near.state_at = 0;
}

void link_near_local_gone(void *context, int error)
{
	struct link *l = context;
	if (error != -EPIPE)
		log_error("the engine said what makes no sense (%s); its channel is closed", err_text(error));
	link_near_met(l);
}

static socklen_t place(const struct daemon_remote *d, struct sockaddr_storage *s)
{
	memset(s, 0, sizeof(*s));
	if (net_addr_is_v4(d->address)) {
		struct sockaddr_in *a = (struct sockaddr_in *)s;
		a->sin_family = AF_INET;
		a->sin_port = htons(d->port);
		memcpy(&a->sin_addr, d->address.b + 12, 4);
		return sizeof(*a);
	}
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)s;
	a->sin6_family = AF_INET6;
	a->sin6_port = htons(d->port);
	memcpy(&a->sin6_addr, d->address.b, 16);
	return sizeof(*a);
}

static int dial(struct link *l)
{
	const struct daemon_remote *d = &own_part(l)->remote;
	struct sockaddr_storage s;
	socklen_t size = place(d, &s);
	int fd = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = link_socket(fd);
	if (r == 0 && connect(fd, (struct sockaddr *)&s, size) < 0 && errno != EINPROGRESS)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return link_wire_open(&l->near.wire, l->process->loop, fd, l->context, true, &d->name, 1);
}

void link_near_swap(struct link *l, bool changed)
{
	struct link_near *n = &l->near;
	n->wire.ready = on_ready;
	n->wire.message = on_message;
	n->wire.gone = on_gone;
	n->wire.context = l;
	/* who was let in by other certificates may not be by these */
	if (changed && n->wire.state != LINK_WIRE_CLOSED)
		link_wire_end(&n->wire, "the certificates are others now");
	if (changed) {
		n->pause = 0;
		n->dial_at = 0;
	}
	if (!n->up && n->why[0] == '\0')
		snprintf(n->why, sizeof(n->why), "it isn't linked yet");
	n->ask_at = INT64_MAX;
}

static const char *over(const struct link_near *n, int64_t now)
{
	if (!n->up && now - n->wire.began > LINK_GREETING_NS)
		return n->wire.state == LINK_WIRE_CONNECTING ? "it can't be reached"
		                                             : "it doesn't answer in time";
	if (n->wire.state != LINK_WIRE_OPEN)
		return NULL;
	const char *why = link_over(&n->wire, now);
	if (why)
		return why;
	if (n->up && !n->wire.paused && now - n->stated > LINK_SILENCE_NS)
		return "it says nothing of its enforcer any more";
	return NULL;
}

void link_near_tick(struct link *l, int64_t now)
{
	struct link_near *n = &l->near;
	if (n->wire.state == LINK_WIRE_CLOSED && now >= n->dial_at) {
		int r = dial(l);
		if (r < 0)
			on_gone(l, err_text(r));
	}
	const char *why = n->wire.state != LINK_WIRE_CLOSED ? over(n, now) : NULL;
	if (why)
		link_wire_end(&n->wire, why);
	if (n->wire.state == LINK_WIRE_OPEN && now >= n->ask_at)
		ask_clock(l, now);
	if (n->wire.state == LINK_WIRE_OPEN) {
		link_wire_flush(&n->wire);
		link_hold_back(l, &n->wire);
	}
	if (!n->up && now >= n->state_at)
		say_down(l, now);
}

int64_t link_near_deadline(struct link *l)
{
	const struct link_near *n = &l->near;
	int64_t at = n->up ? INT64_MAX : n->state_at;
	if (n->wire.state == LINK_WIRE_CLOSED)
		return n->dial_at < at ? n->dial_at : at;
	/* while it is open it is looked at every second, which is when it is asked */
	int64_t look = n->wire.state == LINK_WIRE_OPEN ? n->ask_at : n->wire.began + LINK_GREETING_NS + 1;
	return look < at ? look : at;
}

void link_near_free(struct link *l)
{
	link_wire_free(&l->near.wire);
}
