/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Indicators met in traffic. Whatever kind it is, one indicator of a channel counts as one technique (T1071):
 * the lookup of a name, the connection to it and its SNI are one observation, not three independent ones.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "detect/indicator.h"
#include "flow/flow.h"
#include "net/app.h"

/* How much a match says. Addresses are shared and handed on, names less, pages and certificates hardly; JA3,
 * JA4 and HASSH tell a library, seldom an implant. */
static double match_confidence(enum indicator_kind kind)
{
	switch (kind) {
	case INDICATOR_ADDRESS: return 0.7;
	case INDICATOR_PREFIX: return 0.5;
	case INDICATOR_DOMAIN: return 0.75;
	case INDICATOR_URL: return 0.85;
	case INDICATOR_JA3:
	case INDICATOR_JA4:
	case INDICATOR_JA3S:
	case INDICATOR_HASSH:
	case INDICATOR_HASSH_SERVER: return 0.45;
	case INDICATOR_CERT_SHA256:
	case INDICATOR_CERT_SHA1: return 0.85;
	case INDICATOR_FILE_SHA256:
	case INDICATOR_FILE_SHA1: return 0.9;
	case INDICATOR_FILE_MD5: return 0.85;
	case INDICATOR_KINDS: break;
	}
	return 0;
}

static const char *match_name(enum indicator_kind kind)
{
	static const char *const names[] = {
#define X(id, name) "indicator:" name,
	    INDICATOR_KIND_LIST(X)
#undef X
	};
	return kind < INDICATOR_KINDS ? names[kind] : "indicator";
}

static bool is_file(enum indicator_kind kind)
{
	return kind == INDICATOR_FILE_SHA256 || kind == INDICATOR_FILE_SHA1 || kind == INDICATOR_FILE_MD5;
}

enum { ORIGINS_PER_MILLE = 40 };

/* The origin stands in the detection for as long as the detector: kept once for each piece of evidence. */
struct kept_origin {
	struct detect_use use;
	char text[2 * INDICATOR_TEXT_SIZE];
};

struct match_state {
	struct detect_table *origins;
};

static struct text origin_keep(
    struct detector *d, struct match_state *m, const struct indicator *i, int64_t time)
{
	uint64_t key[2] = {0, i->line};
	struct text key_text = i->id.n ? i->id : i->key;
	key[0] = hash_bytes(key_text.p, key_text.n, 0) ^ hash_bytes(i->key.p, i->key.n, 1);
	int fresh;
	struct kept_origin *kept = detect_table_put(d, m->origins, key, time, &fresh);
	if (!kept)
		return text_of(NULL);
	if (fresh) {
		char value[INDICATOR_TEXT_SIZE], origin[INDICATOR_TEXT_SIZE];
		snprintf(kept->text, sizeof(kept->text), "%s (%s)", indicator_text(i, value),
		    indicator_origin(i, origin));
	}
	return text_of(kept->text);
}

/* Where the match was and what it was matched in. */
struct sighting {
	const struct msg_flow *f;
	int64_t time;
	const char *where; /* "address", "DNS query" ... */
	struct net_addr asset, peer;
	enum msg_role asset_role, peer_role;
	double weight; /* on the kind's confidence */
	bool again;    /* of a flow that was counted: now it says more */
};

static void sighting_report(
    struct detector *d, struct match_state *m, const struct sighting *s, const struct indicator *i)
{
	char why[DETECT_WHY_SIZE], value[INDICATOR_TEXT_SIZE], origin[INDICATOR_TEXT_SIZE], about[80];
	text_printable(i->description, about, sizeof(about));
	snprintf(why, sizeof(why), "%.20s %.100s is an indicator of %.80s%s%.80s", s->where,
	    indicator_text(i, value), indicator_origin(i, origin), i->description.n ? ": " : "", about);
	struct finding f = {
	    .name = match_name(i->kind),
	    .technique = is_file(i->kind) ? "T1105" : "T1071",
	    .confidence = match_confidence(i->kind) * s->weight,
	    .asset = s->asset,
	    .peer = s->peer,
	    .asset_role = s->asset_role,
	    .peer_role = s->peer_role,
	    .subject = hash_bytes(i->key.p, i->key.n, 0),
	    .first = s->time,
	    .last = s->f->last > s->time ? s->f->last : s->time,
	    .count = s->again ? 0 : 1,
	    .adds = true,
	    .flows = &s->f->id,
	    .n_flows = 1,
	    .why = why,
	    .indicator = true,
	    .indicator_text = origin_keep(d, m, i, s->time),
	    .tlp = (uint8_t)i->tlp,
	};
	detect_report(d, &f);
}

/* What was sent by the initiator and names the responder: the asset is the end that is inside, rather the
 * initiator. */
static struct sighting sighting_of(
    struct detector *d, const struct msg_flow *f, int64_t time, const char *where)
{
	bool from = detect_inside(d, f->initiator);
	struct sighting s = {
	    .f = f,
	    .time = time,
	    .where = where,
	    .asset = from ? f->initiator : f->responder,
	    .peer = from ? f->responder : f->initiator,
	    .asset_role = from ? MSG_ROLE_ACTOR : MSG_ROLE_TARGET,
	    .peer_role = from ? MSG_ROLE_C2 : MSG_ROLE_ATTACKER,
	    .weight = from ? 1 : 0.4,
	};
	return s;
}

static const char *place_words(enum indicator_place place)
{
	switch (place) {
	case INDICATOR_AT_RESPONDER: return "connection to";
	case INDICATOR_AT_INITIATOR: return "connection from";
	case INDICATOR_AT_FLOW_NAME: return "flow named";
	case INDICATOR_AT_DNS_QUERY: return "DNS query for";
	case INDICATOR_AT_DNS_ANSWER: return "DNS answer";
	case INDICATOR_AT_TLS_SNI: return "TLS server name";
	case INDICATOR_AT_HTTP_HOST: return "HTTP host";
	case INDICATOR_AT_HTTP_URL: return "HTTP request for";
	case INDICATOR_AT_TLS_JA3: return "JA3";
	case INDICATOR_AT_TLS_JA3S: return "JA3S";
	case INDICATOR_AT_TLS_JA4: return "JA4";
	case INDICATOR_AT_TLS_CERTIFICATE: return "certificate";
	case INDICATOR_AT_SSH_HASSH: return "HASSH";
	case INDICATOR_AT_SSH_HASSH_SERVER: return "HASSH of server";
	case INDICATOR_AT_FILE: return "file";
	case INDICATOR_PLACES: break;
	}
	return "";
}

/* Once at a flow's first record, and again when it was answered, for that says more. */
static void match_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct indicator_set *set = d->config.indicators;
	const struct msg_flow *f = o->f;
	struct indicator_query queries[3];
	struct indicator i;
	bool answered = detect_answered(f) && observe_once(o, TOLD_MATCH);
	if (!set || (!o->fresh && !answered))
		return;
	size_t n = indicator_queries_of_flow(f, queries);
	for (size_t k = 0; k < n; k++) {
		enum indicator_place place = queries[k].place;
		/* a flow's name stands in one of its transactions, which were matched */
		if (place == INDICATOR_AT_FLOW_NAME || !indicator_match(set, &queries[k], f->first, &i))
			continue;
		struct sighting s = sighting_of(d, f, f->first, place_words(place));
		s.again = !o->fresh;
		if (place == INDICATOR_AT_INITIATOR)
			s.weight = detect_answered(f) ? 0.6 : 0.4;
		else /* it tried, which says as much of the asset, but nothing says that anybody answered */
			s.weight *= detect_answered(f) ? 1 : 0.75;
		sighting_report(d, state, &s, &i);
	}
}

/* A resolver asks for its clients: when it does, the client's own query is the one to look at. */
static void weigh_lookup(const struct detector *d, struct sighting *s)
{
	const struct host *h = history_host(d, s->asset);
	bool resolver = h && (h->served_apps & (UINT64_C(1) << APP_DNS));
	s->weight *= resolver ? 0.3 : 0.8;
	s->asset_role = resolver ? MSG_ROLE_NONE : s->asset_role;
	s->peer = (struct net_addr){{0}}; /* the name server that was asked is nobody's accomplice */
	s->peer_role = MSG_ROLE_NONE;
}

static void match_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	const struct indicator_set *set = d->config.indicators;
	struct indicator_query queries[INDICATOR_QUERIES_MAX];
	struct indicator i;
	size_t n = set ? indicator_queries_of(t, f->responder_port, queries) : 0;
	for (size_t k = 0; k < n; k++) {
		enum indicator_place place = queries[k].place;
		if (!indicator_match(set, &queries[k], t->time, &i))
			continue;
		struct sighting s = sighting_of(d, f, t->time, place_words(place));
		if (place == INDICATOR_AT_DNS_QUERY || place == INDICATOR_AT_DNS_ANSWER)
			weigh_lookup(d, &s);
		if (is_file(i.kind)) {
			s.asset_role = MSG_ROLE_VICTIM;
			s.peer_role = MSG_ROLE_DELIVERY;
			s.weight = 1;
		}
		sighting_report(d, state, &s, &i);
	}
}

const struct behaviour behaviour_indicator = {
    .name = "indicator",
    .state_size = sizeof(struct match_state),
    .tables = {BEHAVIOUR_TABLE(
        struct match_state, origins, 16, sizeof(struct kept_origin), ORIGINS_PER_MILLE)},
    .transaction = match_transaction,
    .flow = match_flow,
};
