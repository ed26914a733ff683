/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "enforce/bgp_cuts.h"
#include "enforce/bgp_link.h"

static const int64_t second_ns = INT64_C(1000000000);

struct bgp {
	struct backend backend;
	struct bgp_link link;
	struct bgp_session session;
	struct bgp_attributes attributes;
	struct bgp_cuts cuts;
	struct backend_pass *pass;
	struct net_addr peer;
	int64_t now; /* of the last tick */
	int64_t lease_until;
	bool up;      /* the routes know of the session */
	bool pending; /* there is something for tick to do */
	bool changed; /* a session began or ended, and nobody was told */
};

static struct bgp *bgp_of(struct backend *b)
{
	return (struct bgp *)b;
}

static const struct bgp *bgp_const(const struct backend *b)
{
	return (const struct bgp *)b;
}

static bool is_up(const struct bgp *b)
{
	return b->up && b->session.state == BGP_ESTABLISHED;
}

static bool is_written(const struct bgp *b)
{
	return b->cuts.routes.waiting == 0 && b->session.out.n == 0;
}

static bool is_in_force(const struct bgp *b)
{
	return is_up(b) && b->cuts.routes.live && is_written(b);
}

/* Writes what is to be said, as far as the kernel takes it. */
static void write_out(struct bgp *b)
{
	enum { ROUNDS = 64 };
	struct bgp_session *s = &b->session;
	for (int i = 0; i < ROUNDS; i++) {
		size_t wrote = 0;
		if (is_up(b))
			bgp_routes_write(&b->cuts.routes, &b->attributes, &s->out, BGP_OUT_ROUTES_MAX);
		if (s->out.error && s->state >= BGP_OPEN_SENT)
			bgp_session_lost(s, b->now, false, "out of memory");
		if (s->out.n == 0 || s->state < BGP_OPEN_SENT)
			break;
		int r = bgp_link_write(&b->link, dynbuf_view(&s->out), &wrote);
		bgp_session_wrote(s, b->now, wrote);
		if (r < 0 && r != -EAGAIN)
			bgp_session_lost(s, b->now, false, err_text(r));
		if (r < 0)
			break;
	}
	b->pending |= s->drop;
	bgp_link_wish(&b->link, s->state == BGP_CONNECT || !is_written(b));
}

/* Reads what came, within bounds: a router that never stops talking doesn't keep us from the rest. */
static void read_in(struct bgp *b)
{
	enum { ROUNDS = 16 };
	uint8_t bytes[BGP_READ_MAX];
	b->pending = false;
	for (int i = 0; i < ROUNDS && b->session.state >= BGP_OPEN_SENT; i++) {
		size_t n = 0;
		int r = bgp_link_read(&b->link, bytes, sizeof(bytes), &n);
		if (r == -EAGAIN)
			return;
		if (r < 0)
			bgp_session_lost(&b->session, b->now, false, err_text(r));
		else if (n == 0)
			bgp_session_lost(&b->session, b->now, true, "the router closed the connection");
		else
			bgp_session_input(&b->session, b->now, bytes, n);
	}
	b->pending = b->session.state >= BGP_OPEN_SENT;
}

static void see_connection(struct bgp *b)
{
	int r = bgp_link_connected(&b->link);
	if (r == 0)
		bgp_session_connected(&b->session, b->now);
	else if (r != -EINPROGRESS)
		bgp_session_lost(&b->session, b->now, false, err_text(r));
}

/* The session as the routes know it. */
static void follow_session(struct bgp *b)
{
	struct bgp_session *s = &b->session;
	bool up = s->state == BGP_ESTABLISHED;
	if (up != b->up) {
		b->up = up;
		b->attributes.as4 = s->theirs.as4;
		bgp_routes_session(&b->cuts.routes, up ? s->families : 0);
		b->changed = true;
		bgp_link_ring(&b->link);
	}
	if (s->refresh)
		bgp_routes_again(&b->cuts.routes, s->refresh);
	s->refresh = 0;
}

static void end_link(struct bgp *b)
{
	struct bgp_session *s = &b->session;
	bgp_link_close(&b->link, dynbuf_view(&s->out));
	bgp_session_dropped(s);
}

static int bgp_tick(struct backend *backend, int64_t now)
{
	struct bgp *b = bgp_of(backend);
	struct bgp_session *s = &b->session;
	b->now = now > b->now ? now : b->now;
	if (s->state == BGP_CONNECT)
		see_connection(b);
	read_in(b);
	(void)bgp_cuts_expire(&b->cuts, b->now);
	bgp_routes_set_live(&b->cuts.routes, b->now < b->lease_until);
	bgp_session_tick(s, b->now);
	if (s->state == BGP_CONNECT && !bgp_link_is_open(&b->link)) {
		int r = bgp_link_open(&b->link);
		if (r < 0)
			bgp_session_lost(s, b->now, false, err_text(r));
	}
	follow_session(b);
	write_out(b);
	if (s->drop) {
		follow_session(b);
		end_link(b);
		b->pending = false;
	}
	return 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t bgp_deadline(const struct backend *backend)
{
	const struct bgp *b = bgp_const(backend);
	int64_t at = earlier(bgp_session_deadline(&b->session), b->cuts.next_end);
	if (b->cuts.routes.live)
		at = earlier(at, b->lease_until);
	return b->pending || at < b->now ? b->now : at;
}

static const char *bgp_cannot(const struct backend *backend, const struct cut *c, bool fail_closed)
{
	if (fail_closed)
		return "what a router was told by BGP ends with us: it can't fail closed";
	return bgp_cuts_cannot(&bgp_const(backend)->cuts, c);
}

/* Without a session, or without a lease: nothing but removals. */
static int change_down(struct bgp *b, const struct backend_step *steps, size_t n, int why, size_t *ret_at)
{
	size_t at = 0;
	while (at < n && steps[at].act == BACKEND_REMOVE)
		at++;
	bgp_cuts_remove(&b->cuts, steps, n);
	if (at == n && b->now >= b->session.doubt_until)
		return 0;
	if (ret_at)
		*ret_at = at;
	return why;
}

static bool only_removes(const struct backend_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].act != BACKEND_REMOVE)
			return false;
	return true;
}

static int bgp_change(struct backend *backend, const struct backend_step *steps, size_t n, size_t *ret_at)
{
	struct bgp *b = bgp_of(backend);
	if (n == 0)
		return 0;
	if (!is_up(b))
		return change_down(b, steps, n, -ENOTCONN, ret_at);
	if (!b->cuts.routes.live && !only_removes(steps, n))
		return change_down(b, steps, n, -ETIME, ret_at);
	int r = bgp_cuts_change(&b->cuts, steps, n, ret_at);
	if (r < 0)
		return r;
	write_out(b);
	if (is_up(b) && is_written(b))
		return 0;
	if (ret_at)
		*ret_at = n;
	return -EINPROGRESS;
}

static int bgp_lease(struct backend *backend, int64_t until)
{
	struct bgp *b = bgp_of(backend);
	b->lease_until = until;
	if (until > b->now) {
		bgp_routes_set_live(&b->cuts.routes, true);
		write_out(b);
	} else {
		b->pending = true;
	}
	return 0;
}

static int bgp_read_begin(struct backend *backend)
{
	(void)backend;
	return 0;
}

static int bgp_read_more(
    struct backend *backend, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact)
{
	const struct bgp *b = bgp_const(backend);
	int r = bgp_cuts_read(&b->cuts, ret_elements, ret_n);
	if (r == 0)
		*ret_intact = is_in_force(b);
	return r;
}

/* The session comes back by itself. */
static int bgp_repair(struct backend *backend)
{
	struct bgp *b = bgp_of(backend);
	if (!is_up(b))
		return -ENOTCONN;
	write_out(b);
	return !b->cuts.routes.live ? -ETIME : is_in_force(b) ? 0 : -EINPROGRESS;
}

static int bgp_fd(const struct backend *backend)
{
	return bgp_const(backend)->link.poll;
}

static int bgp_events(struct backend *backend, bool *ret_foreign)
{
	struct bgp *b = bgp_of(backend);
	b->pending |= bgp_link_events(&b->link);
	*ret_foreign = b->changed;
	b->changed = false;
	return 0;
}

static int bgp_clear(struct backend *backend)
{
	struct bgp *b = bgp_of(backend);
	bgp_cuts_clear(&b->cuts);
	if (!is_up(b))
		return b->now >= b->session.doubt_until ? 0 : -ENOTCONN;
	write_out(b);
	return is_up(b) && is_written(b) ? 0 : -EINPROGRESS;
}

static void bgp_close(struct backend *backend)
{
	struct bgp *b = bgp_of(backend);
	bgp_session_shutdown(&b->session, b->now, TEXT("Bulkhead's enforcer ends; its cuts end with it"));
	end_link(b);
	bgp_link_free(&b->link);
	bgp_session_free(&b->session);
	bgp_cuts_free(&b->cuts);
	free(b->pass);
	free(b);
}

static const struct backend_ops bgp_ops = {
    .name = "bgp",
    .cannot = bgp_cannot,
    .change = bgp_change,
    .lease = bgp_lease,
    .read_begin = bgp_read_begin,
    .read_more = bgp_read_more,
    .repair = bgp_repair,
    .fd = bgp_fd,
    .events = bgp_events,
    .deadline = bgp_deadline,
    .tick = bgp_tick,
    .clear = bgp_clear,
    .close = bgp_close,
};

static const char *wrong_pass(const struct bgp_config *c)
{
	if (c->n_pass > BGP_PASS_MAX)
		return "too many services that must pass";
	for (size_t i = 0; i < c->n_pass; i++)
		if (c->pass[i].prefix.bits == 0 && c->pass[i].protocol == 0)
			return "something that must pass is everything";
	return NULL;
}

static const char *wrong_hop(const struct bgp_config *c)
{
	bool v4 = !net_addr_is_none(c->next_hop_v4), v6 = !net_addr_is_none(c->next_hop_v6);
	if (c->announce != BGP_ANNOUNCE_BLACKHOLE)
		return NULL;
	if (!v4 && !v6)
		return "blackhole routes need a next hop";
	if (v4 && (!net_addr_is_v4(c->next_hop_v4) || net_addr_is_unspecified(c->next_hop_v4)))
		return "the next hop for IPv4 is no address of IPv4";
	return v6 && net_addr_is_v4(c->next_hop_v6) ? "the next hop for IPv6 is one of IPv4" : NULL;
}

static const char *wrong(const struct bgp_config *c)
{
	int64_t most = UINT16_MAX * second_ns;
	if (net_addr_is_unspecified(c->peer) || net_addr_is_multicast(c->peer))
		return "the router has no address";
	if (net_addr_is_link_local(c->peer) && !net_addr_is_v4(c->peer))
		return "the router's address is link-local, which needs an interface";
	if (!net_addr_is_none(c->local) && net_addr_is_v4(c->local) != net_addr_is_v4(c->peer))
		return "the own address is of another family than the router's";
	if (c->local_as == 0 || c->peer_as == 0 || c->local_as == UINT32_MAX || c->peer_as == UINT32_MAX ||
	    c->local_as == BGP_AS_TRANS || c->peer_as == BGP_AS_TRANS)
		return "an AS number is one that nobody can have";
	if (!net_addr_is_v4(c->router_id) || net_addr_is_unspecified(c->router_id))
		return "the router id is no address of IPv4";
	if (c->hold_ns < BGP_HOLD_LEAST_S * second_ns || c->hold_ns > most || c->hold_ns % second_ns)
		return "the hold time is not of 3 to 65535 whole seconds";
	const char *hop = wrong_hop(c);
	return hop ? hop : wrong_pass(c);
}

static void begin_session(struct bgp *b, const struct bgp_config *c)
{
	bool blackhole = c->announce == BGP_ANNOUNCE_BLACKHOLE;
	struct bgp_open ours = {.as = c->local_as,
	    .hold_s = (uint16_t)(c->hold_ns / second_ns),
	    .families = blackhole ? 1u << BGP_UNICAST_V4 | 1u << BGP_UNICAST_V6
	                          : 1u << BGP_FLOW_V4 | 1u << BGP_FLOW_V6,
	    .as4 = true,
	    .route_refresh = true};
	memcpy(ours.id, c->router_id.b + 12, sizeof(ours.id));
	bgp_session_begin(&b->session, &ours, c->peer_as);
	b->attributes = (struct bgp_attributes){.local_as = c->local_as,
	    .internal = c->local_as == c->peer_as,
	    .next_hop = {c->next_hop_v4, c->next_hop_v6}};
	b->cuts.has_hop[0] = !net_addr_is_none(c->next_hop_v4);
	b->cuts.has_hop[1] = !net_addr_is_none(c->next_hop_v6);
}

int bgp_open(const struct bgp_config *config, struct backend **ret_backend, char why[BGP_WHY_SIZE])
{
	uint64_t seed;
	const char *mistake = wrong(config);
	snprintf(why, BGP_WHY_SIZE, "%s", mistake ? mistake : "");
	if (mistake)
		return -ERR_INVALID;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	struct bgp *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->backend.ops = &bgp_ops;
	b->peer = config->peer;
	b->lease_until = INT64_MIN;
	b->pass = calloc(config->n_pass ? config->n_pass : 1, sizeof(*b->pass));
	int r = bgp_link_begin(&b->link, config->peer, config->port ? config->port : BGP_PORT, config->local);
	if (r == 0)
		r = b->pass ? 0 : -ENOMEM;
	if (r == 0 && config->n_pass)
		memcpy(b->pass, config->pass, config->n_pass * sizeof(*b->pass));
	if (r == 0)
		r = bgp_cuts_begin(&b->cuts, config->announce == BGP_ANNOUNCE_BLACKHOLE, b->pass,
		    config->n_pass, BGP_CUTS_MAX, seed);
	begin_session(b, config);
	if (r < 0) {
		bgp_close(&b->backend);
		return r;
	}
	*ret_backend = &b->backend;
	return 0;
}

char *bgp_status(const struct backend *backend, char *buf)
{
	static const char *const states[] = {[BGP_IDLE] = "waiting to connect to",
	    [BGP_CONNECT] = "connecting to",
	    [BGP_OPEN_SENT] = "connected to",
	    [BGP_OPEN_CONFIRM] = "agreeing with",
	    [BGP_ESTABLISHED] = "established with"};
	const struct bgp *b = bgp_const(backend);
	const struct bgp_session *s = &b->session;
	char peer[NET_ADDR_TEXT_SIZE];
	net_addr_text(b->peer, peer);
	if (is_up(b))
		snprintf(buf, BGP_WHY_SIZE, "%s %s, hold time %lld s, %zu cuts%s", states[s->state], peer,
		    (long long)(s->hold_ns / second_ns), table_count(b->cuts.table),
		    !b->cuts.routes.live ? ", withdrawn since the lease is over"
		    : is_written(b)      ? ""
		                         : ", not all of them told yet");
	else
		snprintf(buf, BGP_WHY_SIZE, "%s %s%s%.160s", states[s->state], peer,
		    s->why[0] ? "; last: " : "", s->why);
	return buf;
}
