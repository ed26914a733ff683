/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where the intruder came in: the earliest asset that no compromised machine inside handed to him, before all
 * others one that something outside is tied to by evidence. Why it is so is said in one sentence.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/timefmt.h"
#include "incident/correlate.h"

/* How directly an outside end speaks for entry: it did it and it worked; it delivered or commands; it tried.
 */
static int outside_rank(const struct evidence *e)
{
	if (e->peer != ASSET_NONE || net_addr_is_none(e->d->peer))
		return 0;
	if (e->d->asset_role == MSG_ROLE_VICTIM)
		return 4;
	if (e->d->peer_role == MSG_ROLE_DELIVERY || e->d->peer_role == MSG_ROLE_ATTACKER)
		return 3;
	if (e->d->peer_role == MSG_ROLE_C2)
		return 2;
	return e->d->asset_role == MSG_ROLE_TARGET ? 1 : 0;
}

/*
 * The evidence that ties an outside end to the asset's compromise: by rank, then by time. An attempt counts
 * when it came no later than the compromise showed. NULL where nothing does.
 */
static const struct evidence *outside_evidence(const struct correlation *c, const struct suspect *s)
{
	const struct evidence *best = NULL;
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct evidence *e = c->by_asset[i];
		int rank = outside_rank(e);
		if (rank == 0 || (rank == 1 && e->d->time > s->since))
			continue;
		if (!best || rank > outside_rank(best))
			best = e;
	}
	return best;
}

/* The earliest suspect that nobody inside handed over; among those, with `outside`, only ones that something
 * outside is tied to. NULL where there is none. */
static const struct suspect *entry_find(
    const struct correlation *c, const struct suspect *s, size_t n, bool outside, bool from_inside)
{
	const struct suspect *best = NULL;
	for (size_t i = 0; i < n; i++) {
		if (suspect_state(c, &s[i]) == INCIDENT_ASSET_TARGET || (s[i].from_inside && !from_inside))
			continue;
		if (outside && !outside_evidence(c, &s[i]))
			continue;
		if (!best || s[i].since < best->since)
			best = &s[i];
	}
	return best;
}

static const char *entry_why(const struct correlation *c, const struct suspect *s, const struct evidence *e)
{
	char asset[ASSET_TEXT_SIZE], peer[NET_ADDR_TEXT_SIZE], time[TIME_TEXT_SIZE];
	char seen[512], technique[32]; /* cut to fit: both come from other tools too */
	struct dynbuf b = {.max = 1024};
	asset_text(c->in->assets, s->asset, asset);
	time_human(e ? e->d->time : s->since, time);
	if (e)
		dynbuf_printf(&b, "%s, with %s, %s: %s (%s, confidence %.2f)", asset,
		    net_addr_text(e->d->peer, peer), time, text_printable(e->d->why, seen, sizeof(seen)),
		    text_printable(e->d->technique, technique, sizeof(technique)), e->confidence);
	else
		dynbuf_printf(&b,
		    "%s: the first evidence on it is of %s, and nothing seen ties an outside address to it",
		    asset, time);
	dynbuf_str(&b, s->from_inside ? "; a machine inside took control of it too"
	                              : "; no machine of this incident took control of it before");
	char *why = b.error ? NULL : arena_strndup(c->arena, (const char *)b.p, b.n);
	dynbuf_free(&b);
	return why;
}

int correlation_entry(
    const struct correlation *c, struct incident *incident, const struct suspect *suspects, size_t n)
{
	const struct suspect *s = entry_find(c, suspects, n, true, false);
	if (!s)
		s = entry_find(c, suspects, n, false, false);
	if (!s)
		s = entry_find(
		    c, suspects, n, false, true); /* each handed to another: a circle at one time */
	if (!s)
		return 0;
	const struct evidence *e = outside_evidence(c, s);
	incident->entry_why = entry_why(c, s, e);
	if (!incident->entry_why)
		return -ENOMEM;
	incident->has_entry = true;
	incident->entry_asset = s->asset;
	incident->entry_time = e ? e->d->time : s->since;
	if (e)
		incident->entry_peer = e->d->peer;
	return 0;
}
