/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/document.h"

enum kind { KIND_BY_CONTENT, KIND_SITE, KIND_DAEMON };

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static void ignore_line(void *context, const char *line)
{
	(void)context;
	(void)line;
}

/* What can't be read is for the site's reader to tell. */
static enum kind kind_of(const char *path)
{
	struct dynbuf bytes = {0};
	int r = conf_file_bytes(path, &bytes, ignore_line, NULL);
	enum kind kind = r == 0 && daemon_conf_is(dynbuf_view(&bytes)) ? KIND_DAEMON : KIND_SITE;
	dynbuf_free(&bytes);
	return kind;
}

static void print_site(const char *path, const struct site *s)
{
	printf("%s: fine: %zu zones, %zu assets, %zu services, %zu enforcement points, %zu links\n", path,
	    net_zone_count(s->zones), s->n_assets, s->n_services, s->n_enforcement, s->n_links);
}

static int check_site(const char *path, bool print)
{
	struct site *site;
	if (site_read(&site, path, print_line, NULL) < 0)
		return CMD_EXIT_USAGE;
	int r = print ? site_print(site, stdout) : 0;
	if (!print)
		print_site(path, site);
	site_free(site);
	return r < 0 || fflush(stdout) != 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

static int check_daemon(const char *path, bool print)
{
	struct daemon_conf *conf;
	struct site *site;
	if (daemon_conf_load(&conf, &site, path, print_line, NULL) < 0)
		return CMD_EXIT_USAGE;
	int r = print ? daemon_conf_print(conf, stdout) : 0;
	if (!print) {
		printf("%s: fine: %zu links, %zu enforcers, %zu automatic rows\n", path, conf->n_links,
		    conf->n_enforcers, conf->n_automatic);
		if (site->guessed)
			printf("%s: names no site file; zones are guessed\n", path);
		else
			print_site(site->path, site);
	}
	daemon_conf_free(conf);
	site_free(site);
	return r < 0 || fflush(stdout) != 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

static int run(int argc, char **argv)
{
	bool print = false;
	enum kind kind = KIND_BY_CONTENT;
	const char *path = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print") == 0)
			print = true;
		else if (strcmp(argv[i], "--site") == 0 && kind != KIND_DAEMON)
			kind = KIND_SITE;
		else if (strcmp(argv[i], "--daemon") == 0 && kind != KIND_SITE)
			kind = KIND_DAEMON;
		else if (argv[i][0] == '-' || path)
			return cmd_usage(&cmd_check, "'%s' is not understood", argv[i]);
		else
			path = argv[i];
	}
	if (!path)
		return cmd_usage(&cmd_check, "which file?");
	if (kind == KIND_BY_CONTENT)
		kind = kind_of(path);
	return kind == KIND_DAEMON ? check_daemon(path, print) : check_site(path, print);
}

const struct cmd_verb cmd_check = {
    .name = "check",
    .arguments = "[--print] [--site | --daemon] FILE",
    .summary = "Check a site or daemon file and say what is wrong, line by line",
    .help = "Which of the two a file is shows in its keys. With a daemon file the site file that it names is "
            "checked too, and\n"
            "each against the other.\n\n"
            "  --print    print the file back as it was understood, with what it left out\n"
            "  --site     it is a site file\n"
            "  --daemon   it is a daemon file\n\n"
            "Exit code: 0 the file is fine, 2 it has mistakes.\n\n"
            "Example:\n  bulkhead check /etc/bulkhead/bulkhead.yaml\n",
    .run = run,
};
