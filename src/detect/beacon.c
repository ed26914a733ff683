/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Beacons: regular calls home. Scores as RITA (Active Countermeasures) reckons them: for the intervals
 * between connections and for the bytes sent, Bowley's skewness (a beacon's jitter is symmetric) and the
 * median absolute deviation about the median (a beacon's is small), and, for the whole, how evenly the
 * connections fill the time (histogram over hours in RITA; here: the share of the span's expected beats that
 * were met). BAYWATCH (Hu et al., DSN 2016) adds what we weigh by: popular destinations are not suspicious,
 * and services that poll by nature (time, mail, names) aren't either.
 *
 * Jitter of 20 to 50 % leaves the skew and only spreads the deviation: relative to the median interval up to
 * one half counts. RITA asks 20 connections and more; from COUNT_MIN on a short capture is judged, with less
 * confidence.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "detect/measure.h"
#include "detect/names.h"
#include "flow/flow.h"
#include "net/app.h"

enum {
	COUNT_MIN = 10,
	COUNT_RITA = 20,
	TIMES_MAX = 128,
	BEACON_PER_MILLE = 130,
	MEETINGS_MAX = 4,
	MEETING_PER_MILLE = 60,
	JUDGE_COST = 64 /* of a look: as many others could be visited */
};
#define INTERVAL_MIN (1 * NS_PER_S)
#define SCORE_MIN    0.7
#define NAME_SHOWN   80

struct channel_key {
	struct net_addr asset;
	struct net_addr peer; /* none where the name stands for it */
	uint64_t name;
	uint16_t port;
	uint16_t zero[3];
};

/* The last connections of an asset with one destination. */
struct channel {
	struct detect_use use;
	int64_t first;
	struct net_addr peer;
	uint32_t n;
	uint32_t judged; /* n, when it was */
	uint16_t app;
	bool said;
	int64_t time[TIMES_MAX];
	uint32_t sent[TIMES_MAX];
	char name[NAME_SHOWN];
	struct flow_sample flows;
};

/* The first connections, until there are enough to be worth a channel: most destinations are met once or
 * twice. */
struct meeting {
	struct detect_use use;
	uint8_t n;
	int64_t time[MEETINGS_MAX];
	uint32_t sent[MEETINGS_MAX];
	uint64_t flow[MEETINGS_MAX];
};

struct beacon_state {
	struct detect_table *channels;
	struct detect_table *meetings; /* by the same key */
};

/* Polling is what these are for. Name servers and relays are also the least direct of channels: others look
 * at them. */
static bool polls_by_nature(const struct msg_flow *f)
{
	return app_class_of(f->app) == APP_CLASS_SERVICE || f->app == APP_STUN || f->app == APP_SSDP ||
	       f->app == APP_BITTORRENT || f->responder_port == 123 || f->responder_port == 53;
}

struct scores {
	double interval, size, beats, all;
	int64_t median; /* of the intervals */
	double spread;  /* their deviation, relative */
	size_t n;
};

static double clamp1(double x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void channel_score(const struct channel *c, struct scores *ret_scores)
{
	int64_t times[TIMES_MAX], gaps[TIMES_MAX], sizes[TIMES_MAX];
	size_t n = c->n < TIMES_MAX ? c->n : TIMES_MAX, n_gaps = 0;
	memcpy(times, c->time, n * sizeof(*times));
	measure_sort(times, n);
	for (size_t i = 1; i < n; i++)
		if (times[i] - times[i - 1] >= INTERVAL_MIN / 5) /* a beat may need two connections */
			gaps[n_gaps++] = times[i] - times[i - 1];
	for (size_t i = 0; i < n; i++)
		sizes[i] = c->sent[i];
	*ret_scores = (struct scores){.n = n_gaps + 1};
	if (n_gaps + 1 < COUNT_MIN)
		return;
	struct measure gap = measure_of(gaps, n_gaps), size = measure_of(sizes, n);
	ret_scores->median = (int64_t)gap.median;
	if (gap.median < (double)INTERVAL_MIN)
		return;
	ret_scores->spread = gap.mad / gap.median;
	/* uniform jitter of 50 % has a relative deviation of one quarter; at one half nothing of a beat is
	 * left */
	double deviation = clamp1(1 - ret_scores->spread / 0.5);
	ret_scores->interval = ((1 - clamp1(gap.skew < 0 ? -gap.skew : gap.skew)) + deviation) / 2;
	double size_spread = size.median > 0 ? size.mad / size.median : 0;
	ret_scores->size =
	    ((1 - clamp1(size.skew < 0 ? -size.skew : size.skew)) + clamp1(1 - size_spread / 0.5)) / 2;
	double span = (double)(times[n - 1] - times[0]);
	double expected = span / gap.median;
	double met = (double)n_gaps;
	ret_scores->beats = clamp1(expected > met ? met / expected : expected / met);
	ret_scores->all = (ret_scores->interval + ret_scores->size + ret_scores->beats) / 3;
	/* deviation counts in all three; without it there is no beat, however even the rest */
	if (deviation < 0.35 || ret_scores->interval < 0.5)
		ret_scores->all *= 0.5;
}

/* What stands beside regularity: how rare the destination is, how new, how many beats. */
static double channel_confidence(const struct detector *d, const struct channel *c, const struct scores *s)
{
	double confidence = clamp1((s->all - SCORE_MIN) / (1 - SCORE_MIN)) * 0.35 + 0.4;
	unsigned users = history_peer_users(d, c->peer);
	if (c->name[0]) {
		unsigned by_name = history_name_users(d, text_of(c->name));
		users = by_name > users ? by_name : users;
	}
	confidence *= history_rarity(users);
	if (s->n < COUNT_RITA)
		confidence *= 0.6 + 0.4 * (double)(s->n - COUNT_MIN) / (COUNT_RITA - COUNT_MIN);
	/* A destination polled since before we looked is more likely part of the furniture. */
	if (c->first <= detect_learned_at(d) || c->first - d->first <= 2 * s->median)
		confidence *= 0.6;
	return confidence;
}

/* What began evenly and went on at random was no beacon. */
static void channel_take_back(struct detector *d, const struct channel_key *k, struct channel *c)
{
	bool web = c->app == APP_HTTP || c->app == APP_TLS || c->app == APP_QUIC;
	detect_take_back(d, &(struct finding){.name = "beacon",
	                        .technique = web ? "T1071.001" : "T1071",
	                        .asset = k->asset,
	                        .peer = c->peer,
	                        .subject = k->name ^ k->port,
	                        .why = "the connections that came since keep no interval"});
	c->said = false;
}

static void channel_judge(struct detector *d, const struct channel_key *k, struct channel *c)
{
	struct scores s;
	channel_score(c, &s);
	c->judged = c->n;
	if (s.n < COUNT_MIN || s.all < SCORE_MIN) {
		if (c->said)
			channel_take_back(d, k, c);
		return;
	}
	c->said = true;
	char why[DETECT_WHY_SIZE], asset[NET_ADDR_TEXT_SIZE], peer[NET_ADDR_TEXT_SIZE], every[24],
	    name[NAME_SHOWN];
	time_span_human(s.median, every, sizeof(every));
	snprintf(why, sizeof(why),
	    "%s called %s%s%s port %u %u times, every %s (deviation %.0f %%); regularity of intervals %.2f, "
	    "of sizes %.2f, beats met %.2f; %u machine(s) use it",
	    detect_addr(k->asset, asset), detect_addr(c->peer, peer), c->name[0] ? " " : "",
	    detect_text(text_of(c->name), name, sizeof(name)), k->port, c->n, every, 100 * s.spread,
	    s.interval, s.size, s.beats, history_peer_users(d, c->peer));
	bool web = c->app == APP_HTTP || c->app == APP_TLS || c->app == APP_QUIC;
	struct finding f = {
	    .name = "beacon",
	    .technique = web ? "T1071.001" : "T1071",
	    .confidence = channel_confidence(d, c, &s),
	    .asset = k->asset,
	    .peer = c->peer,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_C2,
	    .subject = k->name ^ k->port,
	    .first = c->first,
	    .last = c->use.last,
	    .count = c->n,
	    .flows = c->flows.id,
	    .n_flows = c->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void channel_add(struct channel *c, int64_t time, uint32_t sent, uint64_t flow)
{
	if (c->n == 0 || time < c->first)
		c->first = time;
	c->use.last = time > c->use.last ? time : c->use.last;
	c->time[c->n % TIMES_MAX] = time;
	c->sent[c->n % TIMES_MAX] = sent;
	c->n++;
	c->use.weight = c->n < 64 ? c->n : 64;
	flow_sample_add(&c->flows, flow);
}

/* The channel, made when the destination is met for the fifth time; NULL before. */
static struct channel *channel_meet(struct detector *d, struct beacon_state *s, const struct channel_key *k,
    const struct msg_flow *f, uint32_t sent)
{
	detect_table_expect(s->meetings, k);
	struct channel *c = detect_table_get(s->channels, k);
	if (c)
		return c;
	struct meeting *m = detect_table_put(d, s->meetings, k, f->first, NULL);
	if (!m)
		return NULL;
	if (m->n < MEETINGS_MAX) {
		m->time[m->n] = f->first;
		m->sent[m->n] = sent;
		m->flow[m->n++] = f->id;
		m->use.weight = m->n;
		return NULL;
	}
	struct meeting met = *m;
	table_remove(s->meetings->t, k);
	c = detect_table_put(d, s->channels, k, f->first, NULL);
	if (!c)
		return NULL;
	c->peer = f->responder;
	c->app = f->app;
	if (k->name)
		text_printable(f->name, c->name, sizeof(c->name));
	for (uint8_t i = 0; i < met.n; i++)
		channel_add(c, met.time[i], met.sent[i], met.flow[i]);
	return c;
}

static void beacon_take(struct detector *d, struct beacon_state *s, const struct msg_flow *f, bool by_name)
{
	struct channel_key k;
	memset(&k, 0, sizeof(k));
	k.asset = f->initiator;
	k.port = f->responder_port;
	if (by_name)
		k.name = name_hash(f->name, d->config.seed);
	else
		k.peer = f->responder;
	uint32_t sent = f->payload_out < UINT32_MAX ? (uint32_t)f->payload_out : UINT32_MAX;
	struct channel *c = channel_meet(d, s, &k, f, sent);
	if (!c)
		return;
	channel_add(c, f->first, sent, f->id);
	if (c->app == APP_UNKNOWN)
		c->app = f->app;
	if (c->n >= COUNT_RITA &&
	    (c->n & (c->n - 1)) == 0) /* at 32, 64, 128 ...: the rest is said at finish */
		channel_judge(d, &k, c);
}

static void beacon_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	/* One connection is one beat, told when it begins to be known; what it sent is known at its end. */
	if (!o->over || !o->from_inside || o->to_inside || polls_by_nature(f) || !o->to_host)
		return;
	bool tcp = f->protocol == 6,
	     tried = f->tcp_state == FLOW_TCP_SYN_SENT || f->tcp_state == FLOW_TCP_REFUSED;
	/* An implant whose server is gone still beats; a datagram nobody answers is something else. */
	if (!detect_answered(f) && !(tcp && tried))
		return;
	beacon_take(d, state, f, f->name.n > 0);
}

static bool beacon_look(struct detector *d, void *state, struct look *l)
{
	struct beacon_state *s = state;
	const void *key;
	for (struct channel *c; (c = table_next(s->channels->t, &l->at, &key));) {
		bool judged = c->n >= COUNT_MIN && (l->whole || c->n != c->judged);
		if (judged)
			channel_judge(d, key, c);
		if (!look_on(l, judged ? JUDGE_COST : 1))
			return false;
	}
	return true;
}

const struct behaviour behaviour_beacon = {
    .name = "beacon",
    .state_size = sizeof(struct beacon_state),
    .tables = {BEHAVIOUR_TABLE(struct beacon_state, channels, sizeof(struct channel_key),
                   sizeof(struct channel), BEACON_PER_MILLE),
        BEHAVIOUR_TABLE(struct beacon_state, meetings, sizeof(struct channel_key), sizeof(struct meeting),
            MEETING_PER_MILLE)},
    .flow = beacon_flow,
    .look = beacon_look,
};
