/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

static int render(const struct ask *a, FILE *out)
{
	const struct report_case *c = &a->answers->report;
	return a->json ? report_json_incidents(c, out) : report_text_incidents(c, out, cmd_colour());
}

static int run(int argc, char **argv)
{
	return ask_run(&cmd_incidents, argc, argv, MSG_ASK_INCIDENTS, render);
}

const struct cmd_verb cmd_incidents = {
    .name = "incidents",
    .arguments = "[--json] [--incident ID] [CASE/]",
    .summary = "The incidents: assets, peers, detections, entry point",
    .help = "  -j, --json          the JSON of doc/json.md\n"
            "  -n, --incident ID   only this incident\n" ASK_SOCKET_HELP ASK_EXIT_HELP
            "\nExample:\n  bulkhead incidents\n  bulkhead incidents CASE/ --json | jq '.[0].assets'\n",
    .run = run,
};
