/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/results.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/files.h"
#include "enforce/nft.h"
#include "exchange/exchange.h"

/* What the renderers are given. */
struct results {
	const struct site *site;
	const struct report_case *c;
	int64_t made;
	size_t plan; /* for render_plan */
};

static int render_site(void *context, FILE *out)
{
	const struct results *r = context;
	return site_print(r->site, out);
}

static int render_html(void *context, FILE *out)
{
	const struct results *r = context;
	return report_html(r->c, out);
}

static int render_json(void *context, FILE *out)
{
	const struct results *r = context;
	return report_json_case(r->c, out);
}

static int render_stix(void *context, FILE *out)
{
	const struct results *r = context;
	struct exchange_incident i = {0};
	if (r->c->n_incidents) {
		const struct report_incident *from = &r->c->incidents[0];
		i = (struct exchange_incident){.incident = from->incident,
		    .spread = from->spread,
		    .plans = from->plans,
		    .exposures = from->exposures,
		    .n_exposures = from->n_exposures};
	}
	return exchange_stix(
	    &i, r->c->assets, r->c->zones, r->c->archive, r->site->name, MSG_TLP_AMBER, r->made, out);
}

static int render_plan(void *context, FILE *out)
{
	const struct results *r = context;
	return enforce_nft_print(&r->c->incidents[0].plans[r->plan], r->c->zones, r->site->never_cut,
	    r->site->n_never_cut, r->c->incidents[0].incident->id, out);
}

static int write_one(const char *folder, const char *name, file_render_fn render, struct results *r)
{
	int error = file_write(folder, name, render, r);
	if (error < 0)
		log_error("%s/%s could not be written: %s", folder, name, err_text(error));
	return error;
}

int results_write_site(const char *folder, const struct site *site)
{
	struct results r = {.site = site};
	return site->guessed ? 0 : write_one(folder, CASE_SITE, render_site, &r);
}

int results_write(const char *folder, const struct site *site, const struct report_case *c, int64_t made)
{
	struct results r = {.site = site, .c = c, .made = made};
	int error = write_one(folder, "incident.json", render_json, &r);
	if (error == 0)
		error = write_one(folder, "incident.stix.json", render_stix, &r);
	for (size_t i = 0; error == 0 && c->n_incidents && i < PLAN_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "plan-%s.nft", plan_name_text((enum plan_name)i));
		r.plan = i;
		error = write_one(folder, name, render_plan, &r);
	}
	if (error == 0)
		error = write_one(folder, "report.html", render_html, &r);
	return error;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

int results_site(const char *folder, struct site **ret_site)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", folder, CASE_SITE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return access(path, F_OK) < 0 ? site_guess(ret_site) : site_read(ret_site, path, print_line, NULL);
}
