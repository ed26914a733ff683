/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/ends.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

struct ends {
	struct net_addr initiator, responder;
	uint16_t initiator_port, responder_port, vlan, app;
	uint8_t protocol;
	bool known; /* the archive has the flow */
};

struct exchange_ends {
	struct archive *archive;
	struct table *flows; /* id to struct ends, of this turn */
	const uint64_t *ids;
	size_t n, next; /* ids; those of this turn and the turns before */
};

int exchange_ends_new(struct exchange_ends **ret_ends, struct archive *archive, const uint64_t *ids, size_t n)
{
	struct exchange_ends *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->archive = archive;
	e->ids = ids;
	e->n = n;
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
	const struct exchange_ends *e = context;
	struct ends *ends = table_get(e->flows, &f->id);
	/* of several records of a flow the last stands */
	if (ends)
		*ends = (struct ends){.initiator = f->initiator,
		    .responder = f->responder,
		    .initiator_port = f->initiator_port,
		    .responder_port = f->responder_port,
		    .vlan = f->vlan,
		    .app = f->app,
		    .protocol = f->protocol,
		    .known = true};
	return 0;
}

int exchange_ends_turn(struct exchange_ends *e)
{
#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)
	static const struct archive_filter all = {.duplicates = true,
	    .columns = COLUMN(ID) | COLUMN(INITIATOR) | COLUMN(RESPONDER) | COLUMN(INITIATOR_PORT) |
	               COLUMN(RESPONDER_PORT) | COLUMN(VLAN) | COLUMN(APP) | COLUMN(PROTOCOL)};
#undef COLUMN
	table_clear(e->flows);
	if (e->next == e->n)
		return 0;
	for (; e->next < e->n; e->next++) {
		const uint64_t *id = &e->ids[e->next];
		if (table_count(e->flows) == EXCHANGE_ENDS_MAX && !table_get(e->flows, id))
			break;
		if (!table_put(e->flows, id, NULL))
			return -ENOMEM;
	}
	int r = archive_scan_flows(e->archive, &all, take, e);
	return r < 0 ? r : 1;
}

bool exchange_ends_get(const struct exchange_ends *e, uint64_t id, struct msg_flow *ret_flow)
{
	const struct ends *ends = table_get(e->flows, &id);
	if (!ends || !ends->known)
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
