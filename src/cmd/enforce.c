/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/run.h"

#define DEFAULT_CONF "/etc/bulkhead/enforce.yaml"

static int enforce(int argc, char **argv)
{
	struct parent_options o = {.conf = DEFAULT_CONF, .far = true, .sandbox = SANDBOX_LEVEL_ALL};
	return run_parent(&cmd_enforce, &o, argc, argv);
}

const struct cmd_verb cmd_enforce = {
    .name = "enforce",
    .arguments = "[-c enforce.yaml]",
    .summary = "Carry out here what a bulkhead run elsewhere orders (doc/remote.md)",
    .help = "Listens for one bulkhead run, each known to the other by certificates, and carries out its cuts "
            "on this\n"
            "machine, by guardrails of this machine's own. Stays in the foreground and logs to standard "
            "error.\n\n"
            "  -c, --config FILE   its file, with a section near (doc/daemon.md); default " DEFAULT_CONF "\n"
            "      --sandbox LEVEL all (default), no-landlock, no-seccomp or none: for debugging\n"
            "  -d, --debug         more words\n\n"
            "SIGHUP takes the configuration anew, whole or not at all; SIGTERM ends it. When it ends, or "
            "nobody steers\n"
            "it any more, cuts that don't fail closed end with their lease.\n\n"
            "Exit code: 0 ended as asked, 2 usage or a configuration with mistakes, 4 it could not begin.\n\n"
            "Example:\n  bulkhead enforce -c /etc/bulkhead/enforce.yaml\n",
    .run = enforce,
};
