/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/run.h"
#include "live/process.h"

#define DEFAULT_CONF "/etc/bulkhead/bulkhead.yaml"

int run_parent(const struct cmd_verb *v, struct parent_options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	    {"sandbox", required_argument, NULL, 's'}, {"debug", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "c:d", longs, NULL)) != -1;) {
		switch (c) {
		case 'c': o->conf = optarg; break;
		case 's':
			if (sandbox_level_parse(optarg, &o->sandbox) < 0)
				return cmd_usage(
				    v, "--sandbox is all, no-landlock, no-seccomp or none, not '%s'", optarg);
			break;
		case 'd': log_set_level(LOG_LEVEL_DEBUG); break;
		default: return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return cmd_usage(v, "'%s' is one argument too many", argv[optind]);
	return parent_run(o);
}

static int run(int argc, char **argv)
{
	struct parent_options o = {.conf = DEFAULT_CONF, .sandbox = SANDBOX_LEVEL_ALL};
	return run_parent(&cmd_run, &o, argc, argv);
}

const struct cmd_verb cmd_run = {
    .name = "run",
    .arguments = "[-c bulkhead.yaml]",
    .summary = "Live: watch, decide, cut, verify, release (doc/live.md)",
    .help = "Watches links as they carry traffic, cuts off what policy or people order, verifies and gives "
            "back.\n"
            "Stays in the foreground and logs to standard error.\n\n"
            "  -c, --config FILE   the daemon's file (doc/daemon.md); default " DEFAULT_CONF "\n"
            "      --sandbox LEVEL all (default), no-landlock, no-seccomp or none: for debugging\n"
            "  -d, --debug         more words\n\n"
            "SIGHUP, or bulkhead reload, takes the configuration anew, whole or not at all; SIGTERM ends it. "
            "Cuts\n"
            "that don't fail closed end with their lease then.\n\n"
            "Exit code: 0 ended as asked, 2 usage or a configuration with mistakes, 4 it could not begin.\n\n"
            "Example:\n  bulkhead run -c /etc/bulkhead/bulkhead.yaml\n",
    .run = run,
};

/* What the parent executes: which process to be. */
static int process(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(uint16_t index);
	} processes[] = {
	    {"sensor", sensor_process},
	    {"engine", engine_process},
	    {"archivist", archivist_process},
	    {"planner", planner_process},
	    {"enforcer", enforcer_process},
	    {"gateway", gateway_process},
	    {"courier", courier_process},
	    {"link", link_process},
	};
	uint64_t index;
	if (argc != 3 || num_parse_u64(text_of(argv[2]), UINT16_MAX, &index) < 0)
		return cmd_usage(&cmd_process, "this is for `bulkhead run` alone");
	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++)
		if (strcmp(processes[i].name, argv[1]) == 0)
			return processes[i].run((uint16_t)index);
	return cmd_usage(&cmd_process, "there is no process '%s'", argv[1]);
}

const struct cmd_verb cmd_process = {
    .name = "process",
    .arguments = "NAME INDEX",
    .summary = "One process of `bulkhead run`",
    .help = "Started by `bulkhead run`, with its channel as descriptor 3; of no use by hand.\n",
    .run = process,
};
