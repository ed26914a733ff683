/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/ends.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

struct ends {
	struct net_addr initiator, responder;
	uint16_t initiator_port, responder_port, vlan, app;
	uint8_t protocol;
};

struct exchange_ends {
	struct archive *archive;
	struct table *flows; /* id to struct ends, of ids in [first, last] */
	uint64_t first, last;
	uint64_t next; /* the smallest id after `last` that a flow has; 0: there is none */
};

int exchange_ends_new(struct exchange_ends **ret_ends, struct archive *archive)
{
	struct exchange_ends *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->archive = archive;
	e->next = 1; /* the smallest id there is */
	/* ids are our own counter's: nobody chooses them to collide */
	int r = table_new(&e->flows, sizeof(uint64_t), sizeof(struct ends), EXCHANGE_ENDS_MAX, 0);
	if (r < 0) {
		exchange_ends_free(e);
		return r;
	}
	*ret_ends = e;
	return 0;
}

void exchange_ends_free(struct exchange_ends *e)
{
	if (!e)
		return;
	table_free(e->flows);
	free(e);
}

static int take(void *context, const struct msg_flow *f)
{
	struct exchange_ends *e = context;
	if (f->id < e->first)
		return 0;
	if (f->id > e->last) {
		if (e->next == 0 || f->id < e->next)
			e->next = f->id;
		return 0;
	}
	struct ends *ends = table_put(e->flows, &f->id, NULL);
	if (!ends)
		return -ENOMEM;
	/* of several records of a flow the last stands */
	*ends = (struct ends){.initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_port = f->initiator_port,
	    .responder_port = f->responder_port,
	    .vlan = f->vlan,
	    .app = f->app,
	    .protocol = f->protocol};
	return 0;
}

int exchange_ends_turn(struct exchange_ends *e)
{
#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)
	static const struct archive_filter all = {.duplicates = true,
	    .columns = COLUMN(ID) | COLUMN(INITIATOR) | COLUMN(RESPONDER) | COLUMN(INITIATOR_PORT) |
	               COLUMN(RESPONDER_PORT) | COLUMN(VLAN) | COLUMN(APP) | COLUMN(PROTOCOL)};
#undef COLUMN
	int r = 0;
	do {
		if (e->next == 0)
			return 0;
		e->first = e->next;
		e->last = e->first > UINT64_MAX - EXCHANGE_ENDS_MAX ? UINT64_MAX
		                                                    : e->first + EXCHANGE_ENDS_MAX - 1;
		e->next = 0;
		table_clear(e->flows);
		r = archive_scan_flows(e->archive, &all, take, e);
	} while (r == 0 && table_count(e->flows) == 0);
	return r < 0 ? r : 1;
}

bool exchange_ends_get(const struct exchange_ends *e, uint64_t id, struct msg_flow *ret_flow)
{
	const struct ends *ends = id >= e->first && id <= e->last ? table_get(e->flows, &id) : NULL;
	if (!ends)
		return false;
	*ret_flow = (struct msg_flow){.id = id,
	    .initiator = ends->initiator,
	    .responder = ends->responder,
	    .initiator_port = ends->initiator_port,
	    .responder_port = ends->responder_port,
	    .vlan = ends->vlan,
	    .app = ends->app,
	    .protocol = ends->protocol};
	return true;
}
