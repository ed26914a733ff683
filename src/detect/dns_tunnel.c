/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Data in DNS names. Per asset and registered domain: how many different names below it, how long, how much
 * entropy, how seldom one is asked again, of which types. Born & Gustafson, "Detecting DNS Tunnels Using
 * Character Frequency Analysis" (2010); Farnham, "Detecting DNS Tunneling" (SANS 2013); Nadler, Aminov,
 * Shabtai, "Detection of malicious and low throughput data exfiltration over the DNS protocol" (Computers &
 * Security 2019), whose features these are.
 *
 * Look-alikes left out or weighed down: reverse lookups, service names (a label beginning with _), block
 * lists (addresses as labels), names that many machines ask for, delivery networks (many names, but short),
 * reputation services of antivirus products (long and different, but known: a short list). A resolver asks
 * for others: what it asks says little of itself.
 */

#include "detect/behaviour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "detect/names.h"
#include "net/app.h"

enum { TUNNEL_PER_MILLE = 60, UNIQUE_MIN = 12, NAME_SHOWN = 80, COUNT_BITS = 2048, JUDGE_EVERY = 32 };
#define LENGTH_MIN                                                                                           \
	18.0 /* of what stands before the registered domain, on average: an octet label of base32 or hex     \
	        carries ten bytes */
#define ENTROPY_MIN 3.0
#define REPEAT_MAX  0.5

struct domain_key {
	struct net_addr asset;
	uint64_t name;
};

struct domain {
	struct detect_use use;
	int64_t first;
	uint32_t queries, unique, rare_types;
	uint32_t judged; /* queries, when it was */
	bool said;
	uint64_t length, entropy_milli; /* sums over different names */
	uint32_t longest;
	uint8_t seen[COUNT_BITS / 8];
	char name[NAME_SHOWN];
	struct flow_sample flows;
};

struct tunnel_state {
	struct detect_table *domains;
};

/* Services that put hashes of files, addresses or domains into names, as their makers document. */
static bool is_reputation_service(struct text domain)
{
	static const struct text known[] = {TEXT("sophosxl.net"), TEXT("mcafee.com"), TEXT("trendmicro.com"),
	    TEXT("e5.sk"), TEXT("eset.com"), TEXT("cymru.com"), TEXT("spamhaus.org"), TEXT("surbl.org"),
	    TEXT("uribl.com"), TEXT("barracudacentral.org"), TEXT("spamcop.net"), TEXT("senderbase.org"),
	    TEXT("kaspersky.com"), TEXT("bitdefender.net"), TEXT("avast.com"), TEXT("avqs.mcafee.com"),
	    TEXT("webroot.com"), TEXT("dnswl.org")};
	return text_is_one_of(domain, known, sizeof(known) / sizeof(*known));
}

/* Labels that are numbers only (an address reversed), or that name a service. */
static bool is_plain_lookup(struct text below)
{
	bool digits = true;
	for (size_t i = 0; i < below.n; i++) {
		char c = below.p[i];
		if (c == '_' && (i == 0 || below.p[i - 1] == '.'))
			return true;
		digits = digits && ((c >= '0' && c <= '9') || c == '.');
	}
	return digits;
}

static bool is_rare_type(struct text type)
{
	static const struct text types[] = {TEXT("TXT"), TEXT("NULL"), TEXT("CNAME"), TEXT("MX"), TEXT("KEY"),
	    TEXT("SRV"), TEXT("PRIVATE"), TEXT("TYPE65399"), TEXT("ANY")};
	return text_is_one_of(type, types, sizeof(types) / sizeof(*types));
}

static double score(double x, double low, double high)
{
	return x <= low ? 0 : x >= high ? 1 : (x - low) / (high - low);
}

static double different_names(const struct domain *t)
{
	if (t->unique >= COUNT_BITS)
		return COUNT_BITS * 7;
	return -(double)COUNT_BITS * log(1 - (double)t->unique / COUNT_BITS);
}

static void domain_take_back(struct detector *d, const struct domain_key *k, struct domain *t)
{
	detect_take_back(
	    d, &(struct finding){.name = "dns.tunnel",
	           .technique = "T1071.004",
	           .asset = k->asset,
	           .peer_varies = true,
	           .subject = k->name,
	           .why = "the names that were asked for since are short, plain or the same again"});
	t->said = false;
}

static void domain_judge(struct detector *d, const struct domain_key *k, struct domain *t)
{
	double unique = different_names(t);
	t->judged = t->queries;
	if (unique < UNIQUE_MIN)
		return;
	double length = (double)t->length / t->unique, entropy = (double)t->entropy_milli / 1000 / t->unique;
	double repeat = t->queries > unique ? 1 - unique / t->queries : 0;
	if (length < LENGTH_MIN || entropy < ENTROPY_MIN || repeat > REPEAT_MAX) {
		if (t->said)
			domain_take_back(d, k, t);
		return;
	}
	t->said = true;
	double rare = (double)t->rare_types / t->queries;
	double shape = 0.35 * score(length, LENGTH_MIN, 50) + 0.25 * score(entropy, ENTROPY_MIN, 4.2) +
	               0.2 * score(t->longest, 24, 50) + 0.2 * score(rare, 0.1, 0.6);
	double c = detect_saturate(unique, 15, 1) * (0.35 + 0.6 * shape);
	unsigned users = history_name_users(d, text_of(t->name));
	/* The resolver between asks too, and is no user of its own. */
	c *= history_rarity(users > 1 ? users - 1 : users);
	const struct host *h = history_host(d, k->asset);
	bool resolver = h && (h->served_apps & (UINT64_C(1) << APP_DNS));
	char why[DETECT_WHY_SIZE], asset[NET_ADDR_TEXT_SIZE], bytes[16];
	snprintf(why, sizeof(why),
	    "%s asked for %.0f different names below %s (%u queries): %.0f characters each, %.1f bits of "
	    "entropy each, %.0f %% of types TXT, NULL, CNAME or MX; %s in names%s",
	    detect_addr(k->asset, asset), unique, t->name, t->queries, length, entropy, 100 * rare,
	    num_bytes_human((uint64_t)(unique * length), bytes, sizeof(bytes)),
	    resolver ? "; it is a resolver" : "");
	struct net_addr authority = history_authority(d, k->name);
	bool known = !net_addr_is_none(authority);
	struct finding f = {
	    .name = "dns.tunnel",
	    .technique = "T1071.004",
	    .confidence = resolver ? c * 0.2 : c,
	    .asset = k->asset,
	    .peer_varies = true,
	    .peer = authority,
	    .asset_role = resolver ? MSG_ROLE_NONE : MSG_ROLE_ACTOR,
	    .peer_role = known ? MSG_ROLE_EXFILTRATION : MSG_ROLE_NONE,
	    .subject = k->name,
	    .first = t->first,
	    .last = t->use.last,
	    .count = t->queries,
	    .flows = t->flows.id,
	    .n_flows = t->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void name_take(struct domain *t, struct text below, uint64_t seed)
{
	uint32_t bit = (uint32_t)(name_hash(below, seed) % COUNT_BITS);
	if (t->seen[bit / 8] & (1u << bit % 8))
		return;
	t->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
	size_t longest;
	name_labels(below, &longest);
	t->unique++;
	t->length += below.n;
	t->entropy_milli += (uint64_t)(1000 * name_entropy(below));
	t->longest = longest > t->longest ? (uint32_t)longest : t->longest;
	t->use.weight = t->unique;
}

/* Names add up for a day: in weeks everybody asks for many below anything. What was said stands. */
static void domain_begin_anew(struct domain *x, int64_t time)
{
	x->first = time;
	x->queries = x->unique = x->rare_types = x->judged = x->longest = 0;
	x->length = x->entropy_milli = 0;
	x->said = false;
	x->flows.n = 0;
	memset(x->seen, 0, sizeof(x->seen));
}

static void tunnel_transaction(struct detector *d, void *state, const struct exchange *x)
{
	struct tunnel_state *s = state;
	int64_t time = x->t->time;
	struct domain_key k;
	memset(&k, 0, sizeof(k));
	k.asset = x->f->initiator;
	k.name = x->domain_key;
	detect_table_expect(s->domains, &k);
	struct text below = name_below_of(x->query, x->domain);
	if (below.n == 0 || is_plain_lookup(below) || name_ends_nocase(x->domain, TEXT("arpa")) ||
	    is_reputation_service(x->domain))
		return;
	struct text type = exchange_field(x, FIELD_DNS_TYPE);
	if (text_equal_nocase(type, TEXT("PTR")))
		return;
	if (x->named && !x->to_inside)
		history_authority_vote(x->named, x->f->responder);
	int fresh;
	struct domain *t = detect_table_put(d, s->domains, &k, time, &fresh);
	if (!t)
		return;
	if (fresh) {
		text_printable(x->domain, t->name, sizeof(t->name));
		t->first = time;
	}
	if (time - t->first > DETECT_DAY_NS)
		domain_begin_anew(t, time);
	t->first = time < t->first ? time : t->first;
	t->queries++;
	t->rare_types += is_rare_type(type);
	/* The hash that counts is unkeyed, so that the same capture counts the same. */
	name_take(t, below, 0);
	flow_sample_add(&t->flows, x->f->id);
	if (t->unique >= UNIQUE_MIN && t->queries % JUDGE_EVERY == 0)
		domain_judge(d, &k, t);
}

static bool tunnel_look(struct detector *d, void *state, struct look *l)
{
	struct tunnel_state *s = state;
	const void *key;
	for (struct domain *t; (t = table_next(s->domains->t, &l->at, &key));) {
		bool judged = t->unique >= UNIQUE_MIN && (l->whole || t->judged != t->queries);
		if (judged)
			domain_judge(d, key, t);
		if (!look_on(l, judged ? 4 : 1))
			return false;
	}
	return true;
}

const struct behaviour behaviour_dns_tunnel = {
    .name = "DNS tunnel",
    .state_size = sizeof(struct tunnel_state),
    .tables = {BEHAVIOUR_TABLE(
        struct tunnel_state, domains, sizeof(struct domain_key), sizeof(struct domain), TUNNEL_PER_MILLE)},
    .transaction = tunnel_transaction,
    .fields = (const enum field[]){FIELD_DNS_QUERY, FIELD_NONE},
    .look = tunnel_look,
};
