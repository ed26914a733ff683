/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file of `bulkhead enforce`: who steers the enforcer of this machine from another one. */

#include "conf/daemon_reader.h"

#include <string.h>

static void read_listen(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_near *n = into;
	daemon_endpoint(reader, value, &n->address, &n->port);
}

static void read_names(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	struct daemon_near *n = into;
	if (!conf_list(r, value, "names in the near side's certificate", 1, DAEMON_NEAR_NAMES_MAX))
		return;
	n->names = conf_array(r, value->n, sizeof(*n->names));
	for (size_t i = 0; n->names && i < value->n; i++) {
		const char *name = conf_name(r, value->items[i], "a name in the near side's certificate");
		bool known = false;
		for (size_t k = 0; name && k < n->n_names; k++)
			known = known || strcmp(n->names[k], name) == 0;
		if (known)
			conf_mistake(r, value->items[i], "\"%s\" is listed twice; name it once", name);
		else if (name)
			n->names[n->n_names++] = name;
	}
}

static void read_certificate(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_near *n = into;
	conf_file_row(reader, value, &n->certificate);
}

static void read_key(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_near *n = into;
	conf_file_row(reader, value, &n->key);
}

static void read_ca(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_near *n = into;
	conf_file_row(reader, value, &n->ca);
}

static const struct conf_row rows[] = {
    {"listen", true, read_listen},
    {"names", true, read_names},
    {"certificate", true, read_certificate},
    {"key", true, read_key},
    {"ca", true, read_ca},
};

void daemon_read_near(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "near", rows, sizeof(rows) / sizeof(rows[0]), r, &r->conf->near);
}

/* What nobody at the far side asks for. */
static const char *const keys_of_run[] = {"archive", "state", "keep", "sync", "verify", "links", "sensor",
    "approval", "automatic", "control", "metrics", "eve", "webhooks"};

static void check_enforcers(struct daemon_reader *r, const struct conf_node *root)
{
	const struct conf_node *list = conf_find(root, "enforcers");
	const struct daemon_conf *c = r->conf;
	size_t n = list && list->kind == CONF_SEQUENCE ? list->n : 0;
	if (n != 1)
		conf_mistake(&r->report, list ? list : root,
		    "beside \"near\" there is one enforcer, not %zu; each has a process and a file of its "
		    "own",
		    n);
	else if (c->n_enforcers && c->enforcers[0].is_remote)
		conf_mistake(&r->report, list->items[0],
		    "an enforcer that is steered from elsewhere does its cuts here; write a backend instead "
		    "of \"remote\"");
}

void daemon_check_near(struct daemon_reader *r, const struct conf_node *root)
{
	for (size_t i = 0; i < sizeof(keys_of_run) / sizeof(keys_of_run[0]); i++) {
		const struct conf_node *at = conf_find(root, keys_of_run[i]);
		if (at)
			conf_mistake(&r->report, at,
			    "\"%s\" says nothing beside \"near\": it is for bulkhead run; leave it out",
			    keys_of_run[i]);
	}
	check_enforcers(r, root);
	const struct conf_node *guardrails = conf_find(root, "guardrails");
	/* who connects from elsewhere isn't listened to, since a cut could take the way to him */
	if (r->conf->guardrails.n_control == 0 && !net_addr_is_loopback(r->conf->near.address) &&
	    !(guardrails && conf_find(guardrails, "control")))
		conf_mistake(&r->report, guardrails ? guardrails : root,
		    "guardrails lacks \"control\": the addresses that the near side connects from");
}
