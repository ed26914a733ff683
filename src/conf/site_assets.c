/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

#include <string.h>

#include "base/num.h"

static const char *const role_names[] = {
#define X(id, name) [SITE_ROLE_BIT_##id] = name,
    SITE_ROLE_LIST(X)
#undef X
};

enum { ROLES = sizeof(role_names) / sizeof(role_names[0]) };

const char *site_role_name(enum site_role_bit bit)
{
	return (size_t)bit < ROLES ? role_names[bit] : "";
}

static void add_addr(struct site_reader *r, const struct conf_node *value, struct site_asset *a)
{
	struct text t;
	struct net_addr addr;
	char shown[CONF_SHOWN_SIZE];
	int fresh = 0;
	if (!conf_scalar(&r->report, value, "an address", "10.30.0.10", &t))
		return;
	if (net_addr_parse(t, &addr) < 0 || net_addr_is_unspecified(addr)) {
		conf_mistake(&r->report, value,
		    "\"%s\" is no address of a machine; write it like 10.30.0.10 or 2001:db8::10",
		    conf_shown(value, shown));
		return;
	}
	struct site_place *place = table_put(r->addrs, &addr, &fresh);
	if (!place) {
		conf_no_memory(&r->report);
	} else if (!fresh) {
		conf_mistake(&r->report, value,
		    "address %s is listed already, in line %u; it belongs to one asset",
		    conf_shown(value, shown), place->line);
	} else {
		*place = (struct site_place){.line = value->line};
		a->addrs[a->n_addrs++] = addr;
	}
}

static void read_addrs(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_asset *a = into;
	if (!conf_list(&r->report, value, "addresses", 1, SITE_ASSET_ADDRS_MAX))
		return;
	a->addrs = conf_array(&r->report, value->n, sizeof(*a->addrs));
	for (size_t i = 0; a->addrs && i < value->n; i++)
		add_addr(r, value->items[i], a);
}

static void add_role(struct site_reader *r, const struct conf_node *value, struct site_asset *a)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE], known[256] = "";
	size_t used = 0;
	if (!conf_scalar(&r->report, value, "a role", "file-server", &t))
		return;
	struct conf_nearest nearest = {.wrong = t};
	for (unsigned i = 0; i < ROLES; i++) {
		if (text_equal(t, text_of(role_names[i]))) {
			if (a->roles & 1u << i)
				conf_mistake(&r->report, value, "role \"%s\" is listed twice; name it once",
				    role_names[i]);
			a->roles |= 1u << i;
			return;
		}
		conf_nearest_add(&nearest, role_names[i]);
		int n = snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", role_names[i]);
		used += n > 0 && (size_t)n < sizeof(known) - used ? (size_t)n : 0;
	}
	if (nearest.name)
		conf_mistake(&r->report, value, "role \"%s\" is not known; did you mean \"%s\"?",
		    conf_shown(value, shown), nearest.name);
	else
		conf_mistake(&r->report, value, "role \"%s\" is not known; the roles are: %s",
		    conf_shown(value, shown), known);
}

static void read_roles(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	if (!conf_list(&r->report, value, "roles", 0, ROLES))
		return;
	for (size_t i = 0; i < value->n; i++)
		add_role(r, value->items[i], into);
}

static const struct conf_row asset_rows[] = {
    {"name", true, conf_name_row},
    {"addresses", true, read_addrs},
    {"roles", false, read_roles},
};

_Static_assert(offsetof(struct site_asset, name) == 0, "read by conf_name_row");

void site_read_assets(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "assets", 0, SITE_ASSETS_MAX))
		return;
	s->assets = conf_array(&r->report, value->n, sizeof(*s->assets));
	for (size_t i = 0; s->assets && i < value->n && !r->report.error; i++)
		conf_read_mapping(
		    &r->report, value->items[i], "an asset", asset_rows, 3, r, &s->assets[s->n_assets++]);
	conf_check_names(&r->report, value, "asset", s->assets, s->n_assets, sizeof(*s->assets));
}
