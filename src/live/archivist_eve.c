/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/archivist_eve.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/table.h"
#include "exchange/eve.h"
#include "flow/flow.h"
#include "live/archivist_wait.h"

/* A detection told again says something new from here on. */
#define NOTABLE_CONFIDENCE 0.1

/* What a line about a flow needs of it. */
struct ends {
	uint64_t id;
	struct net_addr initiator, responder;
	uint16_t initiator_port, responder_port, vlan, app;
	uint8_t protocol;
};

struct told {
	double confidence;
	uint64_t count;
};

struct archivist_eve {
	struct outlet outlets[EVE_OUTLETS];
	bool wanted[EVE_OUTLETS];
	bool any; /* of these */
	struct eve_writer *writer;
	struct ends *ends; /* a ring */
	uint32_t next_ends;
	struct table *places; /* flow id -> uint32_t place in it */
	struct archivist_wait *transactions, *alerts;
	struct table *told; /* detection id -> struct told */
	struct arena arena;
	uint64_t lost; /* records that didn't become lines */
};

int archivist_eve_new(struct archivist_eve **ret_eve, struct loop *loop, uint64_t seed)
{
	struct archivist_eve *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	outlet_init(&e->outlets[EVE_FILE], loop, false, "the file");
	outlet_init(&e->outlets[EVE_SOCKET], loop, true, "the socket");
	e->ends = calloc(EVE_FLOWS_MAX, sizeof(*e->ends));
	int r = e->ends ? eve_writer_new(&e->writer) : -ENOMEM;
	if (r == 0)
		r = table_new(&e->places, sizeof(uint64_t), sizeof(uint32_t), EVE_FLOWS_MAX, seed);
	if (r == 0)
		r = table_new(&e->told, sizeof(uint64_t), sizeof(struct told), EVE_TOLD_MAX, seed);
	if (r == 0)
		r = archivist_wait_new(&e->transactions, EVE_WAITING_MAX, EVE_WAITING_BYTES, seed);
	if (r == 0)
		r = archivist_wait_new(&e->alerts, EVE_ALERTS_MAX, EVE_ALERT_BYTES, seed);
	if (r < 0) {
		archivist_eve_free(e);
		return r;
	}
	*ret_eve = e;
	return 0;
}

void archivist_eve_free(struct archivist_eve *e)
{
	if (!e)
		return;
	for (int i = 0; i < EVE_OUTLETS; i++)
		outlet_free(&e->outlets[i]);
	archivist_wait_free(e->transactions);
	archivist_wait_free(e->alerts);
	table_free(e->places);
	table_free(e->told);
	eve_writer_free(e->writer);
	arena_free(&e->arena);
	free(e->ends);
	free(e);
}

void archivist_eve_want(struct archivist_eve *e, const struct daemon_conf *conf, int64_t now)
{
	e->wanted[EVE_FILE] = conf->eve_file != NULL;
	e->wanted[EVE_SOCKET] = conf->eve_socket != NULL;
	e->any = e->wanted[EVE_FILE] || e->wanted[EVE_SOCKET];
	for (int i = 0; i < EVE_OUTLETS; i++)
		if (e->wanted[i] && e->outlets[i].source.fd < 0 && e->outlets[i].ask_at == INT64_MAX)
			e->outlets[i].ask_at = now;
}

void archivist_eve_open(struct archivist_eve *e, unsigned outlet, int fd, int64_t now)
{
	if (outlet < EVE_OUTLETS && e->wanted[outlet])
		outlet_open(&e->outlets[outlet], fd, now);
	else
		close(fd);
}

static void put(struct archivist_eve *e, int error, struct text line)
{
	for (int i = 0; error == 0 && i < EVE_OUTLETS; i++)
		if (e->wanted[i])
			outlet_put(&e->outlets[i], line);
	e->lost += error < 0;
}

static bool find_flow(const struct archivist_eve *e, uint64_t id, struct msg_flow *ret_flow)
{
	const uint32_t *place = table_get(e->places, &id);
	if (!place)
		return false;
	const struct ends *s = &e->ends[*place];
	*ret_flow = (struct msg_flow){.id = s->id,
	    .initiator = s->initiator,
	    .responder = s->responder,
	    .initiator_port = s->initiator_port,
	    .responder_port = s->responder_port,
	    .vlan = s->vlan,
	    .app = s->app,
	    .protocol = s->protocol};
	return true;
}

/* The oldest makes room. */
static void keep_ends(struct archivist_eve *e, const struct msg_flow *f)
{
	const uint32_t *known = table_get(e->places, &f->id);
	uint32_t at = known ? *known : e->next_ends;
	struct ends *s = &e->ends[at];
	if (!known) {
		if (s->id)
			(void)table_remove(e->places, &s->id);
		uint32_t *place = table_put(e->places, &f->id, NULL);
		if (!place) {
			s->id = 0;
			return;
		}
		*place = at;
		e->next_ends = (at + 1) % EVE_FLOWS_MAX;
	}
	*s = (struct ends){.id = f->id,
	    .initiator = f->initiator,
	    .responder = f->responder,
	    .initiator_port = f->initiator_port,
	    .responder_port = f->responder_port,
	    .vlan = f->vlan,
	    .app = f->app,
	    .protocol = f->protocol};
}

static void put_transaction(
    struct archivist_eve *e, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text line = {0};
	int r = eve_writer_transaction(e->writer, f, t, &line);
	put(e, r, line);
}

static void put_alert(struct archivist_eve *e, const struct msg_flow *f, const struct msg_detection *d)
{
	struct text line = {0};
	int r = eve_writer_alert(e->writer, f, d, &line);
	put(e, r, line);
}

void archivist_eve_flow(struct archivist_eve *e, const struct msg_flow *f)
{
	struct text bytes, line = {0};
	struct msg_transaction t;
	struct msg_detection d;
	if (!e->any || f->id == 0)
		return;
	keep_ends(e, f);
	while (archivist_wait_take(e->transactions, f->id, &bytes)) {
		arena_reset(&e->arena);
		if (msg_transaction_decode(bytes.p, bytes.n, &e->arena, &t) == 0)
			put_transaction(e, f, &t);
	}
	while (archivist_wait_take(e->alerts, f->id, &bytes)) {
		arena_reset(&e->arena);
		if (msg_detection_decode(bytes.p, bytes.n, &e->arena, &d) == 0)
			put_alert(e, f, &d);
	}
	/* as an export has it: what counts, once */
	if (f->end == FLOW_END_NONE || f->duplicate_of)
		return;
	int r = eve_writer_flow(e->writer, f, &line);
	put(e, r, line);
}

void archivist_eve_transaction(
    struct archivist_eve *e, const struct msg_transaction *t, struct text bytes, int64_t now)
{
	struct msg_flow f;
	struct text oldest;
	if (!e->any)
		return;
	if (find_flow(e, t->flow, &f)) {
		put_transaction(e, &f, t);
		return;
	}
	while (archivist_wait_full(e->transactions, bytes.n) &&
	       archivist_wait_oldest(e->transactions, INT64_MAX, &oldest))
		e->lost++;
	e->lost += archivist_wait_put(e->transactions, t->flow, bytes, now) < 0;
}

/* One whose flow didn't come is told all the same. */
static bool tell_oldest_alert(struct archivist_eve *e, int64_t before)
{
	struct text bytes;
	struct msg_detection d;
	if (!archivist_wait_oldest(e->alerts, before, &bytes))
		return false;
	arena_reset(&e->arena);
	if (msg_detection_decode(bytes.p, bytes.n, &e->arena, &d) == 0)
		put_alert(e, NULL, &d);
	return true;
}

/* Whether what is said of it differs notably from what was said before. */
static bool is_news(struct archivist_eve *e, const struct msg_detection *d, bool *ret_first)
{
	struct told *told = table_get(e->told, &d->id);
	*ret_first = told == NULL;
	if (told && fabs(d->confidence - told->confidence) < NOTABLE_CONFIDENCE && d->count / 2 < told->count)
		return false;
	if (!told && table_count(e->told) == EVE_TOLD_MAX)
		table_clear(e->told);
	told = told ? told : table_put(e->told, &d->id, NULL);
	if (told)
		*told = (struct told){.confidence = d->confidence, .count = d->count};
	return true;
}

void archivist_eve_detection(
    struct archivist_eve *e, const struct msg_detection *d, struct text bytes, int64_t now)
{
	struct msg_flow f;
	bool first;
	if (!e->any || !is_news(e, d, &first))
		return;
	if (d->flows.n == 0) {
		put_alert(e, NULL, d);
		return;
	}
	/* the first time with each flow that it rests on, later with the latest */
	uint32_t last = d->flows.n - 1;
	for (uint32_t i = 0; first && i < last; i++)
		if (find_flow(e, d->flows.v[i], &f))
			put_alert(e, &f, d);
	if (find_flow(e, d->flows.v[last], &f)) {
		put_alert(e, &f, d);
		return;
	}
	while (archivist_wait_full(e->alerts, bytes.n) && tell_oldest_alert(e, INT64_MAX))
		;
	if (archivist_wait_put(e->alerts, d->flows.v[last], bytes, now) < 0)
		put_alert(e, NULL, d);
}

void archivist_eve_tick(struct archivist_eve *e, int64_t now)
{
	struct text bytes;
	if (!e->any)
		return;
	while (archivist_wait_oldest(e->transactions, now - EVE_WAIT_NS, &bytes))
		e->lost++;
	while (tell_oldest_alert(e, now - EVE_ALERT_NS))
		;
	for (int i = 0; i < EVE_OUTLETS; i++)
		outlet_flush(&e->outlets[i], now);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t archivist_eve_deadline(const struct archivist_eve *e)
{
	int64_t at = archivist_wait_since(e->alerts), oldest = archivist_wait_since(e->transactions);
	if (!e->any)
		return INT64_MAX;
	/* a nanosecond on: they go when they are older than that */
	at = at == INT64_MAX ? at : at + EVE_ALERT_NS + 1;
	at = earliest(at, oldest == INT64_MAX ? oldest : oldest + EVE_WAIT_NS + 1);
	for (int i = 0; i < EVE_OUTLETS; i++)
		if (e->wanted[i])
			at = earliest(at, outlet_deadline(&e->outlets[i]));
	return at;
}

int archivist_eve_asks(struct archivist_eve *e, int64_t now)
{
	for (int i = 0; i < EVE_OUTLETS; i++)
		if (e->wanted[i] && outlet_asks(&e->outlets[i], now))
			return i;
	return -1;
}

void archivist_eve_count(const struct archivist_eve *e, uint64_t *ret_lines, uint64_t *ret_lost)
{
	*ret_lines = 0;
	*ret_lost = e->lost;
	for (int i = 0; i < EVE_OUTLETS; i++) {
		*ret_lines += e->outlets[i].lines;
		*ret_lost += e->outlets[i].lost;
	}
}

void archivist_eve_finish(struct archivist_eve *e, int64_t now)
{
	while (tell_oldest_alert(e, INT64_MAX))
		;
	for (int i = 0; i < EVE_OUTLETS; i++)
		for (int turn = 0; e->wanted[i] && turn < 8; turn++)
			outlet_flush(&e->outlets[i], now);
}
