/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who cuts: enforcers. */

#include "conf/daemon_reader.h"

#include <string.h>

static void read_backend(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_enforcer *e = into;
	unsigned word;
	if (daemon_word(reader, value, "a backend", daemon_backends, 3, &word))
		e->backend = (enum daemon_backend)word;
}

static void read_hooks(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_enforcer *e = into;
	daemon_words(reader, value, "a hook", daemon_hooks, 3, &e->hooks);
}

static bool is_listed(const struct daemon_enforcer *e, const char *interface)
{
	for (size_t i = 0; i < e->n_interfaces; i++)
		if (strcmp(e->interfaces[i], interface) == 0)
			return true;
	return false;
}

static void read_interfaces(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	struct daemon_enforcer *e = into;
	if (!conf_list(r, value, "interfaces", 1, DAEMON_INTERFACES_MAX))
		return;
	e->interfaces = conf_array(r, value->n, sizeof(*e->interfaces));
	for (size_t i = 0; e->interfaces && i < value->n; i++) {
		const char *name = daemon_interface(r, value->items[i]);
		if (name && is_listed(e, name))
			conf_mistake(
			    r, value->items[i], "interface \"%s\" is listed twice; name it once", name);
		else if (name)
			e->interfaces[e->n_interfaces++] = name;
	}
}

static bool is_table_letter(char c, bool first)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return letter || (!first && ((c >= '0' && c <= '9') || c == '_' || c == '-'));
}

static void read_table(void *reader, const struct conf_node *value, void *into)
{
	enum { TABLE_MAX = 63 };
	struct conf_report *r = reader;
	struct daemon_enforcer *e = into;
	char shown[CONF_SHOWN_SIZE];
	struct text t;
	if (!conf_scalar(r, value, "a table's name", DAEMON_DEFAULT_TABLE, &t))
		return;
	bool good = t.n <= TABLE_MAX;
	for (size_t i = 0; i < t.n; i++)
		good = good && is_table_letter(t.p[i], i == 0);
	if (!good) {
		conf_mistake(r, value,
		    "\"%s\" can't name a table; write a letter and then letters, digits, \"_\" and \"-\", %d "
		    "at most",
		    conf_shown(value, shown), TABLE_MAX);
		return;
	}
	e->table = arena_strndup(r->arena, t.p, t.n);
	if (!e->table)
		conf_no_memory(r);
}

static void read_on_cut(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_enforcer *e = into;
	unsigned word;
	if (daemon_word(reader, value, "what to do on a cut", daemon_on_cuts, 2, &word))
		e->reset = word == 1;
}

static void read_lease(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_enforcer *e = into;
	conf_span(reader, value, "an enforcer's lease", "30s", 5 * NS_PER_S, 3600 * NS_PER_S, &e->lease_ns);
}

static const struct conf_row rows[] = {
    {"name", true, conf_name_row},
    {"remote", false, daemon_read_remote},
    {"backend", false, read_backend},
    {"hooks", false, read_hooks},
    {"interfaces", false, read_interfaces},
    {"table", false, read_table},
    {"on_cut", false, read_on_cut},
    {"lease", false, read_lease},
    {"bgp", false, daemon_read_bgp},
};

_Static_assert(offsetof(struct daemon_enforcer, name) == 0, "read by conf_name_row");

enum {
	NFTABLES = 1 << DAEMON_BACKEND_NFTABLES,
	XDP = 1 << DAEMON_BACKEND_XDP,
	BGP = 1 << DAEMON_BACKEND_BGP
};

/* Which backends a key says something to. */
static const struct {
	const char *key;
	unsigned backends;
} keys[] = {{"backend", NFTABLES | XDP | BGP}, {"hooks", NFTABLES}, {"interfaces", NFTABLES | XDP},
    {"table", NFTABLES}, {"on_cut", NFTABLES}, {"lease", NFTABLES | XDP}, {"bgp", BGP}};

/* What is another's to say, or nobody's here. */
static void check_keys(struct daemon_reader *r, const struct conf_node *node, const struct daemon_enforcer *e)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct conf_node *at = conf_find(node, keys[i].key);
		if (!at)
			continue;
		if (e->is_remote)
			conf_mistake(&r->report, at,
			    "\"%s\" stands in the far side's own file; leave it out beside \"remote\"",
			    keys[i].key);
		else if (!(keys[i].backends & 1u << e->backend))
			conf_mistake(&r->report, at, "\"%s\" says nothing to backend %s; leave it out%s",
			    keys[i].key, daemon_backends[e->backend],
			    e->backend == DAEMON_BACKEND_BGP && strcmp(keys[i].key, "lease") == 0
			        ? ": the lease of BGP is its hold time"
			        : "");
	}
}

static void check_backend(
    struct daemon_reader *r, const struct conf_node *node, const struct daemon_enforcer *e)
{
	bool ingress = e->backend == DAEMON_BACKEND_NFTABLES && e->hooks & DAEMON_HOOK_INGRESS;
	const struct conf_node *interfaces = conf_find(node, "interfaces");
	if (e->backend == DAEMON_BACKEND_BGP && !conf_find(node, "bgp"))
		conf_mistake(&r->report, node, "backend bgp wants \"bgp\": with whom to speak");
	if ((ingress || e->backend == DAEMON_BACKEND_XDP) && !interfaces)
		conf_mistake(&r->report, node, "%s wants \"interfaces\": where to attach",
		    ingress ? "the ingress hook" : "backend xdp");
	if (e->backend == DAEMON_BACKEND_NFTABLES && !ingress && interfaces)
		conf_mistake(&r->report, interfaces,
		    "interfaces are the ingress hook's; add that to hooks or leave them out");
	if (e->reset && !(e->hooks & DAEMON_HOOK_ROUTED))
		conf_mistake(&r->report, conf_find(node, "on_cut"),
		    "only the routed hook can send resets; add it to hooks or write drop");
}

static void read_enforcer(struct daemon_reader *r, const struct conf_node *node, struct daemon_enforcer *e)
{
	size_t mistakes = r->report.mistakes;
	e->hooks = DAEMON_HOOK_ROUTED;
	e->table = DAEMON_DEFAULT_TABLE;
	e->lease_ns = DAEMON_DEFAULT_LEASE;
	conf_read_mapping(&r->report, node, "an enforcer", rows, 9, r, e);
	if (r->report.mistakes > mistakes)
		return;
	if (!e->is_remote && !conf_find(node, "backend")) {
		conf_mistake(
		    &r->report, node, "an enforcer lacks \"backend\": nftables, xdp or bgp (or \"remote\")");
		return;
	}
	check_keys(r, node, e);
	if (!e->is_remote && r->report.mistakes == mistakes)
		check_backend(r, node, e);
	if (e->backend == DAEMON_BACKEND_BGP)
		e->lease_ns = e->bgp.hold_ns;
}

/* What two of them would quarrel about; NULL: nothing. */
static const char *shared(const struct daemon_enforcer *a, const struct daemon_enforcer *b)
{
	if (a->is_remote != b->is_remote)
		return NULL;
	if (a->is_remote)
		return net_addr_equal(a->remote.address, b->remote.address) &&
		               a->remote.port == b->remote.port
		           ? "address and port"
		           : NULL;
	if (a->backend != b->backend)
		return NULL;
	switch (a->backend) {
	case DAEMON_BACKEND_NFTABLES: return strcmp(a->table, b->table) == 0 ? "table" : NULL;
	case DAEMON_BACKEND_XDP:
		for (size_t i = 0; i < b->n_interfaces; i++)
			if (is_listed(a, b->interfaces[i]))
				return "interface";
		return NULL;
	case DAEMON_BACKEND_BGP:
		return net_addr_equal(a->bgp.peer, b->bgp.peer) && a->bgp.port == b->bgp.port ? "peer" : NULL;
	}
	return NULL;
}

static void check_shared(
    struct daemon_reader *r, const struct conf_node *list, const struct daemon_enforcer *all, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			const char *what = shared(&all[k], &all[i]);
			if (!what)
				continue;
			conf_mistake(&r->report, list->items[i],
			    "this enforcer has the %s of the one in line %u; give it another one", what,
			    list->items[k]->line);
			break;
		}
	}
}

void daemon_read_enforcers(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_conf *c = r->conf;
	(void)into;
	if (!conf_list(&r->report, value, "enforcers", 0, DAEMON_ENFORCERS_MAX))
		return;
	size_t mistakes = r->report.mistakes;
	c->enforcers = conf_array(&r->report, value->n, sizeof(*c->enforcers));
	for (size_t i = 0; c->enforcers && i < value->n && !r->report.error; i++)
		read_enforcer(r, value->items[i], &c->enforcers[c->n_enforcers++]);
	if (c->enforcers && r->report.mistakes == mistakes)
		check_shared(r, value, c->enforcers, c->n_enforcers);
	conf_check_names(&r->report, value, "enforcer", c->enforcers, c->n_enforcers, sizeof(*c->enforcers));
}
