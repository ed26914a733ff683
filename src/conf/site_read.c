/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/timefmt.h"
#include "conf/document.h"

enum { SITE_VERSION = 1 };

const struct site_policy site_default_policy = {
    .lease_ns = 4 * 3600 * NS_PER_S, .max_cuts = 64, .widest_prefix_v4 = 16, .widest_prefix_v6 = 48};

static void read_version(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	char shown[CONF_SHOWN_SIZE];
	(void)into;
	if (value->kind != CONF_SCALAR || !text_equal(value->text, TEXT("1")))
		conf_mistake(&r->report, value, "version \"%s\" is not known; this program reads version %d",
		    conf_shown(value, shown), SITE_VERSION);
}

static void read_site_name(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	(void)into;
	const char *name = conf_name(&r->report, value, "the site's name");
	if (name)
		r->site->name = name;
}

/* Zones first: the rest names them. */
static const struct conf_row site_rows[] = {
    {"version", true, read_version},
    {"name", true, read_site_name},
    {"zones", true, site_read_zones},
    {"assets", false, site_read_assets},
    {"services", false, site_read_services},
    {"never_cut", false, site_read_never_cut},
    {"enforcement", false, site_read_enforcement},
    {"links", false, site_read_links},
    {"indicators", false, site_read_indicators},
    {"policy", false, site_read_policy},
    {"ledger", false, site_read_ledger},
};

static const struct conf_document document = {
    .what = "a site", .rows = site_rows, .n_rows = sizeof(site_rows) / sizeof(site_rows[0])};

static int new_site(struct site **ret_site, const char *path)
{
	struct site *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->arena.max = (size_t)256 << 20;
	s->name = "";
	s->policy = site_default_policy;
	s->path = arena_strndup(&s->arena, path, strlen(path));
	int r = s->path ? net_zone_map_new(&s->zones) : -ENOMEM;
	if (r < 0) {
		site_free(s);
		return r;
	}
	*ret_site = s;
	return 0;
}

void site_free(struct site *s)
{
	if (!s)
		return;
	net_zone_map_free(s->zones);
	arena_free(&s->arena);
	free(s);
}

int site_parse(
    struct site **ret_site, const char *path, struct text yaml, site_diagnostic_fn diagnostic, void *context)
{
	struct site_reader r = {.report = {.path = path, .line = diagnostic, .context = context}};
	uint64_t seed = 0;
	int e = new_site(&r.site, path);
	if (e < 0)
		return e;
	r.report.arena = &r.site->arena;
	/* without randomness the tables work all the same */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	e = table_new(
	    &r.prefixes, sizeof(struct net_prefix), sizeof(struct site_place), SITE_PREFIXES_MAX, seed);
	if (e == 0)
		e = table_new(&r.addrs, sizeof(struct net_addr), sizeof(struct site_place),
		    (size_t)SITE_ASSETS_MAX * SITE_ASSET_ADDRS_MAX, seed);
	if (e == 0)
		e = conf_document_parse(&document, yaml, &r);
	table_free(r.prefixes);
	table_free(r.addrs);
	if (e < 0) {
		site_free(r.site);
		return e;
	}
	*ret_site = r.site;
	return 0;
}

int site_read(struct site **ret_site, const char *path, site_diagnostic_fn diagnostic, void *context)
{
	struct dynbuf bytes = {0};
	int r = conf_file_bytes(path, &bytes, diagnostic, context);
	if (r == 0)
		r = site_parse(ret_site, path, dynbuf_view(&bytes), diagnostic, context);
	dynbuf_free(&bytes);
	return r;
}
