/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "enforce/bgp_update.h"

static const int64_t second_ns = INT64_C(1000000000);

/* RFC 4271 suggests four minutes for an OPEN to come; who waits for a cut waits less. */
enum { CONNECT_S = 10, OPEN_S = 30, STOOD_LONG_S = 60, RETRY_DOUBLINGS = 3 };

void bgp_session_begin(struct bgp_session *s, const struct bgp_open *ours, uint32_t peer_as)
{
	assert(ours->hold_s >= BGP_HOLD_LEAST_S);
	*s = (struct bgp_session){.ours = *ours,
	    .peer_as = peer_as,
	    .state = BGP_IDLE,
	    .retry_at = INT64_MIN,
	    .doubt_until = INT64_MIN,
	    .stuck_at = INT64_MAX,
	    .in.max = BGP_IN_MAX,
	    .out.max = BGP_OUT_MAX};
}

void bgp_session_free(struct bgp_session *s)
{
	dynbuf_free(&s->in);
	dynbuf_free(&s->out);
}

static void say(struct bgp_session *s, const char *who, const char *what, struct text word)
{
	char clean[96];
	text_printable(word, clean, sizeof(clean));
	snprintf(s->why, sizeof(s->why), "%s%s%s%s", who, what, word.n ? ": " : "", clean);
}

/*
 * Back to IDLE. What we announced is withdrawn at once where the router knows that it is over; else when its
 * hold timer ends, which it set anew with the last byte from us at the latest.
 */
static void end(struct bgp_session *s, int64_t now, bool by_router)
{
	if (s->state == BGP_ESTABLISHED) {
		s->doubt_until = by_router ? now : now + s->hold_ns;
		if (now - s->since >= STOOD_LONG_S * second_ns)
			s->attempts = 0;
	}
	int64_t wait = (int64_t)1 << (s->attempts < RETRY_DOUBLINGS ? s->attempts : RETRY_DOUBLINGS);
	s->retry_at = now + wait * second_ns;
	s->attempts++;
	s->state = BGP_IDLE;
	s->families = 0;
	s->refresh = 0;
	s->stuck_at = INT64_MAX;
	s->drop = true;
	dynbuf_reset(&s->in);
}

static void fail(struct bgp_session *s, int64_t now, const struct bgp_problem *p)
{
	char text[96];
	bgp_notification_encode(&s->out, p);
	say(s, "we ended it: ", bgp_problem_text(p->code, p->subcode, text, sizeof(text)), TEXT(""));
	end(s, now, false);
}

static void fail_plain(struct bgp_session *s, int64_t now, enum bgp_error code, uint8_t subcode)
{
	struct bgp_problem p = bgp_problem_of(code, subcode, NULL, 0);
	fail(s, now, &p);
}

void bgp_session_lost(struct bgp_session *s, int64_t now, bool by_router, const char *how)
{
	if (s->state == BGP_IDLE)
		return;
	say(s, "", how, TEXT(""));
	end(s, now, by_router);
	dynbuf_reset(&s->out);
}

void bgp_session_dropped(struct bgp_session *s)
{
	s->drop = false;
	dynbuf_reset(&s->out);
}

void bgp_session_shutdown(struct bgp_session *s, int64_t now, struct text word)
{
	if (s->state == BGP_IDLE)
		return;
	if (s->state >= BGP_OPEN_SENT)
		bgp_shutdown_encode(&s->out, BGP_SHUT_DOWN, word);
	say(s, "", "we shut it down", TEXT(""));
	end(s, now, false);
}

static void restart_hold_timer(struct bgp_session *s, int64_t now)
{
	s->give_up_at = now + s->hold_ns;
}

void bgp_session_connected(struct bgp_session *s, int64_t now)
{
	assert(s->state == BGP_CONNECT);
	s->state = BGP_OPEN_SENT;
	s->give_up_at = now + OPEN_S * second_ns;
	dynbuf_reset(&s->out);
	bgp_open_encode(&s->out, &s->ours);
}

/* A third of the hold time: two may be lost. */
static int64_t keepalive_ns(const struct bgp_session *s)
{
	return s->hold_ns / 3;
}

void bgp_session_tick(struct bgp_session *s, int64_t now)
{
	switch (s->state) {
	case BGP_IDLE:
		if (now >= s->retry_at && !s->drop) {
			s->state = BGP_CONNECT;
			s->give_up_at = now + CONNECT_S * second_ns;
		}
		return;
	case BGP_CONNECT:
		if (now >= s->give_up_at)
			bgp_session_lost(s, now, false, "no answer to the connection");
		return;
	case BGP_OPEN_SENT:
	case BGP_OPEN_CONFIRM:
	case BGP_ESTABLISHED: break;
	}
	if (now >= s->give_up_at) {
		fail_plain(s, now, BGP_ERROR_HOLD_TIMER, 0);
	} else if (now >= s->stuck_at) {
		fail_plain(s, now, BGP_ERROR_SEND_HOLD_TIMER, 0);
	} else if (s->state != BGP_OPEN_SENT && now >= s->keepalive_at) {
		/* bytes that wait to be written will say as much */
		if (s->out.n == 0)
			bgp_keepalive_encode(&s->out);
		s->keepalive_at = now + keepalive_ns(s);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t bgp_session_deadline(const struct bgp_session *s)
{
	switch (s->state) {
	case BGP_IDLE: return s->retry_at;
	case BGP_CONNECT: return s->give_up_at;
	case BGP_OPEN_SENT: return earlier(s->give_up_at, s->stuck_at);
	case BGP_OPEN_CONFIRM:
	case BGP_ESTABLISHED: return earlier(earlier(s->give_up_at, s->stuck_at), s->keepalive_at);
	}
	return INT64_MAX;
}

/* A router that doesn't read is not told of anything (RFC 9687). */
void bgp_session_wrote(struct bgp_session *s, int64_t now, size_t n)
{
	int64_t hold_ns = s->hold_ns ? s->hold_ns : OPEN_S * second_ns;
	dynbuf_drop_front(&s->out, n);
	if (s->out.n == 0)
		s->stuck_at = INT64_MAX;
	else if (n || s->stuck_at == INT64_MAX)
		s->stuck_at = now + 2 * hold_ns;
}

/* Which of the capabilities that an OPEN must have isn't there. */
static struct bgp_problem lacks_families(const struct bgp_session *s)
{
	uint8_t data[6 * BGP_FAMILIES];
	size_t n = 0;
	for (unsigned f = 0; f < BGP_FAMILIES; f++)
		if (s->ours.families & 1u << f) {
			struct bgp_afi_safi as = bgp_afi_safi_of((enum bgp_family)f);
			const uint8_t capability[] = {1, 4, 0, (uint8_t)as.afi, 0, as.safi};
			memcpy(data + n, capability, sizeof(capability));
			n += sizeof(capability);
		}
	return bgp_problem_of(BGP_ERROR_OPEN, BGP_LACKS_CAPABILITY, data, n);
}

/* What we don't talk to. A router without keepalives would hold cuts for ever when we are gone. */
static struct bgp_problem refuse_open(const struct bgp_session *s, const struct bgp_open *o)
{
	static const uint8_t none[4];
	bool internal = s->peer_as == s->ours.as;
	if (o->as != s->peer_as)
		return bgp_problem_of(BGP_ERROR_OPEN, BGP_BAD_PEER_AS, NULL, 0);
	if (memcmp(o->id, none, 4) == 0 || (internal && memcmp(o->id, s->ours.id, 4) == 0))
		return bgp_problem_of(BGP_ERROR_OPEN, BGP_BAD_IDENTIFIER, NULL, 0);
	if (o->hold_s < BGP_HOLD_LEAST_S)
		return bgp_problem_of(BGP_ERROR_OPEN, BGP_BAD_HOLD_TIME, NULL, 0);
	if (!(o->families & s->ours.families))
		return lacks_families(s);
	return (struct bgp_problem){0};
}

static void on_unexpected(struct bgp_session *s, int64_t now)
{
	uint8_t in = s->state == BGP_OPEN_SENT      ? BGP_IN_OPEN_SENT
	             : s->state == BGP_OPEN_CONFIRM ? BGP_IN_OPEN_CONFIRM
	                                            : BGP_IN_ESTABLISHED;
	fail_plain(s, now, BGP_ERROR_STATE, in);
}

static void on_open(struct bgp_session *s, int64_t now, struct cursor body)
{
	struct bgp_problem p = {0};
	struct bgp_open o;
	if (s->state != BGP_OPEN_SENT) {
		on_unexpected(s, now);
		return;
	}
	if (bgp_open_decode(body, &o, &p) == 0)
		p = refuse_open(s, &o);
	if (p.code) {
		fail(s, now, &p);
		return;
	}
	s->theirs = o;
	s->families = o.families & s->ours.families;
	s->hold_ns = (o.hold_s < s->ours.hold_s ? o.hold_s : s->ours.hold_s) * second_ns;
	s->state = BGP_OPEN_CONFIRM;
	restart_hold_timer(s, now);
	bgp_keepalive_encode(&s->out);
	s->keepalive_at = now + keepalive_ns(s);
}

static void on_keepalive(struct bgp_session *s, int64_t now)
{
	if (s->state == BGP_OPEN_SENT) {
		on_unexpected(s, now);
		return;
	}
	if (s->state == BGP_OPEN_CONFIRM) {
		s->state = BGP_ESTABLISHED;
		s->since = now;
		/* the router has one session with us: what an earlier one left is gone */
		s->doubt_until = now;
	}
	restart_hold_timer(s, now);
}

static void on_update(struct bgp_session *s, int64_t now, struct cursor body)
{
	struct bgp_update u;
	struct bgp_problem p;
	if (s->state != BGP_ESTABLISHED)
		on_unexpected(s, now);
	else if (bgp_update_decode(body, &u, &p) < 0)
		fail(s, now, &p);
	else
		restart_hold_timer(s, now);
}

static void on_notification(struct bgp_session *s, int64_t now, struct cursor body)
{
	struct bgp_notification n;
	char text[96];
	bgp_notification_decode(body, &n);
	bgp_problem_text(n.code, n.subcode, text, sizeof(text));
	say(s, "the router ended it: ", text, n.word);
	end(s, now, true);
	dynbuf_reset(&s->out);
}

static void on_route_refresh(struct bgp_session *s, int64_t now, struct cursor body)
{
	enum bgp_family f = bgp_route_refresh_decode(body);
	if (s->state != BGP_ESTABLISHED)
		on_unexpected(s, now);
	else if (f < BGP_FAMILIES)
		s->refresh |= s->families & 1u << f;
}

static void on_message(struct bgp_session *s, int64_t now, enum bgp_type type, struct cursor body)
{
	switch (type) {
	case BGP_OPEN: on_open(s, now, body); break;
	case BGP_UPDATE: on_update(s, now, body); break;
	case BGP_NOTIFICATION: on_notification(s, now, body); break;
	case BGP_KEEPALIVE: on_keepalive(s, now); break;
	case BGP_ROUTE_REFRESH: on_route_refresh(s, now, body); break;
	}
}

void bgp_session_input(struct bgp_session *s, int64_t now, const void *p, size_t n)
{
	size_t at = 0;
	assert(n <= BGP_READ_MAX);
	if (s->state < BGP_OPEN_SENT)
		return;
	dynbuf_append(&s->in, p, n);
	if (s->in.error) {
		bgp_session_lost(s, now, false, "out of memory");
		return;
	}
	while (s->state >= BGP_OPEN_SENT) {
		struct bgp_header h;
		struct bgp_problem problem;
		struct text left = text_sub(dynbuf_view(&s->in), at, SIZE_MAX);
		int r = bgp_header_decode(left, &h, &problem);
		if (r == -ERR_MALFORMED)
			fail(s, now, &problem);
		if (r < 0 || h.length > left.n)
			break;
		on_message(s, now, (enum bgp_type)h.type,
		    cursor_of(left.p + BGP_HEADER_SIZE, h.length - (size_t)BGP_HEADER_SIZE));
		at += h.length;
	}
	if (s->state >= BGP_OPEN_SENT)
		dynbuf_drop_front(&s->in, at);
}
