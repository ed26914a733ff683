/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Findings become detections: one piece of evidence for each subject, emitted when it is new, when its
 * confidence moves or when twice as much stands behind it; of what moved less a look emits what has grown by
 * a quarter or is old news, and the end all. What didn't change is never emitted again.
 */

#include "detect/behaviour.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"

/* A change of confidence that is worth another record. */
#define CONFIDENCE_STEP 0.02
/* What says less is no detection. */
#define CONFIDENCE_MIN 0.04
/* Live, what goes on is told again so often, however little it has grown. */
#define NEWS_NS (10 * 60 * NS_PER_S)
/* What comes again after so long is another detection. */
#define EVIDENCE_STANDS (30 * DETECT_DAY_NS)

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
	e->emitted_last = e->last;
	d->stats.detections++;
	d->config.emit(d->config.context, &m);
}

static bool evidence_add_flows(struct evidence *e, const uint64_t *flows, size_t n)
{
	bool added = false;
	for (size_t i = 0; i < n && e->n_flows < MSG_FLOWS_MAX; i++) {
		bool known = false;
		for (uint32_t j = e->n_flows; j-- > 0 && !known;)
			known = e->flows[j] == flows[i];
		if (!known)
			e->flows[e->n_flows++] = flows[i];
		added |= !known;
	}
	return added;
}

/* What a finding says with all that is known of who uses the peer. */
static double weighed(
    const struct detector *d, bool by_rarity, double confidence, struct net_addr peer, uint64_t rare_name)
{
	if (!by_rarity)
		return confidence;
	unsigned users = history_peer_users(d, peer);
	unsigned by_name = rare_name ? history_name_key_users(d, rare_name) : 0;
	return confidence * history_rarity(by_name > users ? by_name : users);
}

static void evidence_explain(struct evidence *e, const char *why)
{
	size_t n = strnlen(why, sizeof(e->why) - 1);
	memcpy(e->why, why, n);
	e->why[n] = '\0';
}

static void evidence_take(struct evidence *e, const struct finding *f)
{
	e->name = f->name;
	e->technique = f->technique;
	e->first = f->first;
	e->last = f->last;
	e->confidence = e->alone = f->confidence;
	e->by_rarity = f->by_rarity;
	e->rare_name = f->rare_name;
	e->chain = f->chain;
	e->peer = f->peer;
	e->asset_role = (uint8_t)f->asset_role;
	e->peer_role = (uint8_t)f->peer_role;
	e->source = f->indicator ? MSG_SOURCE_INDICATOR : MSG_SOURCE_BEHAVIOUR;
	e->indicator = f->indicator_text;
	e->tlp = f->tlp;
	e->count = f->count;
	evidence_explain(e, f->why);
}

/* The same subject again: the newest word on how much it means stands, times and flows add up. Whether it
 * says anything new. */
static bool evidence_update(struct evidence *e, const struct finding *f)
{
	bool news = f->first < e->first || f->last > e->last;
	uint64_t count = e->count;
	e->first = f->first < e->first ? f->first : e->first;
	e->last = f->last > e->last ? f->last : e->last;
	if (f->adds) {
		e->count += f->count;
		bool stronger = f->confidence > e->alone ||
		                (f->asset_role == MSG_ROLE_VICTIM && e->asset_role == MSG_ROLE_TARGET);
		if (!stronger)
			return news || e->count != count;
	} else {
		e->count = f->count > e->count ? f->count : e->count;
	}
	news |= e->count != count || e->confidence != f->confidence || strcmp(e->why, f->why) != 0 ||
	        !net_addr_equal(e->peer, f->peer) || e->asset_role != f->asset_role ||
	        e->peer_role != f->peer_role;
	e->confidence = e->alone = f->confidence;
	e->rare_name = f->rare_name;
	e->chain = f->chain;
	e->peer = f->peer;
	e->asset_role = (uint8_t)f->asset_role;
	e->peer_role = (uint8_t)f->peer_role;
	evidence_explain(e, f->why);
	return news;
}

static struct evidence_key evidence_key_of(const struct finding *f)
{
	struct evidence_key k;
	memset(&k, 0, sizeof(k));
	k.name = hash_bytes(f->name, strlen(f->name), 0) ^ hash_bytes(f->technique, strlen(f->technique), 1);
	k.asset = f->asset;
	if (!f->peer_varies)
		k.peer = f->peer;
	k.subject = f->subject;
	return k;
}

/* What falls below the least is no detection any more. */
static void evidence_weigh(const struct detector *d, struct evidence *e)
{
	double now = weighed(d, e->by_rarity, e->alone, e->peer, e->rare_name);
	if (now < CONFIDENCE_MIN)
		now = DETECT_TAKEN_BACK;
	e->dirty |= now != e->confidence && now != e->emitted;
	e->confidence = now;
}

struct finding finding_of(const struct msg_flow *f, const struct msg_transaction *t)
{
	return (struct finding){
	    .asset = f->initiator,
	    .peer = f->responder,
	    .asset_role = MSG_ROLE_ACTOR,
	    .first = t->time,
	    .last = t->time,
	    .count = 1,
	    .adds = true,
	    .flows = &f->id,
	    .n_flows = 1,
	};
}

void detect_report(struct detector *d, const struct finding *f)
{
	struct evidence_key k = evidence_key_of(f);
	int fresh;
	double confidence = weighed(d, f->by_rarity, f->confidence, f->peer, f->rare_name);
	bool known = table_get(d->evidence->t, &k) != NULL;
	bool old = d->last - f->last > EVIDENCE_STANDS; /* it was said, and forgotten */
	if (!known && (old || confidence < CONFIDENCE_MIN ||
	                  !evidence_room(d, k.name, (uint32_t)(1000 * confidence), f->last)))
		return;
	struct evidence *e = detect_table_put(d, d->evidence, &k, f->last, &fresh);
	if (!e)
		return;
	if (fresh) {
		evidence_came(d, k.name);
		e->id = d->config.next_id(d->config.context);
		evidence_take(e, f);
		e->dirty = true;
	} else if (evidence_update(e, f)) {
		e->dirty = true;
	}
	if (evidence_add_flows(e, f->flows, f->n_flows))
		e->dirty = true;
	evidence_weigh(d, e);
	e->use.weight = (uint32_t)(1000 * evidence_confidence(e));
	suspicion_take(d, &k, e);
	if (fresh || fabs(evidence_confidence(e) - e->emitted) >= CONFIDENCE_STEP ||
	    (e->dirty && e->count >= 2 * e->emitted_count))
		evidence_emit(d, &k, e);
}

void detect_take_back(struct detector *d, const struct finding *f)
{
	struct evidence_key k = evidence_key_of(f);
	struct evidence *e = table_get(d->evidence->t, &k);
	if (!e || e->confidence <= DETECT_TAKEN_BACK)
		return;
	e->confidence = e->alone = DETECT_TAKEN_BACK;
	e->raised = 0;
	e->use.weight = 0;
	evidence_explain(e, f->why);
	evidence_emit(d, &k, e);
}

/* Whether what changed is worth another record by now. */
static bool is_news(const struct evidence *e)
{
	return fabs(evidence_confidence(e) - e->emitted) >= CONFIDENCE_STEP ||
	       e->count > e->emitted_count + e->emitted_count / 4 || e->last - e->emitted_last >= NEWS_NS;
}

bool detect_report_look(struct detector *d, struct look *l, bool all)
{
	const void *key;
	for (struct evidence *e; (e = table_next(d->evidence->t, &l->at, &key));) {
		if (e->by_rarity)
			evidence_weigh(d, e);
		if (!e->dirty && d->last - e->use.last > EVIDENCE_STANDS) {
			evidence_remove(d, key);
			continue;
		}
		if (e->dirty && (all || is_news(e)))
			evidence_emit(d, key, e);
		if (!look_on(l, 1))
			return false;
	}
	return true;
}
