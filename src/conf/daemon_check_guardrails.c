/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Guardrails that would stop every cut, and ways to enforcers that no guardrail keeps open. */

#include "conf/daemon_reader.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct net_prefix *x = a, *y = b;
	int order = net_addr_compare(x->addr, y->addr);
	return order ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

/* The first address after a prefix; false where it ends with the last address of all. */
static bool next_after(struct net_prefix p, struct net_addr *ret_next)
{
	struct net_addr a = p.addr;
	for (unsigned bit = p.bits; bit > 0; bit--) {
		uint8_t mask = (uint8_t)(0x80u >> (bit - 1) % 8);
		a.b[(bit - 1) / 8] ^= mask;
		if (a.b[(bit - 1) / 8] & mask) {
			*ret_next = a;
			return true;
		}
	}
	return false;
}

/* Whether prefixes, sorted by `compare`, together hold every address of `whole`. */
static bool cover(const struct net_prefix *sorted, size_t n, struct net_prefix whole)
{
	struct net_addr next = whole.addr;
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p = sorted[i];
		if (net_prefix_covers(p, whole))
			return true;
		/* of two that overlap the wider comes first, so what begins before `next` is within it */
		if (net_addr_compare(p.addr, next) < 0)
			continue;
		if (!net_addr_equal(p.addr, next))
			return false;
		if (!next_after(p, &next) || !net_prefix_contains(whole, next))
			return true;
	}
	return false;
}

static void check_everything(struct daemon_reader *r, const struct conf_node *root)
{
	static const struct {
		const char *prefix, *name;
	} wholes[] = {{"0.0.0.0/0", "all of IPv4"}, {"2000::/3", "all global IPv6 addresses"}};
	const struct daemon_guardrails *g = &r->conf->guardrails;
	const struct conf_node *guardrails = conf_find(root, "guardrails");
	size_t of_site = r->site ? r->site->n_never_cut : 0, n = g->n_never_cut + of_site;
	if (g->n_never_cut == 0)
		return;
	struct net_prefix *all = calloc(n, sizeof(*all));
	if (!all) {
		conf_no_memory(&r->report);
		return;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = i < g->n_never_cut ? g->never_cut[i] : r->site->never_cut[i - g->n_never_cut];
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < 2; i++) {
		struct net_prefix whole = {0};
		if (net_prefix_parse(text_of(wholes[i].prefix), &whole) == 0 && cover(all, n, whole))
			conf_mistake(&r->report, conf_find(guardrails, "never_cut"),
			    "never_cut holds %s%s, so nothing there could ever be cut; name what must stay",
			    wholes[i].name, of_site ? " with the site file's" : "");
	}
	free(all);
}

static bool holds(const struct net_prefix *prefixes, size_t n, struct net_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (net_prefix_contains(prefixes[i], a))
			return true;
	return false;
}

/*
 * A cut of the way to an enforcer would take it away from us: a remote one would keep its cuts to the end of
 * their lease, and a BGP session's routes would come and go with it.
 */
static void check_ways(struct daemon_reader *r, const struct conf_node *root)
{
	const struct daemon_conf *c = r->conf;
	const struct daemon_guardrails *g = &c->guardrails;
	char text[NET_ADDR_TEXT_SIZE];
	for (size_t i = 0; i < c->n_enforcers; i++) {
		const struct daemon_enforcer *e = &c->enforcers[i];
		bool far = e->is_remote || e->backend == DAEMON_BACKEND_BGP;
		struct net_addr a = e->is_remote ? e->remote.address : e->bgp.peer;
		if (!far || net_addr_is_none(a) || net_addr_is_loopback(a) ||
		    holds(g->control, g->n_control, a) || holds(g->never_cut, g->n_never_cut, a) ||
		    (r->site && holds(r->site->never_cut, r->site->n_never_cut, a)))
			continue;
		conf_mistake(&r->report, conf_find(root, "enforcers")->items[i],
		    "nothing keeps a cut off the way to %s; add it to guardrails' control",
		    net_addr_text(a, text));
	}
}

void daemon_check_guardrails(struct daemon_reader *r, const struct conf_node *root)
{
	check_everything(r, root);
	check_ways(r, root);
}
