/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UNIT_CONF_DAEMON_SAME_H
#define UNIT_CONF_DAEMON_SAME_H

/* Collecting mistakes, comparing two daemon configurations member by member, and printing one. To be included
 * after cmocka.h. */

#include <stdio.h>
#include <stdlib.h>

#include "base/dynbuf.h"
#include "conf/daemon.h"

static inline void collect(void *context, const char *line)
{
	struct dynbuf *lines = context;
	dynbuf_str(lines, line);
	dynbuf_u8(lines, '\n');
}

static inline void same_text(const char *a, const char *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (a)
		assert_string_equal(a, b);
}

static inline void same_texts(const char *const *a, size_t n, const char *const *b, size_t m)
{
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(a[i], b[i]);
}

static inline void same_addr(struct net_addr a, struct net_addr b)
{
	assert_memory_equal(&a, &b, sizeof(a));
}

static inline void same_prefixes(const struct net_prefix *a, size_t n, const struct net_prefix *b, size_t m)
{
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++) {
		same_addr(a[i].addr, b[i].addr);
		assert_int_equal(a[i].bits, b[i].bits);
	}
}

static inline void same_links(const struct daemon_conf *a, const struct daemon_conf *b)
{
	assert_int_equal(a->n_links, b->n_links);
	for (size_t i = 0; i < a->n_links; i++) {
		const struct daemon_link *x = &a->links[i], *y = &b->links[i];
		same_text(x->name, y->name);
		same_texts(x->interfaces, x->n_interfaces, y->interfaces, y->n_interfaces);
		same_text(x->capture, y->capture);
		assert_true(x->speed == y->speed);
		assert_int_equal(x->place, y->place);
	}
	assert_int_equal(a->sensor.processes, b->sensor.processes);
	assert_int_equal(a->sensor.ring_mib, b->sensor.ring_mib);
	assert_int_equal(a->sensor.flows_max, b->sensor.flows_max);
	assert_true(a->sensor.snapshot_ns == b->sensor.snapshot_ns);
}

static inline void same_bgp(const struct daemon_bgp *a, const struct daemon_bgp *b)
{
	same_addr(a->peer, b->peer);
	assert_int_equal(a->port, b->port);
	same_addr(a->local, b->local);
	assert_int_equal(a->local_as, b->local_as);
	assert_int_equal(a->peer_as, b->peer_as);
	same_addr(a->router_id, b->router_id);
	assert_true(a->hold_ns == b->hold_ns);
	assert_int_equal(a->announce, b->announce);
	same_addr(a->next_hop_v4, b->next_hop_v4);
	same_addr(a->next_hop_v6, b->next_hop_v6);
}

static inline void same_enforcers(const struct daemon_conf *a, const struct daemon_conf *b)
{
	assert_int_equal(a->n_enforcers, b->n_enforcers);
	for (size_t i = 0; i < a->n_enforcers; i++) {
		const struct daemon_enforcer *x = &a->enforcers[i], *y = &b->enforcers[i];
		same_text(x->name, y->name);
		assert_int_equal(x->is_remote, y->is_remote);
		same_addr(x->remote.address, y->remote.address);
		assert_int_equal(x->remote.port, y->remote.port);
		same_text(x->remote.name, y->remote.name);
		same_text(x->remote.certificate, y->remote.certificate);
		same_text(x->remote.key, y->remote.key);
		same_text(x->remote.ca, y->remote.ca);
		assert_int_equal(x->backend, y->backend);
		assert_int_equal(x->hooks, y->hooks);
		same_texts(x->interfaces, x->n_interfaces, y->interfaces, y->n_interfaces);
		same_text(x->table, y->table);
		assert_int_equal(x->reset, y->reset);
		assert_true(x->lease_ns == y->lease_ns);
		same_bgp(&x->bgp, &y->bgp);
	}
}

static inline void same_near(const struct daemon_near *a, const struct daemon_near *b)
{
	same_addr(a->address, b->address);
	assert_int_equal(a->port, b->port);
	same_texts(a->names, a->n_names, b->names, b->n_names);
	same_text(a->certificate, b->certificate);
	same_text(a->key, b->key);
	same_text(a->ca, b->ca);
}

static inline void same_policy(const struct daemon_conf *a, const struct daemon_conf *b)
{
	const struct daemon_guardrails *g = &a->guardrails, *h = &b->guardrails;
	same_prefixes(g->never_cut, g->n_never_cut, h->never_cut, h->n_never_cut);
	same_prefixes(g->control, g->n_control, h->control, h->n_control);
	assert_int_equal(g->n_pass, h->n_pass);
	for (size_t i = 0; i < g->n_pass; i++) {
		same_prefixes(&g->pass[i].prefix, 1, &h->pass[i].prefix, 1);
		assert_int_equal(g->pass[i].protocol, h->pass[i].protocol);
		assert_int_equal(g->pass[i].port, h->pass[i].port);
	}
	assert_int_equal(g->widest_v4, h->widest_v4);
	assert_int_equal(g->widest_v6, h->widest_v6);
	assert_int_equal(g->most_cuts, h->most_cuts);
	assert_true(g->longest_lease_ns == h->longest_lease_ns);
	assert_int_equal(g->most_orders_a_minute, h->most_orders_a_minute);
	assert_int_equal(a->approval.persons, b->approval.persons);
	assert_true(a->approval.wait_ns == b->approval.wait_ns);
	assert_true(a->approval.confirm_ns == b->approval.confirm_ns);
	assert_true(a->approval.lease_ns == b->approval.lease_ns);
	assert_int_equal(a->approval.fail_closed, b->approval.fail_closed);
	assert_int_equal(a->n_automatic, b->n_automatic);
	for (size_t i = 0; i < a->n_automatic; i++) {
		const struct daemon_automatic *x = &a->automatic[i], *y = &b->automatic[i];
		same_text(x->name, y->name);
		same_text(x->detection, y->detection);
		assert_true(x->confidence == y->confidence);
		assert_int_equal(x->target, y->target);
		assert_true(x->lease_ns == y->lease_ns);
		assert_true(x->confirm_ns == y->confirm_ns);
		assert_int_equal(x->fail_closed, y->fail_closed);
	}
}

static inline void same_outlets(const struct daemon_conf *a, const struct daemon_conf *b)
{
	same_text(a->control.socket, b->control.socket);
	for (size_t role = 0; role < DAEMON_ROLES; role++) {
		assert_int_equal(a->control.n_members[role], b->control.n_members[role]);
		for (size_t i = 0; i < a->control.n_members[role]; i++) {
			const struct daemon_member *x = &a->control.members[role][i];
			const struct daemon_member *y = &b->control.members[role][i];
			assert_int_equal(x->group, y->group);
			same_text(x->name, y->name);
			assert_int_equal(x->id, y->id);
		}
	}
	same_addr(a->metrics_addr, b->metrics_addr);
	assert_int_equal(a->metrics_port, b->metrics_port);
	same_text(a->eve_file, b->eve_file);
	same_text(a->eve_socket, b->eve_socket);
	assert_int_equal(a->n_webhooks, b->n_webhooks);
	for (size_t i = 0; i < a->n_webhooks; i++) {
		same_text(a->webhooks[i].url, b->webhooks[i].url);
		same_text(a->webhooks[i].ca, b->webhooks[i].ca);
		same_text(a->webhooks[i].token_file, b->webhooks[i].token_file);
		assert_int_equal(a->webhooks[i].incidents, b->webhooks[i].incidents);
		assert_int_equal(a->webhooks[i].orders, b->webhooks[i].orders);
	}
}

static inline void same_conf(const struct daemon_conf *a, const struct daemon_conf *b)
{
	same_text(a->site, b->site);
	same_text(a->archive, b->archive);
	same_text(a->state, b->state);
	same_text(a->run_as, b->run_as);
	assert_true(a->keep_ns == b->keep_ns);
	assert_true(a->sync_ns == b->sync_ns);
	assert_true(a->verify_ns == b->verify_ns);
	same_links(a, b);
	same_enforcers(a, b);
	same_near(&a->near, &b->near);
	same_policy(a, b);
	same_outlets(a, b);
}

static inline char *printed_conf(const struct daemon_conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	assert_int_equal(daemon_conf_print(c, f), 0);
	fclose(f);
	return text;
}

#endif
