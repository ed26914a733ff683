/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What may be cut, who says so, and what is cut without asking: guardrails, approval, automatic. */

#include "conf/daemon_reader.h"

#include <netinet/in.h>

static void read_never_cut(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	conf_prefixes(reader, value, "never_cut", DAEMON_NEVER_CUT_MAX, &g->never_cut, &g->n_never_cut);
}

static void read_control(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	conf_prefixes(reader, value, "control", DAEMON_CONTROL_MAX, &g->control, &g->n_control);
}

static void read_pass_prefix(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_pass *p = into;
	conf_prefix(reader, value, &p->prefix);
}

static void read_pass_protocol(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_pass *p = into;
	daemon_protocol(reader, value, &p->protocol);
}

static void read_pass_port(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_pass *p = into;
	daemon_port(reader, value, &p->port);
}

static const struct conf_row pass_rows[] = {
    {"prefix", false, read_pass_prefix},
    {"protocol", false, read_pass_protocol},
    {"port", false, read_pass_port},
};

static void read_pass_item(struct daemon_reader *r, const struct conf_node *node, struct daemon_pass *p)
{
	size_t mistakes = r->report.mistakes;
	conf_read_mapping(&r->report, node, "what passes", pass_rows, 3, r, p);
	if (r->report.mistakes > mistakes)
		return;
	bool ports = p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_SCTP;
	if (p->port && !ports)
		conf_mistake(&r->report, conf_find(node, "port"),
		    "a port is one of tcp, udp or sctp; write that as \"protocol\"");
	else if (!p->protocol &&
	         (p->prefix.bits == 0 || (p->prefix.bits == 96 && net_addr_is_v4(p->prefix.addr))))
		conf_mistake(&r->report, node,
		    "this lets everything pass, so that no cut would stop anything; write a prefix, or "
		    "protocol and port");
}

static void read_pass(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_guardrails *g = into;
	if (!conf_list(&r->report, value, "what passes", 0, DAEMON_PASS_MAX))
		return;
	g->pass = conf_array(&r->report, value->n, sizeof(*g->pass));
	for (size_t i = 0; g->pass && i < value->n && !r->report.error; i++)
		read_pass_item(r, value->items[i], &g->pass[g->n_pass++]);
}

static void read_widest_v4(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	uint64_t number;
	if (conf_number(reader, value, "the widest IPv4 prefix", 1, 32, &number))
		g->widest_v4 = (uint8_t)number;
}

static void read_widest_v6(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	uint64_t number;
	if (conf_number(reader, value, "the widest IPv6 prefix", 1, 128, &number))
		g->widest_v6 = (uint8_t)number;
}

static const struct conf_row widest_rows[] = {
    {"ipv4", false, read_widest_v4},
    {"ipv6", false, read_widest_v6},
};

static void read_widest(void *reader, const struct conf_node *value, void *into)
{
	conf_read_mapping(reader, value, "widest_prefix", widest_rows, 2, reader, into);
}

static void read_most_cuts(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	uint64_t number;
	if (conf_number(reader, value, "most_cuts", 1, 1000000, &number))
		g->most_cuts = (uint32_t)number;
}

static void read_longest_lease(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_guardrails *g = into;
	daemon_lease(reader, value, &g->longest_lease_ns);
}

static void read_most_orders(void *reader, const struct conf_node *value, void *into)
{
	/* as many as contain/guardrail.h keeps the times of */
	enum { MOST_ORDERS_MAX = 64 };
	struct daemon_guardrails *g = into;
	uint64_t number;
	if (conf_number(reader, value, "most_orders_a_minute", 1, MOST_ORDERS_MAX, &number))
		g->most_orders_a_minute = (uint32_t)number;
}

static const struct conf_row guardrail_rows[] = {
    {"never_cut", false, read_never_cut},
    {"control", false, read_control},
    {"pass", false, read_pass},
    {"widest_prefix", false, read_widest},
    {"most_cuts", false, read_most_cuts},
    {"longest_lease", false, read_longest_lease},
    {"most_orders_a_minute", false, read_most_orders},
};

void daemon_read_guardrails(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "guardrails", guardrail_rows, 7, r, &r->conf->guardrails);
}

static void read_persons(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_approval *a = into;
	uint64_t number;
	if (conf_number(reader, value, "persons", 1, 2, &number))
		a->persons = (uint8_t)number;
}

static void read_wait(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_approval *a = into;
	conf_span(
	    reader, value, "a wait for approval", "1h", 60 * NS_PER_S, 7 * 86400 * NS_PER_S, &a->wait_ns);
}

static void read_approval_confirm(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_approval *a = into;
	daemon_confirm(reader, value, &a->confirm_ns);
}

static void read_approval_lease(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_approval *a = into;
	daemon_lease(reader, value, &a->lease_ns);
}

static void read_approval_fail(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_approval *a = into;
	daemon_fail(reader, value, &a->fail_closed);
}

static const struct conf_row approval_rows[] = {
    {"persons", false, read_persons},
    {"wait", false, read_wait},
    {"confirm", false, read_approval_confirm},
    {"lease", false, read_approval_lease},
    {"fail", false, read_approval_fail},
};

void daemon_read_approval(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "approval", approval_rows, 5, r, &r->conf->approval);
}

/* No shorter than any lease: what a person let go policy leaves alone for as long (doc/orders.md). */
static void read_ended_keep(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_conf *c = into;
	conf_span(reader, value, "a time to keep orders that have ended", "90d", 30 * 86400 * NS_PER_S,
	    INT64_C(3650) * 86400 * NS_PER_S, &c->ended_keep_ns);
}

static void read_ended_most(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_conf *c = into;
	uint64_t number;
	if (conf_number(reader, value, "most", 1000, 10000000, &number))
		c->ended_most = (uint32_t)number;
}

static const struct conf_row ended_rows[] = {
    {"keep", false, read_ended_keep},
    {"most", false, read_ended_most},
};

void daemon_read_ended(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "ended_orders", ended_rows, 2, r, r->conf);
}

static void read_detection(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	a->detection = conf_name(reader, value, "a detection");
}

static void read_confidence(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	daemon_real(reader, value, "confidence", 0.01, 1, &a->confidence);
}

static void read_cut(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	unsigned word;
	if (daemon_word(reader, value, "what is cut", daemon_targets, 3, &word))
		a->target = (enum daemon_target)word;
}

static void read_automatic_lease(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	daemon_lease(reader, value, &a->lease_ns);
}

static void read_automatic_confirm(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	daemon_confirm(reader, value, &a->confirm_ns);
}

static void read_automatic_fail(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_automatic *a = into;
	daemon_fail(reader, value, &a->fail_closed);
}

static const struct conf_row automatic_rows[] = {
    {"name", true, conf_name_row},
    {"detection", true, read_detection},
    {"confidence", true, read_confidence},
    {"cut", true, read_cut},
    {"lease", false, read_automatic_lease},
    {"confirm", false, read_automatic_confirm},
    {"fail", false, read_automatic_fail},
};

_Static_assert(offsetof(struct daemon_automatic, name) == 0, "read by conf_name_row");

/* After approval, whose values are the defaults; the lease, which may come from the site, is filled in by
 * daemon_check. */
void daemon_read_automatic(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_conf *c = r->conf;
	(void)into;
	if (!conf_list(&r->report, value, "automatic rows", 0, DAEMON_AUTOMATIC_MAX))
		return;
	c->automatic = conf_array(&r->report, value->n, sizeof(*c->automatic));
	for (size_t i = 0; c->automatic && i < value->n && !r->report.error; i++) {
		struct daemon_automatic *a = &c->automatic[c->n_automatic++];
		a->confirm_ns = c->approval.confirm_ns;
		a->fail_closed = c->approval.fail_closed;
		conf_read_mapping(&r->report, value->items[i], "an automatic row", automatic_rows, 7, r, a);
	}
	conf_check_names(
	    &r->report, value, "automatic row", c->automatic, c->n_automatic, sizeof(*c->automatic));
}
