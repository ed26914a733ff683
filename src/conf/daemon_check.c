/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What must hold between the daemon's file and its site file, and across sections. What a site is asked for
 * is passed over where none is known. */

#include "conf/daemon_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The site that the file names, or a guessed one. */
static void load_site(struct daemon_reader *r, const struct conf_node *root)
{
	const struct conf_node *at = conf_find(root, "site");
	int e;
	if (r->conf->site) {
		char *place = daemon_conf_place(r->conf, r->conf->site);
		e = place ? site_read(r->load, place, r->report.line, r->report.context) : -ENOMEM;
		free(place);
	} else {
		e = site_guess(r->load);
	}
	if (e == -ENOMEM)
		conf_no_memory(&r->report);
	else if (e < 0)
		conf_mistake(
		    &r->report, at, "this site file can't be used; what is wrong with it stands above");
	else
		r->site = *r->load;
}

static void take_defaults(struct daemon_conf *c, const struct site *site)
{
	struct daemon_guardrails *g = &c->guardrails;
	if (site && c->approval.lease_ns == 0)
		c->approval.lease_ns = site->policy.lease_ns;
	if (site && g->widest_v4 == 0)
		g->widest_v4 = site->policy.widest_prefix_v4;
	if (site && g->widest_v6 == 0)
		g->widest_v6 = site->policy.widest_prefix_v6;
	for (size_t i = 0; i < c->n_automatic; i++)
		if (c->automatic[i].lease_ns == 0)
			c->automatic[i].lease_ns = c->approval.lease_ns;
}

/* Where thing i of a section was read, and where one of its values; the mapping itself where it has none. */
static const struct conf_node *item_at(const struct conf_node *root, const char *section, size_t i)
{
	return conf_find(root, section)->items[i];
}

static const struct conf_node *value_at(const struct conf_node *mapping, const char *key)
{
	const struct conf_node *value = conf_find(mapping, key);
	return value ? value : mapping;
}

/* Tells where the site file has nothing of that name; names[k] is the first member of thing k. */
static void check_name(struct daemon_reader *r, const struct conf_node *at, const char *name,
    const char *what, const char *section, const void *things, size_t n, size_t size)
{
	struct conf_nearest nearest = {.wrong = text_of(name)};
	for (size_t i = 0; i < n; i++) {
		const char *known;
		memcpy(&known, (const uint8_t *)things + i * size, sizeof(known));
		if (strcmp(known, name) == 0)
			return;
		conf_nearest_add(&nearest, known);
	}
	if (nearest.name)
		conf_mistake(&r->report, at, "the site file has no %s \"%s\"; did you mean \"%s\"?", what,
		    name, nearest.name);
	else
		conf_mistake(&r->report, at, "the site file has no %s \"%s\"; add it there under %s", what,
		    name, section);
}

static void check_names(struct daemon_reader *r, const struct conf_node *root)
{
	const struct daemon_conf *c = r->conf;
	const struct site *s = r->site;
	/* nobody can name what was guessed */
	if (!s || s->guessed)
		return;
	for (size_t i = 0; i < c->n_links; i++)
		if (c->links[i].name)
			check_name(r, value_at(item_at(root, "links", i), "name"), c->links[i].name, "link",
			    "links", s->links, s->n_links, sizeof(*s->links));
	for (size_t i = 0; i < c->n_enforcers; i++)
		if (c->enforcers[i].name)
			check_name(r, value_at(item_at(root, "enforcers", i), "name"), c->enforcers[i].name,
			    "enforcement point", "enforcement", s->enforcement, s->n_enforcement,
			    sizeof(*s->enforcement));
}

_Static_assert(offsetof(struct site_link, name) == 0 && offsetof(struct site_enforcement, name) == 0,
    "compared by check_name");

/* A lease beyond the guardrail would have every such order refused, and one that is over before the
 * confirmation is due makes that a promise that nobody keeps. */
static void check_lease(struct daemon_reader *r, const struct conf_node *at, const char *whose,
    int64_t lease_ns, int64_t confirm_ns)
{
	char lease[CONF_SPAN_SIZE], other[CONF_SPAN_SIZE];
	int64_t longest_ns = r->conf->guardrails.longest_lease_ns;
	if (lease_ns == 0)
		return;
	conf_span_text(lease_ns, lease);
	if (lease_ns > longest_ns)
		conf_mistake(&r->report, value_at(at, "lease"),
		    "the lease of %s, %s, is beyond guardrails' longest_lease of %s, so each order would be "
		    "refused; shorten the one or lengthen the other",
		    whose, lease, conf_span_text(longest_ns, other));
	if (confirm_ns >= lease_ns)
		conf_mistake(&r->report, value_at(at, "confirm"),
		    "%s may be confirmed within %s, but its lease is over after %s; write a shorter time, or "
		    "none",
		    whose, conf_span_text(confirm_ns, other), lease);
}

static void check_leases(struct daemon_reader *r, const struct conf_node *root)
{
	const struct daemon_conf *c = r->conf;
	size_t mistakes = r->report.mistakes;
	check_lease(r, value_at(root, "approval"), "what persons approve", c->approval.lease_ns,
	    c->approval.confirm_ns);
	for (size_t i = 0; i < c->n_automatic; i++) {
		const struct daemon_automatic *a = &c->automatic[i];
		const struct conf_node *at = item_at(root, "automatic", i);
		/* told once of what a row has from there */
		bool own = conf_find(at, "lease") || conf_find(at, "confirm");
		if (own || r->report.mistakes == mistakes)
			check_lease(r, at, "this row", a->lease_ns, a->confirm_ns);
	}
}

/* A group may be of many; a user is one. */
static size_t most_persons(const struct daemon_control *c)
{
	size_t persons = 0;
	for (size_t i = 0; i < c->n_members[DAEMON_APPROVER]; i++)
		persons += c->members[DAEMON_APPROVER][i].group ? 2 : 1;
	return persons;
}

/* How many items stand there, whatever became of them. */
static size_t items_of(const struct conf_node *list)
{
	if (!list || (list->kind == CONF_SCALAR && list->text.n == 0))
		return 0;
	return list->kind == CONF_SEQUENCE ? list->n : 1;
}

static void check_persons(struct daemon_reader *r, const struct conf_node *root)
{
	const struct daemon_conf *c = r->conf;
	const struct conf_node *control = conf_find(root, "control");
	const struct conf_node *approvers = control ? conf_find(control, "approvers") : NULL;
	size_t persons = most_persons(&c->control);
	/* what was wrong with the list has been told */
	if (approvers && items_of(approvers) != c->control.n_members[DAEMON_APPROVER])
		return;
	if (c->n_enforcers && persons == 0)
		conf_mistake(
		    &r->report, approvers, "nobody may approve or release an order; name an approver");
	else if (c->n_enforcers && persons < c->approval.persons)
		conf_mistake(&r->report, value_at(value_at(root, "approval"), "persons"),
		    "%u persons must approve an order, but %s may; name more users, or a group, under "
		    "control's approvers",
		    c->approval.persons, persons ? "only one" : "nobody");
}

static void check_purpose(struct daemon_reader *r, const struct conf_node *root)
{
	const struct daemon_conf *c = r->conf;
	bool cuts = items_of(conf_find(root, "enforcers")) > 0;
	if (!cuts && items_of(conf_find(root, "links")) == 0)
		conf_mistake(
		    &r->report, root, "there is nothing to do; write links to watch or enforcers to steer");
	if (!cuts && c->n_automatic)
		conf_mistake(&r->report, conf_find(root, "automatic"),
		    "these rows cut nothing without enforcers; add some or leave the rows out");
	if (strcmp(c->archive, c->state) == 0)
		conf_mistake(&r->report, value_at(root, conf_find(root, "state") ? "state" : "archive"),
		    "archive and state are one folder; the orders' database needs its own");
}

void daemon_check(void *reader, const struct conf_node *root)
{
	struct daemon_reader *r = reader;
	if (r->load)
		load_site(r, root);
	if (r->report.error)
		return;
	take_defaults(r->conf, r->site);
	check_names(r, root);
	daemon_check_guardrails(r, root);
	if (r->conf->near.port || conf_find(root, "near")) {
		daemon_check_near(r, root);
		return;
	}
	check_purpose(r, root);
	check_leases(r, root);
	check_persons(r, root);
}
