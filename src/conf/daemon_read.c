/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/daemon_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "conf/document.h"

enum { DAEMON_VERSION = 1 };

#define KEEP_MAX_DAYS INT64_C(36500)

static void read_version(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	char shown[CONF_SHOWN_SIZE];
	(void)into;
	if (value->kind != CONF_SCALAR || !text_equal(value->text, TEXT("1")))
		conf_mistake(&r->report, value, "version \"%s\" is not known; this program reads version %d",
		    conf_shown(value, shown), DAEMON_VERSION);
}

static void read_site(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_file_row(r, value, &r->conf->site);
}

static void read_archive(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_file_row(r, value, &r->conf->archive);
}

static void read_state(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_file_row(r, value, &r->conf->state);
}

static void read_run_as(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	const char *name = conf_name(&r->report, value, "a user's name");
	if (name && strcmp(name, "root") == 0)
		conf_mistake(&r->report, value,
		    "the processes that parse packets don't run as root; name another user");
	else if (name)
		r->conf->run_as = name;
}

static void read_keep(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	if (value->kind == CONF_SCALAR && text_equal(value->text, TEXT("forever")))
		r->conf->keep_ns = 0;
	else
		conf_span(&r->report, value, "a time to keep records (or forever)", "90d", 3600 * NS_PER_S,
		    KEEP_MAX_DAYS * 86400 * NS_PER_S, &r->conf->keep_ns);
}

static void read_sync(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_span(&r->report, value, "a sync interval", "1s", NS_PER_S, 60 * NS_PER_S, &r->conf->sync_ns);
}

static void read_verify(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_span(&r->report, value, "a verification", "3s", NS_PER_S, 600 * NS_PER_S, &r->conf->verify_ns);
}

/* Approval before what is cut without it: that takes its defaults from there. */
static const struct conf_row rows[] = {
    {"version", true, read_version},
    {"site", false, read_site},
    {"archive", false, read_archive},
    {"state", false, read_state},
    {"run_as", false, read_run_as},
    {"keep", false, read_keep},
    {"sync", false, read_sync},
    {"verify", false, read_verify},
    {"links", false, daemon_read_links},
    {"sensor", false, daemon_read_sensor},
    {"enforcers", false, daemon_read_enforcers},
    {"near", false, daemon_read_near},
    {"guardrails", false, daemon_read_guardrails},
    {"approval", false, daemon_read_approval},
    {"ended_orders", false, daemon_read_ended},
    {"automatic", false, daemon_read_automatic},
    {"control", false, daemon_read_control},
    {"metrics", false, daemon_read_metrics},
    {"eve", false, daemon_read_eve},
    {"webhooks", false, daemon_read_webhooks},
};

static const struct conf_document document = {
    .what = "a daemon file", .rows = rows, .n_rows = sizeof(rows) / sizeof(rows[0]), .check = daemon_check};

static const struct daemon_conf defaults = {
    .archive = "/var/lib/bulkhead/archive",
    .state = "/var/lib/bulkhead/state",
    .run_as = "nobody",
    .sensor = {.processes = 1, .ring_mib = 64, .flows_max = 262144, .snapshot_ns = 60 * NS_PER_S},
    .guardrails = {.most_cuts = 10000, .longest_lease_ns = 86400 * NS_PER_S, .most_orders_a_minute = 30},
    .approval = {.persons = 1, .wait_ns = 3600 * NS_PER_S, .confirm_ns = 600 * NS_PER_S},
    .control = {.socket = DAEMON_DEFAULT_SOCKET},
    .ended_keep_ns = 90 * 86400 * NS_PER_S,
    .ended_most = 100000,
    .sync_ns = NS_PER_S,
    .verify_ns = 3 * NS_PER_S,
};

static int new_conf(struct daemon_conf **ret_conf, const char *path)
{
	struct daemon_conf *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = defaults;
	c->arena.max = (size_t)64 << 20;
	c->path = arena_strndup(&c->arena, path, strlen(path));
	struct daemon_member *root = arena_array(&c->arena, 1, sizeof(*root));
	if (!c->path || !root) {
		daemon_conf_free(c);
		return -ENOMEM;
	}
	*root = (struct daemon_member){.name = "root", .id = UINT32_MAX};
	c->control.members[DAEMON_APPROVER] = root;
	c->control.n_members[DAEMON_APPROVER] = 1;
	*ret_conf = c;
	return 0;
}

void daemon_conf_free(struct daemon_conf *c)
{
	if (!c)
		return;
	arena_free(&c->arena);
	free(c);
}

static int parse(struct daemon_reader *r, struct daemon_conf **ret_conf, const char *path, struct text yaml)
{
	uint64_t seed = 0;
	int e = new_conf(&r->conf, path);
	if (e < 0)
		return e;
	r->report.path = path;
	r->report.arena = &r->conf->arena;
	/* without randomness the table works all the same */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	e = table_new(&r->interfaces, DAEMON_INTERFACE_MAX + 1, sizeof(uint32_t),
	    (size_t)DAEMON_LINKS_MAX * DAEMON_INTERFACES_MAX, seed);
	if (e == 0)
		e = conf_document_parse(&document, yaml, r);
	table_free(r->interfaces);
	if (e < 0)
		daemon_conf_free(r->conf);
	else
		*ret_conf = r->conf;
	return e;
}

int daemon_conf_parse(struct daemon_conf **ret_conf, const char *path, struct text yaml,
    const struct site *site, site_diagnostic_fn diagnostic, void *context)
{
	struct daemon_reader r = {.report = {.line = diagnostic, .context = context}, .site = site};
	return parse(&r, ret_conf, path, yaml);
}

int daemon_conf_read(struct daemon_conf **ret_conf, const char *path, const struct site *site,
    site_diagnostic_fn diagnostic, void *context)
{
	struct dynbuf bytes = {0};
	int r = conf_file_bytes(path, &bytes, diagnostic, context);
	if (r == 0)
		r = daemon_conf_parse(ret_conf, path, dynbuf_view(&bytes), site, diagnostic, context);
	dynbuf_free(&bytes);
	return r;
}

int daemon_conf_load(struct daemon_conf **ret_conf, struct site **ret_site, const char *path,
    site_diagnostic_fn diagnostic, void *context)
{
	struct dynbuf bytes = {0};
	struct site *site = NULL;
	struct daemon_reader reader = {.report = {.line = diagnostic, .context = context}, .load = &site};
	int r = conf_file_bytes(path, &bytes, diagnostic, context);
	if (r == 0)
		r = parse(&reader, ret_conf, path, dynbuf_view(&bytes));
	dynbuf_free(&bytes);
	if (r < 0)
		site_free(site);
	else
		*ret_site = site;
	return r;
}

bool daemon_conf_is(struct text yaml)
{
	/* "version" and "links" stand in both */
	static const char *const of_site[] = {"name", "zones", "assets", "services", "never_cut",
	    "enforcement", "indicators", "policy", "ledger"};
	struct arena tree = {.max = (size_t)512 << 20};
	struct conf_node *root;
	struct conf_yaml_error error;
	size_t site = 0, daemon = 0, links = 0;
	bool known = conf_yaml_parse(yaml, &tree, &root, &error) == 0;
	for (size_t i = 0; known && i < sizeof(of_site) / sizeof(of_site[0]); i++)
		site += conf_find(root, of_site[i]) != NULL;
	for (size_t i = 0; known && i < document.n_rows; i++)
		daemon += conf_find(root, rows[i].key) != NULL;
	if (known) {
		links = conf_find(root, "links") != NULL;
		daemon -= links + (conf_find(root, "version") != NULL);
	}
	arena_free(&tree);
	return daemon > site || (site == 0 && links);
}

char *daemon_conf_place(const struct daemon_conf *c, const char *path)
{
	char *place;
	const char *slash = strrchr(c->path, '/');
	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&place, "%.*s/%s", (int)(slash - c->path), c->path, path) < 0)
		return NULL;
	return place;
}
