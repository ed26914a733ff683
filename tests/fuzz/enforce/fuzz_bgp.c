/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as what a router says. The first byte says how it begins: with a session as far as that state;
 * the second in what pieces the rest comes. Whatever comes, buffers stay within their bounds, a session that
 * ends says so with one NOTIFICATION at most, and ends for good reason only. Bytes that read as an OPEN, a
 * rule or an UPDATE of ours are written again and must read as the same.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "enforce/bgp_session.h"
#include "enforce/bgp_update.h"
#include "enforce/flowspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct bgp_open ours = {.as = 65010,
    .hold_s = 9,
    .id = {192, 0, 2, 1},
    .families = (1u << BGP_FAMILIES) - 1,
    .as4 = true,
    .route_refresh = true};

static void begin(struct bgp_session *s, unsigned state)
{
	struct dynbuf b = {0};
	struct bgp_open theirs = ours;
	theirs.id[3] = 2;
	bgp_session_begin(s, &ours, ours.as);
	bgp_session_tick(s, 0);
	bgp_session_connected(s, 0);
	if (state > 0)
		bgp_open_encode(&b, &theirs);
	if (state > 1)
		bgp_keepalive_encode(&b);
	if (b.n)
		bgp_session_input(s, 0, b.p, b.n);
	must(s->state == (state == 0 ? BGP_OPEN_SENT : state == 1 ? BGP_OPEN_CONFIRM : BGP_ESTABLISHED));
	dynbuf_free(&b);
	bgp_session_wrote(s, 0, s->out.n);
}

/* What waits to be written is whole messages of ours, and a NOTIFICATION is the last. */
static void check_out(const struct bgp_session *s)
{
	size_t at = 0;
	while (at < s->out.n) {
		struct bgp_header h;
		struct bgp_problem p;
		must(bgp_header_decode(text_bytes(s->out.p + at, s->out.n - at), &h, &p) == 0);
		at += h.length;
		must(at <= s->out.n);
		must(h.type != BGP_NOTIFICATION || (at == s->out.n && s->drop));
	}
}

static void hear(unsigned state, size_t piece, const uint8_t *data, size_t size)
{
	struct bgp_session s;
	begin(&s, state);
	for (size_t at = 0; at < size;) {
		size_t n = piece < size - at ? piece : size - at;
		bgp_session_input(&s, 1, data + at, n);
		must(s.in.n < BGP_MESSAGE_MAX && s.out.n <= BGP_OUT_MAX && !s.out.error);
		must((s.state == BGP_IDLE) == s.drop);
		must(memchr(s.why, 0, sizeof(s.why)) != NULL);
		at += n;
	}
	check_out(&s);
	must(bgp_session_deadline(&s) > 0);
	bgp_session_tick(&s, INT64_C(3600000000000));
	must(s.state == BGP_IDLE);
	bgp_session_free(&s);
}

static void read_open(const uint8_t *data, size_t size)
{
	struct bgp_open o, again;
	struct bgp_problem p;
	struct dynbuf b = {0};
	if (bgp_open_decode(cursor_of(data, size), &o, &p) < 0)
		return;
	bgp_open_encode(&b, &o);
	must(bgp_open_decode(cursor_of(b.p + BGP_HEADER_SIZE, b.n - BGP_HEADER_SIZE), &again, &p) == 0);
	/* no family at all can't be said: that is IPv4 unicast */
	must(again.families == (o.families ? o.families : 1u << BGP_UNICAST_V4));
	must(again.hold_s == o.hold_s && again.as4 == o.as4 && again.route_refresh == o.route_refresh);
	must(again.as == o.as && memcmp(again.id, o.id, sizeof(o.id)) == 0);
	dynbuf_free(&b);
}

static void read_rules(struct cursor c, bool v6)
{
	struct flowspec_rule r, again;
	uint8_t nlri[FLOWSPEC_NLRI_MAX];
	int e = 0;
	while (cursor_left(&c) && e != -ERR_TRUNCATED) {
		e = flowspec_decode(&c, v6, &r);
		if (e < 0)
			continue;
		int n = flowspec_encode(&r, nlri);
		must(n > 0 && (r.dst.bits || r.src.bits));
		struct cursor back = cursor_of(nlri, (size_t)n);
		must(flowspec_decode(&back, v6, &again) == 0 && memcmp(&r, &again, sizeof(r)) == 0);
	}
}

static void read_update(const uint8_t *data, size_t size)
{
	struct bgp_update u;
	struct bgp_problem p = {0};
	if (bgp_update_decode(cursor_of(data, size), &u, &p) < 0) {
		must(p.code == BGP_ERROR_UPDATE && p.n <= BGP_PROBLEM_DATA_MAX);
		return;
	}
	read_rules(u.reach.nlri, u.reach.afi == 2);
	read_rules(u.unreach.nlri, u.unreach.afi == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 64 * 1024)
		return 0;
	size_t piece = data[1] ? data[1] : BGP_READ_MAX;
	hear(data[0] % 3, piece, data + 2, size - 2);
	read_open(data + 2, size - 2);
	read_update(data + 2, size - 2);
	read_rules(cursor_of(data + 2, size - 2), data[0] & 0x80);
	return 0;
}
