/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/simulate.h"

#include <errno.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "contain/cut_index.h"
#include "contain/parts.h"
#include "contain/simulate_parts.h"
#include "net/trie.h"

/* flow/flow.h, FLOW_END_NONE: the record is a snapshot. */
enum { END_NONE = 0 };

enum { MARK_FORTH = 1, MARK_BACK = 2 };

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

struct work {
	const struct simulate_input *in;
	struct cut_index *index;
	struct cut_index *destinations; /* those of the cuts that are of destinations */
	struct net_trie *begins, *ends; /* the cuts' `from` and `to` prefixes */
	struct legitimate *legitimate;
	struct table *open; /* record id -> struct simulated_flow: the last snapshot of a flow */
	struct tally *tally;
	struct simulation *simulation;
};

/* What the archive is asked for: of each cut the end that fewer addresses have. */
struct keys {
	struct net_addr *addrs;
	struct net_prefix *prefixes;
	size_t n_addrs, n_prefixes;
};

static int by_addr(const void *left, const void *right)
{
	const struct net_addr *a = left, *b = right;
	return net_addr_compare(*a, *b);
}

static int by_prefix(const void *left, const void *right)
{
	const struct net_prefix *a = left, *b = right;
	int order = net_addr_compare(a->addr, b->addr);
	return order ? order : (int)a->bits - (int)b->bits;
}

static int put_prefix(struct net_trie *t, struct net_prefix p)
{
	int r = net_trie_insert(t, p, 0);
	return r == -EEXIST ? 0 : r;
}

static int tries_make(struct work *w)
{
	const struct resolution *cuts = w->in->cuts;
	int r = net_trie_new(&w->begins, cuts->n + 1);
	if (r == 0)
		r = net_trie_new(&w->ends, cuts->n + 1);
	for (size_t i = 0; i < cuts->n && r == 0; i++) {
		r = put_prefix(w->begins, cuts->cuts[i].from);
		if (r == 0)
			r = put_prefix(w->ends, cuts->cuts[i].to);
	}
	return r;
}

/* Machines and destinations before zones, and zones before the outside, which is `to` where there is one. */
static struct net_prefix key_of(const struct cut *c)
{
	return c->from.bits == 0 || (c->to.bits == 128 && c->from.bits < 128) ? c->to : c->from;
}

static int keys_make(struct keys *k, const struct resolution *r)
{
	size_t n_addrs = 0, n_prefixes = 0;
	k->addrs = calloc(r->n + 1, sizeof(*k->addrs));
	k->prefixes = calloc(r->n + 1, sizeof(*k->prefixes));
	if (!k->addrs || !k->prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		struct net_prefix key = key_of(&r->cuts[i]);
		if (key.bits == 128)
			k->addrs[n_addrs++] = key.addr;
		else
			k->prefixes[n_prefixes++] = key;
	}
	qsort(k->addrs, n_addrs, sizeof(*k->addrs), by_addr);
	qsort(k->prefixes, n_prefixes, sizeof(*k->prefixes), by_prefix);
	for (size_t i = 0; i < n_addrs; i++)
		if (i == 0 || !net_addr_equal(k->addrs[i - 1], k->addrs[i]))
			k->addrs[k->n_addrs++] = k->addrs[i];
	/* of those within each other the widest: it comes first */
	for (size_t i = 0; i < n_prefixes; i++)
		if (k->n_prefixes == 0 || !net_prefix_covers(k->prefixes[k->n_prefixes - 1], k->prefixes[i]))
			k->prefixes[k->n_prefixes++] = k->prefixes[i];
	return 0;
}

static void keys_free(struct keys *k)
{
	free(k->addrs);
	free(k->prefixes);
}

/* Which addresses can be which end of a cut: what of a flow is looked at first. */
static int ends(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to)
{
	const struct work *w = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t value;
		uint8_t begins = net_trie_match(w->begins, addrs[i], &value) ? MARK_FORTH : 0;
		uint8_t ends = net_trie_match(w->ends, addrs[i], &value) ? MARK_BACK : 0;
		/* forth a cut's `from` is the initiator, back it is the responder */
		from[i] = begins | ends;
		to[i] = (uint8_t)((begins ? MARK_BACK : 0) | (ends ? MARK_FORTH : 0));
	}
	return 0;
}

/* Before the rest of a flow is read: whether a cut has anything to do with it. */
static bool pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct work *w = context;
	(void)common;
	return cut_index_named(w->index, f->initiator, f->responder) != CUT_INDEX_NONE;
}

/* Which of the plan's cuts it is that stops the flow: a zone that is shut off is one cut for several of them.
 */
static uint32_t plan_cut_of(const struct work *w, const struct msg_flow *f, uint32_t cut)
{
	const struct resolution *r = w->in->cuts;
	const struct plan *p = w->in->plan;
	uint32_t first = r->of[cut];
	if (r->cuts[cut].to.bits || p->cuts[first].kind != PLAN_CUT_ZONE_ZONE)
		return first;
	for (uint32_t i = first; i < p->n_cuts; i++)
		if (plan_cut_blocks(&p->cuts[i], w->in->network->zones, f->initiator, f->responder))
			return i;
	return first;
}

static struct simulated_flow flow_kept(const struct work *w, const struct msg_flow *f, uint32_t cut)
{
	const struct plan_input *in = w->in->network;
	int service = legitimate_service_of(in, f, net_zone_of(in->zones, f->responder));
	struct simulated_flow kept = {.id = f->id,
	    .initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_asset = asset_of(in->assets, f->initiator),
	    .responder_asset = asset_of(in->assets, f->responder),
	    .first = f->first,
	    .payload_bytes = f->payload_out + f->payload_in,
	    .criticality = service < 0 ? 1 : in->services[service].criticality,
	    .attack = legitimate_is_intrusion(w->legitimate, f),
	    .unanswered = !legitimate_was_used(f) || net_addr_is_multicast(f->responder),
	    .doubtful = cut_index_named(w->destinations, f->initiator, f->responder) != CUT_INDEX_NONE,
	    .plan_cut = plan_cut_of(w, f, cut)};
	kept.service.service = service;
	if (service < 0) {
		kept.service.responder = f->responder;
		kept.service.port = f->responder_port;
		kept.service.app = f->app;
		kept.service.protocol = f->protocol;
		text_printable(f->name, kept.name, sizeof(kept.name));
	}
	return kept;
}

/* A snapshot waits for a later record of its flow, so that of all of them one is counted. */
static void keep_open(struct work *w, const struct simulated_flow *kept)
{
	struct simulated_flow *place = table_put(w->open, &kept->id, NULL);
	if (place) {
		*place = *kept;
		return;
	}
	w->simulation->coarse = true;
	tally_flow(w->tally, kept);
}

static int take(void *context, const struct msg_flow *f)
{
	struct work *w = context;
	/* what runs in a tunnel passes an enforcement point as the tunnel's packets */
	uint32_t named = f->parent ? CUT_INDEX_NONE : cut_index_named(w->index, f->initiator, f->responder);
	if (named == CUT_INDEX_NONE)
		return 0;
	const struct net_zone_map *zones = w->in->network->zones;
	if (cut_index_spares(w->index, f->initiator, f->responder)) {
		if (f->end != END_NONE &&
		    net_zone_of(zones, f->initiator) == net_zone_of(zones, f->responder)) {
			w->simulation->within_zones.flows++;
			w->simulation->within_zones.payload_bytes += f->payload_out + f->payload_in;
		}
		return 0;
	}
	struct simulated_flow kept = flow_kept(w, f, named);
	if (f->end == END_NONE) {
		keep_open(w, &kept);
		return 0;
	}
	table_remove(w->open, &kept.id);
	tally_flow(w->tally, &kept);
	return 0;
}

static int scan(struct work *w, const struct keys *k)
{
	/* the addresses of machines lead to their flows; of zones most flows would be looked at */
	const struct archive_hints hints = {.ends = k->n_prefixes ? ends : NULL,
	    .pick = pick,
	    .pick_columns = COLUMN(INITIATOR) | COLUMN(RESPONDER)};
	const struct archive_filter filter = {.from = w->in->from,
	    .to = w->in->to,
	    .addrs = k->addrs,
	    .n_addrs = k->n_addrs,
	    .prefixes = k->prefixes,
	    .n_prefixes = k->n_prefixes,
	    .columns = COLUMN(ID) | COLUMN(PARENT) | COLUMN(PROTOCOL) | COLUMN(INITIATOR) |
	               COLUMN(RESPONDER) | COLUMN(RESPONDER_PORT) | COLUMN(FIRST) | COLUMN(PACKETS_OUT) |
	               COLUMN(PACKETS_IN) | COLUMN(PAYLOAD_OUT) | COLUMN(PAYLOAD_IN) | COLUMN(END) |
	               COLUMN(APP) | COLUMN(NAME),
	    .hints = &hints};
	int r = k->n_addrs + k->n_prefixes ? archive_scan_flows(w->in->network->archive, &filter, take, w)
	                                   : 0;
	size_t pos = 0;
	for (const struct simulated_flow *f; r == 0 && (f = table_next(w->open, &pos, NULL));)
		tally_flow(w->tally, f);
	return r;
}

static int index_destinations(struct work *w)
{
	const struct resolution *r = w->in->cuts;
	struct cut *cuts = calloc(r->n + 1, sizeof(*cuts));
	size_t n = 0;
	if (!cuts)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		if (w->in->plan->cuts[r->of[i]].kind == PLAN_CUT_DESTINATION)
			cuts[n++] = r->cuts[i];
	const struct cut_index_input index = {.cuts = cuts, .n = n, .seed = w->in->network->seed};
	int error = cut_index_new(&w->destinations, &index);
	free(cuts);
	return error;
}

static int run(struct work *w, struct keys *k)
{
	const struct simulate_input *in = w->in;
	const struct cut_index_input index = {.cuts = in->cuts->cuts,
	    .n = in->cuts->n,
	    .never_cut = in->cuts->spared,
	    .n_never_cut = in->cuts->n_spared,
	    .zones = in->network->zones,
	    .seed = in->network->seed};
	int r = cut_index_new(&w->index, &index);
	if (r == 0)
		r = index_destinations(w);
	if (r == 0)
		r = legitimate_new(&w->legitimate, in->network);
	if (r == 0)
		r = table_new(&w->open, sizeof(uint64_t), sizeof(struct simulated_flow), SIMULATE_OPEN_MAX,
		    in->network->seed);
	if (r == 0)
		r = keys_make(k, in->cuts);
	if (r == 0)
		r = tries_make(w);
	return r == 0 ? scan(w, k) : r;
}

int simulate(const struct simulate_input *in, struct arena *arena, struct simulation *ret_simulation)
{
	struct simulation s = {
	    .plan = in->plan->name, .from = in->from, .to = in->to, .problem = in->cuts->problem};
	struct work w = {.in = in, .simulation = &s};
	struct keys k = {.n_addrs = 0};
	if (in->to <= in->from || in->to - in->from > SIMULATE_DAYS_MAX * 86400 * NS_PER_S)
		return -EINVAL;
	s.by_cut = arena_array(arena, in->plan->n_cuts, sizeof(*s.by_cut));
	int r = s.by_cut ? simulate_cover(in, arena, &s.coverage) : -ENOMEM;
	if (r == 0)
		r = tally_new(&w.tally, in, &s);
	if (r == 0)
		r = run(&w, &k);
	if (r == 0)
		r = tally_give(w.tally, arena);
	keys_free(&k);
	cut_index_free(w.index);
	cut_index_free(w.destinations);
	legitimate_free(w.legitimate);
	net_trie_free(w.begins);
	net_trie_free(w.ends);
	table_free(w.open);
	tally_free(w.tally);
	if (r == 0)
		*ret_simulation = s;
	return r;
}
