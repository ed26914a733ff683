/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/flows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

/* flow/flow.h, FLOW_END_NONE: the record is a snapshot. */
enum { END_NONE = 0 };

/* The last record of a flow that has not ended. */
struct last_record {
	struct net_addr initiator, responder;
	int64_t last;
	uint64_t packets;
	uint64_t payload;
	uint32_t scan; /* the scan that has already given it */
};

struct incident_flows {
	struct archive *archive;
	struct table *tunnels; /* flow id -> struct incident_tunnel; id == 0 while not yet met */
	struct table *lasts;   /* flow id -> struct last_record, of open flows */
	bool forgot;           /* there were more open flows than find room */
	uint32_t scans;
	archive_flow_fn each;
	void *context;
	const struct archive_hints *hints; /* of the scan that runs */
};

/* Flow ids are our own and dense: no outsider can choose colliding ones. */
static int id_table_new(struct table **ret_table, size_t value_size)
{
	return table_new(ret_table, sizeof(uint64_t), value_size, INCIDENT_FLOWS_MAX, 0);
}

static struct last_record last_record_of(const struct msg_flow *f)
{
	return (struct last_record){.initiator = f->initiator,
	    .responder = f->responder,
	    .last = f->last,
	    .packets = f->packets_out + f->packets_in,
	    .payload = f->payload_out + f->payload_in};
}

/* Whether f is the record that was last: a filter may leave out others of its id, so their order can't tell.
 */
static bool last_record_is(const struct last_record *last, const struct msg_flow *f)
{
	struct last_record r = last_record_of(f);
	return net_addr_equal(last->initiator, r.initiator) && net_addr_equal(last->responder, r.responder) &&
	       last->last == r.last && last->packets == r.packets && last->payload == r.payload;
}

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

/* What tells the last record from those before it. */
static const uint64_t last_columns = COLUMN(ID) | COLUMN(DUPLICATE_OF) | COLUMN(INITIATOR) |
                                     COLUMN(RESPONDER) | COLUMN(LAST) | COLUMN(PACKETS_OUT) |
                                     COLUMN(PACKETS_IN) | COLUMN(PAYLOAD_OUT) | COLUMN(PAYLOAD_IN) |
                                     COLUMN(END);

/* Snapshots, the final records that follow them, and flows in tunnels: in most archives hardly any. */
static bool survey_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct incident_flows *v = context;
	(void)common;
	if (f->parent || (f->end == END_NONE && !f->duplicate_of))
		return true;
	return table_count(v->lasts) && table_get(v->lasts, &f->id);
}

static int survey(void *context, const struct msg_flow *f)
{
	struct incident_flows *v = context;
	if (f->parent)
		(void)table_put(v->tunnels, &f->parent, NULL); /* at its bound the tunnel stays unknown */
	if (f->duplicate_of)
		return 0;
	if (f->end != END_NONE) {
		if (table_count(v->lasts))
			(void)table_remove(v->lasts, &f->id);
		return 0;
	}
	struct last_record *known = table_put(v->lasts, &f->id, NULL);
	if (known)
		*known = last_record_of(f);
	v->forgot |= !known;
	return 0;
}

static bool meet_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct incident_flows *v = context;
	(void)common;
	return table_get(v->tunnels, &f->id);
}

static int meet_tunnels(void *context, const struct msg_flow *f)
{
	struct incident_flows *v = context;
	struct incident_tunnel *t = table_get(v->tunnels, &f->id);
	if (t)
		*t = (struct incident_tunnel){
		    .id = f->id, .parent = f->parent, .initiator = f->initiator, .responder = f->responder};
	return 0;
}

void incident_flows_close(struct incident_flows *v)
{
	if (!v)
		return;
	table_free(v->tunnels);
	table_free(v->lasts);
	free(v);
}

int incident_flows_open(struct incident_flows **ret_flows, struct archive *archive)
{
	static const struct archive_hints surveyed = {.pick = survey_pick,
	    .pick_columns = COLUMN(ID) | COLUMN(DUPLICATE_OF) | COLUMN(PARENT) | COLUMN(END)};
	static const struct archive_hints met = {.pick = meet_pick, .pick_columns = COLUMN(ID)};
	/* duplicates too: a counted flow may name a tunnel by the record of another vantage */
	const struct archive_filter all = {
	    .duplicates = true, .columns = last_columns | COLUMN(PARENT), .hints = &surveyed};
	const struct archive_filter tunnels = {.duplicates = true,
	    .columns = COLUMN(ID) | COLUMN(PARENT) | COLUMN(INITIATOR) | COLUMN(RESPONDER),
	    .hints = &met};
	struct incident_flows *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->archive = archive;
	int error = id_table_new(&v->tunnels, sizeof(struct incident_tunnel));
	if (error == 0)
		error = id_table_new(&v->lasts, sizeof(struct last_record));
	if (error == 0)
		error = archive_scan_flows(archive, &all, survey, v);
	if (error == 0 && table_count(v->tunnels))
		error = archive_scan_flows(archive, &tunnels, meet_tunnels, v);
	if (error < 0) {
		incident_flows_close(v);
		return error;
	}
	*ret_flows = v;
	return 0;
}

static int give_once(void *context, const struct msg_flow *f)
{
	struct incident_flows *v = context;
	if (f->end != END_NONE)
		return v->each(v->context, f);
	struct last_record *last = table_get(v->lasts, &f->id);
	if (last ? !last_record_is(last, f) || last->scan == v->scans : !v->forgot)
		return 0;
	if (last)
		last->scan = v->scans;
	return v->each(v->context, f);
}

static int hinted_enter(void *context, int64_t first, int64_t last)
{
	const struct incident_flows *v = context;
	return v->hints->enter(v->context, first, last);
}

static int hinted_ends(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to)
{
	const struct incident_flows *v = context;
	return v->hints->ends(v->context, addrs, n, from, to);
}

static bool hinted_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct incident_flows *v = context;
	return v->hints->pick(v->context, f, common);
}

int incident_flows_scan(
    struct incident_flows *v, const struct archive_filter *filter, archive_flow_fn each, void *context)
{
	assert(!filter->duplicates);
	struct archive_filter f = *filter;
	const struct archive_hints *hints = filter->hints;
	/* the hints' context is ours: each is asked with its owner's */
	const struct archive_hints passed = {.enter = hints && hints->enter ? hinted_enter : NULL,
	    .ends = hints && hints->ends ? hinted_ends : NULL,
	    .addrs = hints ? hints->addrs : NULL,
	    .n_addrs = hints ? hints->n_addrs : 0,
	    .pick = hints && hints->pick ? hinted_pick : NULL,
	    .pick_columns = hints ? hints->pick_columns : 0};
	if (hints)
		f.hints = &passed;
	if (f.columns)
		f.columns |= table_count(v->lasts) ? last_columns : COLUMN(END);
	v->scans++;
	v->each = each;
	v->context = context;
	v->hints = hints;
	return archive_scan_flows(v->archive, &f, give_once, v);
}

size_t incident_flows_unfinished(const struct incident_flows *v)
{
	return table_count(v->lasts);
}

size_t incident_flows_outer(const struct incident_flows *v, const struct msg_flow *f,
    struct incident_tunnel outer[INCIDENT_TUNNELS_MAX])
{
	size_t n = 0;
	for (uint64_t id = f->parent; id && n < INCIDENT_TUNNELS_MAX;) {
		const struct incident_tunnel *t = table_get(v->tunnels, &id);
		if (!t || t->id == 0)
			break;
		outer[n++] = *t;
		id = t->parent;
	}
	return n;
}
