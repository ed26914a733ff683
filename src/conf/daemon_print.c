/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/daemon_reader.h"

#include "base/num.h"
#include "conf/printer.h"

/* As few digits as give the same number back. */
static void print_real(struct conf_printer *p, const char *key, double value)
{
	char text[48];
	double again = -1;
	for (int digits = 0; digits <= DAEMON_DECIMALS_MAX && again != value; digits++) {
		snprintf(text, sizeof(text), "%.*f", digits, value);
		if (num_parse_real(text_of(text), 0, 1e6, &again) < 0)
			again = -1;
	}
	conf_print_pair(p, key, text);
}

static void print_addr(struct conf_printer *p, const char *key, struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	if (!net_addr_is_none(a))
		conf_print_pair(p, key, net_addr_text(a, text));
}

static void print_confirm(struct conf_printer *p, int64_t ns)
{
	if (ns)
		conf_print_span(p, "confirm", ns);
	else
		conf_print_pair(p, "confirm", "none");
}

static void print_links(struct conf_printer *p, const struct daemon_conf *c)
{
	if (c->n_links == 0)
		return;
	conf_print_list(p, "links", false);
	for (size_t i = 0; i < c->n_links; i++) {
		const struct daemon_link *l = &c->links[i];
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", l->name);
		if (l->n_interfaces)
			conf_print_texts(p, "interfaces", l->interfaces, l->n_interfaces);
		conf_print_pair(p, "capture", l->capture);
		if (l->capture && l->speed == 0)
			conf_print_pair(p, "speed", "max");
		else if (l->capture)
			print_real(p, "speed", l->speed);
		conf_print_pair(p, "place", daemon_places[l->place]);
		if (l->n_interfaces)
			conf_print_pair(p, "deliver", daemon_deliveries[l->deliver]);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_sensor(struct conf_printer *p, const struct daemon_sensor *s)
{
	char ring[24];
	snprintf(ring, sizeof(ring), "%uMiB", s->ring_mib);
	conf_print_mapping(p, "sensor");
	conf_print_number(p, "processes", s->processes);
	conf_print_pair(p, "ring", ring);
	conf_print_number(p, "flows", s->flows_max);
	conf_print_span(p, "snapshot", s->snapshot_ns);
	conf_print_mapping_end(p);
}

static void print_bgp(struct conf_printer *p, const struct daemon_bgp *b)
{
	conf_print_mapping(p, "bgp");
	print_addr(p, "peer", b->peer);
	conf_print_number(p, "port", b->port);
	print_addr(p, "local", b->local);
	conf_print_number(p, "local_as", b->local_as);
	conf_print_number(p, "peer_as", b->peer_as);
	print_addr(p, "router_id", b->router_id);
	conf_print_span(p, "hold", b->hold_ns);
	conf_print_pair(p, "announce", daemon_announces[b->announce]);
	if (b->announce == DAEMON_BGP_BLACKHOLE) {
		char text[NET_ADDR_TEXT_SIZE];
		conf_print_list(p, "next_hop", true);
		if (!net_addr_is_none(b->next_hop_v4))
			conf_print_scalar(p, net_addr_text(b->next_hop_v4, text));
		if (!net_addr_is_none(b->next_hop_v6))
			conf_print_scalar(p, net_addr_text(b->next_hop_v6, text));
		conf_print_list_end(p);
	}
	conf_print_mapping_end(p);
}

static void print_remote(struct conf_printer *p, const struct daemon_remote *m)
{
	conf_print_mapping(p, "remote");
	print_addr(p, "address", m->address);
	conf_print_number(p, "port", m->port);
	conf_print_pair(p, "name", m->name);
	conf_print_pair(p, "certificate", m->certificate);
	conf_print_pair(p, "key", m->key);
	conf_print_pair(p, "ca", m->ca);
	conf_print_mapping_end(p);
}

static void print_nftables(struct conf_printer *p, const struct daemon_enforcer *e)
{
	conf_print_list(p, "hooks", true);
	for (unsigned bit = 0; bit < 3; bit++)
		if (e->hooks & 1u << bit)
			conf_print_scalar(p, daemon_hooks[bit]);
	conf_print_list_end(p);
	conf_print_pair(p, "table", e->table);
	conf_print_pair(p, "on_cut", daemon_on_cuts[e->reset]);
}

static void print_enforcer(struct conf_printer *p, const struct daemon_enforcer *e)
{
	conf_print_pair(p, "name", e->name);
	if (e->is_remote) {
		print_remote(p, &e->remote);
		return;
	}
	conf_print_pair(p, "backend", daemon_backends[e->backend]);
	if (e->backend == DAEMON_BACKEND_NFTABLES)
		print_nftables(p, e);
	if (e->n_interfaces)
		conf_print_texts(p, "interfaces", e->interfaces, e->n_interfaces);
	if (e->backend == DAEMON_BACKEND_BGP)
		print_bgp(p, &e->bgp);
	else
		conf_print_span(p, "lease", e->lease_ns);
}

static void print_enforcers(struct conf_printer *p, const struct daemon_conf *c)
{
	if (c->n_enforcers == 0)
		return;
	conf_print_list(p, "enforcers", false);
	for (size_t i = 0; i < c->n_enforcers; i++) {
		conf_print_mapping(p, NULL);
		print_enforcer(p, &c->enforcers[i]);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_near(struct conf_printer *p, const struct daemon_near *n)
{
	char addr[NET_ADDR_TEXT_SIZE], text[NET_ADDR_TEXT_SIZE + 16];
	snprintf(text, sizeof(text), net_addr_is_v4(n->address) ? "%s:%u" : "[%s]:%u",
	    net_addr_text(n->address, addr), n->port);
	conf_print_mapping(p, "near");
	conf_print_pair(p, "listen", text);
	conf_print_texts(p, "names", n->names, n->n_names);
	conf_print_pair(p, "certificate", n->certificate);
	conf_print_pair(p, "key", n->key);
	conf_print_pair(p, "ca", n->ca);
	conf_print_mapping_end(p);
}

static void print_pass(struct conf_printer *p, const struct daemon_pass *pass)
{
	char prefix[NET_PREFIX_TEXT_SIZE], protocol[4];
	conf_print_mapping(p, NULL);
	if (pass->prefix.bits)
		conf_print_pair(p, "prefix", net_prefix_text(pass->prefix, prefix));
	if (pass->protocol)
		conf_print_pair(p, "protocol", daemon_protocol_text(pass->protocol, protocol));
	if (pass->port)
		conf_print_number(p, "port", pass->port);
	conf_print_mapping_end(p);
}

static void print_guardrails(struct conf_printer *p, const struct daemon_guardrails *g)
{
	conf_print_mapping(p, "guardrails");
	if (g->n_never_cut)
		conf_print_prefixes(p, "never_cut", g->never_cut, g->n_never_cut);
	if (g->n_control)
		conf_print_prefixes(p, "control", g->control, g->n_control);
	if (g->n_pass) {
		conf_print_list(p, "pass", false);
		for (size_t i = 0; i < g->n_pass; i++)
			print_pass(p, &g->pass[i]);
		conf_print_list_end(p);
	}
	if (g->widest_v4 || g->widest_v6) {
		conf_print_mapping(p, "widest_prefix");
		if (g->widest_v4)
			conf_print_number(p, "ipv4", g->widest_v4);
		if (g->widest_v6)
			conf_print_number(p, "ipv6", g->widest_v6);
		conf_print_mapping_end(p);
	}
	conf_print_number(p, "most_cuts", g->most_cuts);
	conf_print_span(p, "longest_lease", g->longest_lease_ns);
	conf_print_number(p, "most_orders_a_minute", g->most_orders_a_minute);
	conf_print_mapping_end(p);
}

static void print_approval(struct conf_printer *p, const struct daemon_approval *a)
{
	conf_print_mapping(p, "approval");
	conf_print_number(p, "persons", a->persons);
	conf_print_span(p, "wait", a->wait_ns);
	print_confirm(p, a->confirm_ns);
	if (a->lease_ns)
		conf_print_span(p, "lease", a->lease_ns);
	conf_print_pair(p, "fail", daemon_fails[a->fail_closed]);
	conf_print_mapping_end(p);
}

static void print_automatic(struct conf_printer *p, const struct daemon_conf *c)
{
	if (c->n_automatic == 0)
		return;
	conf_print_list(p, "automatic", false);
	for (size_t i = 0; i < c->n_automatic; i++) {
		const struct daemon_automatic *a = &c->automatic[i];
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", a->name);
		conf_print_pair(p, "detection", a->detection);
		print_real(p, "confidence", a->confidence);
		conf_print_pair(p, "cut", daemon_targets[a->target]);
		if (a->lease_ns)
			conf_print_span(p, "lease", a->lease_ns);
		print_confirm(p, a->confirm_ns);
		conf_print_pair(p, "fail", daemon_fails[a->fail_closed]);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_control(struct conf_printer *p, const struct daemon_control *c)
{
	char text[64];
	conf_print_mapping(p, "control");
	conf_print_pair(p, "socket", c->socket);
	for (unsigned role = 0; role < DAEMON_ROLES; role++) {
		conf_print_list(p, daemon_roles[role], true);
		for (size_t i = 0; i < c->n_members[role]; i++) {
			const struct daemon_member *m = &c->members[role][i];
			snprintf(text, sizeof(text), "%s:%s", m->group ? "group" : "user", m->name);
			conf_print_scalar(p, text);
		}
		conf_print_list_end(p);
	}
	conf_print_mapping_end(p);
}

static void print_metrics(struct conf_printer *p, const struct daemon_conf *c)
{
	char addr[NET_ADDR_TEXT_SIZE], text[NET_ADDR_TEXT_SIZE + 16];
	bool v4 = net_addr_is_v4(c->metrics_addr);
	if (c->metrics_port == 0)
		return;
	snprintf(text, sizeof(text), v4 ? "%s:%u" : "[%s]:%u", net_addr_text(c->metrics_addr, addr),
	    c->metrics_port);
	conf_print_mapping(p, "metrics");
	conf_print_pair(p, "listen", text);
	conf_print_mapping_end(p);
}

static void print_outlets(struct conf_printer *p, const struct daemon_conf *c)
{
	print_metrics(p, c);
	if (c->eve_file || c->eve_socket) {
		conf_print_mapping(p, "eve");
		conf_print_pair(p, "file", c->eve_file);
		conf_print_pair(p, "socket", c->eve_socket);
		conf_print_mapping_end(p);
	}
	if (c->n_webhooks == 0)
		return;
	conf_print_list(p, "webhooks", false);
	for (size_t i = 0; i < c->n_webhooks; i++) {
		const struct daemon_webhook *w = &c->webhooks[i];
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "url", w->url);
		conf_print_pair(p, "ca", w->ca);
		conf_print_pair(p, "token_file", w->token_file);
		conf_print_list(p, "about", true);
		if (w->incidents)
			conf_print_scalar(p, daemon_abouts[0]);
		if (w->orders)
			conf_print_scalar(p, daemon_abouts[1]);
		conf_print_list_end(p);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

/* Of `bulkhead enforce`: the rest says nothing there. */
static void print_far(struct conf_printer *p, const struct daemon_conf *c)
{
	conf_print_pair(p, "run_as", c->run_as);
	print_near(p, &c->near);
	print_enforcers(p, c);
	print_guardrails(p, &c->guardrails);
}

static void print_run(struct conf_printer *p, const struct daemon_conf *c)
{
	conf_print_pair(p, "archive", c->archive);
	conf_print_pair(p, "state", c->state);
	conf_print_pair(p, "run_as", c->run_as);
	if (c->keep_ns)
		conf_print_span(p, "keep", c->keep_ns);
	else
		conf_print_pair(p, "keep", "forever");
	conf_print_span(p, "sync", c->sync_ns);
	conf_print_span(p, "verify", c->verify_ns);
	print_links(p, c);
	print_sensor(p, &c->sensor);
	print_enforcers(p, c);
	print_guardrails(p, &c->guardrails);
	print_approval(p, &c->approval);
	conf_print_mapping(p, "ended_orders");
	conf_print_span(p, "keep", c->ended_keep_ns);
	conf_print_number(p, "most", c->ended_most);
	conf_print_mapping_end(p);
	print_automatic(p, c);
	print_control(p, &c->control);
	print_outlets(p, c);
}

int daemon_conf_print(const struct daemon_conf *c, FILE *out)
{
	struct conf_printer p;
	int r = conf_print_begin(&p, out);
	if (r < 0)
		return r;
	conf_print_pair(&p, "version", "1");
	conf_print_pair(&p, "site", c->site);
	if (c->near.port)
		print_far(&p, c);
	else
		print_run(&p, c);
	return conf_print_end(&p);
}
