/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Scans, by threshold random walk: Jung, Paxson, Berger, Balakrishnan, "Fast Portscan Detection Using
 * Sequential Hypothesis Testing", IEEE S&P 2004. Each first contact of a source moves its likelihood ratio: a
 * failure by (1 - theta1) / (1 - theta0) = 4, a success by theta1 / theta0 = 1/4; the source is a scanner at
 * beta / alpha = 99. Three walks go side by side: over the machines of the organization (horizontal; whatever
 * the port, so block scans too), over the ports of one machine (vertical), and, for sources inside, over
 * outside machines at one port (a worm; clients of peer-to-peer nets fail at many ports and don't walk here).
 *
 * What is ours beside the paper: at least FAILURES_MIN failures (a client of one dead file server tries 445,
 * 139 and 80 of it), and a failure at a service that was seen to answer is the service's, not the source's.
 *
 * A contact counts once, when its outcome is known: at once where it was answered or refused; that nobody
 * answers is known when the flow has settled or is over.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

enum {
	FAILURES_MIN = 5,
	OUTWARD_MIN = 20,
	RING = 24,
	SOURCE_BITS = 1 << 16,
	COUNT_BITS = 1024,
	SCAN_PER_MILLE = 80,
	FIRSTS_PER_MILLE = 30
};
#define RATIO_FAILURE 4.0
#define RATIO_SUCCESS 0.25
#define RATIO_SCANNER 99.0 /* beta / alpha at 0.99 and 0.01 */
#define RATIO_BENIGN                                                                                         \
	0.0101 /* (1 - beta) / (1 - alpha): the walk goes no lower, so that later scans are seen */
#define WALK_IDLE (24 * 3600 * NS_PER_S)

enum { TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

enum walk_kind { WALK_HORIZONTAL, WALK_VERTICAL, WALK_OUTWARD };

struct walk_key {
	struct net_addr source, target; /* target: of vertical walks */
	uint16_t port;                  /* of outward walks */
	uint8_t protocol, kind;
	uint32_t zero;
};

struct walk {
	struct detect_use use;
	double ratio;
	int64_t first;
	bool scanner;
	uint8_t n_failed, n_ok; /* in the rings */
	uint32_t failed[RING], ok[RING];
	uint8_t seen[COUNT_BITS / 8]; /* linear counting of failures (Whang 1990) */
	uint32_t failures;            /* bits set there */
	double count;                 /* the failures that they stand for */
	uint32_t reported;            /* of them, when it was last said */
	uint32_t stealthy;
	struct net_addr example;
	uint16_t ports[4];
	uint8_t n_ports;
	struct flow_sample flows;
};

/* The first failure of a vertical walk. Most have no second, and a walk is large. */
struct first_failure {
	struct detect_use use;
	int64_t first;
	uint64_t flow;
	uint16_t port;
	bool stealthy;
};

struct scan_state {
	struct detect_table *walks;
	/* Bits of sources that had a walk: whoever never failed needs no looking for what his success is
	 * worth.
	 */
	uint64_t walkers[SOURCE_BITS / 64];
	struct detect_table *firsts; /* of vertical walks, by the same key */
};

enum contact { CONTACT_NONE, CONTACT_OK, CONTACT_FAILED, CONTACT_STEALTHY };

static enum contact contact_tcp(const struct detector *d, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	uint8_t out = f->tcp_flags_out;
	if (f->packets_out == 0 || (f->flags & FLOW_ONE_WAY_VIEW))
		return CONTACT_NONE;
	/* Neither SYN nor ACK nor RST: no stack sends such a segment (RFC 793, 3.9). NULL, FIN and XMAS scans
	 * do. */
	if (!(out & (SYN | ACK | RST)) && f->payload_out == 0)
		return CONTACT_STEALTHY;
	/* Answered, and torn down before the handshake's end. */
	if (f->established == 0 && (out & SYN) && (out & RST) && !(out & ACK) && f->packets_in > 0)
		return CONTACT_STEALTHY;
	bool silent = f->tcp_state == FLOW_TCP_SYN_SENT && o->settled;
	bool failed = (out & SYN) && (silent || f->tcp_state == FLOW_TCP_REFUSED);
	/* where nothing was seen to come back, a view of one side alone looks established too */
	if (!failed)
		return f->established && (f->packets_in > 0 || o->over) ? CONTACT_OK : CONTACT_NONE;
	return history_service_answers(d, f->responder, TCP, f->responder_port) ? CONTACT_NONE
	                                                                        : CONTACT_FAILED;
}

/* Ports to which datagrams go without ever an answer: syslog, SNMP traps, flow export, discovery, DHCP. */
static bool udp_one_way(uint16_t port)
{
	switch (port) {
	case 67:
	case 68:
	case 137:
	case 138:
	case 162:
	case 514:
	case 546:
	case 547:
	case 1900:
	case 2055:
	case 3702:
	case 4739:
	case 5353:
	case 5355:
	case 6343:
	case 9995:
	case 9996: return true;
	default: return false;
	}
}

static enum contact contact_of(const struct detector *d, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	switch (f->protocol) {
	case TCP: return contact_tcp(d, o);
	case UDP:
		if (f->packets_in > 0)
			return CONTACT_OK;
		/* Unanswered datagrams that leave are ordinary (QUIC, games, peer-to-peer). */
		if (!o->settled || !o->to_inside || udp_one_way(f->responder_port) ||
		    history_service_answers(d, f->responder, UDP, f->responder_port))
			return CONTACT_NONE;
		return CONTACT_FAILED;
	case ICMP:
	case ICMPV6:
		if (f->initiator_port != 8 && f->initiator_port != 128) /* the type: echo request only */
			return CONTACT_NONE;
		if (f->packets_in > 0)
			return CONTACT_OK;
		return !o->settled || history_service_answers(d, f->responder, f->protocol, f->responder_port)
		           ? CONTACT_NONE
		           : CONTACT_FAILED;
	default: return CONTACT_NONE;
	}
}

static bool ring_holds(const uint32_t *ring, uint8_t n, uint32_t element)
{
	for (uint8_t i = 0; i < n && i < RING; i++)
		if (ring[i] == element)
			return true;
	return false;
}

static void ring_add(uint32_t *ring, uint8_t *n, uint32_t element)
{
	if (*n < RING) {
		ring[(*n)++] = element;
		return;
	}
	memmove(ring, ring + 1, (RING - 1) * sizeof(*ring));
	ring[RING - 1] = element;
}

static void walk_fail(struct walk *w, uint32_t element, bool stealthy, uint64_t flow, uint16_t port)
{
	if (ring_holds(w->failed, w->n_failed, element))
		return;
	ring_add(w->failed, &w->n_failed, element);
	uint32_t bit = (uint32_t)(element * UINT32_C(0x9e3779b1)) % COUNT_BITS;
	if (!(w->seen[bit / 8] & (1u << bit % 8))) {
		w->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
		/* -m ln(clear/m), by the sum that fills the bits one by one */
		w->count += (double)COUNT_BITS / (COUNT_BITS - w->failures);
		w->failures++;
	}
	w->stealthy += stealthy;
	w->ratio *= RATIO_FAILURE;
	if (w->ratio > RATIO_SCANNER * RATIO_FAILURE)
		w->ratio = RATIO_SCANNER * RATIO_FAILURE;
	if (w->failures >= FAILURES_MIN && w->ratio >= RATIO_SCANNER)
		w->scanner = true;
	flow_sample_add(&w->flows, flow);
	for (uint8_t i = 0; i < w->n_ports; i++)
		if (w->ports[i] == port)
			return;
	if (w->n_ports < sizeof(w->ports) / sizeof(*w->ports))
		w->ports[w->n_ports++] = port;
}

static void walk_succeed(struct walk *w, uint32_t element)
{
	if (ring_holds(w->ok, w->n_ok, element) || ring_holds(w->failed, w->n_failed, element))
		return;
	ring_add(w->ok, &w->n_ok, element);
	w->ratio *= RATIO_SUCCESS;
	if (w->ratio < RATIO_BENIGN)
		w->ratio = RATIO_BENIGN;
}

/* Distinct failures, from the share of bits still clear (Whang, Vander-Zanden, Taylor 1990). */
static uint64_t walk_count(const struct walk *w)
{
	return w->failures == COUNT_BITS ? COUNT_BITS * 7 : (uint64_t)(w->count + 0.5);
}

static const char *ports_text(const struct walk *w, char *buf, size_t size)
{
	char digits[NUM_DECIMAL_MAX];
	size_t n = 0;
	for (uint8_t i = 0; i < w->n_ports; i++) {
		size_t length = num_decimal(w->ports[i], digits);
		if (n + 2 + length >= size)
			break;
		if (i) {
			buf[n++] = ',';
			buf[n++] = ' ';
		}
		memcpy(buf + n, digits, length);
		n += length;
	}
	buf[n] = '\0';
	return buf;
}

static const char *protocol_text(uint8_t protocol)
{
	return protocol == TCP ? "TCP" : protocol == UDP ? "UDP" : "ICMP echo";
}

/* When the way out is down, all that people open fails: towards the outside it takes more, and says less. */
static bool walk_is_scan(const struct walk_key *k, const struct walk *w)
{
	return w->scanner && (k->kind != WALK_OUTWARD || w->failures >= OUTWARD_MIN);
}

static void walk_report(struct detector *d, const struct walk_key *k, struct walk *w, bool from_inside)
{
	char why[DETECT_WHY_SIZE], source[NET_ADDR_TEXT_SIZE], target[NET_ADDR_TEXT_SIZE], ports[40],
	    span[24];
	uint64_t n = walk_count(w);
	bool vertical = k->kind == WALK_VERTICAL;
	time_span_human(w->use.last - w->first, span, sizeof(span));
	detect_addr(k->source, source);
	detect_addr(w->example, target);
	if (vertical)
		snprintf(why, sizeof(why),
		    "%s tried %llu ports of %s that didn't answer (%s, among them %s) in %s; random walk "
		    "over first contacts",
		    source, (unsigned long long)n, target, protocol_text(k->protocol),
		    ports_text(w, ports, sizeof(ports)), span);
	else
		snprintf(why, sizeof(why),
		    "%s tried %llu machines that didn't answer (%s, ports %s, the first %s) in %s, %u "
		    "answered; random walk over first contacts",
		    source, (unsigned long long)n, protocol_text(k->protocol),
		    ports_text(w, ports, sizeof(ports)), target, span, w->n_ok);
	double half = w->stealthy * 2 > w->failures ? 5 : 8;
	struct finding f = {
	    .name = vertical ? "scan.vertical" : "scan.horizontal",
	    .technique = from_inside ? "T1046"
	                 : vertical  ? "T1595"
	                             : "T1595.001",
	    /* Everybody outside is scanned all the time: it says little of the asset. */
	    .confidence = detect_saturate((double)n, half,
	        !from_inside              ? 0.5
	        : k->kind == WALK_OUTWARD ? 0.6
	                                  : 0.92),
	    .asset = from_inside ? k->source : w->example,
	    .peer = from_inside ? (vertical ? w->example : (struct net_addr){{0}}) : k->source,
	    .asset_role = from_inside ? MSG_ROLE_ACTOR : MSG_ROLE_TARGET,
	    .peer_role = from_inside ? (vertical ? MSG_ROLE_TARGET : MSG_ROLE_NONE) : MSG_ROLE_SCANNER,
	    .subject = (uint64_t)k->kind << 32 | (uint64_t)k->protocol << 16 | k->port,
	    .first = w->first,
	    .last = w->use.last,
	    .count = n,
	    .flows = w->flows.id,
	    .n_flows = w->flows.n,
	    .why = why,
	};
	w->reported = w->failures;
	detect_report(d, &f);
}

static void walk_step(struct detector *d, struct scan_state *s, const struct observation *o,
    struct walk_key *k, uint32_t element, enum contact contact)
{
	const struct msg_flow *f = o->f;
	int fresh = 0;
	struct walk *w = contact == CONTACT_OK ? detect_table_get(s->walks, k)
	                                       : detect_table_put(d, s->walks, k, f->first, &fresh);
	if (!w)
		return;
	if (!fresh && f->first - w->use.last > WALK_IDLE) {
		memset(w, 0, sizeof(*w));
		fresh = 1;
	}
	if (fresh) {
		w->first = f->first;
		w->example = f->responder;
		/* A walk begins at its first failure; what the source did well before counts as its start. */
		unsigned well = k->kind != WALK_VERTICAL && o->initiator ? o->initiator->answered : 0;
		w->ratio = 1;
		for (unsigned i = 0; i < well && w->ratio > RATIO_BENIGN; i++)
			w->ratio *= RATIO_SUCCESS;
	}
	w->use.last = f->first > w->use.last ? f->first : w->use.last;
	w->first = f->first < w->first ? f->first : w->first;
	if (contact == CONTACT_OK) {
		walk_succeed(w, element);
		return;
	}
	uint32_t before = w->failures;
	walk_fail(w, element, contact == CONTACT_STEALTHY, f->id, f->responder_port);
	/* Sources outside may be forged without end; those inside are few, and are what it is about. */
	w->use.weight = w->failures + (w->scanner ? 1000 : 0) + (o->from_inside ? 10000 : 0);
	/* The count is worth another word when it has grown by an eighth, so a long scan costs no more than
	 * its logarithm. */
	if (walk_is_scan(k, w) && w->failures != before &&
	    (w->failures < 16 || w->failures % (w->failures / 8) == 0))
		walk_report(d, k, w, o->from_inside);
}

/* A vertical walk begins at the second failure: whether this is one. The first is kept, and then given. */
static bool vertical_begins(struct detector *d, struct scan_state *s, const struct observation *o,
    const struct walk_key *k, enum contact contact, struct first_failure *ret_first)
{
	const struct msg_flow *f = o->f;
	int fresh;
	if (detect_table_get(s->walks, k)) {
		*ret_first = (struct first_failure){.flow = 0};
		return true;
	}
	if (contact == CONTACT_OK)
		return false;
	struct first_failure *first = detect_table_put(d, s->firsts, k, f->first, &fresh);
	if (!first)
		return false;
	if (fresh) {
		first->first = f->first;
		first->flow = f->id;
		first->port = f->responder_port;
		first->stealthy = contact == CONTACT_STEALTHY;
		first->use.weight = o->from_inside;
		return false;
	}
	if (first->port == f->responder_port)
		return false;
	*ret_first = *first;
	table_remove(s->firsts->t, k);
	return true;
}

static void vertical_step(struct detector *d, struct scan_state *s, const struct observation *o,
    struct walk_key *k, enum contact contact)
{
	struct first_failure first;
	if (!vertical_begins(d, s, o, k, contact, &first))
		return;
	if (first.flow) {
		struct walk *w = detect_table_put(d, s->walks, k, first.first, NULL);
		if (!w)
			return;
		w->first = first.first;
		w->example = o->f->responder;
		w->ratio = 1;
		walk_fail(w, first.port, first.stealthy, first.flow, first.port);
	}
	walk_step(d, s, o, k, o->f->responder_port, contact);
}

static uint32_t walker_bit(const struct detector *d, struct net_addr source)
{
	return (uint32_t)(hash_bytes(&source, sizeof(source), d->config.seed) % SOURCE_BITS);
}

/* Whether what the contact tells is worth a look at walks: of a success only where the source had failures.
 */
static bool walker_take(
    const struct detector *d, struct scan_state *s, struct net_addr source, enum contact contact)
{
	uint32_t bit = walker_bit(d, source);
	if (contact != CONTACT_OK)
		s->walkers[bit / 64] |= UINT64_C(1) << bit % 64;
	return s->walkers[bit / 64] >> bit % 64 & 1;
}

static void scan_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct scan_state *s = state;
	if ((*o->told & TOLD_CONTACT) || !o->to_host || !o->from_host || (!o->from_inside && !o->to_inside))
		return;
	enum contact contact = contact_of(d, o);
	if (contact == CONTACT_NONE || !observe_once(o, TOLD_CONTACT) ||
	    !walker_take(d, s, f->initiator, contact))
		return;
	struct walk_key k;
	memset(&k, 0, sizeof(k));
	k.source = f->initiator;
	k.protocol = f->protocol;
	k.kind = o->to_inside ? WALK_HORIZONTAL : WALK_OUTWARD;
	k.port = o->to_inside ? 0 : f->responder_port;
	struct walk_key vertical = k;
	vertical.kind = WALK_VERTICAL;
	vertical.target = f->responder;
	vertical.port = 0;
	detect_table_expect(s->walks, &vertical);
	if (contact != CONTACT_OK)
		detect_table_expect(s->firsts, &vertical);
	/* Unkeyed, so that the same capture counts the same: who would collide in it must choose what to scan
	 * by it. */
	uint32_t machine = (uint32_t)hash_bytes(&f->responder, sizeof(f->responder), 0);
	/* Mail servers try many dead exchangers (backscatter): port 25 tells nothing. */
	if (o->to_inside || f->responder_port != 25)
		walk_step(d, s, o, &k, machine, contact);
	if (f->protocol == ICMP || f->protocol == ICMPV6)
		return;
	vertical_step(d, s, o, &vertical, contact);
}

static bool scan_look(struct detector *d, void *state, struct look *l)
{
	struct scan_state *s = state;
	const void *key;
	for (struct walk *w; (w = table_next(s->walks->t, &l->at, &key));) {
		const struct walk_key *k = key;
		bool more = walk_is_scan(k, w) && (l->whole || w->reported != w->failures);
		if (more)
			walk_report(d, k, w, detect_inside(d, k->source));
		if (!look_on(l, more ? 4 : 1))
			return false;
	}
	return true;
}

const struct behaviour behaviour_scan = {
    .name = "scan",
    .state_size = sizeof(struct scan_state),
    .tables = {BEHAVIOUR_TABLE(
                   struct scan_state, walks, sizeof(struct walk_key), sizeof(struct walk), SCAN_PER_MILLE),
        BEHAVIOUR_TABLE(struct scan_state, firsts, sizeof(struct walk_key), sizeof(struct first_failure),
            FIRSTS_PER_MILLE)},
    .flow = scan_flow,
    .settle = scan_flow,
    .look = scan_look,
};
