/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Generated domain names (T1568.002). An implant that makes up names asks for many that nobody registered:
 * bursts of NXDOMAIN for different registered domains (Antonakakis et al., "From Throw-Away Traffic to Bots",
 * USENIX Security 2012), whose names don't read like words: entropy, consonant runs, vowels, digits
 * (Schiavoni et al., "Phoenix", DIMVA 2014, after whom a name that can be spoken isn't one). No word list is
 * used, so generators that join words stay unseen.
 *
 * Browsers probe for hijacked NXDOMAIN by three random single labels; with the site's search domain they
 * share one registered domain, so neither adds up here.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "detect/names.h"
#include "net/app.h"

enum { NAMES_MAX = 32, NAMES_MIN = 10, DGA_PER_MILLE = 15, LABEL_MIN = 7, NAME_SHOWN = 48 };
#define WINDOW      (10 * 60 * NS_PER_S)
#define SHARE_MIN   0.7
#define STRANGE_MIN 2 /* of the four marks of a made-up label */

struct failed_name {
	int64_t time;
	uint32_t hash;
	bool strange;
};

struct asker {
	struct detect_use use;
	int64_t first;
	struct failed_name ring[NAMES_MAX];
	uint32_t n; /* different names so far */
	char example[NAME_SHOWN];
	struct flow_sample flows;
};

struct dga_state {
	struct detect_table *askers;
};

static bool is_vowel(char c)
{
	c |= 0x20;
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Marks of a label that nobody would speak: 0..4. English words hold 35 to 45 % vowels and seldom four
 * consonants in a row. */
static unsigned strangeness(struct text label)
{
	size_t run = 0, longest = 0, vowels = 0, digits = 0, letters = 0, turns = 0;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];
		bool digit = c >= '0' && c <= '9';
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		run = letter && !is_vowel(c) ? run + 1 : 0;
		longest = run > longest ? run : longest;
		vowels += letter && is_vowel(c);
		letters += letter;
		digits += digit;
		turns += i > 0 && digit != (label.p[i - 1] >= '0' && label.p[i - 1] <= '9');
	}
	unsigned marks = 0;
	marks += longest >= 5;
	marks += letters > 0 && (double)vowels / (double)letters < 0.28;
	marks += digits >= 2 && turns >= 3;
	/* as many different letters as the length allows */
	marks += label.n >= 10 && name_entropy(label) > 3.2;
	return marks;
}

static void dga_judge(struct detector *d, struct net_addr asset, const struct asker *a, int64_t now)
{
	uint32_t recent = 0, strange = 0, n = a->n < NAMES_MAX ? a->n : NAMES_MAX;
	for (uint32_t i = 0; i < n; i++) {
		if (now - a->ring[i].time > WINDOW)
			continue;
		recent++;
		strange += a->ring[i].strange;
	}
	if (strange < NAMES_MIN || strange < SHARE_MIN * recent)
		return;
	const struct host *h = history_host(d, asset);
	bool resolver = h && (h->served_apps & (UINT64_C(1) << APP_DNS));
	char why[DETECT_WHY_SIZE], text[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why),
	    "%s asked for %u domains that don't exist, %u of the last %u within 10 min of names nobody would "
	    "speak (such as %s)%s",
	    detect_addr(asset, text), a->n, strange, recent, a->example,
	    resolver ? "; it is a resolver" : "");
	double c = detect_saturate(a->n, 8, 0.9);
	struct finding f = {
	    .name = "dns.dga",
	    .technique = "T1568.002",
	    .confidence = resolver ? c * 0.2 : c,
	    .asset = asset,
	    .asset_role = resolver ? MSG_ROLE_NONE : MSG_ROLE_ACTOR,
	    .first = a->first,
	    .last = a->use.last,
	    .count = a->n,
	    .flows = a->flows.id,
	    .n_flows = a->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void dga_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	struct dga_state *s = state;
	struct text domain = x->domain, rcode = exchange_field(x, FIELD_DNS_RCODE);
	if (domain.n == 0 || !(text_equal_nocase(rcode, TEXT("NXDOMAIN")) || text_equal(rcode, TEXT("3"))))
		return;
	struct text label = text_sub(domain, 0, text_find(domain, '.'));
	if (label.n == domain.n || name_ends_nocase(domain, TEXT("arpa")))
		return;
	int fresh;
	struct asker *a = detect_table_put(d, s->askers, &f->initiator, t->time, &fresh);
	if (!a)
		return;
	uint32_t hash = (uint32_t)name_hash(domain, 0), n = a->n < NAMES_MAX ? a->n : NAMES_MAX;
	for (uint32_t i = 0; i < n; i++)
		if (a->ring[i].hash == hash)
			return;
	bool strange = label.n >= LABEL_MIN && strangeness(label) >= STRANGE_MIN;
	if (fresh || a->n == 0)
		a->first = t->time;
	a->ring[a->n++ % NAMES_MAX] = (struct failed_name){.time = t->time, .hash = hash, .strange = strange};
	a->use.weight = a->n;
	if (!strange)
		return;
	text_printable(domain, a->example, sizeof(a->example));
	flow_sample_add(&a->flows, f->id);
	dga_judge(d, f->initiator, a, t->time);
}

const struct behaviour behaviour_dga = {
    .name = "generated domains",
    .state_size = sizeof(struct dga_state),
    .tables = {BEHAVIOUR_TABLE(
        struct dga_state, askers, sizeof(struct net_addr), sizeof(struct asker), DGA_PER_MILLE)},
    .transaction = dga_transaction,
    .fields = (const enum field[]){FIELD_DNS_QUERY, FIELD_NONE},
};
