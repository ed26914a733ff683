/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "live/engine.h"

static void add(struct engine_losses *l, size_t link, uint64_t packets, int64_t from, int64_t to)
{
	struct engine_lost *lost = &l->links[link < DAEMON_LINKS_MAX ? link : DAEMON_LINKS_MAX];
	lost->packets = packets > UINT64_MAX - 1 - lost->packets ? UINT64_MAX - 1 : lost->packets + packets;
	lost->from = !l->any || lost->from == 0 || from < lost->from ? from : lost->from;
	lost->to = to > lost->to ? to : lost->to;
	l->any = true;
}

static void add_all(struct engine_losses *to, const struct engine_losses *from)
{
	for (size_t i = 0; from->any && i <= DAEMON_LINKS_MAX; i++)
		if (from->links[i].packets)
			add(to, i, from->links[i].packets, from->links[i].from, from->links[i].to);
}

void engine_archive_flow(struct engine *e, const struct msg_flow *f, struct text bytes)
{
	uint64_t packets = f->packets_out + f->packets_in;
	bool went = engine_archive(e, bytes, packets);
	if (packets)
		add(went ? &e->way[1] : &e->lost, f->vantage, packets, f->first, f->last);
}

/* What is on its way is known in two parts; when the first is acknowledged as a whole, the second takes its
 * place. So what is lost with an archivist is told as too much rather than too little. */
void engine_lost_acknowledged(struct engine *e)
{
	if (e->way[0].any && e->durable < e->way[0].end)
		return;
	e->way[0] = e->way[1];
	e->way[0].end = e->sent;
	e->way[1] = (struct engine_losses){.any = false};
	if (e->durable >= e->sent)
		e->way[0].any = false;
}

void engine_lost_archivist(struct engine *e)
{
	if (e->sent > e->durable)
		for (size_t i = 0; i < 2; i++)
			add_all(&e->lost, &e->way[i]);
	e->way[0] = e->way[1] = (struct engine_losses){.any = false};
}

static int tell_one(struct engine *e, size_t link, const struct engine_lost *lost)
{
	const struct daemon_conf *conf = e->process->conf;
	struct dynbuf record = {0};
	char why[128];
	snprintf(why, sizeof(why), "the records of flows of %" PRIu64 " packets did not reach the archive",
	    lost->packets);
	struct msg_coverage m = {.id = process_next_id(e->process),
	    .vantage = (uint16_t)(link < conf->n_links ? link : 0),
	    .name = text_of(link < conf->n_links ? conf->links[link].name : ""),
	    .origin = TEXT("bulkhead run"),
	    .from = lost->from,
	    .to = lost->to,
	    .dropped = lost->packets,
	    .why = text_of(why)};
	int r = msg_coverage_encode(&record, &m);
	if (r == 0 && !engine_archive(e, dynbuf_view(&record), 0))
		r = -EAGAIN;
	dynbuf_free(&record);
	return r;
}

void engine_lost_tell(struct engine *e)
{
	/* not while more is being lost: one record for a while, not one for each flow */
	if (!e->lost.any || !e->archivist.channel || e->archive_failed ||
	    channel_waiting(e->archivist.channel) > ENGINE_ARCHIVIST_FULL / 2)
		return;
	bool left = false;
	for (size_t i = 0; i <= DAEMON_LINKS_MAX; i++) {
		struct engine_lost *lost = &e->lost.links[i];
		if (lost->packets == 0)
			continue;
		if (tell_one(e, i, lost) < 0) {
			left = true;
			continue;
		}
		/* what tells it is on its way now, and may be lost as well */
		add(&e->way[1], i, lost->packets, lost->from, lost->to);
		*lost = (struct engine_lost){0};
	}
	e->lost.any = left;
}
