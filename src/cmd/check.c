/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "conf/site.h"

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int run(int argc, char **argv)
{
	bool print = false;
	const char *path = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print") == 0)
			print = true;
		else if (argv[i][0] == '-' || path)
			return cmd_usage(&cmd_check, "'%s' is not understood", argv[i]);
		else
			path = argv[i];
	}
	if (!path)
		return cmd_usage(&cmd_check, "which file?");
	struct site *site;
	int r = site_read(&site, path, print_line, NULL);
	if (r < 0)
		return CMD_EXIT_USAGE;
	if (print)
		r = site_print(site, stdout);
	else
		printf("%s: fine: %zu zones, %zu assets, %zu services, %zu enforcement points, %zu links\n",
		    path, net_zone_count(site->zones), site->n_assets, site->n_services, site->n_enforcement,
		    site->n_links);
	site_free(site);
	return r < 0 || fflush(stdout) != 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

const struct cmd_verb cmd_check = {
    .name = "check",
    .arguments = "[--print] SITE",
    .summary = "Check a site file and say what is wrong, line by line",
    .help = "  --print    print the file back as it was understood\n\n"
            "Exit code: 0 the file is fine, 2 it has mistakes.\n\n"
            "Example:\n  bulkhead check site.yaml\n",
    .run = run,
};
