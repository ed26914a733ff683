/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The life of a flow here: first bytes, probing, a parser, perhaps another after a switch, done. Nothing is
 * allocated for a flow that carries no payload.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "proto/private.h"

/* What f->app_state points at once nothing more of a flow is wanted. */
static const uint8_t done_mark;

static void *flow_done_mark(void)
{
	return (void *)(uintptr_t)&done_mark;
}

int proto_new(struct proto **ret_proto, const struct proto_config *config)
{
	if (!config->emit)
		return -EINVAL;
	struct proto *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->config = *config;
	if (!p->config.memory_max)
		p->config.memory_max = PROTO_MEMORY_MAX;
	p->spare_flows.size = sizeof(struct proto_flow);
	p->values.max = (size_t)PROTO_DEPTH_MAX * PROTO_FIELDS_MAX * PROTO_VALUE_MAX;
	for (size_t i = 0; proto_parsers[i]->app != APP_UNKNOWN; i++) {
		const struct proto_parser *parser = proto_parsers[i];
		assert(i < 64 && !p->by_app[parser->app]);
		p->by_app[parser->app] = parser;
		p->spare_states[parser->app].size = parser->state_size;
		if (parser->shared_new && !(p->shared[parser->app] = parser->shared_new())) {
			proto_free(p);
			return -ENOMEM;
		}
		if (parser->probe && parser->tcp)
			p->tcp_candidates |= UINT64_C(1) << i;
		if (parser->probe && parser->udp)
			p->udp_candidates |= UINT64_C(1) << i;
	}
	*ret_proto = p;
	return 0;
}

void proto_free(struct proto *p)
{
	if (!p)
		return;
	for (size_t i = 0; proto_parsers[i]->app != APP_UNKNOWN; i++)
		if (p->shared[proto_parsers[i]->app])
			proto_parsers[i]->shared_free(p->shared[proto_parsers[i]->app]);
	for (size_t i = 0; i < APP_COUNT; i++)
		spare_empty(&p->spare_states[i]);
	spare_empty(&p->spare_flows);
	dynbuf_free(&p->values);
	free(p);
}

const struct proto_stats *proto_stats(const struct proto *p)
{
	return &p->stats;
}

void proto_account(struct proto_context *c, size_t bytes)
{
	struct proto_layer *l = c->layer;
	if (bytes <= l->account) {
		proto_memory_give(c->proto, l->account - bytes);
	} else if (!proto_memory_take(c->proto, bytes - l->account)) {
		c->pf->over_memory = true;
		return;
	}
	l->account = bytes;
}

static void inners_end(struct proto_context *c)
{
	struct proto_inners *all = c->pf->inners;
	if (!all)
		return;
	c->depth++;
	for (size_t i = 0; i < all->n; i++)
		layer_end(c, &all->inner[i].layer);
	c->depth--;
	c->pf->inners = NULL;
	proto_memory_give(c->proto, sizeof(*all));
	free(all);
}

/* Ends the parser and everything of the flow that is ours. */
static void flow_finish(struct proto_context *c)
{
	layer_end(c, &c->pf->layer);
	inners_end(c);
	spare_give(&c->proto->spare_flows, c->pf);
	proto_memory_give(c->proto, sizeof(*c->pf));
	c->pf = NULL;
	c->flow->app_state = flow_done_mark();
}

/* Whether a flow's payload is looked at, and by which parser where that is known beforehand. */
static bool flow_wanted(const struct proto *p, const struct flow *f, const struct proto_parser **ret_known)
{
	switch (f->protocol) {
	case PACKET_ICMP:
	case PACKET_ICMPV6: *ret_known = p->by_app[APP_ICMP]; return *ret_known != NULL;
	case PACKET_TCP:
	case PACKET_UDP:
		/* an announced data connection, or a tunnel that decode knows */
		*ret_known = p->by_app[f->app < APP_COUNT ? f->app : APP_UNKNOWN];
		return *ret_known || f->app == APP_UNKNOWN;
	default: return false;
	}
}

/* The first payload of a flow. Where there is no room it goes without a parser. */
static struct proto_flow *flow_begin(struct proto *p, struct flow *f)
{
	const struct proto_parser *known = NULL;
	f->app_state = flow_done_mark();
	if (!flow_wanted(p, f, &known))
		return NULL;
	if (!proto_memory_take(p, sizeof(struct proto_flow))) {
		p->stats.without_room++;
		return NULL;
	}
	struct proto_flow *pf = spare_take(&p->spare_flows);
	if (!pf || (known && layer_begin(p, &pf->layer, known) < 0)) {
		spare_give(&p->spare_flows, pf);
		proto_memory_give(p, sizeof(*pf));
		p->stats.without_room++;
		return NULL;
	}
	if (known)
		f->app = (uint16_t)known->app;
	pf->stream = f->protocol == PACKET_TCP;
	pf->alone = !pf->stream || (f->flags & FLOW_MIDSTREAM);
	pf->candidates = pf->stream ? p->tcp_candidates : p->udp_candidates;
	f->app_state = pf;
	return pf;
}

static void flow_take(struct proto_context *c, enum flow_dir dir, const uint8_t *p, size_t n);

/* The stream goes on as another protocol: both sides' unread bytes are the first of it. */
static void flow_switch(struct proto_context *c, enum flow_dir dir, struct text rest)
{
	struct proto_flow *pf = c->pf;
	struct proto_side kept[2] = {pf->layer.side[0], pf->layer.side[1]};
	pf->layer.side[0] = pf->layer.side[1] = (struct proto_side){0};
	layer_end(c, &pf->layer);
	inners_end(c);
	pf->candidates = c->proto->tcp_candidates;
	pf->segments = pf->turns = 0;
	pf->alone = false;
	if (pf->switches++ >= PROTO_SWITCH_MAX) {
		flow_finish(c);
	} else {
		/* the side that switched speaks first, then what the other said ahead of it */
		flow_take(c, dir, kept[dir].kept.p, kept[dir].kept.n);
		flow_take(c, dir, (const uint8_t *)rest.p, rest.n);
		flow_take(c, !dir, kept[!dir].kept.p, kept[!dir].kept.n);
	}
	side_free(c->proto, &kept[0]);
	side_free(c->proto, &kept[1]);
}

static void flow_outcome(
    struct proto_context *c, enum layer_outcome outcome, enum flow_dir dir, struct text rest)
{
	switch (outcome) {
	case LAYER_GOES_ON: break;
	case LAYER_DONE: flow_finish(c); break;
	case LAYER_SWITCH: flow_switch(c, dir, rest); break;
	case LAYER_BROKEN:
		if (!c->pf->stream && !c->pf->over_memory && ++c->pf->bad_datagrams < PROTO_BAD_DATAGRAMS_MAX)
			break;
		if (c->pf->over_memory)
			c->proto->stats.without_room++;
		else
			c->proto->stats.broken++;
		flow_finish(c);
		break;
	}
}

/*
 * Names the flow. After a switch, TLS is a wrapping of what is known (SMTP, RDP), unless that was a proxy's
 * HTTP; any other protocol is what the flow really is.
 */
static void flow_name(struct flow *f, enum app app)
{
	if (app != APP_TLS || f->app == APP_UNKNOWN || f->app == APP_HTTP)
		f->app = (uint16_t)app;
}

/* The parser is found: it sees what was kept, in the order in which the directions first spoke. */
static void flow_found(
    struct proto_context *c, const struct proto_parser *parser, enum flow_dir dir, struct text rest)
{
	struct proto_flow *pf = c->pf;
	struct proto_side kept[2] = {pf->layer.side[0], pf->layer.side[1]};
	enum flow_dir order[2] = {pf->first_dir, !pf->first_dir};
	pf->layer.side[0] = pf->layer.side[1] = (struct proto_side){0};
	flow_name(c->flow, parser->app);
	if (layer_begin(c->proto, &pf->layer, parser) < 0) {
		c->proto->stats.without_room++;
		flow_finish(c);
	} else if (pf->alone) {
		flow_take(c, dir, (const uint8_t *)rest.p, rest.n);
	} else {
		for (int i = 0; i < 2; i++) {
			flow_take(c, order[i], kept[order[i]].kept.p, kept[order[i]].kept.n);
			if (order[i] == dir)
				flow_take(c, dir, (const uint8_t *)rest.p, rest.n);
		}
	}
	side_free(c->proto, &kept[0]);
	side_free(c->proto, &kept[1]);
}

static void flow_probe(struct proto_context *c, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct proto_flow *pf = c->pf;
	struct proto_side *s = &pf->layer.side[dir];
	struct text now = text_bytes(p, n), rest = now;
	if (!pf->alone && s->kept.n) {
		/* the rest of a segment that is over the bound isn't looked at, but the parser gets it */
		size_t room = PROTO_PROBE_BYTES - s->kept.n, take = n < room ? n : room;
		if (side_keep(c->proto, s, p, take, PROTO_PROBE_BYTES) < 0) {
			flow_finish(c);
			return;
		}
		now = dynbuf_view(&s->kept);
		rest = text_sub(rest, take, n - take);
	}
	const struct proto_parser *parser = NULL;
	enum app app = APP_UNKNOWN;
	switch (probe_payload(c->proto, c->flow, pf, dir, (const uint8_t *)now.p, now.n, &parser, &app)) {
	case PROBE_FOUND: flow_found(c, parser, dir, rest); return;
	case PROBE_NAMED:
		flow_name(c->flow, app);
		flow_finish(c);
		return;
	case PROBE_UNKNOWN: flow_finish(c); return;
	case PROBE_WAIT: break;
	}
	if (s->kept.n == 0) {
		size_t most = pf->alone ? PROTO_FIRST_DATAGRAM : PROTO_PROBE_BYTES;
		if (side_keep(c->proto, s, p, n < most ? n : most, PROTO_PROBE_BYTES) < 0)
			flow_finish(c);
	}
}

static void flow_take(struct proto_context *c, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct proto_flow *pf = c->pf;
	struct text rest = {0};
	if (!pf || n == 0)
		return;
	if (!pf->layer.parser) {
		flow_probe(c, dir, p, n);
		return;
	}
	if (pf->layer.side[dir].done)
		return;
	enum flow_dir rest_dir = dir;
	enum layer_outcome outcome = pf->stream ? layer_feed(c, &pf->layer, dir, p, n, &rest_dir, &rest)
	                                        : layer_datagram(c, &pf->layer, dir, p, n);
	flow_outcome(c, outcome, rest_dir, rest);
}

/* Bytes are missing. While probing, what was kept can't be joined with what follows. */
static void flow_gap(struct proto_context *c, enum flow_dir dir, uint64_t gap)
{
	struct proto_flow *pf = c->pf;
	if (pf->layer.parser) {
		if (!pf->layer.side[dir].done)
			flow_outcome(c, layer_gap(c, &pf->layer, dir, gap), dir, (struct text){0});
	} else if (pf->layer.side[dir].kept.n) {
		enum app app = probe_name_at_end(c->flow, pf);
		if (app != APP_UNKNOWN)
			flow_name(c->flow, app);
		flow_finish(c);
	}
}

/* Whether the flow was one exchange of datagrams by now, and nothing of it need be remembered. Further ones
 * keep what they need until the end, with the bounds on it. */
static bool flow_idle(const struct proto_context *c)
{
	const struct proto_flow *pf = c->pf;
	const struct proto_parser *parser = pf->layer.parser;
	const struct flow *f = c->flow;
	return !pf->stream && parser && parser->idle && !pf->inners && c->proto->by_app[f->app] == parser &&
	       f->side[FLOW_FORWARD].packets == 1 && f->side[FLOW_REVERSE].packets == 1 &&
	       parser->idle(pf->layer.state);
}

void proto_flow_start(struct proto *p, struct flow *f)
{
	(void)p;
	f->app_state = NULL;
}

bool proto_flow_data(struct proto *p, struct flow *f, enum flow_dir dir, const uint8_t *data, size_t n,
    uint64_t gap, int64_t time_ns)
{
	struct proto_flow *pf = f->app_state;
	if ((const void *)pf == flow_done_mark())
		return false;
	if (!pf) {
		if (n == 0)
			return true;
		pf = flow_begin(p, f);
		if (!pf)
			return false;
	}
	struct proto_side *s = &pf->layer.side[dir];
	if (s->done)
		return false;
	if (s->skip >= n && gap == 0) {
		s->skip -= n;
		return true;
	}
	struct proto_context c = {.proto = p, .flow = f, .pf = pf, .layer = &pf->layer, .time_ns = time_ns};
	if (gap && pf->stream)
		flow_gap(&c, dir, gap);
	flow_take(&c, dir, data, n);
	bool wanted = c.pf && !c.pf->layer.side[dir].done;
	if (wanted && flow_idle(&c)) {
		flow_finish(&c);
		f->app_state = NULL; /* to begin anew, should there be more */
	}
	return wanted;
}

void proto_flow_soon(const struct flow *f)
{
	const struct proto_flow *pf = f->app_state;
	if (!pf || (const void *)pf == flow_done_mark())
		return;
	for (size_t at = 0; at < sizeof(*pf); at += 64)
		__builtin_prefetch((const char *)pf + at);
}

void proto_flow_end(struct proto *p, struct flow *f, int64_t time_ns)
{
	struct proto_flow *pf = f->app_state;
	if (pf && (const void *)pf != flow_done_mark()) {
		struct proto_context c = {
		    .proto = p, .flow = f, .pf = pf, .layer = &pf->layer, .time_ns = time_ns};
		if (pf->layer.parser && pf->stream) {
			layer_finish(&c, &pf->layer);
		} else if (!pf->layer.parser) {
			enum app app = probe_name_at_end(f, pf);
			if (app != APP_UNKNOWN)
				flow_name(f, app);
		}
		flow_finish(&c);
	}
	p->stats.flows_by_app[f->app < APP_COUNT ? f->app : APP_UNKNOWN]++;
	f->app_state = NULL;
}

/* A place for one more inner protocol: at the bound that of the oldest which isn't at work just now. */
static struct proto_inner *inner_place(struct proto_context *c)
{
	struct proto_inners *all = c->pf->inners;
	if (all->n < PROTO_INNER_MAX)
		return &all->inner[all->n++];
	while (all->inner[all->oldest].busy)
		all->oldest = (all->oldest + 1) % PROTO_INNER_MAX;
	struct proto_inner *inner = &all->inner[all->oldest];
	all->oldest = (all->oldest + 1) % PROTO_INNER_MAX;
	layer_end(c, &inner->layer);
	return inner;
}

static struct proto_inner *inner_of(struct proto_context *c, const struct proto_parser *parser, uint64_t key)
{
	struct proto_inners *all = c->pf->inners;
	for (size_t i = 0; all && i < all->n; i++)
		if (all->inner[i].key == key && all->inner[i].layer.parser == parser)
			return &all->inner[i];
	if (!all) {
		if (!proto_memory_take(c->proto, sizeof(*all)))
			return NULL;
		all = calloc(1, sizeof(*all));
		if (!all) {
			proto_memory_give(c->proto, sizeof(*all));
			return NULL;
		}
		c->pf->inners = all;
	}
	struct proto_inner *inner = inner_place(c);
	inner->key = key;
	return layer_begin(c->proto, &inner->layer, parser) < 0 ? NULL : inner;
}

void proto_inner(
    struct proto_context *c, enum app app, uint64_t key, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct proto_context own = *c;
	struct text rest = {0};
	const struct proto_parser *parser = app < APP_COUNT ? c->proto->by_app[app] : NULL;
	if (!parser || c->depth + 1 >= PROTO_DEPTH_MAX)
		return;
	own.depth++;
	struct proto_inner *inner = inner_of(&own, parser, key);
	if (!inner || inner->busy || inner->layer.side[dir].done)
		return;
	inner->busy = true;
	enum flow_dir rest_dir;
	switch (layer_feed(&own, &inner->layer, dir, p, n, &rest_dir, &rest)) {
	case LAYER_GOES_ON: break;
	case LAYER_DONE:
	case LAYER_SWITCH:
	case LAYER_BROKEN:
		/* it stays, deaf, so that what follows under this key isn't read as a beginning */
		inner->layer.side[0].done = inner->layer.side[1].done = true;
		break;
	}
	inner->busy = false;
}
