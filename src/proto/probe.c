/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Finding the protocol by the first bytes of each direction. Parsers are asked first; a NO from either
 * direction strikes one off, a YES takes it. Where two say YES the one whose usual port this is goes first: a
 * port alone never decides. Where none is left, the naming probes are asked.
 */

#include "proto/naming.h"
#include "proto/private.h"

static enum app name_by_content(const struct naming_view *v)
{
	bool tcp = v->flow->protocol == PACKET_TCP, udp = v->flow->protocol == PACKET_UDP;
	for (const struct naming_probe *row = naming_probes; row->app != APP_UNKNOWN; row++)
		if (((row->tcp && tcp) || (row->udp && udp)) && row->probe(v))
			return row->app;
	return APP_UNKNOWN;
}

static struct naming_bytes first_bytes(const struct proto_flow *pf, enum flow_dir dir)
{
	const struct dynbuf *b = &pf->layer.side[dir].kept;
	return (struct naming_bytes){
	    .p = b->n ? b->p : (const uint8_t *)"", .n = b->n < PROTO_PROBE_BYTES ? b->n : PROTO_PROBE_BYTES};
}

static struct naming_view view_of(
    const struct flow *f, const struct proto_flow *pf, enum flow_dir dir, struct naming_bytes now)
{
	struct naming_view v = {
	    .flow = f,
	    .dir = dir,
	    .now = now,
	    .first = {first_bytes(pf, FLOW_FORWARD), first_bytes(pf, FLOW_REVERSE)},
	};
	if (v.first[dir].n == 0) {
		v.first[dir] = now;
		if (now.n > PROTO_PROBE_BYTES)
			v.first[dir].n = PROTO_PROBE_BYTES;
	}
	if (!pf->alone)
		v.now = v.first[dir];
	return v;
}

enum app probe_name_at_end(const struct flow *f, const struct proto_flow *pf)
{
	for (int dir = FLOW_FORWARD; dir <= FLOW_REVERSE; dir++) {
		struct naming_view v = view_of(f, pf, dir, first_bytes(pf, dir));
		enum app app = v.now.n ? name_by_content(&v) : APP_UNKNOWN;
		if (app != APP_UNKNOWN)
			return app;
	}
	return APP_UNKNOWN;
}

/* Asks every candidate that is left. */
static const struct proto_parser *ask_parsers(
    struct flow *f, struct proto_flow *pf, enum flow_dir dir, struct naming_bytes b)
{
	const struct proto_parser *found = NULL;
	size_t n = b.n < PROTO_PROBE_BYTES ? b.n : PROTO_PROBE_BYTES;
	for (uint64_t left = pf->candidates; left; left &= left - 1) {
		int i = __builtin_ctzll(left);
		const struct proto_parser *parser = proto_parsers[i];
		switch (parser->probe(b.p, n, dir == FLOW_FORWARD, f)) {
		case PROTO_NO: pf->candidates &= ~(UINT64_C(1) << i); break;
		case PROTO_MAYBE: break;
		case PROTO_YES:
			if (!found || app_port_is_usual(parser->app, f->responder_port))
				found = parser;
			break;
		}
	}
	return found;
}

enum probe_outcome probe_payload(struct proto *p, struct flow *f, struct proto_flow *pf, enum flow_dir dir,
    const uint8_t *bytes, size_t n, const struct proto_parser **ret_parser, enum app *ret_app)
{
	struct naming_view v = view_of(f, pf, dir, (struct naming_bytes){.p = bytes, .n = n});
	if (pf->segments == 0)
		pf->first_dir = (uint8_t)dir;
	else if (pf->last_dir != dir)
		pf->turns++;
	pf->last_dir = (uint8_t)dir;
	pf->segments += pf->segments < UINT8_MAX;

	const struct proto_parser *parser = ask_parsers(f, pf, dir, v.now);
	if (parser) {
		*ret_parser = parser;
		return PROBE_FOUND;
	}
	/* What stands alone speaks for itself: who declined the last payload may know the next. */
	bool waits = pf->candidates != 0;
	if (pf->alone)
		pf->candidates = pf->stream ? p->tcp_candidates : p->udp_candidates;
	bool over = pf->alone ? pf->segments >= PROTO_PROBE_ALONE_MAX
	                      : pf->turns >= PROTO_PROBE_TURNS_MAX || v.now.n >= PROTO_PROBE_BYTES;
	if (waits && !over)
		return PROBE_WAIT;
	*ret_app = name_by_content(&v);
	if (*ret_app != APP_UNKNOWN)
		return PROBE_NAMED;
	return over ? PROBE_UNKNOWN : PROBE_WAIT;
}
