/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes give a configuration or at least one mistake, beside a site or without one; a configuration
 * prints back to a file that reads as the same. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/daemon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char site_yaml[] =
    "version: 1\nname: s\nzones: [{name: a, class: internal, prefixes: [10.0.0.0/8]}, {name: b, class: "
    "external, "
    "prefixes: [0.0.0.0/0]}]\nenforcement: [{name: border, kind: nftables, between: [a, b]}]\n"
    "links: [{name: uplink, zones: [a]}]\nnever_cut: [128.0.0.0/1]\npolicy: {lease: 2h}\n";

static void count(void *context, const char *line)
{
	assert(strlen(line) > 5);
	++*(size_t *)context;
}

static char *print(const struct daemon_conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	assert(f && daemon_conf_print(c, f) == 0);
	fclose(f);
	return text;
}

static void try(struct text yaml, const struct site *site)
{
	struct daemon_conf *c, *again;
	size_t mistakes = 0;
	int r = daemon_conf_parse(&c, "fuzz.yaml", yaml, site, count, &mistakes);
	assert((r == 0) == (mistakes == 0));
	if (r < 0) {
		assert(r == -ERR_INVALID);
		return;
	}
	char *once = print(c);
	r = daemon_conf_parse(&again, "printed.yaml", text_of(once), site, count, &mistakes);
	assert(r == 0);
	char *twice = print(again);
	assert(strcmp(once, twice) == 0);
	free(once);
	free(twice);
	daemon_conf_free(c);
	daemon_conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site *site;
	size_t mistakes = 0;
	struct text yaml = text_bytes(data, size);
	if (!site)
		assert(site_parse(&site, "site.yaml", TEXT(site_yaml), count, &mistakes) == 0);
	try(yaml, NULL);
	try(yaml, site);
	(void)daemon_conf_is(yaml);
	return 0;
}
