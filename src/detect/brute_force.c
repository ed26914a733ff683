/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Guessing of passwords (T1110). Where a protocol tells how logins end, failures count; where it is encrypted
 * (SSH, RDP), many short connections of equal shape to one login service in a short time do (Sperotto et al.,
 * "Hidden Markov Model modeling of SSH brute-force attacks", DSOM 2009; Hellemons et al., "SSHCure", AIMS
 * 2012: a brute force is a phase of flows of nearly equal packets per flow). Spraying (T1110.003): many users
 * fail from one source, few times each.
 *
 * Ten failures in ten minutes: twice what fail2ban bans for, a third of what Zeek's SSH script asks (30 in 30
 * min). A service whose stored password has expired fails for ever, slowly and for one user: that never goes
 * above SLOW_MOST.
 */

#include "detect/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "detect/names.h"
#include "net/app.h"

enum {
	FAILURES_MIN = 10,
	USERS_MAX = 16,
	USERS_SPRAYED = 10,
	TOOL_TRIES = 3,
	BRUTE_PER_MILLE = 60,
	SUCCESS_RATIO = 3
};
#define WINDOW       (10 * 60 * NS_PER_S)
#define FAST_WINDOW  (60 * NS_PER_S)
#define AFTERWARDS   (30 * 60 * NS_PER_S)
#define SHAPE_GAP    (5 * 60 * NS_PER_S)
#define SHAPE_WINDOW (2 * 60 * NS_PER_S)
#define SHORT_LOGIN  (60 * NS_PER_S)
#define SLOW_MOST    0.4

struct pair_key {
	struct net_addr source, target; /* target: none for what is counted over all targets */
	uint16_t app, port;
	uint32_t zero;
};

/* Logins of one source at one service, or (target none) at all. */
struct attempts {
	struct detect_use use;
	int64_t first, last_failure;
	int64_t ring[FAILURES_MIN];        /* times of the last failures */
	uint32_t failures;                 /* tries that failed, as far as they can be told apart */
	uint32_t told_failures, successes; /* results that the protocol told */
	uint32_t users[USERS_MAX];
	uint8_t n_users;
	bool attack, fast;
	int64_t success; /* the last one, and its flow: it may end before the failures that it followed */
	uint64_t success_flow;
	int64_t won;  /* the success of an attack; 0: none */
	int64_t aged; /* up to here successes were halved */
	struct flow_sample flows;
	uint64_t won_flow;
	/* connections of equal shape, where the protocol tells nothing */
	bool told; /* it told: the shape doesn't matter */
	bool tool; /* the client's banner is a library's that guessing tools use */
	uint64_t shape_in, shape_out;
	uint32_t shaped;
};

struct brute_state {
	struct detect_table *pairs;
	/* The flow whose transactions come now: told of logins, spoke as a tool. Of flows that go on it
	 * stands in their enum told from the next record on. */
	uint64_t told_flow;
	uint64_t tool_flow;
};

static struct pair_key key_of(const struct msg_flow *f, uint16_t app, bool all_targets)
{
	struct pair_key k;
	memset(&k, 0, sizeof(k));
	k.source = f->initiator;
	if (!all_targets) {
		k.target = f->responder;
		k.app = app;
		k.port = f->responder_port;
	}
	return k;
}

static bool is_tool(const struct detector *d, const struct brute_state *s, uint64_t flow)
{
	const uint32_t *told = progress_told(d, flow);
	return s->tool_flow == flow || (told && *told & TOLD_TOOL);
}

static double attempts_confidence(const struct attempts *a, uint64_t n, double most)
{
	double c = detect_saturate((double)n, 6, most);
	return a->fast ? c : (c < SLOW_MOST ? c : SLOW_MOST);
}

/* Speaks of the source, if it is ours, and of the target, if it is ours: each is a machine somebody must look
 * at. */
static void pair_report(struct detector *d, const struct pair_key *k, const struct attempts *a, uint64_t n,
    const char *how, double confidence)
{
	char why[DETECT_WHY_SIZE], source[NET_ADDR_TEXT_SIZE], target[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(a->last_failure - a->first, span, sizeof(span));
	snprintf(why, sizeof(why), "%s %s at %s of %s, %llu times in %s%s", detect_addr(k->source, source),
	    how, app_name(k->app), detect_addr(k->target, target), (unsigned long long)n, span,
	    a->won ? ", then got in" : "");
	bool from = detect_inside(d, k->source), to = detect_inside(d, k->target);
	struct flow_sample flows = a->flows;
	if (a->won) {
		if (flows.n == FLOW_SAMPLE_MAX)
			flows.n--;
		flow_sample_add(&flows, a->won_flow);
	}
	struct finding f = {
	    .name = "bruteforce",
	    .technique = "T1110",
	    .confidence = confidence,
	    .asset = k->source,
	    .peer = k->target,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = a->won ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET,
	    .subject = (uint64_t)k->app << 16 | k->port,
	    .first = a->first,
	    .last = a->won > a->last_failure ? a->won : a->last_failure,
	    .count = n,
	    .flows = flows.id,
	    .n_flows = flows.n,
	    .why = why,
	};
	if (from)
		detect_report(d, &f);
	f.asset = k->target;
	f.peer = k->source;
	f.asset_role = a->won ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET;
	f.peer_role = MSG_ROLE_ATTACKER;
	if (to && (a->won || !from))
		detect_report(d, &f);
}

static void told_report(struct detector *d, const struct pair_key *k, const struct attempts *a)
{
	double c = attempts_confidence(a, a->failures, 0.9);
	if (a->won && a->fast && c < 0.85)
		c = 0.85;
	pair_report(d, k, a, a->told_failures, "failed to log in", c);
}

static void spray_report(struct detector *d, const struct pair_key *k, const struct attempts *a)
{
	char why[DETECT_WHY_SIZE], source[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why), "%s failed to log in as %u%s users, %u times in all, %u successes",
	    detect_addr(k->source, source), a->n_users, a->n_users == USERS_MAX ? " or more" : "",
	    a->failures, a->successes);
	bool from = detect_inside(d, k->source);
	if (!from)
		return; /* each target is spoken of by its own pair */
	struct finding f = {
	    .name = "bruteforce.spray",
	    .technique = "T1110.003",
	    .confidence = detect_saturate(a->n_users, 8, 0.9),
	    .asset = k->source,
	    .asset_role = MSG_ROLE_ACTOR,
	    .first = a->first,
	    .last = a->last_failure,
	    .count = a->failures,
	    .flows = a->flows.id,
	    .n_flows = a->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void user_add(struct detector *d, struct attempts *a, struct text user)
{
	uint32_t hash = (uint32_t)name_hash(user, d->config.seed);
	for (uint8_t i = 0; i < a->n_users; i++)
		if (a->users[i] == hash)
			return;
	if (user.n && a->n_users < USERS_MAX)
		a->users[a->n_users++] = hash;
}

/* A day without a failure ends a series; what succeeded counts half as much with each day. */
static void attempts_age(struct attempts *a, int64_t time)
{
	if (a->aged == 0)
		a->aged = time;
	for (; a->successes && time - a->aged > DETECT_DAY_NS; a->aged += DETECT_DAY_NS)
		a->successes /= 2;
	if (time - a->aged > DETECT_DAY_NS)
		a->aged = time;
	if (a->failures == 0 || time - a->last_failure <= DETECT_DAY_NS)
		return;
	a->failures = a->told_failures = 0;
	a->n_users = 0;
	a->flows.n = 0;
	a->attack = a->fast = false;
	a->won = 0;
}

static void failure_take(
    struct detector *d, struct attempts *a, struct text user, int64_t time, uint64_t flow)
{
	if (a->failures == 0 || time < a->first)
		a->first = time;
	int64_t oldest = a->ring[a->failures % FAILURES_MIN];
	a->ring[a->failures % FAILURES_MIN] = time;
	a->failures++;
	a->use.weight = a->failures;
	a->last_failure = time > a->last_failure ? time : a->last_failure;
	user_add(d, a, user);
	flow_sample_add(&a->flows, flow);
	if (a->failures <= FAILURES_MIN - 1)
		return;
	/* ring held the failure FAILURES_MIN back; for the first full ring that is the first one */
	if (a->failures == FAILURES_MIN)
		oldest = a->first;
	bool enough = a->failures >= SUCCESS_RATIO * a->successes;
	a->attack = a->attack || (enough && time - oldest <= WINDOW);
	a->fast = a->fast || (enough && time - oldest <= FAST_WINDOW);
}

/* Whether an attack has met its success. Many connections at a time end in any order. */
static bool attack_won(struct attempts *a)
{
	if (!a->attack || a->won || a->success < a->first || a->success - a->last_failure > AFTERWARDS)
		return false;
	a->won = a->success;
	a->won_flow = a->success_flow;
	return true;
}

static void pair_login(struct detector *d, struct brute_state *s, const struct msg_flow *f,
    const struct msg_transaction *t, struct text user, bool success)
{
	struct pair_key k = key_of(f, t->app, false);
	struct attempts *a = detect_table_put(d, s->pairs, &k, t->time, NULL);
	if (!a)
		return;
	a->told = true;
	attempts_age(a, t->time);
	if (success) {
		a->successes++;
		a->success = t->time;
		a->success_flow = f->id;
	} else {
		/* SSH tells one result a connection, in which a tool has tried until it was cut off: three
		 * times and more. */
		unsigned tries = is_tool(d, s, f->id) ? TOOL_TRIES : 1;
		a->told_failures++;
		while (tries-- > 0)
			failure_take(d, a, user, f->first < t->time ? f->first : t->time, f->id);
	}
	bool won = attack_won(a);
	if (won || (a->attack && !success && a->failures % FAILURES_MIN < TOOL_TRIES))
		told_report(d, &k, a);
}

static void source_login(struct detector *d, struct brute_state *s, const struct msg_flow *f,
    const struct msg_transaction *t, struct text user, bool success)
{
	struct pair_key k = key_of(f, t->app, true);
	struct attempts *a = success ? detect_table_get(s->pairs, &k)
	                             : detect_table_put(d, s->pairs, &k, t->time, NULL);
	if (!a)
		return;
	attempts_age(a, t->time);
	if (success) {
		a->successes++;
		return;
	}
	failure_take(d, a, user, f->first < t->time ? f->first : t->time, f->id);
	if (a->attack && a->n_users >= USERS_SPRAYED && a->failures % FAILURES_MIN == 0)
		spray_report(d, &k, a);
}

static void brute_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	struct brute_state *s = state;
	struct text result = field_get(t->fields.v, t->fields.n, FIELD_AUTH_RESULT);
	struct text client = field_get(t->fields.v, t->fields.n, FIELD_SSH_CLIENT);
	static const struct text tools[] = {TEXT("libssh"), TEXT("paramiko"), TEXT("SSH-2.0-Go"),
	    TEXT("ncrack"), TEXT("medusa"), TEXT("hydra"), TEXT("russh"), TEXT("jsch"), TEXT("asyncssh")};
	for (size_t i = 0; client.n && i < sizeof(tools) / sizeof(*tools); i++)
		if (text_contains_nocase(client, tools[i]))
			s->tool_flow = f->id;
	if (result.n == 0 || text_equal(result, TEXT("none")))
		return;
	s->told_flow = f->id;
	struct text user = field_get(t->fields.v, t->fields.n, FIELD_AUTH_USER);
	bool success = text_equal(result, TEXT("success"));
	pair_login(d, s, f, t, user, success);
	source_login(d, s, f, t, user, success);
}

static bool is_login_service(uint16_t app)
{
	switch (app) {
	case APP_SSH:
	case APP_RDP:
	case APP_VNC:
	case APP_TELNET:
	case APP_FTP:
	case APP_MSSQL:
	case APP_MYSQL:
	case APP_POSTGRESQL:
	case APP_WINRM:
	case APP_IMAP:
	case APP_POP3: return true;
	default: return false;
	}
}

static bool about(uint64_t n, uint64_t of)
{
	uint64_t off = n > of ? n - of : of - n;
	return off <= of / 4 || off <= 200;
}

static void shape_report(struct detector *d, const struct pair_key *k, struct attempts *a)
{
	/* Scripts that run one command a connection look the same; only the client's library tells them
	 * apart. */
	double c = detect_saturate(a->shaped, 6, 0.85);
	a->fast = a->tool;
	if (!a->tool && c > SLOW_MOST)
		c = SLOW_MOST;
	else if (a->won && c < 0.75)
		c = 0.75;
	pair_report(d, k, a, a->shaped, "made short connections of one size, as guessing does,", c);
}

/* One more connection of a service that tells nothing about its logins. */
static void shape_take(struct detector *d, struct brute_state *s, const struct msg_flow *f, bool tool)
{
	struct pair_key k = key_of(f, f->app, false);
	struct attempts *a = detect_table_put(d, s->pairs, &k, f->last, NULL);
	if (!a || a->told)
		return;
	a->tool = a->tool || tool;
	bool fits = a->shaped && about(f->payload_in, a->shape_in) && about(f->payload_out, a->shape_out) &&
	            f->last - f->first <= SHORT_LOGIN && f->first - a->last_failure <= SHAPE_GAP;
	if (!fits) {
		bool larger = f->payload_in > a->shape_in + a->shape_in / 2 &&
		              f->payload_in > a->shape_in + 1024;
		if (a->attack && larger && a->tool && !a->won && f->first >= a->first &&
		    f->first - a->last_failure < AFTERWARDS) {
			a->won = f->first;
			a->won_flow = f->id;
			shape_report(d, &k, a);
		}
		if (a->attack)
			return;
		a->first = f->first;
		a->shape_in = f->payload_in;
		a->shape_out = f->payload_out;
		a->shaped = 0;
		a->flows.n = 0;
	}
	int64_t oldest = a->shaped >= FAILURES_MIN ? a->ring[a->shaped % FAILURES_MIN] : a->first;
	a->ring[a->shaped % FAILURES_MIN] = f->first;
	a->shaped++;
	a->use.weight = a->shaped;
	/* Mail programs and checks of services make equal connections too, but not ten within two minutes. */
	if (a->shaped >= FAILURES_MIN && f->first - oldest <= SHAPE_WINDOW)
		a->attack = true;
	a->last_failure = f->first > a->last_failure ? f->first : a->last_failure;
	flow_sample_add(&a->flows, f->id);
	if (a->attack && a->shaped % FAILURES_MIN == 0)
		shape_report(d, &k, a);
}

static void brute_flow(struct detector *d, void *state, const struct observation *o)
{
	struct brute_state *s = state;
	const struct msg_flow *f = o->f;
	if (s->told_flow == f->id)
		*o->told |= TOLD_LOGIN;
	if (s->tool_flow == f->id)
		*o->told |= TOLD_TOOL;
	if (!o->over || !detect_answered(f) || !is_login_service(f->app) || (*o->told & TOLD_LOGIN))
		return;
	shape_take(d, s, f, *o->told & TOLD_TOOL);
}

static bool brute_look(struct detector *d, void *state, struct look *l)
{
	struct brute_state *s = state;
	const void *key;
	for (struct attempts *a; (a = table_next(s->pairs->t, &l->at, &key));) {
		const struct pair_key *k = key;
		if (net_addr_is_none(k->target)) {
			if (a->attack && a->n_users >= USERS_SPRAYED)
				spray_report(d, k, a);
		} else if (a->attack && a->told) {
			told_report(d, k, a);
		} else if (a->attack) {
			shape_report(d, k, a);
		}
		if (!look_on(l, a->attack ? 4 : 1))
			return false;
	}
	return true;
}

const struct behaviour behaviour_brute_force = {
    .name = "brute force",
    .state_size = sizeof(struct brute_state),
    .tables = {BEHAVIOUR_TABLE(
        struct brute_state, pairs, sizeof(struct pair_key), sizeof(struct attempts), BRUTE_PER_MILLE)},
    .transaction = brute_transaction,
    .fields = (const enum field[]){FIELD_AUTH_RESULT, FIELD_SSH_CLIENT, FIELD_NONE},
    .flow = brute_flow,
    .look = brute_look,
};
