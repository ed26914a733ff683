/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Findings become detections: one piece of evidence for each subject, emitted when it is new, when its
 * confidence moves or when twice as much stands behind it; what moved less is emitted at the end.
 */

#include "detect/behaviour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* A change of confidence that is worth another record. */
#define CONFIDENCE_STEP 0.02
/* What says less is no detection. */
#define CONFIDENCE_MIN 0.04

static double evidence_confidence(const struct evidence *e)
{
	return e->raised > e->confidence ? e->raised : e->confidence;
}

static void evidence_emit(struct detector *d, const struct evidence_key *k, struct evidence *e)
{
	struct msg_detection m = {
	    .id = e->id,
	    .time = e->first,
	    .last = e->last,
	    .source = e->source,
	    .name = text_of(e->name),
	    .technique = text_of(e->technique),
	    .confidence = evidence_confidence(e),
	    .asset = k->asset,
	    .peer = e->peer,
	    .asset_role = e->asset_role,
	    .peer_role = e->peer_role,
	    .count = e->count,
	    .why = text_of(e->why),
	    .indicator = e->indicator,
	    .tlp = e->tlp,
	    .flows = {.v = e->flows, .n = e->n_flows},
	};
	e->dirty = false;
	e->emitted = m.confidence;
	e->emitted_count = e->count;
	d->stats.detections++;
	d->config.emit(d->config.context, &m);
}

static void evidence_add_flows(struct evidence *e, const uint64_t *flows, size_t n)
{
	for (size_t i = 0; i < n && e->n_flows < MSG_FLOWS_MAX; i++) {
		bool known = false;
		for (uint32_t j = e->n_flows; j-- > 0 && !known;)
			known = e->flows[j] == flows[i];
		if (!known)
			e->flows[e->n_flows++] = flows[i];
	}
}

static void evidence_take(struct evidence *e, const struct finding *f)
{
	e->name = f->name;
	e->technique = f->technique;
	e->first = f->first;
	e->last = f->last;
	e->confidence = f->confidence;
	e->peer = f->peer;
	e->asset_role = (uint8_t)f->asset_role;
	e->peer_role = (uint8_t)f->peer_role;
	e->source = f->indicator ? MSG_SOURCE_INDICATOR : MSG_SOURCE_BEHAVIOUR;
	e->indicator = f->indicator_text;
	e->tlp = f->tlp;
	e->count = f->count;
	snprintf(e->why, sizeof(e->why), "%s", f->why);
}

/* The same subject again: the newest word on how much it means stands, times and flows add up. */
static void evidence_update(struct evidence *e, const struct finding *f)
{
	e->first = f->first < e->first ? f->first : e->first;
	e->last = f->last > e->last ? f->last : e->last;
	if (f->adds) {
		e->count += f->count;
		bool stronger = f->confidence > e->confidence ||
		                (f->asset_role == MSG_ROLE_VICTIM && e->asset_role == MSG_ROLE_TARGET);
		if (!stronger)
			return;
	} else {
		e->count = f->count > e->count ? f->count : e->count;
	}
	e->confidence = f->confidence;
	e->peer = f->peer;
	e->asset_role = (uint8_t)f->asset_role;
	e->peer_role = (uint8_t)f->peer_role;
	snprintf(e->why, sizeof(e->why), "%s", f->why);
}

void detect_report(struct detector *d, const struct finding *f)
{
	struct evidence_key k;
	memset(&k, 0, sizeof(k));
	k.name = hash_bytes(f->name, strlen(f->name), 0) ^ hash_bytes(f->technique, strlen(f->technique), 1);
	k.asset = f->asset;
	if (!f->peer_varies)
		k.peer = f->peer;
	k.subject = f->subject;
	int fresh;
	if (f->confidence < CONFIDENCE_MIN && !table_get(d->evidence->t, &k))
		return;
	struct evidence *e = detect_table_put(d, d->evidence, &k, f->last, &fresh);
	if (!e)
		return;
	if (fresh) {
		e->id = d->config.next_id(d->config.context);
		evidence_take(e, f);
	} else {
		evidence_update(e, f);
	}
	evidence_add_flows(e, f->flows, f->n_flows);
	e->use.weight = (uint32_t)(1000 * evidence_confidence(e));
	e->dirty = true;
	if (fresh || fabs(evidence_confidence(e) - e->emitted) >= CONFIDENCE_STEP ||
	    e->count >= 2 * e->emitted_count)
		evidence_emit(d, &k, e);
}

void detect_report_finish(struct detector *d)
{
	size_t at = 0;
	const void *key;
	for (struct evidence *e; (e = table_next(d->evidence->t, &at, &key));)
		if (e->dirty)
			evidence_emit(d, key, e);
}
